/* SPDX-License-Identifier: MIT
 * Watching saved segments: begin, end, list.
 */
#include "base/error.h"
#include "db/due.h"
#include "db/saved.h"
#include "segment/live.h"

#include <crm/live.h>
#include <string.h>

static int fail(crm_txn *txn, int rc, crm_error *err)
{
    return crm__txn_fail(txn, rc, "can't read what is watched", err);
}

/* ---- names ---- */

/* The name under which a segment is kept: of one of the model its key. */
static int key_of(crm_txn *txn, crm__slice *name, crm_error *err)
{
    const crm__model_segment *of;
    const crm__model *m;
    int rc = crm__txn_model(txn, &m, err);

    if (rc)
        return rc;
    of = crm__model_segment_find(m, (const char *)name->p, name->n);
    if (of)
        *name = crm__slice_of(of->key, strlen(of->key));
    return of ? CRM_OK : CRM_ENOTFOUND;
}

static int must_change(crm_txn *txn, crm__slice name, crm_error *err)
{
    crm__saved s;
    int rc = key_of(txn, &name, err);

    if (rc != CRM_ENOTFOUND)
        return rc;
    rc = crm__saved_read(txn, name, &s);
    if (rc == CRM_ENOTFOUND)
        return crm__fail_field(err, rc, "segment", "there is no saved segment '%.*s'", (int)name.n,
                               (const char *)name.p);
    if (rc)
        return fail(txn, rc, err);
    return s.flags & CRM__SAVED_STATIC
               ? crm__fail_field(err, CRM_EVALUE, "segment",
                                 "the segment '%.*s' is static: nobody enters or leaves it",
                                 (int)name.n, (const char *)name.p)
               : CRM_OK;
}

/* ---- begin ---- */

/* Everybody who is in it now enters. */
static int tell_all(crm_txn *txn, const crm__live *l, int64_t at, crm_error *err)
{
    const crm__live_item *item = crm__live_items(l);
    crm__live_telling t;
    crm__live_asking a;
    crm__live_edges e;
    int rc = crm__live_ask_begin(txn, item, at, 0, &a, err);

    if (!rc) {
        rc = crm__live_edges_find(&a, item->zone, at, at, &e, err);
        crm__live_edges_end(&e);
    }
    if (!rc) {
        crm__live_tell_begin(txn, &t, err);
        a.run.progress = txn->progress;
        a.run.progress_ctx = txn->progress_ctx;
        rc = crm__live_ask_all(&a, &t);
        rc = crm__live_tell_end(txn, &t, rc, err);
    }
    crm__live_ask_end(&a);
    return rc;
}

static int watch(crm_txn *txn, crm__slice name, const char *text, crm_error *err)
{
    crm__live_watch w = {.name = name, .purpose = "", .channel = "", .zone = ""};
    crm__live_clock clock;
    crm__live l;
    int64_t at;
    int rc = crm__live_clock_get(txn, &clock, err);

    if (rc && rc != CRM_ENOTFOUND)
        return rc;
    if (rc) {
        clock.from = clock.until = INT64_MIN;
        clock.until = clock.from = crm__live_moment(txn, &clock);
        clock.chunk = CRM__LIVE_ALL;
    }
    at = crm__live_moment(txn, &clock);
    if (txn->zone)
        w.zone = crm__zone_name(txn->zone);
    if (txn->name[CRM__BY_PURPOSE])
        w.purpose = txn->name[CRM__BY_PURPOSE];
    if (txn->name[CRM__BY_CHANNEL])
        w.channel = txn->name[CRM__BY_CHANNEL];
    w.since = txn->recorded;
    rc = crm__saved_tag(txn, CRM__LIVE_TAG, name, 1, &w.tag, err);
    if (!rc)
        rc = crm__journal_hand_out(txn, CRM__ACTION_WATCH, text, err);
    w.seq = txn->state.seq;
    clock.stamp = crm__live_stamp(txn);
    if (!rc && (crm__live_watch_put(txn, &w) || crm__live_clock_put(txn, &clock)))
        rc = crm__fail_nomem(err);
    if (rc)
        return rc;
    crm__live_begin(txn, &l);
    rc = crm__live_add(txn, &l, &w, err);
    if (!rc)
        rc = tell_all(txn, &l, at, err);
    crm__live_end(&l);
    /* What the transaction changes from here on is told at its commit. */
    txn->touched.asked = txn->touched.on = 1;
    return rc;
}

/* What a write is about: *name is the key of what is given. */
static int read_name(crm_txn *txn, const char *given, crm__slice *name, crm_error *err)
{
    int rc = crm__saved_name(given, name, err);

    if (!rc && txn->batch.on)
        rc = crm__fail(err, CRM_ESTATE, "not possible inside a batch");
    if (!rc)
        rc = crm__state_read(txn, err);
    if (!rc)
        rc = key_of(txn, name, err);
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

/* Whether a name is watched: CRM_OK, CRM_ENOTFOUND. */
static int find(crm_txn *txn, crm__slice name, crm__live_watch *w, crm_error *err)
{
    int rc = crm__live_watch_read(txn, name, &txn->work, w);

    return rc && rc != CRM_ENOTFOUND ? fail(txn, rc, err) : rc;
}

static const char *text_of(crm_txn *txn, crm__slice name)
{
    char *text = crm__arena_alloc(&txn->work, name.n + 1);

    if (text) {
        memcpy(text, name.p, name.n);
        text[name.n] = 0;
    }
    return text;
}

int crm_segment_watch(crm_txn *txn, const char *name, crm_error *err)
{
    crm__live_watch w;
    crm__slice key;
    crm__op op;
    int was_on, was_asked, rc = crm__op_begin(txn, &op, err);

    if (rc)
        return rc;
    was_on = txn->touched.on;
    was_asked = txn->touched.asked;
    rc = read_name(txn, name, &key, op.err);
    if (!rc)
        rc = must_change(txn, key, op.err);
    if (!rc && (rc = find(txn, key, &w, op.err)) == CRM_ENOTFOUND)
        rc = text_of(txn, key) ? watch(txn, key, text_of(txn, key), op.err)
                               : crm__fail_nomem(op.err);
    else if (!rc)
        rc = CRM_DONE;
    if (rc < 0) {
        txn->touched.on = was_on;
        txn->touched.asked = was_asked;
    }
    return crm__op_end(txn, &op, rc);
}

/* ---- end ---- */

static int untell_all(crm_txn *txn, const crm__live_watch *w, crm_error *err)
{
    uint64_t chunks = (txn->state.counters.next_id + CRM__CHUNK_ROWS - 1) >> CRM__CHUNK_SHIFT;
    crm__live_telling t;
    int rc = CRM_OK;

    crm__live_tell_begin(txn, &t, err);
    for (uint64_t c = 0; c < chunks && !rc; c++) {
        uint64_t told[CRM__SET_WORDS] = {0};
        uint8_t key[CRM__KEY_TAG];
        rc = crm__txn_set(txn, KV_TAG, crm__key_tag(key, c, w->tag), told);
        if (rc)
            rc = fail(txn, rc, err);
        else if (crm__words_any(told))
            rc = crm__tag_chunk(&t.tagging, w->tag, 0, c, told, 0, NULL);
    }
    return crm__live_tell_end(txn, &t, rc, err);
}

static int unwatch(crm_txn *txn, const crm__live_watch *w, const char *text, crm_error *err)
{
    crm__live_clock clock;
    crm__live_watch other;
    crm__slice none = {NULL, 0};
    int rc = untell_all(txn, w, err), left;

    if (!rc)
        rc = crm__journal_hand_out(txn, CRM__ACTION_UNWATCH, text, err);
    if (!rc && crm__live_watch_drop(txn, w->name))
        rc = crm__fail_nomem(err);
    if (rc)
        return rc;
    left = crm__live_watch_next(txn, none, &txn->work, &other);
    if (left && left != CRM_ENOTFOUND)
        return fail(txn, left, err);
    rc = crm__live_clock_get(txn, &clock, err);
    if (rc)
        return rc;
    clock.stamp = crm__live_stamp(txn);
    if (left && (rc = crm__due_drop(txn)) != 0)
        return fail(txn, rc, err);
    return crm__live_clock_put(txn, left ? NULL : &clock) ? crm__fail_nomem(err) : CRM_OK;
}

int crm_segment_unwatch(crm_txn *txn, const char *name, crm_error *err)
{
    crm__live_watch w;
    crm__slice key;
    crm__op op;
    int rc = crm__op_begin(txn, &op, err);

    if (rc)
        return rc;
    rc = read_name(txn, name, &key, op.err);
    if (!rc)
        rc = find(txn, key, &w, op.err);
    if (rc == CRM_ENOTFOUND)
        rc = crm__fail_field(op.err, rc, "segment", "the segment '%.*s' is not watched", (int)key.n,
                             (const char *)key.p);
    if (!rc)
        rc = text_of(txn, key) ? unwatch(txn, &w, text_of(txn, key), op.err)
                               : crm__fail_nomem(op.err);
    return crm__op_end(txn, &op, rc);
}

/* ---- list ---- */

static int count_told(crm_txn *txn, uint32_t tag, uint64_t *count)
{
    uint64_t chunks = (txn->state.counters.next_id + CRM__CHUNK_ROWS - 1) >> CRM__CHUNK_SHIFT;

    *count = 0;
    for (uint64_t c = 0; c < chunks; c++) {
        uint64_t told[CRM__SET_WORDS] = {0};
        uint8_t key[CRM__KEY_TAG];
        int rc = crm__txn_set(txn, KV_TAG, crm__key_tag(key, c, tag), told);
        if (rc)
            return rc;
        *count += crm__set_count(told);
    }
    return CRM_OK;
}

/* Whether it can't be asked, or the clock finds no more what it changes, which *why says then
 * (CRM_EREFUSED). */
static int is_asleep(crm_txn *txn, const crm__live_watch *w, uint32_t *asleep, crm_error *why,
                     crm_error *err)
{
    crm__live_asking a;
    crm__live_edges e;
    crm__live l;
    int rc;

    crm__live_begin(txn, &l);
    rc = crm__live_add(txn, &l, w, err);
    if (!rc) {
        rc = crm__live_ask_begin(txn, crm__live_items(&l), txn->now, CRM__PLAN_FEW, &a, err);
        if (!rc) {
            rc = crm__live_edges_find(&a, crm__live_items(&l)->zone, txn->now, txn->now, &e, why);
            crm__live_edges_end(&e);
        }
        crm__live_ask_end(&a);
        *asleep = rc == CRM_DONE || rc == CRM_EREFUSED;
        rc = *asleep ? CRM_OK : rc;
    }
    crm__live_end(&l);
    return rc;
}

int crm__live_judge(crm_txn *txn, crm_error *err)
{
    crm__slice at = {NULL, 0};
    crm_error why = CRM_ERROR_INIT;
    crm__live_watch w;
    crm__arena a;
    int rc;

    crm__arena_init(&a, txn->mem);
    while (!(rc = crm__live_watch_next(txn, at, &a, &w))) {
        uint32_t asleep;
        rc = is_asleep(txn, &w, &asleep, &why, err);
        if (!rc && why.code == CRM_EREFUSED)
            rc = crm__fail_field(err, CRM_EREFUSED, "segment", "'%.*s' is watched: %s",
                                 (int)w.name.n, (const char *)w.name.p, why.message);
        if (rc)
            break;
        at = w.name;
    }
    if (rc == CRM_ENOTFOUND)
        rc = CRM_OK;
    else if (!err || err->code != rc)
        rc = fail(txn, rc, err);
    crm__arena_clear(&a);
    return rc;
}

int crm_live_watched(crm_txn *txn, const char *after, crm_live_segment *out, crm_error *err)
{
    crm_live_segment s = CRM_LIVE_SEGMENT_INIT;
    crm_error why = CRM_ERROR_INIT;
    size_t n = after ? strlen(after) : 0;
    crm__live_watch w;
    crm__arena a;
    int rc = crm__txn_enter(txn, 0, err);

    if (!rc)
        rc = crm__state_read(txn, err);
    if (rc)
        return rc;
    if (n > CRM__SAVED_NAME)
        return crm__fail_field(err, CRM_EINVAL, "after", "after is longer than any name");
    crm__arena_init(&a, txn->mem);
    rc = crm__live_watch_next(txn, crm__slice_of(after, n), &a, &w);
    if (!rc) {
        memcpy(s.name, w.name.p, w.name.n);
        s.revision = w.seq;
        s.since_us = w.since;
        strncpy(s.zone, w.zone, sizeof s.zone - 1);
        rc = count_told(txn, w.tag, &s.customers);
        rc = rc ? fail(txn, rc, err) : is_asleep(txn, &w, &s.asleep, &why, err);
    } else {
        rc = rc == CRM_ENOTFOUND ? CRM_DONE : fail(txn, rc, err);
    }
    crm__arena_clear(&a);
    return rc ? rc : crm__struct_give(out, &s, sizeof s, "out", err);
}
