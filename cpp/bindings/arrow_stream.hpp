// Columns handed over as the Arrow C stream interface has it
// (https://arrow.apache.org/docs/format/CStreamInterface.html): one batch, no copy, no library. The buffers are
// numpy's; they live as long as whoever took the stream wants them.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace levcore::bindings {

// One column as Arrow lays it out; a struct column has children, a dictionary column the values that it points at.
struct ArrowColumn {
    std::string name;
    std::string format;    // of the type, in the interface's letters
    std::string metadata;  // encoded as the interface wants it; empty: none
    std::int64_t length = 0;
    std::int64_t null_count = 0;
    std::vector<const void*> buffers;
    std::vector<std::shared_ptr<const ArrowColumn>> children;
    std::shared_ptr<const ArrowColumn> dictionary;
    std::shared_ptr<void> keep;  // what the buffers belong to
};

// A capsule named "arrow_array_stream" that holds the column's rows once.
pybind11::capsule arrow_stream(std::shared_ptr<const ArrowColumn> table);

}  // namespace levcore::bindings
