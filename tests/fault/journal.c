/* SPDX-License-Identifier: MIT
 * The scenario of the journal: batches, undo, history, the feed, verifying and trimming.
 */
#include "fault.h"

/* Runs a part; passes its end on. */
#define PART(call)                                                                                 \
    do {                                                                                           \
        int part_ = (call);                                                                        \
        if (part_ != FAULT_GO)                                                                     \
            return part_;                                                                          \
    } while (0)

/* ---- changes ---- */

static int batch_part(fault_run *r, crm_txn *txn)
{
    crm_savepoint mark;
    crm_id id;

    STEP(r, CRM_OK, crm_customer_patch_json(txn, 3, 0, "{\"name\":\"B3\"}", CRM_NUL, &r->err));
    STEP(r, CRM_OK, crm_customer_patch_json(txn, 3, 0, "{\"rate\":\"0.5\"}", CRM_NUL, &r->err));
    STEP(r, CRM_OK, crm_txn_savepoint(txn, &mark, &r->err));
    STEP(r, CRM_OK, crm_customer_patch_json(txn, 22, 0, "{\"name\":\"B22\"}", CRM_NUL, &r->err));
    STEP(r, CRM_OK, crm_txn_rollback(txn, mark, &r->err));
    STEP(r, CRM_OK, crm_customer_delete(txn, 23, 0, &r->err));
    STEP(r, CRM_OK,
         crm_customer_create_json(txn, "{\"name\":\"New\",\"source\":\"file\"}", CRM_NUL, &id,
                                  &r->err));
    STEP(r, CRM_OK, crm_customer_patch_json(txn, id, 0, "{\"vip\":true}", CRM_NUL, &r->err));
    fault_saw_number(r, id);
    fault_saw_number(r, crm_txn_batch(txn));
    return FAULT_GO;
}

static int single_part(fault_run *r, crm_txn *txn)
{
    STEP(r, CRM_OK, crm_customer_patch_json(txn, 20, 0, "{\"name\":\"S\"}", CRM_NUL, &r->err));
    STEP(r, CRM_OK, crm_customer_patch_json(txn, 20, 0, "{\"name\":\"T\"}", CRM_NUL, &r->err));
    return FAULT_GO;
}

static int undo_part(fault_run *r, crm_txn *txn)
{
    crm_undo_result u = {.size = sizeof u};
    uint64_t single = crm_txn_revision(txn), batch = single - 2;

    STEP(r, CRM_ECONFLICT, crm_undo(txn, single - 1, 0, NULL, NULL, &u, &r->err));
    STEP(r, CRM_OK, crm_undo(txn, batch, CRM_UNDO_DRY_RUN, NULL, NULL, &u, &r->err));
    fault_saw_number(r, u.restored + u.deleted);
    STEP(r, CRM_OK, crm_undo(txn, batch, 0, NULL, NULL, &u, &r->err));
    fault_saw_number(r, u.restored + u.deleted);
    STEP(r, CRM_OK, crm_undo(txn, single, 0, NULL, NULL, &u, &r->err));
    fault_saw_number(r, u.batch);
    return FAULT_GO;
}

static int trim_part(fault_run *r, crm_txn *txn)
{
    crm_head head = CRM_HEAD_INIT;
    uint64_t dropped = 0;

    STEP(r, CRM_OK, crm_journal_head(txn, &head, &r->err));
    STEP(r, CRM_OK, crm_journal_trim(txn, head.recorded_us, &dropped, &r->err));
    fault_saw_number(r, dropped);
    return FAULT_GO;
}

/* ---- reading ---- */

static int walk_history(fault_run *r, crm_txn *txn, crm_id id)
{
    crm_change c = CRM_CHANGE_INIT;
    crm_history *h;
    int rc = crm_history_open(txn, id, &h, &r->err);

    if (rc)
        return rc;
    while (!rc && (rc = crm_history_next(h, &c, &r->err)) == CRM_OK) {
        const char *key, *before, *after;
        char *json = NULL;
        for (uint32_t i = 0; i < c.field_count && !rc; i++)
            rc = crm_history_field(h, i, &key, &before, &after, &r->err);
        if (!rc)
            rc = crm_history_json(h, &json, NULL, &r->err);
        crm_free(json);
    }
    crm_history_close(h);
    return rc == CRM_DONE ? CRM_OK : rc;
}

static int walk_changes(fault_run *r, crm_txn *txn)
{
    crm_change c = CRM_CHANGE_INIT;
    crm_change_iter *it;
    int rc = crm_change_list(txn, 0, &it, &r->err);

    if (rc)
        return rc;
    while (!rc && (rc = crm_change_next(it, &c, &r->err)) == CRM_OK) {
        char *json = NULL;
        const char *key;
        crm_id ids[8];
        size_t n;
        if (c.field_count)
            rc = crm_change_field(it, 0, &key, &r->err);
        if (!rc)
            rc = crm_change_customers(it, CRM_CHANGE_CHANGED, 0, ids, 8, &n, &r->err);
        if (!rc)
            rc = crm_change_json(it, &json, NULL, &r->err);
        crm_free(json);
    }
    crm_change_close(it);
    return rc == CRM_DONE ? CRM_OK : rc;
}

static int read_part(fault_run *r, crm_txn *txn)
{
    crm_head head = CRM_HEAD_INIT;

    STEP(r, CRM_OK, crm_journal_head(txn, &head, &r->err));
    fault_saw_number(r, head.revision);
    STEP(r, CRM_OK, crm_journal_verify(txn, &head, 1, NULL, NULL, &r->err));
    STEP(r, CRM_OK, walk_history(r, txn, 20));
    STEP(r, CRM_OK, walk_history(r, txn, 3));
    STEP(r, CRM_OK, walk_changes(r, txn));
    STEP(r, CRM_OK, crm_customer_new(txn, &r->c, &r->err));
    STEP(r, CRM_OK, crm_customer_get_at(txn, 20, head.revision - 1, r->c, &r->err));
    STEP(r, CRM_OK, crm_customer_to_json(txn, r->c, CRM_JSON_ORIGINS, &r->text, NULL, &r->err));
    fault_saw_text(r, r->text);
    return FAULT_GO;
}

int fault_journal(fault_run *r)
{
    crm_txn_options batch = CRM_TXN_OPTIONS_INIT, plain = CRM_TXN_OPTIONS_INIT;
    uint64_t last;

    batch.batch = CRM_BATCH_NEW;
    batch.batch_name = "import";
    batch.actor = plain.actor = "li.na";
    STEP(r, CRM_OK, crm_db_open(r->dir, &r->opts, &r->db, &r->err));
    PART(fault_txn(r, CRM_WRITE, &batch, batch_part));
    PART(fault_txn(r, CRM_WRITE, &plain, single_part));
    PART(fault_txn(r, CRM_WRITE, &plain, undo_part));
    PART(fault_group(r, &batch, single_part));
    PART(fault_txn(r, CRM_READ, &plain, read_part));
    PART(fault_txn(r, CRM_WRITE, &plain, trim_part));
    PART(fault_txn(r, CRM_READ, &plain, read_part));
    STEP(r, CRM_OK, crm_db_wait(r->db, 1, 0, &last, &r->err));
    fault_saw_number(r, last);
    STEP(r, CRM_DONE, crm_db_wait(r->db, last, 0, NULL, &r->err));
    return FAULT_GO;
}
