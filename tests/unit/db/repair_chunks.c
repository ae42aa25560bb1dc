/* SPDX-License-Identifier: MIT
 * Repair where customers stand in two chunks: rows lost at the end of the first, which it adds behind all
 * that it met there, are not taken for rows of the second.
 */
#include "crmtest.h"
#include "db/txn.h"

#include <crm/crm.h>
#include <stdio.h>
#include <string.h>

#define OK(call) ck_assert_int_eq(call, CRM_OK)

enum { BORDER = 1 << CRM__CHUNK_SHIFT, BEHIND = 40, ROWS = 400, AT_ONCE = 12 };

static const char MODEL[] = "crm: 1\n"
                            "fields:\n"
                            "  city: {type: text, index: [values, sort, contains]}\n"
                            "  score: {type: integer}\n"
                            "events:\n"
                            "  visit: {attributes: {score: {type: integer, fast: true}}}\n";

typedef struct row {
    uint8_t key[64];
    size_t n;
} row;

static row rows[ROWS];

static crm_db *open_db(void)
{
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    crm_error err = CRM_ERROR_INIT;
    crm_db *db = NULL;
    int rc;

    o.model = MODEL;
    rc = crm_db_open(crmtest_path("db"), &o, &db, &err);
    ck_assert_msg(rc == CRM_OK, "%s", err.message);
    return db;
}

/* Customers around the border have values and events, the others nothing. */
static void make(void)
{
    crm_db *db = open_db();
    crm_txn *txn;
    char json[200];
    crm_id id;

    OK(crm_txn_begin(db, CRM_WRITE, NULL, &txn, NULL));
    for (int i = 1; i < BORDER + BEHIND; i++) {
        strcpy(json, "{}");
        if (i > BORDER - BEHIND)
            snprintf(json, sizeof json, "{\"city\":\"Town %d\",\"score\":%d}", i % 17, i % 9);
        OK(crm_customer_create_json(txn, json, CRM_NUL, &id, NULL));
        for (int k = 0; i > BORDER - BEHIND && k < 4; k++) {
            snprintf(json, sizeof json,
                     "{\"kind\":\"visit\",\"time\":\"2026-0%d-%02dT10:00:00Z\",\"score\":%d}",
                     1 + k, 1 + i % 28, k);
            OK(crm_event_add_json(txn, id, json, CRM_NUL, NULL, NULL));
        }
    }
    OK(crm_txn_commit(txn, NULL));
    crm_db_close(db);
}

/* The last rows of a chunk in a space, the last one first. */
static size_t last_rows(crm_txn *txn, kv_space space, uint32_t chunk)
{
    uint8_t end[4];
    crm__slice k, v;
    size_t n = 0;
    int rc;
    kv_cursor *c = crm__txn_cursor(txn, space, &rc);

    crm__put_be32(end, chunk + 1);
    for (rc = c->ops->seek(c, KV_LE, crm__slice_of(end, 4), &k, &v);
         !rc && n < ROWS && crm__get_be32(k.p) == chunk; rc = c->ops->prev(c, &k, &v)) {
        ck_assert_uint_le(k.n, sizeof rows[n].key);
        memcpy(rows[n].key, k.p, rows[n].n = k.n);
        n++;
    }
    return n;
}

static int check(uint32_t flags)
{
    crm_check_options o = CRM_CHECK_OPTIONS_INIT;
    crm_check_result r;

    o.flags = flags;
    o.actor = "li.na";
    return crm_check(crmtest_path("db"), &o, sizeof r, &r, NULL);
}

/* Loses the last rows of a chunk, or some among them. */
static void lose(kv_space space, uint32_t chunk, size_t most, uint64_t *seed)
{
    crm_db *db = open_db();
    crm_txn *txn;
    size_t n;

    OK(crm_txn_begin(db, CRM_WRITE, NULL, &txn, NULL));
    n = last_rows(txn, space, chunk);
    ck_assert_uint_gt(n, 0);
    for (size_t i = 0; i < n && i < most; i++) {
        if (i == 0 || crmtest_below(seed, 2))
            OK(txn->kv->ops->del(txn->kv, space, crm__slice_of(rows[i].key, rows[i].n)));
    }
    txn->state.changed = 1;
    OK(crm_txn_commit(txn, NULL));
    crm_db_close(db);
}

CRM_TEST(test_db_repair_chunks__rows_at_the_end_of_one)
{
    static const kv_space SPACES[] = {KV_BITS, KV_DAY, KV_COLUMN};
    uint64_t seed = crmtest_seed();

    make();
    OK(check(0));
    for (int i = 0; i < 12; i++) {
        lose(SPACES[i % 3], (uint32_t)(i / 3 % 2), i < 6 ? 1 : AT_ONCE, &seed);
        ck_assert_int_eq(check(0), CRM_ECORRUPT);
        ck_assert_msg(check(CRM_CHECK_REPAIR) == CRM_OK, "round %d (seed %llu)", i,
                      (unsigned long long)crmtest_seed());
        OK(check(0));
    }
}
