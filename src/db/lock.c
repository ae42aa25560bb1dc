/* SPDX-License-Identifier: MIT
 * crm.lock: who has the folder open.
 *
 * Open-file-description locks (fcntl F_OFD_SETLK), which belong to the descriptor and not to the
 * process, so that two copies of the library in one process see each other:
 *   byte <pid>   exclusive: a second opener with the same pid is another copy of the library
 *                here, or a process in another pid namespace.  LMDB would confuse the two.
 *   byte 0       shared by everyone; exclusive for work that replaces the data file
 *   byte 2^40    exclusive while opening, so that nobody looks at a file that is being made
 *   byte 2^41    shared by everyone who has it open; exclusive, while opening or closing, to be sure
 *                that nobody else has
 */
#include "db/store.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define OPENING_BYTE ((off_t)1 << 40)
#define SOLE_BYTE ((off_t)1 << 41)

static int lock_byte(int fd, int command, short type, off_t at)
{
    struct flock l;

    memset(&l, 0, sizeof l);
    l.l_type = type;
    l.l_whence = SEEK_SET;
    l.l_start = at;
    l.l_len = 1;
    while (fcntl(fd, command, &l)) {
        if (errno != EINTR)
            return errno;
    }
    return 0;
}

/* Gives the locks back by name before it closes: a child forked meanwhile has the descriptor too,
 * and the locks would live as long as the child. */
void crm__unlock_folder(int fd)
{
    struct flock all;

    if (fd < 0)
        return;
    memset(&all, 0, sizeof all);
    all.l_type = F_UNLCK;
    all.l_whence = SEEK_SET;
    fcntl(fd, F_OFD_SETLK, &all);
    close(fd);
}

static int take(int fd, crm_error *err)
{
    int sys = lock_byte(fd, F_OFD_SETLK, F_WRLCK, (off_t)getpid());

    if (sys == EAGAIN || sys == EACCES)
        return crm__fail_sys(err, CRM_EOPEN, sys,
                             "another copy of the library in this process, or a process with the "
                             "same pid in another container, has the database open");
    if (!sys)
        sys = lock_byte(fd, F_OFD_SETLK, F_RDLCK, 0);
    if (sys == EAGAIN || sys == EACCES)
        return crm__fail_sys(err, CRM_EBUSY, sys, "another process replaces the data file");
    return sys ? crm__fail_sys(err, CRM_EIO, sys, "can't lock crm.lock") : CRM_OK;
}

int crm__lock_folder(const char *dir, int readonly, int *fd, crm_error *err)
{
    char path[4096];
    struct stat a, b;
    int rc;

    *fd = -1;
    if (snprintf(path, sizeof path, "%s/crm.lock", dir) >= (int)sizeof path)
        return crm__fail(err, CRM_EINVAL, "path is too long");
    for (;;) {
        int f = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (f < 0 && readonly && (errno == EROFS || errno == EACCES))
            return CRM_OK; /* nobody can write there, so there is nobody to lock out */
        if (f < 0)
            return crm__fail_sys(err, CRM_EIO, errno, "can't open crm.lock: %s", strerror(errno));
        rc = take(f, err);
        if (!rc && !fstat(f, &a) && !stat(path, &b) && a.st_ino == b.st_ino &&
            a.st_dev == b.st_dev) {
            *fd = f;
            return CRM_OK;
        }
        crm__unlock_folder(f); /* locked a file that was replaced meanwhile: again */
        if (rc)
            return rc;
    }
}

int crm__lock_alone(const char *dir, int *fd, crm_error *err)
{
    char path[4096];
    struct stat a, b;

    *fd = -1;
    if (snprintf(path, sizeof path, "%s/crm.lock", dir) >= (int)sizeof path)
        return crm__fail(err, CRM_EINVAL, "path is too long");
    for (;;) {
        int f = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), sys;
        if (f < 0)
            return crm__fail_sys(err, CRM_EIO, errno, "can't open crm.lock: %s", strerror(errno));
        sys = lock_byte(f, F_OFD_SETLK, F_WRLCK, 0);
        if (!sys && !fstat(f, &a) && !stat(path, &b) && a.st_ino == b.st_ino &&
            a.st_dev == b.st_dev) {
            *fd = f;
            return CRM_OK;
        }
        crm__unlock_folder(f); /* of a file that was replaced meanwhile: again */
        if (sys == EAGAIN || sys == EACCES)
            return crm__fail_sys(err, CRM_EBUSY, sys, "somebody has the database open");
        if (sys)
            return crm__fail_sys(err, CRM_EIO, sys, "can't lock crm.lock");
    }
}

void crm__lock_opening(int fd, int on)
{
    if (fd >= 0)
        lock_byte(fd, on ? F_OFD_SETLKW : F_OFD_SETLK, on ? F_WRLCK : F_UNLCK, OPENING_BYTE);
}

int crm__lock_sole(int fd, int wait)
{
    if (fd < 0 || lock_byte(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, F_WRLCK, OPENING_BYTE))
        return 0;
    return lock_byte(fd, F_OFD_SETLK, F_WRLCK, SOLE_BYTE) == 0;
}

void crm__lock_shared(int fd)
{
    if (fd >= 0) {
        lock_byte(fd, F_OFD_SETLK, F_RDLCK, SOLE_BYTE);
        lock_byte(fd, F_OFD_SETLK, F_UNLCK, OPENING_BYTE);
    }
}

/* The engine says only that it can't open something.  Rights are asked for, not tried: to open and
 * close the engine's lock file would drop the locks this process has on it. */
void crm__lock_denied(const char *dir, int readonly, crm_error *err)
{
    /* A reader writes in the lock files, too: which snapshot it reads. */
    static const char *const FILES[] = {"crm.lock", "lock.mdb", "data.mdb"};
    int at = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC), enter, write;
    const char *why = strerror(err->sys);
    unsigned long user = geteuid();

    if (at < 0)
        return;
    enter = faccessat(at, ".", X_OK, AT_EACCESS) == 0;
    write = faccessat(at, ".", W_OK, AT_EACCESS) == 0;
    if (!enter)
        crm__fail_sys(err, err->code, err->sys,
                      "can't enter the folder: %s; user %lu needs the right to read and write it",
                      why, user);
    for (size_t i = 0; enter && i < sizeof FILES / sizeof *FILES; i++) {
        int reads = readonly && !write; /* does without crm.lock, and what it would write as data */
        int mode = reads && i == 2 ? R_OK : R_OK | W_OK;
        int absent = faccessat(at, FILES[i], F_OK, AT_EACCESS) != 0;
        if ((reads && i == 0) || (absent ? write : !faccessat(at, FILES[i], mode, AT_EACCESS)))
            continue;
        crm__fail_sys(err, err->code, err->sys,
                      absent ? "can't make %s: %s; user %lu needs the right to write the folder"
                             : "can't open %s: %s; user %lu needs the right to read and write all "
                               "files in the folder",
                      FILES[i], why, user);
        break;
    }
    close(at);
}

int crm__network_folder(const char *dir)
{
    static const uint32_t NETWORK[] = {
        0x6969,     /* NFS */
        0x517B,     /* SMB */
        0xFE534D42, /* SMB2 */
        0xFF534D42, /* CIFS */
        0x01021997, /* 9P */
        0x00C36400, /* Ceph */
        0x5346414F, /* AFS */
        0x6B414653, /* kAFS */
        0x73757245, /* Coda */
        0x564C,     /* NCP */
        0x01161970, /* GFS2 */
        0x7461636F, /* OCFS2 */
        0x0BD00BD0, /* Lustre */
        0x47504653, /* GPFS */
    };
    struct statfs st;

    if (statfs(dir, &st))
        return 0;
    for (size_t i = 0; i < sizeof NETWORK / sizeof NETWORK[0]; i++) {
        if ((uint32_t)st.f_type == NETWORK[i])
            return 1;
    }
    return 0;
}
