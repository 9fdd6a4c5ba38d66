#include "levcore/book.hpp"

#include <cmath>

#include "levcore/message.hpp"

namespace levcore {
namespace {

std::string first_not_positive(const char* column, std::span<const double> values,
                               std::span<const std::int64_t> account = {}) {
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (!account.empty() && account[i] != isolated) {
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

}  // namespace

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
