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
    for (std::size_t row = 0; row < block.steps * block.assets; ++row) {
        const std::size_t k = row % block.assets;
        double* const z = block.rows + row * block.paths;
        const double* const w = beside.data() + row * block.paths;
        double* const v = block.state + k * block.paths;
        const double drawn_with = volatility[k] * skew[k];
        const double drawn_apart = volatility[k] * std::sqrt(1.0 - skew[k] * skew[k]);
        for (std::size_t p = 0; p < block.paths; ++p) {
            const double above = std::max(v[p], 0.0);
            const double root = std::sqrt(above);
            v[p] += reversion[k] * (long_run[k] - above) + root * (drawn_with * z[p] + drawn_apart * w[p]);
            z[p] = root * z[p] - (above * 0.5 - mean[k]);
        }
    }
    if (!jumps.counts.empty()) jumps.add(block);
    add_up(block);
}

}  // namespace levcore
