/* SPDX-License-Identifier: MIT
 * Customers as rows of a table, as CSV or as JSON Lines: which columns there are, and what stands
 * in them.  Who comes when is the affair of the verb.
 */
#include "tool.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { CELL_MAX = 40 };

/* A column: a field of the model, or something every record has. */
typedef struct rows_column column;
struct rows_column {
    const char *built_in; /* NULL: the field */
    crm_field field;
};

static const char *const usual[] = {"name", "phone", "email", "city"};

static void add_column(sheet *r, const char *name, const crm_field *field)
{
    r->columns = xrealloc(r->columns, (r->count + 1) * sizeof(column));
    memset(&r->columns[r->count], 0, sizeof(column));
    r->columns[r->count].built_in = name;
    if (field)
        r->columns[r->count].field = *field;
    r->count++;
}

static int add_named(sheet *r, const char *name, size_t n)
{
    crm_error err = CRM_ERROR_INIT;
    slice wanted = {name, n};
    const char *key;
    crm_field field;
    int rc = crm_field_find(r->txn, name, n, &field, &err);

    if (rc == CRM_EFIELD && (key = built_in_key(wanted))) {
        add_column(r, key, NULL);
        return 0;
    }
    if (rc)
        return fail_crm(r->t, &err);
    add_column(r, NULL, &field);
    return 0;
}

int rows_choose(sheet *r, const char *names)
{
    crm_field field;
    int rc;

    if (!names) {
        r->all_members = 1;
        add_column(r, "id", NULL);
        for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
            if (!crm_field_find(r->txn, usual[i], CRM_NUL, &field, NULL))
                add_column(r, NULL, &field);
        if (r->count == 1 && target_name_field(r->txn, &field))
            add_column(r, NULL, &field);
        return 0;
    }
    while (*names) {
        size_t n = strcspn(names, ",");
        if (!n)
            return fail_usage(r->t, "--fields has an empty name");
        if ((rc = add_named(r, names, n)))
            return rc;
        names += n;
        if (*names == ',' && !*++names)
            return fail_usage(r->t, "--fields has an empty name");
    }
    return r->count ? 0 : fail_usage(r->t, "--fields needs names");
}

static const char *key_of(const column *col)
{
    return col->built_in ? col->built_in : col->field.key;
}

/* `lang` NULL: the kind by its key. */
static void built_in_value(buf *b, crm_txn *txn, const crm_customer *c, const char *name,
                           const char *lang)
{
    const char *kind = crm_customer_kind(c);

    if (strcmp(name, "id") == 0)
        buf_fmt(b, "%" PRIu64, crm_customer_id(c));
    else if (strcmp(name, "kind") == 0)
        buf_str(b, lang ? customer_kind_label(txn, kind, lang) : kind);
    else if (strcmp(name, "deleted") == 0)
        buf_str(b, crm_customer_deleted(c) ? "yes" : "");
    else if (strcmp(name, "revision") == 0)
        buf_fmt(b, "%" PRIu64, crm_customer_revision(c));
    else if (strcmp(name, "created_at") == 0)
        buf_time(b, crm_customer_created_us(c));
    else
        buf_time(b, crm_customer_updated_us(c));
}

/* Text of a cell; several values are separated by `between`. */
static int value_of(sheet *r, crm_customer *c, const column *col, const char *between, buf *b)
{
    const char *lang = r->how == AS_TABLE ? r->t->lang : NULL;
    size_t count;
    int rc = 0;

    b->n = 0;
    if (col->built_in) {
        built_in_value(b, r->txn, c, col->built_in, lang);
        return 0;
    }
    count = crm_customer_count(c, &col->field);
    for (size_t i = 0; i < count && !rc; i++) {
        if (i)
            buf_str(b, between);
        rc = value_text(r->t, r->txn, c, &col->field, i, lang, b);
    }
    return rc;
}

/* ---- the three forms ---- */

static void csv_cell(buf *out, const char *s, size_t n)
{
    int quote = memchr(s, ',', n) || memchr(s, '"', n) || memchr(s, '\n', n) || memchr(s, '\r', n);

    if (quote)
        buf_char(out, '"');
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '"')
            buf_char(out, '"');
        buf_char(out, s[i]);
    }
    if (quote)
        buf_char(out, '"');
}

static void put_csv(buf *line)
{
    buf_str(line, "\r\n");
    if (out_is_terminal())
        line->n -= 2;
    if (out_is_terminal())
        out_raw(line->p, line->n);
    else
        out_put(line->p, line->n);
    if (out_is_terminal())
        out_put("\n", 1);
    line->n = 0;
}

static void put_head(sheet *r)
{
    buf line = {0};

    for (size_t i = 0; i < r->count && r->how != AS_JSON; i++) {
        const column *col = &r->columns[i];
        const char *label = key_of(col);
        if (r->how == AS_CSV) {
            if (i)
                buf_char(&line, ',');
            csv_cell(&line, label, strlen(label));
            continue;
        }
        if (col->built_in)
            label = built_in_label(label, r->t->lang);
        else
            label = field_label(r->txn, &col->field, r->t->lang);
        table_cell(r->tb, label, strlen(label));
    }
    if (r->how == AS_CSV)
        put_csv(&line);
    buf_free(&line);
}

static int put_row(sheet *r, crm_customer *c)
{
    buf value = {0}, line = {0};
    int rc = 0;

    for (size_t i = 0; i < r->count && !rc; i++) {
        rc = value_of(r, c, &r->columns[i], r->how == AS_CSV ? ";" : ", ", &value);
        if (r->how == AS_TABLE) {
            table_cell(r->tb, value.p ? value.p : "", value.n);
        } else {
            if (i)
                buf_char(&line, ',');
            csv_cell(&line, value.p ? value.p : "", value.n);
        }
    }
    if (r->how == AS_CSV && !rc)
        put_csv(&line);
    buf_free(&line);
    buf_free(&value);
    return rc;
}

/* Appends a member of the document under its key.  Identities stand in a list of their own there:
 * here they come as the array of their kind, which a document may hold as well. */
static void put_member(buf *out, slice doc, const char *key)
{
    slice value = json_member(doc, key), list = json_member(doc, "identities"), none, item;
    size_t pos = 0;
    int found = 0;

    if (value.n) {
        json_key(out, key);
        buf_add(out, value.p, value.n);
        return;
    }
    while (json_next(list, &pos, &none, &item)) {
        slice kind = json_member(item, "kind"), source = json_member(item, "source");
        if (kind.n != strlen(key) + 2 || memcmp(kind.p + 1, key, kind.n - 2) != 0)
            continue;
        if (!found++)
            json_key(out, key);
        buf_char(out, found == 1 ? '[' : ',');
        value = json_member(item, "value");
        if (source.n)
            buf_fmt(out, "{\"source\":%.*s,\"value\":%.*s}", (int)source.n, source.p, (int)value.n,
                    value.p);
        else
            buf_add(out, value.p, value.n);
    }
    if (found)
        buf_char(out, ']');
}

/* The whole document, or of it the members that were asked for. */
static int put_json(sheet *r, const crm_customer *c)
{
    crm_error err = CRM_ERROR_INIT;
    slice doc;
    char *json;
    buf b = {0};

    if (crm_customer_to_json(r->txn, c, 0, &json, &doc.n, &err))
        return fail_crm(r->t, &err);
    doc.p = json;
    buf_char(&b, '{');
    for (size_t i = 0; i < r->count && !r->all_members; i++)
        put_member(&b, doc, key_of(&r->columns[i]));
    buf_char(&b, '}');
    if (r->all_members)
        out_json(doc.p, doc.n);
    else
        out_json(b.p, b.n);
    buf_free(&b);
    crm_free(json);
    return 0;
}

int rows_put(sheet *r, crm_customer *c)
{
    return r->how == AS_JSON ? put_json(r, c) : put_row(r, c);
}

static int is_number(const column *col)
{
    uint32_t type = col->field.type;

    if (col->built_in)
        return strcmp(col->built_in, "id") == 0;
    return !(col->field.flags & CRM_FIELD_LIST) &&
           (type == CRM_TYPE_INTEGER || type == CRM_TYPE_DECIMAL || type == CRM_TYPE_MONEY);
}

void rows_head(sheet *r, size_t width)
{
    if (r->how == AS_TABLE) {
        r->tb = table_new(r->count, width == SIZE_MAX ? out_columns(1) : width,
                          width == SIZE_MAX ? CELL_MAX : 0);
        for (size_t i = 0; i < r->count; i++)
            if (is_number(&r->columns[i]))
                table_right(r->tb, i);
    }
    put_head(r);
}

void rows_end(sheet *r)
{
    if (r->tb)
        table_end(r->tb);
    r->tb = NULL;
    free(r->columns);
    r->columns = NULL;
}
