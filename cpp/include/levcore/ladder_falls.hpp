// Blocks of many paths whose prices push past one side's next liquidation and not past the other's, on one asset whose
// impact is not linear and whose order book does not refill: how far each push goes depends on nothing but its price
// and the other side, so all paths look for it together, the memory that the next look needs being asked for by the
// one before. Bits are those of single paths.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "levcore/ladder_tally.hpp"
#include "levcore/ladder_walk.hpp"

namespace levcore {

class LadderFalls {
  public:
    void clear() noexcept;

    // A path and a block of its log prices that begins with this step; false: its prices push both sides, it goes
    // step by step.
    bool add(std::uint32_t path, const LadderWalk& walk, const LogBlock& logs, std::size_t step, std::size_t steps);

    void look_ahead(std::span<LadderWalk> walks);
    void close(std::span<LadderWalk> walks, const LadderTally& rows);
    // Money, and counts: places are those of paths, two each.
    void settle(std::span<LadderWalk> walks, LadderTally& rows, std::span<LadderTally::Place> places);

    template <class F>
    void each_path(F&& f) const {
        for (const Side& side : sides_)
            for (const Visit& v : side.visits) f(v.path);
    }

  private:
    // A path, its pushes, what it had closed before, and how far prices went after the last push.
    struct Visit {
        std::uint32_t path;
        std::size_t first;
        std::size_t end;
        std::size_t first_closed;
        double lowest, highest;
    };
    // Those that push a side; a number a push in each column.
    struct Side {
        std::vector<Visit> visits;
        std::vector<Push> pushes;
        std::vector<double> log_price;   // times the side's sign
        std::vector<double> other_side;  // what that has closed
        std::vector<std::size_t> row;    // to which the push comes
    };

    void look(std::size_t side, std::span<const LadderWalk> walks, FallDepth from, FallDepth to);
    void look_first(std::size_t side, std::span<const LadderWalk> walks);

    std::array<Side, 2> sides_;
    Side next_;  // columns of some pushes, which are these
    std::vector<std::size_t> which_;
    std::vector<Stretch> stretches_;  // of all paths, and what they trade
    std::vector<double> traded_;
};

}  // namespace levcore
