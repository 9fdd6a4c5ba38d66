// The walk of orders that owe quote units and trade as many base units as these cost or yield (model 16): what closes
// inverse positions. With linear impact the walk's price moves by quote/(depth*spread), whatever it is.
#pragma once

#include "levcore/market.hpp"

namespace levcore {

struct QuoteWalk {
    const Asset& asset;
    double log_price;  // of the fundamental price, and permanent impact
    double sign;       // 1: longs are closed, by sales; -1: shorts, by purchases

    // A long sells for a little less than the walk's price, a short buys for a little more.
    [[nodiscard]] double spread() const noexcept { return 1.0 - sign * asset.half_spread; }

    // The base units, positive, whose walk from this volume on is worth `quote`; nan where it leaves all prices.
    [[nodiscard]] double size_worth(double volume, double quote) const;

    // X after such an order.
    [[nodiscard]] double volume_after(double volume, double quote) const {
        return volume - sign * size_worth(volume, quote);
    }
};

}  // namespace levcore
