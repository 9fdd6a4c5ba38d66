// How far a cascade runs on the ladder where impact is not linear. A row goes iff all before it do and its key lies
// above the mark that they leave. Selling lowers the mark and no row lies above those before it, so a stretch of rows
// goes whole if its last key lies above the mark before its first one. Stretches of 64 rows and of 8 are asked first,
// from two columns that stay in the cache; where the answer is not yes, the next smaller ones.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "levcore/ladder_build.hpp"

namespace levcore {

// A row up to which all are known to go, and what they hold.
struct Reached {
    std::size_t row;
    double quantity;
};

// How closely one looks: to the first block that may not go whole, to the first such stride of it, to the row.
enum class FallDepth { block, stride, row };

namespace fall_parts {

// The first of spans [from, count) whose height a mark has not passed; heights fall.
template <class Goes>
std::size_t first_to_stay(const FallSpan* spans, std::size_t from, std::size_t count, Goes&& goes) {
    std::size_t stride = 1;
    while (from + stride <= count && goes(spans[from + stride - 1].height)) {
        from += stride;
        stride *= 2;
    }
    std::size_t high = std::min(count, from + stride - 1);  // the first known to stay, or the end
    while (from < high) {
        const std::size_t middle = from + (high - from) / 2;
        if (goes(spans[middle].height))
            from = middle + 1;
        else
            high = middle;
    }
    return from;
}

}  // namespace fall_parts

// `place_after(quantity)` says where the mark stands in the side's heights once it has closed that much; it never
// rises with the quantity.
template <class PlaceAfter>
Reached fall(const LadderSide& side, Reached at, FallDepth depth, bool at_equality, PlaceAfter&& place_after) {
    const FallSpan* const blocks = side.spans.blocks.data();
    const FallSpan* const strides = side.spans.strides.data();
    const std::size_t count = side.spans.blocks.size() - 1;
    const auto goes = [&](double height, double place) { return at_equality ? height >= place : height > place; };
    const auto from = [&](const FallSpan* spans, std::size_t n, std::size_t rows) {
        return Reached{std::min(side.rows, n * rows), spans[n].quantity};
    };
    while (at.row < side.rows) {
        std::size_t block = at.row / block_rows;
        for (std::size_t next = block;; block = next) {
            const double place = place_after(at.quantity);
            next = fall_parts::first_to_stay(blocks, block, count, [&](double height) { return goes(height, place); });
            if (next == block) break;
            at = from(blocks, next, block_rows);
            if (next == count) return at;
        }
        if (depth == FallDepth::block) return at;
        const std::size_t end = std::min(side.rows, (block + 1) * block_rows);
        while (at.row < end) {
            const std::size_t stride = at.row / stride_rows;
            if (goes(strides[stride].height, place_after(at.quantity))) {
                at = from(strides, stride + 1, stride_rows);
                continue;
            }
            if (depth == FallDepth::stride) return at;
            const std::size_t last = std::min(side.rows, (stride + 1) * stride_rows);
            for (; at.row < last; at = {at.row + 1, side.rungs[at.row + 1].quantity})
                if (!goes(side.rungs[at.row].height, place_after(at.quantity))) return at;
        }
    }
    return at;
}

}  // namespace levcore
