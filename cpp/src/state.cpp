#include "levcore/state.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "levcore/margin.hpp"

namespace levcore {
namespace {

// Who comes later stands lower in a heap.
struct Later {
    std::size_t side;
    bool operator()(const Ranked& a, const Ranked& b) const noexcept { return comes_before(b, a, side); }
};

}  // namespace

State start(const SortedBook& book, const Market& market, CrossState cross) {
    State state;
    std::vector<double> prices;
    for (const Asset& asset : market.assets) {
        AssetState a;
        a.fundamental = asset.price;
        a.log_fundamental = log(asset.price);
        a.log_mark = a.log_fundamental;
        a.lowest = a.highest = asset.price;
        a.lowest_fundamental = a.highest_fundamental = asset.price;
        prices.push_back(asset.price);
        a.depth_used = covered_quantity(asset.impact, 0.0) > 0.0 ? 0.0 : std::numeric_limits<double>::quiet_NaN();
        if (asset.reaction.is_on()) {
            a.variance = asset.reaction.initial * asset.reaction.initial;
            a.scarcity = 1.0 / depth_share(asset.reaction, a.variance);
            a.log_mark_before = a.log_mark;
        }
        state.assets.push_back(a);
    }
    state.sides.resize(book.sides.size());
    for (std::size_t k = 0; k < book.sides.size(); ++k)
        for (const std::size_t side : {longs, shorts}) {
            state.sides[k][side].key = book.sides[k][side].key;
            state.sides[k][side].reachable = book.sides[k][side].reachable;
        }
    if (book.venue.liquidation.amount != Amount::all)
        for (std::size_t k = 0; k < book.sides.size(); ++k)
            for (const std::size_t side : {longs, shorts})
                if (!book.sides[k][side].jumps) begin_moving(book, state, k, side);
    state.open_interest = book.open_interest;
    state.pools.resize(book.open_interest.size());
    state.taken.resize(book.open_interest.size());
    state.funded.resize(book.open_interest.size());
    state.cross = std::move(cross);
    begin_accounts(book, prices, state.cross);
    for (const double fund : book.venue.backstop.funds) state.treasury.funds.emplace_back(fund);
    state.treasury.fund_low = state.treasury.fund();
    if (book.venue.backstop.socialise == Charged::open_interest)
        state.treasury.unpaid_of.resize(book.open_interest.size());
    return state;
}

double gross_notional(const SortedBook& book, const Market& market) {
    const auto price = [&](std::size_t i) {
        return unit_price(book.venue.instruments[i], market.assets[book.asset_of[i]].price);
    };
    double gross = 0.0;
    for (std::size_t i = 0; i < book.asset_of.size(); ++i)
        for (const std::size_t side : {longs, shorts})
            gross += std::fabs(book.open_interest[i][side].quantity.value()) * price(i);
    for (std::size_t i = 0; i < book.cross.held.size(); ++i)
        gross += std::fabs(book.cross.held[i].coin) * price(book.cross.instrument[i]);
    return gross;
}

double mark_price(const Asset& asset, const AssetState& state) {
    const double moved = asset.mark_follow * log_impact(asset.impact, state.volume.value());
    return state.fundamental * exp(state.log_permanent + moved);
}

bool moves_by_inverse(const SortedBook& book, std::size_t asset) {
    for (std::size_t i = 0; i < book.asset_of.size(); ++i)
        if (book.asset_of[i] == asset) return book.venue.instruments[i].is_inverse();
    return false;
}

double unit_mark(const SortedBook& book, const Market& market, const State& state, std::size_t instrument) {
    const std::size_t k = book.asset_of[instrument];
    return unit_price(book.venue.instruments[instrument], mark_price(market.assets[k], state.assets[k]));
}

void update_log_mark(const Asset& asset, AssetState& state) {
    const Pair moved = two_product(asset.mark_follow, log_impact(asset.impact, state.volume.value()));
    const Pair y = add(add(two_sum(state.log_fundamental, state.log_permanent), moved.high), moved.low);
    state.log_mark = y.high + y.low;
}

void note_extremes(const Asset& asset, AssetState& state) {
    const double mark = mark_price(asset, state);
    state.lowest = std::min(state.lowest, mark);
    state.highest = std::max(state.highest, mark);
    const double volume = state.volume.value();
    const double covered = covered_quantity(asset.impact, volume);
    if (covered > 0.0) state.depth_used = std::max(state.depth_used, std::fabs(volume) / covered);
}

Claim claim_of(const SortedBook& book, const State& state, std::size_t asset, std::size_t side, std::uint32_t row) {
    const SortedSide& sorted = book.sides[asset][side];
    const SideState& mine = state.sides[asset][side];
    const auto& pool = state.pools[sorted.instrument[row]][side];
    if (pool && pool->has(row)) return pool->claim(row);
    if (!mine.own_quantity.empty()) return {mine.own_cash[row], mine.own_quantity[row]};
    if (mine.is_touched(row)) return mine.touched_of(row).claim;
    if (!mine.residual.empty())
        if (const auto rest = mine.residual.find(row); rest != mine.residual.end()) return rest->second;
    const double quantity = sorted.quantity[row];
    if (!mine.moved) return {sorted.cash[row], quantity};
    const Pair paid = multiply(state.funded[sorted.instrument[row]].pair(), -quantity);
    return {add(paid, sorted.cash[row]).high, quantity};
}

void add_near(const SortedBook& book, State& state, std::size_t asset, std::size_t side, std::uint32_t row) {
    SideState& mine = state.sides[asset][side];
    const Claim held = claim_of(book, state, asset, side, row);
    mine.near.push_back({present_key(book, asset, side, row, held), book.sides[asset][side].position[row], row});
    std::push_heap(mine.near.begin(), mine.near.end(), Later{side});
}

Ranked take_near(SideState& mine, std::size_t side) {
    std::pop_heap(mine.near.begin(), mine.near.end(), Later{side});
    const Ranked first = mine.near.back();
    mine.near.pop_back();
    return first;
}

void begin_moving(const SortedBook& book, State& state, std::size_t asset, std::size_t side) {
    SideState& mine = state.sides[asset][side];
    mine.moved = true;
    for (const std::uint32_t row : std::exchange(mine.waiting, {}))
        if (claim_of(book, state, asset, side, row).coin != 0.0) add_near(book, state, asset, side, row);
}

void rank_near_again(const SortedBook& book, State& state, std::size_t asset, std::size_t side) {
    SideState& mine = state.sides[asset][side];
    for (Ranked& r : mine.near)
        r.key = present_key(book, asset, side, r.row, claim_of(book, state, asset, side, r.row));
    std::make_heap(mine.near.begin(), mine.near.end(), Later{side});
}

double present_key(const SortedBook& book, std::size_t asset, std::size_t side, std::uint32_t row, const Claim& held) {
    const SortedSide& sorted = book.sides[asset][side];
    return liquidation_key(book.venue.instruments[sorted.instrument[row]], held,
                           book.positions.entry_price[sorted.position[row]]);
}

bool is_failing(const SortedBook& book, const Market& market, const State& state, std::size_t asset, std::size_t side,
                std::uint32_t row, const Claim& held, double key) {
    const SortedSide& sorted = book.sides[asset][side];
    const bool at_equality = book.venue.liquidate_at_equality;
    if (sorted.jumps && requirement_jumps(book.venue.instruments[sorted.instrument[row]])) {
        const double left = slack(book.venue.instruments[sorted.instrument[row]], held,
                                  book.positions.entry_price[sorted.position[row]],
                                  unit_mark(book, market, state, sorted.instrument[row]));
        return left < 0.0 || (at_equality && left == 0.0);
    }
    return is_liquidatable(side == longs, state.assets[asset].log_mark, key, at_equality);
}

void reduce(const SortedBook& book, State& state, std::size_t asset, std::size_t side, std::uint32_t row,
            const Claim& taken_out, const Claim& rest) {
    OpenInterest& open = state.open_interest[book.sides[asset][side].instrument[row]][side];
    open.quantity.add(-taken_out.coin);
    open.cash.add(-taken_out.cash);
    const auto& pool = state.pools[book.sides[asset][side].instrument[row]][side];
    if (pool && pool->has(row)) return pool->set(row, rest);
    SideState& mine = state.sides[asset][side];
    if (mine.touching) {
        if (mine.is_touched(row)) mine.touched[mine.touched_at[row] - 1].claim = rest;
        return;
    }
    if (mine.own_quantity.empty()) {  // a closed row has been passed, and only controllers look at it again
        if (rest.coin != 0.0 || !mine.residual.empty() || mine.controlled) mine.residual[row] = rest;
        return;
    }
    mine.own_quantity[row] = rest.coin;
    mine.own_cash[row] = rest.cash;
}

void own_claims(const SortedBook& book, State& state, std::size_t asset, std::size_t side) {
    const SortedSide& sorted = book.sides[asset][side];
    SideState& mine = state.sides[asset][side];
    std::vector<double> quantity(sorted.size(), 0.0);
    std::vector<double> cash(sorted.size(), 0.0);
    for (const std::uint32_t row : open_rows(book, state, asset, side)) {
        const Claim held = claim_of(book, state, asset, side, row);
        quantity[row] = held.coin;
        cash[row] = held.cash;
    }
    mine.own_quantity = std::move(quantity);
    mine.own_cash = std::move(cash);
    mine.residual.clear();
    for (std::size_t i = 0; i < book.asset_of.size(); ++i)
        if (book.asset_of[i] == asset) state.pools[i][side].reset();
}

std::vector<std::uint32_t> open_rows(const SortedBook& book, const State& state, std::size_t asset, std::size_t side) {
    const SideState& mine = state.sides[asset][side];
    std::vector<std::uint32_t> rows;
    const auto take = [&](std::uint32_t row) {
        if (claim_of(book, state, asset, side, row).coin != 0.0) rows.push_back(row);
    };
    if (mine.touching) {
        for (std::uint32_t row = 0; row < mine.key.size(); ++row)
            if (mine.is_touched(row) || row >= mine.next) take(row);
        return rows;
    }
    for (const std::uint32_t row : mine.waiting) take(row);
    for (const Ranked& r : mine.near) take(r.row);
    for (const SideState::Resting& r : mine.resting) take(r.row);
    for (std::size_t place = mine.next; place < mine.key.size(); ++place)
        if (mine.early.empty() || !mine.early[mine.row_at(place)]) take(mine.row_at(place));
    return rows;
}

void sort_again(const SortedBook& book, State& state, std::size_t asset, std::size_t side) {
    const SortedSide& sorted = book.sides[asset][side];
    SideState& mine = state.sides[asset][side];
    std::vector<Ranked> rows;
    std::vector<bool> rests(sorted.size(), false);
    for (const SideState::Resting& r : mine.resting) rests[r.row] = true;
    for (const std::uint32_t row : open_rows(book, state, asset, side)) {
        if (rests[row]) continue;
        const Claim held = claim_of(book, state, asset, side, row);
        const double entry = book.positions.entry_price[sorted.position[row]];
        rows.push_back(
            {sort_key(book.venue.instruments[sorted.instrument[row]], held, entry), sorted.position[row], row});
    }
    sort_ranked(rows, side);
    mine.own_key.clear();
    mine.own_order.clear();
    mine.waiting.clear();
    mine.near.clear();
    mine.early.clear();
    mine.moved = false;
    mine.next = 0;
    mine.reachable = 0;
    mine.stale = false;
    for (const Ranked& r : rows) {
        mine.own_key.push_back(r.key);
        mine.own_order.push_back(r.row);
        if (std::isfinite(r.key)) ++mine.reachable;
    }
    mine.key = mine.own_key;
}

double conservation_gap(const SortedBook& book, const Market& market, const State& state) {
    const Treasury& t = state.treasury;
    Sum money;
    for (std::size_t f = 0; f < t.funds.size(); ++f) {
        money.add(t.funds[f].pair());
        money.add(-book.venue.backstop.funds[f]);
    }
    money.add(t.paid_to_traders.pair());
    money.add(t.fees_outside.pair());
    money.add(multiply(t.bad_debt.pair(), -1.0));
    money.add(multiply(t.unpaid.pair(), -1.0));
    money.add(state.unmatched_funding.pair());
    money.add(multiply(state.deposited.pair(), -1.0));
    double coins = 0.0;
    for (std::size_t i = 0; i < state.open_interest.size(); ++i) {
        Sum quantity(state.taken[i].quantity.pair());
        money.add(state.taken[i].cash.pair());
        money.add(state.cross.open_interest[i].cash.pair());
        money.add(multiply(book.cross_interest[i].cash.pair(), -1.0));
        quantity.add(state.cross.open_interest[i].quantity.pair());
        quantity.add(multiply(book.cross_interest[i].quantity.pair(), -1.0));
        for (const std::size_t side : {longs, shorts}) {
            money.add(state.open_interest[i][side].cash.pair());
            money.add(multiply(book.open_interest[i][side].cash.pair(), -1.0));
            quantity.add(state.open_interest[i][side].quantity.pair());
            quantity.add(multiply(book.open_interest[i][side].quantity.pair(), -1.0));
        }
        coins += std::fabs(quantity.value()) * unit_mark(book, market, state, i);
    }
    money.add(state.cross.total_cash.pair());  // changes since the start, as of total_coins
    for (std::size_t c = 0; c < book.cross.collaterals(); ++c) {
        const std::size_t k = book.cross.collateral_asset[c];
        money.add(state.cross.taken[c].cash.pair());
        Sum units(state.cross.total_coins[c].pair());
        units.add(state.cross.taken[c].quantity.pair());
        coins += std::fabs(units.value()) * mark_price(market.assets[k], state.assets[k]);
    }
    return std::fabs(money.value()) + coins;
}

double holdings_gap(const SortedBook& book, const Market& market, const State& state) {
    std::vector<Sum> quantity(state.open_interest.size());
    std::vector<Sum> cash(state.open_interest.size());
    for (std::size_t k = 0; k < state.assets.size(); ++k)
        for (const std::size_t side : {longs, shorts})
            for (const std::uint32_t row : open_rows(book, state, k, side)) {
                const Claim held = claim_of(book, state, k, side, row);
                quantity[book.sides[k][side].instrument[row]].add(held.coin);
                cash[book.sides[k][side].instrument[row]].add(held.cash);
            }
    double gap = 0.0;
    for (std::size_t i = 0; i < state.open_interest.size(); ++i) {
        for (const std::size_t side : {longs, shorts}) {
            quantity[i].add(multiply(state.open_interest[i][side].quantity.pair(), -1.0));
            cash[i].add(multiply(state.open_interest[i][side].cash.pair(), -1.0));
        }
        gap += std::fabs(cash[i].value()) + std::fabs(quantity[i].value()) * unit_mark(book, market, state, i);
    }
    return gap;
}

bool claims_changed(const State& state) {
    const auto made = [](const auto& sides) { return sides[longs] || sides[shorts]; };
    const auto owned = [](const auto& sides) {
        return !sides[longs].own_quantity.empty() || !sides[shorts].own_quantity.empty();
    };
    return std::any_of(state.pools.begin(), state.pools.end(), made) ||
           std::any_of(state.sides.begin(), state.sides.end(), owned);
}

bool claims_moved(const State& state) {
    const auto has = [](const SideState& side) { return side.moved || !side.touched.empty(); };
    return std::any_of(state.sides.begin(), state.sides.end(),
                       [&](const auto& sides) { return has(sides[longs]) || has(sides[shorts]); });
}

void write_holdings(const SortedBook& book, const State& state, std::vector<double>& quantity,
                    std::vector<double>& cash) {
    quantity.assign(book.positions.size(), 0.0);
    cash.assign(book.positions.size(), 0.0);
    for (std::size_t k = 0; k < state.assets.size(); ++k)
        for (const std::size_t side : {longs, shorts})
            for (const std::uint32_t row : open_rows(book, state, k, side)) {
                const Claim held = claim_of(book, state, k, side, row);
                quantity[book.sides[k][side].position[row]] = held.coin;
                cash[book.sides[k][side].position[row]] = held.cash;
            }
    for (std::size_t i = 0; i < state.cross.held.size(); ++i) {
        quantity[book.cross.position[i]] = state.cross.held[i].coin;
        cash[book.cross.position[i]] = state.cross.held[i].cash;
    }
}

}  // namespace levcore
