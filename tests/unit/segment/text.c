/* SPDX-License-Identifier: MIT
 * The text of segments: what is read, its canonical form, and what is refused, where and why.
 */
#include "help.h"

#include "segment/lex.h"

static crm__model *model;
static crm__zone *zone;

static void set_up(void)
{
    model = help_model(HELP_YAML);
    ck_assert_int_eq(crm__zone_open(NULL, "+08:00", &zone, NULL), CRM_OK);
}

static void tear_down(void)
{
    crm__model_unref(model);
    crm__zone_close(zone);
}

/* Read, printed as `want`; that read again prints the same bytes. */
static void same(const char *text, const char *want)
{
    crm__tree *t = help_tree(model, zone, text, strlen(text)), *again;
    crm__buf out, back;
    crm__slice s = help_print(t, &out), s2;

    ck_assert_msg(s.n == strlen(want) && !memcmp(s.p, want, s.n), "%s\nis  %.*s\nnot %s", text,
                  (int)s.n, (const char *)s.p, want);
    again = help_tree(model, NULL, (const char *)s.p, s.n);
    s2 = help_print(again, &back);
    ck_assert_msg(crm__slice_compare(s, s2) == 0, "%s\nthen %.*s", want, (int)s2.n,
                  (const char *)s2.p);
    crm__buf_clear(&out);
    crm__buf_clear(&back);
    crm__tree_unref(t);
    crm__tree_unref(again);
}

typedef struct pair {
    const char *text, *want;
} pair;

static void all_same(const pair *list, size_t n)
{
    set_up();
    for (size_t i = 0; i < n; i++)
        same(list[i].text, list[i].want ? list[i].want : list[i].text);
    tear_down();
}

#define ALL_SAME(list) all_same(list, sizeof(list) / sizeof *(list))

CRM_TEST(test_segment_text__booleans_have_their_laws)
{
    static const pair LIST[] = {
        {"all", 0},
        {" none # nobody", "none"},
        {"not all", 0},
        {"not not all", "all"},
        {"not not not none", "not none"},
        {"all and none or all", 0},
        {"all and (none or all)", 0},
        {"(all and none) or all", "all and none or all"},
        {"((all)) and ((all and none) and all)", "all and all and none and all"},
        {"all or (none or all)", "all or none or all"},
        {"not (all and none)", 0},
        {"not (all or none)", 0},
        {"not all and none", 0},
        {"not (not (all and none))", "all and none"},
        {"ALL And\n none\tOR not(ALL)", "all and none or not all"},
        {"（all or none） and all", "(all or none) and all"},
        {"all # the first\n# a line\nand none", "all and none"},
    };

    ALL_SAME(LIST);
}

CRM_TEST(test_segment_text__comparisons_of_every_type)
{
    static const pair LIST[] = {
        {"score = 700", 0},
        {"score==700", "score = 700"},
        {"评分 ≥ 700", "score >= 700"},
        {"score<=-5", "score <= -5"},
        {"score <> 1", "score != 1"},
        {"score≠1", "score != 1"},
        {"score in (1, 2,3)", "score in (1, 2, 3)"},
        {"score not in (1)", 0},
        {"score between 1 and 5 and vip = true", 0},
        {"score not between 1 and 5000", 0},
        {"score is empty", 0},
        {"score is not empty", 0},
        {"not score is empty", 0},
        {"weight >= 70.50", 0},
        {"weight < \"1,000.5\"", "weight < 1000.5"},
        {"credit > 1000", "credit > 1000 CNY"},
        {"credit > 1000.00 usd and vip = yes", "credit > 1000.00 USD and vip = true"},
        {"credit = CNY 5", "credit = 5 CNY"},
        {"credit = ¥12.50", "credit = 12.50 CNY"},
        {"\"credit limit\" between 5 and 10 CNY", "credit between 5 CNY and 10 CNY"},
        {"price between -5 and 10.50 EUR", "price between -5 EUR and 10.50 EUR"},
        {"price in (5 ALL, \"EUR 7\")", "price in (5 ALL, 7 EUR)"},
        {"vip = 是", "vip = true"},
        {"vip != no", "vip != false"},
        {"grade = a级", "grade = a"},
        {"grade in (a, \"class c\", \"or\")", "grade in (a, c, \"or\")"},
        {"name = 张伟", "name = \"张伟\""},
        {"姓名 contains “伟”", "name contains \"伟\""},
        {"name not contains \"a 1\"", 0},
        {"name starts with \"O'Brien \\\"Bob\\\" \\\\ \\u00e9\\ud83d\\ude00\"",
         "name starts with \"O'Brien \\\"Bob\\\" \\\\ é😀\""},
        {"name not starts with 欧阳", "name not starts with \"欧阳\""},
        {"name >= \"m\"", 0},
        {"city between \"a\" and \"b\"", 0},
        {"city = \"line\\nbreak\"", 0},
        {"city = all", "city = \"all\""},
        {"city = \"x # no comment\" # a comment", "city = \"x # no comment\""},
        {"email = \"Li.Na@EXAMPLE.com\"", "email = \"Li.Na@example.com\""},
        {"email contains \"@example\"", 0},
        {"phone = \"138 0013 8000\"", "phone = \"+8613800138000\""},
        {"phone = 13800138000", "phone = \"+8613800138000\""},
        {"phone starts with \"+86\"", 0},
        {"website = \"Example.com/a\"", "website = \"https://example.com/a\""},
        {"country in (中国, us)", "country in (CN, US)"},
        {"language = zh_hans", "language = zh-Hans"},
        {"language = \"or\"", 0},
        {"language starts with \"zh\"", 0},
        {"employer = 12345", 0},
        {"owner in (li.na, \"王 芳\")", "owner in (\"li.na\", \"王 芳\")"},
        {"external = C-1001", "external = \"C-1001\""},
        {"id in (1, 2)", 0},
        {"id between 1 and 1000", 0},
        {"kind = Person", "kind = person"},
        {"类型 = organisation", "kind = organisation"},
        {"kind != organisation", 0},
        {"\"last\" = 1 and last = 2", "\"last\" = 1 and \"last\" = 2"},
        {"count >= 5", "\"count\" >= 5"},
        {"\"in\" on 2025", 0},
        {"\"and\" = x", "\"and\" = \"x\""},
    };

    ALL_SAME(LIST);
}

CRM_TEST(test_segment_text__dates_and_windows)
{
    static const pair LIST[] = {
        {"birth_date = 1990-05-03", 0},
        {"birth_date = 1990/5/3", "birth_date = 1990-05-03"},
        {"birth_date = 1990年5月3日", "birth_date = 1990-05-03"},
        {"birth_date = 1990", "birth_date on 1990"},
        {"birth_date != 1990-05", "birth_date not on 1990-05"},
        {"birth_date > 1990-05-03", 0},
        {"birth_date > 1990", "birth_date >= 1991"},
        {"birth_date > 1990-12", "birth_date >= 1991-01"},
        {"birth_date <= 1990", "birth_date < 1991"},
        {"birth_date >= 1990", 0},
        {"birth_date < 1990-05", 0},
        {"birth_date <= 9999", "birth_date <= 9999-12-31"},
        {"birth_date > 9999-12", "birth_date > 9999-12-31"},
        {"birth_date in (1990-05-03, 1991-06-07)", 0},
        {"birth_date between 1990 and 1999", 0},
        {"birth_date not between 1990-01-01 and 1990-01-01", 0},
        {"birth_date in this month", 0},
        {"last_contact = 2025-10-03", "last_contact on 2025-10-03"},
        {"last_contact > 2025-10-03", "last_contact since 2025-10-04"},
        {"last_contact > 2025", "last_contact since 2026"},
        {"last_contact >= 2025-10", "last_contact since 2025-10"},
        {"last_contact < 2025", "last_contact before 2025"},
        {"last_contact <= 2025-02-28", "last_contact before 2025-03-01"},
        {"last_contact <= 9999", "last_contact <= 9999-12-31T23:59:59.999999Z"},
        {"last_contact >= 2025-10-03T09:00", "last_contact >= 2025-10-03T01:00:00Z"},
        {"last_contact = \"2025-10-03 09:00:00.5\"", "last_contact = 2025-10-03T01:00:00.500Z"},
        {"last_contact in (2025-10-03T09:00:00+02:00)", "last_contact in (2025-10-03T07:00:00Z)"},
        {"last_contact between 2025-10-01 and 2025-10-03T12:00:00Z", 0},
        {"last_contact in last 3 months", 0},
        {"last_contact not in Last 1 Month", "last_contact not in last 1 month"},
        {"last_contact in last 90 minute", "last_contact in last 90 minutes"},
        {"created_at in this quarter", 0},
        {"created_at in previous month", 0},
        {"created_at in previous 1 month", "created_at in previous month"},
        {"created_at in previous 2 years", 0},
        {"updated_at in coming week", 0},
        {"updated_at in coming 12 hours", 0},
        {"updated_at in today", "updated_at today"},
        {"updated_at in this day", "updated_at today"},
        {"updated_at not yesterday", 0},
        {"updated_at in coming day", "updated_at tomorrow"},
        {"updated_at in previous 2 days", 0},
        {"created_at since 2025-10", 0},
        {"created_at in since 2025-10-03T10:00:00Z", "created_at since 2025-10-03T10:00:00Z"},
        {"created_at before 2025", 0},
        {"created_at not on 2025-10-03", 0},
        {"birthday in next 7 days", "anniversary(birth_date) in next 7 days"},
        {"Birthday not in this month", "anniversary(birth_date) not in this month"},
        {"生日 in next 7 days", "anniversary(birth_date) in next 7 days"},
        {"birthday in (1990-05-03)", "birth_date in (1990-05-03)"},
        {"birthday in today", "anniversary(birth_date) in today"},
        {"birthday today", "anniversary(birth_date) in today"},
        {"birthday not tomorrow", "anniversary(birth_date) not in tomorrow"},
        {"anniversary(birth_date) yesterday", "anniversary(birth_date) in yesterday"},
        {"birth_date today", "birth_date today"},
        {"birthday = 1990-05-03", "birth_date = 1990-05-03"},
        {"\"birthday\" in this year", "birth_date in this year"},
        {"anniversary(last_contact) in next 1 week", 0},
        {"anniversary(created_at) not in between 2025-01-01 and 2025-01-31", 0},
    };

    ALL_SAME(LIST);
}

CRM_TEST(test_segment_text__tags)
{
    static const pair LIST[] = {
        {"tag(region:cn/east)", 0},
        {"tag any (region:*, value:high)", "tag(region:*, value:high)"},
        {"tag all(region:cn,behaviour:active)", "tag all (region:cn, behaviour:active)"},
        {"TAG NONE (value:low)", "tag none (value:low)"},
        {"tag（地域：上海，购买力：高价值）", "tag(region:cn/east/shanghai, value:high)"},
        {"ｔａｇ（地域：ｃｎ／ｅａｓｔ）", "tag(region:cn/east)"},
        {"tag(地域:中国/华东、behaviour:x)", "tag(region:cn/east, behaviour:x)"},
        {"tag(behaviour:\"new york\")", 0},
        {"tag(\"behaviour\" : new)", "tag(behaviour:new)"},
        {"tag(behaviour:and)", "tag(behaviour:\"and\")"},
        {"tag(behaviour:churn-risk) and not tag(behaviour:a.b)", 0},
        {"tag(behaviour:\"a # b\")", 0},
        {"tag(behaviour:\"a=b\")", 0},
    };

    ALL_SAME(LIST);
}

CRM_TEST(test_segment_text__events)
{
    static const pair LIST[] = {
        {"event(order)", 0},
        {"event(*)", 0},
        {"event(*, last 3 months, source = \"shop\")", 0},
        {"event(订单, 金额 >= 1000, last 365 days)",
         "event(order, last 365 days, amount >= 1000 CNY)"},
        {"event(\"purchase order\", source != shop, channel in (web), amount is empty)",
         "event(order, amount is empty, channel in (web), source != \"shop\")"},
        {"event(order, 来源 starts with \"sh\")", "event(order, source starts with \"sh\")"},
        {"event(order, \"product name\" contains \"x\", product = \"y\")",
         "event(order, product contains \"x\", product = \"y\")"},
        {"event(order, since 2025-01-01)", 0},
        {"event(order, \"since\" > 5)", 0},
        {"event(order, between 2025-01 and 2025-03)", 0},
        {"event(order, on 2025-10-03)", 0},
        {"event(order, today, gift = true)", 0},
        {"event(quote, valid_until in next 7 days)", 0},
        {"event(order, paid_at = 2025-10, due between 2025 and 2026, quantity not between 1 and 2)",
         "event(order, quantity not between 1 and 2, due between 2025 and 2026, paid_at on "
         "2025-10)"},
        {"count(order, last 365 days) >= 3 and sum(order.amount, last 365 days) >= 1000",
         "count(order, last 365 days) >= 3 and sum(order.amount, last 365 days) >= 1000 CNY"},
        {"count(*) = 0", 0},
        {"count(visit, previous week) not in (1, 2)", 0},
        {"count (visit) between 1 and 3", "count(visit) between 1 and 3"},
        {"sum(订单.金额) < 100 USD", "sum(order.amount) < 100 USD"},
        {"sum( order . items ) != 5", "sum(order.items) != 5"},
        {"avg(order.items, gift = true) >= 2.5", 0},
        {"min(order.due) < 2025", 0},
        {"max(order.paid_at, source = x) = 2025-05",
         "max(order.paid_at, source = \"x\") on 2025-05"},
        {"max(order.quantity) >= 1.50", 0},
        {"distinct(\"purchase order\".\"product name\", this year) > 2",
         "distinct(order.product, this year) > 2"},
        {"distinct(order.\"since\") = 1", 0},
        {"first(order) in last 3 months", 0},
        {"last(order) not in last 90 days", 0},
        {"last(*) < 2025", "last(*) before 2025"},
        {"first(order, gift = true) >= 2025-10-03T10:00:00Z", 0},
        {"event(quote, last 3 months) not followed by event(order)", 0},
        {"event(quote) FOLLOWED  BY event(order, amount > 5) within 90 day",
         "event(quote) followed by event(order, amount > 5 CNY) within 90 days"},
        {"not event(quote) not followed by event(order) within 1 month and all",
         "not event(quote) not followed by event(order) within 1 month and all"},
        {"segment(vip) and not tag(behaviour:churn-risk)", 0},
        {"segment(\"重点 客户\") or segment(count)",
         "segment(\"重点 客户\") or segment(\"count\")"},
    };

    ALL_SAME(LIST);
}

/* What a Chinese input method types is read as what stands on the keys. */
CRM_TEST(test_segment_text__fullwidth_is_plain_outside_quotes)
{
    static const pair LIST[] = {
        {"评分　＞＝　７００　ａｎｄ　城市＝“上海”", "score >= 700 and city = \"上海\""},
        {"评分＞＝700 and 评分＜＝８００ and 评分＜＞5 and 评分！＝６",
         "score >= 700 and score <= 800 and score != 5 and score != 6"},
        {"weight = ７０．５ or weight = 7。5", "weight = 70.5 or weight = 7.5"},
        {"score = －５", "score = -5"},
        {"sum（订单。金额，last ３ months）＞100", "sum(order.amount, last 3 months) > 100 CNY"},
        {"sum（订单．金额）＞100", "sum(order.amount) > 100 CNY"},
        {"生日 ＝ １９９０－０５－０３", "birth_date = 1990-05-03"},
        {"last_contact ≥ 2025-10-03T１０：００", "last_contact >= 2025-10-03T02:00:00Z"},
        {"all ＃ 注释，（\nand not（none）", "all and not none"},
        {"城市＝ＡＢＣ", "city = \"ABC\""},
        {"城市 in（Ａ。１，＂a b＂、“c”）", "city in (\"A.1\", \"a b\", \"c\")"},
        /* in quotes everything is as it stands */
        {"city = \"ＡＢＣ，１。（”\"", 0},
        {"city = “７＂", "city = \"７\""},
        {"city = \"７“８＂９\"", 0},
        {"tag(behaviour:ＡＢ)", "tag(behaviour:AB)"},
        {"segment(“Ａ。”)", "segment(\"Ａ。\")"},
    };

    ALL_SAME(LIST);
}

/* Code, offset and a piece of the message. */
typedef struct fault {
    const char *text;
    int code;
    int64_t offset;
    const char *says;
} fault;

static const fault FAULTS[] = {
    {"", CRM_ESYNTAX, 0, "expected a condition where the end stands"},
    {"  # only this", CRM_ESYNTAX, 13, "the end"},
    {"and all", CRM_ESYNTAX, 0, "where \"and\" stands"},
    {"all and", CRM_ESYNTAX, 7, "a condition where the end"},
    {"all all", CRM_ESYNTAX, 4, "and, or or the end"},
    {"(all", CRM_ESYNTAX, 4, "\")\" where the end"},
    {"all)", CRM_ESYNTAX, 3, "where \")\" stands"},
    {"( )", CRM_ESYNTAX, 2, "a condition where \")\""},
    {"not", CRM_ESYNTAX, 3, "a condition"},
    {"= 5", CRM_ESYNTAX, 0, "a condition where \"=\""},
    {"score", CRM_ESYNTAX, 5, "a comparison such as"},
    {"score 5", CRM_ESYNTAX, 6, "where a number stands"},
    {"score = ", CRM_ESYNTAX, 8, "a value where the end"},
    {"score = and", CRM_ESYNTAX, 8, "a value where \"and\""},
    {"score ! 5", CRM_ESYNTAX, 6, "!="},
    {"score = abc", CRM_EVALUE, 8, "score: is not a whole number"},
    {"score = 1.5", CRM_EVALUE, 8, "score"},
    {"score in ()", CRM_ESYNTAX, 10, "a value where \")\""},
    {"score in (1 2)", CRM_ESYNTAX, 12, "a comma or"},
    {"score in 5", CRM_ESYNTAX, 9, "a list in parentheses"},
    {"score in last 3 days", CRM_EVALUE, 6, "type integer"},
    {"score contains \"5\"", CRM_EVALUE, 6, "\"contains\" does not go"},
    {"score between 5 and 1", CRM_EVALUE, 14, "above the second"},
    {"score between 5", CRM_ESYNTAX, 15, "expected \"and\""},
    {"score is", CRM_ESYNTAX, 8, "\"empty\""},
    {"score not = 5", CRM_ESYNTAX, 10, "in, between"},
    {"scroe = 5", CRM_EFIELD, 0, "did you mean \"score\""},
    {"creatd_at = 2025", CRM_EFIELD, 0, "did you mean \"created_at\""},
    {"all and 张伟 = 5", CRM_EFIELD, 8, "no field of this name at byte 8"},
    {"vip = maybe", CRM_EVALUE, 6, "true or false"},
    {"vip > true", CRM_EVALUE, 4, "type boolean"},
    {"grade = d", CRM_EVALUE, 8, "a, b, c"},
    {"city = new york", CRM_ESYNTAX, 11, "stands in quotes"},
    {"city = \"abc", CRM_ESYNTAX, 7, "never closed"},
    {"city = \"a\\x\"", CRM_ESYNTAX, 9, "escape"},
    {"city = \"a\\u0000\"", CRM_ESYNTAX, 9, "escape"},
    {"city = \"a\\ud800\"", CRM_ESYNTAX, 9, "escape"},
    {"city = \"a\nb\"", CRM_ESYNTAX, 9, "control character"},
    {"city = \x01", CRM_ESYNTAX, 7, "control character"},
    {"city = \"\"", CRM_EVALUE, 7, "city: is empty"},
    {"city = \xff", CRM_ESYNTAX, 7, "not UTF-8"},
    {"price > 5", CRM_EVALUE, 8, "no currency"},
    {"credit > 5 XXY", CRM_EVALUE, 9, "unknown currency"},
    {"credit between 5 CNY and 6 EUR", CRM_EVALUE, 15, "two currencies"},
    {"birth_date in (1990)", CRM_EVALUE, 15, "full date"},
    {"birth_date = 1990-13", CRM_EVALUE, 13, "birth_date: is not a date"},
    {"last_contact in (1990-05-03)", CRM_EVALUE, 17, "date with a time"},
    {"last_contact between 2026 and 2025", CRM_EVALUE, 30, "before it begins"},
    {"last_contact on 2025-10-03T10:00Z", CRM_EVALUE, 16, "a day, month or year"},
    {"last_contact since yesterdy", CRM_EVALUE, 19, "expected a date"},
    {"last_contact in last month", CRM_ESYNTAX, 21, "previous, this or coming"},
    {"last_contact in last 0 days", CRM_ESYNTAX, 21, "from 1 to 1000000"},
    {"last_contact in last 1000001 days", CRM_ESYNTAX, 21, "from 1 to 1000000"},
    {"last_contact in last 3 fortnights", CRM_ESYNTAX, 23, "a unit from minute to year"},
    {"created_at is empty", CRM_EVALUE, 11, "never empty"},
    {"kind = robot", CRM_EVALUE, 7, "person or organisation"},
    {"kind > person", CRM_EVALUE, 5, "type a kind"},
    {"anniversary(score) in this month", CRM_EVALUE, 19, "type integer"},
    {"anniversary(birth_date) = 5", CRM_ESYNTAX, 24, "\"in\""},
    {"birthday in 5", CRM_ESYNTAX, 12, "a time such as"},
    {"event", CRM_EFIELD, 0, "no field"},
    {"event()", CRM_ESYNTAX, 6, "a kind of events or *"},
    {"event(ordr)", CRM_EFIELD, 6, "did you mean \"order\""},
    {"event(order last 3 days)", CRM_ESYNTAX, 12, "a comma or"},
    {"event(order, last 3 days, today)", CRM_ESYNTAX, 26, "one time, not two"},
    {"event(order, amuont > 5)", CRM_EFIELD, 13, "did you mean \"amount\""},
    {"event(visit, amount > 5)", CRM_EFIELD, 13, "visit: no attribute"},
    {"event(*, amount > 5)", CRM_EFIELD, 9, "name their kind"},
    {"event(order, source > a)", CRM_EVALUE, 20, "\">\" does not go"},
    {"event(order) followed event(quote)", CRM_ESYNTAX, 22, "\"by\""},
    {"event(order) followed by count(quote)", CRM_ESYNTAX, 25, "\"event\""},
    {"event(order) not and all", CRM_ESYNTAX, 17, "\"followed\""},
    {"event(order) followed by event(quote) within month", CRM_ESYNTAX, 45, "a number"},
    {"count(order)", CRM_ESYNTAX, 12, "a comparison"},
    {"count(order) > many", CRM_EVALUE, 15, "count: is not a whole number"},
    {"count(order.amount) > 5", CRM_EFIELD, 6, "no event kind"},
    {"count(order) is empty", CRM_EVALUE, 13, "never empty"},
    {"sum(order) > 5", CRM_ESYNTAX, 9, "\".\" and an attribute"},
    {"sum(*) > 5", CRM_ESYNTAX, 4, "order.amount"},
    {"sum(order.product) > 5", CRM_EVALUE, 4, "type text"},
    {"max(order.gift) = true", CRM_EVALUE, 4, "a number or a date"},
    {"sum(order.total) > 5", CRM_EFIELD, 10, "order: no attribute"},
    {"sum(order.amount) in (5, 6 USD)", CRM_EVALUE, 25, "two currencies"},
    {"first(order) = soon", CRM_EVALUE, 15, "first: is not a date and time"},
    {"tag()", CRM_ESYNTAX, 4, "a tag such as"},
    {"tag(region)", CRM_ESYNTAX, 10, "\":\""},
    {"tag(regoin:cn)", CRM_EFIELD, 4, "did you mean \"region\""},
    {"tag(value:hihg)", CRM_EVALUE, 10, "did you mean \"high\""},
    {"tag(region:new york)", CRM_ESYNTAX, 15, "stands in quotes"},
    {"tag(region:)", CRM_ESYNTAX, 11, "a value or *"},
    {"tag all region:cn", CRM_ESYNTAX, 8, "\"(\""},
    {"segment()", CRM_ESYNTAX, 8, "the name of a segment"},
    {"segment(\" \")", CRM_EVALUE, 8, "the name of a segment"},
    {"评分　＞＝　ａｂｃ", CRM_EVALUE, 18, "score: is not a whole number"},
    {"ａｌｌ　ａｎｄ　ｓｃｒｏｅ＝５", CRM_EFIELD, 24, "did you mean \"score\""},
    {"评分＞＝７００）", CRM_ESYNTAX, 21, "where \")\" stands"},
    {"评分！５", CRM_ESYNTAX, 6, "!="},
    {"tag（regoin：cn）", CRM_EFIELD, 6, "did you mean \"region\""},
    {"city = ＂abc\"", CRM_ESYNTAX, 7, "never closed"},
};

CRM_TEST(test_segment_text__faults_have_their_place)
{
    crm__tree *t;

    set_up();
    for (size_t i = 0; i < sizeof FAULTS / sizeof *FAULTS; i++) {
        const fault *f = &FAULTS[i];
        crm_error err = CRM_ERROR_INIT;
        int rc = crm__tree_parse(NULL, model, zone, f->text, strlen(f->text), &t, &err);
        ck_assert_ptr_null(t);
        ck_assert_msg(rc == f->code && err.code == rc, "%s\n%d: %s", f->text, rc, err.message);
        ck_assert_msg(err.offset == f->offset && strstr(err.message, f->says), "%s\n%s", f->text,
                      err.message);
        ck_assert_int_eq(crm__tree_parse(NULL, model, zone, f->text, strlen(f->text), &t, NULL),
                         rc);
    }
    tear_down();
}

/* Nothing that was typed, but names of the model, stands in a message. */
CRM_TEST(test_segment_text__messages_tell_no_values)
{
    static const char *const TEXTS[] = {
        "Zebulon = 5",        "city = Zebulon Zebulon",  "score = Zebulon",
        "event(Zebulon)",     "event(order, Zebulon)",   "tag(Zebulon:x)",
        "tag(value:Zebulon)", "\"Zebulon\" \"Zebulon\"", "created_at since Zebulon",
        "grade = Zebulon",    "vip = Zebulon",           "credit = 5 Zebulon",
        "phone = Zebulon",    "email = Zebulon",         "employer = Zebulon",
        "country = Zebulon",  "language = Zebulon!",     "last_contact in last Zebulon days",
        "kind = Zebulon",     "count(visit) = Zebulon",
    };
    crm__tree *t;

    set_up();
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++) {
        crm_error err = CRM_ERROR_INIT;
        int rc = crm__tree_parse(NULL, model, zone, TEXTS[i], strlen(TEXTS[i]), &t, &err);
        ck_assert_msg(rc != CRM_OK, "%s", TEXTS[i]);
        ck_assert_msg(!strstr(err.message, "Zebulon") && !strstr(err.message, "zebulon"), "%s",
                      err.message);
        ck_assert_msg(!strstr(err.field, "ebulon"), "%s", err.field);
    }
    tear_down();
}

/* ---- limits ---- */

static int parse(const char *text, size_t n, crm_error *err)
{
    crm__tree *t;
    int rc = crm__tree_parse(NULL, model, zone, text, n, &t, err);

    crm__tree_unref(t);
    return rc;
}

/* head, then n times `part` with `between`, then tail. */
static char *many(const char *head, const char *part, const char *between, size_t n,
                  const char *tail)
{
    char *s = malloc(strlen(head) + n * (strlen(part) + strlen(between)) + strlen(tail) + 1), *p;

    p = s + sprintf(s, "%s", head);
    for (size_t i = 0; i < n; i++)
        p += sprintf(p, "%s%s", i ? between : "", part);
    sprintf(p, "%s", tail);
    return s;
}

static void limit(const char *head, const char *part, const char *between, size_t most,
                  const char *tail, const char *says)
{
    for (size_t n = most; n <= most + 1; n++) {
        crm_error err = CRM_ERROR_INIT;
        char *s = many(head, part, between, n, tail);
        int rc = parse(s, strlen(s), &err);
        ck_assert_msg(rc == (n == most ? CRM_OK : CRM_ESYNTAX), "%zu of %s: %s", n, part,
                      err.message);
        ck_assert_msg(n == most || strstr(err.message, says), "%s", err.message);
        free(s);
    }
}

CRM_TEST(test_segment_text__limits_are_errors)
{
    crm_error err = CRM_ERROR_INIT;
    char *s, deep[400] = "";

    set_up();
    limit("", "all", " or ", CRM__SEGMENT_NODES - 1, "", "4096 conditions");
    limit("score in (", "1", ",", CRM__SEGMENT_LIST, ")", "1000 values");
    limit("tag(", "region:cn", ",", CRM__SEGMENT_LIST, ")", "1000 tags");
    limit("event(order, ", "gift=yes", ",", CRM__SEGMENT_LIST, ")", "1000 conditions");
    limit("", "not ", "", CRM__SEGMENT_DEPTH, "all", "64 levels");
    for (int n = CRM__SEGMENT_DEPTH; n <= CRM__SEGMENT_DEPTH + 1; n++) {
        memset(deep, '(', (size_t)n);
        strcpy(deep + n, "all");
        memset(deep + n + 3, ')', (size_t)n);
        deep[2 * n + 3] = 0;
        ck_assert_int_eq(parse(deep, strlen(deep), &err),
                         n == CRM__SEGMENT_DEPTH ? CRM_OK : CRM_ESYNTAX);
    }
    /* 32 parentheses with and and or in each are 64 levels. */
    for (int n = 32; n <= 33; n++) {
        s = many("", "all and (none or ", "", (size_t)n, "all");
        s = realloc(s, strlen(s) + 100);
        memset(s + strlen(s) + 1, 0, 1);
        for (int i = 0; i < n; i++)
            strcat(s, ")");
        ck_assert_int_eq(parse(s, strlen(s), &err), n == 32 ? CRM_OK : CRM_ESYNTAX);
        ck_assert(n == 32 || strstr(err.message, "64 levels"));
        free(s);
    }
    s = malloc(CRM__SEGMENT_BYTES + 1);
    memset(s, ' ', CRM__SEGMENT_BYTES + 1);
    memcpy(s, "all", 3);
    ck_assert_int_eq(parse(s, CRM__SEGMENT_BYTES, &err), CRM_OK);
    ck_assert_int_eq(parse(s, CRM__SEGMENT_BYTES + 1, &err), CRM_ESYNTAX);
    free(s);
    tear_down();
}

CRM_TEST(test_segment_text__nodes_know_their_place)
{
    static const char TEXT[] = "all and (score = 5  or vip = true ) and  event( order ) ";
    const crm__node *root, *or_node;
    crm__tree *t;

    set_up();
    t = help_tree(model, NULL, TEXT, strlen(TEXT));
    root = crm__tree_root(t);
    ck_assert_int_eq(root->op, CRM__NODE_AND);
    ck_assert_uint_eq(root->child_count, 3);
    ck_assert_uint_eq(root->at, 0);
    ck_assert_uint_eq(root->length, strlen(TEXT) - 1);
    ck_assert_uint_eq(root->height, 2);
    or_node = root->children[1];
    ck_assert_uint_eq(or_node->height, 1);
    ck_assert_uint_eq(or_node->at, 9);
    ck_assert_uint_eq(or_node->length, strlen("score = 5  or vip = true"));
    ck_assert_uint_eq(or_node->children[0]->length, strlen("score = 5"));
    ck_assert_uint_eq(root->children[2]->at, (size_t)(strstr(TEXT, "event") - TEXT));
    ck_assert_uint_eq(root->children[2]->length, strlen("event( order )"));
    ck_assert_ptr_eq(crm__tree_model(t), model);
    crm__tree_ref(t);
    crm__tree_unref(t);
    crm__tree_unref(t);
    crm__tree_unref(NULL);
    tear_down();
}

/* Each allocation in turn fails: an error, and nothing is left behind. */
CRM_TEST(test_segment_text__no_memory_is_an_error)
{
    static const char TEXT[] =
        "tag all (region:cn, value:high) and credit in (5, 7 USD) and not (name contains "
        "\"\\u4f1f\""
        " or sum(order.amount, last 3 days, gift = true) > 5) and segment(vip)"
        " and event(order) followed by event(quote) and birth_date > 9999";
    crm_error err = CRM_ERROR_INIT;
    int rc = CRM_ENOMEM;

    set_up();
    for (size_t n = 1; rc == CRM_ENOMEM; n++) {
        help_memory h = {0, n, 0, 0};
        crm_allocator mem = {sizeof mem, help_alloc, help_realloc, help_free, &h};
        crm__tree *t;
        rc = crm__tree_parse(&mem, model, NULL, TEXT, strlen(TEXT), &t, &err);
        ck_assert(rc == CRM_OK || (rc == CRM_ENOMEM && !t));
        crm__tree_unref(t);
        ck_assert_uint_eq(h.alive, 0);
        ck_assert_uint_lt(n, 1000);
    }
    ck_assert_int_eq(rc, CRM_OK);
    tear_down();
}
