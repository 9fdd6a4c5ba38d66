#include "levcore/reach.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "levcore/margin.hpp"
#include "levcore/touched.hpp"

namespace levcore {
namespace {

// Claims that funding has moved: every place whose liquidation price may have come within reach of the mark is ranked
// by its present key; the first ones are taken while they fail.
void gather_moved(const SortedBook& book, const Market& market, State& state, std::size_t k, std::size_t side,
                  Batch& batch) {
    SideState& mine = state.sides[k][side];
    constexpr double infinity = std::numeric_limits<double>::infinity();
    constexpr double room = 1e-9;  // for the rounding of all that is worked out here
    const bool inverse = moves_by_inverse(book, k);
    const double mark = mark_price(market.assets[k], state.assets[k]);
    const double from = (inverse ? 1.0 / mark : mark) - mine.farthest_move;
    const double log_from = from > 0.0 ? log(from) : -infinity;
    const double reached = inverse ? -log_from : log_from;
    while (mine.next < mine.key.size() &&
           (side == longs ? mine.key[mine.next] >= reached - room : mine.key[mine.next] <= reached + room)) {
        const std::uint32_t row = mine.row_at(mine.next++);
        if (mine.early.empty() || !mine.early[row]) add_near(book, state, k, side, row);
    }
    batch.from = batch.to = mine.next;
    while (!mine.near.empty()) {
        const Ranked& first = mine.near.front();
        const Claim held = claim_of(book, state, k, side, first.row);
        if (!is_failing(book, market, state, k, side, first.row, held, first.key)) return;
        batch.ranked.push_back(take_near(mine, side));
    }
}

// Rows that stand as sorted go as they stand, unless one that does not is among them or goes between them.
void add_touched(const SortedBook& book, const Market& market, State& state, std::size_t k, std::size_t side,
                 Batch& batch) {
    SideState& mine = state.sides[k][side];
    if (mine.touched.empty()) return;
    batch.ranked = take_failing(book, market, state, k, side);
    const auto is_touched = [&](std::size_t place) { return mine.is_touched(static_cast<std::uint32_t>(place)); };
    bool as_sorted = batch.ranked.empty();
    for (std::size_t place = batch.from; place < batch.to && as_sorted; ++place) as_sorted = !is_touched(place);
    if (as_sorted) return;
    for (std::size_t place = batch.from; place < batch.to; ++place)
        if (!is_touched(place))
            batch.ranked.push_back(
                {mine.key[place], book.sides[k][side].position[place], static_cast<std::uint32_t>(place)});
    batch.to = batch.from;
    sort_ranked(batch.ranked, side);
}

}  // namespace

void gather_side(const SortedBook& book, const Market& market, State& state, std::size_t k, std::size_t side,
                 Batch& batch) {
    SideState& mine = state.sides[k][side];
    batch.side = side;
    batch.ranked.clear();
    if (mine.moved) return gather_moved(book, market, state, k, side, batch);
    batch.from = mine.next;
    const double y = state.assets[k].log_mark;
    const bool at_equality = book.venue.liquidate_at_equality;
    while (mine.next < mine.reachable && is_liquidatable(side == longs, y, mine.key[mine.next], at_equality))
        ++mine.next;
    batch.to = mine.next;
    if (mine.touching) return add_touched(book, market, state, k, side, batch);
    if (!mine.stale && !book.sides[k][side].jumps && mine.waiting.empty()) return;
    for (std::size_t place = batch.from; place < batch.to; ++place) mine.waiting.push_back(mine.row_at(place));
    batch.to = batch.from;
    std::vector<std::uint32_t> healthy;
    for (const std::uint32_t row : mine.waiting) {
        const Claim held = claim_of(book, state, k, side, row);
        if (held.coin == 0.0) continue;
        const double key = present_key(book, k, side, row, held);
        if (is_failing(book, market, state, k, side, row, held, key))
            batch.ranked.push_back({key, book.sides[k][side].position[row], row});
        else
            healthy.push_back(row);
    }
    mine.waiting = std::move(healthy);
    sort_ranked(batch.ranked, side);
}

void take_early(const SortedBook& book, State& state, std::size_t k, std::size_t side, std::uint32_t row) {
    SideState& mine = state.sides[k][side];
    mine.early.resize(book.sides[k][side].size());
    if (mine.early[row]) return;
    mine.early[row] = true;
    add_near(book, state, k, side, row);
}

void rank_by_risk(const SortedBook& book, const Market& market, const State& state, std::size_t k, Batch& batch) {
    struct Risky {
        double ratio;
        Ranked ranked;
    };
    const SideState& mine = state.sides[k][batch.side];
    const SortedSide& sorted = book.sides[k][batch.side];
    for (std::size_t place = batch.from; place < batch.to; ++place)
        batch.ranked.push_back({mine.key[place], sorted.position[mine.row_at(place)], mine.row_at(place)});
    batch.from = batch.to;
    std::vector<Risky> all;
    for (const Ranked& r : batch.ranked) {
        const std::uint32_t instrument = sorted.instrument[r.row];
        const double unit = unit_mark(book, market, state, instrument);
        const Claim held = claim_of(book, state, k, batch.side, r.row);
        const double required =
            maintenance(book.venue.instruments[instrument], held, book.positions.entry_price[r.position], unit);
        all.push_back({risk_ratio(equity(held, unit), required), r});
    }
    std::sort(all.begin(), all.end(), [](const Risky& a, const Risky& b) {
        return a.ratio != b.ratio ? a.ratio < b.ratio : a.ranked.position < b.ranked.position;
    });
    batch.ranked.clear();
    for (const Risky& r : all) batch.ranked.push_back(r.ranked);
}

void keep_watching(const SortedBook& book, State& state, std::size_t k, std::size_t side, std::uint32_t row) {
    if (state.sides[k][side].touching)
        touch(book, state, k, side, row, claim_of(book, state, k, side, row));
    else if (state.sides[k][side].moved)
        add_near(book, state, k, side, row);
    else
        state.sides[k][side].waiting.push_back(row);
}

}  // namespace levcore
