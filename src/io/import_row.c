/* SPDX-License-Identifier: MIT
 * One row of an import: it becomes a customer or an event, or the host is told what is wrong with
 * it, with the cells as they stand.
 */
#include "io/import.h"

#include "base/time.h"
#include "customer/customer.h"

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

void crm__import_fault(crm_import *imp, uint32_t column, int code, const char *field,
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

void crm__import_cell_fault(void *ctx, const crm__cell_fault *f)
{
    crm__import_fault(ctx, f->column, f->code, f->field, f->what, f->hint);
}

/* The column that is a field, UINT32_MAX when none is. */
uint32_t crm__import_column(const crm_import *imp, const char *field)
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
int crm__import_is_bad(int rc, const crm_error *err)
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
               : imp->map && crm__import_column(imp, f->key) == UINT32_MAX))
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
        hint = imp->what == CRM__MAP_CUSTOMERS
                   ? "the number of a customer who is there, or none; or the policy create"
               : strcmp(e->field, "voids") == 0 ? "the number of an event of the customer"
                                                : "a customer who is there";
    else if (e->code == CRM_ESYNTAX && !imp->map)
        hint = "a line is one whole JSON document, as jq -c . writes it";
    if (text.failed)
        imp->faults.failed = 1;
    else
        crm__import_fault(imp, crm__import_column(imp, e->field), e->code, e->field,
                          (const char *)text.p, hint);
    crm__buf_clear(&text);
}

void crm__import_no_identity(crm_import *imp)
{
    crm__buf hint;

    crm__buf_init(&hint, &imp->mem);
    crm__buf_add_str(&hint, "one of: ");
    identities(imp, NULL, &hint);
    crm__buf_add_u8(&hint, 0);
    if (hint.failed)
        imp->faults.failed = 1;
    else
        crm__import_fault(
            imp, UINT32_MAX, CRM_EVALUE, "",
            "there is nothing the customer could be found by: no identity, no unique field",
            (const char *)hint.p);
    crm__buf_clear(&hint);
}

/* ---- a row as a whole ---- */

static const char QUOTES[] = "a quote at the end of the cell, each one within it doubled";

/* What stands for bytes that are no text.  `whole`: it is a line, not a cell. */
static void judge_marks(crm_import *imp, crm__slice s, uint32_t column, const char *key, int whole)
{
    unsigned marks = crm__text_marks(s.p, s.n);
    char text[80] = "a NUL byte stands in it";

    if (marks & CRM__HAS_NUL) {
        const uint8_t *at = memmem(s.p, s.n, CRM__TEXT_NUL, sizeof CRM__TEXT_NUL - 1);
        if (whole)
            snprintf(text, sizeof text, "a NUL byte stands in it, at byte %zu",
                     (size_t)(at - s.p) + 1);
        crm__import_fault(imp, column, CRM_EVALUE, key, text,
                          "the text without U+2400, which stands for it here");
    }
    if (marks & CRM__HAS_INVALID)
        crm__import_fault(imp, column, CRM_EVALUE, key,
                          "some of its bytes are not valid in the encoding of the file",
                          "the right character in place of U+FFFD; or another encoding");
}

/* A cell of several lines with text behind its closing quote: a quote is missing, or one too many,
 * and rows may have run into one another. */
static void judge_quotes(crm_import *imp, const crm__table_row *row)
{
    for (size_t i = 0; i < row->count; i++) {
        const crm__cell *c = &row->cells[i];
        if (c->column < row->odd ||
            !(memchr(c->text.p, '\n', c->text.n) || memchr(c->text.p, '\r', c->text.n)))
            continue;
        crm__import_fault(imp, c->column, CRM_ESYNTAX, "",
                          "text stands behind the closing quote of a cell of several lines",
                          QUOTES);
        return;
    }
}

/* Of a card that is broken off what there was of it stands in the cells. */
static const char *broken_hint(const crm__table_row *row)
{
    return row->flags & CRM__ROW_AFTER_QUOTE ? QUOTES
           : row->count                      ? "what was read stands here: complete it"
                                             : "";
}

static void judge_row(crm_import *imp, const crm__import_row *r)
{
    const crm__table_row *row = &r->row;
    char text[160];

    if (row->flags & CRM__ROW_BROKEN) {
        crm__import_fault(imp, UINT32_MAX, CRM_ESYNTAX, "",
                          row->why ? row->why : "it can't be read",
                          broken_hint(row));
        return;
    }
    if (row->flags & CRM__ROW_MANY) {
        snprintf(text, sizeof text, "the row has %zu cells, but there are %zu columns", row->found,
                 crm__table_columns(imp->in.table));
        crm__import_fault(imp, UINT32_MAX, CRM_ESYNTAX, "", text,
                          "quotes around a cell that has the separator in it");
    }
    if (row->flags & CRM__ROW_AFTER_QUOTE)
        judge_quotes(imp, row);
    if (row->flags & CRM__ROW_REPLACED && !imp->map)
        judge_marks(imp, r->text, UINT32_MAX, "", 1);
    for (size_t i = 0; row->flags & CRM__ROW_REPLACED && i < row->count; i++) {
        const crm__mapped *m = crm__mapping_at(imp->map, row->cells[i].column);
        if (m->use != CRM__USE_NONE && m->use != CRM__USE_LEFT_OUT)
            judge_marks(imp, row->cells[i].text, row->cells[i].column, m->key ? m->key : "", 0);
    }
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

/* Puts the brace before what follows the notes. */
int crm__import_plain_line(crm_import *imp, crm__slice text, crm__slice *out)
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

static int row_line(crm_import *imp, const crm__import_row *r, crm_error *err)
{
    int64_t start = crm__clock_mono();
    int rc = crm__import_plain_line(imp, r->text, &imp->line);

    if (rc)
        return crm__fail_nomem(err);
    rc = imp->what == CRM__MAP_EVENTS ? crm__import_line_event(imp, r, imp->line, err)
                                      : crm__import_line_customer(imp, imp->line, err);
    imp->r.write_us += crm__clock_mono() - start;
    return rc;
}

static int code_of(crm__slice name)
{
    for (int code = -1; code > -64; code--) {
        const char *known = crm_error_name(code);
        if (name.n == strlen(known) && memcmp(name.p, known, name.n) == 0)
            return code;
    }
    return CRM_EVALUE;
}

/* Whether a fault of the field is told already. */
static int is_told(const crm_import *imp, const char *field)
{
    const crm_import_fault *f = (const crm_import_fault *)(const void *)imp->faults.p;

    for (size_t i = 0; *field && i < imp->faults.n / sizeof *f; i++) {
        if (strcmp(f[i].field, field) == 0)
            return 1;
    }
    return 0;
}

int crm__import_identity_told(const crm_import *imp)
{
    for (size_t i = 0; i < crm__model_count(imp->c->model); i++) {
        const crm__field *f = crm__model_at(imp->c->model, i);
        if (f->flags & (CRM_FIELD_UNIQUE | CRM_FIELD_IDENTITY) && is_told(imp, f->key))
            return 1;
    }
    return is_told(imp, "id");
}

/* One of the faults that a document or a row has.  What a customer who is there has already is none,
 * nor is a field they have that is lacking, unless it is certain that there is nobody. */
static int one_fault(crm_import *imp, const crm__json *fault, const crm_error *first, int is_new)
{
    static const char REQUIRED[] = ": is required";
    crm__slice field = crm__json_text(crm__json_member(fault, "field"));
    crm__slice message = crm__json_text(crm__json_member(fault, "message"));
    int code = code_of(crm__json_text(crm__json_member(fault, "code")));
    crm_error e = CRM_ERROR_INIT;

    crm__copy_name(e.field, (const char *)field.p, field.n);
    snprintf(e.message, sizeof e.message, "%.*s", (int)message.n, (const char *)message.p);
    if (imp->map && is_told(imp, e.field))
        return 0;
    if (!is_new && strcmp(e.message, first->message) != 0 &&
        (code == CRM_EEXISTS ||
         (message.n > sizeof REQUIRED && memcmp(message.p + message.n - (sizeof REQUIRED - 1),
                                                REQUIRED, sizeof REQUIRED - 1) == 0)))
        return 0;
    e.code = code;
    write_fault(imp, NULL, &e);
    return 1;
}

static int all_of(crm_import *imp, crm__slice report, const crm_error *first, int is_new)
{
    crm__json *list = NULL;
    int told = 0;

    if (!crm__json_parse(&imp->mem, (const char *)report.p, report.n, &list, NULL)) {
        for (size_t i = 0; i < crm__json_count(list); i++)
            told += one_fault(imp, crm__json_item(list, i), first, is_new);
    }
    crm__json_free(list);
    return told;
}

/* All that is wrong with the document of the line, which was refused because of `first`; how many
 * faults were told. */
static int line_faults(crm_import *imp, const crm_error *first)
{
    char *report = NULL;
    size_t n = 0;
    int told;

    if (first->code != CRM_EVALUE && first->code != CRM_EFIELD && first->code != CRM_EEXISTS)
        return 0;
    if (crm_customer_validate_json(imp->txn, (const char *)imp->line.p, imp->line.n, &report, &n,
                                   NULL))
        return 0;
    told = all_of(imp, crm__slice_of(report, n), first, imp->o.policy == CRM_IMPORT_CREATE);
    crm_free(report);
    return told;
}

/* Whether the customer of a row, of which some cells may be bad, is a new one. */
static int is_new(crm_import *imp)
{
    crm_id found[2];
    size_t count = 0;

    if (imp->o.policy == CRM_IMPORT_CREATE)
        return 1;
    return imp->o.policy != CRM_IMPORT_UPDATE && !crm__import_identity_told(imp) &&
           crm__customer_match(imp->txn, imp->c->model, imp->c, found, &count, NULL) == CRM_OK &&
           !count;
}

/* What else is wrong with a row that is bad because of its cells, or of the first thing that the
 * write found: so that it is put right once. */
static void other_faults(crm_import *imp)
{
    crm_error err = CRM_ERROR_INIT, none = CRM_ERROR_INIT;
    crm__customer_faults faults = {&err, NULL, 0};
    crm__buf report;

    if (imp->named && imp->o.policy != CRM_IMPORT_CREATE)
        return; /* a change of somebody, who may have what is lacking */
    crm__buf_init(&report, &imp->mem);
    faults.all = &report;
    if (!crm__customer_judge(imp->txn, imp->c->model, imp->c, NULL, 0, &faults))
        all_of(imp, crm__slice_of(report.p, report.n), &none, is_new(imp));
    crm__buf_clear(&report);
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
             : imp->what == CRM__MAP_EVENTS ? crm__import_row_event(imp, r, &why)
                                            : crm__import_row_customer(imp, r, &why);
        if (rc < 0 && crm__import_is_bad(rc, &why)) {
            if (imp->map || imp->what != CRM__MAP_CUSTOMERS || !line_faults(imp, &why))
                write_fault(imp, imp->what == CRM__MAP_CUSTOMERS && imp->map ? imp->c : NULL, &why);
            rc = CRM_OK;
        }
        if (!rc && imp->map && imp->what == CRM__MAP_CUSTOMERS && imp->faults.n)
            other_faults(imp);
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
