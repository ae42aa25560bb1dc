/* SPDX-License-Identifier: MIT
 * Reading timelines: one event, a walk in either direction, a page as JSON.
 */
#include "base/time.h"
#include "event/event.h"

#include <string.h>

struct crm_event_iter {
    crm__child child; /* first: the transaction knows the iterator by it */
    crm_allocator mem;
    crm_db *db;
    crm_event *c;
    crm_id id;
    uint32_t flags;
    uint32_t *kinds; /* NULL: all */
    uint32_t kind_count;
    int done;
    int64_t from, until; /* the first time, and the first one behind */
    int64_t time;        /* the event given last: the next one is behind it */
    uint32_t number;
    uint64_t left;
    crm__arena a, look; /* of the block; of an event that is looked up */
    crm__event_block b;
    uint32_t at;
    int loaded;
    uint64_t changes; /* of the transaction's edits when the block was read */
};

enum { LIST_FLAGS = CRM_EVENTS_OLDEST | CRM_EVENTS_ALL | CRM_EVENTS_DELETED, LIST_KINDS = 1000 };

void crm_event_list_options_init(crm_event_list_options *opts)
{
    if (!opts)
        return;
    memset(opts, 0, sizeof *opts);
    opts->size = sizeof *opts;
}

static int fail(crm_txn *txn, int rc, crm_error *err)
{
    return crm__txn_fail(txn, rc, "can't read the customer's events", err);
}

/* ---- one event ---- */

/* Makes a shown event the object's own: it outlives the row. */
static int keep(crm_txn *txn, crm_event *c, crm_error *err)
{
    crm__slice name = {NULL, 0};
    uint32_t n = 0;
    int rc = c->e.source ? crm__dict_name(txn, CRM__DICT_SOURCE, c->e.source, &name) : CRM_OK;

    if (rc)
        return crm__txn_fail(txn, rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc, "can't read a source",
                             err);
    if (c->e.value_count > c->value_cap) {
        crm__event_value *p =
            crm__realloc(&c->mem, c->values, c->e.value_count * sizeof *c->values);
        if (!p)
            return crm__fail_nomem(err);
        c->values = p;
        c->value_cap = c->e.value_count;
    }
    for (uint32_t i = 0; i < c->e.value_count; i++) {
        const crm__event_value *x = &c->e.values[i];
        const crm__field *f = crm__event_attribute_number(c->kind, x->attribute);
        if (!f || f->type != x->v.type)
            continue; /* out of view */
        c->values[n] = *x;
        c->values[n].v.text.p =
            x->v.text.n ? crm__arena_copy(&c->arena, x->v.text.p, x->v.text.n) : NULL;
        if (x->v.text.n && !c->values[n].v.text.p)
            return crm__fail_nomem(err);
        n++;
    }
    c->e.values = c->values;
    c->e.value_count = (uint16_t)n;
    c->source.p = crm__arena_copy(&c->arena, name.p, name.n);
    c->source.n = name.n;
    c->e.reference.p = crm__arena_copy(&c->arena, c->e.reference.p, c->e.reference.n);
    return c->source.p && c->e.reference.p ? CRM_OK : crm__fail_nomem(err);
}

int crm_event_get(crm_txn *txn, crm_id id, uint32_t number, crm_event *c, crm_error *err)
{
    const crm__model *m;
    crm__timeline t;
    crm__event e;
    crm__arena a;
    int rc;

    crm_event_clear(c);
    rc = crm__txn_enter(txn, 0, err);
    if (!rc && !c)
        rc = crm__fail_field(err, CRM_EINVAL, "e", "e is NULL");
    if (!rc)
        rc = crm__txn_model(txn, &m, err);
    if (!rc)
        rc = crm__event_customer(txn, id, 1, err);
    if (rc)
        return rc;
    crm__arena_init(&a, txn->mem);
    rc = crm__timeline_open(txn, id, &a, &t);
    if (!rc)
        rc = crm__timeline_get(&t, number, &e);
    if (c->model != m) {
        crm__model_ref((crm__model *)(uintptr_t)m);
        crm__model_unref(c->model);
        c->model = (crm__model *)(uintptr_t)m;
    }
    if (!rc && !crm__event_show(c, id, &e))
        rc = CRM_ENOTFOUND;
    if (rc == CRM_ENOTFOUND)
        rc = crm__fail(err, rc, "customer %llu has no event %lu", (unsigned long long)id,
                       (unsigned long)number);
    else
        rc = rc ? fail(txn, rc, err) : keep(txn, c, err);
    crm__arena_clear(&a);
    if (rc)
        crm_event_clear(c);
    return rc;
}

/* ---- walk ---- */

static int copy_kinds(crm_txn *txn, const crm__model *m, const crm_event_list_options *o,
                      crm_event_iter *it, crm_error *err)
{
    if (!o->kind_count)
        return CRM_OK;
    if (!o->kinds || o->kind_count > LIST_KINDS)
        return crm__fail_field(err, CRM_EINVAL, "kinds",
                               o->kinds ? "kinds: there are more than %d" : "kinds is NULL",
                               (int)LIST_KINDS);
    it->kinds = crm__alloc(txn->mem, o->kind_count * sizeof *it->kinds);
    if (!it->kinds)
        return crm__fail_nomem(err);
    for (uint32_t i = 0; i < o->kind_count; i++) {
        const crm__event_kind *k = crm__model_event_number(m, o->kinds[i].number);
        if (!k || strcmp(k->key, o->kinds[i].key) != 0)
            return crm__fail_field(err, CRM_EFIELD, o->kinds[i].key,
                                   "the model has no such event kind");
        it->kinds[i] = k->number;
    }
    it->kind_count = o->kind_count;
    return CRM_OK;
}

/* Where the walk begins: behind `after`, or at the bound of the range. */
static void start(crm_event_iter *it, const crm_event_position *after)
{
    int oldest = (it->flags & CRM_EVENTS_OLDEST) != 0;

    it->time = oldest ? it->from : it->until;
    it->number = 0;
    if (!after->number || after->number == UINT32_MAX)
        return;
    if (oldest ? after->time_us >= it->from : after->time_us < it->until) {
        it->time = after->time_us;
        it->number = after->number;
    }
}

static int check_options(const crm_event_list_options *opts, crm_event_list_options *o,
                         crm_error *err)
{
    int rc = crm__options_read(o, sizeof *o, opts, "options", err);

    if (rc)
        return rc;
    if (o->flags & ~(uint32_t)LIST_FLAGS || o->after.reserved)
        return crm__fail_field(err, CRM_EINVAL, "flags",
                               "a flag this library does not know is set");
    return CRM_OK;
}

int crm_event_list(crm_txn *txn, crm_id id, const crm_event_list_options *opts,
                   crm_event_iter **out, crm_error *err)
{
    crm_event_list_options o;
    const crm__model *m;
    crm_event_iter *it;
    int rc;

    if (!out)
        return crm__fail_field(err, CRM_EINVAL, "out", "out is NULL");
    *out = NULL;
    rc = crm__txn_enter(txn, 0, err);
    if (!rc)
        rc = check_options(opts, &o, err);
    if (!rc)
        rc = crm__txn_model(txn, &m, err);
    if (!rc)
        rc = crm__event_customer(txn, id, (o.flags & CRM_EVENTS_DELETED) != 0, err);
    if (rc)
        return rc;
    it = crm__calloc(txn->mem, 1, sizeof *it);
    if (!it || crm__event_make(txn->mem, (crm__model *)(uintptr_t)m, &it->c)) {
        crm__release(txn->mem, it);
        return crm__fail_nomem(err);
    }
    it->mem = *txn->mem;
    it->db = txn->db;
    it->id = id;
    it->flags = o.flags;
    it->from = o.from_us && o.from_us > CRM__TIME_MIN ? o.from_us : CRM__TIME_MIN;
    it->until = o.until_us && o.until_us <= CRM__TIME_MAX ? o.until_us : CRM__TIME_MAX + 1;
    it->left = o.limit ? o.limit : UINT64_MAX;
    it->done = it->from >= it->until;
    start(it, &o.after);
    crm__arena_init(&it->a, &it->mem);
    crm__arena_init(&it->look, &it->mem);
    crm__db_hold(txn->db);
    rc = copy_kinds(txn, m, &o, it, err);
    if (rc) {
        crm_event_list_close(it);
        return rc;
    }
    crm__child_add(txn, &it->child);
    *out = it;
    return CRM_OK;
}

/* Reads the block with the next event; `on`: behind the one that was read. */
static int load(crm_event_iter *it, crm_txn *txn, int on)
{
    int oldest = (it->flags & CRM_EVENTS_OLDEST) != 0, rc;
    crm__event last = on ? it->b.events[it->b.count - 1] : (crm__event){0};
    crm__timeline t;

    crm__arena_reset(&it->a);
    it->changes = txn->edits.changes;
    crm__timeline_walk(txn, it->id, &it->a, &t);
    if (on && oldest) {
        it->b.events = &last;
        it->b.count = 1;
        rc = crm__timeline_after(&t, &it->b, &it->at);
    } else {
        rc = crm__timeline_near(&t, it->time, it->number, !oldest, &it->b, &it->at);
    }
    it->loaded = !rc;
    return rc;
}

/* The next event of the range, whatever it is; NULL at the end of the range. */
static int next_event(crm_event_iter *it, crm_txn *txn, const crm__event **out)
{
    int oldest = (it->flags & CRM_EVENTS_OLDEST) != 0, rc;
    const crm__event *e;

    *out = NULL;
    if (!it->loaded || (txn->write && it->changes != txn->edits.changes)) {
        rc = load(it, txn, 0);
        if (rc)
            return rc == CRM_ENOTFOUND ? CRM_OK : rc;
    } else if (oldest ? it->at + 1 == it->b.count : it->at == 0) {
        rc = load(it, txn, 1);
        if (rc)
            return rc == CRM_ENOTFOUND ? CRM_OK : rc;
    } else {
        it->at = oldest ? it->at + 1 : it->at - 1;
    }
    e = &it->b.events[it->at];
    it->time = e->time;
    it->number = e->number;
    if (oldest ? e->time < it->until : e->time >= it->from)
        *out = e;
    return CRM_OK;
}

/* The kind by which an event is looked for: of a void, that of what it voids. */
static int kind_of(crm_event_iter *it, crm_txn *txn, const crm__event *e, uint32_t *kind)
{
    crm__timeline t;
    crm__event voided;
    int rc;

    *kind = e->kind;
    if (e->kind != CRM__EVENT_VOID || !it->kind_count)
        return CRM_OK;
    crm__arena_reset(&it->look);
    rc = crm__timeline_open(txn, it->id, &it->look, &t);
    if (!rc)
        rc = crm__timeline_get(&t, e->voids, &voided);
    if (!rc)
        *kind = voided.kind;
    return rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc;
}

static int wanted(crm_event_iter *it, crm_txn *txn, const crm__event *e, int *yes)
{
    uint32_t kind;
    int rc;

    *yes = 0;
    if (!(it->flags & CRM_EVENTS_ALL) && !crm__event_counts(e))
        return CRM_OK;
    rc = kind_of(it, txn, e, &kind);
    for (uint32_t i = 0; i < it->kind_count && !*yes; i++)
        *yes = it->kinds[i] == kind;
    *yes |= !it->kind_count;
    return rc;
}

static int step(crm_event_iter *it, crm_txn *txn, crm_error *err)
{
    const crm__event *e;

    while (!it->done && it->left) {
        int yes = 0, rc = next_event(it, txn, &e);
        if (!rc && e)
            rc = wanted(it, txn, e, &yes);
        if (rc)
            return fail(txn, rc, err);
        it->done = !e;
        if (yes && crm__event_show(it->c, it->id, e)) {
            it->left--;
            return CRM_OK;
        }
    }
    it->done = 1;
    return CRM_DONE;
}

int crm_event_next(crm_event_iter *it, crm_event **e, crm_error *err)
{
    crm_txn *txn;
    int rc;

    if (e)
        *e = NULL;
    if (!it || !e)
        return crm__fail_field(err, CRM_EINVAL, it ? "e" : "it", "%s is NULL", it ? "e" : "it");
    if (crm__store_forked(it->db->store))
        return crm__fail(err, CRM_EFORKED, "the handle was opened by a parent process");
    txn = it->child.txn;
    if (!txn)
        return crm__fail(err, CRM_ESTATE, "the iterator's transaction has ended");
    rc = crm__txn_enter(txn, 0, err);
    if (!rc)
        rc = step(it, txn, err);
    if (!rc)
        *e = it->c;
    return rc;
}

void crm_event_position_of(const crm_event *e, crm_event_position *out)
{
    if (!out)
        return;
    memset(out, 0, sizeof *out);
    out->time_us = crm_event_time_us(e);
    out->number = crm_event_number(e);
}

void crm_event_list_close(crm_event_iter *it)
{
    crm_allocator mem;
    crm_db *db;

    if (!it)
        return;
    mem = it->mem;
    db = it->db;
    crm__child_remove(&it->child);
    crm_event_free(it->c);
    crm__release(&mem, it->kinds);
    crm__arena_clear(&it->a);
    crm__arena_clear(&it->look);
    crm__release(&mem, it);
    crm__db_drop(db);
}

/* ---- page ---- */

static int write_page(crm_event_iter *it, crm_txn *txn, uint64_t limit, crm__buf *out,
                      crm_error *err)
{
    crm_event_position last = {0, 0, 0};
    uint64_t n = 0;
    int rc = CRM_OK;

    crm__buf_add_str(out, "{\"events\":[");
    while (n < limit && (rc = step(it, txn, err)) == CRM_OK) {
        if (n++)
            crm__buf_add_u8(out, ',');
        rc = crm__event_write_json(txn, it->c, out, err);
        if (rc)
            return rc;
        crm_event_position_of(it->c, &last);
    }
    if (!rc)
        rc = step(it, txn, err); /* whether there is more */
    if (rc < 0)
        return rc;
    if (rc == CRM_OK)
        crm__buf_add_fmt(out, "],\"next\":{\"time_us\":%lld,\"number\":%lu}}",
                         (long long)last.time_us, (unsigned long)last.number);
    else
        crm__buf_add_str(out, "],\"next\":null}");
    return out->failed ? crm__fail_nomem(err) : CRM_OK;
}

int crm_event_list_json(crm_txn *txn, crm_id id, const crm_event_list_options *opts, char **json,
                        size_t *n, crm_error *err)
{
    crm_event_list_options o;
    crm_event_iter *it;
    crm__buf out;
    uint64_t limit;
    int rc;

    if (!json)
        return crm__fail_field(err, CRM_EINVAL, "json", "json is NULL");
    *json = NULL;
    rc = crm__txn_enter(txn, 0, err);
    if (!rc)
        rc = check_options(opts, &o, err);
    if (rc)
        return rc;
    limit = o.limit ? o.limit : UINT64_MAX;
    o.limit = 0;
    o.size = sizeof o;
    rc = crm_event_list(txn, id, &o, &it, err);
    if (rc)
        return rc;
    crm__buf_init(&out, txn->mem);
    rc = write_page(it, txn, limit, &out, err);
    if (!rc) {
        *json = crm__give(txn->mem, out.p, out.n);
        if (!*json)
            rc = crm__fail_nomem(err);
        else if (n)
            *n = out.n;
    }
    crm__buf_clear(&out);
    crm_event_list_close(it);
    return rc;
}
