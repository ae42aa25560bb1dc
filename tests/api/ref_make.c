/* SPDX-License-Identifier: MIT
 * Random values and documents, each with what the library is to make of them.
 */
#include "ref_models.h"

#include "crmtest.h"

#include <stdio.h>
#include <string.h>

static uint64_t below(ref_gen *g, uint64_t n)
{
    return crmtest_below(&g->seed, n);
}

/* One of a pool of values, of which a few are much used. */
static unsigned pick(ref_gen *g, uint64_t pool)
{
    return (unsigned)below(g, crmtest_below(&g->seed, 3) || pool < 6 ? pool : 6);
}

static int one_in(ref_gen *g, uint64_t n)
{
    return below(g, n) == 0;
}

#define PLAIN(...) snprintf(s->plain, sizeof s->plain, __VA_ARGS__)
#define JSON(...) snprintf(s->json, sizeof s->json, __VA_ARGS__)
#define TEXT(...) snprintf(s->v.text, sizeof s->v.text, __VA_ARGS__)

/* ---- values ---- */

static void make_text(ref_gen *g, const ref_field *f, ref_spelled *s)
{
    static const char *const ODD[] = {"张伟%u",
                                      "O\"Neill %u",
                                      "a\\b%u",
                                      "two\nlines\t%u",
                                      "Ünal %u",
                                      "{\"x\":%u}",
                                      "  \xe3\x80\x80mid  dle %u"};
    unsigned n = pick(g, f->pool);
    const char *t;

    if (f->shape == REF_CODE) {
        TEXT("%c%c%03u", 'A' + n % 2, 'B' + n / 2 % 2, n % 150);
    } else if (f->shape == REF_SHORT) {
        TEXT("V%u", n);
    } else if (f->shape == REF_ODD && n % 3 == 0) {
        snprintf(s->v.text, sizeof s->v.text, ODD[n / 3 % 7], n);
    } else {
        TEXT("%s%u", f->key, n);
    }
    PLAIN("%s%s%s", one_in(g, 8) ? "  " : "", s->v.text, one_in(g, 8) ? "\xe3\x80\x80 " : "");
    t = s->v.text;
    while (*t == ' ' || !strncmp(t, "\xe3\x80\x80", 3))
        t += *t == ' ' ? 1 : 3;
    memmove(s->v.text, t, strlen(t) + 1);
}

static void make_money(ref_gen *g, const ref_field *f, const char *exact, const char *spelled,
                       ref_spelled *s)
{
    switch (below(g, 5)) {
    case 0:
        TEXT("%s %s", exact, f->currency);
        PLAIN("%s", spelled);
        return;
    case 1:
        TEXT("%s USD", exact);
        PLAIN("USD %s", spelled);
        return;
    case 2:
        TEXT("%s USD", exact);
        PLAIN("%s usd", spelled);
        return;
    case 3:
        TEXT("%s %s", exact, f->currency);
        PLAIN("%s", spelled);
        JSON("{\"amount\":%s}", exact);
        return;
    default:
        TEXT("%s EUR", exact);
        PLAIN("%s EUR", spelled);
        JSON("{\"currency\":\"EUR\",\"amount\":\"%s\"}", spelled);
    }
}

static void make_number(ref_gen *g, const ref_field *f, ref_spelled *s)
{
    int64_t span = f->max > f->min ? f->max - f->min : 4000;
    int64_t n = f->min + (int64_t)below(g, (uint64_t)span + 1);
    unsigned scale = f->type == CRM_TYPE_INTEGER ? 0 : (unsigned)below(g, 4);
    unsigned digits = (unsigned)below(g, 1000);
    char exact[32], spelled[48];

    for (unsigned i = scale; i < 3; i++)
        digits /= 10;
    if (n == f->max || n == f->min)
        digits = 0;
    if (one_in(g, 2))
        digits = digits / 10 * 10;
    if (scale)
        snprintf(exact, sizeof exact, "%lld.%0*u", (long long)n, (int)scale, digits);
    else
        snprintf(exact, sizeof exact, "%lld", (long long)n);
    if (n >= 1000 && n < 1000000 && one_in(g, 4))
        snprintf(spelled, sizeof spelled, "%lld,%03lld%s", (long long)n / 1000, (long long)n % 1000,
                 exact + strcspn(exact, "."));
    else
        strcpy(spelled, exact);
    if (f->type == CRM_TYPE_MONEY) {
        make_money(g, f, exact, spelled, s);
        return;
    }
    TEXT("%s", exact);
    PLAIN("%s", spelled);
    if (one_in(g, 2))
        JSON("%s", exact);
}

static void make_date(ref_gen *g, const ref_field *f, ref_spelled *s)
{
    unsigned n = pick(g, f->pool), year = 1900 + n % 120, month = 1 + n % 12;
    unsigned day = 1 + n % 28;

    switch (n % 4) {
    case 0:
        TEXT("%04u", year);
        PLAIN("%04u%s", year, one_in(g, 2) ? "年" : "");
        if (one_in(g, 3))
            JSON("%u", year);
        return;
    case 1:
        TEXT("%04u-%02u", year, month);
        if (one_in(g, 2))
            PLAIN("%u年%u月", year, month);
        else
            PLAIN("%04u/%u", year, month);
        return;
    default:
        TEXT("%04u-%02u-%02u", year, month, day);
        if (one_in(g, 3))
            PLAIN("%04u%02u%02u", year, month, day);
        else if (one_in(g, 2))
            PLAIN("%u.%u.%u", year, month, day);
        else
            PLAIN("%s", s->v.text);
    }
}

static void make_datetime(ref_gen *g, const ref_field *f, ref_spelled *s)
{
    int64_t us = 1600000000000000 + (int64_t)below(g, f->pool) * 61000000;
    char t[40];

    if (one_in(g, 4))
        us += 250000;
    ref_time_text(us, s->v.text);
    switch (below(g, 4)) {
    case 0: /* local time of the transaction's zone */
        ref_time_text(us + g->zone_us, t);
        t[strlen(t) - 1] = 0;
        PLAIN("%s", t);
        return;
    case 1:
        ref_time_text(us - 19800000000, t);
        t[strlen(t) - 1] = 0;
        PLAIN("%s-05:30", t);
        return;
    case 2:
        ref_time_text(us, t);
        t[10] = ' ';
        PLAIN("%s", t);
        return;
    default:
        PLAIN("%s", s->v.text);
    }
}

static void make_phone(ref_gen *g, const ref_field *f, ref_spelled *s)
{
    unsigned n = pick(g, f->pool);

    if (f->region[0] == 'D') {
        TEXT("+4915123456%03u", n);
        if (one_in(g, 2))
            PLAIN("0151 23456%03u", n);
        else
            PLAIN("+49 (151) 23456-%03u", n);
        return;
    }
    TEXT("+861380013%04u", n);
    switch (below(g, 4)) {
    case 0:
        PLAIN("138 0013 %04u", n);
        return;
    case 1:
        PLAIN("0086-1380013%04u", n);
        return;
    case 2:
        PLAIN("＋86 138-0013-%04u", n);
        return;
    default:
        PLAIN("1380013%04u", n);
    }
}

static void make_word(ref_gen *g, const ref_field *f, ref_spelled *s)
{
    static const char *const LANGUAGES[][2] = {
        {"zh-Hans", "ZH-hans"}, {"en", "English"}, {"de", "德语"}};
    static const char *const COUNTRIES[][2] = {{"CN", "中国"}, {"DE", "Germany"}, {"US", "us"}};
    static const char *const BOOLEANS[][3] = {{"false", "no", "否"}, {"true", "Yes", "是"}};
    unsigned n = pick(g, f->pool), k = (unsigned)below(g, 2);

    switch (f->type) {
    case CRM_TYPE_LANGUAGE:
        TEXT("%s", LANGUAGES[n][0]);
        PLAIN("%s", LANGUAGES[n][k]);
        return;
    case CRM_TYPE_COUNTRY:
        TEXT("%s", COUNTRIES[n][0]);
        PLAIN("%s", COUNTRIES[n][k]);
        return;
    case CRM_TYPE_ENUM:
        TEXT("%s", f->values[n][0]);
        PLAIN("%s", f->values[n][k]);
        return;
    default:
        TEXT("%s", BOOLEANS[n][0]);
        PLAIN("%s", BOOLEANS[n][below(g, 3)]);
        if (one_in(g, 2))
            JSON("%s", s->v.text);
    }
}

static void make_address(ref_gen *g, const ref_field *f, ref_spelled *s)
{
    unsigned n = pick(g, f->pool);

    if (f->type == CRM_TYPE_EMAIL) {
        TEXT("%s%u@example.com", one_in(g, 4) ? "Ann.Lee" : "ann.lee", n);
        PLAIN("%s", s->v.text);
        if (one_in(g, 3))
            strcpy(s->plain + strlen(s->plain) - 11, "Example.COM");
    } else if (f->type == CRM_TYPE_URL) {
        TEXT("https://shop%u.example/A?b=%u", n, n);
        PLAIN("%s%s", one_in(g, 2) ? "HTTPS://" : "", s->v.text + 8);
    } else {
        TEXT("user %u", n);
        PLAIN("%s", s->v.text);
    }
}

void ref_value_make(ref_gen *g, const ref_field *f, ref_spelled *s)
{
    char quoted[REF_SPELLED * 2];

    memset(s, 0, sizeof *s);
    switch (f->type) {
    case CRM_TYPE_TEXT:
        make_text(g, f, s);
        break;
    case CRM_TYPE_INTEGER:
    case CRM_TYPE_DECIMAL:
    case CRM_TYPE_MONEY:
        make_number(g, f, s);
        break;
    case CRM_TYPE_DATE:
        make_date(g, f, s);
        break;
    case CRM_TYPE_DATETIME:
        make_datetime(g, f, s);
        break;
    case CRM_TYPE_PHONE:
        make_phone(g, f, s);
        break;
    case CRM_TYPE_CUSTOMER:
        TEXT("%llu", (unsigned long long)(1 + below(g, g->customers + 1 + g->customers / 50)));
        PLAIN("%s", s->v.text);
        if (one_in(g, 2))
            JSON("%s", s->v.text);
        break;
    case CRM_TYPE_EMAIL:
    case CRM_TYPE_URL:
    case CRM_TYPE_ACTOR:
        make_address(g, f, s);
        break;
    default:
        make_word(g, f, s);
    }
    if (!s->json[0])
        ref_json_string(s->json, s->plain);
    if (f->flags & CRM_FIELD_PER_SOURCE && g->named && one_in(g, 4)) {
        strcpy(s->v.source, g->named);
    } else if (f->flags & CRM_FIELD_PER_SOURCE) {
        snprintf(s->v.source, sizeof s->v.source, "%s",
                 one_in(g, 2)   ? "erp"
                 : one_in(g, 2) ? "shop"
                                : "旧系统");
        strcpy(quoted, s->json);
        snprintf(s->json, sizeof s->json, "{\"source\":\"%s\",\"value\":%.200s}", s->v.source,
                 quoted);
    }
}

void ref_value_spoil(ref_gen *g, const ref_field *f, ref_spelled *s)
{
    memset(s, 0, sizeof *s);
    strcpy(s->v.source, f->flags & CRM_FIELD_PER_SOURCE ? "erp" : "");
    switch (below(g, 4)) {
    case 0:
        JSON("[\"x\"]"); /* a list in a list, or a list for one value */
        return;
    case 1:
        JSON(f->type == CRM_TYPE_BOOLEAN ? "{}" : "true");
        return;
    case 2:
        JSON(f->type == CRM_TYPE_MONEY ? "{\"currency\":\"EUR\"}" : "{\"source\":\"erp\"}");
        return;
    default:
        break;
    }
    switch (f->type) {
    case CRM_TYPE_TEXT:
        PLAIN("%s", f->shape == REF_CODE    ? "ab1"
                    : f->shape == REF_SHORT ? "sixsix"
                    : one_in(g, 2)          ? " "
                                            : "a\x01"
                                              "b");
        break;
    case CRM_TYPE_INTEGER:
        PLAIN("%s", one_in(g, 2) ? "-7" : "1.5");
        break;
    case CRM_TYPE_DECIMAL:
    case CRM_TYPE_MONEY:
        PLAIN("%s", f->type == CRM_TYPE_MONEY ? "12 XXQ" : "1.5.5");
        break;
    case CRM_TYPE_ACTOR:
        PLAIN(" ");
        break;
    case CRM_TYPE_CUSTOMER:
        PLAIN("%s", one_in(g, 2) ? "0" : "-1");
        break;
    default:
        PLAIN("?!");
    }
    if (f->flags & CRM_FIELD_PER_SOURCE)
        JSON(g->named ? "{\"source\":\"erp\"}" : "\"without source\"");
    else if (strchr(s->plain, 1))
        JSON("\"a\\u0001b\"");
    else
        ref_json_string(s->json, s->plain);
}

/* ---- documents ---- */

static size_t add_value(const ref_gen *g, const ref_written *w, int i, int k, char *out)
{
    (void)g;
    return (size_t)sprintf(out, "%s", w->spelled[i][k].json);
}

/* The values from..to as an array; a spoiled one among them when bad is set. */
static size_t add_list(ref_gen *g, ref_written *w, int i, int from, int to, int bad, char *out)
{
    ref_spelled spoiled;
    size_t at = 0;
    int where = bad ? from + (int)below(g, (uint64_t)(to - from) + 1) : -1;

    out[at++] = '[';
    for (int k = from; k <= to; k++) {
        if (k == where) {
            ref_value_spoil(g, &g->m->field[w->doc.said[i].field], &spoiled);
            at += (size_t)sprintf(out + at, "%s%s", out[at - 1] == '[' ? "" : ",", spoiled.json);
        }
        if (k < to) {
            if (out[at - 1] != '[')
                out[at++] = ',';
            at += add_value(g, w, i, k, out + at);
        }
    }
    out[at++] = ']';
    out[at] = 0;
    return at;
}

static size_t add_member(ref_gen *g, ref_written *w, int i, char *out)
{
    const ref_said *said = &w->doc.said[i];
    const ref_field *f = &g->m->field[said->field];
    ref_spelled spoiled;
    size_t at = (size_t)sprintf(out, "\"%s\":", one_in(g, 3) ? f->label : f->key);

    if (said->mode == REF_UNSET)
        return at + (size_t)sprintf(out + at, "null");
    if (said->mode == REF_DELTA) {
        int first = one_in(g, 2);
        out[at++] = '{';
        for (int part = 0; part < 2; part++) {
            int remove = part == first;
            if (remove && !said->removed && part)
                break;
            if (part)
                out[at++] = ',';
            at += (size_t)sprintf(out + at, remove ? "\"remove\":" : "\"add\":");
            at +=
                add_list(g, w, i, remove ? said->n : 0, remove ? said->n + said->removed : said->n,
                         said->bad && !remove, out + at);
        }
        out[at++] = '}';
        out[at] = 0;
        return at;
    }
    if (f->flags & CRM_FIELD_LIST) {
        if (said->n == 1 && !said->bad && one_in(g, 3) && w->spelled[i][0].json[0] != '{')
            return at + add_value(g, w, i, 0, out + at);
        return at + add_list(g, w, i, 0, said->n, said->bad, out + at);
    }
    if (!said->bad)
        return at + add_value(g, w, i, 0, out + at);
    ref_value_spoil(g, f, &spoiled);
    return at + (size_t)sprintf(out + at, "%s", spoiled.json);
}

/* Identities may stand in a list of their own. */
static size_t add_identities(const ref_gen *g, const ref_written *w, const int *apart, char *out)
{
    size_t at = (size_t)sprintf(out, "\"identities\":[");

    for (int i = 0; i < w->doc.count; i++) {
        const ref_said *said = &w->doc.said[i];
        const ref_field *f = &g->m->field[said->field];
        for (int k = 0; apart[i] && k < said->n; k++) {
            const char *value = w->spelled[i][k].json;
            at += (size_t)sprintf(out + at, "%s{\"kind\":\"%s\",", out[at - 1] == '[' ? "" : ",",
                                  f->label);
            if (value[0] == '{')
                at += (size_t)sprintf(out + at, "%s", value + 1);
            else
                at += (size_t)sprintf(out + at, "\"value\":%s}", value);
        }
    }
    return at + (size_t)sprintf(out + at, "]");
}

static void write_document(ref_gen *g, ref_written *w)
{
    int apart[REF_FIELDS] = {0}, any = 0, order[REF_FIELDS];
    char *out = w->json;
    size_t at = 0;

    for (int i = 0; i < w->doc.count; i++) {
        const ref_said *said = &w->doc.said[i];
        apart[i] = g->m->field[said->field].in_identities && said->mode == REF_SET && said->n &&
                   !said->bad && one_in(g, 2);
        any |= apart[i];
        order[i] = i;
    }
    for (int i = w->doc.count - 1; i > 0; i--) {
        int k = (int)below(g, (uint64_t)i + 1), t = order[i];
        order[i] = order[k];
        order[k] = t;
    }
    out[at++] = '{';
    if (one_in(g, 10))
        at += (size_t)sprintf(out + at, "\"id\":%u,\"created_at\":\"x\",\"origins\":{\"name\":1},",
                              7);
    if (w->revision)
        at += (size_t)sprintf(out + at, "\"revision\":%llu,", (unsigned long long)w->revision);
    for (int i = 0; i < w->doc.count; i++) {
        if (apart[order[i]])
            continue;
        at += add_member(g, w, order[i], out + at);
        out[at++] = ',';
    }
    if (any) {
        at += add_identities(g, w, apart, out + at);
        out[at++] = ',';
    }
    if (w->doc.kind)
        at += (size_t)sprintf(out + at, "\"kind\":\"%s\",",
                              w->doc.kind == REF_PERSON ? one_in(g, 2) ? "person" : "Person"
                                                        : "organisation");
    if (w->doc.source)
        at += (size_t)sprintf(out + at, "\"source\":\"%s\",", w->doc.source);
    if (w->twice >= 0)
        at += (size_t)sprintf(out + at, "\"%s\":null,\"%s\":null,", g->m->field[w->twice].key,
                              g->m->field[w->twice].label);
    if (w->unknown)
        at += (size_t)sprintf(out + at, "\"%s\":1,", w->unknown);
    if (out[at - 1] == ',')
        at--;
    out[at++] = '}';
    out[at] = 0;
}

static void say(ref_gen *g, ref_written *w, int field, int how)
{
    const ref_field *f = &g->m->field[field];
    int i = w->doc.count++, list = (f->flags & CRM_FIELD_LIST) != 0;
    ref_said *said = &w->doc.said[i];

    memset(said, 0, sizeof *said);
    said->field = field;
    said->mode = one_in(g, how == REF_PATCH ? 6 : 25) ? REF_UNSET : REF_SET;
    if (list && one_in(g, how == REF_PATCH || how == REF_UPSERT ? 3 : 30))
        said->mode = REF_DELTA;
    if (said->mode == REF_UNSET)
        return;
    said->bad = g->may_be_bad && one_in(g, (uint64_t)g->may_be_bad);
    if (!list)
        said->n = !said->bad;
    else
        said->n = (int)below(g, one_in(g, 20) ? 5 : 3) + (one_in(g, 9) ? 0 : said->mode == REF_SET);
    if (said->mode == REF_DELTA)
        said->removed = (int)below(g, 4);
    for (int k = 0; k < said->n + said->removed; k++) {
        ref_value_make(g, f, &w->spelled[i][k]);
        said->v[k] = w->spelled[i][k].v;
    }
}

void ref_document_make(ref_gen *g, int how, ref_written *w)
{
    int whole = how == REF_CREATE || how == REF_REPLACE;

    w->doc.count = 0;
    w->doc.kind = one_in(g, whole ? 3 : 12) ? 1 + (int)below(g, 2) : 0;
    w->doc.source = one_in(g, 8) ? one_in(g, 2) ? "import-7" : "web" : NULL;
    g->named = w->doc.source ? w->doc.source : g->source;
    w->unknown = g->may_be_bad && one_in(g, 60) ? "no_such_field" : NULL;
    w->twice = -1;
    w->revision = 0;
    for (size_t i = 0; i < g->m->count; i++) {
        const ref_field *f = &g->m->field[i];
        int likely = (f->flags & CRM_FIELD_REQUIRED) && whole;
        if (f->kinds != (REF_PERSON | REF_ORGANISATION) && whole &&
            !(f->kinds & (w->doc.kind ? w->doc.kind : REF_PERSON)) && !one_in(g, 80))
            continue;
        if (likely ? !one_in(g, 25) : one_in(g, whole ? 3 : 6))
            say(g, w, (int)i, how);
        else if (g->may_be_bad && one_in(g, 1500))
            w->twice = (int)i;
    }
    write_document(g, w);
}
