// Outcomes as columns: what is kept of very many runs, a number a run in each, so that a run takes its numbers and no
// more.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "levcore/outcome.hpp"

namespace levcore {

template <class T, class Of>
struct OutcomeField {
    const char* name;
    T Of::* member;
};

inline constexpr std::array<OutcomeField<std::int64_t, Outcome>, 7> outcome_counts{{
    {"rounds", &Outcome::rounds},
    {"cascade_depth", &Outcome::cascade_depth},
    {"first_liquidation", &Outcome::first_liquidation},
    {"waiting", &Outcome::waiting},
    {"top_ups", &Outcome::top_ups},
    {"withdrawals", &Outcome::withdrawals},
    {"faulty_asset", &Outcome::faulty_asset},
}};
inline constexpr std::array<OutcomeField<double, Outcome>, 10> outcome_numbers{{
    {"bad_debt", &Outcome::bad_debt},
    {"insurance_fund", &Outcome::insurance_fund},
    {"insurance_fund_low", &Outcome::insurance_fund_low},
    {"deleveraged_notional", &Outcome::deleveraged_notional},
    {"taken_over_notional", &Outcome::taken_over_notional},
    {"socialised_loss", &Outcome::socialised_loss},
    {"fees", &Outcome::fees},
    {"topped_up", &Outcome::topped_up},
    {"withdrawn", &Outcome::withdrawn},
    {"conservation_error", &Outcome::conservation_error},
}};
inline constexpr std::array<OutcomeField<bool, Outcome>, 2> outcome_flags{{
    {"exhausted", &Outcome::exhausted},
    {"by_ladder", &Outcome::by_ladder},
}};
inline constexpr std::array<OutcomeField<double, AssetOutcome>, 6> outcome_prices{{
    {"fundamental_price", &AssetOutcome::fundamental},
    {"final_price", &AssetOutcome::final_price},
    {"lowest_price", &AssetOutcome::lowest_price},
    {"highest_price", &AssetOutcome::highest_price},
    {"amplification", &AssetOutcome::amplification},
    {"depth_used", &AssetOutcome::depth_used},
}};

struct OutcomeColumns {
    std::size_t assets = 0;
    std::size_t funds = 0;
    std::array<std::vector<std::int64_t>, outcome_counts.size()> counts;
    std::array<std::vector<double>, outcome_numbers.size()> numbers;
    std::array<std::vector<std::uint8_t>, outcome_flags.size()> flags;
    std::array<std::vector<double>, outcome_prices.size()> prices;  // rows x assets
    std::array<std::vector<std::int64_t>, 2> liquidated_count;      // by side
    std::array<std::vector<double>, 2> liquidated_notional;
    std::vector<std::int64_t> fault;
    std::vector<double> own_funds;  // rows x funds

    // As long as they will be. Throws Stopped where `stop` turns true: making very many takes longer than somebody who
    // presses Ctrl-C waits.
    OutcomeColumns(std::size_t rows, std::size_t of_assets, std::size_t of_funds, const std::atomic<bool>& stop);
    OutcomeColumns() = default;

    [[nodiscard]] std::size_t size() const noexcept { return fault.size(); }
    void put(std::size_t row, const Outcome& outcome);

    [[nodiscard]] bool by_ladder(std::size_t row) const { return flags[1][row] != 0; }
    // A row as it was put, but for what only whole runs keep.
    [[nodiscard]] Outcome at(std::size_t row) const;
    // Into all rows that are the ladder's.
    void note_error(double conservation_error);
};

// As long as it will be, a piece at a time.
template <class T>
void lengthen(std::vector<T>& column, std::size_t size, const std::atomic<bool>& stop) {
    constexpr std::size_t piece = (std::size_t{1} << 24) / sizeof(T);
    column.reserve(size);
    while (column.size() < size) {
        if (stop.load(std::memory_order_relaxed)) throw Stopped{};
        column.resize(column.size() + piece < size ? column.size() + piece : size);
    }
}

}  // namespace levcore
