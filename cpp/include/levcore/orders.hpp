// What a forced order pays on its walk (model 5), and what a run's walk has done to prices (model 9, 14).
// Prices in the numeraire per base unit.
#pragma once

#include <optional>
#include <utility>

#include "levcore/state.hpp"

namespace levcore {

// Prices beyond 1e100 or below 1e-100 are no prices: log(1e100).
inline constexpr double largest_log_price = 230.0;

// A forced order: the base units that it walks (sells negative) and the average unit price, half-spread paid.
struct Order {
    double volume;
    double unit_price;
};

// The order that closes a claim's coin: that many base units, or, of an inverse instrument, as many as its quote units
// cost on the walk. None where the walk leaves all prices.
std::optional<Order> closing_order(const Perpetual& instrument, const Asset& asset, const AssetState& state,
                                   double coin);

// The base units, sells negative, whose walk costs (sign 1) or yields (-1) `quote`. None where the walk leaves all
// prices.
std::optional<double> volume_worth(const Asset& asset, const AssetState& state, double quote, double sign);

// The same where impact is linear, unsigned, from the walk's price on; nan where it cannot yield that.
double linear_size_worth(double depth, double price, double quote, double sign);

// A sale of coins that yields some money, or of all of them where they yield less. None where the walk leaves all
// prices.
struct Sale {
    double quantity;
    double proceeds;
};
std::optional<Sale> sale_for(const Asset& asset, const AssetState& state, double money, double most);

// Bounds of every average price on the way of an order, a little wide.
std::pair<double, double> price_bounds(const Asset& asset, const AssetState& state, double order);

// After the mark's move of a step: depth as the volatility lately has left it. I(X), and so the mark, stay.
void react(const Asset& asset, AssetState& state, double step_days, double days);

// An order walks the book.
void walk(AssetState& state, Pair volume, double days);

// How long the book has refilled in a step that ends at `days`.
double refill_days(const Asset& asset, const AssetState& state, double step_days, double days);

// log(P_end/P_start) over log(F_end/F_start); nan where the fundamental price did not move.
double shock_amplification(const Asset& asset, const AssetState& state);

// Over a whole path, by the larger exogenous extreme: of minima or of maxima of P over those of F.
double path_amplification(const Asset& asset, const AssetState& state);

}  // namespace levcore
