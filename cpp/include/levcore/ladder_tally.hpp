// Liquidations by position, counted from where the cursors of many paths went: what a path adds does not depend on how
// many rows it closed.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "levcore/ladder_walk.hpp"

namespace levcore {

class LadderTally {
  public:
    // Where a path's cursor stands, and the step that brought it there; of asset k longs are side 2*k, shorts the next.
    struct Place {
        std::size_t row = 0;
        std::int64_t step = 0;
    };

    explicit LadderTally(const SortedBook& book);

    // What a path closes next, given its places by side, which go on.
    void add(std::span<const Closed> closed, std::span<Place> at);
    // It closes no more; or nothing of it counts, which had closed this.
    void end(std::span<const Place> at);
    void take_back(std::span<const Closed> closed);

    // Asks for the memory that adding needs of what goes on from this row.
    void fetch(std::size_t side, std::size_t row) const noexcept { prefetch(sides_[side].step_changes.data() + row); }
    // What another one has of a side.
    void add(const LadderTally& other, std::size_t side);

    // Such a side into counts and sums of steps by position.
    void write(const SortedBook& book, std::size_t side, std::span<std::int64_t> count,
               std::span<std::int64_t> step_sum) const;

  private:
    // A path whose cursor ended at a row went past all before it. Steps are told by where they change: the sum of the
    // changes up to a row is that of the steps in which it was closed.
    struct Side {
        UnsetVector<std::uint32_t> ended;  // paths; for 2^32 of them no memory is large enough
        UnsetVector<std::int64_t> step_changes;
        std::size_t touched = 0;  // the first rows, those that hold numbers

        void touch(std::size_t row);
    };
    std::vector<Side> sides_;  // per asset and side, a row more than there are
};

}  // namespace levcore
