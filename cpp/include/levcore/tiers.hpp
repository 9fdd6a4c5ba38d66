// Margin tiers: which tier a size falls in, and the maintenance requirement of a notional (model 3).
// Rates are plain numbers; floors and deductions are in the unit that the table measures (money, or contracts).
// A table is checked once, where it enters (validate); everything below trusts it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace levcore {

enum class Measure { notional, contracts, entry };

// A rate that rises with the size: max(rate, share*rate + per_size*g(contracts)), g the size or its square root.
struct SizePremium {
    double share = 1.0;
    double per_size = 0.0;  // 0: the table as it stands
    bool square_root = true;
};

struct MarginTiers {
    std::vector<double> floor;      // floor[0] = 0, strictly rising
    std::vector<double> rate;       // non-decreasing, in [0, 1)
    std::vector<double> deduction;  // continuous tables: d_k = d_{k-1} + floor_k*(r_k - r_{k-1}); whole position: zeros
    bool whole_position = false;
    Measure measure = Measure::notional;
    SizePremium premium;  // of a table of one tier that measures contracts

    [[nodiscard]] std::size_t size() const noexcept { return floor.size(); }
};

// The deductions that make a table continuous, starting from first.
std::vector<double> continuous_deductions(const std::vector<double>& floor, const std::vector<double>& rate,
                                          double first);

// What is wrong with the table, naming column, row, value and rule; empty if nothing is.
std::string validate(const MarginTiers& tiers);
std::string validate(const SizePremium& premium);

// k with floor_k <= size < floor_{k+1}.
std::size_t tier_of(const MarginTiers& tiers, double size) noexcept;

// The rate of tier k for a position of so many contracts.
double rate_at(const MarginTiers& tiers, std::size_t k, double contracts) noexcept;

// The requirement of a notional by a table that measures it: the envelope max(0, max_k(r_k*N - d_k)), or r_k*N of
// the tier of N where the whole position takes one rate. `extra` (a closing fee) is added to every rate.
double requirement(const MarginTiers& tiers, double notional, double extra = 0.0) noexcept;

}  // namespace levcore
