#include "levcore/random.hpp"

#include <cmath>

#include "levcore/real.hpp"

namespace levcore {
namespace {

std::uint32_t low_half(std::uint64_t x) noexcept { return static_cast<std::uint32_t>(x); }
std::uint32_t high_half(std::uint64_t x) noexcept { return static_cast<std::uint32_t>(x >> 32); }

std::uint64_t joined(std::uint32_t low, std::uint32_t high) noexcept {
    return (static_cast<std::uint64_t>(high) << 32) | low;
}

// Numbers 2*block and 2*block + 1.
std::array<double, 2> pair_of_normals(std::uint64_t seed, std::uint64_t path, Stream stream,
                                      std::uint32_t block) noexcept {
    const Words w = philox({low_half(path), high_half(path), block, static_cast<std::uint32_t>(stream)},
                           {low_half(seed), high_half(seed)});
    constexpr double unit = 0x1p-53;
    const double above_zero = static_cast<double>((joined(w[0], w[1]) >> 11) + 1) * unit;  // (0, 1]
    const double turns = static_cast<double>(joined(w[2], w[3]) >> 11) * unit;             // [0, 1)
    const double radius = std::sqrt(-2.0 * log(above_zero));
    const auto [sine, cosine] = sin_cos_turns(turns);
    return {radius * cosine, radius * sine};
}

}  // namespace

Words philox(Words counter, std::array<std::uint32_t, 2> key) noexcept {
    for (int round = 0; round < 10; ++round) {
        const std::uint64_t a = std::uint64_t{0xD2511F53} * counter[0];
        const std::uint64_t b = std::uint64_t{0xCD9E8D57} * counter[2];
        counter = {high_half(b) ^ counter[1] ^ key[0], low_half(b), high_half(a) ^ counter[3] ^ key[1], low_half(a)};
        key[0] += 0x9E3779B9;
        key[1] += 0xBB67AE85;
    }
    return counter;
}

void normals(std::uint64_t seed, std::uint64_t path, Stream stream, std::uint64_t first,
             std::span<double> out) noexcept {
    std::size_t done = 0;
    while (done < out.size()) {
        const std::uint64_t i = first + done;
        const auto two = pair_of_normals(seed, path, stream, static_cast<std::uint32_t>(i / 2));
        out[done++] = two[i % 2];
        if (i % 2 == 0 && done < out.size()) out[done++] = two[1];
    }
}

void normal_block(std::uint64_t seed, std::uint64_t path, std::size_t paths, Stream stream, std::uint64_t first,
                  std::size_t count, std::span<double> out) noexcept {
    for (std::size_t p = 0; p < paths; ++p)
        for (std::size_t i = 0; i < count; ++i)
            normals(seed, path + p, stream, first + i, std::span(out).subspan(i * paths + p, 1));
}

}  // namespace levcore
