/* SPDX-License-Identifier: MIT
 * Moments, zones and windows of time for questions: see segment_clock.h.
 */
#include "segment_clock.h"
#include "segment_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND INT64_C(1000000)
#define HOUR (3600 * SECOND)

w_clock w_at = {W_NOW, "UTC", 1};

static const struct {
    const char *zone, *tz;
} ZONES[] = {{"UTC", "UTC"},
             {"Asia/Shanghai", "Asia/Shanghai"},
             {"Europe/Berlin", "Europe/Berlin"},
             {"America/New_York", "America/New_York"},
             {"America/Havana", "America/Havana"},           /* has days without a midnight */
             {"Australia/Lord_Howe", "Australia/Lord_Howe"}, /* half an hour */
             {"Asia/Kathmandu", "Asia/Kathmandu"},
             {"+05:30", "<+0530>-05:30"}};

/* Changes of the clocks of these zones, and ends of months and of a year. */
static const int64_t MOMENTS[] = {1761440400, 1762063200, 1762059600,    1759591800, 1772953200,
                                  1772946000, 1774746000, 1775314800,    1767223800, 1772280000,
                                  1774958400, 1709208000, W_NOW / SECOND};

static uint64_t below(uint64_t *seed, uint64_t n)
{
    return crmtest_below(seed, n);
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* ---- the zone ---- */

void w_clock_set(int64_t now, const char *zone)
{
    for (size_t i = 0; i < sizeof ZONES / sizeof *ZONES; i++) {
        if (strcmp(ZONES[i].zone, zone) == 0) {
            setenv("TZ", ZONES[i].tz, 1);
            tzset();
            w_at.zone = ZONES[i].zone;
        }
    }
    w_at.now = now;
    w_at.serial++;
}

int64_t w_instant_any(uint64_t *seed)
{
    int64_t at = MOMENTS[below(seed, sizeof MOMENTS / sizeof *MOMENTS)] * SECOND;

    at += ((int64_t)below(seed, 49) - 24) * HOUR / 4;
    if (below(seed, 4) == 0)
        at += ((int64_t)below(seed, 21) - 10) * W_DAY;
    return below(seed, 6) ? at : at + (int64_t)below(seed, 3) - 1;
}

void w_clock_any(uint64_t *seed)
{
    size_t zone = below(seed, sizeof ZONES / sizeof *ZONES);

    w_clock_set(w_instant_any(seed), ZONES[zone].zone);
}

static int64_t offset_at(int64_t us)
{
    time_t seconds = (time_t)floor_div(us, SECOND);
    struct tm t;

    localtime_r(&seconds, &t);
    return t.tm_gmtoff * SECOND;
}

static int64_t local_of(int64_t us)
{
    return us + offset_at(us);
}

/* The first instant at which the clock shows it; one that it never shows is later by what is
 * skipped. */
static int64_t instant_of(int64_t local)
{
    int64_t before = local - offset_at(local - 2 * W_DAY),
            after = local - offset_at(local + 2 * W_DAY);
    int shows_before = local_of(before) == local, shows_after = local_of(after) == local;

    if (shows_before && shows_after)
        return before < after ? before : after;
    return shows_after ? after : before;
}

/* ---- days ---- */

void w_civil(int64_t day, int *y, int *m, int *d)
{
    time_t seconds = (time_t)(day * 86400);
    struct tm t;

    gmtime_r(&seconds, &t);
    *y = t.tm_year + 1900;
    *m = t.tm_mon + 1;
    *d = t.tm_mday;
}

static int64_t day_of(int y, int m, int d)
{
    struct tm t;

    memset(&t, 0, sizeof t);
    t.tm_year = y - 1900;
    t.tm_mon = m - 1; /* any number */
    t.tm_mday = d;
    return floor_div((int64_t)timegm(&t), 86400);
}

static int64_t months_later(int64_t day, int64_t months)
{
    int y, m, d;
    int64_t first, length;

    w_civil(day, &y, &m, &d);
    first = day_of(y, m + (int)months, 1);
    length = day_of(y, m + (int)months + 1, 1) - first;
    return first + (d <= length ? d : length) - 1;
}

enum { DAY, WEEK, MONTH, QUARTER, YEAR, HOURS, UNITS };

static int64_t units_later(int64_t day, int unit, int64_t n)
{
    static const int MONTHS[] = {0, 0, 1, 3, 12};

    return unit == DAY ? day + n : unit == WEEK ? day + 7 * n : months_later(day, n * MONTHS[unit]);
}

static int64_t unit_begin(int64_t day, int unit)
{
    int y, m, d;

    w_civil(day, &y, &m, &d);
    switch (unit) {
    case DAY:
        return day;
    case WEEK:
        return day - (day + 3) % 7; /* 1970-01-01 was a Thursday */
    case MONTH:
        return day_of(y, m, 1);
    case QUARTER:
        return day_of(y, (m - 1) / 3 * 3 + 1, 1);
    default:
        return day_of(y, 1, 1);
    }
}

static int64_t later(int64_t us, int unit, int64_t n)
{
    int64_t local = local_of(us), day = floor_div(local, W_DAY);

    if (unit == HOURS)
        return us + n * HOUR;
    return instant_of(units_later(day, unit, n) * W_DAY + (local - day * W_DAY));
}

int64_t w_days_later(int64_t us, int64_t days)
{
    return later(us, DAY, days);
}

/* ---- windows ---- */

enum {
    LAST,
    NEXT,
    THIS,
    PREVIOUS,
    COMING,
    SINCE_DAY,
    BEFORE_DAY,
    ON_DAY,
    ON_MONTH,
    BETWEEN,
    SINCE,
    BEFORE,
    FORMS
};

static const char *const UNIT[] = {"day", "week", "month", "quarter", "year", "hour"};

static const char *day_text(int64_t day)
{
    static char text[2][20];
    static int at;
    char *to = text[at = !at];
    int y, m, d;

    w_civil(day, &y, &m, &d);
    snprintf(to, sizeof text[0], "%04d-%02d-%02d", y % 10000, m % 100, d % 100);
    return to;
}

static void say_relative(const w_window *w, char *text, size_t size)
{
    static const char *const WORD[] = {"last", "next", "this", "previous", "coming"};
    static const char *const DAYS[] = {NULL, NULL, "today", "yesterday", "tomorrow"};

    if (w->count == 1 && w->unit == DAY && DAYS[w->form])
        snprintf(text, size, "%s", DAYS[w->form]);
    else if (w->form == THIS || (w->form > THIS && w->count == 1))
        snprintf(text, size, "%s %s", WORD[w->form], UNIT[w->unit]);
    else
        snprintf(text, size, "%s %d %ss", WORD[w->form], w->count, UNIT[w->unit]);
}

void w_window_any(uint64_t *seed, int days, w_window *w, char *text, size_t size)
{
    int y, m, d;

    memset(w, 0, sizeof *w);
    w->form = (int)below(seed, days ? SINCE : FORMS);
    if (w->form <= COMING) {
        w->unit = (int)below(seed, w->form <= NEXT && !days ? UNITS : HOURS);
        w->count = w->form == THIS ? 1
                                   : 1 + (int)below(seed, w->unit == DAY     ? 40
                                                          : w->unit == HOURS ? 60
                                                                             : 3);
        say_relative(w, text, size);
        return;
    }
    w->a = w_instant_any(seed);
    if (w->form >= SINCE) {
        snprintf(text, size, "%s %s", w->form == SINCE ? "since" : "before", w_instant(w->a));
        return;
    }
    w->a = floor_div(w->a, W_DAY);
    w->b = w->a + (int64_t)below(seed, 40);
    w_civil(w->a, &y, &m, &d);
    if (w->form == ON_MONTH)
        snprintf(text, size, "on %04d-%02d", y % 10000, m % 100);
    else if (w->form == BETWEEN)
        snprintf(text, size, "between %s and %s", day_text(w->a), day_text(w->b));
    else
        snprintf(text, size, "%s %s",
                 w->form == SINCE_DAY    ? "since"
                 : w->form == BEFORE_DAY ? "before"
                                         : "on",
                 day_text(w->a));
}

/* From the beginning of a day to that of another. */
static void whole_days(w_edges *e, int64_t first, int64_t end)
{
    e->first_day = first;
    e->end_day = end;
    e->from = first == INT64_MIN ? first : instant_of(first * W_DAY);
    e->until = end == INT64_MAX ? end : instant_of(end * W_DAY);
}

static void instants(w_edges *e, int64_t from, int64_t until)
{
    e->from = from;
    e->until = until;
    if (from != INT64_MIN)
        e->first_day = floor_div(local_of(from), W_DAY);
    if (until != INT64_MAX)
        e->end_day = floor_div(local_of(until - 1), W_DAY) + 1;
}

const w_edges *w_window_edges(w_window *w)
{
    int64_t today, first;
    w_edges *e = &w->edges;

    if (e->serial == w_at.serial)
        return e;
    *e = (w_edges){INT64_MIN, INT64_MAX, INT64_MIN, INT64_MAX, w_at.serial};
    today = floor_div(local_of(w_at.now), W_DAY);
    switch (w->form) {
    case LAST:
        instants(e, later(w_at.now, w->unit, -w->count), w_at.now + 1);
        break;
    case NEXT:
        instants(e, w_at.now + 1, later(w_at.now, w->unit, w->count) + 1);
        break;
    case THIS:
    case PREVIOUS:
    case COMING:
        first = unit_begin(today, w->unit);
        first = w->form == PREVIOUS ? units_later(first, w->unit, -w->count)
                : w->form == COMING ? units_later(first, w->unit, 1)
                                    : first;
        whole_days(e, first, units_later(first, w->unit, w->count));
        break;
    case SINCE_DAY:
        whole_days(e, w->a, INT64_MAX);
        break;
    case BEFORE_DAY:
        whole_days(e, INT64_MIN, w->a);
        break;
    case ON_DAY:
        whole_days(e, w->a, w->a + 1);
        break;
    case ON_MONTH:
        first = unit_begin(w->a, MONTH);
        whole_days(e, first, months_later(first, 1));
        break;
    case BETWEEN:
        whole_days(e, w->a, w->b + 1);
        break;
    case SINCE:
        e->from = w->a;
        break;
    default:
        e->until = w->a;
        break;
    }
    return e;
}
