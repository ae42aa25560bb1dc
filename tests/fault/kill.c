/* SPDX-License-Identifier: MIT
 * kill -9 at random moments.  Children write with several threads, most through the group commit,
 * one with explicit transactions over four customers at once, and tell each commit that has
 * returned CRM_OK through a pipe.  After a kill the database must open, be clean, and hold for
 * every thread exactly the state of its last acknowledged commit or of the next one, which was
 * under way.
 *
 * Thread t of process p works on slots, customers with the external ids "p-t-k", and takes them
 * from one number v to the next: see step().  So a slot's whole state follows from v.
 */
#include "fault.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PROCESSES = 2, THREADS = 4, ROW = 3, SLOTS = 4, KILLS_A_DATABASE = 40 };

static const char MODEL[] = "crm: 1\n"
                            "fields:\n"
                            "  name: {type: text, required: true}\n"
                            "  score: {type: integer}\n"
                            "  notes: {type: text}\n"
                            "identities:\n"
                            "  external: {type: text, per: source, unique: true}\n";

/* Where a thread stands. */
typedef struct place {
    uint64_t v;
    crm_id id[SLOTS];
} place;

typedef struct ack {
    int32_t process, thread;
    uint64_t v; /* UINT64_MAX: the writer met an error */
} ack;

static int slots_of(int thread)
{
    return thread == ROW ? SLOTS : 1;
}

static int deleted_at(uint64_t v)
{
    return v % 5 == 4;
}

static int logs_at(uint64_t v)
{
    return v % 3 == 0;
}

/* ---- the child ---- */

typedef struct writer {
    crm_db *db;
    int process, thread, out;
    place at;
    place next;
    pthread_t id;
} writer;

static void document(char json[300], int process, int thread, int k, uint64_t v, int log)
{
    char ids[100] = "";

    if (log || v == 1)
        snprintf(ids, sizeof ids,
                 ",\"name\":\"%s\",\"external\":[{\"source\":\"%s\",\"value\":\"%d-%d-%llu\"}]",
                 log ? "log" : "slot", log ? "log" : "slot", process, thread,
                 log ? (unsigned long long)v : (unsigned long long)k);
    snprintf(json, 300, "{\"score\":%llu,\"notes\":\"v %llu\"%s}", (unsigned long long)v,
             (unsigned long long)v, ids);
}

static int move_slot(crm_txn *txn, writer *w, int k, uint64_t v, crm_error *err)
{
    char json[300];
    int rc = CRM_OK;

    document(json, w->process, w->thread, k, v, 0);
    if (v == 1)
        return crm_customer_create_json(txn, json, CRM_NUL, &w->next.id[k], err);
    if (deleted_at(v - 1))
        rc = crm_customer_undelete(txn, w->at.id[k], 0, err);
    if (!rc)
        rc = crm_customer_patch_json(txn, w->at.id[k], 0, json, CRM_NUL, err);
    if (!rc && deleted_at(v))
        rc = crm_customer_delete(txn, w->at.id[k], 0, err);
    return rc;
}

/* From v - 1 to v: creates or changes the slots, deletes them at some numbers, brings them back at
 * the next, and creates one more customer at others. */
static int step(crm_txn *txn, void *ctx)
{
    crm_error err = CRM_ERROR_INIT;
    writer *w = ctx;
    uint64_t v = w->at.v + 1;
    char json[300];
    int rc = CRM_OK;

    w->next = w->at;
    w->next.v = v;
    for (int k = 0; k < slots_of(w->thread) && !rc; k++)
        rc = move_slot(txn, w, k, v, &err);
    if (!rc && logs_at(v)) {
        document(json, w->process, w->thread, 0, v, 1);
        rc = crm_customer_create_json(txn, json, CRM_NUL, NULL, &err);
    }
    if (rc)
        fprintf(stderr, "writer %d-%d at %llu: %s\n", w->process, w->thread, (unsigned long long)v,
                err.message);
    return rc;
}

/* Of some threads each transaction is a batch. */
static crm_txn_options options_of(int thread)
{
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;

    o.batch = thread % 2 ? CRM_BATCH_NEW : 0;
    return o;
}

static int step_explicit(writer *w)
{
    crm_txn_options o = options_of(w->thread);
    crm_error err = CRM_ERROR_INIT;
    crm_txn *txn;
    int rc = crm_txn_begin(w->db, CRM_WRITE, &o, &txn, &err);

    if (rc)
        return rc;
    rc = step(txn, w);
    if (!rc)
        return crm_txn_commit(txn, &err);
    crm_txn_abort(txn);
    return rc;
}

static void *write_on(void *ctx)
{
    writer *w = ctx;
    crm_txn_options o = options_of(w->thread);

    for (;;) {
        int rc = w->thread == ROW ? step_explicit(w) : crm_db_write(w->db, &o, step, w, NULL);
        ack a = {w->process, w->thread, rc ? UINT64_MAX : w->next.v};
        if (write(w->out, &a, sizeof a) != (ssize_t)sizeof a || rc)
            _exit(3);
        w->at = w->next;
    }
    return NULL;
}

static void *read_on(void *ctx)
{
    crm_db_stat st;

    for (;;) {
        if (crm_db_stat_get(ctx, sizeof st, &st, NULL))
            _exit(4);
    }
    return NULL;
}

typedef struct job {
    const char *dir;
    int process, fd[2]; /* the acks go into the second of the pipe */
    const place *at;    /* of each thread */
} job;

static int child(void *ctx)
{
    const job *j = ctx;
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    crm_error err = CRM_ERROR_INIT;
    writer w[THREADS];
    pthread_t reader;
    crm_db *db;

    close(j->fd[0]);
    o.model = MODEL;
    if (crm_db_open(j->dir, &o, &db, &err)) {
        fprintf(stderr, "open in a writer: %s\n", err.message);
        _exit(5);
    }
    for (int t = 0; t < THREADS; t++) {
        w[t] = (writer){db, j->process, t, j->fd[1], j->at[t], j->at[t], 0};
        if (pthread_create(&w[t].id, NULL, write_on, &w[t]))
            _exit(6);
    }
    if (j->process == 0 && !pthread_create(&reader, NULL, read_on, db))
        pthread_detach(reader);
    for (;;)
        pause();
}

/* ---- the parent ---- */

typedef struct run {
    const char *dir;
    place known[PROCESSES][THREADS]; /* as verified after the last kill */
    uint64_t acked[PROCESSES][THREADS];
    uint64_t acks, kills;
    crm_head head; /* of the journal after the last kill: it stays in it */
    uint64_t seed;
    pid_t pid[PROCESSES];
    int in[PROCESSES];
} run;

static void sleep_us(uint64_t us)
{
    struct timespec t = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};

    nanosleep(&t, NULL);
}

static void spawn(run *r, int p)
{
    job j = {r->dir, p, {-1, -1}, r->known[p]};

    ck_assert_int_eq(pipe(j.fd), 0);
    r->pid[p] = fault_fork(child, &j);
    close(j.fd[1]);
    r->in[p] = j.fd[0];
}

static void take_ack(run *r, const ack *a)
{
    ck_assert_msg(a->v != UINT64_MAX, "a writer met an error");
    ck_assert_uint_eq(a->v, r->acked[a->process][a->thread] + 1);
    r->acked[a->process][a->thread] = a->v;
    r->acks++;
}

static void kill_one(run *r, int p)
{
    int end;
    ack a;

    ck_assert_int_eq(kill(r->pid[p], SIGKILL), 0);
    end = fault_ended(r->pid[p]);
    while (read(r->in[p], &a, sizeof a) == (ssize_t)sizeof a)
        take_ack(r, &a);
    close(r->in[p]);
    ck_assert_msg(end == -SIGKILL, "a writer ended by itself: %d", end);
    r->kills++;
}

/* The other one goes on, whatever the dead one held. */
static void wait_for_progress(run *r, int p)
{
    struct pollfd f = {r->in[p], POLLIN, 0};
    ack a;

    /* What is in the pipe may be older than the kill. */
    for (int i = 0; i < 64; i++) {
        ck_assert_msg(poll(&f, 1, (int)crmtest_seconds(20) * 1000) == 1, "the surviving writer stands still");
        ck_assert_int_eq(read(r->in[p], &a, sizeof a), sizeof a);
        take_ack(r, &a);
        if (i >= 8 && poll(&f, 1, 0) == 0)
            break;
    }
}

static int64_t number(crm_customer *c, const crm_field *f)
{
    crm_error err = CRM_ERROR_INIT;
    int64_t v;

    fault_is(crm_customer_integer(c, f, 0, &v, &err), CRM_OK, &err, "score");
    return v;
}

typedef struct look {
    crm_txn *txn;
    crm_customer *c;
    crm_field external, score, notes;
} look;

/* A customer of ours, read and judged by itself: its parts belong together. */
static uint64_t judge_customer(look *l, crm_id id)
{
    crm_error err = CRM_ERROR_INIT;
    const char *text;
    char want[32];
    int64_t v;
    size_t n;

    fault_is(crm_customer_get(l->txn, id, l->c, &err), CRM_OK, &err, "crm_customer_get");
    v = number(l->c, &l->score);
    fault_is(crm_customer_text(l->c, &l->notes, 0, &text, &n, &err), CRM_OK, &err, "notes");
    snprintf(want, sizeof want, "v %lld", (long long)v);
    ck_assert_msg(n == strlen(want) && memcmp(text, want, n) == 0, "half a change is there");
    return (uint64_t)v;
}

static crm_id find_one(look *l, const char *source, int p, int t, uint64_t k)
{
    crm_error err = CRM_ERROR_INIT;
    char value[64];
    crm_id id = 0;
    size_t n;
    int rc;

    snprintf(value, sizeof value, "%d-%d-%llu", p, t, (unsigned long long)k);
    rc = crm_customer_find(l->txn, &l->external, source, value, CRM_NUL, &id, 1, &n, &err);
    if (rc != CRM_ENOTFOUND)
        fault_is(rc, CRM_OK, &err, "crm_customer_find");
    ck_assert_uint_le(n, 1);
    return id;
}

static void judge_logs(look *l, int p, int t, uint64_t from, uint64_t v)
{
    for (uint64_t u = from; u <= v + 2; u++) {
        crm_id id = logs_at(u) ? find_one(l, "log", p, t, u) : 0;
        ck_assert_msg((id != 0) == (logs_at(u) && u <= v && u > 0),
                      "%d-%d: at %llu, log of %llu %s", p, t, (unsigned long long)v,
                      (unsigned long long)u, id ? "exists" : "is lost");
        if (id)
            ck_assert_uint_eq(judge_customer(l, id), u);
    }
}

static void judge_thread(run *r, look *l, int p, int t,
                         const crm_id gone[PROCESSES][THREADS][SLOTS])
{
    place *known = &r->known[p][t];
    uint64_t acked = r->acked[p][t], from = known->v;

    for (int k = 0; k < slots_of(t); k++) {
        crm_id live = find_one(l, "slot", p, t, (uint64_t)k), dead = gone[p][t][k];
        uint64_t v = 0;
        ck_assert_msg(!live || !dead, "slot %d-%d-%d is there twice", p, t, k);
        if (live || dead)
            v = judge_customer(l, live ? live : dead);
        ck_assert_msg(v == acked || v == acked + 1,
                      "slot %d-%d-%d is at %llu, acknowledged is %llu", p, t, k,
                      (unsigned long long)v, (unsigned long long)acked);
        ck_assert_msg(v == 0 || deleted_at(v) == (dead != 0), "slot %d-%d-%d at %llu is %s", p, t,
                      k, (unsigned long long)v, dead ? "deleted" : "not deleted");
        ck_assert_msg(k == 0 || v == known->v, "row %d-%d: half a transaction is there", p, t);
        ck_assert(!known->id[k] || known->id[k] == live + dead);
        known->id[k] = live + dead;
        known->v = v;
    }
    judge_logs(l, p, t, from ? from : 1, known->v);
    r->acked[p][t] = known->v;
}

/* Deleted slots are not found by their identity, so they are listed. */
static void list_deleted(look *l, crm_id gone[PROCESSES][THREADS][SLOTS])
{
    crm_list_options o = CRM_LIST_OPTIONS_INIT;
    crm_error err = CRM_ERROR_INIT;
    crm_customer_iter *it;
    crm_customer *c;
    int rc;

    memset(gone, 0, sizeof(crm_id[PROCESSES][THREADS][SLOTS]));
    o.flags = CRM_LIST_DELETED;
    fault_is(crm_customer_list(l->txn, &o, &it, &err), CRM_OK, &err, "crm_customer_list");
    while ((rc = crm_customer_next(it, &c, &err)) == CRM_OK) {
        char text[64];
        const char *s;
        int p, t, k;
        size_t n;
        fault_is(crm_customer_text(c, &l->external, 0, &s, &n, &err), CRM_OK, &err, "external");
        snprintf(text, sizeof text, "%.*s", (int)n, s);
        ck_assert_int_eq(sscanf(text, "%d-%d-%d", &p, &t, &k), 3);
        ck_assert(p < PROCESSES && t < THREADS && k < SLOTS && !gone[p][t][k]);
        gone[p][t][k] = crm_customer_id(c);
    }
    fault_is(rc, CRM_DONE, &err, "crm_customer_next");
    crm_customer_list_close(it);
}

static void verify(run *r, int check)
{
    crm_id gone[PROCESSES][THREADS][SLOTS];
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    crm_error err = CRM_ERROR_INIT;
    uint64_t customers = 0;
    crm_db_stat st;
    crm_db *db;
    look l;

    o.model = MODEL; /* the kill may have come before the database was made */
    fault_is(crm_db_open(r->dir, &o, &db, &err), CRM_OK, &err, "open after a kill");
    fault_is(crm_txn_begin(db, CRM_READ, NULL, &l.txn, &err), CRM_OK, &err, "begin");
    fault_is(crm_customer_new(l.txn, &l.c, &err), CRM_OK, &err, "crm_customer_new");
    fault_is(crm_field_find(l.txn, "external", CRM_NUL, &l.external, &err), CRM_OK, &err, "field");
    fault_is(crm_field_find(l.txn, "score", CRM_NUL, &l.score, &err), CRM_OK, &err, "field");
    fault_is(crm_field_find(l.txn, "notes", CRM_NUL, &l.notes, &err), CRM_OK, &err, "field");
    list_deleted(&l, gone);
    for (int p = 0; p < PROCESSES; p++) {
        for (int t = 0; t < THREADS; t++) {
            judge_thread(r, &l, p, t, gone);
            customers += r->known[p][t].v ? (uint64_t)slots_of(t) + r->known[p][t].v / 3 : 0;
        }
    }
    crm_customer_free(l.c);
    fault_is(crm_journal_verify(l.txn, &r->head, 1, NULL, NULL, &err), CRM_OK, &err, "journal");
    r->head = (crm_head)CRM_HEAD_INIT;
    fault_is(crm_journal_head(l.txn, &r->head, &err), CRM_OK, &err, "head");
    crm_txn_abort(l.txn);
    fault_is(crm_db_stat_get(db, sizeof st, &st, &err), CRM_OK, &err, "stat");
    ck_assert_uint_eq(st.customers + st.deleted, customers);
    ck_assert_uint_le(st.readers, 1); /* our own: those of the dead are gone */
    crm_db_close(db);
    if (check)
        fault_clean(r->dir, "after a kill");
}

static void round_of(run *r, uint64_t span, int check)
{
    int both = crmtest_below(&r->seed, 4) == 0, first = both && crmtest_below(&r->seed, 2);

    spawn(r, 0);
    if (both)
        spawn(r, 1);
    sleep_us(crmtest_below(&r->seed, span));
    kill_one(r, first);
    if (both) {
        if (crmtest_below(&r->seed, 2))
            wait_for_progress(r, !first);
        kill_one(r, !first);
    }
    verify(r, check);
}

static void kill_many(const char *dir, uint64_t kills, uint64_t span)
{
    uint64_t total = 0, acks = 0;
    run r;

    memset(&r, 0, sizeof r);
    r.head = (crm_head)CRM_HEAD_INIT;
    r.seed = crmtest_seed() + span;
    while (total + r.kills < kills) {
        if (r.kills >= KILLS_A_DATABASE || !r.dir) {
            total += r.kills;
            acks += r.acks;
            r.head = (crm_head)CRM_HEAD_INIT;
            memset(r.known, 0, sizeof r.known);
            memset(r.acked, 0, sizeof r.acked);
            r.kills = r.acks = 0;
            r.dir = dir;
            fault_remove(dir);
        }
        /* Now and then at once: while the database is made or opened. */
        round_of(&r, crmtest_below(&r.seed, 8) ? span : 1500, r.kills % 4 == 0);
    }
    fault_clean(dir, "after the last kill");
    printf("%llu kills, %llu acknowledged commits, none lost\n",
           (unsigned long long)(total + r.kills), (unsigned long long)(acks + r.acks));
}

static uint64_t kills_wanted(void)
{
    const char *s = getenv("CRM_KILLS");

    return s && *s ? strtoull(s, NULL, 10) : crmtest_rounds(500, 2000);
}

CRM_TEST(test_fault_kill__in_memory)
{
    char dir[512];

    snprintf(dir, sizeof dir, "%s", fault_path("db"));
    kill_many(dir, kills_wanted() * 4 / 5, 12000);
}

/* Where a sync takes its time, so that kills fall into it and groups gather. */
CRM_TEST(test_fault_kill__on_disk)
{
    const char *disk = getenv("CRM_BUILD");
    char dir[512], db[520];

    snprintf(dir, sizeof dir, "%s/kill.XXXXXX", disk && *disk ? disk : "/var/tmp");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(db, sizeof db, "%s/db", dir);
    kill_many(db, kills_wanted() / 5, 40000);
    fault_remove(dir);
}
