#include "levcore/ladder_pushes.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

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
    const std::size_t most = most_paths * most_steps + 1;  // the last one is written and not kept
    pushes_made_.resize(most);
    stretches_.resize(most);
    closed_.resize(most);
    for (std::vector<double>* column : {&of_.log_start, &of_.before, &of_.before_low, &of_.after, &of_.after_low,
                                        &of_.cash, &of_.safe, &of_.worst, &of_.size, &of_.moved, &of_.traded})
        column->resize(most);
}

// No branch asks whether a price is one, for no processor can tell beforehand.
void LadderPushes::add(std::uint32_t path, const LadderWalk& walk, const LogBlock& logs, std::size_t step,
                       std::size_t steps) {
    const std::size_t first = pushes_;
    const std::size_t cursor = walk.cursor(0, side_);
    prefetch(rows_.rungs.data() + cursor);
    double furthest = sign_ * walk.trigger(0, side_);
    const double* at = logs.first;
    for (std::size_t s = 0; s < steps; ++s, at += logs.step_stride) {
        const double price = sign_ * *at;
        const bool goes_further = price <= furthest;
        Push& push = pushes_made_[pushes_];
        push.price = price;
        push.step = static_cast<std::uint32_t>(step + s);
        pushes_ += goes_further ? 1 : 0;
        furthest = goes_further ? price : furthest;
    }
    const double base = walk.base(0, side_);
    for (std::size_t i = first; i < pushes_; ++i) {
        Push& push = pushes_made_[i];
        push.place = push.price + base;
        push.row = static_cast<std::uint32_t>(rows_.cell(push.place));
        prefetch(rows_.first_of.data() + push.row);
    }
    visits_.push_back({path, static_cast<std::uint32_t>(cursor), first, pushes_});
}

void LadderPushes::fetch_rows() {
    for (const Visit& v : visits_)
        for (std::size_t i = v.first; i < v.end; ++i) {
            const std::uint32_t row = std::max(v.cursor, rows_.first_of[pushes_made_[i].row]);
            pushes_made_[i].row = row;
            rows_.fetch_row(row);
        }
}

void LadderPushes::close(std::span<LadderWalk> walks) {
    std::size_t stretches = 0;
    for (Visit& v : visits_) close(v, walks[v.path], stretches);
    trade(stretches);
}

void LadderPushes::close(Visit& v, LadderWalk& walk, std::size_t& stretches) {
    const Rung* const rungs = rows_.rungs.data();
    const std::size_t first = stretches;
    const double other = walk.gone(0, 1 - side_);
    std::size_t from = v.cursor;
    for (std::size_t i = v.first; i < v.end; ++i) {
        const Push& push = pushes_made_[i];
        const std::size_t to = rows_.reach(push.place, std::max<std::size_t>(from, push.row), at_equality_);
        if (to == from) continue;
        const Rung& before = rungs[from];
        const Rung& after = rungs[to];
        const double volume = sign_ * (other - before.quantity);
        const double price = sign_ * push.price;
        const std::size_t n = stretches++;
        stretches_[n] = {0,
                         static_cast<std::uint32_t>(side_),
                         static_cast<std::uint32_t>(from),
                         static_cast<std::uint32_t>(to),
                         push.step,
                         price,
                         volume};
        closed_[n] = {static_cast<std::uint32_t>(side_), static_cast<std::uint32_t>(to), push.step};
        of_.log_start[n] = price + volume / on_.depth;
        of_.before[n] = before.quantity;
        of_.before_low[n] = before.quantity_low;
        of_.after[n] = after.quantity;
        of_.after_low[n] = after.quantity_low;
        of_.cash[n] = after.cash - before.cash;
        of_.safe[n] = rows_.safe_from[from / block_rows];
        from = to;
    }
    v.first = first;
    v.end = stretches;
    if (first < stretches)
        walk.close(side_, std::span(closed_).subspan(first, stretches - first), of_.log_start[first],
                   stretches_[stretches - 1].log_price);
}

// Loops of few arrays each, which compilers turn into vector instructions.
void LadderPushes::trade(std::size_t stretches) {
    for (std::size_t n = 0; n < stretches; ++n) of_.worst[n] = sign_ * of_.log_start[n] + of_.before[n] / on_.depth;
    // Beyond, the kernel knows no exponential.
    constexpr double furthest = 690.0;
    for (std::size_t n = 0; n < stretches; ++n)
        of_.worst[n] =
            std::fabs(of_.log_start[n]) <= furthest ? of_.worst[n] : -std::numeric_limits<double>::infinity();
    exp_each(std::span(of_.log_start).first(stretches));
    for (std::size_t n = 0; n < stretches; ++n) {
        of_.size[n] = between(Pair{of_.before[n], of_.before_low[n]}, Pair{of_.after[n], of_.after_low[n]}).high;
        of_.moved[n] = -sign_ * of_.size[n] / on_.depth;
    }
    for (std::size_t n = 0; n < stretches; ++n)
        of_.traded[n] = of_.size[n] * (of_.log_start[n] * spread_ * mean_ratio_of_little(of_.moved[n]));
    for (std::size_t n = 0; n < stretches; ++n)
        if (!moves_little(of_.moved[n]))
            of_.traded[n] = of_.size[n] * (of_.log_start[n] * spread_ * mean_ratio(of_.moved[n]));
}

void LadderPushes::settle(std::span<LadderWalk> walks) {
    for (const Visit& v : visits_) {
        LadderWalk& walk = walks[v.path];
        for (std::size_t n = v.first; n < v.end; ++n) {
            if (of_.worst[n] >= of_.safe[n]) {
                const double left = sign_ * of_.traded[n] + of_.cash[n];
                const double fee = fee_rate_ * of_.traded[n];
                walk.settle(side_, of_.traded[n], {fee, left - fee, 0.0, 0.0});
            } else {
                walk.settle(stretches_[n]);
            }
        }
    }
}

}  // namespace levcore
