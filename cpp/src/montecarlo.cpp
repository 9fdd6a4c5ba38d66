#include "levcore/montecarlo.hpp"

#include <algorithm>

#include "levcore/cascade.hpp"
#include "levcore/parallel.hpp"

namespace levcore {

Runs run_paths(const SortedBook& book, const Market& market, const Scenario& scenario, const Plan& plan,
               Progress& progress) {
    const std::size_t assets = market.assets.size();
    const std::size_t positions = book.positions.size();
    std::vector<double> start;
    for (const Asset& asset : market.assets) start.push_back(asset.price);
    Runs runs;
    runs.outcomes.resize(plan.paths);
    if (plan.keep_steps) runs.steps.resize(plan.paths * plan.steps, assets);
    const std::size_t chunks = (plan.paths + plan.chunk - 1) / plan.chunk;
    const std::size_t threads = std::max<std::size_t>(1, std::min(plan.threads, chunks));
    std::vector<Tally> tallies(threads);
    for (Tally& t : tallies) {
        t.count.assign(positions, 0);
        t.step_sum.assign(positions, 0);
    }
    std::vector<std::vector<double>> prices(threads, std::vector<double>(plan.steps * assets));
    run_chunks(threads, chunks, progress.stop, [&](std::size_t thread, std::size_t chunk) {
        Keep keep;
        keep.tally = &tallies[thread];
        keep.stop = &progress.stop;
        const std::size_t end = std::min(plan.paths, (chunk + 1) * plan.chunk);
        for (std::size_t i = chunk * plan.chunk; i < end; ++i) {
            draw(scenario, start, i, plan.steps, prices[thread]);
            runs.outcomes[i] = run_path(book, market, {prices[thread], plan.days, plan.funding}, keep,
                                        plan.keep_steps ? &runs.steps : nullptr, i * plan.steps);
            progress.done.fetch_add(1, std::memory_order_relaxed);
        }
    });
    if (progress.stop) throw Stopped{};
    runs.tally = std::move(tallies.front());
    for (std::size_t t = 1; t < threads; ++t)
        for (std::size_t i = 0; i < positions; ++i) {
            runs.tally.count[i] += tallies[t].count[i];
            runs.tally.step_sum[i] += tallies[t].step_sum[i];
        }
    return runs;
}

}  // namespace levcore
