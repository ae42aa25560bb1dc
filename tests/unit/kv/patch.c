/* SPDX-License-Identifier: MIT
 * Values of the log as differences (src/kv/kv_patch.h): what a patch makes is the value, whatever the two
 * are; any bytes are a patch or none; and a database whose log holds patches is recovered whole.
 */
#include "kv/kv_patch.h"

#include "codec/key.h"
#include "crmtest.h"
#include "damage.h"
#include "kv/kv_lmdb.h"
#include "ok.h"

#include <crm/error.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST = 9000, ROUNDS = 3000 };

static uint64_t seed;

static uint64_t below(uint64_t n)
{
    return crmtest_below(&seed, n);
}

/* Numbers of two bytes that ascend, as small sets are, or a bitmap, or anything. */
static size_t make_value(uint8_t *p, int kind)
{
    size_t n = 2 * (size_t)below(MOST / 2 - 20), number = 0;

    for (size_t i = 0; i < n; i += 2) {
        uint64_t any = below(65536);
        number += 1 + any % 20;
        crm__put_le16(p + i, (uint16_t)(kind == 0 ? number : kind == 1 ? any & any >> 3 : any));
    }
    return n;
}

/* Some numbers come, go or change at places all over, and the last eight bytes always. */
static size_t change_value(uint8_t *p, size_t n)
{
    for (uint64_t k = below(40); k > 0; k--) {
        size_t at = n ? 2 * (size_t)below(n / 2) : 0, what = (size_t)below(3);
        if (what == 0 && n + 2 <= MOST) {
            memmove(p + at + 2, p + at, n - at);
            n += 2;
        } else if (what == 1 && n > 2) {
            memmove(p + at, p + at + 2, n - at - 2);
            n -= 2;
        } else if (n) {
            p[at] ^= (uint8_t)(1 + below(255));
        }
    }
    for (size_t i = n < 8 ? 0 : n - 8; i < n; i++)
        p[i] = (uint8_t)below(256);
    return n;
}

CRM_TEST(test_kv_patch__makes_the_value)
{
    static uint8_t before[MOST], value[MOST];
    crm__buf patch, made;
    int small = 0;

    seed = crmtest_seed();
    crm__buf_init(&patch, NULL);
    crm__buf_init(&made, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        size_t was = make_value(before, i % 3), n = was;
        memcpy(value, before, was);
        n = below(10) ? change_value(value, n) : make_value(value, (int)below(3));
        patch.n = 0;
        if (!n || !crm__patch_make(crm__slice_of(before, was), crm__slice_of(value, n), &patch)) {
            ck_assert_uint_eq(patch.n, 0);
            continue;
        }
        small += patch.n < n / 2;
        ck_assert_uint_eq(crm__patch_bytes(crm__slice_of(patch.p, patch.n)), n);
        OK(crm__patch_apply(crm__slice_of(before, was), crm__slice_of(patch.p, patch.n), &made));
        ck_assert_msg(made.n == n && memcmp(made.p, value, n) == 0, "round %d", i);
        ck_assert_int_eq(crm__patch_apply(crm__slice_of(before, was + 1),
                                          crm__slice_of(patch.p, patch.n), &made), CRM_ECORRUPT);
    }
    ck_assert_int_gt(small, ROUNDS / 3);
    crm__buf_clear(&patch);
    crm__buf_clear(&made);
}

/* A row in a bitmap, and one in a list: what the log is to be spared. */
CRM_TEST(test_kv_patch__of_one_number_is_small)
{
    static uint8_t before[MOST], value[MOST];
    enum { WHOLE = 8200 };
    crm__buf patch;

    seed = crmtest_seed();
    crm__buf_init(&patch, NULL);
    for (int kind = 0; kind < 2; kind++) {
        size_t n = WHOLE;
        make_value(before, kind);
        memcpy(value, before, WHOLE);
        if (kind == 0) {
            memmove(value + 4002, value + 4000, WHOLE - 4000);
            n += 2;
        }
        value[4000] ^= 4;
        value[n - 3] ^= 1;
        patch.n = 0;
        ck_assert(crm__patch_make(crm__slice_of(before, WHOLE), crm__slice_of(value, n), &patch));
        ck_assert_uint_lt(patch.n, 40);
    }
    patch.n = 0;
    for (int i = 0; i < WHOLE; i++)
        value[i] = (uint8_t)below(256);
    ck_assert(!crm__patch_make(crm__slice_of(before, WHOLE), crm__slice_of(value, WHOLE), &patch));
    crm__buf_clear(&patch);
}

CRM_TEST(test_kv_patch__any_bytes_are_one_or_none)
{
    static uint8_t before[MOST], value[MOST], bytes[4 * MOST];
    crm__buf patch, made;

    seed = crmtest_seed();
    crm__buf_init(&patch, NULL);
    crm__buf_init(&made, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        size_t was = make_value(before, i % 3), n;
        int rc;
        memcpy(value, before, was);
        n = change_value(value, was);
        patch.n = 0;
        if (!n || !crm__patch_make(crm__slice_of(before, was), crm__slice_of(value, n), &patch))
            continue;
        memcpy(bytes, patch.p, patch.n);
        for (uint64_t k = below(3); k > 0; k--)
            bytes[below(patch.n)] ^= (uint8_t)(1 + below(255));
        n = below(2) ? patch.n : (size_t)below(patch.n + 1);
        rc = crm__patch_apply(crm__slice_of(before, was), crm__slice_of(bytes, n), &made);
        ck_assert(rc == CRM_ECORRUPT || rc == CRM_OK);
        ck_assert(rc || made.n == crm__patch_bytes(crm__slice_of(bytes, n)));
        ck_assert_uint_le(made.n, CRM__PATCH_MOST);
    }
    crm__buf_clear(&patch);
    crm__buf_clear(&made);
}

/* ---- the engine ---- */

enum { KEYS = 12, COMMITS = 400 };

static uint8_t values[KEYS][MOST];
static size_t sizes[KEYS];

static crm__slice key_of(uint8_t out[4], uint32_t n)
{
    crm__put_be32(out, n);
    return crm__slice_of(out, 4);
}

static void change_some(kv_txn *txn)
{
    uint8_t key[4];

    for (uint64_t k = 1 + below(4); k > 0; k--) {
        uint32_t i = (uint32_t)below(KEYS);
        crm__slice at = key_of(key, i);
        if (!sizes[i] || !below(20)) {
            sizes[i] = 2 + make_value(values[i], (int)below(3));
        } else if (!below(30)) {
            sizes[i] = 0;
            OK(txn->ops->del(txn, KV_BITS, at));
            continue;
        } else {
            sizes[i] = change_value(values[i], sizes[i]);
        }
        OK(txn->ops->put(txn, KV_BITS, at, crm__slice_of(values[i], sizes[i]), 0));
    }
}

static void copy_file(const char *name, const char *dir)
{
    char to[4200];

    snprintf(to, sizeof to, "%s/%s", dir, name);
    ck_assert_int_eq(damage_copy_file(crmtest_path(name), to), 0);
}

/* What an opening finds after a power loss is what was committed last. */
static void compare_recovered(void)
{
    kv_options o = {.readonly = 1};
    crm_error err = CRM_ERROR_INIT;
    char dir[4000];
    crm__slice v;
    kv_env *env;
    kv_txn *txn;

    snprintf(dir, sizeof dir, "%s", crmtest_path("copy"));
    ck_assert(mkdir(dir, 0700) == 0 || access(dir, F_OK) == 0);
    copy_file("data.mdb", dir);
    if (access(crmtest_path("data.log"), F_OK) == 0)
        copy_file("data.log", dir);
    ck_assert_msg(crm__kv_lmdb_recover(dir, &(kv_options){0}, &err) == CRM_OK, "%s", err.message);
    OK(crm__kv_page_open(dir, &o, &env, NULL));
    OK(env->ops->begin(env, 0, &txn, NULL));
    for (uint32_t i = 0; i < KEYS; i++) {
        uint8_t key[4];
        int rc = txn->ops->get(txn, KV_BITS, key_of(key, i), &v);
        ck_assert_int_eq(rc, sizes[i] ? CRM_OK : CRM_ENOTFOUND);
        ck_assert(rc || (v.n == sizes[i] && memcmp(v.p, values[i], v.n) == 0));
    }
    txn->ops->abort(txn);
    env->ops->close(env);
}

/* Patches in the log now; 0: there is none. */
static int count_patches(void)
{
    crm__slice changes, key, value;
    kv_log_what what;
    kv_space space;
    uint64_t at = 0;
    crm__buf room;
    crm__log l;
    int n = 0;

    if (crm__log_open(&l, crmtest_dir(), 0))
        return 0;
    crm__buf_init(&room, NULL);
    while (crm__log_next(&l, &at, &room, &changes) == CRM_OK) {
        while (crm__log_change(&changes, &what, &space, &key, &value) > 0)
            n += what == LOG_PATCH;
    }
    crm__buf_clear(&room);
    crm__log_close(&l);
    return n;
}

CRM_TEST(test_kv_patch__a_log_of_patches_is_recovered)
{
    kv_options o = {.create = 1, .log = 1};
    crm_error err = CRM_ERROR_INIT;
    int patches = 0;
    kv_env *env;
    kv_txn *txn;

    seed = crmtest_seed();
    memset(sizes, 0, sizeof sizes);
    ck_assert_msg(crm__kv_lmdb_open(crmtest_dir(), &o, &env, &err) == CRM_OK, "%s", err.message);
    for (int i = 0; i < COMMITS; i++) {
        OK(env->ops->begin(env, 1, &txn, NULL));
        change_some(txn);
        OK(txn->ops->commit(txn, NULL));
        if (!below(20)) {
            patches += count_patches();
            compare_recovered();
        }
    }
    ck_assert_int_gt(patches, 0);
    env->ops->close(env);
}
