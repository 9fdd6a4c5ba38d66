#include "levcore/instrument.hpp"

#include <algorithm>
#include <cmath>

namespace levcore {

Claim claim(const Perpetual& instrument, double quantity, double entry_price, double margin) noexcept {
    if (!instrument.is_inverse()) return {margin - quantity * entry_price, quantity};
    const double quote = quantity * instrument.contract_value;
    return {margin + quote / entry_price, -quote};
}

double highest_rate(const Perpetual& instrument) noexcept {
    return instrument.tiers.rate.back() + instrument.added_to_rates();
}

bool tier_follows_price(const Perpetual& instrument) noexcept {
    return instrument.basis == Basis::mark && instrument.tiers.measure == Measure::notional;
}

bool requirement_jumps(const Perpetual& instrument) noexcept {
    return tier_follows_price(instrument) && instrument.tiers.whole_position && instrument.tiers.size() > 1;
}

Line fixed_line(const Perpetual& instrument, double coin, double entry_price) noexcept {
    const MarginTiers& tiers = instrument.tiers;
    const double size = std::fabs(coin);
    const double entry = unit_price(instrument, entry_price);
    const double per_contract = instrument.is_inverse() ? instrument.contract_value : 1.0;
    const bool by_contracts = tiers.measure == Measure::contracts;
    const std::size_t k = tier_of(tiers, by_contracts ? size / per_contract : size * entry);
    const double rate = rate_at(tiers, k, size / per_contract) + instrument.added_to_rates();
    // Deductions counted in contracts are worth the unit price of the basis.
    const Line line = by_contracts ? Line{std::max(0.0, rate * size - tiers.deduction[k] * per_contract), 0.0}
                                   : Line{rate * size, tiers.deduction[k]};
    if (instrument.basis == Basis::mark) return line;
    return {0.0, -std::max(0.0, line.slope * entry - line.offset)};
}

}  // namespace levcore
