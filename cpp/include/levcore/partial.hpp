// Liquidation in parts (model 18): an order closes some of a position, which keeps its margin, the profit realised and
// the fee. Where the rules make it wait, it rests until its time has come.
#pragma once

#include "levcore/losses.hpp"
#include "levcore/run.hpp"

namespace levcore {

// Sends an order for a part of a position. False: all of it must go, and nothing has been done.
bool liquidate_part(Run& run, const Leaving& leaving);

// Whether a position has had an order before: it is counted already.
bool had_order(const Run& run, const Leaving& leaving);

// Those whose time to rest is over are watched again.
void wake(Run& run);

// Isolated positions that are liquidatable at the marks and must wait.
std::int64_t waiting_positions(const Run& run);

}  // namespace levcore
