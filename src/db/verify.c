/* SPDX-License-Identifier: MIT
 * Verifying the journal: see verify.h.  Entries and images are walked side by side, both in order
 * of seq, so that neither is looked up.
 */
#include "db/verify.h"

#include "db/model.h"
#include "db/tagged.h"

#include <crm/journal.h>
#include <stdlib.h>
#include <string.h>

enum { STEP = 4096 };

/* ---- images ---- */

/* The next stored image. */
static int next_image(crm__verify *v)
{
    crm__slice stored;
    int rc = v->images->ops->next(v->images, &v->key, &stored);

    v->more = 0;
    if (rc)
        return rc == CRM_ENOTFOUND ? CRM_OK : rc;
    v->more = 1;
    if (v->key.n != CRM__KEY_IMAGE || crm__untag(v->txn->store, KV_IMAGE, v->key, stored, &v->row))
        v->row.n = 0;
    return CRM_OK;
}

int crm__verify_begin(crm_txn *txn, uint64_t images_from, crm__image_fn fn, void *ctx,
                      crm__verify *v)
{
    crm__slice stored;
    int rc;

    memset(v, 0, sizeof *v);
    v->txn = txn;
    v->images_from = images_from;
    v->next = 1;
    v->recorded = INT64_MIN;
    memcpy(v->chain, txn->store->chain_key, sizeof v->chain);
    crm__brought_init(&v->brought);
    v->fn = fn;
    v->ctx = ctx;
    v->images = crm__txn_cursor(txn, KV_IMAGE, &rc);
    if (!rc)
        rc = v->images->ops->seek(v->images, KV_FIRST, crm__slice_of(NULL, 0), &v->key, &stored);
    if (rc)
        return rc == CRM_ENOTFOUND ? CRM_OK : rc;
    v->more = 1;
    if (v->key.n != CRM__KEY_IMAGE || crm__untag(txn->store, KV_IMAGE, v->key, stored, &v->row))
        v->row.n = 0;
    return CRM_OK;
}

static uint64_t image_seq(const crm__verify *v)
{
    return v->key.n == CRM__KEY_IMAGE ? crm__get_be64(v->key.p) : 0;
}

/* One image of an entry: its commitment, and what it says of the record before. */
static int see_image(crm__verify *v, uint64_t seq, int batch, uint8_t out[CRM__DIGEST])
{
    uint64_t id = crm__get_be64(v->key.p + 8), previous = 0;
    crm__slice mask, record;
    uint8_t flags;
    int rc = v->row.n ? crm__image_commitment(seq, id, v->row, out) : CRM_ECORRUPT;

    if (rc || !v->fn)
        return rc;
    rc = crm__image_split(v->row, batch, &mask, &record);
    if (rc == CRM_ENOTFOUND) {
        v->lost = 1;
        return CRM_OK;
    }
    if (!rc)
        rc = crm__record_head(record, &flags, &previous);
    return rc ? rc : v->fn(v->ctx, seq, id, previous);
}

/* All images of an entry against what it committed to. */
static int check_images(crm__verify *v, uint64_t seq, const crm__journal_entry *e,
                        const char **what)
{
    uint8_t sum[CRM__DIGEST] = {0}, one[CRM__DIGEST];
    crm__slice parts[2] = {{sum, sizeof sum}, {one, sizeof one}};
    int batch = crm__action_lists(e->action), rc;
    uint64_t seen = 0;

    if (v->more && image_seq(v) < seq) {
        *what = "there is an image that belongs to no entry";
        while (v->more && image_seq(v) < seq) {
            rc = next_image(v);
            if (rc)
                return rc;
        }
        return CRM_ECORRUPT;
    }
    for (; v->more && image_seq(v) == seq; seen++) {
        int other = !batch && crm__get_be64(v->key.p + 8) != e->target;
        rc = other ? CRM_ECORRUPT : see_image(v, seq, batch, one);
        if (rc == CRM_ECORRUPT)
            *what = other ? "its image is of another customer" : "an image is damaged";
        if (rc)
            return rc;
        if (batch)
            crm__digest(NULL, parts, 2, sum);
        else
            memcpy(sum, one, sizeof sum);
        rc = next_image(v);
        if (rc)
            return rc;
    }
    *what = NULL;
    if (seen ? !e->commitment.n || memcmp(sum, e->commitment.p, sizeof sum) != 0
             : e->commitment.n && seq >= v->images_from)
        *what = seen ? "an image is not what the entry says" : "its image is missing";
    v->lost |= !seen && e->commitment.n;
    return *what ? CRM_ECORRUPT : CRM_OK;
}

/* ---- tags ---- */

/* The rows of what an entry tagged, against what it committed to. */
static int check_tags(crm__verify *v, uint64_t seq, const crm__journal_entry *e, const char **what)
{
    crm__reader in = crm__reader_of(e->mask.p, e->mask.n);
    uint64_t chunk = (e->target >> CRM__CHUNK_SHIFT) + 1;
    uint8_t sum[CRM__DIGEST];
    crm__slice chunks = e->lists[CRM__BATCH_TAGGED];
    crm__buf tags, one;
    uint32_t tag = 0;
    int rc = CRM_OK;

    if (!e->tagged.n)
        return CRM_OK;
    crm__buf_init(&tags, v->txn->mem);
    crm__buf_init(&one, v->txn->mem);
    while (crm__mask_next(&in, &tag))
        crm__buf_add(&tags, &tag, sizeof tag);
    if (e->action == CRM__ACTION_TAG) {
        crm__runs_encode(&chunk, 1, &one);
        chunks = crm__slice_of(one.p, one.n);
    }
    if (tags.failed || one.failed)
        rc = CRM_ENOMEM;
    if (!rc)
        rc = crm__tagged_sum(v->txn, seq, chunks, (const uint32_t *)(const void *)tags.p,
                             (uint32_t)(tags.n / sizeof tag), sum, &v->tagged);
    crm__buf_clear(&tags);
    crm__buf_clear(&one);
    if (!rc && memcmp(sum, e->tagged.p, sizeof sum) != 0)
        rc = CRM_ECORRUPT;
    if (rc == CRM_ECORRUPT)
        *what = "the tags it gave or took are not what it says";
    return rc;
}

/* ---- entries ---- */

static const char *judge(crm__verify *v, uint64_t seq, crm__slice payload,
                         const crm__journal_entry *e, crm__slice brought)
{
    uint8_t chain[CRM__DIGEST];

    if (seq != v->next)
        return "entries before it are missing";
    crm__chain_next(v->chain, seq, crm__slice_of(payload.p, payload.n - CRM__DIGEST), brought,
                    chain);
    if (memcmp(chain, e->chain.p, sizeof chain) != 0)
        return "the chain is broken: it, what it brings, or an entry before it was changed";
    if (e->recorded < v->recorded)
        return "recorded time goes back";
    if (e->previous >= seq || e->batch > seq)
        return "it names a later entry as the one before";
    if (e->action == 0 || e->action >= CRM__ACTIONS)
        return "its action is unknown";
    return NULL;
}

int crm__verify_entry(crm__verify *v, uint64_t seq, crm__slice payload, crm__journal_entry *e,
                      const char **what)
{
    uint8_t room[CRM__DIGEST];
    crm__slice brought;
    int rc = crm__journal_decode(payload, e);

    *what = "it is damaged";
    if (rc) {
        v->next = seq + 1;
        v->faulty = 1;
        return rc;
    }
    rc = crm__brought_take(v->txn, seq, e, &v->brought, room, &brought, what);
    if (!rc)
        *what = judge(v, seq, payload, e, brought);
    if (crm__brings_text(seq, e))
        v->texts += e->action == CRM__ACTION_SEGMENT ? 2 : 1;
    if (e->action == CRM__ACTION_MODEL)
        v->model = e->target;
    v->next = seq + 1;
    v->recorded = e->recorded;
    memcpy(v->chain, e->chain.p, sizeof v->chain);
    if (!rc)
        rc = *what ? CRM_ECORRUPT : check_images(v, seq, e, what);
    if (!rc)
        rc = check_tags(v, seq, e, what);
    v->faulty |= rc != CRM_OK;
    return rc;
}

/* Rows of the space meta under a prefix. */
static int count_rows(crm_txn *txn, const char *prefix, uint64_t *count)
{
    crm__slice from = {(const uint8_t *)prefix, strlen(prefix)}, k, stored;
    int rc;
    kv_cursor *c = crm__txn_cursor(txn, KV_META, &rc);

    if (!rc)
        rc = c->ops->seek(c, KV_GE, from, &k, &stored);
    for (; !rc && k.n >= from.n && !memcmp(k.p, from.p, from.n); rc = c->ops->next(c, &k, &stored))
        ++*count;
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

/* What entries brought is there; here, that nothing else is, which would count as well. */
static int check_left(crm__verify *v, const char **what)
{
    uint64_t texts = 0;
    uint32_t version = 0;
    kv_stat stat;
    int rc = v->txn->kv->ops->stat(v->txn->kv, KV_TAGGED, &stat);

    *what = "there is a change of tags that belongs to no entry";
    if (!rc && stat.entries > v->tagged)
        return CRM_ECORRUPT;
    if (!rc)
        rc = count_rows(v->txn, "batch/", &texts);
    if (!rc)
        rc = count_rows(v->txn, "segment/", &texts);
    *what = "there is a batch or a saved segment that belongs to no entry";
    if (!rc && texts != v->texts)
        return CRM_ECORRUPT;
    if (!rc && v->model)
        rc = crm__model_current(v->txn, &version);
    *what = "the model in force is not that of the last change of it";
    return rc == CRM_ENOTFOUND || (!rc && version != v->model) ? CRM_ECORRUPT : rc;
}

int crm__verify_end(crm__verify *v, const char **what)
{
    *what = "there is an image that belongs to no entry";
    if (v->more)
        return CRM_ECORRUPT;
    return v->faulty ? CRM_OK : check_left(v, what);
}

/* ---- the public walk ---- */

static int fault(crm_error *err, uint64_t seq, const char *what)
{
    int rc = crm__fail(err, CRM_ECORRUPT, "entry %llu: %s", (unsigned long long)seq, what);

    if (err)
        err->row = (int64_t)seq;
    return rc;
}

/* Heads that were kept, in order of revisions. */
typedef struct anchors {
    const crm_head **heads;
    size_t count, next;
} anchors;

static int by_revision(const void *a, const void *b)
{
    uint64_t x = (*(const crm_head *const *)a)->revision;
    uint64_t y = (*(const crm_head *const *)b)->revision;

    return x < y ? -1 : x > y;
}

static int sort_anchors(crm_txn *txn, const crm_head *heads, size_t count, anchors *out)
{
    out->count = count;
    out->next = 0;
    out->heads = count ? crm__calloc(txn->mem, count, sizeof *out->heads) : NULL;
    if (count && !out->heads)
        return CRM_ENOMEM;
    for (size_t i = 0; i < count; i++)
        out->heads[i] = &heads[i];
    if (count > 1)
        qsort(out->heads, count, sizeof *out->heads, by_revision);
    while (out->next < count && !out->heads[out->next]->revision)
        out->next++; /* of a database without any change */
    return CRM_OK;
}

static int see_anchors(anchors *a, uint64_t seq, const uint8_t chain[CRM__DIGEST], crm_error *err)
{
    for (; a->next < a->count && a->heads[a->next]->revision <= seq; a->next++) {
        if (a->heads[a->next]->revision == seq &&
            memcmp(a->heads[a->next]->chain, chain, CRM__DIGEST) != 0)
            return fault(err, seq, "it is not the one of the head that was kept");
    }
    return CRM_OK;
}

static int walk(crm_txn *txn, crm__verify *v, anchors *kept, crm_progress_fn progress, void *ctx,
                crm_error *err)
{
    crm__slice k, stored, payload;
    crm__journal_entry e;
    const char *what;
    kv_cursor *c;
    int rc;

    c = crm__txn_cursor(txn, KV_JOURNAL, &rc);
    if (!rc)
        rc = c->ops->seek(c, KV_FIRST, crm__slice_of(NULL, 0), &k, &stored);
    for (; !rc; rc = c->ops->next(c, &k, &stored)) {
        uint64_t seq = k.n == CRM__KEY_U64 ? crm__get_be64(k.p) : 0;
        if (!seq || crm__untag(txn->store, KV_JOURNAL, k, stored, &payload))
            return fault(err, seq, "it is damaged");
        rc = crm__verify_entry(v, seq, payload, &e, &what);
        if (rc == CRM_ECORRUPT)
            return fault(err, seq, what);
        if (!rc)
            rc = see_anchors(kept, seq, v->chain, err);
        if (rc)
            return rc;
        if (progress && seq % STEP == 0) {
            txn->busy = 1;
            rc = progress(seq, txn->state.seq, ctx);
            txn->busy = 0;
            if (rc)
                return crm__fail(err, CRM_ECANCELLED, "cancelled at entry %llu",
                                 (unsigned long long)seq);
        }
    }
    return rc == CRM_ENOTFOUND ? CRM_OK : crm__txn_fail(txn, rc, "can't read the journal", err);
}

int crm_journal_verify(crm_txn *txn, const crm_head *heads, size_t count, crm_progress_fn progress,
                       void *ctx, crm_error *err)
{
    crm__verify v;
    const char *what;
    anchors kept;
    int rc = crm__txn_enter(txn, 0, err);

    if (!rc && txn->write)
        rc = crm__fail(err, CRM_ESTATE, "the journal is verified in a read transaction");
    if (!rc && count && !heads)
        rc = crm__fail_field(err, CRM_EINVAL, "anchors", "anchors is NULL");
    if (!rc)
        rc = crm__state_read(txn, err);
    if (rc)
        return rc;
    rc = crm__verify_begin(txn, txn->state.counters.images_from, NULL, NULL, &v);
    if (rc)
        return crm__txn_fail(txn, rc, "can't read the journal", err);
    if (sort_anchors(txn, heads, count, &kept))
        return crm__fail_nomem(err);
    rc = walk(txn, &v, &kept, progress, ctx, err);
    if (!rc && kept.next < kept.count)
        rc = fault(err, kept.heads[kept.next]->revision, "it was cut off, with all behind it");
    if (!rc) {
        rc = crm__verify_end(&v, &what);
        if (rc == CRM_ECORRUPT)
            rc = fault(err, v.next - 1, what);
        else if (rc)
            rc = crm__txn_fail(txn, rc, "can't read the journal", err);
    }
    crm__release(txn->mem, kept.heads);
    return rc;
}
