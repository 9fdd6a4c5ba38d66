// An isolated position's turn in a round (model 6, 7, 19): its order, or the backstop that takes it over at the mark,
// and its settlement.
#pragma once

#include "levcore/losses.hpp"
#include "levcore/run.hpp"

namespace levcore {

// Closes what the rules say of a position that is liquidatable.
void liquidate(Run& run, Leaving leaving);

// Whether the backstop takes over what has so much equity left of what is required.
bool is_taken_over(const Venue& venue, double equity, double maintenance);

// The backstop takes over an amount of coin at the unit price of the mark, which does not move.
void take_at_mark(Run& run, std::uint32_t instrument, double coin, double unit);

}  // namespace levcore
