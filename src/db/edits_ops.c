/* SPDX-License-Identifier: MIT
 * What the ops of a set or a block make of it: see edits.h.  Those of one row, as a single change
 * has them, are made on the stored bytes; others on rows or cells taken apart.
 */
#include "bits/column.h"
#include "bits/set.h"
#include "codec/key.h"
#include "db/edits.h"

#include <crm/codes.h>
#include <string.h>

/* An op of a block is two numbers. */
static uint32_t row_of(const uint64_t *op)
{
    return (uint32_t)(op[0] >> 16) % CRM__COLUMN_ROWS;
}

static crm__column_cell cell_of(const uint64_t *op)
{
    return (crm__column_cell){(uint8_t)op[0], (int8_t)(op[0] >> 8), (int64_t)op[1]};
}

void crm__edits_cells(const uint64_t *ops, uint32_t count, crm__column_cell *cells)
{
    for (uint32_t i = 0; i < count; i += 2) {
        if (ops[i] == CRM__EDITS_EMPTY)
            memset(cells, 0, CRM__COLUMN_ROWS * sizeof *cells);
        else
            cells[row_of(&ops[i])] = cell_of(&ops[i]);
    }
}

/* One switch, of a row or of many. */
static void switch_rows(uint64_t op, uint64_t *words)
{
    const uint64_t *many;

    if (op < CRM__CHUNK_ROWS * 2) {
        crm__set_put(words, (uint32_t)(op >> 1), op & 1);
        return;
    }
    many = (const uint64_t *)(uintptr_t)(op & ~(uint64_t)1);
    for (int i = 0; i < CRM__SET_WORDS; i++)
        words[i] = op & 1 ? words[i] | many[i] : words[i] & ~many[i];
}

void crm__edits_rows(const uint64_t *ops, uint32_t count, uint64_t *words)
{
    for (uint32_t i = 0; i < count; i++) {
        if (ops[i] == CRM__EDITS_EMPTY)
            memset(words, 0, CRM__SET_WORDS * sizeof *words);
        else
            switch_rows(ops[i], words);
    }
}

int crm__edits_row(const uint64_t *ops, uint32_t count, uint32_t row, int was)
{
    while (count-- > 0) { /* the last word counts */
        uint64_t op = ops[count], number = op >> 1;
        if (op == CRM__EDITS_EMPTY)
            return 0;
        if (number < CRM__CHUNK_ROWS
                ? number == row
                : crm__set_has((const uint64_t *)(uintptr_t)(op & ~(uint64_t)1), row))
            return (int)(op & 1);
    }
    return was;
}

/* Whether all ops are of one row. */
static int one_row(const uint64_t *ops, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (ops[i] >> 1 != ops[0] >> 1 || ops[i] >= CRM__CHUNK_ROWS * 2)
            return 0;
    }
    return count != 0;
}

static int one_cell(const uint64_t *ops, uint32_t count)
{
    for (uint32_t i = 0; i < count; i += 2) {
        if (ops[i] == CRM__EDITS_EMPTY || row_of(&ops[i]) != row_of(ops))
            return 0;
    }
    return count != 0;
}

int crm__edits_make_set(const uint64_t *ops, uint32_t count, crm__slice stored, crm__buf *out)
{
    uint64_t words[CRM__SET_WORDS];
    int rc = CRM_OK;

    out->n = 0;
    if (one_row(ops, count) &&
        crm__set_patch(stored, (uint32_t)(ops[0] >> 1), ops[count - 1] & 1, out))
        return CRM_OK;
    memset(words, 0, sizeof words);
    if (stored.n)
        rc = crm__set_load(stored, words);
    if (rc)
        return rc;
    crm__edits_rows(ops, count, words);
    crm__set_store(words, out);
    return out->failed ? CRM_ENOMEM : CRM_OK;
}

int crm__edits_make_block(const uint64_t *ops, uint32_t count, crm__slice stored, crm__buf *out)
{
    crm__column_cell cells[CRM__COLUMN_ROWS], one;
    crm__column c;

    out->n = 0;
    if (stored.n && one_cell(ops, count)) {
        one = cell_of(&ops[count - 2]); /* the last word counts */
        if (crm__column_patch(stored, row_of(ops), &one, out))
            return CRM_OK;
    }
    if (stored.n && crm__column_open(stored, &c))
        return CRM_ECORRUPT;
    memset(cells, 0, sizeof cells);
    if (stored.n)
        crm__column_cells(&c, cells);
    crm__edits_cells(ops, count, cells);
    crm__column_store(cells, out);
    return out->failed ? CRM_ENOMEM : CRM_OK;
}
