/* SPDX-License-Identifier: MIT */
#include "base/phone.h"
#include "base/phone_table.h"
#include "crmtest.h"
#include "phone_cases.h"

#include <crm/codes.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static void check_number(const char *region, const char *text, const char *want)
{
    char out[CRM__PHONE_SIZE];
    const char *why = "";
    size_t at = 0;
    int rc = crm__phone_parse(text, strlen(text), region, out, &why, &at);

    ck_assert_msg(rc == CRM_OK && strcmp(out, want) == 0, "%s in %s: %s, not %s (%s at %zu)", text,
                  region, out, want, why, at);
}

CRM_TEST(test_base_phone__examples_of_every_region_in_every_format)
{
    char text[64];

    ck_assert_uint_ge(COUNT(phone_examples), 1000);
    for (size_t i = 0; i < COUNT(phone_examples); i++) {
        const char *region = phone_examples[i].region, *e164 = phone_examples[i].e164;

        check_number(region, e164, e164);
        check_number("", e164, e164);
        check_number("CN", e164, e164);
        check_number(region, phone_examples[i].national, e164);
        check_number(region, phone_examples[i].international, e164);
        snprintf(text, sizeof text, "tel:%s", phone_examples[i].international);
        check_number("US", text, e164);
        snprintf(text, sizeof text, "00%s", e164 + 1);
        check_number("", text, e164);
        check_number("CN", text, e164);
        check_number("US", text, e164);
    }
}

CRM_TEST(test_base_phone__every_region_has_an_example)
{
    char region[3] = "", seen[26][26] = {{0}};
    size_t regions = 0;

    for (size_t i = 0; i < COUNT(phone_examples); i++) {
        const char *r = phone_examples[i].region;

        if (*r)
            seen[r[0] - 'A'][r[1] - 'A'] = 1;
    }
    for (region[0] = 'A'; region[0] <= 'Z'; region[0]++) {
        for (region[1] = 'A'; region[1] <= 'Z'; region[1]++) {
            regions += (size_t)crm__phone_region_known(region);
            ck_assert_int_eq(crm__phone_region_known(region),
                             seen[region[0] - 'A'][region[1] - 'A']);
        }
    }
    ck_assert_uint_eq(regions, 245);
}

CRM_TEST(test_base_phone__verdicts_equal_the_reference_on_random_digits)
{
    size_t accepted = 0;

    for (size_t i = 0; i < COUNT(phone_random); i++) {
        const char *text = phone_random[i].text, *region = phone_random[i].region, *why = "";
        const char *reason = phone_random[i].reason, *want = phone_random[i].e164;
        const char *expect = *reason == 'S'   ? "too short"
                             : *reason == 'L' ? "too long"
                             : *reason == 'C' ? "unknown country code"
                                              : NULL;
        char out[CRM__PHONE_SIZE];
        size_t at;
        int rc = crm__phone_parse(text, strlen(text), region, out, &why, &at);

        ck_assert_msg(rc == (*want ? CRM_OK : CRM_EVALUE) && strcmp(out, want) == 0,
                      "%s in %s: %s, not %s (%s)", text, region, out, want, why);
        ck_assert_msg(!expect || strcmp(why, expect) == 0, "%s in %s: %s", text, region, why);
        accepted += *want != 0;
    }
    ck_assert_uint_ge(accepted, COUNT(phone_random) / 8);
}

static const struct {
    const char *region, *text, *e164;
} usual[] = {
    {"CN", "138 0013 8000", "+8613800138000"},
    {"CN", "138-0013-8000", "+8613800138000"},
    {"cn", "13800138000", "+8613800138000"},
    {"CN", "86-13800138000", "+8613800138000"},
    {"CN", "8613800138000", "+8613800138000"},
    {"CN", "0086 138 0013 8000", "+8613800138000"},
    {"", "0086 138 0013 8000", "+8613800138000"},
    {"US", "+86 138 0013 8000", "+8613800138000"},
    {"US", "011 86 138 0013 8000", "+8613800138000"},
    {NULL, "+86 138 0013 8000", "+8613800138000"},
    {"CN", "(+86)138 0013 8000", "+8613800138000"},
    {"CN", "+86 (0)138 0013 8000", "+8613800138000"},
    {"CN", "+0086 13800138000", "+8613800138000"},
    {"CN", "+13800138000", "+13800138000"}, /* country code 1 */
    {"CN", "17951 138 0013 8000", "+8613800138000"},
    {"CN", "１３８－００１３－８０００", "+8613800138000"},
    {"CN", "＋８６　１３８　００１３　８０００", "+8613800138000"},
    {"CN", "\357\273\27713800138000", "+8613800138000"},
    {"CN", "\342\200\255138 0013 8000\342\200\254", "+8613800138000"},
    {"CN", "138\302\2400013\342\200\2578000", "+8613800138000"},
    {"CN", " 13800138000\r\n", "+8613800138000"},
    {"CN", "010-6552 9988", "+861065529988"},
    {"CN", "（010）65529988", "+861065529988"},
    {"CN", "(010)65529988", "+861065529988"},
    {"CN", "+86 10 6552 9988", "+861065529988"},
    {"CN", "+86-010-65529988", "+861065529988"},
    {"CN", "86-10-65529988", "+861065529988"},
    {"CN", "0755-8888 8888", "+8675588888888"},
    {"CN", "400-810-8888", "+864008108888"},
    {"CN", "021—6888—8888", "+862168888888"},
    {"CN", "154 0013 8000", "+8615400138000"}, /* a range younger than the metadata */
    {"HK", "2123 4567", "+85221234567"},
    {"TW", "02 2345 6789", "+886223456789"},
    {"TW", "0912-345-678", "+886912345678"},
    {"JP", "090-1234-5678", "+819012345678"},
    {"JP", "０３（３５７０）１２３４", "+81335701234"},
    {"JP", "010-86-13800138000", "+8613800138000"},
    {"KR", "02-312-3456", "+8223123456"},
    {"IN", "098765 43210", "+919876543210"},
    {"US", "(650) 253-0000", "+16502530000"},
    {"US", "1-650-253-0000", "+16502530000"},
    {"US", "650.253.0000", "+16502530000"},
    {"US", "6502530000", "+16502530000"},
    {"CA", "+1 (416) 555-0123", "+14165550123"},
    {"US", "+44 (0)20 7946 0958", "+442079460958"},
    {"US", "0044 (0)20 7946 0958", "+442079460958"},
    {"US", "0039 (0)6 6982 1234", "+390669821234"},
    {"GB", "020 7946 0958", "+442079460958"},
    {"GB", "+44 020 7946 0958", "+442079460958"},
    {"GB", "tel:+44-20-7946-0958", "+442079460958"},
    {"GB", "TEL: 020-7946-0958", "+442079460958"},
    {"", "tel:020-7946-0958;phone-context=+44", "+442079460958"},
    {"US", "tel:7946-0958;phone-context=+44-20", "+442079460958"},
    {"DE", "030/1234567", "+49301234567"},
    {"DE", "+49 [0] 30 / 123 45 67", "+49301234567"},
    {"FR", "01.42.68.53.00", "+33142685300"},
    {"IT", "06 6982 1234", "+390669821234"},
    {"IT", "+39 (06) 6982 1234", "+390669821234"},
    {"IT", "+39 (0)6 6982 1234", "+390669821234"},
    {"ES", "+34 (0)912 345 678", "+34912345678"},
    {"US", "+1 (0) 650 253 0000", "+16502530000"},
    {"CH", "044 668 18 00", "+41446681800"},
    {"RU", "8 (495) 123-45-67", "+74951234567"},
    {"RU", "+7 495 123–45–67", "+74951234567"},
    {"RU", "8~10 86 138 0013 8000", "+8613800138000"},
    {"KZ", "8 710 123 4567", "+77101234567"},
    {"HU", "06 1 234 5678", "+3612345678"},
    {"AR", "011 15 2345 6789", "+5491123456789"},
    {"AR", "0343 15 555 1212", "+5493435551212"},
    {"AR", "+54 9 343 555 1212", "+5493435551212"},
    {"MX", "55 1234 5678", "+525512345678"},
    {"BR", "0 15 11 96123 4567", "+5511961234567"},
    {"BR", "(11) 96123-4567", "+5511961234567"},
    {"BB", "234 5678", "+12462345678"},
    {"SM", "886377", "+3780549886377"},
    {"EG", "٠١٠٠١٢٣٤٥٦٧", "+201001234567"},
    {"IR", "۰۹۱۲۳۴۵۶۷۸۹", "+989123456789"},
    {"XX", "+800 1234 5678", "+80012345678"},
    {"", "+979 123 456 789", "+979123456789"},
};

CRM_TEST(test_base_phone__usual_writings)
{
    for (size_t i = 0; i < COUNT(usual); i++)
        check_number(usual[i].region, usual[i].text, usual[i].e164);
}

static const struct {
    const char *region, *text, *why;
    size_t at;
} refused[] = {
    {"CN", "", "empty", 0},
    {"CN", " \t-()", "empty", 0},
    {"CN", "tel:", "empty", 0},
    {"CN", "1380013", "too short", 0},
    {"CN", "1380013800", "too short", 0},
    {"CN", "+86 138 0013 800", "too short", 0},
    {"CN", "10086", "too short", 0},
    {"CN", "6552 9988", "too short", 0},
    {"CN", "88888888", "too short", 0},
    {"CN", "+", "too short", 0},
    {"CN", "5", "too short", 0},
    {"US", "555-1234", "too short", 0},
    {"US", "310-1234", "too short", 0},
    {"US", " +44 20 7946", "too short", 1},
    {"CN", "138001380000", "too long", 0},
    {"CN", "13800138000.0", "too long", 0},
    {"CN", "13800138000/13900139000", "too long", 0},
    {"US", "650 253 00000", "too long", 0},
    {"", "+49 30 1234567890123", "too long", 0},
    {"CN", "12345678901234567890123456789012345678901", "too long", 40},
    {"US", "123 456 7890", "not a number of this country", 0},
    {"US", "+1 111 111 1111", "not a number of this country", 0},
    {"CN", "+86 000 0000 0000", "not a number of this country", 0},
    {"", "138 0013 8000", "no country code and no default region", 0},
    {NULL, "8613800138000", "no country code and no default region", 0},
    {"ZZ", "13800138000", "no country code and no default region", 0},
    {"CN", "+999 123 456 789", "unknown country code", 0},
    {"", "+0 138 0013 8000", "unknown country code", 0},
    {"CN", "0099 9123 456 789", "unknown country code", 0},
    {"CN", "张伟", "unexpected character", 0},
    {"CN", "手机：13800138000", "unexpected character", 0},
    {"CN", "13800138000 张伟", "unexpected character", 12},
    {"CN", "13800138000,13900139000", "unexpected character", 11},
    {"CN", "13800138000;13900139000", "unexpected character", 11},
    {"CN", "1.38E+10", "unexpected character", 4},
    {"CN", "+86+13800138000", "unexpected character", 3},
    {"CN", "++8613800138000", "unexpected character", 1},
    {"CN", "138*0013*8000", "unexpected character", 3},
    {"CN", "010-65529988~89", "unexpected character", 12},
    {"CN", "#31#13800138000", "unexpected character", 0},
    {"US", "1-800-FLOWERS", "unexpected character", 6},
    {"US", "650-253-0000 x", "unexpected character", 13},
    {"US", "+1 650 253 0000;foo=1", "unexpected character", 15},
    {"US", "tel:+1-650-253-0000;foo=1", "unexpected character", 19},
    {"US", "tel:253-0000;phone-context=example.com", "unexpected character", 27},
    {"US", "tel:253-0000;phone-context=650", "unexpected character", 30},
    {"US", "tel:+12530000;phone-context=+1650", "unexpected character", 13},
    {"CN", "138\37700138000", "unexpected character", 3},
    {"CN", "13800138000\xe8\xbd", "unexpected character", 11},
    {"CN", "138\300\2600138000", "unexpected character", 3},
    {"US", "650-253-0000 ext. 5", "extension is not part of a phone number", 13},
    {"US", "650-253-0000x5", "extension is not part of a phone number", 12},
    {"US", "650-253-0000 EXTENSION: 502", "extension is not part of a phone number", 13},
    {"US", "650-253-0000 #123", "extension is not part of a phone number", 13},
    {"US", "650-253-0000 - 503#", "extension is not part of a phone number", 18},
    {"US", "650-253-0000,,502", "extension is not part of a phone number", 12},
    {"US", "tel:+1-650-253-0000;ext=5", "extension is not part of a phone number", 19},
    {"US", "+16502530000;ext=5", "extension is not part of a phone number", 12},
    {"US", "tel:+16502530000;isub=12345", "extension is not part of a phone number", 16},
    {"CN", "010-65529988转801", "extension is not part of a phone number", 12},
    {"CN", "010-65529988 转 801", "extension is not part of a phone number", 13},
    {"CN", "010-65529988轉８０１", "extension is not part of a phone number", 12},
    {"CN", "010-65529988 分机：801", "extension is not part of a phone number", 13},
    {"CN", "010-65529988-ｅｘｔ801", "extension is not part of a phone number", 13},
    {"RU", "8 495 123-45-67 ДОБ. 12", "extension is not part of a phone number", 16},
};

CRM_TEST(test_base_phone__refusals_say_why_and_where)
{
    for (size_t i = 0; i < COUNT(refused); i++) {
        char out[CRM__PHONE_SIZE] = "?";
        const char *why = "";
        size_t at = 999;
        int rc = crm__phone_parse(refused[i].text, strlen(refused[i].text), refused[i].region, out,
                                  &why, &at);

        ck_assert_msg(rc == CRM_EVALUE && strcmp(why, refused[i].why) == 0 && at == refused[i].at,
                      "%s in %s: %s at %zu, not %s at %zu (%s)", refused[i].text, refused[i].region,
                      why, at, refused[i].why, refused[i].at, out);
        ck_assert_str_eq(out, "");
    }
}

CRM_TEST(test_base_phone__optional_arguments_and_bounds)
{
    char out[CRM__PHONE_SIZE], text[252];
    const char *why = NULL;
    size_t at = 0;

    ck_assert_int_eq(crm__phone_parse(NULL, 0, "CN", out, NULL, NULL), CRM_EVALUE);
    ck_assert_int_eq(crm__phone_parse("138\00000138000", 12, "CN", out, &why, &at), CRM_EVALUE);
    ck_assert_str_eq(why, "unexpected character");
    ck_assert_uint_eq(at, 3);
    memset(text, ' ', sizeof text);
    memcpy(text + 100, "13800138000", 11);
    ck_assert_int_eq(crm__phone_parse(text, 250, "CN", out, &why, &at), CRM_OK);
    ck_assert_str_eq(out, "+8613800138000");
    ck_assert_int_eq(crm__phone_parse(text, 251, "CN", out, &why, &at), CRM_EVALUE);
    ck_assert_str_eq(why, "too long");
    ck_assert_int_eq(crm__phone_region_known("CN"), 1);
    ck_assert_int_eq(crm__phone_region_known("gb"), 1);
    ck_assert_int_eq(crm__phone_region_known("XK"), 1);
    ck_assert_int_eq(crm__phone_region_known("UK"), 0);
    ck_assert_int_eq(crm__phone_region_known("CHN"), 0);
    ck_assert_int_eq(crm__phone_region_known("C"), 0);
    ck_assert_int_eq(crm__phone_region_known(""), 0);
    ck_assert_int_eq(crm__phone_region_known(NULL), 0);
    ck_assert_int_eq(crm__phone_region_known("\xe5\xbc"), 0);
}

/* Any answer is "+" and 3 to 15 digits, and reads back as itself in any region. */
static void check_answer(const char *text, size_t n, const char *region)
{
    char out[CRM__PHONE_SIZE], again[CRM__PHONE_SIZE];
    const char *why = NULL;
    size_t at = 0;

    memset(out, 'x', sizeof out);
    if (crm__phone_parse(text, n, region, out, &why, &at) != CRM_OK) {
        ck_assert_int_eq(out[0], 0);
        ck_assert_ptr_nonnull(why);
        ck_assert_uint_le(at, n);
        return;
    }
    ck_assert_ptr_nonnull(memchr(out, 0, sizeof out));
    ck_assert_int_eq(out[0], '+');
    ck_assert_uint_eq(strspn(out + 1, "0123456789"), strlen(out + 1));
    ck_assert_uint_ge(strlen(out), 4);
    ck_assert_uint_le(strlen(out), 16);
    ck_assert_int_eq(crm__phone_parse(out, strlen(out), "US", again, &why, &at), CRM_OK);
    ck_assert_str_eq(again, out);
}

CRM_TEST(test_base_phone__garbage_never_breaks_anything)
{
    static const char *const pieces[] = {
        "+",  "00",       "86",          "(0)",  " ",
        "１", "－",       "x",           "ext",  "转",
        "~",  ";",        ",",           "tel:", ";phone-context=+",
        "0",  "8",        "#",           "\xe8", "\xff",
        "1",  "\xe2\x80", "13800138000", "15"};
    uint64_t seed = crmtest_seed();

    for (size_t i = crmtest_rounds(60000, 2000000); i > 0; i--) {
        char text[300], region[3] = "";
        size_t n = 0, parts = crmtest_below(&seed, 24);

        region[0] = (char)('A' + crmtest_below(&seed, 26));
        region[1] = (char)('A' + crmtest_below(&seed, 26));
        while (parts-- > 0) {
            uint64_t what = crmtest_below(&seed, 4);
            const char *piece = pieces[crmtest_below(&seed, COUNT(pieces))];

            if (what == 0) {
                text[n++] = (char)crmtest_below(&seed, 256);
            } else if (what == 1) {
                memcpy(text + n, piece, strlen(piece));
                n += strlen(piece);
            } else {
                text[n++] = (char)('0' + crmtest_below(&seed, 10));
            }
            if (n > sizeof text - 20)
                break;
        }
        /* An exact copy, so that the address sanitizer sees a read past the end. */
        char *copy = malloc(n + 1);

        ck_assert_ptr_nonnull(copy);
        memcpy(copy + 1, text, n);
        check_answer(copy + 1, n, crmtest_below(&seed, 8) ? region : "");
        free(copy);
    }
}

CRM_TEST(test_base_phone__a_separator_anywhere_changes_nothing)
{
    static const char *const marks[] = {" ", "-", ".", "/", "　", "－", "–", "\342\200\213", "·"};
    uint64_t seed = crmtest_seed();

    for (size_t i = 0; i < COUNT(phone_random); i++) {
        const char *plain = phone_random[i].text, *region = phone_random[i].region;
        char text[200], a[CRM__PHONE_SIZE], b[CRM__PHONE_SIZE];
        size_t n = 0;

        for (const char *p = plain; *p; p++) {
            const char *mark = marks[crmtest_below(&seed, COUNT(marks))];

            text[n++] = *p;
            if (crmtest_below(&seed, 3) == 0) {
                memcpy(text + n, mark, strlen(mark));
                n += strlen(mark);
            }
        }
        ck_assert_int_eq(crm__phone_parse(plain, strlen(plain), region, a, NULL, NULL),
                         crm__phone_parse(text, n, region, b, NULL, NULL));
        ck_assert_str_eq(a, b);
    }
}

/* The parser relies on it: indices in range, state 0 dead, the others alive and without cycle. */
CRM_TEST(test_base_phone__tables_are_consistent)
{
    unsigned codes = 0, states = 0;

    for (unsigned i = 0; i < 1000; i++)
        if (crm__phone_code_index[i]) {
            const crm__phone_code *code = &crm__phone_codes[crm__phone_code_index[i]];

            ck_assert_uint_eq(code->code, i);
            ck_assert_uint_eq(crm__phone_plans[code->plan].code, i);
            ck_assert_uint_ne(code->valid, 0);
            states = code->valid > states ? code->valid : states;
            codes++;
        }
    ck_assert_uint_eq(codes, 215);
    for (unsigned d = 0; d < 10; d++)
        ck_assert_uint_eq(crm__phone_states[0].next[d], 0);
    ck_assert_uint_eq(crm__phone_states[0].out, 0);
    for (unsigned s = 1; s <= states; s++) {
        unsigned alive = crm__phone_states[s].out;

        for (unsigned d = 0; d < 10; d++) {
            ck_assert_uint_lt(crm__phone_states[s].next[d], s);
            alive |= crm__phone_states[s].next[d];
        }
        ck_assert_uint_ne(alive, 0);
    }
}
