// Laws whose variance follows from the returns before (model 12): GARCH(1,1) and GJR-GARCH, Bollerslev (1986) and
// Glosten, Jagannathan and Runkle (1993), and EGARCH, Nelson (1991). Innovations are normal, or Student's t scaled to
// unit variance by Bailey's (1994) transform, which needs a second normal and rejects none.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "levcore/path_block.hpp"

namespace levcore {

// Innovations e, correlated by `loading` (assets x assets, lower triangle, row by row).
struct Innovations {
    std::vector<double> loading;
    std::vector<double> degrees;  // of freedom, per asset; empty: normal

    void draw(const PathBlock& block) const;
};

// With the variance h of the step, log return = mean - h/2 + sqrt(h)*e; the next h is
// omega + h*(beta + (alpha + gamma where e < 0)*e^2).
struct Garch {
    std::vector<double> mean;  // per asset
    std::vector<double> omega;
    std::vector<double> alpha;
    std::vector<double> gamma;
    std::vector<double> beta;
    std::vector<double> variance;  // of the first step
    Innovations innovations;

    static constexpr std::size_t states = 1;  // the variance of the step to come
    [[nodiscard]] std::size_t assets() const { return mean.size(); }
    void begin(std::size_t paths, std::span<double> state) const;
    void walk(const PathBlock& block) const;
};

// The same return; the next log(h) is omega + beta*log(h) + alpha*abs(e) + gamma*e.
struct Egarch {
    std::vector<double> mean;  // per asset
    std::vector<double> omega;
    std::vector<double> alpha;
    std::vector<double> gamma;
    std::vector<double> beta;
    std::vector<double> log_variance;  // of the first step
    Innovations innovations;

    static constexpr std::size_t states = 1;  // the log variance of the step to come
    [[nodiscard]] std::size_t assets() const { return mean.size(); }
    void begin(std::size_t paths, std::span<double> state) const;
    void walk(const PathBlock& block) const;
};

}  // namespace levcore
