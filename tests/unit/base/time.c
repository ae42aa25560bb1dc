/* SPDX-License-Identifier: MIT */
#include "base/time.h"
#include "base/utf8.h"
#include "base/zone.h"
#include "crmtest.h"

#include <crm/codes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* For loops of many: ck_assert writes a line for each that passes. */
#define EXPECT(x)                                                                                  \
    do {                                                                                           \
        if (!(x))                                                                                  \
            ck_abort_msg("not so: %s", #x);                                                        \
    } while (0)

/* ---- calendar ---- */

static int is_leap(int32_t y)
{
    return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

CRM_TEST(test_base_time__every_day_of_twelve_thousand_years)
{
    static const unsigned length[13] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t day = crm__days_from_civil(-1000, 1, 1);

    ck_assert_int_eq(crm__days_from_civil(1970, 1, 1), 0);
    for (int32_t y = -1000; y <= 11000; y++) {
        for (unsigned m = 1; m <= 12; m++) {
            unsigned days = length[m] + (unsigned)(m == 2 && is_leap(y));
            EXPECT(crm__days_in_month(y, m) == days);
            for (unsigned d = 1; d <= days; d++, day++) {
                crm__civil c;
                EXPECT(crm__days_from_civil(y, m, d) == day);
                crm__civil_from_days(day, &c);
                EXPECT(c.year == y && c.month == m && c.day == d);
                EXPECT(c.hour == 0 && c.minute == 0 && c.second == 0 && c.micro == 0);
            }
        }
    }
    ck_assert_uint_eq(crm__days_in_month(2000, 0), 0);
    ck_assert_uint_eq(crm__days_in_month(2000, 13), 0);
}

CRM_TEST(test_base_time__random_instants_as_gmtime)
{
    uint64_t seed = crmtest_seed();

    for (size_t i = 0; i < crmtest_rounds(100000, 2000000); i++) {
        int64_t us = (int64_t)(crmtest_rand(&seed) >> crmtest_below(&seed, 64));
        int64_t rest;
        crm__civil c;
        struct tm tm;
        time_t s;
        if (i & 1)
            us = -us;
        rest = (us % 1000000 + 1000000) % 1000000;
        s = (time_t)((us - rest) / 1000000);
        EXPECT(gmtime_r(&s, &tm));
        crm__civil_from_time(us, &c);
        EXPECT(c.year == tm.tm_year + 1900 && c.month == tm.tm_mon + 1 && c.day == tm.tm_mday);
        EXPECT(c.hour == tm.tm_hour && c.minute == tm.tm_min && c.second == tm.tm_sec);
        EXPECT(c.micro == rest);
        if (c.year < 290000 && c.year > -290000)
            EXPECT(crm__time_from_civil(&c) == us);
    }
}

CRM_TEST(test_base_time__ends_of_int64)
{
    crm__civil c;

    crm__civil_from_time(INT64_MAX, &c);
    ck_assert_int_eq(c.year, 294247);
    crm__civil_from_time(INT64_MIN, &c);
    ck_assert_int_eq(c.year, -290308);
    crm__civil_from_time(CRM__TIME_MIN, &c);
    ck_assert(c.year == 1 && c.month == 1 && c.day == 1 && c.hour == 0);
    crm__civil_from_time(CRM__TIME_MAX, &c);
    ck_assert(c.year == 9999 && c.month == 12 && c.day == 31 && c.second == 59);
    ck_assert_uint_eq(c.micro, 999999);
}

/* ---- dates ---- */

static void check_date(const char *in, const char *want)
{
    int32_t packed = 0;
    const char *why = "x";
    size_t at = 99;
    char out[16];

    if (crm__date_parse(in, strlen(in), &packed, &why, &at) != CRM_OK)
        ck_abort_msg("\"%s\": %s at %zu", in, why, at);
    ck_assert_ptr_null(why);
    ck_assert_int_eq(crm__date_packed_valid(packed), 1);
    ck_assert_uint_eq(crm__date_format(packed, out), strlen(want));
    ck_assert_str_eq(out, want);
}

static void refuse_date(const char *in, const char *reason, size_t where)
{
    int32_t packed = 77;
    const char *why = NULL;
    size_t at = 99;

    if (crm__date_parse(in, strlen(in), &packed, &why, &at) != CRM_EVALUE)
        ck_abort_msg("\"%s\" is taken", in);
    if (strcmp(why, reason) != 0 || at != where)
        ck_abort_msg("\"%s\": %s at %zu", in, why, at);
    ck_assert_int_eq(packed, 77);
    ck_assert_int_eq(crm__date_parse(in, strlen(in), &packed, NULL, NULL), CRM_EVALUE);
}

CRM_TEST(test_base_time__dates_by_example)
{
    check_date("2026", "2026");
    check_date("2026-03", "2026-03");
    check_date("2026-03-05", "2026-03-05");
    check_date("2026-3-5", "2026-03-05");
    check_date("2026/3/5", "2026-03-05");
    check_date("2026/03", "2026-03");
    check_date("2026.3.5", "2026-03-05");
    check_date("2026.12", "2026-12");
    check_date("20260305", "2026-03-05");
    check_date("2026\u5e743\u67085\u65e5", "2026-03-05");
    check_date("2026\u5e743\u67085\u53f7", "2026-03-05");
    check_date("2026\u5e7403\u6708", "2026-03");
    check_date("2026\u5e74", "2026");
    check_date(" 2026 \u5e74 3 \u6708 5 \u65e5\u3000", "2026-03-05");
    check_date("\uff12\uff10\uff12\uff16\u5e74\uff13\u6708\uff15\u65e5", "2026-03-05");
    check_date("\uff12\uff10\uff12\uff16\uff0d\uff10\uff13\uff0d\uff10\uff15", "2026-03-05");
    check_date("\uff12\uff10\uff12\uff16\uff0f\uff13", "2026-03");
    check_date("  2026-03-05\t", "2026-03-05");
    check_date("0001-01-01", "0001-01-01");
    check_date("9999-12-31", "9999-12-31");
    check_date("2024-02-29", "2024-02-29");
    check_date("2000-02-29", "2000-02-29");
}

CRM_TEST(test_base_time__dates_refused_with_reason_and_place)
{
    static const char year_first[] = "expected the year first, with four digits: YYYY-MM-DD";
    static const char want[] = "expected YYYY, YYYY-MM or YYYY-MM-DD";

    refuse_date("", want, 0);
    refuse_date("   ", want, 3);
    refuse_date("05/03/2026", year_first, 0);
    refuse_date("5.3.2026", year_first, 0);
    refuse_date("26-03-05", year_first, 0);
    refuse_date(" 3/5", year_first, 1);
    refuse_date("3\u67085\u65e5", year_first, 0);
    refuse_date("Mar 5, 2026", want, 0);
    refuse_date("-2026", want, 0);
    refuse_date("202", want, 0);
    refuse_date("20260", want, 0);
    refuse_date("202603", want, 0);
    refuse_date("2026030", want, 0);
    refuse_date("202603051", want, 0);
    refuse_date("2026-", "expected the month after the year", 5);
    refuse_date("2026-03-", "expected the day after the month", 8);
    refuse_date("2026-03/05", "expected the same separator twice", 7);
    refuse_date("2026-003", want, 5);
    refuse_date("2026-03-005", "expected a day of two digits", 8);
    refuse_date("2026-00", "the month must be 01 to 12", 5);
    refuse_date("2026-13-01", "the month must be 01 to 12", 5);
    refuse_date("2026-01-00", "the day must be 01 to 31", 8);
    refuse_date("2026-01-32", "the day must be 01 to 31", 8);
    refuse_date("2026-02-29", "the month has no such day", 8);
    refuse_date("1900-02-29", "the month has no such day", 8);
    refuse_date("2026-04-31", "the month has no such day", 8);
    refuse_date("0000-01-01", "the year must be 0001 to 9999", 0);
    refuse_date("2026-03-05T10:00:00Z", "expected a date without a time", 10);
    refuse_date("2026-03-05 10:00", "expected a date without a time", 10);
    refuse_date("2026-03-05x", want, 10);
    refuse_date("2026-03-05-", want, 10);
    refuse_date("2026 03 05", want, 4);
    refuse_date("2026\u5e743", "expected the month sign after the month", 8);
    refuse_date("2026\u5e743\u67085", "expected the day sign after the day", 12);
    refuse_date("2026\u5e743\u67085\u65e5\u65e5", want, 15);
    refuse_date("2026-03-05\xff", "not utf-8", 10);
    ck_assert_int_eq(crm__date_parse(NULL, 0, &(int32_t){0}, NULL, NULL), CRM_EVALUE);
    ck_assert_int_eq(crm__date_parse("2026\0", 5, &(int32_t){0}, NULL, NULL), CRM_EVALUE);
}

CRM_TEST(test_base_time__every_packed_date_round_trips)
{
    int32_t step = (int32_t)crmtest_stride(61);
    size_t valid = 0;

    for (int32_t packed = -600; packed < 10001 * 512; packed += step) {
        int32_t back = 0;
        char out[16];
        size_t n = crm__date_format(packed, out);
        EXPECT((n > 0) == crm__date_packed_valid(packed));
        EXPECT(strlen(out) == n);
        if (!n)
            continue;
        valid++;
        EXPECT(crm__date_parse(out, n, &back, NULL, NULL) == CRM_OK && back == packed);
        EXPECT(crm__date_pack(crm__date_year(packed), crm__date_month(packed),
                              crm__date_day(packed)) == packed);
    }
    /* 9,999 years, twelve months of each, 3,652,059 days. */
    if (step == 1)
        ck_assert_uint_eq(valid, 9999 + 9999 * 12 + 3652059);
    ck_assert_int_eq(crm__date_packed_valid(INT32_MIN), 0);
    ck_assert_int_eq(crm__date_packed_valid(INT32_MAX), 0);
    ck_assert_int_eq(crm__date_packed_valid(2026 * 512 + 5), 0); /* a day without a month */
}

/* ---- datetimes ---- */

static void check_datetime(const char *in, const crm__zone *zone, const char *want)
{
    int64_t us = 0;
    const char *why = "x";
    size_t at = 99;
    char out[40];

    if (crm__datetime_parse(in, strlen(in), zone, &us, &why, &at) != CRM_OK)
        ck_abort_msg("\"%s\": %s at %zu", in, why, at);
    ck_assert_ptr_null(why);
    ck_assert_uint_eq(crm__datetime_format(us, out), strlen(want));
    ck_assert_str_eq(out, want);
}

static void refuse_datetime(const char *in, const char *reason, size_t where)
{
    int64_t us = 77;
    const char *why = NULL;
    size_t at = 99;

    if (crm__datetime_parse(in, strlen(in), NULL, &us, &why, &at) != CRM_EVALUE)
        ck_abort_msg("\"%s\" is taken", in);
    if (strcmp(why, reason) != 0 || at != where)
        ck_abort_msg("\"%s\": %s at %zu", in, why, at);
    ck_assert_int_eq(us, 77);
    ck_assert_int_eq(crm__datetime_parse(in, strlen(in), NULL, &us, NULL, NULL), CRM_EVALUE);
}

CRM_TEST(test_base_time__datetimes_by_example)
{
    check_datetime("2026-03-05T10:20:30Z", NULL, "2026-03-05T10:20:30Z");
    check_datetime("2026-03-05t10:20:30z", NULL, "2026-03-05T10:20:30Z");
    check_datetime("2026-03-05 10:20:30Z", NULL, "2026-03-05T10:20:30Z");
    check_datetime("2026-03-05T10:20:30+08:00", NULL, "2026-03-05T02:20:30Z");
    check_datetime("2026-03-05T10:20:30-0330", NULL, "2026-03-05T13:50:30Z");
    check_datetime("2026-03-05 10:20:30 +08", NULL, "2026-03-05T02:20:30Z");
    check_datetime("2026-03-05T10:20:30-00:00", NULL, "2026-03-05T10:20:30Z");
    check_datetime("2026-03-05T10:20:30.5Z", NULL, "2026-03-05T10:20:30.500Z");
    check_datetime("2026-03-05T10:20:30.000001Z", NULL, "2026-03-05T10:20:30.000001Z");
    check_datetime("2026-03-05T10:20:30.123456789Z", NULL, "2026-03-05T10:20:30.123456Z");
    check_datetime("2026-03-05T10:20:30.0000009Z", NULL, "2026-03-05T10:20:30Z");
    check_datetime("2026-03-05T10:20Z", NULL, "2026-03-05T10:20:00Z");
    check_datetime("2026-03-05 9:05", NULL, "2026-03-05T09:05:00Z");
    check_datetime("2026-03-05", NULL, "2026-03-05T00:00:00Z");
    check_datetime("2026/3/5 10:20", NULL, "2026-03-05T10:20:00Z");
    check_datetime("20260305T10:20", NULL, "2026-03-05T10:20:00Z");
    check_datetime("2026\u5e743\u67085\u65e5 10:20", NULL, "2026-03-05T10:20:00Z");
    check_datetime("\uff12\uff10\uff12\uff16\uff0d\uff10\uff13\uff0d\uff10\uff15\u3000"
                   "\uff11\uff10\uff1a\uff12\uff10",
                   NULL, "2026-03-05T10:20:00Z");
    check_datetime("  2026-03-05T10:20:30Z  ", NULL, "2026-03-05T10:20:30Z");
    check_datetime("0001-01-01T00:00:00Z", NULL, "0001-01-01T00:00:00Z");
    check_datetime("9999-12-31T23:59:59.999999Z", NULL, "9999-12-31T23:59:59.999999Z");
    check_datetime("1969-12-31T23:59:59.999Z", NULL, "1969-12-31T23:59:59.999Z");
}

CRM_TEST(test_base_time__leap_seconds)
{
    static const char only[] = "second 60 exists only at 23:59:60";

    check_datetime("1990-12-31T23:59:60Z", NULL, "1991-01-01T00:00:00Z");
    check_datetime("1990-12-31T15:59:60-08:00", NULL, "1991-01-01T00:00:00Z");
    check_datetime("1990-12-31T23:59:60.25Z", NULL, "1991-01-01T00:00:00.250Z");
    check_datetime("1990-12-31 23:59:60", NULL, "1991-01-01T00:00:00Z");
    refuse_datetime("1990-12-31T23:58:60Z", only, 17);
    refuse_datetime("1990-12-31T15:59:60Z", only, 17);
    refuse_datetime("1990-12-31T22:59:60", only, 17);
    refuse_datetime("1990-12-31T15:59:60+08:00", only, 17);
    refuse_datetime("1990-12-31T23:59:61Z", "the second must be 00 to 59", 17);
    refuse_datetime("9999-12-31T23:59:60Z", "the instant must be in the years 0001 to 9999", 0);
}

CRM_TEST(test_base_time__datetimes_refused_with_reason_and_place)
{
    static const char time[] = "expected a time: HH:MM or HH:MM:SS";
    static const char offset[] = "expected an offset: Z, +HH:MM or -HH:MM";
    static const char range[] = "the instant must be in the years 0001 to 9999";

    refuse_datetime("", "expected YYYY-MM-DDTHH:MM:SS with Z or an offset", 0);
    refuse_datetime("2026", "expected a full date: YYYY-MM-DD", 4);
    refuse_datetime("2026-03", "expected a full date: YYYY-MM-DD", 7);
    refuse_datetime("05/03/2026 10:00", "expected the year first, with four digits: YYYY-MM-DD", 0);
    refuse_datetime("2026-03-05T", time, 11);
    refuse_datetime("2026-03-05T10", time, 11);
    refuse_datetime("2026-03-05T1020", time, 11);
    refuse_datetime("2026-03-05T10:2", time, 14);
    refuse_datetime("2026-03-05T10:20:3Z", time, 17);
    refuse_datetime("2026-03-05Z", time, 10);
    refuse_datetime("2026-03-05T24:00:00Z", "the hour must be 00 to 23", 11);
    refuse_datetime("2026-03-05T10:60:00Z", "the minute must be 00 to 59", 14);
    refuse_datetime("2026-03-05T10:20:30.Z", "expected digits after the point", 20);
    refuse_datetime("2026-03-05T10:20:30.1234567890Z", "at most nine digits after the second", 30);
    refuse_datetime("2026-03-05T10:20:30 PST", offset, 20);
    refuse_datetime("2026-03-05T10:20:30+8", offset, 19);
    refuse_datetime("2026-03-05T10:20:30+08:0", offset, 19);
    refuse_datetime("2026-03-05T10:20:30+24:00", "the offset must be -23:59 to +23:59", 19);
    refuse_datetime("2026-03-05T10:20:30Zx", "expected nothing after the offset", 20);
    refuse_datetime("2026-03-05T10:20:30+08:00Z", "expected nothing after the offset", 25);
    refuse_datetime("0001-01-01T00:00:00+08:00", range, 0);
    refuse_datetime("9999-12-31T23:59:59-00:01", range, 0);
    refuse_datetime("2026-02-30T10:00:00Z", "the month has no such day", 8);
    refuse_datetime("2026-03-05\xff", "not utf-8", 10);
    ck_assert_int_eq(crm__datetime_parse(NULL, 0, NULL, &(int64_t){0}, NULL, NULL), CRM_EVALUE);
}

CRM_TEST(test_base_time__local_times_take_the_zone)
{
    crm__zone *z;

    ck_assert_int_eq(crm__zone_open(NULL, "+08:00", &z, NULL), CRM_OK);
    check_datetime("2026-03-05T10:20:30", z, "2026-03-05T02:20:30Z");
    check_datetime("2026-03-05T10:20:30Z", z, "2026-03-05T10:20:30Z");
    check_datetime("2026-03-05", z, "2026-03-04T16:00:00Z");
    check_datetime("1990-12-31T23:59:60", z, "1990-12-31T16:00:00Z");
    check_datetime("1991-01-01T07:59:60", z, "1991-01-01T00:00:00Z");
    crm__zone_close(z);
}

CRM_TEST(test_base_time__random_instants_round_trip)
{
    uint64_t seed = crmtest_seed();
    char out[40], local[80];

    for (size_t i = 0; i < crmtest_rounds(100000, 2000000); i++) {
        int64_t us = CRM__TIME_MIN +
                     (int64_t)(crmtest_rand(&seed) % (uint64_t)(CRM__TIME_MAX - CRM__TIME_MIN + 1));
        int64_t back = 0, shift;
        int minutes = (int)crmtest_below(&seed, 1439), west = (int)crmtest_below(&seed, 2);
        size_t n;
        crm__civil c;
        if (i % 3 == 0)
            us -= (us % 1000000 + 1000000) % 1000000;
        if (i % 3 == 1)
            us -= (us % 1000 + 1000) % 1000;
        n = crm__datetime_format(us, out);
        EXPECT(n == (i % 3 == 0 ? 20 : n) && strlen(out) == n);
        EXPECT(crm__datetime_parse(out, n, NULL, &back, NULL, NULL) == CRM_OK && back == us);
        /* The same instant with an offset. */
        shift = (int64_t)minutes * 60 * 1000000;
        crm__civil_from_time(us + (west ? -shift : shift), &c);
        if (c.year < 1 || c.year > 9999)
            continue;
        n = (size_t)snprintf(local, sizeof local, "%04d-%02u-%02uT%02u:%02u:%02u.%06u%c%02d:%02d",
                             c.year, c.month, c.day, c.hour, c.minute, c.second, c.micro,
                             west ? '-' : '+', minutes / 60, minutes % 60);
        EXPECT(crm__datetime_parse(local, n, NULL, &back, NULL, NULL) == CRM_OK && back == us);
    }
    ck_assert_uint_eq(crm__datetime_format(CRM__TIME_MIN - 1, out), 0);
    ck_assert_uint_eq(crm__datetime_format(CRM__TIME_MAX + 1, out), 0);
    ck_assert_uint_eq(crm__datetime_format(INT64_MIN, out), 0);
    ck_assert_str_eq(out, "");
}

/* Texts near valid ones: each is taken and reads back, or refused with a reason and a place. */
CRM_TEST(test_base_time__random_text_is_taken_or_refused_cleanly)
{
    static const char *const parts[] = {"2026",   "-",      "/",    ".",      "03",     "3",
                                        "05",     "29",     "00",   "T",      " ",      "10:20",
                                        ":",      "30",     "Z",    "+08:00", "\u5e74", "\u6708",
                                        "\u65e5", "\uff12", "\xff", "0",      "9",      "\u3000"};
    uint64_t seed = crmtest_seed();
    size_t good = 0;

    for (size_t i = 0; i < crmtest_rounds(200000, 3000000); i++) {
        char t[200], out[40];
        size_t n = 0, count = crmtest_below(&seed, 10), at = 0;
        const char *why = NULL;
        int32_t packed;
        int64_t us, back;
        if (crmtest_below(&seed, 2))
            n = (size_t)sprintf(t, "2026-03-05");
        t[n] = 0;
        while (count--)
            n += (size_t)sprintf(t + n, "%s", parts[crmtest_below(&seed, 24)]);
        if (crm__date_parse(t, n, &packed, &why, &at) == CRM_OK)
            EXPECT(crm__date_packed_valid(packed) && !why && ++good);
        else
            EXPECT(why && at <= n);
        if (crm__datetime_parse(t, n, NULL, &us, &why, &at) == CRM_OK) {
            EXPECT(!why && ++good);
            count = crm__datetime_format(us, out);
            EXPECT(crm__datetime_parse(out, count, NULL, &back, NULL, NULL) == CRM_OK);
            EXPECT(back == us);
        } else {
            EXPECT(why && at <= n);
        }
    }
    ck_assert_uint_gt(good, 100);
}

CRM_TEST(test_base_time__clocks_run)
{
    int64_t a = crm__clock_mono(), b = crm__clock_mono(), now = crm__clock_now();
    time_t s = time(NULL);

    ck_assert_int_ge(b, a);
    ck_assert_int_ge((int64_t)s * 1000000 + 2000000, now);
    ck_assert_int_ge(now, (int64_t)s * 1000000 - 2000000);
}
