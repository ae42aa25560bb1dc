/* SPDX-License-Identifier: MIT
 * A database that the first change makes.  It comes to be in a folder of its own, under a name
 * nobody else has, beside the place where it belongs, and moves there once something was committed.
 * So a first command that fails leaves nothing, and what is removed then is never anybody else's.
 *
 * When there is a folder already, or somebody made one meanwhile, the draft was a rehearsal: the
 * change is made again in the database there.
 */
#include "tool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int is_there(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

static int no_place(tool *t, int sys)
{
    return fail(t, CRM_EIO, "can't make a database at %s: %s", t->path, strerror(sys));
}

/* While a draft is there, signals wait until it is gone or kept: its folder would stay.  What works for long
 * catches Ctrl-C itself. */
static void hold_signals(int how)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(how, &set, NULL);
}

int draft_open(tool *t)
{
    crm_error err = CRM_ERROR_INIT;
    size_t n = strlen(t->path);
    buf name = {0};

    while (n > 1 && t->path[n - 1] == '/')
        n--;
    buf_add(&name, t->path, n);
    buf_str(&name, is_there(t->path) ? "/.new-XXXXXX" : ".new-XXXXXX");
    hold_signals(SIG_BLOCK);
    if (!mkdtemp(name.p)) {
        hold_signals(SIG_UNBLOCK);
        buf_free(&name);
        return no_place(t, errno);
    }
    t->draft = name.p;
    return open_at(t, t->draft, 0, &err) ? fail_crm(t, &err) : 0;
}

void draft_drop(tool *t)
{
    DIR *dir = t->draft ? opendir(t->draft) : NULL;
    const struct dirent *entry;

    while (dir && (entry = readdir(dir)))
        unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir)
        closedir(dir);
    if (t->draft) {
        rmdir(t->draft);
        free(t->draft);
        t->draft = NULL;
        hold_signals(SIG_UNBLOCK);
    }
}

static void sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

/* Moves the draft, closed, to its place: 0, or errno, EEXIST when something is there. */
static int move(tool *t)
{
    buf parent = {0};
    int sys = 0;

    if (is_there(t->path))
        return EEXIST;
    if (rename(t->draft, t->path)) /* replaces no folder that has anything in it */
        sys = errno == ENOTEMPTY ? EEXIST : errno;
    buf_fmt(&parent, "%s/..", t->path);
    sync_folder(parent.p);
    buf_free(&parent);
    return sys;
}

int draft_settle(tool *t)
{
    int sys = move(t); /* what is open stays open: all by descriptor */

    if (sys == EEXIST)
        return fail(t, CRM_ECONFLICT, "a database was made at %s meanwhile", t->path);
    if (sys)
        return no_place(t, sys);
    draft_drop(t);
    note(t, "made %s", t->path);
    return 0;
}

int draft_keep(tool *t)
{
    crm_error err = CRM_ERROR_INIT;
    int sys, rc, made;

    crm_db_close(t->db);
    t->db = NULL;
    sys = move(t);
    made = !sys;
    draft_drop(t);
    if (sys && sys != EEXIST)
        return no_place(t, sys);
    rc = open_at(t, t->path, CRM_NOCREATE, &err);
    if (rc == CRM_ENOTFOUND && sys) {
        /* The folder is another's, so the library makes the database in it, under its locks. */
        crm_error_init(&err);
        made = 1;
        rc = open_at(t, t->path, 0, &err);
    }
    if (rc)
        return fail_crm(t, &err);
    if (made)
        note(t, "made %s", t->path);
    return sys ? TOOL_AGAIN : 0;
}
