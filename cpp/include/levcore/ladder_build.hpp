// The ladder: a sorted book made ready for one market, so that, with log-linear impact, a whole cascade is one search.
// A row goes iff, after all rows before it, the mark is past its liquidation price; with X the walk's displacement that
// is C < key + slope*Q (keys mirrored for shorts), where C holds still while the side is closed. So the rows that go
// are the first ones whose running minimum of key + slope*Q, their height, lies above C. Built once, shared by all
// paths.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "levcore/market.hpp"
#include "levcore/prefetch.hpp"
#include "levcore/rows_apart.hpp"
#include "levcore/sorted_book.hpp"
#include "levcore/unset.hpp"

namespace levcore {

// Why a pair is not for the ladder.
enum class Outside : std::int32_t {
    nothing = 0,
    accounts,
    partial_closes,
    takeover,
    order_of_risk,
    own_funds,
    jumps,
    order_books_react = 10,  // as does its market; numbers between are for what a run brings
};

// A row's height, and what stands before it; in one line of the cache, for paths come to it from anywhere.
struct alignas(32) Rung {
    double height;        // falling from row to row
    double quantity;      // of all rows before, unsigned
    double cash;          // of all rows before
    double quantity_low;  // what `quantity` was rounded by
};

// What rows hold from one rung to another.
inline Pair between(Pair from, Pair to) { return add(add(two_sum(to.high, -from.high), to.low), -from.low); }
inline Pair between(const Rung& from, const Rung& to) {
    return between(Pair{from.quantity, from.quantity_low}, Pair{to.quantity, to.quantity_low});
}

inline constexpr std::size_t rows_of_many = 64 * block_rows;

struct LadderSide {
    std::size_t rows = 0;     // those that a mark can reach
    UnsetVector<Rung> rungs;  // and one more, which nothing reaches
    // Per block of rows, in units of the walk's log price at the first row: where a row may fall short of its fee, and
    // below which all leave a deficit that do not stand apart; and the first one for all rows from there on.
    std::vector<double> safe;
    std::vector<double> bankrupt;
    std::vector<double> safe_from;
    std::vector<double> safe_of_many;  // the same of many blocks together
    std::vector<double> bankrupt_of_many;
    RowsApart apart;
    // A grid over heights: the first row of each cell.
    double highest = 0.0;
    double cells_per_unit = 0.0;
    std::vector<std::uint32_t> first_of;

    // How many rows go, given C, if the first `low` do.
    [[nodiscard]] std::size_t reach(double c, std::size_t low, bool at_equality) const noexcept;

    // Of the rows at or above a height, one that is not far before the last: all before it are above; asking for the
    // memory that reading needs.
    [[nodiscard]] std::size_t first_row(double height_at) const noexcept { return first_of[cell(height_at)]; }
    void fetch_cell(double height_at) const noexcept { prefetch(first_of.data() + cell(height_at)); }
    // Nearer to the first row to stay, by the two rows of which memory has been asked for; asks for the next ones where
    // they go, as they seldom do.
    [[nodiscard]] std::size_t nearer_row(double height_at, std::size_t row) const noexcept {
        if (row >= rows || !(rungs[row].height > height_at) || !(rungs[row + 1].height > height_at)) return row;
        fetch_row(std::min(row + 2, rows));
        return row + 1;
    }
    void fetch_row(std::size_t row) const noexcept {
        prefetch(rungs.data() + row);
        prefetch(rungs.data() + std::min(row + 1, rows));
    }

    [[nodiscard]] std::size_t cell(double height_at) const noexcept {
        const double place = (highest - height_at) * cells_per_unit;
        const double last = static_cast<double>(first_of.size() - 1);
        return static_cast<std::size_t>(place > 0.0 ? (place < last ? place : last) : 0.0);
    }
};

// Of inverse positions, whose orders owe quote units: with linear impact these move the walk's price, not its log, and
// heights are prices, mirrored for shorts, in units of the start's.
struct PriceHeights {
    bool used = false;  // only where the mark is the walk's price
    double log_unit = 0.0;
    std::array<double, 2> per_quote{};  // what a quote unit that a side closes moves them

    // Where the walk's price leads in a side's heights that has closed so many quote units; and back.
    [[nodiscard]] double height_at(std::size_t side, double log_walk, double closed) const noexcept;
    [[nodiscard]] double log_walk_at(std::size_t side, double height, double closed) const noexcept;
};

struct LadderAsset {
    bool is_linear;     // its impact; of any other the two below are infinity and 0, and heights are keys
    double depth;       // base units that move the walk's log price by 1
    double mark_slope;  // of the log mark, per base unit
    bool held;          // whether anybody holds a position on it
    bool is_inverse;    // what is traded on it; then it counts as not linear
    PriceHeights prices;
    std::array<LadderSide, 2> sides;

    // Whether a cascade is one search.
    [[nodiscard]] bool is_one_search() const noexcept { return is_linear || prices.used; }
};

struct Ladder {
    std::vector<LadderAsset> assets;
    std::size_t assets_held = 0;
};

// Whether a book is for the ladder.
Outside outside_of_ladder(const SortedBook& book);

// Of a pair that is.
Ladder build_ladder(const SortedBook& book, const Market& market, std::size_t threads);

}  // namespace levcore
