#include "levcore/ladder_falls.hpp"

#include <algorithm>
#include <limits>

namespace levcore {

void LadderFalls::clear() noexcept {
    for (Side& side : sides_) {
        side.visits.clear();
        side.pushes.clear();
        side.row.clear();
    }
}

bool LadderFalls::add(std::uint32_t path, const LadderWalk& walk, const LogBlock& logs, std::size_t step,
                      std::size_t steps) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const std::array<std::size_t, 2> first{sides_[longs].pushes.size(), sides_[shorts].pushes.size()};
    double below = walk.trigger(0, longs);
    double above = walk.trigger(0, shorts);
    double lowest = infinity;
    double highest = -infinity;
    const auto push = [&](std::size_t side, std::size_t s, double price, double other_way) {
        sides_[side].pushes.push_back({static_cast<std::int64_t>(step + s), price, other_way});
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
    const auto seen = [&](std::size_t side) { return sides_[side].pushes.size() > first[side]; };
    if (seen(longs) && seen(shorts)) {
        for (const std::size_t side : {longs, shorts}) sides_[side].pushes.resize(first[side]);
        return false;
    }
    const std::size_t side = seen(longs) ? longs : shorts;
    prefetch(walk.rows(0, side).rungs.data() + walk.cursor(0, side));  // for money
    Side& to = sides_[side];
    to.row.resize(to.pushes.size(), walk.cursor(0, side));
    to.visits.push_back({path, first[side], to.pushes.size(), walk.closed().size(), lowest, highest});
    return true;
}

// How far all pushes of a side come, from where they are known to come: side by side.
void LadderFalls::look(std::size_t side, std::span<const LadderWalk> walks, FallDepth from, FallDepth to) {
    Side& of = sides_[side];
    if (!of.visits.empty()) walks[of.visits.front().path].fall_all(side, of.log_price, of.other_side, of.row, from, to);
}

// The same at first, when each push of a path goes on from where the one before it is known to come: those that come
// first of all paths together, then those that come next.
void LadderFalls::look_first(std::size_t side, std::span<const LadderWalk> walks) {
    Side& of = sides_[side];
    Side& some = next_;
    std::vector<std::size_t>& which = which_;
    for (std::size_t n = 0;; ++n) {
        some.log_price.clear();
        some.other_side.clear();
        some.row.clear();
        which.clear();
        for (const Visit& v : of.visits) {
            const std::size_t i = v.first + n;
            if (i >= v.end) continue;
            which.push_back(i);
            some.log_price.push_back(of.log_price[i]);
            some.other_side.push_back(of.other_side[i]);
            some.row.push_back(n == 0 ? of.row[i] : of.row[i - 1]);
        }
        if (which.empty()) return;
        walks[of.visits.front().path].fall_all(side, some.log_price, some.other_side, some.row, FallDepth::block,
                                               FallDepth::block);
        for (std::size_t j = 0; j < which.size(); ++j) of.row[which[j]] = some.row[j];
    }
}

// First columns that mostly stay in the cache, then what they lead to.
void LadderFalls::look_ahead(std::span<LadderWalk> walks) {
    for (const std::size_t side : {longs, shorts}) {
        Side& of = sides_[side];
        of.log_price.resize(of.pushes.size());
        of.other_side.resize(of.pushes.size());
        for (const Visit& v : of.visits)
            for (std::size_t i = v.first; i < v.end; ++i) {
                of.log_price[i] = sign_of(side) * of.pushes[i].log_price;
                of.other_side[i] = walks[v.path].at(0, 1 - side).quantity;
            }
        look_first(side, walks);
        for (const Visit& v : of.visits)
            for (std::size_t i = v.first; i < v.end; ++i) walks[v.path].rows(0, side).spans.fetch_shortest(of.row[i]);
    }
    for (const std::size_t side : {longs, shorts}) {
        const Side& of = sides_[side];
        look(side, walks, FallDepth::stride, FallDepth::stride);
        for (const Visit& v : of.visits)
            for (std::size_t i = v.first; i < v.end; ++i) walks[v.path].rows(0, side).fetch_rows(of.row[i]);
    }
}

void LadderFalls::close(std::span<LadderWalk> walks, const LadderTally& rows) {
    for (const std::size_t side : {longs, shorts}) {
        const Side& of = sides_[side];
        look(side, walks, FallDepth::row, FallDepth::row);
        for (const Visit& v : of.visits) {
            LadderWalk& walk = walks[v.path];
            rows.fetch(side, walk.cursor(0, side));
            for (std::size_t i = v.first; i < v.end; ++i) {
                walk.fall_by(side, of.pushes[i], of.row[i]);
                rows.fetch(side, walk.cursor(0, side));
            }
            if (v.lowest <= v.highest) walk.rest(v.lowest, v.highest);
        }
    }
}

void LadderFalls::settle(std::span<LadderWalk> walks, LadderTally& rows, std::span<LadderTally::Place> places) {
    for (const std::size_t side : {longs, shorts}) {
        const Side& of = sides_[side];
        if (of.visits.empty()) continue;
        stretches_.clear();
        for (const Visit& v : of.visits) {
            const std::span<const Stretch> some = walks[v.path].unsettled();
            stretches_.insert(stretches_.end(), some.begin(), some.end());
        }
        traded_.resize(stretches_.size());
        walks[of.visits.front().path].trade(side, stretches_, traded_);
        std::size_t done = 0;
        for (const Visit& v : of.visits) {
            LadderWalk& walk = walks[v.path];
            rows.add(std::span(walk.closed()).subspan(v.first_closed), places.subspan(std::size_t{2} * v.path, 2));
            const std::size_t some = walk.unsettled().size();
            walk.settle(std::span(traded_).subspan(done, some));
            done += some;
        }
    }
}

}  // namespace levcore
