/* SPDX-License-Identifier: MIT
 * The limit: LMDB by hand.  A look-up is two gets, token to number and number to bytes; a write is
 * one put and one durable commit.  No fields, no rules, no check of what was read.
 */
#include "bench.h"

#include <lmdb.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TOKEN = 17, KINDS = 3, RECORD = 512, LINE = 64 };
static const int KIND[KINDS] = {EXTERNAL_ID, EMAIL, PHONE};

typedef struct token_row {
    uint8_t key[TOKEN];
    uint8_t id[8];
} token_row;

typedef struct handle {
    MDB_env *env;
    MDB_dbi token, record;
} handle;

static void must(int rc, const char *what)
{
    if (rc)
        bench_die("lmdb: %s: %s", what, mdb_strerror(rc));
}

/* The kind and 16 bytes of a hash. */
static void token_of(int by, const char *text, uint8_t out[TOKEN])
{
    uint64_t h = 1469598103934665603u, g;

    for (const char *p = text; *p; p++)
        h = (h ^ (uint8_t)*p) * 1099511628211u;
    h = data_mix(h);
    g = data_mix(h);
    out[0] = (uint8_t)by;
    memcpy(out + 1, &h, 8);
    memcpy(out + 9, &g, 8);
}

static void id_of(uint64_t i, uint8_t out[8])
{
    for (int k = 0; k < 8; k++)
        out[k] = (uint8_t)(i >> (56 - 8 * k));
}

static size_t record_of(const person *p, uint8_t out[RECORD])
{
    size_t n = 16;

    memcpy(out, &p->score, 8);
    memcpy(out + 8, &p->first_seen, 8);
    for (int i = 0; i < TEXTS; i++) {
        size_t k = strlen(p->text[i]);
        if (n + k + 1 > RECORD)
            break;
        out[n++] = (uint8_t)k;
        memcpy(out + n, p->text[i], k);
        n += k;
    }
    return n;
}

static int by_key(const void *a, const void *b)
{
    return memcmp(a, b, TOKEN);
}

static void *open_dir(const char *dir)
{
    char path[4096];
    handle *h = calloc(1, sizeof *h);
    MDB_txn *txn;

    if (!h)
        bench_die("out of memory");
    snprintf(path, sizeof path, "%s/limit.mdb", dir);
    must(mdb_env_create(&h->env), "create");
    must(mdb_env_set_mapsize(h->env, (size_t)64 << 30), "map");
    must(mdb_env_set_maxdbs(h->env, 2), "spaces");
    must(mdb_env_open(h->env, path, MDB_NOSUBDIR | MDB_NOTLS, 0600), "open");
    must(mdb_txn_begin(h->env, NULL, 0, &txn), "begin");
    must(mdb_dbi_open(txn, "token", MDB_CREATE, &h->token), "space");
    must(mdb_dbi_open(txn, "record", MDB_CREATE, &h->record), "space");
    must(mdb_txn_commit(txn), "commit");
    return h;
}

static void close_dir(void *handle_)
{
    handle *h = handle_;

    mdb_env_close(h->env);
    free(h);
}

static void put_tokens(handle *h, MDB_txn *txn, token_row *rows, size_t count)
{
    qsort(rows, count, sizeof *rows, by_key);
    for (size_t i = 0; i < count; i++) {
        MDB_val k = {TOKEN, rows[i].key}, v = {8, rows[i].id};
        if (i && by_key(&rows[i], &rows[i - 1]) == 0)
            continue;
        must(mdb_put(txn, h->token, &k, &v, MDB_APPEND), "put");
    }
}

static void load(const char *dir, uint64_t n, void (*tick)(void))
{
    handle *h = open_dir(dir);
    token_row *rows = malloc(n * KINDS * sizeof *rows);
    size_t count = 0;
    MDB_txn *txn;

    (void)tick;
    if (!rows)
        bench_die("out of memory");
    must(mdb_txn_begin(h->env, NULL, 0, &txn), "begin");
    for (uint64_t i = 0; i < n; i++) {
        uint8_t id[8], record[RECORD];
        MDB_val k = {sizeof id, id}, v;
        person p;
        data_person(i, &p);
        id_of(i, id);
        v = (MDB_val){record_of(&p, record), record};
        must(mdb_put(txn, h->record, &k, &v, MDB_APPEND), "put");
        for (int t = 0; t < KINDS; t++) {
            if (!p.text[KIND[t]][0])
                continue;
            token_of(KIND[t], p.text[KIND[t]], rows[count].key);
            memcpy(rows[count++].id, id, sizeof id);
        }
    }
    put_tokens(h, txn, rows, count);
    must(mdb_txn_commit(txn), "commit");
    free(rows);
    close_dir(h);
}

static uint64_t file_bytes(const char *dir)
{
    char path[4096];
    struct stat st;

    snprintf(path, sizeof path, "%s/limit.mdb", dir);
    return stat(path, &st) ? 0 : (uint64_t)st.st_size;
}

static void get_one(handle *h, MDB_txn *txn, int by, const char *key, answer *a)
{
    uint8_t token[TOKEN];
    MDB_val k = {TOKEN, token}, v;
    int rc;

    token_of(by, key, token);
    rc = mdb_get(txn, h->token, &k, &v);
    if (rc == MDB_NOTFOUND)
        return;
    must(rc, "get");
    k = v;
    must(mdb_get(txn, h->record, &k, &v), "get");
    for (size_t i = 0; i < v.mv_size; i += LINE)
        a->sum += ((const uint8_t *)v.mv_data)[i];
    a->hits++;
}

static void look_up(void *handle_, int by, const data_key *keys, size_t count, int each, answer *a)
{
    handle *h = handle_;
    MDB_txn *txn;

    must(mdb_txn_begin(h->env, NULL, MDB_RDONLY, &txn), "begin");
    for (size_t i = 0; i < count; i++) {
        if (each) {
            mdb_txn_reset(txn);
            must(mdb_txn_renew(txn), "renew");
        }
        get_one(h, txn, by, keys[i], a);
    }
    mdb_txn_abort(txn);
}

static void list(void *handle_, answer *a)
{
    handle *h = handle_;
    MDB_cursor *c;
    MDB_txn *txn;
    MDB_val k, v;
    int rc;

    must(mdb_txn_begin(h->env, NULL, MDB_RDONLY, &txn), "begin");
    must(mdb_cursor_open(txn, h->record, &c), "cursor");
    while ((rc = mdb_cursor_get(c, &k, &v, MDB_NEXT)) == 0) {
        for (size_t i = 0; i < v.mv_size; i += LINE)
            a->sum += ((const uint8_t *)v.mv_data)[i];
        a->hits++;
    }
    if (rc != MDB_NOTFOUND)
        must(rc, "next");
    mdb_cursor_close(c);
    mdb_txn_abort(txn);
}

static uint64_t count_all(void *handle_)
{
    handle *h = handle_;
    MDB_txn *txn;
    MDB_stat st;

    must(mdb_txn_begin(h->env, NULL, MDB_RDONLY, &txn), "begin");
    must(mdb_stat(txn, h->record, &st), "stat");
    mdb_txn_abort(txn);
    return st.ms_entries;
}

static void *writer_open(void *handle_)
{
    return handle_;
}

static void writer_close(void *writer_)
{
    (void)writer_;
}

static void write_one(void *writer_, uint64_t customer, int64_t score)
{
    handle *h = writer_;
    uint8_t id[8], record[RECORD];
    MDB_val k = {sizeof id, id}, v;
    MDB_txn *txn;
    person p;

    data_person(customer, &p);
    p.score = score;
    id_of(customer, id);
    v = (MDB_val){record_of(&p, record), record};
    must(mdb_txn_begin(h->env, NULL, 0, &txn), "begin");
    must(mdb_put(txn, h->record, &k, &v, 0), "put");
    must(mdb_txn_commit(txn), "commit");
}

const side SIDE_LMDB = {
    .name = "LMDB, by hand",
    .answers = 0,
    .many = 0,
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
