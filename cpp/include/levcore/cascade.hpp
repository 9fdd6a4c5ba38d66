// The way in: a run by the general engine, or on the ladder, which a run that leaves its domain leaves for the general
// one.
#pragma once

#include <span>

#include "levcore/ladder_walk.hpp"
#include "levcore/ledger.hpp"

namespace levcore {

// What happens when each asset of the market moves (-0.1 for -10 %).
Outcome shock(const SortedBook& book, const Market& market, std::span<const double> moves, Keep keep);
Outcome shock(const SortedBook& book, const Market& market, std::span<const double> moves, LadderWalk& walk);

// What happens along a path of fundamental prices.
Outcome run_path(const SortedBook& book, const Market& market, const Course& course, Keep keep,
                 StepColumns* steps = nullptr, std::size_t place = 0);

// Where the steps of a path on the ladder go, if anywhere, and its fundamental prices.
struct StepNotes {
    StepColumns* to = nullptr;
    std::size_t place = 0;
    std::span<const double> prices = {};
};

// Along a path of log prices, on the ladder; false where it has left it.
bool run_path(std::span<const double> logs, std::span<const double> days, std::size_t assets, LadderWalk& walk,
              const std::atomic<bool>& stop, const StepNotes& notes = {});

}  // namespace levcore
