// Who of the opposite side gives up how much when a position is deleveraged (model 19): rankings, and shares of a
// quantity among holders. Pure arithmetic; sizes unsigned, in any one unit.
#pragma once

#include <cstdint>
#include <vector>

#include "levcore/venue.hpp"

namespace levcore {

// The place in the queue of a holder whose claim is `held`, at a unit price: the highest goes first. Profit over entry
// value times (where negative: over) leverage, or the gain in price times leverage; 0 where the rules do not rank.
// `equity` is the position's, or that of the account it belongs to.
double deleveraging_score(Ranking ranking, const Perpetual& instrument, const Claim& held, double entry_price,
                          double unit, double equity) noexcept;

// What each holder gives up: the same share of each, or the largest share as small as lots allow, or the first ones
// everything, in the order given. Whole lots where lot > 0. The sum is at most `wanted`.
std::vector<double> given_up(Ranking ranking, const std::vector<double>& sizes, double wanted, double lot);

}  // namespace levcore
