/* SPDX-License-Identifier: MIT
 * Watched segments: the host lets their clock go on, and keeps by what it is told who is in each.
 * Nobody may enter twice or leave without having entered, and in the end those who are in it by
 * what was told are those that the segment finds.
 */
#include "soak.h"

enum { PORTION = 20000 };

static const struct {
    const char *name, *text;
} WATCHED[WATCHES] = {
    {"dear", "tag(value:high) and score >= 100"},
    {"buyers", "count(order, last 365 days) >= 3"},
    /* What the clock alone makes false. */
    {"just now", "count(order, last 1 minute) >= 1"},
    {"new", "created_at in last 1 minute"},
};

/* Before the others begin. */
void watch_begin(board *b, crm_db *db)
{
    crm_error err = CRM_ERROR_INIT;
    crm_txn *txn = soak_begin(b, db, CRM_WRITE);

    for (int i = 0; i < WATCHES; i++) {
        crm_segment *s;
        soak_must(b, crm_segment_parse(txn, WATCHED[i].text, CRM_NUL, &s, &err), &err, "parse");
        soak_must(b, crm_segment_save(txn, WATCHED[i].name, s, 0, &err), &err, "save");
        soak_must(b, crm_segment_watch(txn, WATCHED[i].name, &err), &err, "watch");
        crm_segment_free(s);
    }
    soak_must(b, crm_txn_commit(txn, &err), &err, "commit");
}

static int place_of(const watch *w, const char *name)
{
    for (int i = 0; i < WATCHES; i++) {
        if (strcmp(WATCHED[i].name, name) == 0)
            return i;
    }
    soak_fail(w->b, "a change of a segment that nobody watches");
}

int watch_follow(watch *w, crm_txn *txn)
{
    uint64_t until = crm_txn_revision(txn);
    int n = 0;
    crm_live_change c = CRM_LIVE_CHANGE_INIT;
    crm_error err = CRM_ERROR_INIT;
    crm_live_iter *it;
    int rc;

    soak_must(w->b, crm_live_list(txn, w->seen, NULL, &it, &err), &err, "who entered and left");
    while ((rc = crm_live_next(it, &c, &err)) == CRM_OK) {
        unsigned bit = 1u << place_of(w, c.segment);
        if (n++ >= PORTION && c.revision != w->seen) { /* the one before is told to its end */
            crm_live_close(it);
            return 1;
        }
        w->seen = c.revision;
        if (c.customer >= MOST_IDS || (w->in[c.customer] & bit ? 1u : 0u) == c.entered)
            soak_fail(w->b, "customer %llu %s %s twice, at revision %llu",
                      (unsigned long long)c.customer, c.entered ? "entered" : "left", c.segment,
                      (unsigned long long)c.revision);
        w->in[c.customer] ^= (uint8_t)bit;
        soak_count(&w->b->crossed, 1);
    }
    if (rc != CRM_DONE)
        soak_must(w->b, rc, &err, "who entered and left");
    crm_live_close(it);
    w->seen = until;
    return 0;
}

int64_t watch_advance(watch *w, crm_db *db)
{
    crm_live_advanced a = CRM_LIVE_ADVANCED_INIT;
    crm_error err = CRM_ERROR_INIT;

    soak_must(w->b, crm_live_advance(db, NULL, NULL, NULL, &a, &err), &err, "advance");
    return a.now_us;
}

static void compare_one(const watch *w, crm_txn *txn, int i)
{
    crm_segment_options o = CRM_SEGMENT_OPTIONS_INIT;
    crm_error err = CRM_ERROR_INIT;
    crm_segment_iter *it;
    crm_segment *s;
    crm_id id, next = 0;
    int rc;

    o.reason = "soak";
    soak_must(w->b, crm_segment_parse(txn, WATCHED[i].text, CRM_NUL, &s, &err), &err, "parse");
    soak_must(w->b, crm_segment_list(txn, s, &o, &it, &err), &err, "list");
    do {
        rc = crm_segment_next(it, &id, &err);
        if (rc == CRM_DONE)
            id = MOST_IDS;
        else
            soak_must(w->b, rc, &err, "list");
        for (; next < MOST_IDS && next <= id; next++) {
            if ((w->in[next] >> i & 1) != (next == id))
                soak_fail(w->b, "customer %llu is %s in %s, by what was told it is otherwise",
                          (unsigned long long)next, next == id ? "" : "not", WATCHED[i].name);
        }
    } while (!rc);
    crm_segment_list_close(it);
    crm_segment_free(s);
}

void watch_compare(watch *w, crm_db *db)
{
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    crm_error err = CRM_ERROR_INIT;
    crm_txn *txn;

    o.now_us = watch_advance(w, db);
    soak_must(w->b, crm_txn_begin(db, CRM_READ, &o, &txn, &err), &err, "begin");
    while (watch_follow(w, txn))
        continue;
    for (int i = 0; i < WATCHES; i++)
        compare_one(w, txn, i);
    crm_txn_abort(txn);
}
