/* SPDX-License-Identifier: MIT
 * The file that an import puts bad rows in, to be put right and imported again:
 * the file's own columns, then line, column, problem and hint, then cells that are beyond the
 * columns; of JSON Lines
 * the documents with those as members in front.  It is made aside, as
 * NAME.part, and gets its name when the import is through; while the import can
 * be resumed it stays aside.
 *
 * What can't be written is never passed over: the first failure stays, each later call gives it
 * back, and so nothing is committed any more whose bad rows would be missing.
 */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char OURS[] = "crm:line,crm:column,crm:problem,crm:hint";
static const char OURS_LINE[] = "crm:line,crm:column,crm:problem,crm:hint\r\n";
static const char OURS_JSON[] = "{\"crm:line\":";
enum { HEAD = 1 << 20, WRITE_BYTES = 1 << 16 };

static int failed(badrows *b, const char *name, int sys)
{
    int full = sys == ENOSPC || sys == EDQUOT || sys == EFBIG;

    b->failed = fail(b->t, full ? CRM_EFULL : CRM_EIO, "can't write %s: %s%s", name, strerror(sys),
                     b->beside ? " (--errors FILE names another place)" : "");
    return b->failed;
}

/* Whether what stands at a name, if anything, is such a file: 1, 0, or -1 for
 * nothing. */
static int is_ours(const char *name)
{
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    char *head;
    ssize_t n = 0, got;
    int ours;

    if (fd < 0)
        return errno == ENOENT || errno == ENAMETOOLONG ? -1 : 0;
    if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
        close(fd);
        return 0;
    }
    head = xrealloc(NULL, HEAD + 1);
    while (n < HEAD && (got = read(fd, head + n, (size_t)(HEAD - n))) > 0)
        n += got;
    close(fd);
    head[n] = '\0';
    ours = !n || strstr(head, OURS) || strncmp(head, OURS_JSON, sizeof(OURS_JSON) - 1) == 0;
    free(head);
    return ours;
}

/* Whether the folder takes a new file.  Made under a name of its own: somebody who imports the same
 * file at this moment may have opened the one under ours. */
static int try_folder(badrows *b)
{
    const char *slash = strrchr(b->part, '/');
    buf name = {0};
    int fd, sys;

    buf_add(&name, b->part, slash ? (size_t)(slash - b->part) + 1 : 0);
    buf_str(&name, ".crm-XXXXXX");
    fd = mkstemp(name.p);
    sys = errno;
    if (fd >= 0) {
        close(fd);
        unlink(name.p);
    }
    buf_free(&name);
    return fd < 0 ? failed(b, b->part, sys) : 0;
}

/* Whether a name may be that of a file which can be written. */
static int try_name(badrows *b, const char *name)
{
    int fd = open(name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd < 0 && errno != ENOENT)
        return failed(b, name, errno);
    if (fd >= 0)
        close(fd);
    return 0;
}

int badrows_open(tool *t, badrows *b, const char *given, const char *file, int json)
{
    /* names of descriptors have no place beside them */
    int is_stream =
        strcmp(file, "-") == 0 || strncmp(file, "/dev/", 5) == 0 || strncmp(file, "/proc/", 6) == 0;
    buf name = {0};

    b->t = t;
    b->fd = -1;
    b->lines = json;
    b->beside = !given;
    if (given && strcmp(given, "-") == 0) {
        b->to_out = 1;
        return 0;
    }
    if (!given && is_stream)
        return 0;
    buf_str(&name, given ? given : file);
    if (!given)
        buf_str(&name, json ? ".errors.jsonl" : ".errors.csv");
    b->name = name.p;
    name = (buf){0};
    buf_fmt(&name, "%s.part", b->name);
    b->part = name.p;
    if (try_folder(b))
        return b->failed;
    if (!is_ours(b->name) || !is_ours(b->part))
        return fail(t, CRM_EEXISTS,
                    "%s is there and holds no bad rows: --errors FILE names another place",
                    is_ours(b->name) ? b->part : b->name);
    return try_name(b, b->part);
}

/* ---- writing ---- */

static int write_all(badrows *b, const char *p, size_t n)
{
    while (n) {
        ssize_t done = write(b->fd, p, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return failed(b, b->part, errno);
        p += done;
        n -= (size_t)done;
        b->length += (uint64_t)done;
    }
    return 0;
}

static int flush(badrows *b)
{
    if (b->failed)
        return b->failed;
    if (b->to_out && b->grows && !b->closing)
        return 0; /* the names are not known yet */
    if (b->to_out)
        out_put(b->text.p ? b->text.p : "", b->text.n);
    else if (b->fd >= 0 && write_all(b, b->text.p ? b->text.p : "", b->text.n))
        return b->failed;
    b->text.n = 0;
    return 0;
}

static void put_cell(buf *out, const char *s, size_t n, int first)
{
    int quote = n && (s[0] == ' ' || s[n - 1] == ' ');

    for (size_t i = 0; i < n && !quote; i++)
        quote = strchr(",\"\r\n\t;", s[i]) != NULL;
    if (!first)
        buf_char(out, ',');
    if (!quote) {
        buf_add(out, s, n);
        return;
    }
    buf_char(out, '"');
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '"')
            buf_char(out, '"');
        buf_char(out, s[i]);
    }
    buf_char(out, '"');
}

/* Columns that a file of bad rows has added are not the file's own. */
static int is_own(const crm_import_text *name)
{
    return name->n < 4 || memcmp(name->p, "crm:", 4) != 0;
}

static void put_texts(buf *out, const crm_import_bad *bad, const crm_import_text *texts)
{
    for (size_t i = 0, any = 0; i < bad->column_count; i++) {
        if (!is_own(&bad->columns[i]))
            continue;
        put_cell(out, texts[i].p, texts[i].n, !any);
        any = 1;
    }
}

/* What is said of all faults, each once: "a; b". */
static void put_faults(buf *out, const crm_import_bad *bad, int what)
{
    for (size_t i = 0; i < bad->fault_count; i++) {
        const crm_import_fault *f = &bad->faults[i];
        const char *p = what == 1 ? f->message : f->hint;
        size_t n = strlen(p);
        if (what == 0) {
            p = f->column < bad->column_count ? bad->columns[f->column].p : f->field;
            n = f->column < bad->column_count ? bad->columns[f->column].n : strlen(p);
        }
        if (!n)
            continue;
        if (out->n)
            buf_str(out, "; ");
        buf_add(out, p, n);
    }
}

static void put_remarks(badrows *b, const crm_import_bad *bad, int first)
{
    buf line = {0};

    buf_fmt(&line, "%" PRIu64, bad->line);
    put_cell(&b->text, line.p, line.n, first);
    buf_free(&line);
    for (int what = 0; what < 3; what++) {
        buf text = {0};
        put_faults(&text, bad, what);
        put_cell(&b->text, text.p ? text.p : "", text.n, 0);
        buf_free(&text);
    }
}

/* Columns of vCards come to be known one by one: there the remarks stand in
 * front, and the row of names is put before the others at the end. */
static void put_head(buf *out, const crm_import_bad *bad, int remarks_first, int mark)
{
    if (mark) /* spreadsheets then know that it is UTF-8 */
        buf_str(out, "\xef\xbb\xbf");
    if (remarks_first)
        buf_str(out, OURS);
    for (size_t i = 0, any = (size_t)remarks_first; i < bad->column_count; i++) {
        if (!is_own(&bad->columns[i]))
            continue;
        put_cell(out, bad->columns[i].p, bad->columns[i].n, !any);
        any = 1;
    }
    if (!remarks_first)
        buf_fmt(out, ",%s", OURS);
    buf_str(out, "\r\n");
}

static void put_document(badrows *b, const crm_import_bad *bad)
{
    static const char *const KEY[] = {"crm:column", "crm:problem", "crm:hint"};
    const char *p = bad->text.p;
    size_t n = bad->text.n, skip = 0;

    buf_fmt(&b->text, "%s%" PRIu64, OURS_JSON, bad->line);
    for (int what = 0; what < 3; what++) {
        buf text = {0};
        put_faults(&text, bad, what);
        json_key(&b->text, KEY[what]);
        json_string(&b->text, text.p ? text.p : "", text.n);
        buf_free(&text);
    }
    while (skip < n && (p[skip] == ' ' || p[skip] == '\t'))
        skip++;
    if (skip < n && p[skip] == '{') { /* the document's own members follow, as they stand */
        p += skip + 1;
        n -= skip + 1;
        while (n && (*p == ' ' || *p == '\t'))
            p++, n--;
        if (n && *p != '}')
            buf_char(&b->text, ',');
        buf_add(&b->text, p, n);
    } else {
        json_key(&b->text, "crm:text");
        json_string(&b->text, p, n);
        buf_char(&b->text, '}');
    }
    buf_char(&b->text, '\n');
}

/* Opens the file aside: from its beginning, or, of an import that goes on,
 * behind the rows of what was committed. */
static int open_part(badrows *b)
{
    if (b->fd >= 0 || b->to_out || !b->part)
        return 0;
    b->fd = open(b->part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (b->fd >= 0 && flock(b->fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK) {
        close(b->fd);
        b->fd = -1;
        return b->failed = fail(b->t, CRM_EBUSY, "another import writes %s", b->part);
    }
    if (b->fd < 0 || ftruncate(b->fd, (off_t)b->resumed) ||
        lseek(b->fd, (off_t)b->resumed, SEEK_SET) < 0)
        return failed(b, b->part, errno);
    b->length = b->resumed;
    return 0;
}

int badrows_resume(badrows *b, uint64_t length)
{
    struct stat st;

    if (!b->part || !length)
        return 0;
    if (stat(b->part, &st) || (uint64_t)st.st_size < length) {
        note(b->t,
             "%s has no bad rows from before: they are where that import put them, in NAME.part",
             b->part);
        return 0;
    }
    b->resumed = length;
    return open_part(b);
}

int badrows_add(badrows *b, const crm_import_bad *bad)
{
    int rc = b->failed ? b->failed : open_part(b);

    if (rc || (!b->to_out && b->fd < 0))
        return rc;
    b->rows++;
    if (b->lines) {
        put_document(b, bad);
    } else {
        if (!b->grows && !b->length && !b->headed)
            put_head(&b->text, bad, 0, !b->to_out);
        if (b->grows && !b->length && !b->headed && !b->to_out)
            buf_str(&b->text, OURS_LINE); /* by which it is known; the names come in its place */
        b->headed = 1;
        if (b->grows) {
            b->head.n = 0;
            put_head(&b->head, bad, 1, !b->to_out);
            put_remarks(b, bad, 1);
            buf_char(&b->text, ',');
        }
        put_texts(&b->text, bad, bad->cells);
        if (!b->grows)
            put_remarks(b, bad, bad->column_count == 0);
        for (size_t i = 0; i < bad->beyond_count; i++)
            put_cell(&b->text, bad->beyond[i].p, bad->beyond[i].n, 0);
        buf_str(&b->text, "\r\n");
    }
    return b->text.n >= WRITE_BYTES ? flush(b) : 0;
}

int badrows_mark(badrows *b, uint64_t *length)
{
    int rc = flush(b);

    if (!rc && b->fd >= 0 && fdatasync(b->fd))
        rc = failed(b, b->part, errno);
    if (!rc && b->to_out) {
        out_flush();
        if (out_failed()) /* out_end() says what went wrong */
            rc = b->failed = interrupted() ? TOOL_INTERRUPTED : TOOL_SYSTEM;
    }
    *length = b->length;
    return rc;
}

/* ---- the end ---- */

/* Puts the names in front of rows that came before they were all known.  The room for them is taken
 * first, so that a full disk leaves the rows. */
static int put_names(badrows *b)
{
    char chunk[WRITE_BYTES];
    off_t at = 0;
    ssize_t n;
    size_t skip = sizeof(OURS_LINE) - 1;
    buf rows = {0};
    int rc, sys;

    while ((n = pread(b->fd, chunk, sizeof(chunk), at)) > 0) {
        buf_add(&rows, chunk, (size_t)n);
        at += n;
    }
    if (n == 0 && rows.n < skip) /* cut by somebody else */
        return failed(b, b->part, EIO);
    sys = n < 0 ? errno : posix_fallocate(b->fd, at, (off_t)b->head.n);
    if (sys && sys != EOPNOTSUPP && sys != EINVAL) {
        if (ftruncate(b->fd, at) == 0)
            note(b->t, "the bad rows stay in %s, without the names of columns", b->part);
        buf_free(&rows);
        return failed(b, b->part, sys);
    }
    rc = lseek(b->fd, 0, SEEK_SET) < 0 ? failed(b, b->part, errno) : 0;
    if (!rc)
        rc = write_all(b, b->head.p, b->head.n);
    if (!rc)
        rc = write_all(b, rows.p + skip, rows.n - skip);
    if (!rc && ftruncate(b->fd, (off_t)(b->head.n + rows.n - skip)))
        rc = failed(b, b->part, errno);
    buf_free(&rows);
    return rc;
}

/* What an import left that came to no end, unless another one writes it now. */
static void remove_part(const badrows *b)
{
    int fd = open(b->part, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
        unlink(b->part);
    if (fd >= 0)
        close(fd);
}

/* Whether two files are the same, byte for byte. */
static int same_files(const char *a, const char *b)
{
    char x[WRITE_BYTES], y[WRITE_BYTES];
    int fx = open(a, O_RDONLY | O_CLOEXEC), fy = open(b, O_RDONLY | O_CLOEXEC);
    ssize_t n = 0, m = 0;

    if (fx >= 0 && fy >= 0) {
        do {
            n = read(fx, x, sizeof(x));
            m = read(fy, y, sizeof(y));
        } while (n > 0 && n == m && memcmp(x, y, (size_t)n) == 0);
    }
    if (fx >= 0)
        close(fx);
    if (fy >= 0)
        close(fy);
    return fx >= 0 && fy >= 0 && n == 0 && m == 0;
}

/* Somebody may have put rows right in the file of an earlier run: it is kept under another name. */
static void put_by(const badrows *b)
{
    buf old = {0};

    if (is_ours(b->name) != 1 || same_files(b->name, b->part))
        return;
    buf_fmt(&old, "%s~", b->name);
    if (rename(b->name, old.p) == 0)
        note(b->t, "the bad rows of an earlier import are now in %s", old.p);
    buf_free(&old);
}

void badrows_columns(badrows *b, slice columns)
{
    slice key, column;
    size_t pos = 0;

    if (!b->grows || !b->resumed || b->head.n)
        return;
    buf_fmt(&b->head, "\xef\xbb\xbf%s", OURS);
    while (json_next(columns, &pos, &key, &column)) {
        buf name = {0};
        json_text(&name, json_member(column, "column"));
        put_cell(&b->head, name.p ? name.p : "", name.n, 0);
        buf_free(&name);
    }
    buf_str(&b->head, "\r\n");
}

int badrows_close(badrows *b, int stopped, int resumable, int *made)
{
    int keep_aside = stopped && resumable, rc, some, missing;

    b->closing = 1;
    if (b->to_out && b->grows && b->head.n)
        out_put(b->head.p, b->head.n);
    rc = flush(b);
    missing = rc != 0; /* rows that did not get there; of none of them anything was committed */
    some = b->fd >= 0 && b->length > 0;

    *made = 0;
    if (!rc && some && b->head.n && !keep_aside)
        rc = put_names(b);
    if (!rc && some && fsync(b->fd))
        rc = failed(b, b->part, errno);
    if (b->fd >= 0)
        close(b->fd);
    b->fd = -1;
    if (!rc && !keep_aside && some) {
        put_by(b);
        if (rename(b->part, b->name))
            rc = failed(b, b->name, errno);
        *made = !rc;
    } else if (b->name && !keep_aside && (missing || (!rc && !stopped))) {
        remove_part(b);
        if (!rc)
            put_by(b);
    }
    buf_free(&b->text);
    buf_free(&b->head);
    return rc;
}

void badrows_free(badrows *b)
{
    if (b->fd > STDIN_FILENO)
        close(b->fd);
    free(b->name);
    free(b->part);
}
