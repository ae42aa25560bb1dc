/* SPDX-License-Identifier: MIT
 * crm_peer: the library's part in a comparison of databases that share one data set.
 *   crm_peer DATADIR DBDIR LOADS RUNS [WORD...]
 * Reads DATADIR/manifest.json, customers.csv (13 columns and tags), events.csv (external id, kind,
 * time, amount, product, score) and the keys_*.txt with one key a line; loads customers and events
 * LOADS times, then runs each operation RUNS times.  One JSON line an operation:
 *   {"peer","size","op","n","runs","median","min","max","unit","result",...}
 * Words: `customers` loads no events; `single` makes a journal entry of each change in place of a
 * batch; `order=time` adds events as their file has them, not customer by customer; `part=N` makes
 * N changes a commit; `alone` loads with one thread, not one that reads and one that writes;
 * `threads=N` gives counts and facets so many threads, 1 otherwise. The answer of a look-up is hits:sum, where sum adds of each record found score + 20 + the bytes of
 * its eleven texts, so that every field has been read.  Consents are not loaded, which the lines of
 * the load say: it stands beside those parts of other loads.
 */
#include "peer.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>

enum { UPDATES = 500, WRITERS = 64, FOUND = 256, OPENS = 20 };

/* ---- look-ups ---- */

static uint64_t read_all(crm_customer *c)
{
    const char *text;
    int64_t number;
    uint64_t sum = 20;
    size_t n;

    for (int i = 0; i < TEXTS; i++) {
        int rc = crm_customer_text(c, &peer_field[i], 0, &text, &n, NULL);
        if (rc == CRM_OK)
            sum += n;
        else if (rc != CRM_ENOTFOUND)
            die("%s: %s", PEER_COLUMN[i], crm_error_name(rc));
    }
    must(crm_customer_integer(c, &peer_field[SCORE], 0, &number, &err), "score");
    sum += (uint64_t)number;
    must(crm_customer_integer(c, &peer_field[CREATED], 0, &number, &err), PEER_COLUMN[CREATED]);
    return sum;
}

static void look_up(crm_txn *txn, crm_customer *c, const crm_field *by, cell key, uint64_t *hits,
                    uint64_t *sum)
{
    crm_id ids[FOUND];
    size_t count;
    int rc = crm_customer_find(txn, by, NULL, key.p, key.n, ids, FOUND, &count, NULL);

    if (rc == CRM_ENOTFOUND)
        return;
    if (rc || count > FOUND)
        die("find: %s, %zu customers", crm_error_name(rc), count);
    for (size_t i = 0; i < count; i++) {
        must(crm_customer_get(txn, ids[i], c, &err), "get");
        *sum += read_all(c);
        ++*hits;
    }
}

/* One read transaction for all look-ups of a run, or one for each. */
static void bench_look_ups(crm_db *db, const char *data, const char *op, const char *file,
                           int column, int each, int runs)
{
    char name[64], result[64];
    crm_customer *c;
    crm_txn *txn;
    series s = {{0}, 0};
    size_t count;
    cell *keys = peer_keys(data, file, &count);

    snprintf(name, sizeof name, each ? "%s/autocommit" : "%s", op);
    must(crm_txn_begin(db, CRM_READ, NULL, &txn, &err), "begin");
    must(crm_customer_new(txn, &c, &err), "record");
    for (int run = -1; run < runs; run++) {
        uint64_t hits = 0, sum = 0;
        double start = measure_now();
        for (size_t i = 0; i < count; i++) {
            if (each) {
                crm_txn_abort(txn);
                must(crm_txn_begin(db, CRM_READ, NULL, &txn, &err), "begin");
            }
            look_up(txn, c, &peer_field[column], keys[i], &hits, &sum);
        }
        if (run >= 0)
            series_add(&s, (measure_now() - start) * 1e6 / (double)count);
        snprintf(result, sizeof result, "%" PRIu64 ":%" PRIu64, hits, sum);
    }
    crm_customer_free(c);
    crm_txn_abort(txn);
    emit(name, count, &s, "us/op", result, NULL);
    free(keys);
}

/* ---- one changed field, or one more tag, one durable commit ---- */

typedef struct change {
    cell key;
    int64_t score;
} change;

typedef struct writer {
    pthread_t thread;
    crm_db *db;
    crm_customer *c;
    change *changes;
    size_t first, count, step;
    uint64_t done;
    const char *tag; /* NULL: a field is changed */
} writer;

typedef struct write_one {
    writer *w;
    const change *what;
} write_one;

/* A wrong result leaves through crm_db_write(), which then names it. */
static int change_score(crm_txn *txn, void *ctx)
{
    const write_one *o = ctx;
    crm_id id;
    size_t count;
    int rc = crm_customer_find(txn, &peer_field[0], NULL, o->what->key.p, o->what->key.n, &id, 1,
                               &count, NULL);

    if (rc)
        return rc;
    if (o->w->tag) { /* a key may stand twice in the file */
        rc = crm_tag_add(txn, id, o->w->tag, NULL, NULL);
        return rc == CRM_DONE ? CRM_OK : rc;
    }
    crm_customer_clear(o->w->c);
    rc = crm_customer_set_integer(o->w->c, &peer_field[SCORE], o->what->score, NULL);
    return rc ? rc : crm_customer_patch(txn, id, 0, o->w->c, NULL);
}

static void *write_many(void *ctx)
{
    writer *w = ctx;

    for (size_t i = w->first; i < w->count; i += w->step) {
        write_one one = {w, &w->changes[i]};
        crm_error e = CRM_ERROR_INIT;
        int rc = crm_db_write(w->db, NULL, change_score, &one, &e);
        if (rc)
            die("write: %s (%s)", e.message, crm_error_name(rc));
        w->done++;
    }
    return NULL;
}

/* A score that differs from the present one, for every key. */
static void prepare(crm_db *db, change *changes, size_t count)
{
    crm_customer *c;
    crm_txn *txn;
    crm_id id;
    size_t found;

    must(crm_txn_begin(db, CRM_READ, NULL, &txn, &err), "begin");
    must(crm_customer_new(txn, &c, &err), "record");
    for (size_t i = 0; i < count; i++) {
        cell key = changes[i].key;
        must(crm_customer_find(txn, &peer_field[0], NULL, key.p, key.n, &id, 1, &found, &err),
             "find");
        must(crm_customer_get(txn, id, c, &err), "get");
        must(crm_customer_integer(c, &peer_field[SCORE], 0, &changes[i].score, &err), "score");
        changes[i].score = (changes[i].score + 1) % 1001;
    }
    crm_customer_free(c);
    crm_txn_abort(txn);
}

static uint64_t run_writers(crm_db *db, change *changes, size_t count, unsigned writers,
                            const char *tag)
{
    static writer w[WRITERS];
    uint64_t done = 0;
    crm_txn *txn;

    must(crm_txn_begin(db, CRM_READ, NULL, &txn, &err), "begin");
    for (unsigned i = 0; i < writers; i++) {
        w[i] = (writer){
            .db = db, .changes = changes, .first = i, .count = count, .step = writers, .tag = tag};
        must(crm_customer_new(txn, &w[i].c, &err), "record");
    }
    crm_txn_abort(txn);
    for (unsigned i = 0; i < writers; i++) {
        if (pthread_create(&w[i].thread, NULL, write_many, &w[i]))
            die("can't start a thread");
    }
    for (unsigned i = 0; i < writers; i++) {
        pthread_join(w[i].thread, NULL);
        done += w[i].done;
        crm_customer_free(w[i].c);
    }
    return done;
}

static void bench_updates(crm_db *db, const char *data, unsigned writers, int tags, int runs)
{
    char name[64], result[32] = "", tag[64];
    series rate = {{0}, 0}, bytes = {{0}, 0};
    size_t count, n = UPDATES * (writers > 8 ? 8 : writers);
    cell *keys = peer_keys(data, "keys_u1.txt", &count);
    change *changes;

    n = n < count ? n : count;
    changes = calloc(n, sizeof *changes);
    if (!changes)
        die("out of memory");
    for (size_t i = 0; i < n; i++)
        changes[i].key = keys[i];
    for (int run = 0; run < runs; run++) {
        uint64_t written, done;
        double start;
        prepare(db, changes, n);
        written = measure_proc("io", "wchar:");
        start = measure_now();
        snprintf(tag, sizeof tag, "campaign:u1-%u-%d", writers, run);
        done = run_writers(db, changes, n, writers, tags ? tag : NULL);
        series_add(&rate, (double)done / (measure_now() - start));
        written = measure_proc("io", "wchar:") - written;
        series_add(&bytes, (double)written / (double)n);
        snprintf(result, sizeof result, "%" PRIu64, done);
    }
    snprintf(name, sizeof name, writers > 1 ? "%s/%u" : "%s", tags ? "U1" : "U1patch", writers);
    emit(name, n, &rate, "ops/s", result, NULL);
    snprintf(name, sizeof name, writers > 1 ? "%s_bytes/%u" : "%s_bytes", tags ? "U1" : "U1patch",
             writers);
    emit(name, n, &bytes, "B/commit", "", NULL);
    free(changes);
    free(keys);
}

/* ---- all of it ---- */

static void bench_open(const char *dir, int runs)
{
    series s = {{0}, 0};

    for (int run = 0; run < runs; run++) {
        double took = 0;
        for (int i = 0; i < OPENS; i++) {
            double start = measure_now();
            crm_db *db;
            must(crm_db_open(dir, NULL, &db, &err), "open");
            took += measure_now() - start;
            crm_db_close(db);
        }
        series_add(&s, took * 1e3 / OPENS);
    }
    emit("open", OPENS, &s, "ms", "", NULL);
}

static void read_words(peer_options *o, int argc, char **argv)
{
    for (int i = 5; i < argc; i++) {
        if (strcmp(argv[i], "customers") == 0)
            o->customers = 1;
        else if (strcmp(argv[i], "single") == 0)
            o->single = 1;
        else if (strcmp(argv[i], "order=time") == 0)
            o->by_time = 1;
        else if (strcmp(argv[i], "alone") == 0)
            o->alone = 1;
        else if (strncmp(argv[i], "part=", 5) == 0)
            o->part = o->event_part = strtoull(argv[i] + 5, NULL, 10);
        else if (strncmp(argv[i], "threads=", 8) == 0)
            o->threads = (uint32_t)strtoul(argv[i] + 8, NULL, 10);
        else
            die("%s: unknown word", argv[i]);
    }
}

static int at_most(const char *number)
{
    int n = atoi(number);

    return n < MEASURE_RUNS ? n : MEASURE_RUNS;
}

int main(int argc, char **argv)
{
    static const char *const OPS[] = {"L1", "L2", "L3"};
    static const char *const FILES[] = {"keys_l1.txt", "keys_l2.txt", "keys_l3.txt"};
    static const int COLUMN_OF[] = {0, 2, 3};
    static const unsigned WRITER_COUNTS[] = {1, 8, WRITERS};
    peer_options o = {.part = 200000, .event_part = 1000000, .threads = 1};
    const char *number;
    crm_db *db;

    if (argc < 5) {
        fputs("usage: crm_peer DATADIR DBDIR LOADS RUNS [WORD...]\n", stderr);
        return 2;
    }
    o.data = argv[1];
    o.dir = argv[2];
    o.loads = at_most(argv[3]);
    o.runs = at_most(argv[4]);
    read_words(&o, argc, argv);
    number = strchr(peer_file(o.data, "manifest.json").p, ':');
    peer_size = number ? strtoull(number + 1, NULL, 10) : 0;
    peer_loads(&o);
    if (o.runs <= 0)
        return 0;
    bench_open(o.dir, o.runs);
    db = peer_open(o.dir);
    for (int i = 0; i < 3; i++) {
        bench_look_ups(db, o.data, OPS[i], FILES[i], COLUMN_OF[i], 1, o.runs);
        bench_look_ups(db, o.data, OPS[i], FILES[i], COLUMN_OF[i], 0, o.runs);
    }
    peer_segments(db, &o);
    if (!o.customers)
        peer_events(db, &o);
    emit_one("rss_query", measure_peak_mb(), "MB");
    for (int i = 0; i < 3; i++)
        bench_updates(db, o.data, WRITER_COUNTS[i], 0, o.runs);
    for (int i = 0; i < 3; i++)
        bench_updates(db, o.data, WRITER_COUNTS[i], 1, o.runs);
    peer_tag_segment(db, o.runs);
    emit_one("rss", measure_peak_mb(), "MB");
    crm_db_close(db);
    return 0;
}
