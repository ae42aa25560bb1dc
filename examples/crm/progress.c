/* SPDX-License-Identifier: MIT
 * A progress bar on standard error, when that is a terminal and the work takes over a second; and
 * Ctrl-C, which asks to stop at the next good moment (a later one ends the process at once).
 */
#include "tool.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t stop;
static volatile time_t stopped_at;

static void on_signal(int number)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    /* The same Ctrl-C may come twice, from the terminal and from what runs us. */
    if (stop && ts.tv_sec > stopped_at + 1) {
        signal(number, SIG_DFL);
        raise(number);
    }
    if (!stop)
        stopped_at = ts.tv_sec;
    stop = 1;
}

void interrupt_catch(void)
{
    struct sigaction action;
    sigset_t caught;

    sigemptyset(&caught);
    memset(&action, 0, sizeof(action));
    action.sa_handler = on_signal;
    /* Calls inside the library are restarted; poll() never is. */
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < 2; i++) {
        int number = i ? SIGTERM : SIGINT;
        struct sigaction old;
        /* a background job of a shell ignores Ctrl-C, and shall go on doing so */
        if (!sigaction(number, NULL, &old) && old.sa_handler != SIG_IGN)
            sigaction(number, &action, NULL);
        sigaddset(&caught, number);
    }
    sigprocmask(SIG_UNBLOCK, &caught, NULL); /* a first write holds them back: draft.c */
}

int interrupted(void)
{
    return stop;
}

static double now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

void progress_start(const tool *t, progress *p, const char *unit)
{
    memset(p, 0, sizeof(*p));
    p->on = isatty(STDERR_FILENO);
    p->t = t;
    p->unit = tr(t, unit);
    p->started = p->on ? now() : 0;
}

static void bar(buf *b, double part, size_t width)
{
    size_t full = (size_t)(part * (double)width);

    buf_str(b, "  [");
    for (size_t i = 0; i < width; i++)
        buf_char(b, i < full ? '#' : '.');
    buf_char(b, ']');
}

static void put_left(const tool *t, buf *b, double seconds)
{
    if (seconds < 90)
        buf_fmt(b, tr(t, ", %.0f s left"), seconds);
    else if (seconds < 5400)
        buf_fmt(b, tr(t, ", %.0f min left"), seconds / 60);
    else
        buf_fmt(b, tr(t, ", %.1f h left"), seconds / 3600);
}

void progress_step(progress *p, uint64_t done, uint64_t total, uint64_t count)
{
    double at;
    size_t columns;
    buf b = {0};

    if (!p->on)
        return;
    at = now();
    if (at - p->started < 1 || at - p->shown_at < 0.1)
        return;
    columns = out_columns(STDERR_FILENO);
    buf_count(&b, count);
    buf_fmt(&b, " %s, ", p->unit);
    buf_count(&b, (uint64_t)((double)count / (at - p->started)));
    buf_str(&b, "/s");
    if (total) {
        double part = done >= total ? 1 : (double)done / (double)total;
        buf_fmt(&b, ", %3.0f %%", part * 100);
        if (part > 0.01 && part < 1)
            put_left(p->t, &b, (at - p->started) * (1 - part) / part);
        if (columns > b.n + 16)
            bar(&b, part, columns - b.n - 8 < 40 ? columns - b.n - 8 : 40);
    }
    fprintf(stderr, "\r%s\033[K", b.p);
    fflush(stderr);
    buf_free(&b);
    p->shown_at = at;
    p->shown = 1;
}

void progress_clear(progress *p)
{
    if (p->shown)
        fputs("\r\033[K", stderr);
    p->shown = 0;
}

static int on_step(uint64_t done, uint64_t total, void *ctx)
{
    long_call *l = ctx;

    progress_step(&l->bar, done, total, done);
    return interrupted();
}

void long_begin(long_call *l, tool *t, crm_txn *txn, const char *unit)
{
    l->t = t;
    interrupt_catch();
    progress_start(t, &l->bar, unit);
    t->bar = &l->bar;
    (void)crm_txn_progress(txn, on_step, l, NULL);
}

int long_end(long_call *l, int result, const crm_error *err)
{
    progress_clear(&l->bar);
    l->t->bar = NULL;
    if (result == CRM_ECANCELLED) {
        note(l->t, "stopped: nothing was changed");
        return TOOL_INTERRUPTED;
    }
    return result < 0 ? fail_crm(l->t, err) : 0;
}
