// What is traded: each instrument as an affine claim cash + coin*v in its settlement currency, and the shape of its
// maintenance requirement (model 2, 16). v is the unit price: of a linear instrument the price P itself, the coin being
// base units; of an inverse one 1/P, its coin being minus the quote units of its contracts. So an inverse long is a
// linear short in 1/P, and everything below knows one kind only.
#pragma once

#include "levcore/tiers.hpp"

namespace levcore {

enum class Basis { mark, entry };

struct Perpetual {
    MarginTiers tiers;
    double closing_fee = 0.0;  // added to every maintenance rate
    Basis basis = Basis::mark;
    double contract_value = 0.0;  // of an inverse instrument: quote units a contract; 0: linear

    [[nodiscard]] bool is_inverse() const noexcept { return contract_value > 0.0; }
};

// The unit price at a price, and the price at a unit price; nan stays nan.
inline double unit_price(const Perpetual& instrument, double price) noexcept {
    return instrument.is_inverse() ? 1.0 / price : price;
}

struct Claim {
    double cash;
    double coin;
};

Claim claim(const Perpetual& instrument, double quantity, double entry_price, double margin) noexcept;

// Whether a claim gains when the price rises.
inline bool is_long(const Perpetual& instrument, const Claim& held) noexcept {
    return (held.coin > 0.0) != instrument.is_inverse();
}

// A requirement max(0, slope*v - offset) of one position.
struct Line {
    double slope;
    double offset;
};

// True where the tier moves with the mark price; else one line holds at every price.
bool tier_follows_price(const Perpetual& instrument) noexcept;

// True where the requirement jumps as the price moves, so that slack itself must be asked.
bool requirement_jumps(const Perpetual& instrument) noexcept;

// The line of a claim's coin whose tier does not move with the price.
Line fixed_line(const Perpetual& instrument, double coin, double entry_price) noexcept;

}  // namespace levcore
