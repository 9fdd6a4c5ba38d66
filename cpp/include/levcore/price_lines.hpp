// Liquidation prices of many positions (model 4): with continuous tiers the notional at the liquidation price is a
// piecewise linear function of the claim's cash alone, so that a search finds the tier and one division remains.
// Bit for bit what liquidation_unit_price gives.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "levcore/book.hpp"
#include "levcore/kernels.hpp"
#include "levcore/venue.hpp"

namespace levcore {

class PriceLines {
  public:
    PriceLines(const Perpetual& instrument);  // must outlive this

    // Prices, not unit prices; nan where there is none.
    void liquidation_prices(const PositionColumns& held, double* prices) const noexcept;

    // sort_key of each.
    void sort_keys(const PositionColumns& held, double* keys) const noexcept;

  private:
    static constexpr std::size_t most_cells = 1024;
    static std::uint64_t cell_number(double cash) noexcept {
        return std::bit_cast<std::uint64_t>(cash) >> price_cell_shift;
    }
    bool by_kernel(const PositionColumns& held, double* prices) const noexcept;
    [[nodiscard]] std::uint64_t cell_at(const std::vector<double>& bounds, std::size_t place) const;

    const Perpetual* instrument_;
    bool searchable_ = false;
    std::array<double, most_price_lines> rate_{};
    std::array<double, most_price_lines> deduction_{};
    double least_ = 0.0;
    double most_ = 0.0;
    std::uint64_t first_cell_ = 0;
    std::size_t cells_a_side_ = 1;
    std::vector<std::uint64_t> cells_;
};

// Of each instrument of a venue, which must outlive them.
std::vector<PriceLines> price_lines(const Venue& venue);

// sort_key of every position (margin.hpp); of one that does not stand alone anything.
void sort_keys(const std::vector<PriceLines>& lines, const Positions& positions, double* keys);

// The liquidation price of every position; of one that does not stand alone anything.
void liquidation_prices(const std::vector<PriceLines>& lines, const Positions& positions, double* prices);

// The liquidation price of every position of a book that stands alone, as many threads at it as are worth starting.
void liquidation_prices(const Venue& venue, const Positions& positions, std::size_t threads, std::span<double> prices);

}  // namespace levcore
