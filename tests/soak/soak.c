/* SPDX-License-Identifier: MIT
 * Runs the soak: starts the processes, kills one now and then and starts it again, watches their
 * memory, and in the end has everything judged.  --help says how.
 *
 * The run that is judged by the letter, the file no more than half as large again as compacted, is
 * --seconds 3600 --brief: what a check or a backup reads of one moment no commit can use again before it ends,
 * so that the file grows by all that is written meanwhile, for good.  Without --brief that is allowed on
 * top.  A short run has little in it: the pages kept for questions of a tenth of a second weigh more there.
 */
#include "soak.h"

#include <ftw.h>
#include <malloc.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    EARLY = 20,
    LATE = 90,
    MEMORY_SPARE_KB = 1024,
    IN_USE_SPARE_KB = 256
}; /* per cent of the time */

/* The least there was early on, and late; UINT64_MAX: unknown. */
typedef struct span {
    uint64_t early_kb, late_kb;
} span;

typedef struct child {
    pid_t pid;
    int64_t begun;
    span own, in_use; /* pages of its own; what of them is asked for and not let go */
} child;

static board *b;
static child children[ALL];
static unsigned seconds = 60, kill_every_ms = 2500;
static const char *dir;
static uint64_t kills;

static void usage(FILE *out)
{
    fputs(
        "usage: soak [--seconds N] [--seed N] [--stock N] [--kill-every-ms N] [--brief] [--dir FOLDER]\n"
        "Four processes with four threads each write to a database of N customers (100,000), ask "
        "it\n"
        "and import for N seconds (60), one more follows the changes; one of them is killed every\n"
        "2,500 milliseconds.  0: none.  --brief: nobody checks, backs up or reads every record, so that "
        "no\n"
        "snapshot is long, and the file alone is judged.  Works in a folder of its own below FOLDER "
        "($TMPDIR,\n"
        "/tmp), which stays when something failed.\n",
        out);
}

static uint64_t number(const char *text)
{
    char *end;
    uint64_t n = text ? strtoull(text, &end, 10) : 0;

    if (!text || !*text || *end) {
        usage(stderr);
        exit(2);
    }
    return n;
}

static void arguments(int argc, char **argv)
{
    for (int i = 1; i < argc; i += 2) {
        const char *value = argv[i + 1];
        if (strcmp(argv[i], "--help") == 0) {
            usage(stdout);
            exit(0);
        } else if (strcmp(argv[i], "--brief") == 0) {
            b->brief = 1;
            i--; /* it has no value */
        } else if (strcmp(argv[i], "--seconds") == 0) {
            seconds = (unsigned)number(value);
        } else if (strcmp(argv[i], "--seed") == 0) {
            b->seed = number(value);
        } else if (strcmp(argv[i], "--stock") == 0) {
            b->stock = number(value);
        } else if (strcmp(argv[i], "--kill-every-ms") == 0) {
            kill_every_ms = (unsigned)number(value);
        } else if (strcmp(argv[i], "--dir") == 0 && value) {
            dir = value;
        } else {
            usage(stderr);
            exit(2);
        }
    }
}

/* ---- processes ---- */

static void start(int i)
{
    pid_t pid;

    fflush(NULL);
    pid = fork();
    if (pid < 0)
        soak_fail(b, "a process can't be started");
    if (pid == 0) {
        if (i == HOST)
            host(b);
        work(b, i);
    }
    b->in_use_kb[i] = 0;
    children[i] = (child){pid, soak_clock_us(), {UINT64_MAX, UINT64_MAX}, {UINT64_MAX, UINT64_MAX}};
}

/* 1: it has ended as it should. */
static int ended_well(int i, int killed)
{
    int status;

    if (waitpid(children[i].pid, &status, 0) != children[i].pid)
        return 0;
    children[i].pid = 0;
    if (killed && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return 1;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 1;
    if (!soak_stop(&b->failed))
        snprintf(b->why, sizeof b->why, "process %d ended with %x", i, (unsigned)status);
    b->failed = 1;
    return 0;
}

/* Some process but the first, whose memory is to be seen. */
static void kill_one(void)
{
    int i = 1 + (int)soak_below(&b->seed, HOST);

    kill(children[i].pid, SIGKILL);
    if (ended_well(i, 1))
        start(i);
    kills++;
}

/* In a child of its own, so that this process never has the database open. */
static int in_child(void (*fn)(board *))
{
    pid_t pid;
    int status;

    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        fn(b);
        _exit(0);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

/* ---- memory ---- */

/* What a process has of its own, without the pages of the file. */
static uint64_t memory_kb(pid_t pid)
{
    char name[64], line[200];
    unsigned long long kb = 0;
    FILE *f;

    snprintf(name, sizeof name, "/proc/%d/status", (int)pid);
    f = fopen(name, "r");
    while (f && fgets(line, sizeof line, f)) {
        if (sscanf(line, "RssAnon: %llu kB", &kb) == 1)
            break;
    }
    if (f)
        fclose(f);
    return kb;
}

static void note_memory(span *to, uint64_t kb, int64_t percent, int early)
{
    if (kb && percent >= LATE && kb < to->late_kb)
        to->late_kb = kb;
    if (kb && early && kb < to->early_kb)
        to->early_kb = kb;
}

static void look_at_memory(int64_t begun, int64_t now)
{
    int64_t percent = (now - begun) / 10000 / seconds;

    for (int i = 0; i < ALL; i++) {
        child *c = &children[i];
        int grown = (c->begun - begun) / 10000 / seconds < EARLY / 2;
        int early = percent >= EARLY && percent < 2 * EARLY && grown;
        note_memory(&c->own, memory_kb(c->pid), percent, early);
        note_memory(&c->in_use, __atomic_load_n(&b->in_use_kb[i], __ATOMIC_ACQUIRE), percent,
                    early);
    }
}

static void judge_span(int i, const char *what, const span *s, uint64_t spare_kb)
{
    if (s->early_kb == UINT64_MAX || s->late_kb == UINT64_MAX)
        return;
    printf("%s of process %d: %llu KB, at the end %llu KB\n", what, i,
           (unsigned long long)s->early_kb, (unsigned long long)s->late_kb);
    if (s->late_kb > s->early_kb + s->early_kb / 4 + spare_kb && !b->failed) {
        snprintf(b->why, sizeof b->why, "%s of process %d grew", what, i);
        b->failed = 1;
    }
}

/* Of those that lived from early on to the end. */
static void judge_memory(void)
{
    for (int i = 0; i < ALL; i++) {
        judge_span(i, "memory", &children[i].own, MEMORY_SPARE_KB);
        judge_span(i, "memory in use", &children[i].in_use, IN_USE_SPARE_KB);
    }
}

/* ---- the run ---- */

static void live(void)
{
    int64_t begun = soak_clock_us(), until = begun + seconds * 1000000LL, now;
    int64_t next = begun + kill_every_ms * 1000LL;

    for (int i = 0; i < ALL; i++)
        start(i);
    while ((now = soak_clock_us()) < until && !soak_stop(&b->failed)) {
        int status;
        look_at_memory(begun, now);
        for (int i = 0; i < ALL; i++) { /* none ends by itself */
            if (waitpid(children[i].pid, &status, WNOHANG | WNOWAIT) == children[i].pid)
                ended_well(i, 0);
        }
        if (kill_every_ms && now >= next) {
            kill_one();
            next = now + (int64_t)soak_below(&b->seed, 2 * kill_every_ms) * 1000;
        }
        soak_rest_ms(50);
    }
}

static void end(void)
{
    __atomic_store_n(&b->stop, 1, __ATOMIC_RELEASE);
    if (soak_stop(&b->failed)) {
        for (int i = 0; i < ALL; i++) {
            if (children[i].pid)
                kill(children[i].pid, SIGKILL);
        }
        return;
    }
    for (int i = 0; i < PROCESSES; i++)
        ended_well(i, 0);
    __atomic_store_n(&b->writers_gone, 1, __ATOMIC_RELEASE);
    ended_well(HOST, 0);
}

static verdict *result;

static void judge_it(board *all)
{
    judge(all, result);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static void *shared(size_t n)
{
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED) {
        fputs("soak: out of memory\n", stderr);
        exit(1);
    }
    return p;
}

static void report(uint64_t seed)
{
    printf(
        "seed %llu: %u s, %llu commits, %llu steps, %llu imports, %llu answers, %llu changes "
        "and %llu entries into segments and exits followed, %llu checks, backups and trims, %llu "
        "kills, %llu last steps found committed; "
        "%llu customers, %llu entries\n",
        (unsigned long long)seed, seconds, (unsigned long long)b->commits,
        (unsigned long long)b->steps, (unsigned long long)b->imports, (unsigned long long)b->reads,
        (unsigned long long)b->changes, (unsigned long long)b->crossed,
        (unsigned long long)b->others, (unsigned long long)kills, (unsigned long long)b->inherited,
        (unsigned long long)result->customers, (unsigned long long)result->entries);
}

int main(int argc, char **argv)
{
    const char *tmp = getenv("TMPDIR");
    uint64_t seed;

    /* What is let go goes back: else malloc keeps the most that each thread ever had, page by page
     * as it is touched for the first time, and that would be seen in place of a leak. */
    mallopt(M_MMAP_THRESHOLD, 128 << 10);
    mallopt(M_TRIM_THRESHOLD, 128 << 10);
    b = shared(sizeof *b);
    result = shared(sizeof *result);
    b->seed = (uint64_t)time(NULL);
    b->stock = 100000;
    dir = tmp && *tmp ? tmp : "/tmp";
    arguments(argc, argv);
    seed = b->seed;
    printf("seed %llu\n", (unsigned long long)seed);
    snprintf(b->scratch, sizeof b->scratch - 20, "%s/soak.XXXXXX", dir);
    if (!mkdtemp(b->scratch)) {
        fprintf(stderr, "soak: no folder below %s\n", dir);
        return 1;
    }
    snprintf(b->path, sizeof b->path, "%.900s/shop.crm", b->scratch);
    if (in_child(import_stock)) {
        live();
        judge_memory();
        end();
        if (!b->failed && !in_child(judge_it))
            b->failed = 1;
    }
    report(seed);
    if (b->failed || !result->passed) {
        printf("FAILED: %s\nkept: %s\n0 passed, 1 failed\n", b->why, b->scratch);
        return 1;
    }
    nftw(b->scratch, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    printf("%d passed, 0 failed\n", result->passed + 2);
    return 0;
}
