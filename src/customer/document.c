/* SPDX-License-Identifier: MIT
 * The JSON document of a customer, read into a record; document_write.c writes it.
 *
 *   {"id":1,"kind":"person","revision":7,"created_at":"...","updated_at":"...",["deleted":true,]
 *    "<field>":value or [values],...,
 *    "identities":[{"kind":"external","source":"erp","value":"10023"},...],
 *    ["origins":{"<field>":{"source":"...","at":"..."},...},]["events":[...]]}
 * Numbers of type integer and customer, and booleans, are JSON numbers and booleans; decimals and
 * money are strings, so that no reader rounds them.
 *
 * "identities" is read after the other members, wherever it stands, and "source" before them, so
 * that their order says nothing.
 */
#include "customer/customer.h"
#include "model/json_value.h"
#include "model/member.h"

#include "base/time.h"

#include <string.h>

typedef struct reading {
    crm_txn *txn;
    crm_customer *c;
    crm__customer_faults *faults;
    crm__buf given;    /* numbers of the fields that stood as members, right or wrong */
    uint32_t own;      /* the same of the members that are no fields: bits 1 << CRM__OWN_* */
    uint32_t unknown;  /* names so far that are no field's */
    crm__slice source; /* of identities that are per source and name none */
    const crm__json *identities, *events, *tags; /* for later; NULL: absent or null */
} reading;

static int bad(reading *r, const crm__field *f, const char *what)
{
    return crm__fail_field(r->faults->err, CRM_EVALUE, f->key, "%s: %s", f->key, what);
}

static int is_given(const reading *r, const crm__field *f)
{
    const uint32_t *numbers = (const uint32_t *)(const void *)r->given.p;

    for (size_t i = 0; i < r->given.n / sizeof *numbers; i++) {
        if (numbers[i] == f->number)
            return 1;
    }
    return 0;
}

/* Adds to a list unless it is in it, and never more than a list can have: the work stays bounded.
 */
static int add_item(reading *r, const crm__field *f, crm__buf *list, size_t *count, crm__slice item)
{
    if (crm__items_has(crm__slice_of(list->p, list->n), item))
        return CRM_OK;
    if (++*count > CRM__LIST_ITEMS)
        return crm__list_too_long(f, r->faults->err);
    crm__list_add(list, item);
    return CRM_OK;
}

static crm__slice trimmed_member(const crm__json *v, const char *key)
{
    const crm__json *m = crm__json_member(v, key);
    int kind = crm__json_kind(m);

    return kind == CRM__JSON_STRING || kind == CRM__JSON_NUMBER ? crm__json_text(m)
                                                                : crm__slice_of(NULL, 0);
}

/* An identity has no members but these. */
static int only_members(const crm__json *identity)
{
    const void *at = NULL;
    const char *key;
    const crm__json *value;

    while (crm__json_next(identity, &at, &key, &value)) {
        if (strcmp(key, "kind") != 0 && strcmp(key, "value") != 0 && strcmp(key, "source") != 0)
            return 0;
    }
    return 1;
}

/* Appends the payload of one JSON value. */
static int read_item(reading *r, const crm__field *f, const crm__json *v, crm__buf *out)
{
    crm__slice text, source = {NULL, 0};
    char room[CRM__JSON_MONEY];

    if (crm__json_kind(v) == CRM__JSON_OBJECT && f->flags & CRM_FIELD_IDENTITY) {
        text = trimmed_member(v, "value");
        source = trimmed_member(v, "source");
        if (!text.n || !only_members(v))
            return bad(r, f, "an identity is {\"kind\":...,\"value\":...[,\"source\":...]}");
    } else {
        int rc = crm__json_value_text(f, v, room, &text, r->faults->err);
        if (rc)
            return rc;
    }
    if (!source.n && f->flags & CRM_FIELD_PER_SOURCE)
        source = r->source;
    return crm__item_parse(r->c, f, (const char *)source.p, source.n, (const char *)text.p, text.n,
                           out, r->faults->err);
}

/* A list payload from an array, or from one value. */
static int read_list(reading *r, const crm__field *f, const crm__json *v, crm__buf *list)
{
    size_t n = crm__json_kind(v) == CRM__JSON_ARRAY ? crm__json_count(v) : 1, count = 0;
    crm__buf item;
    int rc = CRM_OK;

    crm__buf_init(&item, r->txn->mem);
    for (size_t i = 0; i < n && !rc && count <= CRM__LIST_ITEMS; i++) {
        const crm__json *one = crm__json_kind(v) == CRM__JSON_ARRAY ? crm__json_item(v, i) : v;
        item.n = 0;
        rc = crm__customer_fault(r->faults, read_item(r, f, one, &item));
        if (!rc && item.n)
            rc = crm__customer_fault(r->faults,
                                     add_item(r, f, list, &count, crm__slice_of(item.p, item.n)));
    }
    if (!rc && (item.failed || list->failed))
        rc = crm__fail_nomem(r->faults->err);
    crm__buf_clear(&item);
    return rc;
}

static int put_list(reading *r, const crm__field *f, uint8_t mode, const crm__json *v)
{
    crm__buf list;
    int rc;

    crm__buf_init(&list, r->txn->mem);
    rc = read_list(r, f, v, &list);
    if (!rc)
        rc = crm__customer_put(r->c, f, mode, crm__slice_of(list.p, list.n), r->faults->err);
    crm__buf_clear(&list);
    return rc;
}

/* {"add":[...],"remove":[...]}: 1 if the object is one. */
static int is_delta(const crm__json *v)
{
    const void *at = NULL;
    const char *key;
    const crm__json *value;
    int n = 0;

    if (crm__json_kind(v) != CRM__JSON_OBJECT)
        return 0;
    while (crm__json_next(v, &at, &key, &value)) {
        if (strcmp(key, "add") != 0 && strcmp(key, "remove") != 0)
            return 0;
        n++;
    }
    return n > 0;
}

static int read_field(reading *r, const crm__field *f, const crm__json *v)
{
    crm__buf item;
    int rc;

    if (crm__json_kind(v) == CRM__JSON_NULL)
        return crm__customer_put(r->c, f, CRM__UNSET, crm__slice_of(NULL, 0), r->faults->err);
    if (f->flags & CRM_FIELD_LIST) {
        const crm__json *add, *remove;
        if (!is_delta(v))
            return put_list(r, f, CRM__SET, v);
        add = crm__json_member(v, "add");
        remove = crm__json_member(v, "remove");
        rc = add ? put_list(r, f, CRM__ADD, add) : CRM_OK;
        return rc || !remove ? rc : put_list(r, f, CRM__REMOVE, remove);
    }
    crm__buf_init(&item, r->txn->mem);
    rc = crm__customer_fault(r->faults, crm__json_kind(v) == CRM__JSON_ARRAY || is_delta(v)
                                            ? bad(r, f, "holds one value, not a list")
                                            : read_item(r, f, v, &item));
    if (!rc && item.failed)
        rc = crm__fail_nomem(r->faults->err);
    if (!rc && item.n)
        rc = crm__customer_put(r->c, f, CRM__SET, crm__slice_of(item.p, item.n), r->faults->err);
    crm__buf_clear(&item);
    return rc;
}

/* What the list "identities" holds of one kind. */
typedef struct kind_list {
    const crm__field *f;
    crm__buf list;
    size_t count;
    int passed_over; /* its fault is told */
} kind_list;

/* The list of a kind, begun when it is the first of it. */
static int list_of(reading *r, crm__buf *kinds, const crm__field *f, kind_list **out)
{
    kind_list *k = (kind_list *)(void *)kinds->p;
    size_t n = kinds->n / sizeof *k;

    for (size_t i = 0; i < n; i++) {
        if (k[i].f == f) {
            *out = &k[i];
            return CRM_OK;
        }
    }
    if (!crm__buf_reserve(kinds, sizeof *k))
        return crm__fail_nomem(r->faults->err);
    kinds->n += sizeof *k;
    *out = (kind_list *)(void *)kinds->p + n;
    memset(*out, 0, sizeof **out);
    (*out)->f = f;
    crm__buf_init(&(*out)->list, r->txn->mem);
    (*out)->passed_over = is_given(r, f);
    return (*out)->passed_over
               ? crm__fail_field(r->faults->err, CRM_EVALUE, f->key,
                                 "%s: stands twice, as a member and in identities", f->key)
               : CRM_OK;
}

/* One member of the list "identities". */
static int read_identity(reading *r, const crm__json *v, crm__buf *kinds)
{
    crm__slice kind = trimmed_member(v, "kind");
    const crm__field *f;
    kind_list *k = NULL;
    crm__buf item;
    int rc;

    if (crm__json_kind(v) != CRM__JSON_OBJECT || !kind.n)
        return crm__fail_field(r->faults->err, CRM_EVALUE, "identities",
                               "identities: each is {\"kind\":...,\"value\":...}");
    f = crm__model_find(r->c->model, (const char *)kind.p, kind.n);
    if (!f || !(f->flags & CRM_FIELD_IDENTITY) || !(f->flags & CRM_FIELD_LIST))
        return crm__field_unknown(r->c->model, (const char *)kind.p, kind.n,
                                  r->unknown++ < CRM__HINTS, r->faults->err);
    rc = list_of(r, kinds, f, &k);
    if (rc || k->passed_over)
        return rc;
    crm__buf_init(&item, r->txn->mem);
    rc = read_item(r, f, v, &item);
    if (!rc && !item.failed)
        rc = add_item(r, f, &k->list, &k->count, crm__slice_of(item.p, item.n));
    if (!rc && (item.failed || k->list.failed))
        rc = crm__fail_nomem(r->faults->err);
    k->passed_over = k->count > CRM__LIST_ITEMS;
    crm__buf_clear(&item);
    return rc;
}

static int read_identities(reading *r, const crm__json *v)
{
    crm__buf kinds;
    kind_list *k;
    int rc = CRM_OK;

    if (crm__json_kind(v) != CRM__JSON_ARRAY)
        return crm__fail_field(r->faults->err, CRM_EVALUE, "identities", "identities: is a list");
    crm__buf_init(&kinds, r->txn->mem);
    for (size_t i = 0; i < crm__json_count(v) && !rc; i++)
        rc = crm__customer_fault(r->faults, read_identity(r, crm__json_item(v, i), &kinds));
    k = (kind_list *)(void *)kinds.p;
    for (size_t i = 0; i < kinds.n / sizeof *k; i++) {
        if (!rc && k[i].list.n)
            rc = crm__customer_put(r->c, k[i].f, CRM__SET, crm__slice_of(k[i].list.p, k[i].list.n),
                                   r->faults->err);
        crm__buf_clear(&k[i].list);
    }
    crm__buf_clear(&kinds);
    return rc;
}

static int read_revision(reading *r, const crm__json *v)
{
    crm__slice t = crm__json_text(v);
    uint64_t n = 0;

    if (crm__json_kind(v) != CRM__JSON_NUMBER || !t.n)
        return crm__fail_field(r->faults->err, CRM_EVALUE, "revision", "revision: is a number");
    for (size_t i = 0; i < t.n; i++) {
        if (t.p[i] < '0' || t.p[i] > '9')
            return crm__fail_field(r->faults->err, CRM_EVALUE, "revision",
                                   "revision: is a whole number");
        n = n * 10 + (uint64_t)(t.p[i] - '0');
    }
    r->c->expected = n;
    return CRM_OK;
}

static int read_source(reading *r, const crm__json *v)
{
    crm__slice t = crm__json_text(v);
    char *copy;

    if (crm__json_kind(v) != CRM__JSON_STRING || !crm__name_ok((const char *)t.p, t.n))
        return crm__fail_field(r->faults->err, CRM_EVALUE, "source",
                               "source: is a text of 1 to 100 bytes, without control characters");
    copy = crm__arena_alloc(&r->c->arena, t.n + 1);
    if (!copy)
        return crm__fail_nomem(r->faults->err);
    memcpy(copy, t.p, t.n);
    copy[t.n] = 0;
    r->c->source = copy;
    return CRM_OK;
}

static int read_kind(reading *r, const crm__json *v)
{
    crm__slice t = crm__json_text(v);

    if (crm__json_kind(v) != CRM__JSON_STRING)
        return crm__fail_field(r->faults->err, CRM_EVALUE, "kind", "kind: is a text");
    return crm_customer_set_kind(r->c, (const char *)t.p, t.n, r->faults->err);
}

static int twice(reading *r, const char *key)
{
    return crm__fail_field(r->faults->err, CRM_EVALUE, key, "%s: stands twice, by key and by label",
                           key);
}

/* A member that is no field, named by key or label. */
static int read_own(reading *r, const crm__own_word *word, const crm__json *v)
{
    if (r->own >> word->own & 1)
        return twice(r, word->key);
    r->own |= UINT32_C(1) << word->own;
    switch (word->own) {
    case CRM__OWN_KIND:
        return read_kind(r, v);
    case CRM__OWN_REVISION:
        return read_revision(r, v);
    case CRM__OWN_SOURCE:
        return read_source(r, v);
    case CRM__OWN_IDENTITIES:
        r->identities = v;
        return CRM_OK;
    case CRM__OWN_EVENTS:
        r->events = v;
        return CRM_OK;
    case CRM__OWN_TAGS:
        r->tags = v;
        return CRM_OK;
    case CRM__OWN_CONSENTS:
        return crm__fail_field(r->faults->err, CRM_EFIELD, word->key, "%s: this version keeps none",
                               word->key);
    default: /* the library's own: passed over */
        return CRM_OK;
    }
}

static int read_member(reading *r, const char *key, const crm__json *v)
{
    size_t n = strlen(key);
    const crm__own_word *own = crm__own_by_key(&crm__customer_words, key, n);
    const crm__field *f = own ? NULL : crm__model_find(r->c->model, key, n);

    if (!own && !f)
        own = crm__own_by_label(&crm__customer_words, key, n);
    if (own)
        return read_own(r, own, v);
    if (!f)
        return crm__field_unknown(r->c->model, key, n, r->unknown++ < CRM__HINTS, r->faults->err);
    if (is_given(r, f))
        return twice(r, f->key);
    crm__buf_add(&r->given, &f->number, sizeof f->number);
    return r->given.failed ? crm__fail_nomem(r->faults->err) : read_field(r, f, v);
}

/* The source a document names, else that of the transaction; empty: neither. */
static crm__slice source_of(const crm_txn *txn, const crm__json *root)
{
    const char *key, *name = txn->name[CRM__BY_SOURCE];
    const void *at = NULL;
    const crm__json *v;

    while (crm__json_next(root, &at, &key, &v)) {
        const crm__own_word *own = crm__own_by_key(&crm__customer_words, key, strlen(key));
        if (own && own->own == CRM__OWN_SOURCE && crm__json_kind(v) == CRM__JSON_STRING)
            return crm__json_text(v);
    }
    return crm__slice_of(name, name ? strlen(name) : 0);
}

/* Whether a name is one of the model, and not somebody's data in its place. */
static int is_name(void *ctx, const char *key, size_t n)
{
    return crm__own_by_key(&crm__customer_words, key, n) || crm__model_find(ctx, key, n) ||
           crm__own_by_label(&crm__customer_words, key, n);
}

int crm__document_read(crm_txn *txn, const char *json, size_t n, crm_customer *c,
                       crm__customer_faults *faults)
{
    reading r = {txn, c, faults, {0}, 0, 0, {NULL, 0}, NULL, NULL, NULL};
    const void *at = NULL;
    const char *key;
    const crm__json *v;
    crm__json *root;
    int rc = crm__json_parse_known(txn->mem, json, n, is_name, c->model, &root, faults->err);

    if (!rc && crm__json_kind(root) != CRM__JSON_OBJECT) {
        crm__json_free(root);
        rc = crm__fail_at(faults->err, CRM_ESYNTAX, -1, 0, "JSON: a customer is an object");
    }
    if (rc) {
        rc = crm__customer_fault(faults, rc);
        return rc ? rc : CRM_DONE;
    }
    c->zone = txn->zone;
    crm__buf_init(&r.given, txn->mem);
    r.source = source_of(txn, root);
    while (!rc && crm__json_next(root, &at, &key, &v))
        rc = crm__customer_fault(faults, read_member(&r, key, v));
    if (!rc && r.identities)
        rc = crm__customer_fault(faults, read_identities(&r, r.identities));
    if (!rc && r.events)
        rc = crm__document_events(txn, c, r.events, faults);
    if (!rc && r.tags)
        rc = crm__document_tags(txn, c, r.tags, faults);
    crm__buf_clear(&r.given);
    if (!rc && (r.events || r.tags)) {
        c->events = r.events;
        c->tags = r.tags;
        c->document = root;
    } else {
        crm__json_free(root);
    }
    return rc;
}
