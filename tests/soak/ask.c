/* SPDX-License-Identifier: MIT
 * Questions while others write.  What must come out is not known, but within one snapshot the same
 * question asked in different ways has one answer: a count, a list, one by one, a segment and the
 * rest of all, a facet, numbers, the counts of tags.
 */
#include "soak.h"

static const char *const SEGMENTS[] = {
    "tag(region:z1)",
    "tag any (region:z2, region:z3) and not tag(value:high)",
    "score >= 400",
    "score between 100 and 300 or tag(value:*)",
    "lifecycle in (active, dormant) and city = \"City 3\"",
    "count(order, last 365 days) >= 2",
    "sum(order.amount, last 30 days) >= 500 and not tag(region:*)",
    "all",
    "name contains \"7\" and score < 900",
    "updated_at in last 1 minute",
};
/* The last ones read every record, and are asked less often. */
enum { SEGMENT_COUNT = sizeof SEGMENTS / sizeof *SEGMENTS, SLOW = 2, SLOW_EVERY = 100 };

typedef struct question {
    worker *w;
    crm_txn *txn;
    const char *text;
    crm_segment *s;
    uint64_t count;
} question;

static crm_segment *parse(worker *w, crm_txn *txn, const char *text)
{
    crm_error err = CRM_ERROR_INIT;
    crm_segment *s;

    soak_must(w->b, crm_segment_parse(txn, text, CRM_NUL, &s, &err), &err, text);
    return s;
}

static uint64_t count_of(worker *w, crm_txn *txn, const char *text)
{
    crm_error err = CRM_ERROR_INIT;
    crm_segment *s = parse(w, txn, text);
    uint64_t n;

    soak_must(w->b, crm_segment_count(txn, s, NULL, &n, &err), &err, text);
    crm_segment_free(s);
    return n;
}

static void same(const question *q, const char *what, uint64_t a, uint64_t b)
{
    if (a != b)
        soak_fail(q->w->b, "%s at revision %llu: %s gives %llu, not %llu", q->text,
                  (unsigned long long)crm_txn_revision(q->txn), what, (unsigned long long)a,
                  (unsigned long long)b);
}

static void ask_list(const question *q)
{
    crm_segment_options o = CRM_SEGMENT_OPTIONS_INIT;
    crm_error err = CRM_ERROR_INIT;
    crm_segment_iter *it;
    crm_id id, last = 0, some = 0;
    uint64_t n = 0;
    int rc, in;

    o.reason = "soak";
    soak_must(q->w->b, crm_segment_list(q->txn, q->s, &o, &it, &err), &err, q->text);
    while ((rc = crm_segment_next(it, &id, &err)) == CRM_OK) {
        if (id <= last)
            soak_fail(q->w->b, "%s: customer %llu behind %llu", q->text, (unsigned long long)id,
                      (unsigned long long)last);
        last = id;
        if (soak_below(&q->w->seed, ++n) == 0)
            some = id;
    }
    if (rc != CRM_DONE)
        soak_must(q->w->b, rc, &err, q->text);
    crm_segment_list_close(it);
    same(q, "the list", n, q->count);
    if (some) {
        soak_must(q->w->b, crm_segment_has(q->txn, q->s, some, &in, &err), &err, q->text);
        same(q, "one that is listed", (uint64_t)in, 1);
    }
}

static void ask_rest(const question *q)
{
    char text[200];

    snprintf(text, sizeof text, "not (%s)", q->text);
    same(q, "with all others", q->count + count_of(q->w, q->txn, text),
         count_of(q->w, q->txn, "all"));
}

static int add_facet(const crm_facet *facet, void *ctx)
{
    uint64_t *sum = ctx;

    *sum += facet->count;
    return 0;
}

/* Of `value` a customer has one tag at most. */
static void ask_facet(const question *q)
{
    crm_error err = CRM_ERROR_INIT;
    char text[200];
    uint64_t sum = 0;

    snprintf(text, sizeof text, "(%s) and tag(value:*)", q->text);
    soak_must(q->w->b, crm_segment_facet(q->txn, q->s, "value", NULL, add_facet, &sum, &err), &err,
              q->text);
    same(q, "the facet", sum, count_of(q->w, q->txn, text));
}

static uint64_t first_number(const question *q, const crm_segment *s, const char *request)
{
    crm_error err = CRM_ERROR_INIT;
    crm_number_value v;
    crm_numbers *t;
    size_t rows, groups, values;
    uint64_t sum = 0;

    soak_must(q->w->b, crm_numbers_ask(q->txn, s, request, CRM_NUL, NULL, &t, &err), &err, request);
    crm_numbers_size(t, &rows, &groups, &values);
    for (size_t row = 0; row < rows; row++) {
        soak_must(q->w->b, crm_numbers_value(t, row, 0, &v, &err), &err, request);
        sum += v.text ? strtoull(v.text, NULL, 10) : 0;
    }
    crm_numbers_free(t);
    return sum;
}

static void ask_numbers(const question *q)
{
    crm_segment *rest, *all = parse(q->w, q->txn, "all");
    char text[200];

    snprintf(text, sizeof text, "not (%s)", q->text);
    rest = parse(q->w, q->txn, text);
    same(q, "numbers", first_number(q, q->s, "count"), q->count);
    same(q, "numbers by lifecycle", first_number(q, q->s, "count by field(lifecycle)"), q->count);
    same(q, "orders of these and of the others",
         first_number(q, q->s, "count(order)") + first_number(q, rest, "count(order)"),
         first_number(q, all, "count(order)"));
    crm_segment_free(rest);
    crm_segment_free(all);
}

/* The counts that tags have beside segments, which count the same. */
static void ask_tags(const question *q)
{
    crm_error err = CRM_ERROR_INIT;
    crm_tag_count count = CRM_TAG_COUNT_INIT;
    crm_tag_count_iter *it;
    char text[200];
    int rc;

    soak_must(q->w->b, crm_tag_counts(q->txn, "region", &it, &err), &err, "counts of tags");
    while ((rc = crm_tag_count_next(it, &count, &err)) == CRM_OK) {
        snprintf(text, sizeof text, "tag(%s)", count.tag);
        same(q, "the count of a tag", count_of(q->w, q->txn, text), count.below);
    }
    if (rc != CRM_DONE)
        soak_must(q->w->b, rc, &err, "counts of tags");
    crm_tag_count_close(it);
}

/* The history of one of the thread's own, newest first. */
static void ask_history(const question *q)
{
    crm_error err = CRM_ERROR_INIT;
    crm_change change = CRM_CHANGE_INIT;
    crm_history *h;
    crm_id id = q->w->id[soak_below(&q->w->seed, SLOTS)];
    uint64_t last = UINT64_MAX;
    int rc;

    if (!id)
        return;
    soak_must(q->w->b, crm_history_open(q->txn, id, &h, &err), &err, "history");
    for (int i = 0; i < 200 && (rc = crm_history_next(h, &change, &err)) == CRM_OK; i++) {
        if (change.revision > last)
            soak_fail(q->w->b, "history of customer %llu: revision %llu behind %llu",
                      (unsigned long long)id, (unsigned long long)change.revision,
                      (unsigned long long)last);
        last = change.revision;
    }
    if (rc != CRM_OK && rc != CRM_DONE)
        soak_must(q->w->b, rc, &err, "history");
    crm_history_close(h);
}

void ask_something(worker *w)
{
    static void (*const ASK[])(const question *) = {ask_list,    ask_rest, ask_facet,
                                                    ask_numbers, ask_tags, ask_history};
    crm_error err = CRM_ERROR_INIT;
    int slow = soak_below(&w->seed, SLOW_EVERY) == 0 && !w->b->brief;
    question q = {.w = w};

    q.text = SEGMENTS[slow ? SEGMENT_COUNT - SLOW + soak_below(&w->seed, SLOW)
                           : soak_below(&w->seed, SEGMENT_COUNT - SLOW)];
    q.txn = soak_begin(w->b, w->db, CRM_READ);
    q.s = parse(w, q.txn, q.text);
    soak_must(w->b, crm_segment_count(q.txn, q.s, NULL, &q.count, &err), &err, q.text);
    ASK[soak_below(&w->seed, sizeof ASK / sizeof *ASK)](&q);
    crm_segment_free(q.s);
    crm_txn_abort(q.txn);
    soak_count(&w->b->reads, 1);
}
