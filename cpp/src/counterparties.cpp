#include "levcore/counterparties.hpp"

#include <algorithm>
#include <bit>
#include <limits>

namespace levcore {

Counterparties::Counterparties(std::vector<Member> members, std::size_t rows)
    : synced_at(std::numeric_limits<double>::quiet_NaN()),
      long_side_(!members.empty() && members.front().held.coin > 0.0),
      leaves_(std::bit_ceil(std::max<std::size_t>(members.size(), 1))),
      leaf_of_(rows, nobody),
      is_parked_(members.size(), 0),
      apart_(members.size()),
      nodes_(2 * leaves_) {
    const auto bankrupt_at = [](const Member& m) { return -m.held.cash / m.held.coin; };
    std::sort(members.begin(), members.end(), [&](const Member& a, const Member& b) {
        const double pa = bankrupt_at(a);
        const double pb = bankrupt_at(b);
        if (pa != pb) return long_side_ ? pa < pb : pa > pb;
        return a.row < b.row;
    });
    for (std::size_t leaf = 0; leaf < members.size(); ++leaf) {
        bankruptcy_price_.push_back(bankrupt_at(members[leaf]));
        leaf_of_[members[leaf].row] = static_cast<std::uint32_t>(leaf);
        nodes_[leaves_ + leaf].sum = {{members[leaf].held.coin, 0.0}, {members[leaf].held.cash, 0.0}};
    }
    for (std::size_t node = leaves_; node-- > 1;) pull(node);
}

Claim Counterparties::claim(std::uint32_t row) const {
    const std::uint32_t leaf = leaf_of_[row];
    if (is_parked_[leaf] != 0) return apart_[leaf];
    std::size_t node = leaves_ + leaf;
    PooledClaims sum = nodes_[node].sum;
    while ((node /= 2) > 0) {
        sum.quantity = multiply(sum.quantity, nodes_[node].factor);
        sum.cash = multiply(sum.cash, nodes_[node].factor);
    }
    return {sum.cash.high, sum.quantity.high};
}

void Counterparties::set(std::uint32_t row, const Claim& held) {
    const std::uint32_t leaf = leaf_of_[row];
    if (is_parked_[leaf] != 0)
        apart_[leaf] = held;
    else
        write(leaf, held);
}

PooledClaims Counterparties::eligible(double price) const {
    // The sum over the first leaves: walk down to the first one that is left out.
    std::size_t count = eligible_count(price);
    if (count >= leaves_) return nodes_[1].sum;
    PooledClaims total;
    Pair factor{1.0, 0.0};
    std::size_t node = 1;
    for (std::size_t width = leaves_ / 2; width > 0 && count > 0; width /= 2) {
        factor = multiply(factor, nodes_[node].factor);
        node *= 2;
        if (count < width) continue;
        total.quantity = add(total.quantity, multiply(nodes_[node].sum.quantity, factor));
        total.cash = add(total.cash, multiply(nodes_[node].sum.cash, factor));
        count -= width;
        ++node;
    }
    return total;
}

void Counterparties::shrink_eligible(double price, const Pair& kept) {
    shrink(1, 0, leaves_, eligible_count(price), kept);
}

void Counterparties::park(const Parked& member) {
    const std::uint32_t leaf = leaf_of_[member.row];
    apart_[leaf] = claim(member.row);
    write(leaf, {0.0, 0.0});
    is_parked_[leaf] = 1;
    parked.push_back(member);
}

void Counterparties::unpark_last() {
    const std::uint32_t leaf = leaf_of_[parked.back().row];
    is_parked_[leaf] = 0;
    write(leaf, apart_[leaf]);
    parked.pop_back();
}

std::size_t Counterparties::eligible_count(double price) const {
    const auto stands = [&](double bankrupt_at) { return long_side_ ? bankrupt_at <= price : bankrupt_at >= price; };
    return static_cast<std::size_t>(std::partition_point(bankruptcy_price_.begin(), bankruptcy_price_.end(), stands) -
                                    bankruptcy_price_.begin());
}

void Counterparties::apply(std::size_t node, const Pair& factor) {
    Node& n = nodes_[node];
    n.sum = {multiply(n.sum.quantity, factor), multiply(n.sum.cash, factor)};
    n.factor = multiply(n.factor, factor);
}

void Counterparties::push(std::size_t node) {
    const Pair factor = nodes_[node].factor;
    if (factor.high == 1.0 && factor.low == 0.0) return;
    apply(2 * node, factor);
    apply(2 * node + 1, factor);
    nodes_[node].factor = {1.0, 0.0};
}

void Counterparties::pull(std::size_t node) {
    const PooledClaims& a = nodes_[2 * node].sum;
    const PooledClaims& b = nodes_[2 * node + 1].sum;
    nodes_[node].sum = {add(a.quantity, b.quantity), add(a.cash, b.cash)};
}

// Shrinks the leaves [from, count) of a node that covers [from, to).
void Counterparties::shrink(std::size_t node, std::size_t from, std::size_t to, std::size_t count, const Pair& kept) {
    if (count <= from) return;
    if (count >= to) {
        apply(node, kept);
        return;
    }
    push(node);
    const std::size_t middle = from + (to - from) / 2;
    shrink(2 * node, from, middle, count, kept);
    shrink(2 * node + 1, middle, to, count, kept);
    pull(node);
}

void Counterparties::write(std::size_t leaf, const Claim& held) {
    std::size_t node = 1;
    for (std::size_t width = leaves_ / 2, at = leaf; width > 0; width /= 2) {
        push(node);
        node *= 2;
        if (at >= width) {
            at -= width;
            ++node;
        }
    }
    nodes_[node] = {{{held.coin, 0.0}, {held.cash, 0.0}}, {1.0, 0.0}};
    while ((node /= 2) > 0) pull(node);
}

}  // namespace levcore
