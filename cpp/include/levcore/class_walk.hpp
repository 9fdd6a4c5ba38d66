// A path with funding on the ladder (model 11, 20): per class of rates a cursor, which a payment leaves where it is;
// what moves is the price at which the next row goes. A cascade has as many searches as rounds, in each class.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "levcore/class_money.hpp"
#include "levcore/funding.hpp"
#include "levcore/outcome.hpp"
#include "levcore/price_walk.hpp"
#include "levcore/rate_classes.hpp"

namespace levcore {

class ClassWalk {
  public:
    ClassWalk(const SortedBook& book, const Market& market, const RateClasses& classes);

    // Along a path of log prices, the days in which order books refill, and what falls due, by step; steps go to
    // `notes` from `place` on, where given, with these fundamental prices. False: the path is for the ledger.
    bool run(std::span<const double> logs, std::span<const double> days, std::span<const FundingDue> funding,
             const std::atomic<bool>& stop, StepColumns* notes, std::size_t place, std::span<const double> prices);

    // What has happened; the fundamental prices as they stand at the end.
    [[nodiscard]] Outcome report(std::span<const double> prices) const;

    [[nodiscard]] std::span<const ClassStretch> stretches() const noexcept { return stretches_; }
    [[nodiscard]] std::span<const SharedGone> shared() const noexcept { return shared_; }

  private:
    struct AssetWalk {
        PriceWalk prices;
        std::array<double, 2> trigger;  // of the log mark: below, above
    };

    void begin();
    bool step(std::span<const double> log_prices, double days, std::span<const FundingDue> due);
    bool pay(const FundingDue& due);
    void refill_book(std::size_t k, double days);
    bool move_volume(std::size_t k, std::size_t side, double size);
    void set_offset(std::size_t k);
    void set_trigger(std::size_t k, std::size_t side);
    [[nodiscard]] double unit_mark(std::size_t k) const;
    bool close(std::size_t k, std::size_t side, std::int64_t& rounds);
    double take_passed(std::size_t k, std::size_t side);
    [[nodiscard]] double settlement_price(std::span<const double> prices) const;
    void note_step(StepColumns& to, std::size_t place, std::span<const double> prices);

    const SortedBook& book_;
    const Market& market_;
    const RateClasses& classes_;
    std::vector<AssetWalk> assets_;
    std::vector<std::size_t> cursor_;  // per class
    std::vector<double> paid_;         // per instrument, by a unit of coin
    std::vector<Sum> paid_sum_;
    std::vector<std::uint8_t> gone_;  // per shared position
    std::vector<ClassStretch> stretches_;
    std::vector<SharedGone> shared_;
    std::int64_t step_ = 0;
    Outcome outcome_;
    ClassMoney money_;
    double noted_[3] = {0.0, 0.0, 0.0};  // of steps: notionals and bad debt
};

}  // namespace levcore
