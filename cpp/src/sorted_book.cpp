#include "levcore/sorted_book.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "levcore/margin.hpp"
#include "levcore/real.hpp"

namespace levcore {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

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

void sum_blocks(SortedSide& side, const Venue& venue) {
    for (std::size_t from = 0; from + block_rows <= side.size(); from += block_rows) {
        Sum quantity;
        Sum cash;
        const bool linear = !venue.instruments[side.instrument[from]].is_inverse();
        Block block{{}, {}, infinity, -infinity, true};
        for (std::size_t i = from; i < from + block_rows; ++i) {
            quantity.add(side.quantity[i]);
            cash.add(side.cash[i]);
            const double bankrupt_at = -side.cash[i] / side.quantity[i];
            block.lowest_bankruptcy = std::min(block.lowest_bankruptcy, bankrupt_at);
            block.highest_bankruptcy = std::max(block.highest_bankruptcy, bankrupt_at);
            block.one_instrument = block.one_instrument && side.instrument[i] == side.instrument[from] && linear;
        }
        block.quantity = quantity.pair();
        block.cash = cash.pair();
        side.blocks.push_back(block);
    }
}

}  // namespace

double sort_key(const Perpetual& instrument, const Claim& held, double entry_price) {
    if (!requirement_jumps(instrument)) return liquidation_key(instrument, held, entry_price);
    const double g = log_price_of(instrument, held, furthest_unit_price(instrument, held));
    if (!std::isfinite(g)) return g;
    const double room = 1e-12 * std::fmax(1.0, std::fabs(g));
    return is_long(instrument, held) ? g + room : g - room;
}

void sort_ranked(std::vector<Ranked>& rows, std::size_t side) {
    std::sort(rows.begin(), rows.end(), [side](const Ranked& a, const Ranked& b) { return comes_before(a, b, side); });
}

SortedBook sort_book(Venue venue, const Book& book, std::vector<std::uint32_t> asset_of,
                     std::vector<std::uint32_t> collateral_asset, std::size_t assets) {
    const Positions& positions = book.positions;
    SortedBook sorted;
    sorted.venue = std::move(venue);
    sorted.positions = positions;
    sorted.asset_of = std::move(asset_of);
    sorted.sides.resize(assets);
    sorted.open_interest.resize(sorted.venue.instruments.size());
    std::vector<std::array<std::vector<Ranked>, 2>> entries(assets);
    for (std::size_t i = 0; i < positions.size(); ++i) {
        if (positions.account[i] != isolated) continue;
        const auto k = static_cast<std::size_t>(positions.instrument[i]);
        const Perpetual& instrument = sorted.venue.instruments[k];
        const Claim held = claim(instrument, positions.quantity[i], positions.entry_price[i], positions.margin[i]);
        if (held.coin == 0.0) continue;
        const std::size_t side = is_long(instrument, held) ? longs : shorts;
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
            sum_blocks(sorted.sides[k][side], sorted.venue);
        }
    }
    sorted.cross = gather_accounts(sorted.venue, book, std::move(collateral_asset));
    sorted.cross_interest.resize(sorted.venue.instruments.size());
    for (std::size_t i = 0; i < sorted.cross.held.size(); ++i) {
        OpenInterest& open = sorted.cross_interest[sorted.cross.instrument[i]];
        open.quantity.add(sorted.cross.held[i].coin);
        open.cash.add(sorted.cross.held[i].cash);
    }
    return sorted;
}

}  // namespace levcore
