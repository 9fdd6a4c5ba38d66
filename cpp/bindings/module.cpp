// A table of contents: what _core holds is bound by topic in the files beside this one.
#include "arrays.hpp"

namespace levcore::bindings {
#ifdef LEVCORE_DEMO_BUGS
void bind_bugs(py::module_& m);
#endif
}  // namespace levcore::bindings

PYBIND11_MODULE(_core, m, pybind11::mod_gil_not_used()) {
    using namespace levcore::bindings;
    m.doc() = "The native core of levcore; use the public names of levcore instead.";
    bind_real(m);
    bind_kernels(m);
    bind_random(m);
    bind_tiers(m);
    bind_backstop(m);
    bind_venue(m);
    bind_market(m);
    bind_cascade(m);
    bind_montecarlo(m);
    bind_arrow(m);
#ifdef LEVCORE_DEMO_BUGS
    bind_bugs(m);
#endif
}
