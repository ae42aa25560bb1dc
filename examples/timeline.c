/* SPDX-License-Identifier: MIT
 * timeline.c: events of a customer, who changed what, and a change taken back.
 *   cc timeline.c -o timeline $(pkg-config --cflags --libs libcrm) && ./timeline */
#include <crm/crm.h>
#include <stdio.h>
#include <stdlib.h>
static crm_error err = CRM_ERROR_INIT;

static void must(int rc, const char *what)
{
    if (rc < 0) {
        fprintf(stderr, "timeline: %s: %s (%s)\n", what, err.message, crm_error_name(rc));
        exit(1); /* the transaction is dropped: nothing of it is kept */
    }
}

int main(void)
{
    crm_txn_options who = CRM_TXN_OPTIONS_INIT;
    crm_change change = CRM_CHANGE_INIT;
    crm_undo_result undone = {.size = sizeof(undone)};
    const char *key, *before, *after;
    crm_event_iter *events;
    crm_history *history;
    crm_event *event;
    uint64_t last = 0;
    crm_txn *txn;
    crm_db *db;
    char *json;
    crm_id id;
    int rc;

    must(crm_db_open("timeline.crm", NULL, &db, &err), "open");
    who.actor = "li.na";
    who.flags = CRM_STICKY; /* the first error comes back at commit: many calls, one check */
    must(crm_txn_begin(db, CRM_WRITE, &who, &txn, &err), "begin");
    crm_customer_create_json(txn, "{\"name\":\"张伟\",\"city\":\"上海\"}", CRM_NUL, &id, NULL);
    crm_event_add_json(txn, id, "{\"kind\":\"order\",\"time\":\"2026-01-06\",\"amount\":\"9 CNY\"}",
                       CRM_NUL, NULL, NULL);
    crm_event_add_json(txn, id, "{\"kind\":\"通话\",\"方向\":\"呼入\"}", CRM_NUL, NULL, NULL);
    crm_customer_patch_json(txn, id, 0, "{\"city\":\"北京\",\"score\":700}", CRM_NUL, NULL);
    must(crm_txn_commit(txn, &err), "commit");

    must(crm_txn_begin(db, CRM_READ, NULL, &txn, &err), "begin");
    must(crm_event_list(txn, id, NULL, &events, &err), "events"); /* the newest first */
    while ((rc = crm_event_next(events, &event, &err)) == CRM_OK) {
        must(crm_event_to_json(txn, event, &json, NULL, &err), "event");
        printf("%s\n", json);
        crm_free(json);
    }
    must(rc, "next");
    must(crm_history_open(txn, id, &history, &err), "history"); /* the newest first, too */
    while ((rc = crm_history_next(history, &change, &err)) == CRM_OK) {
        printf("%s by %s\n", crm_action_name(change.action), change.actor);
        for (uint32_t i = 0; i < change.field_count; i++) {
            must(crm_history_field(history, i, &key, &before, &after, &err), "field");
            printf("  %s: %s -> %s\n", key, before ? before : "-", after ? after : "-");
        }
        last = last ? last : change.revision;
    }
    must(rc, "next");
    crm_history_close(history);
    crm_event_list_close(events);
    crm_txn_abort(txn);

    must(crm_txn_begin(db, CRM_WRITE, &who, &txn, &err), "begin");
    must(crm_undo(txn, last, 0, NULL, NULL, &undone, &err), "undo");
    must(crm_txn_commit(txn, &err), "commit");
    printf("%d customer is as it was before\n", (int)undone.restored);
    crm_db_close(db);
    return 0;
}
