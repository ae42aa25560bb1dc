/* SPDX-License-Identifier: MIT
 * One run of the oracle: a database, the reference that must agree with it, and how they are
 * compared.
 */
#ifndef API_ORACLE_H
#define API_ORACLE_H

#include "help.h"
#include "ref_models.h"

#include <stdio.h>

enum { ORACLE_MARKS = 6, ORACLE_SNAPSHOTS = 3 };

typedef struct oracle_mark {
    crm_savepoint serial;
    ref_store before;
    int sticky;
} oracle_mark;

typedef struct oracle_run {
    const ref_model *m;
    uint64_t seed;
    ref_pool *pool;
    crm_db *db;
    int64_t clock;
    crm_field field[REF_FIELDS];
    ref_store done; /* committed */
    ref_store now;  /* of the write transaction */
    int64_t recorded;
    const char *source;
    uint32_t flags;
    int64_t zone_us;
    int sticky; /* code of the first error of a transaction with CRM_STICKY */
    oracle_mark marks[ORACLE_MARKS];
    int mark_count;
    struct {
        crm_txn *txn;
        ref_store store;
    } snapshot[ORACLE_SNAPSHOTS];
    crm_customer *record;
    crm_id recent;
    uint64_t op;
    uint64_t good[REF_UNDELETE + 1], refused[REF_UNDELETE + 1];
} oracle_run;

#define SAY(r, cond, ...)                                                                          \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            fprintf(stderr, "model %s, operation %llu, CRM_SEED=%llu: ", (r)->m->name,             \
                    (unsigned long long)(r)->op, (unsigned long long)crmtest_seed());              \
            fprintf(stderr, __VA_ARGS__);                                                          \
            fputc('\n', stderr);                                                                   \
            ck_abort_msg("the library and the reference differ at %s", #cond);                     \
        }                                                                                          \
    } while (0)

uint64_t oracle_below(oracle_run *r, uint64_t n);
int oracle_one_in(oracle_run *r, uint64_t n);
/* What values and documents are made with. */
ref_gen oracle_generator(oracle_run *r, const ref_store *s);

/* Each compares what a transaction sees with a store, and ends the case when they differ. */
void oracle_same_document(oracle_run *r, crm_txn *txn, const ref_store *s, crm_id id, int origins);
void oracle_same_all(oracle_run *r, crm_txn *txn, const ref_store *s);
/* The figures of what is committed. */
void oracle_same_figures(oracle_run *r);
/* Something at random: a record, a document, a list, a search. */
void oracle_look(oracle_run *r, crm_txn *txn, const ref_store *s);

#endif
