#include "levcore/sorted_book.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>

#include "levcore/liquidation_order.hpp"
#include "levcore/margin.hpp"
#include "levcore/parallel.hpp"

namespace levcore {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr std::size_t rows_a_thread = 32'768;  // fewer are done before another one has started

void fill(SortedSide& side, const LiquidationOrder::Bucket& bucket, BucketSort& sort) {
    std::size_t at = bucket.first;
    for (const std::uint32_t place : sort.order(bucket)) {
        const LiquidationOrder::Row& row = bucket.rows[place];
        side.key[at] = row.key;
        side.quantity[at] = row.quantity;
        side.cash[at] = row.cash;
        side.position[at] = row.position;
        side.instrument[at] = row.instrument;
        ++at;
    }
}

// In the order of positions, so that the sums do not show how rows are sorted.
void sum_open_interest(SortedBook& sorted) {
    const Positions& held = sorted.positions;
    for (std::size_t i = 0; i < held.size(); ++i) {
        if (held.account_of(i) != isolated) continue;
        const auto k = held.instrument_of(i);
        const Perpetual& instrument = sorted.venue.instruments[k];
        const Claim c = claim(instrument, held.quantity[i], held.entry_price[i], held.margin[i]);
        if (c.coin == 0.0) continue;
        OpenInterest& open = sorted.open_interest[k][is_long(instrument, c) ? longs : shorts];
        open.quantity.add_minor(c.coin);
        open.cash.add_minor(c.cash);
    }
}

void sort_sides(SortedBook& sorted, std::size_t threads) {
    constexpr std::size_t at_once = 64;  // buckets
    const LiquidationOrder order(sorted.venue, sorted.positions, sorted.asset_of, sorted.sides.size(), threads);
    for (std::size_t k = 0; k < sorted.sides.size(); ++k)
        for (const std::size_t side : {longs, shorts}) sorted.sides[k][side].resize(order.size(k, side));
    const std::size_t chunks = (order.buckets() + at_once - 1) / at_once;
    std::vector<BucketSort> sorts(threads);
    std::atomic<bool> stop{false};
    run_chunks(threads, 1 + chunks, stop, [&](std::size_t thread, std::size_t chunk) {
        if (chunk == 0) return sum_open_interest(sorted);
        const std::size_t end = std::min(order.buckets(), chunk * at_once);
        for (std::size_t b = (chunk - 1) * at_once; b < end; ++b) {
            const LiquidationOrder::Bucket bucket = order.bucket(b);
            fill(sorted.sides[bucket.asset][bucket.side], bucket, sorts[thread]);
        }
    });
}

// Some blocks side by side, for each sum waits for its term before.
template <std::size_t together>
void sum_some(SortedSide& side, const Venue& venue, std::size_t first) {
    Sum quantity[together];
    Sum cash[together];
    Block block[together];
    for (Block& b : block) b = {{}, {}, infinity, -infinity, true};
    for (std::size_t i = 0; i < block_rows; ++i)
        for (std::size_t b = 0; b < together; ++b) {
            const std::size_t row = (first + b) * block_rows + i;
            quantity[b].add_minor(side.quantity[row]);
            cash[b].add_minor(side.cash[row]);
            const double bankrupt_at = -side.cash[row] / side.quantity[row];
            block[b].lowest_bankruptcy = std::min(block[b].lowest_bankruptcy, bankrupt_at);
            block[b].highest_bankruptcy = std::max(block[b].highest_bankruptcy, bankrupt_at);
        }
    for (std::size_t b = 0; b < together; ++b) {
        const auto from = side.instrument.begin() + static_cast<std::ptrdiff_t>((first + b) * block_rows);
        block[b].quantity = quantity[b].pair();
        block[b].cash = cash[b].pair();
        block[b].one_instrument =
            !venue.instruments[*from].is_inverse() &&
            std::all_of(from, from + block_rows, [&](std::uint32_t instrument) { return instrument == *from; });
        side.blocks[first + b] = block[b];
    }
}

void sum_blocks(SortedBook& sorted, std::size_t threads) {
    constexpr std::size_t at_once = 256;
    struct Part {
        SortedSide* side;
        std::size_t first;
    };
    std::vector<Part> parts;
    for (auto& sides : sorted.sides)
        for (SortedSide& side : sides) {
            side.blocks.resize(side.size() / block_rows);
            for (std::size_t b = 0; b < side.blocks.size(); b += at_once) parts.push_back({&side, b});
        }
    std::atomic<bool> stop{false};
    run_chunks(threads, parts.size(), stop, [&](std::size_t, std::size_t chunk) {
        SortedSide& side = *parts[chunk].side;
        const std::size_t end = std::min(side.blocks.size(), parts[chunk].first + at_once);
        std::size_t b = parts[chunk].first;
        for (; b + 4 <= end; b += 4) sum_some<4>(side, sorted.venue, b);
        for (; b < end; ++b) sum_some<1>(side, sorted.venue, b);
    });
}

// What rows of a side have in common; keys that are no numbers stand first or last.
void describe_sides(SortedBook& sorted) {
    for (auto& sides : sorted.sides)
        for (SortedSide& side : sides) {
            const auto is_no_number = [](double key) { return !std::isfinite(key); };
            const auto first = std::find_if_not(side.key.begin(), side.key.end(), is_no_number);
            const auto last = std::find_if_not(side.key.rbegin(), std::make_reverse_iterator(first), is_no_number);
            side.reachable = static_cast<std::size_t>(last.base() - first);
        }
    for (std::size_t k = 0; k < sorted.venue.instruments.size(); ++k)
        for (const std::size_t side : {longs, shorts})
            if (requirement_jumps(sorted.venue.instruments[k]) && sorted.open_interest[k][side].quantity.value() != 0.0)
                sorted.sides[sorted.asset_of[k]][side].jumps = true;
}

}  // namespace

void SortedSide::resize(std::size_t rows) {
    key.resize(rows);
    quantity.resize(rows);
    cash.resize(rows);
    position.resize(rows);
    instrument.resize(rows);
}

void sort_ranked(std::vector<Ranked>& rows, std::size_t side) {
    std::sort(rows.begin(), rows.end(), [side](const Ranked& a, const Ranked& b) { return comes_before(a, b, side); });
}

SortedBook sort_book(Venue venue, const Book& book, std::vector<std::uint32_t> asset_of,
                     std::vector<std::uint32_t> collateral_asset, std::size_t assets, std::size_t threads) {
    SortedBook sorted;
    sorted.venue = std::move(venue);
    sorted.positions = book.positions;
    sorted.asset_of = std::move(asset_of);
    sorted.sides.resize(assets);
    sorted.open_interest.resize(sorted.venue.instruments.size());
    const std::size_t worth_starting = std::clamp<std::size_t>(book.positions.size() / rows_a_thread, 1, threads);
    sort_sides(sorted, worth_starting);
    sum_blocks(sorted, worth_starting);
    describe_sides(sorted);
    sorted.cross = gather_accounts(sorted.venue, book, std::move(collateral_asset));
    sorted.cross_interest.resize(sorted.venue.instruments.size());
    for (std::size_t i = 0; i < sorted.cross.held.size(); ++i) {
        OpenInterest& open = sorted.cross_interest[sorted.cross.instrument[i]];
        open.quantity.add(sorted.cross.held[i].coin);
        open.cash.add(sorted.cross.held[i].cash);
    }
    return sorted;
}

void watch_accounts(SortedBook& book, const Market& market) {
    if (book.cross.size() == 0) return;
    std::vector<double> marks;
    for (const Asset& asset : market.assets) marks.push_back(asset.price);
    book.watches = watch_accounts(book.venue, book.positions.entry_price, book.cross, priced_by(book), marks);
}

}  // namespace levcore
