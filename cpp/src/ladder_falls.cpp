#include "levcore/ladder_falls.hpp"

#include <algorithm>
#include <limits>

namespace levcore {

bool LadderFalls::add(std::uint32_t path, const LadderWalk& walk, const LogBlock& logs, std::size_t step,
                      std::size_t steps) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const std::size_t first = pushes_.size();
    double below = walk.trigger(0, longs);
    double above = walk.trigger(0, shorts);
    double lowest = infinity;
    double highest = -infinity;
    std::array<bool, 2> seen{false, false};
    const auto push = [&](std::size_t side, std::size_t s, double price, double other_way) {
        pushes_.push_back({{static_cast<std::int64_t>(step + s), price, other_way}, walk.cursor(0, side)});
        seen[side] = true;
        lowest = infinity;
        highest = -infinity;
    };
    for (std::size_t s = 0; s < steps; ++s) {
        const double price = logs.first[s * logs.step_stride];
        lowest = std::min(lowest, price);
        highest = std::max(highest, price);
        if (price <= below) push(longs, s, below = price, highest);
        if (price >= above) push(shorts, s, above = price, lowest);
    }
    if (seen[longs] && seen[shorts]) {
        pushes_.resize(first);
        return false;
    }
    const std::size_t side = seen[longs] ? longs : shorts;
    prefetch(walk.rows(0, side).rungs.data() + walk.cursor(0, side));  // for money
    visits_.push_back(
        {path, static_cast<std::uint32_t>(side), first, pushes_.size(), walk.closed().size(), lowest, highest});
    return true;
}

// First columns that mostly stay in the cache, then what they lead to.
void LadderFalls::look_ahead(std::span<LadderWalk> walks) {
    const auto look_closer = [&](FallDepth from, FallDepth to, auto&& fetch) {
        for (const Visit& v : visits_) {
            const LadderWalk& walk = walks[v.path];
            std::size_t row = 0;
            for (std::size_t i = v.first; i < v.end; ++i) {
                Ahead& ahead = pushes_[i];
                const double price = ahead.push.log_price;
                if (from == FallDepth::block) ahead.row = std::max(ahead.row, row);
                ahead.row = row = walk.fall_to(0, v.side, price, ahead.row, from, to);
                fetch(walk.rows(0, v.side), row);
            }
        }
    };
    look_closer(FallDepth::block, FallDepth::block,
                [](const LadderSide& side, std::size_t row) { side.spans.fetch_shortest(row); });
    look_closer(FallDepth::stride, FallDepth::stride,
                [](const LadderSide& side, std::size_t row) { side.fetch_rows(row); });
}

void LadderFalls::close(std::span<LadderWalk> walks, const LadderTally& rows) {
    for (const Visit& v : visits_) {
        LadderWalk& walk = walks[v.path];
        rows.fetch(v.side, walk.cursor(0, v.side));
        for (std::size_t i = v.first; i < v.end; ++i) {
            walk.fall_by(v.side, pushes_[i].push, pushes_[i].row);
            rows.fetch(v.side, walk.cursor(0, v.side));
        }
        if (v.lowest <= v.highest) walk.rest(v.lowest, v.highest);
    }
}

void LadderFalls::settle(std::span<LadderWalk> walks, LadderTally& rows, std::span<LadderTally::Place> places) {
    for (const Visit& v : visits_) {
        rows.add(std::span(walks[v.path].closed()).subspan(v.first_closed), places.subspan(std::size_t{2} * v.path, 2));
        walks[v.path].settle();
    }
}

}  // namespace levcore
