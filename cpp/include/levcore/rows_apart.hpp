// Rows of a side whose bankruptcy price lies nearer to their liquidation price, or further from it, than most rows'
// does. Most rows of a stretch that a large move closes leave a deficit all alike; the few others are by kind, so that
// those of them that may leave none are found by search.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace levcore {

class RowsApart {
  public:
    RowsApart() = default;

    // Of rows with these mirrored logs of liquidation and bankruptcy price; `bound` is below what all of a row's
    // prices stay under where it is sure to leave a deficit.
    RowsApart(std::span<const double> key, std::span<const double> log_bankrupt, std::span<const double> bound,
              double sign);

    // Whether a row stands apart.
    [[nodiscard]] bool has(std::size_t row) const noexcept { return !is_apart_.empty() && is_apart_[row] != 0; }
    // The least of some rows' numbers, or infinity, those left out that stand apart.
    [[nodiscard]] double least_of_others(std::span<const double> numbers, std::size_t from,
                                         std::size_t to) const noexcept;
    // Forgets what only building needs.
    void settle_down() { std::vector<std::uint8_t>().swap(is_apart_); }

    // Those of rows [from, to) that are not sure to leave a deficit where prices stand at or below `best`.
    template <class F>
    void each_unsure(std::size_t from, std::size_t to, double best, F&& f) const {
        for (std::size_t k = 0; k < kinds_.size(); ++k) {
            if (best < least_[k]) continue;
            const Kind& kind = kinds_[k];
            auto at = kind.row.begin() + first_at_most(kind.lowest, best);
            if (*at < from) at = std::lower_bound(at, kind.row.end(), from);
            for (; at < kind.row.end() && *at < to; ++at) f(*at);
        }
    }

  private:
    // Of falling numbers, the last of which is one, the first at or below `best`; without a branch that may be missed.
    static std::ptrdiff_t first_at_most(const std::vector<double>& heights, double best) noexcept {
        const double* at = heights.data();
        for (std::size_t left = heights.size(); left > 1; left -= left / 2)
            at += best < at[left / 2 - 1] ? left / 2 : 0;
        return at - heights.data();
    }

    struct Kind {
        std::vector<std::uint32_t> row;
        std::vector<double> lowest;  // bound of the rows so far
    };
    std::vector<Kind> kinds_;
    std::vector<double> least_;  // bound of a kind's rows
    std::vector<std::uint8_t> is_apart_;
};

}  // namespace levcore
