/* SPDX-License-Identifier: MIT
 * Which customer an argument means.  1 to 10 digits are an id; NAME=VALUE and NAME@SOURCE=VALUE
 * search one field; everything else is searched in every identity that has no source, and then
 * among the names, by looking at all customers.
 */
#include "tool.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int target_name_field(crm_txn *txn, crm_field *out)
{
    size_t pos = 0;

    if (!crm_field_find(txn, "name", CRM_NUL, out, NULL))
        return 1;
    while (!crm_field_next(txn, &pos, out, NULL))
        if (out->type == CRM_TYPE_TEXT && !(out->flags & CRM_FIELD_LIST))
            return 1;
    return 0;
}

/* Appends those that have the value in the field. */
static int search(crm_txn *txn, const crm_field *field, const char *source, slice value, ids *out,
                  crm_error *err)
{
    size_t cap = 16, count = 0;
    int rc;

    for (;;) {
        out->p = xrealloc(out->p, (out->n + cap) * sizeof(*out->p));
        rc = crm_customer_find(txn, field, source, value.p, value.n, out->p + out->n, cap, &count,
                               err);
        if (rc)
            return rc;
        if (count <= cap)
            break;
        cap = count;
    }
    out->n += count;
    return 0;
}

static int ascending(const void *a, const void *b)
{
    crm_id x = *(const crm_id *)a, y = *(const crm_id *)b;

    return (x > y) - (x < y);
}

static void sort_unique(ids *all)
{
    size_t kept = 0;

    if (all->n)
        qsort(all->p, all->n, sizeof(*all->p), ascending);
    for (size_t i = 0; i < all->n; i++)
        if (!kept || all->p[kept - 1] != all->p[i])
            all->p[kept++] = all->p[i];
    all->n = kept;
}

/* Whether customers are found by the field. */
static int is_searched(const crm_field *field)
{
    return (field->flags & (CRM_FIELD_IDENTITY | CRM_FIELD_UNIQUE)) != 0;
}

/* Appends the keys of the fields that customers are found by: "phone, email".  `all`: also those
 * that a value alone is not searched in, as they are written: "external@SOURCE". */
static void put_searched(crm_txn *txn, int all, buf *out)
{
    crm_field field;
    size_t pos = 0;

    while (!crm_field_next(txn, &pos, &field, NULL)) {
        int apart = field.flags & CRM_FIELD_PER_SOURCE || field.type == CRM_TYPE_CUSTOMER;
        if ((!is_searched(&field) && field.type != CRM_TYPE_CUSTOMER) || (apart && !all))
            continue;
        buf_fmt(out, "%s%s%s", out->n ? ", " : "", field.key,
                field.flags & CRM_FIELD_PER_SOURCE ? "@SOURCE" : "");
    }
    if (!out->n)
        buf_str(out, "no field");
}

/* Nobody has the value; perhaps it is of a sort that is not searched.  named: the field of names
 * was searched, too. */
static int found_nowhere(tool *t, crm_txn *txn, const char *arg, const crm_field *named)
{
    buf keys = {0};
    int rc;

    put_searched(txn, 0, &keys);
    rc = fail(t, CRM_ENOTFOUND, "no customer has %s (searched: %s%s%s)", arg, keys.p,
              named ? ", " : "", named ? named->key : "");
    buf_free(&keys);
    return rc;
}

/* The library refused to search a field. */
static int fail_search(tool *t, crm_txn *txn, const crm_field *field, crm_error *err)
{
    buf message = {0}, keys = {0};

    if (!is_searched(field) && field->type != CRM_TYPE_CUSTOMER) {
        buf_str(&message, err->message);
        put_searched(txn, 1, &keys);
        snprintf(err->message, sizeof(err->message), "%s, but by %s", message.p, keys.p);
        buf_free(&message);
        buf_free(&keys);
    }
    return fail_crm(t, err);
}

/* Equal but for the case of ASCII letters. */
static int same_name(const char *a, size_t an, const char *b, size_t bn)
{
    for (size_t i = 0; an == bn && i < an; i++) {
        unsigned char x = (unsigned char)a[i], y = (unsigned char)b[i];
        x = x >= 'A' && x <= 'Z' ? (unsigned char)(x + 32) : x;
        y = y >= 'A' && y <= 'Z' ? (unsigned char)(y + 32) : y;
        if (x != y)
            return 0;
    }
    return an == bn;
}

/* Looks at the names of all customers: they are no identity, and not indexed. */
static int search_names(tool *t, crm_txn *txn, const char *arg, const crm_field *name, ids *out)
{
    crm_error err = CRM_ERROR_INIT;
    uint64_t seen = 0;
    crm_customer_iter *it;
    crm_customer *c;
    crm_db_stat st;
    progress bar;
    const char *text;
    size_t n;
    int rc;

    if (crm_db_stat_get(t->db, sizeof(st), &st, &err) || crm_customer_list(txn, NULL, &it, &err))
        return fail_crm(t, &err);
    progress_start(t, &bar, "customers");
    t->bar = &bar;
    while ((rc = crm_customer_next(it, &c, &err)) == CRM_OK || rc == CRM_ECORRUPT) {
        seen++;
        progress_step(&bar, seen, st.customers, seen);
        if (rc)
            fail_crm(t, &err); /* told, and gone past: one of the name may be there */
        if (rc || crm_customer_text(c, name, 0, &text, &n, NULL) ||
            !same_name(text, n, arg, strlen(arg)))
            continue;
        out->p = xrealloc(out->p, (out->n + 1) * sizeof(*out->p));
        out->p[out->n++] = crm_customer_id(c);
    }
    progress_clear(&bar);
    t->bar = NULL;
    crm_customer_list_close(it);
    return rc == CRM_DONE ? 0 : fail_crm(t, &err);
}

static int search_everywhere(tool *t, crm_txn *txn, const char *arg, ids *out)
{
    slice value = {arg, strlen(arg)};
    crm_field name, *named = NULL;
    crm_error err = CRM_ERROR_INIT;
    crm_field field;
    size_t pos = 0;
    int rc;

    while (!(rc = crm_field_next(txn, &pos, &field, &err))) {
        if (!is_searched(&field) || (field.flags & CRM_FIELD_PER_SOURCE) ||
            field.type == CRM_TYPE_CUSTOMER)
            continue;
        rc = search(txn, &field, NULL, value, out, &err);
        /* what can't be a telephone number may be an e-mail address */
        if (rc && rc != CRM_ENOTFOUND && rc != CRM_EVALUE && rc != CRM_EFIELD)
            return fail_crm(t, &err);
    }
    if (rc != CRM_DONE)
        return fail_crm(t, &err);
    if (!out->n && !strchr(arg, '@') && arg[strspn(arg, "0123456789 +-()")] &&
        target_name_field(txn, &name)) {
        named = &name;
        if ((rc = search_names(t, txn, arg, named, out)))
            return rc;
    }
    sort_unique(out);
    return out->n ? 0 : found_nowhere(t, txn, arg, named);
}

static int search_field(tool *t, crm_txn *txn, const char *arg, const pair *p, ids *out)
{
    crm_error err = CRM_ERROR_INIT;
    crm_field field;
    char *source = NULL;
    int rc;

    if (crm_field_find(txn, p->name.p, p->name.n, &field, &err))
        return fail_crm(t, &err);
    if (p->source.p) {
        source = xrealloc(NULL, p->source.n + 1);
        memcpy(source, p->source.p, p->source.n);
        source[p->source.n] = '\0';
    }
    rc = search(txn, &field, source, p->value, out, &err);
    free(source);
    if (rc == CRM_ENOTFOUND)
        return fail(t, CRM_ENOTFOUND, "no customer has %s", arg);
    if (rc)
        return fail_search(t, txn, &field, &err);
    sort_unique(out);
    return 0;
}

int target_all(tool *t, crm_txn *txn, const char *arg, int numbers_are_ids, ids *out)
{
    const char *key;
    uint64_t id;
    pair p;
    int split = pair_split(arg, &p), digits;

    out->n = 0;
    if (!*arg || (split && !p.value.n))
        return fail_usage(t, "there is nothing to search for%s%s", *arg ? ": " : "", arg);
    if (!text_valid(arg, strlen(arg)))
        return fail(t, CRM_EINVAL, "an argument is not UTF-8: %s", arg);
    if (split && p.op != PAIR_SET)
        return fail_usage(t, "to search, write FIELD=VALUE");
    digits = strlen(arg) <= 10 && !args_number(arg, &id);
    if (split && !p.source.p && (key = built_in_key(p.name)) && strcmp(key, "id") == 0) {
        if (args_number(p.value.p, &id))
            return fail_usage(t, "an id is a number");
        digits = numbers_are_ids = 1;
    }
    if (digits && numbers_are_ids) {
        out->p = xrealloc(out->p, sizeof(*out->p));
        out->p[out->n++] = id;
        return 0;
    }
    return split ? search_field(t, txn, arg, &p, out) : search_everywhere(t, txn, arg, out);
}

int target_one(tool *t, crm_txn *txn, const char *arg, crm_id *id)
{
    ids found = {0};
    buf list = {0};
    int rc = target_all(t, txn, arg, 1, &found);

    if (!rc && found.n > 1) {
        for (size_t i = 0; i < found.n && i < 10; i++)
            buf_fmt(&list, "%s%" PRIu64, i ? ", " : "", found.p[i]);
        rc = fail(t, CRM_EAMBIGUOUS, "%zu customers have %s: give one of the ids %s%s", found.n,
                  arg, list.p, found.n > 10 ? " ..." : "");
    }
    if (!rc)
        *id = found.p[0];
    buf_free(&list);
    free(found.p);
    return rc;
}
