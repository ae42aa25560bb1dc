/* SPDX-License-Identifier: MIT
 * crm history: who changed what on a customer, and when.
 */
#include "tool.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "Usage: " TOOL " history WHO [--limit N] [--width N]\n"
    "\n"
    "Prints what was changed on a customer, the newest first: the revision, when, who, what\n"
    "was done, of each field the value before and after, and of each tag whether it was given\n"
    "(+), taken (-) or got another end (~), with its end and its reason.\n"
    "\n"
    "  WHO               an id, FIELD=VALUE or a value, see get; a deleted one by id\n"
    "  --limit N         at most so many changes, 1 or more\n"
    "  --width N         fit the table into N columns, 0: cut nothing; else as list does\n"
    "\n"
    "A value that is not there is '-'. What a change replaced may have been dropped since:\n"
    "then only its fields are told. 'undo 3 (batch 4)' took 3 back, and is taken back itself\n"
    "by 4. A record as it was: '" TOOL " get 17 --at REVISION'.\n"
    "\n"
    "Examples\n"
    "  " TOOL " history 17\n"
    "  " TOOL " history 电话=13800138000 --limit 3 --lang zh\n"
    "  " TOOL " history 17 --json | head -n 1\n";

enum { CELL_MAX = 60 };

typedef struct past {
    tool *t;
    crm_txn *txn; /* NULL: between two snapshots */
    crm_history *h;
    crm_id id;
    uint64_t last; /* revision printed last, 0: none */
    table *tb;     /* NULL: JSON */
} past;

static void cell(table *tb, const char *s)
{
    table_cell(tb, s, strlen(s));
}

/* A value as get shows it: the items of a list side by side, the id of another system behind its
 * source.  `field` NULL: the model no longer has it. */
static void put_value(past *p, const crm_field *field, const char *text, buf *out)
{
    int is_list = field && field->flags & (CRM_FIELD_LIST | CRM_FIELD_PER_SOURCE);
    slice list = {text, text ? strlen(text) : 0}, key, item, source;
    buf one = {0};
    size_t pos = 0;
    int n = 0;

    if (!text || !field)
        buf_str(out, text ? text : "-");
    else if (!is_list)
        put_label(p->txn, field, text, list.n, p->t->lang, out);
    while (text && is_list && json_next(list, &pos, &key, &item)) {
        source = json_member(item, "source");
        buf_str(out, n++ ? ", " : "");
        if (source.n) {
            json_text(out, source);
            buf_char(out, ':');
            item = json_member(item, "value");
        }
        one.n = 0;
        json_text(&one, item);
        put_label(p->txn, field, one.p, one.n, p->t->lang, out);
    }
    buf_free(&one);
}

/* Whether what the present change replaced was dropped: then no value can be told. */
static int is_dropped(past *p)
{
    slice doc;
    char *json;
    int dropped;

    if (crm_history_json(p->h, &json, &doc.n, NULL))
        return 0;
    doc.p = json;
    dropped = slice_is(json_member(doc, "dropped"), "true");
    crm_free(json);
    return dropped;
}

/* Appends what became of field i. */
static int field_text(past *p, const crm_change *c, uint32_t i, int dropped, buf *out)
{
    const char *key, *before, *after, *label;
    crm_error err = CRM_ERROR_INIT;
    crm_field field;
    int known;

    if (crm_history_field(p->h, i, &key, &before, &after, &err))
        return fail_crm(p->t, &err);
    known = !crm_field_find(p->txn, key, CRM_NUL, &field, NULL); /* the model may have lost it */
    label = known ? field_label(p->txn, &field, p->t->lang) : key;
    buf_fmt(out, "%s: ", label);
    if (dropped) {
        buf_str(out, "(dropped)");
        return 0;
    }
    if (c->action != CRM_ACTION_CREATE) {
        put_value(p, known ? &field : NULL, before, out);
        buf_str(out, " -> ");
    }
    put_value(p, known ? &field : NULL, after, out);
    return 0;
}

/* Appends the number of the batch or change that the present one took back. */
static void put_undone(past *p, buf *out)
{
    slice doc, undone;
    char *json;

    if (crm_history_json(p->h, &json, &doc.n, NULL))
        return;
    doc.p = json;
    undone = json_member(doc, "undone");
    if (undone.n)
        buf_fmt(out, " %.*s", (int)undone.n, undone.p);
    crm_free(json);
}

/* Appends what became of the kind; nothing when it is as it was. */
static int kind_text(past *p, buf *out)
{
    crm_error err = CRM_ERROR_INIT;
    const char *before, *after;

    if (crm_history_kind(p->h, &before, &after, &err))
        return fail_crm(p->t, &err);
    if (!after)
        return 0;
    buf_fmt(out, "%s: ", built_in_label("kind", p->t->lang));
    if (before)
        buf_fmt(out, "%s -> ", customer_kind_label(p->txn, before, p->t->lang));
    buf_str(out, customer_kind_label(p->txn, after, p->t->lang));
    return 0;
}

/* Appends what became of tag i of the change. */
static int tag_text(past *p, uint32_t i, buf *out)
{
    crm_error err = CRM_ERROR_INIT;
    crm_tag_step step = CRM_TAG_STEP_INIT;

    if (crm_history_tag(p->h, i, &step, &err))
        return fail_crm(p->t, &err);
    buf_char(out, step.way == CRM_TAG_GIVEN ? '+' : step.way == CRM_TAG_TAKEN ? '-' : '~');
    put_tag_label(p->txn, step.tag, p->t->lang, out);
    if (step.until_us) {
        buf_str(out, " until ");
        buf_time(out, step.until_us);
    }
    if (step.reason)
        buf_fmt(out, " (%s)", step.reason);
    return 0;
}

/* The cells that stand beside the first field only. */
static void put_change(past *p, const crm_change *c)
{
    buf b = {0};

    buf_fmt(&b, "%" PRIu64, c->revision);
    table_cell(p->tb, b.p, b.n);
    b.n = 0;
    buf_time(&b, c->recorded_us);
    table_cell(p->tb, b.p, b.n);
    cell(p->tb, c->actor ? c->actor : "");
    b.n = 0;
    buf_str(&b, crm_action_name(c->action));
    if (c->action == CRM_ACTION_UNDO)
        put_undone(p, &b);
    if (c->batch)
        buf_fmt(&b, " (batch %" PRIu64 ")", c->batch);
    table_cell(p->tb, b.p, b.n);
    buf_free(&b);
}

/* The rows of a change.  A row that is complete may be written, and the snapshot end with that: so
 * everything is read before. */
static int put_rows(past *p, const crm_change *c)
{
    uint32_t rows = c->field_count + c->tag_count + 1; /* one more, for the kind */
    buf *texts = xrealloc(NULL, rows * sizeof(*texts));
    int dropped = c->field_count && is_dropped(p), rc;
    uint32_t n = 0;

    memset(texts, 0, rows * sizeof(*texts));
    rc = kind_text(p, &texts[0]);
    n = texts[0].n > 0;
    for (uint32_t i = 0; i < c->field_count && !rc; i++)
        rc = field_text(p, c, i, dropped, &texts[n++]);
    for (uint32_t i = 0; i < c->tag_count && !rc; i++)
        rc = tag_text(p, i, &texts[n++]);
    rows = n ? n : 1;
    if (!rc)
        put_change(p, c);
    for (uint32_t i = 0; i < rows; i++) {
        for (int k = 0; i && !rc && k < 4; k++)
            cell(p->tb, "");
        if (!rc)
            table_cell(p->tb, texts[i].p ? texts[i].p : "", texts[i].n);
        buf_free(&texts[i]);
    }
    free(texts);
    return rc;
}

static int put_json(past *p)
{
    crm_error err = CRM_ERROR_INIT;
    char *json;
    size_t n;

    if (crm_history_json(p->h, &json, &n, &err))
        return fail_crm(p->t, &err);
    out_json(json, n);
    crm_free(json);
    return 0;
}

/* Whoever reads the history takes a rest: so does the snapshot. */
static void end_snapshot(void *ctx)
{
    past *p = ctx;

    crm_history_close(p->h);
    p->h = NULL;
    crm_txn_abort(p->txn);
    p->txn = NULL;
}

static int begin_snapshot(past *p)
{
    crm_error err = CRM_ERROR_INIT;
    int rc = p->txn ? 0 : begin(p->t, CRM_READ, &p->txn);

    if (rc)
        return rc;
    if (crm_history_open(p->txn, p->id, &p->h, &err))
        return fail_crm(p->t, &err);
    out_on_stall(end_snapshot, p);
    return 0;
}

static int walk(past *p, uint64_t limit)
{
    crm_error err = CRM_ERROR_INIT;
    crm_change change = CRM_CHANGE_INIT;
    int rc, code = 0;

    for (uint64_t n = 0; n < limit && !code && !out_failed();) {
        if (!p->h && (rc = begin_snapshot(p)))
            return rc;
        rc = crm_history_next(p->h, &change, &err);
        if (rc == CRM_DONE)
            return code;
        if (rc)
            return fail_crm(p->t, &err);
        if (p->last && change.revision >= p->last)
            continue; /* printed from an earlier snapshot, or newer than the first */
        p->last = change.revision;
        n++;
        code = p->tb ? put_rows(p, &change) : put_json(p);
    }
    return code;
}

static void put_head(past *p, size_t width)
{
    static const char *const heads[][2] = {{"Revision", "修订号"},
                                           {"Recorded", "记录时间"},
                                           {"Actor", "操作人"},
                                           {"Action", "操作"},
                                           {"Change", "变更"}};

    p->tb =
        table_new(5, width == SIZE_MAX ? out_columns(1) : width, width == SIZE_MAX ? CELL_MAX : 0);
    table_right(p->tb, 0);
    for (size_t i = 0; i < 5; i++)
        cell(p->tb, heads[i][is_chinese(p->t->lang)]);
}

static int put_history(past *p, const char *who, uint64_t limit, size_t width)
{
    int rc = target_one(p->t, p->txn, who, &p->id);

    if (rc || (rc = begin_snapshot(p)))
        return rc;
    if (!p->t->json)
        put_head(p, width);
    rc = walk(p, limit);
    out_on_stall(NULL, NULL);
    end_snapshot(p);
    if (p->tb)
        table_end(p->tb);
    return rc;
}

static int run(tool *t, int argc, char **argv)
{
    past p = {.t = t};
    uint64_t limit = UINT64_MAX, width = SIZE_MAX;
    const arg_option own[] = {
        {"limit", 0, ARG_NUMBER, &limit}, {"width", 0, ARG_NUMBER, &width}, {NULL, 0, 0, NULL}};
    int rc = verb_start(t, &argc, argv, own);

    if (rc)
        return rc;
    if (argc != 1)
        return fail_usage(t, "needs one customer");
    if (!limit)
        return fail_usage(t, "--limit needs a number from 1");
    if ((rc = open_read(t)) || (rc = begin(t, CRM_READ, &p.txn)))
        return rc;
    rc = put_history(&p, argv[0], limit, (size_t)width);
    crm_txn_abort(p.txn);
    return rc;
}

const verb verb_history = {"history", "WHO", "who changed what on a customer, and when",
                           help,      0,     run};
