/* SPDX-License-Identifier: MIT
 * The JSON form of segments: what each condition looks like, and what is refused, where.
 */
#include "help.h"

#include "codec/json.h"

static crm__model *model;

static void set_up(void)
{
    model = help_model(HELP_YAML);
}

typedef struct form {
    const char *text, *json;
} form;

/* One line of each, both ways. */
static const form FORMS[] = {
    {"all", "{\"all\":true}"},
    {"none", "{\"none\":true}"},
    {"not (all and none)", "{\"not\":{\"and\":[{\"all\":true},{\"none\":true}]}}"},
    {"all or none or not all",
     "{\"or\":[{\"all\":true},{\"none\":true},{\"not\":{\"all\":true}}]}"},
    {"tag(region:cn/east, value:*)",
     "{\"tag\":[\"region:cn/east\",\"value:*\"],\"match\":\"any\"}"},
    {"tag all (behaviour:\"a b\")", "{\"tag\":[\"behaviour:a b\"],\"match\":\"all\"}"},
    {"tag none (value:low)", "{\"tag\":[\"value:low\"],\"match\":\"none\"}"},
    {"score >= 700", "{\"field\":\"score\",\"op\":\">=\",\"value\":700}"},
    {"score != -1", "{\"field\":\"score\",\"op\":\"!=\",\"value\":-1}"},
    {"score not in (1, 2)", "{\"field\":\"score\",\"op\":\"not in\",\"values\":[1,2]}"},
    {"weight between 1.50 and 2",
     "{\"field\":\"weight\",\"op\":\"between\",\"values\":[\"1.50\",\"2\"]}"},
    {"credit < 5.00 USD",
     "{\"field\":\"credit\",\"op\":\"<\",\"value\":{\"amount\":\"5.00\",\"currency\":\"USD\"}}"},
    {"vip = true", "{\"field\":\"vip\",\"op\":\"=\",\"value\":true}"},
    {"grade in (a, \"or\")", "{\"field\":\"grade\",\"op\":\"in\",\"values\":[\"a\",\"or\"]}"},
    {"name not starts with \"\\\"伟\\n\\\\\"",
     "{\"field\":\"name\",\"op\":\"not starts with\",\"value\":\"\\\"伟\\n\\\\\"}"},
    {"name contains \"and\"", "{\"field\":\"name\",\"op\":\"contains\",\"value\":\"and\"}"},
    {"phone is not empty", "{\"field\":\"phone\",\"op\":\"is not empty\"}"},
    {"kind = person", "{\"field\":\"kind\",\"op\":\"=\",\"value\":\"person\"}"},
    {"id in (1, 9223372036854775807)",
     "{\"field\":\"id\",\"op\":\"in\",\"values\":[1,9223372036854775807]}"},
    {"employer = 18446744073709551615",
     "{\"field\":\"employer\",\"op\":\"=\",\"value\":\"18446744073709551615\"}"},
    {"birth_date < 1990", "{\"field\":\"birth_date\",\"op\":\"<\",\"value\":\"1990\"}"},
    {"birth_date on 1990-05",
     "{\"field\":\"birth_date\",\"op\":\"in\",\"window\":{\"on\":\"1990-05\"}}"},
    {"created_at not in last 3 months",
     "{\"field\":\"created_at\",\"op\":\"not in\",\"window\":{\"last\":3,\"unit\":\"month\"}}"},
    {"created_at in next 1 hour",
     "{\"field\":\"created_at\",\"op\":\"in\",\"window\":{\"next\":1,\"unit\":\"hour\"}}"},
    {"created_at today", "{\"field\":\"created_at\",\"op\":\"in\",\"window\":{\"this\":\"day\"}}"},
    {"created_at yesterday",
     "{\"field\":\"created_at\",\"op\":\"in\",\"window\":{\"previous\":1,\"unit\":\"day\"}}"},
    {"created_at in coming 2 weeks",
     "{\"field\":\"created_at\",\"op\":\"in\",\"window\":{\"coming\":2,\"unit\":\"week\"}}"},
    {"created_at since 2025-10-03T10:00:00Z",
     "{\"field\":\"created_at\",\"op\":\"in\",\"window\":{\"since\":\"2025-10-03T10:00:00Z\"}}"},
    {"created_at before 2025",
     "{\"field\":\"created_at\",\"op\":\"in\",\"window\":{\"before\":\"2025\"}}"},
    {"created_at between 2025 and 2026-01",
     "{\"field\":\"created_at\",\"op\":\"in\",\"window\":{\"between\":[\"2025\",\"2026-01\"]}}"},
    {"anniversary(birth_date) not in this quarter",
     "{\"anniversary\":\"birth_date\",\"op\":\"not in\",\"window\":{\"this\":\"quarter\"}}"},
    {"segment(\"a b\")", "{\"segment\":\"a b\"}"},
    {"event(*)", "{\"event\":{\"kind\":\"*\"}}"},
    {"event(order, today, amount > 5 CNY, due in this week, source = \"x\")",
     "{\"event\":{\"kind\":\"order\",\"window\":{\"this\":\"day\"},\"where\":[{\"attribute\":"
     "\"amount\","
     "\"op\":\">\",\"value\":{\"amount\":\"5\",\"currency\":\"CNY\"}},{\"attribute\":\"due\","
     "\"op\":\"in\","
     "\"window\":{\"this\":\"week\"}},{\"attribute\":\"source\",\"op\":\"=\",\"value\":\"x\"}]}}"},
    {"count(order) between 1 and 3",
     "{\"count\":{\"kind\":\"order\"},\"op\":\"between\",\"values\":[1,3]}"},
    {"sum(order.amount, on 2025) >= 1 EUR", "{\"sum\":{\"kind\":\"order\",\"attribute\":\"amount\","
                                            "\"window\":{\"on\":\"2025\"}},\"op\":\">=\","
                                            "\"value\":{\"amount\":\"1\",\"currency\":\"EUR\"}}"},
    {"avg(order.items) > 2.5",
     "{\"avg\":{\"kind\":\"order\",\"attribute\":\"items\"},\"op\":\">\",\"value\":\"2.5\"}"},
    {"min(order.due) < 2025-01-01",
     "{\"min\":{\"kind\":\"order\",\"attribute\":\"due\"},\"op\":\"<\",\"value\":\"2025-01-01\"}"},
    {"last(*) not in last 90 days",
     "{\"last\":{\"kind\":\"*\"},\"op\":\"not in\",\"window\":{\"last\":90,\"unit\":\"day\"}}"},
    {"first(order) >= 2025-10-03T10:00:00Z",
     "{\"first\":{\"kind\":\"order\"},\"op\":\">=\",\"value\":\"2025-10-03T10:00:00Z\"}"},
    {"event(quote) followed by event(order)",
     "{\"event\":{\"kind\":\"quote\"},\"followed by\":{\"kind\":\"order\"}}"},
    {"event(quote) not followed by event(order, gift = false) within 90 days",
     "{\"event\":{\"kind\":\"quote\"},\"not followed "
     "by\":{\"kind\":\"order\",\"where\":[{\"attribute\":"
     "\"gift\",\"op\":\"=\",\"value\":false}]},\"within\":{\"count\":90,\"unit\":\"day\"}}"},
};

CRM_TEST(test_segment_json__forms_both_ways)
{
    set_up();
    for (size_t i = 0; i < sizeof FORMS / sizeof *FORMS; i++) {
        const form *f = &FORMS[i];
        crm_error err = CRM_ERROR_INIT;
        crm__tree *t = help_tree(model, NULL, f->text, strlen(f->text)), *back;
        crm__buf out, text;
        crm__slice s;
        int rc;
        crm__buf_init(&out, NULL);
        ck_assert_int_eq(crm__tree_json(crm__tree_root(t), &out), CRM_OK);
        ck_assert_msg(out.n == strlen(f->json) && !memcmp(out.p, f->json, out.n), "%s\n%.*s",
                      f->json, (int)out.n, (const char *)out.p);
        rc = crm__tree_parse_json(NULL, model, NULL, f->json, strlen(f->json), &back, &err);
        ck_assert_msg(rc == CRM_OK, "%s\n%s", f->json, err.message);
        s = help_print(back, &text);
        ck_assert_msg(s.n == strlen(f->text) && !memcmp(s.p, f->text, s.n), "%s\n%.*s", f->text,
                      (int)s.n, (const char *)s.p);
        ck_assert_uint_eq(crm__tree_root(back)->length, 0);
        crm__buf_clear(&out);
        crm__buf_clear(&text);
        crm__tree_unref(t);
        crm__tree_unref(back);
    }
    crm__model_unref(model);
}

/* What people write otherwise: text. */
CRM_TEST(test_segment_json__other_spellings)
{
    static const form LIST[] = {
        {"score = 5", "{\"op\":\"=\",\"value\":\"5\",\"field\":\"评分\"}"},
        {"weight = 1.50", "{\"field\":\"weight\",\"op\":\"=\",\"value\":1.50}"},
        {"credit = 5 CNY", "{\"field\":\"credit limit\",\"op\":\"=\",\"value\":5}"},
        {"credit = 5 CNY", "{\"field\":\"credit\",\"op\":\"=\",\"value\":\"5 CNY\"}"},
        {"tag(region:cn/east/shanghai)", "{\"tag\":[\"地域:上海\"]}"},
        {"all", "{\"and\":[{\"or\":[{\"not\":{\"not\":{\"all\":true}}}]}]}"},
        {"all and none and all",
         "{\"and\":[{\"all\":true},{\"and\":[{\"none\":true},{\"all\":true}]}]}"},
        {"birth_date on 1990", "{\"field\":\"生日\",\"op\":\"=\",\"value\":\"1990\"}"},
        {"created_at between 2024 and 2025",
         "{\"field\":\"created_at\",\"op\":\"between\",\"values\":[\"2024\",\"2025\"]}"},
        {"created_at in last 2 days",
         "{\"field\":\"created_at\",\"op\":\"in\",\"window\":{\"unit\":\"Days\",\"last\":2}}"},
        {"event(order)", "{\"event\":{\"kind\":\"订单\",\"where\":[]}}"},
    };

    set_up();
    for (size_t i = 0; i < sizeof LIST / sizeof *LIST; i++) {
        crm_error err = CRM_ERROR_INIT;
        crm__tree *t;
        crm__buf text;
        crm__slice s;
        int rc =
            crm__tree_parse_json(NULL, model, NULL, LIST[i].json, strlen(LIST[i].json), &t, &err);
        ck_assert_msg(rc == CRM_OK, "%s\n%s", LIST[i].json, err.message);
        s = help_print(t, &text);
        ck_assert_msg(s.n == strlen(LIST[i].text) && !memcmp(s.p, LIST[i].text, s.n), "%.*s",
                      (int)s.n, (const char *)s.p);
        crm__buf_clear(&text);
        crm__tree_unref(t);
    }
    crm__model_unref(model);
}

typedef struct fault {
    const char *json;
    int code;
    const char *says;
} fault;

static const fault FAULTS[] = {
    {"", CRM_ESYNTAX, "JSON"},
    {"{\"all\":true", CRM_ESYNTAX, "at byte 11"},
    {"null", CRM_ESYNTAX, "expected an object"},
    {"[]", CRM_ESYNTAX, "expected an object"},
    {"{}", CRM_ESYNTAX, "expected a condition"},
    {"{\"all\":false}", CRM_ESYNTAX, "is not true"},
    {"{\"all\":null}", CRM_ESYNTAX, "is not true"},
    {"{\"all\":true,\"none\":true}", CRM_ESYNTAX, "\"all\" and \"none\" are two"},
    {"{\"all\":true,\"op\":\"=\"}", CRM_ESYNTAX, "\"op\" does not go"},
    {"{\"all\":true,\"Zebulon\":1}", CRM_ESYNTAX, "not known"},
    {"{\"and\":[]}", CRM_ESYNTAX, "a list of conditions at /and"},
    {"{\"and\":{\"all\":true}}", CRM_ESYNTAX, "a list of conditions at /and"},
    {"{\"or\":[{\"all\":true},{\"not\":[]}]}", CRM_ESYNTAX, "an object at /or/1/not"},
    {"{\"field\":\"score\"}", CRM_ESYNTAX, "\"op\" is missing"},
    {"{\"field\":5,\"op\":\"=\",\"value\":1}", CRM_ESYNTAX, "a string at /field"},
    {"{\"field\":\"scroe\",\"op\":\"=\",\"value\":1}", CRM_EFIELD, "did you mean \"score\""},
    {"{\"field\":\"score\",\"op\":\"~\",\"value\":1}", CRM_ESYNTAX, "no operator"},
    {"{\"field\":\"score\",\"op\":\"=\"}", CRM_ESYNTAX, "\"value\" is missing"},
    {"{\"field\":\"score\",\"op\":\"=\",\"values\":[1]}", CRM_ESYNTAX, "\"value\" is missing"},
    {"{\"field\":\"score\",\"op\":\"=\",\"value\":1,\"window\":{}}", CRM_ESYNTAX,
     "\"window\" does not"},
    {"{\"field\":\"score\",\"op\":\"is empty\",\"value\":1}", CRM_ESYNTAX, "\"value\" does not go"},
    {"{\"field\":\"score\",\"op\":\"=\",\"value\":\"x\"}", CRM_EVALUE,
     "score: is not a whole number"},
    {"{\"field\":\"score\",\"op\":\"=\",\"value\":[1]}", CRM_EVALUE, "at /value"},
    {"{\"field\":\"score\",\"op\":\"=\",\"value\":null}", CRM_EVALUE, "at /value"},
    {"{\"field\":\"score\",\"op\":\"in\",\"values\":[]}", CRM_ESYNTAX, "at /values"},
    {"{\"field\":\"score\",\"op\":\"in\",\"values\":[1,true]}", CRM_EVALUE, "at /values/1"},
    {"{\"field\":\"score\",\"op\":\"between\",\"values\":[1]}", CRM_ESYNTAX, "two values"},
    {"{\"field\":\"score\",\"op\":\"contains\",\"value\":\"1\"}", CRM_EVALUE, "does not go"},
    {"{\"field\":\"created_at\",\"op\":\"in\",\"window\":{}}", CRM_ESYNTAX, "a time such as"},
    {"{\"field\":\"created_at\",\"op\":\"in\",\"window\":{\"last\":3}}", CRM_ESYNTAX,
     "\"unit\" is missing"},
    {"{\"field\":\"created_at\",\"op\":\"in\",\"window\":{\"last\":\"3\",\"unit\":\"day\"}}",
     CRM_ESYNTAX, "a number at /window/last"},
    {"{\"field\":\"created_at\",\"op\":\"in\",\"window\":{\"last\":0,\"unit\":\"day\"}}",
     CRM_ESYNTAX, "from 1 to 1000000"},
    {"{\"field\":\"created_at\",\"op\":\"in\",\"window\":{\"last\":1,\"unit\":\"tag\"}}",
     CRM_ESYNTAX, "a unit from minute to year at /window/unit"},
    {"{\"field\":\"created_at\",\"op\":\"in\",\"window\":{\"last\":1,\"next\":1,\"unit\":\"day\"}}",
     CRM_ESYNTAX, "\"next\" does not go"},
    {"{\"field\":\"created_at\",\"op\":\"in\",\"window\":{\"this\":\"day\",\"unit\":\"day\"}}",
     CRM_ESYNTAX, "\"unit\" does not go"},
    {"{\"field\":\"created_at\",\"op\":\"in\",\"window\":{\"since\":\"x\"}}", CRM_EVALUE,
     "at /window/since"},
    {"{\"field\":\"created_at\",\"op\":\"in\",\"window\":{\"between\":[\"2025\"]}}", CRM_ESYNTAX,
     "two dates"},
    {"{\"anniversary\":\"birth_date\",\"op\":\"=\",\"value\":\"1990\"}", CRM_ESYNTAX,
     "an anniversary"},
    {"{\"event\":\"order\"}", CRM_ESYNTAX, "an object at /event"},
    {"{\"event\":{}}", CRM_ESYNTAX, "\"kind\" is missing at /event"},
    {"{\"event\":{\"kind\":\"order\",\"attribute\":\"amount\"}}", CRM_ESYNTAX,
     "\"attribute\" does not go"},
    {"{\"event\":{\"kind\":\"order\"},\"op\":\"=\"}", CRM_ESYNTAX, "missing"},
    {"{\"event\":{\"kind\":\"order\"},\"followed by\":{\"kind\":\"order\"},\"not followed "
     "by\":{\"kind\":"
     "\"order\"}}",
     CRM_ESYNTAX, "does not go"},
    {"{\"event\":{\"kind\":\"order\"},\"followed "
     "by\":{\"kind\":\"order\"},\"within\":{\"last\":1}}",
     CRM_ESYNTAX, "at /within"},
    {"{\"event\":{\"kind\":\"order\",\"where\":[{\"attribute\":\"amuont\",\"op\":\"is empty\"}]}}",
     CRM_EFIELD, "did you mean \"amount\", at /event/where/0"},
    {"{\"event\":{\"kind\":\"order\",\"where\":[{\"op\":\"is empty\"}]}}", CRM_ESYNTAX,
     "\"attribute\" is missing at /event/where/0"},
    {"{\"event\":{\"kind\":\"order\",\"where\":{}}}", CRM_ESYNTAX, "a list at /event/where"},
    {"{\"count\":{\"kind\":\"order\"}}", CRM_ESYNTAX, "\"op\" is missing"},
    {"{\"sum\":{\"kind\":\"order\"},\"op\":\"=\",\"value\":1}", CRM_ESYNTAX,
     "\"attribute\" is missing"},
    {"{\"sum\":{\"kind\":\"*\",\"attribute\":\"x\"},\"op\":\"=\",\"value\":1}", CRM_ESYNTAX,
     "of one kind"},
    {"{\"tag\":[]}", CRM_ESYNTAX, "at /tag"},
    {"{\"tag\":[\"x\"]}", CRM_ESYNTAX, "a tag such as"},
    {"{\"tag\":[\"region:cn\",\"regoin:x\"]}", CRM_EFIELD, "at /tag/1"},
    {"{\"tag\":[\"region:cn\"],\"match\":\"some\"}", CRM_ESYNTAX, "\"match\" is not"},
    {"{\"segment\":\"\"}", CRM_EVALUE, "the name of a segment"},
    {"{\"segment\":\"a\",\"segment\":\"b\"}", CRM_ESYNTAX, "second time"},
};

CRM_TEST(test_segment_json__faults_have_their_place)
{
    crm__tree *t;

    set_up();
    for (size_t i = 0; i < sizeof FAULTS / sizeof *FAULTS; i++) {
        const fault *f = &FAULTS[i];
        crm_error err = CRM_ERROR_INIT;
        int rc = crm__tree_parse_json(NULL, model, NULL, f->json, strlen(f->json), &t, &err);
        ck_assert_ptr_null(t);
        ck_assert_msg(rc == f->code && strstr(err.message, f->says), "%s\n%d: %s", f->json, rc,
                      err.message);
        ck_assert_ptr_null(strstr(err.message, "Zebulon"));
        ck_assert_int_eq(
            crm__tree_parse_json(NULL, model, NULL, f->json, strlen(f->json), &t, NULL), rc);
    }
    crm__model_unref(model);
}

/* The deepest tree that text can say goes through JSON, one that is deeper is refused. */
CRM_TEST(test_segment_json__depth)
{
    static const char *const PARTS[] = {"{\"and\":[{\"all\":true},", "{\"or\":[{\"all\":true},",
                                        "{\"not\":"};
    static const char *const ENDS[] = {"]}", "]}", "}"};
    crm_error err = CRM_ERROR_INIT;
    crm__tree *t, *again;
    crm__buf out;
    crm__slice s;

    set_up();
    for (int levels = CRM__SEGMENT_DEPTH; levels <= 1000; levels += levels > 64 ? 935 : 1) {
        char *json = calloc(1, 100000);
        int rc;
        for (int i = 0; i < levels; i++)
            strcat(json, PARTS[i % (levels > 64 ? 2 : 3)]);
        strcat(json,
               "{\"event\":{\"kind\":\"order\",\"window\":{\"between\":[\"2025\",\"2026\"]}}}");
        for (int i = levels; i-- > 0;)
            strcat(json, ENDS[i % (levels > 64 ? 2 : 3)]);
        rc = crm__tree_parse_json(NULL, model, NULL, json, strlen(json), &t, &err);
        ck_assert_msg(rc == (levels == CRM__SEGMENT_DEPTH ? CRM_OK : CRM_ESYNTAX), "%d: %s", levels,
                      err.message);
        free(json);
        if (rc)
            continue;
        ck_assert_uint_eq(crm__tree_root(t)->height, CRM__SEGMENT_DEPTH);
        s = help_print(t, &out);
        again = help_tree(model, NULL, (const char *)s.p, s.n);
        crm__tree_unref(again);
        crm__tree_unref(t);
        crm__buf_clear(&out);
    }
    crm__model_unref(model);
}

CRM_TEST(test_segment_json__no_memory_is_an_error)
{
    crm_error err = CRM_ERROR_INIT;

    set_up();
    for (size_t i = 0; i < sizeof FORMS / sizeof *FORMS; i++) {
        int rc = CRM_ENOMEM;
        for (size_t n = 1; rc == CRM_ENOMEM; n++) {
            help_memory h = {0, n, 0, 0};
            crm_allocator mem = {sizeof mem, help_alloc, help_realloc, help_free, &h};
            crm__tree *t;
            rc = crm__tree_parse_json(&mem, model, NULL, FORMS[i].json, strlen(FORMS[i].json), &t,
                                      &err);
            ck_assert(rc == CRM_OK || (rc == CRM_ENOMEM && !t));
            crm__tree_unref(t);
            ck_assert_uint_eq(h.alive, 0);
        }
        ck_assert_int_eq(rc, CRM_OK);
    }
    crm__model_unref(model);
}
