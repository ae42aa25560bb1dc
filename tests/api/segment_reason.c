/* SPDX-License-Identifier: MIT
 * The reason of a question: that of the transaction or of the call, in the journal before the answer.
 */
#include "help.h"

#include <crm/live.h>
#include <stdio.h>

static const char MODEL[] = "crm: 1\n"
                            "name: reasons\n"
                            "fields:\n"
                            "  score: {type: integer}\n";

static crm_db *twenty(void)
{
    crm_db *db = api_open_model(MODEL);
    crm_txn *txn = api_begin(db, CRM_WRITE);

    for (int i = 0; i < 20; i++) {
        char text[40];
        snprintf(text, sizeof text, "{\"score\":%d}", i % 10);
        api_create(txn, text);
    }
    api_commit(txn);
    return db;
}

static crm_segment *parse(crm_txn *txn, const char *text)
{
    crm_segment *s;

    OK(crm_segment_parse(txn, text, CRM_NUL, &s, &er));
    return s;
}

/* How many changes there are, and the last one's reason and segment. */
static uint64_t last_entry(crm_db *db, const char *reason, const char *segment)
{
    crm_change change = CRM_CHANGE_INIT;
    crm_change_iter *changes;
    crm_txn *txn = api_begin(db, CRM_READ);
    uint64_t revision = crm_txn_revision(txn);

    OK(crm_change_list(txn, revision - 1, &changes, &er));
    OK(crm_change_next(changes, &change, &er));
    ck_assert_uint_eq(change.action, CRM_ACTION_EXPORT);
    ck_assert_str_eq(change.actor, "li.na");
    ck_assert_str_eq(change.purpose, "report");
    ck_assert_str_eq(change.channel, "mail");
    ck_assert_str_eq(change.reason, reason);
    if (segment)
        ck_assert_str_eq(change.segment, segment);
    else
        ck_assert_ptr_null(change.segment);
    crm_change_close(changes);
    crm_txn_abort(txn);
    return revision;
}

static int every_facet(const crm_facet *f, void *ctx)
{
    (void)f;
    (void)ctx;
    return 0;
}

/* One question of each function: which, of so many; reason: of the call, where it takes one. */
enum { QUESTIONS = 9, OF_OPTIONS = 7 };
static int one_question(crm_txn *txn, const crm_segment *s, int which, const char *reason)
{
    crm_segment_options o = CRM_SEGMENT_OPTIONS_INIT;
    crm_compare_options c = CRM_COMPARE_OPTIONS_INIT;
    crm_comparison both;
    crm_segment_iter *it;
    crm_numbers *numbers;
    crm_id ids[3];
    uint64_t count;
    char *json;
    size_t n;
    int in, rc;

    o.reason = c.reason = reason;
    switch (which) {
    case 0:
        return crm_segment_count(txn, s, &o, &count, &er);
    case 1:
        rc = crm_segment_list(txn, s, &o, &it, &er);
        crm_segment_list_close(it);
        return rc;
    case 2:
        return crm_segment_sample(txn, s, &o, 1, ids, 3, &n, &er);
    case 3:
        return crm_segment_facet(txn, s, "kind", &o, every_facet, NULL, &er);
    case 4:
        rc = crm_segment_explain(txn, s, &o, &json, NULL, &er);
        break;
    case 5:
        rc = crm_numbers_ask(txn, s, "count by score in 3 steps", CRM_NUL, &o, &numbers, &er);
        crm_numbers_free(numbers);
        return rc;
    case 6:
        return crm_segment_compare(txn, s, s, &c, &both, &er);
    case 7:
        return crm_segment_has(txn, s, 3, &in, &er);
    default:
        rc = crm_segment_why(txn, s, 3, &json, NULL, &er);
    }
    if (!rc)
        crm_free(json);
    return rc;
}

/* The transaction's reason is that of every question, the call's own comes before it. */
CRM_TEST(test_api_segment_reason__every_question_has_a_reason)
{
    static const char TEXT[] = "score >= 8";
    crm_db *db = twenty();
    crm_db_options d = CRM_DB_OPTIONS_INIT;
    crm_db *reader;
    crm_txn_options t = CRM_TXN_OPTIONS_INIT;
    crm_txn *txn = api_begin(db, CRM_READ);
    crm_segment *s = parse(txn, TEXT), *other = parse(txn, "score < 3");
    uint64_t revision = crm_txn_revision(txn);
    crm_savepoint save;

    crm_txn_abort(txn);
    t.actor = "li.na";
    t.purpose = "report";
    t.channel = "mail";
    for (int i = 0; i < QUESTIONS; i++) {
        t.reason = "quarter";
        OK(crm_txn_begin(db, CRM_READ, &t, &txn, &er));
        OK(one_question(txn, s, i, NULL));
        ck_assert_uint_eq(last_entry(db, "quarter", TEXT), ++revision);
        for (int k = 0; k < QUESTIONS; k++) /* of the same segment: said already */
            OK(one_question(txn, s, k, NULL));
        ck_assert_uint_eq(last_entry(db, "quarter", TEXT), revision);
        OK(one_question(txn, other, i, NULL));
        ck_assert_uint_eq(last_entry(db, "quarter", "score < 3"), ++revision);
        if (i < OF_OPTIONS) {
            OK(one_question(txn, s, i, "of its own"));
            ck_assert_uint_eq(last_entry(db, "of its own", TEXT), ++revision);
            IS(CRM_EINVAL, one_question(txn, s, i, ""));
        }
        crm_txn_abort(txn);
        t.reason = NULL;
        OK(crm_txn_begin(db, CRM_READ, &t, &txn, &er));
        OK(one_question(txn, s, i, NULL));
        ck_assert_uint_eq(crm_txn_revision(txn), revision);
        crm_txn_abort(txn);
    }
    t.reason = "while writing";
    OK(crm_txn_begin(db, CRM_WRITE, &t, &txn, &er));
    OK(crm_txn_savepoint(txn, &save, &er));
    OK(one_question(txn, s, 7, NULL));
    OK(crm_txn_rollback(txn, save, &er));
    OK(one_question(txn, s, 7, NULL));
    OK(one_question(txn, s, 0, NULL));
    api_commit(txn);
    ck_assert_uint_eq(last_entry(db, "while writing", TEXT), ++revision);
    t.batch = CRM_BATCH_NEW;
    OK(crm_txn_begin(db, CRM_WRITE, &t, &txn, &er));
    IS(CRM_ESTATE, one_question(txn, s, 7, NULL));
    crm_txn_abort(txn);
    t.batch = 0;
    d.flags = CRM_READONLY;
    OK(crm_db_open(api_path(), &d, &reader, &er));
    OK(crm_txn_begin(reader, CRM_READ, &t, &txn, &er));
    IS(CRM_EREADONLY, one_question(txn, s, 7, NULL));
    crm_txn_abort(txn);
    crm_db_close(reader);
    t.reason = "";
    IS(CRM_EINVAL, crm_txn_begin(db, CRM_READ, &t, &txn, &er));
    ck_assert_str_eq(er.field, "reason");
    crm_segment_free(s);
    crm_segment_free(other);
    crm_db_close(db);
    api_check_clean(api_path());
}

/* Who entered and left is told as a list is. */
CRM_TEST(test_api_segment_reason__of_who_entered_and_left)
{
    crm_db *db = twenty();
    crm_txn_options t = CRM_TXN_OPTIONS_INIT;
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_segment *s = parse(txn, "score >= 8");
    crm_live_iter *it;
    uint64_t revision;

    OK(crm_segment_save(txn, "the best", s, 0, &er));
    OK(crm_segment_watch(txn, "the best", &er));
    crm_segment_free(s);
    api_commit(txn);
    t.actor = "li.na";
    t.purpose = "report";
    t.channel = "mail";
    t.reason = "to the newsletter";
    OK(crm_txn_begin(db, CRM_READ, &t, &txn, &er));
    revision = crm_txn_revision(txn);
    IS(CRM_ENOTFOUND, crm_live_list(txn, 0, "none", &it, &er));
    OK(crm_live_list(txn, 0, "the best", &it, &er));
    crm_live_close(it);
    ck_assert_uint_eq(last_entry(db, t.reason, "segment(\"the best\")"), revision + 1);
    OK(crm_live_list(txn, 0, NULL, &it, &er));
    crm_live_close(it);
    ck_assert_uint_eq(last_entry(db, t.reason, NULL), revision + 2);
    OK(crm_live_list(txn, 0, NULL, &it, &er));
    crm_live_close(it);
    ck_assert_uint_eq(last_entry(db, t.reason, NULL), revision + 2);
    crm_txn_abort(txn);
    crm_db_close(db);
    api_check_clean(api_path());
}
