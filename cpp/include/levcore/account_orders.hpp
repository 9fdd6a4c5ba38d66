// The orders of an account (model 17): what closing one of its positions, or selling its collateral, does to its cash
// and to what it holds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "levcore/run.hpp"

namespace levcore {

bool is_open(const AccountView& view);

void set_cash(CrossState& state, std::uint32_t account, double cash);

// Takes an amount of one position's coin out of an account at a unit price: its equity there becomes the account's
// cash.
void release(Run& run, std::uint32_t account, std::size_t place, double coin, double unit);

// Closes an amount of one position's coin on the walk. Returns the money traded; none: no order could be filled, and
// the run stops.
std::optional<double> close_position(Run& run, std::uint32_t account, std::size_t place, double coin);

// The account's open places by falling maintenance at the marks, ties by position; all of them where none is open.
std::vector<std::size_t> closing_sequence(const Run& run, std::uint32_t account, std::span<const double> units);

// Sells collateral, each on its own asset's walk, until the cash is no longer negative or all is sold.
void sell_collateral(Run& run, std::uint32_t account);

}  // namespace levcore
