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

// Accounts pay out of their cash.
void charge_accounts(const SortedBook& book, State& state, std::uint32_t instrument, double each) {
    CrossState& cross = state.cross;
    change_all(cross);
    for (std::size_t account = 0; account < book.cross.size(); ++account)
        for (std::size_t i = book.cross.first[account]; i < book.cross.first[account + 1]; ++i) {
            if (book.cross.instrument[i] != instrument || cross.held[i].coin == 0.0) continue;
            const double before = cross.cash[account];
            cross.cash[account] = before - each * cross.held[i].coin;
            cross.total_cash.add(cross.cash[account]);
            cross.total_cash.add(-before);
        }
}

// True where every claim is still its sorted one but for what funding took, slack has no jumps and rates have a
// highest: then a payment of F a unit of coin moves the root of slack by between F and F*(1 + f)/(1 - r) (coin > 0) or
// F*(1 - f)/(1 + r) (coin < 0), r the highest rate and f a reserved fee's.
bool stands_as_sorted(const SortedBook& book, const State& state, std::size_t k, std::size_t side) {
    if (book.sides[k][side].jumps || !state.sides[k][side].own_quantity.empty()) return false;
    for (std::size_t i = 0; i < book.asset_of.size(); ++i)
        if (book.asset_of[i] == k && (state.pools[i][side] || book.venue.instruments[i].tiers.premium.per_size > 0.0))
            return false;
    return true;
}

// How far funding may have moved a root of the side towards the unit price at the mark: up where coin > 0, else down.
double farthest_move(const SortedBook& book, const State& state, std::size_t k, std::size_t side) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const bool gains = (side == longs) != moves_by_inverse(book, k);
    double farthest = gains ? -infinity : infinity;
    for (std::size_t i = 0; i < book.asset_of.size(); ++i) {
        if (book.asset_of[i] != k) continue;
        const Perpetual& instrument = book.venue.instruments[i];
        const double rate = highest_rate(instrument);
        const double fee = instrument.reserved_rate();
        const double paid = state.funded[i].value();
        const double steepest = paid * (gains ? 1.0 + fee : 1.0 - fee) / (gains ? 1.0 - rate : 1.0 + rate);
        farthest = gains ? std::max({farthest, paid, steepest}) : std::min({farthest, paid, steepest});
    }
    return farthest;
}

}  // namespace

void pay_funding(const SortedBook& book, const Market& market, State& state, std::uint32_t instrument, double rate) {
    const std::size_t k = book.asset_of[instrument];
    // Of a unit of coin: an inverse long, whose coin is negative, pays too.
    const double sign = book.venue.instruments[instrument].is_inverse() ? -1.0 : 1.0;
    const double each = sign * rate * unit_mark(book, market, state, instrument);
    Taken& taken = state.taken[instrument];
    Sum unmatched(taken.quantity.pair());
    for (const std::size_t side : {longs, shorts}) unmatched.add(state.open_interest[instrument][side].quantity.pair());
    unmatched.add(state.cross.open_interest[instrument].quantity.pair());
    charge_accounts(book, state, instrument, each);
    for (const std::size_t side : {longs, shorts})
        if (!stands_as_sorted(book, state, k, side)) charge_each(book, state, k, side, instrument, each);
    state.funded[instrument].add(each);
    for (const std::size_t side : {longs, shorts}) {
        if (!stands_as_sorted(book, state, k, side)) continue;
        OpenInterest& open = state.open_interest[instrument][side];
        open.cash.add(multiply(open.quantity.pair(), -each));
        state.sides[k][side].farthest_move = farthest_move(book, state, k, side);
        if (!state.sides[k][side].moved) begin_moving(book, state, k, side);
        for (auto& [row, rest] : state.sides[k][side].residual)
            if (book.sides[k][side].instrument[row] == instrument) rest.cash -= each * rest.coin;
        rank_near_again(book, state, k, side);
    }
    taken.cash.add(multiply(taken.quantity.pair(), -each));
    state.unmatched_funding.add(multiply(unmatched.pair(), each));
}

}  // namespace levcore
