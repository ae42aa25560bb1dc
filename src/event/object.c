/* SPDX-License-Identifier: MIT
 * crm_event: making, filling through the typed door, reading out.
 */
#include "base/time.h"
#include "base/utf8.h"
#include "event/event.h"
#include "model/typed.h"

#include <string.h>

int crm__event_make(const crm_allocator *mem, crm__model *m, crm_event **out)
{
    crm_event *c = crm__calloc(mem, 1, sizeof *c);

    *out = c;
    if (!c)
        return CRM_ENOMEM;
    c->mem = *mem;
    c->model = m;
    crm__model_ref(m);
    crm__buf_init(&c->item, &c->mem);
    crm__buf_init(&c->text, &c->mem);
    crm__arena_init(&c->arena, &c->mem);
    return CRM_OK;
}

int crm_event_new(crm_txn *txn, crm_event **out, crm_error *err)
{
    const crm__model *m;
    int rc;

    if (!out)
        return crm__fail_field(err, CRM_EINVAL, "out", "out is NULL");
    *out = NULL;
    rc = crm__txn_enter_beside(txn, 0, err);
    if (!rc)
        rc = crm__txn_model(txn, &m, err);
    if (rc)
        return rc;
    if (crm__event_make(txn->mem, (crm__model *)(uintptr_t)m, out))
        return crm__fail_nomem(err);
    rc = crm__zone_keep(&(*out)->mem, txn->zone, &(*out)->own_zone, err);
    (*out)->zone = (*out)->own_zone;
    if (rc) {
        crm_event_free(*out);
        *out = NULL;
    }
    return rc;
}

void crm_event_free(crm_event *c)
{
    crm_allocator mem;

    if (!c)
        return;
    mem = c->mem;
    crm__model_unref(c->model);
    crm__zone_close(c->own_zone);
    crm__release(&mem, c->values);
    crm__buf_clear(&c->item);
    crm__buf_clear(&c->text);
    crm__arena_clear(&c->arena);
    crm__release(&mem, c);
}

void crm_event_clear(crm_event *c)
{
    if (!c)
        return;
    c->id = 0;
    c->kind = NULL;
    c->void_set = c->time_set = 0;
    memset(&c->e, 0, sizeof c->e);
    c->source = (crm__slice){NULL, 0};
    crm__arena_reset(&c->arena);
}

/* ---- filling ---- */

static int check(const crm_event *c, const void *p, const char *what, crm_error *err)
{
    if (!c || !p)
        return crm__fail_field(err, CRM_EINVAL, c ? what : "e", "%s is NULL", c ? what : "e");
    return CRM_OK;
}

int crm_event_set_kind(crm_event *c, const crm_event_kind *kind, crm_error *err)
{
    const crm__event_kind *k;

    if (check(c, kind, "kind", err))
        return CRM_EINVAL;
    k = crm__model_event_number(c->model, kind->number);
    if (!k || strcmp(k->key, kind->key) != 0)
        return crm__fail_field(err, CRM_EFIELD, kind->key, "the model has no such event kind");
    if (c->kind != k)
        c->e.value_count = 0; /* attributes are those of a kind */
    c->kind = k;
    c->e.kind = k->number;
    return CRM_OK;
}

int crm_event_set_time(crm_event *c, int64_t time_us, crm_error *err)
{
    if (check(c, c, "e", err))
        return CRM_EINVAL;
    if (time_us < CRM__TIME_MIN || time_us > CRM__TIME_MAX)
        return crm__fail_field(err, CRM_EVALUE, "time", "time: is not in the years 1 to 9999");
    c->e.time = time_us;
    c->time_set = 1;
    return CRM_OK;
}

/* An attribute of the event's kind. */
static int attribute_of(const crm_event *c, const crm_field *field, const crm__field **f,
                        crm_error *err)
{
    const crm__event_kind *kind;

    if (check(c, field, "attribute", err))
        return CRM_EINVAL;
    *f = crm__field_attribute(c->model, field, &kind);
    if (!*f || kind != c->kind)
        return crm__fail_field(err, CRM_EFIELD, field->key,
                               *f ? "%s: is an attribute of another kind of events"
                                  : "%s: the model has no such attribute",
                               field->key);
    return CRM_OK;
}

/* The place of an attribute's value: made when absent. */
static crm__event_value *place(crm_event *c, uint32_t attribute)
{
    uint32_t at = 0, n = c->e.value_count;

    if (n + 1u > c->value_cap) {
        uint32_t cap = n + 8u;
        crm__event_value *p = crm__realloc(&c->mem, c->values, cap * sizeof *p);
        if (!p)
            return NULL;
        if (c->e.values == c->values)
            c->e.values = p;
        c->values = p;
        c->value_cap = cap;
    }
    if (n && c->e.values != c->values) /* shown until now */
        memcpy(c->values, c->e.values, n * sizeof *c->values);
    c->e.values = c->values;
    while (at < n && c->values[at].attribute < attribute)
        at++;
    if (at < n && c->values[at].attribute == attribute)
        return &c->values[at];
    memmove(c->values + at + 1, c->values + at, (n - at) * sizeof *c->values);
    c->e.value_count++;
    c->values[at].attribute = attribute;
    return &c->values[at];
}

/* Takes the payload in c->item for a value. */
static int put_item(crm_event *c, const crm__field *f, crm_error *err)
{
    const uint8_t *copy;
    crm__event_value *x;
    crm__value v;

    if (c->item.failed) {
        c->item.failed = 0;
        return crm__fail_nomem(err);
    }
    copy = crm__arena_copy(&c->arena, c->item.p, c->item.n);
    x = copy ? place(c, f->number) : NULL;
    if (!x)
        return crm__fail_nomem(err);
    if (crm__value_decode(f->type, 0, crm__slice_of(copy, c->item.n), &v))
        return crm__fail_field(err, CRM_ECORRUPT, f->key, "%s: can't be stored", f->key);
    x->v = v;
    return CRM_OK;
}

int crm__event_set_text(crm_event *c, const crm__field *f, const char *text, size_t n,
                        crm_error *err)
{
    crm__value_ctx ctx = {c->zone};
    int rc;

    c->item.n = 0;
    rc = crm__value_parse(f, &ctx, text, n, 0, &c->item, err);
    return rc ? rc : put_item(c, f, err);
}

int crm_event_set(crm_event *c, const crm_field *attribute, const char *text, size_t n,
                  crm_error *err)
{
    const crm__field *f;
    int rc = attribute_of(c, attribute, &f, err);

    if (!rc)
        rc = crm__text_given(text, &n, "text", err);
    return rc ? rc : crm__event_set_text(c, f, text, n, err);
}

int crm_event_set_integer(crm_event *c, const crm_field *attribute, int64_t value, crm_error *err)
{
    const crm__field *f;
    int rc = attribute_of(c, attribute, &f, err);

    if (rc)
        return rc;
    c->item.n = 0;
    rc = crm__integer_put(f, CRM__INTEGERS_EVENT, value, &c->item, err);
    c->item.failed = 0;
    return rc ? rc : put_item(c, f, err);
}

/* Keeps a text of the event itself, whose length is known and whose bytes are judged. */
static int keep_text(crm_event *c, const char *text, size_t n, crm__slice *out, crm_error *err)
{
    const uint8_t *copy = crm__arena_copy(&c->arena, text, n);

    if (!copy)
        return crm__fail_nomem(err);
    *out = crm__slice_of(copy, n);
    return CRM_OK;
}

int crm_event_set_source(crm_event *c, const char *source, size_t n, crm_error *err)
{
    if (check(c, c, "e", err) || crm__text_given(source, &n, "source", err))
        return CRM_EINVAL;
    if (!crm__name_ok(source, n))
        return crm__fail_field(err, CRM_EVALUE, "source",
                               "source: is a text of 1 to 100 bytes, without control characters");
    return keep_text(c, source, n, &c->source, err);
}

int crm_event_set_reference(crm_event *c, const char *reference, size_t n, crm_error *err)
{
    if (check(c, c, "e", err) || crm__text_given(reference, &n, "reference", err))
        return CRM_EINVAL;
    if (!n || n > CRM__EVENT_REFERENCE || crm__utf8_valid(reference, n) != n ||
        crm__utf8_has_control(reference, n) || memchr(reference, '\n', n) ||
        memchr(reference, '\t', n))
        return crm__fail_field(err, CRM_EVALUE, "reference",
                               "reference: is a text of 1 to %d bytes, without control characters",
                               CRM__EVENT_REFERENCE);
    return keep_text(c, reference, n, &c->e.reference, err);
}

int crm_event_set_voids(crm_event *c, uint32_t number, crm_error *err)
{
    if (check(c, c, "e", err))
        return CRM_EINVAL;
    c->e.voids = number;
    return CRM_OK;
}

/* ---- reading out ---- */

int crm__event_show(crm_event *c, crm_id id, const crm__event *e)
{
    c->id = id;
    c->e = *e;
    c->time_set = 1;
    c->source = (crm__slice){NULL, 0};
    c->void_set = e->kind == CRM__EVENT_VOID;
    c->kind = c->void_set ? NULL : crm__model_event_number(c->model, e->kind);
    return c->void_set || c->kind;
}

const crm__event_value *crm__event_shown(const crm_event *c, const crm__field *f)
{
    const crm__event_value *x = crm__event_value_find(&c->e, f->number);

    return x && x->v.type == f->type ? x : NULL;
}

int crm__event_values_equal(crm_txn *txn, const crm_event *x, const crm_event *y, int *equal,
                            crm_error *err)
{
    crm__buf *a = &txn->scratch[0], *b = &txn->scratch[1];

    *equal = 1;
    for (uint32_t i = 0; i < y->kind->attribute_count && *equal; i++) {
        const crm__event_value *mine = crm__event_shown(x, &y->kind->attributes[i]);
        const crm__event_value *theirs = crm__event_shown(y, &y->kind->attributes[i]);
        *equal = !mine == !theirs;
        if (!mine || !theirs)
            continue;
        a->n = b->n = 0;
        crm__value_encode(a, &mine->v, 0);
        crm__value_encode(b, &theirs->v, 0);
        if (a->failed || b->failed) {
            a->failed = b->failed = 0;
            return crm__fail_nomem(err);
        }
        *equal = a->n == b->n && memcmp(a->p, b->p, a->n) == 0;
    }
    return CRM_OK;
}

crm_id crm_event_customer(const crm_event *c)
{
    return c ? c->id : 0;
}

uint32_t crm_event_number(const crm_event *c)
{
    return c ? c->e.number : 0;
}

const char *crm_event_kind_key(const crm_event *c)
{
    if (!c)
        return "";
    return c->kind ? c->kind->key : c->void_set ? "void" : "";
}

int64_t crm_event_time_us(const crm_event *c)
{
    return c ? c->e.time : 0;
}

uint64_t crm_event_revision(const crm_event *c)
{
    return c ? c->e.seq : 0;
}

int crm_event_state(const crm_event *c)
{
    return c ? c->e.state : 0;
}

uint64_t crm_event_voided_revision(const crm_event *c)
{
    return c ? c->e.voided : 0;
}

uint32_t crm_event_voids(const crm_event *c)
{
    return c ? c->e.voids : 0;
}

const char *crm_event_reference(const crm_event *c, size_t *n)
{
    if (n)
        *n = c ? c->e.reference.n : 0;
    return c && c->e.reference.n ? (const char *)c->e.reference.p : "";
}

int crm_event_source(crm_txn *txn, const crm_event *c, const char **source, size_t *n,
                     crm_error *err)
{
    crm__slice name;
    int rc = crm__txn_enter(txn, 0, err);

    if (!rc && check(c, source, "source", err))
        rc = CRM_EINVAL;
    if (rc)
        return rc;
    name = c->source;
    if (!name.n && c->e.source) {
        rc = crm__dict_name(txn, CRM__DICT_SOURCE, c->e.source, &name);
        if (rc)
            return crm__txn_fail(txn, rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc,
                                 "can't read a source", err);
    }
    *source = name.n ? (const char *)name.p : "";
    if (n)
        *n = name.n;
    return CRM_OK;
}

static int value_of(const crm_event *c, const crm_field *attribute, const crm__field **f,
                    const crm__value **v, crm_error *err)
{
    const crm__event_value *x;
    int rc = attribute_of(c, attribute, f, err);

    if (rc)
        return rc;
    x = crm__event_shown(c, *f);
    if (!x)
        return crm__fail_field(err, CRM_ENOTFOUND, (*f)->key, "%s: the event has no such value",
                               (*f)->key);
    *v = &x->v;
    return CRM_OK;
}

int crm_event_text(crm_event *c, const crm_field *attribute, const char **text, size_t *n,
                   crm_error *err)
{
    const crm__field *f;
    const crm__value *v = NULL;
    int rc = value_of(c, attribute, &f, &v, err);

    return rc ? rc : crm__text_get(f, f->key, v, &c->text, text, n, err);
}

int crm_event_integer(const crm_event *c, const crm_field *attribute, int64_t *value,
                      crm_error *err)
{
    const crm__field *f;
    const crm__value *v = NULL;
    int rc = value_of(c, attribute, &f, &v, err);

    return rc ? rc : crm__integer_get(f->key, CRM__INTEGERS_EVENT, v, value, err);
}
