#include "levcore/ledger.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "levcore/backstop.hpp"
#include "levcore/losses.hpp"
#include "levcore/margin.hpp"
#include "levcore/orders.hpp"
#include "levcore/reach.hpp"

namespace levcore {
namespace {

class Ledger {
  public:
    Ledger(const SortedBook& book, const Market& market, Keep keep)
        : book_(book), market_(market), keep_(keep), state_(start(book, market)), batches_(market.assets.size()) {
        if (keep.positions) outcome_.liquidated_at.assign(book.positions.size(), -1);
        for (std::size_t i = 0; i < book.asset_of.size(); ++i)
            for (const std::size_t side : {longs, shorts})
                gross_ +=
                    std::fabs(book.open_interest[i][side].quantity.value()) * market.assets[book.asset_of[i]].price;
    }

    // One step: fundamental prices move to `prices`, the order book has `days` to refill, the cascade runs.
    void step(std::span<const double> prices, double days, std::span<const FundingDue> due = {}) {
        if (outcome_.fault != Fault::none) return;
        for (std::size_t k = 0; k < state_.assets.size(); ++k) {
            AssetState& a = state_.assets[k];
            const AssetState before = a;
            a.fundamental = prices[k];
            a.log_fundamental = log(prices[k]);
            a.lowest_fundamental = std::min(a.lowest_fundamental, prices[k]);
            a.highest_fundamental = std::max(a.highest_fundamental, prices[k]);
            if (market_.assets[k].resilience > 0.0 && a.volume.value() != 0.0) {
                const Displacement to = refill(market_.assets[k], {a.volume.value(), a.log_permanent}, days);
                a.volume = Sum(to.volume);
                a.log_permanent = to.log_permanent;
            }
            if (!refresh(k)) {  // a run that stops keeps its last prices
                a = before;
                return;
            }
        }
        for (const FundingDue& f : due) pay_funding(book_, market_, state_, f.instrument, f.rate);
        if (!due.empty()) note_gap(conservation_gap(book_, market_, state_));
        cascade();
        ++step_;
    }

    // What the step just run has done.
    void note_step(StepColumns& to, std::size_t place) {
        const Treasury& t = state_.treasury;
        for (std::size_t k = 0; k < state_.assets.size(); ++k) {
            to.mark[place * state_.assets.size() + k] = mark_price(market_.assets[k], state_.assets[k]);
            to.fundamental[place * state_.assets.size() + k] = state_.assets[k].fundamental;
        }
        for (const std::size_t side : {longs, shorts}) {
            to.notional[side][place] = notional_[side].value() - at_step_[side];
            at_step_[side] = notional_[side].value();
        }
        to.bad_debt[place] = t.bad_debt.value() - at_step_[2];
        at_step_[2] = t.bad_debt.value();
        to.insurance_fund[place] = std::max(0.0, t.fund.value());
    }

    // A path's amplification: by the larger exogenous extreme (model 14). A shock's: by where it ends.
    Outcome report(bool whole_path) {
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
            const double ratio = (whole_path ? path_amplification : shock_amplification)(asset, a);
            outcome_.assets.push_back({a.fundamental, mark_price(asset, a), a.lowest, a.highest, ratio, a.depth_used});
        }
        return std::move(outcome_);
    }

  private:
    void cascade() {
        const auto cap = static_cast<std::int64_t>(book_.positions.size()) + 1;
        std::int64_t rounds = 0;
        while (outcome_.fault == Fault::none && gather()) {
            if (rounds == cap) {
                outcome_.fault = Fault::too_many_rounds;
                return;
            }
            if (keep_.stop != nullptr && keep_.stop->load(std::memory_order_relaxed)) throw Stopped{};
            if (outcome_.first_liquidation < 0) outcome_.first_liquidation = step_;
            ++rounds;
            ++outcome_.rounds;
            outcome_.cascade_depth = std::max(outcome_.cascade_depth, rounds);
            const BothSides before = outcome_.liquidated;
            const Treasury was = state_.treasury;
            for (std::size_t k = 0; k < batches_.size(); ++k) execute(k);
            if (state_.treasury.unpaid.value() > 0.0) socialise(book_, market_, state_);
            note_gap(conservation_gap(book_, market_, state_));
            if (keep_.trace) record(before, was);
        }
    }

    void note_gap(double gap) {
        if (gross_ > 0.0) outcome_.conservation_error = std::max(outcome_.conservation_error, gap / gross_);
    }

    void audit() {
        // Claims that funding has moved follow from one sum; a path that is kept whole adds them up all the same.
        const bool whole = outcome_.fault == Fault::none;  // a round that was cut short holds some back
        if (whole && (claims_changed(state_) || (keep_.positions && claims_moved(state_))))
            note_gap(holdings_gap(book_, market_, state_));
        if (keep_.holdings) write_holdings(book_, state_, outcome_.quantity_left, outcome_.cash_left);
    }

    // Who is liquidatable now: in each asset the longs if any is, the shorts only when none is. True if anybody is.
    bool gather() {
        bool any = false;
        for (std::size_t k = 0; k < batches_.size(); ++k) {
            gather_side(book_, market_, state_, k, longs, batches_[k]);
            if (batches_[k].empty()) gather_side(book_, market_, state_, k, shorts, batches_[k]);
            any = any || !batches_[k].empty();
        }
        return any;
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
                keep_watching(book_, state_, k, batch.side, row);
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
        note_extremes(market_.assets[k], state_.assets[k]);
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
        const std::optional<double> price =
            order_price(book_.venue.liquidation, market_.assets[k], state_.assets[k], block.quantity.high);
        if (!price) return false;
        const Pair left = add(multiply(block.quantity, *price), block.cash);
        const double notional = std::fabs(block.quantity.high) * *price;
        const double fee_rate = book_.venue.liquidation.fee_rate;
        const auto [lowest, highest] =
            price_bounds(book_.venue.liquidation, market_.assets[k], state_.assets[k], block.quantity.high);
        const double fund = state_.treasury.fund.value();
        const bool solvent = side == longs ? block.highest_bankruptcy < lowest * (1.0 - fee_rate)
                                           : block.lowest_bankruptcy > highest * (1.0 + fee_rate);
        const bool bankrupt = side == longs ? block.lowest_bankruptcy > highest : block.highest_bankruptcy < lowest;
        if (solvent) {
            const double fee = fee_rate * notional;
            pay(book_.venue, state_.treasury, {fee, left.high - fee, 0.0, 0.0});
        } else if (bankrupt && fund > -left.high * (1.0 + 1e-9)) {
            pay(book_.venue, state_.treasury, {0.0, 0.0, -left.high, 0.0});
        } else if (bankrupt && fund == 0.0 && !book_.venue.backstop.deleveraging) {
            outcome_.exhausted = true;
            pay(book_.venue, state_.treasury, {0.0, 0.0, 0.0, -left.high});
        } else {
            return false;
        }
        outcome_.liquidated.count[side] += static_cast<std::int64_t>(block_rows);
        for (std::size_t i = place; i < place + block_rows; ++i) note(sorted.position[i]);
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
        std::optional<double> price =
            order_price(book_.venue.liquidation, market_.assets[k], state_.assets[k], leaving.held.coin);
        if (!price) return fail_on_price(k);
        double left = equity(leaving.held, *price);
        if (left < 0.0 && -left > treasury.fund.value()) {
            outcome_.exhausted = true;
            if (book_.venue.backstop.deleveraging) {
                leaving.held = deleverage(book_, market_, state_, leaving);
                if (leaving.held.coin != 0.0) {
                    price =
                        order_price(book_.venue.liquidation, market_.assets[k], state_.assets[k], leaving.held.coin);
                    if (!price) return fail_on_price(k);
                    left = equity(leaving.held, *price);
                }
            }
        }
        ++outcome_.liquidated.count[leaving.side];
        note(book_.sides[k][leaving.side].position[leaving.row]);
        if (leaving.held.coin == 0.0) return;
        pay(book_.venue, treasury,
            settle(book_.venue.liquidation, left, std::fabs(leaving.held.coin) * *price, treasury.fund.value()));
        reduce(book_, state_, k, leaving.side, leaving.row, leaving.held, {});
        trade(k, leaving.side, instrument, {leaving.held.coin, 0.0}, *price);
    }

    // Who went, and when.
    void note(std::uint32_t position) {
        if (keep_.positions) outcome_.liquidated_at[position] = step_;
        if (keep_.tally != nullptr) keep_.tally->add(position, step_);
    }

    // False: the price would leave all prices.
    bool refresh(std::size_t k) {
        update_log_mark(market_.assets[k], state_.assets[k]);
        if (!(std::fabs(state_.assets[k].log_mark) < largest_log_price)) {
            fail_on_price(k);
            return false;
        }
        note_extremes(market_.assets[k], state_.assets[k]);
        return true;
    }

    void fail_on_price(std::size_t k) {
        outcome_.fault = Fault::price_out_of_range;
        outcome_.faulty_asset = static_cast<std::int64_t>(k);
    }

    void record(const BothSides& before, const Treasury& was) {
        const Treasury& t = state_.treasury;
        RoundOutcome row;
        row.step = step_;
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

    const SortedBook& book_;
    const Market& market_;
    Keep keep_;
    State state_;
    std::vector<Batch> batches_;  // per asset, of this round
    Outcome outcome_;
    Sum notional_[2];
    double recorded_[2] = {0.0, 0.0};
    double gross_ = 0.0;
    std::int64_t step_ = 0;
    double at_step_[3] = {0.0, 0.0, 0.0};  // notionals and bad debt
};

}  // namespace

Outcome run_ledger(const SortedBook& book, const Market& market, std::span<const double> moves, Keep keep) {
    Ledger ledger(book, market, keep);
    std::vector<double> prices;
    for (std::size_t k = 0; k < market.assets.size(); ++k) prices.push_back(market.assets[k].price * (1.0 + moves[k]));
    ledger.step(prices, 0.0);
    return ledger.report(false);
}

Outcome run_ledger(const SortedBook& book, const Market& market, const Course& course, Keep keep, StepColumns* steps,
                   std::size_t place) {
    Ledger ledger(book, market, keep);
    const std::size_t assets = market.assets.size();
    std::size_t paid = 0;
    for (std::size_t t = 0; t < course.days.size(); ++t) {
        if (keep.stop != nullptr && keep.stop->load(std::memory_order_relaxed)) throw Stopped{};
        std::size_t due = paid;
        while (due < course.funding.size() && course.funding[due].step == static_cast<std::int64_t>(t)) ++due;
        ledger.step(course.prices.subspan(t * assets, assets), course.days[t],
                    course.funding.subspan(paid, due - paid));
        paid = due;
        if (steps != nullptr) ledger.note_step(*steps, place + t);
    }
    return ledger.report(true);
}

}  // namespace levcore
