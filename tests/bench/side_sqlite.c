/* SPDX-License-Identifier: MIT
 * SQLite with a table made for these questions: 13 columns, an index on each of the three keys.  It
 * is loaded in the fastest way it has (no journal, indexes last, one sync) and then used with a
 * write-ahead log and full synchronisation.  It keeps neither history nor sources of values.
 */
#include "bench.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TICK_STEP = 5000, BUSY_LEAST_US = 50, BUSY_MOST_US = 1000 };

#define COLUMNS                                                                                    \
    "external_id,name,email,phone,company,city,country,gender,birth_date,lead_source,lifecycle,"   \
    "score,first_seen"

typedef struct handle {
    char path[4096];
    sqlite3 *db;
    sqlite3_stmt *find[PHONE + 1], *list, *count, *begin, *commit;
} handle;

static void *fail(sqlite3 *db, const char *what)
{
    bench_die("sqlite: %s: %s", what, sqlite3_errmsg(db));
}

static void run(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL))
        fail(db, sql);
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *s;

    if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s, NULL))
        fail(db, sql);
    return s;
}

/* Waits a little longer each time; shorter waits than SQLite's own serve it better here. */
static int busy(void *ctx, int times)
{
    int us = BUSY_LEAST_US << (times < 5 ? times : 5);

    (void)ctx;
    usleep((useconds_t)(us < BUSY_MOST_US ? us : BUSY_MOST_US));
    return 1;
}

static sqlite3 *open_file(const char *path)
{
    sqlite3 *db;

    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                        NULL))
        bench_die("sqlite: can't open");
    sqlite3_busy_handler(db, busy, NULL);
    run(db, "PRAGMA mmap_size=68719476736");
    run(db, "PRAGMA temp_store=MEMORY");
    return db;
}

static void path_of(const char *dir, char path[4096])
{
    snprintf(path, 4096, "%s/bench.sqlite", dir);
}

static void step_all(sqlite3 *db, sqlite3_stmt *s)
{
    if (sqlite3_step(s) != SQLITE_DONE)
        fail(db, "step");
    sqlite3_reset(s);
}

static void insert(sqlite3 *db, sqlite3_stmt *s, uint64_t i)
{
    person p;

    data_person(i, &p);
    sqlite3_bind_int64(s, 1, (sqlite3_int64)i + 1);
    for (int k = 0; k < TEXTS; k++) {
        if (p.text[k][0])
            sqlite3_bind_text(s, k + 2, p.text[k], -1, SQLITE_STATIC);
        else
            sqlite3_bind_null(s, k + 2);
    }
    sqlite3_bind_int64(s, TEXTS + 2, p.score);
    sqlite3_bind_int64(s, TEXTS + 3, p.first_seen);
    step_all(db, s);
}

static void sync_file(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);

    if (fd < 0 || fsync(fd))
        bench_die("sqlite: sync");
    close(fd);
}

static void load(const char *dir, uint64_t n, void (*tick)(void))
{
    char path[4096];
    sqlite3 *db;
    sqlite3_stmt *s;

    path_of(dir, path);
    db = open_file(path);
    run(db, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA locking_mode=EXCLUSIVE;"
            "PRAGMA cache_size=-524288; PRAGMA threads=2; BEGIN");
    run(db, "CREATE TABLE customer(id INTEGER PRIMARY KEY,external_id TEXT NOT NULL,name TEXT,"
            "email TEXT,phone TEXT,company TEXT,city TEXT,country TEXT,gender TEXT,birth_date TEXT,"
            "lead_source TEXT,lifecycle TEXT,score INTEGER,first_seen INTEGER)");
    s = prepare(db, "INSERT INTO customer VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
    for (uint64_t i = 0; i < n; i++) {
        if (i % TICK_STEP == 0)
            tick();
        insert(db, s, i);
    }
    tick();
    sqlite3_finalize(s);
    run(db, "CREATE UNIQUE INDEX by_external_id ON customer(external_id)");
    run(db, "CREATE INDEX by_email ON customer(lower(email)) WHERE email IS NOT NULL");
    run(db, "CREATE INDEX by_phone ON customer(phone) WHERE phone IS NOT NULL");
    tick();
    run(db, "ANALYZE; COMMIT");
    sqlite3_close(db);
    sync_file(path);
}

static uint64_t file_bytes(const char *dir)
{
    char path[4096];
    struct stat st;

    path_of(dir, path);
    return stat(path, &st) ? 0 : (uint64_t)st.st_size;
}

static void *open_dir(const char *dir)
{
    handle *h = calloc(1, sizeof *h);

    if (!h)
        bench_die("out of memory");
    path_of(dir, h->path);
    h->db = open_file(h->path);
    run(h->db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-524288");
    h->find[EXTERNAL_ID] = prepare(h->db, "SELECT " COLUMNS " FROM customer WHERE external_id=?1");
    h->find[EMAIL] = prepare(h->db, "SELECT " COLUMNS
                                    " FROM customer WHERE lower(email)=?1 AND email IS NOT NULL");
    h->find[PHONE] = prepare(h->db, "SELECT " COLUMNS " FROM customer WHERE phone=?1");
    h->list = prepare(h->db, "SELECT " COLUMNS " FROM customer ORDER BY id");
    h->count = prepare(h->db, "SELECT count(*) FROM customer");
    h->begin = prepare(h->db, "BEGIN");
    h->commit = prepare(h->db, "COMMIT");
    return h;
}

static void close_dir(void *handle_)
{
    handle *h = handle_;

    for (int i = 0; i <= PHONE; i++)
        sqlite3_finalize(h->find[i]);
    sqlite3_finalize(h->list);
    sqlite3_finalize(h->count);
    sqlite3_finalize(h->begin);
    sqlite3_finalize(h->commit);
    sqlite3_close(h->db);
    free(h);
}

/* Every row of a statement, all columns read. */
static void read_rows(handle *h, sqlite3_stmt *s, answer *a)
{
    int rc;

    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        for (int k = 0; k < TEXTS; k++) {
            (void)sqlite3_column_text(s, k);
            a->sum += (uint64_t)sqlite3_column_bytes(s, k);
        }
        a->sum += (uint64_t)sqlite3_column_int64(s, TEXTS);
        a->sum += (uint64_t)sqlite3_column_int64(s, TEXTS + 1);
        a->hits++;
    }
    if (rc != SQLITE_DONE)
        fail(h->db, "step");
    sqlite3_reset(s);
}

static void look_up(void *handle_, int by, const data_key *keys, size_t count, int each, answer *a)
{
    handle *h = handle_;

    if (!each)
        step_all(h->db, h->begin);
    for (size_t i = 0; i < count; i++) {
        sqlite3_bind_text(h->find[by], 1, keys[i], -1, SQLITE_STATIC);
        read_rows(h, h->find[by], a);
    }
    if (!each)
        step_all(h->db, h->commit);
}

static void list(void *handle_, answer *a)
{
    handle *h = handle_;

    read_rows(h, h->list, a);
}

static uint64_t count_all(void *handle_)
{
    handle *h = handle_;
    uint64_t n;

    if (sqlite3_step(h->count) != SQLITE_ROW)
        fail(h->db, "count");
    n = (uint64_t)sqlite3_column_int64(h->count, 0);
    sqlite3_reset(h->count);
    return n;
}

/* ---- one changed field, one durable commit ---- */

typedef struct writer {
    sqlite3 *db;
    sqlite3_stmt *update;
} writer;

static void *writer_open(void *handle_)
{
    handle *h = handle_;
    writer *w = calloc(1, sizeof *w);

    if (!w)
        bench_die("out of memory");
    w->db = open_file(h->path);
    run(w->db, "PRAGMA synchronous=FULL");
    w->update = prepare(w->db, "UPDATE customer SET score=?2 WHERE external_id=?1");
    return w;
}

static void writer_close(void *writer_)
{
    writer *w = writer_;

    sqlite3_finalize(w->update);
    sqlite3_close(w->db);
    free(w);
}

static void write_one(void *writer_, uint64_t customer, int64_t score)
{
    writer *w = writer_;
    person p;

    data_person(customer, &p);
    sqlite3_bind_text(w->update, 1, p.text[EXTERNAL_ID], -1, SQLITE_STATIC);
    sqlite3_bind_int64(w->update, 2, score);
    step_all(w->db, w->update);
    if (sqlite3_changes(w->db) != 1)
        bench_die("sqlite: nothing was updated");
}

const side SIDE_SQLITE = {
    .name = "SQLite",
    .answers = 1,
    .many = 1,
    .load = load,
    .file_bytes = file_bytes,
    .open = open_dir,
    .close = close_dir,
    .look_up = look_up,
    .list = list,
    .count = count_all,
    .writer = writer_open,
    .write = write_one,
    .writer_close = writer_close,
};
