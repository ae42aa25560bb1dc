/* SPDX-License-Identifier: MIT
 * crm segment: questions over all customers: how many, which, by what, how it is answered, and why
 * one of them is among them.
 */
#include "tool.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "Usage: " TOOL " segment count QUERY [--reason TEXT]\n"
    "       " TOOL " segment run QUERY [--order FIELDS] [--limit N] ...\n"
    "       " TOOL " segment top QUERY [--order FIELDS] [--limit N] [--after KEY]\n"
    "                   [--fields A,B,...] [--csv] [--width N] [--reason TEXT]\n"
    "       " TOOL " segment facet QUERY --by NAME [--limit N] [--reason TEXT]\n"
    "       " TOOL " segment sum QUERY WHAT [BY] [--window TIME] [--csv] [--reason TEXT]\n"
    "       " TOOL " segment histogram QUERY WHAT [STEPS] [--window TIME] [--csv]\n"
    "                   [--reason TEXT]\n"
    "       " TOOL " segment group QUERY BY [MEASURES] [--window TIME] [--csv]\n"
    "                   [--reason TEXT]\n"
    "       " TOOL " segment sample QUERY N [--seed S] [--fields A,B,...] [--csv] [--width N]\n"
    "                   [--reason TEXT]\n"
    "       " TOOL " segment explain QUERY [--reason TEXT]\n"
    "       " TOOL " segment why QUERY WHO [--reason TEXT]\n"
    "       " TOOL " segment check QUERY\n"
    "       " TOOL " segment diff QUERY QUERY [--csv] [--reason TEXT]\n"
    "       " TOOL " segment diff QUERY [--at TIME] [--with TIME] [--csv] [--reason TEXT]\n"
    "       " TOOL " segment tag QUERY TAG [--until TIME] [--reason TEXT] [--dry-run]\n"
    "       " TOOL " segment untag QUERY TAG [--dry-run]\n"
    "       " TOOL " segment export QUERY [FILE] --reason TEXT [--format F] ...\n"
    "       " TOOL " segment save NAME QUERY [--replace] [--static] [--dry-run]\n"
    "       " TOOL " segment list\n"
    "       " TOOL " segment show NAME\n"
    "       " TOOL " segment remove NAME\n"
    "       " TOOL " segment watch NAME | unwatch NAME | watched | advance | feed [NAME]\n"
    "\n"
    "Asks questions over all customers. A segment is never stale: it is answered from what is\n"
    "stored at the moment of asking, and deleted customers are in none.\n"
    "\n"
    "  count             how many there are\n"
    "  run               all of them, as '" TOOL " list --where'\n"
    "  top               the first of an order, 10 without --limit; as '" TOOL " list --where'\n"
    "  facet             how many have each tag, or each value of a field, the most frequent\n"
    "                    first; on a terminal with bars\n"
    "  sum               what a field, or an attribute of events such as order.amount, adds up\n"
    "                    to; with BY of each group\n"
    "  histogram         how many lie in each of about STEPS steps of a round width, 10 without,\n"
    "                    or of 'every 100': customers by a field, events by an attribute of\n"
    "                    theirs\n"
    "  group             MEASURES, the count without, of each group: 'city', 'month(created_at)'\n"
    "                    These three ask '" TOOL " numbers', which does more: see its --help.\n"
    "  sample            N of them at random; the same --seed on the same data draws the same\n"
    "  explain           the steps in the order in which they are asked: by what each is\n"
    "                    answered, how many customers were expected and were left behind it,\n"
    "                    and the time\n"
    "  why               which conditions are true of one customer\n"
    "  check             read it and print it in its canonical form; with --json as a tree\n"
    "  diff              how many two segments have in common, and how many only one of them;\n"
    "                    of one segment: at two times, which the clock alone makes different\n"
    "  tag               give every customer of it a tag, in one change that undo takes back;\n"
    "                    prints how many did not have it\n"
    "  untag             take a tag from all of them\n"
    "  export            its customers for other programs, with all options of export\n"
    "  save              give it a name: segment(NAME) is true in other questions of what it\n"
    "                    says at the moment of asking; --replace saves another version,\n"
    "                    --static who is in it now, whatever becomes of them\n"
    "  list              the saved ones, with who saved them, and when\n"
    "  show              what a saved one says, and who saved its versions, and when\n"
    "  remove            take a name away, unless another saved one refers to it\n"
    "  watch, feed ...   be told who enters a saved one and who leaves it: see\n"
    "                    '" TOOL " segment watch --help'\n"
    "  QUERY             in the segment language, or the name of a saved segment; @FILE, or -\n"
    "                    for standard input\n"
    "  WHO               an id, FIELD=VALUE or a value, see get\n"
    "  --by NAME         a dimension of tags, 'tags' for all of them, or a field whose values\n"
    "                    are indexed, or kind; of a name that both have it is the\n"
    "                    dimension, and field(NAME) the field\n"
    "  --order FIELDS    e.g. 'score desc, name'; customers without a value come last\n"
    "  --limit N         at most so many lines, 1 or more\n"
    "  --seed S          a number; 1 when it is not given\n"
    "  --at TIME         of diff: when the first is asked; else now\n"
    "  --with TIME       of diff: when the second is asked; else now\n"
    "  --window TIME     of sum, histogram and group: only events in it, e.g. 'last 90 days'\n"
    "  --csv             a table for other programs, of run, top, sum, histogram, group, sample\n"
    "                    and diff\n"
    "  --fields A,B,...  columns of run, top and sample, as of '" TOOL " list'\n"
    "  --after KEY       of run and top: what comes after the key that the earlier one told\n"
    "  --width N         of run, top and sample: cut columns to so many characters\n"
    "  --replace         of save: another version of a name that is saved already\n"
    "  --static          of save: who is in it now, whatever becomes of them\n"
    "  --until TIME      of tag: when it ends, where the dimension allows an end\n"
    "  --reason TEXT     of tag: why; of questions: why they are asked, for the journal, which\n"
    "                    gets an entry with it first\n"
    "  --purpose NAME    what it is asked for, for the journal\n"
    "  --channel NAME    by which way, e.g. email, for the journal\n"
    "  --batch[=NAME]    of tag and untag: make it a batch\n"
    "  --dry-run         do it, then take it back\n"
    "  --zone ZONE       zone of days, months and years, e.g. Asia/Shanghai; else UTC\n"
    "\n"
    "Conditions are joined by and, or, not and parentheses. Names are keys or labels, in any\n"
    "language the model has. Some of the conditions:\n"
    "\n"
    "  score >= 700      also = != < <= >, and between 300 and 700\n"
    "  lifecycle in (lead, prospect)\n"
    "                    one of several; not in\n"
    "  name contains 伟  also starts with; email is empty, email is not empty\n"
    "  tag(region:cn/east)\n"
    "                    has the tag, or one below it; tag all (...), tag none (...)\n"
    "  birthday in next 7 days\n"
    "                    an anniversary\n"
    "  created_at in last 3 months\n"
    "                    also this year, previous month, since 2026-01, on 2026-03-08\n"
    "  event(order, last 90 days, amount >= 100 CNY)\n"
    "                    had such an event\n"
    "  count(order, last 365 days) >= 3\n"
    "                    also sum, avg, min, max, distinct, first, last\n"
    "  event(quote, last 3 months) not followed by event(order)\n"
    "                    one thing, and not the other after it\n"
    "  segment(vip) and not segment(\"asked last week\")\n"
    "                    saved ones\n"
    "\n"
    "What can't be read is shown with a mark under the place: exit code 4.\n"
    "\n"
    "Examples\n"
    "  " TOOL " segment count 'city = 上海 and score >= 700'\n"
    "  " TOOL " segment top 'kind = person' --order 'score desc, name' --limit 20\n"
    "  " TOOL " segment facet all --by city --limit 5\n"
    "  " TOOL " segment sum 'vip = true' order.amount 'month last 12 months'\n"
    "  " TOOL " segment histogram all order.amount 5 --window 'last 12 months'\n"
    "  " TOOL " segment facet 'event(order, last 90 days)' --by region --lang zh\n"
    "  " TOOL " segment explain 'vip = true and 评分 between 300 and 700'\n"
    "  " TOOL " segment why 'score >= 700 and email is not empty' 13800138000\n"
    "  " TOOL " segment diff 'tag(value:high)' 'event(order, last 1 year)'\n"
    "  " TOOL " segment tag 'last(order) before 2026' behaviour:dormant --reason 'no order'\n"
    "  " TOOL " segment save winback @winback.txt\n"
    "  " TOOL
    " segment sample 'segment(winback) and email is not empty' 20 --csv > call-these.csv\n";

enum { TOP = 10, BAR = 30 };

typedef struct wishes {
    walk_wishes walk;
    const char *by, *at, *with, *window;
    uint64_t limit, seed; /* limit 0: none was given */
    int csv, replace, fixed;
    segment_act act;
} wishes;

/* A run of the verb: the question, and the snapshot that answers it. */
typedef struct asking {
    tool *t;
    const wishes *o;
    query q;
    crm_txn *txn;
} asking;

/* ---- count, check ---- */

static int put_count(asking *a)
{
    crm_error err = CRM_ERROR_INIT;
    uint64_t count;
    buf b = {0};

    if (crm_segment_count(a->txn, a->q.segment, &a->q.options, &count, &err))
        return query_fail(&a->q, &err);
    query_unwatch(&a->q);
    buf_fmt(&b, a->t->json ? "{\"count\":%" PRIu64 "}" : "%" PRIu64, count);
    out_line(b.p, b.n);
    buf_free(&b);
    return 0;
}

/* Prints a text of the library, and frees it. */
static void put_text(asking *a, char *text, size_t n)
{
    query_unwatch(&a->q);
    if (a->t->json)
        out_json(text, n);
    else
        out_raw(text, n), out_put("\n", 1);
    crm_free(text);
}

static int put_canonical(asking *a)
{
    crm_error err = CRM_ERROR_INIT;
    char *text;
    size_t n;

    if (a->t->json ? crm_segment_json(a->q.segment, &text, &n, &err)
                   : crm_segment_text(a->q.segment, &text, &n, &err))
        return query_fail(&a->q, &err);
    put_text(a, text, n);
    return 0;
}

/* ---- explain, why ---- */

static int put_explained(asking *a)
{
    crm_error err = CRM_ERROR_INIT;
    slice doc;
    char *json;

    if (crm_segment_explain(a->txn, a->q.segment, &a->q.options, &json, &doc.n, &err))
        return query_fail(&a->q, &err);
    if (a->t->json) {
        put_text(a, json, doc.n);
        return 0;
    }
    query_unwatch(&a->q);
    doc.p = json;
    segment_explained(doc);
    crm_free(json);
    return 0;
}

static int put_why(asking *a, const char *who)
{
    crm_error err = CRM_ERROR_INIT;
    slice doc;
    char *json;
    crm_id id;
    int rc;

    query_unwatch(&a->q); /* the search has its own bar */
    if ((rc = target_one(a->t, a->txn, who, &id)))
        return rc;
    if (crm_segment_why(a->txn, a->q.segment, id, &json, &doc.n, &err))
        return query_fail(&a->q, &err);
    if (a->t->json) {
        put_text(a, json, doc.n);
        return 0;
    }
    doc.p = json;
    segment_why(doc);
    crm_free(json);
    return 0;
}

/* ---- sample ---- */

static int put_rows(asking *a, const crm_id *drawn, size_t n)
{
    sheet r = {.t = a->t, .txn = a->txn, .how = a->o->walk.how};
    crm_error err = CRM_ERROR_INIT;
    crm_customer *c = NULL;
    int rc = rows_choose(&r, a->o->walk.fields);

    if (!rc && crm_customer_new(a->txn, &c, &err))
        rc = fail_crm(a->t, &err);
    if (!rc) {
        rows_head(&r, (size_t)a->o->walk.width);
        for (size_t i = 0; i < n && rc <= TOOL_MISSING && !out_failed(); i++) {
            int code = crm_customer_get(a->txn, drawn[i], c, &err) ? fail_crm(a->t, &err)
                                                                   : rows_put(&r, c);
            rc = code == TOOL_SYSTEM && err.code == CRM_ECORRUPT ? TOOL_MISSING : code;
        }
    }
    rows_end(&r);
    crm_customer_free(c);
    return rc;
}

static int put_sample(asking *a, const char *wanted)
{
    crm_error err = CRM_ERROR_INIT;
    uint64_t count, n;
    crm_id *drawn;
    size_t got = 0;
    int rc;

    if (args_number(wanted, &n) || !n)
        return fail_usage(a->t, "sample needs a number from 1, not '%s'", wanted);
    /* no more than there are, so that a large number takes no memory */
    if (crm_segment_count(a->txn, a->q.segment, &a->q.options, &count, &err))
        return query_fail(&a->q, &err);
    n = n < count ? n : count;
    drawn = xrealloc(NULL, (size_t)n * sizeof(*drawn));
    if (n && crm_segment_sample(a->txn, a->q.segment, &a->q.options, a->o->seed, drawn, (size_t)n,
                                &got, &err)) {
        rc = query_fail(&a->q, &err);
    } else {
        query_unwatch(&a->q);
        rc = put_rows(a, drawn, got);
    }
    free(drawn);
    return rc;
}

/* ---- facet ---- */

typedef struct facet {
    asking *a;
    crm_dimension dimension; /* key "": a field, or the tags of all dimensions */
    crm_field field;
    int by_field, by_kind;
    uint64_t of; /* customers of the segment */
    crm_facet *lines;
    size_t n;
} facet;

static int on_line(const crm_facet *line, void *ctx)
{
    facet *f = ctx;
    size_t n = strlen(line->value) + 1;
    char *copy = xrealloc(NULL, n);

    memcpy(copy, line->value, n);
    f->lines = xrealloc(f->lines, (f->n + 1) * sizeof(*f->lines));
    f->lines[f->n].value = copy;
    f->lines[f->n++].count = line->count;
    return 0;
}

/* Of one dimension alone without its name. */
static void put_value_label(const facet *f, const char *value, buf *out)
{
    const char *colon = strchr(value, ':');

    if (f->by_field)
        put_label(f->a->txn, &f->field, value, strlen(value), f->a->t->lang, out);
    else if (f->dimension.key[0] && colon)
        buf_str(out, tag_label(f->a->txn, &f->dimension, colon + 1, f->a->t->lang));
    else if (f->by_kind)
        buf_str(out, customer_kind_label(f->a->txn, value, f->a->t->lang));
    else
        put_tag_label(f->a->txn, value, f->a->t->lang, out);
}

static void facet_json(const facet *f, const crm_facet *line)
{
    buf label = {0}, b = {0};

    put_value_label(f, line->value, &label);
    buf_char(&b, '{');
    json_key(&b, "value");
    json_string(&b, line->value, strlen(line->value));
    json_key(&b, "label");
    json_string(&b, label.p ? label.p : "", label.n);
    buf_fmt(&b, ",\"count\":%" PRIu64 ",\"of\":%" PRIu64 "}", line->count, f->of);
    out_json(b.p, b.n);
    buf_free(&label);
    buf_free(&b);
}

/* Blocks of an eighth of a column, as long as the count is of the most frequent one's. */
static void put_bar(uint64_t count, uint64_t most, buf *out)
{
    static const char *const parts[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    unsigned eighths = (unsigned)((double)count / (double)most * BAR * 8 + 0.5);

    for (eighths = eighths ? eighths : 1; eighths >= 8; eighths -= 8)
        buf_str(out, "█");
    buf_str(out, parts[eighths]);
}

static void facet_table(const facet *f, size_t shown)
{
    static const char *const heads[][2] = {{"Customers", "客户数"}, {"Share", "占比"}, {"", ""}};
    int zh = is_chinese(f->a->t->lang);
    size_t columns = out_is_terminal() ? 4 : 3;
    const char *label = zh ? "标签" : "Tag";
    table *tb = table_new(columns, out_columns(1), 0);
    buf b = {0};

    if (f->by_field)
        label = field_label(f->a->txn, &f->field, f->a->t->lang);
    else if (f->by_kind)
        label = built_in_label("kind", f->a->t->lang);
    else if (f->dimension.key[0])
        label = dimension_label(f->a->txn, &f->dimension, f->a->t->lang);
    table_cell(tb, label, strlen(label));
    for (size_t i = 0; i + 1 < columns; i++)
        table_cell(tb, heads[i][zh], strlen(heads[i][zh]));
    table_right(tb, 1);
    table_right(tb, 2);
    for (size_t i = 0; i < shown; i++) {
        const crm_facet *line = &f->lines[i];
        put_value_label(f, line->value, &b);
        table_cell(tb, b.p ? b.p : "", b.n);
        b.n = 0;
        buf_count(&b, line->count);
        table_cell(tb, b.p, b.n);
        b.n = 0;
        buf_fmt(&b, "%.1f %%", 100.0 * (double)line->count / (double)f->of);
        table_cell(tb, b.p, b.n);
        b.n = 0;
        if (columns == 4) {
            put_bar(line->count, f->lines[0].count, &b);
            table_cell(tb, b.p, b.n);
            b.n = 0;
        }
    }
    table_end(tb);
    buf_free(&b);
}

/* What --by names, as the library reads it, for its labels. */
static void find_subject(facet *f, const char *by)
{
    size_t n = strlen(by);
    int field = n > 7 && strncmp(by, "field(", 6) == 0 && by[n - 1] == ')';

    f->dimension.key[0] = '\0';
    if (strcmp(by, "tags") == 0)
        return;
    if (!field && !crm_dimension_find(f->a->txn, by, n, &f->dimension, NULL))
        return;
    f->dimension.key[0] = '\0';
    f->by_field =
        !crm_field_find(f->a->txn, field ? by + 6 : by, field ? n - 7 : n, &f->field, NULL);
    f->by_kind = !f->by_field; /* there is nothing else left that is counted by */
}

/* Nobody has a tag of a dimension that a field of the same name stands behind. */
static void note_hidden(const facet *f)
{
    crm_field field;

    if (!f->n && f->of && f->dimension.key[0] &&
        !crm_field_find(f->a->txn, f->a->o->by, CRM_NUL, &field, NULL))
        note(f->a->t, "nobody has a tag of %s; --by 'field(%s)' counts by the field of that name",
             f->dimension.key, field.key);
}

static int put_facet(asking *a)
{
    crm_error err = CRM_ERROR_INIT;
    facet f = {.a = a};
    size_t shown;
    int rc = 0;

    find_subject(&f, a->o->by);
    if (crm_segment_facet(a->txn, a->q.segment, a->o->by, &a->q.options, on_line, &f, &err) ||
        crm_segment_count(a->txn, a->q.segment, &a->q.options, &f.of, &err)) {
        rc = query_fail(&a->q, &err);
    } else {
        query_unwatch(&a->q);
        shown = a->o->limit && a->o->limit < f.n ? (size_t)a->o->limit : f.n;
        for (size_t i = 0; i < shown && a->t->json; i++)
            facet_json(&f, &f.lines[i]);
        if (!a->t->json)
            facet_table(&f, shown);
        note_hidden(&f);
        if (shown < f.n)
            note(a->t, "%zu further value%s", f.n - shown, f.n - shown == 1 ? "" : "s");
    }
    for (size_t i = 0; i < f.n; i++)
        free((char *)(uintptr_t)f.lines[i].value);
    free(f.lines);
    return rc;
}

/* ---- the verb ---- */

enum {
    ORDER = 1,
    LIMIT = 2,
    ROWS = 4,
    BY = 8,
    SEED = 16,
    AFTER = 32,
    REPLACE = 64,
    DRY = 128,
    HOW = 256,
    TIMES = 512,
    REASON = 1024,
    REHEARSE = 2048,
    CSV = 4096,
    WINDOW = 8192
};

static const struct sub {
    const char *name;
    int arguments, most; /* most 0: as many */
    int takes;           /* options */
    const char *needs;
} subs[] = {
    {"count", 1, 0, REASON, "one QUERY, in quotes"},
    {"run", 1, 0, ORDER | LIMIT | ROWS | AFTER | REASON, "one QUERY, in quotes"},
    {"top", 1, 0, ORDER | LIMIT | ROWS | AFTER | REASON, "one QUERY, in quotes"},
    {"facet", 1, 0, LIMIT | BY | REASON, "one QUERY, in quotes"},
    {"sum", 2, 3, CSV | REASON | WINDOW, "a QUERY and what to add, such as score or order.amount"},
    {"histogram", 2, 3, CSV | REASON | WINDOW, "a QUERY and a field or attribute of numbers"},
    {"group", 2, 3, CSV | REASON | WINDOW, "a QUERY and by what, such as city"},
    {"sample", 2, 0, ROWS | SEED | REASON, "a QUERY, in quotes, and a number"},
    {"explain", 1, 0, REASON, "one QUERY, in quotes"},
    {"why", 2, 0, REASON, "a QUERY, in quotes, and a customer"},
    {"check", 1, 0, 0, "one QUERY, in quotes"},
    {"diff", 2, 0, TIMES | CSV | REASON, "two QUERIES, in quotes, or one with --at and --with"},
    {"tag", 2, 0, DRY | REHEARSE | HOW | REASON, "a QUERY, in quotes, and a TAG"},
    {"untag", 2, 0, DRY | REHEARSE, "a QUERY, in quotes, and a TAG"},
    {"export", 1, 0, 0, "a QUERY, in quotes, right behind segment"},
    {"save", 2, 0, REPLACE | REHEARSE, "a NAME and a QUERY, in quotes"},
    {"list", 0, 0, 0, "no argument"},
    {"show", 1, 0, 0, "one NAME"},
    {"remove", 1, 0, 0, "one NAME"},
};

static const struct sub *find_sub(const char *name)
{
    for (size_t i = 0; i < sizeof(subs) / sizeof(subs[0]); i++)
        if (strcmp(subs[i].name, name) == 0)
            return &subs[i];
    return NULL;
}

static int no_sub(tool *t, const char *name)
{
    buf hint = {0};
    near x;
    int rc;

    near_start(&x, name, strlen(name));
    for (size_t i = 0; i < sizeof(subs) / sizeof(subs[0]); i++)
        near_try(&x, subs[i].name);
    near_hint(&x, "", &hint);
    rc = fail_usage(t,
                    "needs count, run, top, facet, sum, histogram, group, sample, explain, why, "
                    "check, diff, tag, untag, export, save, list, "
                    "show, remove, watch, unwatch, watched, advance or feed%s",
                    hint.p ? hint.p : "");
    buf_free(&hint);
    return rc;
}

/* Options that this one does not take. */
static int check_options(tool *t, const struct sub *s, const wishes *o)
{
    const struct {
        int option, given;
        const char *name;
    } all[] = {{ORDER, o->walk.order != NULL, "--order"},
               {AFTER, o->walk.after != NULL, "--after"},
               {LIMIT, o->limit != 0, "--limit"},
               {ROWS, o->walk.fields != NULL, "--fields"},
               {ROWS | CSV, o->csv, "--csv"},
               {ROWS, o->walk.width != SIZE_MAX, "--width"},
               {BY, o->by != NULL, "--by"},
               {SEED, o->seed != 1, "--seed"},
               {REPLACE, o->replace, "--replace"},
               {REPLACE, o->fixed, "--static"},
               {DRY, t->write.batch != 0, "--batch"},
               {REHEARSE, o->act.dry_run, "--dry-run"},
               {TIMES, o->at != NULL, "--at"},
               {TIMES, o->with != NULL, "--with"},
               {WINDOW, o->window != NULL, "--window"},
               {HOW, o->act.until != NULL, "--until"},
               {REASON, o->act.reason != NULL, "--reason"}};

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (all[i].given && !(s->takes & all[i].option))
            return fail_usage(t, "%s takes no %s", s->name, all[i].name);
    if ((s->takes & BY) && !o->by)
        return fail_usage(t, "facet needs --by: a dimension of tags, 'tags', or a field");
    if (o->csv && t->json)
        return fail_usage(t, "either --csv or --json");
    return 0;
}

static int ask(asking *a, const struct sub *s, char **argv)
{
    switch (s->name[0]) {
    case 'f':
        return put_facet(a);
    case 's':
        return put_sample(a, argv[1]);
    case 'e':
        return put_explained(a);
    case 'w':
        return put_why(a, argv[1]);
    default:
        return strcmp(s->name, "check") == 0 ? put_canonical(a) : put_count(a);
    }
}

static int run_query(tool *t, const struct sub *s, const wishes *o, char **argv)
{
    asking a = {.t = t, .o = o};
    int rc = query_read(&a.q, t, argv[0]);

    if (!rc)
        rc = open_question(t, o->act.reason);
    if (s->takes & ORDER)
        t->write.reason = NULL; /* a walk tells it itself, once for all its snapshots */
    if (!rc)
        rc = begin(t, CRM_READ, &a.txn);
    if (!rc && !(rc = query_parse(&a.q, a.txn))) {
        if (s->takes & ORDER) {
            rc = walk_segment(&a.q, a.txn, &o->walk);
            a.txn = NULL;
        } else {
            query_watch(&a.q);
            rc = ask(&a, s, argv);
            query_unwatch(&a.q);
        }
    }
    query_free(&a.q);
    crm_txn_abort(a.txn);
    return rc;
}

/* Of an attribute of events, as order.amount, the name of its kind; else nothing. */
static size_t kind_of(const char *what)
{
    int quoted = 0;

    for (size_t i = 0; what[i]; i++) {
        if (quoted && what[i] == '\\' && what[i + 1])
            i++;
        else if (what[i] == '"')
            quoted = !quoted;
        else if (!quoted && what[i] == '.')
            return i;
    }
    return 0;
}

static void histogram_of(buf *request, const char *what, const char *steps)
{
    size_t kind = kind_of(what);
    int every = steps && strncmp(steps, "every ", 6) == 0;

    if (kind)
        buf_fmt(request, "count(%.*s)", (int)kind, what);
    else
        buf_str(request, "count");
    buf_fmt(request, every ? " by %s %s" : " by %s in %s steps", what, steps ? steps : "10");
}

/* sum, histogram and group are requests for numbers. */
static int run_numbers(tool *t, const struct sub *s, const wishes *o, char **argv,
                       const char *more)
{
    buf request = {0};
    int rc;

    if (strcmp(s->name, "sum") == 0)
        buf_fmt(&request, "sum(%s)%s%s", argv[1], more ? " by " : "", more ? more : "");
    else if (strcmp(s->name, "histogram") == 0)
        histogram_of(&request, argv[1], more);
    else
        buf_fmt(&request, "%s by %s", more ? more : "count", argv[1]);
    if (o->window)
        buf_fmt(&request, " %s", o->window);
    rc = numbers_of(t, request.p, argv[0], o->act.reason, o->csv);
    buf_free(&request);
    return rc;
}

static int run(tool *t, int argc, char **argv)
{
    wishes o = {.walk = {.width = SIZE_MAX}, .seed = 1};
    uint64_t limit = UINT64_MAX;
    const arg_option own[] = {
        {"by", 0, ARG_TEXT, &o.by},
        {"order", 0, ARG_TEXT, &o.walk.order},
        {"after", 0, ARG_TEXT, &o.walk.after},
        {"limit", 0, ARG_NUMBER, &limit},
        {"fields", 0, ARG_TEXT, &o.walk.fields},
        {"csv", 0, ARG_FLAG, &o.csv},
        {"width", 0, ARG_NUMBER, &o.walk.width},
        {"seed", 0, ARG_NUMBER, &o.seed},
        {"replace", 0, ARG_FLAG, &o.replace},
        {"static", 0, ARG_FLAG, &o.fixed},
        {"until", 0, ARG_TEXT, &o.act.until},
        {"reason", 0, ARG_TEXT, &o.act.reason},
        {"batch", 0, ARG_BATCH, NULL},
        {"dry-run", 0, ARG_FLAG, &o.act.dry_run},
        {"at", 0, ARG_TEXT, &o.at},
        {"with", 0, ARG_TEXT, &o.with},
        {"window", 0, ARG_TEXT, &o.window},
        {"purpose", 0, ARG_TEXT, &t->write.purpose},
        {"channel", 0, ARG_TEXT, &t->write.channel},
        {NULL, 0, 0, NULL},
    };
    const struct sub *s;
    int least, rc;

    if (argc && strcmp(argv[0], "export") == 0)
        return segment_export(t, argc - 1, argv + 1);
    if (argc && is_segment_live(argv[0]))
        return segment_live(t, argc, argv);
    rc = verb_start(t, &argc, argv, own);

    if (rc)
        return rc;
    if (!limit)
        return fail_usage(t, "--limit needs a number from 1");
    if (!argc || !(s = find_sub(argv[0])))
        return no_sub(t, argc ? argv[0] : "");
    least = s->arguments - ((s->takes & TIMES) && (o.at || o.with));
    if (argc - 1 < least || argc - 1 > (s->most ? s->most : least))
        return fail_usage(t, "%s needs %s", s->name, s->needs);
    o.limit = limit == UINT64_MAX ? 0 : limit;
    if ((rc = check_options(t, s, &o)))
        return rc;
    if (s->most)
        return run_numbers(t, s, &o, argv + 1, argc > 3 ? argv[3] : NULL);
    o.walk.limit = o.limit ? o.limit : strcmp(s->name, "run") == 0 ? UINT64_MAX : TOP;
    o.walk.reason = o.act.reason;
    o.walk.how = o.csv ? AS_CSV : t->json ? AS_JSON : AS_TABLE;
    if (s->takes & DRY) {
        o.act.untag = s->name[0] == 'u';
        o.act.tag = argv[2];
        return segment_act_run(t, argv[1], &o.act);
    }
    if (strcmp(s->name, "save") == 0)
        return segment_save(t, argv[1], argv[2],
                            (o.replace ? CRM_SEGMENT_REPLACE : 0) |
                                (o.fixed ? CRM_SEGMENT_STATIC : 0),
                            o.act.dry_run);
    if (s->takes & TIMES)
        return segment_diff(t, argv[1], argc > 2 ? argv[2] : NULL, o.at, o.with,
                            o.act.reason, o.csv);
    if (strcmp(s->name, "remove") == 0)
        return segment_remove(t, argv[1]);
    if (strcmp(s->name, "list") == 0 || strcmp(s->name, "show") == 0)
        return segment_saved(t, argc > 1 ? argv[1] : NULL);
    return run_query(t, s, &o, argv + 1);
}

const verb verb_segment = {
    "segment", "count | top | facet | ...", "questions over all customers", help, 1, run};
