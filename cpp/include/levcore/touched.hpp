// A side that stands as sorted but for some rows whose owners have changed their claims (topping_up.hpp): these have
// claims and keys of their own, and the heap of what is near ranks them. What nobody has touched costs a run nothing.
#pragma once

#include <vector>

#include "levcore/state.hpp"

namespace levcore {

// Gives a row a claim of its own, from where it is ranked by its own key.
void touch(const SortedBook& book, State& state, std::size_t asset, std::size_t side, std::uint32_t row,
           const Claim& held);

// Whether a row has been closed; between cascades.
[[nodiscard]] inline bool is_closed(const SideState& side, std::uint32_t row) {
    return side.is_touched(row) ? side.touched_of(row).claim.coin == 0.0 : row < side.next;
}

// Takes out the touched ones that are liquidatable now, in the order of liquidation, each once.
std::vector<Ranked> take_failing(const SortedBook& book, const Market& market, State& state, std::size_t asset,
                                 std::size_t side);

}  // namespace levcore
