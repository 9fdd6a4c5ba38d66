// What is traded: each instrument as an affine claim cash + coin*v in its settlement currency, and the shape of its
// maintenance requirement (model 2, 16). v is the unit price: of a linear instrument the price P itself, the coin being
// base units; of an inverse one 1/P, its coin being minus the quote units of its contracts. So an inverse long is a
// linear short in 1/P, and everything below knows one kind only.
#pragma once

#include <algorithm>

#include "levcore/tiers.hpp"

namespace levcore {

enum class Basis { mark, entry };

// At which price a closing fee is counted.
enum class FeeAt { mark, bankruptcy };

struct Perpetual {
    MarginTiers tiers;
    double closing_fee = 0.0;  // counted into the requirement
    Basis basis = Basis::mark;
    double contract_value = 0.0;  // of an inverse instrument: quote units a contract; 0: linear
    FeeAt closing_fee_at = FeeAt::mark;

    [[nodiscard]] bool is_inverse() const noexcept { return contract_value > 0.0; }
    // A closing fee at the mark is added to every maintenance rate; one at the bankruptcy price is reserved.
    [[nodiscard]] double added_to_rates() const noexcept { return closing_fee_at == FeeAt::mark ? closing_fee : 0.0; }
    [[nodiscard]] double reserved_rate() const noexcept { return closing_fee_at == FeeAt::mark ? 0.0 : closing_fee; }
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

// The fee of closing a claim at its bankruptcy price -cash/coin: constant in the price; nothing where there is no such
// price.
inline double reserved_fee(const Perpetual& instrument, const Claim& held) noexcept {
    return instrument.reserved_rate() * std::max(0.0, held.coin > 0.0 ? -held.cash : held.cash);
}

// Whether a claim gains when the price rises.
inline bool is_long(const Perpetual& instrument, const Claim& held) noexcept {
    return (held.coin > 0.0) != instrument.is_inverse();
}

// A requirement max(0, slope*v - offset) of one position.
struct Line {
    double slope;
    double offset;
};

// The highest maintenance rate, an added closing fee included.
double highest_rate(const Perpetual& instrument) noexcept;

// True where the tier moves with the mark price; else one line holds at every price.
bool tier_follows_price(const Perpetual& instrument) noexcept;

// True where the requirement jumps as the price moves, so that slack itself must be asked.
bool requirement_jumps(const Perpetual& instrument) noexcept;

// The line of a claim's coin whose tier does not move with the price, without a reserved fee.
Line fixed_line(const Perpetual& instrument, double coin, double entry_price) noexcept;

}  // namespace levcore
