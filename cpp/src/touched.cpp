#include "levcore/touched.hpp"

namespace levcore {

void touch(const SortedBook& book, State& state, std::size_t asset, std::size_t side, std::uint32_t row,
           const Claim& held) {
    SideState& mine = state.sides[asset][side];
    if (mine.touched_at.empty()) mine.touched_at.resize(book.sides[asset][side].size());
    if (mine.touched_at[row] == 0) {
        mine.touched.emplace_back();
        mine.touched_at[row] = static_cast<std::uint32_t>(mine.touched.size());
    }
    SideState::Touched& own = mine.touched[mine.touched_at[row] - 1];
    own = {held, present_key(book, asset, side, row, held)};
    if (held.coin != 0.0) add_near(book, state, asset, side, row);
}

// What stands in the heap by an older key, or twice, goes as it comes to the top.
std::vector<Ranked> take_failing(const SortedBook& book, const Market& market, State& state, std::size_t asset,
                                 std::size_t side) {
    SideState& mine = state.sides[asset][side];
    std::vector<Ranked> failing;
    while (!mine.near.empty()) {
        const Ranked first = mine.near.front();
        const SideState::Touched& own = mine.touched_of(first.row);
        const bool stands =
            own.claim.coin != 0.0 && own.key == first.key && (failing.empty() || failing.back().row != first.row);
        if (stands && !is_failing(book, market, state, asset, side, first.row, own.claim, first.key)) break;
        take_near(mine, side);
        if (stands) failing.push_back(first);
    }
    return failing;
}

}  // namespace levcore
