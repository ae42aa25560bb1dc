/* SPDX-License-Identifier: MIT
 * Requests for numbers as text: the examples of docs/numbers.md, canonical forms, faults.
 */
#include "help.h"
#include "segment/number.h"

/* Read, printed, and read again to the same. */
static void check_request(crm__model *m, const char *text, size_t n, const char *canonical)
{
    crm_error err = CRM_ERROR_INIT;
    crm__request q;
    crm__tree *t;
    crm__buf a, b;
    int rc = crm__request_parse(NULL, m, NULL, text, n, &t, &q, &err);

    ck_assert_msg(rc == CRM_OK, "%.*s: %s", (int)n, text, err.message);
    crm__buf_init(&a, NULL);
    crm__buf_init(&b, NULL);
    crm__request_print(&q, &a);
    crm__tree_unref(t);
    rc = crm__request_parse(NULL, m, NULL, (const char *)a.p, a.n, &t, &q, &err);
    ck_assert_msg(rc == CRM_OK, "%.*s: %s", (int)a.n, a.p, err.message);
    crm__request_print(&q, &b);
    crm__tree_unref(t);
    ck_assert_msg(a.n == b.n && memcmp(a.p, b.p, a.n) == 0, "%.*s: %.*s", (int)n, text, (int)b.n,
                  b.p);
    if (canonical)
        ck_assert_msg(a.n == strlen(canonical) && memcmp(a.p, canonical, a.n) == 0, "%.*s",
                      (int)a.n, a.p);
    crm__buf_clear(&a);
    crm__buf_clear(&b);
}

CRM_TEST(test_segment_number__examples_of_the_page_are_requests)
{
    static const char PATH[] = CRM_TESTS "/../docs/numbers.md", FENCE[] = "```numbers\n";
    crm__model *m = help_model(crm_model_default());
    char *page = calloc(1, 1 << 20), *p = page, *end;
    FILE *f = fopen(PATH, "rb");
    int count = 0;

    ck_assert_msg(f != NULL, "%s", PATH);
    ck_assert_uint_gt(fread(page, 1, (1 << 20) - 1, f), 0);
    fclose(f);
    while ((p = strstr(p, FENCE)) != NULL) {
        char *close;
        p += sizeof FENCE - 1;
        close = strstr(p, "```");
        for (; p < close; p = end, count++) {
            end = strstr(p, "\n\n");
            end = end && end < close ? end + 2 : close;
            check_request(m, p, (size_t)(end - p), NULL);
        }
    }
    ck_assert_int_ge(count, 14);
    free(page);
    crm__model_unref(m);
}

CRM_TEST(test_segment_number__canonical_text)
{
    static const struct {
        const char *text, *canonical;
    } CASES[] = {
        {"COUNT", "count"},
        {"count(订单), SUM(订单.金额) BY Month Last 12 Months",
         "count(order), sum(order.amount) by month last 12 months"},
        {"percentile 50 (评分)，percentile 99.90(score)", "median(score), percentile 99.9 (score)"},
        {"median(birth_date)", "median(birth_date)"},
        {"avg(\"count\") by 地域", "avg(\"count\") by region"},
        {"count by score every 10.0", "count by score every 10"},
        {"count by score", "count by score every 1"},
        {"count by score in 1 step", "count by score in 1 steps"},
        {"count by weight every 0.50, grade", "count by weight every 0.5, grade"},
        {"count by credit every 100", "count by credit every 100 CNY"},
        {"count by credit in 5 steps", "count by credit in 5 steps"},
        {"count by price every 100 usd", "count by price every 100 USD"},
        {"count(order) by order.channel, week(order.paid_at)",
         "count(order) by order.channel, week(order.paid_at)"},
        {"count(*) by source, day yesterday", "count(*) by source, day yesterday"},
        {"count(order) by week moving 4", "count(order) by week moving 4"},
        {"count by year(created_at)", "count by year(created_at)"},
        {"max(updated_at), distinct(email)", "max(updated_at), distinct(email)"},
        {"count(order) by order.amount every 10 last 3 days",
         "count(order) by order.amount every 10 CNY last 3 days"},
    };
    crm__model *m = help_model(HELP_YAML);

    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++)
        check_request(m, CASES[i].text, strlen(CASES[i].text), CASES[i].canonical);
    crm__model_unref(m);
}

CRM_TEST(test_segment_number__faults_have_a_place)
{
    static const struct {
        const char *text;
        int code;
        int64_t at;
        const char *says;
    } CASES[] = {
        {"", CRM_ESYNTAX, 0, "expected count, sum"},
        {"score", CRM_ESYNTAX, 0, "expected count, sum"},
        {"count(orde)", CRM_EFIELD, 6, "\"order\""},
        {"sum(name)", CRM_EVALUE, 4, "of type text"},
        {"avg(birth_date)", CRM_EVALUE, 4, "of type date"},
        {"sum(order.channel)", CRM_EVALUE, 4, "of type enum"},
        {"sum(created_at)", CRM_EVALUE, 4, "not a time"},
        {"min(id)", CRM_EVALUE, 4, "numbers or dates"},
        {"percentile 101 (score)", CRM_EVALUE, 11, "from 0 to 100"},
        {"percentile 1.2345 (score)", CRM_EVALUE, 11, "three decimals"},
        {"count by", CRM_ESYNTAX, 8, "expected a field"},
        {"count by month", CRM_EVALUE, 9, "month(created_at)"},
        {"count by order.channel", CRM_EVALUE, 9, "month(created_at)"},
        {"count(quote) by order.channel", CRM_EVALUE, 16, "of this kind"},
        {"count by weight", CRM_EVALUE, 9, "steps"},
        {"count by birth_date", CRM_EVALUE, 9, "month("},
        {"count by month(score)", CRM_EVALUE, 15, "only a date"},
        {"count by minute(created_at)", CRM_ESYNTAX, 9, "from day to year"},
        {"count by score every 0", CRM_EVALUE, 21, "above 0"},
        {"count by score every -5", CRM_EVALUE, 21, "above 0"},
        {"count by grade every 5", CRM_EVALUE, 15, "only numbers"},
        {"count by score in 0 steps", CRM_ESYNTAX, 18, "from 1"},
        {"count by score in 2000 steps", CRM_EVALUE, 18, "1 to 1000"},
        {"count by price in 3 steps", CRM_EVALUE, 15, "currency"},
        {"count by grade, vip, city", CRM_ESYNTAX, 21, "more than 2"},
        {"count(order) by week, month", CRM_EVALUE, 22, "once"},
        {"count last 3 days", CRM_EVALUE, 6, "only events"},
        {"count(order, last 3 days) last 3 days", CRM_ESYNTAX, 26, "not two"},
        {"count(order) moving 3", CRM_EVALUE, 13, "grouping by time"},
        {"max(order.amount) by day moving 3", CRM_EVALUE, 25, "only count"},
        {"count(order) by day moving 1", CRM_EVALUE, 27, "2 to 1000"},
        {"count extra", CRM_ESYNTAX, 6, "expected by"},
        {"count by id", CRM_EVALUE, 9, "id of its own"},
        {"count by \"grade", CRM_ESYNTAX, -1, "numbers: "},
    };
    crm__model *m = help_model(HELP_YAML);

    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        crm_error err = CRM_ERROR_INIT;
        crm__request q;
        crm__tree *t;
        int rc = crm__request_parse(NULL, m, NULL, CASES[i].text, strlen(CASES[i].text), &t, &q,
                                    &err);
        ck_assert_msg(rc == CASES[i].code, "%s: %d %s", CASES[i].text, rc, err.message);
        ck_assert_ptr_null(t);
        ck_assert_msg(strstr(err.message, CASES[i].says) != NULL, "%s: %s", CASES[i].text,
                      err.message);
        ck_assert_msg(CASES[i].at < 0 || err.offset == CASES[i].at, "%s: at %lld: %s",
                      CASES[i].text, (long long)err.offset, err.message);
    }
    crm__model_unref(m);
}
