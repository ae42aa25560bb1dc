/* SPDX-License-Identifier: MIT
 * A document to a compiled model: the top level of the language, and the order of the passes.
 * docs/model.md describes the language.
 */
#include "model/load.h"

#include "base/error.h"
#include "base/utf8.h"
#include "model/place.h"

#include <stdio.h>
#include <string.h>

enum { LANGUAGE_VERSION = 1, NAME_CHARACTERS = 100 };

/* ---- helpers ---- */

const char *crm__keep(crm__draft *d, const char *s, size_t n)
{
    char *to = crm__arena_alloc(&d->m->arena, n + 1);

    if (!to) {
        d->load.nomem = 1;
        return NULL;
    }
    memcpy(to, s, n);
    to[n] = 0;
    return to;
}

void *crm__keep_array(crm__draft *d, size_t count, size_t size)
{
    void *to = crm__arena_alloc(&d->m->arena, count * size);

    if (to)
        memset(to, 0, count * size);
    else
        d->load.nomem = 1;
    return to;
}

const char *crm__node_text(crm__draft *d, const crm__node *node, const char *what, const char *of)
{
    if (node->kind == CRM__NODE_BAD)
        return NULL;
    if (node->kind == CRM__NODE_TEXT && node->n)
        return node->text;
    crm__fault(&d->load, node, "%s%s%s: expected one %s", of, *of ? ": " : "", what,
               node->kind == CRM__NODE_TEXT ? "value, there is none" : "value, not a list or map");
    return NULL;
}

void crm__hint(char out[CRM_MESSAGE_SIZE], const crm__node *word, const char *const *list,
               size_t count)
{
    size_t best, at;

    if (crm__near(word->text, word->n, list, count, &best) != SIZE_MAX) {
        snprintf(out, CRM_MESSAGE_SIZE, "did you mean \"%s\"?", list[best]);
        return;
    }
    at = (size_t)snprintf(out, CRM_MESSAGE_SIZE, "expected one of");
    for (size_t i = 0; i < count && at + strlen(list[i]) + 2 < CRM_MESSAGE_SIZE; i++)
        at += (size_t)snprintf(out + at, CRM_MESSAGE_SIZE - at, "%s %s", i ? "," : "", list[i]);
}

/* ---- top level ---- */

enum {
    TOP_CRM,
    TOP_NAME,
    TOP_REGION,
    TOP_CURRENCY,
    TOP_KINDS,
    TOP_FIELDS,
    TOP_IDENTITIES,
    TOP_EVENTS,
    TOP_TAGS,
    TOP_SEGMENTS,
    TOPS
};
static const char *const TOP[TOPS] = {"crm",    "name",       "region", "currency", "kinds",
                                      "fields", "identities", "events", "tags",     "segments"};

static int top_of(const crm__node *node)
{
    int i = 0;

    while (i < TOPS && strcmp(node->key->text, TOP[i]))
        i++;
    return i;
}

static void refuse_unknown(crm__draft *d, const crm__node *root)
{
    char hint[CRM_MESSAGE_SIZE];

    for (const crm__node *node = root->first; node; node = node->next) {
        if (top_of(node) < TOPS)
            continue;
        crm__hint(hint, node->key, TOP, TOPS);
        crm__fault(&d->load, node->key, "unknown key \"%s\" of the model, %s",
                   crm__node_word(node->key).s, hint);
    }
}

/* 1 when the document is of a version this library reads. */
static int version_known(crm__draft *d, const crm__node *root, const crm__node *node)
{
    const char *s;

    if (!node) {
        crm__fault(&d->load, root, "key \"crm\" is missing, expected \"crm: %d\"",
                   (int)LANGUAGE_VERSION);
        return 1;
    }
    s = crm__node_text(d, node, "crm", "");
    if (!s)
        return 1;
    if (!strcmp(s, "1"))
        return 1;
    crm__fault(&d->load, node, "crm: version \"%s\" is not known; this library reads version %d",
               crm__node_word(node).s, (int)LANGUAGE_VERSION);
    return 0;
}

static void read_settings(crm__draft *d, const crm__node *const top[TOPS])
{
    crm__model *m = d->m;
    const char *s;

    s = top[TOP_NAME] ? crm__node_text(d, top[TOP_NAME], "name", "") : NULL;
    if (s) {
        if (crm__utf8_has_control(s, top[TOP_NAME]->n) ||
            crm__utf8_count(s, top[TOP_NAME]->n) > NAME_CHARACTERS)
            crm__fault(&d->load, top[TOP_NAME], "name: must be one line of at most %d characters",
                       (int)NAME_CHARACTERS);
        else
            m->name = crm__keep(d, s, top[TOP_NAME]->n);
    }
    s = top[TOP_REGION] ? crm__node_text(d, top[TOP_REGION], "region", "") : NULL;
    if (s && (top[TOP_REGION]->n != 2 || !crm__country_known(s)))
        crm__fault(&d->load, top[TOP_REGION],
                   "region: \"%s\" is not a country code of ISO 3166-1, expected such as CN",
                   crm__node_word(top[TOP_REGION]).s);
    else if (s)
        memcpy(m->region, s, 3);
    s = top[TOP_CURRENCY] ? crm__node_text(d, top[TOP_CURRENCY], "currency", "") : NULL;
    if (s && (top[TOP_CURRENCY]->n != 3 || !crm__currency_known(s)))
        crm__fault(&d->load, top[TOP_CURRENCY],
                   "currency: \"%s\" is not a code of ISO 4217, expected such as CNY",
                   crm__node_word(top[TOP_CURRENCY]).s);
    else if (s)
        memcpy(m->currency, s, 4);
}

/* ---- kinds ---- */

static void read_kind(crm__draft *d, const crm__node *node, unsigned kind, crm__buf *entries)
{
    char of[64];

    snprintf(of, sizeof of, "kind \"%s\"", crm__kind_key(kind));
    if (node->kind == CRM__NODE_BAD)
        return;
    if (node->kind != CRM__NODE_MAP) {
        crm__fault(&d->load, node, "%s: expected a map such as {label: {en: Person}}", of);
        return;
    }
    for (const crm__node *part = node->first; part; part = part->next) {
        if (strcmp(part->key->text, "label"))
            crm__fault(&d->load, part->key, "%s: unknown key \"%s\", expected label", of,
                       crm__node_word(part->key).s);
        else
            crm__labels_read(d, part, of, kind, entries, &d->m->kind_labels[kind],
                             &d->m->kind_label_count[kind]);
    }
}

static void read_kinds(crm__draft *d, const crm__node *node)
{
    static const char *const KEYS[] = {"person", "organisation"};
    crm__node nowhere;
    crm__buf entries;
    char hint[CRM_MESSAGE_SIZE];

    memset(&nowhere, 0, sizeof nowhere);
    crm__buf_init(&entries, d->load.mem);
    for (unsigned kind = CRM__KIND_PERSON; kind <= CRM__KIND_ORGANISATION; kind++) {
        const char *key = crm__kind_key(kind);
        crm__entry_add(d, &entries, node ? node : &nowhere, key, strlen(key), kind, 1);
    }
    if (node && node->kind != CRM__NODE_MAP && node->kind != CRM__NODE_BAD)
        crm__fault(&d->load, node, "kinds: expected a map with person and organisation");
    for (const crm__node *k = node && node->kind == CRM__NODE_MAP ? node->first : NULL; k;
         k = k->next) {
        if (!strcmp(k->key->text, KEYS[0])) {
            read_kind(d, k, CRM__KIND_PERSON, &entries);
        } else if (!strcmp(k->key->text, KEYS[1])) {
            read_kind(d, k, CRM__KIND_ORGANISATION, &entries);
        } else {
            crm__hint(hint, k->key, KEYS, 2);
            crm__fault(&d->load, k->key, "unknown kind \"%s\", %s", crm__node_word(k->key).s, hint);
        }
    }
    crm__space_build(d, &entries, NULL, &d->m->kind_names);
    crm__buf_clear(&entries);
}

/* ---- fields ---- */

static void read_fields(crm__draft *d, const crm__node *map, int role)
{
    crm__field_place place = {role, NULL, 0, &d->entries};
    crm__model *m = d->m;

    for (const crm__node *node = map ? map->first : NULL; node; node = node->next) {
        if (m->count == CRM__MODEL_FIELDS) {
            crm__fault(&d->load, node->key, "more than %d fields and identities",
                       (int)CRM__MODEL_FIELDS);
            return;
        }
        place.position = (uint32_t)m->count;
        crm__field_read(d, node, &place, &m->fields[m->count], &m->enum_defaults[m->count]);
        m->count++;
        if (d->load.nomem)
            return;
    }
}

static const crm__node *map_of(crm__draft *d, const crm__node *node, const char *what)
{
    if (!node || node->kind == CRM__NODE_BAD)
        return NULL;
    if (node->kind == CRM__NODE_MAP)
        return node;
    crm__fault(&d->load, node, "%s: expected a map from keys to descriptions, such as %s", what,
               *what == 'f' ? "name: {type: text}" : "wechat: {type: text}");
    return NULL;
}

static void read_document(crm__draft *d, const crm__node *root, const char *yaml, size_t n)
{
    const crm__node *top[TOPS] = {0}, *fields, *identities;
    size_t most;

    for (const crm__node *node = root->first; node; node = node->next) {
        if (top_of(node) < TOPS)
            top[top_of(node)] = node;
    }
    if (!version_known(d, root, top[TOP_CRM]))
        return;
    refuse_unknown(d, root);
    read_settings(d, top);
    read_kinds(d, top[TOP_KINDS]);
    fields = map_of(d, top[TOP_FIELDS], "fields");
    identities = map_of(d, top[TOP_IDENTITIES], "identities");
    if (!top[TOP_FIELDS])
        crm__fault(&d->load, root, "key \"fields\" is missing");
    else if (fields && !fields->n)
        crm__fault(&d->load, fields, "fields: a model has at least one field");
    most = (fields ? fields->n : 0) + (identities ? identities->n : 0);
    if (most > CRM__MODEL_FIELDS)
        most = CRM__MODEL_FIELDS;
    d->m->fields = crm__keep_array(d, most, sizeof *d->m->fields);
    d->m->enum_defaults = crm__keep_array(d, most, sizeof *d->m->enum_defaults);
    if (d->load.nomem)
        return;
    /* In the order of the document. */
    if (fields && identities && identities->line < fields->line) {
        read_fields(d, identities, CRM__ROLE_IDENTITY);
        read_fields(d, fields, CRM__ROLE_FIELD);
    } else {
        read_fields(d, fields, CRM__ROLE_FIELD);
        read_fields(d, identities, CRM__ROLE_IDENTITY);
    }
    crm__space_build(d, &d->entries, &crm__customer_words, &d->m->names);
    if (!d->load.nomem)
        crm__events_read(d, top[TOP_EVENTS]);
    if (!d->load.nomem)
        crm__dimensions_read(d, top[TOP_TAGS]);
    if (!d->load.nomem)
        crm__segments_read(d, top[TOP_SEGMENTS]);
    if (!d->load.nomem && !d->load.fault_count)
        crm__segments_judge(d, top[TOP_SEGMENTS], yaml, n);
}

static crm__model *new_model(const crm_allocator *mem)
{
    crm__model *m = crm__calloc(mem, 1, sizeof *m);

    if (!m)
        return NULL;
    if (mem) {
        m->own = *mem;
        m->mem = &m->own;
    }
    m->refs = 1;
    m->name = "";
    crm__arena_init(&m->arena, m->mem);
    return m;
}

int crm__model_parse(const crm_allocator *mem, const char *yaml, size_t n, crm_finding_fn fn,
                     void *ctx, crm__model **out, crm_error *err)
{
    crm__draft d;
    const crm__node *root;
    int rc;

    *out = NULL;
    memset(&d, 0, sizeof d);
    d.m = new_model(mem);
    if (!d.m)
        return crm__fail_nomem(err);
    crm__load_init(&d.load, d.m->mem);
    crm__buf_init(&d.entries, d.m->mem);
    root = crm__tree_read(&d.load, yaml, n);
    if (root && !d.load.nomem)
        read_document(&d, root, yaml, n);
    if (!d.load.nomem && !d.load.fault_count) {
        d.m->text = crm__strdup(d.m->mem, yaml, n);
        d.m->n = n;
        d.load.nomem = !d.m->text;
    }
    rc = crm__load_report(&d.load, fn, ctx, err);
    crm__buf_clear(&d.entries);
    crm__load_clear(&d.load);
    if (rc)
        crm__model_unref(d.m);
    else
        *out = d.m;
    return rc;
}
