// The way in: a run by the general engine, or on the ladder, which a run that leaves its domain leaves for the general
// one.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "levcore/ladder_walk.hpp"
#include "levcore/ledger.hpp"
#include "levcore/outcome_columns.hpp"

namespace levcore {

// What happens when each asset of the market moves (-0.1 for -10 %).
Outcome shock(const SortedBook& book, const Market& market, std::span<const double> moves, Keep keep,
              Handed* handed = nullptr);
Outcome shock(const SortedBook& book, const Market& market, std::span<const double> moves, LadderWalk& walk);

// The same by the ledger, of a book without accounts that is not sorted: only what the shock can reach is. At a venue
// where nobody else has a part in it (reachable.hpp); to the bit what a sorted book gives, but for the size of rounding
// that the audit of money finds.
struct OneShock {
    Outcome outcome;                       // whole, but for who was liquidated
    std::vector<std::uint8_t> liquidated;  // per position
};
OneShock shock_once(const Venue& venue, const Positions& positions, std::span<const std::uint32_t> asset_of,
                    const Market& market, std::span<const double> moves, std::size_t threads);

// What happens along a path of fundamental prices.
Outcome run_path(const SortedBook& book, const Market& market, const Course& course, Keep keep,
                 StepColumns* steps = nullptr, std::size_t place = 0, Handed* handed = nullptr);

// Where the steps of a path on the ladder go, if anywhere, and its fundamental prices.
struct StepNotes {
    StepColumns* to = nullptr;
    std::size_t place = 0;
    std::span<const double> prices = {};
};

// Along a path of log prices, on the ladder; false where it has left it.
bool run_path(std::span<const double> logs, std::span<const double> days, std::size_t assets, LadderWalk& walk,
              const std::atomic<bool>& stop, const StepNotes& notes = {});

// How far money on the ladder is from the ledger's, or how far the ledger's own sum moved: a share of gross notional.
double audit(const SortedBook& book, const Outcome& ladder, const Outcome& ledger, double gross);

// Of the outcomes on the ladder the first one is run by the ledger, too, and one in so many; all of them report the
// largest violation found. `again(i)` runs one by the ledger.
inline constexpr std::size_t audited_of = 65'536;
template <class Again>
void audit_sample(const SortedBook& book, OutcomeColumns& outcomes, double gross, Again&& again) {
    double largest = 0.0;
    std::size_t next = 0;
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        if (!outcomes.by_ladder(i) || i < next) continue;
        largest = std::max(largest, audit(book, outcomes.at(i), again(i), gross));
        next = i + audited_of;
    }
    outcomes.note_error(largest);
}

}  // namespace levcore
