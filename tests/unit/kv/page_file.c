/* SPDX-License-Identifier: MIT
 * Opening: files that are none, meta pages, page sizes.
 */
#include "page_make.h"

#include "base/bytes.h"
#include "damage.h"
#include "ok.h"
#include "kv/kv_page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void put_file(const char *dir, const void *bytes, size_t n)
{
    FILE *f = fopen(store_file(dir), "wb");

    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(bytes, 1, n, f), n);
    OK(fclose(f));
}

static void expect_open(const char *dir, int code, const char *part)
{
    crm_error err = CRM_ERROR_INIT;
    kv_env *env = (kv_env *)&err;

    ck_assert_int_eq(crm__kv_page_open(dir, NULL, &env, &err), code);
    ck_assert_ptr_null(env);
    ck_assert_int_eq(err.code, code);
    ck_assert_msg(strstr(err.message, part) != NULL, "\"%s\" has no \"%s\"", err.message, part);
    ck_assert_int_eq(crm__kv_page_open(dir, NULL, &env, NULL), code);
}

CRM_TEST(test_kv_page_file__open_names_what_is_wrong)
{
    uint8_t bytes[16384];
    const char *dir = crmtest_path("d");

    memset(bytes, 0, sizeof bytes);
    expect_open(dir, CRM_ENOTFOUND, "no such file");
    OK(mkdir(dir, 0700));
    expect_open(dir, CRM_ENOTFOUND, "no such file");
    expect_open(store_file(dir), CRM_ENOTFOUND, "no such file");
    OK(mkdir(store_file(dir), 0700));
    expect_open(dir, CRM_ECORRUPT, "not a regular file");
    OK(rmdir(store_file(dir)));
    OK(mkfifo(store_file(dir), 0600));
    expect_open(dir, CRM_ECORRUPT, "not a regular file");
    OK(unlink(store_file(dir)));

    put_file(dir, bytes, 0);
    expect_open(dir, CRM_ECORRUPT, "empty");
    put_file(dir, bytes, 1000);
    expect_open(dir, CRM_ECORRUPT, "1000 bytes are too few");
    put_file(dir, bytes, sizeof bytes);
    expect_open(dir, CRM_ECORRUPT, "page 0 is not a meta page");
    memset(bytes, 0xff, sizeof bytes);
    put_file(dir, bytes, sizeof bytes);
    expect_open(dir, CRM_ECORRUPT, "page 0 is not a meta page");

    memset(bytes, 0, sizeof bytes);
    crm__put_be32(bytes + 16, 0xBEEFC0DE);
    put_file(dir, bytes, sizeof bytes);
    expect_open(dir, CRM_EVERSION, "64-bit big-endian");
    memset(bytes, 0, sizeof bytes);
    crm__put_be32(bytes + 12, 0xBEEFC0DE);
    put_file(dir, bytes, sizeof bytes);
    expect_open(dir, CRM_EVERSION, "32-bit big-endian");
    crm__put_le32(bytes + 12, 0xBEEFC0DE);
    put_file(dir, bytes, sizeof bytes);
    expect_open(dir, CRM_EVERSION, "32-bit little-endian");
    memset(bytes, 0, sizeof bytes);
    crm__put_le32(bytes + 24, 0xBEEFC0DE);
    put_file(dir, bytes, sizeof bytes);
    expect_open(dir, CRM_EVERSION, "another version");
}

CRM_TEST(test_kv_page_file__uses_the_meta_page_that_is_valid)
{
    static const uint8_t two[] = {2, 0, 0, 0};
    uint64_t seed = crmtest_seed() + 5, commit;
    char copy[4400];
    kv_txn *txn;
    kv_info info;
    store s;

    store_make(&s, "store", KV_SPACES);
    store_work(&s, &seed, 5, 200, 3000);
    store_close(&s);
    snprintf(copy, sizeof copy, "%s", crmtest_path("copy"));
    OK(damage_copy_file(store_file(s.dir), copy));
    txn = page_begin(s.dir);
    OK(txn->env->ops->info(txn->env, &info));
    commit = info.commit;
    page_end(txn);

    for (uint64_t i = 0; i < 2; i++) {
        walk_log log;
        kv_page_summary sum;
        OK(damage_zero_page(store_file(s.dir), i));
        txn = page_begin(s.dir);
        OK(txn->env->ops->info(txn->env, &info));
        ck_assert_uint_eq(info.commit, commit % 2 == i ? commit - 1 : commit);
        ck_assert_uint_eq(walk_faults(txn, &log, &sum), 1);
        ck_assert_int_eq(log.pages[0], (int64_t)i);
        ck_assert_int_eq(crm__page_sound(txn, NULL), CRM_ECORRUPT);
        page_end(txn);
        OK(damage_copy_file(copy, store_file(s.dir)));
    }
    for (uint64_t i = 0; i < 2; i++)
        OK(damage_put(store_file(s.dir), i * 4096 + 20, two, sizeof two));
    expect_open(s.dir, CRM_EVERSION, "data version 2, not 1");
    OK(damage_zero_page(store_file(s.dir), 0));
    expect_open(s.dir, CRM_EVERSION, "data version 2, not 1");
    OK(damage_zero_page(store_file(s.dir), 1));
    expect_open(s.dir, CRM_ECORRUPT, "not a meta page");
}

/* ---- page sizes, on files made by hand ---- */

static void put_db(uint8_t *p, uint32_t pad, uint64_t leaf, uint64_t entries, uint64_t root)
{
    memset(p, 0, 48);
    crm__put_le32(p, pad);
    crm__put_le16(p + 6, root != UINT64_MAX);
    crm__put_le64(p + 16, leaf);
    crm__put_le64(p + 32, entries);
    crm__put_le64(p + 40, root);
}

static void put_node(uint8_t *page, unsigned flags, const char *key, const void *value, size_t n)
{
    uint16_t lower = crm__get_le16(page + 12), upper = crm__get_le16(page + 14);
    size_t klen = strlen(key), need = (8 + klen + n + 1) & ~(size_t)1;
    uint8_t *node;

    upper = (uint16_t)(upper - need);
    node = page + upper;
    crm__put_le32(node, (uint32_t)n);
    crm__put_le16(node + 4, (uint16_t)flags);
    crm__put_le16(node + 6, (uint16_t)klen);
    memcpy(node + 8, key, klen);
    memcpy(node + 8 + klen, value, n);
    crm__put_le16(page + lower, upper);
    crm__put_le16(page + 12, (uint16_t)(lower + 2));
    crm__put_le16(page + 14, upper);
}

static void make_small(uint8_t *f, uint32_t psize)
{
    uint8_t db[48];

    memset(f, 0, 4 * (size_t)psize);
    for (uint64_t i = 0; i < 4; i++) {
        uint8_t *p = f + i * psize;
        crm__put_le64(p, i);
        crm__put_le16(p + 10, i < 2 ? 8 : 2);
        if (i >= 2) {
            crm__put_le16(p + 12, 16);
            crm__put_le16(p + 14, (uint16_t)psize);
            continue;
        }
        crm__put_le32(p + 16, 0xBEEFC0DE);
        crm__put_le32(p + 20, 1);
        crm__put_le64(p + 32, 1 << 20);
        put_db(p + 40, psize, 0, 0, UINT64_MAX);
        put_db(p + 88, 0, i, i, i ? 2 : UINT64_MAX);
        crm__put_le64(p + 136, i ? 3 : 1);
        crm__put_le64(p + 144, i);
    }
    put_db(db, 0, 1, 2, 3);
    put_node(f + 2 * (size_t)psize, 2, "tag", db, sizeof db);
    put_node(f + 3 * (size_t)psize, 0, "one", "1", 1);
    put_node(f + 3 * (size_t)psize, 0, "two", "22", 2);
}

CRM_TEST(test_kv_page_file__page_sizes)
{
    static const uint32_t bad[] = {0, 1, 256, 511, 4095, 4097, 65536, UINT32_MAX};
    uint8_t *f = malloc(4 * 65536);
    const char *dir = crmtest_path("d");
    kv_page_summary sum;
    walk_log log;
    crm__slice v;

    ck_assert_ptr_nonnull(f);
    OK(mkdir(dir, 0700));
    for (uint32_t psize = 512; psize <= 32768; psize *= 2) {
        for (int damaged = 0; damaged < 2; damaged++) {
            kv_txn *txn;
            make_small(f, psize);
            if (damaged)
                memset(f, 0, psize);
            put_file(dir, f, 4 * (size_t)psize);
            txn = page_begin(dir);
            OK(txn->ops->get(txn, KV_TAG, (crm__slice){(const uint8_t *)"two", 3}, &v));
            ck_assert(v.n == 2 && !memcmp(v.p, "22", 2));
            ck_assert_msg(walk_faults(txn, &log, &sum) == (unsigned)damaged, "%s", log.first);
            ck_assert_uint_eq(sum.reachable, 4);
            page_end(txn);
        }
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        make_small(f, 4096);
        crm__put_le32(f + 40, bad[i]);
        crm__put_le32(f + 4096 + 40, bad[i]);
        put_file(dir, f, 4 * 4096);
        expect_open(dir, CRM_ECORRUPT, "page size");
    }
    free(f);
}
