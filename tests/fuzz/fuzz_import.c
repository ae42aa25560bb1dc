/* SPDX-License-Identifier: MIT
 * A whole import: any bytes as a file of customers or events, rehearsed in a small database.
 * Whatever it is, the result is a code, the counts add up, each bad row is told with a fault, and a
 * dry run changes nothing.  What is then imported for good is what the dry run said; a second time
 * it changes nothing more, and the undo takes it back.
 */
#include "fuzz_table.h"

#include <crm/crm.h>
#include <sys/stat.h>

enum { REAL_RUNS = 100, CREATED = 5000 };

static crm_db *db;
static unsigned runs; /* of imports for good in this database */

static void fill(void)
{
    static const char *const CUSTOMERS[] = {
        "{\"name\":\"Li Na\",\"phone\":\"13800138000\",\"email\":\"li.na@example.com\"}",
        "{\"name\":\"张伟\",\"phone\":[\"13900139000\",\"+442079460018\"],\"wechat\":\"zw\"}",
        "{\"name\":\"Shop\",\"external\":{\"source\":\"erp\",\"value\":\"7\"}}",
    };
    crm_txn *txn;

    MUST(crm_txn_begin(db, CRM_WRITE, NULL, &txn, NULL) == CRM_OK);
    for (size_t i = 0; i < 3; i++)
        MUST(crm_customer_create_json(txn, CUSTOMERS[i], CRM_NUL, NULL, NULL) == CRM_OK);
    MUST(crm_event_add_json(txn, 1,
                            "{\"kind\":\"order\",\"amount\":\"12.50 CNY\",\"reference\":\"R1\"}",
                            CRM_NUL, NULL, NULL) == CRM_OK);
    MUST(crm_txn_commit(txn, NULL) == CRM_OK);
}

/* Made anew now and then: what was undone stays in the journal. */
static void open_database(void)
{
    if (db && runs < REAL_RUNS)
        return;
    if (db) {
        crm_db_close(db);
        fuzz_remove();
        MUST(mkdir(fuzz_dir, 0700) == 0);
        runs = 0;
    }
    MUST(crm_db_open(fuzz_folder(), NULL, &db, NULL) == CRM_OK);
    fill();
}

static uint64_t revision(uint64_t *live)
{
    crm_db_stat st;

    MUST(crm_db_stat_get(db, sizeof st, &st, NULL) == CRM_OK);
    MUST(st.imports == 0);
    *live = st.customers;
    return st.revision;
}

/* ---- bad rows ---- */

static void see_text(const crm_import_text *t)
{
    MUST(t->p || !t->n);
    MUST(crm__utf8_valid(t->p, t->n) == t->n);
}

static int on_bad(const crm_import_bad *bad, void *ctx)
{
    ++*(uint64_t *)ctx;
    MUST(bad->size == sizeof *bad && bad->fault_count && bad->line);
    MUST(!bad->column_count || (bad->cells && bad->columns));
    for (size_t i = 0; i < bad->column_count; i++) {
        see_text(&bad->cells[i]);
        see_text(&bad->columns[i]);
    }
    for (size_t i = 0; i < bad->beyond_count; i++)
        see_text(&bad->beyond[i]);
    MUST(!bad->beyond_count || bad->beyond[bad->beyond_count - 1].n);
    for (size_t i = 0; i < bad->fault_count; i++) {
        const crm_import_fault *f = &bad->faults[i];
        MUST(f->code < 0 && *f->message && !strchr(f->message, '\n'));
        MUST(f->column == UINT32_MAX || f->column < bad->column_count);
    }
    return 0;
}

/* ---- imports ---- */

static int import(const uint8_t *data, size_t size, crm_import_options *o, uint32_t flags,
                  crm_import_result *r)
{
    int fd = bytes_fd(data, size), rc;
    crm_error err = CRM_ERROR_INIT;
    crm_import *imp;
    uint64_t bad = 0;

    memset(r, 0, sizeof *r);
    o->flags = (o->flags & CRM_IMPORT_EVENTS) | flags;
    o->bad = on_bad;
    o->ctx = &bad;
    rc = crm_import_open(db, fd, o, &imp, &err);
    MUST((rc == CRM_OK) == (imp != NULL));
    MUST(rc == CRM_OK || (rc < 0 && *err.message));
    if (!rc) {
        char *json;
        rc = crm_import_run(imp, sizeof *r, r, &err);
        MUST(rc == CRM_OK || rc == CRM_ESYNTAX || rc == CRM_ECORRUPT || rc == CRM_EFIELD);
        MUST(r->rows == r->created + r->updated + r->unchanged + r->skipped + r->bad);
        MUST(r->bad == bad && !r->resumed);
        MUST(crm_import_mapping_json(imp, &json, NULL, &err) == CRM_OK);
        crm_free(json);
    }
    crm_import_close(imp);
    close(fd);
    return rc;
}

static int same_counts(const crm_import_result *a, const crm_import_result *b)
{
    return a->rows == b->rows && a->created == b->created && a->updated == b->updated &&
           a->unchanged == b->unchanged && a->skipped == b->skipped && a->bad == b->bad &&
           a->empty == b->empty;
}

static void take_back(uint64_t batch)
{
    crm_error err = CRM_ERROR_INIT;
    crm_txn *txn;

    MUST(crm_txn_begin(db, CRM_WRITE, NULL, &txn, NULL) == CRM_OK);
    MUST(crm_undo(txn, batch, 0, NULL, NULL, NULL, &err) == CRM_OK);
    MUST(crm_txn_commit(txn, NULL) == CRM_OK);
}

static void for_good(const uint8_t *data, size_t size, crm_import_options *o,
                     const crm_import_result *dry)
{
    crm_import_result r, again;
    uint64_t live, now;

    revision(&live);
    runs++;
    MUST(import(data, size, o, 0, &r) == CRM_OK);
    MUST(same_counts(&r, dry) && !r.resumable && (r.batch != 0) == (r.created || r.updated));
    revision(&now);
    MUST(now == live + (o->flags & CRM_IMPORT_EVENTS ? 0 : r.created));
    /* Upserted rows without an identity are bad; of others a second time says nothing new. */
    if (o->policy != CRM_IMPORT_CREATE) {
        MUST(import(data, size, o, CRM_IMPORT_DRY_RUN, &again) == CRM_OK);
        MUST(again.created == 0);
    }
    if (r.batch)
        take_back(r.batch);
    revision(&now);
    MUST(now == live);
}

/* First byte: 1 events, 2 and 4 the policy, 8 JSON Lines, 16 for good, 32 a commit for each row;
 * the rest is the file. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    crm_import_options o = CRM_IMPORT_OPTIONS_INIT;
    crm_import_result r;
    uint64_t before, live, after;
    int rc;

    if (!size)
        return 0;
    open_database();
    if (data[0] & 1) {
        o.flags = CRM_IMPORT_EVENTS;
        o.kind = "order";
    } else {
        o.policy = data[0] >> 1 & 3;
    }
    o.format = data[0] & 8 ? "jsonl" : NULL;
    o.commit_rows = data[0] & 32 ? 1 : 0;
    before = revision(&live);
    rc = import(data + 1, size - 1, &o, CRM_IMPORT_DRY_RUN, &r);
    MUST(!r.batch && !r.written);
    MUST(revision(&after) == before && after == live);
    if (!rc && data[0] & 16 && r.created < CREATED)
        for_good(data + 1, size - 1, &o, &r);
    return 0;
}
