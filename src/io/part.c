/* SPDX-License-Identifier: MIT
 * Files that are made aside and get their name when they are whole: a folder for what is not ready,
 * renaming, and writing through to the disk.
 */
#include "io/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TRIES = 100 };

/* ---- the folder ---- */

/* The lock goes last, when it is the end of the folder.  Without memory: this must not fail. */
static void clear(const char *dir, int end)
{
    static const char *const NAMES[] = {"data.gz",  "data.mdb", "data.new",
                                        "data.log", "lock.mdb", "crm.lock"};
    size_t count = sizeof NAMES / sizeof *NAMES - !end;
    int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (at < 0)
        return;
    for (size_t i = 0; i < count; i++)
        unlinkat(at, NAMES[i], 0);
    close(at);
}

/* Who held it before may be removing it at this moment. */
static int take(const char *dir, int *lock, crm_error *err)
{
    crm_error why = CRM_ERROR_INIT;
    int rc = CRM_EIO;

    for (int i = 0; i < TRIES && rc == CRM_EIO; i++) {
        if (mkdir(dir, 0700) && errno != EEXIST)
            return crm__fail_sys(err, crm__file_code(errno), errno,
                                 "can't make a folder for the copy: %s", strerror(errno));
        rc = crm__lock_alone(dir, lock, &why);
        if (rc && why.sys != ENOENT)
            break;
    }
    if (rc == CRM_EBUSY)
        return crm__fail(err, rc, "the same work is under way elsewhere");
    return rc ? crm__fail_copy(err, &why) : CRM_OK;
}

int crm__part_open(const crm_allocator *mem, const char *base, const char *suffix, crm__part *out,
                   crm_error *err)
{
    size_t n = strlen(base), m = strlen(suffix);
    int rc;

    memset(out, 0, sizeof *out);
    out->mem = mem;
    out->lock = -1;
    out->dir = crm__alloc(mem, n + m + 1);
    if (out->dir) {
        memcpy(out->dir, base, n);
        memcpy(out->dir + n, suffix, m + 1);
        out->data = crm__path_join(mem, out->dir, "data.mdb");
        out->packed = crm__path_join(mem, out->dir, "data.gz");
    }
    if (!out->data || !out->packed)
        rc = crm__fail_nomem(err);
    else
        rc = take(out->dir, &out->lock, err);
    if (rc)
        crm__part_close(out);
    else
        clear(out->dir, 0);
    return rc;
}

void crm__part_close(crm__part *p)
{
    if (p->lock >= 0) {
        clear(p->dir, 1);
        rmdir(p->dir);
        crm__unlock_folder(p->lock);
    }
    crm__release(p->mem, p->dir);
    crm__release(p->mem, p->data);
    crm__release(p->mem, p->packed);
    memset(p, 0, sizeof *p);
    p->lock = -1;
}
