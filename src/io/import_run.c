/* SPDX-License-Identifier: MIT
 * crm_import_run(): portions are read and written one after another, in transactions of one batch,
 * each of which also says how far the batch has come.
 */
#include "io/import.h"

#include "base/time.h"

#include <crm/codes.h>
#include <crm/tag.h>

enum { LOOK_ROWS = 512 }; /* between two questions to the host */

static int whole(const crm_import *imp)
{
    return (imp->o.flags & (CRM_IMPORT_DRY_RUN | CRM_IMPORT_ATOMIC)) != 0;
}

/* ---- transactions ---- */

static void drop(crm_import *imp)
{
    crm_customer_free(imp->c);
    crm_customer_free(imp->was);
    crm_event_free(imp->e);
    imp->c = imp->was = NULL;
    imp->e = NULL;
    crm_txn_abort(imp->txn);
    imp->txn = NULL;
}

/* Whether nothing is there yet of what comes. */
static int is_first(crm_import *imp)
{
    crm__slice k, v;
    kv_cursor *c;
    int rc;

    if (imp->what != CRM__MAP_EVENTS)
        return imp->txn->state.counters.next_id <= 1;
    c = crm__txn_cursor(imp->txn, KV_EVENT, &rc);
    return c && c->ops->seek(c, KV_GE, crm__slice_of(NULL, 0), &k, &v) == CRM_ENOTFOUND;
}

static int begin(crm_import *imp, crm_error *err)
{
    crm_txn_options o = imp->txn_o;
    int rc;

    o.batch = imp->done.batch ? imp->done.batch : CRM_BATCH_NEW;
    if (imp->done.batch)
        o.batch_name = NULL;
    rc = crm_txn_begin(imp->db, CRM_WRITE, &o, &imp->txn, err);
    if (rc)
        return rc;
    imp->txn->tag_origin = CRM_TAG_IMPORT;
    if (!imp->r.commits)
        imp->first = is_first(imp);
    rc = crm_customer_new(imp->txn, &imp->c, err);
    if (!rc)
        rc = crm_event_new(imp->txn, &imp->e, err);
    if (!rc && imp->map)
        rc = crm__mapping_bind(imp->map, imp->txn, err);
    imp->since = 0;
    if (rc)
        drop(imp);
    return rc;
}

/* Takes back what was not committed. */
static void back(crm_import *imp)
{
    drop(imp);
    imp->done = imp->stored;
}

static int write_state(crm_import *imp, int last, crm_error *err)
{
    const crm__import_open *x = (const crm__import_open *)(const void *)imp->others.p;
    int rc = CRM_OK;

    if (!last)
        return crm__import_put(imp->txn, &imp->done, err);
    if (imp->stored.batch)
        rc = crm__import_forget(imp->txn, imp->stored.batch, err);
    for (size_t i = 0; i < imp->others.n / sizeof *x && !rc; i++) {
        if (x[i].same)
            rc = crm__import_forget(imp->txn, x[i].batch, err);
    }
    return rc;
}

/* Whether an import of these rows that was cut short has nothing left that is not done. */
static int closes(const crm_import *imp)
{
    const crm__import_open *x = (const crm__import_open *)(const void *)imp->others.p;

    for (size_t i = 0; i < imp->others.n / sizeof *x; i++) {
        if (x[i].same)
            return 1;
    }
    return 0;
}

/* Commits what was done; `last`: nothing is left to be resumed.  What changed nothing so far has no
 * batch, and there is nothing to commit. */
static int commit(crm_import *imp, int last, crm_error *err)
{
    int64_t start = crm__clock_mono();
    uint64_t bytes;
    crm_txn *txn;
    int rc;

    /* The last row was committed, not the end; or all that is left is to close others. */
    if (!imp->txn && last && (imp->r.resumable || closes(imp))) {
        rc = begin(imp, err);
        if (rc)
            return rc;
    }
    if (!imp->txn)
        return CRM_OK;
    if (crm_txn_batch(imp->txn))
        imp->done.batch = crm_txn_batch(imp->txn);
    if (!imp->done.batch && !(last && closes(imp))) {
        drop(imp);
        return CRM_OK;
    }
    if (imp->o.before_commit && imp->o.before_commit(&imp->done.mark, imp->o.ctx)) {
        back(imp);
        return crm__fail(err, CRM_ECANCELLED, "the callback ended the import");
    }
    rc = write_state(imp, last, err);
    if (rc) {
        back(imp);
        return rc;
    }
    txn = imp->txn;
    imp->txn = NULL;
    bytes = crm__txn_bytes(txn);
    rc = crm_txn_commit(txn, err);
    drop(imp); /* the records */
    if (rc) {
        imp->done = imp->stored;
        return rc;
    }
    imp->stored = imp->done;
    imp->grown += imp->first ? bytes : 0;
    imp->r.commits++;
    imp->r.resumable = !last;
    imp->r.commit_us += crm__clock_mono() - start;
    return CRM_OK;
}

/* ---- the host ---- */

/* CRM_DONE: the host said stop. */
static int ask(crm_import *imp)
{
    imp->look = 0;
    if (!imp->o.progress)
        return CRM_OK;
    return imp->o.progress(imp->in.bytes, imp->in.total, imp->done.rows, imp->o.ctx) ? CRM_DONE
                                                                                     : CRM_OK;
}

/* ---- rows ---- */

void crm__import_note(crm_import *imp, uint64_t rows, uint64_t hash)
{
    crm__import_open *x = (crm__import_open *)(void *)imp->others.p;

    for (size_t i = 0; i < imp->others.n / sizeof *x; i++)
        x[i].same |= x[i].rows == rows && x[i].hash == hash;
}

/* Later lines may void what one that was done became. */
static int learn(crm_import *imp, const crm__import_row *r, crm_error *err)
{
    crm__slice json;
    int rc = imp->txn ? CRM_OK : begin(imp, err);

    crm__arena_reset(&imp->row);
    if (!rc && crm__import_plain_line(imp, r->text, &json))
        rc = crm__fail_nomem(err);
    return rc ? rc : crm__import_line_passed(imp, json, err);
}

/* Passes over rows that earlier runs had done; *i: the first that was not. */
static int pass_over(crm_import *imp, uint64_t *passed, uint64_t *hash, size_t *i, crm_error *err)
{
    while (*i < imp->p.count && *passed < imp->resumed) {
        const crm__import_row *r = crm__portion_at(&imp->p, (*i)++);
        int rc = !imp->map && imp->what == CRM__MAP_EVENTS ? learn(imp, r, err) : CRM_OK;
        if (rc)
            return rc;
        *hash = crm__row_hash(*hash, r);
        crm__import_note(imp, *passed + 1, *hash);
        imp->refused = ++*passed == imp->resumed && *hash != imp->done.hash;
        if (imp->refused)
            return crm__fail_field(err, CRM_ECONFLICT, "resume",
                                   "these are not the rows that batch %llu was begun with",
                                   (unsigned long long)imp->done.batch);
    }
    return CRM_OK;
}

static int commit_due(const crm_import *imp)
{
    if (whole(imp))
        return 0;
    return crm__txn_bytes(imp->txn) >= crm__bulk_bytes(imp->o.commit_bytes, imp->grown) ||
           (imp->o.commit_rows && imp->since >= imp->o.commit_rows);
}

/* Some columns can only be told by what stands in them.  It is always the first portion that is
 * looked at, also when its rows were done before, so that a resumed import reads them as before. */
static void sample(crm_import *imp)
{
    for (size_t i = 0; imp->map && !imp->sampled && i < imp->p.count; i++)
        crm__mapping_sample(imp->map, &crm__portion_at(&imp->p, i)->row);
    imp->sampled |= imp->p.count > 0;
}

/* Writes the rows of a portion from number i on.  CRM_DONE: the host said stop. */
static int write_portion(crm_import *imp, size_t i, crm_error *err)
{
    int rc = CRM_OK;

    if ((i < imp->p.count || (imp->p.count && !imp->sampled)) && !imp->txn)
        rc = begin(imp, err);
    if (!rc && imp->map && imp->txn)
        rc = crm__mapping_columns(imp->map, imp->in.table, err);
    if (!rc)
        sample(imp);
    for (; !rc && i < imp->p.count; i++) {
        if (!imp->txn && (rc = begin(imp, err)) != CRM_OK)
            break;
        rc = crm__import_write(imp, crm__portion_at(&imp->p, i), err);
        imp->since++;
        if (!rc && commit_due(imp))
            rc = commit(imp, 0, err);
        if (!rc && ++imp->look >= LOOK_ROWS)
            rc = ask(imp);
    }
    if (!rc && imp->waits && !whole(imp))
        rc = commit(imp, 0, err);
    return rc;
}

/* How the work ended. */
enum { CUT, UNREADABLE, ENDED };

/* All portions.  *end: ENDED at the end of the input; UNREADABLE when what comes can't be read. */
static int read_all(crm_import *imp, int *end, crm_error *err)
{
    uint64_t passed = 0, hash = crm__rows_hash_begin(&imp->in);
    crm_error why = CRM_ERROR_INIT;
    int rc = CRM_OK, got = CRM_OK;

    if (!imp->resumed)
        imp->done.hash = hash;
    while (!rc && !got) {
        int64_t start = crm__clock_mono();
        size_t i = 0;
        got = crm__portion_read(&imp->in, &imp->p, &why);
        imp->r.read_us += crm__clock_mono() - start;
        rc = pass_over(imp, &passed, &hash, &i, err);
        if (!rc)
            rc = ask(imp);
        if (!rc)
            rc = write_portion(imp, i, err);
    }
    if (rc)
        return rc;
    if (got < 0) {
        *end = UNREADABLE;
        return crm__fail_copy(err, &why);
    }
    imp->refused = passed < imp->resumed;
    if (imp->refused)
        return crm__fail_field(err, CRM_ECONFLICT, "resume",
                               "the input ends before the rows that batch %llu had done",
                               (unsigned long long)imp->done.batch);
    imp->done.empty += imp->p.empty;
    *end = ENDED;
    return CRM_OK;
}

/* One transaction over all, which is now kept or not. */
static int finish_whole(crm_import *imp, int end, crm_error *err)
{
    crm__import_state done = imp->done;
    int rc;

    if (end != ENDED || imp->o.flags & CRM_IMPORT_DRY_RUN || imp->done.bad) {
        if (imp->txn)
            back(imp);
        done.batch = imp->stored.batch;
        imp->done = done; /* what would have been done */
        return CRM_OK;
    }
    rc = commit(imp, 1, err);
    imp->r.written = !rc;
    return rc;
}

static int run(crm_import *imp, crm_error *err)
{
    crm_error why = CRM_ERROR_INIT;
    int end = CUT, rc = read_all(imp, &end, err), after = CRM_OK;

    if (whole(imp)) {
        after = finish_whole(imp, end, &why);
    } else {
        imp->r.written = 1;
        if (!rc || rc == CRM_DONE || end == UNREADABLE)
            after = commit(imp, end == ENDED, &why);
        else if (imp->txn)
            back(imp);
    }
    if (after && !(rc < 0))
        return crm__fail_copy(err, &why);
    return rc == CRM_DONE ? crm__fail(err, CRM_ECANCELLED, "the callback ended the import") : rc;
}

static void count(crm_import *imp)
{
    const crm__import_state *d = &imp->done;

    imp->r.batch = d->batch;
    imp->r.bytes = imp->in.bytes;
    if (imp->refused) /* what the batch had done is of other rows */
        return;
    imp->r.rows = d->rows;
    imp->r.created = d->created;
    imp->r.updated = d->updated;
    imp->r.unchanged = d->unchanged;
    imp->r.skipped = d->skipped;
    imp->r.bad = d->bad;
    imp->r.empty = d->empty;
    imp->r.resumed = imp->resumed;
}

int crm_import_run(crm_import *imp, size_t struct_size, crm_import_result *out, crm_error *err)
{
    crm_error local = CRM_ERROR_INIT;
    int64_t start = crm__clock_mono();
    int rc;

    if (!err)
        err = &local;
    if (!imp)
        return crm__fail_field(err, CRM_EINVAL, "imp", "imp is NULL");
    if (out && struct_size < sizeof out->size)
        return crm__fail_field(err, CRM_EINVAL, "struct_size", "the struct has no room for a size");
    memset(&imp->r, 0, sizeof imp->r);
    rc = crm__db_enter(imp->db, err);
    if (!rc && imp->o.flags & CRM_IMPORT_LOOK)
        rc = crm__fail(err, CRM_ESTATE, "the import was opened to look at its mapping only");
    if (!rc && imp->ran)
        rc = crm__fail(err, CRM_ESTATE, "the import ran before");
    if (!rc) {
        imp->ran = 1;
        imp->r.resumable = imp->stored.batch != 0;
        rc = run(imp, err);
    }
    count(imp);
    imp->r.total_us = crm__clock_mono() - start;
    if (out) {
        size_t n = struct_size < sizeof imp->r ? struct_size : sizeof imp->r;
        imp->r.size = n;
        memcpy(out, &imp->r, n);
    }
    return rc;
}
