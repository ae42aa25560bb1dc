/* SPDX-License-Identifier: MIT
 * Labels, and the name spaces that keys and labels share.  A name that stands for two things would
 * make an import put values where nobody meant them, so it is a fault of the model.
 */
#include "base/utf8.h"
#include "model/load.h"
#include "model/place.h"

#include <string.h>

enum { LABEL_LANGUAGES = 64 };

#define RESERVED (UINT32_MAX - 1)

/* What the labels of one thing are gathered in. */
typedef struct gather {
    crm__draft *d;
    const char *of;
    uint32_t owner;
    crm__buf *entries;
    crm__buf labels; /* crm__label */
} gather;

void crm__entry_add(crm__draft *d, crm__buf *entries, const crm__node *at, const char *s, size_t n,
                    uint32_t owner, int is_key)
{
    crm__entry e;

    memset(&e, 0, sizeof e);
    e.s = s;
    e.n = n;
    e.owner = owner;
    e.is_key = is_key;
    e.line = at->line;
    e.column = at->column;
    crm__buf_add(entries, &e, sizeof e);
    if (entries->failed)
        d->load.nomem = 1;
}

static int one_line(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '\n' || s[i] == '\t')
            return 0;
    }
    return !crm__utf8_has_control(s, n);
}

static void add_label(gather *g, const crm__node *node, const char *lang)
{
    crm__draft *d = g->d;
    const char *s;
    crm__label label;
    size_t n;

    if (node->kind == CRM__NODE_BAD)
        return;
    s = crm__node_text(d, node, "label", g->of);
    if (!s)
        return;
    n = node->n;
    crm__utf8_trim(&s, &n);
    if (!n || !one_line(s, n) || crm__utf8_count(s, n) > CRM__LABEL_CHARACTERS) {
        crm__fault(&d->load, node, "%s: a label must be one line of 1 to %d characters", g->of,
                   (int)CRM__LABEL_CHARACTERS);
        return;
    }
    if (d->labels++ >= CRM__MODEL_LABELS) {
        if (d->labels == CRM__MODEL_LABELS + 1)
            crm__fault(&d->load, node, "more than %d labels in the document",
                       (int)CRM__MODEL_LABELS);
        return;
    }
    label.lang = lang;
    label.text = crm__keep(d, s, n);
    if (!label.text)
        return;
    crm__buf_add(&g->labels, &label, sizeof label);
    crm__entry_add(d, g->entries, node, label.text, n, g->owner, 0);
}

/* One text or a list of texts in one language. */
static void add_texts(gather *g, const crm__node *node, const char *lang)
{
    if (node->kind != CRM__NODE_LIST) {
        add_label(g, node, lang);
        return;
    }
    if (!node->n)
        crm__fault(&g->d->load, node, "%s: the list of labels is empty", g->of);
    for (const crm__node *item = node->first; item; item = item->next)
        add_label(g, item, lang);
}

/* Canonical and lower case; NULL with a fault. */
static const char *language_of(gather *g, const crm__node *key)
{
    char tag[CRM__LANGUAGE_SIZE];
    size_t n = crm__language_tag(key->text, key->n, tag);

    if (!n) {
        crm__fault(&g->d->load, key,
                   "%s: \"%s\" is not a language tag, expected such as en, zh or zh-hant", g->of,
                   crm__node_word(key).s);
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        if (tag[i] >= 'A' && tag[i] <= 'Z')
            tag[i] = (char)(tag[i] + 32);
    }
    return crm__keep(g->d, tag, n);
}

static void add_languages(gather *g, const crm__node *map)
{
    const char *seen[LABEL_LANGUAGES];
    size_t count = 0;

    if (!map->n)
        crm__fault(&g->d->load, map, "%s: the label is empty", g->of);
    for (const crm__node *node = map->first; node; node = node->next) {
        const char *lang = language_of(g, node->key);
        size_t i = 0;
        if (!lang)
            continue;
        while (i < count && strcmp(seen[i], lang))
            i++;
        if (i < count) {
            crm__fault(&g->d->load, node->key, "%s: language \"%s\" stands twice", g->of, lang);
        } else if (count == LABEL_LANGUAGES) {
            crm__fault(&g->d->load, node->key, "%s: more than %d languages", g->of,
                       (int)LABEL_LANGUAGES);
            return;
        } else {
            seen[count++] = lang;
            add_texts(g, node, lang);
        }
    }
}

void crm__labels_read(crm__draft *d, const crm__node *node, const char *of, uint32_t owner,
                      crm__buf *entries, const crm__label **labels, uint32_t *count)
{
    gather g = {d, of, owner, entries, {0}};
    size_t have;

    crm__buf_init(&g.labels, d->load.mem);
    if (node->kind == CRM__NODE_MAP)
        add_languages(&g, node);
    else if (node->kind != CRM__NODE_BAD)
        add_texts(&g, node, "und");
    have = g.labels.n / sizeof(crm__label);
    if (have) {
        crm__label *to = crm__keep_array(d, have, sizeof *to);
        if (to) {
            memcpy(to, g.labels.p, g.labels.n);
            *labels = to;
            *count = (uint32_t)have;
        }
    }
    if (g.labels.failed)
        d->load.nomem = 1;
    crm__buf_clear(&g.labels);
}

/* ---- name spaces ---- */

static const crm__entry *key_of(const crm__buf *entries, uint32_t owner)
{
    const crm__entry *list = (const crm__entry *)(const void *)entries->p;

    for (size_t i = 0; i < entries->n / sizeof *list; i++) {
        if (list[i].is_key && list[i].owner == owner)
            return &list[i];
    }
    return NULL;
}

static crm__word word_of(const crm__entry *e)
{
    crm__node node;

    memset(&node, 0, sizeof node);
    node.text = e->s;
    node.n = e->n;
    return crm__node_word(&node);
}

static void clash(crm__draft *d, const crm__buf *entries, const crm__entry *e, uint32_t other,
                  const crm__own_words *reserved)
{
    const crm__entry *mine, *theirs;
    crm__word word = word_of(e);

    if (d->load.fault_count > CRM__FAULTS) {
        /* Counted only: no need to look the keys up. */
        crm__fault_at(&d->load, e->line, e->column, "%s", word.s);
        return;
    }
    mine = key_of(entries, e->owner);
    theirs = key_of(entries, other);
    if (other == RESERVED && e->is_key)
        crm__fault_at(&d->load, e->line, e->column, "\"%s\" %s: choose another key", word.s,
                      reserved->why);
    else if (other == RESERVED)
        crm__fault_at(&d->load, e->line, e->column, "label \"%s\" %s: choose another label", word.s,
                      reserved->why);
    else if (e->is_key && theirs)
        crm__fault_at(&d->load, e->line, e->column, "key \"%s\" is taken, by line %d", word.s,
                      (int)theirs->line);
    else if (mine && theirs)
        crm__fault_at(&d->load, e->line, e->column,
                      "label \"%s\" of \"%s\" is also a name of \"%s\" (line %d)", word.s,
                      word_of(mine).s, word_of(theirs).s, (int)theirs->line);
}

static void add_name(crm__draft *d, const crm__buf *entries, const crm__entry *e,
                     const crm__own_words *reserved, crm__names *out)
{
    uint32_t other = CRM__NO_OWNER;
    int rc = crm__names_add(out, &d->m->arena, e->s, e->n, e->owner, 1, &other);

    if (rc == CRM_EEXISTS)
        clash(d, entries, e, other, reserved);
    else if (rc == CRM_EVALUE)
        crm__fault_at(&d->load, e->line, e->column,
                      "label \"%s\" has no letter, digit or sign to be told by", word_of(e).s);
    else if (rc)
        d->load.nomem = 1;
}

void crm__space_build(crm__draft *d, const crm__buf *entries, const crm__own_words *reserved,
                      crm__names *out)
{
    const crm__entry *list = (const crm__entry *)(const void *)entries->p;
    size_t count = entries->n / sizeof *list, reserved_count = reserved ? reserved->count : 0;
    uint32_t other;

    if (d->load.nomem || crm__names_init(out, &d->m->arena, count + reserved_count)) {
        d->load.nomem = 1;
        return;
    }
    for (size_t i = 0; i < reserved_count; i++) {
        const char *word = reserved->list[i].key;
        if (crm__names_add(out, &d->m->arena, word, strlen(word), RESERVED, 0, &other))
            d->load.nomem = 1;
    }
    for (int keys = 1; keys >= 0; keys--) {
        for (size_t i = 0; i < count && !d->load.nomem; i++) {
            if (list[i].is_key == keys)
                add_name(d, entries, &list[i], reserved, out);
        }
    }
}
