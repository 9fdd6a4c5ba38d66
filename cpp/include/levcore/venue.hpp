// A rulebook: instruments, liquidation policy, waterfall with its fund (model 2, 7). Plain data.
#pragma once

#include <cstdint>
#include <vector>

#include "levcore/instrument.hpp"

namespace levcore {

enum class Receiver { fund, trader, outside };

// How much of a liquidatable position an order closes.
enum class Amount { all, to_target, to_lower_tier, portion };

struct LiquidationPolicy {
    double fee_rate = 0.0;             // of the notional traded
    Receiver fee_to = Receiver::fund;  // fund or outside
    Amount amount = Amount::all;
    double target = 1.0;          // to_target: maintenance over equity after the order, in (0, 1]
    double buffer = 0.0;          // to_target: counted there on top of maintenance, a share of notional, in [0, 1)
    double initial_share = 1.0;   // to_target: of the shortage, what may be freed at once, in [0, 1]; 1: all, always
    double duration_days = 0.0;   // to_target: the share that may be freed rises by 1 in this time
    double small_shortage = 0.0;  // to_target: a shortage below is freed at once, money
    std::size_t tiers = 1;        // to_lower_tier: how many tiers down
    double portion = 1.0;         // portion: of the position, in (0, 1]
    double above = 0.0;           // portion: only where the notional is above, else all
    double minimum = 0.0;         // portion: notional of an order, at least
    bool then_all = false;        // portion: the second order closes the rest
    double wait_days = 0.0;       // portion: no second order sooner, nor in the same step
    double lot = 0.0;             // orders are whole multiples of it: base units, or contracts; 0: any size
    double dust = 0.0;            // what would be left below this is closed too

    // Whether an order may leave a position waiting that is liquidatable still.
    [[nodiscard]] bool lets_wait() const noexcept { return amount == Amount::portion || is_limited(); }
    [[nodiscard]] bool is_limited() const noexcept { return amount == Amount::to_target && initial_share < 1.0; }
};

// Whose positions close against a bankrupt one, and at which price.
enum class Ranking { pro_rata, min_max, profit, index, unranked };

struct Deleveraging {
    bool on = false;
    Ranking ranking = Ranking::pro_rata;
    bool at_previous_mark = false;  // the mark of the margin check before; else the bankruptcy price
    double lot = 0.0;               // whole multiples change hands: base units, or contracts; 0: any size
    bool accounts = false;          // cross accounts take part on both sides
};

// To whom a loss that nobody has paid is charged.
enum class Charged { nobody, profit, open_interest, deposits };

struct Backstop {
    std::vector<double> funds = {0.0};        // the venue's, then those of instruments that have their own
    std::vector<std::uint32_t> fund_of = {};  // per instrument, its place in funds; empty: the venue's for all
    double takeover = 0.0;  // a position whose equity is below this share of its requirement goes to the fund whole
    Deleveraging deleveraging;
    Charged socialise = Charged::nobody;

    [[nodiscard]] std::size_t fund_place(std::size_t instrument) const noexcept {
        return fund_of.empty() ? 0 : fund_of[instrument];
    }
};

struct Venue {
    std::vector<Perpetual> instruments;
    LiquidationPolicy liquidation;
    Backstop backstop;
    Receiver remainder = Receiver::fund;  // fund or trader
    bool liquidate_at_equality = false;
    bool riskiest_first = false;  // of isolated positions in a round: by equity over maintenance, not liquidation price
    std::vector<double> collateral_share =
        {};  // of each collateral beside the settlement currency, what counts, in [0, 1]
};

}  // namespace levcore
