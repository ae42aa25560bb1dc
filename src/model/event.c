/* SPDX-License-Identifier: MIT
 * Kinds of events: their labels, and their attributes, which are fields with a name space of their
 * own in each kind.
 */
#include "model/load.h"

#include <stdio.h>
#include <string.h>

/* An event that takes another back is marked by it. */
static const crm__own_word KIND_WORD = {"void", NULL, CRM__OWN_NONE};
static const crm__own_words KIND_WORDS = {&KIND_WORD, 1, "marks events that are taken back"};

static const char *const KEYS[] = {"label", "attributes"};

static void read_attributes(crm__draft *d, const crm__node *kind, const crm__node *map,
                            crm__event_kind *out, crm__buf *entries)
{
    crm__field_place place = {CRM__ROLE_ATTRIBUTE, kind->key, 0, entries};
    size_t most = map->n < CRM__MODEL_ATTRIBUTES ? map->n : CRM__MODEL_ATTRIBUTES;
    crm__field *fields = crm__keep_array(d, most, sizeof *fields);
    crm__enum_default *defaults = crm__keep_array(d, most, sizeof *defaults);

    if (!fields || !defaults)
        return;
    out->attributes = fields;
    out->enum_defaults = defaults;
    for (const crm__node *node = map->first; node && !d->load.nomem; node = node->next) {
        crm__field *f = &fields[out->attribute_count];
        if (out->attribute_count == CRM__MODEL_ATTRIBUTES) {
            crm__fault(&d->load, node->key, "event kind \"%s\": more than %d attributes",
                       crm__node_word(kind->key).s, (int)CRM__MODEL_ATTRIBUTES);
            return;
        }
        place.position = out->attribute_count;
        crm__field_read(d, node, &place, f, &defaults[out->attribute_count]);
        out->attribute_count++;
        out->fast_count += (f->flags & CRM_FIELD_FAST) != 0;
    }
}

static void read_parts(crm__draft *d, const crm__node *node, uint32_t position,
                       crm__event_kind *out, crm__buf *kinds, crm__buf *attributes)
{
    char of[96], hint[CRM_MESSAGE_SIZE];

    snprintf(of, sizeof of, "event kind \"%s\"", crm__node_word(node->key).s);
    if (node->kind != CRM__NODE_MAP) {
        /* A kind that says nothing of itself is one: "visit:". */
        if (node->kind != CRM__NODE_BAD && (node->kind != CRM__NODE_TEXT || node->n))
            crm__fault(&d->load, node,
                       "%s: expected a map such as {attributes: {amount: {type: money}}}", of);
        return;
    }
    for (const crm__node *part = node->first; part; part = part->next) {
        if (!strcmp(part->key->text, KEYS[0])) {
            crm__labels_read(d, part, of, position, kinds, &out->labels, &out->label_count);
        } else if (strcmp(part->key->text, KEYS[1])) {
            crm__hint(hint, part->key, KEYS, 2);
            crm__fault(&d->load, part->key, "%s: unknown key \"%s\", %s", of,
                       crm__node_word(part->key).s, hint);
        } else if (part->kind == CRM__NODE_MAP) {
            read_attributes(d, node, part, out, attributes);
        } else if (part->kind != CRM__NODE_BAD) {
            crm__fault(&d->load, part,
                       "%s: attributes must be a map from keys to descriptions, such as "
                       "{amount: {type: money}}",
                       of);
        }
    }
}

static void read_kind(crm__draft *d, const crm__node *node, uint32_t position, crm__event_kind *out,
                      crm__buf *kinds)
{
    crm__names *names = crm__keep_array(d, 1, sizeof *names);
    crm__buf attributes;

    out->line = node->key->line;
    out->column = node->key->column;
    out->key = crm__keep(d, node->key->text, node->key->n);
    if (!names || !out->key)
        return;
    if (crm__key_check(d, node->key, "event kind"))
        crm__entry_add(d, kinds, node->key, out->key, node->key->n, position, 1);
    crm__buf_init(&attributes, d->load.mem);
    read_parts(d, node, position, out, kinds, &attributes);
    crm__space_build(d, &attributes, &crm__event_words, names);
    crm__buf_clear(&attributes);
    out->attribute_names = names;
}

void crm__events_read(crm__draft *d, const crm__node *node)
{
    crm__model *m = d->m;
    crm__buf kinds;
    size_t most;

    if (node && node->kind != CRM__NODE_MAP && node->kind != CRM__NODE_BAD)
        crm__fault(&d->load, node,
                   "events: expected a map from keys to descriptions, such as "
                   "order: {attributes: {amount: {type: money}}}");
    if (!node || node->kind != CRM__NODE_MAP || !node->n)
        return;
    most = node->n < CRM__MODEL_EVENTS ? node->n : CRM__MODEL_EVENTS;
    m->events = crm__keep_array(d, most, sizeof *m->events);
    if (!m->events)
        return;
    crm__buf_init(&kinds, d->load.mem);
    for (const crm__node *kind = node->first; kind && !d->load.nomem; kind = kind->next) {
        if (m->event_count == CRM__MODEL_EVENTS) {
            crm__fault(&d->load, kind->key, "more than %d event kinds", (int)CRM__MODEL_EVENTS);
            break;
        }
        read_kind(d, kind, (uint32_t)m->event_count, &m->events[m->event_count], &kinds);
        m->event_count++;
    }
    crm__space_build(d, &kinds, &KIND_WORDS, &m->event_names);
    crm__buf_clear(&kinds);
}
