// Where a policy frees what is short only little by little (model 18): how much is short, and when that has ended.
#pragma once

#include <cstdint>
#include <span>

#include "levcore/losses.hpp"
#include "levcore/run.hpp"

namespace levcore {

// Requirement and buffer less the target's share of equity, at the marks; an isolated position's, an account's.
double shortage(const Run& run, const Leaving& of);
double shortage(const Run& run, std::uint32_t account);

// The buffer on all that an account holds.
double buffer_of(const Run& run, std::uint32_t account, std::span<const double> units);

// Liquidations that have begun and find nothing short are over: the next one begins anew.
void end_recovered(Run& run);

}  // namespace levcore
