// The standard normal distribution, the same bits on every CPU: the probability of at most x, within 2 ulp however far
// out (the left tail down to the smallest double), and its inverse, within 1 ulp and never falling where p rises.
// Sources: Taylor's series of the tail, its coefficients by Miller's backward recurrence; Halley's step for the
// inverse.
#pragma once

namespace levcore {

double normal_cdf(double x) noexcept;
double normal_quantile(double p) noexcept;  // -inf at 0, inf at 1, nan outside of them

}  // namespace levcore
