// Stochastic variance (model 12): Heston (1993) by the full truncation Euler scheme of Lord, Koekkoek and van Dijk
// (2010), with the jumps of Bates (1996) where there are any. Rates are per step.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "levcore/jumps.hpp"

namespace levcore {

// With v' = max(v, 0): log return = mean - v'/2 + sqrt(v')*z, and the next v is
// v + reversion*(long_run - v') + volatility*sqrt(v')*(skew*z + sqrt(1 - skew^2)*w), z of the stream `returns`,
// correlated across assets, w of the stream `variances`.
struct Heston {
    std::vector<double> mean;      // per asset, what the jumps are expected to bring taken off
    std::vector<double> variance;  // of the first step
    std::vector<double> long_run;
    std::vector<double> reversion;
    std::vector<double> volatility;  // of the variance
    std::vector<double> skew;        // correlation of price and variance
    std::vector<double> loading;
    Jumps jumps;  // none: empty

    static constexpr std::size_t states = 1;  // v
    [[nodiscard]] std::size_t assets() const { return mean.size(); }
    void begin(std::size_t paths, std::span<double> state) const;
    void walk(const PathBlock& block) const;
};

}  // namespace levcore
