/* SPDX-License-Identifier: MIT
 * One row of an import: from cells, or a line of JSON, to a customer or an event that is written,
 * or to what is wrong with it.
 */
#include "io/import.h"

#include "base/time.h"
#include "customer/customer.h"
#include "event/event.h"

#include <crm/codes.h>
#include <stdio.h>

/* ---- what is wrong ---- */

static const char *keep_text(crm_import *imp, const char *s)
{
    const char *copy = s && *s ? crm__arena_copy(&imp->row, s, strlen(s) + 1) : "";

    if (!copy)
        imp->faults.failed = 1;
    return copy ? copy : "";
}

static void add_fault(crm_import *imp, uint32_t column, int code, const char *field,
                      const char *what, const char *hint)
{
    size_t n = field ? strlen(field) : 0;
    crm_import_fault f;

    /* the field stands beside it */
    if (n && strncmp(what, field, n) == 0 && strncmp(what + n, ": ", 2) == 0)
        what += n + 2;
    memset(&f, 0, sizeof f);
    f.column = column;
    f.code = code;
    f.field = keep_text(imp, field);
    f.message = keep_text(imp, what);
    f.hint = keep_text(imp, hint);
    crm__buf_add(&imp->faults, &f, sizeof f);
}

static void cell_fault(void *ctx, const crm__cell_fault *f)
{
    add_fault(ctx, f->column, f->code, f->field, f->what, f->hint);
}

/* The column that is a field, UINT32_MAX when none is. */
static uint32_t column_of(const crm_import *imp, const char *field)
{
    for (size_t i = 0; imp->map && *field && i < crm__mapping_count(imp->map); i++) {
        const crm__mapped *m = crm__mapping_at(imp->map, i);
        if (m->key && strcmp(m->key, field) == 0 &&
            (m->use == CRM__USE_FIELD || m->use == CRM__USE_PART || m->use == CRM__USE_ATTRIBUTE))
            return (uint32_t)i;
    }
    return UINT32_MAX;
}

/* Whether an error is the row's; others end the import. */
static int is_bad_row(int rc, const crm_error *err)
{
    switch (rc) {
    case CRM_EVALUE:
    case CRM_EFIELD:
    case CRM_EEXISTS:
    case CRM_EAMBIGUOUS:
    case CRM_ECONFLICT:
    case CRM_ESYNTAX:
        return 1;
    case CRM_ENOTFOUND:
        return strcmp(err->field, "batch") != 0;
    default:
        return 0;
    }
}

/* Keys of the fields that customers are found by: of the record, or with NULL of the columns. */
static void identities(crm_import *imp, const crm_customer *c, crm__buf *out)
{
    const crm__model *m = imp->c->model;
    const char *between = "";
    int unique = 0;

    for (uint32_t i = 0; c && i < c->rec.entry_count; i++) {
        const crm__field *f = crm__model_number(m, c->rec.entries[i].field);
        unique |= f && f->flags & CRM_FIELD_UNIQUE;
    }
    for (size_t i = 0; i < crm__model_count(m); i++) {
        const crm__field *f = crm__model_at(m, i);
        if (!(f->flags & (CRM_FIELD_UNIQUE | CRM_FIELD_IDENTITY)) ||
            (unique && !(f->flags & CRM_FIELD_UNIQUE)) ||
            (c ? !crm__record_find(&c->rec, f->number)
               : imp->map && column_of(imp, f->key) == UINT32_MAX))
            continue;
        crm__buf_add_str(out, between);
        crm__buf_add_str(out, f->key);
        between = ", ";
    }
}

/* The fault that an error of a write is. */
static void write_fault(crm_import *imp, const crm_customer *c, const crm_error *e)
{
    const char *hint = "";
    crm__buf text;

    crm__buf_init(&text, &imp->mem);
    if (e->code == CRM_EAMBIGUOUS && c) {
        identities(imp, c, &text);
        crm__buf_add_fmt(&text, ": %s", e->message);
        hint = "identities of one customer only";
    } else {
        crm__buf_add_str(&text, e->message);
    }
    crm__buf_add_u8(&text, 0);
    if (e->code == CRM_EEXISTS)
        hint = imp->what == CRM__MAP_CUSTOMERS && imp->o.policy == CRM_IMPORT_CREATE
                   ? "another value; or the policy upsert, which changes that customer"
                   : "another value";
    else if (e->code == CRM_ENOTFOUND)
        hint = "the number of a customer who is there, or none; or the policy create";
    if (text.failed)
        imp->faults.failed = 1;
    else
        add_fault(imp, column_of(imp, e->field), e->code, e->field, (const char *)text.p, hint);
    crm__buf_clear(&text);
}

static void no_identity(crm_import *imp)
{
    crm__buf hint;

    crm__buf_init(&hint, &imp->mem);
    crm__buf_add_str(&hint, "one of: ");
    identities(imp, NULL, &hint);
    crm__buf_add_u8(&hint, 0);
    if (hint.failed)
        imp->faults.failed = 1;
    else
        add_fault(imp, UINT32_MAX, CRM_EVALUE, "",
                  "there is nothing the customer could be found by: no identity, no unique field",
                  (const char *)hint.p);
    crm__buf_clear(&hint);
}

/* ---- a row as a whole ---- */

static int has_replaced(crm__slice s)
{
    for (size_t i = 0; i + 3 <= s.n; i++) {
        if (s.p[i] == 0xef && s.p[i + 1] == 0xbf && s.p[i + 2] == 0xbd)
            return 1;
    }
    return 0;
}

static void judge_row(crm_import *imp, const crm__import_row *r)
{
    const crm__table_row *row = &r->row;
    char text[160];

    if (row->flags & CRM__ROW_BROKEN)
        add_fault(imp, UINT32_MAX, CRM_ESYNTAX, "", row->why ? row->why : "it can't be read", "");
    if (row->flags & CRM__ROW_MANY) {
        snprintf(text, sizeof text, "the row has %zu cells, but there are %zu columns", row->found,
                 crm__table_columns(imp->in.table));
        add_fault(imp, UINT32_MAX, CRM_ESYNTAX, "", text,
                  "quotes around a cell that has the separator in it");
    }
    for (size_t i = 0; row->flags & CRM__ROW_REPLACED && i < row->count; i++) {
        const crm__mapped *m = crm__mapping_at(imp->map, row->cells[i].column);
        if (m->use != CRM__USE_NONE && m->use != CRM__USE_LEFT_OUT &&
            has_replaced(row->cells[i].text))
            add_fault(imp, row->cells[i].column, CRM_EVALUE, m->key ? m->key : "",
                      "some of its bytes are not valid in the encoding of the file",
                      "the right character in place of U+FFFD; or another encoding");
    }
}

/* ---- customers ---- */

static int has_identity(const crm_customer *c)
{
    for (uint32_t i = 0; i < c->rec.entry_count; i++) {
        const crm__field *f = crm__model_number(c->model, c->rec.entries[i].field);
        if (f && f->flags & (CRM_FIELD_UNIQUE | CRM_FIELD_IDENTITY))
            return 1;
    }
    return 0;
}

/* Counts a customer who was there: the edits tell whether anything was written. */
static void count_change(crm_import *imp, uint64_t edits)
{
    if (imp->txn->edits.changes != edits)
        imp->done.updated++;
    else
        imp->done.unchanged++;
}

/* ---- somebody else ---- */

/* Appends a name without blanks and the case of ASCII letters. */
static void bare_name(crm__slice s, crm__buf *out)
{
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];
        if (c != ' ')
            crm__buf_add_u8(out, c >= 'A' && c <= 'Z' ? c + 32u : c);
    }
}

static int names_differ(crm_import *imp, const crm_customer *stored)
{
    const crm__field *f = crm__model_find(imp->c->model, "name", 4);
    const crm__entry *a = f ? crm__record_find(&imp->c->rec, f->number) : NULL;
    const crm__entry *b = f ? crm__record_find(&stored->rec, f->number) : NULL;
    crm__buf x, y;
    int differ;

    if (!a || !b || f->type != CRM_TYPE_TEXT || f->flags & CRM_FIELD_LIST || b->type != f->type)
        return 0;
    crm__buf_init(&x, &imp->mem);
    crm__buf_init(&y, &imp->mem);
    bare_name(a->payload, &x);
    bare_name(b->payload, &y);
    differ = !x.failed && !y.failed &&
             crm__slice_compare(crm__slice_of(x.p, x.n), crm__slice_of(y.p, y.n)) != 0;
    crm__buf_clear(&x);
    crm__buf_clear(&y);
    return differ;
}

static int has_item(const crm__entry *e, crm__slice value)
{
    crm__slice item;
    crm__item split;
    size_t pos = 0;

    if (!e->list)
        return crm__item_split(e->payload, e->scoped, &split) == CRM_OK &&
               crm__slice_compare(split.value, value) == 0;
    while (crm__list_next(e->payload, &pos, &item) == CRM_OK) {
        if (!crm__item_split(item, e->scoped, &split) && !crm__slice_compare(split.value, value))
            return 1;
    }
    return 0;
}

/* How many values of identities a row shares with a customer; *own: how many it has. */
static int shared_identities(const crm_import *imp, const crm_customer *stored, int *own)
{
    int shared = 0;

    *own = 0;
    for (uint32_t i = 0; i < imp->c->rec.entry_count; i++) {
        const crm__entry *e = &imp->c->rec.entries[i], *with;
        const crm__field *f = crm__model_number(imp->c->model, e->field);
        crm__slice item = e->payload;
        crm__item split;
        size_t pos = 0;
        if (!f || !(f->flags & (CRM_FIELD_IDENTITY | CRM_FIELD_UNIQUE)))
            continue;
        with = crm__record_find(&stored->rec, e->field);
        while (!e->list || crm__list_next(e->payload, &pos, &item) == CRM_OK) {
            ++*own;
            shared +=
                with && !crm__item_split(item, e->scoped, &split) && has_item(with, split.value);
            if (!e->list)
                break;
        }
    }
    return shared;
}

/* Whether a customer is not likely whom the row is about: it has another name, and the row shares
 * nothing else with them (numbered), or no more than the one identity they were found by. */
static int is_stranger(crm_import *imp, crm_id id, int numbered, int *stranger, crm_error *err)
{
    int own, shared, rc = CRM_OK;

    *stranger = 0;
    if (imp->o.flags & CRM_IMPORT_RENAME)
        return CRM_OK;
    if (!imp->was)
        rc = crm_customer_new(imp->txn, &imp->was, err);
    if (!rc)
        rc = crm_customer_get(imp->txn, id, imp->was, err);
    if (rc)
        return rc == CRM_ENOTFOUND ? CRM_OK : rc; /* the write says so */
    if (!names_differ(imp, imp->was))
        return CRM_OK;
    shared = shared_identities(imp, imp->was, &own);
    *stranger = numbered ? own && !shared : shared < 2;
    if (*stranger)
        add_fault(imp, column_of(imp, "name"), CRM_ECONFLICT, "name",
                  numbered ? "the customer of this number has another name, and nothing the row has"
                           : "the customer who has this identity has another name",
                  "the name as it is stored; rename, if it is the same one; or the policy create");
    return CRM_OK;
}

/* A row that names the customer by number. */
static int write_numbered(crm_import *imp, crm_id id, crm_error *err)
{
    uint64_t edits = imp->txn->edits.changes;
    int rc, stranger;

    if (imp->o.policy == CRM_IMPORT_SKIP) {
        imp->done.skipped++;
        return CRM_OK;
    }
    rc = is_stranger(imp, id, 1, &stranger, err);
    if (rc || stranger)
        return rc;
    rc = crm_customer_patch(imp->txn, id, 0, imp->c, err);
    if (rc == CRM_ENOTFOUND && imp->o.policy == CRM_IMPORT_UPDATE && is_bad_row(rc, err)) {
        imp->done.skipped++;
        return CRM_OK;
    }
    if (!rc)
        count_change(imp, edits);
    return rc;
}

/* For the policies update and skip: whether somebody has the identities. */
static int is_there(crm_import *imp, int *there, crm_error *err)
{
    crm_id found[2];
    size_t count = 0;
    int rc = crm__customer_match(imp->txn, imp->c->model, imp->c, found, &count, err);

    if (rc == CRM_EAMBIGUOUS && imp->o.policy == CRM_IMPORT_SKIP)
        rc = CRM_OK; /* they are there, that is enough */
    *there = count > 0;
    return rc;
}

/* Whether the customer whom an upsert would change is another one: of those found by what several
 * may have.  What is unique tells for certain. */
static int is_other(crm_import *imp, int *stranger, crm_error *err)
{
    crm_id found[2];
    size_t count = 0;
    int rc;

    *stranger = 0;
    for (uint32_t i = 0; i < imp->c->rec.entry_count; i++) {
        const crm__field *f = crm__model_number(imp->c->model, imp->c->rec.entries[i].field);
        if (f && f->flags & CRM_FIELD_UNIQUE)
            return CRM_OK;
    }
    rc = crm__customer_match(imp->txn, imp->c->model, imp->c, found, &count, err);
    return rc || !count ? rc : is_stranger(imp, found[0], 0, stranger, err);
}

static int write_customer(crm_import *imp, crm_id id, crm_error *err)
{
    uint32_t policy = imp->o.policy;
    uint64_t edits = imp->txn->edits.changes;
    int rc = CRM_OK, there = 0, created = 1, stranger;

    if (policy != CRM_IMPORT_CREATE && id)
        return write_numbered(imp, id, err);
    if (policy != CRM_IMPORT_CREATE && !has_identity(imp->c)) {
        no_identity(imp);
        return CRM_OK;
    }
    if (policy == CRM_IMPORT_UPDATE || policy == CRM_IMPORT_SKIP) {
        rc = is_there(imp, &there, err);
        if (rc || there != (policy == CRM_IMPORT_UPDATE)) {
            imp->done.skipped += !rc;
            return rc;
        }
    }
    if (policy == CRM_IMPORT_UPSERT || policy == CRM_IMPORT_UPDATE) {
        rc = is_other(imp, &stranger, err);
        if (rc || stranger)
            return rc;
        rc = crm_customer_upsert(imp->txn, imp->c, NULL, &created, err);
    } else {
        rc = crm_customer_create(imp->txn, imp->c, NULL, err);
    }
    if (!rc && created)
        imp->done.created++;
    else if (!rc)
        count_change(imp, edits);
    return rc;
}

static int row_customer(crm_import *imp, const crm__import_row *r, crm_error *err)
{
    int64_t start = crm__clock_mono(), mapped;
    crm_id id = 0;
    int rc;

    crm_customer_clear(imp->c);
    rc = crm__mapping_customer(imp->map, &r->row, imp->c, &id, cell_fault, imp, err);
    mapped = crm__clock_mono();
    imp->r.map_us += mapped - start;
    if (rc)
        return imp->faults.n ? CRM_OK : rc;
    rc = write_customer(imp, id, err);
    imp->r.write_us += crm__clock_mono() - mapped;
    return rc;
}

/* ---- events ---- */

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

static int row_event(crm_import *imp, const crm__import_row *r, crm_error *err)
{
    int64_t start = crm__clock_mono(), mapped;
    crm_id id = 0;
    int rc;

    crm_event_clear(imp->e);
    rc = crm__mapping_event(imp->map, &r->row, imp->e, &id, cell_fault, imp, err);
    mapped = crm__clock_mono();
    imp->r.map_us += mapped - start;
    if (rc)
        return imp->faults.n ? CRM_OK : rc;
    rc = add_event(imp, r, r->text, id, err);
    imp->r.write_us += crm__clock_mono() - mapped;
    return rc;
}

/* ---- a line of JSON ---- */

/* Length of a JSON string or number that begins at p, 0 when there is none. */
static size_t scalar_length(const uint8_t *p, size_t n)
{
    size_t i = 1;

    if (n && p[0] == '"') {
        while (i < n && p[i] != '"')
            i += p[i] == '\\' ? 2 : 1;
        return i < n ? i + 1 : 0;
    }
    for (i = 0; i < n && p[i] >= '0' && p[i] <= '9';)
        i++;
    return i;
}

/* Passes over the members "crm:..." that a file of bad lines has in front of each document: puts
 * the brace before what follows them, in a copy. */
static int plain_line(crm_import *imp, crm__slice text, crm__slice *out)
{
    static const char MINE[] = "\"crm:";
    size_t at = 1, key, value;
    uint8_t *copy;

    *out = text;
    while (text.n > at + 5 && text.p[0] == '{' && memcmp(text.p + at, MINE, 5) == 0) {
        key = scalar_length(text.p + at, text.n - at);
        if (!key || at + key + 1 >= text.n || text.p[at + key] != ':')
            break;
        value = scalar_length(text.p + at + key + 1, text.n - at - key - 1);
        if (!value || at + key + 1 + value >= text.n)
            break;
        at += key + 1 + value;
        at += text.p[at] == ',';
    }
    if (at == 1)
        return CRM_OK;
    copy = crm__arena_copy(&imp->row, text.p + at - 1, text.n - at + 1);
    if (!copy)
        return CRM_ENOMEM;
    copy[0] = '{';
    *out = crm__slice_of(copy, text.n - at + 1);
    return CRM_OK;
}

static int line_customer(crm_import *imp, crm__slice json, crm_error *err)
{
    crm__customer_faults faults = {err, NULL, 0};
    uint32_t policy = imp->o.policy;
    int there = 0, created = 1, rc = crm__txn_settle(imp->txn, err);
    uint64_t edits = imp->txn->edits.changes; /* events of the line before are written by now */
    const char *text = (const char *)json.p;

    if (rc)
        return rc;
    if (policy == CRM_IMPORT_UPDATE || policy == CRM_IMPORT_SKIP) {
        crm_customer_clear(imp->c);
        rc = crm__document_read(imp->txn, text, json.n, imp->c, &faults);
        if (!rc)
            rc = is_there(imp, &there, err);
        if (rc || there != (policy == CRM_IMPORT_UPDATE)) {
            imp->done.skipped += !rc;
            return rc;
        }
    }
    if (policy == CRM_IMPORT_UPSERT || policy == CRM_IMPORT_UPDATE)
        rc = crm_customer_upsert_json(imp->txn, text, json.n, NULL, &created, err);
    else
        rc = crm_customer_create_json(imp->txn, text, json.n, NULL, err);
    if (!rc && created)
        imp->done.created++;
    else if (!rc)
        count_change(imp, edits);
    return rc;
}

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

static int line_event(crm_import *imp, const crm__import_row *r, crm__slice json, crm_error *err)
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

static int row_line(crm_import *imp, const crm__import_row *r, crm_error *err)
{
    int64_t start = crm__clock_mono();
    crm__slice json;
    int rc = plain_line(imp, r->text, &json);

    if (rc)
        return crm__fail_nomem(err);
    rc = imp->what == CRM__MAP_EVENTS ? line_event(imp, r, json, err)
                                      : line_customer(imp, json, err);
    imp->r.write_us += crm__clock_mono() - start;
    return rc;
}

/* ---- telling ---- */

/* The cells of a row, one for each column, and those beyond them. */
static int spread(crm_import *imp, const crm__table_row *row, size_t columns, size_t *beyond)
{
    crm_import_text *t;
    crm__buf joined;

    *beyond = row->beyond_count ? row->beyond[row->beyond_count - 1].column + 1 - columns : 0;
    imp->texts.n = 0;
    if (!crm__buf_reserve(&imp->texts, (2 * columns + *beyond) * sizeof *t))
        return CRM_ENOMEM;
    t = (crm_import_text *)(void *)imp->texts.p;
    for (size_t i = 0; i < columns; i++) {
        crm__slice name = crm__table_column(imp->in.table, i);
        t[i] = (crm_import_text){(const char *)name.p, name.n};
        t[columns + i] = (crm_import_text){"", 0};
    }
    for (size_t i = 0; i < *beyond; i++)
        t[2 * columns + i] = (crm_import_text){"", 0};
    for (size_t i = 0; i < row->beyond_count; i++) {
        crm__slice s = row->beyond[i].text;
        t[columns + row->beyond[i].column] = (crm_import_text){(const char *)s.p, s.n};
    }
    for (size_t i = 0; i < row->count; i++) {
        crm_import_text *to = &t[columns + row->cells[i].column];
        crm__slice s = row->cells[i].text;
        if (to->n) {
            crm__buf_init(&joined, &imp->mem);
            crm__buf_add(&joined, to->p, to->n);
            crm__buf_add_str(&joined, " ::: ");
            crm__buf_add(&joined, s.p, s.n);
            s = crm__slice_of(joined.failed ? NULL : crm__arena_copy(&imp->row, joined.p, joined.n),
                              joined.n);
            crm__buf_clear(&joined);
            if (!s.p)
                return CRM_ENOMEM;
        }
        *to = (crm_import_text){(const char *)s.p, s.n};
    }
    return CRM_OK;
}

static int tell_bad(crm_import *imp, const crm__import_row *r, crm_error *err)
{
    size_t columns = imp->in.table ? crm__table_columns(imp->in.table) : 0;
    crm_import_bad bad;

    if (!imp->o.bad)
        return CRM_OK;
    memset(&bad, 0, sizeof bad);
    bad.size = sizeof bad;
    bad.row = r->row.number;
    bad.line = r->row.line;
    bad.faults = (const crm_import_fault *)(const void *)imp->faults.p;
    bad.fault_count = imp->faults.n / sizeof *bad.faults;
    if (columns) {
        if (spread(imp, &r->row, columns, &bad.beyond_count))
            return crm__fail_nomem(err);
        bad.columns = (const crm_import_text *)(const void *)imp->texts.p;
        bad.cells = bad.columns + columns;
        bad.column_count = columns;
        bad.beyond = bad.cells + columns;
    }
    bad.text = (crm_import_text){(const char *)r->text.p, r->text.n};
    return imp->o.bad(&bad, imp->o.ctx) ? CRM_DONE : CRM_OK;
}

int crm__import_write(crm_import *imp, const crm__import_row *r, crm_error *err)
{
    crm_error why = CRM_ERROR_INIT;
    int rc = CRM_OK;

    crm__arena_reset(&imp->row);
    imp->faults.n = 0;
    judge_row(imp, r);
    if (!imp->faults.n && !imp->faults.failed) {
        rc = !imp->map                      ? row_line(imp, r, &why)
             : imp->what == CRM__MAP_EVENTS ? row_event(imp, r, &why)
                                            : row_customer(imp, r, &why);
        if (rc < 0 && is_bad_row(rc, &why)) {
            write_fault(imp, imp->what == CRM__MAP_CUSTOMERS && imp->map ? imp->c : NULL, &why);
            rc = CRM_OK;
        }
    }
    if (imp->faults.failed) {
        imp->faults.failed = 0;
        return crm__fail_nomem(err);
    }
    if (rc)
        return crm__fail_copy(err, &why);
    imp->done.rows++;
    imp->done.empty += r->empty;
    imp->done.hash = crm__row_hash(imp->done.hash, r);
    crm__import_note(imp, imp->done.rows, imp->done.hash);
    if (!imp->faults.n)
        return CRM_OK;
    imp->done.bad++;
    return tell_bad(imp, r, err);
}
