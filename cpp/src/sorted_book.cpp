#include "levcore/sorted_book.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "levcore/margin.hpp"
#include "levcore/real.hpp"

namespace levcore {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// The key of a claim without a liquidation price: no mark reaches a long. A short has none only where payments have
// left it too little for any price: every mark is above its key, which is finite, as those of all that can be reached
// are.
double key_without_price(const Claim& held) { return held.coin > 0.0 ? -infinity : -1e300; }

void fill(SortedSide& side, const std::vector<Ranked>& entries, const SortedBook& sorted) {
    const Positions& held = sorted.positions;
    side.key.reserve(entries.size());
    side.quantity.reserve(entries.size());
    side.cash.reserve(entries.size());
    side.position.reserve(entries.size());
    side.instrument.reserve(entries.size());
    for (const Ranked& entry : entries) {
        const std::size_t i = entry.position;
        const auto instrument = static_cast<std::uint32_t>(held.instrument[i]);
        const Claim c =
            claim(sorted.venue.instruments[instrument], held.quantity[i], held.entry_price[i], held.margin[i]);
        side.key.push_back(entry.key);
        side.quantity.push_back(c.coin);
        side.cash.push_back(c.cash);
        side.position.push_back(entry.position);
        side.instrument.push_back(instrument);
        if (std::isfinite(entry.key)) ++side.reachable;
        side.jumps = side.jumps || requirement_jumps(sorted.venue.instruments[instrument]);
    }
}

void sum_blocks(SortedSide& side) {
    for (std::size_t from = 0; from + block_rows <= side.size(); from += block_rows) {
        Sum quantity;
        Sum cash;
        Block block{{}, {}, infinity, -infinity, true};
        for (std::size_t i = from; i < from + block_rows; ++i) {
            quantity.add(side.quantity[i]);
            cash.add(side.cash[i]);
            const double bankrupt_at = -side.cash[i] / side.quantity[i];
            block.lowest_bankruptcy = std::min(block.lowest_bankruptcy, bankrupt_at);
            block.highest_bankruptcy = std::max(block.highest_bankruptcy, bankrupt_at);
            block.one_instrument = block.one_instrument && side.instrument[i] == side.instrument[from];
        }
        block.quantity = quantity.pair();
        block.cash = cash.pair();
        side.blocks.push_back(block);
    }
}

}  // namespace

double liquidation_key(const LinearPerpetual& instrument, const Claim& held, double entry_price) {
    const double price = liquidation_price(instrument, held, entry_price);
    return std::isnan(price) ? key_without_price(held) : log(price);
}

double sort_key(const LinearPerpetual& instrument, const Claim& held, double entry_price) {
    if (!requirement_jumps(instrument)) return liquidation_key(instrument, held, entry_price);
    const double price = furthest_price(instrument, held);
    if (std::isnan(price)) return key_without_price(held);
    const double g = log(price);
    const double room = 1e-12 * std::fmax(1.0, std::fabs(g));
    return held.coin > 0.0 ? g + room : g - room;
}

void sort_ranked(std::vector<Ranked>& rows, std::size_t side) {
    std::sort(rows.begin(), rows.end(), [side](const Ranked& a, const Ranked& b) { return comes_before(a, b, side); });
}

SortedBook sort_book(Venue venue, const Positions& positions, std::vector<std::uint32_t> asset_of, std::size_t assets) {
    SortedBook sorted;
    sorted.venue = std::move(venue);
    sorted.positions = positions;
    sorted.asset_of = std::move(asset_of);
    sorted.sides.resize(assets);
    sorted.open_interest.resize(sorted.venue.instruments.size());
    std::vector<std::array<std::vector<Ranked>, 2>> entries(assets);
    for (std::size_t i = 0; i < positions.size(); ++i) {
        const auto k = static_cast<std::size_t>(positions.instrument[i]);
        const LinearPerpetual& instrument = sorted.venue.instruments[k];
        const Claim held = claim(instrument, positions.quantity[i], positions.entry_price[i], positions.margin[i]);
        if (held.coin == 0.0) continue;
        const bool is_long = held.coin > 0.0;
        const std::size_t side = is_long ? longs : shorts;
        OpenInterest& open = sorted.open_interest[k][side];
        open.quantity.add(held.coin);
        open.cash.add(held.cash);
        entries[sorted.asset_of[k]][side].push_back(
            {sort_key(instrument, held, positions.entry_price[i]), static_cast<std::uint32_t>(i), 0});
    }
    for (std::size_t k = 0; k < assets; ++k) {
        for (const std::size_t side : {longs, shorts}) {
            auto& list = entries[k][side];
            sort_ranked(list, side);
            fill(sorted.sides[k][side], list, sorted);
            sum_blocks(sorted.sides[k][side]);
        }
    }
    return sorted;
}

}  // namespace levcore
