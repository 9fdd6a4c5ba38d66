#include "bind_processes.hpp"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

namespace levcore::bindings {
namespace {

using namespace py::literals;
using Column = std::vector<double>;

void check(const std::vector<double>& loading, std::size_t assets,
           std::initializer_list<const std::vector<double>*> columns) {
    bool fits = loading.size() == assets * assets;
    for (const auto* column : columns) fits = fits && column->size() == assets;
    if (!fits) throw std::invalid_argument("columns must have a number an asset, loading assets x assets");
}

HeldScenario gbm(std::vector<double> mean, std::vector<double> loading, std::uint64_t seed) {
    check(loading, mean.size(), {});
    return {Drawn{Gbm{std::move(mean), std::move(loading)}, {seed}}, py::none()};
}

// GARCH or EGARCH: `first` is the variance of the first step, or its log.
template <class Law>
HeldScenario garch(std::vector<double> mean, std::vector<double> omega, std::vector<double> alpha,
                   std::vector<double> gamma, std::vector<double> beta, std::vector<double> first,
                   std::vector<double> loading, std::vector<double> degrees, std::uint64_t seed) {
    check(loading, mean.size(), {&omega, &alpha, &gamma, &beta, &first});
    if (!degrees.empty()) check(loading, mean.size(), {&degrees});
    return {Drawn{Law{std::move(mean),
                      std::move(omega),
                      std::move(alpha),
                      std::move(gamma),
                      std::move(beta),
                      std::move(first),
                      {std::move(loading), std::move(degrees)}},
                  {seed}},
            py::none()};
}

Jumps jumps_of(const Column& rate, const Column& first, const Column& second, const Column& third, bool shared) {
    Jumps jumps;
    jumps.is_shared = shared;
    for (std::size_t k = 0; k < rate.size(); ++k) {
        if (!(rate[k] >= 0.0 && rate[k] <= most_jumps)) throw std::invalid_argument("a step has at most 100 jumps");
        jumps.counts.emplace_back(rate[k]);
        if (third.empty())
            jumps.sizes.emplace_back(NormalSizes{first[k], second[k]});
        else
            jumps.sizes.emplace_back(DoubleExponentialSizes{first[k], second[k], third[k]});
    }
    return jumps;
}

HeldScenario jump_diffusion(Column mean, Column loading, const Column& rate, const Column& first, const Column& second,
                            const Column& third, bool shared, std::uint64_t seed) {
    check(loading, mean.size(), {&rate, &first, &second});
    if (!third.empty()) check(loading, mean.size(), {&third});
    return {
        Drawn{JumpDiffusion{std::move(mean), std::move(loading), jumps_of(rate, first, second, third, shared)}, {seed}},
        py::none()};
}

HeldScenario heston(Column mean, Column variance, Column long_run, Column reversion, Column volatility, Column skew,
                    Column loading, const Column& rate, const Column& jump_mean, const Column& jump_deviation,
                    bool shared, std::uint64_t seed) {
    check(loading, mean.size(), {&variance, &long_run, &reversion, &volatility, &skew});
    if (!rate.empty()) check(loading, mean.size(), {&rate, &jump_mean, &jump_deviation});
    return {Drawn{Heston{std::move(mean), std::move(variance), std::move(long_run), std::move(reversion),
                         std::move(volatility), std::move(skew), std::move(loading),
                         jumps_of(rate, jump_mean, jump_deviation, {}, shared)},
                  {seed}},
            py::none()};
}

HeldScenario hawkes(Column mean, Column loading, const Column& base, const Column& excitation, const Column& decay,
                    const Column& first, const Column& growth, const Column& jump_mean, const Column& jump_deviation,
                    std::uint64_t seed) {
    check(loading, mean.size(), {&base, &excitation, &decay, &first, &growth, &jump_mean, &jump_deviation});
    std::vector<Intensity> intensity;
    for (std::size_t k = 0; k < mean.size(); ++k)
        intensity.push_back({base[k], excitation[k], decay[k], first[k], growth[k], {jump_mean[k], jump_deviation[k]}});
    return {Drawn{Hawkes{std::move(mean), std::move(loading), std::move(intensity)}, {seed}}, py::none()};
}

HeldScenario switching(Column mean, Column deviation, Column below, Column loading, std::size_t regimes,
                       std::uint64_t seed) {
    const std::size_t assets = regimes == 0 ? 0 : mean.size() / regimes;
    if (regimes == 0 || mean.size() != assets * regimes || deviation.size() != mean.size() ||
        below.size() != (regimes + 1) * (regimes - 1) || loading.size() != assets * assets)
        throw std::invalid_argument("columns must fit the regimes and the assets");
    return {
        Drawn{Switching{std::move(mean), std::move(deviation), std::move(below), std::move(loading), regimes}, {seed}},
        py::none()};
}

HeldScenario bootstrap(Column returns, std::vector<std::uint32_t> after, double leaps, std::size_t assets,
                       std::uint64_t seed) {
    bool fits = assets > 0 && !after.empty() && returns.size() == after.size() * assets;
    for (const std::uint32_t row : after) fits = fits && row < after.size();
    if (!fits) throw std::invalid_argument("rows must go on to rows");
    return {Drawn{Bootstrap{std::move(returns), std::move(after), leaps, assets}, {seed}}, py::none()};
}

Drawn& drawn_of(HeldScenario& held) {
    auto* const drawn = std::get_if<Drawn>(&held.scenario);
    if (drawn == nullptr) throw std::invalid_argument("only a process takes numbers");
    return *drawn;
}

HeldScenario in_pairs(HeldScenario held) {
    drawn_of(held).numbers.in_pairs = true;
    return held;
}

HeldScenario with_normals(HeldScenario held, const py::array_t<double, py::array::c_style>& given,
                          std::uint64_t first) {
    if (given.ndim() != 3 || given.size() == 0) throw std::invalid_argument("normals must be paths x steps x assets");
    Numbers& numbers = drawn_of(held).numbers;
    numbers.given = {given.data(), static_cast<std::size_t>(given.size())};
    numbers.given_first = first;
    numbers.given_of_each_path = static_cast<std::size_t>(given.shape(1) * given.shape(2));
    held.keep = given;
    return held;
}

}  // namespace

void bind_processes(py::class_<HeldScenario>& scenario) {
    scenario.def_static("gbm", &gbm, "mean"_a, "loading"_a, "seed"_a)
        .def_static("garch", &garch<Garch>, "mean"_a, "omega"_a, "alpha"_a, "gamma"_a, "beta"_a, "first"_a, "loading"_a,
                    "degrees"_a, "seed"_a)
        .def_static("egarch", &garch<Egarch>, "mean"_a, "omega"_a, "alpha"_a, "gamma"_a, "beta"_a, "first"_a,
                    "loading"_a, "degrees"_a, "seed"_a)
        .def_static("jump_diffusion", &jump_diffusion, "mean"_a, "loading"_a, "rate"_a, "first"_a, "second"_a,
                    "third"_a, "shared"_a, "seed"_a)
        .def_static("heston", &heston, "mean"_a, "variance"_a, "long_run"_a, "reversion"_a, "volatility"_a, "skew"_a,
                    "loading"_a, "rate"_a, "jump_mean"_a, "jump_deviation"_a, "shared"_a, "seed"_a)
        .def_static("hawkes", &hawkes, "mean"_a, "loading"_a, "base"_a, "excitation"_a, "decay"_a, "first"_a,
                    "growth"_a, "jump_mean"_a, "jump_deviation"_a, "seed"_a)
        .def_static("switching", &switching, "mean"_a, "deviation"_a, "below"_a, "loading"_a, "regimes"_a, "seed"_a)
        .def_static("bootstrap", &bootstrap, "returns"_a, "after"_a, "leaps"_a, "assets"_a, "seed"_a)
        .def("in_pairs", &in_pairs, "The same process; the normals of path 2k + 1 are those of path 2k, mirrored.")
        .def("with_normals", &with_normals, "normals"_a.noconvert(), "first"_a = std::uint64_t{0},
             "The same process on these normals, paths x steps x assets; first: the number of the first of the paths.");
}

}  // namespace levcore::bindings
