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
    // Forgets what only building needs.
    void settle_down() { std::vector<std::uint8_t>().swap(is_apart_); }

    // Those of rows [from, to) that are not sure to leave a deficit where prices stand at or below `best`.
    template <class F>
    void each_unsure(std::size_t from, std::size_t to, double best, F&& f) const {
        for (const Kind& kind : kinds_) {
            const auto first = std::lower_bound(kind.row.begin(), kind.row.end(), from);
            const auto last = std::lower_bound(first, kind.row.end(), to);
            const auto sure = std::partition_point(kind.lowest.begin(), kind.lowest.end(),
                                                   [&](double lowest) { return best < lowest; });
            const auto skip = std::max(first, kind.row.begin() + (sure - kind.lowest.begin()));
            for (auto at = skip; at < last; ++at) f(static_cast<std::size_t>(*at));
        }
    }

  private:
    struct Kind {
        std::vector<std::uint32_t> row;
        std::vector<double> lowest;  // bound of the rows so far
    };
    std::vector<Kind> kinds_;
    std::vector<std::uint8_t> is_apart_;
};

}  // namespace levcore
