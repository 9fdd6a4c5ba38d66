#include "levcore/account_orders.hpp"

#include <algorithm>
#include <cmath>

#include "levcore/margin.hpp"
#include "levcore/orders.hpp"

namespace levcore {

bool is_open(const AccountView& view) {
    return std::any_of(view.held.begin(), view.held.end(), [](const Claim& held) { return held.coin != 0.0; });
}

void set_cash(CrossState& state, std::uint32_t account, double cash) {
    state.total_cash.add(cash);
    state.total_cash.add(-state.cash[account]);
    state.cash[account] = cash;
}

void release(Run& run, std::uint32_t account, std::size_t place, double coin, double unit) {
    CrossState& state = run.state.cross;
    const std::uint32_t instrument = run.book.cross.instrument[place];
    const Claim held = state.held[place];
    const std::size_t side = is_long(run.book.venue.instruments[instrument], held) ? longs : shorts;
    const bool all = coin == held.coin;
    const Claim closed{all ? held.cash : held.cash * (coin / held.coin), coin};
    const Claim rest = all ? Claim{} : Claim{held.cash - closed.cash, held.coin - coin};
    Sum cash(state.cash[account]);
    cash.add(held.cash);
    cash.add(-rest.cash);
    cash.add_product(coin, unit);
    set_cash(state, account, cash.value());
    state.open_interest[instrument].quantity.add(-coin);
    state.open_interest[instrument].cash.add(-held.cash);
    state.open_interest[instrument].cash.add(rest.cash);
    state.held[place] = rest;
    if (state.begun[place] == 0) {
        state.begun[place] = 1;
        ++run.outcome.liquidated.count[side];
        note(run, run.book.cross.position[place]);
    }
}

std::optional<double> close_position(Run& run, std::uint32_t account, std::size_t place, double coin) {
    const std::uint32_t instrument = run.book.cross.instrument[place];
    const Perpetual& traded = run.book.venue.instruments[instrument];
    const std::size_t k = run.book.asset_of[instrument];
    const std::size_t side = is_long(traded, run.state.cross.held[place]) ? longs : shorts;
    const std::optional<Order> order = closing_order(traded, run.market.assets[k], run.state.assets[k], coin);
    if (!order) {
        fail(run, k, unfilled(traded));
        return std::nullopt;
    }
    release(run, account, place, coin, order->unit_price);
    trade(run, k, side, instrument, {coin, 0.0}, {order->volume, 0.0}, order->unit_price);
    note_extremes(run.market.assets[k], run.state.assets[k]);
    return std::fabs(coin) * order->unit_price;
}

std::vector<std::size_t> closing_sequence(const Run& run, std::uint32_t account, std::span<const double> units) {
    struct Place {
        double maintenance;
        std::size_t place;
    };
    const std::size_t most = run.book.cross.first[account + 1] - run.book.cross.first[account];
    std::vector<Place> places;
    places.reserve(most);
    for (std::size_t i = run.book.cross.first[account]; i < run.book.cross.first[account + 1]; ++i) {
        const Claim& held = run.state.cross.held[i];
        if (held.coin == 0.0) continue;
        const std::uint32_t instrument = run.book.cross.instrument[i];
        const double entry = run.book.positions.entry_price[run.book.cross.position[i]];
        places.push_back({maintenance(run.book.venue.instruments[instrument], held, entry, units[instrument]), i});
    }
    std::sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
        return a.maintenance != b.maintenance ? a.maintenance > b.maintenance : a.place < b.place;
    });
    std::vector<std::size_t> sequence;
    sequence.reserve(most);
    for (const Place& p : places) sequence.push_back(p.place);
    if (sequence.empty())
        for (std::size_t i = run.book.cross.first[account]; i < run.book.cross.first[account + 1]; ++i)
            sequence.push_back(i);
    return sequence;
}

void sell_collateral(Run& run, std::uint32_t account) {
    CrossState& state = run.state.cross;
    const std::size_t columns = run.book.cross.collaterals();
    for (std::size_t c = 0; c < columns && state.cash[account] < 0.0; ++c) {
        double& coins = state.coins[account * columns + c];
        if (!(coins > 0.0)) continue;
        const std::size_t k = run.book.cross.collateral_asset[c];
        const std::optional<Sale> sale =
            sale_for(run.market.assets[k], run.state.assets[k], -state.cash[account], coins);
        if (!sale) return fail(run, k, Fault::price_out_of_range);
        const double kept = sale->quantity == coins ? 0.0 : coins - sale->quantity;
        state.total_coins[c].add(kept);
        state.total_coins[c].add(-coins);
        state.taken[c].quantity.add(coins);
        state.taken[c].quantity.add(-kept);
        coins = kept;
        state.taken[c].cash.add(-sale->proceeds);
        Sum cash(state.cash[account]);
        cash.add(sale->proceeds);
        const double after = cash.value();
        state.total_cash.add(sale->proceeds);
        state.cash[account] = after;
        walk(run.state.assets[k], {-sale->quantity, 0.0}, run.days);
        update_log_mark(run.market.assets[k], run.state.assets[k]);
        note_extremes(run.market.assets[k], run.state.assets[k]);
    }
}

}  // namespace levcore
