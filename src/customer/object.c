/* SPDX-License-Identifier: MIT
 * crm_customer: making, filling through the typed door, reading out.
 */
#include "customer/customer.h"

#include "base/bytes.h"
#include "base/utf8.h"
#include "model/typed.h"

#include <string.h>

int crm__customer_make(const crm_allocator *mem, crm__model *m, crm_customer **out)
{
    crm_customer *c = crm__calloc(mem, 1, sizeof *c);

    *out = c;
    if (!c)
        return CRM_ENOMEM;
    c->mem = *mem;
    c->model = m;
    crm__model_ref(m);
    crm__buf_init(&c->raw, &c->mem);
    crm__buf_init(&c->text, &c->mem);
    crm__arena_init(&c->arena, &c->mem);
    c->rec.kind = CRM__KIND_PERSON;
    return CRM_OK;
}

void crm__customer_model(crm_customer *c, crm__model *m)
{
    if (c->model == m)
        return;
    crm__model_ref(m);
    crm__model_unref(c->model);
    c->model = m;
}

int crm_customer_new(crm_txn *txn, crm_customer **out, crm_error *err)
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
    if (crm__customer_make(txn->mem, (crm__model *)(uintptr_t)m, out))
        return crm__fail_nomem(err);
    memcpy((*out)->store, txn->store->id, sizeof(*out)->store);
    rc = crm__zone_keep(&(*out)->mem, txn->zone, &(*out)->own_zone, err);
    (*out)->zone = (*out)->own_zone;
    if (rc) {
        crm_customer_free(*out);
        *out = NULL;
    }
    return rc;
}

void crm_customer_free(crm_customer *c)
{
    crm_allocator mem;

    if (!c)
        return;
    mem = c->mem;
    crm__model_unref(c->model);
    crm__zone_close(c->own_zone);
    crm__record_clear(&mem, &c->rec);
    crm__release(&mem, c->extra);
    crm__json_free(c->document);
    crm__buf_clear(&c->raw);
    crm__buf_clear(&c->text);
    crm__arena_clear(&c->arena);
    crm__release(&mem, c);
}

void crm_customer_clear(crm_customer *c)
{
    if (!c)
        return;
    c->id = 0;
    c->kind_set = 0;
    c->source = NULL;
    c->expected = 0;
    crm__json_free(c->document);
    c->document = NULL;
    c->events = c->tags = NULL;
    c->extra_count = 0;
    c->rec.flags = 0;
    c->rec.kind = CRM__KIND_PERSON;
    c->rec.seq = c->rec.survivor = 0;
    c->rec.created = c->rec.updated = 0;
    c->rec.entry_count = c->rec.origin_count = 0;
    c->placed = 0;
    crm__arena_reset(&c->arena);
}

/* ---- filling ---- */

int crm__customer_field(const crm_customer *c, const crm_field *field, const crm__field **out,
                        crm_error *err)
{
    if (!c || !field)
        return crm__fail_field(err, CRM_EINVAL, c ? "field" : "c", "%s is NULL", c ? "field" : "c");
    *out = crm__model_number(c->model, field->number);
    if (!*out || (*out)->type != field->type || strcmp((*out)->key, field->key) != 0)
        return crm__fail_field(err, CRM_EFIELD, field->key, "the record's model has no such field");
    return CRM_OK;
}

/* The place of a field in an ordered array of entries: made when absent. */
static crm__entry *place(const crm_allocator *mem, crm__entry **list, uint32_t *count,
                         uint32_t *cap, uint32_t field, uint8_t mode)
{
    uint32_t i = 0;
    crm__entry *e;

    while (i < *count && ((*list)[i].field < field || ((*list)[i].field == field &&
                                                       mode >= CRM__ADD && (*list)[i].mode < mode)))
        i++;
    if (i < *count && (*list)[i].field == field && (mode < CRM__ADD || (*list)[i].mode == mode))
        return &(*list)[i];
    if (*count == *cap) {
        uint32_t n = *cap ? *cap * 2 : 16;
        e = crm__realloc(mem, *list, n * sizeof *e);
        if (!e)
            return NULL;
        *list = e;
        *cap = n;
    }
    memmove(*list + i + 1, *list + i, (*count - i) * sizeof **list);
    ++*count;
    e = &(*list)[i];
    memset(e, 0, sizeof *e);
    return e;
}

int crm__customer_put(crm_customer *c, const crm__field *f, uint8_t mode, crm__slice payload,
                      crm_error *err)
{
    crm__entry *e;
    uint8_t *copy = crm__arena_copy(&c->arena, payload.p, payload.n);

    if (!copy)
        return crm__fail_nomem(err);
    c->placed = 0;
    e = mode >= CRM__ADD
            ? place(&c->mem, &c->extra, &c->extra_count, &c->extra_cap, f->number, mode)
            : place(&c->mem, &c->rec.entries, &c->rec.entry_count, &c->rec.entry_cap, f->number,
                    mode);
    if (!e)
        return crm__fail_nomem(err);
    e->field = f->number;
    e->mode = mode;
    e->type = f->type;
    e->list = (f->flags & CRM_FIELD_LIST) != 0;
    e->scoped = (f->flags & CRM_FIELD_PER_SOURCE) != 0;
    e->origin = 0;
    e->mixed = crm__slice_of(NULL, 0);
    e->payload = crm__slice_of(copy, payload.n);
    return CRM_OK;
}

int crm__items_has(crm__slice list, crm__slice item)
{
    crm__slice one;
    size_t pos = 0;

    while (crm__list_next(list, &pos, &one) == CRM_OK) {
        if (one.n == item.n && memcmp(one.p, item.p, item.n) == 0)
            return 1;
    }
    return 0;
}

void crm__items_add(crm__buf *list, crm__slice item)
{
    if (!crm__items_has(crm__slice_of(list->p, list->n), item))
        crm__list_add(list, item);
}

int crm__list_too_long(const crm__field *f, crm_error *err)
{
    return crm__fail_field(err, CRM_EVALUE, f ? f->key : "", "%s: has more than %d values",
                           f ? f->key : "a field", CRM__LIST_ITEMS);
}

int crm__item_parse(crm_customer *c, const crm__field *f, const char *source, size_t source_n,
                    const char *text, size_t n, crm__buf *out, crm_error *err)
{
    crm__value_ctx ctx = {c->zone};
    crm__buf item;
    crm__reader in;
    int rc;

    if (!(f->flags & CRM_FIELD_PER_SOURCE)) {
        if (source_n)
            return crm__fail_field(err, CRM_EVALUE, f->key, "%s: is not per source", f->key);
        return crm__value_parse(f, &ctx, text, n, 0, out, err);
    }
    if (!crm__name_ok(source, source_n))
        return crm__fail_field(err, CRM_EVALUE, f->key,
                               "%s: needs the name of its source, of at most 100 bytes", f->key);
    crm__buf_init(&item, &c->mem);
    rc = crm__value_parse(f, &ctx, text, n, 1, &item, err);
    if (!rc && !item.failed) {
        /* The parsed item begins with a number of a source: 0 and the name take its place. */
        in = crm__reader_of(item.p, item.n);
        crm__read_varint(&in);
        crm__buf_add_varint(out, 0);
        crm__buf_add_varint(out, source_n);
        crm__buf_add(out, source, source_n);
        crm__buf_add(out, in.p, crm__reader_left(&in));
    }
    if (!rc && (item.failed || out->failed))
        rc = crm__fail_nomem(err);
    crm__buf_clear(&item);
    return rc;
}

const crm__field *crm__entry_shown(const crm__model *m, const crm__entry *e)
{
    const crm__field *f = crm__model_number(m, e->field);

    return e->mode == CRM__SET && f && f->type == e->type &&
                   (e->scoped != 0) == ((f->flags & CRM_FIELD_PER_SOURCE) != 0)
               ? f
               : NULL;
}

void crm__customer_place(crm_customer *c)
{
    uint32_t count = c->rec.entry_count, first = count ? c->rec.entries[0].field : 0;

    memset(c->place, 0, sizeof c->place);
    for (uint32_t i = 0; i < count && c->rec.entries[i].field - first < CRM__PLACES; i++)
        c->place[c->rec.entries[i].field - first] = (uint8_t)(i + 1);
    c->first = first;
    c->placed = 1;
}

int crm__item_split(crm__slice item, int scoped, crm__item *out)
{
    crm__reader in;

    *out = (crm__item){.value = item};
    if (!scoped)
        return CRM_OK;
    in = crm__reader_of(item.p, item.n);
    out->source = (uint32_t)crm__read_varint(&in);
    if (!out->source) {
        out->name.n = (size_t)crm__read_varint(&in);
        out->name.p = crm__read_bytes(&in, out->name.n);
    }
    out->value = crm__slice_of(in.p, crm__reader_left(&in));
    return in.failed ? CRM_ECORRUPT : CRM_OK;
}

int crm_customer_set_kind(crm_customer *c, const char *kind, size_t n, crm_error *err)
{
    unsigned k;

    if (!c)
        return crm__fail_field(err, CRM_EINVAL, "c", "c is NULL");
    if (crm__text_given(kind, &n, "kind", err))
        return CRM_EINVAL;
    k = crm__kind_find(c->model, kind, n);
    if (!k)
        return crm__fail_field(err, CRM_EVALUE, "kind",
                               "kind: is neither \"person\" nor \"organisation\"");
    c->rec.kind = (uint8_t)k;
    c->kind_set = 1;
    return CRM_OK;
}

/* Replaces a field by one parsed value, or adds the value to its list. */
static int set_text(crm_customer *c, const crm_field *field, const char *source, const char *text,
                    size_t n, int add, crm_error *err)
{
    const crm__field *f;
    const crm__entry *old;
    crm__buf item, list;
    int rc = crm__customer_field(c, field, &f, err);

    if (rc || (rc = crm__text_given(text, &n, "text", err)) != 0)
        return rc;
    if (add && !(f->flags & CRM_FIELD_LIST))
        return crm__fail_field(err, CRM_EVALUE, f->key, "%s: holds one value, not a list", f->key);
    crm__buf_init(&item, &c->mem);
    crm__buf_init(&list, &c->mem);
    rc = crm__item_parse(c, f, source, source ? strlen(source) : 0, text, n, &item, err);
    if (!rc && f->flags & CRM_FIELD_LIST) {
        old = add ? crm__record_find(&c->rec, f->number) : NULL;
        if (old && old->mode == CRM__SET && old->list)
            crm__buf_add(&list, old->payload.p, old->payload.n);
        crm__items_add(&list, crm__slice_of(item.p, item.n));
        if (list.failed)
            rc = crm__fail_nomem(err);
        else if (crm__list_count(crm__slice_of(list.p, list.n)) > CRM__LIST_ITEMS)
            rc = crm__list_too_long(f, err);
        else
            rc = crm__customer_put(c, f, CRM__SET, crm__slice_of(list.p, list.n), err);
    } else if (!rc) {
        rc = crm__customer_put(c, f, CRM__SET, crm__slice_of(item.p, item.n), err);
    }
    crm__buf_clear(&item);
    crm__buf_clear(&list);
    return rc;
}

int crm_customer_set(crm_customer *c, const crm_field *field, const char *text, size_t n,
                     crm_error *err)
{
    return set_text(c, field, NULL, text, n, 0, err);
}

int crm_customer_add(crm_customer *c, const crm_field *field, const char *source, const char *text,
                     size_t n, crm_error *err)
{
    return set_text(c, field, source, text, n, 1, err);
}

int crm_customer_set_integer(crm_customer *c, const crm_field *field, int64_t value, crm_error *err)
{
    const crm__field *f;
    crm__buf item, list;
    int rc = crm__customer_field(c, field, &f, err), in_list;

    if (rc)
        return rc;
    in_list = (f->flags & CRM_FIELD_LIST) != 0;
    crm__buf_init(&item, &c->mem);
    crm__buf_init(&list, &c->mem);
    rc = crm__integer_put(f, CRM__INTEGERS_CUSTOMER, value, &item, err);
    if (!rc && in_list)
        crm__list_add(&list, crm__slice_of(item.p, item.n));
    if (!rc && list.failed)
        rc = crm__fail_nomem(err);
    if (!rc)
        rc = crm__customer_put(
            c, f, CRM__SET, in_list ? crm__slice_of(list.p, list.n) : crm__slice_of(item.p, item.n),
            err);
    crm__buf_clear(&item);
    crm__buf_clear(&list);
    return rc;
}

int crm_customer_unset(crm_customer *c, const crm_field *field, crm_error *err)
{
    const crm__field *f;
    int rc = crm__customer_field(c, field, &f, err);

    return rc ? rc : crm__customer_put(c, f, CRM__UNSET, crm__slice_of(NULL, 0), err);
}

/* ---- reading out ---- */

crm_id crm_customer_id(const crm_customer *c)
{
    return c ? c->id : 0;
}

uint64_t crm_customer_revision(const crm_customer *c)
{
    return c ? c->rec.seq : 0;
}

int64_t crm_customer_created_us(const crm_customer *c)
{
    return c ? c->rec.created : 0;
}

int64_t crm_customer_updated_us(const crm_customer *c)
{
    return c ? c->rec.updated : 0;
}

int crm_customer_deleted(const crm_customer *c)
{
    return c && (c->rec.flags & CRM__RECORD_DELETED);
}

const char *crm_customer_kind(const crm_customer *c)
{
    return c ? crm__kind_key(c->rec.kind) : "";
}

/* NULL: none that the model shows. */
static const crm__entry *entry_of(const crm_customer *c, const crm_field *field,
                                  const crm__field **f)
{
    const crm__entry *e = NULL;
    uint32_t at;

    *f = NULL;
    if (!c || !field)
        return NULL;
    at = field->number - c->first;
    if (!c->placed || at >= CRM__PLACES)
        e = crm__record_find(&c->rec, field->number);
    else if (c->place[at])
        e = &c->rec.entries[c->place[at] - 1];
    if (e)
        *f = crm__entry_shown(c->model, e);
    return *f ? e : NULL;
}

size_t crm_customer_count(const crm_customer *c, const crm_field *field)
{
    const crm__field *f;
    const crm__entry *e = entry_of(c, field, &f);
    crm__slice item;
    size_t pos = 0, n = 0;

    if (!e)
        return 0;
    if (!e->list)
        return 1;
    while (crm__list_next(e->payload, &pos, &item) == CRM_OK)
        n++;
    return n;
}

/* Value i of a field's entry, decoded. */
static int value_of(const crm_customer *c, const crm_field *field, const crm__entry *e, size_t i,
                    crm__value *v, crm__item *split, crm_error *err)
{
    crm__slice item;
    size_t pos = 0;

    if (!c || !field)
        return crm__fail_field(err, CRM_EINVAL, c ? "field" : "c", "%s is NULL", c ? "field" : "c");
    if (!e || (!e->list && i))
        return crm__fail_field(err, CRM_ENOTFOUND, field->key, "the record has no such value");
    item = e->payload;
    for (size_t k = 0; e->list && k <= i; k++) {
        int rc = crm__list_next(e->payload, &pos, &item);
        if (rc)
            return rc == CRM_DONE
                       ? crm__fail_field(err, CRM_ENOTFOUND, field->key,
                                         "the record has no such value")
                       : crm__fail_field(err, rc, field->key, "the stored list is damaged");
    }
    if (crm__item_split(item, e->scoped, split) || crm__value_decode(e->type, 0, split->value, v))
        return crm__fail_field(err, CRM_ECORRUPT, field->key, "the stored value is damaged");
    return CRM_OK;
}

static int value_at(const crm_customer *c, const crm_field *field, size_t i, crm__value *v,
                    crm__item *split, crm_error *err)
{
    const crm__field *f;

    return value_of(c, field, entry_of(c, field, &f), i, v, split, err);
}

int crm_customer_text(crm_customer *c, const crm_field *field, size_t i, const char **text,
                      size_t *n, crm_error *err)
{
    const crm__field *f;
    const crm__entry *e = entry_of(c, field, &f);
    crm__value v;
    crm__item split;
    int rc;

    /* Most values: one text as it stands. */
    if (e && !i && !e->list && !e->scoped && e->type == CRM_TYPE_TEXT && text && n &&
        e->payload.n && crm__utf8_valid((const char *)e->payload.p, e->payload.n) == e->payload.n) {
        *text = (const char *)e->payload.p;
        *n = e->payload.n;
        return CRM_OK;
    }
    rc = value_of(c, field, e, i, &v, &split, err);
    return rc ? rc : crm__text_get(f, field->key, &v, &c->text, text, n, err);
}

int crm_customer_integer(crm_customer *c, const crm_field *field, size_t i, int64_t *value,
                         crm_error *err)
{
    crm__value v;
    crm__item split;
    int rc = value_at(c, field, i, &v, &split, err);

    return rc ? rc : crm__integer_get(field->key, CRM__INTEGERS_CUSTOMER, &v, value, err);
}

/* A NUL-terminated copy that lives until the transaction ends. */
static const char *arena_text(crm_txn *txn, crm__slice text)
{
    char *copy = crm__arena_alloc(&txn->arena, text.n + 1);

    if (!copy)
        return NULL;
    memcpy(copy, text.p, text.n);
    copy[text.n] = 0;
    return copy;
}

/* Name of a source number, kept until the transaction ends. */
static int source_name(crm_txn *txn, uint32_t number, const char **source, crm_error *err)
{
    crm__slice name;
    int rc;

    *source = "";
    if (!number)
        return CRM_OK;
    rc = crm__dict_name(txn, CRM__DICT_SOURCE, number, &name);
    if (rc)
        return crm__txn_fail(txn, rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc, "can't read a source",
                             err);
    *source = arena_text(txn, name);
    return *source ? CRM_OK : crm__fail_nomem(err);
}

int crm_customer_source(crm_txn *txn, const crm_customer *c, const crm_field *field, size_t i,
                        const char **source, crm_error *err)
{
    const crm__field *f;
    const crm__entry *e = entry_of(c, field, &f);
    crm__value v;
    crm__item split;
    int rc = crm__txn_enter(txn, 0, err);

    if (!rc)
        rc = value_at(c, field, i, &v, &split, err);
    if (rc)
        return rc;
    if (!source)
        return crm__fail_field(err, CRM_EINVAL, "source", "source is NULL");
    if (!e->scoped)
        return crm__fail_field(err, CRM_EFIELD, field->key, "%s: is not per source", field->key);
    if (split.source)
        return source_name(txn, split.source, source, err);
    *source = arena_text(txn, split.name);
    return *source ? CRM_OK : crm__fail_nomem(err);
}

int crm_customer_origin(crm_txn *txn, const crm_customer *c, const crm_field *field, size_t i,
                        const char **source, int64_t *at_us, crm_error *err)
{
    const crm__field *f;
    const crm__entry *e = entry_of(c, field, &f);
    int rc = crm__txn_enter(txn, 0, err);
    uint32_t origin;

    if (rc)
        return rc;
    if (!c || !field)
        return crm__fail_field(err, CRM_EINVAL, c ? "field" : "c", "%s is NULL", c ? "field" : "c");
    origin = e && i < crm_customer_count(c, field) ? crm__entry_origin(e, i) : UINT32_MAX;
    if (origin >= c->rec.origin_count)
        return crm__fail_field(err, CRM_ENOTFOUND, field->key, "the record has no such value");
    if (at_us)
        *at_us = c->rec.origins[origin].at;
    return source ? source_name(txn, c->rec.origins[origin].source, source, err) : CRM_OK;
}
