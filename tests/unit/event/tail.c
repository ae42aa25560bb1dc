/* SPDX-License-Identifier: MIT
 * Events that a transaction keeps back, where the memory ends in the middle of an operation: what
 * was read and kept by one that failed is not what the next one goes on with.
 */
#include "crmtest.h"
#include "stingy.h"

#include <crm/crm.h>
#include <stdio.h>
#include <stdlib.h>

#define OK(call) ck_assert_int_eq(call, CRM_OK)

enum { PLAIN = 12, LARGE = 300 };
enum { FINE = 30 }; /* near its end an operation has read and kept the most */

/* A document with a void and plain events, or with so many that some are written at once. */
static char *document(int count, int void_first)
{
    char *json = malloc((size_t)count * 80 + 100), *at = json;

    ck_assert_ptr_nonnull(json);
    at += sprintf(at, "{\"name\":\"B\",\"events\":[%s",
                  void_first ? "{\"kind\":\"void\",\"voids\":1}" : "");
    for (int i = 0; i < count; i++)
        at += sprintf(at, "%s{\"kind\":\"call\",\"time\":\"2026-01-%02d\",\"reference\":\"d%d\"}",
                      i || void_first ? "," : "", 1 + i % 28, i);
    strcpy(at, "]}");
    return json;
}

static crm_db *open_with(stingy *s)
{
    const crm_allocator mem = {sizeof(crm_allocator), stingy_alloc, stingy_realloc, stingy_free, s};
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    crm_txn *txn;
    crm_db *db;
    crm_id id;

    o.allocator = &mem;
    OK(crm_db_open(crmtest_path("db"), &o, &db, NULL));
    OK(crm_txn_begin(db, CRM_WRITE, NULL, &txn, NULL));
    OK(crm_customer_create_json(txn, "{\"name\":\"A\"}", CRM_NUL, &id, NULL));
    OK(crm_event_add_json(txn, id, "{\"kind\":\"order\",\"time\":\"2026-02-01\"}", CRM_NUL, NULL,
                          NULL));
    OK(crm_txn_commit(txn, NULL));
    return db;
}

/* The event behind the one there is, and no other. */
static void goes_on(crm_txn *txn, int64_t left)
{
    uint32_t number = 0;
    uint64_t count = 0;
    crm_event *e;

    OK(crm_event_add_json(txn, 1, "{\"kind\":\"visit\",\"time\":\"2026-03-01\"}", CRM_NUL, &number,
                          NULL));
    ck_assert_msg(number == 2, "%lld pieces: number %u", (long long)left, number);
    OK(crm_event_count(txn, 1, NULL, &count, NULL));
    ck_assert_uint_eq(count, 2);
    OK(crm_event_new(txn, &e, NULL));
    OK(crm_event_get(txn, 1, 1, e, NULL));
    ck_assert_int_eq(crm_event_state(e), CRM_EVENT_IN_FORCE);
    crm_event_free(e);
}

/* With so many pieces of memory the document fails, or does not: 0. */
static int fails(crm_txn *txn, stingy *s, const char *json, int64_t left, int64_t *used)
{
    int rc;

    s->left = left;
    rc = crm_customer_patch_json(txn, 1, 0, json, CRM_NUL, NULL);
    *used = left - s->left;
    s->left = INT64_MAX;
    ck_assert(rc == CRM_OK || rc == CRM_ENOMEM);
    return rc == CRM_ENOMEM;
}

static void fails_and_goes_on(const char *json, int64_t step)
{
    stingy s = {INT64_MAX, 0};
    crm_db *db = open_with(&s);
    int64_t left = 0, last = -1, most, used;
    crm_txn *txn;
    int failed = 1;

    for (int i = 0; i < 2; i++) { /* the first time the model is read, too */
        OK(crm_txn_begin(db, CRM_WRITE, NULL, &txn, NULL));
        ck_assert(!fails(txn, &s, json, INT64_MAX, &most));
        OK(crm_txn_abort(txn));
    }

    for (; failed; left += left < most - FINE ? step : 1) {
        OK(crm_txn_begin(db, CRM_WRITE, NULL, &txn, NULL));
        failed = fails(txn, &s, json, left, &used);
        if (failed) {
            last = left;
            goes_on(txn, left);
        }
        OK(crm_txn_abort(txn));
    }
    ck_assert_int_gt(last, FINE);
    OK(crm_txn_begin(db, CRM_WRITE, NULL, &txn, NULL));
    ck_assert(fails(txn, &s, json, last, &used));
    goes_on(txn, last);
    OK(crm_txn_commit(txn, NULL));
    crm_db_close(db);
    OK(crm_check(crmtest_path("db"), NULL, 0, NULL, NULL));
    ck_assert_int_eq(s.alive, 0);
}

CRM_TEST(test_event_tail__a_failed_document_leaves_nothing)
{
    char *json = document(PLAIN, 1);

    fails_and_goes_on(json, 31);
    free(json);
}

CRM_TEST(test_event_tail__a_failed_large_document_leaves_nothing)
{
    char *json = document(LARGE, 0);

    fails_and_goes_on(json, 97);
    free(json);
}

/* A customer whose making failed has no events. */
CRM_TEST(test_event_tail__a_failed_customer_gets_no_event)
{
    stingy s = {INT64_MAX, 0};
    crm_db *db = open_with(&s);
    char *json = document(PLAIN, 0);
    crm_txn *txn;
    crm_id id;
    int failed = 0;

    OK(crm_txn_begin(db, CRM_WRITE, NULL, &txn, NULL));
    OK(crm_customer_create_json(txn, json, CRM_NUL, &id, NULL)); /* reads the model, too */
    OK(crm_txn_abort(txn));
    for (int64_t left = 0;; left++) {
        int rc;
        OK(crm_txn_begin(db, CRM_WRITE, NULL, &txn, NULL));
        s.left = left;
        rc = crm_customer_create_json(txn, json, CRM_NUL, &id, NULL);
        s.left = INT64_MAX;
        failed += rc == CRM_ENOMEM;
        if (rc == CRM_ENOMEM)
            ck_assert_int_eq(
                crm_event_add_json(txn, 2, "{\"kind\":\"visit\"}", CRM_NUL, NULL, NULL),
                CRM_ENOTFOUND);
        OK(crm_txn_abort(txn));
        if (rc != CRM_ENOMEM)
            break;
    }
    ck_assert_int_gt(failed, 5);
    free(json);
    crm_db_close(db);
}
