#include "levcore/orders.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace levcore {
namespace {

// What an order pays along the walk where I is 0.
double base_price(const Asset& asset, const AssetState& a, double order) {
    const double factor = a.log_permanent == 0.0 ? a.fundamental : a.fundamental * exp(a.log_permanent);
    return factor * (1.0 + (order < 0.0 ? -asset.half_spread : asset.half_spread));
}

double ratio_or_nan(double moved, double pushed) {
    const double ratio = moved / pushed;
    return std::isfinite(ratio) ? ratio : std::numeric_limits<double>::quiet_NaN();
}

// log(price/start), exact to the last digit for small moves.
double log_move(double price, double start) { return log1p((price - start) / start); }

}  // namespace

std::optional<double> order_price(const FullClose& policy, const Asset& asset, const AssetState& a, double quantity) {
    const double order = forced_order(policy, quantity);
    const double before = a.volume.value();
    const double walked_to = a.log_fundamental + a.log_permanent + log_impact(asset.impact, before + order);
    if (!(std::fabs(walked_to) < largest_log_price)) return std::nullopt;
    return base_price(asset, a, order) * average_ratio(asset.impact, before, order);
}

std::pair<double, double> price_bounds(const FullClose& policy, const Asset& asset, const AssetState& a,
                                       double quantity) {
    constexpr double width = 1e-9;
    const double order = forced_order(policy, quantity);
    const double before = a.volume.value();
    const double from = base_price(asset, a, order) * exp(log_impact(asset.impact, before));
    const double to = base_price(asset, a, order) * exp(log_impact(asset.impact, before + order));
    return {std::min(from, to) * (1.0 - width), std::max(from, to) * (1.0 + width)};
}

double shock_amplification(const Asset& asset, const AssetState& a) {
    const double moved = asset.mark_follow * log_impact(asset.impact, a.volume.value());
    const double pushed = log_move(a.fundamental, asset.price);
    return ratio_or_nan(pushed + a.log_permanent + moved, pushed);
}

double path_amplification(const Asset& asset, const AssetState& a) {
    const double down = log_move(a.lowest_fundamental, asset.price);
    const double up = log_move(a.highest_fundamental, asset.price);
    return -down >= up ? ratio_or_nan(log_move(a.lowest, asset.price), down)
                       : ratio_or_nan(log_move(a.highest, asset.price), up);
}

}  // namespace levcore
