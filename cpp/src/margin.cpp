#include "levcore/margin.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "levcore/real.hpp"

namespace levcore {
namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();

double positive_or_none(double price) { return price > 0.0 ? price : none; }

// One line's root of cash + coin*v - (slope*v - offset).
double root(const Claim& held, double slope, double offset) {
    const double size = std::fabs(held.coin);
    return held.coin > 0.0 ? -(held.cash + offset) / (size - slope) : (held.cash + offset) / (size + slope);
}

// Slack is the minimum over lines: of the roots, what gains when v rises takes the highest, else the lowest.
double tighter(const Claim& held, double a, double b) { return held.coin > 0.0 ? std::max(a, b) : std::min(a, b); }

double continuous_root(const Perpetual& instrument, const Claim& held) {
    const double size = std::fabs(held.coin);
    double price = root(held, 0.0, 0.0);  // a requirement is never negative
    for (std::size_t k = 0; k < instrument.tiers.size(); ++k) {
        const double slope = (instrument.tiers.rate[k] + instrument.added_to_rates()) * size;
        price = tighter(held, price, root(held, slope, instrument.tiers.deduction[k]));
    }
    return positive_or_none(price);
}

// The price at which the slack of tier k changes sign.
double tier_root(const Perpetual& instrument, const Claim& held, std::size_t k) {
    return root(held, (instrument.tiers.rate[k] + instrument.added_to_rates()) * std::fabs(held.coin), 0.0);
}

// What a claim can set against the requirement of its tiers: a reserved fee is as good as spent.
Claim without_reserve(const Perpetual& instrument, const Claim& held) {
    return {held.cash - reserved_fee(instrument, held), held.coin};
}

// The first price on the way at which slack < 0; a tolerance takes in prices at which it is 0.
double whole_position_root(const Perpetual& instrument, const Claim& held, double tolerance) {
    const MarginTiers& tiers = instrument.tiers;
    const double size = std::fabs(held.coin);
    const std::size_t n = tiers.size();
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const auto begins = [&](std::size_t k) { return tiers.floor[k] / size; };
    const auto ends = [&](std::size_t k) { return k + 1 < n ? tiers.floor[k + 1] / size : infinity; };
    if (held.coin > 0.0) {  // within tier k a long fails below its root
        for (std::size_t k = n; k-- > 0;)
            if (const double price = tier_root(instrument, held, k); price > begins(k) * (1.0 - tolerance))
                return positive_or_none(std::min(price, ends(k)));
        return none;
    }
    for (std::size_t k = 0; k < n; ++k)  // within tier k a short fails above its root
        if (const double price = tier_root(instrument, held, k); price < ends(k) * (1.0 + tolerance))
            return positive_or_none(std::max(price, begins(k)));
    return none;
}

}  // namespace

double maintenance(const Perpetual& instrument, const Claim& held, double entry_price, double unit) noexcept {
    const double reserved = reserved_fee(instrument, held);
    if (tier_follows_price(instrument))
        return requirement(instrument.tiers, std::fabs(held.coin) * unit, instrument.added_to_rates()) + reserved;
    const Line line = fixed_line(instrument, held.coin, entry_price);
    return std::max(0.0, line.slope * unit - line.offset) + reserved;
}

double slack(const Perpetual& instrument, const Claim& held, double entry_price, double unit) noexcept {
    return equity(held, unit) - maintenance(instrument, held, entry_price, unit);
}

double liquidation_unit_price(const Perpetual& instrument, const Claim& whole, double entry_price) noexcept {
    if (whole.coin == 0.0) return none;
    const Claim held = without_reserve(instrument, whole);
    if (!tier_follows_price(instrument)) {
        const Line line = fixed_line(instrument, held.coin, entry_price);
        return positive_or_none(tighter(held, root(held, 0.0, 0.0), root(held, line.slope, line.offset)));
    }
    return instrument.tiers.whole_position ? whole_position_root(instrument, held, 0.0)
                                           : continuous_root(instrument, held);
}

double furthest_unit_price(const Perpetual& instrument, const Claim& held) noexcept {
    return whole_position_root(instrument, without_reserve(instrument, held), 1e-12);
}

double risk_ratio(double equity, double maintenance) noexcept {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    if (maintenance > 0.0) return equity / maintenance;
    return equity < 0.0 ? -infinity : infinity;
}

double bankruptcy_unit_price(const Claim& held) noexcept {
    return held.coin == 0.0 ? none : positive_or_none(root(held, 0.0, 0.0));
}

double log_price_of(const Perpetual& instrument, const Claim& held, double unit) noexcept {
    const double near = is_long(instrument, held) ? 1.0 : -1.0;
    if (!std::isnan(unit)) return instrument.is_inverse() ? -log(unit) : log(unit);
    // One that gains when its unit price rises is safe then at any; one that loses has been left too little for any.
    constexpr double infinity = std::numeric_limits<double>::infinity();
    return held.coin > 0.0 ? -near * infinity : near * 1e300;
}

double liquidation_key(const Perpetual& instrument, const Claim& held, double entry_price) noexcept {
    return log_price_of(instrument, held, liquidation_unit_price(instrument, held, entry_price));
}

double sort_key(const Perpetual& instrument, const Claim& held, double entry_price) noexcept {
    if (!requirement_jumps(instrument)) return liquidation_key(instrument, held, entry_price);
    const double g = log_price_of(instrument, held, furthest_unit_price(instrument, held));
    if (!std::isfinite(g)) return g;
    const double room = 1e-12 * std::fmax(1.0, std::fabs(g));
    return is_long(instrument, held) ? g + room : g - room;
}

bool is_liquidatable_at(const Perpetual& instrument, const Claim& held, double entry_price, double price,
                        bool at_equality) noexcept {
    if (held.coin == 0.0 || std::isnan(held.cash)) return false;  // an account's position does not stand alone
    if (requirement_jumps(instrument)) {
        const double left = slack(instrument, held, entry_price, unit_price(instrument, price));
        return left < 0.0 || (at_equality && left == 0.0);
    }
    const double g = liquidation_key(instrument, held, entry_price);
    return is_liquidatable(is_long(instrument, held), log(price), g, at_equality);
}

}  // namespace levcore
