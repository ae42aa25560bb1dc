/* SPDX-License-Identifier: MIT
 * Derived spaces against the records.
 *
 * Sets: the sets of one chunk are built from its records and compared word by word with the stored
 * ones, which lie together in the same order; columns go along (check_column.c).  Identity rows:
 * their order is that of tokens, not of records, so sums of keyed hashes are compared, one per
 * bucket of tokens; a bucket that differs is then compared row by row.
 */
#include "db/check.h"
#include "db/chunk_sets.h"
#include "db/identity.h"

#include <stdlib.h>
#include <string.h>

enum { BUCKETS_EXACT = 16, NAMED_MOST = 100 };

/* ---- sets of a chunk ---- */

typedef struct derived {
    crm__check *c;
    crm__record r;
    crm__buf scratch;
    crm__chunk_sets sets; /* of the present chunk */
    uint64_t chunk;
    crm__check_columns *columns;
    crm_id first; /* of the identity rows of the token at hand, and how many come behind it */
    uint64_t more;
    uint8_t token[CRM__KEY_TOKEN];
    uint8_t last_row[CRM__KEY_IDENTITY]; /* zeros: none yet; no field has number 0 */
    crm__check_waiting *waiting;
    kv_cursor *bits;
    crm__slice bits_key, bits_value; /* the cursor's row; copied key */
    uint8_t key[CRM__KEY_BITS + 8];
    int bits_rc;
} derived;

static uint32_t bucket_of(const uint8_t *token)
{
    return crm__get_le16(token) % CRM__CHECK_BUCKETS;
}

/* The identity row that follows from a record. */
static crm__slice wanted_row(uint8_t to[CRM__KEY_IDENTITY], const crm__derived *item)
{
    crm__id_row row = crm__id_row_of(item->key.p + 2, item->member);

    return crm__id_row_key(to, crm__get_be16(item->key.p), &row);
}

static int gather(void *ctx, const crm__derived *item)
{
    derived *d = ctx;
    uint8_t row[CRM__KEY_IDENTITY];

    d->c->result.derived++;
    if (item->what == CRM__DERIVED_BIT)
        return crm__chunk_sets_put(&d->sets, item->key.p[4], crm__get_be32(item->key.p + 5),
                                   (uint32_t)item->member);
    if (item->what == CRM__DERIVED_CELL)
        return crm__check_columns_put(d->columns, item);
    wanted_row(row, item);
    crm__sum_add(&d->c->wanted[bucket_of(row + 2)], d->c->seed, row, sizeof row, 1);
    return CRM_OK;
}

static const char *index_name(uint8_t index)
{
    switch (index) {
    case CRM__BITS_ROOT:
        return "root";
    case CRM__BITS_PRESENCE:
        return "presence";
    case CRM__BITS_KIND:
        return "kind";
    case CRM__BITS_VALUE:
        return "enum value";
    case CRM__BITS_BOOLEAN:
        return "boolean";
    case CRM__BITS_COUNTRY:
        return "country";
    case CRM__BITS_CURRENCY:
        return "currency";
    case CRM__BITS_TEXT:
        return "text";
    case CRM__BITS_GRAM:
        return "piece";
    default:
        return "unknown";
    }
}

static void read_bits(derived *d, int first)
{
    crm__slice k;

    for (;; first = 0) {
        d->bits_rc = first ? d->bits->ops->seek(d->bits, KV_FIRST, crm__slice_of(NULL, 0), &k,
                                                &d->bits_value)
                           : d->bits->ops->next(d->bits, &k, &d->bits_value);
        if (d->bits_rc)
            return;
        if (k.n == CRM__KEY_BITS)
            break;
        if (k.n > 4 && crm__get_be32(k.p) == CRM__BITS_NO_CHUNK)
            continue; /* checked as what waits */
        crm__check_fault(d->c, "bits", 0, -1, "a row has a key of another form");
    }
    memcpy(d->key, k.p, k.n);
    d->bits_key = crm__slice_of(d->key, k.n);
}

static void compare_set(derived *d, const crm__chunk_set *want)
{
    uint64_t have[CRM__SET_WORDS] = {0}, words[CRM__SET_WORDS];
    crm__slice payload;
    uint8_t index = d->key[4];
    uint32_t value = crm__get_be32(d->key + 5);

    if (crm__untag(&d->c->store, KV_BITS, d->bits_key, d->bits_value, &payload) ||
        crm__set_load(payload, have)) {
        crm__check_fault(d->c, "bits", 0, -1, "the %s set %lu of chunk %llu is damaged",
                         index_name(index), (unsigned long)value,
                         (unsigned long long)crm__get_be32(d->key));
        return;
    }
    crm__chunk_set_words(want, words);
    if (index == CRM__BITS_GRAM)
        crm__check_waiting_set(d->waiting, value, have, words);
    for (uint32_t i = 0; i < CRM__SET_WORDS; i++) {
        uint64_t differ = have[i] ^ words[i];
        if (!differ)
            continue;
        crm__check_fault(d->c, "bits",
                         ((uint64_t)crm__get_be32(d->key) << CRM__CHUNK_SHIFT) + i * 64 +
                             (uint64_t)__builtin_ctzll(differ),
                         -1, "the %s set %lu is not what the record says", index_name(index),
                         (unsigned long)value);
        return;
    }
}

static void missing_set(derived *d, const crm__chunk_set *want)
{
    uint64_t words[CRM__SET_WORDS], have[CRM__SET_WORDS] = {0};

    crm__chunk_set_words(want, words);
    if (want->index == CRM__BITS_GRAM)
        crm__check_waiting_set(d->waiting, want->value, have, words);
    if (memcmp(words, have, sizeof have) == 0)
        return;
    for (uint32_t i = 0; i < CRM__SET_WORDS; i++)
        words[i] ^= have[i];
    crm__check_fault(d->c, "bits",
                     (d->chunk << CRM__CHUNK_SHIFT) + (uint64_t)crm__set_next(words, 0), -1,
                     "the %s set %lu of chunk %llu is missing", index_name(want->index),
                     (unsigned long)want->value, (unsigned long long)d->chunk);
}

/* The stored sets could not be read, for a reason that is not theirs. */
static int unread(const derived *d)
{
    return d->bits_rc == CRM_ENOMEM || d->bits_rc == CRM_EIO;
}

/* Compares the stored sets up to the end of the present chunk, and forgets the built ones. */
static int end_chunk(derived *d)
{
    size_t i = 0;
    int rc = crm__check_waiting_chunk(d->waiting, d->chunk);

    if (rc)
        return rc;
    crm__chunk_sets_sort(&d->sets);
    while (!d->bits_rc && crm__get_be32(d->key) < d->chunk) {
        compare_set(d, NULL);
        read_bits(d, 0);
    }
    while (!d->bits_rc && crm__get_be32(d->key) == d->chunk) {
        int order = -1;
        while (i < d->sets.count && (order = crm__chunk_set_order(&d->sets.of[i], d->key[4],
                                                                  crm__get_be32(d->key + 5))) < 0)
            missing_set(d, &d->sets.of[i++]);
        compare_set(d, i < d->sets.count && order == 0 ? &d->sets.of[i++] : NULL);
        read_bits(d, 0);
    }
    while (i < d->sets.count && !unread(d))
        missing_set(d, &d->sets.of[i++]);
    if (!unread(d))
        crm__check_waiting_end(d->waiting);
    crm__chunk_sets_reset(&d->sets);
    return CRM_OK;
}

static int derive_row(crm__check *c, crm__slice k, crm__slice v, void *ctx)
{
    derived *d = ctx;
    crm__slice payload;
    crm_id id;
    int rc;

    if (k.n != CRM__KEY_U64 || crm__untag(&c->store, KV_CUSTOMER, k, v, &payload))
        return CRM_OK; /* told already */
    id = crm__get_be64(k.p);
    if (id >> CRM__CHUNK_SHIFT != d->chunk) {
        rc = end_chunk(d);
        if (rc)
            return rc;
        d->chunk = id >> CRM__CHUNK_SHIFT;
    }
    rc = crm__check_columns_row(d->columns, id);
    if (rc)
        return rc;
    rc = crm__record_decode(&c->mem, payload, &d->r);
    if (!rc)
        rc = crm__derive(c->txn, c->model, id, &d->r, 0, 0, &d->scratch, gather, d);
    return rc == CRM_ECORRUPT ? CRM_OK : rc;
}

static int check_sets(derived *d)
{
    crm__check *c = d->c;
    int rc = c->txn->kv->ops->cursor(c->txn->kv, KV_BITS, &d->bits);

    if (rc)
        return rc == CRM_ECORRUPT ? CRM_OK : rc;
    read_bits(d, 1);
    rc = crm__check_waiting_rows(d->waiting);
    if (!rc)
        rc = crm__check_rows(c, KV_CUSTOMER, derive_row, d);
    if (!rc)
        rc = crm__check_columns_end(d->columns);
    if (!rc)
        rc = end_chunk(d);
    if (!rc) {
        d->chunk = UINT64_MAX;
        while (!d->bits_rc) {
            compare_set(d, NULL);
            read_bits(d, 0);
        }
        if (unread(d))
            rc = d->bits_rc;
        else if (d->bits_rc != CRM_ENOTFOUND)
            crm__check_fault(c, "bits", 0, -1, "a page can't be read: rows are missing");
    }
    d->bits->ops->cursor_close(d->bits);
    return rc;
}

/* ---- identity rows ---- */

/* What customers share by a row: the first of a token waits for the second. */
static void share(derived *d, crm__slice k)
{
    uint32_t field = crm__get_be16(k.p);
    crm_id id = crm__get_be64(k.p + CRM__KEY_TOKEN);
    int same = d->first && memcmp(d->token, k.p, CRM__KEY_TOKEN) == 0;

    if (!crm__field_shared_column(d->c->model, CRM__COLUMN_SHARED + field))
        return;
    d->more = same ? d->more + 1 : 0;
    if (d->more == 1) {
        crm__check_shared(d->c, 0, CRM__COLUMN_SHARED + field, d->first, 1);
        crm__check_shared(d->c, 0, CRM__COLUMN_SHARED_FIRST + field, d->first, 1);
    }
    if (same) {
        crm__check_shared(d->c, 0, CRM__COLUMN_SHARED + field, id, 1);
        return;
    }
    d->first = id;
    memcpy(d->token, k.p, CRM__KEY_TOKEN);
}

static crm__slice stored_row(uint8_t to[CRM__KEY_IDENTITY], uint32_t field, const crm__ids *block,
                             uint32_t i)
{
    crm__id_row row = crm__ids_row(block, i);

    return crm__id_row_key(to, field, &row);
}

static int identity_block(crm__check *c, crm__slice k, crm__slice v, void *ctx)
{
    derived *d = ctx;
    uint8_t row[CRM__KEY_IDENTITY];
    crm__slice last = crm__slice_of(d->last_row, sizeof d->last_row);
    uint32_t field;
    crm__ids block;

    if (crm__id_block(c->store.tag_key, k, v, &field, &block) || !crm__ids_sound(&block) ||
        crm__slice_compare(k, last) <= 0 ||
        crm__slice_compare(k, stored_row(row, field, &block, 0)) > 0) {
        crm__check_fault(c, "identity", 0, -1, "a row is damaged");
        return CRM_OK;
    }
    for (uint32_t i = 0; i < block.count; i++) {
        crm__slice r = stored_row(d->last_row, field, &block, i);
        crm__sum_add(&c->stored[bucket_of(r.p + 2)], c->seed, r.p, r.n, 1);
        share(d, r);
    }
    return CRM_OK;
}

typedef struct exact {
    derived *d;
    uint32_t bucket;
    crm__buf want, have;
} exact;

static int exact_wanted(void *ctx, const crm__derived *item)
{
    exact *x = ctx;
    uint8_t row[CRM__KEY_IDENTITY];

    if (item->what != CRM__DERIVED_ID || bucket_of(item->key.p + 2) != x->bucket)
        return CRM_OK;
    wanted_row(row, item);
    crm__buf_add(&x->want, row, sizeof row);
    return x->want.failed ? CRM_ENOMEM : CRM_OK;
}

static int exact_record(crm__check *c, crm__slice k, crm__slice v, void *ctx)
{
    exact *x = ctx;
    crm__slice payload;
    int rc;

    if (k.n != CRM__KEY_U64 || crm__untag(&c->store, KV_CUSTOMER, k, v, &payload))
        return CRM_OK;
    rc = crm__record_decode(&c->mem, payload, &x->d->r);
    if (!rc)
        rc = crm__derive(c->txn, c->model, crm__get_be64(k.p), &x->d->r, 0, 0, &x->d->scratch,
                         exact_wanted, x);
    return rc == CRM_ECORRUPT ? CRM_OK : rc;
}

static int exact_stored(crm__check *c, crm__slice k, crm__slice v, void *ctx)
{
    exact *x = ctx;
    uint32_t field;
    crm__ids block;

    if (crm__id_block(c->store.tag_key, k, v, &field, &block))
        return CRM_OK;
    for (uint32_t i = 0; i < block.count; i++) {
        uint8_t row[CRM__KEY_IDENTITY];
        stored_row(row, field, &block, i);
        if (bucket_of(row + 2) == x->bucket)
            crm__buf_add(&x->have, row, sizeof row);
    }
    return x->have.failed ? CRM_ENOMEM : CRM_OK;
}

static int by_row(const void *a, const void *b)
{
    return memcmp(a, b, CRM__KEY_IDENTITY);
}

static void name_row(crm__check *c, const uint8_t *row, int missing)
{
    const crm__field *f = crm__model_number(c->model, crm__get_be16(row));
    crm_id id = crm__get_be64(row + CRM__KEY_TOKEN);

    crm__check_fault(c, "identity", id, -1,
                     missing ? "customer %llu can't be found by %s"
                             : "customer %llu is found by a %s "
                               "it does not have",
                     (unsigned long long)id, f ? f->key : "removed field");
}

static void compare_rows(exact *x)
{
    size_t n = x->want.n / CRM__KEY_IDENTITY, m = x->have.n / CRM__KEY_IDENTITY, i = 0, k = 0;
    int named = 0;

    if (n)
        qsort(x->want.p, n, CRM__KEY_IDENTITY, by_row);
    if (m)
        qsort(x->have.p, m, CRM__KEY_IDENTITY, by_row);
    while ((i < n || k < m) && named < NAMED_MOST) {
        const uint8_t *a = i < n ? x->want.p + i * CRM__KEY_IDENTITY : NULL;
        const uint8_t *b = k < m ? x->have.p + k * CRM__KEY_IDENTITY : NULL;
        int order = i == n ? 1 : k == m ? -1 : memcmp(a, b, CRM__KEY_IDENTITY);
        if (order) {
            name_row(x->d->c, order < 0 ? a : b, order < 0);
            named++;
        }
        i += order <= 0;
        k += order >= 0;
    }
}

static int check_bucket(derived *d, uint32_t bucket)
{
    exact x;
    int rc;

    memset(&x, 0, sizeof x);
    x.d = d;
    x.bucket = bucket;
    crm__buf_init(&x.want, &d->c->mem);
    crm__buf_init(&x.have, &d->c->mem);
    rc = crm__check_rows(d->c, KV_CUSTOMER, exact_record, &x);
    if (!rc)
        rc = crm__check_rows(d->c, KV_IDENTITY, exact_stored, &x);
    if (!rc)
        compare_rows(&x);
    crm__buf_clear(&x.want);
    crm__buf_clear(&x.have);
    return rc;
}

static int check_identities(derived *d)
{
    crm__check *c = d->c;
    int rc = crm__check_rows(c, KV_IDENTITY, identity_block, d), differ = 0;

    if (!rc && memcmp(&c->shared[0], &c->shared[1], sizeof c->shared[0]) != 0)
        crm__check_fault(c, "column", 0, -1,
                         "what customers share is not counted as the identity rows say");
    for (uint32_t i = 0; i < CRM__CHECK_BUCKETS && !rc; i++) {
        const crm__sum *w = &c->wanted[i], *s = &c->stored[i];
        if (w->a == s->a && w->b == s->b && w->count == s->count)
            continue;
        if (differ++ < BUCKETS_EXACT)
            rc = check_bucket(d, i);
    }
    if (!rc && differ > BUCKETS_EXACT)
        crm__check_fault(c, "identity", 0, -1,
                         "%d of %d parts differ from the records; the first %d are named", differ,
                         CRM__CHECK_BUCKETS, BUCKETS_EXACT);
    return rc;
}

int crm__check_derived(crm__check *c)
{
    derived d;
    int rc;

    memset(&d, 0, sizeof d);
    d.c = c;
    crm__chunk_sets_init(&d.sets, &c->mem);
    crm__buf_init(&d.scratch, &c->mem);
    d.columns = crm__check_columns_new(c);
    d.waiting = crm__check_waiting_new(c);
    rc = d.columns && d.waiting ? check_sets(&d) : CRM_ENOMEM;
    if (!rc)
        rc = crm__check_columns_stored(d.columns);
    if (!rc)
        rc = check_identities(&d);
    if (!rc)
        rc = crm__check_events(c);
    crm__chunk_sets_clear(&d.sets);
    crm__check_columns_free(d.columns);
    crm__check_waiting_free(d.waiting);
    crm__record_clear(&c->mem, &d.r);
    crm__buf_clear(&d.scratch);
    return rc;
}
