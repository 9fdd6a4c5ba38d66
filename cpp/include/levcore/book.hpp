// What is held: two tables, a column per field (model 2). Spans over columns that somebody else owns and has
// checked. Quantities in base units (long > 0), prices and margins in the settlement currency.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace levcore {

// Of instruments and accounts a column of one number is that of all rows.
struct Positions {
    std::span<const std::int32_t> instrument;  // index in the venue's instruments
    std::span<const double> quantity;
    std::span<const double> entry_price;
    std::span<const double> margin;
    std::span<const std::int64_t> account;  // row of the accounts table; isolated: none

    [[nodiscard]] std::size_t size() const noexcept { return quantity.size(); }
    [[nodiscard]] std::size_t instrument_of(std::size_t row) const noexcept {
        return static_cast<std::size_t>(instrument[instrument.size() == 1 ? 0 : row]);
    }
    [[nodiscard]] std::int64_t account_of(std::size_t row) const noexcept {
        return account[account.size() == 1 ? 0 : row];
    }
    [[nodiscard]] Positions some(std::size_t from, std::size_t rows) const {
        return {instrument.size() == 1 ? instrument : instrument.subspan(from, rows), quantity.subspan(from, rows),
                entry_price.subspan(from, rows), margin.subspan(from, rows),
                account.size() == 1 ? account : account.subspan(from, rows)};
    }
};

inline constexpr std::int64_t isolated = -1;

// A balance per collateral, the settlement currency's first, then in the order of the venue's collateral.
struct Accounts {
    std::size_t rows = 0;
    std::span<const double> balance;  // rows x collateral assets, row by row
};

struct Book {
    Positions positions;
    Accounts accounts;
};

// Prices, sizes and margins stay between these, so that no product of three of them leaves float64.
inline constexpr double largest_number = 1e90;
inline constexpr double smallest_number = 1e-90;

// Whether nothing is wrong with a table of positions. Sooner than validate, which says what is.
bool is_valid(const Positions& positions, std::size_t instruments, std::size_t accounts) noexcept;

// What is wrong with a table of positions, naming column, row, value and rule; empty if nothing is. A position of an
// account has no margin of its own: nan.
std::string validate(const Positions& positions, std::size_t instruments, std::size_t accounts);

}  // namespace levcore
