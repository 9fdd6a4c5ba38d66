// The general engine (model 6): mutable state, one order at a time, any policy. It looks only at positions that
// the mark has reached, so a run costs what it liquidates, not what the book holds.
#pragma once

#include <span>

#include "levcore/outcome.hpp"
#include "levcore/state.hpp"

namespace levcore {

struct Keep {
    bool positions = false;   // who was liquidated
    bool trace = false;       // a row a round
    bool holdings = false;    // what is left of each position, closed ones zero
    bool one_by_one = false;  // no block of rows is booked as one: for tests
};

// One shock: fundamental prices move by `moves` (one a market asset, -0.1 for -10 %), then the cascade runs.
Outcome run_ledger(const SortedBook& book, const Market& market, std::span<const double> moves, Keep keep);

}  // namespace levcore
