#include "bind_cascade.hpp"

#include <pybind11/stl.h>

#include "interrupt.hpp"
#include "levcore/cascade.hpp"
#include "levcore/parallel.hpp"
#include "levcore/rate_classes.hpp"
#include "levcore/reachable.hpp"

namespace levcore::bindings {
namespace {

using namespace py::literals;

constexpr std::size_t worth_a_thread = 32;  // shocks: fewer are done before another one has started

void check_assets(const Venue& venue, const std::vector<std::uint32_t>& asset_of, std::size_t assets) {
    if (asset_of.size() != venue.instruments.size())
        throw std::invalid_argument("asset_of must have one entry an instrument");
    for (const std::uint32_t k : asset_of)
        if (k >= assets) throw std::invalid_argument("asset_of must name assets of the market");
}

std::unique_ptr<Ready> prepare(py::object book, std::vector<std::uint32_t> asset_of,
                               std::vector<std::uint32_t> collateral_asset, std::size_t assets, std::size_t threads) {
    const auto& held = book.cast<const HeldBook&>();
    check_assets(held.venue, asset_of, assets);
    if (collateral_asset.size() != held.venue.collateral_share.size())
        throw std::invalid_argument("collateral_asset must have one entry a collateral");
    for (const std::uint32_t k : collateral_asset)
        if (k >= assets) throw std::invalid_argument("collateral_asset must name assets of the market");
    SortedBook sorted;
    {
        py::gil_scoped_release unlocked;
        sorted = sort_book(held.venue, held.book(), std::move(asset_of), std::move(collateral_asset), assets, threads);
    }
    return std::make_unique<Ready>(Ready{std::move(book), std::move(sorted), assets});
}

// Makes the pair's ladder, and says what keeps it off.
std::int32_t make_ladder(Ready& ready, const Market& market, std::size_t threads) {
    if (market.assets.size() != ready.assets) throw std::invalid_argument("market must have the assets of the pair");
    py::gil_scoped_release unlocked;
    watch_accounts(ready.sorted, market);
    ready.outside = market.reacts() ? Outside::order_books_react : outside_of_ladder(ready.sorted);
    if (ready.outside == Outside::nothing) ready.ladder = build_ladder(ready.sorted, market, threads);
    return static_cast<std::int32_t>(ready.outside);
}

// Positions of an asset's side in the order of liquidation, and their keys.
py::tuple order(const Ready& ready, std::size_t asset, std::size_t side) {
    if (asset >= ready.assets || side > shorts) throw std::invalid_argument("there is no such side");
    const SortedSide& sorted = ready.sorted.sides[asset][side];
    return py::make_tuple(py::array_t<std::uint32_t>(static_cast<py::ssize_t>(sorted.size()), sorted.position.data()),
                          py::array_t<double>(static_cast<py::ssize_t>(sorted.size()), sorted.key.data()));
}

// A row for each of some moves.
OutcomeColumns room_for(const Ready& ready, const Column<double>& moves) {
    const std::atomic<bool> stop{false};
    return {static_cast<std::size_t>(moves.shape(0)), ready.assets, ready.sorted.venue.backstop.funds.size() - 1, stop};
}

// Shock after shock, as many threads at it as are worth starting. The first one's other run, by the ledger, which the
// audit takes, is some hundred times as long: it begins at once.
py::dict run_on_ladder(const Ready& ready, const Market& market, const Column<double>& moves, bool rounds,
                       std::size_t threads) {
    if (!ready.ladder) throw std::invalid_argument("the pair has no ladder");
    if (moves.ndim() != 2 || static_cast<std::size_t>(moves.shape(1)) != ready.assets)
        throw std::invalid_argument("moves must have shape (scenarios, assets)");
    OutcomeColumns outcomes = room_for(ready, moves);
    constexpr std::size_t at_once = 16;
    const std::size_t chunks = (outcomes.size() + at_once - 1) / at_once;
    {
        py::gil_scoped_release unlocked;
        Interrupts interrupts;
        threads = std::clamp<std::size_t>(outcomes.size() / worth_a_thread, 1, std::max<std::size_t>(threads, 1));
        std::vector<LadderWalk> walks;
        for (std::size_t i = 0; i < threads; ++i) walks.emplace_back(ready.sorted, market, *ready.ladder, rounds);
        const std::span<const double> all{moves.data(), static_cast<std::size_t>(moves.size())};
        const auto row = [&](std::size_t i) { return all.subspan(i * ready.assets, ready.assets); };
        std::optional<Outcome> first;
        std::atomic<bool> stop{false};
        run_chunks(threads, 1 + chunks, stop, [&](std::size_t thread, std::size_t chunk) {
            if (chunk == 0) {
                if (outcomes.size() > 0) first = shock(ready.sorted, market, row(0), Keep{});
                return;
            }
            const std::size_t end = std::min(outcomes.size(), chunk * at_once);
            for (std::size_t i = (chunk - 1) * at_once; i < end; ++i)
                outcomes.put(i, shock(ready.sorted, market, row(i), walks[thread]));
            if (thread == 0) interrupts.poll();  // the calling one
        });
        audit_sample(ready.sorted, outcomes, gross_notional(ready.sorted, market),
                     [&](std::size_t i) { return i == 0 ? *first : shock(ready.sorted, market, row(i), Keep{}); });
    }
    return columns(std::move(outcomes));
}

py::dict run(const Ready& ready, const Market& market, const Column<double>& moves, bool whole, bool holdings,
             bool one_by_one, bool ask_all) {
    if (moves.ndim() != 2 || static_cast<std::size_t>(moves.shape(1)) != ready.assets ||
        market.assets.size() != ready.assets)
        throw std::invalid_argument("moves must have shape (scenarios, assets)");
    OutcomeColumns outcomes = room_for(ready, moves);
    Outcome last;
    {
        py::gil_scoped_release unlocked;
        Interrupts interrupts;
        const std::span<const double> all{moves.data(), static_cast<std::size_t>(moves.size())};
        Handed handed;
        for (std::size_t i = 0; i < outcomes.size(); ++i) {
            const auto row = all.subspan(i * ready.assets, ready.assets);
            last = shock(ready.sorted, market, row, Keep{whole, whole, holdings, one_by_one, ask_all}, &handed);
            outcomes.put(i, last);
            interrupts.poll();
        }
    }
    const bool is_one = outcomes.size() == 1;
    py::dict result = columns(std::move(outcomes));
    if (whole && is_one) {
        result["liquidated_at"] = adopt(std::move(last.liquidated_at));
        result["trace"] = trace(last, ready.assets);
    }
    if (holdings && is_one) {
        result["quantity_left"] = adopt(std::move(last.quantity_left));
        result["cash_left"] = adopt(std::move(last.cash_left));
    }
    return result;
}

// Cascades that orders of others set off, one a row of volumes: where the order books stand then, and what went wrong.
py::dict push(const Ready& ready, const Market& market, const Column<double>& volumes) {
    if (volumes.ndim() != 2 || static_cast<std::size_t>(volumes.shape(1)) != ready.assets ||
        market.assets.size() != ready.assets)
        throw std::invalid_argument("volumes must have shape (orders, assets)");
    const auto orders = static_cast<std::size_t>(volumes.shape(0));
    std::vector<double> stand;
    std::vector<std::int64_t> fault;
    std::vector<std::int64_t> faulty_asset;
    {
        py::gil_scoped_release unlocked;
        Interrupts interrupts;
        const std::span<const double> all{volumes.data(), static_cast<std::size_t>(volumes.size())};
        for (std::size_t i = 0; i < orders; ++i) {
            const Outcome one = push_ledger(ready.sorted, market, all.subspan(i * ready.assets, ready.assets), Keep{});
            for (const AssetOutcome& asset : one.assets) stand.push_back(asset.displacement);
            fault.push_back(static_cast<std::int64_t>(one.fault));
            faulty_asset.push_back(one.faulty_asset);
            interrupts.poll();
        }
    }
    py::dict result;
    result["volumes"] = adopt(std::move(stand), {volumes.shape(0), volumes.shape(1)});
    result["fault"] = adopt(std::move(fault));
    result["faulty_asset"] = adopt(std::move(faulty_asset));
    return result;
}

// One shock of a book that is not sorted; none where the venue wants it sorted whole.
py::object run_once(const HeldBook& held, const std::vector<std::uint32_t>& asset_of, const Market& market,
                    const Column<double>& moves, std::size_t threads) {
    check_assets(held.venue, asset_of, market.assets.size());
    const std::span<const double> row = span_of(moves, "moves", market.assets.size());
    if (held.cross.size() > 0 || !touches_none_beyond_reach(held.venue, market.assets.size())) return py::none();
    const std::atomic<bool> stop{false};
    OutcomeColumns outcomes(1, market.assets.size(), held.venue.backstop.funds.size() - 1, stop);
    OneShock one;
    {
        py::gil_scoped_release unlocked;
        one = shock_once(held.venue, held.positions, asset_of, market, row, threads);
        outcomes.put(0, one.outcome);
    }
    py::dict result = columns(std::move(outcomes));
    result["liquidated"] = adopt(std::move(one.liquidated));
    result["trace"] = trace(one.outcome, market.assets.size());
    return result;
}

}  // namespace

void bind_cascade(py::module_& m) {
    py::class_<Ready>(m, "Ready", "A book sorted for a market.")
        .def(py::init(&prepare), "book"_a, "asset_of"_a, "collateral_asset"_a, "assets"_a, "threads"_a)
        .def("make_ladder", &make_ladder, "market"_a, "threads"_a,
             "What keeps the pair off the ladder; 0: nothing, it is made.")
        .def(
            "has_rate_classes", [](const Ready& ready) { return has_rate_classes(ready.sorted); },
            "Whether a run with funding is for the ladder, if one without is.")
        .def("order", &order, "asset"_a, "side"_a,
             "Positions of a side (0 longs, 1 shorts) in the order of liquidation, and what they are sorted by.")
        .def("shock_on_ladder", &run_on_ladder, "market"_a, "moves"_a.noconvert(), "rounds"_a, "threads"_a,
             "Columns of outcomes, one a row of moves, of the market that the ladder was made for.")
        .def("shock", &run, "market"_a, "moves"_a.noconvert(), "whole"_a, py::kw_only(), "holdings"_a = false,
             "one_by_one"_a = false, "ask_all"_a = false,
             "Columns of outcomes, one a row of moves; who was liquidated and the trace too where whole. holdings: "
             "what is "
             "left of one run's positions. one_by_one: no "
             "block of positions is booked as one order. ask_all: every account is asked at every margin check.")
        .def("push", &push, "market"_a, "volumes"_a.noconvert(),
             "Where order books stand after cascades that orders of these volumes set off, and faults.");
    m.def("shock_once", &run_once, "book"_a, "asset_of"_a, "market"_a, "moves"_a.noconvert(), "threads"_a,
          "One shock of a book that is not sorted but as far as it can reach; None where its venue wants more.");
}

}  // namespace levcore::bindings
