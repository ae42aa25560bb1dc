/* SPDX-License-Identifier: MIT
 * LMDB's writers wait at a robust mutex in shared memory.  glibc loses a wake-up there: when the
 * waiter that was woken is killed before it runs, after a third took and gave back the mutex
 * without seeing a waiter, the others sleep on although it is free.  So only one process at a time
 * goes to that mutex; the others wait at a lock of the kernel's, which forgets no waiter and ends
 * with the process.
 *
 * A POSIX lock, which belongs to the process: one of an open file description would live on in a
 * forked child.  It is lost if the process closes any descriptor of the file; then writers meet at
 * the mutex again, which is all that goes wrong.
 *
 * A thread may end inside its transaction.  The mutex tells others of it, so the lock must not keep
 * them out: it is given back as the thread ends.
 */
#include "kv/kv_queue.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_NS = 500000 };
#define TURN_BYTE ((off_t)1 << 40) /* the engine locks bytes whose numbers are pids */

/* The turns of a thread, and its process: a forked child has its parent's list, not its memory. */
static _Thread_local struct {
    crm__queue *held;
    pid_t pid;
} turns;

/* What tells of a thread's end. */
static struct {
    pthread_once_t once;
    pthread_key_t key;
    int made;
} turns_end = {PTHREAD_ONCE_INIT, 0, 0};

static int lock(int fd, int command, short type)
{
    struct flock l;

    memset(&l, 0, sizeof l);
    l.l_type = type;
    l.l_whence = SEEK_SET;
    l.l_start = TURN_BYTE;
    l.l_len = 1;
    return fcntl(fd, command, &l) ? errno : 0;
}

static void thread_ends(void *unused)
{
    (void)unused;
    for (crm__queue *q = turns.pid == getpid() ? turns.held : NULL; q; q = q->next) {
        if (q->lost)
            q->lost(q);
        lock(q->fd, F_SETLK, F_UNLCK);
    }
    turns.held = NULL;
}

static void make_key(void)
{
    turns_end.made = !pthread_key_create(&turns_end.key, thread_ends);
}

/* A library that is unloaded takes its functions along. */
static __attribute__((destructor)) void drop_key(void)
{
    if (turns_end.made)
        pthread_key_delete(turns_end.key);
}

/* The kernel takes two threads that wait for each other's process, on two databases, for a
 * deadlock: then, looking now and then. */
static void wait_turn(int fd)
{
    const struct timespec pause = {0, LOOK_NS};
    int sys;

    do {
        sys = lock(fd, F_SETLKW, F_WRLCK);
    } while (sys == EINTR);
    if (sys != EDEADLK)
        return;
    do {
        nanosleep(&pause, NULL);
        sys = lock(fd, F_SETLK, F_WRLCK);
    } while (sys == EAGAIN || sys == EACCES || sys == EINTR);
}

void crm__queue_enter(crm__queue *q)
{
    pid_t self = getpid();

    if (q->fd < 0)
        return;
    wait_turn(q->fd);
    if (turns.pid != self)
        turns.held = NULL;
    turns.pid = self;
    q->next = turns.held;
    turns.held = q;
    pthread_once(&turns_end.once, make_key);
    if (turns_end.made)
        pthread_setspecific(turns_end.key, &turns); /* any value: without one it is not told */
}

void crm__queue_leave(crm__queue *q)
{
    crm__queue **at = &turns.held;

    if (q->fd < 0)
        return;
    while (*at && *at != q)
        at = &(*at)->next;
    if (*at)
        *at = q->next;
    lock(q->fd, F_SETLK, F_UNLCK);
}
