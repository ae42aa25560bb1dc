/* SPDX-License-Identifier: MIT
 * What explain says that each step read: the sizes of just the rows that answer it.
 */
#include "crmtest.h"
#include "db/txn.h"

#include <crm/crm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OK(call) ck_assert_int_eq(call, CRM_OK)

enum { CUSTOMERS = 300 };

static crm_db *make(void)
{
    crm_tag_options how = CRM_TAG_OPTIONS_INIT;
    crm_error err = CRM_ERROR_INIT;
    char json[200];
    crm_db *db;
    crm_txn *txn;

    OK(crm_db_open(crmtest_path("db"), NULL, &db, &err));
    OK(crm_txn_begin(db, CRM_WRITE, NULL, &txn, &err));
    for (int i = 1; i <= CUSTOMERS; i++) {
        snprintf(json, sizeof json, "{\"name\":\"N %d\",\"notes\":\"note %d\"}", i, i * i);
        OK(crm_customer_create_json(txn, json, CRM_NUL, NULL, &err));
        how.until_us = i % 5 ? 0 : INT64_C(4000000000000000);
        if (i % 3 == 0)
            OK(crm_tag_add(txn, (crm_id)i, "behaviour:active", &how, &err));
        if (i % 7 == 0)
            OK(crm_tag_add(txn, (crm_id)i, "region:cn", NULL, &err));
        for (int k = 0; k < i % 4; k++) {
            snprintf(json, sizeof json,
                     "{\"kind\":\"visit\",\"time\":\"2026-%02d-%02dT10:%02d:00Z\",\"place\":\"P\","
                     "\"duration\":%d}",
                     1 + k, 1 + i % 9, i % 60, i);
            OK(crm_event_add_json(txn, (crm_id)i, json, CRM_NUL, NULL, &err));
        }
    }
    OK(crm_txn_commit(txn, &err));
    return db;
}

/* ---- what is stored ---- */

static int all(crm__slice k)
{
    (void)k;
    return 1;
}

static int lists(crm__slice k)
{
    return !crm__key_is_span(k);
}

static int created(crm__slice k)
{
    return k.n == CRM__KEY_COLUMN && crm__get_be32(k.p + 4) == CRM__COLUMN_CREATED;
}

static int ends(crm__slice k)
{
    return k.n == CRM__KEY_COLUMN && (crm__get_be32(k.p + 4) & CRM__COLUMN_UNTIL);
}

static int blocks(crm__slice k)
{
    return k.n == CRM__KEY_EVENT;
}

static uint64_t stored(crm_txn *txn, kv_space space, int (*wanted)(crm__slice k))
{
    kv_cursor *c;
    crm__slice k, v;
    uint64_t n = 0;
    int rc;

    OK(txn->kv->ops->cursor(txn->kv, space, &c));
    for (rc = c->ops->seek(c, KV_FIRST, crm__slice_of(NULL, 0), &k, &v); !rc;
         rc = c->ops->next(c, &k, &v))
        n += wanted(k) ? v.n : 0;
    ck_assert_int_eq(rc, CRM_ENOTFOUND);
    c->ops->cursor_close(c);
    return n;
}

/* The set of a tag by the order of their numbers, which is that of their first use. */
static uint64_t stored_tag(crm_txn *txn, int last)
{
    kv_cursor *c;
    crm__slice k, v;
    uint64_t n;

    OK(txn->kv->ops->cursor(txn->kv, KV_TAG, &c));
    OK(c->ops->seek(c, KV_FIRST, crm__slice_of(NULL, 0), &k, &v));
    if (last)
        OK(c->ops->next(c, &k, &v));
    n = v.n;
    c->ops->cursor_close(c);
    return n;
}

/* ---- what is said ---- */

/* Of the step that begins with this text; "": of the first. */
static uint64_t said(const char *json, const char *text)
{
    const char *at = strstr(json, "\"plan\":");

    if (text[0])
        at = strstr(at, text);
    ck_assert_msg(at != NULL, "%s: %s", text, json);
    at = strstr(at, "\"bytes\":");
    ck_assert_msg(at != NULL, "%s: %s", text, json);
    return strtoull(at + 8, NULL, 10);
}

static char *explain(crm_txn *txn, const char *text)
{
    crm_error err = CRM_ERROR_INIT;
    crm_segment *s;
    char *json;
    int rc = crm_segment_parse(txn, text, CRM_NUL, &s, &err);

    ck_assert_msg(rc == CRM_OK, "%s: %s", text, err.message);
    OK(crm_segment_explain(txn, s, NULL, &json, NULL, &err));
    crm_segment_free(s);
    return json;
}

static void check(crm_txn *txn, const char *text, const char *step, uint64_t want)
{
    char *json = explain(txn, text);

    ck_assert_msg(strstr(json, step) != NULL, "%s: %s", text, json);
    ck_assert_uint_gt(want, 0);
    ck_assert_msg(said(json, "") == want, "%s: %llu are stored: %s", text, (unsigned long long)want,
                  json);
    crm_free(json);
}

static void check_all(crm_txn *txn)
{
    uint64_t records = stored(txn, KV_CUSTOMER, all), column = stored(txn, KV_COLUMN, created);
    char *json;

    check(txn, "tag(region:cn)", "\"sets\"", stored_tag(txn, 1));
    check(txn, "tag(behaviour:active)", "\"sets\"",
          stored_tag(txn, 0) + stored(txn, KV_COLUMN, ends));
    check(txn, "created_at since 2000", "\"column\"", column);
    check(txn, "event(visit, duration > 20)", "\"days\"", stored(txn, KV_DAY, lists));
    check(txn, "notes contains \"16\"", "\"record\"", records);
    check(txn, "event(visit, place = P)", "\"events\"", stored(txn, KV_EVENT, blocks));

    /* What joins steps has what they read together, and a step that was not asked read nothing. */
    json = explain(txn, "created_at since 2000 and notes contains \"16\"");
    ck_assert_uint_eq(said(json, ""), column + records);
    ck_assert_uint_eq(said(json, "\"text\":\"created_at since 2000\","), column);
    ck_assert_uint_eq(said(json, "\"text\":\"notes contains"), records);
    crm_free(json);
    json = explain(txn, "created_at before 2000 and notes contains \"16\"");
    ck_assert_uint_eq(said(json, ""), column);
    ck_assert_uint_eq(said(json, "\"text\":\"notes contains"), 0);
    crm_free(json);
}

CRM_TEST(test_segment_explain__tells_the_bytes_of_the_rows_that_were_read)
{
    crm_db *db = make();
    crm_txn *txn;

    for (int mode = 0; mode < 2; mode++) {
        OK(crm_txn_begin(db, mode ? CRM_WRITE : CRM_READ, NULL, &txn, NULL));
        check_all(txn);
        crm_txn_abort(txn);
    }
    crm_db_close(db);
}
