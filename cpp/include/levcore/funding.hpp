// What holders pay each other between steps (model 11): rate times mark price a base unit held, longs to shorts where
// the rate is positive. The outside market pays on what it has taken in, so that balanced books lose and gain nothing.
#pragma once

#include "levcore/state.hpp"

namespace levcore {

// A payment that falls due at the end of a step.
struct FundingDue {
    std::int64_t step;
    std::uint32_t instrument;
    double rate;  // of the notional
};

// Charges every open position of the instrument at the present mark; liquidation prices follow.
void pay_funding(const SortedBook& book, const Market& market, State& state, std::uint32_t instrument, double rate);

}  // namespace levcore
