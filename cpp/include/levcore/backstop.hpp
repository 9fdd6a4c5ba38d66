// Who pays (model 7): how the equity that a closed position ends with is divided, and how much of a position a
// side of counterparties takes over. Money in the settlement currency; pure arithmetic, no state.
#pragma once

#include <algorithm>
#include <cmath>

#include "levcore/liquidation.hpp"

namespace levcore {

// The parts of one settlement; they add up: equity = fee + remainder - fund_pays - unpaid.
struct Settlement {
    double fee = 0.0;
    double remainder = 0.0;  // what is left after the fee
    double fund_pays = 0.0;
    double unpaid = 0.0;  // of a deficit, after the fund
};

inline Settlement settle(const LiquidationPolicy& policy, double equity, double notional, double fund) noexcept {
    if (equity >= 0.0) {
        const double fee = liquidation_fee(policy, notional, equity);
        return {fee, equity - fee, 0.0, 0.0};
    }
    const double deficit = -equity;
    const double paid = std::min(deficit, fund);
    return {0.0, 0.0, paid, deficit - paid};
}

// Deleveraging: the share of a position that counterparties of total size `available` take over, and the share of
// each counterparty that this uses up.
struct Transfer {
    double quantity = 0.0;            // unsigned
    double counterparty_share = 0.0;  // in [0, 1]
};

inline Transfer transfer(double quantity, double available) noexcept {
    const double size = std::fabs(quantity);
    if (!(available > 0.0)) return {};
    return size >= available ? Transfer{available, 1.0} : Transfer{size, size / available};
}

}  // namespace levcore
