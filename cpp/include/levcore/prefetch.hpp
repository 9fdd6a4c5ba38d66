// Memory that is not in the caches is asked for before it is needed.
#pragma once

namespace levcore {

inline void prefetch([[maybe_unused]] const void* at) noexcept {
#if defined(__GNUC__)
    __builtin_prefetch(at);
#endif
}

}  // namespace levcore
