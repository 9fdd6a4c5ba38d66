#include "levcore/losses.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "levcore/backstop.hpp"
#include "levcore/margin.hpp"

namespace levcore {
namespace {

// True where surely every counterparty may take over: nobody of that side is near liquidation (keys are never reached
// too late), and the transfer price is on the right side of every bankruptcy price.
bool everyone_is_eligible(const SortedBook& book, const State& state, const Leaving& leaving, double price) {
    const std::size_t other = 1 - leaving.side;
    const SideState& side = state.sides[leaving.asset][other];
    const std::uint32_t instrument = book.sides[leaving.asset][leaving.side].instrument[leaving.row];
    const double bound = state.open_interest[instrument][other].bankruptcy_bound;
    if (!side.waiting.empty() || (other == longs ? price < bound : price > bound)) return false;
    return side.next >= side.reachable || !is_liquidatable(other == longs, state.assets[leaving.asset].log_mark,
                                                           side.key[side.next], book.venue.liquidate_at_equality);
}

// Everybody of the side shrinks alike: one factor, whatever the number of positions.
void shrink_side(State& state, std::uint32_t instrument, std::size_t side, Pair share, bool whole, double price) {
    OpenInterest& open = state.open_interest[instrument][side];
    const Pair equity = add(open.cash.pair(), multiply(open.quantity.pair(), price));
    state.treasury.paid_to_traders.add(multiply(equity, share));
    const Pair kept = whole ? Pair{} : add(Pair{-share.high, -share.low}, 1.0);
    open.cash = Sum(multiply(open.cash.pair(), kept));
    open.quantity = Sum(multiply(open.quantity.pair(), kept));
    Pair& scale = state.scale[instrument][side];
    scale = multiply(scale, kept);
}

}  // namespace

Claim deleverage(const SortedBook& book, const Market& market, State& state, const Leaving& leaving) {
    const std::size_t k = leaving.asset;
    const std::size_t other = 1 - leaving.side;
    const std::uint32_t instrument = book.sides[k][leaving.side].instrument[leaving.row];
    const double price = bankruptcy_price(leaving.held);
    std::vector<std::uint32_t> rows;
    Sum available;
    const bool everyone = everyone_is_eligible(book, state, leaving, price);
    if (everyone) {
        available = state.open_interest[instrument][other].quantity;
    } else {
        own_claims(book, state, k, other);
        for (const std::uint32_t row : open_rows(book, state, k, other)) {
            const Claim held = claim_of(book, state, k, other, row);
            if (book.sides[k][other].instrument[row] != instrument || held.cash + held.coin * price < 0.0 ||
                is_failing(book, market, state, k, other, row, held, present_key(book, k, other, row, held)))
                continue;
            rows.push_back(row);
            available.add(held.coin);
        }
    }
    const Transfer moved = transfer(leaving.held.coin, std::fabs(available.value()));
    if (moved.quantity == 0.0) return leaving.held;
    const bool all_of_them = moved.counterparty_share == 1.0;
    const Pair size{std::fabs(leaving.held.coin), 0.0};
    const Pair pool = available.value() < 0.0 ? multiply(available.pair(), -1.0) : available.pair();
    const Pair share = all_of_them ? Pair{1.0, 0.0} : divide(size, pool);
    if (everyone) {
        shrink_side(state, instrument, other, share, all_of_them, price);
    } else {
        const double kept = all_of_them ? 0.0 : 1.0 - share.high;
        for (const std::uint32_t row : rows) {
            const Claim held = claim_of(book, state, k, other, row);
            const Claim rest{held.cash * kept, held.coin * kept};
            const Claim freed{held.cash - rest.cash, held.coin - rest.coin};
            state.treasury.paid_to_traders.add(freed.cash);
            state.treasury.paid_to_traders.add_product(freed.coin, price);
            reduce(book, state, k, other, row, freed, rest);
        }
    }
    state.sides[k][other].stale = true;
    state.treasury.deleveraged_notional.add_product(moved.quantity, price);
    Claim rest{};
    if (moved.quantity < size.high) {
        const double left = 1.0 - moved.quantity / size.high;
        rest = {leaving.held.cash * left, leaving.held.coin * left};
    }
    reduce(book, state, k, leaving.side, leaving.row, {leaving.held.cash - rest.cash, leaving.held.coin - rest.coin},
           rest);
    return rest;
}

void socialise(const SortedBook& book, const Market& market, State& state) {
    struct Profit {
        std::size_t asset;
        std::size_t side;
        std::uint32_t row;
        double amount;
    };
    const double loss = state.treasury.unpaid.value();
    state.treasury.unpaid = Sum();
    std::vector<Profit> profits;
    Sum total;
    for (std::size_t k = 0; k < state.assets.size(); ++k) {
        const double mark = mark_price(market.assets[k], state.assets[k]);
        for (const std::size_t side : {longs, shorts})
            for (const std::uint32_t row : open_rows(book, state, k, side)) {
                const double entry = book.positions.entry_price[book.sides[k][side].position[row]];
                const double profit = claim_of(book, state, k, side, row).coin * (mark - entry);
                if (!(profit > 0.0)) continue;
                profits.push_back({k, side, row, profit});
                total.add(profit);
            }
    }
    const double share = total.value() > loss ? loss / total.value() : 1.0;
    Sum charged;
    std::size_t at = 0;
    while (at < profits.size()) {
        const std::size_t k = profits[at].asset;
        const std::size_t side = profits[at].side;
        own_claims(book, state, k, side);
        for (; at < profits.size() && profits[at].asset == k && profits[at].side == side; ++at) {
            const std::uint32_t row = profits[at].row;
            const Claim held = claim_of(book, state, k, side, row);
            const Claim rest{held.cash - share * profits[at].amount, held.coin};
            const double charge = held.cash - rest.cash;
            charged.add(charge);
            reduce(book, state, k, side, row, {charge, 0.0}, rest);
            OpenInterest& open = state.open_interest[book.sides[k][side].instrument[row]][side];
            const double bankrupt_at = -rest.cash / rest.coin;
            open.bankruptcy_bound = side == longs ? std::max(open.bankruptcy_bound, bankrupt_at)
                                                  : std::min(open.bankruptcy_bound, bankrupt_at);
        }
        sort_again(book, state, k, side);
    }
    state.treasury.socialised_loss.add(charged.pair());
    Sum bad(loss);
    bad.add(multiply(charged.pair(), -1.0));
    if (total.value() <= loss) state.treasury.bad_debt.add(bad.pair());
}

}  // namespace levcore
