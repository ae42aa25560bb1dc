/* SPDX-License-Identifier: MIT
 * Which variant of the loops a processor runs.  Nothing is kept: what is asked of the processor was
 * found when the program was loaded, so the answer costs some loads and is the same on all threads.
 */
#include "bits/kernel.h"
#include "bits/kernel_part.h"

static int runs(const crm__kernel *k)
{
#if defined(__x86_64__)
    if (k == &crm__kernel_avx2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt") &&
               __builtin_cpu_supports("bmi2");
    if (k == &crm__kernel_avx512)
        return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vpopcntdq") &&
               __builtin_cpu_supports("bmi2");
#endif
    (void)k;
    return 1;
}

/* Of this build, the fastest first. */
static const crm__kernel *const ALL[] = {
#if defined(__x86_64__)
    &crm__kernel_avx512,
    &crm__kernel_avx2,
#elif defined(__aarch64__) && !defined(__AARCH64EB__)
    &crm__kernel_neon,
#endif
    &crm__kernel_scalar,
};
enum { ALL_COUNT = sizeof ALL / sizeof *ALL };

const crm__kernel *crm__kernel_best(void)
{
    size_t i = 0;

    while (!runs(ALL[i]))
        i++;
    return ALL[i];
}

const crm__kernel *crm__kernel_at(size_t i)
{
    for (size_t k = 0; k < ALL_COUNT; k++) {
        if (runs(ALL[k]) && i-- == 0)
            return ALL[k];
    }
    return NULL;
}
