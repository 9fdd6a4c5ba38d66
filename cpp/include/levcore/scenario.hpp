// What the outside world does: fundamental prices at the ends of a path's steps (model 12).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "levcore/process.hpp"

namespace levcore {

// Simple returns somebody else made: paths x steps x assets.
struct GivenReturns {
    std::span<const double> values;
};

// Fundamental prices somebody else recorded: steps x assets, one path.
struct GivenPrices {
    std::span<const double> values;
};

using Scenario = std::variant<Drawn, GivenReturns, GivenPrices>;

// The prices of one path: steps x assets into `prices`.
void draw(const Scenario& scenario, std::span<const double> start, std::uint64_t path, std::size_t steps,
          std::span<double> prices);

// The logs of the same prices, and those at the end.
void draw_logs(const Scenario& scenario, std::span<const double> start, std::uint64_t path, std::size_t steps,
               std::span<double> logs, std::span<double> last);

// Prices of paths that a process draws, side by side, a block of steps after the other.
class PriceBlocks {
  public:
    static constexpr std::size_t most_paths = 64;

    PriceBlocks(const Drawn& drawn, std::span<const double> start, std::size_t steps);

    // Paths [first, first + paths), at most most_paths, each of the same steps.
    void begin(std::uint64_t first, std::size_t paths);

    // Some more steps of each, into their places of paths x steps x assets; false where none are left.
    bool next(std::span<double> prices);

  private:
    ProcessPaths process_;
    std::size_t assets_;
    std::size_t steps_;
    std::size_t paths_ = 0;
    std::size_t done_ = 0;
    std::vector<double> start_;    // per number of a block
    std::vector<double> no_move_;  // per asset
    std::vector<double> rows_;     // of a block, per number and path
};

}  // namespace levcore
