/* SPDX-License-Identifier: MIT
 * Blocks of all columns of a model for one piece of a chunk (960 rows), as the records of its
 * customers say: for the check, which compares them with the stored ones, and the repair, which
 * puts them in their place.
 */
#ifndef CRM_DB_BLOCK_CELLS_H
#define CRM_DB_BLOCK_CELLS_H

#include "bits/column.h"
#include "model/model.h"

typedef struct crm__block_column {
    uint32_t field;          /* CRM__COLUMN_CREATED or a field's number */
    uint32_t rows;           /* put since the last reset */
    crm__column_cell *cells; /* NULL until one is put */
} crm__block_column;

typedef struct crm__block_cells {
    const crm_allocator *mem;
    crm__block_column *of; /* ascending by field */
    size_t count;
} crm__block_cells;

/* Room for the columns of a model.  CRM_OK or CRM_ENOMEM. */
int crm__block_cells_init(crm__block_cells *b, const crm_allocator *mem, const crm__model *m);
void crm__block_cells_clear(crm__block_cells *b); /* frees */
void crm__block_cells_reset(crm__block_cells *b); /* empties */
/* Whether the model has the column. */
int crm__block_cells_has(const crm__block_cells *b, uint32_t field);
/* CRM_OK, CRM_ENOMEM, CRM_ECORRUPT: no such column. */
int crm__block_cells_put(crm__block_cells *b, uint32_t field, uint32_t row,
                         const crm__column_cell *cell);
/* Appends the stored form of a column; nothing when it is empty. */
void crm__block_cells_store(const crm__block_column *c, crm__buf *out);

#endif
