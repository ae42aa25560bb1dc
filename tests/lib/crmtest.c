/* SPDX-License-Identifier: MIT
 * Runner of self-registered cases; prints the closing line `N passed, N failed`.
 */
#include "crmtest.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST = 4096 };
static const TTest *tests[MOST];
static int count;
static char dir[4096];

void crmtest_add(const TTest *test)
{
    if (count < MOST)
        tests[count++] = test;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static void remove_dir(void)
{
    if (dir[0])
        nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    dir[0] = 0;
}

const char *crmtest_dir(void)
{
    const char *tmp = getenv("TMPDIR");

    if (!dir[0]) {
        snprintf(dir, sizeof dir, "%s/crmtest.XXXXXX", tmp && *tmp ? tmp : "/tmp");
        ck_assert_ptr_nonnull(mkdtemp(dir));
    }
    return dir;
}

const char *crmtest_path(const char *name)
{
    static char paths[4][4400];
    static unsigned turn;
    char *p = paths[turn++ % 4];

    snprintf(p, sizeof paths[0], "%s/%s", crmtest_dir(), name);
    return p;
}

uint64_t crmtest_seed(void)
{
    const char *s = getenv("CRM_SEED");

    return s && *s ? strtoull(s, NULL, 0) : 20261122;
}

uint64_t crmtest_rand(uint64_t *state)
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15u);

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

uint64_t crmtest_below(uint64_t *state, uint64_t n)
{
    return crmtest_rand(state) % n;
}

size_t crmtest_rounds(size_t normal, size_t full)
{
    if (getenv("CRM_FULL"))
        return full;
    if (getenv("CRM_SHORT"))
        return normal / 10 + 1;
    return normal;
}

unsigned crmtest_seconds(unsigned n)
{
    const char *s = getenv("CK_TIMEOUT_MULTIPLIER");
    unsigned long times = s ? strtoul(s, NULL, 10) : 1;

    return times < 1 ? n : times > 100 ? n * 100 : n * (unsigned)times;
}

unsigned crmtest_stride(unsigned n)
{
    return getenv("CRM_SHORT") ? n : 1;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const TTest *const *)a)->name, (*(const TTest *const *)b)->name);
}

int main(int argc, char **argv)
{
    Suite *suite = suite_create("libcrm");
    SRunner *runner;
    int failed, run;

    qsort(tests, (size_t)count, sizeof tests[0], by_name);
    for (int i = 0; i < count; i++) {
        TCase *c;
        if (argc > 1 && !strstr(tests[i]->name, argv[1]))
            continue;
        c = tcase_create(tests[i]->name);
        tcase_set_timeout(c, 300); /* times CK_TIMEOUT_MULTIPLIER */
        tcase_add_checked_fixture(c, NULL, remove_dir);
        tcase_add_test(c, tests[i]);
        suite_add_tcase(suite, c);
    }
    printf("seed %llu\n", (unsigned long long)crmtest_seed());
    fflush(stdout);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    run = srunner_ntests_run(runner);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    printf("%d passed, %d failed\n", run - failed, failed);
    return failed || !run;
}
