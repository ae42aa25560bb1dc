/* SPDX-License-Identifier: MIT
 * Rows as customers: pieces of names and addresses, several values, what spreadsheets did to
 * values, dates of either order, every fault of a row.
 */
#include "mapping.h"

/* One cell of one column for a field; the value it gives, "" when none, "!" on a fault. */
static const char *one(mapping_world *w, const char *header, const char *field, const char *cell)
{
    int rc;

    OK(world_map(w, CRM__MAP_CUSTOMERS, NULL, NULL, header));
    rc = world_customer(w, cell, NULL);
    ck_assert_int_eq(rc, w->count ? CRM_EVALUE : CRM_OK);
    return w->count ? "!" : world_value(w, field, 0);
}

#define IS(header, field, cell, want) ck_assert_str_eq(one(&w, header, field, cell), want)

CRM_TEST(test_io_mapping__names_are_put_together)
{
    static const char *const ROWS[][2] = {
        {"Li|Na", "Li Na"},           {"娜|李", "李娜"},         {"|李", "李"},
        {"Lily|王", "Lily 王"},       {"太郎|山田", "山田太郎"}, {"John|", "John"},
        {"  Ann |  Lee ", "Ann Lee"}, {"娜|欧阳", "欧阳娜"},
    };
    mapping_world w;

    world_open(&w, NULL);
    OK(world_map(&w, CRM__MAP_CUSTOMERS, NULL, NULL, "Given Name|Family Name"));
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        OK(world_customer(&w, ROWS[i][0], NULL));
        ck_assert_str_eq(world_value(&w, "name", 0), ROWS[i][1]);
    }
    OK(world_customer(&w, "|", NULL));
    ck_assert_uint_eq(world_values(&w, "name"), 0);
    OK(world_map(&w, CRM__MAP_CUSTOMERS, NULL, NULL,
                 "First Name|Middle Name|Last Name|Suffix|Name|Nickname"));
    OK(world_customer(&w, "John|Q|Public|Jr.||Johnny", NULL));
    ck_assert_str_eq(world_value(&w, "name", 0), "John Q Public Jr.");
    OK(world_customer(&w, "John|Q|Public|Jr.|Whole Name|Johnny", NULL));
    ck_assert_str_eq(world_value(&w, "name", 0), "Whole Name");
    OK(world_customer(&w, "|||||Johnny", NULL));
    ck_assert_str_eq(world_value(&w, "name", 0), "Johnny");
    world_close(&w);
}

CRM_TEST(test_io_mapping__lines_of_an_address)
{
    mapping_world w;

    world_open(&w, NULL);
    OK(world_map(&w, CRM__MAP_CUSTOMERS, NULL, NULL,
                 "Business Street|Business Street 2|Business City|Home Street"));
    OK(world_customer(&w, "1 High St|Floor 2|London|elsewhere", NULL));
    ck_assert_str_eq(world_value(&w, "address", 0), "1 High St, Floor 2");
    ck_assert_str_eq(world_value(&w, "city", 0), "London");
    OK(world_map(&w, CRM__MAP_CUSTOMERS, NULL, NULL,
                 "Address 1 - Formatted|Address 1 - Street|Address 2 - Street"));
    OK(world_customer(&w, "all of it||x", NULL));
    ck_assert_str_eq(world_value(&w, "address", 0), "all of it");
    OK(world_customer(&w, "all of it|street|x", NULL));
    ck_assert_str_eq(world_value(&w, "address", 0), "street");
    world_close(&w);
}

CRM_TEST(test_io_mapping__several_values)
{
    mapping_world w;

    world_open(&w, NULL);
    OK(world_map(&w, CRM__MAP_CUSTOMERS, NULL, NULL, "姓名|手机|电话1|Phone 1 - Value|邮箱|微信"));
    OK(world_customer(&w,
                      "张伟|138 0013 8000|13800138000|+86 13900139000 ::: 13700137000|"
                      "a@x.com;b@x.com, a@X.com|wei、伟",
                      NULL));
    ck_assert_uint_eq(world_values(&w, "phone"), 3);
    ck_assert_str_eq(world_value(&w, "phone", 0), "+8613800138000");
    ck_assert_str_eq(world_value(&w, "phone", 1), "+8613900139000");
    ck_assert_str_eq(world_value(&w, "phone", 2), "+8613700137000");
    ck_assert_str_eq(world_value(&w, "email", 1), "b@x.com");
    ck_assert_uint_eq(world_values(&w, "email"), 2);
    ck_assert_uint_eq(world_values(&w, "wechat"), 2);
    OK(world_customer(&w, "张伟|13800138000/13900139000，13700137000||010-62345678||", NULL));
    ck_assert_uint_eq(world_values(&w, "phone"), 4);
    OK(world_customer(&w, "张伟|;；、||13800138000;||", NULL));
    ck_assert_uint_eq(world_values(&w, "phone"), 1);
    ck_assert_uint_eq(world_values(&w, "email"), 0);
    /* A fault of one value is of that value: the others are looked at. */
    ck_assert_int_eq(world_customer(&w, "张伟|138001;139001|||x;y|", NULL), CRM_EVALUE);
    ck_assert_int_eq(w.count, 4);
    world_close(&w);
}

CRM_TEST(test_io_mapping__slashes_inside_a_number_are_no_marks)
{
    mapping_world w;

    world_open(&w, NULL);
    IS("电话", "phone", "+49 30/1234567", "+49301234567");
    IS("电话", "phone", "tel:+86-138-0013-8000", "+8613800138000");
    world_close(&w);
}

CRM_TEST(test_io_mapping__what_spreadsheets_do)
{
    mapping_world w;

    world_open(&w, NULL);
    IS("手机", "phone", "\xc2\xa0 13800138000\xe2\x80\xac", "+8613800138000");
    IS("手机", "phone", "'13800138000", "+8613800138000");
    IS("手机", "phone", "13800138000.0", "+8613800138000");
    IS("手机", "phone", "１３８００１３８０００", "+8613800138000");
    IS("手机", "phone", "1.38E+10", "!");
    ck_assert_ptr_nonnull(strstr(w.faults[0].hint, "as text"));
    IS("外部编号", "external", "6.22E+18", "!");
    IS("外部编号", "external", "1E5", "1E5");
    IS("QQ", "qq", "１２３４５６", "123456");
    IS("邮箱", "email", "ｌｉ＠ｘ．ｃｏｍ", "li@x.com");
    IS("邮箱", "email", "Li Na <li@x.com>", "li@x.com");
    IS("邮箱", "email", "mailto:li@x.com", "li@x.com");
    IS("姓名", "name", "'Twas", "'Twas");
    IS("姓名", "name", "'=1+1", "=1+1");
    IS("VIP", "vip", "√", "true");
    IS("VIP", "vip", "是", "true");
    IS("VIP", "vip", "N", "false");
    IS("VIP", "vip", "无", "false");
    IS("VIP", "vip", "maybe", "!");
    IS("授信额度", "credit_limit", "￥1,234.50", "1234.50 CNY");
    IS("授信额度", "credit_limit", "1234.5", "1234.5 CNY");
    IS("Credit limit (USD)", "credit_limit", "1,234.50", "1234.50 USD");
    IS("授信额度（美元）", "credit_limit", "12 CNY", "12 CNY");
    IS("分数", "score", "1,000", "1000");
    IS("分数", "score", "12.0", "12");
    IS("性别", "gender", "女士", "female");
    IS("性别", "gender", "X", "!");
    ck_assert_str_eq(w.faults[0].hint, "one of female, male, other");
    ck_assert_str_eq(w.faults[0].field, "gender");
    world_close(&w);
}

CRM_TEST(test_io_mapping__words_for_nothing)
{
    static const char *const WORDS[] = {"N/A",  "n/a",  "-", "无", "null",
                                        "NULL", "None", "—", " ",  ""};
    mapping_world w;

    world_open(&w, NULL);
    for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++) {
        IS("手机", "phone", WORDS[i], "");
        IS("微信", "wechat", WORDS[i], "");
        IS("生日", "birth_date", WORDS[i], "");
        IS("性别", "gender", WORDS[i], "");
    }
    IS("备注", "notes", "无", "无");
    IS("备注", "notes", "N/A", "N/A");
    IS("国家", "country", "NA", "NA");
    world_close(&w);
}

CRM_TEST(test_io_mapping__dates)
{
    static const char *const SAME[] = {"2024-05-31",
                                       "2024/5/31",
                                       "2024.5.31",
                                       "2024年5月31日",
                                       "20240531",
                                       "31.05.2024",
                                       "31.5.2024 00:00",
                                       "2024-05-31T00:00:00",
                                       "2024/5/31 3:45 PM",
                                       "2024-05-31 09:30:15",
                                       "31/05/2024",
                                       "5/31/2024",
                                       "5/31/2024 9:30 AM",
                                       "31 May 2024",
                                       "May 31, 2024",
                                       "31-may-2024",
                                       "2024-05-31T10:22:01.000Z",
                                       "2024/5/31 下午 3:45"};
    mapping_world w;

    world_open(&w, NULL);
    for (size_t i = 0; i < sizeof SAME / sizeof SAME[0]; i++)
        ck_assert_msg(!strcmp(one(&w, "生日", "birth_date", SAME[i]), "2024-05-31"), "%s: %s %s",
                      SAME[i], world_value(&w, "birth_date", 0), w.count ? w.faults[0].what : "");
    IS("生日", "birth_date", "1990", "1990");
    IS("生日", "birth_date", "1990-05", "1990-05");
    IS("生日", "birth_date", "3/3/2024", "2024-03-03");
    IS("生日", "birth_date", "3/4/2024", "!");
    ck_assert_ptr_nonnull(strstr(w.faults[0].hint, "date: dmy"));
    IS("生日", "birth_date", "3/4/24", "!");
    ck_assert_ptr_nonnull(strstr(w.faults[0].what, "two digits"));
    IS("生日", "birth_date", "31/31/2024", "!");
    IS("生日", "birth_date", "32.01.2024", "!");
    IS("生日", "birth_date", "45321", "!");
    IS("最近联系", "last_contact", "5/31/2024 3:45:10 PM", "2024-05-31T15:45:10Z");
    IS("最近联系", "last_contact", "12:30 AM", "!");
    IS("最近联系", "last_contact", "2024/5/31 12:05 am", "2024-05-31T00:05:00Z");
    IS("最近联系", "last_contact", "2024-05-31 12:05:01 +0800", "2024-05-31T04:05:01Z");
    IS("最近联系", "last_contact", "31.05.2024", "2024-05-31T00:00:00Z");
    world_close(&w);
}

CRM_TEST(test_io_mapping__the_order_of_a_date_is_the_columns)
{
    mapping_world w;

    world_open(&w, NULL);
    OK(world_map(&w, CRM__MAP_CUSTOMERS, NULL, NULL, "Birthday|First contact"));
    world_row(&w, "03/04/2024|03/04/2024");
    crm__mapping_sample(w.m, &w.row);
    ck_assert_int_eq(world_customer(&w, "03/04/2024|03/04/2024", NULL), CRM_EVALUE);
    ck_assert_int_eq(w.count, 2);
    world_row(&w, "25/12/2023|12/25/2023");
    crm__mapping_sample(w.m, &w.row);
    OK(world_customer(&w, "03/04/2024|03/04/2024", NULL));
    ck_assert_str_eq(world_value(&w, "birth_date", 0), "2024-04-03");
    ck_assert_str_eq(world_value(&w, "first_contact", 0), "2024-03-04");
    /* A row against the others. */
    ck_assert_int_eq(world_customer(&w, "12/25/2023|", NULL), CRM_EVALUE);
    ck_assert_ptr_nonnull(strstr(w.faults[0].what, "day comes first"));
    /* The others disagree: none is believed. */
    world_row(&w, "12/25/2023|");
    crm__mapping_sample(w.m, &w.row);
    ck_assert_int_eq(world_customer(&w, "03/04/2024|", NULL), CRM_EVALUE);
    OK(world_map(&w, CRM__MAP_CUSTOMERS,
                 "columns:\n  Birthday: {field: birth_date, date: mdy}\n"
                 "  First contact: {field: first_contact, date: ymd}\n",
                 NULL, "Birthday|First contact"));
    OK(world_customer(&w, "03/04/2024|2024/4/3", NULL));
    ck_assert_str_eq(world_value(&w, "birth_date", 0), "2024-03-04");
    ck_assert_int_eq(world_customer(&w, "13/04/2024|3/3/2024", NULL), CRM_EVALUE);
    ck_assert_int_eq(w.count, 2);
    world_close(&w);
}

/* What a column says whose samples are these, apart by "|" in columns: the limit of the last row.
 */
static const char *limit(mapping_world *w, const char *rule, const char *const *samples,
                         const char *cells)
{
    char text[200];

    snprintf(text, sizeof text, "columns:\n  A: {field: credit_limit%s%s}\n  B: {field: score}\n",
             rule ? ", decimal: " : "", rule ? rule : "");
    OK(world_map(w, CRM__MAP_CUSTOMERS, text, NULL, "A|B"));
    for (; *samples; samples++) {
        world_row(w, *samples);
        crm__mapping_sample(w->m, &w->row);
    }
    return world_customer(w, cells, NULL) ? "!" : world_value(w, "credit_limit", 0);
}

CRM_TEST(test_io_mapping__decimal_commas_are_the_columns)
{
    static const char *const
        NONE[] = {NULL},
        *const COMMA[] = {"1.234,50|", "7|", NULL}, *const POINT[] = {"12.5|", "1,234|", NULL},
        *const BOTH[] = {"12,5|", "12.5|", NULL}, *const BESIDE[] = {"1.234|0,5", NULL},
        *const PLAIN[] = {"1234|", "1'234|", "1.234|", "1,234|", "x1,2,3|", "|", "1 234|", NULL};
    static const struct {
        const char *const *samples;
        const char *cell, *want;
    } CASES[] = {
        {NONE, "1,234.50", "1234.50 CNY"},
        {NONE, "1.234", "1.234 CNY"},
        {NONE, "1.234,50", "!"},
        {NONE, "12,5", "!"},
        {NONE, "1 234.50", "1234.50 CNY"},
        {NONE,
         "1\xc2\xa0"
         "234\xe2\x80\xaf"
         "567.5 USD",
         "1234567.5 USD"},
        {NONE, "12 34", "!"},
        {PLAIN, "1.234", "1.234 CNY"},
        {PLAIN, "1,234", "1234 CNY"},
        {COMMA, "1.234", "1234 CNY"},
        {COMMA, "1,234", "1.234 CNY"},
        {COMMA, "1.234,50", "1234.50 CNY"},
        {COMMA, "1 234,50", "1234.50 CNY"},
        {COMMA, "1'234,50", "1234.50 CNY"},
        {COMMA, "1.234.567", "1234567 CNY"},
        {COMMA, "-1.234,5 EUR", "-1234.5 EUR"},
        {COMMA, "(1.234,5)", "-1234.5 CNY"},
        {COMMA, "€1.234,50", "1234.50 EUR"},
        {COMMA, "0,125", "0.125 CNY"},
        {COMMA, "12.5", "12.5 CNY"}, /* has but one meaning */
        {COMMA, "1.23,5", "!"},
        {COMMA, "1,2,3", "!"},
        {COMMA, "1234", "1234 CNY"},
        {POINT, "1.234", "1.234 CNY"},
        {POINT, "1,234", "1234 CNY"},
        {POINT, "12,5", "!"},
        {BOTH, "1.234", "!"},
        {BOTH, "1,234", "!"},
        {BOTH, "12,5", "12.5 CNY"},
        {BOTH, "12.5", "12.5 CNY"},
        {BESIDE, "1.234", "!"},
        {BESIDE, "12.5", "12.5 CNY"},
        {BESIDE, "1234", "1234 CNY"},
    };
    mapping_world w;
    crm__buf out;

    world_open(&w, "crm: 1\nname: m\ncurrency: CNY\nfields:\n  name: {type: text}\n"
                   "  credit_limit: {type: money}\n  score: {type: integer}\n");
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        const char *got = limit(&w, NULL, CASES[i].samples, CASES[i].cell);
        ck_assert_msg(!strcmp(got, CASES[i].want), "case %zu: \"%s\" gives %s, not %s", i,
                      CASES[i].cell, got, CASES[i].want);
    }
    limit(&w, NULL, BOTH, "1.234");
    ck_assert_ptr_nonnull(strstr(w.faults[0].hint, "decimal: comma"));
    /* The mapping says it, whatever the others are. */
    ck_assert_str_eq(limit(&w, "comma", POINT, "1.234"), "1234 CNY");
    ck_assert_str_eq(limit(&w, "comma", POINT, "12.5"), "!");
    ck_assert_str_eq(limit(&w, "comma", NONE, "12,5"), "12.5 CNY");
    ck_assert_str_eq(limit(&w, "point", COMMA, "1.234"), "1.234 CNY");
    ck_assert_str_eq(limit(&w, "point", BESIDE, "1,234"), "1234 CNY");
    ck_assert_str_eq(limit(&w, "point", NONE, "12,5"), "!");
    ck_assert_int_eq(world_map(&w, CRM__MAP_CUSTOMERS,
                               "columns:\n  A: {field: credit_limit, decimal: dot}\n", NULL, "A"),
                     CRM_EFIELD);
    /* What was found can be written down. */
    limit(&w, NULL, COMMA, "1");
    crm__buf_init(&out, NULL);
    OK(crm__mapping_write(w.m, 0, &out));
    crm__buf_add_u8(&out, 0);
    ck_assert_ptr_nonnull(strstr((char *)out.p, "A: {field: credit_limit, decimal: comma}"));
    crm__buf_clear(&out);
    /* Whole numbers, too. */
    OK(world_map(&w, CRM__MAP_CUSTOMERS, NULL, NULL, "score"));
    world_row(&w, "0,5");
    crm__mapping_sample(w.m, &w.row);
    OK(world_customer(&w, "1.000", NULL));
    ck_assert_str_eq(world_value(&w, "score", 0), "1000");
    world_close(&w);
}

CRM_TEST(test_io_mapping__all_faults_of_a_row_without_its_values)
{
    mapping_world w;

    world_open(&w, NULL);
    OK(world_map(&w, CRM__MAP_CUSTOMERS, NULL, NULL,
                 "姓名|手机|邮箱|生日|性别|VIP|评分|国家|类型"));
    ck_assert_int_eq(world_customer(&w, "名|Zq1|Zq2|Zq3|Zq4|Zq5|Zq6|Zq7|Zq8", NULL), CRM_EVALUE);
    ck_assert_int_eq(w.count, 8);
    for (int i = 0; i < w.count; i++) {
        ck_assert_ptr_null(strstr(w.faults[i].what, "Zq"));
        ck_assert_ptr_null(strstr(w.faults[i].hint, "Zq"));
        ck_assert(*w.faults[i].what && *w.faults[i].hint && *w.faults[i].field);
        ck_assert_int_eq(w.faults[i].code, CRM_EVALUE);
        ck_assert_uint_ge(w.faults[i].column, 1);
    }
    ck_assert_str_eq(world_value(&w, "name", 0), "名");
    world_close(&w);
}

CRM_TEST(test_io_mapping__kind_source_and_number)
{
    crm_id id;
    crm_field f;
    const char *source;
    mapping_world w;

    world_open(&w, NULL);
    OK(world_map(&w, CRM__MAP_CUSTOMERS, "columns: {No: id}\n", NULL,
                 "name|kind|source|external|No"));
    OK(world_customer(&w, "甲|企业|官网|A1|12", &id));
    ck_assert_uint_eq(id, 12);
    ck_assert_str_eq(crm_customer_kind(w.c), "organisation");
    OK(crm_customer_create(w.txn, w.c, &id, &w.err));
    OK(crm_customer_get(w.txn, id, w.c, NULL));
    OK(crm_field_find(w.txn, "external", CRM_NUL, &f, NULL));
    OK(crm_customer_source(w.txn, w.c, &f, 0, &source, NULL));
    ck_assert_str_eq(source, "官网");
    OK(crm_field_find(w.txn, "name", CRM_NUL, &f, NULL));
    OK(crm_customer_origin(w.txn, w.c, &f, 0, &source, NULL, NULL));
    ck_assert_str_eq(source, "官网");
    ck_assert_int_eq(world_customer(&w, "甲|||A1|x", &id), CRM_EVALUE);
    OK(world_map(&w, CRM__MAP_CUSTOMERS, "columns: {No: {field: external, source: erp}}\n",
                 "organisation", "name|No"));
    OK(world_customer(&w, "乙|7", &id));
    ck_assert_uint_eq(id, 0);
    ck_assert_str_eq(crm_customer_kind(w.c), "organisation");
    OK(crm_customer_create(w.txn, w.c, &id, &w.err));
    OK(crm_customer_get(w.txn, id, w.c, NULL));
    OK(crm_field_find(w.txn, "external", CRM_NUL, &f, NULL));
    OK(crm_customer_source(w.txn, w.c, &f, 0, &source, NULL));
    ck_assert_str_eq(source, "erp");
    world_close(&w);
}

CRM_TEST(test_io_mapping__rows_of_any_length)
{
    mapping_world w;
    crm_id id;

    world_open(&w, NULL);
    OK(world_map(&w, CRM__MAP_CUSTOMERS, NULL, NULL, "name|phone"));
    OK(world_customer(&w, "A", NULL));
    OK(world_customer(&w, "A||||||", NULL));
    w.row.count = 0;
    crm_customer_clear(w.c);
    OK(crm__mapping_customer(w.m, &w.row, w.c, &id, on_fault, &w, NULL));
    /* Several cells of a column, as cards have them: all values of a list, the first of a text. */
    w.cells[0] = (crm__cell){0, slice("A")};
    w.cells[1] = (crm__cell){0, slice("B")};
    w.cells[2] = (crm__cell){1, slice("13800138000")};
    w.cells[3] = (crm__cell){1, slice("13900139000")};
    w.row.count = 4;
    crm_customer_clear(w.c);
    OK(crm__mapping_customer(w.m, &w.row, w.c, &id, on_fault, &w, NULL));
    ck_assert_str_eq(world_value(&w, "name", 0), "A");
    ck_assert_uint_eq(world_values(&w, "phone"), 2);
    world_close(&w);
}

CRM_TEST(test_io_mapping__a_list_has_an_end)
{
    enum { VALUES = 1001 };
    char *cell = malloc(VALUES * 8);
    size_t n = 0;
    mapping_world w;
    crm_id id;

    ck_assert_ptr_nonnull(cell);
    world_open(&w, NULL);
    OK(world_map(&w, CRM__MAP_CUSTOMERS, NULL, NULL, "name|wechat"));
    for (int i = 0; i < VALUES; i++)
        n += (size_t)snprintf(cell + n, 8, "w%04d;", i);
    w.cells[0] = (crm__cell){0, slice("A")};
    w.cells[1] = (crm__cell){1, {(const uint8_t *)cell, n}};
    w.row = (crm__table_row){.cells = w.cells, .count = 2};
    ck_assert_int_eq(crm__mapping_customer(w.m, &w.row, w.c, &id, on_fault, &w, NULL), CRM_EVALUE);
    ck_assert_ptr_nonnull(strstr(w.faults[0].what, "1000 values"));
    w.cells[1].text.n -= 6;
    w.count = 0;
    crm_customer_clear(w.c);
    OK(crm__mapping_customer(w.m, &w.row, w.c, &id, on_fault, &w, NULL));
    ck_assert_uint_eq(world_values(&w, "wechat"), 1000);
    free(cell);
    world_close(&w);
}
