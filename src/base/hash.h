/* SPDX-License-Identifier: MIT
 * Keyed hashes and randomness (libsodium; the only file that sees sodium.h).
 */
#ifndef CRM_BASE_HASH_H
#define CRM_BASE_HASH_H

#include "base/mem.h"

enum { CRM__TAG_SIZE = 8, CRM__TOKEN_SIZE = 16, CRM__HASH_KEY = 16, CRM__DIGEST = 32 };

/* Check tag of a stored value: of the value, the row's place (space and key) and the database's tag
 * key, by folded products (docs/format.md).  So a value in the wrong row, or from another database,
 * fails like a flipped bit.  Against accident, not against forgers: whoever can write the file can
 * read the key. */
uint64_t crm__check_tag(const uint8_t tag_key[CRM__HASH_KEY], uint8_t space, crm__slice key,
                        crm__slice value);

/* Index token: SipHash-2-4-128 under the database's token key. */
void crm__token(const uint8_t token_key[CRM__HASH_KEY], crm__slice input,
                uint8_t out[CRM__TOKEN_SIZE]);

/* Fast unkeyed-by-default hash for tables in memory. */
uint64_t crm__hash64(uint64_t seed, const void *p, size_t n);

/* BLAKE2b-256 of the parts one after another, keyed when key is not NULL. */
void crm__digest(const uint8_t key[CRM__DIGEST], const crm__slice *parts, size_t count,
                 uint8_t out[CRM__DIGEST]);

/* Random bytes from the kernel. CRM_OK or CRM_EIO. */
int crm__random(void *p, size_t n);

#endif
