/* SPDX-License-Identifier: MIT
 * Lines of a text that people bring, each of which is to be a JSON document.
 */
#include "io/import.h"

#include <crm/codes.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WINDOW = 256 * 1024 };

struct crm__lines {
    const crm_allocator *mem;
    crm__input from;
    crm__text *text;
    uint8_t *p;
    size_t at, n, cap, seen; /* seen: no end of line stands before it */
    int last, rc;
    crm_error why;
    uint64_t line;
};

static int ready(void *ctx)
{
    return crm__fd_ready(*(const int *)ctx);
}

int crm__lines_open(const crm_allocator *mem, const crm__input *from, const char *encoding,
                    crm__lines **out, crm_error *err)
{
    crm__text_options o = {.encoding = encoding};
    crm__lines *l = crm__calloc(mem, 1, sizeof *l);
    crm__fill_fn fill = from->idle ? crm__fill_waiting : crm__fill_fd;
    int rc;

    *out = NULL;
    if (!l)
        return crm__fail_nomem(err);
    l->mem = mem;
    l->from = *from;
    l->cap = WINDOW;
    if (from->idle) {
        o.ready = ready;
        o.ctx = &l->from.fd;
    }
    crm_error_init(&l->why);
    l->p = crm__alloc(mem, l->cap);
    rc = l->p ? crm__text_open(mem, fill, &l->from, &o, &l->text, err) : crm__fail_nomem(err);
    if (rc) {
        crm__lines_close(l);
        return rc;
    }
    *out = l;
    return CRM_OK;
}

void crm__lines_close(crm__lines *l)
{
    if (!l)
        return;
    crm__text_close(l->text);
    crm__release(l->mem, l->p);
    crm__release(l->mem, l);
}

const crm__text_info *crm__lines_info(const crm__lines *l)
{
    return crm__text_info_of(l->text);
}

int crm__lines_ready(const crm__lines *l)
{
    return !l->from.idle || l->last ||
           (l->n > l->seen && memchr(l->p + l->seen, '\n', l->n - l->seen)) ||
           crm__fd_ready(l->from.fd);
}

/* Reads more behind what is there; a failure of the text is kept for when the lines before it have
 * been given. */
static int fill(crm__lines *l)
{
    size_t got = 0;

    if (l->at) {
        memmove(l->p, l->p + l->at, l->n - l->at);
        l->n -= l->at;
        l->seen -= l->at;
        l->at = 0;
    }
    if (l->cap - l->n < WINDOW / 2) {
        uint8_t *p = crm__realloc(l->mem, l->p, l->cap * 2);
        if (!p)
            return crm__fail_nomem(&l->why);
        l->p = p;
        l->cap *= 2;
    }
    l->rc = crm__text_read(l->text, l->p + l->n, l->cap - l->n, &got, &l->why);
    if (l->rc)
        got = 0;
    l->n += got;
    l->last = !got;
    return CRM_OK;
}

static int is_blank(crm__slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != ' ' && s.p[i] != '\t')
            return 0;
    }
    return 1;
}

/* Drops what is there of a line that is too long, up to its end. */
static int skip_line(crm__lines *l)
{
    for (;;) {
        const uint8_t *end = memchr(l->p + l->at, '\n', l->n - l->at);
        int rc;
        l->at = l->seen = end ? (size_t)(end - l->p) + 1 : l->n;
        if (end || l->last)
            return CRM_OK;
        rc = fill(l);
        if (rc)
            return rc;
    }
}

/* A line, ended or the last one; n: its length with the end. */
static void take(crm__lines *l, const uint8_t *end, crm__slice *line)
{
    size_t n = end ? (size_t)(end - (l->p + l->at)) : l->n - l->at;

    *line = crm__slice_of(l->p + l->at, n);
    l->at += n + (end != NULL);
    l->seen = l->at;
    l->line++;
    if (line->n && line->p[line->n - 1] == '\r')
        line->n--;
}

int crm__lines_next(crm__lines *l, crm__slice *line, uint64_t *number, const char **why,
                    crm_error *err)
{
    int rc;

    *why = NULL;
    for (;;) {
        const uint8_t *end = l->n > l->seen ? memchr(l->p + l->seen, '\n', l->n - l->seen) : NULL;
        if (end || (l->last && !l->rc && l->n > l->at)) {
            take(l, end, line);
            if (is_blank(*line))
                continue;
            *number = l->line;
            if (line->n > CRM__LINE_MAX)
                *why = "the line is longer than 16 MiB";
            return CRM_OK;
        }
        if (l->last)
            return l->rc ? crm__fail_copy(err, &l->why) : CRM_DONE;
        l->seen = l->n;
        if (l->n - l->at > CRM__LINE_MAX) {
            rc = skip_line(l);
            if (rc)
                return crm__fail_copy(err, &l->why);
            *number = ++l->line;
            *line = crm__slice_of("", 0);
            *why = "the line is longer than 16 MiB";
            return CRM_OK;
        }
        rc = fill(l);
        if (rc)
            return crm__fail_copy(err, &l->why);
    }
}

/* ---- what a text begins with ---- */

static const char DUMP[] = "{\"crm\":\"dump\",";

typedef struct peek {
    int fd;
    off_t at;
} peek;

static int fill_peek(void *ctx, void *to, size_t cap, size_t *n, crm_error *err)
{
    peek *p = ctx;
    ssize_t got;

    do
        got = pread(p->fd, to, cap, p->at);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return crm__fail_sys(err, CRM_EIO, errno, "can't read");
    p->at += got;
    *n = (size_t)got;
    return CRM_OK;
}

int crm__lines_begin(const crm_allocator *mem, int fd, uint8_t *first, crm_error *err)
{
    crm_error why = CRM_ERROR_INIT;
    peek p = {fd, lseek(fd, 0, SEEK_CUR)};
    uint8_t head[256];
    crm__text *text;
    struct stat st;
    size_t n = 0, i = 0;
    int rc;

    *first = 0;
    if (p.at < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode))
        return CRM_OK;
    rc = crm__text_open(mem, fill_peek, &p, NULL, &text, &why);
    if (!rc) {
        rc = crm__text_read(text, head, sizeof head, &n, &why);
        crm__text_close(text);
    }
    if (rc) /* what is wrong is for the reader of its format to say */
        return rc == CRM_ENOMEM ? crm__fail_copy(err, &why) : CRM_OK;
    while (i < n && (head[i] == ' ' || head[i] == '\t' || head[i] == '\r' || head[i] == '\n'))
        i++;
    if (i < n && (head[i] == '{' || head[i] == '['))
        *first = head[i];
    if (n - i >= sizeof DUMP - 1 && memcmp(head + i, DUMP, sizeof DUMP - 1) == 0)
        return crm__fail(err, CRM_ESYNTAX, "the file is a dump of a database: load makes one of it");
    return CRM_OK;
}
