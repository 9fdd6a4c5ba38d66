#include "levcore/path_block.hpp"

namespace levcore {

void mix(const PathBlock& block, double* rows, const double* base, const std::vector<double>& loading) {
    kernels_in_use().mix_rows({rows, block.steps, block.paths, block.assets, base, loading.data()});
}

void add_up(const PathBlock& block) {
    for (std::size_t k = 0; k < block.assets; ++k) kernels_in_use().walk_gbm(rows_of(block, k), {0.0, 1.0});
}

WalkRows rows_of(const PathBlock& block, std::size_t asset) {
    const std::size_t at = asset * block.paths;
    return {block.rows + at,   block.steps,      block.paths,      block.assets * block.paths,
            block.from[asset], block.moved + at, block.least + at, block.most + at};
}

std::vector<double> normals_beside(const PathBlock& block, Stream stream) {
    const std::size_t numbers = block.steps * block.assets;
    std::vector<double> rows(numbers * block.paths);
    normal_block(block.seed, block.path, block.paths, stream, block.step * block.assets, numbers, rows);
    return rows;
}

}  // namespace levcore
