// Owners who add collateral before they are liquidated, and take some out when they have plenty (model 22). The margin
// ratio is maintenance over equity: above 1 the owner is liquidatable. Money in the settlement currency.
#pragma once

#include <cstdint>
#include <vector>

namespace levcore {

// One group's habit.
struct TopUp {
    double above = 1.0;        // a margin ratio above this calls for collateral
    double below = 0.0;        // one below this for taking some out; 0: never
    double to = 0.5;           // where either is to bring it
    double probability = 1.0;  // that a call is answered at all
    double delay = 0.0;        // days from a call to its answer
    double reserve = 0.0;      // what an owner has outside, over its equity at the start
};

inline constexpr std::int32_t no_rule = -1;

struct Control {
    std::vector<TopUp> rules;
    std::vector<std::int32_t> rule_of;  // per position; those of an account have one
    std::uint64_t seed = 0;
    std::uint64_t first_path = 0;  // what the first path of a run counts as
};

enum class Call : std::int8_t { none = 0, add = 1, take_out = -1 };

// What a margin ratio calls for.
Call call_of(const TopUp& rule, double equity, double maintenance) noexcept;

// What brings the margin ratio to where it is wanted: > 0 to be added, < 0 to be taken out.
double lacking(const TopUp& rule, double equity, double maintenance) noexcept;

// Whether a call that begins in this step is answered; `position` is the owner's first one.
bool is_answered(const TopUp& rule, std::uint64_t seed, std::uint64_t path, std::uint32_t position,
                 std::int64_t step) noexcept;

// By which share of itself a price may move before the margin ratio crosses an end of its band, of a claim of `exposed`
// notional whose requirement rises by at most `rate` of it: until then it calls for what it calls for now.
double quiet_share(const TopUp& rule, double equity, double maintenance, double exposed, double rate) noexcept;

}  // namespace levcore
