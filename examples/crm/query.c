/* SPDX-License-Identifier: MIT
 * Segments as they stand on the command line: read from an argument, a file or standard input, with
 * what is wrong shown under the place where it stands; and their runs, with progress and Ctrl-C.
 */
#include "tool.h"

#include <inttypes.h>
#include <string.h>

enum {
    QUERY_MAX = 64 << 10, /* what the library takes */
    SHOWN = 100           /* columns of a line, where there is no terminal */
};

int query_read(query *q, tool *t, const char *arg)
{
    int rc;

    memset(q, 0, sizeof(*q));
    q->t = t;
    crm_segment_options_init(&q->options);
    if (strcmp(arg, "-") == 0 || arg[0] == '@') {
        q->file = arg[0] == '@' ? arg + 1 : arg;
        if (!*q->file)
            return fail_usage(t, "@ needs the name of a file");
        if ((rc = slurp(t, q->file, QUERY_MAX, &q->text)))
            return rc;
        if (strcmp(q->file, "-") == 0)
            q->file = "standard input";
    } else {
        buf_str(&q->text, arg);
    }
    if (text_valid(q->text.p, q->text.n))
        return 0;
    return fail(t, CRM_EINVAL, "the query is not UTF-8");
}

/* ---- what is wrong, and where ---- */

/* The line of the text that the offset lies in; *number from 1. */
static slice line_at(const buf *text, size_t offset, uint64_t *number)
{
    slice line = {text->p, 0};

    *number = 1;
    for (size_t i = 0; i < offset; i++) {
        if (text->p[i] == '\n') {
            line.p = text->p + i + 1;
            ++*number;
        }
    }
    line.n = strcspn(line.p, "\r\n");
    return line;
}

/* Takes whole characters off the front until what is left in front of the place fits. */
static size_t skip_front(slice line, size_t before, size_t fits)
{
    size_t skipped = 0;
    uint32_t c;

    while (skipped < before && text_width(line.p + skipped, before - skipped) > fits)
        skipped += text_next(line.p + skipped, before - skipped, &c);
    return skipped;
}

/* The line, and a ^ under the place. */
static void put_place(slice line, size_t before)
{
    size_t columns = out_columns(2) ? out_columns(2) : SHOWN, skipped;
    buf shown = {0}, mark = {0}, front = {0};

    columns = columns > 24 ? columns - 2 : 22;
    skipped = text_width(line.p, line.n) > columns ? skip_front(line, before, columns * 2 / 3) : 0;
    if (skipped)
        buf_str(&front, "…");
    text_clean(&front, line.p + skipped, before - skipped);
    text_pad(&mark, 2 + text_width(front.p ? front.p : "", front.n));
    buf_char(&mark, '^');
    buf_add(&front, line.p + before, line.n - before);
    buf_str(&shown, "  ");
    text_cut(&shown, front.p ? front.p : "", front.n, columns);
    error_line(&shown);
    error_line(&mark);
    buf_free(&front);
}

/* Without what the mark says better: "segment: expected a value at byte 7". */
static void shorten(crm_error *err)
{
    static const char *const fronts[] = {"segment: ", "numbers: "};
    size_t n = strlen(err->message), digits;

    for (size_t i = 0; i < sizeof(fronts) / sizeof(fronts[0]); i++) {
        size_t front = strlen(fronts[i]);
        if (strncmp(err->message, fronts[i], front) != 0)
            continue;
        n -= front;
        memmove(err->message, err->message + front, n + 1);
        break;
    }
    for (digits = n; digits && strchr("0123456789", err->message[digits - 1]);)
        digits--;
    if (digits < n && digits > 9 && strncmp(err->message + digits - 9, " at byte ", 9) == 0) {
        n = digits - 9;
        n -= err->message[n - 1] == ',';
        err->message[n] = '\0';
    }
}

int query_misread(query *q, crm_error *err)
{
    place at = {q->file, 0, 0};
    int rc = exit_code_of(err->code);
    slice line;

    if (err->offset < 0 || (uint64_t)err->offset > q->text.n)
        return fail_crm(q->t, err);
    line = line_at(&q->text, (size_t)err->offset, &at.line);
    if (!q->t->json)
        shorten(err);
    report(q->t, q->file ? &at : NULL, NULL, err);
    if (!q->t->json)
        put_place(line, (size_t)(q->text.p + err->offset - line.p));
    return rc;
}

/* What is no condition may be the name of a saved segment. */
static int parse_saved(query *q, crm_txn *txn)
{
    crm_segment *named;
    buf text = {0};
    int rc = crm_segment_saved(txn, q->text.p, &named, NULL);

    if (rc)
        return rc;
    crm_segment_free(named);
    buf_str(&text, "segment(");
    json_string(&text, q->text.p, q->text.n);
    buf_char(&text, ')');
    rc = crm_segment_parse(txn, text.p, text.n, &q->segment, NULL);
    buf_free(&text);
    return rc;
}

int query_parse(query *q, crm_txn *txn)
{
    crm_error err = CRM_ERROR_INIT;

    if (!crm_segment_parse(txn, q->text.p, q->text.n, &q->segment, &err) ||
        (q->text.n && !parse_saved(q, txn)))
        return 0;
    return query_misread(q, &err);
}

int query_of_kind(query *q, crm_txn *txn, const char *kind)
{
    crm_error err = CRM_ERROR_INIT;
    buf text = {0};
    char *given;
    int rc = crm_segment_text(q->segment, &given, NULL, &err);

    if (rc)
        return fail_crm(q->t, &err);
    buf_fmt(&text, "(%s) and kind = ", given);
    json_string(&text, kind, strlen(kind));
    crm_free(given);
    crm_segment_free(q->segment);
    q->segment = NULL;
    rc = crm_segment_parse(txn, text.p, text.n, &q->segment, &err);
    buf_free(&text);
    if (!rc)
        return 0;
    err.offset = -1; /* of a text nobody has seen */
    return fail_crm(q->t, &err);
}

/* ---- a run ---- */

static int on_progress(uint64_t done, uint64_t total, void *ctx)
{
    query *q = ctx;

    if (q->t->bar)
        progress_step(&q->bar, done, total, done << 16);
    return interrupted() || out_failed();
}

void query_watch(query *q)
{
    interrupt_catch();
    progress_start(q->t, &q->bar, "ids");
    q->t->bar = &q->bar;
    q->options.progress = on_progress;
    q->options.progress_ctx = q;
}

void query_unwatch(query *q)
{
    progress_clear(&q->bar);
    q->t->bar = NULL;
}

int query_fail(query *q, const crm_error *err)
{
    query_unwatch(q);
    if (err->code == CRM_ECANCELLED) /* nothing was written: there is nothing to tell */
        return interrupted() ? TOOL_INTERRUPTED : TOOL_SYSTEM;
    return fail_crm(q->t, err);
}

void query_free(query *q)
{
    crm_segment_free(q->segment);
    buf_free(&q->text);
    q->segment = NULL;
}
