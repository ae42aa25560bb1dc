/* SPDX-License-Identifier: MIT
 * What differs between two fields of one key, or two attributes of events: flags, rules, values and
 * words.
 */
#include "model/diff.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void crm__diff_say(crm__diff *d, crm__change change, const char *fmt, ...)
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

crm__change crm__diff_change(int what, const crm__field *before, const crm__field *after)
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
int crm__diff_derived(const crm__diff *d, const crm__field *f)
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

int crm__diff_same_labels(const crm__label *a, uint32_t n, const crm__label *b, uint32_t k)
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

static void diff_unique(crm__diff *d, const crm__field *a, const crm__field *b, uint32_t gained,
                        uint32_t lost)
{
    crm__change c;

    if (gained & CRM_FIELD_UNIQUE) {
        c = crm__diff_change(CRM__CHANGE_UNIQUE, a, b);
        c.scan = c.index = 1;
        crm__diff_say(d, c, "becomes unique");
    }
    if (lost & CRM_FIELD_UNIQUE) {
        c = crm__diff_change(CRM__CHANGE_NOT_UNIQUE, a, b);
        c.index = !indexed(b);
        crm__diff_say(d, c, "is no longer unique");
    }
    if (gained & CRM_FIELD_IDENTITY) {
        c = crm__diff_change(CRM__CHANGE_INDEXED, a, b);
        c.index = !indexed(a);
        crm__diff_say(d, c, "customers can be found by it");
    }
    if (lost & CRM_FIELD_IDENTITY) {
        c = crm__diff_change(CRM__CHANGE_NOT_INDEXED, a, b);
        c.index = !indexed(b);
        crm__diff_say(d, c, "customers can no longer be found by it");
    }
}

/* A list has no column, so that becoming one, or none any more, is a change of the index too. */
static void diff_index(crm__diff *d, const crm__field *a, const crm__field *b)
{
    uint8_t gained = (uint8_t)(b->index & ~a->index);
    crm__change c = crm__diff_change(CRM__CHANGE_INDEX, a, b);

    if (a->index == b->index)
        return;
    c.index = 1;
    crm__diff_say(d, c, gained ? "its values are indexed" : "its values are no longer indexed");
}

static void diff_flags(crm__diff *d, const crm__field *a, const crm__field *b)
{
    uint32_t gained = b->flags & ~a->flags, lost = a->flags & ~b->flags;
    crm__change c;

    if (gained & CRM_FIELD_LIST)
        crm__diff_say(d, crm__diff_change(CRM__CHANGE_TO_LIST, a, b), "becomes a list");
    if (lost & CRM_FIELD_LIST) {
        c = crm__diff_change(CRM__CHANGE_TO_SINGLE, a, b);
        c.scan = 1;
        c.index = indexed(a);
        crm__diff_say(d, c, "is no longer a list");
    }
    if (gained & CRM_FIELD_REQUIRED) {
        c = crm__diff_change(CRM__CHANGE_REQUIRED, a, b);
        c.scan = 1;
        crm__diff_say(d, c, "becomes required");
    }
    if (lost & CRM_FIELD_REQUIRED)
        crm__diff_say(d, crm__diff_change(CRM__CHANGE_OPTIONAL, a, b), "is no longer required");
    diff_unique(d, a, b, gained, lost);
    if ((gained | lost) & CRM_FIELD_FAST) {
        c = crm__diff_change(gained & CRM_FIELD_FAST ? CRM__CHANGE_FAST : CRM__CHANGE_NOT_FAST, a,
                             b);
        c.index = 1;
        crm__diff_say(d, c, "%s; the day lists of %s are rebuilt",
                      gained & CRM_FIELD_FAST ? "becomes fast" : "is no longer fast",
                      d->event_after->key);
    }
    if ((gained | lost) & CRM_FIELD_PER_SOURCE) {
        c = crm__diff_change(CRM__CHANGE_SCOPE, a, b);
        c.scan = c.index = 1;
        crm__diff_say(d, c, "its values %s to a source",
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

static void narrowed(crm__diff *d, const crm__field *a, const crm__field *b, int rule,
                     const char *what)
{
    crm__change c = crm__diff_change(CRM__CHANGE_RULE_NARROWED, a, b);

    c.scan = 1;
    c.rule = rule;
    crm__diff_say(d, c, "%s", what);
}

static void widened(crm__diff *d, const crm__field *a, const crm__field *b, const char *what)
{
    crm__diff_say(d, crm__diff_change(CRM__CHANGE_RULE_WIDENED, a, b), "%s", what);
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

static void diff_bound(crm__diff *d, const crm__field *a, const crm__field *b, int upper)
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

static void diff_rules(crm__diff *d, const crm__field *a, const crm__field *b)
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

static void diff_kinds(crm__diff *d, const crm__field *a, const crm__field *b)
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

static void diff_values(crm__diff *d, const crm__field *a, const crm__field *b)
{
    crm__change c;

    for (uint32_t i = 0; i < a->value_count; i++) {
        if (value_by_key(b, a->values[i].key))
            continue;
        c = crm__diff_change(CRM__CHANGE_VALUE_REMOVED, a, b);
        c.scan = 1;
        c.value = &a->values[i];
        crm__diff_say(d, c, "value %s is removed", c.value->key);
    }
    for (uint32_t i = 0; i < b->value_count; i++) {
        if (value_by_key(a, b->values[i].key))
            continue;
        c = crm__diff_change(CRM__CHANGE_VALUE_ADDED, a, b);
        c.value = &b->values[i];
        crm__diff_say(d, c, "value %s is added", c.value->key);
    }
}

static int same_value_labels(const crm__field *a, const crm__field *b)
{
    for (uint32_t i = 0; i < b->value_count; i++) {
        const crm__enum_value *new = &b->values[i], *old = value_by_key(a, new->key);
        if (old &&
            !crm__diff_same_labels(old->labels, old->label_count, new->labels, new->label_count))
            return 0;
    }
    return 1;
}

/* ---- words ---- */

/* Defaults of enums are compared by key: the two models need not both be bound. */
static int same_default(const crm__diff *d, const crm__field *a, const crm__field *b)
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

static void diff_words(crm__diff *d, const crm__field *a, const crm__field *b)
{
    const char *parts[8];
    char list[120] = "";
    size_t n = 0, at = 0;

    if (!crm__diff_same_labels(a->labels, a->label_count, b->labels, b->label_count))
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
        crm__diff_say(d, crm__diff_change(CRM__CHANGE_TEXT, a, b), "other %s", list);
}

void crm__diff_field(crm__diff *d, const crm__field *a, const crm__field *b)
{
    crm__change c;

    if (a->type != b->type) {
        c = crm__diff_change(CRM__CHANGE_TYPE, a, b);
        c.scan = 1;
        c.index = crm__diff_derived(d, a) || crm__diff_derived(d, b);
        crm__diff_say(d, c, "type %s becomes %s", crm__type_name(a->type), crm__type_name(b->type));
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
