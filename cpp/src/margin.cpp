#include "levcore/margin.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "levcore/real.hpp"

namespace levcore {
namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();

double positive_or_none(double price) { return price > 0.0 ? price : none; }

// One line's root of cash + coin*P - (slope*P - offset).
double root(const Claim& held, double slope, double offset) {
    const double size = std::fabs(held.coin);
    return held.coin > 0.0 ? -(held.cash + offset) / (size - slope) : (held.cash + offset) / (size + slope);
}

// Slack is the minimum over lines: of the roots, longs take the highest and shorts the lowest.
double tighter(const Claim& held, double a, double b) { return held.coin > 0.0 ? std::max(a, b) : std::min(a, b); }

double continuous_root(const LinearPerpetual& instrument, const Claim& held) {
    const double size = std::fabs(held.coin);
    double price = root(held, 0.0, 0.0);  // a requirement is never negative
    for (std::size_t k = 0; k < instrument.tiers.size(); ++k) {
        const double slope = (instrument.tiers.rate[k] + instrument.closing_fee) * size;
        price = tighter(held, price, root(held, slope, instrument.tiers.deduction[k]));
    }
    return positive_or_none(price);
}

// The price at which the slack of tier k changes sign.
double tier_root(const LinearPerpetual& instrument, const Claim& held, std::size_t k) {
    return root(held, (instrument.tiers.rate[k] + instrument.closing_fee) * std::fabs(held.coin), 0.0);
}

// The first price on the way at which slack < 0; a tolerance takes in prices at which it is 0.
double whole_position_root(const LinearPerpetual& instrument, const Claim& held, double tolerance) {
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

double maintenance(const LinearPerpetual& instrument, double quantity, double entry_price, double price) noexcept {
    if (tier_follows_price(instrument))
        return requirement(instrument.tiers, std::fabs(quantity) * price, instrument.closing_fee);
    const Line line = fixed_line(instrument, quantity, entry_price);
    return std::max(0.0, line.slope * price - line.offset);
}

double slack(const LinearPerpetual& instrument, const Claim& held, double entry_price, double price) noexcept {
    return equity(held, price) - maintenance(instrument, held.coin, entry_price, price);
}

double liquidation_price(const LinearPerpetual& instrument, const Claim& held, double entry_price) noexcept {
    if (held.coin == 0.0) return none;
    if (!tier_follows_price(instrument)) {
        const Line line = fixed_line(instrument, held.coin, entry_price);
        return positive_or_none(tighter(held, root(held, 0.0, 0.0), root(held, line.slope, line.offset)));
    }
    return instrument.tiers.whole_position ? whole_position_root(instrument, held, 0.0)
                                           : continuous_root(instrument, held);
}

double furthest_price(const LinearPerpetual& instrument, const Claim& held) noexcept {
    return whole_position_root(instrument, held, 1e-12);
}

double bankruptcy_price(const Claim& held) noexcept {
    return held.coin == 0.0 ? none : positive_or_none(root(held, 0.0, 0.0));
}

bool is_liquidatable_at(const LinearPerpetual& instrument, const Claim& held, double entry_price, double price,
                        bool at_equality) noexcept {
    if (held.coin == 0.0) return false;
    if (requirement_jumps(instrument)) {
        const double left = slack(instrument, held, entry_price, price);
        return left < 0.0 || (at_equality && left == 0.0);
    }
    const double g = log(liquidation_price(instrument, held, entry_price));
    return is_liquidatable(held.coin > 0.0, log(price), g, at_equality);
}

}  // namespace levcore
