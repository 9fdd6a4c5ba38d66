// The way in: picks the engine for a run and runs it. One engine so far: the ledger.
#pragma once

#include <span>
#include <vector>

#include "levcore/ledger.hpp"

namespace levcore {

// One outcome a row of `moves` (scenarios x assets, row by row; -0.1 for -10 %).
std::vector<Outcome> shock(const SortedBook& book, const Market& market, std::span<const double> moves, Keep keep);

}  // namespace levcore
