// A path on the ladder: per asset two cursors, the market's state and the fund; the book is never touched. What a
// stretch of rows brings is one question to prefix sums where all of them surely pay their fee, or surely leave a
// deficit that the fund pays whole or not at all; else they go one by one. Money as in the ledger (model 6, 7).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "levcore/backstop.hpp"
#include "levcore/ladder_build.hpp"
#include "levcore/ladder_till.hpp"
#include "levcore/outcome.hpp"
#include "levcore/state.hpp"

namespace levcore {

// Rows [from, to) of a side, closed in one step.
struct Stretch {
    std::uint32_t asset;
    std::uint32_t side;
    std::uint32_t from;
    std::uint32_t to;
    std::int64_t step;
};

// Log prices of a path's block: of step s and asset k at first[s*step_stride + k*asset_stride].
struct LogBlock {
    const double* first;
    std::size_t assets;
    std::size_t asset_stride;
    std::size_t step_stride;
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

    // One step: log fundamental prices, and the days in which the order books refill.
    void step(std::span<const double> log_prices, double days);

    // A block of steps, the first of which has this number.
    void walk(const LogBlock& logs, std::size_t step, std::span<const double> days);

    // What the step just walked has done, at these fundamental prices.
    void note_step(StepColumns& to, std::size_t place, std::span<const double> prices);

    // What happened in steps that were not walked, for nothing was near; and where the price ends.
    void note(std::size_t k, double log_fundamental, const Extremes& seen);

    // The log fundamental price at or beyond which a side's next position goes; log mark less log fundamental; where in
    // a side's heights a price leads.
    [[nodiscard]] double trigger(std::size_t k, std::size_t side) const { return assets_[k].trigger[side]; }
    [[nodiscard]] double mark_offset(std::size_t k) const { return assets_[k].mark_offset; }
    [[nodiscard]] double height_at(std::size_t k, std::size_t side, double log_price) const;
    [[nodiscard]] std::size_t cursor(std::size_t k, std::size_t side) const { return assets_[k].cursor[side]; }
    // Whether the order book is on its way back, so that these change from step to step.
    [[nodiscard]] bool refills(std::size_t k) const {
        return market_.assets[k].resilience > 0.0 && assets_[k].volume.value() != 0.0;
    }

    // False: this path is for the ledger. It deleverages or charges losses, or several assets share a fund that binds,
    // or a price leaves all prices.
    [[nodiscard]] bool inside() const noexcept;

    // What has happened; the fundamental prices as they stand at the end.
    [[nodiscard]] Outcome report(std::span<const double> prices, bool whole_path) const;

    [[nodiscard]] const std::vector<Stretch>& stretches() const noexcept { return stretches_; }

  private:
    struct AssetWalk {
        double log_fundamental;
        double log_permanent;  // A
        Sum volume;            // X
        std::array<std::size_t, 2> cursor;
        double trigger[2];   // of the log fundamental price: below, above
        double mark_offset;  // log mark less log fundamental
        double lowest;       // of the log mark
        double highest;
        double lowest_fundamental;  // logs
        double highest_fundamental;
        double depth_used;
    };

    void walk_alone(const LogBlock& logs, std::size_t steps);
    void set_triggers(std::size_t k);
    void refill_book(std::size_t k, double days);
    // Longs to rest, then shorts to rest: what shorts buy makes longs safer.
    std::int64_t cascade(std::size_t k) {
        const AssetWalk& a = assets_[k];
        const std::int64_t rounds = a.log_fundamental <= a.trigger[longs] ? close(k, longs) : 0;
        return rounds + (a.log_fundamental >= a.trigger[shorts] ? close(k, shorts) : 0);
    }
    std::int64_t close(std::size_t k, std::size_t side);
    std::int64_t close_once(std::size_t k, std::size_t side);
    [[nodiscard]] double log_walk(std::size_t k, double volume) const;
    std::int64_t rounds_of(std::size_t k, std::size_t side, std::size_t from, std::size_t to) const;
    void settle_stretch(std::size_t k, std::size_t side, std::size_t from, std::size_t to, double traded);
    void settle_sum(std::size_t k, std::size_t side, std::size_t from, std::size_t to, double traded, bool bankrupt);
    void settle_rows(std::size_t k, std::size_t side, std::size_t from, std::size_t to);
    void keep(const Settlement& s) { inside_ = till_.pay(s) && inside_; }
    [[nodiscard]] double average_price(std::size_t k, std::size_t side, std::size_t from, double size) const;
    // What that brings; of shorts, costs.
    [[nodiscard]] double money(std::size_t k, std::size_t side, std::size_t from, double size) const {
        return size * average_price(k, side, from, size);
    }
    void note_mark(AssetWalk& a) const;

    const SortedBook& book_;
    const Market& market_;
    const Ladder& ladder_;
    bool count_rounds_;
    std::vector<double> row_;  // of log prices
    bool inside_ = true;
    std::vector<AssetWalk> assets_;
    std::vector<Stretch> stretches_;
    std::int64_t step_ = 0;
    Outcome outcome_;
    double notional_[2] = {0.0, 0.0};
    double noted_[3] = {0.0, 0.0, 0.0};  // of steps: notionals and bad debt
    LadderTill till_;
};

}  // namespace levcore
