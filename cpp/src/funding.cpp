#include "levcore/funding.hpp"

namespace levcore {

void pay_funding(const SortedBook& book, const Market& market, State& state, std::uint32_t instrument, double rate) {
    const std::size_t k = book.asset_of[instrument];
    const double each = rate * mark_price(market.assets[k], state.assets[k]);  // of a base unit
    Taken& taken = state.taken[instrument];
    Sum unmatched(taken.quantity.pair());
    for (const std::size_t side : {longs, shorts}) unmatched.add(state.open_interest[instrument][side].quantity.pair());
    for (const std::size_t side : {longs, shorts}) {
        own_claims(book, state, k, side);
        SideState& mine = state.sides[k][side];
        OpenInterest& open = state.open_interest[instrument][side];
        for (const std::uint32_t row : open_rows(book, state, k, side)) {
            if (book.sides[k][side].instrument[row] != instrument) continue;
            const double before = mine.own_cash[row];
            mine.own_cash[row] = before - each * mine.own_quantity[row];
            open.cash.add(mine.own_cash[row]);
            open.cash.add(-before);
        }
        sort_again(book, state, k, side);
    }
    taken.cash.add(multiply(taken.quantity.pair(), -each));
    state.unmatched_funding.add(multiply(unmatched.pair(), each));
    state.funded[instrument] += each;
}

}  // namespace levcore
