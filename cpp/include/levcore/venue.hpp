// A rulebook: instruments, liquidation policy, waterfall with its fund (model 2, 7). Plain data.
#pragma once

#include <vector>

#include "levcore/instrument.hpp"

namespace levcore {

enum class Receiver { fund, trader, outside };

// How much of a liquidatable position an order closes.
enum class Amount { all, to_target, to_lower_tier, portion };

struct LiquidationPolicy {
    double fee_rate = 0.0;             // of the notional traded
    Receiver fee_to = Receiver::fund;  // fund or outside
    Amount amount = Amount::all;
    double target = 1.0;     // to_target: maintenance over equity after the order, in (0, 1]
    std::size_t tiers = 1;   // to_lower_tier: how many tiers down
    double portion = 1.0;    // portion: of the position, in (0, 1]
    double above = 0.0;      // portion: only where the notional is above, else all
    double minimum = 0.0;    // portion: notional of an order, at least
    bool then_all = false;   // portion: the second order closes the rest
    double wait_days = 0.0;  // portion: no second order sooner, nor in the same step
    double lot = 0.0;        // orders are whole multiples of it: base units, or contracts; 0: any size
    double dust = 0.0;       // what would be left below this is closed too
};

struct Backstop {
    double insurance_fund = 0.0;
    bool deleveraging = false;  // pro rata to quantity, at the bankruptcy price
    bool socialise = false;     // pro rata to positive unrealised profit
};

struct Venue {
    std::vector<Perpetual> instruments;
    LiquidationPolicy liquidation;
    Backstop backstop;
    Receiver remainder = Receiver::fund;  // fund or trader
    bool liquidate_at_equality = false;
    std::vector<double> collateral_share =
        {};  // of each collateral beside the settlement currency, what counts, in [0, 1]
};

}  // namespace levcore
