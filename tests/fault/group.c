/* SPDX-License-Identifier: MIT
 * Faults under a group commit: several threads in crm_db_write() at once.  Each member adds one to
 * a shared number, which it reads first, and writes its own customer; so the end says who took
 * part: a call that returned CRM_OK did, any other did not.
 */
#include "fault.h"

#include "db/txn.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

enum { MEMBERS = 6, SHARED = 1, FIRST = 20, OWN = 7000 };

typedef struct member {
    struct group *group;
    int i;
    int refuse; /* its function fails by itself */
    int rc;
    crm_error err;
    pthread_t thread;
} member;

typedef struct group {
    crm_db *db;
    atomic_int arrived, leading;
    const char *filler; /* more to write, NULL: none */
    member m[MEMBERS];
} group;

static int add_one(crm_txn *txn, crm_error *err)
{
    char json[64];
    crm_customer *c;
    crm_field f;
    int64_t v = 0;
    int rc = crm_field_find(txn, "score", CRM_NUL, &f, err);

    if (!rc)
        rc = crm_customer_new(txn, &c, err);
    if (rc)
        return rc;
    rc = crm_customer_get(txn, SHARED, c, err);
    if (!rc)
        rc = crm_customer_integer(c, &f, 0, &v, err);
    crm_customer_free(c);
    if (rc)
        return rc;
    snprintf(json, sizeof json, "{\"score\":%lld}", (long long)v + 1);
    return crm_customer_patch_json(txn, SHARED, 0, json, CRM_NUL, err);
}

static int work(crm_txn *txn, void *ctx)
{
    member *m = ctx;
    crm_error err = CRM_ERROR_INIT;
    char json[8192];
    int rc;

    /* The first to come keeps the group open until all the others wait in the queue. */
    if (atomic_fetch_add(&m->group->leading, 1) == 0) {
        while (atomic_load(&m->group->arrived) < MEMBERS)
            usleep(100);
        usleep(2000);
    }
    rc = add_one(txn, &err);
    if (rc)
        return rc;
    snprintf(json, sizeof json, "{\"score\":%d%s%s%s}", OWN + m->i,
             m->group->filler ? ",\"notes\":\"" : "", m->group->filler ? m->group->filler : "",
             m->group->filler ? "\"" : "");
    rc = crm_customer_patch_json(txn, (crm_id)(FIRST + m->i), 0, json, CRM_NUL, &err);
    return !rc && m->refuse ? CRM_ECANCELLED : rc;
}

static void *take_part(void *ctx)
{
    member *m = ctx;
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    char name[16];

    snprintf(name, sizeof name, "member %d", m->i);
    o.actor = name;
    o.source = name;
    m->err = (crm_error)CRM_ERROR_INIT;
    atomic_fetch_add(&m->group->arrived, 1);
    m->rc = crm_db_write(m->group->db, &o, work, m, &m->err);
    return NULL;
}

static void run_group(group *g, crm_db *db)
{
    g->db = db;
    atomic_store(&g->arrived, 0);
    atomic_store(&g->leading, 0);
    for (int i = 0; i < MEMBERS; i++) {
        g->m[i].group = g;
        g->m[i].i = i;
        ck_assert_int_eq(pthread_create(&g->m[i].thread, NULL, take_part, &g->m[i]), 0);
    }
    for (int i = 0; i < MEMBERS; i++)
        pthread_join(g->m[i].thread, NULL);
}

static int64_t score_of(crm_txn *txn, crm_id id, char source[32])
{
    crm_error err = CRM_ERROR_INIT;
    const char *from;
    crm_customer *c;
    crm_field f;
    int64_t v;

    fault_is(crm_field_find(txn, "score", CRM_NUL, &f, &err), CRM_OK, &err, "crm_field_find");
    fault_is(crm_customer_new(txn, &c, &err), CRM_OK, &err, "crm_customer_new");
    fault_is(crm_customer_get(txn, id, c, &err), CRM_OK, &err, "crm_customer_get");
    fault_is(crm_customer_integer(c, &f, 0, &v, &err), CRM_OK, &err, "crm_customer_integer");
    fault_is(crm_customer_origin(txn, c, &f, 0, &from, NULL, &err), CRM_OK, &err, "origin");
    snprintf(source, 32, "%s", from);
    crm_customer_free(c);
    return v;
}

/* The actor that the journal names for the last change of a customer. */
static void actor_of(crm_txn *txn, crm_id id, char actor[32])
{
    uint8_t key[CRM__KEY_U64];
    crm_error err = CRM_ERROR_INIT;
    crm__journal_entry e;
    crm__slice bytes, name;
    crm_customer *c;

    fault_is(crm_customer_new(txn, &c, &err), CRM_OK, &err, "crm_customer_new");
    fault_is(crm_customer_get(txn, id, c, &err), CRM_OK, &err, "crm_customer_get");
    crm__key_u64(key, crm_customer_revision(c));
    crm_customer_free(c);
    fault_is(crm__txn_read(txn, KV_JOURNAL, crm__slice_of(key, sizeof key), &bytes), CRM_OK, NULL,
             "journal entry");
    fault_is(crm__journal_decode(bytes, &e), CRM_OK, NULL, "journal entry");
    ck_assert_uint_eq(e.target, id);
    fault_is(crm__dict_name(txn, CRM__DICT_NAMES, e.actor, &name), CRM_OK, NULL, "actor");
    snprintf(actor, 32, "%.*s", (int)name.n, (const char *)name.p);
}

/* The database says the same as the calls did; the number of calls that failed. */
static int judge_group(const group *g, crm_db *db, const char *label, int code)
{
    crm_error err = CRM_ERROR_INIT;
    char source[32], own[32];
    int64_t shared;
    int fine = 0;
    crm_txn *txn;

    fault_is(crm_txn_begin(db, CRM_READ, NULL, &txn, &err), CRM_OK, &err, "begin");
    shared = score_of(txn, SHARED, source);
    for (int i = 0; i < MEMBERS; i++) {
        int there = score_of(txn, (crm_id)(FIRST + i), source) == OWN + i;
        ck_assert_msg(there == (g->m[i].rc == CRM_OK), "%s: member %d got %s (%s), %s", label, i,
                      crm_error_name(g->m[i].rc), g->m[i].err.message,
                      there ? "and is there" : "and is not there");
        ck_assert_msg(g->m[i].rc == CRM_OK || g->m[i].rc == code || g->m[i].refuse,
                      "%s: member %d got %s: %s", label, i, crm_error_name(g->m[i].rc),
                      g->m[i].err.message);
        snprintf(own, sizeof own, "member %d", i);
        ck_assert_msg(!there || strcmp(source, own) == 0, "%s: member %d wrote as \"%s\"", label, i,
                      source);
        if (there) {
            actor_of(txn, (crm_id)(FIRST + i), source);
            ck_assert_msg(strcmp(source, own) == 0, "%s: the journal names \"%s\" for member %d",
                          label, source, i);
        }
        fine += there;
    }
    ck_assert_msg(shared == SHARED + fine, "%s: %d took part, the number says %d", label, fine,
                  (int)shared - SHARED);
    crm_txn_abort(txn);
    return MEMBERS - fine;
}

typedef struct place {
    char base[512], dir[512];
} place;

static void make_place(place *p)
{
    snprintf(p->base, sizeof p->base, "%s", fault_path("base"));
    snprintf(p->dir, sizeof p->dir, "%s", fault_path("db"));
    fault_make_base(p->base);
}

/* One group with a fault; the number of members that failed. */
static int faulty_group(const place *p, kv_fault_plan *plan, int refuse, const char *label)
{
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    uint64_t after = plan->after;
    int failed;
    group g;
    crm_db *db;

    memset(&g, 0, sizeof g);
    for (int i = 0; i < MEMBERS; i++)
        g.m[i].refuse = (refuse >> i) & 1;
    fault_copy(p->base, p->dir);
    o.test_fault = plan;
    plan->after = 0;
    db = fault_open(p->dir, &o);
    plan->count = plan->failed = 0;
    plan->after = after;
    run_group(&g, db);
    plan->after = 0;
    failed = judge_group(&g, db, label, plan->code);
    /* The next one works. */
    memset(&g, 0, sizeof g);
    run_group(&g, db);
    for (int i = 0; i < MEMBERS; i++)
        fault_is(g.m[i].rc, CRM_OK, &g.m[i].err, label);
    crm_db_close(db);
    return failed;
}

static const struct {
    unsigned call;
    const char *name;
    int most_failed; /* members that a single failure may take with it */
} SINGLE[] = {
    {KV_CALL_PUT, "put", 1},     {KV_CALL_GET, "get", 1},       {KV_CALL_SEEK, "seek", 1},
    {KV_CALL_BEGIN, "begin", 1}, {KV_CALL_COMMIT, "commit", 0}, {KV_CALL_CURSOR, "cursor", 1},
};

CRM_TEST(test_fault_group__one_failure_takes_one_member)
{
    kv_fault_plan plan = {0};
    char label[100];
    place p;
    uint64_t runs = 0;

    make_place(&p);
    for (size_t k = 0; k < sizeof SINGLE / sizeof SINGLE[0]; k++) {
        uint64_t total;
        plan = (kv_fault_plan){SINGLE[k].call, 0, CRM_EIO, 0, 0, 0};
        ck_assert_int_eq(faulty_group(&p, &plan, 0, "no fault"), 0);
        /* The group's own calls, about half of what both groups made. */
        total = plan.count / 2 + 2;
        for (uint64_t n = 1; n <= total; n++) {
            int failed;
            if (!fault_wanted(n, 12, 5))
                continue;
            snprintf(label, sizeof label, "%s %llu fails", SINGLE[k].name, (unsigned long long)n);
            plan = (kv_fault_plan){SINGLE[k].call, n, CRM_EIO, 0, 0, 0};
            failed = faulty_group(&p, &plan, 0, label);
            ck_assert_msg(failed <= SINGLE[k].most_failed, "%s: %d members failed", label, failed);
            runs++;
        }
    }
    fault_clean(p.dir, "groups");
    printf("%llu groups with one failure\n", (unsigned long long)runs);
}

CRM_TEST(test_fault_group__lasting_failure_takes_all)
{
    static const unsigned CALLS[] = {KV_CALL_COMMIT, KV_CALL_PUT, KV_CALL_BEGIN, KV_CALL_ANY};
    kv_fault_plan plan;
    char label[100];
    place p;

    make_place(&p);
    for (size_t k = 0; k < sizeof CALLS / sizeof CALLS[0]; k++) {
        for (uint64_t n = 1; n < 40; n += n < 8 ? 1 : 7) {
            int failed;
            snprintf(label, sizeof label, "calls %u fail from %llu on", CALLS[k],
                     (unsigned long long)n);
            plan = (kv_fault_plan){CALLS[k], n, CRM_EFULL, 1, 0, 0};
            failed = faulty_group(&p, &plan, 0, label);
            ck_assert_msg(n > 1 || failed == MEMBERS, "%s: %d members failed", label, failed);
        }
    }
    fault_clean(p.dir, "groups");
}

CRM_TEST(test_fault_group__failing_function_takes_only_itself)
{
    kv_fault_plan plan;
    place p;

    make_place(&p);
    for (int refuse = 0; refuse < 1 << MEMBERS; refuse += 3) {
        plan = (kv_fault_plan){0, 0, CRM_EIO, 0, 0, 0};
        ck_assert_int_eq(faulty_group(&p, &plan, refuse, "refusals"),
                         __builtin_popcount((unsigned)refuse));
        plan = (kv_fault_plan){KV_CALL_COMMIT, 1, CRM_EIO, 0, 0, 0};
        ck_assert_int_le(faulty_group(&p, &plan, refuse, "refusals and a commit"),
                         __builtin_popcount((unsigned)refuse) + 1);
    }
}

/* The group as a whole is too large for the limit; committed one by one, some of it fits. */
CRM_TEST(test_fault_group__too_large_group_commits_what_fits)
{
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    crm_error err = CRM_ERROR_INIT;
    char filler[6001];
    crm_db_stat st;
    int seen_some = 0;
    place p;
    crm_db *db;

    make_place(&p);
    memset(filler, 'f', sizeof filler - 1);
    filler[sizeof filler - 1] = 0;
    db = fault_open(p.base, NULL);
    fault_is(crm_db_stat_get(db, sizeof st, &st, &err), CRM_OK, &err, "stat");
    crm_db_close(db);
    for (uint64_t room = 0; room <= 160; room += 8) {
        int failed;
        group g;
        memset(&g, 0, sizeof g);
        g.filler = filler;
        o.size_limit = st.file_bytes + room * 1024;
        fault_copy(p.base, p.dir);
        db = fault_open(p.dir, &o);
        run_group(&g, db);
        failed = judge_group(&g, db, "too large a group", CRM_EFULL);
        seen_some |= failed > 0 && failed < MEMBERS;
        crm_db_close(db);
        fault_clean(p.dir, "too large a group");
    }
    ck_assert_msg(seen_some, "no limit let a part of the group through");
}

/* ---- memory ---- */

typedef struct memory {
    atomic_ullong calls, failed;
    atomic_llong alive;
    uint64_t after;
} memory;

static int refused(memory *m)
{
    if (atomic_fetch_add(&m->calls, 1) + 1 != m->after)
        return 0;
    atomic_fetch_add(&m->failed, 1);
    return 1;
}

static void *take(size_t n, void *ctx)
{
    void *p = refused(ctx) ? NULL : malloc(n);

    atomic_fetch_add(&((memory *)ctx)->alive, p != NULL);
    return p;
}

static void *retake(void *p, size_t n, void *ctx)
{
    void *q = refused(ctx) ? NULL : realloc(p, n);

    atomic_fetch_add(&((memory *)ctx)->alive, !p && q);
    return q;
}

static void give(void *p, void *ctx)
{
    atomic_fetch_sub(&((memory *)ctx)->alive, p != NULL);
    free(p);
}

CRM_TEST(test_fault_group__one_failed_allocation_takes_one_member)
{
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    uint64_t total = 1;
    char label[100];
    place p;

    make_place(&p);
    for (uint64_t n = 0; n <= total; n++) {
        memory m = {0};
        crm_allocator a = {sizeof a, take, retake, give, &m};
        uint64_t opened;
        group g;
        crm_db *db;
        int failed;
        if (!fault_wanted(n, 40, 11))
            continue;
        memset(&g, 0, sizeof g);
        fault_copy(p.base, p.dir);
        o.allocator = &a;
        db = fault_open(p.dir, &o);
        opened = atomic_load(&m.calls);
        m.after = n ? opened + n : 0;
        run_group(&g, db);
        if (!n)
            total = atomic_load(&m.calls) - opened;
        m.after = 0;
        snprintf(label, sizeof label, "allocation %llu of a group fails", (unsigned long long)n);
        failed = judge_group(&g, db, label, CRM_ENOMEM);
        ck_assert_msg(failed <= 1, "%s: %d members failed", label, failed);
        crm_db_close(db);
        ck_assert_int_eq(atomic_load(&m.alive), 0);
    }
    fault_clean(p.dir, "groups");
}
