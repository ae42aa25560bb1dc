/* SPDX-License-Identifier: MIT
 * crm numbers: sums, averages, histograms and tables over the customers of a segment.
 */
#include "chart.h"
#include "numbers_show.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "Usage: " TOOL " numbers REQUEST [--of QUERY] [--csv] [--svg FILE [--force]]\n"
    "           [--zone ZONE] [--reason TEXT]\n"
    "\n"
    "Computes numbers over all customers, or over those of a segment: how many, how much, by\n"
    "what, and when. On a terminal rows have bars, and a time series a line of blocks.\n"
    "\n"
    "  REQUEST           what is measured, by what it is grouped, and over which time;\n"
    "                    @FILE, or - for standard input\n"
    "  --of QUERY        the customers of a segment only, see '" TOOL " segment --help'\n"
    "  --csv             a table for other programs, with exact numbers; --json the same\n"
    "  --svg FILE        also draw the first number as a picture; - is standard output\n"
    "  --force           put it in the place of a file of that name\n"
    "  --zone ZONE       zone of days, months and years, e.g. Asia/Shanghai; else UTC\n"
    "  --reason TEXT     why it is asked: the journal gets an entry with it first\n"
    "  --purpose NAME    what it is asked for, for the journal\n"
    "  --channel NAME    by which way, e.g. email, for the journal\n"
    "\n"
    "What can be measured, several of them with commas between:\n"
    "\n"
    "  count             customers\n"
    "  sum(score)        a field; also avg, min, max, median, percentile 90 (...), distinct\n"
    "  count(order)      events of a kind; count(*) of all kinds\n"
    "  avg(order.amount)\n"
    "                    an attribute of events; also sum, min, max, median, ...\n"
    "  count(order, last 90 days, channel = web)\n"
    "                    those in a time, or with a condition, as in a segment\n"
    "\n"
    "By what, one or two:\n"
    "\n"
    "  by city           a field, or a dimension of tags, or all 'tags'\n"
    "  by month          when the events were: day, week, month, quarter, year\n"
    "  by month(created_at)\n"
    "                    a date or time of the customer\n"
    "  by score every 100\n"
    "                    steps of numbers; or 'score in 10 steps', about so many\n"
    "  by order.product  an attribute of the events; or 'source'\n"
    "\n"
    "Behind it a time for all events (last 12 months, this year, since 2026-01), and 'moving 3'\n"
    "for averages over three rows. Amounts of different currencies are never added: they\n"
    "have a row each. Two segments are compared by '" TOOL " segment diff'.\n"
    "\n"
    "Examples\n"
    "  " TOOL " numbers 'count(order), sum(order.amount) by month last 12 months'\n"
    "  " TOOL " numbers 'count, avg(score) by lead_source'\n"
    "  " TOOL " numbers 'count by score in 10 steps' --of 'tag(地域:上海)'\n"
    "  " TOOL " numbers 'count by region, month(created_at)' --csv > growth.csv\n"
    "  " TOOL " numbers 'sum(order.amount) by week last 26 weeks moving 4' --svg weeks.svg\n";

enum { SERIES_MOST = 8 };

static int put_machine(const numbers_show *s, int csv)
{
    crm_error err = CRM_ERROR_INIT;
    char *text;
    size_t n;

    if (csv ? crm_numbers_csv(s->n, &text, &n, &err) : crm_numbers_json(s->n, &text, &n, &err))
        return fail_crm(s->t, &err);
    if (csv)
        out_put(text, n);
    else
        out_json(text, n);
    crm_free(text);
    return 0;
}

/* ---- SVG ---- */

typedef struct wishes {
    const char *of, *svg, *reason;
    int csv, force;
} wishes;

static int save(tool *t, const char *file, int force, const buf *b)
{
    FILE *f;
    int bad;

    if (strcmp(file, "-") == 0) {
        out_put(b->p, b->n);
        return 0;
    }
    f = fopen(file, force ? "wb" : "wbx");
    if (!f && errno == EEXIST)
        return fail(t, CRM_EEXISTS, "there is a file %s already (--force replaces it)", file);
    bad = !f || fwrite(b->p, 1, b->n, f) != b->n;
    bad |= f && fclose(f);
    return bad ? fail(t, CRM_EIO, "%s: %s", file, strerror(errno)) : 0;
}

/* What the series of a row is called: by the second grouping, and by the currency. 0: the row has
 * nothing of any currency, and draws nothing. */
static int put_series(const numbers_show *s, size_t row, buf *out)
{
    const char *currency = crm_numbers_currency(s->n, row);
    crm_number_value v = numbers_value_of(s, row, 0);

    if (s->money && !*currency && (!v.text || v.number == 0))
        return 0;
    if (s->groups > 1)
        numbers_put_group(s, row, 1, out);
    if (s->groups > 1 && *currency)
        buf_char(out, ' ');
    buf_str(out, s->money && s->groups < 2 && !*currency ? "-" : currency);
    return 1;
}

/* The first number: rows by the first grouping, a series for each of the second and each currency.
 */
static int draw(const numbers_show *s, const wishes *o)
{
    chart c = {
        crm_numbers_text(s->n), o->of, s->kind == CRM_GROUP_TIME, 0, 0, NULL, NULL, NULL, NULL};
    numbers_names rows = {NULL, NULL, 0, 0}, series = {NULL, NULL, 0, 0};
    double *values;
    buf b = {0};
    int rc;

    for (size_t r = 0; r < s->rows; r++) {
        if (s->groups)
            numbers_put_group(s, r, 0, &b);
        numbers_name_own(&rows, &b);
        if (put_series(s, r, &b))
            numbers_name_own(&series, &b);
    }
    c.row_count = rows.n;
    c.series = series.n < SERIES_MOST ? series.n : SERIES_MOST;
    c.rows = rows.p;
    c.names = series.p;
    values = xrealloc(NULL, (rows.n * c.series + 1) * sizeof(*values));
    c.texts = xrealloc(NULL, (rows.n * c.series + 1) * sizeof(*c.texts));
    for (size_t i = 0; i < rows.n * c.series; i++) {
        values[i] = NAN;
        c.texts[i] = NULL;
    }
    for (size_t r = 0; r < s->rows && s->values; r++) {
        crm_number_value v = numbers_value_of(s, r, 0);
        size_t x, y;
        if (s->groups)
            numbers_put_group(s, r, 0, &b);
        x = numbers_name_own(&rows, &b);
        if (!put_series(s, r, &b))
            continue;
        y = numbers_name_own(&series, &b);
        if (y >= c.series || !v.text)
            continue;
        values[x * c.series + y] = v.number;
        c.texts[x * c.series + y] = v.text;
    }
    c.values = values;
    chart_svg(&b, &c);
    rc = save(s->t, o->svg, o->force, &b);
    if (!rc && series.n > c.series)
        note(s->t, "%zu of %zu series are drawn", c.series, series.n);
    free(values);
    free(c.texts);
    numbers_names_free(&rows);
    numbers_names_free(&series);
    buf_free(&b);
    return rc;
}

/* ---- the verb ---- */

static int show_all(tool *t, crm_txn *txn, crm_numbers *n, const wishes *o)
{
    numbers_show s = {.t = t, .txn = txn, .n = n};
    crm_number_group g;
    int rc = 0;

    crm_numbers_size(n, &s.rows, &s.groups, &s.values);
    for (size_t r = 0; r < s.rows; r++)
        s.money |= crm_numbers_currency(n, r)[0] != 0;
    if (s.rows && s.groups && !crm_numbers_group(n, 0, 0, &g, NULL))
        s.kind = g.kind;
    if (o->svg && (rc = draw(&s, o)))
        return rc;
    if (o->svg && strcmp(o->svg, "-") == 0)
        return 0;
    if (t->json || o->csv) {
        numbers_tell_gaps(&s);
        return put_machine(&s, o->csv);
    }
    numbers_put_people(&s);
    return 0;
}

static int ask(tool *t, crm_txn *txn, query *request, query *of, const wishes *o)
{
    crm_error err = CRM_ERROR_INIT;
    crm_numbers *n = NULL;
    int rc = query_parse(of, txn);

    if (rc)
        return rc;
    query_watch(of);
    if (crm_numbers_ask(txn, of->segment, request->text.p, request->text.n, &of->options, &n,
                        &err)) {
        query_unwatch(of);
        return err.offset >= 0 ? query_misread(request, &err) : query_fail(of, &err);
    }
    query_unwatch(of);
    rc = show_all(t, txn, n, o);
    crm_numbers_free(n);
    return rc;
}

static int answer(tool *t, const char *asked, const wishes *o)
{
    query request, of;
    crm_txn *txn = NULL;
    int rc = query_read(&request, t, asked);

    if (rc)
        return rc;
    rc = query_read(&of, t, o->of ? o->of : "all");
    if (!rc && !(rc = open_question(t, o->reason)) && !(rc = begin(t, CRM_READ, &txn)))
        rc = ask(t, txn, &request, &of, o);
    crm_txn_abort(txn);
    query_free(&of);
    query_free(&request);
    return rc;
}

int numbers_of(tool *t, const char *request, const char *of, const char *reason, int csv)
{
    wishes o = {of, NULL, reason, csv, 0};

    return answer(t, request, &o);
}

static int run(tool *t, int argc, char **argv)
{
    wishes o = {NULL, NULL, NULL, 0, 0};
    const arg_option own[] = {
        {"of", 0, ARG_TEXT, &o.of},         {"svg", 0, ARG_TEXT, &o.svg},
        {"csv", 0, ARG_FLAG, &o.csv},       {"force", 0, ARG_FLAG, &o.force},
        {"reason", 0, ARG_TEXT, &o.reason}, {"purpose", 0, ARG_TEXT, &t->write.purpose},
        {"channel", 0, ARG_TEXT, &t->write.channel},
        {NULL, 0, 0, NULL},
    };
    int rc = verb_start(t, &argc, argv, own);

    if (rc)
        return rc;
    if (argc != 1)
        return fail_usage(t, "needs one REQUEST, in quotes, such as 'count by city'");
    if (o.csv && t->json)
        return fail_usage(t, "either --csv or --json");
    if (o.svg && strcmp(o.svg, "-") == 0 && (o.csv || t->json))
        return fail_usage(t, "standard output is either the picture or the table");
    if (o.force && (!o.svg || strcmp(o.svg, "-") == 0))
        return fail_usage(t, "--force is for the file of --svg");
    return answer(t, argv[0], &o);
}

const verb verb_numbers = {
    "numbers", "REQUEST [--of QUERY]", "sums, averages, histograms, tables", help, 1, run};
