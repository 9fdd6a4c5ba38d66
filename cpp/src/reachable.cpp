#include "levcore/reachable.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <numeric>
#include <vector>

#include "levcore/liquidation_order.hpp"
#include "levcore/parallel.hpp"
#include "levcore/price_lines.hpp"
#include "levcore/real.hpp"

namespace levcore {
namespace {

constexpr std::size_t rows_a_chunk = 32'768;  // fewer are done before another thread has started
constexpr std::size_t at_once = 2'048;        // rows whose prices stay in the nearest cache
constexpr std::size_t many_tables = 4;
constexpr std::size_t cells = 512;          // of each asset's longs and shorts
constexpr std::size_t most_assets = 32;     // so that the number of a cell has 16 bits
constexpr std::uint32_t never = cells - 1;  // the cell of what no price reaches
constexpr double room = 1e-9;               // for the rounding of all that is worked out here

// One asset's longs or shorts: cells from the price that the shock leads to, the way that their own orders push it.
struct Side {
    double from;
    double per_price;  // negative for longs

    [[nodiscard]] std::uint32_t cell_at(double price) const noexcept {
        return cell_of((price - from) * per_price, static_cast<double>(never - 1));
    }
};

class Reach {
  public:
    Reach(const Venue& venue, const Positions& positions, std::span<const std::uint32_t> asset_of, const Market& market,
          std::span<const double> moves);

    ReachablePositions find(std::size_t threads);

  private:
    void deal(std::size_t chunk);
    void find_cells(const Positions& some, std::span<const double> prices, std::span<std::uint32_t> cell) const;
    void find_cells_of_one(const Positions& some, std::span<const double> prices, std::span<std::uint32_t> cell,
                           std::size_t asset) const;
    template <std::size_t tables>
    void add_up(const Positions& some, std::span<const std::uint32_t> cell, std::span<double> quantity) const;
    [[nodiscard]] std::size_t furthest(std::size_t side, std::span<const double> own) const;
    [[nodiscard]] std::size_t near(std::size_t chunk) const;
    void take(std::size_t chunk, std::size_t to, ReachablePositions& found) const;
    [[nodiscard]] std::size_t end_of(std::size_t chunk) const noexcept {
        return std::min(positions_.size(), (chunk + 1) * rows_a_chunk);
    }

    const Positions& positions_;
    std::span<const std::uint32_t> asset_of_;
    const Market& market_;
    std::vector<PriceLines> lines_;
    std::vector<Side> sides_;
    std::vector<std::vector<double>> sums_;  // what each chunk's positions hold, by side and cell
    std::vector<std::uint8_t> is_near_;      // by side and cell
    UnsetVector<std::uint16_t> cell_;        // of each position
};

Reach::Reach(const Venue& venue, const Positions& positions, std::span<const std::uint32_t> asset_of,
             const Market& market, std::span<const double> moves)
    : positions_(positions),
      asset_of_(asset_of),
      market_(market),
      lines_(price_lines(venue)),
      sums_((positions.size() + rows_a_chunk - 1) / rows_a_chunk),
      cell_(positions.size()) {
    for (std::size_t k = 0; k < market.assets.size(); ++k) {
        const double price = market.assets[k].price * (1.0 + moves[k]);
        const double per_price = static_cast<double>(cells) / price;  // down to 0; up to twice the price
        sides_.push_back({price, -per_price});
        sides_.push_back({price, per_price});
    }
}

ReachablePositions Reach::find(std::size_t threads) {
    std::atomic<bool> stop{false};
    run_chunks(threads, sums_.size(), stop, [&](std::size_t, std::size_t chunk) { deal(chunk); });
    std::vector<double> all(sides_.size() * cells);
    for (const std::vector<double>& of_chunk : sums_)
        for (std::size_t c = 0; c < all.size(); ++c) all[c] += of_chunk[c];
    ReachablePositions found;
    is_near_.assign(all.size(), 0);
    for (std::size_t side = 0; side < sides_.size(); ++side) {
        const auto own = std::span(all).subspan(side * cells, cells);
        std::fill_n(&is_near_[side * cells], furthest(side, own), std::uint8_t{1});
        for (const double quantity : own) found.gross_notional += quantity * market_.assets[side / 2].price;
    }
    std::vector<std::size_t> first(sums_.size() + 1, 0);
    run_chunks(threads, sums_.size(), stop, [&](std::size_t, std::size_t chunk) { first[chunk + 1] = near(chunk); });
    std::partial_sum(first.begin(), first.end(), first.begin());
    found.resize(first.back());
    if (positions_.instrument.size() == 1) found.instrument.assign(1, positions_.instrument[0]);
    run_chunks(threads, sums_.size(), stop, [&](std::size_t, std::size_t chunk) { take(chunk, first[chunk], found); });
    return found;
}

void Reach::deal(std::size_t chunk) {
    std::array<double, at_once> prices;
    std::array<std::uint32_t, at_once> cell;
    // Of one asset several tables, each with a stretch of the rows, for most share a few cells, and a sum waits for its
    // term before.
    const std::size_t tables = sides_.size() == 2 ? many_tables : 1;
    std::vector<double> quantity(tables * sides_.size() * cells);
    const std::size_t end = end_of(chunk);
    const bool is_of_one = positions_.instrument.size() == 1;
    for (std::size_t from = chunk * rows_a_chunk; from < end; from += at_once) {
        const Positions some = positions_.some(from, std::min(at_once, end - from));
        liquidation_prices(lines_, some, prices.data());
        if (is_of_one)
            find_cells_of_one(some, prices, cell, asset_of_[some.instrument_of(0)]);
        else
            find_cells(some, prices, cell);
        std::ranges::copy(std::span(cell).first(some.size()), cell_.begin() + static_cast<std::ptrdiff_t>(from));
        tables == 1 ? add_up<1>(some, cell, quantity) : add_up<many_tables>(some, cell, quantity);
    }
    std::vector<double>& sums = sums_[chunk];
    sums.resize(sides_.size() * cells);
    for (std::size_t table = 0; table < tables; ++table)
        for (std::size_t c = 0; c < sums.size(); ++c) sums[c] += quantity[table * sums.size() + c];
}

// What the positions hold, by cell.
template <std::size_t tables>
void Reach::add_up(const Positions& some, std::span<const std::uint32_t> cell, std::span<double> quantity) const {
    const std::size_t all = sides_.size() * cells;
    const std::size_t stretch = some.size() / tables;
    for (std::size_t i = 0; i < stretch; ++i)
        for (std::size_t table = 0; table < tables; ++table) {
            const std::size_t row = table * stretch + i;
            quantity[table * all + cell[row]] += std::fabs(some.quantity[row]);
        }
    for (std::size_t row = tables * stretch; row < some.size(); ++row)
        quantity[cell[row]] += std::fabs(some.quantity[row]);
}

// A short has a liquidation price; a long that has none has none above 0, and is never reached.
void Reach::find_cells(const Positions& some, std::span<const double> prices, std::span<std::uint32_t> cell) const {
    for (std::size_t i = 0; i < some.size(); ++i) {
        const double quantity = some.quantity[i];
        const std::size_t side = 2 * asset_of_[some.instrument_of(i)] + (quantity > 0.0 ? longs : shorts);
        const std::uint32_t without = quantity < 0.0 ? 0 : never;
        const std::uint32_t with = sides_[side].cell_at(prices[i]);
        cell[i] = static_cast<std::uint32_t>(side * cells) + (std::isnan(prices[i]) ? without : with);
    }
}

// The same of one instrument, written for vector instructions: both sides' cells begin at the same price.
void Reach::find_cells_of_one(const Positions& some, std::span<const double> prices, std::span<std::uint32_t> cell,
                              std::size_t asset) const {
    const double from = sides_[2 * asset].from;
    const double per_price = sides_[2 * asset + shorts].per_price;
    constexpr auto last = static_cast<double>(never - 1);
    std::array<std::int32_t, at_once> own;
    const double* const held = some.quantity.data();
    for (std::size_t i = 0; i < some.size(); ++i) {
        const double above = (prices[i] - from) * per_price;
        const double place = held[i] > 0.0 ? -above : above;
        const double within = place < last ? place : last;
        const double of_price = within > 0.0 ? within : 0.0;
        const double without = held[i] < 0.0 ? 0.0 : static_cast<double>(never);
        own[i] = static_cast<std::int32_t>(above == above ? of_price : without);
    }
    const auto first = static_cast<std::uint32_t>(2 * asset * cells);
    for (std::size_t i = 0; i < some.size(); ++i)
        cell[i] = static_cast<std::uint32_t>(own[i]) + first + (held[i] > 0.0 ? 0U : static_cast<std::uint32_t>(cells));
}

// How many cells the side's own orders can lead through. Those of the other side push the other way.
std::size_t Reach::furthest(std::size_t side, std::span<const double> own) const {
    const Asset& asset = market_.assets[side / 2];
    const double sign = side % 2 == longs ? -1.0 : 1.0;
    const double start = log(sides_[side].from);
    double traded = 0.0;
    std::size_t reached = 0;
    while (reached < never) {
        const double moved = asset.mark_follow * log_impact(asset.impact, sign * traded * (1.0 + room));
        const double mark = exp(std::clamp(start + moved, -600.0, 600.0)) * (1.0 + sign * room);
        const std::size_t end = sides_[side].cell_at(mark) + 1;
        if (end <= reached) break;
        for (; reached < end; ++reached) traded += own[reached];
    }
    return reached;
}

std::size_t Reach::near(std::size_t chunk) const {
    std::size_t rows = 0;
    for (std::size_t i = chunk * rows_a_chunk; i < end_of(chunk); ++i) rows += is_near_[cell_[i]];
    return rows;
}

void Reach::take(std::size_t chunk, std::size_t to, ReachablePositions& found) const {
    std::array<std::uint32_t, at_once + 1> rows;
    const std::size_t end = end_of(chunk);
    for (std::size_t from = chunk * rows_a_chunk; from < end; from += at_once) {
        std::size_t count = 0;
        for (std::size_t i = from; i < std::min(end, from + at_once); ++i) {
            rows[count] = static_cast<std::uint32_t>(i);
            count += is_near_[cell_[i]];
        }
        const auto gather = [&](const auto& column, auto& taken) {
            for (std::size_t i = 0; i < count; ++i) taken[to + i] = column[rows[i]];
        };
        std::copy_n(rows.begin(), count, found.position.begin() + static_cast<std::ptrdiff_t>(to));
        gather(positions_.quantity, found.quantity);
        gather(positions_.entry_price, found.entry_price);
        gather(positions_.margin, found.margin);
        if (positions_.instrument.size() > 1) gather(positions_.instrument, found.instrument);
        to += count;
    }
}

}  // namespace

void ReachablePositions::resize(std::size_t rows) {
    position.resize(rows);
    instrument.resize(rows);
    quantity.resize(rows);
    entry_price.resize(rows);
    margin.resize(rows);
}

bool touches_none_beyond_reach(const Venue& venue, std::size_t assets) {
    const auto price_decides = [](const Perpetual& p) { return !p.is_inverse() && !requirement_jumps(p); };
    return assets <= most_assets && venue.liquidation.amount == Amount::all && venue.backstop.takeover == 0.0 &&
           !venue.backstop.deleveraging.on && venue.backstop.socialise == Charged::nobody &&
           std::all_of(venue.instruments.begin(), venue.instruments.end(), price_decides);
}

ReachablePositions reachable_positions(const Venue& venue, const Positions& positions,
                                       std::span<const std::uint32_t> asset_of, const Market& market,
                                       std::span<const double> moves, std::size_t threads) {
    return Reach(venue, positions, asset_of, market, moves)
        .find(std::clamp<std::size_t>(positions.size() / rows_a_chunk, 1, threads));
}

}  // namespace levcore
