// The way in: picks the engine for a run and runs it. One engine so far: the ledger.
#pragma once

#include <span>

#include "levcore/ledger.hpp"

namespace levcore {

// What happens when each asset of the market moves (-0.1 for -10 %).
Outcome shock(const SortedBook& book, const Market& market, std::span<const double> moves, Keep keep);

// What happens along a path of fundamental prices.
Outcome run_path(const SortedBook& book, const Market& market, const Course& course, Keep keep,
                 StepColumns* steps = nullptr, std::size_t place = 0);

}  // namespace levcore
