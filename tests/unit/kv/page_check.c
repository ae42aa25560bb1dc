/* SPDX-License-Identifier: MIT
 * The rules for a single page, on pages made by hand in memory of exactly their size, so that a
 * sanitizer sees any step outside.
 */
#include "page_make.h"

#include "kv/kv_page.h"

#include <stdlib.h>
#include <string.h>

enum { PSIZE = 512, PGNO = 7 };

static crm__slice text(const char *s)
{
    return (crm__slice){(const uint8_t *)s, s ? strlen(s) : 0};
}

static uint8_t *new_page(unsigned flags)
{
    uint8_t *p = calloc(1, PSIZE);

    ck_assert_ptr_nonnull(p);
    crm__put_le64(p, PGNO);
    crm__put_le16(p + 10, (uint16_t)flags);
    crm__put_le16(p + 12, PAGE_HEAD);
    crm__put_le16(p + 14, PSIZE);
    return p;
}

/* Adds a node behind the others in key order; returns where it stands. */
static uint8_t *add(uint8_t *p, unsigned flags, crm__slice key, uint32_t size, size_t stored)
{
    uint16_t lower = crm__get_le16(p + 12), upper = crm__get_le16(p + 14);
    uint8_t *node;

    upper = (uint16_t)(upper - ((8 + key.n + stored + 1) & ~(size_t)1));
    ck_assert_uint_ge(upper, lower + 2u);
    node = p + upper;
    crm__put_le32(node, size);
    crm__put_le16(node + 4, (uint16_t)flags);
    crm__put_le16(node + 6, (uint16_t)key.n);
    if (key.n)
        memcpy(node + 8, key.p, key.n);
    memset(node + 8 + key.n, 'v', stored);
    crm__put_le16(p + lower, upper);
    crm__put_le16(p + 12, (uint16_t)(lower + 2));
    crm__put_le16(p + 14, upper);
    return node;
}

static uint8_t *leaf_of(const char *const *keys)
{
    uint8_t *p = new_page(PAGE_LEAF);

    for (uint32_t i = 0; keys[i]; i++)
        add(p, 0, text(keys[i]), i * 3, i * 3);
    return p;
}

static uint8_t *branch_of(const char *const *keys)
{
    uint8_t *p = new_page(PAGE_BRANCH);

    add(p, 0, text(NULL), 10, 0);
    for (uint32_t i = 0; keys[i]; i++)
        add(p, 0, text(keys[i]), 11 + i, 0);
    return p;
}

static void expect(uint8_t *p, page_use use, page_fault want)
{
    page_fault got = crm__page_check(p, PSIZE, PGNO, use);

    if (got != want)
        ck_abort_msg("%s, not %s", crm__page_fault_text((int)got), crm__page_fault_text((int)want));
}

/* With one 16-bit field changed. */
static void expect_with(uint8_t *p, size_t at, unsigned v, page_fault want)
{
    uint16_t before = crm__get_le16(p + at);

    crm__put_le16(p + at, (uint16_t)v);
    expect(p, PAGE_USE_SPACE, want);
    crm__put_le16(p + at, before);
    expect(p, PAGE_USE_SPACE, PAGE_FINE);
}

static const char *const KEYS[] = {"b", "bb", "c", "dddd", "e", NULL};

CRM_TEST(test_kv_page_check__header_rules)
{
    uint8_t *p = leaf_of(KEYS), *b = branch_of(KEYS);
    unsigned upper = crm__get_le16(p + 14), lower = crm__get_le16(p + 12);

    expect(p, PAGE_USE_SPACE, PAGE_FINE);
    expect(p, PAGE_USE_MAIN, PAGE_FINE);
    expect(b, PAGE_USE_SPACE, PAGE_FINE);
    expect_with(p, 0, PGNO + 1, PAGE_FAULT_NUMBER);
    expect_with(p, 6, 1, PAGE_FAULT_NUMBER);
    for (unsigned flags = 0; flags < 0x10000; flags++) {
        if (flags != PAGE_LEAF && flags != PAGE_BRANCH)
            expect_with(p, 10, flags, PAGE_FAULT_KIND);
    }
    expect_with(p, 12, 14, PAGE_FAULT_LAYOUT);
    expect_with(p, 12, 0, PAGE_FAULT_LAYOUT);
    expect_with(p, 12, lower + 1, PAGE_FAULT_LAYOUT);
    expect_with(p, 12, upper + 2, PAGE_FAULT_LAYOUT);
    expect_with(p, 12, 0xfffe, PAGE_FAULT_LAYOUT);
    expect_with(p, 14, upper + 1, PAGE_FAULT_LAYOUT);
    expect_with(p, 14, PSIZE + 2, PAGE_FAULT_LAYOUT);
    expect_with(p, 14, lower - 2, PAGE_FAULT_LAYOUT);
    expect_with(p, 12, PAGE_HEAD, PAGE_FAULT_FEW);
    expect_with(b, 12, PAGE_HEAD + 2, PAGE_FAULT_FEW);
    /* One offset more or fewer than nodes, and nodes beginning elsewhere than said. */
    expect_with(p, 12, lower - 2, PAGE_FAULT_NODES);
    expect_with(p, 12, lower + 2, PAGE_FAULT_NODES);
    expect_with(p, 14, upper - 2, PAGE_FAULT_NODES);
    expect_with(p, 14, upper + 2, PAGE_FAULT_NODES);
    free(p);
    free(b);
}

CRM_TEST(test_kv_page_check__node_rules)
{
    uint8_t *p = leaf_of(KEYS), *node, key[KV_KEY_MAX + 2];
    size_t third = crm__get_le16(p + PAGE_HEAD + 4);

    memset(key, 'z', sizeof key);
    for (unsigned at = 0; at < 0x10000; at++) {
        if (at != third)
            expect_with(p, PAGE_HEAD + 4, at, PAGE_FAULT_NODES);
    }
    expect_with(p, third, 8, PAGE_FAULT_NODES);     /* a value two bytes longer */
    expect_with(p, third + 2, 1, PAGE_FAULT_NODES); /* or 65536 */
    expect_with(p, third + 6, 3, PAGE_FAULT_NODES); /* a key two bytes longer */
    expect_with(p, third + 6, 0xffff, PAGE_FAULT_NODES);
    expect_with(p, third + 4, NODE_DB, PAGE_FAULT_ENTRY);
    expect_with(p, third + 4, 4, PAGE_FAULT_ENTRY);
    expect_with(p, third + 4, 6, PAGE_FAULT_ENTRY);
    expect_with(p, third + 4, 0x100, PAGE_FAULT_ENTRY);
    p[third + 8] = 'b';
    expect(p, PAGE_USE_SPACE, PAGE_FAULT_ORDER);
    free(p);

    /* Key of 0 bytes; equal keys; a prefix after the longer one. */
    p = new_page(PAGE_LEAF);
    add(p, 0, text(""), 2, 2);
    expect(p, PAGE_USE_SPACE, PAGE_FAULT_KEY);
    free(p);
    p = new_page(PAGE_LEAF);
    add(p, 0, text("a"), 2, 2);
    add(p, 0, text("a"), 2, 2);
    expect(p, PAGE_USE_SPACE, PAGE_FAULT_ORDER);
    free(p);
    p = new_page(PAGE_LEAF);
    add(p, 0, text("aa"), 2, 2);
    add(p, 0, text("a"), 2, 2);
    expect(p, PAGE_USE_SPACE, PAGE_FAULT_ORDER);
    free(p);

    /* Large values and database records. */
    p = new_page(PAGE_LEAF);
    node = add(p, NODE_BIG, text("a"), 100000, 8);
    expect(p, PAGE_USE_SPACE, PAGE_FINE);
    crm__put_le32(node, 0x80000000u);
    expect(p, PAGE_USE_SPACE, PAGE_FINE);
    crm__put_le32(node, 0x80000001u);
    expect(p, PAGE_USE_SPACE, PAGE_FAULT_VALUE);
    free(p);
    p = new_page(PAGE_LEAF);
    add(p, NODE_DB, text("tag"), PAGE_DB_BYTES, PAGE_DB_BYTES);
    expect(p, PAGE_USE_MAIN, PAGE_FINE);
    expect(p, PAGE_USE_SPACE, PAGE_FAULT_ENTRY);
    free(p);
    p = new_page(PAGE_LEAF);
    add(p, NODE_DB, text("tag"), PAGE_DB_BYTES - 2, PAGE_DB_BYTES - 2);
    expect(p, PAGE_USE_MAIN, PAGE_FAULT_RECORD);
    free(p);
}

CRM_TEST(test_kv_page_check__key_sizes)
{
    static uint8_t key[4000];
    const uint32_t psize = 4096;

    memset(key, 'k', sizeof key);
    for (unsigned n = 1; n < 600; n++) {
        uint8_t *p = calloc(1, psize);
        unsigned bytes = (8 + n + 1) & ~1u, at = psize - bytes;
        ck_assert_ptr_nonnull(p);
        crm__put_le16(p + 10, PAGE_LEAF);
        crm__put_le16(p + 12, PAGE_HEAD + 2);
        crm__put_le16(p + 14, (uint16_t)at);
        crm__put_le16(p + 16, (uint16_t)at);
        crm__put_le16(p + at + 6, (uint16_t)n);
        memcpy(p + at + 8, key, n);
        ck_assert_int_eq(crm__page_check(p, psize, 0, PAGE_USE_SPACE),
                         n <= KV_KEY_MAX ? PAGE_FINE : PAGE_FAULT_KEY);
        ck_assert_int_eq(crm__page_check(p, psize, 0, PAGE_USE_FREE),
                         n == 8 ? PAGE_FINE : PAGE_FAULT_KEY);
        free(p);
    }
}

CRM_TEST(test_kv_page_check__free_list_keys_are_numbers)
{
    uint8_t *p = new_page(PAGE_LEAF), a[8], b[8];

    /* 255 is above 256 as bytes, below it as a number. */
    crm__put_le64(a, 255);
    crm__put_le64(b, 256);
    add(p, 0, (crm__slice){a, 8}, 8, 8);
    add(p, 0, (crm__slice){b, 8}, 8, 8);
    expect(p, PAGE_USE_FREE, PAGE_FINE);
    expect(p, PAGE_USE_SPACE, PAGE_FAULT_ORDER);
    free(p);
    p = new_page(PAGE_BRANCH);
    add(p, 0, text(NULL), 9, 0);
    expect(p, PAGE_USE_FREE, PAGE_FINE);
    expect(p, PAGE_USE_MAIN, PAGE_FAULT_FEW);
    free(p);
}

/* Whatever passes can be read through the accessors; every byte of it is touched here. */
static unsigned touch(const uint8_t *p)
{
    unsigned sum = 0;

    for (unsigned i = 0; i < page_count(p); i++) {
        const uint8_t *node = page_node(p, i);
        crm__slice key = node_key(node);
        size_t n = !page_is_leaf(p) ? 0 : node_flags(node) == NODE_BIG ? 8 : node_size(node);
        MUST(node >= p + PAGE_HEAD + 2 * page_count(p));
        MUST(node_data(node) + n <= p + PSIZE);
        for (size_t j = 0; j < key.n; j++)
            sum += key.p[j];
        for (size_t j = 0; j < n; j++)
            sum += node_data(node)[j];
        sum += (unsigned)node_child(node);
        if (i > (page_is_leaf(p) ? 0u : 1u))
            MUST(crm__page_compare(PAGE_USE_SPACE, page_key(p, i - 1), key) < 0);
    }
    return sum;
}

CRM_TEST(test_kv_page_check__any_field_may_be_anything)
{
    uint64_t seed = crmtest_seed() + 40;
    uint8_t *pages[2] = {leaf_of(KEYS), branch_of(KEYS)};
    unsigned fine = 0, sum = 0, step = crmtest_stride(53);

    for (int i = 0; i < 2; i++) {
        uint8_t *p = pages[i];
        for (size_t at = 8; at < PSIZE; at += at == 24 ? 300 : 2) {
            uint16_t before = crm__get_le16(p + at);
            for (unsigned v = 0; v < 0x10000; v += step) {
                crm__put_le16(p + at, (uint16_t)v);
                if (!crm__page_check(p, PSIZE, PGNO, PAGE_USE_SPACE))
                    sum += touch(p);
            }
            crm__put_le16(p + at, before);
        }
    }
    for (size_t round = crmtest_rounds(200000, 5000000); round; round--) {
        uint8_t *from = pages[crmtest_below(&seed, 2)], p[PSIZE];
        memcpy(p, from, PSIZE);
        for (uint64_t n = 1 + crmtest_below(&seed, 6); n; n--) {
            uint64_t at = crmtest_below(&seed, 2) ? crmtest_below(&seed, 32)
                                                  : PSIZE - 1 - crmtest_below(&seed, 100);
            p[at] = (uint8_t)(crmtest_below(&seed, 2) ? crmtest_below(&seed, 16) * 2
                                                      : crmtest_rand(&seed));
        }
        if (crm__page_check(p, PSIZE, PGNO, PAGE_USE_SPACE))
            continue;
        fine++;
        sum += touch(p);
    }
    ck_assert_uint_gt(fine, 10);
    ck_assert_uint_ne(sum, 0);
    free(pages[0]);
    free(pages[1]);
}

CRM_TEST(test_kv_page_check__a_node_header_at_the_end)
{
    uint8_t *p = new_page(PAGE_LEAF);

    /* The first node ends 2, 4 or 6 bytes before the end, where a second one is said to begin. */
    for (unsigned left = 0; left < PAGE_NODE_HEAD; left += 2) {
        memset(p + 12, 0, PSIZE - 12);
        crm__put_le16(p + 12, PAGE_HEAD + 4);
        crm__put_le16(p + 14, 400);
        crm__put_le16(p + 16, 400);
        crm__put_le16(p + 18, (uint16_t)(PSIZE - left));
        crm__put_le32(p + 400, PSIZE - 400 - 10 - left);
        crm__put_le16(p + 406, 2);
        expect(p, PAGE_USE_SPACE, PAGE_FAULT_NODES);
    }
    free(p);
}

CRM_TEST(test_kv_page_check__range)
{
    uint8_t *leaf = leaf_of(KEYS), *branch = branch_of(KEYS);
    static const struct {
        const char *lo, *hi;
        page_fault leaf, branch;
    } CASES[] = {
        {NULL, NULL, PAGE_FINE, PAGE_FINE},
        {"a", "f", PAGE_FINE, PAGE_FINE},
        {"b", NULL, PAGE_FINE, PAGE_FAULT_RANGE},
        {"ba", NULL, PAGE_FAULT_RANGE, PAGE_FAULT_RANGE},
        {NULL, "e", PAGE_FAULT_RANGE, PAGE_FAULT_RANGE},
        {NULL, "ea", PAGE_FINE, PAGE_FINE},
        {NULL, "a", PAGE_FAULT_RANGE, PAGE_FAULT_RANGE},
        {"f", NULL, PAGE_FAULT_RANGE, PAGE_FAULT_RANGE},
    };

    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        crm__slice lo = text(CASES[i].lo), hi = text(CASES[i].hi);
        ck_assert_int_eq(crm__page_check_range(leaf, PAGE_USE_SPACE, lo, hi), CASES[i].leaf);
        ck_assert_int_eq(crm__page_check_range(branch, PAGE_USE_SPACE, lo, hi), CASES[i].branch);
    }
    free(leaf);
    free(branch);
}

CRM_TEST(test_kv_page_check__runs)
{
    uint8_t head[PAGE_HEAD] = {0};
    uint64_t run;
    page_snap s;

    memset(&s, 0, sizeof s);
    s.meta.psize = 4096;
    s.meta.last = 99;
    s.file_bytes = 90 * 4096;
    crm__put_le64(head, 10);
    crm__put_le16(head + 10, PAGE_OVERFLOW);
    crm__put_le32(head + 12, 2);
    ck_assert_int_eq(crm__page_check_run(&s, head, 10, 8192 - 16, &run), PAGE_FINE);
    ck_assert_uint_eq(run, 2);
    ck_assert_int_eq(crm__page_check_run(&s, head, 10, 1, &run), PAGE_FINE);
    ck_assert_int_eq(crm__page_check_run(&s, head, 10, 8192 - 15, &run), PAGE_FAULT_RUN);
    ck_assert_int_eq(crm__page_check_run(&s, head, 10, UINT32_MAX, &run), PAGE_FAULT_RUN);
    ck_assert_int_eq(crm__page_check_run(&s, head, 11, 1, &run), PAGE_FAULT_NUMBER);
    crm__put_le32(head + 12, 80);
    ck_assert_int_eq(crm__page_check_run(&s, head, 10, 1, &run), PAGE_FINE);
    crm__put_le32(head + 12, 81);
    ck_assert_int_eq(crm__page_check_run(&s, head, 10, 1, &run), PAGE_FAULT_RUN);
    s.file_bytes = 200 * 4096;
    crm__put_le32(head + 12, 90);
    ck_assert_int_eq(crm__page_check_run(&s, head, 10, 1, &run), PAGE_FINE);
    crm__put_le32(head + 12, 91);
    ck_assert_int_eq(crm__page_check_run(&s, head, 10, 1, &run), PAGE_FAULT_RUN);
    crm__put_le32(head + 12, 0);
    ck_assert_int_eq(crm__page_check_run(&s, head, 10, 0, &run), PAGE_FAULT_RUN);
    crm__put_le16(head + 10, PAGE_LEAF);
    ck_assert_int_eq(crm__page_check_run(&s, head, 10, 1, &run), PAGE_FAULT_KIND);
}

CRM_TEST(test_kv_page_check__texts)
{
    for (int i = 0; i < PAGE_FAULTS; i++)
        ck_assert_int_ne(crm__page_fault_text(i)[0], 0);
    ck_assert_ptr_nonnull(strstr(crm__page_fault_text(PAGE_FAULTS), "unknown"));
    ck_assert_ptr_nonnull(strstr(crm__page_fault_text(-1), "unknown"));
}
