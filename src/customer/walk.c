/* SPDX-License-Identifier: MIT
 * The record of a customer walked back through the journal.
 *
 * A record names the entry that made it, and that entry's image holds what it replaced, the name of
 * the entry before included; so the walk needs no index.
 */
#include "customer/history.h"

#include <crm/journal.h>
#include <string.h>

int crm__walk_open(crm_txn *txn, const crm_allocator *mem, crm_id id, crm__walk *w)
{
    uint8_t key[CRM__KEY_U64];
    crm__slice bytes;
    int rc;

    memset(w, 0, sizeof *w);
    w->txn = txn;
    w->mem = mem;
    w->id = id;
    for (int i = 0; i < 2; i++)
        crm__buf_init(&w->bytes[i], mem);
    crm__buf_init(&w->entry, mem);
    crm__buf_init(&w->fields, mem);
    crm__arena_init(&w->arena, mem);
    rc = crm__txn_read(txn, KV_CUSTOMER, crm__key_u64(key, id), &bytes);
    if (!rc) {
        crm__buf_add(&w->bytes[0], bytes.p, bytes.n);
        rc = w->bytes[0].failed
                 ? CRM_ENOMEM
                 : crm__record_decode(mem, crm__slice_of(w->bytes[0].p, bytes.n), &w->record[0]);
    }
    if (rc)
        crm__walk_close(w);
    return rc;
}

void crm__walk_close(crm__walk *w)
{
    for (int i = 0; i < 2; i++) {
        crm__buf_clear(&w->bytes[i]);
        crm__record_clear(w->mem, &w->record[i]);
    }
    crm__buf_clear(&w->entry);
    crm__buf_clear(&w->fields);
    crm__arena_clear(&w->arena);
}

static int read_entry(crm__walk *w)
{
    uint8_t key[CRM__KEY_U64];
    crm__slice bytes;
    int rc;

    if (w->txn->state.batch_seq && w->seq == w->txn->state.batch_seq) {
        /* Its entry is not written yet, its image is; only an undo reads that far. */
        memset(&w->e, 0, sizeof w->e);
        w->e.action = CRM__ACTION_UNDO;
        w->e.batch = w->txn->state.batch;
        return CRM_OK;
    }
    rc = crm__txn_read(w->txn, KV_JOURNAL, crm__key_u64(key, w->seq), &bytes);
    if (rc)
        return rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc;
    w->entry.n = 0;
    crm__buf_add(&w->entry, bytes.p, bytes.n);
    if (w->entry.failed)
        return CRM_ENOMEM;
    return crm__journal_decode(crm__slice_of(w->entry.p, w->entry.n), &w->e);
}

static int add_field(crm__walk *w, uint32_t field)
{
    crm__buf_add(&w->fields, &field, sizeof field);
    return w->fields.failed ? CRM_ENOMEM : CRM_OK;
}

static int take_mask(crm__walk *w, crm__slice mask)
{
    crm__reader in = crm__reader_of(mask.p, mask.n);
    uint32_t field = 0;

    while (crm__mask_next(&in, &field)) {
        if (add_field(w, field))
            return CRM_ENOMEM;
    }
    return in.failed ? CRM_ECORRUPT : CRM_OK;
}

/* The state before: what the image holds of the fields that changed, the rest as it is after. */
static int compose(crm__walk *w, const crm__record *part)
{
    const uint32_t *changed = (const uint32_t *)(const void *)w->fields.p;
    size_t count = w->fields.n / sizeof *changed, k = 0;
    const crm__record *after = crm__walk_after(w);
    crm__record out = {0};
    uint32_t i = 0, j = 0;
    int rc = CRM_OK;

    out.flags = part->flags;
    out.kind = part->kind;
    out.seq = part->seq;
    out.survivor = part->survivor;
    out.created = part->created;
    out.updated = part->updated;
    while (!rc && (i < after->entry_count || j < part->entry_count)) {
        const crm__entry *a = i < after->entry_count ? &after->entries[i] : NULL;
        const crm__entry *p = j < part->entry_count ? &part->entries[j] : NULL;
        if (a && (!p || a->field <= p->field)) {
            while (k < count && changed[k] < a->field)
                k++;
            i++;
            if (k < count && changed[k] == a->field)
                continue;
            rc = crm__record_take(w->mem, &w->arena, &out, after, a);
        } else {
            j++;
            rc = crm__record_take(w->mem, &w->arena, &out, part, p);
        }
    }
    if (!rc) {
        crm__buf *bytes = &w->bytes[!w->now];
        bytes->n = 0;
        crm__record_encode(&out, bytes);
        rc = bytes->failed ? CRM_ENOMEM
                           : crm__record_decode(w->mem, crm__slice_of(bytes->p, bytes->n),
                                                crm__walk_before(w));
    }
    crm__record_clear(w->mem, &out);
    return rc;
}

static int created(crm__walk *w)
{
    const crm__record *r = crm__walk_after(w);

    w->how = CRM__WALK_CREATED;
    for (uint32_t i = 0; i < r->entry_count; i++) {
        if (add_field(w, r->entries[i].field))
            return CRM_ENOMEM;
    }
    return CRM_OK;
}

/* A change of which only the entry is left. */
static int look_lost(crm__walk *w)
{
    int rc = read_entry(w), batch;

    if (rc)
        return rc;
    w->fields.n = 0;
    batch = crm__action_lists(w->e.action);
    if (w->e.action == CRM__ACTION_CREATE ||
        (batch && crm__runs_has(w->e.lists[CRM__BATCH_CREATED], w->id)))
        w->how = CRM__WALK_CREATED;
    else
        w->how = CRM__WALK_DROPPED;
    if (!batch && (w->e.target != w->id || w->e.action > CRM__ACTION_UNDELETE))
        return CRM_ECORRUPT;
    return batch ? CRM_OK : take_mask(w, w->e.mask);
}

/* The entry of the customer's change before one of a batch, which does not name it. */
static int find_before(crm__walk *w, uint64_t *seq)
{
    for (uint64_t i = w->seq - 1; i; i--) {
        crm__journal_entry e;
        int rc = crm__journal_read(w->txn, i, &e);
        if (rc)
            return rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc;
        if (crm__action_lists(e.action)
                ? crm__runs_has(e.lists[CRM__BATCH_CREATED], w->id) ||
                      crm__runs_has(e.lists[CRM__BATCH_CHANGED], w->id)
                : e.action <= CRM__ACTION_UNDELETE && e.target == w->id) {
            *seq = i;
            return CRM_OK;
        }
    }
    return CRM_ECORRUPT;
}

int crm__walk_lost(crm__walk *w)
{
    uint64_t before = w->e.previous;
    int rc = CRM_OK;

    if (crm__action_lists(w->e.action))
        rc = find_before(w, &before);
    if (rc || !before || before >= w->seq)
        return rc ? rc : CRM_ECORRUPT;
    w->seq = before;
    w->lost = 1;
    return CRM_OK;
}

int crm__walk_look(crm__walk *w)
{
    uint8_t key[CRM__KEY_IMAGE];
    crm__slice row, mask, bytes;
    crm__record part = {0};
    int rc, batch;

    if (w->lost)
        return look_lost(w);
    w->seq = crm__walk_after(w)->seq;
    rc = read_entry(w);
    if (rc)
        return rc;
    w->fields.n = 0;
    crm__arena_reset(&w->arena);
    batch = crm__action_lists(w->e.action);
    if (w->e.action == CRM__ACTION_CREATE ||
        (batch && crm__runs_has(w->e.lists[CRM__BATCH_CREATED], w->id)))
        return created(w);
    w->how = CRM__WALK_CHANGED;
    if (!batch && (w->e.target != w->id || w->e.action > CRM__ACTION_UNDELETE))
        return CRM_ECORRUPT;
    rc = crm__txn_read(w->txn, KV_IMAGE, crm__key_image(key, w->seq, w->id), &row);
    if (!rc)
        rc = crm__image_split(row, batch, &mask, &bytes);
    if (rc == CRM_ENOTFOUND) { /* dropped by a trim, or erased */
        w->how = CRM__WALK_DROPPED;
        return batch ? CRM_OK : take_mask(w, w->e.mask);
    }
    if (!rc)
        rc = take_mask(w, batch ? mask : w->e.mask);
    if (!rc)
        rc = crm__record_decode(w->mem, bytes, &part);
    if (!rc)
        rc = compose(w, &part);
    if (!rc && crm__walk_before(w)->seq >= w->seq)
        rc = CRM_ECORRUPT; /* else a damaged image could lead in circles */
    crm__record_clear(w->mem, &part);
    return rc;
}

void crm__walk_back(crm__walk *w)
{
    w->now = !w->now;
}

int crm__walk_fail(crm_txn *txn, crm_id id, int rc, crm_error *err)
{
    if (rc == CRM_ENOTFOUND)
        return crm__fail(err, rc, "there is no customer %llu", (unsigned long long)id);
    rc = crm__txn_fail(txn, rc, "can't read the history", err);
    if (err)
        err->row = (int64_t)id;
    return rc;
}

/* ---- a customer as it was ---- */

static int walk_to(crm__walk *w, uint64_t revision, crm_error *err)
{
    while (crm__walk_after(w)->seq > revision) {
        int rc = crm__walk_look(w);
        if (rc)
            return crm__walk_fail(w->txn, w->id, rc, err);
        if (w->how == CRM__WALK_CREATED)
            return crm__fail(err, CRM_ENOTFOUND, "customer %llu was created at revision %llu",
                             (unsigned long long)w->id, (unsigned long long)w->seq);
        if (w->how == CRM__WALK_DROPPED)
            return crm__fail(err, CRM_ESTATE,
                             "what revision %llu replaced of customer %llu was dropped",
                             (unsigned long long)w->seq, (unsigned long long)w->id);
        crm__walk_back(w);
    }
    return CRM_OK;
}

int crm_customer_get_at(crm_txn *txn, crm_id id, uint64_t revision, crm_customer *c, crm_error *err)
{
    crm__walk w;
    int rc = crm__txn_enter(txn, 0, err);

    if (!rc && !c)
        rc = crm__fail_field(err, CRM_EINVAL, "c", "c is NULL");
    if (!rc)
        rc = crm__state_read(txn, err);
    if (!rc && txn->state.batch_seq)
        rc = crm__fail(err, CRM_ESTATE, "the entry of the batch is not written yet");
    if (rc)
        return rc;
    rc = crm__walk_open(txn, txn->mem, id, &w);
    if (rc)
        return crm__walk_fail(txn, id, rc, err);
    rc = walk_to(&w, revision, err);
    if (!rc)
        rc = crm__customer_load(txn, id, crm__slice_of(w.bytes[w.now].p, w.bytes[w.now].n), c, err);
    crm__walk_close(&w);
    return rc;
}
