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

uint64_t crm__check_tag(const uint8_t tag_key[CRM__HASH_KEY], uint8_t space, crm__slice key,
                        crm__slice value)
{
    uint8_t place[512], row_key[CRM__HASH_KEY], tag[8];
    size_t n = key.n < sizeof place - 1 ? key.n : sizeof place - 1;

    place[0] = space;
    memcpy(place + 1, key.p, n);
    crypto_shorthash_siphash24(row_key, place, n + 1, tag_key);
    memcpy(row_key + 8, tag_key + 8, 8);
    crypto_shorthash_siphash24(tag, value.n ? value.p : place, value.n, row_key);
    return crm__get_le64(tag);
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
