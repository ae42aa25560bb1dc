/* SPDX-License-Identifier: MIT
 * Timelines against a plain array under random adds, late and future, corrections, voids,
 * references sent twice, marks, rollbacks, aborts and reopenings: walks in both directions with
 * filters and in pages, single events, counts, totals and sums.
 */
#include "help.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CUSTOMERS = 3, MOST = 4000, KINDS = 4, REFERENCES = 50 };

static const char *const KIND[KINDS] = {"visit", "order", "feedback", "call"};
static const char *const CURRENCY[] = {"CNY", "USD", "JPY"};
static const char *const SOURCE[] = {"shop", "erp"};

typedef struct event {
    int kind; /* -1: void */
    int64_t time;
    uint32_t voids;
    int state;
    int source, reference; /* -1: none */
    int64_t cents;         /* of an order */
    int scale, currency;
    int64_t score; /* of feedback, -1: none */
    uint32_t text; /* length of the text attribute, 0: none */
} event;

typedef struct oracle {
    uint32_t count[CUSTOMERS];
    event e[CUSTOMERS][MOST]; /* number - 1 */
} oracle;

typedef struct world {
    uint64_t seed;
    crm_db *db;
    crm_txn *txn;
    crm_event *object;
    crm_customer *record;
    crm_event_kind kind[KINDS];
    crm_field amount, score, text[KINDS];
    crm_id id[CUSTOMERS];
    oracle *now, *mark, *committed;
    crm_savepoint save;
    int marked;
    int64_t clock;
} world;

static uint64_t below(world *w, uint64_t n)
{
    return crmtest_below(&w->seed, n);
}

/* ---- set up ---- */

static void resolve(world *w)
{
    static const char *const TEXT[KINDS] = {"text", "text", "text", "text"};

    for (int k = 0; k < KINDS; k++) {
        OK(crm_event_kind_find(w->txn, KIND[k], CRM_NUL, &w->kind[k], &er));
        OK(crm_attribute_find(w->txn, &w->kind[k], TEXT[k], CRM_NUL, &w->text[k], &er));
    }
    OK(crm_attribute_find(w->txn, &w->kind[1], "amount", CRM_NUL, &w->amount, &er));
    OK(crm_attribute_find(w->txn, &w->kind[2], "score", CRM_NUL, &w->score, &er));
}

static void begin(world *w)
{
    w->txn = api_begin(w->db, CRM_WRITE);
    w->marked = 0;
}

/* ---- one event, in both forms ---- */

static int64_t any_time(world *w)
{
    int64_t day = INT64_C(86400000000);

    switch (below(w, 12)) {
    case 0: /* late */
        return w->clock - (int64_t)below(w, 1000) * day;
    case 1: /* ahead */
        return w->clock + (int64_t)below(w, 400) * day;
    case 2: /* the same again */
        return w->clock;
    case 3:
        return w->clock += (int64_t)below(w, 5000000);
    case 4:
        return -(int64_t)below(w, 40000) * day;
    default:
        return w->clock += (int64_t)below(w, 100000) * 1000000;
    }
}

/* Makes an event a correction; half of the time one that keeps the reference, of one that may be a
 * correction itself, now and then of the last event, or of those at one instant. */
static void correct(world *w, int customer, event *e)
{
    uint32_t n = w->now->count[customer], near = n < 20 ? n : 20;
    const event *of;

    e->voids = 1 + (uint32_t)(below(w, 2) ? below(w, n) : n - 1 - below(w, near));
    of = &w->now->e[customer][e->voids - 1];
    if (of->kind >= 0 && below(w, 2)) {
        e->source = of->source;
        e->reference = of->reference;
    }
    if (below(w, 4) == 0)
        e->time = of->time;
}

static event any_event(world *w, int customer)
{
    event e = {0, 0, 0, CRM_EVENT_IN_FORCE, -1, -1, 0, 0, 0, -1, 0};

    e.kind = (int)below(w, KINDS);
    e.time = any_time(w);
    if (below(w, 2))
        e.source = (int)below(w, 2);
    if (below(w, 3) == 0)
        e.reference = (int)below(w, REFERENCES);
    if (e.kind == 1) {
        e.scale = (int)below(w, 3);
        e.currency = (int)below(w, 3);
        e.cents = (int64_t)below(w, 100000) - 1000;
        for (int i = e.scale; i < 2; i++)
            e.cents *= 10;
    }
    if (e.kind == 2 && below(w, 4))
        e.score = (int64_t)below(w, 11);
    if (below(w, 4) == 0)
        e.text = 1 + (uint32_t)below(w, below(w, 20) ? 60 : 9000);
    if (w->now->count[customer] && below(w, 8) == 0)
        correct(w, customer, &e);
    return e;
}

static const char *text_of(uint32_t n)
{
    static char room[9100];

    for (uint32_t i = 0; i < n; i++)
        room[i] = (char)('a' + (i + n) % 26);
    room[n] = 0;
    return room;
}

static void decimal(char *to, int64_t cents, int scale)
{
    int64_t unit = scale == 2 ? 1 : scale == 1 ? 10 : 100, v = cents / unit;
    int64_t whole = scale == 2 ? v / 100 : scale == 1 ? v / 10 : v;
    int64_t rest = scale == 2 ? v % 100 : scale == 1 ? v % 10 : 0;

    to += sprintf(to, "%s%lld", v < 0 ? "-" : "", (long long)llabs(whole));
    if (scale)
        sprintf(to, ".%0*lld", scale, (long long)llabs(rest));
}

static const char *reference_of(int n)
{
    static char room[40];

    snprintf(room, sizeof room, n % 2 ? "O-%d" : "a longer reference %d", n);
    return room;
}

static int add_typed(world *w, int customer, const event *e, uint32_t *number)
{
    crm_event *c = w->object;
    char amount[60];

    crm_event_clear(c);
    OK(crm_event_set_kind(c, &w->kind[e->kind], &er));
    OK(crm_event_set_time(c, e->time, &er));
    OK(crm_event_set_voids(c, e->voids, &er));
    if (e->text)
        OK(crm_event_set(c, &w->text[e->kind], text_of(e->text), CRM_NUL, &er));
    if (e->kind == 1) {
        decimal(amount, e->cents, e->scale);
        sprintf(amount + strlen(amount), " %s", CURRENCY[e->currency]);
        OK(crm_event_set(c, &w->amount, amount, CRM_NUL, &er));
    }
    if (e->score >= 0)
        OK(crm_event_set_integer(c, &w->score, e->score, &er));
    if (e->source >= 0)
        OK(crm_event_set_source(c, SOURCE[e->source], CRM_NUL, &er));
    if (e->reference >= 0)
        OK(crm_event_set_reference(c, reference_of(e->reference), CRM_NUL, &er));
    return crm_event_add(w->txn, w->id[customer], c, number, &er);
}

/* The instant as text without the library's help: seconds and a fraction since a fixed day. */
static void time_text(char *to, int64_t us)
{
    time_t s = (time_t)(us >= 0 ? us / 1000000 : -((-us + 999999) / 1000000));
    struct tm tm;

    gmtime_r(&s, &tm);
    to += strftime(to, 40, "%Y-%m-%dT%H:%M:%S", &tm);
    sprintf(to, ".%06lldZ", (long long)(us - (int64_t)s * 1000000));
}

static int add_json(world *w, int customer, const event *e, uint32_t *number)
{
    static char room[12000];
    char time[60], amount[60];
    int n;

    time_text(time, e->time);
    n = sprintf(room, "{\"time\":\"%s\",\"kind\":\"%s\"", time, KIND[e->kind]);
    if (e->voids)
        n += sprintf(room + n, ",\"voids\":%u", e->voids);
    if (e->text)
        n += sprintf(room + n, ",\"text\":\"%s\"", text_of(e->text));
    if (e->kind == 1) {
        decimal(amount, e->cents, e->scale);
        n += sprintf(room + n, ",\"amount\":{\"currency\":\"%s\",\"amount\":\"%s\"}",
                     CURRENCY[e->currency], amount);
    }
    if (e->score >= 0)
        n += sprintf(room + n, ",\"score\":%d", (int)e->score);
    if (e->source >= 0)
        n += sprintf(room + n, ",\"source\":\"%s\"", SOURCE[e->source]);
    if (e->reference >= 0)
        n += sprintf(room + n, ",\"reference\":\"%s\"", reference_of(e->reference));
    sprintf(room + n, "}");
    return crm_event_add_json(w->txn, w->id[customer], room, CRM_NUL, number, &er);
}

/* What keeps an event from being stored again; 0: nothing.  The last event of its source and
 * reference decides. */
static uint32_t same(const oracle *o, int customer, const event *e)
{
    const event *all = o->e[customer];
    uint32_t last = 0, v = e->voids;

    for (uint32_t i = 0; e->reference >= 0 && i < o->count[customer]; i++) {
        if (all[i].kind >= 0 && all[i].reference == e->reference && all[i].source == e->source)
            last = i + 1;
    }
    if (!last || last == v || all[last - 1].state == CRM_EVENT_VOIDED)
        return 0;
    /* A correction of one in force is only kept away by another in force. */
    if (all[last - 1].state == CRM_EVENT_CORRECTED && v && v <= o->count[customer] &&
        all[v - 1].kind >= 0 && all[v - 1].state == CRM_EVENT_IN_FORCE)
        return 0;
    return last;
}

static int voidable(const oracle *o, int customer, uint32_t number)
{
    const event *x;

    if (!number || number > o->count[customer])
        return CRM_ENOTFOUND;
    x = &o->e[customer][number - 1];
    if (x->kind < 0)
        return CRM_EVALUE;
    return x->state == CRM_EVENT_IN_FORCE ? CRM_OK : CRM_EEXISTS;
}

static void add_event(world *w, int customer, event e)
{
    oracle *o = w->now;
    uint32_t number = 0, there = same(o, customer, &e);
    int rc, want;

    if (o->count[customer] == MOST)
        return;
    want = there ? CRM_DONE : e.voids ? voidable(o, customer, e.voids) : CRM_OK;
    rc = below(w, 2) ? add_typed(w, customer, &e, &number) : add_json(w, customer, &e, &number);
    ck_assert_msg(rc == want, "add gives %d, not %d: %s", rc, want, er.message);
    if (want == CRM_DONE)
        ck_assert_uint_eq(number, there);
    if (want)
        return;
    if (e.voids)
        o->e[customer][e.voids - 1].state = CRM_EVENT_CORRECTED;
    o->e[customer][o->count[customer]++] = e;
    ck_assert_uint_eq(number, o->count[customer]);
}

static void add(world *w)
{
    int customer = below(w, 10) < 8 ? 0 : 1 + (int)below(w, CUSTOMERS - 1);

    add_event(w, customer, any_event(w, customer));
}

/* Many of one customer with nothing else between them but what is refused, in order or not. */
static void add_many(world *w)
{
    int customer = (int)below(w, CUSTOMERS), ordered = (int)below(w, 2);
    int64_t time = any_time(w);

    for (uint64_t left = 1 + below(w, below(w, 3) ? 40 : 600); left > 0; left--) {
        event e = any_event(w, customer);
        if (below(w, 50) == 0)
            IS(CRM_EVALUE,
               crm_event_add_json(w->txn, w->id[customer], "{\"kind\":\"feedback\",\"score\":99}",
                                  CRM_NUL, NULL, &er));
        if (below(w, 20) == 0) {
            crm_field f;
            OK(crm_field_find(w->txn, "name", CRM_NUL, &f, &er));
            IS(CRM_ENOTFOUND, crm_customer_get(w->txn, 99, w->record, &er));
            OK(crm_customer_get(w->txn, w->id[customer], w->record, &er));
        }
        if (e.voids && below(w, 40))
            continue;
        e.time = ordered ? time += (int64_t)below(w, 3) * 1000000 : e.time;
        e.text = e.text > 60 && below(w, 10) ? 0 : e.text;
        add_event(w, customer, e);
    }
}

static void take_back(world *w)
{
    int customer = (int)below(w, CUSTOMERS);
    oracle *o = w->now;
    uint32_t number = (uint32_t)below(w, o->count[customer] + 2u);
    int want = voidable(o, customer, number);
    event e = {-1, 0, number, CRM_EVENT_IN_FORCE, -1, -1, 0, 0, 0, -1, 0};

    if (o->count[customer] == MOST)
        return;
    IS(want, crm_event_void(w->txn, w->id[customer], number, &er));
    if (want)
        return;
    o->e[customer][number - 1].state = CRM_EVENT_VOIDED;
    e.time = o->e[customer][number - 1].time;
    o->e[customer][o->count[customer]++] = e;
}

/* ---- comparing ---- */

typedef struct place {
    int64_t time;
    uint32_t number;
} place;

static int by_place(const void *a, const void *b)
{
    const place *x = a, *y = b;

    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

static void compare_event(world *w, int customer, crm_event *c, uint32_t number)
{
    const event *e = &w->now->e[customer][number - 1];
    const char *text;
    char want[80];
    int64_t score;
    size_t n;

    ck_assert_uint_eq(crm_event_number(c), number);
    ck_assert_uint_eq(crm_event_customer(c), w->id[customer]);
    ck_assert_str_eq(crm_event_kind_key(c), e->kind < 0 ? "void" : KIND[e->kind]);
    ck_assert_int_eq(crm_event_time_us(c), e->time);
    ck_assert_int_eq(crm_event_state(c), e->state);
    ck_assert_uint_eq(crm_event_voids(c), e->voids);
    ck_assert((crm_event_voided_revision(c) > crm_event_revision(c)) == (e->state != 0));
    text = crm_event_reference(c, &n);
    ck_assert_uint_eq(n, e->reference < 0 ? 0 : strlen(reference_of(e->reference)));
    ck_assert(n == 0 || memcmp(text, reference_of(e->reference), n) == 0);
    OK(crm_event_source(w->txn, c, &text, &n, &er));
    ck_assert_uint_eq(n, e->source < 0 ? 0 : strlen(SOURCE[e->source]));
    ck_assert(n == 0 || memcmp(text, SOURCE[e->source], n) == 0);
    if (e->kind < 0)
        return;
    IS(e->text ? CRM_OK : CRM_ENOTFOUND, crm_event_text(c, &w->text[e->kind], &text, &n, &er));
    if (e->text)
        ck_assert(n == e->text && memcmp(text, text_of(e->text), n) == 0);
    if (e->kind == 1) {
        decimal(want, e->cents, e->scale);
        sprintf(want + strlen(want), " %s", CURRENCY[e->currency]);
        OK(crm_event_text(c, &w->amount, &text, &n, &er));
        ck_assert_msg(n == strlen(want) && memcmp(text, want, n) == 0, "%.*s is not %s", (int)n,
                      text, want);
    }
    if (e->kind == 2) {
        IS(e->score < 0 ? CRM_ENOTFOUND : CRM_OK, crm_event_integer(c, &w->score, &score, &er));
        if (e->score >= 0)
            ck_assert_int_eq(score, e->score);
    }
}

/* Events a walk must give, in its order. */
static size_t expected(const world *w, int customer, const crm_event_list_options *o,
                       unsigned kinds, place *out)
{
    size_t n = 0;

    for (uint32_t i = 0; i < w->now->count[customer]; i++) {
        const event *e = &w->now->e[customer][i];
        const event *of = e->kind < 0 ? &w->now->e[customer][e->voids - 1] : e;
        if (!(o->flags & CRM_EVENTS_ALL) && (e->state || e->kind < 0))
            continue;
        if (kinds && !(kinds >> of->kind & 1))
            continue;
        if ((o->from_us && e->time < o->from_us) || (o->until_us && e->time >= o->until_us))
            continue;
        out[n++] = (place){e->time, i + 1};
    }
    qsort(out, n, sizeof *out, by_place);
    for (size_t i = 0; !(o->flags & CRM_EVENTS_OLDEST) && i < n / 2; i++) {
        place t = out[i];
        out[i] = out[n - 1 - i];
        out[n - 1 - i] = t;
    }
    return n;
}

/* Walks in pages of `limit`. */
static void compare_walk(world *w, int customer, crm_event_list_options *o, unsigned kinds)
{
    static place want[MOST];
    crm_event_kind list[KINDS];
    size_t n = expected(w, customer, o, kinds, want), at = 0, before;
    crm_event_iter *it;
    crm_event *c;
    int rc;

    for (int k = 0; k < KINDS; k++) {
        if (kinds >> k & 1)
            list[o->kind_count++] = w->kind[k];
    }
    o->kinds = o->kind_count ? list : NULL;
    do {
        before = at;
        OK(crm_event_list(w->txn, w->id[customer], o, &it, &er));
        while ((rc = crm_event_next(it, &c, &er)) == CRM_OK) {
            ck_assert_uint_lt(at, n);
            ck_assert_int_eq(crm_event_time_us(c), want[at].time);
            compare_event(w, customer, c, want[at++].number);
            crm_event_position_of(c, &o->after);
        }
        IS(CRM_DONE, rc);
        IS(CRM_DONE, crm_event_next(it, &c, &er));
        crm_event_list_close(it);
        ck_assert(!o->limit || at - before <= o->limit);
    } while (o->limit && at > before);
    ck_assert_uint_eq(at, n);
}

static void compare_walks(world *w, int customer)
{
    for (unsigned flags = 0; flags < 4; flags++) {
        crm_event_list_options o = CRM_EVENT_LIST_OPTIONS_INIT;
        o.flags = flags;
        compare_walk(w, customer, &o, 0);
    }
    for (int i = 0; i < 4; i++) {
        crm_event_list_options o = CRM_EVENT_LIST_OPTIONS_INIT;
        o.flags = (uint32_t)below(w, 4);
        o.limit = below(w, 60);
        if (below(w, 2) && w->now->count[customer])
            o.from_us = w->now->e[customer][below(w, w->now->count[customer])].time;
        if (below(w, 2) && w->now->count[customer])
            o.until_us = w->now->e[customer][below(w, w->now->count[customer])].time;
        compare_walk(w, customer, &o, (unsigned)below(w, 1 << KINDS));
    }
}

static void compare_sums(world *w, int customer)
{
    struct {
        uint64_t n;
        int64_t sum;
        int scale;
    } want[4] = {{0, 0, 0}, {0, 0, 0}, {0, 0, 0}, {0, 0, 0}};
    crm_event_sum sums[8];
    size_t count, expect = 0;
    char text[60];

    for (uint32_t i = 0; i < w->now->count[customer]; i++) {
        const event *e = &w->now->e[customer][i];
        int at = e->kind == 1 ? e->currency : 3;
        if (e->kind != 1 && (e->kind != 2 || e->score < 0))
            continue;
        if (e->state)
            continue;
        if (at < 3 && e->scale > want[at].scale)
            want[at].scale = e->scale;
        want[at].n++;
        want[at].sum += at < 3 ? e->cents : e->score * 100;
    }
    for (int i = 0; i < 4; i++)
        expect += want[i].n != 0;
    OK(crm_event_sums(w->txn, w->id[customer], sums, 8, &count, &er));
    ck_assert_uint_eq(count, expect);
    for (size_t i = 0; i < count; i++) {
        int at = 3;
        for (int k = 0; k < 3; k++)
            at = strcmp(sums[i].currency, CURRENCY[k]) == 0 ? k : at;
        ck_assert_str_eq(sums[i].attribute, at < 3 ? "amount" : "score");
        ck_assert_uint_eq(sums[i].count, want[at].n);
        decimal(text, want[at].sum, want[at].scale);
        ck_assert_str_eq(sums[i].sum[0] == '-' && !strpbrk(sums[i].sum, "123456789")
                             ? sums[i].sum + 1
                             : sums[i].sum,
                         text);
    }
}

static void compare_totals(world *w, int customer)
{
    crm_event_total totals[KINDS + 1];
    uint64_t all = 0, n;
    size_t count, kinds = 0;

    OK(crm_event_totals(w->txn, w->id[customer], totals, KINDS + 1, &count, &er));
    for (int k = 0; k < KINDS; k++) {
        uint64_t of = 0;
        int64_t first = INT64_MAX, last = INT64_MIN;
        for (uint32_t i = 0; i < w->now->count[customer]; i++) {
            const event *e = &w->now->e[customer][i];
            if (e->kind != k || e->state)
                continue;
            of++;
            first = e->time < first ? e->time : first;
            last = e->time > last ? e->time : last;
        }
        OK(crm_event_count(w->txn, w->id[customer], &w->kind[k], &n, &er));
        ck_assert_uint_eq(n, of);
        all += of;
        kinds += of != 0;
        for (size_t i = 0; i < count && of; i++) {
            if (strcmp(totals[i].kind, KIND[k]) != 0)
                continue;
            ck_assert_uint_eq(totals[i].count, of);
            ck_assert_int_eq(totals[i].first_us, first);
            ck_assert_int_eq(totals[i].last_us, last);
        }
    }
    ck_assert_uint_eq(count, kinds);
    OK(crm_event_count(w->txn, w->id[customer], NULL, &n, &er));
    ck_assert_uint_eq(n, all);
}

static void compare(world *w)
{
    for (int c = 0; c < CUSTOMERS; c++) {
        compare_walks(w, c);
        compare_totals(w, c);
        compare_sums(w, c);
        for (uint32_t i = 0; i < w->now->count[c]; i += 1 + (uint32_t)below(w, 20)) {
            OK(crm_event_get(w->txn, w->id[c], i + 1, w->object, &er));
            compare_event(w, c, w->object, i + 1);
        }
        IS(CRM_ENOTFOUND, crm_event_get(w->txn, w->id[c], w->now->count[c] + 1, w->object, &er));
    }
}

/* ---- the walk of the test ---- */

static void end(world *w)
{
    if (below(w, 3)) {
        OK(crm_txn_commit(w->txn, &er));
        *w->committed = *w->now;
    } else {
        OK(crm_txn_abort(w->txn));
        *w->now = *w->committed;
    }
    if (below(w, 3) == 0) {
        crm_db_close(w->db);
        w->db = api_open();
    }
    w->txn = api_begin(w->db, CRM_READ);
    compare(w);
    OK(crm_txn_abort(w->txn));
    begin(w);
}

static void mark(world *w)
{
    if (!w->marked) {
        OK(crm_txn_savepoint(w->txn, &w->save, &er));
        *w->mark = *w->now;
        w->marked = 1;
    } else if (below(w, 2)) {
        OK(crm_txn_rollback(w->txn, w->save, &er));
        *w->now = *w->mark;
    } else {
        OK(crm_txn_release(w->txn, w->save, &er));
        w->marked = 0;
    }
}

static void run(uint64_t seed, size_t steps)
{
    world w = {.seed = seed, .clock = INT64_C(1600000000000000)};

    w.now = calloc(1, sizeof *w.now);
    w.mark = calloc(1, sizeof *w.now);
    w.committed = calloc(1, sizeof *w.now);
    w.db = api_open();
    begin(&w);
    for (int i = 0; i < CUSTOMERS; i++)
        w.id[i] = api_create(w.txn, "{\"name\":\"A\"}");
    resolve(&w);
    OK(crm_event_new(w.txn, &w.object, &er));
    OK(crm_customer_new(w.txn, &w.record, &er));
    api_commit(w.txn);
    begin(&w);
    for (size_t i = 0; i < steps; i++) {
        uint64_t what = below(&w, 400);
        if (what < 365)
            add(&w);
        else if (what < 370)
            add_many(&w);
        else if (what < 392)
            take_back(&w);
        else if (what < 397)
            mark(&w);
        else if (what < 398)
            end(&w);
        else
            compare(&w);
    }
    compare(&w);
    OK(crm_txn_commit(w.txn, &er));
    crm_event_free(w.object);
    crm_customer_free(w.record);
    crm_db_close(w.db);
    free(w.now);
    free(w.mark);
    free(w.committed);
}

CRM_TEST(test_api_event_oracle__random_timelines)
{
    for (size_t i = 0; i < crmtest_rounds(1, 20); i++) {
        run(crmtest_seed() + i, 1200);
        api_check_clean(api_path());
        if (i + 1 < crmtest_rounds(1, 20)) {
            char command[600];
            snprintf(command, sizeof command, "rm -rf '%s'", api_path());
            ck_assert_int_eq(system(command), 0);
        }
    }
}
