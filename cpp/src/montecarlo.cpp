#include "levcore/montecarlo.hpp"

#include <algorithm>
#include <memory>
#include <optional>

#include "levcore/cascade.hpp"
#include "levcore/ladder_blocks.hpp"
#include "levcore/ladder_tally.hpp"
#include "levcore/parallel.hpp"

namespace levcore {
namespace {

// What a thread works with.
struct Bench {
    Tally tally;
    std::vector<double> prices;  // of a path, or their logs
    std::vector<double> last;
    std::vector<double> fundamental;  // prices of a path, where steps are kept
    Handed handed;                    // from one path of the ledger to the next
    std::optional<LadderWalk> walk;
    std::unique_ptr<LadderTally> rows;
    std::unique_ptr<LadderBlocks> blocks;  // counts into rows
};

class Paths {
  public:
    Paths(const SortedBook& book, const Market& market, const Scenario& scenario, const Plan& plan, Progress& progress,
          Runs& runs)
        : book_(book), market_(market), scenario_(scenario), plan_(plan), progress_(progress), runs_(runs) {
        for (const Asset& asset : market.assets) start_.push_back(asset.price);
    }

    [[nodiscard]] Bench bench() const {
        Bench b;
        b.tally.count.assign(book_.positions.size(), 0);
        b.tally.step_sum.assign(book_.positions.size(), 0);
        b.prices.resize(plan_.steps * start_.size());
        b.last.resize(start_.size());
        if (plan_.ladder != nullptr) {
            b.walk.emplace(book_, market_, *plan_.ladder, plan_.count_rounds);
            b.rows = std::make_unique<LadderTally>(book_);
            if (const auto* drawn = std::get_if<Drawn>(&scenario_); drawn != nullptr && !plan_.keep_steps)
                b.blocks =
                    std::make_unique<LadderBlocks>(*drawn, book_, market_, *plan_.ladder, plan_.count_rounds, *b.rows);
        }
        return b;
    }

    void run(std::size_t from, std::size_t to, Bench& b) const {
        if (b.blocks) return run_blocks(from, to, b);
        for (std::size_t i = from; i < to; ++i) {
            if (!b.walk || !run_on_ladder(i, b)) runs_.outcomes.put(i, run_in_ledger(i, b, &b.tally, plan_.keep_steps));
            progress_.done.fetch_add(1, std::memory_order_relaxed);
        }
    }

    void audit(Bench& b) const {
        const StandardArithmetic arithmetic;
        audit_sample(runs_.outcomes, gross_notional(book_, market_),
                     [&](std::size_t i) { return run_in_ledger(i, b, nullptr, false); });
    }

  private:
    void run_blocks(std::size_t from, std::size_t to, Bench& b) const {
        while (from < to) {
            const std::size_t count = std::min(LadderBlocks::most_paths, to - from);
            b.blocks->run(from, count, plan_.days, progress_.stop);
            for (std::size_t i = 0; i < count; ++i) {
                const LadderWalk& walk = b.blocks->walk(i);
                if (walk.inside()) {
                    runs_.outcomes.put(from + i, walk.report(b.blocks->last_prices(i), true));
                    continue;
                }
                b.rows->take_back(walk.stretches());
                runs_.outcomes.put(from + i, run_in_ledger(from + i, b, &b.tally, plan_.keep_steps));
            }
            from += count;
            progress_.done.fetch_add(count, std::memory_order_relaxed);
        }
    }

    bool run_on_ladder(std::size_t i, Bench& b) const {
        draw_logs(scenario_, start_, i, plan_.steps, b.prices, b.last);
        if (!run_path(b.prices, plan_.days, start_.size(), *b.walk, progress_.stop, noting(i, b))) return false;
        runs_.outcomes.put(i, b.walk->report(b.last, true));
        b.rows->add(b.walk->stretches());
        return true;
    }

    // Where steps are kept: what notes the one just walked.
    StepNotes noting(std::size_t i, Bench& b) const {
        if (!plan_.keep_steps) return {};
        b.fundamental.resize(b.prices.size());
        draw(scenario_, start_, i, plan_.steps, b.fundamental);
        return {&runs_.steps, i * plan_.steps, b.fundamental};
    }

    Outcome run_in_ledger(std::size_t i, Bench& b, Tally* tally, bool keep_steps) const {
        Keep keep;
        keep.tally = tally;
        keep.stop = &progress_.stop;
        keep.ask_all = plan_.ask_all;
        draw(scenario_, start_, i, plan_.steps, b.prices);
        return run_path(book_, market_, {b.prices, plan_.days, plan_.funding}, keep,
                        keep_steps ? &runs_.steps : nullptr, i * plan_.steps, &b.handed);
    }

    const SortedBook& book_;
    const Market& market_;
    const Scenario& scenario_;
    const Plan& plan_;
    Progress& progress_;
    Runs& runs_;
    std::vector<double> start_;
};

void lengthen_steps(StepColumns& steps, std::size_t rows, std::size_t assets, const std::atomic<bool>& stop) {
    for (std::vector<double>* column : {&steps.mark, &steps.fundamental}) lengthen(*column, rows * assets, stop);
    for (std::vector<double>* column :
         {&steps.notional[longs], &steps.notional[shorts], &steps.bad_debt, &steps.insurance_fund})
        lengthen(*column, rows, stop);
}

// All that the threads have counted, in one.
void gather(const SortedBook& book, std::vector<Bench>& benches, Runs& runs) {
    Bench& first = benches.front();
    runs.tally = std::move(first.tally);
    for (std::size_t t = 1; t < benches.size(); ++t) {
        for (std::size_t i = 0; i < runs.tally.count.size(); ++i) {
            runs.tally.count[i] += benches[t].tally.count[i];
            runs.tally.step_sum[i] += benches[t].tally.step_sum[i];
        }
        if (first.rows) first.rows->add(*benches[t].rows);
    }
    if (first.rows) first.rows->write(book, runs.tally.count, runs.tally.step_sum);
}

}  // namespace

Runs run_paths(const SortedBook& book, const Market& market, const Scenario& scenario, const Plan& plan,
               Progress& progress) {
    Runs runs;
    const std::size_t own = book.venue.backstop.funds.size() - 1;
    runs.outcomes = OutcomeColumns(plan.paths, market.assets.size(), own, progress.stop);
    if (plan.keep_steps) lengthen_steps(runs.steps, plan.paths * plan.steps, market.assets.size(), progress.stop);
    const Paths paths(book, market, scenario, plan, progress, runs);
    const std::size_t chunks = (plan.paths + plan.chunk - 1) / plan.chunk;
    const std::size_t threads = std::max<std::size_t>(1, std::min(plan.threads, chunks));
    std::vector<Bench> benches;
    for (std::size_t t = 0; t < threads; ++t) benches.push_back(paths.bench());
    run_chunks(threads, chunks, progress.stop, [&](std::size_t thread, std::size_t chunk) {
        const std::size_t end = std::min(plan.paths, (chunk + 1) * plan.chunk);
        paths.run(chunk * plan.chunk, end, benches[thread]);
    });
    if (progress.stop) throw Stopped{};
    if (plan.ladder != nullptr) paths.audit(benches.front());
    gather(book, benches, runs);
    return runs;
}

}  // namespace levcore
