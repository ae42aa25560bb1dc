/* SPDX-License-Identifier: MIT
 * The benchmark: the library beside SQLite, and beside LMDB by hand as the limit, on the same
 * made-up customers in the same run. bench [N] [--runs R] [--look-ups L] [--dir DIR] [--cpu]
 * [--json] [--smoke] Each figure is the median of R runs with the least and the most; the sides
 * take turns within each run, so that what else the machine does meets them all, and ratios are
 * taken run by run.  It judges nothing, but ends with an error when the sides do not give the same
 * answers.
 */
#include "bench.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WRITERS = 64 };

static struct {
    uint64_t n;
    size_t look_ups, commits, opens, counts;
    int runs, cpu, json;
    double seconds; /* of one run of writers */
    char dir[4000];
} plan = {200000, 100000, 500, 20, 100, 5, 0, 0, 1.0, ""};

static const side *const SIDE[SIDES] = {&SIDE_CRM, &SIDE_SQLITE, &SIDE_LMDB};
static char dir_of[SIDES][4200];
static void *handle_of[SIDES];

void bench_die(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fputs("bench: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    exit(1);
}

/* Reads nothing from a disk once warm, so with --cpu only this thread's own time counts. */
static double reading_clock(void)
{
    struct timespec t;

    clock_gettime(plan.cpu ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void same_answers(const char *what, const answer a[SIDES])
{
    for (int i = 1; i < SIDES; i++) {
        if (SIDE[i]->answers && (a[i].hits != a[0].hits || a[i].sum != a[0].sum))
            bench_die("%s: %s answers %llu:%llu, %s %llu:%llu", what, SIDE[0]->name,
                      (unsigned long long)a[0].hits, (unsigned long long)a[0].sum, SIDE[i]->name,
                      (unsigned long long)a[i].hits, (unsigned long long)a[i].sum);
    }
}

/* ---- load ---- */

static double most_private;

static void sample(void)
{
    double now = measure_private_mb();

    most_private = now > most_private ? now : most_private;
}

/* Loads in a child, so that its memory is that of the load alone: seconds and MB through a pipe. */
static void load_apart(int i, double out[2])
{
    int fd[2], status;
    pid_t pid;

    if (pipe(fd) || (pid = fork()) < 0)
        bench_die("can't start a process: %s", strerror(errno));
    if (pid == 0) {
        double start = measure_now();
        SIDE[i]->load(dir_of[i], plan.n, sample);
        out[0] = measure_now() - start;
        out[1] = most_private;
        _exit(write(fd[1], out, 2 * sizeof *out) == (ssize_t)(2 * sizeof *out) ? 0 : 1);
    }
    close(fd[1]);
    if (read(fd[0], out, 2 * sizeof *out) != (ssize_t)(2 * sizeof *out) ||
        waitpid(pid, &status, 0) != pid || status)
        bench_die("%s: the load failed", SIDE[i]->name);
    close(fd[0]);
}

static void bench_load(void)
{
    row took = {.what = "load all, durable", .unit = "s", .decimals = 2};
    row own = {.what = "load: memory of its own", .unit = "MB", .decimals = 0};
    row file = {.what = "file", .unit = "MB", .decimals = 1};

    for (int i = 0; i < SIDES; i++) {
        double out[2];
        load_apart(i, out);
        if (!SIDE[i]->answers)
            continue;
        series_add(&took.side[i], out[0]);
        series_add(&own.side[i], out[1]);
    }
    for (int i = 0; i < SIDES; i++)
        series_add(&file.side[i], (double)SIDE[i]->file_bytes(dir_of[i]) / 1e6);
    table_row(&took);
    table_row(&own);
    table_row(&file);
}

/* ---- reading ---- */

static void bench_look_up(const char *what, int by, int each)
{
    row r = {.what = what, .unit = "us", .decimals = 2};
    data_key *keys = data_keys(by, plan.n, plan.look_ups);
    answer a[SIDES];

    for (int run = -1; run < plan.runs; run++) {
        for (int i = 0; i < SIDES; i++) {
            double start = reading_clock();
            a[i] = (answer){0, 0};
            SIDE[i]->look_up(handle_of[i], by, (const data_key *)keys, plan.look_ups, each, &a[i]);
            if (run >= 0)
                series_add(&r.side[i], (reading_clock() - start) * 1e6 / (double)plan.look_ups);
        }
        same_answers(what, a);
    }
    free(keys);
    table_row(&r);
}

static void bench_list(void)
{
    row r = {.what = "list all, every field, a customer", .unit = "us", .decimals = 3};
    answer a[SIDES];

    for (int run = -1; run < plan.runs; run++) {
        for (int i = 0; i < SIDES; i++) {
            double start = reading_clock();
            a[i] = (answer){0, 0};
            SIDE[i]->list(handle_of[i], &a[i]);
            if (run >= 0)
                series_add(&r.side[i], (reading_clock() - start) * 1e6 / (double)plan.n);
        }
        same_answers(r.what, a);
    }
    table_row(&r);
}

static void bench_count(void)
{
    row r = {.what = "count all", .unit = "us", .decimals = 1};

    for (int run = -1; run < plan.runs; run++) {
        for (int i = 0; i < SIDES; i++) {
            double start = reading_clock();
            for (size_t k = 0; k < plan.counts; k++) {
                if (SIDE[i]->count(handle_of[i]) != plan.n)
                    bench_die("%s: counts wrong", SIDE[i]->name);
            }
            if (run >= 0)
                series_add(&r.side[i], (reading_clock() - start) * 1e6 / (double)plan.counts);
        }
    }
    table_row(&r);
}

/* From no handle to the fields of one customer; closing is not counted. */
static void bench_open(void)
{
    row r = {.what = "open, and one look-up", .unit = "ms", .decimals = 3};
    data_key *keys = data_keys(EXTERNAL_ID, plan.n, 1);

    for (int run = -1; run < plan.runs; run++) {
        for (int i = 0; i < SIDES; i++) {
            double took = 0;
            for (size_t k = 0; k < plan.opens; k++) {
                double start = measure_now();
                void *h = SIDE[i]->open(dir_of[i]);
                answer a = {0, 0};
                SIDE[i]->look_up(h, EXTERNAL_ID, (const data_key *)keys, 1, 0, &a);
                took += measure_now() - start;
                SIDE[i]->close(h);
            }
            if (run >= 0)
                series_add(&r.side[i], took * 1e3 / (double)plan.opens);
        }
    }
    free(keys);
    table_row(&r);
}

/* ---- writing ---- */

typedef struct worker {
    pthread_t thread;
    const side *s;
    void *writer;
    uint64_t first, step, done;
    int64_t pass;
    double until;
} worker;

/* Each number below n once, in no order: a mixed number of two halves, walked until it is below n.
 */
static uint64_t scattered(uint64_t i, uint64_t n)
{
    unsigned half = 1;

    while (n > UINT64_C(1) << 2 * half)
        half++;
    do {
        uint64_t low = i & ((UINT64_C(1) << half) - 1), high = i >> half;
        for (uint64_t round = 0; round < 4; round++) {
            uint64_t next = high ^ data_mix(low + (round << 48)) >> (64 - half);
            high = low;
            low = next;
        }
        i = high << half | low;
    } while (i >= n);
    return i;
}

/* Sets the score of each of its customers in turn, and of all again with the next score. */
static void write_next(worker *w)
{
    uint64_t own = plan.n / w->step, at = w->first + w->done % own * w->step;

    w->s->write(w->writer, scattered(at, plan.n),
                UPDATE_SCORE + (w->pass + (int64_t)(w->done / own)) % UPDATE_SCORES);
    w->done++;
}

static void *work(void *ctx)
{
    worker *w = ctx;

    while (measure_now() < w->until)
        write_next(w);
    return NULL;
}

/* Commits a second with a number of writers. */
static double rate_of(int i, unsigned writers, int64_t pass)
{
    static worker w[WRITERS];
    uint64_t done = 0;
    double start, took;

    for (unsigned k = 0; k < writers; k++)
        w[k] = (worker){.s = SIDE[i],
                        .writer = SIDE[i]->writer(handle_of[i]),
                        .first = k,
                        .step = writers,
                        .pass = pass};
    start = measure_now();
    for (unsigned k = 0; k < writers; k++) {
        w[k].until = start + plan.seconds;
        if (pthread_create(&w[k].thread, NULL, work, &w[k]))
            bench_die("can't start a thread");
    }
    for (unsigned k = 0; k < writers; k++) {
        pthread_join(w[k].thread, NULL);
        done += w[k].done;
    }
    took = measure_now() - start;
    for (unsigned k = 0; k < writers; k++)
        SIDE[i]->writer_close(w[k].writer);
    return (double)done / took;
}

static int64_t passes;

static void bench_writers(const char *what, unsigned writers)
{
    row r = {.what = what, .unit = "/s", .decimals = 0, .more_is_better = 1};

    for (int run = 0; run < plan.runs; run++) {
        passes += 10;
        for (int i = 0; i < SIDES; i++) {
            if (writers == 1 || SIDE[i]->many)
                series_add(&r.side[i], rate_of(i, writers, passes));
        }
    }
    table_row(&r);
}

/* Bytes handed to the kernel's write calls, pages of the file and log alike. */
static void bench_bytes(void)
{
    row r = {.what = "written for one commit", .unit = "KB", .decimals = 1};

    for (int run = 0; run < plan.runs; run++) {
        passes += 10;
        for (int i = 0; i < SIDES; i++) {
            worker w = {.s = SIDE[i], .step = 1, .pass = passes};
            uint64_t before;
            w.writer = SIDE[i]->writer(handle_of[i]);
            before = measure_proc("io", "wchar:");
            while (w.done < plan.commits)
                write_next(&w);
            series_add(&r.side[i], (double)(measure_proc("io", "wchar:") - before) / 1024 /
                                       (double)plan.commits);
            SIDE[i]->writer_close(w.writer);
        }
    }
    table_row(&r);
}

/* ---- program ---- */

static void usage(int code)
{
    fputs("usage: bench [N] [--runs R] [--look-ups L] [--dir DIR] [--cpu] [--json] [--smoke]\n"
          "  N           customers, 200000 unless given\n"
          "  --runs R    runs of each operation, 5 unless given, at most 32\n"
          "  --look-ups L  keys looked up in a run, 100000 unless given\n"
          "  --dir DIR   where the databases are made and removed again; the temporary folder\n"
          "  --cpu       reading is measured in processor time, for a machine that is not idle\n"
          "  --json      one line of JSON a row\n"
          "  --smoke     the least of everything: only shows that it runs\n",
          code ? stderr : stdout);
    exit(code);
}

static uint64_t number(const char *text, uint64_t least, uint64_t most)
{
    char *end = NULL;
    uint64_t v = text ? strtoull(text, &end, 10) : 0;

    if (!text || !*text || *end || v < least || v > most)
        usage(2);
    return v;
}

static void read_args(int argc, char **argv)
{
    const char *tmp = getenv("TMPDIR");

    snprintf(plan.dir, sizeof plan.dir, "%s", tmp && *tmp ? tmp : "/tmp");
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (!strcmp(argv[i], "--help")) {
            usage(0);
        } else if (!strcmp(argv[i], "--json")) {
            plan.json = 1;
        } else if (!strcmp(argv[i], "--cpu")) {
            plan.cpu = 1;
        } else if (!strcmp(argv[i], "--smoke")) {
            plan.n = 2000;
            plan.look_ups = 500;
            plan.commits = 10;
            plan.opens = plan.counts = 2;
            plan.runs = 1;
            plan.seconds = 0.02;
        } else if (!strcmp(argv[i], "--runs")) {
            plan.runs = (int)number(value, 1, MEASURE_RUNS);
            i++;
        } else if (!strcmp(argv[i], "--look-ups")) {
            plan.look_ups = number(value, 1, 100000000);
            i++;
        } else if (!strcmp(argv[i], "--dir") && value && strlen(value) < sizeof plan.dir) {
            snprintf(plan.dir, sizeof plan.dir, "%s", value);
            i++;
        } else {
            plan.n = number(argv[i], WRITERS, 100000000);
        }
    }
}

static void make_dirs(char base[4096])
{
    snprintf(base, 4096, "%s/crm-bench-XXXXXX", plan.dir);
    if (!mkdtemp(base))
        bench_die("%s: %s", base, strerror(errno));
    for (int i = 0; i < SIDES; i++) {
        if ((size_t)snprintf(dir_of[i], sizeof dir_of[i], "%s/%d", base, i) >= sizeof dir_of[i] ||
            mkdir(dir_of[i], 0700))
            bench_die("%s: %s", dir_of[i], strerror(errno));
    }
}

static void remove_dirs(const char *base)
{
    static const char *const FILES[] = {"data.mdb",     "lock.mdb",         "crm.lock",
                                        "bench.sqlite", "bench.sqlite-wal", "bench.sqlite-shm",
                                        "limit.mdb",    "limit.mdb-lock"};
    char path[4300];

    for (int i = 0; i < SIDES; i++) {
        for (size_t k = 0; k < sizeof FILES / sizeof *FILES; k++) {
            if ((size_t)snprintf(path, sizeof path, "%s/%s", dir_of[i], FILES[k]) < sizeof path)
                unlink(path);
        }
        rmdir(dir_of[i]);
    }
    rmdir(base);
}

int main(int argc, char **argv)
{
    const char *names[SIDES];
    char base[4096];

    read_args(argc, argv);
    make_dirs(base);
    for (int i = 0; i < SIDES; i++)
        names[i] = SIDE[i]->name;
    if (!plan.json)
        printf("%llu customers, median of %d (least..most)%s\n", (unsigned long long)plan.n,
               plan.runs, plan.cpu ? ", reading in processor time" : "");
    table_begin(plan.json, names);
    bench_load();
    bench_open();
    for (int i = 0; i < SIDES; i++)
        handle_of[i] = SIDE[i]->open(dir_of[i]);
    bench_look_up("look-up by external id", EXTERNAL_ID, 0);
    bench_look_up("look-up by e-mail", EMAIL, 0);
    bench_look_up("look-up by phone", PHONE, 0);
    bench_look_up("by external id, own transaction", EXTERNAL_ID, 1);
    bench_list();
    bench_count();
    bench_writers("commits, one field, 1 writer", 1);
    bench_writers("commits, one field, 8 writers", 8);
    bench_writers("commits, one field, 64 writers", WRITERS);
    bench_bytes();
    for (int i = 0; i < SIDES; i++)
        SIDE[i]->close(handle_of[i]);
    remove_dirs(base);
    return 0;
}
