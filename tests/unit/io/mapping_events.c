/* SPDX-License-Identifier: MIT
 * Rows as events: whose they are, of which kind, when, and the attributes of the kind of each row.
 */
#include "base/time.h"
#include "mapping.h"

typedef struct people {
    mapping_world w;
    crm_id li, na, pair[2];
} people;

static crm_id person(mapping_world *w, const char *json)
{
    crm_id id;

    ck_assert_msg(!crm_customer_create_json(w->txn, json, CRM_NUL, &id, &w->err), "%s",
                  w->err.message);
    return id;
}

static void people_open(people *p)
{
    world_open(&p->w, NULL);
    p->li = person(&p->w, "{\"name\":\"李\",\"phone\":\"13800138000\",\"email\":\"li@x.com\","
                          "\"identities\":[{\"kind\":\"external\",\"source\":\"shop\","
                          "\"value\":\"A1\"}]}");
    p->na = person(&p->w, "{\"name\":\"娜\",\"phone\":[\"13900139000\",\"01062345678\"],"
                          "\"email\":\"na@x.com\"}");
    p->pair[0] = person(&p->w, "{\"name\":\"a\",\"phone\":\"13700137000\",\"wechat\":\"wa\"}");
    p->pair[1] = person(&p->w, "{\"name\":\"b\",\"phone\":\"13700137000\",\"wechat\":\"wb\"}");
}

static const char *attribute(people *p, const char *kind, const char *key)
{
    static char room[256];
    crm_event_kind k;
    crm_field f;
    const char *text;
    size_t n;

    room[0] = 0;
    OK(crm_event_kind_find(p->w.txn, kind, CRM_NUL, &k, NULL));
    OK(crm_attribute_find(p->w.txn, &k, key, CRM_NUL, &f, NULL));
    if (!crm_event_text(p->w.e, &f, &text, &n, NULL))
        snprintf(room, sizeof room, "%.*s", (int)n, text);
    return room;
}

CRM_TEST(test_io_mapping__orders)
{
    people p;
    crm_id id;
    size_t n;
    const char *text;

    people_open(&p);
    OK(world_map(&p.w, CRM__MAP_EVENTS, NULL, "order",
                 "订单号|下单时间|手机|实付金额|商品名称|数量|渠道|备注"));
    OK(crm__mapping_judge(p.w.m, &p.w.err));
    OK(world_event(&p.w, "O-1|2024/5/31 10:00|138 0013 8000|￥1,234.50|茶|2|门店|-", &id));
    ck_assert_uint_eq(id, p.li);
    ck_assert_str_eq(crm_event_kind_key(p.w.e), "order");
    ck_assert_int_eq(crm_event_time_us(p.w.e), INT64_C(1717149600000000));
    text = crm_event_reference(p.w.e, &n);
    ck_assert(n == 3 && !memcmp(text, "O-1", 3));
    ck_assert_str_eq(attribute(&p, "order", "amount"), "1234.50 CNY");
    ck_assert_str_eq(attribute(&p, "order", "channel"), "store");
    ck_assert_str_eq(attribute(&p, "order", "text"), "-");
    OK(crm_event_source(p.w.txn, p.w.e, &text, &n, NULL));
    ck_assert(n == 6 && !memcmp(text, "import", 6));
    OK(crm_event_add(p.w.txn, id, p.w.e, NULL, &p.w.err));
    ck_assert_int_eq(world_event(&p.w, "||10086999|x|||?|", &id), CRM_EVALUE);
    ck_assert_int_eq(p.w.count, 5);
    for (int i = 0; i < p.w.count; i++)
        ck_assert_ptr_null(strstr(p.w.faults[i].what, "10086999"));
    world_close(&p.w);
}

CRM_TEST(test_io_mapping__whose_an_event_is)
{
    static const struct {
        const char *row;
        int rc, who; /* 0 li, 1 na, 2 and 3 the pair */
    } ROWS[] = {
        {"2024-01-01|13800138000|||", CRM_OK, 0},
        {"2024-01-01|13800138000|li@x.com||", CRM_OK, 0},
        {"2024-01-01|||A1|", CRM_OK, 0},
        {"2024-01-01|13900139000||A1|", CRM_OK, 0}, /* unique goes first */
        {"2024-01-01|13900139000||A9|", CRM_OK, 1},
        {"2024-01-01|13800138000|na@x.com||", CRM_ECONFLICT, 0},
        {"2024-01-01|13700137000|||", CRM_ECONFLICT, 0},
        {"2024-01-01|13700137000|||wb", CRM_OK, 3},
        {"2024-01-01|13700137000|||wa", CRM_OK, 2},
        {"2024-01-01|13612345678|||", CRM_ENOTFOUND, 0},
        {"2024-01-01||||", CRM_ENOTFOUND, 0},
        {"2024-01-01|13612345678/010-62345678|||", CRM_OK, 1},
        {"2024-01-01|13612345678;13900139000|||", CRM_OK, 1},
        {"|13612345678|||", CRM_EVALUE, 0},
    };
    people p;

    people_open(&p);
    OK(world_map(&p.w, CRM__MAP_EVENTS,
                 "kind: visit\ncolumns: {no: {field: external, source: shop}}\n", NULL,
                 "time|手机|邮箱|no|微信"));
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        crm_id who[] = {p.li, p.na, p.pair[0], p.pair[1]}, id;
        int rc = world_event(&p.w, ROWS[i].row, &id);
        ck_assert_msg(rc == ROWS[i].rc, "%s: %d %s", ROWS[i].row, rc, p.w.err.message);
        ck_assert_int_eq(p.w.count > 0, rc != CRM_OK);
        if (!rc)
            ck_assert_msg(id == who[ROWS[i].who], "%s: %d", ROWS[i].row, (int)id);
        else if (rc != CRM_EVALUE)
            ck_assert_int_eq(p.w.faults[0].code, rc);
    }
    OK(world_map(&p.w, CRM__MAP_EVENTS, NULL, "visit", "customer|time"));
    {
        crm_id id;
        OK(world_event(&p.w, "4711|2024-01-01", &id));
        ck_assert_uint_eq(id, 4711);
        ck_assert_int_eq(world_event(&p.w, "x|2024-01-01", &id), CRM_EVALUE);
    }
    world_close(&p.w);
}

CRM_TEST(test_io_mapping__kinds_by_row)
{
    people p;
    crm_id id;

    people_open(&p);
    OK(world_map(&p.w, CRM__MAP_EVENTS, NULL, NULL,
                 "kind|time|phone|amount|Subject|Duration|source"));
    OK(crm__mapping_judge(p.w.m, &p.w.err));
    OK(world_event(&p.w, "订单|2024-01-01|13800138000|12|||shop", &id));
    ck_assert_str_eq(attribute(&p, "order", "amount"), "12 CNY");
    OK(world_event(&p.w, "Call|2024-01-01|13800138000||about|60|", &id));
    ck_assert_str_eq(attribute(&p, "call", "subject"), "about");
    ck_assert_str_eq(attribute(&p, "call", "duration"), "60");
    ck_assert_int_eq(world_event(&p.w, "call|2024-01-01|13800138000|12||60|", &id), CRM_EVALUE);
    ck_assert_int_eq(p.w.count, 1);
    ck_assert_uint_eq(p.w.faults[0].column, 3);
    ck_assert_int_eq(world_event(&p.w, "dance|2024-01-01|13800138000||||", &id), CRM_EVALUE);
    ck_assert_ptr_nonnull(strstr(p.w.faults[0].hint, "one of visit, call"));
    ck_assert_int_eq(world_event(&p.w, "|2024-01-01|13800138000||||", &id), CRM_EVALUE);
    world_close(&p.w);
}

CRM_TEST(test_io_mapping__times)
{
    static const struct {
        const char *names, *row, *want; /* "" a fault */
    } ROWS[] = {
        {"date|time|phone", "2024-05-31|09:30|13800138000", "2024-05-31T09:30:00Z"},
        {"date|time|phone", "31.05.2024|3:05 pm|13800138000", "2024-05-31T15:05:00Z"},
        {"time|date|phone", "下午3:05|2024年5月31日|13800138000", "2024-05-31T15:05:00Z"},
        {"date|time|phone", "2024-05-30|2024-05-31 09:30|13800138000", "2024-05-31T09:30:00Z"},
        {"date|time|phone", "2024-05-31||13800138000", "2024-05-31T00:00:00Z"},
        {"date|time|phone", "|2024-05-31 08:00:01+08:00|13800138000", "2024-05-31T00:00:01Z"},
        {"date|time|phone", "|09:30|13800138000", ""},
        {"date|time|phone", "||13800138000", ""},
        {"下单日期|phone", "20240531|13800138000", "2024-05-31T00:00:00Z"},
        {"下单日期|phone", "3/4/2024|13800138000", ""},
        {"下单日期|phone", "soon|13800138000", ""},
    };
    people p;

    people_open(&p);
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        crm_id id;
        int rc;
        int64_t us = 0;
        OK(world_map(&p.w, CRM__MAP_EVENTS, NULL, "visit", ROWS[i].names));
        rc = world_event(&p.w, ROWS[i].row, &id);
        ck_assert_msg(rc == (*ROWS[i].want ? CRM_OK : CRM_EVALUE), "%s: %d %s", ROWS[i].row, rc,
                      p.w.count ? p.w.faults[0].what : "");
        if (!*ROWS[i].want) {
            ck_assert_int_eq(p.w.count, 1);
            ck_assert_str_eq(p.w.faults[0].field, "time");
            continue;
        }
        OK(crm__datetime_parse(ROWS[i].want, strlen(ROWS[i].want), NULL, &us, NULL, NULL));
        ck_assert_int_eq(crm_event_time_us(p.w.e), us);
    }
    world_close(&p.w);
}

CRM_TEST(test_io_mapping__an_attribute_has_one_column)
{
    people p;

    people_open(&p);
    OK(world_map(&p.w, CRM__MAP_EVENTS, NULL, "order",
                 "phone|time|金额|Total|direction|text|Notes"));
    ck_assert_str_eq(crm__mapping_at(p.w.m, 2)->key, "amount");
    ck_assert_uint_eq(crm__mapping_at(p.w.m, 3)->use, CRM__USE_NONE);
    ck_assert_ptr_nonnull(strstr(crm__mapping_at(p.w.m, 3)->why, "金额"));
    ck_assert_uint_eq(crm__mapping_at(p.w.m, 4)->use, CRM__USE_NONE);
    ck_assert_ptr_nonnull(strstr(crm__mapping_at(p.w.m, 4)->why, "kind given"));
    ck_assert_uint_eq(crm__mapping_at(p.w.m, 6)->use, CRM__USE_NONE);
    world_close(&p.w);
}
