/* SPDX-License-Identifier: MIT
 * Stored sets in place: any bytes stay within bounds, and sound sets give what the same sets loaded
 * into words give.
 */
#include "fuzz.h"

#include "bits/kernel.h"

#include <crm/codes.h>

typedef struct set {
    uint8_t *block;
    crm__slice stored;
    crm__set_view view;
    uint64_t words[CRM__SET_WORDS];
    int sound;
} set;

static set a, b;
static uint64_t got[CRM__SET_WORDS];

/* 0: it does not open. */
static int take_set(input *in, size_t n, set *s)
{
    s->block = take_copy(in, n, &s->stored.n);
    s->stored.p = s->block;
    memset(s->words, 0, sizeof s->words);
    s->sound = crm__set_load(s->stored, s->words) == CRM_OK;
    if (crm__set_open(s->stored, &s->view) == CRM_OK)
        return 1;
    MUST(!s->sound || s->stored.n > 4 + 8192); /* longer than any that is stored */
    return 0;
}

static uint32_t common(const uint64_t *x, const uint64_t *y)
{
    uint32_t n = 0;

    for (int i = 0; i < CRM__SET_WORDS; i++)
        n += (uint32_t)__builtin_popcountll(x[i] & y[i]);
    return n;
}

static void check_pair(void)
{
    int sound = a.sound && b.sound;
    uint32_t both = crm__set_pair_count(&a.view, &b.view);

    MUST(!sound || both == common(a.words, b.words));
    MUST(!sound || crm__set_pair_count(&b.view, &a.view) == both);
    MUST(!sound || crm__set_triple_count(&a.view, &b.view, &a.view) == both);
    MUST(!sound || crm__set_and_count(&a.view, b.words) == both);
    memcpy(got, b.words, sizeof got);
    crm__set_and(&a.view, got);
    for (int i = 0; i < CRM__SET_WORDS; i++)
        MUST(a.sound ? got[i] == (a.words[i] & b.words[i]) : !(got[i] & ~b.words[i]));
    memcpy(got, b.words, sizeof got);
    crm__set_or(&a.view, got);
    for (int i = 0; i < CRM__SET_WORDS; i++)
        MUST(a.sound ? got[i] == (a.words[i] | b.words[i]) : !(b.words[i] & ~got[i]));
    memcpy(got, b.words, sizeof got);
    crm__set_andnot(&a.view, got);
    for (int i = 0; i < CRM__SET_WORDS; i++)
        MUST(a.sound ? got[i] == (b.words[i] & ~a.words[i]) : !(got[i] & ~b.words[i]));
    crm__set_copy(&a.view, got);
    MUST(!a.sound || memcmp(got, a.words, sizeof got) == 0);
    for (uint32_t row = 0; row < CRM__SET_ROWS; row += 61) {
        int has = crm__set_view_has(&a.view, row);
        MUST(!a.sound || has == crm__set_has(a.words, row));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input in = {data, size};
    size_t first = take_number(&in, 2);
    int open_a = take_set(&in, first, &a), open_b = take_set(&in, in.n, &b);

    if (open_a && open_b)
        check_pair();
    free(a.block);
    free(b.block);
    return 0;
}
