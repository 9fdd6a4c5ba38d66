// One side of one instrument as the pool that takes over deleveraged positions (model 7): claims sorted by
// bankruptcy price, so that those whose equity stands a transfer price are the first ones, in a tree that shrinks them
// all by one factor. A transfer costs the logarithm of the pool's size, however many take part.
#pragma once

#include <cstdint>
#include <vector>

#include "levcore/instrument.hpp"
#include "levcore/sum.hpp"

namespace levcore {

struct PooledClaims {
    Pair quantity;
    Pair cash;
};

class Counterparties {
  public:
    struct Member {
        std::uint32_t row;
        Claim held;
    };
    // A member held apart: it is liquidatable, and takes nothing over until it is healthy again.
    struct Parked {
        double key;
        std::uint32_t row;
    };

    // Members are open and of one side; rows are below `rows`.
    Counterparties(std::vector<Member> members, std::size_t rows);

    [[nodiscard]] bool has(std::uint32_t row) const { return leaf_of_[row] != nobody; }
    [[nodiscard]] Claim claim(std::uint32_t row) const;
    void set(std::uint32_t row, const Claim& held);

    // Of all who are not parked and whose equity at this price is not negative.
    [[nodiscard]] PooledClaims eligible(double price) const;
    void shrink_eligible(double price, const Pair& kept);

    void park(const Parked& member);  // its claim stays what it is
    void unpark_last();

    std::vector<Parked> parked;  // in the order of liquidation: the last one is healthy first
    double synced_at;            // log mark at which `parked` was right; nan: never

  private:
    struct Node {
        PooledClaims sum;
        Pair factor{1.0, 0.0};  // still to be applied to what lies below
    };

    [[nodiscard]] std::size_t eligible_count(double price) const;
    void apply(std::size_t node, const Pair& factor);
    void push(std::size_t node);
    void pull(std::size_t node);
    void shrink(std::size_t node, std::size_t from, std::size_t to, std::size_t count, const Pair& kept);
    void write(std::size_t leaf, const Claim& held);

    static constexpr std::uint32_t nobody = ~std::uint32_t{0};
    bool long_side_;
    std::size_t leaves_;                    // a power of two
    std::vector<double> bankruptcy_price_;  // per leaf: longs rising, shorts falling
    std::vector<std::uint32_t> leaf_of_;    // per row
    std::vector<std::uint8_t> is_parked_;   // per leaf
    std::vector<Claim> apart_;              // per leaf, of the parked
    std::vector<Node> nodes_;               // node i has children 2*i and 2*i + 1; leaves are the last ones
};

}  // namespace levcore
