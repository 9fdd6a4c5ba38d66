#include "levcore/ladder_fall.hpp"

#include <algorithm>

#include "levcore/kernels.hpp"

namespace levcore {
namespace {

// The first of spans [from, count) that a mark has not passed; heights fall.
template <class Goes>
std::size_t first_to_stay(const double* heights, std::size_t from, std::size_t count, Goes&& goes) {
    std::size_t stride = 1;
    while (from + stride <= count && goes(heights[from + stride - 1])) {
        from += stride;
        stride *= 2;
    }
    std::size_t high = std::min(count, from + stride - 1);  // the first known to stay, or the end
    while (from < high) {
        const std::size_t middle = from + (high - from) / 2;
        if (goes(heights[middle]))
            from = middle + 1;
        else
            high = middle;
    }
    return from;
}

// Any shape: what the mark before a span has passed goes, whatever comes after, so one may go there at once.
std::size_t fall_by_rounds(const LadderSide& side, const Impact& impact, const FallFrom& at, std::size_t from,
                           FallDepth depth) {
    const auto goes = [&](double height, double place) { return at.at_equality ? height >= place : height > place; };
    const auto place_after = [&](double closed) {
        const double moved = at.mark_follow * log_impact(impact, at.refilled + at.sign * (at.other_side - closed));
        return at.log_price + (at.log_permanent + at.sign * moved);
    };
    constexpr std::size_t length = LadderSpans::lengths[1];
    constexpr std::size_t short_length = LadderSpans::lengths[0];
    const FallSpans& spans = side.spans.falls[1];
    const FallSpans& shorter = side.spans.falls[0];
    const std::size_t count = (side.rows + length - 1) / length;
    std::size_t row = from;
    double closed = side.rungs[row].quantity;
    const auto move_to = [&](const FallSpans& by, std::size_t n, std::size_t rows) {
        row = std::min(side.rows, n * rows);
        closed = by.quantity[n];
    };
    while (row < side.rows) {
        std::size_t block = row / length;
        while (true) {
            const double place = place_after(closed);
            const std::size_t next =
                first_to_stay(spans.height.data(), block, count, [&](double height) { return goes(height, place); });
            if (next == block) break;
            move_to(spans, next, length);
            if (next == count) return row;
            block = next;
        }
        if (depth == FallDepth::block) return row;
        const std::size_t end = std::min(side.rows, (block + 1) * length);
        while (row < end) {
            const std::size_t n = row / short_length;
            if (goes(shorter.height[n], place_after(closed))) {
                move_to(shorter, n + 1, short_length);
                continue;
            }
            if (depth == FallDepth::stride) return row;
            const std::size_t last = std::min(side.rows, (n + 1) * short_length);
            for (; row < last; closed = side.rungs[++row].quantity)
                if (!goes(side.rungs[row].height, place_after(closed))) return row;
        }
    }
    return row;
}

RootFall root_fall(const LadderSide& side, double coefficient, const FallFrom& at, FallDepth from_depth,
                   FallDepth to_depth) {
    RootFall fall{};
    fall.rungs = &side.rungs[0].height;
    fall.rows = side.rows;
    for (std::size_t level = 0; level < side.spans.falls.size(); ++level) {
        fall.height[level] = side.spans.falls[level].height.data();
        fall.quantity[level] = side.spans.falls[level].quantity.data();
    }
    fall.sign = at.sign;
    fall.log_price = at.log_price;
    fall.log_permanent = at.log_permanent;
    fall.refilled = at.refilled;
    fall.other_side = at.other_side;
    fall.mark_follow = at.mark_follow;
    fall.coefficient = coefficient;
    fall.at_equality = at.at_equality;
    fall.first_level = from_depth == FallDepth::block ? 3 : from_depth == FallDepth::stride ? 1 : 0;
    fall.last_level = to_depth == FallDepth::block ? 2 : to_depth == FallDepth::stride ? 1 : 0;
    return fall;
}

}  // namespace

std::size_t fall(const LadderSide& side, const Impact& impact, const FallFrom& at, std::size_t from,
                 FallDepth from_depth, FallDepth to_depth) {
    const auto* const root = std::get_if<SquareRootImpact>(&impact);
    if (root == nullptr) return fall_by_rounds(side, impact, at, from, to_depth);
    RootFall fall = root_fall(side, root->coefficient, at, from_depth, to_depth);
    fall.from = from;
    return kernels_in_use().fall_of_root(fall);
}

void falls(const LadderSide& side, const Impact& impact, FallFrom at, std::span<const double> log_prices,
           std::span<const double> other_sides, std::span<std::size_t> rows, FallDepth from_depth, FallDepth to_depth) {
    if (const auto* const root = std::get_if<SquareRootImpact>(&impact))
        return kernels_in_use().falls_of_root({root_fall(side, root->coefficient, at, from_depth, to_depth),
                                               rows.size(), log_prices.data(), other_sides.data(), rows.data()});
    for (std::size_t i = 0; i < rows.size(); ++i) {
        at.log_price = log_prices[i];
        at.other_side = other_sides[i];
        rows[i] = fall_by_rounds(side, impact, at, rows[i], to_depth);
    }
}

}  // namespace levcore
