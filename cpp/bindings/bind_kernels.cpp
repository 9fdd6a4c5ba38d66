#include <pybind11/stl.h>

#include <array>
#include <string_view>
#include <utility>

#include "arrays.hpp"
#include "levcore/kernels.hpp"

namespace levcore::bindings {
namespace {

using namespace py::literals;

constexpr std::array<std::pair<SimdLevel, std::string_view>, 3> words{
    {{SimdLevel::baseline, "baseline"}, {SimdLevel::avx2, "avx2"}, {SimdLevel::avx512, "avx512"}}};

std::vector<std::string_view> levels_here() {
    std::vector<std::string_view> here;
    for (const auto& [level, word] : words)
        if (kernels_at(level)) here.push_back(word);
    return here;
}

std::string_view use_level(std::string_view wish) {
    for (const auto& [level, word] : words) {
        if (word != wish || !kernels_at(level)) continue;
        const SimdLevel used = kernels_in_use(&level).level;
        return words[static_cast<std::size_t>(used)].second;
    }
    throw std::invalid_argument("no such level here: " + std::string(wish));
}

}  // namespace

void bind_kernels(py::module_& m) {
    m.def("simd_levels", &levels_here, "The levels of vector instructions that this build and this CPU have.");
    m.def("use_simd", &use_level, "level"_a, "Decide on a level, once in a process; the level in use.");
}

}  // namespace levcore::bindings
