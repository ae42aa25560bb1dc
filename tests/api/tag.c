/* SPDX-License-Identifier: MIT
 * Tags through the public door: single calls, and random ones against an oracle.
 */
#include "help.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char SHOP[] =
    "crm: 1\n"
    "fields: {name: {type: text}}\n"
    "tags:\n"
    "  region:\n"
    "    label: {zh: 地域}\n"
    "    hierarchical: true\n"
    "    values: {cn: {zh: 中国}, cn/east: {zh: 华东}, cn/east/shanghai: {zh: 上海}}\n"
    "  value: {label: 购买力, one: true, closed: true, values: {high: 高, mid: , low: 低}}\n"
    "  mood: {expires: true}\n"
    "  stage: {one: true, expires: true}\n"
    "  free:\n";

static uint64_t state;

static uint64_t below(uint64_t n)
{
    return crmtest_below(&state, n);
}

enum { HOUR = 3600 };
#define AT(hours) (INT64_C(1800000000000000) + (int64_t)(hours)*HOUR * 1000000)

static crm_txn *begin_at(crm_db *db, int mode, int64_t now, uint64_t batch)
{
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    crm_txn *txn;

    o.actor = "li.na";
    o.now_us = now;
    o.batch = mode == CRM_WRITE ? batch : 0;
    OK(crm_txn_begin(db, mode, &o, &txn, &er));
    return txn;
}

/* "region:cn value:high@until ..." of a customer. */
static const char *tags_of(crm_txn *txn, crm_id id, uint32_t flags)
{
    static char text[4][2000];
    static int turn;
    char *to = text[turn = (turn + 1) % 4];
    crm_tag tag = CRM_TAG_INIT;
    crm_tag_iter *it;
    size_t n = 0;
    int rc;

    OK(crm_tag_list(txn, id, flags, &it, &er));
    *to = 0;
    while ((rc = crm_tag_next(it, &tag, &er)) == CRM_OK) {
        n += (size_t)snprintf(to + n, sizeof text[0] - n, "%s%s", n ? " " : "", tag.tag);
        if (tag.until_us)
            n += (size_t)snprintf(to + n, sizeof text[0] - n, "@%d",
                                  (int)((tag.until_us - AT(0)) / 1000000 / HOUR));
    }
    IS(CRM_DONE, rc);
    crm_tag_list_close(it);
    return to;
}

static const char *counts_of(crm_txn *txn, const char *dimension)
{
    static char text[4000];
    crm_tag_count c = CRM_TAG_COUNT_INIT;
    crm_tag_count_iter *it;
    size_t n = 0;
    int rc;

    OK(crm_tag_counts(txn, dimension, &it, &er));
    *text = 0;
    while ((rc = crm_tag_count_next(it, &c, &er)) == CRM_OK)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s=%llu/%llu", n ? " " : "", c.tag,
                              (unsigned long long)c.customers, (unsigned long long)c.below);
    IS(CRM_DONE, rc);
    crm_tag_count_close(it);
    return text;
}

/* "1,2,5" */
static const char *who_has(crm_txn *txn, const char *tag, uint32_t flags)
{
    static char text[2][2000];
    static int turn;
    char *to = text[turn = !turn];
    crm_customer_iter *it;
    crm_customer *c;
    size_t n = 0;
    int rc;

    OK(crm_tag_customers(txn, tag, flags, 0, &it, &er));
    *to = 0;
    while ((rc = crm_customer_next(it, &c, &er)) == CRM_OK)
        n += (size_t)snprintf(to + n, sizeof text[0] - n, "%s%llu", n ? "," : "",
                              (unsigned long long)crm_customer_id(c));
    IS(CRM_DONE, rc);
    crm_customer_list_close(it);
    return to;
}

static void make(crm_db *db, int count)
{
    crm_txn *txn = begin_at(db, CRM_WRITE, 0, CRM_BATCH_NEW);

    for (int i = 0; i < count; i++)
        api_create(txn, "{}");
    api_commit(txn);
}

static crm_tag_options how(int64_t until, const char *reason, uint32_t origin)
{
    crm_tag_options o = CRM_TAG_OPTIONS_INIT;

    o.until_us = until;
    o.reason = reason;
    o.origin = origin;
    return o;
}

static char *api_file(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    char *p = malloc(1 << 20);

    ck_assert(f && p);
    *n = fread(p, 1, (1 << 20) - 1, f);
    p[*n] = 0;
    fclose(f);
    return p;
}

static void verify(crm_db *db)
{
    crm_txn *txn = api_begin(db, CRM_READ);

    OK(crm_journal_verify(txn, NULL, 0, NULL, NULL, &er));
    OK(crm_txn_abort(txn));
}

CRM_TEST(test_api_tag__added_removed_set)
{
    static const char *const TWO[] = {"cn/east", "region:us"};
    crm_db *db = api_open_model(SHOP);
    crm_txn *txn;
    uint64_t revision;

    make(db, 3);
    txn = begin_at(db, CRM_WRITE, AT(0), 0);
    revision = crm_txn_revision(txn);
    OK(crm_tag_add(txn, 1, "region:cn/east/shanghai", NULL, &er));
    ck_assert_uint_eq(crm_txn_revision(txn), revision + 1);
    IS(CRM_DONE, crm_tag_add(txn, 1, "地域:上海", NULL, &er));
    IS(CRM_DONE, crm_tag_add(txn, 1, "地域：中国/华东/上海", NULL, &er));
    ck_assert_uint_eq(crm_txn_revision(txn), revision + 1);
    OK(crm_tag_add(txn, 1, "value:高", NULL, &er));
    OK(crm_tag_add(txn, 1, "value:low", NULL, &er)); /* takes the place of the other */
    ck_assert_str_eq(tags_of(txn, 1, 0), "region:cn/east/shanghai value:low");
    IS(CRM_DONE, crm_tag_remove(txn, 1, "value:high", &er));
    IS(CRM_DONE, crm_tag_remove(txn, 1, "free:never seen", &er));
    OK(crm_tag_set(txn, 1, "地域", TWO, 2, NULL, &er));
    IS(CRM_DONE, crm_tag_set(txn, 1, "region", TWO, 2, NULL, &er));
    ck_assert_str_eq(tags_of(txn, 1, CRM_TAG_BRIEF), "region:cn/east region:us value:low");
    OK(crm_tag_set(txn, 1, "value", NULL, 0, NULL, &er));
    OK(crm_tag_add(txn, 2, "region:cn/east/hangzhou", NULL, &er));
    ck_assert_str_eq(who_has(txn, "region:cn", 0), "1,2");
    ck_assert_str_eq(who_has(txn, "region:cn/east", CRM_TAG_EXACT), "1");
    ck_assert_str_eq(who_has(txn, "region:cn", CRM_TAG_EXACT), "");
    ck_assert_str_eq(counts_of(txn, NULL),
                     "region:cn/east=1/2 region:cn/east/hangzhou=1/1 region:us=1/1");
    ck_assert_str_eq(counts_of(txn, "购买力"), "");
    api_commit(txn);
    verify(db);
    crm_db_close(db);
    api_check_clean(api_path());
}

CRM_TEST(test_api_tag__set_for_many_is_one_entry_that_undo_takes_back)
{
    static const char *const LOW[] = {"low"}, *const TWO[] = {"cn/east", "us"};
    crm_undo_result result = {.size = sizeof result};
    crm_id ids[] = {3, 1, 3, 2};
    uint64_t n, revision;
    crm_segment *s;
    crm_db *db = api_open_model(SHOP);
    crm_txn *txn;

    make(db, 4);
    txn = begin_at(db, CRM_WRITE, AT(0), 0);
    OK(crm_tag_add(txn, 1, "value:high", NULL, &er));
    OK(crm_tag_add(txn, 2, "value:low", NULL, &er));
    OK(crm_tag_add(txn, 4, "value:mid", NULL, &er));
    OK(crm_tag_add(txn, 2, "region:cn", NULL, &er));
    revision = crm_txn_revision(txn);
    OK(crm_tag_set_many(txn, ids, 4, "购买力", LOW, 1, NULL, &n, &er));
    ck_assert_uint_eq(n, 2); /* one had it so */
    ck_assert_uint_eq(crm_txn_revision(txn), revision + 1);
    OK(crm_tag_set_many(txn, ids, 4, "value", LOW, 1, NULL, &n, &er));
    ck_assert_uint_eq(n, 0);
    ck_assert_uint_eq(crm_txn_revision(txn), revision + 1);
    ck_assert_str_eq(counts_of(txn, "value"), "value:low=3/3 value:mid=1/1");
    OK(crm_segment_parse(txn, "tag(value:low)", CRM_NUL, &s, &er));
    OK(crm_segment_tag_set(txn, s, "region", TWO, 2, NULL, NULL, &n, &er));
    ck_assert_uint_eq(n, 3);
    ck_assert_uint_eq(crm_txn_revision(txn), revision + 2);
    ck_assert_str_eq(tags_of(txn, 2, 0), "region:cn/east region:us value:low");
    IS(CRM_EFIELD, crm_segment_tag_set(txn, s, "nothing", TWO, 2, NULL, NULL, &n, &er));
    api_commit(txn);
    txn = begin_at(db, CRM_WRITE, AT(1), 0);
    OK(crm_segment_tag_set(txn, s, "value", NULL, 0, NULL, NULL, NULL, &er)); /* who is in it */
    ck_assert_str_eq(counts_of(txn, "value"), "value:mid=1/1");
    OK(crm_txn_abort(txn));
    crm_segment_free(s);
    txn = begin_at(db, CRM_WRITE, AT(1), 0);
    for (uint64_t r = revision + 2; r > revision; r--)
        OK(crm_undo(txn, r, 0, NULL, NULL, &result, &er));
    ck_assert_str_eq(tags_of(txn, 1, 0), "value:high");
    ck_assert_str_eq(tags_of(txn, 2, 0), "region:cn value:low");
    ck_assert_str_eq(tags_of(txn, 3, 0), "");
    ck_assert_str_eq(tags_of(txn, 4, 0), "value:mid");
    api_commit(txn);
    verify(db);
    crm_db_close(db);
    api_check_clean(api_path());
}

CRM_TEST(test_api_tag__what_can_not_be_is_refused)
{
    crm_tag_options ends = how(AT(5), NULL, 0), odd = how(0, "a\nb", 0), none = how(0, NULL, 7);
    static const char *const BOTH[] = {"high", "low"}, *const OTHER[] = {"free:x"};
    crm_db *db = api_open_model(SHOP);
    crm_tag_iter *it;
    crm_customer_iter *ci;
    crm_tag_count_iter *counts;
    crm_id ids[] = {1, 9, 2};
    uint64_t n = 7;
    crm_txn *txn;

    make(db, 3);
    txn = begin_at(db, CRM_WRITE, AT(0), 0);
    OK(crm_customer_delete(txn, 3, 0, &er));
    IS(CRM_ENOTFOUND, crm_tag_add(txn, 9, "free:a", NULL, &er));
    IS(CRM_ENOTFOUND, crm_tag_add(txn, 3, "free:a", NULL, &er));
    IS(CRM_EFIELD, crm_tag_add(txn, 1, "regoin:cn", NULL, &er));
    ck_assert_ptr_nonnull(strstr(er.message, "did you mean \"region\""));
    IS(CRM_EVALUE, crm_tag_add(txn, 1, "region", NULL, &er));
    IS(CRM_EVALUE, crm_tag_add(txn, 1, ":a", NULL, &er));
    IS(CRM_EVALUE, crm_tag_add(txn, 1, "free:", NULL, &er));
    IS(CRM_EVALUE, crm_tag_add(txn, 1, "free:a\xff", NULL, &er));
    IS(CRM_EVALUE, crm_tag_add(txn, 1, "value:hihg", NULL, &er));
    ck_assert_ptr_nonnull(strstr(er.message, "did you mean \"high\""));
    IS(CRM_EVALUE, crm_tag_add(txn, 1, "free:a", &ends, &er));
    IS(CRM_EINVAL, crm_tag_add(txn, 1, "free:a", &odd, &er));
    IS(CRM_EINVAL, crm_tag_add(txn, 1, "free:a", &none, &er));
    IS(CRM_EINVAL, crm_tag_add(txn, 1, NULL, NULL, &er));
    IS(CRM_EVALUE, crm_tag_set(txn, 1, "value", BOTH, 2, NULL, &er));
    IS(CRM_EVALUE, crm_tag_set(txn, 1, "value", OTHER, 1, NULL, &er));
    IS(CRM_EINVAL, crm_tag_set(txn, 1, "value", NULL, 1, NULL, &er));
    IS(CRM_EFIELD, crm_tag_set(txn, 1, "nothing", NULL, 0, NULL, &er));
    IS(CRM_ENOTFOUND, crm_tag_add_many(txn, ids, 3, "free:a", NULL, &n, &er));
    ck_assert_int_eq(er.row, 1);
    ck_assert_uint_eq(n, 7);
    OK(crm_tag_add_many(txn, NULL, 0, "free:a", NULL, &n, &er));
    ck_assert_uint_eq(n, 0);
    n = 7;
    IS(CRM_ENOTFOUND, crm_tag_set_many(txn, ids, 3, "free", OTHER, 1, NULL, &n, &er));
    ck_assert_int_eq(er.row, 1);
    IS(CRM_EVALUE, crm_tag_set_many(txn, ids, 1, "value", BOTH, 2, NULL, &n, &er));
    IS(CRM_EVALUE, crm_tag_set_many(txn, ids, 1, "value", OTHER, 1, NULL, &n, &er));
    IS(CRM_EVALUE, crm_tag_set_many(txn, ids, 1, "free", OTHER, 1, &ends, &n, &er));
    IS(CRM_EINVAL, crm_tag_set_many(txn, ids, 1, "value", NULL, 1, NULL, &n, &er));
    IS(CRM_EINVAL, crm_tag_set_many(txn, ids, 1, NULL, OTHER, 1, NULL, &n, &er));
    IS(CRM_EINVAL, crm_tag_set_many(txn, NULL, 1, "free", OTHER, 1, NULL, &n, &er));
    IS(CRM_EFIELD, crm_tag_set_many(txn, ids, 1, "nothing", NULL, 0, NULL, &n, &er));
    ck_assert_uint_eq(n, 7);
    OK(crm_tag_set_many(txn, ids, 1, "free", NULL, 0, NULL, &n, &er));
    ck_assert_uint_eq(n, 0);
    IS(CRM_ENOTFOUND, crm_tag_rename(txn, "free:a", "free:b", NULL, &er));
    IS(CRM_ENOTFOUND, crm_tag_delete(txn, "free:a", NULL, &er));
    OK(crm_tag_add(txn, 1, "region:cn", NULL, &er));
    IS(CRM_EVALUE, crm_tag_rename(txn, "region:cn", "region:cn/east", NULL, &er));
    IS(CRM_EVALUE, crm_tag_merge(txn, "region:cn", "region:cn", NULL, &er));
    IS(CRM_EINVAL, crm_tag_merge(txn, "region:cn", NULL, NULL, &er));
    IS(CRM_EINVAL, crm_tag_list(txn, 1, 64, &it, &er));
    IS(CRM_ENOTFOUND, crm_tag_list(txn, 99, 0, &it, &er));
    IS(CRM_EINVAL, crm_tag_customers(txn, NULL, 0, 0, &ci, &er));
    IS(CRM_EINVAL, crm_tag_customers(txn, "free:a", 8, 0, &ci, &er));
    IS(CRM_EFIELD, crm_tag_counts(txn, "nothing", &counts, &er));
    ck_assert_str_eq(counts_of(txn, NULL), "region:cn=1/1");
    api_commit(txn);
    txn = begin_at(db, CRM_READ, AT(0), 0);
    IS(CRM_ESTATE, crm_tag_add(txn, 1, "free:a", NULL, &er));
    IS(CRM_ESTATE, crm_tag_delete(txn, "free:a", NULL, &er));
    OK(crm_txn_abort(txn));
    crm_db_close(db);
    api_check_clean(api_path());
}

CRM_TEST(test_api_tag__an_end_comes_without_a_write)
{
    crm_tag_options five = how(AT(5), "campaign", CRM_TAG_RULE), nine = how(AT(9), NULL, 0);
    const char *happy = "mood:happy";
    crm_db *db = api_open_model(SHOP);
    crm_tag tag = CRM_TAG_INIT;
    crm_tag_iter *it;
    crm_txn *txn;

    make(db, 2);
    txn = begin_at(db, CRM_WRITE, AT(0), 0);
    OK(crm_tag_add(txn, 1, "mood:happy", &five, &er));
    IS(CRM_DONE, crm_tag_add(txn, 1, "mood:happy", &five, &er));
    OK(crm_tag_add(txn, 2, "mood:happy", NULL, &er));
    api_commit(txn);
    txn = begin_at(db, CRM_READ, AT(4), 0);
    ck_assert_str_eq(tags_of(txn, 1, 0), "mood:happy@5");
    ck_assert_str_eq(who_has(txn, "mood:happy", 0), "1,2");
    OK(crm_tag_list(txn, 1, 0, &it, &er));
    OK(crm_tag_next(it, &tag, &er));
    ck_assert_str_eq(tag.reason, "campaign");
    ck_assert_str_eq(tag.actor, "li.na");
    ck_assert_uint_eq(tag.origin, CRM_TAG_RULE);
    ck_assert_uint_ne(tag.revision, 0);
    ck_assert_int_ne(tag.given_us, 0);
    crm_tag_list_close(it);
    OK(crm_txn_abort(txn));
    txn = begin_at(db, CRM_WRITE, AT(5), 0);
    ck_assert_str_eq(tags_of(txn, 1, 0), "");
    ck_assert_str_eq(tags_of(txn, 1, CRM_TAG_ENDED), "mood:happy@5");
    ck_assert_str_eq(who_has(txn, "mood:happy", 0), "2");
    ck_assert_str_eq(counts_of(txn, NULL), "mood:happy=1/1");
    OK(crm_tag_add(txn, 1, "mood:happy", &nine, &er));
    ck_assert_str_eq(tags_of(txn, 1, 0), "mood:happy@9");
    OK(crm_tag_add(txn, 2, "mood:happy", &nine, &er));
    IS(CRM_DONE, crm_tag_add(txn, 2, "mood:happy", NULL, &er));
    ck_assert_str_eq(tags_of(txn, 2, 0), "mood:happy@9");
    OK(crm_tag_set(txn, 2, "mood", &happy, 1, NULL, &er));
    ck_assert_str_eq(tags_of(txn, 2, 0), "mood:happy");
    api_commit(txn);
    verify(db);
    crm_db_close(db);
    api_check_clean(api_path());
}

CRM_TEST(test_api_tag__renamed_merged_deleted)
{
    crm_tag_options five = how(AT(5), "why", CRM_TAG_RULE);
    crm_db *db = api_open_model(SHOP);
    uint64_t n;
    crm_txn *txn;

    make(db, 5);
    txn = begin_at(db, CRM_WRITE, AT(0), 0);
    OK(crm_tag_add(txn, 1, "region:cn/east", NULL, &er));
    OK(crm_tag_add(txn, 2, "region:cn/east/shanghai", NULL, &er));
    OK(crm_tag_add(txn, 3, "region:us", NULL, &er));
    OK(crm_tag_rename(txn, "region:cn/east", "region:cn/华南", &n, &er));
    ck_assert_uint_eq(n, 2);
    ck_assert_str_eq(counts_of(txn, NULL),
                     "region:cn/华南=1/2 region:cn/华南/shanghai=1/1 region:us=1/1");
    IS(CRM_EEXISTS, crm_tag_rename(txn, "region:us", "region:cn/华南", &n, &er));
    OK(crm_tag_merge(txn, "region:us", "region:cn/华南", &n, &er));
    ck_assert_uint_eq(n, 1);
    ck_assert_str_eq(who_has(txn, "region:cn", 0), "1,2,3");
    OK(crm_tag_add(txn, 4, "mood:a", &five, &er));
    OK(crm_tag_add(txn, 5, "mood:a", NULL, &er));
    OK(crm_tag_add(txn, 5, "mood:b", &five, &er));
    OK(crm_customer_delete(txn, 4, 0, &er));
    OK(crm_tag_merge(txn, "mood:a", "mood:b", &n, &er));
    ck_assert_uint_eq(n, 2);
    OK(crm_customer_undelete(txn, 4, 0, &er));
    ck_assert_str_eq(tags_of(txn, 4, 0), "mood:b@5");
    ck_assert_str_eq(tags_of(txn, 5, 0), "mood:b@5");
    OK(crm_tag_add(txn, 1, "value:low", NULL, &er));
    IS(CRM_EVALUE, crm_tag_merge(txn, "region:cn/华南", "value:high", &n, &er)); /* levels */
    OK(crm_tag_remove(txn, 2, "region:cn/华南/shanghai", &er));
    OK(crm_tag_merge(txn, "region:cn/华南", "value:high", &n, &er));
    ck_assert_str_eq(tags_of(txn, 1, 0), "value:high"); /* it has one */
    api_commit(txn);
    verify(db);
    txn = begin_at(db, CRM_WRITE, AT(0), 0);
    OK(crm_tag_delete(txn, "value:high", &n, &er));
    ck_assert_uint_eq(n, 2);
    ck_assert_str_eq(counts_of(txn, "value"), "");
    api_commit(txn);
    verify(db);
    crm_db_close(db);
    api_check_clean(api_path());
}

CRM_TEST(test_api_tag__the_feed_tells_tags)
{
    crm_db *db = api_open_model(SHOP);
    crm_change change = CRM_CHANGE_INIT;
    crm_id ids[] = {5, 2, 4, 2}, got[10];
    crm_change_iter *it;
    crm_tag_change tag = CRM_TAG_CHANGE_INIT;
    uint64_t n, before;
    const char *key;
    size_t count;
    char *json;
    crm_txn *txn;

    make(db, 5);
    txn = begin_at(db, CRM_WRITE, AT(0), 0);
    before = crm_txn_revision(txn);
    OK(crm_tag_add(txn, 3, "value:high", NULL, &er));
    OK(crm_tag_add(txn, 3, "value:low", NULL, &er));
    OK(crm_tag_add_many(txn, ids, 4, "free:a", NULL, &n, &er));
    ck_assert_uint_eq(n, 3);
    OK(crm_tag_add_many(txn, ids, 4, "free:a", NULL, &n, &er));
    ck_assert_uint_eq(n, 0);
    OK(crm_tag_remove_many(txn, ids, 2, "free:a", &n, &er));
    ck_assert_uint_eq(n, 2);
    ck_assert_uint_eq(crm_txn_revision(txn), before + 4);
    api_commit(txn);
    txn = begin_at(db, CRM_READ, 0, 0);
    OK(crm_change_list(txn, before + 1, &it, &er));
    OK(crm_change_next(it, &change, &er));
    ck_assert_uint_eq(change.action, CRM_ACTION_TAG);
    ck_assert_uint_eq(change.target, 3);
    ck_assert(change.field_count == 0 && change.tag_count == 2);
    IS(CRM_ENOTFOUND, crm_change_field(it, 0, &key, &er));
    OK(crm_change_tag(it, 1, &tag, &er));
    ck_assert_str_eq(tag.tag, "value:low");
    ck_assert(tag.given == 1 && !tag.taken && !tag.renewed);
    IS(CRM_ENOTFOUND, crm_change_tag(it, 2, &tag, &er));
    IS(CRM_ENOTFOUND, crm_change_tagged(it, 2, CRM_TAG_GIVEN, 0, got, 10, &count, &er));
    IS(CRM_EINVAL, crm_change_tagged(it, 1, 0, 0, got, 10, &count, &er));
    IS(CRM_EINVAL, crm_change_tagged(it, 1, 4, 0, got, 10, &count, &er));
    IS(CRM_EINVAL, crm_change_tagged(it, 1, CRM_TAG_GIVEN, 0, NULL, 10, &count, &er));
    IS(CRM_EINVAL, crm_change_tagged(it, 1, CRM_TAG_GIVEN, 0, got, 10, NULL, &er));
    IS(CRM_EINVAL, crm_change_tag(it, 0, NULL, &er));
    OK(crm_change_customers(it, CRM_CHANGE_TAGGED, 0, got, 10, &count, &er));
    ck_assert(count == 1 && got[0] == 3);
    OK(crm_change_json(it, &json, NULL, &er));
    ck_assert_ptr_nonnull(strstr(json, "\"action\":\"tag\",\"customer\":3"));
    ck_assert_ptr_nonnull(strstr(json, "\"tags\":[{\"tag\":\"value:high\",\"taken\":[[3,3]]},"
                                       "{\"tag\":\"value:low\",\"given\":[[3,3]]}]"));
    crm_free(json);
    OK(crm_change_next(it, &change, &er));
    ck_assert_uint_eq(change.action, CRM_ACTION_BATCH);
    OK(crm_change_customers(it, CRM_CHANGE_TAGGED, 0, got, 10, &count, &er));
    ck_assert(count == 3 && got[0] == 2 && got[1] == 4 && got[2] == 5);
    OK(crm_change_customers(it, CRM_CHANGE_TAGGED, 2, got, 1, &count, &er));
    ck_assert(count == 1 && got[0] == 4);
    OK(crm_change_json(it, &json, NULL, &er));
    ck_assert_ptr_nonnull(strstr(json, "\"tags\":[{\"tag\":\"free:a\",\"given\":[[2,2],[4,5]]}]"));
    crm_free(json);
    crm_change_close(it);
    OK(crm_txn_abort(txn));
    crm_db_close(db);
}

CRM_TEST(test_api_tag__a_batch_is_undone_but_for_what_changed_since)
{
    crm_tag_options five = how(AT(5), "why", CRM_TAG_RULE), nine = how(AT(9), NULL, 0);
    crm_undo_result done = {sizeof done, 0, 0, 0, 0, 0, 0};
    crm_db *db = api_open_model(SHOP);
    crm_id ids[] = {1, 2, 3};
    uint64_t batch, single, n;
    crm_txn *txn;

    make(db, 4);
    txn = begin_at(db, CRM_WRITE, AT(0), 0);
    OK(crm_tag_add(txn, 1, "value:low", NULL, &er));
    OK(crm_tag_add(txn, 1, "mood:a", &five, &er));
    OK(crm_tag_add(txn, 2, "free:x", NULL, &er));
    api_commit(txn);
    txn = begin_at(db, CRM_WRITE, AT(0), CRM_BATCH_NEW);
    OK(crm_tag_add(txn, 1, "value:high", NULL, &er));
    OK(crm_tag_add(txn, 1, "mood:a", &nine, &er));
    OK(crm_tag_remove(txn, 2, "free:x", &er));
    OK(crm_tag_add(txn, 3, "free:y", NULL, &er));
    OK(crm_tag_add(txn, 4, "value:mid", NULL, &er));
    batch = crm_txn_batch(txn);
    api_commit(txn);
    txn = begin_at(db, CRM_WRITE, AT(0), 0);
    OK(crm_undo(txn, batch, 0, NULL, NULL, &done, &er));
    ck_assert_uint_eq(done.tags, 6);
    ck_assert_str_eq(tags_of(txn, 1, 0), "value:low mood:a@5");
    ck_assert_str_eq(tags_of(txn, 2, 0), "free:x");
    ck_assert_str_eq(tags_of(txn, 3, 0), "");
    ck_assert_str_eq(tags_of(txn, 4, 0), "");
    api_commit(txn);
    verify(db);
    txn = begin_at(db, CRM_WRITE, AT(0), 0);
    OK(crm_undo(txn, done.batch, 0, NULL, NULL, NULL, &er)); /* and back */
    ck_assert_str_eq(tags_of(txn, 1, 0), "value:high mood:a@9");
    ck_assert_str_eq(tags_of(txn, 3, 0), "free:y");
    api_commit(txn);
    txn = begin_at(db, CRM_WRITE, AT(0), 0);
    OK(crm_tag_add_many(txn, ids, 3, "free:z", NULL, &n, &er));
    batch = crm_txn_revision(txn);
    OK(crm_tag_remove(txn, 2, "free:z", &er));
    single = crm_txn_revision(txn);
    api_commit(txn);
    txn = begin_at(db, CRM_WRITE, AT(0), 0);
    IS(CRM_ECONFLICT, crm_undo(txn, batch, 0, NULL, NULL, &done, &er));
    ck_assert_str_eq(who_has(txn, "free:z", 0), "1,3");
    OK(crm_undo(txn, batch, CRM_UNDO_SKIP, NULL, NULL, &done, &er));
    ck_assert_uint_eq(done.skipped, 1);
    ck_assert_uint_eq(done.tags, 2);
    ck_assert_str_eq(who_has(txn, "free:z", 0), "");
    OK(crm_undo(txn, single, 0, NULL, NULL, &done, &er));
    ck_assert_str_eq(who_has(txn, "free:z", 0), "2");
    api_commit(txn);
    verify(db);
    crm_db_close(db);
    api_check_clean(api_path());
}

CRM_TEST(test_api_tag__tags_are_in_the_dump)
{
    crm_tag_options five = how(AT(5), "为什么", CRM_TAG_RULE);
    crm_dump_options o = CRM_DUMP_OPTIONS_INIT;
    char one[600], two[600], path[600], *a, *b;
    const char *mood = "mood:a";
    crm_db *db = api_open_model(SHOP);
    size_t n = 0, k = 0;
    crm_txn *txn;

    make(db, 5);
    txn = begin_at(db, CRM_WRITE, AT(0), CRM_BATCH_NEW);
    OK(crm_tag_add(txn, 1, "value:high", NULL, &er));
    OK(crm_tag_add(txn, 2, "mood:a", &five, &er));
    api_commit(txn);
    txn = begin_at(db, CRM_WRITE, AT(0), 0);
    OK(crm_tag_remove(txn, 1, "value:high", &er));
    OK(crm_tag_set(txn, 2, "mood", &mood, 1, NULL, &er));
    OK(crm_tag_add(txn, 5, "region:上海", NULL, &er));
    api_commit(txn);
    snprintf(one, sizeof one, "%s/one.jsonl", crmtest_dir());
    snprintf(two, sizeof two, "%s/two.jsonl", crmtest_dir());
    snprintf(path, sizeof path, "%s/loaded", crmtest_dir());
    OK(crm_dump(db, one, &o, 0, NULL, &er));
    crm_db_close(db);
    OK(crm_load(one, path, &o, 0, NULL, &er));
    api_check_clean(path);
    OK(crm_db_open(path, NULL, &db, &er));
    OK(crm_dump(db, two, &o, 0, NULL, &er));
    txn = begin_at(db, CRM_READ, AT(0), 0);
    ck_assert_str_eq(tags_of(txn, 2, 0), "mood:a");
    ck_assert_str_eq(tags_of(txn, 5, 0), "region:cn/east/shanghai");
    OK(crm_txn_abort(txn));
    verify(db);
    crm_db_close(db);
    a = api_file(one, &n);
    b = api_file(two, &k);
    ck_assert(n == k && !memcmp(a, b, n));
    ck_assert_ptr_nonnull(strstr(a, "\"what\":\"renewed\""));
    free(a);
    free(b);
}

CRM_TEST(test_api_tag__given_again_without_an_end_keeps_it)
{
    crm_db *db = api_open_model(SHOP);
    crm_tag_options o = how(AT(5), "why", CRM_TAG_RULE);
    crm_id ids[2] = {1, 2};
    const char *a = "mood:a";
    uint64_t n;
    crm_txn *txn;

    make(db, 2);
    txn = begin_at(db, CRM_WRITE, AT(1), 0);
    OK(crm_tag_add(txn, 1, a, &o, &er));
    IS(CRM_DONE, crm_tag_add(txn, 1, a, NULL, &er));
    OK(crm_customer_patch_json(txn, 1, 0, "{\"tags\":[\"mood:a\"]}", CRM_NUL, &er));
    OK(crm_tag_add_many(txn, ids, 2, a, NULL, &n, &er));
    ck_assert_uint_eq(n, 1);
    ck_assert_str_eq(tags_of(txn, 1, 0), "mood:a@5");
    ck_assert_str_eq(tags_of(txn, 2, 0), "mood:a");
    OK(crm_tag_set(txn, 1, "mood", &a, 1, NULL, &er)); /* which says all of it */
    ck_assert_str_eq(tags_of(txn, 1, 0), "mood:a");
    OK(crm_tag_add(txn, 1, a, &o, &er));
    OK(crm_tag_add(txn, 2, a, &o, &er));
    api_commit(txn);
    txn = begin_at(db, CRM_WRITE, AT(6), 0); /* over: given anew */
    ck_assert_str_eq(tags_of(txn, 1, 0), "");
    OK(crm_tag_add(txn, 1, a, NULL, &er));
    OK(crm_tag_add_many(txn, ids, 2, a, NULL, &n, &er));
    ck_assert_uint_eq(n, 1);
    ck_assert_str_eq(tags_of(txn, 1, 0), "mood:a");
    ck_assert_str_eq(tags_of(txn, 2, 0), "mood:a");
    api_commit(txn);
    verify(db);
    crm_db_close(db);
}

CRM_TEST(test_api_tag__a_document_gives_and_takes)
{
    static const char *const BAD[] = {"{\"tags\":1}",
                                      "{\"tags\":[1]}",
                                      "{\"tags\":[\"free\"]}",
                                      "{\"tags\":{\"a\":[]}}",
                                      "{\"tags\":[{\"tag\":\"free:x\",\"until\":\"2030-01-01\"}]}",
                                      "{\"tags\":[{\"until\":\"2030-01-01\"}]}"};
    crm_db *db = api_open_model(SHOP);
    crm_txn *txn = begin_at(db, CRM_WRITE, AT(0), 0);
    crm_id id = api_create(
        txn, "{\"tags\":[\"region:上海\",{\"tag\":\"mood:a\",\"until\":\"2030-01-01T00:00:00Z\","
             "\"reason\":\"fair\"}]}");

    ck_assert_ptr_nonnull(strstr(api_json(txn, id, CRM_JSON_TAGS),
                                 "\"tags\":[\"region:cn/east/shanghai\",{\"tag\":\"mood:a\","
                                 "\"until\":\"2030-01-01T00:00:00Z\"}]"));
    OK(crm_customer_patch_json(
        txn, id, 0, "{\"标签\":{\"add\":[\"free:x\"],\"remove\":[\"region:cn/east/shanghai\"]}}",
        CRM_NUL, &er));
    ck_assert_str_eq(who_has(txn, "region:cn", 0), "");
    ck_assert_str_eq(who_has(txn, "free:x", 0), "1");
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
        IS(CRM_EVALUE, crm_customer_patch_json(txn, id, 0, BAD[i], CRM_NUL, &er));
    api_commit(txn);
    verify(db);
    crm_db_close(db);
    api_check_clean(api_path());
}

typedef struct lost {
    uint64_t values[16];
    size_t n;
} lost;

static void on_finding(const crm_finding *f, void *ctx)
{
    lost *l = ctx;

    if (f->severity == CRM_FINDING_LOSS)
        l->values[l->n++] = f->values;
}

CRM_TEST(test_api_tag__a_plan_counts_the_tags_that_a_model_loses)
{
    static const char HEAD[] = "crm: 1\nfields: {name: {type: text}}\ntags:\n";
    static const struct {
        const char *tags;
        size_t n;
        uint64_t values[3];
    } CASES[] = {
        {"  region: {hierarchical: true}\n  free:\n  mood: {expires: true}\n", 0, {0}},
        {"  region: {hierarchical: true}\n  mood: {expires: true}\n", 1, {4}},
        {"  region: \n  free:\n  mood: {expires: true}\n", 1, {2}},
        {"  region: {hierarchical: true}\n  free: {one: true}\n  mood: {expires: true}\n", 1, {1}},
        {"  region: {hierarchical: true}\n  free: {closed: true, values: [x]}\n  mood: {expires: "
         "true}\n",
         1,
         {2}},
        {"  region: {hierarchical: true}\n  free:\n  mood:\n", 1, {1}},
    };
    crm_tag_options five = how(AT(5), NULL, 0);
    char yaml[500];
    crm_db *db;
    crm_txn *txn;

    snprintf(yaml, sizeof yaml, "%s%s", HEAD, CASES[0].tags);
    db = api_open_model(yaml);
    make(db, 3);
    txn = begin_at(db, CRM_WRITE, AT(0), 0);
    OK(crm_tag_add(txn, 1, "region:cn", NULL, &er));
    OK(crm_tag_add(txn, 2, "region:cn/east", NULL, &er));
    OK(crm_tag_add(txn, 3, "region:cn/east", NULL, &er));
    OK(crm_tag_add(txn, 1, "free:x", NULL, &er));
    OK(crm_tag_add(txn, 1, "free:y", NULL, &er));
    OK(crm_tag_add(txn, 1, "free:z", NULL, &er));
    OK(crm_tag_add(txn, 2, "free:x", NULL, &er));
    OK(crm_tag_add(txn, 1, "mood:a", NULL, &er));
    OK(crm_tag_add(txn, 2, "mood:a", &five, &er));
    api_commit(txn);
    txn = begin_at(db, CRM_READ, AT(0), 0);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        lost l = {{0}, 0};
        snprintf(yaml, sizeof yaml, "%s%s", HEAD, CASES[i].tags);
        IS(CASES[i].n ? CRM_EREFUSED : CRM_OK,
           crm_model_plan(txn, yaml, CRM_NUL, on_finding, &l, &er));
        ck_assert_uint_eq(l.n, CASES[i].n);
        for (size_t k = 0; k < l.n; k++)
            ck_assert_uint_eq(l.values[k], CASES[i].values[k]);
    }
    OK(crm_txn_abort(txn));
    crm_db_close(db);
}

static const char LEVELS[] = "crm: 1\n"
                             "fields: {name: {type: text}}\n"
                             "tags:\n"
                             "  many: {hierarchical: true}\n"
                             "  one: {one: true, hierarchical: true}\n"
                             "  ends: {expires: true}\n"
                             "  last: {one: true, expires: true}\n"
                             "  free:\n";

CRM_TEST(test_api_tag__a_merge_into_a_dimension_with_one_leaves_one)
{
    static const char *const ABC[] = {"a", "a/b", "a/c"};
    crm_undo_result done = {sizeof done, 0, 0, 0, 0, 0, 0};
    crm_db *db = api_open_model(LEVELS);
    crm_txn *txn;
    uint64_t n;

    make(db, 3);
    txn = begin_at(db, CRM_WRITE, AT(0), 0);
    OK(crm_tag_set(txn, 1, "many", ABC, 3, NULL, &er));
    OK(crm_tag_set(txn, 2, "many", ABC, 1, NULL, &er));
    OK(crm_tag_set(txn, 3, "many", ABC, 2, NULL, &er));
    OK(crm_tag_add(txn, 2, "one:x/c", NULL, &er));
    OK(crm_tag_add(txn, 3, "one:x", NULL, &er));
    OK(crm_tag_merge(txn, "many:a", "one:x", &n, &er));
    ck_assert_uint_eq(n, 6);
    ck_assert_str_eq(tags_of(txn, 1, 0), "one:x/c"); /* the last one */
    ck_assert_str_eq(tags_of(txn, 2, 0), "one:x");
    ck_assert_str_eq(tags_of(txn, 3, 0), "one:x/b");
    done.batch = crm_txn_revision(txn);
    api_commit(txn);
    verify(db);
    for (int i = 0; i < 4; i++) {
        txn = begin_at(db, CRM_WRITE, AT(0), 0);
        OK(crm_undo(txn, done.batch, 0, NULL, NULL, &done, &er));
        ck_assert_str_eq(tags_of(txn, 1, 0), i % 2 ? "one:x/c" : "many:a many:a/b many:a/c");
        ck_assert_str_eq(tags_of(txn, 2, 0), i % 2 ? "one:x" : "many:a one:x/c");
        ck_assert_str_eq(tags_of(txn, 3, 0), i % 2 ? "one:x/b" : "many:a many:a/b one:x");
        api_commit(txn);
    }
    verify(db);
    crm_db_close(db);
    api_check_clean(api_path());
}

CRM_TEST(test_api_tag__ends_in_a_merge)
{
    crm_tag_options five = how(AT(5), "why", CRM_TAG_RULE), nine = how(AT(9), "later", 0);
    crm_db *db = api_open_model(LEVELS);
    crm_savepoint mark;
    crm_txn *txn;
    uint64_t n;

    make(db, 6);
    txn = begin_at(db, CRM_WRITE, AT(0), 0);
    OK(crm_tag_add(txn, 1, "ends:a", &five, &er));
    OK(crm_tag_add(txn, 1, "ends:b", &nine, &er));
    OK(crm_tag_add(txn, 2, "ends:a", &nine, &er));
    OK(crm_tag_add(txn, 2, "ends:b", &five, &er));
    OK(crm_tag_add(txn, 3, "ends:a", NULL, &er));
    OK(crm_tag_add(txn, 3, "ends:b", &five, &er));
    OK(crm_tag_add(txn, 4, "ends:a", &five, &er));
    OK(crm_tag_add(txn, 5, "ends:a", &five, &er));
    OK(crm_tag_add(txn, 5, "last:x", NULL, &er));
    OK(crm_tag_add(txn, 6, "ends:a", NULL, &er));
    OK(crm_tag_add(txn, 6, "last:x", NULL, &er));
    api_commit(txn);

    txn = begin_at(db, CRM_WRITE, AT(7), 0); /* what ends at 5 has ended */
    OK(crm_txn_savepoint(txn, &mark, &er));
    IS(CRM_EEXISTS, crm_tag_rename(txn, "ends:a", "ends:b", &n, &er));
    OK(crm_tag_remove(txn, 1, "ends:b", &er));
    OK(crm_tag_rename(txn, "ends:a", "ends:b", &n, &er)); /* who has it has it no more */
    OK(crm_txn_rollback(txn, mark, &er));
    OK(crm_txn_savepoint(txn, &mark, &er));
    OK(crm_tag_merge(txn, "ends:a", "ends:b", &n, &er));
    ck_assert_uint_eq(n, 6);
    ck_assert_str_eq(tags_of(txn, 1, CRM_TAG_ENDED), "ends:b@9");
    ck_assert_str_eq(tags_of(txn, 2, CRM_TAG_ENDED), "ends:b@9");
    ck_assert_str_eq(tags_of(txn, 3, CRM_TAG_ENDED), "ends:b");
    ck_assert_str_eq(tags_of(txn, 4, CRM_TAG_ENDED), "ends:b@5");
    ck_assert_str_eq(tags_of(txn, 4, 0), "");
    OK(crm_txn_rollback(txn, mark, &er));
    OK(crm_txn_savepoint(txn, &mark, &er));
    OK(crm_tag_merge(txn, "ends:a", "last:y", &n, &er));
    ck_assert_str_eq(tags_of(txn, 4, CRM_TAG_ENDED), "last:y@5");
    ck_assert_str_eq(tags_of(txn, 5, CRM_TAG_ENDED),
                     "last:x"); /* has nothing that takes its place */
    ck_assert_str_eq(tags_of(txn, 6, CRM_TAG_ENDED), "last:y");
    OK(crm_txn_rollback(txn, mark, &er));
    OK(crm_txn_savepoint(txn, &mark, &er));
    IS(CRM_EVALUE, crm_tag_merge(txn, "ends:a", "free:x", &n, &er)); /* 2: an end to come */
    ck_assert_str_eq(who_has(txn, "free:x", 0), "");
    OK(crm_tag_remove(txn, 2, "ends:a", &er));
    OK(crm_tag_add(txn, 2, "ends:a", NULL, &er));
    OK(crm_tag_merge(txn, "ends:a", "free:x", &n, &er));
    ck_assert_uint_eq(n, 6);
    ck_assert_str_eq(who_has(txn, "free:x", 0), "2,3,6"); /* ended ones do not come back */
    ck_assert_str_eq(tags_of(txn, 1, CRM_TAG_ENDED), "ends:b@9");
    api_commit(txn);
    verify(db);
    crm_db_close(db);
    api_check_clean(api_path());
}

CRM_TEST(test_api_tag__a_rename_keeps_each_way_of_giving)
{
    enum { MANY = 300 };
    crm_db *db = api_open_model(LEVELS);
    crm_tag tag = CRM_TAG_INIT;
    char reason[40];
    crm_tag_iter *it;
    crm_txn *txn;
    uint64_t n;

    make(db, MANY);
    txn = begin_at(db, CRM_WRITE, AT(0), 0);
    for (int i = 1; i <= MANY; i++) { /* many alike, some few alike, some alone */
        crm_tag_options o;
        snprintf(reason, sizeof reason, "why %d", i % 5 == 0 ? i : i % 3);
        o = how(i % 7 ? 0 : AT(i), reason, (uint32_t)i % 3);
        OK(crm_tag_add(txn, (crm_id)i, "ends:a", &o, &er));
    }
    OK(crm_tag_rename(txn, "ends:a", "ends:b", &n, &er));
    ck_assert_uint_eq(n, MANY);
    ck_assert_str_eq(counts_of(txn, "ends"), "ends:b=300/300");
    for (int i = 1; i <= MANY; i++) {
        snprintf(reason, sizeof reason, "why %d", i % 5 == 0 ? i : i % 3);
        OK(crm_tag_list(txn, (crm_id)i, 0, &it, &er));
        OK(crm_tag_next(it, &tag, &er));
        ck_assert_str_eq(tag.tag, "ends:b");
        ck_assert_str_eq(tag.reason, reason);
        ck_assert_uint_eq(tag.origin, (uint32_t)i % 3);
        ck_assert_int_eq(tag.until_us, i % 7 ? 0 : AT(i));
        crm_tag_list_close(it);
    }
    api_commit(txn);
    verify(db);
    crm_db_close(db);
    api_check_clean(api_path());
}

/* Ends of many neighbours, each its own, changed one by one and then read, questioned, dumped. */
CRM_TEST(test_api_tag__each_neighbour_has_its_own_end)
{
    enum { MOST = 2500 };
    const int many = (int)crmtest_rounds(1100, MOST); /* usually more than one block */
    crm_db *db = api_open_model(SHOP);
    crm_dump_options none = CRM_DUMP_OPTIONS_INIT;
    static int end[MOST + 1];
    crm_txn *txn;
    char copy[600], file[600];

    state = crmtest_seed();
    snprintf(copy, sizeof copy, "%s/copy", crmtest_dir());
    snprintf(file, sizeof file, "%s/dump", crmtest_dir());
    make(db, many);
    txn = begin_at(db, CRM_WRITE, 0, CRM_BATCH_NEW);
    for (int round = 0; round < 3; round++) {
        for (int i = 1; i <= many; i++) {
            int at = round && below(3) ? end[i] : (int)below(5) ? 1 + (int)below(4000) : 0;
            crm_tag_options o = how(at ? AT(at) : 0, NULL, 0);
            int rc = crm_tag_add(txn, (crm_id)i, "mood:a", &o, &er);
            if (!at && round)
                at = end[i]; /* it keeps its end */
            IS(!round || at != end[i] ? CRM_OK : CRM_DONE, rc);
            end[i] = at;
            if (round == 2 && i % 50 == 0) {
                OK(crm_tag_remove(txn, (crm_id)i, "mood:a", &er));
                end[i] = -1;
            }
        }
    }
    api_commit(txn);
    for (int turn = 0; turn < 3; turn++) {
        int hour = 1 + (int)below(4200);
        crm_segment *s;
        uint64_t count, want = 0;
        if (turn == 2) {
            OK(crm_dump(db, file, &none, 0, NULL, &er));
            crm_db_close(db);
            OK(crm_load(file, copy, &none, 0, NULL, &er));
            OK(crm_db_open(copy, NULL, &db, &er));
        }
        txn = begin_at(db, turn == 1 ? CRM_WRITE : CRM_READ, AT(hour), 0);
        if (turn == 1) { /* as the transaction sees its own */
            crm_tag_options o = how(AT(hour), NULL, 0);
            OK(crm_tag_add(txn, 7, "mood:a", &o, &er));
            end[7] = hour;
        }
        for (int i = 1; i <= many; i++)
            want += end[i] == 0 || end[i] > hour;
        OK(crm_segment_parse(txn, "tag(mood:a)", CRM_NUL, &s, &er));
        OK(crm_segment_count(txn, s, NULL, &count, &er));
        ck_assert_uint_eq(count, want);
        crm_segment_free(s);
        for (int i = 1; i <= many; i += 97) {
            char text[40];
            snprintf(text, sizeof text, end[i] ? "mood:a@%d" : "mood:a", end[i]);
            ck_assert_str_eq(tags_of(txn, (crm_id)i, CRM_TAG_BRIEF),
                             end[i] == 0 || end[i] > hour ? text : "");
        }
        if (turn == 1)
            api_commit(txn);
        else
            crm_txn_abort(txn);
    }
    verify(db);
    crm_db_close(db);
    api_check_clean(copy);
    api_check_clean(api_path());
}

/* ---- random changes against an oracle ---- */

static const struct {
    const char *name;
    int dimension; /* place in SHOP */
} TAGS[] = {{"region:cn", 0}, {"region:cn/east", 0}, {"region:cn/east/shanghai", 0},
            {"region:us", 0}, {"value:high", 1},     {"value:low", 1},
            {"value:mid", 1}, {"mood:a", 2},         {"mood:b", 2},
            {"stage:one", 3}, {"stage:two", 3},      {"free:x", 4},
            {"free:y", 4},    {"free:z", 4}};
static const char *const DIMENSIONS[] = {"region", "value", "mood", "stage", "free"};
enum { TAG_COUNT = 14, PEOPLE = 40 };

typedef struct world {
    int has[PEOPLE + 1][TAG_COUNT];
    int until[PEOPLE + 1][TAG_COUNT]; /* hours, 0: none */
    int deleted[PEOPLE + 1];
} world;

static int one_of(int d)
{
    return d == 1 || d == 3;
}

static int ends(int d)
{
    return d == 2 || d == 3;
}

/* 1 when it changed something. */
static int give(world *w, int id, int t, int until)
{
    int changed = 0;

    for (int i = 0; i < TAG_COUNT && one_of(TAGS[t].dimension); i++) {
        if (i != t && TAGS[i].dimension == TAGS[t].dimension && w->has[id][i]) {
            w->has[id][i] = 0;
            changed = 1;
        }
    }
    if (!w->has[id][t] || w->until[id][t] != until) {
        w->has[id][t] = 1;
        w->until[id][t] = until;
        changed = 1;
    }
    return changed;
}

/* As crm_tag_add() does: a tag that is there and not over keeps its end when none is asked for. */
static int add(world *w, int id, int t, int until, int hour)
{
    if (!until && w->has[id][t] && w->until[id][t] > hour)
        until = w->until[id][t];
    return give(w, id, t, until);
}

static void compare(crm_txn *txn, const world *w, int now)
{
    char want[2000];

    for (int id = 1; id <= PEOPLE; id++) {
        size_t n = 0;
        *want = 0;
        for (int d = 0; d < 5; d++) {
            for (int t = 0; t < TAG_COUNT; t++) {
                if (TAGS[t].dimension != d || !w->has[id][t])
                    continue;
                if (w->until[id][t] && w->until[id][t] <= now)
                    continue;
                n +=
                    (size_t)snprintf(want + n, sizeof want - n, "%s%s", n ? " " : "", TAGS[t].name);
                if (w->until[id][t])
                    n += (size_t)snprintf(want + n, sizeof want - n, "@%d", w->until[id][t]);
            }
        }
        ck_assert_str_eq(tags_of(txn, (crm_id)id, id % 2 ? CRM_TAG_BRIEF : 0), want);
    }
    for (int t = 0; t < TAG_COUNT; t++) {
        size_t n = 0;
        *want = 0;
        for (int id = 1; id <= PEOPLE; id++) {
            if (w->has[id][t] && !w->deleted[id] && !(w->until[id][t] && w->until[id][t] <= now))
                n += (size_t)snprintf(want + n, sizeof want - n, "%s%d", n ? "," : "", id);
        }
        ck_assert_str_eq(who_has(txn, TAGS[t].name, CRM_TAG_EXACT), want);
    }
}

/* Some tags of a random dimension. */
typedef struct some {
    const char *list[3];
    int d, n, chosen[3];
} some;

static some choose(void)
{
    some c = {{NULL}, (int)below(5), 0, {0}};
    int most = one_of(c.d) ? 1 : 3;

    for (int t = 0; t < TAG_COUNT && c.n < most; t++) {
        if (TAGS[t].dimension == c.d && below(2)) {
            c.chosen[c.n] = t;
            c.list[c.n++] = TAGS[t].name;
        }
    }
    return c;
}

/* Whether it changes anything. */
static int set(world *w, const some *c, int id, int until)
{
    world before = *w;
    int changed = 0;

    for (int t = 0; t < TAG_COUNT; t++) {
        int keep = 0;
        for (int i = 0; i < c->n; i++)
            keep |= c->chosen[i] == t;
        if (TAGS[t].dimension == c->d && !keep)
            w->has[id][t] = 0;
    }
    for (int i = 0; i < c->n; i++)
        give(w, id, c->chosen[i], until);
    for (int t = 0; t < TAG_COUNT; t++)
        changed |= before.has[id][t] != w->has[id][t] ||
                   (w->has[id][t] && before.until[id][t] != w->until[id][t]);
    return changed;
}

static void random_set(crm_txn *txn, world *w, int id)
{
    some c = choose();
    int changed = set(w, &c, id, 0);

    IS(changed ? CRM_OK : CRM_DONE,
       crm_tag_set(txn, (crm_id)id, DIMENSIONS[c.d], c.n ? c.list : NULL, (size_t)c.n, NULL, &er));
}

/* A list, or all of them as a segment. */
static void random_set_many(crm_txn *txn, world *w)
{
    some c = choose();
    int whole = (int)below(2), until = c.n && ends(c.d) && below(2) ? 1 + (int)below(20) : 0;
    crm_tag_options o = how(until ? AT(until) : 0, below(2) ? "set" : NULL, CRM_TAG_RULE);
    uint64_t changed = 99, want = 0;
    crm_id ids[PEOPLE];
    crm_segment *s;
    size_t n = 0;

    for (int id = PEOPLE; id > 0; id--) {
        if (w->deleted[id] || (!whole && below(3)))
            continue;
        ids[n++] = (crm_id)id;
        want += (uint64_t)set(w, &c, id, until);
    }
    if (whole) {
        OK(crm_segment_parse(txn, "all", CRM_NUL, &s, &er));
        OK(crm_segment_tag_set(txn, s, DIMENSIONS[c.d], c.n ? c.list : NULL, (size_t)c.n, &o, NULL,
                               &changed, &er));
        crm_segment_free(s);
    } else {
        OK(crm_tag_set_many(txn, ids, n, DIMENSIONS[c.d], c.n ? c.list : NULL, (size_t)c.n, &o,
                            &changed, &er));
    }
    ck_assert_uint_eq(changed, want);
}

static void random_many(crm_txn *txn, world *w, int t, int until, int on, int hour)
{
    crm_tag_options o = how(until ? AT(until) : 0, "many", CRM_TAG_RULE);
    uint64_t changed, want = 0;
    crm_id ids[PEOPLE];
    size_t n = 0;

    for (int id = 1; id <= PEOPLE; id++) {
        if (w->deleted[id] || below(3))
            continue;
        ids[n++] = (crm_id)id;
        if (on) {
            want +=
                !w->has[id][t] || (w->until[id][t] != until && (until || w->until[id][t] <= hour));
            add(w, id, t, until, hour);
        } else {
            want += (uint64_t)w->has[id][t];
            w->has[id][t] = 0;
        }
    }
    if (on)
        OK(crm_tag_add_many(txn, ids, n, TAGS[t].name, &o, &changed, &er));
    else
        OK(crm_tag_remove_many(txn, ids, n, TAGS[t].name, &changed, &er));
    ck_assert_uint_eq(changed, want);
}

static int had_at(const world *w, int id, int t, int hour)
{
    return w->has[id][t] && !(w->until[id][t] && w->until[id][t] <= hour);
}

/* A tag that has ended is moved only to where it is in nobody's way. */
static void merge_one(world *w, int id, int from, int to, int hour)
{
    int until = ends(TAGS[from].dimension) ? w->until[id][from] : 0, free = !w->has[id][to];

    w->has[id][from] = 0;
    for (int t = 0; t < TAG_COUNT && one_of(TAGS[to].dimension); t++)
        free &= TAGS[t].dimension != TAGS[to].dimension || !w->has[id][t];
    if (until && until <= hour) {
        if (free && ends(TAGS[to].dimension))
            give(w, id, to, until);
    } else if (!had_at(w, id, to, hour)) {
        give(w, id, to, until);
    }
}

static void random_merge(crm_txn *txn, world *w, int from, int to, int hour)
{
    uint64_t touched, want = 0;
    int rc, refused = 0;
    world before = *w;

    /* Levels make several of one; that has a case of its own. */
    if (from == to || TAGS[from].dimension == 0 || TAGS[to].dimension == 0)
        return;
    for (int id = 1; id <= PEOPLE; id++) {
        if (!w->has[id][from])
            continue;
        want++;
        refused |= ends(TAGS[from].dimension) && !ends(TAGS[to].dimension) &&
                   w->until[id][from] > hour && !had_at(w, id, to, hour);
        merge_one(w, id, from, to, hour);
    }
    rc = crm_tag_merge(txn, TAGS[from].name, TAGS[to].name, &touched, &er);
    IS(refused ? CRM_EVALUE : want ? CRM_OK : CRM_ENOTFOUND, rc);
    if (refused)
        *w = before;
    else if (want)
        ck_assert_uint_eq(touched, want);
}

static void random_change(crm_txn *txn, world *w, int hour)
{
    int id = 1 + (int)below(PEOPLE), t = (int)below(TAG_COUNT);
    int until = ends(TAGS[t].dimension) && below(2) ? 1 + (int)below(20) : 0;
    crm_tag_options o = how(until ? AT(until) : 0, below(2) ? "because" : NULL, (uint32_t)below(3));

    switch (below(13)) {
    case 12:
        random_set_many(txn, w);
        break;
    case 0:
        random_many(txn, w, t, until, 1, hour);
        break;
    case 1:
        random_many(txn, w, t, 0, 0, hour);
        break;
    case 2:
        random_merge(txn, w, t, (int)below(TAG_COUNT), hour);
        break;
    case 3:
        IS(w->deleted[id] ? CRM_ENOTFOUND : CRM_OK, crm_customer_delete(txn, (crm_id)id, 0, &er));
        w->deleted[id] = 1;
        break;
    case 4:
    case 5:
        for (id = 1; id < PEOPLE && !w->deleted[id];)
            id++;
        if (w->deleted[id])
            OK(crm_customer_undelete(txn, (crm_id)id, 0, &er));
        w->deleted[id] = 0;
        break;
    case 6:
        if (!w->deleted[id])
            random_set(txn, w, id);
        break;
    case 7:
    case 8:
        if (w->deleted[id])
            break;
        IS(w->has[id][t] ? CRM_OK : CRM_DONE, crm_tag_remove(txn, (crm_id)id, TAGS[t].name, &er));
        w->has[id][t] = 0;
        break;
    default:
        if (w->deleted[id]) {
            IS(CRM_ENOTFOUND, crm_tag_add(txn, (crm_id)id, TAGS[t].name, &o, &er));
            break;
        }
        IS(add(w, id, t, until, hour) ? CRM_OK : CRM_DONE,
           crm_tag_add(txn, (crm_id)id, TAGS[t].name, &o, &er));
    }
}

CRM_TEST(test_api_tag__random_changes_match_an_oracle)
{
    crm_db *db = api_open_model(SHOP);
    static world now, saved, committed;
    int rounds = (int)crmtest_rounds(60, 600);

    state = crmtest_seed();
    memset(&committed, 0, sizeof committed);
    make(db, PEOPLE);
    for (int round = 0; round < rounds; round++) {
        crm_savepoint mark = 0;
        int hour = (int)below(20), batch = below(2) != 0;
        crm_txn *txn = begin_at(db, CRM_WRITE, AT(hour), batch ? CRM_BATCH_NEW : 0);
        now = committed;
        for (int i = (int)below(25); i > 0; i--) {
            random_change(txn, &now, hour);
            if (!below(8)) {
                OK(crm_txn_savepoint(txn, &mark, &er));
                saved = now;
            } else if (mark && !below(6)) {
                OK(crm_txn_rollback(txn, mark, &er));
                now = saved;
            }
        }
        if (!below(3))
            compare(txn, &now, hour);
        if (below(5)) {
            OK(crm_txn_commit(txn, &er));
            committed = now;
        } else {
            OK(crm_txn_abort(txn));
        }
        if (!below(6)) {
            crm_db_close(db);
            OK(crm_db_open(api_path(), NULL, &db, &er));
        }
        hour = (int)below(20);
        txn = begin_at(db, CRM_READ, AT(hour), 0);
        compare(txn, &committed, hour);
        OK(crm_txn_abort(txn));
    }
    verify(db);
    crm_db_close(db);
    api_check_clean(api_path());
}

/* ---- a dimension with one, asked again and again by one transaction ---- */

enum { TEAMS = 150, MEMBERS = 50 };

typedef struct teams {
    unsigned char in[MEMBERS + 1][TEAMS];
} teams;

static const char *team(int t)
{
    static char text[2][24];
    static int turn;
    char *to = text[turn = !turn];

    snprintf(to, sizeof text[0], "team:t%d", t);
    return to;
}

static void compare_teams(crm_txn *txn, const teams *w)
{
    for (int id = 1; id <= MEMBERS; id++) {
        const char *have = tags_of(txn, (crm_id)id, CRM_TAG_BRIEF), *at = have;
        size_t count = 0, words = *have != 0;
        for (int t = 0; t < TEAMS; t++)
            count += w->in[id][t];
        while ((at = strchr(at, ' ')) != NULL)
            words += *at++ == ' ';
        ck_assert_msg(words == count, "%d: %s, not %d", id, have, (int)count);
        for (int t = 0; t < TEAMS; t++) {
            size_t n = strlen(team(t));
            at = strstr(have, team(t));
            while (at && at[n] && at[n] != ' ')
                at = strstr(at + 1, team(t));
            ck_assert_msg(!at == !w->in[id][t], "%d: %s and %s", id, have, team(t));
        }
    }
}

static void join(teams *w, int id, int t)
{
    memset(w->in[id], 0, sizeof w->in[id]);
    w->in[id][t] = 1;
}

static void join_many(crm_txn *txn, teams *w, int t)
{
    crm_id ids[MEMBERS];
    size_t n = 0;

    for (int id = 1; id <= MEMBERS; id++) {
        if (below(4))
            continue;
        ids[n++] = (crm_id)id;
        join(w, id, t);
    }
    OK(crm_tag_add_many(txn, ids, n, team(t), NULL, NULL, &er));
}

static void merge_teams(crm_txn *txn, teams *w, int from, int to)
{
    int any = 0;

    for (int id = 1; id <= MEMBERS && from != to; id++) {
        any |= w->in[id][from];
        if (w->in[id][from])
            join(w, id, to);
    }
    if (any)
        OK(crm_tag_merge(txn, team(from), team(to), NULL, &er));
}

static void change_team(crm_txn *txn, teams *w)
{
    int id = 1 + (int)below(MEMBERS), t = (int)below(TEAMS), had;
    const char *one = team(t);
    char doc[80];

    switch (below(40)) {
    case 0:
        join_many(txn, w, t);
        break;
    case 1:
        merge_teams(txn, w, (int)below(TEAMS), t);
        break;
    case 2:
    case 3:
    case 4:
        had = w->in[id][t];
        IS(had ? CRM_OK : CRM_DONE, crm_tag_remove(txn, (crm_id)id, one, &er));
        w->in[id][t] = 0;
        break;
    case 5:
    case 6:
        snprintf(doc, sizeof doc, "{\"tags\":{\"add\":[\"%s\",\"free:x%d\"],\"remove\":[\"%s\"]}}",
                 one, t, team((t + 1) % TEAMS));
        OK(crm_customer_patch_json(txn, (crm_id)id, 0, doc, CRM_NUL, &er));
        OK(crm_tag_set(txn, (crm_id)id, "free", NULL, 0, NULL, &er));
        join(w, id, t);
        break;
    case 7:
    case 8:
        had = (int)below(3);
        if (had && crm_tag_set(txn, (crm_id)id, "team", &one, 1, NULL, &er) >= 0)
            join(w, id, t);
        else if (crm_tag_set(txn, (crm_id)id, "team", NULL, 0, NULL, &er) >= 0)
            memset(w->in[id], 0, sizeof w->in[id]);
        break;
    default:
        ck_assert_int_ge(crm_tag_add(txn, (crm_id)id, one, NULL, &er), 0);
        join(w, id, t);
    }
}

CRM_TEST(test_api_tag__of_a_dimension_with_one_there_is_one)
{
    static const char MANY_TEAMS[] =
        "crm: 1\nfields: {name: {type: text}}\ntags: {team: , free: }\n";
    static const char ONE_TEAM[] =
        "crm: 1\nfields: {name: {type: text}}\ntags: {team: {one: true}, free: }\n";
    crm_db *db = api_open_model(MANY_TEAMS);
    static teams now, saved;
    int turns = (int)crmtest_rounds(4, 40);
    crm_savepoint mark;
    crm_txn *txn;

    state = crmtest_seed();
    make(db, MEMBERS);
    /* some have several, from before there was to be one */
    txn = begin_at(db, CRM_WRITE, AT(1), CRM_BATCH_NEW);
    for (int i = 0; i < 2 * MEMBERS; i++) {
        int id = 1 + (int)below(MEMBERS), t = (int)below(TEAMS);
        ck_assert_int_ge(crm_tag_add(txn, (crm_id)id, team(t), NULL, &er), 0);
        now.in[id][t] = 1;
    }
    api_commit(txn);
    txn = begin_at(db, CRM_WRITE, AT(1), 0);
    OK(crm_model_apply(txn, ONE_TEAM, CRM_NUL, CRM_FORCE, NULL, NULL, &er));
    api_commit(txn);
    for (int turn = 0; turn < turns; turn++) {
        txn = begin_at(db, CRM_WRITE, AT(2), turn % 2 ? CRM_BATCH_NEW : 0);
        OK(crm_txn_savepoint(txn, &mark, &er));
        saved = now;
        for (int i = 0; i < 400; i++) {
            change_team(txn, &now);
            if (!below(60)) {
                OK(crm_txn_rollback(txn, mark, &er));
                now = saved;
            } else if (!below(60)) {
                OK(crm_txn_savepoint(txn, &mark, &er));
                saved = now;
            }
            if (i % 50 == 0)
                compare_teams(txn, &now);
        }
        compare_teams(txn, &now);
        api_commit(txn);
    }
    txn = begin_at(db, CRM_READ, AT(2), 0);
    compare_teams(txn, &now);
    OK(crm_txn_abort(txn));
    verify(db);
    crm_db_close(db);
    api_check_clean(api_path());
}
