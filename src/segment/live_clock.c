/* SPDX-License-Identifier: MIT
 * The clock of watched segments: from one moment to the next, a part of the chunks at a time, each
 * part a commit.  While it is under way, rows of the chunks behind are told as of the moment
 * before; the row of the clock says how far it came, so that whoever comes next goes on.
 */
#include "base/error.h"
#include "base/time.h"
#include "segment/live.h"

#include <crm/live.h>
#include <string.h>

/* Of one commit: other writers wait for no more than about this long; and its edits. */
#define STEP_US INT64_C(20000)
enum { STEP_BYTES = 8 << 20 };

/* One watched segment on its way from one moment to the other. */
typedef struct mover {
    crm__live_asking asking;
    crm__live_edges edges;
    int on;
} mover;

typedef struct step {
    crm_txn *txn;
    crm__live *live;
    crm__live_clock clock;
    mover *movers;
    crm__live_telling telling;
    uint64_t chunks;
    crm_error *err;
} step;

static int begin_mover(step *s, size_t i)
{
    const crm__live_item *item = &crm__live_items(s->live)[i];
    mover *m = &s->movers[i];
    int rc = crm__live_ask_begin(s->txn, item, s->clock.until, CRM__PLAN_FEW, &m->asking, s->err);

    if (!rc)
        rc = crm__live_edges_find(&m->asking, item->zone, s->clock.from, s->clock.until, &m->edges,
                                  s->err);
    m->edges.stamp = s->clock.stamp;
    m->on = !rc && m->edges.list.n;
    /* Others are planned, and asked, under zones of their own. */
    s->txn->now = m->asking.now;
    s->txn->zone = m->asking.zone;
    /* One that can't be asked, or no more be watched, stays as it was told. */
    return rc == CRM_DONE || rc == CRM_EREFUSED ? CRM_OK : rc;
}

static int move_chunk(step *s, mover *m, uint64_t chunk)
{
    uint64_t words[CRM__SET_WORDS] = {0};
    crm__zone *zone = s->txn->zone;
    int64_t now = s->txn->now;
    int rc;

    s->txn->zone = m->asking.item->zone;
    s->txn->now = s->clock.until;
    rc = crm__live_passed(&m->edges, chunk, words);
    if (rc)
        rc = crm__txn_fail(s->txn, rc, "can't read what the clock changes", s->err);
    else if (crm__words_any(words))
        rc = crm__live_ask(&m->asking, chunk, words, &s->telling);
    s->txn->zone = zone;
    s->txn->now = now;
    return rc;
}

static int move_chunks(step *s)
{
    int64_t until = crm__clock_mono() + STEP_US;
    int rc = CRM_OK;

    do {
        for (size_t i = 0; i < crm__live_count(s->live) && !rc; i++) {
            if (s->movers[i].on)
                rc = move_chunk(s, &s->movers[i], s->clock.chunk);
        }
        s->clock.chunk++;
    } while (!rc && s->clock.chunk < s->chunks && crm__clock_mono() < until &&
             crm__edits_bytes(&s->txn->edits) < STEP_BYTES);
    return rc;
}

static int any_on(const step *s)
{
    for (size_t i = 0; i < crm__live_count(s->live); i++) {
        if (s->movers[i].on)
            return 1;
    }
    return 0;
}

static int run_step(step *s)
{
    crm_txn *txn = s->txn;
    size_t n = crm__live_count(s->live);
    int rc = CRM_OK;

    s->movers = crm__calloc(txn->mem, n ? n : 1, sizeof *s->movers);
    if (!s->movers)
        return crm__fail_nomem(s->err);
    for (size_t i = 0; i < n && !rc; i++)
        rc = begin_mover(s, i);
    if (!rc) {
        crm__live_tell_begin(txn, &s->telling, s->err);
        if (any_on(s))
            rc = move_chunks(s);
        else
            s->clock.chunk = s->chunks;
        rc = crm__live_tell_end(txn, &s->telling, rc, s->err);
    }
    for (size_t i = 0; i < n; i++) {
        crm__zone *zone = txn->zone;
        int64_t now = txn->now;
        crm__live_edges_end(&s->movers[i].edges);
        if (s->movers[i].asking.txn)
            crm__live_ask_end(&s->movers[i].asking);
        txn->zone = zone;
        txn->now = now;
    }
    crm__release(txn->mem, s->movers);
    return rc;
}

/* One commit's part.  *more: the clock is not there yet. */
static int advance(step *s, int64_t now, int *more)
{
    crm_txn *txn = s->txn;
    int rc = crm__live_clock_get(txn, &s->clock, s->err);

    *more = 0;
    if (rc)
        return rc == CRM_ENOTFOUND ? CRM_DONE : rc;
    if (txn->touched.what) { /* it was damaged: the commit asks everybody */
        txn->state.changed = 1;
        *more = s->clock.until < now;
        return CRM_OK;
    }
    if (s->clock.chunk == CRM__LIVE_ALL) {
        if (now <= s->clock.until)
            return CRM_DONE;
        s->clock.from = s->clock.until;
        s->clock.until = now;
        s->clock.chunk = 0;
    }
    s->chunks = (txn->state.counters.next_id + CRM__CHUNK_ROWS - 1) >> CRM__CHUNK_SHIFT;
    rc = crm__live_load(txn, s->clock.stamp, &s->live, s->err);
    if (!rc)
        rc = run_step(s);
    if (rc)
        return rc;
    if (s->clock.chunk >= s->chunks)
        s->clock.chunk = CRM__LIVE_ALL;
    /* A step may have gone on with what another began, for an earlier moment. */
    *more = s->clock.chunk != CRM__LIVE_ALL || s->clock.until < now;
    if (crm__live_clock_put(txn, &s->clock))
        return crm__fail_nomem(s->err);
    txn->state.changed = 1;
    return CRM_OK;
}

/* One transaction. */
static int advance_once(crm_db *db, const crm_txn_options *opts, int64_t *now, step *s, int *more)
{
    int committed, rc = crm_txn_begin(db, CRM_WRITE, opts, &s->txn, s->err);

    if (rc)
        return rc;
    if (s->txn->batch.on) {
        crm_txn_abort(s->txn);
        return crm__fail_field(s->err, CRM_EINVAL, "batch", "the clock is no batch");
    }
    if (!*now)
        *now = s->txn->now;
    s->clock.until = 0;
    rc = advance(s, *now, more);
    if (rc) {
        crm_txn_abort(s->txn);
        return rc == CRM_DONE ? CRM_OK : rc;
    }
    committed = crm_txn_commit(s->txn, s->err);
    return committed;
}

int crm_live_advance(crm_db *db, const crm_txn_options *opts, crm_progress_fn progress, void *ctx,
                     crm_live_advanced *out, crm_error *err)
{
    crm_live_advanced done = CRM_LIVE_ADVANCED_INIT;
    int64_t now = 0;
    int more = 0, rc, given;

    do {
        step s = {.err = err};
        rc = advance_once(db, opts, &now, &s, &more);
        if (rc)
            break;
        done.now_us = s.clock.until;
        done.entered += s.telling.entered;
        done.left += s.telling.left;
        if (more && progress &&
            progress(s.clock.chunk < s.chunks ? s.clock.chunk : s.chunks, s.chunks, ctx))
            rc = crm__fail(err, CRM_ECANCELLED, "the caller stopped it");
    } while (!rc && more);
    given = out ? crm__struct_give(out, &done, sizeof done, "out", err) : CRM_OK;
    return rc ? rc : given;
}
