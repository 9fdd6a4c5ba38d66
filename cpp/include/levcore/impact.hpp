// Impact shapes: how far net forced volume X (base units, sells negative) moves the log price, and the average price
// of a walk (model 5). Each shape is continuous, non-decreasing, zero at zero. Ratios are prices over F*exp(A).
// Source: linear and square-root impact: Almgren et al. 2005, Donier and Bonart 2015; depth curve: an order book's.
#pragma once

#include <cmath>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace levcore {

struct LinearImpact {
    double depth;  // base units that move the log price by 1; infinity: no impact
};

struct SquareRootImpact {
    double coefficient;  // Y * daily volatility / sqrt(daily volume)
};

struct PowerImpact {
    double scale;
    double exponent;
};

// One side of a depth curve: signed relative distance from mid (bids negative) at cumulative quantity, starting at
// (0, 0); beyond the last node the log price goes on with the last segment's slope.
struct DepthSide {
    std::vector<double> quantity;
    std::vector<double> distance;
    double tail_slope;  // of log price per base unit, signed
};

struct DepthCurve {
    DepthSide bid;
    DepthSide ask;
};

using Impact = std::variant<LinearImpact, SquareRootImpact, PowerImpact, DepthCurve>;

// A side from cumulative quantities and relative distances; sign -1 for bids, +1 for asks.
DepthSide make_depth_side(std::span<const double> distance, std::span<const double> quantity, double sign);

// I(X).
double log_impact(const Impact& impact, double displacement);

// What `f` makes of I, with the same bits, for those who ask it very often.
template <class F>
auto with_log_impact(const Impact& impact, F&& f) {
    if (const auto* root = std::get_if<SquareRootImpact>(&impact))
        return f([c = root->coefficient](double x) { return (x < 0.0 ? -c : c) * std::sqrt(std::fabs(x)); });
    return f([&impact](double x) { return log_impact(impact, x); });
}

// (1/x) * integral of exp(I(y)) over y from X to X + x; exp(I(X)) for x = 0. Small orders keep 1e-14.
double average_ratio(const Impact& impact, double displacement, double order);

// The largest volume that the data of a depth curve covers on the side of this displacement; nan for other shapes.
double covered_quantity(const Impact& impact, double displacement);

}  // namespace levcore
