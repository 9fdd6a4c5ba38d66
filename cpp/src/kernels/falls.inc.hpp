// How far a cascade runs under square-root impact, by lanes of spans of rows; included by each level's file inside that
// level's namespace. The operations are those of ladder_fall.cpp and impact.cpp, in their order; each span's answer
// stands on its own, so how many lanes there are does not show in the first row that stays.
namespace {

struct FallLanes {
    DoubleLanes sign;
    DoubleLanes log_price;
    DoubleLanes log_permanent;
    DoubleLanes refilled;
    DoubleLanes other_side;
    DoubleLanes mark_follow;
    DoubleLanes coefficient;
};

// Which lanes stay.
inline MaskLanes lanes_to_stay(const FallLanes& at, bool at_equality, DoubleLanes height, DoubleLanes closed) {
    constexpr std::uint64_t sign_bit = 0x8000000000000000;
    const DoubleLanes x = at.refilled + at.sign * (at.other_side - closed);
    const WordLanes negative = bits_of(x) & sign_bit;
    const DoubleLanes size = doubles_of(bits_of(x) ^ negative);
    const DoubleLanes impact = doubles_of(bits_of(at.coefficient * square_root(size)) ^ negative);
    const DoubleLanes place = at.log_price + (at.log_permanent + at.sign * (at.mark_follow * impact));
    return at_equality ? height < place : height <= place;
}

// A number of the rungs from row n on; behind the last row stands one that nothing reaches, and no more.
inline DoubleLanes rungs_from(const RootFall& fall, std::size_t n, std::size_t number) {
    const double* const first = fall.rungs + number;
    if (n + lanes <= fall.rows + 1) return gather(first + rung_numbers * n, lane_numbers() * rung_numbers);
    DoubleLanes some = in_all(0.0);
    for (std::size_t i = 0; i < lanes; ++i) some[i] = first[rung_numbers * (n + i < fall.rows ? n + i : fall.rows)];
    return some;
}

// A bit a lane.
inline unsigned bits_of_lanes(MaskLanes where) {
#if defined(__AVX512F__) && !defined(LEVCORE_PLAIN_LANES)
    return static_cast<unsigned>(_mm512_movepi64_mask(reinterpret_cast<__m512i>(where)));
#elif defined(__AVX2__) && !defined(LEVCORE_PLAIN_LANES)
    return static_cast<unsigned>(_mm256_movemask_pd(reinterpret_cast<__m256d>(where)));
#else
    unsigned bits = 0;
    for (std::size_t i = 0; i < lanes; ++i) bits |= (where[i] != 0 ? 1U : 0U) << i;
    return bits;
#endif
}

inline std::size_t first_bit(unsigned bits) {
#if defined(__GNUC__)
    return static_cast<std::size_t>(__builtin_ctz(bits));
#else
    std::size_t i = 0;
    while ((bits >> i & 1U) == 0) ++i;
    return i;
#endif
}

inline FallLanes fall_lanes(const RootFall& fall) {
    return {in_all(fall.sign),       in_all(fall.log_price),   in_all(fall.log_permanent), in_all(fall.refilled),
            in_all(fall.other_side), in_all(fall.mark_follow), in_all(fall.coefficient)};
}

constexpr int spans_by = 3;  // a span is 2^3 of the level below

constexpr std::size_t spans_seen = 8;  // by a look, in as many lanes as it takes

// Of the spans of a level from number n on, how many go before one stays, `spans_seen` at most.
inline std::size_t spans_going(const RootFall& fall, const FallLanes& at, int level, std::size_t n) {
    unsigned staying = 1U << spans_seen;
    for (std::size_t i = 0; i < spans_seen; i += lanes) {
        const DoubleLanes height = level > 0 ? load(fall.height[level - 1] + n + i) : rungs_from(fall, n + i, 0);
        const DoubleLanes closed = level > 0 ? load(fall.quantity[level - 1] + n + i) : rungs_from(fall, n + i, 1);
        staying |= bits_of_lanes(lanes_to_stay(at, fall.at_equality, height, closed)) << i;
    }
    return first_bit(staying);
}

// Where a fall stands.
struct FallPlace {
    std::size_t row;
    int level;
};

// After a look that so many spans have passed: false where the fall ends.
inline bool falls_on(const RootFall& fall, FallPlace& at, std::size_t going) {
    constexpr int longest = 3;
    const std::size_t n = (at.row >> (spans_by * at.level)) + going;
    const std::size_t begin = n << (spans_by * at.level);
    at.row = begin > at.row ? begin : at.row;
    if (at.row >= fall.rows) {
        at.row = fall.rows;
        return false;
    }
    if (going < spans_seen) return --at.level >= fall.last_level;
    if (at.level < longest && (n & 7) == 0) ++at.level;  // up again, where a longer span begins
    return true;
}

}  // namespace

[[gnu::flatten]] std::size_t fall_of_root(const RootFall& fall) {
    const FallLanes lanes_at = fall_lanes(fall);
    FallPlace at{fall.from, fall.first_level};
    while (falls_on(fall, at, spans_going(fall, lanes_at, at.level, at.row >> (spans_by * at.level)))) continue;
    return at.row;
}

// Some side by side, for each waits for its square roots; where one ends, the next begins.
[[gnu::flatten]] void falls_of_root(const RootFalls& falls) {
    constexpr std::size_t side_by_side = 4;
    const RootFall fall = falls.alike;
    FallLanes lanes_at[side_by_side];
    FallPlace at[side_by_side];
    std::size_t number[side_by_side];
    std::size_t next = 0;
    const auto begin = [&](std::size_t i) {  // behind the last one it goes on, in vain
        const std::size_t which = next < falls.count ? next : falls.count - 1;
        number[i] = next++;
        lanes_at[i].log_price = in_all(falls.log_price[which]);
        lanes_at[i].other_side = in_all(falls.other_side[which]);
        at[i] = {falls.row[which], fall.first_level};
    };
    if (falls.count == 0) return;
    for (std::size_t i = 0; i < side_by_side; ++i) {
        lanes_at[i] = fall_lanes(fall);
        begin(i);
    }
    for (std::size_t ended = 0; ended < falls.count;) {
        std::size_t going[side_by_side];
        for (std::size_t i = 0; i < side_by_side; ++i)
            going[i] = spans_going(fall, lanes_at[i], at[i].level, at[i].row >> (spans_by * at[i].level));
        for (std::size_t i = 0; i < side_by_side; ++i) {
            if (falls_on(fall, at[i], going[i])) continue;
            if (number[i] < falls.count) {
                falls.row[number[i]] = at[i].row;
                ++ended;
            }
            begin(i);
        }
    }
}

namespace {

// Both weights of mean_on_side in impact.cpp by their series, of which less than 2^-56 is left out for abs(u) < 2^-6.
inline DoubleLanes mean_of_exp(DoubleLanes u) {
    return u * (u * (u * (u * (u * (u * (1.0 / 5040) + 1.0 / 720) + 1.0 / 120) + 1.0 / 24) + 1.0 / 6) + 0.5) + 1.0;
}
inline DoubleLanes mean_of_u_exp(DoubleLanes u) {
    return u * (u * (u * (u * (u * (u * (1.0 / 5760) + 1.0 / 840) + 1.0 / 144) + 1.0 / 30) + 1.0 / 8) + 1.0 / 3) + 0.5;
}

}  // namespace

[[gnu::flatten]] void root_ratios(const RootRatios& orders) {
    constexpr std::uint64_t sign_bit = 0x8000000000000000;
    const ExpLanes exp = exp_lanes(orders.exp);
    const DoubleLanes sign = in_all(orders.sign);
    const DoubleLanes k = in_all(orders.coefficient);
    const DoubleLanes none = doubles_of(in_all(no_price_bits));
    for (std::size_t i = 0; i < orders.count; i += lanes) {
        const DoubleLanes before = load(orders.volume + i);
        const DoubleLanes size = load(orders.size + i);
        const DoubleLanes after = before - sign * size;
        const WordLanes side = bits_of(before) & sign_bit;
        const DoubleLanes from =
            minimum(doubles_of(bits_of(before) & ~sign_bit), doubles_of(bits_of(after) & ~sign_bit));
        const DoubleLanes root_from = square_root(from);
        const DoubleLanes root_to = square_root(from + size);
        const DoubleLanes t = k * root_from;
        const DoubleLanes h = k * size / (root_from + root_to);
        const DoubleLanes u = doubles_of(bits_of(h) ^ side);
        const DoubleLanes most = in_all(0x1p-6);
        const MaskLanes small = (h < most) & (t < in_all(600.0)) & (in_all(0.0) < before * after);
        const DoubleLanes at = doubles_of(bits_of(minimum(t, in_all(600.0))) ^ side);
        const DoubleLanes ratio = exp_of(exp, at) * (t * mean_of_exp(u) + h * mean_of_u_exp(u)) / (t + h * 0.5);
        store(orders.ratio + i, select(small, ratio, none));
    }
}
