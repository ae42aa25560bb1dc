/* SPDX-License-Identifier: MIT
 * Dates and times as they stand on the command line and in files of heads.
 */
#include "tool.h"

#include <string.h>

/* Exactly `digits` digits at *s, within range; moves on. */
static int number(slice *s, size_t digits, int least, int most, int *out)
{
    int value = 0;

    if (s->n < digits)
        return -1;
    for (size_t i = 0; i < digits; i++) {
        if (s->p[i] < '0' || s->p[i] > '9')
            return -1;
        value = value * 10 + (s->p[i] - '0');
    }
    s->p += digits;
    s->n -= digits;
    *out = value;
    return value < least || value > most ? -1 : 0;
}

static int take(slice *s, const char *any)
{
    if (!s->n || !s->p[0] || !strchr(any, s->p[0]))
        return 0;
    s->p++;
    s->n--;
    return 1;
}

/* Days from 1970-01-01: eras of 400 years that begin on 1 March. */
static int64_t days_of(int year, int month, int day)
{
    int64_t y = year - (month <= 2), era = (y >= 0 ? y : y - 399) / 400, yoe = y - era * 400;
    int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static int days_in(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return days[month - 1] + (month == 2 && leap);
}

static int fraction(slice *s, int64_t *us)
{
    int64_t unit = 100000;

    if (!s->n || s->p[0] < '0' || s->p[0] > '9')
        return -1;
    for (; s->n && s->p[0] >= '0' && s->p[0] <= '9'; s->p++, s->n--, unit /= 10) {
        if (!unit)
            return -1;
        *us += unit * (s->p[0] - '0');
    }
    return 0;
}

static int offset(slice *s, int64_t *us)
{
    int sign, hour, minute = 0;

    if (!s->n || take(s, "Zz"))
        return 0;
    sign = s->p[0] == '-' ? -1 : 1;
    if (!take(s, "+-") || number(s, 2, 0, 23, &hour))
        return -1;
    if (s->n && (!take(s, ":") || number(s, 2, 0, 59, &minute)))
        return -1;
    *us -= sign * (hour * INT64_C(3600) + minute * INT64_C(60)) * 1000000;
    return 0;
}

int time_parse(const char *text, size_t n, int64_t *us)
{
    slice s = {text, n};
    int year, month, day, hour = 0, minute = 0, second = 0;

    if (number(&s, 4, 1, 9999, &year) || !take(&s, "-") || number(&s, 2, 1, 12, &month) ||
        !take(&s, "-") || number(&s, 2, 1, 31, &day) || day > days_in(year, month))
        return -1;
    *us = days_of(year, month, day) * INT64_C(86400000000);
    if (!s.n)
        return 0;
    if (!take(&s, "Tt ") || number(&s, 2, 0, 23, &hour) || !take(&s, ":") ||
        number(&s, 2, 0, 59, &minute))
        return -1;
    if (take(&s, ":") && number(&s, 2, 0, 59, &second))
        return -1;
    *us += ((hour * INT64_C(60) + minute) * 60 + second) * 1000000;
    if (take(&s, ".") && fraction(&s, us))
        return -1;
    return offset(&s, us) || s.n ? -1 : 0;
}
