#include "levcore/accounts.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "levcore/margin.hpp"
#include "levcore/sum.hpp"

namespace levcore {
namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();

// Slack of an account with one asset at a price of its own, on a stretch of prices that no tier ends in.
class OneAsset {
  public:
    OneAsset(const Venue& venue, std::span<const double> entry_price, const AccountView& account,
             std::span<const double> units, std::span<const double> coin_prices,
             std::span<const std::uint8_t> moves_instrument, std::span<const std::uint8_t> moves_collateral)
        : venue_(venue),
          entry_price_(entry_price),
          account_(account),
          units_(units.begin(), units.end()),
          coins_(coin_prices.begin(), coin_prices.end()),
          moves_instrument_(moves_instrument),
          moves_collateral_(moves_collateral) {}

    double slack_at(double price) {
        for (std::size_t i = 0; i < units_.size(); ++i)
            if (moves_instrument_[i] != 0) units_[i] = unit_price(venue_.instruments[i], price);
        for (std::size_t c = 0; c < coins_.size(); ++c)
            if (moves_collateral_[c] != 0) coins_[c] = price;
        return health(venue_, entry_price_, account_, units_, coins_).slack;
    }

    // Prices at which a tier of one of the account's positions begins, or its requirement leaves zero, rising.
    [[nodiscard]] std::vector<double> bends() const {
        std::vector<double> prices;
        for (std::size_t i = 0; i < account_.held.size(); ++i) {
            const Perpetual& instrument = venue_.instruments[account_.instrument[i]];
            if (moves_instrument_[account_.instrument[i]] == 0 || account_.held[i].coin == 0.0) continue;
            const double size = std::fabs(account_.held[i].coin);
            const auto bend = [&](double unit) {
                const double price = unit_price(instrument, unit);
                if (price > 0.0 && std::isfinite(price)) prices.push_back(price);
            };
            if (!tier_follows_price(instrument)) {
                const Line line = fixed_line(instrument, account_.held[i].coin, entry_price_[account_.position[i]]);
                if (line.slope > 0.0) bend(line.offset / line.slope);
                continue;
            }
            for (std::size_t k = 0; k < instrument.tiers.size(); ++k) bend(instrument.tiers.floor[k] / size);
            const double first = instrument.tiers.rate[0] + instrument.added_to_rates();
            if (first > 0.0) bend(instrument.tiers.deduction[0] / first / size);
        }
        std::sort(prices.begin(), prices.end());
        return prices;
    }

    [[nodiscard]] bool in_unit_prices_inverse() const {
        for (std::size_t i = 0; i < account_.held.size(); ++i)
            if (moves_instrument_[account_.instrument[i]] != 0)
                return venue_.instruments[account_.instrument[i]].is_inverse();
        return false;
    }

  private:
    const Venue& venue_;
    std::span<const double> entry_price_;
    const AccountView& account_;
    std::vector<double> units_;
    std::vector<double> coins_;
    std::span<const std::uint8_t> moves_instrument_;
    std::span<const std::uint8_t> moves_collateral_;
};

}  // namespace

AccountView CrossBook::at_start(std::size_t account) const {
    const std::size_t from = first[account];
    const std::size_t size = first[account + 1] - from;
    return {std::span(position).subspan(from, size), std::span(instrument).subspan(from, size),
            std::span(held).subspan(from, size), cash[account],
            std::span(coins).subspan(account * collaterals(), collaterals())};
}

CrossBook gather_accounts(const Venue& venue, const Book& book, std::vector<std::uint32_t> collateral_asset) {
    const Positions& p = book.positions;
    const std::size_t columns = 1 + collateral_asset.size();
    CrossBook cross;
    cross.collateral_asset = std::move(collateral_asset);
    std::vector<std::uint32_t> rows;
    const bool all_isolated = p.account.size() == 1 && p.account[0] == isolated;
    for (std::size_t i = 0; i < p.size() && !all_isolated; ++i)
        if (p.account_of(i) != isolated && p.quantity[i] != 0.0) rows.push_back(static_cast<std::uint32_t>(i));
    std::stable_sort(rows.begin(), rows.end(),
                     [&](std::uint32_t a, std::uint32_t b) { return p.account_of(a) < p.account_of(b); });
    for (std::size_t at = 0; at < rows.size(); ++at) {
        const std::size_t i = rows[at];
        if (at == 0 || p.account_of(i) != p.account_of(rows[at - 1])) {
            const auto balances =
                book.accounts.balance.subspan(static_cast<std::size_t>(p.account_of(i)) * columns, columns);
            cross.first.push_back(at);
            cross.row.push_back(static_cast<std::uint32_t>(p.account_of(i)));
            cross.cash.push_back(balances[0]);
            cross.coins.insert(cross.coins.end(), balances.begin() + 1, balances.end());
        }
        const auto instrument = static_cast<std::uint32_t>(p.instrument_of(i));
        cross.position.push_back(rows[at]);
        cross.instrument.push_back(instrument);
        cross.held.push_back(claim(venue.instruments[instrument], p.quantity[i], p.entry_price[i], 0.0));
    }
    cross.first.push_back(rows.size());
    return cross;
}

Health health(const Venue& venue, std::span<const double> entry_price, const AccountView& account,
              std::span<const double> units, std::span<const double> coin_prices) {
    Sum equity(account.cash);
    Sum required;
    for (std::size_t i = 0; i < account.held.size(); ++i) {
        const Claim& held = account.held[i];
        if (held.coin == 0.0) continue;
        const std::uint32_t instrument = account.instrument[i];
        equity.add(held.cash);
        equity.add_product(held.coin, units[instrument]);
        required.add(
            maintenance(venue.instruments[instrument], held, entry_price[account.position[i]], units[instrument]));
    }
    Sum counted(equity.pair());
    for (std::size_t c = 0; c < account.coins.size(); ++c) {
        const double worth = account.coins[c] * coin_prices[c];
        equity.add(worth);
        counted.add(account.coins[c] > 0.0 ? worth * venue.collateral_share[c] : worth);
    }
    counted.add(multiply(required.pair(), -1.0));
    return {equity.value(), required.value(), counted.value()};
}

// Between two bends slack is linear in the price (in 1/price for inverse instruments): its root there is exact but for
// rounding. The walk goes from bend to bend.
double account_liquidation_price(const Venue& venue, std::span<const double> entry_price, const AccountView& account,
                                 std::span<const double> units, std::span<const double> coin_prices,
                                 std::span<const std::uint8_t> moves_instrument,
                                 std::span<const std::uint8_t> moves_collateral, double price, Direction direction) {
    OneAsset one(venue, entry_price, account, units, coin_prices, moves_instrument, moves_collateral);
    const bool inverse = one.in_unit_prices_inverse();
    const auto to_unit = [&](double p) { return inverse ? 1.0 / p : p; };
    std::vector<double> bends = one.bends();
    const double here = one.slack_at(price);
    constexpr double nearby = 1e-7;
    const bool falls_below = one.slack_at(price * (1.0 - nearby)) < here;
    const bool falls_above = one.slack_at(price * (1.0 + nearby)) < here;
    const bool named = direction != Direction::falling_slack;
    if (!named && here >= 0.0 && !falls_below && !falls_above) return none;
    // Healthy: along the side on which slack falls; failing: the way back.
    const bool down = named ? direction == Direction::down : here >= 0.0 ? falls_below : !falls_below;
    bends.push_back(down ? 0.0 : std::numeric_limits<double>::infinity());
    std::sort(bends.begin(), bends.end());
    if (down) std::reverse(bends.begin(), bends.end());
    double from = price;
    for (const double bend : bends) {
        if (down ? bend >= from : bend <= from) continue;
        // The stretch's line from two points well inside it; its end may be 0 or infinity.
        const double to = bend == 0.0 ? from / 16.0 : std::isinf(bend) ? from * 16.0 : bend;
        const double a = from + 0.25 * (to - from);
        const double b = from + 0.75 * (to - from);
        const double slack_a = one.slack_at(a);
        const double slack_b = one.slack_at(b);
        const double slope = (slack_b - slack_a) / (to_unit(b) - to_unit(a));
        double root = to_unit(to_unit(a) - slack_a / slope);
        const auto inside = [&] {
            return root > 0.0 && (down ? root <= from && root >= bend : root >= from && root <= bend);
        };
        if (inside()) {
            const double rough = root;
            root = to_unit(to_unit(root) - one.slack_at(root) / slope);
            return inside() ? root : rough;
        }
        // The sign looked for is there all along: it jumped where the stretch begins.
        const double wanted = here >= 0.0 ? -1.0 : 1.0;
        if (slack_a * wanted > 0.0 && slack_b * wanted > 0.0) return from;
        from = bend;
    }
    return none;
}

}  // namespace levcore
