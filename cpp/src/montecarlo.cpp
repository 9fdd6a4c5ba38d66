#include "levcore/montecarlo.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "levcore/cascade.hpp"
#include "levcore/class_tally.hpp"
#include "levcore/class_walk.hpp"
#include "levcore/ladder_blocks.hpp"
#include "levcore/ladder_tally.hpp"
#include "levcore/parallel.hpp"

namespace levcore {
namespace {

// What a thread works with, made by the thread itself: the first to touch its memory.
struct Bench {
    bool is_made = false;
    Tally tally;                 // of what the ledger ran, where it ran any
    std::vector<double> prices;  // of a path, or their logs
    std::vector<double> last;
    std::vector<double> fundamental;  // prices of a path, where steps are kept
    Handed handed;                    // from one path of the ledger to the next
    std::optional<LadderWalk> walk;
    std::unique_ptr<LadderTally> rows;
    std::unique_ptr<LadderBlocks> blocks;
    std::optional<ClassWalk> class_walk;  // where funding is paid
    std::optional<ClassTally> class_rows;
};

class Paths {
  public:
    Paths(const SortedBook& book, const Market& market, const Scenario& scenario, const Plan& plan, Progress& progress,
          Runs& runs)
        : book_(book), market_(market), scenario_(scenario), plan_(plan), progress_(progress), runs_(runs) {
        for (const Asset& asset : market.assets) start_.push_back(asset.price);
        if (plan.ladder != nullptr && !plan.funding.empty())
            classes_ = build_rate_classes(book, market, plan.funding, plan.threads);
        if (plan.ladder != nullptr && plan.audit && plan.threads > 1)
            ahead_.resize((plan.paths + audited_of - 1) / audited_of);
    }

    void make(Bench& b) const {
        b.is_made = true;
        b.last.resize(start_.size());
        if (classes_) {
            b.class_walk.emplace(book_, market_, *classes_);
            b.class_rows.emplace(*classes_);
        } else if (plan_.ladder != nullptr) {
            b.walk.emplace(book_, market_, *plan_.ladder, plan_.count_rounds);
            b.rows = std::make_unique<LadderTally>(book_);
            if (const auto* drawn = std::get_if<Drawn>(&scenario_); drawn != nullptr && !plan_.keep_steps)
                b.blocks =
                    std::make_unique<LadderBlocks>(*drawn, book_, market_, *plan_.ladder, plan_.count_rounds, *b.rows);
        }
    }

    void run(std::size_t from, std::size_t to, Bench& b) const {
        if (!b.is_made) make(b);
        if (b.blocks) return run_blocks(from, to, b);
        for (std::size_t i = from; i < to; ++i) {
            const bool is_run = b.class_walk ? run_on_classes(i, b) : b.walk && run_on_ladder(i, b);
            if (!is_run) runs_.outcomes.put(i, run_in_ledger(i, b, true, plan_.keep_steps));
            progress_.done.fetch_add(1, std::memory_order_relaxed);
        }
    }

    // Of a path that is going to be audited unless it leaves the ladder, what the ledger says.
    void audit_ahead(std::size_t sample, Bench& b) {
        ahead_[sample] = run_in_ledger(sample * audited_of, b, false, false);
    }

    void audit(Bench& b) const {
        const auto again = [&](std::size_t i) {
            const bool is_known = i % audited_of == 0 && !ahead_.empty();
            return is_known ? ahead_[i / audited_of] : run_in_ledger(i, b, false, false);
        };
        audit_sample(book_, runs_.outcomes, gross_notional(book_, market_), again);
    }

    [[nodiscard]] std::size_t audits() const noexcept { return ahead_.size(); }

  private:
    void run_blocks(std::size_t from, std::size_t to, Bench& b) const {
        while (from < to) {
            const std::size_t count = std::min(LadderBlocks::most_paths, to - from);
            b.blocks->run(plan_.first + from, count, plan_.days, progress_.stop);
            for (std::size_t i = 0; i < count; ++i) {
                const LadderWalk& walk = b.blocks->walk(i);
                if (walk.inside()) {
                    runs_.outcomes.put(from + i, walk.report(b.blocks->last_prices(i), true));
                } else {
                    runs_.outcomes.put(from + i, run_in_ledger(from + i, b, true, plan_.keep_steps));
                }
            }
            from += count;
            progress_.done.fetch_add(count, std::memory_order_relaxed);
        }
    }

    bool run_on_ladder(std::size_t i, Bench& b) const {
        b.prices.resize(plan_.steps * start_.size());
        draw_logs(scenario_, start_, plan_.first + i, plan_.steps, b.prices, b.last);
        if (!run_path(b.prices, plan_.days, start_.size(), *b.walk, progress_.stop, noting(i, b))) return false;
        runs_.outcomes.put(i, b.walk->report(b.last, true));
        std::vector<LadderTally::Place> places(2 * start_.size());
        b.rows->add(b.walk->closed(), places);
        b.rows->end(places);
        return true;
    }

    bool run_on_classes(std::size_t i, Bench& b) const {
        b.prices.resize(plan_.steps * start_.size());
        draw_logs(scenario_, start_, plan_.first + i, plan_.steps, b.prices, b.last);
        const StepNotes notes = noting(i, b);
        if (!b.class_walk->run(b.prices, plan_.days, plan_.funding, progress_.stop, notes.to, notes.place,
                               notes.prices))
            return false;
        runs_.outcomes.put(i, b.class_walk->report(b.last));
        b.class_rows->add(b.class_walk->stretches(), b.class_walk->shared());
        return true;
    }

    // Where steps are kept: what notes the one just walked.
    StepNotes noting(std::size_t i, Bench& b) const {
        if (!plan_.keep_steps) return {};
        b.fundamental.resize(b.prices.size());
        draw(scenario_, start_, plan_.first + i, plan_.steps, b.fundamental);
        return {&runs_.steps, i * plan_.steps, b.fundamental};
    }

    Outcome run_in_ledger(std::size_t i, Bench& b, bool is_counted, bool keep_steps) const {
        Keep keep;
        if (is_counted && b.tally.count.empty()) b.tally = Tally(book_.positions.size());
        keep.tally = is_counted ? &b.tally : nullptr;
        keep.stop = &progress_.stop;
        keep.ask_all = plan_.ask_all;
        b.prices.resize(plan_.steps * start_.size());
        draw(scenario_, start_, plan_.first + i, plan_.steps, b.prices);
        return run_path(book_, market_, {b.prices, plan_.days, plan_.funding, plan_.control, plan_.first + i}, keep,
                        keep_steps ? &runs_.steps : nullptr, i * plan_.steps, &b.handed);
    }

    const SortedBook& book_;
    const Market& market_;
    const Scenario& scenario_;
    const Plan& plan_;
    Progress& progress_;
    Runs& runs_;
    std::vector<double> start_;
    std::optional<RateClasses> classes_;
    std::vector<Outcome> ahead_;
};

void lengthen_steps(StepColumns& steps, std::size_t rows, std::size_t assets, const std::atomic<bool>& stop) {
    for (std::vector<double>* column : {&steps.mark, &steps.fundamental}) lengthen(*column, rows * assets, stop);
    for (std::vector<double>* column :
         {&steps.notional[longs], &steps.notional[shorts], &steps.bad_debt, &steps.insurance_fund})
        lengthen(*column, rows, stop);
}

// All that the ledger has counted on any thread.
Tally gather_ledger(std::vector<Bench>& benches) {
    Tally all;
    for (Bench& b : benches) {
        if (all.count.empty()) {
            all = std::move(b.tally);
            continue;
        }
        for (std::size_t i = 0; i < b.tally.count.size(); ++i) {
            all.count[i] += b.tally.count[i];
            all.step_sum[i] += b.tally.step_sum[i];
        }
    }
    return all;
}

// The same of the ladder's cursors.
std::unique_ptr<LadderTally> gather_rows(std::vector<Bench>& benches, std::size_t sides, std::size_t threads,
                                         std::atomic<bool>& stop) {
    LadderTally& rows = *benches.front().rows;
    run_chunks(std::min(threads, sides), sides, stop, [&](std::size_t, std::size_t side) {
        for (std::size_t t = 1; t < benches.size(); ++t)
            if (benches[t].rows) rows.add(*benches[t].rows, side);
    });
    return std::move(benches.front().rows);
}

// And of its classes.
void gather_classes(const SortedBook& book, std::vector<Bench>& benches, Tally& all) {
    ClassTally& rows = *benches.front().class_rows;
    for (std::size_t t = 1; t < benches.size(); ++t)
        if (benches[t].class_rows) rows.add(*benches[t].class_rows);
    rows.write(book, all.count, all.step_sum);
}

}  // namespace

Runs run_paths(const SortedBook& book, const Market& market, const Scenario& scenario, const Plan& plan,
               Progress& progress) {
    Runs runs;
    const std::size_t own = book.venue.backstop.funds.size() - 1;
    runs.outcomes = OutcomeColumns(plan.paths, market.assets.size(), own, progress.stop);
    if (plan.keep_steps) lengthen_steps(runs.steps, plan.paths * plan.steps, market.assets.size(), progress.stop);
    Paths paths(book, market, scenario, plan, progress, runs);
    const std::size_t chunks = (plan.paths + plan.chunk - 1) / plan.chunk;
    const std::size_t audits = paths.audits();
    const std::size_t threads = std::max<std::size_t>(1, std::min(plan.threads, audits + chunks));
    std::vector<Bench> benches(threads);
    // A path takes the ledger as long as the ladder very many: first, so that other threads go on meanwhile.
    run_chunks(threads, audits + chunks, progress.stop, [&](std::size_t thread, std::size_t task) {
        if (task < audits) return paths.audit_ahead(task, benches[thread]);
        const std::size_t from = (task - audits) * plan.chunk;
        paths.run(from, std::min(plan.paths, from + plan.chunk), benches[thread]);
    });
    if (progress.stop) throw Stopped{};
    runs.counted.by_position = gather_ledger(benches);
    if (plan.ladder == nullptr) return runs;
    if (!benches.front().is_made) paths.make(benches.front());
    if (benches.front().class_rows) {
        Tally& all = runs.counted.by_position;
        if (all.count.empty()) all = Tally(book.positions.size());
        gather_classes(book, benches, all);
        if (plan.audit) paths.audit(benches.front());
        return runs;
    }
    if (plan.audit) paths.audit(benches.front());
    runs.counted.rows = gather_rows(benches, 2 * book.sides.size(), threads, progress.stop);
    if (progress.stop) throw Stopped{};
    return runs;
}

Tally Counted::written(const SortedBook& book, std::size_t threads) const {
    Tally all = by_position.count.empty() ? Tally(book.positions.size()) : by_position;
    if (!rows) return all;
    const std::size_t sides = 2 * book.sides.size();
    std::atomic<bool> stop{false};
    run_chunks(std::min(threads, sides), sides, stop,
               [&](std::size_t, std::size_t side) { rows->write(book, side, all.count, all.step_sum); });
    return all;
}

}  // namespace levcore
