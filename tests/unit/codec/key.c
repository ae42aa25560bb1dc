/* SPDX-License-Identifier: MIT
 * Keys: fixed forms, whose byte order is the order of what they stand for.
 */
#include "codec/key.h"
#include "crmtest.h"

#include <string.h>

static uint64_t any(uint64_t *seed)
{
    return crmtest_rand(seed) >> crmtest_below(seed, 64);
}

static int sign(int v)
{
    return (v > 0) - (v < 0);
}

static int order(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

CRM_TEST(test_codec_key__numbers_in_order)
{
    uint64_t seed = crmtest_seed();
    uint8_t a[CRM__KEY_U64], b[CRM__KEY_U64];

    for (int i = 0; i < 20000; i++) {
        uint64_t x = any(&seed),
                 y = crmtest_below(&seed, 3) ? any(&seed) : x + crmtest_below(&seed, 3);
        crm__slice s = crm__key_u64(a, x);
        ck_assert(s.p == a && s.n == CRM__KEY_U64);
        crm__key_u64(b, y);
        ck_assert_int_eq(sign(memcmp(a, b, sizeof a)), order(x, y));
        ck_assert_uint_eq(crm__get_be64(a), x);
    }
}

CRM_TEST(test_codec_key__sets_chunk_by_chunk)
{
    uint64_t seed = crmtest_seed();
    uint8_t a[CRM__KEY_BITS], b[CRM__KEY_BITS];

    for (int i = 0; i < 20000; i++) {
        uint32_t chunk[2], value[2];
        uint8_t index[2];
        int want;
        for (int k = 0; k < 2; k++) {
            chunk[k] = (uint32_t)crmtest_below(&seed, 3) << crmtest_below(&seed, 31);
            index[k] = (uint8_t)crmtest_below(&seed, 3);
            value[k] = (uint32_t)any(&seed);
        }
        crm__key_bits(a, chunk[0], index[0], value[0]);
        ck_assert_uint_eq(crm__key_bits(b, chunk[1], index[1], value[1]).n, 9);
        want = order(chunk[0], chunk[1]);
        if (!want)
            want = order(index[0], index[1]);
        if (!want)
            want = order(value[0], value[1]);
        ck_assert_int_eq(sign(memcmp(a, b, sizeof a)), want);
    }
}
