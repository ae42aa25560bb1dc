/* SPDX-License-Identifier: MIT
 * Waiting until a file was written: in this process and another, in time and not, and where the
 * kernel gives no notice.
 */
#include "kv/kv_wait.h"
#include "crmtest.h"
#include "kv/kv.h"

#include <crm/codes.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct watched {
    const char *path;
    uint64_t from, looks;
} watched;

static void rest_ms(long ms)
{
    struct timespec t = {0, ms * 1000000};

    nanosleep(&t, NULL);
}

/* The file's first eight bytes are a number; moved once it is above `from`. */
static int moved(void *ctx)
{
    watched *w = ctx;
    uint64_t v = 0;
    int fd = open(w->path, O_RDONLY | O_CLOEXEC);

    w->looks++;
    if (fd >= 0) {
        if (pread(fd, &v, sizeof v, 0) < (ssize_t)sizeof v)
            v = 0;
        close(fd);
    }
    return v > w->from;
}

static int set(const char *path, uint64_t v)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    int bad = fd < 0 || pwrite(fd, &v, sizeof v, 0) != (ssize_t)sizeof v;

    if (fd >= 0)
        close(fd);
    return bad;
}

CRM_TEST(test_kv_wait__looks_at_once)
{
    crm__watches kept = {0};
    watched w = {crmtest_path("file"), 4, 0};

    ck_assert(!set(w.path, 5));
    ck_assert_int_eq(crm__wait_file(w.path, &kept, moved, &w, 0), CRM_OK);
    ck_assert_uint_eq(w.looks, 1);
    w.from = 5;
    ck_assert_int_eq(crm__wait_file(w.path, &kept, moved, &w, 0), CRM_DONE);
    ck_assert_int_eq(crm__wait_file(w.path, &kept, moved, &w, 20), CRM_DONE);
    ck_assert_uint_ge(w.looks, 3);
    crm__watches_close(&kept);
}

/* From another process, many times one after the other: none is missed, also not one that comes
 * between a look and the wait. */
CRM_TEST(test_kv_wait__other_process)
{
    crm__watches kept = {0};
    watched w = {crmtest_path("file"), 0, 0};
    uint64_t rounds = crmtest_rounds(200, 2000);
    int status;
    pid_t pid;

    ck_assert(!set(w.path, 0));
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        for (uint64_t v = 1; v <= rounds; v++) {
            if (set(w.path, v))
                _exit(1);
            rest_ms(v % 7 == 0);
        }
        _exit(0);
    }
    while (w.from < rounds) {
        uint64_t v = 0;
        int fd;
        ck_assert_int_eq(crm__wait_file(w.path, &kept, moved, &w, (int)crmtest_seconds(20) * 1000),
                         CRM_OK);
        fd = open(w.path, O_RDONLY | O_CLOEXEC);
        ck_assert(fd >= 0 && pread(fd, &v, sizeof v, 0) == (ssize_t)sizeof v);
        close(fd);
        ck_assert_uint_gt(v, w.from);
        w.from = v;
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    crm__watches_close(&kept);
}

static void *set_soon(void *ctx)
{
    rest_ms(15);
    return set(ctx, 1) ? ctx : NULL;
}

/* A file that is not there can't be watched: looking now and then does. */
CRM_TEST(test_kv_wait__without_notice)
{
    crm__watches kept = {0};
    static char path[4400];
    watched w = {path, 0, 0};
    pthread_t t;
    void *bad;

    strcpy(path, crmtest_path("later"));
    ck_assert_int_eq(crm__wait_file(path, &kept, moved, &w, 10), CRM_DONE);
    ck_assert_uint_ge(w.looks, 2);
    ck_assert_int_eq(pthread_create(&t, NULL, set_soon, path), 0);
    ck_assert_int_eq(crm__wait_file(path, &kept, moved, &w, (int)crmtest_seconds(20) * 1000),
                     CRM_OK);
    ck_assert_int_eq(pthread_join(t, &bad), 0);
    ck_assert_ptr_null(bad);
    crm__watches_close(&kept);
}

/* ---- through the engine ---- */

CRM_TEST(test_kv_wait__commits)
{
    kv_options o = {.create = 1};
    uint64_t before, after;
    kv_env *env;
    kv_txn *txn;

    ck_assert_int_eq(crm__kv_lmdb_open(crmtest_dir(), &o, &env, NULL), CRM_OK);
    ck_assert_int_eq(env->ops->last(env, &before), CRM_OK);
    ck_assert_int_eq(env->ops->wait(env, before, 0), CRM_DONE);
    ck_assert_int_eq(env->ops->wait(env, before, 10), CRM_DONE);
    /* What is under way and what is aborted is no commit. */
    ck_assert_int_eq(env->ops->begin(env, 1, &txn, NULL), CRM_OK);
    ck_assert_int_eq(txn->ops->put(txn, KV_META, (crm__slice){(const uint8_t *)"k", 1},
                                   (crm__slice){(const uint8_t *)"v", 1}, 0),
                     CRM_OK);
    ck_assert_int_eq(env->ops->wait(env, before, 5), CRM_DONE);
    txn->ops->abort(txn);
    ck_assert_int_eq(env->ops->wait(env, before, 5), CRM_DONE);
    ck_assert_int_eq(env->ops->begin(env, 1, &txn, NULL), CRM_OK);
    ck_assert_int_eq(txn->ops->put(txn, KV_META, (crm__slice){(const uint8_t *)"k", 1},
                                   (crm__slice){(const uint8_t *)"v", 1}, 0),
                     CRM_OK);
    ck_assert_int_eq(txn->ops->commit(txn, NULL), CRM_OK);
    ck_assert_int_eq(env->ops->last(env, &after), CRM_OK);
    ck_assert_uint_gt(after, before);
    ck_assert_int_eq(env->ops->wait(env, before, 0), CRM_OK);
    ck_assert_int_eq(env->ops->wait(env, after, 0), CRM_DONE);
    env->ops->close(env);
}
