/* SPDX-License-Identifier: MIT */
#include "base/turn.h"
#include "crmtest.h"

#include <pthread.h>
#include <unistd.h>

enum { ROUNDS = 20000, LISTENERS = 8, ENDS = 300 };

/* ---- two threads in turn ---- */

typedef struct pair {
    crm__turn turn[2];
    uint32_t sum; /* whose turn it is may touch it, with no lock */
} pair;

static void wait_for(crm__turn *t, uint32_t step)
{
    uint32_t now;

    while ((now = crm__turn_step(t)) != step)
        crm__turn_wait(t, now, 0);
}

static void *answer(void *ctx)
{
    pair *p = ctx;

    for (uint32_t i = 1; i <= ROUNDS; i++) {
        wait_for(&p->turn[1], i);
        p->sum++;
        crm__turn_set(&p->turn[0], i);
    }
    return NULL;
}

CRM_TEST(test_base_turn__each_step_arrives_once_and_brings_what_was_written)
{
    pair p = {{{0}, {0}}, 0};
    pthread_t other;

    ck_assert_int_eq(pthread_create(&other, NULL, answer, &p), 0);
    for (uint32_t i = 1; i <= ROUNDS; i++) {
        p.sum++;
        crm__turn_set(&p.turn[1], i);
        wait_for(&p.turn[0], i);
        if (p.sum != 2 * i)
            ck_abort_msg("step %u: %u", i, p.sum);
    }
    pthread_join(other, NULL);
    ck_assert_uint_eq(p.sum, 2 * ROUNDS);
}

CRM_TEST(test_base_turn__a_step_that_was_set_is_not_waited_for)
{
    crm__turn t = {0};

    crm__turn_set(&t, 7);
    ck_assert_uint_eq(crm__turn_step(&t), 7);
    ck_assert_uint_eq(crm__turn_wait(&t, 3, 0), 7);
    crm__turn_set(&t, 0);
    ck_assert_uint_eq(crm__turn_wait(&t, 7, 0), 0);
}

CRM_TEST(test_base_turn__a_wait_ends_by_itself)
{
    crm__turn t = {0};

    crm__turn_set(&t, 1);
    ck_assert_uint_eq(crm__turn_wait(&t, 1, 10), 1); /* of nobody who sets it */
    crm__turn_set(&t, 2);
    ck_assert_uint_eq(crm__turn_step(&t), 2);
}

/* ---- a bell ---- */

typedef struct tower {
    crm__bell bell;
    uint32_t first;
    uint32_t made; /* written before each end */
    crm__turn heard;
    atomic_uint count;
} tower;

static void *listen(void *ctx)
{
    tower *w = ctx;

    for (uint32_t i = 1; i <= ENDS; i++) {
        while (!crm__bell_wait(&w->bell, w->first + i, 0))
            ;
        if (__atomic_load_n(&w->made, __ATOMIC_RELAXED) < i)
            return ctx;
        if (atomic_fetch_add(&w->count, 1) + 1 == i * LISTENERS)
            crm__turn_set(&w->heard, i);
    }
    return NULL;
}

/* The count of ends wraps; every listener hears every end, none hears one that was not. */
CRM_TEST(test_base_turn__a_bell_is_heard_by_all)
{
    tower w = {{0}, UINT32_MAX - ENDS / 2, 0, {0}, 0};
    pthread_t t[LISTENERS];
    void *failed;

    atomic_store(&w.bell.ends, w.first);
    for (int i = 0; i < LISTENERS; i++)
        ck_assert_int_eq(pthread_create(&t[i], NULL, listen, &w), 0);
    for (uint32_t i = 1; i <= ENDS; i++) {
        ck_assert_uint_eq(atomic_load(&w.count), (i - 1) * LISTENERS);
        __atomic_store_n(&w.made, i, __ATOMIC_RELAXED);
        crm__bell_end(&w.bell);
        crm__bell_ring(&w.bell);
        wait_for(&w.heard, i);
    }
    for (int i = 0; i < LISTENERS; i++) {
        pthread_join(t[i], &failed);
        ck_assert_ptr_null(failed);
    }
}

CRM_TEST(test_base_turn__a_wait_for_a_bell_ends_by_itself)
{
    crm__bell b = {0};

    atomic_store(&b.ends, UINT32_MAX);
    ck_assert_int_eq(crm__bell_wait(&b, 0, 10), 0); /* of nobody who rings */
    ck_assert_int_eq(crm__bell_ended(&b, 0), 0);
    ck_assert_int_eq(crm__bell_ended(&b, UINT32_MAX), 1);
    crm__bell_end(&b);
    ck_assert_int_eq(crm__bell_ended(&b, 0), 1);
    ck_assert_int_eq(crm__bell_wait(&b, 0, 0), 1);
}
