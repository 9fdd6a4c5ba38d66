#include "levcore/cross_state.hpp"

#include <algorithm>

namespace levcore {
namespace {

void take_all(const SortedBook& book, CrossState& state) {
    const CrossBook& cross = book.cross;
    state.held = cross.held;
    state.cash = cross.cash;
    state.coins = cross.coins;
    state.charged.assign(cross.held.size(), 0.0);
    state.begun.assign(cross.held.size(), 0);
    state.rests_until.assign(cross.size(), 0.0);
    state.last_step.assign(cross.size(), -1);
    state.freeing.clear();
    if (book.venue.liquidation.is_limited()) state.freeing.resize(cross.size());
    state.has_changed.assign(cross.size(), false);
    state.watching.stamp.resize(cross.size(), 0);
}

void put_back(const SortedBook& book, CrossState& state, std::uint32_t account) {
    const CrossBook& cross = book.cross;
    const std::size_t coins = cross.collaterals();
    for (std::size_t i = cross.first[account]; i < cross.first[account + 1]; ++i) {
        state.held[i] = cross.held[i];
        state.charged[i] = 0.0;
        state.begun[i] = 0;
    }
    for (std::size_t i = account * coins; i < (account + 1) * coins; ++i) state.coins[i] = cross.coins[i];
    state.cash[account] = cross.cash[account];
    state.rests_until[account] = 0.0;
    state.last_step[account] = -1;
    if (!state.freeing.empty()) state.freeing[account] = {};
    state.has_changed[account] = false;
}

// Nobody has set a watch; those who had none to begin with are asked first.
void begin_watching(const SortedBook& book, std::span<const double> prices, Watching& watching) {
    constexpr std::uint32_t few_left = 0x80000000;
    for (const std::uint32_t account : watching.to_ask) watching.stamp[account] = 0;
    if (watching.last_stamp >= few_left) {
        std::fill(watching.stamp.begin(), watching.stamp.end(), 0);
        watching.last_stamp = 0;
    }
    watching.stamp_before = watching.last_stamp;
    watching.reached.assign(2 * prices.size(), 0);
    watching.own.begin(prices);
    watching.to_ask.clear();
    for (const std::uint32_t account : book.watches.unwatched) ask_next(watching, account);
    watching.everybody = book.watches.lists.empty();
}

}  // namespace

void begin_accounts(const SortedBook& book, std::span<const double> prices, CrossState& state) {
    if (book.cross.size() == 0) {
        state = CrossState{};
    } else if (state.cash.size() != book.cross.size() || state.all_changed) {
        take_all(book, state);
    } else {
        for (const std::uint32_t account : state.changed) put_back(book, state, account);
    }
    state.changed.clear();
    state.all_changed = false;
    state.total_cash = Sum();
    state.open_interest = book.cross_interest;
    state.total_coins.assign(book.cross.collaterals(), Sum());
    state.taken.assign(book.cross.collaterals(), Taken{});
    if (book.cross.size() > 0) begin_watching(book, prices, state.watching);
}

}  // namespace levcore
