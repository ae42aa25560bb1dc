/* SPDX-License-Identifier: MIT
 * Which import that was cut short an input goes on with: the one whose rows it begins with.
 */
#include "io/import.h"

#include "db/scan.h"

#include <crm/codes.h>
#include <stdio.h>
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
        return crm__fail_field(
            err, rc, "resume",
            "batch %llu is no import that was cut short: it came to its end, was "
            "undone, or is another kind of batch",
            (unsigned long long)batch);
    return rc ? crm__txn_fail(txn, rc, "can't read what the import had done", err) : CRM_OK;
}

/* All that were begun with the same policy, the newest last; *other: the newest of the rest. */
static int read_all(crm_txn *txn, const crm__import_state *like, crm__import_state all[MOST],
                    size_t *count, crm__import_state *other, crm_error *err)
{
    uint8_t key[CRM__KEY_IMPORT];
    crm__slice k, row;
    crm__scan scan;
    int rc;

    *count = 0;
    other->batch = 0;
    crm__scan_open(txn, KV_META, &scan);
    rc = crm__scan_seek(&scan, KV_GE, crm__import_key(key, 0), &k, &row);
    while ((!rc || rc == CRM_ECORRUPT) && k.n == CRM__KEY_IMPORT && memcmp(k.p, key, 7) == 0) {
        crm__import_state *s = &all[*count];
        if (!rc && !crm__import_read(crm__get_be64(k.p + 7), row, s)) {
            if (s->what != like->what || s->policy != like->policy)
                *other = *s;
            else if (*count + 1 < MOST)
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

static int is_alike(const crm__import_state *s, const crm__import_state *like)
{
    return strcmp(s->source, like->source) == 0 && s->ways == like->ways;
}

/* Looks at the rows of a portion: which of all have come to their last one with the right hash.
 * Of several it is one that was begun alike, then the newest. */
static void look(const crm__portion *p, uint64_t *rows, uint64_t *hash,
                 const crm__import_state *all, size_t count, const crm__import_state *like,
                 crm__import_state *found)
{
    for (size_t i = 0; i < p->count; i++) {
        *hash = crm__row_hash(*hash, crm__portion_at(p, i));
        ++*rows;
        for (size_t k = 0; k < count; k++) {
            const crm__import_state *s = &all[k];
            int more = is_alike(s, like) - (found->batch && is_alike(found, like));
            if (s->rows == *rows && s->hash == *hash &&
                (more > 0 || (more == 0 && s->batch > found->batch)))
                *found = *s;
        }
    }
}

/* "batch 5", "batches 5, 9 and others" */
static const char *name_batches(const crm__import_state *all, size_t count, char to[80])
{
    int n = snprintf(to, 80, "batch%s", count > 1 ? "es" : "");

    for (size_t i = 0; i < count && i < 3; i++)
        n += snprintf(to + n, 80 - (size_t)n, "%s %llu", i ? "," : "",
                      (unsigned long long)all[i].batch);
    if (count > 3)
        snprintf(to + n, 80 - (size_t)n, " and others");
    return to;
}

/* Reads the input up to the last row that any of them had done, and goes back to where it stood.
 * *found: the newest whose rows they are, or none. */
static int match(const crm_allocator *mem, int fd, const crm_import_options *o,
                 const crm__import_state *all, size_t count, const crm__import_state *like,
                 crm__import_state *found, crm_error *err)
{
    off_t from = lseek(fd, 0, SEEK_CUR);
    const crm__input input = {fd, NULL, NULL, NULL};
    uint64_t rows = 0, most = 0, hash;
    crm__source_of_rows in;
    crm__portion p;
    int rc;

    memset(found, 0, sizeof *found);
    for (size_t k = 0; k < count; k++)
        most = all[k].rows > most ? all[k].rows : most;
    rc = crm__rows_open(mem, &input, o, &in, err);
    if (rc)
        return rc;
    hash = crm__rows_hash_begin(&in);
    crm__portion_init(&p, mem);
    while (!rc && rows < most) {
        rc = crm__portion_read(&in, &p, err);
        look(&p, &rows, &hash, all, count, like, found);
    }
    crm__portion_clear(&p);
    crm__rows_close(&in);
    if (rc == CRM_ENOMEM || rc == CRM_EIO)
        return rc;
    if (lseek(fd, from, SEEK_SET) < 0)
        return crm__fail(err, CRM_EIO, "can't go back to the beginning of the input");
    return CRM_OK;
}

/* The one of those begun alike whose rows these are.  What can't be read twice is taken to be the
 * rest of the only one: the run finds out. */
static int choose(const crm_allocator *mem, int fd, const crm_import_options *o,
                  const crm__import_state *all, size_t count, const crm__import_state *like,
                  crm__import_state *out, crm_error *err)
{
    char names[80];
    int rc;

    name_batches(all, count, names);
    if (lseek(fd, 0, SEEK_CUR) < 0) {
        *out = all[0];
        return count == 1 ? CRM_OK
                          : crm__fail_field(err, CRM_EAMBIGUOUS, "resume",
                                            "several imports were cut short, %s: say which one to "
                                            "go on with",
                                            names);
    }
    rc = match(mem, fd, o, all, count, like, out, err);
    if (rc || out->batch)
        return rc;
    if (o->resume)
        return crm__fail_field(err, CRM_ECONFLICT, "resume",
                               "these are not the rows that %s was begun with: give its file as it "
                               "was, or undo the batch and import this one anew",
                               names);
    return crm__fail_field(err, CRM_ENOTFOUND, "resume",
                           "no import that was cut short (%s) has these rows: it was of another "
                           "file, or this one was changed; undo it, or import without resuming",
                           names);
}

/* Nothing was begun alike. */
static int fail_none(const crm__import_state *like, const crm__import_state *other, crm_error *err)
{
    if (!other->batch && like->what != CRM__MAP_EVENTS && like->policy == CRM_IMPORT_CREATE)
        return crm__fail_field(err, CRM_ENOTFOUND, "resume",
                               "no such import was cut short: it may have come to its end, and "
                               "importing again would create who has no unique value once more");
    if (!other->batch)
        return crm__fail_field(err, CRM_ENOTFOUND, "resume",
                               "no such import was cut short: import without resuming, what is in "
                               "already stays as it is");
    return crm__fail_field(err, CRM_ENOTFOUND, "resume",
                           "no such import was cut short: batch %llu was begun for %s, with "
                           "another policy or kind of rows",
                           (unsigned long long)other->batch,
                           other->what == CRM__MAP_EVENTS ? "events" : "customers");
}

/* Whether a batch was begun with the options that it is to go on with. */
static int judge_options(const crm__import_state *s, const crm__import_state *like, crm_error *err)
{
    unsigned long long batch = s->batch;

    if (s->what != like->what || s->policy != like->policy)
        return crm__fail_field(err, CRM_EINVAL, "policy",
                               "batch %llu was begun for %s, with another policy or kind of rows",
                               batch, s->what == CRM__MAP_EVENTS ? "events" : "customers");
    if (strcmp(s->source, like->source) != 0)
        return crm__fail_field(err, CRM_EINVAL, "source", "batch %llu was begun with %s", batch,
                               *s->source ? "another source" : "no source");
    if (s->ways != like->ways)
        return crm__fail_field(err, CRM_EINVAL, "mapping",
                               "batch %llu was begun with another mapping, kind, zone, customer or "
                               "rule for names: give the same, or undo it and import anew",
                               batch);
    return CRM_OK;
}

int crm__import_list(crm_db *db, const crm__import_state *like, crm__buf *out, crm_error *err)
{
    crm__import_state all[MOST], other;
    size_t count;
    crm_txn *txn;
    int rc = crm_txn_begin(db, CRM_READ, NULL, &txn, err);

    if (rc)
        return rc;
    rc = read_all(txn, like, all, &count, &other, err);
    crm_txn_abort(txn);
    for (size_t i = 0; i < count && !rc; i++) {
        crm__import_open x = {all[i].batch, all[i].rows, all[i].hash, 0};
        if (all[i].batch != like->batch && strcmp(all[i].source, like->source) == 0)
            crm__buf_add(out, &x, sizeof x);
    }
    return rc || !out->failed ? rc : crm__fail_nomem(err);
}

int crm__import_find(crm_db *db, int fd, const crm_import_options *o, const crm__import_state *like,
                     crm__import_state *out, crm_error *err)
{
    const crm__import_state wanted = *like; /* *out may be the same */
    crm__import_state all[MOST], other;
    size_t count = 1;
    crm_txn *txn;
    int rc = crm_txn_begin(db, CRM_READ, NULL, &txn, err);

    if (rc)
        return rc;
    if (o->resume)
        rc = read_one(txn, o->resume, &all[0], err);
    else
        rc = read_all(txn, &wanted, all, &count, &other, err);
    crm_txn_abort(txn);
    if (!rc && !count)
        rc = fail_none(&wanted, &other, err);
    if (!rc && o->resume)
        rc = judge_options(&all[0], &wanted, err);
    if (!rc)
        rc = choose(&db->mem, fd, o, all, count, &wanted, out, err);
    return rc ? rc : judge_options(out, &wanted, err);
}
