/* SPDX-License-Identifier: MIT
 * Sorting that a host can stop: as the C library sorts, with a look every few thousand comparisons.
 */
#include "segment/sort.h"

#include <crm/codes.h>
#include <crmtest.h>
#include <stdlib.h>
#include <string.h>

static uint64_t compared, since, most, looks, stop_at;

static int by_number(const void *a, const void *b)
{
    uint32_t x, y;

    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    compared++;
    since++;
    return x < y ? -1 : x > y;
}

static int look(uint64_t done, uint64_t total, void *ctx)
{
    ck_assert_uint_eq(done, 7);
    ck_assert_uint_eq(total, 9);
    ck_assert_ptr_eq(ctx, &looks);
    most = since > most ? since : most;
    since = 0;
    return ++looks == stop_at;
}

static uint8_t *made(size_t n, size_t width, uint32_t below)
{
    uint64_t state = crmtest_seed() + n;
    uint8_t *p = malloc(n * width + 1);

    for (size_t i = 0; i < n; i++) {
        uint32_t number = (uint32_t)crmtest_below(&state, below);
        memset(p + i * width, (int)(number % 251), width); /* goes with it */
        memcpy(p + i * width, &number, sizeof number);
    }
    return p;
}

CRM_TEST(test_segment_sort__as_the_library)
{
    static const size_t SIZES[] = {0, 1, 2, 4095, 4096, 4097, 8192, 12289, 65536, 100003};
    static const size_t WIDTHS[] = {4, 8, 16, 32, 56};
    const crm_allocator *mem = NULL; /* of the C library */

    for (size_t s = 0; s < sizeof SIZES / sizeof SIZES[0]; s++) {
        for (size_t w = 0; w < sizeof WIDTHS / sizeof WIDTHS[0]; w++) {
            size_t n = SIZES[s], width = WIDTHS[w];
            crm__looking l = {look, &looks, 7, 9};
            uint8_t *p = made(n, width, s % 2 ? 100 : UINT32_MAX), *q = malloc(n * width + 1);
            memcpy(q, p, n * width);
            qsort(q, n, width, by_number);
            since = most = looks = stop_at = 0;
            ck_assert_int_eq(crm__sort(mem, p, n, width, by_number, &l), CRM_OK);
            ck_assert_int_eq(memcmp(p, q, n * width), 0);
            most = since > most ? since : most;
            ck_assert_uint_le(most, 4096 * 12);
            free(p);
            free(q);
        }
    }
}

CRM_TEST(test_segment_sort__stops_where_it_looks)
{
    const crm_allocator *mem = NULL; /* of the C library */

    looks = stop_at = 0;
    for (uint64_t last = 0, at = 1;; at++) {
        crm__looking l = {look, &looks, 7, 9};
        uint8_t *p = made(20000, 8, UINT32_MAX);
        int rc;
        compared = looks = 0;
        stop_at = at;
        rc = crm__sort(mem, p, 20000, 8, by_number, &l);
        free(p);
        if (rc == CRM_OK) {
            ck_assert_uint_gt(at, 10);
            break;
        }
        ck_assert_int_eq(rc, CRM_ECANCELLED);
        ck_assert_uint_eq(looks, at);
        ck_assert_uint_ge(compared, last);
        last = compared / 2;
    }
}
