/* SPDX-License-Identifier: MIT
 * Steps answered by a column of numbers, block by block.
 */
#include "segment/step.h"

#include <string.h>

/* Month and day of each number there is. */
static void come_round(const crm__column *c, const crm__test *t, const uint64_t *words,
                       uint32_t rows, uint64_t found[CRM__COLUMN_WORDS])
{
    crm__value v = {.type = t->type};

    for (uint32_t i = 0; i < rows; i++) {
        crm__column_cell cell;
        if (!(words[i / 64] >> (i % 64) & 1))
            continue;
        crm__column_get(c, i, &cell);
        if (cell.state != CRM__CELL_NUMBER ||
            !crm__scaled_to(cell.number, cell.scale, 0, &v.integer))
            continue;
        if (crm__test_value(t, &v, NULL) == 1)
            found[i / 64] |= UINT64_C(1) << i % 64;
    }
}

/* words: the candidates, of which the last block has fewer than the others. */
static void block_rows(const crm__column *c, const crm__test *t, const uint64_t *words,
                       uint32_t rows, uint64_t found[CRM__COLUMN_WORDS])
{
    uint64_t one[CRM__COLUMN_WORDS];

    memset(found, 0, CRM__COLUMN_WORDS * sizeof *found);
    if (t->cmp == CRM__CMP_ANNIVERSARY) {
        come_round(c, t, words, rows, found);
        return;
    }
    for (uint32_t i = 0; i < t->limit_count; i++) {
        crm__column_range(c, &t->limits[i], one);
        for (int w = 0; w < CRM__COLUMN_WORDS; w++)
            found[w] |= one[w];
    }
}

int crm__column_narrow(crm__run *r, const crm__step *s, uint64_t *words)
{
    uint64_t found[CRM__COLUMN_WORDS];

    for (uint32_t b = 0; b < CRM__COLUMN_BLOCKS; b++) {
        uint64_t *at = words + b * CRM__COLUMN_WORDS, any = 0;
        int n = b + 1 == CRM__COLUMN_BLOCKS ? CRM__COLUMN_LAST_WORDS : CRM__COLUMN_WORDS, rc;
        uint8_t key[CRM__KEY_COLUMN];
        crm__column c;
        for (int w = 0; w < n; w++)
            any |= at[w];
        if (!any)
            continue;
        rc = crm__txn_column(r->txn, crm__key_column(key, r->chunk, s->column, b), &r->block, &c);
        if (rc == CRM_ENOTFOUND)
            memset(found, 0, sizeof found);
        else if (rc)
            return rc;
        else
            block_rows(&c, &s->test, at, (uint32_t)n * 64, found);
        for (int w = 0; w < n; w++)
            at[w] &= found[w];
    }
    return CRM_OK;
}
