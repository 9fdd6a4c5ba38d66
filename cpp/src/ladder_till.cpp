#include "levcore/ladder_till.hpp"

#include <algorithm>

namespace levcore {

void LadderTill::begin() {
    fund_ = Sum(venue_.backstop.funds.front());
    fees_ = bad_debt_ = Sum();
    fund_low_ = fund_.value();
    exhausted_ = false;
}

bool LadderTill::pay(const Settlement& s) {
    const bool charged = venue_.backstop.deleveraging.on || venue_.backstop.socialise != Charged::nobody;
    if ((s.unpaid > 0.0 && charged) || ((s.unpaid > 0.0 || s.fund_pays > 0.0) && shares_fund_)) return false;
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
