#include "levcore/cascade.hpp"

namespace levcore {

std::vector<Outcome> shock(const SortedBook& book, const Market& market, std::span<const double> moves, Keep keep) {
    const std::size_t assets = market.assets.size();
    std::vector<Outcome> outcomes;
    outcomes.reserve(moves.size() / assets);
    for (std::size_t at = 0; at + assets <= moves.size(); at += assets)
        outcomes.push_back(run_ledger(book, market, moves.subspan(at, assets), keep));
    return outcomes;
}

}  // namespace levcore
