#include "levcore/funding.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace levcore {
namespace {

// Claims of its own are charged one by one, and sorted anew.
void charge_each(const SortedBook& book, State& state, std::size_t k, std::size_t side, std::uint32_t instrument,
                 double each) {
    own_claims(book, state, k, side);
    SideState& mine = state.sides[k][side];
    Sum& cash = state.open_interest[instrument][side].cash;
    for (const std::uint32_t row : open_rows(book, state, k, side)) {
        if (book.sides[k][side].instrument[row] != instrument) continue;
        const double before = mine.own_cash[row];
        mine.own_cash[row] = before - each * mine.own_quantity[row];
        cash.add(mine.own_cash[row]);
        cash.add(-before);
    }
    sort_again(book, state, k, side);
}

// True where every claim is still its sorted one but for what funding took, and slack has no jumps: then a payment of
// F a base unit moves a liquidation price by between F and F/(1 - r) (longs) or F/(1 + r) (shorts), r the highest rate.
bool stands_as_sorted(const SortedBook& book, const State& state, std::size_t k, std::size_t side) {
    if (book.sides[k][side].jumps || !state.sides[k][side].own_quantity.empty()) return false;
    for (std::size_t i = 0; i < book.asset_of.size(); ++i)
        if (book.asset_of[i] == k && state.pools[i][side]) return false;
    return true;
}

// How far funding may have moved a liquidation price of the side towards the mark: up for longs, down for shorts.
double farthest_move(const SortedBook& book, const State& state, std::size_t k, std::size_t side) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    double farthest = side == longs ? -infinity : infinity;
    for (std::size_t i = 0; i < book.asset_of.size(); ++i) {
        if (book.asset_of[i] != k) continue;
        const LinearPerpetual& instrument = book.venue.instruments[i];
        const double rate = instrument.tiers.rate.back() + instrument.closing_fee;
        const double paid = state.funded[i].value();
        const double steepest = paid / (side == longs ? 1.0 - rate : 1.0 + rate);
        farthest = side == longs ? std::max({farthest, paid, steepest}) : std::min({farthest, paid, steepest});
    }
    return farthest;
}

// Rows already passed at their key and healthy are within reach.
void begin_moving(const SortedBook& book, State& state, std::size_t k, std::size_t side) {
    SideState& mine = state.sides[k][side];
    mine.moved = true;
    for (const std::uint32_t row : std::exchange(mine.waiting, {}))
        if (claim_of(book, state, k, side, row).coin != 0.0) add_near(book, state, k, side, row);
}

}  // namespace

void pay_funding(const SortedBook& book, const Market& market, State& state, std::uint32_t instrument, double rate) {
    const std::size_t k = book.asset_of[instrument];
    const double each = rate * mark_price(market.assets[k], state.assets[k]);  // of a base unit
    Taken& taken = state.taken[instrument];
    Sum unmatched(taken.quantity.pair());
    for (const std::size_t side : {longs, shorts}) unmatched.add(state.open_interest[instrument][side].quantity.pair());
    for (const std::size_t side : {longs, shorts})
        if (!stands_as_sorted(book, state, k, side)) charge_each(book, state, k, side, instrument, each);
    state.funded[instrument].add(each);
    for (const std::size_t side : {longs, shorts}) {
        if (!stands_as_sorted(book, state, k, side)) continue;
        OpenInterest& open = state.open_interest[instrument][side];
        open.cash.add(multiply(open.quantity.pair(), -each));
        state.sides[k][side].farthest_move = farthest_move(book, state, k, side);
        if (!state.sides[k][side].moved) begin_moving(book, state, k, side);
        rank_near_again(book, state, k, side);
    }
    taken.cash.add(multiply(taken.quantity.pair(), -each));
    state.unmatched_funding.add(multiply(unmatched.pair(), each));
}

}  // namespace levcore
