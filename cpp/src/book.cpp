#include "levcore/book.hpp"

#include <cmath>
#include <cstdio>

namespace levcore {
namespace {

std::string at_row(const char* column, std::size_t i, const char* rule, double value) {
    char text[200];
    std::snprintf(text, sizeof text, "%s[%zu] must %s, was %.17g", column, i, rule, value);
    return text;
}

std::string first_not_positive(const char* column, std::span<const double> values) {
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (!std::isfinite(values[i])) return at_row(column, i, "be finite", values[i]);
        if (!(values[i] > 0.0)) return at_row(column, i, "be > 0", values[i]);
        if (values[i] > largest_number) return at_row(column, i, "be at most 1e90", values[i]);
    }
    return {};
}

}  // namespace

std::string validate(const Positions& p, std::size_t instruments) {
    for (std::size_t i = 0; i < p.instrument.size(); ++i)
        if (p.instrument[i] < 0 || static_cast<std::size_t>(p.instrument[i]) >= instruments) {
            char rule[80];
            std::snprintf(rule, sizeof rule, "name one of the venue's instruments (0 to %zu)", instruments - 1);
            return at_row("instrument", i, rule, p.instrument[i]);
        }
    for (std::size_t i = 0; i < p.quantity.size(); ++i) {
        if (!std::isfinite(p.quantity[i])) return at_row("quantity", i, "be finite", p.quantity[i]);
        if (std::fabs(p.quantity[i]) > largest_number)
            return at_row("quantity", i, "be at most 1e90 in size", p.quantity[i]);
    }
    std::string wrong = first_not_positive("entry_price", p.entry_price);
    return wrong.empty() ? first_not_positive("margin", p.margin) : wrong;
}

}  // namespace levcore
