// Kernels: the inner loops that are compiled once for each level of vector instructions, and the level in use. Every
// level gives the same bits. Kernel files include this header, so nothing in it has a body.
#pragma once

#include <cstddef>
#include <cstdint>

namespace levcore {

// From the least to the most.
enum class SimdLevel : std::uint8_t { baseline, avx2, avx512 };

// Blocks of random words: block number `block + i*block_step` of path `path + i*path_step`, i < count.
struct BlocksOfWords {
    std::uint64_t seed;
    std::uint64_t stream;
    std::uint64_t path;
    std::uint64_t path_step;
    std::uint64_t block;  // below 2^32, the last one too
    std::uint64_t block_step;
    std::size_t count;
};

// Rows of normals, a step each, that become log prices: each moves by mean + loading*z and stands `from` above its
// path's `moved`, which goes on from before. The least and the most of each path's.
struct WalkRows {
    double* rows;  // steps x paths
    std::size_t steps;
    std::size_t paths;
    double mean;
    double loading;
    double from;
    double* moved;
    double* least;
    double* most;
};

struct Kernels {
    SimdLevel level;
    // The two normals of each block, to two arrays; null leaves one out.
    void (*normals_apart)(const BlocksOfWords& blocks, double* first, double* second);
    // The same, block after block.
    void (*normals_in_pairs)(const BlocksOfWords& blocks, double* out);
    void (*walk_rows)(const WalkRows& walk);
};

const Kernels* kernels_at(SimdLevel level) noexcept;  // null where this build or this CPU has none

// What every caller uses. The first call decides for good: the level wished for, which must be there, or the best.
const Kernels& kernels_in_use(const SimdLevel* wish) noexcept;
const Kernels& kernels_in_use() noexcept;

namespace baseline {
void normals_apart(const BlocksOfWords& blocks, double* first, double* second);
void normals_in_pairs(const BlocksOfWords& blocks, double* out);
void walk_rows(const WalkRows& walk);
}  // namespace baseline

namespace avx2 {
void normals_apart(const BlocksOfWords& blocks, double* first, double* second);
void normals_in_pairs(const BlocksOfWords& blocks, double* out);
void walk_rows(const WalkRows& walk);
}  // namespace avx2

namespace avx512 {
void normals_apart(const BlocksOfWords& blocks, double* first, double* second);
void normals_in_pairs(const BlocksOfWords& blocks, double* out);
void walk_rows(const WalkRows& walk);
}  // namespace avx512

}  // namespace levcore
