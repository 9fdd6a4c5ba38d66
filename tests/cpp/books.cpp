// What tests/test_ladder.py asks of very many random books: that the ladder and the ledger agree on each. Takes how
// many, a seed and, if wanted, how many of the seed's books to pass over first, and `plain` for
// books of linear instruments without funding alone; prints how many runs were compared, and
// of how many something was liquidated, lost, or drawn from the fund, and on how many books funding was paid; fails at
// the first difference.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <limits>
#include <random>
#include <vector>

#include "levcore/cascade.hpp"
#include "levcore/montecarlo.hpp"
#include "levcore/parallel.hpp"
#include "levcore/rate_classes.hpp"

namespace levcore {
namespace {

class Chance {
  public:
    explicit Chance(std::uint64_t seed) : engine_(seed) {}
    double uniform(double low, double high) {
        return low + (high - low) * static_cast<double>(engine_() >> 11) * 0x1p-53;
    }
    bool one_in(double n) { return uniform(0.0, n) < 1.0; }
    std::size_t below(std::size_t n) { return static_cast<std::size_t>(engine_() % n); }
    double any_of(std::initializer_list<double> values) { return values.begin()[below(values.size())]; }
    double normal() { return std::sqrt(-2.0 * std::log(uniform(1e-12, 1.0))) * std::cos(uniform(0.0, 6.283185307)); }

  private:
    std::mt19937_64 engine_;
};

// A book of hard cases: tight and underwater positions, empty and full funds, every rule of the ladder's.
struct Case {
    std::vector<std::int32_t> instrument;
    std::vector<double> quantity, entry_price, margin;
    std::vector<std::int64_t> account;
    Venue venue;
    std::vector<std::uint32_t> asset_of;
    Market market;
    double gross = 0.0;
    bool inverse = false;
};

// Notionals of an inverse instrument are coins, worth 100 each.
MarginTiers random_tiers(Chance& chance, bool inverse) {
    MarginTiers tiers;
    tiers.measure = chance.one_in(4) ? Measure::entry : chance.one_in(4) ? Measure::contracts : Measure::notional;
    const double unit = tiers.measure == Measure::contracts || inverse ? 1.0 : 100.0;
    tiers.floor = {0.0, 40.0 * unit, 200.0 * unit};
    const double first = chance.any_of({0.0, 0.004, 0.01});
    tiers.rate = {first, first + chance.any_of({0.001, 0.02}), first + chance.any_of({0.05, 0.2})};
    tiers.deduction = continuous_deductions(tiers.floor, tiers.rate, 0.0);
    return tiers;
}

Impact random_impact(Chance& chance, double depth) {
    if (chance.one_in(2)) return LinearImpact{depth};
    if (chance.one_in(3)) return LinearImpact{std::numeric_limits<double>::infinity()};
    if (chance.one_in(2)) return SquareRootImpact{0.2 / std::sqrt(depth)};
    return PowerImpact{4.0 * depth, chance.uniform(0.3, 0.9)};
}

Case random_case(Chance& chance, bool inverse) {
    Case c;
    c.inverse = inverse;
    const std::size_t assets = chance.one_in(4) && !c.inverse ? 2 : 1;
    for (std::uint32_t k = 0; k < assets; ++k)
        for (std::size_t i = 0; i < 1 + chance.below(2); ++i) {
            Perpetual p{random_tiers(chance, c.inverse)};
            p.contract_value = c.inverse ? 100.0 : 0.0;
            p.closing_fee = chance.any_of({0.0, 5e-4});
            c.venue.instruments.push_back(p);
            c.asset_of.push_back(k);
        }
    c.venue.liquidation.fee_rate = chance.any_of({0.0, 0.002, 0.03});
    c.venue.liquidation.fee_to = chance.one_in(2) ? Receiver::fund : Receiver::outside;
    c.venue.backstop.funds = {chance.any_of({0.0, 50.0, 1e6}) / (c.inverse ? 100.0 : 1.0)};
    c.venue.backstop.deleveraging.on = chance.one_in(8);
    c.venue.backstop.socialise = chance.one_in(8) ? Charged::profit : Charged::nobody;
    c.venue.remainder = chance.one_in(2) ? Receiver::fund : Receiver::trader;
    c.venue.liquidate_at_equality = chance.one_in(2);
    const std::size_t size = 1 + chance.below(chance.one_in(8) ? 400 : 80);
    double held = 0.0;
    for (std::size_t i = 0; i < size; ++i) {
        c.instrument.push_back(static_cast<std::int32_t>(chance.below(c.venue.instruments.size())));
        c.quantity.push_back((chance.one_in(2) ? 1.0 : -1.0) * std::exp(2.0 + chance.normal()));
        c.entry_price.push_back(100.0 * std::exp(0.02 * chance.normal()));
        const double notional = std::fabs(c.quantity[i]) * (c.inverse ? 100.0 / c.entry_price[i] : c.entry_price[i]);
        c.margin.push_back(notional / chance.uniform(c.inverse ? 0.9 : 2.0, 60.0));
        if (chance.one_in(50)) c.margin[i] *= 0.01;  // underwater from the start
        c.account.push_back(isolated);
        held += std::fabs(c.quantity[i]);
    }
    c.gross = 100.0 * held;
    for (std::size_t k = 0; k < assets; ++k) {
        Asset asset;
        asset.price = 100.0;
        asset.impact = random_impact(chance, held * chance.any_of({0.3, 2.0, 20.0}));
        asset.half_spread = chance.any_of({0.0, 0.001});
        asset.mark_follow = chance.any_of({1.0, 0.5, 0.0});
        asset.resilience = chance.any_of({0.0, 3.0});
        const bool may_keep = std::holds_alternative<LinearImpact>(asset.impact) || asset.resilience == 0.0;
        asset.permanent = may_keep ? chance.any_of({0.0, 0.4, 1.0}) : 0.0;
        c.market.assets.push_back(asset);
    }
    return c;
}

// What happens to a book.
struct Trial {
    std::vector<std::vector<double>> shocks;
    std::uint64_t seed;  // of paths
    double deviation;
    std::vector<FundingDue> funding;  // on paths, where the ladder can
};

constexpr std::size_t steps_of_path = 18;  // more than one block

Trial random_trial(Chance& chance, const Case& c) {
    Trial trial{std::vector(4, std::vector<double>(c.market.assets.size())), 0, 0.0, {}};
    for (std::vector<double>& moves : trial.shocks)
        for (double& move : moves) move = std::max(-0.6, std::min(0.6, 0.12 * chance.normal()));
    trial.seed = chance.below(1'000'000);
    trial.deviation = chance.uniform(0.005, 0.09);
    return trial;
}

std::vector<FundingDue> random_funding(Chance& chance, const Case& c, std::size_t steps) {
    const double scale = chance.any_of({1e-4, 2e-3, 0.03, 0.3});
    const double drift = chance.any_of({0.0, 1.0, -1.0});
    std::vector<FundingDue> funding;
    for (std::size_t step = 0; step < steps; ++step)
        for (std::uint32_t i = 0; i < c.asset_of.size(); ++i)
            if (chance.one_in(3))
                funding.push_back({static_cast<std::int64_t>(step), i, scale * (drift + chance.normal())});
    return funding;
}

// Rules and payments beside.
void add_random(Chance& chance, Case& c, Trial& trial) {
    if (chance.one_in(2))
        for (Perpetual& p : c.venue.instruments) {
            p.basis = chance.one_in(2) ? Basis::entry : Basis::mark;
            p.closing_fee_at = chance.one_in(2) ? FeeAt::bankruptcy : FeeAt::mark;
        }
    if (chance.one_in(2)) trial.funding = random_funding(chance, c, steps_of_path);
}

bool near(double ours, double theirs, double gross) {
    return std::fabs(ours - theirs) <= 1e-9 * std::fabs(theirs) + 1e-12 * gross;
}

// Orders of inverse positions move prices by amounts, not by shares: near 0 these are as exact as the start's.
const char* difference(const Outcome& a, const Outcome& b, double gross, bool inverse = false) {
    for (const std::size_t side : {longs, shorts}) {
        if (a.liquidated.count[side] != b.liquidated.count[side]) return "liquidated.count";
        if (!near(a.liquidated.notional[side], b.liquidated.notional[side], gross)) return "liquidated.notional";
    }
    if (a.rounds != b.rounds || a.cascade_depth != b.cascade_depth) return "rounds";
    if (a.first_liquidation != b.first_liquidation) return "first_liquidation";
    if (a.exhausted != b.exhausted) return "exhausted";
    if (!near(a.bad_debt, b.bad_debt, gross)) return "bad_debt";
    if (!near(a.insurance_fund, b.insurance_fund, gross)) return "insurance_fund";
    if (!near(a.insurance_fund_low, b.insurance_fund_low, gross)) return "insurance_fund_low";
    if (!near(a.fees, b.fees, gross)) return "fees";
    if (!near(a.socialised_loss, b.socialised_loss, gross)) return "socialised_loss";
    if (!near(a.deleveraged_notional, b.deleveraged_notional, gross)) return "deleveraged_notional";
    for (std::size_t k = 0; k < a.assets.size(); ++k) {
        const double least = inverse ? 100.0 : 0.0;
        const auto apart = [&](double x, double y) {
            return !(std::fabs(x - y) <= 1e-12 * std::max(least, std::fabs(y)));
        };
        if (apart(a.assets[k].final_price, b.assets[k].final_price)) return "final_price";
        if (apart(a.assets[k].lowest_price, b.assets[k].lowest_price)) return "lowest_price";
        if (apart(a.assets[k].highest_price, b.assets[k].highest_price)) return "highest_price";
    }
    return nullptr;
}

struct Seen {
    long runs = 0, ladder = 0, liquidated = 0, lost = 0, drawn = 0, funded = 0;
};

bool compare(const Outcome& ladder, const Outcome& ledger, const Case& c, Seen& seen, const char* what) {
    ++seen.runs;
    seen.ladder += ladder.by_ladder ? 1 : 0;
    seen.liquidated += ledger.liquidated.count[longs] + ledger.liquidated.count[shorts] > 0 ? 1 : 0;
    seen.lost += ledger.bad_debt > 0.0 ? 1 : 0;
    seen.drawn += ledger.insurance_fund_low < c.venue.backstop.funds[0] ? 1 : 0;
    const char* apart = difference(ladder, ledger, c.gross, c.inverse);
    if (apart != nullptr) std::printf("%s: %s differs\n", what, apart);
    return apart == nullptr;
}

bool agree_on_shocks(const Trial& trial, const Case& c, const SortedBook& book, const Ladder& ladder, Seen& seen) {
    LadderWalk walk(book, c.market, ladder, true);
    for (const std::vector<double>& moves : trial.shocks)
        if (!compare(shock(book, c.market, moves, walk), shock(book, c.market, moves, Keep{}), c, seen, "a shock"))
            return false;
    return true;
}

bool agree_on_paths(const Trial& trial, const Case& c, const SortedBook& book, const Ladder& ladder, Seen& seen) {
    constexpr std::size_t paths = 5;
    const std::size_t assets = c.market.assets.size();
    const auto& [shocks, seed, deviation, funding] = trial;
    const std::vector<double> none(assets, 0.0);
    const auto loading = [&](double by) {
        return assets == 1 ? std::vector{by} : std::vector{by, 0.0, 0.6 * by, 0.8 * by};
    };
    Drawn process{Gbm{none, loading(deviation)}, seed};
    if (seed % 2 == 1) {
        const std::vector<double> variance(assets, deviation * deviation);
        const std::vector<double> omega(assets, 0.1 * deviation * deviation);
        process.process =
            Garch{none, omega, std::vector(assets, 0.3), none, std::vector(assets, 0.6), variance, {loading(1.0), {}}};
    }
    const std::vector<double> days(steps_of_path, 0.1);
    Progress progress;
    Plan plan{paths, days.size(), days};
    plan.chunk = 3;
    if (has_rate_classes(book)) plan.funding = funding;
    seen.funded += plan.funding.empty() ? 0 : 1;
    const Runs ledger = run_paths(book, c.market, Scenario(process), plan, progress);
    plan.ladder = &ladder;
    const Runs counted = run_paths(book, c.market, Scenario(process), plan, progress);
    plan.count_rounds = false;
    const Runs quick = run_paths(book, c.market, Scenario(process), plan, progress);
    for (std::size_t i = 0; i < paths; ++i) {
        if (!compare(counted.outcomes.at(i), ledger.outcomes.at(i), c, seen, "a path")) return false;
        const Outcome with_rounds = counted.outcomes.at(i);
        Outcome whole = quick.outcomes.at(i);
        whole.rounds = with_rounds.rounds;
        whole.cascade_depth = with_rounds.cascade_depth;
        if (difference(whole, with_rounds, 0.0) != nullptr) return std::printf("rounds change a path\n"), false;
    }
    const Tally by_ladder = quick.counted.written(book, 2);
    const Tally by_ledger = ledger.counted.written(book, 1);
    if (by_ladder.count != by_ledger.count || by_ladder.step_sum != by_ledger.step_sum)
        return std::printf("the tally differs\n"), false;
    return true;
}

bool agree_on(const Case& c, const Trial& trial, Seen& seen) {
    Book held;
    held.positions = {c.instrument, c.quantity, c.entry_price, c.margin, c.account};
    const SortedBook book = sort_book(c.venue, held, c.asset_of, {}, c.market.assets.size(), 1);
    if (outside_of_ladder(book) != Outside::nothing) return std::printf("outside of the ladder\n"), false;
    const Ladder ladder = build_ladder(book, c.market, 2);
    return agree_on_shocks(trial, c, book, ladder, seen) && agree_on_paths(trial, c, book, ladder, seen);
}

}  // namespace
}  // namespace levcore

int main(int count, char** arguments) {
    using namespace levcore;
    const long books = std::atol(arguments[1]);
    const auto seed = static_cast<std::uint64_t>(std::atol(arguments[2]));
    Chance chance(seed);
    Chance others(seed + 1'000'000);  // of inverse books, and of what is added to books
    const StandardArithmetic arithmetic;
    Seen seen;
    const long first = count > 3 ? std::atol(arguments[3]) : 0;
    const bool is_plain = count > 4;
    for (long i = 0; i < first + books; ++i) {
        Case c = random_case(chance, false);
        Trial trial = random_trial(chance, c);
        if (!is_plain && others.one_in(3)) {
            c = random_case(others, true);
            trial = random_trial(others, c);
        }
        if (!is_plain) add_random(others, c, trial);
        if (i < first || agree_on(c, trial, seen)) continue;
        std::printf("book %ld of seed %s\n", i, arguments[2]);
        return 1;
    }
    std::printf("%ld %ld %ld %ld %ld %ld %ld\n", books, seen.runs, seen.ladder, seen.liquidated, seen.lost, seen.drawn,
                seen.funded);
    return 0;
}
