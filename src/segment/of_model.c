/* SPDX-License-Identifier: MIT
 * Segments of the model: their queries are judged when the model is read, and planned before it is
 * applied.
 */
#include "base/error.h"
#include "db/model.h"
#include "db/saved.h"
#include "segment/live.h"

#include <stdio.h>
#include <string.h>

static int visit(const crm__node *n, crm__segment_named_fn fn, void *ctx)
{
    int rc = CRM_OK;

    if (n->op == CRM__NODE_SEGMENT)
        return fn(ctx, (const char *)n->name.p, n->name.n);
    for (uint32_t i = 0; i < n->child_count && !rc; i++)
        rc = visit(n->children[i], fn, ctx);
    return rc;
}

int crm__segment_judge(crm__model *m, const char *query, size_t n, crm__segment_named_fn fn,
                       void *ctx, crm_error *err)
{
    crm__tree *t;
    int rc = crm__tree_parse(NULL, m, NULL, query, n, &t, err);

    if (rc)
        return rc;
    rc = visit(crm__tree_root(t), fn, ctx);
    crm__tree_unref(t);
    return rc;
}

/* Reads a text and plans it under a model, which the transaction has for that long. */
static int try_text(crm_txn *txn, const crm__model *m, const char *text, size_t n, crm_error *err)
{
    crm__model *was = txn->state.model;
    crm__plan p;
    crm__tree *t;
    int rc;

    txn->state.model = (crm__model *)(uintptr_t)m;
    rc = crm__tree_parse(txn->mem, txn->state.model, txn->zone, text, n, &t, err);
    if (!rc) {
        rc = crm__plan_make(txn, t, 0, &p, err);
        crm__plan_end(&p);
        crm__tree_unref(t);
    }
    txn->state.model = was;
    return rc;
}

int crm__segments_try(crm_txn *txn, const crm__model *m, crm_error *err)
{
    int rc = CRM_OK;

    for (size_t i = 0; i < crm__model_segment_count(m) && !rc; i++) {
        const crm__model_segment *s = crm__model_segment_at(m, i);
        rc = try_text(txn, m, s->query, s->n, err);
    }
    return rc;
}

/* It says what is not so, rather than that something went wrong. */
static int is_fault(int rc)
{
    return rc == CRM_EFIELD || rc == CRM_EVALUE || rc == CRM_ESYNTAX || rc == CRM_ENOTFOUND;
}

/* What becomes of one; "" when it can be asked as before, or could not be asked before. */
static int judge_saved(crm_txn *txn, const crm__model *before, const crm__model *after,
                       crm__slice name, const crm__saved *s, char *message, size_t size,
                       crm_error *err)
{
    static const char FRONT[] = "segment: ";
    crm_error why = CRM_ERROR_INIT, none = CRM_ERROR_INIT;
    const char *text = (const char *)s->text.p, *told = why.message;
    int rc;

    *message = 0;
    if (crm__model_segment_find(after, (const char *)name.p, name.n)) {
        if (!crm__model_segment_find(before, (const char *)name.p, name.n))
            snprintf(message, size,
                     "segments: a name of the model hides the saved segment '%.*s', which has to "
                     "be removed first",
                     (int)name.n, (const char *)name.p);
        return CRM_OK;
    }
    if (s->flags & CRM__SAVED_STATIC)
        return CRM_OK;
    rc = try_text(txn, after, text, s->text.n, &why);
    if (is_fault(rc)) {
        int was = try_text(txn, before, text, s->text.n, &none);
        if (was)
            rc = is_fault(was) ? CRM_OK : was;
    }
    if (is_fault(rc)) {
        if (!strncmp(told, FRONT, sizeof FRONT - 1))
            told += sizeof FRONT - 1;
        snprintf(message, size, "the saved segment '%.*s' can't be asked any more: %s", (int)name.n,
                 (const char *)name.p, told);
        rc = CRM_OK;
    }
    return rc ? crm__txn_fail(txn, rc, "can't read a saved segment", err) : CRM_OK;
}

/* Whether the clock still finds what it changes of those that are watched. */
static int judge_watched(crm_txn *txn, const crm__model *after, crm__saved_lost_fn fn, void *ctx,
                         crm_error *err)
{
    crm__model *was = txn->state.model;
    crm_error why = CRM_ERROR_INIT;
    int rc;

    txn->state.model = (crm__model *)(uintptr_t)after;
    rc = crm__live_judge(txn, &why);
    txn->state.model = was;
    return rc == CRM_EREFUSED ? fn(ctx, why.message) : rc ? crm__fail_copy(err, &why) : CRM_OK;
}

int crm__saved_try(crm_txn *txn, const crm__model *before, const crm__model *after,
                   crm__saved_lost_fn fn, void *ctx, crm_error *err)
{
    char message[CRM_MESSAGE_SIZE + CRM__SAVED_NAME];
    uint8_t name[CRM__SAVED_NAME];
    crm__slice at = {NULL, 0};
    crm__saved s;
    size_t n;
    int rc, step;

    while ((step = crm__saved_next(txn, at, name, &n)) == CRM_OK) {
        at = crm__slice_of(name, n);
        rc = crm__saved_read(txn, at, &s);
        if (rc == CRM_ENOTFOUND) /* it was removed */
            continue;
        rc = rc ? crm__txn_fail(txn, rc, "can't read a saved segment", err)
                : judge_saved(txn, before, after, at, &s, message, sizeof message, err);
        if (!rc && *message)
            rc = fn(ctx, message);
        if (rc)
            return rc;
    }
    return step == CRM_ENOTFOUND ? judge_watched(txn, after, fn, ctx, err)
                                 : crm__txn_fail(txn, step, "can't read a saved segment", err);
}
