#include "levcore/cascade.hpp"

namespace levcore {

Outcome shock(const SortedBook& book, const Market& market, std::span<const double> moves, Keep keep) {
    return run_ledger(book, market, moves, keep);
}

}  // namespace levcore
