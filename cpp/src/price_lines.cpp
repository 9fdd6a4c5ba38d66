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
#include "levcore/real.hpp"

namespace levcore {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double none = std::numeric_limits<double>::quiet_NaN();

}  // namespace

PriceLines::PriceLines(const Perpetual& instrument) : instrument_(&instrument) {
    const MarginTiers& tiers = instrument.tiers;
    if (instrument.is_inverse() || !tier_follows_price(instrument) || tiers.whole_position ||
        instrument.reserved_rate() > 0.0 || tiers.size() + 1 > most_price_lines)
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

bool PriceLines::by_kernel(const PositionColumns& held, double* prices) const noexcept {
    const PriceLineTables tables{rate_.data(), deduction_.data(), cells_.data(), first_cell_, least_, most_};
    return kernels_in_use().prices_by_lines(tables, held, prices);
}

void PriceLines::liquidation_prices(const PositionColumns& held, double* prices) const noexcept {
    const Perpetual& instrument = *instrument_;
    const auto one_by_one = [&](std::size_t i) {
        const Claim own = claim(instrument, held.quantity[i], held.entry_price[i], held.margin[i]);
        prices[i] = unit_price(instrument, liquidation_unit_price(instrument, own, held.entry_price[i]));
    };
    if (!searchable_) {
        for (std::size_t i = 0; i < held.count; ++i) one_by_one(i);
        return;
    }
    if (by_kernel(held, prices)) return;
    for (std::size_t i = 0; i < held.count; ++i)
        if (std::bit_cast<std::uint64_t>(prices[i]) == unsure_price_bits) one_by_one(i);
}

void PriceLines::sort_keys(const PositionColumns& held, double* keys) const noexcept {
    if (!searchable_) {
        for (std::size_t i = 0; i < held.count; ++i) {
            const Claim own = claim(*instrument_, held.quantity[i], held.entry_price[i], held.margin[i]);
            keys[i] = sort_key(*instrument_, own, held.entry_price[i]);
        }
        return;
    }
    liquidation_prices(held, keys);
    kernels_in_use().logs(log_table(), keys, held.count);
    const double never = log_price_of(*instrument_, {0.0, 1.0}, none);
    const double always = log_price_of(*instrument_, {0.0, -1.0}, none);
    for (std::size_t i = 0; i < held.count; ++i)
        keys[i] = std::isnan(keys[i]) ? (held.quantity[i] > 0.0 ? never : always) : keys[i];
}

namespace {

// A kernel's call costs as much as some ten positions, so rows whose instrument changes often are put together by
// instrument first, some thousands at a time.
template <class OfLines>
void gathered(const std::vector<PriceLines>& lines, const Positions& positions, OfLines&& of_lines, double* out) {
    const auto code = [&](std::size_t row) { return positions.instrument_of(row); };
    const std::size_t n = positions.size();
    std::vector<std::size_t> row(n);
    std::array<std::vector<double>, 4> columns;
    for (std::vector<double>& column : columns) column.resize(n);
    std::vector<std::size_t> ends(lines.size() + 1, 0);  // at first where each instrument's rows begin
    for (std::size_t i = 0; i < n; ++i) ++ends[code(i) + 1];
    for (std::size_t k = 1; k < ends.size(); ++k) ends[k] += ends[k - 1];
    for (std::size_t i = 0; i < n; ++i) {
        const std::size_t at = ends[code(i)]++;
        row[at] = i;
        columns[0][at] = positions.quantity[i];
        columns[1][at] = positions.entry_price[i];
        columns[2][at] = positions.margin[i];
    }
    for (std::size_t k = 0, first = 0; k < lines.size(); first = ends[k], ++k) {
        const auto of = [&](std::size_t c) { return columns[c].data() + first; };
        if (ends[k] > first) of_lines(lines[k], PositionColumns{of(0), of(1), of(2), ends[k] - first}, of(3));
    }
    for (std::size_t at = 0; at < n; ++at) out[row[at]] = columns[3][at];
}

// Whether stretches of one instrument are long enough to be worth a call each.
bool in_long_stretches(std::span<const std::int32_t> instrument) {
    constexpr std::size_t long_enough = 64;
    std::size_t changes = 0;
    for (std::size_t i = 1; i < instrument.size(); ++i) changes += instrument[i] != instrument[i - 1] ? 1 : 0;
    return changes * long_enough <= instrument.size();
}

template <class OfLines>
void in_stretches(const std::vector<PriceLines>& lines, const Positions& positions, OfLines&& of_lines, double* out) {
    constexpr std::size_t most_at_once = 2'048;  // looked at again where one of them is unsure
    for (std::size_t from = 0, to = 0; from < positions.size(); from = to) {
        const std::size_t end = std::min(positions.size(), from + most_at_once);
        to = lines.size() == 1 || positions.instrument.size() == 1 ? end : from + 1;
        while (to < end && positions.instrument[to] == positions.instrument[from]) ++to;
        of_lines(lines[positions.instrument_of(from)],
                 PositionColumns{&positions.quantity[from], &positions.entry_price[from], &positions.margin[from],
                                 to - from},
                 out + from);
    }
}

template <class OfLines>
void of_each(const std::vector<PriceLines>& lines, const Positions& positions, OfLines&& of_lines, double* out) {
    constexpr std::size_t most_gathered = 8'192;
    if (lines.size() == 1 || in_long_stretches(positions.instrument))
        return in_stretches(lines, positions, of_lines, out);
    for (std::size_t from = 0; from < positions.size(); from += most_gathered) {
        const std::size_t rows = std::min(most_gathered, positions.size() - from);
        gathered(lines, positions.some(from, rows), of_lines, out + from);
    }
}

}  // namespace

std::vector<PriceLines> price_lines(const Venue& venue) { return {venue.instruments.begin(), venue.instruments.end()}; }

void sort_keys(const std::vector<PriceLines>& lines, const Positions& positions, double* keys) {
    const auto of_lines = [](const PriceLines& of, const PositionColumns& held, double* out) {
        of.sort_keys(held, out);
    };
    of_each(lines, positions, of_lines, keys);
}

void liquidation_prices(const std::vector<PriceLines>& lines, const Positions& positions, double* prices) {
    const auto of_lines = [](const PriceLines& of, const PositionColumns& held, double* out) {
        of.liquidation_prices(held, out);
    };
    of_each(lines, positions, of_lines, prices);
}

void liquidation_prices(const Venue& venue, const Positions& positions, std::size_t threads, std::span<double> prices) {
    constexpr std::size_t rows = 32'768;  // to a thread at a time: fewer are done before another one has started
    const std::vector<PriceLines> lines = price_lines(venue);
    const std::size_t chunks = (positions.size() + rows - 1) / rows;
    std::atomic<bool> stop{false};
    run_chunks(std::max<std::size_t>(1, std::min(threads, chunks)), chunks, stop, [&](std::size_t, std::size_t chunk) {
        const std::size_t first = chunk * rows;
        const std::size_t size = std::min(rows, positions.size() - first);
        liquidation_prices(lines, positions.some(first, size), &prices[first]);
    });
}

}  // namespace levcore
