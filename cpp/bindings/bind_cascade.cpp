#include <pybind11/stl.h>

#include "bind_venue.hpp"
#include "interrupt.hpp"
#include "levcore/cascade.hpp"

namespace levcore::bindings {
namespace {

using namespace py::literals;

// A sorted book and the columns that it looks at.
struct Ready {
    py::object book;  // a bound Book, kept alive
    SortedBook sorted;
    std::size_t assets;
};

std::unique_ptr<Ready> prepare(py::object book, std::vector<std::uint32_t> asset_of, std::size_t assets) {
    const auto& held = book.cast<const HeldBook&>();
    if (asset_of.size() != held.venue.instruments.size())
        throw std::invalid_argument("asset_of must have one entry an instrument");
    for (const std::uint32_t k : asset_of)
        if (k >= assets) throw std::invalid_argument("asset_of must name assets of the market");
    SortedBook sorted;
    {
        py::gil_scoped_release unlocked;
        sorted = sort_book(held.venue, held.positions, std::move(asset_of), assets);
    }
    return std::make_unique<Ready>(Ready{std::move(book), std::move(sorted), assets});
}

// One number an outcome, as a column.
template <class T, class F>
py::array_t<T> field(const std::vector<Outcome>& outcomes, F&& value) {
    std::vector<T> column;
    column.reserve(outcomes.size());
    for (const Outcome& o : outcomes) column.push_back(static_cast<T>(value(o)));
    return adopt(std::move(column));
}

// One number an outcome and asset, as a matrix.
template <class F>
py::array_t<double> asset_field(const std::vector<Outcome>& outcomes, std::size_t assets, F&& value) {
    std::vector<double> matrix;
    matrix.reserve(outcomes.size() * assets);
    for (const Outcome& o : outcomes)
        for (const AssetOutcome& a : o.assets) matrix.push_back(value(a));
    return adopt(std::move(matrix), {static_cast<py::ssize_t>(outcomes.size()), static_cast<py::ssize_t>(assets)});
}

py::dict columns(const std::vector<Outcome>& outcomes, std::size_t assets) {
    py::dict d;
    const auto number = [&](const char* name, auto&& value) { d[name] = field<double>(outcomes, value); };
    const auto count = [&](const char* name, auto&& value) { d[name] = field<std::int64_t>(outcomes, value); };
    const auto price = [&](const char* name, auto&& value) { d[name] = asset_field(outcomes, assets, value); };
    count("rounds", [](const Outcome& o) { return o.rounds; });
    count("liquidated_count_long", [](const Outcome& o) { return o.liquidated.count[longs]; });
    count("liquidated_count_short", [](const Outcome& o) { return o.liquidated.count[shorts]; });
    number("liquidated_notional_long", [](const Outcome& o) { return o.liquidated.notional[longs]; });
    number("liquidated_notional_short", [](const Outcome& o) { return o.liquidated.notional[shorts]; });
    number("bad_debt", [](const Outcome& o) { return o.bad_debt; });
    number("insurance_fund", [](const Outcome& o) { return o.insurance_fund; });
    number("insurance_fund_low", [](const Outcome& o) { return o.insurance_fund_low; });
    number("deleveraged_notional", [](const Outcome& o) { return o.deleveraged_notional; });
    number("socialised_loss", [](const Outcome& o) { return o.socialised_loss; });
    number("fees", [](const Outcome& o) { return o.fees; });
    number("conservation_error", [](const Outcome& o) { return o.conservation_error; });
    d["exhausted"] = field<std::uint8_t>(outcomes, [](const Outcome& o) { return o.exhausted; });
    count("fault", [](const Outcome& o) { return static_cast<std::int64_t>(o.fault); });
    count("faulty_asset", [](const Outcome& o) { return o.faulty_asset; });
    price("fundamental_price", [](const AssetOutcome& a) { return a.fundamental; });
    price("final_price", [](const AssetOutcome& a) { return a.final_price; });
    price("lowest_price", [](const AssetOutcome& a) { return a.lowest_price; });
    price("highest_price", [](const AssetOutcome& a) { return a.highest_price; });
    price("amplification", [](const AssetOutcome& a) { return a.amplification; });
    price("depth_used", [](const AssetOutcome& a) { return a.depth_used; });
    return d;
}

// The rounds of one outcome, a column a name.
py::dict trace(const Outcome& outcome, std::size_t assets) {
    py::dict d;
    const auto& rows = outcome.trace;
    const auto number = [&](const char* name, auto&& value) {
        std::vector<double> column;
        for (const RoundOutcome& r : rows) column.push_back(value(r));
        d[name] = adopt(std::move(column));
    };
    const auto count = [&](const char* name, std::size_t side) {
        std::vector<std::int64_t> column;
        for (const RoundOutcome& r : rows) column.push_back(r.liquidated.count[side]);
        d[name] = adopt(std::move(column));
    };
    count("liquidated_count_long", longs);
    count("liquidated_count_short", shorts);
    number("liquidated_notional_long", [](const RoundOutcome& r) { return r.liquidated.notional[longs]; });
    number("liquidated_notional_short", [](const RoundOutcome& r) { return r.liquidated.notional[shorts]; });
    number("bad_debt", [](const RoundOutcome& r) { return r.bad_debt; });
    number("deleveraged_notional", [](const RoundOutcome& r) { return r.deleveraged_notional; });
    number("socialised_loss", [](const RoundOutcome& r) { return r.socialised_loss; });
    number("fees", [](const RoundOutcome& r) { return r.fees; });
    number("insurance_fund", [](const RoundOutcome& r) { return r.insurance_fund; });
    std::vector<double> marks;
    for (const RoundOutcome& r : rows) marks.insert(marks.end(), r.mark.begin(), r.mark.end());
    d["mark_price"] =
        adopt(std::move(marks), {static_cast<py::ssize_t>(rows.size()), static_cast<py::ssize_t>(assets)});
    return d;
}

py::dict run(const Ready& ready, const Market& market, const Column<double>& moves, bool whole, bool holdings,
             bool one_by_one) {
    if (moves.ndim() != 2 || static_cast<std::size_t>(moves.shape(1)) != ready.assets ||
        market.assets.size() != ready.assets)
        throw std::invalid_argument("moves must have shape (scenarios, assets)");
    std::vector<Outcome> outcomes;
    {
        py::gil_scoped_release unlocked;
        Interrupts interrupts;
        const std::span<const double> all{moves.data(), static_cast<std::size_t>(moves.size())};
        for (std::size_t at = 0; at < all.size(); at += ready.assets) {
            outcomes.push_back(
                shock(ready.sorted, market, all.subspan(at, ready.assets), Keep{whole, whole, holdings, one_by_one}));
            interrupts.poll();
        }
    }
    py::dict result = columns(outcomes, ready.assets);
    if (whole && outcomes.size() == 1) {
        result["liquidated"] = adopt(std::move(outcomes.front().is_liquidated));
        result["trace"] = trace(outcomes.front(), ready.assets);
    }
    if (holdings && outcomes.size() == 1) {
        result["quantity_left"] = adopt(std::move(outcomes.front().quantity_left));
        result["cash_left"] = adopt(std::move(outcomes.front().cash_left));
    }
    return result;
}

}  // namespace

void bind_cascade(py::module_& m) {
    py::class_<Ready>(m, "Ready", "A book sorted for a market.")
        .def(py::init(&prepare), "book"_a, "asset_of"_a, "assets"_a)
        .def("shock", &run, "market"_a, "moves"_a.noconvert(), "whole"_a, py::kw_only(), "holdings"_a = false,
             "one_by_one"_a = false,
             "Columns of outcomes, one a row of moves; who was liquidated and the trace too where whole. holdings: "
             "what is "
             "left of one run's positions. one_by_one: no "
             "block of positions is booked as one order.");
}

}  // namespace levcore::bindings
