/* SPDX-License-Identifier: MIT
 * Several processes share the log of small commits (src/kv/kv_lmdb_log.c) and are killed.  The data
 * file as the kernel has it is the oracle: set back to where the log began, with the records
 * applied, it must be the same, or have one commit more, which was under way.
 *
 * At the storage seam: each process counts in a row of its own, by one a commit, and changes others
 * at random.
 */
#include "fault.h"

#include "base/bytes.h"
#include "base/hash.h"
#include "codec/key.h"
#include "damage.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WRITERS = 3, ROWS = 60, LARGE = 1 << 20, BALLAST = 24 };

typedef struct shared {
    uint64_t acknowledged[WRITERS], logged; /* logged: a log was seen */
} shared;

static crm__slice key_of(uint8_t out[9], char kind, uint64_t n)
{
    out[0] = (uint8_t)kind;
    crm__put_be64(out + 1, n);
    return crm__slice_of(out, 9);
}

/* One after another, as src/db has it by crm.lock: LMDB's lock file says that the last commit is number 0
 * while the first to open makes it anew, and two who wait for one that is killed then take it for
 * made. */
static kv_env *open_kv(const char *dir)
{
    kv_options o = {.create = 1, .log = 1};
    crm_error err = CRM_ERROR_INIT;
    char path[4200];
    kv_env *env;
    int fd;

    snprintf(path, sizeof path, "%s/opening", dir);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ck_assert(fd >= 0 && flock(fd, LOCK_EX) == 0);
    fault_is(crm__kv_lmdb_open(dir, &o, &env, &err), CRM_OK, &err, "open");
    close(fd);
    return env;
}

static uint64_t counter(kv_txn *txn, int writer)
{
    uint8_t key[9];
    crm__slice v;
    int rc = txn->ops->get(txn, KV_META, key_of(key, 'w', (uint64_t)writer), &v);

    ck_assert(rc == CRM_ENOTFOUND || (!rc && v.n == 8));
    return rc ? 0 : crm__get_be64(v.p);
}

static void put(kv_txn *txn, kv_space space, crm__slice key, const void *p, size_t n)
{
    ck_assert_int_eq(txn->ops->put(txn, space, key, crm__slice_of(p, n), 0), CRM_OK);
}

/* Rows of one space, of all sizes; sometimes all of it, sometimes more than the log takes. */
static void change_rows(kv_txn *txn, uint64_t *seed)
{
    static uint8_t bytes[LARGE];
    kv_space space = crmtest_below(seed, 2) ? KV_CUSTOMER : KV_BITS;
    uint64_t what = crmtest_below(seed, 400);
    uint8_t key[9];

    if (what == 0)
        ck_assert_int_eq(txn->ops->clear(txn, space), CRM_OK);
    for (uint64_t i = crmtest_below(seed, 4); i < 4; i++) {
        crm__slice k = key_of(key, 'r', crmtest_below(seed, ROWS));
        size_t n = what == 1 ? LARGE / 2 : crmtest_below(seed, crmtest_below(seed, 5) ? 300 : 9000);
        if (crmtest_below(seed, 4) == 0) {
            int rc = txn->ops->del(txn, space, k);
            ck_assert(rc == CRM_OK || rc == CRM_ENOTFOUND);
        } else {
            memset(bytes, (int)crmtest_below(seed, 256), n);
            put(txn, space, k, bytes, n);
        }
    }
}

/* A file so large that a log grows before it begins anew. */
static void add_ballast(kv_env *env)
{
    uint8_t *bytes = calloc(1, LARGE), key[9];
    kv_txn *txn;

    ck_assert_ptr_nonnull(bytes);
    ck_assert_int_eq(env->ops->begin(env, 1, &txn, NULL), CRM_OK);
    for (uint64_t i = 0; i < BALLAST; i++)
        put(txn, KV_DAY, key_of(key, 'b', i), bytes, LARGE);
    ck_assert_int_eq(txn->ops->commit(txn, NULL), CRM_OK);
    free(bytes);
}

typedef struct job {
    const char *dir;
    int self;
    uint64_t seed;
    shared *s;
} job;

/* In a child, until it is killed. */
static int work(void *ctx)
{
    const job *j = ctx;
    const int self = j->self;
    uint64_t seed = j->seed;
    shared *s = j->s;
    crm_error err = CRM_ERROR_INIT;
    kv_env *env = open_kv(j->dir);

    for (;;) {
        uint8_t key[9], count[8];
        kv_txn *txn;
        uint64_t n;
        fault_is(env->ops->begin(env, 1, &txn, &err), CRM_OK, &err, "begin");
        n = counter(txn, self);
        ck_assert_uint_eq(n, s->acknowledged[self]);
        crm__put_be64(count, n + 1);
        put(txn, KV_META, key_of(key, 'w', (uint64_t)self), count, 8);
        change_rows(txn, &seed);
        if (crmtest_below(&seed, 12) == 0) {
            txn->ops->abort(txn);
        } else {
            fault_is(txn->ops->commit(txn, &err), CRM_OK, &err, "commit");
            __atomic_store_n(&s->acknowledged[self], n + 1, __ATOMIC_SEQ_CST);
        }
        if (crmtest_below(&seed, 40) == 0) {
            env->ops->close(env);
            env = open_kv(j->dir);
        }
    }
}

/* All rows, and each writer's count. */
static uint64_t state(const char *dir, uint64_t counts[WRITERS])
{
    kv_options o = {.readonly = 1};
    crm_error err = CRM_ERROR_INIT;
    uint64_t sum = 1;
    kv_env *env;
    kv_txn *txn;

    fault_is(crm__kv_page_open(dir, &o, &env, &err), CRM_OK, &err, "open pages");
    fault_is(env->ops->begin(env, 0, &txn, &err), CRM_OK, &err, "begin");
    for (int i = 0; i < WRITERS; i++)
        counts[i] = counter(txn, i);
    for (int space = 0; space < KV_SPACES; space++) {
        crm__slice k, v;
        kv_cursor *c;
        int rc = txn->ops->cursor(txn, (kv_space)space, &c);
        ck_assert_int_eq(rc, CRM_OK);
        rc = c->ops->seek(c, KV_FIRST, crm__slice_of(NULL, 0), &k, &v);
        for (; !rc; rc = c->ops->next(c, &k, &v)) {
            sum = crm__hash64(sum + (uint64_t)space, k.p, k.n);
            sum = crm__hash64(sum, v.p, v.n);
        }
        ck_assert_int_eq(rc, CRM_ENOTFOUND);
        c->ops->cursor_close(c);
    }
    txn->ops->abort(txn);
    env->ops->close(env);
    return sum;
}

/* The first fault. */
static void note_page(const char *what, int64_t page, const char *space, void *ctx)
{
    char *text = ctx;

    if (!*text)
        snprintf(text, 200, "page %lld of %s: %s", (long long)page, space ? space : "?", what);
}

static void pages_are_whole(const char *dir, const char *label)
{
    char text[200] = "";
    kv_options o = {.readonly = 1};
    crm_error err = CRM_ERROR_INIT;
    kv_page_summary sum;
    kv_env *env;
    kv_txn *txn;

    fault_is(crm__kv_page_open(dir, &o, &env, &err), CRM_OK, &err, "open pages");
    fault_is(env->ops->begin(env, 0, &txn, &err), CRM_OK, &err, "begin");
    fault_is(crm__kv_page_walk(txn, note_page, NULL, text, &sum, &err), CRM_OK, &err, "walk");
    ck_assert_msg(!sum.faults, "%s: %llu faults, %s", label, (unsigned long long)sum.faults, text);
    txn->ops->abort(txn);
    env->ops->close(env);
}

static void copy_file(const char *from, const char *to, const char *name)
{
    char a[4200], b[4200];

    snprintf(a, sizeof a, "%s/%s", from, name);
    snprintf(b, sizeof b, "%s/%s", to, name);
    ck_assert_int_eq(damage_copy_file(a, b), 0);
}

static void judge(const char *dir, shared *s, const char *label)
{
    char copy[4000];
    uint64_t as_is[WRITERS], applied[WRITERS], before, after, more = 0;
    kv_options o = {0};
    crm_error err = CRM_ERROR_INIT;

    snprintf(copy, sizeof copy, "%s", fault_path("copy"));
    fault_copy(dir, copy);
    before = state(copy, as_is);
    s->logged += (uint64_t)crm__kv_lmdb_logged(dir);
    if (crm__kv_lmdb_logged(dir))
        copy_file(dir, copy, "data.log");
    fault_is(crm__kv_lmdb_recover(copy, &o, &err), CRM_OK, &err, label);
    ck_assert(!crm__kv_lmdb_logged(copy));
    after = state(copy, applied);
    pages_are_whole(copy, label);
    for (int i = 0; i < WRITERS; i++) {
        ck_assert_msg(as_is[i] - s->acknowledged[i] <= 1 && applied[i] - as_is[i] <= 1,
                      "%s: writer %d has %llu acknowledged, %llu in the file, %llu with the log",
                      label, i, (unsigned long long)s->acknowledged[i],
                      (unsigned long long)as_is[i], (unsigned long long)applied[i]);
        more += applied[i] - as_is[i];
        s->acknowledged[i] = applied[i];
    }
    ck_assert_msg(more <= 1 && (more || before == after), "%s: the log makes another state", label);
    /* What the next round goes on with. */
    fault_is(crm__kv_lmdb_recover(dir, &o, &err), CRM_OK, &err, label);
}

/* Until that many more commits are acknowledged, however busy the machine is. */
static void let_commit(const shared *s, uint64_t commits)
{
    uint64_t until = 0, now;

    do {
        now = 0;
        for (int i = 0; i < WRITERS; i++)
            now += __atomic_load_n(&s->acknowledged[i], __ATOMIC_SEQ_CST);
        until = until ? until : now + commits;
        if (now < until)
            usleep(200);
    } while (now < until);
}

CRM_TEST(test_fault_log__shared_by_processes_that_are_killed)
{
    uint64_t seed = crmtest_seed();
    size_t rounds = crmtest_rounds(40, 1500);
    char dir[4000], label[80];
    shared *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    kv_env *env;

    snprintf(dir, sizeof dir, "%s", fault_path("db"));
    ck_assert(s != MAP_FAILED && mkdir(dir, 0700) == 0);
    memset(s, 0, sizeof *s);
    env = open_kv(dir);
    add_ballast(env);
    env->ops->close(env);
    for (size_t round = 0; round < rounds; round++) {
        pid_t pid[WRITERS];
        snprintf(label, sizeof label, "round %zu (seed %llu)", round,
                 (unsigned long long)crmtest_seed());
        for (int i = 0; i < WRITERS; i++) {
            job j = {dir, i, crmtest_below(&seed, UINT64_MAX), s};
            pid[i] = fault_fork(work, &j);
        }
        for (int i = 0; i < WRITERS; i++) { /* one after another: the rest goes on */
            let_commit(s, crmtest_below(&seed, 20));
            usleep((useconds_t)crmtest_below(&seed, 3000));
            ck_assert_int_eq(kill(pid[i], SIGKILL), 0);
            ck_assert_msg(fault_ended(pid[i]) == -SIGKILL, "%s: ended itself", label);
        }
        judge(dir, s, label);
    }
    printf("%zu rounds, %llu with a log, %llu commits\n", rounds, (unsigned long long)s->logged,
           (unsigned long long)(s->acknowledged[0] + s->acknowledged[1] + s->acknowledged[2]));
    fflush(stdout);
    ck_assert_uint_gt(s->logged, rounds / 2);
    fault_remove(dir);
    fault_remove(fault_path("copy"));
}
