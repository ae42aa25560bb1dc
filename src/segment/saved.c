/* SPDX-License-Identifier: MIT
 * What a saved segment is in a plan: the steps of its text.
 */
#include "db/saved.h"

#include "segment/step.h"

#include <string.h>

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

static int not_found(crm__plan *p, crm__slice name)
{
    return crm__fail_field(p->err, CRM_ENOTFOUND, "segment", "there is no saved segment '%.*s'",
                           (int)(name.n < 100 ? name.n : 100), (const char *)name.p);
}

static int plan_text(crm__plan *p, const crm__node *n, crm__slice text, crm__step **out)
{
    crm__tree *t;
    int rc;

    for (uint32_t i = 0; i < p->nested; i++) {
        if (crm__slice_compare(p->names[i], n->name) == 0)
            return crm__fail_field(p->err, CRM_EVALUE, "segment",
                                   "the saved segment '%.*s' contains itself", (int)n->name.n,
                                   (const char *)n->name.p);
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
    p->names[p->nested++] = n->name;
    rc = crm__plan_node(p, crm__tree_root(t), out);
    p->nested--;
    return rc;
}

int crm__plan_saved(crm__plan *p, const crm__node *n, crm__step **out)
{
    crm__saved s;
    int rc = crm__saved_read(p->txn, n->name, &s);

    if (rc == CRM_ENOTFOUND)
        return not_found(p, n->name);
    if (rc)
        return rc;
    return s.flags & CRM__SAVED_STATIC ? plan_static(p, n, s.tag, out)
                                       : plan_text(p, n, s.text, out);
}
