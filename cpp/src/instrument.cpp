#include "levcore/instrument.hpp"

#include <algorithm>
#include <cmath>

namespace levcore {

Claim claim(const LinearPerpetual&, double quantity, double entry_price, double margin) noexcept {
    return {margin - quantity * entry_price, quantity};
}

bool tier_follows_price(const LinearPerpetual& instrument) noexcept {
    return instrument.basis == Basis::mark && instrument.tiers.measure == Measure::notional;
}

bool requirement_jumps(const LinearPerpetual& instrument) noexcept {
    return tier_follows_price(instrument) && instrument.tiers.whole_position && instrument.tiers.size() > 1;
}

Line fixed_line(const LinearPerpetual& instrument, double quantity, double entry_price) noexcept {
    const MarginTiers& tiers = instrument.tiers;
    const double size = std::fabs(quantity);
    const bool by_contracts = tiers.measure == Measure::contracts;
    const std::size_t k = tier_of(tiers, by_contracts ? size : size * entry_price);
    const double rate = tiers.rate[k] + instrument.closing_fee;
    // Deductions counted in contracts are worth the price of the basis.
    const Line line = by_contracts ? Line{std::max(0.0, rate * size - tiers.deduction[k]), 0.0}
                                   : Line{rate * size, tiers.deduction[k]};
    if (instrument.basis == Basis::mark) return line;
    return {0.0, -std::max(0.0, line.slope * entry_price - line.offset)};
}

}  // namespace levcore
