#include "levcore/run.hpp"

namespace levcore {

void note(Run& run, std::uint32_t position) {
    if (run.keep.positions) run.outcome.liquidated_at[position] = run.step;
    if (run.keep.tally != nullptr) run.keep.tally->add(position, run.step);
}

void note(Run& run, std::span<const std::uint32_t> positions) {
    if (run.keep.positions)
        for (const std::uint32_t position : positions) run.outcome.liquidated_at[position] = run.step;
    if (run.keep.tally != nullptr)
        for (const std::uint32_t position : positions) run.keep.tally->add(position, run.step);
}

void fail(Run& run, std::size_t asset, Fault fault) {
    run.outcome.fault = fault;
    run.outcome.faulty_asset = static_cast<std::int64_t>(asset);
}

Fault unfilled(const Perpetual& instrument) {
    return instrument.is_inverse() ? Fault::order_unfilled : Fault::price_out_of_range;
}

void begin_check(Run& run) {
    run.log_marks_before.swap(run.log_marks);
    run.log_marks.clear();
    for (const AssetState& a : run.state.assets) run.log_marks.push_back(a.log_mark);
    for (auto& queues : run.queues) queues.clear();
}

void take(Run& run, std::uint32_t instrument, Pair coin, double unit) {
    run.state.taken[instrument].quantity.add(coin);
    run.state.taken[instrument].cash.add(multiply(coin, -unit));
}

void trade(Run& run, std::size_t asset, std::size_t side, std::uint32_t instrument, Pair coin, Pair volume,
           double unit) {
    const bool inverse = run.book.venue.instruments[instrument].is_inverse();
    const Pair cash = multiply(coin, -unit);
    take(run, instrument, coin, unit);
    const Pair worth = multiply(inverse ? coin : cash, -1.0);  // in quote units, longs positive
    run.notional[side].add(side == longs ? worth : multiply(worth, -1.0));
    walk(run.state.assets[asset], volume, run.days);
    update_log_mark(run.market.assets[asset], run.state.assets[asset]);
}

std::vector<double> unit_marks(const Run& run) {
    std::vector<double> units;
    for (std::size_t i = 0; i < run.book.asset_of.size(); ++i)
        units.push_back(unit_mark(run.book, run.market, run.state, i));
    return units;
}

void update_prices(Run& run) {
    run.prices.marks.resize(run.state.assets.size());
    for (std::size_t k = 0; k < run.state.assets.size(); ++k)
        run.prices.marks[k] = mark_price(run.market.assets[k], run.state.assets[k]);
    follow_marks(run.book.venue, priced_by(run.book), run.prices);
}

std::span<const double> own_unit_marks(Run& run, std::uint32_t account) {
    run.own_units.resize(run.book.asset_of.size());
    for (const std::uint32_t instrument : view_of(run, account).instrument)
        run.own_units[instrument] = unit_mark(run.book, run.market, run.state, instrument);
    return run.own_units;
}

AccountView view_of(const Run& run, std::uint32_t account) {
    const CrossBook& cross = run.book.cross;
    const CrossState& state = run.state.cross;
    const std::size_t from = cross.first[account];
    const std::size_t size = cross.first[account + 1] - from;
    const std::size_t coins = cross.collaterals();
    return {std::span(cross.position).subspan(from, size), std::span(cross.instrument).subspan(from, size),
            std::span(state.held).subspan(from, size), state.cash[account],
            std::span(state.coins).subspan(account * coins, coins)};
}

std::vector<double> coin_prices(const Run& run) {
    std::vector<double> prices;
    for (const std::uint32_t k : run.book.cross.collateral_asset)
        prices.push_back(mark_price(run.market.assets[k], run.state.assets[k]));
    return prices;
}

}  // namespace levcore
