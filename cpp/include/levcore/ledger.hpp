// The general engine (model 6): mutable state, one order at a time, any policy. It looks only at positions that
// the mark has reached, so a run costs what it liquidates, not what the book holds.
#pragma once

#include <atomic>
#include <span>

#include "levcore/funding.hpp"
#include "levcore/outcome.hpp"
#include "levcore/state.hpp"

namespace levcore {

// Liquidations by position, counted over paths: whole numbers, so that the order of paths does not show.
struct Tally {
    std::vector<std::int64_t> count;     // paths in which the position went
    std::vector<std::int64_t> step_sum;  // of the steps in which it did, the first being 0

    void add(std::uint32_t position, std::int64_t step) {
        ++count[position];
        step_sum[position] += step;
    }
};

struct Keep {
    bool positions = false;   // when each position was liquidated
    bool trace = false;       // a row a round
    bool holdings = false;    // what is left of each position, closed ones zero
    bool one_by_one = false;  // no block of rows is booked as one: for tests
    Tally* tally = nullptr;
    const std::atomic<bool>* stop = nullptr;  // when it turns true the run ends by throwing Stopped
};

// A run was told to stop.
struct Stopped {};

// Fundamental prices at the ends of steps, steps x assets, the days that each step takes, and what falls due, by step.
struct Course {
    std::span<const double> prices;
    std::span<const double> days;
    std::span<const FundingDue> funding = {};
};

// One shock: fundamental prices move by `moves` (one a market asset, -0.1 for -10 %), then the cascade runs.
Outcome run_ledger(const SortedBook& book, const Market& market, std::span<const double> moves, Keep keep);

// A path, step by step (model 10); a row a step goes to `steps` from `place` on, where given.
Outcome run_ledger(const SortedBook& book, const Market& market, const Course& course, Keep keep,
                   StepColumns* steps = nullptr, std::size_t place = 0);

}  // namespace levcore
