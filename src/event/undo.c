/* SPDX-License-Identifier: MIT
 * Undo of what a batch did to the events of one customer.  Events are only ever added: what the
 * batch added is voided, and what it voided is stored once more.
 */
#include "event/event.h"

#include <stdlib.h>
#include <string.h>

static int fail(crm_txn *txn, int rc, crm_error *err)
{
    return crm__txn_fail(txn, rc, "can't read the events", err);
}

/* ---- every event ---- */

static int each(const crm__timeline *t, crm__arena *block, crm__event_look_fn fn, void *ctx)
{
    crm__event last = {0};
    crm__event_block b;
    int rc = CRM_OK;

    while (!rc) {
        crm__arena_reset(block);
        rc = crm__timeline_next(t, block, &last, &b);
        if (rc == CRM_ENOTFOUND)
            return CRM_OK;
        for (uint32_t i = 0; !rc && i < b.count; i++)
            rc = fn(ctx, t, &b.events[i]);
    }
    return rc;
}

int crm__event_each(crm_txn *txn, crm_id id, crm__event_look_fn fn, void *ctx)
{
    crm__timeline t;
    crm__arena block;
    int rc;

    crm__arena_init(&block, txn->mem);
    rc = crm__timeline_open(txn, id, &block, &t);
    if (!rc)
        rc = each(&t, &block, fn, ctx);
    crm__arena_clear(&block);
    return rc;
}

/* ---- what is to be done ---- */

/* An event to store anew. */
typedef struct again {
    uint64_t hash; /* of its reference; without one its number */
    uint32_t number, place;
    int referenced;
} again;

typedef struct found {
    crm_txn *txn;
    crm__entry_fn undone;
    void *ctx;
    crm__buf voids;  /* uint32_t: numbers of the events to void */
    crm__buf agains; /* again: those to store anew */
    crm__buf left; /* uint32_t: numbers of what corrections had voided that are left as they are */
    crm__arena block, look;
    uint64_t since; /* an entry that changed one of them since, 0: none */
} found;

/* Whether another event now stands for the same fact, which the batch did not add itself. */
static int replaced(found *f, const crm__timeline *t, const crm__event *e, uint64_t *since)
{
    crm__timeline in = *t;
    crm__event other;
    int rc;

    *since = 0;
    if (!e->reference.n)
        return CRM_OK;
    crm__arena_reset(&f->look);
    in.a = &f->look;
    rc = crm__timeline_same(&in, e->source, e->reference, &other);
    if (rc)
        return rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc;
    if (other.state == CRM__EVENT_IN_FORCE && !f->undone(f->ctx, other.seq))
        *since = other.seq;
    return CRM_OK;
}

static int take_again(found *f, const crm__timeline *t, const crm__event *e)
{
    again x = {e->number, e->number, (uint32_t)(f->agains.n / sizeof x), e->reference.n != 0};
    uint64_t since;
    int rc = replaced(f, t, e, &since);

    if (rc)
        return rc;
    if (since) {
        f->since = since;
        return CRM_OK;
    }
    if (x.referenced)
        x.hash = crm__reference_hash(f->txn, e->source, e->reference);
    crm__buf_add(&f->agains, &x, sizeof x);
    return CRM_OK;
}

static int sort_out(void *ctx, const crm__timeline *t, const crm__event *e)
{
    found *f = ctx;
    int added = f->undone(f->ctx, e->seq), here = e->state == CRM__EVENT_IN_FORCE, rc = CRM_OK;

    if (e->kind == CRM__EVENT_VOID || (!added && here))
        return CRM_OK;
    if (added && here) {
        crm__buf_add(&f->voids, &e->number, sizeof e->number);
    } else if (added) {
        if (!f->undone(f->ctx, e->voided)) {
            f->since = e->voided;
            if (e->voids)
                crm__buf_add(&f->left, &e->voids, sizeof e->voids);
        }
    } else if (f->undone(f->ctx, e->voided)) {
        rc = take_again(f, t, e);
    }
    return f->voids.failed || f->agains.failed || f->left.failed ? CRM_ENOMEM : rc;
}

/* ---- one event of a reference ---- */

static int by_reference(const void *a, const void *b)
{
    const again *x = a, *y = b;

    if (x->referenced != y->referenced)
        return x->referenced - y->referenced;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

static int by_place(const void *a, const void *b)
{
    const again *x = a, *y = b;

    return x->place < y->place ? -1 : x->place > y->place;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x, y;

    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

static int same_reference(found *f, const crm__timeline *t, uint32_t number, uint32_t other,
                          int *same)
{
    crm__timeline in = *t;
    crm__event x, y;
    int rc;

    crm__arena_reset(&f->look);
    in.a = &f->look;
    rc = crm__timeline_get(&in, number, &x);
    if (!rc)
        rc = crm__timeline_get(&in, other, &y);
    *same = !rc && x.source == y.source && crm__slice_compare(x.reference, y.reference) == 0;
    return rc;
}

/* A batch of several parts may have voided more than one event of a reference, when others stored
 * it anew between them.  Only the last of them was in force. */
static int keep_last(found *f, const crm__timeline *t)
{
    again *x = (again *)(void *)f->agains.p;
    size_t n = f->agains.n / sizeof *x, kept = 0;
    int rc = CRM_OK;

    if (n)
        qsort(x, n, sizeof *x, by_reference);
    for (size_t i = 0; i < n && !rc; i++) {
        int same = 0;
        if (x[i].referenced && i + 1 < n && x[i + 1].hash == x[i].hash)
            rc = same_reference(f, t, x[i].number, x[i + 1].number, &same);
        if (!same)
            x[kept++] = x[i];
    }
    f->agains.n = kept * sizeof *x;
    if (kept)
        qsort(x, kept, sizeof *x, by_place);
    return rc;
}

/* A correction that somebody voided since is left, and so are the events behind it: whoever voided
 * it spoke of the same fact.  Takes them from those to store anew. */
static int leave(found *f, const crm__timeline *t)
{
    again *x = (again *)(void *)f->agains.p;
    size_t n = f->agains.n / sizeof *x, kept = 0;
    crm__timeline in = *t;
    int rc = CRM_OK;

    in.a = &f->look;
    for (size_t i = 0; i < f->left.n / sizeof(uint32_t) && !rc; i++) {
        uint32_t number;
        crm__event e;
        memcpy(&number, f->left.p + i * sizeof number, sizeof number);
        crm__arena_reset(&f->look);
        rc = crm__timeline_get(&in, number, &e);
        if (!rc && e.voids && e.voids < number && f->undone(f->ctx, e.seq))
            crm__buf_add(&f->left, &e.voids, sizeof e.voids);
        if (f->left.failed)
            rc = CRM_ENOMEM;
    }
    if (f->left.n)
        qsort(f->left.p, f->left.n / sizeof(uint32_t), sizeof(uint32_t), by_number);
    for (size_t i = 0; i < n && !rc && f->left.n; i++) {
        if (!bsearch(&x[i].number, f->left.p, f->left.n / sizeof(uint32_t), sizeof(uint32_t),
                     by_number))
            x[kept++] = x[i];
    }
    if (f->left.n)
        f->agains.n = kept * sizeof *x;
    return rc;
}

static int collect(crm_id id, found *f)
{
    crm__event last = {0};
    crm__event_block b;
    crm__timeline t;
    int rc = crm__timeline_open(f->txn, id, &f->block, &t);

    while (!rc) {
        crm__arena_reset(&f->block);
        rc = crm__timeline_next(&t, &f->block, &last, &b);
        for (uint32_t i = 0; !rc && i < b.count; i++)
            rc = sort_out(f, &t, &b.events[i]);
    }
    if (rc == CRM_ENOTFOUND)
        rc = leave(f, &t);
    return rc ? rc : keep_last(f, &t);
}

/* ---- changes ---- */

static int store_again(crm_txn *txn, const crm__model *m, crm_id id, uint32_t number,
                       crm_error *err)
{
    crm__timeline t;
    crm__event e;
    int rc = crm__timeline_open(txn, id, &txn->work, &t);

    if (!rc)
        rc = crm__timeline_get(&t, number, &e);
    if (rc)
        return fail(txn, rc, err);
    e.like = 0; /* it is of no decoded block any more */
    e.state = CRM__EVENT_IN_FORCE;
    e.voided = 0;
    e.voids = 0;
    return crm__event_store(m, &t, NULL, &e, err);
}

static int void_again(crm_txn *txn, const crm__model *m, crm_id id, uint32_t number, crm_error *err)
{
    crm_event c;

    memset(&c, 0, sizeof c);
    c.void_set = 1;
    c.e.voids = number;
    return crm__event_write(txn, m, id, &c, &txn->work, NULL, err);
}

static void found_clear(found *f)
{
    crm__buf_clear(&f->voids);
    crm__buf_clear(&f->agains);
    crm__buf_clear(&f->left);
    crm__arena_clear(&f->block);
    crm__arena_clear(&f->look);
}

int crm__event_undo(crm_txn *txn, const crm__model *m, crm_id id, crm__entry_fn undone, void *ctx,
                    uint64_t *changed, uint64_t *since, crm_error *err)
{
    found f = {.txn = txn, .undone = undone, .ctx = ctx};
    int rc;

    crm__buf_init(&f.voids, txn->mem);
    crm__buf_init(&f.agains, txn->mem);
    crm__buf_init(&f.left, txn->mem);
    crm__arena_init(&f.block, txn->mem);
    crm__arena_init(&f.look, txn->mem);
    rc = collect(id, &f);
    if (rc)
        rc = fail(txn, rc, err);
    *since = f.since;
    for (size_t i = 0; i < f.voids.n / sizeof(uint32_t) && !rc; i++) {
        uint32_t number;
        memcpy(&number, f.voids.p + i * sizeof number, sizeof number);
        crm__arena_reset(&txn->work);
        rc = void_again(txn, m, id, number, err);
        *changed += !rc;
    }
    for (size_t i = 0; i < f.agains.n / sizeof(again) && !rc; i++) {
        again x;
        memcpy(&x, f.agains.p + i * sizeof x, sizeof x);
        crm__arena_reset(&txn->work);
        rc = store_again(txn, m, id, x.number, err);
        *changed += !rc;
    }
    found_clear(&f);
    return rc;
}
