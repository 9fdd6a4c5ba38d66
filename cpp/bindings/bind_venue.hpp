// The bound book: columns kept alive beside the spans that look at them.
#pragma once

#include "arrays.hpp"
#include "levcore/accounts.hpp"
#include "levcore/book.hpp"
#include "levcore/venue.hpp"

namespace levcore::bindings {

struct HeldBook {
    Venue venue;
    Column<std::int32_t> instrument;
    Column<double> quantity;
    Column<double> entry_price;
    Column<double> margin;
    Column<std::int64_t> account;
    Column<double> balance;
    Positions positions;
    Accounts accounts;
    CrossBook cross;

    [[nodiscard]] Book book() const { return {positions, accounts}; }
};

}  // namespace levcore::bindings
