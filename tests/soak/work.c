/* SPDX-License-Identifier: MIT
 * A worker: threads that write through the group commit and with transactions of their own, give up
 * some of them half way, read what they wrote and ask for more, import, check, back up and trim.
 */
#include "soak.h"

#include <pthread.h>
#include <sys/prctl.h>
#include <signal.h>
#include <unistd.h>

enum { MOST_STEPS = 6, OTHER_EVERY_S = 9, IMPORT_EVERY_S = 3, TRIM_BEHIND_S = 8 };

typedef struct portion {
    worker *w;
    int steps;
    crm_error err;
} portion;

static pledge *pledge_of(worker *w)
{
    return &w->b->step[w->process][w->thread];
}

/* Whoever is killed behind this may have committed it. */
static void ask(worker *w, int steps)
{
    pledge *p = pledge_of(w);

    __atomic_store_n(&p->asked, p->acked + (uint64_t)steps, __ATOMIC_RELEASE);
}

static void acknowledged(worker *w)
{
    pledge *p = pledge_of(w);

    soak_count(&w->b->steps, p->asked - p->acked);
    soak_count(&w->b->commits, 1);
    memcpy(w->id, w->next_id, sizeof w->id);
    /* Ids first: one that is known and not acknowledged does no harm. */
    memcpy(w->b->id[w->process][w->thread], w->id, sizeof w->id);
    __atomic_store_n(&p->acked, p->asked, __ATOMIC_RELEASE);
}

static int take_steps(crm_txn *txn, void *ctx)
{
    portion *p = ctx;
    uint64_t v = pledge_of(p->w)->acked;
    int rc = CRM_OK;

    memcpy(p->w->next_id, p->w->id, sizeof p->w->id);
    for (int i = 1; i <= p->steps && !rc; i++)
        rc = slot_step(txn, p->w, v + (uint64_t)i, &p->err);
    return rc;
}

static void write_in_group(worker *w, int steps)
{
    portion p = {w, steps, CRM_ERROR_INIT};
    crm_error err = CRM_ERROR_INIT;
    int rc;

    ask(w, steps);
    rc = crm_db_write(w->db, NULL, take_steps, &p, &err);
    soak_must(w->b, rc, p.err.code ? &p.err : &err, "write in a group");
    acknowledged(w);
}

static crm_txn *begin_write(worker *w, int batch)
{
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    crm_error err = CRM_ERROR_INIT;
    crm_txn *txn;

    o.actor = "soak";
    o.batch = batch ? CRM_BATCH_NEW : 0;
    soak_must(w->b, crm_txn_begin(w->db, CRM_WRITE, &o, &txn, &err), &err, "begin to write");
    return txn;
}

/* Several steps at once; some are taken back to a savepoint and done again, or all are given up. */
static void write_alone(worker *w, int steps)
{
    crm_error err = CRM_ERROR_INIT;
    portion p = {w, steps, CRM_ERROR_INIT};
    int give_up = soak_below(&w->seed, 8) == 0, twice = soak_below(&w->seed, 4) == 0;
    crm_txn *txn = begin_write(w, soak_below(&w->seed, 3) == 0);

    if (!give_up)
        ask(w, steps);
    if (twice) {
        crm_savepoint mark;
        soak_must(w->b, crm_txn_savepoint(txn, &mark, &err), &err, "savepoint");
        soak_must(w->b, take_steps(txn, &p), &p.err, "write");
        soak_must(w->b, crm_txn_rollback(txn, mark, &err), &err, "rollback");
    }
    soak_must(w->b, take_steps(txn, &p), &p.err, "write");
    if (give_up) {
        crm_txn_abort(txn);
        return;
    }
    soak_must(w->b, crm_txn_commit(txn, &err), &err, "commit");
    acknowledged(w);
}

static void read_own(worker *w)
{
    crm_txn *txn = soak_begin(w->b, w->db, CRM_READ);
    char why[300];

    for (int i = 0; i < 4; i++) {
        int slot = (int)soak_below(&w->seed, SLOTS);
        if (!slot_equal(txn, w, slot, pledge_of(w)->acked, why))
            soak_fail(w->b, "what was written is read otherwise: %s", why);
    }
    crm_txn_abort(txn);
    soak_count(&w->b->reads, 4);
}

/* ---- seldom ---- */

static void note_fault(const crm_fault *fault, void *ctx)
{
    char *text = ctx;

    if (!*text)
        snprintf(text, 300, "%s of customer %llu: %s", fault->space ? fault->space : "?",
                 (unsigned long long)fault->customer, fault->message);
}

static void check(worker *w)
{
    crm_check_options o = CRM_CHECK_OPTIONS_INIT;
    crm_check_result r;
    crm_error err = CRM_ERROR_INIT;
    char text[300] = "";

    o.fault = note_fault;
    o.fault_ctx = text;
    soak_must(w->b, crm_check(w->b->path, &o, sizeof r, &r, &err), &err, "check");
    if (r.faults)
        soak_fail(w->b, "check while others write: %llu faults: %s", (unsigned long long)r.faults,
                  text);
}

static void back_up(worker *w)
{
    crm_backup_options o = CRM_BACKUP_OPTIONS_INIT;
    crm_error err = CRM_ERROR_INIT;
    char file[1100];

    o.flags = CRM_BACKUP_REPLACE;
    o.reason = "soak";
    snprintf(file, sizeof file, "%s/backup", w->b->scratch);
    soak_must(w->b, crm_backup(w->db, file, &o, 0, NULL, &err), &err, "backup");
}

static void trim(worker *w)
{
    crm_error err = CRM_ERROR_INIT;
    crm_txn *txn = begin_write(w, 0);
    crm_head head = CRM_HEAD_INIT;

    soak_must(w->b, crm_journal_head(txn, &head, &err), &err, "head");
    soak_must(w->b, crm_journal_trim(txn, head.recorded_us - TRIM_BEHIND_S * 1000000LL, NULL, &err),
              &err, "trim");
    soak_must(w->b, crm_txn_commit(txn, &err), &err, "commit of a trim");
}

/* One thread of each process has something to do now and then. */
static void other_work(worker *w)
{
    int64_t now = soak_clock_us();

    if (w->thread == 0)
        soak_memory(w->b, w->process);
    if (w->thread == 0 && now >= w->next_import) {
        import_rows(w);
        w->next_import = now + IMPORT_EVERY_S * 1000000LL;
    }
    if (w->thread != THREADS - 1 || now < w->next_other)
        return;
    switch (w->b->brief ? 0 : w->process) {
    case 1:
        check(w);
        break;
    case 2:
        back_up(w);
        break;
    default:
        trim(w);
        break;
    }
    w->next_other = now + OTHER_EVERY_S * 1000000LL;
    soak_count(&w->b->others, 1);
}

/* ---- threads ---- */

static void *run(void *ctx)
{
    worker *w = ctx;

    while (!soak_stop(&w->b->stop)) {
        uint64_t dice = soak_below(&w->seed, 100);
        if (dice < 50)
            write_in_group(w, 1 + (int)soak_below(&w->seed, 2));
        else if (dice < 65)
            write_alone(w, 1 + (int)soak_below(&w->seed, MOST_STEPS));
        else if (dice < 85)
            read_own(w);
        else if (dice < 97)
            ask_something(w);
        else
            soak_rest_ms((long)soak_below(&w->seed, 30));
        other_work(w);
    }
    return NULL;
}

/* Takes up what the process before left, and says which of it was committed. */
static void take_up(worker *w)
{
    crm_error err = CRM_ERROR_INIT;
    crm_txn *txn = soak_begin(w->b, w->db, CRM_READ);
    pledge *p = pledge_of(w);

    soak_must(w->b, crm_field_find(txn, "external", CRM_NUL, &w->external, &err), &err, "external");
    soak_must(w->b, crm_field_find(txn, "score", CRM_NUL, &w->score, &err), &err, "score");
    soak_must(w->b, crm_field_find(txn, "email", CRM_NUL, &w->email, &err), &err, "email");
    soak_must(w->b, crm_customer_new(txn, &w->c, &err), &err, "record");
    p->acked = p->asked = slot_settle(txn, w);
    crm_txn_abort(txn);
}

void work(board *b, int process)
{
    worker w[THREADS];
    pthread_t id[THREADS];
    crm_db *db;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    memset(w, 0, sizeof w);
    db = soak_open(b);
    for (int t = 0; t < THREADS; t++) {
        w[t].b = b;
        w[t].db = db;
        w[t].process = process;
        w[t].thread = t;
        w[t].seed = b->seed * 1000003 + (uint64_t)(process * THREADS + t) + (uint64_t)getpid() * 31;
        w[t].next_other = soak_clock_us() + (process + 1) * 1500000LL;
        take_up(&w[t]);
    }
    for (int t = 0; t < THREADS; t++) {
        if (pthread_create(&id[t], NULL, run, &w[t]))
            soak_fail(b, "a thread can't be started");
    }
    for (int t = 0; t < THREADS; t++) {
        pthread_join(id[t], NULL);
        crm_customer_free(w[t].c);
    }
    crm_db_close(db);
    _exit(0);
}
