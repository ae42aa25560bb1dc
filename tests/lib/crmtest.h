/* SPDX-License-Identifier: MIT
 * Test cases register themselves: CRM_TEST(test_base_utf8__rejects_overlong) { ... }.  Each runs in
 * a forked child (Check), so a database is opened inside the case, never before it.
 */
#ifndef CRMTEST_H
#define CRMTEST_H

#include <check.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Check writes each assertion that holds to a file and reads it all back, to know the last one when
 * a case dies: half of the time of cases with millions.  The last one is noted in memory instead,
 * which the runner shares, and says of a case that did not come to its end. */
typedef struct crmtest_place {
    const char *file;
    int line;
    int ended; /* the case */
} crmtest_place;
extern crmtest_place *crmtest_last;

static inline void crmtest_held(const char *file, int line)
{
    __atomic_store_n(&crmtest_last->file, file, __ATOMIC_RELAXED);
    __atomic_store_n(&crmtest_last->line, line, __ATOMIC_RELAXED);
}

#undef ck_assert_msg
#define ck_assert_msg(expr, ...)                                                                   \
    ((expr)                                                                                        \
         ? crmtest_held(__FILE__, __LINE__)                                                        \
         : _ck_assert_failed(__FILE__, __LINE__, "Assertion '" #expr "' failed", ##__VA_ARGS__))
/* Check's own makes text of the bytes first. */
#undef ck_assert_mem_eq
#define ck_assert_mem_eq(X, Y, L)                                                                  \
    do {                                                                                           \
        const void *x_mem_ = (X), *y_mem_ = (Y);                                                   \
        size_t l_mem_ = (L);                                                                       \
        if (l_mem_ && memcmp(x_mem_, y_mem_, l_mem_) != 0)                                         \
            _ck_assert_mem(x_mem_, ==, y_mem_, l_mem_);                                            \
        else                                                                                       \
            crmtest_held(__FILE__, __LINE__);                                                      \
    } while (0)

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
/* `normal` usually; `full` under tests/run.sh --full (CRM_FULL=1); less under valgrind
 * (CRM_SHORT=1). */
size_t crmtest_rounds(size_t normal, size_t full);
/* Seconds after which something is taken to hang: n, more where CK_TIMEOUT_MULTIPLIER says so. */
unsigned crmtest_seconds(unsigned n);
/* Step through something that is else tried exhaustively: 1, and n where a step takes long
 * (CRM_SHORT). */
unsigned crmtest_stride(unsigned n);
/* The same for what is tried in steps of `normal`: 1 under --full, `quick` where a step takes long. */
unsigned crmtest_step(unsigned normal, unsigned quick);

/* How many files and folders there are in a folder whose names do not begin with a dot; 0: none, or
 * no such folder. */
size_t crmtest_names_in(const char *folder);

#endif
