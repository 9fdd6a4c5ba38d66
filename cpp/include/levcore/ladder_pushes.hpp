// Blocks of many paths whose prices push past one side's next liquidation and not past the other's, on one asset with
// linear impact and an order book that does not refill: what a side closes does not change where its prices lead. So
// all of them are asked together, a stage after the other: for the memory that their prices lead to; for the rows that
// go; and, by vector instructions, for what these bring. Bits are those of single paths.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "levcore/ladder_tally.hpp"
#include "levcore/ladder_walk.hpp"

namespace levcore {

class LadderPushes {
  public:
    // Of that side; up to so many paths, and prices of each.
    LadderPushes(const SortedBook& book, const Market& market, const Ladder& ladder, std::size_t side,
                 std::size_t most_paths, std::size_t most_steps);

    void clear() noexcept {
        visits_.clear();
        count_ = 0;
    }

    // A path and the log prices of a block that begins with this step: those go further than all before them whose bits
    // are set.
    void add(std::uint32_t path, const LadderWalk& walk, const LogBlock& logs, std::size_t step, std::uint32_t pushes);

    void fetch_rows();
    void fetch_further_rows();
    void close(std::span<LadderWalk> walks, const LadderTally& rows);
    // Money, and counts: places are those of paths, two each.
    void settle(std::span<LadderWalk> walks, LadderTally& rows, std::span<LadderTally::Place> places);

    template <class F>
    void each_path(F&& f) const {
        for (const Visit& v : visits_) f(v.path);
    }

  private:
    struct Visit {
        std::uint32_t path;
        std::uint32_t cursor;
        std::size_t first;  // of its pushes; after closing, of its stretches
        std::size_t end;
    };
    // A log price that goes further than those before it, and where in the side's heights it leads.
    struct Push {
        double price;
        double place;
        std::uint32_t step;
        std::uint32_t row;  // its cell, then a row that is not after the first to stay
    };
    // Numbers of stretches side by side, as in TradeRows; cash of the rows, and above what bound all pay their fee.
    struct Columns {
        std::vector<double> log_price, volume, before, before_low, after, after_low, cash, safe;
        std::vector<double> worst, size, moved, price, traded;
    };

    void close(Visit& v, LadderWalk& walk, std::size_t& stretches, const LadderTally& rows);
    void trade(std::size_t stretches);

    const LadderAsset& on_;
    const LadderSide& rows_;
    std::size_t side_;
    double sign_;
    double spread_;  // what an order gets for a unit of the walk's price
    double fee_rate_;
    bool at_equality_;
    std::vector<Visit> visits_;
    std::vector<Push> pushes_;  // the first count_ of them
    std::size_t count_ = 0;
    std::vector<Stretch> stretches_;
    std::vector<Closed> closed_;
    Columns of_;
};

}  // namespace levcore
