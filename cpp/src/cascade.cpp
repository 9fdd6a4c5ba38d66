#include "levcore/cascade.hpp"

#include <cmath>
#include <utility>
#include <vector>

#include "levcore/reachable.hpp"
#include "levcore/real.hpp"

namespace levcore {

Outcome shock(const SortedBook& book, const Market& market, std::span<const double> moves, Keep keep, Handed* handed) {
    return run_ledger(book, market, moves, keep, handed);
}

Outcome shock(const SortedBook& book, const Market& market, std::span<const double> moves, LadderWalk& walk) {
    std::vector<double> prices;
    std::vector<double> logs;
    for (std::size_t k = 0; k < moves.size(); ++k) {
        prices.push_back(market.assets[k].price * (1.0 + moves[k]));
        logs.push_back(log(prices.back()));
    }
    walk.begin();
    walk.step(logs, 0.0);
    return walk.inside() ? walk.report(prices, false) : run_ledger(book, market, moves, Keep{});
}

OneShock shock_once(const Venue& venue, const Positions& positions, std::span<const std::uint32_t> asset_of,
                    const Market& market, std::span<const double> moves, std::size_t threads) {
    const ReachablePositions reached = reachable_positions(venue, positions, asset_of, market, moves, threads);
    const std::vector<std::uint32_t> assets(asset_of.begin(), asset_of.end());
    const std::vector<std::uint32_t> collateral(venue.collateral_share.size(), 0);  // nobody has any
    const SortedBook sorted =
        sort_book(venue, {reached.positions(), {}}, assets, collateral, market.assets.size(), threads);
    Handed handed;
    handed.gross_notional = reached.gross_notional;
    OneShock one{run_ledger(sorted, market, moves, {.positions = true, .trace = true}, &handed), {}};
    const std::vector<std::int64_t> at = std::exchange(one.outcome.liquidated_at, {});
    one.liquidated.resize(positions.size());
    for (std::size_t i = 0; i < at.size(); ++i) one.liquidated[reached.position[i]] = at[i] >= 0 ? 1 : 0;
    return one;
}

Outcome run_path(const SortedBook& book, const Market& market, const Course& course, Keep keep, StepColumns* steps,
                 std::size_t place, Handed* handed) {
    return run_ledger(book, market, course, keep, steps, place, handed);
}

bool run_path(std::span<const double> logs, std::span<const double> days, std::size_t assets, LadderWalk& walk,
              const std::atomic<bool>& stop, const StepNotes& notes) {
    walk.begin();
    for (std::size_t t = 0; t < days.size() && walk.inside(); ++t) {
        if (stop.load(std::memory_order_relaxed)) throw Stopped{};
        walk.step(logs.subspan(t * assets, assets), days[t]);
        if (notes.to != nullptr) walk.note_step(*notes.to, notes.place + t, notes.prices.subspan(t * assets, assets));
    }
    if (notes.to != nullptr && !days.empty() && walk.inside())
        notes.to->convert(notes.place, days.size(), walk.settlement_price(notes.prices.last(assets)));
    return walk.inside();
}

double audit(const SortedBook& book, const Outcome& ladder, const Outcome& ledger, double gross) {
    // Money is compared in the settlement currency: what a coin is worth at the end is no matter.
    const bool in_coin = !book.asset_of.empty() && moves_by_inverse(book, book.asset_of.front());
    const auto unit = [&](const Outcome& o) { return in_coin ? o.assets[book.asset_of.front()].final_price : 1.0; };
    const auto apart_in = [&](double ours, double theirs) {
        return std::fabs(ours / unit(ladder) - theirs / unit(ledger));
    };
    double apart = apart_in(ladder.bad_debt, ledger.bad_debt) + apart_in(ladder.fees, ledger.fees) +
                   apart_in(ladder.insurance_fund, ledger.insurance_fund);
    double traded = 0.0;
    for (const std::size_t side : {longs, shorts}) {
        apart += std::fabs(ladder.liquidated.notional[side] - ledger.liquidated.notional[side]) / unit(ledger);
        traded += ledger.liquidated.notional[side] / unit(ledger);
    }
    return std::max(ledger.conservation_error, gross > 0.0 ? apart / std::max(gross, traded) : 0.0);
}

}  // namespace levcore
