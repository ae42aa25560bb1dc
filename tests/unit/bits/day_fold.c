/* SPDX-License-Identifier: MIT
 * Questions to day lists against going through their items one by one.
 */
#include "bits/day_fold.h"

#include "base/time.h"
#include "crmtest.h"

#include <crm/codes.h>
#include <stdlib.h>

enum { DAYS = 3, MOST = 9000, PARTS = 400, COLUMNS = 5 };

/* ---- lists ---- */

typedef struct fact {
    int32_t day;
    crm__day_item item; /* at most COLUMNS values */
    int in;
} fact;

typedef struct piece {
    int32_t day;
    uint8_t *bytes;
    crm__slice part;
} piece;

static fact *facts;
static size_t fact_count, piece_count;
static piece pieces[PARTS];
static crm__day_view view;

static int64_t some_number(uint64_t *seed, int kind)
{
    static const int64_t ENDS[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX};

    switch (kind) {
    case 0:
        return 13;
    case 1:
        return (int64_t)crmtest_below(seed, 100000);
    case 2: /* few, some of them far away */
        return (int64_t)crmtest_below(seed, crmtest_below(seed, 30) ? 5 : 1u << 20) - 2;
    case 3:
        return ENDS[crmtest_below(seed, 7)];
    default:
        return (int64_t)(crmtest_rand(seed) >> crmtest_below(seed, 64)) ^
               -(int64_t)crmtest_below(seed, 2);
    }
}

typedef struct style {
    uint64_t rows, absent;
    int64_t unit;
    int kind[COLUMNS], scale[COLUMNS];
} style;

static void random_style(uint64_t *seed, style *s)
{
    static const uint64_t ROWS[] = {1, 30, 3000, CRM__SET_ROWS};
    static const int64_t UNITS[] = {INT64_C(3600000000), 60000000, 1000000, 1};

    s->rows = ROWS[crmtest_below(seed, 4)];
    s->absent = crmtest_below(seed, 3);
    s->unit = UNITS[crmtest_below(seed, 4)];
    for (int i = 0; i < COLUMNS; i++) {
        s->kind[i] = (int)crmtest_below(seed, 5);
        s->scale[i] = crmtest_below(seed, 2) ? 0 : crmtest_below(seed, 3) ? 2 : 12;
    }
}

static void random_fact(uint64_t *seed, const style *s, int32_t day, fact *f)
{
    crm__day_item *item = &f->item;

    f->day = day;
    item->row = (uint16_t)(CRM__SET_ROWS - 1 - crmtest_below(seed, s->rows));
    item->us = (int64_t)crmtest_below(seed, (uint64_t)(CRM__US_PER_DAY / s->unit)) * s->unit;
    item->count = 0;
    for (uint32_t i = 0; i < COLUMNS; i++) {
        crm__day_value *v = &item->values[item->count];
        if (i && crmtest_below(seed, 4) < s->absent)
            continue;
        v->column = i;
        v->scale = (uint8_t)crmtest_below(seed, (uint64_t)s->scale[i] + 1);
        v->mantissa = some_number(seed, s->kind[i]);
        item->count++;
    }
}

static int by_item(const void *a, const void *b)
{
    return crm__slice_compare(*(const crm__slice *)a, *(const crm__slice *)b);
}

static int keep_part(void *ctx, uint16_t row, uint16_t number, crm__slice part)
{
    piece *p = &pieces[piece_count++];

    (void)row;
    (void)number;
    ck_assert_uint_le(piece_count, PARTS);
    p->day = *(int32_t *)ctx;
    p->bytes = malloc(part.n + 2);
    memcpy(p->bytes + 2, part.p, part.n);
    p->part = (crm__slice){p->bytes + 2, part.n};
    return CRM_OK;
}

static void build_day(const fact *f, size_t n, int32_t day)
{
    crm__day_work *w = crm__day_work_new(NULL);
    crm__slice *items = malloc((n + 1) * sizeof *items);
    size_t *ends = malloc((n + 1) * sizeof *ends);
    crm__buf bytes;

    crm__buf_init(&bytes, NULL);
    for (size_t i = 0; i < n; i++) {
        ck_assert_int_eq(crm__day_item_put(&bytes, &f[i].item), CRM_OK);
        ends[i] = bytes.n;
    }
    for (size_t i = 0; i < n; i++) {
        size_t from = i ? ends[i - 1] : 0;
        items[i] = (crm__slice){bytes.p + from, ends[i] - from};
    }
    qsort(items, n, sizeof *items, by_item);
    if (n)
        ck_assert_int_eq(crm__day_build(w, items, n, 0, keep_part, &day), CRM_OK);
    crm__buf_clear(&bytes);
    free(items);
    free(ends);
    crm__day_work_free(w);
}

static void random_lists(uint64_t *seed)
{
    static const uint64_t SIZES[] = {1, 3, 80, 300, 2500};

    facts = malloc(MOST * sizeof *facts);
    fact_count = piece_count = 0;
    for (int32_t day = -1; day < DAYS - 1; day++) {
        size_t n = 1 + crmtest_below(seed, SIZES[crmtest_below(seed, 5)]), from = fact_count;
        style s;
        random_style(seed, &s);
        for (size_t i = 0; i < n; i++)
            random_fact(seed, &s, day, &facts[fact_count++]);
        build_day(facts + from, n, day);
    }
}

static void free_lists(void)
{
    for (size_t i = 0; i < piece_count; i++)
        free(pieces[i].bytes);
    free(facts);
}

static const crm__day_value *value_of(const fact *f, uint32_t column)
{
    for (uint32_t i = 0; i < f->item.count; i++) {
        if (f->item.values[i].column == column)
            return &f->item.values[i];
    }
    return NULL;
}

/* ---- which items ---- */

typedef struct question {
    int windowed, filtered, ranged, negated, listed, list_negated;
    int64_t from, until; /* since midnight of day 0 */
    uint64_t words[CRM__SET_WORDS];
    uint32_t column, list_column;
    crm__limits limits;
    int64_t list[8];
    size_t list_count;
} question;

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static const crm__day_value *some_value(uint64_t *seed, uint32_t column)
{
    return value_of(&facts[crmtest_below(seed, fact_count)], column);
}

static void random_limits(uint64_t *seed, uint32_t column, crm__limits *l)
{
    const crm__day_value *a = some_value(seed, column), *b = some_value(seed, column);

    l->flags = (uint8_t)crmtest_below(seed, 16);
    l->lo = a ? a->mantissa : some_number(seed, 4);
    l->lo_scale = a ? (int8_t)a->scale : 0;
    l->hi = b ? b->mantissa : some_number(seed, 4);
    l->hi_scale = b ? (int8_t)b->scale : (int8_t)((int)crmtest_below(seed, 19) - 6);
}

static void random_question(uint64_t *seed, question *q)
{
    q->windowed = crmtest_below(seed, 3) == 0;
    q->filtered = crmtest_below(seed, 3) == 0;
    q->ranged = crmtest_below(seed, 2) == 0;
    q->listed = crmtest_below(seed, 3) == 0;
    q->negated = crmtest_below(seed, 3) == 0;
    q->list_negated = crmtest_below(seed, 3) == 0;
    q->from = (int64_t)crmtest_below(seed, 2 * CRM__US_PER_DAY) - CRM__US_PER_DAY;
    q->until = q->from + (int64_t)crmtest_below(seed, 2 * CRM__US_PER_DAY);
    for (int i = 0; i < CRM__SET_WORDS; i++)
        q->words[i] = crmtest_rand(seed) | crmtest_rand(seed);
    q->column = (uint32_t)crmtest_below(seed, COLUMNS + 1); /* the last is nowhere */
    random_limits(seed, q->column < COLUMNS ? q->column : 0, &q->limits);
    q->list_column = (uint32_t)crmtest_below(seed, COLUMNS + 1);
    q->list_count = crmtest_below(seed, 8);
    for (size_t i = 0; i < q->list_count; i++) {
        const crm__day_value *v = some_value(seed, q->list_column);
        q->list[i] = v ? v->mantissa : 13;
        for (int zeros = v ? v->scale : 0; zeros > 0 && q->list[i] % 10 == 0; zeros--)
            q->list[i] /= 10;
    }
    qsort(q->list, q->list_count, sizeof *q->list, by_number);
}

static int listed(const question *q, const crm__day_value *v)
{
    for (size_t i = 0; v && i < q->list_count; i++) {
        if (crm__scaled_compare(v->mantissa, v->scale, q->list[i], 0) == 0)
            return 1;
    }
    return 0;
}

static int asked(const question *q, const fact *f)
{
    const crm__day_value *v = value_of(f, q->column);
    int64_t at = f->day * CRM__US_PER_DAY + f->item.us;

    if (q->windowed && (at < q->from || at >= q->until))
        return 0;
    if (q->filtered && !crm__set_has(q->words, f->item.row))
        return 0;
    if (q->ranged && q->negated == (v && crm__limits_take(&q->limits, v->mantissa, v->scale)))
        return 0;
    return !q->listed || q->list_negated != listed(q, value_of(f, q->list_column));
}

/* The question put to one part. */
static void put(const question *q, const piece *p)
{
    int64_t midnight = p->day * CRM__US_PER_DAY;

    ck_assert_int_eq(crm__day_view_open(&view, p->part), CRM_OK);
    if (q->windowed)
        crm__day_view_window(&view, q->from - midnight, q->until - midnight);
    if (q->filtered)
        crm__day_view_among(&view, q->words);
    if (q->ranged)
        ck_assert_int_eq(crm__day_view_range(&view, q->column, &q->limits, q->negated), CRM_OK);
    if (q->listed)
        ck_assert_int_eq(
            crm__day_view_one_of(&view, q->list_column, q->list, q->list_count, q->list_negated),
            CRM_OK);
}

/* ---- what of them ---- */

static uint64_t words[CRM__SET_WORDS], want_words[CRM__SET_WORDS];
static uint16_t counts[CRM__SET_ROWS], want_counts[CRM__SET_ROWS];
static int64_t first[CRM__SET_ROWS], last[CRM__SET_ROWS];
static int64_t want_first[CRM__SET_ROWS], want_last[CRM__SET_ROWS];

static void ask_rows(const question *q)
{
    uint64_t left = 0, want = 0;

    memset(words, 0, sizeof words);
    memset(want_words, 0, sizeof want_words);
    for (int i = 0; i < CRM__SET_ROWS; i++) {
        counts[i] = want_counts[i] = (uint16_t)(UINT16_MAX - i % 3);
        first[i] = want_first[i] = INT64_MAX;
        last[i] = want_last[i] = INT64_MIN;
    }
    for (size_t i = 0; i < piece_count; i++) {
        put(q, &pieces[i]);
        left += view.left;
        crm__day_view_any(&view, words);
        crm__day_view_count(&view, counts);
        crm__day_view_first(&view, pieces[i].day, first);
        crm__day_view_last(&view, pieces[i].day, last);
    }
    for (size_t i = 0; i < fact_count; i++) {
        const fact *f = &facts[i];
        int64_t at = f->day * CRM__US_PER_DAY + f->item.us;
        if (!f->in)
            continue;
        want++;
        crm__set_put(want_words, f->item.row, 1);
        want_counts[f->item.row] =
            (uint16_t)(want_counts[f->item.row] + (want_counts[f->item.row] < UINT16_MAX));
        if (at < want_first[f->item.row])
            want_first[f->item.row] = at;
        if (at > want_last[f->item.row])
            want_last[f->item.row] = at;
    }
    ck_assert_uint_eq(left, want);
    ck_assert_mem_eq(words, want_words, sizeof words);
    ck_assert_mem_eq(counts, want_counts, sizeof counts);
    ck_assert_mem_eq(first, want_first, sizeof first);
    ck_assert_mem_eq(last, want_last, sizeof last);
}

static __int128 want_sums[CRM__SET_ROWS];
static uint32_t want_numbers[CRM__SET_ROWS];
static const crm__day_value *want_least[CRM__SET_ROWS], *want_most[CRM__SET_ROWS];

static int over(const crm__day_value *a, const crm__day_value *b)
{
    return crm__scaled_compare(a->mantissa, a->scale, b->mantissa, b->scale) > 0;
}

static void add_up(uint32_t column)
{
    memset(want_sums, 0, sizeof want_sums);
    memset(want_numbers, 0, sizeof want_numbers);
    memset(want_least, 0, sizeof want_least);
    memset(want_most, 0, sizeof want_most);
    for (size_t i = 0; i < fact_count; i++) {
        const crm__day_value *v = value_of(&facts[i], column);
        uint16_t row = facts[i].item.row;
        if (!facts[i].in || !v)
            continue;
        want_sums[row] += crm__scaled_big(v->mantissa, v->scale);
        want_numbers[row]++;
        if (!want_least[row] || over(want_least[row], v))
            want_least[row] = v;
        if (!want_most[row] || over(v, want_most[row]))
            want_most[row] = v;
    }
}

static void random_mask(uint64_t *seed)
{
    for (int i = 0; i < CRM__SET_WORDS; i++)
        words[i] = crmtest_below(seed, 4) ? UINT64_MAX : crmtest_rand(seed);
    memcpy(want_words, words, sizeof words);
}

/* Limits near what some row has. */
static void near_sum(uint64_t *seed, crm__limits *l)
{
    uint16_t row = facts[crmtest_below(seed, fact_count)].item.row;
    __int128 sum = want_sums[row];
    int scale = CRM__DAY_SCALE;

    while (scale > CRM__SCALE_LEAST && (sum > INT64_MAX || sum < INT64_MIN || sum % 10 == 0)) {
        sum /= 10;
        scale--;
    }
    random_limits(seed, 0, l);
    if (sum <= INT64_MAX && sum >= INT64_MIN) {
        l->lo = (int64_t)sum;
        l->lo_scale = (int8_t)scale;
    }
}

static void ask_sums(const question *q, uint64_t *seed, crm__day_sums *s, uint32_t column)
{
    crm__limits l;
    int differ = 0;

    crm__day_sums_reset(s);
    for (size_t i = 0; i < piece_count; i++) {
        put(q, &pieces[i]);
        ck_assert_int_eq(crm__day_view_sum(&view, column, s), CRM_OK);
    }
    for (uint32_t row = 0; row < CRM__SET_ROWS; row++) {
        differ += crm__day_sums_get(s, row) != want_sums[row];
        differ += s->counts && s->counts[row] != want_numbers[row];
    }
    ck_assert_int_eq(differ, 0);
    near_sum(seed, &l);
    random_mask(seed);
    crm__day_sums_range(s, &l, words);
    for (uint32_t row = 0; row < CRM__SET_ROWS; row++)
        differ += crm__set_has(words, row) !=
                  (crm__set_has(want_words, row) && crm__limits_take_big(&l, want_sums[row], 0));
    ck_assert_int_eq(differ, 0);
}

/* Counts and sums in one, of all lists some times over; what has no place there beside it. */
typedef struct both {
    crm__day_tally tally;
    crm__day_sums sums;
    int spilled;
} both;

static void tally_one(both *b, uint32_t column, int what)
{
    int rc = crm__day_view_tally(&view, column, what, &b->tally);

    if (rc == CRM_DONE) {
        ck_assert_int_eq(crm__day_tally_spill(&b->tally, counts, &b->sums), CRM_OK);
        b->spilled = 1;
        rc = crm__day_view_tally(&view, column, what, &b->tally);
    }
    if (rc == CRM_OK)
        return;
    ck_assert(rc == CRM_DONE || rc == CRM_EVALUE);
    b->spilled = 1;
    if (what & CRM__DAY_TALLY_COUNT)
        crm__day_view_count(&view, counts);
    if (what & CRM__DAY_TALLY_SUM)
        ck_assert_int_eq(crm__day_view_sum(&view, column, &b->sums), CRM_OK);
}

static void ask_kept_tally(both *b, uint64_t *seed)
{
    uint16_t lo = (uint16_t)crmtest_below(seed, 4), hi = (uint16_t)(lo + crmtest_below(seed, 4));
    crm__limits l;
    int differ = 0;

    hi = crmtest_below(seed, 2) ? UINT16_MAX : hi;
    crm__day_tally_counts(&b->tally, lo, hi, words);
    for (uint32_t row = 0; row < CRM__SET_ROWS; row++)
        differ += crm__set_has(words, row) != (lo <= want_counts[row] && want_counts[row] <= hi);
    near_sum(seed, &l);
    crm__day_tally_both(&b->tally, lo, hi, &l, words);
    for (uint32_t row = 0; row < CRM__SET_ROWS; row++)
        differ += crm__set_has(words, row) != (lo <= want_counts[row] && want_counts[row] <= hi &&
                                               crm__limits_take_big(&l, want_sums[row], 0));
    random_mask(seed);
    crm__day_tally_sums(&b->tally, &l, words);
    for (uint32_t row = 0; row < CRM__SET_ROWS; row++)
        differ += crm__set_has(words, row) !=
                  (crm__set_has(want_words, row) && crm__limits_take_big(&l, want_sums[row], 0));
    ck_assert_int_eq(differ, 0);
}

/* The sum alone: its cells have no counts. */
static void ask_sum_alone(const question *q, uint64_t *seed, both *b, uint32_t column)
{
    crm__limits l;
    int differ = 0;

    crm__day_tally_reset(&b->tally);
    crm__day_sums_reset(&b->sums);
    b->spilled = 0;
    for (size_t i = 0; i < piece_count; i++) {
        int rc;
        put(q, &pieces[i]);
        rc = crm__day_view_tally(&view, column, CRM__DAY_TALLY_SUM, &b->tally);
        ck_assert(rc == CRM_OK || rc == CRM_DONE || rc == CRM_EVALUE);
        b->spilled |= rc != CRM_OK;
        if (rc)
            ck_assert_int_eq(crm__day_view_sum(&view, column, &b->sums), CRM_OK);
    }
    near_sum(seed, &l);
    crm__day_tally_both(&b->tally, 0, UINT16_MAX, &l, words);
    for (uint32_t row = 0; row < CRM__SET_ROWS && !b->spilled; row++)
        differ += crm__set_has(words, row) != crm__limits_take_big(&l, want_sums[row], 0);
    ck_assert_int_eq(crm__day_tally_spill(&b->tally, NULL, &b->sums), CRM_OK);
    for (uint32_t row = 0; row < CRM__SET_ROWS; row++)
        differ += crm__day_sums_get(&b->sums, row) != want_sums[row];
    ck_assert_int_eq(differ, 0);
}

static void ask_tally(const question *q, uint64_t *seed, both *b, uint32_t column)
{
    uint32_t times = crmtest_below(seed, 8) ? 1 : 9; /* of the most there are too many for a cell */
    int apart = crmtest_below(seed, 2) == 0, differ = 0;

    crm__day_tally_reset(&b->tally);
    crm__day_sums_reset(&b->sums);
    memset(counts, 0, sizeof counts);
    b->spilled = 0;
    for (size_t i = 0; i < piece_count * times; i++) {
        put(q, &pieces[i % piece_count]);
        if (apart)
            tally_one(b, column, CRM__DAY_TALLY_COUNT);
        tally_one(b, column,
                  apart ? CRM__DAY_TALLY_SUM : CRM__DAY_TALLY_SUM | CRM__DAY_TALLY_COUNT);
    }
    memset(want_counts, 0, sizeof want_counts);
    for (size_t i = 0; i < fact_count; i++) {
        uint32_t n = want_counts[facts[i].item.row] + (facts[i].in ? times : 0);
        want_counts[facts[i].item.row] = (uint16_t)(n < UINT16_MAX ? n : UINT16_MAX);
    }
    for (uint32_t row = 0; row < CRM__SET_ROWS; row++)
        want_sums[row] *= times;
    if (!b->spilled)
        ask_kept_tally(b, seed);
    ck_assert_int_eq(crm__day_tally_spill(&b->tally, counts, &b->sums), CRM_OK);
    for (uint32_t row = 0; row < CRM__SET_ROWS; row++) {
        differ += crm__day_sums_get(&b->sums, row) != want_sums[row];
        differ += counts[row] != want_counts[row];
    }
    ck_assert_int_eq(differ, 0);
}

/* lo <= sum / n is lo * n <= sum: numbers here are small enough for that. */
static int average_taken(const crm__limits *l, __int128 sum, uint32_t n)
{
    __int128 lo = crm__scaled_big(l->lo, l->lo_scale), hi = crm__scaled_big(l->hi, l->hi_scale);

    if (!n)
        return 0;
    if (l->flags & CRM__LIMIT_LO && (sum < lo * n || (sum == lo * n && l->flags & 4)))
        return 0;
    return !(l->flags & CRM__LIMIT_HI && (sum > hi * n || (sum == hi * n && l->flags & 8)));
}

static void ask_average(uint64_t *seed, const crm__day_sums *s)
{
    crm__limits l;
    int differ = 0;
    uint16_t row = facts[crmtest_below(seed, fact_count)].item.row;

    l.flags = (uint8_t)crmtest_below(seed, 16);
    l.lo_scale = l.hi_scale = (int8_t)crmtest_below(seed, 4);
    l.lo = (int64_t)crmtest_below(seed, 200000) - 100000;
    l.hi = l.lo + (int64_t)crmtest_below(seed, 100000);
    if (want_numbers[row] && want_sums[row] % want_numbers[row] == 0) {
        __int128 average = want_sums[row] / want_numbers[row];
        if (average < INT64_MAX && average > INT64_MIN) {
            l.lo = (int64_t)average;
            l.lo_scale = CRM__DAY_SCALE;
        }
    }
    random_mask(seed);
    crm__day_sums_average(s, &l, words);
    for (uint32_t r = 0; r < CRM__SET_ROWS; r++)
        differ += crm__set_has(words, r) !=
                  (crm__set_has(want_words, r) && average_taken(&l, want_sums[r], want_numbers[r]));
    ck_assert_int_eq(differ, 0);
}

static void ask_best(const question *q, uint64_t *seed, crm__day_best *b, uint32_t column)
{
    const crm__day_value **want = b->greatest ? want_most : want_least;
    crm__limits l;
    int differ = 0;

    crm__day_best_reset(b);
    for (size_t i = 0; i < piece_count; i++) {
        put(q, &pieces[i]);
        ck_assert_int_eq(crm__day_view_best(&view, column, b), CRM_OK);
    }
    random_limits(seed, column, &l);
    random_mask(seed);
    crm__day_best_range(b, &l, words);
    for (uint32_t row = 0; row < CRM__SET_ROWS; row++) {
        const crm__day_value *v = want[row];
        differ += crm__set_has(b->has, row) != (v != NULL);
        if (v)
            differ +=
                crm__scaled_compare(b->numbers[row], b->scales[row], v->mantissa, v->scale) != 0;
        differ += crm__set_has(words, row) != (v && crm__set_has(want_words, row) &&
                                               crm__limits_take(&l, v->mantissa, v->scale));
    }
    ck_assert_int_eq(differ, 0);
}

static size_t told; /* by heads */

/* What the head of a part tells is what its items come to. */
static void ask_whole(uint32_t column)
{
    crm__day_total whole, items;

    memset(&whole, 0, sizeof whole);
    memset(&items, 0, sizeof items);
    if (!crm__day_view_whole(&view, column, &whole))
        return;
    told += whole.sum != 0;
    ck_assert_uint_eq(view.left, view.day.items);
    ck_assert_int_eq(crm__day_view_total(&view, column, &items), CRM_OK);
    ck_assert_uint_eq(whole.count, items.count);
    ck_assert(whole.sum == items.sum);
}

static void ask_heads(void)
{
    for (size_t i = 0; i < piece_count; i++) {
        ck_assert_int_eq(crm__day_view_open(&view, pieces[i].part), CRM_OK);
        for (uint32_t column = 0; column < COLUMNS; column++)
            ask_whole(column);
    }
}

static void ask_total(const question *q, uint32_t column)
{
    crm__day_total t;
    const crm__day_value *least = NULL, *most = NULL;
    __int128 sum = 0;
    uint64_t count = 0;

    memset(&t, 0, sizeof t);
    for (size_t i = 0; i < piece_count; i++) {
        put(q, &pieces[i]);
        ask_whole(column);
        ck_assert_int_eq(crm__day_view_total(&view, column, &t), CRM_OK);
    }
    for (uint32_t row = 0; row < CRM__SET_ROWS; row++) {
        sum += want_sums[row];
        count += want_numbers[row];
        if (want_least[row] && (!least || over(least, want_least[row])))
            least = want_least[row];
        if (want_most[row] && (!most || over(want_most[row], most)))
            most = want_most[row];
    }
    ck_assert_uint_eq(t.count, count);
    ck_assert(t.sum == sum);
    if (count) {
        ck_assert_int_eq(crm__scaled_compare(t.min, t.min_scale, least->mantissa, least->scale), 0);
        ck_assert_int_eq(crm__scaled_compare(t.max, t.max_scale, most->mantissa, most->scale), 0);
    }
}

/* Taken from the sums and counts one by one, nothing is left of them. */
static void ask_each(const question *q, uint32_t column)
{
    crm__buf numbers;
    int differ = 0;

    crm__buf_init(&numbers, NULL);
    for (size_t i = 0; i < piece_count; i++) {
        put(q, &pieces[i]);
        ck_assert_int_eq(crm__day_view_numbers(&view, column, &numbers), CRM_OK);
    }
    for (size_t i = 0; i < numbers.n / sizeof(crm__day_number); i++) {
        const crm__day_number *n = (const crm__day_number *)(const void *)numbers.p + i;
        differ += n->scale && n->number % 10 == 0;
        want_sums[n->row] -= crm__scaled_big(n->number, n->scale);
        want_numbers[n->row]--;
    }
    for (size_t i = 0; i < fact_count; i++)
        differ += facts[i].in && (want_sums[facts[i].item.row] || want_numbers[facts[i].item.row]);
    ck_assert_int_eq(differ, 0);
    crm__buf_clear(&numbers);
}

static void ask_moments(const question *q)
{
    crm__buf moments;
    const crm__day_moment *m;
    size_t at = 0;

    crm__buf_init(&moments, NULL);
    memset(want_first, 0, sizeof want_first);
    for (size_t i = 0; i < piece_count; i++) {
        put(q, &pieces[i]);
        crm__day_view_moments(&view, pieces[i].day, &moments);
    }
    m = (const crm__day_moment *)(const void *)moments.p;
    for (size_t i = 0; i < fact_count; i++) {
        if (facts[i].in)
            want_first[facts[i].item.row] += facts[i].day * CRM__US_PER_DAY + facts[i].item.us;
        at += (size_t)facts[i].in;
    }
    ck_assert_uint_eq(at, moments.n / sizeof *m);
    for (size_t i = 0; i < at; i++)
        want_first[m[i].row] -= m[i].us;
    for (int i = 0; i < CRM__SET_ROWS; i++)
        ck_assert_int_eq(want_first[i], 0);
    crm__buf_clear(&moments);
}

CRM_TEST(test_bits_day_fold__random)
{
    static question q;
    uint64_t seed = crmtest_seed();
    static both pair;
    crm__day_sums sums;
    crm__day_best least, most;

    ck_assert_int_eq(crm__day_tally_init(&pair.tally, NULL, 2), CRM_OK);
    ck_assert_int_eq(crm__day_sums_init(&pair.sums, NULL, 2, 0), CRM_OK);
    ck_assert_int_eq(crm__day_sums_init(&sums, NULL, 2, 1), CRM_OK);
    ck_assert_int_eq(crm__day_best_init(&least, NULL, 0), CRM_OK);
    ck_assert_int_eq(crm__day_best_init(&most, NULL, 1), CRM_OK);
    for (size_t round = crmtest_rounds(12, 800); round > 0; round--) {
        random_lists(&seed);
        ask_heads();
        for (int i = 0; i < 8; i++) {
            uint32_t column = (uint32_t)crmtest_below(&seed, COLUMNS);
            random_question(&seed, &q);
            for (size_t k = 0; k < fact_count; k++)
                facts[k].in = asked(&q, &facts[k]);
            ask_rows(&q);
            add_up(column);
            ask_sums(&q, &seed, &sums, column);
            ask_average(&seed, &sums);
            ask_best(&q, &seed, &least, column);
            ask_best(&q, &seed, &most, column);
            ask_total(&q, column);
            ask_each(&q, column);
            ask_moments(&q);
            add_up(column);
            ask_sum_alone(&q, &seed, &pair, column);
            ask_tally(&q, &seed, &pair, column);
        }
        free_lists();
    }
    ck_assert_uint_gt(told, 0);
    crm__day_tally_clear(&pair.tally);
    crm__day_sums_clear(&pair.sums);
    crm__day_sums_clear(&sums);
    crm__day_best_clear(&least);
    crm__day_best_clear(&most);
}

/* At the last number that a cell has room for, and one further, on both sides of 0. */
CRM_TEST(test_bits_day_fold__tally_at_its_ends)
{
    static const int64_t ENDS[] = {(INT64_C(1) << 46) - 1, INT64_C(1) << 46, (INT64_C(1) << 47) - 1,
                                   INT64_C(1) << 47, INT64_MAX};
    static both b;

    ck_assert_int_eq(crm__day_tally_init(&b.tally, NULL, 0), CRM_OK);
    ck_assert_int_eq(crm__day_sums_init(&b.sums, NULL, 0, 0), CRM_OK);
    for (int i = 0; i < 10; i++) {
        int64_t number = i % 2 ? -ENDS[i / 2] : ENDS[i / 2];
        fact f = {.day = 0, .item = {.row = 9, .us = 5, .count = 1}, .in = 1};
        f.item.values[0] = (crm__day_value){2, 0, number};
        piece_count = 0;
        build_day(&f, 1, 0);
        ck_assert_uint_eq(piece_count, 1);
        crm__day_tally_reset(&b.tally);
        crm__day_sums_reset(&b.sums);
        memset(counts, 0, sizeof counts);
        b.spilled = 0;
        for (int k = 0; k < 3; k++) {
            ck_assert_int_eq(crm__day_view_open(&view, pieces[0].part), CRM_OK);
            tally_one(&b, 2, CRM__DAY_TALLY_SUM | CRM__DAY_TALLY_COUNT);
        }
        if (i / 2 >= 2)
            ck_assert(b.spilled);
        ck_assert_int_eq(crm__day_tally_spill(&b.tally, counts, &b.sums), CRM_OK);
        ck_assert_uint_eq(counts[9], 3);
        ck_assert(crm__day_sums_get(&b.sums, 9) == crm__scaled_big(number, 0) * 3);
        ck_assert(crm__day_sums_get(&b.sums, 8) == 0 && counts[8] == 0);
        fact_count = 0;
        facts = NULL;
        free_lists();
    }
    crm__day_tally_clear(&b.tally);
    crm__day_sums_clear(&b.sums);
}
