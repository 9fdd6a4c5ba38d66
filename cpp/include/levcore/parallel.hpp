// Threads of one call: started, given chunks of work by an atomic counter, joined before the call returns. Which thread
// does a chunk is chance, so a chunk's result may depend on its number only.
#pragma once

#include <atomic>
#include <cfenv>
#include <cstddef>
#include <exception>
#include <thread>
#include <vector>

namespace levcore {

// Rounding to nearest, subnormals as IEEE has them, whatever the caller's thread was set to; put back at the end.
class StandardArithmetic {
  public:
    StandardArithmetic() noexcept {
        std::fegetenv(&before_);
        std::fesetenv(FE_DFL_ENV);
    }
    ~StandardArithmetic() { std::fesetenv(&before_); }
    StandardArithmetic(const StandardArithmetic&) = delete;
    StandardArithmetic& operator=(const StandardArithmetic&) = delete;

  private:
    std::fenv_t before_;
};

// Runs work(thread, chunk) for every chunk on that many threads, the calling one among them. The first exception stops
// the others at their next chunk and is thrown on.
template <class Work>
void run_chunks(std::size_t threads, std::size_t chunks, std::atomic<bool>& stop, Work&& work) {
    std::atomic<std::size_t> next{0};
    std::vector<std::exception_ptr> failures(threads);
    const auto loop = [&](std::size_t thread) noexcept {
        const StandardArithmetic arithmetic;
        try {
            while (!stop.load(std::memory_order_relaxed)) {
                const std::size_t chunk = next.fetch_add(1);
                if (chunk >= chunks) return;
                work(thread, chunk);
            }
        } catch (...) {
            failures[thread] = std::current_exception();
            stop = true;
        }
    };
    std::vector<std::thread> started;
    started.reserve(threads);
    try {
        for (std::size_t i = 1; i < threads; ++i) started.emplace_back(loop, i);
    } catch (...) {
        stop = true;
        for (std::thread& t : started) t.join();
        throw;
    }
    loop(0);
    for (std::thread& t : started) t.join();
    for (const std::exception_ptr& failure : failures)
        if (failure) std::rethrow_exception(failure);
}

}  // namespace levcore
