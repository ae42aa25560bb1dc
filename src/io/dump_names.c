/* SPDX-License-Identifier: MIT
 * Words of a dump, bytes as text, and the names of the dictionary by number and by name.
 */
#include "io/dump.h"

#include <string.h>

static const char *const LINE_WORDS[CRM__LINES] = {
    "crm",     "model", "name",  "customer", "event", "batch",
    "segment", "watch", "clock", "entry", "image", "tagged",   "given", "end",
};

const char *crm__line_word(int line)
{
    return LINE_WORDS[line];
}

const char *crm__class_word(int cls)
{
    static const char *const WORDS[CRM__DICT_CLASSES] = {
        [CRM__DICT_FIELD] = "field",   [CRM__DICT_ENUM] = "value",
        [CRM__DICT_SOURCE] = "source", [CRM__DICT_NAMES] = "by",
        [CRM__DICT_EVENT] = "event",   [CRM__DICT_ATTRIBUTE] = "attribute",
        [CRM__DICT_TAG] = "tag",
    };

    return cls < 0 ? NULL : WORDS[cls];
}

void crm__line_sum(uint8_t sum[CRM__DIGEST], const void *line, size_t n)
{
    uint8_t next[CRM__DIGEST];
    crm__slice parts[2] = {{sum, CRM__DIGEST}, {line, n}};

    crm__digest(NULL, parts, 2, next);
    memcpy(sum, next, sizeof next);
}

/* ---- bytes as text ---- */

static const char HEX[] = "0123456789abcdef";
static const char BASE64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void crm__hex_add(crm__buf *out, const void *p, size_t n)
{
    const uint8_t *from = p;
    uint8_t *to = crm__buf_reserve(out, n * 2);

    for (size_t i = 0; to && i < n; i++) {
        to[2 * i] = (uint8_t)HEX[from[i] >> 4];
        to[2 * i + 1] = (uint8_t)HEX[from[i] & 15];
    }
    if (to)
        out->n += n * 2;
}

int crm__hex_read(crm__slice text, uint8_t *to, size_t n)
{
    if (text.n != n * 2)
        return CRM_EVALUE;
    for (size_t i = 0; i < n * 2; i++) {
        const char *at = text.p[i] ? strchr(HEX, text.p[i]) : NULL;
        if (!at)
            return CRM_EVALUE;
        to[i / 2] = (uint8_t)(i % 2 ? to[i / 2] | (at - HEX) : (at - HEX) << 4);
    }
    return CRM_OK;
}

void crm__base64_add(crm__buf *out, const void *p, size_t n)
{
    const uint8_t *from = p;
    size_t length = (n + 2) / 3 * 4;
    uint8_t *to = crm__buf_reserve(out, length);

    for (size_t i = 0; to && i < n; i += 3, to += 4) {
        uint32_t v = (uint32_t)from[i] << 16 | (i + 1 < n ? (uint32_t)from[i + 1] << 8 : 0) |
                     (i + 2 < n ? from[i + 2] : 0u);
        to[0] = (uint8_t)BASE64[v >> 18];
        to[1] = (uint8_t)BASE64[v >> 12 & 63];
        to[2] = (uint8_t)(i + 1 < n ? BASE64[v >> 6 & 63] : '=');
        to[3] = (uint8_t)(i + 2 < n ? BASE64[v & 63] : '=');
    }
    if (to)
        out->n += length;
}

/* 64 for a sign that is none of the alphabet. */
static uint32_t sextet(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A' + 0u;
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26u;
    if (c >= '0' && c <= '9')
        return c - '0' + 52u;
    return c == '+' ? 62 : c == '/' ? 63 : 64;
}

int crm__base64_read(crm__slice text, crm__buf *out)
{
    size_t pad = 0;
    uint8_t *to;

    while (pad < 2 && pad < text.n && text.p[text.n - 1 - pad] == '=')
        pad++;
    if (text.n % 4)
        return CRM_EVALUE;
    to = crm__buf_reserve(out, text.n / 4 * 3);
    if (!to)
        return CRM_ENOMEM;
    for (size_t i = 0; i < text.n; i += 4, to += 3) {
        size_t have = i + 4 == text.n ? 4 - pad : 4;
        uint32_t v = 0;
        for (size_t k = 0; k < 4; k++) {
            uint32_t six = k < have ? sextet(text.p[i + k]) : 0;
            if (six == 64)
                return CRM_EVALUE;
            v = v << 6 | six;
        }
        if ((have == 2 && v & 0xffff) || (have == 3 && v & 0xff))
            return CRM_EVALUE;
        to[0] = (uint8_t)(v >> 16);
        to[1] = (uint8_t)(v >> 8);
        to[2] = (uint8_t)v;
    }
    out->n += text.n / 4 * 3 - pad;
    return CRM_OK;
}

/* ---- names ---- */

typedef struct name {
    uint32_t number;
    crm__slice text;
} name;

struct crm__dump_slot {
    uint64_t hash;
    uint32_t cls, at; /* at: position in its class + 1, 0: free */
};

void crm__dump_names_init(crm__dump_names *d, const crm_allocator *mem)
{
    memset(d, 0, sizeof *d);
    d->mem = mem;
    crm__arena_init(&d->arena, mem);
    for (int i = 0; i < CRM__DICT_CLASSES; i++)
        crm__buf_init(&d->of[i], mem);
}

void crm__dump_names_clear(crm__dump_names *d)
{
    for (int i = 0; i < CRM__DICT_CLASSES; i++)
        crm__buf_clear(&d->of[i]);
    crm__arena_clear(&d->arena);
    crm__release(d->mem, d->table);
    d->table = NULL;
}

static const name *names_of(const crm__dump_names *d, int cls, size_t *count)
{
    *count = d->of[cls].n / sizeof(name);
    return (const name *)(const void *)d->of[cls].p;
}

/* The slot of a name, or the free one where it would stand. */
static struct crm__dump_slot *slot_of(const crm__dump_names *d, int cls, const void *p, size_t n,
                                      uint64_t hash)
{
    for (size_t i = hash & (d->slots - 1);; i = (i + 1) & (d->slots - 1)) {
        struct crm__dump_slot *s = &d->table[i];
        const crm__slice *text;
        size_t count;
        if (!s->at)
            return s;
        if (s->hash != hash || s->cls != (uint32_t)cls)
            continue;
        text = &names_of(d, cls, &count)[s->at - 1].text;
        if (text->n == n && memcmp(text->p, p, n) == 0)
            return s;
    }
}

static int grow(crm__dump_names *d)
{
    size_t slots = d->slots ? d->slots * 2 : 256;
    struct crm__dump_slot *table = crm__calloc(d->mem, slots, sizeof *table);

    if (!table)
        return CRM_ENOMEM;
    for (size_t i = 0; i < d->slots; i++) {
        size_t k = d->table[i].hash & (slots - 1);
        if (!d->table[i].at)
            continue;
        while (table[k].at)
            k = (k + 1) & (slots - 1);
        table[k] = d->table[i];
    }
    crm__release(d->mem, d->table);
    d->table = table;
    d->slots = slots;
    return CRM_OK;
}

/* A dump is not believed: its names must not all fall into one place. */
static uint64_t hash_of(const crm__dump_names *d, int cls, const void *p, size_t n)
{
    return crm__hash64((uint64_t)(uintptr_t)d ^ (uint64_t)cls << 56, p, n);
}

int crm__dump_names_add(crm__dump_names *d, int cls, uint32_t number, crm__slice text)
{
    size_t count;
    const name *known = names_of(d, cls, &count);
    uint64_t hash = hash_of(d, cls, text.p, text.n);
    struct crm__dump_slot *s;
    name mine = {number, {NULL, text.n}};

    if (!number || (count && known[count - 1].number >= number))
        return CRM_EVALUE;
    if (d->used * 2 >= d->slots && grow(d))
        return CRM_ENOMEM;
    s = slot_of(d, cls, text.p, text.n, hash);
    if (s->at)
        return CRM_EEXISTS;
    mine.text.p = crm__arena_copy(&d->arena, text.p, text.n);
    if (!mine.text.p)
        return CRM_ENOMEM;
    crm__buf_add(&d->of[cls], &mine, sizeof mine);
    if (d->of[cls].failed)
        return CRM_ENOMEM;
    *s = (struct crm__dump_slot){hash, (uint32_t)cls, (uint32_t)count + 1};
    d->used++;
    return CRM_OK;
}

crm__slice crm__dump_names_text(const crm__dump_names *d, int cls, uint32_t number)
{
    crm__slice none = {NULL, 0};
    size_t count, lo = 0, hi;
    const name *known = names_of(d, cls, &count);

    hi = number < count ? number : count; /* they ascend from 1: not behind its own place */
    while (lo < hi) {
        size_t mid = hi - 1; /* where it is without gaps */
        if (known[mid].number != number)
            mid = (lo + hi) / 2;
        if (known[mid].number == number)
            return known[mid].text;
        if (known[mid].number < number)
            lo = mid + 1;
        else
            hi = mid;
    }
    return none;
}

uint32_t crm__dump_names_number(const crm__dump_names *d, int cls, const void *p, size_t n)
{
    const struct crm__dump_slot *s;
    size_t count;

    if (!d->slots)
        return 0;
    s = slot_of(d, cls, p, n, hash_of(d, cls, p, n));
    return s->at ? names_of(d, cls, &count)[s->at - 1].number : 0;
}
