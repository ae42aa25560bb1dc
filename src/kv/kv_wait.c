/* SPDX-License-Identifier: MIT
 * Waiting for another process's write to a file: the kernel tells of it (inotify), so a writer has
 * nothing to do, and none that dies can forget to.  Where there is no such notice, looking now and
 * then.
 */
#include "kv/kv_wait.h"

#include <crm/codes.h>
#include <errno.h>
#include <poll.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

/* A large commit writes many times before its last: looks are at least this far apart. */
enum { REST_US = 200, LOOK_US = 2000 };

static int64_t clock_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void rest(long us)
{
    struct timespec t = {0, us * 1000};

    nanosleep(&t, NULL);
}

static void drain(int fd)
{
    char events[4096];

    while (read(fd, events, sizeof events) > 0)
        ;
}

/* A watch on the file: one that is kept, or a new one; -1: there is no notice. */
static int take_watch(const char *path, crm__watches *kept)
{
    int fd;

    for (int i = 0; i < CRM__WATCHES; i++) {
        fd = atomic_exchange(&kept->fd[i], 0);
        if (fd) {
            drain(fd - 1);
            return fd - 1;
        }
    }
    fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd >= 0 && inotify_add_watch(fd, path, IN_MODIFY) < 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static void give_watch(crm__watches *kept, int fd)
{
    for (int i = 0; i < CRM__WATCHES && fd >= 0; i++) {
        int none = 0;
        if (atomic_compare_exchange_strong(&kept->fd[i], &none, fd + 1))
            return;
    }
    if (fd >= 0)
        close(fd);
}

void crm__watches_close(crm__watches *w)
{
    for (int i = 0; i < CRM__WATCHES; i++) {
        int fd = atomic_exchange(&w->fd[i], 0);
        if (fd)
            close(fd - 1);
    }
}

int crm__wait_file(const char *path, crm__watches *kept, crm__moved_fn moved, void *ctx,
                   int timeout_ms)
{
    int64_t until = clock_us() + (int64_t)timeout_ms * 1000;
    int fd = take_watch(path, kept), rc = CRM_OK;

    while (!moved(ctx)) {
        struct pollfd p = {fd, POLLIN, 0};
        int64_t left = until - clock_us();
        if (left <= 0) {
            rc = CRM_DONE;
            break;
        }
        if (fd < 0) {
            rest(left < LOOK_US ? (long)left : LOOK_US);
            continue;
        }
        if (poll(&p, 1, (int)(left / 1000) + 1) < 0 && errno != EINTR) {
            rc = CRM_EIO;
            break;
        }
        if (moved(ctx))
            break;
        rest(REST_US);
        drain(fd);
    }
    give_watch(kept, fd);
    return rc;
}
