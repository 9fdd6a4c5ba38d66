#include "levcore/ladder_pushes.hpp"

#include <algorithm>
#include <bit>

#include "levcore/real.hpp"

namespace levcore {

LadderPushes::LadderPushes(const SortedBook& book, const Market& market, const Ladder& ladder, std::size_t side,
                           std::size_t most_paths, std::size_t most_steps)
    : on_(ladder.assets[0]),
      rows_(ladder.assets[0].sides[side]),
      side_(side),
      sign_(sign_of(side)),
      spread_(1.0 - sign_ * market.assets[0].half_spread),
      fee_rate_(book.venue.liquidation.fee_rate),
      at_equality_(book.venue.liquidate_at_equality) {
    const std::size_t most = most_paths * most_steps;
    pushes_.resize(most);
    stretches_.resize(most);
    closed_.resize(most);
    constexpr std::size_t most_lanes = 8;
    for (std::vector<double>* column :
         {&of_.log_price, &of_.volume, &of_.before, &of_.before_low, &of_.after, &of_.after_low, &of_.cash, &of_.safe,
          &of_.worst, &of_.size, &of_.moved, &of_.price, &of_.traded})
        column->resize(most + most_lanes);
}

void LadderPushes::add(std::uint32_t path, const LadderWalk& walk, const LogBlock& logs, std::size_t step,
                       std::uint32_t pushes) {
    walk.fetch();
    const std::size_t first = count_;
    std::size_t end = first;
    const double base = walk.base(0, side_);
    for (; pushes != 0; pushes &= pushes - 1) {
        const auto s = static_cast<std::uint32_t>(std::countr_zero(pushes));
        const double price = logs.first[s * logs.step_stride];
        const double place = sign_ * price + base;
        const std::size_t cell = rows_.cell(place);
        prefetch(rows_.first_of.data() + cell);
        pushes_[end++] = {price, place, static_cast<std::uint32_t>(step) + s, static_cast<std::uint32_t>(cell)};
    }
    count_ = end;
    visits_.push_back({path, static_cast<std::uint32_t>(walk.cursor(0, side_)), first, end});
}

void LadderPushes::fetch_rows() {
    for (const Visit& v : visits_)
        for (std::size_t i = v.first; i < v.end; ++i) {
            const std::uint32_t row = std::max(v.cursor, rows_.first_of[pushes_[i].row]);
            pushes_[i].row = row;
            rows_.fetch_row(row);
        }
}

void LadderPushes::fetch_further_rows() {
    for (Push& push : std::span(pushes_).first(count_))
        push.row = static_cast<std::uint32_t>(rows_.nearer_row(push.place, push.row));
}

void LadderPushes::close(std::span<LadderWalk> walks, const LadderTally& rows) {
    std::size_t stretches = 0;
    for (Visit& v : visits_) close(v, walks[v.path], stretches, rows);
    trade(stretches);
}

void LadderPushes::close(Visit& v, LadderWalk& walk, std::size_t& stretches, const LadderTally& rows) {
    const std::size_t first = stretches;
    const double other = walk.at(0, 1 - side_).quantity;
    const Rung* at = &walk.at(0, side_);
    std::size_t from = v.cursor;
    for (std::size_t i = v.first; i < v.end; ++i) {
        const Push& push = pushes_[i];
        const std::size_t to = rows_.reach(push.place, std::max<std::size_t>(from, push.row), at_equality_);
        if (to == from) continue;
        rows.fetch(side_, from);
        const Rung& before = *at;
        const Rung& after = rows_.rungs[to];
        const double volume = sign_ * (other - before.quantity);
        const std::size_t n = stretches++;
        stretches_[n] = {0,
                         static_cast<std::uint32_t>(side_),
                         static_cast<std::uint32_t>(from),
                         static_cast<std::uint32_t>(to),
                         push.step,
                         push.price,
                         volume};
        closed_[n] = {static_cast<std::uint32_t>(side_), static_cast<std::uint32_t>(to), push.step};
        of_.log_price[n] = push.price;
        of_.volume[n] = volume;
        of_.before[n] = before.quantity;
        of_.before_low[n] = before.quantity_low;
        of_.after[n] = after.quantity;
        of_.after_low[n] = after.quantity_low;
        of_.cash[n] = after.cash - before.cash;
        of_.safe[n] = rows_.safe_from[from / block_rows];
        from = to;
        at = &after;
    }
    v.first = first;
    v.end = stretches;
    if (first < stretches)
        walk.close(side_, std::span(closed_).subspan(first, stretches - first), stretches_[first],
                   stretches_[stretches - 1].log_price);
}

void LadderPushes::trade(std::size_t stretches) {
    kernels_in_use().trade_rows({stretches, sign_, on_.depth, spread_, exp_parts(), of_.log_price.data(),
                                 of_.volume.data(), of_.before.data(), of_.before_low.data(), of_.after.data(),
                                 of_.after_low.data(), of_.worst.data(), of_.size.data(), of_.moved.data(),
                                 of_.price.data(), of_.traded.data()});
    for (std::size_t n = 0; n < stretches; ++n)
        if (!moves_little(of_.moved[n])) of_.traded[n] = of_.size[n] * (of_.price[n] * mean_ratio(of_.moved[n]));
}

void LadderPushes::settle(std::span<LadderWalk> walks, LadderTally& rows, std::span<LadderTally::Place> places) {
    for (const Visit& v : visits_) {
        LadderWalk& walk = walks[v.path];
        rows.add(std::span(closed_).subspan(v.first, v.end - v.first), places.subspan(std::size_t{2} * v.path, 2));
        for (std::size_t n = v.first; n < v.end; ++n) {
            if (of_.worst[n] >= of_.safe[n]) {
                const double left = sign_ * of_.traded[n] + of_.cash[n];
                const double fee = fee_rate_ * of_.traded[n];
                walk.take(side_, of_.traded[n], fee, left - fee);
            } else {
                walk.settle(stretches_[n]);
            }
        }
    }
}

}  // namespace levcore
