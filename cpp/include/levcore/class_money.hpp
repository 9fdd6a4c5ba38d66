// The money of a path with funding on the ladder (model 6, 7, 11): what closing rows of a side's classes brings, one
// sum where all of them surely pay their fee, else one by one in the order of their liquidation prices.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "levcore/ladder_till.hpp"
#include "levcore/quote_walk.hpp"
#include "levcore/rate_classes.hpp"

namespace levcore {

// Rows [from, to) of a class, closed in one step, but for those that are shared.
struct ClassStretch {
    std::uint32_t of_class;
    std::uint32_t from;
    std::uint32_t to;
    std::int64_t step;
};

// A shared row that has been closed, by this class.
struct SharedGone {
    std::uint32_t of_class;
    std::uint32_t row;
    std::int64_t step;
};

// What a side of an asset has closed at once.
struct Closing {
    std::size_t asset;
    std::size_t side;
    double log_price;  // log of the fundamental price, and permanent impact
    double volume;     // X before, and after
    double volume_after;
    double size;  // coin, unsigned
    std::span<const ClassStretch> stretches;
    std::span<const SharedGone> shared;
};

class ClassMoney {
  public:
    ClassMoney(const SortedBook& book, const Market& market, const RateClasses& classes, bool shares_fund)
        : book_(book), market_(market), classes_(classes), till_(book.venue, shares_fund) {}

    void begin() {
        till_.begin();
        notional_ = {0.0, 0.0};
    }

    // `paid` by a unit of coin, per instrument. False: the path is for the ledger.
    bool settle(const Closing& closing, std::span<const double> paid);

    [[nodiscard]] double notional(std::size_t side) const noexcept { return notional_[side]; }
    [[nodiscard]] const LadderTill& till() const noexcept { return till_; }

  private:
    struct Row {
        double unit;  // liquidation price; rows of what gains go by falling, others by rising ones
        std::uint32_t position;
        double coin;
        double cash;
    };

    [[nodiscard]] QuoteWalk walk_of(const Closing& c) const {
        return {market_.assets[c.asset], c.log_price, c.side == longs ? 1.0 : -1.0};
    }
    [[nodiscard]] double traded(const Closing& c, double volume, double size) const;
    [[nodiscard]] bool is_safe(const Closing& c, std::span<const double> paid) const;
    [[nodiscard]] double cash_of(const Closing& c, std::span<const double> paid) const;
    void gather(const Closing& c, std::span<const double> paid);
    void trade(const Closing& c, std::span<const Row> rows, Sum& volume, std::span<double> notional) const;
    bool settle_rows(const Closing& c);

    const SortedBook& book_;
    const Market& market_;
    const RateClasses& classes_;
    LadderTill till_;
    std::array<double, 2> notional_{0.0, 0.0};
    std::vector<Row> rows_;
};

}  // namespace levcore
