// Many paths side by side on the ladder: log prices of a block of steps at a time, so that no array of paths x steps
// exists. Where no price of a block comes near a path's next liquidation, only its extremes are noted; the others walk
// the block step by step, what they will read having been asked for beforehand. Bits are those of single paths.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "levcore/ladder_falls.hpp"
#include "levcore/ladder_tally.hpp"
#include "levcore/ladder_walk.hpp"
#include "levcore/scenario.hpp"

namespace levcore {

class LadderBlocks {
  public:
    static constexpr std::size_t most_paths = 256;

    LadderBlocks(const Drawn& drawn, const SortedBook& book, const Market& market, const Ladder& ladder,
                 bool count_rounds, LadderTally& rows);

    // Runs paths [first, first + paths), at most most_paths, and counts what they close, of those that
    // turn out to be for the ledger, too. Throws Stopped where `stop` turns true.
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
        std::uint32_t first_row;
        Push push;
    };
    // A busy path: its looks, what it had closed before, and how far prices went after the last look.
    struct Visit {
        std::size_t path;
        std::size_t first_look;
        std::size_t first_stretch;
        bool by_steps;
        double lowest, highest;
    };

    [[nodiscard]] LogBlock logs_of(std::size_t path) const {
        return {logs_.data() + path, assets_, paths_, assets_ * paths_};
    }
    void begin(std::uint64_t first, std::size_t paths);
    void settle();
    void find_busy();
    void find_crossing(std::size_t row);
    void fall(std::size_t step, std::size_t steps);
    void look_ahead(std::size_t step, std::size_t steps);
    void look_at(Visit& visit, std::uint32_t k, std::size_t step, std::size_t steps);
    void visit(const Visit& v, std::size_t end, std::size_t step, std::span<const double> days);
    void watch_anew(std::size_t path);
    void finish();

    const Market& market_;
    const Ladder& ladder_;
    LadderTally& rows_;
    std::size_t assets_;
    std::size_t paths_ = 0;
    ProcessPaths process_;
    std::vector<LadderWalk> walks_;
    std::vector<double> from_;  // log prices at the start
    std::vector<double> logs_;  // per step, asset and path
    std::vector<double> last_;  // prices at the end, per path and asset
    std::vector<std::uint8_t> is_busy_;
    std::vector<std::uint32_t> busy_;
    bool by_steps_;                       // no path may go push by push
    std::unique_ptr<LadderFalls> falls_;  // where impact is not linear, and paths may go push by push
    std::vector<Look> looks_;
    std::vector<Visit> visits_;
    Watch watch_;
};

}  // namespace levcore
