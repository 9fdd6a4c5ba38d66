#include "levcore/losses.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "levcore/margin.hpp"

namespace levcore {
namespace {

// What a loss is charged to, and on what: rows of the sides and places of the accounts, each with a base that it is
// charged in proportion to.
struct Base {
    std::size_t asset;
    std::size_t side;
    std::uint32_t row;
    double amount;
};

struct Bases {
    std::vector<Base> rows;
    std::vector<double> places;  // of accounts
    Sum total;
};

// Every open row that `of_row(row, held, instrument)` and every place that `of_place(place)` find a base > 0 for.
template <class OfRow, class OfPlace>
Bases gather_bases(const SortedBook& book, const State& state, OfRow&& of_row, OfPlace&& of_place) {
    Bases bases;
    for (std::size_t k = 0; k < state.assets.size(); ++k)
        for (const std::size_t side : {longs, shorts})
            for (const std::uint32_t row : open_rows(book, state, k, side)) {
                const Leaving held{k, side, row, claim_of(book, state, k, side, row)};
                const double amount = of_row(held, book.sides[k][side].instrument[row]);
                if (!(amount > 0.0)) continue;
                bases.rows.push_back({k, side, row, amount});
                bases.total.add(amount);
            }
    for (std::size_t i = 0; i < book.cross.held.size(); ++i) {
        bases.places.push_back(std::max(0.0, of_place(i)));
        bases.total.add(bases.places.back());
    }
    return bases;
}

// Unrealised profit, less what socialised losses have taken of it before.
Bases profits(const SortedBook& book, const Market& market, const State& state) {
    const auto gain = [&](double coin, std::uint32_t instrument, std::uint32_t position) {
        const double entry = unit_price(book.venue.instruments[instrument], book.positions.entry_price[position]);
        return coin * (unit_mark(book, market, state, instrument) - entry);
    };
    return gather_bases(
        book, state,
        [&](const Leaving& of, std::uint32_t instrument) {
            return gain(of.held.coin, instrument, book.sides[of.asset][of.side].position[of.row]) -
                   charged_before(book, state, of);
        },
        [&](std::size_t i) {
            return gain(state.cross.held[i].coin, book.cross.instrument[i], book.cross.position[i]) -
                   state.cross.charged[i];
        });
}

// The size of every position in one instrument, both sides.
Bases open_sizes(const SortedBook& book, const State& state, std::size_t instrument) {
    return gather_bases(
        book, state,
        [&](const Leaving& of, std::uint32_t traded) { return traded == instrument ? std::fabs(of.held.coin) : 0.0; },
        [&](std::size_t i) {
            return book.cross.instrument[i] == instrument ? std::fabs(state.cross.held[i].coin) : 0.0;
        });
}

// Equity at the marks: an isolated position's, and an account's at its first place.
Bases deposits(const SortedBook& book, const Market& market, const State& state) {
    const auto unit = [&](std::size_t instrument) { return unit_mark(book, market, state, instrument); };
    const CrossBook& accounts = book.cross;
    std::vector<double> worth(accounts.held.size(), 0.0);
    for (std::size_t account = 0; account < accounts.size(); ++account) {
        Sum equity(state.cross.cash[account]);
        for (std::size_t c = 0; c < accounts.collaterals(); ++c) {
            const std::size_t k = accounts.collateral_asset[c];
            equity.add(state.cross.coins[account * accounts.collaterals() + c] *
                       mark_price(market.assets[k], state.assets[k]));
        }
        for (std::size_t i = accounts.first[account]; i < accounts.first[account + 1]; ++i) {
            equity.add(state.cross.held[i].cash);
            equity.add_product(state.cross.held[i].coin, unit(accounts.instrument[i]));
        }
        worth[accounts.first[account]] = equity.value();
    }
    return gather_bases(
        book, state, [&](const Leaving& of, std::uint32_t traded) { return equity(of.held, unit(traded)); },
        [&](std::size_t i) { return worth[i]; });
}

// Takes a share of each base out of cash; returns how much was charged.
Sum charge(const SortedBook& book, State& state, const Bases& bases, double share) {
    Sum charged;
    const CrossBook& accounts = book.cross;
    change_all(state.cross);
    for (std::size_t account = 0; account < accounts.size(); ++account)
        for (std::size_t i = accounts.first[account]; i < accounts.first[account + 1]; ++i) {
            const double before = state.cross.cash[account];
            state.cross.cash[account] = before - share * bases.places[i];
            const double taken = before - state.cross.cash[account];
            state.cross.charged[i] += taken;
            state.cross.total_cash.add(-taken);
            charged.add(taken);
        }
    std::size_t at = 0;
    while (at < bases.rows.size()) {
        const auto [k, side, first, amount] = bases.rows[at];
        own_claims(book, state, k, side);
        for (; at < bases.rows.size() && bases.rows[at].asset == k && bases.rows[at].side == side; ++at) {
            const std::uint32_t row = bases.rows[at].row;
            const Claim held = claim_of(book, state, k, side, row);
            const Claim rest{held.cash - share * bases.rows[at].amount, held.coin};
            const double taken = held.cash - rest.cash;
            charged.add(taken);
            reduce(book, state, k, side, row, {taken, 0.0}, rest);
        }
        sort_again(book, state, k, side);
    }
    return charged;
}

// Charges a loss; a base of money bears no more than itself.
void charge_loss(const SortedBook& book, State& state, double loss, const Bases& bases, bool of_money) {
    const double total = bases.total.value();
    const bool in_full = total > (of_money ? loss : 0.0);
    const double share = in_full ? loss / total : of_money ? 1.0 : 0.0;
    const Sum charged = charge(book, state, bases, share);
    state.treasury.socialised_loss.add(charged.pair());
    Sum bad(loss);
    bad.add(multiply(charged.pair(), -1.0));
    if (!in_full) state.treasury.bad_debt.add(bad.pair());
}

}  // namespace

void pay(const Venue& venue, Treasury& t, std::size_t instrument, const Settlement& s) {
    Sum& fund = fund_behind(venue, t, instrument);
    t.fees.add(s.fee);
    (venue.liquidation.fee_to == Receiver::fund ? fund : t.fees_outside).add(s.fee);
    (venue.remainder == Receiver::fund ? fund : t.paid_to_traders).add(s.remainder);
    if (s.unpaid > 0.0)
        fund = Sum();  // the last of it, to the bit
    else
        fund.add(-s.fund_pays);
    (venue.backstop.socialise != Charged::nobody ? t.unpaid : t.bad_debt).add(s.unpaid);
    if (!t.unpaid_of.empty()) t.unpaid_of[instrument].add(s.unpaid);
    t.fund_low = std::min(t.fund_low, t.fund());
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
    const Perpetual& instrument = book.venue.instruments[p.instrument_of(i)];
    const double entry = unit_price(instrument, p.entry_price[i]);
    const double margin = p.margin[i] * (held.coin / claim(instrument, p.quantity[i], p.entry_price[i], 0.0).coin);
    return std::max(0.0, (margin - held.coin * (entry + funded)) - held.cash);
}

void socialise(const SortedBook& book, const Market& market, State& state) {
    const double loss = state.treasury.unpaid.value();
    state.treasury.unpaid = Sum();
    if (book.venue.backstop.socialise == Charged::profit)
        return charge_loss(book, state, loss, profits(book, market, state), true);
    if (book.venue.backstop.socialise == Charged::deposits)
        return charge_loss(book, state, loss, deposits(book, market, state), true);
    for (std::size_t instrument = 0; instrument < state.treasury.unpaid_of.size(); ++instrument) {
        const double part = std::exchange(state.treasury.unpaid_of[instrument], Sum()).value();
        if (part > 0.0) charge_loss(book, state, part, open_sizes(book, state, instrument), false);
    }
}

}  // namespace levcore
