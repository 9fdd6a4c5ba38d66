// A block of steps of many paths side by side: standard normals that a law turns into log prices (model 12).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "levcore/kernels.hpp"
#include "levcore/random.hpp"

namespace levcore {

// Steps [step, step + steps) of paths [path, path + paths). Columns have a row an asset, a number a path.
struct PathBlock {
    std::uint64_t seed;
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

// Normals of another stream at the places of the block's own.
std::vector<double> normals_beside(const PathBlock& block, Stream stream);

}  // namespace levcore
