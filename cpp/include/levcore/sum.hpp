// Double-double arithmetic: sums of money and of signed volume that do not show the order of their terms.
// A Sum carries about 106 bits and is rounded once, when it is read. Dekker (1971), Knuth (TAOCP 2, 4.2.2).
#pragma once

#include <cmath>

namespace levcore {

// An unevaluated sum high + low with abs(low) <= half an ulp of high.
struct Pair {
    double high = 0.0;
    double low = 0.0;
};

// a + b exactly.
constexpr Pair two_sum(double a, double b) noexcept {
    const double s = a + b;
    const double t = s - a;
    return {s, (a - (s - t)) + (b - t)};
}

// a + b exactly, where abs(a) >= abs(b).
constexpr Pair fast_two_sum(double a, double b) noexcept {
    const double s = a + b;
    return {s, b - (s - a)};
}

// a * b exactly (barring overflow). Split by 2^27 + 1: no fused multiply-add is needed, so that every CPU agrees.
constexpr Pair two_product(double a, double b) noexcept {
    constexpr double splitter = 134217729.0;
    const double p = a * b;
    const double ta = splitter * a;
    const double tb = splitter * b;
    const double ah = ta - (ta - a);
    const double bh = tb - (tb - b);
    const double al = a - ah;
    const double bl = b - bh;
    return {p, ((ah * bh - p) + ah * bl + al * bh) + al * bl};
}

constexpr Pair add(Pair a, double b) noexcept {
    const Pair s = two_sum(a.high, b);
    return fast_two_sum(s.high, s.low + a.low);
}

// The same, sooner where abs(b) is the smaller one, as it mostly is of a long sum's terms.
inline Pair add_minor(Pair a, double b) noexcept {
    if (!(std::fabs(a.high) >= std::fabs(b))) return add(a, b);
    const Pair s = fast_two_sum(a.high, b);
    return fast_two_sum(s.high, s.low + a.low);
}

constexpr Pair add(Pair a, Pair b) noexcept {
    const Pair s = two_sum(a.high, b.high);
    const Pair t = two_sum(a.low, b.low);
    const Pair u = fast_two_sum(s.high, s.low + t.high);
    return fast_two_sum(u.high, u.low + t.low);
}

constexpr Pair multiply(Pair a, double b) noexcept {
    const Pair p = two_product(a.high, b);
    return fast_two_sum(p.high, p.low + a.low * b);
}

constexpr Pair multiply(Pair a, Pair b) noexcept {
    const Pair p = two_product(a.high, b.high);
    return fast_two_sum(p.high, p.low + (a.high * b.low + a.low * b.high));
}

constexpr Pair divide(Pair a, Pair b) noexcept {
    const double q = a.high / b.high;
    const Pair r = add(a, multiply(b, -q));
    const double q2 = r.high / b.high;
    const Pair r2 = add(r, multiply(b, -q2));
    return add(fast_two_sum(q, q2), r2.high / b.high);
}

// A running sum.
class Sum {
  public:
    constexpr Sum() noexcept = default;
    constexpr explicit Sum(double start) noexcept : total_{start, 0.0} {}
    constexpr explicit Sum(Pair start) noexcept : total_(start) {}

    constexpr void add(double term) noexcept { total_ = levcore::add(total_, term); }
    void add_minor(double term) noexcept { total_ = levcore::add_minor(total_, term); }
    constexpr void add(Pair term) noexcept { total_ = levcore::add(total_, term); }
    // Adds a*b without rounding the product.
    constexpr void add_product(double a, double b) noexcept { total_ = levcore::add(total_, two_product(a, b)); }

    [[nodiscard]] constexpr double value() const noexcept { return total_.high + total_.low; }
    [[nodiscard]] constexpr Pair pair() const noexcept { return total_; }

  private:
    Pair total_;
};

}  // namespace levcore
