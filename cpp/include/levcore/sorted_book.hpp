// The sorted book: isolated positions of each asset and side in the order in which a falling (longs) or rising
// (shorts) mark reaches them. Built once from a book, never changed, shared by every run.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "levcore/book.hpp"
#include "levcore/sum.hpp"
#include "levcore/venue.hpp"

namespace levcore {

inline constexpr std::size_t longs = 0;
inline constexpr std::size_t shorts = 1;

// Sums over consecutive rows of one side, so that rows whose settlements are surely alike can be booked as one.
inline constexpr std::size_t block_rows = 64;
struct Block {
    Pair quantity;
    Pair cash;
    double lowest_bankruptcy;  // of -cash/quantity
    double highest_bankruptcy;
    bool one_instrument;
};

// Columns in the order of liquidation. The key is log(liquidation price), moved outwards a little where slack jumps,
// so that such a position is looked at no later than it may fail.
struct SortedSide {
    std::vector<double> key;
    std::vector<double> quantity;
    std::vector<double> cash;
    std::vector<std::uint32_t> position;
    std::vector<std::uint32_t> instrument;
    std::vector<Block> blocks;  // rows [64*i, 64*i + 64), whole ones only
    std::size_t reachable = 0;  // the first rows, those that have a liquidation price
    bool jumps = false;         // some row's requirement jumps

    [[nodiscard]] std::size_t size() const noexcept { return key.size(); }
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
    std::vector<std::array<OpenInterest, 2>> open_interest;  // per instrument
};

// log(liquidation price); an infinity on the far side where no mark liquidates the claim.
double liquidation_key(const LinearPerpetual& instrument, const Claim& held, double entry_price);

// The same where slack does not jump; else a little outside of every price at which the claim may fail.
double sort_key(const LinearPerpetual& instrument, const Claim& held, double entry_price);

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

// asset_of gives each instrument's asset; positions must be checked and outlive the result.
SortedBook sort_book(Venue venue, const Positions& positions, std::vector<std::uint32_t> asset_of, std::size_t assets);

}  // namespace levcore
