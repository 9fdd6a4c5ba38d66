#include "levcore/quote_walk.hpp"

#include <cmath>
#include <limits>
#include <variant>

#include "levcore/orders.hpp"
#include "levcore/real.hpp"

namespace levcore {

double QuoteWalk::size_worth(double volume, double quote) const {
    if (const auto* linear = std::get_if<LinearImpact>(&asset.impact)) {
        const double price = exp(log_price + volume / linear->depth) * spread();
        return linear_size_worth(linear->depth, price, quote, -sign);
    }
    AssetState at;
    at.fundamental = exp(log_price);
    at.log_fundamental = log_price;
    at.volume = Sum(volume);
    return sign * -volume_worth(asset, at, quote, -sign).value_or(std::numeric_limits<double>::quiet_NaN());
}

}  // namespace levcore
