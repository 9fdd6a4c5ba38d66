#include "levcore/ledger.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "levcore/backstop.hpp"
#include "levcore/closing.hpp"
#include "levcore/cross.hpp"
#include "levcore/freeing.hpp"
#include "levcore/losses.hpp"
#include "levcore/margin.hpp"
#include "levcore/orders.hpp"
#include "levcore/partial.hpp"
#include "levcore/reach.hpp"

namespace levcore {
namespace {

class Ledger {
  public:
    Ledger(const SortedBook& book, const Market& market, Keep keep, Handed& handed)
        : handed_(handed),
          run_{book, market, keep, start(book, market, std::move(handed.accounts))},
          batches_(market.assets.size()) {
        begin_check(run_);
        if (keep.positions) run_.outcome.liquidated_at.assign(book.positions.size(), -1);
        if (!handed.gross_notional) handed.gross_notional = gross_notional(book, market);
        gross_ = *handed.gross_notional;
    }

    // Controllers act from here on, as on this path.
    void control(const Controlled& shared, std::uint64_t path) {
        callers_.emplace(run_.book, shared, path);
        callers_->begin(run_);
    }

    // One step: fundamental prices move to `prices`, the order book has `days` to refill, the cascade runs.
    void step(std::span<const double> prices, double days, std::span<const FundingDue> due = {}) {
        if (run_.outcome.fault != Fault::none) return;
        run_.days += days;
        wake(run_);
        for (std::size_t k = 0; k < run_.state.assets.size(); ++k) {
            AssetState& a = run_.state.assets[k];
            const AssetState before = a;
            a.fundamental = prices[k];
            a.log_fundamental = log(prices[k]);
            a.lowest_fundamental = std::min(a.lowest_fundamental, prices[k]);
            a.highest_fundamental = std::max(a.highest_fundamental, prices[k]);
            if (run_.market.assets[k].resilience > 0.0 && a.volume.value() != 0.0) {
                const double refilled = refill_days(run_.market.assets[k], a, days, run_.days);
                const Displacement to = refill(run_.market.assets[k], {a.volume.value(), a.log_permanent}, refilled);
                a.volume = Sum(to.volume);
                a.log_permanent = to.log_permanent;
            }
            if (!refresh(k)) {  // a run that stops keeps its last prices
                a = before;
                return;
            }
            react(run_.market.assets[k], a, days, run_.days);
        }
        for (const FundingDue& f : due) pay_funding(run_.book, run_.market, run_.state, f.instrument, f.rate);
        if (!due.empty()) note_gap(conservation_gap(run_.book, run_.market, run_.state));
        if (callers_ && callers_->act(run_, !due.empty()))
            note_gap(conservation_gap(run_.book, run_.market, run_.state));
        cascade();
        ++run_.step;
    }

    // Others have walked the order books so far before the first step.
    void displace(std::span<const double> volumes) {
        for (std::size_t k = 0; k < volumes.size(); ++k)
            run_.state.assets[k].volume = Sum(volumes[k] * run_.state.assets[k].scarcity);
    }

    // What the step just run has done.
    void note_step(StepColumns& to, std::size_t place) {
        const Treasury& t = run_.state.treasury;
        for (std::size_t k = 0; k < run_.state.assets.size(); ++k) {
            to.mark[place * run_.state.assets.size() + k] = mark_price(run_.market.assets[k], run_.state.assets[k]);
            to.fundamental[place * run_.state.assets.size() + k] = run_.state.assets[k].fundamental;
        }
        for (const std::size_t side : {longs, shorts}) {
            to.notional[side][place] = run_.notional[side].value() - at_step_[side];
            at_step_[side] = run_.notional[side].value();
        }
        to.bad_debt[place] = t.bad_debt.value() - at_step_[2];
        at_step_[2] = t.bad_debt.value();
        to.insurance_fund[place] = t.fund();
    }

    // What a unit of the settlement currency is worth at the present marks: a coin-margined venue's coin.
    [[nodiscard]] double settlement_price() const {
        const bool in_coin = !run_.book.asset_of.empty() && moves_by_inverse(run_.book, run_.book.asset_of.front());
        return in_coin ? mark_price(run_.market.assets[run_.book.asset_of.front()],
                                    run_.state.assets[run_.book.asset_of.front()])
                       : 1.0;
    }

    // A path's amplification: by the larger exogenous extreme (model 14). A shock's: by where it ends.
    Outcome report(bool whole_path) {
        audit();
        const Treasury& t = run_.state.treasury;
        const double worth = settlement_price();
        run_.outcome.bad_debt = t.bad_debt.value() * worth;
        run_.outcome.insurance_fund = t.fund() * worth;
        run_.outcome.insurance_fund_low = t.fund_low * worth;
        run_.outcome.deleveraged_notional = t.deleveraged_notional.value();
        run_.outcome.socialised_loss = t.socialised_loss.value() * worth;
        run_.outcome.fees = t.fees.value() * worth;
        run_.outcome.topped_up = t.topped_up.value() * worth;
        run_.outcome.withdrawn = t.withdrawn.value() * worth;
        for (std::size_t f = 1; f < t.funds.size(); ++f)
            run_.outcome.own_funds.push_back(std::max(0.0, t.funds[f].value()) * worth);
        run_.outcome.taken_over_notional = t.taken_over_notional.value();
        for (RoundOutcome& row : run_.outcome.trace)
            for (double* money : {&row.bad_debt, &row.socialised_loss, &row.fees, &row.insurance_fund}) *money *= worth;
        run_.outcome.waiting = waiting_positions(run_) + waiting_in_accounts(run_);
        for (const std::size_t side : {longs, shorts})
            run_.outcome.liquidated.notional[side] = run_.notional[side].value();
        for (std::size_t k = 0; k < run_.state.assets.size(); ++k) {
            const AssetState& a = run_.state.assets[k];
            const Asset& asset = run_.market.assets[k];
            const double ratio = (whole_path ? path_amplification : shock_amplification)(asset, a);
            run_.outcome.assets.push_back({a.fundamental, mark_price(asset, a), a.lowest, a.highest, ratio,
                                           a.depth_used, a.volume.value() / a.scarcity});
        }
        handed_.accounts = std::move(run_.state.cross);
        return std::move(run_.outcome);
    }

  private:
    void cascade() {
        // A round closes a position, or, in parts, shrinks one: far fewer orders a position are to be expected.
        const std::int64_t orders = run_.book.venue.liquidation.amount == Amount::all ? 1 : 1'000;
        const std::int64_t cap = (static_cast<std::int64_t>(run_.book.positions.size()) + 1) * orders;
        std::int64_t rounds = 0;
        end_recovered(run_);
        while (run_.outcome.fault == Fault::none && gather()) {
            if (rounds == cap) {
                run_.outcome.fault = Fault::too_many_rounds;
                return;
            }
            heed_stop();
            if (run_.outcome.first_liquidation < 0) run_.outcome.first_liquidation = run_.step;
            ++rounds;
            ++run_.outcome.rounds;
            run_.outcome.cascade_depth = std::max(run_.outcome.cascade_depth, rounds);
            const BothSides before = run_.outcome.liquidated;
            const Treasury was = run_.keep.trace ? run_.state.treasury : Treasury{};
            for (std::size_t k = 0; k < batches_.size(); ++k) execute(k);
            for (const FailingAccount& f : accounts_) {
                heed_stop();
                if (run_.outcome.fault == Fault::none) liquidate_account(run_, f.account);
            }
            if (run_.state.treasury.unpaid.value() > 0.0) socialise(run_.book, run_.market, run_.state);
            note_gap(conservation_gap(run_.book, run_.market, run_.state));
            if (run_.keep.trace) record(before, was);
        }
    }

    void heed_stop() const {
        if (run_.keep.stop != nullptr && run_.keep.stop->load(std::memory_order_relaxed)) throw Stopped{};
    }

    // As a share of what is at stake: where a thin book sends prices off, orders trade far more than was held.
    void note_gap(double gap) {
        if (gross_ <= 0.0) return;
        const double at_stake = std::max(gross_, run_.notional[longs].value() + run_.notional[shorts].value());
        run_.outcome.conservation_error = std::max(run_.outcome.conservation_error, gap / at_stake);
    }

    void audit() {
        // Claims that funding has moved follow from one sum; a path that is kept whole adds them up all the same.
        const bool whole = run_.outcome.fault == Fault::none;  // a round that was cut short holds some back
        if (whole && (claims_changed(run_.state) || (run_.keep.positions && claims_moved(run_.state))))
            note_gap(holdings_gap(run_.book, run_.market, run_.state));
        if (run_.keep.holdings)
            write_holdings(run_.book, run_.state, run_.outcome.quantity_left, run_.outcome.cash_left);
    }

    // Who is liquidatable now: of isolated positions in each asset the longs if any is, the shorts only when none is;
    // and accounts. True if anybody is.
    bool gather() {
        bool any = false;
        if (run_.book.venue.backstop.deleveraging.on) begin_check(run_);
        for (std::size_t k = 0; k < batches_.size(); ++k) {
            gather_side(run_.book, run_.market, run_.state, k, longs, batches_[k]);
            if (batches_[k].empty()) gather_side(run_.book, run_.market, run_.state, k, shorts, batches_[k]);
            any = any || !batches_[k].empty();
        }
        accounts_ = failing_accounts(run_);
        return any || !accounts_.empty();
    }

    void execute(std::size_t k) {
        Batch& batch = batches_[k];
        if (batch.empty()) return;
        SideState& mine = run_.state.sides[k][batch.side];
        if (run_.book.venue.riskiest_first) rank_by_risk(run_.book, run_.market, run_.state, k, batch);
        const auto act = [&](std::uint32_t row, double key) {
            heed_stop();
            const Claim held = claim_of(run_.book, run_.state, k, batch.side, row);
            if (is_failing(run_.book, run_.market, run_.state, k, batch.side, row, held, key))
                liquidate(run_, {k, batch.side, row, held});
            else
                keep_watching(run_.book, run_.state, k, batch.side, row);
        };
        for (std::size_t place = batch.from; place < batch.to && run_.outcome.fault == Fault::none;) {
            if (place % block_rows == 0 && place + block_rows <= batch.to && book_block(k, batch.side, place)) {
                place += block_rows;
                continue;
            }
            act(mine.row_at(place), mine.key[place]);
            ++place;
        }
        for (const Ranked& r : batch.ranked)
            if (run_.outcome.fault == Fault::none) act(r.row, r.key);
        note_extremes(run_.market.assets[k], run_.state.assets[k]);
    }

    // Books a block of rows as one order, where every settlement in it is surely of one kind: all are solvent and pay
    // their fee in full, or all leave a deficit that the fund pays whole, or has nothing to pay with. What a walk
    // takes in does not depend on how it is cut into orders (model 5). False: they go one by one.
    bool book_block(std::size_t k, std::size_t side, std::size_t place) {
        const SortedSide& sorted = run_.book.sides[k][side];
        const Block& block = sorted.blocks[place / block_rows];
        const std::uint32_t instrument = sorted.instrument[place];
        // Where claims have become the run's own, or stand in a pool, each row is to be told that it is closed.
        const bool as_sorted = run_.state.sides[k][side].own_quantity.empty() && !run_.state.pools[instrument][side];
        const bool whole =
            run_.book.venue.liquidation.amount == Amount::all && run_.book.venue.backstop.takeover == 0.0;
        if (run_.keep.one_by_one || !as_sorted || !block.one_instrument || !whole) return false;
        const std::optional<Order> order = closing_order(run_.book.venue.instruments[instrument], run_.market.assets[k],
                                                         run_.state.assets[k], block.quantity.high);
        if (!order) return false;
        const Pair left = add(multiply(block.quantity, order->unit_price), block.cash);
        const double notional = std::fabs(block.quantity.high) * order->unit_price;
        const double fee_rate = run_.book.venue.liquidation.fee_rate;
        const auto [lowest, highest] = price_bounds(run_.market.assets[k], run_.state.assets[k], order->volume);
        const double fund = fund_behind(run_.book.venue, run_.state.treasury, instrument).value();
        const bool solvent = side == longs ? block.highest_bankruptcy < lowest * (1.0 - fee_rate)
                                           : block.lowest_bankruptcy > highest * (1.0 + fee_rate);
        const bool bankrupt = side == longs ? block.lowest_bankruptcy > highest : block.highest_bankruptcy < lowest;
        if (solvent) {
            const double fee = fee_rate * notional;
            pay(run_.book.venue, run_.state.treasury, instrument, {fee, left.high - fee, 0.0, 0.0});
        } else if (bankrupt && fund > -left.high * (1.0 + 1e-9)) {
            pay(run_.book.venue, run_.state.treasury, instrument, {0.0, 0.0, -left.high, 0.0});
        } else if (bankrupt && fund == 0.0 && !run_.book.venue.backstop.deleveraging.on) {
            run_.outcome.exhausted = true;
            pay(run_.book.venue, run_.state.treasury, instrument, {0.0, 0.0, 0.0, -left.high});
        } else {
            return false;
        }
        run_.outcome.liquidated.count[side] += static_cast<std::int64_t>(block_rows);
        note(run_, std::span(sorted.position).subspan(place, block_rows));
        OpenInterest& open = run_.state.open_interest[instrument][side];
        open.cash.add(multiply(block.cash, -1.0));
        open.quantity.add(multiply(block.quantity, -1.0));
        trade(run_, k, side, instrument, block.quantity, {-block.quantity.high, -block.quantity.low},
              order->unit_price);
        return true;
    }

    // False: the price would leave all prices.
    bool refresh(std::size_t k) {
        update_log_mark(run_.market.assets[k], run_.state.assets[k]);
        if (!(std::fabs(run_.state.assets[k].log_mark) < largest_log_price)) {
            fail(run_, k, Fault::price_out_of_range);
            return false;
        }
        note_extremes(run_.market.assets[k], run_.state.assets[k]);
        return true;
    }

    void record(const BothSides& before, const Treasury& was) {
        const Treasury& t = run_.state.treasury;
        RoundOutcome row;
        row.step = run_.step;
        for (const std::size_t side : {longs, shorts}) {
            row.liquidated.count[side] = run_.outcome.liquidated.count[side] - before.count[side];
            row.liquidated.notional[side] = run_.notional[side].value() - recorded_[side];
            recorded_[side] = run_.notional[side].value();
        }
        row.bad_debt = t.bad_debt.value() - was.bad_debt.value();
        row.deleveraged_notional = t.deleveraged_notional.value() - was.deleveraged_notional.value();
        row.socialised_loss = t.socialised_loss.value() - was.socialised_loss.value();
        row.fees = t.fees.value() - was.fees.value();
        row.insurance_fund = t.fund();
        for (std::size_t k = 0; k < run_.state.assets.size(); ++k)
            row.mark.push_back(mark_price(run_.market.assets[k], run_.state.assets[k]));
        run_.outcome.trace.push_back(std::move(row));
    }

    Handed& handed_;
    Run run_;
    std::vector<Batch> batches_;  // per asset, of this round
    std::vector<FailingAccount> accounts_;
    std::optional<Callers> callers_ = {};
    double recorded_[2] = {0.0, 0.0};
    double gross_ = 0.0;
    double at_step_[3] = {0.0, 0.0, 0.0};  // notionals and bad debt
};

}  // namespace

Outcome run_ledger(const SortedBook& book, const Market& market, std::span<const double> moves, Keep keep,
                   Handed* handed) {
    Handed nothing;
    Ledger ledger(book, market, keep, handed != nullptr ? *handed : nothing);
    std::vector<double> prices;
    for (std::size_t k = 0; k < market.assets.size(); ++k) prices.push_back(market.assets[k].price * (1.0 + moves[k]));
    ledger.step(prices, 0.0);
    return ledger.report(false);
}

Outcome push_ledger(const SortedBook& book, const Market& market, std::span<const double> volumes, Keep keep) {
    Handed nothing;
    Ledger ledger(book, market, keep, nothing);
    std::vector<double> prices;
    for (const Asset& asset : market.assets) prices.push_back(asset.price);
    ledger.displace(volumes);
    ledger.step(prices, 0.0);
    return ledger.report(false);
}

Outcome run_ledger(const SortedBook& book, const Market& market, const Course& course, Keep keep, StepColumns* steps,
                   std::size_t place, Handed* handed) {
    Handed nothing;
    Ledger ledger(book, market, keep, handed != nullptr ? *handed : nothing);
    const std::size_t assets = market.assets.size();
    std::size_t paid = 0;
    if (course.control != nullptr) ledger.control(*course.control, course.path);
    for (std::size_t t = 0; t < course.days.size(); ++t) {
        if (keep.stop != nullptr && keep.stop->load(std::memory_order_relaxed)) throw Stopped{};
        std::size_t due = paid;
        while (due < course.funding.size() && course.funding[due].step == static_cast<std::int64_t>(t)) ++due;
        ledger.step(course.prices.subspan(t * assets, assets), course.days[t],
                    course.funding.subspan(paid, due - paid));
        paid = due;
        if (steps != nullptr) ledger.note_step(*steps, place + t);
    }
    if (steps != nullptr) steps->convert(place, course.days.size(), ledger.settlement_price());
    return ledger.report(true);
}

}  // namespace levcore
