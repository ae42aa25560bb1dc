/* SPDX-License-Identifier: MIT
 * Runner of self-registered cases; prints the closing line `N passed, N failed`.  With CRM_TIMES
 * set it also prints what CPU time each case took.
 */
#include "crmtest.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MOST = 4096 };
static const TTest *tests[MOST];
static int count;
static char dir[4096];
static crmtest_place place;
crmtest_place *crmtest_last = &place;

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

unsigned crmtest_step(unsigned normal, unsigned quick)
{
    if (getenv("CRM_FULL"))
        return 1;
    return getenv("CRM_SHORT") ? quick : normal;
}

size_t crmtest_names_in(const char *folder)
{
    DIR *d = opendir(folder);
    struct dirent *e;
    size_t n = 0;

    if (!d)
        return 0;
    while ((e = readdir(d)) != NULL)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

/* ---- the runner ---- */

/* CPU time of the cases that have ended: each is a process that was waited for. */
static double seconds_of_cases(void)
{
    struct rusage u;

    getrusage(RUSAGE_CHILDREN, &u);
    return (double)u.ru_utime.tv_sec + (double)u.ru_stime.tv_sec +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* Fixtures that are not checked run in the runner itself: once per case, in order. */
static const char *case_names[MOST];
static int cases, case_now;

static void case_begins(void)
{
    memset(crmtest_last, 0, sizeof *crmtest_last);
}

static void case_ends(void)
{
    static double before;
    double now = seconds_of_cases();
    const char *name = case_names[case_now++];

    if (getenv("CRM_TIMES"))
        printf("%9.3f s %s\n", now - before, name);
    if (!crmtest_last->ended)
        printf("FAILED %s, the last assertion that held is %s:%d\n", name,
               crmtest_last->file ? crmtest_last->file : "none", crmtest_last->line);
    fflush(stdout);
    before = now;
}

/* In the process of the case, when it has passed. */
static void case_ended(void)
{
    remove_dir();
    crmtest_last->ended = 1;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const TTest *const *)a)->name, (*(const TTest *const *)b)->name);
}

/* With CRM_THIRD=0, 1 or 2 that third of the cases runs, told by their names. */
static int in_third(const char *name)
{
    const char *third = getenv("CRM_THIRD");
    unsigned sum = 0;

    for (; third && *name; name++)
        sum = sum * 31 + (unsigned char)*name;
    return !third || sum % 3 == (unsigned)(*third - '0') % 3;
}

int main(int argc, char **argv)
{
    Suite *suite = suite_create("libcrm");
    SRunner *runner;
    int failed, run;
    void *shared =
        mmap(NULL, sizeof place, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (shared != MAP_FAILED)
        crmtest_last = shared;
    qsort(tests, (size_t)count, sizeof tests[0], by_name);
    for (int i = 0; i < count; i++) {
        TCase *c;
        if ((argc > 1 && !strstr(tests[i]->name, argv[1])) || !in_third(tests[i]->name))
            continue;
        c = tcase_create(tests[i]->name);
        tcase_set_timeout(c, 300); /* times CK_TIMEOUT_MULTIPLIER */
        tcase_add_checked_fixture(c, NULL, case_ended);
        tcase_add_unchecked_fixture(c, case_begins, case_ends);
        case_names[cases++] = tests[i]->name;
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
