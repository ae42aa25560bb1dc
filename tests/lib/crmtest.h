/* SPDX-License-Identifier: MIT
 * Test cases register themselves: CRM_TEST(test_base_utf8__rejects_overlong) { ... }.  Each runs in
 * a forked child (Check), so a database is opened inside the case, never before it.
 */
#ifndef CRMTEST_H
#define CRMTEST_H

#include <check.h>
#include <stdint.h>
#include <stddef.h>

void crmtest_add(const TTest *test);

#define CRM_TEST(name)                                                                             \
    static void name##_fn(int _i);                                                                 \
    static const TTest name##_ttest = {#name, name##_fn, __FILE__, __LINE__};                      \
    __attribute__((constructor)) static void name##_reg(void)                                      \
    {                                                                                              \
        crmtest_add(&name##_ttest);                                                                \
    }                                                                                              \
    static void name##_fn(int _i CK_ATTRIBUTE_UNUSED)

/* A fresh folder below the temporary folder, removed when the case ends. */
const char *crmtest_dir(void);
/* "<crmtest_dir()>/<name>", in one of a few static buffers. */
const char *crmtest_path(const char *name);

/* Deterministic random numbers (splitmix64).  The seed is CRM_SEED of the environment, else a fixed
 * number; the runner prints it. */
uint64_t crmtest_seed(void);
uint64_t crmtest_rand(uint64_t *state);
/* Below n. */
uint64_t crmtest_below(uint64_t *state, uint64_t n);
/* `normal` usually; `full` under tests/run.sh --full (CRM_FULL=1); less under valgrind (CRM_SHORT=1). */
size_t crmtest_rounds(size_t normal, size_t full);
/* Seconds after which something is taken to hang: n, more where CK_TIMEOUT_MULTIPLIER says so. */
unsigned crmtest_seconds(unsigned n);
/* Step through something that is else tried exhaustively: 1, and n where a step takes long (CRM_SHORT). */
unsigned crmtest_stride(unsigned n);

#endif
