#include "levcore/sharing.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <queue>

#include "levcore/margin.hpp"
#include "levcore/sum.hpp"

namespace levcore {
namespace {

// So near to a whole number of lots a size is that number: a billionth of a lot, and the rounding of many.
double lots_room(double whole) { return 1e-9 + 1e-15 * whole; }

double lots_in(double size, double lot) {
    const double count = size / lot;
    const double whole = std::round(count);
    return std::fabs(count - whole) <= lots_room(whole) ? whole : std::floor(count);
}

struct Divided {
    double whole;
    double remainder;
};

// held*pieces over total, of whole numbers below 2^53 and pieces <= total, exactly: equal remainders must be equal.
Divided divide_whole(double held, double pieces, double total) {
    double whole = std::min(held, std::floor(held * (pieces / total)));
    const Pair all = two_product(held, pieces);
    const Pair taken = two_product(whole, total);
    double rest = (all.high - taken.high) + (all.low - taken.low);
    for (; rest < 0.0; rest += total) whole -= 1.0;
    for (; rest >= total; rest -= total) whole += 1.0;
    return {whole, rest};
}

// Lots in proportion to holdings, rounded down; those left over go one each to the largest remainders, ties in the
// order given.
std::vector<double> largest_remainders(const std::vector<double>& lots, double pieces, double total) {
    std::vector<double> given;
    std::vector<double> remainder;
    double left = pieces;
    for (const double held : lots) {
        const auto [whole, rest] = divide_whole(held, pieces, total);
        given.push_back(whole);
        remainder.push_back(rest);
        left -= whole;
    }
    std::vector<std::size_t> order(lots.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return remainder[a] > remainder[b]; });
    while (left > 0.0)
        for (const std::size_t i : order)
            if (left > 0.0 && given[i] < lots[i]) {
                given[i] += 1.0;
                left -= 1.0;
            }
    return given;
}

// Lots one by one to whoever's share stays smallest; all but the last ones at once, at one level of everybody's share.
std::vector<double> smallest_largest_share(const std::vector<double>& lots, double pieces) {
    const auto at_level = [&](double level) {
        std::vector<double> given;
        for (const double held : lots) given.push_back(std::min(held, std::floor(level * held)));
        return given;
    };
    const auto sum = [](const std::vector<double>& all) { return std::accumulate(all.begin(), all.end(), 0.0); };
    double low = 0.0;
    double high = 1.0;
    for (int i = 0; i < 60; ++i) {
        const double middle = 0.5 * (low + high);
        (sum(at_level(middle)) >= pieces ? high : low) = middle;
    }
    std::vector<double> given = at_level(low);
    struct Next {
        double share;
        std::size_t who;
        bool operator<(const Next& other) const {  // the smallest share on top, ties in the order given
            return share != other.share ? share > other.share : who > other.who;
        }
    };
    std::priority_queue<Next> waiting;
    const auto wait = [&](std::size_t i) {
        if (given[i] < lots[i]) waiting.push({(given[i] + 1.0) / lots[i], i});
    };
    for (std::size_t i = 0; i < lots.size(); ++i) wait(i);
    for (double left = pieces - sum(given); left > 0.0; left -= 1.0) {
        const std::size_t i = waiting.top().who;
        waiting.pop();
        given[i] += 1.0;
        wait(i);
    }
    return given;
}

std::vector<double> first_ones(const std::vector<double>& sizes, double wanted) {
    std::vector<double> given;
    for (const double size : sizes) {
        given.push_back(std::min(size, wanted));
        wanted -= given.back();
    }
    return given;
}

}  // namespace

double deleveraging_score(Ranking ranking, const Perpetual& instrument, const Claim& held, double entry_price,
                          double unit, double equity) noexcept {
    if (ranking != Ranking::profit && ranking != Ranking::index) return 0.0;
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const double entry = unit_price(instrument, entry_price);
    const double leverage = equity > 0.0 ? std::fabs(held.coin) * unit / equity : infinity;
    if (ranking == Ranking::index) return (held.coin > 0.0 ? unit / entry : entry / unit) * leverage;
    const double profit = (held.coin > 0.0 ? unit - entry : entry - unit) / entry;
    return profit == 0.0 ? 0.0 : profit > 0.0 ? profit * leverage : profit / leverage;
}

std::vector<double> given_up(Ranking ranking, const std::vector<double>& sizes, double wanted, double lot) {
    const bool shared = ranking == Ranking::pro_rata || ranking == Ranking::min_max;
    constexpr double countable = 4503599627370496.0;  // more lots than this a double does not count
    const auto too_many = [&](double size) { return size / lot > countable; };
    if (!(lot > 0.0) || too_many(wanted) || std::any_of(sizes.begin(), sizes.end(), too_many)) {
        if (!shared) return first_ones(sizes, wanted);
        Sum total;
        for (const double size : sizes) total.add(size);
        if (wanted >= total.value()) return sizes;
        std::vector<double> given;
        for (const double size : sizes) given.push_back(size * (wanted / total.value()));
        return given;
    }
    std::vector<double> lots;
    for (const double size : sizes) lots.push_back(lots_in(size, lot));
    const double total = std::accumulate(lots.begin(), lots.end(), 0.0);
    const double pieces = std::min(lots_in(wanted, lot), total);
    std::vector<double> given = !shared || pieces == total     ? first_ones(lots, pieces)
                                : ranking == Ranking::pro_rata ? largest_remainders(lots, pieces, total)
                                                               : smallest_largest_share(lots, pieces);
    for (std::size_t i = 0; i < given.size(); ++i) {
        const bool whole = std::fabs(sizes[i] / lot - lots[i]) <= lots_room(lots[i]);
        given[i] = whole && given[i] == lots[i] ? sizes[i] : given[i] * lot;
    }
    return given;
}

}  // namespace levcore
