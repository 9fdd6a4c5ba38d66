// Watched prices of cross accounts (model 17): no price of an account's slack can be told, but how far every price may
// move until it can fail. So each leg watches its own asset's mark, and an account whose legs have all been left alone
// is healthy for sure. A watch is never too late; it may well be too early, and then the account is asked.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "levcore/accounts.hpp"

namespace levcore {

inline constexpr std::size_t falling = 0;
inline constexpr std::size_t rising = 1;

// Reached once the mark is at the price or beyond it, falling or rising.
struct Watch {
    std::uint32_t asset;
    std::uint32_t way;
    double price;
};

// What prices are: a mark an asset, a unit price an instrument, a price a collateral.
struct Prices {
    std::vector<double> marks;
    std::vector<double> units;
    std::vector<double> coins;
};

// Where a book's instruments and collateral have their prices from.
struct PricedBy {
    std::span<const std::uint32_t> asset_of;          // per instrument
    std::span<const std::uint32_t> collateral_asset;  // per collateral
};

// Works out the unit prices and those of collateral from the marks.
void follow_marks(const Venue& venue, const PricedBy& by, Prices& prices);

// Sets watches, account by account.
class WatchSetter {
  public:
    WatchSetter(const Venue& venue, std::span<const double> entry_price, PricedBy by);

    // Where an account's watches are at these prices; false where it may be failing already, or is too near to tell.
    bool set(const AccountView& account, const Prices& prices);
    [[nodiscard]] std::span<const Watch> watches() const noexcept { return watches_; }

  private:
    // Of an instrument, what does not depend on the account.
    struct Traded {
        bool one_line;      // the requirement is max(0, rate*notional - deduction)
        bool follows;       // the tier follows the price
        double rate;        // of the first tier
        double deduction;   // likewise
        double least_rate;  // at least so much of a fall in notional comes off the requirement
    };

    // A price that the slack depends on: how much money a move by its own size costs at most, and which way that is;
    // how far it may rise, as a multiple of itself, for this to hold.
    struct Leg {
        std::uint32_t asset;
        bool inverse;  // it is one over the mark
        bool hurt_by_rise;
        double exposure;
        double highest;
    };

    // Goes through all prices that an account depends on; false where no watch will do.
    bool gather(const AccountView& account, const Prices& prices);
    bool add_position(std::uint32_t instrument, const Claim& held, std::uint32_t position, double unit);
    void add_leg(const Leg& leg) {
        exposure_ += leg.exposure;
        legs_.push_back(leg);
    }
    void watch(const Leg& leg, double price, double share);
    void watch_at(const Leg& leg, double price, bool rises, double multiple);

    const Venue& venue_;
    std::span<const double> entry_price_;
    PricedBy by_;
    std::vector<Traded> traded_;
    double slack_ = 0.0;
    double added_up_ = 0.0;  // everything that went into it
    double exposure_ = 0.0;
    std::vector<Leg> legs_;
    std::vector<Watch> watches_;
};

// One asset's watches of one way in the order in which the mark reaches them.
struct WatchList {
    std::vector<double> price;
    std::vector<std::uint32_t> account;
};

// The watches of all accounts as they stand before any run, shared by every run. They hold at whatever prices a run
// begins, for they say at which marks an account may fail, not from where the marks come.
struct SharedWatches {
    std::vector<std::array<WatchList, 2>> lists;  // per asset
    std::vector<std::uint32_t> unwatched;         // accounts that are to be asked at once
};

SharedWatches watch_accounts(const Venue& venue, std::span<const double> entry_price, const CrossBook& cross,
                             const PricedBy& by, std::span<const double> marks);

}  // namespace levcore
