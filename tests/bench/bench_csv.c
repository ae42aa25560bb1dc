/* SPDX-License-Identifier: MIT
 * The reader of tables against its peers: files of customers of several shapes, read whole, every
 * cell looked at.  sh tests/bench/run.sh --csv [MEGABYTES]; --smoke is a test that it runs.
 */
#include "io/csv.h"
#include "measure.h"

#include <crm/codes.h>
#include <fcntl.h>
#include <iconv.h>
#include <unistd.h>

enum { RUNS = 5 };

typedef struct shape {
    const char *name;
    int chinese, quoted, gb;
} shape;

static const shape SHAPES[] = {
    {"without quotes, Latin", 0, 0, 0},
    {"every text quoted, Latin", 0, 1, 0},
    {"without quotes, Chinese", 1, 0, 0},
    {"the same in GB18030", 1, 0, 1},
};

static uint64_t next(uint64_t *x)
{
    *x = *x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *x >> 33;
}

static void add_row(char *line, size_t cap, const shape *s, uint64_t i, uint64_t *x)
{
    static const char *const LATIN[] = {"Anna Schmidt", "John Smith", "Marie Dubois", "Li Na"};
    static const char *const HAN[] = {"张伟", "王秀英", "李娜", "欧阳建国"};
    static const char *const CITY[] = {"Berlin", "Springfield", "Lyon", "Shanghai"};
    static const char *const HAN_CITY[] = {"上海市浦东新区", "北京", "深圳市南山区", "成都"};
    const char *q = s->quoted ? "\"" : "";

    snprintf(line, cap,
             "%llu,%s%s%s,%suser%llu@example.com%s,+86138%08llu,%s%s%s,%llu.%02llu,%s%s%s\n",
             (unsigned long long)i, q, s->chinese ? HAN[next(x) % 4] : LATIN[next(x) % 4], q, q,
             (unsigned long long)next(x) % 10000000, q, (unsigned long long)next(x) % 100000000, q,
             s->chinese ? HAN_CITY[next(x) % 4] : CITY[next(x) % 4], q,
             (unsigned long long)next(x) % 100000, (unsigned long long)next(x) % 100, q,
             "2026-11-22T08:30:00Z", q);
}

/* The file's text, of about `bytes`; NULL without memory. */
static char *make(const shape *s, size_t bytes, size_t *n)
{
    char *text = malloc(bytes + 1024), line[512];
    uint64_t x = 1;
    size_t at = 0;

    if (!text)
        return NULL;
    at += (size_t)snprintf(text, 128, "id,name,email,phone,city,credit,seen\n");
    for (uint64_t i = 1; at < bytes; i++) {
        char *from = line, *to = text + at;
        size_t left, room = 512;
        add_row(line, sizeof line, s, i, &x);
        left = strlen(line);
        if (s->gb) {
            iconv_t cd = iconv_open("GB18030", "UTF-8");
            iconv(cd, &from, &left, &to, &room);
            iconv_close(cd);
            at += 512 - room;
        } else {
            memcpy(to, from, left);
            at += left;
        }
    }
    *n = at;
    return text;
}

typedef struct sums {
    uint64_t rows, cells, bytes;
} sums;

static int read_rows(crm__csv *csv, sums *s, crm_error *err)
{
    crm__csv_row row;
    int rc;

    while ((rc = crm__csv_next(csv, &row, err)) == CRM_OK) {
        s->rows++;
        s->cells += row.count;
        for (size_t i = 0; i < row.count; i++)
            s->bytes += row.cells[i].n;
    }
    return rc == CRM_DONE ? CRM_OK : rc;
}

static double read_file(const char *path, sums *s)
{
    double start = measure_now();
    int fd = open(path, O_RDONLY | O_CLOEXEC), rc;
    crm_error err;
    crm__text *text = NULL;
    crm__csv *csv = NULL;

    memset(s, 0, sizeof *s);
    crm_error_init(&err);
    rc = crm__text_open(NULL, crm__fill_fd, &fd, NULL, &text, &err);
    if (!rc)
        rc = crm__csv_open(NULL, text, NULL, &csv, &err);
    if (!rc)
        rc = read_rows(csv, s, &err);
    crm__csv_close(csv);
    crm__text_close(text);
    if (fd >= 0)
        close(fd);
    if (rc) {
        fprintf(stderr, "%s\n", err.message);
        exit(1);
    }
    return measure_now() - start;
}

/* Seconds of a peer's own count, below 0 when it is not there. */
static double peer(const char *command, const char *path)
{
    char line[1024];
    double start = measure_now();

    if ((size_t)snprintf(line, sizeof line, command, path) >= sizeof line || system(line))
        return -1;
    return measure_now() - start;
}

static void rate(const char *name, double seconds, size_t n, double base)
{
    if (seconds < 0)
        printf("  %-28s not there\n", name);
    else
        printf("  %-28s %7.3f s  %8.1f MB/s  %6.1f x\n", name, seconds, (double)n / seconds / 1e6,
               seconds / base);
}

static void run(const shape *s, const char *path, size_t bytes, int peers)
{
    size_t n = 0;
    char *text = make(s, bytes, &n);
    FILE *f = fopen(path, "wb");
    double best = 1e9;
    sums got;

    if (!text || !f || fwrite(text, 1, n, f) != n || fclose(f)) {
        perror(path);
        exit(1);
    }
    free(text);
    for (int i = 0; i < RUNS; i++) {
        double t = read_file(path, &got);
        best = t < best ? t : best;
    }
    printf("%s: %.0f MB, %llu rows, %llu cells\n", s->name, (double)n / 1e6,
           (unsigned long long)got.rows, (unsigned long long)got.cells);
    rate("libcrm", best, n, best);
    if (peers) {
        rate("Python csv",
             peer(s->gb ? "python3 -c 'import csv,sys\n"
                          "for r in csv.reader(open(sys.argv[1],newline=\"\","
                          "encoding=\"gb18030\")): pass' %s"
                        : "python3 -c 'import csv,sys\n"
                          "for r in csv.reader(open(sys.argv[1],newline=\"\","
                          "encoding=\"utf-8\")): pass' %s",
                  path),
             n, best);
        rate("sqlite3 .import",
             peer("sqlite3 :memory: 'PRAGMA synchronous=OFF' "
                  "'.mode csv' '.import %s t' >/dev/null",
                  path),
             n, best);
    }
}

int main(int argc, char **argv)
{
    int smoke = argc > 1 && strcmp(argv[1], "--smoke") == 0;
    long megabytes = argc > 1 && !smoke ? strtol(argv[1], NULL, 10) : 100;
    char path[] = "/tmp/crm-bench-csv-XXXXXX";
    int fd = mkstemp(path);

    if (fd < 0 || megabytes <= 0) {
        fprintf(stderr, "usage: bench_csv [MEGABYTES | --smoke]\n");
        return 2;
    }
    close(fd);
    for (size_t i = 0; i < sizeof SHAPES / sizeof *SHAPES; i++)
        run(&SHAPES[i], path, smoke ? 100000 : (size_t)megabytes * 1000000, !smoke);
    unlink(path);
    return 0;
}
