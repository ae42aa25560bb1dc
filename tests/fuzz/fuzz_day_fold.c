/* SPDX-License-Identifier: MIT
 * Questions to parts of day lists: any bytes stay within bounds, and what is said of rows and in
 * all agrees.
 */
#include "fuzz.h"

#include "base/time.h"
#include "bits/day_fold.h"

#include <crm/codes.h>

static crm__day_view v;
static uint64_t words[CRM__SET_WORDS], some[CRM__SET_WORDS];
static uint16_t counts[CRM__SET_ROWS];
static int64_t first[CRM__SET_ROWS], last[CRM__SET_ROWS];
static crm__day_sums sums;
static crm__day_best least, most;

static void prepare(void)
{
    static int done;

    if (!done)
        MUST(!crm__day_sums_init(&sums, NULL, 2, 1) && !crm__day_best_init(&least, NULL, 0) &&
             !crm__day_best_init(&most, NULL, 1));
    done = 1;
    crm__day_sums_reset(&sums);
    crm__day_best_reset(&least);
    crm__day_best_reset(&most);
    memset(words, 0, sizeof words);
    memset(counts, 0, sizeof counts);
    for (uint32_t i = 0; i < CRM__SET_ROWS; i++) {
        first[i] = INT64_MAX;
        last[i] = INT64_MIN;
    }
}

/* 0: the part turned out to be damaged. */
static int narrow(input *in)
{
    unsigned what = take(in);
    uint32_t column = take(in);
    crm__limits l;
    int64_t list[2];

    l.flags = take(in) & 15;
    l.lo = (int64_t)take_number(in, 4) - INT32_MAX;
    l.hi = (int64_t)take_number(in, 8);
    l.lo_scale = (int8_t)(take(in) % 19 - 6);
    l.hi_scale = (int8_t)(take(in) % 19 - 6);
    list[0] = (int64_t)take(in) - 100;
    list[1] = list[0] + take(in);
    memset(some, take(in), sizeof some);
    if (what & 1)
        crm__day_view_window(&v, l.lo * 1000, l.hi);
    if (what & 2)
        crm__day_view_among(&v, some);
    if (what & 4 && crm__day_view_range(&v, column, &l, what & 8))
        return 0;
    return !(what & 16 && crm__day_view_one_of(&v, column, list, 2, what & 32));
}

static void ask_rows(void)
{
    uint64_t left = 0;

    crm__day_view_any(&v, words);
    crm__day_view_count(&v, counts);
    crm__day_view_first(&v, 3, first);
    crm__day_view_last(&v, 3, last);
    for (uint32_t row = 0; row < CRM__SET_ROWS; row++) {
        int has = crm__set_has(words, row);
        left += counts[row];
        MUST(has == (counts[row] > 0) && has == (first[row] != INT64_MAX));
        MUST(has ? first[row] <= last[row] : last[row] == INT64_MIN);
    }
    MUST(left == v.left);
}

static void ask_numbers(uint32_t column)
{
    crm__day_total t;
    unsigned __int128 sum = 0;
    uint64_t count = 0;
    crm__buf out;
    int rc;

    memset(&t, 0, sizeof t);
    crm__buf_init(&out, NULL);
    rc = crm__day_view_total(&v, column, &t);
    MUST(rc == CRM_OK || rc == CRM_ECORRUPT);
    MUST(crm__day_view_sum(&v, column, &sums) == rc);
    MUST(crm__day_view_best(&v, column, &least) == rc);
    MUST(crm__day_view_best(&v, column, &most) == rc);
    MUST(crm__day_view_numbers(&v, column, &out) == rc);
    for (uint32_t row = 0; row < CRM__SET_ROWS && !rc; row++) {
        int has = crm__set_has(least.has, row);
        sum += (unsigned __int128)crm__day_sums_get(&sums, row);
        count += sums.counts[row];
        MUST(has == (sums.counts[row] > 0) && has == crm__set_has(most.has, row));
        MUST(!has || crm__scaled_compare(least.numbers[row], least.scales[row], most.numbers[row],
                                         most.scales[row]) <= 0);
    }
    MUST(rc || (sum == (unsigned __int128)t.sum && count == t.count && count <= v.left));
    MUST(rc || out.n == count * sizeof(crm__day_number));
    crm__buf_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input in = {data, size}, head = {data, size < 32 ? size : 32};
    uint32_t column;
    uint8_t *part;
    size_t n;

    in.p += head.n;
    in.n -= head.n;
    part = take_copy(&in, in.n, &n);
    column = take(&head);
    prepare();
    if (crm__day_view_open(&v, (crm__slice){part, n}) == CRM_OK && narrow(&head)) {
        ask_rows();
        ask_numbers(column);
    }
    free(part);
    return 0;
}
