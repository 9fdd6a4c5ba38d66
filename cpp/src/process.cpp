#include "levcore/process.hpp"

#include <algorithm>

#include "levcore/kernels.hpp"
#include "levcore/random.hpp"

namespace levcore {
namespace {

// Each asset's normals become base[k] + sum_j loading[k][j]*z_j.
void mix(const PathBlock& block, const double* base, const std::vector<double>& loading) {
    kernels_in_use().mix_rows({block.rows, block.steps, block.paths, block.assets, base, loading.data()});
}

WalkRows rows_of(const PathBlock& block, std::size_t k) {
    const std::size_t at = k * block.paths;
    return {block.rows + at, block.steps,      block.paths,      block.assets * block.paths,
            block.from[k],   block.moved + at, block.least + at, block.most + at};
}

}  // namespace

void Gbm::begin(std::size_t, std::span<double>) const {}

void Gbm::walk(const PathBlock& block) const {
    const Kernels& kernels = kernels_in_use();
    if (assets() == 1) return kernels.walk_gbm(rows_of(block, 0), {mean[0], loading[0]});
    mix(block, mean.data(), loading);
    for (std::size_t k = 0; k < assets(); ++k) kernels.walk_gbm(rows_of(block, k), {0.0, 1.0});
}

void Garch::begin(std::size_t paths, std::span<double> state) const {
    for (std::size_t k = 0; k < assets(); ++k) std::fill_n(state.begin() + k * paths, paths, variance[k]);
}

void Garch::walk(const PathBlock& block) const {
    if (assets() > 1) mix(block, nullptr, loading);
    for (std::size_t k = 0; k < assets(); ++k)
        kernels_in_use().walk_garch(rows_of(block, k),
                                    {mean[k], omega[k], alpha[k], beta[k], block.state + k * block.paths});
}

std::size_t assets_of(const Process& process) {
    return std::visit([](const auto& law) { return law.assets(); }, process);
}

ProcessPaths::ProcessPaths(const Drawn& drawn, std::size_t most_paths)
    : drawn_(drawn), assets_(assets_of(drawn.process)) {
    const std::size_t cells = assets_ * most_paths;
    for (std::vector<double>* column : {&moved_, &least_, &most_}) column->resize(cells);
    state_.resize(cells * std::visit([](const auto& law) { return law.states; }, drawn.process));
}

void ProcessPaths::begin(std::uint64_t first, std::size_t paths) {
    first_ = first;
    paths_ = paths;
    step_ = 0;
    std::fill(moved_.begin(), moved_.end(), 0.0);
    std::visit([&](const auto& law) { law.begin(paths, state_); }, drawn_.process);
}

void ProcessPaths::next(std::size_t steps, std::span<const double> from, std::span<double> rows) {
    const std::size_t numbers = steps * assets_;
    normal_block(drawn_.seed, first_, paths_, Stream::returns, step_ * assets_, numbers, rows.first(numbers * paths_));
    const PathBlock block{drawn_.seed, first_,      paths_,        assets_,       step_,        steps,
                          from.data(), rows.data(), moved_.data(), least_.data(), most_.data(), state_.data()};
    std::visit([&](const auto& law) { law.walk(block); }, drawn_.process);
    step_ += steps;
}

}  // namespace levcore
