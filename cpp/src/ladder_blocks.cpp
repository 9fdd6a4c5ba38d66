#include "levcore/ladder_blocks.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "levcore/real.hpp"
#include "levcore/run.hpp"

namespace levcore {
namespace {

constexpr std::size_t block_steps = 16;

}  // namespace

LadderBlocks::LadderBlocks(const Drawn& drawn, const SortedBook& book, const Market& market, const Ladder& ladder,
                           bool count_rounds)
    : market_(market),
      ladder_(ladder),
      assets_(market.assets.size()),
      process_(drawn, most_paths),
      walks_(most_paths, LadderWalk(book, market, ladder, count_rounds)) {
    for (const Asset& asset : market.assets) from_.push_back(log(asset.price));
    const std::size_t cells = assets_ * most_paths;
    logs_.resize(block_steps * cells);
    for (std::vector<double>* column : {&last_, &watch_.below, &watch_.above, &watch_.offset, &watch_.lowest_mark,
                                        &watch_.highest_mark, &watch_.lowest, &watch_.highest})
        column->resize(cells);
    is_busy_.resize(most_paths);
    if (assets_ > 1 || count_rounds || !ladder.assets[0].is_linear || market.assets[0].resilience > 0.0) return;
    for (const std::size_t side : {longs, shorts})
        pushes_.emplace_back(book, market, ladder, side, most_paths, block_steps);
}

std::span<const double> LadderBlocks::last_prices(std::size_t i) const {
    return std::span(last_).subspan(i * assets_, assets_);
}

void LadderBlocks::run(std::uint64_t first, std::size_t paths, std::span<const double> days,
                       const std::atomic<bool>& stop) {
    begin(first, paths);
    for (std::size_t step = 0; step < days.size(); step += block_steps) {
        if (stop.load(std::memory_order_relaxed)) throw Stopped{};
        const std::size_t steps = std::min(block_steps, days.size() - step);
        process_.next(steps, from_, logs_);
        find_busy();
        deal(step, steps);
        push();
        for (const std::uint32_t path : by_steps_) {
            walks_[path].walk(logs_of(path), step, days.subspan(step, steps));
            walks_[path].settle();
            watch_anew(path);
        }
    }
    finish();
}

void LadderBlocks::begin(std::uint64_t first, std::size_t paths) {
    paths_ = paths;
    process_.begin(first, paths);
    for (std::size_t i = 0; i < paths; ++i) walks_[i].begin();
    for (std::size_t k = 0; k < assets_; ++k)
        for (std::size_t i = 0; i < paths; ++i) {
            const std::size_t at = k * paths + i;
            watch_.lowest_mark[at] = watch_.highest_mark[at] = watch_.lowest[at] = watch_.highest[at] = from_[k];
        }
    for (std::size_t i = 0; i < paths; ++i) watch_anew(i);
}

// Which paths may have a liquidation in the block; of the others, how far the prices went.
void LadderBlocks::find_busy() {
    std::fill_n(is_busy_.begin(), paths_, std::uint8_t{0});
    for (std::size_t k = 0; k < assets_; ++k) find_crossing(k * paths_);
    busy_.resize(paths_);
    std::size_t count = 0;
    for (std::uint32_t i = 0; i < paths_; ++i) {
        busy_[count] = i;
        count += is_busy_[i];
    }
    busy_.resize(count);
}

// Of one asset's row. Loops of few arrays each, which compilers turn into vector instructions.
void LadderBlocks::find_crossing(std::size_t row) {
    const double* const least = process_.least().data() + row;
    const double* const most = process_.most().data() + row;
    const double* const below = watch_.below.data() + row;
    const double* const above = watch_.above.data() + row;
    for (std::size_t i = 0; i < paths_; ++i)
        is_busy_[i] |= static_cast<std::uint8_t>((least[i] <= below[i]) | (most[i] >= above[i]));
    double* to = watch_.lowest.data() + row;
    for (std::size_t i = 0; i < paths_; ++i) to[i] = least[i] < to[i] ? least[i] : to[i];
    to = watch_.highest.data() + row;
    for (std::size_t i = 0; i < paths_; ++i) to[i] = most[i] > to[i] ? most[i] : to[i];
    // Where prices cross, the walk notes marks.
    const double* const offset = watch_.offset.data() + row;
    to = watch_.lowest_mark.data() + row;
    for (std::size_t i = 0; i < paths_; ++i) {
        const double mark = least[i] + offset[i];
        to[i] = (mark < to[i]) & (least[i] > below[i]) & (most[i] < above[i]) ? mark : to[i];
    }
    to = watch_.highest_mark.data() + row;
    for (std::size_t i = 0; i < paths_; ++i) {
        const double mark = most[i] + offset[i];
        to[i] = (mark > to[i]) & (least[i] > below[i]) & (most[i] < above[i]) ? mark : to[i];
    }
}

// Each busy path to those that go with it.
void LadderBlocks::deal(std::size_t step, std::size_t steps) {
    by_steps_.clear();
    for (LadderPushes& pushes : pushes_) pushes.clear();
    for (const std::uint32_t path : busy_) {
        if (!pushes_.empty() && pushes_to(longs, path))
            pushes_[longs].add(path, walks_[path], logs_of(path), step, steps);
        else if (!pushes_.empty() && pushes_to(shorts, path))
            pushes_[shorts].add(path, walks_[path], logs_of(path), step, steps);
        else
            by_steps_.push_back(path);
    }
    look_ahead(steps);
    for (LadderPushes& pushes : pushes_) pushes.fetch_rows();
}

// Whether a busy path's prices lead past that side's next liquidation only, and the mark that goes furthest to the
// other side is not among theirs: what a side closes moves the mark away from it.
bool LadderBlocks::pushes_to(std::size_t side, std::size_t path) const {
    const double offset = watch_.offset[path];
    if (side == longs)
        return process_.most()[path] < watch_.above[path] &&
               process_.most()[path] + offset <= watch_.highest_mark[path];
    return process_.least()[path] > watch_.below[path] && process_.least()[path] + offset >= watch_.lowest_mark[path];
}

// Asks for the memory that paths which go by steps are going to read, so that all of them wait for it together: where
// each price leads that goes further than those before it in the block.
void LadderBlocks::look_ahead(std::size_t steps) {
    looks_.clear();
    for (const std::uint32_t path : by_steps_)
        for (std::uint32_t k = 0; k < assets_; ++k) look_at(path, k, steps);
    for (const Look& look : looks_) {
        const LadderSide& side = ladder_.assets[look.asset].sides[look.side];
        side.fetch_row(std::max(side.first_row(look.place), walks_[look.path].cursor(look.asset, look.side)));
    }
}

void LadderBlocks::look_at(std::uint32_t path, std::uint32_t k, std::size_t steps) {
    const LadderWalk& walk = walks_[path];
    double below = watch_.below[k * paths_ + path];
    double above = watch_.above[k * paths_ + path];
    const auto look = [&](std::uint32_t side, double price) {
        const double place = walk.height_at(k, side, price);
        ladder_.assets[k].sides[side].fetch_cell(place);
        looks_.push_back({path, k, side, place});
    };
    const double* price_at = logs_.data() + k * paths_ + path;
    for (std::size_t s = 0; s < steps; ++s, price_at += assets_ * paths_) {
        const double price = *price_at;
        if (price <= below) look(longs, below = price);
        if (price >= above) look(shorts, above = price);
    }
}

// The mark of a path that pushes goes furthest where the last push has led it.
void LadderBlocks::push() {
    for (LadderPushes& pushes : pushes_) {
        pushes.close(walks_);
        pushes.settle(walks_);
        pushes.each_path([&](std::uint32_t path) {
            watch_anew(path);
            const double offset = watch_.offset[path];
            watch_.lowest_mark[path] = std::min(watch_.lowest_mark[path], process_.least()[path] + offset);
            watch_.highest_mark[path] = std::max(watch_.highest_mark[path], process_.most()[path] + offset);
        });
    }
}

void LadderBlocks::watch_anew(std::size_t path) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const LadderWalk& walk = walks_[path];
    for (std::size_t k = 0; k < assets_; ++k) {
        const std::size_t at = k * paths_ + path;
        // A book that refills changes at every step.
        const bool always = walk.refills(k);
        watch_.below[at] = always ? infinity : walk.trigger(k, longs);
        watch_.above[at] = always ? -infinity : walk.trigger(k, shorts);
        watch_.offset[at] = walk.mark_offset(k);
    }
}

void LadderBlocks::finish() {
    for (std::size_t i = 0; i < paths_; ++i)
        for (std::size_t k = 0; k < assets_; ++k) {
            const std::size_t at = k * paths_ + i;
            walks_[i].note(k, process_.moved()[at] + from_[k],
                           {watch_.lowest[at], watch_.highest[at], watch_.lowest_mark[at], watch_.highest_mark[at]});
            last_[i * assets_ + k] = market_.assets[k].price * exp(process_.moved()[at]);
        }
}

}  // namespace levcore
