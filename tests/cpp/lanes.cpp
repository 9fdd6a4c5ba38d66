// What tests/test_kernels.py asks of the lanes and of the kernel of normals: compiled at each level. Reads pairs of
// words, writes their two normals; then pairs of doubles, for which it writes what the other operations make of them.
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "levcore/kernels.hpp"
#include "levcore/simd.hpp"

namespace levcore {
#include "../../cpp/src/kernels/normals.inc.hpp"

namespace {

template <class T>
std::vector<T> read_all(std::size_t size) {
    std::vector<T> values(size);
    if (std::fread(values.data(), sizeof(T), size, stdin) != size) values.clear();
    return values;
}

void write(const double* values, std::size_t size) { std::fwrite(values, sizeof(double), size, stdout); }

WordLanes words_at(const std::vector<std::uint64_t>& words, std::size_t at) {
    WordLanes lane = in_all(std::uint64_t{0});
    for (std::size_t i = 0; i < lanes; ++i) lane[i] = words[at + i];
    return lane;
}

void write_normals(std::size_t size) {
    const auto low = read_all<std::uint64_t>(size);
    const auto high = read_all<std::uint64_t>(size);
    std::vector<double> out(2 * size);
    for (std::size_t i = 0; i < size; i += lanes) {
        const DoubleLanes radius = radius_of(words_at(low, i));
        const Turn turn = turn_of(words_at(high, i));
        store_in_pairs(out.data() + 2 * i, radius * turn.cosine, radius * turn.sine);
    }
    write(out.data(), out.size());
}

void write_operations(std::size_t size) {
    const auto first = read_all<double>(size);
    const auto second = read_all<double>(size);
    std::vector<double> out[6];
    for (auto& column : out) column.resize(size);
    for (std::size_t i = 0; i < size; i += lanes) {
        const DoubleLanes a = load(&first[i]);
        const DoubleLanes b = load(&second[i]);
        store(&out[0][i], minimum(a, b));
        store(&out[1][i], maximum(a, b));
        store(&out[2][i], nearest(a));
        store(&out[3][i], floor_of(a));
        store(&out[4][i], select_by_top_bit(bits_of(a), a, b));
        store(&out[5][i], square_root(b));
    }
    for (const auto& column : out) write(column.data(), size);
}

}  // namespace
}  // namespace levcore

int main(int, char** sizes) {
    const auto size = static_cast<std::size_t>(std::strtoull(sizes[1], nullptr, 10));
    levcore::write_normals(size);
    levcore::write_operations(size);
}
