#include "levcore/price_lines.hpp"

#include <algorithm>
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
        tiers.size() + 1 > most_lines)
        return;
    // The first line is that of no requirement; the others begin where their notional does, or later, where what is
    // required is no longer below zero.
    std::size_t lines = 1;
    std::array<double, most_lines> begins{};
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
        first_cell_ = cell_number(least / 4.0);
        cells_a_side_ = static_cast<std::size_t>(cell_number(most * 4.0) - first_cell_) + 1;
    }
    if (cells_a_side_ > most_cells) return;
    for (const std::vector<double>& side : bounds)
        for (std::size_t place = 0; place < cells_a_side_; ++place) cells_.push_back(cell_at(side, place));
    searchable_ = true;
}

// A cell with one bound in it, or near it, knows on which side of that a cash is; one with several knows nothing.
PriceLines::Cell PriceLines::cell_at(const std::vector<double>& bounds, std::size_t place) const {
    constexpr double room = 1e-6;  // cash nearer to a bound than this is not told apart from it
    const auto edge = [&](std::size_t number) {
        return std::bit_cast<double>((first_cell_ + static_cast<std::int64_t>(number)) << cell_shift);
    };
    const double from = place == 0 ? 0.0 : edge(place) * (1.0 - 4.0 * room);
    const double to = place + 1 == cells_a_side_ ? infinity : edge(place + 1) * (1.0 + 4.0 * room);
    Cell cell{infinity, 0.0, 0};
    for (const double bound : bounds) {
        if (bound <= from) ++cell.line;
        if (bound <= from || bound >= to) continue;
        if (cell.bound < infinity) return {bound, infinity, cell.line};
        cell = {bound, room * bound, cell.line};
    }
    return cell;
}

// Loops over short columns, each of one kind of work, so that the compiler can vectorise what can be and nothing
// branches on a position.
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
    std::array<double, most_at_once> cash;
    std::array<double, most_at_once> rate;
    std::array<double, most_at_once> deduction;
    std::array<std::uint8_t, most_at_once> sure;
    const std::int64_t last_cell = static_cast<std::int64_t>(cells_a_side_) - 1;
    for (std::size_t i = 0; i < n; ++i) cash[i] = margin[i] - quantity[i] * entry_price[i];
    for (std::size_t i = 0; i < n; ++i) {
        const double owed = std::fabs(cash[i]);
        const std::int64_t number = std::clamp(cell_number(owed) - first_cell_, std::int64_t{0}, last_cell);
        const std::size_t side = static_cast<std::size_t>(!(quantity[i] > 0.0)) * cells_a_side_;
        const Cell& cell = cells_[static_cast<std::size_t>(number) + side];
        const std::size_t k = cell.line + static_cast<std::size_t>(owed >= cell.bound);
        sure[i] = static_cast<std::uint8_t>(!(std::fabs(owed - cell.bound) < cell.room));
        rate[i] = rate_[k];
        deduction[i] = deduction_[k];
    }
    unsigned all_sure = 1;
    for (std::size_t i = 0; i < n; ++i) all_sure &= sure[i];
    for (std::size_t i = 0; i < n; ++i) {
        const double size = std::fabs(quantity[i]);
        const double sign = std::copysign(1.0, quantity[i]);
        const double price = -sign * (cash[i] + deduction[i]) / (size - sign * (rate[i] * size));
        prices[i] = price > 0.0 && price < infinity ? price : none;
    }
    if (all_sure != 0) return;
    for (std::size_t i = 0; i < n; ++i)
        if (sure[i] == 0) one_by_one(i);
}

void liquidation_prices(const Venue& venue, const Positions& positions, std::size_t threads, std::span<double> prices) {
    constexpr std::size_t rows = 32'768;  // to a thread at a time: fewer are done before another one has started
    std::vector<PriceLines> lines;
    for (const Perpetual& instrument : venue.instruments) lines.emplace_back(instrument);
    const std::size_t chunks = (positions.size() + rows - 1) / rows;
    std::atomic<bool> stop{false};
    run_chunks(std::max<std::size_t>(1, std::min(threads, chunks)), chunks, stop, [&](std::size_t, std::size_t chunk) {
        const std::size_t last = std::min(positions.size(), (chunk + 1) * rows);
        for (std::size_t from = chunk * rows, to = from; from < last; from = to) {  // stretches of one instrument
            const std::size_t end = std::min(last, from + PriceLines::most_at_once);
            if (lines.size() == 1) to = end;
            while (to < end && positions.instrument[to] == positions.instrument[from]) ++to;
            lines[static_cast<std::size_t>(positions.instrument[from])].liquidation_prices(
                positions.quantity.subspan(from, to - from), positions.entry_price.subspan(from, to - from),
                positions.margin.subspan(from, to - from), &prices[from]);
        }
    });
}

}  // namespace levcore
