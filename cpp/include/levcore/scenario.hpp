// What the outside world does: fundamental prices at the ends of a path's steps (model 12). Rates are per step here;
// the numbers of a path depend on the seed and its index alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>
#include <vector>

namespace levcore {

// Correlated geometric Brownian motion: log return of asset k = mean[k] + sum_j loading[k][j]*z_j, j <= k.
struct Gbm {
    std::vector<double> mean;     // per asset and step
    std::vector<double> loading;  // assets x assets, lower triangle, row by row
    std::uint64_t seed = 0;
};

// Simple returns somebody else made: paths x steps x assets.
struct GivenReturns {
    std::span<const double> values;
};

// Fundamental prices somebody else recorded: steps x assets, one path.
struct GivenPrices {
    std::span<const double> values;
};

using Scenario = std::variant<Gbm, GivenReturns, GivenPrices>;

// The prices of one path: steps x assets into `prices`.
void draw(const Scenario& scenario, std::span<const double> start, std::uint64_t path, std::size_t steps,
          std::span<double> prices);

// The logs of the same prices, and those at the end.
void draw_logs(const Scenario& scenario, std::span<const double> start, std::uint64_t path, std::size_t steps,
               std::span<double> logs, std::span<double> last);

}  // namespace levcore
