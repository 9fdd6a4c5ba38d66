// What runs share: the sorted book behind its columns, and outcomes as columns.
#pragma once

#include <optional>
#include <vector>

#include "bind_venue.hpp"
#include "levcore/cascade.hpp"

namespace levcore::bindings {

// A sorted book and the columns that it looks at.
struct Ready {
    py::object book;  // a bound Book, kept alive
    SortedBook sorted;
    std::size_t assets;
    Outside outside = Outside::nothing;
    std::optional<Ladder> ladder = std::nullopt;  // of the market it was made for, where the pair is in its domain
};

// A column a number of the outcomes; per asset a matrix.
py::dict columns(OutcomeColumns&& outcomes);
py::dict columns(const Outcome& outcome);

// The rounds of one outcome, a column each.
py::dict trace(const Outcome& outcome, std::size_t assets);

// Steps of paths, a column each.
py::dict step_columns(StepColumns&& steps, std::size_t assets);

}  // namespace levcore::bindings
