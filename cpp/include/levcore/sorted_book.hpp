// The sorted book: isolated positions of each asset and side in the order in which a falling (longs) or rising
// (shorts) mark reaches them. Built once from a book, never changed, shared by every run.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "levcore/accounts.hpp"
#include "levcore/book.hpp"
#include "levcore/liquidation_order.hpp"
#include "levcore/market.hpp"
#include "levcore/sum.hpp"
#include "levcore/unset.hpp"
#include "levcore/venue.hpp"
#include "levcore/watches.hpp"

namespace levcore {

// Sums over consecutive rows of one side, so that rows whose settlements are surely alike can be booked as one.
inline constexpr std::size_t block_rows = 64;
struct Block {
    Pair quantity;
    Pair cash;
    double lowest_bankruptcy;  // of -cash/quantity
    double highest_bankruptcy;
    bool one_instrument;  // and that a linear one
};

// Columns in the order of liquidation. The key is log(liquidation price), moved outwards a little where slack jumps,
// so that such a position is looked at no later than it may fail.
struct SortedSide {
    UnsetVector<double> key;
    UnsetVector<double> quantity;
    UnsetVector<double> cash;
    UnsetVector<std::uint32_t> position;
    UnsetVector<std::uint32_t> instrument;
    UnsetVector<Block> blocks;  // rows [64*i, 64*i + 64), whole ones only
    std::size_t reachable = 0;  // the first rows, those that have a liquidation price
    bool jumps = false;         // some row's requirement jumps

    [[nodiscard]] std::size_t size() const noexcept { return key.size(); }
    void resize(std::size_t rows);  // the columns, whose numbers are not set
};

// Open interest of one instrument's side.
struct OpenInterest {
    Sum quantity;
    Sum cash;
};

struct SortedBook {
    Venue venue;
    Positions positions;
    std::vector<std::uint32_t> asset_of;                     // per instrument, its asset's place in the market
    std::vector<std::array<SortedSide, 2>> sides;            // per asset
    std::vector<std::array<OpenInterest, 2>> open_interest;  // per instrument, of isolated positions
    CrossBook cross;
    std::vector<OpenInterest> cross_interest;  // per instrument, both sides
    SharedWatches watches;                     // of accounts, once made
};

inline PricedBy priced_by(const SortedBook& book) noexcept { return {book.asset_of, book.cross.collateral_asset}; }

// The row that a side is sorted by: longs fall, shorts rise, ties by position.
struct Ranked {
    double key;
    std::uint32_t position;
    std::uint32_t row;
};
inline bool comes_before(const Ranked& a, const Ranked& b, std::size_t side) noexcept {
    if (a.key != b.key) return side == longs ? a.key > b.key : a.key < b.key;
    return a.position < b.position;
}
void sort_ranked(std::vector<Ranked>& rows, std::size_t side);

// asset_of gives each instrument's asset, collateral_asset each collateral's; the book must be checked and outlive the
// result.
SortedBook sort_book(Venue venue, const Book& book, std::vector<std::uint32_t> asset_of,
                     std::vector<std::uint32_t> collateral_asset, std::size_t assets, std::size_t threads);

// Makes the watches that runs on this market share; without them a run makes its own.
void watch_accounts(SortedBook& book, const Market& market);

}  // namespace levcore
