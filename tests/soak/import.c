/* SPDX-License-Identifier: MIT
 * Imports of the soak: each process has customers that it brings in again and again, all changed.
 * One that is killed in the midst of it is resumed by the next.
 */
#include "soak.h"

#include <sys/mman.h>
#include <unistd.h>

enum { COMMIT_ROWS = 120 };

static FILE *begin_file(board *b, int *fd)
{
    FILE *f;

    *fd = memfd_create("soak", MFD_CLOEXEC);
    f = *fd < 0 ? NULL : fdopen(dup(*fd), "w");
    if (!f)
        soak_fail(b, "no file in memory");
    return f;
}

static int bad_row(const crm_import_bad *bad, void *ctx)
{
    soak_fail(ctx, "import: row %llu: %s: %s", (unsigned long long)bad->row,
              bad->faults[0].field ? bad->faults[0].field : "", bad->faults[0].message);
}

static crm_import_options options(board *b, const crm_txn_options *txn, uint32_t flags)
{
    crm_import_options o = CRM_IMPORT_OPTIONS_INIT;

    o.flags = flags;
    o.bad = bad_row;
    o.ctx = b;
    o.format = "csv";
    o.txn = txn;
    o.commit_rows = COMMIT_ROWS;
    return o;
}

/* 0: it can't go on with what was cut short, which has other rows. */
static int run(board *b, crm_import *imp, uint64_t rows)
{
    crm_error err = CRM_ERROR_INIT;
    crm_import_result r;
    int rc = crm_import_run(imp, sizeof r, &r, &err);

    crm_import_close(imp);
    if (rc == CRM_ECONFLICT)
        return 0;
    soak_must(b, rc, &err, "import");
    if (r.rows != rows)
        soak_fail(b, "import: %llu rows of %llu", (unsigned long long)r.rows,
                  (unsigned long long)rows);
    return 1;
}

void import_stock(board *b)
{
    static const char *const STAGE[] = {"lead", "prospect", "active", "dormant", "lost"};
    crm_error err = CRM_ERROR_INIT;
    crm_import_options o = options(b, NULL, 0);
    crm_db *db = soak_open(b);
    crm_import *imp;
    int fd;
    FILE *f = begin_file(b, &fd);

    o.commit_rows = 0;
    fputs("email,name,score,city,lifecycle\n", f);
    for (uint64_t i = 0; i < b->stock; i++)
        fprintf(f, "stock-%llu@soak.example,Stock %llu,%llu,City %llu,%s\n", (unsigned long long)i,
                (unsigned long long)i, (unsigned long long)(i * 7919 % 1001),
                (unsigned long long)(i % 40), STAGE[i * 31 % 5]);
    if (fclose(f) || lseek(fd, 0, SEEK_SET))
        soak_fail(b, "no file in memory");
    soak_must(b, crm_import_open(db, fd, &o, &imp, &err), &err, "stock");
    if (!run(b, imp, b->stock))
        soak_fail(b, "the stock can't be imported");
    close(fd);
    watch_begin(b, db);
    crm_db_close(db);
    /* What the run adds to the file is to be seen, not what this import left free. */
    soak_must(b, crm_compact(b->path, NULL, 0, NULL, &err), &err, "compact");
}

static void write_rows(FILE *f, int process, uint64_t v)
{
    fputs("email,name,score\n", f);
    for (int i = 0; i < IMPORT_ROWS; i++)
        fprintf(f, "row-%d-%d@soak.example,Row %d,%llu\n", process, i, i,
                (unsigned long long)(v % 1000));
}

/* 1: done. */
static int import_fd(worker *w, int fd, uint32_t flags)
{
    crm_error err = CRM_ERROR_INIT;
    crm_txn_options txn = CRM_TXN_OPTIONS_INIT;
    crm_import_options o = options(w->b, &txn, flags);
    crm_import *imp;
    int rc;

    txn.actor = "soak";
    if (lseek(fd, 0, SEEK_SET))
        soak_fail(w->b, "no file in memory");
    rc = crm_import_open(w->db, fd, &o, &imp, &err);
    if (rc == CRM_ENOTFOUND && flags)
        return 0;
    soak_must(w->b, rc, &err, "import");
    return run(w->b, imp, IMPORT_ROWS);
}

void import_rows(worker *w)
{
    pledge *p = &w->b->import[w->process];
    int cut = p->asked != p->acked, fd;
    FILE *f = begin_file(w->b, &fd);

    p->asked = p->acked + 1;
    write_rows(f, w->process, p->asked);
    if (fclose(f))
        soak_fail(w->b, "no file in memory");
    /* That of the process before goes on, unless it was through or had not begun; there may be open
     * ones of others then. */
    if ((!cut || !import_fd(w, fd, CRM_IMPORT_RESUME)) && !import_fd(w, fd, 0))
        soak_fail(w->b, "an import conflicts with one that was cut short");
    close(fd);
    __atomic_store_n(&p->acked, p->asked, __ATOMIC_RELEASE);
    soak_count(&w->b->imports, 1);
}

void import_judge(crm_txn *txn, worker *w)
{
    const pledge *p = &w->b->import[w->process];
    crm_error err = CRM_ERROR_INIT;
    char email[60];
    int64_t score;

    for (int i = 0; i < IMPORT_ROWS; i++) {
        crm_id id;
        size_t n = 0;
        int rc;
        snprintf(email, sizeof email, "row-%d-%d@soak.example", w->process, i);
        rc = crm_customer_find(txn, &w->email, NULL, email, CRM_NUL, &id, 1, &n, &err);
        if (rc == CRM_ENOTFOUND && !p->acked)
            continue;
        soak_must(w->b, rc, &err, "a row that was imported");
        soak_must(w->b, crm_customer_get(txn, id, w->c, &err), &err, "get");
        soak_must(w->b, crm_customer_integer(w->c, &w->score, 0, &score, &err), &err, "score");
        if (n != 1 || (score != (int64_t)(p->acked % 1000) && score != (int64_t)(p->asked % 1000)))
            soak_fail(w->b, "row %d of process %d: %zu customers, score %lld, imported %llu", i,
                      w->process, n, (long long)score, (unsigned long long)p->acked);
    }
}
