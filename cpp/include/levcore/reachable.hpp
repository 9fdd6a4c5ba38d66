// The positions that one shock can reach. A book that is used once need not be sorted whole: each position falls into a
// cell of liquidation prices, the sums of the cells say how far the cascade can run at most, and what lies beyond is
// left where it is. Which positions more than those that go are taken does not show in the outcome.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "levcore/book.hpp"
#include "levcore/market.hpp"
#include "levcore/unset.hpp"
#include "levcore/venue.hpp"

namespace levcore {

// Some rows of a book, in its order.
struct ReachablePositions {
    UnsetVector<std::uint32_t> position;  // in the book
    UnsetVector<std::int32_t> instrument;
    UnsetVector<double> quantity;
    UnsetVector<double> entry_price;
    UnsetVector<double> margin;
    std::int64_t account = isolated;  // of all
    double gross_notional = 0.0;      // of the whole book, at the prices of the start

    void resize(std::size_t rows);
    [[nodiscard]] Positions positions() const { return {instrument, quantity, entry_price, margin, {&account, 1}}; }
};

// Whether nobody but those that are liquidated has a part in what a shock does at this venue, and liquidation prices
// say who is: positions stand alone and close whole, and what the fund cannot pay is bad debt.
bool touches_none_beyond_reach(const Venue& venue, std::size_t assets);

// At such a venue, of a book without accounts, when each asset of the market moves (-0.1 for -10 %).
ReachablePositions reachable_positions(const Venue& venue, const Positions& positions,
                                       std::span<const std::uint32_t> asset_of, const Market& market,
                                       std::span<const double> moves, std::size_t threads);

}  // namespace levcore
