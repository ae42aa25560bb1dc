/* SPDX-License-Identifier: MIT
 * Day lists: what is built of random items reads back as these items, item by item and column by
 * column; parts keep their bounds and names; damaged parts are safe to read.
 */
#include "bits/day.h"

#include "base/time.h"
#include "bits/pack.h"
#include "crmtest.h"

#include <crm/codes.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 5000 };

typedef struct items {
    crm__day_list list;
    crm__slice *at;
    size_t n;
} items;

static int by_item(const void *a, const void *b)
{
    return crm__slice_compare(*(const crm__slice *)a, *(const crm__slice *)b);
}

static void items_sort(items *s)
{
    size_t at = 0, index = 0;

    s->n = crm__day_list_count(&s->list);
    s->at = malloc((s->n + 1) * sizeof *s->at);
    for (size_t i = 0; i < s->n; i++)
        s->at[i] = crm__day_list_next(&s->list, &at, &index);
    qsort(s->at, s->n, sizeof *s->at, by_item);
}

static void items_free(items *s)
{
    free(s->at);
    crm__day_list_clear(&s->list);
}

static void items_add(items *s, const crm__day_item *item)
{
    size_t before = s->list.bytes.n;
    uint16_t n;

    ck_assert_int_eq(crm__day_item_put(&s->list.bytes, item), CRM_OK);
    n = (uint16_t)(s->list.bytes.n - before);
    crm__buf_add(&s->list.lengths, &n, sizeof n);
}

/* ---- making items ---- */

typedef struct style {
    uint32_t rows, columns;
    int64_t unit;
    int number[6]; /* kind of numbers of each column */
    uint64_t absent;
} style;

static int64_t number(uint64_t *seed, int kind)
{
    static const int64_t ENDS[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX};

    switch (kind) {
    case 0:
        return 7;
    case 1:
        return (int64_t)crmtest_below(seed, 1000);
    case 2: /* mostly small */
        return (int64_t)crmtest_below(seed, crmtest_below(seed, 40) ? 50 : 1u << 30);
    case 3:
        return ENDS[crmtest_below(seed, 7)];
    case 4:
        return (int64_t)(crmtest_rand(seed) >> crmtest_below(seed, 64));
    default:
        return -(int64_t)(crmtest_rand(seed) >> crmtest_below(seed, 63) >> 1);
    }
}

static void random_style(uint64_t *seed, style *s)
{
    static const int64_t UNITS[] = {INT64_C(3600000000), 60000000, 1000000, 1000, 1,
                                    CRM__US_PER_DAY};
    static const uint32_t ROWS[] = {1, 2, 40, 3000, 65536};

    s->rows = ROWS[crmtest_below(seed, 5)];
    s->columns = (uint32_t)crmtest_below(seed, 7);
    s->unit = UNITS[crmtest_below(seed, 6)];
    for (int i = 0; i < 6; i++)
        s->number[i] = (int)crmtest_below(seed, 6);
    s->absent = crmtest_below(seed, 2) ? 0 : 1 + crmtest_below(seed, 9);
}

static void random_item(uint64_t *seed, const style *s, crm__day_item *item)
{
    item->row = (uint16_t)crmtest_below(seed, s->rows);
    item->us = (int64_t)crmtest_below(seed, (uint64_t)(CRM__US_PER_DAY / s->unit)) * s->unit;
    item->count = 0;
    for (uint32_t i = 0; i < s->columns; i++) {
        crm__day_value *v = &item->values[item->count];
        if (s->absent && crmtest_below(seed, 10) < s->absent)
            continue;
        v->column = i * i * 1000 + i;
        v->scale = (uint8_t)(i % 2 ? 0 : crmtest_below(seed, i == 2 ? 13 : 3));
        v->mantissa = number(seed, s->number[i]);
        item->count++;
    }
}

static void make(uint64_t *seed, const style *s, size_t n, items *out)
{
    crm__day_item item;

    crm__day_list_init(&out->list, NULL);
    while (n-- > 0) {
        random_item(seed, s, &item);
        items_add(out, &item);
        if (crmtest_below(seed, 16) == 0) /* an equal one */
            items_add(out, &item);
    }
    items_sort(out);
}

/* ---- comparing ---- */

static int power(int64_t m, int by, int64_t *out)
{
    __int128 v = m;

    while (by-- > 0) {
        v *= 10;
        if (v > INT64_MAX || v < INT64_MIN)
            return 0;
    }
    *out = (int64_t)v;
    return 1;
}

static const crm__day_value *value_of(const crm__day_item *item, uint32_t column)
{
    for (uint32_t i = 0; i < item->count; i++) {
        if (item->values[i].column == column)
            return &item->values[i];
    }
    return NULL;
}

/* Every column of an opened part against its items. */
static void compare_part(const crm__day *d, const crm__slice *at)
{
    static crm__day_item item[CRM__DAY_ITEMS];
    static uint16_t rows[CRM__DAY_ITEMS];
    static int64_t us[CRM__DAY_ITEMS], values[CRM__DAY_ITEMS];
    uint64_t present[CRM__DAY_ITEMS / 64];
    uint32_t seen = 0, counted = 0;
    int differ = 0;

    crm__day_rows(d, rows);
    crm__day_times(d, us);
    for (uint32_t i = 0; i < d->items; i++) {
        ck_assert_int_eq(crm__day_item_get(at[i], &item[i]), CRM_OK);
        differ += rows[i] != item[i].row || us[i] != item[i].us;
        counted += item[i].count;
    }
    ck_assert_int_eq(differ, 0);
    for (uint32_t k = 0; k < d->column_count; k++) {
        const crm__day_column *c = &d->columns[k];
        crm__day_wide wide;
        crm__day_value v;
        uint32_t wide_at = UINT32_MAX;
        ck_assert_ptr_eq(crm__day_find(d, c->column), c);
        ck_assert_int_eq(crm__day_values(d, c, values, present), CRM_OK);
        crm__day_wide_begin(d, c, &wide);
        ck_assert_int_ge(crm__day_wide_next(&wide, &wide_at, &v), 0);
        for (uint32_t i = 0; i < d->items; i++) {
            const crm__day_value *want = value_of(&item[i], c->column);
            int64_t scaled;
            ck_assert_int_eq(want != NULL, present[i / 64] >> i % 64 & 1);
            seen += want != NULL;
            if (want && power(want->mantissa, c->scale - want->scale, &scaled)) {
                ck_assert_int_eq(values[i], scaled);
                continue;
            }
            ck_assert_int_eq(values[i], 0);
            if (!want)
                continue;
            ck_assert_uint_eq(wide_at, i);
            ck_assert(v.mantissa == want->mantissa && v.scale == want->scale &&
                      v.column == c->column);
            wide_at = UINT32_MAX;
            ck_assert_int_ge(crm__day_wide_next(&wide, &wide_at, &v), 0);
        }
        ck_assert_int_eq(crm__day_wide_next(&wide, &wide_at, &v), CRM_DONE);
    }
    ck_assert_uint_eq(seen, counted);
    ck_assert_ptr_null(crm__day_find(d, UINT32_MAX));
}

typedef struct parts {
    const items *want;
    size_t done, count, bytes;
    int begun, row, number, last;
    crm__day_work *w;
} parts;

static int one_part(void *ctx, uint16_t row, uint16_t no, crm__slice part)
{
    parts *p = ctx;
    crm__day *d = malloc(sizeof *d);
    uint8_t *copy = malloc(part.n + 2);
    crm__day_list back;
    size_t at = 0, index = 0;

    /* Behind two bytes, so that it is 2-byte aligned only; nothing follows. */
    memcpy(copy + 2, part.p, part.n);
    part.p = copy + 2;
    ck_assert_uint_le(part.n, CRM__DAY_BYTES);
    ck_assert_int_eq(crm__day_open(part, d), CRM_OK);
    ck_assert_uint_le(p->done + d->items, p->want->n);
    ck_assert_uint_eq(row, d->first_row);
    /* A row in the middle of a part ends in it; one that needs more has parts of its own. */
    if (p->begun) {
        ck_assert_int_ge(row, p->last);
        ck_assert_int_eq(no, row == p->last ? p->number + 1 : 0);
        if (no)
            ck_assert_int_eq(p->row, row);
    } else {
        ck_assert_int_eq(no, 0);
    }
    compare_part(d, p->want->at + p->done);
    crm__day_list_init(&back, NULL);
    ck_assert_int_eq(crm__day_items(p->w, part, &back), CRM_OK);
    ck_assert_uint_eq(crm__day_list_count(&back), d->items);
    for (uint32_t i = 0; i < d->items; i++)
        ck_assert_int_eq(
            crm__slice_compare(crm__day_list_next(&back, &at, &index), p->want->at[p->done + i]),
            0);
    crm__day_list_clear(&back);
    p->done += d->items;
    p->begun = 1;
    p->row = row;
    p->number = no;
    p->last = crm__day_item_row(p->want->at[p->done - 1]);
    if (no)
        ck_assert_int_eq(p->last, row);
    p->count++;
    p->bytes += part.n;
    free(copy);
    free(d);
    return CRM_OK;
}

static size_t build_and_compare(const items *s, crm__day_work *w, int even)
{
    /* Reading needs memory of its own: the part given lies in that of the maker. */
    parts p = {s, 0, 0, 0, 0, 0, 0, 0, crm__day_work_new(NULL)};

    ck_assert_int_eq(crm__day_build(w, s->at, s->n, even, one_part, &p), CRM_OK);
    ck_assert_uint_eq(p.done, s->n);
    crm__day_work_free(p.w);
    return p.count;
}

CRM_TEST(test_bits_day__random)
{
    uint64_t seed = crmtest_seed();
    crm__day_work *w = crm__day_work_new(NULL);

    for (size_t round = crmtest_rounds(60, 4000); round > 0; round--) {
        size_t n = 1 + crmtest_below(&seed, crmtest_below(&seed, 8) ? 150 : MOST);
        style s;
        items list;
        random_style(&seed, &s);
        make(&seed, &s, n, &list);
        build_and_compare(&list, w, 0);
        build_and_compare(&list, w, 1);
        items_free(&list);
    }
    crm__day_work_free(w);
}

/* Each item's one spelling, and the order of spellings as that of the numbers in them. */
CRM_TEST(test_bits_day__spelling)
{
    uint64_t seed = crmtest_seed();
    crm__day_item a, b, back;
    crm__buf x, y;

    crm__buf_init(&x, NULL);
    crm__buf_init(&y, NULL);
    for (size_t round = crmtest_rounds(20000, 500000); round > 0; round--) {
        style s = {2, 1, CRM__US_PER_DAY / 2, {(int)crmtest_below(&seed, 6), 0}, 0};
        int order, want;
        random_item(&seed, &s, &a);
        random_item(&seed, &s, &b);
        a.values[0].scale = b.values[0].scale = 0;
        x.n = y.n = 0;
        ck_assert_int_eq(crm__day_item_put(&x, &a), CRM_OK);
        ck_assert_int_eq(crm__day_item_put(&y, &b), CRM_OK);
        ck_assert_int_eq(crm__day_item_get((crm__slice){x.p, x.n}, &back), CRM_OK);
        ck_assert(back.row == a.row && back.us == a.us && back.count == 1 &&
                  back.values[0].mantissa == a.values[0].mantissa);
        order = crm__slice_compare((crm__slice){x.p, x.n}, (crm__slice){y.p, y.n});
        want = a.row != b.row ? a.row - b.row
               : a.us != b.us ? (a.us < b.us ? -1 : 1)
               : a.values[0].mantissa < b.values[0].mantissa
                   ? -1
                   : a.values[0].mantissa > b.values[0].mantissa;
        ck_assert_int_eq((order > 0) - (order < 0), (want > 0) - (want < 0));
    }
    /* 1.50 is 1.5; other bytes are no spelling. */
    a = (crm__day_item){1, 5, 1, {{2, 2, 150}}};
    b = (crm__day_item){1, 5, 1, {{2, 1, 15}}};
    x.n = y.n = 0;
    ck_assert(!crm__day_item_put(&x, &a) && !crm__day_item_put(&y, &b));
    ck_assert(x.n == y.n && memcmp(x.p, y.p, x.n) == 0);
    for (size_t n = 0; n <= x.n; n++)
        ck_assert_int_eq(crm__day_item_get((crm__slice){x.p, n}, &back),
                         n == x.n || n == 7 ? CRM_OK : CRM_ECORRUPT);
    for (size_t i = 0; i < x.n; i++) {
        for (int bit = 0; bit < 8; bit++) {
            x.p[i] = (uint8_t)(x.p[i] ^ 1 << bit);
            y.n = 0;
            if (!crm__day_item_get((crm__slice){x.p, x.n}, &back)) {
                ck_assert_int_eq(crm__day_item_put(&y, &back), CRM_OK);
                ck_assert(y.n == x.n && memcmp(y.p, x.p, x.n) == 0);
            }
            x.p[i] = (uint8_t)(x.p[i] ^ 1 << bit);
        }
    }
    crm__buf_clear(&x);
    crm__buf_clear(&y);
}

CRM_TEST(test_bits_day__refuses_what_is_no_item)
{
    static crm__day_item item;
    crm__buf out;

    crm__buf_init(&out, NULL);
    item.us = -1;
    ck_assert_int_eq(crm__day_item_put(&out, &item), CRM_EINVAL);
    item.us = CRM__US_PER_DAY;
    ck_assert_int_eq(crm__day_item_put(&out, &item), CRM_EINVAL);
    item.us = CRM__US_PER_DAY - 1;
    item.count = 2;
    ck_assert_int_eq(crm__day_item_put(&out, &item), CRM_EINVAL); /* the same column twice */
    item.values[1].column = 1;
    item.values[1].scale = CRM__DAY_SCALE + 1;
    ck_assert_int_eq(crm__day_item_put(&out, &item), CRM_EINVAL);
    item.values[1].scale = CRM__DAY_SCALE;
    ck_assert_int_eq(crm__day_item_put(&out, &item), CRM_OK);
    item.count = CRM__DAY_COLUMNS + 1;
    ck_assert_int_eq(crm__day_item_put(&out, &item), CRM_EINVAL);
    crm__buf_clear(&out);
}

/* Items of as many columns as there may be, of the widest numbers. */
CRM_TEST(test_bits_day__widest)
{
    crm__day_work *w = crm__day_work_new(NULL);
    static crm__day_item item;
    items s;

    crm__day_list_init(&s.list, NULL);
    for (uint32_t i = 0; i < 20; i++) {
        item.row = 9;
        item.us = i;
        item.count = CRM__DAY_COLUMNS;
        for (uint32_t k = 0; k < CRM__DAY_COLUMNS; k++)
            item.values[k] = (crm__day_value){UINT32_MAX - 300 + 2 * k + i % 3, (uint8_t)(k % 13),
                                              k % 2 ? INT64_MAX : INT64_MIN};
        items_add(&s, &item);
    }
    items_sort(&s);
    ck_assert_uint_gt(build_and_compare(&s, w, 0), 9);
    build_and_compare(&s, w, 1);
    items_free(&s);
    crm__day_work_free(w);
}

/* One customer with more events on one day than a part holds, between others. */
CRM_TEST(test_bits_day__row_of_many_parts)
{
    crm__day_work *w = crm__day_work_new(NULL);
    uint64_t seed = crmtest_seed();
    style s = {65536, 3, 1, {1, 4, 4}, 0};
    crm__day_item item;
    items list;

    crm__day_list_init(&list.list, NULL);
    for (int i = 0; i < 3000; i++) {
        random_item(&seed, &s, &item);
        if (i % 10)
            item.row = 500;
        items_add(&list, &item);
    }
    items_sort(&list);
    ck_assert_uint_gt(build_and_compare(&list, w, 0), 8);
    build_and_compare(&list, w, 1);
    items_free(&list);
    crm__day_work_free(w);
}

CRM_TEST(test_bits_day__refuses_rows_out_of_order)
{
    crm__day_work *w = crm__day_work_new(NULL);
    parts p = {NULL, 0, 0, 0, 0, 0, 0, 0, w};
    static const uint8_t A[7] = {0, 5}, B[7] = {0, 4}, C[3] = {0, 1};
    crm__slice back[2] = {{A, 7}, {B, 7}}, cut[1] = {{C, 3}};

    ck_assert_int_eq(crm__day_build(w, back, 2, 0, one_part, &p), CRM_ECORRUPT);
    ck_assert_int_eq(crm__day_build(w, back, 2, 1, one_part, &p), CRM_ECORRUPT);
    ck_assert_int_eq(crm__day_build(w, cut, 1, 0, one_part, &p), CRM_ECORRUPT);
    crm__day_work_free(w);
}

/* ---- damage ---- */

static int keep(void *ctx, uint16_t row, uint16_t no, crm__slice part)
{
    crm__buf *b = ctx;

    (void)row;
    (void)no;
    b->n = 0;
    crm__buf_add(b, part.p, part.n);
    return CRM_OK;
}

/* Reads all there is; in an allocation of just that size. */
static void read_all(crm__day_work *w, const uint8_t *bytes, size_t n)
{
    static uint16_t rows[CRM__DAY_ITEMS];
    static int64_t us[CRM__DAY_ITEMS];
    static crm__day d;
    uint64_t present[CRM__DAY_ITEMS / 64];
    uint8_t *exact = malloc(n ? n : 1);
    crm__slice part = {exact, n};
    crm__day_list list;

    if (n)
        memcpy(exact, bytes, n);
    if (!crm__day_open(part, &d)) {
        crm__day_rows(&d, rows);
        crm__day_times(&d, us);
        for (uint32_t i = 0; i < d.items; i++)
            ck_assert(us[i] >= 0 && us[i] < 3 * CRM__US_PER_DAY);
        for (uint32_t k = 0; k < d.column_count; k++) {
            crm__day_wide wide;
            crm__day_value v;
            uint32_t item, before = 0, count = 0;
            int rc;
            crm__day_values(&d, &d.columns[k], us, present);
            crm__day_values(&d, &d.columns[k], us, NULL);
            crm__day_wide_begin(&d, &d.columns[k], &wide);
            while ((rc = crm__day_wide_next(&wide, &item, &v)) == CRM_OK) {
                ck_assert(item < d.items && (!count || item > before));
                before = item;
                count++;
            }
            ck_assert(rc == CRM_DONE || rc == CRM_ECORRUPT);
            ck_assert_uint_le(count, d.columns[k].wide);
        }
    }
    crm__day_list_init(&list, NULL);
    crm__day_items(w, part, &list);
    crm__day_list_clear(&list);
    free(exact);
}

/* The head tells what a column's values come to; whoever reads the items finds out. */
CRM_TEST(test_bits_day__another_total)
{
    crm__day_work *w = crm__day_work_new(NULL);
    crm__day_item item = {1, 0, 1, {{2, 0, 0}}};
    crm__buf bytes, part;
    crm__slice at[3];
    crm__day_list list;
    static crm__day d;
    size_t ends[4] = {0};

    crm__buf_init(&bytes, NULL);
    crm__buf_init(&part, NULL);
    crm__day_list_init(&list, NULL);
    for (int i = 0; i < 3; i++) { /* 10, 11, 13: 4 above the least in all */
        item.us = i;
        item.values[0].mantissa = 10 + i + i / 2;
        ck_assert_int_eq(crm__day_item_put(&bytes, &item), CRM_OK);
        ends[i + 1] = bytes.n;
    }
    for (int i = 0; i < 3; i++)
        at[i] = (crm__slice){bytes.p + ends[i], ends[i + 1] - ends[i]};
    ck_assert_int_eq(crm__day_build(w, at, 3, 0, keep, &part), CRM_OK);
    ck_assert_int_eq(crm__day_open((crm__slice){part.p, part.n}, &d), CRM_OK);
    ck_assert_uint_eq(d.columns[0].total, 4);
    ck_assert_int_eq(crm__day_items(w, (crm__slice){part.p, part.n}, &list), CRM_OK);
    for (size_t i = 0; i < part.n; i++) {
        uint8_t was = part.p[i];
        part.p[i] = 5;
        if (was == 4 && !crm__day_open((crm__slice){part.p, part.n}, &d) &&
            d.columns[0].total == 5) {
            ck_assert_int_eq(crm__day_items(w, (crm__slice){part.p, part.n}, &list), CRM_ECORRUPT);
            ends[0] = 1;
        }
        part.p[i] = was;
    }
    ck_assert_uint_eq(ends[0], 1);
    crm__day_list_clear(&list);
    crm__buf_clear(&bytes);
    crm__buf_clear(&part);
    crm__day_work_free(w);
}

CRM_TEST(test_bits_day__damage)
{
    crm__day_work *w = crm__day_work_new(NULL);
    uint64_t seed = crmtest_seed();
    crm__buf part;

    crm__buf_init(&part, NULL);
    for (size_t round = crmtest_rounds(16, 400); round > 0; round--) {
        style s;
        items list;
        random_style(&seed, &s);
        make(&seed, &s, 1 + crmtest_below(&seed, 60), &list);
        ck_assert_int_eq(crm__day_build(w, list.at, list.n, 0, keep, &part), CRM_OK);
        items_free(&list);
        for (size_t i = 0; i < part.n; i += crmtest_stride(7)) {
            uint8_t was = part.p[i];
            part.p[i] =
                (uint8_t)(i < 40 || crmtest_below(&seed, 2) ? crmtest_rand(&seed) : was ^ 0x80);
            read_all(w, part.p, part.n);
            part.p[i] = was;
        }
        for (size_t n = 0; n < part.n; n += 1 + n / 16) {
            crm__day *d = malloc(sizeof *d);
            ck_assert_int_eq(crm__day_open((crm__slice){part.p, n}, d), CRM_ECORRUPT);
            free(d);
            read_all(w, part.p, n);
        }
    }
    crm__buf_clear(&part);
    crm__day_work_free(w);
}

/* ---- packing ---- */

CRM_TEST(test_bits_pack__every_width)
{
    uint64_t seed = crmtest_seed(), from[70], to[70];

    for (unsigned width = 0; width <= 64; width++) {
        if (!crm__pack_width_ok(width))
            continue;
        for (size_t n = 0; n < 70; n++) {
            size_t size = crm__pack_size(n, width);
            uint64_t add = crmtest_rand(&seed);
            uint8_t *bytes = malloc(size ? size : 1);
            for (size_t i = 0; i < n; i++)
                from[i] = width ? crmtest_rand(&seed) >> (64 - width) : 0;
            crm__pack(bytes, from, n, width);
            crm__unpack(bytes, bytes + size, n, width, add, to);
            for (size_t i = 0; i < n; i++)
                ck_assert_uint_eq(to[i], from[i] + add);
            free(bytes);
        }
    }
    ck_assert_uint_eq(crm__pack_width(crm__pack_bits(UINT64_MAX >> 4)), CRM__PACK_WIDE);
    ck_assert_uint_eq(crm__pack_width(crm__pack_bits(0)), 0);
}

CRM_TEST(test_bits_day__currency)
{
    char text[4];

    crm__day_currency_text(crm__day_currency("CNY"), text);
    ck_assert_str_eq(text, "CNY");
    crm__day_currency_text(crm__day_currency("ZZZ"), text);
    ck_assert_str_eq(text, "ZZZ");
    ck_assert_int_eq(crm__day_currency("AAA"), 0);
    crm__day_currency_text(-1, text); /* damaged: still letters */
    for (int i = 0; i < 3; i++)
        ck_assert(text[i] >= 'A' && text[i] <= 'Z');
}
