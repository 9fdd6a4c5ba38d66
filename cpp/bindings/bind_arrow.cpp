#include <pybind11/stl.h>

#include "arrays.hpp"
#include "arrow_stream.hpp"

namespace levcore::bindings {
namespace {

using namespace py::literals;

// Numpy's arrays, let go of under the interpreter lock by whichever thread is the last to need them.
std::shared_ptr<void> kept(std::vector<py::object> objects) {
    auto held = std::make_unique<std::vector<py::object>>(std::move(objects));
    return {held.release(), [](void* p) {
                auto* all = static_cast<std::vector<py::object>*>(p);
                if (Py_IsInitialized() == 0) return;  // nothing is left to give them back to
                py::gil_scoped_acquire locked;
                delete all;
            }};
}

std::shared_ptr<const ArrowColumn> column_from(const py::dict& given) {
    auto column = std::make_shared<ArrowColumn>();
    column->name = given["name"].cast<std::string>();
    column->format = given["format"].cast<std::string>();
    column->metadata = given["metadata"].cast<std::string>();
    column->length = given["length"].cast<std::int64_t>();
    column->null_count = given["null_count"].cast<std::int64_t>();
    std::vector<py::object> objects;
    for (const py::handle buffer : given["buffers"].cast<py::list>()) {
        if (buffer.is_none()) {
            column->buffers.push_back(nullptr);
            continue;
        }
        const auto array = buffer.cast<py::array>();
        if ((array.flags() & py::array::c_style) == 0) throw std::invalid_argument("buffers must be contiguous");
        column->buffers.push_back(array.data());
        objects.push_back(array);
    }
    column->keep = kept(std::move(objects));
    for (const py::handle child : given["children"].cast<py::list>())
        column->children.push_back(column_from(child.cast<py::dict>()));
    if (!given["dictionary"].is_none()) column->dictionary = column_from(given["dictionary"].cast<py::dict>());
    return column;
}

}  // namespace

void bind_arrow(py::module_& m) {
    m.def(
        "arrow_stream", [](const py::dict& table) { return arrow_stream(column_from(table)); }, "table"_a,
        "A capsule of the Arrow C stream interface, of a column described by name, format, metadata, length, "
        "null_count, buffers, children and dictionary.");
}

}  // namespace levcore::bindings
