// Laws that go from place to place of a list (model 12): volatility that switches between regimes, Hamilton (1989), and
// the stationary bootstrap of given returns, Politis and Romano (1994). Rates are per step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "levcore/path_block.hpp"

namespace levcore {

// In regime r, log return of asset k = mean[r][k] + deviation[r][k]*e_k. One chain for all assets; it is in the next
// regime whose number is that of the below[now] under the step's number of the stream `regimes`.
struct Switching {
    std::vector<double> mean;       // regimes x assets
    std::vector<double> deviation;  // regimes x assets
    std::vector<double> below;      // (regimes + 1) x (regimes - 1), rows of quantiles; the last row begins
    std::vector<double> loading;
    std::size_t regimes;

    static constexpr std::size_t states = 1;  // the first column: the regime of the step before
    [[nodiscard]] std::size_t assets() const { return mean.size() / regimes; }
    void begin(std::size_t paths, std::span<double> state) const;
    void walk(const PathBlock& block) const;
};

// Rows of log returns that are taken one after the other, and now and then from anywhere: where the step's number of
// the stream `returns`, the first asset's, is below `leaps`. After the last row of a stretch comes its first.
struct Bootstrap {
    std::vector<double> returns;  // rows x assets
    std::vector<std::uint32_t> after;
    double leaps;
    std::size_t count;

    static constexpr std::size_t states = 1;  // the first column: the row of the step before
    [[nodiscard]] std::size_t assets() const { return count; }
    void begin(std::size_t paths, std::span<double> state) const;
    void walk(const PathBlock& block) const;
};

}  // namespace levcore
