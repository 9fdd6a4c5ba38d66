#include "levcore/ladder_till.hpp"

namespace levcore {

LadderTill::LadderTill(const Venue& venue, bool shares_fund)
    : venue_(venue),
      fees_to_fund_(venue.liquidation.fee_to == Receiver::fund ? 1.0 : 0.0),
      remainder_to_fund_(venue.remainder == Receiver::fund ? 1.0 : 0.0),
      shares_fund_(shares_fund) {
    begin();
}

bool LadderTill::stays_empty() const noexcept {
    const bool flows_in = remainder_to_fund_ > 0.0 || (fees_to_fund_ > 0.0 && venue_.liquidation.fee_rate > 0.0);
    return fund() == 0.0 && !flows_in;
}

bool LadderTill::for_the_ledger(double fund_pays, double unpaid) const noexcept {
    const bool charged = venue_.backstop.deleveraging.on || venue_.backstop.socialise != Charged::nobody;
    // Whose turn it is to draw on a shared fund is a matter of rounds, unless there is nothing to draw.
    return (unpaid > 0.0 && charged) || ((unpaid > 0.0 || fund_pays > 0.0) && shares_fund_ && !stays_empty());
}

// With an empty fund that nothing flows into. Two sums of each, for one waits for its last term.
LadderTill::Rows LadderTill::all_unpaid(std::span<const double> equity,
                                        std::span<const double> notional) const noexcept {
    const double rate = venue_.liquidation.fee_rate;
    double fees[2] = {0.0, 0.0};
    double unpaid[2] = {0.0, 0.0};
    const auto add = [&](std::size_t i, std::size_t to) {
        const double left = equity[i] > 0.0 ? equity[i] : 0.0;
        const double fee = rate * notional[i];
        fees[to] += fee < left ? fee : left;
        unpaid[to] += left - equity[i];
    };
    std::size_t i = 0;
    for (; i + 2 <= equity.size(); i += 2) {
        add(i, 0);
        add(i + 1, 1);
    }
    if (i < equity.size()) add(i, 0);
    return {0.0, 0.0, fees[0] + fees[1], 0.0, 0.0, unpaid[0] + unpaid[1]};
}

LadderTill::Rows LadderTill::in_turn(std::span<const double> equity, std::span<const double> notional) const noexcept {
    Rows rows{fund(), fund_low_};
    const double rate = venue_.liquidation.fee_rate;
    for (std::size_t i = 0; i < equity.size(); ++i) {
        const double left = equity[i] > 0.0 ? equity[i] : 0.0;
        const double deficit = left - equity[i];
        const double fee = std::min(rate * notional[i], left);
        const double to_fund = fee * fees_to_fund_ + (left - fee) * remainder_to_fund_;
        const double paid = std::min(deficit, rows.fund);
        rows.fees += fee;
        rows.to_fund += to_fund;
        rows.paid += paid;
        rows.unpaid += deficit - paid;
        rows.fund += to_fund - paid;
        rows.fund_low = std::min(rows.fund, rows.fund_low);
    }
    return rows;
}

bool LadderTill::pay(std::span<const double> equity, std::span<const double> notional) {
    const Rows rows = stays_empty() ? all_unpaid(equity, notional) : in_turn(equity, notional);
    if (for_the_ledger(rows.paid, rows.unpaid)) return false;
    fees_.add(rows.fees);
    if (rows.unpaid > 0.0) {
        exhausted_ = true;
        bad_debt_.add(rows.unpaid);
        fund_ = Sum(rows.fund);
    } else {
        fund_.add(rows.to_fund - rows.paid);
    }
    fund_low_ = std::max(0.0, rows.fund_low);
    return true;
}

void LadderTill::begin() {
    fund_ = Sum(venue_.backstop.funds.front());
    fees_ = bad_debt_ = Sum();
    fund_low_ = fund_.value();
    exhausted_ = false;
}

bool LadderTill::pay(const Settlement& s) {
    if (for_the_ledger(s.fund_pays, s.unpaid)) return false;
    flow_in(s.fee, s.remainder);
    if (s.unpaid > 0.0) {
        exhausted_ = true;
        bad_debt_.add(s.unpaid);
        fund_ = Sum();
    } else if (s.fund_pays > 0.0) {
        fund_.add(-s.fund_pays);
    }
    note_low();
    return true;
}

void LadderTill::report(Outcome& outcome, double worth) const {
    outcome.bad_debt = bad_debt_.value() * worth;
    outcome.fees = fees_.value() * worth;
    outcome.insurance_fund = std::max(0.0, fund_.value()) * worth;
    outcome.insurance_fund_low = fund_low_ * worth;
    outcome.exhausted = exhausted_;
}

}  // namespace levcore
