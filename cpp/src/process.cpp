#include "levcore/process.hpp"

#include <algorithm>

#include "levcore/kernels.hpp"

namespace levcore {
void Gbm::begin(std::size_t, std::span<double>) const {}

void Gbm::walk(const PathBlock& block) const {
    if (assets() == 1) return kernels_in_use().walk_gbm(rows_of(block, 0), {mean[0], loading[0]});
    mix(block, block.rows, mean.data(), loading);
    add_up(block);
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
    const PathBlock block{drawn_.numbers, first_,      paths_,        assets_,       step_,        steps,
                          from.data(),    rows.data(), moved_.data(), least_.data(), most_.data(), state_.data()};
    draw_normals(block, Stream::returns, rows.first(steps * assets_ * paths_));
    std::visit([&](const auto& law) { law.walk(block); }, drawn_.process);
    step_ += steps;
}

}  // namespace levcore
