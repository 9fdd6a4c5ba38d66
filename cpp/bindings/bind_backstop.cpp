#include <pybind11/stl.h>

#include <stdexcept>

#include "arrays.hpp"
#include "levcore/venue.hpp"

namespace levcore::bindings {
namespace {

using namespace py::literals;

Ranking ranking_of(const std::string& name) {
    if (name == "pro_rata") return Ranking::pro_rata;
    if (name == "min_max") return Ranking::min_max;
    if (name == "profit") return Ranking::profit;
    if (name == "index") return Ranking::index;
    if (name == "unranked") return Ranking::unranked;
    throw std::invalid_argument("ranking must be 'pro_rata', 'min_max', 'profit', 'index' or 'unranked', was '" + name +
                                "'");
}

Charged charged_to(const std::string& name) {
    if (name == "nobody") return Charged::nobody;
    if (name == "profit") return Charged::profit;
    if (name == "open_interest") return Charged::open_interest;
    if (name == "deposits") return Charged::deposits;
    throw std::invalid_argument("socialise must be 'nobody', 'profit', 'open_interest' or 'deposits', was '" + name +
                                "'");
}

}  // namespace

void bind_backstop(py::module_& m) {
    py::class_<Deleveraging>(m, "Deleveraging", "Whose positions close against a bankrupt one, and at which price.")
        .def(py::init([](const std::string& ranking, bool at_previous_mark, double lot, bool accounts) {
                 return Deleveraging{true, ranking_of(ranking), at_previous_mark, lot, accounts};
             }),
             py::kw_only(), "ranking"_a, "at_previous_mark"_a, "lot"_a, "accounts"_a);
    py::class_<Backstop>(m, "Backstop", "Funds and what comes after them.")
        .def(py::init([](std::vector<double> funds, std::vector<std::uint32_t> fund_of, double takeover,
                         const std::optional<Deleveraging>& deleveraging, const std::string& socialise) {
                 for (const std::uint32_t place : fund_of)
                     if (place >= funds.size()) throw std::invalid_argument("fund_of must name a fund");
                 if (funds.empty()) throw std::invalid_argument("funds must not be empty");
                 return Backstop{std::move(funds), std::move(fund_of), takeover, deleveraging.value_or(Deleveraging{}),
                                 charged_to(socialise)};
             }),
             py::kw_only(), "funds"_a, "fund_of"_a, "takeover"_a, "deleveraging"_a, "socialise"_a);
}

}  // namespace levcore::bindings
