#include "levcore/regimes.hpp"

#include <algorithm>

namespace levcore {

void Switching::begin(std::size_t paths, std::span<double> state) const {
    std::fill_n(state.begin(), paths, static_cast<double>(regimes));
}

void Switching::walk(const PathBlock& block) const {
    if (assets() > 1) mix(block, block.rows, nullptr, loading);
    const std::vector<double> numbers = normals_beside(block, Stream::regimes);
    std::vector<std::size_t> now(block.paths);
    for (std::size_t p = 0; p < block.paths; ++p) now[p] = static_cast<std::size_t>(block.state[p]);
    for (std::size_t s = 0; s < block.steps; ++s) {
        const double* const number = numbers.data() + s * block.assets * block.paths;  // the first asset's
        for (std::size_t p = 0; p < block.paths; ++p) {
            const double* const row = below.data() + now[p] * (regimes - 1);
            std::size_t next = 0;
            for (std::size_t r = 0; r + 1 < regimes; ++r) next += row[r] < number[p] ? 1 : 0;  // without a branch
            now[p] = next;
        }
        for (std::size_t k = 0; k < block.assets; ++k) {
            double* const z = block.rows + (s * block.assets + k) * block.paths;
            for (std::size_t p = 0; p < block.paths; ++p) {
                const std::size_t at = now[p] * block.assets + k;
                z[p] = mean[at] + deviation[at] * z[p];
            }
        }
    }
    for (std::size_t p = 0; p < block.paths; ++p) block.state[p] = static_cast<double>(now[p]);
    add_up(block);
}

void Bootstrap::begin(std::size_t paths, std::span<double> state) const { std::fill_n(state.begin(), paths, -1.0); }

void Bootstrap::walk(const PathBlock& block) const {
    const auto low = [](std::uint64_t x) { return static_cast<std::uint32_t>(x); };
    const auto stream = static_cast<std::uint32_t>(Stream::regimes);
    for (std::size_t s = 0; s < block.steps; ++s)
        for (std::size_t p = 0; p < block.paths; ++p) {
            double* const number = block.rows + s * block.assets * block.paths + p;
            double& at = block.state[p];
            if (at < 0.0 || *number < leaps) {
                const std::uint64_t path = block.path + p;
                const Words w = philox({low(path), low(path >> 32), low(block.step + s), stream},
                                       {low(block.numbers.seed), low(block.numbers.seed >> 32)});
                at = static_cast<double>((std::uint64_t{w[0]} * after.size()) >> 32);
            } else {
                at = after[static_cast<std::size_t>(at)];
            }
            const double* const row = returns.data() + static_cast<std::size_t>(at) * block.assets;
            for (std::size_t k = 0; k < block.assets; ++k) number[k * block.paths] = row[k];
        }
    add_up(block);
}

}  // namespace levcore
