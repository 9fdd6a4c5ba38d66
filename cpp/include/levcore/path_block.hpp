// A block of steps of many paths side by side: standard normals that a law turns into log prices (model 12).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "levcore/kernels.hpp"
#include "levcore/random.hpp"

namespace levcore {

// Which normals paths have. Where they are in pairs, those of path 2k + 1, of every stream, are those of path 2k with
// the other sign (Hammersley and Morton 1956); `given` are those of the stream `returns` where somebody else has made
// them.
struct Numbers {
    std::uint64_t seed = 0;
    bool in_pairs = false;
    std::span<const double> given{};     // paths x steps x assets
    std::uint64_t given_first = 0;       // the number of the first of those paths
    std::size_t given_of_each_path = 0;  // steps x assets
};

// Steps [step, step + steps) of paths [path, path + paths). Columns have a row an asset, a number a path.
struct PathBlock {
    const Numbers& numbers;
    std::uint64_t path;
    std::size_t paths;
    std::size_t assets;
    std::size_t step;
    std::size_t steps;
    const double* from;  // per asset: where log prices stand before any move
    double* rows;        // per step, asset and path: normals of the stream `returns`, which become log prices
    double* moved;       // how far they have moved since the start
    double* least;       // of the block
    double* most;
    double* state;  // one column after the other
};

// Each asset's numbers of these rows, laid out as the block's, become base[k] + sum_j loading[k][j]*z_j; no base is 0.
void mix(const PathBlock& block, double* rows, const double* base, const std::vector<double>& loading);

// Rows of log returns become log prices.
void add_up(const PathBlock& block);

WalkRows rows_of(const PathBlock& block, std::size_t asset);

// The normals of a stream at the places of the block, laid out as its rows.
void draw_normals(const PathBlock& block, Stream stream, std::span<double> rows);

// Those of another stream than the block's own.
std::vector<double> normals_beside(const PathBlock& block, Stream stream);

}  // namespace levcore
