/* SPDX-License-Identifier: MIT
 * crm list: customers in the order of their ids, as a table, CSV or JSON Lines.
 */
#include "tool.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "Usage: " TOOL " list [--after ID] [--limit N] [--kind KIND] [--deleted]\n"
    "                [--fields A,B,...] [--json | --csv] [--width N]\n"
    "\n"
    "Lists customers in the order of their ids. When the reader of the list takes a rest (a\n"
    "pager does), it goes on in a newer snapshot.\n"
    "\n"
    "  --after ID        those behind this one: where an earlier list ended\n"
    "  --limit N         at most so many, 1 or more; where to go on is told on standard error\n"
    "  --kind KIND       only person or organisation, or a label: 个人, 公司\n"
    "  --deleted         the deleted customers instead\n"
    "  --fields A,B,...  columns: keys or labels of fields, and id, kind, deleted, revision,\n"
    "                    created_at, updated_at, or as get shows them (类型); also which\n"
    "                    members JSON has\n"
    "  --csv             RFC 4180, with keys in the first line, values of lists separated\n"
    "                    by ';'\n"
    "  --width N         fit the table into N columns, 0: cut nothing; else the width of\n"
    "                    the terminal; elsewhere cells are cut at 40 columns\n"
    "\n"
    "Examples\n"
    "  " TOOL " list --limit 20\n"
    "  " TOOL " list --fields id,姓名,电话,城市 --lang zh\n"
    "  " TOOL " list --kind organisation --csv > companies.csv\n"
    "  " TOOL " list --json | head -3\n"
    "  " TOOL " list --after 20 --limit 20\n";

enum { CELL_MAX = 40 };

/* A column: a field of the model, or something every record has. */
typedef struct column {
    const char *built_in; /* NULL: the field */
    crm_field field;
} column;

enum { AS_TABLE, AS_JSON, AS_CSV };

typedef struct listing {
    tool *t;
    crm_txn *txn; /* NULL: between two snapshots */
    crm_customer_iter *it;
    crm_list_options options;
    column *columns;
    size_t count;
    int how, all_members;
    table *tb;
} listing;

static const char *const usual[] = {"name", "phone", "email", "city"};

static void add_column(listing *l, const char *name, const crm_field *field)
{
    l->columns = xrealloc(l->columns, (l->count + 1) * sizeof(column));
    memset(&l->columns[l->count], 0, sizeof(column));
    l->columns[l->count].built_in = name;
    if (field)
        l->columns[l->count].field = *field;
    l->count++;
}

static int add_named(listing *l, const char *name, size_t n)
{
    crm_error err = CRM_ERROR_INIT;
    slice wanted = {name, n};
    const char *key;
    crm_field field;
    int rc = crm_field_find(l->txn, name, n, &field, &err);

    if (rc == CRM_EFIELD && (key = built_in_key(wanted))) {
        add_column(l, key, NULL);
        return 0;
    }
    if (rc)
        return fail_crm(l->t, &err);
    add_column(l, NULL, &field);
    return 0;
}

static int choose_columns(listing *l, const char *names)
{
    crm_field field;
    int rc;

    if (!names) {
        l->all_members = 1;
        add_column(l, "id", NULL);
        for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
            if (!crm_field_find(l->txn, usual[i], CRM_NUL, &field, NULL))
                add_column(l, NULL, &field);
        if (l->count == 1 && target_name_field(l->txn, &field))
            add_column(l, NULL, &field);
        return 0;
    }
    while (*names) {
        size_t n = strcspn(names, ",");
        if (!n)
            return fail_usage(l->t, "--fields has an empty name");
        if ((rc = add_named(l, names, n)))
            return rc;
        names += n;
        if (*names == ',' && !*++names)
            return fail_usage(l->t, "--fields has an empty name");
    }
    return l->count ? 0 : fail_usage(l->t, "--fields needs names");
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
static int value_of(listing *l, crm_customer *c, const column *col, const char *between, buf *b)
{
    const char *lang = l->how == AS_TABLE ? l->t->lang : NULL;
    size_t count;
    int rc = 0;

    b->n = 0;
    if (col->built_in) {
        built_in_value(b, l->txn, c, col->built_in, lang);
        return 0;
    }
    count = crm_customer_count(c, &col->field);
    for (size_t i = 0; i < count && !rc; i++) {
        if (i)
            buf_str(b, between);
        rc = value_text(l->t, l->txn, c, &col->field, i, lang, b);
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

static void put_head(listing *l)
{
    buf line = {0};

    for (size_t i = 0; i < l->count && l->how != AS_JSON; i++) {
        const column *col = &l->columns[i];
        const char *label = key_of(col);
        if (l->how == AS_CSV) {
            if (i)
                buf_char(&line, ',');
            csv_cell(&line, label, strlen(label));
            continue;
        }
        if (col->built_in)
            label = built_in_label(label, l->t->lang);
        else
            label = field_label(l->txn, &col->field, l->t->lang);
        table_cell(l->tb, label, strlen(label));
    }
    if (l->how == AS_CSV)
        put_csv(&line);
    buf_free(&line);
}

static int put_row(listing *l, crm_customer *c)
{
    buf value = {0}, line = {0};
    int rc = 0;

    for (size_t i = 0; i < l->count && !rc; i++) {
        rc = value_of(l, c, &l->columns[i], l->how == AS_CSV ? ";" : ", ", &value);
        if (l->how == AS_TABLE) {
            table_cell(l->tb, value.p ? value.p : "", value.n);
        } else {
            if (i)
                buf_char(&line, ',');
            csv_cell(&line, value.p ? value.p : "", value.n);
        }
    }
    if (l->how == AS_CSV && !rc)
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
static int put_json(listing *l, const crm_customer *c)
{
    crm_error err = CRM_ERROR_INIT;
    slice doc;
    char *json;
    buf b = {0};

    if (crm_customer_to_json(l->txn, c, 0, &json, &doc.n, &err))
        return fail_crm(l->t, &err);
    doc.p = json;
    buf_char(&b, '{');
    for (size_t i = 0; i < l->count && !l->all_members; i++)
        put_member(&b, doc, key_of(&l->columns[i]));
    buf_char(&b, '}');
    if (l->all_members)
        out_json(doc.p, doc.n);
    else
        out_json(b.p, b.n);
    buf_free(&b);
    crm_free(json);
    return 0;
}

/* ---- the walk ---- */

static void put_resume(tool *t, crm_id last)
{
    buf b = {0};

    if (t->json) {
        buf_fmt(&b, "{\"resume\":{\"after\":%" PRIu64 "}}", last);
        error_line(&b);
    } else {
        note(t, "more with --after %" PRIu64, last);
    }
}

/* Whoever reads the list takes a rest: so does the snapshot. */
static void end_snapshot(void *ctx)
{
    listing *l = ctx;

    crm_customer_list_close(l->it);
    l->it = NULL;
    crm_txn_abort(l->txn);
    l->txn = NULL;
}

/* Goes on in a new snapshot, behind the last id. */
static int begin_snapshot(listing *l)
{
    crm_error err = CRM_ERROR_INIT;
    int rc = l->txn ? 0 : begin(l->t, CRM_READ, &l->txn);

    if (rc)
        return rc;
    if (crm_customer_list(l->txn, &l->options, &l->it, &err))
        return fail_crm(l->t, &err);
    out_on_stall(end_snapshot, l);
    return 0;
}

/* *more: the limit was reached, and there are further ones. */
static int walk(listing *l, uint64_t limit, int *more)
{
    crm_error err = CRM_ERROR_INIT;
    crm_customer *c;
    uint64_t seen = 0;
    int rc, code = 0;

    while (code <= TOOL_MISSING && !out_failed()) {
        if (!l->it && (rc = begin_snapshot(l)))
            return rc;
        rc = crm_customer_next(l->it, &c, &err);
        if (rc == CRM_ECORRUPT) { /* told, and gone past */
            fail_crm(l->t, &err);
            code = TOOL_MISSING;
            continue;
        }
        if (rc == CRM_DONE)
            return code;
        if (rc)
            return fail_crm(l->t, &err);
        if (seen++ == limit) {
            *more = 1;
            return code;
        }
        l->options.after = crm_customer_id(c);
        rc = l->how == AS_JSON ? put_json(l, c) : put_row(l, c);
        code = rc > code ? rc : code;
    }
    return code;
}

static int list(listing *l, const char *names, uint64_t limit, size_t width)
{
    int rc = choose_columns(l, names), more = 0;

    /* first, so that a wrong --kind prints no head; which no rest of the reader may interrupt */
    if (rc || (rc = begin_snapshot(l)))
        return rc;
    out_on_stall(NULL, NULL);
    if (l->how == AS_TABLE) {
        l->tb = table_new(l->count, width == SIZE_MAX ? out_columns(1) : width,
                          width == SIZE_MAX ? CELL_MAX : 0);
        for (size_t i = 0; i < l->count; i++)
            if (l->columns[i].built_in && strcmp(l->columns[i].built_in, "id") == 0)
                table_right(l->tb, i);
    }
    put_head(l);
    out_on_stall(end_snapshot, l);
    rc = walk(l, limit, &more);
    out_on_stall(NULL, NULL);
    end_snapshot(l);
    if (l->tb)
        table_end(l->tb);
    if (more)
        put_resume(l->t, l->options.after); /* below the table, which is printed at its end */
    return rc;
}

static int run(tool *t, int argc, char **argv)
{
    listing l = {t, NULL, NULL, CRM_LIST_OPTIONS_INIT, NULL, 0, AS_TABLE, 0, NULL};
    uint64_t limit = UINT64_MAX, width = SIZE_MAX;
    const char *names = NULL;
    int deleted = 0, csv = 0;
    const arg_option own[] = {{"after", 0, ARG_NUMBER, &l.options.after},
                              {"limit", 0, ARG_NUMBER, &limit},
                              {"kind", 0, ARG_TEXT, &l.options.kind},
                              {"deleted", 0, ARG_FLAG, &deleted},
                              {"fields", 0, ARG_TEXT, &names},
                              {"csv", 0, ARG_FLAG, &csv},
                              {"width", 0, ARG_NUMBER, &width},
                              {NULL, 0, 0, NULL}};
    int rc = verb_start(t, &argc, argv, own);

    if (rc)
        return rc;
    if (argc)
        return fail_usage(t, "takes no argument; see find for a search");
    if (csv && t->json)
        return fail_usage(t, "either --csv or --json");
    if (l.options.kind && !*l.options.kind)
        return fail_usage(t, "--kind needs person or organisation");
    if (!limit)
        return fail_usage(t, "--limit needs a number from 1");
    l.options.flags = deleted ? CRM_LIST_DELETED : 0;
    l.how = csv ? AS_CSV : t->json ? AS_JSON : AS_TABLE;
    if ((rc = open_read(t)) || (rc = begin(t, CRM_READ, &l.txn)))
        return rc;
    rc = list(&l, names, limit, (size_t)width);
    free(l.columns);
    crm_txn_abort(l.txn);
    return rc;
}

const verb verb_list = {"list", "", "list customers", help, 0, run};
