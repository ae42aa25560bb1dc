/* SPDX-License-Identifier: MIT
 * Undo of random batches and single changes: what nobody touched since is as if the batch had never
 * been; what somebody touched is told, and left alone; a dry run says the same and does nothing.
 */
#include "history_help.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 900, PARTS = 4 };

/* All that a person sees, by id. */
typedef struct picture {
    char *json[MOST], *events[MOST];
    crm_id most;
} picture;

typedef struct round_ {
    past p;
    picture before, after, now; /* the batch; the undo */
    uint64_t batch, revisions[PARTS + 1];
    int parts;
    uint64_t first[MOST]; /* change of a customer by the batch; 0: none */
    int conflict[MOST];   /* somebody changed it after the batch did */
    uint64_t held[MOST];  /* somebody's event of it, or reference to it, since; 0: none */
    uint64_t conflicts;
    int others; /* somebody changed something since the batch began */
    int told[MOST];
} round_;

static uint64_t below(past *p, uint64_t n)
{
    return crmtest_below(&p->seed, n);
}

static void forget(picture *v)
{
    for (crm_id id = 1; id <= v->most; id++) {
        free(v->json[id]);
        free(v->events[id]);
    }
    v->most = 0;
}

static void take(round_ *r, crm_txn *in, picture *v)
{
    crm_txn *txn = in ? in : api_begin(r->p.db, CRM_READ);

    forget(v);
    ck_assert_uint_lt(r->p.most, MOST);
    v->most = r->p.most;
    for (crm_id id = 1; id <= v->most; id++) {
        v->json[id] = past_visible(&r->p, txn, id);
        v->events[id] = past_events(txn, id);
    }
    if (!in)
        OK(crm_txn_abort(txn));
}

static void same(crm_id id, const char *got, const char *want, const char *what)
{
    ck_assert_msg((!got && !want) || (got && want && !strcmp(got, want)),
                  "customer %llu %s:\n%s\nnot\n%s", (unsigned long long)id, what,
                  got ? got : "(none)", want ? want : "(none)");
}

static void same_picture(const picture *a, const picture *b, const char *what)
{
    ck_assert_uint_eq(a->most, b->most);
    for (crm_id id = 1; id <= a->most; id++) {
        same(id, a->json[id], b->json[id], what);
        same(id, a->events[id], b->events[id], what);
    }
}

static uint64_t head(crm_db *db)
{
    crm_db_stat st;

    OK(crm_db_stat_get(db, sizeof st, &st, &er));
    return st.revision;
}

/* ---- what is undone ---- */

static void others(round_ *r, int changes)
{
    crm_txn *txn = past_begin(&r->p, 0);

    r->others = 1;
    while (changes-- > 0) {
        crm_id id = past_change(&r->p, txn);
        if (id)
            past_keep(&r->p, txn, id);
    }
    api_commit(txn);
}

static void make_batch(round_ *r)
{
    int parts = 1 + (int)below(&r->p, PARTS);

    r->batch = 0;
    r->parts = 0;
    r->others = 0;
    while (parts-- > 0) {
        crm_txn *txn = past_begin(&r->p, r->batch ? r->batch : CRM_BATCH_NEW);
        int changes = 1 + (int)below(&r->p, 30);
        r->p.events = 1;
        while (changes-- > 0)
            past_change(&r->p, txn);
        r->p.events = 0;
        if (crm_txn_batch(txn)) {
            r->batch = crm_txn_batch(txn);
            r->revisions[r->parts++] = crm_txn_revision(txn);
        }
        api_commit(txn);
        past_keep_touched(&r->p);
        if (parts && below(&r->p, 3) == 0)
            others(r, 1 + (int)below(&r->p, 4));
    }
}

static int of_batch(const round_ *r, uint64_t revision)
{
    for (int i = 0; i < r->parts; i++) {
        if (r->revisions[i] == revision)
            return 1;
    }
    return 0;
}

/* Whether the undo would leave a customer deleted that is there now. */
static int would_go(const round_ *r, crm_id id)
{
    const past_state *was = r->first[id] ? past_at(&r->p, id, r->first[id] - 1) : NULL;

    return r->first[id] && (!was || was->deleted) && !past_at(&r->p, id, UINT64_MAX)->deleted;
}

/* Somebody gives some of those customers an event, or has another customer refer to them. */
static void hold(round_ *r, uint64_t *tally)
{
    crm_txn *txn = past_begin(&r->p, 0);
    int used[MOST] = {0};

    memset(r->held, 0, sizeof r->held);
    for (crm_id id = 1; id <= r->p.most; id++) {
        crm_id other = 1 + below(&r->p, r->p.most);
        char json[60];
        if (!would_go(r, id) || below(&r->p, 4))
            continue;
        if (below(&r->p, 2)) {
            OK(crm_event_add_json(txn, id, "{\"kind\":\"call\"}", CRM_NUL, NULL, &er));
        } else {
            snprintf(json, sizeof json, "{\"employer\":%llu}", (unsigned long long)id);
            if (other == id || used[other]++ ||
                crm_customer_patch_json(txn, other, 0, json, CRM_NUL, &er))
                continue;
            past_keep(&r->p, txn, other);
        }
        r->held[id] = crm_txn_revision(txn);
        ++*tally;
    }
    api_commit(txn);
}

/* Somebody else's change after one of the batch. */
static void find_conflicts(round_ *r)
{
    uint64_t *first = r->first;

    memset(first, 0, sizeof r->first);
    memset(r->conflict, 0, sizeof r->conflict);
    r->conflicts = 0;
    for (size_t i = 0; i < r->p.count; i++) {
        const past_state *s = &r->p.states[i];
        if (of_batch(r, s->revision) && (!first[s->id] || s->revision < first[s->id]))
            first[s->id] = s->revision;
    }
    for (size_t i = 0; i < r->p.count; i++) {
        const past_state *s = &r->p.states[i];
        if (first[s->id] && s->revision > first[s->id] && !of_batch(r, s->revision) &&
            !r->conflict[s->id]) {
            r->conflict[s->id] = 1;
            r->conflicts++;
        }
    }
    for (crm_id id = 1; id <= r->p.most; id++) {
        if (r->conflict[id] || !r->held[id]) {
            r->held[id] = 0;
        } else {
            r->conflict[id] = 1;
            r->conflicts++;
        }
    }
}

/* ---- undo ---- */

static int tell(crm_id id, uint64_t revision, void *ctx)
{
    round_ *r = ctx;

    ck_assert_uint_lt(id, MOST);
    ck_assert_uint_eq(revision,
                      r->held[id] ? r->held[id] : past_at(&r->p, id, UINT64_MAX)->revision);
    r->told[id]++;
    return 0;
}

static int undo(round_ *r, crm_txn *txn, uint64_t revision, uint32_t flags, crm_undo_result *out)
{
    memset(r->told, 0, sizeof r->told);
    memset(out, 0, sizeof *out);
    out->size = sizeof *out;
    return crm_undo(txn, revision, flags, tell, r, out, &er);
}

static void same_told(const round_ *r)
{
    for (crm_id id = 1; id <= r->p.most; id++)
        ck_assert_msg(r->told[id] == r->conflict[id], "customer %llu: told %d, changed since %d",
                      (unsigned long long)id, r->told[id], r->conflict[id]);
}

static void undone_is_gone(round_ *r)
{
    for (crm_id id = 1; id <= r->p.most; id++) {
        const past_state *s = r->first[id] ? past_at(&r->p, id, r->first[id] - 1) : NULL;
        char *was = s ? strdup(s->json) : NULL;
        if (r->conflict[id]) {
            same(id, r->now.json[id], r->after.json[id], "was changed since");
        } else if (was) {
            past_strip(was);
            same(id, r->now.json[id], was, "undone");
        } else if (r->first[id]) {
            ck_assert_ptr_nonnull(strstr(r->now.json[id], "\"deleted\":true"));
        } else {
            same(id, r->now.json[id], r->after.json[id], "is not of the batch");
        }
        if (id <= r->before.most && !r->conflict[id])
            same(id, r->now.events[id], r->before.events[id], "events");
        free(was);
    }
}

/* Any revision of the batch names it. */
static uint64_t some_name(round_ *r)
{
    return r->revisions[below(&r->p, (uint64_t)r->parts)];
}

/* The undo, undone: as before it; and then the batch may be undone once more. */
static void and_back(round_ *r, uint64_t undo_batch)
{
    crm_undo_result u, again;
    crm_txn *txn = past_begin(&r->p, 0);

    IS(CRM_ESTATE, undo(r, txn, some_name(r), 0, &u));
    OK(crm_undo(txn, undo_batch, 0, NULL, NULL, &u, &er));
    api_commit(txn);
    take(r, NULL, &r->now);
    same_picture(&r->now, &r->after, "after the undo was undone");
    txn = past_begin(&r->p, 0);
    IS(CRM_ESTATE, crm_undo(txn, undo_batch, 0, NULL, NULL, &again, &er));
    OK(crm_undo(txn, u.batch, 0, NULL, NULL, NULL, &er));
    OK(crm_txn_abort(txn));
}

static void one_round(round_ *r, uint64_t tally[5])
{
    crm_undo_result dry, u;
    uint64_t last;
    crm_txn *txn;
    int rc;

    take(r, NULL, &r->before);
    make_batch(r);
    if (!r->batch)
        return;
    if (below(&r->p, 2))
        others(r, 1 + (int)below(&r->p, 6));
    memset(r->held, 0, sizeof r->held);
    find_conflicts(r);
    if (below(&r->p, 2))
        hold(r, &tally[4]);
    take(r, NULL, &r->after);
    find_conflicts(r);
    last = head(r->p.db);

    txn = past_begin(&r->p, 0);
    if (r->conflicts) {
        IS(CRM_ECONFLICT, undo(r, txn, some_name(r), 0, &u));
        same_told(r);
    }
    rc = undo(r, txn, some_name(r), CRM_UNDO_SKIP | CRM_UNDO_DRY_RUN, &dry);
    take(r, txn, &r->now);
    same_picture(&r->now, &r->after, "after a dry run");
    ck_assert_uint_eq(crm_txn_revision(txn), last);
    if (rc == CRM_EEXISTS && r->others) { /* a value was taken since */
        IS(CRM_EEXISTS, undo(r, txn, some_name(r), CRM_UNDO_SKIP, &u));
        take(r, txn, &r->now);
        same_picture(&r->now, &r->after, "after EEXISTS");
        api_commit(txn);
        ck_assert_uint_eq(head(r->p.db), last);
        tally[2]++;
        return;
    }
    OK(rc);
    same_told(r);
    ck_assert_uint_eq(dry.skipped, r->conflicts);
    OK(undo(r, txn, some_name(r), CRM_UNDO_SKIP, &u));
    same_told(r);
    ck_assert_uint_eq(dry.batch, 0);
    dry.batch = u.batch;
    ck_assert_mem_eq(&u, &dry, sizeof u);
    api_commit(txn);
    take(r, NULL, &r->now);
    undone_is_gone(r);
    tally[r->conflicts ? 1 : 0]++;
    if (u.batch) {
        ck_assert_uint_eq(u.batch, last + 1);
        and_back(r, u.batch);
        tally[3]++;
    }
    for (crm_id id = 1; id <= r->p.most; id++) {
        txn = api_begin(r->p.db, CRM_READ);
        past_keep(&r->p, txn, id);
        OK(crm_txn_abort(txn));
    }
}

CRM_TEST(test_api_batch_undo__random_batches)
{
    uint64_t tally[5] = {0};
    round_ *r = calloc(1, sizeof *r);
    crm_txn *txn;

    ck_assert_ptr_nonnull(r);
    past_open(&r->p);
    others(r, 20);
    /* A short run goes on until each way out was met. */
    for (size_t i = 0;
         i < crmtest_rounds(15, 100) || !tally[0] || !tally[1] || !tally[3] || !tally[4]; i++) {
        ck_assert_uint_lt(i, 1000);
        one_round(r, tally);
        others(r, 3);
    }
    txn = api_begin(r->p.db, CRM_READ);
    OK(crm_journal_verify(txn, NULL, 0, NULL, NULL, &er));
    OK(crm_txn_abort(txn));
    forget(&r->before);
    forget(&r->after);
    forget(&r->now);
    past_close(&r->p);
    free(r);
    api_check_clean(api_path());
}

/* The last change of a customer, made alone. */
CRM_TEST(test_api_batch_undo__single_changes)
{
    size_t done = 0;
    past p;

    past_open(&p);
    for (size_t i = crmtest_rounds(150, 1500); i > 0; i--) {
        crm_txn *txn = past_begin(&p, 0);
        uint64_t last = crm_txn_revision(txn);
        crm_id id = past_change(&p, txn);
        crm_undo_result u = {.size = sizeof u};
        const past_state *was;
        char *json, *want;
        uint64_t revision = crm_txn_revision(txn);
        int deleted;
        if (id)
            past_keep(&p, txn, id);
        if (!id || revision == last || !past_at(&p, id, UINT64_MAX) ||
            past_at(&p, id, UINT64_MAX)->revision != revision || below(&p, 2)) {
            api_commit(txn);
            continue;
        }
        was = past_at(&p, id, revision - 1);
        api_commit(txn);
        txn = past_begin(&p, 0);
        if (below(&p, 2)) { /* also when other customers changed since */
            crm_id other = past_change(&p, txn);
            past_keep(&p, txn, other ? other : id);
            if (other == id && crm_txn_revision(txn) > revision) {
                IS(CRM_ECONFLICT, crm_undo(txn, revision, 0, NULL, NULL, &u, &er));
                api_commit(txn);
                continue;
            }
        }
        if (crm_undo(txn, revision, 0, NULL, NULL, &u, &er) == CRM_EEXISTS) {
            api_commit(txn);
            continue;
        }
        ck_assert_uint_eq(u.batch, crm_txn_revision(txn));
        ck_assert_uint_eq(u.deleted + u.restored, 1);
        ck_assert_int_eq(u.deleted == 1, !was);
        json = past_json(&p, txn, id, NULL, &deleted);
        ck_assert(was || deleted);
        want = strdup(was ? was->json : json);
        past_strip(want);
        past_strip(json);
        same(id, json, want, "undone");
        free(json);
        free(want);
        IS(CRM_ESTATE, crm_undo(txn, revision, 0, NULL, NULL, &u, &er));
        past_keep(&p, txn, id);
        api_commit(txn);
        done++;
    }
    ck_assert_uint_gt(done, getenv("CRM_SHORT") ? 0 : 5);
    past_close(&p);
    api_check_clean(api_path());
}

/* ---- cases by hand ---- */

static crm_txn *begin_batch(crm_db *db, uint64_t batch)
{
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    crm_txn *txn;

    o.batch = batch;
    OK(crm_txn_begin(db, CRM_WRITE, &o, &txn, &er));
    return txn;
}

static void patch(crm_txn *txn, crm_id id, const char *json)
{
    OK(crm_customer_patch_json(txn, id, 0, json, CRM_NUL, &er));
}

/* A unique value that the batch took away is now somebody's. */
CRM_TEST(test_api_batch_undo__value_taken_since)
{
    crm_undo_result u = {.size = sizeof u};
    crm_db *db = api_open();
    uint64_t batch, last;
    crm_txn *txn = api_begin(db, CRM_WRITE);
    char before[2][2000];

    api_create(txn, "{\"name\":\"A\",\"external\":{\"source\":\"erp\",\"value\":\"1\"}}");
    api_create(txn, "{\"name\":\"B\"}");
    api_commit(txn);
    txn = begin_batch(db, CRM_BATCH_NEW);
    OK(crm_customer_replace_json(txn, 1, 0, "{\"name\":\"A\"}", CRM_NUL, &er));
    patch(txn, 2, "{\"city\":\"X\"}");
    batch = crm_txn_batch(txn);
    api_commit(txn);
    txn = api_begin(db, CRM_WRITE);
    api_create(txn, "{\"name\":\"C\",\"external\":{\"source\":\"erp\",\"value\":\"1\"}}");
    api_commit(txn);
    last = head(db);
    txn = api_begin(db, CRM_WRITE);
    snprintf(before[0], sizeof before[0], "%s", api_json(txn, 1, 1));
    snprintf(before[1], sizeof before[1], "%s", api_json(txn, 2, 1));
    IS(CRM_EEXISTS, crm_undo(txn, batch, 0, NULL, NULL, &u, &er));
    IS(CRM_EEXISTS, crm_undo(txn, batch, CRM_UNDO_SKIP | CRM_UNDO_DRY_RUN, NULL, NULL, &u, &er));
    ck_assert_str_eq(before[0], api_json(txn, 1, 1));
    ck_assert_str_eq(before[1], api_json(txn, 2, 1));
    api_commit(txn);
    ck_assert_uint_eq(head(db), last);
    /* Once it is free again, the batch can be undone. */
    txn = api_begin(db, CRM_WRITE);
    OK(crm_customer_replace_json(txn, 3, 0, "{\"name\":\"C\"}", CRM_NUL, &er));
    OK(crm_undo(txn, batch, 0, NULL, NULL, &u, &er));
    ck_assert_uint_eq(u.restored, 2);
    ck_assert_uint_eq(api_found(txn, "external", "erp", "1", NULL), 1);
    api_commit(txn);
    crm_db_close(db);
    api_check_clean(api_path());
}

/* A batch that handed a unique value from one customer to another, in either order of ids, and one
 * that swapped two: nobody else has them, so it can be undone. */
CRM_TEST(test_api_batch_undo__values_handed_round)
{
    crm_undo_result u = {.size = sizeof u};
    crm_db *db = api_open();
    uint64_t batch;
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_id id;

    api_create(txn, "{\"name\":\"A\",\"external\":{\"source\":\"erp\",\"value\":\"1\"}}");
    api_create(txn, "{\"name\":\"B\",\"external\":{\"source\":\"erp\",\"value\":\"2\"}}");
    api_create(txn, "{\"name\":\"C\",\"external\":{\"source\":\"erp\",\"value\":\"3\"}}");
    api_commit(txn);
    txn = begin_batch(db, CRM_BATCH_NEW);
    for (crm_id i = 1; i <= 3; i++)
        OK(crm_customer_replace_json(txn, i, 0, "{\"name\":\"X\"}", CRM_NUL, &er));
    patch(txn, 1, "{\"external\":{\"source\":\"erp\",\"value\":\"2\"}}");
    patch(txn, 2, "{\"external\":{\"source\":\"erp\",\"value\":\"1\"}}");
    api_create(txn, "{\"name\":\"D\",\"external\":{\"source\":\"erp\",\"value\":\"3\"}}");
    batch = crm_txn_batch(txn);
    api_commit(txn);
    txn = api_begin(db, CRM_WRITE);
    OK(crm_undo(txn, batch, 0, NULL, NULL, &u, &er));
    ck_assert(u.restored == 3 && u.deleted == 1 && u.skipped == 0);
    for (crm_id i = 1; i <= 3; i++) {
        char value[2] = {(char)('0' + i), 0};
        ck_assert_uint_ge(api_found(txn, "external", "erp", value, &id), 1);
        ck_assert_uint_eq(id, i);
    }
    api_commit(txn);
    crm_db_close(db);
    api_check_clean(api_path());
}

/* An event added by the batch, and its customer deleted by the batch; or by somebody since. */
CRM_TEST(test_api_batch_undo__events_of_deleted_customers)
{
    crm_undo_result u = {.size = sizeof u};
    crm_db *db = api_open();
    uint64_t batch;
    crm_txn *txn = api_begin(db, CRM_WRITE);
    char *events;

    for (int i = 0; i < 3; i++)
        api_create(txn, "{\"name\":\"A\"}");
    OK(crm_event_add_json(txn, 1, "{\"kind\":\"visit\"}", CRM_NUL, NULL, &er));
    api_commit(txn);
    txn = begin_batch(db, CRM_BATCH_NEW);
    OK(crm_event_add_json(txn, 1, "{\"kind\":\"visit\",\"subject\":\"S\"}", CRM_NUL, NULL, &er));
    OK(crm_event_void(txn, 1, 1, &er));
    OK(crm_customer_delete(txn, 1, 0, &er));
    OK(crm_event_add_json(txn, 2, "{\"kind\":\"visit\"}", CRM_NUL, NULL, &er));
    batch = crm_txn_batch(txn);
    api_commit(txn);
    txn = api_begin(db, CRM_WRITE);
    OK(crm_undo(txn, batch, CRM_UNDO_DRY_RUN, NULL, NULL, &u, &er));
    OK(crm_undo(txn, batch, 0, NULL, NULL, &u, &er));
    ck_assert(u.restored == 1 && u.events == 3);
    events = past_events(txn, 1);
    ck_assert(!strstr(events, "subject") && strstr(events, "visit"));
    free(events);
    OK(crm_txn_abort(txn));

    txn = api_begin(db, CRM_WRITE);
    OK(crm_customer_delete(txn, 2, 0, &er));
    api_commit(txn);
    txn = api_begin(db, CRM_WRITE);
    OK(crm_undo(txn, batch, CRM_UNDO_SKIP, NULL, NULL, &u, &er));
    ck_assert(u.restored == 1 && u.events >= 2);
    api_commit(txn);
    crm_db_close(db);
    api_check_clean(api_path());
}

/* ---- customers that somebody needs by now ---- */

typedef struct heard {
    int count;
    crm_id id;
    uint64_t revision;
} heard;

static int note(crm_id id, uint64_t revision, void *ctx)
{
    heard *t = ctx;

    t->count++;
    t->id = id;
    t->revision = revision;
    return 0;
}

/* Refused, and told of one customer; with the flag it is left. */
static void is_kept(crm_db *db, uint64_t what, crm_id id, uint64_t since, uint64_t restored,
                    uint64_t deleted)
{
    crm_txn *txn = api_begin(db, CRM_WRITE);

    for (uint32_t dry = 0; dry <= CRM_UNDO_DRY_RUN; dry += CRM_UNDO_DRY_RUN) {
        crm_undo_result u = {.size = sizeof u};
        heard t = {0};
        IS(CRM_ECONFLICT, crm_undo(txn, what, dry, note, &t, &u, &er));
        ck_assert(t.count == 1 && t.id == id && t.revision == since);
        memset(&t, 0, sizeof t);
        OK(crm_undo(txn, what, dry | CRM_UNDO_SKIP, note, &t, &u, &er));
        ck_assert(t.count == 1 && t.id == id && t.revision == since);
        ck_assert(u.deleted == deleted && u.skipped == 1 && u.restored == restored);
        OK(crm_txn_abort(txn));
        txn = api_begin(db, CRM_WRITE);
    }
    OK(crm_txn_abort(txn));
}

static void deletes(crm_db *db, uint64_t what, uint64_t deleted)
{
    crm_undo_result u = {.size = sizeof u};
    crm_txn *txn = api_begin(db, CRM_WRITE);

    OK(crm_undo(txn, what, 0, NULL, NULL, &u, &er));
    ck_assert(u.deleted == deleted && u.skipped == 0);
    OK(crm_txn_abort(txn));
}

static uint64_t commit(crm_txn *txn)
{
    uint64_t revision = crm_txn_revision(txn);

    api_commit(txn);
    return revision;
}

static void employ(crm_txn *txn, crm_id id, crm_id employer)
{
    char json[60];

    snprintf(json, sizeof json, "{\"employer\":%llu}", (unsigned long long)employer);
    patch(txn, id, json);
}

CRM_TEST(test_api_batch_undo__events_since)
{
    crm_db *db = api_open();
    uint64_t batch, single, since;
    crm_undo_result u = {.size = sizeof u};
    crm_txn *txn = begin_batch(db, CRM_BATCH_NEW);

    api_create(txn, "{\"name\":\"A\",\"events\":[{\"kind\":\"visit\"}]}");
    batch = commit(txn);
    txn = api_begin(db, CRM_WRITE);
    api_create(txn, "{\"name\":\"B\"}");
    single = commit(txn);
    deletes(db, batch, 1);
    deletes(db, single, 1);
    for (crm_id id = 1; id <= 2; id++) {
        txn = api_begin(db, CRM_WRITE);
        OK(crm_event_add_json(txn, id, "{\"kind\":\"order\",\"amount\":100}", CRM_NUL, NULL, &er));
        since = commit(txn);
        is_kept(db, id == 1 ? batch : single, id, since, 0, 0);
        /* Without the event nobody needs it any more. */
        txn = api_begin(db, CRM_WRITE);
        OK(crm_undo(txn, since, 0, NULL, NULL, &u, &er));
        api_commit(txn);
        deletes(db, id == 1 ? batch : single, 1);
    }
    crm_db_close(db);
    api_check_clean(api_path());
}

CRM_TEST(test_api_batch_undo__event_between_parts)
{
    crm_db *db = api_open();
    uint64_t batch, since;
    crm_txn *txn = begin_batch(db, CRM_BATCH_NEW);

    api_create(txn, "{\"name\":\"A\"}");
    batch = commit(txn);
    txn = api_begin(db, CRM_WRITE);
    OK(crm_event_add_json(txn, 1, "{\"kind\":\"visit\"}", CRM_NUL, NULL, &er));
    since = commit(txn);
    is_kept(db, batch, 1, since, 0, 0);
    txn = begin_batch(db, batch);
    OK(crm_event_void(txn, 1, 1, &er)); /* which the undo takes back */
    api_commit(txn);
    is_kept(db, batch, 1, since, 0, 0);
    crm_db_close(db);
    api_check_clean(api_path());
}

CRM_TEST(test_api_batch_undo__undeleted_and_needed_since)
{
    crm_db *db = api_open();
    uint64_t batch, since;
    crm_undo_result u = {.size = sizeof u};
    crm_txn *txn = api_begin(db, CRM_WRITE);

    api_create(txn, "{\"name\":\"A\"}");
    api_create(txn, "{\"name\":\"B\",\"employer\":1}");
    OK(crm_event_add_json(txn, 1, "{\"kind\":\"visit\"}", CRM_NUL, NULL, &er));
    OK(crm_customer_delete(txn, 1, 0, &er));
    api_commit(txn);
    txn = begin_batch(db, CRM_BATCH_NEW);
    OK(crm_customer_undelete(txn, 1, 0, &er));
    batch = commit(txn);
    txn = api_begin(db, CRM_WRITE); /* what was there before counts no more than it did then */
    OK(crm_undo(txn, batch, CRM_UNDO_DRY_RUN, NULL, NULL, &u, &er));
    ck_assert(u.restored == 1);
    OK(crm_event_add_json(txn, 1, "{\"kind\":\"call\"}", CRM_NUL, NULL, &er));
    since = commit(txn);
    is_kept(db, batch, 1, since, 0, 0);
    crm_db_close(db);
    api_check_clean(api_path());
}

CRM_TEST(test_api_batch_undo__referred_to_since)
{
    crm_db *db = api_open();
    uint64_t batch, since;
    crm_txn *txn = api_begin(db, CRM_WRITE);

    api_create(txn, "{\"name\":\"old\"}");
    api_create(txn, "{\"name\":\"other\"}");
    api_commit(txn);
    txn = begin_batch(db, CRM_BATCH_NEW);
    api_create(txn, "{\"name\":\"A\",\"kind\":\"organisation\"}");
    api_create(txn, "{\"name\":\"B\",\"employer\":3}");
    patch(txn, 1, "{\"employer\":3}");
    batch = commit(txn);
    deletes(db, batch, 2);
    txn = api_begin(db, CRM_WRITE);
    patch(txn, 2, "{\"employer\":3}");
    since = commit(txn);
    is_kept(db, batch, 3, since, 1, 1);
    /* Changed otherwise since: the reference is as old as it was. */
    txn = api_begin(db, CRM_WRITE);
    patch(txn, 2, "{\"city\":\"X\"}");
    api_commit(txn);
    is_kept(db, batch, 3, since, 1, 1);
    txn = api_begin(db, CRM_WRITE);
    patch(txn, 2, "{\"employer\":null}");
    api_commit(txn);
    deletes(db, batch, 2);
    /* A reference of the batch's own does not keep it, also when its customer is left. */
    txn = api_begin(db, CRM_WRITE);
    patch(txn, 1, "{\"city\":\"X\"}");
    since = commit(txn);
    is_kept(db, batch, 1, since, 0, 2);
    crm_db_close(db);
    api_check_clean(api_path());
}

/* Somebody's reference that a later part took away, and that the undo gives back. */
CRM_TEST(test_api_batch_undo__referred_to_between_parts)
{
    crm_db *db = api_open();

    for (int behind = 0; behind < 2; behind++) { /* in the order of ids */
        uint64_t batch, since;
        crm_id other = 0, kept;
        crm_txn *txn = api_begin(db, CRM_WRITE);

        if (!behind)
            other = api_create(txn, "{\"name\":\"other\"}");
        api_commit(txn);
        txn = begin_batch(db, CRM_BATCH_NEW);
        kept = api_create(txn, "{\"name\":\"A\"}");
        batch = commit(txn);
        txn = api_begin(db, CRM_WRITE);
        if (behind)
            other = api_create(txn, "{\"name\":\"other\"}");
        employ(txn, other, kept);
        since = commit(txn);
        txn = begin_batch(db, batch);
        patch(txn, other, "{\"employer\":null}");
        api_commit(txn);
        is_kept(db, batch, kept, since, 1, 0);
    }
    crm_db_close(db);
    api_check_clean(api_path());
}

static int no_more(crm_id id, uint64_t revision, void *ctx)
{
    (void)id;
    (void)revision;
    ++*(int *)ctx;
    return 7;
}

CRM_TEST(test_api_batch_undo__arguments)
{
    crm_undo_result u = {.size = sizeof u};
    crm_db *db = api_open();
    uint64_t batch, dropped;
    crm_head now = CRM_HEAD_INIT;
    int told = 0;
    crm_txn *txn = api_begin(db, CRM_WRITE), *other;

    IS(CRM_EINVAL, crm_undo(NULL, 1, 0, NULL, NULL, &u, &er));
    IS(CRM_ESTATE, crm_undo(txn, 1, 0, NULL, NULL, &u, &er)); /* the model */
    IS(CRM_ENOTFOUND, crm_undo(txn, 0, 0, NULL, NULL, &u, &er));
    IS(CRM_ENOTFOUND, crm_undo(txn, 2, 0, NULL, NULL, &u, &er));
    IS(CRM_ENOTFOUND, crm_undo(txn, UINT64_MAX, 0, NULL, NULL, &u, &er));
    IS(CRM_EINVAL, crm_undo(txn, 1, 4, NULL, NULL, &u, &er));
    for (int i = 0; i < 4; i++)
        api_create(txn, "{\"name\":\"A\"}");
    api_commit(txn);
    txn = begin_batch(db, CRM_BATCH_NEW);
    for (crm_id i = 1; i <= 4; i++)
        patch(txn, i, "{\"city\":\"X\"}");
    IS(CRM_ESTATE, crm_undo(txn, 2, 0, NULL, NULL, &u, &er));
    batch = crm_txn_batch(txn);
    api_commit(txn);
    txn = api_begin(db, CRM_READ);
    IS(CRM_ESTATE, crm_undo(txn, batch, 0, NULL, NULL, &u, &er));
    OK(crm_txn_abort(txn));
    /* In the transaction of later changes too; the callback may stop it. */
    txn = api_begin(db, CRM_WRITE);
    patch(txn, 2, "{\"city\":\"Y\"}");
    patch(txn, 4, "{\"city\":\"Y\"}");
    IS(CRM_ECANCELLED, crm_undo(txn, batch, CRM_UNDO_SKIP, no_more, &told, &u, &er));
    ck_assert_int_eq(told, 1);
    IS(CRM_ECONFLICT, crm_undo(txn, batch, 0, NULL, NULL, NULL, &er));
    OK(crm_undo(txn, batch, CRM_UNDO_SKIP, NULL, NULL, &u, &er));
    ck_assert(u.restored == 2 && u.skipped == 2 && u.batch == crm_txn_revision(txn));
    /* Further changes and parts go on behind it in the same transaction. */
    patch(txn, 1, "{\"city\":\"Z\"}");
    api_commit(txn);
    /* Nobody adds to what was undone. */
    txn = begin_batch(db, batch);
    IS(CRM_ESTATE, crm_customer_patch_json(txn, 1, 0, "{\"city\":\"W\"}", CRM_NUL, &er));
    OK(crm_txn_abort(txn));
    /* What a trim dropped can't come back. */
    txn = begin_batch(db, CRM_BATCH_NEW);
    patch(txn, 3, "{\"city\":\"V\"}");
    batch = crm_txn_batch(txn);
    api_commit(txn);
    txn = api_begin(db, CRM_WRITE);
    OK(crm_journal_head(txn, &now, &er));
    OK(crm_journal_trim(txn, now.recorded_us + 1, &dropped, &er));
    ck_assert_uint_gt(dropped, 0);
    IS(CRM_ESTATE, crm_undo(txn, crm_txn_revision(txn), 0, NULL, NULL, &u, &er)); /* the trim */
    IS(CRM_ESTATE, crm_undo(txn, batch, 0, NULL, NULL, &u, &er));
    api_commit(txn);
    other = api_begin(db, CRM_WRITE);
    IS(CRM_ESTATE, crm_undo(other, batch, CRM_UNDO_SKIP, NULL, NULL, &u, &er));
    OK(crm_txn_abort(other));
    crm_db_close(db);
    api_check_clean(api_path());
}
