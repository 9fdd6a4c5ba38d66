#include "levcore/random.hpp"

#include <algorithm>

#include "levcore/kernels.hpp"

namespace levcore {
namespace {

std::uint32_t low_half(std::uint64_t x) noexcept { return static_cast<std::uint32_t>(x); }
std::uint32_t high_half(std::uint64_t x) noexcept { return static_cast<std::uint32_t>(x >> 32); }

constexpr std::size_t few = 8;  // paths: as many as the widest lanes; fewer would leave lanes empty

// Path after path, in pieces that are turned on their way out.
void normal_block_of_few(std::uint64_t seed, std::uint64_t path, std::size_t paths, Stream stream, std::uint64_t first,
                         std::size_t count, std::span<double> out, std::uint64_t path_step) noexcept {
    std::array<double, 256> piece{};
    for (std::size_t p = 0; p < paths; ++p)
        for (std::size_t from = 0; from < count; from += piece.size()) {
            const auto some = std::span(piece).first(std::min(piece.size(), count - from));
            normals(seed, path + p * path_step, stream, first + from, some);
            for (std::size_t i = 0; i < some.size(); ++i) out[(from + i) * paths + p] = some[i];
        }
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

// The blocks whose two normals are both asked for, and half a block before and behind them.
void normals(std::uint64_t seed, std::uint64_t path, Stream stream, std::uint64_t first,
             std::span<double> out) noexcept {
    const Kernels& kernels = kernels_in_use();
    const auto one = [&](std::uint64_t number, double* place) {
        kernels.normal_rows({seed, static_cast<std::uint32_t>(stream), path, 1, 1, number, 1}, place);
    };
    if (first % 2 == 1 && !out.empty()) {
        one(first++, out.data());
        out = out.subspan(1);
    }
    if (out.size() >= 2)
        kernels.normals_in_pairs({seed, static_cast<std::uint32_t>(stream), path, first / 2, out.size() / 2},
                                 out.data());
    if (out.size() % 2 == 1) one(first + out.size() - 1, &out.back());
}

void normal_block(std::uint64_t seed, std::uint64_t path, std::size_t paths, Stream stream, std::uint64_t first,
                  std::size_t count, std::span<double> out, std::uint64_t path_step) noexcept {
    if (paths == 1) return normals(seed, path, stream, first, out.first(count));
    if (paths < few) return normal_block_of_few(seed, path, paths, stream, first, count, out, path_step);
    kernels_in_use().normal_rows({seed, static_cast<std::uint32_t>(stream), path, path_step, paths, first, count},
                                 out.data());
}

}  // namespace levcore
