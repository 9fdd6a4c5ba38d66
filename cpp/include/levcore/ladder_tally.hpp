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
    explicit LadderTally(const SortedBook& book);

    // What a path has closed.
    void add(std::span<const Closed> closed);
    // What another one has of an asset's side: of asset k longs are side 2*k, shorts the next.
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
    struct Place {
        std::size_t row = 0;
        std::int64_t step = 0;
    };
    std::vector<Side> sides_;  // per asset and side, a row more than there are
    std::vector<Place> at_;    // of the path that is being added, per side
};

}  // namespace levcore
