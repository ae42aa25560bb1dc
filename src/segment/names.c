/* SPDX-License-Identifier: MIT
 * Names of a segment to parts of the model, and what may be asked of each.  A name that is not
 * found may be somebody's data by mistake: messages tell a near one of the model instead.
 */
#include "segment/build.h"

#include "base/error.h"
#include "base/utf8.h"
#include "db/saved.h"
#include "model/member.h"

#include <crm/codes.h>
#include <string.h>

#define BIT(cmp) (1u << (cmp))
#define OPS_EQUAL (BIT(CRM__CMP_EQ) | BIT(CRM__CMP_IN))
#define OPS_ORDER                                                                                  \
    (OPS_EQUAL | BIT(CRM__CMP_LT) | BIT(CRM__CMP_LE) | BIT(CRM__CMP_GT) | BIT(CRM__CMP_GE) |       \
     BIT(CRM__CMP_BETWEEN))
#define OPS_TIME (OPS_ORDER | BIT(CRM__CMP_WINDOW))
#define OPS_TEXT (OPS_EQUAL | BIT(CRM__CMP_PREFIX) | BIT(CRM__CMP_CONTAINS))

static unsigned ops_of(uint8_t type)
{
    switch (type) {
    case CRM_TYPE_TEXT:
        return OPS_ORDER | OPS_TEXT;
    case CRM_TYPE_INTEGER:
    case CRM_TYPE_DECIMAL:
    case CRM_TYPE_MONEY:
        return OPS_ORDER;
    case CRM_TYPE_DATE:
    case CRM_TYPE_DATETIME:
        return OPS_TIME;
    case CRM_TYPE_EMAIL:
    case CRM_TYPE_PHONE:
    case CRM_TYPE_URL:
    case CRM_TYPE_LANGUAGE:
    case CRM_TYPE_ACTOR:
        return OPS_TEXT;
    default:
        return OPS_EQUAL;
    }
}

/* A question may ask for a value that the field could not hold. */
static crm__field rule_of(const crm__field *f)
{
    crm__field rule = *f;

    rule.flags = 0;
    rule.has_min = rule.has_max = 0;
    rule.min_value.n = rule.max_value.n = 0;
    rule.pattern = NULL;
    return rule;
}

static void subject_is(crm__subject *s, uint8_t type, const char *key)
{
    memset(s, 0, sizeof *s);
    s->rule.type = type;
    s->rule.key = key;
    s->ops = ops_of(type);
}

/* ---- fields ---- */

static const char *const BUILTINS[] = {"id", "kind", "created_at", "updated_at"};

static int builtin_subject(const crm__own_word *word, crm__subject *s)
{
    switch (word ? word->own : CRM__OWN_NONE) {
    case CRM__OWN_ID:
        subject_is(s, CRM_TYPE_INTEGER, word->key);
        s->builtin = CRM__BUILTIN_ID;
        return 1;
    case CRM__OWN_KIND:
        subject_is(s, CRM_TYPE_INTEGER, word->key);
        s->builtin = CRM__BUILTIN_KIND;
        s->ops = OPS_EQUAL;
        return 1;
    case CRM__OWN_CREATED_AT:
    case CRM__OWN_UPDATED_AT:
        subject_is(s, CRM_TYPE_DATETIME, word->key);
        s->builtin = word->own == CRM__OWN_CREATED_AT ? CRM__BUILTIN_CREATED : CRM__BUILTIN_UPDATED;
        s->ops |= BIT(CRM__CMP_ANNIVERSARY);
        return 1;
    default:
        return 0;
    }
}

static int no_such(crm__build *b, size_t at, const char *what, const char *near_name)
{
    if (near_name)
        return crm__build_fail(b, CRM_EFIELD, at, "no %s of this name, did you mean \"%s\",", what,
                               near_name);
    return crm__build_fail(b, CRM_EFIELD, at, "no %s of this name", what);
}

/* The nearest name of what may stand there; NULL: none is near. */
static const char *near_field(const crm__build *b, crm__slice name)
{
    static const char *const WHOLE[] = {"tags", "source"};
    const char *p = (const char *)name.p, *best, *other;
    const char *const of_model[] = {
        crm__model_near(b->model, p, name.n),
        b->grouping ? crm__model_dimension_near(b->model, p, name.n) : NULL,
        b->grouping ? crm__near_unit(name) : NULL};
    size_t away = SIZE_MAX;

    best = crm__nearer(p, name.n, of_model, 3, &away);
    other = crm__nearer(p, name.n, BUILTINS, sizeof BUILTINS / sizeof BUILTINS[0], &away);
    best = other ? other : best;
    other = b->grouping ? crm__nearer(p, name.n, WHOLE, 2, &away) : NULL;
    return other ? other : best;
}

int crm__build_field(crm__build *b, const crm__operand *name, crm__subject *s)
{
    const char *p = (const char *)name->text.p;
    size_t n = name->text.n;
    const crm__field *f;

    if (builtin_subject(crm__own_by_key(&crm__customer_words, p, n), s))
        return CRM_OK;
    f = crm__model_find(b->model, p, n);
    if (f) {
        memset(s, 0, sizeof *s);
        s->field = f;
        s->rule = rule_of(f);
        s->ops = ops_of(f->type) | BIT(CRM__CMP_EMPTY);
        if (f->type == CRM_TYPE_DATE || f->type == CRM_TYPE_DATETIME)
            s->ops |= BIT(CRM__CMP_ANNIVERSARY);
        return CRM_OK;
    }
    if (builtin_subject(crm__own_by_label(&crm__customer_words, p, n), s))
        return CRM_OK;
    return no_such(b, name->at, "field", near_field(b, name->text));
}

/* ---- events ---- */

int crm__build_kind(crm__build *b, const crm__operand *name, const crm__event_kind **out)
{
    const char *p = (const char *)name->text.p;

    *out = crm__model_event_find(b->model, p, name->text.n);
    if (*out)
        return CRM_OK;
    return no_such(b, name->at, "event kind", crm__model_event_near(b->model, p, name->text.n));
}

static int no_attribute(crm__build *b, const crm__event_kind *kind, size_t at,
                        const char *near_name)
{
    if (near_name)
        return no_such(b, at, "attribute", near_name);
    return crm__build_fail(b, CRM_EFIELD, at, "%s: no attribute of this name", kind->key);
}

int crm__build_attribute(crm__build *b, const crm__event_kind *kind, const crm__operand *name,
                         const crm__field **out)
{
    const char *p = (const char *)name->text.p;

    *out = crm__event_attribute_find(kind, p, name->text.n);
    if (*out)
        return CRM_OK;
    return no_attribute(b, kind, name->at, crm__event_attribute_near(kind, p, name->text.n));
}

/* A name of none: of an attribute, or of a window, may be meant. */
static int no_test(crm__build *b, const crm__event_kind *kind, const crm__operand *name)
{
    const char *p = (const char *)name->text.p;
    const char *near_name = kind ? crm__event_attribute_near(kind, p, name->text.n) : NULL;
    const char *window = near_name || b->json ? NULL : crm__near_window(name->text);

    if (window)
        return crm__build_fail(b, CRM_EFIELD, name->at,
                               "no attribute of this name, and no window, did you mean \"%s\",",
                               window);
    if (!kind)
        return crm__build_fail(b, CRM_EFIELD, name->at,
                               "expected a window or source, for the attributes of events name "
                               "their kind,");
    return no_attribute(b, kind, name->at, near_name);
}

int crm__build_test_subject(crm__build *b, const crm__event_kind *kind, const crm__operand *name,
                            crm__subject *s)
{
    const char *p = (const char *)name->text.p;
    const crm__own_word *word = crm__own_by_key(&crm__event_words, p, name->text.n);
    const crm__field *f = NULL;

    if (!word && kind)
        f = crm__event_attribute_find(kind, p, name->text.n);
    if (!word && !f)
        word = crm__own_by_label(&crm__event_words, p, name->text.n);
    if (word && word->own == CRM__OWN_SOURCE) {
        subject_is(s, CRM_TYPE_TEXT, word->key);
        s->ops = OPS_TEXT | BIT(CRM__CMP_EMPTY);
        return CRM_OK;
    }
    if (!f)
        return no_test(b, kind, name);
    memset(s, 0, sizeof *s);
    s->field = f;
    s->rule = rule_of(f);
    s->ops = ops_of(f->type) | BIT(CRM__CMP_EMPTY);
    return CRM_OK;
}

static const char *const AGGREGATES[] = {"",    "event", "count",    "sum",   "min",
                                         "max", "avg",   "distinct", "first", "last"};

const char *crm__aggregate_name(crm__aggregate aggregate)
{
    return AGGREGATES[aggregate];
}

static int is_number(uint8_t type)
{
    return type == CRM_TYPE_INTEGER || type == CRM_TYPE_DECIMAL || type == CRM_TYPE_MONEY;
}

int crm__build_aggregate(crm__build *b, crm__aggregate aggregate, const crm__field *attribute,
                         size_t at, crm__subject *s)
{
    uint8_t type = attribute ? attribute->type : 0;
    const char *name = crm__aggregate_name(aggregate);

    switch (aggregate) {
    case CRM__AGG_SUM:
    case CRM__AGG_AVG:
        if (!is_number(type))
            return crm__build_fail(b, CRM_EVALUE, at, "%s: %s is of type %s, expected a number",
                                   name, attribute->key, crm__type_name(type));
        break;
    case CRM__AGG_MIN:
    case CRM__AGG_MAX:
        if (!is_number(type) && type != CRM_TYPE_DATE && type != CRM_TYPE_DATETIME)
            return crm__build_fail(b, CRM_EVALUE, at,
                                   "%s: %s is of type %s, expected a number or a date", name,
                                   attribute->key, crm__type_name(type));
        break;
    default:
        break;
    }
    if (aggregate == CRM__AGG_COUNT || aggregate == CRM__AGG_DISTINCT) {
        subject_is(s, CRM_TYPE_INTEGER, name);
    } else if (aggregate == CRM__AGG_FIRST || aggregate == CRM__AGG_LAST) {
        subject_is(s, CRM_TYPE_DATETIME, name);
    } else {
        memset(s, 0, sizeof *s);
        s->rule = rule_of(attribute);
        if (aggregate == CRM__AGG_AVG && type == CRM_TYPE_INTEGER)
            s->rule.type = CRM_TYPE_DECIMAL;
        s->ops = ops_of(s->rule.type);
    }
    return CRM_OK;
}

static int tests_in_order(const crm__event_test *a, const crm__event_test *b)
{
    if (!a->attribute || !b->attribute)
        return !b->attribute;
    return a->attribute <= b->attribute;
}

int crm__build_tests(crm__build *b, crm__event_test *tests, size_t n, size_t at,
                     crm__event_spec *spec)
{
    if (n > CRM__SEGMENT_LIST)
        return crm__build_fail(b, CRM_ESYNTAX, at, "more than %d conditions on one kind of events",
                               (int)CRM__SEGMENT_LIST);
    for (size_t i = 1; i < n; i++) {
        crm__event_test t = tests[i];
        size_t k = i;
        for (; k && !tests_in_order(&tests[k - 1], &t); k--)
            tests[k] = tests[k - 1];
        tests[k] = t;
    }
    spec->test_count = (uint32_t)n;
    spec->tests = n ? crm__build_copy(b, tests, n * sizeof *tests) : NULL;
    return n && !spec->tests ? crm__build_nomem(b) : CRM_OK;
}

/* ---- segments ---- */

int crm__build_segment(crm__build *b, const crm__operand *name, crm__slice *out)
{
    const char *p = (const char *)name->text.p;
    const crm__model_segment *of;
    size_t n = name->text.n;

    crm__utf8_trim(&p, &n);
    if (!n || n > CRM__SAVED_NAME || crm__utf8_has_control(p, n) || memchr(p, '\n', n) ||
        memchr(p, '\t', n))
        return crm__build_fail(b, CRM_EVALUE, name->at,
                               "expected the name of a segment, of 1 to %d bytes,",
                               (int)CRM__SAVED_NAME);
    of = crm__model_segment_find(b->model, p, n);
    if (of) { /* by a label, too */
        p = of->key;
        n = strlen(p);
    }
    out->p = crm__build_copy(b, p, n);
    out->n = n;
    return out->p ? CRM_OK : crm__build_nomem(b);
}
