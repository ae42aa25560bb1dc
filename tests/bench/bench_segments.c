/* SPDX-License-Identifier: MIT
 * Segments, measured: the library beside SQLite with the same made-up customers, tags and events in
 * the same run.  bench_segments [CUSTOMERS] [--runs R] [--dir DIR] [--smoke]
 * Each question is asked R times of each side in turn; a figure is the median, in milliseconds of
 * processor time of the asking thread, but those of two threads, which are of the clock.  It judges
 * nothing, but ends with an error when the sides do not give the same answers.
 */
#include "measure.h"

#include <crm/crm.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <unistd.h>

enum { EVENTS = 10, PART = 20000, CITIES = 60, TAGS = 64, TAG_ROOM = 24 };
static const int64_t NOW = 1767225600, DAY = 86400; /* 2026-01-01 */

static crm_error err = CRM_ERROR_INIT;
static crm_db *db;
static sqlite3 *sql;
static int runs = 9;

static void die(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fputs("bench_segments: ", stderr);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    exit(1);
}

static void must(int rc, const char *what)
{
    if (rc)
        die("%s: %s (%s)", what, err.message, crm_error_name(rc));
}

static void run_sql(const char *text)
{
    if (sqlite3_exec(sql, text, NULL, NULL, NULL))
        die("%s: %s", text, sqlite3_errmsg(sql));
}

static sqlite3_stmt *prepare(const char *text)
{
    sqlite3_stmt *s;

    if (sqlite3_prepare_v2(sql, text, -1, &s, NULL))
        die("%s: %s", text, sqlite3_errmsg(sql));
    return s;
}

static void step(sqlite3_stmt *s)
{
    if (sqlite3_step(s) != SQLITE_DONE)
        die("insert: %s", sqlite3_errmsg(sql));
    sqlite3_reset(s);
}

/* ---- data ---- */

static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

static const char *const LIFECYCLE[] = {"lead", "prospect", "active", "dormant", "lost"};
static const char *const KIND[] = {"visit", "quote", "order"};
enum { VISIT, QUOTE, ORDER, KINDS };

typedef struct customer {
    int city, lifecycle, score, tag_count;
    int64_t first_seen;
    uint8_t tags[TAGS];
} customer;

/* Tag t is had by 40 %, and by 7 % fewer of each next one. */
static void make_customer(uint64_t id, customer *c)
{
    uint64_t r = mix(id);
    double share = 0.4;

    c->city = (int)((r & 255) * ((r >> 8) & 255) * CITIES >> 16); /* some are large */
    c->lifecycle = (int)((r >> 16 & 0xffff) % 5);
    c->score = (int)((r >> 32 & 0xffff) % 501 + (r >> 48) % 501);
    c->first_seen = NOW - (int64_t)(mix(r) % (uint64_t)(5 * 365 * DAY)) - 1;
    c->tag_count = 0;
    for (int t = 0; t < TAGS; t++, share *= 0.93) {
        if ((double)(mix(r + (uint64_t)t + 1) >> 11) / 9007199254740992.0 < share)
            c->tags[c->tag_count++] = (uint8_t)t;
    }
}

static void tag_name(int t, char out[TAG_ROOM])
{
    static const char *const DIMENSION[] = {"region", "value", "behaviour", "campaign"};

    snprintf(out, TAG_ROOM, "%s:t%d", DIMENSION[t % 4], t);
}

typedef struct happening {
    int kind;
    int64_t time, cents;
} happening;

/* Half of the customers have twice as many events, the others none. */
static int make_event(uint64_t id, int k, happening *h)
{
    uint64_t r = mix(id * 1000 + (uint64_t)k);

    h->kind = r % 100 < 60 ? VISIT : r % 100 < 80 ? QUOTE : ORDER;
    h->time = NOW - 1 - (int64_t)(mix(r) % (uint64_t)(3 * 365 * DAY));
    h->cents = 500 + (int64_t)((r >> 32) % 10000) * (int64_t)(1 + (r >> 20 & 15));
    return id % 2 ? 2 * EVENTS : 0;
}

/* ---- loading ---- */

static const char MODEL[] =
    "crm: 1\nname: bench\ncurrency: CNY\n"
    "fields:\n"
    "  external_id: {type: text, identity: true, unique: true, index: sort}\n"
    "  phone: {type: text, identity: true}\n"
    "  city: {type: text, index: values}\n"
    "  lifecycle: {type: enum, values: [lead, prospect, active, dormant, lost]}\n"
    "  score: {type: integer, min: 0, max: 1000}\n"
    "  first_seen: {type: datetime}\n"
    "tags: {region: {}, value: {}, behaviour: {}, campaign: {}}\n"
    "events:\n"
    "  visit:\n"
    "  quote: {attributes: {amount: {type: money, fast: true}}}\n"
    "  order: {attributes: {amount: {type: money, fast: true}}}\n";

static crm_txn *begin(int mode, uint64_t batch)
{
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    crm_txn *txn;

    o.batch = batch;
    o.now_us = NOW * 1000000;
    must(crm_txn_begin(db, mode, &o, &txn, &err), "begin");
    return txn;
}

static void external_id(uint64_t id, char out[16])
{
    snprintf(out, 16, "C%09llu", (unsigned long long)(id * 387420489u % 1000000007u));
}

/* One customer in 25 has that of the one before. */
static uint64_t phone_of(uint64_t id)
{
    return 13800000000u + (id % 25 ? id : id - 1);
}

static void add_customer(crm_txn *txn, uint64_t id)
{
    char json[4096], ext[16], tag[TAG_ROOM], *at = json;
    customer c;

    make_customer(id, &c);
    external_id(id, ext);
    at += sprintf(at,
                  "{\"external_id\":\"%s\",\"phone\":\"%llu\",\"city\":\"city %d\","
                  "\"lifecycle\":\"%s\",\"score\":%d,\"first_seen\":",
                  ext, (unsigned long long)phone_of(id), c.city, LIFECYCLE[c.lifecycle], c.score);
    {
        time_t t = (time_t)c.first_seen;
        struct tm tm;
        gmtime_r(&t, &tm);
        at += strftime(at, 40, "\"%Y-%m-%dT%H:%M:%SZ\",\"tags\":[", &tm);
    }
    for (int i = 0; i < c.tag_count; i++) {
        tag_name(c.tags[i], tag);
        at += sprintf(at, "%s\"%s\"", i ? "," : "", tag);
    }
    sprintf(at, "]}");
    must(crm_customer_create_json(txn, json, CRM_NUL, NULL, &err), "create");
}

static void add_events(crm_txn *txn, crm_event *e, const crm_event_kind *kind,
                       const crm_field *amount, uint64_t id)
{
    happening h;
    char text[40];

    for (int k = 0; k < make_event(id, k, &h); k++) {
        crm_event_clear(e);
        must(crm_event_set_kind(e, &kind[h.kind], &err), "kind");
        must(crm_event_set_time(e, h.time * 1000000, &err), "time");
        if (h.kind != VISIT) {
            int n = snprintf(text, sizeof text, "%lld.%02lld CNY", (long long)h.cents / 100,
                             (long long)h.cents % 100);
            must(crm_event_set(e, &amount[h.kind], text, (size_t)n, &err), "amount");
        }
        must(crm_event_add(txn, id, e, NULL, &err), "add");
    }
}

static void load_crm(const char *dir, uint64_t n)
{
    crm_event_kind kind[KINDS];
    crm_field amount[KINDS];
    crm_event *e = NULL;
    char path[4200];

    snprintf(path, sizeof path, "%s/crm", dir);
    must(crm_db_open(path, NULL, &db, &err), "open");
    {
        crm_txn *txn = begin(CRM_WRITE, 0);
        must(crm_model_apply(txn, MODEL, CRM_NUL, 0, NULL, NULL, &err), "model");
        must(crm_txn_commit(txn, &err), "commit");
    }
    for (uint64_t i = 0; i < n; i += PART) {
        crm_txn *txn = begin(CRM_WRITE, CRM_BATCH_NEW);
        if (!e) {
            must(crm_event_new(txn, &e, &err), "event");
            for (int k = 0; k < KINDS; k++)
                must(crm_event_kind_find(txn, KIND[k], CRM_NUL, &kind[k], &err), KIND[k]);
            for (int k = QUOTE; k <= ORDER; k++)
                must(crm_attribute_find(txn, &kind[k], "amount", CRM_NUL, &amount[k], &err),
                     "amount");
        }
        for (uint64_t id = i + 1; id <= n && id <= i + PART; id++)
            add_customer(txn, id);
        for (uint64_t id = i + 1; id <= n && id <= i + PART; id++)
            add_events(txn, e, kind, amount, id);
        must(crm_txn_commit(txn, &err), "commit");
    }
    crm_event_free(e);
}

static void load_sqlite(const char *dir, uint64_t n)
{
    sqlite3_stmt *cust, *tag, *ev;
    char path[4200], text[40];

    snprintf(path, sizeof path, "%s/sqlite.db", dir);
    if (sqlite3_open(path, &sql))
        die("sqlite: %s", sqlite3_errmsg(sql));
    run_sql("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-262144;"
            "PRAGMA mmap_size=4294967296;"
            "CREATE TABLE customer(id INTEGER PRIMARY KEY, external_id TEXT, city TEXT,"
            " lifecycle TEXT, score INTEGER, first_seen INTEGER, phone INTEGER);"
            "CREATE TABLE customer_tag(tag TEXT, customer INTEGER, PRIMARY KEY(tag, customer))"
            " WITHOUT ROWID;"
            "CREATE TABLE event(kind TEXT, time INTEGER, customer INTEGER, cents INTEGER); BEGIN");
    cust = prepare("INSERT INTO customer VALUES(?,?,?,?,?,?,?)");
    tag = prepare("INSERT INTO customer_tag VALUES(?,?)");
    ev = prepare("INSERT INTO event VALUES(?,?,?,?)");
    for (uint64_t id = 1; id <= n; id++) {
        customer c;
        happening h;
        make_customer(id, &c);
        external_id(id, text);
        sqlite3_bind_int64(cust, 1, (sqlite3_int64)id);
        sqlite3_bind_text(cust, 2, text, -1, SQLITE_TRANSIENT);
        snprintf(text, sizeof text, "city %d", c.city);
        sqlite3_bind_text(cust, 3, text, -1, SQLITE_TRANSIENT);
        sqlite3_bind_text(cust, 4, LIFECYCLE[c.lifecycle], -1, SQLITE_STATIC);
        sqlite3_bind_int(cust, 5, c.score);
        sqlite3_bind_int64(cust, 6, c.first_seen);
        sqlite3_bind_int64(cust, 7, (sqlite3_int64)phone_of(id));
        step(cust);
        for (int i = 0; i < c.tag_count; i++) {
            tag_name(c.tags[i], text);
            sqlite3_bind_text(tag, 1, text, -1, SQLITE_TRANSIENT);
            sqlite3_bind_int64(tag, 2, (sqlite3_int64)id);
            step(tag);
        }
        for (int k = 0; k < make_event(id, k, &h); k++) {
            sqlite3_bind_text(ev, 1, KIND[h.kind], -1, SQLITE_STATIC);
            sqlite3_bind_int64(ev, 2, h.time);
            sqlite3_bind_int64(ev, 3, (sqlite3_int64)id);
            sqlite3_bind_int64(ev, 4, h.kind == VISIT ? 0 : h.cents);
            step(ev);
        }
    }
    sqlite3_finalize(cust);
    sqlite3_finalize(tag);
    sqlite3_finalize(ev);
    run_sql("COMMIT; CREATE INDEX event_kind ON event(kind, time, customer, cents);"
            "CREATE INDEX tag_customer ON customer_tag(customer, tag);"
            "CREATE INDEX place ON customer(city, lifecycle, first_seen);"
            "CREATE INDEX phone ON customer(phone);"
            "CREATE INDEX best ON customer(score DESC, external_id); ANALYZE");
}

/* ---- questions ---- */

#define CHOSEN "(tag(value:t1) or tag(campaign:t3)) and tag(region:t0) and not tag(behaviour:t2)"
#define CHOSEN_SQL                                                                                 \
    "(SELECT customer FROM customer_tag WHERE tag='value:t1' UNION SELECT customer FROM "          \
    "customer_tag WHERE tag='campaign:t3') INTERSECT SELECT customer FROM customer_tag WHERE "     \
    "tag='region:t0' EXCEPT SELECT customer FROM customer_tag WHERE tag='behaviour:t2'"
#define HAS(t) "EXISTS(SELECT 1 FROM customer_tag WHERE tag='" t "' AND customer=c.customer)"

enum { COUNT, FACET, FIRST, MONTHS, SHARED };
typedef struct question {
    const char *what;
    int how;
    const char *text, *sql;
} question;

static const question ASK[] = {
    {"two tags", COUNT, "tag(region:t0) and tag(value:t1)",
     "SELECT count(*) FROM customer_tag c WHERE tag='region:t0' AND " HAS("value:t1")},
    {"two rare tags", COUNT, "tag(region:t60) and tag(value:t61)",
     "SELECT count(*) FROM customer_tag c WHERE tag='region:t60' AND " HAS("value:t61")},
    {"(A or B) and C and not D", COUNT, CHOSEN,
     "SELECT count(*) FROM customer_tag c WHERE tag='region:t0' AND (" HAS("value:t1") " OR " HAS(
         "campaign:t3") ") AND NOT " HAS("behaviour:t2")},
    {"city, stage, seen in 90 days", COUNT,
     "city = \"city 3\" and lifecycle = active and first_seen >= 2025-10-03T00:00:00Z",
     "SELECT count(*) FROM customer WHERE city='city 3' AND lifecycle='active' AND "
     "first_seen>=1759449600"},
    {"quote, but no order, in 90 days", COUNT,
     "event(quote, since 2025-10-03) and not event(order, since 2025-10-03)",
     "SELECT count(*) FROM (SELECT customer FROM event WHERE kind='quote' AND time>=1759449600 "
     "EXCEPT SELECT customer FROM event WHERE kind='order' AND time>=1759449600)"},
    {"3 orders and 1,000 in 365 days", COUNT,
     "count(order, since 2025-01-01) >= 3 and sum(order.amount, since 2025-01-01) >= 1000",
     "SELECT count(*) FROM (SELECT customer FROM event WHERE kind='order' AND time>=1735689600 "
     "GROUP BY customer HAVING count(*)>=3 AND sum(cents)>=100000)"},
    {"orders and their sum by month", MONTHS, "all",
     "SELECT strftime('%Y-%m', time, 'unixepoch'), count(*), sum(cents) FROM event WHERE "
     "kind='order' AND time>=1735689600 AND time<1767225600 GROUP BY 1"},
    {"who shares a phone", SHARED, "all",
     "SELECT count(*) FROM customer WHERE phone IN (SELECT phone FROM customer GROUP BY phone "
     "HAVING count(*)>1)"},
    {"the same set by each of 64 tags", FACET, CHOSEN,
     "SELECT t.tag, count(*) FROM customer_tag c JOIN customer_tag t ON t.customer=c.customer "
     "WHERE c.tag='region:t0' AND (" HAS("value:t1") " OR " HAS("campaign:t3") ") AND NOT " HAS(
         "behaviour:t2") " GROUP BY t.tag"},
    {"the 100 best with a tag", FIRST, "score >= 800 and tag(behaviour:t2)",
     "SELECT id FROM customer c WHERE score>=800 AND EXISTS(SELECT 1 FROM customer_tag WHERE "
     "tag='behaviour:t2' AND customer=c.id) ORDER BY score DESC, external_id LIMIT 100"},
};

static uint64_t mixed(const char *text, uint64_t n)
{
    uint64_t h = n;

    for (; *text; text++)
        h = mix(h + (unsigned char)*text);
    return h;
}

static int on_facet(const crm_facet *f, void *ctx)
{
    *(uint64_t *)ctx += mixed(f->value, f->count);
    return 0;
}

static uint64_t month(const char *name, uint64_t count, uint64_t cents)
{
    return mixed(name, mix(count) + cents);
}

/* "12.5" of money as cents. */
static uint64_t cents_of(const char *text)
{
    char *end;
    uint64_t v = strtoull(text, &end, 10) * 100;

    if (*end == '.')
        v += (uint64_t)(end[1] - '0') * 10 + (end[2] ? (uint64_t)(end[2] - '0') : 0);
    return v;
}

static uint64_t ask_months(crm_txn *txn, const crm_segment *s, const crm_segment_options *o)
{
    crm_numbers *t;
    uint64_t answer = 0;
    size_t rows, groups, values;

    must(crm_numbers_ask(txn, s,
                         "count(order), sum(order.amount) by month between 2025-01 and 2025-12",
                         CRM_NUL, o, &t, &err),
         "months");
    crm_numbers_size(t, &rows, &groups, &values);
    for (size_t i = 0; i < rows; i++) {
        crm_number_group g;
        crm_number_value count, sum;
        must(crm_numbers_group(t, i, 0, &g, &err), "group");
        must(crm_numbers_value(t, i, 0, &count, &err), "count");
        must(crm_numbers_value(t, i, 1, &sum, &err), "sum");
        if (strcmp(count.text, "0") != 0)
            answer += month(g.text, strtoull(count.text, NULL, 10), cents_of(sum.text));
    }
    crm_numbers_free(t);
    return answer;
}

static uint64_t ask_shared(crm_txn *txn)
{
    uint64_t customers, values;
    crm_field phone;

    must(crm_field_find(txn, "phone", CRM_NUL, &phone, &err), "phone");
    must(crm_customer_shared(txn, &phone, &customers, &values, &err), "shared");
    return customers;
}

static uint64_t ask_crm(crm_txn *txn, const question *q, const crm_segment *s, uint32_t threads)
{
    crm_segment_options o = CRM_SEGMENT_OPTIONS_INIT;
    crm_segment_iter *it;
    uint64_t answer = 0;
    crm_id id;

    o.threads = threads;
    if (q->how == COUNT) {
        must(crm_segment_count(txn, s, &o, &answer, &err), q->what);
    } else if (q->how == FACET) {
        must(crm_segment_facet(txn, s, "tags", &o, on_facet, &answer, &err), q->what);
    } else if (q->how == MONTHS) {
        answer = ask_months(txn, s, &o);
    } else if (q->how == SHARED) {
        answer = ask_shared(txn);
    } else {
        o.order = "score desc, external_id";
        o.limit = 100;
        must(crm_segment_list(txn, s, &o, &it, &err), q->what);
        while (crm_segment_next(it, &id, &err) == CRM_OK)
            answer = mix(answer + id);
        crm_segment_list_close(it);
    }
    return answer;
}

static uint64_t ask_sqlite(const question *q, sqlite3_stmt *s)
{
    uint64_t answer = 0;

    while (sqlite3_step(s) == SQLITE_ROW) {
        if (q->how == FACET)
            answer += mixed((const char *)sqlite3_column_text(s, 0),
                            (uint64_t)sqlite3_column_int64(s, 1));
        else if (q->how == MONTHS)
            answer +=
                month((const char *)sqlite3_column_text(s, 0), (uint64_t)sqlite3_column_int64(s, 1),
                      (uint64_t)sqlite3_column_int64(s, 2));
        else if (q->how == FIRST)
            answer = mix(answer + (uint64_t)sqlite3_column_int64(s, 0));
        else
            answer = (uint64_t)sqlite3_column_int64(s, 0);
    }
    sqlite3_reset(s);
    return answer;
}

static double thread_cpu(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void ask(crm_txn *txn, const question *q)
{
    series one = {{0}, 0}, two = {{0}, 0}, other = {{0}, 0};
    sqlite3_stmt *s = prepare(q->sql);
    crm_segment *segment;

    must(crm_segment_parse(txn, q->text, CRM_NUL, &segment, &err), q->text);
    for (int i = 0; i <= runs; i++) { /* the first is for warming up */
        double at[4], clock;
        uint64_t a, b, c;
        at[0] = thread_cpu();
        a = ask_crm(txn, q, segment, 0);
        at[1] = thread_cpu();
        b = ask_sqlite(q, s);
        at[2] = thread_cpu();
        clock = measure_now();
        c = ask_crm(txn, q, segment, 2);
        at[3] = (measure_now() - clock) * 1e3;
        if (a != b || a != c)
            die("%s: the answers are %llu, %llu and %llu", q->what, (unsigned long long)a,
                (unsigned long long)b, (unsigned long long)c);
        if (i) {
            series_add(&one, at[1] - at[0]);
            series_add(&two, at[3]);
            series_add(&other, at[2] - at[1]);
        }
    }
    printf("%-34s %10.4f %12.4f %12.4f %10.1f\n", q->what, series_median(&one), series_median(&two),
           series_median(&other), series_median(&other) / series_median(&one));
    fflush(stdout);
    crm_segment_free(segment);
    sqlite3_finalize(s);
}

/* ---- watched segments ---- */

enum { WATCHED = 100, COMMITS = 200 };

/* Conditions on tags as those who tag ask them, and for half of them on events. */
static void watch_all(void)
{
    char name[16], text[300], tag[4][TAG_ROOM];
    crm_txn *txn = begin(CRM_WRITE, 0);

    for (int i = 0; i < WATCHED; i++) {
        crm_segment *s;
        for (int t = 0; t < 4; t++)
            tag_name((i * 7 + t * 11) % TAGS, tag[t]);
        snprintf(name, sizeof name, "watched %d", i);
        snprintf(text, sizeof text, "(tag(%s) or tag(%s)) and tag(%s) and not tag(%s)%s", tag[0],
                 tag[1], tag[2], tag[3], i % 2 ? " and count(order, last 365 days) >= 2" : "");
        must(crm_segment_parse(txn, text, CRM_NUL, &s, &err), text);
        must(crm_segment_save(txn, name, s, 0, &err), "save");
        must(crm_segment_watch(txn, name, &err), "watch");
        crm_segment_free(s);
    }
    must(crm_txn_commit(txn, &err), "commit");
}

/* One tag given or taken, one durable commit, again and again: processor time and the clock's, of
 * one, in microseconds.  A tag of those that the watched segments ask about, or one that none does. */
static void commit_tags(int asked, uint64_t n, uint64_t *seed, double *cpu, double *clock)
{
    double at = thread_cpu(), began = measure_now();

    for (int i = 0; i < COMMITS; i++) {
        crm_txn *txn = begin(CRM_WRITE, 0);
        char tag[TAG_ROOM];
        uint64_t r = mix(++*seed);
        int rc;
        if (asked)
            tag_name((int)(r % TAGS), tag);
        else
            snprintf(tag, sizeof tag, "campaign:new");
        rc = r >> 63 ? crm_tag_add(txn, 1 + (r >> 8) % n, tag, NULL, &err)
                     : crm_tag_remove(txn, 1 + (r >> 8) % n, tag, &err);
        must(rc < 0 ? rc : CRM_OK, "tag");
        must(crm_txn_commit(txn, &err), "commit");
    }
    *cpu = (thread_cpu() - at) * 1e3 / COMMITS;
    *clock = (measure_now() - began) * 1e6 / COMMITS;
}

static void commits(const char *what, int asked, uint64_t n, uint64_t *seed)
{
    series cpu = {{0}, 0}, clock = {{0}, 0};

    for (int i = 0; i <= runs; i++) {
        double a, b;
        commit_tags(asked, n, seed, &a, &b);
        if (i) {
            series_add(&cpu, a);
            series_add(&clock, b);
        }
    }
    printf("%-34s %10.1f %12.1f\n", what, series_median(&cpu), series_median(&clock));
    fflush(stdout);
}

static void advance_days(void)
{
    crm_live_advanced d = CRM_LIVE_ADVANCED_INIT;
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    series cpu = {{0}, 0}, clock = {{0}, 0};
    uint64_t moved = 0;

    for (int i = 1; i <= runs; i++) {
        double at = thread_cpu(), began = measure_now();
        o.now_us = (NOW + i * DAY) * 1000000;
        must(crm_live_advance(db, &o, NULL, NULL, &d, &err), "advance");
        series_add(&cpu, (thread_cpu() - at) * 1e3);
        series_add(&clock, (measure_now() - began) * 1e6);
        moved += d.entered + d.left;
    }
    printf("%-34s %10.1f %12.1f   %.0f in and out\n", "the clock, by a day", series_median(&cpu),
           series_median(&clock), (double)moved / runs);
}

/* A tag for all of a segment in one durable commit; taken again, which is not counted. */
static void tag_all(void)
{
    series cpu = {{0}, 0}, clock = {{0}, 0};
    uint64_t changed = 0;

    for (int i = 0; i <= runs; i++) {
        for (int take = 0; take < 2; take++) {
            double at = thread_cpu(), began = measure_now();
            crm_txn *txn = begin(CRM_WRITE, 0);
            crm_segment *s;
            must(crm_segment_parse(txn, "tag(region:t0) and tag(value:t1)", CRM_NUL, &s, &err),
                 "parse");
            if (take)
                must(crm_segment_untag(txn, s, "campaign:new", NULL, &changed, &err), "untag");
            else
                must(crm_segment_tag(txn, s, "campaign:new", NULL, NULL, &changed, &err), "tag");
            must(crm_txn_commit(txn, &err), "commit");
            crm_segment_free(s);
            if (i && !take) {
                series_add(&cpu, (thread_cpu() - at) * 1e3);
                series_add(&clock, (measure_now() - began) * 1e6);
            }
        }
    }
    printf("%-34s %10.1f %12.1f   %llu customers\n", "a tag for all with two tags",
           series_median(&cpu), series_median(&clock), (unsigned long long)changed);
}

static void live(uint64_t n)
{
    uint64_t seed = 1;

    printf("\n%-34s %10s %12s\n", "microseconds", "processor", "clock");
    commits("a tag, one durable commit", 1, n, &seed);
    commits("one that no segment asks about", 0, n, &seed);
    tag_all();
    watch_all();
    commits("a tag, 100 segments watched", 1, n, &seed);
    commits("one that none of them asks about", 0, n, &seed);
    advance_days();
}

static void clear_away(const char *dir)
{
    static const char *const FILES[] = {"crm/data.mdb", "crm/data.log", "crm/lock.mdb",
                                        "crm/crm.lock", "sqlite.db"};
    char path[4200];

    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, FILES[i]);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/crm", dir);
    rmdir(path);
    rmdir(dir);
}

int main(int argc, char **argv)
{
    uint64_t n = 200000;
    char dir[4000] = "";
    crm_txn *txn;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--smoke") == 0)
            n = 3000;
        else if (strcmp(argv[i], "--dir") == 0 && i + 1 < argc)
            snprintf(dir, sizeof dir, "%s", argv[++i]);
        else if (strcmp(argv[i], "--runs") == 0 && i + 1 < argc)
            runs = atoi(argv[++i]);
        else
            n = strtoull(argv[i], NULL, 10);
    }
    if (!n || runs < 1 || runs > MEASURE_RUNS)
        die("usage: bench_segments [CUSTOMERS] [--runs R] [--dir DIR] [--smoke]");
    if (!*dir) {
        const char *tmp = getenv("TMPDIR");
        snprintf(dir, sizeof dir, "%s/bench_segments.XXXXXX", tmp ? tmp : "/tmp");
        if (!mkdtemp(dir))
            die("can't make a folder");
    }
    load_crm(dir, n);
    load_sqlite(dir, n);
    printf("%llu customers, median of %d, milliseconds\n%-34s %10s %12s %12s %10s\n",
           (unsigned long long)n, runs, "", "libcrm", "2 threads", "SQLite", "times");
    txn = begin(CRM_READ, 0);
    for (size_t i = 0; i < sizeof ASK / sizeof *ASK; i++)
        ask(txn, &ASK[i]);
    crm_txn_abort(txn);
    live(n);
    crm_db_close(db);
    sqlite3_close(sql);
    clear_away(dir);
    return 0;
}
