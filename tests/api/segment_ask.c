/* SPDX-License-Identifier: MIT
 * Random questions: see segment_world.h.  Answers come from the structs of the world alone.
 */
#include "segment_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT = 300, CHILDREN = 3 };
enum { AND, OR, NOT, LEAF };

typedef struct leaf leaf;
typedef int (*judge)(const leaf *l, const w_customer *c);
struct leaf {
    judge passes;
    char text[TEXT];
    int a, b, cmp, negated;
    int windowed; /* in w, and not at any time */
    w_window w;   /* as of the moment and in the zone of who asks */
    int64_t n, m;
    int kind, then, what, test;
    const w_question *of; /* a saved one's */
};

struct w_question {
    int op, count;
    w_question *child[CHILDREN];
    leaf l;
};

static uint64_t below(world *w, uint64_t n)
{
    return crmtest_below(&w->seed, n);
}

/* ---- comparing ---- */

static const char *const CMP[] = {"=", "!=", "<", "<=", ">", ">="};

static int holds(int cmp, int order)
{
    switch (cmp) {
    case 0:
        return order == 0;
    case 1:
        return order != 0;
    case 2:
        return order < 0;
    case 3:
        return order <= 0;
    case 4:
        return order > 0;
    default:
        return order >= 0;
    }
}

static const w_edges *edges_of(const leaf *l)
{
    return w_window_edges(&((leaf *)(uintptr_t)l)->w); /* which remembers them */
}

static int in_window(const leaf *l, int64_t time)
{
    const w_edges *e;

    if (!l->windowed)
        return 1;
    e = edges_of(l);
    return time >= e->from && time < e->until;
}

static int order_of(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* Without a value only the negated forms hold. */
static int number_passes(const leaf *l, int has, int64_t v)
{
    if (!has)
        return l->cmp == 1;
    return holds(l->cmp, order_of(v, l->n));
}

/* ---- fields ---- */

static int score_passes(const leaf *l, const w_customer *c)
{
    return number_passes(l, c->score != W_NONE, c->score);
}

static int score_between(const leaf *l, const w_customer *c)
{
    int in = c->score != W_NONE && c->score >= l->n && c->score <= l->m;

    return in != l->negated;
}

static int score_in(const leaf *l, const w_customer *c)
{
    int in = c->score != W_NONE && (c->score == l->n || c->score == l->m);

    return in != l->negated;
}

static int score_empty(const leaf *l, const w_customer *c)
{
    return (c->score == W_NONE) != l->negated;
}

static void ask_score(world *w, leaf *l)
{
    l->n = (int64_t)below(w, 21) - 3;
    l->m = l->n + (int64_t)below(w, 6);
    l->cmp = (int)below(w, 6);
    l->negated = (int)below(w, 2);
    switch (below(w, 4)) {
    case 0:
        l->passes = score_between;
        snprintf(l->text, TEXT, "score %sbetween %lld and %lld", l->negated ? "not " : "",
                 (long long)l->n, (long long)l->m);
        break;
    case 1:
        l->passes = score_in;
        snprintf(l->text, TEXT, "score %sin (%lld, %lld)", l->negated ? "not " : "",
                 (long long)l->n, (long long)l->m);
        break;
    case 2:
        l->passes = score_empty;
        snprintf(l->text, TEXT, "评分 is %sempty", l->negated ? "not " : "");
        break;
    default:
        l->passes = score_passes;
        snprintf(l->text, TEXT, "score %s %lld", CMP[l->cmp], (long long)l->n);
        break;
    }
}

static int rate_passes(const leaf *l, const w_customer *c)
{
    double a, b = W_RATE_VALUE[l->a];

    if (c->rate < 0)
        return l->cmp == 1;
    a = W_RATE_VALUE[c->rate];
    return holds(l->cmp, (a > b) - (a < b));
}

static void ask_rate(world *w, leaf *l)
{
    l->a = (int)below(w, W_RATES);
    l->cmp = (int)below(w, 6);
    l->passes = rate_passes;
    snprintf(l->text, TEXT, "rate %s %s%s", CMP[l->cmp], W_RATE[l->a],
             strchr(W_RATE[l->a], '.') && below(w, 2) ? "0" : "");
}

static int packed(int64_t day)
{
    int y, m, d;

    if (day == INT64_MIN || day == INT64_MAX)
        return day < 0 ? 0 : INT32_MAX;
    w_civil(day, &y, &m, &d);
    return y * 512 + m * 32 + d;
}

static int joined_passes(const leaf *l, const w_customer *c)
{
    int64_t from = l->n, until = l->m;

    if (c->joined < 0)
        return l->negated;
    if (l->windowed) {
        from = packed(edges_of(l)->first_day);
        until = packed(edges_of(l)->end_day);
    }
    return (W_DATE_PACKED[c->joined] >= from && W_DATE_PACKED[c->joined] < until) != l->negated;
}

static void ask_joined(world *w, leaf *l)
{
    static const struct {
        const char *text;
        int from, until;
    } WINDOW[] = {
        {"since 1990-05-17", 1990 * 512 + 5 * 32 + 17, INT32_MAX},
        {"before 2000-02-29", 0, 2000 * 512 + 2 * 32 + 29},
        {"on 1990-05", 1990 * 512 + 5 * 32, 1990 * 512 + 6 * 32},
        {"since 1990-05", 1990 * 512 + 5 * 32, INT32_MAX},
        {"between 1990-05-01 and 2000-12-31", 1990 * 512 + 5 * 32 + 1, 2001 * 512 + 32 + 1},
    };
    char window[100];
    int i = (int)below(w, 10);

    l->negated = (int)below(w, 2);
    l->passes = joined_passes;
    l->windowed = i >= 5;
    if (i < 5) {
        l->n = WINDOW[i].from;
        l->m = WINDOW[i].until;
    } else {
        w_window_any(&w->seed, 1, &l->w, window, sizeof window);
    }
    snprintf(l->text, TEXT, "joined %sin %s", l->negated ? "not " : "",
             i < 5 ? WINDOW[i].text : window);
}

static int birthday_passes(const leaf *l, const w_customer *c)
{
    const w_edges *e = edges_of(l);
    int date = c->joined < 0 ? 0 : W_DATE_PACKED[c->joined], month = date >> 5 & 15,
        day = date & 31;

    for (int64_t at = e->first_day; day && at < e->end_day; at++) {
        int y, m, d, end;
        w_civil(at, &y, &m, &d);
        end = m == 2 && d == 28 && (y % 4 != 0 || (y % 100 == 0 && y % 400 != 0));
        if (m == month && (d == day || (end && day == 29)))
            return 1;
    }
    return 0;
}

static void ask_birthday(world *w, leaf *l)
{
    char window[100];

    do /* a day is a day in any year, so it has to end and to begin */
        w_window_any(&w->seed, 1, &l->w, window, sizeof window);
    while (strncmp(window, "since", 5) == 0 || strncmp(window, "before", 6) == 0);
    l->passes = birthday_passes;
    snprintf(l->text, TEXT, "anniversary(joined) in %s", window);
}

static int seen_passes(const leaf *l, const w_customer *c)
{
    int in = c->seen != W_NONE && in_window(l, c->seen);

    return in != l->negated;
}

static void any_window(world *w, leaf *l, char *to, size_t size)
{
    l->windowed = 1;
    w_window_any(&w->seed, 0, &l->w, to, size);
}

static void ask_seen(world *w, leaf *l)
{
    char window[100];

    any_window(w, l, window, sizeof window);
    l->negated = (int)below(w, 2);
    l->passes = seen_passes;
    snprintf(l->text, TEXT, "seen %sin %s", l->negated ? "not " : "", window);
}

static int member_passes(const leaf *l, const w_customer *c)
{
    return c->member < 0 ? l->cmp == 1 : holds(l->cmp, order_of(c->member, l->a));
}

static int grade_passes(const leaf *l, const w_customer *c)
{
    int in = c->grade >= 0 && (c->grade == l->a || c->grade == l->b);

    return in != l->negated;
}

static int country_passes(const leaf *l, const w_customer *c)
{
    return c->country < 0 ? l->cmp == 1 : holds(l->cmp, order_of(c->country, l->a));
}

static int kind_passes(const leaf *l, const w_customer *c)
{
    return holds(l->cmp, order_of(c->organisation, l->a));
}

static int price_passes(const leaf *l, const w_customer *c)
{
    if (c->price == W_NONE || c->currency != l->a)
        return l->cmp == 1;
    return holds(l->cmp, order_of(c->price, l->n));
}

static int id_passes(const leaf *l, const w_customer *c)
{
    int in = (int64_t)c->id >= l->n && (int64_t)c->id <= l->m;

    return in != l->negated;
}

static void ask_small(world *w, leaf *l)
{
    l->cmp = (int)below(w, 2);
    l->negated = (int)below(w, 2);
    switch (below(w, 6)) {
    case 0:
        l->a = (int)below(w, 2);
        l->passes = member_passes;
        snprintf(l->text, TEXT, "member %s %s", CMP[l->cmp], l->a ? "true" : "false");
        break;
    case 1:
        l->a = (int)below(w, W_GRADES);
        l->b = (int)below(w, W_GRADES);
        l->passes = grade_passes;
        snprintf(l->text, TEXT, "grade %sin (%s, %s)", l->negated ? "not " : "", W_GRADE[l->a],
                 l->b == 1 ? "乙" : W_GRADE[l->b]);
        break;
    case 2:
        l->a = (int)below(w, W_COUNTRIES);
        l->passes = country_passes;
        snprintf(l->text, TEXT, "country %s %s", CMP[l->cmp], W_COUNTRY[l->a]);
        break;
    case 3:
        l->a = (int)below(w, 2);
        l->passes = kind_passes;
        snprintf(l->text, TEXT, "kind %s %s", CMP[l->cmp], l->a ? "organisation" : "person");
        break;
    case 4:
        l->cmp = (int)below(w, 6);
        l->a = (int)below(w, W_CURRENCIES);
        l->n = (int64_t)below(w, 4000);
        l->passes = price_passes;
        snprintf(l->text, TEXT, "price %s %lld.%02lld %s", CMP[l->cmp], (long long)l->n / 100,
                 (long long)l->n % 100, W_CURRENCY[l->a]);
        break;
    default:
        l->n = (int64_t)below(w, 500) - 10;
        l->m = l->n + (int64_t)below(w, 100);
        l->passes = id_passes;
        snprintf(l->text, TEXT, "id %sbetween %lld and %lld", l->negated ? "not " : "",
                 (long long)l->n, (long long)l->m);
        break;
    }
}

/* ---- texts ---- */

/* As stored: without the escapes of documents. */
static const char *plain(const char *s)
{
    return strcmp(s, "a\\\"b") == 0 ? "a\"b" : s;
}

static int text_passes(const leaf *l, const char *v)
{
    static const char *const PART[] = {"上", "B",    "er",  "new",      "\"",   "a",
                                       "饶", "上饶", "ERL", "New York", "w yo", "erli"};

    switch (l->what) {
    case 0:
        return holds(l->cmp, order_of(strcmp(v, plain(W_CITY[l->a])), 0));
    case 1:
        return strcasestr(v, PART[l->a]) != NULL;
    case 2:
        return strncasecmp(v, PART[l->a], strlen(PART[l->a])) == 0;
    default:
        return strcmp(v, plain(W_CITY[l->a])) == 0 || strcmp(v, plain(W_CITY[l->b])) == 0;
    }
}

static int city_passes(const leaf *l, const w_customer *c)
{
    int at = l->kind ? c->nick : c->city;
    int in = at >= 0 && text_passes(l, plain(W_CITY[at]));

    return at < 0 && l->what == 0 ? l->cmp == 1 : in != l->negated;
}

static void ask_text(world *w, leaf *l)
{
    static const char *const QUOTED[] = {"上", "B",    "er",  "new",      "\\\"", "a",
                                         "饶", "上饶", "ERL", "New York", "w yo", "erli"};
    const char *field;

    l->kind = (int)below(w, 3);
    field = l->kind == 2 ? "alias" : l->kind ? "nick" : "city";
    l->what = (int)below(w, 4);
    l->a = (int)below(w, l->what == 1 || l->what == 2 ? 12 : W_CITIES);
    l->b = (int)below(w, W_CITIES);
    l->passes = city_passes;
    switch (l->what) {
    case 0:
        l->cmp = (int)below(w, 6);
        snprintf(l->text, TEXT, "%s %s \"%s\"", field, CMP[l->cmp], W_CITY[l->a]);
        break;
    case 1:
    case 2:
        l->negated = (int)below(w, 2);
        snprintf(l->text, TEXT, "%s %s%s \"%s\"", field, l->negated ? "not " : "",
                 l->what == 1 ? "contains" : "starts with", QUOTED[l->a]);
        break;
    default:
        l->negated = (int)below(w, 2);
        snprintf(l->text, TEXT, "%s %sin (\"%s\", \"%s\")", field, l->negated ? "not " : "",
                 W_CITY[l->a], W_CITY[l->b]);
        break;
    }
}

static int hobby_passes(const leaf *l, const w_customer *c)
{
    int in = 0;

    for (int i = 0; i < c->hobby_count; i++) {
        const char *h = W_HOBBY[c->hobbies[i]];
        in |= l->what ? strstr(h, W_HOBBY[l->a]) != NULL : strcmp(h, W_HOBBY[l->a]) == 0;
    }
    return in != l->negated;
}

static void ask_hobby(world *w, leaf *l)
{
    l->a = (int)below(w, W_HOBBY_KINDS);
    l->what = (int)below(w, 2);
    l->negated = (int)below(w, 2);
    l->passes = hobby_passes;
    snprintf(l->text, TEXT, l->what ? "%shobbies contains \"%s\"" : "%shobbies = \"%s\"",
             l->negated ? "not " : "", W_HOBBY[l->a]);
}

/* ---- tags ---- */

static int has_tag(const w_customer *c, const char *name)
{
    size_t n = strlen(name);

    for (int i = 0; i < W_TAGS; i++) {
        if (!w_tagged(c, i))
            continue;
        if (strncmp(W_TAG[i], name, n) == 0 &&
            (!W_TAG[i][n] || (W_TAG[i][n] == '/' && strncmp(name, "region:", 7) == 0)))
            return 1;
    }
    return 0;
}

static int any_of_dimension(const w_customer *c, const char *prefix)
{
    for (int i = 0; i < W_TAGS; i++) {
        if (w_tagged(c, i) && strncmp(W_TAG[i], prefix, strlen(prefix)) == 0)
            return 1;
    }
    return 0;
}

static int tag_passes(const leaf *l, const w_customer *c)
{
    int a, b;

    if (l->what == 3)
        return any_of_dimension(c, l->a ? "region:" : "interest:");
    a = has_tag(c, W_TAG[l->a]);
    b = has_tag(c, W_TAG[l->b]);
    return l->what == 0 ? a || b : l->what == 1 ? a && b : !a && !b;
}

static void ask_tag(world *w, leaf *l)
{
    static const char *const HOW[] = {"", " all ", " none "};
    char name[2][64];

    l->what = (int)below(w, 4);
    l->a = (int)below(w, W_TAGS);
    l->b = (int)below(w, W_TAGS);
    l->passes = tag_passes;
    if (l->what == 3) {
        l->a = (int)below(w, 2);
        snprintf(l->text, TEXT, "tag(%s:*)", l->a ? "地域" : "interest");
        return;
    }
    for (int i = 0; i < 2; i++) {
        const char *t = W_TAG[i ? l->b : l->a], *colon = strchr(t, ':');
        snprintf(name[i], sizeof name[i], strchr(t, ' ') ? "%.*s:\"%s\"" : "%.*s:%s",
                 (int)(colon - t), t, colon + 1);
    }
    snprintf(l->text, TEXT, "tag%s(%s, %s)", HOW[l->what], name[0], name[1]);
}

/* ---- events ---- */

static int amount_test(const leaf *l, const w_event *e)
{
    switch (l->test) {
    case 1:
        return e->cents != W_NONE && e->currency == 0 && e->cents >= 1000;
    case 2:
        return e->product == 0;
    case 3:
        return e->qty != W_NONE && e->qty >= 2 && e->qty <= 4;
    case 4:
        return e->product != 0;
    case 5:
        return e->source == 1;
    case 6:
        return e->qty == W_NONE;
    default:
        return 1;
    }
}

static const char *const TEST[] = {"",
                                   ", amount >= 10.00 CNY",
                                   ", product = \"SKU-1\"",
                                   ", qty between 2 and 4",
                                   ", product != \"SKU-1\"",
                                   ", source = erp",
                                   ", qty is empty"};

static int counts(const leaf *l, const w_event *e, int kind)
{
    return !e->voided && (kind < 0 || e->kind == kind) && in_window(l, e->time) &&
           (kind != 0 || amount_test(l, e));
}

/* What of an event the sums are of; W_NONE: nothing. */
static int64_t amount_of(const leaf *l, const w_event *e)
{
    if (l->b)
        return e->qty;
    return e->cents != W_NONE && e->currency == 0 ? e->cents : W_NONE;
}

enum { EXISTS, COUNT, SUM, MIN, MAX, AVG, DISTINCT, FIRST, LAST };

static int aggregate_passes(const leaf *l, const w_customer *c)
{
    int64_t n = 0, sum = 0, min = INT64_MAX, max = INT64_MIN, first = INT64_MAX, last = INT64_MIN;
    unsigned products = 0;

    for (int i = 0; i < c->event_count; i++) {
        const w_event *e = &c->events[i];
        int64_t v = W_NONE;
        if (!counts(l, e, l->kind))
            continue;
        if (l->what >= SUM && l->what <= AVG) {
            v = amount_of(l, e);
            if (v == W_NONE)
                continue;
            sum += v;
            min = v < min ? v : min;
            max = v > max ? v : max;
        }
        if (e->product >= 0)
            products |= 1u << e->product;
        first = e->time < first ? e->time : first;
        last = e->time > last ? e->time : last;
        n++;
    }
    switch (l->what) {
    case EXISTS:
        return n > 0;
    case COUNT:
        return holds(l->cmp, order_of(n, l->n));
    case SUM:
        return holds(l->cmp, order_of(sum, l->n));
    case MIN:
        return n ? holds(l->cmp, order_of(min, l->n)) : l->cmp == 1;
    case MAX:
        return n ? holds(l->cmp, order_of(max, l->n)) : l->cmp == 1;
    case AVG:
        return n ? holds(l->cmp, order_of(sum, l->n * n)) : l->cmp == 1;
    case DISTINCT:
        return holds(l->cmp, order_of(__builtin_popcount(products), l->n));
    case FIRST:
        return n && first < l->m;
    default:
        return n && last < l->m;
    }
}

static void ask_events(world *w, leaf *l)
{
    static const char *const NAME[] = {"event", "count",    "sum",   "min", "max",
                                       "avg",   "distinct", "first", "last"};
    char window[100] = "", part[140] = "", number[40];

    l->passes = aggregate_passes;
    l->what = (int)below(w, 9);
    l->cmp = (int)below(w, 6);
    l->kind = l->what >= SUM && l->what <= DISTINCT ? 0 : (int)below(w, W_KINDS + 1) - 1;
    if (l->what == DISTINCT && below(w, 3) == 0)
        l->kind = 1;
    l->test = l->kind == 0 ? (int)below(w, 7) : 0;
    if (below(w, 3)) {
        any_window(w, l, window, sizeof window);
        snprintf(part, sizeof part, ", %s", window);
    }
    l->b = (int)below(w, 2);
    l->n = (int64_t)below(w, l->what == SUM ? 4000 : l->what >= MIN && l->what <= AVG ? 2000 : 4);
    if (l->what >= SUM && l->what <= AVG && l->b)
        l->n = (int64_t)below(w, 8);
    snprintf(number, sizeof number, "%lld", (long long)l->n);
    if (l->what >= SUM && l->what <= AVG && !l->b)
        snprintf(number, sizeof number, "%lld.%02lld", (long long)l->n / 100,
                 (long long)l->n % 100);
    l->m = W_NOW - (int64_t)below(w, 60) * W_DAY;
    if (l->what == EXISTS)
        snprintf(l->text, TEXT, "event(%s%s%s)", l->kind < 0 ? "*" : W_KIND[l->kind], part,
                 TEST[l->test]);
    else if (l->what == COUNT)
        snprintf(l->text, TEXT, "count(%s%s%s) %s %s", l->kind < 0 ? "*" : W_KIND[l->kind], part,
                 TEST[l->test], CMP[l->cmp], number);
    else if (l->what == FIRST || l->what == LAST)
        snprintf(l->text, TEXT, "%s(%s%s%s) < %s", NAME[l->what],
                 l->kind < 0 ? "*" : W_KIND[l->kind], part, TEST[l->test], w_instant(l->m));
    else
        snprintf(l->text, TEXT, "%s(%s.%s%s%s) %s %s", NAME[l->what], W_KIND[l->kind],
                 l->what == DISTINCT ? "product"
                 : l->b              ? "qty"
                                     : "amount",
                 part, TEST[l->test], CMP[l->cmp], number);
}

static int sequence_passes(const leaf *l, const w_customer *c)
{
    for (int i = 0; i < c->event_count; i++) {
        const w_event *a = &c->events[i];
        int followed = 0;
        if (!counts(l, a, l->kind))
            continue;
        for (int k = 0; k < c->event_count; k++) {
            const w_event *b = &c->events[k];
            if (!b->voided && b->kind == l->then && b->time > a->time &&
                (!l->n || b->time <= w_days_later(a->time, l->n)))
                followed = 1;
        }
        if (followed != l->negated)
            return 1;
    }
    return 0;
}

static void ask_sequence(world *w, leaf *l)
{
    char window[100], part[140] = "", within[40] = "";

    l->passes = sequence_passes;
    l->kind = (int)below(w, W_KINDS);
    l->then = (int)below(w, W_KINDS);
    l->negated = (int)below(w, 2);
    l->n = below(w, 2) ? 1 + (int64_t)below(w, 20) : 0;
    if (below(w, 2)) {
        any_window(w, l, window, sizeof window);
        snprintf(part, sizeof part, ", %s", window);
    }
    if (l->n)
        snprintf(within, sizeof within, " within %lld days", (long long)l->n);
    snprintf(l->text, TEXT, "event(%s%s) %sfollowed by event(%s)%s", W_KIND[l->kind], part,
             l->negated ? "not " : "", W_KIND[l->then], within);
}

/* ---- saved ones ---- */

/* Those of the model. */
static int model_passes(const leaf *l, const w_customer *c)
{
    int low = 0, good;

    for (int i = 0; i < W_TAGS; i++)
        low |= strcmp(W_TAG[i], "value:low") == 0 && w_tagged(c, i);
    good = c->score != W_NONE && c->score >= 7 && !low;
    return l->a ? good || c->score == W_NONE : good;
}

static int saved_passes(const leaf *l, const w_customer *c)
{
    return l->of ? w_passes(l->of, c) : (int)(c->fixed >> l->a & 1);
}

static void ask_saved(world *w, leaf *l)
{
    if (below(w, 3) == 0) {
        l->a = (int)below(w, 2);
        l->passes = model_passes;
        snprintf(l->text, TEXT, "segment(%s)", l->a ? (below(w, 2) ? "重点" : "key") : "good");
        return;
    }
    l->a = (int)below(w, W_SAVED);
    l->of = w->live[l->a];
    if (w->fixed[l->a] && (!l->of || below(w, 2)))
        l->of = NULL;
    else if (!l->of) {
        ask_score(w, l);
        return;
    }
    l->passes = saved_passes;
    snprintf(l->text, TEXT, "segment(\"%s %d\")", l->of ? "live" : "fixed", l->a);
}

/* ---- questions ---- */

static w_question *ask(world *w, int depth, int plain)
{
    static void (*const ASK[])(world *, leaf *) = {
        ask_score,  ask_rate,   ask_joined, ask_birthday, ask_seen, ask_small,
        ask_small,  ask_text,   ask_text,   ask_hobby,    ask_tag,  ask_tag,
        ask_events, ask_events, ask_events, ask_sequence, ask_saved};
    w_question *q = calloc(1, sizeof *q);

    ck_assert_ptr_nonnull(q);
    q->op = depth > 0 ? (int)below(w, 4) : LEAF;
    if (q->op == LEAF) {
        ASK[below(w, sizeof ASK / sizeof *ASK - (plain ? 1 : 0))](w, &q->l);
        return q;
    }
    q->count = q->op == NOT ? 1 : 2 + (int)below(w, CHILDREN - 1);
    for (int i = 0; i < q->count; i++)
        q->child[i] = ask(w, depth - 1, plain);
    return q;
}

w_question *w_ask(world *w, int depth)
{
    return ask(w, depth, 0);
}

w_question *w_ask_plain(world *w, int depth)
{
    return ask(w, depth, 1);
}

void w_print(const w_question *q, char *to, size_t size)
{
    size_t n;

    if (q->op == LEAF) {
        snprintf(to, size, "%s", q->l.text);
        return;
    }
    snprintf(to, size, q->op == NOT ? "not (" : "(");
    for (int i = 0; i < q->count; i++) {
        n = strlen(to);
        w_print(q->child[i], to + n, size - n);
        n = strlen(to);
        snprintf(to + n, size - n, "%s", i + 1 == q->count ? ")" : q->op == AND ? " and " : " or ");
    }
}

int w_passes(const w_question *q, const w_customer *c)
{
    if (q->op == LEAF)
        return q->l.passes(&q->l, c);
    for (int i = 0; i < q->count; i++) {
        if (w_passes(q->child[i], c) != (q->op == AND))
            return q->op == OR;
    }
    return q->op != OR;
}

void w_forget(w_question *q)
{
    for (int i = 0; i < q->count; i++)
        w_forget(q->child[i]);
    free(q);
}
