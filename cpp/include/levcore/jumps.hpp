// Laws with jumps (model 12): a diffusion with compound Poisson jumps, Merton (1976) with normal sizes and Kou (2002)
// with double-exponential ones, and jumps that call jumps, Hawkes (1971). The diffusion's normals are those of Gbm; how
// many jumps and how large is drawn from streams of their own. Rates are per step.
#pragma once

#include <cstddef>
#include <span>
#include <variant>
#include <vector>

#include "levcore/path_block.hpp"

namespace levcore {

// Of a jump of the log price.
struct NormalSizes {
    double mean;
    double deviation;
};
struct DoubleExponentialSizes {
    double up_share;
    double up_mean;
    double down_mean;
};
using JumpSizes = std::variant<NormalSizes, DoubleExponentialSizes>;

inline constexpr double most_jumps = 100.0;  // a step, on average

// A step has more than n jumps where its number of the stream `jumps` is above more_than[n].
struct JumpCount {
    explicit JumpCount(double rate);  // 0 <= rate <= most_jumps
    std::vector<double> more_than;
};

// Jumps of each asset, apart from those of the others; shared, they come to all at once, each of a size of its own.
struct Jumps {
    std::vector<JumpCount> counts;
    std::vector<JumpSizes> sizes;
    bool is_shared = false;

    void add(const PathBlock& block) const;  // to rows of log returns
};

struct JumpDiffusion {
    std::vector<double> mean;     // per asset, what the jumps are expected to bring taken off
    std::vector<double> loading;  // assets x assets, lower triangle, row by row
    Jumps jumps;

    static constexpr std::size_t states = 0;
    [[nodiscard]] std::size_t assets() const { return mean.size(); }
    void begin(std::size_t, std::span<double>) const {}
    void walk(const PathBlock& block) const;
};

// Of one asset: the intensity, base at first, rises by `excitation` with each jump and decays by the rate `decay`. What
// jumps bring is taken off as they become likely: `growth` times the intensity.
struct Intensity {
    double base;
    double excitation;
    double decay;
    double first;   // above the base, when the path begins
    double growth;  // E exp(size) - 1
    NormalSizes sizes;
};

struct Hawkes {
    std::vector<double> mean;  // per asset, of the diffusion
    std::vector<double> loading;
    std::vector<Intensity> intensity;

    static constexpr std::size_t states = 1;  // the intensity above the base
    [[nodiscard]] std::size_t assets() const { return mean.size(); }
    void begin(std::size_t paths, std::span<double> state) const;
    void walk(const PathBlock& block) const;
};

}  // namespace levcore
