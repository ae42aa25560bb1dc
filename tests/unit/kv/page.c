/* SPDX-License-Identifier: MIT
 * The page engine against LMDB's own cursors.
 */
#include "page_same.h"

#include "base/bytes.h"
#include "damage.h"
#include "ok.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const crm__slice NONE = {NULL, 0};

static void same_store(store *s, uint64_t *seed, unsigned keys, unsigned rounds)
{
    kv_txn *txn = page_begin(s->dir);
    MDB_txn *mt;

    OK(mdb_txn_begin(s->env, NULL, MDB_RDONLY, &mt));
    same_rows(s, mt, txn, seed, keys, rounds);
    mdb_txn_abort(mt);
    page_end(txn);
}

CRM_TEST(test_kv_page__reads_what_lmdb_wrote)
{
    uint64_t seed = crmtest_seed();
    store s;

    store_make(&s, "store", KV_SPACES);
    same_store(&s, &seed, 100, 4);
    for (unsigned i = 0; i < crmtest_rounds(6, 30); i++) {
        unsigned rows = 1u << (3 + i % 6 * 2);
        store_work(&s, &seed, 1 + i % 3, rows, 20000);
        same_store(&s, &seed, rows * 2, 30);
    }
    store_close(&s);
}

CRM_TEST(test_kv_page__reads_trees_of_long_keys)
{
    uint64_t seed = crmtest_seed() + 1;
    uint8_t key[KV_KEY_MAX];
    kv_txn *txn;
    kv_stat st;
    MDB_txn *mt;
    store s;

    /* Keys of 500 bytes and more: few per branch, so the tree is deep. */
    store_make(&s, "store", 1);
    OK(mdb_txn_begin(s.env, NULL, 0, &mt));
    for (unsigned i = 0; i < 6000; i++) {
        MDB_val k = {KV_KEY_MAX - crmtest_below(&seed, 12), key}, v = {4, key};
        memset(key, 'x', sizeof key);
        crm__put_be64(key + 480, crmtest_rand(&seed));
        OK(mdb_put(mt, s.dbi[0], &k, &v, 0));
    }
    OK(mdb_txn_commit(mt));
    txn = page_begin(s.dir);
    OK(txn->ops->stat(txn, KV_META, &st));
    ck_assert_uint_gt(st.depth, 4);
    page_end(txn);
    same_store(&s, &seed, 10, 20);
    store_thin(&s, &seed, 70);
    same_store(&s, &seed, 10, 20);
    store_close(&s);
}

CRM_TEST(test_kv_page__snapshot_stays_while_commits_go_on)
{
    uint64_t seed = crmtest_seed() + 2;
    MDB_txn *reader;
    kv_txn *txn, *later;
    store s;

    store_make(&s, "store", KV_SPACES);
    store_work(&s, &seed, 3, 300, 9000);
    OK(mdb_txn_begin(s.env, NULL, MDB_RDONLY, &reader));
    txn = page_begin(s.dir);
    store_work(&s, &seed, 4, 300, 9000);
    for (unsigned i = 0; i < KV_SPACES; i++)
        same_scan(reader, s.dbi[i], txn, (kv_space)i);
    OK(txn->env->ops->begin(txn->env, 0, &later, NULL));
    mdb_txn_abort(reader);
    OK(mdb_txn_begin(s.env, NULL, MDB_RDONLY, &reader));
    for (unsigned i = 0; i < KV_SPACES; i++)
        same_scan(reader, s.dbi[i], later, (kv_space)i);
    mdb_txn_abort(reader);
    OK(later->ops->commit(later, NULL));
    page_end(txn);
    store_close(&s);
}

CRM_TEST(test_kv_page__many_cursors_keep_their_rows)
{
    enum { CURSORS = 300 };
    uint64_t seed = crmtest_seed() + 3;
    kv_cursor *c[CURSORS];
    crm__slice k[CURSORS], v[CURSORS];
    uint64_t sum[CURSORS];
    uint8_t key[KV_KEY_MAX];
    kv_txn *txn;
    store s;

    store_make(&s, "store", KV_SPACES);
    store_work(&s, &seed, 4, 4000, 9000);
    txn = page_begin(s.dir);
    for (int i = 0; i < CURSORS; i++) {
        unsigned space = (unsigned)i % KV_SPACES;
        crm__slice at = store_key(space, crmtest_below(&seed, 8000), key);
        OK(txn->ops->cursor(txn, (kv_space)space, &c[i]));
        if (c[i]->ops->seek(c[i], KV_GE, at, &k[i], &v[i]))
            OK(c[i]->ops->seek(c[i], KV_FIRST, NONE, &k[i], &v[i]));
        sum[i] = k[i].p[0];
        for (size_t j = 0; j < v[i].n; j++)
            sum[i] = sum[i] * 31 + v[i].p[j];
    }
    for (int i = 0; i < CURSORS; i++) {
        uint64_t now = k[i].p[0];
        for (size_t j = 0; j < v[i].n; j++)
            now = now * 31 + v[i].p[j];
        ck_assert_uint_eq(now, sum[i]);
    }
    /* Half are closed before the transaction ends, half after. */
    for (int i = 0; i < CURSORS; i += 2)
        c[i]->ops->cursor_close(c[i]);
    page_end(txn);
    ck_assert_int_eq(c[1]->ops->next(c[1], &k[1], &v[1]), CRM_ESTATE);
    ck_assert_int_eq(c[1]->ops->seek(c[1], KV_FIRST, NONE, &k[1], &v[1]), CRM_ESTATE);
    for (int i = 1; i < CURSORS; i += 2)
        c[i]->ops->cursor_close(c[i]);
    store_close(&s);
}

CRM_TEST(test_kv_page__edges_of_cursors_and_spaces)
{
    kv_cursor *c;
    crm__slice k, v, a = {(const uint8_t *)"a", 1};
    kv_stat st;
    kv_txn *txn;
    MDB_txn *mt;
    MDB_val mk = {1, "a"}, mv = {0, NULL};
    store s;

    store_make(&s, "store", 2);
    OK(mdb_txn_begin(s.env, NULL, 0, &mt));
    OK(mdb_put(mt, s.dbi[0], &mk, &mv, 0));
    OK(mdb_txn_commit(mt));
    txn = page_begin(s.dir);

    OK(txn->ops->cursor(txn, KV_META, &c));
    ck_assert_int_eq(c->ops->next(c, &k, &v), CRM_ENOTFOUND);
    ck_assert_int_eq(c->ops->prev(c, &k, &v), CRM_ENOTFOUND);
    OK(c->ops->seek(c, KV_GE, NONE, &k, &v));
    ck_assert_uint_eq(v.n, 0);
    ck_assert_int_eq(c->ops->next(c, &k, &v), CRM_ENOTFOUND);
    ck_assert_int_eq(c->ops->prev(c, &k, &v), CRM_ENOTFOUND);
    ck_assert_int_eq(c->ops->seek(c, KV_LE, NONE, &k, &v), CRM_ENOTFOUND);
    OK(c->ops->seek(c, KV_LE, (crm__slice){(const uint8_t *)"b", 1}, &k, NULL));
    ck_assert_int_eq(k.p[0], 'a');
    OK(c->ops->seek(c, KV_EXACT, a, NULL, NULL));
    c->ops->cursor_close(c);

    /* Of an empty space, one that was never made, and one that does not exist. */
    for (int space = 1; space < 3; space++) {
        OK(txn->ops->cursor(txn, (kv_space)space, &c));
        for (int how = KV_FIRST; how <= KV_EXACT; how++)
            ck_assert_int_eq(c->ops->seek(c, (kv_seek)how, a, &k, &v), CRM_ENOTFOUND);
        c->ops->cursor_close(c);
        ck_assert_int_eq(txn->ops->get(txn, (kv_space)space, a, &v), CRM_ENOTFOUND);
        OK(txn->ops->stat(txn, (kv_space)space, &st));
        ck_assert_uint_eq(st.entries + st.bytes + st.depth, 0);
    }
    ck_assert_int_eq(txn->ops->get(txn, KV_STORED, a, &v), CRM_EINVAL);
    ck_assert_int_eq(txn->ops->cursor(txn, KV_STORED, &c), CRM_EINVAL);
    ck_assert_ptr_null(c);
    page_end(txn);
    store_close(&s);
}

CRM_TEST(test_kv_page__refuses_writes)
{
    crm_error err = CRM_ERROR_INIT;
    crm__slice a = {(const uint8_t *)"a", 1};
    int count = 7;
    kv_txn *txn, *w;
    store s;

    store_make(&s, "store", 1);
    txn = page_begin(s.dir);
    ck_assert_int_eq(txn->env->ops->begin(txn->env, 1, &w, &err), CRM_EREADONLY);
    ck_assert_ptr_null(w);
    ck_assert_int_eq(err.code, CRM_EREADONLY);
    ck_assert_int_eq(txn->ops->put(txn, KV_META, a, a, 0), CRM_EREADONLY);
    ck_assert_int_eq(txn->ops->del(txn, KV_META, a), CRM_EREADONLY);
    ck_assert_int_eq(txn->ops->clear(txn, KV_META), CRM_EREADONLY);
    OK(txn->env->ops->readers(txn->env, NULL, NULL));
    OK(txn->env->ops->clear_stale(txn->env, &count));
    ck_assert_int_eq(count, 0);
    page_end(txn);
    store_close(&s);
}

CRM_TEST(test_kv_page__info_agrees_with_lmdb)
{
    uint64_t seed = crmtest_seed() + 4, in_list = 0;
    struct stat st;
    MDB_envinfo mi;
    MDB_cursor *mc;
    MDB_val k, v;
    MDB_txn *mt;
    kv_info info;
    kv_txn *txn;
    store s;

    store_make(&s, "store", KV_SPACES);
    store_work(&s, &seed, 6, 2000, 20000);
    store_thin(&s, &seed, 95);
    OK(mdb_env_info(s.env, &mi));
    OK(mdb_txn_begin(s.env, NULL, MDB_RDONLY, &mt));
    OK(mdb_cursor_open(mt, 0, &mc));
    while (!mdb_cursor_get(mc, &k, &v, MDB_NEXT))
        in_list += *(size_t *)v.mv_data;
    mdb_cursor_close(mc);
    mdb_txn_abort(mt);
    OK(stat(store_file(s.dir), &st));
    txn = page_begin(s.dir);
    OK(txn->env->ops->info(txn->env, &info));
    ck_assert_uint_gt(in_list, 2000);
    ck_assert_uint_eq(info.free_bytes, in_list * 4096);
    ck_assert_uint_eq(info.used_bytes, (mi.me_last_pgno + 1) * 4096);
    ck_assert_uint_eq(info.file_bytes, (uint64_t)st.st_size);
    ck_assert_uint_eq(info.map_bytes, mi.me_mapsize);
    ck_assert_uint_eq(info.commit, mi.me_last_txnid);
    ck_assert_uint_eq(info.oldest, info.commit);
    ck_assert_uint_eq(info.readers, 0);
    page_end(txn);
    store_close(&s);
}

/* ---- a file in motion ---- */

typedef struct worker {
    store *s;
    uint64_t seed;
    int stop;
} worker;

static void *keep_writing(void *ctx)
{
    worker *w = ctx;

    while (!__atomic_load_n(&w->stop, __ATOMIC_ACQUIRE)) {
        store_fill(w->s, &w->seed, 60, 400, 9000);
        store_thin(w->s, &w->seed, 20);
    }
    return NULL;
}

CRM_TEST(test_kv_page__file_in_motion)
{
    uint64_t seed = crmtest_seed() + 7;
    kv_page_summary sum;
    walk_log log;
    MDB_txn *reader;
    pthread_t thread;
    worker w;
    store s;

    store_make(&s, "store", KV_SPACES);
    store_work(&s, &seed, 3, 200, 9000);
    w = (worker){&s, seed, 0};
    OK(pthread_create(&thread, NULL, keep_writing, &w));
    for (size_t i = crmtest_rounds(60, 1000); i; i--) {
        kv_txn *txn;
        /* A reader keeps the pages of every later commit too. */
        OK(mdb_txn_begin(s.env, NULL, MDB_RDONLY, &reader));
        txn = page_begin(s.dir);
        ck_assert_msg(walk_faults(txn, &log, &sum) == 0, "%s", log.first);
        page_end(txn);
        mdb_txn_abort(reader);
        /* Without one anything may be met, but nothing bad happens. */
        txn = page_begin(s.dir);
        (void)walk_faults(txn, &log, &sum);
        page_end(txn);
    }
    __atomic_store_n(&w.stop, 1, __ATOMIC_RELEASE);
    OK(pthread_join(thread, NULL));
    same_store(&s, &seed, 400, 10);
    store_close(&s);
}

CRM_TEST(test_kv_page__read_errors)
{
    uint64_t seed = crmtest_seed() + 8;
    crm__slice v, a = {(const uint8_t *)"a", 1};
    crm_error err = CRM_ERROR_INIT;
    kv_page_summary sum;
    int root, replaced = 0;
    kv_cursor *c;
    kv_info info;
    kv_txn *txn, *more;
    store s;

    store_make(&s, "store", KV_SPACES);
    store_work(&s, &seed, 3, 200, 9000);
    store_close(&s);
    txn = page_begin(s.dir);
    /* The engine's descriptor becomes one that can't be read from. */
    root = open("/", O_RDONLY | O_DIRECTORY);
    for (int fd = 3; fd < 64; fd++) {
        char link[40], path[4400];
        ssize_t n;
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        n = readlink(link, path, sizeof path - 1);
        if (n > 9 && !memcmp(path + n - 9, "/data.mdb", 9))
            replaced += dup2(root, fd) == fd;
    }
    ck_assert_int_eq(replaced, 1);
    ck_assert_int_eq(txn->ops->get(txn, KV_TAG, a, &v), CRM_EIO);
    ck_assert_int_eq(txn->sys, EISDIR);
    ck_assert_int_eq(txn->ops->cursor(txn, KV_TAG, &c), CRM_EIO);
    ck_assert_int_eq(crm__kv_page_walk(txn, NULL, NULL, NULL, &sum, &err), CRM_EIO);
    ck_assert_int_eq(err.sys, EISDIR);
    ck_assert_int_eq(txn->env->ops->begin(txn->env, 0, &more, &err), CRM_EIO);
    ck_assert_int_eq(txn->env->ops->info(txn->env, &info), CRM_EIO);
    page_end(txn);
    close(root);
}

/* ---- memory ---- */

typedef struct meter {
    size_t now, peak, count, fail_at;
} meter;

static void *meter_alloc(size_t n, void *ctx)
{
    meter *m = ctx;
    size_t *p;

    if (++m->count == m->fail_at)
        return NULL;
    p = malloc(n + 16);
    if (!p)
        return NULL;
    *p = n;
    m->now += n;
    if (m->now > m->peak)
        m->peak = m->now;
    return p + 2;
}

static void meter_free(void *p, void *ctx)
{
    meter *m = ctx;

    if (!p)
        return;
    m->now -= ((size_t *)p)[-2];
    free((size_t *)p - 2);
}

static void *meter_realloc(void *p, size_t n, void *ctx)
{
    void *to = meter_alloc(n, ctx);
    size_t old = p ? ((size_t *)p)[-2] : 0;

    if (!to)
        return NULL;
    if (p)
        memcpy(to, p, old < n ? old : n);
    meter_free(p, ctx);
    return to;
}

/* Everything once: 0 or the first failure. */
static int use_all(const char *dir, const crm_allocator *mem)
{
    kv_options o = {.mem = mem};
    kv_page_summary sum;
    crm__slice k, v, a = {(const uint8_t *)"a", 1};
    kv_env *env;
    kv_txn *txn;
    kv_info info;
    int rc = crm__kv_page_open(dir, &o, &env, NULL), worst = rc;

    if (rc)
        return rc;
    rc = env->ops->begin(env, 0, &txn, NULL);
    for (int space = 0; !rc && space < KV_SPACES; space++) {
        kv_cursor *c;
        rc = txn->ops->get(txn, (kv_space)space, a, &v);
        if (!rc || rc == CRM_ENOTFOUND)
            rc = txn->ops->cursor(txn, (kv_space)space, &c);
        if (rc)
            break;
        rc = c->ops->seek(c, KV_FIRST, a, &k, &v);
        while (!rc)
            rc = c->ops->next(c, &k, &v);
        c->ops->cursor_close(c);
        rc = rc == CRM_ENOTFOUND ? CRM_OK : rc;
    }
    if (!rc)
        rc = crm__kv_page_walk(txn, NULL, NULL, NULL, &sum, NULL);
    if (!rc)
        ck_assert_uint_eq(sum.faults, 0);
    worst = rc;
    if (txn)
        txn->ops->abort(txn);
    rc = env->ops->info(env, &info);
    env->ops->close(env);
    return worst ? worst : rc;
}

CRM_TEST(test_kv_page__memory_is_bounded_and_failures_are_clean)
{
    uint64_t seed = crmtest_seed() + 6;
    meter m = {0, 0, 0, 0};
    crm_allocator mem = {sizeof mem, meter_alloc, meter_realloc, meter_free, &m};
    size_t calls;
    store s;

    store_make(&s, "store", KV_SPACES);
    store_work(&s, &seed, 4, 6000, 20000);
    ck_assert_uint_gt(damage_pages(store_file(s.dir), NULL), 2000);
    OK(use_all(s.dir, &mem));
    ck_assert_uint_eq(m.now, 0);
    ck_assert_uint_lt(m.peak, (256 + 32) * 4200 + 20016 + 65536);
    calls = m.count;
    for (size_t i = 1; i <= calls; i += 1 + i / crmtest_rounds(30, 200)) {
        m.count = 0;
        m.fail_at = i;
        ck_assert_int_eq(use_all(s.dir, &mem), CRM_ENOMEM);
        ck_assert_uint_eq(m.now, 0);
    }
    store_close(&s);
}
