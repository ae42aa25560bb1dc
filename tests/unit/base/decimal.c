/* SPDX-License-Identifier: MIT */
#include "base/decimal.h"
#include "base/utf8.h"
#include "crmtest.h"

#include <crm/codes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* For loops of many: ck_assert writes a line for each that passes. */
#define EXPECT(x)                                                                                  \
    do {                                                                                           \
        if (!(x))                                                                                  \
            ck_abort_msg("not so: %s", #x);                                                        \
    } while (0)

#define LIMIT INT64_C(1000000000000000000)

static void check_decimal(const char *in, const char *want)
{
    crm__decimal d = {77, 77};
    const char *why = "x";
    size_t at = 99, n;
    char out[24];

    if (crm__decimal_parse(in, strlen(in), &d, &why, &at) != CRM_OK)
        ck_abort_msg("\"%s\": %s at %zu", in, why, at);
    ck_assert_ptr_null(why);
    ck_assert_uint_eq(at, 0);
    ck_assert_int_eq(crm__decimal_valid(d), 1);
    n = crm__decimal_format(d, out);
    ck_assert_str_eq(out, want);
    ck_assert_uint_eq(n, strlen(want));
}

static void refuse_decimal(const char *in, const char *reason, size_t where)
{
    crm__decimal d = {77, 77};
    const char *why = NULL;
    size_t at = 99;

    ck_assert_int_eq(crm__decimal_parse(in, strlen(in), &d, &why, &at), CRM_EVALUE);
    ck_assert_str_eq(why, reason);
    ck_assert_uint_eq(at, where);
    ck_assert_int_eq(d.mantissa, 77);
    ck_assert_int_eq(crm__decimal_parse(in, strlen(in), &d, NULL, NULL), CRM_EVALUE);
}

CRM_TEST(test_base_decimal__parse_by_example)
{
    check_decimal("0", "0");
    check_decimal("-0.00", "0.00");
    check_decimal("+7", "7");
    check_decimal("1.50", "1.50");
    check_decimal("-1.50", "-1.50");
    check_decimal("007.10", "7.10");
    check_decimal(".5", "0.5");
    check_decimal("-.05", "-0.05");
    check_decimal("  12 ", "12");
    check_decimal("1,234,567.89", "1234567.89");
    check_decimal("1_234_567", "1234567");
    check_decimal("1'234.5", "1234.5");
    check_decimal("12,345", "12345");
    check_decimal("\uff11\uff12\uff0e\uff15", "12.5");
    check_decimal("\uff0d\uff11\uff0c\uff12\uff13\uff14", "-1234");
    check_decimal("\u22125", "-5");
    check_decimal("\u30005\u3000", "5");
    check_decimal("1e3", "1000");
    check_decimal("2.5E-2", "0.025");
    check_decimal("1.50e1", "15.0");
    check_decimal("1.5e1", "15");
    check_decimal("1e+17", "100000000000000000");
    check_decimal("0e99", "0");
    check_decimal("0.000000000001", "0.000000000001");
    check_decimal("1e-12", "0.000000000001");
    check_decimal("999999999999999999", "999999999999999999");
    check_decimal("-999999.999999999999", "-999999.999999999999");
    check_decimal("000000000000000000000000000000000000000000000000000000000000000001", "1");
}

CRM_TEST(test_base_decimal__refuses_with_a_reason_and_place)
{
    static const char groups[] = "expected groups of three digits between separators";

    refuse_decimal("", "expected a number", 0);
    refuse_decimal("  ", "expected a number", 2);
    refuse_decimal("abc", "expected a number", 0);
    refuse_decimal("-", "expected a number", 1);
    refuse_decimal("--1", "expected a number", 1);
    refuse_decimal("NaN", "expected a number", 0);
    refuse_decimal("1.", "expected digits after the point", 2);
    refuse_decimal(".", "expected digits after the point", 1);
    refuse_decimal("1,50", groups, 2);
    refuse_decimal("1234,567", groups, 4);
    refuse_decimal("1,234_567", groups, 5);
    refuse_decimal("1,2345", groups, 2);
    refuse_decimal("1,234,", groups, 6);
    refuse_decimal(",123", groups, 0);
    refuse_decimal("1.500,00", "separators are allowed before the point only", 5);
    refuse_decimal("1.5.2", "expected nothing after the number", 3);
    refuse_decimal(" 5 EUR", "expected nothing after the number", 2);
    refuse_decimal("1 234", "expected nothing after the number", 1);
    refuse_decimal("0x10", "expected nothing after the number", 1);
    refuse_decimal("1e", "expected digits in the exponent", 2);
    refuse_decimal("1e+", "expected digits in the exponent", 3);
    refuse_decimal("1e99999999999999999999", "exponent out of range", 2);
    refuse_decimal("1000000000000000000", "more than 18 digits", 0);
    refuse_decimal("1e18", "more than 18 digits", 0);
    refuse_decimal("12345678.12345678901", "more than 18 digits", 0);
    refuse_decimal("0.0000000000001", "more than 12 digits after the point", 0);
    refuse_decimal("1.0000000000000", "more than 12 digits after the point", 0);
    refuse_decimal("1e-13", "more than 12 digits after the point", 0);
    refuse_decimal("1234567890123456789012345678901234567890123456789", "too many digits", 48);
    refuse_decimal("1\xff", "not utf-8", 1);
    refuse_decimal("\u5f20", "expected a number", 0);
    ck_assert_int_eq(crm__decimal_parse(NULL, 0, &(crm__decimal){0, 0}, NULL, NULL), CRM_EVALUE);
    ck_assert_int_eq(crm__decimal_parse("1\0002", 3, &(crm__decimal){0, 0}, NULL, NULL),
                     CRM_EVALUE);
}

static crm__decimal random_decimal(uint64_t *seed)
{
    crm__decimal d;
    uint64_t m = crmtest_rand(seed) >> crmtest_below(seed, 64);

    d.mantissa = (int64_t)(m % (uint64_t)LIMIT);
    if (crmtest_below(seed, 2))
        d.mantissa = -d.mantissa;
    d.scale = (uint8_t)crmtest_below(seed, CRM__DECIMAL_SCALE + 1);
    return d;
}

/* Writes a number in one of the accepted ways: grouped, fullwidth, leading zeros, exponent. */
static size_t write_freely(uint64_t *seed, const char *plain, char *out)
{
    const char *point = strchr(plain, '.'), *digits = plain + (*plain == '-');
    size_t whole = point ? (size_t)(point - digits) : strlen(digits), n = 0;
    char separator = ",_'\0"[crmtest_below(seed, 4)];
    int wide = crmtest_below(seed, 3) == 0;

    n += (size_t)sprintf(out, "%s", crmtest_below(seed, 3) ? "" : " \u3000");
    if (*plain == '-')
        n += (size_t)sprintf(out + n, "%s", wide ? "\uff0d" : "-");
    else if (crmtest_below(seed, 4) == 0)
        out[n++] = '+';
    for (size_t i = 0; digits[i]; i++) {
        if (i && i < whole && (whole - i) % 3 == 0 && separator)
            out[n++] = separator;
        if (wide)
            n += crm__utf8_put((uint32_t)digits[i] + 0xfee0, out + n);
        else
            out[n++] = digits[i];
    }
    out[n] = 0;
    return n;
}

CRM_TEST(test_base_decimal__random_values_round_trip_in_every_writing)
{
    uint64_t seed = crmtest_seed();

    for (size_t i = 0; i < crmtest_rounds(50000, 1000000); i++) {
        crm__decimal d = random_decimal(&seed), e;
        char plain[24], free_form[128];
        size_t n = crm__decimal_format(d, plain), m;
        EXPECT(n > 0 && n < sizeof plain && strlen(plain) == n);
        EXPECT(crm__decimal_parse(plain, n, &e, NULL, NULL) == CRM_OK);
        EXPECT(d.mantissa == e.mantissa && d.scale == e.scale);
        m = write_freely(&seed, plain, free_form);
        if (crm__decimal_parse(free_form, m, &e, NULL, NULL) != CRM_OK ||
            d.mantissa != e.mantissa || d.scale != e.scale)
            ck_abort_msg("\"%s\" is not read as %s", free_form, plain);
    }
}

CRM_TEST(test_base_decimal__exponents_move_the_point)
{
    uint64_t seed = crmtest_seed();

    for (size_t i = 0; i < crmtest_rounds(50000, 1000000); i++) {
        int64_t m = (int64_t)crmtest_below(&seed, 1000000);
        int fraction = (int)crmtest_below(&seed, 4), exponent = (int)crmtest_below(&seed, 25) - 12;
        int scale = fraction - exponent, rc;
        int64_t want = m, ten = 1;
        char text[96], digits[32];
        crm__decimal d;
        for (int j = 0; j < fraction; j++)
            ten *= 10;
        /* m with leading zeros; its last `fraction` digits stand behind the point */
        snprintf(digits, sizeof digits, "%09lld", (long long)m);
        snprintf(text, sizeof text, "%lld%s%se%d", (long long)(m / ten), fraction ? "." : "",
                 digits + 9 - fraction, exponent);
        for (int j = scale; j < 0 && want < LIMIT; j++)
            want *= 10;
        rc = crm__decimal_parse(text, strlen(text), &d, NULL, NULL);
        EXPECT(rc == (scale > 12 || want >= LIMIT ? CRM_EVALUE : CRM_OK));
        EXPECT(rc || (d.mantissa == want && d.scale == (scale > 0 ? scale : 0)));
    }
}

CRM_TEST(test_base_decimal__format_and_valid_at_the_limits)
{
    char out[24];

    ck_assert_int_eq(crm__decimal_valid((crm__decimal){LIMIT - 1, 12}), 1);
    ck_assert_int_eq(crm__decimal_valid((crm__decimal){1 - LIMIT, 0}), 1);
    ck_assert_int_eq(crm__decimal_valid((crm__decimal){LIMIT, 0}), 0);
    ck_assert_int_eq(crm__decimal_valid((crm__decimal){-LIMIT, 0}), 0);
    ck_assert_int_eq(crm__decimal_valid((crm__decimal){INT64_MIN, 0}), 0);
    ck_assert_int_eq(crm__decimal_valid((crm__decimal){0, 13}), 0);
    ck_assert_uint_eq(crm__decimal_format((crm__decimal){INT64_MIN, 200}, out), 0);
    ck_assert_str_eq(out, "");
    ck_assert_uint_eq(crm__decimal_format((crm__decimal){1 - LIMIT, 12}, out), 20);
    ck_assert_str_eq(out, "-999999.999999999999");
    crm__decimal_format((crm__decimal){0, 12}, out);
    ck_assert_str_eq(out, "0.000000000000");
}

CRM_TEST(test_base_decimal__compare_is_by_value)
{
    uint64_t seed = crmtest_seed();

    ck_assert_int_eq(crm__decimal_compare((crm__decimal){15, 1}, (crm__decimal){150, 2}), 0);
    ck_assert_int_eq(crm__decimal_compare((crm__decimal){LIMIT - 1, 0}, (crm__decimal){1, 12}), 1);
    ck_assert_int_eq(crm__decimal_compare((crm__decimal){1 - LIMIT, 0}, (crm__decimal){1, 12}), -1);
    crm__decimal_compare((crm__decimal){INT64_MIN, 0}, (crm__decimal){INT64_MAX, 255});
    for (size_t i = 0; i < crmtest_rounds(50000, 1000000); i++) {
        crm__decimal a = random_decimal(&seed), b = random_decimal(&seed);
        __int128 x, y;
        if (crmtest_below(&seed, 2)) { /* nearly equal ones */
            b = a;
            if (b.scale < 12 && b.mantissa < LIMIT / 10 && b.mantissa > -LIMIT / 10) {
                b.scale++;
                b.mantissa = b.mantissa * 10 + (int64_t)crmtest_below(&seed, 3) - 1;
            }
        }
        /* a / 10^s < b / 10^t as a * 10^t < b * 10^s */
        x = a.mantissa;
        y = b.mantissa;
        for (int j = 0; j < b.scale; j++)
            x *= 10;
        for (int j = 0; j < a.scale; j++)
            y *= 10;
        EXPECT(crm__decimal_compare(a, b) == (x > y) - (x < y));
        EXPECT(crm__decimal_compare(b, a) == (y > x) - (y < x));
    }
}

static void check_int(const char *in, int64_t want)
{
    int64_t v = 77;
    const char *why = NULL;
    size_t at = 0;

    if (crm__int_parse(in, strlen(in), &v, &why, &at) != CRM_OK)
        ck_abort_msg("\"%s\": %s at %zu", in, why, at);
    ck_assert_int_eq(v, want);
}

static void refuse_int(const char *in, const char *reason, size_t where)
{
    int64_t v = 77;
    const char *why = NULL;
    size_t at = 99;

    ck_assert_int_eq(crm__int_parse(in, strlen(in), &v, &why, &at), CRM_EVALUE);
    ck_assert_str_eq(why, reason);
    ck_assert_uint_eq(at, where);
    ck_assert_int_eq(v, 77);
}

CRM_TEST(test_base_decimal__int_by_example)
{
    static const char range[] = "outside the range of a 64-bit integer";

    check_int("0", 0);
    check_int("-0", 0);
    check_int("3.0", 3);
    check_int("3.000", 3);
    check_int("0.0", 0);
    check_int("1,234,567", 1234567);
    check_int("\uff11\uff12", 12);
    check_int("1e3", 1000);
    check_int("1.5e1", 15);
    check_int("150e-1", 15);
    check_int("9223372036854775807", INT64_MAX);
    check_int("-9223372036854775808", INT64_MIN);
    check_int("9,223,372,036,854,775,807.0", INT64_MAX);
    check_int("9.223372036854775807e18", INT64_MAX);
    check_int("0e1000000", 0);
    refuse_int("3.5", "expected a whole number", 0);
    refuse_int(" 0.05", "expected a whole number", 1);
    refuse_int("15e-1", "expected a whole number", 0);
    refuse_int("1e-1000000", "expected a whole number", 0);
    refuse_int("9223372036854775808", range, 0);
    refuse_int("-9223372036854775809", range, 0);
    refuse_int("10000000000000000000000", range, 0);
    refuse_int("1e19", range, 0);
    refuse_int("1e1000000", range, 0);
    refuse_int("", "expected a number", 0);
    refuse_int("1x", "expected nothing after the number", 1);
}

CRM_TEST(test_base_decimal__int_of_random_digits_as_128_bit_sum)
{
    uint64_t seed = crmtest_seed();

    for (size_t i = 0; i < crmtest_rounds(50000, 1000000); i++) {
        char t[64];
        size_t n = 0, digits = 1 + crmtest_below(&seed, 21), zeros = crmtest_below(&seed, 3);
        int minus = (int)crmtest_below(&seed, 2), fits;
        __int128 sum = 0;
        int64_t v = 0;
        if (minus)
            t[n++] = '-';
        for (size_t j = 0; j < digits; j++) {
            t[n] = (char)('0' + (crmtest_below(&seed, 3) ? 9 : crmtest_below(&seed, 10)));
            if (j < 8 && crmtest_below(&seed, 2))
                t[n] = "92233720"[j];
            sum = sum * 10 + (t[n++] - '0');
        }
        if (zeros)
            t[n++] = '.';
        for (size_t j = 0; j < zeros; j++)
            t[n++] = '0';
        sum = minus ? -sum : sum;
        fits = sum >= INT64_MIN && sum <= INT64_MAX;
        EXPECT((crm__int_parse(t, n, &v, NULL, NULL) == CRM_OK) == fits);
        EXPECT(!fits || v == (int64_t)sum);
    }
}

CRM_TEST(test_base_decimal__random_text_is_taken_or_refused_cleanly)
{
    static const char *const parts[] = {"0",      "1",      "9",      "00",   "123", ",", "_",
                                        "'",      ".",      "-",      "+",    "e",   "E", " ",
                                        "\uff10", "\uff0c", "\u3000", "\xff", "x"};
    uint64_t seed = crmtest_seed();

    for (size_t i = 0; i < crmtest_rounds(100000, 2000000); i++) {
        char t[128];
        size_t n = 0, count = crmtest_below(&seed, 12), at = 0;
        const char *why = NULL;
        crm__decimal d, e;
        int64_t v;
        t[0] = 0;
        while (count--)
            n += (size_t)sprintf(t + n, "%s", parts[crmtest_below(&seed, 19)]);
        if (crm__decimal_parse(t, n, &d, &why, &at) == CRM_OK) {
            char plain[24];
            size_t m = crm__decimal_format(d, plain);
            EXPECT(m && !why);
            EXPECT(crm__decimal_parse(plain, m, &e, NULL, NULL) == CRM_OK);
            EXPECT(d.mantissa == e.mantissa && d.scale == e.scale);
        } else {
            EXPECT(why && at <= n);
        }
        if (crm__int_parse(t, n, &v, &why, &at) == CRM_OK)
            EXPECT(crm__decimal_parse(t, n, &d, NULL, NULL) != CRM_OK ||
                   crm__decimal_compare(d, (crm__decimal){v, 0}) == 0);
        else
            EXPECT(why && at <= n);
    }
}
