/* SPDX-License-Identifier: MIT
 * A program that keeps a copy: of every customer it knows whether it is there and what its score
 * is. It begins with a list; from then on it waits for changes and reads what each of them touched.
 * All of it in portions, so that no snapshot lives long.  When all writers have gone its copy must
 * be the same as what is stored.
 */
#include "soak.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { ADVANCE_EVERY_S = 1, TOGETHER = 256, PORTION = 2000, CHANGES = 500, WAIT_MS = 200 };

typedef struct copy {
    board *b;
    crm_db *db;
    crm_txn *txn;
    crm_customer *c;
    crm_field score;
    uint64_t seen;
    int16_t *of; /* by id: the score, -1: not there or deleted */
    crm_id last;
    watch w;
    int64_t next_advance;
} copy;

static int16_t value_of(copy *h, crm_customer *c)
{
    crm_error err = CRM_ERROR_INIT;
    int64_t score;

    if (crm_customer_deleted(c))
        return -1;
    soak_must(h->b, crm_customer_integer(c, &h->score, 0, &score, &err), &err, "score");
    return (int16_t)score;
}

static int16_t stored(copy *h, crm_id id)
{
    crm_error err = CRM_ERROR_INIT;

    soak_must(h->b, crm_customer_get(h->txn, id, h->c, &err), &err, "a customer that was told of");
    return value_of(h, h->c);
}

static void keep(copy *h, crm_id id, int16_t value)
{
    if (id >= MOST_IDS)
        soak_fail(h->b, "customer %llu", (unsigned long long)id);
    h->of[id] = value;
    h->last = id > h->last ? id : h->last;
}

/* Those on the list behind the last one; 0: there is none.  Changes that are made meanwhile are
 * seen once more by whoever goes on from the revision of the first portion. */
static int take_portion(copy *h)
{
    crm_list_options o = CRM_LIST_OPTIONS_INIT;
    crm_error err = CRM_ERROR_INIT;
    crm_customer_iter *it;
    crm_customer *c;
    int n = 0, rc = CRM_OK;

    h->txn = soak_begin(h->b, h->db, CRM_READ);
    if (!h->last)
        h->seen = crm_txn_revision(h->txn);
    o.after = h->last;
    soak_must(h->b, crm_customer_list(h->txn, &o, &it, &err), &err, "list");
    for (; n < PORTION && (rc = crm_customer_next(it, &c, &err)) == CRM_OK; n++)
        keep(h, crm_customer_id(c), value_of(h, c));
    if (rc != CRM_DONE)
        soak_must(h->b, rc, &err, "list");
    crm_customer_list_close(it);
    crm_txn_abort(h->txn);
    return n;
}

static void touch(copy *h, crm_change_iter *it, int which)
{
    crm_error err = CRM_ERROR_INIT;
    crm_id ids[TOGETHER], after = 0;
    size_t n;

    do {
        soak_must(h->b, crm_change_customers(it, which, after, ids, TOGETHER, &n, &err), &err,
                  "customers of a change");
        for (size_t i = 0; i < n; i++) {
            after = ids[i];
            keep(h, after, stored(h, after));
        }
    } while (n == TOGETHER);
}

/* Changes up to the present snapshot, or as many as are read in one; 1: there are more. */
static int take_changes(copy *h)
{
    crm_error err = CRM_ERROR_INIT;
    crm_change c = CRM_CHANGE_INIT;
    crm_change_iter *it;
    int n = 0, rc = CRM_OK;

    h->txn = soak_begin(h->b, h->db, CRM_READ);
    soak_must(h->b, crm_change_list(h->txn, h->seen, &it, &err), &err, "changes");
    for (; n < CHANGES && (rc = crm_change_next(it, &c, &err)) == CRM_OK; n++) {
        if (c.revision != h->seen + 1)
            soak_fail(h->b, "the change behind revision %llu is %llu", (unsigned long long)h->seen,
                      (unsigned long long)c.revision);
        h->seen = c.revision;
        touch(h, it, CRM_CHANGE_CREATED);
        touch(h, it, CRM_CHANGE_CHANGED);
        soak_count(&h->b->changes, 1);
    }
    if (rc != CRM_DONE)
        soak_must(h->b, rc, &err, "changes");
    crm_change_close(it);
    if (rc == CRM_DONE && h->seen != crm_txn_revision(h->txn))
        soak_fail(h->b, "changes end at revision %llu of %llu", (unsigned long long)h->seen,
                  (unsigned long long)crm_txn_revision(h->txn));
    crm_txn_abort(h->txn);
    return rc == CRM_OK;
}

/* All of them, a short snapshot for each portion, also when there is much to catch up with. */
static void follow(copy *h)
{
    int more = 1;

    while (take_changes(h))
        continue;
    while (more) {
        crm_txn *txn = soak_begin(h->b, h->db, CRM_READ);
        more = watch_follow(&h->w, txn);
        crm_txn_abort(txn);
    }
}

/* What a snapshot reads can't be written anew: while it lasts, the file grows by what it keeps. */
static void look_at_snapshots(copy *h)
{
    crm_error err = CRM_ERROR_INIT;
    crm_db_stat st;

    soak_must(h->b, crm_db_stat_get(h->db, sizeof st, &st, &err), &err, "statistics");
    if (st.oldest_reader_commits > h->b->oldest)
        h->b->oldest = st.oldest_reader_commits;
    if (st.kept_bytes > h->b->kept)
        h->b->kept = st.kept_bytes;
}

static void compare(copy *h)
{
    h->txn = soak_begin(h->b, h->db, CRM_READ);
    for (crm_id id = 1; id <= h->last; id++) {
        int16_t is = stored(h, id);
        if (is != h->of[id])
            soak_fail(h->b, "customer %llu has score %d, and %d by what the changes told",
                      (unsigned long long)id, is, h->of[id]);
    }
    crm_txn_abort(h->txn);
}

void host(board *b)
{
    copy h = {.b = b};
    crm_error err = CRM_ERROR_INIT;
    int over;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    h.of = malloc(MOST_IDS * sizeof *h.of);
    h.w.b = b;
    h.w.in = calloc(MOST_IDS, 1);
    if (!h.of || !h.w.in)
        soak_fail(b, "out of memory");
    memset(h.of, 0xFF, MOST_IDS * sizeof *h.of); /* deleted ones are not listed */
    h.db = soak_open(b);
    h.txn = soak_begin(b, h.db, CRM_READ);
    soak_must(b, crm_field_find(h.txn, "score", CRM_NUL, &h.score, &err), &err, "score");
    soak_must(b, crm_customer_new(h.txn, &h.c, &err), &err, "record");
    crm_txn_abort(h.txn);
    while (take_portion(&h))
        continue;
    do {
        int rc;
        look_at_snapshots(&h);
        soak_memory(b, HOST);
        if (soak_clock_us() >= h.next_advance) {
            watch_advance(&h.w, h.db);
            h.next_advance = soak_clock_us() + ADVANCE_EVERY_S * 1000000LL;
        }
        rc = crm_db_wait(h.db, h.seen, WAIT_MS, NULL, &err);
        over = rc == CRM_DONE && soak_stop(&b->writers_gone);
        if (rc == CRM_OK)
            follow(&h);
        else if (rc != CRM_DONE)
            soak_must(b, rc, &err, "wait");
    } while (!over);
    compare(&h);
    watch_compare(&h.w, h.db);
    crm_customer_free(h.c);
    crm_db_close(h.db);
    free(h.of);
    free(h.w.in);
    _exit(0);
}
