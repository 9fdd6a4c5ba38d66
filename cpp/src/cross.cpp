#include "levcore/cross.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "levcore/account_orders.hpp"
#include "levcore/closing.hpp"
#include "levcore/deleveraging.hpp"
#include "levcore/freeing.hpp"
#include "levcore/margin.hpp"
#include "levcore/watch.hpp"

namespace levcore {
namespace {

// Whether there is anything to liquidate. Deleveraging may have left an account that owes without a position.
bool is_at_stake(const AccountView& view) { return is_open(view) || view.cash < 0.0; }

// The instrument whose fund and open interest stand behind what an account owes: its riskiest position's; where its
// positions have different funds, one that the venue's fund stands behind.
std::size_t liable_instrument(const Run& run, const std::vector<std::size_t>& sequence) {
    const Backstop& backstop = run.book.venue.backstop;
    const auto fund = [&](std::size_t place) { return backstop.fund_place(run.book.cross.instrument[place]); };
    for (const std::size_t place : sequence)
        if (fund(place) != fund(sequence.front()))
            for (const std::size_t shared : sequence)
                if (fund(shared) == 0) return run.book.cross.instrument[shared];
    return run.book.cross.instrument[sequence.front()];
}

// The fee of an order that leaves the account open, at most its equity.
void charge_fee(Run& run, std::uint32_t account, std::size_t liable, double traded) {
    const Health h = health(run.book.venue, run.book.positions.entry_price, view_of(run, account), unit_marks(run),
                            coin_prices(run));
    const double fee = std::max(0.0, liquidation_fee(run.book.venue.liquidation, traded, h.equity));
    set_cash(run.state.cross, account, run.state.cross.cash[account] - fee);
    pay(run.book.venue, run.state.treasury, liable, {fee, 0.0, 0.0, 0.0});
}

// One fee and one deficit for what was closed; the cash that is left goes where the rules say, the coins stay.
void settle_account(Run& run, std::uint32_t account, std::size_t liable, double traded) {
    CrossState& state = run.state.cross;
    Treasury& treasury = run.state.treasury;
    const std::vector<double> prices = coin_prices(run);
    const double left =
        health(run.book.venue, run.book.positions.entry_price, view_of(run, account), {}, prices).equity;
    double fee = std::max(0.0, std::min(run.book.venue.liquidation.fee_rate * traded, left));
    set_cash(state, account, state.cash[account] - fee);
    sell_collateral(run, account);
    const double owed = std::max(0.0, -state.cash[account]);
    const double waived = std::min(fee, owed);  // a deficit pays no fee
    fee -= waived;
    const double deficit = owed - waived;
    const double fund = fund_behind(run.book.venue, treasury, liable).value();
    const double paid = std::min(deficit, fund);
    if (deficit > fund) run.outcome.exhausted = true;
    pay(run.book.venue, treasury, liable, {fee, std::max(0.0, state.cash[account]), paid, deficit - paid});
    set_cash(state, account, 0.0);
}

// Closes what finds counterparties of an account that owes more than the fund has, no order is sent: each position at
// the price that leaves it its share, by maintenance, of the account's deficit.
void deleverage_account(Run& run, std::uint32_t account, const Health& h, const std::vector<std::size_t>& sequence,
                        std::span<const double> units) {
    const CrossState& state = run.state.cross;
    Sum notional;
    for (const std::size_t place : sequence)
        notional.add(std::fabs(state.held[place].coin) * units[run.book.cross.instrument[place]]);
    for (const std::size_t place : sequence) {
        const std::uint32_t instrument = run.book.cross.instrument[place];
        const std::uint32_t position = run.book.cross.position[place];
        const double unit = units[instrument];
        const double coin = state.held[place].coin;
        const double required = maintenance(run.book.venue.instruments[instrument], state.held[place],
                                            run.book.positions.entry_price[position], unit);
        const double share = h.maintenance > 0.0 ? required / h.maintenance : std::fabs(coin) * unit / notional.value();
        const double price = transfer_price(run, instrument, unit - h.equity * share / coin);
        const double moved = take_over(run, {instrument, position, coin, account}, price);
        if (moved > 0.0)
            release(run, account, place, moved < std::fabs(coin) ? std::copysign(moved, coin) : coin, price);
    }
    const AccountView after = view_of(run, account);
    const auto none = [](double coins) { return coins == 0.0; };
    const bool spent = !run.book.venue.backstop.deleveraging.at_previous_mark && !is_open(after) &&
                       std::all_of(after.coins.begin(), after.coins.end(), none);
    if (spent) set_cash(run.state.cross, account, 0.0);  // exactly: what stands there is rounding
}

// The backstop takes an account over whole: its positions and coins at the marks, its cash, or what it owes.
void take_account(Run& run, std::uint32_t account, std::size_t liable, std::span<const double> units) {
    CrossState& state = run.state.cross;
    for (std::size_t i = run.book.cross.first[account]; i < run.book.cross.first[account + 1]; ++i) {
        const std::uint32_t instrument = run.book.cross.instrument[i];
        const double coin = state.held[i].coin;
        if (coin == 0.0) continue;
        take_at_mark(run, instrument, coin, units[instrument]);
        release(run, account, i, coin, units[instrument]);
    }
    const std::vector<double> prices = coin_prices(run);
    Sum cash(state.cash[account]);
    for (std::size_t c = 0; c < prices.size(); ++c) {
        const double coins = std::exchange(state.coins[account * prices.size() + c], 0.0);
        state.total_coins[c].add(-coins);
        state.taken[c].quantity.add(coins);
        state.taken[c].cash.add(-coins * prices[c]);
        cash.add(coins * prices[c]);
    }
    Sum& fund = fund_behind(run.book.venue, run.state.treasury, liable);
    const double left = cash.value();
    set_cash(state, account, 0.0);
    if (left >= 0.0) return fund.add(left);
    if (-left > fund.value()) run.outcome.exhausted = true;
    pay(run.book.venue, run.state.treasury, liable, settle({}, left, 0.0, fund.value()));
}

// What one position of an account has to close at its turn, sized at the marks of the check.
double amount_of(const Run& run, std::size_t place, double unit, double equity, double other_maintenance) {
    const CrossState& state = run.state.cross;
    const std::uint32_t instrument = run.book.cross.instrument[place];
    const double entry = run.book.positions.entry_price[run.book.cross.position[place]];
    const Claim& held = state.held[place];
    const Turn turn{held.coin, entry, unit, equity, other_maintenance, state.begun[place] != 0, held.cash, true};
    return closing_amount(run.book.venue.liquidation, run.book.venue.instruments[instrument], turn);
}

// Closes a part of an account by falling maintenance: to the target as many positions as it takes, of tiers the first
// position's, of portions every position's. One fee for all; what is owed in cash stays the account's. It may then have
// to wait. The money traded, none where the run stops.
std::optional<double> reduce_account(Run& run, std::uint32_t account, const Health& h, std::span<const double> units) {
    const LiquidationPolicy& policy = run.book.venue.liquidation;
    double equity = h.slack + h.maintenance;  // collateral by the share that counts
    const std::vector<std::size_t> sequence = closing_sequence(run, account, units);
    double required = h.maintenance + buffer_of(run, account, units);
    const double short_of = policy.is_limited() ? left_short(policy, required - policy.target * equity, run.days,
                                                             run.state.cross.freeing[account])
                                                : 0.0;
    required -= short_of;
    double traded = 0.0;
    for (const std::size_t place : sequence) {
        const std::uint32_t instrument = run.book.cross.instrument[place];
        const double entry = run.book.positions.entry_price[run.book.cross.position[place]];
        const Claim held = run.state.cross.held[place];
        const double coin = held.coin;
        // A lot or dust may have closed the last one whole, and that sufficed.
        if (policy.amount == Amount::to_target && traded > 0.0 && required <= policy.target * equity) break;
        required -= maintenance(run.book.venue.instruments[instrument], held, entry, units[instrument]) +
                    policy.buffer * std::fabs(coin) * units[instrument];
        const double closed = amount_of(run, place, units[instrument], equity, std::max(-short_of, required));
        const std::optional<double> money = close_position(run, account, place, closed);
        if (!money) return std::nullopt;
        traded += *money;
        equity -= policy.fee_rate * std::fabs(closed) * units[instrument];
        const bool on_target = policy.amount == Amount::to_target && closed != coin;
        if (policy.amount == Amount::to_lower_tier || on_target) break;
    }
    if (policy.amount == Amount::portion || short_of > 0.0) {
        run.state.cross.last_step[account] = run.step;
        run.state.cross.rests_until[account] = run.days + policy.wait_days;
    }
    return traded;
}

// Whether a policy that closes portions lets the account wait.
bool must_wait(const Run& run, std::uint32_t account) {
    constexpr double room = 1e-9;  // days
    const CrossState& state = run.state.cross;
    return state.last_step[account] == run.step || state.rests_until[account] > run.days + room;
}

}  // namespace

std::vector<FailingAccount> failing_accounts(Run& run) {
    std::vector<FailingAccount> failing;
    if (run.book.cross.size() == 0) return failing;
    gather_asked(run);
    for (std::size_t i = 0; i < run.asked.size(); ++i) {
        fetch_next(run, i);
        const std::uint32_t account = run.asked[i];
        if (!run.keep.ask_all && watches_on(run, account)) continue;
        const AccountView view = view_of(run, account);
        if (!is_at_stake(view)) {
            stop_asking(run, account);
            continue;
        }
        keep_asking(run, account);
        if (is_open(view) && must_wait(run, account)) continue;
        const Health h =
            health(run.book.venue, run.book.positions.entry_price, view, run.prices.units, run.prices.coins);
        if (!is_failing(run.book.venue, h)) continue;
        failing.push_back({risk_ratio(h.equity, h.maintenance), account});
    }
    std::sort(failing.begin(), failing.end(), [&](const FailingAccount& a, const FailingAccount& b) {
        if (a.ratio != b.ratio) return a.ratio < b.ratio;
        return run.book.cross.position[run.book.cross.first[a.account]] <
               run.book.cross.position[run.book.cross.first[b.account]];
    });
    return failing;
}

void liquidate_account(Run& run, std::uint32_t account) {
    const Venue& venue = run.book.venue;
    const std::span<const double> units = own_unit_marks(run, account);
    const Health h = health(venue, run.book.positions.entry_price, view_of(run, account), units, coin_prices(run));
    const bool open = is_open(view_of(run, account));
    if (!is_at_stake(view_of(run, account)) || !is_failing(venue, h)) return;
    change(run.state.cross, account);
    const std::vector<std::size_t> sequence = closing_sequence(run, account, units);
    const std::size_t liable = liable_instrument(run, sequence);
    const Deleveraging& deleveraging = venue.backstop.deleveraging;
    if (open && deleveraging.accounts && -h.equity > fund_behind(venue, run.state.treasury, liable).value()) {
        run.outcome.exhausted = true;
        deleverage_account(run, account, h, sequence, units);
    }
    if (is_taken_over(venue, h.equity, h.maintenance)) return take_account(run, account, liable, units);
    const LiquidationPolicy& policy = venue.liquidation;
    std::optional<double> traded = 0.0;
    if (open && policy.amount != Amount::all && h.equity > 0.0) {
        traded = reduce_account(run, account, h, units);
    } else {
        for (const std::size_t place : sequence) {
            if (run.state.cross.held[place].coin == 0.0) continue;  // deleveraged
            const std::optional<double> money = close_position(run, account, place, run.state.cross.held[place].coin);
            if (!money) return;
            *traded += *money;
        }
    }
    if (!traded) return;
    if (is_open(view_of(run, account)))
        charge_fee(run, account, liable, *traded);
    else
        settle_account(run, account, liable, *traded);
}

std::int64_t waiting_in_accounts(const Run& run) {
    std::int64_t count = 0;
    if (!run.book.venue.liquidation.lets_wait()) return count;
    const std::vector<double> units = unit_marks(run);
    const std::vector<double> prices = coin_prices(run);
    for (std::uint32_t account = 0; account < run.book.cross.size(); ++account) {
        const AccountView view = view_of(run, account);
        if (!is_failing(run.book.venue, health(run.book.venue, run.book.positions.entry_price, view, units, prices)))
            continue;
        for (const Claim& held : view.held) count += held.coin != 0.0 ? 1 : 0;
    }
    return count;
}

}  // namespace levcore
