#include "levcore/ladder_walk.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "levcore/margin.hpp"
#include "levcore/price_walk.hpp"
#include "levcore/quote_walk.hpp"
#include "levcore/real.hpp"

namespace levcore {
namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

}  // namespace

LadderWalk::LadderWalk(const SortedBook& book, const Market& market, const Ladder& ladder, bool count_rounds)
    : book_(book),
      market_(market),
      ladder_(ladder),
      count_rounds_(count_rounds),
      assets_(market.assets.size()),
      money_(book, market, ladder) {
    begin();
}

void LadderWalk::begin() {
    inside_ = true;
    step_ = 0;
    closed_.clear();
    stretches_.clear();
    outcome_ = {};
    std::fill(std::begin(noted_), std::end(noted_), 0.0);
    money_.begin();
    for (std::size_t k = 0; k < assets_.size(); ++k) {
        const double y = log(market_.assets[k].price);
        const bool covered = covered_quantity(market_.assets[k].impact, 0.0) > 0.0;
        assets_[k] = {y, 0.0, 0.0, {}, {}, {}, {}, {}, 0.0, y, y, y, y, covered ? 0.0 : not_a_number};
        for (const std::size_t side : {longs, shorts}) move_cursor(k, side, 0);
        set_triggers(k);
    }
}

bool LadderWalk::inside() const noexcept {
    return inside_ && std::all_of(assets_.begin(), assets_.end(), [](const AssetWalk& a) {
               return a.lowest > -furthest_log_price && a.highest < furthest_log_price;
           });
}

// X, but for what a refill has taken of it.
Pair LadderWalk::volume_closed(std::size_t k) const {
    const AssetWalk& a = assets_[k];
    if (ladder_.assets[k].is_inverse) return {};
    const Rung& sold = a.at[longs];
    const Rung& bought = a.at[shorts];
    return add(Pair{bought.quantity, bought.quantity_low}, Pair{-sold.quantity, -sold.quantity_low});
}

void LadderWalk::move_cursor(std::size_t k, std::size_t side, std::size_t row) {
    AssetWalk& a = assets_[k];
    a.cursor[side] = row;
    a.at[side] = ladder_.assets[k].sides[side].rungs[row];
}

// A side's first row still open goes where C < height (or equal). With linear impact C = F + A + slope*(X + Q) of
// longs, mirrored for shorts, Q what has been closed of the side: what it closes leaves C as it is. Where impact is not
// linear, C is the mark and height a key.
void LadderWalk::set_triggers(std::size_t k) {
    AssetWalk& a = assets_[k];
    const LadderAsset& on = ladder_.assets[k];
    const auto gone = [&](std::size_t side) { return on.is_inverse ? 0.0 : a.at[side].quantity; };
    a.volume = a.refilled.high + (gone(shorts) - gone(longs));
    const double moved = on.is_linear ? on.mark_slope * a.volume
                                      : market_.assets[k].mark_follow * log_impact(market_.assets[k].impact, a.volume);
    a.mark_offset = a.log_permanent + moved;
    for (const std::size_t side : {longs, shorts}) {
        const double sign = sign_of(side);
        const double bought = sign * a.refilled.high + gone(1 - side);
        a.base[side] = sign * a.log_permanent + (on.is_linear ? on.mark_slope * bought : sign * moved);
        a.trigger[side] = on.prices.used
                              ? on.prices.log_walk_at(side, a.at[side].height, quote_closed(k, side)) - a.mark_offset
                              : sign * (a.at[side].height - a.base[side]);
    }
}

void LadderWalk::refill_book(std::size_t k, double days) {
    AssetWalk& a = assets_[k];
    if (!refills(k)) return;
    const Displacement to = refill(market_.assets[k], {a.volume, a.log_permanent}, days);
    a.refilled = add(multiply(volume_closed(k), -1.0), to.volume);
    a.log_permanent = to.log_permanent;
    set_triggers(k);
}

void LadderWalk::step(std::span<const double> log_prices, double days) {
    std::int64_t rounds = 0;
    for (std::size_t k = 0; k < assets_.size(); ++k) {
        AssetWalk& a = assets_[k];
        a.log_fundamental = log_prices[k];
        a.lowest_fundamental = std::min(a.lowest_fundamental, a.log_fundamental);
        a.highest_fundamental = std::max(a.highest_fundamental, a.log_fundamental);
        refill_book(k, days);
        note_mark(a, a.log_fundamental, a.log_fundamental);
        if (a.log_fundamental <= a.trigger[longs] || a.log_fundamental >= a.trigger[shorts])
            rounds = std::max(rounds, cascade(k));
    }
    outcome_.rounds += rounds;
    outcome_.cascade_depth = std::max(outcome_.cascade_depth, rounds);
    settle();
    ++step_;
}

void LadderWalk::settle() {
    for (const Stretch& s : stretches_) settle(s);
    stretches_.clear();
}

void LadderWalk::settle(std::span<const double> traded) {
    for (std::size_t i = 0; i < stretches_.size(); ++i) inside_ = inside_ && money_.settle(stretches_[i], traded[i]);
    stretches_.clear();
}

void LadderWalk::walk(const LogBlock& logs, std::size_t step_number, std::span<const double> days) {
    step_ = static_cast<std::int64_t>(step_number);
    if (logs.assets == 1 && market_.assets[0].resilience == 0.0) return walk_alone(logs, days.size());
    row_.resize(logs.assets);
    for (std::size_t s = 0; s < days.size() && inside_; ++s) {
        for (std::size_t k = 0; k < logs.assets; ++k)
            row_[k] = logs.first[s * logs.step_stride + k * logs.asset_stride];
        step(row_, days[s]);
    }
}

// One asset whose book does not refill: between liquidations only extremes matter.
void LadderWalk::walk_alone(const LogBlock& logs, std::size_t steps) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    AssetWalk& a = assets_[0];
    double lowest = infinity;
    double highest = -infinity;
    const auto note_stretch = [&] {
        note_mark(a, lowest, highest);
        lowest = infinity;
        highest = -infinity;
    };
    for (std::size_t s = 0; s < steps && inside_; ++s, ++step_) {
        const double price = logs.first[s * logs.step_stride];
        lowest = std::min(lowest, price);
        highest = std::max(highest, price);
        if (price > a.trigger[longs] && price < a.trigger[shorts]) continue;
        note_stretch();
        a.log_fundamental = price;
        const std::int64_t rounds = cascade(0);
        outcome_.rounds += rounds;
        outcome_.cascade_depth = std::max(outcome_.cascade_depth, rounds);
    }
    note_stretch();
}

void LadderWalk::close(std::size_t side, std::span<const Closed> closed, const Stretch& first, double log_price) {
    if (closed_.empty()) outcome_.first_liquidation = closed.front().step;
    closed_.insert(closed_.end(), closed.begin(), closed.end());
    outcome_.liquidated.count[side] += static_cast<std::int64_t>(closed.back().row - assets_[0].cursor[side]);
    move_cursor(0, side, closed.back().row);
    set_triggers(0);
    assets_[0].log_fundamental = log_price;
    // Between both ends the walk's price only falls, or only rises.
    const double log_start = first.log_price + first.volume / ladder_.assets[0].depth;
    inside_ = inside_ && std::fabs(log_start) < furthest_log_price && in_reach(0);
}

void LadderWalk::fall_by(std::size_t side, const Push& p, std::size_t to) {
    AssetWalk& a = assets_[0];
    step_ = p.step;
    a.log_fundamental = p.log_price;
    note_mark(a, std::min(p.log_price, p.other_way), std::max(p.log_price, p.other_way));
    const std::size_t from = a.cursor[side];
    const double volume = a.volume;
    if (to <= from) return;
    move_cursor(0, side, to);
    set_triggers(0);
    note_close(0, side, from, volume);
}

void LadderWalk::note_step(StepColumns& to, std::size_t place, std::span<const double> prices) {
    for (std::size_t k = 0; k < assets_.size(); ++k) {
        to.fundamental[place * assets_.size() + k] = prices[k];
        to.mark[place * assets_.size() + k] = prices[k] * exp(assets_[k].mark_offset);
    }
    for (const std::size_t side : {longs, shorts})
        to.notional[side][place] = money_.notional(side) - std::exchange(noted_[side], money_.notional(side));
    const LadderTill& till = money_.till();
    to.bad_debt[place] = till.bad_debt() - std::exchange(noted_[2], till.bad_debt());
    to.insurance_fund[place] = std::max(0.0, till.fund());
}

void LadderWalk::note(std::size_t k, double log_fundamental, const Extremes& seen) {
    AssetWalk& a = assets_[k];
    a.log_fundamental = log_fundamental;
    a.lowest_fundamental = std::min(a.lowest_fundamental, seen.lowest);
    a.highest_fundamental = std::max(a.highest_fundamental, seen.highest);
    a.lowest = std::min(a.lowest, seen.lowest_mark);
    a.highest = std::max(a.highest, seen.highest_mark);
}

FallFrom LadderWalk::fall_from(std::size_t k, std::size_t side, double log_price) const {
    const AssetWalk& a = assets_[k];
    const double sign = sign_of(side);
    return {sign,
            sign * log_price,
            sign * a.log_permanent,
            a.refilled.high,
            a.at[1 - side].quantity,
            market_.assets[k].mark_follow,
            book_.venue.liquidate_at_equality};
}

std::size_t LadderWalk::fall_to(std::size_t k, std::size_t side, double log_price, std::size_t from) const {
    return fall(ladder_.assets[k].sides[side], market_.assets[k].impact, fall_from(k, side, log_price), from,
                FallDepth::block, FallDepth::row);
}

// One search, but for rounds that are to be counted where impact is not linear, and inverse rows. Returns how many
// rounds it was.
std::int64_t LadderWalk::close(std::size_t k, std::size_t side) {
    AssetWalk& a = assets_[k];
    const LadderAsset& on = ladder_.assets[k];
    const LadderSide& rows = on.sides[side];
    const std::size_t from = a.cursor[side];
    const double volume = a.volume;
    std::int64_t rounds = 0;
    const bool by_rounds = on.is_linear || on.is_inverse || count_rounds_;
    if (!by_rounds) {
        move_cursor(k, side, fall_to(k, side, a.log_fundamental, from));
        set_triggers(k);
    }
    while (by_rounds) {
        const double place = height_at(k, side, a.log_fundamental);
        const std::size_t now = a.cursor[side];
        const std::size_t to =
            rows.reach(place, std::max(now, rows.first_row(place)), book_.venue.liquidate_at_equality);
        if (to == now) break;
        rounds += on.is_one_search() && count_rounds_ ? rounds_of(k, side, now, to) : 1;
        move_cursor(k, side, to);
        if (on.is_inverse && !walk_quote(k, side, now)) return rounds;
        set_triggers(k);
        if (on.is_one_search() || !in_reach(k)) break;
    }
    if (a.cursor[side] > from) note_close(k, side, from, volume);
    return rounds;
}

// What rows from `from` to the cursor owe walks the order book. False: it cannot yield that, or the price leaves all
// prices, and the ledger says so.
bool LadderWalk::walk_quote(std::size_t k, std::size_t side, std::size_t from) {
    AssetWalk& a = assets_[k];
    const LadderSide& rows = ladder_.assets[k].sides[side];
    const double owed = between(rows.rungs[from], rows.rungs[a.cursor[side]]).high;
    const QuoteWalk walk{market_.assets[k], a.log_fundamental + a.log_permanent, sign_of(side)};
    const double size = walk.size_worth(a.volume, owed);
    if (!std::isfinite(size)) return inside_ = false;
    a.refilled = add(a.refilled, -walk.sign * size);
    return true;
}

// Whether the walk's price is one.
bool LadderWalk::in_reach(std::size_t k) const {
    const AssetWalk& a = assets_[k];
    const LadderAsset& on = ladder_.assets[k];
    const double moved = on.is_linear ? a.volume / on.depth : log_impact(market_.assets[k].impact, a.volume);
    return std::fabs(a.log_fundamental + a.log_permanent + moved) < furthest_log_price;
}

// Rows from `from` to the cursor have just been closed, from this volume on.
void LadderWalk::note_close(std::size_t k, std::size_t side, std::size_t from, double volume) {
    AssetWalk& a = assets_[k];
    const std::size_t to = a.cursor[side];
    if (closed_.empty()) outcome_.first_liquidation = step_;
    closed_.push_back({static_cast<std::uint32_t>(2 * k + side), static_cast<std::uint32_t>(to), step_});
    stretches_.push_back({static_cast<std::uint32_t>(k), static_cast<std::uint32_t>(side),
                          static_cast<std::uint32_t>(from), static_cast<std::uint32_t>(to), step_,
                          a.log_fundamental + a.log_permanent, volume});
    outcome_.liquidated.count[side] += static_cast<std::int64_t>(to - from);
    inside_ = inside_ && in_reach(k);
    if (a.depth_used >= 0.0) {  // else nothing says how much there is
        const double covered = covered_quantity(market_.assets[k].impact, a.volume);
        a.depth_used = std::max(a.depth_used, std::fabs(a.volume) / covered);
    }
    note_mark(a, a.log_fundamental, a.log_fundamental);
}

// A round takes all that the mark has passed when it is taken.
std::int64_t LadderWalk::rounds_of(std::size_t k, std::size_t side, std::size_t from, std::size_t to) const {
    const AssetWalk& a = assets_[k];
    const LadderAsset& on = ladder_.assets[k];
    const std::span<const double> key = book_.sides[k][side].key;
    const std::span<const Rung> rungs = on.sides[side].rungs;
    const double sign = sign_of(side);
    const bool equal = book_.venue.liquidate_at_equality;
    const double gone = quote_closed(k, side);  // that cursor is still where the cascade begins
    std::int64_t rounds = 0;
    for (std::size_t row = from; row < to; ++rounds) {
        const double closed = rungs[row].quantity - rungs[from].quantity;
        const double now = a.log_fundamental + a.log_permanent;
        const double y = on.prices.used
                             ? on.prices.log_walk_at(side, height_at(k, side, a.log_fundamental), gone + closed)
                             : now + on.mark_slope * (a.volume - sign * closed);
        const auto passed = [&](double g) { return is_liquidatable(side == longs, y, g, equal); };
        const auto end = std::partition_point(key.begin() + static_cast<std::ptrdiff_t>(row),
                                              key.begin() + static_cast<std::ptrdiff_t>(to), passed);
        row = std::max(row + 1, static_cast<std::size_t>(end - key.begin()));
    }
    return rounds;
}

double LadderWalk::settlement_price(std::span<const double> prices) const {
    if (book_.asset_of.empty() || !ladder_.assets[book_.asset_of.front()].is_inverse) return 1.0;
    const std::size_t k = book_.asset_of.front();
    return prices[k] * exp(assets_[k].mark_offset);
}

Outcome LadderWalk::report(std::span<const double> prices, bool whole_path) const {
    Outcome outcome = outcome_;
    outcome.by_ladder = true;
    for (const std::size_t side : {longs, shorts}) outcome.liquidated.notional[side] = money_.notional(side);
    money_.till().report(outcome, settlement_price(prices));
    for (std::size_t k = 0; k < assets_.size(); ++k) {
        const AssetWalk& a = assets_[k];
        const PriceWalk seen{a.log_fundamental,
                             a.log_permanent,
                             add(a.refilled, volume_closed(k)),
                             a.mark_offset,
                             a.lowest,
                             a.highest,
                             a.lowest_fundamental,
                             a.highest_fundamental,
                             a.depth_used};
        outcome.assets.push_back(report_prices(market_.assets[k], seen, prices[k], whole_path));
    }
    return outcome;
}

}  // namespace levcore
