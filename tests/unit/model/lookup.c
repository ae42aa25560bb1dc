/* SPDX-License-Identifier: MIT
 * Finding fields, kinds and values by name and number; giving numbers.
 */
#include "help.h"

#include "base/utf8.h"

static const char SHOP[] =
    "crm: 1\nkinds: {person: {label: {en: Person, zh: 个人}}, organisation: {label: [Firm, "
    "公司]}}\n"
    "fields:\n"
    "  name: {type: text, label: {en: Full name, zh: [姓名, 名称]}}\n"
    "  phone: {type: phone, list: true, identity: true, label: {zh: 手机号}}\n"
    "  grade: {type: enum, values: {a: A级, b: {en: Second, zh: B级}, c: }, default: b}\n"
    "  colours: {type: enum, list: true, values: [red, green, blue], default: [blue, red]}\n"
    "identities:\n"
    "  wechat: {type: text, label: {en: WeChat, zh: 微信}}\n";

static void find(const crm__model *m, const char *name, const char *key)
{
    const crm__field *f = help_find(m, name);

    if (!key)
        ck_assert_ptr_null(f);
    else
        ck_assert_msg(f && !strcmp(f->key, key), "%s", name);
}

CRM_TEST(test_model_lookup__names_are_keys_and_labels_in_any_case_and_width)
{
    crm__model *m = help_model(SHOP);

    find(m, "name", "name");
    find(m, "Name", "name");
    find(m, " ＮＡＭＥ ", "name");
    find(m, "full  NAME", "name");
    find(m, "姓名", "name");
    find(m, "名称", "name");
    find(m, "手机号", "phone");
    find(m, "wechat", "wechat");
    find(m, "ＷeＣhat", "wechat");
    find(m, "微信", "wechat");
    find(m, "id", NULL); /* reserved */
    find(m, "Tags", NULL);
    find(m, "", NULL);
    find(m, "nam", NULL);
    find(m, "姓", NULL);
    find(m, "name\xff", NULL);
    find(m, "\xe5\xa7", NULL);
    crm__model_unref(m);
}

CRM_TEST(test_model_lookup__long_names_are_not_found)
{
    crm__model *m = help_model(SHOP);
    size_t n = 1 << 20;
    char *s = malloc(n);

    memset(s, 'n', n);
    for (size_t k = 500; k < n; k += k / 3)
        ck_assert_ptr_null(crm__model_find(m, s, k));
    ck_assert_ptr_null(crm__model_near(m, s, n));
    free(s);
    crm__model_unref(m);
}

CRM_TEST(test_model_lookup__near_names_are_offered)
{
    crm__model *m = help_model(SHOP);

    ck_assert_str_eq(crm__model_near(m, "phnoe", 5), "phone");
    ck_assert_str_eq(crm__model_near(m, "Full nmae", 9), "Full name");
    ck_assert_str_eq(crm__model_near(m, "手机", strlen("手机")), "手机号");
    ck_assert_ptr_null(crm__model_near(m, "something else", 14));
    ck_assert_ptr_null(crm__model_near(m, "", 0));
    crm__model_unref(m);
}

CRM_TEST(test_model_lookup__kinds_have_keys_and_labels)
{
    crm__model *m = help_model(SHOP), *bare = help_model("crm: 1\nfields: {x: {type: text}}\n");
    uint32_t count;

    ck_assert_str_eq(crm__kind_key(CRM__KIND_PERSON), "person");
    ck_assert_str_eq(crm__kind_key(CRM__KIND_ORGANISATION), "organisation");
    ck_assert_ptr_null(crm__kind_key(0));
    ck_assert_ptr_null(crm__kind_key(3));
    ck_assert_uint_eq(crm__kind_find(m, "person", 6), CRM__KIND_PERSON);
    ck_assert_uint_eq(crm__kind_find(m, "个人", strlen("个人")), CRM__KIND_PERSON);
    ck_assert_uint_eq(crm__kind_find(m, "FIRM", 4), CRM__KIND_ORGANISATION);
    ck_assert_uint_eq(crm__kind_find(m, "robot", 5), 0);
    ck_assert_uint_eq(crm__kind_find(bare, "organisation", 12), CRM__KIND_ORGANISATION);
    ck_assert_uint_eq(crm__kind_find(bare, "firm", 4), 0);
    ck_assert_str_eq(crm__kind_labels(m, CRM__KIND_ORGANISATION, &count)[1].text, "公司");
    ck_assert_uint_eq(count, 2);
    crm__kind_labels(bare, CRM__KIND_PERSON, &count);
    ck_assert_uint_eq(count, 0);
    ck_assert_ptr_null(crm__kind_labels(m, 7, &count));
    ck_assert_uint_eq(count, 0);
    crm__model_unref(m);
    crm__model_unref(bare);
}

static int record(void *ctx, char cls, const char *name, size_t n, uint32_t *number, crm_error *err)
{
    char *log = ctx;
    size_t at = strlen(log);

    (void)err;
    ck_assert_uint_eq(strlen(name), n);
    snprintf(log + at, 1000 - at, "%c %s\n", cls, name);
    *number = 1000000007u * (uint32_t)(at + 1);
    return CRM_OK;
}

CRM_TEST(test_model_lookup__bind_asks_each_name_once_and_numbers_lead_back)
{
    char log[1000] = "";
    crm__model *m = help_parse(SHOP);
    const crm__field *f;

    ck_assert_ptr_null(crm__model_number(m, 1));
    ck_assert_ptr_null(crm__enum_number(help_find(m, "grade"), 1));
    ck_assert_uint_eq(help_find(m, "grade")->default_value.n, 0);
    ck_assert_int_eq(crm__model_bind(m, 9, record, log, NULL), CRM_OK);
    ck_assert_str_eq(log, "f name\nf phone\nf grade\ne grade/a\ne grade/b\ne grade/c\nf colours\n"
                          "e colours/red\ne colours/green\ne colours/blue\nf wechat\n");
    ck_assert_uint_eq(crm__model_version(m), 9);
    for (size_t i = 0; i < crm__model_count(m); i++) {
        f = crm__model_at(m, i);
        ck_assert_ptr_eq(crm__model_number(m, f->number), f);
        for (uint32_t k = 0; k < f->value_count; k++) {
            ck_assert_ptr_eq(crm__enum_number(f, f->values[k].number), &f->values[k]);
            ck_assert_ptr_eq(crm__enum_find(f, f->values[k].key, strlen(f->values[k].key)),
                             &f->values[k]);
        }
    }
    ck_assert_ptr_null(crm__model_number(m, 0));
    ck_assert_ptr_null(crm__model_number(m, 12345));
    f = help_find(m, "grade");
    ck_assert_ptr_null(crm__enum_number(f, 0));
    ck_assert_ptr_null(crm__enum_number(f, 1));
    ck_assert_ptr_eq(crm__enum_find(f, "ｂ级", strlen("ｂ级")), &f->values[1]);
    ck_assert_ptr_null(crm__enum_find(f, "d", 1));
    ck_assert_ptr_null(crm__enum_find(help_find(m, "name"), "a", 1));
    ck_assert_int_eq(crm__model_bind(m, 10, record, log, NULL), CRM_ESTATE);
    ck_assert_uint_eq(crm__model_version(m), 9);
    crm__model_unref(m);
}

CRM_TEST(test_model_lookup__defaults_of_enums_get_the_numbers)
{
    crm__model *m = help_model(SHOP);
    const crm__field *f = help_find(m, "grade");
    crm__slice item;
    crm__value v;
    size_t pos = 0;

    ck_assert_int_eq(crm__value_decode(CRM_TYPE_ENUM, 0, f->default_value, &v), CRM_OK);
    ck_assert_str_eq(crm__enum_number(f, (uint32_t)v.integer)->key, "b");
    f = help_find(m, "colours");
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(crm__list_next(f->default_value, &pos, &item), CRM_OK);
        ck_assert_int_eq(crm__value_decode(CRM_TYPE_ENUM, 0, item, &v), CRM_OK);
        ck_assert_str_eq(crm__enum_number(f, (uint32_t)v.integer)->key, i ? "red" : "blue");
    }
    ck_assert_int_eq(crm__list_next(f->default_value, &pos, &item), CRM_DONE);
    crm__model_unref(m);
}

/* Gives numbers from 1, stops or misbehaves at the call in `at`. */
typedef struct trouble {
    int at, calls;
    int rc;
    uint32_t number;
} trouble;

static int make_trouble(void *ctx, char cls, const char *name, size_t n, uint32_t *number,
                        crm_error *err)
{
    trouble *t = ctx;

    (void)cls;
    (void)name;
    (void)n;
    (void)err;
    *number = (uint32_t)++t->calls;
    if (t->calls != t->at)
        return CRM_OK;
    *number = t->number;
    return t->rc;
}

CRM_TEST(test_model_lookup__a_bind_that_fails_leaves_the_model_unbound)
{
    crm__model *m = help_parse(SHOP);
    uint32_t last = 100;

    for (int at = 1; at <= 11; at++) {
        trouble t = {at, 0, CRM_EFULL, 1};
        ck_assert_int_eq(crm__model_bind(m, 1, make_trouble, &t, NULL), CRM_EFULL);
        ck_assert_int_eq(t.calls, at);
        t = (trouble){at, 0, CRM_OK, 0};
        ck_assert_int_eq(crm__model_bind(m, 1, make_trouble, &t, NULL), CRM_ECORRUPT);
        ck_assert_ptr_null(crm__model_number(m, 1));
        ck_assert_uint_eq(crm__model_at(m, 0)->number, 0);
        ck_assert_uint_eq(help_find(m, "grade")->default_value.n, 0);
        ck_assert_uint_eq(help_find(m, "grade")->values[0].number, 0);
    }
    for (int at = 2; at <= 3; at++) { /* two fields with the same number */
        trouble t = {at, 0, CRM_OK, 1};
        ck_assert_int_eq(crm__model_bind(m, 1, make_trouble, &t, NULL), CRM_ECORRUPT);
    }
    ck_assert_uint_eq(crm__model_version(m), 0);
    ck_assert_int_eq(crm__model_bind(m, 1, help_number, &last, NULL), CRM_OK);
    ck_assert_ptr_nonnull(crm__model_number(m, 101));
    crm__model_unref(m);
}

/* Against a search through all names, folded. */
CRM_TEST(test_model_lookup__many_random_names_are_found_as_by_search)
{
    uint64_t seed = crmtest_seed() + 3;
    static char yaml[80000], names[400][24];
    size_t at = (size_t)sprintf(yaml, "crm: 1\nfields:\n");
    crm__model *m;

    for (int i = 0; i < 400; i++) {
        static const char *const parts[] = {"a", "B", "é", "É", "中", "国", "x", "Ａ", "9", "_"};
        names[i][0] = 0;
        for (int k = 0; k < 4; k++)
            strcat(names[i], parts[crmtest_below(&seed, 10)]);
        /* A clash is a fault, so the label gets a number too. */
        at += (size_t)sprintf(yaml + at, "  f%d: {type: text, label: '%s%d'}\n", i, names[i], i);
        sprintf(names[i] + strlen(names[i]), "%d", i);
    }
    m = help_model(yaml);
    for (size_t round = 0; round < crmtest_rounds(4000, 40000); round++) {
        char word[32], folded[64], other[64];
        const crm__field *found, *expected = NULL;
        size_t n, k;
        strcpy(word, names[crmtest_below(&seed, 400)]);
        if (crmtest_below(&seed, 2))
            word[crmtest_below(&seed, 2)] = (char)('a' + crmtest_below(&seed, 26));
        found = help_find(m, word);
        if (crm__utf8_fold(word, strlen(word), folded, sizeof folded, &n) == CRM_OK) {
            for (size_t i = 0; i < 400 && !expected; i++) {
                crm__utf8_fold(names[i], strlen(names[i]), other, sizeof other, &k);
                if (n == k && !memcmp(folded, other, n))
                    expected = crm__model_at(m, i);
            }
        }
        ck_assert_ptr_eq(found, expected);
    }
    crm__model_unref(m);
}
