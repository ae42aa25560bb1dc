/* SPDX-License-Identifier: MIT
 * crm verify: whether the journal is what was written, against heads that were kept.
 */
#include "tool.h"

#include <inttypes.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "Usage: " TOOL " verify [--anchor FILE]... [--json]\n"
    "\n"
    "Verifies the journal: that no entry was changed, dropped, put elsewhere or cut off, that\n"
    "time never goes back, and that what changes replaced is what it was. Others may go on\n"
    "working.\n"
    "\n"
    "  --anchor FILE     heads that 'head' printed earlier, a line each ('-': standard input);\n"
    "                    the journal must contain them all; may be given again\n"
    "\n"
    "Without a head that was kept outside nobody can tell that the last entries were cut off,\n"
    "or that the file is an older copy as a whole. check looks at the other parts of the file.\n"
    "\n"
    "Prints how many entries were verified, or the first fault. Exit code 0 without a fault,\n"
    "1 with one, 4 when a file of heads is wrong, 130 when stopped by Ctrl-C.\n"
    "\n"
    "Examples\n"
    "  " TOOL " head >> heads.txt           # now and then, kept elsewhere\n"
    "  " TOOL " verify --anchor heads.txt\n"
    "  " TOOL " -C 门店.db verify --json\n";

enum { ANCHORS_MAX = 64 << 20 };

typedef struct anchors {
    crm_head *p;
    size_t n;
} anchors;

static slice word(slice *line)
{
    slice w;
    size_t n = 0;

    while (line->n && (line->p[0] == ' ' || line->p[0] == '\t'))
        line->p++, line->n--;
    while (n < line->n && line->p[n] != ' ' && line->p[n] != '\t' && line->p[n] != '\r')
        n++;
    w.p = line->p;
    w.n = n;
    line->p += n;
    line->n -= n;
    return w;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The three parts of a head; 0 or -1. */
static int read_head(crm_txn *txn, slice revision, slice time, slice chain, crm_head *out)
{
    char digits[24];

    if (!revision.n || revision.n >= sizeof(digits) || chain.n != sizeof(out->chain) * 2)
        return -1;
    memcpy(digits, revision.p, revision.n);
    digits[revision.n] = '\0';
    if (args_number(digits, &out->revision) ||
        crm_txn_time(txn, time.p, time.n, &out->recorded_us, NULL))
        return -1;
    for (size_t i = 0; i < sizeof(out->chain); i++) {
        int high = hex_digit(chain.p[2 * i]), low = hex_digit(chain.p[2 * i + 1]);
        if (high < 0 || low < 0)
            return -1;
        out->chain[i] = (uint8_t)(high << 4 | low);
    }
    return 0;
}

/* A JSON string without escapes, as head writes them. */
static slice unquoted(slice raw)
{
    slice none = {"", 0};

    if (raw.n < 2 || raw.p[0] != '"')
        return none;
    raw.p++;
    raw.n -= 2;
    return raw;
}

static int read_line(crm_txn *txn, slice line, crm_head *out)
{
    slice revision, time, chain;

    if (line.n && line.p[0] == '{')
        return read_head(txn, json_member(line, "revision"),
                         unquoted(json_member(line, "recorded_at")),
                         unquoted(json_member(line, "chain")), out);
    revision = word(&line);
    time = word(&line);
    chain = word(&line);
    return word(&line).n ? -1 : read_head(txn, revision, time, chain, out);
}

static int bad_anchor(tool *t, const char *file, uint64_t line)
{
    place at = {strcmp(file, "-") == 0 ? "standard input" : file, line, 0};
    crm_error err = CRM_ERROR_INIT;

    err.code = CRM_ESYNTAX;
    snprintf(err.message, sizeof(err.message), "is no head as '" TOOL " head' prints it");
    report(t, &at, NULL, &err);
    return exit_code_of(err.code);
}

static int read_anchors(tool *t, crm_txn *txn, const char *file, anchors *all)
{
    size_t before = all->n, at = 0;
    uint64_t number = 0;
    buf text = {0};
    int rc = slurp(t, file, ANCHORS_MAX, &text);

    if (rc == TOOL_SYSTEM && strcmp(file, "-") && access(file, F_OK))
        note(t, "'" TOOL " head >> %s' begins such a file", file);
    if (!rc && text.n >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0)
        at = 3;
    while (!rc && at < text.n) {
        const char *end = memchr(text.p + at, '\n', text.n - at);
        slice line = {text.p + at, end ? (size_t)(end - text.p) - at : text.n - at};
        crm_head head = CRM_HEAD_INIT;
        at += line.n + (end != NULL);
        number++;
        while (line.n && strchr(" \t\r", line.p[line.n - 1]))
            line.n--;
        if (line.n && read_line(txn, line, &head)) {
            rc = bad_anchor(t, file, number);
        } else if (line.n) {
            all->p = xrealloc(all->p, (all->n + 1) * sizeof(*all->p));
            all->p[all->n++] = head;
        }
    }
    buf_free(&text);
    if (!rc && all->n == before)
        rc = fail(t, CRM_ESYNTAX, "%s has no head", file);
    return rc;
}

static int on_progress(uint64_t done, uint64_t total, void *ctx)
{
    progress_step(ctx, done, total, done);
    return interrupted() || out_failed();
}

static void put_sound(tool *t, const crm_head *head, size_t count)
{
    buf b = {0};

    if (t->json) {
        buf_fmt(&b, "{\"faults\":0,\"entries\":%" PRIu64 ",\"anchors\":%zu}", head->revision,
                count);
    } else {
        buf_count(&b, head->revision);
        buf_str(&b, head->revision == 1 ? " entry verified" : " entries verified");
        if (count)
            buf_fmt(&b, ", %zu kept head%s found", count, count == 1 ? "" : "s");
    }
    out_line(b.p, b.n);
    buf_free(&b);
}

static void put_fault(tool *t, const crm_error *err)
{
    buf b = {0};

    if (t->json) {
        buf_fmt(&b, "{\"faults\":1,\"revision\":%" PRId64 ",\"message\":", err->row);
        json_string(&b, err->message, strlen(err->message));
        buf_char(&b, '}');
        out_json(b.p, b.n);
    } else {
        text_clean(&b, err->message, strlen(err->message));
        out_line(b.p, b.n);
    }
    buf_free(&b);
}

/* Heads are read before the snapshot is taken that they are looked for in: they may still be
 * coming. */
static int read_files(tool *t, const arg_list *files, anchors *all)
{
    crm_txn *txn = NULL;
    int rc = begin(t, CRM_READ, &txn);

    for (size_t i = 0; i < files->n && !rc; i++)
        rc = read_anchors(t, txn, files->p[i], all);
    crm_txn_abort(txn);
    return rc;
}

static int verify(tool *t, const anchors *all)
{
    crm_error err = CRM_ERROR_INIT;
    crm_head head = CRM_HEAD_INIT;
    progress bar;
    crm_txn *txn;
    int rc = begin(t, CRM_READ, &txn);

    if (rc)
        return rc;
    progress_start(t, &bar, "entries");
    rc = crm_journal_head(txn, &head, &err);
    if (!rc)
        rc = crm_journal_verify(txn, all->p, all->n, on_progress, &bar, &err);
    progress_clear(&bar);
    crm_txn_abort(txn);
    if (rc == CRM_ECORRUPT && err.row >= 0) {
        put_fault(t, &err);
        return TOOL_MISSING;
    }
    if (rc)
        return fail_crm(t, &err);
    put_sound(t, &head, all->n);
    return 0;
}

static int run(tool *t, int argc, char **argv)
{
    arg_list files = {NULL, 0};
    anchors all = {NULL, 0};
    const arg_option own[] = {{"anchor", 0, ARG_LIST, &files}, {NULL, 0, 0, NULL}};
    int rc = verb_start(t, &argc, argv, own);

    if (!rc && argc)
        rc = fail_usage(t, "takes no argument; heads come with --anchor");
    if (!rc && !(rc = open_read(t)) && !(rc = read_files(t, &files, &all))) {
        interrupt_catch(); /* before, Ctrl-C may just end the waiting for heads */
        rc = verify(t, &all);
    }
    free(files.p);
    free(all.p);
    return rc;
}

const verb verb_verify = {"verify", "", "whether the journal is what was written", help, 0, run};
