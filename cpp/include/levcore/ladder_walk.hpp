// A path on the ladder: per asset two cursors and the market's state; the book is never touched. How far the cursors go
// is asked first, and money (ladder_money.hpp) booked after, stretch by stretch.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "levcore/ladder_build.hpp"
#include "levcore/ladder_fall.hpp"
#include "levcore/ladder_money.hpp"
#include "levcore/outcome.hpp"
#include "levcore/state.hpp"

namespace levcore {

// Log prices of a path's block: of step s and asset k at first[s*step_stride + k*asset_stride].
struct LogBlock {
    const double* first;
    std::size_t assets;
    std::size_t asset_stride;
    std::size_t step_stride;
};

// Rows of a side that a step has closed: those up to this one, from where the side stood. Of asset k longs are side
// 2*k, shorts the next.
struct Closed {
    std::uint32_t side;
    std::uint32_t row;
    std::int64_t step;
};

// A price of a block that goes further to a side than those before it.
struct Push {
    std::int64_t step;
    double log_price;
    double other_way;  // how far prices went to the other side since the push before
};

// How far an asset's prices went, in logs.
struct Extremes {
    double lowest, highest;  // of the fundamental
    double lowest_mark, highest_mark;
};

class LadderWalk {
  public:
    LadderWalk(const SortedBook& book, const Market& market, const Ladder& ladder, bool count_rounds);

    // Back to the start.
    void begin();

    // Asks for the memory that closing and settling write to.
    void fetch() const noexcept {
        prefetch(closed_.data() + closed_.size());
        prefetch(&outcome_);
        prefetch(&money_);
        prefetch(reinterpret_cast<const char*>(&money_) + 64);
    }

    // One step: log fundamental prices, and the days in which the order books refill.
    void step(std::span<const double> log_prices, double days);

    // A block of steps, the first of which has this number; what it closes is not settled yet.
    void walk(const LogBlock& logs, std::size_t step, std::span<const double> days);

    // What others have found that is closed of a side of asset 0, with linear impact and a book that does not refill:
    // with its first stretch, and the last one's log price. It is for them to settle.
    void close(std::size_t side, std::span<const Closed> closed, const Stretch& first, double log_price);

    // A push with impact that is not linear, given the row that it comes to; then how far prices went after the last
    // one.
    void fall_by(std::size_t side, const Push& p, std::size_t to);
    void rest(double lowest, double highest) { note_mark(assets_[0], lowest, highest); }

    // Books what has been closed and not yet settled; a stretch; one that is known to leave no deficit.
    void settle();
    void settle(std::span<const double> traded);  // what each trades, as far as known
    [[nodiscard]] std::span<const Stretch> unsettled() const noexcept { return stretches_; }
    void trade(std::size_t side, std::span<const Stretch> stretches, std::span<double> traded) const {
        money_.trade(side, stretches, traded);
    }
    void settle(const Stretch& s) { inside_ = inside_ && money_.settle(s); }
    void take(std::size_t side, double traded, double fee, double remainder) {
        if (inside_) money_.take(side, traded, fee, remainder);
    }

    // What the step just walked has done, at these fundamental prices.
    void note_step(StepColumns& to, std::size_t place, std::span<const double> prices);

    // What happened in steps that were not walked, for nothing was near; and where the price ends.
    void note(std::size_t k, double log_fundamental, const Extremes& seen);

    // The log fundamental price at or beyond which a side's next position goes; log mark less log fundamental; where in
    // a side's heights a price leads, whatever that side has closed.
    [[nodiscard]] double trigger(std::size_t k, std::size_t side) const { return assets_[k].trigger[side]; }
    [[nodiscard]] double mark_offset(std::size_t k) const { return assets_[k].mark_offset; }
    [[nodiscard]] double height_at(std::size_t k, std::size_t side, double log_price) const {
        const PriceHeights& prices = ladder_.assets[k].prices;
        if (prices.used) return prices.height_at(side, log_price + assets_[k].mark_offset, quote_closed(k, side));
        return sign_of(side) * log_price + assets_[k].base[side];
    }
    [[nodiscard]] double base(std::size_t k, std::size_t side) const { return assets_[k].base[side]; }
    [[nodiscard]] std::size_t cursor(std::size_t k, std::size_t side) const { return assets_[k].cursor[side]; }
    // How far a side's cascade runs at a log fundamental price where impact is not linear, from a row to which it is
    // known to come; the other side being at rest.
    [[nodiscard]] std::size_t fall_to(std::size_t k, std::size_t side, double log_price, std::size_t from) const;
    // The same of pushes of many paths like this one, that is of asset 0 and with a book that does not refill: their
    // log prices, times the side's sign, and what the other side has closed.
    void fall_all(std::size_t side, std::span<const double> log_prices, std::span<const double> other_sides,
                  std::span<std::size_t> rows, FallDepth from, FallDepth to) const {
        falls(ladder_.assets[0].sides[side], market_.assets[0].impact, fall_from(0, side, 0.0), log_prices, other_sides,
              rows, from, to);
    }
    [[nodiscard]] const LadderSide& rows(std::size_t k, std::size_t side) const {
        return ladder_.assets[k].sides[side];
    }
    // The rung where the cursor stands.
    [[nodiscard]] const Rung& at(std::size_t k, std::size_t side) const { return assets_[k].at[side]; }
    // Whether the order book is on its way back, so that these change from step to step.
    [[nodiscard]] bool refills(std::size_t k) const {
        return market_.assets[k].resilience > 0.0 && assets_[k].volume != 0.0;
    }

    // False: this path is for the ledger. It deleverages or charges losses, or several assets share a fund that binds,
    // or a price leaves all prices.
    [[nodiscard]] bool inside() const noexcept;

    // What has happened; the fundamental prices as they stand at the end.
    [[nodiscard]] Outcome report(std::span<const double> prices, bool whole_path) const;

    // What has been closed since the start.
    [[nodiscard]] const std::vector<Closed>& closed() const noexcept { return closed_; }

    // What a unit of the settlement currency is worth at these fundamental prices: a coin-margined venue's coin.
    [[nodiscard]] double settlement_price(std::span<const double> prices) const;

  private:
    struct AssetWalk {
        double log_fundamental;
        double log_permanent;  // A
        double volume;         // X
        Pair refilled;         // X less what the rows closed have sold and bought; of inverse ones all of it
        std::array<std::size_t, 2> cursor;
        std::array<Rung, 2> at;         // where the cursors stand
        std::array<double, 2> base;     // a side's height less its price
        std::array<double, 2> trigger;  // of the log fundamental price: below, above
        double mark_offset;             // log mark less log fundamental
        double lowest;                  // of the log mark
        double highest;
        double lowest_fundamental;  // logs
        double highest_fundamental;
        double depth_used;
    };

    void walk_alone(const LogBlock& logs, std::size_t steps);
    [[nodiscard]] Pair volume_closed(std::size_t k) const;
    void move_cursor(std::size_t k, std::size_t side, std::size_t row);
    void set_triggers(std::size_t k);
    void refill_book(std::size_t k, double days);
    // Longs to rest, then shorts to rest: what shorts buy makes longs safer.
    std::int64_t cascade(std::size_t k) {
        const AssetWalk& a = assets_[k];
        const std::int64_t rounds = a.log_fundamental <= a.trigger[longs] ? close(k, longs) : 0;
        return rounds + (a.log_fundamental >= a.trigger[shorts] ? close(k, shorts) : 0);
    }
    std::int64_t close(std::size_t k, std::size_t side);
    [[nodiscard]] FallFrom fall_from(std::size_t k, std::size_t side, double log_price) const;
    [[nodiscard]] double quote_closed(std::size_t k, std::size_t side) const {  // of inverse rows
        return assets_[k].at[side].quantity;
    }
    [[nodiscard]] bool walk_quote(std::size_t k, std::size_t side, std::size_t from);
    [[nodiscard]] bool in_reach(std::size_t k) const;
    void note_close(std::size_t k, std::size_t side, std::size_t from, double volume);
    std::int64_t rounds_of(std::size_t k, std::size_t side, std::size_t from, std::size_t to) const;
    void note_mark(AssetWalk& a, double lowest, double highest) const {
        a.lowest = std::min(a.lowest, lowest + a.mark_offset);
        a.highest = std::max(a.highest, highest + a.mark_offset);
    }

    const SortedBook& book_;
    const Market& market_;
    const Ladder& ladder_;
    bool count_rounds_;
    std::vector<double> row_;  // of log prices
    bool inside_ = true;
    std::vector<AssetWalk> assets_;
    std::vector<Closed> closed_;
    std::vector<Stretch> stretches_;  // not yet settled
    std::int64_t step_ = 0;
    Outcome outcome_;
    double noted_[3] = {0.0, 0.0, 0.0};  // of steps: notionals and bad debt
    LadderMoney money_;
};

}  // namespace levcore
