// A whole cascade, or a whole path of them, by looking at every position in every round: equity against the requirement
// of ten tiers, eight positions at a time. The peer that has no idea but the widest instructions; AVX-512 only.
#include <immintrin.h>

#include <barrier>
#include <cmath>
#include <cstdint>
#include <thread>
#include <vector>

namespace {

struct Tiers {
    std::int64_t count;
    const double* cap;
    const double* rate;
    const double* deduction;
};

struct Found {
    double quantity = 0.0;
    std::int64_t count = 0;
};

// Closes what fails in [first, last), a multiple of eight long; a closed position has no quantity and cash to spare.
Found scan(std::int64_t first, std::int64_t last, double* cash, double* quantity, double price, const Tiers& tiers) {
    const __m512d p = _mm512_set1_pd(price);
    const __m512d cap = _mm512_set1_pd(tiers.cap[0]);
    const __m512d rate = _mm512_set1_pd(tiers.rate[0]);
    __m512d sum = _mm512_setzero_pd();
    Found found;
    for (std::int64_t i = first; i < last; i += 8) {
        const __m512d q = _mm512_loadu_pd(quantity + i);
        const __m512d value = _mm512_mul_pd(q, p);
        const __m512d notional = _mm512_abs_pd(value);
        __m512d required = _mm512_mul_pd(rate, notional);
        if (_mm512_cmp_pd_mask(notional, cap, _CMP_GT_OQ) != 0) {
            for (std::int64_t k = 1; k < tiers.count; ++k) {
                required = _mm512_max_pd(required, _mm512_fmsub_pd(_mm512_set1_pd(tiers.rate[k]), notional,
                                                                   _mm512_set1_pd(tiers.deduction[k])));
            }
        }
        const __m512d equity = _mm512_add_pd(_mm512_loadu_pd(cash + i), value);
        const __mmask8 fails = _mm512_cmp_pd_mask(equity, required, _CMP_LT_OQ);
        if (fails != 0) {
            sum = _mm512_mask_add_pd(sum, fails, sum, q);
            found.count += __builtin_popcount(fails);
            _mm512_mask_storeu_pd(quantity + i, fails, _mm512_setzero_pd());
            _mm512_mask_storeu_pd(cash + i, fails, _mm512_set1_pd(1.0));
        }
    }
    found.quantity = _mm512_reduce_add_pd(sum);
    return found;
}

}  // namespace

// Runs log prices through a book whose columns, `size` long and a multiple of eight, are used up. Returns how many
// positions were closed, and the log of the last mark.
extern "C" std::int64_t revalue(std::int64_t size, double* cash, double* quantity, std::int64_t tier_count,
                                const double* cap, const double* rate, const double* deduction, std::int64_t steps,
                                const double* log_price, double slope, std::int64_t threads, double* last_mark) {
    const Tiers tiers{tier_count, cap, rate, deduction};
    std::vector<Found> found(static_cast<std::size_t>(threads) * 8);  // a cache line apart
    std::barrier meet(threads);
    std::int64_t closed = 0;
    const auto work = [&](std::int64_t thread) {
        const std::int64_t first = size / 8 * thread / threads * 8;
        const std::int64_t last = size / 8 * (thread + 1) / threads * 8;
        double moved = 0.0;
        std::int64_t count = 0;
        for (std::int64_t step = 0; step < steps; ++step) {
            for (bool any = true; any;) {
                const double mark = log_price[step] - slope * moved;
                found[static_cast<std::size_t>(thread) * 8] = scan(first, last, cash, quantity, std::exp(mark), tiers);
                meet.arrive_and_wait();
                any = false;
                for (std::int64_t other = 0; other < threads; ++other) {
                    const Found& one = found[static_cast<std::size_t>(other) * 8];
                    moved += one.quantity;
                    count += one.count;
                    any = any || one.count > 0;
                }
                meet.arrive_and_wait();
            }
        }
        if (thread == 0) {
            closed = count;
            *last_mark = log_price[steps - 1] - slope * moved;
        }
    };
    std::vector<std::thread> others;
    for (std::int64_t thread = 1; thread < threads; ++thread) {
        others.emplace_back(work, thread);
    }
    work(0);
    for (std::thread& other : others) {
        other.join();
    }
    return closed;
}
