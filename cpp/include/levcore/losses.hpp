// Losses (model 7, 19): who is paid out of what, and what the fund cannot pay, charged to other positions at the end of
// a round. Both change the state in place.
#pragma once

#include "levcore/backstop.hpp"
#include "levcore/state.hpp"

namespace levcore {

// One row on its way out.
struct Leaving {
    std::size_t asset;
    std::size_t side;
    std::uint32_t row;
    Claim held;
};

// Books a settlement of positions in an instrument, whose fund and open interest stand behind it.
void pay(const Venue& venue, Treasury& treasury, std::size_t instrument, const Settlement& settlement);

// The fund that stands behind an instrument.
inline Sum& fund_behind(const Venue& venue, Treasury& treasury, std::size_t instrument) {
    return treasury.funds[venue.backstop.fund_place(instrument)];
}

// What socialised losses have taken of a row's profit before.
double charged_before(const SortedBook& book, const State& state, const Leaving& held);

// Charges what is unpaid at the present marks as the rules say; the rest becomes bad debt.
void socialise(const SortedBook& book, const Market& market, State& state);

}  // namespace levcore
