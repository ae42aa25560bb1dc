/* SPDX-License-Identifier: MIT
 * Identity rows in their blocks against a plain list of them: rows put and taken in any order, walks
 * and searches, and how blocks stand.
 */
#include "crmtest.h"
#include "engine.h"
#include "db/edits.h"
#include "db/identity.h"

#include <crm/codes.h>
#include <stdlib.h>

enum { FIELDS = 4, MOST = 6000 };

static const uint8_t TAG_KEY[CRM__HASH_KEY] = {4, 5, 6};

typedef struct whole {
    uint8_t byte[CRM__KEY_IDENTITY]; /* field, token, id */
} whole;

typedef struct list {
    whole row[MOST];
    uint32_t n;
} list;

static uint32_t lower(const list *t, const whole *row)
{
    uint32_t i = 0;

    while (i < t->n && memcmp(&t->row[i], row, sizeof *row) < 0)
        i++;
    return i;
}

static whole any_row(uint64_t *seed, int few)
{
    whole r;
    uint8_t *token = r.byte + 2;

    crm__put_be16(r.byte, (uint16_t)(1 + crmtest_below(seed, FIELDS)));
    for (int i = 0; i < CRM__TOKEN_SIZE; i++)
        token[i] = (uint8_t)crmtest_rand(seed);
    if (few) /* values that many share, and such that differ in the last byte only */
        memset(token, (int)crmtest_below(seed, 2), CRM__TOKEN_SIZE - crmtest_below(seed, 2));
    crm__put_be64(token + CRM__TOKEN_SIZE, 1 + crmtest_below(seed, few ? 3000 : 300));
    return r;
}

static const crm__id_row *part(const whole *r)
{
    return (const crm__id_row *)(const void *)(r->byte + 2);
}

/* Some rows, some of them there, most of them in ascending order as a commit brings them. */
static void change(uint64_t *seed, crm__id_edit *e, list *t)
{
    uint64_t steps = crmtest_below(seed, 400), takes = t->n < 300 ? 0 : crmtest_below(seed, 4);
    int few = crmtest_below(seed, 2) == 0;
    uint32_t next = 0;

    while (steps-- > 0) {
        int on = crmtest_below(seed, 4) >= takes;
        whole r = any_row(seed, few);
        uint32_t at;
        uint8_t was;
        if (t->n && crmtest_below(seed, 2)) {
            next = crmtest_below(seed, 8) ? next + 1 : (uint32_t)crmtest_below(seed, t->n);
            r = t->row[next % t->n];
        }
        at = lower(t, &r);
        ck_assert_int_eq(crm__id_edit_set(e, crm__get_be16(r.byte), part(&r), on, &was), CRM_OK);
        ck_assert_int_eq(was, at < t->n && memcmp(&t->row[at], &r, sizeof r) == 0);
        if (on && !was && t->n < MOST) {
            memmove(&t->row[at + 1], &t->row[at], (t->n++ - at) * sizeof r);
            t->row[at] = r;
        } else if (on && !was) {
            ck_assert_int_eq(crm__id_edit_set(e, crm__get_be16(r.byte), part(&r), 0, &was), CRM_OK);
        } else if (!on && was) {
            memmove(&t->row[at], &t->row[at + 1], (--t->n - at) * sizeof r);
        }
        if (crmtest_below(seed, 4) == 0) {
            crm__id_row found;
            int rc;
            r = any_row(seed, few);
            at = lower(t, &r);
            rc = crm__id_edit_from(e, crm__get_be16(r.byte), part(&r), &found);
            if (at == t->n || memcmp(t->row[at].byte, r.byte, 2) != 0)
                ck_assert_int_eq(rc, CRM_ENOTFOUND);
            else
                ck_assert(!rc && crm__id_row_order(&found, part(&t->row[at])) == 0);
        }
    }
}

static void compare_walks(uint64_t *seed, kv_txn *txn, const list *t)
{
    crm__id_walk w = {.tag_key = TAG_KEY};

    ck_assert_int_eq(txn->ops->cursor(txn, KV_IDENTITY, &w.cursor), CRM_OK);
    for (int round = 0; round < 40; round++) {
        whole r = any_row(seed, round % 2);
        uint32_t at = round ? lower(t, &r) : 0;
        int rc;
        if (!round)
            memset(&r, 0, sizeof r);
        rc = crm__id_seek(&w, crm__get_be16(r.byte), part(&r));
        for (uint32_t steps = round ? 60 : MOST; !rc && at < t->n && steps; steps--, at++) {
            ck_assert_uint_eq(w.field, crm__get_be16(t->row[at].byte));
            ck_assert(crm__id_row_order(&w.row, part(&t->row[at])) == 0);
            rc = crm__id_next(&w);
        }
        ck_assert_int_eq(rc, at < t->n ? CRM_OK : CRM_ENOTFOUND);
    }
    txn->ops->cursor_close(w.cursor);
}

/* Each row at or behind the key of its block and before the next key. */
static void compare_blocks(kv_txn *txn, const list *t)
{
    crm__slice k, v;
    kv_cursor *c;
    uint32_t at = 0;
    int rc;

    ck_assert_int_eq(txn->ops->cursor(txn, KV_IDENTITY, &c), CRM_OK);
    for (rc = c->ops->seek(c, KV_FIRST, crm__slice_of(NULL, 0), &k, &v); !rc;
         rc = c->ops->next(c, &k, &v)) {
        crm__ids b;
        uint32_t field;
        ck_assert_int_eq(crm__id_block(TAG_KEY, k, v, &field, &b), CRM_OK);
        ck_assert(crm__ids_sound(&b) && v.n <= CRM__IDS_MOST + CRM__TAG_SIZE);
        if (at)
            ck_assert_int_lt(
                crm__slice_compare(crm__slice_of(t->row[at - 1].byte, sizeof(whole)), k), 0);
        ck_assert_uint_le(at + b.count, t->n);
        ck_assert_int_le(crm__slice_compare(k, crm__slice_of(t->row[at].byte, sizeof(whole))), 0);
        at += b.count;
    }
    ck_assert_int_eq(rc, CRM_ENOTFOUND);
    ck_assert_uint_eq(at, t->n);
    txn->ops->cursor_close(c);
}

CRM_TEST(test_db_identity__random)
{
    uint64_t seed = crmtest_seed();
    crm_error err = CRM_ERROR_INIT;
    list *t = calloc(1, sizeof *t);
    kv_env *env = open_engine();
    crm__id_edit e;
    kv_txn *txn;
    uint32_t most = 0;

    ck_assert_ptr_nonnull(t);
    for (size_t rounds = crmtest_rounds(60, 600); rounds > 0; rounds--) {
        ck_assert_int_eq(env->ops->begin(env, 1, &txn, &err), CRM_OK);
        crm__id_edit_init(&e, NULL, txn, TAG_KEY);
        change(&seed, &e, t);
        ck_assert_int_eq(crm__id_edit_flush(&e), CRM_OK);
        crm__id_edit_clear(&e);
        compare_walks(&seed, txn, t);
        ck_assert_int_eq(txn->ops->commit(txn, &err), CRM_OK);
        ck_assert_int_eq(env->ops->begin(env, 0, &txn, &err), CRM_OK);
        compare_blocks(txn, t);
        compare_walks(&seed, txn, t);
        txn->ops->abort(txn);
        most = t->n > most ? t->n : most;
    }
    ck_assert_uint_gt(most, 100); /* some blocks */
    env->ops->close(env);
    free(t);
}

static void put_block(kv_txn *txn, crm__slice key, const crm__id_row *rows, uint32_t n)
{
    uint8_t bytes[400] = {CRM__IDS_FORMAT, 0, 8};
    size_t at = CRM__IDS_HEAD;

    for (uint32_t i = 0; i < n; i++, at += CRM__ID_ROW)
        memcpy(bytes + at, rows[i].byte, CRM__ID_ROW);
    ck_assert_int_eq(crm__edits_write(txn, TAG_KEY, KV_IDENTITY, key, bytes, at, 0), CRM_OK);
}

/* Blocks whose tags are right and whose rows are out of order: a search for a row behind another ends. */
CRM_TEST(test_db_identity__rows_out_of_order)
{
    static const uint8_t a[CRM__TOKEN_SIZE] = {5, 6}, t[CRM__TOKEN_SIZE] = {5, 7};
    crm__id_row first[] = {crm__id_row_of(a, 1), crm__id_row_of(a, 2)};
    crm__id_row second = crm__id_row_of(t, 3), row = crm__id_row_of(t, UINT64_C(1) << 41), found;
    crm__id_row behind = crm__id_row_of(t, UINT64_C(1) << 40);
    uint8_t key[CRM__KEY_IDENTITY];
    crm_error err = CRM_ERROR_INIT;
    kv_env *env = open_engine();
    crm__id_edit e;
    kv_txn *txn;
    int rc = CRM_OK;

    ck_assert_int_eq(env->ops->begin(env, 1, &txn, &err), CRM_OK);
    crm__id_row_key(key, 5, &behind);
    put_block(txn, crm__slice_of(key, 2), first, 2);
    put_block(txn, crm__slice_of(key, sizeof key), &second, 1);
    crm__id_edit_init(&e, NULL, txn, TAG_KEY);
    for (uint64_t id = 0, n = 0; n < 100; n++, id = crm__id_row_id(&found) + 1) {
        row = crm__id_row_of(t, id);
        rc = crm__id_edit_from(&e, 5, &row, &found);
        if (rc)
            break;
        ck_assert(crm__id_row_order(&found, &row) >= 0);
    }
    ck_assert_int_eq(rc, CRM_ECORRUPT);
    crm__id_edit_clear(&e);
    txn->ops->abort(txn);
    env->ops->close(env);
}

/* One that can't be read is told, and is not written over. */
CRM_TEST(test_db_identity__damaged_block)
{
    static const uint8_t token[CRM__TOKEN_SIZE] = {1};
    crm__id_row row = crm__id_row_of(token, 1), found;
    crm_error err = CRM_ERROR_INIT;
    kv_env *env = open_engine();
    crm__id_walk w = {.tag_key = TAG_KEY};
    crm__id_edit e;
    kv_txn *txn;
    uint8_t was, key[2] = {0, 1};

    ck_assert_int_eq(env->ops->begin(env, 1, &txn, &err), CRM_OK);
    ck_assert_int_eq(txn->ops->put(txn, KV_IDENTITY, crm__slice_of(key, 2),
                                   crm__slice_of("not a block at all", 18), 0),
                     CRM_OK);
    crm__id_edit_init(&e, NULL, txn, TAG_KEY);
    ck_assert_int_eq(crm__id_edit_set(&e, 1, &row, 1, &was), CRM_ECORRUPT);
    ck_assert_int_eq(crm__id_edit_from(&e, 1, &row, &found), CRM_ECORRUPT);
    ck_assert_int_eq(crm__id_edit_set(&e, 2, &row, 1, &was), CRM_OK); /* of another field */
    ck_assert_int_eq(crm__id_edit_flush(&e), CRM_OK);
    crm__id_edit_clear(&e);
    ck_assert_int_eq(txn->ops->cursor(txn, KV_IDENTITY, &w.cursor), CRM_OK);
    ck_assert_int_eq(crm__id_seek(&w, 1, &row), CRM_ECORRUPT);
    ck_assert_int_eq(crm__id_seek(&w, 2, &row), CRM_OK);
    txn->ops->cursor_close(w.cursor);
    ck_assert_int_eq(txn->ops->commit(txn, &err), CRM_OK);
    env->ops->close(env);
}
