/* SPDX-License-Identifier: MIT
 * What a change of the model puts out of view of the stored events.  Events that are void or voided
 * don't count: nothing asks for them.
 */
#include "db/derive_event.h"
#include "db/model.h"
#include "db/scan.h"

int crm__each_event(crm_txn *txn, crm__event_fn fn, void *ctx, crm_error *err)
{
    uint8_t first[CRM__KEY_U64];
    crm__slice k, payload;
    crm__scan s;
    crm__arena a;
    int rc;

    crm__arena_init(&a, txn->mem);
    crm__scan_open(txn, KV_EVENT, &s);
    rc = crm__scan_seek(&s, KV_GE, crm__key_u64(first, 0), &k, &payload);
    while (!rc) {
        rc = crm__event_row_each(&a, k, payload, fn, ctx);
        if (!rc)
            rc = crm__scan_next(&s, &k, &payload);
    }
    crm__scan_close(&s);
    crm__arena_clear(&a);
    return rc == CRM_ENOTFOUND ? CRM_OK : crm__txn_fail(txn, rc, "can't read the events", err);
}

/* Whether the new rules would not take a value. */
static int broken(const crm__field *f, const crm__value *v, crm__buf *scratch)
{
    scratch->n = 0;
    return crm__value_put(f, v, scratch, NULL) != CRM_OK;
}

uint64_t crm__event_loss(const crm__change *c, const crm__event *e, crm__buf *scratch)
{
    const crm__event_kind *kind = c->event_before ? c->event_before : c->event_after;
    const crm__field *old = c->before, *new = c->after, *f = old ? old : new;
    const crm__event_value *has;
    crm__field rule;

    if (!c->scan || !kind || kind->number != e->kind)
        return 0;
    has = f ? crm__event_value_find(e, f->number) : NULL;
    switch (c->what) {
    case CRM__CHANGE_EVENT_REMOVED:
        return 1;
    case CRM__CHANGE_REQUIRED:
        return !has;
    case CRM__CHANGE_FIELD_REMOVED:
    case CRM__CHANGE_TYPE:
        return has && has->v.type == old->type;
    case CRM__CHANGE_RULE_NARROWED:
        if (!has || has->v.type != new->type)
            return 0;
        rule = crm__change_rule(c);
        return (uint64_t)broken(&rule, &has->v, scratch);
    case CRM__CHANGE_VALUE_REMOVED:
        return has && has->v.type == CRM_TYPE_ENUM && has->v.integer == (int64_t)c->value->number;
    default:
        return 0;
    }
}
