/* SPDX-License-Identifier: MIT
 * Events and the journal, measured: adding, timelines, the size on disk, verifying, undoing, the
 * growth of the file under an idle reader, and waking one who waits.
 *   bench_events [CUSTOMERS] [--dir DIR] [--smoke]
 * Ten events a customer in the mix of a small shop, in order of customers as an import sorts them;
 * then single ones.  Judges nothing.
 */
#include "measure.h"

#include <crm/crm.h>
#include <pthread.h>
#include <stdarg.h>
#include <unistd.h>

enum { EVENTS = 10, PART = 100000, SINGLES = 2000, PAGE = 50, PAGES = 20000, WAKES = 500 };
static const int64_t FIRST = INT64_C(1704067200000000); /* 2024 */

static crm_error err = CRM_ERROR_INIT;
static crm_db *db;
static const char *const KIND[] = {"visit", "quote", "order", "call", "email", "feedback"};
enum { VISIT, QUOTE, ORDER, CALL, MAIL, FEEDBACK, KINDS };
static crm_event_kind kind[KINDS];
static crm_field amount[KINDS], product[KINDS], score;

static void die(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
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

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

static crm_txn *begin(int mode, uint64_t batch)
{
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    crm_txn *txn;

    o.batch = batch;
    must(crm_txn_begin(db, mode, &o, &txn, &err), "begin");
    return txn;
}

static void show(const char *what, double value, const char *unit)
{
    printf("%-44s %12.4g %s\n", what, value, unit);
    fflush(stdout);
}

static uint64_t space_bytes(const char *name)
{
    crm_space_stat s;
    size_t pos = 0;

    while (crm_db_space_next(db, &pos, &s, &err) == CRM_OK) {
        if (strcmp(s.name, name) == 0)
            return s.bytes;
    }
    return 0;
}

static void open_db(const char *dir)
{
    crm_txn *txn;

    must(crm_db_open(dir, NULL, &db, &err), "open");
    txn = begin(CRM_READ, 0);
    for (int i = 0; i < KINDS; i++)
        must(crm_event_kind_find(txn, KIND[i], CRM_NUL, &kind[i], &err), KIND[i]);
    for (int i = QUOTE; i <= ORDER; i++) {
        must(crm_attribute_find(txn, &kind[i], "amount", CRM_NUL, &amount[i], &err), "amount");
        must(crm_attribute_find(txn, &kind[i], "product", CRM_NUL, &product[i], &err), "product");
    }
    must(crm_attribute_find(txn, &kind[FEEDBACK], "score", CRM_NUL, &score, &err), "score");
    crm_txn_abort(txn);
}

static double load_customers(uint64_t n, uint64_t batch)
{
    double start = measure_now();
    char json[160];

    for (uint64_t i = 0; i < n; i += PART) {
        crm_txn *txn = begin(CRM_WRITE, batch);
        for (uint64_t k = i; k < n && k < i + PART; k++) {
            snprintf(json, sizeof json,
                     "{\"name\":\"N%llu\",\"phone\":\"+861380%07llu\",\"city\":\"Shanghai\"}",
                     (unsigned long long)k, (unsigned long long)(k % 10000000));
            must(crm_customer_create_json(txn, json, CRM_NUL, NULL, &err), "create");
        }
        must(crm_txn_commit(txn, &err), "commit");
    }
    return measure_now() - start;
}

static void make_event(crm_event *e, uint64_t seed)
{
    uint64_t r = mix(seed);
    unsigned part = (unsigned)(r % 100);
    int k = part < 47   ? VISIT
            : part < 62 ? MAIL
            : part < 76 ? ORDER
            : part < 86 ? CALL
            : part < 95 ? QUOTE
                        : FEEDBACK;
    char text[32];
    int n;

    crm_event_clear(e);
    must(crm_event_set_kind(e, &kind[k], &err), "kind");
    must(crm_event_set_time(e, FIRST + (int64_t)(mix(r) % (700 * 86400)) * 1000000, &err), "time");
    if (k == QUOTE || k == ORDER) {
        n = snprintf(text, sizeof text, "%u.%02u CNY", (unsigned)(r >> 20 & 1023) + 5,
                     (unsigned)(r >> 32) % 100);
        must(crm_event_set(e, &amount[k], text, (size_t)n, &err), "amount");
        n = snprintf(text, sizeof text, "SKU-%04u", (unsigned)(r >> 40) % 1000);
        must(crm_event_set(e, &product[k], text, (size_t)n, &err), "product");
    } else if (k == FEEDBACK) {
        must(crm_event_set_integer(e, &score, (int64_t)(r >> 40) % 11, &err), "score");
    }
}

static double load_events(uint64_t n, uint64_t batch)
{
    double start = measure_now();
    crm_event *e = NULL;

    for (uint64_t i = 0; i < n; i += PART / EVENTS) {
        crm_txn *txn = begin(CRM_WRITE, batch);
        if (!e)
            must(crm_event_new(txn, &e, &err), "event");
        for (uint64_t id = i + 1; id <= n && id <= i + PART / EVENTS; id++) {
            for (int k = 0; k < EVENTS; k++) {
                make_event(e, id * EVENTS + (uint64_t)k);
                must(crm_event_add(txn, id, e, NULL, &err), "add");
            }
        }
        must(crm_txn_commit(txn, &err), "commit");
    }
    crm_event_free(e);
    return measure_now() - start;
}

/* What entries of the journal take of a load: the same work with an entry for each change, and in
 * batches of one entry, in turns, by processor time. */
static void shares(void)
{
    enum { TURNS = 10, SOME = 5000 };
    double customers[2] = {0}, events[2] = {0}, start;
    crm_event *e = NULL;
    char json[160];

    for (int t = 0; t < 2 * TURNS; t++) {
        crm_txn *txn = begin(CRM_WRITE, t % 2 ? CRM_BATCH_NEW : 0);
        crm_id id = 0;
        start = measure_cpu();
        for (int i = 0; i < SOME; i++) {
            snprintf(json, sizeof json,
                     "{\"name\":\"S%d\",\"phone\":\"+86139%08d\",\"city\":\"Shanghai\"}", i,
                     t * SOME + i);
            must(crm_customer_create_json(txn, json, CRM_NUL, &id, &err), "create");
        }
        must(crm_txn_commit(txn, &err), "commit");
        customers[t % 2] += measure_cpu() - start;
        txn = begin(CRM_WRITE, t % 2 ? CRM_BATCH_NEW : 0);
        if (!e)
            must(crm_event_new(txn, &e, &err), "event");
        start = measure_cpu();
        for (crm_id to = id - SOME / EVENTS + 1; to <= id; to++) {
            for (int k = 0; k < EVENTS; k++) {
                make_event(e, to * EVENTS + (uint64_t)k);
                must(crm_event_add(txn, to, e, NULL, &err), "add");
            }
        }
        must(crm_txn_commit(txn, &err), "commit");
        events[t % 2] += measure_cpu() - start;
    }
    crm_event_free(e);
    show("create, an entry each, processor time", customers[0] * 1e6 / (TURNS * SOME), "us");
    show("  of which the journal", (1 - customers[1] / customers[0]) * 100, "%");
    show("add events, an entry each, processor time", events[0] * 1e6 / (TURNS * SOME), "us");
    show("  of which the journal", (1 - events[1] / events[0]) * 100, "%");
}

static void singles(uint64_t n, const char *what, crm_txn *reader)
{
    crm_db_stat before, after;
    crm_event *e = NULL;
    double start, took;

    must(crm_db_stat_get(db, sizeof before, &before, &err), "stat");
    start = measure_now();
    for (uint64_t i = 0; i < SINGLES; i++) {
        crm_txn *txn = begin(CRM_WRITE, 0);
        if (!e)
            must(crm_event_new(txn, &e, &err), "event");
        make_event(e, mix(i) + 7);
        must(crm_event_add(txn, 1 + mix(i + (reader != NULL)) % n, e, NULL, &err), "add");
        must(crm_txn_commit(txn, &err), "commit");
    }
    took = measure_now() - start;
    crm_event_free(e);
    must(crm_db_stat_get(db, sizeof after, &after, &err), "stat");
    show(what, SINGLES / took, "events/s");
    if (reader)
        show("  the file grows a commit",
             (double)(after.file_bytes - before.file_bytes) / SINGLES / 1024, "KiB");
}

/* Customers of PAGE events and more are rare: give some to one in a thousand. */
static void long_timelines(uint64_t n)
{
    crm_txn *txn = begin(CRM_WRITE, CRM_BATCH_NEW);
    crm_event *e;

    must(crm_event_new(txn, &e, &err), "event");
    for (uint64_t id = 1; id <= n; id += 1000) {
        for (int k = 0; k < 2 * PAGE; k++) {
            make_event(e, mix(id) + (uint64_t)k);
            must(crm_event_add(txn, id, e, NULL, &err), "add");
        }
    }
    must(crm_txn_commit(txn, &err), "commit");
    crm_event_free(e);
}

static void pages(uint64_t n)
{
    crm_event_list_options o = CRM_EVENT_LIST_OPTIONS_INIT;
    crm_txn *txn = begin(CRM_READ, 0);
    uint64_t seen = 0, many = (n + 999) / 1000;
    double start;

    o.limit = PAGE;
    start = measure_now();
    for (uint64_t i = 0; i < PAGES; i++) {
        crm_event_iter *it;
        crm_event *e;
        must(crm_event_list(txn, 1 + mix(i) % many * 1000, &o, &it, &err), "list");
        while (crm_event_next(it, &e, &err) == CRM_OK)
            seen += crm_event_time_us(e) > 0;
        crm_event_list_close(it);
    }
    show("timeline, the newest 50", (measure_now() - start) * 1e6 / PAGES, "us");
    if (seen != (uint64_t)PAGES * PAGE)
        die("%llu events seen", (unsigned long long)seen);
    crm_txn_abort(txn);
}

static void patch_all(uint64_t n, uint64_t batch, const char *what)
{
    double start = measure_now();

    for (uint64_t i = 0; i < n; i += PART) {
        crm_txn *txn = begin(CRM_WRITE, batch);
        for (uint64_t id = i + 1; id <= n && id <= i + PART; id++)
            must(crm_customer_patch_json(txn, id, 0,
                                         batch ? "{\"city\":\"Beijing\"}" : "{\"city\":\"Xi'an\"}",
                                         CRM_NUL, &err),
                 "patch");
        must(crm_txn_commit(txn, &err), "commit");
    }
    show(what, (measure_now() - start) * 1e6 / (double)n, "us");
}

static void journal(uint64_t n)
{
    crm_undo_result done = {.size = sizeof done};
    crm_head head = CRM_HEAD_INIT;
    uint64_t events = space_bytes("event"), days = space_bytes("day");
    uint64_t count = n * EVENTS + (n + 999) / 1000 * 2 * PAGE + 2 * SINGLES;
    crm_txn *txn;
    double start;

    show("events on disk", (double)events / (double)count, "B/event");
    show("day lists on disk", (double)days / (double)count, "B/event");
    show("both, of all events", (double)(events + days) / 1e6, "MB");
    show("  which are", (double)count / 1e6, "million");
    patch_all(n, 0, "one field changed, an entry each");
    show("journal on disk", (double)space_bytes("journal") / 1e6, "MB");
    show("images on disk", (double)space_bytes("image") / 1e6, "MB");
    txn = begin(CRM_READ, 0);
    must(crm_journal_head(txn, &head, &err), "head");
    start = measure_now();
    must(crm_journal_verify(txn, &head, 1, NULL, NULL, &err), "verify");
    show("verify, images too", (double)head.revision / (measure_now() - start), "entries/s");
    crm_txn_abort(txn);
    patch_all(n < PART ? n : PART, CRM_BATCH_NEW, "one field changed, as a batch");
    txn = begin(CRM_WRITE, 0);
    start = measure_now();
    must(crm_undo(txn, crm_txn_revision(txn), 0, NULL, NULL, &done, &err), "undo");
    must(crm_txn_commit(txn, &err), "commit");
    show("undo of that batch, a customer",
         (measure_now() - start) * 1e6 / (double)(done.restored + !done.restored), "us");
}

/* ---- waking ---- */

static double woken_at[WAKES];

static void *wait_for_all(void *ctx)
{
    uint64_t *from = ctx, last = *from, now;
    crm_error e = CRM_ERROR_INIT;

    while (last < *from + WAKES) {
        if (crm_db_wait(db, last, 10000, &now, &e) != CRM_OK)
            return NULL;
        for (; last < now && last < *from + WAKES; last++)
            woken_at[last - *from] = measure_now();
    }
    return NULL;
}

static void wakes(void)
{
    static double took[WAKES];
    crm_txn *txn = begin(CRM_READ, 0);
    uint64_t from = crm_txn_revision(txn);
    struct timespec rest = {0, 3000000};
    pthread_t thread;

    crm_txn_abort(txn);
    pthread_create(&thread, NULL, wait_for_all, &from);
    for (int i = 0; i < WAKES; i++) {
        nanosleep(&rest, NULL);
        txn = begin(CRM_WRITE, 0);
        must(crm_event_add_json(txn, 1, "{\"kind\":\"visit\"}", CRM_NUL, NULL, &err), "add");
        must(crm_txn_commit(txn, &err), "commit");
        took[i] = measure_now();
    }
    pthread_join(thread, NULL);
    for (int i = 0; i < WAKES; i++)
        took[i] = woken_at[i] - took[i];
    qsort(took, WAKES, sizeof *took, series_order);
    show("wake after a commit, median", took[WAKES / 2] * 1e6, "us");
    show("  1 in 100 longer than", took[WAKES - WAKES / 100] * 1e6, "us");
}

int main(int argc, char **argv)
{
    char dir[4096] = "";
    uint64_t n = 100000;
    crm_txn *reader;
    double took;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--smoke") == 0)
            n = 2000;
        else if (strcmp(argv[i], "--dir") == 0 && i + 1 < argc)
            snprintf(dir, sizeof dir, "%s", argv[++i]);
        else
            n = strtoull(argv[i], NULL, 10);
    }
    if (!n)
        die("usage: bench_events [CUSTOMERS] [--dir DIR] [--smoke]");
    if (!*dir) {
        const char *tmp = getenv("TMPDIR");
        snprintf(dir, sizeof dir, "%s/bench_events.XXXXXX", tmp ? tmp : "/tmp");
        if (!mkdtemp(dir))
            die("can't make a folder");
    }
    open_db(dir);
    took = load_customers(n, CRM_BATCH_NEW);
    show("create, in batches", took * 1e6 / (double)n, "us");
    took = load_events(n, CRM_BATCH_NEW);
    show("add events, in batches", took * 1e6 / (double)(n * EVENTS), "us");
    singles(n, "add one event, one durable commit", NULL);
    reader = begin(CRM_READ, 0);
    singles(n, "the same under an idle reader", reader);
    crm_txn_abort(reader);
    long_timelines(n);
    pages(n);
    journal(n);
    shares();
    wakes();
    crm_db_close(db);
    {
        static const char *const FILES[] = {"data.mdb", "lock.mdb", "crm.lock"};
        char path[4200];
        for (int i = 0; i < 3; i++) {
            snprintf(path, sizeof path, "%s/%s", dir, FILES[i]);
            unlink(path);
        }
        rmdir(dir);
    }
    return 0;
}
