/* SPDX-License-Identifier: MIT
 * Spans against plain sums of the same items: random items come and go; what is stored depends only
 * on those that are left, tells their counts and sums for any days, and damaged ones stay within
 * bounds.
 */
#include "bits/day_span.h"
#include "base/time.h"
#include "crmtest.h"

#include <crm/codes.h>
#include <stdlib.h>

enum { POOL = 300, CURRENCIES = 4 };
typedef unsigned __int128 big;

/* Items there may be, and how many of each there are on each day. */
typedef struct pool {
    crm__day_item item[POOL];
    crm__buf bytes[POOL];
    int64_t times[CRM__SPAN_DAYS][POOL];
} pool;

static const int64_t CURRENCY[CURRENCIES] = {0, 1, 1754, 17575};

/* Sorts of items: whole numbers, amounts with their currency, large ones of any scale. */
static void random_item(uint64_t *seed, int sort, crm__day_item *item)
{
    item->row = (uint16_t)crmtest_rand(seed);
    item->us = (int64_t)crmtest_below(seed, CRM__US_PER_DAY);
    item->count = 0;
    for (uint32_t c = 2; c < 10; c += 2) {
        crm__day_value *v = &item->values[item->count];
        if (crmtest_below(seed, 3) == 0)
            continue;
        *v = (crm__day_value){c, 0, (int64_t)crmtest_below(seed, 1000)};
        if (sort) {
            v->scale = (uint8_t)(sort == 1 ? 2 : crmtest_below(seed, CRM__DAY_SCALE + 1));
            v->mantissa = sort == 1 ? v->mantissa * 100 + (int64_t)crmtest_below(seed, 100)
                                    : (int64_t)(crmtest_rand(seed) >> crmtest_below(seed, 64));
        }
        if (crmtest_below(seed, 2))
            v->mantissa = -v->mantissa;
        item->count++;
        if (c < 6 || crmtest_below(seed, 10) == 0)
            continue;
        item->values[item->count++] =
            (crm__day_value){c + 1, 0, CURRENCY[crmtest_below(seed, CURRENCIES)]};
    }
}

static pool *make_pool(uint64_t *seed)
{
    pool *p = calloc(1, sizeof *p);
    int sort = (int)crmtest_below(seed, 3);

    ck_assert_ptr_nonnull(p);
    for (int i = 0; i < POOL; i++) {
        crm__buf_init(&p->bytes[i], NULL);
        random_item(seed, sort, &p->item[i]);
        ck_assert_int_eq(crm__day_item_put(&p->bytes[i], &p->item[i]), CRM_OK);
        /* Numbers have the scale of their one spelling. */
        ck_assert_int_eq(
            crm__day_item_get((crm__slice){p->bytes[i].p, p->bytes[i].n}, &p->item[i]), CRM_OK);
    }
    return p;
}

static void free_pool(pool *p)
{
    for (int i = 0; i < POOL; i++)
        crm__buf_clear(&p->bytes[i]);
    free(p);
}

/* ---- the plain way ---- */

static big scaled(const crm__day_value *v)
{
    big n = (big)(__int128)v->mantissa;

    for (unsigned s = v->scale; s < CRM__DAY_SCALE; s++)
        n *= 10;
    return n;
}

/* The currency of a value is that of the next column. */
static uint32_t currency_of(const crm__day_item *item, uint32_t i)
{
    return i + 1 < item->count && item->values[i + 1].column == item->values[i].column + 1
               ? 1 + (uint32_t)item->values[i + 1].mantissa
               : 0;
}

static void plain_sum(const pool *p, uint32_t days, uint32_t column, uint32_t currency,
                      uint64_t *count, big *sum)
{
    *count = 0;
    *sum = 0;
    for (int d = 0; d < CRM__SPAN_DAYS; d++) {
        for (int i = 0; i < POOL && days >> d & 1; i++) {
            const crm__day_item *item = &p->item[i];
            for (uint32_t k = 0; k < item->count; k++) {
                if (item->values[k].column != column || currency_of(item, k) != currency)
                    continue;
                *count += (uint64_t)p->times[d][i];
                *sum += scaled(&item->values[k]) * (big)(uint64_t)p->times[d][i];
            }
        }
    }
}

static uint64_t plain_items(const pool *p, uint32_t days)
{
    uint64_t n = 0;

    for (int d = 0; d < CRM__SPAN_DAYS; d++) {
        for (int i = 0; i < POOL && days >> d & 1; i++)
            n += (uint64_t)p->times[d][i];
    }
    return n;
}

/* ---- comparing ---- */

static void compare(const pool *p, crm__slice stored, uint32_t days)
{
    uint64_t seen[10][CURRENCIES + 1] = {{0}}, count;
    crm__span_column c = {0};
    crm__span_view v;
    big sum;
    int rc;

    if (!stored.n) {
        ck_assert_uint_eq(plain_items(p, UINT32_MAX), 0);
        return;
    }
    ck_assert_int_eq(crm__span_open(stored, &v), CRM_OK);
    ck_assert_uint_eq(crm__span_items(&v, days), plain_items(p, days));
    while ((rc = crm__span_next(&v, &c)) == CRM_OK) {
        crm__day_total t;
        memset(&t, 0, sizeof t);
        plain_sum(p, days, c.column, c.currency, &count, &sum);
        ck_assert_int_eq(crm__span_sum(&v, &c, days, &t), 1);
        ck_assert_uint_eq(t.count, count);
        ck_assert(t.sum == (__int128)sum);
        ck_assert_uint_lt(c.column, 10);
        for (int i = 0; i <= CURRENCIES; i++) {
            if (c.currency == (i ? 1 + (uint32_t)CURRENCY[i - 1] : 0))
                seen[c.column][i]++;
        }
    }
    ck_assert_int_eq(rc, CRM_DONE);
    for (uint32_t column = 0; column < 10; column++) {
        for (int i = 0; i <= CURRENCIES; i++) {
            plain_sum(p, UINT32_MAX, column, i ? 1 + (uint32_t)CURRENCY[i - 1] : 0, &count, &sum);
            ck_assert_uint_eq(seen[column][i], column % 2 == 0 && count > 0);
        }
    }
}

static void store(const crm__span *s, crm__buf *out)
{
    out->n = 0;
    ck_assert_int_eq(crm__span_put(s, out), CRM_OK);
}

/* What the items that are left make, added day by day. */
static void store_anew(const pool *p, crm__buf *out)
{
    crm__span s;

    crm__span_init(&s, NULL);
    for (uint32_t d = 0; d < CRM__SPAN_DAYS; d++) {
        for (int i = POOL - 1; i >= 0; i--) {
            if (p->times[d][i])
                ck_assert_int_eq(crm__span_add(&s, d,
                                               (crm__slice){p->bytes[i].p, p->bytes[i].n},
                                               p->times[d][i]),
                                 CRM_OK);
        }
    }
    store(&s, out);
    crm__span_clear(&s);
}

static void same(const crm__buf *a, const crm__buf *b)
{
    ck_assert_uint_eq(a->n, b->n);
    ck_assert(!a->n || memcmp(a->p, b->p, a->n) == 0);
}

static void change(uint64_t *seed, pool *p, crm__span *s, uint64_t adds)
{
    uint32_t day = (uint32_t)crmtest_below(seed, CRM__SPAN_DAYS);
    int i = (int)crmtest_below(seed, POOL);
    int64_t more = crmtest_below(seed, 10) < adds ? 1 + (int64_t)crmtest_below(seed, 3)
                                                  : -p->times[day][i];

    p->times[day][i] += more;
    ck_assert_int_eq(
        crm__span_add(s, day, (crm__slice){p->bytes[i].p, p->bytes[i].n}, more), CRM_OK);
}

CRM_TEST(test_bits_day_span__random)
{
    uint64_t seed = crmtest_seed();

    for (size_t rounds = crmtest_rounds(12, 400); rounds-- > 0;) {
        pool *p = make_pool(&seed);
        crm__buf out, anew;
        crm__span s;
        crm__buf_init(&out, NULL);
        crm__buf_init(&anew, NULL);
        crm__span_init(&s, NULL);
        for (int turn = 0; turn < 8; turn++) {
            uint64_t adds = turn < 5 ? 8 : turn < 7 ? 1 : 0;
            for (uint64_t n = crmtest_below(&seed, 400); n > 0; n--)
                change(&seed, p, &s, adds);
            if (turn == 7) { /* all of it goes */
                for (uint32_t d = 0; d < CRM__SPAN_DAYS; d++) {
                    for (int i = 0; i < POOL; i++) {
                        ck_assert_int_eq(crm__span_add(&s, d,
                                                       (crm__slice){p->bytes[i].p, p->bytes[i].n},
                                                       -p->times[d][i]),
                                         CRM_OK);
                        p->times[d][i] = 0;
                    }
                }
            }
            store(&s, &out);
            store_anew(p, &anew);
            same(&out, &anew);
            compare(p, (crm__slice){out.p, out.n}, (uint32_t)crmtest_rand(&seed));
            compare(p, (crm__slice){out.p, out.n},
                    UINT32_MAX << crmtest_below(&seed, 32) >> crmtest_below(&seed, 32));
            if (out.n && crmtest_below(&seed, 2)) { /* goes on from what is stored */
                ck_assert_int_eq(crm__span_read(&s, (crm__slice){out.p, out.n}), CRM_OK);
                store(&s, &anew);
                same(&out, &anew);
            }
        }
        crm__span_clear(&s);
        crm__buf_clear(&out);
        crm__buf_clear(&anew);
        free_pool(p);
    }
}

CRM_TEST(test_bits_day_span__days)
{
    for (int32_t day = -200; day < 200; day++) {
        ck_assert_int_eq(crm__span_of(day) * CRM__SPAN_DAYS + (int32_t)crm__span_place(day), day);
        ck_assert_uint_lt(crm__span_place(day), CRM__SPAN_DAYS);
    }
    ck_assert_int_eq(crm__span_of(INT32_MIN), INT32_MIN / CRM__SPAN_DAYS);
    ck_assert_int_eq(crm__span_of(INT32_MAX), INT32_MAX / CRM__SPAN_DAYS);
}

/* More is taken away than there is. */
CRM_TEST(test_bits_day_span__refuses_less_than_none)
{
    crm__day_item item = {1, 2, 1, {{4, 0, 7}}}, other = {1, 2, 1, {{4, 0, 8}}};
    crm__buf bytes, others, out;
    crm__span s;

    crm__buf_init(&bytes, NULL);
    crm__buf_init(&others, NULL);
    crm__buf_init(&out, NULL);
    crm__span_init(&s, NULL);
    ck_assert_int_eq(crm__day_item_put(&bytes, &item), CRM_OK);
    ck_assert_int_eq(crm__day_item_put(&others, &other), CRM_OK);
    ck_assert_int_eq(crm__span_add(&s, 3, (crm__slice){bytes.p, bytes.n}, -1), CRM_OK);
    ck_assert_int_eq(crm__span_put(&s, &out), CRM_ECORRUPT);
    /* As many come as go, but others. */
    ck_assert_int_eq(crm__span_add(&s, 3, (crm__slice){others.p, others.n}, 1), CRM_OK);
    ck_assert_int_eq(crm__span_put(&s, &out), CRM_ECORRUPT);
    ck_assert_int_eq(crm__span_add(&s, 3, (crm__slice){bytes.p, 3}, 1), CRM_ECORRUPT);
    crm__span_clear(&s);
    crm__buf_clear(&bytes);
    crm__buf_clear(&others);
    crm__buf_clear(&out);
}

static void read_all(crm__slice stored, crm__span *s, crm__buf *out)
{
    crm__span_column c = {0};
    crm__span_view v;

    if (crm__span_open(stored, &v) == CRM_OK) {
        while (crm__span_next(&v, &c) == CRM_OK) {
            crm__day_total t;
            memset(&t, 0, sizeof t);
            (void)crm__span_items(&v, UINT32_MAX);
            (void)crm__span_sum(&v, &c, 0x0ff0ff0f, &t);
        }
    }
    out->n = 0;
    if (crm__span_read(s, stored) == CRM_OK)
        (void)crm__span_put(s, out);
}

CRM_TEST(test_bits_day_span__damaged)
{
    uint64_t seed = crmtest_seed();
    pool *p = make_pool(&seed);
    crm__buf out, other;
    crm__span s;

    crm__buf_init(&out, NULL);
    crm__buf_init(&other, NULL);
    crm__span_init(&s, NULL);
    for (int i = 0; i < 500; i++)
        change(&seed, p, &s, 9);
    store(&s, &out);
    for (size_t rounds = crmtest_rounds(3000, 100000); rounds-- > 0;) {
        size_t n = crmtest_below(&seed, 4) ? out.n : crmtest_below(&seed, out.n + 1);
        uint8_t *copy = malloc(n ? n : 1); /* of just that size */
        ck_assert_ptr_nonnull(copy);
        memcpy(copy, out.p, n);
        for (uint64_t k = crmtest_below(&seed, 4); n && k > 0; k--)
            copy[crmtest_below(&seed, crmtest_below(&seed, 2) ? n : n < 40 ? n : 40)] ^=
                (uint8_t)(1u << crmtest_below(&seed, 8));
        read_all((crm__slice){copy, n}, &s, &other);
        free(copy);
    }
    crm__span_clear(&s);
    crm__buf_clear(&out);
    crm__buf_clear(&other);
    free_pool(p);
}
