/* SPDX-License-Identifier: MIT
 * The history of a customer: its record walked back through the journal.
 *
 * A record names the entry that made it, and that entry's image holds what it replaced, the name of
 * the entry before included; so the walk needs no index.
 */
#include "customer/history.h"

#include "db/changes.h"

#include <stdlib.h>
#include <string.h>

/* ---- the walk ---- */

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

    w->seq = crm__walk_after(w)->seq;
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

int crm__walk_look(crm__walk *w)
{
    uint8_t key[CRM__KEY_IMAGE];
    crm__slice row, mask, bytes;
    crm__record part = {0};
    int rc = read_entry(w), batch;

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

/* ---- the iterator ---- */

struct crm_history {
    crm_allocator mem;
    crm_db *db;
    crm__child child;
    uint64_t revision; /* of the transaction when opened */
    int present, done;
    crm__walk walk;
    crm__arena names;
    crm__buf text[2], work;
    crm_change change;
};

static int enter(crm_history *h, int present, crm_error *err)
{
    crm_txn *txn;
    int rc;

    if (!h)
        return crm__fail_field(err, CRM_EINVAL, "h", "h is NULL");
    txn = h->child.txn;
    if (!txn)
        return crm__fail(err, CRM_ESTATE, "the iterator's transaction has ended");
    rc = crm__txn_enter(txn, 0, err);
    if (rc)
        return rc;
    if (txn->state.seq != h->revision || txn->state.batch_seq)
        return crm__fail(err, CRM_ESTATE, "the transaction wrote since");
    if (present && !h->present)
        return crm__fail(err, CRM_ESTATE, "there is no present change");
    return CRM_OK;
}

static int fail_walk(crm_txn *txn, crm_id id, int rc, crm_error *err)
{
    if (rc == CRM_ENOTFOUND)
        return crm__fail(err, rc, "there is no customer %llu", (unsigned long long)id);
    rc = crm__txn_fail(txn, rc, "can't read the history", err);
    if (err)
        err->row = (int64_t)id;
    return rc;
}

int crm_history_open(crm_txn *txn, crm_id id, crm_history **out, crm_error *err)
{
    crm_history *h;
    int rc;

    if (!out)
        return crm__fail_field(err, CRM_EINVAL, "out", "out is NULL");
    *out = NULL;
    rc = crm__txn_enter(txn, 0, err);
    if (!rc)
        rc = crm__state_read(txn, err);
    if (!rc && txn->state.batch_seq)
        rc = crm__fail(err, CRM_ESTATE, "the entry of the batch is not written yet");
    if (rc)
        return rc;
    h = crm__calloc(txn->mem, 1, sizeof *h);
    if (!h)
        return crm__fail_nomem(err);
    h->mem = *txn->mem;
    rc = crm__walk_open(txn, &h->mem, id, &h->walk);
    if (rc) {
        crm__release(txn->mem, h);
        return fail_walk(txn, id, rc, err);
    }
    h->db = txn->db;
    h->revision = txn->state.seq;
    crm__arena_init(&h->names, &h->mem);
    for (int i = 0; i < 2; i++)
        crm__buf_init(&h->text[i], &h->mem);
    crm__buf_init(&h->work, &h->mem);
    crm__db_hold(txn->db);
    crm__child_add(txn, &h->child);
    *out = h;
    return CRM_OK;
}

void crm_history_close(crm_history *h)
{
    crm_allocator mem;
    crm_db *db;

    if (!h)
        return;
    mem = h->mem;
    db = h->db;
    crm__child_remove(&h->child);
    crm__walk_close(&h->walk);
    crm__arena_clear(&h->names);
    for (int i = 0; i < 2; i++)
        crm__buf_clear(&h->text[i]);
    crm__buf_clear(&h->work);
    crm__release(&mem, h);
    crm__db_drop(db);
}

/* What a change that was part of a batch did to this customer. */
static uint32_t action_of(crm__walk *w)
{
    int was, is;

    if (w->e.action == CRM__ACTION_UNDO)
        return CRM_ACTION_UNDO;
    if (w->how == CRM__WALK_CREATED)
        return CRM_ACTION_CREATE;
    if (w->e.action != CRM__ACTION_BATCH || w->how == CRM__WALK_DROPPED)
        return w->e.action;
    was = crm__walk_before(w)->flags & CRM__RECORD_DELETED;
    is = crm__walk_after(w)->flags & CRM__RECORD_DELETED;
    return was == is ? CRM_ACTION_UPDATE : is ? CRM_ACTION_DELETE : CRM_ACTION_UNDELETE;
}

int crm_history_next(crm_history *h, crm_change *out, crm_error *err)
{
    crm__walk *w;
    int rc = enter(h, 0, err);

    if (rc)
        return rc;
    if (!out)
        return crm__fail_field(err, CRM_EINVAL, "out", "out is NULL");
    w = &h->walk;
    if (h->present && w->how == CRM__WALK_CHANGED)
        crm__walk_back(w);
    else if (h->present)
        h->done = 1;
    h->present = 0; /* after an error the next call looks at the same change again */
    if (h->done)
        return CRM_DONE;
    crm__arena_reset(&h->names);
    rc = crm__walk_look(w);
    if (!rc)
        rc = crm__change_of(w->txn, w->seq, &w->e, &h->names, &h->change);
    if (rc)
        return fail_walk(w->txn, w->id, rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc, err);
    h->change.action = action_of(w);
    h->change.target = w->id;
    h->change.field_count = (uint32_t)(w->fields.n / sizeof(uint32_t));
    h->change.created = h->change.changed = h->change.with_events = 0;
    rc = crm__struct_give(out, &h->change, sizeof h->change, "out", err);
    if (!rc)
        h->present = 1;
    return rc;
}

/* ---- values ---- */

/* Values of a per-source identity, each with its source. */
static int scoped_json(crm_history *h, const crm__field *f, const crm__entry *e, crm__buf *out)
{
    crm__slice item, name;
    crm__item split;
    crm__value v;
    size_t pos = 0;
    int rc, n = 0;

    crm__buf_add_u8(out, '[');
    while ((rc = crm__entry_next(e, &pos, &item)) == CRM_OK) {
        rc = crm__item_split(item, 1, &split);
        if (!rc)
            rc = crm__dict_name(h->walk.txn, CRM__DICT_SOURCE, split.source, &name);
        if (!rc)
            rc = crm__value_decode(e->type, 0, split.value, &v);
        if (rc)
            return rc;
        crm__buf_add_str(out, n++ ? ",{\"source\":" : "{\"source\":");
        crm__json_string(out, name.p, name.n);
        h->work.n = 0;
        rc = crm__value_format(f && f->type == e->type ? f : NULL, &v, &h->work);
        if (rc)
            return rc;
        crm__buf_add_str(out, ",\"value\":");
        crm__json_string(out, h->work.p, h->work.n);
        crm__buf_add_u8(out, '}');
    }
    crm__buf_add_u8(out, ']');
    return rc == CRM_DONE ? CRM_OK : rc;
}

static int values_json(crm_history *h, const crm__field *f, const crm__entry *e, crm__buf *out)
{
    return e->scoped ? scoped_json(h, f, e, out) : crm__values_json(f, e, &h->work, out);
}

/* Text of one side of a field; *out NULL when it has no value there. */
static int side_text(crm_history *h, const crm__model *m, const crm__record *r, uint32_t field,
                     crm__buf *to, const char **out)
{
    const crm__field *f = crm__model_number(m, field);
    const crm__entry *e = crm__record_find(r, field);
    crm__item split;
    crm__value v;
    int rc;

    *out = NULL;
    to->n = 0;
    if (!e)
        return CRM_OK;
    if (e->list) {
        rc = values_json(h, f, e, to);
    } else {
        rc = crm__item_split(e->payload, e->scoped, &split);
        if (!rc)
            rc = crm__value_decode(e->type, 0, split.value, &v);
        if (!rc)
            rc = crm__value_format(f && f->type == e->type ? f : NULL, &v, to);
    }
    crm__buf_add_u8(to, 0);
    if (!rc && to->failed)
        rc = CRM_ENOMEM;
    if (!rc)
        *out = (const char *)to->p;
    return rc;
}

static int has_before(const crm__walk *w)
{
    return w->how == CRM__WALK_CHANGED;
}

int crm_history_field(crm_history *h, uint32_t i, const char **key, const char **before,
                      const char **after, crm_error *err)
{
    const crm__model *m;
    crm__walk *w;
    uint32_t field;
    int rc = enter(h, 1, err);

    if (rc)
        return rc;
    w = &h->walk;
    if (!key || !before || !after)
        return crm__fail_field(err, CRM_EINVAL, "key", "key, before or after is NULL");
    *before = *after = NULL;
    if (i >= w->fields.n / sizeof field)
        return crm__fail(err, CRM_ENOTFOUND, "the change has %zu fields",
                         w->fields.n / sizeof field);
    memcpy(&field, w->fields.p + i * sizeof field, sizeof field);
    rc = crm__txn_model(w->txn, &m, err);
    if (rc)
        return rc;
    rc = crm__field_key(w->txn, field, &h->names, key);
    if (!rc && has_before(w))
        rc = side_text(h, m, crm__walk_before(w), field, &h->text[0], before);
    if (!rc)
        rc = side_text(h, m, crm__walk_after(w), field, &h->text[1], after);
    return rc ? fail_walk(w->txn, w->id, rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc, err) : CRM_OK;
}

/* Kinds before and after the present change; both NULL when it left the kind as it was, or what it
 * replaced was dropped. */
static void kinds_of(crm__walk *w, const char **before, const char **after)
{
    unsigned was = has_before(w) ? crm__walk_before(w)->kind : 0, is = crm__walk_after(w)->kind;

    *before = *after = NULL;
    if (was == is || w->how == CRM__WALK_DROPPED)
        return;
    *before = was ? crm__kind_key(was) : NULL;
    *after = crm__kind_key(is);
}

int crm_history_kind(crm_history *h, const char **before, const char **after, crm_error *err)
{
    int rc = enter(h, 1, err);

    if (rc)
        return rc;
    if (!before || !after)
        return crm__fail_field(err, CRM_EINVAL, "before", "before or after is NULL");
    kinds_of(&h->walk, before, after);
    return CRM_OK;
}

static void write_kind(crm__walk *w, crm__buf *out)
{
    const char *before, *after;

    kinds_of(w, &before, &after);
    if (!after)
        return;
    crm__buf_add_str(out, ",\"kind\":{");
    if (before)
        crm__buf_add_fmt(out, "\"before\":\"%s\",", before);
    crm__buf_add_fmt(out, "\"after\":\"%s\"}", after);
}

static int side_json(crm_history *h, const crm__model *m, const crm__record *r, uint32_t field,
                     const char *name, crm__buf *out)
{
    const crm__entry *e = crm__record_find(r, field);

    crm__buf_add_fmt(out, "\"%s\":", name);
    if (e)
        return values_json(h, crm__model_number(m, field), e, out);
    crm__buf_add_str(out, "null");
    return CRM_OK;
}

static int write_fields(crm_history *h, const crm__model *m, crm__buf *out)
{
    crm__walk *w = &h->walk;
    size_t count = w->fields.n / sizeof(uint32_t);
    int rc = CRM_OK;

    crm__buf_add_str(out, ",\"fields\":{");
    for (size_t i = 0; i < count && !rc; i++) {
        const char *key;
        uint32_t field;
        memcpy(&field, w->fields.p + i * sizeof field, sizeof field);
        rc = crm__field_key(w->txn, field, &h->names, &key);
        if (rc)
            break;
        crm__buf_add_str(out, i ? "," : "");
        crm__json_string(out, key, strlen(key));
        crm__buf_add_str(out, ":{");
        if (has_before(w)) {
            rc = side_json(h, m, crm__walk_before(w), field, "before", out);
            crm__buf_add_u8(out, ',');
        }
        if (!rc)
            rc = side_json(h, m, crm__walk_after(w), field, "after", out);
        crm__buf_add_u8(out, '}');
    }
    crm__buf_add_u8(out, '}');
    return rc;
}

int crm_history_json(crm_history *h, char **json, size_t *n, crm_error *err)
{
    const crm__model *m;
    crm__buf out;
    crm__walk *w;
    int rc = enter(h, 1, err);

    if (rc)
        return rc;
    w = &h->walk;
    if (!json)
        return crm__fail_field(err, CRM_EINVAL, "json", "json is NULL");
    *json = NULL;
    rc = crm__txn_model(w->txn, &m, err);
    if (rc)
        return rc;
    crm__buf_init(&out, &h->mem);
    crm__buf_add_u8(&out, '{');
    crm__change_members(&h->change, "customer", &out);
    if (w->e.action == CRM__ACTION_UNDO)
        crm__buf_add_fmt(&out, ",\"undone\":%llu", (unsigned long long)w->e.target);
    write_kind(w, &out);
    rc = write_fields(h, m, &out);
    if (w->how == CRM__WALK_DROPPED)
        crm__buf_add_str(&out, ",\"dropped\":true");
    crm__buf_add_u8(&out, '}');
    if (!rc && out.failed)
        rc = CRM_ENOMEM;
    if (!rc && !(*json = crm__give(&h->mem, out.p, out.n)))
        rc = CRM_ENOMEM;
    if (n)
        *n = rc ? 0 : out.n;
    crm__buf_clear(&out);
    return rc ? fail_walk(w->txn, w->id, rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc, err) : CRM_OK;
}

/* ---- a customer as it was ---- */

static int walk_to(crm__walk *w, uint64_t revision, crm_error *err)
{
    while (crm__walk_after(w)->seq > revision) {
        int rc = crm__walk_look(w);
        if (rc)
            return fail_walk(w->txn, w->id, rc, err);
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
        return fail_walk(txn, id, rc, err);
    rc = walk_to(&w, revision, err);
    if (!rc)
        rc = crm__customer_load(txn, id, crm__slice_of(w.bytes[w.now].p, w.bytes[w.now].n), c, err);
    crm__walk_close(&w);
    return rc;
}
