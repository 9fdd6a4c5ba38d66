#include "levcore/path_block.hpp"

namespace levcore {
namespace {

// Of each pair one path is drawn, and the other is its mirror image; a block may begin and end within a pair.
void draw_pairs(const PathBlock& block, Stream stream, std::span<double> rows) {
    const std::uint64_t first_pair = block.path / 2;
    const std::size_t pairs = static_cast<std::size_t>((block.path + block.paths - 1) / 2 - first_pair + 1);
    const std::size_t count = block.steps * block.assets;
    std::vector<double> drawn(count * pairs);
    normal_block(block.numbers.seed, 2 * first_pair, pairs, stream, block.step * block.assets, count, drawn, 2);
    for (std::size_t i = 0; i < count; ++i)
        for (std::size_t p = 0; p < block.paths; ++p) {
            const std::uint64_t path = block.path + p;
            const double z = drawn[i * pairs + static_cast<std::size_t>(path / 2 - first_pair)];
            rows[i * block.paths + p] = path % 2 == 0 ? z : -z;
        }
}

void copy_given(const PathBlock& block, std::span<double> rows) {
    for (std::size_t p = 0; p < block.paths; ++p) {
        const auto row = static_cast<std::size_t>(block.path - block.numbers.given_first) + p;
        const double* const of_path =
            block.numbers.given.data() + row * block.numbers.given_of_each_path + block.step * block.assets;
        for (std::size_t i = 0; i < block.steps * block.assets; ++i) rows[i * block.paths + p] = of_path[i];
    }
}

}  // namespace

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

void draw_normals(const PathBlock& block, Stream stream, std::span<double> rows) {
    if (stream == Stream::returns && !block.numbers.given.empty()) return copy_given(block, rows);
    if (block.numbers.in_pairs) return draw_pairs(block, stream, rows);
    normal_block(block.numbers.seed, block.path, block.paths, stream, block.step * block.assets,
                 block.steps * block.assets, rows);
}

std::vector<double> normals_beside(const PathBlock& block, Stream stream) {
    std::vector<double> rows(block.steps * block.assets * block.paths);
    draw_normals(block, stream, rows);
    return rows;
}

}  // namespace levcore
