// Liquidation prices of many positions (model 4): with continuous tiers the notional at the liquidation price is a
// piecewise linear function of the claim's cash alone, so that a search finds the tier and one division remains.
// Bit for bit what liquidation_unit_price gives.
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "levcore/book.hpp"
#include "levcore/venue.hpp"

namespace levcore {

class PriceLines {
  public:
    explicit PriceLines(const Perpetual& instrument);  // must outlive this

    // Prices, not unit prices, of at most `most_at_once` positions; nan where there is none.
    static constexpr std::size_t most_at_once = 256;
    void liquidation_prices(std::span<const double> quantity, std::span<const double> entry_price,
                            std::span<const double> margin, double* prices) const noexcept;

  private:
    static constexpr std::size_t most_lines = 16;

    // Per line, where of abs(cash) it holds; beyond the last one infinity.
    struct Side {
        std::array<double, most_lines> from;
        std::array<double, most_lines> surely_from;
        std::array<double, most_lines> surely_below;
    };

    const Perpetual* instrument_;
    bool searchable_ = false;
    std::array<double, most_lines> rate_{};
    std::array<double, most_lines> deduction_{};
    std::array<Side, 2> sides_{};  // of what gains when its unit price rises, and of what loses
};

// The liquidation price of every position of a book that stands alone, as many threads at it as are worth starting.
void liquidation_prices(const Venue& venue, const Positions& positions, std::size_t threads, std::span<double> prices);

}  // namespace levcore
