/* SPDX-License-Identifier: MIT
 * Random operations on a database and on the reference of ref.h, which must agree on every result,
 * on every document, on what is found and listed, inside transactions, in old snapshots, and after
 * the database was closed and opened again.  A failure names the operation; CRM_SEED brings it
 * back.
 */
#include "oracle.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_CUSTOMERS = 1500 };

/* ---- writing ---- */

/* Whether a result is one of those the reference allows. */
static void same_result(oracle_run *r, int how, int rc, const crm_error *err,
                        const ref_result *want, const ref_written *w)
{
    int seen = want->count == 0 && rc == CRM_OK;

    for (int i = 0; i < want->count; i++) {
        const ref_fault *f = &want->fault[i];
        seen |= f->code == rc && err->code == rc &&
                (!f->field[0] || !strcmp(f->field, err->field)) &&
                (f->row < 0 || f->row == err->row);
    }
    SAY(r, seen, "write %d of %llu gives %s (%s: %s, row %lld), expected %s %s%s\n%s", how,
        (unsigned long long)want->id, crm_error_name(rc), err->field, err->message,
        (long long)err->row, want->count ? crm_error_name(want->fault[0].code) : "CRM_OK",
        want->count ? want->fault[0].field : "", want->count > 1 ? " or others" : "",
        w ? w->json : "");
    if (rc)
        r->refused[how]++;
    else
        r->good[how]++;
}

static int fill_record(oracle_run *r, const ref_written *w, crm_error *err)
{
    crm_customer_clear(r->record);
    if (w->doc.kind)
        crm_customer_set_kind(r->record, w->doc.kind == REF_PERSON ? "Person" : "organisation",
                              CRM_NUL, err);
    for (int i = 0; i < w->doc.count; i++) {
        const ref_said *said = &w->doc.said[i];
        const ref_field *f = &r->m->field[said->field];
        const crm_field *field = &r->field[said->field];
        int rc = CRM_OK;
        if (said->mode == REF_UNSET)
            rc = crm_customer_unset(r->record, field, err);
        for (int k = 0; k < said->n && !rc; k++) {
            const ref_spelled *v = &w->spelled[i][k];
            if (f->flags & CRM_FIELD_LIST)
                rc = crm_customer_add(r->record, field, v->v.source[0] ? v->v.source : NULL,
                                      v->plain, CRM_NUL, err);
            else if ((f->type == CRM_TYPE_INTEGER || f->type == CRM_TYPE_CUSTOMER) &&
                     oracle_one_in(r, 2))
                rc = crm_customer_set_integer(r->record, field, strtoll(v->v.text, NULL, 10), err);
            else
                rc = crm_customer_set(r->record, field, v->plain, CRM_NUL, err);
        }
        if (rc)
            return rc;
    }
    return CRM_OK;
}

/* The typed door can't say everything a document can; the record was made without a zone. */
static int typed_can(const oracle_run *r, const ref_written *w)
{
    if (w->unknown || w->twice >= 0 || w->revision || w->doc.source || r->zone_us)
        return 0;
    for (int i = 0; i < w->doc.count; i++) {
        const ref_said *said = &w->doc.said[i];
        if (said->bad || said->mode == REF_DELTA || (said->mode == REF_SET && !said->n))
            return 0;
    }
    return 1;
}

static int write_typed(crm_txn *txn, int how, crm_id *id, uint64_t expected, const crm_customer *c,
                       int *created, crm_error *err)
{
    switch (how) {
    case REF_CREATE:
        return crm_customer_create(txn, c, id, err);
    case REF_REPLACE:
        return crm_customer_replace(txn, *id, expected, c, err);
    case REF_PATCH:
        return crm_customer_patch(txn, *id, expected, c, err);
    default:
        return crm_customer_upsert(txn, c, id, created, err);
    }
}

static int write_json(oracle_run *r, crm_txn *txn, int how, crm_id *id, uint64_t expected,
                      const char *json, int *created, crm_error *err)
{
    size_t n = oracle_one_in(r, 2) ? CRM_NUL : strlen(json);

    switch (how) {
    case REF_CREATE:
        return crm_customer_create_json(txn, json, n, id, err);
    case REF_REPLACE:
        return crm_customer_replace_json(txn, *id, expected, json, n, err);
    case REF_PATCH:
        return crm_customer_patch_json(txn, *id, expected, json, n, err);
    default:
        return crm_customer_upsert_json(txn, json, n, id, created, err);
    }
}

static void fault_first(ref_result *want, int code, const char *field)
{
    if (want->count == REF_FAULTS)
        want->count--;
    want->fault[want->count++] = (ref_fault){code, field, -1};
}

/* What a document that no model allows must give, instead of what the reference would do. */
static void add_document_faults(oracle_run *r, const ref_written *w, const ref_store *before,
                                ref_result *want)
{
    if (!w->unknown && w->twice < 0)
        return;
    r->now = *before;
    if (want->count == 0 || want->fault[0].code != CRM_EVALUE)
        want->count = 0;
    if (w->unknown)
        fault_first(want, CRM_EFIELD, w->unknown);
    if (w->twice >= 0)
        fault_first(want, CRM_EVALUE, r->m->field[w->twice].key);
}

static void after_write(oracle_run *r, crm_txn *txn, int rc)
{
    if (rc && r->flags & CRM_STICKY && !r->sticky)
        r->sticky = rc;
    SAY(r, crm_txn_revision(txn) == r->now.revision, "revision %llu and not %llu",
        (unsigned long long)crm_txn_revision(txn), (unsigned long long)r->now.revision);
    SAY(r, crm_txn_error(txn, NULL) == r->sticky, "sticky error %d and not %d",
        crm_txn_error(txn, NULL), r->sticky);
}

/* Any customer, more often one that was touched a moment ago, sometimes none. */
static crm_id some_customer(oracle_run *r)
{
    if (oracle_one_in(r, 2))
        r->recent = 1 + oracle_below(r, r->now.count + 1);
    return r->recent;
}

static uint64_t some_revision(oracle_run *r, crm_id id)
{
    const ref_customer *c = ref_get(&r->now, id);

    if (!oracle_one_in(r, 3))
        return 0;
    return c && !oracle_one_in(r, 4) ? c->revision : 1 + oracle_below(r, r->now.revision + 1);
}

static void write_document(oracle_run *r, crm_txn *txn, int how)
{
    static ref_written w;
    ref_gen g = oracle_generator(r, &r->now);
    crm_id id = how == REF_CREATE || how == REF_UPSERT ? 0 : some_customer(r);
    uint64_t expected = id ? some_revision(r, id) : 0;
    ref_store before = ref_copy(&r->now);
    crm_error err = CRM_ERROR_INIT;
    ref_result want;
    int rc, created = -1, typed;

    ref_document_make(&g, how, &w);
    typed = typed_can(r, &w) && oracle_one_in(r, 2);
    if (r->sticky) {
        want.count = 1;
        want.fault[0] = (ref_fault){r->sticky, "", -1};
        want.id = id;
    } else {
        ref_write(&r->now, how, id, expected, &w.doc, r->source, r->recorded, &want);
        add_document_faults(r, &w, &before, &want);
    }
    if (typed) {
        rc = fill_record(r, &w, &err);
        SAY(r, rc == CRM_OK, "typed door: %s %s\n%s", crm_error_name(rc), err.message, w.json);
        rc = write_typed(txn, how, &id, expected, r->record, &created, &err);
    } else {
        rc = write_json(r, txn, how, &id, expected, w.json, &created, &err);
    }
    same_result(r, how, rc, &err, &want, &w);
    if (!rc)
        SAY(r, id == want.id && (how != REF_UPSERT || created == want.created),
            "id %llu and not %llu, created %d", (unsigned long long)id, (unsigned long long)want.id,
            created);
    after_write(r, txn, rc);
    if (!rc)
        r->recent = id;
    if (!rc && oracle_one_in(r, 3))
        oracle_same_document(r, txn, &r->now, id, 1);
}

static void write_state(oracle_run *r, crm_txn *txn, int how)
{
    crm_id id = some_customer(r);
    uint64_t expected = some_revision(r, id);
    crm_error err = CRM_ERROR_INIT;
    ref_result want;
    int rc;

    if (r->sticky) {
        want.count = 1;
        want.fault[0] = (ref_fault){r->sticky, "", -1};
        want.id = id;
    } else {
        ref_write(&r->now, how, id, expected, NULL, r->source, r->recorded, &want);
    }
    rc = how == REF_DELETE ? crm_customer_delete(txn, id, expected, &err)
                           : crm_customer_undelete(txn, id, expected, &err);
    same_result(r, how, rc, &err, &want, NULL);
    after_write(r, txn, rc);
}

/* The report of all faults holds what the reference knows, and is empty when there are none. */
static void validate(oracle_run *r, crm_txn *txn, ref_store *s)
{
    static ref_written w;
    ref_gen g = oracle_generator(r, s);
    ref_result want;
    char *report = NULL, piece[160];
    int rc, found = 0;

    g.may_be_bad = 6;
    ref_document_make(&g, REF_CREATE, &w);
    ref_faults(s, &w.doc, w.twice, &want);
    if (w.unknown)
        fault_first(&want, CRM_EFIELD, w.unknown);
    rc = crm_customer_validate_json(txn, w.json, CRM_NUL, &report, NULL, NULL);
    SAY(r, rc == CRM_OK, "validate: %d", rc);
    for (const char *at = report; (at = strstr(at, "{\"code\":")) != NULL; at++)
        found++;
    SAY(r, found == want.count, "%d faults and not %d in\n%s\n%s", found, want.count, w.json,
        report);
    for (int i = 0; i < want.count; i++) {
        snprintf(piece, sizeof piece, "{\"code\":\"%s\",\"field\":\"%s\",",
                 crm_error_name(want.fault[i].code), want.fault[i].field);
        SAY(r, strstr(report, piece), "no %s in %s\n%s", piece, report, w.json);
    }
    crm_free(report);
}

/* ---- savepoints ---- */

static void set_mark(oracle_run *r, crm_txn *txn)
{
    oracle_mark *m = &r->marks[r->mark_count];
    int rc;

    if (r->mark_count == ORACLE_MARKS)
        return;
    rc = crm_txn_savepoint(txn, &m->serial, NULL);
    SAY(r, rc == CRM_OK, "savepoint: %d", rc);
    m->before = ref_copy(&r->now);
    m->sticky = r->sticky;
    r->mark_count++;
}

static void roll_back(oracle_run *r, crm_txn *txn)
{
    int i, rc;

    if (!r->mark_count)
        return;
    i = (int)oracle_below(r, (uint64_t)r->mark_count);
    rc = crm_txn_rollback(txn, r->marks[i].serial, NULL);
    SAY(r, rc == CRM_OK, "rollback: %d", rc);
    r->now = ref_copy(&r->marks[i].before);
    if (!r->marks[i].sticky)
        r->sticky = 0;
    if (i + 1 < r->mark_count) {
        rc = crm_txn_rollback(txn, r->marks[i + 1].serial, NULL);
        SAY(r, rc == CRM_EINVAL, "rollback to a mark that is gone: %d", rc);
    }
    r->mark_count = i + 1;
    after_write(r, txn, 0);
}

static void release(oracle_run *r, crm_txn *txn)
{
    int i, rc;

    if (!r->mark_count)
        return;
    i = (int)oracle_below(r, (uint64_t)r->mark_count);
    rc = crm_txn_release(txn, r->marks[i].serial, NULL);
    SAY(r, rc == CRM_OK, "release: %d", rc);
    rc = crm_txn_release(txn, r->marks[i].serial, NULL);
    SAY(r, rc == CRM_EINVAL, "released twice: %d", rc);
    r->mark_count = i;
}

static void operate(oracle_run *r, crm_txn *txn)
{
    uint64_t what = oracle_below(r, 100);

    r->op++;
    if (what < 20)
        write_document(r, txn, r->now.count < MOST_CUSTOMERS ? REF_CREATE : REF_PATCH);
    else if (what < 30)
        write_document(r, txn, REF_UPSERT);
    else if (what < 50)
        write_document(r, txn, REF_PATCH);
    else if (what < 56)
        write_document(r, txn, REF_REPLACE);
    else if (what < 61)
        write_state(r, txn, REF_DELETE);
    else if (what < 65)
        write_state(r, txn, REF_UNDELETE);
    else if (what < 69)
        set_mark(r, txn);
    else if (what < 72)
        roll_back(r, txn);
    else if (what < 74)
        release(r, txn);
    else if (what < 78)
        validate(r, txn, &r->now);
    else
        oracle_look(r, txn, &r->now);
}

/* ---- transactions ---- */

static crm_txn_options begin_options(oracle_run *r)
{
    static const char *const SOURCES[] = {NULL, "shop", "call-centre"};
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;

    r->source = SOURCES[oracle_below(r, 3)];
    r->flags = oracle_one_in(r, 4) ? CRM_STICKY : 0;
    r->zone_us = oracle_one_in(r, 3) ? 28800000000 : 0;
    r->sticky = 0;
    r->mark_count = 0;
    if (oracle_one_in(r, 9))
        r->clock -= (int64_t)oracle_below(r, 5000000);
    else
        r->clock += (int64_t)oracle_below(r, oracle_one_in(r, 4) ? 4 : 3000000);
    r->now = ref_copy(&r->done);
    r->recorded = r->clock > r->done.recorded ? r->clock : r->done.recorded + 1;
    o.source = r->source;
    o.flags = r->flags;
    o.actor = oracle_one_in(r, 2) ? "li.na" : NULL;
    o.purpose = oracle_one_in(r, 3) ? "sales" : NULL;
    o.zone = r->zone_us ? oracle_one_in(r, 2) ? "Asia/Shanghai" : "+08:00" : NULL;
    return o;
}

static size_t length(oracle_run *r)
{
    return 1 + oracle_below(r, oracle_one_in(r, 8) ? 80 : 25);
}

static void explicit_transaction(oracle_run *r)
{
    crm_txn_options o = begin_options(r);
    crm_txn *txn;
    int rc = crm_txn_begin(r->db, CRM_WRITE, &o, &txn, NULL);

    SAY(r, rc == CRM_OK, "begin: %d", rc);
    for (size_t n = length(r); n > 0; n--)
        operate(r, txn);
    if (oracle_one_in(r, 5)) {
        rc = crm_txn_abort(txn);
        SAY(r, rc == CRM_OK, "abort: %d", rc);
        return;
    }
    rc = crm_txn_commit(txn, NULL);
    SAY(r, rc == r->sticky, "commit: %d and not %d", rc, r->sticky);
    if (!rc)
        r->done = r->now;
}

typedef struct task {
    oracle_run *r;
    int result;
} task;

static int run_task(crm_txn *txn, void *ctx)
{
    task *t = ctx;
    crm_txn *other;

    for (size_t n = length(t->r); n > 0; n--)
        operate(t->r, txn);
    SAY(t->r, crm_txn_commit(txn, NULL) == CRM_ESTATE, "commit inside crm_db_write()");
    SAY(t->r, crm_txn_abort(txn) == CRM_ESTATE, "abort inside crm_db_write()");
    SAY(t->r, crm_txn_begin(t->r->db, CRM_WRITE, NULL, &other, NULL) == CRM_ESTATE,
        "begin inside crm_db_write()");
    return t->result;
}

static void written_transaction(oracle_run *r)
{
    crm_txn_options o = begin_options(r);
    task t = {r, oracle_one_in(r, 6) ? oracle_one_in(r, 2) ? CRM_DONE : CRM_ECANCELLED : CRM_OK};
    int rc = crm_db_write(r->db, &o, run_task, &t, NULL);
    int want = t.result >= 0 && r->sticky ? r->sticky : t.result;

    SAY(r, rc == want, "crm_db_write: %s and not %s", crm_error_name(rc), crm_error_name(want));
    if (!rc)
        r->done = r->now;
}

/* ---- snapshots, closing ---- */

static void end_snapshot(oracle_run *r, int i)
{
    if (!r->snapshot[i].txn)
        return;
    if (oracle_one_in(r, 4))
        oracle_same_all(r, r->snapshot[i].txn, &r->snapshot[i].store);
    SAY(r, crm_txn_abort(r->snapshot[i].txn) == CRM_OK, "abort of a read transaction");
    r->snapshot[i].txn = NULL;
}

static void turn_snapshot(oracle_run *r)
{
    int i = (int)oracle_below(r, ORACLE_SNAPSHOTS), rc;

    end_snapshot(r, i);
    rc = crm_txn_begin(r->db, CRM_READ, NULL, &r->snapshot[i].txn, NULL);
    SAY(r, rc == CRM_OK, "begin: %d", rc);
    r->snapshot[i].store = ref_copy(&r->done);
}

static void open_database(oracle_run *r)
{
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    crm_db_stat st;
    crm_txn *txn;

    o.model = r->m->yaml;
    o.test_clock = api_clock;
    o.test_clock_ctx = &r->clock;
    OK(crm_db_open(api_path(), &o, &r->db, &er));
    OK(crm_db_stat_get(r->db, sizeof st, &st, &er));
    if (!r->done.revision) {
        r->done.revision = st.revision;
        r->done.recorded = r->clock = st.recorded_us;
    }
    txn = api_begin(r->db, CRM_READ);
    for (size_t i = 0; i < r->m->count; i++) {
        const ref_field *f = &r->m->field[i];
        r->field[i] = api_field(txn, f->key);
        SAY(r, (int)r->field[i].type == f->type && r->field[i].flags == f->flags,
            "field %s: type %u, flags %u", f->key, r->field[i].type, r->field[i].flags);
        SAY(r, api_field(txn, f->label).number == r->field[i].number, "label %s", f->label);
    }
    OK(crm_customer_new(txn, &r->record, &er));
    crm_txn_abort(txn);
}

static void close_database(oracle_run *r)
{
    for (int i = 0; i < ORACLE_SNAPSHOTS; i++)
        end_snapshot(r, i);
    crm_customer_free(r->record);
    crm_db_close(r->db);
}

static void remove_database(void)
{
    static const char *const FILES[] = {"db/data.mdb", "db/lock.mdb", "db/crm.lock", "db"};

    for (size_t i = 0; i < sizeof FILES / sizeof FILES[0]; i++)
        remove(crmtest_path(FILES[i]));
}

static void run_model(const ref_model *m, uint64_t seed, uint64_t operations)
{
    oracle_run *r = calloc(1, sizeof *r);
    crm_txn *txn;

    r->m = m;
    r->seed = seed;
    r->pool = ref_pool_new();
    r->done.m = m;
    r->done.pool = r->pool;
    r->clock = 1700000000000000;
    open_database(r);
    while (r->op < operations) {
        if (oracle_one_in(r, 3))
            written_transaction(r);
        else
            explicit_transaction(r);
        oracle_same_figures(r);
        if (oracle_one_in(r, 4))
            turn_snapshot(r);
        for (int i = 0; i < ORACLE_SNAPSHOTS; i++) {
            r->zone_us = 0;
            if (r->snapshot[i].txn)
                oracle_look(r, r->snapshot[i].txn, &r->snapshot[i].store);
        }
        if (oracle_one_in(r, 60)) {
            close_database(r);
            open_database(r);
        }
    }
    txn = api_begin(r->db, CRM_READ);
    oracle_same_all(r, txn, &r->done);
    crm_txn_abort(txn);
    close_database(r);
    api_check_clean(api_path());
    for (int how = REF_CREATE; how <= REF_UNDELETE && operations >= 5000; how++)
        SAY(r, r->good[how] > 3 && r->refused[how] > 3, "write %d: only %llu done and %llu refused",
            how, (unsigned long long)r->good[how], (unsigned long long)r->refused[how]);
    ref_pool_free(r->pool);
    free(r);
}

/* Databases of 10,000 operations, one after the other. */
static void run_often(int model)
{
    uint64_t seed = crmtest_seed() * 1000 + (uint64_t)model;

    for (size_t left = crmtest_rounds(10000, 200000); left > 0;) {
        size_t now = left < 10000 ? left : 10000;
        remove_database();
        run_model(&REF_MODELS[model], crmtest_rand(&seed), now);
        left -= now;
    }
}

CRM_TEST(test_api_oracle__built_in_model)
{
    run_often(0);
}

CRM_TEST(test_api_oracle__club_model)
{
    run_often(1);
}

CRM_TEST(test_api_oracle__strict_model)
{
    run_often(2);
}
