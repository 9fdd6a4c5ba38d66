#include "levcore/control.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "levcore/random.hpp"

namespace levcore {

Call call_of(const TopUp& rule, double equity, double maintenance) noexcept {
    if (maintenance > rule.above * equity) return Call::add;
    return maintenance > 0.0 && maintenance < rule.below * equity ? Call::take_out : Call::none;
}

double lacking(const TopUp& rule, double equity, double maintenance) noexcept { return maintenance / rule.to - equity; }

bool is_answered(const TopUp& rule, std::uint64_t seed, std::uint64_t path, std::uint32_t position,
                 std::int64_t step) noexcept {
    const auto low = [](std::uint64_t x) { return static_cast<std::uint32_t>(x); };
    const Words w = philox(
        {low(path), position, low(static_cast<std::uint64_t>(step)), static_cast<std::uint32_t>(Stream::controllers)},
        {low(seed), low(seed >> 32)});
    const std::uint64_t both = w[0] | static_cast<std::uint64_t>(w[1]) << 32;
    return static_cast<double>((both >> 11) + 1) * 0x1p-53 <= rule.probability;
}

double quiet_share(const TopUp& rule, double equity, double maintenance, double exposed, double rate) noexcept {
    const auto until = [&](double ratio) {
        return std::fabs(equity - maintenance / ratio) / (exposed * (1.0 + rate / ratio));
    };
    if (rule.below == 0.0) return until(rule.above);
    // Where nothing is required nothing is called for.
    const double constant = maintenance > 0.0 ? std::numeric_limits<double>::infinity() : 0.0;
    const double until_nothing = rate > 0.0 ? maintenance / (exposed * rate) : constant;
    return std::min({until(rule.above), until(rule.below), until_nothing});
}

}  // namespace levcore
