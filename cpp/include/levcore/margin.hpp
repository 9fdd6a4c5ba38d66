// When a position must go: maintenance requirement, slack, liquidation price, bankruptcy price, and the one
// predicate (model 4). Prices are unit prices (instrument.hpp), entry prices prices; nan where there is none.
#pragma once

#include "levcore/instrument.hpp"
#include "levcore/sum.hpp"

namespace levcore {

// cash + coin*v, rounded once.
inline double equity(const Claim& held, double unit) noexcept {
    return add(two_product(held.coin, unit), held.cash).high;
}

// The maintenance requirement of a claim at a unit price (closing fee included). An account's position stands with its
// claim without margin: a fee at the bankruptcy price is taken on its value at entry.
double maintenance(const Perpetual& instrument, const Claim& held, double entry_price, double unit) noexcept;

// equity - maintenance, of a claim (the claim may differ from the one first posted: funding, socialised loss).
double slack(const Perpetual& instrument, const Claim& held, double entry_price, double unit) noexcept;

// The root of slack; where slack jumps, the highest (of what gains when it rises; else the lowest) unit price at or
// next to which slack < 0.
double liquidation_unit_price(const Perpetual& instrument, const Claim& held, double entry_price) noexcept;

// Where slack jumps: the same, taking in prices at which slack is 0 or rounds to it.
double furthest_unit_price(const Perpetual& instrument, const Claim& held) noexcept;

// Equity over maintenance: who has the least goes first. Where nothing is required, an infinity of equity's sign.
double risk_ratio(double equity, double maintenance) noexcept;

// The root of equity.
double bankruptcy_unit_price(const Claim& held) noexcept;

// g = log(liquidation price); an infinity on the far side where no mark liquidates the claim, 1e300 on the near side
// where every mark does; that one is finite, as the keys of all that can be reached are.
double liquidation_key(const Perpetual& instrument, const Claim& held, double entry_price) noexcept;

// What positions are sorted by: the key, where slack jumps a little outside of every price at which the claim may fail.
double sort_key(const Perpetual& instrument, const Claim& held, double entry_price) noexcept;

// liquidation_key from a root of slack that is known.
double log_price_of(const Perpetual& instrument, const Claim& held, double unit) noexcept;

// The one predicate: a long goes iff y < g, a short iff y > g, y the log mark, g = log(liquidation price).
inline bool is_liquidatable(bool is_long, double y, double g, bool at_equality) noexcept {
    return (is_long ? y < g : y > g) || (at_equality && y == g);
}

// The predicate asked of a position at a price, no unit price; where slack jumps, slack itself.
bool is_liquidatable_at(const Perpetual& instrument, const Claim& held, double entry_price, double price,
                        bool at_equality) noexcept;

}  // namespace levcore
