#include "levcore/price_lines.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "levcore/margin.hpp"
#include "levcore/parallel.hpp"

namespace levcore {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double none = std::numeric_limits<double>::quiet_NaN();

}  // namespace

PriceLines::PriceLines(const Perpetual& instrument) : instrument_(&instrument) {
    const MarginTiers& tiers = instrument.tiers;
    if (!tier_follows_price(instrument) || tiers.whole_position || instrument.reserved_rate() > 0.0 ||
        tiers.size() + 1 > most_price_lines)
        return;
    // The first line is that of no requirement; the others begin where their notional does, or later, where what is
    // required is no longer below zero.
    std::size_t lines = 1;
    std::array<double, most_price_lines> begins{};
    for (std::size_t k = 0; k < tiers.size(); ++k) {
        const double rate = tiers.rate[k] + instrument.added_to_rates();
        const double ends = k + 1 < tiers.size() ? tiers.floor[k + 1] : infinity;
        const double positive_from = rate > 0.0 ? tiers.deduction[k] / rate : infinity;
        if (positive_from >= ends) continue;
        constexpr double distinct = 1e-6;  // lines nearer than this are not told apart by their place
        if (rate - rate_[lines - 1] < distinct) return;
        // Where it meets the line before: a given deduction may be off by a rounding, and so is the floor then.
        begins[lines] = (tiers.deduction[k] - deduction_[lines - 1]) / (rate - rate_[lines - 1]);
        if (begins[lines] < begins[lines - 1]) return;
        rate_[lines] = rate;
        deduction_[lines] = tiers.deduction[k];
        ++lines;
    }
    std::array<std::vector<double>, 2> bounds;  // where of abs(cash) a line ends and the next one begins
    double least = infinity;
    double most = 0.0;
    for (std::size_t s = 0; s < bounds.size(); ++s)
        for (std::size_t k = 1; k < lines; ++k) {
            const double sign = s == 0 ? 1.0 : -1.0;
            bounds[s].push_back(begins[k] * (1.0 - sign * rate_[k]) + sign * deduction_[k]);
            if (bounds[s].back() <= 0.0) continue;
            least = std::min(least, bounds[s].back());
            most = std::max(most, bounds[s].back());
        }
    if (most > 0.0) {
        least_ = least / 4.0;
        most_ = most * 4.0;
        first_cell_ = cell_number(least_);
        cells_a_side_ = cell_number(most_) - first_cell_ + 1;
    }
    if (cells_a_side_ > most_cells) return;
    for (std::size_t place = 0; place < cells_a_side_; ++place)
        for (const std::vector<double>& side : bounds) cells_.push_back(cell_at(side, place));
    searchable_ = true;
}

// A cell with one bound in it, or near it, knows on which side of that a cash is; one with several knows nothing. The
// last bits of the bound, far below the room around it, number the line.
std::uint64_t PriceLines::cell_at(const std::vector<double>& bounds, std::size_t place) const {
    const auto edge = [&](std::size_t number) {
        return std::bit_cast<double>((first_cell_ + number) << price_cell_shift);
    };
    const double from = place == 0 ? 0.0 : edge(place) * (1.0 - 4.0 * price_bound_room);
    const double to = place + 1 == cells_a_side_ ? infinity : edge(place + 1) * (1.0 + 4.0 * price_bound_room);
    constexpr double nowhere = std::numeric_limits<double>::max();
    double found = nowhere;
    std::uint64_t line = 0;
    for (const double bound : bounds) {
        if (bound <= from) ++line;
        if (bound <= from || bound >= to) continue;
        found = found < nowhere ? none : bound;
        if (std::isnan(found)) break;
    }
    constexpr std::uint64_t last_bits = most_price_lines - 1;
    return (std::bit_cast<std::uint64_t>(found) & ~last_bits) | line;
}

void PriceLines::liquidation_prices(std::span<const double> quantity, std::span<const double> entry_price,
                                    std::span<const double> margin, double* prices) const noexcept {
    const Perpetual& instrument = *instrument_;
    const std::size_t n = quantity.size();
    const auto one_by_one = [&](std::size_t i) {
        const Claim held = claim(instrument, quantity[i], entry_price[i], margin[i]);
        prices[i] = unit_price(instrument, liquidation_unit_price(instrument, held, entry_price[i]));
    };
    if (!searchable_ || instrument.is_inverse()) {
        for (std::size_t i = 0; i < n; ++i) one_by_one(i);
        return;
    }
    const PriceLineTables tables{rate_.data(), deduction_.data(), cells_.data(), first_cell_, least_, most_};
    if (kernels_in_use().prices_by_lines(tables, {quantity.data(), entry_price.data(), margin.data(), n}, prices))
        return;
    for (std::size_t i = 0; i < n; ++i)
        if (std::bit_cast<std::uint64_t>(prices[i]) == unsure_price_bits) one_by_one(i);
}

namespace {

// A kernel's call costs as much as some ten positions, so rows whose instrument changes often are put together by
// instrument first, some thousands at a time.
class Gathered {
  public:
    Gathered(const std::vector<PriceLines>& lines, const Positions& positions, std::span<double> prices)
        : lines_(&lines), positions_(&positions), prices_(prices) {}

    void liquidation_prices(std::size_t from, std::size_t to) {
        const std::size_t n = to - from;
        row_.resize(n);
        for (std::vector<double>& column : columns_) column.resize(n);
        ends_.assign(lines_->size() + 1, 0);  // at first where each instrument's rows begin
        for (std::size_t i = from; i < to; ++i) ++ends_[code(i) + 1];
        for (std::size_t k = 1; k < ends_.size(); ++k) ends_[k] += ends_[k - 1];
        for (std::size_t i = from; i < to; ++i) {
            const std::size_t at = ends_[code(i)]++;
            row_[at] = i;
            columns_[0][at] = positions_->quantity[i];
            columns_[1][at] = positions_->entry_price[i];
            columns_[2][at] = positions_->margin[i];
        }
        for (std::size_t k = 0, first = 0; k < lines_->size(); first = ends_[k], ++k) {
            const auto of = [&](std::size_t c) { return std::span(columns_[c]).subspan(first, ends_[k] - first); };
            if (ends_[k] > first) (*lines_)[k].liquidation_prices(of(0), of(1), of(2), of(3).data());
        }
        for (std::size_t at = 0; at < n; ++at) prices_[row_[at]] = columns_[3][at];
    }

  private:
    [[nodiscard]] std::size_t code(std::size_t row) const {
        return static_cast<std::size_t>(positions_->instrument[row]);
    }

    const std::vector<PriceLines>* lines_;
    const Positions* positions_;
    std::span<double> prices_;
    std::vector<std::size_t> ends_;
    std::vector<std::size_t> row_;
    std::array<std::vector<double>, 4> columns_;
};

// Whether stretches of one instrument are long enough to be worth a call each.
bool in_long_stretches(std::span<const std::int32_t> instrument) {
    constexpr std::size_t long_enough = 64;
    std::size_t changes = 0;
    for (std::size_t i = 1; i < instrument.size(); ++i) changes += instrument[i] != instrument[i - 1] ? 1 : 0;
    return changes * long_enough <= instrument.size();
}

}  // namespace

void liquidation_prices(const Venue& venue, const Positions& positions, std::size_t threads, std::span<double> prices) {
    constexpr std::size_t most_at_once = 2'048;  // looked at again where one of them is unsure
    constexpr std::size_t most_gathered = 8'192;
    constexpr std::size_t rows = 32'768;  // to a thread at a time: fewer are done before another one has started
    std::vector<PriceLines> lines;
    for (const Perpetual& instrument : venue.instruments) lines.emplace_back(instrument);
    const auto in_stretches = [&](std::size_t from, std::size_t last) {
        for (std::size_t to = from; from < last; from = to) {
            const std::size_t end = std::min(last, from + most_at_once);
            if (lines.size() == 1) to = end;
            while (to < end && positions.instrument[to] == positions.instrument[from]) ++to;
            lines[static_cast<std::size_t>(positions.instrument[from])].liquidation_prices(
                positions.quantity.subspan(from, to - from), positions.entry_price.subspan(from, to - from),
                positions.margin.subspan(from, to - from), &prices[from]);
        }
    };
    const std::size_t chunks = (positions.size() + rows - 1) / rows;
    std::atomic<bool> stop{false};
    run_chunks(std::max<std::size_t>(1, std::min(threads, chunks)), chunks, stop, [&](std::size_t, std::size_t chunk) {
        const std::size_t first = chunk * rows;
        const std::size_t last = std::min(positions.size(), first + rows);
        if (lines.size() == 1 || in_long_stretches(positions.instrument.subspan(first, last - first)))
            return in_stretches(first, last);
        Gathered gathered(lines, positions, prices);
        for (std::size_t from = first; from < last; from += most_gathered)
            gathered.liquidation_prices(from, std::min(last, from + most_gathered));
    });
}

}  // namespace levcore
