/* SPDX-License-Identifier: MIT
 * The database of a run, its transactions, and whole files read into memory.
 */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

static void log_line(int level, const char *line, void *ctx)
{
    if (level <= CRM_LOG_WARN)
        note(ctx, "%s", line);
}

int open_at(tool *t, const char *path, uint32_t flags, crm_error *err)
{
    crm_db_options options = CRM_DB_OPTIONS_INIT;

    options.flags = flags;
    options.actor = t->write.actor;
    options.log = log_line;
    options.log_ctx = t;
    return crm_db_open(path, &options, &t->db, err);
}

int open_absent(tool *t)
{
    fail(t, CRM_ENOTFOUND,
         "there is no database at %s ('" TOOL " init' makes one, -C names another)", t->path);
    return TOOL_SYSTEM;
}

/* A missing database is the system's fault, not a customer that was not found. */
static int failed_open(tool *t, const crm_error *err)
{
    int code = fail_crm(t, err);

    return code == TOOL_MISSING ? TOOL_SYSTEM : code;
}

int open_read(tool *t)
{
    crm_error err = CRM_ERROR_INIT;
    int rc = open_at(t, t->path, CRM_READONLY | CRM_NOCREATE, &err);

    if (rc == CRM_ENOTFOUND)
        return open_absent(t);
    return rc ? failed_open(t, &err) : 0;
}

int open_write(tool *t, int make)
{
    crm_error err = CRM_ERROR_INIT;
    int rc = open_at(t, t->path, CRM_NOCREATE, &err);

    if (rc == CRM_ENOTFOUND && make == MAKE_ONCE && access(t->path, F_OK) == 0) {
        /* a folder is there, where a draft would be a rehearsal */
        crm_error_init(&err);
        rc = open_at(t, t->path, 0, &err);
        if (!rc)
            note(t, "made %s", t->path);
    } else if (rc == CRM_ENOTFOUND) {
        return make ? draft_open(t) : open_absent(t);
    }
    return rc ? failed_open(t, &err) : 0;
}

int open_question(tool *t, const char *reason)
{
    if (reason && !*reason)
        return fail_usage(t, "--reason needs a text");
    t->write.reason = reason;
    return reason ? open_write(t, MAKE_NOT) : open_read(t);
}

int begin(tool *t, int mode, crm_txn **txn)
{
    crm_txn_options options = t->write;
    crm_error err = CRM_ERROR_INIT;

    if (mode == CRM_READ) { /* a reader has no batch */
        options.batch = 0;
        options.batch_name = NULL;
    }
    if (!crm_txn_begin(t->db, mode, &options, txn, &err))
        return 0;
    fail_crm(t, &err);
    return err.code == CRM_ENOTFOUND ? TOOL_INPUT : exit_code_of(err.code); /* no such zone */
}

static void tell_batch(tool *t)
{
    buf b = {0};

    if (t->json) {
        buf_fmt(&b, "{\"batch\":%" PRIu64 "}", t->batch);
        if (t->bar)
            progress_clear(t->bar);
        error_line(&b);
    } else {
        note(t, "batch %" PRIu64 " ('" TOOL " undo %" PRIu64 "' takes it back)", t->batch,
             t->batch);
    }
}

int commit(tool *t, crm_txn *txn)
{
    uint64_t batch = t->write.batch ? crm_txn_batch(txn) : 0;
    crm_error err = CRM_ERROR_INIT;
    int rc;

    if (crm_txn_commit(txn, &err))
        return fail_crm(t, &err);
    if (t->draft && (rc = draft_keep(t)))
        return rc;
    if (batch && !t->batch) {
        t->batch = t->write.batch = batch;
        t->write.batch_name = NULL; /* only a new batch is named */
        tell_batch(t);
    }
    return 0;
}

int slurp(tool *t, const char *file, size_t limit, buf *out)
{
    int fd = strcmp(file, "-") == 0 ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);
    char chunk[16384];
    ssize_t n = -1;

    while (fd >= 0 && out->n <= limit) {
        n = read(fd, chunk, sizeof(chunk));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        buf_add(out, chunk, (size_t)n);
    }
    if (n < 0)
        fail(t, CRM_EIO, "can't read %s: %s", file, strerror(errno));
    if (fd > STDIN_FILENO)
        close(fd);
    if (n >= 0 && out->n <= limit) {
        buf_add(out, "", 0);
        return 0;
    }
    buf_free(out);
    return n < 0 ? TOOL_SYSTEM : fail(t, CRM_EINVAL, "%s is larger than %zu bytes", file, limit);
}
