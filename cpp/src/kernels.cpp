#include "levcore/kernels.hpp"

#include <initializer_list>

namespace levcore {
namespace {

#ifdef LEVCORE_X86_KERNELS
// That the operating system keeps the registers is part of the answer.
bool cpu_has(SimdLevel level) noexcept {
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") != 0;
    if (level == SimdLevel::avx2) return avx2;
    return avx2 && __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512dq") != 0 &&
           __builtin_cpu_supports("avx512vl") != 0;
}

constexpr Kernels of_avx2{SimdLevel::avx2,     avx2::normal_rows, avx2::normals_in_pairs, avx2::walk_gbm,
                          avx2::walk_garch,    avx2::walk_egarch, avx2::student_rows,     avx2::heston_rows,
                          avx2::mix_rows,      avx2::exp_values,  avx2::turn_rows,        avx2::prices_by_lines,
                          avx2::logs,          avx2::watch_rows,  avx2::trade_rows,       avx2::fall_of_root,
                          avx2::falls_of_root, avx2::root_ratios};
constexpr Kernels of_avx512{SimdLevel::avx512,    avx512::normal_rows,   avx512::normals_in_pairs,
                            avx512::walk_gbm,     avx512::walk_garch,    avx512::walk_egarch,
                            avx512::student_rows, avx512::heston_rows,   avx512::mix_rows,
                            avx512::exp_values,   avx512::turn_rows,     avx512::prices_by_lines,
                            avx512::logs,         avx512::watch_rows,    avx512::trade_rows,
                            avx512::fall_of_root, avx512::falls_of_root, avx512::root_ratios};
#endif

constexpr Kernels of_baseline{SimdLevel::baseline,    baseline::normal_rows,   baseline::normals_in_pairs,
                              baseline::walk_gbm,     baseline::walk_garch,    baseline::walk_egarch,
                              baseline::student_rows, baseline::heston_rows,   baseline::mix_rows,
                              baseline::exp_values,   baseline::turn_rows,     baseline::prices_by_lines,
                              baseline::logs,         baseline::watch_rows,    baseline::trade_rows,
                              baseline::fall_of_root, baseline::falls_of_root, baseline::root_ratios};

const Kernels& best() noexcept {
    for (const SimdLevel level : {SimdLevel::avx512, SimdLevel::avx2})
        if (const Kernels* found = kernels_at(level)) return *found;
    return of_baseline;
}

}  // namespace

const Kernels* kernels_at(SimdLevel level) noexcept {
    if (level == SimdLevel::baseline) return &of_baseline;
#ifdef LEVCORE_X86_KERNELS
    if (cpu_has(level)) return level == SimdLevel::avx2 ? &of_avx2 : &of_avx512;
#endif
    return nullptr;
}

const Kernels& kernels_in_use(const SimdLevel* wish) noexcept {
    static const Kernels& chosen = wish ? *kernels_at(*wish) : best();
    return chosen;
}

const Kernels& kernels_in_use() noexcept { return kernels_in_use(nullptr); }

}  // namespace levcore
