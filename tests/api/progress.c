/* SPDX-License-Identifier: MIT
 * crm_txn_progress(): who asks is asked often, a call that is stopped changes nothing, and the
 * transaction goes on.
 */
#include "help.h"

#include <stdio.h>
#include <string.h>

enum { CUSTOMERS = 3000 };

static uint64_t batch; /* of add_batch() */

static const char MODEL[] = "crm: 1\n"
                            "fields:\n"
                            "  name: {type: text}\n"
                            "  score: {type: integer}\n"
                            "  city: {type: text%s}\n"
                            "tags:\n"
                            "  region: {}\n";

static const char *model_of(const char *city)
{
    static char text[400];

    snprintf(text, sizeof text, MODEL, city);
    return text;
}

typedef struct asked {
    uint64_t calls, stop_at; /* 0: never */
    uint64_t done, total;
} asked;

static int on_progress(uint64_t done, uint64_t total, void *ctx)
{
    asked *a = ctx;

    a->calls++;
    a->done = done;
    a->total = total;
    return a->stop_at && a->calls >= a->stop_at;
}

/* A batch that changes customers, creates some, gives and takes a tag. */
static void add_batch(crm_db *db)
{
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    crm_txn *txn;

    o.batch = CRM_BATCH_NEW;
    OK(crm_txn_begin(db, CRM_WRITE, &o, &txn, &er));
    for (crm_id id = 1; id <= CUSTOMERS; id++) {
        if (id % 3)
            OK(crm_customer_patch_json(txn, id, 0, "{\"city\":\"another\"}", CRM_NUL, &er));
        else
            OK(crm_customer_create_json(txn, "{\"name\":\"one more\"}", CRM_NUL, NULL, &er));
        if (id % 7 == 0)
            OK(crm_tag_remove(txn, id, "region:cn", &er));
        else
            OK(crm_tag_add(txn, id, "region:de", NULL, &er));
    }
    batch = crm_txn_batch(txn);
    OK(crm_txn_commit(txn, &er));
}

static crm_db *world(void)
{
    crm_segment *s;
    crm_txn *txn;
    crm_db *db;

    OK(crm_db_open(crmtest_path("db"), NULL, &db, &er));
    OK(crm_txn_begin(db, CRM_WRITE, NULL, &txn, &er));
    OK(crm_model_apply(txn, model_of(""), CRM_NUL, 0, NULL, NULL, &er));
    for (int i = 0; i < CUSTOMERS; i++) {
        char json[100];
        crm_id id;
        snprintf(json, sizeof json, "{\"name\":\"n%d\",\"score\":%d,\"city\":\"c%d\"}", i, i % 100,
                 i % 7);
        OK(crm_customer_create_json(txn, json, CRM_NUL, &id, &er));
        OK(crm_tag_add(txn, id, "region:cn", NULL, &er));
    }
    OK(crm_segment_parse(txn, "name contains \"n1\"", CRM_NUL, &s, &er));
    OK(crm_segment_save(txn, "ones", s, 0, &er));
    crm_segment_free(s);
    OK(crm_txn_commit(txn, &er));
    add_batch(db);
    return db;
}

/* Each long call, by number; the result of the call. */
static int call(crm_txn *txn, int which)
{
    uint64_t changed;
    crm_segment *s;
    int rc;

    switch (which) {
    case 0:
        return crm_model_apply(txn, model_of(", index: contains"), CRM_NUL, 0, NULL, NULL, &er);
    case 1:
        return crm_segment_watch(txn, "ones", &er);
    case 2:
        OK(crm_segment_parse(txn, "name contains \"n2\"", CRM_NUL, &s, &er));
        rc = crm_segment_save(txn, "twos", s, CRM_SEGMENT_STATIC, &er);
        crm_segment_free(s);
        return rc;
    case 3:
        return crm_tag_rename(txn, "region:cn", "region:china", &changed, &er);
    case 4:
        return crm_undo(txn, batch, 0, NULL, NULL, NULL, &er);
    default:
        return crm_tag_delete(txn, "region:cn", &changed, &er);
    }
}

enum { CALLS = 6 };

CRM_TEST(test_api_progress__a_stopped_call_changes_nothing)
{
    crm_db *db = world();

    for (int which = 0; which < CALLS; which++) {
        asked all = {0, 0, 0, 0};
        crm_txn *txn;
        uint64_t before;

        OK(crm_txn_begin(db, CRM_WRITE, NULL, &txn, &er));
        OK(crm_txn_progress(txn, on_progress, &all, &er));
        OK(call(txn, which));
        ck_assert_uint_gt(all.calls, 0);
        ck_assert_uint_le(all.done, all.total);
        OK(crm_txn_abort(txn));

        for (uint64_t stop = 1; stop <= all.calls; stop += 1 + all.calls / 3) {
            asked one = {0, stop, 0, 0};
            OK(crm_txn_begin(db, CRM_WRITE, NULL, &txn, &er));
            before = crm_txn_revision(txn);
            OK(crm_txn_progress(txn, on_progress, &one, &er));
            ck_assert_int_eq(call(txn, which), CRM_ECANCELLED);
            ck_assert_uint_eq(one.calls, stop);
            ck_assert_uint_eq(crm_txn_revision(txn), before);
            OK(crm_txn_progress(txn, NULL, NULL, &er)); /* nobody asks: it goes through */
            OK(call(txn, which));
            ck_assert_uint_gt(crm_txn_revision(txn), before);
            OK(crm_txn_abort(txn));
        }
    }
    crm_db_close(db);
}

CRM_TEST(test_api_progress__questions_have_their_own_first)
{
    crm_segment_options o = CRM_SEGMENT_OPTIONS_INIT;
    asked all = {0, 0, 0, 0}, own = {0, 1, 0, 0};
    crm_db *db = world();
    crm_segment *s;
    crm_numbers *n;
    crm_txn *txn;
    uint64_t count;

    OK(crm_txn_begin(db, CRM_READ, NULL, &txn, &er));
    OK(crm_segment_parse(txn, "name contains \"n1\"", CRM_NUL, &s, &er));
    OK(crm_txn_progress(txn, on_progress, &all, &er));
    OK(crm_segment_count(txn, s, NULL, &count, &er));
    ck_assert_uint_gt(all.calls, 0);
    all.calls = 0;
    o.progress = on_progress;
    o.progress_ctx = &own;
    ck_assert_int_eq(crm_segment_count(txn, s, &o, &count, &er), CRM_ECANCELLED);
    ck_assert(own.calls == 1 && !all.calls);
    all.stop_at = 1;
    ck_assert_int_eq(crm_numbers_ask(txn, s, "percentile 50 (score)", CRM_NUL, NULL, &n, &er),
                     CRM_ECANCELLED);
    ck_assert_int_eq(crm_txn_progress(NULL, on_progress, &all, &er), CRM_EINVAL);
    crm_segment_free(s);
    OK(crm_txn_abort(txn));
    crm_db_close(db);
}

static int no_line(const crm_facet *f, void *ctx)
{
    (void)f;
    (void)ctx;
    return 0;
}

/* What goes through many values in one chunk of customers. */
static int ask_values(crm_txn *txn, const crm_segment *all, int which,
                      const crm_segment_options *o)
{
    static const char *const REQUESTS[] = {"count by name", "distinct(name)",
                                           "median(score) by name", "count by name, city"};
    crm_numbers *n;
    int rc;

    if (which == 0)
        return crm_segment_facet(txn, all, "name", o, no_line, NULL, &er);
    rc = crm_numbers_ask(txn, all, REQUESTS[which - 1], CRM_NUL, o, &n, &er);
    crm_numbers_free(n);
    return rc;
}

/* Thousands of values are gone through with a look for every few hundred, and none of them stops
 * halfway with a result. */
CRM_TEST(test_api_progress__many_values_are_asked_about_often)
{
    crm_segment_options o = CRM_SEGMENT_OPTIONS_INIT;
    crm_db *db = world();
    crm_segment *all;
    crm_txn *txn;

    OK(crm_txn_begin(db, CRM_WRITE, NULL, &txn, &er));
    OK(crm_model_apply(txn,
                       "crm: 1\nfields:\n  name: {type: text, index: values}\n"
                       "  score: {type: integer}\n  city: {type: text, index: values}\n"
                       "tags:\n  region: {}\n",
                       CRM_NUL, 0, NULL, NULL, &er));
    OK(crm_txn_commit(txn, &er));
    OK(crm_txn_begin(db, CRM_READ, NULL, &txn, &er));
    OK(crm_segment_parse(txn, "all", CRM_NUL, &all, &er));
    o.progress = on_progress;
    for (int which = 0; which < 5; which++) {
        asked a = {0, 0, 0, 0};
        uint64_t calls;
        o.progress_ctx = &a;
        OK(ask_values(txn, all, which, &o));
        calls = a.calls;
        ck_assert_msg(calls >= CUSTOMERS / 256, "%d: %llu", which, (unsigned long long)calls);
        for (uint64_t k = 1; k <= calls; k++) {
            a = (asked){0, k, 0, 0};
            IS(CRM_ECANCELLED, ask_values(txn, all, which, &o));
            ck_assert_uint_eq(a.calls, k);
        }
    }
    crm_segment_free(all);
    crm_txn_abort(txn);
    crm_db_close(db);
}
