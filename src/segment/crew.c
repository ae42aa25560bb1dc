/* SPDX-License-Identifier: MIT
 * One question worked on by several threads, chunk by chunk.  Each thread has a run of its own with
 * a transaction lent to it, and takes the next chunk when it is done with one; what they find is
 * put together by the caller, so the answer is the same whatever their number.  The calling thread
 * is one of them, and the only one that calls the host.  It begins alone, and calls for others when
 * the chunks that are left will take it longer than that is worth.
 */
#include "segment/segment.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

/* Some times what it takes to make a thread; how often the host's word is asked for while the last
 * chunks are waited for. */
enum { WORTH_NS = 150000, LOOK_NS = 2000000 };

typedef struct crew {
    crm__asking *a;
    crm__chunk_fn fn;
    atomic_uint_least64_t next, done; /* chunks */
    atomic_int stop;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t left;
    uint32_t at_work; /* threads beside the caller's */
    int rc;           /* the first failure */
} crew;

typedef struct worker {
    crew *crew;
    pthread_t thread;
    void *own;
    crm_txn txn;
    crm__run run;
} worker;

static uint64_t nanoseconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void fail(crew *c, int rc)
{
    pthread_mutex_lock(&c->lock);
    if (!c->rc)
        c->rc = rc;
    pthread_mutex_unlock(&c->lock);
    atomic_store(&c->stop, 1);
}

/* In the place of the host's progress, of the caller and of the others. */
static int tell_host(uint64_t done, uint64_t total, void *ctx)
{
    crew *c = ctx;

    (void)done;
    return atomic_load(&c->stop) ||
           (c->a->progress && c->a->progress(atomic_load(&c->done), total, c->a->progress_ctx));
}

static int told_to_stop(uint64_t done, uint64_t total, void *ctx)
{
    (void)done;
    (void)total;
    return atomic_load(&((crew *)ctx)->stop);
}

static void work(crew *c, crm__run *r, void *own)
{
    uint64_t chunks = c->a->plan.chunks, chunk;

    while (!atomic_load(&c->stop) && (chunk = atomic_fetch_add(&c->next, 1)) < chunks) {
        int rc = c->fn(r, chunk, own);
        if (rc)
            fail(c, rc);
        atomic_fetch_add(&c->done, 1);
    }
}

static void *thread_main(void *ctx)
{
    worker *w = ctx;

    work(w->crew, &w->run, w->own);
    pthread_mutex_lock(&w->crew->lock);
    w->crew->at_work--;
    pthread_cond_signal(&w->crew->left);
    pthread_mutex_unlock(&w->crew->lock);
    return NULL;
}

/* ---- the others ---- */

/* The host's signals are not for them. */
static int start(worker *w)
{
    sigset_t all, before;
    int rc;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&w->thread, NULL, thread_main, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

/* 0: there is no memory, or no thread, for it; the work is done without. */
static int hire(crew *c, worker *w, void *own)
{
    crm__txn_lend(c->a->plan.txn, &w->txn);
    w->crew = c;
    w->own = own;
    if (crm__run_begin(&w->run, &c->a->plan, told_to_stop, c, NULL) == CRM_OK) {
        w->run.txn = &w->txn;
        pthread_mutex_lock(&c->lock);
        c->at_work++;
        pthread_mutex_unlock(&c->lock);
        if (start(w) == 0)
            return 1;
        pthread_mutex_lock(&c->lock);
        c->at_work--;
        pthread_mutex_unlock(&c->lock);
    }
    crm__run_end(&w->run);
    crm__txn_lent_end(&w->txn);
    return 0;
}

/* Until all are done; the host may stop them. */
static void wait_for(crew *c)
{
    pthread_mutex_lock(&c->lock);
    while (c->at_work) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += LOOK_NS;
        if (until.tv_nsec >= 1000000000) {
            until.tv_nsec -= 1000000000;
            until.tv_sec++;
        }
        pthread_cond_timedwait(&c->left, &c->lock, &until);
        if (!c->at_work || atomic_load(&c->stop))
            continue;
        pthread_mutex_unlock(&c->lock);
        if (tell_host(0, c->a->plan.chunks, c))
            fail(c, CRM_ECANCELLED);
        pthread_mutex_lock(&c->lock);
    }
    pthread_mutex_unlock(&c->lock);
}

static int work_together(crm__asking *a, crm__chunk_fn fn, uint64_t from, void *own,
                         size_t own_size, worker *w, uint32_t others)
{
    crew c = {
        .a = a, .fn = fn, .lock = PTHREAD_MUTEX_INITIALIZER, .left = PTHREAD_COND_INITIALIZER};
    uint32_t hired = 0;

    atomic_init(&c.next, from);
    atomic_init(&c.done, from);
    atomic_init(&c.stop, 0);
    while (hired < others && hire(&c, &w[hired], (char *)own + (hired + 1) * own_size))
        hired++;
    a->run.progress = tell_host;
    a->run.progress_ctx = &c;
    work(&c, &a->run, own);
    wait_for(&c);
    a->run.progress = a->progress;
    a->run.progress_ctx = a->progress_ctx;
    for (uint32_t i = 0; i < hired; i++) {
        pthread_join(w[i].thread, NULL);
        crm__run_end(&w[i].run);
        crm__txn_lent_end(&w[i].txn);
    }
    pthread_cond_destroy(&c.left);
    pthread_mutex_destroy(&c.lock);
    return c.rc;
}

int crm__chunks_run(crm__asking *a, crm__chunk_fn fn, void *own, size_t own_size)
{
    const crm_allocator *mem = a->plan.txn->mem;
    uint64_t began = a->threads > 1 ? nanoseconds() : 0;
    int rc = CRM_OK;

    for (uint64_t c = 0; c < a->plan.chunks && !rc; c++) {
        uint64_t left = a->plan.chunks - c;
        if (a->threads > 1 && left > 1 && c && (nanoseconds() - began) / c * left > WORTH_NS) {
            uint32_t others = (left < a->threads ? (uint32_t)left : a->threads) - 1;
            worker *w = crm__calloc(mem, others, sizeof *w);
            if (w && crm__txn_lend_begin(a->plan.txn) == CRM_OK) {
                rc = work_together(a, fn, c, own, own_size, w, others);
                crm__release(mem, w);
                return rc;
            }
            crm__release(mem, w);
            a->threads = 1;
        }
        rc = fn(&a->run, c, own);
    }
    return rc;
}
