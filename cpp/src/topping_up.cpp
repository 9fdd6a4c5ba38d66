#include "levcore/topping_up.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "levcore/losses.hpp"
#include "levcore/margin.hpp"
#include "levcore/reach.hpp"
#include "levcore/touched.hpp"

namespace levcore {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

}  // namespace

Callers::Callers(const SortedBook& book, const Controlled& shared, std::uint64_t path)
    : book_(book),
      shared_(shared),
      path_(shared.control.first_path + path),
      calling_at_(shared.owners.size()),
      reached_(book.sides.size(), {0, 0}),
      own_(book.sides.size()),
      changed_(book.sides.size(), {false, false}),
      beyond_(book.sides.size(), false) {}

void Callers::begin(Run& run) const {
    for (std::size_t k = 0; k < shared_.has_owners.size(); ++k)
        for (const std::size_t side : {longs, shorts}) {
            SideState& mine = run.state.sides[k][side];
            mine.controlled = shared_.has_owners[k][side];
            if (!mine.controlled || book_.sides[k][side].jumps || mine.moved) continue;
            if (shared_.told_holds)
                mine.touching = true;
            else
                begin_moving(book_, run.state, k, side);
        }
}

bool Callers::act(Run& run, bool all_moved) {
    paid_ = false;
    update_prices(run);
    gather(run, all_moved);
    for (const std::uint32_t owner : asked_) ask(run, owner);
    settle_sides(run);
    marks_before_ = run.prices.marks;
    return paid_;
}

// One that is followed from here on: what it is called for is what it was called for at the marks before.
Callers::Calling& Callers::calling(std::uint32_t at) {
    if (!is_followed(at)) {
        const Owner& owner = shared_.owners[at];
        Calling& mine = calling_.emplace_back();
        calling_at_[at] = static_cast<std::uint32_t>(calling_.size());
        mine.owner = at;
        mine.reserve = owner.reserve;
        if (owner.is_told && !marks_before_.empty()) {
            mine.call = call_as_sorted(owner, marks_before_[owner.asset]);
            if (mine.call != Call::none) mine.since = 0.0;
        }
    }
    return calling_[calling_at_[at] - 1];
}

void Callers::take(const Run& run, std::uint32_t owner) {
    Calling& mine = calling(owner);
    if (mine.asked_at == run.step) return;
    mine.asked_at = run.step;
    asked_.push_back(owner);
}

// Who may have to be called: once each.
void Callers::gather(const Run& run, bool all_moved) {
    asked_.clear();
    for (const std::uint32_t owner : std::exchange(open_, {})) take(run, owner);
    for (const std::uint32_t owner : shared_.restless) take(run, owner);
    for (std::size_t i = shared_.isolated; i < shared_.owners.size(); ++i) take(run, static_cast<std::uint32_t>(i));
    std::vector<bool> all(own_.size(), all_moved);
    for (std::size_t k = 0; k < own_.size(); ++k) {
        const auto& within = shared_.told_within[k];
        if (beyond_[k] || (run.prices.marks[k] > within[0] && run.prices.marks[k] < within[1])) continue;
        beyond_[k] = all[k] = true;  // all are followed from here on
    }
    if (std::find(all.begin(), all.end(), true) != all.end())
        for (std::uint32_t i = 0; i < shared_.isolated; ++i)
            if (all[shared_.owners[i].asset]) take(run, i);
    for (std::size_t k = 0; k < own_.size(); ++k) {
        if (!beyond_[k]) gather_begun(run, k);
        gather_reached(run, k);
    }
}

// Of those whom nobody follows: who has been passed on the way from the marks before to these, and answers. Next to the
// ends of the way the margin ratios themselves are asked.
void Callers::gather_begun(const Run& run, std::size_t k) {
    constexpr double room = 1e-9;
    const bool is_first = marks_before_.empty();
    for (const std::size_t way : {falling, rising}) {
        const double to = run.prices.marks[k];
        const double from = !is_first ? marks_before_[k] : way == falling ? infinity : 0.0;
        if (way == falling ? !(to < from) : !(to > from)) continue;
        const double sign = way == falling ? 1.0 : -1.0;
        const double begin = from * (1.0 + sign * room);
        const double end = to * (1.0 - sign * room);
        const double sure_begin = from * (1.0 - sign * room);
        const double sure_end = to * (1.0 + sign * room);
        const auto is_before = [way](const CallAt& c, double mark) {
            return way == falling ? c.mark > mark : c.mark < mark;
        };
        const std::vector<CallAt>& all = shared_.begins[k][way];
        for (auto at = std::lower_bound(all.begin(), all.end(), begin, is_before);
             at != all.end() && (way == falling ? at->mark >= end : at->mark <= end); ++at) {
            if (is_followed(at->owner)) continue;
            const Owner& owner = shared_.owners[at->owner];
            const bool is_sure = way == falling ? at->mark < sure_begin && at->mark > sure_end
                                                : at->mark > sure_begin && at->mark < sure_end;
            if (!is_sure &&
                (call_as_sorted(owner, to) != at->call || (!is_first && call_as_sorted(owner, from) == at->call)))
                continue;
            const TopUp& rule = rule_of(owner);
            if (rule.probability < 1.0 && !is_answered(rule, shared_.control.seed, path_, owner.position, run.step))
                continue;
            const SideState& side = run.state.sides[k][owner.side];
            if (!(side.touching && is_closed(side, owner.place))) take(run, at->owner);
        }
    }
}

void Callers::gather_reached(const Run& run, std::size_t k) {
    const double mark = run.prices.marks[k];
    for (const std::size_t way : {falling, rising}) {
        const std::vector<QuietUntil>& shared = shared_.quiet[k][way];
        std::size_t& next = reached_[k][way];
        for (; next < shared.size() && is_reached(shared[next], mark, way); ++next)
            if (calling(shared[next].owner).stamp == 0) take(run, shared[next].owner);
        std::vector<QuietUntil>& heap = own_[k][way];
        const auto later = [way](const QuietUntil& a, const QuietUntil& b) { return is_sooner(b, a, way); };
        while (!heap.empty() && is_reached(heap.front(), mark, way)) {
            if (calling(heap.front().owner).stamp == heap.front().stamp) take(run, heap.front().owner);
            std::pop_heap(heap.begin(), heap.end(), later);
            heap.pop_back();
        }
    }
}

// What a position calls for at a mark, as it stands in the book.
Call Callers::call_as_sorted(const Owner& owner, double mark) const {
    const SortedSide& sorted = book_.sides[owner.asset][owner.side];
    const Perpetual& instrument = book_.venue.instruments[sorted.instrument[owner.place]];
    const Claim held{sorted.cash[owner.place], sorted.quantity[owner.place]};
    const double unit = unit_price(instrument, mark);
    return call_of(rule_of(owner), equity(held, unit),
                   maintenance(instrument, held, book_.positions.entry_price[owner.position], unit));
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
    const SideState& side = run.state.sides[owner.asset][owner.side];
    if (side.touching && is_closed(side, owner.place)) return std::nullopt;
    const Claim held = claim_of(book_, run.state, owner.asset, owner.side, owner.place);
    if (held.coin == 0.0) return std::nullopt;
    const std::uint32_t instrument = book_.sides[owner.asset][owner.side].instrument[owner.place];
    const double unit = run.prices.units[instrument];
    const double entry = book_.positions.entry_price[owner.position];
    return Standing{equity(held, unit), maintenance(book_.venue.instruments[instrument], held, entry, unit), infinity};
}

void Callers::ask(Run& run, std::uint32_t at) {
    const Owner& owner = shared_.owners[at];
    const TopUp& rule = rule_of(owner);
    const std::optional<Standing> now = standing_of(run, owner);
    if (!now) return;
    Calling& mine = calling(at);
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
    Calling& mine = calling(at);
    mine.answers = false;  // a call is answered once
    const double wanted = lacking(rule_of(owner), now.equity, now.maintenance);
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
    if (mine.touching) {
        reduce(book_, run.state, k, owner.side, owner.place, {held.cash - rest.cash, 0.0}, rest);
        touch(book_, run.state, k, owner.side, owner.place, rest);
        run.state.deposited.add(rest.cash);
        run.state.deposited.add(-held.cash);
        return;
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
    const auto marks = quiet_marks(traded, rule_of(owner), held, book_.positions.entry_price[owner.position],
                                   run.prices.marks[owner.asset], now.equity, now.maintenance);
    const std::uint32_t stamp = ++calling(at).stamp;
    for (const std::size_t way : {falling, rising}) {
        std::vector<QuietUntil>& heap = own_[owner.asset][way];
        heap.push_back({marks[way], at, stamp});
        std::push_heap(heap.begin(), heap.end(),
                       [way](const QuietUntil& a, const QuietUntil& b) { return is_sooner(b, a, way); });
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
