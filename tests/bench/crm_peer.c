/* SPDX-License-Identifier: MIT
 * crm_peer: the library's part in a comparison of databases that share one data set.
 *   crm_peer DATADIR DBDIR LOADS RUNS
 * Reads DATADIR/manifest.json, customers.csv (13 columns and tags) and the keys_*.txt with one key
 * a line; loads the customers LOADS times, then runs each operation RUNS times.  One JSON line an
 * operation:
 *   {"peer","size","op","n","runs","median","min","max","unit","result",...}
 * The answer of a look-up is hits:sum, where sum adds of each record found score + 20 + the bytes
 * of its eleven texts, so that every field has been read.  Tags, events and consents are not
 * loaded: the load is therefore called load_customers and stands beside no full load.
 */
#include "measure.h"

#include <crm/crm.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEXTS = 11, SCORE = 11, CREATED = 12, COLUMNS = 13, CELLS = 14 };
enum { SAMPLE_STEP = 5000, UPDATES = 500, WRITERS = 64, FOUND = 256, OPENS = 20 };

/* The columns in their order; source and created_at are words of every document, so those two have
 * another key.  Phones are text: most of the made-up numbers of the data are valid in no country.
 */
static const char MODEL[] =
    "crm: 1\n"
    "name: reference\n"
    "fields:\n"
    "  external_id: {type: text, identity: true, unique: true, required: true}\n"
    "  name: {type: text}\n"
    "  email: {type: email, identity: true}\n"
    "  phone: {type: text, identity: true}\n"
    "  company: {type: text}\n"
    "  city: {type: text}\n"
    "  country: {type: country}\n"
    "  gender: {type: enum, values: {f: {en: F}, m: {en: M}, x: {en: X}}}\n"
    "  birth_date: {type: date}\n"
    "  lead_source: {type: text}\n"
    "  lifecycle: {type: enum, values: [lead, prospect, active, dormant, lost]}\n"
    "  score: {type: integer, min: 0, max: 1000}\n"
    "  first_seen: {type: datetime}\n";
static const char *const COLUMN[COLUMNS] = {
    "external_id", "name",       "email",       "phone",     "company", "city",       "country",
    "gender",      "birth_date", "lead_source", "lifecycle", "score",   "first_seen",
};

typedef struct cell {
    const char *p;
    size_t n;
} cell;

static crm_error err = CRM_ERROR_INIT;
static uint64_t size;
static crm_field field[COLUMNS];

static void die(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fputs("crm_peer: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    exit(1);
}

static void must(int rc, const char *what)
{
    if (rc)
        die("%s: %s (%s)", what, err.message, crm_error_name(rc));
}

static void emit(const char *op, uint64_t n, const series *s, const char *unit, const char *result)
{
    printf("{\"peer\":\"crm\",\"size\":%" PRIu64 ",\"op\":\"%s\",\"n\":%" PRIu64
           ",\"runs\":%d,\"median\":%.6g,\"min\":%.6g,\"max\":%.6g,\"unit\":\"%s\",\"result\":\"%"
           "s\"}\n",
           size, op, n, s->n, series_median(s), series_least(s), series_most(s), unit, result);
    fflush(stdout);
}

static void emit_one(const char *op, double v, const char *unit)
{
    series s = {{v}, 1};

    emit(op, 1, &s, unit, "");
}

/* ---- files ---- */

/* A whole file in memory, ended by a NUL that is not counted. */
static cell read_file(const char *dir, const char *name)
{
    char path[4096];
    struct stat st;
    cell out = {NULL, 0};
    int fd;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st))
        die("%s: %s", path, strerror(errno));
    out.n = (size_t)st.st_size;
    out.p = mmap(NULL, out.n + 1, PROT_READ, MAP_PRIVATE, fd, 0);
    if (out.p == MAP_FAILED)
        die("%s: %s", path, strerror(errno));
    close(fd);
    return out;
}

/* Cells of one row of RFC 4180 text; a quoted cell is unescaped into side.  0 at the end. */
static int read_row(cell *text, cell *out, int count, char side[8192])
{
    const char *p = text->p, *end = p + text->n;
    char *to = side;

    if (p == end)
        return 0;
    for (int i = 0; i < count; i++) {
        if (p < end && *p == '"') {
            out[i].p = to;
            for (p++; p < end && to < side + 8191 && (*p != '"' || (p + 1 < end && p[1] == '"'));
                 p++) {
                p += *p == '"';
                *to++ = *p;
            }
            out[i].n = (size_t)(to - out[i].p);
            p++;
        } else {
            out[i].p = p;
            while (p < end && *p != ',' && *p != '\n')
                p++;
            out[i].n = (size_t)(p - out[i].p);
        }
        if (i + 1 < count && p < end)
            p++;
    }
    p += p < end;
    text->n = (size_t)(end - p);
    text->p = p;
    return 1;
}

/* The lines of a file of keys. */
static cell *read_keys(const char *dir, const char *name, size_t *count)
{
    cell text = read_file(dir, name), *keys;
    size_t n = 0;

    for (size_t i = 0; i < text.n; i++)
        n += text.p[i] == '\n';
    keys = malloc(n * sizeof *keys + 1);
    if (!keys)
        die("out of memory");
    *count = n;
    for (size_t i = 0, at = 0; i < n; i++) {
        keys[i].p = text.p + at;
        keys[i].n = (size_t)((const char *)memchr(keys[i].p, '\n', text.n - at) - keys[i].p);
        at += keys[i].n + 1;
    }
    return keys;
}

/* ---- load ---- */

static void remove_db(const char *dir)
{
    static const char *const FILES[] = {"data.mdb", "lock.mdb", "crm.lock"};
    char path[4096];

    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, FILES[i]);
        unlink(path);
    }
    rmdir(dir);
}

static crm_db *open_db(const char *dir)
{
    crm_db_options opts = CRM_DB_OPTIONS_INIT;
    crm_txn *txn;
    crm_db *db;

    opts.model = MODEL;
    must(crm_db_open(dir, &opts, &db, &err), "open");
    must(crm_txn_begin(db, CRM_READ, NULL, &txn, &err), "begin");
    for (int i = 0; i < COLUMNS; i++)
        must(crm_field_find(txn, COLUMN[i], CRM_NUL, &field[i], &err), COLUMN[i]);
    crm_txn_abort(txn);
    return db;
}

static void sample(double *most)
{
    double now = measure_private_mb();

    *most = now > *most ? now : *most;
}

/* One transaction: all or nothing, and no page of the index is written twice. */
static double load(const char *data, const char *dir, double *private_mb)
{
    double start = measure_now();
    char side[8192];
    cell text = read_file(data, "customers.csv"), row[CELLS], all = text;
    crm_customer *c;
    crm_txn *txn;
    crm_db *db;

    remove_db(dir);
    db = open_db(dir);
    must(crm_txn_begin(db, CRM_WRITE, NULL, &txn, &err), "begin");
    must(crm_customer_new(txn, &c, &err), "record");
    read_row(&text, row, CELLS, side);
    for (uint64_t i = 0; read_row(&text, row, CELLS, side); i++) {
        if (i % SAMPLE_STEP == 0)
            sample(private_mb);
        crm_customer_clear(c);
        for (int k = 0; k < COLUMNS; k++) {
            if (row[k].n)
                must(crm_customer_set(c, &field[k], row[k].p, row[k].n, &err), COLUMN[k]);
        }
        must(crm_customer_create(txn, c, NULL, &err), "create");
    }
    sample(private_mb);
    must(crm_txn_commit(txn, &err), "commit");
    crm_customer_free(c);
    crm_db_close(db);
    munmap((void *)(uintptr_t)all.p, all.n + 1);
    return measure_now() - start;
}

/* ---- look-ups ---- */

static uint64_t read_all(crm_customer *c)
{
    const char *text;
    int64_t number;
    uint64_t sum = 20;
    size_t n;

    for (int i = 0; i < TEXTS; i++) {
        int rc = crm_customer_text(c, &field[i], 0, &text, &n, NULL);
        if (rc == CRM_OK)
            sum += n;
        else if (rc != CRM_ENOTFOUND)
            die("%s: %s", COLUMN[i], crm_error_name(rc));
    }
    must(crm_customer_integer(c, &field[SCORE], 0, &number, &err), "score");
    sum += (uint64_t)number;
    must(crm_customer_integer(c, &field[CREATED], 0, &number, &err), COLUMN[CREATED]);
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
    cell *keys = read_keys(data, file, &count);

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
            look_up(txn, c, &field[column], keys[i], &hits, &sum);
        }
        if (run >= 0)
            series_add(&s, (measure_now() - start) * 1e6 / (double)count);
        snprintf(result, sizeof result, "%" PRIu64 ":%" PRIu64, hits, sum);
    }
    crm_customer_free(c);
    crm_txn_abort(txn);
    emit(name, count, &s, "us/op", result);
    free(keys);
}

/* ---- one changed field, one durable commit ---- */

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
    int rc = crm_customer_find(txn, &field[0], NULL, o->what->key.p, o->what->key.n, &id, 1, &count,
                               NULL);

    if (rc)
        return rc;
    crm_customer_clear(o->w->c);
    rc = crm_customer_set_integer(o->w->c, &field[SCORE], o->what->score, NULL);
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
        must(crm_customer_find(txn, &field[0], NULL, key.p, key.n, &id, 1, &found, &err), "find");
        must(crm_customer_get(txn, id, c, &err), "get");
        must(crm_customer_integer(c, &field[SCORE], 0, &changes[i].score, &err), "score");
        changes[i].score = (changes[i].score + 1) % 1001;
    }
    crm_customer_free(c);
    crm_txn_abort(txn);
}

static uint64_t run_writers(crm_db *db, change *changes, size_t count, unsigned writers)
{
    static writer w[WRITERS];
    uint64_t done = 0;
    crm_txn *txn;

    must(crm_txn_begin(db, CRM_READ, NULL, &txn, &err), "begin");
    for (unsigned i = 0; i < writers; i++) {
        w[i] = (writer){.db = db, .changes = changes, .first = i, .count = count, .step = writers};
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

static void bench_updates(crm_db *db, const char *data, unsigned writers, int runs)
{
    char name[64], result[32] = "";
    series rate = {{0}, 0}, bytes = {{0}, 0};
    size_t count, n = UPDATES * (writers > 8 ? 8 : writers);
    cell *keys = read_keys(data, "keys_u1.txt", &count);
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
        done = run_writers(db, changes, n, writers);
        series_add(&rate, (double)done / (measure_now() - start));
        written = measure_proc("io", "wchar:") - written;
        series_add(&bytes, (double)written / (double)n);
        snprintf(result, sizeof result, "%" PRIu64, done);
    }
    snprintf(name, sizeof name, writers > 1 ? "U1patch/%u" : "U1patch", writers);
    emit(name, n, &rate, "ops/s", result);
    snprintf(name, sizeof name, writers > 1 ? "U1patch_bytes/%u" : "U1patch_bytes", writers);
    emit(name, n, &bytes, "B/commit", "");
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
    emit("open", OPENS, &s, "ms", "");
}

static void bench_loads(const char *data, const char *dir, int loads)
{
    series s = {{0}, 0};
    double private_mb = 0;

    for (int i = 0; i < loads; i++)
        series_add(&s, load(data, dir, &private_mb));
    if (loads) {
        emit("load_customers", 1, &s, "s", "");
        emit_one("rss_load_customers", measure_peak_mb(), "MB");
        emit_one("private_load_customers", private_mb, "MB");
    }
}

int main(int argc, char **argv)
{
    static const char *const OPS[] = {"L1", "L2", "L3"};
    static const char *const FILES[] = {"keys_l1.txt", "keys_l2.txt", "keys_l3.txt"};
    static const int COLUMN_OF[] = {0, 2, 3};
    static const unsigned WRITER_COUNTS[] = {1, 8, WRITERS};
    crm_db_stat stat;
    const char *data, *dir, *number;
    crm_db *db;
    int runs;

    if (argc != 5) {
        fputs("usage: crm_peer DATADIR DBDIR LOADS RUNS\n", stderr);
        return 2;
    }
    data = argv[1];
    dir = argv[2];
    runs = atoi(argv[4]) < MEASURE_RUNS ? atoi(argv[4]) : MEASURE_RUNS;
    number = strchr(read_file(data, "manifest.json").p, ':');
    size = number ? strtoull(number + 1, NULL, 10) : 0;
    bench_loads(data, dir, atoi(argv[3]) < MEASURE_RUNS ? atoi(argv[3]) : MEASURE_RUNS);
    if (runs <= 0)
        return 0;
    bench_open(dir, runs);
    db = open_db(dir);
    must(crm_db_stat_get(db, sizeof stat, &stat, &err), "stat");
    emit_one("size_customers", (double)stat.file_bytes / 1e6, "MB");
    for (int i = 0; i < 3; i++) {
        bench_look_ups(db, data, OPS[i], FILES[i], COLUMN_OF[i], 1, runs);
        bench_look_ups(db, data, OPS[i], FILES[i], COLUMN_OF[i], 0, runs);
    }
    emit_one("rss_query", measure_peak_mb(), "MB");
    for (int i = 0; i < 3; i++)
        bench_updates(db, data, WRITER_COUNTS[i], runs);
    emit_one("rss", measure_peak_mb(), "MB");
    crm_db_close(db);
    return 0;
}
