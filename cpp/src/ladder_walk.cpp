#include "levcore/ladder_walk.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "levcore/margin.hpp"
#include "levcore/orders.hpp"
#include "levcore/real.hpp"

namespace levcore {
namespace {

// Prices beyond are for the ledger, which says where they leave all prices.
constexpr double furthest_log_price = 0.99 * largest_log_price;

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

double sign_of(std::size_t side) { return side == longs ? 1.0 : -1.0; }

// (exp(u) - 1)/u; a stretch moves the price little.
double mean_ratio(double u) {
    if (std::fabs(u) < 0x1p-9)  // what is left out is less than 2^-58
        return 1.0 + u * (1.0 / 2 + u * (1.0 / 6 + u * (1.0 / 24 + u * (1.0 / 120 + u * (1.0 / 720)))));
    return expm1(u) / u;
}

}  // namespace

LadderWalk::LadderWalk(const SortedBook& book, const Market& market, const Ladder& ladder, bool count_rounds)
    : book_(book),
      market_(market),
      ladder_(ladder),
      count_rounds_(count_rounds),
      assets_(market.assets.size()),
      till_(book.venue, ladder.assets_held > 1) {
    begin();
}

void LadderWalk::begin() {
    inside_ = true;
    step_ = 0;
    stretches_.clear();
    outcome_ = {};
    notional_[longs] = notional_[shorts] = 0.0;
    std::fill(std::begin(noted_), std::end(noted_), 0.0);
    till_.begin();
    for (std::size_t k = 0; k < assets_.size(); ++k) {
        const double y = log(market_.assets[k].price);
        const bool covered = covered_quantity(market_.assets[k].impact, 0.0) > 0.0;
        assets_[k] = {y, 0.0, {}, {0, 0}, {0.0, 0.0}, 0.0, y, y, y, y, covered ? 0.0 : not_a_number};
        set_triggers(k);
    }
}

bool LadderWalk::inside() const noexcept {
    return inside_ && std::all_of(assets_.begin(), assets_.end(), [](const AssetWalk& a) {
               return a.lowest > -furthest_log_price && a.highest < furthest_log_price;
           });
}

// A side's first row still open goes where C < height (or equal): C = F + A + slope*(X + Q) of longs, mirrored for
// shorts, Q what has been closed of the side; where impact is not linear, C is the mark and height a key.
void LadderWalk::set_triggers(std::size_t k) {
    AssetWalk& a = assets_[k];
    const LadderAsset& on = ladder_.assets[k];
    const double volume = a.volume.value();
    const double moved = on.is_linear ? on.mark_slope * volume
                                      : market_.assets[k].mark_follow * log_impact(market_.assets[k].impact, volume);
    a.mark_offset = a.log_permanent + moved;
    for (const std::size_t side : {longs, shorts}) {
        const Rung& first = on.sides[side].rungs[a.cursor[side]];
        const double offset = a.mark_offset + sign_of(side) * on.mark_slope * first.quantity;
        a.trigger[side] = sign_of(side) * first.height - offset;
    }
}

void LadderWalk::refill_book(std::size_t k, double days) {
    AssetWalk& a = assets_[k];
    if (!refills(k)) return;
    const Displacement to = refill(market_.assets[k], {a.volume.value(), a.log_permanent}, days);
    a.volume = Sum(to.volume);
    a.log_permanent = to.log_permanent;
    set_triggers(k);
}

void LadderWalk::note_mark(AssetWalk& a) const {
    const double y = a.log_fundamental + a.mark_offset;
    a.lowest = std::min(a.lowest, y);
    a.highest = std::max(a.highest, y);
}

void LadderWalk::step(std::span<const double> log_prices, double days) {
    std::int64_t rounds = 0;
    for (std::size_t k = 0; k < assets_.size(); ++k) {
        AssetWalk& a = assets_[k];
        a.log_fundamental = log_prices[k];
        a.lowest_fundamental = std::min(a.lowest_fundamental, a.log_fundamental);
        a.highest_fundamental = std::max(a.highest_fundamental, a.log_fundamental);
        refill_book(k, days);
        note_mark(a);
        if (a.log_fundamental <= a.trigger[longs] || a.log_fundamental >= a.trigger[shorts])
            rounds = std::max(rounds, cascade(k));
    }
    outcome_.rounds += rounds;
    outcome_.cascade_depth = std::max(outcome_.cascade_depth, rounds);
    ++step_;
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
        a.lowest = std::min(a.lowest, lowest + a.mark_offset);
        a.highest = std::max(a.highest, highest + a.mark_offset);
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

void LadderWalk::note_step(StepColumns& to, std::size_t place, std::span<const double> prices) {
    for (std::size_t k = 0; k < assets_.size(); ++k) {
        to.fundamental[place * assets_.size() + k] = prices[k];
        to.mark[place * assets_.size() + k] = prices[k] * exp(assets_[k].mark_offset);
    }
    for (const std::size_t side : {longs, shorts})
        to.notional[side][place] = notional_[side] - std::exchange(noted_[side], notional_[side]);
    to.bad_debt[place] = till_.bad_debt() - std::exchange(noted_[2], till_.bad_debt());
    to.insurance_fund[place] = std::max(0.0, till_.fund());
}

void LadderWalk::note(std::size_t k, double log_fundamental, const Extremes& seen) {
    AssetWalk& a = assets_[k];
    a.log_fundamental = log_fundamental;
    a.lowest_fundamental = std::min(a.lowest_fundamental, seen.lowest);
    a.highest_fundamental = std::max(a.highest_fundamental, seen.highest);
    a.lowest = std::min(a.lowest, seen.lowest_mark);
    a.highest = std::max(a.highest, seen.highest_mark);
}

double LadderWalk::height_at(std::size_t k, std::size_t side, double log_price) const {
    const AssetWalk& a = assets_[k];
    const double closed = ladder_.assets[k].sides[side].rungs[a.cursor[side]].quantity;
    return sign_of(side) * (log_price + a.mark_offset) + ladder_.assets[k].mark_slope * closed;
}

// One search where impact is linear; else as many as there are rounds.
std::int64_t LadderWalk::close(std::size_t k, std::size_t side) {
    const std::size_t from = assets_[k].cursor[side];
    std::int64_t rounds = 0;
    for (std::int64_t more = close_once(k, side); more > 0; more = close_once(k, side)) {
        rounds += more;
        if (ladder_.assets[k].is_linear || !inside_) break;
    }
    const std::size_t to = assets_[k].cursor[side];
    if (to == from) return 0;
    if (stretches_.empty()) outcome_.first_liquidation = step_;
    stretches_.push_back({static_cast<std::uint32_t>(k), static_cast<std::uint32_t>(side),
                          static_cast<std::uint32_t>(from), static_cast<std::uint32_t>(to), step_});
    return rounds;
}

// Returns how many rounds it was, at least one; 0: nobody goes.
std::int64_t LadderWalk::close_once(std::size_t k, std::size_t side) {
    AssetWalk& a = assets_[k];
    const LadderAsset& on = ladder_.assets[k];
    const std::size_t from = a.cursor[side];
    const std::size_t to =
        on.sides[side].reach(height_at(k, side, a.log_fundamental), from, book_.venue.liquidate_at_equality);
    if (to == from) return 0;
    const std::int64_t rounds = on.is_linear && count_rounds_ ? rounds_of(k, side, from, to) : 1;
    const Pair size = between(on.sides[side].rungs[from], on.sides[side].rungs[to]);
    const double traded = money(k, side, from, size.high);
    notional_[side] += traded;
    outcome_.liquidated.count[side] += static_cast<std::int64_t>(to - from);
    settle_stretch(k, side, from, to, traded);
    a.cursor[side] = to;
    a.volume.add(multiply(size, -sign_of(side)));
    const double volume = a.volume.value();
    const double covered = covered_quantity(market_.assets[k].impact, volume);
    if (covered > 0.0) a.depth_used = std::max(a.depth_used, std::fabs(volume) / covered);
    inside_ = inside_ && std::fabs(log_walk(k, volume)) < furthest_log_price;
    set_triggers(k);
    note_mark(a);
    return rounds;
}

// Where orders trade once the order book has taken that volume.
double LadderWalk::log_walk(std::size_t k, double volume) const {
    const LadderAsset& on = ladder_.assets[k];
    const double moved = on.is_linear ? volume / on.depth : log_impact(market_.assets[k].impact, volume);
    return assets_[k].log_fundamental + assets_[k].log_permanent + moved;
}

// A round takes all that the mark has passed when it is taken.
std::int64_t LadderWalk::rounds_of(std::size_t k, std::size_t side, std::size_t from, std::size_t to) const {
    const AssetWalk& a = assets_[k];
    const LadderAsset& on = ladder_.assets[k];
    const std::vector<double>& key = book_.sides[k][side].key;
    const std::vector<Rung>& rungs = on.sides[side].rungs;
    const double sign = sign_of(side);
    const bool equal = book_.venue.liquidate_at_equality;
    std::int64_t rounds = 0;
    for (std::size_t row = from; row < to; ++rounds) {
        const double closed = rungs[row].quantity - rungs[from].quantity;
        const double y = a.log_fundamental + a.log_permanent + on.mark_slope * (a.volume.value() - sign * closed);
        const auto passed = [&](double g) { return is_liquidatable(side == longs, y, g, equal); };
        const auto end = std::partition_point(key.begin() + static_cast<std::ptrdiff_t>(row),
                                              key.begin() + static_cast<std::ptrdiff_t>(to), passed);
        row = std::max(row + 1, static_cast<std::size_t>(end - key.begin()));
    }
    return rounds;
}

// Of closing `size` from a side on the walk after the rows before `from`.
double LadderWalk::average_price(std::size_t k, std::size_t side, std::size_t from, double size) const {
    const AssetWalk& a = assets_[k];
    const LadderAsset& on = ladder_.assets[k];
    const double sign = sign_of(side);
    Sum volume(a.volume.pair());
    volume.add(multiply(between(on.sides[side].rungs[a.cursor[side]], on.sides[side].rungs[from]), -sign));
    const double spread = 1.0 - sign * market_.assets[k].half_spread;
    if (on.is_linear) return exp(log_walk(k, volume.value())) * spread * mean_ratio(-sign * size / on.depth);
    const double ratio = average_ratio(market_.assets[k].impact, volume.value(), -sign * size);
    return exp(a.log_fundamental + a.log_permanent) * spread * ratio;
}

void LadderWalk::settle_stretch(std::size_t k, std::size_t side, std::size_t from, std::size_t to, double traded) {
    const AssetWalk& a = assets_[k];
    const LadderSide& rows = ladder_.assets[k].sides[side];
    // Bounds know of the walk what was closed before a row where that is linear; else it is at best where the stretch
    // begins and at worst where it ends.
    const double closed = rows.rungs[from].quantity / ladder_.assets[k].depth;
    const double ends = a.volume.value() - sign_of(side) * (rows.rungs[to].quantity - rows.rungs[from].quantity);
    const double best = sign_of(side) * log_walk(k, a.volume.value()) + closed;
    const double worst = ladder_.assets[k].is_linear ? best : sign_of(side) * log_walk(k, ends);
    if (worst >= rows.safe_from[from / block_rows]) return settle_sum(k, side, from, to, traded, false);
    const auto is_safe = [&](std::size_t row) { return worst >= rows.safe[row / block_rows]; };
    const auto is_bankrupt = [&](std::size_t row) { return best < rows.bankrupt[row / block_rows]; };
    const auto block_end = [&](std::size_t row) { return std::min(to, (row / block_rows + 1) * block_rows); };
    const auto run_end = [&](std::size_t row, auto&& alike) {  // as far as blocks are alike
        std::size_t end = block_end(row);
        while (end < to && alike(end)) end = block_end(end);
        return end;
    };
    for (std::size_t row = from; row < to && inside_;) {
        const bool safe = is_safe(row);
        std::size_t end = safe ? run_end(row, is_safe) : block_end(row);
        bool whole = safe;
        if (!safe && is_bankrupt(row)) {
            if (till_.fund() == 0.0) end = run_end(row, is_bankrupt);
            const double part = money(k, side, row, rows.rungs[end].quantity - rows.rungs[row].quantity);
            const double deficit = -(sign_of(side) * part + rows.rungs[end].cash - rows.rungs[row].cash);
            whole = till_.fund() > deficit * (1.0 + 1e-9) || till_.fund() == 0.0;
        }
        if (whole)
            settle_sum(k, side, row, end, money(k, side, row, rows.rungs[end].quantity - rows.rungs[row].quantity),
                       !safe);
        else
            settle_rows(k, side, row, end);
        row = end;
    }
}

// Rows of which all pay their fee in full, or all leave a deficit that the fund can pay whole, or has nothing for.
void LadderWalk::settle_sum(std::size_t k, std::size_t side, std::size_t from, std::size_t to, double traded,
                            bool bankrupt) {
    const LadderSide& rows = ladder_.assets[k].sides[side];
    const double left = sign_of(side) * traded + (rows.rungs[to].cash - rows.rungs[from].cash);
    if (!bankrupt) {
        const double fee = book_.venue.liquidation.fee_rate * traded;
        return keep({fee, left - fee, 0.0, 0.0});
    }
    const double paid = till_.fund() > 0.0 ? -left : 0.0;
    keep({0.0, 0.0, paid, -left - paid});
}

void LadderWalk::settle_rows(std::size_t k, std::size_t side, std::size_t from, std::size_t to) {
    const SortedSide& sorted = book_.sides[k][side];
    const std::vector<Rung>& rungs = ladder_.assets[k].sides[side].rungs;
    const bool is_linear = ladder_.assets[k].is_linear;
    const double per_unit = sign_of(side) / ladder_.assets[k].depth;
    const double first = average_price(k, side, from, 0.0);  // before the first order
    for (std::size_t row = from; row < to && inside_; ++row) {
        const double size = std::fabs(sorted.quantity[row]);
        const double moved = -per_unit * (rungs[row].quantity - rungs[from].quantity);
        const double price = is_linear ? first * (1.0 + moved * mean_ratio(moved)) * mean_ratio(-per_unit * size)
                                       : average_price(k, side, row, size);
        const double left = sign_of(side) * size * price + sorted.cash[row];
        keep(settle(book_.venue.liquidation, left, size * price, till_.fund()));
    }
}

Outcome LadderWalk::report(std::span<const double> prices, bool whole_path) const {
    Outcome outcome = outcome_;
    outcome.by_ladder = true;
    for (const std::size_t side : {longs, shorts}) outcome.liquidated.notional[side] = notional_[side];
    till_.report(outcome);
    for (std::size_t k = 0; k < assets_.size(); ++k) {
        const AssetWalk& a = assets_[k];
        AssetState state;
        state.fundamental = prices[k];
        state.log_fundamental = a.log_fundamental;
        state.volume = a.volume;
        state.log_permanent = a.log_permanent;
        const Asset& asset = market_.assets[k];
        const double mark = prices[k] * exp(a.mark_offset);
        const double y = a.log_fundamental + a.mark_offset;
        // Where an extreme is the start or the end, it is that very price.
        const auto price_at = [&](double log_mark) {
            return log_mark == y ? mark : log_mark == log(asset.price) ? asset.price : exp(log_mark);
        };
        state.lowest = price_at(a.lowest);
        state.highest = price_at(a.highest);
        state.lowest_fundamental = exp(a.lowest_fundamental);
        state.highest_fundamental = exp(a.highest_fundamental);
        const double amplification = (whole_path ? path_amplification : shock_amplification)(asset, state);
        outcome.assets.push_back({state.fundamental, mark, state.lowest, state.highest, amplification, a.depth_used});
    }
    return outcome;
}

}  // namespace levcore
