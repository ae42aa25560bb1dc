/* SPDX-License-Identifier: MIT
 * Runs the unit tests it is linked with, one after another, with short random runs; says which
 * variant of the loops was the best there.
 */
#include "bits/kernel.h"
#include "crmtest.h"

enum { MOST = 100 };

static const TTest *tests[MOST];
static unsigned count;
static crmtest_place place;
crmtest_place *crmtest_last = &place;

void crmtest_add(const TTest *test)
{
    if (count == MOST)
        abort();
    tests[count++] = test;
}

uint64_t crmtest_seed(void)
{
    return 20261122;
}

uint64_t crmtest_rand(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint64_t crmtest_below(uint64_t *state, uint64_t n)
{
    return crmtest_rand(state) % n;
}

/* A played processor is some thirty times slower. */
size_t crmtest_rounds(size_t normal, size_t full)
{
    (void)full;
    return normal < 8 ? normal : normal / 8;
}

unsigned crmtest_stride(unsigned n)
{
    return n * 12;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    if (argc > 1 && strcmp(crm__kernel_best()->name, argv[1]) != 0) {
        printf("the best loops are %s, not %s\n0 passed, 1 failed\n", crm__kernel_best()->name,
               argv[1]);
        return 1;
    }
    for (unsigned i = 0; i < count; i++) {
        printf("%s\n", tests[i]->name);
        tests[i]->fn(0);
    }
    printf("%u passed, 0 failed\n", count);
    return count == 0;
}
