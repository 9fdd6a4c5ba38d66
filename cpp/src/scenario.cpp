#include "levcore/scenario.hpp"

#include <algorithm>

#include "levcore/real.hpp"

namespace levcore {
namespace {

constexpr std::size_t block_numbers = 4'096;  // of all paths of a block: they stay in the first cache

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
    exp_each(std::span(rows_).first(steps * assets_ * paths_));
    put(steps, prices);
    done_ += steps;
    return true;
}

// Turned, in pieces of a line of the cache.
void PriceBlocks::put(std::size_t steps, std::span<double> prices) const {
    constexpr std::size_t line = 8;
    const std::size_t numbers = steps * assets_;
    for (std::size_t from = 0; from < numbers; from += line)
        for (std::size_t i = 0; i < paths_; ++i) {
            const double* const row = rows_.data() + from * paths_ + i;
            double* const to = prices.data() + (i * steps_ + done_) * assets_ + from;
            const std::size_t some = std::min(line, numbers - from);
            for (std::size_t n = 0; n < some; ++n) to[n] = start_[from + n] * row[n * paths_];
        }
}

}  // namespace levcore
