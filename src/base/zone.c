/* SPDX-License-Identifier: MIT
 * Time zones: TZif files (RFC 8536) of versions 1 to 4 with their footer, and fixed offsets.  A
 * file is read once, checked, and kept as a table of instants and offsets; its bytes are not
 * trusted.
 */
#include "base/zone.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/time.h"

#include <crm/codes.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    NAME_MAX_BYTES = 64,
    FILE_MAX = 256 * 1024,
    CHANGES_MAX = 16384,
    OFFSET_MAX = 26 * 3600 /* RFC 8536: -25 h to +26 h */
};

/* Bounds of a change, far outside any calendar, near enough for sums not to overflow. */
#define CHANGE_MAX (INT64_C(1) << 60)

/* One day of a year on which the clocks change, and when on it. */
typedef struct rule {
    char kind; /* 'J' day 1..365 without 29 February, 'n' day 0..365, 'M' month.week.weekday */
    uint16_t day;
    uint8_t month, week, weekday;
    int32_t at; /* seconds of local time after midnight, -167..167 h */
} rule;

/* The footer: what holds after the last change of the table. */
typedef struct yearly {
    int present, has_dst;
    int32_t std, dst;
    rule start, end; /* of dst */
} yearly;

struct crm__zone {
    const crm_allocator *mem;
    crm_allocator mem_copy;
    char name[NAME_MAX_BYTES + 1];
    yearly foot;
    int32_t first; /* offset before the first change */
    size_t n;
    int64_t *when;  /* n instants in seconds, ascending */
    int32_t *after; /* n offsets in force from them on */
};

/* ---- footer ---- */

static int foot_number(crm__reader *r, int32_t max, int32_t *v)
{
    int digits = 0;

    for (*v = 0; r->p < r->end && *r->p >= '0' && *r->p <= '9'; r->p++, digits++) {
        *v = *v * 10 + (*r->p - '0');
        if (*v > max)
            return 0;
    }
    return digits > 0;
}

static int foot_take(crm__reader *r, char c)
{
    if (r->p == r->end || *r->p != (uint8_t)c)
        return 0;
    r->p++;
    return 1;
}

/* "EST" or "<+08>". */
static int foot_name(crm__reader *r)
{
    const uint8_t *from = r->p;

    if (foot_take(r, '<')) {
        while (r->p < r->end && *r->p != '>')
            r->p++;
        return foot_take(r, '>') && r->p - from > 2;
    }
    while (r->p < r->end && ((*r->p >= 'A' && *r->p <= 'Z') || (*r->p >= 'a' && *r->p <= 'z')))
        r->p++;
    return r->p - from >= 3;
}

/* [+-]hh[:mm[:ss]] in seconds. */
static int foot_time(crm__reader *r, int32_t max_hours, int32_t *v)
{
    int32_t h, m = 0, s = 0;
    int minus = foot_take(r, '-');

    if (!minus)
        foot_take(r, '+');
    if (!foot_number(r, max_hours, &h))
        return 0;
    if (foot_take(r, ':')) {
        if (!foot_number(r, 59, &m))
            return 0;
        if (foot_take(r, ':') && !foot_number(r, 59, &s))
            return 0;
    }
    *v = h * 3600 + m * 60 + s;
    if (minus)
        *v = -*v;
    return 1;
}

static int foot_rule(crm__reader *r, rule *u)
{
    int32_t a, b, c;

    if (!foot_take(r, ','))
        return 0;
    if (foot_take(r, 'M')) {
        if (!foot_number(r, 12, &a) || !foot_take(r, '.') || !foot_number(r, 5, &b) ||
            !foot_take(r, '.') || !foot_number(r, 6, &c) || a < 1 || b < 1)
            return 0;
        u->kind = 'M';
        u->month = (uint8_t)a;
        u->week = (uint8_t)b;
        u->weekday = (uint8_t)c;
    } else {
        u->kind = foot_take(r, 'J') ? 'J' : 'n';
        if (!foot_number(r, 365, &a) || (u->kind == 'J' && a < 1))
            return 0;
        u->day = (uint16_t)a;
    }
    u->at = 2 * 3600;
    return foot_take(r, '/') ? foot_time(r, 167, &u->at) : 1;
}

/* POSIX writes offsets west of UTC as positive. */
static int foot_parse(const uint8_t *p, size_t n, yearly *f)
{
    crm__reader r = crm__reader_of(p, n);

    memset(f, 0, sizeof *f);
    if (n == 0)
        return 1;
    if (!foot_name(&r) || !foot_time(&r, 24, &f->std))
        return 0;
    f->present = 1;
    f->std = -f->std;
    if (r.p == r.end)
        return 1;
    f->has_dst = 1;
    f->dst = f->std + 3600;
    if (!foot_name(&r))
        return 0;
    if (r.p < r.end && *r.p != ',') {
        if (!foot_time(&r, 24, &f->dst))
            return 0;
        f->dst = -f->dst;
    }
    return foot_rule(&r, &f->start) && foot_rule(&r, &f->end) && r.p == r.end;
}

/* Midnight of the rule's day plus its time, in seconds as if local time were UTC. */
static int64_t rule_local(const rule *u, int32_t year)
{
    int64_t day = crm__days_from_civil(year, 1, 1);

    if (u->kind == 'n') {
        day += u->day;
    } else if (u->kind == 'J') {
        day += u->day - 1;
        if (u->day >= 60 && crm__days_in_month(year, 2) == 29)
            day++;
    } else {
        int64_t length = crm__days_in_month(year, u->month), first, in;
        first = crm__days_from_civil(year, u->month, 1);
        /* 1970-01-01 was a Thursday (4). */
        in = (u->weekday - (first + 4) % 7 + 14) % 7 + 7 * (u->week - 1);
        if (in >= length)
            in -= 7;
        day = first + in;
    }
    return day * 86400 + u->at;
}

/* The offset the footer gives for t: UTC, or local time.  A local time between the two clocks is
 * given the offset before the change, which is what crm__zone_to_utc promises for both a gap and an
 * overlap.  Changes of three years are looked at, since a rule's time may reach over the year's
 * end; of changes at the same instant the later one counts (DST all the year round). */
static int32_t foot_offset(const yearly *f, int64_t t, int local)
{
    int32_t high = f->std > f->dst ? f->std : f->dst, found = f->std;
    int64_t best = INT64_MIN;
    crm__civil c;

    if (!f->has_dst)
        return f->std;
    crm__civil_from_days((t - (t % 86400 + 86400) % 86400) / 86400, &c);
    for (int32_t y = c.year - 1; y <= c.year + 1; y++) {
        int64_t on = rule_local(&f->start, y) - f->std, off = rule_local(&f->end, y) - f->dst;
        for (int i = 0; i < 2; i++) {
            int is_on = (i == 0) == (on <= off);
            int64_t when = is_on ? on : off;
            if (when + (local ? high : 0) <= t && when >= best) {
                best = when;
                found = is_on ? f->dst : f->std;
            }
        }
    }
    return found;
}

/* ---- TZif ---- */

typedef struct counts {
    uint8_t version;
    uint32_t isut, isstd, leap, time, type, chars;
} counts;

static int read_header(crm__reader *r, counts *c)
{
    const uint8_t *magic = crm__read_bytes(r, 4);

    if (!magic || memcmp(magic, "TZif", 4) != 0)
        return 0;
    c->version = crm__read_u8(r);
    crm__read_bytes(r, 15);
    c->isut = crm__read_be32(r);
    c->isstd = crm__read_be32(r);
    c->leap = crm__read_be32(r);
    c->time = crm__read_be32(r);
    c->type = crm__read_be32(r);
    c->chars = crm__read_be32(r);
    return !r->failed;
}

static uint64_t block_size(const counts *c, unsigned width)
{
    return (uint64_t)c->time * (width + 1) + (uint64_t)c->type * 6 + c->chars +
           (uint64_t)c->leap * (width + 4) + c->isstd + c->isut;
}

static int type_offset(const uint8_t *types, uint32_t count, uint32_t i, int32_t *offset)
{
    if (i >= count)
        return 0;
    memcpy(offset, &(uint32_t){crm__get_be32(types + (size_t)i * 6)}, sizeof *offset);
    return *offset >= -OFFSET_MAX && *offset <= OFFSET_MAX;
}

/* Fills the zone's tables from the block at r, whose size was checked. */
static int read_block(crm__reader *r, const counts *c, unsigned width, crm__zone *z)
{
    const uint8_t *times = crm__read_bytes(r, (uint64_t)c->time * width);
    const uint8_t *index = crm__read_bytes(r, c->time);
    const uint8_t *types = crm__read_bytes(r, (uint64_t)c->type * 6);

    crm__read_bytes(r, (uint64_t)c->chars + (uint64_t)c->leap * (width + 4) + c->isstd + c->isut);
    if (r->failed || !type_offset(types, c->type, 0, &z->first))
        return 0;
    for (size_t i = 0; i < c->time; i++) {
        uint64_t v = width == 8 ? crm__get_be64(times + i * 8) : crm__get_be32(times + i * 4);
        int64_t t = width == 8 ? (int64_t)v : (int32_t)(uint32_t)v;
        if (t < -CHANGE_MAX || t > CHANGE_MAX || (i && t <= z->when[i - 1]))
            return 0;
        z->when[i] = t;
        if (!type_offset(types, c->type, index[i], &z->after[i]))
            return 0;
    }
    z->n = c->time;
    return 1;
}

/* "\n" footer "\n". */
static int read_footer(crm__reader *r, yearly *f)
{
    const uint8_t *from;

    if (!foot_take(r, '\n'))
        return 0;
    from = r->p;
    while (r->p < r->end && *r->p != '\n')
        r->p++;
    return r->p < r->end && foot_parse(from, (size_t)(r->p - from), f);
}

static crm__zone *zone_new(const crm_allocator *mem, const char *name, size_t changes)
{
    crm__zone *z = crm__calloc(mem, 1, sizeof *z + changes * (sizeof *z->when + sizeof *z->after));

    if (!z)
        return NULL;
    if (mem) {
        z->mem_copy = *mem;
        z->mem = &z->mem_copy;
    }
    snprintf(z->name, sizeof z->name, "%s", name);
    z->when = (int64_t *)(void *)(z + 1);
    z->after = (int32_t *)(void *)(z->when + changes);
    return z;
}

int crm__zone_open_bytes(const crm_allocator *mem, const char *name, const uint8_t *p, size_t n,
                         crm__zone **out, crm_error *err)
{
    crm__reader r = crm__reader_of(p, n);
    counts c = {0};
    crm__zone *z;
    unsigned width = 4;
    int ok = read_header(&r, &c);

    *out = NULL;
    if (ok && c.version >= '2') {
        width = 8;
        crm__read_bytes(&r, block_size(&c, 4));
        ok = read_header(&r, &c);
    }
    if (!ok || c.time > CHANGES_MAX || c.type > 256 || block_size(&c, width) > crm__reader_left(&r))
        return crm__fail(err, CRM_ECORRUPT, "not a time zone file");
    if (c.leap)
        return crm__fail(err, CRM_EINVAL, "time zone counts leap seconds, which instants do not");
    z = zone_new(mem, name, c.time);
    if (!z)
        return crm__fail_nomem(err);
    if (!read_block(&r, &c, width, z) || (width == 8 && !read_footer(&r, &z->foot))) {
        crm__zone_close(z);
        return crm__fail(err, CRM_ECORRUPT, "time zone file is faulty");
    }
    *out = z;
    return CRM_OK;
}

/* ---- names and files ---- */

static int digit_pair(const char *s)
{
    if (s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9')
        return -1;
    return (s[0] - '0') * 10 + (s[1] - '0');
}

/* +HH, +HHMM, +HH:MM. */
static int parse_offset(const char *s, size_t n, int32_t *offset)
{
    int h, m = 0;

    if (n != 3 && n != 5 && !(n == 6 && s[3] == ':'))
        return 0;
    h = digit_pair(s + 1);
    if (n > 3)
        m = digit_pair(s + n - 2);
    if (h < 0 || h > 23 || m < 0 || m > 59)
        return 0;
    *offset = h * 3600 + m * 60;
    if (s[0] == '-')
        *offset = -*offset;
    return 1;
}

/* Names become paths: no dot can stand in one, so none leaves the folder. */
static int name_ok(const char *s, size_t n)
{
    if (n == 0 || n > NAME_MAX_BYTES || s[0] == '/' || s[n - 1] == '/')
        return 0;
    for (size_t i = 0; i < n; i++) {
        char c = s[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '+' || c == '-' || c == '/'))
            return 0;
    }
    return 1;
}

static int read_all(int fd, size_t size, uint8_t *p)
{
    size_t n = 0;

    while (n < size) {
        ssize_t got = read(fd, p + n, size - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? errno : EIO;
        n += (size_t)got;
    }
    return 0;
}

static int open_fd(const crm_allocator *mem, const char *name, int fd, crm__zone **out,
                   crm_error *err)
{
    struct stat st;
    uint8_t *p;
    int rc, sys;

    if (fstat(fd, &st) != 0)
        return crm__fail_sys(err, CRM_EIO, errno, "cannot read time zone %s", name);
    if (!S_ISREG(st.st_mode))
        return crm__fail(err, CRM_ENOTFOUND, "no time zone %s", name);
    if (st.st_size <= 0 || st.st_size > FILE_MAX)
        return crm__fail(err, CRM_ECORRUPT, "not a time zone file");
    p = crm__alloc(mem, (size_t)st.st_size);
    if (!p)
        return crm__fail_nomem(err);
    sys = read_all(fd, (size_t)st.st_size, p);
    if (sys)
        rc = crm__fail_sys(err, CRM_EIO, sys, "cannot read time zone %s", name);
    else
        rc = crm__zone_open_bytes(mem, name, p, (size_t)st.st_size, out, err);
    crm__release(mem, p);
    return rc;
}

static int open_file(const crm_allocator *mem, const char *name, crm__zone **out, crm_error *err)
{
    const char *dir = secure_getenv("TZDIR");
    char path[1024];
    int fd, n, rc;

    if (!dir || !dir[0])
        dir = "/usr/share/zoneinfo";
    n = snprintf(path, sizeof path, "%s/%s", dir, name);
    if (n < 0 || (size_t)n >= sizeof path)
        return crm__fail(err, CRM_EINVAL, "path of the time zone folder is too long");
    /* Not blocking: a fifo in the folder must not hang us. */
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        if (errno == ENOENT || errno == ENOTDIR)
            return crm__fail(err, CRM_ENOTFOUND, "no time zone %s", name);
        return crm__fail_sys(err, CRM_EIO, errno, "cannot open time zone %s", name);
    }
    rc = open_fd(mem, name, fd, out, err);
    close(fd);
    return rc;
}

int crm__zone_open(const crm_allocator *mem, const char *name, crm__zone **out, crm_error *err)
{
    size_t n = name ? strlen(name) : 0;
    int32_t offset = 0;

    *out = NULL;
    if (n == 0)
        return crm__fail(err, CRM_EINVAL, "time zone name is empty");
    if (name[0] == '+' || name[0] == '-') {
        if (!parse_offset(name, n, &offset))
            return crm__fail(err, CRM_EINVAL, "time zone offset must be like +08:00");
    } else if (strcmp(name, "UTC") != 0 && strcmp(name, "Z") != 0 && strcmp(name, "Etc/UTC") != 0) {
        if (!name_ok(name, n))
            return crm__fail(err, CRM_EINVAL, "time zone name must be like Asia/Shanghai");
        return open_file(mem, name, out, err);
    }
    *out = zone_new(mem, name, 0);
    if (!*out)
        return crm__fail_nomem(err);
    (*out)->first = offset;
    return CRM_OK;
}

void crm__zone_close(crm__zone *z)
{
    crm_allocator mem;

    if (!z)
        return;
    if (!z->mem) {
        crm__release(NULL, z);
        return;
    }
    mem = z->mem_copy;
    crm__release(&mem, z);
}

const char *crm__zone_name(const crm__zone *z)
{
    return z ? z->name : "UTC";
}

/* ---- use ---- */

/* When the i-th change counts: its instant, or the local time from which on only the clock after it
 * is right (for a gap its end, for an overlap too). */
static int64_t change_at(const crm__zone *z, size_t i, int local)
{
    int32_t before = i ? z->after[i - 1] : z->first;

    if (!local)
        return z->when[i];
    return z->when[i] + (before > z->after[i] ? before : z->after[i]);
}

static int32_t offset_of(const crm__zone *z, int64_t t, int local)
{
    size_t low = 0, high = z->n;

    if (z->foot.present && (z->n == 0 || t >= change_at(z, z->n - 1, local)))
        return foot_offset(&z->foot, t, local);
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (change_at(z, mid, local) <= t)
            low = mid + 1;
        else
            high = mid;
    }
    return low ? z->after[low - 1] : z->first;
}

static int64_t seconds(int64_t us)
{
    return us / CRM__US_PER_SECOND - (us % CRM__US_PER_SECOND < 0);
}

int32_t crm__zone_offset(const crm__zone *z, int64_t utc_us)
{
    return z ? offset_of(z, seconds(utc_us), 0) : 0;
}

int64_t crm__zone_to_utc(const crm__zone *z, int64_t local_us)
{
    int64_t shift, us;

    if (!z)
        return local_us;
    shift = (int64_t)offset_of(z, seconds(local_us), 1) * CRM__US_PER_SECOND;
    if (__builtin_sub_overflow(local_us, shift, &us))
        return shift < 0 ? INT64_MAX : INT64_MIN;
    return us;
}
