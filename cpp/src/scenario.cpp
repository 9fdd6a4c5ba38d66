#include "levcore/scenario.hpp"

#include <algorithm>

#include "levcore/kernels.hpp"
#include "levcore/real.hpp"

namespace levcore {
namespace {

constexpr std::size_t block_numbers = 4'096;  // of all paths of a block: they stay in the first cache

bool within_reach(std::span<const double> values) {
    return std::all_of(values.begin(), values.end(), [](double x) { return -690.0 <= x && x <= 690.0; });
}

void draw_one(const Drawn& drawn, std::span<const double> start, std::uint64_t path, std::size_t steps,
              std::span<double> prices) {
    PriceBlocks blocks(drawn, start, steps);
    blocks.begin(path, 1);
    while (blocks.next(prices)) continue;
}

void draw_one(const GivenReturns& given, std::span<const double> start, std::uint64_t path, std::size_t steps,
              std::span<double> prices) {
    const std::size_t assets = start.size();
    std::vector<double> price(start.begin(), start.end());
    const auto returns = given.values.subspan(static_cast<std::size_t>(path) * steps * assets, steps * assets);
    for (std::size_t i = 0; i < returns.size(); ++i) {
        double& p = price[i % assets];
        p *= 1.0 + returns[i];
        prices[i] = p;
    }
}

void draw_one(const GivenPrices& given, std::span<const double>, std::uint64_t, std::size_t, std::span<double> prices) {
    std::copy(given.values.begin(), given.values.end(), prices.begin());
}

}  // namespace

void draw(const Scenario& scenario, std::span<const double> start, std::uint64_t path, std::size_t steps,
          std::span<double> prices) {
    std::visit([&](const auto& kind) { draw_one(kind, start, path, steps, prices); }, scenario);
}

void draw_logs(const Scenario& scenario, std::span<const double> start, std::uint64_t path, std::size_t steps,
               std::span<double> logs, std::span<double> last) {
    const std::size_t assets = start.size();
    if (const auto* drawn = std::get_if<Drawn>(&scenario)) {
        std::vector<double> from;
        for (const double price : start) from.push_back(log(price));
        ProcessPaths process(*drawn, 1);
        process.begin(path, 1);
        process.next(steps, from, logs);
        for (std::size_t k = 0; k < assets; ++k) last[k] = start[k] * exp(process.moved()[k]);
        return;
    }
    draw(scenario, start, path, steps, logs);
    std::copy_n(logs.end() - static_cast<std::ptrdiff_t>(assets), assets, last.begin());
    for (double& price : logs) price = log(price);
}

PriceBlocks::PriceBlocks(const Drawn& drawn, std::span<const double> start, std::size_t steps)
    : process_(drawn, most_paths), assets_(start.size()), steps_(steps), no_move_(assets_, 0.0) {
    const std::size_t numbers = std::max(block_numbers, 2 * assets_);
    for (std::size_t i = 0; i < numbers; ++i) start_.push_back(start[i % assets_]);
    rows_.resize(std::max(block_numbers, 2 * assets_ * most_paths));
}

void PriceBlocks::begin(std::uint64_t first, std::size_t paths) {
    process_.begin(first, paths);
    paths_ = paths;
    done_ = 0;
}

bool PriceBlocks::next(std::span<double> prices) {
    if (done_ == steps_) return false;
    // An even number of steps: no pair of normals is divided between two blocks.
    const std::size_t fits = std::max<std::size_t>(2, block_numbers / (paths_ * assets_) / 2 * 2);
    const std::size_t steps = std::min(fits, steps_ - done_);
    process_.next(steps, no_move_, rows_);
    const std::span<double> values = std::span(rows_).first(steps * assets_ * paths_);
    const ExpTable table = exp_parts();
    const bool by_lanes = within_reach(process_.least()) && within_reach(process_.most());
    constexpr std::size_t most_lanes = 8;
    const bool while_turned = by_lanes && paths_ % most_lanes == 0;  // paths that fill no lanes would go one by one
    if (!by_lanes)
        for (double& x : values) x = exp(x);
    else if (!while_turned)
        kernels_in_use().exp_values(table, values.data(), values.size());
    kernels_in_use().turn_rows({while_turned ? &table : nullptr, rows_.data(), steps * assets_, paths_, start_.data(),
                                prices.data() + done_ * assets_, steps_ * assets_});
    done_ += steps;
    return true;
}

}  // namespace levcore
