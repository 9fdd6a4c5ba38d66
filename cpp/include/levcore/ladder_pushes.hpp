// Blocks of many paths whose prices push past one side's next liquidation and not past the other's, on one asset with
// linear impact and an order book that does not refill: what a side closes does not change where its prices lead. So
// all of them are asked together, a stage after the other: which prices go further than those before them; the memory
// that they lead to; the rows that go; and what these bring, by vector instructions. Bits are those of single paths.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "levcore/ladder_walk.hpp"

namespace levcore {

class LadderPushes {
  public:
    // Of that side; up to so many paths, and prices of each.
    LadderPushes(const SortedBook& book, const Market& market, const Ladder& ladder, std::size_t side,
                 std::size_t most_paths, std::size_t most_steps);

    void clear() noexcept {
        visits_.clear();
        pushes_ = 0;
    }

    // A path's log prices of a block that begins with this step.
    void add(std::uint32_t path, const LadderWalk& walk, const LogBlock& logs, std::size_t step, std::size_t steps);

    void fetch_rows();
    void close(std::span<LadderWalk> walks);
    void settle(std::span<LadderWalk> walks);

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
    // A price that goes further than those before it: as a mirrored log, and where in the side's heights it leads.
    struct Push {
        double price;
        double place;
        std::uint32_t step;
        std::uint32_t row;  // not after the first to stay
    };
    // Numbers of stretches side by side.
    struct Columns {
        std::vector<double> log_start;           // log price of the walk before the first order, then that price
        std::vector<double> before, before_low;  // quantity closed before the stretch
        std::vector<double> after, after_low;    // and with it
        std::vector<double> cash;                // of its rows
        std::vector<double> safe;                // above which all of them pay their fee
        std::vector<double> worst;               // what is held against that
        std::vector<double> size;
        std::vector<double> moved;  // by how much the walk's log price moves
        std::vector<double> traded;
    };

    void close(Visit& v, LadderWalk& walk, std::size_t& stretches);
    void trade(std::size_t stretches);

    const LadderAsset& on_;
    const LadderSide& rows_;
    std::size_t side_;
    double sign_;
    double spread_;  // what an order gets for a unit of the walk's price
    double fee_rate_;
    bool at_equality_;
    std::vector<Visit> visits_;
    std::vector<Push> pushes_made_;
    std::size_t pushes_ = 0;
    std::vector<Stretch> stretches_;
    std::vector<Closed> closed_;
    Columns of_;
};

}  // namespace levcore
