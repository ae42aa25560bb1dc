/* SPDX-License-Identifier: MIT
 * Exact decimals and integers: no binary floating point comes near them.  One scanner reads the
 * text into its significant digits and the place of the point; the two results differ in their
 * limits.
 */
#include "base/decimal.h"

#include "base/utf8.h"

#include <crm/codes.h>
#include <string.h>

enum { DIGITS = 48, EXPONENT_MAX = 1000000 };

static const char NOT_NUMBER[] = "expected a number";
static const char GROUPS[] = "expected groups of three digits between separators";

/* A text read: value = digits / 10^point, where point may be negative.  Leading zeros are not among
 * the digits; 0 has none. */
typedef struct number {
    const char *start, *p, *end; /* whole text, where we are, end without white space */
    const char *first;           /* where the number begins */
    const char *why, *fault;
    int minus;
    size_t n;
    int64_t point;
    uint8_t digit[DIGITS];
} number;

static int number_fail(number *t, const char *at, const char *why)
{
    t->why = why;
    t->fault = at;
    return CRM_EVALUE;
}

/* The next character, fullwidth forms as ASCII and the minus sign as "-"; 0 at the end. */
static uint32_t peek(const number *t, const char **next)
{
    uint32_t c;

    *next = t->p;
    if (t->p >= t->end)
        return 0;
    c = crm__utf8_next(next, t->end);
    if (c == 0x2212)
        return '-';
    return c >= 0xff01 && c <= 0xff5e ? c - 0xfee0 : c;
}

static int is_digit(uint32_t c)
{
    return c >= '0' && c <= '9';
}

static int add_digit(number *t, uint32_t c)
{
    if (t->n == 0 && c == '0')
        return CRM_OK;
    if (t->n == DIGITS)
        return number_fail(t, t->p, "too many digits");
    t->digit[t->n++] = (uint8_t)(c - '0');
    return CRM_OK;
}

static int read_sign(number *t)
{
    const char *next;
    uint32_t c = peek(t, &next);

    if (c != '-' && c != '+')
        return 0;
    t->p = next;
    return c == '-';
}

/* Digits up to the point, maybe in groups.  *any tells whether there were some. */
static int read_whole(number *t, int *any)
{
    uint32_t separator = 0;
    size_t run = 0;
    const char *next, *group = t->p;

    for (;;) {
        uint32_t c = peek(t, &next);
        if (is_digit(c)) {
            int rc = add_digit(t, c);
            if (rc)
                return rc;
            run++;
        } else if (c == ',' || c == '_' || c == '\'') {
            if (separator ? c != separator || run != 3 : run < 1 || run > 3)
                return number_fail(t, t->p, GROUPS);
            separator = c;
            run = 0;
            group = next;
        } else {
            break;
        }
        *any = 1;
        t->p = next;
    }
    if (separator && run != 3)
        return number_fail(t, group, GROUPS);
    return CRM_OK;
}

static int read_fraction(number *t)
{
    const char *next, *from = t->p;
    uint32_t c;

    while (is_digit(c = peek(t, &next))) {
        int rc = add_digit(t, c);
        if (rc)
            return rc;
        t->point++;
        t->p = next;
    }
    if (t->p == from)
        return number_fail(t, t->p, "expected digits after the point");
    if (c == ',' || c == '_' || c == '\'')
        return number_fail(t, t->p, "separators are allowed before the point only");
    return CRM_OK;
}

static int read_exponent(number *t)
{
    const char *next, *from;
    int64_t v = 0;
    int minus = read_sign(t);
    uint32_t c;

    from = t->p;
    while (is_digit(c = peek(t, &next))) {
        v = v * 10 + (int64_t)(c - '0');
        if (v > EXPONENT_MAX)
            return number_fail(t, from, "exponent out of range");
        t->p = next;
    }
    if (t->p == from)
        return number_fail(t, t->p, "expected digits in the exponent");
    t->point -= minus ? -v : v;
    return CRM_OK;
}

static int number_read(number *t, const char *s, size_t n)
{
    size_t ok = crm__utf8_valid(s, n);
    const char *next;
    uint32_t c;
    int rc, any = 0;

    memset(t, 0, sizeof *t);
    if (n == 0)
        s = "";
    t->start = t->p = s;
    if (ok != n)
        return number_fail(t, s + ok, "not utf-8");
    crm__utf8_trim(&t->p, &n);
    t->end = t->p + n;
    t->first = t->p;
    t->minus = read_sign(t);
    rc = read_whole(t, &any);
    if (rc)
        return rc;
    c = peek(t, &next);
    if (!any && c != '.')
        return number_fail(t, t->p, NOT_NUMBER);
    if (c == '.') {
        t->p = next;
        rc = read_fraction(t);
        if (rc)
            return rc;
        c = peek(t, &next);
    }
    if (c == 'e' || c == 'E') {
        t->p = next;
        rc = read_exponent(t);
        if (rc)
            return rc;
    }
    if (t->p != t->end)
        return number_fail(t, t->p, "expected nothing after the number");
    return CRM_OK;
}

static int number_close(const number *t, int rc, const char **why, size_t *at)
{
    if (why)
        *why = rc ? t->why : NULL;
    if (at)
        *at = rc ? (size_t)(t->fault - t->start) : 0;
    return rc;
}

static int to_decimal(number *t, crm__decimal *d)
{
    uint64_t m = 0;
    int64_t zeros = 0;

    if (t->point > CRM__DECIMAL_SCALE)
        return number_fail(t, t->first, "more than 12 digits after the point");
    if (t->point < 0 && t->n)
        zeros = -t->point;
    if ((int64_t)t->n + zeros > CRM__DECIMAL_DIGITS)
        return number_fail(t, t->first, "more than 18 digits");
    for (size_t i = 0; i < t->n; i++)
        m = m * 10 + t->digit[i];
    for (; zeros > 0; zeros--)
        m *= 10;
    d->mantissa = t->minus ? -(int64_t)m : (int64_t)m;
    d->scale = (uint8_t)(t->point > 0 ? t->point : 0);
    return CRM_OK;
}

int crm__decimal_parse(const char *s, size_t n, crm__decimal *d, const char **why, size_t *at)
{
    number t;
    int rc = number_read(&t, s, n);

    if (!rc)
        rc = to_decimal(&t, d);
    return number_close(&t, rc, why, at);
}

static int to_int(number *t, int64_t *v)
{
    static const char range[] = "outside the range of a 64-bit integer";
    uint64_t m = 0, limit = (uint64_t)INT64_MAX + (uint64_t)t->minus;

    /* What stands behind the point must be zeros; the digits of a number below 1 may be fewer than
     * its point. */
    while (t->point > 0 && t->n) {
        if (t->digit[t->n - 1] != 0)
            return number_fail(t, t->first, "expected a whole number");
        t->n--;
        t->point--;
    }
    if (t->n && (int64_t)t->n - t->point > 19)
        return number_fail(t, t->first, range);
    for (int64_t i = 0; t->n && i < (int64_t)t->n - t->point; i++) {
        uint64_t digit = i < (int64_t)t->n ? t->digit[i] : 0;
        if (m > (limit - digit) / 10)
            return number_fail(t, t->first, range);
        m = m * 10 + digit;
    }
    *v = t->minus ? (int64_t)(0 - m) : (int64_t)m;
    return CRM_OK;
}

int crm__int_parse(const char *s, size_t n, int64_t *v, const char **why, size_t *at)
{
    number t;
    int rc = number_read(&t, s, n);

    if (!rc)
        rc = to_int(&t, v);
    return number_close(&t, rc, why, at);
}

int crm__decimal_valid(crm__decimal d)
{
    const int64_t limit = INT64_C(1000000000000000000);

    return d.scale <= CRM__DECIMAL_SCALE && d.mantissa > -limit && d.mantissa < limit;
}

size_t crm__decimal_format(crm__decimal d, char out[24])
{
    char t[24];
    uint64_t m;
    size_t n = 0, k = 0;

    out[0] = 0;
    if (!crm__decimal_valid(d))
        return 0;
    m = d.mantissa < 0 ? 0 - (uint64_t)d.mantissa : (uint64_t)d.mantissa;
    for (; m || n <= d.scale; m /= 10)
        t[n++] = (char)('0' + m % 10);
    if (d.mantissa < 0)
        out[k++] = '-';
    while (n > 0) {
        if (n == d.scale)
            out[k++] = '.';
        out[k++] = t[--n];
    }
    out[k] = 0;
    return k;
}

/* The mantissa at scale 12: below 2^63 * 10^12, which 128 bits hold whatever the bytes of d. */
static __int128 at_scale(crm__decimal d)
{
    __int128 v = d.mantissa;

    for (unsigned i = d.scale; i < CRM__DECIMAL_SCALE; i++)
        v *= 10;
    return v;
}

int crm__decimal_compare(crm__decimal a, crm__decimal b)
{
    __int128 x = at_scale(a), y = at_scale(b);

    return (x > y) - (x < y);
}
