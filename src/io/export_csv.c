/* SPDX-License-Identifier: MIT
 * CSV of customers and events: which columns, their names, and the cells.  A cell holds what the
 * import reads back as the same value.
 */
#include "io/export.h"

#include "db/model.h"
#include "io/mapping.h"

#include "base/time.h"

#include <string.h>

static const char *const CUSTOMER_OWN[] = {"id",         "kind",       "revision",
                                           "created_at", "updated_at", "tags"};
static const char *const EVENT_OWN[] = {"customer", "number", "kind",
                                        "time",     "source", "reference"};

/* ---- columns ---- */

static int add_column(crm__export *x, const char *own, const crm_field *field, const char *source)
{
    crm__export_column c;

    memset(&c, 0, sizeof c);
    c.own = own;
    if (field) {
        c.field = *field;
        c.f = crm__model_number(x->model, field->number);
    }
    c.source = source;
    crm__buf_add(&x->columns, &c, sizeof c);
    return x->columns.failed ? crm__fail_nomem(x->err) : CRM_OK;
}

static const char *own_word(const crm__export *x, const char *name, size_t n)
{
    int events = x->o->what == CRM_EXPORT_EVENTS;
    const char *const *words = events ? EVENT_OWN : CUSTOMER_OWN;
    size_t count =
        events ? sizeof EVENT_OWN / sizeof *EVENT_OWN : sizeof CUSTOMER_OWN / sizeof *CUSTOMER_OWN;

    for (size_t i = 0; i < count; i++) {
        if (strlen(words[i]) == n && memcmp(words[i], name, n) == 0)
            return words[i];
    }
    return NULL;
}

/* An attribute by name, of any kind of events that has it. */
static int find_attribute(crm__export *x, const char *name, size_t n, crm_field *out)
{
    crm_event_kind kind;
    size_t pos = 0;
    int rc;

    while ((rc = crm_event_kind_next(x->txn, &pos, &kind, x->err)) == CRM_OK) {
        rc = crm_attribute_find(x->txn, &kind, name, n, out, x->err);
        if (rc != CRM_EFIELD)
            return rc;
    }
    if (rc != CRM_DONE)
        return rc;
    return crm__fail_field(x->err, CRM_EFIELD, "fields",
                           "a column names no attribute of any kind of events");
}

/* "external@erp" */
static int find_scoped(crm__export *x, const char *name, size_t n, crm_field *field,
                       const char **source)
{
    const char *at = memchr(name, '@', n);
    size_t k = at ? (size_t)(at - name) : n;
    int rc = crm_field_find(x->txn, name, k, field, x->err);
    char *copy;

    if (rc || !at)
        return rc;
    if (!(field->flags & CRM_FIELD_PER_SOURCE) || k + 1 == n)
        return crm__fail_field(x->err, CRM_EFIELD, field->key, "%s has no values by source",
                               field->key);
    copy = crm__arena_alloc(&x->arena, n - k);
    if (!copy)
        return crm__fail_nomem(x->err);
    memcpy(copy, at + 1, n - k - 1);
    copy[n - k - 1] = 0;
    *source = copy;
    return CRM_OK;
}

static int add_dimension(crm__export *x, const char *name, size_t n)
{
    crm__export_column c = {"tags", {0}, NULL, NULL, NULL};

    c.within = crm__model_dimension_find(x->model, name, n);
    if (!c.within)
        return crm__dimension_unknown(x->model, name, n, 1, x->err);
    crm__buf_add(&x->columns, &c, sizeof c);
    return x->columns.failed ? crm__fail_nomem(x->err) : CRM_OK;
}

static int add_named(crm__export *x, const char *name, size_t n)
{
    const char *own = own_word(x, name, n), *source = NULL;
    crm_field field;
    int rc;

    while (n && *name == ' ')
        name++, n--;
    while (n && name[n - 1] == ' ')
        n--;
    own = own_word(x, name, n);
    if (own)
        return add_column(x, own, NULL, NULL);
    if (n > 4 && memcmp(name, "tag:", 4) == 0 && x->o->what == CRM_EXPORT_CUSTOMERS)
        return add_dimension(x, name + 4, n - 4);
    if (!n)
        return crm__fail_field(x->err, CRM_EFIELD, "fields", "a column has no name");
    rc = x->o->what == CRM_EXPORT_EVENTS ? find_attribute(x, name, n, &field)
                                         : find_scoped(x, name, n, &field, &source);
    return rc ? rc : add_column(x, NULL, &field, source);
}

static int named_columns(crm__export *x, const char *names)
{
    int rc = CRM_OK;

    do {
        size_t n = strcspn(names, ",");
        rc = add_named(x, names, n);
        names += n;
    } while (!rc && *names++ == ',');
    return rc;
}

/* ---- all columns ---- */

static int has_column(const crm__export *x, const crm_field *f, const char *source)
{
    const crm__export_column *c = (const crm__export_column *)(const void *)x->columns.p;

    for (size_t i = 0; i < crm__export_columns(x); i++) {
        if (c[i].own || strcmp(c[i].field.key, f->key) != 0)
            continue;
        if (!source || (c[i].source && strcmp(c[i].source, source) == 0))
            return 1;
    }
    return 0;
}

/* A column for each source that a customer has values of. */
static int sources_of(crm__export *x, crm_customer *c)
{
    crm_field f;
    size_t pos = 0;
    int rc;

    while ((rc = crm_field_next(x->txn, &pos, &f, x->err)) == CRM_OK) {
        size_t count = f.flags & CRM_FIELD_PER_SOURCE ? crm_customer_count(c, &f) : 0;
        for (size_t i = 0; i < count; i++) {
            const char *source;
            char *copy;
            rc = crm_customer_source(x->txn, c, &f, i, &source, x->err);
            if (rc)
                return rc;
            if (has_column(x, &f, source))
                continue;
            copy = crm__arena_copy(&x->arena, source, strlen(source) + 1);
            rc = copy ? add_column(x, NULL, &f, copy) : crm__fail_nomem(x->err);
            if (rc)
                return rc;
        }
    }
    return rc == CRM_DONE ? CRM_OK : rc;
}

static int all_fields(crm__export *x)
{
    int scoped = 0, rc = add_column(x, "id", NULL, NULL);
    size_t pos = 0;
    crm_field f;

    if (!rc)
        rc = add_column(x, "kind", NULL, NULL);
    while (!rc && (rc = crm_field_next(x->txn, &pos, &f, x->err)) == CRM_OK) {
        if (f.flags & CRM_FIELD_PER_SOURCE)
            scoped = 1;
        else
            rc = add_column(x, NULL, &f, NULL);
    }
    if (rc == CRM_DONE)
        rc = CRM_OK;
    if (!rc && scoped) {
        rc = crm__export_each(x, sources_of);
        x->total += x->done;
    }
    return rc ? rc : add_column(x, "tags", NULL, NULL);
}

static int all_attributes(crm__export *x)
{
    crm_event_kind kind;
    size_t pos = 0, at;
    crm_field f;
    int rc = CRM_OK;

    for (size_t i = 0; i < sizeof EVENT_OWN / sizeof *EVENT_OWN && !rc; i++)
        rc = add_column(x, EVENT_OWN[i], NULL, NULL);
    while (!rc && (rc = crm_event_kind_next(x->txn, &pos, &kind, x->err)) == CRM_OK) {
        at = 0;
        while (!rc && (rc = crm_attribute_next(x->txn, &kind, &at, &f, x->err)) == CRM_OK) {
            if (!has_column(x, &f, NULL))
                rc = add_column(x, NULL, &f, NULL);
        }
        rc = rc == CRM_DONE ? CRM_OK : rc;
    }
    return rc == CRM_DONE ? CRM_OK : rc;
}

void crm__export_cell(crm__export *x)
{
    crm__csv_cell(&x->csv, crm__slice_of(x->cell.p, x->cell.n));
    x->cell.n = 0;
}

int crm__export_end_row(crm__export *x)
{
    crm__csv_end_row(&x->csv);
    return x->cell.failed || x->out.failed ? crm__fail_nomem(x->err) : CRM_OK;
}

static int head_of(crm__export *x, const crm__export_column *c)
{
    const char *name = c->own ? c->own : c->field.key;
    int rc = CRM_OK;

    if (!c->own && x->o->lang && *x->o->lang)
        rc = crm_field_label(x->txn, &c->field, x->o->lang, &name, x->err);
    if (rc)
        return rc;
    if (c->within)
        crm__buf_add_fmt(&x->cell, "tag:%s", c->within->key);
    else
        crm__buf_add_str(&x->cell, name);
    if (c->source)
        crm__buf_add_fmt(&x->cell, "@%s", c->source);
    crm__export_cell(x);
    return CRM_OK;
}

void crm__export_csv_open(crm__export *x)
{
    unsigned flags = CRM__CSV_CRLF | (x->o->flags & CRM_EXPORT_BOM ? CRM__CSV_BOM : 0) |
                     (x->o->flags & CRM_EXPORT_DEFORMULA ? CRM__CSV_DEFORMULA : 0);

    crm__csv_begin(&x->csv, &x->out, x->o->separator ? (char)x->o->separator : ',', flags);
}

int crm__export_csv_begin(crm__export *x)
{
    const crm__export_column *c;
    int rc = crm__txn_model(x->txn, &x->model, x->err);

    if (rc)
        return rc;
    crm__export_csv_open(x);
    rc = x->o->fields                      ? named_columns(x, x->o->fields)
         : x->o->what == CRM_EXPORT_EVENTS ? all_attributes(x)
                                           : all_fields(x);
    c = (const crm__export_column *)(const void *)x->columns.p;
    for (size_t i = 0; !rc && i < crm__export_columns(x); i++)
        rc = head_of(x, &c[i]);
    return rc ? rc : crm__export_end_row(x);
}

/* ---- cells ---- */

void crm__export_put_tag(crm__buf *to, crm__slice tag, int64_t until)
{
    char text[40];

    crm__buf_add(to, tag.p, tag.n);
    if (!until)
        return;
    crm__buf_add_str(to, " (until ");
    crm__buf_add(to, text, crm__datetime_format(until, text));
    crm__buf_add_u8(to, ')');
}

void crm__export_time(crm__export *x, int64_t us)
{
    char text[40];

    crm__buf_add(&x->cell, text, crm__datetime_format(us, text));
}

/* Of an enum, a label when the head has labels.  own: the model's of that field. */
static int put_text(crm__export *x, const crm_field *f, const crm__field *own, const char *text,
                    size_t n)
{
    size_t before = x->cell.n;
    const char *label = NULL;
    int rc;

    if (f->type != CRM_TYPE_ENUM || !x->o->lang || !*x->o->lang) {
        crm__map_put(&x->cell, own, crm__slice_of(text, n));
        return CRM_OK;
    }
    crm__buf_add(&x->cell, text, n);
    crm__buf_add_u8(&x->cell, 0); /* the key has an end of its own here only */
    if (x->cell.failed)
        return crm__fail_nomem(x->err);
    rc = crm_value_label(x->txn, f, (const char *)x->cell.p + before, x->o->lang, &label, x->err);
    x->cell.n = before;
    if (!rc)
        crm__map_put(&x->cell, own, crm__slice_of(label, strlen(label)));
    return rc;
}

static int put_values(crm__export *x, const crm__export_column *c, crm_customer *from)
{
    size_t count = crm_customer_count(from, &c->field), put = 0, before = 0, n;
    const char *text, *source = NULL;
    int rc = CRM_OK;

    for (size_t i = 0; i < count && !rc; i++) {
        if (c->field.flags & CRM_FIELD_PER_SOURCE)
            rc = crm_customer_source(x->txn, from, &c->field, i, &source, x->err);
        if (rc || (c->source && (!source || strcmp(source, c->source) != 0)))
            continue;
        rc = crm_customer_text(from, &c->field, i, &text, &n, x->err);
        if (rc)
            break;
        if (put++)
            crm__map_put_mark(&x->cell, c->f, before);
        before = x->cell.n;
        if (source && !c->source)
            crm__buf_add_fmt(&x->cell, "%s:", source);
        rc = put_text(x, &c->field, c->f, text, n);
    }
    return rc;
}

/* Of one dimension without its name, which the column has. */
static int put_tags(crm__export *x, const crm__dimension *within, const crm_customer *c)
{
    int rc = crm__export_tags(x, c);
    size_t before = x->cell.n, k = within ? strlen(within->key) + 1 : 0;
    int64_t until;
    crm__tag tag;

    while (!rc && (rc = crm__tag_window_next(&x->tags, &tag, &until, x->err)) == CRM_OK) {
        if (within && tag.dimension != within)
            continue;
        if (x->cell.n != before)
            crm__buf_add_u8(&x->cell, ';');
        tag.name.p += k;
        tag.name.n -= k;
        if (k && crm__map_is_nothing(tag.name)) /* a name that says nothing has its dimension */
            tag.name = crm__slice_of(tag.name.p - k, tag.name.n + k);
        crm__export_put_tag(&x->cell, tag.name, until);
    }
    return rc == CRM_DONE ? CRM_OK : rc;
}

static void put_own(crm__export *x, const char *own, const crm_customer *c)
{
    switch (own[0]) {
    case 'i':
        crm__buf_add_fmt(&x->cell, "%llu", (unsigned long long)crm_customer_id(c));
        break;
    case 'k':
        crm__buf_add_str(&x->cell, crm_customer_kind(c));
        break;
    case 'r':
        crm__buf_add_fmt(&x->cell, "%llu", (unsigned long long)crm_customer_revision(c));
        break;
    case 'c':
        crm__export_time(x, crm_customer_created_us(c));
        break;
    default:
        crm__export_time(x, crm_customer_updated_us(c));
    }
}

int crm__export_csv_customer(crm__export *x, crm_customer *c)
{
    const crm__export_column *col = (const crm__export_column *)(const void *)x->columns.p;
    int rc = CRM_OK;

    for (size_t i = 0; !rc && i < crm__export_columns(x); i++) {
        if (col[i].own && col[i].own[0] == 't')
            rc = put_tags(x, col[i].within, c);
        else if (col[i].own)
            put_own(x, col[i].own, c);
        else
            rc = put_values(x, &col[i], c);
        crm__export_cell(x);
    }
    if (!rc)
        rc = crm__export_end_row(x);
    return rc ? rc : crm__export_row(x);
}

/* ---- events ---- */

static int put_event_own(crm__export *x, const char *own, crm_event *e)
{
    const char *text = NULL;
    size_t n = 0;
    int rc = CRM_OK;

    if (strcmp(own, "customer") == 0)
        crm__buf_add_fmt(&x->cell, "%llu", (unsigned long long)crm_event_customer(e));
    else if (strcmp(own, "number") == 0)
        crm__buf_add_fmt(&x->cell, "%lu", (unsigned long)crm_event_number(e));
    else if (strcmp(own, "kind") == 0)
        crm__buf_add_str(&x->cell, crm_event_kind_key(e));
    else if (strcmp(own, "time") == 0)
        crm__export_time(x, crm_event_time_us(e));
    else if (strcmp(own, "reference") == 0)
        text = crm_event_reference(e, &n);
    else
        rc = crm_event_source(x->txn, e, &text, &n, x->err);
    if (!rc && text)
        crm__map_put(&x->cell, NULL, crm__slice_of(text, n));
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

static int put_attribute(crm__export *x, const crm_event_kind *kind, const char *key, crm_event *e)
{
    const crm__event_kind *own;
    const char *text;
    crm_field f;
    size_t n;
    int rc = crm_attribute_find(x->txn, kind, key, CRM_NUL, &f, NULL);

    if (!rc)
        rc = crm_event_text(e, &f, &text, &n, NULL);
    if (!rc)
        return put_text(x, &f, crm__field_attribute(x->model, &f, &own), text, n);
    return rc == CRM_EFIELD || rc == CRM_ENOTFOUND
               ? CRM_OK
               : crm__fail(x->err, rc, "%s", crm_error_text(rc));
}

int crm__export_csv_event(crm__export *x, crm_event *e)
{
    const crm__export_column *col = (const crm__export_column *)(const void *)x->columns.p;
    crm_event_kind kind;
    int rc = crm_event_kind_find(x->txn, crm_event_kind_key(e), CRM_NUL, &kind, x->err);

    for (size_t i = 0; !rc && i < crm__export_columns(x); i++) {
        rc = col[i].own ? put_event_own(x, col[i].own, e)
                        : put_attribute(x, &kind, col[i].field.key, e);
        crm__export_cell(x);
    }
    if (!rc)
        rc = crm__export_end_row(x);
    return rc ? rc : crm__export_row(x);
}
