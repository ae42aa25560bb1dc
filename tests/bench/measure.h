/* SPDX-License-Identifier: MIT
 * Clock, median and process figures for the benchmark programs.  Knows nothing of what is measured.
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { MEASURE_RUNS = 32 };

/* Figures of one operation, one a run. */
typedef struct series {
    double v[MEASURE_RUNS];
    int n;
} series;

static inline double measure_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Seconds of processor time that this process has used. */
static inline double measure_cpu(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline void series_add(series *s, double v)
{
    if (s->n < MEASURE_RUNS)
        s->v[s->n++] = v;
}

static inline int series_order(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

/* The middle figure; with an even number the mean of the two in the middle. */
static inline double series_median(const series *s)
{
    double v[MEASURE_RUNS];

    if (!s->n)
        return 0;
    memcpy(v, s->v, sizeof v);
    qsort(v, (size_t)s->n, sizeof *v, series_order);
    return s->n % 2 ? v[s->n / 2] : (v[s->n / 2 - 1] + v[s->n / 2]) / 2;
}

static inline double series_least(const series *s)
{
    double least = s->n ? s->v[0] : 0;

    for (int i = 1; i < s->n; i++)
        least = s->v[i] < least ? s->v[i] : least;
    return least;
}

static inline double series_most(const series *s)
{
    double most = s->n ? s->v[0] : 0;

    for (int i = 1; i < s->n; i++)
        most = s->v[i] > most ? s->v[i] : most;
    return most;
}

/* A number that stands behind a name in a file of /proc/self, e.g. ("io", "write_bytes:"); 0 when
 * it can't be read. */
static inline uint64_t measure_proc(const char *file, const char *name)
{
    char path[64], line[256];
    uint64_t value = 0;
    FILE *f;

    snprintf(path, sizeof path, "/proc/self/%s", file);
    f = fopen(path, "r");
    if (!f)
        return 0;
    while (fgets(line, sizeof line, f)) {
        if (strncmp(line, name, strlen(name)) == 0)
            value = strtoull(line + strlen(name), NULL, 10);
    }
    fclose(f);
    return value;
}

/* Peak resident memory of this process in MB, mapped pages of files included. */
static inline double measure_peak_mb(void)
{
    struct rusage r;

    getrusage(RUSAGE_SELF, &r);
    return (double)r.ru_maxrss / 1024.0;
}

/* Memory of its own that this process holds now, in MB. */
static inline double measure_private_mb(void)
{
    return (double)measure_proc("status", "RssAnon:") / 1024.0;
}

#endif
