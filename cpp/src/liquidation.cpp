#include "levcore/liquidation.hpp"

#include <limits>

namespace levcore {
namespace {

// The requirement of a size of coin in tier k at the turn's unit price: slope*size - offset; and the size at which the
// tier begins.
struct TierLine {
    double slope;
    double offset;
    double begins;
};

TierLine tier_line(const Perpetual& instrument, const Turn& turn, std::size_t k) noexcept {
    const MarginTiers& tiers = instrument.tiers;
    const double entry = unit_price(instrument, turn.entry_price);
    const double basis = instrument.basis == Basis::mark ? turn.unit : entry;
    const double per_contract = instrument.is_inverse() ? instrument.contract_value : 1.0;
    // A rate that rises with the size is that of the size before the order: what is kept is safer than it must be.
    const double rate = rate_at(tiers, k, std::fabs(turn.coin) / per_contract) + instrument.added_to_rates();
    if (tiers.measure == Measure::contracts)
        return {rate * basis, tiers.deduction[k] * per_contract * basis, tiers.floor[k] * per_contract};
    const double measured = tiers.measure == Measure::notional ? basis : entry;
    return {rate * basis, tiers.deduction[k], tiers.floor[k] / measured};
}

// The largest tier that a size falls in.
std::size_t tier_at(const Perpetual& instrument, const Turn& turn, double size) noexcept {
    std::size_t k = instrument.tiers.size() - 1;
    while (k > 0 && tier_line(instrument, turn, k).begins > size) --k;
    return k;
}

// The reserved fee of what an order leaves, max(0, slope*size - offset) of the size kept: the order's proceeds bring
// the bankruptcy price of an isolated position nearer; an account's position keeps its entry price.
Line reserved_line(const LiquidationPolicy& policy, const Perpetual& instrument, const Turn& turn) noexcept {
    const double rate = instrument.reserved_rate();
    if (rate == 0.0) return {0.0, 0.0};
    const double sign = turn.coin > 0.0 ? 1.0 : -1.0;
    const double size = std::fabs(turn.coin);
    const double worth = -sign * turn.cash;
    if (turn.in_account) return {rate * std::max(0.0, worth) / size, 0.0};
    const double paid = turn.unit * (1.0 - sign * policy.fee_rate);
    return {rate * paid, rate * (size * paid - worth)};
}

// The tier of a size as its requirement will be told: by the same products as in margin.
std::size_t tier_to_be(const Perpetual& instrument, const Turn& turn, double size) noexcept {
    const double per_contract = instrument.is_inverse() ? instrument.contract_value : 1.0;
    if (instrument.tiers.measure == Measure::contracts) return tier_of(instrument.tiers, size / per_contract);
    const double at = tier_follows_price(instrument) ? turn.unit : unit_price(instrument, turn.entry_price);
    return tier_of(instrument.tiers, size * at);
}

// A size that may be kept, and the highest tier that it must lie in.
struct Kept {
    double size;
    std::size_t tier;
};

// The largest size that may be kept for maintenance and the buffer on it to be at most `target` of equity after the
// order and its fee.
Kept kept_at_target(const LiquidationPolicy& policy, const Perpetual& instrument, const Turn& turn,
                    double size) noexcept {
    const double fee = policy.target * policy.fee_rate * turn.unit;  // of a unit of coin closed
    const double room = policy.target * turn.equity - fee * size - turn.other_maintenance;
    const double saved = fee - policy.buffer * turn.unit;  // by a unit kept, beside its maintenance
    const double rounding = 1e-12 * std::max(turn.equity, -turn.other_maintenance);
    const Line reserve = reserved_line(policy, instrument, turn);
    double upper = size;
    for (std::size_t k = tier_at(instrument, turn, size) + 1; k-- > 0;) {
        const TierLine line = tier_line(instrument, turn, k);
        const auto most = [&](double slope, double offset) {
            const double steepness = slope - saved;
            return steepness > 0.0 ? (room + offset) / steepness : upper;
        };
        // The requirement is the largest of nothing, its tier's, its reserve, and both of them.
        const double kept =
            std::min({most(0.0, 0.0), most(line.slope, line.offset), most(reserve.slope, reserve.offset),
                      most(line.slope + reserve.slope, line.offset + reserve.offset), upper});
        const double required =
            std::max(0.0, line.slope * kept - line.offset) + std::max(0.0, reserve.slope * kept - reserve.offset);
        if (kept >= line.begins && required <= room + saved * kept + rounding) return {kept, k};
        upper = std::nextafter(line.begins, 0.0);  // a size below belongs to the tier before
    }
    return {0.0, 0};
}

// What is kept, rounded, must not lie in a tier beyond: a lot more, or a little, until it does not.
double within_tier(const Perpetual& instrument, const Turn& turn, double size, double closed, std::size_t tier,
                   double lot) noexcept {
    double little = 1e-16 * size;
    for (int i = 0; i < 60 && closed < size && tier_to_be(instrument, turn, size - closed) > tier; ++i) {
        closed += lot > 0.0 ? lot : little;
        little *= 2.0;
    }
    return closed;
}

}  // namespace

double left_short(const LiquidationPolicy& policy, double shortage, double days, Freeing& freeing) noexcept {
    if (!policy.is_limited()) return 0.0;
    if (freeing.since < 0.0) freeing = {days, 0.0};
    const double share = policy.initial_share + (days - freeing.since) / policy.duration_days;
    if (!(shortage > 0.0) || shortage < policy.small_shortage || share >= 1.0) {
        freeing = {};
        return 0.0;
    }
    const double freed = std::max(0.0, share * (shortage + freeing.freed) - freeing.freed);
    freeing.freed += freed;
    return std::max(0.0, shortage - freed);
}

double closing_amount(const LiquidationPolicy& policy, const Perpetual& instrument, const Turn& turn) noexcept {
    const double size = std::fabs(turn.coin);
    const double sign = turn.coin > 0.0 ? 1.0 : -1.0;
    double closed = size;
    std::size_t tier = instrument.tiers.size() - 1;  // that what is kept may lie in
    // Where collateral counts in part, equity may be negative here, and only some of the shortage is to be freed.
    if (policy.amount == Amount::to_target && (turn.equity > 0.0 || turn.other_maintenance < 0.0)) {
        const Kept kept = kept_at_target(policy, instrument, turn, size);
        closed = size - kept.size;
        tier = kept.tier;
    }
    if (policy.amount == Amount::to_lower_tier) {
        const std::size_t k = tier_at(instrument, turn, size);
        if (k >= policy.tiers) {
            tier = k - policy.tiers;
            closed = size - std::nextafter(tier_line(instrument, turn, tier + 1).begins, 0.0);
        }
    }
    if (policy.amount == Amount::portion && size * turn.unit > policy.above && !(policy.then_all && turn.again))
        closed = std::max(policy.portion * size, policy.minimum / turn.unit);
    const double per_contract = instrument.is_inverse() ? instrument.contract_value : 1.0;
    const double lot = policy.lot * per_contract;
    if (lot > 0.0) closed = std::max(1.0, std::ceil(closed / lot * (1.0 - 1e-12))) * lot;
    closed = std::max(closed, 1e-12 * size);  // an order that closes nothing would never end
    closed = within_tier(instrument, turn, size, closed, tier, lot);
    const bool all = !(closed < size) || size - closed < policy.dust * per_contract;
    return sign * (all ? size : closed);
}

}  // namespace levcore
