/* SPDX-License-Identifier: MIT
 * The page engine on damaged files: any bytes give a result, never a signal, and soon.  Each case
 * runs in a child of its own, so a signal or an endless loop fails it.
 */
#include "page_make.h"

#include "base/bytes.h"
#include "damage.h"
#include "ok.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const crm__slice NONE = {NULL, 0};

static uint64_t touched;

static void touch(crm__slice s)
{
    for (size_t i = 0; i < s.n; i++)
        touched = touched * 31 + s.p[i];
}

static void allowed(int rc)
{
    MUST(rc == CRM_OK || rc == CRM_ENOTFOUND || rc == CRM_ECORRUPT);
}

/* One direction to the end, stepping over what is damaged; every row met must be in order. */
static uint64_t scan(kv_cursor *c, int back, uint64_t *damaged)
{
    uint8_t last[KV_KEY_MAX];
    size_t n = 0;
    uint64_t rows = 0;
    crm__slice k, v;
    int rc = c->ops->seek(c, back ? KV_LAST : KV_FIRST, NONE, &k, &v);

    *damaged = 0;
    while (rc != CRM_ENOTFOUND) {
        allowed(rc);
        if (rc == CRM_OK) {
            size_t least = n < k.n ? n : k.n;
            int order = rows ? memcmp(last, k.p, least) : 0;
            order = order ? order : (n > k.n) - (n < k.n);
            MUST(!rows || (back ? order > 0 : order < 0));
            MUST(k.n <= KV_KEY_MAX);
            n = k.n;
            memcpy(last, k.p, n);
            touch(v);
            rows++;
        } else {
            MUST(c->txn->sys != 0);
            ++*damaged;
        }
        rc = back ? c->ops->prev(c, &k, &v) : c->ops->next(c, &k, &v);
    }
    return rows;
}

static void use_space(kv_txn *txn, kv_space space, uint64_t *seed)
{
    uint8_t buf[KV_KEY_MAX];
    uint64_t damaged;
    crm__slice k, v;
    kv_cursor *c;
    kv_stat st;

    allowed(txn->ops->stat(txn, space, &st));
    for (int i = 0; i < 4; i++) {
        crm__slice key = store_key(space, crmtest_below(seed, 200), buf);
        int rc = txn->ops->get(txn, space, key, &v);
        allowed(rc);
        if (!rc)
            touch(v);
    }
    if (txn->ops->cursor(txn, space, &c))
        return;
    scan(c, 0, &damaged);
    scan(c, 1, &damaged);
    for (int i = 0; i < 6; i++) {
        crm__slice key = store_key(space, crmtest_below(seed, 200), buf);
        int rc = c->ops->seek(c, (kv_seek)(KV_GE + i % 3), key, &k, &v);
        allowed(rc);
        allowed(c->ops->next(c, &k, &v));
        allowed(c->ops->prev(c, &k, &v));
    }
    c->ops->cursor_close(c);
}

/* Everything the engine can do.  1 if the file could be opened. */
static int use_file(const char *dir, uint64_t seed, uint64_t *faults)
{
    crm_error err = CRM_ERROR_INIT;
    kv_page_summary sum;
    walk_log log;
    kv_env *env;
    kv_txn *txn;
    kv_info info;
    int rc = crm__kv_page_open(dir, NULL, &env, &err);

    *faults = 1;
    if (rc) {
        ck_assert_msg(rc == CRM_ECORRUPT || rc == CRM_EVERSION, "%d %s", rc, err.message);
        ck_assert_int_ne(err.message[0], 0);
        return 0;
    }
    allowed(env->ops->info(env, &info));
    OK(env->ops->begin(env, 0, &txn, &err));
    *faults = walk_faults(txn, &log, &sum);
    for (int space = 0; space < KV_SPACES; space++)
        use_space(txn, (kv_space)space, &seed);
    page_end(txn);
    return 1;
}

static void mutants(unsigned salt, unsigned spaces, unsigned rows, size_t value_max, size_t count)
{
    uint64_t seed = crmtest_seed() + salt, faults, found = 0;
    page_map m;
    char kept[4400];
    store s;

    store_make(&s, "store", spaces);
    store_work(&s, &seed, 5, rows, value_max);
    store_close(&s);
    snprintf(kept, sizeof kept, "%s", crmtest_path("kept"));
    OK(damage_copy_file(store_file(s.dir), kept));
    page_map_read(&m, s.dir);
    for (size_t i = 0; i < count; i++) {
        damage_kind kind = (damage_kind)(i % DAMAGE_KINDS);
        damage_done done;
        int must;
        OK(damage_file(store_file(s.dir), kind, seed + i, &done));
        /* Several damages at once now and then. */
        for (uint64_t more = i % 5 ? 0 : crmtest_below(&seed, 4); more; more--)
            (void)damage_file(store_file(s.dir), DAMAGE_FIELD, seed + i * 7 + more, NULL);
        use_file(s.dir, seed, &faults);
        must = (kind == DAMAGE_ZERO || kind == DAMAGE_SWAP || kind == DAMAGE_COPY) &&
               m.role[done.page] != ROLE_FREE && m.role[done.page] != ROLE_INSIDE;
        ck_assert_msg(!must || faults, "mutant %u: %s of page %u", (unsigned)i, damage_name(kind),
                      (unsigned)done.page);
        found += faults > 0;
        OK(damage_copy_file(kept, store_file(s.dir)));
    }
    ck_assert_uint_gt(found * 5, count);
    OK(use_file(s.dir, seed, &faults) - 1);
    ck_assert_uint_eq(faults, 0);
    page_map_free(&m);
}

CRM_TEST(test_kv_page_damage__mutants_of_small_rows)
{
    mutants(30, KV_SPACES, 60, 300, crmtest_rounds(800, 20000));
}

CRM_TEST(test_kv_page_damage__mutants_of_large_rows)
{
    mutants(31, KV_SPACES, 60, 20000, crmtest_rounds(700, 20000));
}

CRM_TEST(test_kv_page_damage__mutants_of_deep_trees)
{
    mutants(32, 1, 3000, 60, crmtest_rounds(600, 10000));
}

CRM_TEST(test_kv_page_damage__random_bytes_as_file)
{
    static uint8_t bytes[40000];
    uint64_t seed = crmtest_seed() + 33, faults;
    const char *dir = crmtest_path("d");

    OK(mkdir(dir, 0700));
    for (unsigned i = 0; i < crmtest_rounds(400, 5000); i++) {
        size_t n = (size_t)crmtest_below(&seed, sizeof bytes);
        FILE *f = fopen(store_file(dir), "wb");
        for (size_t j = 0; j < sizeof bytes; j++)
            bytes[j] = (uint8_t)crmtest_rand(&seed);
        /* Some get past the first doors: meta pages over random pages with right headers. */
        for (uint64_t page = 0; i % 4 && page < sizeof bytes / 4096; page++) {
            uint8_t *p = bytes + page * 4096;
            crm__put_le64(p, page);
            crm__put_le16(p + 10, (uint16_t)(page < 2 ? 8u : 1u << crmtest_below(&seed, 3)));
            crm__put_le16(p + 12, (uint16_t)(16 + 2 * crmtest_below(&seed, 20)));
            crm__put_le16(p + 14, (uint16_t)(4096 - 2 * crmtest_below(&seed, 2000)));
            if (page >= 2)
                continue;
            crm__put_le32(p + 16, 0xBEEFC0DE);
            crm__put_le32(p + 20, 1);
            crm__put_le32(p + 40, 4096);
            for (unsigned db = 40; db <= 88; db += 48) {
                crm__put_le16(p + db + 4, 0);
                crm__put_le16(p + db + 6, (uint16_t)(1 + crmtest_below(&seed, 4)));
                crm__put_le64(p + db + 40, 2 + crmtest_below(&seed, 8));
            }
            crm__put_le64(p + 136, 2 + crmtest_below(&seed, 12));
        }
        ck_assert_ptr_nonnull(f);
        ck_assert_uint_eq(fwrite(bytes, 1, n, f), n);
        OK(fclose(f));
        use_file(dir, seed, &faults);
        ck_assert_uint_gt(faults, 0);
    }
}

CRM_TEST(test_kv_page_damage__rows_outside_the_damage_stay_readable)
{
    uint64_t seed = crmtest_seed() + 34, whole, damaged, faults, branches = 0;
    kv_cursor *c;
    kv_txn *txn;
    page_map m;
    store s;

    store_make(&s, "store", KV_SPACES);
    store_work(&s, &seed, 3, 2500, 9000);
    store_close(&s);
    page_map_read(&m, s.dir);
    txn = page_begin(s.dir);
    OK(txn->ops->cursor(txn, KV_EVENT, &c));
    whole = scan(c, 0, &damaged);
    ck_assert_uint_gt(whole, 100);
    ck_assert_uint_eq(damaged, 0);
    page_end(txn);
    c->ops->cursor_close(c);
    for (uint64_t page = 2; page < m.pages; page++) {
        const uint8_t *p = m.bytes + page * 4096;
        uint64_t lost = 1, rows[2];
        if (!m.space[page] || strcmp(m.space[page], "event") || m.role[page] == ROLE_INSIDE)
            continue;
        if (m.role[page] == ROLE_LEAF)
            lost = (crm__get_le16(p + 12) - 16u) / 2;
        OK(damage_zero_page(store_file(s.dir), page));
        txn = page_begin(s.dir);
        OK(txn->ops->cursor(txn, KV_EVENT, &c));
        for (int back = 0; back < 2; back++) {
            rows[back] = scan(c, back, &damaged);
            ck_assert_uint_eq(damaged, 1);
        }
        ck_assert_uint_eq(rows[0], rows[1]);
        if (m.role[page] == ROLE_BRANCH)
            branches++;
        else
            ck_assert_uint_eq(rows[0], whole - lost);
        ck_assert_uint_lt(rows[0], whole);
        c->ops->cursor_close(c);
        page_end(txn);
        OK(damage_put(store_file(s.dir), page * 4096, p, 4096));
    }
    ck_assert_uint_gt(branches, 0);
    OK(use_file(s.dir, seed, &faults) - 1);
    page_map_free(&m);
}

CRM_TEST(test_kv_page_damage__rows_sharing_a_run_are_not_read_forever)
{
    static uint8_t value[500000];
    uint64_t damaged, rows = 0, seed = 0, faults, first = 0;
    kv_cursor *c;
    kv_txn *txn;
    page_map m;
    MDB_txn *mt;
    store s;

    store_make(&s, "store", 1);
    OK(mdb_txn_begin(s.env, NULL, 0, &mt));
    for (uint32_t i = 0; i < 3000; i++) {
        MDB_val k = {4, &i}, v = {i ? 3000 : sizeof value, value};
        OK(mdb_put(mt, s.dbi[0], &k, &v, 0));
    }
    OK(mdb_txn_commit(mt));
    store_close(&s);
    page_map_read(&m, s.dir);
    for (uint64_t page = 2; page < m.pages; page++) {
        if (m.role[page] == ROLE_RUN && crm__get_le32(m.bytes + page * 4096 + 12) > 100)
            first = page;
    }
    /* Every row now has the one large value. */
    for (uint64_t page = 2; page < m.pages; page++) {
        uint8_t *p = m.bytes + page * 4096;
        unsigned n = m.role[page] == ROLE_LEAF ? (crm__get_le16(p + 12) - 16u) / 2 : 0;
        for (unsigned i = 0; i < n; i++) {
            uint8_t *node = p + crm__get_le16(p + 16 + 2 * i);
            if (node[4] != 1)
                continue;
            crm__put_le32(node, sizeof value);
            crm__put_le64(node + 8 + 4, first);
            rows++;
        }
        OK(damage_put(store_file(s.dir), page * 4096, p, 4096));
    }
    ck_assert_uint_eq(rows, 3000);
    txn = page_begin(s.dir);
    OK(txn->ops->cursor(txn, KV_META, &c));
    for (int back = 0; back < 2; back++) {
        rows = scan(c, back, &damaged);
        ck_assert_uint_eq(rows + damaged, 3000);
        ck_assert_uint_le((rows - 1) * sizeof value, m.size);
    }
    c->ops->cursor_close(c);
    page_end(txn);
    use_file(s.dir, seed, &faults);
    ck_assert_uint_ge(faults, 2999);
    page_map_free(&m);
}

CRM_TEST(test_kv_page_damage__root_in_another_tree)
{
    uint64_t seed = crmtest_seed() + 35, main_root, faults;
    uint8_t eight[8];
    const uint8_t *meta;
    crm__slice v, tag = {(const uint8_t *)"tag", 3};
    kv_txn *txn;
    page_map m;
    store s;

    store_make(&s, "store", KV_SPACES);
    store_work(&s, &seed, 2, 300, 3000);
    store_close(&s);
    page_map_read(&m, s.dir);
    meta = m.bytes + 16;
    if (crm__get_le64(meta + 4096 + 128) > crm__get_le64(meta + 128))
        meta += 4096;
    main_root = crm__get_le64(meta + 72 + 40);
    ck_assert_int_eq(m.role[main_root], ROLE_LEAF);
    for (unsigned i = 0; i < KV_SPACES; i++) {
        size_t at = main_root * 4096 + crm__get_le16(m.bytes + main_root * 4096 + 16 + 2 * i);
        uint64_t record = at + 8 + 3;
        if (m.bytes[at + 6] != 3 || memcmp(m.bytes + at + 8, "tag", 3))
            continue;
        /* The space's root is the page its own record stands on. */
        crm__put_le64(eight, main_root);
        OK(damage_put(store_file(s.dir), record + 40, eight, 8));
        OK(damage_put(store_file(s.dir), record + 6, "\1", 2));
        txn = page_begin(s.dir);
        ck_assert_int_eq(txn->ops->get(txn, KV_TAG, tag, &v), CRM_ECORRUPT);
        ck_assert_int_eq(txn->ops->get(txn, KV_TAG, tag, &v), CRM_ECORRUPT);
        page_end(txn);
        use_file(s.dir, seed, &faults);
        ck_assert_uint_gt(faults, 0);
        OK(damage_put(store_file(s.dir), main_root * 4096, m.bytes + main_root * 4096, 4096));
        /* Every depth but the right one. */
        for (unsigned depth = 0; depth < 40; depth++) {
            if (depth == crm__get_le16(m.bytes + record + 6))
                continue;
            eight[0] = (uint8_t)depth;
            OK(damage_put(store_file(s.dir), record + 6, eight, 1));
            txn = page_begin(s.dir);
            ck_assert_int_eq(txn->ops->get(txn, KV_TAG, tag, &v), CRM_ECORRUPT);
            page_end(txn);
        }
    }
    page_map_free(&m);
}

CRM_TEST(test_kv_page_damage__a_child_in_its_neighbours_place)
{
    uint64_t seed = crmtest_seed() + 36, whole, rows, damaged, branches = 0;
    kv_cursor *c;
    kv_txn *txn;
    page_map m;
    store s;

    store_make(&s, "store", 1);
    store_fill(&s, &seed, 60000, 90000, 300);
    store_close(&s);
    page_map_read(&m, s.dir);
    txn = page_begin(s.dir);
    OK(txn->ops->cursor(txn, KV_META, &c));
    whole = scan(c, 0, &damaged);
    c->ops->cursor_close(c);
    page_end(txn);
    for (uint64_t page = 2; page < m.pages; page++) {
        const uint8_t *p = m.bytes + page * 4096;
        unsigned n = m.role[page] == ROLE_BRANCH ? (crm__get_le16(p + 12) - 16u) / 2 : 0;
        branches += n > 0;
        for (unsigned i = 0; i < n; i += i == 1 && n > 8 ? n - 4 : 1) {
            for (int side = 0; side < 2; side++) {
                unsigned from = side ? i + 1 : i - 1;
                uint64_t at = page * 4096 + crm__get_le16(p + 16 + 2 * i);
                if (from >= n)
                    continue;
                OK(damage_put(store_file(s.dir), at, p + crm__get_le16(p + 16 + 2 * from), 6));
                txn = page_begin(s.dir);
                OK(txn->ops->cursor(txn, KV_META, &c));
                for (int back = 0; back < 2; back++) {
                    rows = scan(c, back, &damaged);
                    ck_assert_uint_eq(damaged, 1);
                    ck_assert_uint_lt(rows, whole);
                }
                c->ops->cursor_close(c);
                page_end(txn);
                OK(damage_put(store_file(s.dir), page * 4096, p, 4096));
            }
        }
    }
    ck_assert_uint_gt(branches, 2);
    page_map_free(&m);
}
