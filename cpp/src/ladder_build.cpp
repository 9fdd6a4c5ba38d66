#include "levcore/ladder_build.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <variant>

#include "levcore/real.hpp"

namespace levcore {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
// What may be a matter of rounding is asked row by row.
constexpr double room = 1e-9;

// What is left of a sum once its value has been taken out.
double rounded_by(const Sum& sum) {
    Sum rest(sum.pair());
    rest.add(-sum.value());
    return rest.value();
}

double log_or(double x, double otherwise) { return x > 0.0 ? log(x) : otherwise; }

// Bounds of a block's rows, from their extreme bankruptcy prices and what has been closed before and after them.
void bound_blocks(LadderSide& side, const SortedSide& sorted, bool is_long, const LadderAsset& on, double after_fee,
                  double spread) {
    const std::size_t blocks = (side.rows + block_rows - 1) / block_rows;
    for (std::size_t b = 0; b < blocks; ++b) {
        const std::size_t from = b * block_rows;
        const std::size_t to = std::min(side.rows, from + block_rows);
        double lowest = infinity;
        double highest = -infinity;
        for (std::size_t i = from; i < to; ++i) {
            const double bankrupt_at = -sorted.cash[i] / sorted.quantity[i];
            lowest = std::min(lowest, bankrupt_at);
            highest = std::max(highest, bankrupt_at);
        }
        const double before = side.rungs[from].quantity / on.depth;
        const double after = side.rungs[to].quantity / on.depth;
        // An order of q pays between the walk's price before and after it.
        const double worst = is_long ? log_or(highest, -infinity) : -log_or(lowest, -infinity);
        const double best = is_long ? log_or(lowest, -infinity) : -log_or(highest, -infinity);
        side.safe.push_back(worst + after - log(after_fee) + room);
        side.bankrupt.push_back(best + before - log(spread) - room);
    }
    side.safe_from = side.safe;
    for (std::size_t b = blocks; b-- > 1;) side.safe_from[b - 1] = std::max(side.safe_from[b - 1], side.safe_from[b]);
}

void index_heights(LadderSide& side) {
    constexpr double furthest = 700.0;  // of a log price
    std::size_t cells = 64;
    while (cells < side.rows * 2 && cells < (std::size_t{1} << 20)) cells *= 2;
    std::size_t first = 0;
    while (first < side.rows && side.rungs[first].height > furthest) ++first;
    side.highest = first < side.rows ? side.rungs[first].height : 0.0;
    const double lowest = side.rows > 0 ? side.rungs[side.rows - 1].height : 0.0;
    const double width = std::min(0.35, std::max(1e-9, side.highest - lowest));
    side.cells_per_unit = static_cast<double>(cells - 1) / width;
    side.first_of.assign(cells, 0);
    std::size_t row = 0;
    for (std::size_t c = 0; c < cells; ++c) {
        while (row < side.rows && side.cell(side.rungs[row].height) < c) ++row;
        side.first_of[c] = static_cast<std::uint32_t>(row);
    }
}

void build_side(LadderAsset& on, std::size_t which, const SortedSide& sorted, const Venue& venue, const Asset& asset) {
    LadderSide& side = on.sides[which];
    const double sign = which == longs ? 1.0 : -1.0;
    side.rows = sorted.reachable;
    side.rungs.reserve(side.rows + 1);
    Sum quantity;
    Sum cash;
    double lowest = infinity;
    for (std::size_t i = 0; i < side.rows; ++i) {
        const double before = quantity.value();
        lowest = std::min(lowest, sign * sorted.key[i] + on.mark_slope * before);
        side.rungs.push_back({lowest, before, cash.value(), rounded_by(quantity)});
        quantity.add(std::fabs(sorted.quantity[i]));
        cash.add(sorted.cash[i]);
    }
    side.rungs.push_back({-infinity, quantity.value(), cash.value(), rounded_by(quantity)});
    // A long sells for a little less than the walk's price, a short buys for a little more.
    const double spread = which == longs ? 1.0 - asset.half_spread : 1.0 / (1.0 + asset.half_spread);
    const double fee = venue.liquidation.fee_rate;
    bound_blocks(side, sorted, which == longs, on, spread * (which == longs ? 1.0 - fee : 1.0 / (1.0 + fee)), spread);
    index_heights(side);
}

}  // namespace

std::size_t LadderSide::reach(double c, std::size_t low, bool at_equality) const noexcept {
    const Rung* const at = rungs.data();  // and nothing reaches the last one
    const auto goes = [&](std::size_t row) { return at_equality ? at[row].height >= c : at[row].height > c; };
    constexpr std::size_t near = 8;
    for (const std::size_t end = std::min(rows, low + near); low < end; ++low)
        if (!goes(low)) return low;
    std::size_t stride = near;
    while (low + stride < rows && goes(low + stride)) {
        low += stride + 1;
        stride *= 2;
    }
    std::size_t high = std::min(rows, low + stride);  // the first known not to go
    while (low < high) {
        const std::size_t middle = low + (high - low) / 2;
        if (goes(middle))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

Outside outside_of_ladder(const SortedBook& book) {
    const Venue& venue = book.venue;
    if (book.cross.size() > 0) return Outside::accounts;
    if (venue.liquidation.amount != Amount::all) return Outside::partial_closes;
    if (venue.backstop.takeover > 0.0) return Outside::takeover;
    if (venue.riskiest_first) return Outside::order_of_risk;
    if (venue.backstop.funds.size() > 1) return Outside::own_funds;
    for (const Perpetual& instrument : venue.instruments)
        if (instrument.is_inverse()) return Outside::inverse;
    for (const auto& sides : book.sides)
        if (sides[longs].jumps || sides[shorts].jumps) return Outside::jumps;
    return Outside::nothing;
}

Ladder build_ladder(const SortedBook& book, const Market& market) {
    Ladder ladder;
    for (std::size_t k = 0; k < market.assets.size(); ++k) {
        const Asset& asset = market.assets[k];
        LadderAsset on;
        const auto* linear = std::get_if<LinearImpact>(&asset.impact);
        on.is_linear = linear != nullptr;
        on.depth = linear != nullptr ? linear->depth : infinity;
        on.mark_slope = asset.mark_follow / on.depth;
        on.held = book.sides[k][longs].size() + book.sides[k][shorts].size() > 0;
        for (const std::size_t side : {longs, shorts}) build_side(on, side, book.sides[k][side], book.venue, asset);
        ladder.assets_held += on.held ? 1 : 0;
        ladder.assets.push_back(std::move(on));
    }
    return ladder;
}

}  // namespace levcore
