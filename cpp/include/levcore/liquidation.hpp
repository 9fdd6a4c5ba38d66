// What must be traded, and what it costs whom (model 7): full close of an isolated position.
#pragma once

#include <algorithm>
#include <cmath>

#include "levcore/venue.hpp"

namespace levcore {

// The fee on a trade, never more than what is left of the position's equity.
inline double liquidation_fee(const FullClose& policy, double notional, double left) noexcept {
    return std::min(policy.fee_rate * notional, left);
}

}  // namespace levcore
