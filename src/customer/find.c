/* SPDX-License-Identifier: MIT
 * Reading customers: by id, by identity, one as a document; checking a document.
 */
#include "customer/customer.h"

#include <string.h>

int crm__customer_load(crm_txn *txn, crm_id id, crm__slice bytes, crm_customer *c, crm_error *err)
{
    const crm__model *m;
    int rc;

    crm_customer_clear(c);
    rc = crm__txn_model(txn, &m, err);
    if (rc)
        return rc;
    crm__customer_model(c, (crm__model *)(uintptr_t)m);
    c->raw.n = 0;
    crm__buf_add(&c->raw, bytes.p, bytes.n);
    if (c->raw.failed) {
        c->raw.failed = 0;
        return crm__fail_nomem(err);
    }
    rc = crm__record_decode(&c->mem, crm__slice_of(c->raw.p, c->raw.n), &c->rec);
    if (rc) {
        crm_customer_clear(c);
        rc = crm__txn_fail(txn, rc, "can't read the customer", err);
        if (err)
            err->row = (int64_t)id;
        return rc;
    }
    memcpy(c->store, txn->store->id, sizeof c->store);
    c->id = id;
    c->kind_set = 1;
    crm__customer_place(c);
    return txn->write ? crm__customer_name_sources(txn, c, err) : CRM_OK;
}

static int take(crm_txn *txn, crm_id id, int rc, crm__slice bytes, crm_customer *c, crm_error *err)
{
    if (!rc)
        return crm__customer_load(txn, id, bytes, c, err);
    crm_customer_clear(c);
    if (rc == CRM_ENOTFOUND)
        return crm__fail(err, CRM_ENOTFOUND, "there is no customer %llu", (unsigned long long)id);
    rc = crm__txn_fail(txn, rc, "can't read the customer", err);
    if (err)
        err->row = (int64_t)id;
    return rc;
}

int crm__customer_read(crm_txn *txn, crm_id id, crm_customer *c, crm_error *err)
{
    uint8_t key[CRM__KEY_U64];
    crm__slice bytes = {NULL, 0};
    int rc = crm__txn_read(txn, KV_CUSTOMER, crm__key_u64(key, id), &bytes);

    return take(txn, id, rc, bytes, c, err);
}

int crm__customer_read_on(crm_txn *txn, crm_id id, int *on, crm_customer *c, crm_error *err)
{
    uint8_t key[CRM__KEY_U64];
    crm__slice bytes = {NULL, 0};
    int rc = crm__txn_read_on(txn, KV_CUSTOMER, crm__key_u64(key, id), on, &bytes);

    return take(txn, id, rc, bytes, c, err);
}

int crm_customer_get(crm_txn *txn, crm_id id, crm_customer *c, crm_error *err)
{
    int rc = crm__txn_enter_beside(txn, 0, err);

    if (rc)
        return rc;
    if (!c)
        return crm__fail_field(err, CRM_EINVAL, "c", "c is NULL");
    return crm__customer_read(txn, id, c, err);
}

static int give_document(crm_txn *txn, const crm_customer *c, uint32_t flags, char **json,
                         size_t *n, crm_error *err)
{
    crm__buf out;
    int rc;

    crm__buf_init(&out, txn->mem);
    rc = crm__document_write(txn, c, flags, &out, err);
    if (!rc) {
        *json = crm__give(txn->mem, out.p, out.n);
        if (!*json)
            rc = crm__fail_nomem(err);
        else if (n)
            *n = out.n;
    }
    crm__buf_clear(&out);
    return rc;
}

static int check_json_args(crm_txn *txn, uint32_t flags, char **json, crm_error *err)
{
    int rc = crm__txn_enter(txn, 0, err);

    if (json)
        *json = NULL;
    if (rc)
        return rc;
    if (!json)
        return crm__fail_field(err, CRM_EINVAL, "json", "json is NULL");
    if (flags & ~(CRM_JSON_ORIGINS | CRM_JSON_PRETTY | CRM_JSON_EVENTS | CRM_JSON_TAGS))
        return crm__fail_field(err, CRM_EINVAL, "flags",
                               "a flag this library does not know is set");
    return CRM_OK;
}

int crm_customer_get_json(crm_txn *txn, crm_id id, uint32_t flags, char **json, size_t *n,
                          crm_error *err)
{
    const crm__model *m;
    crm_customer *c;
    int rc = check_json_args(txn, flags, json, err);

    if (!rc)
        rc = crm__txn_model(txn, &m, err);
    if (rc)
        return rc;
    if (crm__customer_make(txn->mem, (crm__model *)(uintptr_t)m, &c))
        return crm__fail_nomem(err);
    rc = crm__customer_read(txn, id, c, err);
    if (!rc)
        rc = give_document(txn, c, flags, json, n, err);
    crm_customer_free(c);
    return rc;
}

int crm_customer_to_json(crm_txn *txn, const crm_customer *c, uint32_t flags, char **json,
                         size_t *n, crm_error *err)
{
    int rc = check_json_args(txn, flags, json, err);

    if (rc)
        return rc;
    if (!c || !c->id)
        return crm__fail_field(err, CRM_EINVAL, "c", "c is not a record that was read");
    return give_document(txn, c, flags, json, n, err);
}

/* ---- find ---- */

static int value_of(crm_txn *txn, const crm__field *f, const char *source, const char *value,
                    size_t n, crm__value *v, crm_error *err)
{
    crm__value_ctx ctx = {txn->zone};
    crm__buf *out = &txn->scratch[0];
    uint32_t number = 0;
    int rc = CRM_OK;

    if (((f->flags & CRM_FIELD_PER_SOURCE) != 0) != (source && *source))
        return crm__fail_field(err, CRM_EVALUE, f->key,
                               f->flags & CRM_FIELD_PER_SOURCE ? "%s: needs the name of its source"
                                                               : "%s: is not per source",
                               f->key);
    if (source && *source) {
        rc = crm__dict_find(txn, CRM__DICT_SOURCE, source, strlen(source), &number);
        if (rc)
            return crm__txn_fail(txn, rc, "can't read the dictionary", err);
        if (!number)
            return crm__fail_field(err, CRM_ENOTFOUND, f->key, "%s: no customer found", f->key);
    }
    out->n = 0;
    rc = crm__value_parse(f, &ctx, value, n, number, out, err);
    if (!rc && out->failed) {
        out->failed = 0;
        return crm__fail_nomem(err);
    }
    if (!rc)
        rc = crm__value_decode(f->type, (f->flags & CRM_FIELD_PER_SOURCE) != 0,
                               crm__slice_of(out->p, out->n), v);
    return rc;
}

int crm_customer_find(crm_txn *txn, const crm_field *field, const char *source, const char *value,
                      size_t n, crm_id *ids, size_t cap, size_t *count, crm_error *err)
{
    uint8_t key[CRM__KEY_TOKEN];
    const crm__model *m;
    const crm__field *f;
    crm__value v;
    int rc;

    if (count)
        *count = 0;
    rc = crm__txn_enter_beside(txn, 0, err);
    if (rc)
        return rc;
    if (!field || !value || !count || (cap && !ids))
        return crm__fail_field(err, CRM_EINVAL, "arguments", "field, value, ids or count is NULL");
    rc = crm__txn_model(txn, &m, err);
    if (rc)
        return rc;
    f = crm__model_number(m, field->number);
    if (!f || !crm__field_indexed(f))
        return crm__fail_field(err, CRM_EFIELD, field->key,
                               "%s: customers can't be found by this field", field->key);
    rc = value_of(txn, f, source, value, n == CRM_NUL ? strlen(value) : n, &v, err);
    if (rc)
        return rc;
    rc = crm__token_key(txn->store, f, &v, &txn->scratch[1], key);
    if (!rc)
        rc = crm__txn_ids(txn, crm__slice_of(key, sizeof key), ids, cap, SIZE_MAX, count);
    if (rc)
        return crm__txn_fail(txn, rc, "can't look the value up", err);
    return *count ? CRM_OK
                  : crm__fail_field(err, CRM_ENOTFOUND, f->key, "%s: no customer found", f->key);
}

/* ---- validate ---- */

int crm__customer_judge(crm_txn *txn, const crm__model *m, crm_customer *c, const char *json,
                        size_t n, crm__customer_faults *faults)
{
    int rc = CRM_OK, write = txn->write;
    crm__buf changed;

    /* It only looks: sources without a number get none, also in a write transaction. */
    txn->write = write ? CRM__LOOKING : 0;
    crm__buf_init(&changed, txn->mem);
    crm__buf_add_u8(faults->all, '[');
    if (json)
        rc = crm__document_read(txn, json, n, c, faults);
    if (!rc) {
        crm__arena_reset(&txn->work);
        rc = crm__customer_merge(txn, m, CRM__CREATE, 0, NULL, c, &txn->record[1], &changed,
                                 faults);
    }
    crm__buf_add_u8(faults->all, ']');
    crm__buf_clear(&changed);
    txn->write = write;
    if (rc && rc != CRM_DONE)
        return rc;
    return faults->all->failed ? crm__fail_nomem(faults->err) : CRM_OK;
}

int crm_customer_validate_json(crm_txn *txn, const char *json, size_t n, char **report,
                               size_t *length, crm_error *err)
{
    crm_error local = CRM_ERROR_INIT;
    crm__customer_faults faults;
    const crm__model *m;
    crm_customer *c;
    crm__buf out;
    int rc = check_json_args(txn, 0, report, err);

    if (rc)
        return rc;
    if (!json)
        return crm__fail_field(err, CRM_EINVAL, "json", "json is NULL");
    rc = crm__txn_model(txn, &m, err);
    if (rc)
        return rc;
    if (crm__customer_make(txn->mem, (crm__model *)(uintptr_t)m, &c))
        return crm__fail_nomem(err);
    crm__buf_init(&out, txn->mem);
    faults = (crm__customer_faults){&local, &out, 0};
    rc = crm__customer_judge(txn, m, c, json, n == CRM_NUL ? strlen(json) : n, &faults);
    if (!rc) {
        *report = crm__give(txn->mem, out.p, out.n);
        if (!*report)
            rc = crm__fail_nomem(&local);
        else if (length)
            *length = out.n;
    }
    crm__buf_clear(&out);
    crm_customer_free(c);
    return rc ? crm__fail_copy(err, &local) : CRM_OK;
}
