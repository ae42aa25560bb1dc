/* SPDX-License-Identifier: MIT
 * The end of a soak: the database is clean, its journal verifies, everything acknowledged is there,
 * and the file has little more than what is in it: half as much again; where somebody checked and backed up
 * beside the writers, and what the longest of their snapshots kept from being used again.
 */
#include "soak.h"

#include <sys/stat.h>
#include <unistd.h>

static void note_fault(const crm_fault *fault, void *ctx)
{
    const board *b = ctx;

    fprintf(stderr, "%s: %s of customer %llu: %s\n", b->path, fault->space ? fault->space : "?",
            (unsigned long long)fault->customer, fault->message);
}

static void check(board *b, verdict *v)
{
    crm_check_options o = CRM_CHECK_OPTIONS_INIT;
    crm_check_result r;
    crm_error err = CRM_ERROR_INIT;

    o.fault = note_fault;
    o.fault_ctx = b;
    soak_must(b, crm_check(b->path, &o, sizeof r, &r, &err), &err, "check");
    if (r.faults)
        soak_fail(b, "check finds %llu faults", (unsigned long long)r.faults);
    v->customers = r.customers;
    v->entries = r.entries;
    v->passed++;
}

static void all_there(board *b, crm_db *db, verdict *v)
{
    crm_error err = CRM_ERROR_INIT;
    crm_txn *txn = soak_begin(b, db, CRM_READ);
    worker w = {.b = b, .db = db};

    soak_must(b, crm_journal_verify(txn, NULL, 0, NULL, NULL, &err), &err, "verify");
    v->passed++;
    soak_must(b, crm_field_find(txn, "external", CRM_NUL, &w.external, &err), &err, "external");
    soak_must(b, crm_field_find(txn, "score", CRM_NUL, &w.score, &err), &err, "score");
    soak_must(b, crm_field_find(txn, "email", CRM_NUL, &w.email, &err), &err, "email");
    soak_must(b, crm_customer_new(txn, &w.c, &err), &err, "record");
    for (w.process = 0; w.process < PROCESSES; w.process++) {
        for (w.thread = 0; w.thread < THREADS; w.thread++)
            slot_settle(txn, &w);
        import_judge(txn, &w);
        v->passed++;
    }
    crm_customer_free(w.c);
    crm_txn_abort(txn);
}

static uint64_t bytes_of(const board *b)
{
    char file[1100];
    struct stat st;

    snprintf(file, sizeof file, "%s/data.mdb", b->path);
    return stat(file, &st) ? 0 : (uint64_t)st.st_size;
}

/* What a long snapshot kept can't be used again before its end, so that the file had to have as much
 * beside.  Without long ones nothing is taken off. */
static void judge_size(board *b, verdict *v)
{
    uint64_t kept = b->brief ? 0 : b->kept, allowed = v->compact + v->compact / 2 + kept;

    printf("the file has %.1f MB, %.2f of %.1f MB compacted; a snapshot kept %.1f MB, for %llu commits at "
           "most; allowed are 1.5%s, %.1f MB\n",
           (double)v->bytes / 1e6, (double)v->bytes / (double)v->compact, (double)v->compact / 1e6,
           (double)b->kept / 1e6, (unsigned long long)b->oldest, kept ? " and that" : "",
           (double)allowed / 1e6);
    fflush(stdout);
    if (v->bytes > allowed)
        soak_fail(b, "the file has %llu KB, compacted %llu KB, and a snapshot kept %llu KB",
                  (unsigned long long)v->bytes / 1024, (unsigned long long)v->compact / 1024,
                  (unsigned long long)b->kept / 1024);
    v->passed++;
}

void judge(board *b, verdict *v)
{
    crm_error err = CRM_ERROR_INIT;
    crm_db *db;

    check(b, v);
    db = soak_open(b);
    all_there(b, db, v);
    crm_db_close(db);
    v->bytes = bytes_of(b);
    soak_must(b, crm_compact(b->path, NULL, 0, NULL, &err), &err, "compact");
    v->compact = bytes_of(b);
    judge_size(b, v);
    check(b, v);
    _exit(0);
}
