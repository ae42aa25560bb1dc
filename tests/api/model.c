/* SPDX-License-Identifier: MIT
 * Models: check, text, fields and labels, planning and applying changes.
 */
#include "help.h"

#include <stdio.h>
#include <string.h>

#define SMALL                                                                                      \
    "crm: 1\nfields:\n  name: {type: text, required: true, label: {en: Name, zh: [姓名, 名字]}}\n"

typedef struct seen {
    int count, errors, losses, changes;
    uint64_t values;
    int line;
    char text[4000];
} seen;

static void note(const crm_finding *f, void *ctx)
{
    seen *s = ctx;

    ck_assert_uint_ge(f->size, sizeof *f);
    ck_assert(f->message && f->message[0] && !strchr(f->message, '\n'));
    if (!s->count++)
        s->line = f->line;
    s->errors += f->severity == CRM_FINDING_ERROR;
    s->losses += f->severity == CRM_FINDING_LOSS;
    s->changes += f->severity == CRM_FINDING_CHANGE;
    s->values += f->values;
    strncat(s->text, f->message, sizeof s->text - strlen(s->text) - 2);
    strcat(s->text, "\n");
}

CRM_TEST(test_api_model__check)
{
    seen s = {0};

    OK(crm_model_check(crm_model_default(), CRM_NUL, note, &s, &er));
    ck_assert_int_eq(s.count, 0);
    OK(crm_model_check(SMALL, CRM_NUL, NULL, NULL, NULL));
    IS(CRM_EMODEL, crm_model_check("crm: 1\nfields:\n  a: {type: nonsense}\n  b: {typ: text}\n",
                                   CRM_NUL, note, &s, &er));
    ck_assert_int_ge(s.count, 2);
    ck_assert_int_eq(s.errors, s.count);
    ck_assert_int_eq(s.line, 3);
    ck_assert_int_eq(er.row, 3);
    ck_assert_int_gt(er.offset, 0);
    IS(CRM_EINVAL, crm_model_check(NULL, 0, NULL, NULL, &er));
    IS(CRM_EMODEL, crm_model_check("", 0, NULL, NULL, &er));
    OK(crm_model_check(SMALL "garbage", sizeof SMALL - 1, NULL, NULL, &er));
}

CRM_TEST(test_api_model__text)
{
    crm_db *db = api_open_model(SMALL);
    crm_txn *txn = api_begin(db, CRM_READ);
    uint32_t version = 0;
    size_t n = 0;
    char *yaml;

    OK(crm_model_text(txn, &yaml, &n, &version, &er));
    ck_assert_str_eq(yaml, SMALL);
    ck_assert_uint_eq(n, sizeof SMALL - 1);
    ck_assert_uint_eq(version, 1);
    crm_free(yaml);
    OK(crm_model_text(txn, &yaml, NULL, NULL, &er));
    crm_free(yaml);
    IS(CRM_EINVAL, crm_model_text(txn, NULL, &n, &version, &er));
    OK(crm_txn_abort(txn));
    crm_db_close(db);
}

CRM_TEST(test_api_model__fields)
{
    crm_db *db = api_open();
    crm_txn *txn = api_begin(db, CRM_READ);
    crm_field f, g;
    size_t pos = 0, n = 0;
    const char *label;
    int rc;

    while ((rc = crm_field_next(txn, &pos, &f, &er)) == CRM_OK) {
        n++;
        ck_assert(f.number > 0 && f.type >= CRM_TYPE_TEXT && f.type <= CRM_TYPE_ACTOR && f.key[0]);
        OK(crm_field_find(txn, f.key, CRM_NUL, &g, &er));
        ck_assert(memcmp(&f, &g, sizeof f) == 0);
        OK(crm_field_label(txn, &f, "zh", &label, &er));
        OK(crm_field_find(txn, label, CRM_NUL, &g, &er));
        ck_assert_uint_eq(f.number, g.number);
        if (n == 1)
            ck_assert_str_eq(f.key, "name");
    }
    IS(CRM_DONE, rc);
    ck_assert_uint_gt(n, 25);
    OK(crm_field_find(txn, "ＰＨＯＮＥ  number", CRM_NUL, &f,
                      &er)); /* case, width and spaces do not matter */
    ck_assert_str_eq(f.key, "phone");
    ck_assert_uint_eq(f.type, CRM_TYPE_PHONE);
    ck_assert_uint_eq(f.flags, CRM_FIELD_LIST | CRM_FIELD_IDENTITY);
    OK(crm_field_find(txn, "phone and more", 5, &f, &er));
    OK(crm_field_find(txn, "客户编号", CRM_NUL, &f, &er));
    ck_assert_uint_eq(f.flags, CRM_FIELD_LIST | CRM_FIELD_IDENTITY | CRM_FIELD_UNIQUE |
                                   CRM_FIELD_PER_SOURCE);
    IS(CRM_EFIELD, crm_field_find(txn, "phnoe", CRM_NUL, &f, &er));
    ck_assert_str_eq(er.field, "phnoe");
    ck_assert(strcasestr(er.message, "phone"));
    IS(CRM_EFIELD, crm_field_find(txn, "", 0, &f, &er));
    IS(CRM_EINVAL, crm_field_find(txn, NULL, 0, &f, &er));
    IS(CRM_EINVAL, crm_field_find(txn, "name", CRM_NUL, NULL, &er));
    IS(CRM_EINVAL, crm_field_next(txn, NULL, &f, &er));
    pos = 0;
    IS(CRM_EINVAL, crm_field_next(txn, &pos, NULL, &er));
    OK(crm_txn_abort(txn));
    crm_db_close(db);
}

CRM_TEST(test_api_model__labels)
{
    crm_db *db = api_open_model(
        "crm: 1\nfields:\n  a: {type: text, label: {en: Alpha, zh-Hant: 甲, zh: [乙, 丙]}}\n"
        "  b: {type: text}\n");
    crm_txn *txn = api_begin(db, CRM_READ);
    crm_field a = api_field(txn, "a"), b = api_field(txn, "b"), strange = a;
    const char *label;

    OK(crm_field_label(txn, &a, NULL, &label, &er));
    ck_assert_str_eq(label, "Alpha");
    OK(crm_field_label(txn, &a, "zh", &label, &er));
    ck_assert_str_eq(label, "乙");
    OK(crm_field_label(txn, &a, "zh-Hant", &label, &er));
    ck_assert_str_eq(label, "甲");
    OK(crm_field_label(txn, &a, "ZH-CN", &label, &er)); /* the nearest there is */
    ck_assert_str_eq(label, "乙");
    OK(crm_field_label(txn, &a, "fr", &label, &er));
    ck_assert_str_eq(label, "Alpha");
    OK(crm_field_label(txn, &b, "zh", &label, &er));
    ck_assert_str_eq(label, "b");
    strange.number = 999;
    IS(CRM_EFIELD, crm_field_label(txn, &strange, NULL, &label, &er));
    IS(CRM_EINVAL, crm_field_label(txn, NULL, NULL, &label, &er));
    IS(CRM_EINVAL, crm_field_label(txn, &a, NULL, NULL, &er));
    OK(crm_txn_abort(txn));
    crm_db_close(db);
}

/* ---- changes ---- */

static int apply(crm_db *db, const char *yaml, uint32_t flags, seen *s)
{
    crm_txn *txn = api_begin(db, CRM_WRITE);
    int rc;

    memset(s, 0, sizeof *s);
    rc = crm_model_apply(txn, yaml, CRM_NUL, flags, note, s, &er);
    if (rc)
        OK(crm_txn_abort(txn));
    else
        api_commit(txn);
    return rc;
}

static uint32_t version_of(crm_db *db)
{
    crm_db_stat st;

    OK(crm_db_stat_get(db, sizeof st, &st, &er));
    return st.model_version;
}

CRM_TEST(test_api_model__additions)
{
    crm_db *db = api_open_model(SMALL);
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_id id = api_create(txn, "{\"name\":\"A\"}");
    seen s;

    api_commit(txn);
    OK(apply(db, SMALL, 0, &s)); /* the same again */
    ck_assert_int_eq(s.count, 0);
    ck_assert_uint_eq(version_of(db), 1);
    OK(apply(
        db,
        SMALL
        "  mail: {type: email, unique: true}\n  words: {type: text, list: true, default: [x]}\n",
        0, &s));
    ck_assert_int_ge(s.changes, 2);
    ck_assert_int_eq(s.losses, 0);
    ck_assert_uint_eq(version_of(db), 2);
    txn = api_begin(db, CRM_WRITE);
    ck_assert(!api_has(txn, id, "words")); /* defaults belong to creation */
    OK(crm_customer_patch_json(txn, id, 0, "{\"mail\":\"a@example.com\"}", CRM_NUL, &er));
    ck_assert_uint_eq(api_found(txn, "mail", NULL, "a@example.com", NULL), 1);
    ck_assert(api_has(txn, api_create(txn, "{\"name\":\"B\"}"), "\"words\":[\"x\"]"));
    api_commit(txn);
    IS(CRM_EMODEL, apply(db, "crm: 1\nfields: {}\n", 0, &s));
    ck_assert_int_gt(s.errors, 0);
    ck_assert_uint_eq(version_of(db), 2);
    crm_db_close(db);
    api_check_clean(api_path());
}

CRM_TEST(test_api_model__losses_are_refused_unless_forced)
{
    static const char FULL[] =
        SMALL "  code: {type: text, unique: true}\n  size: {type: integer}\n";
    crm_db *db = api_open_model(FULL);
    crm_txn *txn = api_begin(db, CRM_WRITE), *before;
    crm_field code = api_field(txn, "code");
    crm_customer *c;
    seen s = {0};
    size_t n;

    api_create(txn, "{\"name\":\"A\",\"code\":\"c1\",\"size\":5}");
    api_create(txn, "{\"name\":\"B\",\"code\":\"c2\"}");
    api_commit(txn);
    before = api_begin(db, CRM_READ);
    IS(CRM_EREFUSED, crm_model_plan(before, SMALL, CRM_NUL, note, &s, &er));
    ck_assert_int_eq(s.losses, 2);
    ck_assert_uint_eq(s.values, 3);
    OK(crm_model_plan(before, FULL, CRM_NUL, NULL, NULL, &er));
    IS(CRM_EMODEL, crm_model_plan(before, "x", CRM_NUL, NULL, NULL, &er));
    IS(CRM_EINVAL, crm_model_plan(before, NULL, 0, NULL, NULL, &er));
    IS(CRM_EREFUSED, apply(db, SMALL, 0, &s));
    ck_assert_uint_eq(version_of(db), 1);
    IS(CRM_EINVAL, apply(db, SMALL, 2, &s));
    OK(apply(db, SMALL, CRM_FORCE, &s));
    ck_assert_uint_eq(version_of(db), 2);
    /* A snapshot from before sees the old model still. */
    ck_assert(api_has(before, 1, "\"code\":\"c1\""));
    ck_assert_uint_eq(api_found(before, "code", NULL, "c1", NULL), 1);
    OK(crm_txn_abort(before));
    txn = api_begin(db, CRM_WRITE);
    ck_assert(!api_has(txn, 1, "code"));
    IS(CRM_EFIELD, crm_customer_find(txn, &code, NULL, "c1", CRM_NUL, NULL, 0, &n, &er));
    IS(CRM_EFIELD,
       crm_customer_create_json(txn, "{\"name\":\"C\",\"code\":\"c3\"}", CRM_NUL, NULL, &er));
    OK(crm_customer_new(txn, &c, &er));
    OK(crm_customer_get(txn, 1, c, &er));
    IS(CRM_EFIELD, crm_customer_set(c, &code, "c4", CRM_NUL, &er));
    crm_customer_free(c);
    OK(crm_customer_replace_json(txn, 1, 0, "{\"name\":\"A2\"}", CRM_NUL, &er));
    api_commit(txn);
    api_check_clean(api_path());
    OK(apply(db, FULL, 0, &s)); /* the field comes back, and with it what was stored */
    txn = api_begin(db, CRM_READ);
    ck_assert(api_has(txn, 1, "\"code\":\"c1\",\"size\":5"));
    ck_assert_uint_eq(api_found(txn, "code", NULL, "c2", NULL), 1);
    ck_assert_uint_eq(api_field(txn, "code").number, code.number); /* it is the same field */
    OK(crm_txn_abort(txn));
    crm_db_close(db);
    api_check_clean(api_path());
}

CRM_TEST(test_api_model__made_unique)
{
    static const char UNIQUE[] = SMALL "  code: {type: text, unique: true}\n";
    crm_db *db = api_open_model(SMALL "  code: {type: text}\n");
    crm_txn *txn = api_begin(db, CRM_WRITE);
    seen s;

    api_create(txn, "{\"name\":\"A\",\"code\":\"c1\"}");
    api_create(txn, "{\"name\":\"B\",\"code\":\"c1\"}");
    api_commit(txn);
    IS(CRM_EEXISTS, apply(db, UNIQUE, 0, &s));
    ck_assert_str_eq(er.field, "code");
    IS(CRM_EEXISTS, apply(db, UNIQUE, CRM_FORCE, &s));
    ck_assert_uint_eq(version_of(db), 1);
    txn = api_begin(db, CRM_WRITE);
    OK(crm_customer_patch_json(txn, 2, 0, "{\"code\":\"c2\"}", CRM_NUL, &er));
    OK(crm_model_apply(txn, UNIQUE, CRM_NUL, 0, NULL, NULL, &er)); /* in one transaction */
    ck_assert_uint_eq(api_found(txn, "code", NULL, "c1", NULL), 1);
    IS(CRM_EEXISTS, crm_customer_patch_json(txn, 2, 0, "{\"code\":\"c1\"}", CRM_NUL, &er));
    api_commit(txn);
    txn = api_begin(db, CRM_READ);
    ck_assert_uint_eq(api_found(txn, "code", NULL, "c2", NULL), 1);
    OK(crm_txn_abort(txn));
    crm_db_close(db);
    api_check_clean(api_path());
}

CRM_TEST(test_api_model__single_to_list)
{
    crm_db *db = api_open_model(SMALL "  tel: {type: phone, region: CN, identity: true}\n");
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_id id = api_create(txn, "{\"name\":\"A\",\"tel\":\"13800138000\"}");
    seen s;

    api_commit(txn);
    OK(apply(db, SMALL "  tel: {type: phone, region: CN, identity: true, list: true}\n", 0, &s));
    txn = api_begin(db, CRM_WRITE);
    ck_assert(api_has(txn, id, "\"tel\":[\"+8613800138000\"]"));
    ck_assert_uint_eq(api_found(txn, "tel", NULL, "13800138000", NULL), 1);
    OK(crm_customer_patch_json(txn, id, 0, "{\"tel\":{\"add\":[\"13900139000\"]}}", CRM_NUL, &er));
    ck_assert(api_has(txn, id, "\"tel\":[\"+8613800138000\",\"+8613900139000\"]"));
    ck_assert(strstr(api_json(txn, id, CRM_JSON_ORIGINS), "\"tel\":[{"));
    api_commit(txn);
    api_check_clean(api_path());
    IS(CRM_EREFUSED, apply(db, SMALL "  tel: {type: phone, region: CN, identity: true}\n", 0, &s));
    crm_db_close(db);
}

CRM_TEST(test_api_model__required_later)
{
    static const char STRICT[] =
        SMALL "  city: {type: text, required: true}\n  note: {type: text}\n";
    crm_db *db = api_open_model(SMALL "  city: {type: text}\n  note: {type: text}\n");
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_id id = api_create(txn, "{\"name\":\"A\"}");
    seen s;

    api_commit(txn);
    IS(CRM_EREFUSED, apply(db, STRICT, 0, &s));
    OK(apply(db, STRICT, CRM_FORCE, &s));
    txn = api_begin(db, CRM_WRITE);
    /* A patch need not mend it; a replace must. */
    OK(crm_customer_patch_json(txn, id, 0, "{\"note\":\"x\"}", CRM_NUL, &er));
    IS(CRM_EVALUE, crm_customer_replace_json(txn, id, 0, "{\"name\":\"A\"}", CRM_NUL, &er));
    ck_assert_str_eq(er.field, "city");
    OK(crm_customer_patch_json(txn, id, 0, "{\"city\":\"X\"}", CRM_NUL, &er));
    IS(CRM_EVALUE, crm_customer_patch_json(txn, id, 0, "{\"city\":null}", CRM_NUL, &er));
    IS(CRM_EVALUE, crm_customer_create_json(txn, "{\"name\":\"B\"}", CRM_NUL, NULL, &er));
    api_commit(txn);
    crm_db_close(db);
}

CRM_TEST(test_api_model__applied_and_dropped)
{
    crm_db *db = api_open_model(SMALL);
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_savepoint mark;
    crm_field f;

    OK(crm_txn_savepoint(txn, &mark, &er));
    OK(crm_model_apply(txn, SMALL "  extra: {type: integer}\n", CRM_NUL, 0, NULL, NULL, &er));
    OK(crm_field_find(txn, "extra", CRM_NUL, &f, &er));
    OK(crm_txn_rollback(txn, mark, &er));
    IS(CRM_EFIELD, crm_field_find(txn, "extra", CRM_NUL, &f, &er));
    OK(crm_txn_release(txn, mark, &er));
    OK(crm_model_apply(txn, SMALL "  other: {type: date}\n", CRM_NUL, 0, NULL, NULL, &er));
    api_create(txn, "{\"name\":\"A\",\"other\":\"1990\"}");
    OK(crm_txn_abort(txn));
    ck_assert_uint_eq(version_of(db), 1);
    txn = api_begin(db, CRM_WRITE);
    IS(CRM_EFIELD, crm_field_find(txn, "other", CRM_NUL, &f, &er));
    api_create(txn, "{\"name\":\"A\"}");
    api_commit(txn);
    crm_db_close(db);
    api_check_clean(api_path());
}

CRM_TEST(test_api_model__old_field_handles)
{
    crm_db *db = api_open_model(SMALL "  city: {type: text}\n");
    crm_txn *txn = api_begin(db, CRM_READ);
    crm_field city = api_field(txn, "city");
    crm_customer *c;
    const char *text;
    size_t n;
    seen s;

    OK(crm_customer_new(txn, &c, &er));
    OK(crm_txn_abort(txn));
    OK(apply(db, SMALL "  before: {type: integer}\n  city: {type: text}\n", 0, &s));
    OK(crm_customer_set(c, &city, "X", CRM_NUL, &er)); /* a record of the old model */
    txn = api_begin(db, CRM_WRITE);
    {
        crm_field name = api_field(txn, "name");
        OK(crm_customer_set(c, &name, "A", CRM_NUL, &er));
    }
    OK(crm_customer_create(txn, c, NULL, &er));
    OK(crm_customer_get(txn, 1, c, &er));
    OK(crm_customer_text(c, &city, 0, &text, &n, &er));
    ck_assert(n == 1 && *text == 'X');
    crm_customer_free(c);
    api_commit(txn);
    crm_db_close(db);
}

/* ---- where it is not possible ---- */

static int apply_there(crm_txn *txn, void *ctx)
{
    const int *edits_first = ctx;
    crm_field f;
    int rc = *edits_first ? crm_customer_create_json(txn, "{\"name\":\"A\"}", CRM_NUL, NULL, NULL)
                          : CRM_OK;

    if (!rc)
        rc = crm_model_apply(txn, SMALL "  extra: {type: integer}\n", CRM_NUL, 0, NULL, NULL, NULL);
    if (!rc)
        rc = crm_field_find(txn, "extra", CRM_NUL, &f, NULL);
    if (!rc)
        rc = crm_customer_create_json(txn, "{\"name\":\"B\",\"extra\":1}", CRM_NUL, NULL, NULL);
    return rc;
}

/* A change looks at what is stored, so what the transaction wrote before has to be stored first;
 * under a savepoint or in a group it can't be. */
CRM_TEST(test_api_model__after_other_changes)
{
    crm_db *db = api_open_model(SMALL);
    crm_txn *txn = api_begin(db, CRM_WRITE);
    crm_savepoint mark;
    int edits_first = 1;

    OK(crm_txn_savepoint(txn, &mark, &er));
    api_create(txn, "{\"name\":\"A\"}");
    IS(CRM_ESTATE,
       crm_model_apply(txn, SMALL "  extra: {type: integer}\n", CRM_NUL, 0, NULL, NULL, &er));
    IS(CRM_ESTATE,
       crm_model_plan(txn, SMALL "  extra: {type: integer}\n", CRM_NUL, NULL, NULL, &er));
    OK(crm_txn_release(txn, mark, &er));
    OK(crm_model_apply(txn, SMALL "  extra: {type: integer}\n", CRM_NUL, 0, NULL, NULL, &er));
    OK(crm_txn_abort(txn));
    IS(CRM_ESTATE, crm_db_write(db, NULL, apply_there, &edits_first, &er));
    ck_assert_uint_eq(version_of(db), 1);
    edits_first = 0;
    OK(crm_db_write(db, NULL, apply_there, &edits_first, &er));
    ck_assert_uint_eq(version_of(db), 2);
    txn = api_begin(db, CRM_READ);
    ck_assert_str_eq(api_member(txn, 1, "extra"), "1");
    OK(crm_txn_abort(txn));
    crm_db_close(db);
    api_check_clean(api_path());
}
