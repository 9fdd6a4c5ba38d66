#include "levcore/watch.hpp"

#include <algorithm>
#include <numeric>

#include "levcore/prefetch.hpp"

namespace levcore {
namespace {

// Moves on along the shared watches of an asset; they are those of accounts that have set none of their own.
void move_along(const SharedWatches& shared, Watching& watching, std::size_t asset, double mark) {
    constexpr std::size_t ahead = 16;
    for (const std::size_t way : {falling, rising}) {
        const WatchList& list = shared.lists[asset][way];
        std::size_t& at = watching.reached[2 * asset + way];
        for (; at < list.price.size() && (way == falling ? mark <= list.price[at] : mark >= list.price[at]); ++at) {
            if (at + ahead < list.account.size()) prefetch(&watching.stamp[list.account[at + ahead]]);
            if (watching.stamp[list.account[at]] <= watching.stamp_before) ask_next(watching, list.account[at]);
        }
    }
}

// More than all need that watch; beyond it stand mostly those who no longer do, and everybody is asked anew.
std::size_t largest_queue(const CrossBook& cross) { return 64 + 2 * cross.held.size() + cross.coins.size(); }

void ask_everybody(Watching& watching) {
    std::fill(watching.stamp.begin(), watching.stamp.end(), Watching::asked_next);
    watching.to_ask.resize(watching.stamp.size());
    std::iota(watching.to_ask.begin(), watching.to_ask.end(), std::uint32_t{0});
    watching.everybody = false;
}

}  // namespace

void gather_asked(Run& run) {
    Watching& watching = run.state.cross.watching;
    const SharedWatches& shared = run.book.watches;
    update_prices(run);
    for (std::size_t k = 0; k < run.prices.marks.size(); ++k) {
        watching.own.move(k, run.prices.marks[k], [&](const Watcher& who) {
            if (watching.stamp[who.account] == who.stamp) ask_next(watching, who.account);
        });
        if (!shared.lists.empty()) move_along(shared, watching, k, run.prices.marks[k]);
    }
    if (watching.own.size() > largest_queue(run.book.cross)) {
        watching.own.begin(run.prices.marks);
        watching.everybody = true;
    }
    if (watching.everybody || run.keep.ask_all) ask_everybody(watching);
    run.asked.swap(watching.to_ask);
    watching.to_ask.clear();
}

bool watches_on(Run& run, std::uint32_t account) {
    Watching& watching = run.state.cross.watching;
    if (!run.setter.set(view_of(run, account), run.prices)) return false;
    const std::uint32_t stamp = watching.last_stamp + 1;
    if (!watching.own.add(run.setter.watches(), {account, stamp})) {
        keep_asking(run, account);
        return true;
    }
    watching.last_stamp = watching.stamp[account] = stamp;
    return true;
}

void fetch_next(const Run& run, std::size_t place) noexcept {
    if (place % fetched_together != 0) return;
    const CrossBook& cross = run.book.cross;
    const CrossState& state = run.state.cross;
    const std::size_t end = std::min(place + fetched_together, run.asked.size());
    for (std::size_t i = place; i < end; ++i) {
        prefetch(&cross.first[run.asked[i]]);
        prefetch(&state.cash[run.asked[i]]);
        if (!state.coins.empty()) prefetch(&state.coins[run.asked[i] * cross.collaterals()]);
    }
    for (std::size_t i = place; i < end; ++i) {
        const std::size_t from = cross.first[run.asked[i]];
        prefetch(&state.held[from]);
        prefetch(&state.held[cross.first[run.asked[i] + 1] - 1]);
        prefetch(&cross.instrument[from]);
    }
}

void keep_asking(Run& run, std::uint32_t account) { run.state.cross.watching.to_ask.push_back(account); }

void stop_asking(Run& run, std::uint32_t account) {
    Watching& watching = run.state.cross.watching;
    watching.stamp[account] = ++watching.last_stamp;
}

}  // namespace levcore
