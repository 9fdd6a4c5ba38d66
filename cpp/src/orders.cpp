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

// The average price of an order's walk; none where it leaves all prices.
std::optional<double> average_price(const Asset& asset, const AssetState& a, double order) {
    const double before = a.volume.value();
    const double walked_to =
        a.log_fundamental + a.log_permanent + log_impact(asset.impact, before + order * a.scarcity);
    if (!(std::fabs(walked_to) < largest_log_price)) return std::nullopt;
    return base_price(asset, a, order) * average_ratio(asset.impact, before, order * a.scarcity);
}

}  // namespace

double linear_size_worth(double depth, double price, double quote, double sign) {
    const double moved = sign * quote / (price * depth);
    return std::isinf(depth) ? quote / price
           : moved > -1.0    ? sign * depth * log1p(moved)
                             : std::numeric_limits<double>::quiet_NaN();
}

// By Newton's steps from the size at the marginal price: for sells from below (what a walk yields is concave), for buys
// from above, so that no step overshoots; where buys at that price would leave all prices, from nearer.
std::optional<double> volume_worth(const Asset& asset, const AssetState& a, double quote, double sign) {
    const double before = a.volume.value();
    const double base = base_price(asset, a, sign);
    const double start = base * exp(log_impact(asset.impact, before));
    double size = quote / start;
    if (const auto* linear = std::get_if<LinearImpact>(&asset.impact)) {
        size = linear_size_worth(linear->depth, start, quote, sign);
        return std::isfinite(size) && average_price(asset, a, sign * size) ? std::optional(sign * size) : std::nullopt;
    }
    double within = 0.0;  // of all prices
    double change = size;
    for (int i = 0; i < 200; ++i) {
        const std::optional<double> price = average_price(asset, a, sign * size);
        if (!price && sign < 0.0) return std::nullopt;
        if (!price) {
            size = 0.5 * (within + size);
            continue;
        }
        within = size;
        const double marginal = base * exp(log_impact(asset.impact, before + sign * size * a.scarcity));
        change = (quote - size * *price) / marginal;
        size += change;
        if (!(std::fabs(change) > 4e-16 * size)) return sign * size;
        if (!(size > 0.0)) return std::nullopt;
    }
    return std::fabs(change) < 1e-9 * size ? std::optional(sign * size) : std::nullopt;
}

std::optional<Order> closing_order(const Perpetual& instrument, const Asset& asset, const AssetState& a, double coin) {
    if (!instrument.is_inverse()) {
        const std::optional<double> price = average_price(asset, a, -coin);
        return price ? std::optional<Order>({-coin, *price}) : std::nullopt;
    }
    const std::optional<double> volume = volume_worth(asset, a, std::fabs(coin), coin < 0.0 ? -1.0 : 1.0);
    return volume ? std::optional<Order>({*volume, std::fabs(*volume / coin)}) : std::nullopt;
}

std::optional<Sale> sale_for(const Asset& asset, const AssetState& a, double money, double most) {
    const std::optional<double> price = average_price(asset, a, -most);
    if (!price) return std::nullopt;
    if (most * *price <= money) return Sale{most, most * *price};
    const std::optional<double> volume = volume_worth(asset, a, money, -1.0);
    return volume ? std::optional<Sale>({std::min(-*volume, most), money}) : std::nullopt;
}

std::pair<double, double> price_bounds(const Asset& asset, const AssetState& a, double order) {
    constexpr double width = 1e-9;
    const double before = a.volume.value();
    const double from = base_price(asset, a, order) * exp(log_impact(asset.impact, before));
    const double to = base_price(asset, a, order) * exp(log_impact(asset.impact, before + order * a.scarcity));
    return {std::min(from, to) * (1.0 - width), std::max(from, to) * (1.0 + width)};
}

void react(const Asset& asset, AssetState& state, double step_days, double days) {
    if (!asset.reaction.is_on()) return;
    if (step_days > 0.0) {
        state.variance =
            next_variance(asset.reaction, state.variance, state.log_mark - state.log_mark_before, step_days);
        state.scarcity = 1.0 / depth_share(asset.reaction, state.variance);
    }
    if (step_days > 0.0 || days == 0.0) state.log_mark_before = state.log_mark;
}

void walk(AssetState& state, Pair volume, double days) {
    state.volume.add(multiply(volume, state.scarcity));
    state.walked_at = days;
}

double refill_days(const Asset& asset, const AssetState& state, double step_days, double days) {
    if (asset.refill_delay == 0.0 || state.walked_at < 0.0) return step_days;
    return std::clamp(days - (state.walked_at + asset.refill_delay), 0.0, step_days);
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
