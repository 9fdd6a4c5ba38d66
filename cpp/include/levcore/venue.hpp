// A rulebook: instruments, liquidation policy, waterfall with its fund (model 2, 7). Plain data.
#pragma once

#include <vector>

#include "levcore/instrument.hpp"

namespace levcore {

enum class Receiver { fund, trader, outside };

struct FullClose {
    double fee_rate = 0.0;             // of the notional traded
    Receiver fee_to = Receiver::fund;  // fund or outside
};

struct Backstop {
    double insurance_fund = 0.0;
    bool deleveraging = false;  // pro rata to quantity, at the bankruptcy price
    bool socialise = false;     // pro rata to positive unrealised profit
};

struct Venue {
    std::vector<Perpetual> instruments;
    FullClose liquidation;
    Backstop backstop;
    Receiver remainder = Receiver::fund;  // fund or trader
    bool liquidate_at_equality = false;
    std::vector<double> collateral_share =
        {};  // of each collateral beside the settlement currency, what counts, in [0, 1]
};

}  // namespace levcore
