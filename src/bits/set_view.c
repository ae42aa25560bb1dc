/* SPDX-License-Identifier: MIT
 * Stored sets in place: see kernel.h.  Nothing of a set is trusted but its size: a row has 16 bits
 * and so lies in the words, a run is cut at the last row, and what is out of order is counted or
 * taken as it comes, in one pass.
 */
#include "base/bytes.h"
#include "bits/kernel.h"
#include "bits/set_part.h"

#include <crm/codes.h>
#include <string.h>

enum { WORDS = CRM__SET_WORDS, ROWS = WORDS * 64 };
enum { SWAP = __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__ }; /* words are not as they are stored */

int crm__set_open(crm__slice stored, crm__set_view *v)
{
    size_t n;

    if (stored.n < CRM__SET_HEAD || stored.p[1])
        return CRM_ECORRUPT;
    n = stored.n - CRM__SET_HEAD;
    v->form = stored.p[0];
    v->rows = crm__get_le16(stored.p + 2) + 1u;
    v->p = stored.p + CRM__SET_HEAD;
    v->n = 0;
    if (n > CRM__SET_BITMAP_BYTES)
        return CRM_ECORRUPT;
    switch (v->form) {
    case CRM__SET_ARRAY:
        v->n = (uint32_t)(n / 2);
        return n == v->rows * 2u ? CRM_OK : CRM_ECORRUPT;
    case CRM__SET_BITMAP:
        return n == CRM__SET_BITMAP_BYTES ? CRM_OK : CRM_ECORRUPT;
    case CRM__SET_RUNS:
        v->n = (uint32_t)(n / 4);
        return n && n % 4 == 0 ? CRM_OK : CRM_ECORRUPT;
    default:
        return CRM_ECORRUPT;
    }
}

static inline uint32_t row_at(const crm__set_view *v, uint32_t i)
{
    return crm__get_le16(v->p + 2 * i);
}

static inline void put(uint64_t *words, uint32_t row, int on)
{
    uint64_t bit = UINT64_C(1) << (row & 63);

    if (on)
        words[row >> 6] |= bit;
    else
        words[row >> 6] &= ~bit;
}

/* Rows of an array.  Neighbours lie in one word as a rule, and a word just written is waited for:
 * four quarters are gone through at once. */
static inline void put_array(const crm__set_view *v, uint64_t *words, int on)
{
    uint32_t quarter = v->n / 4;

    for (uint32_t i = 0; i < quarter; i++) {
        put(words, row_at(v, i), on);
        put(words, row_at(v, i + quarter), on);
        put(words, row_at(v, i + 2 * quarter), on);
        put(words, row_at(v, i + 3 * quarter), on);
    }
    for (uint32_t i = 4 * quarter; i < v->n; i++)
        put(words, row_at(v, i), on);
}

static inline void run_at(const crm__set_view *v, uint32_t i, uint32_t *first, uint32_t *last)
{
    *first = crm__get_le16(v->p + 4 * i);
    *last = *first + crm__get_le16(v->p + 4 * i + 2);
    if (*last >= ROWS)
        *last = ROWS - 1;
}

static inline uint32_t stored_bit(const uint8_t *bitmap, uint32_t row)
{
    return (uint32_t)bitmap[row >> 3] >> (row & 7) & 1;
}

/* Rows in a run of words, or of a bitmap as stored. */
static uint32_t count_run(const uint64_t *words, const uint8_t *stored, uint32_t first,
                          uint32_t last)
{
    uint32_t a = first >> 6, b = last >> 6, n = 0;

    for (uint32_t i = a; i <= b; i++) {
        uint64_t w = words ? words[i] : crm__get_le64(stored + 8 * i);
        if (i == a)
            w &= UINT64_MAX << (first & 63);
        if (i == b)
            w &= UINT64_MAX >> (63 - (last & 63));
        n += crm__set_ones(w);
    }
    return n;
}

/* ---- into words ---- */

void crm__set_add_run(uint64_t *words, uint32_t first, uint32_t last)
{
    uint32_t a = first >> 6, b = last >> 6;
    uint64_t lo = UINT64_MAX << (first & 63), hi = UINT64_MAX >> (63 - (last & 63));

    if (a == b) {
        words[a] |= lo & hi;
        return;
    }
    words[a] |= lo;
    memset(words + a + 1, 0xff, (b - a - 1) * sizeof *words);
    words[b] |= hi;
}

static void clear_run(uint64_t *words, uint32_t first, uint32_t last)
{
    uint32_t a = first >> 6, b = last >> 6;
    uint64_t lo = UINT64_MAX << (first & 63), hi = UINT64_MAX >> (63 - (last & 63));

    if (a == b) {
        words[a] &= ~(lo & hi);
        return;
    }
    words[a] &= ~lo;
    memset(words + a + 1, 0, (b - a - 1) * sizeof *words);
    words[b] &= ~hi;
}

void crm__set_or(const crm__set_view *v, uint64_t words[CRM__SET_WORDS])
{
    uint32_t first, last;

    switch (v->form) {
    case CRM__SET_BITMAP:
        crm__kernel_best()->or_into(words, v->p, WORDS);
        return;
    case CRM__SET_RUNS:
        for (uint32_t i = 0; i < v->n; i++) {
            run_at(v, i, &first, &last);
            crm__set_add_run(words, first, last);
        }
        return;
    default:
        put_array(v, words, 1);
    }
}

void crm__set_andnot(const crm__set_view *v, uint64_t words[CRM__SET_WORDS])
{
    uint32_t first, last;

    switch (v->form) {
    case CRM__SET_BITMAP:
        crm__kernel_best()->andnot_into(words, v->p, WORDS);
        return;
    case CRM__SET_RUNS:
        for (uint32_t i = 0; i < v->n; i++) {
            run_at(v, i, &first, &last);
            clear_run(words, first, last);
        }
        return;
    default:
        put_array(v, words, 0);
    }
}

void crm__set_copy(const crm__set_view *v, uint64_t words[CRM__SET_WORDS])
{
    if (v->form == CRM__SET_BITMAP) {
        memcpy(words, v->p, CRM__SET_BITMAP_BYTES);
        for (uint32_t i = 0; i < WORDS && SWAP; i++)
            words[i] = crm__swap64(words[i], 1);
        return;
    }
    memset(words, 0, WORDS * sizeof *words);
    crm__set_or(v, words);
}

/* All between the runs, or rows, goes; what is out of order is passed over. */
static void and_runs(const crm__set_view *v, uint64_t *words)
{
    uint32_t from = 0, first, last; /* from: behind what is kept */

    for (uint32_t i = 0; i < v->n; i++) {
        run_at(v, i, &first, &last);
        if (last < from)
            continue;
        if (first > from)
            clear_run(words, from, first - 1);
        from = last + 1;
        if (from == ROWS)
            return;
    }
    clear_run(words, from, ROWS - 1);
}

static void and_array(const crm__set_view *v, uint64_t *words)
{
    uint64_t mask = 0;
    uint32_t at = 0;

    for (uint32_t i = 0; i < v->n; i++) {
        uint32_t row = row_at(v, i), word = row >> 6;
        if (word > at) {
            words[at] &= mask;
            memset(words + at + 1, 0, (word - at - 1) * sizeof *words);
            at = word;
            mask = 0;
        }
        mask |= word == at ? UINT64_C(1) << (row & 63) : 0;
    }
    words[at] &= mask;
    memset(words + at + 1, 0, (WORDS - at - 1) * sizeof *words);
}

/* With many rows a jump at each new word costs more than a bitmap. */
enum { ARRAY_FEW = 256 };

void crm__set_and(const crm__set_view *v, uint64_t words[CRM__SET_WORDS])
{
    uint64_t all[CRM__SET_WORDS];

    switch (v->form) {
    case CRM__SET_BITMAP:
        crm__kernel_best()->and_into(words, v->p, WORDS);
        return;
    case CRM__SET_RUNS:
        and_runs(v, words);
        return;
    default:
        if (v->n <= ARRAY_FEW) {
            and_array(v, words);
            return;
        }
        crm__set_copy(v, all);
        for (uint32_t i = 0; i < WORDS; i++)
            words[i] &= all[i];
    }
}

/* ---- counts ---- */

uint32_t crm__set_and_count(const crm__set_view *v, const uint64_t words[CRM__SET_WORDS])
{
    uint32_t n = 0, first, last;

    switch (v->form) {
    case CRM__SET_BITMAP:
        return (uint32_t)crm__kernel_best()->count_and(words, v->p, WORDS);
    case CRM__SET_RUNS:
        for (uint32_t i = 0; i < v->n; i++) {
            run_at(v, i, &first, &last);
            n += count_run(words, NULL, first, last);
        }
        return n;
    default:
        if (!SWAP)
            return crm__kernel_best()->count_rows((const uint8_t *)words, v->p, v->n);
        for (uint32_t i = 0; i < v->n; i++)
            n += (uint32_t)crm__set_has(words, row_at(v, i));
        return n;
    }
}

static uint32_t pair_bitmap(const crm__set_view *bitmap, const crm__set_view *v)
{
    uint32_t n = 0, first, last;

    switch (v->form) {
    case CRM__SET_BITMAP:
        return (uint32_t)crm__kernel_best()->count_and_stored(bitmap->p, v->p, WORDS);
    case CRM__SET_RUNS:
        for (uint32_t i = 0; i < v->n; i++) {
            run_at(v, i, &first, &last);
            n += count_run(NULL, bitmap->p, first, last);
        }
        return n;
    default:
        return crm__kernel_best()->count_rows(bitmap->p, v->p, v->n);
    }
}

static uint32_t pair_arrays(const crm__set_view *a, const crm__set_view *b)
{
    uint32_t i = 0, k = 0, n = 0;

    while (i < a->n && k < b->n) { /* without a branch on which is less: that is like a coin */
        uint32_t x = row_at(a, i), y = row_at(b, k);
        n += x == y;
        i += x <= y;
        k += y <= x;
    }
    return n;
}

static uint32_t pair_runs(const crm__set_view *runs, const crm__set_view *v)
{
    uint32_t i = 0, k = 0, n = 0, first, last, a, b;

    while (i < runs->n && k < v->n) {
        run_at(runs, i, &first, &last);
        if (v->form == CRM__SET_RUNS)
            run_at(v, k, &a, &b);
        else
            a = b = row_at(v, k);
        if (a <= last && first <= b)
            n += (last < b ? last : b) - (first > a ? first : a) + 1;
        if (last <= b)
            i++;
        if (b <= last)
            k++;
    }
    return n;
}

uint32_t crm__set_pair_count(const crm__set_view *a, const crm__set_view *b)
{
    if (a->form == CRM__SET_BITMAP)
        return pair_bitmap(a, b);
    if (b->form == CRM__SET_BITMAP)
        return pair_bitmap(b, a);
    if (a->form == CRM__SET_RUNS)
        return pair_runs(a, b);
    if (b->form == CRM__SET_RUNS)
        return pair_runs(b, a);
    return pair_arrays(a, b);
}

static int all_rows(const crm__set_view *v)
{
    uint32_t first, last;

    if (v->form != CRM__SET_RUNS || v->n != 1)
        return 0;
    run_at(v, 0, &first, &last);
    return first == 0 && last == ROWS - 1;
}

/* The one with the fewest steps is gone through, if it is an array; else words are made of it. */
uint32_t crm__set_triple_count(const crm__set_view *a, const crm__set_view *b,
                               const crm__set_view *c)
{
    const crm__set_view *v[3] = {a, b, c};
    uint64_t words[CRM__SET_WORDS];
    uint32_t n = 0, least = 0;

    if (a->form == CRM__SET_BITMAP && b->form == CRM__SET_BITMAP && c->form == CRM__SET_BITMAP)
        return (uint32_t)crm__kernel_best()->count_and3_stored(a->p, b->p, c->p, WORDS);
    for (uint32_t i = 0; i < 3; i++) {
        if (all_rows(v[i]))
            return crm__set_pair_count(v[(i + 1) % 3], v[(i + 2) % 3]);
        if (v[i]->form == CRM__SET_ARRAY &&
            (v[least]->form != CRM__SET_ARRAY || v[i]->n < v[least]->n))
            least = i;
    }
    a = v[least];
    b = v[(least + 1) % 3];
    c = v[(least + 2) % 3];
    if (a->form != CRM__SET_ARRAY || b->form != CRM__SET_BITMAP || c->form != CRM__SET_BITMAP) {
        crm__set_copy(a, words);
        crm__set_and(b, words);
        return crm__set_and_count(c, words);
    }
    for (uint32_t i = 0; i < a->n; i++)
        n += stored_bit(b->p, row_at(a, i)) & stored_bit(c->p, row_at(a, i));
    return n;
}

int crm__set_view_has(const crm__set_view *v, uint32_t row)
{
    uint32_t lo = 0, hi = v->n, first, last;

    if (row >= ROWS)
        return 0;
    if (v->form == CRM__SET_BITMAP)
        return (int)stored_bit(v->p, row);
    while (lo < hi) { /* the last that does not begin behind the row */
        uint32_t mid = (lo + hi) / 2;
        if (crm__get_le16(v->p + (v->form == CRM__SET_RUNS ? 4 : 2) * mid) <= row)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (!lo)
        return 0;
    if (v->form == CRM__SET_ARRAY)
        return row_at(v, lo - 1) == row;
    run_at(v, lo - 1, &first, &last);
    return first <= row && row <= last;
}

/* ---- lists of rows ---- */

int crm__set_list(const crm__set_view *v, uint16_t rows[CRM__SET_ARRAY_MOST], uint32_t *n)
{
    if (v->form != CRM__SET_ARRAY)
        return 0;
    memcpy(rows, v->p, v->n * sizeof *rows);
    for (uint32_t i = 0; i < v->n && SWAP; i++)
        rows[i] = crm__swap16(rows[i], 1);
    *n = v->n;
    return 1;
}

uint32_t crm__set_keep_rows(const crm__set_view *v, uint16_t *rows, uint32_t n)
{
    uint64_t words[CRM__SET_WORDS];
    uint32_t left = 0, first = 1, last = 0;

    if (v->form == CRM__SET_BITMAP)
        return crm__kernel_best()->keep_rows(v->p, rows, n);
    if (v->form == CRM__SET_RUNS && v->n == 1)
        run_at(v, 0, &first, &last);
    if (first == 0 && last == ROWS - 1)
        return n;
    if (first > last)
        crm__set_copy(v, words);
    for (uint32_t i = 0; i < n; i++) {
        uint16_t row = rows[i];
        rows[left] = row;
        left += first <= last ? (uint32_t)(first <= row && row <= last)
                              : (uint32_t)crm__set_has(words, row);
    }
    return left;
}
