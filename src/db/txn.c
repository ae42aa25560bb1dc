/* SPDX-License-Identifier: MIT
 * Transactions: begin, commit, abort, savepoints, and the checks at every entry.
 */
#include "db/journal.h"
#include "db/live.h"
#include "db/tag_one.h"
#include "db/tagged.h"

#include "base/time.h"
#include "base/utf8.h"

#include <crm/batch.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { NAME_MAX_BYTES = 100, SPILL_BYTES = 64 << 20 };

void crm_txn_options_init(crm_txn_options *opts)
{
    if (!opts)
        return;
    memset(opts, 0, sizeof *opts);
    opts->size = sizeof *opts;
}

/* ---- handles ---- */

void crm__db_hold(crm_db *db)
{
    atomic_fetch_add(&db->refs, 1);
}

void crm__db_drop(crm_db *db)
{
    crm_allocator mem;

    if (atomic_fetch_sub(&db->refs, 1) != 1)
        return;
    crm__store_close(db->store);
    mem = db->mem;
    crm__release(&mem, db);
}

int64_t crm__db_clock(const crm_db *db)
{
    return db->clock ? db->clock(db->clock_ctx) : crm__clock_now();
}

void crm__db_log(const crm_db *db, int level, const char *fmt, ...)
{
    char line[300];
    va_list ap;

    if (!db->log)
        return;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    db->log(level, line, db->log_ctx);
}

int crm__db_enter(crm_db *db, crm_error *err)
{
    if (!db)
        return crm__fail_field(err, CRM_EINVAL, "db", "db is NULL");
    if (crm__store_forked(db->store))
        return crm__fail(err, CRM_EFORKED, "the handle was opened by a parent process");
    if (atomic_load(&db->closed))
        return crm__fail(err, CRM_ECLOSED, "the database handle is closed");
    return CRM_OK;
}

int crm__txn_enter_beside(crm_txn *txn, int write, crm_error *err)
{
    int rc;

    if (!txn)
        return crm__fail_field(err, CRM_EINVAL, "txn", "txn is NULL");
    rc = crm__db_enter(txn->db, err);
    if (rc)
        return rc;
    if (txn->write && !pthread_equal(txn->thread, pthread_self()))
        return crm__fail(err, CRM_ETHREAD, "the write transaction belongs to another thread");
    if (txn->busy)
        return crm__fail(err, CRM_ESTATE, "a call on the transaction runs, whose callback this is");
    if (txn->broken)
        return crm__fail(err, txn->broken, "the transaction can only be aborted: %s",
                         crm_error_text(txn->broken));
    if (write && !txn->write)
        return crm__fail(err, CRM_ESTATE, "a read transaction can't write");
    for (int i = 0; i < 2; i++)
        txn->scratch[i].failed = 0; /* a call that ran out of memory must not fail the next one */
    return CRM_OK;
}

int crm__txn_settle(crm_txn *txn, crm_error *err)
{
    size_t mark = crm__edits_mark(&txn->edits);
    int rc = txn->pending.count ? txn->pending.settle(txn) : CRM_OK;

    if (!rc) {
        txn->pending.target = 0;
        return CRM_OK;
    }
    crm__edits_rollback(&txn->edits, mark);
    return crm__txn_fail(txn, rc, "can't write what was kept back", err);
}

int crm__txn_enter(crm_txn *txn, int write, crm_error *err)
{
    int rc = crm__txn_enter_beside(txn, write, err);

    return rc ? rc : crm__txn_settle(txn, err);
}

int crm__op_begin(crm_txn *txn, crm__op *op, crm_error *err)
{
    int rc = crm__txn_enter(txn, 1, err);

    return rc ? rc : crm__op_begin_beside(txn, op, err);
}

int crm__op_begin_beside(crm_txn *txn, crm__op *op, crm_error *err)
{
    int rc = crm__txn_enter_beside(txn, 1, err);

    if (rc)
        return rc;
    if (txn->sticky.code)
        return crm__fail_copy(err, &txn->sticky);
    if (!err)
        crm_error_init(&op->local);
    op->err = err ? err : &op->local;
    op->mark = crm__edits_mark(&txn->edits);
    op->pending = txn->pending.count;
    op->state = txn->state;
    crm__arena_reset(&txn->work);
    return CRM_OK;
}

int crm__op_end(crm_txn *txn, crm__op *op, int rc)
{
    if (rc < 0) {
        crm__edits_rollback(&txn->edits, op->mark);
        if (txn->pending.count > op->pending)
            txn->pending.cut(txn, op->pending);
        txn->pending.target = 0; /* what was read of it may have been of this operation */
        txn->state = op->state;
        if (txn->flags & CRM_STICKY)
            txn->sticky = *op->err;
        return rc;
    }
    if (!txn->save_count) {
        crm__edits_forget(&txn->edits);
        if (!txn->group && crm__edits_bytes(&txn->edits) > SPILL_BYTES) {
            int flushed = crm__txn_flush(txn, op->err);
            return flushed ? flushed : rc;
        }
    }
    return rc;
}

void crm__child_add(crm_txn *txn, crm__child *child)
{
    child->txn = txn;
    child->next = txn->children;
    child->link = &txn->children;
    if (child->next)
        child->next->link = &child->next;
    txn->children = child;
}

void crm__child_remove(crm__child *child)
{
    if (!child->txn)
        return;
    *child->link = child->next;
    if (child->next)
        child->next->link = child->link;
    child->txn = NULL;
}

int crm__child_enter(const crm__child *child, const crm_db *db, crm_txn **txn, crm_error *err)
{
    if (crm__store_forked(db->store))
        return crm__fail(err, CRM_EFORKED, "the handle was opened by a parent process");
    *txn = child->txn;
    if (!*txn)
        return crm__fail(err, CRM_ESTATE, "the iterator's transaction has ended");
    return crm__txn_enter(*txn, 0, err);
}

/* ---- begin ---- */

int crm__name_ok(const char *text, size_t n)
{
    return n > 0 && n <= NAME_MAX_BYTES && crm__utf8_valid(text, n) == n &&
           !crm__utf8_has_control(text, n) && !memchr(text, '\n', n) && !memchr(text, '\t', n);
}

int crm__name_check(const char *text, const char *what, crm_error *err)
{
    size_t n = text ? strlen(text) : 0;

    if (!n)
        return CRM_OK;
    if (n > NAME_MAX_BYTES)
        return crm__fail_field(err, CRM_EINVAL, what, "%s is longer than %d bytes", what,
                               NAME_MAX_BYTES);
    if (!crm__name_ok(text, n))
        return crm__fail_field(err, CRM_EINVAL, what, "%s is not plain UTF-8 text", what);
    return CRM_OK;
}

static int copy_name(crm_txn *txn, int which, const char *text, const char *what, crm_error *err)
{
    int rc = crm__name_check(text, what, err);

    if (rc || !text || !*text)
        return rc;
    txn->name[which] = crm__arena_copy(&txn->arena, text, strlen(text) + 1);
    return txn->name[which] ? CRM_OK : crm__fail_nomem(err);
}

int crm__batch_name_ok(const char *text, size_t n)
{
    return n <= CRM__BATCH_NAME && crm__utf8_valid(text, n) == n &&
           !crm__utf8_has_control(text, n) && !memchr(text, '\n', n) && !memchr(text, '\t', n);
}

static int read_batch(crm_txn *txn, const crm_txn_options *o, crm_error *err)
{
    size_t n = o->batch_name ? strlen(o->batch_name) : 0;

    if (!o->batch)
        return n ? crm__fail_field(err, CRM_EINVAL, "batch_name", "a name, but no batch") : CRM_OK;
    if (!txn->write)
        return crm__fail_field(err, CRM_EINVAL, "batch", "a read transaction is no batch");
    if (n && !crm__batch_name_ok(o->batch_name, n))
        return crm__fail_field(err, CRM_EINVAL, "batch_name",
                               "batch_name is not plain UTF-8 text of at most %d bytes",
                               CRM__BATCH_NAME);
    txn->batch.on = 1;
    txn->batch.want = o->batch;
    if (n)
        txn->batch.name = crm__arena_copy(&txn->arena, o->batch_name, n + 1);
    return n && !txn->batch.name ? crm__fail_nomem(err) : CRM_OK;
}

static int read_reason(crm_txn *txn, const char *reason, crm_error *err)
{
    if (!reason)
        return CRM_OK;
    if (!*reason || !crm__batch_name_ok(reason, strlen(reason)))
        return crm__fail_field(err, CRM_EINVAL, "reason",
                               "reason is empty, or not plain UTF-8 text of at most %d bytes",
                               CRM__BATCH_NAME);
    txn->reason = crm__arena_copy(&txn->arena, reason, strlen(reason) + 1);
    return txn->reason ? CRM_OK : crm__fail_nomem(err);
}

static int read_options(crm_txn *txn, const crm_txn_options *opts, crm_error *err)
{
    crm_txn_options o;
    int rc = crm__options_read(&o, sizeof o, opts, "options", err);

    if (rc)
        return rc;
    if ((o.flags & ~CRM_STICKY) || o.reserved)
        return crm__fail_field(err, CRM_EINVAL, "flags",
                               "a flag this library does not know is set");
    txn->flags = o.flags;
    rc = copy_name(txn, CRM__BY_ACTOR, o.actor, "actor", err);
    if (!rc)
        rc = copy_name(txn, CRM__BY_PURPOSE, o.purpose, "purpose", err);
    if (!rc)
        rc = copy_name(txn, CRM__BY_CHANNEL, o.channel, "channel", err);
    if (!rc)
        rc = copy_name(txn, CRM__BY_SOURCE, o.source, "source", err);
    if (!rc && o.zone && *o.zone)
        rc = crm__zone_open(txn->mem, o.zone, &txn->zone, err);
    if (!rc)
        rc = read_reason(txn, o.reason, err);
    txn->now = o.now_us ? o.now_us : crm__clock_now();
    return rc ? rc : read_batch(txn, &o, err);
}

int crm__txn_new(crm_db *db, int write, const crm_txn_options *opts, crm_txn **out, crm_error *err)
{
    crm_txn *txn;
    int rc;

    *out = NULL;
    txn = crm__calloc(&db->mem, 1, sizeof *txn);
    if (!txn)
        return crm__fail_nomem(err);
    txn->db = db;
    txn->store = db->store;
    txn->mem = &db->mem;
    txn->write = write;
    txn->thread = pthread_self();
    crm_error_init(&txn->sticky);
    crm__arena_init(&txn->arena, txn->mem);
    crm__arena_init(&txn->work, txn->mem);
    crm__edits_init(&txn->edits, txn->mem);
    txn->edits.waits = txn->store->waits;
    txn->edits.totals = txn->store->totals;
    for (int i = 0; i < 2; i++)
        crm__buf_init(&txn->scratch[i], txn->mem);
    for (int i = 0; i < CRM__BATCH_LISTS; i++)
        crm__buf_init(&txn->batch.lists[i], txn->mem);
    crm__buf_init(&txn->touched.fields, txn->mem);
    crm__buf_init(&txn->touched.tags, txn->mem);
    crm__buf_init(&txn->touched.chunks, txn->mem);
    crm__db_hold(db);
    rc = read_options(txn, opts, err);
    if (rc) {
        crm__txn_free(txn);
        return rc;
    }
    *out = txn;
    return CRM_OK;
}

void crm__txn_detach_cursors(crm_txn *txn)
{
    for (int i = 0; i < KV_SPACES; i++) {
        if (txn->cursors[i])
            txn->cursors[i]->ops->cursor_close(txn->cursors[i]);
        txn->cursors[i] = NULL;
    }
}

void crm__txn_detach(crm_txn *txn)
{
    crm__txn_detach_cursors(txn);
    while (txn->children)
        crm__child_remove(txn->children);
}

int crm__txn_lend_begin(crm_txn *txn)
{
    int rc = CRM_OK;

    for (int s = 0; s < KV_SPACES && !rc; s++)
        (void)crm__txn_cursor(txn, (kv_space)s, &rc); /* the engine notes where the space begins */
    return rc;
}

void crm__txn_lend(const crm_txn *txn, crm_txn *to)
{
    *to = *txn;
    memset(to->cursors, 0, sizeof to->cursors);
    memset(to->record, 0, sizeof to->record);
    crm__arena_init(&to->arena, txn->mem);
    crm__arena_init(&to->work, txn->mem);
    for (int i = 0; i < 2; i++)
        crm__buf_init(&to->scratch[i], txn->mem);
    to->children = NULL;
    to->texts = NULL;
}

void crm__txn_lent_end(crm_txn *to)
{
    for (int s = 0; s < KV_SPACES; s++) {
        if (to->cursors[s])
            to->cursors[s]->ops->cursor_close(to->cursors[s]);
    }
    for (int i = 0; i < 2; i++) {
        crm__buf_clear(&to->scratch[i]);
        crm__record_clear(to->mem, &to->record[i]);
    }
    crm__release(to->mem, to->texts);
    crm__arena_clear(&to->work);
    crm__arena_clear(&to->arena);
}

void crm__txn_free(crm_txn *txn)
{
    crm_db *db = txn->db;

    if (txn->pending.p)
        txn->pending.end(txn);
    while (txn->models) {
        crm__owned_model *m = txn->models;
        txn->models = m->next;
        crm__model_unref(m->model);
        crm__release(txn->mem, m);
    }
    for (int i = 0; i < 2; i++) {
        crm__buf_clear(&txn->scratch[i]);
        crm__record_clear(txn->mem, &txn->record[i]);
    }
    for (int i = 0; i < CRM__BATCH_LISTS; i++)
        crm__buf_clear(&txn->batch.lists[i]);
    crm__record_clear(txn->mem, &txn->batch.part);
    crm__release(txn->mem, txn->texts);
    crm__tag_cache_free(txn);
    crm__tag_one_free(txn);
    crm__end_cache_free(txn);
    crm__touched_clear(txn);
    crm__arena_clear(&txn->work);
    crm__zone_close(txn->zone);
    crm__edits_clear(&txn->edits);
    crm__arena_clear(&txn->arena);
    crm__release(txn->mem, txn->saves);
    crm__release(txn->mem, txn);
    crm__db_drop(db);
}

static int begin_write(crm_txn *txn, crm_error *err)
{
    int rc = crm__gate_enter(txn->store, err);

    if (rc)
        return rc;
    rc = txn->store->kv->ops->begin(txn->store->kv, 1, &txn->kv, err);
    if (!rc) {
        rc = crm__state_read(txn, err);
        if (rc) {
            crm__txn_detach(txn);
            txn->kv->ops->abort(txn->kv);
        }
    }
    if (rc)
        crm__gate_leave(txn->store);
    return rc;
}

int crm_txn_begin(crm_db *db, int mode, const crm_txn_options *opts, crm_txn **out, crm_error *err)
{
    crm_txn *txn;
    int rc;

    if (!out)
        return crm__fail_field(err, CRM_EINVAL, "out", "out is NULL");
    *out = NULL;
    rc = crm__db_enter(db, err);
    if (rc)
        return rc;
    if (mode != CRM_READ && mode != CRM_WRITE)
        return crm__fail_field(err, CRM_EINVAL, "mode", "mode is neither CRM_READ nor CRM_WRITE");
    if (mode == CRM_WRITE && (db->flags & CRM_READONLY || db->store->readonly))
        return crm__fail(err, CRM_EREADONLY, "the database was opened read-only");
    rc = crm__txn_new(db, mode == CRM_WRITE, opts, &txn, err);
    if (rc)
        return rc;
    if (txn->write) {
        crm__readers_watch(db);
        rc = begin_write(txn, err);
    } else {
        rc = db->store->kv->ops->begin(db->store->kv, 0, &txn->kv, err);
    }
    if (rc) {
        crm__txn_free(txn);
        return rc;
    }
    *out = txn;
    return CRM_OK;
}

/* ---- end ---- */

static void end_abort(crm_txn *txn)
{
    crm__store *s = txn->store;
    int write = txn->write;

    crm__txn_detach(txn);
    txn->kv->ops->abort(txn->kv);
    if (write)
        crm__gate_leave(s);
    crm__txn_free(txn);
}

/* In a forked child: memory only, nothing of the engine or the gate. */
static void end_forked(crm_txn *txn)
{
    memset(txn->cursors, 0, sizeof txn->cursors);
    crm__txn_detach(txn);
    crm__txn_free(txn);
}

/* Whether a transaction may be ended here: CRM_OK, or the code to return. */
static int may_end(const crm_txn *txn, crm_error *err)
{
    if (txn->group)
        return crm__fail(err, CRM_ESTATE, "crm_db_write() ends this transaction");
    if (txn->write && !pthread_equal(txn->thread, pthread_self()))
        return crm__fail(err, CRM_ETHREAD, "the write transaction belongs to another thread");
    if (txn->busy)
        return crm__fail(err, CRM_ESTATE, "a call on the transaction runs, whose callback this is");
    return CRM_OK;
}

int crm_txn_abort(crm_txn *txn)
{
    int rc;

    if (!txn)
        return CRM_OK;
    if (crm__store_forked(txn->store)) {
        end_forked(txn);
        return CRM_OK;
    }
    rc = may_end(txn, NULL);
    if (!rc)
        end_abort(txn);
    return rc;
}

int crm_txn_commit(crm_txn *txn, crm_error *err)
{
    crm__store *s;
    int rc;

    if (!txn)
        return crm__fail_field(err, CRM_EINVAL, "txn", "txn is NULL");
    s = txn->store;
    if (crm__store_forked(s)) {
        end_forked(txn);
        return crm__fail(err, CRM_EFORKED, "the handle was opened by a parent process");
    }
    rc = may_end(txn, err);
    if (rc)
        return rc;
    if (atomic_load(&txn->db->closed))
        rc = crm__fail(err, CRM_ECLOSED, "the database handle is closed");
    else if (txn->broken)
        rc = crm__fail(err, txn->broken, "%s", crm_error_text(txn->broken));
    else if (txn->sticky.code)
        rc = crm__fail_copy(err, &txn->sticky);
    if (!rc)
        rc = crm__txn_settle(txn, err);
    if (!rc && txn->write && txn->state.changed)
        rc = crm__live_commit(txn, err);
    if (!rc && txn->write && txn->state.changed)
        rc = crm__journal_close(txn, err);
    if (!rc && txn->write && txn->state.changed) {
        crm__txn_detach(txn);
        rc = crm__edits_apply(&txn->edits, txn->kv, s->tag_key);
        if (rc)
            rc = crm__txn_fail(txn, rc, "can't write", err);
    }
    if (rc || !txn->write || !txn->state.changed) {
        end_abort(txn);
        return rc;
    }
    rc = txn->kv->ops->commit(txn->kv, err);
    crm__gate_leave(s);
    crm__txn_free(txn);
    return rc;
}

/* ---- savepoints ---- */

int crm_txn_savepoint(crm_txn *txn, crm_savepoint *out, crm_error *err)
{
    int rc = crm__txn_enter(txn, 1, err);

    if (rc)
        return rc;
    if (!out)
        return crm__fail_field(err, CRM_EINVAL, "out", "out is NULL");
    if (txn->save_count == txn->save_cap) {
        size_t cap = txn->save_cap ? txn->save_cap * 2 : 4;
        crm__save *p = crm__realloc(txn->mem, txn->saves, cap * sizeof *p);
        if (!p)
            return crm__fail_nomem(err);
        txn->saves = p;
        txn->save_cap = cap;
    }
    txn->saves[txn->save_count++] =
        (crm__save){++txn->serial, crm__edits_mark(&txn->edits), txn->state, txn->sticky.code};
    *out = txn->serial;
    return CRM_OK;
}

static int find_save(crm_txn *txn, crm_savepoint mark, size_t *at, crm_error *err)
{
    int rc = crm__txn_enter_beside(txn, 1, err);

    if (rc)
        return rc;
    for (size_t i = txn->save_count; i-- > 0;) {
        if (txn->saves[i].serial == mark) {
            *at = i;
            return CRM_OK;
        }
    }
    return crm__fail_field(err, CRM_EINVAL, "mark", "not a set mark of this transaction");
}

int crm_txn_rollback(crm_txn *txn, crm_savepoint to, crm_error *err)
{
    size_t at = 0;
    int rc = find_save(txn, to, &at, err);

    if (rc)
        return rc;
    /* What is kept back came after every mark: setting one settles. */
    if (txn->pending.count)
        txn->pending.cut(txn, 0);
    txn->pending.target = 0;
    crm__edits_rollback(&txn->edits, txn->saves[at].mark);
    txn->state = txn->saves[at].state;
    if (!txn->saves[at].sticky)
        crm_error_init(&txn->sticky);
    txn->save_count = at + 1;
    return CRM_OK;
}

int crm_txn_release(crm_txn *txn, crm_savepoint mark, crm_error *err)
{
    size_t at = 0;
    int rc = find_save(txn, mark, &at, err);

    if (rc)
        return rc;
    txn->save_count = at;
    if (!at)
        crm__edits_forget(&txn->edits);
    return CRM_OK;
}

/* ---- figures ---- */

uint64_t crm_txn_revision(const crm_txn *txn)
{
    crm_txn *t = (crm_txn *)(uintptr_t)txn;

    if (crm__txn_enter(t, 0, NULL) || crm__state_read(t, NULL))
        return 0;
    return txn->state.seq;
}

uint64_t crm_txn_batch(const crm_txn *txn)
{
    return txn && txn->batch.on ? txn->state.batch : 0;
}

int64_t crm_txn_now(const crm_txn *txn)
{
    return txn ? txn->now : 0;
}

int crm_txn_time(crm_txn *txn, const char *text, size_t n, int64_t *us, crm_error *err)
{
    const char *why;
    size_t at;
    int rc = crm__txn_enter_beside(txn, 0, err);

    if (rc)
        return rc;
    if (!text || !us)
        return crm__fail_field(err, CRM_EINVAL, text ? "us" : "text", "%s is NULL",
                               text ? "us" : "text");
    rc = crm__datetime_parse(text, n == CRM_NUL ? strlen(text) : n, txn->zone, us, &why, &at);
    return rc ? crm__fail_at(err, rc, -1, (int64_t)at, "time: %s at byte %zu", why, at) : CRM_OK;
}

int crm_txn_progress(crm_txn *txn, crm_progress_fn fn, void *ctx, crm_error *err)
{
    int rc = crm__txn_enter_beside(txn, 0, err);

    if (rc)
        return rc;
    txn->progress = fn;
    txn->progress_ctx = ctx;
    return CRM_OK;
}

int crm__txn_step(crm_txn *txn, uint64_t done, uint64_t total, crm_error *err)
{
    if (!txn->progress || !txn->progress(done, total, txn->progress_ctx))
        return CRM_OK;
    return crm__fail(err, CRM_ECANCELLED, "the progress function stopped it");
}

int crm_txn_error(const crm_txn *txn, crm_error *err)
{
    if (!txn)
        return crm__fail_field(err, CRM_EINVAL, "txn", "txn is NULL");
    return txn->sticky.code ? crm__fail_copy(err, &txn->sticky) : CRM_OK;
}
