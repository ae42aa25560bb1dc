/* SPDX-License-Identifier: MIT
 * field=value arguments, and the JSON document they stand for: the same that a file or a program
 * would give, so that the library judges all of them by one set of rules.
 */
#include "tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int pair_split(const char *arg, pair *out)
{
    const char *equals = strchr(arg, '='), *at;
    size_t n;

    if (!equals || equals == arg)
        return 0;
    n = (size_t)(equals - arg);
    out->op = PAIR_SET;
    if (n > 1 && (arg[n - 1] == '+' || arg[n - 1] == '-'))
        out->op = arg[--n] == '+' ? PAIR_ADD : PAIR_REMOVE;
    out->name.p = arg;
    out->name.n = n;
    out->source.p = NULL;
    out->source.n = 0;
    at = memchr(arg, '@', n);
    if (at && at > arg) {
        out->name.n = (size_t)(at - arg);
        out->source.p = at + 1;
        out->source.n = n - out->name.n - 1;
    }
    out->value.p = equals + 1;
    out->value.n = strlen(equals + 1);
    return 1;
}

/* A pair and the member of the document it belongs to. */
typedef struct entry {
    pair pair;
    crm_field field; /* key "kind" and number 0: the kind */
    int done;
} entry;

typedef struct entries {
    tool *t;
    crm_txn *txn;
    entry *p;
    size_t n;
    int patch;
    crm_customer *now; /* patch: the customer as it is; NULL until it is needed */
    crm_id id;
} entries;

static int resolve(entries *all, const char *arg, entry *e)
{
    crm_error err = CRM_ERROR_INIT;
    const char *key;
    tool *t = all->t;
    int rc;

    if (!text_valid(arg, strlen(arg)))
        return fail(t, CRM_EINVAL, "an argument is not UTF-8: %s", arg);
    if (!pair_split(arg, &e->pair))
        return fail_usage(t, "'%s' is not of the form FIELD=VALUE", arg);
    rc = crm_field_find(all->txn, e->pair.name.p, e->pair.name.n, &e->field, &err);
    if (!rc)
        return 0;
    key = slice_is(e->pair.name, "origins") ? "origins" : built_in_key(e->pair.name);
    if (!key)
        return fail_crm(t, &err);
    if (strcmp(key, "tags") == 0)
        return fail_usage(t, "tags are given by '" TOOL " tag add', to several by --tag of act");
    if (strcmp(key, "kind") != 0)
        return fail_usage(t, "%s is given by the database", key);
    memset(&e->field, 0, sizeof(e->field));
    strcpy(e->field.key, "kind");
    return 0;
}

static int same_member(const entry *a, const entry *b)
{
    return strcmp(a->field.key, b->field.key) == 0;
}

/* An id of another system that does not say of which: offers how it is written. */
static int no_source(tool *t, const entry *e)
{
    static const char *const signs[] = {[PAIR_SET] = "", [PAIR_ADD] = "+", [PAIR_REMOVE] = "-"};
    const char *key = e->field.key;
    crm_error err = CRM_ERROR_INIT;

    err.code = CRM_EVALUE;
    snprintf(err.field, sizeof(err.field), "%s", key);
    snprintf(err.message, sizeof(err.message), "%s: needs its source: write %s@SOURCE%s=%.*s", key,
             key, signs[e->pair.op], (int)(e->pair.value.n < 100 ? e->pair.value.n : 100),
             e->pair.value.p);
    return fail_crm(t, &err);
}

/* What makes no sense, before anything is written. */
static int judge(const entries *all, const entry *e)
{
    const char *key = e->field.key;
    tool *t = all->t;

    if (strcmp(key, "kind") == 0 && !e->pair.value.n)
        return fail(t, CRM_EVALUE, "kind: needs person or organisation");
    if (e->field.flags & CRM_FIELD_PER_SOURCE && !e->pair.source.p && e->pair.value.n)
        return no_source(t, e);
    if (!all->patch && e->pair.op == PAIR_REMOVE)
        return fail_usage(t, "%s-= is for set: a new customer has nothing to take out", key);
    if (!e->pair.value.n && (!all->patch || e->pair.op != PAIR_SET))
        return fail_usage(t, "%s has no value%s", key,
                          all->patch ? "" : " (leave it out, or remove it with set)");
    for (size_t i = 0; i < all->n; i++) {
        const entry *other = &all->p[i];
        if (other == e || !same_member(other, e) || e->pair.op != PAIR_SET || e->pair.source.p)
            continue;
        if (other->pair.op == PAIR_SET && !other->pair.source.p &&
            !(e->field.flags & CRM_FIELD_LIST && e->pair.value.n && other->pair.value.n))
            return fail_usage(t, "%s is given twice", key);
        if (other->pair.op == PAIR_REMOVE || (other->pair.op == PAIR_ADD && !e->pair.value.n))
            return fail_usage(t, "%s is set and changed at once", key);
    }
    return 0;
}

/* ---- the ids of other systems ---- */

static void put_item(buf *out, slice source, slice value)
{
    if (out->p[out->n - 1] != '[')
        buf_char(out, ',');
    if (!source.p) {
        json_string(out, value.p, value.n);
        return;
    }
    buf_str(out, "{\"source\":");
    json_string(out, source.p, source.n);
    buf_str(out, ",\"value\":");
    json_string(out, value.p, value.n);
    buf_char(out, '}');
}

static int slices_equal(slice a, slice b)
{
    return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

/* Whether a pair of the group replaces, or takes out, this item that the customer has. */
static int is_replaced(const entries *all, const entry *first, slice source, slice value)
{
    for (size_t i = 0; i < all->n; i++) {
        const entry *e = &all->p[i];
        if (same_member(e, first) && e->pair.source.p && slices_equal(e->pair.source, source) &&
            (e->pair.op == PAIR_SET ||
             (e->pair.op == PAIR_REMOVE && slices_equal(e->pair.value, value))))
            return 1;
    }
    return 0;
}

/* The items that stay when FIELD@SOURCE=VALUE replaces those of one source. */
static int put_kept(entries *all, const entry *first, buf *out)
{
    crm_error err = CRM_ERROR_INIT;
    const char *source;
    slice value;
    size_t count;

    if (!all->id)
        return fail_usage(all->t, "%s@SOURCE= replaces what one customer has; for several it is "
                                  "%s@SOURCE+=VALUE", first->field.key, first->field.key);
    if (!all->now && (crm_customer_new(all->txn, &all->now, &err) ||
                      crm_customer_get(all->txn, all->id, all->now, &err)))
        return fail_crm(all->t, &err);
    count = crm_customer_count(all->now, &first->field);
    for (size_t i = 0; i < count; i++) {
        if (crm_customer_source(all->txn, all->now, &first->field, i, &source, &err) ||
            crm_customer_text(all->now, &first->field, i, &value.p, &value.n, &err))
            return fail_crm(all->t, &err);
        slice from = {source, strlen(source)};
        if (!is_replaced(all, first, from, value))
            put_item(out, from, value);
    }
    return 0;
}

/* ---- the document ---- */

typedef struct shape {
    size_t items;            /* pairs of the member */
    int sets, adds, removes; /* of them */
    int source_sets;         /* FIELD@SOURCE=... */
} shape;

static shape shape_of(const entries *all, const entry *first)
{
    shape s = {0, 0, 0, 0, 0};

    for (size_t i = 0; i < all->n; i++) {
        const entry *e = &all->p[i];
        if (!same_member(e, first))
            continue;
        s.items++;
        s.sets += e->pair.op == PAIR_SET;
        s.adds += e->pair.op == PAIR_ADD;
        s.removes += e->pair.op == PAIR_REMOVE;
        s.source_sets += e->pair.op == PAIR_SET && e->pair.source.p;
    }
    return s;
}

/* Appends those pairs of a member that have the operation (-1: set and add) as items of an array.
 */
static void put_items(const entries *all, const entry *first, int op, buf *out)
{
    for (size_t i = 0; i < all->n; i++) {
        const entry *e = &all->p[i];
        int fits = op < 0 ? e->pair.op != PAIR_REMOVE : e->pair.op == op;
        if (same_member(e, first) && fits && e->pair.value.n)
            put_item(out, e->pair.source, e->pair.value);
    }
}

static int put_array(entries *all, const entry *first, const shape *s, buf *out)
{
    size_t start = out->n;
    int rc = 0;

    buf_char(out, '[');
    if (all->patch && s->source_sets)
        rc = put_kept(all, first, out);
    put_items(all, first, -1, out);
    buf_char(out, ']');
    if (out->n == start + 2) { /* nothing is left: the field goes */
        out->n = start;
        buf_str(out, "null");
    }
    return rc;
}

static int put_member(entries *all, entry *first, buf *out)
{
    shape s = shape_of(all, first);
    const pair *p = &first->pair;

    json_key(out, first->field.key);
    if (s.items == 1 && s.sets && !p->source.p) {
        if (p->value.n)
            json_string(out, p->value.p, p->value.n);
        else
            buf_str(out, "null");
        return 0;
    }
    if (s.sets || !all->patch)
        return put_array(all, first, &s, out);
    buf_char(out, '{');
    if (s.adds) {
        json_key(out, "add");
        buf_char(out, '[');
        put_items(all, first, PAIR_ADD, out);
        buf_char(out, ']');
    }
    if (s.removes) {
        json_key(out, "remove");
        buf_char(out, '[');
        put_items(all, first, PAIR_REMOVE, out);
        buf_char(out, ']');
    }
    buf_char(out, '}');
    return 0;
}

static int put_document(entries *all, buf *out)
{
    int rc = 0;

    for (size_t i = 0; i < all->n && !rc; i++)
        rc = judge(all, &all->p[i]);
    buf_char(out, '{');
    for (size_t i = 0; i < all->n && !rc; i++) {
        entry *e = &all->p[i];
        if (e->done)
            continue;
        rc = put_member(all, e, out);
        for (size_t k = i; k < all->n; k++)
            all->p[k].done |= same_member(&all->p[k], e);
    }
    buf_char(out, '}');
    return rc;
}

/* What is wrong with the other values, when some names are of no field: `known` of them. */
static void tell_others(entries *all, size_t known)
{
    buf json = {0};

    all->n = known;
    if (known && put_document(all, &json) == 0)
        report_faults(all->t, all->txn, json.p, json.n, CRM_EEXISTS, 1);
    buf_free(&json);
}

int pairs_document(tool *t, crm_txn *txn, int argc, char **argv, int patch, crm_id id, buf *out)
{
    entries all = {t, txn, NULL, (size_t)argc, patch, NULL, id};
    size_t known = 0;
    int rc = 0;

    all.p = xrealloc(NULL, all.n * sizeof(entry));
    memset(all.p, 0, all.n * sizeof(entry));
    for (int i = 0; i < argc; i++) { /* all faults at once */
        int one = resolve(&all, argv[i], &all.p[known]);
        rc = rc ? rc : one;
        known += !one;
    }
    if (!rc)
        rc = put_document(&all, out);
    else if (!patch && rc != TOOL_USAGE)
        tell_others(&all, known);
    crm_customer_free(all.now);
    free(all.p);
    return rc;
}
