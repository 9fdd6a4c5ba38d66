// exp by lanes, included by each level's file inside that level's namespace: the operations of real.cpp in its order,
// and so its bits.
namespace {

constexpr double exp_reach = 690.0;  // within it no power of two is out of range

DoubleLanes exp_of(const ExpTable& table, DoubleLanes x) {
    constexpr double to_integer = 6755399441055744.0;
    const DoubleLanes shifted = x * table.steps_per_unit + to_integer;
    const WordLanes steps = bits_of(shifted);  // its last bits are those of the whole number
    const DoubleLanes k = shifted - to_integer;
    const DoubleLanes a = x - k * table.step_high;
    const DoubleLanes b = k * table.step_low;
    const DoubleLanes sum = a - b;
    const DoubleLanes part = sum - a;
    const DoubleLanes error = (a - (sum - part)) - (b + part);
    const DoubleLanes h = sum + error;
    const DoubleLanes rest = error - (h - sum);
    const DoubleLanes tail =
        h * h * (h * (h * (h * (h * (h * (1.0 / 5040) + 1.0 / 720) + 1.0 / 120) + 1.0 / 24) + 1.0 / 6) + 0.5);
    const WordLanes index = (steps & 31) << 1;
    const DoubleLanes high = gather(table.powers, index);
    const DoubleLanes low = gather(table.powers + 1, index);
    const DoubleLanes m = high + (low + high * (h + (rest + tail)));
    return m * doubles_of(((steps & ~std::uint64_t{31}) << 47) + 0x3ff0000000000000);
}

bool all_within_reach(const double* values, std::size_t count) {
    MaskLanes within = in_all(0.0) < in_all(1.0);
    for (std::size_t i = 0; i < count; i += lanes) {
        const DoubleLanes x = load(values + i);
        within = within & (in_all(-exp_reach) <= x) & (x <= in_all(exp_reach));
    }
    bool all = true;
    for (std::size_t i = 0; i < lanes; ++i) all = all && within[i] != 0;
    return all;
}

}  // namespace

[[gnu::flatten]] std::size_t exp_values(const ExpTable& table, double* values, std::size_t count) {
    constexpr std::size_t at_once = 16 * lanes;
    std::size_t done = 0;
    while (count - done >= lanes) {
        const std::size_t some = count - done < at_once ? (count - done) / lanes * lanes : at_once;
        if (!all_within_reach(values + done, some)) break;
        for (std::size_t i = 0; i < some; i += lanes) store(values + done + i, exp_of(table, load(values + done + i)));
        done += some;
    }
    return done;
}
