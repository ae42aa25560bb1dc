/* SPDX-License-Identifier: MIT
 * Every n-th call to the storage engine fails with every code, once and from then on; edits that
 * went to the engine early; a size limit.
 */
#include "fault.h"

static const struct kind {
    unsigned calls;
    const char *name;
} KINDS[] = {
    {KV_CALL_BEGIN, "begin"}, {KV_CALL_COMMIT, "commit"}, {KV_CALL_GET, "get"},
    {KV_CALL_PUT, "put"},     {KV_CALL_DEL, "del"},       {KV_CALL_CURSOR, "cursor"},
    {KV_CALL_SEEK, "seek"},   {KV_CALL_NEXT, "next"},     {KV_CALL_STAT, "stat"},
    {KV_CALL_ANY, "call"},
};
enum { KIND_COUNT = sizeof KINDS / sizeof KINDS[0] };

static void heal(void *ctx)
{
    ((kv_fault_plan *)ctx)->after = 0;
}

static void prepare(fault_run *r, kv_fault_plan *plan, fault_way way, const struct kind *kind,
                    uint64_t n, int code)
{
    memset(r, 0, sizeof *r);
    memset(plan, 0, sizeof *plan);
    plan->calls = kind->calls;
    plan->after = n;
    plan->code = code;
    plan->sticky = way == FAULT_STICKY;
    r->opts.test_fault = plan;
    r->way = way;
    r->code = code;
    r->failed = &plan->failed;
    snprintf(r->label, sizeof r->label, "%s %llu of the engine gives %s%s", kind->name,
             (unsigned long long)n, crm_error_name(code),
             plan->sticky ? ", and all later ones" : "");
}

typedef struct sweep {
    const fault_scenario *s;
    const char *base, *dir;
    fault_run plain;
    uint64_t runs;
} sweep;

static void run_one(sweep *w, fault_way way, const struct kind *kind, uint64_t n, int code)
{
    kv_fault_plan plan;
    fault_source src = {NULL, heal, &plan};
    fault_run r;

    prepare(&r, &plan, way, kind, n, code);
    fault_run_once(&r, w->s, w->base, w->dir, &src, &w->plain, w->runs % 64 == 0);
    ck_assert_msg(plan.failed > 0, "%s, %s: was not reached", w->s->name, r.label);
    w->runs++;
}

static void run_codes(sweep *w, fault_way way, const struct kind *kind, uint64_t n)
{
    uint64_t from = n + w->runs;
    int code, i = 0;

    while ((code = fault_code(from, &i)) != 0)
        run_one(w, way, kind, n, code);
}

static void sweep_kind(sweep *w, const struct kind *kind)
{
    kv_fault_plan plan;
    fault_run r;
    uint64_t total;
    int any = kind->calls == KV_CALL_ANY;

    prepare(&r, &plan, FAULT_NONE, kind, 0, 0);
    fault_run_once(&r, w->s, w->base, w->dir, NULL, &w->plain, 0);
    total = plan.count;
    for (uint64_t n = 1; n <= total; n++) {
        /* Single failures of a kind are those of any call, so they come once. */
        if (any && fault_wanted(n, 250, 9))
            run_codes(w, FAULT_RETRY, kind, n);
        if (fault_wanted(n, any ? 60 : 12, 17))
            run_codes(w, FAULT_STICKY, kind, n);
    }
    if (any)
        printf("%-12s %6llu calls of the engine, %6llu runs\n", w->s->name,
               (unsigned long long)total, (unsigned long long)w->runs);
    fflush(stdout);
}

CRM_TEST(test_fault_storage__every_call_of_the_engine)
{
    char base[512], dir[512];
    uint64_t runs = 0;

    snprintf(base, sizeof base, "%s", fault_path("base"));
    snprintf(dir, sizeof dir, "%s", fault_path("db"));
    fault_make_base(base);
    for (size_t i = 0; i < FAULT_SCENARIO_COUNT; i++) {
        kv_fault_plan plan;
        sweep w;
        memset(&w, 0, sizeof w);
        w.s = &FAULT_SCENARIOS[i];
        w.base = base;
        w.dir = dir;
        prepare(&w.plain, &plan, FAULT_NONE, &KINDS[KIND_COUNT - 1], 0, 0);
        w.plain.keep_states = 1;
        fault_run_once(&w.plain, w.s, base, dir, NULL, NULL, 1);
        for (int k = 0; k < KIND_COUNT; k++)
            sweep_kind(&w, &KINDS[k]);
        if (!w.s->fresh)
            fault_clean(dir, w.s->name);
        runs += w.runs;
    }
    printf("%llu runs with a failed call of the engine\n", (unsigned long long)runs);
}

/* ---- a transaction larger than memory is meant to hold ---- */

enum { NOTE = 19000, MANY = 4200 };

static int write_many(crm_txn *txn, char *json, crm_error *err)
{
    int rc = CRM_OK;

    for (int i = 0; i < MANY && !rc; i++) {
        snprintf(json, 64, "{\"name\":\"large %06d\",\"notes\":\"", i);
        json[strlen(json)] = 'x';
        rc = crm_customer_create_json(txn, json, CRM_NUL, NULL, err);
    }
    return rc;
}

CRM_TEST(test_fault_storage__edits_that_went_to_the_engine_early)
{
    static const int AFTER[] = {1, 4000};
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    crm_error err = CRM_ERROR_INIT;
    kv_fault_plan plan = {0};
    char *json = malloc(NOTE + 128);
    uint64_t state;
    crm_db_stat st;
    crm_txn *txn;
    crm_db *db;

    memset(json, 'y', NOTE + 60);
    memcpy(json + NOTE + 60, "\"}", 3);
    o.test_fault = &plan;
    o.model = FAULT_MODEL;
    plan.calls = KV_CALL_PUT;
    plan.code = CRM_EFULL;
    db = fault_open(fault_path("db"), &o);
    state = fault_state(db);
    for (size_t i = 0; i < sizeof AFTER / sizeof AFTER[0]; i++) {
        fault_is(crm_txn_begin(db, CRM_WRITE, NULL, &txn, &err), CRM_OK, &err, "begin");
        plan.count = 0;
        plan.after = (uint64_t)AFTER[i];
        fault_is(write_many(txn, json, &err), CRM_EFULL, &err, "creation");
        fault_is(crm_customer_create_json(txn, "{\"name\":\"n\"}", CRM_NUL, NULL, &err), CRM_EFULL,
                 &err, "creation after it");
        plan.after = 0;
        fault_is(crm_txn_commit(txn, &err), CRM_EFULL, &err, "commit");
        ck_assert_uint_eq(fault_state(db), state);
    }
    fault_is(crm_txn_begin(db, CRM_WRITE, NULL, &txn, &err), CRM_OK, &err, "begin");
    fault_is(write_many(txn, json, &err), CRM_OK, &err, "creation");
    fault_is(crm_txn_commit(txn, &err), CRM_OK, &err, "commit");
    fault_is(crm_db_stat_get(db, sizeof st, &st, &err), CRM_OK, &err, "stat");
    ck_assert_uint_eq(st.customers, MANY);
    crm_db_close(db);
    fault_clean(fault_path("db"), "after early edits");
    free(json);
}

/* ---- the size limit ---- */

static int add_until_full(crm_db *db, const char *json, uint64_t *added)
{
    crm_error err = CRM_ERROR_INIT;
    crm_txn *txn;
    int rc = CRM_OK;

    while (!rc) {
        fault_is(crm_txn_begin(db, CRM_WRITE, NULL, &txn, &err), CRM_OK, &err, "begin");
        rc = crm_customer_create_json(txn, json, CRM_NUL, NULL, &err);
        fault_is(rc, CRM_OK, &err, "creation");
        rc = crm_txn_commit(txn, &err);
        *added += rc == CRM_OK;
    }
    return rc;
}

CRM_TEST(test_fault_storage__size_limit_is_full_and_usable)
{
    char json[2000];
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    crm_error err = CRM_ERROR_INIT;
    uint64_t added = 0, before, state;
    crm_db_stat st;
    crm_db *db;

    memset(json, 'n', sizeof json);
    memcpy(json, "{\"name\":\"", 9);
    memcpy(json + 100, "\",\"notes\":\"", 11);
    memcpy(json + sizeof json - 3, "\"}", 3);
    o.size_limit = 1 << 20;
    db = fault_open(fault_path("db"), &o);
    fault_is(add_until_full(db, json, &added), CRM_EFULL, &err, "the last commit");
    ck_assert_uint_gt(added, 50);
    state = fault_state(db);
    fault_is(crm_db_stat_get(db, sizeof st, &st, &err), CRM_OK, &err, "stat");
    ck_assert_uint_eq(st.customers, added);
    ck_assert_uint_le(st.file_bytes, o.size_limit);
    crm_db_close(db);
    o.size_limit = 2 << 20;
    db = fault_open(fault_path("db"), &o);
    ck_assert_uint_eq(fault_state(db), state);
    before = added;
    fault_is(add_until_full(db, json, &added), CRM_EFULL, &err, "the last commit");
    ck_assert_uint_gt(added, before + 50);
    crm_db_close(db);
    fault_clean(fault_path("db"), "full");
}
