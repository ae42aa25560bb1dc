/* SPDX-License-Identifier: MIT
 * Segments of the model: their queries are judged when the model is read, and planned before it is
 * applied.
 */
#include "db/model.h"
#include "segment/step.h"

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

int crm__segments_try(crm_txn *txn, const crm__model *m, crm_error *err)
{
    int rc = CRM_OK;

    for (size_t i = 0; i < crm__model_segment_count(m) && !rc; i++) {
        const crm__model_segment *s = crm__model_segment_at(m, i);
        crm__plan p;
        crm__tree *t;
        rc = crm__tree_parse(txn->mem, (crm__model *)(uintptr_t)m, txn->zone, s->query, s->n, &t,
                             err);
        if (rc)
            return rc;
        rc = crm__plan_make(txn, t, 0, &p, err);
        crm__plan_end(&p);
        crm__tree_unref(t);
    }
    return rc;
}
