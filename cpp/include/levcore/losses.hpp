// Losses that the fund cannot pay, carried by other positions (model 7): deleveraging takes a position over at its
// bankruptcy price, socialised loss is charged to profits at the end of a round. Both change the state in place.
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

// Books a settlement: who is paid, and out of what.
void pay(const Venue& venue, Treasury& treasury, const Settlement& settlement);

// Closes as much of a position as finds counterparties; returns the claim that found none.
Claim deleverage(const SortedBook& book, const Market& market, State& state, const Leaving& leaving);

// What socialised losses have taken of a row's profit before.
double charged_before(const SortedBook& book, const State& state, const Leaving& held);

// Charges what is unpaid to positive unrealised profits at the present marks; the rest becomes bad debt.
void socialise(const SortedBook& book, const Market& market, State& state);

}  // namespace levcore
