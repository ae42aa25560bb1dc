/* SPDX-License-Identifier: MIT
 * The customers of the questions: see segment_world.h.
 */
#include "segment_world.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

const char *const W_RATE[] = {"0.5", "1.25", "-3", "1.250001", "100000000000", "7"};
const double W_RATE_VALUE[] = {0.5, 1.25, -3, 1.250001, 100000000000, 7};
const char *const W_DATE[] = {"1990",       "1990-05",    "1990-05-17", "2000-02-29",
                              "2026-02-02", "2026-02-28", "1985-12-31"};
#define PACK(y, m, d) ((y)*512 + (m)*32 + (d))
const int W_DATE_PACKED[] = {PACK(1990, 0, 0),  PACK(1990, 5, 0), PACK(1990, 5, 17),
                             PACK(2000, 2, 29), PACK(2026, 2, 2), PACK(2026, 2, 28),
                             PACK(1985, 12, 31)};
const char *const W_CITY[] = {"上海", "上饶", "Berlin", "Bern", "new york", "a\\\"b"};
const char *const W_COUNTRY[] = {"CN", "DE", "US"};
const char *const W_GRADE[] = {"a", "b", "c"};
const char *const W_HOBBY[] = {"golf", "chess", "茶", "tea time", "go"};
const char *const W_CURRENCY[] = {"CNY", "USD"};
const char *const W_PRODUCT[] = {"SKU-1", "SKU-2", "茶叶", "SKU-10"};
const char *const W_KIND[] = {"order", "visit", "call"};
const char *const W_SOURCE[] = {"shop", "erp"};
const char *const W_CHANNEL[] = {"store", "web", "phone"};
/* The first of a customer's dimension `value` counts only: it has one. */
const char *const W_TAG[] = {
    "region:cn",       "region:cn/east",  "region:cn/east/shanghai",
    "region:cn/north", "region:us",       "region:cn-east",
    "value:high",      "value:low",       "value:mid",
    "interest:茶",     "interest:golf",   "interest:a b",
    "interest:x",      "interest:golf-2",
};

/* What may vary, by numbers: the first of each is what it is when nothing does. */
static const char *const INDEX[][4] = {
    {"", ", index: false", ", index: [sort]", ""}, /* numbers, enums */
    {", index: values", "", ", index: [values, sort]", ", index: [contains, values]"},
    {"", ", index: [contains]", ", index: [sort]", ", index: [values, sort, contains]"},
    {", index: [contains, sort]", "", ", index: [contains]", ", index: values"},
    {", index: values", "", ", index: [contains]", ", index: [values, contains]"},
};
static const char *const FAST[] = {", fast: true", ""};

static const char MODEL[] =
    "crm: 1\n"
    "name: questions\n"
    "currency: CNY\n"
    "fields:\n"
    "  name: {type: text, label: {zh: 姓名}}\n"
    "  score: {type: integer%s, label: {zh: 评分}}\n"
    "  rate: {type: decimal%s}\n"
    "  joined: {type: date%s}\n"
    "  seen: {type: datetime%s}\n"
    "  member: {type: boolean%s}\n"
    "  grade: {type: enum%s, values: {a: {zh: 甲}, b: {zh: 乙}, c: {zh: 丙}}}\n"
    "  country: {type: country%s}\n"
    "  city: {type: text%s}\n"
    "  nick: {type: text%s}\n"
    "  alias: {type: text%s}\n"
    "  price: {type: money%s}\n"
    "  hobbies: {type: text, list: true%s}\n"
    "tags:\n"
    "  region: {hierarchical: true, label: {zh: 地域}}\n"
    "  value: {one: true}\n"
    "  interest: {expires: true}\n"
    "events:\n"
    "  order:\n"
    "    attributes:\n"
    "      amount: {type: money%s}\n"
    "      product: {type: text%s}\n"
    "      qty: {type: integer%s}\n"
    "      channel: {type: enum, values: [store, web, phone]%s}\n"
    "  visit:\n"
    "    attributes: {product: {type: text%s}}\n"
    "  call:\n"
    "segments:\n"
    "  good: score >= 7 and not tag(value:low)\n"
    "  重点: {label: {en: key}, query: segment(good) or 评分 is empty}\n";

static uint64_t below(world *w, uint64_t n)
{
    return crmtest_below(&w->seed, n);
}

crm_txn *w_begin(world *w, int mode)
{
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    crm_txn *txn;

    if (w->varied)
        w_clock_any(&w->seed);
    o.now_us = w_at.now;
    o.zone = w_at.zone;
    OK(crm_txn_begin(w->db, mode, &o, &txn, &er));
    return txn;
}

static const char *index_of(world *w, int kind)
{
    int some = kind ? 4 : 2;

    return INDEX[kind][w->varied ? below(w, (uint64_t)some) : 0];
}

static const char *fast(world *w, int plain)
{
    return FAST[w->varied ? (int)below(w, 2) : plain];
}

static const char *model_of(world *w)
{
    static const int KIND[] = {0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 0, 4};
    static char text[sizeof MODEL + 1000];
    const char *x[17];

    for (int i = 0; i < 12; i++)
        x[i] = index_of(w, KIND[i]);
    for (int i = 12; i < 17; i++)
        x[i] = fast(w, i == 16);
    snprintf(text, sizeof text, MODEL, x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7], x[8], x[9],
             x[10], x[11], x[12], x[13], x[14], x[15], x[16]);
    return text;
}

void w_remodel(world *w)
{
    crm_txn *txn = w_begin(w, CRM_WRITE);
    const char *model = model_of(w);
    int rc = crm_model_apply(txn, model, CRM_NUL, CRM_FORCE, NULL, NULL, &er);

    ck_assert_msg(rc == CRM_OK || rc == CRM_DONE, "%s: %s", model, er.message);
    api_commit(txn);
}

const char *w_instant(int64_t us)
{
    static char text[4][40];
    static int at;
    time_t seconds = (time_t)(us / 1000000);
    struct tm t;
    char *to = text[at++ % 4];
    size_t n;

    gmtime_r(&seconds, &t);
    n = strftime(to, 40, "%Y-%m-%dT%H:%M:%S", &t);
    snprintf(to + n, 40 - n, ".%06dZ", (int)(us % 1000000));
    return to;
}

void w_open(world *w)
{
    uint64_t seed = w->seed;
    int varied = w->varied;

    memset(w, 0, sizeof *w);
    w->seed = seed;
    w->varied = varied;
    w_clock_set(W_NOW, "UTC");
    w->db = api_open_model(model_of(w));
}

void w_close(world *w)
{
    for (int i = 0; i < W_SAVED; i++) {
        if (w->live[i])
            w_forget(w->live[i]);
    }
    crm_db_close(w->db);
    w_clock_set(W_NOW, "UTC");
}

/* ---- one customer ---- */

static void any_values(world *w, w_customer *c)
{
    c->organisation = below(w, 5) == 0;
    c->score = below(w, 4) ? (int64_t)below(w, 21) - 3 : W_NONE;
    if (below(w, 40) == 0)
        c->score = below(w, 2) ? INT64_C(900000000000000000) : INT64_C(-900000000000000000);
    c->rate = below(w, 4) ? (int)below(w, W_RATES) : -1;
    c->joined = below(w, 4) ? (int)below(w, W_DATES) : -1;
    c->seen = below(w, 4) ? W_NOW - (int64_t)below(w, 100) * W_DAY / 4 : W_NONE;
    if (c->seen != W_NONE && below(w, 10) == 0)
        c->seen += (int64_t)below(w, 1000000);
    if (c->seen != W_NONE && w->varied && below(w, 2))
        c->seen = w_instant_any(&w->seed);
    c->member = (int)below(w, 3) - 1;
    c->grade = (int)below(w, W_GRADES + 1) - 1;
    c->country = (int)below(w, W_COUNTRIES + 1) - 1;
    c->city = (int)below(w, W_CITIES + 1) - 1;
    c->nick = (int)below(w, W_CITIES + 1) - 1;
    c->price = below(w, 4) ? (int64_t)below(w, 4000) : W_NONE;
    c->currency = (int)below(w, W_CURRENCIES);
    c->hobby_count = (int)below(w, W_HOBBIES + 1);
    for (int i = 0; i < c->hobby_count; i++)
        c->hobbies[i] = (int)((below(w, 2) + (uint64_t)i * 2) % W_HOBBY_KINDS);
}

static void put(char **at, char *end, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void put(char **at, char *end, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(*at, (size_t)(end - *at), fmt, ap);
    va_end(ap);
    ck_assert_int_lt(n, end - *at);
    *at += n;
}

/* As a document for replace or create: what is not there is empty. */
static void document(const w_customer *c, char *to, size_t size)
{
    char *at = to, *end = to + size;

    put(&at, end, "{\"kind\":\"%s\",\"name\":\"n\"", c->organisation ? "organisation" : "person");
    if (c->score != W_NONE)
        put(&at, end, ",\"score\":%lld", (long long)c->score);
    if (c->rate >= 0)
        put(&at, end, ",\"rate\":\"%s\"", W_RATE[c->rate]);
    if (c->joined >= 0)
        put(&at, end, ",\"joined\":\"%s\"", W_DATE[c->joined]);
    if (c->seen != W_NONE)
        put(&at, end, ",\"seen\":\"%s\"", w_instant(c->seen));
    if (c->member >= 0)
        put(&at, end, ",\"member\":%s", c->member ? "true" : "false");
    if (c->grade >= 0)
        put(&at, end, ",\"grade\":\"%s\"", W_GRADE[c->grade]);
    if (c->country >= 0)
        put(&at, end, ",\"country\":\"%s\"", W_COUNTRY[c->country]);
    if (c->city >= 0)
        put(&at, end, ",\"city\":\"%s\"", W_CITY[c->city]);
    if (c->nick >= 0)
        put(&at, end, ",\"nick\":\"%s\",\"alias\":\"%s\"", W_CITY[c->nick], W_CITY[c->nick]);
    if (c->price != W_NONE)
        put(&at, end, ",\"price\":{\"amount\":\"%lld.%02lld\",\"currency\":\"%s\"}",
            (long long)c->price / 100, (long long)c->price % 100, W_CURRENCY[c->currency]);
    for (int i = 0; i < c->hobby_count; i++)
        put(&at, end, "%s\"%s\"", i ? "," : ",\"hobbies\":[", W_HOBBY[c->hobbies[i]]);
    put(&at, end, c->hobby_count ? "]}" : "}");
}

/* ---- changes ---- */

uint32_t w_values(void)
{
    uint32_t bits = 0;

    for (int i = 0; i < W_TAGS; i++)
        bits |= strncmp(W_TAG[i], "value:", 6) == 0 ? 1u << i : 0;
    return bits;
}

int w_ends(int tag)
{
    return strncmp(W_TAG[tag], "interest:", 9) == 0;
}

int w_tagged(const w_customer *c, int tag)
{
    return (c->tags >> tag & 1) && (!c->until[tag] || c->until[tag] > w_at.now);
}

static void change_tag(world *w, crm_txn *txn, w_customer *c)
{
    int rc, tag = (int)below(w, W_TAGS), one = strncmp(W_TAG[tag], "value:", 6) == 0;
    crm_tag_options o = CRM_TAG_OPTIONS_INIT;

    if (c->deleted)
        return;
    if (w_ends(tag) && below(w, 2))
        o.until_us = w_at.now + ((int64_t)below(w, 9) - 4) * W_DAY;
    if (below(w, 3)) {
        if (one)
            c->tags &= ~w_values();
        rc = crm_tag_add(txn, c->id, W_TAG[tag], &o, &er);
        if (o.until_us || !(c->tags >> tag & 1) || c->until[tag] <= w_at.now)
            c->until[tag] = o.until_us; /* else it keeps its end */
        c->tags |= 1u << tag;
    } else {
        rc = crm_tag_remove(txn, c->id, W_TAG[tag], &er);
        c->tags &= ~(1u << tag);
    }
    ck_assert_msg(rc == CRM_OK || rc == CRM_DONE, "%s: %s", W_TAG[tag], er.message);
}

/* Saves a question under one of few names, as it is now or as it will be. */
static void save(world *w, crm_txn *txn)
{
    int fixed = (int)below(w, 2), i = (int)below(w, W_SAVED);
    w_question *q = w_ask_plain(w, 1);
    char text[2000], name[20];
    crm_segment *s;
    int rc;

    w_print(q, text, sizeof text);
    snprintf(name, sizeof name, fixed ? "fixed %d" : "live %d", i);
    OK(crm_segment_parse(txn, text, CRM_NUL, &s, &er));
    rc =
        crm_segment_save(txn, name, s, CRM_SEGMENT_REPLACE | (fixed ? CRM_SEGMENT_STATIC : 0), &er);
    ck_assert_msg(rc == CRM_OK || rc == CRM_DONE, "%s: %s", text, er.message);
    crm_segment_free(s);
    for (int k = 0; k < w->count && fixed; k++) {
        int in = !w->c[k].deleted && w_passes(q, &w->c[k]);
        w->c[k].fixed = (w->c[k].fixed & ~(1u << i)) | (uint32_t)in << i;
    }
    if (fixed) {
        w->fixed[i] = 1;
        w_forget(q);
        return;
    }
    if (w->live[i])
        w_forget(w->live[i]);
    w->live[i] = q;
}

static void add_event(world *w, crm_txn *txn, w_customer *c)
{
    w_event *e = &c->events[c->event_count];
    char text[400], *at = text, *end = text + sizeof text;

    if (c->deleted || c->event_count == W_EVENTS)
        return;
    *e = (w_event){(int)below(w, W_KINDS), 0, W_NONE, 0, W_NONE, -1, -1, -1, 0, 0};
    e->time = W_NOW - (int64_t)below(w, 480) * W_DAY / 8 + (below(w, 9) ? 0 : 4 * W_DAY);
    if (below(w, 12) == 0)
        e->time = W_NOW - 30 * W_DAY + (int64_t)below(w, 3) - 1; /* at the edge of a window */
    if (w->varied && below(w, 2))
        e->time = w_instant_any(&w->seed);
    e->source = (int)below(w, W_SOURCES + 1) - 1;
    put(&at, end, "{\"kind\":\"%s\",\"time\":\"%s\"", W_KIND[e->kind], w_instant(e->time));
    if (e->source >= 0)
        put(&at, end, ",\"source\":\"%s\"", W_SOURCE[e->source]);
    if (e->kind == 0 && below(w, 4)) {
        e->cents = (int64_t)below(w, 3000) - 100;
        e->currency = below(w, 4) == 0;
        put(&at, end, ",\"amount\":{\"amount\":\"%s%lld.%02lld\",\"currency\":\"%s\"}",
            e->cents < 0 ? "-" : "", (long long)(e->cents < 0 ? -e->cents : e->cents) / 100,
            (long long)(e->cents < 0 ? -e->cents : e->cents) % 100, W_CURRENCY[e->currency]);
    }
    if (e->kind == 0 && below(w, 3)) {
        e->qty = (int64_t)below(w, 6);
        put(&at, end, ",\"qty\":%lld", (long long)e->qty);
    }
    if (e->kind == 0 && below(w, 4)) {
        e->channel = (int)below(w, W_CHANNELS);
        put(&at, end, ",\"channel\":\"%s\"", W_CHANNEL[e->channel]);
    }
    if (e->kind < 2 && below(w, 3)) {
        e->product = (int)below(w, W_PRODUCTS);
        put(&at, end, ",\"product\":\"%s\"", W_PRODUCT[e->product]);
    }
    put(&at, end, "}");
    OK(crm_event_add_json(txn, c->id, text, CRM_NUL, &e->number, &er));
    c->event_count++;
}

static void void_event(world *w, crm_txn *txn, w_customer *c)
{
    w_event *e;

    if (c->deleted || !c->event_count)
        return;
    e = &c->events[below(w, (uint64_t)c->event_count)];
    if (e->voided)
        return;
    OK(crm_event_void(txn, c->id, e->number, &er));
    e->voided = 1;
}

static void create(world *w, crm_txn *txn)
{
    w_customer *c = &w->c[w->count];
    char text[1200];

    memset(c, 0, sizeof *c);
    any_values(w, c);
    document(c, text, sizeof text);
    OK(crm_customer_create_json(txn, text, CRM_NUL, &c->id, &er));
    w->count++;
}

void w_change(world *w, crm_txn *txn)
{
    w_customer *c;
    char text[1200];

    if (w->count < 20 || (w->count < W_CUSTOMERS && below(w, 5) == 0)) {
        create(w, txn);
        return;
    }
    if (below(w, 60) == 0) {
        save(w, txn);
        return;
    }
    c = &w->c[below(w, (uint64_t)w->count)];
    switch (below(w, 12)) {
    case 0:
        if (c->deleted)
            OK(crm_customer_undelete(txn, c->id, 0, &er));
        else
            OK(crm_customer_delete(txn, c->id, 0, &er));
        c->deleted = !c->deleted;
        break;
    case 1:
    case 2:
        if (c->deleted)
            break;
        any_values(w, c);
        document(c, text, sizeof text);
        OK(crm_customer_replace_json(txn, c->id, 0, text, CRM_NUL, &er));
        break;
    case 3:
        void_event(w, txn, c);
        break;
    case 4:
    case 5:
    case 6:
    case 7:
        add_event(w, txn, c);
        break;
    default:
        change_tag(w, txn, c);
        break;
    }
}
