/* SPDX-License-Identifier: MIT
 * Blocks of events, heads and the rows beside them: random content there and back, every
 * truncation, random damage, sums against plain numbers.
 */
#include "base/bytes.h"
#include "base/time.h"
#include "codec/event.h"
#include "codec/event_head.h"
#include "codec/key.h"
#include "crmtest.h"

#include <crm/codes.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EVENTS = 200, VALUES = 5, TEXT = 400 };

/* Events whose values and references lie in room. */
typedef struct made {
    crm__event e[EVENTS];
    crm__event_value v[EVENTS][VALUES];
    char reference[EVENTS][TEXT], text[EVENTS][VALUES][TEXT];
    uint32_t n;
} made;

static const char LETTERS[] = "abcdefghijklmnopqrstuvwxyz0123456789";

/* Some begin as others do, some are the beginning of others. */
static size_t any_text(uint64_t *seed, char *to, size_t most)
{
    size_t n = 1 + crmtest_below(seed, crmtest_below(seed, 10) ? 20 : most), same;

    same = crmtest_below(seed, 3) ? crmtest_below(seed, n + 1) : 0;
    for (size_t i = 0; i < n; i++)
        to[i] = i < same ? LETTERS[i % 32] : LETTERS[crmtest_below(seed, sizeof LETTERS - 1)];
    return n;
}

static int64_t any_number(uint64_t *seed)
{
    int64_t v = (int64_t)(crmtest_rand(seed) >> crmtest_below(seed, 64));

    return crmtest_below(seed, 2) ? v : -v;
}

static void any_value(uint64_t *seed, crm__value *v, char *room)
{
    static const char CURRENCY[][4] = {"CNY", "USD", "EUR"};

    memset(v, 0, sizeof *v);
    v->type = (uint8_t)(CRM_TYPE_TEXT + crmtest_below(seed, CRM_TYPE_ACTOR));
    switch (v->type) {
    case CRM_TYPE_INTEGER:
        v->integer = any_number(seed);
        break;
    case CRM_TYPE_DATETIME:
        v->integer = any_number(seed) % CRM__TIME_MAX;
        v->integer = v->integer < CRM__TIME_MIN ? CRM__TIME_MIN : v->integer;
        break;
    case CRM_TYPE_MONEY:
        memcpy(v->currency, CURRENCY[crmtest_below(seed, 3)], 4);
        /* fall through */
    case CRM_TYPE_DECIMAL:
        v->decimal.mantissa = any_number(seed) % INT64_C(1000000000000000000);
        v->decimal.scale = (uint8_t)crmtest_below(seed, 3);
        break;
    case CRM_TYPE_BOOLEAN:
        v->integer = (int64_t)crmtest_below(seed, 2);
        break;
    case CRM_TYPE_DATE:
        v->integer = crm__date_pack(1 + (int32_t)crmtest_below(seed, 9999), 3, 7);
        break;
    case CRM_TYPE_ENUM:
    case CRM_TYPE_CUSTOMER:
        v->integer = 1 + (int64_t)crmtest_below(seed, UINT32_MAX);
        break;
    case CRM_TYPE_COUNTRY:
        v->text = crm__slice_of("CN", 2);
        break;
    default:
        v->text = crm__slice_of(room, any_text(seed, room, TEXT));
    }
}

/* n events in order; `kinds` of them few and alike, as real ones are, or all different. */
static void make(uint64_t *seed, made *m, uint32_t n, int alike)
{
    static const int64_t UNIT[] = {
        1, 1000, 1000000, 60000000, INT64_C(3600000000), INT64_C(86400000000)};
    int64_t unit = UNIT[crmtest_below(seed, 6)], time = any_number(seed) % 2000000000000000;
    uint32_t number = 1 + (uint32_t)crmtest_below(seed, 1000);
    uint64_t seq = crmtest_rand(seed) >> 20;

    m->n = n;
    for (uint32_t i = 0; i < n; i++) {
        crm__event *e = &m->e[i];
        memset(e, 0, sizeof *e);
        e->time = time;
        e->number = number;
        e->seq = seq;
        e->kind = (uint32_t)crmtest_below(seed, alike ? 3 : 100000);
        e->source = crmtest_below(seed, 2) ? (uint32_t)crmtest_below(seed, alike ? 2 : 99999) : 0;
        e->voids = crmtest_below(seed, 20) ? 0 : 1 + (uint32_t)crmtest_below(seed, 1000);
        e->state = crmtest_below(seed, 10) ? 0 : 1 + (uint8_t)crmtest_below(seed, 2);
        e->voided = e->state ? seq + crmtest_below(seed, 100) : 0;
        if (crmtest_below(seed, 3) == 0)
            e->reference = crm__slice_of(m->reference[i],
                                         any_text(seed, m->reference[i], CRM__EVENT_REFERENCE));
        e->value_count = (uint16_t)crmtest_below(seed, VALUES + 1);
        e->values = m->v[i];
        for (uint32_t k = 0; k < e->value_count; k++) {
            m->v[i][k].attribute = k * 3 + 1 + (uint32_t)crmtest_below(seed, 3);
            any_value(seed, &m->v[i][k].v, m->text[i][k]);
        }
        if (crmtest_below(seed, 10)) {
            time += unit * (int64_t)crmtest_below(seed, 1000);
            number++;
        } else {
            time += unit;
            number = 1 + (uint32_t)crmtest_below(seed, 5000);
        }
        if (time == e->time && number <= e->number)
            number = e->number + 1;
        if (crmtest_below(seed, 3) == 0)
            seq += crmtest_below(seed, 1000) - (crmtest_below(seed, 5) ? 0 : 500);
    }
}

static void same_slice(crm__slice a, crm__slice b)
{
    ck_assert_uint_eq(a.n, b.n);
    ck_assert(a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static void same_event(const crm__event *a, const crm__event *b)
{
    ck_assert_int_eq(a->time, b->time);
    ck_assert_uint_eq(a->number, b->number);
    ck_assert_uint_eq(a->kind, b->kind);
    ck_assert_uint_eq(a->source, b->source);
    ck_assert_uint_eq(a->voids, b->voids);
    ck_assert_uint_eq(a->seq, b->seq);
    ck_assert_uint_eq(a->voided, b->voided);
    ck_assert_uint_eq(a->state, b->state);
    same_slice(a->reference, b->reference);
    ck_assert_uint_eq(a->value_count, b->value_count);
    for (uint32_t i = 0; i < a->value_count; i++) {
        const crm__value *x = &a->values[i].v, *y = &b->values[i].v;
        ck_assert_uint_eq(a->values[i].attribute, b->values[i].attribute);
        ck_assert_uint_eq(x->type, y->type);
        ck_assert_int_eq(x->integer, y->integer);
        ck_assert_int_eq(x->decimal.mantissa, y->decimal.mantissa);
        ck_assert_uint_eq(x->decimal.scale, y->decimal.scale);
        ck_assert_str_eq(x->currency, y->currency);
        same_slice(x->text, y->text);
    }
}

static void round_trip(const made *m, crm__arena *a, crm__buf *out)
{
    crm__event_block b;
    crm__buf again;

    out->n = 0;
    crm__event_block_encode(m->e, m->n, out);
    ck_assert(!out->failed);
    ck_assert_int_eq(
        crm__event_block_decode(a, m->e->time, m->e->number, crm__slice_of(out->p, out->n), &b),
        CRM_OK);
    ck_assert_uint_eq(b.count, m->n);
    for (uint32_t i = 0; i < m->n; i++) {
        same_event(&b.events[i], &m->e[i]);
        ck_assert_uint_eq(crm__event_block_find(&b, m->e[i].time, m->e[i].number), i);
        ck_assert_uint_eq(crm__event_block_find(&b, m->e[i].time, m->e[i].number + 1), i + 1);
    }
    crm__buf_init(&again, NULL);
    crm__event_block_encode(b.events, b.count, &again);
    same_slice(crm__slice_of(again.p, again.n), crm__slice_of(out->p, out->n));
    crm__buf_clear(&again);
}

CRM_TEST(test_codec_event__random_blocks)
{
    uint64_t seed = crmtest_seed();
    made *m = malloc(sizeof *m);
    crm__arena a;
    crm__buf out;

    crm__arena_init(&a, NULL);
    crm__buf_init(&out, NULL);
    for (size_t i = 0; i < crmtest_rounds(50, 20000); i++) {
        crm__arena_reset(&a);
        make(&seed, m, 1 + (uint32_t)crmtest_below(&seed, EVENTS), i & 1);
        round_trip(m, &a, &out);
    }
    crm__arena_clear(&a);
    crm__buf_clear(&out);
    free(m);
}

/* An event of one text, or of one and a reference, in order of `i`. */
static void set_text(made *m, uint32_t i, const char *text, size_t n, int kind)
{
    m->n = i + 1;
    m->e[i] = (crm__event){.time = i, .number = i + 1, .kind = (uint32_t)kind, .seq = 7};
    memset(&m->v[i][0], 0, sizeof m->v[i][0]);
    m->v[i][0].attribute = 1;
    m->v[i][0].v.type = CRM_TYPE_TEXT;
    m->v[i][0].v.text = crm__slice_of(text, n);
    m->e[i].value_count = 1;
    m->e[i].values = m->v[i];
}

/* What texts share is not stored again, with every length of what is shared and what is not. */
CRM_TEST(test_codec_event__texts_that_begin_alike)
{
    static char text[2][TEXT];
    made *m = calloc(1, sizeof *m);
    crm__arena a;
    crm__buf out;
    size_t alone;

    crm__arena_init(&a, NULL);
    crm__buf_init(&out, NULL);
    memset(text, 'a', sizeof text);
    for (size_t shared = 0; shared <= 300; shared++) {
        for (size_t own = !shared; own <= 40; own++) {
            crm__arena_reset(&a);
            memset(text[1], 'a', sizeof text[1]);
            memset(text[1] + shared, 'b', own);
            set_text(m, 0, text[0], 300, 1);
            round_trip(m, &a, &out);
            alone = out.n;
            set_text(m, 1, text[1], shared + own, 1);
            round_trip(m, &a, &out);
            size_t same = shared < 3 ? 0 : shared > 255 ? 255 : shared, rest = shared + own - same;
            alone += 3 + (same >= 15 ? 1u : 0u) + (rest >= 15 ? 1u : 0u) + rest;
            ck_assert_uint_eq(out.n, alone);
        }
    }
    crm__arena_clear(&a);
    crm__buf_clear(&out);
    free(m);
}

/* Which text shares with which: the last one of its own shape, at first the last of the block. */
CRM_TEST(test_codec_event__texts_of_shapes)
{
    made *m = calloc(1, sizeof *m);
    crm__event_block b;
    crm__slice bytes;
    crm__arena a;
    crm__buf out;
    size_t before;

    crm__arena_init(&a, NULL);
    crm__buf_init(&out, NULL);
    set_text(m, 0, "/products/one", 13, 1);
    set_text(m, 1, "SKU-00001", 9, 2);
    set_text(m, 2, "/products/two", 13, 1);
    round_trip(m, &a, &out);
    before = out.n;
    set_text(m, 3, "SKU-00002", 9, 2);
    round_trip(m, &a, &out);
    ck_assert_uint_eq(out.n - before, 1 + 1 + 1 + 1);
    before = out.n;
    set_text(m, 4, "SKU-00002", 9, 3); /* a shape of its own: kind, flags, attribute */
    round_trip(m, &a, &out);
    ck_assert_uint_eq(out.n - before, 3 + 1 + 1 + 1);
    /* One that is of another shape from now on. */
    bytes = crm__slice_of(crm__arena_copy(&a, out.p, out.n), out.n);
    ck_assert_int_eq(crm__event_block_decode(&a, 0, 1, bytes, &b), CRM_OK);
    b.events[3].like = 0;
    b.events[3].state = CRM__EVENT_VOIDED;
    b.events[3].voided = 9;
    memcpy(m->e, b.events, m->n * sizeof *m->e);
    round_trip(m, &a, &out);
    crm__arena_clear(&a);
    crm__buf_clear(&out);
    free(m);
}

CRM_TEST(test_codec_event__bounds)
{
    static const int64_t TIMES[] = {CRM__TIME_MIN, -1, 0, 1, CRM__TIME_MAX - 1, CRM__TIME_MAX};
    uint64_t seed = crmtest_seed();
    crm__event_block b;
    made *m = malloc(sizeof *m);
    crm__arena a;
    crm__buf out;

    crm__arena_init(&a, NULL);
    crm__buf_init(&out, NULL);
    make(&seed, m, 6, 1);
    for (uint32_t i = 0; i < 6; i++) {
        m->e[i].time = TIMES[i];
        m->e[i].number = i % 2 ? 1 : UINT32_MAX - 1;
        m->e[i].seq = i % 2 ? UINT64_MAX : 0;
        m->e[i].voided = m->e[i].state ? UINT64_MAX : 0;
    }
    round_trip(m, &a, &out);
    /* The key says otherwise: a time out of the calendar, no number, another number. */
    ck_assert_int_eq(
        crm__event_block_decode(&a, CRM__TIME_MIN - 1, 1, crm__slice_of(out.p, out.n), &b),
        CRM_ECORRUPT);
    ck_assert_int_eq(crm__event_block_decode(&a, CRM__TIME_MIN, 0, crm__slice_of(out.p, out.n), &b),
                     CRM_ECORRUPT);
    ck_assert_int_eq(crm__event_block_decode(&a, CRM__TIME_MIN + 1, UINT32_MAX - 1,
                                             crm__slice_of(out.p, out.n), &b),
                     CRM_ECORRUPT); /* the last would come behind the end of the calendar */
    crm__arena_clear(&a);
    crm__buf_clear(&out);
    free(m);
}

/* What a decoder may say of damaged bytes: events in order, or that they are damaged. */
static void check_damaged(crm__arena *a, crm__slice bytes)
{
    crm__event_block b;
    uint8_t *copy = malloc(bytes.n ? bytes.n : 1); /* of just that size */
    int rc;

    memcpy(copy, bytes.p, bytes.n);
    crm__arena_reset(a);
    rc = crm__event_block_decode(a, 0, 1, crm__slice_of(copy, bytes.n), &b);
    ck_assert(rc == CRM_OK || rc == CRM_ECORRUPT);
    for (uint32_t i = 1; !rc && i < b.count; i++) {
        ck_assert(b.events[i].time > b.events[i - 1].time ||
                  (b.events[i].time == b.events[i - 1].time &&
                   b.events[i].number > b.events[i - 1].number));
        ck_assert(b.events[i].time <= CRM__TIME_MAX);
    }
    free(copy);
}

CRM_TEST(test_codec_event__damage)
{
    uint64_t seed = crmtest_seed();
    made *m = malloc(sizeof *m);
    crm__arena a;
    crm__buf out;

    crm__arena_init(&a, NULL);
    crm__buf_init(&out, NULL);
    for (size_t round = 0; round < crmtest_rounds(10, 1000); round++) {
        make(&seed, m, 1 + (uint32_t)crmtest_below(&seed, 12), round & 1);
        m->e[0].time = 0;
        out.n = 0;
        crm__event_block_encode(m->e, 1, &out);
        make(&seed, m, m->n, round & 1);
        out.n = 0;
        crm__event_block_encode(m->e, m->n, &out);
        for (size_t n = 0; n < out.n; n += crmtest_stride(7)) {
            crm__event_block b;
            crm__arena_reset(&a);
            ck_assert_int_eq(
                crm__event_block_decode(&a, m->e->time, m->e->number, crm__slice_of(out.p, n), &b),
                CRM_ECORRUPT);
        }
        for (int k = 0; k < 100; k++) {
            size_t at = crmtest_below(&seed, out.n);
            uint8_t was = out.p[at];
            out.p[at] = (uint8_t)crmtest_rand(&seed);
            check_damaged(&a, crm__slice_of(out.p, out.n));
            if (crmtest_below(&seed, 4))
                out.p[at] = was;
        }
    }
    crm__arena_clear(&a);
    crm__buf_clear(&out);
    free(m);
}

CRM_TEST(test_codec_event__insert)
{
    uint64_t seed = crmtest_seed();
    crm__event_block b;
    crm__arena a;

    crm__arena_init(&a, NULL);
    memset(&b, 0, sizeof b);
    for (uint32_t i = 0; i < 300; i++) {
        crm__event e;
        uint32_t at;
        memset(&e, 0, sizeof e);
        e.time = (int64_t)crmtest_below(&seed, 50);
        e.number = i + 1;
        ck_assert_int_eq(crm__event_block_insert(&a, &b, &e, &at), CRM_OK);
        ck_assert_uint_eq(b.count, i + 1);
        ck_assert_uint_eq(b.events[at].number, i + 1);
        ck_assert(at == 0 || b.events[at - 1].time <= e.time);
        ck_assert(at == i || b.events[at + 1].time > e.time);
    }
    crm__arena_clear(&a);
}

/* What one typical customer has costs this much: a change that makes it more must be meant. */
CRM_TEST(test_codec_event__size)
{
    made *m = calloc(1, sizeof *m);
    crm__buf out;

    crm__buf_init(&out, NULL);
    m->n = 12;
    for (uint32_t i = 0; i < m->n; i++) {
        crm__event *e = &m->e[i];
        e->kind = 1 + i % 4;
        e->time = INT64_C(1700000000000000) + (int64_t)i * 2345678 * 1000000;
        e->number = i + 1;
        e->seq = 100;
        e->source = 1;
        e->values = m->v[i];
        if (e->kind == 3) {
            e->value_count = 1;
            m->v[i][0].attribute = 9;
            m->v[i][0].v.type = CRM_TYPE_MONEY;
            m->v[i][0].v.decimal = (crm__decimal){129900 + i, 2};
            memcpy(m->v[i][0].v.currency, "CNY", 4);
        }
    }
    crm__event_block_encode(m->e, m->n, &out);
    ck_assert_uint_le(out.n, 12 * 8);
    crm__buf_clear(&out);
    free(m);
}

/* ---- heads ---- */

static void same_head(const crm__event_head *a, const crm__event_head *b)
{
    ck_assert_uint_eq(a->last, b->last);
    ck_assert_uint_eq(a->total_count, b->total_count);
    for (uint32_t i = 0; i < a->total_count; i++) {
        ck_assert_uint_eq(a->totals[i].kind, b->totals[i].kind);
        ck_assert_uint_eq(a->totals[i].count, b->totals[i].count);
        ck_assert_int_eq(a->totals[i].first, b->totals[i].first);
        ck_assert_int_eq(a->totals[i].last, b->totals[i].last);
        ck_assert_uint_eq(a->totals[i].at_first, b->totals[i].at_first);
        ck_assert_uint_eq(a->totals[i].at_last, b->totals[i].at_last);
    }
    ck_assert_uint_eq(a->sum_count, b->sum_count);
    for (uint32_t i = 0; i < a->sum_count; i++) {
        const crm__event_sum *x = &a->sums[i], *y = &b->sums[i];
        ck_assert(x->kind == y->kind && x->attribute == y->attribute && x->type == y->type);
        ck_assert(x->count == y->count && !memcmp(x->scales, y->scales, sizeof x->scales));
        ck_assert(x->low == y->low && x->high == y->high);
        ck_assert_str_eq(x->currency, y->currency);
    }
}

CRM_TEST(test_codec_event__heads)
{
    uint64_t seed = crmtest_seed();
    made *m = malloc(sizeof *m);
    crm__event_head h, back;
    crm__arena a;
    crm__buf out;

    crm__arena_init(&a, NULL);
    crm__buf_init(&out, NULL);
    for (size_t round = 0; round < crmtest_rounds(50, 2000); round++) {
        crm__arena_reset(&a);
        memset(&h, 0, sizeof h);
        make(&seed, m, 1 + (uint32_t)crmtest_below(&seed, EVENTS), round & 1);
        for (uint32_t i = 0; i < m->n; i++)
            ck_assert_int_eq(crm__event_head_add(&a, &h, &m->e[i]), CRM_OK);
        out.n = 0;
        crm__event_head_encode(&h, &out);
        ck_assert_int_eq(crm__event_head_decode(&a, crm__slice_of(out.p, out.n), &back), CRM_OK);
        same_head(&h, &back);
        for (size_t n = 0; n < out.n; n += 1 + crmtest_below(&seed, 9))
            ck_assert_int_eq(crm__event_head_decode(&a, crm__slice_of(out.p, n), &back),
                             CRM_ECORRUPT);
        for (int k = 0; k < 50; k++) {
            out.p[crmtest_below(&seed, out.n)] = (uint8_t)crmtest_rand(&seed);
            int rc = crm__event_head_decode(&a, crm__slice_of(out.p, out.n), &back);
            ck_assert(rc == CRM_OK || rc == CRM_ECORRUPT);
        }
        /* All taken out again: nothing is left but what was seen. */
        for (uint32_t i = 0; i < m->n; i++) {
            if (crm__event_counts(&m->e[i]))
                crm__event_head_remove(&h, &m->e[i]);
        }
        for (uint32_t i = 0; i < h.total_count; i++)
            ck_assert_uint_eq(h.totals[i].count, 0);
        for (uint32_t i = 0; i < h.sum_count; i++)
            for (unsigned k = 0; k <= CRM__DECIMAL_SCALE; k++)
                ck_assert(h.sums[i].low == 0 && h.sums[i].high == 0 && h.sums[i].scales[k] == 0);
    }
    crm__arena_clear(&a);
    crm__buf_clear(&out);
    free(m);
}

CRM_TEST(test_codec_event__sums_as_text)
{
    static const struct {
        int64_t mantissa;
        uint8_t scale;
        int times;
        const char *text;
    } CASES[] = {
        {0, 0, 1, "0"},
        {0, 2, 1, "0.00"},
        {5, 2, 1, "0.05"},
        {-5, 2, 1, "-0.05"},
        {-1250, 2, 3, "-37.50"},
        {1, 12, 1, "0.000000000001"},
        {INT64_C(999999999999999999), 0, 1000, "999999999999999999000"},
        {INT64_C(-999999999999999999), 0, 1000, "-999999999999999999000"},
        {INT64_C(999999999999999999), 12, 2, "1999999.999999999998"},
    };

    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        crm__event_value v;
        crm__event_head h;
        crm__event e;
        crm__arena a;
        char text[64];
        crm__arena_init(&a, NULL);
        memset(&h, 0, sizeof h);
        memset(&e, 0, sizeof e);
        memset(&v, 0, sizeof v);
        v.attribute = 1;
        v.v.type = CRM_TYPE_DECIMAL;
        v.v.decimal = (crm__decimal){CASES[i].mantissa, CASES[i].scale};
        e.kind = e.number = 1;
        e.values = &v;
        e.value_count = 1;
        for (int k = 0; k < CASES[i].times; k++)
            ck_assert_int_eq(crm__event_head_add(&a, &h, &e), CRM_OK);
        ck_assert_uint_eq(crm__event_sum_format(&h.sums[0], text), strlen(CASES[i].text));
        ck_assert_str_eq(text, CASES[i].text);
        crm__arena_clear(&a);
    }
}

/* Digits are those of the values that are in, and a bound knows how many events it has until one that
 * is not known takes its place. */
CRM_TEST(test_codec_event__digits_and_bounds)
{
    static const struct {
        int64_t time, mantissa;
        uint8_t scale;
    } OF[] = {{5, 15, 1}, {5, 1234, 3}, {9, 2, 0}, {9, 7, 0}, {5, 25, 1}};
    crm__event_value v;
    crm__event_head h;
    crm__event e;
    crm__arena a;
    char text[64];

    crm__arena_init(&a, NULL);
    memset(&h, 0, sizeof h);
    memset(&e, 0, sizeof e);
    memset(&v, 0, sizeof v);
    v.attribute = 1;
    v.v.type = CRM_TYPE_DECIMAL;
    e.kind = 1;
    e.values = &v;
    e.value_count = 1;
    for (int out = 0; out < 2; out++) {
        for (size_t i = 0; i < sizeof OF / sizeof *OF; i++) {
            e.number++;
            e.time = OF[i].time;
            v.v.decimal = (crm__decimal){OF[i].mantissa, OF[i].scale};
            if (!out)
                ck_assert_int_eq(crm__event_head_add(&a, &h, &e), CRM_OK);
            else if (i == 1)
                crm__event_head_remove(&h, &e);
        }
        crm__event_sum_format(&h.sums[0], text);
        ck_assert_str_eq(text, out ? "13.0" : "14.234");
        ck_assert(h.totals[0].first == 5 && h.totals[0].last == 9);
        ck_assert_uint_eq(h.totals[0].at_first, out ? 2 : 3);
        ck_assert_uint_eq(h.totals[0].at_last, 2);
    }
    h.totals[0].at_last = 0; /* not known: one more does not make it known */
    e.time = 9;
    ck_assert_int_eq(crm__event_head_add(&a, &h, &e), CRM_OK);
    ck_assert_uint_eq(h.totals[0].at_last, 0);
    e.time = 10;
    ck_assert_int_eq(crm__event_head_add(&a, &h, &e), CRM_OK);
    ck_assert(h.totals[0].at_last == 1 && h.totals[0].last == 10);
    crm__arena_clear(&a);
}

/* What a block says of its kinds without being decoded, against what it holds; whatever its bytes. */
CRM_TEST(test_codec_event__kinds_of_a_block)
{
    uint64_t seed = crmtest_seed();
    made *m = malloc(sizeof *m);
    crm__buf out;

    crm__buf_init(&out, NULL);
    for (size_t round = 0; round < crmtest_rounds(60, 2000); round++) {
        make(&seed, m, 1 + (uint32_t)crmtest_below(&seed, round % 2 ? 3 : 30), 1);
        out.n = 0;
        crm__event_block_encode(m->e, m->n, &out);
        for (uint32_t kind = 0; kind < 4; kind++) {
            int have = 0;
            for (uint32_t i = 0; i < m->n; i++)
                have |= m->e[i].kind == kind && m->e[i].state == CRM__EVENT_IN_FORCE;
            ck_assert_int_eq(crm__event_block_has(crm__slice_of(out.p, out.n), kind), have);
        }
        for (int k = 0; k < 20; k++) {
            uint8_t *exact;
            size_t n = crmtest_below(&seed, out.n + 1);
            int has;
            if (n)
                out.p[crmtest_below(&seed, n)] = (uint8_t)crmtest_rand(&seed);
            exact = malloc(n + 1); /* of this length: a byte too many is seen by a sanitizer */
            ck_assert_ptr_nonnull(exact);
            memcpy(exact + 1, out.p, n);
            has = crm__event_block_has(crm__slice_of(exact + 1, n), 3);
            ck_assert(has == 0 || has == 1);
            free(exact);
        }
    }
    crm__buf_clear(&out);
    free(m);
}

CRM_TEST(test_codec_event__integer_sums)
{
    static const int64_t VALUES_OF[] = {INT64_MAX, INT64_MAX, INT64_MIN, 7, -9, INT64_MAX, 0};
    crm__event_value v;
    crm__event_head h;
    crm__event e;
    crm__arena a;
    char text[64];

    crm__arena_init(&a, NULL);
    memset(&h, 0, sizeof h);
    memset(&e, 0, sizeof e);
    memset(&v, 0, sizeof v);
    v.attribute = 1;
    v.v.type = CRM_TYPE_INTEGER;
    e.kind = e.number = 1;
    e.values = &v;
    e.value_count = 1;
    for (size_t i = 0; i < sizeof VALUES_OF / sizeof *VALUES_OF; i++) {
        v.v.integer = VALUES_OF[i];
        ck_assert_int_eq(crm__event_head_add(&a, &h, &e), CRM_OK);
    }
    /* 3 * (2^63 - 1) - 2^63 - 2 */
    crm__event_sum_format(&h.sums[0], text);
    ck_assert_str_eq(text, "18446744073709551611");
    crm__arena_clear(&a);
}

/* ---- references and times ---- */

CRM_TEST(test_codec_event__references)
{
    crm__event_reference r[4] = {{1, 5}, {1, 6}, {9, 3}, {UINT64_MAX, UINT32_MAX}}, *back;
    crm__arena a;
    crm__buf out;
    uint32_t n;

    crm__arena_init(&a, NULL);
    crm__buf_init(&out, NULL);
    crm__event_references_encode(r, 4, &out);
    ck_assert_uint_eq(out.n, 49);
    for (size_t cut = 0; cut <= out.n; cut++) {
        int rc = crm__event_references_decode(&a, crm__slice_of(out.p, cut), &back, &n);
        ck_assert_int_eq(rc, cut % 12 == 1 ? CRM_OK : CRM_ECORRUPT);
        if (!rc) {
            ck_assert_uint_eq(n, cut / 12);
            for (uint32_t i = 0; i < n; i++)
                ck_assert(back[i].hash == r[i].hash && back[i].number == r[i].number);
        }
    }
    out.n = 0;
    r[2] = r[1]; /* not in order */
    crm__event_references_encode(r, 4, &out);
    ck_assert_int_eq(crm__event_references_decode(&a, crm__slice_of(out.p, out.n), &back, &n),
                     CRM_ECORRUPT);
    crm__buf_clear(&out);
    crm__arena_clear(&a);
}

/* One after another, they are what all at once are. */
static void add_times(const int64_t *times, uint32_t n, const crm__buf *all)
{
    crm__buf out;

    crm__buf_init(&out, NULL);
    crm__event_times_encode(times, 1, &out);
    for (uint32_t i = 1; i < n; i++) {
        size_t before = out.n;
        if (crm__event_times_add(&out, times[i])) {
            ck_assert_uint_eq(out.n, before + out.p[1]);
            continue;
        }
        out.n = 0;
        crm__event_times_encode(times, i + 1, &out);
    }
    same_slice(crm__slice_of(out.p, out.n), crm__slice_of(all->p, all->n));
    crm__buf_clear(&out);
}

/* Times in any order, unit and span; the bytes they take; every length of their row. */
CRM_TEST(test_codec_event__times)
{
    static const int64_t UNIT[] = {1, 1000, 1000000, 60000000, 3600000000, 86400000000};
    uint64_t seed = crmtest_seed();
    int64_t times[CRM__EVENT_TIMES + 1];
    uint32_t count;
    crm__buf out;

    crm__buf_init(&out, NULL);
    for (size_t round = crmtest_rounds(500, 50000); round > 0; round--) {
        uint32_t n = 1 + (uint32_t)crmtest_below(&seed, CRM__EVENT_TIMES), each;
        int64_t unit = UNIT[crmtest_below(&seed, 6)];
        uint64_t most = crmtest_rand(&seed) >> (1 + crmtest_below(&seed, 63));
        most = most % (uint64_t)(CRM__TIME_MAX - CRM__TIME_MIN) / (uint64_t)unit;
        for (uint32_t i = 0; i < n; i++)
            times[i] = CRM__TIME_MIN + (int64_t)(i ? crmtest_below(&seed, most + 1) : most) * unit;
        if (n > 1)
            times[1] = CRM__TIME_MIN;
        out.n = 0;
        crm__event_times_encode(times, n, &out);
        ck_assert_int_eq(crm__event_times_count(crm__slice_of(out.p, out.n), &count), CRM_OK);
        ck_assert_uint_eq(count, n);
        for (uint32_t i = 0; i < n; i++)
            ck_assert_int_eq(crm__event_times_at(crm__slice_of(out.p, out.n), i), times[i]);
        each = out.p[1];
        ck_assert_uint_eq(out.n, 10 + (size_t)n * each);
        add_times(times, n, &out);
        ck_assert(n == 1 ? each == 1 : each == 1 || most >> 8 * (each - 1) > 0);
        for (size_t cut = 0; cut < out.n; cut++)
            ck_assert_int_eq(crm__event_times_count(crm__slice_of(out.p, cut), &count),
                             cut > 10 && (cut - 10) % each == 0 ? CRM_OK : CRM_ECORRUPT);
    }
    for (uint32_t i = 0; i <= CRM__EVENT_TIMES; i++)
        times[i] = i;
    out.n = 0;
    crm__event_times_encode(times, CRM__EVENT_TIMES + 1, &out);
    ck_assert_int_eq(crm__event_times_count(crm__slice_of(out.p, out.n), &count), CRM_ECORRUPT);
    crm__buf_clear(&out);
}

/* ---- keys ---- */

CRM_TEST(test_codec_event__keys_in_order)
{
    static const int64_t TIMES[] = {CRM__TIME_MIN, -1, 0, 1, CRM__TIME_MAX};
    uint8_t last[CRM__KEY_EVENT_ROW], key[CRM__KEY_EVENT_ROW];
    crm__slice k, before = {NULL, 0};

    for (uint64_t id = 1; id < 4; id++) {
        for (int i = 0; i < 5 * 3 + 6; i++) {
            uint64_t got;
            int64_t time;
            uint32_t number;
            k = i < 15 ? crm__key_event(key, id, TIMES[i / 3], (uint32_t)i % 3 + 1)
                       : crm__key_event_row(key, id, (uint8_t)((i - 15) / 2), (uint64_t)(i - 15) % 2 * 7);
            ck_assert_int_eq(crm__key_event_read(k, &got, &time, &number), i < 15);
            if (i < 15)
                ck_assert(got == id && time == TIMES[i / 3] && number == (uint32_t)i % 3 + 1);
            if (before.p) {
                int c = memcmp(before.p, k.p, before.n < k.n ? before.n : k.n);
                ck_assert(c < 0 || (c == 0 && before.n < k.n));
            }
            memcpy(last, k.p, k.n);
            before = crm__slice_of(last, k.n);
        }
    }
}
