/* SPDX-License-Identifier: MIT
 * As much of Check as the unit tests of src/bits use, for processors that this machine only plays:
 * a case that fails ends the program.
 */
#ifndef CROSS_CHECK_H
#define CROSS_CHECK_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CK_ATTRIBUTE_UNUSED __attribute__((unused))

typedef struct TTest {
    const char *name;
    void (*fn)(int);
    const char *file;
    int line;
} TTest;

#define _ck_assert_failed(file, line, text, ...)                                                   \
    (printf("FAILED %s:%d: %s\n", file, line, text), printf("0 passed, 1 failed\n"), exit(1))
#define ck_assert_msg(expr, ...) ((expr) ? (void)0 : _ck_assert_failed(__FILE__, __LINE__, #expr))
#define _ck_assert_mem(x, op, y, n) _ck_assert_failed(__FILE__, __LINE__, "bytes " #op)

#define ck_assert(expr) ck_assert_msg(expr, "")
#define ck_assert_int_eq(x, y) ck_assert((intmax_t)(x) == (intmax_t)(y))
#define ck_assert_int_ge(x, y) ck_assert((intmax_t)(x) >= (intmax_t)(y))
#define ck_assert_int_gt(x, y) ck_assert((intmax_t)(x) > (intmax_t)(y))
#define ck_assert_int_le(x, y) ck_assert((intmax_t)(x) <= (intmax_t)(y))
#define ck_assert_int_lt(x, y) ck_assert((intmax_t)(x) < (intmax_t)(y))
#define ck_assert_int_ne(x, y) ck_assert((intmax_t)(x) != (intmax_t)(y))
#define ck_assert_uint_eq(x, y) ck_assert((uintmax_t)(x) == (uintmax_t)(y))
#define ck_assert_uint_ge(x, y) ck_assert((uintmax_t)(x) >= (uintmax_t)(y))
#define ck_assert_uint_gt(x, y) ck_assert((uintmax_t)(x) > (uintmax_t)(y))
#define ck_assert_uint_le(x, y) ck_assert((uintmax_t)(x) <= (uintmax_t)(y))
#define ck_assert_uint_lt(x, y) ck_assert((uintmax_t)(x) < (uintmax_t)(y))
#define ck_assert_uint_ne(x, y) ck_assert((uintmax_t)(x) != (uintmax_t)(y))
#define ck_assert_ptr_eq(x, y) ck_assert((const void *)(x) == (const void *)(y))
#define ck_assert_ptr_null(x) ck_assert((x) == NULL)
#define ck_assert_ptr_nonnull(x) ck_assert((x) != NULL)
#define ck_assert_str_eq(x, y) ck_assert(strcmp(x, y) == 0)
#define ck_assert_str_ne(x, y) ck_assert(strcmp(x, y) != 0)

#endif
