#include "levcore/class_tally.hpp"

#include <utility>

namespace levcore {

ClassTally::ClassTally(const RateClasses& classes) : classes_(&classes) {
    for (const RateClass& of : classes.classes) {
        changes_.emplace_back(of.size() + 1);
        alone_.emplace_back(of.shared.size());
    }
}

void ClassTally::add(std::span<const ClassStretch> stretches, std::span<const SharedGone> shared) {
    for (const ClassStretch& s : stretches)
        for (const auto& [row, times] : {std::pair{s.from, 1}, std::pair{s.to, -1}}) {
            changes_[s.of_class][row].count += times;
            changes_[s.of_class][row].step_sum += times * s.step;
        }
    for (const SharedGone& s : shared) {
        const RateClass& of = classes_->classes[s.of_class];
        Change& to =
            alone_[s.of_class][static_cast<std::size_t>(of.shared_in(s.row, s.row + 1).data() - of.shared.data())];
        ++to.count;
        to.step_sum += s.step;
    }
}

void ClassTally::add(const ClassTally& other) {
    const auto sum = [](std::vector<std::vector<Change>>& to, const std::vector<std::vector<Change>>& from) {
        for (std::size_t c = 0; c < to.size(); ++c)
            for (std::size_t row = 0; row < to[c].size(); ++row) {
                to[c][row].count += from[c][row].count;
                to[c][row].step_sum += from[c][row].step_sum;
            }
    };
    sum(changes_, other.changes_);
    sum(alone_, other.alone_);
}

void ClassTally::write(const SortedBook& book, std::span<std::int64_t> count, std::span<std::int64_t> step_sum) const {
    for (std::size_t k = 0; k < book.sides.size(); ++k)
        for (const std::size_t side : {longs, shorts})
            for (std::size_t c = classes_->sides[k][side].first; c < classes_->sides[k][side].last; ++c) {
                const RateClass& of = classes_->classes[c];
                Change sum;
                std::size_t shared = 0;
                for (std::size_t row = 0; row < of.size(); ++row) {
                    sum.count += changes_[c][row].count;
                    sum.step_sum += changes_[c][row].step_sum;
                    const bool is_shared = shared < of.shared.size() && of.shared[shared].row == row;
                    const Change& here = is_shared ? alone_[c][shared++] : sum;
                    const std::uint32_t position = book.sides[k][side].position[of.sorted_row[row]];
                    count[position] += here.count;
                    step_sum[position] += here.step_sum;
                }
            }
}

}  // namespace levcore
