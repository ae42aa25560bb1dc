/* SPDX-License-Identifier: MIT
 * What leaves the database is in its journal: an entry, committed before the first byte goes out.
 */
#include "db/journal.h"

#include <string.h>

int crm__journal_handout(crm_db *db, const crm_txn_options *opts, uint8_t action,
                         const char *reason, const char *segment, uint64_t *revision,
                         crm_error *err)
{
    crm__buf text;
    crm_txn_options o;
    crm_txn *txn;
    crm__op op;
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
    rc = crm_txn_begin(db, CRM_WRITE, &o, &txn, err);
    if (rc)
        return rc;
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
    if (!rc && revision)
        *revision = txn->state.seq;
    if (rc) {
        crm_txn_abort(txn);
        return rc;
    }
    return crm_txn_commit(txn, err);
}
