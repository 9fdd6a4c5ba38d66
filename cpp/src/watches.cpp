#include "levcore/watches.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "levcore/margin.hpp"

namespace levcore {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// Sums here are plain ones: a share of all that was added up is left as room for their rounding.
constexpr double room = 1e-9;

// The multiple of its unit price at which the requirement of a position jumps next.
double next_jump(const Perpetual& instrument, double notional) {
    if (!requirement_jumps(instrument)) return infinity;
    const std::size_t above = tier_of(instrument.tiers, notional) + 1;
    return above < instrument.tiers.size() ? instrument.tiers.floor[above] / notional * (1.0 - room) : infinity;
}

}  // namespace

void follow_marks(const Venue& venue, const PricedBy& by, Prices& prices) {
    prices.units.resize(by.asset_of.size());
    for (std::size_t i = 0; i < by.asset_of.size(); ++i)
        prices.units[i] = unit_price(venue.instruments[i], prices.marks[by.asset_of[i]]);
    prices.coins.resize(by.collateral_asset.size());
    for (std::size_t c = 0; c < by.collateral_asset.size(); ++c) prices.coins[c] = prices.marks[by.collateral_asset[c]];
}

WatchSetter::WatchSetter(const Venue& venue, std::span<const double> entry_price, PricedBy by)
    : venue_(venue), entry_price_(entry_price), by_(by) {
    for (const Perpetual& instrument : venue.instruments) {
        const MarginTiers& tiers = instrument.tiers;
        const bool follows = tier_follows_price(instrument);
        const bool one_line = follows && tiers.size() == 1 && instrument.reserved_rate() == 0.0;
        const double rate = tiers.rate[0] + instrument.added_to_rates();
        // The requirement is convex, or has one rate for all of the position, and is never negative.
        const double least_rate = follows && tiers.deduction[0] == 0.0 ? rate : 0.0;
        traded_.push_back({one_line, follows, rate, tiers.deduction[0], least_rate});
    }
}

bool WatchSetter::add_position(std::uint32_t instrument, const Claim& held, std::uint32_t position, double unit) {
    constexpr double doubled = 2.0;
    const Traded& traded = traded_[instrument];
    const Perpetual& kind = venue_.instruments[instrument];
    const double notional = std::fabs(held.coin) * unit;
    Leg leg{by_.asset_of[instrument], kind.is_inverse(), held.coin < 0.0, notional * (1.0 - traded.least_rate),
            infinity};
    double required = 0.0;
    if (traded.one_line) {
        required = std::max(0.0, traded.rate * notional - traded.deduction);
        if (leg.hurt_by_rise) leg.exposure = notional * (1.0 + traded.rate);
    } else {
        // Where the tier follows the price, what the entry price was does not matter.
        const double entry = traded.follows ? 0.0 : entry_price_[position];
        required = maintenance(kind, held, entry, unit);
        leg.highest = next_jump(kind, notional);
        if (!leg.hurt_by_rise) {
            // What gains when its price rises is not hurt by that, unless its requirement rises faster.
            if (!traded.follows && fixed_line(kind, held.coin, entry).slope > held.coin) return false;
        } else if (requirement_jumps(kind)) {
            leg.exposure = notional + required;
        } else {  // convex: until the price has doubled the requirement stays below the chord
            leg.exposure = notional + (maintenance(kind, held, entry, doubled * unit) - required);
            leg.highest = doubled;
        }
    }
    slack_ += held.cash + held.coin * unit - required;
    added_up_ += std::fabs(held.cash) + notional + required;
    add_leg(leg);
    return true;
}

bool WatchSetter::gather(const AccountView& account, const Prices& prices) {
    legs_.clear();
    exposure_ = 0.0;
    slack_ = account.cash;
    added_up_ = std::fabs(account.cash);
    for (std::size_t i = 0; i < account.held.size(); ++i) {
        const std::uint32_t instrument = account.instrument[i];
        if (account.held[i].coin == 0.0) continue;
        if (!add_position(instrument, account.held[i], account.position[i], prices.units[instrument])) return false;
    }
    for (std::size_t c = 0; c < account.coins.size(); ++c) {
        const double coins = account.coins[c];
        if (coins == 0.0) continue;
        const double counted = coins * prices.coins[c] * (coins > 0.0 ? venue_.collateral_share[c] : 1.0);
        slack_ += counted;
        added_up_ += std::fabs(counted);
        add_leg({by_.collateral_asset[c], false, coins < 0.0, std::fabs(counted), infinity});
    }
    return true;
}

// Where the unit price has risen, or fallen, to so many times what it is.
void WatchSetter::watch_at(const Leg& leg, double price, bool rises, double multiple) {
    watches_.push_back({leg.asset, static_cast<std::uint32_t>(rises != leg.inverse ? rising : falling),
                        leg.inverse ? price / multiple : price * multiple});
}

void WatchSetter::watch(const Leg& leg, double price, double share) {
    if (leg.hurt_by_rise) return watch_at(leg, price, true, std::min(1.0 + share, leg.highest));
    if (share < 1.0) watch_at(leg, price, false, 1.0 - share);
    if (leg.highest < infinity) watch_at(leg, price, true, leg.highest);
}

bool WatchSetter::set(const AccountView& account, const Prices& prices) {
    watches_.clear();
    if (!gather(account, prices)) return false;
    const double left = slack_ - room * added_up_;
    if (!(left > 0.0)) return false;
    // Every price may move by this share of itself before what is left is used up; by any where nothing is at risk.
    const double share = left / exposure_ * (1.0 - room);
    for (const Leg& leg : legs_) watch(leg, prices.marks[leg.asset], share);
    return true;
}

SharedWatches watch_accounts(const Venue& venue, std::span<const double> entry_price, const CrossBook& cross,
                             const PricedBy& by, std::span<const double> marks) {
    struct Entry {
        double price;
        std::uint32_t account;
    };
    Prices prices{{marks.begin(), marks.end()}, {}, {}};
    follow_marks(venue, by, prices);
    SharedWatches shared;
    shared.lists.resize(marks.size());
    std::vector<std::array<std::vector<Entry>, 2>> entries(marks.size());
    WatchSetter setter(venue, entry_price, by);
    for (std::uint32_t account = 0; account < cross.size(); ++account) {
        if (!setter.set(cross.at_start(account), prices))
            shared.unwatched.push_back(account);
        else
            for (const Watch& w : setter.watches()) entries[w.asset][w.way].push_back({w.price, account});
    }
    for (std::size_t k = 0; k < marks.size(); ++k)
        for (const std::size_t way : {falling, rising}) {
            auto& list = entries[k][way];
            std::sort(list.begin(), list.end(), [way](const Entry& a, const Entry& b) {
                if (a.price != b.price) return way == falling ? a.price > b.price : a.price < b.price;
                return a.account < b.account;
            });
            for (const Entry& e : list) {
                shared.lists[k][way].price.push_back(e.price);
                shared.lists[k][way].account.push_back(e.account);
            }
        }
    return shared;
}

}  // namespace levcore
