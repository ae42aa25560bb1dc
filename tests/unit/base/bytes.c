/* SPDX-License-Identifier: MIT */
#include "base/bytes.h"
#include "base/mem.h"
#include "crmtest.h"

#include <string.h>

/* For loops of millions: ck_assert writes a line for each that passes. */
#define EXPECT(x)                                                                                  \
    do {                                                                                           \
        if (!(x))                                                                                  \
            ck_abort_msg("not so: %s", #x);                                                        \
    } while (0)

CRM_TEST(test_base_bytes__byte_order_is_as_named)
{
    uint8_t p[9] = {0};
    const uint8_t be[8] = {1, 2, 3, 4, 5, 6, 7, 8}, le[8] = {8, 7, 6, 5, 4, 3, 2, 1};

    crm__put_be64(p + 1, 0x0102030405060708u);
    ck_assert_mem_eq(p + 1, be, 8);
    crm__put_le64(p + 1, 0x0102030405060708u);
    ck_assert_mem_eq(p + 1, le, 8);
    crm__put_be32(p + 1, 0x01020304u);
    ck_assert_mem_eq(p + 1, be, 4);
    crm__put_le32(p + 1, 0x05060708u);
    ck_assert_mem_eq(p + 1, le, 4);
    crm__put_be16(p + 1, 0x0102u);
    ck_assert_mem_eq(p + 1, be, 2);
    crm__put_le16(p + 1, 0x0708u);
    ck_assert_mem_eq(p + 1, le, 2);
    ck_assert_uint_eq(crm__get_be64(be), 0x0102030405060708u);
    ck_assert_uint_eq(crm__get_le64(be), 0x0807060504030201u);
    ck_assert_uint_eq(crm__get_be32(be), 0x01020304u);
    ck_assert_uint_eq(crm__get_le32(be), 0x04030201u);
    ck_assert_uint_eq(crm__get_be16(be), 0x0102u);
    ck_assert_uint_eq(crm__get_le16(be), 0x0201u);
}

CRM_TEST(test_base_bytes__big_endian_sorts_as_numbers)
{
    uint64_t seed = crmtest_seed();

    for (size_t i = 0; i < crmtest_rounds(20000, 200000); i++) {
        uint64_t a = crmtest_rand(&seed) >> crmtest_below(&seed, 64);
        uint64_t b = crmtest_rand(&seed) >> crmtest_below(&seed, 64);
        uint8_t x[8], y[8];
        int by_bytes;
        crm__put_be64(x, a);
        crm__put_be64(y, b);
        by_bytes = memcmp(x, y, 8);
        EXPECT((by_bytes > 0) - (by_bytes < 0) == (a > b) - (a < b));
    }
}

CRM_TEST(test_base_bytes__reader_fails_once_and_for_all)
{
    const uint8_t p[20] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20};
    crm__reader r = crm__reader_of(p, 20);

    ck_assert_uint_eq(crm__read_u8(&r), 1);
    ck_assert_uint_eq(crm__read_le16(&r), 0x0302);
    ck_assert_uint_eq(crm__read_be16(&r), 0x0405);
    ck_assert_uint_eq(crm__read_le32(&r), 0x09080706u);
    ck_assert_uint_eq(crm__read_be32(&r), 0x0a0b0c0du);
    ck_assert_ptr_eq(crm__read_bytes(&r, 2), p + 13);
    ck_assert_uint_eq(crm__reader_left(&r), 5);
    ck_assert_int_eq(r.failed, 0);
    ck_assert_uint_eq(crm__read_le64(&r), 0);
    ck_assert_int_eq(r.failed, 1);
    /* What would have fitted is not read after a failure. */
    ck_assert_uint_eq(crm__read_u8(&r), 0);
    ck_assert_uint_eq(crm__read_le16(&r), 0);
    ck_assert_uint_eq(crm__read_varint(&r), 0);
    ck_assert_int_eq(crm__read_zigzag(&r), 0);
    ck_assert_ptr_null(crm__read_bytes(&r, 0));
    ck_assert_int_eq(r.failed, 1);
}

CRM_TEST(test_base_bytes__reader_refuses_absurd_lengths)
{
    const uint8_t p[3] = {1, 2, 3};
    crm__reader r = crm__reader_of(p, 3);

    ck_assert_ptr_nonnull(crm__read_bytes(&r, 0));
    ck_assert_ptr_null(crm__read_bytes(&r, UINT64_MAX));
    ck_assert_int_eq(r.failed, 1);
    r = crm__reader_of(NULL, 0);
    ck_assert_ptr_nonnull(crm__read_bytes(&r, 0));
    ck_assert_int_eq(r.failed, 0);
    ck_assert_uint_eq(crm__read_u8(&r), 0);
    ck_assert_int_eq(r.failed, 1);
    r = crm__reader_of(NULL, 5);
    ck_assert_int_eq(r.failed, 1);
}

static void round_trip(uint64_t v)
{
    crm__buf b;
    crm__reader r;
    int64_t s = (int64_t)v;

    crm__buf_init(&b, NULL);
    crm__buf_add_varint(&b, v);
    crm__buf_add_zigzag(&b, s);
    crm__buf_add_u8(&b, 0x55);
    r = crm__reader_of(b.p, b.n);
    EXPECT(crm__read_varint(&r) == v);
    EXPECT(crm__read_zigzag(&r) == s);
    EXPECT(crm__read_u8(&r) == 0x55);
    EXPECT(r.failed == 0);
    EXPECT(r.p == r.end);
    crm__buf_clear(&b);
}

CRM_TEST(test_base_bytes__varints_round_trip)
{
    uint64_t seed = crmtest_seed();

    for (unsigned bit = 0; bit < 64; bit++) {
        round_trip(UINT64_C(1) << bit);
        round_trip((UINT64_C(1) << bit) - 1);
        round_trip(0 - (UINT64_C(1) << bit));
    }
    round_trip(UINT64_MAX);
    round_trip((uint64_t)INT64_MIN);
    for (size_t i = 0; i < crmtest_rounds(20000, 500000); i++)
        round_trip(crmtest_rand(&seed) >> crmtest_below(&seed, 64));
}

/* Spelled out: the bytes up to the first without the high bit, at most ten, value below 2^64, and
 * the last byte not an empty one. */
static int varint_oracle(const uint8_t *p, size_t n, uint64_t *v, size_t *len)
{
    unsigned __int128 sum = 0;

    for (size_t i = 0; i < n && i < 10; i++) {
        sum += (unsigned __int128)(p[i] & 0x7f) << 7 * i;
        if (p[i] & 0x80)
            continue;
        *v = (uint64_t)sum;
        *len = i + 1;
        return sum <= UINT64_MAX && (i == 0 || p[i] != 0);
    }
    return 0;
}

static void compare_varint(const uint8_t *p, size_t n)
{
    crm__reader r = crm__reader_of(p, n);
    uint64_t want = 0, got = crm__read_varint(&r);
    size_t len = 0;
    int ok = varint_oracle(p, n, &want, &len);

    EXPECT(r.failed == !ok);
    EXPECT(got == (ok ? want : 0));
    EXPECT(r.p == (ok ? p + len : p + n));
}

CRM_TEST(test_base_bytes__varint_takes_exactly_the_shortest_spelling)
{
    uint64_t seed = crmtest_seed();
    uint8_t p[20] = {0};

    for (unsigned v = 0; v < 0x1000000; v += v < 0x10000 ? 1 : 251) {
        p[0] = (uint8_t)v;
        p[1] = (uint8_t)(v >> 8);
        p[2] = (uint8_t)(v >> 16);
        compare_varint(p, 1);
        compare_varint(p, 2);
        compare_varint(p, 3);
        compare_varint(p, 8);
    }
    for (size_t i = 0; i < crmtest_rounds(100000, 2000000); i++) {
        size_t n = crmtest_below(&seed, sizeof p + 1);
        for (size_t j = 0; j < sizeof p; j++) {
            uint64_t x = crmtest_rand(&seed);
            p[j] = (uint8_t)(x & 0x700 ? x | 0x80 : x & (x >> 16));
        }
        compare_varint(p, n);
    }
    memset(p, 0xff, sizeof p);
    for (unsigned last = 0; last < 256; last++) {
        p[9] = (uint8_t)last;
        compare_varint(p, 10);
        compare_varint(p, 12);
    }
}
