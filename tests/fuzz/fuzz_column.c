/* SPDX-License-Identifier: MIT
 * Column blocks: any bytes are read within bounds and all readers agree; what the cells of a block
 * that opens are stored as says the same, and is stored as the same again.
 */
#include "fuzz.h"

#include "bits/column.h"
#include "bits/set.h"

#include <crm/codes.h>

enum { ROWS = CRM__COLUMN_ROWS, WORDS = CRM__COLUMN_WORDS };

static crm__column_cell cells[ROWS], again[ROWS];
static int64_t numbers[ROWS];

static void read_all(const crm__column *c, const crm__limits *l)
{
    uint64_t taken[WORDS], present[WORDS], wide[WORDS];

    crm__column_cells(c, cells);
    crm__column_numbers(c, numbers);
    crm__column_range(c, l, taken);
    crm__column_present(c, present);
    crm__column_wide(c, wide);
    for (uint32_t i = 0; i < ROWS; i++) {
        crm__column_cell one;
        crm__column_get(c, i, &one);
        MUST(one.state == cells[i].state && crm__set_has(present, i) == one.state);
        MUST(crm__set_has(taken, i) ==
             (one.state && crm__limits_take(l, cells[i].number, cells[i].scale)));
        if (!one.state)
            continue;
        MUST(cells[i].scale >= CRM__SCALE_LEAST && cells[i].scale <= CRM__SCALE_MOST);
        MUST(crm__set_has(wide, i) || (numbers[i] == cells[i].number && one.scale == c->scale));
        MUST(crm__set_has(wide, i) || (one.number >= c->min && one.number <= c->max));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input in = {data, size};
    crm__limits l;
    crm__column c;
    crm__buf out, second;
    uint8_t *block;
    size_t n;
    int rc;

    l.flags = take(&in) & 15;
    l.lo = (int64_t)take_number(&in, 8);
    l.hi = (int64_t)take_number(&in, 8);
    l.lo_scale = (int8_t)(take(&in) % 19 - 6);
    l.hi_scale = (int8_t)(take(&in) % 19 - 6);
    block = take_copy(&in, in.n, &n);
    rc = crm__column_open((crm__slice){block, n}, &c);
    MUST(rc == CRM_OK || rc == CRM_ECORRUPT);
    if (rc) {
        free(block);
        return 0;
    }
    read_all(&c, &l);
    crm__buf_init(&out, NULL);
    crm__buf_init(&second, NULL);
    crm__column_store(cells, &out);
    MUST(!out.failed);
    if (out.n) { /* else all codes said that there is none */
        MUST(crm__column_open((crm__slice){out.p, out.n}, &c) == CRM_OK);
        memcpy(again, cells, sizeof again);
        read_all(&c, &l);
        for (uint32_t i = 0; i < ROWS; i++)
            MUST(again[i].state == cells[i].state &&
                 (!again[i].state || crm__scaled_compare(again[i].number, again[i].scale,
                                                         cells[i].number, cells[i].scale) == 0));
        crm__column_store(cells, &second);
        MUST(second.n == out.n && memcmp(second.p, out.p, out.n) == 0);
    }
    crm__buf_clear(&out);
    crm__buf_clear(&second);
    free(block);
    return 0;
}
