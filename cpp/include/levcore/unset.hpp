// Columns whose numbers are not set when they are made: whoever fills them is the first to touch their memory, so that
// threads share that cost as well, and nothing is written twice.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace levcore {

template <class T>
struct LeavesUnset {
    using value_type = T;

    LeavesUnset() noexcept = default;
    template <class U>
    LeavesUnset(const LeavesUnset<U>&) noexcept {}

    T* allocate(std::size_t n) { return std::allocator<T>{}.allocate(n); }
    void deallocate(T* at, std::size_t n) noexcept { std::allocator<T>{}.deallocate(at, n); }
    template <class U>
    void construct(U* at) noexcept {
        ::new (static_cast<void*>(at)) U;
    }
    template <class U, class... Given>
    void construct(U* at, Given&&... given) {
        ::new (static_cast<void*>(at)) U(std::forward<Given>(given)...);
    }
    friend bool operator==(const LeavesUnset&, const LeavesUnset&) noexcept { return true; }
};

template <class T>
using UnsetVector = std::vector<T, LeavesUnset<T>>;

}  // namespace levcore
