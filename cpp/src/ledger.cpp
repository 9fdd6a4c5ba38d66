#include "levcore/ledger.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "levcore/backstop.hpp"
#include "levcore/losses.hpp"
#include "levcore/margin.hpp"

namespace levcore {
namespace {

// Prices beyond 1e100 or below 1e-100 are no prices: log(1e100).
constexpr double largest_log_price = 230.0;

// The liquidatable positions of one asset and side: either the places [from, to) as sorted, or rows ranked anew.
struct Batch {
    std::size_t side = longs;
    std::size_t from = 0;
    std::size_t to = 0;
    std::vector<Ranked> ranked;

    [[nodiscard]] bool empty() const noexcept { return from == to && ranked.empty(); }
};

class Ledger {
  public:
    Ledger(const SortedBook& book, const Market& market, Keep keep)
        : book_(book), market_(market), keep_(keep), state_(start(book, market)), batches_(market.assets.size()) {
        if (keep.positions) outcome_.is_liquidated.assign(book.positions.size(), 0);
        for (std::size_t i = 0; i < book.asset_of.size(); ++i)
            for (const std::size_t side : {longs, shorts})
                gross_ +=
                    std::fabs(book.open_interest[i][side].quantity.value()) * market.assets[book.asset_of[i]].price;
    }

    void shock(std::span<const double> moves) {
        for (std::size_t k = 0; k < state_.assets.size(); ++k) {
            AssetState& a = state_.assets[k];
            a.fundamental *= 1.0 + moves[k];
            a.log_fundamental = log(a.fundamental);
            refresh(k);
        }
    }

    void cascade() {
        const auto cap = static_cast<std::int64_t>(book_.positions.size()) + 1;
        while (outcome_.fault == Fault::none && gather()) {
            if (outcome_.rounds == cap) {
                outcome_.fault = Fault::too_many_rounds;
                return;
            }
            ++outcome_.rounds;
            const BothSides before = outcome_.liquidated;
            const Treasury was = state_.treasury;
            for (std::size_t k = 0; k < batches_.size(); ++k) execute(k);
            if (state_.treasury.unpaid.value() > 0.0) socialise(book_, market_, state_);
            note_gap(conservation_gap(book_, market_, state_));
            if (keep_.trace) record(before, was);
        }
    }

    Outcome report(std::span<const double> moves) {
        audit();
        const Treasury& t = state_.treasury;
        outcome_.bad_debt = t.bad_debt.value();
        outcome_.insurance_fund = std::max(0.0, t.fund.value());
        outcome_.insurance_fund_low = t.fund_low;
        outcome_.deleveraged_notional = t.deleveraged_notional.value();
        outcome_.socialised_loss = t.socialised_loss.value();
        outcome_.fees = t.fees.value();
        for (const std::size_t side : {longs, shorts}) outcome_.liquidated.notional[side] = notional_[side].value();
        for (std::size_t k = 0; k < state_.assets.size(); ++k) {
            const AssetState& a = state_.assets[k];
            const Asset& asset = market_.assets[k];
            const double moved = asset.mark_follow * log_impact(asset.impact, a.volume.value());
            const double pushed = log1p(moves[k]);
            outcome_.assets.push_back({a.fundamental, mark_price(asset, a), a.lowest, a.highest,
                                       amplified(pushed + a.log_permanent + moved, pushed), a.depth_used});
        }
        return std::move(outcome_);
    }

  private:
    void note_gap(double gap) {
        if (gross_ > 0.0) outcome_.conservation_error = std::max(outcome_.conservation_error, gap / gross_);
    }

    void audit() {
        if (claims_changed(state_)) note_gap(holdings_gap(book_, market_, state_));
        if (keep_.holdings) write_holdings(book_, state_, outcome_.quantity_left, outcome_.cash_left);
    }

    // Who is liquidatable now: in each asset the longs if any is, the shorts only when none is. True if anybody is.
    bool gather() {
        bool any = false;
        for (std::size_t k = 0; k < batches_.size(); ++k) {
            gather_side(k, longs);
            if (batches_[k].empty()) gather_side(k, shorts);
            any = any || !batches_[k].empty();
        }
        return any;
    }

    void gather_side(std::size_t k, std::size_t side) {
        SideState& mine = state_.sides[k][side];
        Batch& batch = batches_[k];
        batch.side = side;
        batch.ranked.clear();
        batch.from = mine.next;
        const double y = state_.assets[k].log_mark;
        while (mine.next < mine.reachable && is_liquidatable(side == longs, y, mine.key[mine.next], at_equality()))
            ++mine.next;
        batch.to = mine.next;
        if (!mine.stale && !book_.sides[k][side].jumps && mine.waiting.empty()) return;
        for (std::size_t place = batch.from; place < batch.to; ++place) mine.waiting.push_back(mine.row_at(place));
        batch.to = batch.from;
        std::vector<std::uint32_t> healthy;
        for (const std::uint32_t row : mine.waiting) {
            const Claim held = claim_of(book_, state_, k, side, row);
            if (held.coin == 0.0) continue;
            const double key = present_key(book_, k, side, row, held);
            if (is_failing(book_, market_, state_, k, side, row, held, key))
                batch.ranked.push_back({key, book_.sides[k][side].position[row], row});
            else
                healthy.push_back(row);
        }
        mine.waiting = std::move(healthy);
        sort_ranked(batch.ranked, side);
    }

    void execute(std::size_t k) {
        Batch& batch = batches_[k];
        if (batch.empty()) return;
        SideState& mine = state_.sides[k][batch.side];
        const auto act = [&](std::uint32_t row, double key) {
            const Claim held = claim_of(book_, state_, k, batch.side, row);
            if (is_failing(book_, market_, state_, k, batch.side, row, held, key))
                liquidate({k, batch.side, row, held});
            else
                mine.waiting.push_back(row);
        };
        for (std::size_t place = batch.from; place < batch.to && outcome_.fault == Fault::none;) {
            if (place % block_rows == 0 && place + block_rows <= batch.to && book_block(k, batch.side, place)) {
                place += block_rows;
                continue;
            }
            act(mine.row_at(place), mine.key[place]);
            ++place;
        }
        for (const Ranked& r : batch.ranked)
            if (outcome_.fault == Fault::none) act(r.row, r.key);
        refresh_extremes(k);
    }

    // Books a block of rows as one order, where every settlement in it is surely of one kind: all are solvent and pay
    // their fee in full, or all leave a deficit that the fund pays whole, or has nothing to pay with. What a walk
    // takes in does not depend on how it is cut into orders (model 5). False: they go one by one.
    bool book_block(std::size_t k, std::size_t side, std::size_t place) {
        const SortedSide& sorted = book_.sides[k][side];
        const Block& block = sorted.blocks[place / block_rows];
        const std::uint32_t instrument = sorted.instrument[place];
        // Where claims have become the run's own, or stand in a pool, each row is to be told that it is closed.
        const bool as_sorted = state_.sides[k][side].own_quantity.empty() && !state_.pools[instrument][side];
        if (keep_.one_by_one || !as_sorted || !block.one_instrument) return false;
        const std::optional<double> price = order_price(k, block.quantity.high);
        if (!price) return false;
        const Pair left = add(multiply(block.quantity, *price), block.cash);
        const double notional = std::fabs(block.quantity.high) * *price;
        const double fee_rate = book_.venue.liquidation.fee_rate;
        const auto [lowest, highest] = price_bounds(k, block.quantity.high);
        const double fund = state_.treasury.fund.value();
        const bool solvent = side == longs ? block.highest_bankruptcy < lowest * (1.0 - fee_rate)
                                           : block.lowest_bankruptcy > highest * (1.0 + fee_rate);
        const bool bankrupt = side == longs ? block.lowest_bankruptcy > highest : block.highest_bankruptcy < lowest;
        if (solvent) {
            const double fee = fee_rate * notional;
            pay({fee, left.high - fee, 0.0, 0.0});
        } else if (bankrupt && fund > -left.high * (1.0 + 1e-9)) {
            pay({0.0, 0.0, -left.high, 0.0});
        } else if (bankrupt && fund == 0.0 && !book_.venue.backstop.deleveraging) {
            outcome_.exhausted = true;
            pay({0.0, 0.0, 0.0, -left.high});
        } else {
            return false;
        }
        outcome_.liquidated.count[side] += static_cast<std::int64_t>(block_rows);
        if (keep_.positions)
            for (std::size_t i = place; i < place + block_rows; ++i) outcome_.is_liquidated[sorted.position[i]] = 1;
        OpenInterest& open = state_.open_interest[instrument][side];
        open.cash.add(multiply(block.cash, -1.0));
        open.quantity.add(multiply(block.quantity, -1.0));
        trade(k, side, instrument, block.quantity, *price);
        return true;
    }

    // The order book takes over a quantity at its average price.
    void trade(std::size_t k, std::size_t side, std::uint32_t instrument, Pair quantity, double price) {
        const Pair cash = multiply(quantity, -price);
        state_.taken[instrument].quantity.add(quantity);
        state_.taken[instrument].cash.add(cash);
        notional_[side].add(side == longs ? multiply(cash, -1.0) : cash);
        state_.assets[k].volume.add(multiply(quantity, -1.0));
        update_log_mark(market_.assets[k], state_.assets[k]);
    }

    // One position's turn: its order, its settlement, its mark.
    void liquidate(Leaving leaving) {
        const std::size_t k = leaving.asset;
        const std::uint32_t instrument = book_.sides[k][leaving.side].instrument[leaving.row];
        Treasury& treasury = state_.treasury;
        std::optional<double> price = order_price(k, leaving.held.coin);
        if (!price) return fail_on_price(k);
        double left = equity(leaving.held, *price);
        if (left < 0.0 && -left > treasury.fund.value()) {
            outcome_.exhausted = true;
            if (book_.venue.backstop.deleveraging) {
                leaving.held = deleverage(book_, market_, state_, leaving);
                if (leaving.held.coin != 0.0) {
                    price = order_price(k, leaving.held.coin);
                    if (!price) return fail_on_price(k);
                    left = equity(leaving.held, *price);
                }
            }
        }
        ++outcome_.liquidated.count[leaving.side];
        if (keep_.positions) outcome_.is_liquidated[book_.sides[k][leaving.side].position[leaving.row]] = 1;
        if (leaving.held.coin == 0.0) return;
        pay(settle(book_.venue.liquidation, left, std::fabs(leaving.held.coin) * *price, treasury.fund.value()));
        reduce(book_, state_, k, leaving.side, leaving.row, leaving.held, {});
        trade(k, leaving.side, instrument, {leaving.held.coin, 0.0}, *price);
    }

    void pay(const Settlement& s) {
        Treasury& t = state_.treasury;
        t.fees.add(s.fee);
        (book_.venue.liquidation.fee_to == Receiver::fund ? t.fund : t.fees_outside).add(s.fee);
        (book_.venue.remainder == Receiver::fund ? t.fund : t.paid_to_traders).add(s.remainder);
        if (s.unpaid > 0.0)
            t.fund = Sum();  // the last of it, to the bit
        else
            t.fund.add(-s.fund_pays);
        (book_.venue.backstop.socialise ? t.unpaid : t.bad_debt).add(s.unpaid);
        t.fund_low = std::min(t.fund_low, std::max(0.0, t.fund.value()));
    }

    // The average price of a closing order's walk, half-spread paid; none where the walk leaves all prices.
    std::optional<double> order_price(std::size_t k, double quantity) const {
        const Asset& asset = market_.assets[k];
        const AssetState& a = state_.assets[k];
        const double order = forced_order(book_.venue.liquidation, quantity);
        const double before = a.volume.value();
        const double walked_to = a.log_fundamental + a.log_permanent + log_impact(asset.impact, before + order);
        if (!(std::fabs(walked_to) < largest_log_price)) return std::nullopt;
        return base_price(k, order) * average_ratio(asset.impact, before, order);
    }

    // What an order pays along the walk where I is 0.
    double base_price(std::size_t k, double order) const {
        const AssetState& a = state_.assets[k];
        const double factor = a.log_permanent == 0.0 ? a.fundamental : a.fundamental * exp(a.log_permanent);
        const double half_spread = market_.assets[k].half_spread;
        return factor * (1.0 + (order < 0.0 ? -half_spread : half_spread));
    }

    // Bounds of every average price on the way of a closing order, a little wide.
    std::pair<double, double> price_bounds(std::size_t k, double quantity) const {
        constexpr double width = 1e-9;
        const Impact& impact = market_.assets[k].impact;
        const double order = forced_order(book_.venue.liquidation, quantity);
        const double before = state_.assets[k].volume.value();
        const double from = base_price(k, order) * exp(log_impact(impact, before));
        const double to = base_price(k, order) * exp(log_impact(impact, before + order));
        return {std::min(from, to) * (1.0 - width), std::max(from, to) * (1.0 + width)};
    }

    void refresh(std::size_t k) {
        update_log_mark(market_.assets[k], state_.assets[k]);
        if (!(std::fabs(state_.assets[k].log_mark) < largest_log_price)) fail_on_price(k);
        refresh_extremes(k);
    }

    static double amplified(double moved, double pushed) {
        const double ratio = moved / pushed;
        return std::isfinite(ratio) ? ratio : std::numeric_limits<double>::quiet_NaN();
    }

    void fail_on_price(std::size_t k) {
        outcome_.fault = Fault::price_out_of_range;
        outcome_.faulty_asset = static_cast<std::int64_t>(k);
    }

    // Within a batch the mark moves one way only, so its ends are its extremes.
    void refresh_extremes(std::size_t k) {
        AssetState& a = state_.assets[k];
        const double mark = mark_price(market_.assets[k], a);
        a.lowest = std::min(a.lowest, mark);
        a.highest = std::max(a.highest, mark);
        const double volume = a.volume.value();
        const double covered = covered_quantity(market_.assets[k].impact, volume);
        if (covered > 0.0) a.depth_used = std::max(a.depth_used, std::fabs(volume) / covered);
    }

    void record(const BothSides& before, const Treasury& was) {
        const Treasury& t = state_.treasury;
        RoundOutcome row;
        for (const std::size_t side : {longs, shorts}) {
            row.liquidated.count[side] = outcome_.liquidated.count[side] - before.count[side];
            row.liquidated.notional[side] = notional_[side].value() - recorded_[side];
            recorded_[side] = notional_[side].value();
        }
        row.bad_debt = t.bad_debt.value() - was.bad_debt.value();
        row.deleveraged_notional = t.deleveraged_notional.value() - was.deleveraged_notional.value();
        row.socialised_loss = t.socialised_loss.value() - was.socialised_loss.value();
        row.fees = t.fees.value() - was.fees.value();
        row.insurance_fund = t.fund.value();
        for (std::size_t k = 0; k < state_.assets.size(); ++k)
            row.mark.push_back(mark_price(market_.assets[k], state_.assets[k]));
        outcome_.trace.push_back(std::move(row));
    }

    [[nodiscard]] bool at_equality() const noexcept { return book_.venue.liquidate_at_equality; }

    const SortedBook& book_;
    const Market& market_;
    Keep keep_;
    State state_;
    std::vector<Batch> batches_;  // per asset, of this round
    Outcome outcome_;
    Sum notional_[2];
    double recorded_[2] = {0.0, 0.0};
    double gross_ = 0.0;
};

}  // namespace

Outcome run_ledger(const SortedBook& book, const Market& market, std::span<const double> moves, Keep keep) {
    Ledger ledger(book, market, keep);
    ledger.shock(moves);
    ledger.cascade();
    return ledger.report(moves);
}

}  // namespace levcore
