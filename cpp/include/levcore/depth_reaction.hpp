// Depth that shrinks while prices are restless (model 21): market makers quote less the more volatile the mark has
// lately been. Volatility is per square root of a day; a share of 1 is the depth that the impact shape states.
// Source: Kyle 1985 (depth is proportional to 1/volatility); exponentially weighted volatility: RiskMetrics 1996.
#pragma once

namespace levcore {

enum class DepthForm { power, exponential };

struct DepthReaction {
    DepthForm form = DepthForm::power;
    double elasticity = 0.0;  // of depth by volatility, at the reference; 0: depth does not react
    double reference = 1.0;   // the volatility at which the stated depth holds
    double initial = 1.0;     // the volatility at the start
    double half_life = 1.0;   // days in which a move's weight halves
    double floor = 1.0;       // the least share of the stated depth
    double ceiling = 1.0;     // the largest
    [[nodiscard]] bool is_on() const noexcept { return elasticity > 0.0; }
};

// The variance a day after a move of the log mark that took some days; one that took none counts whole.
double next_variance(const DepthReaction& reaction, double variance, double log_return, double days) noexcept;

// The share of the stated depth that is there at a variance a day.
double depth_share(const DepthReaction& reaction, double variance) noexcept;

}  // namespace levcore
