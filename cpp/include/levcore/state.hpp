// All that a run changes (model 5, 7, 8): the order book of each asset, the holdings, the money. The sorted book
// itself is shared and constant; holdings that nobody has changed cost a run nothing.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "levcore/counterparties.hpp"
#include "levcore/cross_state.hpp"
#include "levcore/liquidation.hpp"
#include "levcore/market.hpp"
#include "levcore/sorted_book.hpp"
#include "levcore/sum.hpp"

namespace levcore {

// One asset's prices: orders trade along F*exp(A + I(X)), the mark is F*exp(A + w*I(X)).
struct AssetState {
    double fundamental = 0.0;
    double log_fundamental = 0.0;
    Sum volume;                  // X, in units of the stated depth: where I(X) stands, whatever the depth is now
    double log_permanent = 0.0;  // A
    double log_mark = 0.0;       // y
    double lowest = 0.0;         // of the mark
    double highest = 0.0;
    double lowest_fundamental = 0.0;
    double highest_fundamental = 0.0;
    double depth_used = 0.0;
    double scarcity = 1.0;         // the stated depth over the present one: what an order's base units count in X
    double variance = 0.0;         // of the mark, a day, where depth reacts to it
    double log_mark_before = 0.0;  // at the last move that took time
    double walked_at = -1.0;       // days, when a forced order last walked the book; < 0: never
};

// Who of one side of one asset is still to come. A row is a place in the sorted side's columns.
struct SideState {
    std::size_t next = 0;                // the first place not yet reached
    std::size_t reachable = 0;           // places with a liquidation price
    std::span<const double> key;         // per place
    std::vector<std::uint32_t> waiting;  // rows reached but healthy, asked again each round
    bool stale = false;                  // claims shrank since the keys were worked out: a key is reached too early

    // Once funding has moved the claims of a side that stands as sorted: how far a liquidation price may have moved
    // from its key's, up to which places are taken as reached, and the rows so reached in a heap by their present
    // keys, the next to fail on top.
    bool moved = false;
    double farthest_move = 0.0;
    std::vector<Ranked> near;

    // What partial closes have left: claims of their own, and rows that wait for a time (in days) before they may act.
    std::map<std::uint32_t, Claim> residual;
    std::map<std::uint32_t, double> unit_cash;  // a unit of coin's cash without funding and socialised losses
    std::vector<bool> begun;                    // per row, once one has had an order
    std::map<std::uint32_t, Freeing> freeing;   // per row, where what is short may be freed only little by little
    struct Resting {
        double until;
        std::uint32_t row;
    };
    std::vector<Resting> resting;

    // Made when first needed: claims that differ from the sorted book's, and the order that follows.
    std::vector<double> own_quantity;
    std::vector<double> own_cash;
    std::vector<double> own_key;
    std::vector<std::uint32_t> own_order;

    bool controlled = false;  // controllers look at its rows
    bool touching = false;    // and the side stands as sorted but for those that they have touched (touched.hpp)
    struct Touched {
        Claim claim;
        double key;
    };
    std::vector<Touched> touched;
    std::vector<std::uint32_t> touched_at;  // per row where it is among these, from 1 on; 0: nobody has

    [[nodiscard]] bool is_touched(std::uint32_t row) const { return !touched_at.empty() && touched_at[row] != 0; }
    [[nodiscard]] const Touched& touched_of(std::uint32_t row) const { return touched[touched_at[row] - 1]; }
    std::vector<bool> early;  // per row, once some are in the heap although their places have not been reached

    [[nodiscard]] std::uint32_t row_at(std::size_t place) const {
        return own_order.empty() ? static_cast<std::uint32_t>(place) : own_order[place];
    }
};

struct Treasury {
    std::vector<Sum> funds;  // as in Backstop
    Sum fees;
    Sum fees_outside;
    Sum paid_to_traders;
    Sum bad_debt;
    Sum socialised_loss;
    Sum deleveraged_notional;
    Sum taken_over_notional;
    Sum topped_up;  // what owners have added, and taken out
    Sum withdrawn;
    Sum unpaid;                  // deficits of this round, to be socialised at its end
    std::vector<Sum> unpaid_of;  // per instrument, where its own open interest is to carry them
    double fund_low = 0.0;       // of all funds together

    // All funds together, as they stand.
    [[nodiscard]] double fund() const noexcept {
        Pair total;
        for (const Sum& f : funds) total = add(total, f.pair());
        return std::max(0.0, total.high);
    }
};

struct State {
    std::vector<AssetState> assets;
    std::vector<std::array<SideState, 2>> sides;                        // per asset
    std::vector<std::array<OpenInterest, 2>> open_interest;             // per instrument
    std::vector<std::array<std::unique_ptr<Counterparties>, 2>> pools;  // per instrument, once one is needed
    std::vector<Taken> taken;                                           // per instrument
    std::vector<Sum> funded;  // per instrument, what a unit of coin held all along has paid
    Sum unmatched_funding;    // paid by positions that nobody in the books held the other side of
    Sum deposited;            // into positions and accounts since the start, by their owners
    Treasury treasury;
    CrossState cross;
};

// Before any run; accounts may come from another run on the book that has ended.
State start(const SortedBook& book, const Market& market, CrossState cross = {});

// The notional of all that is held, at the prices of the start.
double gross_notional(const SortedBook& book, const Market& market);

double mark_price(const Asset& asset, const AssetState& state);

// Whether the instruments on an asset are inverse: a venue's instruments of one asset are of one kind.
bool moves_by_inverse(const SortedBook& book, std::size_t asset);

// An instrument's unit price at the mark.
double unit_mark(const SortedBook& book, const Market& market, const State& state, std::size_t instrument);

// Works out y after X, A or F have changed.
void update_log_mark(const Asset& asset, AssetState& state);

// Remembers how far the mark and the walk have been. Within a batch the mark moves one way only: its ends suffice.
void note_extremes(const Asset& asset, AssetState& state);

// A row's claim as it stands; zero once it is closed, except of a side that controllers touch, where one that they have
// not is told by its place (touched.hpp).
Claim claim_of(const SortedBook& book, const State& state, std::size_t asset, std::size_t side, std::uint32_t row);

// The one predicate, asked of a row whose present key is known; where slack jumps, slack itself.
bool is_failing(const SortedBook& book, const Market& market, const State& state, std::size_t asset, std::size_t side,
                std::uint32_t row, const Claim& held, double key);

// Adds a row that may be within reach of the mark to its side's heap, by its present key; takes the first one out.
void add_near(const SortedBook& book, State& state, std::size_t asset, std::size_t side, std::uint32_t row);
Ranked take_near(SideState& state, std::size_t side);

// Works out the keys of those within reach anew.
void rank_near_again(const SortedBook& book, State& state, std::size_t asset, std::size_t side);

// The key of a row as its claim stands.
double present_key(const SortedBook& book, std::size_t asset, std::size_t side, std::uint32_t row, const Claim& held);

// Begins to look at a side row by row, by present keys: claims have moved, or some will change in part.
void begin_moving(const SortedBook& book, State& state, std::size_t asset, std::size_t side);

// Takes a claim, or a part of it, out of the open interest; `rest` is what the row keeps.
void reduce(const SortedBook& book, State& state, std::size_t asset, std::size_t side, std::uint32_t row,
            const Claim& taken_out, const Claim& rest);

// Gives a side claims of its own, row by row, so that they can change one by one.
void own_claims(const SortedBook& book, State& state, std::size_t asset, std::size_t side);

// The rows of a side that are open.
std::vector<std::uint32_t> open_rows(const SortedBook& book, const State& state, std::size_t asset, std::size_t side);

// Sorts a side's open rows anew by their present liquidation prices.
void sort_again(const SortedBook& book, State& state, std::size_t asset, std::size_t side);

// Money and quantity that came from nowhere or went nowhere since the start (model 8), at the present marks.
double conservation_gap(const SortedBook& book, const Market& market, const State& state);

// True where deleveraging or socialised loss may have changed claims one by one.
bool claims_changed(const State& state);

// True where funding has moved the claims of a side all at once, or owners have changed their own.
bool claims_moved(const State& state);

// What is left of each position, closed ones zero.
void write_holdings(const SortedBook& book, const State& state, std::vector<double>& quantity,
                    std::vector<double>& cash);

// How far the open interest is from the sum of the claims that are open, in money at the present marks.
double holdings_gap(const SortedBook& book, const Market& market, const State& state);

}  // namespace levcore
