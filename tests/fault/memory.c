/* SPDX-License-Identifier: MIT
 * Every n-th allocation fails: through the allocator of the options, and in malloc itself for what
 * the libraries beneath take.
 */
#include "fault.h"

typedef struct memory {
    uint64_t calls, after, failed;
    int64_t alive;
    int sticky;
} memory;

static int refused(memory *m)
{
    m->calls++;
    if (!m->after || (m->sticky ? m->calls < m->after : m->calls != m->after))
        return 0;
    m->failed++;
    return 1;
}

static void *take(size_t n, void *ctx)
{
    memory *m = ctx;
    void *p = refused(m) ? NULL : malloc(n);

    m->alive += p != NULL;
    return p;
}

static void *retake(void *p, size_t n, void *ctx)
{
    memory *m = ctx;
    void *q = refused(m) ? NULL : realloc(p, n);

    m->alive += !p && q;
    return q;
}

static void give(void *p, void *ctx)
{
    ((memory *)ctx)->alive -= p != NULL;
    free(p);
}

static void heal(void *ctx)
{
    ((memory *)ctx)->after = 0;
}

static void prepare(fault_run *r, memory *m, crm_allocator *a, fault_way way, uint64_t n)
{
    memset(r, 0, sizeof *r);
    memset(m, 0, sizeof *m);
    *a = (crm_allocator){sizeof *a, take, retake, give, m};
    r->opts.allocator = a;
    r->way = way;
    r->code = CRM_ENOMEM;
    r->failed = &m->failed;
    m->after = n;
    m->sticky = way == FAULT_STICKY;
    snprintf(r->label, sizeof r->label, "allocation %llu fails%s", (unsigned long long)n,
             m->sticky ? " and all later ones" : "");
}

/* One scenario, every n, both ways.  The number of runs. */
static uint64_t sweep_allocator(const fault_scenario *s, const char *base, const char *dir)
{
    crm_allocator a;
    fault_run plain, r;
    memory m;
    fault_source src = {NULL, heal, &m};
    uint64_t total, runs = 0, ignored = 0;

    prepare(&plain, &m, &a, FAULT_NONE, 0);
    plain.keep_states = 1;
    fault_run_once(&plain, s, base, dir, NULL, NULL, 1);
    prepare(&r, &m, &a, FAULT_NONE, 0);
    fault_run_once(&r, s, base, dir, NULL, &plain, 0);
    total = m.calls;
    for (int way = FAULT_RETRY; way <= FAULT_STICKY; way++) {
        for (uint64_t n = 1; n <= total; n++) {
            if (!fault_wanted(n, 400, 7))
                continue;
            prepare(&r, &m, &a, (fault_way)way, n);
            fault_run_once(&r, s, base, dir, &src, &plain, runs % 64 == 0 || n == total);
            ck_assert_msg(m.failed > 0, "%s, %s: was not reached", s->name, r.label);
            ck_assert_msg(m.alive == 0, "%s, %s: %lld blocks left", s->name, r.label,
                          (long long)m.alive);
            ignored += r.handled == 0;
            runs++;
        }
    }
    printf("%-12s %6llu allocations, %6llu runs, %llu failures without effect\n", s->name,
           (unsigned long long)total, (unsigned long long)runs, (unsigned long long)ignored);
    fflush(stdout);
    return runs;
}

CRM_TEST(test_fault_memory__every_allocation_of_the_library)
{
    char base[512], dir[512];
    uint64_t runs = 0;

    snprintf(base, sizeof base, "%s", fault_path("base"));
    snprintf(dir, sizeof dir, "%s", fault_path("db"));
    fault_make_base(base);
    for (size_t i = 0; i < FAULT_SCENARIO_COUNT; i++)
        runs += sweep_allocator(&FAULT_SCENARIOS[i], base, dir);
    printf("%llu runs with a failed allocation\n", (unsigned long long)runs);
}

/* ---- malloc ---- */

typedef struct heap {
    uint64_t after;
    int sticky;
} heap;

static void arm(void *ctx)
{
    oom_arm(((heap *)ctx)->after, ((heap *)ctx)->sticky);
}

static void disarm(void *ctx)
{
    (void)ctx;
    oom_disarm();
}

static void prepare_heap(fault_run *r, heap *h, fault_way way, uint64_t n)
{
    memset(r, 0, sizeof *r);
    r->way = way;
    r->code = CRM_ENOMEM;
    r->failed = &oom_failed_count;
    h->after = n;
    h->sticky = way == FAULT_STICKY;
    snprintf(r->label, sizeof r->label, "malloc %llu fails%s", (unsigned long long)n,
             h->sticky ? " and all later ones" : "");
}

static uint64_t sweep_malloc(const fault_scenario *s, const char *base, const char *dir)
{
    fault_run plain, r;
    heap h;
    fault_source src = {arm, disarm, &h};
    uint64_t total, runs = 0;
    int64_t alive;

    prepare_heap(&plain, &h, FAULT_NONE, 0);
    plain.keep_states = 1;
    fault_run_once(&plain, s, base, dir, NULL, NULL, 0);
    prepare_heap(&r, &h, FAULT_NONE, 0);
    fault_run_once(&r, s, base, dir, &src, &plain, 1);
    total = oom_calls();
    for (int way = FAULT_RETRY; way <= FAULT_STICKY; way++) {
        for (uint64_t n = 1; n <= total; n++) {
            if (!fault_wanted(n, 80, 37))
                continue;
            prepare_heap(&r, &h, (fault_way)way, n);
            alive = oom_alive();
            fault_run_once(&r, s, base, dir, &src, &plain, 0);
            ck_assert_msg(oom_failed_count > 0, "%s, %s: was not reached", s->name, r.label);
            ck_assert_msg(oom_alive() <= alive, "%s, %s: %lld blocks left", s->name, r.label,
                          (long long)(oom_alive() - alive));
            runs++;
        }
    }
    printf("%-12s %6llu calls of malloc, %6llu runs\n", s->name, (unsigned long long)total,
           (unsigned long long)runs);
    fflush(stdout);
    return runs;
}

CRM_TEST(test_fault_memory__every_malloc_of_the_libraries_beneath)
{
    char base[512], dir[512];
    uint64_t runs = 0;

    if (!oom_possible())
        return;
    snprintf(base, sizeof base, "%s", fault_path("base"));
    snprintf(dir, sizeof dir, "%s", fault_path("db"));
    fault_make_base(base);
    for (size_t i = 0; i < FAULT_SCENARIO_COUNT; i++)
        runs += sweep_malloc(&FAULT_SCENARIOS[i], base, dir);
    printf("%llu runs with a failed malloc\n", (unsigned long long)runs);
}
