/* SPDX-License-Identifier: MIT
 * What the cases of the public API share: see help.h.
 */
#include "help.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

crm_error er = CRM_ERROR_INIT;

int api_unmet(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
    return 1;
}

int api_child(int (*fn)(void *), void *ctx)
{
    int status = 0;
    pid_t pid;

    fflush(NULL);
    pid = fork();
    if (pid < 0)
        return 1;
    if (pid == 0) {
        alarm(crmtest_seconds(60));
        _exit(fn(ctx) ? 1 : 0);
    }
    while (waitpid(pid, &status, 0) != pid)
        ;
    if (WIFSIGNALED(status))
        fprintf(stderr, "the child ended by signal %d\n", WTERMSIG(status));
    return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

typedef struct job {
    int (*fn)(void *);
    void *ctx;
    int rc;
} job;

static void *run_job(void *ctx)
{
    job *j = ctx;

    j->rc = j->fn(j->ctx);
    return NULL;
}

int api_thread(int (*fn)(void *), void *ctx)
{
    job j = {fn, ctx, 1};
    pthread_t t;

    if (pthread_create(&t, NULL, run_job, &j))
        return 1;
    pthread_join(t, NULL);
    return j.rc;
}

const char *api_path(void)
{
    static char path[4400];
    const char *dir = crmtest_dir();
    size_t n = strlen(dir);

    /* Written once a case, before it has threads. */
    if (strncmp(path, dir, n) != 0 || strcmp(path + n, "/db") != 0)
        snprintf(path, sizeof path, "%s/db", dir);
    return path;
}

crm_db *api_open(void)
{
    return api_open_model(NULL);
}

crm_db *api_open_model(const char *yaml)
{
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    crm_db *db = NULL;

    o.model = yaml;
    OK(crm_db_open(api_path(), &o, &db, &er));
    ck_assert_ptr_nonnull(db);
    return db;
}

crm_txn *api_begin(crm_db *db, int mode)
{
    crm_txn *txn = NULL;

    OK(crm_txn_begin(db, mode, NULL, &txn, &er));
    ck_assert_ptr_nonnull(txn);
    return txn;
}

crm_txn *api_begin_as(crm_db *db, uint32_t flags, const char *source)
{
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    crm_txn *txn = NULL;

    o.flags = flags;
    o.source = source;
    OK(crm_txn_begin(db, CRM_WRITE, &o, &txn, &er));
    return txn;
}

void api_commit(crm_txn *txn)
{
    OK(crm_txn_commit(txn, &er));
}

crm_id api_create(crm_txn *txn, const char *json)
{
    crm_id id = 0;

    OK(crm_customer_create_json(txn, json, CRM_NUL, &id, &er));
    ck_assert_uint_gt(id, 0);
    return id;
}

crm_field api_field(crm_txn *txn, const char *name)
{
    crm_field f;

    OK(crm_field_find(txn, name, CRM_NUL, &f, &er));
    return f;
}

const char *api_json(crm_txn *txn, crm_id id, uint32_t flags)
{
    static char room[4][65536];
    static unsigned turn;
    char *to = room[turn++ % 4], *json = NULL;
    size_t n = 0;

    OK(crm_customer_get_json(txn, id, flags, &json, &n, &er));
    ck_assert_uint_eq(strlen(json), n);
    ck_assert_uint_lt(n, sizeof room[0]);
    memcpy(to, json, n + 1);
    crm_free(json);
    return to;
}

int api_has(crm_txn *txn, crm_id id, const char *text)
{
    return strstr(api_json(txn, id, 0), text) != NULL;
}

const char *api_member(crm_txn *txn, crm_id id, const char *member)
{
    static char room[8][512];
    static unsigned turn;
    char name[80], *to = room[turn++ % 8];
    const char *at = api_json(txn, id, 0), *end;

    snprintf(name, sizeof name, "\"%s\":", member);
    at = strstr(at, name);
    *to = 0;
    if (!at)
        return to;
    at += strlen(name);
    if (*at == '"')
        end = strchr(++at, '"');
    else
        end = at + strcspn(at, *at == '[' ? "]" : ",}");
    ck_assert_uint_lt((size_t)(end - at), sizeof room[0]);
    memcpy(to, at, (size_t)(end - at));
    to[end - at] = 0;
    return to;
}

size_t api_found(crm_txn *txn, const char *field, const char *source, const char *value,
                 crm_id *first)
{
    crm_field f = api_field(txn, field);
    crm_id ids[4] = {0};
    size_t count = 99;
    int rc = crm_customer_find(txn, &f, source, value, CRM_NUL, ids, 4, &count, &er);

    if (rc != CRM_ENOTFOUND)
        IS(CRM_OK, rc);
    ck_assert_int_eq(rc == CRM_OK, count > 0);
    for (size_t i = 1; i < count && i < 4; i++)
        ck_assert_uint_lt(ids[i - 1], ids[i]);
    if (first)
        *first = ids[0];
    return count;
}

static void tell_fault(const crm_fault *fault, void *ctx)
{
    (void)ctx;
    fprintf(stderr, "check: %s, customer %llu, page %lld: %s\n", fault->space,
            (unsigned long long)fault->customer, (long long)fault->page, fault->message);
}

void api_check_clean(const char *path)
{
    crm_check_options o = CRM_CHECK_OPTIONS_INIT;
    crm_check_result r;

    o.fault = tell_fault;
    memset(&r, 0, sizeof r);
    OK(crm_check(path, &o, sizeof r, &r, &er));
    ck_assert_uint_eq(r.faults, 0);
}

size_t api_list(crm_txn *txn, const crm_list_options *opts, crm_id *ids, size_t cap)
{
    crm_customer_iter *it = NULL;
    crm_customer *c;
    size_t n = 0;
    int rc;

    OK(crm_customer_list(txn, opts, &it, &er));
    while ((rc = crm_customer_next(it, &c, &er)) == CRM_OK) {
        if (n < cap)
            ids[n] = crm_customer_id(c);
        n++;
    }
    IS(CRM_DONE, rc);
    IS(CRM_DONE, crm_customer_next(it, &c, &er));
    crm_customer_list_close(it);
    return n;
}

int64_t api_clock(void *ctx)
{
    return *(const int64_t *)ctx;
}

/* Each piece carries its size in front. */
enum { FRONT = 16 };

static void *count_alloc(size_t n, void *ctx)
{
    api_memory *m = ctx;
    char *p = malloc(n + FRONT);

    if (!p)
        return NULL;
    memcpy(p, &n, sizeof n);
    __atomic_fetch_add(&m->alive, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&m->bytes, (int64_t)n, __ATOMIC_RELAXED);
    __atomic_fetch_add(&m->calls, 1, __ATOMIC_RELAXED);
    return p + FRONT;
}

static void count_free(void *p, void *ctx)
{
    api_memory *m = ctx;
    size_t n;

    if (!p)
        return;
    memcpy(&n, (char *)p - FRONT, sizeof n);
    __atomic_fetch_sub(&m->alive, 1, __ATOMIC_RELAXED);
    __atomic_fetch_sub(&m->bytes, (int64_t)n, __ATOMIC_RELAXED);
    free((char *)p - FRONT);
}

static void *count_realloc(void *p, size_t n, void *ctx)
{
    void *q = count_alloc(n, ctx);
    size_t old;

    if (!q || !p)
        return q;
    memcpy(&old, (char *)p - FRONT, sizeof old);
    memcpy(q, p, old < n ? old : n);
    count_free(p, ctx);
    return q;
}

crm_allocator api_allocator(api_memory *m)
{
    crm_allocator a = CRM_ALLOCATOR_INIT;

    memset(m, 0, sizeof *m);
    a.alloc = count_alloc;
    a.realloc = count_realloc;
    a.free = count_free;
    a.ctx = m;
    return a;
}
