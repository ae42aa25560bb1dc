/* SPDX-License-Identifier: MIT
 * The calls that write, noted; and disks made of them: power_book.h.
 */
#include "power_book.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* A new file has another name at first. */
static const char *const NAMES[3] = {"data.new", "data.mdb", "data.log"};

static power_book book;
static atomic_int on;
static char folder[4096], parent[4096];
static power_disk base; /* what was there before */
static size_t base_at;  /* entries from here on are of the folder that held it */
static size_t first_at; /* the first of these */
static unsigned base_life, first_life;

static size_t unit_bytes(int file)
{
    return file == POWER_LOG ? POWER_SECTOR : POWER_PAGE;
}

static int is_path(int fd, const char *path)
{
    struct stat a, b;

    return !fstat(fd, &a) && !stat(path, &b) && a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

/* POWER_DATA or POWER_LOG; -1: a file that is not watched. */
static int file_of(int fd)
{
    char path[4200];

    for (int i = 0; i < 3 && atomic_load(&on); i++) {
        snprintf(path, sizeof path, "%s/%s", folder, NAMES[i]);
        if (is_path(fd, path))
            return i == 2 ? POWER_LOG : POWER_DATA;
    }
    return -1;
}

static void (*before)(void);

void power_before(void (*fn)(void))
{
    before = fn;
}

static void about_to(int fd)
{
    if (before && file_of(fd) >= 0)
        before();
}

static void note_unit(int file, int durable, uint32_t unit, const uint8_t *p, size_t n)
{
    power_entry *e = &book.list[book.count];

    if (book.count == POWER_WRITES) {
        book.dropped++;
        return;
    }
    e->file = (uint8_t)file;
    e->life = file == POWER_LOG ? (uint8_t)book.lives : 0;
    e->unit = unit;
    e->durable = durable;
    e->n = n;
    e->bytes = malloc(n ? n : 1);
    if (!e->bytes) {
        book.dropped++;
        return;
    }
    if (n)
        memcpy(e->bytes, p, n);
    book.count++;
}

/* A part of a unit is noted as all of it. */
static void note(int fd, const void *bytes, size_t n, off_t at)
{
    int durable = (fcntl(fd, F_GETFL) & O_DSYNC) != 0, file = file_of(fd);
    size_t size = unit_bytes(file);
    const uint8_t *p = bytes;
    unsigned life = file == POWER_LOG ? book.lives : 0;

    while (n) {
        size_t in = (size_t)at % size, part = size - in < n ? size - in : n;
        uint8_t whole[POWER_PAGE] = {0};
        uint32_t unit = (uint32_t)((size_t)at / size);
        if ((file != POWER_LOG || life == base_life) && unit < base.file[file].units && base.file[file].unit[unit])
            memcpy(whole, base.file[file].unit[unit], size);
        for (size_t i = book.count; i-- > base_at && part < size;) {
            const power_entry *e = &book.list[i];
            if (e->n && e->unit == unit && e->file == file && e->life == life) {
                memcpy(whole, e->bytes, size);
                break;
            }
        }
        memcpy(whole + in, p, part);
        note_unit(file, durable, unit, whole, size);
        p += part;
        at += (off_t)part;
        n -= part;
    }
}

/* By the name that LMDB was built with, whatever a header makes of pwrite() here. */
ssize_t power_pwrite(int fd, const void *p, size_t n, off_t at) __asm__("pwrite");

ssize_t power_pwrite(int fd, const void *p, size_t n, off_t at)
{
    ssize_t done;

    about_to(fd);
    done = syscall(SYS_pwrite64, fd, p, n, at);
    if (done > 0 && file_of(fd) >= 0)
        note(fd, p, (size_t)done, at);
    return done;
}

/* And by the one that the library was. */
ssize_t power_pwrite64(int fd, const void *p, size_t n, off_t at) __asm__("pwrite64");

ssize_t power_pwrite64(int fd, const void *p, size_t n, off_t at)
{
    return power_pwrite(fd, p, n, at);
}

ssize_t write(int fd, const void *p, size_t n)
{
    off_t at = atomic_load(&on) ? lseek(fd, 0, SEEK_CUR) : 0;
    ssize_t done;

    about_to(fd);
    done = syscall(SYS_write, fd, p, n);
    if (done > 0 && file_of(fd) >= 0)
        note(fd, p, (size_t)done, at);
    return done;
}

ssize_t writev(int fd, const struct iovec *v, int count)
{
    off_t at = atomic_load(&on) ? lseek(fd, 0, SEEK_CUR) : 0;
    ssize_t done, left;

    about_to(fd);
    done = left = syscall(SYS_writev, fd, v, count);
    for (int i = 0; i < count && left > 0 && file_of(fd) >= 0; i++) {
        size_t n = v[i].iov_len < (size_t)left ? v[i].iov_len : (size_t)left;
        note(fd, v[i].iov_base, n, at);
        at += (off_t)n;
        left -= (ssize_t)n;
    }
    return done;
}

static int synced(int fd, int rc)
{
    int file;

    if (rc || !atomic_load(&on))
        return rc;
    file = file_of(fd);
    if (file >= 0)
        note_unit(file, 1, 0, NULL, 0);
    if (is_path(fd, folder)) {
        if (!book.named && book.renamed)
            book.named = book.count;
        if (!book.sure[book.lives])
            book.sure[book.lives] = book.count;
    }
    book.parent_synced |= is_path(fd, parent);
    return rc;
}

static atomic_int failing;

void power_fail_syncs(int count)
{
    atomic_store(&failing, count);
}

int fdatasync(int fd)
{
    about_to(fd);
    if (atomic_load(&failing) > 0 && file_of(fd) == POWER_DATA) {
        atomic_fetch_sub(&failing, 1);
        errno = EIO;
        return -1;
    }
    return synced(fd, (int)syscall(SYS_fdatasync, fd));
}

int fsync(int fd)
{
    about_to(fd);
    return synced(fd, (int)syscall(SYS_fsync, fd));
}

int unlink(const char *path)
{
    const char *name = strrchr(path, '/');
    int rc = (int)syscall(SYS_unlink, path);

    if (!rc && atomic_load(&on) && name && strcmp(name, "/data.log") == 0 &&
        strncmp(path, folder, (size_t)(name - path)) == 0) {
        ck_assert_uint_lt(++book.lives, POWER_LIVES);
        book.born[book.lives] = book.count;
    }
    return rc;
}

int rename(const char *from, const char *to)
{
    int rc = (int)syscall(SYS_rename, from, to);

    if (!rc && atomic_load(&on) && strcmp(strrchr(to, '/'), "/data.mdb") == 0)
        book.renamed = book.count;
    return rc;
}

void power_begin(const char *dir)
{
    snprintf(folder, sizeof folder, "%s", dir);
    snprintf(parent, sizeof parent, "%s", dir);
    *strrchr(parent, '/') = 0;
    for (size_t i = 0; i < book.count; i++)
        free(book.list[i].bytes);
    free(book.list);
    memset(&book, 0, sizeof book);
    memset(&base, 0, sizeof base);
    base_at = first_at = 0;
    base_life = first_life = 0;
    book.list = calloc(POWER_WRITES, sizeof *book.list);
    ck_assert_ptr_nonnull(book.list);
    atomic_store(&on, 1);
}

void power_again(const power_disk *held, const char *dir)
{
    snprintf(folder, sizeof folder, "%s", dir);
    base = *held;
    base_at = book.count;
    if (!first_at) {
        first_at = base_at;
        first_life = book.lives;
    }
    ck_assert_uint_lt(++book.lives, POWER_LIVES);
    base_life = book.lives;
    book.born[base_life] = book.count;
    book.sure[base_life] = book.count;
    atomic_store(&on, 1);
}

void power_forget(void)
{
    while (book.count > first_at)
        free(book.list[--book.count].bytes);
    memset(&base, 0, sizeof base);
    base_at = first_at = 0;
    for (unsigned i = first_life + 1; i < POWER_LIVES; i++)
        book.born[i] = book.sure[i] = 0;
    book.lives = first_life;
    base_life = first_life = 0;
}

size_t power_at(void)
{
    return book.count;
}

const power_book *power_end(void)
{
    atomic_store(&on, 0);
    ck_assert_uint_eq(book.dropped, 0);
    return &book;
}

/* ---- disks ---- */

static void put(power_disk *d, const power_entry *e)
{
    power_file *f = &d->file[e->file];

    ck_assert_uint_lt(e->unit, POWER_UNITS);
    f->unit[e->unit] = e->bytes;
    if (e->unit >= f->units)
        f->units = e->unit + 1;
}

/* The life of the log that is there for certain after `at` calls, and the newest. */
static unsigned sure_life(size_t at, unsigned *newest)
{
    unsigned sure = base_life;

    *newest = base_life;
    for (unsigned i = base_life; i <= book.lives; i++) {
        if (book.born[i] <= at)
            *newest = i;
        if (book.sure[i] && book.sure[i] <= at)
            sure = i;
    }
    return sure;
}

static int of_life(const power_entry *e, unsigned life)
{
    return e->file != POWER_LOG || e->life == life;
}

/* The first entry of a file that may be lost after `at` calls. */
static size_t unsure(int file, size_t at, unsigned life)
{
    size_t from = base_at;

    for (size_t i = base_at; i < at; i++) {
        if (!book.list[i].n && book.list[i].file == file && of_life(&book.list[i], life))
            from = i + 1;
    }
    return from;
}

static void begin_with(power_disk *d, unsigned life)
{
    *d = base;
    if (life != base_life)
        memset(&d->file[POWER_LOG], 0, sizeof d->file[POWER_LOG]);
}

static void certain(power_disk *d, size_t at, unsigned life)
{
    begin_with(d, life);
    d->name = at >= book.named;
    for (int file = 0; file < POWER_FILES; file++) {
        size_t from = unsure(file, at, life);
        for (size_t i = base_at; i < at; i++) {
            const power_entry *e = &book.list[i];
            if (e->n && e->file == file && of_life(e, life) && (i < from || e->durable))
                put(d, e);
        }
    }
}

static void written(power_disk *d, size_t at, unsigned life)
{
    begin_with(d, life);
    d->name = at >= book.renamed;
    for (size_t i = base_at; i < at; i++) {
        if (book.list[i].n && of_life(&book.list[i], life))
            put(d, &book.list[i]);
    }
}

void power_certain(power_disk *d, size_t at)
{
    unsigned newest;

    certain(d, at, sure_life(at, &newest));
}

void power_written(power_disk *d, size_t at)
{
    unsigned newest;

    sure_life(at, &newest);
    written(d, at, newest);
}

static const uint8_t *any_version(int file, uint32_t unit, size_t from, size_t at,
                                  unsigned life, const uint8_t *sure, uint64_t *seed)
{
    size_t begin = from, versions = 0, wanted;

    for (size_t i = from; i < at; i++) {
        const power_entry *e = &book.list[i];
        if (!e->n || e->file != file || e->unit != unit || !of_life(e, life))
            continue;
        versions = e->durable ? 0 : versions + 1;
        begin = e->durable ? i + 1 : begin;
    }
    wanted = crmtest_below(seed, versions + 1);
    if (versions && crmtest_below(seed, 3)) /* mostly a late one */
        wanted = versions - crmtest_below(seed, versions < 3 ? versions : 3);
    for (size_t i = begin; i < at && wanted; i++) {
        const power_entry *e = &book.list[i];
        if (e->n && e->file == file && e->unit == unit && of_life(e, life) && --wanted == 0)
            return e->bytes;
    }
    return sure;
}

void power_any(power_disk *d, size_t at, uint64_t *seed)
{
    static power_disk sure;
    unsigned newest, life = sure_life(at, &newest);
    int gone = life != newest && crmtest_below(seed, 3) == 0;

    if (crmtest_below(seed, 2))
        life = newest;
    certain(&sure, at, life);
    written(d, at, life);
    for (int file = 0; file < POWER_FILES; file++) {
        power_file *f = &d->file[file], *s = &sure.file[file];
        size_t from = unsure(file, at, life);
        uint8_t *touched = calloc(POWER_UNITS, 1);
        ck_assert_ptr_nonnull(touched);
        for (size_t i = from; i < at; i++) {
            if (book.list[i].n && book.list[i].file == file && of_life(&book.list[i], life))
                touched[book.list[i].unit] = 1;
        }
        for (uint32_t unit = 0; unit < f->units; unit++) {
            f->unit[unit] = unit < s->units ? s->unit[unit] : NULL;
            if (touched[unit])
                f->unit[unit] = any_version(file, unit, from, at, life, f->unit[unit], seed);
        }
        free(touched);
        if (f->units > s->units)
            f->units -= (uint32_t)crmtest_below(seed, f->units - s->units + 1);
    }
    if (gone)
        memset(&d->file[POWER_LOG], 0, sizeof d->file[POWER_LOG]);
    if (d->name != sure.name)
        d->name = (int)crmtest_below(seed, 2);
}

void power_write(const power_disk *d, const char *dir)
{
    static const uint8_t ZERO[POWER_PAGE];
    char path[4200];

    fault_remove(dir);
    ck_assert_int_eq(mkdir(dir, 0700), 0);
    for (int file = 0; file < POWER_FILES; file++) {
        const power_file *f = &d->file[file];
        size_t size = unit_bytes(file);
        int fd;
        if (file == POWER_LOG && !f->units)
            continue;
        snprintf(path, sizeof path, "%s/%s", dir, NAMES[file == POWER_LOG ? 2 : d->name]);
        fd = open(path, O_RDWR | O_CREAT, 0600);
        ck_assert_int_ge(fd, 0);
        for (uint32_t i = 0; i < f->units; i++)
            ck_assert_int_eq(pwrite(fd, f->unit[i] ? f->unit[i] : ZERO, size, (off_t)(i * size)),
                             (int)size);
        close(fd);
    }
}

/* ---- looking at a disk ---- */

enum { LOOKED = 77 }; /* a child's exit code */

void *power_shared(size_t n)
{
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    ck_assert(p != MAP_FAILED);
    return p;
}

typedef struct looking {
    void (*look)(const char *dir, void *ctx);
    const char *dir;
    void *ctx;
} looking;

static int look_there(void *ctx)
{
    const looking *l = ctx;

    l->look(l->dir, l->ctx);
    return LOOKED;
}

void power_look(const power_disk *d, void (*look)(const char *dir, void *ctx), void *ctx,
                const char *label)
{
    looking l = {look, fault_path("after"), ctx};

    power_write(d, l.dir);
    fault_child(look_there, &l, LOOKED, label);
}
