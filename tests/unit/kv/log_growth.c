/* SPDX-License-Identifier: MIT
 * What the log of small commits costs the data file: pages that are free since its beginning are not
 * used again before it begins anew.
 */
#include "kv/kv_lmdb.h"

#include "base/bytes.h"
#include "codec/key.h"
#include "crmtest.h"
#include "ok.h"

#include <string.h>

enum { ROWS = 13000, ROW = 1800, COMMITS = 2600, ALWAYS = 4 };

static void put_row(kv_txn *txn, uint64_t n, uint8_t fill)
{
    uint8_t key[8], row[ROW];

    crm__put_be64(key, n);
    memset(row, fill, sizeof row);
    OK(txn->ops->put(txn, KV_CUSTOMER, crm__slice_of(key, 8), crm__slice_of(row, ROW), 0));
}

/* A file of many times the least that is written between two beginnings, without free pages. */
static kv_env *make(void)
{
    kv_options o = {.create = 1, .log = 1};
    kv_env *env;
    kv_txn *txn;

    OK(crm__kv_lmdb_open(crmtest_dir(), &o, &env, NULL));
    OK(env->ops->begin(env, 1, &txn, NULL));
    for (uint64_t n = 0; n < ROWS; n++)
        put_row(txn, n, 1);
    OK(txn->ops->commit(txn, NULL));
    return env;
}

static uint64_t pages_in_use(kv_env *env)
{
    kv_info info;

    OK(env->ops->info(env, &info));
    return info.used_bytes / 4096;
}

static uint64_t generation(void)
{
    uint64_t n;
    crm__log l;

    OK(crm__log_open(&l, crmtest_dir(), 0));
    OK(crm__log_read(&l, NULL, UINT64_MAX));
    n = l.generation;
    crm__log_close(&l);
    return n;
}

/* One row a commit, anywhere; how often the log began anew. */
static uint64_t commit_many(kv_env *env, uint64_t *seed)
{
    uint64_t first = 0;

    for (int i = 0; i < COMMITS; i++) {
        kv_txn *txn;
        OK(env->ops->begin(env, 1, &txn, NULL));
        put_row(txn, crmtest_below(seed, ROWS), (uint8_t)i);
        OK(txn->ops->commit(txn, NULL));
        if (i == ALWAYS)
            first = generation();
    }
    return generation() - first;
}

/* Where no free pages are left it begins anew early, and the file grows by a part of its size, once. */
CRM_TEST(test_kv_log_growth__the_file_grows_a_little_and_once)
{
    uint64_t seed = crmtest_seed(), before, after;
    kv_env *env = make();

    before = pages_in_use(env);
    commit_many(env, &seed);
    after = pages_in_use(env);
    ck_assert_uint_le(after, before + before / 5);
    commit_many(env, &seed);
    ck_assert_uint_le(pages_in_use(env), after + before / 50);
    env->ops->close(env);
}

/* Not where this would give no page: a snapshot keeps them, and the file grows all the same.  And not
 * where there are free pages. */
CRM_TEST(test_kv_log_growth__no_syncs_for_nothing)
{
    uint64_t seed = crmtest_seed(), early, before;
    kv_env *env = make();
    kv_info info;
    kv_txn *reader;

    early = commit_many(env, &seed);
    OK(env->ops->begin(env, 0, &reader, NULL));
    before = pages_in_use(env);
    ck_assert_uint_lt(3 * commit_many(env, &seed), 2 * early);
    OK(env->ops->info(env, &info));
    ck_assert_uint_gt(info.kept_bytes / 4096, COMMITS * 2);
    ck_assert_uint_gt(pages_in_use(env), before + COMMITS);
    reader->ops->abort(reader);
    before = pages_in_use(env);
    ck_assert_uint_lt(3 * commit_many(env, &seed), 2 * early);
    ck_assert_uint_eq(pages_in_use(env), before);
    env->ops->close(env);
}
