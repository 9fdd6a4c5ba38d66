// What money of a walk that is not linear keeps on its way: how such a walk moves from row to row is asked of impact
// itself, span by span of rows, the longest first.
#pragma once

#include <array>
#include <cstddef>

namespace levcore {

// Rows that are asked what they have left, some at a time, and what that comes to.
struct AskedRows {
    static constexpr std::size_t most = 64;
    std::size_t count = 0;
    std::array<double, most> volume, size, cash, ratio;
    std::size_t rows = 0;
    double has = 0.0;
    double left = 0.0;
    double fees = 0.0;
    double deficit = 0.0;
};

}  // namespace levcore
