#include "levcore/jumps.hpp"

#include <algorithm>
#include <cmath>

#include "levcore/normal.hpp"
#include "levcore/real.hpp"

namespace levcore {
namespace {

// Two uniform numbers in (0, 1], number `draw` of one place of a path: apart for each draw, whatever their number.
struct Uniforms {
    double first;
    double second;
};

Uniforms uniforms(const PathBlock& block, std::uint64_t path, std::uint64_t place, std::uint32_t draw) {
    const auto low = [](std::uint64_t x) { return static_cast<std::uint32_t>(x); };
    const std::uint32_t stream = static_cast<std::uint32_t>(Stream::jump_sizes) | (2 * draw + low(place & 1)) << 8;
    const std::uint64_t seed = block.numbers.seed;
    const Words w = philox({low(path), low(path >> 32), low(place >> 1), stream}, {low(seed), low(seed >> 32)});
    const auto uniform = [](std::uint32_t a, std::uint32_t b) {
        return static_cast<double>((((std::uint64_t{b} << 32) | a) >> 11) + 1) * 0x1p-53;
    };
    return {uniform(w[0], w[1]), uniform(w[2], w[3])};
}

// A standard normal, number `draw` of one place.
double normal(const PathBlock& block, std::uint64_t path, std::uint64_t place, std::uint32_t draw) {
    const Uniforms u = uniforms(block, path, place, draw);
    return std::sqrt(-2.0 * log(u.first)) * sin_cos_turns(u.second).cosine;
}

struct SumOfSizes {
    const PathBlock& block;
    std::uint64_t path;
    std::uint64_t place;
    std::uint32_t count;

    double operator()(const NormalSizes& of) const {
        return count * of.mean + std::sqrt(static_cast<double>(count)) * of.deviation * normal(block, path, place, 0);
    }
    double operator()(const DoubleExponentialSizes& of) const {
        double sum = 0.0;
        for (std::uint32_t draw = 0; draw < count; ++draw) {
            const Uniforms u = uniforms(block, path, place, draw);
            sum -= log(u.second) * (u.first <= of.up_share ? of.up_mean : -of.down_mean);
        }
        return sum;
    }
};

}  // namespace

JumpCount::JumpCount(double rate) {
    std::vector<double> chance{exp(-rate)};
    for (double n = 1.0; n <= rate || chance.back() > 0x1p-60; n += 1.0) chance.push_back(chance.back() * rate / n);
    std::vector<double> more(chance.size() - 1);  // from the smallest on
    double sum = 0.0;
    for (std::size_t n = more.size(); n-- > 0;) more[n] = sum += chance[n + 1];
    for (const double p : more) more_than.push_back(-normal_quantile(std::min(p, 1.0)));
}

void Jumps::add(const PathBlock& block) const {
    const std::vector<double> numbers = normals_beside(block, Stream::jumps);
    for (std::size_t row = 0; row < block.steps * block.assets; ++row) {
        const std::size_t k = row % block.assets;
        const std::vector<double>& more_than = counts[k].more_than;
        if (more_than.empty()) continue;
        const std::uint64_t place = block.step * block.assets + row;
        const std::size_t at = (is_shared ? row - k : row) * block.paths;  // shared: by the first asset's numbers
        for (std::size_t p = 0; p < block.paths; ++p) {
            const double number = numbers[at + p];
            if (!(number > more_than[0])) continue;
            std::uint32_t count = 1;
            while (count < more_than.size() && number > more_than[count]) ++count;
            block.rows[row * block.paths + p] += std::visit(SumOfSizes{block, block.path + p, place, count}, sizes[k]);
        }
    }
}

void JumpDiffusion::walk(const PathBlock& block) const {
    mix(block, block.rows, mean.data(), loading);
    jumps.add(block);
    add_up(block);
}

namespace {

struct StepOfJumps {
    double sum;
    double excited;  // the intensity above the base at the end
};

// Exact, jump after jump (Dassios and Zhao 2013): the wait is the lesser of one for the base and one for what is above
// it, which may never come. `growth` goes with the integral of the intensity over the step.
StepOfJumps step_of(const Intensity& law, double excited, const PathBlock& block, std::uint64_t path,
                    std::uint64_t place) {
    double left = 1.0;
    double sum = -law.growth * law.base;
    for (std::uint32_t draw = 0;; ++draw) {
        const Uniforms u = uniforms(block, path, place, 2 * draw);
        const double wait_base = law.base > 0.0 ? -log(u.first) / law.base : 2.0;
        const double reach = excited > 0.0 ? 1.0 + law.decay * log(u.second) / excited : 0.0;
        const double wait_excited = reach > 0.0 ? -log(reach) / law.decay : 2.0;
        const double wait = std::min({wait_base, wait_excited, left});
        const double kept = exp(-law.decay * wait);
        sum -= law.growth * excited * (1.0 - kept) / law.decay;
        excited *= kept;
        if (!(wait < left) || draw >= 4'000'000) return {sum, excited};
        left -= wait;
        excited += law.excitation;
        sum += law.sizes.mean + law.sizes.deviation * normal(block, path, place, 2 * draw + 1);
    }
}

}  // namespace

void Hawkes::begin(std::size_t paths, std::span<double> state) const {
    for (std::size_t k = 0; k < assets(); ++k) std::fill_n(state.begin() + k * paths, paths, intensity[k].first);
}

void Hawkes::walk(const PathBlock& block) const {
    mix(block, block.rows, mean.data(), loading);
    for (std::size_t row = 0; row < block.steps * block.assets; ++row) {
        const std::size_t k = row % block.assets;
        const std::uint64_t place = block.step * block.assets + row;
        for (std::size_t p = 0; p < block.paths; ++p) {
            double& excited = block.state[k * block.paths + p];
            const StepOfJumps step = step_of(intensity[k], excited, block, block.path + p, place);
            block.rows[row * block.paths + p] += step.sum;
            excited = step.excited;
        }
    }
    add_up(block);
}

}  // namespace levcore
