#include "levcore/owners.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "levcore/margin.hpp"
#include "levcore/market.hpp"

namespace levcore {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double widest = 10.0;  // calls are told for marks up to so many times the first one, and down to its part

// The marks between which a price is within a share of itself; a unit price of an inverse instrument, its reciprocal.
std::array<double, 2> marks_within(const Perpetual& instrument, double mark, double share) noexcept {
    const double s = share * (1.0 - 1e-9);  // for the rounding of all that is worked out here
    if (instrument.is_inverse()) return {mark / (1.0 + s), s < 1.0 ? mark / (1.0 - s) : infinity};
    return {s < 1.0 ? mark * (1.0 - s) : 0.0, mark * (1.0 + s)};
}

std::vector<double> starting_prices(const Market& market) {
    std::vector<double> prices;
    for (const Asset& asset : market.assets) prices.push_back(asset.price);
    return prices;
}

// A claim of which only the unit price changes, and which of its lines are asked for.
struct Standing {
    const Perpetual& instrument;
    Claim held;
    double entry_price;

    [[nodiscard]] double required(double unit) const noexcept {
        return maintenance(instrument, held, entry_price, unit);
    }
    // Above 0 where the margin ratio is above this one, or there is no equity.
    [[nodiscard]] double above(double ratio, double unit) const noexcept {
        return required(unit) - ratio * equity(held, unit);
    }
};

// Where a function that goes one way crosses 0 between two points at which its signs differ; a few steps where it is
// made of few straight pieces (the Illinois rule).
template <class F>
double crossing(F&& f, double a, double b) {
    double at_a = f(a);
    double at_b = f(b);
    double before = a;
    for (int i = 0; i < 100; ++i) {
        const double x = b - at_b * (b - a) / (at_b - at_a);
        const double at_x = f(x);
        if (at_x == 0.0 || std::fabs(x - before) <= 1e-13 * x) return x;
        if ((at_x < 0.0) != (at_b < 0.0)) {
            a = b;
            at_a = at_b;
        } else {
            at_a *= 0.5;
        }
        b = x;
        at_b = at_x;
        before = x;
    }
    return b;
}

// The mark at which a call begins on the way, the first of all where it stands wherever the mark is; none where it
// stands nowhere within these unit prices. What is asked for goes one way, for no rate is as high as the ratio.
std::optional<double> mark_of(const Standing& claim, double ratio, Call call, std::size_t way, double low,
                              double high) {
    const auto above = [&](double unit) { return claim.above(ratio, unit); };
    const bool at_low = (above(low) > 0.0) == (call == Call::add);
    const bool at_high = (above(high) > 0.0) == (call == Call::add);
    if (at_low && at_high) return way == falling ? infinity : 0.0;
    if (!at_low && !at_high) return std::nullopt;
    const double unit = crossing(above, low, high);
    return claim.instrument.is_inverse() ? 1.0 / unit : unit;
}

// How much of its notional a requirement rises by at most up to a unit price, for it is convex.
double steepest_rise(const Standing& claim, double unit) noexcept {
    return (claim.required(2.0 * unit) - claim.required(unit)) / (unit * std::fabs(claim.held.coin));
}

// Whether calls begin at one mark each, as far as marks are looked at.
bool can_be_told(const Standing& claim, const TopUp& rule, double unit) noexcept {
    if (claim.held.coin > 0.0) {
        // A little less, for where the ratio hardly changes with the price, rounding decides the mark.
        const double steepest = steepest_rise(claim, widest * unit) / 0.99;
        if (!(steepest < rule.above && (rule.below == 0.0 || steepest < rule.below))) return false;
    }
    return rule.below == 0.0 || claim.required(unit / widest) > 0.0;
}

class Gathering {
  public:
    Gathering(const SortedBook& book, const Market& market, Controlled& all)
        : book_(book), prices_(starting_prices(market)), all_(all) {}

    void add_isolated(std::size_t k, std::size_t side) {
        const SortedSide& sorted = book_.sides[k][side];
        for (std::uint32_t row = 0; row < sorted.size(); ++row) {
            const std::int32_t rule = all_.control.rule_of[sorted.position[row]];
            if (rule == no_rule || sorted.quantity[row] == 0.0) continue;
            const Standing claim{book_.venue.instruments[sorted.instrument[row]],
                                 {sorted.cash[row], sorted.quantity[row]},
                                 book_.positions.entry_price[sorted.position[row]]};
            const double worth = equity(claim.held, unit_price(claim.instrument, prices_[k]));
            all_.owners.push_back({rule, sorted.position[row], false, false, row, static_cast<std::uint32_t>(k),
                                   static_cast<std::uint32_t>(side),
                                   worth > 0.0 ? rule_of(rule).reserve * worth : 0.0});
            all_.has_owners[k][side] = true;
            watch(claim, prices_[k]);
        }
    }

    void add_accounts() {
        std::vector<double> units;
        for (std::size_t i = 0; i < book_.asset_of.size(); ++i)
            units.push_back(unit_price(book_.venue.instruments[i], prices_[book_.asset_of[i]]));
        std::vector<double> coins;
        for (const std::uint32_t k : book_.cross.collateral_asset) coins.push_back(prices_[k]);
        for (std::size_t account = 0; account < book_.cross.size(); ++account) {
            const std::uint32_t position = book_.cross.position[book_.cross.first[account]];
            const std::int32_t rule = all_.control.rule_of[position];
            if (rule == no_rule) continue;
            const double worth =
                health(book_.venue, book_.positions.entry_price, book_.cross.at_start(account), units, coins).equity;
            const double reserve = rule_of(rule).reserve;
            all_.owners.push_back({rule, position, true, false, static_cast<std::uint32_t>(account), 0, 0,
                                   worth > 0.0 ? reserve * worth : 0.0});
        }
    }

  private:
    [[nodiscard]] const TopUp& rule_of(std::int32_t rule) const {
        return all_.control.rules[static_cast<std::size_t>(rule)];
    }

    // At which marks the last owner is to be looked at.
    void watch(const Standing& claim, double mark) {
        const auto at = static_cast<std::uint32_t>(all_.owners.size() - 1);
        Owner& owner = all_.owners.back();
        const TopUp& rule = rule_of(owner.rule);
        const double unit = unit_price(claim.instrument, mark);
        if (!all_.quiet_holds || requirement_jumps(claim.instrument)) return all_.restless.push_back(at);
        if (all_.told_holds && can_be_told(claim, rule, unit)) {
            owner.is_told = true;
            tell(claim, rule, at, unit);
            return;
        }
        const double worth = equity(claim.held, unit);
        const double required = claim.required(unit);
        const auto marks =
            call_of(rule, worth, required) != Call::none
                ? std::array{mark, mark}
                : quiet_marks(claim.instrument, rule, claim.held, claim.entry_price, mark, worth, required);
        for (const std::size_t way : {falling, rising}) all_.quiet[owner.asset][way].push_back({marks[way], at, 0});
    }

    void tell(const Standing& claim, const TopUp& rule, std::uint32_t at, double unit) {
        const auto put = [&](double ratio, Call call) {
            // Of what gains as unit prices rise an addition is called for as they fall.
            const bool falls = ((claim.held.coin > 0.0) == (call == Call::add)) != claim.instrument.is_inverse();
            const std::size_t way = falls ? falling : rising;
            const std::optional<double> mark = mark_of(claim, ratio, call, way, unit / widest, unit * widest);
            if (mark) all_.begins[all_.owners[at].asset][way].push_back({*mark, at, call});
        };
        if (rule.probability == 0.0) return;  // nobody answers
        put(rule.above, Call::add);
        if (rule.below > 0.0) put(rule.below, Call::take_out);
    }

    const SortedBook& book_;
    std::vector<double> prices_;
    Controlled& all_;
};

bool comes_sooner(const CallAt& a, const CallAt& b, std::size_t way) noexcept {
    if (a.mark != b.mark) return way == falling ? a.mark > b.mark : a.mark < b.mark;
    return a.owner < b.owner;
}

}  // namespace

std::array<double, 2> quiet_marks(const Perpetual& instrument, const TopUp& rule, const Claim& held, double entry_price,
                                  double mark, double equity, double maintenance) noexcept {
    const double unit = unit_price(instrument, mark);
    const double exposed = std::fabs(held.coin) * unit;
    const double rate = steepest_rise({instrument, held, entry_price}, 2.0 * unit);
    return marks_within(instrument, mark, std::min(1.0, quiet_share(rule, equity, maintenance, exposed, rate)));
}

Controlled gather_owners(const SortedBook& book, const Market& market, Control control, bool pays_funding) {
    Controlled all;
    all.control = std::move(control);
    const Venue& venue = book.venue;
    all.quiet_holds = venue.liquidation.amount == Amount::all && !venue.backstop.deleveraging.on &&
                      venue.backstop.socialise == Charged::nobody;
    all.told_holds = all.quiet_holds && !pays_funding;
    all.has_owners.resize(book.sides.size(), {false, false});
    all.begins.resize(book.sides.size());
    all.quiet.resize(book.sides.size());
    Gathering gathering(book, market, all);
    for (std::size_t k = 0; k < book.sides.size(); ++k) {
        all.told_within.push_back({market.assets[k].price / widest, market.assets[k].price * widest});
        for (const std::size_t side : {longs, shorts}) gathering.add_isolated(k, side);
        for (const std::size_t way : {falling, rising}) {
            std::sort(all.begins[k][way].begin(), all.begins[k][way].end(),
                      [way](const CallAt& a, const CallAt& b) { return comes_sooner(a, b, way); });
            std::sort(all.quiet[k][way].begin(), all.quiet[k][way].end(),
                      [way](const QuietUntil& a, const QuietUntil& b) { return is_sooner(a, b, way); });
        }
    }
    all.isolated = all.owners.size();
    gathering.add_accounts();
    return all;
}

}  // namespace levcore
