/* SPDX-License-Identifier: MIT
 * crm_peer: tags of the reference files, and the questions over all customers.
 */
#include "peer.h"

#include <inttypes.h>

enum { TAGS = 256, TAG_BYTES = 64, FIRST = 100 };

/* ---- tags ---- */

typedef struct tag_list {
    char name[TAG_BYTES];
    size_t length;
    crm_id *ids;
    size_t count, cap;
} tag_list;

static tag_list tags[TAGS];
static size_t tag_count;

static tag_list *tag_of(const char *p, size_t n)
{
    for (size_t i = 0; i < tag_count; i++) {
        if (tags[i].length == n && memcmp(tags[i].name, p, n) == 0)
            return &tags[i];
    }
    if (tag_count == TAGS || n >= TAG_BYTES)
        die("more tags, or longer ones, than the data should have");
    memcpy(tags[tag_count].name, p, n);
    tags[tag_count].length = n;
    return &tags[tag_count++];
}

void peer_tag_row(crm_id id, cell list)
{
    const char *p = list.p, *end = p + list.n;

    while (p < end) {
        const char *semicolon = memchr(p, ';', (size_t)(end - p));
        size_t n = (size_t)((semicolon ? semicolon : end) - p);
        tag_list *t = tag_of(p, n);
        if (t->count == t->cap) {
            t->cap = t->cap ? t->cap * 2 : 1024;
            t->ids = realloc(t->ids, t->cap * sizeof *t->ids);
            if (!t->ids)
                die("out of memory");
        }
        t->ids[t->count++] = id;
        p += n + 1;
    }
}

void peer_tag_flush(crm_txn *txn)
{
    for (size_t i = 0; i < tag_count; i++) {
        uint64_t changed;
        tags[i].name[tags[i].length] = 0;
        if (tags[i].count)
            must(crm_tag_add_many(txn, tags[i].ids, tags[i].count, tags[i].name, NULL, &changed,
                                  &err),
                 "tags");
        tags[i].count = 0;
    }
}

/* ---- questions ---- */

static crm_segment *parse(crm_txn *txn, const char *text)
{
    crm_segment *s;

    must(crm_segment_parse(txn, text, CRM_NUL, &s, &err), text);
    return s;
}

/* Counts and facets, by so many threads as the command line says; the lines say so, too. */
static crm_segment_options by_threads = CRM_SEGMENT_OPTIONS_INIT;
static char threads_note[32];

/* Short questions are timed many at a time. */
static void time_one(series *s, double (*ask)(void *ctx), void *ctx)
{
    double first = ask(ctx), total = 0;
    int n = 1;

    if (first < 2e-3)
        n = first > 0 ? (int)(5e-3 / first) + 1 : 1000;
    for (int i = 0; i < n; i++)
        total += ask(ctx);
    series_add(s, total * 1e3 / n);
}

typedef struct question {
    crm_txn *txn;
    crm_segment *segment;
    uint64_t count, more;
} question;

static double ask_count(void *ctx)
{
    question *q = ctx;
    double start = measure_now();

    must(crm_segment_count(q->txn, q->segment, &by_threads, &q->count, &err), "count");
    return measure_now() - start;
}

static void bench_count(crm_txn *txn, const char *op, const char *text, int runs)
{
    question q = {txn, parse(txn, text), 0, 0};
    series s = {{0}, 0};
    char result[32];

    for (int run = 0; run < runs; run++)
        time_one(&s, ask_count, &q);
    snprintf(result, sizeof result, "%" PRIu64, q.count);
    emit(op, 1, &s, "ms", result, threads_note);
    crm_segment_free(q.segment);
}

/* FNV-1a of rows, as the other peers have it. */
static uint64_t hash_text(uint64_t h, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        h = (h ^ (uint8_t)p[i]) * 0x100000001b3u;
    return h;
}

typedef struct facet_rows {
    char line[TAGS][TAG_BYTES + 24];
    size_t count;
} facet_rows;

static int on_facet(const crm_facet *f, void *ctx)
{
    facet_rows *r = ctx;

    if (r->count == TAGS)
        die("too many tags");
    snprintf(r->line[r->count++], sizeof r->line[0], "%s,%" PRIu64 "\n", f->value, f->count);
    return 0;
}

static int by_line(const void *a, const void *b)
{
    return strcmp(a, b);
}

typedef struct facet_question {
    question q;
    facet_rows rows;
} facet_question;

static double ask_facet(void *ctx)
{
    facet_question *f = ctx;
    double start = measure_now();

    f->rows.count = 0;
    must(crm_segment_facet(f->q.txn, f->q.segment, "tags", &by_threads, on_facet, &f->rows, &err),
         "facet");
    qsort(f->rows.line, f->rows.count, sizeof f->rows.line[0], by_line);
    return measure_now() - start;
}

static void bench_facet(crm_txn *txn, const char *text, int runs)
{
    static facet_question f;
    series s = {{0}, 0};
    uint64_t h = 0xcbf29ce484222325u;
    char result[64];

    f.q = (question){txn, parse(txn, text), 0, 0};
    for (int run = 0; run < runs; run++)
        time_one(&s, ask_facet, &f);
    for (size_t i = 0; i < f.rows.count; i++)
        h = hash_text(h, f.rows.line[i], strlen(f.rows.line[i]));
    snprintf(result, sizeof result, "%zu:%016" PRIx64, f.rows.count, h);
    emit("S7", 1, &s, "ms", result, threads_note);
    crm_segment_free(f.q.segment);
}

typedef struct top_question {
    question q;
    crm_customer *c;
    uint64_t hash;
    size_t rows;
} top_question;

static double ask_top(void *ctx)
{
    top_question *t = ctx;
    crm_segment_options o = CRM_SEGMENT_OPTIONS_INIT;
    double start = measure_now();
    crm_segment_iter *it;
    crm_id id;

    o.order = "score desc, external_id";
    o.limit = FIRST;
    t->hash = 0xcbf29ce484222325u;
    t->rows = 0;
    must(crm_segment_list(t->q.txn, t->q.segment, &o, &it, &err), "list");
    while (crm_segment_next(it, &id, &err) == CRM_OK) {
        const char *text;
        char line[64];
        int64_t score;
        size_t n;
        must(crm_customer_get(t->q.txn, id, t->c, &err), "get");
        must(crm_customer_text(t->c, &peer_field[0], 0, &text, &n, &err), "external id");
        must(crm_customer_integer(t->c, &peer_field[SCORE], 0, &score, &err), "score");
        n = (size_t)snprintf(line, sizeof line, "%.*s,%" PRId64 "\n", (int)n, text, score);
        t->hash = hash_text(t->hash, line, n);
        t->rows++;
    }
    crm_segment_list_close(it);
    return measure_now() - start;
}

static void bench_top(crm_txn *txn, const char *text, int runs)
{
    top_question t = {{txn, parse(txn, text), 0, 0}, NULL, 0, 0};
    series s = {{0}, 0};
    char result[64];

    must(crm_customer_new(txn, &t.c, &err), "record");
    for (int run = 0; run < runs; run++)
        time_one(&s, ask_top, &t);
    snprintf(result, sizeof result, "%zu:%016" PRIx64, t.rows, t.hash);
    emit("S8", 1, &s, "ms", result, NULL);
    crm_customer_free(t.c);
    crm_segment_free(t.q.segment);
}

/* Customers who share their phone with another, and how many phones that are. */
static double ask_shared(void *ctx)
{
    question *q = ctx;
    double start = measure_now();
    uint64_t customers, values;

    must(crm_customer_shared(q->txn, &peer_field[3], &customers, &values, &err), "shared");
    q->count = customers;
    q->more = values;
    return measure_now() - start;
}

static void bench_shared(crm_txn *txn, int runs)
{
    question q = {txn, NULL, 0, 0};
    series s = {{0}, 0};
    char line[64], result[64];
    int n;

    for (int run = 0; run < runs; run++)
        time_one(&s, ask_shared, &q);
    n = snprintf(line, sizeof line, "%" PRIu64 ",%" PRIu64 "\n", q.count, q.more);
    snprintf(result, sizeof result, "1:%016" PRIx64,
             hash_text(0xcbf29ce484222325u, line, (size_t)n));
    emit("D1", 1, &s, "ms", result, NULL);
}

/* Orders of twelve months: how many, and their sum in cents. */
typedef struct months_question {
    question q;
    uint64_t hash;
    size_t rows;
} months_question;

/* Cents of an exact amount with two digits behind the point at most. */
static int64_t cents_of(const char *text)
{
    const char *point = strchr(text, '.');
    int64_t whole = strtoll(text, NULL, 10);

    return whole * 100 + (point ? strtoll(point + 1, NULL, 10) : 0);
}

static double ask_months(void *ctx)
{
    months_question *m = ctx;
    double start = measure_now();
    crm_numbers *t;

    must(crm_numbers_ask(m->q.txn, m->q.segment,
                         "count(order), sum(order.amount) by month between 2025-01 and 2025-12",
                         CRM_NUL, NULL, &t, &err),
         "numbers");
    m->hash = 0xcbf29ce484222325u;
    crm_numbers_size(t, &m->rows, NULL, NULL);
    for (size_t r = 0; r < m->rows; r++) {
        crm_number_group g;
        crm_number_value count, sum;
        char line[96];
        int n;
        must(crm_numbers_group(t, r, 0, &g, &err), "group");
        must(crm_numbers_value(t, r, 0, &count, &err), "count");
        must(crm_numbers_value(t, r, 1, &sum, &err), "sum");
        n = snprintf(line, sizeof line, "%s,%s,%" PRId64 "\n", g.text, count.text,
                     cents_of(sum.text));
        m->hash = hash_text(m->hash, line, (size_t)n);
    }
    crm_numbers_free(t);
    return measure_now() - start;
}

static void bench_months(crm_txn *txn, int runs)
{
    months_question m = {{txn, parse(txn, "all"), 0, 0}, 0, 0};
    series s = {{0}, 0};
    char result[64];

    for (int run = 0; run < runs; run++)
        time_one(&s, ask_months, &m);
    snprintf(result, sizeof result, "%zu:%016" PRIx64, m.rows, m.hash);
    emit("A1", 1, &s, "ms", result, NULL);
    crm_segment_free(m.q.segment);
}

#define SEG                                                                                        \
    "(tag(region:shanghai) or tag(region:beijing)) and tag(value:high) and "                       \
    "not tag(behaviour:churn-risk)"

void peer_segments(crm_db *db, const peer_options *o)
{
    static const char *const QUESTION[][2] = {
        {"S1", "tag(behaviour:active) and tag(value:high)"},
        {"S1r", "tag(region:shanghai) and tag(industry:furniture)"},
        {"S2", SEG},
        {"S3", "city = \"Guangzhou\" and lifecycle = active and "
               "first_seen >= 2025-10-03T00:00:00Z"},
        {"S4", "event(quote, since 2025-10-03) and not event(order, since 2025-10-03)"},
        {"S5", "count(order, since 2025-01-01) >= 3 and "
               "sum(order.amount, since 2025-01-01) >= 1000"},
    };
    crm_txn *txn;

    by_threads.threads = o->threads;
    snprintf(threads_note, sizeof threads_note, ",\"threads\":%u", o->threads);
    must(crm_txn_begin(db, CRM_READ, NULL, &txn, &err), "begin");
    for (size_t i = 0; i < sizeof QUESTION / sizeof *QUESTION; i++) {
        if (o->customers && (i == 4 || i == 5))
            continue;
        bench_count(txn, QUESTION[i][0], QUESTION[i][1], o->runs);
    }
    bench_facet(txn, SEG, o->runs);
    bench_top(txn, "score >= 800 and tag(behaviour:active)", o->runs);
    if (!o->customers)
        bench_months(txn, o->runs);
    bench_shared(txn, o->runs);
    crm_txn_abort(txn);
}

void peer_tag_segment(crm_db *db, int runs)
{
    series s = {{0}, 0};
    uint64_t changed = 0;
    char result[32], tag[64];

    for (int run = 0; run < runs; run++) {
        double start = measure_now();
        crm_segment *segment;
        crm_txn *txn;
        snprintf(tag, sizeof tag, "campaign:u2-%d", run);
        must(crm_txn_begin(db, CRM_WRITE, NULL, &txn, &err), "begin");
        segment = parse(txn, SEG);
        must(crm_segment_tag(txn, segment, tag, NULL, NULL, &changed, &err), "tag");
        crm_segment_free(segment);
        must(crm_txn_commit(txn, &err), "commit");
        series_add(&s, (measure_now() - start) * 1e3);
    }
    snprintf(result, sizeof result, "%" PRIu64, changed);
    emit("U2", 1, &s, "ms", result, NULL);
}
