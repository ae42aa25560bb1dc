/* SPDX-License-Identifier: MIT
 * The verbs that change timelines: add and void, both doors.  Nothing stored is ever changed but
 * the mark that an event was voided: a correction is a new event.
 */
#include "db/derive_event.h"
#include "db/journal.h"
#include "event/event.h"
#include "event/tail.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_EVENTS = UINT32_MAX - 2 };

int crm__event_customer(crm_txn *txn, crm_id id, int deleted, crm_error *err)
{
    uint8_t key[CRM__KEY_U64], flags = 0;
    crm__slice bytes;
    uint64_t seq;
    int rc = crm__txn_read(txn, KV_CUSTOMER, crm__key_u64(key, id), &bytes);

    if (!rc)
        rc = crm__record_head(bytes, &flags, &seq);
    if (rc == CRM_ENOTFOUND)
        return crm__fail(err, rc, "there is no customer %llu", (unsigned long long)id);
    if (rc)
        return crm__txn_fail(txn, rc, "can't read the customer", err);
    if (flags & CRM__RECORD_DELETED && !deleted)
        return crm__fail(err, CRM_ENOTFOUND, "customer %llu is deleted", (unsigned long long)id);
    return CRM_OK;
}

static int fail(crm_txn *txn, int rc, crm_error *err)
{
    return crm__txn_fail(txn, rc, "can't read the customer's events", err);
}

static int fail_most(crm_error *err)
{
    return crm__fail(err, CRM_EFULL, "the customer has had 4,294,967,293 events");
}

/* ---- one event against the model ---- */

/* A value that was set under another model, perhaps of another database: its attribute is found by
 * key, and the value read again. */
static int take_value(crm_txn *txn, const crm__event_kind *kind, const crm_event *c, crm__arena *a,
                      crm__event_value *x, crm_error *err)
{
    const crm__field *was = crm__event_attribute_number(c->kind, x->attribute), *f = NULL;
    crm__buf *text = &txn->scratch[0], *out = &txn->scratch[1];
    const uint8_t *copy;
    int rc;

    if (was)
        f = crm__event_attribute_find(kind, was->key, strlen(was->key));
    if (!f || strcmp(f->key, was->key) != 0 || f->type != x->v.type)
        return crm__fail_field(err, CRM_EFIELD, was ? was->key : kind->key,
                               "the model has no such attribute of %s", kind->key);
    text->n = out->n = 0;
    rc = crm__value_format(was, &x->v, text);
    if (rc || text->failed)
        return crm__fail_nomem(err);
    rc = crm__value_parse(f, NULL, (const char *)text->p, text->n, 0, out, err);
    if (rc)
        return rc;
    copy = crm__arena_copy(a, out->p, out->n);
    if (!copy || out->failed)
        return crm__fail_nomem(err);
    x->attribute = f->number;
    rc = crm__value_decode(f->type, 0, crm__slice_of(copy, out->n), &x->v);
    return rc ? crm__fail_field(err, rc, f->key, "%s: can't be stored", f->key) : CRM_OK;
}

static int by_attribute(const void *a, const void *b)
{
    const crm__event_value *x = a, *y = b;

    return x->attribute < y->attribute ? -1 : x->attribute > y->attribute;
}

/* An attribute that has no value: its default, or a fault when it must have one. */
static int fill(const crm__field *f, crm__event_value *values, uint32_t *n, crm_error *err)
{
    crm__value v;
    uint32_t at = 0;

    if (!f->default_value.n) {
        if (!(f->flags & CRM_FIELD_REQUIRED))
            return CRM_OK;
        return crm__fail_field(err, CRM_EVALUE, f->key, "%s: is required", f->key);
    }
    if (crm__value_decode(f->type, 0, f->default_value, &v))
        return crm__fail_field(err, CRM_EVALUE, f->key, "%s: has no usable default", f->key);
    while (at < *n && values[at].attribute < f->number)
        at++;
    memmove(values + at + 1, values + at, (*n - at) * sizeof *values);
    values[at].attribute = f->number;
    values[at].v = v;
    ++*n;
    return CRM_OK;
}

/* Values as they will be stored: those set, checked, and defaults. */
static int make_values(crm_txn *txn, const crm__event_kind *kind, const crm_event *c, int anew,
                       crm__arena *a, crm__event *e, crm_error *err)
{
    uint32_t n = e->value_count;
    crm__event_value *values = crm__arena_alloc(a, (n + kind->attribute_count) * sizeof *values);
    int rc = CRM_OK;

    if (!values)
        return crm__fail_nomem(err);
    if (n)
        memcpy(values, e->values, n * sizeof *values);
    for (uint32_t i = 0; anew && i < n && !rc; i++)
        rc = take_value(txn, kind, c, a, &values[i], err);
    if (anew && n > 1)
        qsort(values, n, sizeof *values, by_attribute);
    e->values = values;
    for (uint32_t i = 0; i < kind->attribute_count && !rc; i++) {
        const crm__field *f = &kind->attributes[i];
        if ((f->default_value.n || f->flags & CRM_FIELD_REQUIRED) &&
            !crm__event_value_find(e, f->number))
            rc = fill(f, values, &n, err);
        e->value_count = (uint16_t)n;
    }
    if (!rc && n > CRM__EVENT_VALUES)
        rc = crm__fail_field(err, CRM_EVALUE, kind->key, "%s: has more than %d attributes",
                             kind->key, CRM__EVENT_VALUES);
    return rc;
}

/* Number of the event's source.  With `give` a new name gets one; else it is 0 and *unknown is set.
 */
static int source_of(crm_txn *txn, const crm_event *c, int give, uint32_t *source, int *unknown,
                     crm_error *err)
{
    const char *name = (const char *)c->source.p;
    size_t n = c->source.n;
    int rc;

    *unknown = 0;
    *source = c->e.source;
    if (!n && *source)
        return CRM_OK;
    if (!n) {
        *source = txn->state.by[CRM__BY_SOURCE];
        name = txn->name[CRM__BY_SOURCE];
        if (*source || !name)
            return CRM_OK;
        n = strlen(name);
    }
    if (give)
        return crm__dict_give(txn, CRM__DICT_SOURCE, name, n, source, err);
    rc = crm__dict_find(txn, CRM__DICT_SOURCE, name, n, source);
    *unknown = !*source;
    return rc ? crm__txn_fail(txn, rc, "can't read the dictionary", err) : CRM_OK;
}

/* ---- writing ---- */

/* The event that another one shall void. */
static int find_target(const crm__timeline *t, uint32_t number, crm__event *e, crm_error *err)
{
    int rc = crm__timeline_get(t, number, e);

    if (rc == CRM_ENOTFOUND)
        return crm__fail_field(err, rc, "voids", "customer %llu has no event %lu",
                               (unsigned long long)t->id, (unsigned long)number);
    if (rc)
        return fail(t->txn, rc, err);
    if (e->kind == CRM__EVENT_VOID)
        return crm__fail_field(err, CRM_EVALUE, "voids", "event %lu is itself a void",
                               (unsigned long)number);
    if (e->state != CRM__EVENT_IN_FORCE)
        return crm__fail_field(err, CRM_EEXISTS, "voids", "event %lu is voided already",
                               (unsigned long)number);
    return CRM_OK;
}

/* Whether e is there already under its source and reference.  The last event of them decides: one
 * in force is it, and one that was corrected still stands for it; after a plain void e is stored
 * anew. But a correction of an event in force was never stored: only one in force keeps it away,
 * and the one that it corrects does not.  rc and same are what is stored of them; t is needed of a
 * correction only. */
static int is_there(const crm__timeline *t, const crm__event *e, uint32_t beyond, int rc,
                    const crm__event *same, int *there)
{
    crm__event target;

    *there = 0;
    if (rc || same->state == CRM__EVENT_VOIDED || (e->voids && same->number == e->voids))
        return rc == CRM_ENOTFOUND ? CRM_OK : rc;
    *there = same->state == CRM__EVENT_IN_FORCE || !beyond || same->number < beyond;
    if (!e->voids || same->state == CRM__EVENT_IN_FORCE)
        return CRM_OK;
    rc = crm__timeline_get(t, e->voids, &target);
    *there = rc || target.kind == CRM__EVENT_VOID || target.state != CRM__EVENT_IN_FORCE;
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

/* Journals, stores the new event, marks the one that is voided (NULL: none). */
int crm__event_store(const crm__model *m, crm__timeline *t, const crm__event *target, crm__event *e,
                     crm_error *err)
{
    const crm__event_kind *kind = e->kind ? crm__model_event_number(m, e->kind) : NULL;
    crm_txn *txn = t->txn;
    uint32_t last;
    int rc = crm__timeline_last(t, &last);

    if (rc)
        return fail(txn, rc, err);
    if (last >= MOST_EVENTS)
        return fail_most(err);
    e->number = last + 1;
    e->seq = crm__journal_seq(txn);
    rc = crm__journal_add(txn, kind ? CRM__ACTION_EVENT : CRM__ACTION_VOID, t->id, 0, err);
    if (rc)
        return rc;
    /* Added first: a correction of the last event of its kind is itself the last one then, and no
     * other has to be looked for. */
    rc = crm__timeline_add(t, e, 1);
    if (!rc && target)
        rc = crm__timeline_mark(t, target, kind ? CRM__EVENT_CORRECTED : CRM__EVENT_VOIDED, e->seq);
    if (rc)
        return crm__txn_fail(txn, rc, "can't write the event", err);
    if (target) {
        const crm__event_kind *of = crm__model_event_number(m, target->kind);
        rc = of ? crm__event_derive(txn, of, t->id, target, 0, err) : CRM_OK;
        if (rc)
            return rc;
    }
    return kind ? crm__event_derive(txn, kind, t->id, e, 1, err) : CRM_OK;
}

static int write_void(crm_txn *txn, const crm__model *m, crm_id id, const crm_event *c,
                      crm__arena *a, uint32_t *number, crm_error *err)
{
    crm__event target, e;
    crm__timeline t;
    int unknown, rc;

    memset(&e, 0, sizeof e);
    e.voids = c->e.voids;
    e.kind = CRM__EVENT_VOID;
    rc = crm__timeline_open(txn, id, a, &t);
    rc = rc ? fail(txn, rc, err) : find_target(&t, e.voids, &target, err);
    if (!rc)
        rc = source_of(txn, c, 1, &e.source, &unknown, err);
    if (rc)
        return rc;
    e.time = target.time;
    rc = crm__event_store(m, &t, &target, &e, err);
    if (!rc && number)
        *number = e.number;
    return rc;
}

int crm__event_check(crm_txn *txn, const crm__model *m, const crm_event *c, crm__arena *a,
                     crm_error *err)
{
    crm__event e = c->e;

    return c->kind ? make_values(txn, c->kind, c, c->model != m, a, &e, err) : CRM_OK;
}

static int fail_kind(crm_error *err)
{
    return crm__fail_field(err, CRM_EVALUE, "kind", "kind: an event has one");
}

/* The event as it would be stored, but for number and seq.  *unknown: its source has no number yet.
 */
static int prepare(crm_txn *txn, const crm__model *m, const crm_event *c, crm__arena *a,
                   crm__event *e, const crm__event_kind **of, int *unknown, crm_error *err)
{
    const crm__event_kind *kind = c->kind;
    int rc, anew = c->model != m;

    if (!kind)
        return fail_kind(err);
    if (anew)
        kind = crm__model_event_find(m, kind->key, strlen(kind->key));
    if (!kind || strcmp(kind->key, c->kind->key) != 0)
        return crm__fail_field(err, CRM_EFIELD, c->kind->key, "the model has no such event kind");
    *e = c->e;
    if (!c->time_set)
        e->time = txn->now;
    e->kind = kind->number;
    e->like = 0;
    e->state = CRM__EVENT_IN_FORCE;
    e->voided = 0;
    *of = kind;
    rc = make_values(txn, kind, c, anew, a, e, err);
    return rc ? rc : source_of(txn, c, 0, &e->source, unknown, err);
}

/* An event that corrects none: it is kept back with others of its customer. */
static int write_plain(crm_txn *txn, crm_id id, const crm_event *c, const crm__event_kind *kind,
                       crm__event *e, int unknown, uint32_t *number, crm_error *err)
{
    uint8_t list[CRM__KEY_DAY_LIST];
    crm__buf *item = &txn->scratch[1];
    crm__event same;
    int there = 0, rc = crm__tail_open(txn, id);

    if (!rc && e->reference.n && !unknown) {
        int stored = crm__tail_same(txn, e->source, e->reference, &same);
        rc = is_there(NULL, e, c->beyond, stored, &same, &there);
    }
    if (rc)
        return fail(txn, rc, err);
    if (there) {
        if (number)
            *number = same.number;
        return CRM_DONE;
    }
    if (unknown)
        rc = source_of(txn, c, 1, &e->source, &unknown, err);
    if (rc)
        return rc;
    if (crm__tail_last(txn) >= MOST_EVENTS)
        return fail_most(err);
    e->number = crm__tail_last(txn) + 1;
    e->seq = crm__journal_seq(txn);
    rc = crm__journal_add(txn, CRM__ACTION_EVENT, id, 0, err);
    if (rc)
        return rc;
    rc = crm__event_item(txn, kind, id, e, 1, list, item, err);
    if (rc)
        return crm__txn_fail(txn, rc, "can't index the event", err);
    if (crm__tail_add(txn, e, list, crm__slice_of(item->p, item->n)))
        rc = crm__fail_nomem(err);
    if (!rc && number)
        *number = e->number;
    return rc;
}

static int write_correction(crm_txn *txn, const crm__model *m, crm_id id, const crm_event *c,
                            crm__arena *a, crm__event *e, int unknown, uint32_t *number,
                            crm_error *err)
{
    crm__event target, same;
    crm__timeline t;
    int there = 0, rc = crm__timeline_open(txn, id, a, &t);

    if (!rc && e->reference.n && !unknown) {
        int stored = crm__timeline_same(&t, e->source, e->reference, &same);
        rc = is_there(&t, e, c->beyond, stored, &same, &there);
    }
    if (rc)
        return fail(txn, rc, err);
    if (there) {
        if (number)
            *number = same.number;
        return CRM_DONE;
    }
    rc = find_target(&t, e->voids, &target, err);
    if (!rc && unknown)
        rc = source_of(txn, c, 1, &e->source, &unknown, err);
    if (!rc)
        rc = crm__event_store(m, &t, &target, e, err);
    if (!rc && number)
        *number = e->number;
    return rc;
}

/* Whether an event can be kept back. */
static int is_plain(const crm_event *c)
{
    return !c->void_set && !c->e.voids;
}

int crm__event_write(crm_txn *txn, const crm__model *m, crm_id id, const crm_event *c,
                     crm__arena *a, uint32_t *number, crm_error *err)
{
    const crm__event_kind *kind = NULL;
    crm__event e;
    int unknown, rc;

    if (c->void_set)
        return write_void(txn, m, id, c, a, number, err);
    rc = prepare(txn, m, c, a, &e, &kind, &unknown, err);
    if (rc)
        return rc;
    return is_plain(c) ? write_plain(txn, id, c, kind, &e, unknown, number, err)
                       : write_correction(txn, m, id, c, a, &e, unknown, number, err);
}

int crm__event_last(crm_txn *txn, crm_id id, const crm_event *c, crm__arena *a, uint32_t *number,
                    crm_error *err)
{
    uint32_t source;
    crm__timeline t;
    crm__event e;
    int unknown, rc = source_of(txn, c, 0, &source, &unknown, err);

    *number = 0;
    if (rc || unknown || !c->e.reference.n)
        return rc;
    rc = crm__timeline_open(txn, id, a, &t);
    if (!rc)
        rc = crm__timeline_same(&t, source, c->e.reference, &e);
    if (!rc)
        *number = e.number;
    return rc && rc != CRM_ENOTFOUND ? fail(txn, rc, err) : CRM_OK;
}

/* ---- public ---- */

static int begin(crm_txn *txn, crm__op *op, const crm__model **m, crm_id id, crm_error *err)
{
    int rc = crm__op_begin(txn, op, err);

    if (rc)
        return rc;
    rc = crm__txn_model(txn, m, op->err);
    if (!rc)
        rc = crm__event_customer(txn, id, 0, op->err);
    return rc ? crm__op_end(txn, op, rc) : CRM_OK;
}

/* Begins an addition to the events that are kept back of the customer, who is there then; if there
 * are none, or too many, as any write. */
static int begin_beside(crm_txn *txn, crm__op *op, const crm__model **m, crm_id id, crm_error *err)
{
    int rc;

    if (!txn || !id || crm__tail_id(txn) != id || !crm__tail_has_room(txn))
        return begin(txn, op, m, id, err);
    rc = crm__op_begin_beside(txn, op, err);
    if (rc)
        return rc;
    rc = crm__txn_model(txn, m, op->err);
    return rc ? crm__op_end(txn, op, rc) : CRM_OK;
}

int crm_event_add(crm_txn *txn, crm_id id, const crm_event *e, uint32_t *number, crm_error *err)
{
    const crm__model *m;
    crm__op op;
    int rc = e && is_plain(e) ? begin_beside(txn, &op, &m, id, err) : begin(txn, &op, &m, id, err);

    if (rc)
        return rc;
    rc = e ? crm__event_write(txn, m, id, e, &txn->work, number, op.err)
           : crm__fail_field(op.err, CRM_EINVAL, "e", "e is NULL");
    return crm__op_end(txn, &op, rc);
}

int crm_event_void(crm_txn *txn, crm_id id, uint32_t number, crm_error *err)
{
    const crm__model *m;
    crm_event c;
    crm__op op;
    int rc = begin(txn, &op, &m, id, err);

    if (rc)
        return rc;
    memset(&c, 0, sizeof c);
    c.void_set = 1;
    c.e.voids = number;
    return crm__op_end(txn, &op, crm__event_write(txn, m, id, &c, &txn->work, NULL, op.err));
}

static int read_document(crm_txn *txn, const crm__model *m, const char *json, size_t n,
                         crm__json **root, crm_event **c, crm_error *err)
{
    int rc;

    if (!json)
        return crm__fail_field(err, CRM_EINVAL, "json", "json is NULL");
    if (crm__event_make(txn->mem, (crm__model *)(uintptr_t)m, c))
        return crm__fail_nomem(err);
    rc = crm__json_parse(txn->mem, json, n == CRM_NUL ? strlen(json) : n, root, err);
    if (!rc && crm__json_kind(*root) != CRM__JSON_OBJECT)
        rc = crm__fail_at(err, CRM_ESYNTAX, -1, 0, "JSON: an event is an object");
    return rc ? rc : crm__event_read_json(txn, *root, *c, err);
}

int crm_event_add_json(crm_txn *txn, crm_id id, const char *json, size_t n, uint32_t *number,
                       crm_error *err)
{
    const crm__model *m;
    crm__json *root = NULL;
    crm_event *c = NULL;
    crm__op op;
    int rc = begin_beside(txn, &op, &m, id, err);

    if (rc)
        return rc;
    rc = read_document(txn, m, json, n, &root, &c, op.err);
    if (!rc && !is_plain(c) && txn->pending.count) {
        /* It looks at the others of its customer: they are settled before it begins. */
        rc = crm__op_end(txn, &op, CRM_OK);
        if (!rc)
            rc = begin(txn, &op, &m, id, err);
        if (rc) {
            crm__json_free(root);
            crm_event_free(c);
            return rc;
        }
    }
    if (!rc)
        rc = crm__event_write(txn, m, id, c, &txn->work, number, op.err);
    crm__json_free(root);
    rc = crm__op_end(txn, &op, rc);
    crm_event_free(c);
    return rc;
}

int crm__event_try_json(crm_txn *txn, const char *json, crm_error *err)
{
    const crm__model *m;
    crm__json *root = NULL;
    crm_event *c = NULL;
    crm__op op;
    int rc = crm__op_begin(txn, &op, err);

    if (rc)
        return rc;
    rc = crm__txn_model(txn, &m, op.err);
    if (!rc)
        rc = read_document(txn, m, json, CRM_NUL, &root, &c, op.err);
    if (!rc && !c->kind && !c->void_set)
        rc = fail_kind(op.err);
    if (!rc)
        rc = crm__event_check(txn, m, c, &txn->work, op.err);
    crm__json_free(root);
    rc = crm__op_end(txn, &op, rc);
    crm_event_free(c);
    return rc;
}
