/* SPDX-License-Identifier: MIT */
#include "base/time.h"
#include "codec/value.h"
#include "crmtest.h"

#include <stdlib.h>
#include <string.h>

static int64_t any_int64(uint64_t *seed)
{
    return (int64_t)(crmtest_rand(seed) >> crmtest_below(seed, 64)) *
           (crmtest_below(seed, 2) ? 1 : -1);
}

static void random_decimal(uint64_t *seed, crm__decimal *d)
{
    static const int64_t limit = 999999999999999999;

    d->mantissa = any_int64(seed) % (limit + 1);
    d->scale = (uint8_t)crmtest_below(seed, 13);
}

/* A value of any type that can be stored; text in room. */
static crm__value random_value(uint64_t *seed, char room[32])
{
    crm__value v;

    memset(&v, 0, sizeof v);
    v.type = (uint8_t)(1 + crmtest_below(seed, 15));
    v.source = (uint32_t)crmtest_rand(seed) | 1;
    switch (v.type) {
    case CRM_TYPE_INTEGER:
        v.integer = any_int64(seed);
        break;
    case CRM_TYPE_DATETIME:
        v.integer = any_int64(seed) % CRM__TIME_MIN;
        break;
    case CRM_TYPE_MONEY:
        memcpy(v.currency, "CNY", 4);
        /* fall through */
    case CRM_TYPE_DECIMAL:
        random_decimal(seed, &v.decimal);
        break;
    case CRM_TYPE_DATE:
        v.integer = crm__date_pack((int32_t)(1 + crmtest_below(seed, 9999)),
                                   (unsigned)(1 + crmtest_below(seed, 12)),
                                   (unsigned)crmtest_below(seed, 29));
        break;
    case CRM_TYPE_BOOLEAN:
        v.integer = (int64_t)crmtest_below(seed, 2);
        break;
    case CRM_TYPE_ENUM:
        v.integer = (int64_t)(1 + crmtest_below(seed, UINT32_MAX));
        break;
    case CRM_TYPE_CUSTOMER:
        v.integer = (int64_t)(crmtest_rand(seed) | 1);
        break;
    default:
        v.text.n = v.type == CRM_TYPE_COUNTRY ? 2 : 1 + (size_t)crmtest_below(seed, 30);
        for (size_t i = 0; i < v.text.n; i++)
            room[i] = (char)('A' + crmtest_below(seed, 26));
        v.text.p = (const uint8_t *)room;
    }
    return v;
}

static void check_same(const crm__value *a, const crm__value *b, int scoped)
{
    ck_assert_uint_eq(a->type, b->type);
    ck_assert_uint_eq(b->source, scoped ? a->source : 0);
    ck_assert_int_eq(a->integer, b->integer);
    ck_assert_int_eq(a->decimal.mantissa, b->decimal.mantissa);
    ck_assert_uint_eq(a->decimal.scale, b->decimal.scale);
    ck_assert_str_eq(a->currency, b->currency);
    ck_assert_uint_eq(a->text.n, b->text.n);
    if (a->text.n)
        ck_assert_int_eq(memcmp(a->text.p, b->text.p, a->text.n), 0);
}

CRM_TEST(test_codec_value__every_type_comes_back_and_no_part_of_it_does)
{
    uint64_t seed = crmtest_seed();

    for (size_t round = 0; round < crmtest_rounds(20000, 400000); round++) {
        char room[32];
        crm__value v = random_value(&seed, room), back;
        int scoped = (int)crmtest_below(&seed, 2);
        crm__buf b;
        size_t cut;
        crm__buf_init(&b, NULL);
        crm__value_encode(&b, &v, scoped);
        ck_assert_int_eq(crm__value_decode(v.type, scoped, (crm__slice){b.p, b.n}, &back), CRM_OK);
        check_same(&v, &back, scoped);
        /* Cut or lengthened it is another value or none, never one that reads past its end. */
        cut = (size_t)crmtest_below(&seed, b.n);
        if (crm__value_decode(v.type, scoped, (crm__slice){b.p, cut}, &back) == CRM_OK)
            ck_assert(v.type != CRM_TYPE_MONEY && v.type != CRM_TYPE_DATE &&
                      v.type != CRM_TYPE_COUNTRY);
        crm__buf_add_u8(&b, 0x80);
        ck_assert_int_eq(crm__value_decode(v.type, scoped, (crm__slice){b.p, b.n}, &back),
                         CRM_ECORRUPT);
        crm__buf_clear(&b);
    }
}

/* Whatever decodes encodes to the same bytes: there is one form of each value. */
CRM_TEST(test_codec_value__random_bytes_decode_to_what_encodes_to_them)
{
    uint64_t seed = crmtest_seed() + 1;
    size_t fine = 0;

    for (size_t round = 0; round < crmtest_rounds(200000, 2000000); round++) {
        size_t n = (size_t)crmtest_below(&seed, 14);
        /* On the heap, so that a read past the end is seen. */
        uint8_t *p = malloc(n + 1);
        uint8_t type = (uint8_t)crmtest_below(&seed, 18);
        int scoped = (int)crmtest_below(&seed, 2);
        crm__value v;
        crm__buf b;
        uint8_t *exact = malloc(n ? n : 1);
        for (size_t i = 0; i < n; i++)
            p[i] =
                (uint8_t)(crmtest_below(&seed, 3) ? crmtest_below(&seed, 16) : crmtest_rand(&seed));
        if (n > 3 && type == CRM_TYPE_MONEY)
            memcpy(p + scoped, "USD", 3);
        memcpy(exact, p, n);
        if (crm__value_decode(type, scoped, (crm__slice){exact, n}, &v) == CRM_OK) {
            fine++;
            crm__buf_init(&b, NULL);
            crm__value_encode(&b, &v, scoped);
            ck_assert_uint_eq(b.n, n);
            ck_assert_int_eq(memcmp(b.p, p, n), 0);
            crm__buf_clear(&b);
        }
        free(exact);
        free(p);
    }
    ck_assert_uint_gt(fine, 100);
}

static void refuse(uint8_t type, int scoped, const char *bytes, size_t n)
{
    crm__value v;

    ck_assert_msg(crm__value_decode(type, scoped, (crm__slice){(const uint8_t *)bytes, n}, &v) ==
                      CRM_ECORRUPT,
                  "type %d, %zu bytes", type, n);
}

CRM_TEST(test_codec_value__refuses_bytes_that_are_no_value)
{
    refuse(CRM_TYPE_TEXT, 0, "", 0);
    refuse(CRM_TYPE_TEXT, 0, "a\xff", 2);
    refuse(CRM_TYPE_TEXT, 1, "\0a", 2); /* source 0 */
    refuse(CRM_TYPE_TEXT, 1,
           "\xff\xff\xff\xff\x1f"
           "a",
           6);                           /* source above 32 bits */
    refuse(CRM_TYPE_TEXT, 1, "\x05", 1); /* nothing behind the source */
    refuse(CRM_TYPE_COUNTRY, 0, "cn", 2);
    refuse(CRM_TYPE_COUNTRY, 0, "CHN", 3);
    refuse(CRM_TYPE_INTEGER, 0, "", 0);
    refuse(CRM_TYPE_INTEGER, 0, "\x80\x00", 2); /* overlong */
    refuse(CRM_TYPE_INTEGER, 0, "\x01\x01", 2);
    refuse(CRM_TYPE_DECIMAL, 0, "\x0d\x02", 2); /* scale 13 */
    refuse(CRM_TYPE_DECIMAL, 0, "\x02", 1);
    refuse(CRM_TYPE_DECIMAL, 0, "\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11); /* 10^18 < */
    refuse(CRM_TYPE_MONEY, 0, "CNy\x02\x02", 5);
    refuse(CRM_TYPE_MONEY, 0, "CN", 2);
    refuse(CRM_TYPE_DATE, 0, "\x00", 1);
    refuse(CRM_TYPE_DATE, 0, "\xff\xff\xff\xff\x0f", 5);
    refuse(CRM_TYPE_BOOLEAN, 0, "\x02", 1);
    refuse(CRM_TYPE_BOOLEAN, 0, "\x01\x01", 2);
    refuse(CRM_TYPE_ENUM, 0, "\x00", 1);
    refuse(CRM_TYPE_ENUM, 0, "\x80\x80\x80\x80\x10", 5); /* 2^32 */
    refuse(CRM_TYPE_CUSTOMER, 0, "\x00", 1);
    refuse(CRM_TYPE_DATETIME, 0, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10);
    refuse(0, 0, "a", 1);
    refuse(16, 0, "a", 1);
}

CRM_TEST(test_codec_value__forms_are_those_of_the_header)
{
    crm__value v;
    crm__buf b;

    memset(&v, 0, sizeof v);
    crm__buf_init(&b, NULL);
    v.type = CRM_TYPE_MONEY;
    memcpy(v.currency, "CNY", 4);
    v.decimal.mantissa = -1250;
    v.decimal.scale = 2;
    crm__value_encode(&b, &v, 0);
    ck_assert_uint_eq(b.n, 6);
    ck_assert_int_eq(memcmp(b.p, "CNY\x02\xc3\x13", 6), 0);
    b.n = 0;
    v.type = CRM_TYPE_DATE;
    v.integer = 2026 * 512 + 11 * 32 + 22;
    crm__value_encode(&b, &v, 0);
    ck_assert_int_eq(memcmp(b.p, "\xf6\xaa\x3f", 3), 0);
    b.n = 0;
    v.type = CRM_TYPE_TEXT;
    v.source = 300;
    v.text.p = (const uint8_t *)"ab";
    v.text.n = 2;
    crm__value_encode(&b, &v, 1);
    ck_assert_uint_eq(b.n, 4);
    ck_assert_int_eq(memcmp(b.p,
                            "\xac\x02"
                            "ab",
                            4),
                     0);
    crm__buf_clear(&b);
}

CRM_TEST(test_codec_value__lists_give_their_items_and_refuse_damage)
{
    crm__slice item, list;
    size_t pos = 0;
    crm__buf b;
    char big[300];

    memset(big, 'x', sizeof big);
    crm__buf_init(&b, NULL);
    ck_assert_int_eq(crm__list_next((crm__slice){NULL, 0}, &pos, &item), CRM_DONE);
    crm__list_add(&b, (crm__slice){(const uint8_t *)"one", 3});
    crm__list_add(&b, (crm__slice){(const uint8_t *)big, sizeof big});
    crm__list_add(&b, (crm__slice){NULL, 0});
    list.p = b.p;
    list.n = b.n;
    ck_assert_int_eq(crm__list_next(list, &pos, &item), CRM_OK);
    ck_assert_uint_eq(item.n, 3);
    ck_assert_int_eq(memcmp(item.p, "one", 3), 0);
    ck_assert_int_eq(crm__list_next(list, &pos, &item), CRM_OK);
    ck_assert_uint_eq(item.n, 300);
    ck_assert_int_eq(crm__list_next(list, &pos, &item), CRM_OK);
    ck_assert_uint_eq(item.n, 0);
    ck_assert_int_eq(crm__list_next(list, &pos, &item), CRM_DONE);
    ck_assert_int_eq(crm__list_next(list, &pos, &item), CRM_DONE);
    pos = b.n + 1;
    ck_assert_int_eq(crm__list_next(list, &pos, &item), CRM_ECORRUPT);
    pos = 0;
    list.n = 3; /* length 3, two bytes left */
    ck_assert_int_eq(crm__list_next(list, &pos, &item), CRM_ECORRUPT);
    pos = 0;
    list.p = (const uint8_t *)"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
    list.n = 10;
    ck_assert_int_eq(crm__list_next(list, &pos, &item), CRM_ECORRUPT);
    pos = 0;
    list.p = (const uint8_t *)"\x80";
    list.n = 1;
    ck_assert_int_eq(crm__list_next(list, &pos, &item), CRM_ECORRUPT);
    crm__buf_clear(&b);
}
