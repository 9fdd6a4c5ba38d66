// Numbers that depend on their place alone (model 12): Philox4x32-10 keyed by the seed and counted by path, block and
// stream; normals by Box-Muller on pairs, nothing rejected. Source: Salmon, Moraes, Dror and Shaw (2011), Random123.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace levcore {

// Streams are apart, so that one more draw in a law leaves the others as they are.
enum class Stream : std::uint32_t {
    returns = 0,
    jumps = 1,
    regimes = 2,
    agents = 3,
    controllers = 4,
    tails = 5,
    jump_sizes = 6,
    variances = 7
};

using Words = std::array<std::uint32_t, 4>;

Words philox(Words counter, std::array<std::uint32_t, 2> key) noexcept;

// Standard normals number first, first + 1, ... of a path's stream; first + out.size() <= 2^33.
void normals(std::uint64_t seed, std::uint64_t path, Stream stream, std::uint64_t first,
             std::span<double> out) noexcept;

// The same numbers [first, first + count) of every path_step-th path from `path` on, paths side by side: number first +
// i of path path + p*path_step is out[i*paths + p].
void normal_block(std::uint64_t seed, std::uint64_t path, std::size_t paths, Stream stream, std::uint64_t first,
                  std::size_t count, std::span<double> out, std::uint64_t path_step = 1) noexcept;

}  // namespace levcore
