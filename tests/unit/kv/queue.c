/* SPDX-License-Identifier: MIT
 * The queue of writing processes: who waits, and when the turn is given back: by the holder, by its
 * death, by its thread's end, although a child of it lives on, and where the kernel takes a wait
 * for a deadlock.
 */
#include "kv/kv_queue.h"
#include "crmtest.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Shared by the processes of a case. */
typedef struct board {
    int entered, go;
    int step[4];
} board;

static board *b;

static void rest_ms(long ms)
{
    struct timespec t = {0, ms * 1000000};

    nanosleep(&t, NULL);
}

static void make_board(void)
{
    b = mmap(NULL, sizeof *b, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(b, MAP_FAILED);
}

static int seen(const int *flag)
{
    return __atomic_load_n(flag, __ATOMIC_ACQUIRE);
}

static void tell(int *flag)
{
    __atomic_store_n(flag, 1, __ATOMIC_RELEASE);
}

static void until(const int *flag)
{
    while (!seen(flag))
        rest_ms(1);
}

static crm__queue open_queue(const char *name)
{
    crm__queue q = {open(crmtest_path(name), O_RDWR | O_CREAT | O_CLOEXEC, 0600), NULL, NULL};

    if (q.fd < 0)
        abort();
    return q;
}

/* Enters in another process and says so. */
static pid_t enter_elsewhere(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        crm__queue q = open_queue("file");
        alarm(60);
        crm__queue_enter(&q);
        tell(&b->entered);
        until(&b->go);
        crm__queue_leave(&q);
        _exit(0);
    }
    ck_assert_int_gt(pid, 0);
    return pid;
}

static void ended_well(pid_t pid)
{
    int status;

    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

CRM_TEST(test_kv_queue__one_process_at_a_time)
{
    crm__queue q = open_queue("file");
    pid_t pid;

    make_board();
    crm__queue_enter(&q);
    pid = enter_elsewhere();
    rest_ms(30);
    ck_assert_int_eq(seen(&b->entered), 0);
    crm__queue_leave(&q);
    until(&b->entered);
    tell(&b->go);
    crm__queue_enter(&q);
    crm__queue_leave(&q);
    ended_well(pid);
    close(q.fd);
}

CRM_TEST(test_kv_queue__nobody_queues_without_a_file)
{
    crm__queue q = {-1, NULL, NULL};

    crm__queue_enter(&q);
    crm__queue_enter(&q);
    crm__queue_leave(&q);
    crm__queue_leave(&q);
    q.fd = open("/dev/null", O_RDWR | O_CLOEXEC); /* can't be locked, or can: both are well */
    crm__queue_enter(&q);
    crm__queue_leave(&q);
    ck_assert_int_eq(close(q.fd), 0);
}

/* Killed while it holds the turn, with a child that has all its descriptors and lives on. */
CRM_TEST(test_kv_queue__given_back_by_death)
{
    crm__queue q = open_queue("file");
    pid_t holder;
    int status;

    make_board();
    holder = fork();
    ck_assert_int_ge(holder, 0);
    if (holder == 0) {
        crm__queue mine = open_queue("file");
        crm__queue_enter(&mine);
        if (fork() == 0) {
            alarm(60);
            tell(&b->step[0]);
            until(&b->go);
            _exit(0);
        }
        tell(&b->step[1]);
        for (;;)
            pause();
    }
    until(&b->step[0]);
    until(&b->step[1]);
    ck_assert_int_eq(kill(holder, SIGKILL), 0);
    crm__queue_enter(&q);
    ck_assert_int_eq(waitpid(holder, &status, 0), holder);
    crm__queue_leave(&q);
    tell(&b->go);
    close(q.fd);
}

static void *enter_and_end(void *ctx)
{
    crm__queue_enter(ctx);
    return NULL;
}

static void *enter_two_and_end(void *ctx)
{
    crm__queue *two = ctx;

    crm__queue_enter(&two[0]);
    crm__queue_enter(&two[1]);
    crm__queue_leave(&two[0]);
    return NULL;
}

CRM_TEST(test_kv_queue__given_back_at_the_threads_end)
{
    crm__queue two[2] = {open_queue("other"), open_queue("file")};
    pthread_t t;
    pid_t pid;

    make_board();
    tell(&b->go);
    for (int round = 0; round < 2; round++) {
        ck_assert_int_eq(pthread_create(&t, NULL, round ? enter_two_and_end : enter_and_end,
                                        round ? two : two + 1),
                         0);
        ck_assert_int_eq(pthread_join(t, NULL), 0);
        b->entered = 0;
        pid = enter_elsewhere();
        ended_well(pid);
        ck_assert_int_eq(seen(&b->entered), 1);
    }
    crm__queue_leave(two + 1); /* of a turn that is gone already: nothing */
    close(two[0].fd);
    close(two[1].fd);
}

/* A forked child has its parent's notes of turns, and not the turns. */
CRM_TEST(test_kv_queue__a_child_begins_with_none)
{
    crm__queue *q = malloc(sizeof *q);
    pid_t child, other;

    ck_assert_ptr_nonnull(q);
    *q = open_queue("file");
    make_board();
    crm__queue_enter(q);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        crm__queue mine = open_queue("other");
        free(q); /* as a database's memory is freed there: no note of it may be followed */
        crm__queue_enter(&mine);
        crm__queue_leave(&mine);
        _exit(0);
    }
    ended_well(child);
    other = enter_elsewhere();
    rest_ms(30);
    ck_assert_int_eq(seen(&b->entered), 0);
    tell(&b->go);
    crm__queue_leave(q);
    ended_well(other);
    close(q->fd);
    free(q);
}

static void *wait_for_file(void *ctx)
{
    crm__queue_enter(ctx);
    tell(&b->step[3]);
    crm__queue_leave(ctx);
    return NULL;
}

/* Two processes hold a turn each, and a thread of each waits for the other's: no deadlock, since
 * the holders are other threads, but the kernel says so. */
CRM_TEST(test_kv_queue__waits_where_the_kernel_will_not)
{
    crm__queue file = open_queue("file"), other = open_queue("other");
    pthread_t t;
    pid_t pid;

    make_board();
    crm__queue_enter(&file);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        crm__queue mine = open_queue("other"), theirs = open_queue("file");
        alarm(60);
        crm__queue_enter(&mine);
        if (pthread_create(&t, NULL, wait_for_file, &theirs))
            _exit(1);
        rest_ms(30);
        tell(&b->step[0]);
        until(&b->go);
        crm__queue_leave(&mine);
        pthread_join(t, NULL);
        _exit(0);
    }
    until(&b->step[0]);
    ck_assert_int_eq(pthread_create(&t, NULL, wait_for_file, &other), 0);
    rest_ms(30);
    ck_assert_int_eq(seen(&b->step[3]), 0);
    tell(&b->go);
    ck_assert_int_eq(pthread_join(t, NULL), 0);
    ck_assert_int_eq(seen(&b->step[3]), 1);
    crm__queue_leave(&file);
    ended_well(pid);
    close(file.fd);
    close(other.fd);
}
