/* SPDX-License-Identifier: MIT
 * Open-addressed hash tables, at most half full.
 */
#include "model/names.h"

#include "base/utf8.h"

#include <crm/codes.h>
#include <string.h>

struct crm__name_slot {
    uint32_t hash, owner;
    const char *s; /* NULL: free */
    size_t n;
};

static size_t table_size(size_t most)
{
    size_t size = 8;

    while (size < most * 2)
        size *= 2;
    return size;
}

static uint32_t hash_bytes(const char *s, size_t n)
{
    uint64_t h = n * UINT64_C(0x9E3779B97F4A7C15), w;

    for (; n >= 8; s += 8, n -= 8) {
        memcpy(&w, s, 8);
        h = (h ^ w) * UINT64_C(0xD6E8FEB86659FD93);
        h ^= h >> 32;
    }
    for (w = 0; n; n--)
        w = w << 8 | (unsigned char)s[n - 1];
    h = (h ^ w) * UINT64_C(0xD6E8FEB86659FD93);
    return (uint32_t)(h >> 32 ^ h);
}

int crm__names_init(crm__names *t, crm__arena *a, size_t most)
{
    size_t size = table_size(most * 2);

    memset(t, 0, sizeof *t);
    t->slots = crm__arena_alloc(a, size * sizeof *t->slots);
    t->list = crm__arena_alloc(a, most * sizeof *t->list);
    if (!t->slots || !t->list)
        return CRM_ENOMEM;
    memset(t->slots, 0, size * sizeof *t->slots);
    t->mask = (uint32_t)(size - 1);
    return CRM_OK;
}

static struct crm__name_slot *slot_of(const crm__names *t, uint32_t hash, const char *s, size_t n)
{
    uint32_t i = hash & t->mask;

    while (t->slots[i].s) {
        struct crm__name_slot *slot = &t->slots[i];
        if (slot->hash == hash && slot->n == n && !memcmp(slot->s, s, n))
            break;
        i = (i + 1) & t->mask;
    }
    return &t->slots[i];
}

/* A slot that is owned already is left as it is: the caller has looked. */
static void put(crm__names *t, const char *s, size_t n, uint32_t owner)
{
    uint32_t hash = hash_bytes(s, n);
    struct crm__name_slot *slot = slot_of(t, hash, s, n);

    if (slot->s)
        return;
    slot->hash = hash;
    slot->owner = owner;
    slot->s = s;
    slot->n = n;
}

int crm__names_add(crm__names *t, crm__arena *a, const char *s, size_t n, uint32_t owner,
                   int listed, uint32_t *other)
{
    char room[CRM__FOLD_BYTES];
    struct crm__name_slot *slot;
    size_t len;
    char *folded;

    if (n > CRM__NAME_BYTES || crm__utf8_fold(s, n, room, sizeof room, &len) != CRM_OK || !len)
        return CRM_EVALUE;
    slot = slot_of(t, hash_bytes(room, len), room, len);
    if (slot->s && slot->owner != owner) {
        *other = slot->owner;
        return CRM_EEXISTS;
    }
    if (!slot->s) {
        folded = crm__arena_copy(a, room, len);
        if (!folded)
            return CRM_ENOMEM;
        put(t, folded, len, owner);
    }
    put(t, s, n, owner);
    if (listed)
        t->list[t->count++] = s;
    return CRM_OK;
}

uint32_t crm__names_find(const crm__names *t, const char *s, size_t n)
{
    char room[CRM__FOLD_BYTES];
    const struct crm__name_slot *slot;
    size_t len;

    if (!t->slots || !n || n > CRM__NAME_BYTES)
        return CRM__NO_OWNER;
    slot = slot_of(t, hash_bytes(s, n), s, n);
    if (slot->s)
        return slot->owner;
    if (crm__utf8_fold(s, n, room, sizeof room, &len) != CRM_OK || !len)
        return CRM__NO_OWNER;
    slot = slot_of(t, hash_bytes(room, len), room, len);
    return slot->s ? slot->owner : CRM__NO_OWNER;
}

const char *crm__names_near(const crm__names *t, const char *s, size_t n)
{
    size_t best;

    return crm__near(s, n, t->list, t->count, &best) == SIZE_MAX ? NULL : t->list[best];
}

int crm__numbers_init(crm__numbers *t, crm__arena *a, size_t most)
{
    size_t size = table_size(most);

    t->slots = crm__arena_alloc(a, size * sizeof *t->slots);
    t->mask = (uint32_t)(size - 1);
    if (!t->slots)
        return CRM_ENOMEM;
    memset(t->slots, 0, size * sizeof *t->slots);
    return CRM_OK;
}

int crm__numbers_add(crm__numbers *t, uint32_t number, uint32_t position)
{
    struct crm__number_slot *slot = crm__numbers_slot(t, number);

    if (slot->number)
        return CRM_EEXISTS;
    slot->number = number;
    slot->position = position;
    return CRM_OK;
}
