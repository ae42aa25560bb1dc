/* SPDX-License-Identifier: MIT
 * The scenario of tags: given and taken one by one and in a batch, of many, renamed, merged,
 * undone, listed and counted.
 */
#include "fault.h"

/* Runs a part; passes its end on. */
#define PART(call)                                                                                 \
    do {                                                                                           \
        int part_ = (call);                                                                        \
        if (part_ != FAULT_GO)                                                                     \
            return part_;                                                                          \
    } while (0)

enum { FIRST = 5 };

/* ---- changes ---- */

static int single_part(fault_run *r, crm_txn *txn)
{
    static const char *const SET[] = {"high"};
    crm_tag_options o = CRM_TAG_OPTIONS_INIT;

    o.until_us = INT64_C(1800000000000000);
    o.reason = "fair";
    STEP(r, CRM_OK, crm_tag_add(txn, FIRST, "region:华东", NULL, &r->err));
    STEP(r, CRM_DONE, crm_tag_add(txn, FIRST, "region:cn/east", NULL, &r->err));
    STEP(r, CRM_OK, crm_tag_add(txn, FIRST, "value:low", NULL, &r->err));
    STEP(r, CRM_OK, crm_tag_set(txn, FIRST, "value", SET, 1, NULL, &r->err));
    STEP(r, CRM_OK, crm_tag_add(txn, FIRST, "mood:a", &o, &r->err));
    STEP(r, CRM_DONE, crm_tag_add(txn, FIRST, "mood:a", NULL, &r->err));
    o.until_us = INT64_C(1850000000000000);
    STEP(r, CRM_OK, crm_tag_add(txn, FIRST, "mood:a", &o, &r->err));
    STEP(r, CRM_OK,
         crm_customer_patch_json(txn, FIRST + 1, 0, "{\"tags\":[\"mood:b\",\"value:low\"]}",
                                 CRM_NUL, &r->err));
    return FAULT_GO;
}

static int batch_part(fault_run *r, crm_txn *txn)
{
    crm_tag_options o = CRM_TAG_OPTIONS_INIT;
    crm_id ids[] = {FIRST, FIRST + 2, FIRST + 3};
    crm_savepoint mark;
    uint64_t n;

    o.until_us = INT64_C(1900000000000000);
    o.origin = CRM_TAG_RULE;
    STEP(r, CRM_OK, crm_tag_add_many(txn, ids, 3, "mood:a", &o, &n, &r->err));
    fault_saw_number(r, n);
    STEP(r, CRM_OK, crm_txn_savepoint(txn, &mark, &r->err));
    STEP(r, CRM_OK, crm_tag_add(txn, FIRST + 2, "value:high", NULL, &r->err));
    STEP(r, CRM_OK, crm_txn_rollback(txn, mark, &r->err));
    STEP(r, CRM_OK, crm_tag_remove(txn, FIRST, "region:cn/east", &r->err));
    STEP(r, CRM_OK, crm_tag_remove(txn, FIRST + 3, "mood:a", &r->err));
    STEP(r, CRM_OK, crm_tag_add(txn, FIRST + 3, "value:high", NULL, &r->err));
    return FAULT_GO;
}

static int whole_part(fault_run *r, crm_txn *txn)
{
    crm_undo_result u = {.size = sizeof u};
    uint64_t n = 0, batch = crm_txn_revision(txn);

    STEP(r, CRM_OK, crm_undo(txn, batch, 0, NULL, NULL, &u, &r->err));
    fault_saw_number(r, u.tags);
    STEP(r, CRM_OK, crm_tag_rename(txn, "region:cn", "region:zh", &n, &r->err));
    fault_saw_number(r, n);
    STEP(r, CRM_OK, crm_tag_merge(txn, "mood:a", "mood:b", &n, &r->err));
    fault_saw_number(r, n);
    STEP(r, CRM_OK, crm_tag_delete(txn, "value:low", &n, &r->err));
    fault_saw_number(r, n);
    return FAULT_GO;
}

/* ---- reading ---- */

static int list_tags(fault_run *r, crm_txn *txn, crm_id id, uint32_t flags)
{
    crm_tag tag = CRM_TAG_INIT;
    crm_tag_iter *it;
    int rc = crm_tag_list(txn, id, flags, &it, &r->err);

    if (rc)
        return rc;
    while ((rc = crm_tag_next(it, &tag, &r->err)) == CRM_OK)
        ;
    crm_tag_list_close(it);
    return rc == CRM_DONE ? CRM_OK : rc;
}

static int count_tags(fault_run *r, crm_txn *txn)
{
    crm_tag_count_iter *it;
    int rc = crm_tag_counts(txn, NULL, &it, &r->err);

    if (!rc)
        crm_tag_count_close(it);
    return rc;
}

static int walk_tagged(fault_run *r, crm_txn *txn)
{
    crm_customer_iter *it;
    crm_customer *c;
    int rc = crm_tag_customers(txn, "mood:b", 0, 0, &it, &r->err);

    if (rc)
        return rc;
    while ((rc = crm_customer_next(it, &c, &r->err)) == CRM_OK)
        ;
    crm_customer_list_close(it);
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
        crm_id ids[8];
        size_t n;
        rc = crm_change_customers(it, CRM_CHANGE_TAGGED, 0, ids, 8, &n, &r->err);
        for (uint32_t i = 0; i < c.tag_count && !rc; i++) {
            crm_tag_change tag = CRM_TAG_CHANGE_INIT;
            rc = crm_change_tag(it, i, &tag, &r->err);
        }
        if (!rc)
            rc = crm_change_json(it, &json, NULL, &r->err);
        crm_free(json);
    }
    crm_change_close(it);
    return rc == CRM_DONE ? CRM_OK : rc;
}

static int walk_history(fault_run *r, crm_txn *txn, crm_id id)
{
    crm_change c = CRM_CHANGE_INIT;
    crm_history *h;
    int rc = crm_history_open(txn, id, &h, &r->err);

    if (rc)
        return rc;
    while (!rc && (rc = crm_history_next(h, &c, &r->err)) == CRM_OK) {
        crm_tag_step step = CRM_TAG_STEP_INIT;
        for (uint32_t i = 0; i < c.tag_count && !rc; i++)
            rc = crm_history_tag(h, i, &step, &r->err);
    }
    crm_history_close(h);
    return rc == CRM_DONE ? CRM_OK : rc;
}

static int read_part(fault_run *r, crm_txn *txn)
{
    STEP(r, CRM_OK, list_tags(r, txn, FIRST, 0));
    STEP(r, CRM_OK, list_tags(r, txn, FIRST + 1, CRM_TAG_BRIEF | CRM_TAG_ENDED));
    STEP(r, CRM_OK, count_tags(r, txn));
    STEP(r, CRM_OK, walk_tagged(r, txn));
    STEP(r, CRM_OK, walk_changes(r, txn));
    STEP(r, CRM_OK, walk_history(r, txn, FIRST));
    STEP(r, CRM_OK, crm_journal_verify(txn, NULL, 0, NULL, NULL, &r->err));
    STEP(r, CRM_OK, crm_customer_get_json(txn, FIRST, CRM_JSON_TAGS, &r->text, NULL, &r->err));
    fault_saw_text(r, r->text);
    crm_free(r->text);
    r->text = NULL;
    return FAULT_GO;
}

static int plan_part(fault_run *r, crm_txn *txn)
{
    STEP(r, CRM_EREFUSED,
         crm_model_plan(txn, "crm: 1\nfields: {name: {type: text}}\n", CRM_NUL, NULL, NULL,
                        &r->err));
    return FAULT_GO;
}

int fault_tags(fault_run *r)
{
    crm_txn_options batch = CRM_TXN_OPTIONS_INIT, plain = CRM_TXN_OPTIONS_INIT;
    crm_db_options o = r->opts;

    batch.batch = CRM_BATCH_NEW;
    plain.actor = "li.na";
    STEP(r, CRM_OK, crm_db_open(r->dir, &o, &r->db, &r->err));
    PART(fault_txn(r, CRM_WRITE, &plain, single_part));
    PART(fault_txn(r, CRM_WRITE, &batch, batch_part));
    PART(fault_txn(r, CRM_READ, NULL, read_part));
    PART(fault_txn(r, CRM_WRITE, &plain, whole_part));
    PART(fault_txn(r, CRM_READ, NULL, plan_part));
    return fault_txn(r, CRM_READ, NULL, read_part);
}
