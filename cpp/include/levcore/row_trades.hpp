// What rows trade one after the other on linear impact, each order moving the price for the next one, by short series
// where a row moves it little.
#pragma once

#include <cmath>
#include <span>

#include "levcore/real.hpp"

namespace levcore {

// (exp(u) - 1)/u
inline double expm1_ratio(double u) noexcept {
    if (std::fabs(u) < 0x1p-12)  // what is left out is less than 2^-54
        return 1.0 + u * (1.0 / 2 + u * (1.0 / 6 + u * (1.0 / 24)));
    return expm1(u) / u;
}

// log(1 + u)/u
inline double log1p_ratio(double u) noexcept {
    if (std::fabs(u) < 0x1p-11)  // what is left out is less than 2^-57
        return 1.0 - u * (1.0 / 2 - u * (1.0 / 3 - u * (1.0 / 4 - u * (1.0 / 5))));
    return log1p(u) / u;
}

// Money for base units: each moves the log price by per_unit. `traded` holds their sizes first.
inline void trade_units(std::span<double> traded, double price, double per_unit) noexcept {
    for (double& row : traded) {
        const double moved = per_unit * row;
        const double mean = expm1_ratio(moved);
        row *= price * mean;
        price *= 1.0 + moved * mean;
    }
}

// Base units for quote units: each moves the price by per_quote.
inline void trade_quote(std::span<double> traded, double price, double per_quote) noexcept {
    for (double& row : traded) {
        const double moved = per_quote * row;
        row = row / price * log1p_ratio(moved / price);
        price += moved;
    }
}

}  // namespace levcore
