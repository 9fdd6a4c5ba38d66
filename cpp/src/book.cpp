#include "levcore/book.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>

#include "levcore/message.hpp"

namespace levcore {
namespace {

std::string first_not_positive(const char* column, std::span<const double> values,
                               std::span<const std::int64_t> account = {}) {
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (!account.empty() && account[account.size() == 1 ? 0 : i] != isolated) {
            if (!std::isnan(values[i])) return broken_rule(column, i, "be nan for a position of an account", values[i]);
            continue;
        }
        if (!std::isfinite(values[i])) return broken_rule(column, i, "be finite", values[i]);
        if (!(values[i] > 0.0)) return broken_rule(column, i, "be > 0", values[i]);
        if (values[i] < smallest_number) return broken_rule(column, i, "be at least 1e-90", values[i]);
        if (values[i] > largest_number) return broken_rule(column, i, "be at most 1e90", values[i]);
    }
    return {};
}

// Whether all numbers of a column are right; eight at a time, for no answer waits for another one.
template <class IsRight>
bool all_right(std::span<const double> values, IsRight&& is_right) noexcept {
    constexpr std::size_t at_once = 8;
    double wrong[at_once] = {};
    std::size_t i = 0;
    for (; i + at_once <= values.size(); i += at_once)
        for (std::size_t j = 0; j < at_once; ++j) wrong[j] = is_right(values[i + j]) ? wrong[j] : 1.0;
    for (; i < values.size(); ++i) wrong[0] = is_right(values[i]) ? wrong[0] : 1.0;
    return std::accumulate(std::begin(wrong), std::end(wrong), 0.0) == 0.0;
}

}  // namespace

bool is_valid(const Positions& p, std::size_t instruments, std::size_t accounts) noexcept {
    const auto is_known = [&](std::int32_t code) { return code >= 0 && static_cast<std::size_t>(code) < instruments; };
    const auto is_row = [&](std::int64_t row) { return row >= isolated && row < static_cast<std::int64_t>(accounts); };
    // Bitwise, so that no branch is taken; what is no number compares with nothing.
    const auto is_size = [](double value) {
        const double size = std::fabs(value);
        return (size <= largest_number) & ((size >= smallest_number) | (size == 0.0));
    };
    const auto is_price = [](double value) { return (value >= smallest_number) & (value <= largest_number); };
    if (!std::ranges::all_of(p.instrument, is_known) || !std::ranges::all_of(p.account, is_row)) return false;
    if (!all_right(p.quantity, is_size) || !all_right(p.entry_price, is_price)) return false;
    if (p.account.size() == 1 && p.account[0] == isolated) return all_right(p.margin, is_price);
    for (std::size_t i = 0; i < p.margin.size(); ++i)
        if (p.account_of(i) == isolated ? !is_price(p.margin[i]) : !std::isnan(p.margin[i])) return false;
    return true;
}

std::string validate(const Positions& p, std::size_t instruments, std::size_t accounts) {
    for (std::size_t i = 0; i < p.instrument.size(); ++i)
        if (p.instrument[i] < 0 || static_cast<std::size_t>(p.instrument[i]) >= instruments) {
            const std::string rule =
                "name one of the venue's instruments (0 to " + std::to_string(instruments - 1) + ")";
            return broken_rule("instrument", i, rule, p.instrument[i]);
        }
    for (std::size_t i = 0; i < p.quantity.size(); ++i) {
        if (!std::isfinite(p.quantity[i])) return broken_rule("quantity", i, "be finite", p.quantity[i]);
        if (std::fabs(p.quantity[i]) > largest_number)
            return broken_rule("quantity", i, "be at most 1e90 in size", p.quantity[i]);
        if (p.quantity[i] != 0.0 && std::fabs(p.quantity[i]) < smallest_number)
            return broken_rule("quantity", i, "be 0 or at least 1e-90 in size", p.quantity[i]);
    }
    for (std::size_t i = 0; i < p.account.size(); ++i)
        if (p.account[i] < isolated || p.account[i] >= static_cast<std::int64_t>(accounts)) {
            const std::string rows = accounts == 0
                                         ? "be -1: there are no accounts"
                                         : "be -1 or a row of accounts (0 to " + std::to_string(accounts - 1) + ")";
            return broken_rule("account", i, rows, static_cast<double>(p.account[i]));
        }
    std::string wrong = first_not_positive("entry_price", p.entry_price);
    return wrong.empty() ? first_not_positive("margin", p.margin, p.account) : wrong;
}

}  // namespace levcore
