/* SPDX-License-Identifier: MIT
 * What a saved segment is in a plan: the steps of its text.
 */
#include "db/saved.h"

#include "base/utf8.h"
#include "segment/step.h"

#include <string.h>

enum { NEAR = 1000 }; /* names looked through for a near one */

static int plan_static(crm__plan *p, const crm__node *n, uint32_t tag, crm__step **out)
{
    crm__step *s = crm__step_new(p, CRM__STEP_SETS, n);

    if (!s)
        return CRM_ENOMEM;
    s->sets = crm__arena_alloc(&p->a, sizeof *s->sets);
    if (!s->sets)
        return CRM_ENOMEM;
    s->sets[0] = (crm__set_ref){KV_TAG, 0, 0, tag};
    s->set_count = 1;
    *out = s;
    return crm__sets_estimate(p, s);
}

/* A name that is near, of the model or of those that are saved; none: "". */
static void near_name(crm__plan *p, crm__slice name, char out[CRM__SAVED_NAME + 1])
{
    const char *near = crm__model_segment_near(p->model, (const char *)name.p, name.n);
    char other[CRM__SAVED_NAME + 1];
    crm__slice at = {NULL, 0};
    size_t n = 0, best;

    *out = 0;
    if (near && strlen(near) <= CRM__SAVED_NAME) {
        memcpy(out, near, strlen(near) + 1);
        return;
    }
    for (int i = 0; i < NEAR && !crm__saved_next(p->txn, at, (uint8_t *)other, &n); i++) {
        const char *one = other;
        crm__saved s;
        other[n] = 0;
        if (!crm__saved_read(p->txn, crm__slice_of(other, n), &s) &&
            crm__near((const char *)name.p, name.n, &one, 1, &best) != SIZE_MAX) {
            memcpy(out, other, n + 1);
            return;
        }
        memcpy(out, other, n); /* where the walk is, until it ends */
        at = crm__slice_of(out, n);
    }
    *out = 0;
}

static int not_found(crm__plan *p, crm__slice name)
{
    char near[CRM__SAVED_NAME + 1];
    int n = (int)(name.n < 100 ? name.n : 100);

    near_name(p, name, near);
    if (*near)
        return crm__fail_field(p->err, CRM_ENOTFOUND, "segment",
                               "there is no saved segment '%.*s'; did you mean '%s'?", n,
                               (const char *)name.p, near);
    return crm__fail_field(p->err, CRM_ENOTFOUND, "segment", "there is no saved segment '%.*s'", n,
                           (const char *)name.p);
}

static int plan_text(crm__plan *p, crm__slice name, crm__slice text, crm__step **out)
{
    crm__tree *t;
    int rc;

    for (uint32_t i = 0; i < p->nested; i++) {
        if (crm__slice_compare(p->names[i], name) == 0)
            return crm__fail_field(p->err, CRM_EVALUE, "segment",
                                   "the saved segment '%.*s' contains itself", (int)name.n,
                                   (const char *)name.p);
    }
    if (p->nested == CRM__SEGMENT_DEPTH)
        return crm__fail_field(p->err, CRM_EVALUE, "segment",
                               "saved segments are more than %d deep inside one another",
                               CRM__SEGMENT_DEPTH);
    rc = crm__tree_parse(p->txn->mem, (crm__model *)(uintptr_t)p->model, p->txn->zone,
                         (const char *)text.p, text.n, &t, p->err);
    if (rc)
        return rc;
    rc = crm__plan_hold(p, t);
    if (rc) {
        crm__tree_unref(t);
        return rc;
    }
    p->names[p->nested++] = name;
    rc = crm__plan_node(p, crm__tree_root(t), out);
    p->nested--;
    return rc;
}

int crm__plan_saved(crm__plan *p, const crm__node *n, crm__step **out)
{
    const crm__model_segment *of =
        crm__model_segment_find(p->model, (const char *)n->name.p, n->name.n);
    crm__saved s;
    int rc;

    if (of)
        return plan_text(p, crm__slice_of(of->key, strlen(of->key)),
                         crm__slice_of(of->query, of->n), out);
    rc = crm__saved_read(p->txn, n->name, &s);

    if (rc == CRM_ENOTFOUND)
        return not_found(p, n->name);
    if (rc)
        return rc;
    return s.flags & CRM__SAVED_STATIC ? plan_static(p, n, s.tag, out)
                                       : plan_text(p, n->name, s.text, out);
}
