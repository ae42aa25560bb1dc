/* SPDX-License-Identifier: MIT
 * Windows of time at a moment in a zone.  Days, weeks, months and years are those of the zone's
 * clock; minutes and hours are lengths.  Everything saturates at the ends of time.
 */
#include "base/time.h"
#include "segment/build.h"

#include <string.h>

/* Days that int64 microseconds can tell, and a year that crm__time_from_civil() takes. */
#define DAYS_MAX INT64_C(106751990)
enum { YEAR_MAX = 290000 };

static int64_t add_sat(int64_t a, int64_t b)
{
    int64_t sum;

    if (__builtin_add_overflow(a, b, &sum))
        return b < 0 ? INT64_MIN : INT64_MAX;
    return sum;
}

static int64_t local_of(const crm__zone *zone, int64_t us)
{
    return add_sat(us, crm__zone_offset(zone, us) * CRM__US_PER_SECOND);
}

static int64_t floor_day(int64_t us)
{
    return us / CRM__US_PER_DAY - (us % CRM__US_PER_DAY < 0);
}

/* The instant at which a day (from 1970-01-01) begins by the zone's clock. */
static int64_t day_start(int64_t day, const crm__zone *zone)
{
    if (day > DAYS_MAX)
        return INT64_MAX;
    if (day < -DAYS_MAX)
        return INT64_MIN;
    return crm__zone_to_utc(zone, day * CRM__US_PER_DAY);
}

static int32_t day_to_date(int64_t day)
{
    crm__civil c;

    crm__civil_from_days(day, &c);
    if (c.year < 1)
        return 0;
    if (c.year > 9999)
        return INT32_MAX;
    return crm__date_pack(c.year, c.month, c.day);
}

/* ---- moving ---- */

/* The same day so many months later, cut to the length of that month.  0; below or above 0: before
 * or behind all years, and c is as before. */
static int move_months(crm__civil *c, int64_t months)
{
    int64_t total = (int64_t)c->year * 12 + c->month - 1 + months;
    int64_t year = total / 12 - (total % 12 < 0);
    unsigned length;

    if (year > YEAR_MAX || year < -YEAR_MAX)
        return year < 0 ? -1 : 1;
    c->year = (int32_t)year;
    c->month = (uint8_t)(total - year * 12 + 1);
    length = crm__days_in_month(c->year, c->month);
    if (c->day > length)
        c->day = (uint8_t)length;
    return 0;
}

static int32_t months_of(crm__unit unit)
{
    return unit == CRM__UNIT_YEAR ? 12 : unit == CRM__UNIT_QUARTER ? 3 : 1;
}

int64_t crm__time_move(int64_t us, int32_t count, crm__unit unit, const crm__zone *zone)
{
    int64_t end = count < 0 ? INT64_MIN : INT64_MAX, local, days;
    crm__civil c;
    int beyond;

    if (!count)
        return us;
    if (unit == CRM__UNIT_MINUTE || unit == CRM__UNIT_HOUR) {
        int64_t seconds = (int64_t)count * (unit == CRM__UNIT_HOUR ? 3600 : 60);
        return add_sat(us, seconds * CRM__US_PER_SECOND);
    }
    local = local_of(zone, us);
    if (unit == CRM__UNIT_DAY || unit == CRM__UNIT_WEEK) {
        days = (int64_t)count * (unit == CRM__UNIT_WEEK ? 7 : 1);
        if (days > 2 * DAYS_MAX || days < -2 * DAYS_MAX ||
            __builtin_add_overflow(local, days * (CRM__US_PER_DAY / 2), &local) ||
            __builtin_add_overflow(local, days * (CRM__US_PER_DAY / 2), &local))
            return end;
        return crm__zone_to_utc(zone, local);
    }
    crm__civil_from_time(local, &c);
    beyond = move_months(&c, (int64_t)count * months_of(unit));
    if (beyond)
        return beyond < 0 ? INT64_MIN : INT64_MAX;
    return crm__zone_to_utc(zone, crm__time_from_civil(&c));
}

/* ---- calendar units ---- */

/* First day of the unit (DAY to YEAR) `count` units from the one that a day is in; *date is it as
 * precise as the unit. */
static int64_t unit_day(int64_t day, crm__unit unit, int64_t count, int32_t *date)
{
    crm__civil c;
    int beyond;

    if (unit == CRM__UNIT_DAY || unit == CRM__UNIT_WEEK) {
        /* 1970-01-01 was a Thursday. */
        int64_t monday = ((day + 3) % 7 + 7) % 7;
        day += unit == CRM__UNIT_WEEK ? 7 * count - monday : count;
        *date = day_to_date(day);
        return day;
    }
    crm__civil_from_days(day, &c);
    c.day = 1;
    if (unit == CRM__UNIT_YEAR)
        c.month = 1;
    else if (unit == CRM__UNIT_QUARTER)
        c.month = (uint8_t)((c.month - 1) / 3 * 3 + 1);
    beyond = move_months(&c, count * months_of(unit));
    if (beyond) {
        *date = beyond < 0 ? 0 : INT32_MAX;
        return beyond * (DAYS_MAX + 1);
    }
    *date = c.year < 1      ? 0
            : c.year > 9999 ? INT32_MAX
                            : crm__date_pack(c.year, unit == CRM__UNIT_YEAR ? 0 : c.month, 0);
    return crm__days_from_civil(c.year, c.month, 1);
}

/* Units from the present one to the first inside and to the first behind. */
static void unit_span(const crm__window *w, int64_t *first, int64_t *behind)
{
    *first = w->form == CRM__WINDOW_PREVIOUS ? -(int64_t)w->count
             : w->form == CRM__WINDOW_COMING ? 1
                                             : 0;
    *behind = w->form == CRM__WINDOW_PREVIOUS ? 0
              : w->form == CRM__WINDOW_COMING ? 1 + (int64_t)w->count
                                              : 1;
}

/* Minutes and hours of the clock; the clock is not changed inside one. */
static void short_range(const crm__window *w, int64_t now, const crm__zone *zone, int64_t *from,
                        int64_t *until)
{
    int64_t length = (w->unit == CRM__UNIT_HOUR ? 3600 : 60) * CRM__US_PER_SECOND, first, behind;
    int64_t into = local_of(zone, now) % length;

    unit_span(w, &first, &behind);
    into += into < 0 ? length : 0;
    *from = add_sat(add_sat(now, -into), first * length);
    *until = add_sat(add_sat(now, -into), behind * length);
}

static void calendar_range(const crm__window *w, int64_t now, const crm__zone *zone, int64_t *from,
                           int64_t *until)
{
    int64_t day, first, behind;
    int32_t date;

    if (w->unit < CRM__UNIT_DAY) {
        short_range(w, now, zone, from, until);
        return;
    }
    day = floor_day(local_of(zone, now));
    unit_span(w, &first, &behind);
    *from = day_start(unit_day(day, w->unit, first, &date), zone);
    *until = day_start(unit_day(day, w->unit, behind, &date), zone);
}

/* ---- points ---- */

static int64_t date_day(int32_t date)
{
    unsigned month = crm__date_month(date), day = crm__date_day(date);

    return crm__days_from_civil(crm__date_year(date), month ? month : 1, day ? day : 1);
}

/* The day behind a day, month or year. */
static int64_t date_day_after(int32_t date)
{
    int32_t year = crm__date_year(date);
    unsigned month = crm__date_month(date), day = crm__date_day(date);

    if (day)
        return date_day(date) + 1;
    if (!month || month == 12)
        return crm__days_from_civil(year + 1, 1, 1);
    return crm__days_from_civil(year, month + 1, 1);
}

int32_t crm__date_after(int32_t date)
{
    int32_t next = day_to_date(date_day_after(date));

    if (next == INT32_MAX)
        return 0;
    if (!crm__date_month(date))
        return next >> 9 << 9;
    return crm__date_day(date) ? next : next >> 5 << 5;
}

static int64_t point_start(const crm__point *p, const crm__zone *zone)
{
    return p->date ? day_start(date_day(p->date), zone) : p->us;
}

void crm__window_range(const crm__window *w, int64_t now, const crm__zone *zone, int64_t *from,
                       int64_t *until)
{
    *from = INT64_MIN;
    *until = INT64_MAX;
    switch (w->form) {
    case CRM__WINDOW_LAST:
        *from = crm__time_move(now, -(int32_t)w->count, w->unit, zone);
        *until = add_sat(now, 1);
        break;
    case CRM__WINDOW_NEXT:
        *from = add_sat(now, 1);
        *until = add_sat(crm__time_move(now, (int32_t)w->count, w->unit, zone), 1);
        break;
    case CRM__WINDOW_THIS:
    case CRM__WINDOW_PREVIOUS:
    case CRM__WINDOW_COMING:
        calendar_range(w, now, zone, from, until);
        break;
    case CRM__WINDOW_SINCE:
        *from = point_start(&w->from, zone);
        break;
    case CRM__WINDOW_BEFORE:
        *until = point_start(&w->until, zone);
        break;
    case CRM__WINDOW_BETWEEN:
        *from = point_start(&w->from, zone);
        *until = w->until.date ? day_start(date_day_after(w->until.date), zone) : w->until.us;
        break;
    default:
        break;
    }
}

/* ---- dates ---- */

/* The first date that is behind a day, as precise as that day's month or year allows: a month or
 * year known without its days lies before all of them, so not on the last day before it. */
static int32_t date_behind(int64_t day)
{
    int32_t date = day_to_date(day + 1);

    if (date == INT32_MAX || crm__date_day(date) != 1)
        return date;
    return crm__date_month(date) == 1 ? date >> 9 << 9 : date >> 5 << 5;
}

static int32_t instant_date(int64_t us, const crm__zone *zone)
{
    return us == INT64_MIN ? 0 : day_to_date(floor_day(local_of(zone, us)));
}

/* us: the first instant that is outside. */
static int32_t instant_behind(int64_t us, const crm__zone *zone)
{
    if (us == INT64_MAX)
        return INT32_MAX;
    return us == INT64_MIN ? 0 : date_behind(floor_day(local_of(zone, us - 1)));
}

void crm__window_dates(const crm__window *w, int64_t now, const crm__zone *zone, int32_t *from,
                       int32_t *until)
{
    int64_t first, behind, day;

    if (w->form >= CRM__WINDOW_THIS && w->form <= CRM__WINDOW_COMING && w->unit >= CRM__UNIT_DAY) {
        day = floor_day(local_of(zone, now));
        unit_span(w, &first, &behind);
        unit_day(day, w->unit, first, from);
        *until = date_behind(unit_day(day, w->unit, behind, until) - 1);
        return;
    }
    crm__window_range(w, now, zone, &first, &behind);
    *from = w->from.date ? w->from.date : instant_date(first, zone);
    if (w->form == CRM__WINDOW_BEFORE && w->until.date)
        *until = w->until.date;
    else if (w->until.date)
        *until = date_behind(date_day_after(w->until.date) - 1);
    else
        *until = first < behind ? instant_behind(behind, zone) : *from;
}

/* ---- anniversaries ---- */

static int32_t on_year(int32_t date, int32_t year)
{
    unsigned month = crm__date_month(date), day = crm__date_day(date);
    unsigned length = crm__days_in_month(year, month);

    return crm__date_pack(year, month, day > length ? length : day);
}

int crm__anniversary_within(int32_t date, int32_t from, int32_t until)
{
    int32_t year, day;

    if (!crm__date_day(date) || from >= until)
        return 0;
    year = crm__date_year(from);
    for (int i = 0; i < 2 && year + i <= 9999; i++) {
        day = on_year(date, year + i);
        if (day >= from && day < until)
            return 1;
    }
    return 0;
}
