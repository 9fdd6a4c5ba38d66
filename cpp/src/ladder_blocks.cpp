#include "levcore/ladder_blocks.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>

#include "levcore/real.hpp"
#include "levcore/run.hpp"

namespace levcore {
namespace {

constexpr std::size_t block_steps = 16;
static_assert(block_steps <= most_watched_steps);

}  // namespace

LadderBlocks::LadderBlocks(const Drawn& drawn, const SortedBook& book, const Market& market, const Ladder& ladder,
                           bool count_rounds, LadderTally& rows)
    : market_(market),
      ladder_(ladder),
      rows_(rows),
      assets_(market.assets.size()),
      process_(drawn, most_paths),
      walks_(most_paths, LadderWalk(book, market, ladder, count_rounds)) {
    for (const Asset& asset : market.assets) from_.push_back(log(asset.price));
    const std::size_t cells = assets_ * most_paths;
    logs_.resize(block_steps * cells);
    next_logs_.resize(block_steps * cells);
    for (std::vector<double>* column : {&last_, &watch_.below, &watch_.above, &watch_.offset, &watch_.lowest_mark,
                                        &watch_.highest_mark, &watch_.lowest, &watch_.highest})
        column->resize(cells);
    pushed_.resize(cells);
    places_.resize(2 * cells);
    if (assets_ > 1 || count_rounds || market.assets[0].resilience > 0.0) return;
    if (ladder.assets[0].is_inverse) return;  // what a side closes changes where its prices lead
    if (!ladder.assets[0].is_linear) {
        falls_ = std::make_unique<LadderFalls>();
        return;
    }
    for (const std::size_t side : {longs, shorts})
        pushes_.emplace_back(book, market, ladder, side, most_paths, block_steps);
}

std::span<const double> LadderBlocks::last_prices(std::size_t i) const {
    return std::span(last_).subspan(i * assets_, assets_);
}

void LadderBlocks::run(std::uint64_t first, std::size_t paths, std::span<const double> days,
                       const std::atomic<bool>& stop) {
    begin(first, paths);
    draw(std::min(block_steps, days.size()));
    for (std::size_t step = 0; step < days.size(); step += block_steps) {
        if (stop.load(std::memory_order_relaxed)) throw Stopped{};
        const std::size_t steps = std::min(block_steps, days.size() - step);
        logs_.swap(next_logs_);
        least_.assign(process_.least().begin(), process_.least().end());
        most_.assign(process_.most().begin(), process_.most().end());
        find_busy(steps);
        deal(step, steps);
        // While memory is on its way.
        if (step + steps < days.size()) draw(std::min(block_steps, days.size() - step - steps));
        push();
        for (const std::uint32_t path : by_steps_) walk(path, step, days.subspan(step, steps));
    }
    finish();
}

void LadderBlocks::begin(std::uint64_t first, std::size_t paths) {
    paths_ = paths;
    process_.begin(first, paths);
    std::fill(places_.begin(), places_.end(), LadderTally::Place{});
    for (std::size_t i = 0; i < paths; ++i) walks_[i].begin();
    for (std::size_t k = 0; k < assets_; ++k)
        for (std::size_t i = 0; i < paths; ++i) {
            const std::size_t at = k * paths + i;
            watch_.lowest_mark[at] = watch_.highest_mark[at] = watch_.lowest[at] = watch_.highest[at] = from_[k];
        }
    for (std::size_t i = 0; i < paths; ++i) watch_anew(i);
}

// Which paths meet a liquidation in the block; of the others, how far the prices went.
void LadderBlocks::find_busy(std::size_t steps) {
    for (std::size_t k = 0; k < assets_; ++k) {
        const std::size_t row = k * paths_;
        kernels_in_use().watch_rows({logs_.data() + row, steps, paths_, assets_ * paths_, least_.data() + row,
                                     most_.data() + row, watch_.below.data() + row, watch_.above.data() + row,
                                     watch_.offset.data() + row, watch_.lowest.data() + row,
                                     watch_.highest.data() + row, watch_.lowest_mark.data() + row,
                                     watch_.highest_mark.data() + row, pushed_.data() + row});
    }
    const auto meets = [&](std::size_t path) {
        std::uint64_t any = pushed_[path];
        for (std::size_t k = 1; k < assets_; ++k) any |= pushed_[k * paths_ + path];
        return any != 0;
    };
    busy_.resize(paths_);
    std::size_t count = 0;
    for (std::uint32_t i = 0; i < paths_; ++i) {
        busy_[count] = i;
        count += meets(i) ? 1 : 0;
    }
    busy_.resize(count);
}

// Each busy path to those that go with it. Pushes to one side only that do not lead the mark furthest to the other one,
// for what a side closes moves the mark away from that: else which price and which mark went together is a matter of
// steps.
void LadderBlocks::deal(std::size_t step, std::size_t steps) {
    by_steps_.clear();
    for (LadderPushes& pushes : pushes_) pushes.clear();
    if (falls_) falls_->clear();
    for (const std::uint32_t path : busy_) {
        if (falls_ && falls_->add(path, walks_[path], logs_of(path), step, steps)) continue;
        if (pushes_.empty()) {
            by_steps_.push_back(path);
            continue;
        }
        const auto [falls, rises] = pushes_of(0, path);
        if (rises == 0 && most_[path] + watch_.offset[path] <= watch_.highest_mark[path])
            pushes_[longs].add(path, walks_[path], logs_of(path), step, falls);
        else if (falls == 0 && least_[path] + watch_.offset[path] >= watch_.lowest_mark[path])
            pushes_[shorts].add(path, walks_[path], logs_of(path), step, rises);
        else
            by_steps_.push_back(path);
    }
    look_ahead();
    for (LadderPushes& pushes : pushes_) pushes.fetch_rows();
    if (falls_) falls_->look_ahead(walks_);
}

// Asks for the memory that paths which go by steps are going to read, so that all of them wait for it together.
void LadderBlocks::look_ahead() {
    looks_.clear();
    for (const std::uint32_t path : by_steps_)
        for (std::uint32_t k = 0; k < assets_; ++k) {
            const std::array<std::uint32_t, 2> pushes = pushes_of(k, path);
            for (const std::uint32_t side : {0U, 1U}) look_at(path, k, side, pushes[side]);
        }
    for (const Look& look : looks_) {
        const LadderSide& side = ladder_.assets[look.asset].sides[look.side];
        side.fetch_row(std::max(side.first_row(look.place), walks_[look.path].cursor(look.asset, look.side)));
    }
}

// Where prices lead that go further to a side than those before them in the block.
void LadderBlocks::look_at(std::uint32_t path, std::uint32_t k, std::uint32_t side, std::uint32_t pushes) {
    for (; pushes != 0; pushes &= pushes - 1) {
        const auto s = static_cast<std::size_t>(std::countr_zero(pushes));
        const double place = walks_[path].height_at(k, side, logs_[(s * assets_ + k) * paths_ + path]);
        ladder_.assets[k].sides[side].fetch_cell(place);
        looks_.push_back({path, k, side, place});
    }
}

// The mark of a path that pushes goes furthest where the last push has led it.
void LadderBlocks::push() {
    for (LadderPushes& pushes : pushes_) pushes.fetch_further_rows();
    for (LadderPushes& pushes : pushes_) {
        pushes.close(walks_, rows_);
        pushes.settle(walks_, rows_, places_);
        pushes.each_path([&](std::uint32_t path) {
            watch_anew(path);
            const double offset = watch_.offset[path];
            watch_.lowest_mark[path] = std::min(watch_.lowest_mark[path], least_[path] + offset);
            watch_.highest_mark[path] = std::max(watch_.highest_mark[path], most_[path] + offset);
        });
    }
    if (!falls_) return;
    falls_->close(walks_, rows_);
    falls_->settle(walks_, rows_, places_);
    falls_->each_path([&](std::uint32_t path) { watch_anew(path); });
}

void LadderBlocks::walk(std::uint32_t path, std::size_t step, std::span<const double> days) {
    LadderWalk& walk = walks_[path];
    const std::size_t before = walk.closed().size();
    walk.walk(logs_of(path), step, days);
    walk.settle();
    rows_.add(std::span(walk.closed()).subspan(before), places_of(path));
    watch_anew(path);
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
    for (std::size_t i = 0; i < paths_; ++i) {
        if (walks_[i].inside())
            rows_.end(places_of(i));
        else
            rows_.take_back(walks_[i].closed());
    }
}

}  // namespace levcore
