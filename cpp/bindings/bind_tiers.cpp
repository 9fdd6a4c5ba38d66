#include <pybind11/stl.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "arrays.hpp"
#include "levcore/tiers.hpp"

namespace levcore::bindings {
namespace {

using namespace py::literals;

Measure measure_of(const std::string& name) {
    if (name == "notional") return Measure::notional;
    if (name == "contracts") return Measure::contracts;
    if (name == "entry") return Measure::entry;
    throw std::invalid_argument("measure must be 'notional', 'contracts' or 'entry', was '" + name + "'");
}

MarginTiers make_tiers(std::vector<double> floor, std::vector<double> rate,
                       std::optional<std::vector<double>> deduction, bool whole_position, const std::string& measure) {
    MarginTiers tiers;
    tiers.floor = std::move(floor);
    tiers.rate = std::move(rate);
    tiers.whole_position = whole_position;
    tiers.measure = measure_of(measure);
    if (deduction)
        tiers.deduction = std::move(*deduction);
    else if (whole_position || tiers.rate.size() != tiers.floor.size())
        tiers.deduction.assign(tiers.floor.size(), 0.0);
    else
        tiers.deduction = continuous_deductions(tiers.floor, tiers.rate, 0.0);
    if (const std::string wrong = validate(tiers); !wrong.empty()) throw std::invalid_argument(wrong);
    return tiers;
}

MarginTiers make_size_margin(double rate, double share, double per_size, bool square_root) {
    MarginTiers tiers{{0.0}, {rate}, {0.0}, false, Measure::contracts, {share, per_size, square_root}};
    for (const std::string& wrong : {validate(tiers), validate(tiers.premium)})
        if (!wrong.empty()) throw std::invalid_argument(wrong);
    return tiers;
}

}  // namespace

void bind_tiers(py::module_& m) {
    py::class_<MarginTiers>(m, "MarginTiers", "A checked table of margin tiers.")
        .def(py::init(&make_tiers), "floor"_a, "maintenance_rate"_a, "deduction"_a, "whole_position"_a, "measure"_a)
        .def_static("by_size", &make_size_margin, py::kw_only(), "rate"_a, "share"_a, "per_size"_a, "square_root"_a)
        .def_property_readonly("deduction", [](const MarginTiers& t) { return t.deduction; })
        .def(
            "rate_at",
            [](const MarginTiers& t, const Column<double>& contracts) {
                const auto in = span_of(contracts, "contracts");
                return column_of(in.size(), [&](std::size_t i) { return rate_at(t, tier_of(t, in[i]), in[i]); });
            },
            "contracts"_a.noconvert())
        .def(
            "tier",
            [](const MarginTiers& t, const Column<double>& size) {
                const auto in = span_of(size, "size");
                std::vector<std::int64_t> tier(in.size());
                for (std::size_t i = 0; i < in.size(); ++i) tier[i] = static_cast<std::int64_t>(tier_of(t, in[i]));
                return adopt(std::move(tier));
            },
            "size"_a.noconvert())
        .def(
            "requirement",
            [](const MarginTiers& t, const Column<double>& notional) {
                const auto in = span_of(notional, "notional");
                return column_of(in.size(), [&](std::size_t i) { return requirement(t, in[i]); });
            },
            "notional"_a.noconvert());
}

}  // namespace levcore::bindings
