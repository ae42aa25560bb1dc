/* SPDX-License-Identifier: MIT
 * Many documents from a file of JSON Lines.
 *
 * A file is taken in portions.  Lines are read first and written then, so that no transaction stays
 * open while a pipe keeps us waiting.  A failed line changes nothing (the library promises it), so
 * the others of its portion go on without a savepoint.  Atomic loads and dry runs keep one
 * transaction over all.
 */
#include "tool.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { PORTION_LINES = 10000, PORTION_BYTES = 8 << 20 };

/* Bad lines that are told, and after how many without a good one the file is left; with --json,
 * which programs read, all are told. */
enum { TOLD_LINES = 10, HOPELESS_LINES = 100 };

typedef struct held_line {
    size_t at, n;
    uint64_t number;
    int bad;  /* the text is why it can't be read */
    int told; /* it was written before, in vain, and its faults are told */
} held_line;

typedef struct loading {
    load *l;
    tool *t;
    lines in;
    crm_txn *txn; /* open between portions only when one transaction is kept over all */
    buf text;
    held_line *held;
    size_t count;
    progress bar;
    uint64_t told, untold; /* bad lines */
    int whole, ended, advised, hopeless;
} loading;

static void keep(loading *g, const char *s, size_t n, int bad)
{
    held_line *line = &g->held[g->count++];

    line->at = g->text.n;
    line->n = n;
    line->number = g->in.line;
    line->bad = bad;
    line->told = 0;
    buf_add(&g->text, s, n);
}

/* Reads lines, until the portion is full or the input has no more for the moment. */
static int gather(loading *g)
{
    slice line;

    g->count = g->text.n = 0;
    while (g->count < PORTION_LINES && g->text.n < PORTION_BYTES) {
        int got = lines_next(&g->in, g->count == 0, &line);
        if (got == LINES_LINE)
            keep(g, line.p, line.n, 0);
        else if (got == LINES_BAD)
            keep(g, g->in.why, strlen(g->in.why), 1);
        else if (got == LINES_ERROR)
            return fail(g->t, CRM_EIO, "can't read %s: %s", g->in.file, strerror(errno));
        else if (got == LINES_STOP)
            return g->l->stopped = 1, 0;
        else if (got == LINES_END)
            return g->ended = 1, 0;
        else
            return 0;
    }
    return 0;
}

static void tell_unreadable(loading *g, slice why)
{
    crm_error err = CRM_ERROR_INIT;
    size_t n = why.n < sizeof(err.message) ? why.n : sizeof(err.message) - 1;

    err.code = CRM_ESYNTAX;
    memcpy(err.message, why.p, n);
    report(g->t, NULL, NULL, &err);
}

/* Appends what to do with a file of another sort, by its first line. */
static int other_sort(buf *out, const char *file, slice line)
{
    const char *p = line.p;
    size_t n = line.n;

    while (n && (*p == ' ' || *p == '\t'))
        p++, n--;
    while (n && (p[n - 1] == ' ' || p[n - 1] == '\t'))
        n--;
    if (n && p[0] == '{' && (n == 1 || p[n - 1] == ','))
        buf_fmt(
            out,
            "%s has a document over several lines: one a line is wanted, e.g. jq -c . puts it so",
            file);
    else if (n && p[0] != '{' && (memchr(p, ',', n) || memchr(p, ';', n) || memchr(p, '\t', n)))
        buf_fmt(out,
                "%s looks like CSV: each line must be a JSON document; mlr --icsv --ojsonl cat "
                "makes it so",
                file);
    return out->n != 0;
}

/* Says once what is the matter with the whole file, if that can be seen. */
static void advise(loading *g, const held_line *line, slice text, int is_first)
{
    buf advice = {0};

    if (g->advised || line->bad)
        return;
    if (!text_valid(text.p, text.n))
        text_advice(&advice, g->in.file, text.p, text.n);
    else if (is_first)
        other_sort(&advice, g->in.file, text);
    if (advice.n)
        g->advised = 1, note(g->t, "%s", advice.p);
    buf_free(&advice);
}

/* One line.  An exit code ends the load: the database failed, not the line. */
static int write_line(loading *g, held_line *line, load_counts *sum)
{
    place at = {g->in.file, line->number};
    slice text = {g->text.p + line->at, line->n};
    int rc = TOOL_INPUT;

    if (line->told)
        return sum->bad++, 0;
    g->t->at = &at;
    g->t->mute = !g->t->json && g->told >= TOLD_LINES;
    if (line->bad)
        tell_unreadable(g, text);
    else
        rc = g->l->write(g->l, g->txn, text, sum);
    g->t->at = NULL;
    g->untold += rc && rc != TOOL_SYSTEM && g->t->mute;
    g->t->mute = 0;
    if (!rc || rc == TOOL_SYSTEM)
        return rc;
    line->told = 1;
    g->told++;
    advise(g, line, text, !g->l->last && line == g->held);
    sum->bad++;
    return 0;
}

/* Whether there were many lines, and no good one among them. */
static int is_hopeless(const loading *g, const load_counts *sum)
{
    const load_counts *done = &g->l->done;

    return !g->t->json && done->bad + sum->bad >= HOPELESS_LINES &&
           !(done->created + done->updated + done->unchanged) &&
           !(sum->created + sum->updated + sum->unchanged);
}

static void add_counts(load_counts *to, const load_counts *more)
{
    to->created += more->created;
    to->updated += more->updated;
    to->unchanged += more->unchanged;
    to->bad += more->bad;
}

/* Ends the transaction of a portion.  One without a good line makes no database. */
static int commit_portion(loading *g, const load_counts *sum)
{
    crm_txn *txn = g->txn;

    g->txn = NULL;
    if (g->t->draft && !(sum->created + sum->updated + sum->unchanged)) {
        crm_txn_abort(txn);
        return 0;
    }
    return commit(g->t, txn);
}

/* Writes the portion in a transaction of its own, or in the one of the whole load. */
static int write_portion(loading *g)
{
    load_counts sum = {0, 0, 0, 0};
    int rc = 0;

    if (!g->txn && (rc = begin(g->t, CRM_WRITE, &g->txn)))
        return rc;
    for (size_t i = 0; i < g->count && !rc; i++) {
        rc = write_line(g, &g->held[i], &sum);
        progress_step(&g->bar, g->in.read, g->in.total, g->held[i].number);
        if (g->whole && interrupted())
            g->l->stopped = 1;
        if (!rc && (i + 1 < g->count || !g->ended) && is_hopeless(g, &sum)) {
            g->hopeless = 1;
            g->count = i + 1;
        }
        if (g->l->stopped)
            break;
    }
    if (!rc && !g->whole && (rc = commit_portion(g, &sum)) == TOOL_AGAIN)
        return write_portion(g);
    if (rc) {
        crm_txn_abort(g->txn);
        g->txn = NULL;
        if (!g->whole)
            note(g->t, "lines %" PRIu64 " to %" PRIu64 " were not written", g->held[0].number,
                 g->held[g->count - 1].number);
        return rc;
    }
    add_counts(&g->l->done, &sum);
    g->l->last = g->held[g->count - 1].number;
    return 0;
}

/* Ends the transaction of the whole load. */
static int finish_whole(loading *g, int rc)
{
    load *l = g->l;

    if (g->txn && !rc && !l->stopped && !l->dry_run && !l->done.bad) {
        rc = commit(g->t, g->txn);
        g->txn = NULL;
        if (!rc)
            return 0;
        if (rc == TOOL_AGAIN)
            rc = fail(g->t, CRM_ECONFLICT, "a database was made at %s meanwhile", g->t->path);
    }
    crm_txn_abort(g->txn);
    g->txn = NULL;
    if (!l->dry_run) {
        note(g->t, "nothing was written%s", l->done.bad && !rc ? ", because of the bad lines" : "");
        l->done.created = l->done.updated = l->done.unchanged = 0;
    }
    return rc;
}

/* What is no JSON Lines at all is told once, before anything is made. */
static int judge_file(tool *t, lines *in)
{
    slice head = lines_head(in);
    buf advice = {0};
    int rc = 0;

    if (text_magic(&advice, in->file, head.p, head.n))
        rc = fail(t, CRM_ESYNTAX, "%s", advice.p);
    else if (head.n && head.p[0] == '[')
        rc = fail(t, CRM_ESYNTAX,
                  "%s begins with '[': one document a line is wanted, e.g. jq -c '.[]'", in->file);
    buf_free(&advice);
    return rc;
}

/* What was not told line by line. */
static void tell_rest(loading *g)
{
    buf b = {0};

    if (g->untold) {
        buf_count(&b, g->untold);
        note(g->t, "... and %s more bad line%s (--json tells all)", b.p, g->untold > 1 ? "s" : "");
    }
    if (g->hopeless)
        note(g->t, "the first %d lines of %s are all bad: the others were not read", HOPELESS_LINES,
             g->in.file);
    buf_free(&b);
}

int load_run(load *l)
{
    tool *t = l->t;
    loading g;
    int rc, make = MAKE_NOT;

    memset(&g, 0, sizeof(g));
    g.l = l;
    g.t = t;
    g.whole = l->atomic || l->dry_run;
    if ((rc = lines_open(t, &g.in, l->file)))
        return rc;
    interrupt_catch();
    if (l->make && !l->dry_run)
        make = g.whole ? MAKE_ONCE : MAKE_DRAFT;
    if ((rc = judge_file(t, &g.in)) || (rc = open_write(t, make))) {
        lines_close(&g.in);
        return rc;
    }
    l->ran = 1;
    g.held = xrealloc(NULL, PORTION_LINES * sizeof(held_line));
    progress_start(&g.bar, "lines");
    t->bar = &g.bar;
    while (!rc && !g.ended && !g.hopeless && !l->stopped) {
        rc = gather(&g);
        if (!rc && g.count && !l->stopped)
            rc = write_portion(&g);
        if (interrupted() && (g.whole || !g.ended))
            l->stopped = 1;
    }
    progress_clear(&g.bar);
    t->bar = NULL;
    tell_rest(&g);
    if (g.whole)
        rc = finish_whole(&g, rc);
    if (l->stopped && !g.whole)
        note(t, "interrupted after line %" PRIu64, l->last);
    else if (l->stopped)
        note(t, "interrupted");
    free(g.held);
    buf_free(&g.text);
    lines_close(&g.in);
    return rc;
}

void load_json(const load *l, buf *out)
{
    buf_fmt(out,
            ",\"bad\":%" PRIu64 ",\"last_line\":%" PRIu64 ",\"interrupted\":%s,\"dry_run\":%s}",
            l->done.bad, l->last, l->stopped ? "true" : "false", l->dry_run ? "true" : "false");
}

int load_code(const load *l, int rc)
{
    if (!rc && l->stopped)
        return TOOL_INTERRUPTED;
    return !rc && l->done.bad ? TOOL_MISSING : rc;
}
