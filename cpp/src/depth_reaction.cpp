#include "levcore/depth_reaction.hpp"

#include <algorithm>
#include <cmath>

#include "levcore/real.hpp"

namespace levcore {

double next_variance(const DepthReaction& reaction, double variance, double log_return, double days) noexcept {
    constexpr double log_two = 0.69314718055994530942;
    const double lives = log_two * days / reaction.half_life;
    const double kept = exp(-lives);
    return kept * variance - expm1(-lives) / days * log_return * log_return;
}

double depth_share(const DepthReaction& reaction, double variance) noexcept {
    if (!reaction.is_on()) return 1.0;
    const double ratio = std::sqrt(variance) / reaction.reference;
    const double share = reaction.form == DepthForm::power ? pow(1.0 / ratio, reaction.elasticity)
                                                           : exp(reaction.elasticity * (1.0 - ratio));
    return std::clamp(share, reaction.floor, reaction.ceiling);
}

}  // namespace levcore
