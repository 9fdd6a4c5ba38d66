#include "levcore/outcome_columns.hpp"

namespace levcore {

OutcomeColumns::OutcomeColumns(std::size_t rows, std::size_t of_assets, std::size_t of_funds,
                               const std::atomic<bool>& stop)
    : assets(of_assets), funds(of_funds) {
    for (auto& column : counts) lengthen(column, rows, stop);
    for (auto& column : numbers) lengthen(column, rows, stop);
    for (auto& column : flags) lengthen(column, rows, stop);
    for (auto& column : prices) lengthen(column, rows * assets, stop);
    for (auto& column : liquidated_count) lengthen(column, rows, stop);
    for (auto& column : liquidated_notional) lengthen(column, rows, stop);
    lengthen(fault, rows, stop);
    lengthen(own_funds, rows * funds, stop);
}

void OutcomeColumns::put(std::size_t row, const Outcome& outcome) {
    for (std::size_t f = 0; f < counts.size(); ++f) counts[f][row] = outcome.*outcome_counts[f].member;
    for (std::size_t f = 0; f < numbers.size(); ++f) numbers[f][row] = outcome.*outcome_numbers[f].member;
    for (std::size_t f = 0; f < flags.size(); ++f) flags[f][row] = outcome.*outcome_flags[f].member ? 1 : 0;
    for (std::size_t f = 0; f < prices.size(); ++f)
        for (std::size_t k = 0; k < assets; ++k)
            prices[f][row * assets + k] = outcome.assets[k].*outcome_prices[f].member;
    for (std::size_t side = 0; side < 2; ++side) {
        liquidated_count[side][row] = outcome.liquidated.count[side];
        liquidated_notional[side][row] = outcome.liquidated.notional[side];
    }
    fault[row] = static_cast<std::int64_t>(outcome.fault);
    for (std::size_t i = 0; i < funds; ++i) own_funds[row * funds + i] = outcome.own_funds[i];
}

Outcome OutcomeColumns::at(std::size_t row) const {
    Outcome outcome;
    for (std::size_t f = 0; f < counts.size(); ++f) outcome.*outcome_counts[f].member = counts[f][row];
    for (std::size_t f = 0; f < numbers.size(); ++f) outcome.*outcome_numbers[f].member = numbers[f][row];
    for (std::size_t f = 0; f < flags.size(); ++f) outcome.*outcome_flags[f].member = flags[f][row] != 0;
    outcome.assets.resize(assets);
    for (std::size_t f = 0; f < prices.size(); ++f)
        for (std::size_t k = 0; k < assets; ++k)
            outcome.assets[k].*outcome_prices[f].member = prices[f][row * assets + k];
    for (std::size_t side = 0; side < 2; ++side) {
        outcome.liquidated.count[side] = liquidated_count[side][row];
        outcome.liquidated.notional[side] = liquidated_notional[side][row];
    }
    outcome.fault = static_cast<Fault>(fault[row]);
    for (std::size_t i = 0; i < funds; ++i) outcome.own_funds.push_back(own_funds[row * funds + i]);
    return outcome;
}

void OutcomeColumns::note_error(double conservation_error) {
    for (std::size_t row = 0; row < size(); ++row)
        if (by_ladder(row)) numbers.back()[row] = conservation_error;
}

}  // namespace levcore
