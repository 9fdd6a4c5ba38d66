#include <pybind11/stl.h>

#include "arrays.hpp"
#include "interrupt.hpp"
#include "levcore/random.hpp"
#include "levcore/real.hpp"

namespace levcore::bindings {
namespace {

using namespace py::literals;

py::array_t<double> paths_of_normals(std::uint64_t seed, std::size_t paths, std::size_t numbers) {
    std::vector<double> values(paths * numbers);
    {
        py::gil_scoped_release unlocked;
        Interrupts interrupts;
        for (std::size_t i = 0; i < paths; ++i) {
            normals(seed, i, Stream::returns, 0, std::span(values).subspan(i * numbers, numbers));
            interrupts.poll();
        }
    }
    return adopt(std::move(values), {static_cast<py::ssize_t>(paths), static_cast<py::ssize_t>(numbers)});
}

}  // namespace

void bind_random(py::module_& m) {
    m.def("philox", &philox, "counter"_a, "key"_a, "Philox4x32-10.");
    m.def("normals", &paths_of_normals, "seed"_a, "paths"_a, "numbers"_a, "Standard normals, paths x numbers.");
    m.def(
        "sin_cos_turns",
        [](const Column<double>& turns) {
            const auto in = span_of(turns, "turns");
            return std::pair{column_of(in.size(), [&](std::size_t i) { return sin_cos_turns(in[i]).sine; }),
                             column_of(in.size(), [&](std::size_t i) { return sin_cos_turns(in[i]).cosine; })};
        },
        "turns"_a.noconvert(), "sin and cos of 2*pi*turns, turns in [0, 1].");
}

}  // namespace levcore::bindings
