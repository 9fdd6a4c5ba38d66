// The general engine (model 6): mutable state, one order at a time, any policy. It looks only at positions that
// the mark has reached, so a run costs what it liquidates, not what the book holds.
#pragma once

#include <optional>
#include <span>

#include "levcore/funding.hpp"
#include "levcore/run.hpp"
#include "levcore/topping_up.hpp"

namespace levcore {

// Fundamental prices at the ends of steps, steps x assets, the days that each step takes, and what falls due, by step.
struct Course {
    std::span<const double> prices;
    std::span<const double> days;
    std::span<const FundingDue> funding = {};
    const Controlled* control = nullptr;
    std::uint64_t path = 0;  // whose numbers controllers draw
};

// What runs that follow each other on one pair hand on, so that a run pays for the accounts that it changes, not for
// all.
struct Handed {
    CrossState accounts;
    std::optional<double> gross_notional;
};

// One shock: fundamental prices move by `moves` (one a market asset, -0.1 for -10 %), then the cascade runs.
Outcome run_ledger(const SortedBook& book, const Market& market, std::span<const double> moves, Keep keep,
                   Handed* handed = nullptr);

// A cascade that orders of others set off at the prices of the start: they have displaced the order books by `volumes`,
// base units, one a market asset, and are paid by nobody here.
Outcome push_ledger(const SortedBook& book, const Market& market, std::span<const double> volumes, Keep keep);

// A path, step by step (model 10); a row a step goes to `steps` from `place` on, where given.
Outcome run_ledger(const SortedBook& book, const Market& market, const Course& course, Keep keep,
                   StepColumns* steps = nullptr, std::size_t place = 0, Handed* handed = nullptr);

}  // namespace levcore
