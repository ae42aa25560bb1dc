/* SPDX-License-Identifier: MIT
 * Numbers in the public interface: ask, read, write as JSON and CSV.
 */
#include "segment/number_table.h"

#include "base/error.h"
#include "codec/json.h"

#include <string.h>

/* ---- asking ---- */

static const char *text_of(crm__arena *a, const crm__buf *b)
{
    char *to = b->failed ? NULL : crm__arena_alloc(a, b->n + 1);

    if (!to)
        return NULL;
    if (b->n)
        memcpy(to, b->p, b->n);
    to[b->n] = 0;
    return to;
}

/* Canonical texts of the request and of its parts. */
static int name_all(crm_numbers *t, const crm__request *q)
{
    uint32_t column = 0;
    crm__buf b;
    int rc = CRM_OK;

    crm__buf_init(&b, &t->mem);
    crm__request_print(q, &b);
    t->text = text_of(&t->a, &b);
    for (uint32_t i = 0; i < t->group_count; i++) {
        b.n = 0;
        crm__grouping_print(&q->by[i], &b);
        t->heads[column++] = text_of(&t->a, &b);
    }
    for (uint32_t i = 0; i < t->value_count; i++) {
        b.n = 0;
        if (i >= t->measure_count)
            crm__buf_add_fmt(&b, "moving %u ", (unsigned)q->moving);
        crm__measure_print(&q->measures[i % t->measure_count], &b);
        t->heads[column++] = text_of(&t->a, &b);
    }
    for (uint32_t i = 0; i < column; i++)
        rc = t->heads[i] ? rc : CRM_ENOMEM;
    crm__buf_clear(&b);
    return t->text ? rc : CRM_ENOMEM;
}

static int make(crm_txn *txn, const crm_segment *s, const crm__request *q,
                const crm_segment_options *opts, crm_numbers *t, crm_error *err)
{
    crm__number_run *n = crm__alloc(txn->mem, sizeof *n);
    int rc;

    if (!n)
        return crm__fail_nomem(err);
    t->group_count = q->grouping_count;
    t->measure_count = q->measure_count;
    t->value_count = q->measure_count * (q->moving ? 2 : 1);
    rc = crm__number_run_all(n, txn, s, q, opts, err);
    memcpy(t->how, n->how, sizeof t->how);
    for (uint32_t i = 0; i < q->measure_count; i++)
        t->plain[i] =
            q->measures[i].op == CRM__MEASURE_COUNT || q->measures[i].op == CRM__MEASURE_DISTINCT;
    if (!rc) {
        rc = name_all(t, q);
        if (!rc)
            rc = crm__numbers_fill(t, n);
        if (rc)
            rc = crm__segment_fail(txn, rc, err);
    }
    crm__number_end(n);
    crm__release(txn->mem, n);
    return rc;
}

int crm_numbers_ask(crm_txn *txn, const crm_segment *s, const char *text, size_t n,
                    const crm_segment_options *opts, crm_numbers **out, crm_error *err)
{
    const crm__model *m;
    crm__request q;
    crm__tree *tree;
    crm_numbers *t;
    int rc;

    if (!out)
        return crm__fail_field(err, CRM_EINVAL, "out", "out is NULL");
    *out = NULL;
    rc = crm__txn_enter(txn, 0, err);
    if (!rc && (!text || !s))
        rc = crm__fail_field(err, CRM_EINVAL, text ? "s" : "text", "%s is NULL",
                             text ? "s" : "text");
    if (!rc)
        rc = crm__txn_model(txn, &m, err);
    if (rc)
        return rc;
    rc = crm__request_parse(txn->mem, (crm__model *)(uintptr_t)m, txn->zone, text,
                            n == CRM_NUL ? strlen(text) : n, &tree, &q, err);
    if (rc)
        return rc;
    t = crm__calloc(txn->mem, 1, sizeof *t);
    if (!t) {
        crm__tree_unref(tree);
        return crm__fail_nomem(err);
    }
    t->mem = *txn->mem;
    crm__arena_init(&t->a, &t->mem);
    rc = make(txn, s, &q, opts, t, err);
    crm__tree_unref(tree);
    if (rc)
        crm_numbers_free(t);
    else
        *out = t;
    return rc;
}

void crm_numbers_free(crm_numbers *t)
{
    crm_allocator mem;

    if (!t)
        return;
    mem = t->mem;
    crm__arena_clear(&t->a);
    crm__release(&mem, t->rows);
    crm__release(&mem, t);
}

/* ---- reading ---- */

const char *crm_numbers_text(const crm_numbers *t)
{
    return t ? t->text : "";
}

void crm_numbers_size(const crm_numbers *t, size_t *rows, size_t *groups, size_t *values)
{
    if (rows)
        *rows = t ? t->row_count : 0;
    if (groups)
        *groups = t ? t->group_count : 0;
    if (values)
        *values = t ? t->value_count : 0;
}

const char *crm_numbers_head(const crm_numbers *t, size_t column)
{
    return t && column < (size_t)t->group_count + t->value_count ? t->heads[column] : NULL;
}

const char *crm_numbers_how(const crm_numbers *t, size_t value)
{
    static const char *const HOW[] = {"", "rows", "column", "sets", "record", "days", "events"};

    return t && value < t->value_count ? HOW[t->how[value % t->measure_count]] : NULL;
}

static int no_such(crm_error *err, const char *what)
{
    return crm__fail_field(err, CRM_EINVAL, what, "the table has no such %s", what);
}

int crm_numbers_group(const crm_numbers *t, size_t row, size_t group, crm_number_group *out,
                      crm_error *err)
{
    if (!t || !out)
        return crm__fail_field(err, CRM_EINVAL, t ? "out" : "t", "%s is NULL", t ? "out" : "t");
    if (row >= t->row_count || group >= t->group_count)
        return no_such(err, row >= t->row_count ? "row" : "group");
    *out = *t->rows[row].groups[group];
    return CRM_OK;
}

const char *crm_numbers_currency(const crm_numbers *t, size_t row)
{
    return t && row < t->row_count ? t->rows[row].currency : "";
}

int crm_numbers_value(const crm_numbers *t, size_t row, size_t value, crm_number_value *out,
                      crm_error *err)
{
    if (!t || !out)
        return crm__fail_field(err, CRM_EINVAL, t ? "out" : "t", "%s is NULL", t ? "out" : "t");
    if (row >= t->row_count || value >= t->value_count)
        return no_such(err, row >= t->row_count ? "row" : "value");
    *out = t->rows[row].values[value];
    return CRM_OK;
}

/* ---- JSON ---- */

static void put_string(crm__buf *b, const char *s)
{
    crm__json_string(b, s, strlen(s));
}

static void json_group(crm__buf *b, const crm_number_group *g)
{
    if (g->kind == CRM_GROUP_NONE) {
        crm__buf_add_str(b, "null");
    } else if (g->kind == CRM_GROUP_STEP) {
        crm__buf_add_u8(b, '[');
        put_string(b, g->text);
        crm__buf_add_u8(b, ',');
        put_string(b, g->until);
        crm__buf_add_u8(b, ']');
    } else {
        put_string(b, g->text);
    }
}

static void json_row(const crm_numbers *t, const crm__table_row *r, crm__buf *b)
{
    crm__buf_add_str(b, "{\"groups\":[");
    for (uint32_t i = 0; i < t->group_count; i++) {
        crm__buf_add_str(b, i ? "," : "");
        json_group(b, r->groups[i]);
    }
    crm__buf_add_u8(b, ']');
    if (r->currency[0]) {
        crm__buf_add_str(b, ",\"currency\":");
        put_string(b, r->currency);
    }
    crm__buf_add_str(b, ",\"values\":[");
    for (uint32_t i = 0; i < t->value_count; i++) {
        const crm_number_value *v = &r->values[i];
        crm__buf_add_str(b, i ? "," : "");
        if (!v->text)
            crm__buf_add_str(b, "null");
        else if (i < t->measure_count && t->plain[i])
            crm__buf_add_str(b, v->text);
        else
            put_string(b, v->text);
    }
    crm__buf_add_str(b, "]}");
}

static void json_heads(const crm_numbers *t, crm__buf *b)
{
    crm__buf_add_str(b, "{\"request\":");
    put_string(b, t->text);
    crm__buf_add_str(b, ",\"groups\":[");
    for (uint32_t i = 0; i < t->group_count + t->value_count; i++) {
        crm__buf_add_str(b, i == t->group_count ? "],\"values\":[" : i ? "," : "");
        put_string(b, t->heads[i]);
    }
    crm__buf_add_str(b, "],\"how\":[");
    for (uint32_t i = 0; i < t->value_count; i++) {
        crm__buf_add_str(b, i ? "," : "");
        put_string(b, crm_numbers_how(t, i));
    }
}

static int hand_out(const crm_numbers *t, crm__buf *b, char **out, size_t *n, crm_error *err)
{
    *out = b->failed ? NULL : crm__give(&t->mem, b->p, b->n);
    if (n)
        *n = b->n;
    crm__buf_clear(b);
    return *out ? CRM_OK : crm__fail_nomem(err);
}

int crm_numbers_json(const crm_numbers *t, char **json, size_t *n, crm_error *err)
{
    crm__buf b;

    if (json)
        *json = NULL;
    if (!t || !json)
        return crm__fail_field(err, CRM_EINVAL, t ? "json" : "t", "%s is NULL", t ? "json" : "t");
    crm__buf_init(&b, &t->mem);
    json_heads(t, &b);
    crm__buf_add_str(&b, "],\"rows\":[");
    for (size_t i = 0; i < t->row_count; i++) {
        crm__buf_add_str(&b, i ? "," : "");
        json_row(t, &t->rows[i], &b);
    }
    crm__buf_add_str(&b, "]}");
    return hand_out(t, &b, json, n, err);
}

/* ---- CSV ---- */

static void csv_cell(crm__buf *b, const char *s)
{
    if (!strpbrk(s, ",\"\r\n")) {
        crm__buf_add_str(b, s);
        return;
    }
    crm__buf_add_u8(b, '"');
    for (; *s; s++) {
        if (*s == '"')
            crm__buf_add_u8(b, '"');
        crm__buf_add_u8(b, (unsigned char)*s);
    }
    crm__buf_add_u8(b, '"');
}

static void csv_comma(crm__buf *b, int *first)
{
    if (!*first)
        crm__buf_add_u8(b, ',');
    *first = 0;
}

static void csv_heads(const crm_numbers *t, crm__buf *b)
{
    int first = 1;

    for (uint32_t i = 0; i < t->group_count + t->value_count; i++) {
        if (i == t->group_count && t->money) {
            csv_comma(b, &first);
            crm__buf_add_str(b, "currency");
        }
        csv_comma(b, &first);
        csv_cell(b, t->heads[i]);
    }
    crm__buf_add_str(b, "\r\n");
}

int crm_numbers_csv(const crm_numbers *t, char **csv, size_t *n, crm_error *err)
{
    crm__buf b;

    if (csv)
        *csv = NULL;
    if (!t || !csv)
        return crm__fail_field(err, CRM_EINVAL, t ? "csv" : "t", "%s is NULL", t ? "csv" : "t");
    crm__buf_init(&b, &t->mem);
    csv_heads(t, &b);
    for (size_t r = 0; r < t->row_count; r++) {
        const crm__table_row *row = &t->rows[r];
        int first = 1;
        for (uint32_t i = 0; i < t->group_count; i++) {
            csv_comma(&b, &first);
            csv_cell(&b, row->groups[i]->text);
        }
        if (t->money) {
            csv_comma(&b, &first);
            crm__buf_add_str(&b, row->currency);
        }
        for (uint32_t i = 0; i < t->value_count; i++) {
            csv_comma(&b, &first);
            csv_cell(&b, row->values[i].text ? row->values[i].text : "");
        }
        crm__buf_add_str(&b, "\r\n");
    }
    return hand_out(t, &b, csv, n, err);
}
