#include "bind_cascade.hpp"

namespace levcore::bindings {
namespace {

// Very many outcomes take a while to become columns: Ctrl-C is heard between two of them.
void hear_interrupts() {
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
}

// One number an outcome, as a column.
template <class T, class F>
py::array_t<T> field(const std::vector<Outcome>& outcomes, F&& value) {
    hear_interrupts();
    std::vector<T> column;
    column.reserve(outcomes.size());
    for (const Outcome& o : outcomes) column.push_back(static_cast<T>(value(o)));
    return adopt(std::move(column));
}

// One number an outcome and asset, as a matrix.
template <class F>
py::array_t<double> asset_field(const std::vector<Outcome>& outcomes, std::size_t assets, F&& value) {
    hear_interrupts();
    std::vector<double> matrix;
    matrix.reserve(outcomes.size() * assets);
    for (const Outcome& o : outcomes)
        for (const AssetOutcome& a : o.assets) matrix.push_back(value(a));
    return adopt(std::move(matrix), {static_cast<py::ssize_t>(outcomes.size()), static_cast<py::ssize_t>(assets)});
}

}  // namespace

py::dict columns(const std::vector<Outcome>& outcomes, std::size_t assets) {
    py::dict d;
    const auto number = [&](const char* name, auto&& value) { d[name] = field<double>(outcomes, value); };
    const auto count = [&](const char* name, auto&& value) { d[name] = field<std::int64_t>(outcomes, value); };
    const auto price = [&](const char* name, auto&& value) { d[name] = asset_field(outcomes, assets, value); };
    count("rounds", [](const Outcome& o) { return o.rounds; });
    count("cascade_depth", [](const Outcome& o) { return o.cascade_depth; });
    count("first_liquidation", [](const Outcome& o) { return o.first_liquidation; });
    count("liquidated_count_long", [](const Outcome& o) { return o.liquidated.count[longs]; });
    count("liquidated_count_short", [](const Outcome& o) { return o.liquidated.count[shorts]; });
    number("liquidated_notional_long", [](const Outcome& o) { return o.liquidated.notional[longs]; });
    number("liquidated_notional_short", [](const Outcome& o) { return o.liquidated.notional[shorts]; });
    number("bad_debt", [](const Outcome& o) { return o.bad_debt; });
    number("insurance_fund", [](const Outcome& o) { return o.insurance_fund; });
    number("insurance_fund_low", [](const Outcome& o) { return o.insurance_fund_low; });
    number("deleveraged_notional", [](const Outcome& o) { return o.deleveraged_notional; });
    number("taken_over_notional", [](const Outcome& o) { return o.taken_over_notional; });
    number("socialised_loss", [](const Outcome& o) { return o.socialised_loss; });
    number("fees", [](const Outcome& o) { return o.fees; });
    number("conservation_error", [](const Outcome& o) { return o.conservation_error; });
    std::vector<double> own_funds;
    for (const Outcome& o : outcomes) own_funds.insert(own_funds.end(), o.own_funds.begin(), o.own_funds.end());
    const std::size_t funds = outcomes.empty() ? 0 : own_funds.size() / outcomes.size();
    d["own_funds"] =
        adopt(std::move(own_funds), {static_cast<py::ssize_t>(outcomes.size()), static_cast<py::ssize_t>(funds)});
    d["exhausted"] = field<std::uint8_t>(outcomes, [](const Outcome& o) { return o.exhausted; });
    count("waiting", [](const Outcome& o) { return o.waiting; });
    d["by_ladder"] = field<std::uint8_t>(outcomes, [](const Outcome& o) { return o.by_ladder; });
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
    std::vector<std::int64_t> step;
    for (const RoundOutcome& r : rows) step.push_back(r.step);
    d["step"] = adopt(std::move(step));
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

py::dict step_columns(StepColumns&& steps, std::size_t assets) {
    const auto rows = static_cast<py::ssize_t>(steps.bad_debt.size());
    const std::vector<py::ssize_t> shape{rows, static_cast<py::ssize_t>(assets)};
    py::dict d;
    d["mark_price"] = adopt(std::move(steps.mark), shape);
    d["fundamental_price"] = adopt(std::move(steps.fundamental), shape);
    d["liquidated_notional_long"] = adopt(std::move(steps.notional[longs]));
    d["liquidated_notional_short"] = adopt(std::move(steps.notional[shorts]));
    d["bad_debt"] = adopt(std::move(steps.bad_debt));
    d["insurance_fund"] = adopt(std::move(steps.insurance_fund));
    return d;
}

}  // namespace levcore::bindings
