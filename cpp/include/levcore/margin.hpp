// When a position must go: maintenance requirement, slack, liquidation price, bankruptcy price, and the one
// predicate (model 4). Prices in the settlement currency per base unit; nan where there is none.
#pragma once

#include "levcore/instrument.hpp"
#include "levcore/sum.hpp"

namespace levcore {

// cash + coin*P, rounded once.
inline double equity(const Claim& held, double price) noexcept {
    return add(two_product(held.coin, price), held.cash).high;
}

// The maintenance requirement at price P (closing fee included).
double maintenance(const LinearPerpetual& instrument, double quantity, double entry_price, double price) noexcept;

// equity - maintenance, of a claim (the claim may differ from the one first posted: funding, socialised loss).
double slack(const LinearPerpetual& instrument, const Claim& held, double entry_price, double price) noexcept;

// The root of slack; where slack jumps, the highest (longs; shorts: lowest) price at or next to which slack < 0.
double liquidation_price(const LinearPerpetual& instrument, const Claim& held, double entry_price) noexcept;

// Where slack jumps: the same, taking in prices at which slack is 0 or rounds to it.
double furthest_price(const LinearPerpetual& instrument, const Claim& held) noexcept;

// The root of equity.
double bankruptcy_price(const Claim& held) noexcept;

// The one predicate: a long goes iff y < g, a short iff y > g, y the log mark, g = log(liquidation price).
inline bool is_liquidatable(bool is_long, double y, double g, bool at_equality) noexcept {
    return (is_long ? y < g : y > g) || (at_equality && y == g);
}

// The predicate asked of a position at a price; where slack jumps, slack itself.
bool is_liquidatable_at(const LinearPerpetual& instrument, const Claim& held, double entry_price, double price,
                        bool at_equality) noexcept;

}  // namespace levcore
