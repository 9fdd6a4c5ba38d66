#include "levcore/topping_up.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "levcore/losses.hpp"
#include "levcore/margin.hpp"
#include "levcore/reach.hpp"

namespace levcore {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// Whom the mark reaches first.
bool sooner(const QuietUntil& a, const QuietUntil& b, std::size_t way) noexcept {
    if (a.mark != b.mark) return way == falling ? a.mark > b.mark : a.mark < b.mark;
    return a.owner < b.owner;
}

bool is_reached(const QuietUntil& until, double mark, std::size_t way) noexcept {
    return way == falling ? mark <= until.mark : mark >= until.mark;
}

// The marks between which a price is within a share of itself; a unit price of an inverse instrument, its reciprocal.
std::array<double, 2> marks_within(const Perpetual& instrument, double mark, double share) noexcept {
    const double s = share * (1.0 - 1e-9);  // for the rounding of all that is worked out here
    if (instrument.is_inverse()) return {mark / (1.0 + s), s < 1.0 ? mark / (1.0 - s) : infinity};
    return {s < 1.0 ? mark * (1.0 - s) : 0.0, mark * (1.0 + s)};
}

// How far from its price a claim is surely quiet.
double quiet_share_of(const Perpetual& instrument, const TopUp& rule, const Claim& held, double unit, double equity,
                      double maintenance) noexcept {
    const double exposed = std::fabs(held.coin) * unit;
    return quiet_share(rule, equity, maintenance, exposed, std::max(highest_rate(instrument), maintenance / exposed));
}

std::vector<double> starting_prices(const Market& market) {
    std::vector<double> prices;
    for (const Asset& asset : market.assets) prices.push_back(asset.price);
    return prices;
}

void add_isolated(const SortedBook& book, const std::vector<double>& prices, std::size_t k, std::size_t side,
                  Controlled& all) {
    const SortedSide& sorted = book.sides[k][side];
    for (std::uint32_t row = 0; row < sorted.size(); ++row) {
        const std::int32_t rule_at = all.control.rule_of[sorted.position[row]];
        if (rule_at == no_rule || sorted.quantity[row] == 0.0) continue;
        const TopUp& rule = all.control.rules[static_cast<std::size_t>(rule_at)];
        const Perpetual& instrument = book.venue.instruments[sorted.instrument[row]];
        const Claim held{sorted.cash[row], sorted.quantity[row]};
        const double unit = unit_price(instrument, prices[k]);
        const double worth = equity(held, unit);
        const double required = maintenance(instrument, held, book.positions.entry_price[sorted.position[row]], unit);
        const auto at = static_cast<std::uint32_t>(all.owners.size());
        all.owners.push_back({rule_at, sorted.position[row], false, row, static_cast<std::uint32_t>(k),
                              static_cast<std::uint32_t>(side), worth > 0.0 ? rule.reserve * worth : 0.0});
        if (!all.quiet_holds || requirement_jumps(instrument)) {
            all.restless.push_back(at);
            continue;
        }
        const bool is_called = call_of(rule, worth, required) != Call::none;
        const double share = is_called ? 0.0 : quiet_share_of(instrument, rule, held, unit, worth, required);
        const auto marks = marks_within(instrument, prices[k], share);
        for (const std::size_t way : {falling, rising}) all.quiet[k][way].push_back({marks[way], at, 0});
    }
}

void add_accounts(const SortedBook& book, const std::vector<double>& prices, Controlled& all) {
    std::vector<double> units;
    for (std::size_t i = 0; i < book.asset_of.size(); ++i)
        units.push_back(unit_price(book.venue.instruments[i], prices[book.asset_of[i]]));
    std::vector<double> coins;
    for (const std::uint32_t k : book.cross.collateral_asset) coins.push_back(prices[k]);
    for (std::size_t account = 0; account < book.cross.size(); ++account) {
        const std::uint32_t position = book.cross.position[book.cross.first[account]];
        const std::int32_t rule_at = all.control.rule_of[position];
        if (rule_at == no_rule) continue;
        const double worth =
            health(book.venue, book.positions.entry_price, book.cross.at_start(account), units, coins).equity;
        const double reserve = all.control.rules[static_cast<std::size_t>(rule_at)].reserve;
        all.owners.push_back(
            {rule_at, position, true, static_cast<std::uint32_t>(account), 0, 0, worth > 0.0 ? reserve * worth : 0.0});
    }
}

}  // namespace

Controlled gather_owners(const SortedBook& book, const Market& market, Control control) {
    Controlled all;
    all.control = std::move(control);
    const Venue& venue = book.venue;
    all.quiet_holds = venue.liquidation.amount == Amount::all && !venue.backstop.deleveraging.on &&
                      venue.backstop.socialise == Charged::nobody;
    all.quiet.resize(book.sides.size());
    const std::vector<double> prices = starting_prices(market);
    for (std::size_t k = 0; k < book.sides.size(); ++k) {
        for (const std::size_t side : {longs, shorts}) add_isolated(book, prices, k, side, all);
        for (const std::size_t way : {falling, rising})
            std::sort(all.quiet[k][way].begin(), all.quiet[k][way].end(),
                      [way](const QuietUntil& a, const QuietUntil& b) { return sooner(a, b, way); });
    }
    all.isolated = all.owners.size();
    add_accounts(book, prices, all);
    return all;
}

Callers::Callers(const SortedBook& book, const Controlled& shared, std::uint64_t path)
    : book_(book),
      shared_(shared),
      path_(shared.control.first_path + path),
      calling_(shared.owners.size()),
      reached_(book.sides.size(), {0, 0}),
      own_(book.sides.size()),
      changed_(book.sides.size(), {false, false}) {
    for (std::size_t i = 0; i < calling_.size(); ++i) calling_[i].reserve = shared.owners[i].reserve;
}

void Callers::begin(Run& run) const {
    for (std::size_t i = 0; i < shared_.isolated; ++i) {
        const Owner& owner = shared_.owners[i];
        run.state.sides[owner.asset][owner.side].controlled = true;
        if (!book_.sides[owner.asset][owner.side].jumps && !run.state.sides[owner.asset][owner.side].moved)
            begin_moving(book_, run.state, owner.asset, owner.side);
    }
}

bool Callers::act(Run& run, bool all_moved) {
    paid_ = false;
    update_prices(run);
    gather(run, all_moved);
    for (const std::uint32_t owner : asked_) ask(run, owner);
    settle_sides(run);
    return paid_;
}

// Who may have to be called: once each.
void Callers::gather(const Run& run, bool all_moved) {
    asked_.clear();
    const auto take = [&](std::uint32_t owner) {
        if (calling_[owner].asked_at == run.step) return;
        calling_[owner].asked_at = run.step;
        asked_.push_back(owner);
    };
    for (const std::uint32_t owner : std::exchange(open_, {})) take(owner);
    for (const std::uint32_t owner : shared_.restless) take(owner);
    for (std::size_t i = shared_.isolated; i < shared_.owners.size(); ++i) take(static_cast<std::uint32_t>(i));
    if (all_moved)
        for (std::size_t i = 0; i < shared_.isolated; ++i) take(static_cast<std::uint32_t>(i));
    for (std::size_t k = 0; k < own_.size(); ++k) {
        const double mark = run.prices.marks[k];
        for (const std::size_t way : {falling, rising}) {
            const std::vector<QuietUntil>& shared = shared_.quiet[k][way];
            std::size_t& next = reached_[k][way];
            for (; next < shared.size() && is_reached(shared[next], mark, way); ++next)
                if (calling_[shared[next].owner].stamp == 0) take(shared[next].owner);
            std::vector<QuietUntil>& heap = own_[k][way];
            const auto later = [way](const QuietUntil& a, const QuietUntil& b) { return sooner(b, a, way); };
            while (!heap.empty() && is_reached(heap.front(), mark, way)) {
                if (calling_[heap.front().owner].stamp == heap.front().stamp) take(heap.front().owner);
                std::pop_heap(heap.begin(), heap.end(), later);
                heap.pop_back();
            }
        }
    }
}

// What an owner has and needs at the marks; none for one that has nothing open.
std::optional<Callers::Standing> Callers::standing_of(const Run& run, const Owner& owner) const {
    if (owner.is_account) {
        const AccountView view = view_of(run, owner.place);
        if (std::none_of(view.held.begin(), view.held.end(), [](const Claim& c) { return c.coin != 0.0; }))
            return std::nullopt;
        const Health h = health(book_.venue, book_.positions.entry_price, view, run.prices.units, run.prices.coins);
        double free = h.equity;
        for (std::size_t c = 0; c < view.coins.size(); ++c) free -= view.coins[c] * run.prices.coins[c];
        return Standing{h.slack + h.maintenance, h.maintenance, std::max(0.0, free)};
    }
    const Claim held = claim_of(book_, run.state, owner.asset, owner.side, owner.place);
    if (held.coin == 0.0) return std::nullopt;
    const std::uint32_t instrument = book_.sides[owner.asset][owner.side].instrument[owner.place];
    const double unit = run.prices.units[instrument];
    const double entry = book_.positions.entry_price[owner.position];
    return Standing{equity(held, unit), maintenance(book_.venue.instruments[instrument], held, entry, unit), infinity};
}

void Callers::ask(Run& run, std::uint32_t at) {
    const Owner& owner = shared_.owners[at];
    const TopUp& rule = shared_.control.rules[static_cast<std::size_t>(owner.rule)];
    const std::optional<Standing> now = standing_of(run, owner);
    if (!now) return;
    Calling& mine = calling_[at];
    const Call call = call_of(rule, now->equity, now->maintenance);
    if (call != mine.call) mine.since = -1.0;
    if (call == Call::none) mine.answers = false;
    mine.call = call;
    if (call != Call::none && mine.since < 0.0) {
        mine.since = run.days;
        mine.answers = is_answered(rule, shared_.control.seed, path_, owner.position, run.step);
    }
    constexpr double room = 1e-9;  // days: a tenth of a millisecond
    const bool is_due = mine.answers && run.days - mine.since >= rule.delay - room;
    if (is_due) answer(run, at, *now);
    if (owner.is_account) return;
    if (is_due || mine.answers)
        open_.push_back(at);
    else
        be_quiet(run, at, *now);
}

void Callers::answer(Run& run, std::uint32_t at, const Standing& now) {
    const Owner& owner = shared_.owners[at];
    Calling& mine = calling_[at];
    mine.answers = false;  // a call is answered once
    const double wanted =
        lacking(shared_.control.rules[static_cast<std::size_t>(owner.rule)], now.equity, now.maintenance);
    const double money = mine.call == Call::add ? std::min(wanted, mine.reserve) : std::max(wanted, -now.free);
    if (money == wanted) mine.call = Call::none;  // it is over; out of its band again, the owner is called anew
    if (money == 0.0) return;
    pay_in(run, owner, money);
    mine.reserve -= money;
}

void Callers::pay_in(Run& run, const Owner& owner, double money) {
    paid_ = true;
    Treasury& t = run.state.treasury;
    ++(money > 0.0 ? run.outcome.top_ups : run.outcome.withdrawals);
    (money > 0.0 ? t.topped_up : t.withdrawn).add(std::fabs(money));
    if (!owner.is_account) return change_claim(run, owner, money);
    CrossState& cross = run.state.cross;
    change(cross, owner.place);
    const double before = cross.cash[owner.place];
    cross.cash[owner.place] = before + money;
    for (Sum* sum : {&cross.total_cash, &run.state.deposited}) {
        sum->add(cross.cash[owner.place]);
        sum->add(-before);
    }
}

void Callers::change_claim(Run& run, const Owner& owner, double money) {
    const std::size_t k = owner.asset;
    SideState& mine = run.state.sides[k][owner.side];
    const Claim held = claim_of(book_, run.state, k, owner.side, owner.place);
    const Claim rest{held.cash + money, held.coin};
    if (book_.venue.backstop.socialise == Charged::profit) {
        const double funded = run.state.funded[book_.sides[k][owner.side].instrument[owner.place]].value();
        const double charged = charged_before(book_, run.state, {k, owner.side, owner.place, held});
        mine.unit_cash[owner.place] = (rest.cash + charged) / rest.coin + funded;
    }
    // Pools are sorted by bankruptcy prices, jumping sides by more than their liquidation prices: those begin anew.
    if (!mine.moved && !changed_[k][owner.side]) own_claims(book_, run.state, k, owner.side);
    changed_[k][owner.side] = true;
    reduce(book_, run.state, k, owner.side, owner.place, {held.cash - rest.cash, 0.0}, rest);
    run.state.deposited.add(rest.cash);
    run.state.deposited.add(-held.cash);
    if (mine.moved && money < 0.0 && owner.place >= mine.next) take_early(book_, run.state, k, owner.side, owner.place);
}

// Nothing is to be done: it is asked again where its mark leaves the prices at which that is surely so.
void Callers::be_quiet(const Run& run, std::uint32_t at, const Standing& now) {
    const Owner& owner = shared_.owners[at];
    if (!shared_.quiet_holds) return;
    const std::uint32_t instrument = book_.sides[owner.asset][owner.side].instrument[owner.place];
    const Perpetual& traded = book_.venue.instruments[instrument];
    if (requirement_jumps(traded)) return;
    const Claim held = claim_of(book_, run.state, owner.asset, owner.side, owner.place);
    const double unit = run.prices.units[instrument];
    const TopUp& rule = shared_.control.rules[static_cast<std::size_t>(owner.rule)];
    const double share = quiet_share_of(traded, rule, held, unit, now.equity, now.maintenance);
    const double mark = run.prices.marks[owner.asset];
    const auto marks = marks_within(traded, mark, share);
    ++calling_[at].stamp;
    for (const std::size_t way : {falling, rising}) {
        std::vector<QuietUntil>& heap = own_[owner.asset][way];
        heap.push_back({marks[way], at, calling_[at].stamp});
        std::push_heap(heap.begin(), heap.end(),
                       [way](const QuietUntil& a, const QuietUntil& b) { return sooner(b, a, way); });
    }
}

// Who goes when follows the claims as they are now.
void Callers::settle_sides(Run& run) {
    for (std::size_t k = 0; k < changed_.size(); ++k)
        for (const std::size_t side : {longs, shorts}) {
            if (!std::exchange(changed_[k][side], false)) continue;
            if (run.state.sides[k][side].moved)
                rank_near_again(book_, run.state, k, side);
            else
                sort_again(book_, run.state, k, side);
        }
}

}  // namespace levcore
