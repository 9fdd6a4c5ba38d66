#include "levcore/tiers.hpp"

#include <algorithm>
#include <cmath>

#include "levcore/message.hpp"

namespace levcore {
namespace {

// Published tables round their deductions to cents; a table off by more than this is another table.
constexpr double continuity_tolerance = 1e-6;

}  // namespace

std::vector<double> continuous_deductions(const std::vector<double>& floor, const std::vector<double>& rate,
                                          double first) {
    std::vector<double> deduction(floor.size(), first);
    for (std::size_t k = 1; k < floor.size(); ++k) deduction[k] = deduction[k - 1] + floor[k] * (rate[k] - rate[k - 1]);
    return deduction;
}

std::string validate(const SizePremium& p) {
    if (!(p.share >= 0.0 && p.share <= 1.0)) return "share must lie in [0, 1], was " + shortest(p.share);
    if (!std::isfinite(p.per_size) || p.per_size < 0.0)
        return "per_size must be finite and >= 0, was " + shortest(p.per_size);
    return {};
}

std::string validate(const MarginTiers& t) {
    if (t.floor.empty()) return "floor must have at least one tier, had none";
    if (t.rate.size() != t.floor.size() || t.deduction.size() != t.floor.size())
        return "maintenance_rate and deduction must have one value a tier";
    for (std::size_t k = 0; k < t.size(); ++k) {
        if (!std::isfinite(t.floor[k]) || t.floor[k] < 0.0)
            return broken_rule("floor", k, "be finite and >= 0", t.floor[k]);
        if (k == 0 && t.floor[0] != 0.0) return broken_rule("floor", 0, "be 0", t.floor[0]);
        if (k > 0 && t.floor[k] <= t.floor[k - 1])
            return broken_rule("floor", k, "be above the floor before it", t.floor[k]);
        if (!(t.rate[k] >= 0.0 && t.rate[k] < 1.0))
            return broken_rule("maintenance_rate", k, "lie in [0, 1)", t.rate[k]);
        if (k > 0 && t.rate[k] < t.rate[k - 1])
            return broken_rule("maintenance_rate", k, "not be below the rate before it", t.rate[k]);
        if (!std::isfinite(t.deduction[k]) || t.deduction[k] < 0.0)
            return broken_rule("deduction", k, "be finite and >= 0", t.deduction[k]);
        if (t.whole_position && t.deduction[k] != 0.0)
            return broken_rule("deduction", k, "be 0 where the whole position takes one rate", t.deduction[k]);
        if (!t.whole_position && k > 0) {
            const double expected = t.deduction[k - 1] + t.floor[k] * (t.rate[k] - t.rate[k - 1]);
            if (std::fabs(t.deduction[k] - expected) > continuity_tolerance * t.floor[k] * t.rate[k]) {
                const std::string rule = "be " + shortest(expected) + " for the requirement to be continuous";
                return broken_rule("deduction", k, rule, t.deduction[k]);
            }
        }
    }
    return {};
}

std::size_t tier_of(const MarginTiers& tiers, double size) noexcept {
    const auto above = std::upper_bound(tiers.floor.begin() + 1, tiers.floor.end(), size);
    return static_cast<std::size_t>(above - tiers.floor.begin()) - 1;
}

double rate_at(const MarginTiers& tiers, std::size_t k, double contracts) noexcept {
    const SizePremium& p = tiers.premium;
    if (p.per_size == 0.0) return tiers.rate[k];
    const double grown = p.per_size * (p.square_root ? std::sqrt(contracts) : contracts);
    return std::max(tiers.rate[k], p.share * tiers.rate[k] + grown);
}

double requirement(const MarginTiers& tiers, double notional, double extra) noexcept {
    if (tiers.whole_position) return (tiers.rate[tier_of(tiers, notional)] + extra) * notional;
    double most = 0.0;
    for (std::size_t k = 0; k < tiers.size(); ++k)
        most = std::max(most, (tiers.rate[k] + extra) * notional - tiers.deduction[k]);
    return most;
}

}  // namespace levcore
