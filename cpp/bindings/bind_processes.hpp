// Scenarios behind one door, and the processes among them.
#pragma once

#include <pybind11/pybind11.h>

#include "levcore/scenario.hpp"

namespace levcore::bindings {

namespace py = pybind11;

// A scenario with the arrays that it looks at.
struct HeldScenario {
    Scenario scenario;
    py::object keep;
};

void bind_processes(py::class_<HeldScenario>& scenario);

}  // namespace levcore::bindings
