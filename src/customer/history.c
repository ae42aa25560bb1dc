/* SPDX-License-Identifier: MIT
 * The history of a customer: its record walked back through the journal (walk.c), and what entries
 * did to its tags, in one order.
 */
#include "customer/history.h"

#include "base/time.h"
#include "db/changes.h"
#include "db/tagged.h"

#include <stdlib.h>
#include <string.h>

/* ---- the iterator ---- */

struct crm_history {
    crm_allocator mem;
    crm_db *db;
    crm__child child;
    uint64_t revision; /* of the transaction when opened */
    int present, done;
    int of_record; /* the present change is that of the walk */
    int dropped;   /* the walk is at a change that was told, whose image was dropped */
    int ready;     /* the walk has looked at a change that was not told yet */
    crm__walk walk;
    crm__buf steps;          /* crm__tag_step, the last entry first */
    size_t step, step_count; /* those of the present change, or the next */
    crm__buf entry;          /* of a change of tags only */
    crm__arena names;
    crm__buf text[2], work;
    crm_change change;
    uint64_t undone; /* by the present change, as its entry says; 0: it is no undo */
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

/* The last entry first, tags of one ascending. */
static int by_seq(const void *a, const void *b)
{
    const crm__tag_step *x = a, *y = b;

    if (x->seq != y->seq)
        return x->seq < y->seq ? 1 : -1;
    return x->tag < y->tag ? -1 : x->tag > y->tag;
}

static int gather_steps(crm_txn *txn, crm_id id, crm__buf *steps)
{
    int rc = crm__tag_steps(txn, id, steps);

    if (!rc && steps->n)
        qsort(steps->p, steps->n / sizeof(crm__tag_step), sizeof(crm__tag_step), by_seq);
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
    crm__buf_init(&h->steps, &h->mem);
    rc = gather_steps(txn, id, &h->steps);
    if (!rc)
        rc = crm__walk_open(txn, &h->mem, id, &h->walk);
    if (rc) {
        crm__buf_clear(&h->steps);
        crm__release(txn->mem, h);
        return crm__walk_fail(txn, id, rc, err);
    }
    h->db = txn->db;
    h->revision = txn->state.seq;
    crm__arena_init(&h->names, &h->mem);
    for (int i = 0; i < 2; i++)
        crm__buf_init(&h->text[i], &h->mem);
    crm__buf_init(&h->work, &h->mem);
    crm__buf_init(&h->entry, &h->mem);
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
    crm__buf_clear(&h->steps);
    crm__buf_clear(&h->entry);
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

/* The walk's next change, until it is told; h->done: there is none. */
static int look(crm_history *h)
{
    int rc;

    if (h->ready || h->done)
        return CRM_OK;
    rc = h->dropped ? crm__walk_lost(&h->walk) : CRM_OK;
    if (rc)
        return rc;
    h->dropped = 0;
    rc = crm__walk_look(&h->walk); /* after an error the next call looks at the same change again */
    h->ready = rc == CRM_OK;
    return rc;
}

/* Behind the change that was told. */
static void leave(crm_history *h)
{
    if (!h->present)
        return;
    h->present = 0;
    h->step += h->step_count;
    h->step_count = 0;
    if (!h->of_record)
        return;
    h->ready = 0;
    if (h->walk.how == CRM__WALK_CHANGED)
        crm__walk_back(&h->walk);
    else if (h->walk.how == CRM__WALK_DROPPED)
        h->dropped = 1;
    else
        h->done = 1;
}

static const crm__tag_step *step_at(const crm_history *h, size_t i)
{
    const crm__tag_step *steps = (const crm__tag_step *)(const void *)h->steps.p;

    return i < h->steps.n / sizeof *steps ? &steps[i] : NULL;
}

/* Of a change of tags only: the entry is not the walk's. */
static int read_entry(crm_history *h, uint64_t seq, crm__journal_entry *e)
{
    crm_txn *txn = h->walk.txn;
    uint8_t key[CRM__KEY_U64];
    crm__slice bytes;
    int rc = crm__txn_read(txn, KV_JOURNAL, crm__key_u64(key, seq), &bytes);

    if (rc)
        return rc;
    h->entry.n = 0;
    crm__buf_add(&h->entry, bytes.p, bytes.n);
    return h->entry.failed ? CRM_ENOMEM
                           : crm__journal_decode(crm__slice_of(h->entry.p, bytes.n), e);
}

/* Fills in the later of the walk's change and the next one of tags. */
static int tell(crm_history *h)
{
    const crm__tag_step *step = step_at(h, h->step), *s;
    crm__walk *w = &h->walk;
    uint64_t seq = h->ready && (!step || w->seq >= step->seq) ? w->seq : step->seq;
    crm__journal_entry own;
    const crm__journal_entry *e = &w->e;
    int rc = CRM_OK;

    h->of_record = h->ready && w->seq == seq;
    if (!h->of_record) {
        rc = read_entry(h, seq, &own);
        e = &own;
    }
    if (!rc)
        rc = crm__change_of(w->txn, seq, e, &h->names, &h->change);
    if (rc)
        return rc;
    while ((s = step_at(h, h->step + h->step_count)) && s->seq == seq)
        h->step_count++;
    if (h->of_record)
        h->change.action = action_of(w);
    else if (h->change.action != CRM_ACTION_UNDO && h->change.action != CRM_ACTION_LIVE)
        h->change.action = CRM_ACTION_TAG;
    h->undone = e->action == CRM__ACTION_UNDO ? e->target : 0;
    h->change.target = w->id;
    h->change.field_count = h->of_record ? (uint32_t)(w->fields.n / sizeof(uint32_t)) : 0;
    h->change.tag_count = (uint32_t)h->step_count;
    h->change.created = h->change.changed = h->change.with_events = 0;
    return CRM_OK;
}

int crm_history_next(crm_history *h, crm_change *out, crm_error *err)
{
    int rc = enter(h, 0, err);

    if (rc)
        return rc;
    if (!out)
        return crm__fail_field(err, CRM_EINVAL, "out", "out is NULL");
    leave(h);
    h->step_count = 0;
    crm__arena_reset(&h->names);
    rc = look(h);
    if (!rc && h->done && !step_at(h, h->step))
        return CRM_DONE;
    if (!rc)
        rc = tell(h);
    if (rc)
        return crm__walk_fail(h->walk.txn, h->walk.id, rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc, err);
    rc = crm__struct_give(out, &h->change, sizeof h->change, "out", err);
    if (!rc)
        h->present = 1;
    return rc;
}

/* ---- tags ---- */

static int read_step(crm_history *h, uint32_t i, crm_tag_step *out)
{
    const crm__tag_step *s = step_at(h, h->step + i);
    crm__tag_how how = {0};
    char *reason;
    int rc = crm__tag_key(h->walk.txn, s->tag, &h->names, &out->tag);

    out->way = crm__tagged_way(s->part);
    if (!rc && out->way != CRM_TAG_TAKEN)
        rc = crm__tag_how_read(h->walk.txn, s->seq, CRM__TAGGED_GROUP(s->part), &how);
    if (rc)
        return rc;
    out->origin = how.origin;
    out->until_us = how.until;
    if (!how.reason.n)
        return CRM_OK;
    reason = crm__arena_alloc(&h->names, how.reason.n + 1);
    if (!reason)
        return CRM_ENOMEM;
    memcpy(reason, how.reason.p, how.reason.n);
    reason[how.reason.n] = 0;
    out->reason = reason;
    return CRM_OK;
}

int crm_history_tag(crm_history *h, uint32_t i, crm_tag_step *out, crm_error *err)
{
    crm_tag_step step = CRM_TAG_STEP_INIT;
    int rc = enter(h, 1, err);

    if (rc)
        return rc;
    if (i >= h->step_count)
        return crm__fail(err, CRM_ENOTFOUND, "the change has %zu tags", h->step_count);
    rc = read_step(h, i, &step);
    if (rc)
        return crm__walk_fail(h->walk.txn, h->walk.id, rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc, err);
    return crm__struct_give(out, &step, sizeof step, "out", err);
}

static int write_tags(crm_history *h, crm__buf *out)
{
    static const char *const WAY[] = {"", "given", "taken", "renewed"};
    static const char *const ORIGIN[CRM__TAG_ORIGINS] = {"manual", "rule", "import"};
    char text[40];

    for (uint32_t i = 0; i < h->step_count; i++) {
        crm_tag_step s = CRM_TAG_STEP_INIT;
        int rc = read_step(h, i, &s);
        if (rc)
            return rc;
        crm__buf_add_str(out, i ? ",{\"tag\":" : ",\"tags\":[{\"tag\":");
        crm__json_string(out, s.tag, strlen(s.tag));
        crm__buf_add_fmt(out, ",\"change\":\"%s\"", WAY[s.way]);
        if (s.way != CRM_TAG_TAKEN)
            crm__buf_add_fmt(out, ",\"origin\":\"%s\"", ORIGIN[s.origin]);
        if (s.until_us) {
            size_t n = crm__datetime_format(s.until_us, text);
            crm__buf_add_str(out, ",\"until\":");
            crm__json_string(out, text, n);
        }
        if (s.reason) {
            crm__buf_add_str(out, ",\"reason\":");
            crm__json_string(out, s.reason, strlen(s.reason));
        }
        crm__buf_add_u8(out, '}');
    }
    crm__buf_add_str(out, h->step_count ? "]" : "");
    return CRM_OK;
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
    if (i >= h->change.field_count)
        return crm__fail(err, CRM_ENOTFOUND, "the change has %lu fields",
                         (unsigned long)h->change.field_count);
    memcpy(&field, w->fields.p + i * sizeof field, sizeof field);
    rc = crm__txn_model(w->txn, &m, err);
    if (rc)
        return rc;
    rc = crm__field_key(w->txn, field, &h->names, key);
    if (!rc && has_before(w))
        rc = side_text(h, m, crm__walk_before(w), field, &h->text[0], before);
    if (!rc && !w->lost)
        rc = side_text(h, m, crm__walk_after(w), field, &h->text[1], after);
    return rc ? crm__walk_fail(w->txn, w->id, rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc, err) : CRM_OK;
}

/* Kinds before and after the present change; both NULL when it left the kind as it was, or what it
 * replaced was dropped. */
static void kinds_of(crm_history *h, const char **before, const char **after)
{
    crm__walk *w = &h->walk;
    unsigned was = has_before(w) ? crm__walk_before(w)->kind : 0, is = crm__walk_after(w)->kind;

    *before = *after = NULL;
    if (!h->of_record || w->lost || was == is || w->how == CRM__WALK_DROPPED)
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
    kinds_of(h, before, after);
    return CRM_OK;
}

static void write_kind(crm_history *h, crm__buf *out)
{
    const char *before, *after;

    kinds_of(h, &before, &after);
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
    size_t count = h->change.field_count;
    int rc = CRM_OK;

    if (!h->of_record)
        return CRM_OK;
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
        if (!rc && !w->lost)
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
    if (h->undone)
        crm__buf_add_fmt(&out, ",\"undone\":%llu", (unsigned long long)h->undone);
    write_kind(h, &out);
    rc = write_fields(h, m, &out);
    if (!rc)
        rc = write_tags(h, &out);
    if (h->of_record && (w->lost || w->how == CRM__WALK_DROPPED))
        crm__buf_add_str(&out, ",\"dropped\":true");
    crm__buf_add_u8(&out, '}');
    if (!rc && out.failed)
        rc = CRM_ENOMEM;
    if (!rc && !(*json = crm__give(&h->mem, out.p, out.n)))
        rc = CRM_ENOMEM;
    if (n)
        *n = rc ? 0 : out.n;
    crm__buf_clear(&out);
    return rc ? crm__walk_fail(w->txn, w->id, rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc, err) : CRM_OK;
}
