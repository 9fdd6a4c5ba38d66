// Where forced orders go: per asset a price, an impact shape, and how the order book refills (model 5).
// Price in the numeraire per base unit; resilience is a rate per day; the constant part of a run.
#pragma once

#include <algorithm>
#include <vector>

#include "levcore/depth_reaction.hpp"
#include "levcore/impact.hpp"
#include "levcore/real.hpp"

namespace levcore {

struct Asset {
    double price = 1.0;
    Impact impact;
    double permanent = 1.0;
    double resilience = 0.0;
    double half_spread = 0.0;
    double mark_follow = 1.0;
    double refill_delay = 0.0;  // days from a forced order to when the book begins to refill
    DepthReaction reaction = {};

    // Whether its order book changes in ways that only the general engine knows.
    [[nodiscard]] bool reacts() const noexcept { return refill_delay > 0.0 || reaction.is_on(); }
};

struct Market {
    std::vector<Asset> assets;

    [[nodiscard]] bool reacts() const noexcept {
        return std::any_of(assets.begin(), assets.end(), [](const Asset& asset) { return asset.reacts(); });
    }
};

// Where an order book stands: what has been sold or bought and not come back, and what the price has kept of it.
struct Displacement {
    double volume = 0.0;         // X, base units of the stated depth
    double log_permanent = 0.0;  // A
};

// Between steps the book refills; the price keeps the permanent share of the impact that goes.
inline Displacement refill(const Asset& asset, Displacement from, double days) {
    const double volume = from.volume * exp(-asset.resilience * days);
    const double given_back = log_impact(asset.impact, from.volume) - log_impact(asset.impact, volume);
    return {volume, from.log_permanent + asset.permanent * given_back};
}

}  // namespace levcore
