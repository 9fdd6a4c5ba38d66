// Deliberately wrong functions, compiled only to prove that a sanitizer build reports what it should.
#include <limits>

#include "arrays.hpp"

namespace levcore::bindings {

void bind_bugs(py::module_& m) {
    m.def("bug_out_of_bounds", [](const Column<double>& values, std::size_t index) { return values.data()[index]; });
    m.def("bug_signed_overflow", [](int value) { return std::numeric_limits<int>::max() + value; });
}

}  // namespace levcore::bindings
