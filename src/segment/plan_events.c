/* SPDX-License-Identifier: MIT
 * The plan of conditions on events.
 */
#include "db/derive_event.h"
#include "segment/step.h"

#include <stdlib.h>
#include <string.h>

static int plan_source(crm__plan *p, const crm__event_test *t, crm__attribute_test *to)
{
    to->sources = crm__arena_alloc(&p->a, (t->values.count + 1) * sizeof *to->sources);
    if (!to->sources)
        return CRM_ENOMEM;
    for (uint32_t i = 0; i < t->values.count; i++) {
        crm__slice name = t->values.values[i].text;
        uint32_t number;
        int rc = crm__dict_find(p->txn, CRM__DICT_SOURCE, (const char *)name.p, name.n, &number);
        if (rc)
            return rc;
        if (number)
            to->sources[to->source_count++] = number;
    }
    return CRM_OK;
}

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

/* The number that a column of day lists has for a value that is no number itself.  0: no event has
 * it. */
static int number_of(crm__plan *p, const crm__attribute_test *t, uint32_t i, int64_t *to)
{
    const crm__value *v = &t->test.values[i];
    uint32_t number;
    int rc;

    if (v->type == CRM_TYPE_ENUM || v->type == CRM_TYPE_CUSTOMER) {
        *to = v->integer;
        return CRM_OK;
    }
    rc = crm__event_text_find(p->txn, t->test.normal[i], &number);
    *to = number;
    return rc;
}

/* How day lists tell the test: by limits, or by the numbers that the values have there. */
static int plan_numbers(crm__plan *p, crm__attribute_test *t)
{
    int equal = t->test.cmp == CRM__CMP_EQ || t->test.cmp == CRM__CMP_IN;

    if (t->test.limit_count == 1) {
        /* Not of a currency and an amount, negated, is two sorts of items. */
        t->in_days = t->attribute->type != CRM_TYPE_MONEY || !t->negated;
        return CRM_OK;
    }
    t->in_days = equal && !t->test.limit_count && t->attribute->type != CRM_TYPE_MONEY;
    if (!t->in_days)
        return CRM_OK;
    t->numbers = crm__arena_alloc(&p->a, (t->test.count + 1) * sizeof *t->numbers);
    if (!t->numbers)
        return CRM_ENOMEM;
    for (uint32_t i = 0; i < t->test.count; i++) {
        int rc = number_of(p, t, i, &t->numbers[t->number_count]);
        if (rc)
            return rc;
        t->number_count += t->numbers[t->number_count] != 0;
    }
    if (t->number_count)
        qsort(t->numbers, t->number_count, sizeof *t->numbers, by_number);
    return CRM_OK;
}

static int plan_test(crm__plan *p, const crm__event_test *t, crm__attribute_test *to)
{

    int rc;

    memset(to, 0, sizeof *to);
    to->of = t;
    to->attribute = t->attribute;
    to->negated = t->negated;
    to->empty = t->cmp == CRM__CMP_EMPTY;
    if (!t->attribute)
        return plan_source(p, t, to);
    to->in_days = !p->kept && (t->attribute->flags & CRM_FIELD_FAST) != 0;
    if (to->empty)
        return CRM_OK;
    rc = crm__test_make(&p->a, t->attribute->type, t->cmp, &t->values, &t->window, p->txn->now,
                        p->txn->zone, &to->test);
    return !rc && to->in_days ? plan_numbers(p, to) : rc;
}

int crm__plan_spec(crm__plan *p, const crm__event_spec *spec, crm__events_test *to)
{
    int rc = CRM_OK;

    to->kind = spec->kind;
    crm__window_range(&spec->window, p->txn->now, p->txn->zone, &to->from, &to->until);
    to->tests = crm__arena_alloc(&p->a, (spec->test_count + 1) * sizeof *to->tests);
    if (!to->tests)
        return CRM_ENOMEM;
    for (uint32_t i = 0; i < spec->test_count && !rc; i++) {
        rc = plan_test(p, &spec->tests[i], &to->tests[i]);
        to->count += !rc;
    }
    return rc;
}

/* Type of what the aggregate is compared with. */
static uint8_t type_of(const crm__node *n)
{
    switch (n->aggregate) {
    case CRM__AGG_COUNT:
    case CRM__AGG_DISTINCT:
        return CRM_TYPE_INTEGER;
    case CRM__AGG_FIRST:
    case CRM__AGG_LAST:
        return CRM_TYPE_DATETIME;
    default:
        return n->values.count ? n->values.values[0].type : n->attribute->type;
    }
}

int crm__plan_events(crm__plan *p, const crm__node *n, crm__step **out)
{
    crm__step *s = crm__step_new(p, CRM__STEP_EVENTS, n);
    int sequence = n->op == CRM__NODE_SEQUENCE, rc;

    *out = s;
    if (!s)
        return CRM_ENOMEM;
    s->aggregate = n->aggregate;
    p->timed = 1;
    s->estimate = p->txn->state.counters.live / 4;
    rc = crm__plan_spec(p, &n->events, &s->events);
    if (!rc && sequence)
        rc = crm__plan_spec(p, &n->then, &s->then);
    if (!rc && !sequence && n->aggregate != CRM__AGG_EXISTS)
        rc = crm__test_make(&p->a, type_of(n), n->cmp, &n->values, &n->window, p->txn->now,
                            p->txn->zone, &s->test);
    if (rc)
        return rc;
    if (!p->kept && crm__days_can(s))
        s->op = CRM__STEP_DAYS;
    return n->negated && !sequence ? crm__step_negate(p, n, out) : CRM_OK;
}
