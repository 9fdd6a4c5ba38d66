#include "levcore/losses.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "levcore/backstop.hpp"
#include "levcore/margin.hpp"

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

// Unrealised profit of the accounts' positions less what socialised losses have taken of it before, per place.
std::vector<double> account_profits(const SortedBook& book, const Market& market, const State& state) {
    const CrossBook& accounts = book.cross;
    std::vector<double> profits(accounts.held.size(), 0.0);
    for (std::size_t i = 0; i < accounts.held.size(); ++i) {
        const std::uint32_t instrument = accounts.instrument[i];
        const double entry =
            unit_price(book.venue.instruments[instrument], book.positions.entry_price[accounts.position[i]]);
        const double unit = unit_mark(book, market, state, instrument);
        profits[i] = std::max(0.0, state.cross.held[i].coin * (unit - entry) - state.cross.charged[i]);
    }
    return profits;
}

// Takes a share of these profits out of the accounts' cash.
void charge_accounts(const SortedBook& book, State& state, const std::vector<double>& profits, double share,
                     Sum& charged) {
    const CrossBook& accounts = book.cross;
    for (std::size_t account = 0; account < accounts.size(); ++account)
        for (std::size_t i = accounts.first[account]; i < accounts.first[account + 1]; ++i) {
            const double before = state.cross.cash[account];
            state.cross.cash[account] = before - share * profits[i];
            const double charge = before - state.cross.cash[account];
            state.cross.charged[i] += charge;
            state.cross.total_cash.add(-charge);
            charged.add(charge);
        }
}

}  // namespace

void pay(const Venue& venue, Treasury& t, const Settlement& s) {
    t.fees.add(s.fee);
    (venue.liquidation.fee_to == Receiver::fund ? t.fund : t.fees_outside).add(s.fee);
    (venue.remainder == Receiver::fund ? t.fund : t.paid_to_traders).add(s.remainder);
    if (s.unpaid > 0.0)
        t.fund = Sum();  // the last of it, to the bit
    else
        t.fund.add(-s.fund_pays);
    (venue.backstop.socialise ? t.unpaid : t.bad_debt).add(s.unpaid);
    t.fund_low = std::min(t.fund_low, std::max(0.0, t.fund.value()));
}

Claim deleverage(const SortedBook& book, const Market& market, State& state, const Leaving& leaving) {
    const std::size_t k = leaving.asset;
    const std::size_t other = 1 - leaving.side;
    const std::uint32_t instrument = book.sides[k][leaving.side].instrument[leaving.row];
    const double price = bankruptcy_unit_price(leaving.held);
    sync(book, market, state, k, other, instrument);
    Counterparties& pool = *state.pools[instrument][other];
    const PooledClaims eligible = pool.eligible(price);
    const Transfer moved = transfer(leaving.held.coin, std::fabs(eligible.quantity.high));
    if (moved.quantity == 0.0) return leaving.held;
    const bool all_of_them = moved.counterparty_share == 1.0;
    const double size = std::fabs(leaving.held.coin);
    const double sign = leaving.held.coin > 0.0 ? -1.0 : 1.0;
    const Pair share = all_of_them ? Pair{1.0, 0.0} : divide(Pair{sign * size, 0.0}, eligible.quantity);
    const Pair equity = add(eligible.cash, multiply(eligible.quantity, price));
    state.treasury.paid_to_traders.add(multiply(equity, share));
    OpenInterest& open = state.open_interest[instrument][other];
    open.cash.add(multiply(multiply(eligible.cash, share), -1.0));
    open.quantity.add(multiply(multiply(eligible.quantity, share), -1.0));
    pool.shrink_eligible(price, all_of_them ? Pair{} : add(Pair{-share.high, -share.low}, 1.0));
    state.sides[k][other].stale = true;
    const bool inverse = book.venue.instruments[instrument].is_inverse();  // its coin counts quote units already
    state.treasury.deleveraged_notional.add_product(moved.quantity, inverse ? 1.0 : price);
    Claim rest{};
    if (moved.quantity < size) {
        const double left = 1.0 - moved.quantity / size;
        rest = {leaving.held.cash * left, leaving.held.coin * left};
    }
    reduce(book, state, k, leaving.side, leaving.row, {leaving.held.cash - rest.cash, leaving.held.coin - rest.coin},
           rest);
    return rest;
}

double charged_before(const SortedBook& book, const State& state, const Leaving& of) {
    const SideState& mine = state.sides[of.asset][of.side];
    const SortedSide& sorted = book.sides[of.asset][of.side];
    const double funded = state.funded[sorted.instrument[of.row]].value();
    const Claim& held = of.held;
    const auto left = mine.unit_cash.find(of.row);
    if (left != mine.unit_cash.end()) return std::max(0.0, held.coin * (left->second - funded) - held.cash);
    const Positions& p = book.positions;
    const std::size_t i = sorted.position[of.row];
    const Perpetual& instrument = book.venue.instruments[static_cast<std::size_t>(p.instrument[i])];
    const double entry = unit_price(instrument, p.entry_price[i]);
    const double margin = p.margin[i] * (held.coin / claim(instrument, p.quantity[i], p.entry_price[i], 0.0).coin);
    return std::max(0.0, (margin - held.coin * (entry + funded)) - held.cash);
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
        for (const std::size_t side : {longs, shorts})
            for (const std::uint32_t row : open_rows(book, state, k, side)) {
                const std::uint32_t instrument = book.sides[k][side].instrument[row];
                const double entry = unit_price(book.venue.instruments[instrument],
                                                book.positions.entry_price[book.sides[k][side].position[row]]);
                const Claim held = claim_of(book, state, k, side, row);
                const double profit = held.coin * (unit_mark(book, market, state, instrument) - entry) -
                                      charged_before(book, state, {k, side, row, held});
                if (!(profit > 0.0)) continue;
                profits.push_back({k, side, row, profit});
                total.add(profit);
            }
    }
    const std::vector<double> in_accounts = account_profits(book, market, state);
    for (const double profit : in_accounts) total.add(profit);
    const double share = total.value() > loss ? loss / total.value() : 1.0;
    Sum charged;
    charge_accounts(book, state, in_accounts, share, charged);
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
        }
        sort_again(book, state, k, side);
    }
    state.treasury.socialised_loss.add(charged.pair());
    Sum bad(loss);
    bad.add(multiply(charged.pair(), -1.0));
    if (total.value() <= loss) state.treasury.bad_debt.add(bad.pair());
}

}  // namespace levcore
