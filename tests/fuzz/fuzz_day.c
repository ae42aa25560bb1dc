/* SPDX-License-Identifier: MIT
 * Parts of day lists: any bytes are read within bounds; the items of a part that has some make
 * parts again which hold the same items, and say the same of each column.
 */
#include "fuzz.h"

#include "base/time.h"
#include "bits/day.h"

#include <crm/codes.h>

static crm__day d;
static uint16_t rows[CRM__DAY_ITEMS];
static int64_t us[CRM__DAY_ITEMS], values[CRM__DAY_ITEMS];
static uint64_t present[CRM__DAY_ITEMS / 64];

static void read_wide(const crm__day_column *c)
{
    crm__day_wide w;
    crm__day_value v;
    uint32_t item, before = 0, count = 0;
    int rc;

    crm__day_wide_begin(&d, c, &w);
    while ((rc = crm__day_wide_next(&w, &item, &v)) == CRM_OK) {
        MUST(item < d.items && (!count || item > before));
        MUST(v.column == c->column && v.scale <= CRM__DAY_SCALE);
        before = item;
        count++;
    }
    MUST(rc == CRM_DONE || rc == CRM_ECORRUPT);
    MUST(count <= c->wide);
}

static void read_columns(void)
{
    MUST(d.items >= 1 && d.items <= CRM__DAY_ITEMS && d.column_count <= CRM__DAY_COLUMNS);
    crm__day_rows(&d, rows);
    crm__day_times(&d, us);
    for (uint32_t i = 0; i < d.items; i++)
        MUST(us[i] >= 0 && us[i] < 3 * CRM__US_PER_DAY);
    for (uint32_t i = 0; i < d.column_count; i++) {
        const crm__day_column *c = &d.columns[i];
        int rc = crm__day_values(&d, c, values, present);
        uint32_t count = 0;
        MUST(crm__day_find(&d, c->column) == c);
        MUST(rc == CRM_OK || rc == CRM_ECORRUPT);
        for (uint32_t k = 0; k < d.items && !rc; k++)
            count += (uint32_t)(present[k / 64] >> (k % 64) & 1);
        MUST(rc || count == c->count);
        read_wide(c);
    }
}

typedef struct again {
    crm__day_work *w;
    crm__day_list list;
    size_t parts;
} again;

static int take_part(void *ctx, uint16_t row, uint16_t number, crm__slice part)
{
    again *a = ctx;

    (void)number;
    MUST(part.n <= CRM__DAY_BYTES);
    MUST(crm__day_open(part, &d) == CRM_OK && d.first_row == row);
    read_columns();
    MUST(crm__day_items(a->w, part, &a->list) == CRM_OK);
    a->parts++;
    return CRM_OK;
}

static int same(const crm__day_list *a, const crm__day_list *b)
{
    return a->bytes.n == b->bytes.n && a->lengths.n == b->lengths.n &&
           memcmp(a->bytes.p, b->bytes.p, a->bytes.n) == 0 &&
           memcmp(a->lengths.p, b->lengths.p, a->lengths.n) == 0;
}

/* The first item is read alone as among the others. */
static void check_first(crm__slice part, const crm__day_list *list, crm__day_work *w)
{
    size_t at = 0, index = 0;
    crm__slice item = crm__day_list_next(list, &at, &index);
    crm__day_list first;

    crm__day_list_init(&first, NULL);
    MUST(crm__day_first(w, part, &first) == CRM_OK);
    MUST(crm__day_list_count(&first) == 1 && first.bytes.n == item.n);
    MUST(memcmp(first.bytes.p, item.p, item.n) == 0);
    crm__day_list_clear(&first);
}

static void make_again(const crm__day_list *list, crm__day_work *w, int even)
{
    size_t n = crm__day_list_count(list), at = 0, index = 0;
    crm__slice *items = malloc(n * sizeof *items);
    again a = {crm__day_work_new(NULL), {{0}, {0}}, 0};

    MUST(items && a.w);
    for (size_t i = 0; i < n; i++)
        items[i] = crm__day_list_next(list, &at, &index);
    crm__day_list_init(&a.list, NULL);
    MUST(crm__day_build(w, items, n, even, take_part, &a) == CRM_OK);
    MUST(a.parts >= 1 && same(list, &a.list));
    crm__day_list_clear(&a.list);
    crm__day_work_free(a.w);
    free(items);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    crm__slice part = {data, size};
    crm__day_list list;
    crm__day_work *w;
    int rc = crm__day_open(part, &d);

    MUST(rc == CRM_OK || rc == CRM_ECORRUPT);
    if (rc)
        return 0;
    read_columns();
    w = crm__day_work_new(NULL);
    MUST(w);
    crm__day_list_init(&list, NULL);
    rc = crm__day_items(w, part, &list);
    MUST(rc == CRM_OK || rc == CRM_ECORRUPT);
    if (!rc) {
        check_first(part, &list, w);
        make_again(&list, w, 0);
        make_again(&list, w, 1);
    }
    crm__day_list_clear(&list);
    crm__day_work_free(w);
    return 0;
}
