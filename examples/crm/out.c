/* SPDX-License-Identifier: MIT
 * Standard output, with every write checked: a full disk or a closed pipe is never taken for
 * success.
 */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    CHUNK = 4096, /* what a pipe that poll() calls ready takes without blocking */
    PATIENCE_MS = 500
};

static int failed; /* errno of the first write that failed; EINTR: Ctrl-C came while nobody read */
static int terminal;
static char pending[CHUNK];
static size_t used;
static void (*stalled)(void *ctx);
static void *stalled_ctx;

void out_start(void)
{
    /* A database file opened as descriptor 1 would receive our output.  Read-only: so that writing
     * to what was closed still fails. */
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) < 0)
            exit(TOOL_SYSTEM);
    signal(SIGPIPE, SIG_IGN);
    terminal = isatty(STDOUT_FILENO);
}

int out_is_terminal(void)
{
    return terminal;
}

size_t out_columns(int fd)
{
    struct winsize size;

    if (!isatty(fd))
        return 0;
    if (ioctl(fd, TIOCGWINSZ, &size) || size.ws_col < 20)
        return 80;
    return size.ws_col;
}

int out_bold(void)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

    return terminal && !(no && *no) && term && *term && strcmp(term, "dumb") != 0;
}

void out_on_stall(void (*fn)(void *ctx), void *ctx)
{
    stalled = fn;
    stalled_ctx = ctx;
}

int out_room(int fd)
{
    struct pollfd out = {fd, POLLOUT, 0};
    int rc;

    while ((rc = poll(&out, 1, PATIENCE_MS)) <= 0) {
        void (*fn)(void *ctx) = fd == STDOUT_FILENO ? stalled : NULL;
        if (rc < 0 && errno != EINTR)
            break;
        if (rc == 0 && interrupted())
            return 0;
        if (rc == 0 && fn) {
            stalled = NULL;
            fn(stalled_ctx);
        }
    }
    return 1;
}

void out_flush(void)
{
    size_t at = 0;
    ssize_t n;

    while (at < used && !failed) {
        if (!out_room(STDOUT_FILENO)) {
            failed = EINTR;
            break;
        }
        n = write(STDOUT_FILENO, pending + at, used - at);
        if (n > 0)
            at += (size_t)n;
        else if (n == 0 || errno != EINTR)
            failed = n < 0 && errno ? errno : EIO;
    }
    used = 0;
}

void out_put(const char *s, size_t n)
{
    while (n && !failed) {
        size_t part = n < CHUNK - used ? n : CHUNK - used;
        memcpy(pending + used, s, part);
        used += part;
        s += part;
        n -= part;
        if (used == CHUNK)
            out_flush();
    }
}

void out_line(const char *s, size_t n)
{
    out_put(s, n);
    out_put("\n", 1);
}

static void put_terminal(const char *s, size_t n, int json)
{
    buf b = {0};

    if (!terminal) {
        out_put(s, n);
        return;
    }
    text_terminal(&b, s, n, json);
    out_put(b.p ? b.p : "", b.n);
    buf_free(&b);
}

void out_raw(const char *s, size_t n)
{
    put_terminal(s, n, 0);
}

void out_json(const char *s, size_t n)
{
    put_terminal(s, n, 1);
    out_put("\n", 1);
}

int out_failed(void)
{
    return failed;
}

int out_closed(void)
{
    struct pollfd out = {STDOUT_FILENO, 0, 0};

    return poll(&out, 1, 0) > 0 && out.revents & (POLLERR | POLLHUP);
}

int out_end(tool *t, int exit_code)
{
    out_flush();
    if (!failed)
        return exit_code;
    if (failed == EINTR)
        return exit_code == TOOL_OK && !t->endless ? TOOL_INTERRUPTED : exit_code;
    if (failed == EPIPE) { /* the reader has enough, as in `crm list | head` */
        signal(SIGPIPE, SIG_DFL);
        raise(SIGPIPE);
    }
    fail(t, CRM_EIO, "can't write to standard output: %s", strerror(failed));
    return TOOL_SYSTEM;
}
