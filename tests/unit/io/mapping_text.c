/* SPDX-License-Identifier: MIT
 * The text of a mapping: what it may say, its faults with their places, and that it is written as
 * it is read.
 */
#include "base/utf8.h"
#include "mapping.h"

static void faulty(mapping_world *w, int code, const char *text, int line, const char *words)
{
    ck_assert_int_eq(world_map(w, CRM__MAP_CUSTOMERS, text, NULL, NULL), code);
    ck_assert_ptr_null(w->m);
    ck_assert_msg(strstr(w->err.message, words), "%s: %s", text, w->err.message);
    ck_assert_msg(w->err.row == line, "%s: line %d", text, (int)w->err.row);
    ck_assert_int_ge(w->err.offset, 1);
}

CRM_TEST(test_io_mapping__faults_of_the_text)
{
    mapping_world w;

    world_open(&w, NULL);
    faulty(&w, CRM_ESYNTAX, "columns: {", 2, "not YAML");
    faulty(&w, CRM_ESYNTAX, "", 1, "empty");
    faulty(&w, CRM_ESYNTAX, "- a\n", 1, "a mapping is a map of keys");
    faulty(&w, CRM_ESYNTAX, "columns:\n  A: name\n  A: phone\n", 3, "stands twice");
    faulty(&w, CRM_ESYNTAX, "columns:\n  A: &x name\n", 2, "not used in a mapping");
    faulty(&w, CRM_EFIELD, "colums:\n  A: name\n", 1, "did you mean \"columns\"");
    faulty(&w, CRM_EFIELD, "columns:\n  A: nmae\n", 2, "did you mean \"name\"");
    faulty(&w, CRM_EFIELD, "columns:\n  A: {feild: name}\n", 2, "did you mean \"field\"");
    faulty(&w, CRM_EFIELD, "columns:\n  A: {source: x}\n", 2, "needs a field");
    faulty(&w, CRM_EFIELD, "columns:\n  A: {field: name, source: x}\n", 2, "per source");
    faulty(&w, CRM_EFIELD, "columns:\n  A: {field: name, date: dym}\n", 2, "did you mean \"dmy\"");
    faulty(&w, CRM_EFIELD, "columns:\n  A: {field: name, part: first}\n", 2, "no part");
    faulty(&w, CRM_EFIELD, "columns:\n  A: {field: phone, part: given}\n", 2, "one text");
    faulty(&w, CRM_EFIELD, "columns:\n  A: {field: credit_limit, currency: XYZ}\n", 2, "currency");
    faulty(&w, CRM_EFIELD, "columns:\n  A: []\n", 2, "must be a text");
    faulty(&w, CRM_EFIELD, "columns: name\n", 1, "must be a map");
    faulty(&w, CRM_EFIELD, "source: \"a\\tb\"\n", 1, "source is a text");
    ck_assert_int_eq(world_map(&w, CRM__MAP_CUSTOMERS, "kind: robot\n", NULL, NULL), CRM_EFIELD);
    ck_assert_int_eq(world_map(&w, CRM__MAP_EVENTS, "kind: ordr\n", NULL, NULL), CRM_EFIELD);
    ck_assert_ptr_nonnull(strstr(w.err.message, "did you mean \"order\""));
    ck_assert_int_eq(world_map(&w, CRM__MAP_EVENTS, "columns: {A: gender}\n", NULL, NULL),
                     CRM_EFIELD);
    ck_assert_ptr_nonnull(strstr(w.err.message, "no identity"));
    world_close(&w);
}

CRM_TEST(test_io_mapping__rules_go_before_names)
{
    static const char TEXT[] = "kind: 企业\nsource: erp\ncolumns:\n"
                               "  手机: 备注\n"
                               "  Cust No: {field: 外部编号, source: k3}\n"
                               "  姓名: skip\n"
                               "  '全称': Name\n"
                               "  CUST nO: external\n";
    mapping_world w;

    world_open(&w, NULL);
    OK(world_map(&w, CRM__MAP_CUSTOMERS, TEXT, NULL, "手机|cust no|姓名|全称|Notes|CUST nO|No"));
    ck_assert_str_eq(crm__mapping_at(w.m, 0)->key, "notes");
    ck_assert_uint_eq(crm__mapping_at(w.m, 0)->found, CRM__FOUND_MAPPING);
    ck_assert_str_eq(crm__mapping_at(w.m, 1)->source, "k3");
    ck_assert_uint_eq(crm__mapping_at(w.m, 2)->use, CRM__USE_LEFT_OUT);
    ck_assert_str_eq(crm__mapping_at(w.m, 3)->key, "name");
    ck_assert_uint_eq(crm__mapping_at(w.m, 4)->use, CRM__USE_NONE);
    ck_assert_ptr_nonnull(strstr(crm__mapping_at(w.m, 4)->why, "手机"));
    ck_assert_str_eq(crm__mapping_at(w.m, 5)->source, "erp");
    OK(world_customer(&w, "x|1|y|甲||2", NULL));
    ck_assert_str_eq(crm_customer_kind(w.c), "organisation");
    ck_assert_uint_eq(world_values(&w, "external"), 2);
    world_close(&w);
}

/* write(read(write(m))) is write(m), told of the columns again or not. */
static void round_trip(mapping_world *w, unsigned what, const crm__slice *names, size_t count)
{
    crm__mapping_options o;
    crm__mapping *again;
    crm__buf first, second;

    crm__buf_init(&first, NULL);
    OK(crm__mapping_write(w->m, 0, &first));
    ck_assert_uint_eq(crm__utf8_valid((const char *)first.p, first.n), first.n);
    for (int told = 0; told < 2; told++) {
        memset(&o, 0, sizeof o);
        o.what = what;
        o.text = (const char *)first.p;
        o.text_n = first.n;
        ck_assert_msg(!crm__mapping_new(w->txn, &o, &again, &w->err), "%s\n%.*s", w->err.message,
                      (int)first.n, (const char *)first.p);
        if (told)
            OK(crm__mapping_names(again, names, count, 0, &w->err));
        crm__buf_init(&second, NULL);
        OK(crm__mapping_write(again, 0, &second));
        ck_assert_msg(first.n == second.n && !memcmp(first.p, second.p, first.n), "%.*s\n%.*s",
                      (int)first.n, (const char *)first.p, (int)second.n, (const char *)second.p);
        for (size_t i = 0; told && i < count; i++) {
            const crm__mapped *a = crm__mapping_at(w->m, i), *b = crm__mapping_at(again, i);
            if (a->use != CRM__USE_NONE && a->use != CRM__USE_LEFT_OUT) {
                ck_assert_uint_eq(a->use, b->use);
                ck_assert_str_eq(a->key, b->key);
                ck_assert_str_eq(a->source, b->source);
            }
        }
        crm__buf_clear(&second);
        crm__mapping_free(again);
    }
    crm__buf_clear(&first);
}

static void round_trip_of(mapping_world *w, unsigned what, const char *text, const char *names)
{
    crm__slice list[MAP_CELLS];
    size_t n = 0;

    OK(world_map(w, what, text, NULL, names));
    for (const char *p = names; p; n++) {
        const char *end = strchr(p, '|');
        list[n] = (crm__slice){(const uint8_t *)p, end ? (size_t)(end - p) : strlen(p)};
        p = end ? end + 1 : NULL;
    }
    round_trip(w, what, list, n);
}

CRM_TEST(test_io_mapping__written_as_read)
{
    mapping_world w;
    crm__buf out;

    world_open(&w, NULL);
    OK(world_map(&w, CRM__MAP_CUSTOMERS, NULL, NULL,
                 "姓名|手机|Cust \"No\"|skip|Credit limit (USD)"));
    crm__buf_init(&out, NULL);
    OK(crm__mapping_write(w.m, 0, &out));
    crm__buf_add_u8(&out, 0);
    ck_assert_str_eq((char *)out.p, "columns:\n  姓名: name\n  手机: phone\n  \"Cust \\\"No\\\"\": "
                                    "skip\n  skip: skip\n"
                                    "  Credit limit (USD): {field: credit_limit, currency: USD}\n");
    crm__buf_clear(&out);
    OK(world_map(&w, CRM__MAP_CUSTOMERS, NULL, NULL, "a\nb #|手机"));
    OK(crm__mapping_write(w.m, 1, &out));
    crm__buf_add_u8(&out, 0);
    ck_assert_str_eq((char *)out.p,
                     "columns:\n  # \"a\\u000Ab #\": nobody claims it: name its field, or skip\n  手机: phone\n");
    OK(world_map(&w, CRM__MAP_CUSTOMERS, (const char *)out.p, NULL, "a\nb #|手机"));
    ck_assert_uint_eq(crm__mapping_at(w.m, 0)->use, CRM__USE_NONE);
    crm__buf_clear(&out);
    round_trip_of(&w, CRM__MAP_CUSTOMERS, NULL,
                  "Record ID|First Name|Last Name|Email|Email|Phone Number|Company name|- x|#y|: z|"
                  "a: b|Lifecycle Stage|Contact owner|tag|标签|Create Date|null|~|'q'|{x}|%|@|`|é");
    round_trip_of(&w, CRM__MAP_CUSTOMERS,
                  "kind: 个人\nsource: a b\ncolumns: {Old: phone, X: skip}\n", "姓名|Old");
    round_trip_of(&w, CRM__MAP_EVENTS, "kind: order\n",
                  "订单号|下单时间|下单日期|手机|金额(USD)|商品名称|客户ID|foo|source|kind");
    round_trip_of(&w, CRM__MAP_CUSTOMERS, NULL,
                  "Name|Given Name|Family Name|Address 1 - Formatted|Address 1 - Street|"
                  "Address 2 - Street|Business Street 2|Nickname");
    OK(world_map(&w, CRM__MAP_CUSTOMERS, NULL, NULL, "Birthday"));
    world_row(&w, "25/12/2001");
    crm__mapping_sample(w.m, &w.row);
    round_trip(&w, CRM__MAP_CUSTOMERS, &(crm__slice){(const uint8_t *)"Birthday", 8}, 1);
    world_close(&w);
}

CRM_TEST(test_io_mapping__any_names_are_written_and_read_back)
{
    static const char *const BITS[] = {"姓名",
                                       "Phone",
                                       " ",
                                       "\"",
                                       "\\",
                                       ":",
                                       "#",
                                       "-",
                                       "\n",
                                       "\t",
                                       "é",
                                       "\xe2\x80\xa8",
                                       "\xef\xbb\xbf",
                                       "?",
                                       "{",
                                       "}",
                                       ",",
                                       "[",
                                       "]",
                                       "*",
                                       "&",
                                       "!",
                                       "|",
                                       ">",
                                       "'",
                                       "%",
                                       "@",
                                       "0",
                                       "1",
                                       "\x7f",
                                       "\xc2\x85",
                                       "\xf0\x9f\x98\x80",
                                       "(",
                                       ")",
                                       "email",
                                       "=",
                                       "~",
                                       "null",
                                       "skip",
                                       "\x01"};
    char room[20][64];
    crm__slice names[20];
    uint64_t seed = crmtest_seed();
    mapping_world w;

    world_open(&w, NULL);
    for (size_t round = 0; round < crmtest_rounds(100, 5000); round++) {
        for (size_t i = 0; i < 20; i++) {
            size_t n = 0;
            for (uint64_t k = crmtest_below(&seed, 6); k; k--) {
                const char *bit = BITS[crmtest_below(&seed, sizeof BITS / sizeof BITS[0])];
                memcpy(room[i] + n, bit, strlen(bit));
                n += strlen(bit);
            }
            names[i] = (crm__slice){(const uint8_t *)room[i], n};
        }
        OK(world_map(&w, CRM__MAP_CUSTOMERS, NULL, NULL, NULL));
        OK(crm__mapping_names(w.m, names, 20, 0, &w.err));
        round_trip(&w, CRM__MAP_CUSTOMERS, names, 20);
    }
    world_close(&w);
}

CRM_TEST(test_io_mapping__goes_on_with_another_model)
{
    static const char OTHER[] = "crm: 1\nregion: CN\nfields:\n"
                                "  name: {type: text, required: true}\n"
                                "  mobile: {type: phone, label: 手机}\n";
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    mapping_world w;
    crm__mapping *m;

    world_open(&w, NULL);
    OK(world_map(&w, CRM__MAP_CUSTOMERS, NULL, NULL, "姓名|手机|邮箱"));
    ck_assert_str_eq(crm__mapping_at(w.m, 1)->key, "phone");
    m = w.m;
    w.m = NULL;
    crm_customer_free(w.c);
    crm_event_free(w.e);
    OK(crm_txn_commit(w.txn, NULL));
    OK(crm_txn_begin(w.db, CRM_WRITE, &o, &w.txn, NULL));
    OK(crm__mapping_bind(m, w.txn, &w.err));
    ck_assert_str_eq(crm__mapping_at(m, 2)->key, "email");
    OK(crm_model_apply(w.txn, OTHER, CRM_NUL, CRM_FORCE, NULL, NULL, NULL));
    OK(crm__mapping_bind(m, w.txn, &w.err));
    OK(crm_customer_new(w.txn, &w.c, NULL));
    OK(crm_event_new(w.txn, &w.e, NULL));
    w.m = m;
    ck_assert_str_eq(crm__mapping_at(m, 0)->key, "name");
    ck_assert_str_eq(crm__mapping_at(m, 1)->key, "mobile");
    ck_assert_uint_eq(crm__mapping_at(m, 2)->use, CRM__USE_NONE);
    OK(world_customer(&w, "张|13800138000|a@x.com", NULL));
    ck_assert_str_eq(world_value(&w, "mobile", 0), "+8613800138000");
    OK(crm_customer_create(w.txn, w.c, NULL, &w.err));
    world_close(&w);
}

/* The one of docs/import.md. */
CRM_TEST(test_io_mapping__of_the_document)
{
    static const char TEXT[] = "kind: person                # of rows that have none\n"
                               "source: fair-2024\n"
                               "columns:\n"
                               "  手机: phone                # the key of a field, or a label\n"
                               "  Cust No: {field: external, source: erp}\n"
                               "  Signup: {field: first_contact, date: dmy}\n"
                               "  Vorname: {field: name, part: given}\n"
                               "  Nachname: {field: name, part: family}\n"
                               "  Limit: {field: credit_limit, currency: EUR}\n"
                               "  Remarks: skip             # left out\n";
    mapping_world w;

    world_open(&w, NULL);
    OK(world_map(&w, CRM__MAP_CUSTOMERS, TEXT, NULL,
                 "Vorname|Nachname|手机|Cust No|Signup|Limit|Remarks|Notes"));
    OK(crm__mapping_judge(w.m, &w.err));
    OK(world_customer(&w, "Anna|Berg|13800138000|7|03/04/2024|1,200.50|no|yes", NULL));
    ck_assert_str_eq(world_value(&w, "name", 0), "Anna Berg");
    ck_assert_str_eq(world_value(&w, "first_contact", 0), "2024-04-03");
    ck_assert_str_eq(world_value(&w, "credit_limit", 0), "1200.50 EUR");
    ck_assert_str_eq(world_value(&w, "external", 0), "7");
    ck_assert_str_eq(world_value(&w, "notes", 0), "yes");
    world_close(&w);
}
