// Cross accounts in a run (model 17): which are liquidatable, in which order, and what closing one does. An
// account is asked once more at its turn; its positions go by falling maintenance, then collateral is sold for what is
// owed.
#pragma once

#include <vector>

#include "levcore/run.hpp"

namespace levcore {

struct FailingAccount {
    double ratio;  // equity over maintenance at the round's marks
    std::uint32_t account;
};

// The liquidatable accounts in the order of liquidation: by rising ratio.
std::vector<FailingAccount> failing_accounts(Run& run);

// How many positions belong to accounts that are liquidatable at the marks and must wait.
std::int64_t waiting_in_accounts(const Run& run);

// Closes an account, or as much of it as the policy says, if it is liquidatable still.
void liquidate_account(Run& run, std::uint32_t account);

}  // namespace levcore
