#include "levcore/liquidation_order.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <numeric>

#include "levcore/margin.hpp"
#include "levcore/parallel.hpp"

namespace levcore {
namespace {

void prefetch_to_write([[maybe_unused]] const void* at) {
#if defined(__GNUC__)
    __builtin_prefetch(at, 1);
#endif
}

// Places all over [0, n), in step with nothing that a book's order may be in step with.
std::size_t scattered(std::size_t number, std::size_t n) noexcept {
    constexpr double golden = 0.6180339887498949;
    const double turns = static_cast<double>(number) * golden;
    return std::min(n - 1, static_cast<std::size_t>((turns - std::floor(turns)) * static_cast<double>(n)));
}

// Some rows of a book.
struct Sample {
    std::vector<std::size_t> row;
    std::vector<std::int32_t> instrument;
    std::vector<double> quantity, entry_price, margin;
    std::int64_t account = isolated;

    void add(const Positions& from, std::size_t i) {
        row.push_back(i);
        instrument.push_back(static_cast<std::int32_t>(from.instrument_of(i)));
        quantity.push_back(from.quantity[i]);
        entry_price.push_back(from.entry_price[i]);
        margin.push_back(from.margin[i]);
    }
    [[nodiscard]] Positions positions() const { return {instrument, quantity, entry_price, margin, {&account, 1}}; }
};

}  // namespace

LiquidationOrder::LiquidationOrder(const Venue& venue, const Positions& positions,
                                   std::span<const std::uint32_t> asset_of, std::size_t assets, std::size_t threads)
    : venue_(venue), positions_(positions), asset_of_(asset_of), grids_(2 * assets) {
    const std::vector<PriceLines> lines = price_lines(venue);
    lay_grids(lines);
    deal(lines, threads);
}

std::size_t LiquidationOrder::size(std::size_t asset, std::size_t side) const noexcept {
    const Grid& grid = grids_[2 * asset + side];
    return first_[grid.end()] - first_[grid.first];
}

LiquidationOrder::Bucket LiquidationOrder::bucket(std::size_t number) const noexcept {
    const auto after = std::upper_bound(grids_.begin(), grids_.end(), number,
                                        [](std::size_t n, const Grid& grid) { return n < grid.first; });
    const auto group = static_cast<std::size_t>(after - grids_.begin()) - 1;
    return {group / 2, group % 2, first_[number] - first_[grids_[group].first],
            std::span(rows_).subspan(first_[number], first_[number + 1] - first_[number])};
}

// Between heights beyond which few of the sample lie.
void LiquidationOrder::lay_grids(const std::vector<PriceLines>& lines) {
    constexpr std::size_t sampled = 4'096;
    constexpr std::size_t few = 256;  // one of so many
    constexpr std::size_t rows_a_bucket = 512;
    const std::size_t n = positions_.size();
    const std::size_t stride = std::max<std::size_t>(1, n / sampled);
    std::vector<std::vector<double>> heights(grids_.size());
    Sample sample;
    for (std::size_t number = 0; number < n / stride; ++number) {
        const std::size_t i = stride == 1 ? number : scattered(number, n);
        if (stands_alone(i)) sample.add(positions_, i);
    }
    std::vector<double> keys(sample.row.size());
    sort_keys(lines, sample.positions(), keys.data());
    for (std::size_t i = 0; i < keys.size(); ++i) {
        const auto group = static_cast<std::size_t>(&grid_of(sample.row[i]) - grids_.data());
        if (std::fabs(keys[i]) < beyond_prices) heights[group].push_back(group % 2 == longs ? -keys[i] : keys[i]);
    }
    std::uint32_t buckets = 0;
    for (std::size_t group = 0; group < grids_.size(); ++group) {
        Grid& grid = grids_[group];
        std::vector<double>& seen = heights[group];
        grid.first = buckets;
        grid.sign = group % 2 == longs ? -1.0 : 1.0;
        if (!seen.empty()) {
            const auto low = seen.begin() + static_cast<std::ptrdiff_t>(seen.size() / few);
            const auto high = seen.end() - 1 - static_cast<std::ptrdiff_t>(seen.size() / few);
            std::nth_element(seen.begin(), low, seen.end());
            grid.low = *low;
            std::nth_element(low, high, seen.end());
            const std::size_t cells = seen.size() * stride / rows_a_bucket + 1;
            grid.cells_per_unit = static_cast<double>(cells) / std::max(1e-9, *high - grid.low);
            grid.last_cell = static_cast<double>(cells - 1);
        }
        buckets = grid.end();
    }
    first_.assign(buckets + 1, 0);
}

void LiquidationOrder::count(const std::vector<PriceLines>& lines, std::size_t from, std::size_t to,
                             std::span<std::uint32_t> counts) {
    constexpr std::size_t at_once = 8'192;
    const auto none = static_cast<std::uint32_t>(buckets());
    for (std::size_t begin = from; begin < to; begin += at_once) {
        const std::size_t end = std::min(to, begin + at_once);
        sort_keys(lines, positions_.some(begin, end - begin), &keys_[begin]);
        for (std::size_t i = begin; i < end; ++i) {
            bucket_[i] = stands_alone(i) ? grid_of(i).bucket_of(keys_[i]) : none;
            ++counts[bucket_[i]];
        }
    }
}

void LiquidationOrder::place(std::size_t from, std::size_t to, std::span<std::uint32_t> next) {
    const auto none = static_cast<std::uint32_t>(buckets());
    constexpr std::size_t ahead = 48;  // rows whose places are asked for before they are written
    for (std::size_t i = from; i < to; ++i) {
        if (i + ahead < to && bucket_[i + ahead] != none) prefetch_to_write(rows_.data() + next[bucket_[i + ahead]]);
        if (bucket_[i] == none) continue;
        const auto instrument = static_cast<std::uint32_t>(positions_.instrument_of(i));
        const Claim held = claim(venue_.instruments[instrument], positions_.quantity[i], positions_.entry_price[i],
                                 positions_.margin[i]);
        rows_[next[bucket_[i]]++] = {keys_[i], held.coin, held.cash, static_cast<std::uint32_t>(i), instrument};
    }
}

// Each thread takes a part of the book. Within a bucket the rows of a part come after those of the parts before, so
// that how many parts there are does not show.
void LiquidationOrder::deal(const std::vector<PriceLines>& lines, std::size_t threads) {
    constexpr std::size_t most_parts = 16;
    const std::size_t parts = std::clamp<std::size_t>(threads, 1, most_parts);
    const std::size_t n = positions_.size();
    keys_.resize(n);
    bucket_.resize(n);
    std::vector<std::vector<std::uint32_t>> counts(parts);
    const auto begin = [&](std::size_t part) { return n / parts * part + std::min(part, n % parts); };
    std::atomic<bool> stop{false};
    run_chunks(parts, parts, stop, [&](std::size_t, std::size_t part) {
        counts[part].assign(buckets() + 1, 0);
        count(lines, begin(part), begin(part + 1), counts[part]);
    });
    std::uint32_t rows = 0;
    for (std::size_t b = 0; b < buckets(); ++b) {
        first_[b] = rows;
        for (std::vector<std::uint32_t>& of_part : counts) rows += std::exchange(of_part[b], rows);
    }
    first_.back() = rows;
    rows_.resize(rows);
    run_chunks(parts, parts, stop,
               [&](std::size_t, std::size_t part) { place(begin(part), begin(part + 1), counts[part]); });
    UnsetVector<double>().swap(keys_);
    UnsetVector<std::uint32_t>().swap(bucket_);
}

std::span<const std::uint32_t> BucketSort::order(const LiquidationOrder::Bucket& bucket) {
    const std::size_t n = bucket.rows.size();
    height_.resize(n);
    order_.resize(n);
    const double sign = bucket.side == longs ? -1.0 : 1.0;
    for (std::size_t i = 0; i < n; ++i) height_[i] = sign * bucket.rows[i].key;
    std::iota(order_.begin(), order_.end(), 0U);
    if (!std::is_sorted(height_.begin(), height_.end()) && !deal()) sort_by_comparing();
    return order_;
}

// Into twice as many cells as there are rows, and moved up from there; false where a cell has too many for that.
bool BucketSort::deal() {
    constexpr std::uint32_t many = 32;
    const std::size_t n = height_.size();
    double lowest = height_.front();
    double highest = height_.front();
    for (const double height : height_) {
        lowest = std::min(lowest, height);
        highest = std::max(highest, height);
    }
    const std::size_t cells = 2 * n;
    const double cells_per_unit = static_cast<double>(cells) / (highest - lowest);
    cell_.resize(n);
    next_.assign(cells, 0);
    for (std::size_t i = 0; i < n; ++i) {
        cell_[i] =
            static_cast<std::uint32_t>(cell_of((height_[i] - lowest) * cells_per_unit, static_cast<double>(cells - 1)));
        ++next_[cell_[i]];
    }
    std::uint32_t before = 0;
    std::uint32_t most = 0;
    for (std::uint32_t& of_cell : next_) {
        most = std::max(most, of_cell);
        before += std::exchange(of_cell, before);
    }
    if (most > many) return false;
    for (std::uint32_t i = 0; i < n; ++i) order_[next_[cell_[i]]++] = i;
    for (std::size_t i = 1; i < n; ++i) {
        const std::uint32_t row = order_[i];
        std::size_t at = i;
        for (; at > 0 && height_[order_[at - 1]] > height_[row]; --at) order_[at] = order_[at - 1];
        order_[at] = row;
    }
    return true;
}

void BucketSort::sort_by_comparing() {
    std::sort(order_.begin(), order_.end(), [&](std::uint32_t a, std::uint32_t b) {
        return height_[a] != height_[b] ? height_[a] < height_[b] : a < b;
    });
}

}  // namespace levcore
