/* SPDX-License-Identifier: MIT
 * Journal entries to bytes and back: random content, every truncation, random damage.
 */
#include "codec/journal.h"
#include "codec/key.h"
#include "crmtest.h"

#include <crm/codes.h>
#include <stdlib.h>
#include <string.h>

static uint64_t any(uint64_t *seed)
{
    return crmtest_rand(seed) >> crmtest_below(seed, 64);
}

typedef struct made {
    crm__journal_entry e;
    uint32_t fields[60];
    uint8_t chain[40];
} made;

static void make(uint64_t *seed, made *m)
{
    uint32_t field = 0;

    memset(m, 0, sizeof *m);
    m->e.action = (uint8_t)(1 + crmtest_below(seed, 5));
    m->e.recorded = (int64_t)any(seed) * (crmtest_below(seed, 2) ? 1 : -1);
    m->e.actor = (uint32_t)any(seed);
    m->e.purpose = (uint32_t)any(seed);
    m->e.channel = (uint32_t)any(seed);
    m->e.source = (uint32_t)any(seed);
    m->e.target = any(seed);
    m->e.previous = any(seed);
    m->e.field_count = (uint32_t)crmtest_below(seed, 60);
    m->e.fields = m->fields;
    for (uint32_t i = 0; i < m->e.field_count; i++)
        m->fields[i] = field += 1 + (uint32_t)crmtest_below(seed, 1000);
    m->e.counters.next_id = any(seed);
    m->e.counters.live = any(seed);
    m->e.counters.deleted = any(seed);
    m->e.chain = crm__slice_of(m->chain, crmtest_below(seed, sizeof m->chain));
    for (size_t i = 0; i < m->e.chain.n; i++)
        m->chain[i] = (uint8_t)crmtest_rand(seed);
}

static void same(const crm__journal_entry *a, const crm__journal_entry *b)
{
    ck_assert(a->action == b->action && a->recorded == b->recorded && a->actor == b->actor &&
              a->purpose == b->purpose && a->channel == b->channel && a->source == b->source);
    ck_assert(a->target == b->target && a->previous == b->previous);
    ck_assert_uint_eq(a->field_count, b->field_count);
    ck_assert(a->counters.next_id == b->counters.next_id && a->counters.live == b->counters.live &&
              a->counters.deleted == b->counters.deleted);
    ck_assert_uint_eq(a->chain.n, b->chain.n);
    ck_assert(!a->chain.n || !memcmp(a->chain.p, b->chain.p, a->chain.n));
}

static int decode(const uint8_t *p, size_t n, crm__journal_entry *e, uint8_t **copy)
{
    *copy = malloc(n ? n : 1);
    ck_assert_ptr_nonnull(*copy);
    memcpy(*copy, p, n);
    memset(e, 0x5a, sizeof *e);
    return crm__journal_decode(crm__slice_of(*copy, n), e);
}

CRM_TEST(test_codec_journal__round_trip)
{
    uint64_t seed = crmtest_seed();
    crm__journal_entry back;
    crm__buf out;
    made m;

    for (size_t round = crmtest_rounds(5000, 100000); round > 0; round--) {
        uint8_t *copy;
        make(&seed, &m);
        crm__buf_init(&out, NULL);
        crm__journal_encode(&m.e, &out);
        ck_assert_int_eq(decode(out.p, out.n, &back, &copy), CRM_OK);
        same(&m.e, &back);
        ck_assert_ptr_null(back.fields);
        free(copy);
        crm__buf_clear(&out);
    }
}

CRM_TEST(test_codec_journal__every_truncation)
{
    uint64_t seed = crmtest_seed();
    crm__journal_entry back;
    crm__buf out;
    made m;

    for (size_t round = crmtest_rounds(200, 5000); round > 0; round--) {
        make(&seed, &m);
        crm__buf_init(&out, NULL);
        crm__journal_encode(&m.e, &out);
        crm__buf_add_u8(&out, 0);
        for (size_t n = 0; n <= out.n; n++) {
            uint8_t *copy;
            ck_assert_int_eq(decode(out.p, n, &back, &copy),
                             n == out.n - 1 ? CRM_OK : CRM_ECORRUPT);
            free(copy);
        }
        crm__buf_clear(&out);
    }
}

CRM_TEST(test_codec_journal__damage)
{
    uint64_t seed = crmtest_seed();
    crm__journal_entry back;
    crm__buf out;
    made m;

    for (size_t round = crmtest_rounds(20000, 500000); round > 0; round--) {
        uint8_t *copy;
        make(&seed, &m);
        m.e.field_count %= 5;
        crm__buf_init(&out, NULL);
        crm__journal_encode(&m.e, &out);
        for (uint64_t k = 1 + crmtest_below(&seed, 3); k > 0; k--)
            out.p[crmtest_below(&seed, out.n)] =
                (uint8_t)(crmtest_rand(&seed) >> crmtest_below(&seed, 8));
        if (decode(out.p, out.n, &back, &copy) == CRM_OK) {
            ck_assert_uint_le(back.field_count, out.n);
            ck_assert(!back.chain.n ||
                      (back.chain.p >= copy && back.chain.p + back.chain.n == copy + out.n));
        }
        free(copy);
        crm__buf_clear(&out);
    }
}
