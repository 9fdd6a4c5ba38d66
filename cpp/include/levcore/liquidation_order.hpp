// Isolated positions in the order of liquidation: per asset and side by key, ties by position. They are dealt into
// buckets of keys that lie near each other, and each bucket is sorted. Where buckets begin is guessed from a sample,
// which decides how long that takes, and nothing else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "levcore/book.hpp"
#include "levcore/price_lines.hpp"
#include "levcore/unset.hpp"
#include "levcore/venue.hpp"

namespace levcore {

inline constexpr std::size_t longs = 0;
inline constexpr std::size_t shorts = 1;

inline constexpr double beyond_prices = 1e200;  // of a key, which is a log price or stands for none

// So that whatever does not compare, and whatever lies outside, has a cell too.
inline std::uint32_t cell_of(double place, double last) noexcept {
    return static_cast<std::uint32_t>(place > 0.0 ? (place < last ? place : last) : 0.0);
}

class LiquidationOrder {
  public:
    struct Row {
        double key;  // sort_key
        double quantity;
        double cash;
        std::uint32_t position;
        std::uint32_t instrument;
    };
    // Rows of one side, the first of which is its row number `first`.
    struct Bucket {
        std::size_t asset;
        std::size_t side;
        std::size_t first;
        std::span<const Row> rows;  // in the order of positions
    };

    LiquidationOrder(const Venue& venue, const Positions& positions, std::span<const std::uint32_t> asset_of,
                     std::size_t assets, std::size_t threads);

    // Rows of a side.
    [[nodiscard]] std::size_t size(std::size_t asset, std::size_t side) const noexcept;

    [[nodiscard]] std::size_t buckets() const noexcept { return first_.size() - 1; }
    [[nodiscard]] Bucket bucket(std::size_t number) const noexcept;

  private:
    // What says in which of its buckets a key of a side falls: those beyond all prices first and last.
    struct Grid {
        std::uint32_t first = 0;
        double sign = 1.0;  // times the key, it rises from row to row
        double low = 0.0;
        double cells_per_unit = 1.0;
        double last_cell = 0.0;

        [[nodiscard]] std::uint32_t bucket_of(double key) const noexcept {
            const double height = sign * key;
            const std::uint32_t inner = cell_of((height - low) * cells_per_unit, last_cell) + 1;
            const std::uint32_t far = height > beyond_prices ? end() - 1 - first : inner;
            return first + (height < -beyond_prices ? 0 : far);
        }
        [[nodiscard]] std::uint32_t end() const noexcept { return first + static_cast<std::uint32_t>(last_cell) + 3; }
    };

    void lay_grids(const std::vector<PriceLines>& lines);
    void deal(const std::vector<PriceLines>& lines, std::size_t threads);
    void count(const std::vector<PriceLines>& lines, std::size_t from, std::size_t to, std::span<std::uint32_t> counts);
    void place(std::size_t from, std::size_t to, std::span<std::uint32_t> next);
    [[nodiscard]] bool stands_alone(std::size_t position) const noexcept {
        return positions_.account_of(position) == isolated && positions_.quantity[position] != 0.0;
    }
    [[nodiscard]] const Grid& grid_of(std::size_t position) const noexcept {
        const std::size_t k = asset_of_[positions_.instrument_of(position)];
        return grids_[2 * k + (positions_.quantity[position] > 0.0 ? longs : shorts)];
    }

    const Venue& venue_;
    Positions positions_;
    std::span<const std::uint32_t> asset_of_;
    std::vector<Grid> grids_;         // of each asset's longs and shorts
    std::vector<std::size_t> first_;  // of each bucket's rows, and their end
    UnsetVector<Row> rows_;
    UnsetVector<double> keys_;
    UnsetVector<std::uint32_t> bucket_;  // of each position
};

// Sorts rows of a bucket after bucket.
class BucketSort {
  public:
    // Places among the bucket's rows, in the order of liquidation; until the next call.
    std::span<const std::uint32_t> order(const LiquidationOrder::Bucket& bucket);

  private:
    bool deal();
    void sort_by_comparing();

    std::vector<double> height_;  // what rises from row to row
    std::vector<std::uint32_t> cell_;
    std::vector<std::uint32_t> next_;
    std::vector<std::uint32_t> order_;
};

}  // namespace levcore
