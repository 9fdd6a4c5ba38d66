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
    const double* const first = fall.rungs + rung_numbers * n + number;
    if (n + lanes <= fall.rows + 1) return gather(first, lane_numbers() * rung_numbers);
    DoubleLanes some = in_all(0.0);
    for (std::size_t i = 0; i < lanes; ++i) some[i] = first[rung_numbers * (n + i < fall.rows ? i : fall.rows - n)];
    return some;
}

}  // namespace

[[gnu::flatten]] std::size_t fall_of_root(const RootFall& fall) {
    constexpr int longest = 3;
    constexpr int by = 3;  // a span is 2^3 of the level below
    const FallLanes at{in_all(fall.sign),       in_all(fall.log_price),   in_all(fall.log_permanent),
                       in_all(fall.refilled),   in_all(fall.other_side),  in_all(fall.mark_follow),
                       in_all(fall.coefficient)};
    std::size_t row = fall.from;
    int level = fall.first_level;
    while (row < fall.rows) {
        std::size_t n = row >> (by * level);
        MaskLanes stay;
        if (level > 0) {
            stay = lanes_to_stay(at, fall.at_equality, load(fall.height[level - 1] + n),
                                 load(fall.quantity[level - 1] + n));
        } else {
            const DoubleLanes height = rungs_from(fall, n, 0);
            stay = lanes_to_stay(at, fall.at_equality, height, rungs_from(fall, n, 1));
        }
        const std::size_t lane = first_lane(stay);
        n += lane;
        const std::size_t begin = n << (by * level);
        row = begin > row ? begin : row;
        if (lane < lanes) {
            if (level == fall.last_level) break;
            --level;
        } else if (level < longest && (n & 7) == 0) {  // up again, where a longer span begins
            ++level;
        }
    }
    return row < fall.rows ? row : fall.rows;
}
