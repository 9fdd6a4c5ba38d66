#include "arrays.hpp"
#include "levcore/normal.hpp"
#include "levcore/real.hpp"

namespace levcore::bindings {
namespace {

template <double (*function)(double) noexcept>
py::array_t<double> each(const Column<double>& x) {
    const auto in = span_of(x, "x");
    return column_of(in.size(), [&](std::size_t i) { return function(in[i]); });
}

}  // namespace

void bind_real(py::module_& m) {
    using namespace py::literals;
    m.def("exp", &each<&levcore::exp>, "x"_a.noconvert(), "exp(x), the same bits on every CPU.");
    m.def("expm1", &each<&levcore::expm1>, "x"_a.noconvert(), "exp(x) - 1, the same bits on every CPU.");
    m.def("log", &each<&levcore::log>, "x"_a.noconvert(), "log(x), the same bits on every CPU.");
    m.def("log1p", &each<&levcore::log1p>, "x"_a.noconvert(), "log(1 + x), the same bits on every CPU.");
    m.def("sin", &each<&levcore::sin>, "x"_a.noconvert(), "sin(x), radians, the same bits on every CPU.");
    m.def("cos", &each<&levcore::cos>, "x"_a.noconvert(), "cos(x), radians, the same bits on every CPU.");
    m.def("normal_cdf", &each<&levcore::normal_cdf>, "x"_a.noconvert(),
          "P(Z <= x), Z standard normal, the same bits on every CPU.");
    m.def("normal_quantile", &each<&levcore::normal_quantile>, "p"_a.noconvert(),
          "The x with P(Z <= x) = p, Z standard normal, the same bits on every CPU.");
    m.def(
        "pow",
        [](const Column<double>& x, double y) {
            const auto in = span_of(x, "x");
            return column_of(in.size(), [&](std::size_t i) { return levcore::pow(in[i], y); });
        },
        "x"_a.noconvert(), "y"_a, "x**y for x >= 0, the same bits on every CPU.");
}

}  // namespace levcore::bindings
