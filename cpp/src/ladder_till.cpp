#include "levcore/ladder_till.hpp"

#include <algorithm>

namespace levcore {

LadderTill::LadderTill(const Venue& venue, bool shares_fund)
    : venue_(venue),
      fees_to_fund_(venue.liquidation.fee_to == Receiver::fund ? 1.0 : 0.0),
      remainder_to_fund_(venue.remainder == Receiver::fund ? 1.0 : 0.0),
      shares_fund_(shares_fund) {
    begin();
}

bool LadderTill::for_the_ledger(double fund_pays, double unpaid) const noexcept {
    const bool charged = venue_.backstop.deleveraging.on || venue_.backstop.socialise != Charged::nobody;
    return (unpaid > 0.0 && charged) || ((unpaid > 0.0 || fund_pays > 0.0) && shares_fund_);
}

bool LadderTill::pay(const Rows& rows) {
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
    if (s.fee > 0.0) {
        fees_.add(s.fee);
        if (venue_.liquidation.fee_to == Receiver::fund) fund_.add(s.fee);
    }
    if (venue_.remainder == Receiver::fund) fund_.add(s.remainder);
    if (s.unpaid > 0.0) {
        exhausted_ = true;
        bad_debt_.add(s.unpaid);
        fund_ = Sum();
    } else if (s.fund_pays > 0.0) {
        fund_.add(-s.fund_pays);
    }
    fund_low_ = std::min(fund_low_, std::max(0.0, fund_.value()));
    return true;
}

void LadderTill::report(Outcome& outcome) const {
    outcome.bad_debt = bad_debt_.value();
    outcome.fees = fees_.value();
    outcome.insurance_fund = std::max(0.0, fund_.value());
    outcome.insurance_fund_low = fund_low_;
    outcome.exhausted = exhausted_;
}

}  // namespace levcore
