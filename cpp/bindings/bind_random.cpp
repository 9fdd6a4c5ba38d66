#include <pybind11/stl.h>

#include <algorithm>

#include "arrays.hpp"
#include "interrupt.hpp"
#include "levcore/random.hpp"
#include "levcore/real.hpp"

namespace levcore::bindings {
namespace {

using namespace py::literals;

// Rows shorter than this are drawn path by path beside each other, and turned.
constexpr std::size_t short_row = 128;

void draw_short_rows(std::uint64_t seed, std::size_t paths, std::size_t numbers, double* out, Interrupts& interrupts) {
    // 64 kB, and whole groups of lanes.
    const std::size_t together = std::min<std::size_t>(512, 8'192 / std::max<std::size_t>(numbers, 1) / 32 * 32);
    std::vector<double> block(together * numbers);
    for (std::size_t from = 0; from < paths; from += together) {
        const std::size_t some = std::min(together, paths - from);
        normal_block(seed, from, some, Stream::returns, 0, numbers, block);
        for (std::size_t p = 0; p < some; ++p)
            for (std::size_t i = 0; i < numbers; ++i) out[(from + p) * numbers + i] = block[i * some + p];
        interrupts.poll();
    }
}

void draw_long_rows(std::uint64_t seed, std::size_t paths, std::size_t numbers, double* out, Interrupts& interrupts) {
    constexpr std::size_t at_once = std::size_t{1} << 20;
    for (std::size_t p = 0; p < paths; ++p)
        for (std::size_t from = 0; from < numbers; from += at_once) {
            normals(seed, p, Stream::returns, from, {out + p * numbers + from, std::min(at_once, numbers - from)});
            interrupts.poll();
        }
}

py::array_t<double> paths_of_normals(std::uint64_t seed, std::size_t paths, std::size_t numbers) {
    // Not a vector, which would fill it with zeros first.
    py::array_t<double> values({static_cast<py::ssize_t>(paths), static_cast<py::ssize_t>(numbers)});
    double* const out = values.mutable_data();
    {
        py::gil_scoped_release unlocked;
        Interrupts interrupts;
        if (numbers < short_row)
            draw_short_rows(seed, paths, numbers, out, interrupts);
        else
            draw_long_rows(seed, paths, numbers, out, interrupts);
    }
    return values;
}

py::array_t<double> block_of_normals(std::uint64_t seed, std::uint64_t path, std::size_t paths, std::uint64_t first,
                                     std::size_t count) {
    std::vector<double> values(count * paths);
    normal_block(seed, path, paths, Stream::returns, first, count, values);
    return adopt(std::move(values), {static_cast<py::ssize_t>(count), static_cast<py::ssize_t>(paths)});
}

}  // namespace

void bind_random(py::module_& m) {
    m.def("philox", &philox, "counter"_a, "key"_a, "Philox4x32-10.");
    m.def("normals", &paths_of_normals, "seed"_a, "paths"_a, "numbers"_a, "Standard normals, paths x numbers.");
    m.def("normal_block", &block_of_normals, "seed"_a, "path"_a, "paths"_a, "first"_a, "count"_a,
          "Numbers [first, first + count) of paths side by side, count x paths.");
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
