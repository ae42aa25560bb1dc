/* SPDX-License-Identifier: MIT
 * crm_peer: rows that one thread reads and another one writes.
 *
 * Records outside of the database (crm_customer, crm_event) may be filled in on any thread.  So a
 * second thread reads rows and sets fields, which is parsing and validating, while the first one
 * writes those before: the writer is one thread at any time.
 */
#include "peer.h"

#include <pthread.h>

/* Who has to wait is woken when half of the batches are ready, not for each: waking costs both. */
enum { BATCHES = 16, ROWS = 32, HALF = BATCHES / 2 };

struct peer_pipe {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t moved;
    uint64_t filled, emptied; /* batches so far */
    int ended;                /* no more are filled */
    size_t count[BATCHES];    /* rows of each; fewer than ROWS: they are the last ones */
    size_t at;                /* rows given of the batch at hand */
    int alone;                /* no second thread */
    peer_fill_fn fill;
    void *ctx;
    peer_slot slots[BATCHES][ROWS];
};

static size_t fill_batch(peer_pipe *p, uint64_t batch)
{
    size_t n = 0;

    while (n < ROWS && p->fill(p->ctx, &p->slots[batch % BATCHES][n]))
        n++;
    p->count[batch % BATCHES] = n;
    return n;
}

static void *run(void *ctx)
{
    peer_pipe *p = ctx;
    size_t n;

    do {
        pthread_mutex_lock(&p->lock);
        if (p->filled - p->emptied == BATCHES) {
            while (p->filled - p->emptied > HALF)
                pthread_cond_wait(&p->moved, &p->lock);
        }
        pthread_mutex_unlock(&p->lock);
        n = fill_batch(p, p->filled); /* no other thread changes the number */
        pthread_mutex_lock(&p->lock);
        p->filled++;
        p->ended = n < ROWS;
        if (p->ended || p->filled - p->emptied >= HALF)
            pthread_cond_signal(&p->moved);
        pthread_mutex_unlock(&p->lock);
    } while (n == ROWS);
    return NULL;
}

peer_pipe *peer_pipe_open(peer_make_fn make, peer_fill_fn fill, void *ctx, int alone)
{
    peer_pipe *p = calloc(1, sizeof *p);

    if (!p)
        die("out of memory");
    p->fill = fill;
    p->ctx = ctx;
    p->alone = alone;
    for (int b = 0; b < BATCHES; b++) {
        for (int i = 0; i < ROWS; i++)
            make(ctx, &p->slots[b][i]);
    }
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->moved, NULL);
    if (!alone && pthread_create(&p->thread, NULL, run, p))
        die("no second thread");
    return p;
}

static void wait_batch(peer_pipe *p)
{
    if (p->alone) {
        fill_batch(p, p->filled++);
        return;
    }
    pthread_mutex_lock(&p->lock);
    if (p->filled == p->emptied) {
        while (p->filled - p->emptied < HALF && !p->ended)
            pthread_cond_wait(&p->moved, &p->lock);
    }
    pthread_mutex_unlock(&p->lock);
}

peer_slot *peer_pipe_next(peer_pipe *p)
{
    size_t b = p->emptied % BATCHES;

    if (p->at == ROWS) {
        pthread_mutex_lock(&p->lock);
        p->emptied++;
        if (p->filled - p->emptied <= HALF)
            pthread_cond_signal(&p->moved);
        pthread_mutex_unlock(&p->lock);
        b = p->emptied % BATCHES;
        p->at = 0;
    }
    if (!p->at)
        wait_batch(p);
    return p->at < p->count[b] ? &p->slots[b][p->at++] : NULL;
}

void peer_pipe_close(peer_pipe *p)
{
    if (!p->alone)
        pthread_join(p->thread, NULL);
    pthread_cond_destroy(&p->moved);
    pthread_mutex_destroy(&p->lock);
    for (int b = 0; b < BATCHES; b++) {
        for (int i = 0; i < ROWS; i++) {
            crm_customer_free(p->slots[b][i].customer);
            crm_event_free(p->slots[b][i].event);
        }
    }
    free(p);
}
