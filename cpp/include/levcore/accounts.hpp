// Cross accounts: one pool of collateral behind many positions (model 17). Positions of an account lie together, in the
// book's order; balances are in units of each collateral, the settlement currency's first.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "levcore/book.hpp"
#include "levcore/instrument.hpp"
#include "levcore/venue.hpp"

namespace levcore {

// An account as it stands.
struct AccountView {
    std::span<const std::uint32_t> position;
    std::span<const std::uint32_t> instrument;
    std::span<const Claim> held;
    double cash;
    std::span<const double> coins;
};

// Accounts that hold positions; the others have nothing at stake.
struct CrossBook {
    std::vector<std::size_t> first;         // per account its first place in the columns below, and one past the last
    std::vector<std::uint32_t> row;         // per account, its row in the table of accounts
    std::vector<std::uint32_t> position;    // per place
    std::vector<std::uint32_t> instrument;  // per place
    std::vector<Claim> held;                // per place, without margin
    std::vector<double> cash;               // per account
    std::vector<double> coins;              // per account, a balance a collateral
    std::vector<std::uint32_t> collateral_asset;  // per collateral, its asset's place in the market

    [[nodiscard]] std::size_t size() const noexcept { return cash.size(); }
    [[nodiscard]] AccountView at_start(std::size_t account) const;
    [[nodiscard]] std::size_t collaterals() const noexcept { return collateral_asset.size(); }
};

// What an account is worth.
struct Health {
    double equity;       // collateral in full
    double maintenance;  // one sum over the positions
    double slack;        // collateral by the share that counts, less maintenance
};

// Whether an account so healthy is liquidatable.
inline bool is_failing(const Venue& venue, const Health& h) noexcept {
    return h.slack < 0.0 || (venue.liquidate_at_equality && h.slack == 0.0);
}

CrossBook gather_accounts(const Venue& venue, const Book& book, std::vector<std::uint32_t> collateral_asset);

// units: unit prices, one an instrument; coin_prices: one a collateral.
Health health(const Venue& venue, std::span<const double> entry_price, const AccountView& account,
              std::span<const double> units, std::span<const double> coin_prices);

// The price of an instrument's asset at which the account's slack vanishes, every other price held still: the first on
// the way on which slack falls from the present price, or, where it is negative already, the last it fell through. nan
// where there is none. The account's instruments and collateral on that asset move together. Where a direction is
// named, the first one on that side.
enum class Direction { falling_slack, down, up };

double account_liquidation_price(const Venue& venue, std::span<const double> entry_price, const AccountView& account,
                                 std::span<const double> units, std::span<const double> coin_prices,
                                 std::span<const std::uint8_t> moves_instrument,
                                 std::span<const std::uint8_t> moves_collateral, double price,
                                 Direction direction = Direction::falling_slack);

}  // namespace levcore
