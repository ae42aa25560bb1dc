/* SPDX-License-Identifier: MIT
 * crm_peer: the reference files, and the lines it prints.
 */
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

crm_error err = CRM_ERROR_INIT;
uint64_t peer_size;

void die(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fputs("crm_peer: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    exit(1);
}

void must(int rc, const char *what)
{
    if (rc)
        die("%s: %s (%s)", what, err.message, crm_error_name(rc));
}

void emit(const char *op, uint64_t n, const series *s, const char *unit, const char *result,
          const char *extra)
{
    printf("{\"peer\":\"crm\",\"size\":%" PRIu64 ",\"op\":\"%s\",\"n\":%" PRIu64
           ",\"runs\":%d,\"median\":%.6g,\"min\":%.6g,\"max\":%.6g,\"unit\":\"%s\",\"result\":\"%"
           "s\"%s}\n",
           peer_size, op, n, s->n, series_median(s), series_least(s), series_most(s), unit, result,
           extra ? extra : "");
    fflush(stdout);
}

void emit_one(const char *op, double v, const char *unit)
{
    series s = {{v}, 1};

    emit(op, 1, &s, unit, "", NULL);
}

cell peer_file(const char *dir, const char *name)
{
    char path[4096];
    struct stat st;
    cell out = {NULL, 0};
    int fd;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st))
        die("%s: %s", path, strerror(errno));
    out.n = (size_t)st.st_size;
    out.p = mmap(NULL, out.n + 1, PROT_READ, MAP_PRIVATE, fd, 0);
    if (out.p == MAP_FAILED)
        die("%s: %s", path, strerror(errno));
    close(fd);
    return out;
}

void peer_file_end(cell file)
{
    munmap((void *)(uintptr_t)file.p, file.n + 1);
}

int peer_row(cell *text, cell *out, int count, char side[SIDE])
{
    const char *p = text->p, *end = p + text->n;
    char *to = side;

    if (p == end)
        return 0;
    for (int i = 0; i < count; i++) {
        if (p < end && *p == '"') {
            out[i].p = to;
            for (p++;
                 p < end && to < side + SIDE - 1 && (*p != '"' || (p + 1 < end && p[1] == '"'));
                 p++) {
                p += *p == '"';
                *to++ = *p;
            }
            out[i].n = (size_t)(to - out[i].p);
            p++;
        } else {
            out[i].p = p;
            while (p < end && *p != ',' && *p != '\n')
                p++;
            out[i].n = (size_t)(p - out[i].p);
        }
        if (i + 1 < count && p < end)
            p++;
    }
    p += p < end;
    text->n = (size_t)(end - p);
    text->p = p;
    return 1;
}

cell *peer_keys(const char *dir, const char *name, size_t *count)
{
    cell text = peer_file(dir, name), *keys;
    size_t n = 0;

    for (size_t i = 0; i < text.n; i++)
        n += text.p[i] == '\n';
    keys = malloc(n * sizeof *keys + 1);
    if (!keys)
        die("out of memory");
    *count = n;
    for (size_t i = 0, at = 0; i < n; i++) {
        keys[i].p = text.p + at;
        keys[i].n = (size_t)((const char *)memchr(keys[i].p, '\n', text.n - at) - keys[i].p);
        at += keys[i].n + 1;
    }
    return keys;
}
