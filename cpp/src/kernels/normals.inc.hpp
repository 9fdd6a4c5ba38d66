// Random words and normals by lanes, included by each level's file inside that level's namespace. Several groups of
// lanes go side by side, for each step of one waits for the step before. Accuracy: within 4 ulp of Box and Muller's
// formula (tests/test_kernels.py). Coefficients: Remez' exchange in 60 digits; the largest relative error of the log's
// series is 2^-59, of the sine's 2^-58 and of the cosine's 2^-64.
namespace {

template <std::size_t groups>
struct Words {
    WordLanes low[groups];   // w0 and w1 of a block
    WordLanes high[groups];  // w2 and w3
};

struct Keys {
    WordLanes round[10][2];
};

Keys keys_of(std::uint64_t seed) {
    Keys keys;
    auto first = static_cast<std::uint32_t>(seed);
    auto second = static_cast<std::uint32_t>(seed >> 32);
    for (auto& round : keys.round) {
        round[0] = in_all(std::uint64_t{first});
        round[1] = in_all(std::uint64_t{second});
        first += 0x9E3779B9;
        second += 0xBB67AE85;
    }
    return keys;
}

WordLanes first_product(WordLanes c) { return multiply_low_halves(c, in_all(std::uint64_t{0xD2511F53})); }
WordLanes second_product(WordLanes c) { return multiply_low_halves(c, in_all(std::uint64_t{0xCD9E8D57})); }

// Philox4x32-10 from the third round on. A lane holds a 32-bit word; above it may lie anything, which no product sees.
template <std::size_t groups>
Words<groups> philox_from(const Keys& keys, WordLanes (&c)[4][groups]) {
    for (std::size_t round = 2; round < 10; ++round)
        for (std::size_t g = 0; g < groups; ++g) {
            const WordLanes a = first_product(c[0][g]);
            const WordLanes b = second_product(c[2][g]);
            c[0][g] = exclusive_or(b >> 32, c[1][g], keys.round[round][0]);
            c[1][g] = b;
            c[2][g] = exclusive_or(a >> 32, c[3][g], keys.round[round][1]);
            c[3][g] = a;
        }
    Words<groups> words;
    const WordLanes low_half = in_all(std::uint64_t{0xffffffff});
    for (std::size_t g = 0; g < groups; ++g) {
        words.low[g] = select_bits(low_half, c[0][g], c[1][g] << 32);
        words.high[g] = select_bits(low_half, c[2][g], c[3][g] << 32);
    }
    return words;
}

// (floor(word/2^11) + 1)/2^53 in (0, 1], exactly: 52 bits as a fraction of 1, and 1 or 2 times 2^-53.
DoubleLanes above_zero(WordLanes word) {
    const DoubleLanes most = doubles_of((word >> 12) | 0x3ff0000000000000) - 1.0;
    const WordLanes last = (word << 41) & 0x0010000000000000;  // one step of the exponent
    return most + doubles_of(last + 0x3ca0000000000000);
}

// log(x) for x in [2^-53, 1]: x = 2^k*(1 + f), 1 + f in [sqrt(1/2), sqrt(2)), and log(1 + f) = 2*atanh(s).
DoubleLanes log_of(DoubleLanes x) {
    constexpr std::uint64_t root_of_half = 0x3fe6a09e667f3bcd;
    constexpr double ln2_high = 0x1.62e42fefp-1;  // k*ln2_high is exact
    constexpr double ln2_low = 0x1.473de6af278edp-34;
    const WordLanes shifted = bits_of(x) + (0x3ff0000000000000 - root_of_half);
    const DoubleLanes k = doubles_of((shifted >> 52) | 0x4330000000000000) - (0x1p52 + 1023.0);
    const DoubleLanes f = doubles_of((shifted & 0x000fffffffffffff) + root_of_half) - 1.0;
    const DoubleLanes s = f / (f + 2.0);
    const DoubleLanes z = s * s;
    const DoubleLanes w = z * z;
    const DoubleLanes even =
        ((w * 0x1.2f0563674ad8fp-3 + 0x1.74663ee846c14p-3) * w + 0x1.24924941f123ap-2) * w + 0x1.5555555555592p-1;
    const DoubleLanes odd = (w * 0x1.39a1bababab4bp-3 + 0x1.c71c52095dfa3p-3) * w + 0x1.999999997fdb8p-2;
    const DoubleLanes tail = f - z * (even + z * odd);
    return k * ln2_high + (f - (s * tail - k * ln2_low));
}

struct Turn {
    DoubleLanes cosine;
    DoubleLanes sine;
};

// Of floor(word/2^11)/2^53 turns: the nearest quarter apart, r quarters are left, abs(r) <= 1/2.
Turn turn_of(WordLanes word) {
    const WordLanes half_on = word + 0x2000000000000000;  // the two top bits number the quarter
    const DoubleLanes r =
        doubles_of(((half_on >> 10) & 0x000ffffffffffffe) | 0x3ff0000000000000) - 1.5;  // without the last 11 bits
    const DoubleLanes z = r * r;
    const DoubleLanes w = z * z;
    const DoubleLanes odd = ((w * 0x1.e403d08465f54p-25 + 0x1.5078301b62593p-13) * w + 0x1.466bc67758d85p-4) * w;
    const DoubleLanes even = (w * -0x1.e300a65a2e2f2p-19 + -0x1.32d2cce3332dep-8) * w + -0x1.4abbce625be47p-1;
    const DoubleLanes sine = r * 0x1.921fb54442d18p+0 + r * (z * even + (odd + 0x1.1a62633145c07p-54));
    const DoubleLanes up =
        ((w * -0x1.b26fe85a7dbf9p-28 + -0x1.a6d1ecb740149p-16) * w + -0x1.55d3c7e3c95bcp-6) * w + -0x1.3bd3cc9be45dep+0;
    const DoubleLanes down = (w * 0x1.f9cc6acfc386cp-22 + 0x1.e1f50683b42cap-11) * w + 0x1.03c1f081b5ab0p-2;
    const DoubleLanes cosine = z * (up + z * down) + 1.0;
    const WordLanes odd_quarter = half_on << 1;
    constexpr std::uint64_t sign = 0x8000000000000000;
    const WordLanes c = bits_of(select_by_top_bit(odd_quarter, sine, cosine));
    const WordLanes s = bits_of(select_by_top_bit(odd_quarter, cosine, sine));
    return {doubles_of(c ^ ((half_on ^ odd_quarter) & sign)), doubles_of(s ^ (half_on & sign))};
}

DoubleLanes radius_of(WordLanes word) { return square_root(log_of(above_zero(word)) * -2.0); }

// Words of many groups, and then each step of the formula for all of them: so short a loop that what one group waits
// for others do, where a CPU looks a few hundred instructions ahead.
constexpr std::size_t most_groups = 128 / lanes;
constexpr std::size_t words_at_once = 4;  // groups whose words stay in registers

struct Staged {
    WordLanes low[most_groups];
    WordLanes high[most_groups];
    DoubleLanes radius[most_groups];
};

template <std::size_t groups>
void put_words(Staged& staged, std::size_t at, const Words<groups>& words) {
    for (std::size_t g = 0; g < groups; ++g) {
        staged.low[at + g] = words.low[g];
        staged.high[at + g] = words.high[g];
    }
}

// What draws the words of so many groups from one on, as many at once as there are.
template <class F>
void draw_words(std::size_t groups, F&& draw) {
    std::size_t g = 0;
    for (; g + words_at_once <= groups; g += words_at_once) draw.template operator()<words_at_once>(g);
    for (; g < groups; ++g) draw.template operator()<1>(g);
}

// Both numbers of each block, group by group.
template <class F>
void each_group(Staged& staged, std::size_t groups, F&& put) {
    for (std::size_t g = 0; g < groups; ++g) staged.radius[g] = radius_of(staged.low[g]);
    for (std::size_t g = 0; g < groups; ++g) {
        const Turn turn = turn_of(staged.high[g]);
        put(g, staged.radius[g] * turn.cosine, staged.radius[g] * turn.sine);
    }
}

// What the first two rounds make of a path alone, whatever the block: it is worked out once for all its numbers.
struct OfPaths {
    WordLanes first;   // of the first round's word 0
    WordLanes zeroth;  // of the second round's words
    WordLanes second;
    WordLanes product;
};

OfPaths of_paths(const Keys& keys, WordLanes path, std::uint64_t stream) {
    const WordLanes a = first_product(path);
    const WordLanes product = second_product(exclusive_or(a >> 32, in_all(stream), keys.round[0][1]));
    return {(path >> 32) ^ keys.round[0][0], (product >> 32) ^ keys.round[1][0], a ^ keys.round[1][1], product};
}

// Of blocks, one a lane, and paths; both are asked for by group.
template <std::size_t groups, class OfGroup, class BlockOf>
Words<groups> philox_of(const Keys& keys, OfGroup&& of_group, BlockOf&& block_of) {
    WordLanes c[4][groups];
    for (std::size_t g = 0; g < groups; ++g) {
        const OfPaths& of = of_group(g);
        const WordLanes b = second_product(block_of(g));
        const WordLanes a = first_product(of.first ^ (b >> 32));
        c[0][g] = of.zeroth ^ b;
        c[1][g] = of.product;
        c[2][g] = (a >> 32) ^ of.second;
        c[3][g] = a;
    }
    return philox_from<groups>(keys, c);
}

void put(double* place, std::size_t some, DoubleLanes x) {
    if (some == lanes)
        store(place, x);
    else
        std::memcpy(place, &x, some * sizeof(double));
}

constexpr std::size_t at_most(std::size_t x, std::size_t most) { return x < most ? x : most; }

// All numbers of so many paths from one on.
void rows_of_paths(const Keys& keys, const NormalRows& rows, std::size_t from, std::size_t paths, double* out) {
    const std::size_t groups = (paths + lanes - 1) / lanes;
    OfPaths of[most_groups];
    for (std::size_t g = 0; g < groups; ++g)
        of[g] = of_paths(keys, lane_numbers() * rows.path_step + (rows.path + (from + g * lanes) * rows.path_step),
                         rows.stream);
    const std::uint64_t end = rows.first + rows.count;
    Staged staged;
    for (std::uint64_t block = rows.first / 2; 2 * block < end; ++block) {
        const WordLanes blocks = in_all(block);
        draw_words(groups, [&]<std::size_t some>(std::size_t at) {
            put_words(staged, at,
                      philox_of<some>(
                          keys, [&](std::size_t g) -> const OfPaths& { return of[at + g]; },
                          [&](std::size_t) { return blocks; }));
        });
        const auto put_row = [&](std::uint64_t number, std::size_t g, DoubleLanes x) {
            if (number < rows.first || number >= end) return;
            put(out + (number - rows.first) * rows.paths + from + g * lanes, at_most(paths - g * lanes, lanes), x);
        };
        each_group(staged, groups, [&](std::size_t g, DoubleLanes first, DoubleLanes second) {
            put_row(2 * block, g, first);
            put_row(2 * block + 1, g, second);
        });
    }
}

}  // namespace

[[gnu::flatten]] void normal_rows(const NormalRows& rows, double* out) {
    const Keys keys = keys_of(rows.seed);
    constexpr std::size_t most = most_groups * lanes;
    for (std::size_t from = 0; from < rows.paths; from += most)
        rows_of_paths(keys, rows, from, at_most(rows.paths - from, most), out);
}

[[gnu::flatten]] void normals_in_pairs(const PairsOfNormals& pairs, double* out) {
    const Keys keys = keys_of(pairs.seed);
    const OfPaths of = of_paths(keys, in_all(pairs.path), pairs.stream);
    Staged staged;
    for (std::size_t done = 0; done < pairs.count; done += most_groups * lanes) {
        const std::size_t left = at_most(pairs.count - done, most_groups * lanes);
        const std::size_t groups = (left + lanes - 1) / lanes;
        const WordLanes block = lane_numbers() + (pairs.block + done);
        draw_words(groups, [&]<std::size_t some>(std::size_t at) {
            put_words(staged, at,
                      philox_of<some>(
                          keys, [&](std::size_t) -> const OfPaths& { return of; },
                          [&](std::size_t g) { return block + (at + g) * lanes; }));
        });
        each_group(staged, groups, [&](std::size_t g, DoubleLanes first, DoubleLanes second) {
            double* const place = out + 2 * (done + g * lanes);
            const std::size_t some = at_most(left - g * lanes, lanes);
            if (some == lanes) return store_in_pairs(place, first, second);
            double both[2 * lanes];
            store_in_pairs(both, first, second);
            std::memcpy(place, both, 2 * some * sizeof(double));
        });
    }
}
