// What must be traded, and what it costs whom (model 7): how much of a position an order closes, and its fee. Pure
// arithmetic at the mark of the check, the order's own impact left out.
#pragma once

#include <algorithm>
#include <cmath>

#include "levcore/venue.hpp"

namespace levcore {

// The fee on a trade, never more than what is left of the position's equity.
inline double liquidation_fee(const LiquidationPolicy& policy, double notional, double left) noexcept {
    return std::min(policy.fee_rate * notional, left);
}

// A liquidatable position at its turn. An isolated one stands for itself; in an account equity is the account's and
// other_maintenance what its other positions require, a buffer included, less what may be left short for now.
struct Turn {
    double coin;
    double entry_price;
    double unit;  // unit price at the mark
    double equity;
    double other_maintenance;
    bool again;   // it has had an order before
    double cash;  // of its claim: what an order leaves of an isolated one, in an account without margin
    bool in_account;
};

// A liquidation that may free what is short only little by little: since when (days), and what it has freed, money.
struct Freeing {
    double since = -1.0;  // < 0: none goes on
    double freed = 0.0;
};

// What an order at this time may leave short for now; notes what it frees, or that the liquidation ends with it.
double left_short(const LiquidationPolicy& policy, double shortage, double days, Freeing& freeing) noexcept;

// The coin that an order closes, of the sign of the position's; all of it where less would not do.
double closing_amount(const LiquidationPolicy& policy, const Perpetual& instrument, const Turn& turn) noexcept;

}  // namespace levcore
