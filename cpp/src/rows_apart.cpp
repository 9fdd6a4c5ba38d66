#include "levcore/rows_apart.hpp"

#include <array>
#include <bit>
#include <limits>

namespace levcore {
namespace {

constexpr std::size_t kinds = 128;
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr std::uint64_t least_kind = std::bit_cast<std::uint64_t>(0x1p-14) >> 49;

// By the distance between both logs, eight kinds an octave from 2^-14 on.
std::size_t kind_of(double distance) {
    if (!(distance > 0x1p-14)) return 0;
    return std::min<std::size_t>(kinds - 1, (std::bit_cast<std::uint64_t>(distance) >> 49) - least_kind);
}

// The least distance of a kind.
double begin_of(std::size_t kind) { return kind == 0 ? -infinity : std::bit_cast<double>((kind + least_kind) << 49); }

}  // namespace

RowsApart::RowsApart(std::span<const double> key, std::span<const double> log_bankrupt, std::span<const double> bound,
                     double sign) {
    const std::size_t rows = log_bankrupt.size();
    const auto kind_at = [&](std::size_t row) { return kind_of(sign * key[row] - log_bankrupt[row]); };
    std::array<std::size_t, kinds> seen{};
    constexpr std::size_t sampled_of = 8;
    for (std::size_t row = 0; row < rows; row += sampled_of) ++seen[kind_at(row)];
    const auto most = static_cast<std::size_t>(std::ranges::max_element(seen) - seen.begin());
    // Where many would stand apart they are no exceptions.
    const std::size_t sampled = (rows + sampled_of - 1) / sampled_of;
    if ((sampled - seen[most]) * 5 > sampled || rows == 0) return;
    is_apart_.resize(rows);
    kinds_.resize(kinds);
    const double begin = begin_of(most);
    const double end = most + 1 < kinds ? begin_of(most + 1) : std::numeric_limits<double>::quiet_NaN();  // none
    for (std::size_t row = 0; row < rows; ++row) {
        const double distance = sign * key[row] - log_bankrupt[row];
        is_apart_[row] = begin <= distance && !(distance >= end) ? 0 : 1;
    }
    for (std::size_t row = 0; row < rows; ++row) {
        if (is_apart_[row] == 0) continue;
        Kind& list = kinds_[kind_at(row)];
        list.row.push_back(static_cast<std::uint32_t>(row));
        const double before = list.lowest.empty() ? infinity : list.lowest.back();
        list.lowest.push_back(std::min(before, bound[row]));
    }
    std::erase_if(kinds_, [](const Kind& list) { return list.row.empty(); });
    for (Kind& list : kinds_) {
        list.row.shrink_to_fit();
        list.lowest.shrink_to_fit();
        least_.push_back(list.lowest.back());
    }
}

double RowsApart::least_of_others(std::span<const double> numbers, std::size_t from, std::size_t to) const noexcept {
    constexpr std::size_t side_by_side = 4;  // for each minimum waits for the one before
    std::array<double, side_by_side> least;
    least.fill(infinity);
    const auto add = [&](std::size_t row, double& to_least) {
        const double other = has(row) ? infinity : numbers[row];
        to_least = other < to_least ? other : to_least;
    };
    for (; from + side_by_side <= to; from += side_by_side)
        for (std::size_t i = 0; i < side_by_side; ++i) add(from + i, least[i]);
    for (; from < to; ++from) add(from, least[0]);
    return std::ranges::min(least);
}

}  // namespace levcore
