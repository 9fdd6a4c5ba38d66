#include "levcore/ladder_spans.hpp"

#include <cmath>
#include <limits>

#include "levcore/ladder_build.hpp"
#include "levcore/real.hpp"

namespace levcore {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
// What may be a matter of rounding is asked row by row.
constexpr double room = 1e-9;

FallSpans fall_spans(const LadderSide& side, std::size_t length) {
    constexpr std::size_t more = 8;
    FallSpans spans;
    spans.height.assign((side.rows + length - 1) / length + more, -infinity);
    spans.quantity.assign(spans.height.size(), side.rungs[side.rows].quantity);
    for (std::size_t row = 0; row < side.rows; row += length) {
        spans.height[row / length] = side.rungs[std::min(side.rows, row + length) - 1].height;
        spans.quantity[row / length] = side.rungs[row].quantity;
    }
    return spans;
}

std::vector<MoneySpan> first_spans(const LadderSide& side, std::span<const double> log_bankrupt,
                                   std::span<const double> deficit_bound, double after_fee) {
    constexpr std::size_t length = LadderSpans::lengths[0];
    const double log_after_fee = log(after_fee);
    std::vector<MoneySpan> spans;
    spans.reserve(side.rows / length + 2);
    for (std::size_t row = 0; row < side.rows; row += length) {
        MoneySpan span{side.rungs[row].quantity, -infinity, infinity};
        for (std::size_t i = row; i < std::min(side.rows, row + length); ++i) {
            span.safe = std::max(span.safe, log_bankrupt[i] - log_after_fee + room);
            if (!side.apart.has(i)) span.bankrupt = std::min(span.bankrupt, deficit_bound[i]);
        }
        spans.push_back(span);
    }
    spans.push_back({side.rungs[side.rows].quantity, infinity, -infinity});
    return spans;
}

std::vector<MoneySpan> joined(const std::vector<MoneySpan>& parts) {
    constexpr std::size_t of = 8;
    std::vector<MoneySpan> spans;
    const std::size_t count = parts.size() - 1;
    spans.reserve(count / of + 2);
    for (std::size_t n = 0; n < count; n += of) {
        MoneySpan span = parts[n];
        for (std::size_t i = n + 1; i < std::min(count, n + of); ++i) {
            span.safe = std::max(span.safe, parts[i].safe);
            span.bankrupt = std::min(span.bankrupt, parts[i].bankrupt);
        }
        spans.push_back(span);
    }
    spans.push_back(parts.back());
    return spans;
}

void list_rows_apart(LadderSpans& spans, const LadderSide& side, const SortedSide& sorted,
                     std::span<const double> deficit_bound) {
    for (std::size_t row = 0; row < side.rows; row += LadderSpans::apart_length) {
        spans.first_apart.push_back(static_cast<std::uint32_t>(spans.apart.size()));
        for (std::size_t i = row; i < std::min(side.rows, row + LadderSpans::apart_length); ++i)
            if (side.apart.has(i))
                spans.apart.push_back({deficit_bound[i], side.rungs[i].quantity, std::fabs(sorted.quantity[i]),
                                       sorted.cash[i], static_cast<std::uint32_t>(i)});
        std::sort(spans.apart.begin() + spans.first_apart.back(), spans.apart.end(),
                  [](const RowApart& a, const RowApart& b) {
                      return a.bankrupt != b.bankrupt ? a.bankrupt < b.bankrupt : a.row < b.row;
                  });
    }
    spans.first_apart.push_back(static_cast<std::uint32_t>(spans.apart.size()));
}

}  // namespace

LadderSpans span_rows(const LadderSide& side, const SortedSide& sorted, std::span<const double> log_bankrupt,
                      std::span<const double> deficit_bound, double after_fee) {
    LadderSpans spans;
    for (std::size_t level = 0; level < spans.falls.size(); ++level)
        spans.falls[level] = fall_spans(side, LadderSpans::lengths[level]);
    spans.money[0] = first_spans(side, log_bankrupt, deficit_bound, after_fee);
    for (std::size_t level = 1; level < spans.money.size(); ++level)
        spans.money[level] = joined(spans.money[level - 1]);
    list_rows_apart(spans, side, sorted, deficit_bound);
    spans.apart.shrink_to_fit();
    return spans;
}

}  // namespace levcore
