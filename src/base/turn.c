/* SPDX-License-Identifier: MIT
 * Words that threads wait at: see turn.h.
 */
#include "base/turn.h"

#include <limits.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void sleep_at(atomic_uint *word, uint32_t value, unsigned ms)
{
    struct timespec most = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};

    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, ms ? &most : NULL, NULL, 0);
}

static void wake(atomic_uint *word, int most)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, most, NULL, NULL, 0);
}

void crm__turn_set(crm__turn *t, uint32_t step)
{
    if (atomic_exchange(&t->word, step << 1) & 1)
        wake(&t->word, 1);
}

uint32_t crm__turn_step(const crm__turn *t)
{
    return atomic_load(&t->word) >> 1;
}

uint32_t crm__turn_wait(crm__turn *t, uint32_t from, unsigned ms)
{
    unsigned word = from << 1;

    if (atomic_compare_exchange_strong(&t->word, &word, word | 1) || word == (from << 1 | 1))
        sleep_at(&t->word, from << 1 | 1, ms);
    return crm__turn_step(t);
}

void crm__bell_end(crm__bell *b)
{
    atomic_fetch_add(&b->ends, 1);
}

void crm__bell_ring(crm__bell *b)
{
    wake(&b->ends, INT_MAX);
}

int crm__bell_ended(const crm__bell *b, uint32_t ends)
{
    return (int32_t)(atomic_load(&b->ends) - ends) >= 0;
}

int crm__bell_wait(crm__bell *b, uint32_t ends, unsigned ms)
{
    unsigned now = atomic_load(&b->ends);

    if ((int32_t)(now - ends) < 0)
        sleep_at(&b->ends, now, ms);
    return crm__bell_ended(b, ends);
}
