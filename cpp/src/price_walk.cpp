#include "levcore/price_walk.hpp"

#include "levcore/real.hpp"

namespace levcore {

AssetOutcome report_prices(const Asset& asset, const PriceWalk& walk, double price, bool whole_path) {
    AssetState state;
    state.fundamental = price;
    state.log_fundamental = walk.log_fundamental;
    state.volume = Sum(walk.volume);
    state.log_permanent = walk.log_permanent;
    const double mark = price * exp(walk.mark_offset);
    const double y = walk.log_fundamental + walk.mark_offset;
    // Where an extreme is the start or the end, it is that very price.
    const auto price_at = [&](double log_mark) {
        return log_mark == y ? mark : log_mark == log(asset.price) ? asset.price : exp(log_mark);
    };
    state.lowest = price_at(walk.lowest);
    state.highest = price_at(walk.highest);
    state.lowest_fundamental = exp(walk.lowest_fundamental);
    state.highest_fundamental = exp(walk.highest_fundamental);
    const double amplification = (whole_path ? path_amplification : shock_amplification)(asset, state);
    return {state.fundamental, mark, state.lowest, state.highest, amplification, walk.depth_used};
}

}  // namespace levcore
