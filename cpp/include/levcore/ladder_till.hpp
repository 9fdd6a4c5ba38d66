// The money of a path on the ladder (model 7): the venue's fund, fees, bad debt.
#pragma once

#include <algorithm>
#include <span>

#include "levcore/backstop.hpp"
#include "levcore/outcome.hpp"
#include "levcore/sum.hpp"

namespace levcore {

class LadderTill {
  public:
    // shares_fund: several assets with positions stand before one fund.
    LadderTill(const Venue& venue, bool shares_fund);

    void begin();

    // Books a settlement. False: it is for the ledger, for it is deleveraged or charged to others, or draws on a fund
    // whose use is a matter of rounds; nothing has been booked.
    bool pay(const Settlement& s);

    // The same of closes that leave no deficit and pay their fees.
    void take(double fee, double remainder) {
        flow_in(fee, remainder);
        note_low();
    }

    // The same of closes one after the other: with what equity each ends, and how much was traded.
    bool pay(std::span<const double> equity, std::span<const double> notional);

    // Whether any of that goes to the fund.
    [[nodiscard]] bool flows_in(double fees, double remainder) const noexcept {
        return fees * fees_to_fund_ + remainder * remainder_to_fund_ > 0.0;
    }
    // Whether the fund pays deficits of that sum in whatever order they come among what flows in, and its low is the
    // same.
    [[nodiscard]] bool pays_whole(double deficit, bool flows_in) const noexcept {
        return fund() > deficit * (1.0 + 1e-9) && (!flows_in || fund() - deficit >= fund_low_);
    }

    [[nodiscard]] double fund() const noexcept { return fund_.value(); }
    [[nodiscard]] double bad_debt() const noexcept { return bad_debt_.value(); }
    // At what a unit of the settlement currency is worth.
    void report(Outcome& outcome, double worth) const;

  private:
    void flow_in(double fee, double remainder) {
        if (fee > 0.0) {
            fees_.add(fee);
            if (fees_to_fund_ > 0.0) fund_.add(fee);
        }
        if (remainder_to_fund_ > 0.0) fund_.add(remainder);
    }
    void note_low() { fund_low_ = std::min(fund_low_, std::max(0.0, fund_.value())); }

    // Of closes one after the other, in plain numbers for as long as they are few.
    struct Rows {
        double fund;
        double fund_low;
        double fees = 0.0;
        double to_fund = 0.0;
        double paid = 0.0;
        double unpaid = 0.0;
    };
    [[nodiscard]] bool stays_empty() const noexcept;
    [[nodiscard]] bool for_the_ledger(double fund_pays, double unpaid) const noexcept;
    [[nodiscard]] Rows all_unpaid(std::span<const double> equity, std::span<const double> notional) const noexcept;
    [[nodiscard]] Rows in_turn(std::span<const double> equity, std::span<const double> notional) const noexcept;

    const Venue& venue_;
    double fees_to_fund_;  // 1 or 0
    double remainder_to_fund_;
    bool shares_fund_;
    Sum fund_;
    Sum fees_;
    Sum bad_debt_;
    double fund_low_ = 0.0;
    bool exhausted_ = false;
};

}  // namespace levcore
