/* SPDX-License-Identifier: MIT
 * Which import that was cut short an input goes on with: the one whose rows it begins with.
 */
#include "io/import.h"

#include "db/scan.h"

#include <crm/codes.h>
#include <unistd.h>

enum { MOST = 64 };

static int read_one(crm_txn *txn, uint64_t batch, crm__import_state *s, crm_error *err)
{
    uint8_t key[CRM__KEY_IMPORT];
    crm__slice row;
    int rc = crm__txn_read(txn, KV_META, crm__import_key(key, batch), &row);

    if (!rc)
        rc = crm__import_read(batch, row, s);
    if (rc == CRM_ENOTFOUND)
        return crm__fail_field(err, rc, "resume", "batch %llu is no import that was cut short",
                               (unsigned long long)batch);
    return rc ? crm__txn_fail(txn, rc, "can't read what the import had done", err) : CRM_OK;
}

/* All that were begun with the same policy, the newest last. */
static int read_all(crm_txn *txn, uint32_t what, uint32_t policy, crm__import_state all[MOST],
                    size_t *count, crm_error *err)
{
    uint8_t key[CRM__KEY_IMPORT];
    crm__slice k, row;
    crm__scan scan;
    int rc;

    *count = 0;
    crm__scan_open(txn, KV_META, &scan);
    rc = crm__scan_seek(&scan, KV_GE, crm__import_key(key, 0), &k, &row);
    while ((!rc || rc == CRM_ECORRUPT) && k.n == CRM__KEY_IMPORT && memcmp(k.p, key, 7) == 0) {
        crm__import_state *s = &all[*count];
        if (!rc && !crm__import_read(crm__get_be64(k.p + 7), row, s) && s->what == what &&
            s->policy == policy) {
            if (*count + 1 < MOST)
                ++*count;
            else
                memmove(all, all + 1, (MOST - 1) * sizeof *all);
        }
        rc = crm__scan_next(&scan, &k, &row);
    }
    crm__scan_close(&scan);
    return rc && rc != CRM_ENOTFOUND && rc != CRM_ECORRUPT
               ? crm__txn_fail(txn, rc, "can't read what imports had done", err)
               : CRM_OK;
}

/* Looks at the rows of a portion: which of all have come to their last one with the right hash. */
static void look(const crm__portion *p, uint64_t *rows, uint64_t *hash,
                 const crm__import_state *all, size_t count, crm__import_state *found)
{
    for (size_t i = 0; i < p->count; i++) {
        *hash = crm__row_hash(*hash, crm__portion_at(p, i));
        ++*rows;
        for (size_t k = 0; k < count; k++) {
            if (all[k].rows == *rows && all[k].hash == *hash && all[k].batch > found->batch)
                *found = all[k];
        }
    }
}

/* Reads the input up to the last row that any of them had done, and goes back to where it stood. */
static int match(const crm_allocator *mem, int fd, const crm_import_options *o,
                 const crm__import_state *all, size_t count, crm__import_state *found,
                 crm_error *err)
{
    off_t from = lseek(fd, 0, SEEK_CUR);
    const crm__waiting input = {fd, NULL, NULL};
    uint64_t rows = 0, most = 0, hash;
    crm__source_of_rows in;
    crm__portion p;
    int rc;

    memset(found, 0, sizeof *found);
    if (from < 0)
        return crm__fail_field(err, CRM_EAMBIGUOUS, "resume",
                               "several imports were cut short: say which batch to go on with");
    for (size_t k = 0; k < count; k++)
        most = all[k].rows > most ? all[k].rows : most;
    rc = crm__rows_open(mem, &input, o, &in, err);
    if (rc)
        return rc;
    hash = crm__rows_hash_begin(&in);
    crm__portion_init(&p, mem);
    while (!rc && rows < most) {
        rc = crm__portion_read(&in, &p, err);
        look(&p, &rows, &hash, all, count, found);
    }
    crm__portion_clear(&p);
    crm__rows_close(&in);
    if (rc == CRM_ENOMEM || rc == CRM_EIO)
        return rc;
    if (lseek(fd, from, SEEK_SET) < 0)
        return crm__fail(err, CRM_EIO, "can't go back to the beginning of the input");
    if (!found->batch)
        return crm__fail_field(err, CRM_ENOTFOUND, "resume",
                               "no import that was cut short has these rows");
    return CRM_OK;
}

static int judge_source(const crm__import_state *s, const char *source, crm_error *err)
{
    if (strcmp(s->source, source) == 0)
        return CRM_OK;
    return crm__fail_field(err, CRM_EINVAL, "source", "batch %llu was begun with %s",
                           (unsigned long long)s->batch,
                           *s->source ? "another source" : "no source");
}

int crm__import_list(crm_db *db, const crm__import_state *like, crm__buf *out, crm_error *err)
{
    crm__import_state all[MOST];
    size_t count;
    crm_txn *txn;
    int rc = crm_txn_begin(db, CRM_READ, NULL, &txn, err);

    if (rc)
        return rc;
    rc = read_all(txn, like->what, like->policy, all, &count, err);
    crm_txn_abort(txn);
    for (size_t i = 0; i < count && !rc; i++) {
        crm__import_open x = {all[i].batch, all[i].rows, all[i].hash, 0};
        if (all[i].batch != like->batch && strcmp(all[i].source, like->source) == 0)
            crm__buf_add(out, &x, sizeof x);
    }
    return rc || !out->failed ? rc : crm__fail_nomem(err);
}

int crm__import_find(crm_db *db, int fd, const crm_import_options *o, uint32_t what,
                     const char *source, crm__import_state *out, crm_error *err)
{
    crm__import_state all[MOST];
    size_t count = 0;
    crm_txn *txn;
    int rc = crm_txn_begin(db, CRM_READ, NULL, &txn, err);

    if (rc)
        return rc;
    if (o->resume)
        rc = read_one(txn, o->resume, out, err);
    else
        rc = read_all(txn, what, o->policy, all, &count, err);
    crm_txn_abort(txn);
    if (rc)
        return rc;
    if (o->resume && (out->what != what || out->policy != o->policy))
        return crm__fail_field(err, CRM_EINVAL, "policy",
                               "batch %llu was begun for %s, with another policy or kind of rows",
                               (unsigned long long)out->batch,
                               out->what == CRM__MAP_EVENTS ? "events" : "customers");
    if (o->resume)
        return judge_source(out, source, err);
    if (!count)
        return crm__fail_field(err, CRM_ENOTFOUND, "resume", "no such import was cut short");
    if (count > 1)
        rc = match(&db->mem, fd, o, all, count, out, err);
    else
        *out = all[0];
    return rc ? rc : judge_source(out, source, err);
}
