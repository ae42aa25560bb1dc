/* SPDX-License-Identifier: MIT
 * Blocks of identity rows: what is put in comes out, halving finds what a walk finds, and no bytes
 * make a reader look outside.
 */
#include "codec/ids.h"
#include "crmtest.h"

#include <crm/codes.h>
#include <stdlib.h>

enum { MOST = 200 };

static int by_bytes(const void *a, const void *b)
{
    return crm__id_row_order(a, b);
}

/* Rows in order, each once: tokens of a few values, or of one beginning, or any. */
static uint32_t some_rows(uint64_t *seed, crm__id_row rows[MOST])
{
    uint32_t n = 1 + (uint32_t)crmtest_below(seed, MOST), count = 0;
    uint64_t begin = crmtest_below(seed, CRM__TOKEN_SIZE + 1), bits = 1 + crmtest_below(seed, 64);
    int few = crmtest_below(seed, 3) == 0;
    uint8_t token[CRM__TOKEN_SIZE];

    for (size_t i = 0; i < sizeof token; i++)
        token[i] = (uint8_t)crmtest_rand(seed);
    for (uint32_t i = 0; i < n; i++) {
        for (size_t k = (size_t)begin; k < sizeof token; k++)
            token[k] = (uint8_t)(few ? crmtest_below(seed, 2) : crmtest_rand(seed));
        rows[i] = crm__id_row_of(token, crmtest_rand(seed) >> (64 - bits));
    }
    qsort(rows, n, sizeof *rows, by_bytes);
    for (uint32_t i = 0; i < n; i++) {
        if (!i || by_bytes(&rows[i], &rows[count - 1]))
            rows[count++] = rows[i];
    }
    return count;
}

static uint32_t lower(const crm__id_row *rows, uint32_t n, const crm__id_row *row)
{
    uint32_t i = 0;

    while (i < n && crm__id_row_order(&rows[i], row) < 0)
        i++;
    return i;
}

static void compare(uint64_t *seed, const crm__id_row *rows, uint32_t n, const crm__buf *out)
{
    crm__ids b;

    ck_assert_int_eq(crm__ids_open(crm__slice_of(out->p, out->n), &b), CRM_OK);
    ck_assert_uint_eq(b.count, n);
    ck_assert(crm__ids_sound(&b));
    for (uint32_t i = 0; i < n; i++) {
        crm__id_row row = crm__ids_row(&b, i), near = row;
        ck_assert(crm__id_row_order(&row, &rows[i]) == 0);
        ck_assert_uint_eq(crm__ids_lower(&b, &row), i);
        near.byte[crmtest_below(seed, CRM__ID_ROW)] ^= (uint8_t)(1u << crmtest_below(seed, 8));
        ck_assert_uint_eq(crm__ids_lower(&b, &near), lower(rows, n, &near));
    }
}

CRM_TEST(test_codec_ids__what_is_put_in_comes_out)
{
    uint64_t seed = crmtest_seed();
    crm__id_row rows[MOST];
    crm__buf out;

    crm__buf_init(&out, NULL);
    for (int round = 0; round < 2000; round++) {
        uint32_t n = some_rows(&seed, rows);
        size_t most = crmtest_below(&seed, 2000), bytes;
        for (uint32_t i = 0, k; i < n; i += k) {
            size_t with = 0;
            k = crm__ids_fit(rows + i, n - i, most, &bytes);
            ck_assert(k >= 1 && k <= n - i);
            out.n = 0;
            crm__ids_add(rows + i, k, &out);
            ck_assert(!out.failed && out.n == bytes && (bytes <= most || k == 1));
            compare(&seed, rows + i, k, &out);
            if (i + k == n)
                continue;
            crm__ids_fit(rows + i, k + 1, SIZE_MAX, &with);
            ck_assert_uint_gt(with, most); /* no more would have fitted */
        }
    }
    crm__buf_clear(&out);
}

CRM_TEST(test_codec_ids__no_other_form_is_sound)
{
    uint64_t seed = crmtest_seed();
    crm__id_row rows[MOST];
    crm__ids b;
    crm__buf out;

    crm__buf_init(&out, NULL);
    for (int round = 0; round < 500; round++) {
        uint32_t n = some_rows(&seed, rows), i;
        out.n = 0;
        crm__ids_add(rows, n, &out);
        if (n == 1)
            continue;
        i = (uint32_t)crmtest_below(&seed, n - 1);
        ck_assert_int_eq(crm__ids_open(crm__slice_of(out.p, out.n), &b), CRM_OK);
        /* The row behind it is the same one. */
        memcpy(out.p + (b.rows - out.p) + (size_t)i * b.row_n,
               out.p + (b.rows - out.p) + (size_t)(i + 1) * b.row_n, b.row_n);
        ck_assert(!crm__ids_sound(&b));
    }
    crm__buf_clear(&out);
}

CRM_TEST(test_codec_ids__bytes_that_are_no_block)
{
    static const uint8_t one[] = {1, 15, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 9};
    uint8_t copy[sizeof one];
    crm__ids b;

    ck_assert_int_eq(crm__ids_open(crm__slice_of(one, sizeof one), &b), CRM_OK);
    ck_assert_uint_eq(b.count, 1);
    for (size_t n = 0; n < sizeof one; n++)
        ck_assert_int_eq(crm__ids_open(crm__slice_of(one, n), &b), CRM_ECORRUPT);
    memcpy(copy, one, sizeof one);
    copy[0] = 2; /* another format */
    ck_assert_int_eq(crm__ids_open(crm__slice_of(copy, sizeof copy), &b), CRM_ECORRUPT);
    copy[0] = 1;
    copy[1] = 17; /* longer than a token */
    ck_assert_int_eq(crm__ids_open(crm__slice_of(copy, sizeof copy), &b), CRM_ECORRUPT);
    copy[1] = 15;
    for (int w = 0; w < 256; w++) {
        copy[2] = (uint8_t)w;
        ck_assert_int_eq(crm__ids_open(crm__slice_of(copy, sizeof copy), &b),
                         w == 1 ? CRM_OK : CRM_ECORRUPT);
    }
}

/* Ids of one token stand together, in order, behind the key of the token. */
CRM_TEST(test_codec_ids__keys_in_order)
{
    uint64_t seed = crmtest_seed();
    uint8_t token[CRM__TOKEN_SIZE], t[CRM__KEY_TOKEN], a[CRM__KEY_IDENTITY], b[CRM__KEY_IDENTITY];

    for (int i = 0; i < 5000; i++) {
        uint64_t x = crmtest_rand(&seed) >> crmtest_below(&seed, 64);
        uint64_t y = crmtest_rand(&seed) >> crmtest_below(&seed, 64);
        uint32_t field = (uint32_t)crmtest_below(&seed, 65536);
        crm__id_row row;
        int order;
        for (size_t k = 0; k < sizeof token; k++)
            token[k] = (uint8_t)crmtest_rand(&seed);
        ck_assert_uint_eq(crm__key_token(t, field, token).n, CRM__KEY_TOKEN);
        ck_assert(memcmp(t + 2, token, sizeof token) == 0);
        row = crm__id_row_of(token, x);
        ck_assert_uint_eq(crm__id_row_id(&row), x);
        ck_assert_uint_eq(crm__id_row_key(a, field, &row).n, CRM__KEY_IDENTITY);
        row = crm__id_row_of(token, y);
        crm__id_row_key(b, field, &row);
        ck_assert(memcmp(a, t, sizeof t) == 0 && memcmp(b, t, sizeof t) == 0);
        order = memcmp(a, b, sizeof a);
        ck_assert_int_eq((order > 0) - (order < 0), (x > y) - (x < y));
    }
}
