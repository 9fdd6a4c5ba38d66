#include "levcore/scenario.hpp"

#include <algorithm>

#include "levcore/random.hpp"
#include "levcore/real.hpp"

namespace levcore {
namespace {

// How far the log prices have moved since the start.
void draw_moves(const Gbm& model, std::size_t assets, std::uint64_t path, std::size_t steps, std::span<double> moves) {
    normals(model.seed, path, Stream::returns, 0, moves);
    std::vector<double> log_move(assets, 0.0);
    std::vector<double> z(assets);
    for (std::size_t t = 0; t < steps; ++t) {
        const std::span<double> row = moves.subspan(t * assets, assets);
        std::copy(row.begin(), row.end(), z.begin());
        for (std::size_t k = 0; k < assets; ++k) {
            double move = model.mean[k];
            for (std::size_t j = 0; j <= k; ++j) move += model.loading[k * assets + j] * z[j];
            row[k] = log_move[k] += move;
        }
    }
}

void draw_one(const Gbm& model, std::span<const double> start, std::uint64_t path, std::size_t steps,
              std::span<double> prices) {
    draw_moves(model, start.size(), path, steps, prices);
    for (std::size_t i = 0; i < prices.size(); ++i) prices[i] = start[i % start.size()] * exp(prices[i]);
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
    const std::size_t at_end = (steps - 1) * assets;
    if (const auto* model = std::get_if<Gbm>(&scenario)) {
        draw_moves(*model, assets, path, steps, logs);
        for (std::size_t k = 0; k < assets; ++k) {
            last[k] = start[k] * exp(logs[at_end + k]);
            const double from = log(start[k]);
            for (std::size_t i = k; i < logs.size(); i += assets) logs[i] += from;
        }
        return;
    }
    draw(scenario, start, path, steps, logs);
    std::copy_n(logs.begin() + static_cast<std::ptrdiff_t>(at_end), assets, last.begin());
    for (double& price : logs) price = log(price);
}

}  // namespace levcore
