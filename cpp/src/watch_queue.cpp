#include "levcore/watch_queue.hpp"

namespace levcore {

void WatchQueue::begin(std::span<const double> prices) {
    lines_.resize(2 * prices.size());
    pool_.resize(1);
    placed_.clear();
    unused_ = 0;
    used_ = 0;
    for (std::size_t i = 0; i < lines_.size(); ++i) {
        Line& line = lines_[i];
        while (line.next < line.first.size()) vacate(line);
        line.next = buckets;
        line.origin = std::bit_cast<std::uint64_t>(prices[i / 2]) >> dropped_bits;
        line.mark = place_of(line, i % 2, prices[i / 2]);
    }
}

bool WatchQueue::add(std::span<const Watch> watches, Watcher who) {
    constexpr std::size_t together = 64;
    if (placed_.size() >= together) put_all();
    const std::size_t before = placed_.size();
    for (const Watch& w : watches) {
        const std::uint32_t at = 2 * w.asset + w.way;
        const std::uint32_t place = place_of(lines_[at], w.way, w.price);
        if (place <= lines_[at].mark) {
            placed_.resize(before);
            return false;
        }
        if (!lines_[at].first.empty()) prefetch(&lines_[at].first[place]);
        placed_.push_back({at, place, who});
    }
    return true;
}

void WatchQueue::put_all() {
    for (const Placed& p : placed_)
        if (!lines_[p.line].first.empty()) prefetch(&pool_[lines_[p.line].first[p.place].few]);
    for (const Placed& p : placed_) put(lines_[p.line], p.place, p.who);
    placed_.clear();
}

void WatchQueue::put(Line& line, std::uint32_t place, Watcher who) {
    if (line.first.empty()) {
        line.first.assign(buckets, {});
        line.taken.assign(buckets / 64, 0);
    }
    Bucket& bucket = line.first[place];
    if (bucket.few == 0 || bucket.size == full) {
        const std::uint32_t made = fresh();
        pool_[made].next = bucket.few;
        bucket = {made, 0};
        line.taken[place / 64] |= std::uint64_t{1} << place % 64;
        if (place < line.next) line.next = place;
    }
    pool_[bucket.few].who[bucket.size++] = who;
}

void WatchQueue::vacate(Line& line) {
    std::uint32_t word = line.next / 64;
    line.first[line.next] = {};
    line.taken[word] &= line.taken[word] - 1;  // its lowest bit
    while (line.taken[word] == 0) {
        if (++word == line.taken.size()) {
            line.next = buckets;
            return;
        }
    }
    line.next = 64 * word + static_cast<std::uint32_t>(std::countr_zero(line.taken[word]));
}

std::uint32_t WatchQueue::give_back(std::uint32_t at) noexcept {
    const std::uint32_t next = pool_[at].next;
    pool_[at].next = unused_;
    unused_ = at;
    --used_;
    return next;
}

std::uint32_t WatchQueue::fresh() {
    ++used_;
    if (unused_ != 0) {
        const std::uint32_t at = unused_;
        unused_ = pool_[at].next;
        return at;
    }
    pool_.emplace_back();
    return static_cast<std::uint32_t>(pool_.size() - 1);
}

}  // namespace levcore
