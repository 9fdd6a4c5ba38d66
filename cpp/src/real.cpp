#include "levcore/real.hpp"

#include <array>
#include <bit>
#include <cstdint>
#include <limits>

#include "levcore/kernels.hpp"

namespace levcore {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

// 2*atanh(s) for small s, to about 2^-104.
constexpr Pair twice_atanh(Pair s) {
    const Pair s2 = multiply(s, s);
    Pair power = s;
    Pair total = s;
    for (int n = 3; n < 91; n += 2) {
        power = multiply(power, s2);
        total = add(total, divide(power, Pair{static_cast<double>(n), 0.0}));
    }
    return multiply(total, 2.0);
}

constexpr Pair exp_series(Pair x) {
    Pair term{1.0, 0.0};
    Pair total{1.0, 0.0};
    for (int n = 1; n < 36; ++n) {
        term = divide(multiply(term, x), Pair{static_cast<double>(n), 0.0});
        total = add(total, term);
    }
    return total;
}

constexpr double keep_bits(double x, int dropped) {
    return std::bit_cast<double>(std::bit_cast<std::uint64_t>(x) & (~std::uint64_t{0} << dropped));
}

constexpr Pair ln2 = twice_atanh(divide(Pair{1.0, 0.0}, Pair{3.0, 0.0}));

// ---- exp: x = k*ln2/32 + r, abs(r) <= ln2/64 ----
constexpr int exp_steps = 32;
constexpr double step_high = keep_bits(ln2.high / exp_steps, 20);  // k*step_high is exact for abs(k) < 2^19
constexpr double step_low = (ln2.high / exp_steps - step_high) + ln2.low / exp_steps;
constexpr double steps_per_unit = exp_steps / ln2.high;

constexpr auto exp_table = [] {
    std::array<Pair, exp_steps> table{};
    for (int j = 0; j < exp_steps; ++j) table[static_cast<std::size_t>(j)] = exp_series(multiply(ln2, j / 32.0));
    return table;
}();

// The same for the kernels, the high part of each before its low part.
constexpr auto exp_numbers = [] {
    std::array<double, 2 * exp_steps> numbers{};
    for (std::size_t j = 0; j < exp_steps; ++j) {
        numbers[2 * j] = exp_table[j].high;
        numbers[2 * j + 1] = exp_table[j].low;
    }
    return numbers;
}();

struct Reduced {
    int exponent;  // of two
    Pair base;     // 2^(j/32)
    Pair rest;     // r
    double tail;   // exp(r) - 1 - r
};

double power_of_two(int n) { return std::bit_cast<double>(static_cast<std::uint64_t>(n + 1023) << 52); }

// abs(x) < 800
Reduced reduce(double x, double x_low) {
    constexpr double to_integer = 6755399441055744.0;  // 1.5 * 2^52
    const double k = (x * steps_per_unit + to_integer) - to_integer;
    const int n = static_cast<int>(k);
    const int j = n & (exp_steps - 1);
    Pair r = two_sum(x - k * step_high, -k * step_low);
    r = fast_two_sum(r.high, r.low + x_low);
    const double h = r.high;
    const double tail =
        h * h * (0.5 + h * (1.0 / 6 + h * (1.0 / 24 + h * (1.0 / 120 + h * (1.0 / 720 + h * (1.0 / 5040))))));
    return {(n - j) / exp_steps, exp_table[static_cast<std::size_t>(j)], r, tail};
}

double exp_pair(double x, double x_low) {
    if (!(x <= 709.8)) return x > 0.0 ? infinity : x;  // nan passes
    if (x < -745.2) return 0.0;
    const Reduced s = reduce(x, x_low);
    const double m = s.base.high + (s.base.low + s.base.high * (s.rest.high + (s.rest.low + s.tail)));
    if (s.exponent < -1021) return m * power_of_two(s.exponent + 1000) * power_of_two(-1000);
    return s.exponent > 1000 ? m * power_of_two(s.exponent - 1000) * power_of_two(1000) : m * power_of_two(s.exponent);
}

// ---- log: x = 2^k * m, m*c = 1 + r, abs(r) < 2^-6.9 ----
constexpr int log_steps = 128;
constexpr std::uint64_t mantissa_bits = 52;
constexpr std::uint64_t lowest_mantissa = 0x3fe6000000000000;  // 0.6875: m lies in [0.6875, 1.375)
constexpr double ln2_high = keep_bits(ln2.high, 12);
constexpr double ln2_low = (ln2.high - ln2_high) + ln2.low;

struct LogEntry {
    double inverse;    // c, ten bits
    Pair log_inverse;  // -log(c)
};

constexpr auto log_entries = [] {
    std::array<LogEntry, log_steps> table{};
    for (std::uint64_t j = 0; j < log_steps; ++j) {
        // Intervals start at lowest_mantissa + j*2^45; the exponent bit of 1.0 sits inside the range.
        const double from = std::bit_cast<double>(lowest_mantissa + (j << 45));
        const double to = std::bit_cast<double>(lowest_mantissa + ((j + 1) << 45));
        const double exact = 2.0 / (from + to);
        const double c =
            from <= 1.0 && to >= 1.0 ? 1.0 : static_cast<double>(static_cast<int>(exact * 512 + 0.5)) / 512;
        const Pair s = divide(Pair{1.0 - c, 0.0}, Pair{1.0 + c, 0.0});
        table[j] = {c, c == 1.0 ? Pair{} : twice_atanh(s)};
    }
    return table;
}();

constexpr auto log_numbers = [] {
    std::array<double, 3 * log_steps> numbers{};
    for (std::size_t j = 0; j < log_steps; ++j) {
        numbers[3 * j] = log_entries[j].inverse;
        numbers[3 * j + 1] = log_entries[j].log_inverse.high;
        numbers[3 * j + 2] = log_entries[j].log_inverse.low;
    }
    return numbers;
}();

// log(x + x_low) for normal x > 0 and abs(x_low) <= ulp(x)/2; about 2^-70 absolute beside the rounding of low.
Pair log_of_pair(double x, double x_low) {
    int shift = 0;
    if (x < 2.2250738585072014e-308) {
        x *= 18014398509481984.0;  // 2^54
        shift = 54;
    }
    const std::uint64_t bits = std::bit_cast<std::uint64_t>(x);
    const std::uint64_t offset = bits - lowest_mantissa;
    const int k = static_cast<int>(static_cast<std::int64_t>(offset) >> mantissa_bits);
    const auto& entry = log_entries[(offset >> 45) & (log_steps - 1)];
    const double m =
        std::bit_cast<double>(bits - (static_cast<std::uint64_t>(static_cast<std::int64_t>(k)) << mantissa_bits));
    const double m_high = keep_bits(m, 27);
    Pair r = two_sum(m_high * entry.inverse - 1.0, (m - m_high) * entry.inverse);
    if (x_low != 0.0) {
        const double scaled = k > -1000 && k < 1000 ? x_low * power_of_two(-k) : 0.0;
        r = add(r, scaled * entry.inverse);
    }
    const double h = r.high;
    const Pair square = two_product(h, h);
    const double cubic =
        h * square.high *
        (1.0 / 3 + h * (-1.0 / 4 + h * (1.0 / 5 + h * (-1.0 / 6 + h * (1.0 / 7 + h * (-1.0 / 8 + h * (1.0 / 9)))))));
    const double exponent = static_cast<double>(k - shift);
    Pair sum = two_sum(exponent * ln2_high, entry.log_inverse.high);
    sum = add(sum, h);
    sum = add(sum, -0.5 * square.high);
    const double low = exponent * ln2_low + entry.log_inverse.low + r.low * (1.0 - h) + cubic - 0.5 * square.low;
    return add(sum, low);
}

// Taylor's series to t^17 and t^18, abs(t) <= pi/4 and a little.
SinCos sin_cos_of(Pair t) {
    const double x = t.high * t.high;
    double odd = 0.0;  // (sin t - t)/t
    for (int n = 17; n >= 3; n -= 2) odd = (odd + 1.0) * (-x / (n * (n - 1)));
    const double sine = t.high + (t.low + t.high * odd);
    double even = 0.0;  // cos t - 1 + x/2
    for (int n = 18; n >= 4; n -= 2) even = (even + 1.0) * (-x / (n * (n - 1)));
    const double half = 0.5 * x;
    const double one_less = 1.0 - half;
    const double square_low = two_product(t.high, t.high).low;
    const double cosine = one_less + (((1.0 - one_less) - half) - 0.5 * square_low - t.high * t.low - half * even);
    return {sine, cosine};
}

SinCos turned_by_quarters(int quarters, SinCos at) {
    switch (quarters & 3) {
        case 0:
            return at;
        case 1:
            return {at.cosine, -at.sine};
        case 2:
            return {-at.sine, -at.cosine};
        default:
            return {-at.cosine, at.sine};
    }
}

// Less the nearest multiple k*pi/2, of which the first three parts are exact for abs(k) < 2^20: no double of that size
// comes nearer to a multiple than 2^-60, and 2^-139 is left out.
SinCos sin_cos(double x) {
    constexpr double part[] = {0x1.921fb544p+0, 0x1.0b4611a6p-34, 0x1.3198a2ep-69, 0x1.b839a252049c1p-104};
    constexpr double quarters_per_unit = 0x1.45f306dc9c883p-1;
    constexpr double to_integer = 6755399441055744.0;  // 1.5 * 2^52
    if (!(x >= -1e6 && x <= 1e6)) return {not_a_number, not_a_number};
    if (x > -0x1p-27 && x < 0x1p-27) return {x, 1.0};
    const double k = (x * quarters_per_unit + to_integer) - to_integer;
    const Pair rest = add(add(two_sum(x - k * part[0], -k * part[1]), -k * part[2]), -k * part[3]);
    return turned_by_quarters(static_cast<int>(k), sin_cos_of(rest));
}

}  // namespace

double exp(double x) noexcept { return exp_pair(x, 0.0); }

double exp(Pair x) noexcept { return exp_pair(x.high, x.low); }

ExpTable exp_parts() noexcept { return {exp_numbers.data(), step_high, step_low, steps_per_unit}; }

double expm1(double x) noexcept {
    if (!(x < 40.0)) return exp_pair(x, 0.0) - 1.0;
    if (x < -40.0) return -1.0;
    if (x > -1e-17 && x < 1e-17) return x;
    const Reduced s = reduce(x, 0.0);
    const double scale = power_of_two(s.exponent);
    const double base = scale * s.base.high;
    Pair sum = add(two_sum(base, -1.0), two_product(base, s.rest.high));
    sum = add(sum, scale * s.base.low * (1.0 + s.rest.high) + base * (s.tail + s.rest.low));
    return sum.high + sum.low;
}

Pair log_pair(double x) noexcept {
    if (!(x > 0.0)) return {x == 0.0 ? -infinity : not_a_number, 0.0};
    if (x == infinity) return {infinity, 0.0};
    return log_of_pair(x, 0.0);
}

Pair log_pair(Pair x) noexcept { return log_of_pair(x.high, x.low); }

double log(double x) noexcept {
    const Pair y = log_pair(x);
    return y.high;
}

LogTable log_table() noexcept { return {log_numbers.data(), ln2_high, ln2_low}; }

double log1p(double x) noexcept {
    if (!(x > -1.0)) return x == -1.0 ? -infinity : not_a_number;
    if (x == infinity) return infinity;
    if (x > -1e-17 && x < 1e-17) return x;
    const Pair s = two_sum(1.0, x);
    return log_of_pair(s.high, s.low).high;
}

double pow(double x, double y) noexcept {
    if (y == 0.0 || x == 1.0) return 1.0;
    if (!(x >= 0.0)) return not_a_number;
    if (x == 0.0 || x == infinity) return (x == 0.0) == (y > 0.0) ? 0.0 : infinity;
    const Pair l = log_pair(x);
    const double rough = l.high * y;
    if (!(rough < 710.0)) return rough > 0.0 ? infinity : rough;
    if (rough < -746.0) return 0.0;
    const Pair z = multiply(l, y);
    return exp_pair(z.high, z.low);
}

double sin(double x) noexcept { return sin_cos(x).sine; }

double cos(double x) noexcept { return sin_cos(x).cosine; }

// Reduced to abs(t) <= pi/4 by quarter turns, which is exact.
SinCos sin_cos_turns(double turns) noexcept {
    constexpr Pair two_pi{0x1.921fb54442d18p+2, 0x1.1a62633145c07p-52};
    const int quarter = static_cast<int>(turns * 4.0 + 0.5);
    const double rest = turns - 0.25 * quarter;
    return turned_by_quarters(quarter, sin_cos_of(multiply(two_pi, rest)));
}

}  // namespace levcore
