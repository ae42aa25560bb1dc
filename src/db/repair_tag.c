/* SPDX-License-Identifier: MIT
 * Repair of which customers have which tags: what entries gave and took is replayed, a tag of a
 * chunk at a time.  A tag of which a change can't be read stays as it is stored.
 */
#include "db/repair.h"
#include "db/tag_end.h"
#include "db/tagged.h"

#include <string.h>

typedef struct tag_work {
    uint8_t at[CRM__KEY_TAG]; /* the next to look at */
    int ended;
    int64_t until[CRM__CHUNK_ROWS];
    crm__buf out;
} tag_work;

/* The least chunk and tag at or behind the place that either space has rows of; 0: none. */
static int next_tag(crm__repair *r, tag_work *w, int *rc)
{
    uint8_t from[CRM__KEY_TAGGED] = {0};
    crm__slice k[2], v;
    int found[2] = {0, 0};

    memcpy(from, w->at, sizeof w->at);
    for (int i = 0; i < 2; i++) {
        kv_cursor *c;
        *rc = crm__repair_from(r, i ? KV_TAGGED : KV_TAG,
                               crm__slice_of(from, i ? sizeof from : sizeof w->at), &c, &k[i], &v);
        if (*rc && *rc != CRM_ENOTFOUND)
            return 0;
        found[i] = !*rc && k[i].n >= CRM__KEY_TAG && crm__get_be32(k[i].p) != CRM__TAGGED_HOW;
    }
    *rc = CRM_OK;
    if (!found[0] && !found[1])
        return 0;
    if (found[0] && found[1])
        found[1] = memcmp(k[1].p, k[0].p, CRM__KEY_TAG) < 0;
    memcpy(w->at, k[found[1]].p, CRM__KEY_TAG);
    return 1;
}

/* What comes of all changes of the tag; CRM_ECORRUPT: nobody knows. */
static int replay(crm__repair *r, const tag_work *w, uint64_t *words)
{
    uint8_t from[CRM__KEY_TAGGED] = {0};
    crm__slice k, v, payload;
    kv_cursor *c;
    int rc;

    memcpy(from, w->at, sizeof w->at);
    rc = crm__repair_from(r, KV_TAGGED, crm__slice_of(from, sizeof from), &c, &k, &v);
    for (; !rc && !memcmp(k.p, w->at, sizeof w->at); rc = c->ops->next(c, &k, &v)) {
        uint64_t part[CRM__SET_WORDS] = {0};
        uint32_t what;
        if (k.n != CRM__KEY_TAGGED || crm__untag(r->txn->store, KV_TAGGED, k, v, &payload) ||
            crm__set_load(payload, part))
            return CRM_ECORRUPT;
        what = crm__get_be32(k.p + 16);
        for (int i = 0; i < CRM__SET_WORDS; i++)
            words[i] = what == CRM__TAGGED_REMOVED ? words[i] & ~part[i]
                       : what % 2                  ? words[i] | part[i]
                                                   : words[i];
    }
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

static int mend_ends(crm__repair *r, tag_work *w)
{
    uint32_t chunk = crm__get_be32(w->at), tag = crm__get_be32(w->at + 4);
    int any, had, rc = crm__tag_ends_read(r->txn, chunk, tag, w->until, &any);

    if (rc == CRM_ECORRUPT)
        return CRM_OK; /* nobody knows */
    if (!rc)
        rc = crm__tag_ends_any(r->txn, chunk, tag, &had);
    return rc || (!any && !had) ? rc : crm__tag_ends_make(r->txn, chunk, tag, w->until, &w->out);
}

static int mend(crm__repair *r, tag_work *w)
{
    uint64_t want[CRM__SET_WORDS] = {0}, have[CRM__SET_WORDS] = {0};
    crm__slice key = crm__slice_of(w->at, sizeof w->at);
    int rc = replay(r, w, want);

    if (rc == CRM_ECORRUPT)
        return CRM_OK;
    if (!rc)
        rc = mend_ends(r, w);
    if (!rc)
        rc = crm__txn_set(r->txn, KV_TAG, key, have);
    if (rc && rc != CRM_ECORRUPT)
        return rc;
    if (!rc && !memcmp(want, have, sizeof have))
        return CRM_OK;
    w->out.n = 0;
    crm__set_store(want, &w->out);
    if (w->out.failed)
        return CRM_ENOMEM;
    return w->out.n
               ? crm__edits_put(&r->txn->edits, KV_TAG, key, crm__slice_of(w->out.p, w->out.n), 0)
               : crm__edits_del(&r->txn->edits, KV_TAG, key);
}

static int step(crm__repair *r, void *ctx, int *more)
{
    tag_work *w = ctx;
    int rc = CRM_OK;

    for (uint32_t n = 0; !rc && !w->ended && next_tag(r, w, &rc); n++) {
        if (n == CRM__REPAIR_ROWS || crm__repair_full(r)) {
            *more = 1;
            return CRM_OK;
        }
        rc = mend(r, w);
        if (!rc)
            rc = crm__repair_work(r, 1);
        /* The least key behind this one. */
        w->ended = 1;
        for (int i = CRM__KEY_TAG - 1; i >= 0 && w->ended; i--)
            w->ended = ++w->at[i] == 0;
    }
    return rc;
}

int crm__repair_tags(crm__repair *r)
{
    tag_work *w = crm__calloc(r->mem, 1, sizeof *w);
    int rc;

    if (!w)
        return crm__fail_nomem(r->err);
    crm__buf_init(&w->out, r->mem);
    rc = crm__repair_steps(r, step, w);
    crm__buf_clear(&w->out);
    crm__release(r->mem, w);
    return rc;
}
