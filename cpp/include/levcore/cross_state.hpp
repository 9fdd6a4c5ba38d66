// What a run changes of cross accounts (model 17), and whom it still has to ask. Runs that follow each other on one
// thread hand it on: only what the last one has changed is put back.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "levcore/liquidation.hpp"
#include "levcore/sorted_book.hpp"
#include "levcore/sum.hpp"
#include "levcore/watch_queue.hpp"

namespace levcore {

// What the outside market has taken in one instrument.
struct Taken {
    Sum quantity;  // Z, of coin
    Sum cash;      // K, in the settlement currency
};

// Who watches which price. An account stands as before the run, its watches being the shared ones; or it has set its
// own; or it is to be asked at the next margin check.
struct Watching {
    static constexpr std::uint32_t asked_next = 0xffffffff;

    std::vector<std::size_t> reached;  // per asset and way, how many of the shared watches
    WatchQueue own;                    // those set since
    std::vector<std::uint32_t> stamp;  // per account, of the watches it has set last
    std::uint32_t stamp_before = 0;    // the last one given before this run: whoever has no later one set none
    std::uint32_t last_stamp = 0;
    std::vector<std::uint32_t> to_ask;  // accounts whose stamp says asked_next
    bool everybody = false;             // all are to be asked
};

// What cross accounts hold, as it stands; columns as in CrossBook.
struct CrossState {
    std::vector<Claim> held;
    std::vector<double> cash;
    std::vector<double> coins;
    std::vector<double> charged;              // per place, what socialised losses have taken of its profit
    std::vector<OpenInterest> open_interest;  // per instrument
    Sum total_cash;                           // of all accounts, what has changed since the start
    std::vector<Sum> total_coins;             // per collateral, likewise
    std::vector<Taken> taken;                 // per collateral, by the outside market
    std::vector<std::uint8_t> begun;          // per place, whether it has had an order
    std::vector<double> rests_until;          // per account, in days: no order before
    std::vector<std::int64_t> last_step;      // per account, of its last order in part
    std::vector<Freeing> freeing;             // per account, where what is short may be freed only little by little
    Watching watching;
    std::vector<std::uint32_t> changed;  // accounts, once each
    std::vector<bool> has_changed;       // per account
    bool all_changed = false;
};

// The accounts of a book before any run, from nothing or from what another run on it has left.
void begin_accounts(const SortedBook& book, std::span<const double> prices, CrossState& state);

// An account is to be asked at the next margin check.
inline void ask_next(Watching& watching, std::uint32_t account) {
    if (watching.stamp[account] == Watching::asked_next) return;
    watching.stamp[account] = Watching::asked_next;
    watching.to_ask.push_back(account);
}

// What an account holds is about to change.
inline void change(CrossState& state, std::uint32_t account) {
    ask_next(state.watching, account);
    if (state.has_changed[account]) return;
    state.has_changed[account] = true;
    state.changed.push_back(account);
}

inline void change_all(CrossState& state) {
    state.watching.everybody = true;
    state.all_changed = true;
}

}  // namespace levcore
