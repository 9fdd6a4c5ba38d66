// Lanes of doubles and of 64-bit words for the kernels, which are compiled once for each level of a CPU. Only
// operations that IEEE rounds in one way, none fused: a lane has the same bits at every level, however many lanes there
// are. All of it is internal to the file that includes it, for the linker keeps one of equal inline functions, and the
// one it keeps may have been compiled for a CPU that is not there. For the same reason nothing of the standard library
// is used that has a body. Without GCC's vector extensions, or with LEVCORE_PLAIN_LANES, lanes are arrays.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__GNUC__) && !defined(LEVCORE_PLAIN_LANES)
#if defined(__SSE2__)
#include <immintrin.h>
#endif
#else
#include <cmath>
#endif

namespace levcore {
namespace {

#if defined(__AVX512F__) && !defined(LEVCORE_PLAIN_LANES)
constexpr std::size_t lanes = 8;
#elif defined(__AVX2__) || defined(LEVCORE_PLAIN_LANES) || !defined(__GNUC__)
constexpr std::size_t lanes = 4;
#else
constexpr std::size_t lanes = 2;
#endif

#if defined(__GNUC__) && !defined(LEVCORE_PLAIN_LANES)

using DoubleLanes [[gnu::vector_size(8 * lanes)]] = double;
using WordLanes [[gnu::vector_size(8 * lanes)]] = std::uint64_t;
using MaskLanes [[gnu::vector_size(8 * lanes)]] = std::int64_t;  // all bits or none

struct TwoLanes {
    DoubleLanes first;
    DoubleLanes second;
};

inline DoubleLanes in_all(double x) { return x - DoubleLanes{}; }
inline WordLanes in_all(std::uint64_t x) { return x - WordLanes{}; }
inline WordLanes bits_of(DoubleLanes x) { return reinterpret_cast<WordLanes>(x); }
inline DoubleLanes doubles_of(WordLanes x) { return reinterpret_cast<DoubleLanes>(x); }
inline DoubleLanes select(MaskLanes where, DoubleLanes yes, DoubleLanes no) { return where ? yes : no; }
inline WordLanes select(MaskLanes where, WordLanes yes, WordLanes no) { return where ? yes : no; }

inline WordLanes lane_numbers() {
    WordLanes n{};
    for (std::size_t i = 0; i < lanes; ++i) n[i] = i;
    return n;
}

#if defined(__AVX512F__)

// The forms with a mask, for GCC 12 warns of the others.
inline WordLanes multiply_low_halves(WordLanes a, WordLanes b) {
    return reinterpret_cast<WordLanes>(
        _mm512_maskz_mul_epu32(0xff, reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b)));
}
inline DoubleLanes square_root(DoubleLanes x) { return _mm512_maskz_sqrt_pd(0xff, x); }
inline WordLanes exclusive_or(WordLanes a, WordLanes b, WordLanes c) {
    return reinterpret_cast<WordLanes>(_mm512_ternarylogic_epi64(
        reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b), reinterpret_cast<__m512i>(c), 0x96));
}
// The bits of `yes` where `where` has ones, those of `no` elsewhere.
inline WordLanes select_bits(WordLanes where, WordLanes yes, WordLanes no) {
    return reinterpret_cast<WordLanes>(_mm512_ternarylogic_epi64(
        reinterpret_cast<__m512i>(where), reinterpret_cast<__m512i>(yes), reinterpret_cast<__m512i>(no), 0xca));
}
inline DoubleLanes select_by_top_bit(WordLanes word, DoubleLanes yes, DoubleLanes no) {
    return _mm512_mask_blend_pd(_mm512_movepi64_mask(reinterpret_cast<__m512i>(word)), no, yes);
}
inline TwoLanes in_turn(DoubleLanes a, DoubleLanes b) {
    return {_mm512_permutex2var_pd(a, _mm512_set_epi64(11, 3, 10, 2, 9, 1, 8, 0), b),
            _mm512_permutex2var_pd(a, _mm512_set_epi64(15, 7, 14, 6, 13, 5, 12, 4), b)};
}
inline DoubleLanes minimum(DoubleLanes a, DoubleLanes b) { return _mm512_maskz_min_pd(0xff, a, b); }
inline DoubleLanes maximum(DoubleLanes a, DoubleLanes b) { return _mm512_maskz_max_pd(0xff, a, b); }
inline WordLanes gather(const std::uint64_t* from, WordLanes index) {
    return reinterpret_cast<WordLanes>(
        _mm512_mask_i64gather_epi64(__m512i{}, 0xff, reinterpret_cast<__m512i>(index), from, 8));
}
inline DoubleLanes gather(const double* from, WordLanes index) {
    return _mm512_mask_i64gather_pd(__m512d{}, 0xff, reinterpret_cast<__m512i>(index), from, 8);
}

#else

inline WordLanes exclusive_or(WordLanes a, WordLanes b, WordLanes c) { return a ^ b ^ c; }
inline WordLanes select_bits(WordLanes where, WordLanes yes, WordLanes no) { return (where & yes) | (~where & no); }

#if defined(__AVX2__)

inline WordLanes multiply_low_halves(WordLanes a, WordLanes b) {
    return reinterpret_cast<WordLanes>(_mm256_mul_epu32(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b)));
}
inline DoubleLanes square_root(DoubleLanes x) { return _mm256_sqrt_pd(x); }
inline DoubleLanes select_by_top_bit(WordLanes word, DoubleLanes yes, DoubleLanes no) {
    return _mm256_blendv_pd(no, yes, doubles_of(word));
}
inline TwoLanes in_turn(DoubleLanes a, DoubleLanes b) {
    const DoubleLanes even = _mm256_unpacklo_pd(a, b);  // of either half
    const DoubleLanes odd = _mm256_unpackhi_pd(a, b);
    return {_mm256_permute2f128_pd(even, odd, 0x20), _mm256_permute2f128_pd(even, odd, 0x31)};
}
inline DoubleLanes minimum(DoubleLanes a, DoubleLanes b) { return _mm256_min_pd(a, b); }
inline DoubleLanes maximum(DoubleLanes a, DoubleLanes b) { return _mm256_max_pd(a, b); }
// Loads of their own: the instruction that gathers takes longer on Zen 3, and far longer on the Intel CPUs whose
// microcode guards it.
inline DoubleLanes gather(const double* from, WordLanes index) {
    return _mm256_set_pd(from[index[3]], from[index[2]], from[index[1]], from[index[0]]);
}
inline WordLanes gather(const std::uint64_t* from, WordLanes index) {
    return WordLanes{from[index[0]], from[index[1]], from[index[2]], from[index[3]]};
}

#else

#if defined(__SSE2__)
inline WordLanes multiply_low_halves(WordLanes a, WordLanes b) {
    return reinterpret_cast<WordLanes>(_mm_mul_epu32(reinterpret_cast<__m128i>(a), reinterpret_cast<__m128i>(b)));
}
inline DoubleLanes square_root(DoubleLanes x) { return _mm_sqrt_pd(x); }
#else
inline WordLanes multiply_low_halves(WordLanes a, WordLanes b) { return (a & 0xffffffff) * (b & 0xffffffff); }
inline DoubleLanes square_root(DoubleLanes x) {
    for (std::size_t i = 0; i < lanes; ++i) x[i] = __builtin_sqrt(x[i]);
    return x;
}
#endif
inline DoubleLanes select_by_top_bit(WordLanes word, DoubleLanes yes, DoubleLanes no) {
    return doubles_of(select_bits(0 - (word >> 63), bits_of(yes), bits_of(no)));
}
#if defined(__SSE2__)
inline TwoLanes in_turn(DoubleLanes a, DoubleLanes b) { return {_mm_unpacklo_pd(a, b), _mm_unpackhi_pd(a, b)}; }
inline DoubleLanes minimum(DoubleLanes a, DoubleLanes b) { return _mm_min_pd(a, b); }
inline DoubleLanes maximum(DoubleLanes a, DoubleLanes b) { return _mm_max_pd(a, b); }
#else
inline TwoLanes in_turn(DoubleLanes a, DoubleLanes b) {
    TwoLanes both{};
    for (std::size_t i = 0; i < lanes; ++i) {
        (2 * i < lanes ? both.first : both.second)[2 * i % lanes] = a[i];
        (2 * i < lanes ? both.first : both.second)[2 * i % lanes + 1] = b[i];
    }
    return both;
}
inline DoubleLanes minimum(DoubleLanes a, DoubleLanes b) { return select(a < b, a, b); }
inline DoubleLanes maximum(DoubleLanes a, DoubleLanes b) { return select(b < a, a, b); }
#endif

#endif
#endif

#else

template <class T>
struct Lanes {
    T at[lanes];
    T operator[](std::size_t i) const { return at[i]; }
    T& operator[](std::size_t i) { return at[i]; }
};
using DoubleLanes = Lanes<double>;
using WordLanes = Lanes<std::uint64_t>;
using MaskLanes = Lanes<std::int64_t>;

struct TwoLanes {
    DoubleLanes first;
    DoubleLanes second;
};

template <class T, class F>
inline Lanes<T> in_each(F value) {
    Lanes<T> result;
    for (std::size_t i = 0; i < lanes; ++i) result[i] = value(i);
    return result;
}

inline DoubleLanes in_all(double x) {
    return in_each<double>([&](std::size_t) { return x; });
}
inline WordLanes in_all(std::uint64_t x) {
    return in_each<std::uint64_t>([&](std::size_t) { return x; });
}
inline WordLanes lane_numbers() {
    return in_each<std::uint64_t>([](std::size_t i) { return std::uint64_t{i}; });
}
inline DoubleLanes operator+(DoubleLanes a, DoubleLanes b) {
    return in_each<double>([&](std::size_t i) { return a[i] + b[i]; });
}
inline DoubleLanes operator-(DoubleLanes a, DoubleLanes b) {
    return in_each<double>([&](std::size_t i) { return a[i] - b[i]; });
}
inline DoubleLanes operator*(DoubleLanes a, DoubleLanes b) {
    return in_each<double>([&](std::size_t i) { return a[i] * b[i]; });
}
inline DoubleLanes operator/(DoubleLanes a, DoubleLanes b) {
    return in_each<double>([&](std::size_t i) { return a[i] / b[i]; });
}
inline DoubleLanes operator+(DoubleLanes a, double b) { return a + in_all(b); }
inline DoubleLanes operator-(DoubleLanes a, double b) { return a - in_all(b); }
inline DoubleLanes operator*(DoubleLanes a, double b) { return a * in_all(b); }
inline MaskLanes operator<(DoubleLanes a, DoubleLanes b) {
    return in_each<std::int64_t>([&](std::size_t i) { return -std::int64_t{a[i] < b[i]}; });
}
inline MaskLanes operator<=(DoubleLanes a, DoubleLanes b) {
    return in_each<std::int64_t>([&](std::size_t i) { return -std::int64_t{a[i] <= b[i]}; });
}
inline MaskLanes operator&(MaskLanes a, MaskLanes b) {
    return in_each<std::int64_t>([&](std::size_t i) { return a[i] & b[i]; });
}
inline WordLanes operator+(WordLanes a, WordLanes b) {
    return in_each<std::uint64_t>([&](std::size_t i) { return a[i] + b[i]; });
}
inline WordLanes operator+(WordLanes a, std::uint64_t b) { return a + in_all(b); }
inline WordLanes operator-(WordLanes a, WordLanes b) {
    return in_each<std::uint64_t>([&](std::size_t i) { return a[i] - b[i]; });
}
inline WordLanes operator*(WordLanes a, std::uint64_t b) {
    return in_each<std::uint64_t>([&](std::size_t i) { return a[i] * b; });
}
inline WordLanes operator&(WordLanes a, std::uint64_t b) {
    return in_each<std::uint64_t>([&](std::size_t i) { return a[i] & b; });
}
inline WordLanes operator|(WordLanes a, std::uint64_t b) {
    return in_each<std::uint64_t>([&](std::size_t i) { return a[i] | b; });
}
inline WordLanes operator^(WordLanes a, WordLanes b) {
    return in_each<std::uint64_t>([&](std::size_t i) { return a[i] ^ b[i]; });
}
inline WordLanes operator<<(WordLanes a, int by) {
    return in_each<std::uint64_t>([&](std::size_t i) { return a[i] << by; });
}
inline WordLanes operator>>(WordLanes a, int by) {
    return in_each<std::uint64_t>([&](std::size_t i) { return a[i] >> by; });
}
inline WordLanes bits_of(DoubleLanes x) {
    WordLanes result;
    std::memcpy(&result, &x, sizeof x);
    return result;
}
inline DoubleLanes doubles_of(WordLanes x) {
    DoubleLanes result;
    std::memcpy(&result, &x, sizeof x);
    return result;
}
inline DoubleLanes select(MaskLanes where, DoubleLanes yes, DoubleLanes no) {
    return in_each<double>([&](std::size_t i) { return where[i] != 0 ? yes[i] : no[i]; });
}
inline WordLanes select(MaskLanes where, WordLanes yes, WordLanes no) {
    return in_each<std::uint64_t>([&](std::size_t i) { return where[i] != 0 ? yes[i] : no[i]; });
}
inline WordLanes multiply_low_halves(WordLanes a, WordLanes b) {
    return in_each<std::uint64_t>([&](std::size_t i) { return (a[i] & 0xffffffff) * (b[i] & 0xffffffff); });
}
inline DoubleLanes square_root(DoubleLanes x) {
    return in_each<double>([&](std::size_t i) { return std::sqrt(x[i]); });
}
inline WordLanes exclusive_or(WordLanes a, WordLanes b, WordLanes c) { return a ^ b ^ c; }
inline WordLanes select_bits(WordLanes where, WordLanes yes, WordLanes no) {
    return in_each<std::uint64_t>([&](std::size_t i) { return (where[i] & yes[i]) | (~where[i] & no[i]); });
}
inline DoubleLanes select_by_top_bit(WordLanes word, DoubleLanes yes, DoubleLanes no) {
    return in_each<double>([&](std::size_t i) { return (word[i] >> 63) != 0 ? yes[i] : no[i]; });
}
inline TwoLanes in_turn(DoubleLanes a, DoubleLanes b) {
    TwoLanes both{};
    for (std::size_t i = 0; i < lanes; ++i) {
        (2 * i < lanes ? both.first : both.second)[2 * i % lanes] = a[i];
        (2 * i < lanes ? both.first : both.second)[2 * i % lanes + 1] = b[i];
    }
    return both;
}
inline DoubleLanes minimum(DoubleLanes a, DoubleLanes b) { return select(a < b, a, b); }
inline DoubleLanes maximum(DoubleLanes a, DoubleLanes b) { return select(b < a, a, b); }

#endif

inline DoubleLanes load(const double* from) {
    DoubleLanes x;
    std::memcpy(&x, from, sizeof x);
    return x;
}
inline void store(double* to, DoubleLanes x) { std::memcpy(to, &x, sizeof x); }

// The numbers of both in turn: a[0], b[0], a[1], ...
inline void store_in_pairs(double* to, DoubleLanes a, DoubleLanes b) {
    const TwoLanes both = in_turn(a, b);
    store(to, both.first);
    store(to + lanes, both.second);
}

// Of each lane the value at its index.
#if !defined(__AVX2__) || defined(LEVCORE_PLAIN_LANES)
inline WordLanes gather(const std::uint64_t* from, WordLanes index) {
    WordLanes x{};
    for (std::size_t i = 0; i < lanes; ++i) x[i] = from[index[i]];
    return x;
}
inline DoubleLanes gather(const double* from, WordLanes index) {
    DoubleLanes x{};
    for (std::size_t i = 0; i < lanes; ++i) x[i] = from[index[i]];
    return x;
}
#endif

// The nearest integer, halves to even; abs(x) <= 2^51.
inline DoubleLanes nearest(DoubleLanes x) { return (x + 6755399441055744.0) - 6755399441055744.0; }
inline DoubleLanes floor_of(DoubleLanes x) {
    const DoubleLanes near = nearest(x);
    return select(x < near, near - 1.0, near);
}

}  // namespace
}  // namespace levcore
