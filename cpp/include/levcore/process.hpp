// Processes: laws that turn the standard normals of a block of steps, many paths side by side, into log prices
// (model 12). Each law is an alternative of `Process` with what a path remembers from step to step (`states`, `begin`)
// and its moves (`walk`); nobody else knows which there are. Rates are per step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "levcore/garch.hpp"
#include "levcore/heston.hpp"
#include "levcore/jumps.hpp"
#include "levcore/path_block.hpp"
#include "levcore/regimes.hpp"

namespace levcore {

// Correlated geometric Brownian motion: log return of asset k = mean[k] + sum_j loading[k][j]*z_j, j <= k.
struct Gbm {
    std::vector<double> mean;     // per asset
    std::vector<double> loading;  // assets x assets, lower triangle, row by row

    static constexpr std::size_t states = 0;
    [[nodiscard]] std::size_t assets() const { return mean.size(); }
    void begin(std::size_t paths, std::span<double> state) const;
    void walk(const PathBlock& block) const;
};

using Process = std::variant<Gbm, Garch, Egarch, JumpDiffusion, Hawkes, Heston, Switching, Bootstrap>;

// A process and the numbers that it takes: those of a path depend on the seed and its index alone.
struct Drawn {
    Process process;
    Numbers numbers;
};

std::size_t assets_of(const Process& process);

// Paths of a process side by side, a block of steps after the other, with the bits of paths drawn alone.
class ProcessPaths {
  public:
    ProcessPaths(const Drawn& drawn, std::size_t most_paths);

    void begin(std::uint64_t first, std::size_t paths);

    // The next steps: log prices, `from` before any move, into rows, per step, asset and path; into `least` and `most`
    // how far those of the block went.
    void next(std::size_t steps, std::span<const double> from, std::span<double> rows);

    // Per asset and path.
    [[nodiscard]] std::span<const double> moved() const { return moved_; }
    [[nodiscard]] std::span<const double> least() const { return least_; }
    [[nodiscard]] std::span<const double> most() const { return most_; }

  private:
    const Drawn& drawn_;
    std::size_t assets_;
    std::uint64_t first_ = 0;
    std::size_t paths_ = 0;
    std::size_t step_ = 0;
    std::vector<double> moved_;
    std::vector<double> least_;
    std::vector<double> most_;
    std::vector<double> state_;
};

}  // namespace levcore
