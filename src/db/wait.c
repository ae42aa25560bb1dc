/* SPDX-License-Identifier: MIT
 * Waiting for a change that any process makes, without a snapshot.
 */
#include "base/time.h"
#include "db/journal.h"

#include <crm/journal.h>

enum { WAIT_SLICE_MS = 100 };

static int last_revision(crm_db *db, uint64_t *revision, crm_error *err)
{
    crm_txn *txn;
    int rc = crm_txn_begin(db, CRM_READ, NULL, &txn, err);

    if (rc)
        return rc;
    rc = crm__state_read(txn, err);
    *revision = txn->state.seq;
    crm_txn_abort(txn);
    return rc;
}

/* Looks once; CRM_DONE: nothing new, and what to wait behind is in *commit. */
static int look(crm_db *db, uint64_t after, uint64_t *commit, uint64_t *revision, crm_error *err)
{
    kv_env *kv;
    int rc = crm__db_enter(db, err);

    if (rc)
        return rc;
    kv = db->store->kv;
    /* The engine's number first: a commit behind the look is then seen by the wait. */
    rc = kv->ops->last(kv, commit);
    if (rc)
        return crm__fail(err, rc, "can't read the last commit: %s", crm_error_text(rc));
    rc = last_revision(db, revision, err);
    if (rc)
        return rc;
    return *revision > after ? CRM_OK : CRM_DONE;
}

int crm_db_wait(crm_db *db, uint64_t after, int64_t timeout_ms, uint64_t *revision, crm_error *err)
{
    int endless = timeout_ms < 0 || timeout_ms > INT32_MAX;
    int64_t until = endless ? 0 : crm__clock_mono() + timeout_ms * 1000;
    uint64_t now = 0, commit = 0;
    /* An engine may name a commit a moment before new snapshots see it: the next look is soon,
     * those behind it are ever further apart. */
    int slice = 1;
    int rc = crm__db_enter(db, err);

    if (rc)
        return rc;
    crm__db_hold(db); /* it may be closed while we wait */
    while ((rc = look(db, after, &commit, &now, err)) == CRM_DONE) {
        int64_t left = endless ? WAIT_SLICE_MS : (until - crm__clock_mono() + 999) / 1000;
        kv_env *kv = db->store->kv;
        if (left <= 0)
            break;
        rc = kv->ops->wait(kv, commit, (int)(left < slice ? left : slice));
        if (rc < 0) {
            rc = crm__fail(err, rc, "can't wait for a commit: %s", crm_error_text(rc));
            break;
        }
        slice = rc == CRM_OK ? 1 : slice * 2 < WAIT_SLICE_MS ? slice * 2 : WAIT_SLICE_MS;
    }
    if (revision)
        *revision = now;
    crm__db_drop(db);
    return rc;
}
