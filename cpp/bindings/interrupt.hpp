// Ctrl-C in a long native call: asked for between pieces of work, at most every 50 ms, so that asking costs nothing.
#pragma once

#include <pybind11/pybind11.h>

#include <chrono>

namespace levcore::bindings {

class Interrupts {
  public:
    // Call without the interpreter lock; throws KeyboardInterrupt (or what a handler raised) into Python.
    void poll() {
        const auto now = std::chrono::steady_clock::now();
        if (now - asked_ < std::chrono::milliseconds(50)) return;
        asked_ = now;
        pybind11::gil_scoped_acquire locked;
        if (PyErr_CheckSignals() != 0) throw pybind11::error_already_set();
    }

  private:
    std::chrono::steady_clock::time_point asked_ = std::chrono::steady_clock::now();
};

}  // namespace levcore::bindings
