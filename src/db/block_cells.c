/* SPDX-License-Identifier: MIT
 * Blocks of columns made of records: see block_cells.h.
 */
#include "db/block_cells.h"

#include "codec/key.h"

#include <crm/codes.h>
#include <stdlib.h>
#include <string.h>

static int by_field(const void *a, const void *b)
{
    const crm__block_column *x = a, *y = b;

    return x->field < y->field ? -1 : x->field > y->field;
}

int crm__block_cells_init(crm__block_cells *b, const crm_allocator *mem, const crm__model *m)
{
    size_t fields = crm__model_count(m);

    memset(b, 0, sizeof *b);
    b->mem = mem;
    b->of = crm__calloc(mem, fields + 1, sizeof *b->of);
    if (!b->of)
        return CRM_ENOMEM;
    b->of[b->count++].field = CRM__COLUMN_CREATED;
    for (size_t i = 0; i < fields; i++) {
        const crm__field *f = crm__model_at(m, i);
        if (f->index & CRM__INDEX_COLUMN)
            b->of[b->count++].field = f->number;
    }
    qsort(b->of, b->count, sizeof *b->of, by_field);
    return CRM_OK;
}

void crm__block_cells_clear(crm__block_cells *b)
{
    for (size_t i = 0; i < b->count; i++)
        crm__release(b->mem, b->of[i].cells);
    crm__release(b->mem, b->of);
    memset(b, 0, sizeof *b);
}

void crm__block_cells_reset(crm__block_cells *b)
{
    for (size_t i = 0; i < b->count; i++) {
        if (b->of[i].rows)
            memset(b->of[i].cells, 0, CRM__COLUMN_ROWS * sizeof *b->of[i].cells);
        b->of[i].rows = 0;
    }
}

static crm__block_column *column_of(const crm__block_cells *b, uint32_t field)
{
    crm__block_column key = {.field = field};

    return bsearch(&key, b->of, b->count, sizeof *b->of, by_field);
}

int crm__block_cells_has(const crm__block_cells *b, uint32_t field)
{
    return column_of(b, field) != NULL;
}

int crm__block_cells_put(crm__block_cells *b, uint32_t field, uint32_t row,
                         const crm__column_cell *cell)
{
    crm__block_column *c = column_of(b, field);

    if (!c)
        return CRM_ECORRUPT;
    if (!c->cells)
        c->cells = crm__calloc(b->mem, CRM__COLUMN_ROWS, sizeof *c->cells);
    if (!c->cells)
        return CRM_ENOMEM;
    c->cells[row % CRM__COLUMN_ROWS] = *cell;
    c->rows++;
    return CRM_OK;
}

void crm__block_cells_store(const crm__block_column *c, crm__buf *out)
{
    if (c->rows)
        crm__column_store(c->cells, out);
}
