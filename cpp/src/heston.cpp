#include "levcore/heston.hpp"

#include <algorithm>
#include <cmath>

namespace levcore {

void Heston::begin(std::size_t paths, std::span<double> state) const {
    for (std::size_t k = 0; k < assets(); ++k) std::fill_n(state.begin() + k * paths, paths, variance[k]);
}

void Heston::walk(const PathBlock& block) const {
    if (assets() > 1) mix(block, block.rows, nullptr, loading);
    const std::vector<double> beside = normals_beside(block, Stream::variances);
    for (std::size_t k = 0; k < assets(); ++k) {
        const std::size_t at = k * block.paths;
        kernels_in_use().heston_rows({block.rows + at, beside.data() + at, block.steps, block.paths,
                                      block.assets * block.paths, mean[k], reversion[k], long_run[k],
                                      volatility[k] * skew[k], volatility[k] * std::sqrt(1.0 - skew[k] * skew[k]),
                                      block.state + at});
    }
    if (!jumps.counts.empty()) jumps.add(block);
    add_up(block);
}

}  // namespace levcore
