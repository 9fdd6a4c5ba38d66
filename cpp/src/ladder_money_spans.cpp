#include "levcore/ladder_money_spans.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "levcore/kernels.hpp"
#include "levcore/ladder_money.hpp"
#include "levcore/margin.hpp"
#include "levcore/real.hpp"

namespace levcore {

// The operations of LadderMoney::money, in their order.
void LadderMoney::trade(std::size_t side, std::span<const Stretch> stretches, std::span<double> traded) const {
    std::ranges::fill(traded, std::numeric_limits<double>::quiet_NaN());
    const auto* const root = std::get_if<SquareRootImpact>(&market_.assets[0].impact);
    if (root == nullptr || ladder_.assets[0].is_inverse) return;
    constexpr std::size_t most = 64;
    constexpr double furthest = 690.0;  // that exp is told by lanes
    const std::span<const Rung> rungs = ladder_.assets[0].sides[side].rungs;
    const double sign = sign_of(side);
    const double spread = 1.0 - sign * market_.assets[0].half_spread;
    std::array<double, most> price, volume, size, ratio;
    for (std::size_t from = 0; from < stretches.size(); from += most) {
        const std::size_t n = std::min(most, stretches.size() - from);
        for (std::size_t i = 0; i < (n + 7) / 8 * 8; ++i) {
            const Stretch& s = stretches[from + std::min(i, n - 1)];
            price[i] = std::clamp(s.log_price, -furthest, furthest);
            volume[i] = s.volume;
            size[i] = between(rungs[s.from], rungs[s.to]).high;
        }
        kernels_in_use().exp_values(exp_parts(), price.data(), n);
        kernels_in_use().root_ratios(
            {(n + 7) / 8 * 8, sign, root->coefficient, exp_parts(), volume.data(), size.data(), ratio.data()});
        for (std::size_t i = 0; i < n; ++i)
            if (std::fabs(stretches[from + i].log_price) <= furthest)
                traded[from + i] = size[i] * (price[i] * spread * ratio[i]);
    }
}

void LadderMoney::ask(const Walk& w, AskedRows& asked) const {
    const Impact& impact = market_.assets[w.stretch.asset].impact;
    const double price = exp(w.stretch.log_price) * w.spread;
    const auto* const root = std::get_if<SquareRootImpact>(&impact);
    for (std::size_t i = asked.count; i % 8 != 0; ++i) asked.volume[i] = asked.size[i] = 0.0;
    if (root != nullptr)
        kernels_in_use().root_ratios({(asked.count + 7) / 8 * 8, w.sign, root->coefficient, exp_parts(),
                                      asked.volume.data(), asked.size.data(), asked.ratio.data()});
    for (std::size_t i = 0; i < asked.count; ++i)
        if (root == nullptr || std::isnan(asked.ratio[i]))
            asked.ratio[i] = average_ratio(impact, asked.volume[i], -w.sign * asked.size[i]);
    const double fee_rate = book_.venue.liquidation.fee_rate;
    // Beside the numbers that are read, not among them, lest each sum goes by way of memory.
    double has_all = asked.has;
    double left_all = asked.left;
    double deficit = asked.deficit;
    double fees = asked.fees;
    for (std::size_t i = 0; i < asked.count; ++i) {
        const double notional = asked.size[i] * (price * asked.ratio[i]);
        const double has = w.sign * notional + asked.cash[i];
        // Without a branch: who has something left, and who has not, follow each other by chance.
        const double left = has > 0.0 ? has : 0.0;
        const double fee = fee_rate * notional;
        has_all += has;
        left_all += left;
        deficit += left - has;
        fees += fee < left ? fee : left;
    }
    asked.has = has_all;
    asked.left = left_all;
    asked.deficit = deficit;
    asked.fees = fees;
    asked.rows += asked.count;
    asked.count = 0;
}

// Rows that leave a deficit, but for those that stand apart and may have something left: `put` is told of these.
template <class PriceAfter, class Put>
void LadderMoney::each_unsure(const Walk& w, std::size_t from, std::size_t to, PriceAfter&& price_after,
                              Put&& put) const {
    constexpr std::size_t length = LadderSpans::apart_length;
    constexpr std::size_t at_once = 32;
    const LadderSpans& spans = w.rows.spans;
    const auto end_of = [&](std::size_t n) { return std::min(to, (n + 1) * length); };
    if (from % length != 0) {
        const double quantity = spans.money[0][from / LadderSpans::lengths[0]].quantity;  // before the row, or sooner
        const double price = price_after(std::max(quantity, w.rows.rungs[w.stretch.from].quantity));
        spans.each_unsure(from, end_of(from / length), price, put);
        from = end_of(from / length);
    }
    struct {
        std::size_t span;
        double price;
    } some[at_once];
    while (from < to) {
        const std::size_t end = std::min((to + length - 1) / length, from / length + at_once);
        std::size_t count = 0;
        for (std::size_t n = from / length; n < end; ++n) {  // without a branch
            some[count] = {n, price_after(spans.quantity_before(n))};
            count += some[count].price >= spans.least_apart[n] ? 1 : 0;
        }
        for (std::size_t i = 0; i < count; ++i) spans.fetch_apart(some[i].span);
        for (std::size_t i = 0; i < count; ++i)
            spans.each_unsure(some[i].span * length, end_of(some[i].span), some[i].price, put);
        from = std::min(to, end * length);
    }
}

// Rows of a piece that leave a deficit are asked where they stand apart and may have something left; those that may or
// may not leave one are asked all.
template <class PriceAfter>
void LadderMoney::ask_piece(const Walk& w, const AlikeRows& piece, std::size_t to, PriceAfter&& price_after,
                            AskedRows& asked) const {
    const double closed = w.rows.rungs[w.stretch.from].quantity;
    const auto put = [&](double quantity_before, double size, double cash) {
        asked.volume[asked.count] = w.stretch.volume - w.sign * (quantity_before - closed);
        asked.size[asked.count] = size;
        asked.cash[asked.count] = cash;
        if (++asked.count == AskedRows::most) ask(w, asked);
    };
    if (piece.how != Alike::unsure)
        return each_unsure(w, piece.from, to, price_after,
                           [&](const RowApart& row) { put(row.quantity_before, row.size, row.cash); });
    for (std::size_t row = piece.from; row < to; ++row)
        put(w.rows.rungs[row].quantity, std::fabs(w.sorted.quantity[row]), w.sorted.cash[row]);
}

// As LadderMoney::settle_bankrupt, of pieces that follow each other up to a row. False: nothing has been booked.
template <class PriceAfter>
bool LadderMoney::settle_together(const Walk& w, std::span<const AlikeRows> pieces, std::size_t to,
                                  PriceAfter&& price_after) {
    const std::size_t from = pieces.front().from;
    const double all = w.sign * money(w, from, to) + (w.rows.rungs[to].cash - w.rows.rungs[from].cash);
    AskedRows asked;
    for (std::size_t i = 0; i < pieces.size(); ++i)
        ask_piece(w, pieces[i], i + 1 < pieces.size() ? pieces[i + 1].from : to, price_after, asked);
    if (asked.count > 0) ask(w, asked);
    // Where all were asked, what is left of the sum is rounding, and no deficit.
    if (asked.rows < to - from) asked.deficit += std::max(0.0, asked.has - all);
    return pay_together(asked.fees, asked.left - asked.fees, asked.deficit);
}

// Pieces of rows none of which is safe, up to a row: as one, or where it is a matter of who goes first, each by itself.
template <class PriceAfter>
void LadderMoney::settle_pieces(const Walk& w, std::size_t to, PriceAfter&& price_after) {
    const std::span<const AlikeRows> pieces = pieces_;
    if (pieces.size() > 1 && settle_together(w, pieces, to, price_after)) return pieces_.clear();
    for (std::size_t i = 0; i < pieces.size() && inside_; ++i) {
        const std::size_t end = i + 1 < pieces.size() ? pieces[i + 1].from : to;
        if (pieces[i].how == Alike::bankrupt && settle_together(w, pieces.subspan(i, 1), end, price_after)) continue;
        for (std::size_t at = pieces[i].from; at < end && inside_; at += block_rows)
            settle_rows(w, at, std::min(end, at + block_rows));
    }
    pieces_.clear();
}

template <class ImpactOf>
void LadderMoney::settle_spans(const Walk& w, ImpactOf&& impact_of) {
    const LadderSpans& spans = w.rows.spans;
    constexpr auto lengths = LadderSpans::lengths;
    const std::size_t to = w.stretch.to;
    const double closed = w.rows.rungs[w.stretch.from].quantity;
    const double closed_at_end = w.rows.rungs[to].quantity;
    const auto price_after = [&](double quantity) {
        return w.sign * (w.stretch.log_price + impact_of(w.stretch.volume - w.sign * (quantity - closed)));
    };
    AlikeRows rows{Alike::nothing, w.stretch.from};
    pieces_.clear();
    const auto settle_up_to = [&](std::size_t row) {
        if (rows.how == Alike::bankrupt || rows.how == Alike::unsure) return pieces_.push_back(rows);
        if (!pieces_.empty()) settle_pieces(w, rows.from, price_after);
        if (rows.how == Alike::safe && inside_) settle_sum(w, rows.from, row, money(w, rows.from, row));
    };
    double price = w.sign * w.log_start;
    std::size_t level = lengths.size() - 1;
    for (std::size_t row = w.stretch.from; row < to && inside_;) {
        const std::size_t n = row / lengths[level];
        const MoneySpan& span = spans.money[level][n];
        const std::size_t end = std::min(to, (n + 1) * lengths[level]);
        const double price_at_end = price_after(end == to ? closed_at_end : spans.money[level][n + 1].quantity);
        const Alike how = price_at_end >= span.safe ? Alike::safe
                          : price < span.bankrupt   ? Alike::bankrupt
                                                    : Alike::unsure;
        if (how == Alike::unsure && level > 0) {
            --level;
            continue;
        }
        if (how != rows.how) {
            settle_up_to(row);
            rows = {how, row};
        }
        row = end;
        price = price_at_end;
        while (level + 1 < lengths.size() && row % lengths[level + 1] == 0) ++level;
    }
    if (inside_) settle_up_to(to);
    if (inside_ && !pieces_.empty()) settle_pieces(w, to, price_after);
}

void LadderMoney::settle_by_spans(const Walk& w) {
    with_log_impact(market_.assets[w.stretch.asset].impact, [&](auto&& impact_of) { settle_spans(w, impact_of); });
}

}  // namespace levcore
