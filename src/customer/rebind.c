/* SPDX-License-Identifier: MIT
 * Records that cross a boundary: out of a write transaction whose dictionary numbers may be rolled
 * back, into a transaction under another model, or into another database.
 */
#include "customer/customer.h"

#include <string.h>

static int name_item(crm_txn *txn, crm__slice item, crm__buf *list, crm__buf *one)
{
    crm__item split;
    crm__slice name;
    int rc = crm__item_split(item, 1, &split);

    if (rc)
        return rc;
    name = split.name;
    if (split.source)
        rc = crm__dict_name(txn, CRM__DICT_SOURCE, split.source, &name);
    if (rc)
        return rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc;
    one->n = 0;
    crm__buf_add_varint(one, 0);
    crm__buf_add_varint(one, name.n);
    crm__buf_add(one, name.p, name.n);
    crm__buf_add(one, split.value.p, split.value.n);
    crm__list_add(list, crm__slice_of(one->p, one->n));
    return one->failed || list->failed ? CRM_ENOMEM : CRM_OK;
}

int crm__customer_name_sources(crm_txn *txn, crm_customer *c, crm_error *err)
{
    crm__buf list, one;
    int rc = CRM_OK;

    crm__buf_init(&list, &c->mem);
    crm__buf_init(&one, &c->mem);
    for (uint32_t i = 0; i < c->rec.entry_count && !rc; i++) {
        crm__entry *e = &c->rec.entries[i];
        crm__slice item;
        const uint8_t *copy;
        size_t pos = 0;
        if (!e->scoped || !e->list)
            continue;
        list.n = 0;
        while (!rc && (rc = crm__list_next(e->payload, &pos, &item)) == CRM_OK)
            rc = name_item(txn, item, &list, &one);
        if (rc == CRM_DONE) {
            copy = crm__arena_copy(&c->arena, list.p, list.n);
            rc = copy ? CRM_OK : CRM_ENOMEM;
            e->payload = crm__slice_of(copy, list.n);
        }
    }
    crm__buf_clear(&list);
    crm__buf_clear(&one);
    if (rc) {
        crm_customer_clear(c);
        return crm__txn_fail(txn, rc, "can't read the customer", err);
    }
    return CRM_OK;
}

/* ---- under another model ---- */

/* One value by the rules of the new field; enum values go by key. */
static int value_again(const crm__field *from, const crm__field *to, const crm__entry *e,
                       crm__slice item, crm__buf *out, crm_error *err)
{
    const crm__enum_value *was;
    crm__item split;
    crm__value v;
    crm__buf plain;
    crm__reader in;
    int rc = crm__item_split(item, e->scoped, &split);

    if (!rc)
        rc = crm__value_decode(e->type, 0, split.value, &v);
    if (rc)
        return crm__fail_field(err, rc, from->key, "%s: the value is damaged", from->key);
    if (v.type == CRM_TYPE_ENUM) {
        was = crm__enum_number(from, (uint32_t)v.integer);
        was = was ? crm__enum_find(to, was->key, strlen(was->key)) : NULL;
        if (!was)
            return crm__fail_field(err, CRM_EVALUE, to->key, "%s: has no such value any more",
                                   to->key);
        v.integer = was->number;
    }
    if (!e->scoped)
        return crm__value_put(to, &v, out, err);
    /* The value is checked and written with a number in front, which its source takes the place of.
     */
    v.source = 1;
    crm__buf_init(&plain, out->mem);
    rc = crm__value_put(to, &v, &plain, err);
    in = crm__reader_of(plain.p, plain.n);
    crm__read_varint(&in);
    crm__buf_add_varint(out, split.source);
    if (!split.source) {
        crm__buf_add_varint(out, split.name.n);
        crm__buf_add(out, split.name.p, split.name.n);
    }
    crm__buf_add(out, in.p, crm__reader_left(&in));
    crm__buf_clear(&plain);
    return rc;
}

static int entry_again(const crm__model *m, const crm_customer *c, const crm__entry *e,
                       crm_customer *to, crm_error *err)
{
    const crm__field *from = crm__model_number(c->model, e->field), *f;
    crm__buf one, list;
    crm__slice item;
    size_t pos = 0;
    int rc = CRM_OK, is_list;

    if (!from || (e->mode != CRM__UNSET && from->type != e->type))
        return CRM_OK; /* out of view in the record too */
    f = crm__model_find(m, from->key, strlen(from->key));
    if (!f || strcmp(f->key, from->key) != 0)
        return crm__fail_field(err, CRM_EFIELD, from->key, "%s: is no field of the model any more",
                               from->key);
    if (e->mode == CRM__UNSET)
        return crm__customer_put(to, f, CRM__UNSET, crm__slice_of(NULL, 0), err);
    is_list = (f->flags & CRM_FIELD_LIST) != 0;
    if (f->type != from->type || (e->scoped != 0) != ((f->flags & CRM_FIELD_PER_SOURCE) != 0) ||
        (!is_list && e->list))
        return crm__fail_field(err, CRM_EVALUE, f->key, "%s: is of another type now", f->key);
    crm__buf_init(&one, &to->mem);
    crm__buf_init(&list, &to->mem);
    while (!rc && (rc = crm__entry_next(e, &pos, &item)) == CRM_OK) {
        one.n = 0;
        rc = value_again(from, f, e, item, &one, err);
        if (!rc)
            crm__list_add(&list, crm__slice_of(one.p, one.n));
    }
    if (rc == CRM_DONE)
        rc = one.failed || list.failed ? crm__fail_nomem(err) : CRM_OK;
    if (!rc)
        rc = crm__customer_put(
            to, f, e->mode, is_list ? crm__slice_of(list.p, list.n) : crm__slice_of(one.p, one.n),
            err);
    crm__buf_clear(&one);
    crm__buf_clear(&list);
    return rc;
}

/* Numbers of sources mean nothing in another database. */
static int foreign_sources(const crm_txn *txn, const crm_customer *c)
{
    if (memcmp(c->store, txn->store->id, sizeof c->store) == 0)
        return 0;
    for (uint32_t i = 0; i < c->rec.entry_count; i++) {
        const crm__entry *e = &c->rec.entries[i];
        crm__slice item;
        crm__item split;
        size_t pos = 0;
        while (e->scoped && crm__entry_next(e, &pos, &item) == CRM_OK) {
            if (crm__item_split(item, 1, &split) || split.source)
                return 1;
        }
    }
    return 0;
}

int crm__customer_rebind(crm_txn *txn, const crm__model *m, const crm_customer *c,
                         const crm_customer **use, crm_customer **own, crm_error *err)
{
    crm_customer *to;
    int rc = CRM_OK;

    *use = c;
    *own = NULL;
    if (foreign_sources(txn, c))
        return crm__fail_field(
            err, CRM_EINVAL, "c",
            "the record was read in another database and has identities per source");
    if (c->model == m)
        return CRM_OK;
    if (crm__customer_make(txn->mem, (crm__model *)(uintptr_t)m, &to))
        return crm__fail_nomem(err);
    to->rec.kind = c->rec.kind;
    to->kind_set = c->kind_set;
    to->source = c->source;
    to->expected = c->expected;
    memcpy(to->store, txn->store->id, sizeof to->store);
    for (uint32_t i = 0; i < c->rec.entry_count && !rc; i++)
        rc = entry_again(m, c, &c->rec.entries[i], to, err);
    for (uint32_t i = 0; i < c->extra_count && !rc; i++)
        rc = entry_again(m, c, &c->extra[i], to, err);
    if (rc) {
        crm_customer_free(to);
        return rc;
    }
    *use = *own = to;
    return CRM_OK;
}
