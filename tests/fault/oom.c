/* SPDX-License-Identifier: MIT
 * malloc with a fault in it, for the memory that LMDB, libyaml and utf8proc take for themselves.
 * Replaces the C library's functions in the test program; counts blocks, so that a leak behind such
 * a failure is seen.  Only the thread that armed it meets failures.
 */
#include "fault.h"

#include <errno.h>
#include <stdatomic.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)
#define OURS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define OURS 0
#endif
#endif
#ifndef OURS
#define OURS 1
#endif

uint64_t oom_failed_count;

#if OURS

extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t count, size_t n);
extern void *__libc_realloc(void *p, size_t n);
extern void __libc_free(void *p);

static __thread int armed;
static uint64_t calls, after;
static int sticky;
static atomic_llong alive;
static atomic_int used; /* malloc came here: not so under valgrind */

static int refused(void)
{
    if (!armed)
        return 0;
    calls++;
    if (!after || (sticky ? calls < after : calls != after))
        return 0;
    oom_failed_count++;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t n)
{
    void *p = refused() ? NULL : __libc_malloc(n);

    if (p)
        atomic_fetch_add_explicit(&alive, 1, memory_order_relaxed);
    return p;
}

void *calloc(size_t count, size_t n)
{
    void *p = refused() ? NULL : __libc_calloc(count, n);

    if (p)
        atomic_fetch_add_explicit(&alive, 1, memory_order_relaxed);
    return p;
}

void *realloc(void *p, size_t n)
{
    void *q;

    if (n == 0 && p) {
        free(p);
        return NULL;
    }
    q = refused() ? NULL : __libc_realloc(p, n);
    if (!p && q)
        atomic_fetch_add_explicit(&alive, 1, memory_order_relaxed);
    return q;
}

void free(void *p)
{
    if (p)
        atomic_fetch_sub_explicit(&alive, 1, memory_order_relaxed);
    __libc_free(p);
}

int oom_possible(void)
{
    void *volatile p;
    long long before = atomic_load(&alive);

    if (!atomic_load(&used)) {
        p = malloc(1);
        atomic_store(&used, atomic_load(&alive) != before);
        free(p);
    }
    return atomic_load(&used);
}

void oom_arm(uint64_t nth, int all)
{
    calls = 0;
    oom_failed_count = 0;
    after = nth;
    sticky = all;
    armed = 1;
}

void oom_disarm(void)
{
    armed = 0;
}

int oom_hold(void)
{
    int was = armed;

    armed = 0;
    return was;
}

void oom_back(int held)
{
    armed = held;
}

uint64_t oom_calls(void)
{
    return calls;
}

int64_t oom_alive(void)
{
    return atomic_load(&alive);
}

#else

int oom_possible(void)
{
    return 0;
}

void oom_arm(uint64_t nth, int all)
{
    (void)nth;
    (void)all;
}

void oom_disarm(void)
{
}

int oom_hold(void)
{
    return 0;
}

void oom_back(int held)
{
    (void)held;
}

uint64_t oom_calls(void)
{
    return 0;
}

int64_t oom_alive(void)
{
    return 0;
}

#endif
