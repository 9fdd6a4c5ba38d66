#include <array>
#include <atomic>

#include "bind_cascade.hpp"

namespace levcore::bindings {

py::dict columns(OutcomeColumns&& outcomes) {
    py::dict d;
    const auto rows = static_cast<py::ssize_t>(outcomes.size());
    const std::vector<py::ssize_t> by_asset{rows, static_cast<py::ssize_t>(outcomes.assets)};
    for (std::size_t f = 0; f < outcome_counts.size(); ++f)
        d[outcome_counts[f].name] = adopt(std::move(outcomes.counts[f]));
    for (std::size_t f = 0; f < outcome_numbers.size(); ++f)
        d[outcome_numbers[f].name] = adopt(std::move(outcomes.numbers[f]));
    for (std::size_t f = 0; f < outcome_flags.size(); ++f)
        d[outcome_flags[f].name] = adopt(std::move(outcomes.flags[f]));
    for (std::size_t f = 0; f < outcome_prices.size(); ++f)
        d[outcome_prices[f].name] = adopt(std::move(outcomes.prices[f]), by_asset);
    constexpr std::array<const char*, 2> count_of{"liquidated_count_long", "liquidated_count_short"};
    constexpr std::array<const char*, 2> notional_of{"liquidated_notional_long", "liquidated_notional_short"};
    for (const std::size_t side : {longs, shorts}) {
        d[count_of[side]] = adopt(std::move(outcomes.liquidated_count[side]));
        d[notional_of[side]] = adopt(std::move(outcomes.liquidated_notional[side]));
    }
    d["fault"] = adopt(std::move(outcomes.fault));
    d["own_funds"] = adopt(std::move(outcomes.own_funds), {rows, static_cast<py::ssize_t>(outcomes.funds)});
    return d;
}

py::dict columns(const Outcome& outcome) {
    const std::atomic<bool> stop{false};
    OutcomeColumns one(1, outcome.assets.size(), outcome.own_funds.size(), stop);
    one.put(0, outcome);
    return columns(std::move(one));
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
