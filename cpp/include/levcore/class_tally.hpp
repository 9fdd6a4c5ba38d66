// Liquidations by position, counted from where the cursors of classes went: what a path adds does not depend on how
// many rows it closed, but for those that stand in several classes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "levcore/class_money.hpp"

namespace levcore {

class ClassTally {
  public:
    explicit ClassTally(const RateClasses& classes);
    void add(std::span<const ClassStretch> stretches, std::span<const SharedGone> shared);
    void add(const ClassTally& other);
    void write(const SortedBook& book, std::span<std::int64_t> count, std::span<std::int64_t> step_sum) const;

  private:
    struct Change {
        std::int64_t count = 0;
        std::int64_t step_sum = 0;
    };
    const RateClasses* classes_;
    std::vector<std::vector<Change>> changes_;  // per class and row
    std::vector<std::vector<Change>> alone_;    // per class and shared row
};

}  // namespace levcore
