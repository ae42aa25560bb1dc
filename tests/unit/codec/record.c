/* SPDX-License-Identifier: MIT
 * Records to bytes and back: random content, every truncation, random damage.
 */
#include "base/bytes.h"
#include "codec/key.h"
#include "codec/record.h"
#include "codec/value.h"
#include "crmtest.h"

#include <crm/codes.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS = 40, BYTES = 300 };

/* A record whose payloads lie in room. */
typedef struct made {
    crm__record r;
    crm__entry entry[FIELDS];
    crm__origin origin[8];
    uint8_t room[FIELDS][BYTES];
    uint8_t mixed[FIELDS][64];
} made;

static int64_t any_time(uint64_t *seed)
{
    switch (crmtest_below(seed, 4)) {
    case 0:
        return INT64_MIN;
    case 1:
        return INT64_MAX;
    default:
        return (int64_t)(crmtest_rand(seed) >> crmtest_below(seed, 64));
    }
}

static size_t put_varint(uint8_t *p, uint64_t v)
{
    size_t n = 0;

    for (; v >= 128; v >>= 7)
        p[n++] = (uint8_t)(v | 128);
    p[n++] = (uint8_t)v;
    return n;
}

/* A list of a few short items, each with an origin of its own if `mixed`. */
static void make_list(uint64_t *seed, made *m, uint32_t i, int mixed)
{
    crm__entry *e = &m->entry[i];
    size_t n = 0, k = 0, items = 1 + crmtest_below(seed, 6);

    for (size_t j = 0; j < items; j++) {
        size_t len = crmtest_below(seed, 20);
        n += put_varint(m->room[i] + n, len);
        for (size_t b = 0; b < len; b++)
            m->room[i][n++] = (uint8_t)crmtest_rand(seed);
        if (mixed)
            k += put_varint(m->mixed[i] + k, crmtest_below(seed, m->r.origin_count));
    }
    e->payload = crm__slice_of(m->room[i], n);
    e->mixed = crm__slice_of(mixed ? m->mixed[i] : NULL, k);
}

/* Bytes that end as those of a value of the type do. */
static void make_value(uint64_t *seed, crm__entry *e, uint8_t *room)
{
    size_t front = e->type == CRM_TYPE_MONEY ? 4 : e->type == CRM_TYPE_DECIMAL;

    switch (e->type) {
    case CRM_TYPE_BOOLEAN:
    case CRM_TYPE_COUNTRY:
        e->payload.n = e->type == CRM_TYPE_COUNTRY ? 2 : 1;
        break;
    case CRM_TYPE_INTEGER:
    case CRM_TYPE_DATETIME:
    case CRM_TYPE_DATE:
    case CRM_TYPE_ENUM:
    case CRM_TYPE_CUSTOMER:
    case CRM_TYPE_DECIMAL:
    case CRM_TYPE_MONEY:
        e->payload.n =
            front + put_varint(room + front, crmtest_rand(seed) >> crmtest_below(seed, 64));
        break;
    default:
        break;
    }
}

static void make(uint64_t *seed, made *m)
{
    uint32_t field = 0;

    memset(m, 0, sizeof *m);
    m->r.flags = (uint8_t)crmtest_below(seed, 4);
    m->r.kind = (uint8_t)(1 + crmtest_below(seed, CRM__RECORD_KINDS));
    m->r.seq = crmtest_rand(seed) >> crmtest_below(seed, 64);
    m->r.survivor = m->r.flags & CRM__RECORD_MERGED ? crmtest_rand(seed) : 0;
    m->r.created = any_time(seed);
    m->r.updated = crmtest_below(seed, 2) ? m->r.created : any_time(seed);
    m->r.origins = m->origin;
    m->r.entries = m->entry;
    m->r.origin_count = crmtest_below(seed, 2) ? 1 : 1 + (uint32_t)crmtest_below(seed, 8);
    for (uint32_t i = 0; i < m->r.origin_count; i++)
        m->origin[i] = (crm__origin){(uint32_t)(crmtest_rand(seed) >> crmtest_below(seed, 64)),
                                     crmtest_below(seed, 2) ? m->r.created : any_time(seed)};
    m->r.entry_count = (uint32_t)crmtest_below(seed, FIELDS);
    for (uint32_t i = 0; i < m->r.entry_count; i++) {
        crm__entry *e = &m->entry[i];
        field += 1 + (uint32_t)crmtest_below(seed, i % 5 ? 3 : 1000);
        e->field = field;
        e->origin = (uint32_t)crmtest_below(seed, m->r.origin_count);
        e->type = (uint8_t)crmtest_below(seed, 16);
        e->list = (uint8_t)crmtest_below(seed, 2);
        e->scoped = (uint8_t)crmtest_below(seed, 2);
        if (e->list) {
            make_list(seed, m, i, (int)crmtest_below(seed, 2));
            continue;
        }
        e->payload = crm__slice_of(m->room[i], crmtest_below(seed, BYTES));
        for (size_t k = 0; k < e->payload.n; k++)
            m->room[i][k] = (uint8_t)crmtest_rand(seed);
        if (crmtest_below(seed, 3)) /* else junk, mostly */
            make_value(seed, e, m->room[i]);
    }
}

static int same_bytes(crm__slice a, crm__slice b)
{
    return a.n == b.n && (!a.n || memcmp(a.p, b.p, a.n) == 0);
}

static void same(const crm__record *a, const crm__record *b)
{
    ck_assert(a->flags == b->flags && a->kind == b->kind && a->seq == b->seq);
    ck_assert(a->created == b->created && a->updated == b->updated && a->survivor == b->survivor);
    ck_assert_uint_eq(a->origin_count, b->origin_count);
    ck_assert_uint_eq(a->entry_count, b->entry_count);
    for (uint32_t i = 0; i < a->origin_count; i++)
        ck_assert(a->origins[i].source == b->origins[i].source &&
                  a->origins[i].at == b->origins[i].at);
    for (uint32_t i = 0; i < a->entry_count; i++) {
        const crm__entry *x = &a->entries[i], *y = &b->entries[i];
        ck_assert(x->field == y->field && x->type == y->type && x->list == y->list &&
                  x->scoped == y->scoped && x->origin == y->origin);
        ck_assert(same_bytes(x->payload, y->payload) && same_bytes(x->mixed, y->mixed));
    }
}

/* Decodes a copy of exactly n bytes. */
static int decode(const uint8_t *p, size_t n, crm__record *r, uint8_t **copy)
{
    *copy = malloc(n ? n : 1);
    ck_assert_ptr_nonnull(*copy);
    memcpy(*copy, p, n);
    return crm__record_decode(NULL, crm__slice_of(*copy, n), r);
}

CRM_TEST(test_codec_record__round_trip)
{
    uint64_t seed = crmtest_seed();
    crm__record back;
    crm__buf out;
    made m;

    memset(&back, 0, sizeof back);
    for (size_t round = crmtest_rounds(2000, 50000); round > 0; round--) {
        uint8_t flags = 99, *copy;
        uint64_t seq = 0;
        make(&seed, &m);
        crm__buf_init(&out, NULL);
        crm__record_encode(&m.r, &out);
        ck_assert(!out.failed);
        ck_assert_int_eq(decode(out.p, out.n, &back, &copy), CRM_OK);
        same(&m.r, &back);
        ck_assert_int_eq(crm__record_head(crm__slice_of(out.p, out.n), &flags, &seq), CRM_OK);
        ck_assert(flags == m.r.flags && seq == m.r.seq);
        for (uint32_t i = 0; i < m.r.entry_count; i++) {
            const crm__entry *e = crm__record_find(&back, m.entry[i].field);
            ck_assert_ptr_eq(e, &back.entries[i]);
            if (i && m.entry[i].field > m.entry[i - 1].field + 1)
                ck_assert_ptr_null(crm__record_find(&back, m.entry[i].field - 1));
        }
        ck_assert_ptr_null(crm__record_find(&back, 0));
        ck_assert_ptr_null(crm__record_find(&back, UINT32_MAX));
        free(copy);
        crm__buf_clear(&out);
    }
    crm__record_clear(NULL, &back);
}

/* Cut between two entries it is a record of those before; else it is none. */
CRM_TEST(test_codec_record__every_truncation)
{
    uint64_t seed = crmtest_seed();
    crm__record back;
    crm__buf out;
    made m;

    memset(&back, 0, sizeof back);
    for (size_t round = crmtest_rounds(60, 2000); round > 0; round--) {
        size_t end[FIELDS + 1];
        uint32_t entries, whole = 0;
        make(&seed, &m);
        entries = m.r.entry_count;
        crm__buf_init(&out, NULL);
        for (m.r.entry_count = 0; m.r.entry_count <= entries; m.r.entry_count++) {
            out.n = 0;
            crm__record_encode(&m.r, &out);
            end[m.r.entry_count] = out.n;
        }
        crm__buf_add_u8(&out, 0); /* and one byte too many */
        for (size_t n = 0; n <= out.n; n++) {
            uint8_t *copy;
            int rc = decode(out.p, n, &back, &copy), fits = whole <= entries && n == end[whole];
            ck_assert_int_eq(rc, fits ? CRM_OK : CRM_ECORRUPT);
            m.r.entry_count = fits ? whole++ : 0;
            if (fits)
                same(&m.r, &back);
            else
                ck_assert(back.entry_count == 0 && back.origin_count == 0);
            free(copy);
        }
        crm__buf_clear(&out);
    }
    crm__record_clear(NULL, &back);
}

/* What is read of damaged bytes holds together: indexes are inside, payloads lie in the bytes. */
static void sensible(const crm__record *r, const uint8_t *p, size_t n)
{
    uint32_t before = 0;

    for (uint32_t i = 0; i < r->entry_count; i++) {
        const crm__entry *e = &r->entries[i];
        crm__slice item;
        size_t pos = 0, k = 0;
        int rc;
        ck_assert(e->field > before && e->field <= UINT16_MAX && e->origin < r->origin_count);
        ck_assert(e->payload.n <= n &&
                  (!e->payload.n || (e->payload.p >= p && e->payload.p + e->payload.n <= p + n)));
        while ((rc = crm__entry_next(e, &pos, &item)) == CRM_OK) {
            ck_assert(!item.n || (item.p >= p && item.p + item.n <= p + n));
            ck_assert_uint_lt(crm__entry_origin(e, k++), r->origin_count);
        }
        ck_assert(rc == CRM_DONE || rc == CRM_ECORRUPT);
        before = e->field;
    }
}

CRM_TEST(test_codec_record__damage)
{
    uint64_t seed = crmtest_seed();
    crm__record back, again;
    crm__buf out, second;
    made m;

    memset(&back, 0, sizeof back);
    memset(&again, 0, sizeof again);
    for (size_t round = crmtest_rounds(4000, 200000); round > 0; round--) {
        uint8_t *copy, *other;
        make(&seed, &m);
        m.r.entry_count %= 6;
        crm__buf_init(&out, NULL);
        crm__record_encode(&m.r, &out);
        for (uint64_t k = 1 + crmtest_below(&seed, 3); k > 0; k--)
            out.p[crmtest_below(&seed, out.n)] =
                (uint8_t)(crmtest_rand(&seed) >> crmtest_below(&seed, 8));
        if (decode(out.p, out.n, &back, &copy) == CRM_OK) {
            sensible(&back, copy, out.n);
            /* It is a record like any other. */
            crm__buf_init(&second, NULL);
            crm__record_encode(&back, &second);
            ck_assert_int_eq(decode(second.p, second.n, &again, &other), CRM_OK);
            same(&back, &again);
            free(other);
            crm__buf_clear(&second);
        }
        free(copy);
        crm__buf_clear(&out);
    }
    crm__record_clear(NULL, &back);
    crm__record_clear(NULL, &again);
}

CRM_TEST(test_codec_record__junk)
{
    uint64_t seed = crmtest_seed();
    crm__record r;

    memset(&r, 0, sizeof r);
    for (size_t round = crmtest_rounds(20000, 1000000); round > 0; round--) {
        uint8_t junk[80], *copy, flags;
        size_t n = crmtest_below(&seed, sizeof junk);
        uint64_t seq;
        for (size_t i = 0; i < n; i++)
            junk[i] = (uint8_t)(crmtest_rand(&seed) >> crmtest_below(&seed, 8));
        if (n)
            junk[0] = (uint8_t)(CRM__RECORD_FORMAT << 5 | (junk[0] & 31));
        if (decode(junk, n, &r, &copy) == CRM_OK)
            sensible(&r, copy, n);
        crm__record_head(crm__slice_of(copy, n), &flags, &seq);
        free(copy);
    }
    crm__record_clear(NULL, &r);
}

/* A count that would need more room than the bytes could hold is refused before any is taken. */
CRM_TEST(test_codec_record__claimed_counts)
{
    static const uint64_t COUNT[] = {1, 100, 4096, 4097, UINT32_MAX, UINT64_MAX};
    crm__record r;
    crm__buf out;

    memset(&r, 0, sizeof r);
    for (size_t i = 0; i < sizeof COUNT / sizeof COUNT[0]; i++) {
        uint8_t head[10] = {CRM__RECORD_FORMAT << 5 | 16, 5};
        crm__buf_init(&out, NULL);
        crm__buf_add(&out, head, sizeof head);
        crm__buf_add_varint(&out, COUNT[i]);
        ck_assert_int_eq(crm__record_decode(NULL, crm__slice_of(out.p, out.n), &r), CRM_ECORRUPT);
        crm__buf_clear(&out);
    }
    ck_assert_uint_le(r.entry_cap, 128);
    ck_assert_uint_le(r.origin_cap, 128);
    crm__record_clear(NULL, &r);
}

/* What has a shorter spelling. */
CRM_TEST(test_codec_record__longer_spellings)
{
    enum { ONE = CRM__RECORD_FORMAT << 5 };
    static const struct {
        uint8_t n, bytes[24];
        int rc;
    } CASE[] = {
        {12, {ONE, 5, 0, 0, 0, 0, 0, 0, 0, 0, 7}, CRM_ECORRUPT}, /* a zero behind it */
        {11, {ONE, 5, 0, 0, 0, 0, 0, 0, 0, 0, 7}, CRM_OK},
        {12, {ONE | 8, 5, 0, 0, 0, 0, 0, 0, 0, 0, 2, 7}, CRM_OK}, /* changed 1 us later */
        {12, {ONE | 8, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7}, CRM_ECORRUPT},
        {13, {ONE | 16, 5, 0, 0, 0, 0, 0, 0, 0, 0, 1, 7, 2}, CRM_OK}, /* an origin of later */
        {13, {ONE | 16, 5, 0, 0, 0, 0, 0, 0, 0, 0, 1, 7, 0}, CRM_ECORRUPT},
        {11, {ONE | 16, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0}, CRM_OK}, /* none */
        {14, {ONE, 5, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0x11, 1, 'a'}, CRM_OK}, /* a text */
        {15, {ONE, 5, 0, 0, 0, 0, 0, 0, 0, 0, 7, 1, 8, 1, 'a'}, CRM_OK}, /* of field 8 */
        {15, {ONE, 5, 0, 0, 0, 0, 0, 0, 0, 0, 7, 1, 7, 1, 'a'}, CRM_ECORRUPT},
        {15, {ONE, 5, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0x91, 0, 1, 'a'}, CRM_ECORRUPT},
        {15, {ONE, 5, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0x91, 1, 1, 'a'}, CRM_ECORRUPT}, /* sized */
        {13, {ONE, 5, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0x12, 2}, CRM_OK},               /* an integer */
        {15, {ONE, 5, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0x92, 1, 1, 2}, CRM_ECORRUPT},
        {16, {ONE, 5, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0x92, 1, 2, 2, 2}, CRM_OK}, /* what is none */
        {15, {ONE, 5, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0x92, 4, 1, 2}, CRM_OK},    /* scoped */
        {15, {ONE, 5, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0x92, 5, 1, 2}, CRM_ECORRUPT},
        {15, {ONE, 5, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0x92, 16, 2}, CRM_ECORRUPT}, /* another origin */
        {15, {ONE, 5, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0x92, 8, 1, 2}, CRM_ECORRUPT}, /* mixed, no list */
    };
    crm__record r;
    uint8_t *copy;

    memset(&r, 0, sizeof r);
    for (size_t i = 0; i < sizeof CASE / sizeof *CASE; i++) {
        int rc = decode(CASE[i].bytes, CASE[i].n, &r, &copy);
        ck_assert_msg(rc == CASE[i].rc, "case %zu: %d", i, rc);
        free(copy);
    }
    crm__record_clear(NULL, &r);
}

CRM_TEST(test_codec_record__single_value_as_a_list_of_one)
{
    crm__entry e = {.payload = {(const uint8_t *)"abc", 3}};
    crm__slice item;
    size_t pos = 0;

    ck_assert_int_eq(crm__entry_next(&e, &pos, &item), CRM_OK);
    ck_assert(item.n == 3 && item.p == e.payload.p);
    ck_assert_int_eq(crm__entry_next(&e, &pos, &item), CRM_DONE);
    ck_assert_int_eq(crm__entry_next(&e, &pos, &item), CRM_DONE);
}
