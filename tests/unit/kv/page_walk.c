/* SPDX-License-Identifier: MIT
 * The walk over all pages: silent on what LMDB writes, with every single damage named.
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

/* No fault, and the counts of LMDB's own statistics. */
static void healthy(const char *dir)
{
    kv_txn *txn = page_begin(dir);
    uint64_t pages = 2, in_list = 0;
    kv_page_summary sum;
    walk_log log;
    MDB_cursor *c;
    MDB_env *env;
    MDB_txn *mt;
    MDB_stat st;
    MDB_val k, v;
    MDB_dbi main;

    ck_assert_msg(walk_faults(txn, &log, &sum) == 0, "%s", log.first);
    OK(crm__page_sound(txn, NULL));
    page_end(txn);
    OK(mdb_env_create(&env));
    OK(mdb_env_set_maxdbs(env, 32));
    OK(mdb_env_open(env, dir, MDB_RDONLY | MDB_NOLOCK, 0600));
    OK(mdb_txn_begin(env, NULL, MDB_RDONLY, &mt));
    OK(mdb_stat(mt, 0, &st));
    pages += st.ms_branch_pages + st.ms_leaf_pages + st.ms_overflow_pages;
    OK(mdb_cursor_open(mt, 0, &c));
    while (!mdb_cursor_get(c, &k, &v, MDB_NEXT))
        in_list += *(size_t *)v.mv_data;
    mdb_cursor_close(c);
    OK(mdb_dbi_open(mt, NULL, 0, &main));
    OK(mdb_stat(mt, main, &st));
    pages += st.ms_branch_pages + st.ms_leaf_pages + st.ms_overflow_pages;
    for (int i = 0; i < KV_SPACES; i++) {
        MDB_dbi dbi;
        if (mdb_dbi_open(mt, crm__kv_space_name((kv_space)i), 0, &dbi))
            continue;
        OK(mdb_stat(mt, dbi, &st));
        pages += st.ms_branch_pages + st.ms_leaf_pages + st.ms_overflow_pages;
    }
    mdb_txn_abort(mt);
    mdb_env_close(env);
    ck_assert_uint_eq(sum.reachable, pages);
    ck_assert_uint_eq(sum.free_pages, in_list);
    ck_assert_uint_eq(sum.pages, pages + in_list);
}

CRM_TEST(test_kv_page_walk__no_fault_in_healthy_files)
{
    uint64_t seed = crmtest_seed() + 10;

    for (unsigned round = 0; round < crmtest_rounds(5, 25); round++) {
        char name[32];
        store s;
        snprintf(name, sizeof name, "s%u", round);
        store_make(&s, name, KV_SPACES);
        healthy(s.dir);
        for (unsigned i = 0; i < 8; i++) {
            store_work(&s, &seed, 1 + (unsigned)crmtest_below(&seed, 4),
                       1u << crmtest_below(&seed, 12), crmtest_below(&seed, 2) ? 20000 : 1000);
            healthy(s.dir);
        }
        store_thin(&s, &seed, 100);
        healthy(s.dir);
        store_close(&s);
    }
}

CRM_TEST(test_kv_page_walk__no_fault_with_a_big_free_list)
{
    uint64_t seed = crmtest_seed() + 11;
    MDB_txn *mt, *reader;
    kv_page_summary sum;
    walk_log log;
    kv_txn *txn;
    store s;

    store_make(&s, "store", KV_SPACES);
    store_fill(&s, &seed, 12000, 1 << 20, 20000);
    /* A reader keeps the freed pages from being reused, so that many records gather. */
    OK(mdb_txn_begin(s.env, NULL, MDB_RDONLY, &reader));
    for (int i = 0; i < 12; i++) {
        store_thin(&s, &seed, 20);
        healthy(s.dir);
    }
    OK(mdb_txn_begin(s.env, NULL, 0, &mt));
    for (int i = 0; i < KV_SPACES / 2; i++)
        OK(mdb_drop(mt, s.dbi[i], 0));
    OK(mdb_txn_commit(mt));
    healthy(s.dir);
    txn = page_begin(s.dir);
    OK((int)walk_faults(txn, &log, &sum));
    ck_assert_uint_gt(sum.free_pages, 5000);
    page_end(txn);
    mdb_txn_abort(reader);
    for (int i = 0; i < 6; i++) {
        store_fill(&s, &seed, 300, 1 << 20, 20000);
        healthy(s.dir);
    }
    store_close(&s);
}

CRM_TEST(test_kv_page_walk__no_fault_in_copies)
{
    uint64_t seed = crmtest_seed() + 12;
    const char *to[2] = {crmtest_path("plain"), crmtest_path("compact")};
    store s;

    store_make(&s, "store", KV_SPACES);
    store_work(&s, &seed, 6, 2000, 20000);
    for (unsigned i = 0; i < 2; i++) {
        OK(mkdir(to[i], 0700));
        OK(mdb_env_copy2(s.env, to[i], i ? MDB_CP_COMPACT : 0));
        healthy(to[i]);
    }
    store_close(&s);
}

CRM_TEST(test_kv_page_walk__no_fault_with_unwritten_pages_at_the_end)
{
    static uint8_t value[5000];
    uint64_t seed = crmtest_seed() + 13;
    unsigned shorter = 0;

    /* Pages taken and given back in one transaction are free and, with luck, never written. */
    for (unsigned round = 0; round < 30; round++) {
        char name[32];
        store s;
        snprintf(name, sizeof name, "s%u", round);
        store_make(&s, name, 1);
        for (int commit = 0; commit < 5; commit++) {
            struct stat st;
            MDB_envinfo info;
            MDB_txn *mt;
            uint32_t i;
            MDB_val k = {4, &i}, v = {0, value};
            OK(mdb_txn_begin(s.env, NULL, 0, &mt));
            for (uint64_t n = crmtest_below(&seed, 300); n; n--) {
                i = (uint32_t)crmtest_below(&seed, 1000);
                v.mv_size = (size_t)crmtest_below(&seed, round % 2 ? 1500 : sizeof value);
                MUST(!mdb_put(mt, s.dbi[0], &k, &v, 0));
            }
            for (i = 0; i < 1000; i++) {
                if (crmtest_below(&seed, 4))
                    (void)mdb_del(mt, s.dbi[0], &k, NULL);
            }
            OK(mdb_txn_commit(mt));
            OK(stat(store_file(s.dir), &st));
            OK(mdb_env_info(s.env, &info));
            shorter += (info.me_last_pgno + 1) * 4096 > (uint64_t)st.st_size;
            healthy(s.dir);
        }
        store_close(&s);
    }
    ck_assert_uint_gt(shorter, 0);
}

CRM_TEST(test_kv_page_walk__no_fault_after_nested_and_aborted_transactions)
{
    uint64_t seed = crmtest_seed() + 14;
    static uint8_t value[9000];
    store s;

    store_make(&s, "store", 4);
    for (int i = 0; i < 60; i++) {
        MDB_txn *mt, *sub;
        OK(mdb_txn_begin(s.env, NULL, 0, &mt));
        for (int part = 0; part < 4; part++) {
            OK(mdb_txn_begin(s.env, mt, 0, &sub));
            for (int j = 0; j < 40; j++) {
                uint8_t key[KV_KEY_MAX];
                unsigned space = (unsigned)crmtest_below(&seed, 4);
                crm__slice at = store_key(space, crmtest_below(&seed, 400), key);
                MDB_val k = {at.n, key}, v = {crmtest_below(&seed, sizeof value), value};
                if (crmtest_below(&seed, 3))
                    OK(mdb_put(sub, s.dbi[space], &k, &v, 0));
                else
                    (void)mdb_del(sub, s.dbi[space], &k, NULL);
            }
            if (crmtest_below(&seed, 2))
                OK(mdb_txn_commit(sub));
            else
                mdb_txn_abort(sub);
        }
        if (crmtest_below(&seed, 4))
            OK(mdb_txn_commit(mt));
        else
            mdb_txn_abort(mt);
        healthy(s.dir);
    }
    store_close(&s);
}

/* ---- single damages ---- */

static char kept[4400];

static void keep(store *s, uint64_t *seed, unsigned commits, unsigned rows, size_t value_max)
{
    store_make(s, "store", KV_SPACES);
    store_work(s, seed, commits, rows, value_max);
    store_close(s);
    healthy(s->dir);
    snprintf(kept, sizeof kept, "%s", crmtest_path("kept"));
    OK(damage_copy_file(store_file(s->dir), kept));
}

static void restore(const char *dir)
{
    OK(damage_copy_file(kept, store_file(dir)));
}

static uint64_t faults_of(const char *dir, walk_log *log)
{
    kv_page_summary sum;
    kv_txn *txn = page_begin(dir);
    uint64_t n = walk_faults(txn, log, &sum);

    page_end(txn);
    return n;
}

static int has_header(const page_map *m, uint64_t page)
{
    return m->role[page] != ROLE_FREE && m->role[page] != ROLE_INSIDE;
}

CRM_TEST(test_kv_page_walk__reports_every_zeroed_page)
{
    uint64_t seed = crmtest_seed() + 15, met = 0;
    walk_log log;
    page_map m;
    store s;

    keep(&s, &seed, 5, 900, 3000);
    page_map_read(&m, s.dir);
    for (uint64_t page = 0; page < m.pages; page++) {
        uint64_t n;
        OK(damage_zero_page(store_file(s.dir), page));
        if (page < 2 || has_header(&m, page)) {
            int found = 0;
            n = faults_of(s.dir, &log);
            for (uint64_t i = 0; i < log.handed && i < 1000; i++)
                found |= log.pages[i] == (int64_t)page;
            /* Without the newer meta page the walk is that of the commit before. */
            ck_assert_msg(n > 0 && found, "page %u, role %d", (unsigned)page, (int)m.role[page]);
            met++;
        } else {
            OK((int)faults_of(s.dir, &log));
        }
        OK(damage_put(store_file(s.dir), page * 4096, m.bytes + page * 4096, 4096));
    }
    ck_assert_uint_gt(met, 100);
    OK((int)faults_of(s.dir, &log));
    page_map_free(&m);
}

CRM_TEST(test_kv_page_walk__reports_swapped_and_copied_pages)
{
    uint64_t seed = crmtest_seed() + 16;
    walk_log log;
    page_map m;
    store s;

    keep(&s, &seed, 5, 300, 9000);
    page_map_read(&m, s.dir);
    for (unsigned i = 0; i < crmtest_rounds(600, 5000); i++) {
        uint64_t a = crmtest_below(&seed, m.pages), b = crmtest_below(&seed, m.pages);
        int copy = (int)crmtest_below(&seed, 2);
        if (a == b || (!has_header(&m, b) && (copy || !has_header(&m, a))))
            continue;
        if (copy)
            OK(damage_copy_page(store_file(s.dir), a, b));
        else
            OK(damage_swap_pages(store_file(s.dir), a, b));
        if (a < 2 && b < 2 && !copy) {
            kv_env *env;
            ck_assert_int_eq(crm__kv_page_open(s.dir, NULL, &env, NULL), CRM_ECORRUPT);
        } else {
            ck_assert_msg(faults_of(s.dir, &log) > 0, "%u %u", (unsigned)a, (unsigned)b);
        }
        OK(damage_put(store_file(s.dir), a * 4096, m.bytes + a * 4096, 4096));
        OK(damage_put(store_file(s.dir), b * 4096, m.bytes + b * 4096, 4096));
    }
    OK((int)faults_of(s.dir, &log));
    page_map_free(&m);
}

CRM_TEST(test_kv_page_walk__reports_truncation)
{
    crm_error err = CRM_ERROR_INIT;
    kv_txn *txn;
    uint64_t seed = crmtest_seed() + 17;
    walk_log log;
    page_map m;
    store s;

    keep(&s, &seed, 5, 300, 9000);
    page_map_read(&m, s.dir);
    for (uint64_t page = m.pages; page-- > 2;) {
        int lost = 0;
        for (uint64_t p = page; p < m.pages; p++)
            lost |= m.role[p] != ROLE_FREE;
        OK(damage_truncate(store_file(s.dir), page * 4096 + (page % 2 ? 1 + page % 4095 : 0)));
        ck_assert_int_eq(faults_of(s.dir, &log) > 0, lost);
        txn = page_begin(s.dir);
        ck_assert_int_eq(crm__page_sound(txn, &err), lost ? CRM_ECORRUPT : CRM_OK);
        ck_assert(!lost || strstr(err.message, "is cut"));
        page_end(txn);
    }
    page_map_free(&m);
}

/* Offset in the file of a node of the main database's root leaf, by name. */
static uint64_t record_of(const page_map *m, const char *name)
{
    for (uint64_t page = 2; page < m->pages; page++) {
        const uint8_t *p = m->bytes + page * 4096;
        unsigned n = (crm__get_le16(p + 12) - 16u) / 2;
        if (m->role[page] != ROLE_LEAF || strcmp(m->space[page], "main"))
            continue;
        for (unsigned i = 0; i < n; i++) {
            unsigned at = crm__get_le16(p + 16 + 2 * i);
            if (p[at + 6] == strlen(name) && !memcmp(p + at + 8, name, p[at + 6]))
                return page * 4096 + at;
        }
    }
    ck_abort_msg("no record of %s", name);
}

static void expect_fault(const char *dir, const char *part)
{
    walk_log log;

    ck_assert_uint_gt(faults_of(dir, &log), 0);
    ck_assert_msg(strstr(log.first, part) != NULL, "\"%s\" has no \"%s\"", log.first, part);
}

CRM_TEST(test_kv_page_walk__compares_the_records_of_trees)
{
    static const char *const PART[] = {"branch pages", "leaf pages", "overflow pages", "rows"};
    uint64_t seed = crmtest_seed() + 18, record;
    uint8_t eight[8];
    const char *file;
    page_map m;
    store s;

    keep(&s, &seed, 5, 3000, 9000);
    page_map_read(&m, s.dir);
    file = store_file(s.dir);
    record = record_of(&m, "tag") + 8 + 3;
    for (unsigned i = 0; i < 4; i++) {
        crm__put_le64(eight, crm__get_le64(m.bytes + record + 8 + 8 * i) + 1);
        OK(damage_put(file, record + 8 + 8 * i, eight, 8));
        expect_fault(s.dir, PART[i]);
        restore(s.dir);
    }
    crm__put_le64(eight, m.pages + 100000);
    OK(damage_put(file, record + 40, eight, 8));
    expect_fault(s.dir, "record is impossible");
    restore(s.dir);
    OK(damage_put(file, record + 4, "\4", 1));
    expect_fault(s.dir, "duplicates or another key order");
    restore(s.dir);
    eight[0] = m.bytes[record + 6] == 3 ? 2 : 3;
    OK(damage_put(file, record + 6, eight, 1));
    expect_fault(s.dir, "another depth");
    restore(s.dir);
    /* The name stands for a plain value: its tree is lost. */
    OK(damage_put(file, record - 3 - 8 + 4, "\0", 1));
    expect_fault(s.dir, "record is impossible");
    page_map_free(&m);
}

CRM_TEST(test_kv_page_walk__names_misplaced_pages_and_keys)
{
    uint64_t seed = crmtest_seed() + 18, page = 0, leaf = 0, first, second;
    uint8_t eight[8];
    const char *file;
    page_map m;
    store s;

    keep(&s, &seed, 5, 3000, 9000);
    page_map_read(&m, s.dir);
    file = store_file(s.dir);
    for (uint64_t i = 2; i < m.pages; i++) {
        if (m.role[i] == ROLE_BRANCH && !strcmp(m.space[i], "tag"))
            page = i;
        if (m.role[i] == ROLE_LEAF && !strcmp(m.space[i], "tag"))
            leaf = i;
    }
    ck_assert_uint_gt(page, 0);
    first = page * 4096 + crm__get_le16(m.bytes + page * 4096 + 16);
    second = page * 4096 + crm__get_le16(m.bytes + page * 4096 + 18);
    /* The first child is the page itself. */
    crm__put_le64(eight, page);
    OK(damage_put(file, first, eight, 4));
    expect_fault(s.dir, "two places");
    restore(s.dir);
    /* Two children change places. */
    OK(damage_put(file, first, m.bytes + second, 4));
    OK(damage_put(file, second, m.bytes + first, 4));
    expect_fault(s.dir, "outside the range");
    restore(s.dir);
    /* Two offsets of a leaf change places. */
    OK(damage_put(file, leaf * 4096 + 16, m.bytes + leaf * 4096 + 18, 2));
    expect_fault(s.dir, "overlap");
    OK(damage_put(file, leaf * 4096 + 18, m.bytes + leaf * 4096 + 16, 2));
    expect_fault(s.dir, "out of order");
    page_map_free(&m);
}

/* One 64-bit number changed, its fault, and back again. */
static void put_number(const store *s, uint64_t at, uint64_t v, const char *part)
{
    uint8_t eight[8];

    crm__put_le64(eight, v);
    OK(damage_put(store_file(s->dir), at, eight, 8));
    expect_fault(s->dir, part);
    restore(s->dir);
}

/* Offset of an entry of the free list, and a page of the role that can stand there in order. */
static uint64_t fitting_entry(const page_map *m, page_role role, uint64_t *other)
{
    for (uint64_t page = 2; page < m->pages; page++) {
        const uint8_t *p = m->bytes + page * 4096;
        if (m->role[page] != ROLE_LEAF || strcmp(m->space[page], "free list"))
            continue;
        for (unsigned i = 0; i < (crm__get_le16(p + 12) - 16u) / 2; i++) {
            uint64_t value = page * 4096 + crm__get_le16(p + 16 + 2 * i) + 16u;
            if (p[crm__get_le16(p + 16 + 2 * i) + 4] == 1)
                value = crm__get_le64(m->bytes + value) * 4096 + 16;
            for (uint64_t n = crm__get_le64(m->bytes + value), j = 2; j < n; j++) {
                const uint8_t *entry = m->bytes + value + 8 * j;
                uint64_t id = crm__get_le64(entry);
                for (uint64_t o = crm__get_le64(entry + 8) + 1; o < crm__get_le64(entry - 8); o++) {
                    if (o != id && m->role[o] == role) {
                        *other = o;
                        return value + 8 * j;
                    }
                }
            }
        }
    }
    ck_abort_msg("no entry fits");
}

/* A record of the free list with three numbers at least, and the key of the last record. */
static uint64_t free_record(const page_map *m, uint64_t *last_key)
{
    uint64_t at = 0, highest = 0;

    for (uint64_t page = 2; page < m->pages; page++) {
        const uint8_t *p = m->bytes + page * 4096;
        if (m->role[page] != ROLE_LEAF || strcmp(m->space[page], "free list"))
            continue;
        for (unsigned i = 0; i < (crm__get_le16(p + 12) - 16u) / 2; i++) {
            uint64_t node = page * 4096 + crm__get_le16(p + 16 + 2 * i);
            uint64_t value = node + 16, commit = crm__get_le64(m->bytes + node + 8);
            if (m->bytes[node + 4] == 1)
                value = crm__get_le64(m->bytes + value) * 4096 + 16;
            if (crm__get_le64(m->bytes + value) >= 3)
                at = value;
            if (commit > highest) {
                highest = commit;
                *last_key = node + 8;
            }
        }
    }
    ck_assert_uint_gt(at, 0);
    return at;
}

CRM_TEST(test_kv_page_walk__checks_the_free_list)
{
    uint64_t seed = crmtest_seed() + 19, at, count, last_key = 0, other = 0;
    page_map m;
    store s;

    keep(&s, &seed, 6, 1500, 9000);
    page_map_read(&m, s.dir);
    at = free_record(&m, &last_key);
    count = crm__get_le64(m.bytes + at);
    /* One fewer: its last page is lost. */
    put_number(&s, at, count - 1, "neither in use nor free");
    put_number(&s, at, UINT64_MAX, "free list record");
    /* The same page twice breaks the order. */
    put_number(&s, at + 16, crm__get_le64(m.bytes + at + 8), "free list record");
    put_number(&s, at + 8, m.pages + 1000000, "in the free list and lies beyond");
    put_number(&s, at + 8 * count, 1, "in the free list and lies beyond");
    /* A page of another place, put where it keeps the order. */
    at = fitting_entry(&m, ROLE_LEAF, &other);
    put_number(&s, at, other, "in use and in the free list");
    at = fitting_entry(&m, ROLE_FREE, &other);
    put_number(&s, at, other, "in the free list twice");
    /* The last record is of a commit still to come. */
    put_number(&s, last_key, 1 << 30, "free list record");
    page_map_free(&m);
}

CRM_TEST(test_kv_page_walk__reports_duplicates_and_foreign_orders)
{
    static const unsigned FLAGS[] = {MDB_DUPSORT, MDB_DUPSORT | MDB_DUPFIXED, MDB_INTEGERKEY,
                                     MDB_REVERSEKEY};
    crm__slice v;

    for (unsigned i = 0; i < 4; i++) {
        MDB_val k = {8, "12345678"}, mv = {4, "abcd"}, mw = {4, "efgh"};
        char name[8];
        kv_cursor *c;
        MDB_txn *mt;
        MDB_dbi dbi;
        kv_txn *txn;
        store s;
        snprintf(name, sizeof name, "s%u", i);
        store_make(&s, name, 1);
        OK(mdb_txn_begin(s.env, NULL, 0, &mt));
        OK(mdb_dbi_open(mt, "tag", MDB_CREATE | FLAGS[i], &dbi));
        OK(mdb_put(mt, dbi, &k, &mv, 0));
        OK(mdb_put(mt, dbi, &k, &mw, 0));
        OK(mdb_txn_commit(mt));
        store_close(&s);
        expect_fault(s.dir, "duplicates or another key order");
        txn = page_begin(s.dir);
        ck_assert_int_eq(txn->ops->get(txn, KV_TAG, (crm__slice){k.mv_data, 8}, &v), CRM_ECORRUPT);
        ck_assert_int_eq(txn->ops->cursor(txn, KV_TAG, &c), CRM_ECORRUPT);
        page_end(txn);
    }
}

static int stop_at(uint64_t done, uint64_t total, void *ctx)
{
    uint64_t *calls = ctx;

    ck_assert_uint_le(done, total);
    return ++*calls == 3;
}

static int never(uint64_t done, uint64_t total, void *ctx)
{
    uint64_t *calls = ctx;

    ck_assert_uint_le(done, total);
    ++*calls;
    return 0;
}

CRM_TEST(test_kv_page_walk__progress_and_limits)
{
    static const uint8_t far[8] = {0xff, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0};
    uint64_t seed = crmtest_seed() + 20, calls = 0;
    crm_error err = CRM_ERROR_INIT;
    kv_page_summary sum;
    walk_log log;
    kv_txn *txn, other;
    store s;

    keep(&s, &seed, 3, 9000, 20000);
    txn = page_begin(s.dir);
    ck_assert_int_eq(crm__kv_page_walk(txn, NULL, stop_at, &calls, &sum, &err), CRM_ECANCELLED);
    ck_assert_uint_eq(calls, 3);
    calls = 0;
    OK(crm__kv_page_walk(txn, NULL, never, &calls, &sum, NULL));
    ck_assert_uint_gt(sum.pages, 5000);
    ck_assert_uint_eq(calls, (sum.reachable + sum.free_pages) / 1000);
    ck_assert_uint_eq(sum.reachable + sum.free_pages, sum.pages);
    memset(&other, 0, sizeof other);
    ck_assert_int_eq(crm__kv_page_walk(&other, NULL, NULL, NULL, &sum, &err), CRM_EINVAL);
    page_end(txn);
    /* A last page of 2^44 in both meta pages must not be believed. */
    OK(damage_put(store_file(s.dir), 136, far, 8));
    OK(damage_put(store_file(s.dir), 4096 + 136, far, 8));
    txn = page_begin(s.dir);
    ck_assert_uint_gt(walk_faults(txn, &log, &sum), 0);
    ck_assert_msg(strstr(log.first, "far beyond") != NULL, "%s", log.first);
    ck_assert_int_eq(crm__page_sound(txn, &err), CRM_ECORRUPT);
    page_end(txn);
    restore(s.dir);
    /* More faults than are handed out: every second leaf is gone. */
    {
        page_map m;
        uint64_t gone = 0;
        page_map_read(&m, s.dir);
        for (uint64_t page = 2; page < m.pages; page++) {
            if (m.role[page] == ROLE_RUN || m.role[page] == ROLE_LEAF)
                if (++gone)
                    OK(damage_zero_page(store_file(s.dir), page));
        }
        txn = page_begin(s.dir);
        ck_assert_uint_gt(walk_faults(txn, &log, &sum), 0);
        page_end(txn);
        page_map_free(&m);
    }
}
