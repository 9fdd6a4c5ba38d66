// The one door for numpy: columns come in without a copy and without a silent conversion, results go out by moving.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstring>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace levcore::bindings {

namespace py = pybind11;

// Contiguous, of exactly this type: Python converts, the binding refuses.
template <class T>
using Column = py::array_t<T, py::array::c_style>;

template <class T>
std::span<const T> span_of(const Column<T>& column, const char* name, std::size_t size) {
    if (column.ndim() != 1 || static_cast<std::size_t>(column.shape(0)) != size)
        throw std::invalid_argument(std::string(name) + " must have shape (" + std::to_string(size) + ",)");
    return {column.data(), size};
}

template <class T>
std::span<const T> span_of(const Column<T>& column, const char* name) {
    if (column.ndim() != 1) throw std::invalid_argument(std::string(name) + " must be one-dimensional");
    return {column.data(), static_cast<std::size_t>(column.shape(0))};
}

// A vector becomes a numpy array that owns it.
template <class T>
py::array_t<T> adopt(std::vector<T>&& values, std::vector<py::ssize_t> shape = {}) {
    if (shape.empty()) shape = {static_cast<py::ssize_t>(values.size())};
    auto owned = std::make_unique<std::vector<T>>(std::move(values));
    T* data = owned->data();
    py::capsule owner(owned.get(), [](void* p) { delete static_cast<std::vector<T>*>(p); });
    (void)owned.release();
    return py::array_t<T>(shape, data, owner);
}

// One value a row of a column, worked out without the interpreter lock.
template <class F>
py::array_t<double> column_of(std::size_t size, F&& value) {
    std::vector<double> result(size);
    {
        py::gil_scoped_release unlocked;
        for (std::size_t i = 0; i < size; ++i) result[i] = value(i);
    }
    return adopt(std::move(result));
}

void bind_real(py::module_& m);
void bind_kernels(py::module_& m);
void bind_random(py::module_& m);
void bind_backstop(py::module_& m);
void bind_tiers(py::module_& m);
void bind_venue(py::module_& m);
void bind_market(py::module_& m);
void bind_cascade(py::module_& m);
void bind_montecarlo(py::module_& m);
void bind_arrow(py::module_& m);

}  // namespace levcore::bindings
