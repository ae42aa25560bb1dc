/* SPDX-License-Identifier: MIT
 * Events of an import, from the cells of a row or a line of JSON: whose they are, and the reference
 * by which one that comes again is known.
 */
#include "io/import.h"

#include "base/time.h"
#include "customer/customer.h"
#include "event/event.h"

#include <crm/codes.h>

/* References are told apart within one customer only. */
enum { NAME_BYTES = 8 };

/* An event without a name of its own gets one made of the row, so that the same row is the same
 * event whenever it comes again; what a file of bad rows says of it is no part of it. */
static int name_event(crm_import *imp, const crm__import_row *r, crm__slice text, crm_error *err)
{
    static const uint8_t none[CRM__HASH_KEY];
    char name[4 + 2 * NAME_BYTES];
    uint8_t token[CRM__TOKEN_SIZE];
    crm__buf all;
    size_t n = 0;

    crm_event_reference(imp->e, &n);
    if (n)
        return CRM_OK;
    crm__buf_init(&all, &imp->mem);
    for (size_t i = 0; i < r->row.count; i++) {
        crm__slice column = crm__table_column(imp->in.table, r->row.cells[i].column);
        if (column.n >= 4 && memcmp(column.p, "crm:", 4) == 0)
            continue;
        crm__buf_add_varint(&all, column.n);
        crm__buf_add(&all, column.p, column.n);
        crm__buf_add_varint(&all, r->row.cells[i].text.n);
        crm__buf_add(&all, r->row.cells[i].text.p, r->row.cells[i].text.n);
    }
    crm__buf_add(&all, text.p ? (const void *)text.p : "", text.n);
    if (all.failed) {
        crm__buf_clear(&all);
        return crm__fail_nomem(err);
    }
    crm__token(none, crm__slice_of(all.p, all.n), token);
    crm__buf_clear(&all);
    memcpy(name, "row-", 4);
    for (size_t i = 0; i < NAME_BYTES; i++) {
        name[4 + 2 * i] = "0123456789abcdef"[token[i] >> 4];
        name[5 + 2 * i] = "0123456789abcdef"[token[i] & 15];
    }
    return crm_event_set_reference(imp->e, name, sizeof name, err);
}

static int add_event(crm_import *imp, const crm__import_row *r, crm__slice text, crm_id id,
                     crm_error *err)
{
    int rc = name_event(imp, r, text, err);

    if (!rc)
        rc = crm_event_add(imp->txn, id, imp->e, NULL, err);
    if (rc < 0)
        return rc;
    imp->done.created += rc == CRM_OK;
    imp->done.unchanged += rc == CRM_DONE;
    return CRM_OK;
}

int crm__import_row_event(crm_import *imp, const crm__import_row *r, crm_error *err)
{
    int64_t start = crm__clock_mono(), mapped;
    crm_id id = 0;
    int rc;

    crm_event_clear(imp->e);
    rc = crm__mapping_event(imp->map, &r->row, imp->e, &id, crm__import_cell_fault, imp, err);
    mapped = crm__clock_mono();
    imp->r.map_us += mapped - start;
    if (rc)
        return imp->faults.n ? CRM_OK : rc;
    rc = add_event(imp, r, r->text, id, err);
    imp->r.write_us += crm__clock_mono() - mapped;
    return rc;
}

/* ---- a line of JSON ---- */

/* The customers that have a value of a field; *id: of the one, when they are no other than it. */
static int find_by(crm_import *imp, crm__slice name, crm__slice value, crm_id *id, crm_error *err)
{
    crm_field field;
    size_t count = 0;
    crm_id found;
    int rc = crm_field_find(imp->txn, (const char *)name.p, name.n, &field, err);

    if (!rc)
        rc = crm_customer_find(imp->txn, &field, NULL, (const char *)value.p, value.n, &found, 1,
                               &count, err);
    if (rc == CRM_ENOTFOUND)
        return CRM_OK;
    if (!rc && (count > 1 || (*id && *id != found)))
        rc = crm__fail_field(err, CRM_EAMBIGUOUS, "customer",
                             "the identities belong to more than one customer");
    if (!rc)
        *id = found;
    return rc;
}

/* Whose event it is: member customer, a number, "field=value" or {"field":"value"}. */
static int event_owner(crm_import *imp, const crm__json *v, crm_id *id, crm_error *err)
{
    const crm__json *value;
    crm__slice text = crm__json_text(v);
    const void *at = NULL;
    const char *key;
    const uint8_t *sign;
    int rc = CRM_OK;

    *id = 0;
    if (crm__json_kind(v) == CRM__JSON_OBJECT) {
        while (!rc && crm__json_next(v, &at, &key, &value))
            rc = find_by(imp, crm__slice_of(key, strlen(key)), crm__json_text(value), id, err);
    } else if (crm__json_kind(v) == CRM__JSON_NUMBER) {
        for (size_t i = 0; i < text.n; i++) {
            if (text.p[i] < '0' || text.p[i] > '9' || i > 18)
                return crm__fail_field(err, CRM_EVALUE, "customer",
                                       "customer: the number of a customer is a whole number");
            *id = *id * 10 + (crm_id)(text.p[i] - '0');
        }
    } else if (crm__json_kind(v) == CRM__JSON_STRING && (sign = memchr(text.p, '=', text.n))) {
        size_t n = (size_t)(sign - text.p);
        rc = find_by(imp, crm__slice_of(text.p, n), crm__slice_of(sign + 1, text.n - n - 1), id,
                     err);
    } else {
        return crm__fail_field(err, CRM_EVALUE, "customer",
                               "customer: a number, \"field=value\" or {\"field\":\"value\"}");
    }
    if (!rc && !*id)
        rc = crm__fail_field(err, CRM_ENOTFOUND, "customer", "customer: there is no such customer");
    return rc;
}

int crm__import_line_event(crm_import *imp, const crm__import_row *r, crm__slice json,
                           crm_error *err)
{
    crm__json *doc = NULL;
    crm_id id = 0;
    int rc = crm__json_parse(&imp->mem, (const char *)json.p, json.n, &doc, err);

    if (!rc && crm__json_kind(doc) != CRM__JSON_OBJECT)
        rc = crm__fail(err, CRM_EVALUE, "an event is an object");
    if (!rc)
        rc = event_owner(imp, crm__json_member(doc, "customer"), &id, err);
    crm_event_clear(imp->e);
    if (!rc)
        rc = crm__event_read_json(imp->txn, doc, imp->e, err);
    if (!rc)
        rc = add_event(imp, r, json, id, err);
    crm__json_free(doc);
    return rc;
}
