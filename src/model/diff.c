/* SPDX-License-Identifier: MIT
 * What differs between two models, and what each difference asks of the stored records.  Fields are
 * the same when their keys are: the dictionary never gives a key's number to another.  Attributes
 * of events are compared by the same rules, kind by kind.
 */
#include "model/load.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef struct diff {
    const crm__model *before, *after;
    crm__change_fn fn;
    void *ctx;
    int rc; /* first result of fn that is not 0: nothing more is said */
    const crm__event_kind *event_before, *event_after; /* whose attributes are compared; or NULL */
    const crm__enum_default *defaults_before, *defaults_after; /* beside the fields compared */
    const crm__field *fields_before, *fields_after;
    const crm__dimension *dimension_before, *dimension_after; /* that are compared; or NULL */
} diff;

/* The message begins with what has changed: a field, an attribute (order.amount), an event kind, a
 * dimension of tags, or nothing for the model as a whole. */
static void say(diff *d, crm__change change, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void say(diff *d, crm__change change, const char *fmt, ...)
{
    const crm__field *f = change.after ? change.after : change.before;
    const crm__event_kind *kind;
    char *s = change.message;
    size_t at = 0;
    va_list ap;

    if (d->rc)
        return;
    change.event_before = d->event_before;
    change.event_after = d->event_after;
    change.dimension_before = d->dimension_before;
    change.dimension_after = d->dimension_after;
    kind = change.event_after ? change.event_after : change.event_before;
    if (kind)
        at += (size_t)snprintf(s, sizeof change.message, "%s%s%s: ", kind->key, f ? "." : "",
                               f ? f->key : "");
    else if (f)
        at += (size_t)snprintf(s, sizeof change.message, "%s: ", f->key);
    else if (d->dimension_before || d->dimension_after)
        at += (size_t)snprintf(
            s, sizeof change.message,
            "tags of %s: ", (d->dimension_after ? d->dimension_after : d->dimension_before)->key);
    va_start(ap, fmt);
    vsnprintf(s + at, sizeof change.message - at, fmt, ap);
    va_end(ap);
    d->rc = d->fn(&change, d->ctx);
}

static crm__change change_of(int what, const crm__field *before, const crm__field *after)
{
    crm__change c;

    memset(&c, 0, sizeof c);
    c.what = what;
    c.before = before;
    c.after = after;
    return c;
}

/* Something is derived of its values: identity tokens, or a place in the day lists. */
static int indexed(const crm__field *f)
{
    return (f->flags & (CRM_FIELD_IDENTITY | CRM_FIELD_UNIQUE | CRM_FIELD_FAST)) != 0 ||
           f->type == CRM_TYPE_CUSTOMER;
}

/* The same of a field as a whole: that customers have it is kept of each. */
static int derived(const diff *d, const crm__field *f)
{
    return (!d->event_before && !d->event_after) || indexed(f);
}

static int same_text(const char *a, const char *b)
{
    return a == b || (a && b && !strcmp(a, b));
}

static int same_bytes(crm__slice a, crm__slice b)
{
    return a.n == b.n && (!a.n || !memcmp(a.p, b.p, a.n));
}

static int same_labels(const crm__label *a, uint32_t n, const crm__label *b, uint32_t k)
{
    if (n != k)
        return 0;
    for (uint32_t i = 0; i < n; i++) {
        if (strcmp(a[i].lang, b[i].lang) || strcmp(a[i].text, b[i].text))
            return 0;
    }
    return 1;
}

/* ---- flags ---- */

static void diff_unique(diff *d, const crm__field *a, const crm__field *b, uint32_t gained,
                        uint32_t lost)
{
    crm__change c;

    if (gained & CRM_FIELD_UNIQUE) {
        c = change_of(CRM__CHANGE_UNIQUE, a, b);
        c.scan = c.index = 1;
        say(d, c, "becomes unique");
    }
    if (lost & CRM_FIELD_UNIQUE) {
        c = change_of(CRM__CHANGE_NOT_UNIQUE, a, b);
        c.index = !indexed(b);
        say(d, c, "is no longer unique");
    }
    if (gained & CRM_FIELD_IDENTITY) {
        c = change_of(CRM__CHANGE_INDEXED, a, b);
        c.index = !indexed(a);
        say(d, c, "customers can be found by it");
    }
    if (lost & CRM_FIELD_IDENTITY) {
        c = change_of(CRM__CHANGE_NOT_INDEXED, a, b);
        c.index = !indexed(b);
        say(d, c, "customers can no longer be found by it");
    }
}

/* A list has no column, so that becoming one, or none any more, is a change of the index too. */
static void diff_index(diff *d, const crm__field *a, const crm__field *b)
{
    uint8_t gained = (uint8_t)(b->index & ~a->index);
    crm__change c = change_of(CRM__CHANGE_INDEX, a, b);

    if (a->index == b->index)
        return;
    c.index = 1;
    say(d, c, gained ? "its values are indexed" : "its values are no longer indexed");
}

static void diff_flags(diff *d, const crm__field *a, const crm__field *b)
{
    uint32_t gained = b->flags & ~a->flags, lost = a->flags & ~b->flags;
    crm__change c;

    if (gained & CRM_FIELD_LIST)
        say(d, change_of(CRM__CHANGE_TO_LIST, a, b), "becomes a list");
    if (lost & CRM_FIELD_LIST) {
        c = change_of(CRM__CHANGE_TO_SINGLE, a, b);
        c.scan = 1;
        c.index = indexed(a);
        say(d, c, "is no longer a list");
    }
    if (gained & CRM_FIELD_REQUIRED) {
        c = change_of(CRM__CHANGE_REQUIRED, a, b);
        c.scan = 1;
        say(d, c, "becomes required");
    }
    if (lost & CRM_FIELD_REQUIRED)
        say(d, change_of(CRM__CHANGE_OPTIONAL, a, b), "is no longer required");
    diff_unique(d, a, b, gained, lost);
    if ((gained | lost) & CRM_FIELD_FAST) {
        c = change_of(gained & CRM_FIELD_FAST ? CRM__CHANGE_FAST : CRM__CHANGE_NOT_FAST, a, b);
        c.index = 1;
        say(d, c, "%s; the day lists of %s are rebuilt",
            gained & CRM_FIELD_FAST ? "becomes fast" : "is no longer fast", d->event_after->key);
    }
    if ((gained | lost) & CRM_FIELD_PER_SOURCE) {
        c = change_of(CRM__CHANGE_SCOPE, a, b);
        c.scan = c.index = 1;
        say(d, c, "its values %s to a source",
            gained & CRM_FIELD_PER_SOURCE ? "belong" : "no longer belong");
    }
}

/* ---- rules ---- */

crm__field crm__change_rule(const crm__change *c)
{
    crm__field f = *c->after;

    if (c->rule != CRM__RULE_MIN) {
        f.has_min = 0;
        f.min_value.n = 0;
    }
    if (c->rule != CRM__RULE_MAX) {
        f.has_max = 0;
        f.max_value.n = 0;
    }
    if (c->rule != CRM__RULE_PATTERN)
        f.pattern = NULL;
    if (c->rule != CRM__RULE_KINDS)
        f.kinds = UINT8_MAX;
    return f;
}

static void narrowed(diff *d, const crm__field *a, const crm__field *b, int rule, const char *what)
{
    crm__change c = change_of(CRM__CHANGE_RULE_NARROWED, a, b);

    c.scan = 1;
    c.rule = rule;
    say(d, c, "%s", what);
}

static void widened(diff *d, const crm__field *a, const crm__field *b, const char *what)
{
    say(d, change_of(CRM__CHANGE_RULE_WIDENED, a, b), "%s", what);
}

/* The number a bound of a date or datetime stands for. */
static int64_t time_of(uint8_t type, crm__slice payload)
{
    crm__value v;

    return crm__value_decode(type, 0, payload, &v) ? 0 : v.integer;
}

/* Sign of b's bound - a's, both there. */
static int bound_order(const crm__field *a, const crm__field *b, int upper)
{
    int64_t x, y;

    if (a->type != CRM_TYPE_DATE && a->type != CRM_TYPE_DATETIME)
        return upper ? crm__decimal_compare(b->max, a->max) : crm__decimal_compare(b->min, a->min);
    x = time_of(a->type, upper ? a->max_value : a->min_value);
    y = time_of(b->type, upper ? b->max_value : b->min_value);
    if (upper && a->type == CRM_TYPE_DATE) {
        x = crm__date_end(x);
        y = crm__date_end(y);
    }
    return (y > x) - (y < x);
}

static void diff_bound(diff *d, const crm__field *a, const crm__field *b, int upper)
{
    int had = upper ? a->has_max : a->has_min, has = upper ? b->has_max : b->has_min;
    int order = had && has ? bound_order(a, b, upper) : 0;

    if (!had && has)
        narrowed(d, a, b, upper ? CRM__RULE_MAX : CRM__RULE_MIN,
                 upper ? "gets a max" : "gets a min");
    else if (had && !has)
        widened(d, a, b, upper ? "has no max any more" : "has no min any more");
    else if (order)
        (upper ? order < 0 : order > 0)
            ? narrowed(d, a, b, upper ? CRM__RULE_MAX : CRM__RULE_MIN,
                       upper ? "max is lowered" : "min is raised")
            : widened(d, a, b, upper ? "max is raised" : "min is lowered");
}

static void diff_rules(diff *d, const crm__field *a, const crm__field *b)
{
    diff_bound(d, a, b, 0);
    diff_bound(d, a, b, 1);
    if (!same_text(a->pattern_text, b->pattern_text)) {
        if (!b->pattern_text)
            widened(d, a, b, "has no pattern any more");
        else
            narrowed(d, a, b, CRM__RULE_PATTERN,
                     a->pattern_text ? "has another pattern" : "gets a pattern");
    }
}

static void diff_kinds(diff *d, const crm__field *a, const crm__field *b)
{
    if (a->kinds & ~b->kinds)
        narrowed(d, a, b, CRM__RULE_KINDS,
                 a->kinds & ~b->kinds & 1 << CRM__KIND_PERSON ? "is no longer for persons"
                                                              : "is no longer for organisations");
    if (b->kinds & ~a->kinds)
        widened(d, a, b,
                b->kinds & ~a->kinds & 1 << CRM__KIND_PERSON ? "is also for persons"
                                                             : "is also for organisations");
}

/* ---- values ---- */

static const crm__enum_value *value_by_key(const crm__field *f, const char *key)
{
    const crm__enum_value *e = crm__enum_find(f, key, strlen(key));

    return e && !strcmp(e->key, key) ? e : NULL;
}

static void diff_values(diff *d, const crm__field *a, const crm__field *b)
{
    crm__change c;

    for (uint32_t i = 0; i < a->value_count; i++) {
        if (value_by_key(b, a->values[i].key))
            continue;
        c = change_of(CRM__CHANGE_VALUE_REMOVED, a, b);
        c.scan = 1;
        c.value = &a->values[i];
        say(d, c, "value %s is removed", c.value->key);
    }
    for (uint32_t i = 0; i < b->value_count; i++) {
        if (value_by_key(a, b->values[i].key))
            continue;
        c = change_of(CRM__CHANGE_VALUE_ADDED, a, b);
        c.value = &b->values[i];
        say(d, c, "value %s is added", c.value->key);
    }
}

static int same_value_labels(const crm__field *a, const crm__field *b)
{
    for (uint32_t i = 0; i < b->value_count; i++) {
        const crm__enum_value *new = &b->values[i], *old = value_by_key(a, new->key);
        if (old && !same_labels(old->labels, old->label_count, new->labels, new->label_count))
            return 0;
    }
    return 1;
}

/* ---- words ---- */

/* Defaults of enums are compared by key: the two models need not both be bound. */
static int same_default(const diff *d, const crm__field *a, const crm__field *b)
{
    const crm__enum_default *x = &d->defaults_before[a - d->fields_before];
    const crm__enum_default *y = &d->defaults_after[b - d->fields_after];

    if (a->type != CRM_TYPE_ENUM || b->type != CRM_TYPE_ENUM)
        return a->type == b->type ? same_bytes(a->default_value, b->default_value) : 1;
    if (x->count != y->count)
        return 0;
    for (size_t i = 0; i < x->count; i++) {
        if (strcmp(a->values[x->positions[i]].key, b->values[y->positions[i]].key))
            return 0;
    }
    return 1;
}

static void diff_words(diff *d, const crm__field *a, const crm__field *b)
{
    const char *parts[8];
    char list[120] = "";
    size_t n = 0, at = 0;

    if (!same_labels(a->labels, a->label_count, b->labels, b->label_count))
        parts[n++] = "labels";
    if (!same_value_labels(a, b))
        parts[n++] = "labels of values";
    if (!same_text(a->data_class, b->data_class))
        parts[n++] = "class";
    if (!same_text(a->sensitivity, b->sensitivity))
        parts[n++] = "sensitivity";
    if (!same_default(d, a, b))
        parts[n++] = "default";
    if (strcmp(a->region, b->region) && a->type == b->type)
        parts[n++] = "region";
    if (strcmp(a->currency, b->currency) && a->type == b->type)
        parts[n++] = "currency";
    if (a->declared_identity != b->declared_identity)
        parts[n++] = "place in the document";
    for (size_t i = 0; i < n; i++)
        at += (size_t)snprintf(list + at, sizeof list - at, "%s%s", i ? ", " : "", parts[i]);
    if (n)
        say(d, change_of(CRM__CHANGE_TEXT, a, b), "other %s", list);
}

static void diff_field(diff *d, const crm__field *a, const crm__field *b)
{
    crm__change c;

    if (a->type != b->type) {
        c = change_of(CRM__CHANGE_TYPE, a, b);
        c.scan = 1;
        c.index = derived(d, a) || derived(d, b);
        say(d, c, "type %s becomes %s", crm__type_name(a->type), crm__type_name(b->type));
    }
    diff_flags(d, a, b);
    diff_kinds(d, a, b);
    if (a->type == b->type) {
        diff_index(d, a, b);
        diff_rules(d, a, b);
        diff_values(d, a, b);
    }
    diff_words(d, a, b);
}

/* ---- the model ---- */

static const crm__field *field_by_key(const crm__model *m, const char *key)
{
    const crm__field *f = crm__model_find(m, key, strlen(key));

    return f && !strcmp(f->key, key) ? f : NULL;
}

static void diff_settings(diff *d)
{
    const crm__model *a = d->before, *b = d->after;
    int kinds = 0;

    for (unsigned k = CRM__KIND_PERSON; k <= CRM__KIND_ORGANISATION; k++)
        kinds |= !same_labels(a->kind_labels[k], a->kind_label_count[k], b->kind_labels[k],
                              b->kind_label_count[k]);
    if (strcmp(a->name, b->name))
        say(d, change_of(CRM__CHANGE_TEXT, NULL, NULL), "the model has another name");
    if (strcmp(a->region, b->region))
        say(d, change_of(CRM__CHANGE_TEXT, NULL, NULL), "the model has another region");
    if (strcmp(a->currency, b->currency))
        say(d, change_of(CRM__CHANGE_TEXT, NULL, NULL), "the model has another currency");
    if (kinds)
        say(d, change_of(CRM__CHANGE_TEXT, NULL, NULL), "the kinds have other labels");
}

/* Records may hold values of it from an earlier version, which come back. */
static void add_field(diff *d, const crm__field *f)
{
    crm__change c = change_of(CRM__CHANGE_FIELD_ADDED, NULL, f);

    c.index = derived(d, f);
    c.scan = (f->flags & CRM_FIELD_UNIQUE) != 0;
    say(d, c, "is added");
    if (f->flags & CRM_FIELD_REQUIRED) {
        c = change_of(CRM__CHANGE_REQUIRED, NULL, f);
        c.scan = 1;
        say(d, c, "is required");
    }
}

static void remove_field(diff *d, const crm__field *f)
{
    crm__change c = change_of(CRM__CHANGE_FIELD_REMOVED, f, NULL);

    c.scan = 1;
    c.index = derived(d, f);
    say(d, c, "is removed");
}

static void diff_fields(diff *d)
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
            diff_field(d, a, b);
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

static void diff_attributes(diff *d, const crm__event_kind *a, const crm__event_kind *b)
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
            diff_field(d, old, new);
        else
            add_field(d, new);
    }
}

static void diff_event(diff *d, const crm__event_kind *a, const crm__event_kind *b)
{
    int what = !b ? CRM__CHANGE_EVENT_REMOVED : a ? CRM__CHANGE_TEXT : CRM__CHANGE_EVENT_ADDED;
    crm__change c = change_of(what, NULL, NULL);

    d->event_before = a;
    d->event_after = b;
    c.index = !a || !b;
    c.scan = !b;
    if (c.index)
        say(d, c, b ? "the event kind is added" : "the event kind is removed");
    else if (!same_labels(a->labels, a->label_count, b->labels, b->label_count))
        say(d, c, "other labels");
    if (a && b)
        diff_attributes(d, a, b);
    d->event_before = d->event_after = NULL;
}

static void diff_events(diff *d)
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
static void diff_rule(diff *d, int had, int has, int narrows, const char *gained, const char *lost)
{
    crm__change c = change_of(narrows, NULL, NULL);

    if (had == has)
        return;
    /* one, closed and without levels or ends narrow; their opposites widen */
    c.scan =
        narrows == CRM__CHANGE_DIMENSION_ONE || narrows == CRM__CHANGE_DIMENSION_CLOSED ? has : had;
    if (!c.scan)
        c.what = CRM__CHANGE_DIMENSION_WIDENED;
    say(d, c, "%s", has ? gained : lost);
}

static void diff_tags(diff *d, const crm__dimension *a, const crm__dimension *b)
{
    int labels = 0;
    crm__change c;

    for (uint32_t i = 0; i < a->value_count; i++) {
        if (tag_by_path(b, a->values[i].path))
            continue;
        c = change_of(CRM__CHANGE_TAG_REMOVED, NULL, NULL);
        c.scan = a->closed && b->closed &&
                 !crm__dimension_declares(b, a->values[i].path, strlen(a->values[i].path));
        c.tag = &a->values[i];
        say(d, c, "value %.120s is removed", c.tag->path);
    }
    for (uint32_t i = 0; i < b->value_count; i++) {
        const crm__dimension_value *new = &b->values[i], *old = tag_by_path(a, new->path);
        c = change_of(CRM__CHANGE_TAG_ADDED, NULL, NULL);
        c.tag = new;
        if (!old)
            say(d, c, "value %.120s is added", new->path);
        else
            labels |= !same_labels(old->labels, old->label_count, new->labels, new->label_count);
    }
    if (labels)
        say(d, change_of(CRM__CHANGE_TEXT, NULL, NULL), "other labels of values");
}

static void diff_dimension(diff *d, const crm__dimension *a, const crm__dimension *b)
{
    crm__change c =
        change_of(b ? CRM__CHANGE_DIMENSION_ADDED : CRM__CHANGE_DIMENSION_REMOVED, NULL, NULL);

    d->dimension_before = a;
    d->dimension_after = b;
    c.scan = !b;
    if (!a || !b) {
        say(d, c, b ? "the dimension is added" : "the dimension is removed");
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
        if (!same_labels(a->labels, a->label_count, b->labels, b->label_count))
            say(d, change_of(CRM__CHANGE_TEXT, NULL, NULL), "other labels");
    }
    d->dimension_before = d->dimension_after = NULL;
}

static void diff_dimensions(diff *d)
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
static void diff_segments(diff *d)
{
    for (int turn = 0; turn < 2; turn++) {
        const crm__model *a = turn ? d->after : d->before, *b = turn ? d->before : d->after;
        for (size_t i = 0; i < a->segment_count && !d->rc; i++) {
            const crm__model_segment *s = &a->segments[i];
            const crm__model_segment *t = crm__model_segment_find(b, s->key, strlen(s->key));
            if (!t || strcmp(t->key, s->key) != 0)
                say(d, change_of(CRM__CHANGE_TEXT, NULL, NULL), "segment %s: it is %s", s->key,
                    turn ? "added" : "removed");
            else if (!turn && (s->n != t->n || memcmp(s->query, t->query, s->n) != 0))
                say(d, change_of(CRM__CHANGE_TEXT, NULL, NULL), "segment %s: another query",
                    s->key);
            else if (!turn && !same_labels(s->labels, s->label_count, t->labels, t->label_count))
                say(d, change_of(CRM__CHANGE_TEXT, NULL, NULL), "segment %s: other labels", s->key);
        }
    }
}

int crm__model_diff(const crm__model *before, const crm__model *after, crm__change_fn fn, void *ctx)
{
    diff d;

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
