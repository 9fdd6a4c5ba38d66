#include "levcore/ladder_tally.hpp"

namespace levcore {

LadderTally::LadderTally(const SortedBook& book) {
    for (const auto& sides : book.sides)
        for (const SortedSide& side : sides) changes_.emplace_back(side.size() + 1);
}

void LadderTally::add(const Stretch& s, std::int64_t times) {
    std::vector<Change>& changes = of(s);
    changes[s.from].count += times;
    changes[s.from].step_sum += times * s.step;
    changes[s.to].count -= times;
    changes[s.to].step_sum -= times * s.step;
}

void LadderTally::add(std::span<const Stretch> stretches) {
    for (const Stretch& s : stretches) add(s, 1);
}

void LadderTally::take_back(std::span<const Stretch> stretches) {
    for (const Stretch& s : stretches) add(s, -1);
}

void LadderTally::add(const LadderTally& other, std::size_t side) {
    for (std::size_t row = 0; row < changes_[side].size(); ++row) {
        changes_[side][row].count += other.changes_[side][row].count;
        changes_[side][row].step_sum += other.changes_[side][row].step_sum;
    }
}

void LadderTally::write(const SortedBook& book, std::size_t side, std::span<std::int64_t> count,
                        std::span<std::int64_t> step_sum) const {
    constexpr std::size_t ahead = 32;  // positions lie anywhere
    const std::span<const std::uint32_t> position = book.sides[side / 2][side % 2].position;
    Change sum;
    for (std::size_t row = 0; row < position.size(); ++row) {
        if (row + ahead < position.size()) {
            prefetch(&count[position[row + ahead]]);
            prefetch(&step_sum[position[row + ahead]]);
        }
        sum.count += changes_[side][row].count;
        sum.step_sum += changes_[side][row].step_sum;
        if (sum.count == 0) continue;
        count[position[row]] += sum.count;
        step_sum[position[row]] += sum.step_sum;
    }
}

}  // namespace levcore
