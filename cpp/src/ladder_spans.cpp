#include "levcore/ladder_spans.hpp"

#include <cmath>
#include <limits>

#include "levcore/real.hpp"

namespace levcore {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
// What may be a matter of rounding is asked row by row.
constexpr double room = 1e-9;

FallSpans fall_spans(std::span<const Rung> rungs, std::size_t length) {
    const std::size_t rows = rungs.size() - 1;
    constexpr std::size_t more = 8;
    FallSpans spans;
    spans.height.assign((rows + length - 1) / length + more, -infinity);
    spans.quantity.assign(spans.height.size(), rungs.back().quantity);
    for (std::size_t row = 0; row < rows; row += length) {
        spans.height[row / length] = rungs[std::min(rows, row + length) - 1].height;
        spans.quantity[row / length] = rungs[row].quantity;
    }
    return spans;
}

std::vector<MoneySpan> first_spans(std::span<const Rung> rungs, std::span<const double> log_bankrupt,
                                   std::span<const double> deficit_bound, double after_fee, const RowsApart& apart) {
    const std::size_t rows = rungs.size() - 1;
    constexpr std::size_t length = LadderSpans::lengths[0];
    const double log_after_fee = log(after_fee);
    std::vector<MoneySpan> spans;
    spans.reserve(rows / length + 2);
    for (std::size_t row = 0; row < rows; row += length) {
        MoneySpan span{rungs[row].quantity, -infinity, infinity};
        for (std::size_t i = row; i < std::min(rows, row + length); ++i) {
            span.safe = std::max(span.safe, log_bankrupt[i] - log_after_fee + room);
            if (!apart.has(i)) span.bankrupt = std::min(span.bankrupt, deficit_bound[i]);
        }
        spans.push_back(span);
    }
    spans.push_back({rungs.back().quantity, infinity, -infinity});
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

void list_rows_apart(LadderSpans& spans, std::span<const Rung> rungs, const SortedSide& sorted,
                     std::span<const double> deficit_bound, const RowsApart& apart) {
    const std::size_t rows = rungs.size() - 1;
    for (std::size_t row = 0; row < rows; row += LadderSpans::apart_length) {
        spans.first_apart.push_back(static_cast<std::uint32_t>(spans.apart.size()));
        for (std::size_t i = row; i < std::min(rows, row + LadderSpans::apart_length); ++i)
            if (apart.has(i))
                spans.apart.push_back({deficit_bound[i], rungs[i].quantity, std::fabs(sorted.quantity[i]),
                                       sorted.cash[i], static_cast<std::uint32_t>(i)});
        std::sort(spans.apart.begin() + spans.first_apart.back(), spans.apart.end(),
                  [](const RowApart& a, const RowApart& b) {
                      return a.bankrupt != b.bankrupt ? a.bankrupt < b.bankrupt : a.row < b.row;
                  });
        const std::size_t first = spans.first_apart.back();
        spans.least_apart.push_back(first < spans.apart.size() ? spans.apart[first].bankrupt : infinity);
    }
    spans.first_apart.push_back(static_cast<std::uint32_t>(spans.apart.size()));
}

}  // namespace

LadderSpans span_rows(std::span<const Rung> rungs, const SortedSide& sorted, std::span<const double> log_bankrupt,
                      std::span<const double> deficit_bound, double after_fee, const RowsApart& apart) {
    LadderSpans spans;
    for (std::size_t level = 0; level < spans.falls.size(); ++level)
        spans.falls[level] = fall_spans(rungs, LadderSpans::lengths[level]);
    spans.money[0] = first_spans(rungs, log_bankrupt, deficit_bound, after_fee, apart);
    for (std::size_t level = 1; level < spans.money.size(); ++level)
        spans.money[level] = joined(spans.money[level - 1]);
    list_rows_apart(spans, rungs, sorted, deficit_bound, apart);
    spans.apart.shrink_to_fit();
    return spans;
}

}  // namespace levcore
