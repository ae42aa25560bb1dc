/* SPDX-License-Identifier: MIT
 * Numbers against sums over plain structs: random requests over random segments of the world of
 * segment_world.h, in several zones, as stored and as a write transaction sees its own changes.
 * Time is told by the C library's zones, numbers are 128 bits here.
 */
#include "segment_world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef __int128 big;

enum { MEASURES = 3, ITEMS = 60000, CELLS = 6000, KEYS = 8, TEXT = 48 };

static const big ONE = 1000000000000;

static const char *const ZONES[] = {"UTC", "Asia/Shanghai", "America/New_York",
                                    "Australia/Lord_Howe", "Pacific/Kiritimati"};

/* ---- numbers ---- */

static big parse(const char *s)
{
    big v = 0, unit = ONE;
    int minus = *s == '-', fraction = 0;

    for (s += minus; *s; s++) {
        if (*s == '.') {
            fraction = 1;
            continue;
        }
        v = v * 10 + (*s - '0') * ONE;
        if (fraction)
            unit *= 10;
    }
    v = v / (unit / ONE);
    return minus ? -v : v;
}

static void print(big v, int money, char to[TEXT])
{
    char digits[60];
    int n = 0, zeros = 0, scale = 12;
    unsigned __int128 u = v < 0 ? -(unsigned __int128)v : (unsigned __int128)v;

    for (; u || n < 13; u /= 10)
        digits[n++] = (char)('0' + (int)(u % 10));
    while (zeros < 12 && digits[zeros] == '0')
        zeros++;
    if (money && zeros < 12 && zeros > 10)
        zeros = 10;
    if (v < 0)
        *to++ = '-';
    while (n > zeros) {
        if (n == scale && n != zeros)
            *to++ = '.';
        *to++ = digits[--n];
    }
    *to = 0;
}

/* ---- what is asked ---- */

typedef struct measure {
    int op;     /* index of OPS */
    int events; /* 0: of customers */
    int what;   /* customers: index of FIELDS, -1: they are counted; events: 0 they are counted, 1
                   amount, 2 qty, 3 product, 4 product of visits, 5
                   channel */
    int kind;   /* of events, -1: all */
    int64_t from, until;
    int least_qty, source, channel; /* -1: not asked for */
    int percent;
    char text[300];
} measure;

typedef struct grouping {
    int of, unit; /* GROUPS; UNITS */
    int steps;    /* 0: of the width of STEPS */
    big width;
    char text[100];
} grouping;

static const char *const OPS[] = {"count", "sum", "min", "max", "avg", "distinct", "percentile"};
static const char *const FIELDS[] = {"score", "rate", "price", "joined", "seen",
                                     "city",  "nick", "grade", "hobbies"};
static const char *const UNITS[] = {"day", "week", "month", "quarter", "year"};
enum {
    G_GRADE,
    G_COUNTRY,
    G_CITY,
    G_MEMBER,
    G_HOBBIES,
    G_KIND,
    G_REGION,
    G_TAGS,
    G_SCORE,
    G_RATE,
    G_PRICE,
    G_JOINED,
    G_SEEN,
    G_CUSTOMERS, /* of customers up to here */
    G_TIME = G_CUSTOMERS,
    G_SOURCE,
    G_PRODUCT, /* of orders from here on */
    G_CHANNEL,
    G_QTY,
    G_AMOUNT,
    G_ALL
};

typedef struct request {
    measure m[MEASURES];
    int measures, groupings, moving;
    grouping g[2];
    char text[1500];
} request;

static int below(world *w, int n)
{
    return (int)crmtest_below(&w->seed, (uint64_t)n);
}

static void add(char *to, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void add(char *to, size_t size, const char *fmt, ...)
{
    size_t n = strlen(to);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(to + n, size - n, fmt, ap);
    va_end(ap);
}

static int64_t any_time(world *w)
{
    return W_NOW - (int64_t)below(w, 480) * W_DAY / 8;
}

static void any_percent(world *w, measure *m)
{
    static const int P[] = {0, 50, 90, 100, 33};

    m->percent = P[below(w, 5)];
    if (m->percent == 50)
        add(m->text, sizeof m->text, "median ");
    else
        add(m->text, sizeof m->text, "percentile %d ", m->percent);
}

static void of_customers(world *w, measure *m)
{
    if (below(w, 3) == 0) {
        m->what = -1;
        add(m->text, sizeof m->text, "count");
        return;
    }
    m->what = below(w, 9);
    m->op = m->what < 3 ? 1 + below(w, 6) : m->what < 5 ? 2 + below(w, 5) : 5;
    if (m->op == 4 && m->what >= 3)
        m->op = 5;
    if (m->op == 6)
        any_percent(w, m);
    else
        add(m->text, sizeof m->text, "%s", OPS[m->op]);
    add(m->text, sizeof m->text, "(%s)", FIELDS[m->what]);
}

static void of_events(world *w, measure *m, int orders, int bounded)
{
    m->events = 1;
    m->kind = orders ? 0 : below(w, 4) - 1;
    m->what = m->kind == 0 ? below(w, 5) : m->kind == 1 && below(w, 2) ? 4 : 0;
    if (m->kind == 0 && m->what == 4)
        m->what = 5;
    if (m->what) {
        m->op = m->what < 3 ? 1 + below(w, 6) : 5;
        if (m->op == 6)
            any_percent(w, m);
        else
            add(m->text, sizeof m->text, "%s", OPS[m->op]);
        add(m->text, sizeof m->text, "(%s.%s", W_KIND[m->kind],
            m->what == 1   ? "amount"
            : m->what == 2 ? "qty"
            : m->what == 5 ? "channel"
                           : "product");
    } else {
        add(m->text, sizeof m->text, "count(%s", m->kind < 0 ? "*" : W_KIND[m->kind]);
    }
    if (!bounded && below(w, 3) == 0) {
        m->from = any_time(w);
        add(m->text, sizeof m->text, ", since %s", w_instant(m->from));
    } else if (!bounded && below(w, 4) == 0) {
        m->from = any_time(w);
        m->until = m->from + below(w, 20) * W_DAY;
        add(m->text, sizeof m->text, ", between %s and %s", w_instant(m->from),
            w_instant(m->until));
    }
    if (m->kind == 0 && below(w, 4) == 0) {
        m->least_qty = below(w, 4);
        add(m->text, sizeof m->text, ", qty >= %d", m->least_qty);
    }
    if (m->kind == 0 && below(w, 5) == 0) {
        m->channel = below(w, W_CHANNELS);
        add(m->text, sizeof m->text, ", channel = %s", W_CHANNEL[m->channel]);
    }
    if (below(w, 6) == 0) {
        m->source = below(w, W_SOURCES);
        add(m->text, sizeof m->text, ", source = %s", W_SOURCE[m->source]);
    }
    add(m->text, sizeof m->text, ")");
}

/* Of what is cut into steps; NULL: of nothing else. */
static const char *width_of(int of)
{
    switch (of) {
    case G_SCORE:
        return "5";
    case G_RATE:
        return "0.75";
    case G_PRICE:
        return "7.5";
    case G_QTY:
        return "2";
    case G_AMOUNT:
        return "4.2";
    default:
        return NULL;
    }
}

static void any_grouping(world *w, grouping *g, int customers, int orders)
{
    static const char *const TEXTS[] = {"grade",
                                        "country",
                                        "city",
                                        "member",
                                        "hobbies",
                                        "kind",
                                        "region",
                                        "tags",
                                        "score",
                                        "rate",
                                        "price",
                                        "",
                                        "",
                                        "",
                                        "source",
                                        "order.product",
                                        "order.channel",
                                        "order.qty",
                                        "order.amount"};

    g->of = below(w, customers ? G_CUSTOMERS : orders ? G_ALL : G_PRODUCT);
    g->unit = below(w, 5);
    g->text[0] = 0;
    if (g->of == G_TIME)
        add(g->text, sizeof g->text, "%s", UNITS[g->unit]);
    else if (g->of == G_JOINED || g->of == G_SEEN)
        add(g->text, sizeof g->text, "%s(%s)", UNITS[g->unit], g->of == G_SEEN ? "seen" : "joined");
    else
        add(g->text, sizeof g->text, "%s", TEXTS[g->of]);
    g->steps = 0;
    if (!width_of(g->of))
        return;
    g->width = parse(width_of(g->of));
    if (below(w, 2))
        g->steps = 1 + below(w, 12);
    if (g->steps)
        add(g->text, sizeof g->text, " in %d steps", g->steps);
    else
        add(g->text, sizeof g->text, " every %s%s", width_of(g->of),
            g->of == G_AMOUNT ? " CNY" : "");
}

static void any_request(world *w, request *q)
{
    /* 0: customers; 1: events; 2: orders; 3: both, grouped by what customers have */
    int sort = below(w, 4), bounded = (sort == 1 || sort == 2) && below(w, 4) == 0;
    int64_t from = any_time(w), until = W_NOW + W_DAY;

    memset(q, 0, sizeof *q);
    q->measures = 1 + below(w, MEASURES);
    for (int i = 0; i < q->measures; i++) {
        measure *m = &q->m[i];
        m->from = bounded ? from : INT64_MIN;
        m->until = bounded ? until : INT64_MAX;
        m->least_qty = m->source = m->channel = -1;
        if (sort == 0 || (sort == 3 && below(w, 2)))
            of_customers(w, m);
        else
            of_events(w, m, sort == 2, bounded);
        add(q->text, sizeof q->text, "%s%s", i ? ", " : "", m->text);
    }
    q->groupings = below(w, 3);
    for (int i = 0; i < q->groupings; i++) {
        do
            any_grouping(w, &q->g[i], sort == 0 || sort == 3, sort == 2);
        while (i && q->g[0].of == G_TIME && q->g[1].of == G_TIME);
        add(q->text, sizeof q->text, "%s%s", i ? ", " : " by ", q->g[i].text);
    }
    if (bounded)
        add(q->text, sizeof q->text, " between %s and %s", w_instant(from), w_instant(until));
}

/* ---- groups ---- */

static void unit_text(int year, int month, int day, int unit, char to[TEXT])
{
    struct tm t = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = 12};
    time_t at;

    switch (unit) {
    case 4:
        snprintf(to, TEXT, "%04d", year);
        return;
    case 3:
        snprintf(to, TEXT, "%04d-Q%d", year, (month - 1) / 3 + 1);
        return;
    case 2:
        snprintf(to, TEXT, "%04d-%02d", year, month);
        return;
    case 1:
        at = timegm(&t);
        gmtime_r(&at, &t);
        at -= (t.tm_wday + 6) % 7 * 86400;
        gmtime_r(&at, &t);
        strftime(to, TEXT, "%Y-%m-%d", &t);
        return;
    default:
        snprintf(to, TEXT, "%04d-%02d-%02d", year, month, day);
    }
}

static void instant_text(int64_t us, int unit, char to[TEXT])
{
    time_t at = (time_t)(us / 1000000);
    struct tm t;

    localtime_r(&at, &t);
    unit_text(t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, unit, to);
}

/* The number of a customer, or of its event, that a grouping cuts into steps; 0: there is none. */
static int stepped(const grouping *g, const w_customer *c, const w_event *e, big *v)
{
    switch (g->of) {
    case G_SCORE:
        *v = (big)c->score * ONE;
        return c->score != W_NONE;
    case G_RATE:
        *v = c->rate >= 0 ? parse(W_RATE[c->rate]) : 0;
        return c->rate >= 0;
    case G_PRICE:
        *v = (big)c->price * ONE / 100;
        return c->price != W_NONE && c->currency == 0;
    case G_QTY:
        *v = (big)e->qty * ONE;
        return e->qty != W_NONE;
    default:
        *v = (big)e->cents * ONE / 100;
        return e->cents != W_NONE && e->currency == 0;
    }
}

static void step_text(const grouping *g, const w_customer *c, const w_event *e, char to[TEXT])
{
    big v, q;

    if (!stepped(g, c, e, &v))
        return;
    q = v / g->width - (v % g->width < 0);
    print(q * g->width, g->of == G_PRICE || g->of == G_AMOUNT, to);
}

/* Names of the groups that a customer, or its event, is in; none: "" alone. */
static int keys_of(const grouping *g, const w_customer *c, const w_event *e, char keys[][TEXT])
{
    int n = 0;

    keys[0][0] = 0;
    switch (g->of) {
    case G_GRADE:
        snprintf(keys[0], TEXT, "%s", c->grade >= 0 ? W_GRADE[c->grade] : "");
        break;
    case G_COUNTRY:
        snprintf(keys[0], TEXT, "%s", c->country >= 0 ? W_COUNTRY[c->country] : "");
        break;
    case G_CITY:
        snprintf(keys[0], TEXT, "%s", c->city < 0 ? "" : c->city == 5 ? "a\"b" : W_CITY[c->city]);
        break;
    case G_MEMBER:
        snprintf(keys[0], TEXT, "%s", c->member < 0 ? "" : c->member ? "true" : "false");
        break;
    case G_HOBBIES:
        for (int i = 0, twice; i < c->hobby_count; i++) {
            twice = 0;
            for (int k = 0; k < i; k++)
                twice |= c->hobbies[k] == c->hobbies[i];
            if (!twice)
                snprintf(keys[n++], TEXT, "%s", W_HOBBY[c->hobbies[i]]);
        }
        break;
    case G_KIND:
        snprintf(keys[0], TEXT, "%s", c->organisation ? "organisation" : "person");
        break;
    case G_REGION:
    case G_TAGS:
        for (int i = 0; i < W_TAGS; i++) {
            if (w_tagged(c, i) && (g->of == G_TAGS || strncmp(W_TAG[i], "region:", 7) == 0))
                snprintf(keys[n++], TEXT, "%s", W_TAG[i]);
        }
        break;
    case G_JOINED:
        if (c->joined >= 0) {
            int p = W_DATE_PACKED[c->joined], month = p >> 5 & 15, day = p & 31;
            if ((day || g->unit > 1) && (month || g->unit == 4))
                unit_text(p >> 9, month, day, g->unit, keys[0]);
        }
        break;
    case G_SEEN:
        if (c->seen != W_NONE)
            instant_text(c->seen, g->unit, keys[0]);
        break;
    case G_TIME:
        instant_text(e->time, g->unit, keys[0]);
        break;
    case G_SOURCE:
        snprintf(keys[0], TEXT, "%s", e->source >= 0 ? W_SOURCE[e->source] : "");
        break;
    case G_PRODUCT:
        snprintf(keys[0], TEXT, "%s", e->product >= 0 ? W_PRODUCT[e->product] : "");
        break;
    case G_CHANNEL:
        snprintf(keys[0], TEXT, "%s", e->channel >= 0 ? W_CHANNEL[e->channel] : "");
        break;
    default:
        step_text(g, c, e, keys[0]);
    }
    return n ? n : 1;
}

/* ---- adding up ---- */

typedef struct item {
    int cell;
    big number;
} item;

typedef struct cell {
    char key[2][TEXT];
    int currency, measure; /* currency -1: none */
} cell;

static struct {
    item items[ITEMS];
    cell cells[CELLS];
    int item_count, cell_count;
} found;

static int cell_of(const char *a, const char *b, int currency, int m)
{
    cell *c;

    for (int i = 0; i < found.cell_count; i++) {
        c = &found.cells[i];
        if (c->currency == currency && c->measure == m && strcmp(c->key[0], a) == 0 &&
            strcmp(c->key[1], b) == 0)
            return i;
    }
    ck_assert_int_lt(found.cell_count, CELLS);
    c = &found.cells[found.cell_count];
    memcpy(c->key[0], a, TEXT);
    memcpy(c->key[1], b, TEXT);
    c->currency = currency;
    c->measure = m;
    return found.cell_count++;
}

static void put(const request *q, int m, const w_customer *c, const w_event *e, big number,
                int currency)
{
    char a[W_TAGS][TEXT] = {""}, b[W_TAGS][TEXT] = {""};
    int na = q->groupings > 0 ? keys_of(&q->g[0], c, e, a) : 1;
    int nb = q->groupings > 1 ? keys_of(&q->g[1], c, e, b) : 1;

    for (int i = 0; i < na; i++) {
        for (int j = 0; j < nb; j++) {
            ck_assert_int_lt(found.item_count, ITEMS);
            found.items[found.item_count].cell = cell_of(a[i], b[j], currency, m);
            found.items[found.item_count++].number = number;
        }
    }
}

static void put_customer(const request *q, int m, const w_customer *c)
{
    switch (q->m[m].what) {
    case -1:
        put(q, m, c, NULL, 0, -1);
        break;
    case 0:
        if (c->score != W_NONE)
            put(q, m, c, NULL, (big)c->score * ONE, -1);
        break;
    case 1:
        if (c->rate >= 0)
            put(q, m, c, NULL, parse(W_RATE[c->rate]), -1);
        break;
    case 2:
        if (c->price != W_NONE)
            put(q, m, c, NULL, (big)c->price * ONE / 100, c->currency);
        break;
    case 3:
        if (c->joined >= 0)
            put(q, m, c, NULL, W_DATE_PACKED[c->joined], -1);
        break;
    case 4:
        if (c->seen != W_NONE)
            put(q, m, c, NULL, c->seen, -1);
        break;
    case 5:
    case 6:
    case 7: {
        int v = q->m[m].what == 5 ? c->city : q->m[m].what == 6 ? c->nick : c->grade;
        if (v >= 0)
            put(q, m, c, NULL, v, -1);
        break;
    }
    default:
        for (int i = 0; i < c->hobby_count; i++)
            put(q, m, c, NULL, c->hobbies[i], -1);
    }
}

static int is_measured(const measure *m, const w_event *e)
{
    return !e->voided && (m->kind < 0 || e->kind == m->kind) && e->time >= m->from &&
           e->time < m->until && (m->source < 0 || e->source == m->source) &&
           (m->channel < 0 || e->channel == m->channel) &&
           (m->least_qty < 0 || (e->qty != W_NONE && e->qty >= m->least_qty));
}

static void put_events(const request *q, int i, const w_customer *c)
{
    const measure *m = &q->m[i];

    for (int k = 0; k < c->event_count; k++) {
        const w_event *e = &c->events[k];
        if (!is_measured(m, e))
            continue;
        if (m->what == 0)
            put(q, i, c, e, 0, -1);
        else if (m->what == 1 && e->cents != W_NONE)
            put(q, i, c, e, (big)e->cents * ONE / 100, e->currency);
        else if (m->what == 2 && e->qty != W_NONE)
            put(q, i, c, e, (big)e->qty * ONE, -1);
        else if (m->what == 5 && e->channel >= 0)
            put(q, i, c, e, e->channel, -1);
        else if ((m->what == 3 || m->what == 4) && e->product >= 0)
            put(q, i, c, e, e->product, -1);
    }
}

/* ---- steps of about a width ---- */

typedef struct span {
    int any;
    big least, most;
} span;

static void widen(span *s, const grouping *g, const w_customer *c, const w_event *e)
{
    big v;

    if (!stepped(g, c, e, &v))
        return;
    s->least = !s->any || v < s->least ? v : s->least;
    s->most = !s->any || v > s->most ? v : s->most;
    s->any = 1;
}

/* The least of 1, 2 and 5 with zeros of which so many reach from the least to the greatest. */
static big round_width(const span *s, int steps, int whole)
{
    big need = s->any ? (s->most - s->least) / steps : 0;

    for (big unit = whole ? ONE : 1;; unit *= 10) {
        if (unit >= need)
            return unit;
        if (unit * 2 >= need)
            return unit * 2;
        if (unit * 5 >= need)
            return unit * 5;
    }
}

/* Widths of the groupings that ask for a number of steps: by all the customers in the segment, or
 * by all the events that any measure counts. */
static void set_widths(const world *w, const w_question *who, request *q)
{
    for (int k = 0; k < q->groupings; k++) {
        grouping *g = &q->g[k];
        span s = {0, 0, 0};
        for (int i = 0; i < w->count && g->steps; i++) {
            const w_customer *c = &w->c[i];
            if (c->deleted || (who && !w_passes(who, c)))
                continue;
            if (g->of < G_CUSTOMERS)
                widen(&s, g, c, NULL);
            for (int j = 0; j < q->measures * c->event_count && g->of >= G_CUSTOMERS; j++) {
                const w_event *e = &c->events[j / q->measures];
                if (is_measured(&q->m[j % q->measures], e))
                    widen(&s, g, c, e);
            }
        }
        if (g->steps)
            g->width = round_width(&s, g->steps, g->of == G_SCORE || g->of == G_QTY);
    }
}

/* ---- the answer ---- */

static int by_big(const void *a, const void *b)
{
    big x, y;

    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x < y ? -1 : x > y;
}

static void value_text(const measure *m, big v, char to[TEXT])
{
    int p = (int)v;

    if (!m->events && m->what == 4) {
        const char *instant = w_instant((int64_t)v), *point = strchr(instant, '.');
        int us = (int)((int64_t)v % 1000000), digits = !us ? 0 : us % 1000 ? 7 : 4;
        snprintf(to, TEXT, "%.*sZ", (int)(point - instant) + digits, instant);
    } else if (!m->events && m->what == 3)
        snprintf(to, TEXT,
                 p & 31        ? "%04d-%02d-%02d"
                 : p >> 5 & 15 ? "%04d-%02d"
                               : "%04d",
                 p >> 9, p >> 5 & 15, p & 31);
    else
        print(v, m->events ? m->what == 1 : m->what == 2, to);
}

/* The number of a cell as text; "-": none. */
static void answer(const measure *m, int at, char to[TEXT])
{
    static big numbers[ITEMS];
    int n = 0, distinct = 0;
    big sum = 0, q;

    for (int i = 0; i < found.item_count; i++) {
        if (found.items[i].cell == at) {
            numbers[n++] = found.items[i].number;
            sum += found.items[i].number;
        }
    }
    if (n)
        qsort(numbers, (size_t)n, sizeof *numbers, by_big);
    for (int i = 0; i < n; i++)
        distinct += !i || numbers[i] != numbers[i - 1];
    snprintf(to, TEXT, "-");
    switch (m->op) {
    case 0:
        snprintf(to, TEXT, "%d", n);
        return;
    case 1:
        value_text(m, sum, to);
        return;
    case 5:
        snprintf(to, TEXT, "%d", distinct);
        return;
    case 4:
        if (!n)
            return;
        q = sum * 2 / (n * (ONE / 1000000));
        q = q < 0 ? (q - 1) / 2 : (q + 1) / 2;
        value_text(m, q * (ONE / 1000000), to);
        return;
    default:
        if (!n)
            return;
        value_text(m,
                   m->op == 2   ? numbers[0]
                   : m->op == 3 ? numbers[n - 1]
                                : numbers[m->percent == 0 ? 0 : (n * m->percent + 99) / 100 - 1],
                   to);
    }
}

static int is_money(const measure *m)
{
    return m->events ? m->what == 1 : m->what == 2;
}

static int find_cell(const char *a, const char *b, int currency, int m)
{
    for (int i = 0; i < found.cell_count; i++) {
        const cell *c = &found.cells[i];
        if (c->currency == currency && c->measure == m && strcmp(c->key[0], a) == 0 &&
            strcmp(c->key[1], b) == 0)
            return i;
    }
    return -1;
}

/* Bits of the currencies that a group has amounts in; a NULL: of all groups. */
static int currencies_of(const char *a, const char *b)
{
    int bits = 0;

    for (int i = 0; i < found.cell_count; i++) {
        const cell *c = &found.cells[i];
        if (c->currency >= 0 && (!a || (strcmp(c->key[0], a) == 0 && strcmp(c->key[1], b) == 0)))
            bits |= 1 << c->currency;
    }
    return bits;
}

static int seen_before(const char *const *seen, int n, const char *a, const char *b)
{
    for (int i = 0; i < n; i++) {
        if (strcmp(seen[2 * i], a) == 0 && strcmp(seen[2 * i + 1], b) == 0)
            return 1;
    }
    return 0;
}

static int currency_at(const crm_numbers *t, size_t row)
{
    const char *text = crm_numbers_currency(t, row);

    for (int i = 0; i < W_CURRENCIES; i++) {
        if (strcmp(text, W_CURRENCY[i]) == 0)
            return i;
    }
    ck_assert_str_eq(text, "");
    return -1;
}

static void group_texts(const crm_numbers *t, size_t row, const request *q, const char *keys[2])
{
    keys[0] = keys[1] = "";
    for (int k = 0; k < q->groupings; k++) {
        crm_number_group g;
        OK(crm_numbers_group(t, row, (size_t)k, &g, &er));
        ck_assert_int_eq(g.kind == CRM_GROUP_NONE, g.text[0] == 0);
        keys[k] = g.text;
    }
}

/* Checks one row; 1 when something was found in it. */
static int check_row(const request *q, const crm_numbers *t, size_t row, int all)
{
    const char *keys[2];
    int currency = currency_at(t, row), bits, first, any = 0;

    group_texts(t, row, q, keys);
    bits = currencies_of(keys[0], keys[1]);
    first = currency < 0 || (all & (all - 1)) == 0 || !(bits & ((1 << currency) - 1));
    for (int m = 0; m < q->measures; m++) {
        int money = is_money(&q->m[m]);
        int at = find_cell(keys[0], keys[1], money ? currency : -1, m);
        crm_number_value v;
        char want[TEXT];
        OK(crm_numbers_value(t, row, (size_t)m, &v, &er));
        any |= at >= 0;
        answer(&q->m[m], at, want);
        if (!money && !first)
            snprintf(want, sizeof want, "-");
        ck_assert_msg(strcmp(v.text ? v.text : "-", want) == 0,
                      "%s: row %zu (%s, %s, %s): number %d is %s, should be %s", q->text, row,
                      keys[0], keys[1], crm_numbers_currency(t, row), m, v.text ? v.text : "-",
                      want);
    }
    return any;
}

/* How many rows there should be in which something is found. */
static int rows_wanted(int all)
{
    static const char *seen[2 * CELLS];
    int n = 0, rows = 0;

    for (int i = 0; i < found.cell_count; i++) {
        const cell *c = &found.cells[i];
        int bits;
        if (seen_before(seen, n, c->key[0], c->key[1]))
            continue;
        seen[2 * n] = c->key[0];
        seen[2 * n++ + 1] = c->key[1];
        bits = currencies_of(c->key[0], c->key[1]);
        rows += (all & (all - 1)) == 0 || !(bits & (bits - 1)) ? 1 : 2;
    }
    return rows;
}

static crm_numbers *ask(crm_txn *txn, crm_segment *s, const char *text)
{
    crm_numbers *t, *again;
    char *a, *b;
    int rc = crm_numbers_ask(txn, s, text, CRM_NUL, NULL, &t, &er);

    ck_assert_msg(rc == CRM_OK, "%s: %s", text, er.message);
    OK(crm_numbers_ask(txn, s, crm_numbers_text(t), CRM_NUL, NULL, &again, &er));
    OK(crm_numbers_csv(t, &a, NULL, &er));
    OK(crm_numbers_csv(again, &b, NULL, &er));
    ck_assert_str_eq(a, b); /* the canonical text is the same request */
    crm_free(a);
    crm_free(b);
    crm_numbers_free(again);
    return t;
}

static void compare(world *w, crm_txn *txn, const w_question *who, request *q)
{
    static char text[8000];
    crm_segment *s;
    crm_numbers *t;
    size_t rows, groups, values;
    int any = 0, all;

    snprintf(text, sizeof text, "all");
    if (who)
        w_print(who, text, sizeof text);
    OK(crm_segment_parse(txn, text, CRM_NUL, &s, &er));
    found.item_count = found.cell_count = 0;
    set_widths(w, who, q);
    for (int i = 0; i < w->count; i++) {
        if (w->c[i].deleted || (who && !w_passes(who, &w->c[i])))
            continue;
        for (int m = 0; m < q->measures; m++) {
            if (q->m[m].events)
                put_events(q, m, &w->c[i]);
            else
                put_customer(q, m, &w->c[i]);
        }
    }
    t = ask(txn, s, q->text);
    crm_numbers_size(t, &rows, &groups, &values);
    ck_assert_int_eq((int)groups, q->groupings);
    ck_assert_int_eq((int)values, q->measures);
    all = currencies_of(NULL, NULL);
    for (size_t row = 0; row < rows; row++)
        any += check_row(q, t, row, all);
    ck_assert_msg(any == rows_wanted(all), "%s of %s: %d rows, should be %d", q->text, text, any,
                  rows_wanted(all));
    crm_numbers_free(t);
    crm_segment_free(s);
}

static crm_txn *begin_in(world *w, int mode, const char *zone)
{
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    crm_txn *txn;

    o.now_us = W_NOW;
    o.zone = zone;
    OK(crm_txn_begin(w->db, mode, &o, &txn, &er));
    setenv("TZ", zone, 1);
    tzset();
    return txn;
}

/* The questions of the world are answered in UTC. */
static void ask_some(world *w, crm_txn *txn, int n, int utc)
{
    for (int i = 0; i < n; i++) {
        static request q;
        w_question *who = utc && below(w, 3) ? w_ask(w, below(w, 2)) : NULL;
        any_request(w, &q);
        compare(w, txn, who, &q);
        if (who)
            w_forget(who);
    }
}

CRM_TEST(test_api_number_oracle__stored)
{
    static world w;
    size_t rounds = crmtest_rounds(6, 100);

    w.seed = crmtest_seed() ^ 0xa66;
    w_open(&w);
    for (size_t r = 0; r < rounds; r++) {
        crm_txn *txn = w_begin(&w, CRM_WRITE);
        for (int i = 0; i < 200; i++)
            w_change(&w, txn);
        api_commit(txn);
        txn = begin_in(&w, CRM_READ, ZONES[r % 5]);
        ask_some(&w, txn, 60, r % 5 == 0);
        crm_txn_abort(txn);
    }
    setenv("TZ", "UTC", 1);
    tzset();
    w_close(&w);
}

CRM_TEST(test_api_number_oracle__while_writing)
{
    static world w;
    size_t rounds = crmtest_rounds(8, 100);

    w.seed = crmtest_seed() ^ 0xb77;
    w_open(&w);
    for (size_t r = 0; r < rounds; r++) {
        crm_txn *txn = begin_in(&w, CRM_WRITE, ZONES[r % 5]);
        crm_savepoint mark;
        for (int i = 0; i < 60; i++) {
            w_change(&w, txn);
            if (i == 30 && r % 2)
                OK(crm_txn_savepoint(txn, &mark, &er));
            if (i % 12 == 11)
                ask_some(&w, txn, 6, r % 5 == 0);
        }
        api_commit(txn);
    }
    setenv("TZ", "UTC", 1);
    tzset();
    w_close(&w);
}

/* ---- two segments, or one at two moments ---- */

static crm_segment *segment_of(crm_txn *txn, const w_question *q, char *text, size_t size)
{
    crm_segment *s;
    int rc;

    w_print(q, text, size);
    rc = crm_segment_parse(txn, text, CRM_NUL, &s, &er);
    ck_assert_msg(rc == CRM_OK, "%s: %s", text, er.message);
    return s;
}

/* Who is in it at a moment: 0 is that of the transaction. */
static void judge(const world *w, const w_question *q, int64_t at, uint8_t in[W_CUSTOMERS])
{
    int64_t now = w_at.now;

    if (at)
        w_clock_set(at, w_at.zone);
    for (int i = 0; i < w->count; i++)
        in[i] = !w->c[i].deleted && w_passes(q, &w->c[i]);
    if (at)
        w_clock_set(now, w_at.zone);
}

static void compare_two(world *w, crm_txn *txn)
{
    static char text[2][8000];
    uint8_t in[2][W_CUSTOMERS];
    crm_compare_options o = CRM_COMPARE_OPTIONS_INIT;
    crm_comparison got, want = {0, 0, 0};
    int same = below(w, 3) == 0;
    w_question *q[2] = {w_ask(w, below(w, 3)), same ? NULL : w_ask(w, below(w, 3))};
    crm_segment *s[2];

    if (same || below(w, 2))
        o.left_now_us = w_instant_any(&w->seed);
    if (below(w, 2))
        o.right_now_us = w_instant_any(&w->seed);
    judge(w, q[0], o.left_now_us, in[0]);
    judge(w, q[!same], o.right_now_us, in[1]);
    for (int i = 0; i < w->count; i++) {
        want.both += in[0][i] && in[1][i];
        want.left += in[0][i] && !in[1][i];
        want.right += !in[0][i] && in[1][i];
    }
    s[0] = segment_of(txn, q[0], text[0], sizeof text[0]);
    s[1] = segment_of(txn, q[!same], text[1], sizeof text[1]);
    OK(crm_segment_compare(txn, s[0], s[1], &o, &got, &er));
    ck_assert_msg(got.both == want.both && got.left == want.left && got.right == want.right,
                  "%s at %lld, %s at %lld, now %lld in %s: %d %d %d, should be %d %d %d", text[0],
                  (long long)o.left_now_us, text[1], (long long)o.right_now_us, (long long)w_at.now,
                  w_at.zone, (int)got.both, (int)got.left, (int)got.right, (int)want.both,
                  (int)want.left, (int)want.right);
    for (int i = 0; i < 2; i++) {
        crm_segment_free(s[i]);
        if (q[i])
            w_forget(q[i]);
    }
}

CRM_TEST(test_api_number_oracle__two_segments)
{
    static world w;
    size_t rounds = crmtest_rounds(16, 200);

    w.seed = crmtest_seed() ^ 0xc88;
    w.varied = 1;
    w_open(&w);
    for (size_t r = 0; r < rounds; r++) {
        crm_txn *txn = w_begin(&w, CRM_WRITE);
        for (int i = 0; i < 100; i++)
            w_change(&w, txn);
        if (r % 2) {
            for (int i = 0; i < 15; i++) /* with its own changes */
                compare_two(&w, txn);
        }
        api_commit(txn);
        txn = w_begin(&w, CRM_READ);
        for (int i = 0; i < 30; i++)
            compare_two(&w, txn);
        crm_txn_abort(txn);
    }
    w_close(&w);
}
