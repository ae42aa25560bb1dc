/* SPDX-License-Identifier: MIT
 * Random segments: what is read, printed and read again, as text and as JSON, is the same tree, and
 * the same bytes; and no damaged text does harm.
 */
#include "help.h"

#include <stdarg.h>

typedef struct maker {
    crm__model *m;
    uint64_t state;
    crm__buf out;
} maker;

static uint64_t below(maker *g, uint64_t n)
{
    return crmtest_below(&g->state, n);
}

static void put(maker *g, const char *s)
{
    crm__buf_add_str(&g->out, s);
}

static void put_fmt(maker *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put_fmt(maker *g, const char *fmt, ...)
{
    char text[300];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    put(g, text);
}

#define PICK(g, ...)                                                                               \
    ((const char *const[]){                                                                        \
        __VA_ARGS__}[below(g, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))])

static void space(maker *g)
{
    put(g, PICK(g, " ", " ", " ", "  ", "\n", " # a (comment\n", "\t", "　"));
}

static void maybe_space(maker *g)
{
    if (below(g, 4) == 0)
        space(g);
}

/* A keyword in some letter case, with space around. */
static void word(maker *g, const char *w)
{
    int upper = below(g, 6) == 0;

    space(g);
    for (; *w; w++)
        crm__buf_add_u8(&g->out, (unsigned char)(upper && *w >= 'a' && *w <= 'z' ? *w - 32 : *w));
    space(g);
}

static void name(maker *g, const char *key, const crm__label *labels, uint32_t count)
{
    uint64_t i = below(g, count + 2);

    if (i < count)
        put_fmt(g, PICK(g, "\"%s\"", "“%s”", "\"%s\""), labels[i].text);
    else
        put_fmt(g, "\"%s\"", key);
}

static void open_list(maker *g)
{
    put(g, PICK(g, "(", "( ", "（"));
}

static void comma(maker *g)
{
    put(g, PICK(g, ",", ", ", "，", " 、"));
}

static void close_list(maker *g)
{
    put(g, PICK(g, ")", " )", "）"));
}

/* ---- values ---- */

static void text_value(maker *g)
{
    static const char *const PIECES[] = {
        "a",   "Z",       "伟",  "é",  " x",  "\\\"", "\\\\",
        "\\n", "\\u4f1f", "#",   "(",  ",",   "“",    "\\ud83d\\ude00",
        "1",   "*",       "\\/", "、", "and", "'",    "=",
        "\\t."};

    put(g, "\"k");
    for (uint64_t n = below(g, 6); n; n--)
        put(g, PIECES[below(g, sizeof PIECES / sizeof *PIECES)]);
    put(g, "\"");
}

static void date(maker *g, int partial)
{
    uint64_t i = partial ? below(g, 4) : 0;
    unsigned y = 1 + (unsigned)below(g, below(g, 9) ? 2100 : 9999);
    unsigned m = 1 + (unsigned)below(g, 12), d = 1 + (unsigned)below(g, 28);

    if (i == 1)
        put_fmt(g, "%04u", y);
    else if (i == 2)
        put_fmt(g, "%04u-%02u", y, m);
    else
        put_fmt(g, PICK(g, "%04u-%02u-%02u", "%04u/%u/%u", "%04u年%u月%u日"), y, m, d);
}

static void datetime(maker *g)
{
    put_fmt(g, "%04u-%02u-%02uT%02u:%02u", 2 + (unsigned)below(g, 2100), 1 + (unsigned)below(g, 12),
            1 + (unsigned)below(g, 28), (unsigned)below(g, 24), (unsigned)below(g, 60));
    put(g, PICK(g, "", ":05", ":59.123456"));
    put(g, PICK(g, "", "Z", "+08:00", "-03:30"));
}

static void money(maker *g, const crm__field *f, int small)
{
    unsigned v = (unsigned)below(g, 1000) + (small ? 0 : 1000);

    put_fmt(g, f->currency[0] ? PICK(g, "%u", "%u.50 CNY", "CNY %u") : "%u.25 CNY", v);
}

/* small: the first of two. */
static void value(maker *g, const crm__field *f, int small)
{
    int64_t v = (int64_t)below(g, 1000) + (small ? 0 : 1000);

    switch (f->type) {
    case CRM_TYPE_INTEGER:
        put_fmt(g, "%lld", (long long)v);
        break;
    case CRM_TYPE_DECIMAL:
        put_fmt(g, "%lld.%03u", (long long)v, (unsigned)below(g, 1000));
        break;
    case CRM_TYPE_MONEY:
        money(g, f, small);
        break;
    case CRM_TYPE_DATE:
        date(g, 0);
        break;
    case CRM_TYPE_DATETIME:
        datetime(g);
        break;
    case CRM_TYPE_BOOLEAN:
        put(g, PICK(g, "true", "no", "1", "否"));
        break;
    case CRM_TYPE_ENUM:
        name(g, f->values[below(g, f->value_count)].key, NULL, 0);
        break;
    case CRM_TYPE_EMAIL:
        put_fmt(g, "user%u@Example.com", (unsigned)v);
        break;
    case CRM_TYPE_PHONE:
        put_fmt(g, "138%08u", (unsigned)v);
        break;
    case CRM_TYPE_URL:
        put_fmt(g, "\"https://example.com/%u\"", (unsigned)v);
        break;
    case CRM_TYPE_COUNTRY:
        put(g, PICK(g, "CN", "de", "法国"));
        break;
    case CRM_TYPE_LANGUAGE:
        put(g, PICK(g, "zh", "en-US", "\"or\"", "\"and\""));
        break;
    case CRM_TYPE_ACTOR:
        put_fmt(g, "\"li na #%u\"", (unsigned)v);
        break;
    case CRM_TYPE_CUSTOMER:
        put_fmt(g, "%llu", (unsigned long long)crmtest_rand(&g->state) | 1);
        break;
    default:
        text_value(g);
    }
}

/* ---- windows ---- */

static void span(maker *g)
{
    put_fmt(g, "%u ", 1 + (unsigned)below(g, 3000));
    put(g, PICK(g, "minute", "hours", "day", "Days", "week", "months", "quarter", "YEARS"));
}

static void window(maker *g)
{
    switch (below(g, 9)) {
    case 0:
        put(g, PICK(g, "last ", "next "));
        span(g);
        break;
    case 1:
        put(g, PICK(g, "previous ", "coming "));
        span(g);
        break;
    case 2:
        put(g, PICK(g, "this ", "previous ", "coming "));
        put(g, PICK(g, "minute", "hour", "day", "week", "month", "quarter", "year"));
        break;
    case 3:
        put(g, PICK(g, "since ", "before "));
        date(g, 1);
        break;
    case 4:
        put(g, PICK(g, "since ", "before "));
        datetime(g);
        break;
    case 5:
        put(g, "between 19");
        put_fmt(g, "%02u", (unsigned)below(g, 100));
        word(g, "and");
        put_fmt(g, PICK(g, "20%02u", "20%02u-05", "20%02u-05-03T10:00Z"), (unsigned)below(g, 100));
        break;
    case 6:
        put(g, "on ");
        date(g, 1);
        break;
    default:
        put(g, PICK(g, "today", "yesterday", "tomorrow"));
    }
}

/* ---- comparisons ---- */

static void list_of(maker *g, const crm__field *f)
{
    open_list(g);
    for (uint64_t n = below(g, 4);; n--) {
        value(g, f, 0);
        if (!n)
            break;
        comma(g);
    }
    close_list(g);
}

static int has_order(const crm__field *f)
{
    return f->type == CRM_TYPE_TEXT || f->type == CRM_TYPE_INTEGER || f->type == CRM_TYPE_DECIMAL ||
           f->type == CRM_TYPE_MONEY || f->type == CRM_TYPE_DATE || f->type == CRM_TYPE_DATETIME;
}

static int is_time(const crm__field *f)
{
    return f->type == CRM_TYPE_DATE || f->type == CRM_TYPE_DATETIME;
}

static int is_text(const crm__field *f)
{
    return f->type == CRM_TYPE_TEXT || f->type == CRM_TYPE_EMAIL || f->type == CRM_TYPE_PHONE ||
           f->type == CRM_TYPE_URL || f->type == CRM_TYPE_LANGUAGE || f->type == CRM_TYPE_ACTOR;
}

static void equal_to(maker *g, const crm__field *f)
{
    put(g, PICK(g, "=", " != ", " <> ", "≠", "＝"));
    value(g, f, 0);
}

static void in_order(maker *g, const crm__field *f)
{
    if (below(g, 2) || f->type == CRM_TYPE_TEXT) {
        put(g, PICK(g, "<", " <= ", ">", " >= ", "≤", "≥"));
        if (is_time(f) && below(g, 2))
            date(g, 1);
        else
            value(g, f, 0);
        return;
    }
    word(g, PICK(g, "between", "not between"));
    if (is_time(f))
        put(g, "1980-05-03");
    else
        value(g, f, 1);
    word(g, "and");
    if (is_time(f))
        put(g, "2980-05-03");
    else
        value(g, f, 0);
}

static void comparison(maker *g, const crm__field *f, int may_be_empty)
{
    uint64_t i = below(g, 8);

    if (i == 0 && may_be_empty) {
        word(g, PICK(g, "is empty", "is not empty"));
    } else if (i == 1 && is_text(f)) {
        word(g, PICK(g, "starts with", "contains", "not starts with", "not contains"));
        text_value(g);
    } else if (i < 5 && has_order(f)) {
        in_order(g, f);
    } else if (i == 5 && is_time(f)) {
        word(g, PICK(g, "in", "not in"));
        window(g);
    } else if (i == 6) {
        word(g, PICK(g, "in", "not in"));
        list_of(g, f);
    } else {
        equal_to(g, f);
    }
}

/* ---- conditions ---- */

static void field_condition(maker *g)
{
    const crm__field *f = crm__model_at(g->m, below(g, crm__model_count(g->m)));
    crm__field time = {.type = CRM_TYPE_DATETIME}, number = {.type = CRM_TYPE_INTEGER};

    switch (below(g, 8)) {
    case 0:
        put(g, PICK(g, "created_at", "updated_at"));
        comparison(g, &time, 0);
        break;
    case 1:
        put(g, "id");
        comparison(g, &number, 0);
        break;
    case 2:
        put(g, PICK(g, "kind = person", "kind in (organisation, PERSON)", "类型 != Person"));
        break;
    case 3:
        put(g,
            PICK(g, "birthday ", "生日 ", "anniversary(birth_date) ", "anniversary(created_at) "));
        put(g, PICK(g, "in ", "not in "));
        window(g);
        break;
    default:
        name(g, f->key, f->labels, f->label_count);
        comparison(g, f, 1);
    }
}

static void tags(maker *g)
{
    put(g, PICK(g, "tag", "tag any ", "TAG ALL", "tag none "));
    open_list(g);
    for (uint64_t n = below(g, 4);; n--) {
        put(g, PICK(g, "region:cn", "region:*", "地域：上海", "value:high", "\"购买力\":*",
                    "behaviour:\"a b\"", "behaviour:churn-risk", "region:cn/east/x",
                    "behaviour:\"and\""));
        if (!n)
            break;
        comma(g);
    }
    close_list(g);
}

/* attribute: 0 none, 1 any, 2 a number, 3 a number or date. */
static const crm__field *spec(maker *g, int attribute)
{
    const crm__event_kind *kind =
        crm__model_event_at(g->m, attribute ? 1 : below(g, crm__model_event_count(g->m)));
    const crm__field *f = NULL, *t;
    crm__field source = {.type = CRM_TYPE_EMAIL};
    int any = !attribute && below(g, 5) == 0;

    open_list(g);
    if (any)
        put(g, "*");
    else
        name(g, kind->key, kind->labels, kind->label_count);
    while (attribute && (!f || (attribute > 1 &&
                                !(f->type == CRM_TYPE_INTEGER || f->type == CRM_TYPE_DECIMAL ||
                                  f->type == CRM_TYPE_MONEY || (attribute == 3 && is_time(f))))))
        f = &kind->attributes[below(g, kind->attribute_count)];
    if (f) {
        put(g, PICK(g, ".", " . "));
        name(g, f->key, f->labels, f->label_count);
    }
    if (below(g, 2)) {
        comma(g);
        window(g);
    }
    for (uint64_t n = below(g, 4); n; n--) {
        comma(g);
        if (any || !kind->attribute_count || below(g, 5) == 0) {
            put(g, PICK(g, "source", "来源"));
            comparison(g, &source, 1);
        } else {
            t = &kind->attributes[below(g, kind->attribute_count)];
            name(g, t->key, t->labels, t->label_count);
            comparison(g, t, 1);
        }
    }
    close_list(g);
    return f;
}

static void events(maker *g)
{
    static const char *const WORDS[] = {"sum", "min", "max", "avg", "distinct"};
    crm__field number = {.type = CRM_TYPE_INTEGER}, time = {.type = CRM_TYPE_DATETIME}, of;
    uint64_t i = below(g, 8);

    if (i < 2) {
        put(g, "event");
        spec(g, 0);
        if (i == 0) {
            word(g, PICK(g, "followed by event", "not followed  by event"));
            spec(g, 0);
            if (below(g, 2)) {
                word(g, "within");
                span(g);
            }
        }
    } else if (i == 2) {
        put(g, "count");
        spec(g, 0);
        comparison(g, &number, 0);
    } else if (i == 3) {
        put(g, PICK(g, "first", "LAST "));
        spec(g, 0);
        comparison(g, &time, 0);
    } else {
        uint64_t k = below(g, 5);
        put(g, WORDS[k]);
        of = *spec(g, k == 4 ? 1 : k == 0 || k == 3 ? 2 : 3);
        if (k == 3 && of.type == CRM_TYPE_INTEGER)
            of.type = CRM_TYPE_DECIMAL;
        comparison(g, k == 4 ? &number : &of, 0);
    }
}

static void condition(maker *g, int depth)
{
    uint64_t i = below(g, depth > 0 ? 12 : 6);

    if (i == 0) {
        put(g, PICK(g, "all", "none", "ALL", "segment(vip)", "segment( \"重点 客户\" )",
                    "segment(count)"));
    } else if (i == 1) {
        tags(g);
    } else if (i < 4) {
        field_condition(g);
    } else if (i < 6) {
        events(g);
    } else if (i < 8) {
        put(g, "not ");
        condition(g, depth - 1);
    } else {
        open_list(g);
        for (uint64_t n = 1 + below(g, 3);; n--) {
            condition(g, depth - 1);
            if (!n)
                break;
            word(g, PICK(g, "and", "or"));
        }
        close_list(g);
    }
    maybe_space(g);
}

static void whole(maker *g)
{
    g->out.n = 0;
    for (uint64_t n = below(g, 3);; n--) {
        condition(g, (int)below(g, 5));
        if (!n)
            break;
        word(g, PICK(g, "and", "or"));
    }
}

/* ---- the same tree ---- */

static int same_value(const crm__value *a, const crm__value *b)
{
    return a->type == b->type && a->source == b->source && a->integer == b->integer &&
           a->decimal.mantissa == b->decimal.mantissa && a->decimal.scale == b->decimal.scale &&
           memcmp(a->currency, b->currency, 4) == 0 && crm__slice_compare(a->text, b->text) == 0;
}

static int same_values(const crm__node_values *a, const crm__node_values *b)
{
    if (a->count != b->count)
        return 0;
    for (uint32_t i = 0; i < a->count; i++) {
        if (!same_value(&a->values[i], &b->values[i]) ||
            crm__slice_compare(a->text[i], b->text[i]) != 0)
            return 0;
    }
    return 1;
}

static int same_window(const crm__window *a, const crm__window *b)
{
    return a->form == b->form && a->unit == b->unit && a->on == b->on && a->count == b->count &&
           a->from.date == b->from.date && a->from.us == b->from.us &&
           a->until.date == b->until.date && a->until.us == b->until.us;
}

static int same_spec(const crm__event_spec *a, const crm__event_spec *b)
{
    if (a->kind != b->kind || !same_window(&a->window, &b->window) ||
        a->test_count != b->test_count)
        return 0;
    for (uint32_t i = 0; i < a->test_count; i++) {
        const crm__event_test *x = &a->tests[i], *y = &b->tests[i];
        if (x->attribute != y->attribute || x->cmp != y->cmp || x->negated != y->negated ||
            !same_values(&x->values, &y->values) || !same_window(&x->window, &y->window))
            return 0;
    }
    return 1;
}

static int same_node(const crm__node *a, const crm__node *b)
{
    if (a->op != b->op || a->height != b->height || a->child_count != b->child_count ||
        a->match != b->match || a->tag_count != b->tag_count || a->builtin != b->builtin ||
        a->field != b->field || a->cmp != b->cmp || a->negated != b->negated ||
        a->aggregate != b->aggregate || a->attribute != b->attribute || a->within != b->within ||
        a->within_unit != b->within_unit || crm__slice_compare(a->name, b->name) != 0)
        return 0;
    for (uint32_t i = 0; i < a->tag_count; i++) {
        if (a->tags[i].dimension != b->tags[i].dimension ||
            crm__slice_compare(a->tags[i].path, b->tags[i].path) != 0)
            return 0;
    }
    for (uint32_t i = 0; i < a->child_count; i++) {
        if (!same_node(a->children[i], b->children[i]))
            return 0;
    }
    return same_values(&a->values, &b->values) && same_window(&a->window, &b->window) &&
           same_spec(&a->events, &b->events) && same_spec(&a->then, &b->then);
}

/* The promises of tree.h on what the children of a group may be. */
static void check_shape(const crm__node *n)
{
    ck_assert(n->height <= CRM__SEGMENT_DEPTH);
    ck_assert((n->height > 0) == (n->op >= CRM__NODE_AND && n->op <= CRM__NODE_NOT));
    if (n->op == CRM__NODE_NOT)
        ck_assert_uint_eq(n->child_count, 1);
    else if (n->height)
        ck_assert_uint_ge(n->child_count, 2);
    for (uint32_t i = 0; i < n->child_count; i++) {
        ck_assert(n->children[i]->op != n->op);
        ck_assert(n->children[i]->height < n->height);
        check_shape(n->children[i]);
    }
}

static void check_text(maker *g, const crm__zone *zone)
{
    crm__tree *t = help_tree(g->m, zone, (const char *)g->out.p, g->out.n), *again;
    crm__buf text, json, back;
    crm_error err = CRM_ERROR_INIT;
    crm__slice s = help_print(t, &text), s2;
    int rc;

    check_shape(crm__tree_root(t));
    again = help_tree(g->m, NULL, (const char *)s.p, s.n);
    s2 = help_print(again, &back);
    ck_assert_msg(crm__slice_compare(s, s2) == 0, "%.*s\n%.*s", (int)s.n, (const char *)s.p,
                  (int)s2.n, (const char *)s2.p);
    ck_assert_msg(same_node(crm__tree_root(t), crm__tree_root(again)), "%.*s", (int)s.n,
                  (const char *)s.p);
    crm__tree_unref(again);
    crm__buf_clear(&back);
    crm__buf_init(&json, NULL);
    ck_assert_int_eq(crm__tree_json(crm__tree_root(t), &json), CRM_OK);
    rc = crm__tree_parse_json(NULL, g->m, NULL, (const char *)json.p, json.n, &again, &err);
    ck_assert_msg(rc == CRM_OK, "%s\n%.*s", err.message, (int)json.n, (const char *)json.p);
    ck_assert_msg(same_node(crm__tree_root(t), crm__tree_root(again)), "%.*s", (int)json.n,
                  (const char *)json.p);
    crm__buf_init(&back, NULL);
    ck_assert_int_eq(crm__tree_json(crm__tree_root(again), &back), CRM_OK);
    ck_assert(back.n == json.n && !memcmp(back.p, json.p, json.n));
    crm__tree_unref(again);
    crm__tree_unref(t);
    crm__buf_clear(&text);
    crm__buf_clear(&json);
    crm__buf_clear(&back);
}

static maker begin(void)
{
    maker g = {help_model(HELP_YAML), crmtest_seed(), {0}};

    crm__buf_init(&g.out, NULL);
    return g;
}

static void end(maker *g)
{
    crm__model_unref(g->m);
    crm__buf_clear(&g->out);
}

CRM_TEST(test_segment_random__text_and_json_keep_the_tree)
{
    size_t rounds = crmtest_rounds(3000, 30000);
    maker g = begin();
    crm__zone *zone;

    ck_assert_int_eq(crm__zone_open(NULL, "+08:00", &zone, NULL), CRM_OK);
    for (size_t i = 0; i < rounds; i++) {
        whole(&g);
        check_text(&g, zone);
    }
    crm__zone_close(zone);
    end(&g);
}

/* A byte changed, left out or put twice: an error with a place in the text, or another tree. */
CRM_TEST(test_segment_random__damage_is_an_error_or_a_tree)
{
    size_t rounds = crmtest_rounds(3000, 40000), bad = 0;
    maker g = begin();

    for (size_t i = 0; i < rounds; i++) {
        crm_error err = CRM_ERROR_INIT;
        crm__buf json;
        crm__tree *t;
        uint8_t *p;
        size_t n;
        int rc;
        whole(&g);
        n = g.out.n;
        p = malloc(n + 1);
        memcpy(p, g.out.p, n);
        for (uint64_t k = 1 + below(&g, 3); k && n > 1; k--) {
            size_t at = below(&g, n);
            if (below(&g, 2))
                p[at] = (uint8_t) " ()\",:*.=<>!\\#a1\xe4\xff"[below(&g, 18)];
            else
                memmove(p + at, p + at + 1, --n - at);
        }
        p = realloc(p, n); /* of just that size: a read behind it is seen */
        rc = crm__tree_parse(NULL, g.m, NULL, (const char *)p, n, &t, &err);
        ck_assert(rc == CRM_OK || rc == CRM_ESYNTAX || rc == CRM_EFIELD || rc == CRM_EVALUE);
        ck_assert(!rc ||
                  (err.offset >= 0 && (size_t)err.offset <= n && strstr(err.message, "byte")));
        bad += rc != CRM_OK;
        crm__buf_init(&json, NULL);
        if (!rc)
            ck_assert_int_eq(crm__tree_json(crm__tree_root(t), &json), CRM_OK);
        if (!rc && json.n > 2) {
            crm__tree *again;
            json.p[below(&g, json.n)] = (uint8_t) "{}[]\",:1x"[below(&g, 9)];
            rc = crm__tree_parse_json(NULL, g.m, NULL, (const char *)json.p, json.n, &again, &err);
            ck_assert(rc == CRM_OK || rc == CRM_ESYNTAX || rc == CRM_EFIELD || rc == CRM_EVALUE);
            crm__tree_unref(again);
        }
        crm__tree_unref(t);
        crm__buf_clear(&json);
        free(p);
    }
    ck_assert_uint_gt(bad, rounds / 4);
    ck_assert_uint_lt(bad, rounds);
    end(&g);
}
