#include <pybind11/stl.h>

#include <algorithm>
#include <optional>

#include "bind_cascade.hpp"
#include "bind_processes.hpp"
#include "interrupt.hpp"
#include "levcore/montecarlo.hpp"
#include "levcore/rate_classes.hpp"

namespace levcore::bindings {
namespace {

using namespace py::literals;

std::span<const double> all_of(const Column<double>& array) {
    return {array.data(), static_cast<std::size_t>(array.size())};
}

// What the scenario must hold, so that no path reads beyond it.
void check(const Scenario& scenario, std::size_t paths, std::size_t steps, std::size_t assets,
           std::uint64_t first = 0) {
    const auto needs = [](std::size_t has, std::size_t size) {
        if (has != size) throw std::invalid_argument("the scenario does not fit paths, steps and assets");
    };
    if (const auto* drawn = std::get_if<Drawn>(&scenario)) {
        needs(assets_of(drawn->process), assets);
        if (const Numbers& numbers = drawn->numbers; !numbers.given.empty()) {
            needs(numbers.given.size(), paths * steps * assets);
            needs(numbers.given_of_each_path, steps * assets);
            needs(static_cast<std::size_t>(numbers.given_first), static_cast<std::size_t>(first));
        }
    }
    if (const auto* given = std::get_if<GivenReturns>(&scenario)) needs(given->values.size(), paths * steps * assets);
    if (const auto* given = std::get_if<GivenPrices>(&scenario)) {
        needs(paths, 1);
        needs(given->values.size(), steps * assets);
    }
}

void check(const Ready& ready, const Market& market, const Column<double>& days) {
    if (market.assets.size() != ready.assets) throw std::invalid_argument("market must have the assets of the pair");
    (void)span_of(days, "days");
}

void check(const Ready& ready, const std::optional<Control>& control) {
    if (control && control->rule_of.size() != ready.sorted.positions.size())
        throw std::invalid_argument("control must have a rule, or none, for each position");
}

// Payments as three columns; by step, of instruments that there are.
std::vector<FundingDue> dues(const Ready& ready, const Column<std::int64_t>& step,
                             const Column<std::int32_t>& instrument, const Column<double>& rate) {
    const auto at = span_of(step, "funding_step");
    const auto of = span_of(instrument, "funding_instrument", at.size());
    const auto rates = span_of(rate, "funding_rate", at.size());
    std::vector<FundingDue> list;
    for (std::size_t i = 0; i < at.size(); ++i) {
        if (of[i] < 0 || static_cast<std::size_t>(of[i]) >= ready.sorted.asset_of.size() ||
            (i > 0 && at[i] < at[i - 1]))
            throw std::invalid_argument("funding must name instruments of the venue, by step");
        list.push_back({at[i], static_cast<std::uint32_t>(of[i]), rates[i]});
    }
    return list;
}

// Who is called by which rule, made for one run.
std::optional<Controlled> owners_of(const Ready& ready, const Market& market, const std::optional<Control>& control,
                                    bool pays_funding) {
    if (!control) return std::nullopt;
    return gather_owners(ready.sorted, market, *control, pays_funding);
}

// Counts of a run, until somebody asks for them by position; the sorted book is the Python object's.
struct HeldCounts {
    py::object book;
    const SortedBook* sorted;
    std::size_t threads;
    Counted counted;

    py::dict columns() const {
        Tally all;
        {
            py::gil_scoped_release unlocked;
            all = counted.written(*sorted, threads);
        }
        py::dict result;
        result["position_count"] = adopt(std::move(all.count));
        result["position_step_sum"] = adopt(std::move(all.step_sum));
        return result;
    }
};

py::dict run(const py::object& book, const Market& market, const HeldScenario& scenario, std::size_t paths,
             const Column<double>& days, std::size_t threads, std::size_t chunk, bool keep_steps,
             const py::object& watch, const Column<std::int64_t>& funding_step,
             const Column<std::int32_t>& funding_instrument, const Column<double>& funding_rate, bool ladder,
             bool rounds, bool ask_all, std::uint64_t first, bool audit, const std::optional<Control>& control) {
    const auto& ready = book.cast<const Ready&>();
    check(ready, market, days);
    const std::span<const double> per_step = span_of(days, "days");
    check(scenario.scenario, paths, per_step.size(), ready.assets, first);
    if (ladder && (!ready.ladder || control || (funding_step.size() > 0 && !has_rate_classes(ready.sorted))))
        throw std::invalid_argument("these paths are not for the ladder");
    if (threads == 0 || chunk == 0) throw std::invalid_argument("threads and chunk must be >= 1");
    if (first > 0 && !std::holds_alternative<Drawn>(scenario.scenario))
        throw std::invalid_argument("only paths of a process may begin at another than the first");
    const std::vector<FundingDue> funding = dues(ready, funding_step, funding_instrument, funding_rate);
    check(ready, control);
    Progress progress;
    Runs runs;
    {
        py::gil_scoped_release unlocked;
        run_watched(
            [&] {
                const std::optional<Controlled> owners = owners_of(ready, market, control, !funding.empty());
                runs = run_paths(
                    ready.sorted, market, scenario.scenario,
                    {paths, per_step.size(), per_step, threads, chunk, keep_steps, funding,
                     ladder ? &*ready.ladder : nullptr, rounds, ask_all, first, audit, owners ? &*owners : nullptr},
                    progress);
            },
            [&] {
                if (!watch.is_none()) watch(progress.done.load());
            },
            [&] { progress.stop = true; });
    }
    py::dict result = columns(std::move(runs.outcomes));
    result["counted"] = HeldCounts{book, &ready.sorted, threads, std::move(runs.counted)};
    if (keep_steps) result["steps"] = step_columns(std::move(runs.steps), ready.assets);
    return result;
}

py::dict run_one(const Ready& ready, const Market& market, const HeldScenario& scenario, std::size_t path,
                 std::size_t paths, const Column<double>& days, const Column<std::int64_t>& funding_step,
                 const Column<std::int32_t>& funding_instrument, const Column<double>& funding_rate,
                 const std::optional<Control>& control) {
    check(ready, market, days);
    const std::span<const double> per_step = span_of(days, "days");
    check(scenario.scenario, paths, per_step.size(), ready.assets);
    if (path >= paths) throw std::invalid_argument("path must be one of the paths");
    const std::vector<FundingDue> funding = dues(ready, funding_step, funding_instrument, funding_rate);
    check(ready, control);
    std::atomic<bool> stop{false};
    std::vector<Outcome> outcomes(1);
    StepColumns steps;
    {
        py::gil_scoped_release unlocked;
        run_watched(
            [&] {
                std::vector<double> start;
                for (const Asset& asset : market.assets) start.push_back(asset.price);
                std::vector<double> prices(per_step.size() * ready.assets);
                draw(scenario.scenario, start, path, per_step.size(), prices);
                steps.resize(per_step.size(), ready.assets);
                Keep keep{true, true};
                keep.stop = &stop;
                const std::optional<Controlled> owners = owners_of(ready, market, control, !funding.empty());
                outcomes.front() = run_path(
                    ready.sorted, market, {prices, per_step, funding, owners ? &*owners : nullptr, path}, keep, &steps);
            },
            [] {}, [&] { stop = true; });
    }
    py::dict result = columns(outcomes.front());
    result["liquidated_at"] = adopt(std::move(outcomes.front().liquidated_at));
    result["trace"] = trace(outcomes.front(), ready.assets);
    result["steps"] = step_columns(std::move(steps), ready.assets);
    return result;
}

Column<double> price_paths(const HeldScenario& scenario, const Column<double>& start, std::size_t paths,
                           std::size_t steps, const std::optional<Column<double>>& out) {
    const std::span<const double> from = span_of(start, "start");
    const auto* drawn = std::get_if<Drawn>(&scenario.scenario);
    if (drawn == nullptr) throw std::invalid_argument("only a process draws paths");
    check(scenario.scenario, paths, steps, from.size());
    // Not a vector, which would fill it with zeros first.
    Column<double> prices = out ? *out
                                : Column<double>({static_cast<py::ssize_t>(paths), static_cast<py::ssize_t>(steps),
                                                  static_cast<py::ssize_t>(from.size())});
    const std::span<double> all(prices.mutable_data(), static_cast<std::size_t>(prices.size()));
    if (all.size() != paths * steps * from.size()) throw std::invalid_argument("out has another size");
    {
        py::gil_scoped_release unlocked;
        Interrupts interrupts;
        PriceBlocks blocks(*drawn, from, steps);
        const std::size_t each = steps * from.size();
        for (std::size_t i = 0; i < paths; i += PriceBlocks::most_paths) {
            blocks.begin(i, std::min(PriceBlocks::most_paths, paths - i));
            while (blocks.next(all.subspan(i * each))) interrupts.poll();
        }
    }
    return prices;
}

}  // namespace

void bind_control(py::module_& m) {
    py::class_<TopUp>(m, "TopUp", "When owners add or take out collateral.")
        .def(py::init([](double above, double below, double to, double probability, double delay, double reserve) {
                 return TopUp{above, below, to, probability, delay, reserve};
             }),
             py::kw_only(), "above"_a, "below"_a, "to"_a, "probability"_a, "delay"_a, "reserve"_a);
    py::class_<Control>(m, "Control", "Which owners follow which rule, and whose numbers they draw.")
        .def(py::init([](std::vector<TopUp> rules, const Column<std::int32_t>& rule_of, std::uint64_t seed,
                         std::uint64_t first_path) {
                 const auto of = span_of(rule_of, "rule_of");
                 for (const std::int32_t rule : of)
                     if (rule < no_rule || rule >= static_cast<std::int32_t>(rules.size()))
                         throw std::invalid_argument("rule_of must name rules");
                 return Control{std::move(rules), {of.begin(), of.end()}, seed, first_path};
             }),
             "rules"_a, "rule_of"_a.noconvert(), py::kw_only(), "seed"_a, "first_path"_a);
}

void bind_montecarlo(py::module_& m) {
    bind_control(m);
    auto scenario = py::class_<HeldScenario>(m, "Scenario", "What the outside world does.");
    bind_processes(scenario);
    scenario
        .def_static(
            "returns", [](const Column<double>& v) { return HeldScenario{GivenReturns{all_of(v)}, v}; },
            "values"_a.noconvert())
        .def_static(
            "prices", [](const Column<double>& v) { return HeldScenario{GivenPrices{all_of(v)}, v}; },
            "values"_a.noconvert())
        .def("price_paths", &price_paths, "start"_a.noconvert(), "paths"_a, "steps"_a, "out"_a.noconvert() = py::none(),
             "Prices at the ends of steps: paths x steps x assets; in the memory of `out`, if it is given.");
    py::class_<HeldCounts>(m, "Counts", "Liquidations of a run by position, not told yet.")
        .def("columns", &HeldCounts::columns,
             "How often each position was liquidated, and the sum of the steps of it.");
    m.def("run_paths", &run, "ready"_a, "market"_a, "scenario"_a, "paths"_a, "days"_a.noconvert(), py::kw_only(),
          "threads"_a, "chunk"_a, "keep_steps"_a, "watch"_a, "funding_step"_a.noconvert(),
          "funding_instrument"_a.noconvert(), "funding_rate"_a.noconvert(), "ladder"_a = false, "rounds"_a = true,
          "ask_all"_a = false, "first"_a = std::uint64_t{0}, "audit"_a = true, "control"_a = py::none(),
          "Columns of outcomes, one a path; watch(done) is called every 50 ms and may raise. ask_all: every account is "
          "asked at every margin check. first: number of the first path, of a process; audit: a sample of the ladder's "
          "paths is run by the ledger, too.");
    m.def("run_one", &run_one, "ready"_a, "market"_a, "scenario"_a, "path"_a, "paths"_a, "days"_a.noconvert(),
          py::kw_only(), "funding_step"_a.noconvert(), "funding_instrument"_a.noconvert(), "funding_rate"_a.noconvert(),
          "control"_a = py::none(), "One path whole.");
}

}  // namespace levcore::bindings
