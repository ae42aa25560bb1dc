/* SPDX-License-Identifier: MIT
 * Lines of a file or of standard input: a byte order mark, CRLF and blank lines are tolerated,
 * lines over 16 MiB and lines with NUL bytes are told as bad, and their numbers stay right. Waiting
 * for a pipe can be left, by Ctrl-C or because the caller has better to do than to hold what it has
 * read so far.
 */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 256 << 10, PATIENCE_MS = 200 };

int lines_open(tool *t, lines *in, const char *file)
{
    struct stat st;

    memset(in, 0, sizeof(*in));
    in->file = strcmp(file, "-") == 0 ? "standard input" : file;
    in->fd = strcmp(file, "-") == 0 ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);
    if (in->fd < 0 || fstat(in->fd, &st)) {
        fail(t, CRM_EIO, "can't read %s: %s", in->file, strerror(errno));
        return TOOL_SYSTEM;
    }
    if (S_ISREG(st.st_mode) && st.st_size > 0)
        in->total = (uint64_t)st.st_size;
    return 0;
}

void lines_close(lines *in)
{
    free(in->p);
    if (in->fd > STDIN_FILENO)
        close(in->fd);
}

/* Reads more.  LINES_LINE when something came or the end was reached. */
static int fill(lines *in, int block)
{
    struct pollfd wait = {in->fd, POLLIN, 0};
    ssize_t n;
    int ready;

    if (in->start) {
        memmove(in->p, in->p + in->start, in->end - in->start);
        in->end -= in->start;
        in->start = 0;
    }
    if (in->cap - in->end < CHUNK) {
        in->cap = in->cap * 2 > in->end + CHUNK ? in->cap * 2 : in->end + CHUNK;
        in->p = xrealloc(in->p, in->cap);
    }
    for (;;) {
        if (interrupted())
            return LINES_STOP;
        ready = poll(&wait, 1, PATIENCE_MS);
        if (!ready && !block)
            return LINES_WAIT;
        if (ready > 0)
            break;
        if (ready < 0 && errno != EINTR)
            return LINES_ERROR;
    }
    n = read(in->fd, in->p + in->end, CHUNK);
    if (n < 0)
        return errno == EINTR || errno == EAGAIN ? LINES_WAIT : LINES_ERROR;
    in->eof = n == 0;
    in->end += (size_t)n;
    return LINES_LINE;
}

slice lines_head(lines *in)
{
    slice head = {"", 0};
    size_t skip;
    int got;

    do {
        skip = in->end >= 3 && memcmp(in->p, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
        while (skip < in->end && strchr(" \t\r\n", in->p[skip]) && in->p[skip])
            skip++;
        /* enough to tell by, or all there will be */
        if (in->end - skip >= 2 || in->eof || in->end > CHUNK)
            break;
        got = fill(in, 1);
    } while (got == LINES_LINE || got == LINES_WAIT);
    if (in->end > skip) {
        head.p = in->p + skip;
        head.n = in->end - skip < 2 ? in->end - skip : 2;
    }
    return head;
}

/* Takes a line of n bytes and its end off the buffer. */
static void consume(lines *in, size_t n, int ended, slice *line)
{
    line->p = in->p + in->start;
    line->n = n;
    in->start += n + (size_t)ended;
    in->read += n + (size_t)ended;
    in->line++;
    if (in->line == 1 && n >= 3 && memcmp(line->p, "\xef\xbb\xbf", 3) == 0) {
        line->p += 3;
        line->n -= 3;
    }
    if (line->n && line->p[line->n - 1] == '\r')
        line->n--;
}

static int is_blank(slice line)
{
    for (size_t i = 0; i < line.n; i++)
        if (line.p[i] != ' ' && line.p[i] != '\t')
            return 0;
    return 1;
}

/* Drops what is buffered of a line that is too long, and notices its end. */
static int skip_rest(lines *in)
{
    const char *end = memchr(in->p + in->start, '\n', in->end - in->start);
    size_t n = end ? (size_t)(end + 1 - (in->p + in->start)) : in->end - in->start;

    in->start += n;
    in->read += n;
    return end != NULL;
}

static int too_long(lines *in)
{
    in->skip = 0;
    in->line++;
    snprintf(in->why, sizeof(in->why), "the line is longer than %d MiB", LINES_MAX >> 20);
    return LINES_BAD;
}

static int judge(lines *in, slice line)
{
    const char *nul = memchr(line.p, '\0', line.n);

    if (line.n > LINES_MAX) {
        snprintf(in->why, sizeof(in->why), "the line is longer than %d MiB", LINES_MAX >> 20);
        return LINES_BAD;
    }
    if (nul) {
        snprintf(in->why, sizeof(in->why), "the line has a NUL byte (byte %zu)",
                 (size_t)(nul - line.p) + 1);
        return LINES_BAD;
    }
    return LINES_LINE;
}

int lines_next(lines *in, int block, slice *line)
{
    size_t seen = 0;
    int rc;

    for (;;) {
        size_t have = in->end - in->start;
        const char *end = have > seen ? memchr(in->p + in->start + seen, '\n', have - seen) : NULL;

        if (in->skip && have) {
            if (skip_rest(in))
                return too_long(in);
            seen = 0;
            continue;
        }
        if (end || (in->eof && have)) {
            consume(in, end ? (size_t)(end - (in->p + in->start)) : have, end != NULL, line);
            seen = 0;
            if (is_blank(*line))
                continue;
            return judge(in, *line);
        }
        if (in->eof)
            return in->skip ? too_long(in) : LINES_END;
        seen = have;
        if (have > LINES_MAX + 4) { /* with room for a mark and CR */
            in->skip = 1;
            continue;
        }
        rc = fill(in, block);
        if (rc == LINES_WAIT && block)
            continue;
        if (rc != LINES_LINE)
            return rc;
    }
}
