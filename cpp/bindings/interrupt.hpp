// Ctrl-C in a long native call. Short pieces of work ask between two of them; long ones run in a thread of their own,
// while the calling thread, the only one that Python tells of signals, asks every 25 ms and says stop.
#pragma once

#include <pybind11/pybind11.h>

#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

namespace levcore::bindings {

class Interrupts {
  public:
    // Call without the interpreter lock; throws KeyboardInterrupt (or what a handler raised) into Python.
    void poll() {
        const auto now = std::chrono::steady_clock::now();
        if (now - asked_ < std::chrono::milliseconds(50)) return;
        asked_ = now;
        pybind11::gil_scoped_acquire locked;
        if (PyErr_CheckSignals() != 0) throw pybind11::error_already_set();
    }

  private:
    std::chrono::steady_clock::time_point asked_ = std::chrono::steady_clock::now();
};

// Runs work() in a thread. Every 25 ms the calling thread takes the interpreter lock and asks for signals, every second
// time it calls watch(), which may throw; then stop() is called once, the work is waited for, and what was thrown goes
// on. Call without the interpreter lock.
template <class Work, class Watch, class Stop>
void run_watched(Work&& work, Watch&& watch, Stop&& stop) {
    std::mutex mutex;
    std::condition_variable finished;
    bool done = false;
    std::exception_ptr failure;
    std::exception_ptr complaint;
    std::thread worker([&] {
        try {
            work();
        } catch (...) {
            failure = std::current_exception();
        }
        const std::lock_guard<std::mutex> lock(mutex);
        done = true;
        finished.notify_one();
    });
    {
        std::unique_lock<std::mutex> lock(mutex);
        bool is_second = true;
        while (!finished.wait_for(lock, std::chrono::milliseconds(25), [&] { return done; })) {
            if (complaint) continue;
            is_second = !is_second;
            lock.unlock();
            {
                pybind11::gil_scoped_acquire locked;
                try {
                    if (PyErr_CheckSignals() != 0) throw pybind11::error_already_set();
                    if (is_second) watch();
                } catch (...) {
                    complaint = std::current_exception();
                    stop();
                }
            }
            lock.lock();
        }
    }
    worker.join();
    if (complaint) std::rethrow_exception(complaint);
    if (failure) std::rethrow_exception(failure);
}

}  // namespace levcore::bindings
