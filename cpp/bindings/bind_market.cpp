#include <pybind11/stl.h>

#include <optional>

#include "arrays.hpp"
#include "levcore/market.hpp"

namespace levcore::bindings {
namespace {

using namespace py::literals;

// An impact shape behind one door, so that the variant's members need no classes of their own.
struct Shape {
    Impact impact;
};

py::array_t<double> log_impacts(const Shape& shape, const Column<double>& displacement) {
    const auto x = span_of(displacement, "displacement");
    return column_of(x.size(), [&](std::size_t i) { return log_impact(shape.impact, x[i]); });
}

py::array_t<double> average_ratios(const Shape& shape, const Column<double>& displacement,
                                   const Column<double>& order) {
    const auto x = span_of(displacement, "displacement");
    const auto size = span_of(order, "order", x.size());
    return column_of(x.size(), [&](std::size_t i) { return average_ratio(shape.impact, x[i], size[i]); });
}

Shape depth_curve(const std::vector<double>& bid_distance, const std::vector<double>& bid_quantity,
                  const std::vector<double>& ask_distance, const std::vector<double>& ask_quantity) {
    return {DepthCurve{make_depth_side(bid_distance, bid_quantity, -1.0),
                       make_depth_side(ask_distance, ask_quantity, 1.0)}};
}

}  // namespace

void bind_market(py::module_& m) {
    py::class_<Shape>(m, "Impact", "An impact shape.")
        .def_static(
            "linear", [](double depth) { return Shape{LinearImpact{depth}}; }, "depth"_a)
        .def_static(
            "square_root", [](double k) { return Shape{SquareRootImpact{k}}; }, "coefficient"_a)
        .def_static(
            "power", [](double scale, double exponent) { return Shape{PowerImpact{scale, exponent}}; }, "scale"_a,
            "exponent"_a)
        .def_static("depth_curve", &depth_curve, "bid_distance"_a, "bid_quantity"_a, "ask_distance"_a, "ask_quantity"_a)
        .def("log_impact", &log_impacts, "displacement"_a.noconvert())
        .def("average_ratio", &average_ratios, "displacement"_a.noconvert(), "order"_a.noconvert());
    py::class_<DepthReaction>(m, "DepthReaction", "How depth follows volatility, per square root of a day.")
        .def(py::init([](bool exponential, double elasticity, double reference, double initial, double half_life,
                         double floor, double ceiling) {
                 return DepthReaction{exponential ? DepthForm::exponential : DepthForm::power,
                                      elasticity,
                                      reference,
                                      initial,
                                      half_life,
                                      floor,
                                      ceiling};
             }),
             py::kw_only(), "exponential"_a, "elasticity"_a, "reference"_a, "initial"_a, "half_life"_a, "floor"_a,
             "ceiling"_a)
        .def(
            "share", [](const DepthReaction& r, double volatility) { return depth_share(r, volatility * volatility); },
            "volatility"_a, "The share of the stated depth that is there.");
    py::class_<Asset>(m, "Asset", "One asset's order book.")
        .def(py::init([](double price, const Shape& shape, double permanent, double resilience, double half_spread,
                         double mark_follow, double refill_delay, const std::optional<DepthReaction>& reaction) {
                 return Asset{price,       shape.impact, permanent,    resilience,
                              half_spread, mark_follow,  refill_delay, reaction.value_or(DepthReaction{})};
             }),
             "price"_a, "impact"_a, py::kw_only(), "permanent"_a, "resilience"_a, "half_spread"_a, "mark_follow"_a,
             "refill_delay"_a = 0.0, "reaction"_a = py::none())
        .def(
            "refill",
            [](const Asset& asset, double volume, double log_permanent, double days) {
                const Displacement to = refill(asset, {volume, log_permanent}, days);
                return std::pair{to.volume, to.log_permanent};
            },
            "volume"_a, "log_permanent"_a, "days"_a);
    py::class_<Market>(m, "Market", "Assets in the market's order.")
        .def(py::init([](std::vector<Asset> assets) { return Market{std::move(assets)}; }), "assets"_a);
}

}  // namespace levcore::bindings
