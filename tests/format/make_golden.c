/* SPDX-License-Identifier: MIT
 * Makes a golden database.  Not a test of its own: does its work when CRM_GOLDEN names the folder
 * to write to, see README.md.  Uses LMDB itself for the smallest file that it can make.
 */
#include "golden.h"

#include "crmtest.h"
#include "codec/key.h"
#include "db/store.h"
#include "db/waiting.h"

#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int64_t golden_clock(void *ctx)
{
    int64_t *at = ctx;

    *at += 1000000;
    return *at;
}

#define FIELDS                                                                                     \
    "crm: 1\n"                                                                                     \
    "name: golden\n"                                                                               \
    "region: CN\n"                                                                                 \
    "currency: CNY\n"                                                                              \
    "kinds:\n"                                                                                     \
    "  person: {label: {en: Person, zh: 个人}}\n"                                                \
    "  organisation: {label: {en: Company, zh: 公司}}\n"                                         \
    "fields:\n"                                                                                    \
    "  name: {type: text, required: true, max: 200, index: [sort, contains], label: {en: [Name, "  \
    "Full name], zh: 姓名}}\n"                                                                   \
    "  nicks: {type: text, list: true}\n"                                                          \
    "  score: {type: integer, min: -5, max: 1000, default: 7}\n"                                   \
    "  counts: {type: integer, list: true}\n"                                                      \
    "  rate: {type: decimal}\n"                                                                    \
    "  credit: {type: money, min: 0}\n"                                                            \
    "  born: {type: date}\n"                                                                       \
    "  seen: {type: datetime}\n"                                                                   \
    "  vip: {type: boolean, default: false}\n"                                                     \
    "  grade: {type: enum, values: {a: {en: First, zh: 一}, b: {en: Second}, c: Third}}\n"        \
    "  likes: {type: enum, list: true, values: {tea: {zh: 茶}, coffee: Coffee}}\n"                \
    "  email: {type: email, list: true, identity: true}\n"                                         \
    "  phone: {type: phone, list: true, identity: true, label: {zh: 电话}}\n"                    \
    "  site: {type: url}\n"                                                                        \
    "  country: {type: country}\n"                                                                 \
    "  language: {type: language, index: values}\n"                                                \
    "  employer: {type: customer, kinds: [person], label: {en: Works at}}\n"                       \
    "  owner: {type: actor, index: values}\n"                                                      \
    "  notes: {type: text, max: 20000}\n"
#define IDENTITIES                                                                                 \
    "identities:\n"                                                                                \
    "  external: {type: text, per: source, unique: true}\n"                                        \
    "  wechat: {type: text, class: social}\n"                                                      \
    "  tax_id: {type: text, unique: true, kinds: [organisation]}\n"                                \
    "events:\n"                                                                                    \
    "  order:\n"                                                                                   \
    "    label: {zh: 订单}\n"                                                                    \
    "    attributes:\n"                                                                            \
    "      amount: {type: money, required: true, fast: true}\n"                                    \
    "      product: {type: text, fast: true}\n"                                                    \
    "      gift: {type: boolean}\n"                                                                \
    "      grade: {type: enum, values: {a: First, b: Second}, fast: true}\n"                       \
    "      text: {type: text, max: 20000}\n"                                                       \
    "  feedback: {attributes: {score: {type: integer, fast: true}}}\n"                             \
    "  visit:\n"                                                                                   \
    "tags:\n"                                                                                      \
    "  region: {hierarchical: true, values: {cn: China, cn/shanghai: {zh: 上海}}}\n"             \
    "  value: {one: true, closed: true, values: {high: High, low: Low}}\n"                         \
    "  behaviour: {expires: true}\n"                                                               \
    "  label: {label: Label}\n"                                                                    \
    "segments:\n"                                                                                  \
    "  good: score >= 40\n"

/* The second adds fields and an index, the third loses a field that has values. */
static const char *const MODELS[] = {
    FIELDS "  fax: {type: text}\n" IDENTITIES,
    FIELDS "  fax: {type: text}\n  badge: {type: text, unique: true}\n"
           "  desk: {type: text, identity: true}\n" IDENTITIES,
    FIELDS "  badge: {type: text, unique: true}\n  desk: {type: text, identity: true}\n" IDENTITIES,
};

static crm_error err = CRM_ERROR_INIT;

static void fine(int rc, const char *what)
{
    ck_assert_msg(rc == CRM_OK, "%s: %s: %s", what, crm_error_name(rc), err.message);
}

static crm_txn *begin(crm_db *db, const char *actor, const char *source)
{
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    crm_txn *txn;

    o.actor = actor;
    o.source = source;
    o.purpose = source ? "service" : NULL;
    o.channel = source ? "phone" : NULL;
    o.zone = "+08:00";
    fine(crm_txn_begin(db, CRM_WRITE, &o, &txn, &err), "begin");
    return txn;
}

static void create(crm_txn *txn, crm_id want, const char *json)
{
    crm_id id;

    fine(crm_customer_create_json(txn, json, CRM_NUL, &id, &err), json);
    ck_assert_uint_eq(id, want);
}

static void first_customers(crm_db *db)
{
    crm_txn *txn = begin(db, "li.na", "erp");
    char json[9000];

    create(txn, 1,
           "{\"kind\":\"organisation\",\"name\":\"上海示例有限公司\",\"tax_id\":"
           "\"91310000MA1FL0000X\","
           "\"site\":\"https://example.cn/\",\"country\":\"CN\",\"credit\":\"1000000.00\"}");
    create(txn, 2,
           "{\"name\":\"张伟\",\"nicks\":[\"小张\",\"Wei\"],\"score\":42,\"counts\":[3,-1,0],"
           "\"rate\":\"-0.1250\",\"credit\":\"12.30 EUR\",\"born\":\"1990-05-17\",\"seen\":"
           "\"2026-03-01T09:30:00.123456+08:00\",\"vip\":true,\"grade\":\"一\",\"likes\":[\"茶\","
           "\"coffee\"],\"email\":[\"Zhang.Wei@Example.com\"],\"phone\":[\"138 0013 8000\","
           "\"+44 20 7946 "
           "0018\"],\"site\":\"http://example.com/~wei\",\"country\":\"CN\",\"language\":"
           "\"zh-Hans-CN\",\"employer\":1,\"owner\":\"wang.fang\",\"notes\":\"第一行\\nsecond "
           "\\\"line\\\"\","
           "\"external\":[{\"source\":\"erp\",\"value\":\"C-1\"},{\"source\":\"shop\",\"value\":"
           "\"C-1\"}],"
           "\"wechat\":[\"wei_zhang\"],\"fax\":\"+86 21 5555 0000\"}");
    create(txn, 3,
           "{\"name\":\"Ada\",\"born\":\"1815\",\"phone\":\"+442079460018\",\"grade\":\"b\"}");
    create(txn, 4,
           "{\"name\":\"Grace\",\"born\":\"1906-12\",\"score\":-5,\"rate\":\"999999999999999999\","
           "\"fax\":\"2\"}");
    create(txn, 5, "{\"name\":\"to be deleted\",\"email\":\"gone@example.com\"}");
    create(txn, 6,
           "{\"name\":\"deleted and back\",\"external\":[{\"source\":\"erp\",\"value\":\"C-6\"}]}");
    snprintf(json, sizeof json, "{\"name\":\"large\",\"notes\":\"%06000d\"}", 1);
    create(txn, 7, json);
    fine(crm_txn_commit(txn, &err), "commit");
}

static void changes(crm_db *db)
{
    crm_txn *txn = begin(db, "wang.fang", "web-form");

    fine(crm_customer_patch_json(txn, 2, 0,
                                 "{\"score\":43,\"nicks\":{\"add\":[\"老张\"],\"remove\":"
                                 "[\"Wei\"]},\"site\":null}",
                                 CRM_NUL, &err),
         "patch");
    fine(crm_customer_replace_json(txn, 3, 0,
                                   "{\"name\":\"Ada Lovelace\",\"phone\":\"+442079460018\","
                                   "\"language\":\"en-GB\"}",
                                   CRM_NUL, &err),
         "replace");
    fine(
        crm_customer_upsert_json(txn,
                                 "{\"external\":{\"source\":\"erp\",\"value\":\"C-6\"},\"score\":6,"
                                 "\"phone\":\"021 5555 0006\"}",
                                 CRM_NUL, NULL, NULL, &err),
        "upsert");
    fine(crm_customer_delete(txn, 5, 0, &err), "delete");
    fine(crm_customer_delete(txn, 6, 0, &err), "delete");
    fine(crm_txn_commit(txn, &err), "commit");
    txn = begin(db, NULL, NULL);
    fine(crm_customer_undelete(txn, 6, 0, &err), "undelete");
    fine(crm_txn_commit(txn, &err), "commit");
}

static void event(crm_txn *txn, crm_id id, uint32_t want, const char *json)
{
    uint32_t number;

    fine(crm_event_add_json(txn, id, json, CRM_NUL, &number, &err), json);
    ck_assert_uint_eq(number, want);
}

static void events(crm_db *db)
{
    crm_txn *txn = begin(db, "shop", "shop");
    char json[9000];

    event(txn, 2, 1,
          "{\"kind\":\"order\",\"time\":\"2026-01-02T03:04:05Z\",\"amount\":\"12.50 CNY\","
          "\"product\":\"SKU-1\",\"gift\":true,\"grade\":\"First\",\"reference\":\"O-1\"}");
    event(txn, 2, 2, "{\"kind\":\"visit\",\"time\":\"2025-12-31T23:59:59.999999Z\"}");
    event(txn, 2, 3, "{\"kind\":\"订单\",\"time\":\"2026-01-02T10:00:00Z\",\"amount\":\"99 EUR\"}");
    event(txn, 3, 1, "{\"kind\":\"feedback\",\"time\":\"2030-01-01T00:00:00Z\",\"score\":9}");
    fine(crm_txn_commit(txn, &err), "commit");
    txn = begin(db, "li.na", NULL);
    fine(crm_event_void(txn, 2, 3, &err), "void");
    event(txn, 2, 5,
          "{\"kind\":\"order\",\"time\":\"2026-01-02T03:04:05Z\",\"amount\":\"11.50 CNY\","
          "\"voids\":1}");
    snprintf(json, sizeof json,
             "{\"kind\":\"order\",\"time\":\"2026-02-01T00:00:00Z\",\"amount\":\"1 CNY\","
             "\"text\":\"%05000d\"}",
             2);
    event(txn, 3, 2, json);
    for (uint32_t i = 0; i < 400; i++) { /* several blocks */
        snprintf(json, sizeof json,
                 "{\"kind\":\"feedback\",\"time\":\"2026-03-%02uT%02u:00:00Z\",\"score\":%u,"
                 "\"source\":\"bot\",\"reference\":\"F-%u\"}",
                 1 + i % 28, i % 24, i % 11, i);
        event(txn, 4, 1 + i, json);
    }
    fine(crm_txn_commit(txn, &err), "commit");
}

static crm_txn *begin_batch(crm_db *db, uint64_t batch)
{
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    crm_txn *txn;

    o.actor = "import";
    o.source = "file";
    o.batch = batch;
    o.batch_name = batch == CRM_BATCH_NEW ? "customers.csv" : NULL;
    fine(crm_txn_begin(db, CRM_WRITE, &o, &txn, &err), "begin");
    return txn;
}

static void batches(crm_db *db)
{
    crm_undo_result r = {.size = sizeof r};
    crm_txn *txn = begin_batch(db, CRM_BATCH_NEW);
    uint64_t batch;

    create(txn, 10, "{\"name\":\"of the batch\",\"phone\":\"13800138010\"}");
    create(txn, 11, "{\"name\":\"also\"}");
    fine(crm_customer_patch_json(txn, 2, 0, "{\"score\":50}", CRM_NUL, &err), "patch");
    fine(crm_customer_patch_json(txn, 2, 0, "{\"vip\":false,\"likes\":null}", CRM_NUL, &err),
         "patch");
    event(txn, 10, 1, "{\"kind\":\"visit\",\"time\":\"2026-04-01T00:00:00Z\"}");
    batch = crm_txn_batch(txn);
    fine(crm_txn_commit(txn, &err), "commit");
    txn = begin_batch(db, batch);
    create(txn, 12, "{\"name\":\"of its second part\"}");
    fine(crm_customer_delete(txn, 4, 0, &err), "delete");
    fine(crm_txn_commit(txn, &err), "commit");
    txn = begin_batch(db, CRM_BATCH_NEW);
    create(txn, 13, "{\"name\":\"a batch that stays\"}");
    fine(crm_customer_patch_json(txn, 7, 0, "{\"score\":1}", CRM_NUL, &err), "patch");
    fine(crm_txn_commit(txn, &err), "commit");
    txn = begin(db, "li.na", NULL);
    fine(crm_undo(txn, batch, 0, NULL, NULL, &r, &err), "undo");
    ck_assert(r.deleted == 3 && r.restored == 2 && r.events == 1);
    fine(crm_txn_commit(txn, &err), "commit");
}

static void models(crm_db *db)
{
    crm_txn *txn = begin(db, "admin", NULL);

    fine(crm_model_apply(txn, MODELS[1], CRM_NUL, 0, NULL, NULL, &err), "second model");
    fine(crm_customer_patch_json(txn, 3, 0, "{\"badge\":\"B3\",\"desk\":\"3rd floor\"}", CRM_NUL,
                                 &err),
         "patch");
    create(txn, 8, "{\"name\":\"under the second model\",\"desk\":\"3rd floor\",\"fax\":\"8\"}");
    fine(crm_txn_commit(txn, &err), "commit");
    txn = begin(db, "admin", NULL);
    fine(crm_model_apply(txn, MODELS[2], CRM_NUL, CRM_FORCE, NULL, NULL, &err), "third model");
    fine(crm_txn_commit(txn, &err), "commit");
    txn = begin(db, "admin", "late");
    create(txn, 9, "{\"name\":\"under the third model\",\"employer\":1,\"badge\":\"B9\"}");
    fine(crm_txn_commit(txn, &err), "commit");
}

static void tag(crm_txn *txn, crm_id id, const char *name, int64_t until_us, const char *reason)
{
    crm_tag_options how = CRM_TAG_OPTIONS_INIT;

    how.until_us = until_us;
    how.reason = reason;
    how.origin = reason ? CRM_TAG_RULE : CRM_TAG_MANUAL;
    fine(crm_tag_add(txn, id, name, &how, &err), name);
}

/* Given, taken, ended, for many, renamed, by a batch that is taken back. */
static void tags(crm_db *db)
{
    static const crm_id MANY[] = {2, 3, 6, 7, 8, 9};
    static const char *const ONLY[] = {"cn/shanghai", "eu"};
    crm_undo_result r = {.size = sizeof r};
    crm_txn *txn = begin(db, "li.na", "crm");
    uint64_t batch;

    tag(txn, 2, "region:cn/shanghai", 0, NULL);
    tag(txn, 2, "value:low", 0, NULL);
    tag(txn, 2, "value:high", 0, "bought for 1,000");
    tag(txn, 3, "behaviour:active", INT64_C(1893456000000000), "rule 7"); /* 2030 */
    tag(txn, 7, "behaviour:asleep", INT64_C(1767225700000000), NULL);     /* ended by now */
    fine(crm_tag_add_many(txn, MANY, 6, "label:fair 2026", NULL, NULL, &err), "many");
    fine(crm_tag_remove(txn, 6, "label:fair 2026", &err), "remove");
    fine(crm_tag_set(txn, 3, "region", ONLY, 2, NULL, &err), "set");
    fine(crm_txn_commit(txn, &err), "commit");
    txn = begin_batch(db, CRM_BATCH_NEW);
    tag(txn, 9, "label:by mistake", 0, NULL);
    batch = crm_txn_batch(txn);
    fine(crm_txn_commit(txn, &err), "commit");
    txn = begin(db, "li.na", NULL);
    fine(crm_undo(txn, batch, 0, NULL, NULL, &r, &err), "undo of tags");
    fine(crm_tag_rename(txn, "label:fair 2026", "label:fair", NULL, &err), "rename");
    fine(crm_txn_commit(txn, &err), "commit");
}

static void save(crm_txn *txn, const char *name, const char *query, uint32_t flags)
{
    crm_segment *s;

    fine(crm_segment_parse(txn, query, CRM_NUL, &s, &err), query);
    fine(crm_segment_save(txn, name, s, flags, &err), name);
    crm_segment_free(s);
}

/* Saved ones and versions of them, of who was in it, watched by changes and by the clock. */
static void segments(crm_db *db, int64_t *clock)
{
    crm_live_advanced told = CRM_LIVE_ADVANCED_INIT;
    crm_txn *txn = begin(db, "li.na", NULL);

    save(txn, "busy", "score > 100", 0);
    save(txn, "busy", "score > 20 and not tag(label:quiet)", CRM_SEGMENT_REPLACE);
    save(txn, "fair", "tag(label:fair) and segment(good)", 0);
    save(txn, "then", "score > 40", CRM_SEGMENT_STATIC);
    save(txn, "recent", "event(feedback, last 90 days)", 0);
    save(txn, "gone", "vip = true", 0);
    fine(crm_segment_remove(txn, "gone", &err), "remove");
    fine(crm_txn_commit(txn, &err), "commit");
    txn = begin(db, "li.na", NULL);
    fine(crm_segment_watch(txn, "busy", &err), "watch");
    fine(crm_segment_watch(txn, "recent", &err), "watch");
    fine(crm_segment_watch(txn, "fair", &err), "watch");
    fine(crm_txn_commit(txn, &err), "commit");
    txn = begin(db, "wang.fang", NULL);
    fine(crm_customer_patch_json(txn, 8, 0, "{\"score\":30}", CRM_NUL, &err), "enters");
    fine(crm_customer_patch_json(txn, 7, 0, "{\"score\":45}", CRM_NUL, &err), "enters");
    event(txn, 9, 1, "{\"kind\":\"feedback\",\"time\":\"2026-01-01T00:00:00Z\",\"score\":1}");
    fine(crm_txn_commit(txn, &err), "commit");
    txn = begin(db, "wang.fang", NULL);
    tag(txn, 8, "label:quiet", 0, NULL);
    fine(crm_segment_unwatch(txn, "fair", &err), "unwatch");
    fine(crm_txn_commit(txn, &err), "commit");
    *clock += INT64_C(100) * 86400 * 1000000;
    fine(crm_live_advance(db, NULL, NULL, NULL, &told, &err), "advance");
    ck_assert_uint_ge(told.left, 1);
}

static int drop(const void *bytes, size_t n, void *ctx)
{
    (void)bytes;
    *(size_t *)ctx += n;
    return 0;
}

/* What leaves the database has its entries, and so has the end of the first images. */
static void handouts(crm_db *db)
{
    crm_export_options e = CRM_EXPORT_OPTIONS_INIT;
    crm_backup_options b = CRM_BACKUP_OPTIONS_INIT;
    crm_dump_options d = CRM_DUMP_OPTIONS_INIT;
    uint64_t dropped;
    size_t n = 0;
    crm_txn *txn;

    e.reason = "newsletter of May";
    e.purpose = "newsletter";
    e.where = "score > 20";
    e.write = drop;
    e.write_ctx = &n;
    fine(crm_export(db, NULL, &e, 0, NULL, &err), "export");
    b.reason = "every night";
    fine(crm_backup(db, crmtest_path("backup"), &b, 0, NULL, &err), "backup");
    d.reason = "the way out";
    fine(crm_dump(db, crmtest_path("dump"), &d, 0, NULL, &err), "dump");
    txn = begin(db, "admin", NULL);
    fine(crm_journal_trim(txn, INT64_C(1767225611000000), &dropped, &err), "trim");
    ck_assert_uint_ge(dropped, 1);
    fine(crm_txn_commit(txn, &err), "commit");
}

/* A derived row that is lost, and made again: with an entry. */
static void repair(const char *dir)
{
    crm_check_options o = CRM_CHECK_OPTIONS_INIT;
    crm_check_result res;
    kv_options none;
    kv_cursor *c;
    kv_env *env;
    kv_txn *txn;
    crm__slice k, v, key;
    uint8_t copy[KV_KEY_MAX];

    memset(&none, 0, sizeof none);
    fine(crm__kv_open(dir, &none, &env, &err), "engine");
    fine(env->ops->begin(env, 1, &txn, &err), "begin");
    fine(txn->ops->cursor(txn, KV_IDENTITY, &c), "cursor");
    fine(c->ops->seek(c, KV_FIRST, crm__slice_of("", 0), &k, &v), "first");
    memcpy(copy, k.p, k.n);
    key = crm__slice_of(copy, k.n);
    c->ops->cursor_close(c);
    fine(txn->ops->del(txn, KV_IDENTITY, key), "delete");
    fine(txn->ops->commit(txn, &err), "commit");
    env->ops->close(env);
    o.flags = CRM_CHECK_REPAIR;
    o.actor = "admin";
    fine(crm_check(dir, &o, sizeof res, &res, &err), "repair");
    ck_assert_uint_ge(res.repaired, 1);
}

/* Names of more pieces than the round takes in the commits that change them: some wait, one with none. */
static void names_that_wait(crm_db *db)
{
    static const char LETTERS[] = "qwertzuiopasdfghjklyxcvbnm";
    char json[300] = "{\"name\":\"", *at;
    crm_txn *txn;

    for (crm_id id = 7; id <= 9; id++) {
        at = json + strlen("{\"name\":\"");
        for (unsigned i = 0; i < 190; i++)
            *at++ = LETTERS[(i * i * (unsigned)id + i / 26) % 26];
        strcpy(at, "\"}");
        txn = begin(db, "li.na", "erp");
        fine(crm_customer_patch_json(txn, id, 0, json, CRM_NUL, &err), "name");
        fine(crm_txn_commit(txn, &err), "commit");
    }
    txn = begin(db, "li.na", "erp");
    fine(crm_customer_delete(txn, 8, 0, &err), "delete");
    fine(crm_txn_commit(txn, &err), "commit");
}

/* The rows of pieces that wait stand behind all sets. */
static void some_wait(const char *dir)
{
    kv_options none = {0};
    crm__waiting_place place;
    int rows = 0, rc;
    uint8_t first[4];
    crm__slice k, v;
    kv_cursor *c;
    kv_env *env;
    kv_txn *txn;

    crm__put_be32(first, CRM__BITS_NO_CHUNK);
    fine(crm__kv_open(dir, &none, &env, &err), "engine");
    fine(env->ops->begin(env, 0, &txn, &err), "begin");
    fine(txn->ops->cursor(txn, KV_BITS, &c), "cursor");
    rc = c->ops->seek(c, KV_GE, crm__slice_of(first, 4), &k, &v);
    for (; !rc; rc = c->ops->next(c, &k, &v))
        rows += crm__waiting_key(k, &place) && place.row >= 0;
    c->ops->cursor_close(c);
    txn->ops->abort(txn);
    env->ops->close(env);
    ck_assert_int_ge(rows, 1);
}

/* The data file alone, without the pages that nobody uses. */
static void compact(const char *from, const char *file)
{
    const char *to = crmtest_path("compact");
    char path[600], *bytes;
    MDB_env *env;
    size_t n;

    ck_assert_int_eq(mkdir(to, 0700), 0);
    ck_assert_int_eq(mdb_env_create(&env), 0);
    ck_assert_int_eq(mdb_env_open(env, from, MDB_RDONLY, 0600), 0);
    ck_assert_int_eq(mdb_env_copy2(env, to, MDB_CP_COMPACT), 0);
    mdb_env_close(env);
    snprintf(path, sizeof path, "%s/data.mdb", to);
    bytes = golden_read_file(path, &n);
    golden_write_file(file, bytes, n);
    free(bytes);
}

void golden_make(const char *dir, const char *name)
{
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    int64_t clock = INT64_C(1767225600000000); /* 2026-01-01 */
    char at[512], file[600], *text;
    crm_db *db;

    snprintf(at, sizeof at, "%s", crmtest_path("new"));
    o.model = MODELS[0];
    o.test_clock = golden_clock;
    o.test_clock_ctx = &clock;
    fine(crm_db_open(at, &o, &db, &err), "open");
    first_customers(db);
    changes(db);
    models(db);
    events(db);
    batches(db);
    tags(db);
    segments(db, &clock);
    handouts(db);
    crm_db_close(db);
    repair(at);
    fine(crm_db_open(at, &o, &db, &err), "open");
    names_that_wait(db);
    crm_db_close(db);
    some_wait(at);
    fine(crm_db_open(at, &o, &db, &err), "open again");
    text = golden_dump(db);
    snprintf(file, sizeof file, "%s/%s.txt", dir, name);
    golden_write_file(file, text, strlen(text));
    free(text);
    crm_db_close(db);
    fine(crm_check(at, NULL, 0, NULL, &err), "check");
    snprintf(file, sizeof file, "%s/%s.mdb", dir, name);
    compact(at, file);
}
