/* SPDX-License-Identifier: MIT */
#include "codec/key.h"
#include "crmtest.h"

#include <string.h>

enum { MOST = 300 };

/* By docs/format.md, with products of 32 bits. */
static uint64_t fold(uint64_t x, uint64_t y)
{
    uint64_t xl = (uint32_t)x, xh = x >> 32, yl = (uint32_t)y, yh = y >> 32;
    uint64_t low = xl * yl, a = xh * yl, b = xl * yh, high = xh * yh;
    uint64_t mid = (low >> 32) + (uint32_t)a + (uint32_t)b;

    return ((uint32_t)low | mid << 32) ^ (high + (a >> 32) + (b >> 32) + (mid >> 32));
}

static uint64_t word(const uint8_t *p, size_t n, size_t at)
{
    uint64_t v = 0;

    for (size_t i = 0; i < 8; i++)
        v |= (uint64_t)(at + i < n ? p[at + i] : 0) << (8 * i);
    return v;
}

static uint64_t absorb(uint64_t a, uint64_t b, uint64_t h, const uint8_t *p, size_t n)
{
    uint64_t g = h;

    for (size_t at = 0; at < n; at += 32) {
        h = fold(word(p, n, at) ^ a, word(p, n, at + 8) ^ h);
        g = fold(word(p, n, at + 16) ^ b, word(p, n, at + 24) ^ g);
    }
    return fold(h ^ b, g ^ a);
}

static uint64_t expected(const uint8_t tag_key[16], uint8_t space, const uint8_t *key, size_t key_n,
                         const uint8_t *value, size_t n)
{
    uint64_t a = word(tag_key, 16, 0) ^ UINT64_C(0x243F6A8885A308D3);
    uint64_t b = word(tag_key, 16, 8) ^ UINT64_C(0x13198A2E03707344);
    uint64_t place = absorb(a, b, fold(space ^ a, key_n ^ b), key, key_n);

    return absorb(a, b, place ^ n, value, n);
}

static void fill(uint64_t *seed, uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)crmtest_rand(seed);
}

CRM_TEST(test_base_hash__a_check_tag_is_what_the_format_says)
{
    uint8_t tag_key[CRM__HASH_KEY], key[64], value[MOST];
    uint64_t seed = crmtest_seed();

    for (size_t round = 0; round < crmtest_rounds(2000, 100000); round++) {
        size_t k = crmtest_below(&seed, sizeof key + 1), n = crmtest_below(&seed, MOST + 1);
        uint8_t space = (uint8_t)crmtest_below(&seed, 20);
        fill(&seed, tag_key, sizeof tag_key);
        fill(&seed, key, k);
        fill(&seed, value, n);
        ck_assert_uint_eq(
            crm__check_tag(tag_key, space, crm__slice_of(key, k), crm__slice_of(value, n)),
            expected(tag_key, space, key, k, value, n));
    }
}

static void flip(uint8_t *p, size_t bit)
{
    p[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

CRM_TEST(test_base_hash__a_check_tag_tells_each_bit_length_and_place)
{
    uint8_t tag_key[CRM__HASH_KEY], key[26] = {0}, value[MOST] = {0};
    crm__slice place = crm__slice_of(key, sizeof key);
    uint64_t seed = crmtest_seed();

    fill(&seed, tag_key, sizeof tag_key);
    fill(&seed, key, sizeof key);
    for (size_t n = 0; n < MOST; n += 1 + n / 9) {
        crm__slice v = crm__slice_of(value, n);
        uint64_t tag = crm__check_tag(tag_key, 1, place, v);
        uint8_t *const parts[] = {value, key, tag_key};
        const size_t bytes[] = {n, sizeof key, sizeof tag_key};
        for (int part = 0; part < 3; part++) {
            for (size_t bit = 0; bit < 8 * bytes[part]; bit++) {
                flip(parts[part], bit);
                ck_assert(crm__check_tag(tag_key, 1, place, v) != tag);
                flip(parts[part], bit);
            }
        }
        ck_assert(crm__check_tag(tag_key, 2, place, v) != tag);
        ck_assert(crm__check_tag(tag_key, 1, place, crm__slice_of(value, n + 1)) != tag);
        ck_assert(crm__check_tag(tag_key, 1, crm__slice_of(key, 25), v) != tag);
    }
}
