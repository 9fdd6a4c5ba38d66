// How far a cascade runs on the ladder where impact is not linear. A row goes iff all before it do and its key lies
// above the mark that they leave. Selling lowers the mark and no row lies above those before it, so a span of rows goes
// whole if its last key lies above the mark before its first one. Long spans are asked first, from columns that stay in
// the cache; where the answer is not yes, the next shorter ones.
#pragma once

#include <cstddef>
#include <span>

#include "levcore/ladder_build.hpp"

namespace levcore {

// How closely one looks: for the first 64 rows that may not go whole, for the first 8 of them, for the row.
enum class FallDepth { block, stride, row };

// Where a side stands: +1 for longs and -1 for shorts; that times the logs of the fundamental price and of permanent
// impact; what refills and the other side leave of the displacement; and what marks are.
struct FallFrom {
    double sign;
    double log_price;
    double log_permanent;
    double refilled;
    double other_side;
    double mark_follow;
    bool at_equality;
};

// The first row to stay, or with less depth one up to which all are known to go; as all before `from` are. What longer
// spans say than those of the first depth is known already.
std::size_t fall(const LadderSide& side, const Impact& impact, const FallFrom& at, std::size_t from,
                 FallDepth from_depth, FallDepth to_depth);

// Many that have different log prices and other sides: `rows` are from where, and then what each is.
void falls(const LadderSide& side, const Impact& impact, FallFrom at, std::span<const double> log_prices,
           std::span<const double> other_sides, std::span<std::size_t> rows, FallDepth from_depth, FallDepth to_depth);

}  // namespace levcore
