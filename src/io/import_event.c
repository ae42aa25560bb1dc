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

/* The document of a line, whose it is, and the event it says, in imp->e. */
static int read_line(crm_import *imp, crm__slice json, crm__json **doc, crm_id *id, crm_error *err)
{
    int rc = crm__json_parse(&imp->mem, (const char *)json.p, json.n, doc, err);

    if (!rc && crm__json_kind(*doc) != CRM__JSON_OBJECT)
        rc = crm__fail(err, CRM_EVALUE, "an event is an object");
    if (!rc)
        rc = crm__import_owner(imp, *doc, id, err);
    crm_event_clear(imp->e);
    return rc ? rc : crm__event_read_json(imp->txn, *doc, imp->e, err);
}

int crm__import_line_event(crm_import *imp, const crm__import_row *r, crm__slice json,
                           crm_error *err)
{
    crm__json *doc = NULL;
    uint32_t number;
    crm_id id = 0;
    int rc = read_line(imp, json, &doc, &id, err);

    if (!rc)
        rc = (number = crm__import_number(doc)) ? crm__import_add_numbered(imp, number, id, err)
                                                : add_event(imp, r, json, id, err);
    crm__json_free(doc);
    return rc;
}

int crm__import_line_passed(crm_import *imp, crm__slice json, crm_error *err)
{
    crm_error why = CRM_ERROR_INIT;
    crm__json *doc = NULL;
    uint32_t number;
    crm_id id = 0;
    int rc = read_line(imp, json, &doc, &id, &why);

    if (!rc && (number = crm__import_number(doc)))
        rc = crm__import_find_numbered(imp, number, id, &why);
    crm__json_free(doc);
    /* a line that was bad is so again, and was told */
    return rc < 0 && !crm__import_is_bad(rc, &why) ? crm__fail_copy(err, &why) : CRM_OK;
}
