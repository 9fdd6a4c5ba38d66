#include "levcore/run.hpp"

namespace levcore {

void note(Run& run, std::uint32_t position) {
    if (run.keep.positions) run.outcome.liquidated_at[position] = run.step;
    if (run.keep.tally != nullptr) run.keep.tally->add(position, run.step);
}

void fail(Run& run, std::size_t asset, Fault fault) {
    run.outcome.fault = fault;
    run.outcome.faulty_asset = static_cast<std::int64_t>(asset);
}

Fault unfilled(const Perpetual& instrument) {
    return instrument.is_inverse() ? Fault::order_unfilled : Fault::price_out_of_range;
}

void trade(Run& run, std::size_t asset, std::size_t side, std::uint32_t instrument, Pair coin, Pair volume,
           double unit) {
    const bool inverse = run.book.venue.instruments[instrument].is_inverse();
    const Pair cash = multiply(coin, -unit);
    run.state.taken[instrument].quantity.add(coin);
    run.state.taken[instrument].cash.add(cash);
    const Pair worth = multiply(inverse ? coin : cash, -1.0);  // in quote units, longs positive
    run.notional[side].add(side == longs ? worth : multiply(worth, -1.0));
    run.state.assets[asset].volume.add(volume);
    update_log_mark(run.market.assets[asset], run.state.assets[asset]);
}

std::vector<double> unit_marks(const Run& run) {
    std::vector<double> units;
    for (std::size_t i = 0; i < run.book.asset_of.size(); ++i)
        units.push_back(unit_mark(run.book, run.market, run.state, i));
    return units;
}

}  // namespace levcore
