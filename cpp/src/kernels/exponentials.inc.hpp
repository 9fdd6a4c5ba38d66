// Tables, exp by lanes, and rows of paths that become columns, included by each level's file inside that level's
// namespace, before the files that look up. exp has the operations of real.cpp in its order, and so its bits, as long
// as no power of two is out of range.
namespace {

// A table of sixteen numbers, in registers where they hold it.
#if defined(__AVX512F__) && !defined(LEVCORE_PLAIN_LANES)
struct ShortTable {
    DoubleLanes low;
    DoubleLanes high;
};
inline ShortTable short_table(const double* from) { return {load(from), load(from + lanes)}; }
inline DoubleLanes look_up(const ShortTable& table, WordLanes index) {
    return _mm512_permutex2var_pd(table.low, reinterpret_cast<__m512i>(index), table.high);
}
// One of 32 pairs, of which the last five bits of the index count.
struct PairTable {
    ShortTable first[2];
    ShortTable second[2];
};
inline PairTable pair_table(const double* from) {
    const __m512i even = _mm512_set_epi64(14, 12, 10, 8, 6, 4, 2, 0);
    const __m512i odd = _mm512_set_epi64(15, 13, 11, 9, 7, 5, 3, 1);
    const auto apart = [&](std::size_t pair, __m512i which) -> DoubleLanes {
        return _mm512_permutex2var_pd(load(from + 2 * pair), which, load(from + 2 * pair + lanes));
    };
    return {{{apart(0, even), apart(8, even)}, {apart(16, even), apart(24, even)}},
            {{apart(0, odd), apart(8, odd)}, {apart(16, odd), apart(24, odd)}}};
}
inline TwoLanes look_up(const PairTable& table, WordLanes index) {
    const WordLanes last_bit = index << 59;
    return {select_by_top_bit(last_bit, look_up(table.first[1], index), look_up(table.first[0], index)),
            select_by_top_bit(last_bit, look_up(table.second[1], index), look_up(table.second[0], index))};
}
#else
struct ShortTable {
    const double* from;
};
inline ShortTable short_table(const double* from) { return {from}; }
inline DoubleLanes look_up(const ShortTable& table, WordLanes index) { return gather(table.from, index); }
struct PairTable {
    const double* from;
};
inline PairTable pair_table(const double* from) { return {from}; }
#if defined(__AVX2__) && !defined(LEVCORE_PLAIN_LANES)
inline TwoLanes look_up(const PairTable& table, WordLanes index) {
    const WordLanes place = (index & 31) * 2;
    const auto pair = [&](std::size_t i) { return _mm_loadu_pd(table.from + place[i]); };
    const __m256d even = _mm256_set_m128d(pair(2), pair(0));
    const __m256d odd = _mm256_set_m128d(pair(3), pair(1));
    return {_mm256_unpacklo_pd(even, odd), _mm256_unpackhi_pd(even, odd)};
}
#else
inline TwoLanes look_up(const PairTable& table, WordLanes index) {
    const WordLanes place = (index & 31) * 2;
    return {gather(table.from, place), gather(table.from + 1, place)};
}
#endif
#endif

struct ExpLanes {
    PairTable powers;
    double step_high;
    double step_low;
    double steps_per_unit;
};

ExpLanes exp_lanes(const ExpTable& table) {
    return {pair_table(table.powers), table.step_high, table.step_low, table.steps_per_unit};
}

DoubleLanes exp_of(const ExpLanes& table, DoubleLanes x) {
    constexpr double to_integer = 6755399441055744.0;
    const DoubleLanes shifted = x * table.steps_per_unit + to_integer;
    const WordLanes steps = bits_of(shifted);  // its last bits are those of the whole number
    const DoubleLanes k = shifted - to_integer;
    const DoubleLanes a = x - k * table.step_high;
    const DoubleLanes b = k * table.step_low;
    const DoubleLanes h = a - b;
    const DoubleLanes part = h - a;
    const DoubleLanes rest = (a - (h - part)) - (b + part);
    const DoubleLanes tail =
        h * h * (h * (h * (h * (h * (h * (1.0 / 5040) + 1.0 / 720) + 1.0 / 120) + 1.0 / 24) + 1.0 / 6) + 0.5);
    const TwoLanes power = look_up(table.powers, steps);
    const DoubleLanes m = power.first + (power.second + power.first * (h + (rest + tail)));
    return m * doubles_of(((steps & ~std::uint64_t{31}) << 47) + 0x3ff0000000000000);
}

// Rows become columns. Each pass doubles how many numbers of a column lie side by side.
void turn(DoubleLanes (&rows)[lanes]) {
    for (std::size_t side_by_side = 1; side_by_side < lanes; side_by_side *= 2) {
        DoubleLanes turned[lanes];
        for (std::size_t i = 0; i < lanes / 2; ++i) {
            const TwoLanes both = in_turn(rows[i], rows[i + lanes / 2]);
            turned[2 * i] = both.first;
            turned[2 * i + 1] = both.second;
        }
        for (std::size_t i = 0; i < lanes; ++i) rows[i] = turned[i];
    }
}

template <class Value>
void turn_rows_of(const TurnRows& turning, const Value& value) {
    const std::size_t paths = turning.paths / lanes * lanes;
    const std::size_t numbers = turning.numbers / lanes * lanes;
    for (std::size_t path = 0; path < paths; path += lanes)
        for (std::size_t n = 0; n < numbers; n += lanes) {
            DoubleLanes tile[lanes];
            for (std::size_t i = 0; i < lanes; ++i)
                tile[i] = value(load(turning.rows + (n + i) * turning.paths + path)) * turning.scale[n + i];
            turn(tile);
            for (std::size_t i = 0; i < lanes; ++i) store(turning.to + (path + i) * turning.stride + n, tile[i]);
        }
    for (std::size_t path = 0; path < turning.paths; ++path)
        for (std::size_t n = path < paths ? numbers : 0; n < turning.numbers; ++n)
            turning.to[path * turning.stride + n] =
                value(in_all(turning.rows[n * turning.paths + path]))[0] * turning.scale[n];
}

}  // namespace

[[gnu::flatten]] void exp_values(const ExpTable& table, double* values, std::size_t count) {
    const ExpLanes parts = exp_lanes(table);
    std::size_t i = 0;
    for (; i + lanes <= count; i += lanes) store(values + i, exp_of(parts, load(values + i)));
    if (const std::size_t left = (count - i) * sizeof(double); left > 0) {
        DoubleLanes x = in_all(0.0);
        std::memcpy(&x, values + i, left);
        x = exp_of(parts, x);
        std::memcpy(values + i, &x, left);
    }
}

[[gnu::flatten]] void turn_rows(const TurnRows& turning) {
    if (turning.exp == nullptr) return turn_rows_of(turning, [](DoubleLanes x) { return x; });
    const ExpLanes parts = exp_lanes(*turning.exp);
    turn_rows_of(turning, [&parts](DoubleLanes x) { return exp_of(parts, x); });
}
