/* SPDX-License-Identifier: MIT
 * Column blocks; the format is in column.h.  A code above greatest - least is that of a row without
 * a number here, so that whatever the codes are, every number told lies within min and max.
 */
#include "bits/column_part.h"

#include "base/bytes.h"
#include "bits/kernel.h"
#include "bits/set_part.h"

#include <crm/codes.h>
#include <string.h>

/* ---- reading ---- */

static int open_wide(crm__reader *r, crm__column *c)
{
    c->wide = crm__read_le16(r) + 1u;
    c->wide_bytes = crm__read_bytes(r, (uint64_t)c->wide * CRM__COLUMN_WIDE_BYTES);
    return c->wide < c->rows ? CRM_OK : CRM_ECORRUPT; /* one number at least gave the scale */
}

int crm__column_open(crm__slice block, crm__column *c)
{
    crm__reader r;
    unsigned flags;
    uint64_t spread;

    if (block.n < CRM__COLUMN_HEAD)
        return CRM_ECORRUPT;
    c->width = block.p[1];
    c->scale = (int8_t)block.p[2];
    flags = block.p[3];
    c->rows = crm__get_le16(block.p + 4) + 1u;
    c->min = (int64_t)crm__get_le64(block.p + 6);
    spread = crm__get_le64(block.p + 14);
    if (block.p[0] != CRM__COLUMN_FORMAT || flags > CRM__COLUMN_FLAG_WIDE ||
        c->rows > CRM__COLUMN_ROWS || c->scale < CRM__SCALE_LEAST || c->scale > CRM__SCALE_MOST ||
        c->width > 8 || (c->width & (c->width - 1)))
        return CRM_ECORRUPT;
    if (spread > (uint64_t)INT64_MAX - (uint64_t)c->min)
        return CRM_ECORRUPT;
    c->max = (int64_t)((uint64_t)c->min + spread);
    if (c->width ? spread >= crm__column_none(c->width)
                 : spread || flags || c->rows != CRM__COLUMN_ROWS)
        return CRM_ECORRUPT;
    r = crm__reader_of(block.p + CRM__COLUMN_HEAD, block.n - CRM__COLUMN_HEAD);
    c->p = crm__read_bytes(&r, (uint64_t)c->width * CRM__COLUMN_ROWS);
    c->wide = 0;
    c->wide_bytes = NULL;
    if (flags && open_wide(&r, c))
        return CRM_ECORRUPT;
    return r.failed || crm__reader_left(&r) ? CRM_ECORRUPT : CRM_OK;
}

/* The i-th wide number; 0 when it is none, or its row has another. */
static int wide_at(const crm__column *c, uint32_t i, uint32_t *row, crm__column_cell *cell)
{
    const uint8_t *p = c->wide_bytes + (size_t)i * CRM__COLUMN_WIDE_BYTES;

    *row = crm__get_le16(p);
    cell->state = CRM__CELL_NUMBER;
    cell->scale = (int8_t)p[2];
    cell->number = (int64_t)crm__get_le64(p + 3);
    return *row < CRM__COLUMN_ROWS && cell->scale >= CRM__SCALE_LEAST &&
           cell->scale <= CRM__SCALE_MOST && crm__column_code(c, *row) > crm__column_spread(c);
}

void crm__column_get(const crm__column *c, uint32_t row, crm__column_cell *cell)
{
    uint64_t code = crm__column_code(c, row);
    uint32_t at;

    if (code <= crm__column_spread(c)) {
        cell->state = CRM__CELL_NUMBER;
        cell->scale = c->scale;
        cell->number = (int64_t)((uint64_t)c->min + code);
        return;
    }
    for (uint32_t i = 0; i < c->wide; i++) {
        if (wide_at(c, i, &at, cell) && at == row)
            return;
    }
    memset(cell, 0, sizeof *cell);
}

/* words = rows whose code is from lo to hi. */
static void codes_between(const crm__column *c, uint64_t lo, uint64_t hi,
                          uint64_t words[CRM__COLUMN_WORDS])
{
    const crm__kernel *k = crm__kernel_best();

    switch (c->width) {
    case 0:
        memset(words, 0xff, CRM__COLUMN_WORDS * sizeof *words);
        return;
    case 1:
        k->range8(c->p, CRM__COLUMN_ROWS, (uint8_t)lo, (uint8_t)hi, words);
        return;
    case 2:
        k->range16(c->p, CRM__COLUMN_ROWS, (uint16_t)lo, (uint16_t)hi, words);
        return;
    case 4:
        k->range32(c->p, CRM__COLUMN_ROWS, (uint32_t)lo, (uint32_t)hi, words);
        return;
    default:
        k->range64(c->p, CRM__COLUMN_ROWS, lo, hi, words);
    }
}

static void add_wide(const crm__column *c, const crm__limits *l, uint64_t *words)
{
    for (uint32_t i = 0; i < c->wide; i++) {
        crm__column_cell cell;
        uint32_t row;
        if (wide_at(c, i, &row, &cell) && (!l || crm__limits_take(l, cell.number, cell.scale)))
            crm__set_put(words, row, 1);
    }
}

void crm__column_range(const crm__column *c, const crm__limits *l,
                       uint64_t words[CRM__COLUMN_WORDS])
{
    int64_t lo, hi;

    if (!crm__limits_at(l, c->scale, &lo, &hi) || lo > c->max || hi < c->min) {
        memset(words, 0, CRM__COLUMN_WORDS * sizeof *words);
    } else {
        lo = lo < c->min ? c->min : lo;
        hi = hi > c->max ? c->max : hi;
        codes_between(c, (uint64_t)lo - (uint64_t)c->min, (uint64_t)hi - (uint64_t)c->min, words);
    }
    add_wide(c, l, words);
}

/* Places of the rows in words, n of them at most 64 * CRM__COLUMN_WORDS.  A word has none, one or
 * two as a rule: these are taken without a branch that nobody can foretell. */
static uint32_t places_of(const uint64_t *words, int n, uint16_t *places)
{
    uint32_t count = 0;

    for (int w = 0; w < n; w++) {
        uint64_t left = words[w];
        for (int i = 0; i < 2; i++) {
            places[count] = (uint16_t)(w * 64 + __builtin_ctzll(left | UINT64_C(1) << 63));
            count += left != 0;
            left &= left - 1;
        }
        for (; left; left &= left - 1)
            places[count++] = (uint16_t)(w * 64 + __builtin_ctzll(left));
    }
    return count;
}

/* The rows in words whose code is from lo to hi, one by one. */
static void codes_of_few(const crm__column *c, uint64_t lo, uint64_t hi, uint64_t *words, int n)
{
    uint16_t places[CRM__COLUMN_ROWS + 2];
    uint32_t count = places_of(words, n, places);

    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = places[i];
        uint64_t out = crm__column_code(c, row) - lo > hi - lo;
        words[row >> 6] &= ~(out << (row & 63));
    }
}

/* So many lines of a block are loaded one by one as fast as all in order. */
enum { FEW = 8 };

/* Most blocks have either none or many, which their first words tell. */
static int few_in(const uint64_t *words, int n, uint32_t most)
{
    uint32_t count = 0;

    for (int w = 0; w < n; w++) {
        count += crm__set_ones(words[w]);
        if (count > most)
            return 0;
    }
    return 1;
}

void crm__column_within(const crm__column *c, int64_t lo, int64_t hi, uint64_t *words, int n)
{
    uint64_t found[CRM__COLUMN_WORDS], from, to;

    if (lo > hi || lo > c->max || hi < c->min) {
        memset(words, 0, (size_t)n * sizeof *words);
        return;
    }
    if (lo <= c->min && hi >= c->max && c->rows == CRM__COLUMN_ROWS)
        return;
    from = (uint64_t)(lo < c->min ? c->min : lo) - (uint64_t)c->min;
    to = (uint64_t)(hi > c->max ? c->max : hi) - (uint64_t)c->min;
    if (few_in(words, n, FEW * (uint32_t)c->width)) {
        codes_of_few(c, from, to, words, n);
        return;
    }
    codes_between(c, from, to, found);
    for (int w = 0; w < n; w++)
        words[w] &= found[w];
}

void crm__column_ask(const crm__column *c, const uint64_t *words, int n)
{
    if (!few_in(words, n, FEW * (uint32_t)c->width)) {
        crm__ask(c->p, (size_t)c->width * (size_t)n * 64);
        return;
    }
    for (int w = 0; w < n; w++) {
        for (uint64_t left = words[w]; left; left &= left - 1)
            crm__ask(c->p + (size_t)c->width * ((size_t)w * 64 + (size_t)__builtin_ctzll(left)), 1);
    }
}

/* The loop is made for each width: it waits for nothing but the codes. */
static inline __attribute__((always_inline)) uint32_t
keep_codes(const crm__column *c, unsigned width, uint64_t lo, uint64_t span, uint32_t first,
           const uint16_t *rows, uint32_t n, uint16_t *to)
{
    uint32_t left = 0;

    for (uint32_t i = 0; i < n; i++) {
        uint32_t row = rows[i];
        const uint8_t *p = c->p + (size_t)width * (row - first);
        uint64_t code = width == 1   ? *p
                        : width == 2 ? crm__get_le16(p)
                        : width == 4 ? crm__get_le32(p)
                                     : crm__get_le64(p);
        to[left] = (uint16_t)row;
        left += code - lo <= span;
    }
    return left;
}

/* A block has some ten rows of a list, so its loop begins anew again and again: where it stands is a
 * tenth of its time. */
__attribute__((aligned(64))) uint32_t
crm__column_keep_rows(const crm__column *c, int64_t lo, int64_t hi, uint32_t first,
                      const uint16_t *rows, uint32_t n, uint16_t *to)
{
    uint64_t from, span;

    if (lo > hi || lo > c->max || hi < c->min)
        return 0;
    from = (uint64_t)(lo < c->min ? c->min : lo) - (uint64_t)c->min;
    span = (uint64_t)(hi > c->max ? c->max : hi) - (uint64_t)c->min - from;
    switch (c->width) {
    case 0:
        memmove(to, rows, n * sizeof *to);
        return n;
    case 1:
        return keep_codes(c, 1, from, span, first, rows, n, to);
    case 2:
        return keep_codes(c, 2, from, span, first, rows, n, to);
    case 4:
        return keep_codes(c, 4, from, span, first, rows, n, to);
    default:
        return keep_codes(c, 8, from, span, first, rows, n, to);
    }
}

void crm__column_present(const crm__column *c, uint64_t words[CRM__COLUMN_WORDS])
{
    codes_between(c, 0, crm__column_spread(c), words);
    add_wide(c, NULL, words);
}

void crm__column_wide(const crm__column *c, uint64_t words[CRM__COLUMN_WORDS])
{
    memset(words, 0, CRM__COLUMN_WORDS * sizeof *words);
    add_wide(c, NULL, words);
}

void crm__column_numbers(const crm__column *c, int64_t numbers[CRM__COLUMN_ROWS])
{
    uint64_t *to = (uint64_t *)numbers, min = (uint64_t)c->min;

    switch (c->width) {
    case 0:
        for (uint32_t i = 0; i < CRM__COLUMN_ROWS; i++)
            to[i] = min;
        return;
    case 1:
        for (uint32_t i = 0; i < CRM__COLUMN_ROWS; i++)
            to[i] = min + c->p[i];
        return;
    case 2:
        for (uint32_t i = 0; i < CRM__COLUMN_ROWS; i++)
            to[i] = min + crm__get_le16(c->p + 2 * i);
        return;
    case 4:
        for (uint32_t i = 0; i < CRM__COLUMN_ROWS; i++)
            to[i] = min + crm__get_le32(c->p + 4 * i);
        return;
    default:
        for (uint32_t i = 0; i < CRM__COLUMN_ROWS; i++)
            to[i] = min + crm__get_le64(c->p + 8 * i);
    }
}

/* ---- making ---- */

void crm__column_cells(const crm__column *c, crm__column_cell cells[CRM__COLUMN_ROWS])
{
    uint64_t spread = crm__column_spread(c), min = (uint64_t)c->min;
    int64_t numbers[CRM__COLUMN_ROWS];

    crm__column_numbers(c, numbers);
    for (uint32_t i = 0; i < CRM__COLUMN_ROWS; i++) {
        int there = (uint64_t)numbers[i] - min <= spread;
        cells[i].state = there ? CRM__CELL_NUMBER : CRM__CELL_NONE;
        cells[i].scale = there ? c->scale : 0;
        cells[i].number = there ? numbers[i] : 0;
    }
    for (uint32_t i = 0; i < c->wide; i++) {
        crm__column_cell cell;
        uint32_t row;
        if (wide_at(c, i, &row, &cell))
            cells[row] = cell;
    }
}

/* The smallest scale at which a number is whole, when that is above `least`, else `least`. */
static int least_scale(const crm__column_cell *cell, int least)
{
    int64_t rest;

    while (least < cell->scale && !crm__scaled_to(cell->number, cell->scale, least, &rest))
        least++;
    return least;
}

/* A block on its way: what of its cells fits. */
typedef struct making {
    const crm__column_cell *cells;
    int64_t numbers[CRM__COLUMN_ROWS];
    uint8_t plain[CRM__COLUMN_ROWS], wide[CRM__COLUMN_ROWS];
    uint32_t plain_count, wide_count;
    int64_t min, max;
    int scale;
} making;

/* All numbers at the least scale at which all are whole. */
static void scale_cells(making *m)
{
    m->scale = CRM__SCALE_LEAST;
    for (uint32_t i = 0; i < CRM__COLUMN_ROWS; i++) {
        if (m->cells[i].state == CRM__CELL_NUMBER && m->cells[i].scale > m->scale)
            m->scale = least_scale(&m->cells[i], m->scale);
    }
    for (uint32_t i = 0; i < CRM__COLUMN_ROWS; i++) {
        const crm__column_cell *cell = &m->cells[i];
        int some = cell->state == CRM__CELL_NUMBER, fits = some;
        m->numbers[i] = cell->number;
        if (some && cell->scale != m->scale)
            fits = crm__scaled_to(cell->number, cell->scale, m->scale, &m->numbers[i]);
        m->plain[i] = (uint8_t)fits;
        m->wide[i] = (uint8_t)(some && !fits);
    }
}

static void take_cells(making *m)
{
    scale_cells(m);
    m->min = INT64_MAX;
    for (uint32_t i = 0; i < CRM__COLUMN_ROWS; i++)
        m->min = m->plain[i] && m->numbers[i] < m->min ? m->numbers[i] : m->min;
    m->max = m->min;
    m->plain_count = m->wide_count = 0;
    for (uint32_t i = 0; i < CRM__COLUMN_ROWS; i++) {
        if (m->plain[i] && (uint64_t)m->numbers[i] - (uint64_t)m->min == UINT64_MAX) {
            m->plain[i] = 0;
            m->wide[i] = 1;
        }
        m->max = m->plain[i] && m->numbers[i] > m->max ? m->numbers[i] : m->max;
        m->plain_count += m->plain[i];
        m->wide_count += m->wide[i];
    }
}

static unsigned width_of(const making *m)
{
    uint64_t spread = (uint64_t)m->max - (uint64_t)m->min;
    unsigned width = 1;

    if (spread == 0 && m->plain_count == CRM__COLUMN_ROWS)
        return 0;
    while (spread >= crm__column_none(width))
        width *= 2;
    return width;
}

static void put_codes(const making *m, unsigned width, uint8_t *p)
{
    uint64_t codes[CRM__COLUMN_ROWS], min = (uint64_t)m->min;

    for (uint32_t i = 0; i < CRM__COLUMN_ROWS; i++)
        codes[i] = m->plain[i] ? (uint64_t)m->numbers[i] - min : UINT64_MAX; /* cut to the width */
    for (uint32_t i = 0; i < CRM__COLUMN_ROWS && width == 1; i++)
        p[i] = (uint8_t)codes[i];
    for (uint32_t i = 0; i < CRM__COLUMN_ROWS && width == 2; i++)
        crm__put_le16(p + 2 * i, (uint16_t)codes[i]);
    for (uint32_t i = 0; i < CRM__COLUMN_ROWS && width == 4; i++)
        crm__put_le32(p + 4 * i, (uint32_t)codes[i]);
    for (uint32_t i = 0; i < CRM__COLUMN_ROWS && width == 8; i++)
        crm__put_le64(p + 8 * i, codes[i]);
}

static void put_wide(const making *m, uint8_t *p)
{
    crm__put_le16(p, (uint16_t)(m->wide_count - 1));
    p += 2;
    for (uint32_t i = 0; i < CRM__COLUMN_ROWS; i++) {
        int64_t number = m->cells[i].number;
        int scale;
        if (!m->wide[i])
            continue;
        scale = least_scale(&m->cells[i], CRM__SCALE_LEAST);
        (void)crm__scaled_to(number, m->cells[i].scale, scale, &number);
        crm__put_le16(p, (uint16_t)i);
        p[2] = (uint8_t)scale;
        crm__put_le64(p + 3, (uint64_t)number);
        p += CRM__COLUMN_WIDE_BYTES;
    }
}

void crm__column_store(const crm__column_cell cells[CRM__COLUMN_ROWS], crm__buf *out)
{
    making m;
    unsigned width;
    size_t size;
    uint8_t *p;

    m.cells = cells;
    take_cells(&m);
    if (!m.plain_count)
        return;
    width = width_of(&m);
    size = CRM__COLUMN_HEAD + (size_t)width * CRM__COLUMN_ROWS;
    if (m.wide_count)
        size += 2 + (size_t)m.wide_count * CRM__COLUMN_WIDE_BYTES;
    p = crm__buf_reserve(out, size);
    if (!p)
        return;
    p[0] = CRM__COLUMN_FORMAT;
    p[1] = (uint8_t)width;
    p[2] = (uint8_t)m.scale;
    p[3] = m.wide_count ? CRM__COLUMN_FLAG_WIDE : 0;
    crm__put_le16(p + 4, (uint16_t)(m.plain_count + m.wide_count - 1));
    crm__put_le64(p + 6, (uint64_t)m.min);
    crm__put_le64(p + 14, (uint64_t)m.max - (uint64_t)m.min);
    if (width)
        put_codes(&m, width, p + CRM__COLUMN_HEAD);
    if (m.wide_count)
        put_wide(&m, p + CRM__COLUMN_HEAD + (size_t)width * CRM__COLUMN_ROWS);
    out->n += size;
}
