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
    void clear() noexcept {
        visits_.clear();
        pushes_.clear();
    }

    // A path and a block of its log prices that begins with this step; false: its prices push both sides, it goes
    // step by step.
    bool add(std::uint32_t path, const LadderWalk& walk, const LogBlock& logs, std::size_t step, std::size_t steps);

    void look_ahead(std::span<LadderWalk> walks);
    void close(std::span<LadderWalk> walks, const LadderTally& rows);
    // Money, and counts: places are those of paths, two each.
    void settle(std::span<LadderWalk> walks, LadderTally& rows, std::span<LadderTally::Place> places);

    template <class F>
    void each_path(F&& f) const {
        for (const Visit& v : visits_) f(v.path);
    }

  private:
    // A path, its pushes, what it had closed before, and how far prices went after the last push.
    struct Visit {
        std::uint32_t path;
        std::uint32_t side;
        std::size_t first;
        std::size_t end;
        std::size_t first_closed;
        double lowest, highest;
    };
    struct Ahead {
        Push push;
        std::size_t row;  // to which the push comes
    };

    std::vector<Visit> visits_;
    std::vector<Ahead> pushes_;
};

}  // namespace levcore
