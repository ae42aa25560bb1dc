/* SPDX-License-Identifier: MIT
 * The tail shows no difference from the engine that it wraps: the same random calls reach an engine
 * with it and one without, and every answer is the same.
 */
#include "kv/kv_tail.h"

#include "base/bytes.h"
#include "crmtest.h"
#include "ok.h"

#include <crm/error.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { WITH, WITHOUT, SIDES, ROOM = 2600 };
static const kv_space GROWING[] = {KV_JOURNAL, KV_IMAGE};

typedef struct sides {
    kv_env *env[SIDES];
    kv_txn *txn[SIDES];
    uint64_t seed, last; /* of the keys put at the end */
} sides;

static kv_env *open_one(const char *name, int tail)
{
    kv_options o = {.create = 1, .map_bytes = 64 << 20};
    crm_error err = CRM_ERROR_INIT;
    char dir[4096];
    kv_env *env;

    snprintf(dir, sizeof dir, "%s/%s", crmtest_dir(), name);
    ck_assert_int_eq(mkdir(dir, 0700), 0);
    ck_assert_msg((tail ? crm__kv_open : crm__kv_lmdb_open)(dir, &o, &env, &err) == CRM_OK, "%s",
                  err.message);
    return env;
}

static void begin(sides *s, int write)
{
    for (int i = 0; i < SIDES; i++)
        OK(s->env[i]->ops->begin(s->env[i], write, &s->txn[i], NULL));
}

static void end(sides *s, int commit)
{
    for (int i = 0; i < SIDES; i++) {
        if (commit)
            OK(s->txn[i]->ops->commit(s->txn[i], NULL));
        else
            s->txn[i]->ops->abort(s->txn[i]);
    }
}

static void open_both(sides *s, uint64_t seed)
{
    memset(s, 0, sizeof *s);
    s->seed = seed;
    s->env[WITH] = open_one("with", 1);
    s->env[WITHOUT] = open_one("without", 0);
}

static void close_both(sides *s)
{
    for (int i = 0; i < SIDES; i++)
        s->env[i]->ops->close(s->env[i]);
}

static crm__slice slice(const void *p, size_t n)
{
    crm__slice s = {p, n};

    return s;
}

/* A key of the kind of the journal's or the image's, at most a little behind the last. */
static crm__slice some_key(sides *s, kv_space space, uint8_t out[16])
{
    uint64_t back = crmtest_below(&s->seed, 4) ? crmtest_below(&s->seed, 30)
                                               : crmtest_below(&s->seed, s->last + 2);

    crm__put_be64(out, s->last + 2 > back ? s->last + 2 - back : 0);
    crm__put_be64(out + 8, crmtest_below(&s->seed, 3));
    return slice(out, space == KV_IMAGE ? 16 : 8);
}

static void same(int rc[SIDES], crm__slice k[SIDES], crm__slice v[SIDES])
{
    if (rc[WITH] != rc[WITHOUT])
        ck_abort_msg("results %d and %d", rc[WITH], rc[WITHOUT]);
    if (rc[WITH])
        return;
    if (k && crm__slice_compare(k[WITH], k[WITHOUT]) != 0)
        ck_abort_msg("other keys");
    if (crm__slice_compare(v[WITH], v[WITHOUT]) != 0)
        ck_abort_msg("other values");
}

static void write_some(sides *s)
{
    static uint8_t value[ROOM];
    kv_space space = GROWING[crmtest_below(&s->seed, 2)];
    uint8_t key[16];
    crm__slice k = some_key(s, space, key), v, none[SIDES];
    int rc[SIDES];

    v = slice(value, crmtest_below(&s->seed, crmtest_below(&s->seed, 20) ? 150 : ROOM));
    for (size_t i = 0; i < v.n; i++)
        value[i] = (uint8_t)crmtest_below(&s->seed, 256);
    memset(none, 0, sizeof none);
    switch (crmtest_below(&s->seed, 10)) {
    case 0:
        for (int i = 0; i < SIDES; i++)
            rc[i] = s->txn[i]->ops->del(s->txn[i], space, k);
        break;
    case 1:
    case 2:
        for (int i = 0; i < SIDES; i++)
            rc[i] = s->txn[i]->ops->put(s->txn[i], space, k, v, 0);
        s->last = s->last > crm__get_be64(key) ? s->last : crm__get_be64(key);
        break;
    default:
        crm__put_be64(key, ++s->last);
        for (int i = 0; i < SIDES; i++)
            rc[i] = s->txn[i]->ops->put(s->txn[i], space, k, v, KV_APPEND);
    }
    same(rc, NULL, none);
}

static void read_some(sides *s)
{
    static const kv_seek HOW[] = {KV_FIRST, KV_LAST, KV_GE, KV_LE, KV_EXACT};
    kv_space space = GROWING[crmtest_below(&s->seed, 2)];
    kv_seek how = HOW[crmtest_below(&s->seed, 5)];
    uint8_t key[16];
    crm__slice at = some_key(s, space, key), k[SIDES], v[SIDES];
    kv_cursor *c[SIDES];
    int rc[SIDES], moves = (int)crmtest_below(&s->seed, 40), back = 0;

    for (int i = 0; i < SIDES; i++)
        rc[i] = s->txn[i]->ops->get(s->txn[i], space, at, &v[i]);
    same(rc, NULL, v);
    for (int i = 0; i < SIDES; i++) {
        OK(s->txn[i]->ops->cursor(s->txn[i], space, &c[i]));
        rc[i] = c[i]->ops->seek(c[i], how, at, &k[i], &v[i]);
    }
    same(rc, k, v);
    for (; moves && !rc[WITH]; moves--) {
        if (!crmtest_below(&s->seed, 6))
            back = !back;
        for (int i = 0; i < SIDES; i++)
            rc[i] =
                back ? c[i]->ops->prev(c[i], &k[i], &v[i]) : c[i]->ops->next(c[i], &k[i], &v[i]);
        same(rc, k, v);
    }
    for (int i = 0; i < SIDES; i++)
        c[i]->ops->cursor_close(c[i]);
}

/* All rows of both spaces from either end, and how many there are said to be. */
static void all_same(sides *s)
{
    for (int n = 0; n < 4; n++) {
        kv_space space = GROWING[n / 2];
        crm__slice k[SIDES], v[SIDES];
        kv_cursor *c[SIDES];
        int rc[SIDES];
        uint64_t rows = 0;
        kv_stat st;
        for (int i = 0; i < SIDES; i++) {
            OK(s->txn[i]->ops->cursor(s->txn[i], space, &c[i]));
            rc[i] = c[i]->ops->seek(c[i], n % 2 ? KV_LAST : KV_FIRST, slice(NULL, 0), &k[i], &v[i]);
        }
        same(rc, k, v);
        for (; !rc[WITH]; rows++) {
            for (int i = 0; i < SIDES; i++)
                rc[i] = n % 2 ? c[i]->ops->prev(c[i], &k[i], &v[i])
                              : c[i]->ops->next(c[i], &k[i], &v[i]);
            same(rc, k, v);
        }
        ck_assert_int_eq(rc[WITH], CRM_ENOTFOUND);
        for (int i = 0; i < SIDES; i++) {
            c[i]->ops->cursor_close(c[i]);
            OK(s->txn[i]->ops->stat(s->txn[i], space, &st));
            ck_assert_uint_eq(st.entries, rows);
        }
    }
}

/* One page, and behind it nothing of its own tree. */
static uint64_t tail_is_sound(kv_txn *txn)
{
    kv_txn *in = crm__kv_tail_inner_txn(txn);
    crm__slice k, v, last, unused;
    kv_cursor *c, *own;
    kv_stat st;
    int rc;

    OK(in->ops->stat(in, KV_TAIL, &st));
    ck_assert_uint_eq(st.bytes, st.entries ? 4096 : 0);
    OK(in->ops->cursor(in, KV_TAIL, &c));
    for (rc = c->ops->seek(c, KV_FIRST, slice(NULL, 0), &k, &v); !rc;
         rc = c->ops->next(c, &k, &v)) {
        ck_assert(k.p[0] == KV_JOURNAL || k.p[0] == KV_IMAGE);
        OK(in->ops->cursor(in, (kv_space)k.p[0], &own));
        if (!own->ops->seek(own, KV_LAST, slice(NULL, 0), &last, &unused))
            ck_assert_int_lt(memcmp(last.p, k.p + 1, last.n < k.n - 1 ? last.n : k.n - 1), 0);
        own->ops->cursor_close(own);
    }
    c->ops->cursor_close(c);
    return st.entries;
}

CRM_TEST(test_kv_tail__shows_no_difference)
{
    uint64_t seed = crmtest_seed();
    int rounds = (int)crmtest_rounds(300, 5000), used = 0;
    sides s;

    open_both(&s, seed);
    for (int i = 0; i < rounds; i++) {
        /* Mostly small, as single changes are; some are larger than a page. */
        uint32_t writes = (uint32_t)crmtest_below(&s.seed, crmtest_below(&s.seed, 8) ? 6 : 120);
        uint64_t last = s.last;
        int commit = crmtest_below(&s.seed, 10) != 0;
        begin(&s, 1);
        while (writes--) {
            write_some(&s);
            if (!crmtest_below(&s.seed, 10))
                read_some(&s);
        }
        if (!crmtest_below(&s.seed, 60)) {
            kv_space space = GROWING[crmtest_below(&s.seed, 2)];
            for (int k = 0; k < SIDES; k++)
                OK(s.txn[k]->ops->clear(s.txn[k], space));
        }
        tail_is_sound(s.txn[WITH]);
        end(&s, commit);
        s.last = commit ? s.last : last;
        begin(&s, 0);
        read_some(&s);
        if (i % 16 == 0)
            all_same(&s);
        used += tail_is_sound(s.txn[WITH]) > 1;
        end(&s, 0);
    }
    begin(&s, 0);
    all_same(&s);
    end(&s, 0);
    close_both(&s);
    ck_assert_int_gt(used, rounds / 3);
}

/* What the tail is for. */
CRM_TEST(test_kv_tail__a_small_commit_writes_the_trees_of_the_spaces_seldom)
{
    kv_env *env = open_one("few", 1);
    kv_txn *txn, *in;
    kv_stat st;
    uint8_t key[16], value[90] = {0};
    uint64_t before = 0;
    int moved = 0;

    for (uint64_t i = 1; i <= 200; i++) {
        OK(env->ops->begin(env, 1, &txn, NULL));
        crm__put_be64(key, i);
        crm__put_be64(key + 8, 7);
        OK(txn->ops->put(txn, KV_JOURNAL, slice(key, 8), slice(value, sizeof value), KV_APPEND));
        OK(txn->ops->put(txn, KV_IMAGE, slice(key, 16), slice(value, sizeof value), KV_APPEND));
        in = crm__kv_tail_inner_txn(txn);
        OK(in->ops->stat(in, KV_JOURNAL, &st));
        moved += st.entries != before;
        before = st.entries;
        OK(txn->ops->commit(txn, NULL));
    }
    ck_assert_int_gt(moved, 5);
    ck_assert_int_lt(moved, 15);
    env->ops->close(env);
}

/* Adds a row, in which the n-th inner call fails. */
static int add_with_fault(kv_env *env, kv_fault_plan *plan, const uint8_t key[8], uint64_t n)
{
    static const uint8_t value[200] = {1};
    kv_txn *txn;
    int rc;

    OK(env->ops->begin(env, 1, &txn, NULL));
    plan->after = plan->count + n;
    rc = txn->ops->put(txn, KV_JOURNAL, slice(key, 8), slice(value, sizeof value), KV_APPEND);
    plan->after = 0;
    if (rc)
        txn->ops->abort(txn);
    else
        OK(txn->ops->commit(txn, NULL));
    return rc;
}

CRM_TEST(test_kv_tail__a_fault_in_any_inner_call_changes_nothing)
{
    kv_fault_plan plan = {KV_CALL_ANY & ~(KV_CALL_BEGIN | KV_CALL_COMMIT), 0, CRM_EIO, 0, 0, 0};
    kv_env *env, *faulty;
    uint64_t most = 0;
    uint8_t key[8];

    OK(crm__kv_fault_wrap(open_one("fault", 0), &plan, &faulty));
    OK(crm__kv_tail_wrap(faulty, &env));
    for (uint64_t i = 1; i <= 40; i++) {
        uint64_t n = 1;
        kv_txn *txn;
        crm__slice v;
        kv_stat st;
        int rc;
        crm__put_be64(key, i);
        do {
            rc = add_with_fault(env, &plan, key, n++);
            ck_assert(!rc || rc == CRM_EIO);
            OK(env->ops->begin(env, 0, &txn, NULL));
            ck_assert_int_eq(txn->ops->get(txn, KV_JOURNAL, slice(key, 8), &v),
                             rc ? CRM_ENOTFOUND : CRM_OK);
            OK(txn->ops->stat(txn, KV_JOURNAL, &st));
            ck_assert_uint_eq(st.entries, rc ? i - 1 : i);
            txn->ops->abort(txn);
        } while (rc);
        most = most > n ? most : n;
    }
    ck_assert_uint_gt(most, 30); /* of a row with which the tail was emptied */
    env->ops->close(env);
}
