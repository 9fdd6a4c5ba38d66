#include "levcore/ladder_build.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <limits>
#include <span>
#include <utility>
#include <variant>

#include "levcore/parallel.hpp"
#include "levcore/real.hpp"
#include "levcore/state.hpp"

namespace levcore {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
// What may be a matter of rounding is asked row by row.
constexpr double room = 1e-9;
constexpr std::size_t rows_a_thread = 32'768;  // fewer are done before another one has started

double log_or(double x, double otherwise) { return x > 0.0 ? log(x) : otherwise; }

// A block's extreme bankruptcy prices, unit prices; the last one may be short.
std::pair<double, double> bankruptcies(const SortedSide& sorted, std::size_t block, std::size_t rows) {
    const std::size_t from = block * block_rows;
    if (from + block_rows <= rows)
        return {sorted.blocks[block].lowest_bankruptcy, sorted.blocks[block].highest_bankruptcy};
    double lowest = infinity;
    double highest = -infinity;
    for (std::size_t i = from; i < rows; ++i) {
        const double bankrupt_at = -sorted.cash[i] / sorted.quantity[i];
        lowest = std::min(lowest, bankrupt_at);
        highest = std::max(highest, bankrupt_at);
    }
    return {lowest, highest};
}

// Mirrored logs of the rows' bankruptcy prices, given the prices, of which those that are not above 0 are none; sign 1
// where a claim gains when its unit price rises.
void take_logs(std::span<double> prices, double sign) {
    constexpr std::size_t at_once = 1'024;
    std::array<bool, at_once> none;
    for (std::size_t from = 0; from < prices.size(); from += at_once) {
        const std::span<double> some = prices.subspan(from, std::min(at_once, prices.size() - from));
        for (std::size_t i = 0; i < some.size(); ++i) {
            none[i] = !(some[i] > 0.0);
            some[i] = none[i] ? 1.0 : some[i];
        }
        kernels_in_use().logs(log_table(), some.data(), some.size());
        for (std::size_t i = 0; i < some.size(); ++i) some[i] = sign * (none[i] ? -infinity : some[i]);
    }
}

// Bounds of a block's rows, from their extreme bankruptcy prices and what has been closed before and after them; the
// lower ones of those that do not stand apart.
void bound_blocks(LadderSide& side, const SortedSide& sorted, bool gains, const LadderAsset& on, double after_fee,
                  std::span<const double> deficit_bound) {
    const std::size_t blocks = (side.rows + block_rows - 1) / block_rows;
    const double log_after_fee = log(after_fee);
    side.safe.resize(blocks);
    side.bankrupt.assign(blocks, infinity);
    for (std::size_t b = 0; b < blocks; ++b) {
        const std::size_t to = std::min(side.rows, (b + 1) * block_rows);
        const auto [lowest, highest] = bankruptcies(sorted, b, side.rows);
        const double after = side.rungs[to].quantity / on.depth;
        const double worst = gains ? log_or(highest, -infinity) : -log_or(lowest, -infinity);
        side.safe[b] = worst + after - log_after_fee + room;
        side.bankrupt[b] = side.apart.least_of_others(deficit_bound, b * block_rows, to);
    }
    for (std::size_t from = 0; from < blocks; from += rows_of_many / block_rows) {
        const std::size_t to = std::min(blocks, from + rows_of_many / block_rows);
        const auto part = [&](const std::vector<double>& all) { return std::span(all).subspan(from, to - from); };
        side.safe_of_many.push_back(std::ranges::max(part(side.safe)));
        side.bankrupt_of_many.push_back(std::ranges::min(part(side.bankrupt)));
    }
    side.safe_from = side.safe;
    for (std::size_t b = blocks; b-- > 1;) side.safe_from[b - 1] = std::max(side.safe_from[b - 1], side.safe_from[b]);
}

void index_heights(LadderSide& side) {
    constexpr double furthest = 700.0;  // of a log price
    const std::size_t cells = std::clamp<std::size_t>(2 * side.rows, 64, std::size_t{1} << 20);
    std::size_t first = 0;
    while (first < side.rows && side.rungs[first].height > furthest) ++first;
    side.highest = first < side.rows ? side.rungs[first].height : 0.0;
    const double lowest = side.rows > 0 ? side.rungs[side.rows - 1].height : 0.0;
    const double width = std::min(0.35, std::max(1e-9, side.highest - lowest));
    side.cells_per_unit = static_cast<double>(cells - 1) / width;
    // From the last row to the first, which stays where several share a cell; a cell of none has the next one's.
    side.first_of.assign(cells, static_cast<std::uint32_t>(side.rows));
    for (std::size_t row = side.rows; row-- > 0;)
        side.first_of[side.cell(side.rungs[row].height)] = static_cast<std::uint32_t>(row);
    for (std::size_t c = cells - 1; c-- > 0;) side.first_of[c] = std::min(side.first_of[c], side.first_of[c + 1]);
}

void describe_impact(LadderAsset& on, const Asset& asset, bool is_inverse) {
    const auto* linear = std::get_if<LinearImpact>(&asset.impact);
    on.is_inverse = is_inverse;
    on.is_linear = linear != nullptr && !is_inverse;
    on.depth = on.is_linear ? linear->depth : infinity;
    on.mark_slope = asset.mark_follow / on.depth;
    if (!is_inverse || linear == nullptr || asset.mark_follow != 1.0) return;
    const double per_unit = 1.0 / (linear->depth * asset.price);
    on.prices = {true, log(asset.price), {per_unit / (1.0 - asset.half_spread), per_unit / (1.0 + asset.half_spread)}};
}

void build_side(LadderAsset& on, std::size_t which, const SortedSide& sorted, const Venue& venue, const Asset& asset) {
    LadderSide& side = on.sides[which];
    const double sign = which == longs ? 1.0 : -1.0;
    const bool gains = (which == longs) != on.is_inverse;  // when its unit price rises
    side.rows = sorted.reachable;
    side.rungs.resize(side.rows + 1);
    Pair quantity;  // of what is positive, so that its high part is its value, and its low one what that was rounded by
    Sum cash;
    double lowest = infinity;
    // What follows from a row alone is worked out beside the sums, each of which waits for the one before.
    UnsetVector<double> log_bankrupt(side.rows);
    UnsetVector<double> bounds(side.rows);
    for (std::size_t i = 0; i < side.rows; ++i) {
        log_bankrupt[i] = -sorted.cash[i] / sorted.quantity[i];
        bounds[i] = quantity.high / on.depth;
        const double height = on.prices.used ? on.prices.height_at(which, sorted.key[i], quantity.high)
                                             : sign * sorted.key[i] + on.mark_slope * quantity.high;
        lowest = std::min(lowest, height);
        side.rungs[i] = {lowest, quantity.high, cash.value(), quantity.low};
        quantity = add_minor(quantity, std::fabs(sorted.quantity[i]));
        cash.add_minor(sorted.cash[i]);
    }
    side.rungs.back() = {-infinity, quantity.high, cash.value(), quantity.low};
    // A long sells for a little less than the walk's price, a short buys for a little more.
    const double spread = which == longs ? 1.0 - asset.half_spread : 1.0 / (1.0 + asset.half_spread);
    const double fee = venue.liquidation.fee_rate;
    take_logs(log_bankrupt, gains ? 1.0 : -1.0);
    // Below what all of a row's prices stay where it is sure to leave a deficit: an order pays at most the walk's price
    // before it.
    const double log_spread = log(spread);
    for (std::size_t i = 0; i < side.rows; ++i) bounds[i] = log_bankrupt[i] + bounds[i] - log_spread - room;
    side.apart = RowsApart(std::span(sorted.key).first(side.rows), log_bankrupt, bounds, sign);
    const double after_fee = spread * (gains ? 1.0 - fee : 1.0 / (1.0 + fee));
    bound_blocks(side, sorted, gains, on, after_fee, bounds);
    if (!on.is_linear && !on.is_inverse)
        side.spans = span_rows(side.rungs, sorted, log_bankrupt, bounds, after_fee, side.apart);
    side.apart.settle_down();
    index_heights(side);
}

}  // namespace

std::size_t LadderSide::reach(double c, std::size_t low, bool at_equality) const noexcept {
    const Rung* const at = rungs.data();  // and nothing reaches the last one
    const auto goes = [&](std::size_t row) { return at_equality ? at[row].height >= c : at[row].height > c; };
    // Mostly it is one of the next two. Heights fall, so that counting those that go finds the first to stay, and no
    // branch asks what no processor can tell beforehand.
    if (low >= rows) return rows;
    const std::size_t going = (goes(low) ? 1U : 0U) + (goes(low + 1) ? 1U : 0U);
    low += going;
    if (going < 2) return low;
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
    for (const auto& sides : book.sides)
        if (sides[longs].jumps || sides[shorts].jumps) return Outside::jumps;
    return Outside::nothing;
}

double PriceHeights::height_at(std::size_t side, double log_walk, double closed) const noexcept {
    const double price = exp(log_walk - log_unit);
    return (side == longs ? price : -price) + per_quote[side] * closed;
}

double PriceHeights::log_walk_at(std::size_t side, double height, double closed) const noexcept {
    const double price = (side == longs ? 1.0 : -1.0) * (height - per_quote[side] * closed);
    return price > 0.0 ? log_unit + log(price) : -infinity;
}

Ladder build_ladder(const SortedBook& book, const Market& market, std::size_t threads) {
    Ladder ladder;
    ladder.assets.resize(market.assets.size());
    std::size_t rows = 0;
    for (std::size_t k = 0; k < market.assets.size(); ++k) {
        LadderAsset& on = ladder.assets[k];
        describe_impact(on, market.assets[k], moves_by_inverse(book, k));
        const std::size_t held = book.sides[k][longs].size() + book.sides[k][shorts].size();
        on.held = held > 0;
        ladder.assets_held += on.held ? 1 : 0;
        rows += held;
    }
    const std::size_t sides = 2 * ladder.assets.size();
    const std::size_t most = std::max<std::size_t>(1, std::min(threads, sides));
    std::atomic<bool> stop{false};
    run_chunks(std::clamp<std::size_t>(rows / rows_a_thread, 1, most), sides, stop, [&](std::size_t, std::size_t n) {
        const std::size_t k = n / 2;
        build_side(ladder.assets[k], n % 2, book.sides[k][n % 2], book.venue, market.assets[k]);
    });
    return ladder;
}

}  // namespace levcore
