/* SPDX-License-Identifier: MIT
 * Dimensions of tags: what is read, and what people write for a value becoming its path.
 */
#include "help.h"

static const char SHOP[] =
    "crm: 1\n"
    "fields: {region: {type: text}}\n" /* fields and dimensions may share a name */
    "tags:\n"
    "  region:\n"
    "    label: {en: Region, zh: [地域, 地区]}\n"
    "    hierarchical: true\n"
    "    values:\n"
    "      cn: {en: China, zh: 中国}\n"
    "      cn/east: {zh: 华东}\n"
    "      cn / east/shanghai: {zh: 上海}\n"
    "      us/west:\n"
    "  value: {label: 购买力, one: true, closed: true, values: {high: 高价值, low: 低价值}}\n"
    "  grade: {closed: true, hierarchical: true, values: [a/1, a/2, b]}\n"
    "  mood: {expires: true}\n"
    "  campaign:\n";

static const crm__dimension *of(const crm__model *m, const char *name)
{
    return crm__model_dimension_find(m, name, strlen(name));
}

/* "!" and the code when the text is none. */
static void path(const crm__dimension *d, const char *text, const char *expected)
{
    crm_error err = CRM_ERROR_INIT;
    crm__buf out;
    int rc;

    crm__buf_init(&out, NULL);
    crm__buf_add_str(&out, "xy");
    rc = crm__dimension_path(d, text, strlen(text), &out, &err);
    if (!expected) {
        ck_assert_msg(rc == CRM_EVALUE, "%s: %d %.*s", text, rc, (int)out.n, (char *)out.p);
        ck_assert_uint_eq(out.n, 2);
        ck_assert_ptr_nonnull(strstr(err.message, d->key));
        ck_assert_str_eq(err.field, d->key);
    } else {
        ck_assert_msg(rc == CRM_OK, "%s: %s", text, err.message);
        ck_assert_msg(out.n == 2 + strlen(expected) && !memcmp(out.p + 2, expected, out.n - 2),
                      "%s: %.*s", text, (int)out.n, (char *)out.p);
    }
    crm__buf_clear(&out);
}

CRM_TEST(test_model_dimension__what_is_written_is_what_the_dimension_holds)
{
    crm__model *m = help_parse(SHOP);
    const crm__dimension *region = of(m, "region"), *value = of(m, "购买力");

    ck_assert_uint_eq(crm__model_dimension_count(m), 5);
    ck_assert_ptr_null(crm__model_dimension_at(m, 5));
    ck_assert_ptr_eq(of(m, "地区"), region);
    ck_assert_ptr_eq(of(m, "ＲＥＧＩＯＮ"), region);
    ck_assert_ptr_null(of(m, "regions"));
    ck_assert_str_eq(crm__model_dimension_near(m, "regoin", 6), "region");
    ck_assert(region->hierarchical && !region->one && !region->closed && !region->expires);
    ck_assert_int_eq(region->line, 4);
    ck_assert_uint_eq(region->value_count, 4);
    ck_assert_str_eq(region->values[2].path, "cn/east/shanghai");
    ck_assert_str_eq(region->values[2].labels[0].text, "上海");
    ck_assert_uint_eq(region->values[3].label_count, 0);
    ck_assert(value->one && value->closed && !value->hierarchical);
    ck_assert(of(m, "mood")->expires);
    ck_assert_uint_eq(of(m, "campaign")->value_count, 0);
    crm__model_unref(m);
}

CRM_TEST(test_model_dimension__a_value_is_found_by_path_and_label_level_by_level)
{
    crm__model *m = help_parse(SHOP);
    const crm__dimension *region = of(m, "region"), *value = of(m, "value");

    path(region, "cn/east/shanghai", "cn/east/shanghai");
    path(region, " CN / East/ＳＨＡＮＧＨＡＩ ", "cn/east/shanghai");
    path(region, "上海", "cn/east/shanghai");
    path(region, "中国/华东/上海", "cn/east/shanghai");
    path(region, "china/华东", "cn/east");
    path(region, "cn／华东", "cn/east");
    path(region, "华东/hangzhou", "cn/east/hangzhou");
    path(region, "华东/上海/浦东", "cn/east/shanghai/浦东");
    path(region, "cn/上海", "cn/上海"); /* it lies two levels below */
    path(region, "de/Berlin", "de/Berlin");
    path(region, "us", "us");
    path(region, "cn/", NULL);
    path(region, "/cn", NULL);
    path(region, "cn//east", NULL);
    path(region, "", NULL);
    path(region, " \t", NULL);
    path(value, "high", "high");
    path(value, "高价值", "high");
    path(value, "hihg", NULL);
    path(of(m, "grade"), "a/1", "a/1");
    path(of(m, "grade"), "a", "a"); /* a level above listed values */
    path(of(m, "grade"), "a/3", NULL);
    path(of(m, "grade"), "b/1", NULL);
    path(of(m, "campaign"), "Spring 2027", "Spring 2027");
    crm__model_unref(m);
}

CRM_TEST(test_model_dimension__signs_that_lists_and_segments_use_stand_in_no_path)
{
    static const char *const SIGNS[] = {":",  ",",  ";",  "(",    ")",       "\"", "*",
                                        "/",  "：", "，", "；",   "（",      "）", "＊",
                                        "／", "、", "\n", "\x7f", "\xc2\x85"};
    crm__model *m = help_parse(SHOP);
    char text[500];

    for (size_t i = 0; i < sizeof SIGNS / sizeof SIGNS[0]; i++) {
        snprintf(text, sizeof text, "a%sb", SIGNS[i]);
        path(of(m, "mood"), text, NULL);
    }
    path(of(m, "mood"), "a\xff", NULL);
    memset(text, 'a', sizeof text);
    text[400] = 0;
    path(of(m, "mood"), text, text);
    text[400] = 'a';
    text[401] = 0;
    path(of(m, "mood"), text, NULL);
    /* What labels stand for counts, not what is written. */
    snprintf(text, sizeof text, "上海/%0390d", 7);
    path(of(m, "region"), text, NULL);
    crm__model_unref(m);
}

CRM_TEST(test_model_dimension__the_colon_of_a_tag_is_the_first)
{
    static const struct {
        const char *tag;
        int at, bytes;
    } CASES[] = {{"region:cn", 6, 1}, {"地域：上海", 6, 3}, {"a:b:c", 1, 1},
                 {"abc", -1, 0},      {":x", 0, 1},         {"", -1, 0}};

    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        size_t bytes = 0;
        const char *s = CASES[i].tag, *at = crm__tag_colon(s, strlen(s), &bytes);
        ck_assert_int_eq(at ? (int)(at - s) : -1, CASES[i].at);
        ck_assert_uint_eq(bytes, (size_t)CASES[i].bytes);
    }
}

typedef struct faults {
    size_t n;
    char text[2000];
} faults;

static void gather(const crm_finding *f, void *ctx)
{
    faults *all = ctx;

    all->n += (size_t)snprintf(all->text + all->n, sizeof all->text - all->n, "%d: %s\n", f->line,
                               f->message);
}

static void fails(const char *tags, const char *expected)
{
    char yaml[2000];
    crm__model *m;
    faults all = {0, ""};

    snprintf(yaml, sizeof yaml, "crm: 1\nfields: {x: {type: text}}\ntags:%s\n", tags);
    ck_assert_int_eq(crm__model_parse(NULL, yaml, strlen(yaml), gather, &all, &m, NULL),
                     CRM_EMODEL);
    ck_assert_msg(strstr(all.text, expected) != NULL, "%s\n%s", tags, all.text);
}

CRM_TEST(test_model_dimension__faults_have_their_line)
{
    fails(" [a]", "3: tags: expected a map");
    fails("\n  A: {}", "4: key \"A\" of a dimension: a key is");
    fails("\n  a: b", "4: dimension \"a\": expected a map");
    fails("\n  a: {ones: true}", "4: dimension \"a\": unknown key \"ones\", did you mean \"one\"?");
    fails("\n  a: {one: 1}", "4: dimension \"a\": one must be true or false");
    fails("\n  a: {closed: true}", "4: dimension \"a\": a closed dimension needs values");
    fails("\n  a: {values: x}", "4: dimension \"a\": values must be a map");
    fails("\n  a: {values: [x/y]}", "has no levels");
    fails("\n  a: {values: ['x:y']}", "holds one of");
    fails("\n  a: {values: [[x]]}", "holds texts only");
    fails("\n  a: {hierarchical: true, values: [x//y]}", "empty level");
    fails("\n  a: {values: [x, X]}", "key \"X\" is taken");
    fails("\n  a: {values: {x: Z, y: z}}", "label \"z\" of \"y\" is also a name of \"x\"");
    fails("\n  a: {label: Q}\n  b: {label: q}", "5: label \"q\" of \"b\" is also a name of \"a\"");
}

CRM_TEST(test_model_dimension__the_built_in_model_has_seven)
{
    static const char *const NAMES[][2] = {{"region", "地域"},        {"industry", "行业"},
                                           {"value", "购买力"},       {"behaviour", "行为"},
                                           {"lifecycle", "生命周期"}, {"interest", "兴趣"},
                                           {"label", "标记"}};
    crm__model *m = help_parse(crm_model_default());

    ck_assert_uint_eq(crm__model_dimension_count(m), 7);
    for (size_t i = 0; i < 7; i++) {
        ck_assert_str_eq(crm__model_dimension_at(m, i)->key, NAMES[i][0]);
        ck_assert_ptr_eq(of(m, NAMES[i][1]), crm__model_dimension_at(m, i));
    }
    path(of(m, "购买力"), "高价值", "high");
    path(of(m, "行为"), "沉睡", "dormant");
    path(of(m, "地域"), "cn/east/上海", "cn/east/上海");
    crm__model_unref(m);
}
