/* SPDX-License-Identifier: MIT
 * The change feed: writers in several processes, some killed, and readers who follow with
 * crm_db_wait() and crm_change_list(); every revision once, in order, none missed.
 */
#include "history_help.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WRITERS = 3, READERS = 3 };

static int64_t clock_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void rest_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};

    nanosleep(&t, NULL);
}

/* ---- writers, each in a process of its own ---- */

static int write_some(crm_db *db, uint64_t *seed, int number)
{
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    crm_txn *txn;
    char json[100];
    int n = 1 + (int)crmtest_below(seed, 4);

    o.batch = crmtest_below(seed, 3) ? 0 : CRM_BATCH_NEW;
    if (crm_txn_begin(db, CRM_WRITE, &o, &txn, NULL))
        return 1;
    for (int i = 0; i < n; i++) {
        crm_id id = 0;
        int rc;
        snprintf(json, sizeof json, "{\"name\":\"W%d\",\"score\":%d}", number,
                 (int)crmtest_below(seed, 1000));
        rc = crm_customer_create_json(txn, json, CRM_NUL, &id, NULL);
        if (!rc && crmtest_below(seed, 2))
            rc = crm_customer_patch_json(txn, id, 0, "{\"city\":\"X\"}", CRM_NUL, NULL);
        if (rc) {
            crm_txn_abort(txn);
            return 1;
        }
    }
    return crm_txn_commit(txn, NULL) != CRM_OK;
}

/* Writes until the file "stop" is there. */
static int writer(int number, const char *stop)
{
    uint64_t seed = crmtest_seed() + (uint64_t)number;
    crm_db *db = NULL;
    int bad = crm_db_open(api_path(), NULL, &db, NULL);

    while (!bad && access(stop, F_OK) != 0) {
        bad = write_some(db, &seed, number);
        if (crmtest_below(&seed, 4) == 0)
            rest_ms((long)crmtest_below(&seed, 8));
    }
    crm_db_close(db);
    return bad;
}

static pid_t start_writer(int number, const char *stop)
{
    pid_t pid;

    fflush(NULL);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        alarm(crmtest_seconds(120));
        _exit(writer(number, stop));
    }
    return pid;
}

/* ---- readers ---- */

typedef struct reader {
    crm_db *db;
    int slow;
    const uint64_t *until; /* the last revision; 0: not yet known */
    uint64_t seen, waits;
    int bad;
} reader;

static int follow(reader *r)
{
    crm_change c = CRM_CHANGE_INIT;
    crm_change_iter *it;
    crm_txn *txn;
    int rc = crm_txn_begin(r->db, CRM_READ, NULL, &txn, NULL);

    if (rc)
        return rc;
    rc = crm_change_list(txn, r->seen, &it, NULL);
    while (!rc && (rc = crm_change_next(it, &c, NULL)) == CRM_OK) {
        NEED(c.revision == r->seen + 1);
        r->seen = c.revision;
    }
    crm_change_close(it);
    crm_txn_abort(txn);
    return rc == CRM_DONE ? CRM_OK : rc;
}

static void *reader_thread(void *ctx)
{
    reader *r = ctx;

    for (;;) {
        uint64_t until = __atomic_load_n(r->until, __ATOMIC_ACQUIRE), last = 0;
        int rc;
        if (until && r->seen >= until)
            return NULL;
        rc = crm_db_wait(r->db, r->seen, 200, &last, NULL);
        r->waits++;
        if (rc == CRM_DONE)
            continue;
        if (rc || last <= r->seen || follow(r) || r->seen < last) {
            r->bad = 1;
            return NULL;
        }
        if (r->slow)
            rest_ms(40);
    }
}

/* Every record's revision is in the feed as a change of that customer, and the last one of it. */
static void same_as_records(crm_db *db)
{
    uint64_t *last = calloc(1 << 16, sizeof *last), count = 0;
    crm_change c = CRM_CHANGE_INIT;
    crm_customer *record;
    crm_change_iter *it;
    crm_txn *txn = api_begin(db, CRM_READ);
    crm_db_stat st;

    ck_assert_ptr_nonnull(last);
    OK(crm_change_list(txn, 0, &it, &er));
    while (crm_change_next(it, &c, &er) == CRM_OK) {
        for (int which = 0; which <= CRM_CHANGE_CHANGED; which++) {
            crm_id ids[7], after = 0;
            size_t n;
            do {
                OK(crm_change_customers(it, which, after, ids, 7, &n, &er));
                for (size_t i = 0; i < n; i++) {
                    ck_assert(ids[i] > after && ids[i] < 1 << 16);
                    ck_assert_int_eq(which == CRM_CHANGE_CREATED, last[ids[i]] == 0);
                    after = ids[i];
                    last[after] = c.revision;
                    count += which == CRM_CHANGE_CREATED;
                }
            } while (n);
        }
    }
    crm_change_close(it);
    OK(crm_db_stat_get(db, sizeof st, &st, &er));
    ck_assert_uint_eq(count, st.customers + st.deleted);
    OK(crm_customer_new(txn, &record, &er));
    for (crm_id id = 1; id <= count; id++) {
        OK(crm_customer_get(txn, id, record, &er));
        ck_assert_uint_eq(crm_customer_revision(record), last[id]);
    }
    crm_customer_free(record);
    OK(crm_txn_abort(txn));
    free(last);
}

CRM_TEST(test_api_journal_feed__processes)
{
    const char *stop = crmtest_path("stop");
    uint64_t seed = crmtest_seed(), until = 0;
    crm_db *db;
    reader r[READERS];
    pthread_t t[READERS];
    pid_t w[WRITERS];
    crm_db_stat st;
    FILE *f;

    crm_db_close(api_open());
    for (int i = 0; i < WRITERS; i++)
        w[i] = start_writer(i, stop);
    db = api_open();
    for (int i = 0; i < READERS; i++) {
        r[i] = (reader){.db = db, .slow = i == 0, .until = &until};
        ck_assert_int_eq(pthread_create(&t[i], NULL, reader_thread, &r[i]), 0);
    }
    for (size_t i = crmtest_rounds(8, 60); i > 0; i--) {
        int k = (int)crmtest_below(&seed, WRITERS), status;
        rest_ms(20 + (long)crmtest_below(&seed, 60));
        ck_assert_int_eq(kill(w[k], SIGKILL), 0);
        ck_assert_int_eq(waitpid(w[k], &status, 0), w[k]);
        ck_assert(WIFSIGNALED(status)); /* not ended by itself before */
        w[k] = start_writer(100 + (int)i * 10 + k, stop);
    }
    f = fopen(stop, "w");
    ck_assert_ptr_nonnull(f);
    fclose(f);
    for (int i = 0; i < WRITERS; i++) {
        int status;
        ck_assert_int_eq(waitpid(w[i], &status, 0), w[i]);
        ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    OK(crm_db_stat_get(db, sizeof st, &st, &er));
    __atomic_store_n(&until, st.revision, __ATOMIC_RELEASE);
    for (int i = 0; i < READERS; i++) {
        ck_assert_int_eq(pthread_join(t[i], NULL), 0);
        ck_assert(!r[i].bad);
        ck_assert_uint_eq(r[i].seen, st.revision);
    }
    same_as_records(db);
    crm_db_close(db);
    api_check_clean(api_path());
}

/* ---- waiting ---- */

CRM_TEST(test_api_journal_feed__timeouts)
{
    crm_db *db = api_open();
    uint64_t revision = 99;
    crm_txn *txn;

    OK(crm_db_wait(db, 0, 0, &revision, &er)); /* the model is the first */
    ck_assert_uint_eq(revision, 1);
    IS(CRM_DONE, crm_db_wait(db, 1, 0, &revision, &er));
    ck_assert_uint_eq(revision, 1);
    IS(CRM_DONE, crm_db_wait(db, 1, 30, NULL, &er));
    IS(CRM_DONE, crm_db_wait(db, UINT64_MAX, 1, &revision, &er));
    IS(CRM_EINVAL, crm_db_wait(NULL, 1, 1, &revision, &er));
    txn = api_begin(db, CRM_WRITE);
    api_create(txn, "{\"name\":\"A\"}");
    IS(CRM_DONE, crm_db_wait(db, 1, 0, &revision, &er)); /* not before the commit */
    api_commit(txn);
    OK(crm_db_wait(db, 1, -1, &revision, &er));
    ck_assert_uint_eq(revision, 2);
    crm_db_close(db);
}

typedef struct waiting {
    crm_db *db;
    uint64_t after;
    int64_t woken_us;
    uint64_t revision;
    int rc, begun;
} waiting;

static void *wait_thread(void *ctx)
{
    waiting *w = ctx;

    __atomic_store_n(&w->begun, 1, __ATOMIC_RELEASE);
    w->rc = crm_db_wait(w->db, w->after, -1, &w->revision, NULL);
    w->woken_us = clock_us();
    return NULL;
}

static void start_waiting(waiting *w, pthread_t *t)
{
    ck_assert_int_eq(pthread_create(t, NULL, wait_thread, w), 0);
    while (!__atomic_load_n(&w->begun, __ATOMIC_ACQUIRE))
        rest_ms(1);
    rest_ms(3);
}

CRM_TEST(test_api_journal_feed__woken)
{
    enum { ROUNDS = 20 };
    int64_t sum = 0, most = 0;
    crm_db *db = api_open();

    for (uint64_t i = 0; i < ROUNDS; i++) {
        waiting w[2] = {{.db = db, .after = 1 + i}, {.db = db, .after = 1 + i}};
        pthread_t t[2];
        crm_txn *txn;
        int64_t at;
        for (int k = 0; k < 2; k++)
            start_waiting(&w[k], &t[k]);
        txn = api_begin(db, CRM_WRITE);
        api_create(txn, "{\"name\":\"A\"}");
        api_commit(txn);
        at = clock_us();
        for (int k = 0; k < 2; k++) {
            ck_assert_int_eq(pthread_join(t[k], NULL), 0);
            OK(w[k].rc);
            ck_assert_uint_eq(w[k].revision, 2 + i);
            sum += w[k].woken_us - at;
            most = w[k].woken_us - at > most ? w[k].woken_us - at : most;
        }
    }
    printf("woken %lld us after the commit, at most %lld\n", (long long)(sum / (2 * ROUNDS)),
           (long long)most);
    crm_db_close(db);
}

CRM_TEST(test_api_journal_feed__closed_while_waiting)
{
    for (int i = 0; i < 3; i++) {
        crm_db *db = api_open();
        waiting w[2] = {{.db = db, .after = 5}, {.db = db, .after = 5}};
        pthread_t t[2];
        for (int k = 0; k < 2; k++)
            start_waiting(&w[k], &t[k]);
        crm_db_close(db);
        for (int k = 0; k < 2; k++) {
            ck_assert_int_eq(pthread_join(t[k], NULL), 0);
            IS(CRM_ECLOSED, w[k].rc);
        }
    }
}

/* ---- one change as it is read ---- */

CRM_TEST(test_api_journal_feed__what_a_change_says)
{
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    crm_change c = CRM_CHANGE_INIT;
    crm_change_iter *it = NULL;
    crm_id ids[4];
    const char *key;
    crm_db *db = api_open();
    char *json;
    size_t n;
    crm_txn *txn;

    o.actor = "li.na";
    o.purpose = "sales";
    o.channel = "phone";
    o.source = "call-centre";
    o.batch = CRM_BATCH_NEW;
    o.batch_name = "import";
    OK(crm_txn_begin(db, CRM_WRITE, &o, &txn, &er));
    for (int i = 0; i < 3; i++)
        api_create(txn, "{\"name\":\"A\"}");
    OK(crm_event_add_json(txn, 2, "{\"kind\":\"visit\"}", CRM_NUL, NULL, &er));
    IS(CRM_ESTATE, crm_change_list(txn, 0, &it, &er));
    ck_assert_ptr_null(it);
    api_commit(txn);
    txn = api_begin(db, CRM_WRITE);
    OK(crm_customer_patch_json(txn, 2, 0, "{\"city\":\"X\",\"score\":1}", CRM_NUL, &er));
    OK(crm_event_void(txn, 2, 1, &er));
    api_commit(txn);

    txn = api_begin(db, CRM_READ);
    IS(CRM_EINVAL, crm_change_list(NULL, 0, &it, &er));
    IS(CRM_EINVAL, crm_change_list(txn, 0, NULL, &er));
    OK(crm_change_list(txn, 1, &it, &er));
    IS(CRM_ESTATE, crm_change_json(it, &json, NULL, &er));
    OK(crm_change_next(it, &c, &er));
    ck_assert(c.revision == 2 && c.action == CRM_ACTION_BATCH && c.batch == 2 && c.created == 3 &&
              c.changed == 0 && c.with_events == 1 && c.target == 0 && c.field_count == 0);
    ck_assert_str_eq(c.actor, "li.na");
    ck_assert_str_eq(c.purpose, "sales");
    ck_assert_str_eq(c.channel, "phone");
    ck_assert_str_eq(c.source, "call-centre");
    OK(crm_change_customers(it, CRM_CHANGE_CREATED, 0, ids, 2, &n, &er));
    ck_assert(n == 2 && ids[0] == 1 && ids[1] == 2);
    OK(crm_change_customers(it, CRM_CHANGE_CREATED, 2, ids, 4, &n, &er));
    ck_assert(n == 1 && ids[0] == 3);
    OK(crm_change_customers(it, CRM_CHANGE_CREATED, UINT64_MAX, ids, 4, &n, &er));
    ck_assert_uint_eq(n, 0);
    OK(crm_change_customers(it, CRM_CHANGE_EVENTS, 0, ids, 4, &n, &er));
    ck_assert(n == 1 && ids[0] == 2);
    IS(CRM_EINVAL, crm_change_customers(it, 4, 0, ids, 4, &n, &er));
    IS(CRM_EINVAL, crm_change_customers(it, -1, 0, ids, 4, &n, &er));
    IS(CRM_EINVAL, crm_change_customers(it, 0, 0, NULL, 4, &n, &er));
    IS(CRM_EINVAL, crm_change_customers(it, 0, 0, ids, 4, NULL, &er));
    OK(crm_change_json(it, &json, &n, &er));
    ck_assert_uint_eq(strlen(json), n);
    ck_assert_ptr_nonnull(
        strstr(json, "\"created\":[[1,3]],\"changed\":[],\"with_events\":[[2,2]]"));
    crm_free(json);
    OK(crm_change_next(it, &c, &er));
    ck_assert(c.revision == 3 && c.action == CRM_ACTION_UPDATE && c.target == 2 && !c.batch &&
              c.field_count == 2 && !c.actor && !c.source);
    OK(crm_change_field(it, 0, &key, &er));
    ck_assert_str_eq(key, "city");
    OK(crm_change_field(it, 1, &key, &er));
    ck_assert_str_eq(key, "score");
    IS(CRM_ENOTFOUND, crm_change_field(it, 2, &key, &er));
    IS(CRM_EINVAL, crm_change_field(it, 0, NULL, &er));
    OK(crm_change_customers(it, CRM_CHANGE_CHANGED, 1, ids, 4, &n, &er));
    ck_assert(n == 1 && ids[0] == 2);
    OK(crm_change_customers(it, CRM_CHANGE_CHANGED, 2, ids, 4, &n, &er));
    ck_assert_uint_eq(n, 0);
    OK(crm_change_next(it, &c, &er));
    ck_assert(c.action == CRM_ACTION_VOID && c.target == 2);
    IS(CRM_DONE, crm_change_next(it, &c, &er));
    IS(CRM_ESTATE, crm_change_json(it, &json, NULL, &er));
    IS(CRM_DONE, crm_change_next(it, &c, &er));
    crm_change_close(it);
    OK(crm_change_list(txn, UINT64_MAX, &it, &er)); /* ahead of all there is */
    IS(CRM_DONE, crm_change_next(it, &c, &er));
    OK(crm_txn_abort(txn));
    IS(CRM_ESTATE, crm_change_next(it, &c, &er));
    crm_change_close(it);
    crm_change_close(NULL);
    IS(CRM_EINVAL, crm_change_next(NULL, &c, &er));
    ck_assert_str_eq(crm_action_name(CRM_ACTION_UNDO), "undo");
    ck_assert_str_eq(crm_action_name(0), "");
    ck_assert_str_eq(crm_action_name(CRM_ACTION_LIVE + 1), "");
    crm_db_close(db);
}
