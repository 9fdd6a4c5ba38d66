#include "levcore/rate_classes.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "levcore/margin.hpp"

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

class Builder {
  public:
    Builder(const SortedBook& book, RateClasses& to) : book_(book), to_(to) {}

    void build_side(std::size_t k, std::size_t side) {
        const SortedSide& sorted = book_.sides[k][side];
        members_.clear();
        for (std::uint32_t row = 0; row < sorted.size(); ++row) place(sorted, row);
        to_.sides[k][side].first = to_.classes.size();
        for (auto& [key, members] : members_) finish(sorted, key, members);
        to_.sides[k][side].last = to_.classes.size();
    }

  private:
    using Key = std::pair<std::uint32_t, double>;  // instrument and rate

    // The unit price at which a line is reached, of a claim that has paid so much.
    static double root(bool gains, double bankrupt_at, double fee, const RateLine& line, double paid) {
        return gains ? ((bankrupt_at + paid) * (1.0 + fee) - line.deduction) / (1.0 - line.rate)
                     : ((bankrupt_at + paid) * (1.0 - fee) + line.deduction) / (1.0 + line.rate);
    }

    // Which lines may be the first to be reached: those not behind one that is the first at the least, or at the most,
    // that may have been paid. Of lines none lies before another in between that lies behind it at both ends.
    void place(const SortedSide& sorted, std::uint32_t row) {
        const std::uint32_t i = sorted.instrument[row];
        const Perpetual& instrument = book_.venue.instruments[i];
        const bool gains = sorted.quantity[row] > 0.0;
        const double bankrupt_at = -sorted.cash[row] / sorted.quantity[row];
        const double fee = instrument.reserved_rate();
        list_lines(instrument, sorted.quantity[row], book_.positions.entry_price[sorted.position[row]], lines_);
        const auto lead = [&](std::size_t line, std::size_t end) {  // the larger, the sooner it is reached
            const double at = root(gains, bankrupt_at, fee, lines_[line], to_.range[i][end]);
            return gains ? at : -at;
        };
        std::array<std::size_t, 2> first{0, 0};
        for (const std::size_t end : {0, 1})
            for (std::size_t line = 1; line < lines_.size(); ++line)
                if (lead(line, end) >= lead(first[end], end)) first[end] = line;
        const auto is_behind = [&](std::size_t line, std::size_t other) {
            return lead(line, 0) <= lead(other, 0) && lead(line, 1) <= lead(other, 1);
        };
        kept_.clear();
        for (std::size_t line = 0; line < lines_.size(); ++line)
            if (line == first[0] || (line == first[1] && !is_behind(line, first[0])) ||
                (!is_behind(line, first[0]) && !is_behind(line, first[1])))
                kept_.push_back(line);
        const std::int64_t number = kept_.size() > 1 ? static_cast<std::int64_t>(to_.shared++) : -1;
        for (const std::size_t line : kept_) {
            const double height = gains ? bankrupt_at * (1.0 + fee) - lines_[line].deduction
                                        : -(bankrupt_at * (1.0 - fee) + lines_[line].deduction);
            members_[{i, lines_[line].rate}].push_back({height, sorted.position[row], row, number});
        }
    }

    void finish(const SortedSide& sorted, const Key& key, std::vector<Member>& members) {
        std::sort(members.begin(), members.end(), [](const Member& a, const Member& b) {
            return a.height != b.height ? a.height > b.height : a.position < b.position;
        });
        RateClass made;
        made.instrument = key.first;
        made.gains = sorted.quantity[members.front().row] > 0.0;
        made.per_unit = made.gains ? 1.0 - key.second : 1.0 + key.second;
        const double fee = book_.venue.instruments[key.first].reserved_rate();
        made.per_paid = made.gains ? 1.0 + fee : 1.0 - fee;
        Sum quantity;
        Sum cash;
        const auto push = [&](double height) {
            made.rungs.push_back({height, quantity.pair().high, cash.value(), quantity.pair().low});
        };
        for (std::size_t at = 0; at < members.size(); ++at) {
            const Member& m = members[at];
            push(m.height);
            made.sorted_row.push_back(m.row);
            const double bankrupt_at = -sorted.cash[m.row] / sorted.quantity[m.row];
            if (at % block_rows == 0) made.worst.push_back(bankrupt_at);
            made.worst.back() =
                made.gains ? std::max(made.worst.back(), bankrupt_at) : std::min(made.worst.back(), bankrupt_at);
            if (m.number >= 0) {
                made.shared.push_back({static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(m.number)});
                continue;
            }
            quantity.add(std::fabs(sorted.quantity[m.row]));
            cash.add(sorted.cash[m.row]);
        }
        push(-infinity);
        to_.classes.push_back(std::move(made));
    }

    const SortedBook& book_;
    RateClasses& to_;
    std::map<Key, std::vector<Member>> members_;
    std::vector<RateLine> lines_;
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

RateClasses build_rate_classes(const SortedBook& book, const Market& market, std::span<const FundingDue> funding) {
    RateClasses made;
    made.sides.resize(book.sides.size());
    made.range.resize(book.venue.instruments.size());
    for (const FundingDue& due : funding) {
        const Perpetual& instrument = book.venue.instruments[due.instrument];
        const double at_most = 4.0 * unit_price(instrument, market.assets[book.asset_of[due.instrument]].price);
        const double each = (instrument.is_inverse() ? -due.rate : due.rate) * at_most;
        made.range[due.instrument][each > 0.0 ? 1 : 0] += each;
    }
    Builder builder(book, made);
    for (std::size_t k = 0; k < book.sides.size(); ++k) made.is_inverse.push_back(moves_by_inverse(book, k));
    for (std::size_t k = 0; k < book.sides.size(); ++k)
        for (const std::size_t side : {longs, shorts}) builder.build_side(k, side);
    return made;
}

}  // namespace levcore
