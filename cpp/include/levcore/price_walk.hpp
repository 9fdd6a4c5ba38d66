// How an asset's prices go along a path on the ladder, in logs, and what an outcome says of them.
#pragma once

#include "levcore/market.hpp"
#include "levcore/orders.hpp"
#include "levcore/outcome.hpp"
#include "levcore/sum.hpp"

namespace levcore {

// Prices beyond are for the ledger, which says where they leave all prices.
inline constexpr double furthest_log_price = 0.99 * largest_log_price;

struct PriceWalk {
    double log_fundamental = 0.0;
    double log_permanent = 0.0;  // A
    Pair volume;                 // X
    double mark_offset = 0.0;    // log mark less log fundamental
    double lowest = 0.0;         // of the log mark
    double highest = 0.0;
    double lowest_fundamental = 0.0;  // logs
    double highest_fundamental = 0.0;
    double depth_used = 0.0;
};

// At this fundamental price in the end.
AssetOutcome report_prices(const Asset& asset, const PriceWalk& walk, double price, bool whole_path);

}  // namespace levcore
