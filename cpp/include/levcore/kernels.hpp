// Kernels: the inner loops that are compiled once for each level of vector instructions, and the level in use. Every
// level gives the same bits. Kernel files include this header, so nothing in it has a body.
#pragma once

#include <cstddef>
#include <cstdint>

namespace levcore {

// From the least to the most.
enum class SimdLevel : std::uint8_t { baseline, avx2, avx512 };

// Normals 2*block to 2*(block + count) of one path, each two of one block of random words.
struct PairsOfNormals {
    std::uint64_t seed;
    std::uint64_t stream;
    std::uint64_t path;
    std::uint64_t block;  // below 2^32, the last one too
    std::size_t count;
};

// Normals [first, first + count) of paths path + i*path_step, i < paths: a row a number, in it a number a path.
struct NormalRows {
    std::uint64_t seed;
    std::uint64_t stream;
    std::uint64_t path;
    std::uint64_t path_step;
    std::size_t paths;
    std::uint64_t first;  // below 2^33, the last one too
    std::size_t count;
};

// What exp is made of (real.cpp): 2^(j/32), j < 32, and log(2)/32, each in a high and a low part, and its inverse.
struct ExpTable {
    const double* powers;  // high and low in turn
    double step_high;
    double step_low;
    double steps_per_unit;
};

// Rows of one asset, a step each, whose numbers become log prices: each moves by what the law makes of the number, and
// stands `from` above its path's `moved`, which goes on from before. The least and the most of each path's.
struct WalkRows {
    double* rows;
    std::size_t steps;
    std::size_t paths;   // numbers of a row
    std::size_t stride;  // from a row to the next
    double from;
    double* moved;
    double* least;
    double* most;
};

// The laws: mean + loading*z; with the path's variance h, mean - h/2 + sqrt(h)*z, whereafter h is
// omega + h*(beta + alpha*z^2), alpha that of the sign; and the same, whereafter log(h) is
// omega + beta*log(h) + alpha*abs(z) + gamma*z. A variance that grows without end stops at `most_variance`.
inline constexpr double most_variance = 1e8;
inline constexpr double most_log_variance = 18.420680743952367;
struct GbmLaw {
    double mean;
    double loading;
};

struct GarchLaw {
    double mean;
    double omega;
    double alpha;       // z >= 0
    double alpha_fall;  // z < 0
    double beta;
    double* variance;  // per path
};

struct EgarchLaw {
    double mean;
    double omega;
    double alpha;
    double gamma;
    double beta;
    double* log_variance;  // per path
    ExpTable exp;
};

// Rows of standard normals that become Student's t scaled to unit variance, with the help of independent ones.
struct StudentRows {
    double* rows;
    const double* beside;
    std::size_t steps;
    std::size_t paths;
    std::size_t stride;
    double per_degree;  // 1/degrees of freedom
    double scale;       // sqrt(1 - 2/degrees of freedom)
    ExpTable exp;
};

// Rows of standard normals that become log returns of a variance that walks itself (heston.hpp).
struct HestonRows {
    double* rows;
    const double* beside;
    std::size_t steps;
    std::size_t paths;
    std::size_t stride;
    double mean;
    double reversion;
    double long_run;
    double drawn_with;   // volatility of the variance times its correlation with the price
    double drawn_apart;  // the rest of it
    double* variance;    // a number a path
};

// Rows of all assets, steps x assets x paths: those of asset k become base[k] + sum over j <= k of
// loading[k*assets + j] times those of asset j; without a base 0 stands for it.
struct MixRows {
    double* rows;
    std::size_t steps;
    std::size_t paths;
    std::size_t assets;
    const double* base;
    const double* loading;
};

// A block's log prices of one asset, and how far each path's went; what a path waits for: prices at or below, at or
// above. Notes how far prices have gone so far, and marks, which stand `offset` above, of paths that meet nothing; and
// of the others which prices go as far as all before them and what they wait for: a bit a step, those that rise behind
// those that fall.
inline constexpr std::size_t most_watched_steps = 32;
struct WatchRows {
    const double* rows;
    std::size_t steps;
    std::size_t paths;
    std::size_t stride;
    const double* least;
    const double* most;
    const double* below;
    const double* above;
    const double* offset;
    double* lowest;
    double* highest;
    double* lowest_mark;
    double* highest_mark;
    std::uint64_t* pushes;
};

// Stretches of a side on linear walks: what each trades, at the walk's average price where it moves the walk little.
// Columns have room for whole lanes.
struct TradeRows {
    std::size_t count;
    double sign;  // of longs 1, of shorts -1
    double depth;
    double spread;
    ExpTable exp;
    const double* log_price;  // the fundamental one
    const double* volume;     // X before
    const double* before;     // what the side has closed before, in two parts, and after
    const double* before_low;
    const double* after;
    const double* after_low;
    double* worst;  // the bound that is held against a block's; below all where no price is one
    double* size;
    double* moved;  // by how much the walk's log price moves
    double* price;  // of the first of its orders
    double* traded;
};

// Rows, numbers x paths, that become columns: exp of number n of path p, times scale[n], is to[p*stride + n].
struct TurnRows {
    const ExpTable* exp;  // abs(x) <= 690; null: the number itself
    const double* rows;
    std::size_t numbers;
    std::size_t paths;
    const double* scale;
    double* to;
    std::size_t stride;
};

// Lines of a requirement, and which of them holds where the claim's abs(cash) lies (price_lines.hpp). A cell is a
// stretch of numbers that share sign, exponent and first bits; it is a number that the line of the cell's last bits
// ends at, or nan where the cell does not know. Its cell for what gains when its unit price rises, then that for what
// loses.
inline constexpr std::size_t most_price_lines = 16;
inline constexpr int price_cell_shift = 48;       // 16 cells an octave
inline constexpr double price_bound_room = 1e-6;  // cash nearer to a bound than this is not told apart from it
struct PriceLineTables {
    const double* rate;  // most_price_lines of them
    const double* deduction;
    const std::uint64_t* cells;
    std::uint64_t first_cell;  // bits of the least, shifted
    double least;              // abs(cash) is looked up within these
    double most;
};

struct PositionColumns {
    const double* quantity;
    const double* entry_price;
    const double* margin;
    std::size_t count;
};

// What stands where there is no price, and where the tables cannot tell.
inline constexpr std::uint64_t no_price_bits = 0x7ff8000000000000;
inline constexpr std::uint64_t unsure_price_bits = 0x7ff8000000000001;

// What log works with: for each 128th part of [0.6875, 1.375) a c near its inverse, and -log(c) in two parts.
struct LogTable {
    const double* entries;  // 3 a part
    double ln2_high;
    double ln2_low;
};

// A side of the ladder under square-root impact (ladder_fall.hpp): rungs of so many numbers, of which the first are
// height and quantity before; spans of 8, 64 and 512 rows, columns that go on for 8 more.
inline constexpr std::uint64_t rung_numbers = 4;
struct RootFall {
    const double* rungs;
    std::size_t rows;
    const double* height[3];
    const double* quantity[3];
    double sign;
    double log_price;
    double log_permanent;
    double refilled;
    double other_side;
    double mark_follow;
    double coefficient;
    bool at_equality;
    std::size_t from;
    int first_level;  // where one begins: with spans of 512 rows at 3, with rows at 0
    int last_level;   // that is looked at
};

// Many of one side, from one first level to one last: of each the log price and what the other side has closed; from
// which row on, and then what fall_of_root says.
struct RootFalls {
    RootFall alike;  // but for these three
    std::size_t count;
    const double* log_price;
    const double* other_side;
    std::size_t* row;
};

// Orders under square-root impact: of each the displacement before it, its size, and what average price it trades at,
// over the one without displacement; nan where the order is not small, or takes the displacement to zero or beyond. A
// whole number of times 8 of them.
struct RootRatios {
    std::size_t count;
    double sign;  // +1 sells
    double coefficient;
    ExpTable exp;
    const double* volume;
    const double* size;
    double* ratio;
};

struct Kernels {
    SimdLevel level;
    void (*normal_rows)(const NormalRows& rows, double* out);
    void (*normals_in_pairs)(const PairsOfNormals& pairs, double* out);
    void (*walk_gbm)(const WalkRows& walk, const GbmLaw& law);
    void (*walk_garch)(const WalkRows& walk, const GarchLaw& law);
    void (*walk_egarch)(const WalkRows& walk, const EgarchLaw& law);
    void (*student_rows)(const StudentRows& rows);
    void (*heston_rows)(const HestonRows& rows);
    void (*mix_rows)(const MixRows& mix);
    void (*exp_values)(const ExpTable& table, double* values, std::size_t count);  // abs <= 690, in place
    void (*turn_rows)(const TurnRows& turning);
    // Liquidation prices of linear positions of one instrument; false if the tables could not tell all of them.
    bool (*prices_by_lines)(const PriceLineTables& tables, const PositionColumns& held, double* prices);
    // Puts logarithms in the place of positive numbers; infinity and nan stay.
    void (*logs)(const LogTable& table, double* values, std::size_t count);
    void (*watch_rows)(const WatchRows& watch);
    void (*trade_rows)(const TradeRows& trade);
    // The first row to stay, or where the first such span of the last level begins.
    std::size_t (*fall_of_root)(const RootFall& fall);
    void (*falls_of_root)(const RootFalls& falls);
    void (*root_ratios)(const RootRatios& orders);
};

const Kernels* kernels_at(SimdLevel level) noexcept;  // null where this build or this CPU has none

// What every caller uses. The first call decides for good: the level wished for, which must be there, or the best.
const Kernels& kernels_in_use(const SimdLevel* wish) noexcept;
const Kernels& kernels_in_use() noexcept;

namespace baseline {
void normal_rows(const NormalRows& rows, double* out);
void normals_in_pairs(const PairsOfNormals& pairs, double* out);
void walk_gbm(const WalkRows& walk, const GbmLaw& law);
void walk_garch(const WalkRows& walk, const GarchLaw& law);
void walk_egarch(const WalkRows& walk, const EgarchLaw& law);
void student_rows(const StudentRows& rows);
void heston_rows(const HestonRows& rows);
void mix_rows(const MixRows& mix);
void exp_values(const ExpTable& table, double* values, std::size_t count);
void turn_rows(const TurnRows& turning);
bool prices_by_lines(const PriceLineTables& tables, const PositionColumns& held, double* prices);
void logs(const LogTable& table, double* values, std::size_t count);
void watch_rows(const WatchRows& watch);
void trade_rows(const TradeRows& trade);
std::size_t fall_of_root(const RootFall& fall);
void falls_of_root(const RootFalls& falls);
void root_ratios(const RootRatios& orders);
}  // namespace baseline

namespace avx2 {
void normal_rows(const NormalRows& rows, double* out);
void normals_in_pairs(const PairsOfNormals& pairs, double* out);
void walk_gbm(const WalkRows& walk, const GbmLaw& law);
void walk_garch(const WalkRows& walk, const GarchLaw& law);
void walk_egarch(const WalkRows& walk, const EgarchLaw& law);
void student_rows(const StudentRows& rows);
void heston_rows(const HestonRows& rows);
void mix_rows(const MixRows& mix);
void exp_values(const ExpTable& table, double* values, std::size_t count);
void turn_rows(const TurnRows& turning);
bool prices_by_lines(const PriceLineTables& tables, const PositionColumns& held, double* prices);
void logs(const LogTable& table, double* values, std::size_t count);
void watch_rows(const WatchRows& watch);
void trade_rows(const TradeRows& trade);
std::size_t fall_of_root(const RootFall& fall);
void falls_of_root(const RootFalls& falls);
void root_ratios(const RootRatios& orders);
}  // namespace avx2

namespace avx512 {
void normal_rows(const NormalRows& rows, double* out);
void normals_in_pairs(const PairsOfNormals& pairs, double* out);
void walk_gbm(const WalkRows& walk, const GbmLaw& law);
void walk_garch(const WalkRows& walk, const GarchLaw& law);
void walk_egarch(const WalkRows& walk, const EgarchLaw& law);
void student_rows(const StudentRows& rows);
void heston_rows(const HestonRows& rows);
void mix_rows(const MixRows& mix);
void exp_values(const ExpTable& table, double* values, std::size_t count);
void turn_rows(const TurnRows& turning);
bool prices_by_lines(const PriceLineTables& tables, const PositionColumns& held, double* prices);
void logs(const LogTable& table, double* values, std::size_t count);
void watch_rows(const WatchRows& watch);
void trade_rows(const TradeRows& trade);
std::size_t fall_of_root(const RootFall& fall);
void falls_of_root(const RootFalls& falls);
void root_ratios(const RootRatios& orders);
}  // namespace avx512

}  // namespace levcore
