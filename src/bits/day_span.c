/* SPDX-License-Identifier: MIT
 * Spans of day lists: see day_span.h.
 */
#include "bits/day_span.h"

#include "base/bytes.h"
#include "bits/day_fold_part.h"

#include <crm/codes.h>
#include <string.h>

enum { FORMAT = 1, CURRENCIES = 26 * 26 * 26, SUMS_MOST = 1 << 24 };
typedef unsigned __int128 big;

static crm__span_series *series_of(const crm__span *s)
{
    return (crm__span_series *)(void *)s->series.p;
}

static uint32_t series_count(const crm__span *s)
{
    return (uint32_t)(s->series.n / sizeof(crm__span_series));
}

/* 10^(CRM__DAY_SCALE - scale) */
static uint64_t power(unsigned scale)
{
    return (uint64_t)crm__day_to_big(1, scale);
}

/* ---- making and changing ---- */

void crm__span_init(crm__span *s, const crm_allocator *mem)
{
    memset(s, 0, sizeof *s);
    crm__buf_init(&s->series, mem);
}

void crm__span_reset(crm__span *s)
{
    memset(s->items, 0, sizeof s->items);
    memset(s->met, 0, sizeof s->met);
    s->series.n = 0;
}

void crm__span_clear(crm__span *s)
{
    crm__buf_clear(&s->series);
}

static int before(const crm__span_series *s, uint32_t column, uint32_t currency)
{
    return s->column != column ? s->column < column : s->currency < currency;
}

static int is_of(const crm__span_series *s, uint32_t column, uint32_t currency)
{
    return s->column == column && s->currency == currency;
}

/* The series of a column and currency, which is made; NULL: no memory. */
static crm__span_series *at(crm__span *s, uint32_t *hint, uint32_t column, uint32_t currency)
{
    crm__span_series *all = series_of(s);
    uint32_t n = series_count(s), lo = 0, hi = n;

    if (*hint < n && is_of(&all[*hint], column, currency))
        return &all[*hint];
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (before(&all[mid], column, currency))
            lo = mid + 1;
        else
            hi = mid;
    }
    *hint = lo;
    if (lo < n && is_of(&all[lo], column, currency))
        return &all[lo];
    if (!crm__buf_reserve(&s->series, sizeof *all))
        return NULL;
    s->series.n += sizeof *all;
    all = series_of(s);
    memmove(all + lo + 1, all + lo, (n - lo) * sizeof *all);
    memset(all + lo, 0, sizeof *all);
    all[lo].column = column;
    all[lo].currency = currency;
    return all + lo;
}

/* A value that only says in which currency the one before it is. */
static int is_currency(const crm__day_value *v, const crm__day_value *of)
{
    return v->column & 1 && of->column + 1 == v->column && !v->scale && v->mantissa >= 0 &&
           v->mantissa < CURRENCIES;
}

int crm__span_add(crm__span *s, uint32_t place, crm__slice bytes, int64_t more)
{
    crm__day_item item;

    if (crm__day_item_get(bytes, &item))
        return CRM_ECORRUPT;
    s->items[place] += more;
    for (uint32_t i = 0; i < item.count; i++) {
        const crm__day_value *v = &item.values[i];
        uint32_t *hint = &s->met[i], currency = 0;
        crm__span_series *to;
        if (i + 1 < item.count && is_currency(&item.values[i + 1], v))
            currency = 1 + (uint32_t)item.values[++i].mantissa;
        to = at(s, hint, v->column, currency);
        if (!to)
            return CRM_ENOMEM;
        to->counts[place] += more;
        to->sums[place] += (big)crm__day_to_big(v->mantissa, v->scale) * (big)(__int128)more;
    }
    return CRM_OK;
}

/* ---- storing ---- */

/* Bytes that a number takes: 1, 2, 4 or 8. */
static unsigned count_width(uint64_t most)
{
    return most <= UINT8_MAX ? 1 : most <= UINT16_MAX ? 2 : most <= UINT32_MAX ? 4 : 8;
}

/* The same of one with a sign, or 16. */
static unsigned sum_width(__int128 sum)
{
    __int128 far = sum < 0 ? ~sum : sum;

    return far <= INT8_MAX    ? 1
           : far <= INT16_MAX ? 2
           : far <= INT32_MAX ? 4
           : far <= INT64_MAX ? 8
                              : 16;
}

/* 1, 2, 4, 8, 16 as 0 to 4. */
static unsigned code_of(unsigned width)
{
    return (unsigned)__builtin_ctz(width);
}

static void put(crm__buf *out, big number, unsigned width)
{
    uint8_t bytes[16];

    for (unsigned i = 0; i < width; i++)
        bytes[i] = (uint8_t)(number >> (8 * i));
    crm__buf_add(out, bytes, width);
}

static void put_counts(crm__buf *out, const int64_t *counts, uint32_t days, unsigned width)
{
    for (; days; days &= days - 1)
        put(out, (big)counts[__builtin_ctz(days)], width);
}

/* Whether all sums are whole multiples. */
static int all_whole(const crm__span_series *c, uint64_t by)
{
    for (uint32_t i = 0; i < CRM__SPAN_DAYS; i++) {
        __int128 sum = (__int128)c->sums[i];
        if (sum >= INT64_MIN && sum <= INT64_MAX ? (int64_t)sum % (int64_t)by != 0
                                                 : sum % (__int128)by != 0)
            return 0;
    }
    return 1;
}

/* How many numbers a day has at most, below 0 when there can't be so many; whether some day has
 * another number of them than of items. */
static int64_t most_of(const crm__span *s, const crm__span_series *c, int *differ)
{
    int64_t most = 0;

    *differ = 0;
    for (uint32_t i = 0; i < CRM__SPAN_DAYS; i++) {
        if (c->counts[i] < 0 || c->counts[i] > s->items[i] || (!c->counts[i] && c->sums[i]))
            return -1;
        *differ |= c->counts[i] != s->items[i];
        most = c->counts[i] > most ? c->counts[i] : most;
    }
    return most;
}

static void put_series(const crm__span_series *c, uint32_t days, uint32_t column, unsigned counts,
                       crm__buf *out)
{
    unsigned scale = 0, sums = 1;
    uint64_t by;

    while (scale < CRM__DAY_SCALE && !all_whole(c, power(scale)))
        scale++;
    by = power(scale);
    for (uint32_t i = 0; i < CRM__SPAN_DAYS; i++) {
        unsigned width = sum_width((__int128)c->sums[i] / (__int128)by);
        sums = width > sums ? width : sums;
    }
    crm__buf_add_varint(out, c->column - column);
    crm__buf_add_varint(out, c->currency);
    crm__buf_add_u8(out, scale);
    crm__buf_add_u8(out, (counts ? 1 + code_of(counts) : 0) << 4 | code_of(sums));
    if (counts)
        put_counts(out, c->counts, days, counts);
    for (; days; days &= days - 1)
        put(out, (big)((__int128)c->sums[__builtin_ctz(days)] / (__int128)by), sums);
}

int crm__span_put(const crm__span *s, crm__buf *out)
{
    const crm__span_series *all = series_of(s);
    uint32_t days = 0, count = 0, column = 0;
    int64_t most = 0;
    uint8_t bits[4];
    int differ;

    for (uint32_t i = 0; i < CRM__SPAN_DAYS; i++) {
        if (s->items[i] < 0)
            return CRM_ECORRUPT;
        days |= (uint32_t)(s->items[i] > 0) << i;
        most = s->items[i] > most ? s->items[i] : most;
    }
    for (uint32_t i = 0; i < series_count(s); i++) {
        int64_t numbers = most_of(s, &all[i], &differ);
        if (numbers < 0)
            return CRM_ECORRUPT;
        count += numbers > 0;
    }
    if (!days)
        return CRM_OK;
    crm__buf_add_u8(out, FORMAT);
    crm__put_le32(bits, days);
    crm__buf_add(out, bits, sizeof bits);
    crm__buf_add_u8(out, code_of(count_width((uint64_t)most)));
    put_counts(out, s->items, days, count_width((uint64_t)most));
    crm__buf_add_varint(out, count);
    for (uint32_t i = 0; i < series_count(s); i++) {
        int64_t numbers = most_of(s, &all[i], &differ);
        if (!numbers)
            continue;
        put_series(&all[i], days, column, differ ? count_width((uint64_t)numbers) : 0, out);
        column = all[i].column;
    }
    return out->failed ? CRM_ENOMEM : CRM_OK;
}

/* ---- reading in place ---- */

int crm__span_open(crm__slice stored, crm__span_view *v)
{
    crm__reader *r = &v->rest;
    unsigned code;

    *r = crm__reader_of(stored.p, stored.n);
    if (crm__read_u8(r) != FORMAT)
        return CRM_ECORRUPT;
    v->days = crm__read_le32(r);
    code = crm__read_u8(r);
    if (code > 3)
        return CRM_ECORRUPT;
    v->items_width = (uint8_t)(1u << code);
    v->items = crm__read_bytes(r, (uint64_t)__builtin_popcount(v->days) * v->items_width);
    v->series = crm__read_varint(r);
    return r->failed || !v->days ? CRM_ECORRUPT : CRM_OK;
}

int crm__span_next(crm__span_view *v, crm__span_column *c)
{
    crm__reader *r = &v->rest;
    uint64_t column, currency, days = (uint64_t)__builtin_popcount(v->days);
    unsigned widths;

    if (!v->series)
        return crm__reader_left(r) ? CRM_ECORRUPT : CRM_DONE;
    v->series--;
    column = crm__read_varint(r);
    currency = crm__read_varint(r);
    c->scale = crm__read_u8(r);
    widths = crm__read_u8(r);
    if (r->failed || column > UINT32_MAX - c->column || currency > CURRENCIES ||
        c->scale > CRM__DAY_SCALE || widths >> 4 > 4 || (widths & 15) > 4)
        return CRM_ECORRUPT;
    c->column += (uint32_t)column;
    c->currency = (uint32_t)currency;
    c->count_width = (uint8_t)(widths >> 4 ? 1u << ((widths >> 4) - 1) : 0);
    c->sum_width = (uint8_t)(1u << (widths & 15));
    c->counts = crm__read_bytes(r, days * c->count_width);
    c->sums = crm__read_bytes(r, days * c->sum_width);
    return r->failed ? CRM_ECORRUPT : CRM_OK;
}

static uint64_t number_at(const uint8_t *p, uint32_t i, unsigned width)
{
    switch (width) {
    case 1:
        return p[i];
    case 2:
        return crm__get_le16(p + 2 * (size_t)i);
    case 4:
        return crm__get_le32(p + 4 * (size_t)i);
    default:
        return crm__get_le64(p + 8 * (size_t)i);
    }
}

static __int128 signed_at(const uint8_t *p, uint32_t i, unsigned width)
{
    uint64_t n;

    if (width == 16)
        return (__int128)((big)crm__get_le64(p + 16 * (size_t)i + 8) << 64 |
                          crm__get_le64(p + 16 * (size_t)i));
    n = number_at(p, i, width);
    switch (width) {
    case 1:
        return (int8_t)n;
    case 2:
        return (int16_t)n;
    case 4:
        return (int32_t)n;
    default:
        return (int64_t)n;
    }
}

/* Numbers from..until-1 of an array, when that is what the days come to; 0: they have gaps. */
static int run_of(const crm__span_view *v, uint32_t days, uint32_t *from, uint32_t *until)
{
    uint32_t low, gone;

    days &= v->days;
    if (!days)
        return 0;
    low = days & (0 - days);
    gone = v->days & ~days & ~(low - 1); /* those that are not asked for, behind the first */
    *from = (uint32_t)__builtin_popcount(v->days & (low - 1));
    *until = *from + (uint32_t)__builtin_popcount(days);
    return !gone || (gone & (0 - gone)) > days;
}

static uint64_t add_counts(const crm__span_view *v, const uint8_t *p, unsigned width, uint32_t days)
{
    uint32_t from, until;
    uint64_t sum = 0;

    if (run_of(v, days, &from, &until)) {
        for (; from < until; from++)
            sum += number_at(p, from, width);
        return sum;
    }
    for (days &= v->days; days; days &= days - 1) {
        uint32_t low = days & (0 - days);
        sum += number_at(p, (uint32_t)__builtin_popcount(v->days & (low - 1)), width);
    }
    return sum;
}

uint64_t crm__span_items(const crm__span_view *v, uint32_t days)
{
    return add_counts(v, v->items, v->items_width, days);
}

static big add_sums(const crm__span_view *v, const crm__span_column *c, uint32_t days)
{
    uint32_t from, until;
    big sum = 0;

    if (run_of(v, days, &from, &until) && c->sum_width <= 4) {
        int64_t small = 0;
        for (; from < until; from++)
            small += (int64_t)signed_at(c->sums, from, c->sum_width);
        return (big)(__int128)small;
    }
    for (days &= v->days; days; days &= days - 1) {
        uint32_t low = days & (0 - days);
        sum += (big)signed_at(c->sums, (uint32_t)__builtin_popcount(v->days & (low - 1)),
                              c->sum_width);
    }
    return sum;
}

int crm__span_sum(const crm__span_view *v, const crm__span_column *c, uint32_t days,
                  crm__day_total *t)
{
    uint64_t count = c->count_width ? add_counts(v, c->counts, c->count_width, days)
                                    : crm__span_items(v, days);

    if (count >= SUMS_MOST)
        return 0;
    t->count += count;
    t->sum = (__int128)((big)t->sum + add_sums(v, c, days) * power(c->scale));
    return 1;
}

/* ---- a stored one to be changed ---- */

static int read_series(crm__span *s, const crm__span_view *v, const crm__span_column *c)
{
    uint32_t n = series_count(s), hint = n, place = 0;
    const crm__span_series *last = n ? series_of(s) + n - 1 : NULL;
    crm__span_series *to;

    if (last && !before(last, c->column, c->currency))
        return CRM_ECORRUPT;
    to = at(s, &hint, c->column, c->currency);
    if (!to)
        return CRM_ENOMEM;
    for (uint32_t days = v->days; days; days &= days - 1, place++) {
        uint32_t day = (uint32_t)__builtin_ctz(days);
        uint64_t count =
            c->count_width ? number_at(c->counts, place, c->count_width) : (uint64_t)s->items[day];
        if (count > INT64_MAX)
            return CRM_ECORRUPT;
        to->counts[day] = (int64_t)count;
        to->sums[day] = (big)signed_at(c->sums, place, c->sum_width) * power(c->scale);
    }
    return CRM_OK;
}

int crm__span_read(crm__span *s, crm__slice stored)
{
    crm__span_column c = {0};
    crm__span_view v = {0};
    uint32_t place = 0;
    int rc = crm__span_open(stored, &v);

    crm__span_reset(s);
    for (uint32_t days = v.days; !rc && days; days &= days - 1, place++) {
        uint64_t n = number_at(v.items, place, v.items_width);
        if (n > INT64_MAX)
            rc = CRM_ECORRUPT;
        else
            s->items[__builtin_ctz(days)] = (int64_t)n;
    }
    while (!rc && !(rc = crm__span_next(&v, &c)))
        rc = read_series(s, &v, &c);
    return rc == CRM_DONE ? CRM_OK : rc;
}
