// Paths over threads: each path is run on its own and put in its place, so that neither threads nor chunks show.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "levcore/ladder_build.hpp"
#include "levcore/ladder_tally.hpp"
#include "levcore/ledger.hpp"
#include "levcore/outcome_columns.hpp"
#include "levcore/scenario.hpp"

namespace levcore {

struct Plan {
    std::size_t paths = 0;
    std::size_t steps = 0;
    std::span<const double> days;  // per step
    std::size_t threads = 1;
    std::size_t chunk = 64;
    bool keep_steps = false;
    std::span<const FundingDue> funding = {};  // by step
    const Ladder* ladder = nullptr;            // where paths run on it, as far as they stay in its domain
    bool count_rounds = true;                  // on the ladder
    bool ask_all = false;                      // as in Keep
    std::uint64_t first = 0;                   // number of the first path, of those that a process draws
    bool audit = true;                         // of a sample of the ladder's paths, by the ledger
    const Controlled* control = nullptr;
};

struct Progress {
    std::atomic<std::size_t> done{0};
    std::atomic<bool> stop{false};
};

// Liquidations by position, as they were counted: by position, by rows of the ladder, or some paths so and some so.
struct Counted {
    Tally by_position;                  // empty where nothing was
    std::unique_ptr<LadderTally> rows;  // none where no path went by cursors

    // All by position. Positions lie anywhere in memory, which takes as long as many paths do: it is done when asked.
    [[nodiscard]] Tally written(const SortedBook& book, std::size_t threads) const;
};

struct Runs {
    OutcomeColumns outcomes;  // per path
    Counted counted;
    StepColumns steps;  // paths x steps, where kept
};

// Throws Stopped where progress.stop turns true on the way.
Runs run_paths(const SortedBook& book, const Market& market, const Scenario& scenario, const Plan& plan,
               Progress& progress);

}  // namespace levcore
