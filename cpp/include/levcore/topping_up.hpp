// Controllers in a run (model 22): once a step, before the cascade, owners whose margin ratio has left its band are
// called, and those who answer bring it back, as far as what they have outside lasts. An isolated position is asked
// only when a mark has left the prices between which it is surely quiet; accounts are asked every step.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "levcore/control.hpp"
#include "levcore/run.hpp"

namespace levcore {

// An isolated row, or an account.
struct Owner {
    std::int32_t rule;
    std::uint32_t position;  // its first
    bool is_account;
    std::uint32_t place;  // row, or account
    std::uint32_t asset;
    std::uint32_t side;
    double reserve;  // at the start
};

// A mark at which an owner is to be asked.
struct QuietUntil {
    double mark;
    std::uint32_t owner;
    std::uint32_t stamp;
};

// What all runs of a book and its market share.
struct Controlled {
    Control control;
    std::vector<Owner> owners;  // isolated ones by asset and side, then accounts
    std::size_t isolated = 0;
    bool quiet_holds = false;                                   // no claim changes but by controllers and funding
    std::vector<std::array<std::vector<QuietUntil>, 2>> quiet;  // per asset, at a falling and at a rising mark
    std::vector<std::uint32_t> restless;                        // isolated ones that no price is surely quiet for
};

Controlled gather_owners(const SortedBook& book, const Market& market, Control control);

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
        double since = -1.0;  // days; < 0: no call
        double reserve = 0.0;
        std::int64_t asked_at = -1;  // step
        std::uint32_t stamp = 0;
        Call call = Call::none;
        bool answers = false;
    };

    struct Standing {
        double equity;  // of an account, collateral by the share that counts
        double maintenance;
        double free;  // what may be taken out: of an account, no coins
    };

    void gather(const Run& run, bool all_moved);
    [[nodiscard]] std::optional<Standing> standing_of(const Run& run, const Owner& owner) const;
    void ask(Run& run, std::uint32_t owner);
    void answer(Run& run, std::uint32_t owner, const Standing& now);
    void pay_in(Run& run, const Owner& owner, double money);
    void change_claim(Run& run, const Owner& owner, double money);
    void be_quiet(const Run& run, std::uint32_t owner, const Standing& now);
    void settle_sides(Run& run);

    const SortedBook& book_;
    const Controlled& shared_;
    std::uint64_t path_;
    std::vector<Calling> calling_;
    std::vector<std::uint32_t> asked_;
    std::vector<std::uint32_t> open_;                          // isolated owners to be asked at the next step
    std::vector<std::array<std::size_t, 2>> reached_;          // per asset, of the shared lists
    std::vector<std::array<std::vector<QuietUntil>, 2>> own_;  // heaps, per asset
    std::vector<std::array<bool, 2>> changed_;                 // per asset and side, in this step
    bool paid_ = false;
};

}  // namespace levcore
