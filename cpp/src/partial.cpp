#include "levcore/partial.hpp"

#include <cmath>
#include <optional>
#include <utility>

#include "levcore/freeing.hpp"
#include "levcore/margin.hpp"
#include "levcore/reach.hpp"

namespace levcore {
namespace {

// Counts a position once, however many orders it takes.
void count_once(Run& run, const Leaving& leaving) {
    if (had_order(run, leaving)) return;
    std::vector<bool>& begun = run.state.sides[leaving.asset][leaving.side].begun;
    const SortedSide& sorted = run.book.sides[leaving.asset][leaving.side];
    begun.resize(sorted.size());
    begun[leaving.row] = true;
    ++run.outcome.liquidated.count[leaving.side];
    note(run, sorted.position[leaving.row]);
}

}  // namespace

bool had_order(const Run& run, const Leaving& leaving) {
    const std::vector<bool>& begun = run.state.sides[leaving.asset][leaving.side].begun;
    return !begun.empty() && begun[leaving.row];
}

bool liquidate_part(Run& run, const Leaving& leaving) {
    const LiquidationPolicy& policy = run.book.venue.liquidation;
    if (policy.amount == Amount::all) return false;
    const std::size_t k = leaving.asset;
    SideState& mine = run.state.sides[k][leaving.side];
    const SortedSide& sorted = run.book.sides[k][leaving.side];
    const std::uint32_t instrument = sorted.instrument[leaving.row];
    const Perpetual& traded = run.book.venue.instruments[instrument];
    const double unit = unit_mark(run.book, run.market, run.state, instrument);
    const bool again = had_order(run, leaving);
    const double worth = equity(leaving.held, unit);
    const double entry = run.book.positions.entry_price[sorted.position[leaving.row]];
    double short_of = 0.0;  // what the order may leave so
    if (policy.is_limited() && worth > 0.0)
        short_of = left_short(policy, shortage(run, leaving), run.days, mine.freeing[leaving.row]);
    const Turn turn{leaving.held.coin, entry, unit, worth, -short_of, again, leaving.held.cash, false};
    const double coin = closing_amount(policy, traded, turn);
    if (coin == leaving.held.coin) return false;
    const std::optional<Order> order = closing_order(traded, run.market.assets[k], run.state.assets[k], coin);
    if (!order) return false;
    const double left = equity(leaving.held, order->unit_price);
    if (left < 0.0) return false;  // a deficit is foretold: the waterfall is for the whole position
    const double fee = liquidation_fee(policy, std::fabs(coin) * order->unit_price, left);
    Sum cash(leaving.held.cash);
    cash.add_product(coin, order->unit_price);
    cash.add(-fee);
    const Claim rest{cash.value(), leaving.held.coin - coin};
    count_once(run, leaving);
    const double uncharged = rest.cash + charged_before(run.book, run.state, leaving);
    mine.unit_cash[leaving.row] = uncharged / rest.coin + run.state.funded[instrument].value();
    pay(run.book.venue, run.state.treasury, instrument, {fee, 0.0, 0.0, 0.0});
    reduce(run.book, run.state, k, leaving.side, leaving.row, {leaving.held.cash - rest.cash, coin}, rest);
    trade(run, k, leaving.side, instrument, {coin, 0.0}, {order->volume, 0.0}, order->unit_price);
    if (policy.amount == Amount::portion || short_of > 0.0)
        mine.resting.push_back({run.days + policy.wait_days, leaving.row});
    else
        keep_watching(run.book, run.state, k, leaving.side, leaving.row);
    return true;
}

void wake(Run& run) {
    if (!run.book.venue.liquidation.lets_wait()) return;
    constexpr double room = 1e-9;  // days: a tenth of a millisecond
    for (std::size_t k = 0; k < run.state.sides.size(); ++k)
        for (const std::size_t side : {longs, shorts}) {
            std::vector<SideState::Resting> still;
            for (const SideState::Resting& r : std::exchange(run.state.sides[k][side].resting, {}))
                if (r.until <= run.days + room)
                    keep_watching(run.book, run.state, k, side, r.row);
                else
                    still.push_back(r);
            run.state.sides[k][side].resting = std::move(still);
        }
}

std::int64_t waiting_positions(const Run& run) {
    std::int64_t count = 0;
    for (std::size_t k = 0; k < run.state.sides.size(); ++k)
        for (const std::size_t side : {longs, shorts})
            for (const SideState::Resting& r : run.state.sides[k][side].resting) {
                const Claim held = claim_of(run.book, run.state, k, side, r.row);
                const double key = present_key(run.book, k, side, r.row, held);
                if (held.coin != 0.0 && is_failing(run.book, run.market, run.state, k, side, r.row, held, key)) ++count;
            }
    return count;
}

}  // namespace levcore
