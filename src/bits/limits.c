/* SPDX-License-Identifier: MIT
 * Limits of numbers: see limits.h.
 */
#include "bits/limits.h"

/* 10^n, n up to the distance of two scales. */
static const int64_t POWER[] = {
    INT64_C(1),
    INT64_C(10),
    INT64_C(100),
    INT64_C(1000),
    INT64_C(10000),
    INT64_C(100000),
    INT64_C(1000000),
    INT64_C(10000000),
    INT64_C(100000000),
    INT64_C(1000000000),
    INT64_C(10000000000),
    INT64_C(100000000000),
    INT64_C(1000000000000),
    INT64_C(10000000000000),
    INT64_C(100000000000000),
    INT64_C(1000000000000000),
    INT64_C(10000000000000000),
    INT64_C(100000000000000000),
    INT64_C(1000000000000000000),
};

static int64_t power(int n)
{
    return POWER[n];
}

int crm__scaled_compare(int64_t a, int a_scale, int64_t b, int b_scale)
{
    __int128 x = a, y = b; /* below 2^123 */

    if (a_scale < b_scale)
        x *= power(b_scale - a_scale);
    else
        y *= power(a_scale - b_scale);
    return (x > y) - (x < y);
}

int crm__scaled_to(int64_t number, int scale, int to_scale, int64_t *out)
{
    if (to_scale >= scale)
        return !__builtin_mul_overflow(number, power(to_scale - scale), out);
    *out = number / power(scale - to_scale);
    return number % power(scale - to_scale) == 0;
}

__int128 crm__scaled_big(int64_t number, int scale)
{
    return (__int128)number * power(CRM__SCALE_MOST - scale);
}

/* lo and hi: how the number compares with each limit. */
static int takes(const crm__limits *l, int lo, int hi)
{
    if (l->flags & CRM__LIMIT_LO && (lo < 0 || (lo == 0 && l->flags & CRM__LIMIT_LO_OPEN)))
        return 0;
    return !(l->flags & CRM__LIMIT_HI && (hi > 0 || (hi == 0 && l->flags & CRM__LIMIT_HI_OPEN)));
}

int crm__limits_take(const crm__limits *l, int64_t number, int scale)
{
    return takes(
        l, l->flags & CRM__LIMIT_LO ? crm__scaled_compare(number, scale, l->lo, l->lo_scale) : 0,
        l->flags & CRM__LIMIT_HI ? crm__scaled_compare(number, scale, l->hi, l->hi_scale) : 0);
}

static int compare_big(__int128 number, int rest, int64_t limit, int scale)
{
    __int128 at = crm__scaled_big(limit, scale);

    return number == at ? rest : number > at ? 1 : -1;
}

int crm__limits_take_big(const crm__limits *l, __int128 number, int rest)
{
    return takes(l, l->flags & CRM__LIMIT_LO ? compare_big(number, rest, l->lo, l->lo_scale) : 0,
                 l->flags & CRM__LIMIT_HI ? compare_big(number, rest, l->hi, l->hi_scale) : 0);
}

/* The greatest whole number at a scale that is not above the decimal; *exact: it equals it. */
static __int128 floor_at(int64_t number, int from, int to, int *exact)
{
    int64_t p, q;

    *exact = 1;
    if (to >= from)
        return (__int128)number * power(to - from);
    p = power(from - to);
    q = number / p;
    *exact = number % p == 0;
    return q - (number < 0 && !*exact);
}

int crm__limits_at(const crm__limits *l, int scale, int64_t *lo, int64_t *hi)
{
    __int128 least = INT64_MIN, most = INT64_MAX;
    int exact;

    if (l->flags & CRM__LIMIT_LO) {
        __int128 at = floor_at(l->lo, l->lo_scale, scale, &exact);
        at += !exact || l->flags & CRM__LIMIT_LO_OPEN;
        least = at > least ? at : least;
    }
    if (l->flags & CRM__LIMIT_HI) {
        __int128 at = floor_at(l->hi, l->hi_scale, scale, &exact);
        at -= exact && l->flags & CRM__LIMIT_HI_OPEN;
        most = at < most ? at : most;
    }
    if (least > most)
        return 0;
    *lo = (int64_t)least;
    *hi = (int64_t)most;
    return 1;
}
