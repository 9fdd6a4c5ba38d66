#include "levcore/closing.hpp"

#include <cmath>
#include <optional>

#include "levcore/deleveraging.hpp"
#include "levcore/margin.hpp"
#include "levcore/partial.hpp"

namespace levcore {
namespace {

// The unit price at which the backstop takes a position over; none where it is for the order book.
std::optional<double> takeover_price(const Run& run, const Leaving& leaving) {
    const Venue& venue = run.book.venue;
    if (venue.backstop.takeover == 0.0) return std::nullopt;
    const SortedSide& sorted = run.book.sides[leaving.asset][leaving.side];
    const std::uint32_t instrument = sorted.instrument[leaving.row];
    const double unit = unit_mark(run.book, run.market, run.state, instrument);
    const double entry = run.book.positions.entry_price[sorted.position[leaving.row]];
    const double required = maintenance(venue.instruments[instrument], leaving.held, entry, unit);
    return is_taken_over(venue, equity(leaving.held, unit), required) ? std::optional(unit) : std::nullopt;
}

// Divides what a closed position ends with; one that was taken over leaves all of it to the fund.
void settle_whole(Run& run, std::uint32_t instrument, double left, double notional, bool taken_over) {
    const Venue& venue = run.book.venue;
    Sum& fund = fund_behind(venue, run.state.treasury, instrument);
    if (taken_over && left >= 0.0) return fund.add(left);
    pay(venue, run.state.treasury, instrument, settle(venue.liquidation, left, notional, fund.value()));
}

}  // namespace

bool is_taken_over(const Venue& venue, double equity, double maintenance) {
    return venue.backstop.takeover > 0.0 && equity < venue.backstop.takeover * maintenance;
}

void take_at_mark(Run& run, std::uint32_t instrument, double coin, double unit) {
    const bool inverse = run.book.venue.instruments[instrument].is_inverse();  // its coin counts quote units already
    run.state.treasury.taken_over_notional.add_product(std::fabs(coin), inverse ? 1.0 : unit);
    take(run, instrument, {coin, 0.0}, unit);
}

void liquidate(Run& run, Leaving leaving) {
    const std::size_t k = leaving.asset;
    const std::uint32_t instrument = run.book.sides[k][leaving.side].instrument[leaving.row];
    const Perpetual& traded = run.book.venue.instruments[instrument];
    const std::optional<double> taken_at = takeover_price(run, leaving);
    if (!taken_at && liquidate_part(run, leaving)) return;
    const auto order_for = [&](double coin) {
        return taken_at ? std::optional<Order>({0.0, *taken_at})
                        : closing_order(traded, run.market.assets[k], run.state.assets[k], coin);
    };
    std::optional<Order> order = order_for(leaving.held.coin);
    if (!order) return fail(run, k, unfilled(traded));
    double left = equity(leaving.held, order->unit_price);
    if (left < 0.0 && -left > fund_behind(run.book.venue, run.state.treasury, instrument).value()) {
        run.outcome.exhausted = true;
        if (run.book.venue.backstop.deleveraging.on) {
            leaving.held = deleverage(run, leaving);
            if (leaving.held.coin != 0.0) {
                order = order_for(leaving.held.coin);
                if (!order) return fail(run, k, unfilled(traded));
                left = equity(leaving.held, order->unit_price);
            }
        }
    }
    if (!had_order(run, leaving)) {
        ++run.outcome.liquidated.count[leaving.side];
        note(run, run.book.sides[k][leaving.side].position[leaving.row]);
    }
    if (leaving.held.coin == 0.0) return;
    settle_whole(run, instrument, left, std::fabs(leaving.held.coin) * order->unit_price, taken_at.has_value());
    reduce(run.book, run.state, k, leaving.side, leaving.row, leaving.held, {});
    if (taken_at)
        take_at_mark(run, instrument, leaving.held.coin, *taken_at);
    else
        trade(run, k, leaving.side, instrument, {leaving.held.coin, 0.0}, {order->volume, 0.0}, order->unit_price);
}

}  // namespace levcore
