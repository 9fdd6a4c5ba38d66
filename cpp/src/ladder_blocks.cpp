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
                           bool count_rounds, LadderTally& rows)
    : market_(market),
      ladder_(ladder),
      rows_(rows),
      assets_(market.assets.size()),
      process_(drawn, most_paths),
      walks_(most_paths, LadderWalk(book, market, ladder, count_rounds)),
      by_steps_(assets_ > 1 || count_rounds || !ladder.assets[0].is_one_search() || market.assets[0].resilience > 0.0) {
    for (const Asset& asset : market.assets) from_.push_back(log(asset.price));
    const std::size_t cells = assets_ * most_paths;
    logs_.resize(block_steps * cells);
    for (std::vector<double>* column : {&last_, &watch_.below, &watch_.above, &watch_.offset, &watch_.lowest_mark,
                                        &watch_.highest_mark, &watch_.lowest, &watch_.highest})
        column->resize(cells);
    is_busy_.resize(most_paths);
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
        look_ahead(step, steps);
        for (std::size_t i = 0; i < visits_.size(); ++i)
            visit(visits_[i], i + 1 < visits_.size() ? visits_[i + 1].first_look : looks_.size(), step,
                  days.subspan(step, steps));
        settle();
    }
    finish();
}

void LadderBlocks::settle() {
    for (const Visit& v : visits_) {
        rows_.add(std::span(walks_[v.path].stretches()).subspan(v.first_stretch));
        walks_[v.path].settle();
    }
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

// Asks for the memory that the busy paths are going to read, so that all of them wait for it together: where each price
// leads that goes further than those before it in the block.
void LadderBlocks::look_ahead(std::size_t step, std::size_t steps) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    looks_.clear();
    visits_.clear();
    for (const std::uint32_t path : busy_) {
        visits_.push_back({path, looks_.size(), walks_[path].stretches().size(), by_steps_, infinity, -infinity});
        for (std::uint32_t k = 0; k < assets_; ++k) look_at(visits_.back(), k, step, steps);
    }
    for (Look& look : looks_) {
        const LadderSide& side = ladder_.assets[look.asset].sides[look.side];
        const std::size_t row =
            std::max(side.first_row(look.push.place), walks_[look.path].cursor(look.asset, look.side));
        side.fetch_row(row);
        look.first_row = static_cast<std::uint32_t>(row);
    }
}

void LadderBlocks::look_at(Visit& visit, std::uint32_t k, std::size_t step, std::size_t steps) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const std::size_t path = visit.path;
    const LadderWalk& walk = walks_[path];
    double below = watch_.below[k * paths_ + path];
    double above = watch_.above[k * paths_ + path];
    double lowest = infinity;
    double highest = -infinity;
    std::array<bool, 2> seen{false, false};
    const auto look = [&](std::size_t side, std::size_t s, double price, double other_way) {
        const double place = walk.height_at(k, side, price);
        ladder_.assets[k].sides[side].fetch_cell(place);
        looks_.push_back({static_cast<std::uint32_t>(path),
                          k,
                          static_cast<std::uint32_t>(side),
                          0,
                          {static_cast<std::int64_t>(step + s), price, place, other_way}});
        seen[side] = true;
        lowest = infinity;
        highest = -infinity;
    };
    const double* price_at = logs_.data() + k * paths_ + path;
    for (std::size_t s = 0; s < steps; ++s, price_at += assets_ * paths_) {
        const double price = *price_at;
        lowest = std::min(lowest, price);
        highest = std::max(highest, price);
        if (price <= below) look(longs, s, below = price, highest);
        if (price >= above) look(shorts, s, above = price, lowest);
    }
    visit.lowest = lowest;
    visit.highest = highest;
    visit.by_steps = visit.by_steps || (seen[longs] && seen[shorts]);
}

// Push by push where all pushes are to one side: what a side closes does not change where its prices lead.
void LadderBlocks::visit(const Visit& v, std::size_t end, std::size_t step, std::span<const double> days) {
    LadderWalk& walk = walks_[v.path];
    if (v.by_steps) {
        walk.walk({logs_.data() + v.path, assets_, paths_, assets_ * paths_}, step, days);
    } else {
        for (std::size_t i = v.first_look; i < end; ++i) {
            walk.push(looks_[i].side, looks_[i].push, looks_[i].first_row);
            rows_.fetch(0, looks_[i].side, walk.cursor(0, looks_[i].side));
        }
        if (v.lowest <= v.highest) walk.rest(v.lowest, v.highest);
    }
    watch_anew(v.path);
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
