// Elementary functions of our own: the same bits on every CPU and with every compiler that keeps IEEE arithmetic.
// Table driven, the leading terms in double-double; within 0.6 ulp (log, exp), 1 ulp (the others) of the exact
// value for normal results. Sources: Tang (1989, 1990) for the method; constants are computed at compile time.
#pragma once

#include "levcore/kernels.hpp"
#include "levcore/sum.hpp"

namespace levcore {

double exp(double x) noexcept;
double exp(Pair x) noexcept;
double expm1(double x) noexcept;
double log(double x) noexcept;            // x > 0; nan for x < 0, -inf at 0
double log1p(double x) noexcept;          // x > -1
double pow(double x, double y) noexcept;  // x >= 0

// Radians, abs(x) <= 1e6; nan beyond, where a double says little about its place in the circle.
double sin(double x) noexcept;
double cos(double x) noexcept;

// sin and cos of 2*pi*turns, turns in [0, 1].
struct SinCos {
    double sine;
    double cosine;
};
SinCos sin_cos_turns(double turns) noexcept;

// log(x) to about 2^-68 absolute, for sums that are rounded once.
Pair log_pair(double x) noexcept;
Pair log_pair(Pair x) noexcept;  // of normal x > 0

// For the kernels.
ExpTable exp_parts() noexcept;
LogTable log_table() noexcept;

}  // namespace levcore
