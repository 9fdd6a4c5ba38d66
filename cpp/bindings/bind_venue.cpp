#include "bind_venue.hpp"

#include <pybind11/stl.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>

#include "levcore/accounts.hpp"
#include "levcore/margin.hpp"
#include "levcore/message.hpp"
#include "levcore/parallel.hpp"
#include "levcore/price_lines.hpp"

namespace levcore::bindings {
namespace {

using namespace py::literals;

Amount amount_of(const std::string& name) {
    if (name == "all") return Amount::all;
    if (name == "to_target") return Amount::to_target;
    if (name == "to_lower_tier") return Amount::to_lower_tier;
    if (name == "portion") return Amount::portion;
    throw std::invalid_argument("amount must be 'all', 'to_target', 'to_lower_tier' or 'portion', was '" + name + "'");
}

// A column of one number is that of all rows.
template <class T>
std::span<const T> span_of_all(const Column<T>& column, const char* name, std::size_t size) {
    return span_of(column, name, column.size() == 1 ? 1 : size);
}

// Columns that are copied on the way are checked while they are at hand, as many threads at it as are worth starting.
void copy_and_check(HeldBook& book, const std::array<Column<double>*, 3>& copied, std::size_t threads) {
    constexpr std::size_t rows = 16'384;
    constexpr std::size_t rows_a_thread = 65'536;  // fewer are done before another one has started
    const std::size_t size = book.positions.size();
    const std::array<std::span<const double>*, 3> spans{&book.positions.quantity, &book.positions.entry_price,
                                                        &book.positions.margin};
    std::array<std::span<const double>, 3> from{*spans[0], *spans[1], *spans[2]};
    std::array<double*, 3> to{};
    std::array<Column<double>, 3> own;
    for (std::size_t c = 0; c < own.size(); ++c)
        if (copied[c] != nullptr) {
            own[c] = Column<double>(static_cast<py::ssize_t>(size));
            to[c] = own[c].mutable_data();
            *spans[c] = {to[c], size};
        }
    std::atomic<bool> is_right{true};
    {
        py::gil_scoped_release unlocked;
        std::atomic<bool> stop{false};
        const std::size_t chunks = std::max<std::size_t>(1, (size + rows - 1) / rows);
        run_chunks(std::clamp<std::size_t>(size / rows_a_thread, 1, threads), chunks, stop,
                   [&](std::size_t, std::size_t chunk) {
                       const std::size_t first = chunk * rows;
                       const std::size_t n = std::min(rows, size - first);
                       for (std::size_t c = 0; c < to.size(); ++c)
                           if (to[c] != nullptr) std::ranges::copy(from[c].subspan(first, n), to[c] + first);
                       if (!is_valid(book.positions.some(first, n), book.venue.instruments.size(), book.accounts.rows))
                           is_right = false;
                   });
    }
    for (std::size_t c = 0; c < own.size(); ++c)
        if (copied[c] != nullptr) *copied[c] = std::move(own[c]);
    if (is_right) return;
    const std::string wrong = validate(book.positions, book.venue.instruments.size(), book.accounts.rows);
    if (!wrong.empty()) throw std::invalid_argument(wrong);
}

// Rates that rise with the size stay below 1.
void check_rates(const HeldBook& book) {
    const std::vector<Perpetual>& traded = book.venue.instruments;
    if (std::ranges::all_of(traded, [](const Perpetual& p) { return p.tiers.premium.per_size == 0.0; })) return;
    for (std::size_t i = 0; i < book.positions.size(); ++i) {
        const Perpetual& p = traded[book.positions.instrument_of(i)];
        if (p.tiers.premium.per_size == 0.0) continue;
        const double rate = rate_at(p.tiers, 0, std::fabs(book.positions.quantity[i]));
        if (!(rate + p.added_to_rates() < 1.0))
            throw std::invalid_argument(
                broken_rule("quantity", i, "have a maintenance rate below 1", book.positions.quantity[i]));
    }
}

std::unique_ptr<HeldBook> hold(const Venue& venue, Column<std::int32_t> instrument, Column<double> quantity,
                               Column<double> entry_price, Column<double> margin, Column<std::int64_t> account,
                               Column<double> balance, const std::array<bool, 3>& copies, std::size_t threads) {
    auto book = std::make_unique<HeldBook>(HeldBook{venue,
                                                    std::move(instrument),
                                                    std::move(quantity),
                                                    std::move(entry_price),
                                                    std::move(margin),
                                                    std::move(account),
                                                    std::move(balance),
                                                    {},
                                                    {},
                                                    {}});
    const std::size_t size = span_of(book->quantity, "quantity").size();
    book->positions = {span_of_all(book->instrument, "instrument", size), span_of(book->quantity, "quantity", size),
                       span_of(book->entry_price, "entry_price", size), span_of(book->margin, "margin", size),
                       span_of_all(book->account, "account", size)};
    if (book->balance.ndim() != 2 ||
        static_cast<std::size_t>(book->balance.shape(1)) != 1 + venue.collateral_share.size())
        throw std::invalid_argument("balance must have shape (accounts, 1 + collaterals)");
    book->accounts = {static_cast<std::size_t>(book->balance.shape(0)),
                      {book->balance.data(), static_cast<std::size_t>(book->balance.size())}};
    copy_and_check(*book,
                   {copies[0] ? &book->quantity : nullptr, copies[1] ? &book->entry_price : nullptr,
                    copies[2] ? &book->margin : nullptr},
                   threads);
    check_rates(*book);
    book->cross = gather_accounts(venue, book->book(), std::vector<std::uint32_t>(venue.collateral_share.size(), 0));
    return book;
}

// One value a position, from its instrument, its claim and its row.
template <class F>
py::array_t<double> each_position(const HeldBook& book, F&& value) {
    const Positions& p = book.positions;
    return column_of(p.size(), [&](std::size_t i) {
        const Perpetual& instrument = book.venue.instruments[p.instrument_of(i)];
        return value(instrument, claim(instrument, p.quantity[i], p.entry_price[i], p.margin[i]), i);
    });
}

template <class F>
py::array_t<double> each_at(const HeldBook& book, const Column<double>& prices, F&& value) {
    const auto price = span_of(prices, "prices", book.venue.instruments.size());
    const Positions& p = book.positions;
    return each_position(book, [&](const Perpetual& instrument, const Claim& held, std::size_t i) {
        return value(instrument, held, p.entry_price[i], price[p.instrument_of(i)]);
    });
}

py::array_t<double> each_liquidation_price(const HeldBook& book, std::size_t threads) {
    py::array_t<double> prices(static_cast<py::ssize_t>(book.positions.size()));
    const std::span<double> out(prices.mutable_data(), book.positions.size());
    {
        py::gil_scoped_release unlocked;
        liquidation_prices(book.venue, book.positions, threads, out);
    }
    return prices;
}

AccountView view_of(const HeldBook& book, std::size_t account) {
    const CrossBook& cross = book.cross;
    const std::size_t from = cross.first[account];
    const std::size_t size = cross.first[account + 1] - from;
    return {std::span(cross.position).subspan(from, size), std::span(cross.instrument).subspan(from, size),
            std::span(cross.held).subspan(from, size), cross.cash[account],
            std::span(cross.coins).subspan(account * cross.collaterals(), cross.collaterals())};
}

std::vector<double> units_at(const HeldBook& book, const Column<double>& prices) {
    const auto price = span_of(prices, "prices", book.venue.instruments.size());
    std::vector<double> units;
    for (std::size_t i = 0; i < price.size(); ++i) units.push_back(unit_price(book.venue.instruments[i], price[i]));
    return units;
}

// Equity, maintenance and slack of every row of the table of accounts.
py::array_t<double> accounts_health(const HeldBook& book, const Column<double>& prices,
                                    const Column<double>& coin_prices) {
    const std::vector<double> units = units_at(book, prices);
    const auto coins = span_of(coin_prices, "coin_prices", book.venue.collateral_share.size());
    const std::size_t columns = 1 + coins.size();
    const std::size_t rows = book.accounts.rows;
    std::vector<double> result(3 * rows);
    {
        py::gil_scoped_release unlocked;
        const auto write = [&](std::size_t row, const Health& h) {
            result[row] = h.equity;
            result[rows + row] = h.maintenance;
            result[2 * rows + row] = h.slack;
        };
        for (std::size_t row = 0; row < rows; ++row) {
            const auto balances = book.accounts.balance.subspan(row * columns, columns);
            write(row, health(book.venue, {}, {{}, {}, {}, balances[0], balances.subspan(1)}, units, coins));
        }
        for (std::size_t a = 0; a < book.cross.size(); ++a)
            write(book.cross.row[a], health(book.venue, book.positions.entry_price, view_of(book, a), units, coins));
    }
    return adopt(std::move(result), {3, static_cast<py::ssize_t>(rows)});
}

// Of every position of an account, the price of its asset at which the account fails, the others held still.
py::array_t<double> account_prices(const HeldBook& book, const Column<double>& prices,
                                   const Column<double>& coin_prices, const Column<std::int32_t>& asset,
                                   const Column<std::int32_t>& coin_asset, const std::string& side) {
    const Direction direction = side == "below"   ? Direction::down
                                : side == "above" ? Direction::up
                                                  : Direction::falling_slack;
    const std::vector<double> units = units_at(book, prices);
    const auto coins = span_of(coin_prices, "coin_prices", book.venue.collateral_share.size());
    const auto assets = span_of(asset, "asset", units.size());
    const auto coin_assets = span_of(coin_asset, "coin_asset", coins.size());
    const auto price = span_of(prices, "prices", units.size());
    std::vector<double> result(book.positions.size(), std::numeric_limits<double>::quiet_NaN());
    {
        py::gil_scoped_release unlocked;
        std::vector<std::uint8_t> moves(units.size());
        std::vector<std::uint8_t> coin_moves(coins.size());
        for (std::size_t a = 0; a < book.cross.size(); ++a) {
            const AccountView view = view_of(book, a);
            for (std::size_t i = 0; i < view.held.size(); ++i) {
                const std::int32_t k = assets[view.instrument[i]];
                const auto same = [&](std::size_t j) { return assets[view.instrument[j]] == k; };
                std::size_t earlier = 0;
                while (!same(earlier)) ++earlier;
                if (earlier < i) {  // worked out with the first position on the asset
                    result[view.position[i]] = result[view.position[earlier]];
                    continue;
                }
                for (std::size_t j = 0; j < moves.size(); ++j) moves[j] = assets[j] == k ? 1 : 0;
                for (std::size_t c = 0; c < coin_moves.size(); ++c) coin_moves[c] = coin_assets[c] == k ? 1 : 0;
                result[view.position[i]] =
                    account_liquidation_price(book.venue, book.positions.entry_price, view, units, coins, moves,
                                              coin_moves, price[view.instrument[i]], direction);
            }
        }
    }
    return adopt(std::move(result));
}

void bind_rules(py::module_& m) {
    py::class_<Perpetual>(m, "Perpetual", "An instrument's margin rules; contract_value 0: linear, else inverse.")
        .def(py::init([](const MarginTiers& tiers, double closing_fee, bool fee_at_bankruptcy, bool on_entry,
                         double contract_value) {
                 return Perpetual{tiers, closing_fee, on_entry ? Basis::entry : Basis::mark, contract_value,
                                  fee_at_bankruptcy ? FeeAt::bankruptcy : FeeAt::mark};
             }),
             "tiers"_a, py::kw_only(), "closing_fee"_a, "fee_at_bankruptcy"_a, "on_entry"_a, "contract_value"_a);
    py::class_<LiquidationPolicy>(m, "LiquidationPolicy", "How much of a position an order closes, and its fee.")
        .def(py::init([](double fee_rate, bool fee_to_fund, const std::string& amount, double target, double buffer,
                         double initial_share, double duration_days, double small_shortage, std::size_t tiers,
                         double portion, double above, double minimum, bool then_all, double wait_days, double lot,
                         double dust) {
                 return LiquidationPolicy{fee_rate,
                                          fee_to_fund ? Receiver::fund : Receiver::outside,
                                          amount_of(amount),
                                          target,
                                          buffer,
                                          initial_share,
                                          duration_days,
                                          small_shortage,
                                          tiers,
                                          portion,
                                          above,
                                          minimum,
                                          then_all,
                                          wait_days,
                                          lot,
                                          dust};
             }),
             py::kw_only(), "fee_rate"_a, "fee_to_fund"_a, "amount"_a, "target"_a = 1.0, "buffer"_a = 0.0,
             "initial_share"_a = 1.0, "duration_days"_a = 0.0, "small_shortage"_a = 0.0, "tiers"_a = 1,
             "portion"_a = 1.0, "above"_a = 0.0, "minimum"_a = 0.0, "then_all"_a = false, "wait_days"_a = 0.0,
             "lot"_a = 0.0, "dust"_a = 0.0);
}

void bind_rulebook(py::module_& m) {
    py::class_<Venue>(m, "Venue", "A venue's rules.")
        .def(py::init([](std::vector<Perpetual> instruments, const LiquidationPolicy& liquidation,
                         const Backstop& backstop, bool remainder_to_fund, bool at_equality, bool riskiest_first,
                         std::vector<double> collateral_share) {
                 if (!backstop.fund_of.empty() && backstop.fund_of.size() != instruments.size())
                     throw std::invalid_argument("fund_of must have an entry an instrument");
                 return Venue{std::move(instruments),
                              liquidation,
                              backstop,
                              remainder_to_fund ? Receiver::fund : Receiver::trader,
                              at_equality,
                              riskiest_first,
                              std::move(collateral_share)};
             }),
             "instruments"_a, py::kw_only(), "liquidation"_a, "backstop"_a, "remainder_to_fund"_a,
             "liquidate_at_equality"_a, "riskiest_first"_a, "collateral_share"_a);
}

}  // namespace

void bind_venue(py::module_& m) {
    bind_rules(m);
    bind_rulebook(m);
    py::class_<HeldBook>(m, "Book", "Checked columns of positions at a venue.")
        .def(py::init(&hold), "venue"_a, "instrument"_a.noconvert(), "quantity"_a.noconvert(),
             "entry_price"_a.noconvert(), "margin"_a.noconvert(), "account"_a.noconvert(), "balance"_a.noconvert(),
             "copies"_a, "threads"_a,
             "Columns are kept; of quantity, entry price and margin copies where so asked. A column of one instrument "
             "or account is that of all rows.")
        .def_readonly("quantity", &HeldBook::quantity)
        .def_readonly("entry_price", &HeldBook::entry_price)
        .def_readonly("margin", &HeldBook::margin)
        .def("__len__", [](const HeldBook& book) { return book.positions.size(); })
        .def("liquidation_price", &each_liquidation_price, "threads"_a)
        .def("bankruptcy_price",
             [](const HeldBook& book) {
                 return each_position(book, [](const Perpetual& instrument, const Claim& held, std::size_t) {
                     return unit_price(instrument, bankruptcy_unit_price(held));
                 });
             })
        .def(
            "equity",
            [](const HeldBook& book, const Column<double>& prices) {
                return each_at(book, prices, [](const Perpetual& instrument, const Claim& held, double, double price) {
                    return equity(held, unit_price(instrument, price));
                });
            },
            "prices"_a.noconvert())
        .def(
            "maintenance_margin",
            [](const HeldBook& book, const Column<double>& prices) {
                const auto price = span_of(prices, "prices", book.venue.instruments.size());
                const Positions& p = book.positions;
                return column_of(p.size(), [&](std::size_t i) {
                    const auto k = p.instrument_of(i);
                    const Perpetual& instrument = book.venue.instruments[k];
                    const double margin = p.account_of(i) == isolated ? p.margin[i] : 0.0;
                    const Claim held = claim(instrument, p.quantity[i], p.entry_price[i], margin);
                    if (held.coin == 0.0) return 0.0;
                    return maintenance(instrument, held, p.entry_price[i], unit_price(instrument, price[k]));
                });
            },
            "prices"_a.noconvert())
        .def("accounts_health", &accounts_health, "prices"_a.noconvert(), "coin_prices"_a.noconvert(),
             "Equity, maintenance and slack, a row each, of every account.")
        .def("account_prices", &account_prices, "prices"_a.noconvert(), "coin_prices"_a.noconvert(),
             "asset"_a.noconvert(), "coin_asset"_a.noconvert(), "side"_a,
             "Liquidation prices of the positions of accounts, other assets' prices held still; nan for the others.")
        .def(
            "liquidatable",
            [](const HeldBook& book, const Column<double>& prices) {
                const bool equal = book.venue.liquidate_at_equality;
                return each_at(book, prices,
                               [&](const Perpetual& instrument, const Claim& held, double entry, double price) {
                                   return is_liquidatable_at(instrument, held, entry, price, equal) ? 1.0 : 0.0;
                               });
            },
            "prices"_a.noconvert());
}

}  // namespace levcore::bindings
