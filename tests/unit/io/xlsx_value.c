/* SPDX-License-Identifier: MIT
 * Cells of sheets as texts: numbers, formats, dates of both beginnings.
 */
#include "io/xlsx.h"

#include "base/time.h"

#include <crmtest.h>
#include <stdio.h>
#include <stdlib.h>

static const char *shown(const char *number, const char *format, int from_1904)
{
    static char out[400];
    crm__xlsx_style s = crm__xlsx_style_of(format, strlen(format));
    crm__buf b;

    crm__buf_init(&b, NULL);
    crm__buf_reserve(&b, 1);
    crm__xlsx_number(&b, (crm__slice){(const uint8_t *)number, strlen(number)}, s, from_1904);
    ck_assert_uint_lt(b.n, sizeof out);
    memcpy(out, b.p, b.n);
    out[b.n] = 0;
    crm__buf_clear(&b);
    return out;
}

CRM_TEST(test_io_xlsx_value__numbers)
{
    static const char *const WANT[][2] = {
        {"0", "0"},
        {"1", "1"},
        {"-1", "-1"},
        {"13800138000", "13800138000"},
        {"1.38001380E10", "13800138000"},
        {"1.38E+10", "13800000000"},
        {"0.1", "0.1"},
        {"0.30000000000000004", "0.3"},
        {"1.1000000000000001", "1.1"},
        {"3.3000000000000003", "3.3"},
        {"99.990000000000009", "99.99"},
        {"0.99999999999999989", "1"},
        {"9.9999999999999996E-2", "0.1"},
        {"123456.789", "123456.789"},
        {"1e-3", "0.001"},
        {"-2.5E-2", "-0.025"},
        {"5.0", "5"},
        {"5.10", "5.1"},
        {".5", "0.5"},
        {"5.", "5"},
        {"-0", "0"},
        {"-0.0", "0"},
        {"+7", "7"},
        {"110101199003077758", "110101199003077758"},
        {"1.1010119900307776E+17", "110101199003078000"},
        {"6222021234567890123", "6222021234567890123"},
        {"1E300", "1E300"},
        {"-1.25E-60", "-1.25E-60"},
        {"1E39", "1000000000000000000000000000000000000000"},
        {" 12 ", "12"},
        {"", ""},
        {"abc", "abc"},
        {"1e", "1e"},
        {"1.2.3", "1.2.3"},
        {"0x10", "0x10"},
        {"NaN", "NaN"},
        {"-", "-"},
        {".", "."},
        {"0.000000000000000000001", "0.000000000000000000001"},
        {"007", "7"},
    };

    for (size_t i = 0; i < sizeof WANT / sizeof *WANT; i++)
        ck_assert_str_eq(shown(WANT[i][0], "General", 0), WANT[i][1]);
    /* An exponent beyond all bounds is some large one. */
    ck_assert_str_eq(shown("1E9999999999999999999", "0", 0), "1E999999");
    ck_assert_str_eq(shown("1E-9999999999999999999", "0", 0), "1E-999999");
}

/* Seventeen digits, which name a binary fraction exactly, are shown as fifteen that name the
 * decimal it was. */
CRM_TEST(test_io_xlsx_value__noise_of_binary_fractions)
{
    uint64_t seed = crmtest_seed();

    for (size_t i = 0; i < crmtest_rounds(20000, 500000); i++) {
        unsigned scale = (unsigned)crmtest_below(&seed, 7);
        uint64_t whole = crmtest_below(&seed, 100000000), unit = 1, part;
        char text[64], noisy[64], *end;
        for (unsigned k = 0; k < scale; k++)
            unit *= 10;
        part = crmtest_below(&seed, unit);
        while (scale && part % 10 == 0) {
            part /= 10;
            scale--;
        }
        if (scale)
            snprintf(text, sizeof text, "%llu.%0*llu", (unsigned long long)whole, (int)scale,
                     (unsigned long long)part);
        else
            snprintf(text, sizeof text, "%llu", (unsigned long long)whole);
        snprintf(noisy, sizeof noisy, i % 2 ? "%.17g" : "%.16E", strtod(text, &end));
        ck_assert_str_eq(shown(noisy, "General", 0), text);
    }
}

static void is(const char *format, int as, unsigned digits)
{
    crm__xlsx_style s = crm__xlsx_style_of(format, strlen(format));

    ck_assert_msg(s.as == as && s.digits == digits, "%s is %u, %u", format, s.as, s.digits);
}

CRM_TEST(test_io_xlsx_value__formats)
{
    static const char *const NUMBERS[] = {
        "General",
        "GENERAL",
        "0",
        "0.00",
        "#,##0",
        "#,##0.00_);[Red]\\(#,##0.00\\)",
        "0%",
        "0.00E+00",
        "##0.0E+0",
        "# ?/?",
        "@",
        "",
        ";;;",
        "\"d\"0",
        "0\\d",
        "[Red]0",
        "[$¥-804]#,##0.00",
        "0\"元\"",
        "_-* #,##0.00_-",
        "[<=9999999]###\\-####;\\(###\\)\\ ###\\-####",
        "General\" days\"",
        "0;yyyy",
        "[Blue]General",
        "[>=100]0",
        "\"",
        "\\",
        "[",
        "_",
        "*",
    };
    static const char *const DATES[] = {
        "yyyy-mm-dd",
        "yyyy\\-mm\\-dd",
        "d-mmm-yy",
        "mmm-yy",
        "m/d/yyyy",
        "[$-409]mmmm d, yyyy;@",
        "yyyy\"年\"m\"月\"d\"日\"",
        "[$-804]yyyy\"年\"m\"月\";@",
        "m\"月\"d\"日\"",
        "dddd",
        "[DBNum1][$-804]m\"月\"",
        "YYYY/MM/DD",
        "mm",
        "dd.mm.yyyy",
        "e\"年\"m\"月\"",
        "[$-F800]dddd\\,\\ mmmm\\ dd\\,\\ yyyy",
    };
    static const char *const BOTH[] = {"yyyy-mm-dd hh:mm", "m/d/yy h:mm AM/PM",
                                       "dd/mm/yyyy hh:mm:ss.000",
                                       "yyyy\"年\"m\"月\"d\"日\" h\"时\"mm\"分\""};
    static const char *const TIMES[] = {"h:mm",
                                        "h:mm AM/PM",
                                        "hh:mm:ss",
                                        "mm:ss",
                                        "mm:ss.0",
                                        "h\"时\"mm\"分\"",
                                        "上午/下午h\"时\"mm\"分\"",
                                        "h a/p",
                                        "ss"};

    for (size_t i = 0; i < sizeof NUMBERS / sizeof *NUMBERS; i++)
        is(NUMBERS[i], CRM__AS_NUMBER, 0);
    for (size_t i = 0; i < sizeof DATES / sizeof *DATES; i++)
        is(DATES[i], CRM__AS_DATE, 0);
    for (size_t i = 0; i < sizeof BOTH / sizeof *BOTH; i++)
        is(BOTH[i], CRM__AS_DATETIME, 0);
    for (size_t i = 0; i < sizeof TIMES / sizeof *TIMES; i++)
        is(TIMES[i], CRM__AS_TIME, 0);
    is("[h]:mm", CRM__AS_ELAPSED, 0);
    is("[mm]:ss", CRM__AS_ELAPSED, 0);
    is("[HH]:mm:ss;@", CRM__AS_ELAPSED, 0);
    is("000000", CRM__AS_DIGITS, 6);
    is("00", CRM__AS_DIGITS, 2);
}

CRM_TEST(test_io_xlsx_value__formats_known_by_number)
{
    for (uint32_t id = 0; id < 400; id++) {
        unsigned as = crm__xlsx_style_built_in(id).as;
        int time = (id >= 18 && id <= 21) || (id >= 32 && id <= 35) || id == 45 || id == 47 ||
                   id == 55 || id == 56;
        int date = (id >= 14 && id <= 17) || (id >= 27 && id <= 31) || id == 36 ||
                   (id >= 50 && id <= 54) || id == 57 || id == 58;
        ck_assert_uint_eq(as, id == 22   ? CRM__AS_DATETIME
                              : id == 46 ? CRM__AS_ELAPSED
                              : time     ? CRM__AS_TIME
                              : date     ? CRM__AS_DATE
                                         : CRM__AS_NUMBER);
    }
}

CRM_TEST(test_io_xlsx_value__days)
{
    static const char D[] = "yyyy-mm-dd", DT[] = "yyyy-mm-dd hh:mm";

    ck_assert_str_eq(shown("1", D, 0), "1900-01-01");
    ck_assert_str_eq(shown("59", D, 0), "1900-02-28");
    ck_assert_str_eq(shown("60", D, 0), "1900-02-29"); /* as Excel has it */
    ck_assert_str_eq(shown("61", D, 0), "1900-03-01");
    ck_assert_str_eq(shown("45443", D, 0), "2024-05-31");
    ck_assert_str_eq(shown("45443", DT, 0), "2024-05-31");
    ck_assert_str_eq(shown("45443.395833333336", DT, 0), "2024-05-31T09:30:00");
    ck_assert_str_eq(shown("45443.395833333336", D, 0), "2024-05-31");
    ck_assert_str_eq(shown("4.5443395833333336E4", DT, 0), "2024-05-31T09:30:00");
    ck_assert_str_eq(shown("45443.999999", DT, 0), "2024-06-01");
    ck_assert_str_eq(shown("2958465", D, 0), "9999-12-31");
    ck_assert_str_eq(shown("2958466", D, 0), "2958466");
    ck_assert_str_eq(shown("0", D, 0), "0");
    ck_assert_str_eq(shown("-5", D, 0), "-5");
    ck_assert_str_eq(shown("0.5", D, 0), "12:00:00");
    ck_assert_str_eq(shown("1E20", D, 0), "100000000000000000000");
    ck_assert_str_eq(shown("0", D, 1), "1904-01-01");
    ck_assert_str_eq(shown("43981", D, 1), "2024-05-31");
    ck_assert_str_eq(shown("2957003", D, 1), "9999-12-31");
    ck_assert_str_eq(shown("2957004", D, 1), "2957004");
    ck_assert_str_eq(shown("0.75", "h:mm", 0), "18:00:00");
    ck_assert_str_eq(shown("0", "h:mm", 0), "00:00:00");
    ck_assert_str_eq(shown("45443.75", "h:mm", 0), "2024-05-31T18:00:00");
    ck_assert_str_eq(shown("45443", "h:mm", 0), "2024-05-31");
    ck_assert_str_eq(shown("1.5", "[h]:mm", 0), "36:00:00");
    ck_assert_str_eq(shown("5", "000000", 0), "000005");
    ck_assert_str_eq(shown("0", "000000", 0), "000000");
    ck_assert_str_eq(shown("100", "000000", 0), "000100");
    ck_assert_str_eq(shown("1234567", "000000", 0), "1234567");
    ck_assert_str_eq(shown("1.5", "000000", 0), "1.5");
    ck_assert_str_eq(shown("text", D, 0), "text");
}

CRM_TEST(test_io_xlsx_value__every_second_of_some_days)
{
    uint64_t seed = crmtest_seed();

    for (size_t i = 0; i < crmtest_rounds(20000, 500000); i++) {
        int64_t day = 61 + (int64_t)crmtest_below(&seed, 2958465 - 61);
        unsigned second = (unsigned)crmtest_below(&seed, 86400);
        char text[64], want[40];
        crm__civil c;
        snprintf(text, sizeof text, "%.17g", (double)day + second / 86400.0);
        crm__civil_from_days(day - 25569, &c);
        if (second)
            snprintf(want, sizeof want, "%04d-%02d-%02dT%02u:%02u:%02u", c.year, c.month, c.day,
                     second / 3600, second / 60 % 60, second % 60);
        else
            snprintf(want, sizeof want, "%04d-%02d-%02d", c.year, c.month, c.day);
        ck_assert_str_eq(shown(text, "yyyy-mm-dd hh:mm:ss", 0), want);
    }
}

CRM_TEST(test_io_xlsx_value__escaped_characters)
{
    static const char *const WANT[][2] = {
        {"a_x000D_b", "a\rb"},
        {"_x005F_x000D_", "_x000D_"},
        {"_x4F60_", "你"},
        {"a_b", "a_b"},
        {"_x00", "_x00"},
        {"_x0000_z", "\xe2\x90\x80z"},
        {"_xD83D_", "_xD83D_"},
        {"_xZZZZ_", "_xZZZZ_"},
        {"_x0041", "_x0041"},
        {"", ""},
        {"_", "_"},
        {"__x0041__", "_A_"},
    };

    for (size_t i = 0; i < sizeof WANT / sizeof *WANT; i++) {
        uint8_t text[32];
        size_t n = strlen(WANT[i][0]);
        memcpy(text, WANT[i][0], n);
        int nul = 0;
        n = crm__xlsx_unescape(text, n, &nul);
        ck_assert_int_eq(nul, strcmp(WANT[i][0], "_x0000_z") == 0);
        ck_assert_uint_eq(n, strlen(WANT[i][1]));
        ck_assert_mem_eq(text, WANT[i][1], n);
    }
}
