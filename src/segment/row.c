/* SPDX-License-Identifier: MIT
 * A kept plan asked of one customer: each step by the row itself, without words for a chunk.
 */
#include "segment/step.h"

#include "db/tag_end.h"

static crm__slice key_of(uint8_t key[CRM__KEY_BITS], const crm__set_ref *ref, uint64_t chunk)
{
    return ref->space == KV_TAG ? crm__key_tag(key, chunk, ref->value)
                                : crm__key_bits(key, chunk, ref->index, ref->value);
}

int crm__row_in_set(crm_txn *txn, const crm__set_ref *ref, uint64_t chunk, uint32_t row, int *in)
{
    uint8_t key[CRM__KEY_BITS];
    int64_t until;
    int rc = crm__txn_set_row(txn, (kv_space)ref->space, key_of(key, ref, chunk), row, 0, in);

    if (rc || !*in || ref->space != KV_TAG || !ref->ends)
        return rc;
    rc = crm__tag_end(txn, chunk, ref->value, row, &until);
    *in = !until || until > txn->now;
    return rc;
}

static int in_sets(crm__run *r, const crm__step *s, crm_id id)
{
    int in = 0, rc = CRM_OK;

    for (uint32_t i = 0; i < s->set_count && !in && !rc; i++)
        rc = crm__row_in_set(r->txn, &s->sets[i], id >> CRM__CHUNK_SHIFT,
                             (uint32_t)(id & (CRM__CHUNK_ROWS - 1)), &in);
    return rc ? rc : in;
}

/* What the changes of the transaction say of a step alone, which is why it is asked: 1, 0, or -1.
 */
static int by_change(crm__run *r, const crm__step *s, crm_id id)
{
    uint8_t key[CRM__KEY_BITS];
    int in;

    if (s->op == CRM__STEP_NOT) {
        in = by_change(r, s->children[0], id);
        return in < 0 ? in : !in;
    }
    if (s->op != CRM__STEP_SETS || s->set_count != 1 || s->sets->ends)
        return -1;
    return crm__txn_set_waits(r->txn, (kv_space)s->sets->space,
                              key_of(key, s->sets, id >> CRM__CHUNK_SHIFT),
                              (uint32_t)(id & (CRM__CHUNK_ROWS - 1)));
}

static int by_record(crm__run *r, const crm__step *s, crm_id id)
{
    int rc = crm__record_passes(r, s, id);

    r->loaded = rc < 0 ? 0 : id;
    return rc;
}

int crm__row_passes(crm__run *r, const crm__step *s, crm_id id)
{
    int rc;

    switch (s->op) {
    case CRM__STEP_ALL:
        return 1;
    case CRM__STEP_NOT:
        rc = crm__row_passes(r, s->children[0], id);
        return rc < 0 ? rc : !rc;
    case CRM__STEP_AND:
    case CRM__STEP_OR:
        for (uint32_t i = 0; i < s->child_count; i++) {
            if (by_change(r, s->children[i], id) == (s->op == CRM__STEP_OR))
                return s->op == CRM__STEP_OR;
        }
        for (uint32_t i = 0; i < s->child_count; i++) {
            rc = crm__row_passes(r, s->children[i], id);
            if (rc < 0 || rc == (s->op == CRM__STEP_OR))
                return rc;
        }
        return s->op == CRM__STEP_AND;
    case CRM__STEP_SETS:
        return in_sets(r, s, id);
    case CRM__STEP_IDS: /* in ranges: those of a token are asked of the record */
        return crm__test_scaled(&s->test, (int64_t)id, 0);
    case CRM__STEP_COLUMN: /* the record has the number, too, and is asked by others */
    case CRM__STEP_RECORD:
        return by_record(r, s, id);
    case CRM__STEP_DAYS:
    case CRM__STEP_EVENTS:
        return crm__events_pass(r, s, id);
    default:
        return 0;
    }
}
