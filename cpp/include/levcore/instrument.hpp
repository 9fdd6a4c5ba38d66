// What is traded: each instrument as an affine claim cash + coin*P, its closing order and the shape of its
// maintenance requirement (model 2). Linear perpetual: cash = margin - quantity*entry, coin = quantity.
#pragma once

#include "levcore/tiers.hpp"

namespace levcore {

enum class Basis { mark, entry };

struct LinearPerpetual {
    MarginTiers tiers;
    double closing_fee = 0.0;  // added to every maintenance rate
    Basis basis = Basis::mark;
};

struct Claim {
    double cash;
    double coin;
};

Claim claim(const LinearPerpetual& instrument, double quantity, double entry_price, double margin) noexcept;

// The order that closes a position, in base units.
inline double closing_order(double quantity) noexcept { return -quantity; }

// A requirement max(0, slope*P - offset) of one position.
struct Line {
    double slope;
    double offset;
};

// True where the tier moves with the mark price; else one line holds at every price.
bool tier_follows_price(const LinearPerpetual& instrument) noexcept;

// True where the requirement jumps as the price moves, so that slack itself must be asked.
bool requirement_jumps(const LinearPerpetual& instrument) noexcept;

// The line of a position whose tier does not move with the price.
Line fixed_line(const LinearPerpetual& instrument, double quantity, double entry_price) noexcept;

}  // namespace levcore
