// A book made ready for runs with funding (model 11, 20). A payment moves liquidation prices, and where maintenance
// rates differ also their order; but of positions on one instrument with one rate r the order stands. With F what a
// unit of coin has paid, b the unit price of bankruptcy, a the deduction of a unit of coin and f a reserved fee, a
// claim that gains when its unit price u rises goes iff
//     u*(1 - r) - F*(1 + f) < b*(1 + f) - a         and one that loses iff  u*(1 + r) - F*(1 - f) > b*(1 - f) + a.
// So each class is sorted once by its right side. A position whose tier changes within the payments that may come
// stands in each class that it may go by, and goes by the first of them that is reached.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "levcore/funding.hpp"
#include "levcore/ladder_build.hpp"

namespace levcore {

// A position that stands in several classes: its row there, and its number among those of its kind.
struct SharedRow {
    std::uint32_t row;
    std::uint32_t number;
};

struct RateClass {
    std::uint32_t instrument = 0;
    bool gains = false;                     // when the unit price rises
    double per_unit = 1.0;                  // 1 - r, or 1 + r
    double per_paid = 1.0;                  // 1 + f, or 1 - f
    std::vector<Rung> rungs;                // height: the right side, mirrored where the claim loses; sums without
                                            // shared rows
    std::vector<std::uint32_t> sorted_row;  // in the sorted side
    std::vector<double> worst;              // of blocks of rows: the bankruptcy price that is reached first
    std::vector<SharedRow> shared;

    [[nodiscard]] std::size_t size() const noexcept { return sorted_row.size(); }
    // Where a unit price leads among the heights, and back; a row goes iff its height lies above.
    [[nodiscard]] double height_at(double unit, double paid) const noexcept {
        const double z = unit * per_unit - paid * per_paid;
        return gains ? z : -z;
    }
    [[nodiscard]] double unit_at(double height, double paid) const noexcept {
        return ((gains ? height : -height) + paid * per_paid) / per_unit;
    }
    // How many rows go at this place, if the first `low` do.
    [[nodiscard]] std::size_t reach(double place, std::size_t low, bool at_equality) const noexcept;
    // Those of rows [from, to) that are shared.
    [[nodiscard]] std::span<const SharedRow> shared_in(std::size_t from, std::size_t to) const noexcept;
    // The bankruptcy price of rows [from, to), and a few more, that is reached first, before payments.
    [[nodiscard]] double worst_of(std::size_t from, std::size_t to) const noexcept;
};

struct ClassesOfSide {
    std::size_t first = 0;
    std::size_t last = 0;
};

struct RateClasses {
    std::vector<RateClass> classes;
    std::vector<std::array<ClassesOfSide, 2>> sides;  // per asset
    std::vector<std::array<double, 2>> range;         // per instrument, of what a unit of coin may have paid
    std::vector<bool> is_inverse;                     // per asset
    std::size_t shared = 0;                           // how many positions are
};

// False where rates differ from position to position.
bool has_rate_classes(const SortedBook& book);

// For these payments at any price within a factor of four of the start's.
RateClasses build_rate_classes(const SortedBook& book, const Market& market, std::span<const FundingDue> funding,
                               std::size_t threads);

}  // namespace levcore
