/* SPDX-License-Identifier: MIT
 * Growing text, and how numbers, sizes and times are written for people.
 * Memory that runs out ends the tool: a process that is a single command has nothing to save, and a
 * database whose writer ends keeps what was committed.
 */
#include "tool.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *xrealloc(void *p, size_t n)
{
    void *q = realloc(p, n ? n : 1);

    if (!q) {
        fputs(TOOL ": out of memory\n", stderr);
        exit(TOOL_SYSTEM);
    }
    return q;
}

static void reserve(buf *b, size_t more)
{
    size_t cap = b->cap ? b->cap : 128;

    if (more < b->cap - b->n)
        return;
    while (cap - b->n <= more) {
        if (cap > SIZE_MAX / 2)
            cap = SIZE_MAX; /* which no allocator gives */
        else
            cap *= 2;
    }
    b->p = xrealloc(b->p, cap);
    b->cap = cap;
}

void buf_add(buf *b, const char *s, size_t n)
{
    reserve(b, n);
    if (n)
        memcpy(b->p + b->n, s, n);
    b->n += n;
    b->p[b->n] = '\0';
}

void buf_str(buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}

void buf_char(buf *b, char c)
{
    buf_add(b, &c, 1);
}

void buf_fmt(buf *b, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        return;
    reserve(b, (size_t)n);
    va_start(ap, fmt);
    vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->n += (size_t)n;
}

void buf_free(buf *b)
{
    free(b->p);
    memset(b, 0, sizeof(*b));
}

void buf_count(buf *b, uint64_t n)
{
    char digits[24];
    int length = snprintf(digits, sizeof(digits), "%" PRIu64, n);

    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0)
            buf_char(b, ',');
        buf_char(b, digits[i]);
    }
}

void buf_size(buf *b, uint64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes / 1024;
    size_t unit = 0;

    if (bytes < 1024) {
        buf_fmt(b, "%" PRIu64 " B", bytes);
        return;
    }
    /* 1023.95 would be written as 1024.0 */
    while (value >= 1023.95 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        value /= 1024;
        unit++;
    }
    buf_fmt(b, "%.1f %s", value, units[unit]);
}

/* Civil date from days since 1970-01-01, in the proleptic Gregorian calendar (400-year eras that
 * begin on 1 March, so that the leap day comes last). */
static void civil(int64_t days, int64_t *year, int *month, int *day)
{
    int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;

    *day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *year = yoe + era * 400 + (*month <= 2);
}

void buf_time(buf *b, int64_t us)
{
    int64_t day_us = INT64_C(86400000000), days = us / day_us, rest = us % day_us, year, seconds;
    int month, day, fraction;

    if (rest < 0) {
        rest += day_us;
        days--;
    }
    civil(days, &year, &month, &day);
    seconds = rest / 1000000;
    fraction = (int)(rest % 1000000);
    buf_fmt(b, "%04" PRId64 "-%02d-%02dT%02d:%02d:%02d", year, month, day, (int)(seconds / 3600),
            (int)(seconds / 60 % 60), (int)(seconds % 60));
    if (fraction % 1000)
        buf_fmt(b, ".%06d", fraction);
    else if (fraction)
        buf_fmt(b, ".%03d", fraction / 1000);
    buf_char(b, 'Z');
}
