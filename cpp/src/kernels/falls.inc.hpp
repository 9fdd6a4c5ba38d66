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
    constexpr std::size_t fewer = 8;  // spans of one length in a span of the next
    constexpr int longest = 3;        // level 0 is rows
    const FallLanes at{in_all(fall.sign),       in_all(fall.log_price),   in_all(fall.log_permanent),
                       in_all(fall.refilled),   in_all(fall.other_side),  in_all(fall.mark_follow),
                       in_all(fall.coefficient)};
    std::size_t row = fall.from;
    std::size_t length = 512;
    int level = longest;
    while (row < fall.rows) {
        std::size_t n = row / length;
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
        row = n * length > row ? n * length : row;
        if (lane == lanes) {
            // Up again, where a longer span begins.
            if (level < longest && n % fewer == 0) {
                ++level;
                length *= fewer;
            }
            continue;
        }
        if (length == fall.least_length) break;
        --level;
        length /= fewer;
    }
    return row < fall.rows ? row : fall.rows;
}
