/* SPDX-License-Identifier: MIT
 * What leaves the database is in its journal: an entry, committed before the first byte goes out.
 */
#include "db/journal.h"

#include <string.h>

static int write_entry(crm_txn *txn, uint8_t action, const char *reason, const char *segment,
                       crm_error *err)
{
    crm__buf text;
    crm__op op;
    int rc;

    crm__buf_init(&text, txn->mem);
    crm__buf_add_str(&text, reason);
    if (segment) {
        crm__buf_add_u8(&text, '\n');
        crm__buf_add_str(&text, segment);
    }
    crm__buf_add_u8(&text, 0);
    rc = text.failed ? crm__fail_nomem(err) : crm__op_begin(txn, &op, err);
    if (!rc)
        rc = crm__op_end(txn, &op,
                         crm__journal_hand_out(txn, action, (const char *)text.p, op.err));
    crm__buf_clear(&text);
    return rc;
}

int crm__journal_handout(crm_db *db, const crm_txn_options *opts, uint8_t action,
                         const char *reason, const char *segment, uint64_t *revision,
                         crm_error *err)
{
    crm_txn_options o;
    crm_txn *txn;
    int rc;

    if (!reason || !*reason)
        return crm__fail_field(err, CRM_EINVAL, "reason", "what is handed out needs a reason");
    if (!crm__batch_name_ok(reason, strlen(reason)))
        return crm__fail_field(err, CRM_EINVAL, "reason",
                               "reason is not plain UTF-8 text of at most %d bytes",
                               CRM__BATCH_NAME);
    rc = crm__options_read(&o, sizeof o, opts, "options", err);
    if (rc)
        return rc;
    o.flags = 0;
    o.batch = 0;
    o.batch_name = NULL;
    o.reason = NULL;
    rc = crm_txn_begin(db, CRM_WRITE, &o, &txn, err);
    if (rc)
        return rc;
    rc = write_entry(txn, action, reason, segment, err);
    if (!rc && revision)
        *revision = txn->state.seq;
    if (rc) {
        crm_txn_abort(txn);
        return rc;
    }
    return crm_txn_commit(txn, err);
}

/* ---- questions ---- */

/* A segment that the transaction's reason is in the journal for. */
typedef struct crm__asked {
    struct crm__asked *next;
    const char *segment; /* "": all */
} crm__asked;

/* Whether it is there already; entries that a rollback took are not. */
static int was_asked(crm_txn *txn, const char *segment)
{
    if (txn->asked_rollbacks != txn->edits.rollbacks)
        txn->asked = NULL;
    txn->asked_rollbacks = txn->edits.rollbacks;
    for (const crm__asked *a = txn->asked; a; a = a->next) {
        if (!strcmp(a->segment, segment ? segment : ""))
            return 1;
    }
    return 0;
}

static int note_asked(crm_txn *txn, const char *segment, crm_error *err)
{
    crm__asked *a = crm__arena_alloc(&txn->arena, sizeof *a);

    segment = segment ? segment : "";
    if (a)
        a->segment = crm__arena_copy(&txn->arena, segment, strlen(segment) + 1);
    if (!a || !a->segment)
        return crm__fail_nomem(err);
    a->next = txn->asked;
    txn->asked = a;
    txn->asked_rollbacks = txn->edits.rollbacks;
    return CRM_OK;
}

int crm__txn_hand_out(crm_txn *txn, const char *reason, const char *segment, crm_error *err)
{
    crm_txn_options who = CRM_TXN_OPTIONS_INIT;
    int rc, own = reason != NULL;

    if (!own)
        reason = txn->reason;
    if (!reason || (!own && was_asked(txn, segment)))
        return CRM_OK;
    if (!*reason || !crm__batch_name_ok(reason, strlen(reason)))
        return crm__fail_field(err, CRM_EINVAL, "reason", "reason is empty, or no plain text");
    if (txn->batch.on)
        return crm__fail_field(err, CRM_ESTATE, "reason", "not possible inside a batch");
    if (txn->write) {
        rc = write_entry(txn, CRM__ACTION_EXPORT, reason, segment, err);
    } else {
        who.actor = txn->name[CRM__BY_ACTOR];
        who.purpose = txn->name[CRM__BY_PURPOSE];
        who.channel = txn->name[CRM__BY_CHANNEL];
        rc = crm__journal_handout(txn->db, &who, CRM__ACTION_EXPORT, reason, segment, NULL, err);
    }
    return rc || own ? rc : note_asked(txn, segment, err);
}
