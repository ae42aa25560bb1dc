/* SPDX-License-Identifier: MIT
 * Windows of time against an oracle that counts days one by one, in zones that change their clocks;
 * and what the document promises about month ends, leap days, skipped times and the ends of time.
 */
#include "help.h"

#include "base/time.h"

#include <inttypes.h>

/* ---- the oracle ---- */

enum { FIRST_YEAR = 1990, LAST_YEAR = 2050, DAYS = 366 * (LAST_YEAR - FIRST_YEAR) };
#define HOUR (INT64_C(3600) * CRM__US_PER_SECOND)

typedef struct day {
    int32_t year;
    int month, day, weekday; /* weekday: 0 is Monday */
    int week, days_of_month; /* week: number of Mondays since the first day */
} day;

static day days[DAYS];
static int64_t first_day; /* of days[0], from 1970 */

static void fill_days(void)
{
    static const int LENGTH[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    day d = {1970, 1, 1, 3, 0, 31}; /* a Thursday */
    int64_t n = 0;

    first_day = -1;
    for (; d.year < LAST_YEAR; n++) {
        int leap = (d.year % 4 == 0 && d.year % 100 != 0) || d.year % 400 == 0;
        d.days_of_month = LENGTH[d.month - 1] + (d.month == 2 && leap);
        if (d.year >= FIRST_YEAR) {
            if (first_day < 0)
                first_day = n;
            ck_assert_int_lt(n - first_day, DAYS);
            days[n - first_day] = d;
        }
        d.weekday = (d.weekday + 1) % 7;
        d.week += d.weekday == 0;
        if (d.day++ == d.days_of_month) {
            d.day = 1;
            if (d.month++ == 12) {
                d.month = 1;
                d.year++;
            }
        }
    }
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static int64_t local_time(const crm__zone *z, int64_t us)
{
    return us + crm__zone_offset(z, us) * CRM__US_PER_SECOND;
}

static const day *day_at(int64_t number)
{
    ck_assert_msg(number >= first_day && number < first_day + DAYS, "%" PRId64, number);
    return &days[number - first_day];
}

/* Number of the calendar unit that a day is in. */
static int64_t unit_of(const day *d, int64_t number, int unit)
{
    switch (unit) {
    case CRM__UNIT_DAY:
        return number;
    case CRM__UNIT_WEEK:
        return d->week;
    case CRM__UNIT_MONTH:
        return d->year * 12 + d->month;
    case CRM__UNIT_QUARTER:
        return d->year * 4 + (d->month - 1) / 3;
    default:
        return d->year;
    }
}

static int in_span(const crm__window *w, int64_t distance)
{
    if (w->form == CRM__WINDOW_THIS)
        return distance == 0;
    if (w->form == CRM__WINDOW_PREVIOUS)
        return distance < 0 && distance >= -(int64_t)w->count;
    return distance > 0 && distance <= (int64_t)w->count;
}

/* The instant of a local time: tried with the offsets of the days around it. */
static int64_t instant_of(const crm__zone *z, int64_t local)
{
    int64_t before = crm__zone_offset(z, local - 36 * HOUR) * CRM__US_PER_SECOND;
    int64_t after = crm__zone_offset(z, local + 36 * HOUR) * CRM__US_PER_SECOND;
    int64_t a = local - before, b = local - after;
    int a_ok = local_time(z, a) == local, b_ok = local_time(z, b) == local;

    if (a_ok && b_ok)
        return a < b ? a : b;
    return b_ok ? b : a; /* skipped: so much later as was skipped */
}

/* Moved day by day; months by going to the month and cutting the day. */
static int64_t moved(const crm__zone *z, int64_t now, int count, int unit)
{
    int64_t local = local_time(z, now), number = floor_div(local, CRM__US_PER_DAY);
    int64_t clock = local - number * CRM__US_PER_DAY, target;
    const day *d = day_at(number);
    int wanted = d->day, step = count < 0 ? -1 : 1, months;

    if (unit == CRM__UNIT_DAY || unit == CRM__UNIT_WEEK)
        return instant_of(z, local + count * (unit == CRM__UNIT_WEEK ? 7 : 1) * CRM__US_PER_DAY);
    months = unit == CRM__UNIT_MONTH ? 1 : unit == CRM__UNIT_QUARTER ? 3 : 12;
    target = unit_of(d, number, CRM__UNIT_MONTH) + (int64_t)count * months;
    while (unit_of(day_at(number), number, CRM__UNIT_MONTH) != target)
        number += step;
    while (day_at(number)->day != 1)
        number--;
    d = day_at(number);
    number += (wanted < d->days_of_month ? wanted : d->days_of_month) - 1;
    return instant_of(z, number * CRM__US_PER_DAY + clock);
}

static int expect_inside(const crm__window *w, int64_t now, const crm__zone *z, int64_t t)
{
    int64_t a = floor_div(local_time(z, now), CRM__US_PER_DAY);
    int64_t b = floor_div(local_time(z, t), CRM__US_PER_DAY);

    switch (w->form) {
    case CRM__WINDOW_LAST:
        return t <= now && t >= moved(z, now, -(int)w->count, w->unit);
    case CRM__WINDOW_NEXT:
        return t > now && t <= moved(z, now, (int)w->count, w->unit);
    default:
        return in_span(w, unit_of(day_at(b), b, w->unit) - unit_of(day_at(a), a, w->unit));
    }
}

/* ---- instants ---- */

static int64_t utc(int y, int mo, int d, int h, int mi)
{
    crm__civil c = {y, (uint8_t)mo, (uint8_t)d, (uint8_t)h, (uint8_t)mi, 0, 0};

    return crm__time_from_civil(&c);
}

static crm__window random_window(uint64_t *state)
{
    crm__window w;

    memset(&w, 0, sizeof w);
    w.form = (uint8_t)(CRM__WINDOW_LAST + crmtest_below(state, 5));
    w.unit = (uint8_t)(CRM__UNIT_DAY + crmtest_below(state, 5));
    if (w.form != CRM__WINDOW_THIS)
        w.count = 1 + (uint32_t)crmtest_below(state, w.unit == CRM__UNIT_YEAR ? 3 : 9);
    return w;
}

static void check_instants(const crm__window *w, int64_t now, const crm__zone *z, uint64_t *state)
{
    int64_t from, until, tries[14];

    crm__window_range(w, now, z, &from, &until);
    ck_assert_msg(from < until, "%s", crm__zone_name(z));
    tries[0] = from - 1;
    tries[1] = from;
    tries[2] = until - 1;
    tries[3] = until;
    tries[4] = now;
    tries[5] = from + (int64_t)crmtest_below(state, (uint64_t)(until - from));
    for (int i = 6; i < 14; i++) {
        int64_t about = i < 10 ? from : until;
        tries[i] = about + ((int64_t)crmtest_below(state, 200) - 100) * HOUR / 2;
    }
    for (int i = 0; i < 14; i++) {
        int inside = tries[i] >= from && tries[i] < until;
        ck_assert_msg(
            inside == expect_inside(w, now, z, tries[i]),
            "%s form %d %u of unit %d: now %" PRId64 " t %" PRId64 " [%" PRId64 ", %" PRId64 ")",
            crm__zone_name(z), w->form, (unsigned)w->count, w->unit, now, tries[i], from, until);
    }
}

static const char *const ZONES[] = {
    "UTC", "+08:00", "Europe/Berlin", "America/Sao_Paulo", "Asia/Kathmandu", "America/New_York"};
enum { ZONE_COUNT = sizeof ZONES / sizeof *ZONES };

static crm__zone *open_zone(const char *name)
{
    crm__zone *z;

    ck_assert_int_eq(crm__zone_open(NULL, name, &z, NULL), CRM_OK);
    return z;
}

CRM_TEST(test_segment_window__instants_as_counted_day_by_day)
{
    uint64_t state = crmtest_seed();
    size_t rounds = crmtest_rounds(1500, 40000);

    fill_days();
    for (int i = 0; i < ZONE_COUNT; i++) {
        crm__zone *z = open_zone(ZONES[i]);
        for (size_t k = 0; k < rounds; k++) {
            crm__window w = random_window(&state);
            int64_t now =
                utc(2001, 1, 1, 0, 0) + (int64_t)crmtest_below(&state, 19 * 365 * 24) * HOUR;
            if (k % 3 == 0)
                now += (int64_t)crmtest_below(&state, (uint64_t)HOUR);
            check_instants(&w, now, z, &state);
        }
        crm__zone_close(z);
    }
}

/* Minutes and hours are lengths, whatever the clocks do. */
CRM_TEST(test_segment_window__minutes_and_hours_are_lengths)
{
    crm__zone *z = open_zone("Europe/Berlin"), *k = open_zone("Asia/Kathmandu");
    crm__window w = {CRM__WINDOW_LAST, CRM__UNIT_HOUR, 0, 3, {0, 0}, {0, 0}};
    int64_t now = utc(2025, 3, 30, 2, 30), from, until; /* 04:30, an hour was skipped at 02:00 */

    crm__window_range(&w, now, z, &from, &until);
    ck_assert_int_eq(from, now - 3 * HOUR);
    ck_assert_int_eq(until, now + 1);
    w.form = CRM__WINDOW_THIS;
    w.count = 0;
    crm__window_range(&w, now, z, &from, &until);
    ck_assert_int_eq(from, utc(2025, 3, 30, 2, 0));
    ck_assert_int_eq(until, utc(2025, 3, 30, 3, 0));
    crm__window_range(&w, now, k, &from, &until); /* 08:15 there */
    ck_assert_int_eq(from, utc(2025, 3, 30, 2, 15));
    w.form = CRM__WINDOW_PREVIOUS;
    w.unit = CRM__UNIT_MINUTE;
    w.count = 15;
    crm__window_range(&w, now + 5, z, &from, &until);
    ck_assert_int_eq(from, now - HOUR / 4);
    ck_assert_int_eq(until, now);
    w.form = CRM__WINDOW_COMING;
    crm__window_range(&w, -1, NULL, &from, &until);
    ck_assert_int_eq(from, 0);
    ck_assert_int_eq(until, HOUR / 4);
    crm__zone_close(z);
    crm__zone_close(k);
}

/* ---- moving ---- */

typedef struct move {
    const char *zone, *from;
    int count, unit;
    const char *to;
} move;

static const move MOVES[] = {
    {"UTC", "2025-03-31T12:00:00Z", -1, CRM__UNIT_MONTH, "2025-02-28T12:00:00Z"},
    {"UTC", "2024-03-31T12:00:00Z", -1, CRM__UNIT_MONTH, "2024-02-29T12:00:00Z"},
    {"UTC", "2024-02-29T00:00:00Z", 1, CRM__UNIT_YEAR, "2025-02-28T00:00:00Z"},
    {"UTC", "2024-02-29T00:00:00Z", -4, CRM__UNIT_YEAR, "2020-02-29T00:00:00Z"},
    {"UTC", "2025-05-31T00:00:00Z", -1, CRM__UNIT_QUARTER, "2025-02-28T00:00:00Z"},
    {"UTC", "2025-01-31T00:00:00Z", 13, CRM__UNIT_MONTH, "2026-02-28T00:00:00Z"},
    {"UTC", "1970-01-01T00:00:00Z", -1, CRM__UNIT_MONTH, "1969-12-01T00:00:00Z"},
    {"UTC", "2025-10-03T10:00:00.000001Z", -2, CRM__UNIT_WEEK, "2025-09-19T10:00:00.000001Z"},
    /* By its clock there, the 31st, which UTC has not reached. */
    {"+08:00", "2025-03-30T20:00:00Z", -1, CRM__UNIT_MONTH, "2025-02-27T20:00:00Z"},
    /* Time of day is kept over a change of the clocks. */
    {"Europe/Berlin", "2025-03-31T08:00:00Z", -1, CRM__UNIT_DAY, "2025-03-30T08:00:00Z"},
    {"Europe/Berlin", "2025-03-31T08:00:00Z", -2, CRM__UNIT_DAY, "2025-03-29T09:00:00Z"},
    {"Europe/Berlin", "2025-03-31T08:00:00Z", -48, CRM__UNIT_HOUR, "2025-03-29T08:00:00Z"},
    /* 02:30 is skipped on 30 March: 03:30. */
    {"Europe/Berlin", "2025-03-31T00:30:00Z", -1, CRM__UNIT_DAY, "2025-03-30T01:30:00Z"},
    /* 02:30 comes twice on 26 October: the first. */
    {"Europe/Berlin", "2025-10-27T01:30:00Z", -1, CRM__UNIT_DAY, "2025-10-26T00:30:00Z"},
    /* Midnight is skipped on 2018-11-04: 01:00. */
    {"America/Sao_Paulo", "2018-11-05T02:00:00Z", -1, CRM__UNIT_DAY, "2018-11-04T03:00:00Z"},
};

static int64_t instant(const char *text)
{
    int64_t us;

    ck_assert_int_eq(crm__datetime_parse(text, strlen(text), NULL, &us, NULL, NULL), CRM_OK);
    return us;
}

CRM_TEST(test_segment_window__moves_as_documented)
{
    char text[40];

    for (size_t i = 0; i < sizeof MOVES / sizeof *MOVES; i++) {
        const move *m = &MOVES[i];
        crm__zone *z = open_zone(m->zone);
        crm__datetime_format(crm__time_move(instant(m->from), m->count, (crm__unit)m->unit, z),
                             text);
        ck_assert_msg(strcmp(text, m->to) == 0, "%s %s by %d of unit %d: %s, not %s", m->zone,
                      m->from, m->count, m->unit, text, m->to);
        ck_assert_int_eq(crm__time_move(instant(m->from), 0, (crm__unit)m->unit, z),
                         instant(m->from));
        crm__zone_close(z);
    }
}

CRM_TEST(test_segment_window__saturates_at_the_ends_of_time)
{
    static const int64_t NOWS[] = {INT64_MIN,     INT64_MIN + 1, CRM__TIME_MIN, 0,
                                   CRM__TIME_MAX, INT64_MAX - 1, INT64_MAX};
    crm__zone *zones[] = {NULL, open_zone("+14:00"), open_zone("-12:00"),
                          open_zone("Europe/Berlin")};

    for (size_t i = 0; i < sizeof NOWS / sizeof *NOWS; i++) {
        for (int unit = CRM__UNIT_MINUTE; unit <= CRM__UNIT_YEAR; unit++) {
            for (size_t z = 0; z < 4; z++) {
                static const int COUNTS[] = {1, 1000000, INT32_MAX};
                for (int c = 0; c < 3; c++) {
                    int64_t low = crm__time_move(NOWS[i], -COUNTS[c], (crm__unit)unit, zones[z]);
                    int64_t high = crm__time_move(NOWS[i], COUNTS[c], (crm__unit)unit, zones[z]);
                    ck_assert(low <= high);
                    ck_assert(COUNTS[c] < INT32_MAX || unit < CRM__UNIT_DAY ||
                              (low == INT64_MIN && high == INT64_MAX));
                }
                for (int form = CRM__WINDOW_NONE; form <= CRM__WINDOW_BETWEEN; form++) {
                    crm__window w = {(uint8_t)form, (uint8_t)unit,    0,
                                     1000000,       {5119 * 1000, 0}, {0, INT64_MAX}};
                    int64_t from, until;
                    int32_t d1, d2;
                    w.from.date = crm__date_pack(9999, 12, 31);
                    crm__window_range(&w, NOWS[i], zones[z], &from, &until);
                    ck_assert(from <= until || form == CRM__WINDOW_NEXT);
                    crm__window_dates(&w, NOWS[i], zones[z], &d1, &d2);
                    ck_assert(d1 >= 0 && d2 >= 0);
                }
            }
        }
    }
    for (size_t z = 1; z < 4; z++)
        crm__zone_close(zones[z]);
}

/* ---- dates ---- */

CRM_TEST(test_segment_window__dates_as_counted_day_by_day)
{
    uint64_t state = crmtest_seed();
    size_t rounds = crmtest_rounds(200, 4000);

    fill_days();
    for (int i = 0; i < ZONE_COUNT; i++) {
        crm__zone *z = open_zone(ZONES[i]);
        for (size_t k = 0; k < rounds; k++) {
            crm__window w = random_window(&state);
            int64_t now =
                utc(2001, 1, 1, 0, 0) + (int64_t)crmtest_below(&state, 19 * 365 * 24) * HOUR;
            int64_t today = floor_div(local_time(z, now), CRM__US_PER_DAY), from, until, a, b;
            int32_t d1, d2;
            crm__window_dates(&w, now, z, &d1, &d2);
            crm__window_range(&w, now, z, &from, &until);
            a = floor_div(local_time(z, from), CRM__US_PER_DAY);
            b = floor_div(local_time(z, until - 1), CRM__US_PER_DAY);
            for (int64_t n = today - 1300; n <= today + 1300;
                 n += 1 + (int64_t)crmtest_below(&state, 9)) {
                const day *d = day_at(n);
                int32_t full = crm__date_pack(d->year, (unsigned)d->month, (unsigned)d->day);
                ck_assert_msg((full >= d1 && full < d2) == (n >= a && n <= b), "%s %d-%d-%d",
                              ZONES[i], d->year, d->month, d->day);
            }
        }
        crm__zone_close(z);
    }
}

/* A window, dates inside and dates outside; now is 2025-10-15T12:00Z, a Wednesday. */
typedef struct inside {
    const char *window, *in, *out;
} inside;

static const inside INSIDE[] = {
    {"this month", "2025-10-01 2025-10-31 2025-10", "2025-09-30 2025-11-01 2025 2025-09 2025-11"},
    {"this year", "2025 2025-01 2025-12-31", "2024-12-31 2026 2026-01-01 2024"},
    {"this quarter", "2025-10 2025-12 2025-12-31", "2025-09-30 2025 2026 2026-01"},
    {"this week", "2025-10-13 2025-10-19", "2025-10-12 2025-10-20 2025-10"},
    {"previous month", "2025-09 2025-09-01 2025-09-30", "2025-08-31 2025-10 2025-10-01"},
    {"coming 2 months", "2025-11 2025-12 2025-11-01 2025-12-31", "2025-10-31 2026 2026-01"},
    {"today", "2025-10-15", "2025-10-14 2025-10-16 2025-10"},
    {"last 7 days", "2025-10-08 2025-10-15", "2025-10-07 2025-10-16"},
    {"last 1 month", "2025-09-15 2025-10-15 2025-10", "2025-09-14 2025-10-16 2025-09"},
    {"next 7 days", "2025-10-15 2025-10-22", "2025-10-14 2025-10-23"},
    {"next 17 days", "2025-10-31 2025-11 2025-11-01", "2025-11-02"},
    {"next 16 days", "2025-10-31", "2025-11 2025-11-01"},
    {"last 13 hours", "2025-10-14 2025-10-15", "2025-10-13 2025-10-16"},
    {"since 2025", "2025 2025-01 2025-01-01 9999-12-31", "2024-12 2024-12-31 2024"},
    {"since 2025-01", "2025-01 2025-01-01 2025-02", "2025 2024-12-31"},
    {"since 2025-01-01", "2025-01-01 2025-02", "2025-01 2025"},
    {"before 2025", "2024 2024-12-31 0001", "2025 2025-01"},
    {"before 2025-01-01", "2025 2025-01 2024-12-31", "2025-01-01"},
    {"on 2025", "2025 2025-06 2025-01-01 2025-12-31", "2024-12-31 2026 2026-01-01"},
    {"on 2025-02", "2025-02 2025-02-28", "2025 2025-01-31 2025-03 2025-03-01"},
    {"on 2025-02-28", "2025-02-28", "2025-02 2025-02-27 2025-03 2025-03-01"},
    {"between 2025-01-15 and 2025-02", "2025-01-15 2025-02 2025-02-28", "2025-01 2025-03"},
    {"between 2024 and 2025-01-31", "2024 2025 2025-01-31", "2025-02 2025-02-01 2023-12-31"},
    {"on 9999", "9999 9999-12-31", "9998-12-31"},
    {"since 2025-10-03T12:00:00Z", "2025-10-03 9999", "2025-10-02 2025-10"},
    {"before 2025-10-03T12:00:00Z", "2025-10-03 2025-10 0001", "2025-10-04"},
    {"before 2025-10-03T00:00:00Z", "2025-10-02 2025-10", "2025-10-03"},
    {"between 2025-10-01T00:00:00Z and 2025-11-01T00:00:00Z", "2025-10-01 2025-10-31",
     "2025-10 2025-11 2025-11-01"},
};

static void check_list(const char *list, const char *window, int32_t from, int32_t until,
                       int expected)
{
    char copy[200], *rest = copy, *one;
    int32_t d;

    snprintf(copy, sizeof copy, "%s", list);
    while ((one = strsep(&rest, " ")) != NULL) {
        ck_assert_int_eq(crm__date_parse(one, strlen(one), &d, NULL, NULL), CRM_OK);
        ck_assert_msg((d >= from && d < until) == expected, "%s %s", window, one);
    }
}

CRM_TEST(test_segment_window__dates_with_unknown_parts)
{
    crm__model *m = help_model(HELP_YAML);
    int64_t now = utc(2025, 10, 15, 12, 0);

    for (size_t i = 0; i < sizeof INSIDE / sizeof *INSIDE; i++) {
        char text[200];
        crm__tree *t;
        int32_t from, until;
        snprintf(text, sizeof text, "birth_date in %s", INSIDE[i].window);
        t = help_tree(m, NULL, text, strlen(text));
        crm__window_dates(&crm__tree_root(t)->window, now, NULL, &from, &until);
        check_list(INSIDE[i].in, INSIDE[i].window, from, until, 1);
        check_list(INSIDE[i].out, INSIDE[i].window, from, until, 0);
        crm__tree_unref(t);
    }
    crm__model_unref(m);
}

/* ---- anniversaries ---- */

/* Whether one of the days inside is the day that counts. */
static int expect_anniversary(int32_t date, int32_t from, int32_t until)
{
    for (int i = 0; i < DAYS && days[i].year; i++) {
        const day *d = &days[i];
        int32_t full = crm__date_pack(d->year, (unsigned)d->month, (unsigned)d->day);
        int month = (int)crm__date_month(date), wanted = (int)crm__date_day(date);
        if (month == 2 && wanted == 29 && d->month == 2 && d->days_of_month == 28)
            wanted = 28;
        if (full >= from && full < until && d->month == month && d->day == wanted)
            return 1;
    }
    return 0;
}

CRM_TEST(test_segment_window__anniversaries_as_counted)
{
    uint64_t state = crmtest_seed();
    size_t rounds = crmtest_rounds(400, 5000);

    fill_days();
    for (size_t i = 0; i < rounds; i++) {
        const day *a = &days[crmtest_below(&state, 50 * 365)];
        const day *born = &days[crmtest_below(&state, 30 * 365)];
        int64_t length = (int64_t)crmtest_below(&state, i % 2 ? 40 : 800);
        const day *b = a + length;
        int32_t date = crm__date_pack(born->year, (unsigned)born->month, (unsigned)born->day);
        int32_t from = crm__date_pack(a->year, (unsigned)a->month, (unsigned)a->day);
        int32_t until = crm__date_pack(b->year, (unsigned)b->month, (unsigned)b->day);
        if (i % 4 == 0)
            date = crm__date_pack(1992, 2, 29);
        ck_assert_msg(crm__anniversary_within(date, from, until) ==
                          expect_anniversary(date, from, until),
                      "%d in %d to %d", date, from, until);
    }
    ck_assert(!crm__anniversary_within(crm__date_pack(1990, 5, 0), 0, INT32_MAX));
    ck_assert(!crm__anniversary_within(crm__date_pack(1990, 0, 0), 0, INT32_MAX));
    ck_assert(crm__anniversary_within(crm__date_pack(1990, 5, 3), 0, INT32_MAX));
    ck_assert(
        crm__anniversary_within(crm__date_pack(1990, 5, 3), crm__date_pack(9999, 0, 0), INT32_MAX));
    ck_assert(!crm__anniversary_within(crm__date_pack(1990, 5, 3), INT32_MAX, INT32_MAX));
}
