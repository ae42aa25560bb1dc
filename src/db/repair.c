/* SPDX-License-Identifier: MIT
 * Repair in place: the steps and their transactions, see repair.h.
 */
#include "db/repair.h"

#include <string.h>

/* ---- a step ---- */

static int begin(crm__repair *r)
{
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    int rc;

    o.actor = r->opts->actor;
    rc = crm_txn_begin(r->db, CRM_WRITE, &o, &r->txn, r->err);
    if (rc)
        return rc;
    r->next_id = r->txn->state.counters.next_id;
    rc = crm__txn_model(r->txn, &r->model, r->err);
    if (rc)
        crm_txn_abort(r->txn);
    return rc;
}

/* What derived rows say is told by the records, so they need no entry of their own: the one that
 * names their space stands before them. */
static int end(crm__repair *r, int rc)
{
    if (rc) {
        if (!r->err->code)
            crm__txn_fail(r->txn, rc, "can't repair", r->err);
        crm_txn_abort(r->txn);
        return rc;
    }
    if (r->txn->edits.slot_count)
        r->txn->state.changed = 1;
    return crm_txn_commit(r->txn, r->err);
}

int crm__repair_steps(crm__repair *r, crm__repair_step step, void *ctx)
{
    int more = 1, rc = CRM_OK;

    while (!rc && more) {
        more = 0;
        rc = begin(r);
        if (!rc)
            rc = end(r, step(r, ctx, &more));
    }
    return rc;
}

int crm__repair_work(crm__repair *r, uint64_t n)
{
    uint64_t before = r->done;

    r->done += n;
    if (r->opts->progress && (before >> 12) != (r->done >> 12) &&
        r->opts->progress(r->done, r->done > r->total ? r->done : r->total, r->opts->progress_ctx))
        return CRM_ECANCELLED;
    return CRM_OK;
}

int crm__repair_full(const crm__repair *r)
{
    return crm__edits_bytes(&r->txn->edits) > CRM__REPAIR_BYTES;
}

/* ---- walks ---- */

void crm__repair_note(crm__repair_at *at, crm__slice key)
{
    at->n = key.n < sizeof at->key ? key.n : sizeof at->key;
    memcpy(at->key, key.p, at->n);
}

void crm__repair_note_chunk(crm__repair_at *at, uint64_t chunk)
{
    at->n = sizeof at->key;
    memset(at->key, 0xff, at->n);
    crm__put_be32(at->key, (uint32_t)chunk);
}

int crm__repair_from(crm__repair *r, kv_space space, crm__slice key, kv_cursor **c, crm__slice *k,
                     crm__slice *v)
{
    int rc;

    *c = crm__txn_cursor(r->txn, space, &rc);
    return rc ? rc : (*c)->ops->seek(*c, key.n ? KV_GE : KV_FIRST, key, k, v);
}

int crm__repair_behind(crm__repair *r, kv_space space, const crm__repair_at *at, kv_cursor **c,
                       crm__slice *k, crm__slice *v)
{
    crm__slice last = crm__slice_of(at->key, at->n);
    int rc = crm__repair_from(r, space, last, c, k, v);

    if (!rc && at->n && crm__slice_compare(*k, last) == 0)
        rc = (*c)->ops->next(*c, k, v);
    return rc;
}

/* ---- spaces without use ---- */

typedef struct unused {
    kv_space space;
    crm__repair_at at;
} unused;

static int drop_rows(crm__repair *r, void *ctx, int *more)
{
    unused *u = ctx;
    crm__slice k, v;
    kv_cursor *c;
    int rc = crm__repair_behind(r, u->space, &u->at, &c, &k, &v);

    for (uint32_t n = 0; !rc; n++) {
        if (n == CRM__REPAIR_ROWS) {
            *more = 1;
            return CRM_OK;
        }
        crm__repair_note(&u->at, k);
        rc = crm__edits_del(&r->txn->edits, u->space, k);
        if (!rc)
            rc = crm__repair_work(r, 1);
        if (!rc)
            rc = c->ops->next(c, &k, &v);
    }
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

/* ---- all ---- */

static int write_entry(crm__repair *r, uint64_t named)
{
    int rc = begin(r);

    if (rc)
        return rc;
    for (int i = 0; i < KV_SPACES; i++) {
        kv_stat st;
        if (!r->txn->kv->ops->stat(r->txn->kv, (kv_space)i, &st) &&
            (i == KV_CUSTOMER || i == KV_EVENT || i == KV_TAG ||
             crm__kv_space_derived((kv_space)i)))
            r->total += st.entries * 2;
    }
    return end(r, crm__journal_add(r->txn, CRM__ACTION_REPAIR, named, 0, r->err));
}

static int repair(crm__repair *r, uint64_t spaces)
{
    static int (*const MAKE[KV_SPACES])(crm__repair *) = {[KV_TAG] = crm__repair_tags,
                                                          [KV_EVENT] = crm__repair_beside,
                                                          [KV_IDENTITY] = crm__repair_identities,
                                                          [KV_BITS] = crm__repair_sets,
                                                          [KV_COLUMN] = crm__repair_columns,
                                                          [KV_DAY] = crm__repair_days};
    int rc = CRM_OK;

    for (int i = 0; i < KV_SPACES && !rc; i++) {
        unused u = {(kv_space)i, {0, {0}}};
        if (!(spaces >> i & 1))
            continue;
        if (MAKE[i])
            rc = MAKE[i](r);
        else if (crm__kv_space_derived((kv_space)i))
            rc = crm__repair_steps(r, drop_rows, &u);
    }
    if (!rc && spaces & UINT64_C(1) << KV_DAY)
        rc = crm__repair_spans(r);
    if (!rc && spaces & (UINT64_C(1) << KV_IDENTITY | UINT64_C(1) << KV_COLUMN))
        rc = crm__repair_shared(r);
    /* Gaps in columns that were not as they should be. */
    if (!rc && spaces & (UINT64_C(1) << KV_TAG | UINT64_C(1) << KV_COLUMN)) {
        unused due = {KV_DUE, {0, {0}}};
        rc = crm__repair_steps(r, drop_rows, &due);
    }
    return rc;
}

int crm__repair_spaces(const char *path, const crm_check_options *o, const crm_allocator *mem,
                       uint64_t spaces, uint64_t named, crm_error *err)
{
    crm_db_options dbo = CRM_DB_OPTIONS_INIT;
    crm__repair r = {.mem = mem, .opts = o, .err = err};
    int rc;

    dbo.flags = CRM_NOCREATE;
    dbo.allocator = mem;
    rc = crm_db_open(path, &dbo, &r.db, err);
    if (rc)
        return rc;
    rc = write_entry(&r, named);
    if (!rc)
        rc = repair(&r, spaces);
    crm_db_close(r.db);
    return rc;
}
