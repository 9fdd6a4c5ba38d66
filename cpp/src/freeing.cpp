#include "levcore/freeing.hpp"

#include <cmath>
#include <vector>

#include "levcore/margin.hpp"

namespace levcore {

double shortage(const Run& run, const Leaving& of) {
    const LiquidationPolicy& policy = run.book.venue.liquidation;
    const SortedSide& sorted = run.book.sides[of.asset][of.side];
    const std::uint32_t instrument = sorted.instrument[of.row];
    const double unit = unit_mark(run.book, run.market, run.state, instrument);
    const double required = maintenance(run.book.venue.instruments[instrument], of.held,
                                        run.book.positions.entry_price[sorted.position[of.row]], unit);
    return required + policy.buffer * std::fabs(of.held.coin) * unit - policy.target * equity(of.held, unit);
}

double shortage(const Run& run, std::uint32_t account) {
    const std::vector<double> units = unit_marks(run);
    const Health h =
        health(run.book.venue, run.book.positions.entry_price, view_of(run, account), units, coin_prices(run));
    const double counted = h.slack + h.maintenance;  // collateral by the share that counts
    return h.maintenance + buffer_of(run, account, units) - run.book.venue.liquidation.target * counted;
}

double buffer_of(const Run& run, std::uint32_t account, std::span<const double> units) {
    const AccountView view = view_of(run, account);
    double notional = 0.0;
    for (std::size_t i = 0; i < view.held.size(); ++i)
        notional += std::fabs(view.held[i].coin) * units[view.instrument[i]];
    return run.book.venue.liquidation.buffer * notional;
}

void end_recovered(Run& run) {
    if (!run.book.venue.liquidation.is_limited()) return;
    for (std::size_t k = 0; k < run.state.sides.size(); ++k)
        for (const std::size_t side : {longs, shorts})
            std::erase_if(run.state.sides[k][side].freeing, [&](const auto& begun) {
                const Claim held = claim_of(run.book, run.state, k, side, begun.first);
                return held.coin == 0.0 || !(shortage(run, Leaving{k, side, begun.first, held}) > 0.0);
            });
    for (std::uint32_t account = 0; account < run.book.cross.size(); ++account) {
        Freeing& begun = run.state.cross.freeing[account];
        if (begun.since >= 0.0 && !(shortage(run, account) > 0.0)) begun = {};
    }
}

}  // namespace levcore
