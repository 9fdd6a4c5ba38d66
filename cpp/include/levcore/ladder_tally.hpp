// Liquidations by position, counted from where the cursors of many paths went: what a path adds does not depend on how
// many rows it closed.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "levcore/ladder_money.hpp"

namespace levcore {

class LadderTally {
  public:
    explicit LadderTally(const SortedBook& book);

    void add(std::span<const Stretch> stretches);
    void take_back(std::span<const Stretch> stretches);
    // Asks for the memory that adding a stretch to this row will need.
    void fetch(std::size_t asset, std::size_t side, std::size_t row) const noexcept {
        prefetch(changes_[2 * asset + side].data() + row);
    }
    // What another one has of an asset's side: of asset k longs are side 2*k, shorts the next.
    void add(const LadderTally& other, std::size_t side);

    // Such a side into counts and sums of steps by position.
    void write(const SortedBook& book, std::size_t side, std::span<std::int64_t> count,
               std::span<std::int64_t> step_sum) const;

  private:
    struct Change {  // from a row on
        std::int64_t count = 0;
        std::int64_t step_sum = 0;
    };
    void add(const Stretch& s, std::int64_t times);
    [[nodiscard]] std::vector<Change>& of(const Stretch& s) { return changes_[2 * s.asset + s.side]; }
    std::vector<std::vector<Change>> changes_;  // per asset and side, a row more than there are
};

}  // namespace levcore
