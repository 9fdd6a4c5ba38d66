// The watches that one run has set (model 17), per asset and way in buckets by price: setting one is a write, taking
// those that the mark has reached reads their buckets alone. Buckets are narrow where a run begins and end in two wide
// ones; whoever shares a bucket with the mark counts as reached.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "levcore/prefetch.hpp"
#include "levcore/watches.hpp"

namespace levcore {

// Who watches, and the stamp that the account had when it began to: with another one it no longer does.
struct Watcher {
    std::uint32_t account;
    std::uint32_t stamp;
};

class WatchQueue {
  public:
    // Nobody watches; buckets lie around these prices, where the marks stand.
    void begin(std::span<const double> prices);

    // Sets all watches of an account; false, and none is set, where one lies in the mark's bucket or behind it: then it
    // must be asked again instead.
    bool add(std::span<const Watch> watches, Watcher who);

    // How much it has grown: those who no longer watch are taken out only where the mark comes.
    [[nodiscard]] std::size_t size() const noexcept { return used_; }

    // The mark of an asset stands here now; found(who) gets everybody whose bucket it has reached.
    template <class Found>
    void move(std::size_t asset, double mark, Found&& found) {
        put_all();
        for (const std::size_t way : {falling, rising}) {
            Line& line = lines_[2 * asset + way];
            line.mark = place_of(line, way, mark);
            while (line.next <= line.mark) {
                Bucket bucket = line.first[line.next];
                vacate(line);
                for (; bucket.few != 0; bucket = {give_back(bucket.few), full}) {
                    const Few& few = pool_[bucket.few];
                    prefetch(&pool_[few.next]);
                    for (std::uint32_t i = 0; i < bucket.size; ++i) found(few.who[i]);
                }
            }
            if (line.next < buckets) prefetch(&pool_[line.first[line.next].few]);
        }
    }

  private:
    // Watchers of one bucket, some at a time; those after the first ones are full. The first of the pool stands for
    // none.
    static constexpr std::uint32_t full = 7;
    struct alignas(64) Few {
        std::uint32_t next;
        std::array<Watcher, full> who;
    };
    struct Bucket {
        std::uint32_t few;   // in the pool
        std::uint32_t size;  // of that
    };

    // Buckets in the order in which a mark that moves this way reaches them.
    struct Line {
        std::vector<Bucket> first;         // per bucket; made when first needed
        std::vector<std::uint64_t> taken;  // a bit a bucket
        std::uint64_t origin = 0;          // what the middle bucket's prices begin with
        std::uint32_t mark = 0;            // the mark's bucket
        std::uint32_t next = 0;            // the first one that is not empty
    };

    // A bucket takes in the numbers that agree in their exponent and the first bits after it.
    static constexpr std::uint32_t buckets = 16'384;
    static constexpr unsigned dropped_bits = 40;

    static std::uint32_t place_of(const Line& line, std::size_t way, double price) noexcept {
        const std::uint64_t begins = std::bit_cast<std::uint64_t>(price) >> dropped_bits;
        const std::uint64_t first = line.origin - buckets / 2;
        const std::uint64_t place = begins <= first ? 0 : begins - first < buckets - 1 ? begins - first : buckets - 1;
        return static_cast<std::uint32_t>(way == rising ? place : buckets - 1 - place);
    }

    // The first bucket is empty now.
    void vacate(Line& line);

    // One of the pool is no longer needed; the one after it.
    std::uint32_t give_back(std::uint32_t at) noexcept;

    // Somebody on the way into a bucket, whose memory has been asked for.
    struct Placed {
        std::uint32_t line;
        std::uint32_t place;
        Watcher who;
    };

    // Puts everybody who is on the way into a bucket.
    void put_all();
    void put(Line& line, std::uint32_t place, Watcher who);

    std::uint32_t fresh();

    std::vector<Line> lines_;  // per asset and way
    std::vector<Placed> placed_;
    std::vector<Few> pool_;
    std::uint32_t unused_ = 0;  // the first of those given back
    std::size_t used_ = 0;      // how many have not been
};

}  // namespace levcore
