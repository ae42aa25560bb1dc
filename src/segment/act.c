/* SPDX-License-Identifier: MIT
 * Acting on the customers of a segment.
 */
#include "base/error.h"
#include "customer/customer.h"
#include "event/event.h"
#include "segment/saving.h"
#include "tag/tag.h"

#include <crm/event.h>

#include <string.h>

int crm__segment_rows_next(void *ctx, uint64_t *chunk, uint64_t *words)
{
    crm__rows_walk *x = ctx;
    int any = 0, rc = CRM_OK;

    while (!rc && !any && x->chunk < x->a.plan.chunks) {
        *chunk = x->chunk++;
        rc = crm__run_chunk(&x->a.run, *chunk, words, &any);
    }
    return rc ? rc : any ? CRM_OK : CRM_DONE;
}

static int tag_all(crm_txn *txn, const crm_segment *s, const crm__tag_wish *wish,
                   const crm_segment_options *opts, uint64_t *changed, crm_error *err)
{
    crm__rows_walk x = {.chunk = 0};
    int rc = crm__segment_begin(txn, s, opts, &x.a, err);

    if (!rc)
        rc = crm__tag_rows(txn, wish, crm__segment_rows_next, &x, changed, err);
    crm__segment_end(&x.a);
    return rc;
}

int crm_segment_tag(crm_txn *txn, const crm_segment *s, const char *tag, const crm_tag_options *how,
                    const crm_segment_options *opts, uint64_t *changed, crm_error *err)
{
    crm__tag_wish w = {CRM__TAG_GIVE, tag, NULL, 0, how};

    return tag_all(txn, s, &w, opts, changed, err);
}

int crm_segment_untag(crm_txn *txn, const crm_segment *s, const char *tag,
                      const crm_segment_options *opts, uint64_t *changed, crm_error *err)
{
    crm__tag_wish w = {CRM__TAG_TAKE, tag, NULL, 0, NULL};

    return tag_all(txn, s, &w, opts, changed, err);
}

int crm_segment_tag_set(crm_txn *txn, const crm_segment *s, const char *dimension,
                        const char *const *tags, size_t count, const crm_tag_options *how,
                        const crm_segment_options *opts, uint64_t *changed, crm_error *err)
{
    crm__tag_wish w = {CRM__TAG_SET, dimension, tags, count, how};

    return tag_all(txn, s, &w, opts, changed, err);
}

/* ---- several actions on the same customers ---- */

/* The customers of a chunk; who they are is fixed before anything is changed. */
typedef struct chunk_rows {
    uint64_t chunk;
    uint64_t words[CRM__SET_WORDS];
} chunk_rows;

typedef struct acting {
    crm_txn *txn;
    crm_segment_options o;
    crm__buf chunks; /* chunk_rows */
    size_t next;
    uint64_t customers, done; /* done: of all actions */
    uint64_t all;
    const crm_segment *s;
    crm__buf tags; /* uint32_t of each action that saves */
    size_t saved;
    crm_error *err;
} acting;

static int gather(acting *x, crm__asking *a)
{
    int any, rc = CRM_OK;

    for (uint64_t c = 0; c < a->plan.chunks && !rc; c++) {
        chunk_rows *to = (chunk_rows *)(void *)crm__buf_reserve(&x->chunks, sizeof *to);
        if (!to)
            return CRM_ENOMEM;
        to->chunk = c;
        rc = crm__run_chunk(&a->run, c, to->words, &any);
        if (rc || !any)
            continue;
        x->chunks.n += sizeof *to;
        x->customers += crm__set_count(to->words);
    }
    return rc;
}

static const chunk_rows *rows_at(const acting *x, size_t i)
{
    return i < x->chunks.n / sizeof(chunk_rows) ? (const chunk_rows *)(const void *)x->chunks.p + i
                                                : NULL;
}

static int next_gathered(void *ctx, uint64_t *chunk, uint64_t *words)
{
    acting *x = ctx;
    const chunk_rows *from = rows_at(x, x->next++);

    if (!from)
        return CRM_DONE;
    *chunk = from->chunk;
    memcpy(words, from->words, sizeof from->words);
    return CRM_OK;
}

static int cancelled(acting *x)
{
    if (x->o.progress && x->o.progress(x->done, x->all, x->o.progress_ctx))
        return crm__segment_fail(x->txn, CRM_ECANCELLED, x->err);
    return CRM_OK;
}

/* Whatever of a customer changes, its record, tags or events, is an edit; tags are kept back until
 * they are settled. */
static int patch_one(acting *x, crm_segment_action *act, crm_id id)
{
    int rc = crm__txn_settle(x->txn, x->err);
    uint64_t before = x->txn->edits.changes;

    if (!rc)
        rc = crm_customer_patch_json(x->txn, id, 0, act->text, CRM_NUL, x->err);
    if (!rc)
        rc = crm__txn_settle(x->txn, x->err);
    act->changed += !rc && x->txn->edits.changes != before;
    return rc;
}

static int event_one(acting *x, crm_segment_action *act, crm_id id)
{
    uint32_t number;
    int rc = crm_event_add_json(x->txn, id, act->text, CRM_NUL, &number, x->err);

    act->changed += rc == CRM_OK;
    return rc < 0 ? rc : CRM_OK;
}

enum { LOOK_EVERY = 64 };

static int one_by_one(acting *x, crm_segment_action *act)
{
    const chunk_rows *from;
    int rc = CRM_OK;

    for (size_t i = 0; !rc && (from = rows_at(x, i)) != NULL; i++) {
        for (int32_t row = crm__set_next(from->words, 0); row >= 0 && !rc;
             row = crm__set_next(from->words, (uint32_t)row + 1)) {
            crm_id id = (from->chunk << CRM__CHUNK_SHIFT) + (uint64_t)row;
            rc = act->what == CRM_ACT_PATCH ? patch_one(x, act, id) : event_one(x, act, id);
            if (!rc && ++x->done % LOOK_EVERY == 0)
                rc = cancelled(x);
        }
    }
    return rc;
}

/* What can't be read is refused also where the segment has nobody. */
static int try_text(acting *x, const crm_segment_action *act)
{
    if (act->what == CRM_ACT_PATCH)
        return crm__customer_try_json(x->txn, act->text, x->err);
    return act->what == CRM_ACT_EVENT ? crm__event_try_json(x->txn, act->text, x->err) : CRM_OK;
}

static int act_on(acting *x, crm_segment_action *act)
{
    crm__tag_wish wish = {CRM__TAG_TAKE, act->text, NULL, 0, NULL};
    int rc;

    act->changed = 0;
    if (act->what == CRM_ACT_PATCH || act->what == CRM_ACT_EVENT)
        return one_by_one(x, act);
    if (act->what == CRM_ACT_TAG) {
        wish.what = CRM__TAG_GIVE;
        wish.opts = act->how;
    }
    x->next = 0;
    if (act->what == CRM_ACT_SAVE)
        rc = crm__static_fill(x->txn, ((const uint32_t *)(const void *)x->tags.p)[x->saved++],
                              next_gathered, x, &act->changed, x->err);
    else
        rc = crm__tag_rows(x->txn, &wish, next_gathered, x, &act->changed, x->err);
    x->done += x->customers;
    return rc ? rc : cancelled(x);
}

static int check_actions(const crm_segment_action *actions, size_t count, crm_error *err)
{
    if (!actions && count)
        return crm__fail_field(err, CRM_EINVAL, "actions", "actions is NULL");
    for (size_t i = 0; i < count; i++) {
        uint32_t flags = actions[i].what == CRM_ACT_SAVE ? CRM_SEGMENT_REPLACE : 0;
        if (actions[i].what < CRM_ACT_TAG || actions[i].what > CRM_ACT_SAVE || !actions[i].text ||
            actions[i].flags & ~flags)
            return crm__fail_field(err, CRM_EINVAL, "actions", "action %zu is none", i);
    }
    return CRM_OK;
}

/* Names first: their entries stand in front of the batch. */
static int define_all(acting *x, const crm_segment_action *actions, size_t count)
{
    int rc = CRM_OK;

    for (size_t i = 0; i < count && !rc; i++) {
        uint32_t tag = 0;
        if (actions[i].what != CRM_ACT_SAVE)
            continue;
        rc = crm__static_define(x->txn, actions[i].text, x->s, actions[i].flags, &tag, x->err);
        crm__buf_add(&x->tags, &tag, sizeof tag);
    }
    return rc || !x->tags.failed ? rc : crm__fail_nomem(x->err);
}

/* All of them, or nothing. */
static int act_all(acting *x, crm_segment_action *actions, size_t count)
{
    crm_savepoint mark;
    int rc = crm_txn_savepoint(x->txn, &mark, x->err);

    if (rc)
        return rc;
    x->all = x->customers * count;
    rc = define_all(x, actions, count);
    for (size_t i = 0; i < count && !rc; i++)
        rc = try_text(x, &actions[i]);
    for (size_t i = 0; i < count && !rc; i++)
        rc = act_on(x, &actions[i]);
    if (rc)
        (void)crm_txn_rollback(x->txn, mark, NULL);
    (void)crm_txn_release(x->txn, mark, NULL);
    return rc;
}

int crm_segment_act(crm_txn *txn, const crm_segment *s, crm_segment_action *actions, size_t count,
                    const crm_segment_options *opts, uint64_t *customers, crm_error *err)
{
    crm__asking a;
    acting x;
    int rc = crm__txn_enter(txn, 1, err);

    if (!rc)
        rc = check_actions(actions, count, err);
    memset(&x, 0, sizeof x);
    if (!rc)
        rc = crm__segment_options(opts, &x.o, err);
    if (rc)
        return rc;
    x.txn = txn;
    x.err = err;
    x.s = s;
    crm__buf_init(&x.chunks, txn->mem);
    crm__buf_init(&x.tags, txn->mem);
    rc = crm__segment_begin(txn, s, opts, &a, err);
    x.o.progress = a.progress;
    x.o.progress_ctx = a.progress_ctx;
    if (!rc && (rc = gather(&x, &a)))
        rc = crm__segment_fail(txn, rc, err);
    crm__segment_end(&a);
    if (!rc)
        rc = act_all(&x, actions, count);
    for (size_t i = 0; i < count && rc; i++)
        actions[i].changed = 0;
    if (!rc && customers)
        *customers = x.customers;
    crm__buf_clear(&x.chunks);
    crm__buf_clear(&x.tags);
    return rc;
}
