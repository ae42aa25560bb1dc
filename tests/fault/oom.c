/* SPDX-License-Identifier: MIT
 * malloc with a fault in it, for the memory that LMDB, libyaml, json-c and utf8proc take for
 * themselves.  Replaces the C library's functions in the test program; counts blocks, so that a
 * leak behind such a failure is seen.  Only the thread that armed it meets failures.
 *
 * json-c is left out: when its memory runs out it drops members, cuts strings, or stops the
 * process.
 */
#include "fault.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <locale.h>
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

static uintptr_t spared_from, spared_to;

static int find_spared(struct dl_phdr_info *info, size_t size, void *ctx)
{
    (void)size;
    (void)ctx;
    if (!strstr(info->dlpi_name, "libjson-c"))
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        uintptr_t at = info->dlpi_addr + p->p_vaddr;
        if (p->p_type == PT_LOAD && p->p_flags & PF_X) {
            spared_from = at;
            spared_to = at + p->p_memsz;
        }
    }
    return 1;
}

static int refused(const void *caller)
{
    if (!armed || ((uintptr_t)caller >= spared_from && (uintptr_t)caller < spared_to))
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
    void *p = refused(__builtin_return_address(0)) ? NULL : __libc_malloc(n);

    if (p)
        atomic_fetch_add_explicit(&alive, 1, memory_order_relaxed);
    return p;
}

void *calloc(size_t count, size_t n)
{
    void *p = refused(__builtin_return_address(0)) ? NULL : __libc_calloc(count, n);

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
    q = refused(__builtin_return_address(0)) ? NULL : __libc_realloc(p, n);
    if (!p && q)
        atomic_fetch_add_explicit(&alive, 1, memory_order_relaxed);
    return q;
}

/* Here so that its caller is seen. */
char *strdup(const char *from)
{
    size_t n = strlen(from) + 1;
    char *p = refused(__builtin_return_address(0)) ? NULL : __libc_malloc(n);

    if (!p)
        return NULL;
    atomic_fetch_add_explicit(&alive, 1, memory_order_relaxed);
    return memcpy(p, from, n);
}

void free(void *p)
{
    if (p)
        atomic_fetch_sub_explicit(&alive, 1, memory_order_relaxed);
    __libc_free(p);
}

/* json-c makes itself a locale for each text; without memory for it, it gives null back as the
 * value. */
locale_t newlocale(int mask, const char *name, locale_t base)
{
    static locale_t (*next)(int, const char *, locale_t);
    int held = oom_hold();
    locale_t made;

    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "newlocale");
    made = next(mask, name, base);
    oom_back(held);
    return made;
}

locale_t duplocale(locale_t of)
{
    static locale_t (*next)(locale_t);
    int held = oom_hold();
    locale_t made;

    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "duplocale");
    made = next(of);
    oom_back(held);
    return made;
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
    if (!spared_to)
        dl_iterate_phdr(find_spared, NULL);
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
