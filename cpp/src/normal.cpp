#include "levcore/normal.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "levcore/real.hpp"

namespace levcore {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr Pair root_two_pi{0x1.40d931ff62706p+1, -0x1.a6a0d6f814637p-53};
constexpr Pair peak = divide(Pair{1.0, 0.0}, root_two_pi);  // the density at 0

// ---- The scaled tail g(t) = exp(t*t/2)*P(Z > t), t >= 0, by Taylor's series in rows that grow with 1 + t ----
// From g' = t*g - peak follow the coefficients g_n of a row: (n + 1)*g_(n+1) = t*g_n + g_(n-1), g_1 = t*g_0 - peak.
constexpr std::size_t tail_rows = 84;  // sixteen to each doubling of 1 + t, up to 40
constexpr std::size_t terms = 32;
using Series = std::array<Pair, terms>;

constexpr double row_start(std::size_t row) {
    return std::bit_cast<double>((std::uint64_t{0x3ff0} + row) << 48) - 1.0;  // exponent and four bits of 1 + t
}

constexpr double row_centre(std::size_t row) { return 0.5 * (row_start(row) + row_start(row + 1)); }

// Of all that obey the recurrence g falls fastest: the ratios -g_n/g_(n-1) = 1/(t + (n + 1)*ratio_(n+1)) are found from
// far out backwards, the last one being Laplace's continued fraction. Quick for t >= 3.
constexpr Series series_from_far_out(double t) {
    Series ratio{};
    Pair last{};
    for (int n = 40 + static_cast<int>(200.0 / t); n >= 1; --n) {
        last = divide(Pair{1.0, 0.0}, add(multiply(last, n + 1.0), t));
        if (n < static_cast<int>(terms)) ratio[static_cast<std::size_t>(n)] = last;
    }
    Series g{};
    g[0] = divide(peak, add(last, t));
    for (std::size_t n = 1; n < terms; ++n) g[n] = multiply(multiply(g[n - 1], ratio[n]), -1.0);
    return g;
}

// For smaller t the recurrence loses little forwards.
constexpr Series series_from_value(double t, Pair value) {
    Series g{};
    g[0] = value;
    g[1] = add(multiply(value, t), multiply(peak, -1.0));
    for (std::size_t n = 1; n + 1 < terms; ++n)
        g[n + 1] = divide(add(multiply(g[n], t), g[n - 1]), Pair{static_cast<double>(n + 1), 0.0});
    return g;
}

constexpr Pair at_distance(const Series& g, double h) {
    Pair sum{};
    for (std::size_t n = terms; n-- > 0;) sum = add(multiply(sum, h), g[n]);
    return sum;
}

struct TailRow {
    double centre;
    std::array<Pair, 3> first;    // g_0 to g_2
    std::array<double, 10> rest;  // g_3 to g_12
};

// Downwards, so that each value comes from the row above; errors shrink on the way.
constexpr auto tail_table = [] {
    std::array<TailRow, tail_rows> table{};
    Series g{};
    for (std::size_t row = tail_rows; row-- > 0;) {
        const double t = row_centre(row);
        g = t > 3.0 ? series_from_far_out(t) : series_from_value(t, at_distance(g, t - row_centre(row + 1)));
        table[row].centre = t;
        for (std::size_t n = 0; n < 3; ++n) table[row].first[n] = g[n];
        for (std::size_t n = 0; n < 10; ++n) table[row].rest[n] = g[n + 3].high;
    }
    return table;
}();

// What it must be at 0, a half, has come all the way down from 3.
constexpr bool ends_at_a_half() {
    const Pair end =
        at_distance(series_from_value(tail_table[0].centre, tail_table[0].first[0]), -tail_table[0].centre);
    const double gap = (end.high - 0.5) + end.low;
    return gap < 0x1p-86 && gap > -0x1p-86;
}
static_assert(ends_at_a_half());

// Where P(Z > t) is no more than half the smallest double.
constexpr double furthest = 38.5;

// 0 <= t <= 38.9, to about 2^-62 of itself.
Pair scaled_tail(double t) {
    const auto row = static_cast<std::size_t>((std::bit_cast<std::uint64_t>(1.0 + t) >> 48) - 0x3ff0);
    const TailRow& g = tail_table[row];
    const Pair h = two_sum(t, -g.centre);
    double far = 0.0;
    for (std::size_t n = g.rest.size(); n-- > 0;) far = far * h.high + g.rest[n];
    Pair sum = add(g.first[2], far * h.high);
    sum = add(multiply(sum, h.high), g.first[1]);
    sum = add(multiply(sum, h.high), g.first[0]);
    return add(sum, g.first[1].high * h.low);
}

// P(Z > t), t >= 0.
double upper_tail(double t) {
    if (t > furthest) return 0.0;
    const Pair square = two_product(t, t);
    return exp(Pair{-0.5 * square.high, -0.5 * square.low}) * scaled_tail(t).high;
}

// ---- The inverse near p = 1/2: an odd series of v = sqrt(2*pi)*(p - 1/2), from x' = exp(x*x/2) ----
constexpr double central = 0.09375;
constexpr std::size_t central_terms = 14;

constexpr auto central_series = [] {
    std::array<double, central_terms> c{1.0};
    std::array<double, central_terms> a{1.0};  // of v^(2k + 1)
    double power_of_two = 1.0;
    for (std::size_t k = 1; k < central_terms; ++k) {
        for (std::size_t m = 0; m < k; ++m) c[k] += c[m] * c[k - 1 - m] / static_cast<double>((m + 1) * (2 * m + 1));
        power_of_two *= 2.0;
        a[k] = c[k] / (static_cast<double>(2 * k + 1) * power_of_two);
    }
    return a;
}();

double central_quantile(double from_half) {
    const Pair v = multiply(root_two_pi, from_half);
    const double square = v.high * v.high;
    double rest = 0.0;
    for (std::size_t k = central_terms; k-- > 1;) rest = (rest + central_series[k]) * square;
    return v.high + (v.low + v.high * rest);
}

// ---- The inverse in the tail: the t > 0 with P(Z > t) = p, 0 < p < 1/2 - central ----

// Within 6e-8 for 1.32 <= w <= 38.7, where p = exp(-w*w/2): a rational function fitted to w - t in reweighted least
// squares at 600 Chebyshev points of log(w), exact values by Newton's method in 40 digits.
double tail_quantile_guess(double w) {
    const double above = 3.16296628 + w * (8.39300097 + w * (2.43015649 + w * (0.131256958 + w * 0.00100691629)));
    const double below =
        1.0 + w * (5.19375248 + w * (4.18858177 + w * (0.706081058 + w * (0.0258682308 + w * 0.000132302424))));
    return w - above / below;
}

// One step of third order in log P(Z > t) - log p, which is known to about 2^-62; the step is some 1e-7, so that its
// sum with t is rounded once.
double tail_quantile(double p) {
    const Pair log_p = log_pair(p);
    const double t = tail_quantile_guess(std::sqrt(-2.0 * log_p.high));
    const Pair g = scaled_tail(t);
    const Pair log_tail = add(multiply(two_product(t, t), -0.5), log_pair(g));
    const Pair over = add(log_tail, multiply(log_p, -1.0));
    const double tail_over_density = g.high * root_two_pi.high;
    const double step = (over.high + over.low) * tail_over_density;
    return t + (step - 0.5 * step * step * (1.0 / tail_over_density - t));
}

double lower_quantile(double p) { return p > 0.5 - central ? central_quantile(p - 0.5) : -tail_quantile(p); }

}  // namespace

double normal_cdf(double x) noexcept {
    if (!(x > 0.0)) return x <= 0.0 ? upper_tail(-x) : x;  // nan passes
    return 1.0 - upper_tail(x);
}

double normal_quantile(double p) noexcept {
    if (!(p > 0.0 && p < 1.0)) return p == 0.0 ? -infinity : p == 1.0 ? infinity : not_a_number;
    return p <= 0.5 ? lower_quantile(p) : -lower_quantile(1.0 - p);
}

}  // namespace levcore
