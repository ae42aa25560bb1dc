/* SPDX-License-Identifier: MIT
 * Paths and files: writing, renaming, writing through to the disk.
 */
#include "base/file.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *crm__path_join(const crm_allocator *mem, const char *dir, const char *name)
{
    size_t a = strlen(dir), b = strlen(name);
    char *p = crm__alloc(mem, a + b + 2);

    if (!p)
        return NULL;
    memcpy(p, dir, a);
    p[a] = '/';
    memcpy(p + a + 1, name, b + 1);
    return p;
}

char *crm__path_folder(const crm_allocator *mem, const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash)
        return crm__strdup(mem, ".", 1);
    return crm__strdup(mem, path, slash == path ? 1 : (size_t)(slash - path));
}

int crm__file_code(int sys)
{
    return sys == ENOSPC || sys == EDQUOT || sys == EFBIG ? CRM_EFULL : CRM_EIO;
}

uint64_t crm__file_bytes(const char *path)
{
    struct stat st;

    return stat(path, &st) || st.st_size < 0 ? 0 : (uint64_t)st.st_size;
}

int crm__file_write(int fd, const void *p, size_t n, crm_error *err)
{
    const uint8_t *at = p;

    while (n) {
        ssize_t did = write(fd, at, n);
        if (did < 0 && errno == EINTR)
            continue;
        if (did < 0)
            return crm__fail_sys(err, crm__file_code(errno), errno, "can't write: %s",
                                 strerror(errno));
        at += did;
        n -= (size_t)did;
    }
    return CRM_OK;
}

/* A file system that can't sync, or need not, says EINVAL. */
static int sync_path(const char *path, int flags, crm_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | flags), sys = 0;

    if (fd < 0 || (fsync(fd) && errno != EINVAL))
        sys = errno;
    if (fd >= 0)
        close(fd);
    return sys ? crm__fail_sys(err, crm__file_code(sys), sys, "can't sync: %s", strerror(sys))
               : CRM_OK;
}

int crm__file_sync(const char *path, crm_error *err)
{
    return sync_path(path, 0, err);
}

int crm__folder_sync(const char *path, crm_error *err)
{
    return sync_path(path, O_DIRECTORY, err);
}

int crm__file_place(const crm_allocator *mem, const char *from, const char *to, int replace,
                    crm_error *err)
{
    char *folder = crm__path_folder(mem, to);
    struct stat st;
    int sys = 0, rc;

    if (!folder)
        return crm__fail_nomem(err);
    if (replace ? rename(from, to) : renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE))
        sys = errno;
    if (!replace && (sys == EINVAL || sys == ENOSYS)) /* a file system that can't tell */
        sys = !lstat(to, &st) ? EEXIST : rename(from, to) ? errno : 0;
    if (sys == EEXIST)
        rc = crm__fail_sys(err, CRM_EEXISTS, sys, "there is a file of that name");
    else if (sys)
        rc = crm__fail_sys(err, crm__file_code(sys), sys, "can't give the file its name: %s",
                           strerror(sys));
    else
        rc = crm__folder_sync(folder, err);
    crm__release(mem, folder);
    return rc;
}
