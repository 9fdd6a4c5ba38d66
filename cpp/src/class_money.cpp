#include "levcore/class_money.hpp"

#include <algorithm>
#include <cmath>

#include "levcore/margin.hpp"
#include "levcore/real.hpp"
#include "levcore/row_trades.hpp"

namespace levcore {
namespace {

// What may be a matter of rounding is asked row by row.
constexpr double room = 1e-9;

}  // namespace

// What closing so much coin from this volume on moves: money of linear positions, coins of inverse ones.
double ClassMoney::traded(const Closing& c, double volume, double size) const {
    const QuoteWalk walk = walk_of(c);
    if (classes_.is_inverse[c.asset]) return walk.size_worth(volume, size);
    return size * (exp(c.log_price) * walk.spread() * average_ratio(walk.asset.impact, volume, -walk.sign * size));
}

// Whether every row is sure to pay its fee, even at the last price of the walk.
bool ClassMoney::is_safe(const Closing& c, std::span<const double> paid) const {
    const bool inverse = classes_.is_inverse[c.asset];
    const QuoteWalk walk = walk_of(c);
    const double price = exp(c.log_price + log_impact(walk.asset.impact, c.volume_after)) * walk.spread();
    const double fee = book_.venue.liquidation.fee_rate;
    const bool gains = (c.side == longs) != inverse;
    const double unit =
        (inverse ? 1.0 / price : price) * (gains ? (1.0 - fee) * (1.0 - room) : (1.0 + fee) * (1.0 + room));
    const auto safe = [&](double worst, std::uint32_t instrument) {
        return gains ? worst + paid[instrument] <= unit : worst + paid[instrument] >= unit;
    };
    return std::ranges::all_of(c.stretches,
                               [&](const ClassStretch& s) {
                                   const RateClass& of = classes_.classes[s.of_class];
                                   return safe(of.worst_of(s.from, s.to), of.instrument);
                               }) &&
           std::ranges::all_of(c.shared, [&](const SharedGone& s) {
               const RateClass& of = classes_.classes[s.of_class];
               return safe(of.worst_of(s.row, s.row + 1), of.instrument);
           });
}

// The rows' cash less what they have paid.
double ClassMoney::cash_of(const Closing& c, std::span<const double> paid) const {
    const double sign = (c.side == longs) != classes_.is_inverse[c.asset] ? 1.0 : -1.0;
    const SortedSide& sorted = book_.sides[c.asset][c.side];
    double cash = 0.0;
    for (const ClassStretch& s : c.stretches) {
        const RateClass& of = classes_.classes[s.of_class];
        const Rung& from = of.rungs[s.from];
        const Rung& to = of.rungs[s.to];
        cash += (to.cash - from.cash) - paid[of.instrument] * (sign * between(from, to).high);
    }
    for (const SharedGone& s : c.shared) {
        const RateClass& of = classes_.classes[s.of_class];
        const std::uint32_t row = of.sorted_row[s.row];
        cash += sorted.cash[row] - paid[of.instrument] * sorted.quantity[row];
    }
    return cash;
}

bool ClassMoney::settle(const Closing& c, std::span<const double> paid) {
    const bool inverse = classes_.is_inverse[c.asset];
    const double moved = traded(c, c.volume, c.size);
    notional_[c.side] += inverse ? c.size : moved;
    if (!is_safe(c, paid)) {
        gather(c, paid);
        return settle_rows(c);
    }
    const double left = ((c.side == longs) != inverse ? moved : -moved) + cash_of(c, paid);
    const double fee = book_.venue.liquidation.fee_rate * moved;
    return till_.pay({fee, left - fee, 0.0, 0.0});
}

void ClassMoney::gather(const Closing& c, std::span<const double> paid) {
    const SortedSide& sorted = book_.sides[c.asset][c.side];
    rows_.clear();
    const auto add = [&](const RateClass& of, std::size_t at, bool is_shared) {
        const std::uint32_t row = of.sorted_row[at];
        const double due = paid[of.instrument];
        const Claim held{sorted.cash[row] - due * sorted.quantity[row], sorted.quantity[row]};
        // A shared row may have been found by a class that it reaches later than another. Of rows that every price is
        // too high for none goes before the others.
        const double unit = is_shared ? liquidation_unit_price(book_.venue.instruments[of.instrument], held,
                                                               book_.positions.entry_price[sorted.position[row]])
                                      : of.unit_at(of.rungs[at].height, due);
        rows_.push_back({unit > 0.0 ? unit : 0.0, sorted.position[row], held.coin, held.cash});
    };
    const bool gains = (c.side == longs) != classes_.is_inverse[c.asset];
    const auto before = [gains](const Row& a, const Row& b) {
        if (a.unit != b.unit) return gains ? a.unit > b.unit : a.unit < b.unit;
        return a.position < b.position;
    };
    // Stretches are in order, mostly, and those of a later round stand behind all before.
    const auto merge_from = [&](std::size_t first) {
        const auto added = rows_.begin() + static_cast<std::ptrdiff_t>(first);
        if (added == rows_.end()) return;
        if (!std::is_sorted(added, rows_.end(), before)) std::sort(added, rows_.end(), before);
        std::inplace_merge(std::upper_bound(rows_.begin(), added, *added, before), added, rows_.end(), before);
    };
    for (const ClassStretch& s : c.stretches) {
        const std::size_t first = rows_.size();
        const RateClass& of = classes_.classes[s.of_class];
        const std::span<const SharedRow> shared = of.shared_in(s.from, s.to);
        auto skip = shared.begin();
        for (std::size_t at = s.from; at < s.to; ++at)
            if (skip != shared.end() && skip->row == at)
                ++skip;
            else
                add(of, at, false);
        merge_from(first);
    }
    const std::size_t alone = rows_.size();
    for (const SharedGone& s : c.shared) add(classes_.classes[s.of_class], s.row, true);
    merge_from(alone);
}

// What each of these rows trades; they move the volume.
void ClassMoney::trade(const Closing& c, std::span<const Row> rows, Sum& volume, std::span<double> notional) const {
    const bool inverse = classes_.is_inverse[c.asset];
    const QuoteWalk walk = walk_of(c);
    if (const auto* linear = std::get_if<LinearImpact>(&walk.asset.impact)) {
        for (std::size_t i = 0; i < rows.size(); ++i) notional[i] = std::fabs(rows[i].coin);
        const double price = exp(c.log_price + volume.value() / linear->depth) * walk.spread();
        (inverse ? trade_quote : trade_units)(notional, price, -walk.sign / linear->depth);
        double moved = 0.0;
        for (std::size_t i = 0; i < rows.size(); ++i) moved += inverse ? notional[i] : std::fabs(rows[i].coin);
        return volume.add(-walk.sign * moved);
    }
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const double size = std::fabs(rows[i].coin);
        notional[i] = traded(c, volume.value(), size);
        volume.add(-walk.sign * (inverse ? notional[i] : size));
    }
}

bool ClassMoney::settle_rows(const Closing& c) {
    Sum volume(c.volume);
    std::array<double, block_rows> notional;
    std::array<double, block_rows> equity;
    for (std::size_t from = 0; from < rows_.size(); from += block_rows) {
        const std::size_t n = std::min(block_rows, rows_.size() - from);
        const std::span<const Row> rows = std::span(rows_).subspan(from, n);
        trade(c, rows, volume, {notional.data(), n});
        for (std::size_t i = 0; i < n; ++i)
            equity[i] = (rows[i].coin > 0.0 ? notional[i] : -notional[i]) + rows[i].cash;
        if (!till_.pay({equity.data(), n}, {notional.data(), n})) return false;
    }
    return true;
}

}  // namespace levcore
