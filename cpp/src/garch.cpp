#include "levcore/garch.hpp"

#include <algorithm>
#include <cmath>

#include "levcore/real.hpp"

namespace levcore {
namespace {

void fill(const std::vector<double>& first, std::size_t paths, std::span<double> state) {
    for (std::size_t k = 0; k < first.size(); ++k) std::fill_n(state.begin() + k * paths, paths, first[k]);
}

}  // namespace

void Innovations::draw(const PathBlock& block) const {
    if (block.assets > 1) mix(block, block.rows, nullptr, loading);
    if (degrees.empty()) return;
    std::vector<double> beside = normals_beside(block, Stream::tails);
    if (block.assets > 1) mix(block, beside.data(), nullptr, loading);
    const ExpTable table = exp_parts();
    for (std::size_t k = 0; k < block.assets; ++k) {
        const std::size_t at = k * block.paths;
        kernels_in_use().student_rows({block.rows + at, beside.data() + at, block.steps, block.paths,
                                       block.assets * block.paths, 1.0 / degrees[k],
                                       std::sqrt((degrees[k] - 2.0) / degrees[k]), table});
    }
}

void Garch::begin(std::size_t paths, std::span<double> state) const { fill(variance, paths, state); }

void Garch::walk(const PathBlock& block) const {
    innovations.draw(block);
    for (std::size_t k = 0; k < assets(); ++k)
        kernels_in_use().walk_garch(rows_of(block, k), {mean[k], omega[k], alpha[k], alpha[k] + gamma[k], beta[k],
                                                        block.state + k * block.paths});
}

void Egarch::begin(std::size_t paths, std::span<double> state) const { fill(log_variance, paths, state); }

void Egarch::walk(const PathBlock& block) const {
    innovations.draw(block);
    for (std::size_t k = 0; k < assets(); ++k)
        kernels_in_use().walk_egarch(rows_of(block, k), {mean[k], omega[k], alpha[k], gamma[k], beta[k],
                                                         block.state + k * block.paths, exp_parts()});
}

}  // namespace levcore
