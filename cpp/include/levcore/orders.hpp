// What a forced order pays on its walk (model 5), and what a run's walk has done to prices (model 9, 14).
// Prices in the numeraire per base unit.
#pragma once

#include <optional>
#include <utility>

#include "levcore/liquidation.hpp"
#include "levcore/state.hpp"

namespace levcore {

// Prices beyond 1e100 or below 1e-100 are no prices: log(1e100).
inline constexpr double largest_log_price = 230.0;

// The average price of a closing order's walk, half-spread paid; none where the walk leaves all prices.
std::optional<double> order_price(const FullClose& policy, const Asset& asset, const AssetState& state,
                                  double quantity);

// Bounds of every average price on the way of a closing order, a little wide.
std::pair<double, double> price_bounds(const FullClose& policy, const Asset& asset, const AssetState& state,
                                       double quantity);

// log(P_end/P_start) over log(F_end/F_start); nan where the fundamental price did not move.
double shock_amplification(const Asset& asset, const AssetState& state);

// Over a whole path, by the larger exogenous extreme: of minima or of maxima of P over those of F.
double path_amplification(const Asset& asset, const AssetState& state);

}  // namespace levcore
