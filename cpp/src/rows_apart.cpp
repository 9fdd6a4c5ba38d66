#include "levcore/rows_apart.hpp"

#include <array>
#include <bit>
#include <limits>

namespace levcore {
namespace {

constexpr std::size_t kinds = 128;

// By the distance between both logs, eight kinds an octave from 2^-14 on.
std::size_t kind_of(double distance) {
    constexpr std::uint64_t least = std::bit_cast<std::uint64_t>(0x1p-14) >> 49;
    if (!(distance > 0x1p-14)) return 0;
    return std::min<std::size_t>(kinds - 1, (std::bit_cast<std::uint64_t>(distance) >> 49) - least);
}

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
    for (std::size_t row = 0; row < rows; ++row) {
        const std::size_t kind = kind_at(row);
        if (kind == most) continue;
        is_apart_[row] = 1;
        Kind& list = kinds_[kind];
        list.row.push_back(static_cast<std::uint32_t>(row));
        const double before = list.lowest.empty() ? std::numeric_limits<double>::infinity() : list.lowest.back();
        list.lowest.push_back(std::min(before, bound[row]));
    }
    std::erase_if(kinds_, [](const Kind& list) { return list.row.empty(); });
    for (Kind& list : kinds_) {
        list.row.shrink_to_fit();
        list.lowest.shrink_to_fit();
        least_.push_back(list.lowest.back());
    }
}

}  // namespace levcore
