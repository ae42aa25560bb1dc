/* SPDX-License-Identifier: MIT
 * Ordered scans through the edits against a plain table: rows stored, put over, deleted, rolled
 * back and handed to the engine, in the middle of a scan too.
 */
#include "crmtest.h"
#include "db/scan.h"

#include <crm/crm.h>
#include <stdlib.h>
#include <string.h>

#define OK(call) ck_assert_int_eq(call, CRM_OK)

enum { KEYS = 300, VALUE = 40 };

/* Rows of the member space, which nothing else of this test writes; the keys are of several lengths
 * and some are beginnings of others. */
typedef struct table {
    int there[KEYS];
    uint8_t n[KEYS], value[KEYS][VALUE];
} table;

static crm__slice key_of(int i, uint8_t room[8])
{
    memset(room, 0, 8);
    room[0] = 'k';
    room[1] = (uint8_t)(i / 50);
    room[2] = (uint8_t)(i / 5 % 10);
    return crm__slice_of(room, (size_t)(3 + i % 5));
}

static void change(uint64_t *seed, crm_txn *txn, table *t)
{
    int i = (int)crmtest_below(seed, KEYS);
    uint8_t room[8];

    if (crmtest_below(seed, 3)) {
        t->there[i] = 1;
        t->n[i] = (uint8_t)crmtest_below(seed, VALUE);
        for (int k = 0; k < t->n[i]; k++)
            t->value[i][k] = (uint8_t)crmtest_rand(seed);
        OK(crm__edits_put(&txn->edits, KV_MEMBER, key_of(i, room),
                          crm__slice_of(t->value[i], t->n[i]), 0));
    } else {
        t->there[i] = 0;
        OK(crm__edits_del(&txn->edits, KV_MEMBER, key_of(i, room)));
    }
}

/* The nearest row of the table from i on; -1: none. */
static int near(const table *t, int i, int back)
{
    for (; i >= 0 && i < KEYS; i += back ? -1 : 1) {
        if (t->there[i])
            return i;
    }
    return -1;
}

static void same(const table *t, int i, int rc, crm__slice k, crm__slice v)
{
    uint8_t room[8];
    crm__slice want = key_of(i < 0 ? 0 : i, room);

    if (i < 0) {
        ck_assert_int_eq(rc, CRM_ENOTFOUND);
        return;
    }
    ck_assert_int_eq(rc, CRM_OK);
    ck_assert(k.n == want.n && memcmp(k.p, want.p, k.n) == 0);
    ck_assert(v.n == t->n[i] && memcmp(v.p, t->value[i], v.n) == 0);
}

/* Some steps either way from a random place; with `writing` the rows change under the scan. */
static void walk(uint64_t *seed, crm_txn *txn, table *t, int writing)
{
    int at = (int)crmtest_below(seed, KEYS), back = (int)crmtest_below(seed, 2), rc;
    crm__slice k, v;
    crm__scan s;
    uint8_t room[8];

    crm__scan_open(txn, KV_MEMBER, &s);
    rc = crm__scan_seek(&s, back ? KV_LE : KV_GE, key_of(at, room), &k, &v);
    at = near(t, at, back);
    same(t, at, rc, k, v);
    for (int i = 0; i < 200 && at >= 0; i++) {
        if (crmtest_below(seed, 30) == 0)
            back = !back;
        if (writing && crmtest_below(seed, 5) == 0)
            change(seed, txn, t);
        if (writing && crmtest_below(seed, 60) == 0 && !txn->save_count)
            OK(crm__txn_flush(txn, NULL));
        rc = back ? crm__scan_prev(&s, &k, &v) : crm__scan_next(&s, &k, &v);
        at = near(t, back ? at - 1 : at + 1, back);
        same(t, at, rc, k, v);
    }
    crm__scan_close(&s);
}

static void walk_all(crm_txn *txn, const table *t)
{
    for (int back = 0; back < 2; back++) {
        int at = near(t, back ? KEYS - 1 : 0, back);
        crm__slice k, v;
        crm__scan s;
        int rc;
        crm__scan_open(txn, KV_MEMBER, &s);
        rc = crm__scan_seek(&s, back ? KV_LE : KV_GE, crm__slice_of(back ? "\xff" : "\0", 1), &k,
                            &v);
        for (;;) {
            same(t, at, rc, k, v);
            if (at < 0)
                break;
            rc = back ? crm__scan_prev(&s, &k, &v) : crm__scan_next(&s, &k, &v);
            at = near(t, back ? at - 1 : at + 1, back);
        }
        crm__scan_close(&s);
    }
}

CRM_TEST(test_db_scan__against_a_table)
{
    uint64_t seed = crmtest_seed();
    table *t = calloc(1, sizeof *t), *mark = calloc(1, sizeof *t);
    crm_savepoint save;
    crm_txn *txn;
    crm_db *db;

    OK(crm_db_open(crmtest_path("db"), NULL, &db, NULL));
    for (size_t round = 0; round < crmtest_rounds(8, 200); round++) {
        OK(crm_txn_begin(db, CRM_WRITE, NULL, &txn, NULL));
        for (int i = 0; i < 60; i++) {
            for (int n = (int)crmtest_below(&seed, 8); n > 0; n--)
                change(&seed, txn, t);
            if (crmtest_below(&seed, 4) == 0) {
                OK(crm_txn_savepoint(txn, &save, NULL));
                *mark = *t;
                for (int n = 0; n < 20; n++)
                    change(&seed, txn, t);
                walk(&seed, txn, t, 1);
                OK(crm_txn_rollback(txn, save, NULL));
                OK(crm_txn_release(txn, save, NULL));
                *t = *mark;
            }
            walk(&seed, txn, t, (int)crmtest_below(&seed, 2));
        }
        walk_all(txn, t);
        txn->state.changed = 1; /* as a journalled change does */
        OK(crm_txn_commit(txn, NULL));
        OK(crm_txn_begin(db, CRM_READ, NULL, &txn, NULL));
        walk_all(txn, t);
        for (int i = 0; i < 10; i++)
            walk(&seed, txn, t, 0);
        OK(crm_txn_abort(txn));
    }
    crm_db_close(db);
    free(t);
    free(mark);
}
