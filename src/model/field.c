/* SPDX-License-Identifier: MIT
 * One field or identity of the document: its keys, type, flags, kinds, class and values.
 */
#include "model/load.h"

#include <stdio.h>
#include <string.h>

enum {
    K_TYPE,
    K_LABEL,
    K_LIST,
    K_REQUIRED,
    K_UNIQUE,
    K_IDENTITY,
    K_PER,
    K_KINDS,
    K_VALUES,
    K_MIN,
    K_MAX,
    K_PATTERN,
    K_DEFAULT,
    K_REGION,
    K_CURRENCY,
    K_CLASS,
    K_SENSITIVITY,
    K_FAST,
    K_INDEX,
    KEYS
};

static const char *const KEY[KEYS] = {
    "type",     "label",  "list",        "required", "unique",  "identity", "per",
    "kinds",    "values", "min",         "max",      "pattern", "default",  "region",
    "currency", "class",  "sensitivity", "fast",     "index",
};

#define BIT(i) (1u << (i))
static const struct role {
    const char *name;
    uint32_t without;    /* keys it does not have */
    const char *not_for; /* "unique" is not for ... */
} ROLE[CRM__ROLES] = {
    {"field", BIT(K_PER) | BIT(K_FAST), "fields"},
    {"identity",
     BIT(K_LIST) | BIT(K_IDENTITY) | BIT(K_VALUES) | BIT(K_DEFAULT) | BIT(K_CURRENCY) |
         BIT(K_FAST) | BIT(K_INDEX),
     "identities"},
    {"attribute",
     BIT(K_LIST) | BIT(K_IDENTITY) | BIT(K_UNIQUE) | BIT(K_KINDS) | BIT(K_PER) | BIT(K_INDEX),
     "attributes of events"},
};

/* Types whose values fit a day list. */
static const uint32_t FAST_TYPES = BIT(CRM_TYPE_INTEGER) | BIT(CRM_TYPE_DECIMAL) |
                                   BIT(CRM_TYPE_MONEY) | BIT(CRM_TYPE_BOOLEAN) |
                                   BIT(CRM_TYPE_ENUM) | BIT(CRM_TYPE_DATE) | BIT(CRM_TYPE_COUNTRY) |
                                   BIT(CRM_TYPE_LANGUAGE) | BIT(CRM_TYPE_TEXT);

/* What is kept of a field's values when its description does not say, and what can be asked for. */
static const uint8_t INDEX[] = {
    [CRM_TYPE_ENUM] = CRM__INDEX_VALUES,
    [CRM_TYPE_BOOLEAN] = CRM__INDEX_VALUES,
    [CRM_TYPE_COUNTRY] = CRM__INDEX_VALUES,
    [CRM_TYPE_MONEY] = CRM__INDEX_VALUES | CRM__INDEX_COLUMN,
    [CRM_TYPE_INTEGER] = CRM__INDEX_COLUMN,
    [CRM_TYPE_DECIMAL] = CRM__INDEX_COLUMN,
    [CRM_TYPE_DATE] = CRM__INDEX_COLUMN,
    [CRM_TYPE_DATETIME] = CRM__INDEX_COLUMN,
    [CRM_TYPE_ACTOR] = 0,
};
static const uint32_t TEXT_TYPES =
    BIT(CRM_TYPE_TEXT) | BIT(CRM_TYPE_LANGUAGE) | BIT(CRM_TYPE_ACTOR) | BIT(CRM_TYPE_URL);

static const char *const TYPES[] = {
    "text",  "integer", "decimal", "money",   "date",     "datetime", "boolean", "enum",
    "email", "phone",   "url",     "country", "language", "customer", "actor",
};
enum { TYPE_COUNT = sizeof TYPES / sizeof TYPES[0] };

static const char *const IDENTITY_TYPES[] = {"text", "email", "phone"};
static const char *const CLASSES[] = {"basic",      "contact",  "transaction",
                                      "preference", "feedback", "social"};
static const char *const SENSITIVITIES[] = {"public", "internal", "personal", "sensitive"};

#define COUNT(list) (sizeof(list) / sizeof(list)[0])

const char *crm__type_name(unsigned type)
{
    return type >= 1 && type <= TYPE_COUNT ? TYPES[type - 1] : NULL;
}

int crm__key_check(crm__draft *d, const crm__node *key, const char *what)
{
    int fine = key->n > 0 && key->n < CRM_FIELD_SIZE && key->text[0] >= 'a' && key->text[0] <= 'z';

    for (size_t i = 0; fine && i < key->n; i++) {
        char c = key->text[i];
        fine = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    }
    if (!fine)
        crm__fault(&d->load, key,
                   "key \"%s\" of %s %s: a key is a letter a to z, then up to 62 of a to z, 0 to 9 "
                   "and _; other names go under label",
                   crm__node_word(key).s, strchr("aeiou", *what) ? "an" : "a", what);
    return fine;
}

/* What is read of one field. */
typedef struct reading {
    crm__draft *d;
    crm__field *f;
    const crm__field_place *place;
    const struct role *role;
    char of[160]; /* field "phone", attribute "order.amount" */
    const crm__node *node[KEYS];
} reading;

static void unknown_key(reading *r, const crm__node *key)
{
    const char *list[KEYS];
    char hint[CRM_MESSAGE_SIZE];
    size_t n = 0;

    for (int i = 0; i < KEYS; i++) {
        if (!(r->role->without & BIT(i)))
            list[n++] = KEY[i];
    }
    crm__hint(hint, key, list, n);
    crm__fault(&r->d->load, key, "%s: unknown key \"%s\", %s", r->of, crm__node_word(key).s, hint);
}

static void sort_keys(reading *r, const crm__node *map)
{
    int identity = r->place->role == CRM__ROLE_IDENTITY;

    for (const crm__node *node = map->first; node; node = node->next) {
        int i = 0;
        while (i < KEYS && strcmp(node->key->text, KEY[i]))
            i++;
        if (i == KEYS)
            unknown_key(r, node->key);
        else if (!(r->role->without & BIT(i)))
            r->node[i] = node;
        else if (identity && (i == K_LIST || i == K_IDENTITY))
            crm__fault(&r->d->load, node->key,
                       "%s: \"%s\" is left out, an identity is always a list and found by", r->of,
                       KEY[i]);
        else
            crm__fault(&r->d->load, node->key, "%s: \"%s\" is not for %s%s", r->of, KEY[i],
                       r->role->not_for,
                       i == K_FAST                      ? ", only for attributes of events"
                       : i == K_PER && !r->place->event ? ", only for identities"
                                                        : "");
    }
}

/* Position in a list of words; the count, with a fault, when it is not in it. */
static size_t word_in(reading *r, int key, const char *const *list, size_t count)
{
    const crm__node *node = r->node[key];
    char hint[CRM_MESSAGE_SIZE];
    const char *s = crm__node_text(r->d, node, KEY[key], r->of);
    size_t i = 0;

    if (!s)
        return count;
    while (i < count && strcmp(list[i], s))
        i++;
    if (i == count) {
        crm__hint(hint, node, list, count);
        crm__fault(&r->d->load, node, "%s: unknown %s \"%s\", %s", r->of, KEY[key],
                   crm__node_word(node).s, hint);
    }
    return i;
}

static void read_type(reading *r, const crm__node *map)
{
    size_t i;

    if (!r->node[K_TYPE]) {
        crm__fault(&r->d->load, map->key, "%s: key \"type\" is missing, such as {type: text}",
                   r->of);
        return;
    }
    i = word_in(r, K_TYPE, TYPES, TYPE_COUNT);
    if (i == TYPE_COUNT)
        return;
    if (r->place->role == CRM__ROLE_ATTRIBUTE && i + 1 == CRM_TYPE_CUSTOMER) {
        crm__fault(&r->d->load, r->node[K_TYPE], "%s: type customer is not for %s", r->of,
                   r->role->not_for);
        return;
    }
    for (size_t k = 0; r->place->role == CRM__ROLE_IDENTITY; k++) {
        if (k == COUNT(IDENTITY_TYPES)) {
            crm__fault(&r->d->load, r->node[K_TYPE],
                       "%s: type %s is not for identities, expected text, email or phone", r->of,
                       TYPES[i]);
            return;
        }
        if (!strcmp(IDENTITY_TYPES[k], TYPES[i]))
            break;
    }
    r->f->type = (uint8_t)(i + 1);
}

static void read_flag(reading *r, int key, uint32_t bit)
{
    const char *s = r->node[key] ? crm__node_text(r->d, r->node[key], KEY[key], r->of) : NULL;

    if (!s)
        return;
    if (!strcmp(s, "true"))
        r->f->flags |= bit;
    else if (strcmp(s, "false"))
        crm__fault(&r->d->load, r->node[key], "%s: %s must be true or false", r->of, KEY[key]);
}

static void read_fast(reading *r)
{
    char list[CRM_MESSAGE_SIZE] = "";
    size_t at = 0;

    read_flag(r, K_FAST, CRM_FIELD_FAST);
    if (!(r->f->flags & CRM_FIELD_FAST) || !r->f->type || FAST_TYPES >> r->f->type & 1)
        return;
    for (unsigned type = 1; type <= TYPE_COUNT; type++) {
        if (FAST_TYPES >> type & 1)
            at += (size_t)snprintf(list + at, sizeof list - at, "%s%s", at ? ", " : "",
                                   crm__type_name(type));
    }
    crm__fault(&r->d->load, r->node[K_FAST], "%s: fast is not for type %s, only for %s", r->of,
               crm__type_name(r->f->type), list);
}

/* Texts are indexed when it is asked for: by their values, by their beginnings, in order of which
 * customers are then put, or both; and by what they contain. */
static int text_index(reading *r, const char *word)
{
    unsigned sortable = TEXT_TYPES | 1u << CRM_TYPE_EMAIL | 1u << CRM_TYPE_PHONE;
    int sort = !strcmp(word, "sort"), both = !strcmp(word, "both");
    int contains = !strcmp(word, "contains");
    crm__field *f = r->f;

    if (strcmp(word, "values") && !sort && !both && !contains) {
        crm__fault(&r->d->load, r->node[K_INDEX],
                   "%s: index must be values, sort, both, contains or false", r->of);
    } else if (!((sort || contains ? sortable : TEXT_TYPES) >> f->type & 1)) {
        crm__fault(&r->d->load, r->node[K_INDEX],
                   "%s: index: %s is not for type %s, only for text, url, language, actor%s%s",
                   r->of, word, crm__type_name(f->type), sort || contains ? ", email, phone" : "",
                   f->index ? "; without the key it is indexed" : "");
    } else if ((sort || both) && f->flags & CRM_FIELD_LIST) {
        crm__fault(&r->d->load, r->node[K_INDEX], "%s: index: %s is not for lists", r->of, word);
    } else {
        return sort       ? CRM__INDEX_COLUMN
               : contains ? CRM__INDEX_GRAMS
               : both     ? CRM__INDEX_VALUES | CRM__INDEX_COLUMN
                          : CRM__INDEX_VALUES;
    }
    return 0;
}

/* Runs when type and list are known. */
static void read_index(reading *r)
{
    const crm__node *node = r->node[K_INDEX];
    int list = node && node->kind == CRM__NODE_LIST;
    const char *s = node && !list ? crm__node_text(r->d, node, "index", r->of) : NULL;
    crm__field *f = r->f;

    if (r->place->role == CRM__ROLE_ATTRIBUTE || !f->type)
        return;
    f->index = INDEX[f->type];
    if (f->flags & CRM_FIELD_LIST)
        f->index &= (uint8_t)~CRM__INDEX_COLUMN;
    if (list)
        f->index = 0;
    for (const crm__node *n = list ? node->first : NULL; n; n = n->next) {
        const char *word = crm__node_text(r->d, n, "index", r->of);
        f->index |= (uint8_t)(word ? text_index(r, word) : 0);
    }
    if (!s)
        return;
    if (!strcmp(s, "false"))
        f->index = 0;
    else
        f->index = (uint8_t)text_index(r, s);
}

static void read_flags(reading *r)
{
    crm__field *f = r->f;
    const char *s;

    read_flag(r, K_REQUIRED, CRM_FIELD_REQUIRED);
    read_flag(r, K_UNIQUE, CRM_FIELD_UNIQUE);
    read_flag(r, K_LIST, CRM_FIELD_LIST);
    read_flag(r, K_IDENTITY, CRM_FIELD_IDENTITY);
    read_fast(r);
    if (r->place->role == CRM__ROLE_IDENTITY)
        f->flags |= CRM_FIELD_LIST | CRM_FIELD_IDENTITY;
    s = r->node[K_PER] ? crm__node_text(r->d, r->node[K_PER], "per", r->of) : NULL;
    if (s && strcmp(s, "source"))
        crm__fault(&r->d->load, r->node[K_PER], "%s: per must be source", r->of);
    else if (s)
        f->flags |= CRM_FIELD_PER_SOURCE;
    if (r->node[K_IDENTITY] && (f->flags & CRM_FIELD_IDENTITY) && f->type &&
        f->type != CRM_TYPE_TEXT && f->type != CRM_TYPE_EMAIL && f->type != CRM_TYPE_PHONE)
        crm__fault(&r->d->load, r->node[K_IDENTITY],
                   "%s: identity is not for type %s, only for text, email and phone", r->of,
                   crm__type_name(f->type));
    if ((f->flags & CRM_FIELD_UNIQUE) && (f->type == CRM_TYPE_BOOLEAN || f->type == CRM_TYPE_ENUM))
        crm__fault(&r->d->load, r->node[K_UNIQUE], "%s: unique is not for type %s", r->of,
                   crm__type_name(f->type));
    read_index(r);
}

/* ---- kinds ---- */

static void add_kind(reading *r, const crm__node *node)
{
    const char *s = crm__node_text(r->d, node, "kinds", r->of);
    unsigned kind = CRM__KIND_PERSON;

    if (!s)
        return;
    while (kind <= CRM__KIND_ORGANISATION && strcmp(crm__kind_key(kind), s))
        kind++;
    if (kind > CRM__KIND_ORGANISATION)
        crm__fault(&r->d->load, node, "%s: unknown kind \"%s\", expected person or organisation",
                   r->of, crm__node_word(node).s);
    else if (r->f->kinds >> kind & 1)
        crm__fault(&r->d->load, node, "%s: kind \"%s\" stands twice", r->of, s);
    else
        r->f->kinds = (uint8_t)(r->f->kinds | 1u << kind);
}

static void read_kinds(reading *r)
{
    const crm__node *node = r->node[K_KINDS];

    if (node && node->kind == CRM__NODE_LIST) {
        if (!node->n)
            crm__fault(&r->d->load, node, "%s: the list of kinds is empty", r->of);
        for (const crm__node *item = node->first; item; item = item->next)
            add_kind(r, item);
    } else if (node) {
        add_kind(r, node);
    }
    if (!r->f->kinds)
        r->f->kinds = 1u << CRM__KIND_PERSON | 1u << CRM__KIND_ORGANISATION;
}

/* ---- values of an enum ---- */

static void add_value(reading *r, const crm__node *key, const crm__node *label,
                      crm__enum_value *values, crm__buf *entries)
{
    crm__enum_value *v = &values[r->f->value_count];
    char of[256];

    if (key->kind == CRM__NODE_BAD)
        return;
    if (key->kind != CRM__NODE_TEXT) {
        crm__fault(&r->d->load, key, "%s: the list of values holds keys only", r->of);
        return;
    }
    v->key = crm__keep(r->d, key->text, key->n);
    if (!v->key)
        return;
    if (crm__key_check(r->d, key, "enum value"))
        crm__entry_add(r->d, entries, key, v->key, key->n, r->f->value_count, 1);
    snprintf(of, sizeof of, "%s, value \"%s\"", r->of, crm__node_word(key).s);
    if (label && (label->kind != CRM__NODE_TEXT || label->n))
        crm__labels_read(r->d, label, of, r->f->value_count, entries, &v->labels, &v->label_count);
    r->f->value_count++;
}

static void read_values(reading *r)
{
    const crm__node *node = r->node[K_VALUES];
    crm__enum_value *values;
    crm__names *names;
    crm__buf entries;
    size_t most;

    if (node->kind != CRM__NODE_MAP && node->kind != CRM__NODE_LIST) {
        if (node->kind != CRM__NODE_BAD)
            crm__fault(&r->d->load, node,
                       "%s: values must be a map from keys to labels, or a list of keys", r->of);
        return;
    }
    if (!node->n)
        crm__fault(&r->d->load, node, "%s: an enum has at least one value", r->of);
    most = node->n < CRM__MODEL_VALUES ? node->n : CRM__MODEL_VALUES;
    if (node->n > CRM__MODEL_VALUES)
        crm__fault(&r->d->load, node, "%s: more than %d values", r->of, (int)CRM__MODEL_VALUES);
    values = crm__keep_array(r->d, most, sizeof *values);
    names = crm__keep_array(r->d, 1, sizeof *names);
    if (!values || !names)
        return;
    crm__buf_init(&entries, r->d->load.mem);
    for (const crm__node *item = node->first; item && most; item = item->next, most--) {
        if (node->kind == CRM__NODE_MAP)
            add_value(r, item->key, item, values, &entries);
        else
            add_value(r, item, NULL, values, &entries);
    }
    crm__space_build(r->d, &entries, NULL, names);
    crm__buf_clear(&entries);
    r->f->values = values;
    r->f->value_names = names;
}

static void read_enum(reading *r, const crm__node *map)
{
    if (r->f->type != CRM_TYPE_ENUM) {
        if (r->node[K_VALUES] && r->f->type)
            crm__fault(&r->d->load, r->node[K_VALUES]->key, "%s: values are for type enum only",
                       r->of);
        return;
    }
    if (r->node[K_VALUES])
        read_values(r);
    else
        crm__fault(&r->d->load, map->key,
                   "%s: an enum needs values, such as {type: enum, values: "
                   "[small, large]}",
                   r->of);
}

/* ---- all of it ---- */

static void read_parts(reading *r, const crm__node *map, crm__enum_default *enum_default)
{
    crm__rule_nodes rules = {r->node[K_MIN],    r->node[K_MAX],      r->node[K_PATTERN],
                             r->node[K_REGION], r->node[K_CURRENCY], r->node[K_DEFAULT]};
    size_t i;

    read_type(r, map);
    read_flags(r);
    read_kinds(r);
    if (r->node[K_CLASS]) {
        i = word_in(r, K_CLASS, CLASSES, COUNT(CLASSES));
        r->f->data_class = CLASSES[i < COUNT(CLASSES) ? i : 0];
    }
    if (r->node[K_SENSITIVITY]) {
        i = word_in(r, K_SENSITIVITY, SENSITIVITIES, COUNT(SENSITIVITIES));
        r->f->sensitivity = SENSITIVITIES[i < COUNT(SENSITIVITIES) ? i : 2];
    }
    if (r->node[K_LABEL])
        crm__labels_read(r->d, r->node[K_LABEL], r->of, r->place->position, r->place->entries,
                         &r->f->labels, &r->f->label_count);
    read_enum(r, map);
    if (r->f->type && !r->d->load.nomem)
        crm__rules_read(r->d, &rules, r->of, r->f, enum_default);
}

void crm__field_read(crm__draft *d, const crm__node *node, const crm__field_place *place,
                     crm__field *f, crm__enum_default *enum_default)
{
    reading r;

    memset(&r, 0, sizeof r);
    r.d = d;
    r.f = f;
    r.place = place;
    r.role = &ROLE[place->role];
    f->line = node->key->line;
    f->column = node->key->column;
    f->declared_identity = place->role == CRM__ROLE_IDENTITY;
    f->data_class = CLASSES[0];
    f->sensitivity = SENSITIVITIES[2];
    f->key = crm__keep(d, node->key->text, node->key->n);
    if (!f->key)
        return;
    if (crm__key_check(d, node->key, r.role->name))
        crm__entry_add(d, place->entries, node->key, f->key, node->key->n, place->position, 1);
    snprintf(r.of, sizeof r.of, "%s \"%s%s%s\"", r.role->name,
             place->event ? crm__node_word(place->event).s : "", place->event ? "." : "",
             crm__node_word(node->key).s);
    if (node->kind == CRM__NODE_MAP) {
        sort_keys(&r, node);
        read_parts(&r, node, enum_default);
    } else if (node->kind != CRM__NODE_BAD) {
        crm__fault(&d->load, node, "%s: expected a map such as {type: text}", r.of);
    }
}
