#include "levcore/ladder_money.hpp"

#include <algorithm>
#include <cmath>

#include "levcore/real.hpp"
#include "levcore/row_trades.hpp"

namespace levcore {
namespace {

struct Cubic {
    double c[4];
    // Over [from, to].
    [[nodiscard]] double mean(double from, double to) const {
        const double t = 0.5 * (from + to);
        const double half = to - t;
        return c[0] + t * (c[1] + t * (c[2] + t * c[3])) + (half * half) * (c[2] * (1.0 / 3) + c[3] * t);
    }
};

// Through the values at 0, 1/3, 2/3 and 1.
template <class F>
Cubic cubic_through(F&& value) {
    const double a = value(0.0);
    const double b = value(1.0 / 3);
    const double c = value(2.0 / 3);
    const double d = value(1.0);
    const double first = b - a;
    const double second = (c - b) - first;
    const double third = (d - c) - (c - b) - second;
    return {{a, 3.0 * first - 1.5 * second + third, 4.5 * (second - third), 4.5 * third}};
}

// Whether impact has no corner between two volumes and they are close to each other for their size.
bool is_smooth(const Impact& impact, double from, double to) {
    const double nearest = std::min(std::fabs(from), std::fabs(to));
    return !std::holds_alternative<DepthCurve>(impact) && from * to > 0.0 && std::fabs(to - from) < 0x1p-8 * nearest;
}

}  // namespace

// The series leaves out less than 2^-57.
double mean_ratio(double u) {
    if (!moves_little(u)) return expm1(u) / u;
    const double far = u * (u * (u * (1.0 / 362'880) + 1.0 / 40'320) + 1.0 / 5'040) + 1.0 / 720;
    return u * (u * (u * (u * (u * far + 1.0 / 120) + 1.0 / 24) + 1.0 / 6) + 1.0 / 2) + 1.0;
}

void LadderMoney::begin() {
    till_.begin();
    notional_ = {0.0, 0.0};
    inside_ = true;
}

bool LadderMoney::settle(const Stretch& s, double traded) {
    const LadderAsset& on = ladder_.assets[s.asset];
    const double sign = sign_of(s.side);
    Walk w{s,
           on,
           on.sides[s.side],
           book_.sides[s.asset][s.side],
           sign,
           on.is_inverse ? -sign : sign,
           1.0 - sign * market_.assets[s.asset].half_spread,
           0.0};
    w.log_start = log_walk(w, s.volume);
    if (std::isnan(traded)) traded = money(w, s.from, s.to);
    notional_[s.side] += on.is_inverse ? between(w.rows.rungs[s.from], w.rows.rungs[s.to]).high : traded;
    const double worst = sign * log_walk_at(w, on.is_linear ? s.from : s.to) + closed_before(w, s.from);
    if (worst >= w.rows.safe_from[s.from / block_rows])
        settle_sum(w, s.from, s.to, traded);
    else if (on.is_linear || on.is_inverse)
        settle_parts(w);
    else
        settle_by_spans(w);
    return inside_;
}

// Where orders trade once the order book has taken that volume.
double LadderMoney::log_walk(const Walk& w, double volume) const {
    const double moved =
        w.on.is_linear ? volume / w.on.depth : log_impact(market_.assets[w.stretch.asset].impact, volume);
    return w.stretch.log_price + moved;
}

// Of closing `size` on the walk after the rows before `from`, a unit price.
double LadderMoney::average_price(const Walk& w, std::size_t from, double size) const {
    if (w.on.is_linear) return exp(log_walk_at(w, from)) * w.spread * mean_ratio(-w.sign * size / w.on.depth);
    const double volume = volume_at(w, from);
    if (w.on.is_inverse)
        return size > 0.0 ? quote_walk(w).size_worth(volume, size) / size : exp(-log_walk(w, volume)) / w.spread;
    const double ratio = average_ratio(market_.assets[w.stretch.asset].impact, volume, -w.sign * size);
    return exp(w.stretch.log_price) * w.spread * ratio;
}

double LadderMoney::money(const Walk& w, std::size_t from, std::size_t to) const {
    const double size = between(w.rows.rungs[from], w.rows.rungs[to]).high;
    if (w.on.is_inverse) return quote_walk(w).size_worth(volume_at(w, from), size);
    return size * average_price(w, from, size);
}

// After the rows before `row`: the volume, and where orders trade.
double LadderMoney::volume_at(const Walk& w, std::size_t row) const {
    const std::span<const Rung> rungs = w.rows.rungs;
    const double closed = rungs[row].quantity - rungs[w.stretch.from].quantity;
    if (w.on.is_inverse && closed > 0.0) return quote_walk(w).volume_after(w.stretch.volume, closed);
    return w.stretch.volume - w.sign * closed;
}

double LadderMoney::log_walk_at(const Walk& w, std::size_t row) const {
    return row == w.stretch.from ? w.log_start : log_walk(w, volume_at(w, row));
}

// What bounds of a linear walk count on top of a price.
double LadderMoney::closed_before(const Walk& w, std::size_t row) const {
    return w.rows.rungs[row].quantity / w.on.depth;
}

// Of a linear walk bounds know how it moves from block to block; of inverse rows each block's prices are asked for.
void LadderMoney::settle_parts(const Walk& w) {
    const LadderSide& rows = w.rows;
    const std::size_t to = w.stretch.to;
    const double at_start = w.sign * w.log_start + closed_before(w, w.stretch.from);
    const auto price_at = [&](std::size_t row) { return w.on.is_linear ? at_start : w.sign * log_walk_at(w, row); };
    const auto block_end = [&](std::size_t row) { return std::min(to, (row / block_rows + 1) * block_rows); };
    const auto is_safe = [&](std::size_t row) { return price_at(block_end(row)) >= rows.safe[row / block_rows]; };
    const auto is_bankrupt = [&](std::size_t row) { return price_at(row) < rows.bankrupt[row / block_rows]; };
    const auto many_safe = [&](std::size_t many) { return at_start >= rows.safe_of_many[many]; };
    const auto many_bankrupt = [&](std::size_t many) { return at_start < rows.bankrupt_of_many[many]; };
    const auto run_end = [&](std::size_t row, auto&& alike, auto&& many_alike) {  // as far as blocks are alike
        std::size_t end = block_end(row);
        while (end < to) {
            if (!w.on.is_linear && end % rows_of_many == 0) break;  // else its first price says little of its last
            if (w.on.is_linear && end % rows_of_many == 0 && end + rows_of_many <= to && many_alike(end / rows_of_many))
                end += rows_of_many;
            else if (alike(end))
                end = block_end(end);
            else
                break;
        }
        return end;
    };
    for (std::size_t row = w.stretch.from; row < to && inside_;) {
        std::size_t end = block_end(row);
        if (is_safe(row)) {
            end = run_end(row, is_safe, many_safe);
            settle_sum(w, row, end, money(w, row, end));
        } else if (is_bankrupt(row)) {
            end = run_end(row, is_bankrupt, many_bankrupt);
            if (!settle_bankrupt(w, row, end, price_at(row)))
                for (std::size_t at = row; at < end && inside_; at = block_end(at)) settle_rows(w, at, block_end(at));
        } else {
            settle_rows(w, row, end);
        }
        row = end;
    }
}

// Rows of which all pay their fee in full.
void LadderMoney::settle_sum(const Walk& w, std::size_t from, std::size_t to, double traded) {
    const double left = w.gains * traded + (w.rows.rungs[to].cash - w.rows.rungs[from].cash);
    const double fee = book_.venue.liquidation.fee_rate * traded;
    keep({fee, left - fee, 0.0, 0.0});
}

// Rows of which all leave a deficit, but for some of those that stand apart; what these have left is asked one by one.
// False: it is a matter of who goes first, and nothing has been booked.
bool LadderMoney::settle_bankrupt(const Walk& w, std::size_t from, std::size_t to, double best) {
    const double all = w.gains * money(w, from, to) + (w.rows.rungs[to].cash - w.rows.rungs[from].cash);
    double asked = 0.0;
    double left = 0.0;
    double fees = 0.0;
    double deficit = 0.0;
    unsure_.clear();
    w.rows.apart.each_unsure(from, to, best, [&](std::uint32_t row) { unsure_.push_back(row); });
    const std::size_t sure = to - from - unsure_.size();
    for (std::size_t done = 0; done < unsure_.size(); done += block_rows) {
        const auto rows = std::span(unsure_).subspan(done, std::min(block_rows, unsure_.size() - done));
        std::array<double, block_rows> notional;
        trade_apart(w, rows, notional);
        for (std::size_t i = 0; i < rows.size(); ++i) {
            const double has = w.gains * notional[i] + w.sorted.cash[rows[i]];
            asked += has;
            if (has <= 0.0) {
                deficit -= has;
                continue;
            }
            left += has;
            fees += liquidation_fee(book_.venue.liquidation, notional[i], has);
        }
    }
    // Where all were asked, what is left of the sum is rounding, and no deficit.
    if (sure > 0) deficit += std::max(0.0, asked - all);
    return pay_together(fees, left - fees, deficit);
}

// What rows that do not follow each other trade: one block of them at most.
void LadderMoney::trade_apart(const Walk& w, std::span<const std::uint32_t> rows, std::span<double> notional) const {
    const std::size_t n = rows.size();
    const auto size = [&](std::size_t i) { return std::fabs(w.sorted.quantity[rows[i]]); };
    if (w.on.is_inverse) {
        for (std::size_t i = 0; i < n; ++i) notional[i] = size(i) * average_price(w, rows[i], size(i));
        return;
    }
    for (std::size_t i = 0; i < n; ++i) notional[i] = log_walk_at(w, rows[i]);
    kernels_in_use().exp_values(exp_parts(), notional.data(), n);
    for (std::size_t i = 0; i < n; ++i)
        notional[i] = size(i) * (notional[i] * w.spread * mean_ratio(-w.sign * size(i) / w.on.depth));
}

bool LadderMoney::pay_together(double fees, double remainder, double deficit) {
    const bool flows_in = till_.flows_in(fees, remainder);
    const bool is_paid = till_.pays_whole(deficit, flows_in);
    if (!is_paid && (till_.fund() > 0.0 || flows_in)) return false;
    keep({fees, remainder, is_paid ? deficit : 0.0, is_paid ? 0.0 : deficit});
    return true;
}

// One block at most.
void LadderMoney::settle_rows(const Walk& w, std::size_t from, std::size_t to) {
    std::array<double, block_rows> notional;
    std::array<double, block_rows> equity;
    const double moved = (w.rows.rungs[to].quantity - w.rows.rungs[from].quantity) / w.on.depth;
    const std::size_t n = to - from;
    const auto of_little = [](double u) { return 1.0 + u * (1.0 / 2 + u * (1.0 / 6 + u * (1.0 / 24))); };
    if (w.on.is_inverse)
        trade_quote(w, from, {notional.data(), n});
    else if (!w.on.is_linear)
        trade_rows(w, from, {notional.data(), n});
    else if (moved < 0x1p-12)  // what is left out is less than 2^-54
        trade_linear(w, from, {notional.data(), n}, of_little);
    else
        trade_linear(w, from, {notional.data(), n}, mean_ratio);
    const double* const cash = w.sorted.cash.data() + from;
    for (std::size_t i = 0; i < n; ++i) equity[i] = w.gains * notional[i] + cash[i];
    inside_ = till_.pay({equity.data(), n}, {notional.data(), n}) && inside_;
}

// What each row trades on a walk that is linear: each order moves the price for the next one.
template <class MeanRatio>
void LadderMoney::trade_linear(const Walk& w, std::size_t from, std::span<double> notional, MeanRatio&& ratio) const {
    const double* const quantity = w.sorted.quantity.data() + from;
    const double per_unit = -w.sign / w.on.depth;
    std::array<double, block_rows> moves;
    for (std::size_t i = 0; i < notional.size(); ++i) {
        const double size = std::fabs(quantity[i]);
        const double moved = per_unit * size;
        const double mean = ratio(moved);
        notional[i] = size * mean;
        moves[i] = 1.0 + moved * mean;
    }
    double price = average_price(w, from, 0.0);  // before the first order
    for (std::size_t i = 0; i < notional.size(); ++i) {
        notional[i] *= price;
        price *= moves[i];
    }
}

// The base units that each row's quote units cost or yield.
void LadderMoney::trade_quote(const Walk& w, std::size_t from, std::span<double> notional) const {
    const double* const quantity = w.sorted.quantity.data() + from;
    double volume = volume_at(w, from);
    if (const auto* linear = std::get_if<LinearImpact>(&market_.assets[w.stretch.asset].impact)) {
        for (std::size_t i = 0; i < notional.size(); ++i) notional[i] = std::fabs(quantity[i]);
        return levcore::trade_quote(notional, exp(log_walk(w, volume)) * w.spread, -w.sign / linear->depth);
    }
    for (std::size_t i = 0; i < notional.size(); ++i) {
        notional[i] = quote_walk(w).size_worth(volume, std::fabs(quantity[i]));
        volume -= w.sign * notional[i];
    }
}

// By the walk's own average price of each order; where the whole stretch moves the volume little, by a cubic through
// four prices of it, which leaves out less than 2^-46 of a price.
void LadderMoney::trade_rows(const Walk& w, std::size_t from, std::span<double> notional) const {
    const Impact& impact = market_.assets[w.stretch.asset].impact;
    const double price = exp(w.stretch.log_price) * w.spread;
    const Rung* const rungs = w.rows.rungs.data() + from;
    const double* const quantity = w.sorted.quantity.data() + from;
    const double first = volume_at(w, from);
    const double size = rungs[notional.size()].quantity - rungs[0].quantity;
    if (!is_smooth(impact, first, first - w.sign * size)) {
        for (std::size_t i = 0; i < notional.size(); ++i) {
            const double volume = first - w.sign * (rungs[i].quantity - rungs[0].quantity);
            notional[i] =
                std::fabs(quantity[i]) * (price * average_ratio(impact, volume, -w.sign * std::fabs(quantity[i])));
        }
        return;
    }
    const Cubic ratio = cubic_through([&](double t) { return exp(log_impact(impact, first - w.sign * (t * size))); });
    for (std::size_t i = 0; i < notional.size(); ++i) {
        const double before = (rungs[i].quantity - rungs[0].quantity) / size;
        const double after = (rungs[i + 1].quantity - rungs[0].quantity) / size;
        notional[i] = std::fabs(quantity[i]) * (price * ratio.mean(before, after));
    }
}

}  // namespace levcore
