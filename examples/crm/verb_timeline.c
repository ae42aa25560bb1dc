/* SPDX-License-Identifier: MIT
 * crm timeline: the events of a customer, or their totals.
 */
#include "tool.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "Usage: " TOOL " timeline WHO [--kind KIND]... [--from TIME] [--until TIME] [--oldest]\n"
    "                    [--all] [--limit N] [--after NUMBER] [--width N]\n"
    "       " TOOL " timeline WHO --totals\n"
    "\n"
    "Prints the events of a customer, the newest first; those that were voided are left out.\n"
    "\n"
    "  WHO               an id, FIELD=VALUE or a value, see get\n"
    "  --kind KIND       only events of this kind, by key or label; may be given again;\n"
    "                    a void is of the kind of what it voids\n"
    "  --from TIME       only those at this time or later, e.g. 2026-01-01 or\n"
    "                    2026-01-01T09:30+08:00\n"
    "  --until TIME      only those before this time\n"
    "  --zone ZONE       zone of times without an offset, e.g. Asia/Shanghai; else UTC\n"
    "  --oldest          the oldest first\n"
    "  --all             voided and corrected events too, and what voids them\n"
    "  --limit N         at most so many, 1 or more; where to go on is told on standard error\n"
    "  --after NUMBER    those behind the event of this number: where an earlier page ended\n"
    "  --width N         fit the table into N columns, 0: cut nothing; else as list does\n"
    "  --totals          of each kind: how many there are, the first, the last, the sums; also\n"
    "                    of a long timeline at once\n"
    "\n"
    "Times are UTC; the revision is that at which an event was added, which undo takes. With\n"
    "--json each line is an event as '" TOOL
    " event add --file' takes it; --all --oldest has what\n"
    "is voided in front of what voids it.\n"
    "\n"
    "Examples\n"
    "  " TOOL " timeline 17\n"
    "  " TOOL " timeline 13800138000 --kind order --kind payment --from 2026-01-01 --json\n"
    "  " TOOL " timeline 17 --limit 20 --after 3 --lang zh\n"
    "  " TOOL " timeline 17 --totals\n";

enum { CELL_MAX = 40, TOTALS_AT_FIRST = 32 };

typedef struct walk {
    tool *t;
    crm_txn *txn; /* NULL: between two snapshots */
    crm_event_iter *it;
    crm_id id;
    crm_event_list_options options;
    crm_event_kind *kinds;
    table *tb; /* NULL: JSON */
    int all;
    uint32_t last; /* number of the event printed last */
} walk;

static void cell(table *tb, const char *s)
{
    table_cell(tb, s, strlen(s));
}

static void cell_take(table *tb, buf *b)
{
    table_cell(tb, b->p ? b->p : "", b->n);
    b->n = 0;
}

/* ---- events ---- */

/* "Amount: 12.50 CNY, Product: Tea". */
static int details(walk *w, crm_event *e, const crm_event_kind *kind, buf *out)
{
    crm_error err = CRM_ERROR_INIT;
    crm_field attribute;
    const char *text;
    size_t pos = 0, n;
    int rc;

    while (!(rc = crm_attribute_next(w->txn, kind, &pos, &attribute, &err))) {
        rc = crm_event_text(e, &attribute, &text, &n, &err);
        if (rc == CRM_ENOTFOUND)
            continue;
        if (rc)
            break;
        buf_fmt(out, "%s%s: ", out->n ? ", " : "", field_label(w->txn, &attribute, w->t->lang));
        put_label(w->txn, &attribute, text, n, w->t->lang, out);
    }
    return rc == CRM_DONE ? 0 : fail_crm(w->t, &err);
}

static void put_state(walk *w, const crm_event *e)
{
    static const char *const states[] = {"", "voided", "corrected"};
    int state = crm_event_state(e);
    buf b = {0};

    buf_str(&b, states[state >= 0 && state <= 2 ? state : 0]);
    if (crm_event_voids(e))
        buf_fmt(&b, "%svoids %" PRIu32, b.n ? ", " : "", crm_event_voids(e));
    cell_take(w->tb, &b);
    buf_free(&b);
}

static int put_row(walk *w, crm_event *e)
{
    const char *source = "", *reference, *key = crm_event_kind_key(e);
    crm_error err = CRM_ERROR_INIT;
    crm_event_kind kind;
    size_t n, source_n = 0;
    buf b = {0};
    int rc = 0, plain = strcmp(key, "void") == 0, zh = is_chinese(w->t->lang);

    if (!plain && crm_event_kind_find(w->txn, key, CRM_NUL, &kind, &err))
        return fail_crm(w->t, &err);
    if (crm_event_source(w->txn, e, &source, &source_n, &err))
        return fail_crm(w->t, &err);
    buf_fmt(&b, "%" PRIu32, crm_event_number(e));
    cell_take(w->tb, &b);
    buf_fmt(&b, "%" PRIu64, crm_event_revision(e));
    cell_take(w->tb, &b);
    buf_time(&b, crm_event_time_us(e));
    cell_take(w->tb, &b);
    cell(w->tb, plain ? (zh ? "作废" : "Void") : kind_label(w->txn, &kind, w->t->lang));
    reference = crm_event_reference(e, &n);
    table_cell(w->tb, source, source_n);
    table_cell(w->tb, reference, n);
    if (w->all)
        put_state(w, e);
    if (!plain)
        rc = details(w, e, &kind, &b);
    cell_take(w->tb, &b);
    buf_free(&b);
    return rc;
}

static int put_json(walk *w, const crm_event *e)
{
    crm_error err = CRM_ERROR_INIT;
    char *json;
    size_t n;

    if (crm_event_to_json(w->txn, e, &json, &n, &err))
        return fail_crm(w->t, &err);
    out_json(json, n);
    crm_free(json);
    return 0;
}

static void put_head(walk *w, size_t width)
{
    static const char *const heads[][2] = {
        {"Number", "编号"}, {"Revision", "修订号"}, {"Time", "时间"},  {"Kind", "类型"},
        {"Source", "来源"}, {"Reference", "单号"},  {"State", "状态"}, {"Details", "内容"}};
    int zh = is_chinese(w->t->lang);

    w->tb = table_new(w->all ? 8 : 7, width == SIZE_MAX ? out_columns(1) : width,
                      width == SIZE_MAX ? CELL_MAX : 0);
    table_right(w->tb, 0);
    table_right(w->tb, 1);
    for (size_t i = 0; i < 8; i++)
        if (i != 6 || w->all)
            cell(w->tb, heads[i][zh]);
}

/* Whoever reads the events takes a rest: so does the snapshot. */
static void end_snapshot(void *ctx)
{
    walk *w = ctx;

    crm_event_list_close(w->it);
    w->it = NULL;
    crm_txn_abort(w->txn);
    w->txn = NULL;
}

static int begin_snapshot(walk *w)
{
    crm_error err = CRM_ERROR_INIT;
    int rc = w->txn ? 0 : begin(w->t, CRM_READ, &w->txn);

    if (rc)
        return rc;
    if (crm_event_list(w->txn, w->id, &w->options, &w->it, &err))
        return fail_crm(w->t, &err);
    out_on_stall(end_snapshot, w);
    return 0;
}

/* *more: the limit was reached, and there are further ones. */
static int put_events(walk *w, uint64_t limit, int *more)
{
    crm_error err = CRM_ERROR_INIT;
    uint64_t seen = 0;
    crm_event *e;
    int rc, code;

    while (!out_failed()) {
        if (!w->it && (code = begin_snapshot(w)))
            return code;
        rc = crm_event_next(w->it, &e, &err);
        if (rc == CRM_DONE)
            return 0;
        if (rc)
            return fail_crm(w->t, &err);
        if (seen++ == limit) {
            *more = 1;
            return 0;
        }
        crm_event_position_of(e, &w->options.after);
        w->last = crm_event_number(e);
        if ((code = w->tb ? put_row(w, e) : put_json(w, e)))
            return code;
    }
    return 0;
}

static void put_resume(walk *w)
{
    buf b = {0};

    if (w->t->json) {
        buf_fmt(&b, "{\"resume\":{\"after\":%" PRIu32 "}}", w->last);
        error_line(&b);
    } else {
        note(w->t, "more with --after %" PRIu32, w->last);
    }
}

static int put_timeline(walk *w, uint64_t limit, size_t width)
{
    int rc = begin_snapshot(w), more = 0;

    if (rc)
        return rc;
    if (!w->t->json)
        put_head(w, width);
    rc = put_events(w, limit, &more);
    out_on_stall(NULL, NULL);
    end_snapshot(w);
    if (w->tb)
        table_end(w->tb);
    if (more && !rc)
        put_resume(w);
    return rc;
}

/* ---- totals ---- */

/* Appends the sums of a kind. */
static void add_sums(walk *w, const crm_event_kind *kind, const crm_event_sum *sums, size_t n,
                     buf *out)
{
    crm_field attribute;

    for (size_t i = 0; i < n; i++) {
        const char *label = sums[i].attribute;
        if (strcmp(sums[i].kind, kind->key) != 0)
            continue;
        if (!crm_attribute_find(w->txn, kind, label, CRM_NUL, &attribute, NULL))
            label = field_label(w->txn, &attribute, w->t->lang);
        buf_fmt(out, "%s%s: %s%s%s", out->n ? ", " : "", label, sums[i].sum,
                sums[i].currency[0] ? " " : "", sums[i].currency);
    }
}

static void put_total(walk *w, const crm_event_total *total, const crm_event_sum *sums, size_t n)
{
    crm_event_kind kind;
    buf b = {0};

    if (crm_event_kind_find(w->txn, total->kind, CRM_NUL, &kind, NULL))
        return;
    cell(w->tb, kind_label(w->txn, &kind, w->t->lang));
    buf_count(&b, total->count);
    cell_take(w->tb, &b);
    buf_time(&b, total->first_us);
    cell_take(w->tb, &b);
    buf_time(&b, total->last_us);
    cell_take(w->tb, &b);
    add_sums(w, &kind, sums, n, &b);
    cell_take(w->tb, &b);
    buf_free(&b);
}

static int totals_table(walk *w)
{
    static const char *const heads[][2] = {{"Kind", "类型"},
                                           {"Events", "次数"},
                                           {"First", "首次"},
                                           {"Last", "最近"},
                                           {"Sums", "合计"}};
    size_t cap = TOTALS_AT_FIRST, n = 0, sum_cap = TOTALS_AT_FIRST, sum_n = 0;
    crm_error err = CRM_ERROR_INIT;
    crm_event_total *totals = NULL;
    crm_event_sum *sums = NULL;
    int rc;

    do {
        cap = n > cap ? n : cap;
        sum_cap = sum_n > sum_cap ? sum_n : sum_cap;
        totals = xrealloc(totals, cap * sizeof(*totals));
        sums = xrealloc(sums, sum_cap * sizeof(*sums));
        rc = crm_event_totals(w->txn, w->id, totals, cap, &n, &err);
        if (!rc)
            rc = crm_event_sums(w->txn, w->id, sums, sum_cap, &sum_n, &err);
    } while (!rc && (n > cap || sum_n > sum_cap));
    if (!rc) {
        w->tb = table_new(5, 0, 0);
        table_right(w->tb, 1);
        for (size_t i = 0; i < 5; i++)
            cell(w->tb, heads[i][is_chinese(w->t->lang)]);
        for (size_t i = 0; i < n; i++)
            put_total(w, &totals[i], sums, sum_n);
        table_end(w->tb);
    }
    free(totals);
    free(sums);
    return rc ? fail_crm(w->t, &err) : 0;
}

static int put_totals(walk *w)
{
    crm_error err = CRM_ERROR_INIT;
    char *json;
    size_t n;

    if (!w->t->json)
        return totals_table(w);
    if (crm_event_totals_json(w->txn, w->id, &json, &n, &err))
        return fail_crm(w->t, &err);
    out_json(json, n);
    crm_free(json);
    return 0;
}

/* ---- the verb ---- */

typedef struct wishes {
    arg_list kinds;
    const char *from, *until, *after;
    uint64_t limit, width;
    int oldest, totals;
} wishes;

static int find_kinds(walk *w, const arg_list *names)
{
    crm_error err = CRM_ERROR_INIT;

    if (!names->n)
        return 0;
    w->kinds = xrealloc(NULL, names->n * sizeof(*w->kinds));
    for (size_t i = 0; i < names->n; i++)
        if (crm_event_kind_find(w->txn, names->p[i], CRM_NUL, &w->kinds[i], &err))
            return fail_crm(w->t, &err);
    w->options.kinds = w->kinds;
    w->options.kind_count = (uint32_t)names->n;
    return 0;
}

/* The place of the event that an earlier page ended with. */
static int find_place(walk *w, const char *after)
{
    crm_error err = CRM_ERROR_INIT;
    crm_event *e = NULL;
    uint64_t number;

    if (!after)
        return 0;
    if (args_number(after, &number) || !number || number > UINT32_MAX)
        return fail_usage(w->t, "--after needs the number of an event, not '%s'", after);
    if (crm_event_new(w->txn, &e, &err) ||
        crm_event_get(w->txn, w->id, (uint32_t)number, e, &err)) {
        crm_event_free(e);
        return fail_crm(w->t, &err);
    }
    crm_event_position_of(e, &w->options.after);
    crm_event_free(e);
    return 0;
}

static int walk_customer(walk *w, const wishes *o, const char *who)
{
    int rc = open_read(w->t);

    if (rc || (rc = begin(w->t, CRM_READ, &w->txn)) ||
        (rc = time_option(w->t, w->txn, "from", o->from, &w->options.from_us)) ||
        (rc = time_option(w->t, w->txn, "until", o->until, &w->options.until_us)) ||
        (rc = target_one(w->t, w->txn, who, &w->id)))
        return rc;
    if (o->totals)
        return put_totals(w);
    if ((rc = find_kinds(w, &o->kinds)) || (rc = find_place(w, o->after)))
        return rc;
    return put_timeline(w, o->limit, (size_t)o->width);
}

static int run(tool *t, int argc, char **argv)
{
    walk w = {.t = t, .options = CRM_EVENT_LIST_OPTIONS_INIT};
    wishes o = {.limit = UINT64_MAX, .width = SIZE_MAX};
    const arg_option own[] = {{"kind", 0, ARG_LIST, &o.kinds},
                              {"from", 0, ARG_TEXT, &o.from},
                              {"until", 0, ARG_TEXT, &o.until},
                              {"oldest", 0, ARG_FLAG, &o.oldest},
                              {"all", 0, ARG_FLAG, &w.all},
                              {"limit", 0, ARG_NUMBER, &o.limit},
                              {"after", 0, ARG_TEXT, &o.after},
                              {"width", 0, ARG_NUMBER, &o.width},
                              {"totals", 0, ARG_FLAG, &o.totals},
                              {"zone", 0, ARG_TEXT, &t->write.zone},
                              {NULL, 0, 0, NULL}};
    int rc = verb_start(t, &argc, argv, own);

    if (!rc && argc != 1)
        rc = fail_usage(t, "needs one customer");
    else if (!rc && !o.limit)
        rc = fail_usage(t, "--limit needs a number from 1");
    else if (!rc && o.totals &&
             (o.kinds.n || o.from || o.until || o.after || o.oldest || w.all ||
              o.limit != UINT64_MAX))
        rc = fail_usage(t, "--totals are of the whole timeline: it goes alone");
    if (!rc) {
        w.options.flags =
            (o.oldest ? CRM_EVENTS_OLDEST : 0) | (w.all ? CRM_EVENTS_ALL | CRM_EVENTS_DELETED : 0);
        rc = walk_customer(&w, &o, argv[0]);
        end_snapshot(&w);
    }
    free(w.kinds);
    free(o.kinds.p);
    return rc;
}

const verb verb_timeline = {"timeline", "WHO", "the events of a customer, and their totals",
                            help,       0,     run};
