#include "levcore/ladder_money_spans.hpp"

#include <algorithm>
#include <cmath>

#include "levcore/kernels.hpp"
#include "levcore/ladder_money.hpp"
#include "levcore/margin.hpp"
#include "levcore/real.hpp"

namespace levcore {

void LadderMoney::ask(const Walk& w, AskedRows& asked) const {
    const Impact& impact = market_.assets[w.stretch.asset].impact;
    const double price = exp(w.stretch.log_price) * w.spread;
    const auto* const root = std::get_if<SquareRootImpact>(&impact);
    for (std::size_t i = asked.count; i % 8 != 0; ++i) asked.volume[i] = asked.size[i] = 0.0;
    if (root != nullptr)
        kernels_in_use().root_ratios({(asked.count + 7) / 8 * 8, w.sign, root->coefficient, exp_parts(),
                                      asked.volume.data(), asked.size.data(), asked.ratio.data()});
    for (std::size_t i = 0; i < asked.count; ++i) {
        const double size = asked.size[i];
        double ratio = asked.ratio[i];
        if (root == nullptr || std::isnan(ratio)) ratio = average_ratio(impact, asked.volume[i], -w.sign * size);
        const double notional = size * (price * ratio);
        const double has = w.sign * notional + asked.cash[i];
        asked.has += has;
        if (has <= 0.0) {
            asked.deficit -= has;
            continue;
        }
        asked.left += has;
        asked.fees += liquidation_fee(book_.venue.liquidation, notional, has);
    }
    asked.rows += asked.count;
    asked.count = 0;
}

// As LadderMoney::settle_bankrupt: who stands apart, and may have something left, is asked.
template <class PriceAfter>
bool LadderMoney::settle_bankrupt_spans(const Walk& w, std::size_t from, std::size_t to, PriceAfter&& price_after) {
    constexpr std::size_t length = LadderSpans::apart_length;
    const LadderSpans& spans = w.rows.spans;
    const double all = w.sign * money(w, from, to) + (w.rows.rungs[to].cash - w.rows.rungs[from].cash);
    const double closed = w.rows.rungs[w.stretch.from].quantity;
    AskedRows asked;
    const auto put = [&](const RowApart& row) {
        if (price_after(row.quantity_before) < row.bankrupt) return;
        asked.volume[asked.count] = w.stretch.volume - w.sign * (row.quantity_before - closed);
        asked.size[asked.count] = row.size;
        asked.cash[asked.count] = row.cash;
        if (++asked.count == AskedRows::most) ask(w, asked);
    };
    for (std::size_t row = from; row < to;) {
        const std::size_t end = std::min(to, (row / length + 1) * length);
        spans.fetch_apart(end);
        const double quantity = spans.money[0][row / LadderSpans::lengths[0]].quantity;  // before the row, or sooner
        spans.each_unsure(row, end, price_after(std::max(quantity, closed)), put);
        row = end;
    }
    if (asked.count > 0) ask(w, asked);
    // Where all were asked, what is left of the sum is rounding, and no deficit.
    if (asked.rows < to - from) asked.deficit += std::max(0.0, asked.has - all);
    return pay_together(asked.fees, asked.left - asked.fees, asked.deficit);
}

template <class PriceAfter>
void LadderMoney::settle_alike(const Walk& w, const AlikeRows& rows, std::size_t to, PriceAfter&& price_after) {
    if (rows.how == Alike::safe)
        settle_sum(w, rows.from, to, money(w, rows.from, to));
    else if (rows.how == Alike::unsure ||
             (rows.how == Alike::bankrupt && !settle_bankrupt_spans(w, rows.from, to, price_after)))
        for (std::size_t at = rows.from; at < to && inside_; at += block_rows)
            settle_rows(w, at, std::min(to, at + block_rows));
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
        if (how != rows.how || (how == Alike::unsure && row - rows.from + lengths[0] > block_rows)) {
            settle_alike(w, rows, row, price_after);
            rows = {how, row};
        }
        row = end;
        price = price_at_end;
        while (level + 1 < lengths.size() && row % lengths[level + 1] == 0) ++level;
    }
    if (inside_) settle_alike(w, rows, to, price_after);
}

void LadderMoney::settle_by_spans(const Walk& w) {
    with_log_impact(market_.assets[w.stretch.asset].impact, [&](auto&& impact_of) { settle_spans(w, impact_of); });
}

}  // namespace levcore
