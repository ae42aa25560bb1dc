/* SPDX-License-Identifier: MIT
 * Hashes: see hash.h.
 */
#include "base/hash.h"

#include "base/bytes.h"

#include <crm/codes.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/random.h>

/* Two 64-bit numbers in one that depends on each of their bits. */
static inline uint64_t fold(uint64_t x, uint64_t y)
{
    unsigned __int128 m = (unsigned __int128)x * y;

    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

/* The digits of pi, so that a key of zeros is none. */
#define PI_0 UINT64_C(0x243F6A8885A308D3)
#define PI_1 UINT64_C(0x13198A2E03707344)

/* Two chains side by side, so that one multiplication need not wait for the other. */
static uint64_t absorb(uint64_t a, uint64_t b, uint64_t h, crm__slice s)
{
    const uint8_t *p = s.p;
    uint8_t rest[32] = {0};
    uint64_t g = h;
    size_t n = s.n;

    for (; n >= 32; n -= 32, p += 32) {
        h = fold(crm__get_le64(p) ^ a, crm__get_le64(p + 8) ^ h);
        g = fold(crm__get_le64(p + 16) ^ b, crm__get_le64(p + 24) ^ g);
    }
    if (n) {
        memcpy(rest, p, n);
        h = fold(crm__get_le64(rest) ^ a, crm__get_le64(rest + 8) ^ h);
        g = fold(crm__get_le64(rest + 16) ^ b, crm__get_le64(rest + 24) ^ g);
    }
    return fold(h ^ b, g ^ a);
}

uint64_t crm__check_tag(const uint8_t tag_key[CRM__HASH_KEY], uint8_t space, crm__slice key,
                        crm__slice value)
{
    uint64_t a = crm__get_le64(tag_key) ^ PI_0, b = crm__get_le64(tag_key + 8) ^ PI_1;
    uint64_t place = absorb(a, b, fold(space ^ a, key.n ^ b), key);

    return absorb(a, b, place ^ value.n, value);
}

void crm__token(const uint8_t token_key[CRM__HASH_KEY], crm__slice input,
                uint8_t out[CRM__TOKEN_SIZE])
{
    static const uint8_t none;

    crypto_shorthash_siphashx24(out, input.n ? input.p : &none, input.n, token_key);
}

void crm__digest(const uint8_t key[CRM__DIGEST], const crm__slice *parts, size_t count,
                 uint8_t out[CRM__DIGEST])
{
    crypto_generichash_blake2b_state st;

    crypto_generichash_blake2b_init(&st, key, key ? CRM__DIGEST : 0, CRM__DIGEST);
    for (size_t i = 0; i < count; i++) {
        if (parts[i].n)
            crypto_generichash_blake2b_update(&st, parts[i].p, parts[i].n);
    }
    crypto_generichash_blake2b_final(&st, out, CRM__DIGEST);
}

uint64_t crm__hash64(uint64_t seed, const void *p, size_t n)
{
    const uint8_t *b = p;
    uint64_t h = seed ^ (n * 0x9E3779B97F4A7C15u);

    for (; n >= 8; n -= 8, b += 8) {
        h = (h ^ crm__get_le64(b)) * 0xBF58476D1CE4E5B9u;
        h ^= h >> 32;
    }
    if (n) {
        uint8_t t[8] = {0};
        memcpy(t, b, n);
        h = (h ^ crm__get_le64(t)) * 0xBF58476D1CE4E5B9u;
    }
    h ^= h >> 31;
    h *= 0x94D049BB133111EBu;
    return h ^ (h >> 29);
}

int crm__random(void *p, size_t n)
{
    uint8_t *b = p;

    while (n) {
        ssize_t got = getrandom(b, n, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return CRM_EIO;
        b += got;
        n -= (size_t)got;
    }
    return CRM_OK;
}
