#include "levcore/cascade.hpp"

namespace levcore {

Outcome shock(const SortedBook& book, const Market& market, std::span<const double> moves, Keep keep) {
    return run_ledger(book, market, moves, keep);
}

Outcome run_path(const SortedBook& book, const Market& market, const Course& course, Keep keep, StepColumns* steps,
                 std::size_t place) {
    return run_ledger(book, market, course, keep, steps, place);
}

}  // namespace levcore
