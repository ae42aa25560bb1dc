/* SPDX-License-Identifier: MIT
 * Journal entries and images to bytes and back: random content, every truncation, random damage;
 * masks and runs against brute force; chain and commitments against their definition.
 */
#include "codec/journal.h"
#include "codec/key.h"
#include "crmtest.h"

#include <crm/codes.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS = 60, IDS = 200 };

static uint64_t any(uint64_t *seed)
{
    return crmtest_rand(seed) >> crmtest_below(seed, 64);
}

typedef struct made {
    crm__journal_entry e;
    uint32_t fields[FIELDS];
    uint64_t ids[CRM__BATCH_LISTS][IDS];
    size_t count[CRM__BATCH_LISTS];
    crm__buf lists[CRM__BATCH_LISTS];
    uint8_t commitment[CRM__DIGEST], tagged[CRM__DIGEST];
    crm__buf out; /* encoded, with its chain */
} made;

static void fill(uint64_t *seed, uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)crmtest_rand(seed);
}

/* Ascending ids, often next to each other; sometimes up to the greatest there is. */
static size_t make_ids(uint64_t *seed, uint64_t ids[IDS])
{
    size_t n = crmtest_below(seed, 4) ? crmtest_below(seed, IDS) : crmtest_below(seed, 3);
    uint64_t id = crmtest_below(seed, 8) ? 0 : UINT64_MAX - 2 * IDS - (any(seed) & 0xffff);
    uint64_t apart = 1 + any(seed) % 1000;

    for (size_t i = 0; i < n; i++)
        ids[i] = id += id > UINT64_MAX / 2 || crmtest_below(seed, 3) ? 1 : 1 + any(seed) % apart;
    if (n && id > UINT64_MAX / 2 && crmtest_below(seed, 2))
        ids[n - 1] = UINT64_MAX;
    return n;
}

static void make(uint64_t *seed, made *m)
{
    uint32_t field = 0;
    uint8_t chain[CRM__DIGEST];

    memset(m, 0, sizeof *m);
    m->e.action = (uint8_t)(1 + crmtest_below(seed, CRM__ACTIONS - 1));
    m->e.recorded = (int64_t)any(seed) * (crmtest_below(seed, 2) ? 1 : -1);
    m->e.actor = (uint32_t)any(seed);
    m->e.purpose = (uint32_t)any(seed);
    m->e.channel = (uint32_t)any(seed);
    m->e.source = (uint32_t)any(seed);
    m->e.target = any(seed);
    m->e.previous = any(seed);
    m->e.batch = any(seed);
    m->e.field_count = (uint32_t)crmtest_below(seed, FIELDS);
    m->e.fields = m->fields;
    for (uint32_t i = 0; i < m->e.field_count; i++)
        m->fields[i] = field += 1 + (uint32_t)(any(seed) % 60000000);
    m->e.counters.next_id = any(seed);
    m->e.counters.live = any(seed);
    m->e.counters.deleted = any(seed);
    m->e.counters.images_from = any(seed);
    fill(seed, m->commitment, sizeof m->commitment);
    m->e.commitment =
        crm__slice_of(m->commitment, crmtest_below(seed, 2) ? sizeof m->commitment : 0);
    for (int i = 0; i < CRM__BATCH_LISTS; i++) {
        crm__buf_init(&m->lists[i], NULL);
        m->count[i] = make_ids(seed, m->ids[i]);
        crm__runs_encode(m->ids[i], m->count[i], &m->lists[i]);
        m->e.lists[i] = crm__slice_of(m->lists[i].p, m->lists[i].n);
    }
    fill(seed, m->tagged, sizeof m->tagged);
    if (m->e.action == CRM__ACTION_TAG ||
        (crm__action_lists(m->e.action) && m->count[CRM__BATCH_TAGGED]))
        m->e.tagged = crm__slice_of(m->tagged, sizeof m->tagged);
    crm__buf_init(&m->out, NULL);
    crm__journal_encode(&m->e, &m->out);
    fill(seed, chain, sizeof chain);
    crm__buf_add(&m->out, chain, sizeof chain);
    ck_assert(!m->out.failed);
}

static void unmake(made *m)
{
    for (int i = 0; i < CRM__BATCH_LISTS; i++)
        crm__buf_clear(&m->lists[i]);
    crm__buf_clear(&m->out);
}

/* A list read back: every id, as runs that do not touch each other. */
static void same_ids(crm__slice list, const uint64_t *ids, size_t n)
{
    uint64_t first, count, end = 0;
    size_t i = 0;
    crm__runs r;

    ck_assert_int_eq(crm__runs_open(list, &r), CRM_OK);
    while (crm__runs_next(&r, &first, &count)) {
        ck_assert(!i || first > end + 1);
        end = first + count - 1;
        for (uint64_t k = 0; k < count; k++, i++)
            ck_assert(i < n && ids[i] == first + k);
    }
    ck_assert(i == n && !r.in.failed && !crm__reader_left(&r.in));
}

static void same(const made *m, const crm__journal_entry *b)
{
    const crm__journal_entry *a = &m->e;
    crm__reader in = crm__reader_of(b->mask.p, b->mask.n);
    uint32_t field = 0;

    ck_assert(a->action == b->action && a->recorded == b->recorded && a->actor == b->actor &&
              a->purpose == b->purpose && a->channel == b->channel && a->source == b->source);
    ck_assert(a->target == b->target && a->previous == b->previous && a->batch == b->batch);
    ck_assert(a->counters.next_id == b->counters.next_id && a->counters.live == b->counters.live &&
              a->counters.deleted == b->counters.deleted &&
              a->counters.images_from == b->counters.images_from);
    ck_assert_ptr_null(b->fields);
    ck_assert_uint_eq(a->field_count, b->field_count);
    for (uint32_t i = 0; i < a->field_count; i++)
        ck_assert(crm__mask_next(&in, &field) && field == m->fields[i]);
    ck_assert(!crm__mask_next(&in, &field) && !in.failed);
    ck_assert_uint_eq(a->commitment.n, b->commitment.n);
    ck_assert(!a->commitment.n || !memcmp(a->commitment.p, b->commitment.p, a->commitment.n));
    ck_assert_uint_eq(a->tagged.n, b->tagged.n);
    ck_assert(!a->tagged.n || !memcmp(a->tagged.p, b->tagged.p, a->tagged.n));
    for (int i = 0; i < CRM__BATCH_LISTS; i++) {
        if (crm__action_lists(a->action))
            same_ids(b->lists[i], m->ids[i], m->count[i]);
        else
            ck_assert_uint_eq(b->lists[i].n, 0);
    }
    ck_assert_uint_eq(b->chain.n, CRM__DIGEST);
    ck_assert_mem_eq(b->chain.p, m->out.p + m->out.n - CRM__DIGEST, CRM__DIGEST);
}

/* Decodes from an allocation of just that size. */
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
    made m;

    for (size_t round = crmtest_rounds(5000, 100000); round > 0; round--) {
        uint8_t *copy;
        make(&seed, &m);
        ck_assert_int_eq(decode(m.out.p, m.out.n, &back, &copy), CRM_OK);
        same(&m, &back);
        free(copy);
        unmake(&m);
    }
}

/* The chain is the last 32 bytes, whatever they are; so a prefix never decodes to the same, and
 * what stands before the chain has to be used up. */
CRM_TEST(test_codec_journal__every_truncation)
{
    uint64_t seed = crmtest_seed();
    crm__journal_entry back;
    made m;

    for (size_t round = crmtest_rounds(200, 5000); round > 0; round--) {
        static const uint8_t CHAIN[CRM__DIGEST] = {1, 2, 3};
        make(&seed, &m);
        for (size_t n = 0; n + CRM__DIGEST <= m.out.n + 1; n++) {
            crm__buf cut;
            uint8_t *copy;
            size_t head = m.out.n - CRM__DIGEST;
            crm__buf_init(&cut, NULL);
            crm__buf_add(&cut, m.out.p, n < head ? n : head);
            if (n > head)
                crm__buf_add_u8(&cut, 0);
            ck_assert_int_eq(decode(cut.p, cut.n, &back, &copy),
                             CRM_ECORRUPT); /* and without a chain */
            free(copy);
            crm__buf_add(&cut, CHAIN, sizeof CHAIN);
            ck_assert_int_eq(decode(cut.p, cut.n, &back, &copy), n == head ? CRM_OK : CRM_ECORRUPT);
            free(copy);
            crm__buf_clear(&cut);
        }
        unmake(&m);
    }
}

static void inside(crm__slice s, const uint8_t *p, size_t n)
{
    ck_assert(!s.n || (s.p >= p && s.p + s.n <= p + n));
}

CRM_TEST(test_codec_journal__damage)
{
    uint64_t seed = crmtest_seed(), first, count;
    crm__journal_entry back;
    crm__runs r;
    made m;

    for (size_t round = crmtest_rounds(20000, 500000); round > 0; round--) {
        uint8_t *copy;
        make(&seed, &m);
        for (uint64_t k = 1 + crmtest_below(&seed, 3); k > 0; k--)
            m.out.p[crmtest_below(&seed, m.out.n)] =
                (uint8_t)(crmtest_rand(&seed) >> crmtest_below(&seed, 8));
        if (decode(m.out.p, m.out.n, &back, &copy) == CRM_OK) {
            crm__reader in = crm__reader_of(back.mask.p, back.mask.n);
            uint32_t field = 0, seen = 0;
            ck_assert_uint_le(back.field_count, m.out.n);
            inside(back.mask, copy, m.out.n);
            inside(back.chain, copy, m.out.n);
            inside(back.commitment, copy, m.out.n);
            while (crm__mask_next(&in, &field))
                seen++;
            ck_assert_uint_eq(seen, back.field_count);
            for (int i = 0; i < CRM__BATCH_LISTS; i++) {
                inside(back.lists[i], copy, m.out.n);
                ck_assert_int_eq(crm__runs_open(back.lists[i], &r), CRM_OK);
                while (crm__runs_next(&r, &first, &count))
                    ck_assert(first && count && first + (count - 1) >= first);
                ck_assert(!r.in.failed);
            }
        }
        free(copy);
        unmake(&m);
    }
}

/* ---- masks and runs alone ---- */

CRM_TEST(test_codec_journal__masks)
{
    uint64_t seed = crmtest_seed();

    for (size_t round = crmtest_rounds(3000, 100000); round > 0; round--) {
        uint32_t fields[FIELDS], count = (uint32_t)crmtest_below(&seed, FIELDS), field = 0;
        crm__reader in;
        crm__buf out;
        for (uint32_t i = 0; i < count; i++)
            fields[i] = field += 1 + (uint32_t)(any(&seed) % 70000000);
        if (count && crmtest_below(&seed, 4) == 0)
            fields[count - 1] = UINT32_MAX;
        crm__buf_init(&out, NULL);
        crm__mask_encode(fields, count, &out);
        in = crm__reader_of(out.p, out.n);
        ck_assert_uint_eq(crm__read_varint(&in), count);
        field = 0;
        for (uint32_t i = 0; i < count; i++)
            ck_assert(crm__mask_next(&in, &field) && field == fields[i]);
        ck_assert(!crm__mask_next(&in, &field) && !in.failed);
        crm__buf_clear(&out);
    }
}

CRM_TEST(test_codec_journal__masks_that_are_none)
{
    static const uint8_t TWICE[] = {5, 0}, OVER[] = {1, 0xff, 0xff, 0xff, 0xff, 0x0f},
                         CUT[] = {0x80};
    static const crm__slice BAD[] = {{TWICE, 2}, {OVER, 6}, {CUT, 1}};

    for (size_t i = 0; i < 3; i++) {
        crm__reader in = crm__reader_of(BAD[i].p, BAD[i].n);
        uint32_t field = 0, n = 0;
        while (crm__mask_next(&in, &field))
            n++;
        ck_assert(in.failed && n <= 1);
    }
}

CRM_TEST(test_codec_journal__runs)
{
    uint64_t seed = crmtest_seed();

    for (size_t round = crmtest_rounds(3000, 100000); round > 0; round--) {
        uint64_t ids[IDS];
        size_t n = make_ids(&seed, ids), runs = 0;
        crm__runs r;
        crm__buf out;
        crm__buf_init(&out, NULL);
        crm__runs_encode(ids, n, &out);
        same_ids(crm__slice_of(out.p, out.n), ids, n);
        for (size_t i = 0; i < n; i++)
            runs += i == 0 || ids[i] != ids[i - 1] + 1;
        ck_assert_int_eq(crm__runs_open(crm__slice_of(out.p, out.n), &r), CRM_OK);
        ck_assert_uint_eq(r.left, runs);
        /* Cut anywhere it is told, at the latest when read. */
        for (size_t cut = 0; cut < out.n; cut++) {
            uint64_t first, count;
            int rc = crm__runs_open(crm__slice_of(out.p, cut), &r);
            ck_assert(rc == CRM_ECORRUPT || !cut || n);
            while (!rc && crm__runs_next(&r, &first, &count))
                ;
            ck_assert(rc == CRM_ECORRUPT || r.in.failed || !cut);
        }
        crm__buf_clear(&out);
    }
}

CRM_TEST(test_codec_journal__runs_that_are_none)
{
    /* A step of 0; a run and a first beyond the last number; more runs than bytes. */
    static const uint8_t ZERO[] = {1, 0, 0},
                         LONG[] = {1, 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1},
                         FAR[] = {2,    9,    0,    0xff, 0xff, 0xff, 0xff,
                                  0xff, 0xff, 0xff, 0xff, 0xff, 1,    0},
                         MANY[] = {9, 1, 0, 1, 0};
    static const crm__slice BAD[] = {
        {ZERO, sizeof ZERO}, {LONG, sizeof LONG}, {FAR, sizeof FAR}, {MANY, sizeof MANY}};
    uint64_t first, count;
    crm__runs r;

    for (size_t i = 0; i < 4; i++) {
        int rc = crm__runs_open(BAD[i], &r);
        while (!rc && crm__runs_next(&r, &first, &count))
            ck_assert_uint_eq(first, 9);
        ck_assert(rc == CRM_ECORRUPT || r.in.failed);
    }
    ck_assert_int_eq(crm__runs_open(crm__slice_of(NULL, 0), &r), CRM_OK);
    ck_assert(!crm__runs_next(&r, &first, &count) && !r.in.failed);
}

/* ---- chain and commitments ---- */

CRM_TEST(test_codec_journal__chain)
{
    uint64_t seed = crmtest_seed();
    uint8_t before[CRM__DIGEST], one[CRM__DIGEST], two[CRM__DIGEST], buf[400];

    for (size_t round = crmtest_rounds(2000, 20000); round > 0; round--) {
        size_t n = crmtest_below(&seed, sizeof buf - 40);
        size_t cut = n > CRM__DIGEST && crmtest_below(&seed, 2) ? CRM__DIGEST : 0;
        uint64_t seq = any(&seed);
        crm__slice whole = {buf, CRM__DIGEST + 8 + n};
        fill(&seed, buf, sizeof buf);
        memcpy(before, buf, sizeof before);
        crm__put_le64(buf + CRM__DIGEST, seq);
        crm__chain_next(before, seq, crm__slice_of(buf + CRM__DIGEST + 8, n - cut),
                        crm__slice_of(buf + CRM__DIGEST + 8 + n - cut, cut), one);
        crm__digest(NULL, &whole, 1, two); /* one message of link, seq, entry and sum */
        ck_assert_mem_eq(one, two, sizeof one);
        /* Everything counts: the link before, the seq, each byte. */
        buf[crmtest_below(&seed, whole.n)] ^= (uint8_t)(1u << crmtest_below(&seed, 8));
        memcpy(before, buf, sizeof before);
        crm__chain_next(before, crm__get_le64(buf + CRM__DIGEST),
                        crm__slice_of(buf + CRM__DIGEST + 8, n), crm__slice_of(NULL, 0), two);
        ck_assert_mem_ne(one, two, sizeof one);
    }
}

CRM_TEST(test_codec_journal__commitments)
{
    uint64_t seed = crmtest_seed();
    uint8_t row[300], one[CRM__DIGEST], two[CRM__DIGEST], message[16 + sizeof row];

    for (size_t round = crmtest_rounds(2000, 20000); round > 0; round--) {
        size_t n = 1 + CRM__SALT + crmtest_below(&seed, sizeof row - 1 - CRM__SALT);
        uint64_t seq = any(&seed), id = any(&seed);
        crm__slice whole = {message, 16 + n - 1};
        fill(&seed, row, n);
        row[0] = CRM__IMAGE_KEPT;
        ck_assert_int_eq(crm__image_commitment(seq, id, crm__slice_of(row, n), one), CRM_OK);
        crm__put_le64(message, seq);
        crm__put_le64(message + 8, id);
        memcpy(message + 16, row + 1, n - 1);
        crm__digest(NULL, &whole, 1, two);
        ck_assert_mem_eq(one, two, sizeof one);
        /* Seq, id, salt and content count. */
        message[crmtest_below(&seed, whole.n)] ^= (uint8_t)(1u << crmtest_below(&seed, 8));
        memcpy(row + 1, message + 16, n - 1);
        ck_assert_int_eq(crm__image_commitment(crm__get_le64(message), crm__get_le64(message + 8),
                                               crm__slice_of(row, n), two),
                         CRM_OK);
        ck_assert_mem_ne(one, two, sizeof one);
        /* Erased, the row is the commitment. */
        row[0] = CRM__IMAGE_ERASED;
        memcpy(row + 1, one, sizeof one);
        ck_assert_int_eq(crm__image_commitment(seq, id, crm__slice_of(row, 1 + CRM__DIGEST), two),
                         CRM_OK);
        ck_assert_mem_eq(one, two, sizeof one);
    }
}

CRM_TEST(test_codec_journal__rows_that_are_no_image)
{
    uint8_t row[80] = {0}, out[CRM__DIGEST];

    for (unsigned form = 0; form < 256; form++) {
        for (size_t n = 0; n <= sizeof row; n++) {
            int good = (form == CRM__IMAGE_KEPT && n >= 1 + CRM__SALT) ||
                       (form == CRM__IMAGE_ERASED && n == 1 + CRM__DIGEST);
            uint8_t *copy = malloc(n ? n : 1);
            ck_assert_ptr_nonnull(copy);
            row[0] = (uint8_t)form;
            memcpy(copy, row, n);
            ck_assert_int_eq(crm__image_commitment(1, 2, crm__slice_of(copy, n), out),
                             good ? CRM_OK : CRM_ECORRUPT);
            free(copy);
        }
    }
}
