// Logarithms by lanes, included by each level's file inside that level's namespace. The operations are those of log
// (real.cpp), in its order, so that the bits are its bits.
namespace {

struct LanesPair {
    DoubleLanes high;
    DoubleLanes low;
};

LanesPair sum_of(DoubleLanes a, DoubleLanes b) {
    const DoubleLanes s = a + b;
    const DoubleLanes t = s - a;
    return {s, (a - (s - t)) + (b - t)};
}

LanesPair added(LanesPair a, DoubleLanes b) {
    const LanesPair s = sum_of(a.high, b);
    const DoubleLanes rest = s.low + a.low;
    const DoubleLanes high = s.high + rest;
    return {high, rest - (high - s.high)};
}

LanesPair square_of(DoubleLanes a) {
    const DoubleLanes p = a * a;
    const DoubleLanes t = a * 134217729.0;
    const DoubleLanes high = t - (t - a);
    const DoubleLanes low = a - high;
    const DoubleLanes cross = high * low;
    return {p, ((high * high - p) + cross + cross) + low * low};
}

// Of x > 0; anything else that is not below infinity stays as it is.
DoubleLanes log_of_positive(const LogTable& table, DoubleLanes x) {
    constexpr std::uint64_t ahead_of_lowest = 0x0006000000000000;  // 2^52*1022 above lowest_mantissa
    const MaskLanes is_small = x < in_all(2.2250738585072014e-308);
    const WordLanes bits = bits_of(select(is_small, x * 18014398509481984.0, x));
    const WordLanes offset = bits - in_all(ahead_of_lowest);
    const WordLanes k = offset >> 52;  // and 1022
    const DoubleLanes exponent =
        doubles_of(k | 0x4330000000000000) - select(is_small, in_all(0x1p52 + 1076.0), in_all(0x1p52 + 1022.0));
    const WordLanes entry = ((offset >> 45) & 127) * 3;
    const DoubleLanes inverse = gather(table.entries, entry);
    const WordLanes mantissa = bits - (k << 52) + (std::uint64_t{1022} << 52);
    const DoubleLanes m = doubles_of(mantissa);
    const DoubleLanes m_high = doubles_of(mantissa & (~std::uint64_t{0} << 27));
    const LanesPair r = sum_of(m_high * inverse - 1.0, (m - m_high) * inverse);
    const DoubleLanes h = r.high;
    const LanesPair square = square_of(h);
    DoubleLanes series = h * (1.0 / 9) + -1.0 / 8;
    series = h * series + 1.0 / 7;
    series = h * series + -1.0 / 6;
    series = h * series + 1.0 / 5;
    series = h * series + -1.0 / 4;
    series = h * series + 1.0 / 3;
    const DoubleLanes cubic = h * square.high * series;
    LanesPair sum = sum_of(exponent * table.ln2_high, gather(table.entries, entry + 1));
    sum = added(sum, h);
    sum = added(sum, square.high * -0.5);
    const DoubleLanes low = exponent * table.ln2_low + gather(table.entries, entry + 2) + r.low * (in_all(1.0) - h) +
                            cubic - square.low * 0.5;
    return select(x < doubles_of(in_all(std::uint64_t{0x7ff0000000000000})), added(sum, low).high, x);
}

}  // namespace

[[gnu::flatten]] void logs(const LogTable& table, double* values, std::size_t count) {
    std::size_t done = 0;
    for (; done + lanes <= count; done += lanes) store(values + done, log_of_positive(table, load(values + done)));
    if (const std::size_t left = (count - done) * sizeof(double); left > 0) {
        DoubleLanes some = in_all(1.0);
        std::memcpy(&some, values + done, left);
        some = log_of_positive(table, some);
        std::memcpy(values + done, &some, left);
    }
}
