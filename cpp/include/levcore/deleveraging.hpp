// Deleveraging (model 7, 19): a bankrupt position closes against opposite ones of its instrument, no order is sent.
#pragma once

#include <optional>

#include "levcore/losses.hpp"
#include "levcore/run.hpp"

namespace levcore {

// The unit price at which an instrument's claim changes hands: its bankruptcy price, or the mark of the check before.
double transfer_price(const Run& run, std::uint32_t instrument, double bankruptcy_price);

// What is to be taken over: some of a position's coin. An account does not take over from itself.
struct Offer {
    std::uint32_t instrument;
    std::uint32_t position;
    double coin;
    std::optional<std::uint32_t> account;
};

// Opposite positions take over as much as they can at a unit price; returns how much coin, unsigned.
double take_over(Run& run, const Offer& offer, double unit);

// Closes as much of an isolated position as finds counterparties; returns the claim that found none.
Claim deleverage(Run& run, const Leaving& leaving);

}  // namespace levcore
