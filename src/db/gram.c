/* SPDX-License-Identifier: MIT
 * Pieces of texts: see gram.h.
 */
#include "db/gram.h"

#include "base/utf8.h"

#include <crm/codes.h>

/* Bytes of a folded text for one of the text, at most: U+FDFA, of three bytes, becomes 33. */
enum { ROOM = 11 };

int crm__gram_fold(crm__slice text, crm__buf *out)
{
    size_t cap = text.n * ROOM + 64, n;
    char *to = (char *)crm__buf_reserve(out, cap);

    if (!to)
        return CRM_ENOMEM;
    if (crm__utf8_fold((const char *)text.p, text.n, to, cap, &n))
        return CRM_EVALUE;
    out->n += n;
    return CRM_OK;
}

static void add(const uint8_t *p, const uint8_t *end, uint64_t *words)
{
    uint32_t h = 2166136261u;

    while (p < end)
        h = (h ^ *p++) * 16777619u;
    h = (h ^ h >> 16) % CRM__GRAMS;
    words[h / 64] |= UINT64_C(1) << h % 64;
}

/* Behind the character at p, which begins one; any bytes are safe. */
static const uint8_t *behind(const uint8_t *p, const uint8_t *end)
{
    for (p++; p < end && (*p & 0xc0) == 0x80; p++)
        ;
    return p;
}

/* Of a script without spaces, by its bytes: U+2E80 is e2 ba 80. */
static int is_wide(const uint8_t *p, const uint8_t *end)
{
    return *p > 0xe2 || (*p == 0xe2 && end - p > 1 && p[1] >= 0xba);
}

void crm__gram_sets(crm__slice folded, uint64_t words[CRM__GRAM_WORDS])
{
    const uint8_t *end = folded.n ? folded.p + folded.n : folded.p;

    for (const uint8_t *a = folded.p; a < end; a = behind(a, end)) {
        const uint8_t *b = behind(a, end), *c = b < end ? behind(b, end) : NULL;
        int wide = is_wide(a, end), both = wide && c && is_wide(b, end);
        if (wide)
            add(a, b, words);
        if (both)
            add(a, c, words);
        else if (c && c < end)
            add(a, behind(c, end), words);
    }
}
