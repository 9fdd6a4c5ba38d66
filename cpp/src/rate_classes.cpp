#include "levcore/rate_classes.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "levcore/margin.hpp"
#include "levcore/parallel.hpp"

namespace levcore {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// A requirement of a unit of coin, rate*u - deduction.
struct RateLine {
    double rate;
    double deduction;
};

// A row as it stands in a class.
struct Member {
    double height;
    std::uint32_t position;
    std::uint32_t row;
    std::int64_t number;  // of a shared row, else -1
};

// The lines whose envelope a position's requirement is, that of nothing first.
void list_lines(const Perpetual& instrument, double coin, double entry_price, std::vector<RateLine>& lines) {
    const double size = std::fabs(coin);
    lines.assign(1, {0.0, 0.0});
    if (!tier_follows_price(instrument)) {
        const Line line = fixed_line(instrument, coin, entry_price);
        lines.push_back({line.slope / size, line.offset / size});
        if (line.slope > 0.0) {  // the rate as its tier has it
            const double per_contract = instrument.is_inverse() ? instrument.contract_value : 1.0;
            const bool by_contracts = instrument.tiers.measure == Measure::contracts;
            const double measured = by_contracts ? size / per_contract : size * unit_price(instrument, entry_price);
            lines.back().rate =
                instrument.tiers.rate[tier_of(instrument.tiers, measured)] + instrument.added_to_rates();
        }
        return;
    }
    for (std::size_t k = 0; k < instrument.tiers.size(); ++k)
        lines.push_back({instrument.tiers.rate[k] + instrument.added_to_rates(), instrument.tiers.deduction[k] / size});
}

bool stands_before(const Member& a, const Member& b) {
    return a.height != b.height ? a.height > b.height : a.position < b.position;
}

// The members of a class. As long as nothing has been paid the order of the book is theirs, but for rounding and for
// those that another class is reached by first.
struct Members {
    std::vector<Member> in_order;
    std::vector<Member> others;

    std::vector<Member> sorted() {
        for (std::size_t at = 1; at < in_order.size(); ++at)
            for (std::size_t i = at; i > 0 && stands_before(in_order[i], in_order[i - 1]); --i)
                std::swap(in_order[i], in_order[i - 1]);
        std::sort(others.begin(), others.end(), stands_before);
        std::vector<Member> all(in_order.size() + others.size());
        std::merge(in_order.begin(), in_order.end(), others.begin(), others.end(), all.begin(), stands_before);
        return all;
    }
};

// Of one side.
class Builder {
  public:
    Builder(const SortedBook& book, const SortedSide& sorted, std::span<const std::array<double, 2>> range)
        : book_(book), sorted_(sorted), range_(range) {
        for (std::uint32_t row = 0; row < sorted.size(); ++row) place(row);
        for (auto& [key, members] : members_) finish(key, members.sorted());
    }

    std::vector<RateClass> classes;
    std::uint32_t shared = 0;

  private:
    using Key = std::pair<std::uint32_t, double>;  // instrument and rate

    // The unit price at which a line is reached, of a claim that has paid so much; mirrored where the claim loses, so
    // that of several the largest is reached first.
    static double lead(bool gains, double bankrupt_at, double fee, const RateLine& line, double paid) {
        return gains ? ((bankrupt_at + paid) * (1.0 + fee) - line.deduction) / (1.0 - line.rate)
                     : -(((bankrupt_at + paid) * (1.0 - fee) + line.deduction) / (1.0 + line.rate));
    }

    // Which lines may be the first to be reached: those not behind one that is the first at the least, or at the most,
    // that may have been paid. Of lines none lies before another in between that lies behind it at both ends.
    void place(std::uint32_t row) {
        const std::uint32_t i = sorted_.instrument[row];
        const Perpetual& instrument = book_.venue.instruments[i];
        const bool gains = sorted_.quantity[row] > 0.0;
        const double bankrupt_at = -sorted_.cash[row] / sorted_.quantity[row];
        const double fee = instrument.reserved_rate();
        list_lines(instrument, sorted_.quantity[row], book_.positions.entry_price[sorted_.position[row]], lines_);
        const std::array<double, 3> paid{range_[i][0], range_[i][1], 0.0};
        std::array<std::size_t, 3> first{0, 0, 0};
        leads_.resize(lines_.size());
        for (std::size_t line = 0; line < lines_.size(); ++line)
            for (std::size_t at = 0; at < 3; ++at) {
                leads_[line][at] = lead(gains, bankrupt_at, fee, lines_[line], paid[at]);
                if (leads_[line][at] >= leads_[first[at]][at]) first[at] = line;
            }
        const auto is_behind = [&](std::size_t line, std::size_t other) {
            return leads_[line][0] <= leads_[other][0] && leads_[line][1] <= leads_[other][1];
        };
        kept_.clear();
        for (std::size_t line = 0; line < lines_.size(); ++line)
            if (line == first[0] || (line == first[1] && !is_behind(line, first[0])) ||
                (!is_behind(line, first[0]) && !is_behind(line, first[1])))
                kept_.push_back(line);
        const std::int64_t number = kept_.size() > 1 ? static_cast<std::int64_t>(shared++) : -1;
        for (const std::size_t line : kept_) {
            const double height = gains ? bankrupt_at * (1.0 + fee) - lines_[line].deduction
                                        : -(bankrupt_at * (1.0 - fee) + lines_[line].deduction);
            Members& members = members_[{i, lines_[line].rate}];
            const bool is_first = line == first[2] && leads_[line][2] * (gains ? 1.0 : -1.0) > 0.0;
            (is_first ? members.in_order : members.others).push_back({height, sorted_.position[row], row, number});
        }
    }

    void finish(const Key& key, const std::vector<Member>& members) {
        RateClass made;
        made.instrument = key.first;
        made.gains = sorted_.quantity[members.front().row] > 0.0;
        made.per_unit = made.gains ? 1.0 - key.second : 1.0 + key.second;
        const double fee = book_.venue.instruments[key.first].reserved_rate();
        made.per_paid = made.gains ? 1.0 + fee : 1.0 - fee;
        made.rungs.reserve(members.size() + 1);
        made.sorted_row.reserve(members.size());
        Pair quantity;
        Sum cash;
        for (std::size_t at = 0; at < members.size(); ++at) {
            const Member& m = members[at];
            made.rungs.push_back({m.height, quantity.high, cash.value(), quantity.low});
            made.sorted_row.push_back(m.row);
            const double bankrupt_at = -sorted_.cash[m.row] / sorted_.quantity[m.row];
            if (at % block_rows == 0) made.worst.push_back(bankrupt_at);
            made.worst.back() =
                made.gains ? std::max(made.worst.back(), bankrupt_at) : std::min(made.worst.back(), bankrupt_at);
            if (m.number >= 0) {
                made.shared.push_back({static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(m.number)});
                continue;
            }
            quantity = add_minor(quantity, std::fabs(sorted_.quantity[m.row]));
            cash.add_minor(sorted_.cash[m.row]);
        }
        made.rungs.push_back({-infinity, quantity.high, cash.value(), quantity.low});
        classes.push_back(std::move(made));
    }

    const SortedBook& book_;
    const SortedSide& sorted_;
    std::span<const std::array<double, 2>> range_;
    std::map<Key, Members> members_;
    std::vector<RateLine> lines_;
    std::vector<std::array<double, 3>> leads_;
    std::vector<std::size_t> kept_;
};

}  // namespace

std::size_t RateClass::reach(double place, std::size_t low, bool at_equality) const noexcept {
    const auto goes = [&](std::size_t row) {  // nothing reaches the last one
        return at_equality ? rungs[row].height >= place : rungs[row].height > place;
    };
    if (!goes(low)) return low;
    std::size_t stride = 4;
    while (low + stride < size() && goes(low + stride)) {
        low += stride;
        stride *= 2;
    }
    std::size_t high = std::min(size(), low + stride);  // the first known not to go
    ++low;
    while (low < high) {
        const std::size_t middle = low + (high - low) / 2;
        if (goes(middle))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

std::span<const SharedRow> RateClass::shared_in(std::size_t from, std::size_t to) const noexcept {
    const auto before = [](const SharedRow& s, std::size_t row) { return s.row < row; };
    const auto first = std::lower_bound(shared.begin(), shared.end(), from, before);
    return {first, std::lower_bound(first, shared.end(), to, before)};
}

double RateClass::worst_of(std::size_t from, std::size_t to) const noexcept {
    double found = gains ? -infinity : infinity;
    for (std::size_t block = from / block_rows; block * block_rows < to; ++block)
        found = gains ? std::max(found, worst[block]) : std::min(found, worst[block]);
    return found;
}

bool has_rate_classes(const SortedBook& book) {
    return std::none_of(book.venue.instruments.begin(), book.venue.instruments.end(), [](const Perpetual& instrument) {
        const MarginTiers& tiers = instrument.tiers;
        const bool at_entry = instrument.basis == Basis::entry;
        const bool deducts =
            std::any_of(tiers.deduction.begin(), tiers.deduction.end(), [](double d) { return d > 0.0; });
        return tiers.premium.per_size > 0.0 || (at_entry && instrument.reserved_rate() > 0.0) ||
               (!at_entry && tiers.measure == Measure::contracts && deducts);
    });
}

RateClasses build_rate_classes(const SortedBook& book, const Market& market, std::span<const FundingDue> funding,
                               std::size_t threads) {
    RateClasses made;
    made.sides.resize(book.sides.size());
    made.range.resize(book.venue.instruments.size());
    for (const FundingDue& due : funding) {
        const Perpetual& instrument = book.venue.instruments[due.instrument];
        const double at_most = 4.0 * unit_price(instrument, market.assets[book.asset_of[due.instrument]].price);
        const double each = (instrument.is_inverse() ? -due.rate : due.rate) * at_most;
        made.range[due.instrument][each > 0.0 ? 1 : 0] += each;
    }
    const std::size_t sides = 2 * book.sides.size();
    std::vector<std::optional<Builder>> built(sides);
    std::atomic<bool> stop{false};
    run_chunks(std::min(threads, sides), sides, stop,
               [&](std::size_t, std::size_t n) { built[n].emplace(book, book.sides[n / 2][n % 2], made.range); });
    for (std::size_t n = 0; n < sides; ++n) {
        made.sides[n / 2][n % 2].first = made.classes.size();
        for (RateClass& of : built[n]->classes) {
            for (SharedRow& s : of.shared) s.number += static_cast<std::uint32_t>(made.shared);
            made.classes.push_back(std::move(of));
        }
        made.sides[n / 2][n % 2].last = made.classes.size();
        made.shared += built[n]->shared;
    }
    for (std::size_t k = 0; k < book.sides.size(); ++k) made.is_inverse.push_back(moves_by_inverse(book, k));
    return made;
}

}  // namespace levcore
