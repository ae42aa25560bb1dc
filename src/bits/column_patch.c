/* SPDX-License-Identifier: MIT
 * One cell of a stored column block changed without taking the block apart: see column.h.  Least
 * number, width and scale of a block follow from its numbers; where one of these would change, or
 * finding out takes long, nothing is made.
 */
#include "bits/column_part.h"

#include <string.h>

/* A change on its way. */
typedef struct patch {
    crm__column c;
    uint32_t row;
    uint64_t was, code; /* the row's codes; the width's greatest: none */
    uint64_t spread;    /* afterwards */
    uint32_t rows;
} patch;

static int has_number(const patch *p, uint64_t code)
{
    return code <= crm__column_spread(&p->c);
}

/* Whether a number is not whole at the scale below. */
static int needs_scale(const patch *p, uint64_t code)
{
    return (int64_t)((uint64_t)p->c.min + code) % 10 != 0;
}

/* The code of the row's new cell. */
static int code_of(patch *p, const crm__column_cell *cell)
{
    int64_t number = cell->number;

    p->code = crm__column_none(p->c.width);
    if (cell->state != CRM__CELL_NUMBER)
        return 1;
    if (cell->scale != p->c.scale &&
        !crm__scaled_to(cell->number, cell->scale, p->c.scale, &number))
        return 0;
    if (number < p->c.min || (uint64_t)number - (uint64_t)p->c.min >= p->code)
        return 0;
    p->code = (uint64_t)number - (uint64_t)p->c.min;
    return 1;
}

/* Whether another row has a number that needs the block's scale. */
static int scale_stays(const patch *p)
{
    if (p->c.scale == CRM__SCALE_LEAST || !has_number(p, p->was) || !needs_scale(p, p->was))
        return 1;
    if (p->code != crm__column_none(p->c.width) && needs_scale(p, p->code))
        return 1;
    for (uint32_t i = 0; i < CRM__COLUMN_ROWS; i++) {
        uint64_t code = crm__column_code(&p->c, i);
        if (i != p->row && has_number(p, code) && needs_scale(p, code))
            return 1;
    }
    return 0;
}

/* Whether another row has the least number. */
static int least_stays(const patch *p)
{
    if (p->was || !p->code)
        return 1;
    for (uint32_t i = 0; i < CRM__COLUMN_ROWS; i++) {
        if (i != p->row && !crm__column_code(&p->c, i))
            return 1;
    }
    return 0;
}

static void find_spread(patch *p)
{
    uint64_t was = crm__column_spread(&p->c), none = crm__column_none(p->c.width);

    p->spread = p->code == none ? 0 : p->code;
    if (p->was != was) {
        p->spread = p->spread > was ? p->spread : was;
        return;
    }
    for (uint32_t i = 0; i < CRM__COLUMN_ROWS && p->spread < was; i++) {
        uint64_t code = crm__column_code(&p->c, i);
        if (i != p->row && code <= was && code > p->spread)
            p->spread = code;
    }
}

static int form_stays(const patch *p)
{
    if (!p->rows || (p->rows == CRM__COLUMN_ROWS && !p->spread))
        return 0;
    return p->c.width == 1 || p->spread >= crm__column_none(p->c.width / 2u);
}

static void put_code(uint8_t *p, unsigned width, uint64_t code)
{
    for (unsigned i = 0; i < width; i++)
        p[i] = (uint8_t)(code >> 8 * i);
}

int crm__column_patch(crm__slice block, uint32_t row, const crm__column_cell *cell, crm__buf *out)
{
    patch p = {.row = row};
    uint8_t *to;

    if (crm__column_open(block, &p.c) || p.c.wide || !p.c.width || !code_of(&p, cell))
        return 0;
    p.was = crm__column_code(&p.c, row);
    p.rows = p.c.rows + (p.code != crm__column_none(p.c.width)) - (uint32_t)has_number(&p, p.was);
    if (!scale_stays(&p) || !least_stays(&p))
        return 0;
    find_spread(&p);
    if (!form_stays(&p))
        return 0;
    to = crm__buf_reserve(out, block.n);
    if (!to)
        return 0;
    memcpy(to, block.p, block.n);
    crm__put_le16(to + 4, (uint16_t)(p.rows - 1));
    crm__put_le64(to + 14, p.spread);
    put_code(to + CRM__COLUMN_HEAD + (size_t)p.c.width * row, p.c.width, p.code);
    out->n += block.n;
    return 1;
}
