// Whom the mark has reached (model 6): the liquidatable positions of one asset and side, in the order of liquidation.
// Keys are log prices; a run pays for those that the mark has reached, not for the book.
#pragma once

#include <vector>

#include "levcore/state.hpp"

namespace levcore {

// Either the places [from, to) as sorted, or rows ranked anew.
struct Batch {
    std::size_t side = longs;
    std::size_t from = 0;
    std::size_t to = 0;
    std::vector<Ranked> ranked;

    [[nodiscard]] bool empty() const noexcept { return from == to && ranked.empty(); }
};

// Takes the liquidatable ones of a side out of those still to come.
void gather_side(const SortedBook& book, const Market& market, State& state, std::size_t asset, std::size_t side,
                 Batch& batch);

// Ranks a row that has not been reached with those that have: its claim has lost, and may fail sooner than it is
// sorted.
void take_early(const SortedBook& book, State& state, std::size_t asset, std::size_t side, std::uint32_t row);

// Puts a batch in the order of equity over maintenance at the marks, the riskiest first.
void rank_by_risk(const SortedBook& book, const Market& market, const State& state, std::size_t asset, Batch& batch);

// One of them was healthy at its turn, and is still to come.
void keep_watching(const SortedBook& book, State& state, std::size_t asset, std::size_t side, std::uint32_t row);

}  // namespace levcore
