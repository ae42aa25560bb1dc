/* SPDX-License-Identifier: MIT
 * The JSON door: what a document may say, what is given back, all faults at once, patches.
 */
#include "help.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int create(crm_txn *txn, const char *json)
{
    return crm_customer_create_json(txn, json, CRM_NUL, NULL, &er);
}

/* A document without what only the database says. */
static const char *content(crm_txn *txn, crm_id id)
{
    static char room[4][70000];
    static unsigned turn;
    char *to = room[turn++ % 4];
    const char *json = api_json(txn, id, 0), *at = strstr(json, "\"updated_at\":");

    ck_assert_ptr_nonnull(at);
    at = strchr(at, ',');
    snprintf(to, sizeof room[0], "%s %s", strstr(json, "\"kind\""), at);
    memmove(to, strchr(to, ' ') + 1, strlen(strchr(to, ' ')));
    return to;
}

static const char EVERYTHING[] =
    "{\"name\":\"张伟 "
    "\\\"the\\\\one\\\"\",\"gender\":\"male\",\"birth_date\":\"1990-05\",\"language\":\"zh-Hans\","
    "\"phone\":[\"+8613800138000\",\"010-65529988\"],\"email\":[\"Wei@Example.com\",\"w2@example."
    "org\"],"
    "\"website\":\"example.com/x?y=1#z\",\"address\":\"line "
    "1\\nline\\t2\",\"city\":\"上海\",\"country\":\"中国\","
    "\"postal_code\":\"200000\",\"score\":1000,\"vip\":true,\"owner\":\"li.na\",\"lead_source\":"
    "\"公众号\","
    "\"grade\":\"A级\",\"credit_limit\":{\"amount\":\"100000.00\",\"currency\":\"USD\"},"
    "\"first_contact\":\"2020\",\"last_contact\":\"2024-02-29T12:00:00.5+08:00\",\"notes\":\"emoji "
    "\\ud83d\\ude00\","
    "\"identities\":[{\"kind\":\"external\",\"source\":\"erp\",\"value\":\"1\"},"
    "{\"kind\":\"external\",\"source\":\"shop\",\"value\":\"1\"},{\"kind\":\"wechat\",\"value\":"
    "\"zw\"},"
    "{\"kind\":\"QQ\",\"value\":\"1234567\"}]}";

CRM_TEST(test_api_document__what_is_read_can_be_given_back)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_id id = api_create(txn, EVERYTHING), copy;
    uint64_t revision = crm_txn_revision(txn);
    char *json;

    OK(crm_customer_get_json(txn, id, 0, &json, NULL, &er));
    OK(crm_customer_replace_json(txn, id, 0, json, CRM_NUL, &er));
    ck_assert_uint_eq(crm_txn_revision(txn), revision); /* nothing differs */
    OK(crm_customer_patch_json(txn, id, 0, json, CRM_NUL, &er));
    ck_assert_uint_eq(crm_txn_revision(txn), revision);
    OK(crm_customer_delete(txn, id, 0, &er));
    OK(crm_customer_create_json(txn, json, CRM_NUL, &copy,
                                &er)); /* id, revision and times are passed over */
    ck_assert_uint_eq(copy, id + 1);
    OK(crm_customer_patch_json(txn, copy, 0, "{\"external\":null}", CRM_NUL, &er));
    OK(crm_customer_undelete(txn, id, 0, &er));
    OK(crm_customer_delete(txn, copy, 0, &er));
    OK(crm_customer_delete(txn, id, 0, &er));
    crm_free(json);
    OK(crm_customer_get_json(txn, id, CRM_JSON_ORIGINS | CRM_JSON_PRETTY, &json, NULL, &er));
    OK(crm_customer_create_json(txn, json, CRM_NUL, &copy, &er));
    OK(crm_customer_delete(txn, copy, 0, &er));
    OK(crm_customer_undelete(txn, id, 0, &er));
    OK(crm_customer_delete(txn, id, 0, &er));
    OK(crm_customer_undelete(txn, copy, 0, &er));
    ck_assert_str_eq(strstr(content(txn, copy), ",\"name\""),
                     strstr(content(txn, id), ",\"name\""));
    crm_free(json);
    api_commit(txn);
    crm_db_close(db);
    api_check_clean(api_path());
}

CRM_TEST(test_api_document__canonical_form)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_id id = api_create(txn, EVERYTHING);
    const char *json = api_json(txn, id, 0);

    ck_assert(strstr(json, "\"name\":\"张伟 \\\"the\\\\one\\\"\""));
    ck_assert(strstr(json, "\"birth_date\":\"1990-05\",\"language\":\"zh-Hans\","
                           "\"phone\":[\"+8613800138000\",\"+861065529988\"],"
                           "\"email\":[\"Wei@example.com\",\"w2@example.org\"],"
                           "\"website\":\"https://example.com/x?y=1#z\","
                           "\"address\":\"line 1\\nline\\t2\",\"city\":\"上海\""));
    ck_assert(strstr(json, "\"country\":\"CN\""));
    ck_assert(strstr(
        json, "\"lead_source\":\"wechat\",\"lifecycle\":\"lead\",\"grade\":\"a\",\"score\":1000,"
              "\"vip\":true,\"owner\":\"li.na\","
              "\"credit_limit\":{\"amount\":\"100000.00\",\"currency\":\"USD\"},"
              "\"first_contact\":\"2020\",\"last_contact\":\"2024-02-29T04:00:00.500Z\","
              "\"notes\":\"emoji 😀\","
              "\"identities\":[{\"kind\":\"external\",\"source\":\"erp\",\"value\":\"1\"},"
              "{\"kind\":\"external\",\"source\":\"shop\",\"value\":\"1\"},"
              "{\"kind\":\"wechat\",\"value\":\"zw\"},{\"kind\":\"qq\",\"value\":\"1234567\"}]}"));
    api_commit(txn);
    crm_db_close(db);
}

CRM_TEST(test_api_document__pretty)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_id id = api_create(txn, "{\"name\":\"A\"}");
    const char *json = api_json(txn, id, CRM_JSON_PRETTY);

    ck_assert(strstr(json, "{\n  \"id\": 1,\n  \"kind\": \"person\",\n"));
    ck_assert(strstr(json, "\n  \"name\": \"A\",\n"));
    ck_assert_str_eq(json + strlen(json) - 2, "\n}");
    OK(crm_customer_replace_json(txn, id, 0, json, CRM_NUL, &er));
    api_commit(txn);
    crm_db_close(db);
}

CRM_TEST(test_api_document__names_are_keys_or_labels)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_id id =
        api_create(txn, "{\"姓名\":\"A\",\"手机号\":\"13800138000\",\"E-Mail\":\"a@example.com\","
                        "\"ＷｅＣｈａｔ  id\":null,\"客户编号\":{\"source\":\"erp\",\"value\":7}}");

    ck_assert(api_has(txn, id, "\"name\":\"A\""));
    ck_assert(api_has(txn, id, "\"phone\":[\"+8613800138000\"]"));
    ck_assert(api_has(txn, id, "{\"kind\":\"external\",\"source\":\"erp\",\"value\":\"7\"}"));
    api_commit(txn);
    crm_db_close(db);
}

CRM_TEST(test_api_document__no_name_twice)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);

    IS(CRM_EVALUE, create(txn, "{\"name\":\"A\",\"姓名\":\"B\"}"));
    ck_assert_str_eq(er.field, "name");
    IS(CRM_EVALUE, create(txn, "{\"name\":\"A\",\"Name\":null}"));
    /* The same name: where the second stands, and which one it is, if it is not somebody's own. */
    IS(CRM_ESYNTAX, create(txn, "{\"name\":\"A\",\"name\":\"A\"}"));
    ck_assert(er.offset == 12 && !strcmp(er.field, "name") && strstr(er.message, "name"));
    IS(CRM_ESYNTAX, create(txn, "{\"name\":\"A\",\"姓名\":\"A\",\"姓名\":\"B\"}"));
    ck_assert(er.offset == 25 && !strcmp(er.field, "姓名"));
    IS(CRM_ESYNTAX, create(txn, "{\"kind\":\"person\", \"kind\":\"person\"}"));
    ck_assert(er.offset == 18 && !strcmp(er.field, "kind"));
    IS(CRM_ESYNTAX, create(txn, "{\"13800138000\":1,\"13800138000\":2}"));
    ck_assert(er.offset == 17 && !er.field[0] && !strstr(er.message, "13800138000"));
    IS(CRM_ESYNTAX, create(txn, "{\"name\":\"A\",\"credit_limit\":{\"amount\":1,\"amount\":2}}"));
    ck_assert(er.offset == 39 && !er.field[0]);
    IS(CRM_EVALUE, create(txn, "{\"name\":\"A\",\"phone\":{\"add\":[\"13800138000\"]},"
                               "\"手机\":{\"add\":[\"13900139000\"]}}"));
    ck_assert_str_eq(er.field, "phone");
    api_commit(txn);
    crm_db_close(db);
}

CRM_TEST(test_api_document__syntax)
{
    static const struct {
        const char *json;
        int64_t offset;
    } FAULTS[] = {
        {"", 0},
        {"{", 1},
        {"{\"name\":\"A\"", 11},
        {"[]", 0},
        {"\"A\"", 0},
        {"null", 0},
        {"7", 0},
        {"{\"name\":\"A\"} x", -1},
        {"{\"name\":'A'}", 8},
        {"{name:\"A\"}", 1},
        {"{\"name\":\"A\",}", -1},
        {"{\"name\":\"A\\u0000B\"}", 10},
        {"{\"name\":\"\xff\"}", 9},
        {"{\"score\":12345678901234567890123}", 9},
        {"{\"score\":01}", -1},
        {"{\"score\":NaN}", -1},
        {"{\"name\":\"A\"", 11},
        {"{\"name\":\"\n\"}", -1},
        {"/* c */{}", -1},
        {"{\"name\":tru}", -1},
    };
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    char deep[200] = "{\"name\":";

    for (size_t i = 0; i < sizeof FAULTS / sizeof FAULTS[0]; i++) {
        int rc = create(txn, FAULTS[i].json);
        ck_assert_msg(rc == CRM_ESYNTAX, "%s gives %s", FAULTS[i].json, crm_error_name(rc));
        ck_assert_msg(FAULTS[i].offset < 0 || er.offset == FAULTS[i].offset, "%s: offset %lld",
                      FAULTS[i].json, (long long)er.offset);
        ck_assert(er.offset >= 0 && er.offset <= (int64_t)strlen(FAULTS[i].json));
    }
    memset(deep + 8, '[', 100);
    IS(CRM_ESYNTAX, create(txn, deep));
    IS(CRM_ESYNTAX, crm_customer_create_json(txn, "{\"name\":\"A\"}\0\0", 14, NULL, &er));
    ck_assert_uint_eq(api_list(txn, NULL, NULL, 0), 0);
    OK(crm_customer_create_json(txn, "{\"name\":\"A\"}garbage", 12, NULL,
                                &er)); /* the length counts */
    OK(create(txn, " \t\r\n{ \"name\" : \"A\" } \n"));
    api_commit(txn);
    crm_db_close(db);
}

CRM_TEST(test_api_document__unknown_members)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);

    IS(CRM_EFIELD, create(txn, "{\"name\":\"A\",\"emial\":\"a@example.com\"}"));
    ck_assert_str_eq(er.field, "emial");
    ck_assert(strcasestr(er.message, "email")); /* a near name is offered */
    IS(CRM_EVALUE, create(txn, "{\"name\":\"A\",\"tags\":[\"x\"]}"));
    ck_assert_str_eq(er.field, "tag");
    IS(CRM_EFIELD, create(txn, "{\"name\":\"A\",\"consents\":[]}"));
    IS(CRM_EFIELD, create(txn, "{\"name\":\"A\",\"\":1}"));
    IS(CRM_EFIELD,
       create(txn, "{\"name\":\"A\",\"identities\":[{\"kind\":\"pigeon\",\"value\":\"1\"}]}"));
    ck_assert_str_eq(er.field, "pigeon");
    IS(CRM_EFIELD,
       create(txn, "{\"name\":\"A\",\"identities\":[{\"kind\":\"city\",\"value\":\"1\"}]}"));
    IS(CRM_EVALUE, create(txn, "{\"name\":\"A\",\"identities\":[{\"value\":\"1\"}]}"));
    IS(CRM_EVALUE, create(txn, "{\"name\":\"A\",\"identities\":{}}"));
    IS(CRM_EVALUE, create(txn, "{\"name\":\"A\",\"identities\":[7]}"));
    IS(CRM_EVALUE, create(txn, "{\"name\":\"A\",\"revision\":\"x\"}"));
    IS(CRM_EVALUE, create(txn, "{\"name\":\"A\",\"revision\":1.5}"));
    IS(CRM_EVALUE, create(txn, "{\"name\":\"A\",\"source\":7}"));
    IS(CRM_EVALUE, create(txn, "{\"name\":\"A\",\"source\":\"\"}"));
    api_commit(txn);
    crm_db_close(db);
}

CRM_TEST(test_api_document__types_of_values)
{
    static const char *const GOOD[] = {
        "{\"name\":7}",
        "{\"name\":\"A\",\"score\":\"12\"}",
        "{\"name\":\"A\",\"score\":1e2}",
        "{\"name\":\"A\",\"score\":12.0}",
        "{\"name\":\"A\",\"vip\":1}",
        "{\"name\":\"A\",\"vip\":\"yes\"}",
        "{\"name\":\"A\",\"birth_date\":1990}",
        "{\"name\":\"A\",\"phone\":[]}",
        "{\"name\":\"A\",\"phone\":\"13800138000\"}",
        "{\"name\":\"A\",\"credit_limit\":\"12 USD\"}",
        "{\"name\":\"A\",\"credit_limit\":12.50}",
        "{\"name\":\"A\",\"credit_limit\":{\"amount\":5}}",
    };
    static const char *const BAD[] = {
        "{\"name\":true}",
        "{\"name\":[\"A\"]}",
        "{\"name\":{\"first\":\"A\"}}",
        "{\"name\":\"\"}",
        "{\"name\":\"A\",\"score\":1.5}",
        "{\"name\":\"A\",\"score\":true}",
        "{\"name\":\"A\",\"vip\":2}",
        "{\"name\":\"A\",\"vip\":\"perhaps\"}",
        "{\"name\":\"A\",\"phone\":[null]}",
        "{\"name\":\"A\",\"phone\":[[\"13800138000\"]]}",
        "{\"name\":\"A\",\"phone\":{}}",
        "{\"name\":\"A\",\"credit_limit\":{\"currency\":\"CNY\"}}",
        "{\"name\":\"A\",\"credit_limit\":-1}",
        "{\"name\":\"A\",\"credit_limit\":{\"amount\":[1]}}",
        "{\"name\":\"A\",\"gender\":\"robot\"}",
        "{\"name\":\"A\",\"birth_date\":\"1990-02-30\"}",
        "{\"name\":\"A\",\"birth_date\":\"1849\"}",
        "{\"name\":\"A\",\"email\":\"a@b\"}",
        "{\"name\":\"A\",\"website\":\"ftp://x.org\"}",
        "{\"name\":\"A\",\"country\":\"Atlantis\"}",
        "{\"name\":\"A\",\"phone\":\"12\"}",
        "{\"name\":\"A\",\"employer\":\"x\"}",
        "{\"name\":\"A\",\"employer\":0}",
        "{\"name\":\"A\",\"external\":\"1\"}",
        "{\"name\":\"A\",\"wechat\":{\"source\":\"s\",\"value\":\"1\"}}",
        "{\"name\":\"A\",\"qq\":\"012345\"}",
        "{\"name\":\"A\",\"last_contact\":\"yesterday\"}",
        "{\"name\":\"A\",\"postal_code\":\"12345678901234567\"}",
    };
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);

    for (size_t i = 0; i < sizeof GOOD / sizeof GOOD[0]; i++) {
        int rc = create(txn, GOOD[i]);
        ck_assert_msg(rc == CRM_OK, "%s gives %s: %s", GOOD[i], crm_error_name(rc), er.message);
    }
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        int rc = create(txn, BAD[i]);
        ck_assert_msg(rc == CRM_EVALUE && er.field[0] && er.message[0], "%s gives %s", BAD[i],
                      crm_error_name(rc));
    }
    api_commit(txn);
    crm_db_close(db);
}

/* ---- patches ---- */

CRM_TEST(test_api_document__patch_adds_and_removes)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_id id = api_create(
        txn, "{\"name\":\"A\",\"phone\":[\"13800138001\",\"13800138002\"],\"city\":\"X\"}");
    uint64_t revision;

#define PATCH(json) crm_customer_patch_json(txn, id, 0, json, CRM_NUL, &er)
    OK(PATCH("{\"phone\":{\"add\":[\"138 0013 8003\",\"13800138001\"]}}"));
    ck_assert(
        api_has(txn, id, "\"phone\":[\"+8613800138001\",\"+8613800138002\",\"+8613800138003\"]"));
    OK(PATCH("{\"phone\":{\"remove\":[\"13800138002\",\"13999999999\"]}}"));
    ck_assert(api_has(txn, id, "\"phone\":[\"+8613800138001\",\"+8613800138003\"]"));
    OK(PATCH("{\"phone\":{\"remove\":\"13800138001\",\"add\":\"13800138004\"},\"city\":null}"));
    ck_assert(api_has(txn, id, "\"phone\":[\"+8613800138003\",\"+8613800138004\"]"));
    ck_assert(!api_has(txn, id, "city"));
    OK(PATCH("{\"external\":{\"add\":[{\"source\":\"erp\",\"value\":\"1\"}]}}"));
    OK(PATCH("{\"external\":{\"remove\":[{\"source\":\"shop\",\"value\":\"1\"}]}}"));
    ck_assert(api_has(txn, id, "\"source\":\"erp\""));
    OK(PATCH("{\"external\":{\"remove\":[{\"source\":\"erp\",\"value\":\"1\"}]}}"));
    ck_assert(api_has(txn, id, "\"identities\":[]"));
    revision = crm_txn_revision(txn);
    OK(PATCH("{}"));
    OK(PATCH("{\"city\":null,\"phone\":{\"add\":[]},\"email\":{\"remove\":[\"a@example.com\"]}}"));
    ck_assert_uint_eq(crm_txn_revision(txn), revision);
    OK(PATCH("{\"phone\":[]}"));
    ck_assert(!api_has(txn, id, "phone"));
    IS(CRM_EVALUE, PATCH("{\"name\":null}"));
    IS(CRM_EVALUE, PATCH("{\"name\":{\"add\":[\"B\"]}}"));
    IS(CRM_EVALUE, PATCH("{\"phone\":{\"add\":[\"x\"]}}"));
    IS(CRM_EVALUE, PATCH("{\"phone\":{\"remove\":[\"x\"]}}"));
    IS(CRM_EVALUE, PATCH("{\"phone\":{\"add\":[\"13800138001\"],\"other\":1}}"));
    IS(CRM_ENOTFOUND, crm_customer_patch_json(txn, 99, 0, "{}", CRM_NUL, &er));
#undef PATCH
    api_commit(txn);
    crm_db_close(db);
    api_check_clean(api_path());
}

/* A default list, and a document that adds to it: the field stands once. */
CRM_TEST(test_api_document__create_with_additions)
{
    crm_db *db =
        api_open_model("crm: 1\nfields:\n  words: {type: text, list: true, default: [a, b]}\n");
    crm_txn *txn = api_begin(db, CRM_WRITE);

    ck_assert(api_has(txn, api_create(txn, "{}"), "\"words\":[\"a\",\"b\"]"));
    ck_assert(api_has(txn, api_create(txn, "{\"words\":{\"add\":[\"c\"]}}"), "\"words\":[\"c\"]"));
    ck_assert(!api_has(txn, api_create(txn, "{\"words\":{\"remove\":[\"a\"]}}"), "words"));
    ck_assert(!api_has(txn, api_create(txn, "{\"words\":[]}"), "words"));
    ck_assert(!api_has(txn, api_create(txn, "{\"words\":null}"), "words"));
    api_commit(txn);
    crm_db_close(db);
    api_check_clean(api_path());
}

/* Of one kind only one of the two roads, whatever the order; different kinds go together. */
CRM_TEST(test_api_document__identities_beside_members)
{
    static const char *const TWICE[] = {
        "\"wechat\":[\"a\"],\"identities\":[{\"kind\":\"wechat\",\"value\":\"b\"}]",
        "\"identities\":[{\"kind\":\"wechat\",\"value\":\"b\"}],\"wechat\":[\"a\"]",
        "\"微信号\":\"a\",\"identities\":[{\"kind\":\"wechat\",\"value\":\"a\"}]",
        "\"identities\":[{\"kind\":\"微信号\",\"value\":\"a\"}],\"wechat\":\"a\"",
        "\"wechat\":null,\"identities\":[{\"kind\":\"wechat\",\"value\":\"a\"}]",
        "\"identities\":[{\"kind\":\"wechat\",\"value\":\"a\"}],\"wechat\":null",
        "\"wechat\":{\"add\":[\"b\"]},\"identities\":[{\"kind\":\"wechat\",\"value\":\"a\"}]",
        "\"identities\":[{\"kind\":\"wechat\",\"value\":\"a\"}],\"wechat\":{\"remove\":[\"b\"]}",
    };
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_id id = api_create(
        txn,
        "{\"name\":\"A\",\"qq\":[\"1234567\"],"
        "\"identities\":[{\"kind\":\"wechat\",\"value\":\"b\"},"
        "{\"kind\":\"微信号\",\"value\":\"a\"},{\"kind\":\"phone\",\"value\":\"13800138000\"}],"
        "\"external\":[{\"source\":\"erp\",\"value\":1}]}");
    char json[200];

    ck_assert(api_has(
        txn, id, "{\"kind\":\"wechat\",\"value\":\"b\"},{\"kind\":\"wechat\",\"value\":\"a\"}"));
    ck_assert(api_has(txn, id, "{\"kind\":\"qq\",\"value\":\"1234567\"}"));
    ck_assert(api_has(txn, id, "{\"kind\":\"external\",\"source\":\"erp\",\"value\":\"1\"}"));
    ck_assert(api_has(txn, id, "\"phone\":[\"+8613800138000\"]"));
    for (size_t i = 0; i < sizeof TWICE / sizeof TWICE[0]; i++) {
        snprintf(json, sizeof json, "{\"name\":\"A\",%s}", TWICE[i]);
        IS(CRM_EVALUE, create(txn, json));
        ck_assert_str_eq(er.field, "wechat");
        ck_assert(strstr(er.message, "stands twice"));
        IS(CRM_EVALUE, crm_customer_patch_json(txn, id, 0, json, CRM_NUL, &er));
        IS(CRM_EVALUE, crm_customer_upsert_json(txn, json, CRM_NUL, NULL, NULL, &er));
    }
    OK(crm_customer_patch_json(txn, id, 0, "{\"wechat\":[\"c\"],\"identities\":[]}", CRM_NUL, &er));
    ck_assert(!api_has(txn, id, "{\"kind\":\"wechat\",\"value\":\"b\"}"));
    api_commit(txn);
    crm_db_close(db);
}

/* ---- members that are no fields, by label ---- */

CRM_TEST(test_api_document__own_members_have_labels)
{
    static const char *const TWICE[][2] = {
        {"\"kind\":\"person\",\"类型\":\"person\"", "kind"},
        {"\"类型\":\"person\",\"Kind\":\"person\"", "kind"},
        {"\"source\":\"a\",\"来源\":\"b\"", "source"},
        {"\"identities\":[],\"标识\":[]", "identities"},
        {"\"events\":[],\"事件\":[]", "events"},
        {"\"revision\":1,\"修订号\":1", "revision"},
    };
    /* those that are passed over have none: a column of another system is not lost */
    static const char *const NONE[] = {"ID", "Created_at", "创建时间", "Origins", "Deleted"};
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_id id = api_create(txn, "{\"类型\":\"公司\",\"名称\":\"甲\",\"来源\":\"wechat\","
                                "\"标识\":[{\"kind\":\"wechat\",\"value\":\"a\"}],"
                                "\"事件\":[{\"kind\":\"visit\",\"time\":\"2026-01-01\"}]}");
    char json[200];

    ck_assert_str_eq(api_member(txn, id, "kind"), "organisation");
    ck_assert(api_has(txn, id, "{\"kind\":\"wechat\",\"value\":\"a\"}"));
    ck_assert_ptr_nonnull(strstr(api_json(txn, id, CRM_JSON_ORIGINS), "\"source\":\"wechat\""));
    ck_assert_ptr_nonnull(strstr(api_json(txn, id, CRM_JSON_EVENTS), "\"kind\":\"visit\""));
    OK(crm_customer_patch_json(txn, id, 0, "{\" ＫＩＮＤ \":\"个人\"}", CRM_NUL, &er));
    ck_assert_str_eq(api_member(txn, id, "kind"), "person");
    IS(CRM_ECONFLICT, crm_customer_patch_json(txn, id, 0, "{\"修订号\":99,\"name\":\"B\"}", CRM_NUL,
                                              &er));
    IS(CRM_EVALUE, create(txn, "{\"name\":\"A\",\"类型\":\"robot\"}"));
    ck_assert_str_eq(er.field, "kind");
    for (size_t i = 0; i < sizeof TWICE / sizeof TWICE[0]; i++) {
        snprintf(json, sizeof json, "{\"name\":\"A\",%s}", TWICE[i][0]);
        IS(CRM_EVALUE, create(txn, json));
        ck_assert_str_eq(er.field, TWICE[i][1]);
        ck_assert_ptr_nonnull(strstr(er.message, "stands twice"));
    }
    for (size_t i = 0; i < sizeof NONE / sizeof NONE[0]; i++) {
        snprintf(json, sizeof json, "{\"name\":\"A\",\"%s\":1}", NONE[i]);
        IS(CRM_EFIELD, create(txn, json));
    }
    api_commit(txn);
    crm_db_close(db);
}

/* A model that uses such a label for a field of its own keeps it. */
CRM_TEST(test_api_document__a_label_of_the_model_comes_first)
{
    crm_db *db = api_open_model("crm: 1\nfields:\n  name: {type: text, label: 事件}\n"
                                "  sort: {type: text, label: [类型, 来源]}\n");
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_id id = api_create(txn, "{\"类型\":\"x\",\"kind\":\"organisation\",\"事件\":\"n\"}");

    ck_assert_str_eq(api_member(txn, id, "sort"), "x");
    ck_assert_str_eq(api_member(txn, id, "name"), "n");
    ck_assert_str_eq(api_member(txn, id, "kind"), "organisation");
    api_commit(txn);
    crm_db_close(db);
}

/* ---- all faults ---- */

static const char *report(crm_txn *txn, const char *json)
{
    static char room[8192];
    char *faults = NULL;
    size_t n = 0;

    OK(crm_customer_validate_json(txn, json, CRM_NUL, &faults, &n, &er));
    ck_assert_uint_eq(n, strlen(faults));
    ck_assert_uint_lt(n, sizeof room);
    strcpy(room, faults);
    crm_free(faults);
    return room;
}

static int faults_in(const char *text)
{
    int n = 0;

    while ((text = strstr(text, "{\"code\":")) != NULL) {
        n++;
        text++;
    }
    return n;
}

CRM_TEST(test_api_document__all_faults_at_once)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    const char *r;
    uint64_t revision;
    crm_id id =
        api_create(txn, "{\"name\":\"A\",\"external\":{\"source\":\"erp\",\"value\":\"1\"}}");
    char piece[80];

    revision = crm_txn_revision(txn);
    ck_assert_str_eq(report(txn, "{\"name\":\"B\"}"), "[]");
    r = report(txn,
               "{\"emial\":\"x\",\"vip\":\"perhaps\",\"score\":5000,\"phone\":[\"12\","
               "\"13800138000\",\"x\"],"
               "\"employees\":3,\"employer\":99,\"external\":[{\"source\":\"erp\",\"value\":\"1\"},"
               "{\"source\":\"new\",\"value\":\"1\"}]}");
    ck_assert_int_eq(faults_in(r), 9);
    ck_assert(strstr(r, "{\"code\":\"CRM_EFIELD\",\"field\":\"emial\","));
    ck_assert(strstr(r, "{\"code\":\"CRM_EVALUE\",\"field\":\"vip\","));
    ck_assert(strstr(r, "{\"code\":\"CRM_EVALUE\",\"field\":\"score\","));
    ck_assert(strstr(r, "{\"code\":\"CRM_EVALUE\",\"field\":\"phone\","));
    ck_assert(strstr(r, "{\"code\":\"CRM_EVALUE\",\"field\":\"name\","));
    ck_assert(strstr(r, "{\"code\":\"CRM_EVALUE\",\"field\":\"employees\","));
    ck_assert(strstr(r, "{\"code\":\"CRM_EVALUE\",\"field\":\"employer\","));
    ck_assert(strstr(r, "{\"code\":\"CRM_EEXISTS\",\"field\":\"external\","));
    snprintf(piece, sizeof piece, "\"row\":%llu}", (unsigned long long)id);
    ck_assert(strstr(r, piece));
    r = report(txn, "{\"name\":");
    ck_assert_int_eq(faults_in(r), 1);
    ck_assert(strstr(r, "{\"code\":\"CRM_ESYNTAX\",") && strstr(r, "\"offset\":8"));
    r = report(txn, "{\"name\":true}"); /* it is there, but wrong: not also missing */
    ck_assert_int_eq(faults_in(r), 1);
    ck_assert_uint_eq(crm_txn_revision(txn), revision);
    ck_assert_uint_eq(api_create(txn, "{\"name\":\"B\"}"), id + 1);
    api_commit(txn);
    txn = api_begin(db, CRM_READ); /* needs no right to write */
    ck_assert_int_eq(faults_in(report(txn, "{\"external\":{\"source\":\"erp\",\"value\":\"1\"}}")),
                     2);
    ck_assert_str_eq(
        report(txn, "{\"name\":\"C\",\"external\":{\"source\":\"unheard of\",\"value\":\"1\"}}"),
        "[]");
    OK(crm_txn_abort(txn));
    crm_db_close(db);
}

CRM_TEST(test_api_document__messages_hold_no_personal_data)
{
    static const char *const FAULTY[] = {
        "{\"name\":\"A\",\"phone\":\"Secret123\"}",
        "{\"name\":\"A\",\"email\":\"Secret123@x\"}",
        "{\"name\":\"A\",\"score\":\"Secret123\"}",
        "{\"name\":\"A\",\"gender\":\"Secret123\"}",
        "{\"name\":\"A\",\"birth_date\":\"Secret123\"}",
        "{\"name\":\"A\",\"country\":\"Secret123\"}",
        "{\"name\":\"A\",\"qq\":\"Secret123\"}",
        "{\"name\":\"A\",\"website\":\"Secret123\"}",
        "{\"name\":\"A\",\"last_contact\":\"Secret123\"}",
        "{\"name\":\"A\",\"credit_limit\":\"Secret123\"}",
        "{\"name\":\"A\",\"kind\":\"Secret123\"}",
        "{\"name\":\"A\",\"employer\":\"Secret123\"}",
        "{\"name\":\"A\",\"notes\":\"Secret123",
        "{\"name\":\"Secret123\",}",
        "{\"name\":\"A\",\"external\":{\"source\":\"erp\",\"value\":\"Secret123\"}}",
    };
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);

    api_create(txn, FAULTY[14]);
    for (size_t i = 0; i < sizeof FAULTY / sizeof FAULTY[0]; i++) {
        ck_assert_int_lt(create(txn, FAULTY[i]), 0);
        ck_assert_msg(!strstr(er.message, "Secret123") && !strchr(er.message, '\n') &&
                          er.message[0],
                      "%s: %s", FAULTY[i], er.message);
        ck_assert(!strstr(report(txn, FAULTY[i]), "Secret123"));
    }
    api_commit(txn);
    crm_db_close(db);
}

/* ---- exact numbers ---- */

CRM_TEST(test_api_document__decimals_and_money_are_exact)
{
    static const char *const EXACT[] = {
        "0",
        "0.1",
        "0.10",
        "-0.1",
        "123456789012345678",
        "999999999999.999999",
        "0.000000000001",
        "1.000000000000",
        "-99999999999999999.9",
        "12.50",
        "1000000",
        "0.30000000000",
    };
    crm_db *db = api_open_model("crm: 1\ncurrency: CNY\nfields:\n  d: {type: decimal}\n"
                                "  m: {type: money}\n  l: {type: decimal, list: true}\n");
    crm_txn *txn = api_begin(db, CRM_WRITE);
    char doc[300], want[120];
    crm_id id;

    for (size_t i = 0; i < sizeof EXACT / sizeof EXACT[0]; i++) {
        const char *t = EXACT[i];
        for (int quoted = 0; quoted < 2; quoted++) {
            const char *q = quoted ? "\"" : "";
            snprintf(doc, sizeof doc,
                     "{\"d\":%s%s%s,\"m\":{\"amount\":%s%s%s,\"currency\":\"JPY\"},"
                     "\"l\":[%s%s%s,%s1%s]}",
                     q, t, q, q, t, q, q, t, q, q, q);
            id = api_create(txn, doc);
            snprintf(want, sizeof want,
                     "\"d\":\"%s\",\"m\":{\"amount\":\"%s\",\"currency\":\"JPY\"},\"l\":[\"%s\"", t,
                     t, t);
            ck_assert_msg(api_has(txn, id, want), "%s gives %s", doc, api_json(txn, id, 0));
        }
    }
    ck_assert(api_has(txn, api_create(txn, "{\"d\":1.5e3,\"m\":2.5e-2}"),
                      "\"d\":\"1500\",\"m\":{\"amount\":\"0.025\",\"currency\":\"CNY\"}"));
    IS(CRM_EVALUE, create(txn, "{\"d\":\"1234567890123456789\"}"));
    IS(CRM_EVALUE, create(txn, "{\"d\":0.0000000000001}"));
    IS(CRM_EVALUE, create(txn, "{\"d\":1e300}"));
    IS(CRM_EVALUE, create(txn, "{\"d\":\"1,23\"}"));
    IS(CRM_EVALUE, create(txn, "{\"m\":{\"amount\":\"1\",\"currency\":\"XQX\"}}"));
    api_commit(txn);
    crm_db_close(db);
}

CRM_TEST(test_api_document__integers_of_64_bits)
{
    crm_db *db = api_open_model("crm: 1\nfields:\n  i: {type: integer}\n  t: {type: text}\n");
    crm_txn *txn = api_begin(db, CRM_WRITE);

    ck_assert(
        api_has(txn, api_create(txn, "{\"i\":9223372036854775807}"), "\"i\":9223372036854775807"));
    ck_assert(api_has(txn, api_create(txn, "{\"i\":-9223372036854775808}"),
                      "\"i\":-9223372036854775808"));
    ck_assert(
        api_has(txn, api_create(txn, "{\"i\":\"-9223372036854775808\"}"), "-9223372036854775808"));
    ck_assert(api_has(txn, api_create(txn, "{\"i\":-0}"), "\"i\":0"));
    ck_assert_int_lt(create(txn, "{\"i\":9223372036854775808}"), 0);
    ck_assert_int_lt(create(txn, "{\"i\":-9223372036854775809}"), 0);
    ck_assert_int_lt(create(txn, "{\"i\":9999999999999999999}"), 0);
    ck_assert_int_lt(create(txn, "{\"i\":-9999999999999999999}"), 0);
    ck_assert_int_lt(create(txn, "{\"i\":99999999999999999999}"), 0);
    ck_assert(api_has(txn, api_create(txn, "{\"t\":9999999999999999999}"),
                      "\"t\":\"9999999999999999999\""));
    if (create(txn, "{\"t\":-9999999999999999999}") ==
        CRM_OK) /* refused or kept, never another number */
        ck_assert(api_has(txn, 6, "\"t\":\"-9999999999999999999\""));
    api_commit(txn);
    crm_db_close(db);
}

/* ---- times ---- */

CRM_TEST(test_api_document__partial_dates)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_WRITE);
    static const char *const DATES[][2] = {
        {"1990", "1990"},           {"1990-05", "1990-05"},       {"1990-05-06", "1990-05-06"},
        {"1990/5/6", "1990-05-06"}, {"19900506", "1990-05-06"},   {"1990年5月6日", "1990-05-06"},
        {"1990年5月", "1990-05"},   {"1990.12.31", "1990-12-31"}, {"2000-02-29", "2000-02-29"},
    };
    char doc[100];

    for (size_t i = 0; i < sizeof DATES / sizeof DATES[0]; i++) {
        snprintf(doc, sizeof doc, "{\"name\":\"A\",\"birth_date\":\"%s\"}", DATES[i][0]);
        ck_assert_str_eq(api_member(txn, api_create(txn, doc), "birth_date"), DATES[i][1]);
    }
    IS(CRM_EVALUE, create(txn, "{\"name\":\"A\",\"birth_date\":\"1900-02-29\"}"));
    IS(CRM_EVALUE, create(txn, "{\"name\":\"A\",\"birth_date\":\"1990-13\"}"));
    IS(CRM_EVALUE, create(txn, "{\"name\":\"A\",\"birth_date\":\"1990-00-01\"}"));
    api_commit(txn);
    crm_db_close(db);
}

static const char *stored_time(crm_db *db, const char *zone, const char *text)
{
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    crm_txn *txn;
    char doc[120];
    const char *got;

    o.zone = zone;
    OK(crm_txn_begin(db, CRM_WRITE, &o, &txn, &er));
    snprintf(doc, sizeof doc, "{\"name\":\"A\",\"last_contact\":\"%s\"}", text);
    got = api_member(txn, api_create(txn, doc), "last_contact");
    api_commit(txn);
    return got;
}

CRM_TEST(test_api_document__zones)
{
    crm_db *db = api_open();

    ck_assert_str_eq(stored_time(db, NULL, "2024-07-01 12:00"), "2024-07-01T12:00:00Z");
    ck_assert_str_eq(stored_time(db, "+08:00", "2024-07-01 12:00"), "2024-07-01T04:00:00Z");
    ck_assert_str_eq(stored_time(db, "Asia/Shanghai", "2024-07-01T12:00:00"),
                     "2024-07-01T04:00:00Z");
    ck_assert_str_eq(stored_time(db, "Europe/Berlin", "2024-07-01T12:00:00"),
                     "2024-07-01T10:00:00Z");
    ck_assert_str_eq(stored_time(db, "Europe/Berlin", "2024-01-01T12:00:00"),
                     "2024-01-01T11:00:00Z");
    ck_assert_str_eq(stored_time(db, "Europe/Berlin", "2024-01-01T12:00:00Z"),
                     "2024-01-01T12:00:00Z");
    ck_assert_str_eq(stored_time(db, "-03:30", "2024-01-01T12:00:00.123456"),
                     "2024-01-01T15:30:00.123456Z");
    ck_assert_str_eq(stored_time(db, "Asia/Shanghai", "2024-01-01"), "2023-12-31T16:00:00Z");
    crm_db_close(db);
}

/* The typed door reads local times in the zone of the transaction the record was made in. */
CRM_TEST(test_api_document__zone_of_a_record)
{
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    crm_db *db = api_open();
    crm_txn *txn;
    crm_field f;
    crm_customer *c;
    int64_t us;

    o.zone = "Asia/Shanghai";
    OK(crm_txn_begin(db, CRM_READ, &o, &txn, &er));
    f = api_field(txn, "last_contact");
    OK(crm_customer_new(txn, &c, &er));
    OK(crm_txn_abort(txn));
    OK(crm_customer_set(c, &f, "2024-07-01 12:00", CRM_NUL, &er));
    OK(crm_customer_integer(c, &f, 0, &us, &er));
    ck_assert_int_eq(us, 1719806400000000);
    crm_customer_free(c);
    crm_db_close(db);
}

/* Of the source beside it, the document's, the transaction's, in this order; wherever "source" stands. */
CRM_TEST(test_api_document__source_of_an_identity)
{
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    crm_db *db = api_open();
    crm_txn *txn;
    crm_id id;

    o.source = "shop";
    OK(crm_txn_begin(db, CRM_WRITE, &o, &txn, &er));
    id = api_create(txn, "{\"name\":\"a\",\"external\":\"1\"}");
    ck_assert_ptr_nonnull(strstr(api_json(txn, id, 0), "\"source\":\"shop\",\"value\":\"1\""));
    id = api_create(txn, "{\"name\":\"b\",\"external\":[\"1\",\"2\"],\"source\":\"till\"}");
    ck_assert_ptr_nonnull(strstr(api_json(txn, id, 0), "\"source\":\"till\",\"value\":\"2\""));
    ck_assert_ptr_null(strstr(api_json(txn, id, 0), "\"source\":\"shop\""));
    id = api_create(txn, "{\"name\":\"c\",\"identities\":[{\"kind\":\"external\",\"value\":\"3\"},"
                         "{\"kind\":\"external\",\"source\":\"erp\",\"value\":\"1\"}]}");
    ck_assert_ptr_nonnull(strstr(api_json(txn, id, 0), "\"source\":\"shop\",\"value\":\"3\""));
    ck_assert_ptr_nonnull(strstr(api_json(txn, id, 0), "\"source\":\"erp\",\"value\":\"1\""));
    IS(CRM_EEXISTS, create(txn, "{\"name\":\"d\",\"external\":\"1\"}"));
    OK(crm_txn_abort(txn));
    OK(crm_txn_begin(db, CRM_WRITE, NULL, &txn, &er));
    IS(CRM_EVALUE, create(txn, "{\"name\":\"d\",\"external\":\"1\"}"));
    ck_assert_str_eq(er.field, "external");
    OK(crm_txn_abort(txn));
    crm_db_close(db);
}
