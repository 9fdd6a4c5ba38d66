#include "levcore/ladder_tally.hpp"

#include <algorithm>

namespace levcore {

LadderTally::LadderTally(const SortedBook& book) {
    for (const auto& sides : book.sides)
        for (const SortedSide& side : sides) {
            sides_.emplace_back();
            sides_.back().ended.resize(side.size() + 1);
            sides_.back().step_changes.resize(side.size() + 1);
        }
}

// Rows that no path comes to are never written, and their memory is not taken.
void LadderTally::Side::touch(std::size_t row) {
    if (row < touched) return;
    constexpr std::size_t piece = 4'096;
    const std::size_t to = std::min(ended.size(), row + piece);
    std::fill(ended.begin() + static_cast<std::ptrdiff_t>(touched), ended.begin() + static_cast<std::ptrdiff_t>(to),
              0U);
    std::fill(step_changes.begin() + static_cast<std::ptrdiff_t>(touched),
              step_changes.begin() + static_cast<std::ptrdiff_t>(to), 0);
    touched = to;
}

void LadderTally::add(std::span<const Closed> closed, std::span<Place> at) {
    for (const Closed& c : closed) {
        Place& place = at[c.side];
        sides_[c.side].touch(c.row);
        sides_[c.side].step_changes[place.row] += c.step - place.step;
        place = {c.row, c.step};
    }
}

void LadderTally::end(std::span<const Place> at) {
    for (std::size_t side = 0; side < sides_.size(); ++side) {
        if (at[side].row == 0) continue;
        sides_[side].step_changes[at[side].row] -= at[side].step;
        ++sides_[side].ended[at[side].row];
    }
}

void LadderTally::take_back(std::span<const Closed> closed) {
    std::vector<Place> at(sides_.size());
    for (const Closed& c : closed) {
        sides_[c.side].step_changes[at[c.side].row] -= c.step - at[c.side].step;
        at[c.side] = {c.row, c.step};
    }
}

void LadderTally::add(const LadderTally& other, std::size_t side) {
    const Side& from = other.sides_[side];
    Side& to = sides_[side];
    if (from.touched > 0) to.touch(from.touched - 1);
    for (std::size_t row = 0; row < from.touched; ++row) {
        to.ended[row] += from.ended[row];
        to.step_changes[row] += from.step_changes[row];
    }
}

// From the last row to the first: the changes of all rows add up to nothing.
void LadderTally::write(const SortedBook& book, std::size_t side, std::span<std::int64_t> count,
                        std::span<std::int64_t> step_sum) const {
    constexpr std::size_t ahead = 32;  // positions lie anywhere
    const Side& rows = sides_[side];
    const std::span<const std::uint32_t> position = book.sides[side / 2][side % 2].position;
    std::int64_t paths = 0;
    std::int64_t steps = 0;
    for (std::size_t row = rows.touched; row-- > 1;) {
        if (row > ahead) {
            prefetch(&count[position[row - 1 - ahead]]);
            prefetch(&step_sum[position[row - 1 - ahead]]);
        }
        paths += rows.ended[row];
        steps -= rows.step_changes[row];
        if (paths == 0) continue;
        count[position[row - 1]] += paths;
        step_sum[position[row - 1]] += steps;
    }
}

}  // namespace levcore
