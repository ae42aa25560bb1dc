/* SPDX-License-Identifier: MIT
 * What all processes of the soak use: random numbers, time, and how a failure is told.
 */
#include "soak.h"

#include <malloc.h>
#include <stdarg.h>
#include <time.h>
#include <unistd.h>

uint64_t soak_rand(uint64_t *state)
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15u);

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

uint64_t soak_below(uint64_t *state, uint64_t n)
{
    return soak_rand(state) % n;
}

int64_t soak_clock_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void soak_rest_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};

    nanosleep(&t, NULL);
}

void soak_count(uint64_t *what, uint64_t n)
{
    __atomic_fetch_add(what, n, __ATOMIC_RELAXED);
}

int soak_stop(const int *flag)
{
    return __atomic_load_n(flag, __ATOMIC_ACQUIRE);
}

void soak_memory(board *b, int process)
{
    struct mallinfo2 all = mallinfo2();

    __atomic_store_n(&b->in_use_kb[process], (all.uordblks + all.hblkhd) / 1024, __ATOMIC_RELEASE);
}

void soak_fail(board *b, const char *format, ...)
{
    char text[sizeof b->why];
    va_list args;
    int none = 0;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fprintf(stderr, "process %d: %s\n", (int)getpid(), text);
    if (__atomic_compare_exchange_n(&b->failed, &none, 1, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        memcpy(b->why, text, sizeof text);
    _exit(1);
}

void soak_must(board *b, int rc, const crm_error *err, const char *what)
{
    if (rc)
        soak_fail(b, "%s: %s: %s %s (%d)", what, crm_error_name(rc), err->field, err->message,
                  err->sys);
}

crm_txn *soak_begin(board *b, crm_db *db, int mode)
{
    crm_error err = CRM_ERROR_INIT;
    crm_txn *txn;

    soak_must(b, crm_txn_begin(db, mode, NULL, &txn, &err), &err, "begin");
    return txn;
}

crm_db *soak_open(board *b)
{
    crm_error err = CRM_ERROR_INIT;
    crm_db *db;

    soak_must(b, crm_db_open(b->path, NULL, &db, &err), &err, "open");
    return db;
}
