#include "levcore/deleveraging.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "levcore/accounts.hpp"
#include "levcore/margin.hpp"
#include "levcore/sharing.hpp"

namespace levcore {
namespace {

// A pool of the open positions of one instrument's side, made when the first deficit looks for one.
Counterparties& pool_of(const SortedBook& book, State& state, std::size_t k, std::size_t side,
                        std::uint32_t instrument) {
    auto& pool = state.pools[instrument][side];
    if (!pool) {
        if (state.sides[k][side].moved) {
            own_claims(book, state, k, side);
            sort_again(book, state, k, side);
        }
        std::vector<Counterparties::Member> members;
        for (const std::uint32_t row : open_rows(book, state, k, side))
            if (book.sides[k][side].instrument[row] == instrument)
                members.push_back({row, claim_of(book, state, k, side, row)});
        pool = std::make_unique<Counterparties>(std::move(members), book.sides[k][side].size());
    }
    return *pool;
}

// Keeps apart those that are liquidatable themselves. While the mark moves to the pool's good, parked members only
// come back, the last first; else everybody whom the mark has reached is asked.
void sync(const SortedBook& book, const Market& market, State& state, std::size_t k, std::size_t side,
          std::uint32_t instrument) {
    Counterparties& pool = pool_of(book, state, k, side, instrument);
    const SortedSide& sorted = book.sides[k][side];
    const double y = state.assets[k].log_mark;
    const bool at_equality = book.venue.liquidate_at_equality;
    if (y == pool.synced_at) return;  // claims that shrank meanwhile are only safer
    const bool better = side == longs ? y >= pool.synced_at : y <= pool.synced_at;
    pool.synced_at = y;
    // A short that fails at a price fails at every higher one, also where its requirement jumps; a long need not.
    if (better && (side == shorts || !sorted.jumps)) {
        while (!pool.parked.empty()) {
            const auto& [key, row] = pool.parked.back();
            if (is_failing(book, market, state, k, side, row, pool.claim(row), key)) return;
            pool.unpark_last();
        }
        return;
    }
    while (!pool.parked.empty()) pool.unpark_last();
    std::vector<Ranked> failing;
    const auto ask = [&](std::uint32_t row) {
        if (sorted.instrument[row] != instrument) return;
        const Claim held = pool.claim(row);
        if (held.coin == 0.0) return;
        const double key = present_key(book, k, side, row, held);
        if (is_failing(book, market, state, k, side, row, held, key))
            failing.push_back({key, sorted.position[row], row});
    };
    const SideState& mine = state.sides[k][side];
    for (const std::uint32_t row : mine.waiting) ask(row);
    for (const SideState::Resting& r : mine.resting) ask(r.row);
    for (std::size_t place = mine.next;
         place < mine.reachable && is_liquidatable(side == longs, y, mine.key[place], at_equality); ++place)
        ask(mine.row_at(place));
    sort_ranked(failing, side);
    for (const Ranked& r : failing) pool.park({r.key, r.row});
}

// All eligible positions of the other side give up the same share: the tree shrinks them in one step.
double take_over_pro_rata(Run& run, std::uint32_t instrument, double coin, double unit) {
    const SortedBook& book = run.book;
    State& state = run.state;
    const std::size_t k = book.asset_of[instrument];
    const std::size_t other = is_long(book.venue.instruments[instrument], {0.0, coin}) ? shorts : longs;
    sync(book, run.market, state, k, other, instrument);
    Counterparties& pool = *state.pools[instrument][other];
    const PooledClaims eligible = pool.eligible(unit);
    const Transfer moved = transfer(coin, std::fabs(eligible.quantity.high));
    if (moved.quantity == 0.0) return 0.0;
    const bool all_of_them = moved.counterparty_share == 1.0;
    const double size = std::fabs(coin);
    const double sign = coin > 0.0 ? -1.0 : 1.0;
    const Pair share = all_of_them ? Pair{1.0, 0.0} : divide(Pair{sign * size, 0.0}, eligible.quantity);
    const Pair equity = add(eligible.cash, multiply(eligible.quantity, unit));
    state.treasury.paid_to_traders.add(multiply(equity, share));
    OpenInterest& open = state.open_interest[instrument][other];
    open.cash.add(multiply(multiply(eligible.cash, share), -1.0));
    open.quantity.add(multiply(multiply(eligible.quantity, share), -1.0));
    pool.shrink_eligible(unit, all_of_them ? Pair{} : add(Pair{-share.high, -share.low}, 1.0));
    state.sides[k][other].stale = true;
    return moved.quantity;
}

std::uint32_t owner_of(const CrossBook& accounts, std::size_t place) {
    const auto after = std::upper_bound(accounts.first.begin(), accounts.first.end(), place);
    return static_cast<std::uint32_t>(after - accounts.first.begin()) - 1;
}

Health health_of(const Run& run, std::uint32_t account, std::span<const double> units,
                 std::span<const double> coin_prices) {
    return health(run.book.venue, run.book.positions.entry_price, view_of(run, account), units, coin_prices);
}

// The positions of one side of an instrument that are open at the round's check, first who is to go first.
Queue& queue_of(Run& run, std::uint32_t instrument, std::size_t side) {
    const auto [found, is_new] = run.queues[side].try_emplace(instrument);
    std::vector<Counterparty>& queue = found->second.who;
    if (!is_new) return found->second;
    const SortedBook& book = run.book;
    const std::size_t k = book.asset_of[instrument];
    const Perpetual& traded = book.venue.instruments[instrument];
    const Ranking ranking = book.venue.backstop.deleveraging.ranking;
    std::vector<double> checked;  // unit prices at the check
    for (std::size_t i = 0; i < book.asset_of.size(); ++i)
        checked.push_back(unit_price(book.venue.instruments[i], exp(run.log_marks[book.asset_of[i]])));
    const auto score = [&](const Claim& held, std::uint32_t position, double equity) {
        return deleveraging_score(ranking, traded, held, book.positions.entry_price[position], checked[instrument],
                                  equity);
    };
    if (run.state.sides[k][side].own_quantity.empty()) {
        const bool moved = run.state.sides[k][side].moved;
        own_claims(book, run.state, k, side);
        if (moved) sort_again(book, run.state, k, side);
    }
    for (const std::uint32_t row : open_rows(book, run.state, k, side)) {
        const SortedSide& sorted = book.sides[k][side];
        if (sorted.instrument[row] != instrument) continue;
        const Claim held = claim_of(book, run.state, k, side, row);
        queue.push_back(
            {score(held, sorted.position[row], equity(held, checked[instrument])), sorted.position[row], row, false});
    }
    std::vector<double> coins;
    for (const std::uint32_t c : book.cross.collateral_asset) coins.push_back(exp(run.log_marks[c]));
    for (std::uint32_t account = 0; account < book.cross.size(); ++account)
        for (std::size_t i = book.cross.first[account]; i < book.cross.first[account + 1]; ++i) {
            const Claim& held = run.state.cross.held[i];
            if (book.cross.instrument[i] != instrument || held.coin == 0.0) continue;
            if ((is_long(traded, held) ? longs : shorts) != side) continue;
            const double worth = health_of(run, account, checked, coins).equity;
            queue.push_back({score(held, book.cross.position[i], worth), book.cross.position[i],
                             static_cast<std::uint32_t>(i), true});
        }
    std::sort(queue.begin(), queue.end(), [](const Counterparty& a, const Counterparty& b) {
        return a.score != b.score ? a.score > b.score : a.position < b.position;
    });
    return found->second;
}

Claim held_by(const Run& run, std::size_t k, std::size_t side, const Counterparty& who) {
    return who.in_account ? run.state.cross.held[who.place] : claim_of(run.book, run.state, k, side, who.place);
}

// Takes what a counterparty gives up out of its claim, at a unit price: an isolated trader is paid, an account keeps
// it. Returns the amount.
double give_up(Run& run, std::uint32_t instrument, std::size_t side, const Counterparty& who, double amount,
               double unit) {
    if (!(amount > 0.0)) return 0.0;  // lots may be rounded up, so that nothing is left to give
    State& state = run.state;
    const std::size_t k = run.book.asset_of[instrument];
    const Claim held = held_by(run, k, side, who);
    const double kept = 1.0 - amount / std::fabs(held.coin);
    const Claim rest = kept > 0.0 ? Claim{held.cash * kept, held.coin * kept} : Claim{};
    const Claim given{held.cash - rest.cash, held.coin - rest.coin};
    if (!who.in_account) {
        reduce(run.book, state, k, side, who.place, given, rest);
        state.treasury.paid_to_traders.add(given.cash);
        state.treasury.paid_to_traders.add_product(given.coin, unit);
        return amount;
    }
    const std::uint32_t account = owner_of(run.book.cross, who.place);
    change(state.cross, account);
    state.cross.held[who.place] = rest;
    state.cross.charged[who.place] *= std::max(0.0, kept);
    state.cross.open_interest[instrument].quantity.add(-given.coin);
    state.cross.open_interest[instrument].cash.add(-given.cash);
    Sum cash(state.cross.cash[account]);
    cash.add(given.cash);
    cash.add_product(given.coin, unit);
    state.cross.total_cash.add(cash.value());
    state.cross.total_cash.add(-state.cross.cash[account]);
    state.cross.cash[account] = cash.value();
    return amount;
}

// Counterparties one by one, as the rules rank them.
double take_over_ranked(Run& run, const Offer& offer, double unit) {
    const auto& [instrument, position, coin, account] = offer;
    const Deleveraging& rules = run.book.venue.backstop.deleveraging;
    const Perpetual& traded = run.book.venue.instruments[instrument];
    const std::size_t k = run.book.asset_of[instrument];
    const std::size_t other = is_long(traded, {0.0, coin}) ? shorts : longs;
    auto& [queue, closed] = queue_of(run, instrument, other);
    while (closed < queue.size() && held_by(run, k, other, queue[closed]).coin == 0.0) ++closed;
    const auto first = queue.begin() + static_cast<std::ptrdiff_t>(closed);
    const std::vector<double> units = unit_marks(run);
    const std::vector<double> coins = coin_prices(run);
    std::map<std::uint32_t, double> moved_before;
    const auto stands = [&](const Counterparty& c, const Claim& held) {
        if (!c.in_account) {
            const double key = present_key(run.book, k, other, c.place, held);
            return equity(held, unit) >= 0.0 &&
                   !is_failing(run.book, run.market, run.state, k, other, c.place, held, key);
        }
        const std::uint32_t owner = owner_of(run.book.cross, c.place);
        if (owner == account) return false;
        const Health h = health_of(run, owner, units, coins);
        double& changes = moved_before[owner];  // its equity, by its positions that have been asked
        const double change = held.coin * (unit - units[instrument]);
        if (is_failing(run.book.venue, h) || h.equity + changes + change < 0.0) return false;
        changes += change;
        return true;
    };
    // Where nobody is ranked, the first is the next in the book after the position that goes.
    const auto from = rules.ranking != Ranking::unranked
                          ? first
                          : std::find_if(first, queue.end(),
                                         [after = position](const Counterparty& c) { return c.position > after; });
    const bool in_turn = rules.ranking != Ranking::pro_rata && rules.ranking != Ranking::min_max;
    const double per_contract = traded.is_inverse() ? traded.contract_value : 1.0;
    std::vector<const Counterparty*> takers;
    std::vector<double> sizes;
    double found = 0.0;
    const auto ask = [&](const Counterparty& c) {
        const Claim held = held_by(run, k, other, c);
        if (held.coin == 0.0 || !stands(c, held)) return;
        takers.push_back(&c);
        sizes.push_back(std::fabs(held.coin));
        const double lot = rules.lot * per_contract;
        found += lot > 0.0 ? std::floor(sizes.back() / lot) * lot : sizes.back();
    };
    const auto ask_in_turn = [&](auto c, auto last) {
        for (; c != last && !(in_turn && found >= std::fabs(coin)); ++c) ask(*c);
    };
    ask_in_turn(from, queue.end());
    ask_in_turn(first, from);
    const std::vector<double> amounts = given_up(rules.ranking, sizes, std::fabs(coin), rules.lot * per_contract);
    Sum moved;
    for (std::size_t i = 0; i < takers.size(); ++i)
        moved.add(
            give_up(run, instrument, other, *takers[i], std::min(amounts[i], std::fabs(coin) - moved.value()), unit));
    run.state.sides[k][other].stale = true;
    const bool all = moved.value() > std::fabs(coin) * (1.0 - 1e-14);  // parts of a whole are rounded
    return all ? std::fabs(coin) : moved.value();
}

}  // namespace

double transfer_price(const Run& run, std::uint32_t instrument, double bankruptcy_price) {
    if (!run.book.venue.backstop.deleveraging.at_previous_mark) return bankruptcy_price;
    return unit_price(run.book.venue.instruments[instrument], exp(run.log_marks_before[run.book.asset_of[instrument]]));
}

double take_over(Run& run, const Offer& offer, double unit) {
    if (!(unit > 0.0)) return 0.0;
    const Deleveraging& rules = run.book.venue.backstop.deleveraging;
    const bool alone = !rules.accounts || run.book.cross.size() == 0;
    const bool tree = rules.ranking == Ranking::pro_rata && rules.lot == 0.0 && alone;
    const double moved =
        tree ? take_over_pro_rata(run, offer.instrument, offer.coin, unit) : take_over_ranked(run, offer, unit);
    const bool inverse =
        run.book.venue.instruments[offer.instrument].is_inverse();  // its coin counts quote units already
    if (moved > 0.0) run.state.treasury.deleveraged_notional.add_product(moved, inverse ? 1.0 : unit);
    return moved;
}

Claim deleverage(Run& run, const Leaving& leaving) {
    const SortedSide& sorted = run.book.sides[leaving.asset][leaving.side];
    const std::uint32_t instrument = sorted.instrument[leaving.row];
    const double unit = transfer_price(run, instrument, bankruptcy_unit_price(leaving.held));
    const double moved = take_over(run, {instrument, sorted.position[leaving.row], leaving.held.coin, {}}, unit);
    if (moved == 0.0) return leaving.held;
    Claim rest{};
    const double size = std::fabs(leaving.held.coin);
    if (moved < size) {
        const double left = 1.0 - moved / size;
        rest = {leaving.held.cash * left, leaving.held.coin * left};
    }
    const Claim given{leaving.held.cash - rest.cash, leaving.held.coin - rest.coin};
    reduce(run.book, run.state, leaving.asset, leaving.side, leaving.row, given, rest);
    if (run.book.venue.backstop.deleveraging.at_previous_mark) {
        const double fund = fund_behind(run.book.venue, run.state.treasury, instrument).value();
        pay(run.book.venue, run.state.treasury, instrument, settle({}, equity(given, unit), 0.0, fund));
    }
    return rest;
}

}  // namespace levcore
