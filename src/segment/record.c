/* SPDX-License-Identifier: MIT
 * Steps for which the record of each candidate is read: fields without an index, and what an index
 * can't tell; and customers by their ids.
 */
#include "segment/step.h"

#include <string.h>

/* Whether a value of the field passes; a list passes with any of its values.  Of a list that the
 * field had before it became single the first counts, as in its column. */
static int entry_passes(crm__run *r, const crm__step *s, const crm__field *f)
{
    const crm__entry *e = crm__record_find(&r->record, f->number);
    crm__slice item;
    size_t pos = 0;
    int rc;

    if (!e || e->type != f->type || e->scoped != ((f->flags & CRM_FIELD_PER_SOURCE) != 0))
        return 0;
    while ((rc = crm__entry_next(e, &pos, &item)) == CRM_OK) {
        crm__value v;
        rc = crm__value_decode(e->type, e->scoped, item, &v);
        if (!rc)
            rc = crm__test_value(&s->test, &v, &r->scratch);
        if (rc || !(f->flags & CRM_FIELD_LIST))
            return rc;
    }
    return rc == CRM_DONE ? 0 : rc;
}

static int builtin_passes(crm__run *r, const crm__step *s)
{
    crm__value v = {.type = CRM_TYPE_DATETIME};

    switch (s->node->builtin) {
    case CRM__BUILTIN_CREATED:
        v.integer = r->record.created;
        break;
    default:
        v.integer = r->record.updated;
        break;
    }
    return crm__test_value(&s->test, &v, &r->scratch);
}

int crm__record_load(crm__run *r, crm_id id)
{
    uint8_t key[CRM__KEY_U64];
    crm__slice bytes;
    int rc = crm__txn_read(r->txn, KV_CUSTOMER, crm__key_u64(key, id), &bytes);

    if (!rc)
        r->bytes += bytes.n + CRM__TAG_SIZE;
    if (!rc)
        rc = crm__record_decode(r->txn->mem, bytes, &r->record);
    return rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc;
}

int crm__record_passes(crm__run *r, const crm__step *s, crm_id id)
{
    int rc = r->loaded == id ? CRM_OK : crm__record_load(r, id);

    if (rc)
        return rc;
    return s->node->builtin ? builtin_passes(r, s) : entry_passes(r, s, s->node->field);
}

int crm__record_narrow(crm__run *r, const crm__step *s, uint64_t *words)
{
    for (int32_t row = crm__set_next(words, 0); row >= 0;
         row = crm__set_next(words, (uint32_t)row + 1)) {
        int rc = crm__record_passes(r, s, (r->chunk << CRM__CHUNK_SHIFT) + (uint64_t)row);
        if (rc < 0)
            return rc;
        if (!rc)
            crm__set_put(words, (uint32_t)row, 0);
        rc = crm__run_read(r);
        if (rc)
            return rc;
    }
    return CRM_OK;
}

static void keep_range(uint64_t *words, uint64_t first, uint64_t lo, uint64_t hi)
{
    for (uint64_t row = lo < first ? 0 : lo - first; row < CRM__CHUNK_ROWS && first + row <= hi;
         row++)
        crm__set_put(words, (uint32_t)row, 1);
}

int crm__ids_narrow(crm__run *r, const crm__step *s, uint64_t *words)
{
    uint64_t found[CRM__SET_WORDS] = {0}, first = r->chunk << CRM__CHUNK_SHIFT;

    for (size_t i = 0; i < s->id_count; i++) {
        if (s->ids[i] >> CRM__CHUNK_SHIFT == r->chunk)
            crm__set_put(found, (uint32_t)(s->ids[i] & 0xffff), 1);
    }
    for (uint32_t i = 0; !s->ids && i < s->test.limit_count; i++) {
        int64_t lo, hi;
        if (crm__limits_at(&s->test.limits[i], 0, &lo, &hi) && hi >= 0)
            keep_range(found, first, lo < 0 ? 0 : (uint64_t)lo, (uint64_t)hi);
    }
    crm__words_and(words, found);
    return CRM_OK;
}
