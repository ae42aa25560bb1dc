/* SPDX-License-Identifier: MIT
 * Blocks of identity rows: any bytes are read within bounds, and a block that is as it should be is
 * made again from its rows as the same bytes.
 */
#include "fuzz.h"

#include "codec/ids.h"

#include <crm/codes.h>

static void make_again(const crm__ids *b, const uint8_t *block, size_t n)
{
    crm__id_row *rows = malloc(b->count * sizeof *rows);
    size_t bytes;
    crm__buf out;

    MUST(rows);
    for (uint32_t i = 0; i < b->count; i++) {
        rows[i] = crm__ids_row(b, i);
        MUST(crm__ids_lower(b, &rows[i]) == i);
    }
    crm__buf_init(&out, NULL);
    MUST(crm__ids_fit(rows, b->count, n, &bytes) == b->count && bytes == n);
    crm__ids_add(rows, b->count, &out);
    MUST(!out.failed && out.n == n && memcmp(out.p, block, n) == 0);
    crm__buf_clear(&out);
    free(rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input in = {data, size};
    crm__id_row row;
    crm__ids b;
    uint8_t *block;
    size_t n;
    int rc;

    for (size_t i = 0; i < sizeof row.byte; i++)
        row.byte[i] = take(&in);
    block = take_copy(&in, in.n, &n);
    rc = crm__ids_open((crm__slice){block, n}, &b);
    MUST(rc == CRM_OK || rc == CRM_ECORRUPT);
    if (!rc) {
        uint32_t at = crm__ids_lower(&b, &row);
        MUST(b.count && at <= b.count);
        if (crm__ids_sound(&b)) {
            crm__id_row there;
            make_again(&b, block, n);
            if (at < b.count) {
                there = crm__ids_row(&b, at);
                MUST(crm__id_row_order(&there, &row) >= 0);
            }
            if (at) {
                there = crm__ids_row(&b, at - 1);
                MUST(crm__id_row_order(&there, &row) < 0);
            }
        }
    }
    free(block);
    return 0;
}
