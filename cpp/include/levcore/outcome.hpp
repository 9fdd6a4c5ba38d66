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
};

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
};

// One round: what happened in it, and where it ended.
struct RoundOutcome {
    BothSides liquidated;
    double bad_debt = 0.0;
    double deleveraged_notional = 0.0;
    double socialised_loss = 0.0;
    double fees = 0.0;
    double insurance_fund = 0.0;
    std::vector<double> mark;  // per asset
};

struct Outcome {
    std::int64_t rounds = 0;
    BothSides liquidated;
    std::vector<AssetOutcome> assets;
    double bad_debt = 0.0;
    double insurance_fund = 0.0;
    double insurance_fund_low = 0.0;
    double deleveraged_notional = 0.0;
    double socialised_loss = 0.0;
    double fees = 0.0;
    bool exhausted = false;
    double conservation_error = 0.0;
    Fault fault = Fault::none;
    std::int64_t faulty_asset = -1;
    std::vector<std::uint8_t> is_liquidated;  // per position, where asked for
    std::vector<double> quantity_left;        // per position, where asked for
    std::vector<double> cash_left;
    std::vector<RoundOutcome> trace;  // where asked for
};

}  // namespace levcore
