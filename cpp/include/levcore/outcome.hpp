// What a run reports (model 9). Money in the numeraire, quantities in base units.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace levcore {

enum class Fault : std::int32_t {
    none = 0,
    price_out_of_range = 1,  // a mark under- or overflowed
    too_many_rounds = 2,
    order_unfilled = 3,  // the walk cannot yield what an inverse position owes
};

// A run was told to stop.
struct Stopped {};

struct BothSides {
    std::int64_t count[2] = {0, 0};  // longs, shorts
    double notional[2] = {0.0, 0.0};
};

struct AssetOutcome {
    double fundamental = 0.0;  // F at the end
    double final_price = 0.0;
    double lowest_price = 0.0;
    double highest_price = 0.0;
    double amplification = 0.0;
    double depth_used = 0.0;
    double displacement = 0.0;  // of the order book at the end, base units of its depth then; by the ledger
};

// One round: what happened in it, and where it ended.
struct RoundOutcome {
    std::int64_t step = 0;
    BothSides liquidated;
    double bad_debt = 0.0;
    double deleveraged_notional = 0.0;
    double socialised_loss = 0.0;
    double fees = 0.0;
    double insurance_fund = 0.0;
    std::vector<double> mark;  // per asset
};

// Series of paths, where asked for: a row a path and step.
struct StepColumns {
    std::vector<double> mark;         // rows x assets
    std::vector<double> fundamental;  // rows x assets
    std::vector<double> notional[2];  // of the step, by side
    std::vector<double> bad_debt;     // of the step
    std::vector<double> insurance_fund;

    void resize(std::size_t rows, std::size_t assets) {
        mark.resize(rows * assets);
        fundamental.resize(rows * assets);
        for (auto& side : notional) side.resize(rows);
        bad_debt.resize(rows);
        insurance_fund.resize(rows);
    }

    // Money of some rows, of a coin-margined venue, at what its coin is worth in the end.
    void convert(std::size_t from, std::size_t rows, double worth) {
        for (std::size_t row = from; row < from + rows; ++row) {
            bad_debt[row] *= worth;
            insurance_fund[row] *= worth;
        }
    }
};

struct Outcome {
    std::int64_t rounds = 0;
    std::int64_t cascade_depth = 0;       // most rounds in one step
    std::int64_t first_liquidation = -1;  // its step; -1: none
    BothSides liquidated;
    std::vector<AssetOutcome> assets;
    double bad_debt = 0.0;
    double insurance_fund = 0.0;
    double insurance_fund_low = 0.0;
    double deleveraged_notional = 0.0;
    double taken_over_notional = 0.0;
    double socialised_loss = 0.0;
    double fees = 0.0;
    double topped_up = 0.0;  // by owners, from outside
    double withdrawn = 0.0;  // by owners
    std::int64_t top_ups = 0;
    std::int64_t withdrawals = 0;
    std::vector<double> own_funds;  // at the end, of the instruments that have one
    bool exhausted = false;
    std::int64_t waiting = 0;  // liquidatable at the end, but for now left by the policy
    double conservation_error = 0.0;
    bool by_ladder = false;
    Fault fault = Fault::none;
    std::int64_t faulty_asset = -1;
    std::vector<std::int64_t> liquidated_at;  // per position its step, -1: never; where asked for
    std::vector<double> quantity_left;        // per position, where asked for
    std::vector<double> cash_left;
    std::vector<RoundOutcome> trace;  // where asked for
};

}  // namespace levcore
