/* SPDX-License-Identifier: MIT
 * What day lists come to: any bytes are read within bounds; what can be read for changing tells the
 * same counts and sums when it is stored again.
 */
#include "fuzz.h"

#include "bits/day_span.h"

#include <crm/codes.h>

static uint64_t items_of(crm__slice stored, uint32_t days, crm__day_total *t)
{
    crm__span_column c = {0};
    crm__span_view v;
    uint64_t items;
    int rc;

    memset(t, 0, sizeof *t);
    MUST(crm__span_open(stored, &v) == CRM_OK);
    items = crm__span_items(&v, days);
    while ((rc = crm__span_next(&v, &c)) == CRM_OK)
        (void)crm__span_sum(&v, &c, days, t);
    MUST(rc == CRM_DONE);
    return items;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input in = {data, size};
    uint32_t days = (uint32_t)take_number(&in, 4);
    crm__day_total before, after;
    crm__span_column c = {0};
    crm__span_view v;
    crm__slice stored;
    crm__span s;
    crm__buf out;
    uint8_t *copy = take_copy(&in, in.n, &stored.n);

    stored.p = copy;
    crm__span_init(&s, NULL);
    crm__buf_init(&out, NULL);
    if (crm__span_open(stored, &v) == CRM_OK) {
        while (crm__span_next(&v, &c) == CRM_OK)
            (void)crm__span_sum(&v, &c, days, (memset(&before, 0, sizeof before), &before));
    }
    if (crm__span_read(&s, stored) == CRM_OK && crm__span_put(&s, &out) == CRM_OK && out.n) {
        uint64_t items = items_of(stored, days, &before);
        MUST(items_of((crm__slice){out.p, out.n}, days, &after) == items);
        MUST(before.count == after.count && before.sum == after.sum);
        MUST(crm__span_read(&s, (crm__slice){out.p, out.n}) == CRM_OK);
    }
    crm__span_clear(&s);
    crm__buf_clear(&out);
    free(copy);
    return 0;
}
