// A run under way: its state, what it has done so far, and the order book's part in it (model 5, 6). What engines and
// policies share.
#pragma once

#include <atomic>
#include <map>
#include <span>

#include "levcore/orders.hpp"
#include "levcore/outcome.hpp"
#include "levcore/state.hpp"

namespace levcore {

// Liquidations by position, counted over paths: whole numbers, so that the order of paths does not show.
struct Tally {
    std::vector<std::int64_t> count;     // paths in which the position went
    std::vector<std::int64_t> step_sum;  // of the steps in which it did, the first being 0

    Tally() = default;
    explicit Tally(std::size_t positions) : count(positions), step_sum(positions) {}
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
    bool ask_all = false;     // every account is asked at every margin check: for tests
    Tally* tally = nullptr;
    const std::atomic<bool>* stop = nullptr;  // when it turns true the run ends by throwing Stopped
};

// Who may take over positions of one instrument, in the order of the round: an isolated row, or a place in an account.
struct Counterparty {
    double score;
    std::uint32_t position;
    std::uint32_t place;
    bool in_account;
};

struct Queue {
    std::vector<Counterparty> who = {};
    std::size_t closed = 0;  // of the first ones, how many have given up all they had
};

struct Run {
    const SortedBook& book;
    const Market& market;
    Keep keep;
    State state;
    Outcome outcome = {};
    Sum notional[2] = {};
    std::int64_t step = 0;
    double days = 0.0;                              // since the start
    std::vector<double> log_marks = {};             // per asset, at the last margin check
    std::vector<double> log_marks_before = {};      // and at the one before
    std::map<std::uint32_t, Queue> queues[2] = {};  // per side and instrument, of this round
    Prices prices = {};                             // at this check of accounts
    std::vector<std::uint32_t> asked = {};          // accounts, in it
    WatchSetter setter = WatchSetter(book.venue, book.positions.entry_price, priced_by(book));
    std::vector<double> own_units = {};  // per instrument, as far as the account that is looked at holds it
};

// A margin check at the present marks begins.
void begin_check(Run& run);

// Who went, and when.
void note(Run& run, std::uint32_t position);
void note(Run& run, std::span<const std::uint32_t> positions);

// The run stops here, with a reason.
void fail(Run& run, std::size_t asset, Fault fault);

// Why no order closes a claim on this instrument.
Fault unfilled(const Perpetual& instrument);

// The outside market takes over an amount of coin at a unit price.
void take(Run& run, std::uint32_t instrument, Pair coin, double unit);

// The order book takes over an amount of coin at its average unit price, and is walked by a volume of base units.
void trade(Run& run, std::size_t asset, std::size_t side, std::uint32_t instrument, Pair coin, Pair volume,
           double unit);

// Prices of a unit of every instrument's coin, and of every collateral, at the marks.
std::vector<double> unit_marks(const Run& run);
std::vector<double> coin_prices(const Run& run);

// Brings run.prices to the marks.
void update_prices(Run& run);

// The same unit prices, of the instruments that an account holds only; until it is called again.
std::span<const double> own_unit_marks(Run& run, std::uint32_t account);

// An account as it stands.
AccountView view_of(const Run& run, std::uint32_t account);

}  // namespace levcore
