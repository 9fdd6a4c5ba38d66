// Rungs of a side of the ladder, and columns for impact that is not linear: rows in spans of equal length, so that
// questions to many rows are put to a few numbers that stay in the cache.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "levcore/prefetch.hpp"
#include "levcore/rows_apart.hpp"
#include "levcore/sorted_book.hpp"
#include "levcore/sum.hpp"

namespace levcore {

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

// Of spans of rows the height of the last one, and what stands before the first; and some more, which nothing reaches.
struct FallSpans {
    std::vector<double> height;
    std::vector<double> quantity;
};

// What stands before the first row; in mirrored logs of the walk's price where a row may fall short of its fee, and
// below which all leave a deficit that do not stand apart (rows_apart.hpp).
struct MoneySpan {
    double quantity;
    double safe;
    double bankrupt;
};

// A row that stands apart, below what mirrored log price it leaves a deficit for sure, and what its order is about.
struct RowApart {
    double bankrupt;
    double quantity_before;
    double size;
    double cash;
    std::uint32_t row;
};

struct LadderSpans {
    static constexpr std::array<std::size_t, 4> lengths{8, 64, 512, 4096};
    static constexpr std::size_t apart_length = 512;

    std::array<FallSpans, 3> falls;               // of the first three lengths
    std::array<std::vector<MoneySpan>, 4> money;  // and one more, which nothing reaches
    // Span after span of 512, those of one by rising bound; where each span's begin, and the least bound of them.
    std::vector<RowApart> apart;
    std::vector<std::uint32_t> first_apart;
    std::vector<double> least_apart;

    // Asks for the memory that looking into the eight spans of 8 rows from a row on needs, which may lie in two lines.
    void fetch_shortest(std::size_t row) const noexcept {
        constexpr std::size_t last = 7;
        const std::size_t n = row / lengths[0];
        for (const std::vector<double>* column : {&falls[0].height, &falls[0].quantity}) {
            prefetch(column->data() + n);
            prefetch(column->data() + n + last);
        }
    }

    // Those of rows [from, to), all in one span of 512, that are not sure to leave a deficit where the first one's
    // mirrored log price is `best`.
    template <class F>
    void each_unsure(std::size_t from, std::size_t to, double best, F&& f) const {
        const std::size_t n = from / apart_length;
        for (std::size_t i = first_apart[n]; i < first_apart[n + 1] && apart[i].bankrupt <= best; ++i)
            if (apart[i].row >= from && apart[i].row < to) f(apart[i]);
    }
    void fetch_apart(std::size_t span) const noexcept { prefetch(apart.data() + first_apart[span]); }
    // What stands before a span of 512.
    [[nodiscard]] double quantity_before(std::size_t span) const noexcept { return falls[2].quantity[span]; }
};

// Of a side's rungs and rows, given its rows' mirrored logs of bankruptcy price, below what each leaves a deficit for
// sure, what share of a price is left after spread and fee, and who stands apart.
LadderSpans span_rows(std::span<const Rung> rungs, const SortedSide& sorted, std::span<const double> log_bankrupt,
                      std::span<const double> deficit_bound, double after_fee, const RowsApart& apart);

}  // namespace levcore
