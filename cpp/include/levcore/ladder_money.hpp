// The money of a path on the ladder (model 6, 7). What a stretch of rows brings is one question to prefix sums where
// all of them surely pay their fee, or surely leave a deficit that the fund pays whole or not at all; else they go one
// by one. Where cursors go does not depend on it, so stretches are booked when it suits.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "levcore/ladder_build.hpp"
#include "levcore/ladder_till.hpp"
#include "levcore/outcome.hpp"
#include "levcore/quote_walk.hpp"
#include "levcore/sorted_book.hpp"

namespace levcore {

// Rows [from, to) of a side, closed in one step.
struct Stretch {
    std::uint32_t asset;
    std::uint32_t side;
    std::uint32_t from;
    std::uint32_t to;
    std::int64_t step;
    double log_price;  // what the walk starts from: log of the fundamental price, and permanent impact
    double volume;     // X before
};

// Of longs 1, of shorts -1.
inline double sign_of(std::size_t side) noexcept { return side == longs ? 1.0 : -1.0; }

// (exp(u) - 1)/u: how far the average price of a stretch that moves the walk's log price by u lies from its first one.
double mean_ratio(double u);
inline bool moves_little(double u) noexcept { return std::fabs(u) < 0x1p-4; }  // else kernels leave it to this one

// Some rows of a walk that are alike.
enum class Alike { nothing, safe, bankrupt, unsure };
struct AlikeRows {
    Alike how;
    std::size_t from;
};

struct AskedRows;

class LadderMoney {
  public:
    LadderMoney(const SortedBook& book, const Market& market, const Ladder& ladder)
        : book_(book), market_(market), ladder_(ladder), till_(book.venue, ladder.assets_held > 1) {}

    void begin();

    // False: the path is for the ledger (ladder_till.hpp). What the stretch trades may be known, and is not a number
    // where it is not.
    bool settle(const Stretch& s, double traded = std::numeric_limits<double>::quiet_NaN());

    // What stretches of one side of asset 0 trade, or nothing known, on a walk that is not linear.
    void trade(std::size_t side, std::span<const Stretch> stretches, std::span<double> traded) const;

    // The same of rows that are known to pay their fee in full, what they traded, and what they leave.
    void take(std::size_t side, double traded, double fee, double remainder) {
        notional_[side] += traded;
        till_.take(fee, remainder);
    }

    [[nodiscard]] double notional(std::size_t side) const noexcept { return notional_[side]; }
    [[nodiscard]] const LadderTill& till() const noexcept { return till_; }

  private:
    // A stretch on its walk.
    struct Walk {
        const Stretch& stretch;
        const LadderAsset& on;
        const LadderSide& rows;
        const SortedSide& sorted;
        double sign;
        double gains;  // sign of what is traded in what a row is left with: inverse longs owe it
        double spread;
        double log_start;  // log price of the walk before the first order
    };

    [[nodiscard]] double log_walk(const Walk& w, double volume) const;
    [[nodiscard]] double average_price(const Walk& w, std::size_t from, double size) const;
    // What rows [from, to) bring, in one; of shorts, cost; of inverse ones in coin.
    [[nodiscard]] double money(const Walk& w, std::size_t from, std::size_t to) const;
    [[nodiscard]] double volume_at(const Walk& w, std::size_t row) const;
    [[nodiscard]] double log_walk_at(const Walk& w, std::size_t row) const;
    [[nodiscard]] double closed_before(const Walk& w, std::size_t row) const;
    void settle_parts(const Walk& w);
    // Where impact is not linear (ladder_money_spans.cpp).
    template <class ImpactOf>
    void settle_spans(const Walk& w, ImpactOf&& impact_of);
    void settle_by_spans(const Walk& w);
    void ask(const Walk& w, AskedRows& asked) const;
    template <class PriceAfter, class Put>
    void each_unsure(const Walk& w, std::size_t from, std::size_t to, PriceAfter&& price_after, Put&& put) const;
    template <class PriceAfter>
    void ask_piece(const Walk& w, const AlikeRows& piece, std::size_t to, PriceAfter&& price_after,
                   AskedRows& asked) const;
    template <class PriceAfter>
    bool settle_together(const Walk& w, std::span<const AlikeRows> pieces, std::size_t to, PriceAfter&& price_after);
    template <class PriceAfter>
    void settle_pieces(const Walk& w, std::size_t to, PriceAfter&& price_after);
    void settle_sum(const Walk& w, std::size_t from, std::size_t to, double traded);
    bool settle_bankrupt(const Walk& w, std::size_t from, std::size_t to, double best);
    void trade_apart(const Walk& w, std::span<const std::uint32_t> rows, std::span<double> notional) const;
    bool pay_together(double fees, double remainder, double deficit);
    void settle_rows(const Walk& w, std::size_t from, std::size_t to);
    template <class MeanRatio>
    void trade_linear(const Walk& w, std::size_t from, std::span<double> notional, MeanRatio&& ratio) const;
    void trade_rows(const Walk& w, std::size_t from, std::span<double> notional) const;
    void trade_quote(const Walk& w, std::size_t from, std::span<double> notional) const;
    [[nodiscard]] QuoteWalk quote_walk(const Walk& w) const {
        return {market_.assets[w.stretch.asset], w.stretch.log_price, w.sign};
    }
    void keep(const Settlement& s) { inside_ = till_.pay(s) && inside_; }

    const SortedBook& book_;
    const Market& market_;
    const Ladder& ladder_;
    LadderTill till_;
    std::array<double, 2> notional_{0.0, 0.0};
    std::vector<std::uint32_t> unsure_;  // rows of the stretch that is settled
    std::vector<AlikeRows> pieces_;      // of it, not yet settled; none is safe
    bool inside_ = true;
};

}  // namespace levcore
