#include "levcore/impact.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>

#include "levcore/real.hpp"

namespace levcore {
namespace {

template <class... Fs>
struct Overloaded : Fs... {
    using Fs::operator()...;
};

double sign_of(double x) { return x < 0.0 ? -1.0 : 1.0; }

// (exp(u) - 1)/u
double expm1_ratio(double u) { return u == 0.0 ? 1.0 : expm1(u) / u; }

// ---- an interval of abs(X) on one side of zero: the mean of exp(I) over [from, from + length] ----

// Integral of u*exp(u) over [0, h], by its series where h*exp(h) - expm1(h) would cancel.
double integral_u_exp(double h) {
    if (std::fabs(h) > 1.0) return h * exp(h) - expm1(h);
    double power = h * h;  // h^n/(n-2)!
    double total = 0.0;
    for (int n = 2; n < 24 && std::fabs(power) > 1e-17 * std::fabs(total); ++n) {
        total += power / n;
        power *= h / (n - 1);
    }
    return total;
}

// With t = k*sqrt(y): dy = 2*t dt/k^2, so the mean is an integral of t*exp(sign*t).
double mean_on_side(const SquareRootImpact& shape, double from, double length, double sign) {
    const double k = shape.coefficient;
    const double root_from = std::sqrt(from);
    const double root_to = std::sqrt(from + length);
    const double t = k * root_from;
    const double h = k * length / (root_from + root_to);
    const double whole = h * (t + k * root_to);  // k^2*length
    if (!(whole > 0.0)) return exp(sign * t);
    if (h < 0x1p-6) {  // what is left out is less than 2^-56
        const double u = sign * h;
        const double mean_of_exp =
            1.0 + u * (1.0 / 2 + u * (1.0 / 6 + u * (1.0 / 24 + u * (1.0 / 120 + u * (1.0 / 720 + u * (1.0 / 5040))))));
        const double mean_of_u_exp =
            1.0 / 2 +
            u * (1.0 / 3 + u * (1.0 / 8 + u * (1.0 / 30 + u * (1.0 / 144 + u * (1.0 / 840 + u * (1.0 / 5760))))));
        return exp(sign * t) * (t * mean_of_exp + h * mean_of_u_exp) / (t + 0.5 * h);
    }
    return exp(sign * t) * 2.0 * (t * sign * expm1(sign * h) + integral_u_exp(sign * h)) / whole;
}

// Integral of exp(sign*(y/scale)^p) over [0, y] divided by y; series of positive terms for either sign.
double mean_from_zero(double z, double p, double sign) {
    double term = 1.0;
    double total = 1.0;
    if (sign > 0.0) {  // sum of z^n/(n!*(n*p + 1))
        for (int n = 1; n < 1500 && term > 1e-18 * total; ++n) {
            term *= z / n;
            total += term / (n * p + 1.0);
        }
        return total;
    }
    for (int n = 1; n < 1500 && term > 1e-18 * total; ++n) {  // exp(-z) * sum of (z*p)^n/prod(j*p + 1)
        term *= z * p / (n * p + 1.0);
        total += term;
    }
    return exp(-z) * total;
}

template <std::size_t N>
struct Rule {
    std::array<double, N> node;  // the positive half
    std::array<double, N> weight;
};
// Gauss-Legendre, 4 and 16 points (Abramowitz and Stegun 25.4.30).
constexpr Rule<2> coarse{{0.33998104358485626, 0.8611363115940526}, {0.6521451548625464, 0.34785484513745357}};
constexpr Rule<8> fine{{0.09501250983763744, 0.2816035507792589, 0.45801677765722737, 0.6178762444026438,
                        0.755404408355003, 0.8656312023878318, 0.9445750230732326, 0.9894009349916499},
                       {0.18945061045506864, 0.18260341504492364, 0.16915651939500265, 0.1495959888165767,
                        0.12462897125553407, 0.0951585116824926, 0.062253523938647456, 0.027152459411754176}};

template <std::size_t N, class F>
double gauss(const Rule<N>& rule, double from, double length, F&& f) {
    const double middle = from + 0.5 * length;
    double total = 0.0;
    for (std::size_t i = 0; i < N; ++i) {
        const double step = 0.5 * length * rule.node[i];
        total += rule.weight[i] * (f(middle - step) + f(middle + step));
    }
    return 0.5 * total;
}

// Away from zero exp(I) is smooth: Gauss-Legendre on pieces that at most double y and move I by at most 2; near zero
// the series.
double mean_on_side(const PowerImpact& shape, double from, double length, double sign) {
    const double p = shape.exponent;
    const auto log_ratio = [&](double y) { return pow(y / shape.scale, p); };
    const auto ratio = [&](double y) { return exp(sign * log_ratio(y)); };
    if (!(length > 0.0)) return ratio(from);
    if (length < 0.02 * from && length * p * log_ratio(from) < 0.1 * from) return gauss(coarse, from, length, ratio);
    double total = 0.0;
    double to = from + length;
    while (to > from) {
        const double z = log_ratio(to);
        if (from == 0.0 || (z <= 1.0 && to > 2.0 * from)) {
            total += to * mean_from_zero(z, p, sign);
            if (from > 0.0) total -= from * mean_from_zero(log_ratio(from), p, sign);
            return total / length;
        }
        const double steep = z > 2.0 ? shape.scale * pow(z - 2.0, 1.0 / p) : 0.0;
        const double start = std::fmax(from, std::fmax(0.5 * to, std::fmin(steep, to * (1.0 - 1e-6))));
        total += (to - start) * gauss(fine, start, to - start, ratio);
        to = start;
    }
    return total / length;
}

struct Node {
    double quantity;
    double distance;
};

Node node(const DepthSide& side, std::size_t i) {  // node 0 is the origin
    return i == 0 ? Node{0.0, 0.0} : Node{side.quantity[i - 1], side.distance[i - 1]};
}

// The segment [i, i + 1] that y lies in, or the number of nodes beyond the last.
std::size_t segment_of(const DepthSide& side, double y) {
    return static_cast<std::size_t>(std::upper_bound(side.quantity.begin(), side.quantity.end(), y) -
                                    side.quantity.begin());
}

double distance_at(const DepthSide& side, std::size_t segment, double y) {
    const Node a = node(side, segment);
    const Node b = node(side, segment + 1);
    return a.distance + (b.distance - a.distance) * ((y - a.quantity) / (b.quantity - a.quantity));
}

double side_log_impact(const DepthSide& side, double y) {
    const std::size_t segment = segment_of(side, y);
    if (segment < side.quantity.size()) return log1p(distance_at(side, segment, y));
    return log1p(side.distance.back()) + side.tail_slope * (y - side.quantity.back());
}

// Trapezes in price, then the exponential tail; each piece weighted by its length.
double mean_on_side(const DepthSide& side, double from, double length) {
    const double to = from + length;
    double total = 0.0;
    double covered = 0.0;
    double y = from;
    for (std::size_t segment = segment_of(side, from); segment < side.quantity.size(); ++segment) {
        const double end = std::min(to, side.quantity[segment]);
        const double here = to <= side.quantity[segment] && y == from ? length : end - y;
        const double mean = 1.0 + 0.5 * (distance_at(side, segment, y) + distance_at(side, segment, end));
        if (here == length) return mean;
        total += mean * here;
        covered += here;
        y = end;
        if (to <= side.quantity[segment]) return total / covered;
    }
    const double tail = y == from ? length : to - y;
    const double start = (1.0 + side.distance.back()) * exp(side.tail_slope * (y - side.quantity.back()));
    const double mean = start * expm1_ratio(side.tail_slope * tail);
    if (covered == 0.0) return mean;
    return (total + mean * tail) / (covered + tail);
}

double mean_on_side(const DepthCurve& curve, double from, double length, double sign) {
    return mean_on_side(sign < 0.0 ? curve.bid : curve.ask, from, length);
}

// The mean of exp(I) between X and X + x for a shape known side by side.
template <class Shape>
double mean_between(const Shape& shape, double displacement, double order) {
    const double end = displacement + order;
    const double sign = displacement != 0.0 ? sign_of(displacement) : sign_of(order);
    if (displacement * end >= 0.0) {
        const double from = std::fmin(std::fabs(displacement), std::fabs(end));
        return mean_on_side(shape, from, std::fabs(order), sign);
    }
    const double near = std::fabs(displacement);
    const double far = std::fabs(end);
    return (near * mean_on_side(shape, 0.0, near, sign) + far * mean_on_side(shape, 0.0, far, -sign)) / (near + far);
}

}  // namespace

DepthSide make_depth_side(std::span<const double> distance, std::span<const double> quantity, double sign) {
    DepthSide side;
    side.quantity.assign(quantity.begin(), quantity.end());
    for (const double d : distance) side.distance.push_back(sign * d);
    const std::size_t last = side.quantity.size();
    const Node a = node(side, last - 1);
    const Node b = node(side, last);
    side.tail_slope = (log1p(b.distance) - log1p(a.distance)) / (b.quantity - a.quantity);
    return side;
}

double log_impact(const Impact& impact, double displacement) {
    const double size = std::fabs(displacement);
    const double sign = sign_of(displacement);
    return std::visit(Overloaded{
                          [&](const LinearImpact& s) { return displacement / s.depth; },
                          [&](const SquareRootImpact& s) { return sign * s.coefficient * std::sqrt(size); },
                          [&](const PowerImpact& s) { return sign * pow(size / s.scale, s.exponent); },
                          [&](const DepthCurve& s) { return side_log_impact(sign < 0.0 ? s.bid : s.ask, size); },
                      },
                      impact);
}

double average_ratio(const Impact& impact, double displacement, double order) {
    return std::visit(
        Overloaded{
            [&](const LinearImpact& s) { return exp(displacement / s.depth) * expm1_ratio(order / s.depth); },
            [&](const auto& s) { return mean_between(s, displacement, order); },
        },
        impact);
}

double covered_quantity(const Impact& impact, double displacement) {
    const auto* curve = std::get_if<DepthCurve>(&impact);
    if (curve == nullptr) return std::numeric_limits<double>::quiet_NaN();
    return (displacement < 0.0 ? curve->bid : curve->ask).quantity.back();
}

}  // namespace levcore
