// The money of a path on the ladder (model 7): the venue's fund, fees, bad debt.
#pragma once

#include "levcore/backstop.hpp"
#include "levcore/outcome.hpp"
#include "levcore/sum.hpp"

namespace levcore {

class LadderTill {
  public:
    // shares_fund: several assets with positions stand before one fund.
    LadderTill(const Venue& venue, bool shares_fund) : venue_(venue), shares_fund_(shares_fund) { begin(); }

    void begin();

    // Books a settlement. False: it is for the ledger, for it is deleveraged or charged to others, or draws on a fund
    // whose use is a matter of rounds; nothing has been booked.
    bool pay(const Settlement& s);

    [[nodiscard]] double fund() const noexcept { return fund_.value(); }
    [[nodiscard]] double bad_debt() const noexcept { return bad_debt_.value(); }
    void report(Outcome& outcome) const;

  private:
    const Venue& venue_;
    bool shares_fund_;
    Sum fund_;
    Sum fees_;
    Sum bad_debt_;
    double fund_low_ = 0.0;
    bool exhausted_ = false;
};

}  // namespace levcore
