/* SPDX-License-Identifier: MIT
 * Civil time, partial dates, RFC 3339 text, the clocks.  Texts come from forms and from files of
 * others: what can be meant in one way only is taken, the rest is refused with what is expected.
 */
#include "base/time.h"

#include "base/utf8.h"
#include "base/zone.h"

#include <crm/codes.h>
#include <string.h>
#include <time.h>

/* ---- calendar ---- */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Counted in years that begin in March and eras of 400 years (146,097 days), so that the leap day
 * is the last of its year. */
int64_t crm__days_from_civil(int32_t y, unsigned m, unsigned d)
{
    int64_t year = (int64_t)y - (m <= 2), era = floor_div(year, 400), yoe = year - era * 400;
    int64_t doy = (153 * (int64_t)(m > 2 ? m - 3 : m + 9) + 2) / 5 + (int64_t)d - 1;

    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

void crm__civil_from_days(int64_t days, crm__civil *c)
{
    int64_t z = days + 719468, era = floor_div(z, 146097), doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;

    c->day = (uint8_t)(doy - (153 * mp + 2) / 5 + 1);
    c->month = (uint8_t)(mp < 10 ? mp + 3 : mp - 9);
    c->year = (int32_t)(yoe + era * 400 + (c->month <= 2));
    c->hour = c->minute = c->second = 0;
    c->micro = 0;
}

int64_t crm__time_from_civil(const crm__civil *c)
{
    int64_t s = crm__days_from_civil(c->year, c->month, c->day) * 86400;

    s += c->hour * 3600 + c->minute * 60 + c->second;
    return s * CRM__US_PER_SECOND + (int64_t)c->micro;
}

void crm__civil_from_time(int64_t us, crm__civil *c)
{
    int64_t days = floor_div(us, CRM__US_PER_DAY);
    int64_t rest = us % CRM__US_PER_DAY;
    int32_t s;

    if (rest < 0)
        rest += CRM__US_PER_DAY;
    crm__civil_from_days(days, c);
    s = (int32_t)(rest / CRM__US_PER_SECOND);
    c->hour = (uint8_t)(s / 3600);
    c->minute = (uint8_t)(s / 60 % 60);
    c->second = (uint8_t)(s % 60);
    c->micro = (uint32_t)(rest % CRM__US_PER_SECOND);
}

unsigned crm__days_in_month(int32_t y, unsigned m)
{
    static const uint8_t days[13] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    if (m < 1 || m > 12)
        return 0;
    return days[m] + (unsigned)(m == 2 && y % 4 == 0 && (y % 100 != 0 || y % 400 == 0));
}

int crm__date_packed_valid(int32_t packed)
{
    int32_t y = crm__date_year(packed);
    unsigned m = crm__date_month(packed), d = crm__date_day(packed);

    if (y < 1 || y > 9999 || m > 12)
        return 0;
    return d <= crm__days_in_month(y, m); /* no days in month 0 */
}

/* ---- scanner ---- */

enum { YEAR_SIGN = 0x5e74, MONTH_SIGN = 0x6708, DAY_SIGN = 0x65e5, DAY_SIGN_SPOKEN = 0x53f7 };

typedef struct scan {
    const char *start, *p, *end;
    const char *why;
    const char *fault; /* where */
} scan;

static int scan_fail(scan *s, const char *at, const char *why)
{
    s->why = why;
    s->fault = at;
    return CRM_EVALUE;
}

static int scan_open(scan *s, const char *text, size_t n, const char *empty)
{
    size_t ok = crm__utf8_valid(text, n);

    if (n == 0)
        text = "";
    s->start = s->p = text;
    s->end = text + n;
    if (ok != n)
        return scan_fail(s, text + ok, "not utf-8");
    crm__utf8_trim(&s->p, &n);
    s->end = s->p + n;
    if (n == 0)
        return scan_fail(s, s->p, empty);
    return CRM_OK;
}

static int scan_close(const scan *s, int rc, const char **why, size_t *at)
{
    if (why)
        *why = rc ? s->why : NULL;
    if (at)
        *at = rc ? (size_t)(s->fault - s->start) : 0;
    return rc;
}

/* The next character, fullwidth forms as ASCII; 0 at the end. */
static uint32_t peek(const scan *s, const char **next)
{
    uint32_t c;

    *next = s->p;
    if (s->p >= s->end)
        return 0;
    c = crm__utf8_next(next, s->end);
    return c >= 0xff01 && c <= 0xff5e ? c - 0xfee0 : c;
}

static int take(scan *s, uint32_t want)
{
    const char *next;

    if (peek(s, &next) != want || next == s->p)
        return 0;
    s->p = next;
    return 1;
}

static void skip_space(scan *s)
{
    const char *next;

    while (s->p < s->end && crm__utf8_is_space(peek(s, &next)))
        s->p = next;
}

/* At most `max` digits; returns how many were read. */
static unsigned take_digits(scan *s, unsigned max, uint32_t *v)
{
    unsigned n = 0;

    for (*v = 0; n < max; n++) {
        const char *next;
        uint32_t c = peek(s, &next);
        if (c < '0' || c > '9')
            break;
        *v = *v * 10 + (c - '0');
        s->p = next;
    }
    return n;
}

static int at_digit(const scan *s)
{
    const char *next;
    uint32_t c = peek(s, &next);

    return c >= '0' && c <= '9';
}

/* ---- dates ---- */

static const char WANT_DATE[] = "expected YYYY, YYYY-MM or YYYY-MM-DD";
static const char WANT_DATETIME[] = "expected YYYY-MM-DDTHH:MM:SS with Z or an offset";
static const char YEAR_FIRST[] = "expected the year first, with four digits: YYYY-MM-DD";

typedef struct parts {
    uint32_t year, month, day;
    const char *year_at, *month_at, *day_at;
} parts;

static int parts_check(scan *s, const parts *d)
{
    if (d->year < 1)
        return scan_fail(s, d->year_at, "the year must be 0001 to 9999");
    if (!d->month_at)
        return CRM_OK;
    if (d->month < 1 || d->month > 12)
        return scan_fail(s, d->month_at, "the month must be 01 to 12");
    if (!d->day_at)
        return CRM_OK;
    if (d->day < 1 || d->day > 31)
        return scan_fail(s, d->day_at, "the day must be 01 to 31");
    if (d->day > crm__days_in_month((int32_t)d->year, d->month))
        return scan_fail(s, d->day_at, "the month has no such day");
    return CRM_OK;
}

/* The rest of YYYY<year sign>M<month sign>D<day sign>, behind the first sign. */
static int signed_date(scan *s, parts *d)
{
    const char *back = s->p;

    skip_space(s);
    if (!at_digit(s)) {
        s->p = back;
        return CRM_OK;
    }
    d->month_at = s->p;
    take_digits(s, 2, &d->month);
    skip_space(s);
    if (!take(s, MONTH_SIGN))
        return scan_fail(s, s->p, "expected the month sign after the month");
    back = s->p;
    skip_space(s);
    if (!at_digit(s)) {
        s->p = back;
        return CRM_OK;
    }
    d->day_at = s->p;
    take_digits(s, 2, &d->day);
    skip_space(s);
    if (!take(s, DAY_SIGN) && !take(s, DAY_SIGN_SPOKEN))
        return scan_fail(s, s->p, "expected the day sign after the day");
    return CRM_OK;
}

/* The rest behind the year and the separator `sep`. */
static int separated_date(scan *s, uint32_t sep, parts *d)
{
    const char *next;
    uint32_t c;

    if (!at_digit(s))
        return scan_fail(s, s->p, "expected the month after the year");
    d->month_at = s->p;
    take_digits(s, 2, &d->month);
    if (at_digit(s))
        return scan_fail(s, d->month_at, WANT_DATE);
    if (!take(s, sep)) {
        c = peek(s, &next);
        if (c == '-' || c == '/' || c == '.')
            return scan_fail(s, s->p, "expected the same separator twice");
        return CRM_OK;
    }
    if (!at_digit(s))
        return scan_fail(s, s->p, "expected the day after the month");
    d->day_at = s->p;
    take_digits(s, 2, &d->day);
    if (at_digit(s))
        return scan_fail(s, d->day_at, "expected a day of two digits");
    return CRM_OK;
}

/* YYYYMMDD.  Six digits may be YYYYMM or YYMMDD and are refused. */
static int solid_date(scan *s, parts *d)
{
    d->month_at = s->p;
    if (take_digits(s, 2, &d->month) != 2)
        return scan_fail(s, d->year_at, WANT_DATE);
    d->day_at = s->p;
    if (take_digits(s, 2, &d->day) != 2 || at_digit(s))
        return scan_fail(s, d->year_at, WANT_DATE);
    return CRM_OK;
}

/* Reads as much as belongs to a date. */
static int scan_date(scan *s, parts *d)
{
    const char *back, *next;
    uint32_t sep;
    unsigned digits;
    int rc = CRM_OK;

    memset(d, 0, sizeof *d);
    d->year_at = s->p;
    digits = take_digits(s, 4, &d->year);
    if (digits == 0)
        return scan_fail(s, s->p, WANT_DATE);
    sep = peek(s, &next);
    if (digits < 4) {
        int dated = sep == '-' || sep == '/' || sep == '.' || sep == YEAR_SIGN || sep == MONTH_SIGN;
        return scan_fail(s, d->year_at, dated ? YEAR_FIRST : WANT_DATE);
    }
    back = s->p;
    skip_space(s);
    if (take(s, YEAR_SIGN)) {
        rc = signed_date(s, d);
    } else {
        s->p = back;
        if (sep == '-' || sep == '/' || sep == '.') {
            s->p = next;
            rc = separated_date(s, sep, d);
        } else if (sep >= '0' && sep <= '9') {
            rc = solid_date(s, d);
        }
    }
    return rc ? rc : parts_check(s, d);
}

static int parse_date(scan *s, int32_t *packed)
{
    parts d;
    const char *next;
    uint32_t c;
    int rc = scan_date(s, &d);

    if (rc)
        return rc;
    if (s->p < s->end) {
        c = peek(s, &next);
        if (d.day_at && (c == 'T' || c == 't' || crm__utf8_is_space(c)))
            return scan_fail(s, s->p, "expected a date without a time");
        return scan_fail(s, s->p, WANT_DATE);
    }
    *packed = crm__date_pack((int32_t)d.year, d.month, d.day);
    return CRM_OK;
}

int crm__date_parse(const char *text, size_t n, int32_t *packed, const char **why, size_t *at)
{
    scan s;
    int rc = scan_open(&s, text, n, WANT_DATE);

    if (!rc)
        rc = parse_date(&s, packed);
    return scan_close(&s, rc, why, at);
}

static char *put_digits(char *to, uint32_t v, unsigned digits)
{
    for (unsigned i = digits; i-- > 0; v /= 10)
        to[i] = (char)('0' + v % 10);
    return to + digits;
}

size_t crm__date_format(int32_t packed, char out[16])
{
    char *p = out;

    out[0] = 0;
    if (!crm__date_packed_valid(packed))
        return 0;
    p = put_digits(p, (uint32_t)crm__date_year(packed), 4);
    if (crm__date_month(packed)) {
        *p++ = '-';
        p = put_digits(p, crm__date_month(packed), 2);
    }
    if (crm__date_day(packed)) {
        *p++ = '-';
        p = put_digits(p, crm__date_day(packed), 2);
    }
    *p = 0;
    return (size_t)(p - out);
}

/* ---- datetimes ---- */

static const char WANT_TIME[] = "expected a time: HH:MM or HH:MM:SS";
static const char WANT_OFFSET[] = "expected an offset: Z, +HH:MM or -HH:MM";

/* What a text says; second may be 60 until the offset is known. */
typedef struct clock_time {
    crm__civil c;
    const char *second_at;
    int has_offset;
    int64_t offset; /* seconds east */
} clock_time;

static int scan_fraction(scan *s, clock_time *t)
{
    unsigned digits = 0;
    uint32_t v;

    if (!take(s, '.'))
        return CRM_OK;
    t->c.micro = 0;
    for (; take_digits(s, 1, &v); digits++) {
        if (digits == 9)
            return scan_fail(s, s->p, "at most nine digits after the second");
        if (digits < 6)
            t->c.micro = t->c.micro * 10 + v;
    }
    if (digits == 0)
        return scan_fail(s, s->p, "expected digits after the point");
    for (; digits < 6; digits++)
        t->c.micro *= 10;
    return CRM_OK;
}

static int scan_clock(scan *s, clock_time *t)
{
    uint32_t h, m, sec = 0;
    const char *at = s->p;

    if (take_digits(s, 2, &h) == 0 || !take(s, ':'))
        return scan_fail(s, at, WANT_TIME);
    if (h > 23)
        return scan_fail(s, at, "the hour must be 00 to 23");
    at = s->p;
    if (take_digits(s, 2, &m) != 2)
        return scan_fail(s, at, WANT_TIME);
    if (m > 59)
        return scan_fail(s, at, "the minute must be 00 to 59");
    t->c.hour = (uint8_t)h;
    t->c.minute = (uint8_t)m;
    if (!take(s, ':'))
        return CRM_OK;
    t->second_at = s->p;
    if (take_digits(s, 2, &sec) != 2)
        return scan_fail(s, t->second_at, WANT_TIME);
    if (sec > 60)
        return scan_fail(s, t->second_at, "the second must be 00 to 59");
    t->c.second = (uint8_t)sec;
    return scan_fraction(s, t);
}

static int scan_offset(scan *s, clock_time *t)
{
    const char *at;
    uint32_t h, m = 0;
    int west;

    skip_space(s);
    if (s->p == s->end)
        return CRM_OK;
    at = s->p;
    t->has_offset = 1;
    if (take(s, 'Z') || take(s, 'z'))
        return s->p == s->end ? CRM_OK : scan_fail(s, s->p, "expected nothing after the offset");
    west = take(s, '-');
    if (!west && !take(s, '+'))
        return scan_fail(s, at, WANT_OFFSET);
    if (take_digits(s, 2, &h) != 2)
        return scan_fail(s, at, WANT_OFFSET);
    if ((take(s, ':') || at_digit(s)) && take_digits(s, 2, &m) != 2)
        return scan_fail(s, at, WANT_OFFSET);
    if (s->p != s->end)
        return scan_fail(s, s->p, "expected nothing after the offset");
    if (h > 23 || m > 59)
        return scan_fail(s, at, "the offset must be -23:59 to +23:59");
    t->offset = (int64_t)h * 3600 + (int64_t)m * 60;
    if (west)
        t->offset = -t->offset;
    return CRM_OK;
}

static int scan_time(scan *s, clock_time *t)
{
    const char *at = s->p, *next;
    uint32_t c = peek(s, &next);
    int rc;

    if (c == 'T' || c == 't')
        s->p = next;
    else if (crm__utf8_is_space(c))
        skip_space(s);
    else
        return scan_fail(s, at, WANT_TIME);
    rc = scan_clock(s, t);
    return rc ? rc : scan_offset(s, t);
}

/* The instant of t.  A leap second is 23:59:60 in UTC, which has another hour in other zones; a
 * text that says 23:59:60 where it stands is taken too. */
static int resolve(scan *s, clock_time *t, const crm__zone *zone, int64_t *us)
{
    int leap = t->c.second == 60;
    int64_t v;

    if (leap)
        t->c.second = 59;
    v = crm__time_from_civil(&t->c);
    if (t->has_offset)
        v -= t->offset * CRM__US_PER_SECOND;
    else if (zone)
        v = crm__zone_to_utc(zone, v);
    if (leap) {
        crm__civil utc;
        crm__civil_from_time(v, &utc);
        if (!(t->c.hour == 23 && t->c.minute == 59) && !(utc.hour == 23 && utc.minute == 59))
            return scan_fail(s, t->second_at, "second 60 exists only at 23:59:60");
        v += CRM__US_PER_SECOND;
    }
    if (v < CRM__TIME_MIN || v > CRM__TIME_MAX)
        return scan_fail(s, s->start, "the instant must be in the years 0001 to 9999");
    *us = v;
    return CRM_OK;
}

static int parse_datetime(scan *s, const crm__zone *zone, int64_t *us)
{
    clock_time t;
    parts d;
    int rc = scan_date(s, &d);

    if (rc)
        return rc;
    if (!d.day_at)
        return scan_fail(s, s->p, "expected a full date: YYYY-MM-DD");
    memset(&t, 0, sizeof t);
    t.c.year = (int32_t)d.year;
    t.c.month = (uint8_t)d.month;
    t.c.day = (uint8_t)d.day;
    if (s->p < s->end)
        rc = scan_time(s, &t);
    return rc ? rc : resolve(s, &t, zone, us);
}

int crm__datetime_parse(const char *text, size_t n, const struct crm__zone *zone, int64_t *us,
                        const char **why, size_t *at)
{
    scan s;
    int rc = scan_open(&s, text, n, WANT_DATETIME);

    if (!rc)
        rc = parse_datetime(&s, zone, us);
    rc = scan_close(&s, rc, why, at);
    if (rc && why && *why == WANT_DATE) /* its date part was read as a date is */
        *why = WANT_DATETIME;
    return rc;
}

size_t crm__datetime_format(int64_t us, char out[40])
{
    crm__civil c;
    char *p = out;

    out[0] = 0;
    if (us < CRM__TIME_MIN || us > CRM__TIME_MAX)
        return 0;
    crm__civil_from_time(us, &c);
    p = put_digits(p, (uint32_t)c.year, 4);
    *p++ = '-';
    p = put_digits(p, c.month, 2);
    *p++ = '-';
    p = put_digits(p, c.day, 2);
    *p++ = 'T';
    p = put_digits(p, c.hour, 2);
    *p++ = ':';
    p = put_digits(p, c.minute, 2);
    *p++ = ':';
    p = put_digits(p, c.second, 2);
    if (c.micro) {
        *p++ = '.';
        p = c.micro % 1000 ? put_digits(p, c.micro, 6) : put_digits(p, c.micro / 1000, 3);
    }
    *p++ = 'Z';
    *p = 0;
    return (size_t)(p - out);
}

/* ---- clocks ---- */

static int64_t clock_read(clockid_t id)
{
    struct timespec t = {0, 0};

    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * CRM__US_PER_SECOND + t.tv_nsec / 1000;
}

int64_t crm__clock_now(void)
{
    return clock_read(CLOCK_REALTIME);
}

int64_t crm__clock_mono(void)
{
    return clock_read(CLOCK_MONOTONIC);
}
