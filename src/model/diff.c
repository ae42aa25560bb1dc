/* SPDX-License-Identifier: MIT
 * What differs between two models, and what each difference asks of the stored records.  Fields are
 * the same when their keys are: the dictionary never gives a key's number to another.  Attributes
 * of events are compared by the same rules, kind by kind.
 */
#include "model/diff.h"

#include <string.h>

/* ---- the model ---- */

static const crm__field *field_by_key(const crm__model *m, const char *key)
{
    const crm__field *f = crm__model_find(m, key, strlen(key));

    return f && !strcmp(f->key, key) ? f : NULL;
}

static void diff_settings(crm__diff *d)
{
    const crm__model *a = d->before, *b = d->after;
    int kinds = 0;

    for (unsigned k = CRM__KIND_PERSON; k <= CRM__KIND_ORGANISATION; k++)
        kinds |= !crm__diff_same_labels(a->kind_labels[k], a->kind_label_count[k],
                                        b->kind_labels[k], b->kind_label_count[k]);
    if (strcmp(a->name, b->name))
        crm__diff_say(d, crm__diff_change(CRM__CHANGE_TEXT, NULL, NULL),
                      "the model has another name");
    if (strcmp(a->region, b->region))
        crm__diff_say(d, crm__diff_change(CRM__CHANGE_TEXT, NULL, NULL),
                      "the model has another region");
    if (strcmp(a->currency, b->currency))
        crm__diff_say(d, crm__diff_change(CRM__CHANGE_TEXT, NULL, NULL),
                      "the model has another currency");
    if (kinds)
        crm__diff_say(d, crm__diff_change(CRM__CHANGE_TEXT, NULL, NULL),
                      "the kinds have other labels");
}

/* Records may hold values of it from an earlier version, which come back. */
static void add_field(crm__diff *d, const crm__field *f)
{
    crm__change c = crm__diff_change(CRM__CHANGE_FIELD_ADDED, NULL, f);

    c.index = crm__diff_derived(d, f);
    c.scan = (f->flags & CRM_FIELD_UNIQUE) != 0;
    crm__diff_say(d, c, "is added");
    if (f->flags & CRM_FIELD_REQUIRED) {
        c = crm__diff_change(CRM__CHANGE_REQUIRED, NULL, f);
        c.scan = 1;
        crm__diff_say(d, c, "is required");
    }
}

static void remove_field(crm__diff *d, const crm__field *f)
{
    crm__change c = crm__diff_change(CRM__CHANGE_FIELD_REMOVED, f, NULL);

    c.scan = 1;
    c.index = crm__diff_derived(d, f);
    crm__diff_say(d, c, "is removed");
}

static void diff_fields(crm__diff *d)
{
    const crm__model *before = d->before, *after = d->after;

    d->fields_before = before->fields;
    d->fields_after = after->fields;
    d->defaults_before = before->enum_defaults;
    d->defaults_after = after->enum_defaults;
    for (size_t i = 0; i < before->count && !d->rc; i++) {
        if (!field_by_key(after, before->fields[i].key))
            remove_field(d, &before->fields[i]);
    }
    for (size_t i = 0; i < after->count && !d->rc; i++) {
        const crm__field *b = &after->fields[i], *a = field_by_key(before, b->key);
        if (a)
            crm__diff_field(d, a, b);
        else
            add_field(d, b);
    }
}

/* ---- event kinds ---- */

static const crm__event_kind *event_by_key(const crm__model *m, const char *key)
{
    const crm__event_kind *kind = crm__model_event_find(m, key, strlen(key));

    return kind && !strcmp(kind->key, key) ? kind : NULL;
}

static const crm__field *attribute_by_key(const crm__event_kind *kind, const char *key)
{
    const crm__field *f = crm__event_attribute_find(kind, key, strlen(key));

    return f && !strcmp(f->key, key) ? f : NULL;
}

static void diff_attributes(crm__diff *d, const crm__event_kind *a, const crm__event_kind *b)
{
    d->fields_before = a->attributes;
    d->fields_after = b->attributes;
    d->defaults_before = a->enum_defaults;
    d->defaults_after = b->enum_defaults;
    for (uint32_t i = 0; i < a->attribute_count && !d->rc; i++) {
        if (!attribute_by_key(b, a->attributes[i].key))
            remove_field(d, &a->attributes[i]);
    }
    for (uint32_t i = 0; i < b->attribute_count && !d->rc; i++) {
        const crm__field *new = &b->attributes[i], *old = attribute_by_key(a, new->key);
        if (old)
            crm__diff_field(d, old, new);
        else
            add_field(d, new);
    }
}

static void diff_event(crm__diff *d, const crm__event_kind *a, const crm__event_kind *b)
{
    int what = !b ? CRM__CHANGE_EVENT_REMOVED : a ? CRM__CHANGE_TEXT : CRM__CHANGE_EVENT_ADDED;
    crm__change c = crm__diff_change(what, NULL, NULL);

    d->event_before = a;
    d->event_after = b;
    c.index = !a || !b;
    c.scan = !b;
    if (c.index)
        crm__diff_say(d, c, b ? "the event kind is added" : "the event kind is removed");
    else if (!crm__diff_same_labels(a->labels, a->label_count, b->labels, b->label_count))
        crm__diff_say(d, c, "other labels");
    if (a && b)
        diff_attributes(d, a, b);
    d->event_before = d->event_after = NULL;
}

static void diff_events(crm__diff *d)
{
    const crm__model *before = d->before, *after = d->after;

    for (size_t i = 0; i < before->event_count && !d->rc; i++) {
        if (!event_by_key(after, before->events[i].key))
            diff_event(d, &before->events[i], NULL);
    }
    for (size_t i = 0; i < after->event_count && !d->rc; i++)
        diff_event(d, event_by_key(before, after->events[i].key), &after->events[i]);
}

/* ---- dimensions of tags ---- */

static const crm__dimension *dimension_by_key(const crm__model *m, const char *key)
{
    const crm__dimension *x = crm__model_dimension_find(m, key, strlen(key));

    return x && !strcmp(x->key, key) ? x : NULL;
}

static const crm__dimension_value *tag_by_path(const crm__dimension *x, const char *path)
{
    const crm__dimension_value *v = crm__dimension_value_find(x, path, strlen(path));

    return v && !strcmp(v->path, path) ? v : NULL;
}

/* A rule of a dimension that is there or not. */
static void diff_rule(crm__diff *d, int had, int has, int narrows, const char *gained,
                      const char *lost)
{
    crm__change c = crm__diff_change(narrows, NULL, NULL);

    if (had == has)
        return;
    /* one, closed and without levels or ends narrow; their opposites widen */
    c.scan =
        narrows == CRM__CHANGE_DIMENSION_ONE || narrows == CRM__CHANGE_DIMENSION_CLOSED ? has : had;
    if (!c.scan)
        c.what = CRM__CHANGE_DIMENSION_WIDENED;
    crm__diff_say(d, c, "%s", has ? gained : lost);
}

static void diff_tags(crm__diff *d, const crm__dimension *a, const crm__dimension *b)
{
    int labels = 0;
    crm__change c;

    for (uint32_t i = 0; i < a->value_count; i++) {
        if (tag_by_path(b, a->values[i].path))
            continue;
        c = crm__diff_change(CRM__CHANGE_TAG_REMOVED, NULL, NULL);
        c.scan = a->closed && b->closed &&
                 !crm__dimension_declares(b, a->values[i].path, strlen(a->values[i].path));
        c.tag = &a->values[i];
        crm__diff_say(d, c, "value %.120s is removed", c.tag->path);
    }
    for (uint32_t i = 0; i < b->value_count; i++) {
        const crm__dimension_value *new = &b->values[i], *old = tag_by_path(a, new->path);
        c = crm__diff_change(CRM__CHANGE_TAG_ADDED, NULL, NULL);
        c.tag = new;
        if (!old)
            crm__diff_say(d, c, "value %.120s is added", new->path);
        else
            labels |= !crm__diff_same_labels(old->labels, old->label_count, new->labels,
                                             new->label_count);
    }
    if (labels)
        crm__diff_say(d, crm__diff_change(CRM__CHANGE_TEXT, NULL, NULL), "other labels of values");
}

static void diff_dimension(crm__diff *d, const crm__dimension *a, const crm__dimension *b)
{
    crm__change c = crm__diff_change(
        b ? CRM__CHANGE_DIMENSION_ADDED : CRM__CHANGE_DIMENSION_REMOVED, NULL, NULL);

    d->dimension_before = a;
    d->dimension_after = b;
    c.scan = !b;
    if (!a || !b) {
        crm__diff_say(d, c, b ? "the dimension is added" : "the dimension is removed");
    } else {
        diff_rule(d, a->one, b->one, CRM__CHANGE_DIMENSION_ONE, "a customer has at most one",
                  "a customer may have several");
        diff_rule(d, a->hierarchical, b->hierarchical, CRM__CHANGE_DIMENSION_FLAT,
                  "they may have levels", "they no longer have levels");
        diff_rule(d, a->closed, b->closed, CRM__CHANGE_DIMENSION_CLOSED,
                  "only listed values may be given", "any value may be given");
        diff_rule(d, a->expires, b->expires, CRM__CHANGE_DIMENSION_LASTING, "they may have an end",
                  "they no longer have an end");
        diff_tags(d, a, b);
        if (!crm__diff_same_labels(a->labels, a->label_count, b->labels, b->label_count))
            crm__diff_say(d, crm__diff_change(CRM__CHANGE_TEXT, NULL, NULL), "other labels");
    }
    d->dimension_before = d->dimension_after = NULL;
}

static void diff_dimensions(crm__diff *d)
{
    const crm__model *before = d->before, *after = d->after;

    for (size_t i = 0; i < before->dimension_count && !d->rc; i++) {
        if (!dimension_by_key(after, before->dimensions[i].key))
            diff_dimension(d, &before->dimensions[i], NULL);
    }
    for (size_t i = 0; i < after->dimension_count && !d->rc; i++)
        diff_dimension(d, dimension_by_key(before, after->dimensions[i].key),
                       &after->dimensions[i]);
}

/* Nothing is stored of what they say. */
static void diff_segments(crm__diff *d)
{
    for (int turn = 0; turn < 2; turn++) {
        const crm__model *a = turn ? d->after : d->before, *b = turn ? d->before : d->after;
        for (size_t i = 0; i < a->segment_count && !d->rc; i++) {
            const crm__model_segment *s = &a->segments[i];
            const crm__model_segment *t = crm__model_segment_find(b, s->key, strlen(s->key));
            if (!t || strcmp(t->key, s->key) != 0)
                crm__diff_say(d, crm__diff_change(CRM__CHANGE_TEXT, NULL, NULL),
                              "segment %s: it is %s", s->key, turn ? "added" : "removed");
            else if (!turn && (s->n != t->n || memcmp(s->query, t->query, s->n) != 0))
                crm__diff_say(d, crm__diff_change(CRM__CHANGE_TEXT, NULL, NULL),
                              "segment %s: another query", s->key);
            else if (!turn &&
                     !crm__diff_same_labels(s->labels, s->label_count, t->labels, t->label_count))
                crm__diff_say(d, crm__diff_change(CRM__CHANGE_TEXT, NULL, NULL),
                              "segment %s: other labels", s->key);
        }
    }
}

int crm__model_diff(const crm__model *before, const crm__model *after, crm__change_fn fn, void *ctx)
{
    crm__diff d;

    memset(&d, 0, sizeof d);
    d.before = before;
    d.after = after;
    d.fn = fn;
    d.ctx = ctx;
    diff_settings(&d);
    diff_fields(&d);
    diff_events(&d);
    diff_dimensions(&d);
    diff_segments(&d);
    return d.rc;
}
