// Many paths side by side on the ladder: log prices of a block of steps at a time, so that no array of paths x steps
// exists. Where no price of a block comes near a path's next liquidation, only its extremes are noted. Of the others
// those that push to one side only are asked together (ladder_pushes.hpp, ladder_falls.hpp), and the rest walk the
// block step by step, what they will read having been asked for beforehand. Bits are those of single paths.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "levcore/ladder_falls.hpp"
#include "levcore/ladder_pushes.hpp"
#include "levcore/ladder_walk.hpp"
#include "levcore/scenario.hpp"

namespace levcore {

class LadderBlocks {
  public:
    static constexpr std::size_t most_paths = 256;

    LadderBlocks(const Drawn& drawn, const SortedBook& book, const Market& market, const Ladder& ladder,
                 bool count_rounds, LadderTally& rows);

    // Runs paths [first, first + paths), at most most_paths, and counts what those close that are inside. Throws
    // Stopped where `stop` turns true.
    void run(std::uint64_t first, std::size_t paths, std::span<const double> days, const std::atomic<bool>& stop);

    // The walk of path first + i, and the prices that it ended at.
    [[nodiscard]] const LadderWalk& walk(std::size_t i) const { return walks_[i]; }
    [[nodiscard]] std::span<const double> last_prices(std::size_t i) const;

  private:
    // What of a path is looked at in every block, a row an asset.
    struct Watch {
        std::vector<double> below;  // a block with a price at or below it is walked
        std::vector<double> above;
        std::vector<double> offset;  // log mark less log fundamental
        std::vector<double> lowest_mark, highest_mark;
        std::vector<double> lowest, highest;  // of the fundamental
    };
    struct Look {
        std::uint32_t path;
        std::uint32_t asset;
        std::uint32_t side;
        double place;  // in the side's heights
    };

    void begin(std::uint64_t first, std::size_t paths);
    void draw(std::size_t steps) { process_.next(steps, from_, next_logs_); }
    void find_busy(std::size_t steps);
    void deal(std::size_t step, std::size_t steps);
    void look_ahead();
    void look_at(std::uint32_t path, std::uint32_t k, std::uint32_t side, std::uint32_t pushes);
    void push();
    void walk(std::uint32_t path, std::size_t step, std::span<const double> days);
    void watch_anew(std::size_t path);
    // Which steps of the block push, to longs and to shorts, a bit each.
    [[nodiscard]] std::array<std::uint32_t, 2> pushes_of(std::size_t k, std::size_t path) const {
        const std::uint64_t pushes = pushed_[k * paths_ + path];
        return {static_cast<std::uint32_t>(pushes), static_cast<std::uint32_t>(pushes >> most_watched_steps)};
    }
    [[nodiscard]] std::span<LadderTally::Place> places_of(std::size_t path) {
        return std::span(places_).subspan(2 * assets_ * path, 2 * assets_);
    }
    [[nodiscard]] LogBlock logs_of(std::size_t path) const {
        return {logs_.data() + path, assets_, paths_, assets_ * paths_};
    }
    void finish();

    const Market& market_;
    const Ladder& ladder_;
    LadderTally& rows_;
    std::size_t assets_;
    std::size_t paths_ = 0;
    ProcessPaths process_;
    std::vector<LadderWalk> walks_;
    std::vector<double> from_;   // log prices at the start
    std::vector<double> logs_;   // per step, asset and path
    std::vector<double> least_;  // of the block
    std::vector<double> most_;
    std::vector<double> next_logs_;      // of the block after it
    std::vector<double> last_;           // prices at the end, per path and asset
    std::vector<std::uint64_t> pushed_;  // per asset and path, as in WatchRows
    std::vector<std::uint32_t> busy_;
    std::vector<std::uint32_t> by_steps_;  // of the busy ones
    std::vector<LadderPushes> pushes_;     // of longs and of shorts, where there may be any
    std::unique_ptr<LadderFalls> falls_;   // the same where impact is not linear
    std::vector<Look> looks_;
    Watch watch_;
    std::vector<LadderTally::Place> places_;  // per path and side
};

}  // namespace levcore
