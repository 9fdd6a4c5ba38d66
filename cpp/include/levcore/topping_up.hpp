// Controllers in a run (model 22): once a step, before the cascade, owners whose margin ratio has left its band are
// called, and those who answer bring it back, as far as what they have outside lasts. Where calls begin at known
// marks, a step draws for those that its move has passed and follows those who answer; these, and all other isolated
// positions, are asked when a mark has left the prices between which they are surely quiet, accounts every step.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "levcore/owners.hpp"
#include "levcore/run.hpp"

namespace levcore {

// One run's calls.
class Callers {
  public:
    Callers(const SortedBook& book, const Controlled& shared, std::uint64_t path);

    // Before any step.
    void begin(Run& run) const;

    // Calls and answers of a step; true where money has moved. `all_moved`: claims have changed since the last step.
    bool act(Run& run, bool all_moved);

  private:
    struct Calling {
        std::uint32_t owner = 0;
        std::uint32_t stamp = 0;
        double since = -1.0;  // days; < 0: no call
        double reserve = 0.0;
        std::int64_t asked_at = -1;  // step
        Call call = Call::none;
        bool answers = false;
    };

    struct Standing {
        double equity;  // of an account, collateral by the share that counts
        double maintenance;
        double free;  // what may be taken out: of an account, no coins
    };

    Calling& calling(std::uint32_t owner);
    [[nodiscard]] bool is_followed(std::uint32_t owner) const { return calling_at_[owner] != 0; }
    void gather(const Run& run, bool all_moved);
    void gather_begun(const Run& run, std::size_t asset);
    void gather_reached(const Run& run, std::size_t asset);
    void take(const Run& run, std::uint32_t owner);
    [[nodiscard]] Call call_as_sorted(const Owner& owner, double mark) const;
    [[nodiscard]] std::optional<Standing> standing_of(const Run& run, const Owner& owner) const;
    void ask(Run& run, std::uint32_t owner);
    void answer(Run& run, std::uint32_t owner, const Standing& now);
    void pay_in(Run& run, const Owner& owner, double money);
    void change_claim(Run& run, const Owner& owner, double money);
    void be_quiet(const Run& run, std::uint32_t owner, const Standing& now);
    void settle_sides(Run& run);
    [[nodiscard]] const TopUp& rule_of(const Owner& owner) const {
        return shared_.control.rules[static_cast<std::size_t>(owner.rule)];
    }

    const SortedBook& book_;
    const Controlled& shared_;
    std::uint64_t path_;
    std::vector<std::uint32_t> calling_at_;  // per owner where it is among those followed, from 1 on
    std::vector<Calling> calling_;
    std::vector<std::uint32_t> asked_;
    std::vector<std::uint32_t> open_;                          // isolated owners to be asked at the next step
    std::vector<std::array<std::size_t, 2>> reached_;          // per asset, of the shared lists
    std::vector<std::array<std::vector<QuietUntil>, 2>> own_;  // heaps, per asset
    std::vector<std::array<bool, 2>> changed_;                 // per asset and side, in this step
    std::vector<double> marks_before_;                         // per asset, at the last call; none at the first
    std::vector<bool> beyond_;                                 // per asset, whether marks have left those told for
    bool paid_ = false;
};

}  // namespace levcore
