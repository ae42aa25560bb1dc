/* SPDX-License-Identifier: MIT
 * Text to request: measures, groupings, a window, a moving average.
 */
#include "segment/number.h"
#include "segment/parse.h"

#include "base/error.h"
#include "base/utf8.h"

#include <crm/codes.h>
#include <string.h>

/* Words that are none of the segment language's: they mean something in their places only. */
static int is_word(const crm__parser *p, const char *word)
{
    const crm__token *t = crm__parse_now(p);
    size_t n = strlen(word);

    if (t->kind != CRM__TOKEN_WORD || t->text.n != n)
        return 0;
    for (size_t i = 0; i < n; i++) {
        if ((t->text.p[i] | 0x20) != (uint8_t)word[i])
            return 0;
    }
    return 1;
}

static const char NO_STEPS_OF_TIME[] = "a date or a time is grouped by month(...) or another unit";

static int fail(crm__parser *p, int code, size_t at, const char *what)
{
    return crm__build_fail(&p->b, code, at, "%s", what);
}

static const char *const NUMBERS[] = {"count", "sum",    "min",        "max",
                                      "avg",   "median", "percentile", "distinct"};
/* What may stand behind the measures and the groupings. */
static const char *const BEHIND[] = {"by",     "last",  "next",      "this",     "previous",
                                     "coming", "since", "before",    "between",  "on",
                                     "today",  "yesterday", "tomorrow", "moving"};

/* "expected WHAT where X stands", with the word that X is nearly. */
static int expected(crm__parser *p, const char *what, const char *const *words, size_t n)
{
    crm__slice now = crm__parse_now(p)->text;
    size_t away = SIZE_MAX;

    return crm__parse_expected_near(p, what,
                                    crm__nearer((const char *)now.p, now.n, words, n, &away));
}

/* ---- measures ---- */

/* 90, 99.9: at most three digits behind the point. */
static int read_percent(crm__parser *p, crm__measure *m)
{
    size_t at = crm__parse_now(p)->at;
    crm__operand o;
    crm__decimal d;
    int rc = crm__parse_name(p, "a number such as 90", &o);

    if (rc)
        return rc;
    if (crm__decimal_parse((const char *)o.text.p, o.text.n, &d, NULL, NULL))
        return fail(p, CRM_EVALUE, at, "expected a number such as 90 or 99.9");
    while (d.scale > 3 && d.mantissa % 10 == 0) {
        d.mantissa /= 10;
        d.scale--;
    }
    if (d.scale > 3 || d.mantissa < 0 || d.mantissa > 100000)
        return fail(p, CRM_EVALUE, at,
                    "expected a number from 0 to 100, of three decimals at most");
    for (; d.scale < 3; d.scale++)
        d.mantissa *= 10;
    if (d.mantissa > 100 * CRM__PERCENT)
        return fail(p, CRM_EVALUE, at,
                    "expected a number from 0 to 100, of three decimals at most");
    m->percent = (uint32_t)d.mantissa;
    return CRM_OK;
}

/* Whether the parenthesis that opens here holds KIND.ATTRIBUTE. */
static int opens_events(crm__parser *p, int *yes)
{
    crm__lexer before = p->lex;
    int rc;

    p->lex.separator = '.';
    rc = crm__parse_next(p);
    if (!rc)
        rc = crm__parse_next(p);
    *yes = !rc && crm__parse_is(p, CRM__TOKEN_SEPARATOR);
    if (!rc)
        p->lex = before;
    return rc;
}

static crm__aggregate aggregate_of(uint8_t op)
{
    switch (op) {
    case CRM__MEASURE_SUM:
        return CRM__AGG_SUM;
    case CRM__MEASURE_AVG:
        return CRM__AGG_AVG;
    case CRM__MEASURE_DISTINCT:
        return CRM__AGG_DISTINCT;
    default:
        return CRM__AGG_MIN; /* a percentile is of what has a least one */
    }
}

static int read_field(crm__parser *p, crm__measure *m)
{
    crm__operand name;
    crm__subject s;
    int rc = crm__parse_take(p, CRM__TOKEN_OPEN, "\"(\"");

    if (!rc)
        rc = crm__parse_name(p, "a field, or a kind of events and its attribute,", &name);
    if (!rc)
        rc = crm__build_field(&p->b, &name, &s);
    if (rc)
        return rc;
    if (s.builtin == CRM__BUILTIN_ID || s.builtin == CRM__BUILTIN_KIND)
        return fail(p, CRM_EVALUE, name.at, "expected a field of numbers or dates");
    m->builtin = s.builtin;
    m->field = s.field;
    if (!s.field && m->op != CRM__MEASURE_DISTINCT &&
        (m->op == CRM__MEASURE_SUM || m->op == CRM__MEASURE_AVG))
        return fail(p, CRM_EVALUE, name.at, "expected a number, not a time");
    if (s.field)
        rc = crm__build_aggregate(&p->b, aggregate_of(m->op), s.field, name.at, &s);
    return rc ? rc : crm__parse_take(p, CRM__TOKEN_CLOSE, "\")\"");
}

static int read_what(crm__parser *p, crm__measure *m)
{
    size_t at = crm__parse_now(p)->at + 1;
    crm__subject s;
    int events = 0, rc = CRM_OK;

    if (crm__parse_is(p, CRM__TOKEN_OPEN))
        rc = opens_events(p, &events);
    if (rc || !events)
        return rc ? rc : read_field(p, m);
    m->of_events = 1;
    rc = crm__parse_spec(p, &m->events, &m->attribute);
    return rc ? rc : crm__build_aggregate(&p->b, aggregate_of(m->op), m->attribute, at, &s);
}

static int read_count(crm__parser *p, crm__measure *m)
{
    int rc = crm__parse_next(p);

    if (rc || !crm__parse_is(p, CRM__TOKEN_OPEN))
        return rc;
    m->of_events = 1;
    return crm__parse_spec(p, &m->events, NULL);
}

static int read_measure(crm__parser *p, crm__measure *m)
{
    uint8_t word = crm__parse_now(p)->word;
    int rc;

    memset(m, 0, sizeof *m);
    if (word == CRM__WORD_COUNT) {
        m->op = CRM__MEASURE_COUNT;
        return read_count(p, m);
    }
    if (word >= CRM__WORD_SUM && word <= CRM__WORD_DISTINCT) {
        static const uint8_t OP[] = {CRM__MEASURE_SUM, CRM__MEASURE_MIN, CRM__MEASURE_MAX,
                                     CRM__MEASURE_AVG, CRM__MEASURE_DISTINCT};
        m->op = OP[word - CRM__WORD_SUM];
        rc = crm__parse_next(p);
    } else if (is_word(p, "median")) {
        m->op = CRM__MEASURE_PERCENTILE;
        m->percent = 50 * CRM__PERCENT;
        rc = crm__parse_next(p);
    } else if (is_word(p, "percentile")) {
        m->op = CRM__MEASURE_PERCENTILE;
        rc = crm__parse_next(p);
        if (!rc)
            rc = read_percent(p, m);
    } else {
        return expected(p, "count, sum, min, max, avg, median, percentile 90 or distinct", NUMBERS,
                        sizeof NUMBERS / sizeof NUMBERS[0]);
    }
    return rc ? rc : read_what(p, m);
}

static int read_measures(crm__parser *p, crm__request *q)
{
    int rc;

    for (;;) {
        if (q->measure_count == CRM__MEASURES)
            return crm__build_fail(&p->b, CRM_ESYNTAX, crm__parse_now(p)->at,
                                   "more than %d numbers at once", (int)CRM__MEASURES);
        rc = read_measure(p, &q->measures[q->measure_count]);
        q->measure_count += !rc;
        if (rc || !crm__parse_is(p, CRM__TOKEN_COMMA))
            return rc;
        rc = crm__parse_next(p);
        if (rc)
            return rc;
    }
}

/* ---- groupings ---- */

static int has_steps(uint8_t type)
{
    return type == CRM_TYPE_INTEGER || type == CRM_TYPE_DECIMAL || type == CRM_TYPE_MONEY;
}

static int is_time(const crm__grouping *g)
{
    const crm__field *f = crm__grouping_field(g);
    uint8_t type = f ? f->type : 0;

    return type == CRM_TYPE_DATE || type == CRM_TYPE_DATETIME ||
           g->builtin == CRM__BUILTIN_CREATED || g->builtin == CRM__BUILTIN_UPDATED;
}

/* every 100 | every 100 CNY | in 10 steps */
static int read_steps(crm__parser *p, crm__grouping *g)
{
    const crm__field *f = crm__grouping_field(g);
    crm__subject s;
    crm__comparison c;
    size_t at = crm__parse_now(p)->at;
    crm__operand o;
    int rc;

    if (is_time(g))
        return fail(p, CRM_EVALUE, at, NO_STEPS_OF_TIME);
    if (!f || !has_steps(f->type))
        return fail(p, CRM_EVALUE, at, "only numbers and money have steps");
    g->op = CRM__BY_STEPS;
    if (f->type == CRM_TYPE_MONEY)
        memcpy(g->currency, f->currency, sizeof g->currency);
    if (crm__parse_word(p, CRM__WORD_IN)) {
        rc = crm__parse_next(p);
        if (!rc)
            rc = crm__parse_name(p, "a number of steps", &o);
        if (!rc)
            rc = crm__build_count(&p->b, &o, &g->steps);
        if (!rc && (g->steps < 1 || g->steps > CRM__STEPS_MOST))
            rc = crm__build_fail(&p->b, CRM_EVALUE, o.at, "expected 1 to %d steps",
                                 (int)CRM__STEPS_MOST);
        if (!rc && !is_word(p, "steps") && !is_word(p, "step"))
            rc = crm__parse_expected(p, "steps");
        if (!rc && f->type == CRM_TYPE_MONEY && !g->currency[0])
            rc = fail(p, CRM_EVALUE, at, "the field has no currency of its own: say every 100 CNY");
        return rc ? rc : crm__parse_next(p);
    }
    rc = crm__parse_next(p);
    if (rc)
        return rc;
    memset(&s, 0, sizeof s);
    s.rule = *f;
    s.rule.flags = 0;
    s.rule.has_min = s.rule.has_max = 0; /* they bound values, not steps */
    s.ops = ~0u;
    at = crm__parse_now(p)->at;
    rc = crm__parse_value(p, &s, &c);
    if (rc)
        return rc;
    g->width = c.values.values[0].type == CRM_TYPE_INTEGER
                   ? (crm__decimal){c.values.values[0].integer, 0}
                   : c.values.values[0].decimal;
    if (f->type == CRM_TYPE_MONEY)
        memcpy(g->currency, c.values.values[0].currency, sizeof g->currency);
    while (g->width.scale && g->width.mantissa % 10 == 0) {
        g->width.mantissa /= 10;
        g->width.scale--;
    }
    return g->width.mantissa > 0 ? CRM_OK : fail(p, CRM_EVALUE, at, "a step is above 0");
}

/* FIELD or KIND.ATTRIBUTE; the point was in force when the name was read. */
static int read_name(crm__parser *p, crm__grouping *g)
{
    crm__operand name, attribute;
    crm__subject s;
    int rc = crm__parse_name(p,
                             "a field, a dimension of tags, or a kind of events and its "
                             "attribute,",
                             &name);

    if (rc)
        return rc;
    if (crm__parse_is(p, CRM__TOKEN_SEPARATOR)) {
        rc = crm__build_kind(&p->b, &name, &g->kind);
        p->lex.separator = 0;
        if (!rc)
            rc = crm__parse_next(p);
        if (!rc)
            rc = crm__parse_name(p, "an attribute", &attribute);
        if (!rc)
            rc = crm__build_attribute(&p->b, g->kind, &attribute, &g->attribute);
        g->of_events = 1;
        return rc;
    }
    p->lex.separator = 0;
    rc = crm__build_field(&p->b, &name, &s);
    if (!rc && s.builtin == CRM__BUILTIN_ID)
        return fail(p, CRM_EVALUE, name.at, "every customer has an id of its own");
    if (!rc) {
        g->builtin = s.builtin;
        g->field = s.field;
    }
    return rc;
}

/* UNIT or UNIT(NAME), behind the unit. */
static int read_unit(crm__parser *p, crm__grouping *g)
{
    size_t at = crm__parse_now(p)->at;
    int rc;

    g->op = CRM__BY_TIME;
    g->unit = (uint8_t)(crm__parse_now(p)->word - CRM__WORD_MINUTE + CRM__UNIT_MINUTE);
    if (g->unit < CRM__UNIT_DAY)
        return fail(p, CRM_ESYNTAX, at, "expected a unit from day to year");
    p->lex.separator = 0;
    rc = crm__parse_next(p);
    if (rc)
        return rc;
    if (!crm__parse_is(p, CRM__TOKEN_OPEN)) {
        g->of_events = 1;
        return CRM_OK;
    }
    p->lex.separator = '.';
    rc = crm__parse_next(p);
    at = crm__parse_now(p)->at;
    if (!rc)
        rc = read_name(p, g);
    p->lex.separator = 0;
    if (!rc && !is_time(g))
        rc = fail(p, CRM_EVALUE, at, "only a date or a time has days, weeks, months and years");
    return rc ? rc : crm__parse_take(p, CRM__TOKEN_CLOSE, "\")\"");
}

static int has_values(uint8_t type)
{
    return type != CRM_TYPE_DATE && type != CRM_TYPE_DATETIME && type != CRM_TYPE_DECIMAL &&
           type != CRM_TYPE_MONEY;
}

/* field(NAME): a field whose name a dimension of tags has too. */
static int read_plain_field(crm__parser *p, crm__grouping *g)
{
    int rc = crm__parse_next(p);

    if (!rc)
        rc = crm__parse_take(p, CRM__TOKEN_OPEN, "\"(\"");
    p->lex.separator = 0;
    if (!rc)
        rc = read_name(p, g);
    if (!rc && g->attribute)
        rc = fail(p, CRM_ESYNTAX, crm__parse_now(p)->at, "expected a field");
    return rc ? rc : crm__parse_take(p, CRM__TOKEN_CLOSE, "\")\"");
}

/* `tags`, a dimension, source: they are whole as they are. */
static int read_names(crm__parser *p, crm__grouping *g, int events, int *done)
{
    const crm__token *t = crm__parse_now(p);
    const crm__dimension *d =
        crm__parse_is_text(p)
            ? crm__model_dimension_find(p->b.model, (const char *)t->text.p, t->text.n)
            : NULL;

    g->tags = (uint8_t)is_word(p, "tags");
    g->source = !g->tags && !d && events && is_word(p, "source");
    g->of_events = g->source;
    g->dimension = g->tags ? NULL : d;
    *done = g->tags || g->source || d;
    if (!*done)
        return CRM_OK;
    p->lex.separator = 0;
    return crm__parse_next(p);
}

/* A field or an attribute, with or without steps; or one of those above. */
static int read_values(crm__parser *p, crm__grouping *g, int events)
{
    size_t at = crm__parse_now(p)->at;
    const crm__field *f;
    crm__token next;
    int done, rc = crm__lex_peek(&p->lex, &next);

    g->op = CRM__BY_VALUES;
    if (!rc && is_word(p, "field") && next.kind == CRM__TOKEN_OPEN) {
        rc = read_plain_field(p, g);
    } else if (!rc) {
        rc = read_names(p, g, events, &done);
        if (rc || done)
            return rc;
        p->b.grouping = 1;
        rc = read_name(p, g);
        p->b.grouping = 0;
    }
    p->lex.separator = 0;
    if (rc)
        return rc;
    f = crm__grouping_field(g);
    g->shared = g->field &&
                crm__model_dimension_find(p->b.model, g->field->key, strlen(g->field->key)) != NULL;
    if (is_word(p, "every") || crm__parse_word(p, CRM__WORD_IN))
        return read_steps(p, g);
    if (is_time(g))
        return fail(p, CRM_EVALUE, at, NO_STEPS_OF_TIME);
    if (f && f->type == CRM_TYPE_INTEGER) { /* each of them is a step */
        g->op = CRM__BY_STEPS;
        g->width = (crm__decimal){1, 0};
        return CRM_OK;
    }
    if (f && !has_values(f->type))
        return fail(p, CRM_EVALUE, at, "numbers are grouped by steps: every 100, or in 10 steps");
    return CRM_OK;
}

static int all_of_events(const crm__request *q)
{
    for (uint32_t i = 0; i < q->measure_count; i++) {
        if (!q->measures[i].of_events)
            return 0;
    }
    return 1;
}

/* A grouping by what events have needs events, and of the kind. */
static int check_grouping(crm__parser *p, const crm__request *q, const crm__grouping *g, size_t at)
{
    if (q->grouping_count && g->op == CRM__BY_TIME && !g->attribute && g->of_events &&
        q->by[0].op == CRM__BY_TIME && !q->by[0].attribute && q->by[0].of_events)
        return fail(p, CRM_EVALUE, at, "the time of the events groups once");
    for (uint32_t i = 0; g->of_events && i < q->measure_count; i++) {
        const crm__measure *m = &q->measures[i];
        if (!m->of_events)
            return fail(p, CRM_EVALUE, at,
                        "customers have no time, attribute or source of an event (a field's month "
                        "is month(created_at))");
        if (g->attribute && m->events.kind != g->kind)
            return fail(p, CRM_EVALUE, at, "all numbers must be of events of this kind");
    }
    return CRM_OK;
}

static int read_groupings(crm__parser *p, crm__request *q)
{
    int rc;

    do {
        crm__grouping *g = &q->by[q->grouping_count];
        size_t at;
        p->lex.separator = '.';
        rc = crm__parse_next(p);
        at = crm__parse_now(p)->at;
        if (!rc && q->grouping_count == CRM__GROUPINGS)
            return crm__build_fail(&p->b, CRM_ESYNTAX, at, "more than %d groupings",
                                   (int)CRM__GROUPINGS);
        if (rc)
            return rc;
        memset(g, 0, sizeof *g);
        if (crm__parse_now(p)->word >= CRM__WORD_MINUTE &&
            crm__parse_now(p)->word <= CRM__WORD_YEAR)
            rc = read_unit(p, g);
        else
            rc = read_values(p, g, all_of_events(q));
        p->lex.separator = 0;
        if (!rc)
            rc = check_grouping(p, q, g, at);
        q->grouping_count += !rc;
    } while (!rc && crm__parse_is(p, CRM__TOKEN_COMMA));
    return rc;
}

/* ---- the rest ---- */

static int read_window(crm__parser *p, crm__request *q)
{
    size_t at = crm__parse_now(p)->at;

    for (uint32_t i = 0; i < q->measure_count; i++) {
        if (!q->measures[i].of_events)
            return fail(p, CRM_EVALUE, at,
                        "only events are within a time (which customers, the segment says)");
        if (q->measures[i].events.window.form)
            return crm__parse_expected(p, "one time, not two,");
    }
    return crm__parse_window(p, &q->window);
}

static int read_moving(crm__parser *p, crm__request *q)
{
    size_t at = crm__parse_now(p)->at;
    crm__operand o;
    int rc;

    if (q->grouping_count != 1 || q->by[0].op != CRM__BY_TIME)
        return fail(p, CRM_EVALUE, at, "a moving average needs one grouping by time");
    for (uint32_t i = 0; i < q->measure_count; i++) {
        if (q->measures[i].op != CRM__MEASURE_COUNT && q->measures[i].op != CRM__MEASURE_SUM &&
            q->measures[i].op != CRM__MEASURE_AVG)
            return fail(p, CRM_EVALUE, at, "only count, sum and avg have a moving average");
    }
    rc = crm__parse_next(p);
    if (!rc)
        rc = crm__parse_name(p, "a number such as 3", &o);
    if (!rc)
        rc = crm__build_count(&p->b, &o, &q->moving);
    if (!rc && (q->moving < 2 || q->moving > CRM__MOVING_MOST))
        rc = crm__build_fail(&p->b, CRM_EVALUE, o.at, "expected 2 to %d", (int)CRM__MOVING_MOST);
    return rc;
}

static int read_all(crm__parser *p, crm__request *q)
{
    int rc = crm__parse_next(p);

    if (!rc)
        rc = read_measures(p, q);
    if (!rc && crm__parse_word(p, CRM__WORD_BY))
        rc = read_groupings(p, q);
    if (!rc && crm__parse_at_window(p))
        rc = read_window(p, q);
    if (!rc && is_word(p, "moving"))
        rc = read_moving(p, q);
    if (!rc && !crm__parse_is(p, CRM__TOKEN_END))
        rc = expected(p, "by, a time, moving or the end", BEHIND,
                      sizeof BEHIND / sizeof BEHIND[0]);
    return rc;
}

int crm__request_parse(const crm_allocator *mem, crm__model *m, const crm__zone *zone,
                       const char *text, size_t n, crm__tree **tree, crm__request *out,
                       crm_error *err)
{
    crm__parser p;
    int rc;

    memset(out, 0, sizeof *out);
    *tree = NULL;
    if (n > CRM__SEGMENT_BYTES || crm__utf8_valid(text, n) != n)
        return crm__fail_at(err, CRM_ESYNTAX, -1, 0, "numbers: %s",
                            n > CRM__SEGMENT_BYTES ? "the text is too long" : "not UTF-8");
    memset(&p, 0, sizeof p);
    rc = crm__build_open(&p.b, mem, m, zone, err);
    if (rc)
        return rc;
    p.b.about = "numbers";
    crm__buf_init(&p.nodes, p.b.tree->mem);
    crm__buf_init(&p.list, p.b.tree->mem);
    p.lex.s = p.lex.p = text;
    p.lex.end = text + n;
    p.lex.arena = &p.b.tree->arena;
    p.lex.err = err;
    p.lex.about = p.b.about;
    rc = crm__buf_reserve(&p.list, 64) ? read_all(&p, out) : crm__fail_nomem(err);
    crm__buf_clear(&p.list);
    return crm__build_close(&p.b, rc, NULL, 0, tree);
}
