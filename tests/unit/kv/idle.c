/* SPDX-License-Identifier: MIT
 * Read transactions that ended are kept for the next ones: nobody must notice.
 */
#include "kv/kv.h"

#include "base/bytes.h"
#include "crmtest.h"
#include "ok.h"

#include <crm/error.h>

#include <pthread.h>
#include <string.h>

enum { AT_ONCE = 40, FEW = 64, ROUNDS = 400, THREADS = 4 };

static kv_env *open_env(uint32_t readers)
{
    kv_options o = {.create = 1, .map_bytes = 64 << 20, .max_readers = readers};
    crm_error err = CRM_ERROR_INIT;
    kv_env *env;

    ck_assert_msg(crm__kv_lmdb_open(crmtest_dir(), &o, &env, &err) == CRM_OK, "%s", err.message);
    return env;
}

static kv_txn *begin(kv_env *env, int write)
{
    kv_txn *txn;

    OK(env->ops->begin(env, write, &txn, NULL));
    return txn;
}

static crm__slice key(void)
{
    crm__slice k = {(const uint8_t *)"n", 1};

    return k;
}

/* One number, in two spaces. */
static void put_number(kv_env *env, uint64_t n)
{
    kv_txn *txn = begin(env, 1);
    uint8_t bytes[8];
    crm__slice v = {bytes, sizeof bytes};

    crm__put_be64(bytes, n);
    OK(txn->ops->put(txn, KV_META, key(), v, 0));
    OK(txn->ops->put(txn, KV_DICT, key(), v, 0));
    OK(txn->ops->commit(txn, NULL));
}

static uint64_t number_in(kv_txn *txn, kv_space space)
{
    crm__slice v;

    OK(txn->ops->get(txn, space, key(), &v));
    return crm__get_be64(v.p);
}

CRM_TEST(test_kv_idle__a_begin_sees_the_newest_commit_and_the_snapshot_stays)
{
    kv_env *env = open_env(0);
    kv_txn *txn, *old;

    put_number(env, 0);
    for (uint64_t i = 1; i < 60; i++) {
        old = begin(env, 0);
        ck_assert_uint_eq(number_in(old, KV_META), i - 1);
        put_number(env, i);
        txn = begin(env, 0);
        ck_assert_uint_eq(number_in(txn, KV_DICT), i);
        ck_assert_uint_eq(number_in(old, KV_DICT), i - 1);
        old->ops->abort(old);
        ck_assert_uint_eq(number_in(txn, KV_META), i);
        txn->ops->abort(txn);
    }
    env->ops->close(env);
}

CRM_TEST(test_kv_idle__kept_transactions_are_no_readers)
{
    kv_env *env = open_env(0);
    kv_txn *txn[AT_ONCE];
    kv_info info;

    put_number(env, 1);
    for (int i = 0; i < AT_ONCE; i++)
        txn[i] = begin(env, 0);
    OK(env->ops->info(env, &info));
    ck_assert_uint_eq(info.readers, AT_ONCE);
    for (int i = 0; i < AT_ONCE; i++)
        txn[i]->ops->abort(txn[i]);
    put_number(env, 2);
    OK(env->ops->info(env, &info));
    ck_assert_uint_eq(info.readers, 0);
    ck_assert_uint_eq(info.oldest, info.commit);
    env->ops->close(env);
}

/* The file grows under a reader, so it must not under one that was kept. */
CRM_TEST(test_kv_idle__kept_transactions_hold_no_pages)
{
    kv_env *env = open_env(0);
    kv_info before, after;
    kv_txn *txn;

    for (uint64_t i = 0; i < 50; i++)
        put_number(env, i);
    OK(env->ops->info(env, &before));
    txn = begin(env, 0);
    ck_assert_uint_eq(number_in(txn, KV_META), 49);
    txn->ops->abort(txn);
    for (uint64_t i = 50; i < 250; i++)
        put_number(env, i);
    OK(env->ops->info(env, &after));
    ck_assert_uint_le(after.used_bytes, before.used_bytes + 10 * 4096);
    env->ops->close(env);
}

CRM_TEST(test_kv_idle__slots_are_given_up_when_there_is_no_other)
{
    kv_env *env = open_env(FEW);
    kv_txn *txn[FEW + 1];
    int n;

    put_number(env, 1);
    for (int round = 0; round < 3; round++) {
        for (n = 0; n <= FEW && env->ops->begin(env, 0, &txn[n], NULL) == CRM_OK; n++)
            ;
        ck_assert_int_eq(n, FEW); /* all of them, whatever was kept */
        while (n--)
            txn[n]->ops->abort(txn[n]);
    }
    env->ops->close(env);
}

/* ---- threads ---- */

typedef struct shared {
    kv_env *env;
    uint64_t committed;
} shared;

static void *look(void *ctx)
{
    shared *s = ctx;

    for (int i = 0; i < ROUNDS; i++) {
        uint64_t least = __atomic_load_n(&s->committed, __ATOMIC_ACQUIRE), n;
        kv_txn *txn;
        if (s->env->ops->begin(s->env, 0, &txn, NULL))
            return ctx;
        n = number_in(txn, KV_META);
        if (n < least || number_in(txn, KV_DICT) != n)
            return ctx;
        txn->ops->abort(txn);
    }
    return NULL;
}

CRM_TEST(test_kv_idle__threads_never_share_one)
{
    shared s = {open_env(0), 0};
    pthread_t t[THREADS];
    void *failed;

    put_number(s.env, 0);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&t[i], NULL, look, &s), 0);
    for (uint64_t i = 1; i <= 50; i++) {
        put_number(s.env, i);
        __atomic_store_n(&s.committed, i, __ATOMIC_RELEASE);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(t[i], &failed);
        ck_assert_ptr_null(failed);
    }
    s.env->ops->close(s.env);
}
