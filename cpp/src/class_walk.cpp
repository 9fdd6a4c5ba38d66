#include "levcore/class_walk.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "levcore/real.hpp"

namespace levcore {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

std::size_t assets_held(const SortedBook& book) {
    return static_cast<std::size_t>(std::ranges::count_if(
        book.sides, [](const auto& sides) { return sides[longs].size() + sides[shorts].size() > 0; }));
}

}  // namespace

ClassWalk::ClassWalk(const SortedBook& book, const Market& market, const RateClasses& classes)
    : book_(book),
      market_(market),
      classes_(classes),
      assets_(market.assets.size()),
      cursor_(classes.classes.size()),
      paid_(classes.range.size()),
      paid_sum_(classes.range.size()),
      gone_(classes.shared),
      money_(book, market, classes, assets_held(book) > 1) {}

void ClassWalk::begin() {
    step_ = 0;
    stretches_.clear();
    for (const SharedGone& s : shared_) {
        const RateClass& of = classes_.classes[s.of_class];
        gone_[of.shared_in(s.row, s.row + 1).front().number] = 0;
    }
    shared_.clear();
    outcome_ = {};
    std::fill(std::begin(noted_), std::end(noted_), 0.0);
    std::ranges::fill(cursor_, std::size_t{0});
    std::ranges::fill(paid_, 0.0);
    std::ranges::fill(paid_sum_, Sum());
    money_.begin();
    for (std::size_t k = 0; k < assets_.size(); ++k) {
        const double y = log(market_.assets[k].price);
        const bool covered = covered_quantity(market_.assets[k].impact, 0.0) > 0.0;
        const double none = std::numeric_limits<double>::quiet_NaN();
        assets_[k].prices = {y, 0.0, {}, 0.0, y, y, y, y, covered ? 0.0 : none};
        for (const std::size_t side : {longs, shorts}) set_trigger(k, side);
    }
}

double ClassWalk::unit_mark(std::size_t k) const {
    const PriceWalk& p = assets_[k].prices;
    const double y = p.log_fundamental + p.mark_offset;
    return exp(classes_.is_inverse[k] ? -y : y);
}

// The log mark at which the next row of a side goes.
void ClassWalk::set_trigger(std::size_t k, std::size_t side) {
    const ClassesOfSide of_side = classes_.sides[k][side];
    double next = side == longs ? -infinity : infinity;
    for (std::size_t c = of_side.first; c < of_side.last; ++c) {
        const RateClass& of = classes_.classes[c];
        if (cursor_[c] == of.size()) continue;
        const double unit = of.unit_at(of.rungs[cursor_[c]].height, paid_[of.instrument]);
        // No price is low enough for one that gains; every price is too high for one that loses.
        const bool always = !(unit > 0.0) && !of.gains;
        if (!(unit > 0.0) && !always) continue;
        const double log_unit = always ? -infinity : log(unit);
        const double y = classes_.is_inverse[k] ? -log_unit : log_unit;
        next = side == longs ? std::max(next, y) : std::min(next, y);
    }
    assets_[k].trigger[side] = next;
}

void ClassWalk::set_offset(std::size_t k) {
    PriceWalk& p = assets_[k].prices;
    p.mark_offset =
        p.log_permanent + market_.assets[k].mark_follow * log_impact(market_.assets[k].impact, p.volume.high);
}

void ClassWalk::refill_book(std::size_t k, double days) {
    PriceWalk& p = assets_[k].prices;
    if (market_.assets[k].resilience == 0.0 || p.volume.high == 0.0) return;
    const Displacement to = refill(market_.assets[k], {p.volume.high, p.log_permanent}, days);
    p.volume = {to.volume, 0.0};
    p.log_permanent = to.log_permanent;
    set_offset(k);
}

bool ClassWalk::run(std::span<const double> logs, std::span<const double> days, std::span<const FundingDue> funding,
                    const std::atomic<bool>& stop, StepColumns* notes, std::size_t place,
                    std::span<const double> prices) {
    begin();
    const std::size_t assets = assets_.size();
    for (std::size_t t = 0; t < days.size(); ++t) {
        if (t % 64 == 0 && stop.load(std::memory_order_relaxed)) throw Stopped{};
        std::size_t due = 0;
        while (due < funding.size() && funding[due].step == step_) ++due;
        if (!step(logs.subspan(t * assets, assets), days[t], funding.first(due))) return false;
        funding = funding.subspan(due);
        if (notes != nullptr) note_step(*notes, place + t, prices.subspan(t * assets, assets));
    }
    if (notes != nullptr && !days.empty()) notes->convert(place, days.size(), settlement_price(prices.last(assets)));
    return true;
}

bool ClassWalk::step(std::span<const double> log_prices, double days, std::span<const FundingDue> due) {
    for (std::size_t k = 0; k < assets_.size(); ++k) {
        PriceWalk& p = assets_[k].prices;
        p.log_fundamental = log_prices[k];
        p.lowest_fundamental = std::min(p.lowest_fundamental, p.log_fundamental);
        p.highest_fundamental = std::max(p.highest_fundamental, p.log_fundamental);
        refill_book(k, days);
        p.lowest = std::min(p.lowest, p.log_fundamental + p.mark_offset);
        p.highest = std::max(p.highest, p.log_fundamental + p.mark_offset);
        if (!(p.lowest > -furthest_log_price && p.highest < furthest_log_price)) return false;
    }
    for (const FundingDue& f : due)
        if (!pay(f)) return false;
    std::int64_t most = 0;
    for (std::size_t k = 0; k < assets_.size(); ++k) {
        const AssetWalk& a = assets_[k];
        std::int64_t rounds = 0;
        const auto mark = [&] { return a.prices.log_fundamental + a.prices.mark_offset; };
        if (mark() <= a.trigger[longs] && !close(k, longs, rounds)) return false;
        if (mark() >= a.trigger[shorts] && !close(k, shorts, rounds)) return false;
        most = std::max(most, rounds);
    }
    outcome_.rounds += most;
    outcome_.cascade_depth = std::max(outcome_.cascade_depth, most);
    ++step_;
    return true;
}

// False: more has been paid than the classes were made for.
bool ClassWalk::pay(const FundingDue& due) {
    const std::size_t k = book_.asset_of[due.instrument];
    const double each = (classes_.is_inverse[k] ? -due.rate : due.rate) * unit_mark(k);
    paid_sum_[due.instrument].add(each);
    paid_[due.instrument] = paid_sum_[due.instrument].value();
    for (const std::size_t side : {longs, shorts}) set_trigger(k, side);
    return paid_[due.instrument] >= classes_.range[due.instrument][0] &&
           paid_[due.instrument] <= classes_.range[due.instrument][1];
}

// The coin of all rows that the mark has passed, which are taken.
double ClassWalk::take_passed(std::size_t k, std::size_t side) {
    const SortedSide& sorted = book_.sides[k][side];
    const double unit = unit_mark(k);
    Pair size;
    for (std::size_t c = classes_.sides[k][side].first; c < classes_.sides[k][side].last; ++c) {
        const RateClass& of = classes_.classes[c];
        const double place = of.height_at(unit, paid_[of.instrument]);
        const std::size_t from = cursor_[c];
        const std::size_t to = of.reach(place, from, book_.venue.liquidate_at_equality);
        if (to == from) continue;
        cursor_[c] = to;
        size = add(size, between(of.rungs[from], of.rungs[to]));
        const auto id = static_cast<std::uint32_t>(c);
        std::size_t alone = 0;
        for (const SharedRow& s : of.shared_in(from, to)) {
            ++alone;
            if (std::exchange(gone_[s.number], std::uint8_t{1}) != 0) continue;
            shared_.push_back({id, s.row, step_});
            size = add(size, std::fabs(sorted.quantity[of.sorted_row[s.row]]));
            ++outcome_.liquidated.count[side];
        }
        if (to - from == alone) continue;
        stretches_.push_back({id, static_cast<std::uint32_t>(from), static_cast<std::uint32_t>(to), step_});
        outcome_.liquidated.count[side] += static_cast<std::int64_t>(to - from - alone);
    }
    return size.high;
}

// False: the order book cannot yield that, or the price leaves all prices, and the ledger says so.
bool ClassWalk::move_volume(std::size_t k, std::size_t side, double size) {
    PriceWalk& p = assets_[k].prices;
    const double sign = side == longs ? 1.0 : -1.0;
    const double log_price = p.log_fundamental + p.log_permanent;
    const QuoteWalk walk{market_.assets[k], log_price, sign};
    const double units = classes_.is_inverse[k] ? walk.size_worth(p.volume.high, size) : size;
    if (!std::isfinite(units)) return false;
    p.volume = add(p.volume, -sign * units);
    if (!(std::fabs(log_price + log_impact(market_.assets[k].impact, p.volume.high)) < furthest_log_price))
        return false;
    set_offset(k);
    const double covered = covered_quantity(market_.assets[k].impact, p.volume.high);
    if (p.depth_used >= 0.0) p.depth_used = std::max(p.depth_used, std::fabs(p.volume.high) / covered);
    return true;
}

// Round by round, as many searches as there are classes in each.
bool ClassWalk::close(std::size_t k, std::size_t side, std::int64_t& rounds) {
    PriceWalk& p = assets_[k].prices;
    const std::size_t first_stretch = stretches_.size();
    const std::size_t first_shared = shared_.size();
    const double volume = p.volume.high;
    Pair size;
    for (double taken = take_passed(k, side); taken > 0.0; taken = take_passed(k, side)) {
        ++rounds;
        size = add(size, taken);
        if (!move_volume(k, side, taken)) return false;
    }
    set_trigger(k, side);
    if (!(size.high > 0.0)) return true;
    if (outcome_.first_liquidation < 0) outcome_.first_liquidation = step_;
    const double y = p.log_fundamental + p.mark_offset;
    p.lowest = std::min(p.lowest, y);
    p.highest = std::max(p.highest, y);
    return money_.settle({k, side, p.log_fundamental + p.log_permanent, volume, p.volume.high, size.high,
                          std::span(stretches_).subspan(first_stretch), std::span(shared_).subspan(first_shared)},
                         paid_);
}

void ClassWalk::note_step(StepColumns& to, std::size_t place, std::span<const double> prices) {
    for (std::size_t k = 0; k < assets_.size(); ++k) {
        to.fundamental[place * assets_.size() + k] = prices[k];
        to.mark[place * assets_.size() + k] = prices[k] * exp(assets_[k].prices.mark_offset);
    }
    for (const std::size_t side : {longs, shorts})
        to.notional[side][place] = money_.notional(side) - std::exchange(noted_[side], money_.notional(side));
    const LadderTill& till = money_.till();
    to.bad_debt[place] = till.bad_debt() - std::exchange(noted_[2], till.bad_debt());
    to.insurance_fund[place] = std::max(0.0, till.fund());
}

double ClassWalk::settlement_price(std::span<const double> prices) const {
    const std::size_t k = book_.asset_of.front();
    return classes_.is_inverse[k] ? prices[k] * exp(assets_[k].prices.mark_offset) : 1.0;
}

Outcome ClassWalk::report(std::span<const double> prices) const {
    Outcome outcome = outcome_;
    outcome.by_ladder = true;
    for (const std::size_t side : {longs, shorts}) outcome.liquidated.notional[side] = money_.notional(side);
    money_.till().report(outcome, settlement_price(prices));
    for (std::size_t k = 0; k < assets_.size(); ++k)
        outcome.assets.push_back(report_prices(market_.assets[k], assets_[k].prices, prices[k], true));
    return outcome;
}

}  // namespace levcore
