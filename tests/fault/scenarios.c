/* SPDX-License-Identifier: MIT
 * The scenarios of the fault sweeps: together they call every function that can fail, over its
 * different roads.  Each opens the database through r->opts into r->db and leaves it open.
 */
#include "fault.h"

static int open_db(fault_run *r, uint32_t flags)
{
    crm_db_options o = r->opts;

    o.flags |= flags;
    STEP(r, CRM_OK, crm_db_open(r->dir, &o, &r->db, &r->err));
    return FAULT_GO;
}

/* Runs a part; passes its end on. */
#define PART(call)                                                                                 \
    do {                                                                                           \
        int part_ = (call);                                                                        \
        if (part_ != FAULT_GO)                                                                     \
            return part_;                                                                          \
    } while (0)

/* For calls in a loop, which come again by themselves. */
static int again(int go)
{
    return go == FAULT_AGAIN ? FAULT_GO : go;
}

static crm_txn_options by(const char *actor, const char *source)
{
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;

    o.actor = actor;
    o.source = source;
    return o;
}

static int give_text(fault_run *r)
{
    fault_saw_text(r, r->text);
    crm_free(r->text);
    r->text = NULL;
    return FAULT_GO;
}

static int see_customer(fault_run *r, crm_txn *txn, crm_id id)
{
    STEP(r, CRM_OK, crm_customer_get_json(txn, id, CRM_JSON_ORIGINS, &r->text, NULL, &r->err));
    return give_text(r);
}

/* ---- making and opening ---- */

static int make(fault_run *r)
{
    crm_db_options o = r->opts;

    o.model = FAULT_MODEL;
    STEP(r, CRM_OK, crm_db_open(r->dir, &o, &r->db, &r->err));
    return FAULT_GO;
}

static int see_version(fault_run *r, crm_txn *txn)
{
    uint32_t version;

    STEP(r, CRM_OK, crm_model_text(txn, &r->text, NULL, &version, &r->err));
    fault_saw_number(r, version);
    return give_text(r);
}

static int open_ways(fault_run *r)
{
    static const uint32_t FLAGS[] = {0, CRM_READONLY, CRM_VERIFY, CRM_NOCREATE};
    crm_db *second;

    for (size_t i = 0; i < sizeof FLAGS / sizeof FLAGS[0]; i++) {
        crm_db_options o = r->opts;
        PART(open_db(r, FLAGS[i]));
        PART(fault_txn(r, CRM_READ, NULL, see_version));
        o.flags = FLAGS[i];
        STEP(r, CRM_OK, crm_db_open(r->dir, &o, &second, &r->err));
        crm_db_close(second);
        if (i + 1 == sizeof FLAGS / sizeof FLAGS[0])
            break;
        crm_db_close(r->db);
        r->db = NULL;
    }
    return FAULT_GO;
}

/* ---- the typed door ---- */

static int field(fault_run *r, crm_txn *txn, const char *name, crm_field *f)
{
    STEP(r, CRM_OK, crm_field_find(txn, name, CRM_NUL, f, &r->err));
    return FAULT_GO;
}

static int set(fault_run *r, crm_txn *txn, const char *name, const char *text)
{
    crm_field f;

    PART(field(r, txn, name, &f));
    STEP(r, CRM_OK, crm_customer_set(r->c, &f, text, CRM_NUL, &r->err));
    return FAULT_GO;
}

static int add(fault_run *r, crm_txn *txn, const char *name, const char *source, const char *text)
{
    crm_field f;

    PART(field(r, txn, name, &f));
    STEP(r, CRM_OK, crm_customer_add(r->c, &f, source, text, CRM_NUL, &r->err));
    return FAULT_GO;
}

static int set_number(fault_run *r, crm_txn *txn, const char *name, int64_t v)
{
    crm_field f;

    PART(field(r, txn, name, &f));
    STEP(r, CRM_OK, crm_customer_set_integer(r->c, &f, v, &r->err));
    return FAULT_GO;
}

static int typed_create(fault_run *r, crm_txn *txn)
{
    static const char *const TEXTS[][2] = {
        {"姓名", "Ada Lovelace"},
        {"rate", "0.125"},
        {"credit", "1,000.50 EUR"},
        {"born", "1815-12-10"},
        {"seen", "2026-02-03 04:05"},
        {"vip", "yes"},
        {"grade", "一"},
        {"site", "https://example.org/a"},
        {"country", "GB"},
        {"language", "en-GB"},
        {"owner", "wang.wei"},
        {"notes", "first\nsecond"},
    };
    crm_id id;

    STEP(r, CRM_OK, crm_customer_new(txn, &r->c, &r->err));
    STEP(r, CRM_OK, crm_customer_set_kind(r->c, "person", CRM_NUL, &r->err));
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++)
        PART(set(r, txn, TEXTS[i][0], TEXTS[i][1]));
    PART(set_number(r, txn, "score", 99));
    PART(set_number(r, txn, "employer", 1));
    PART(add(r, txn, "电话", NULL, "+44 20 7946 0018"));
    PART(add(r, txn, "phone", NULL, "139 0013 0000"));
    PART(add(r, txn, "email", NULL, "ada@example.org"));
    PART(add(r, txn, "nick", NULL, "countess"));
    PART(add(r, txn, "external", "shop", "A-1"));
    PART(add(r, txn, "external", "erp", "A-2"));
    PART(add(r, txn, "member", NULL, "A1"));
    STEP(r, CRM_OK, crm_customer_create(txn, r->c, &id, &r->err));
    fault_saw_number(r, id);
    return see_customer(r, txn, id);
}

static int typed_change(fault_run *r, crm_txn *txn)
{
    crm_field f;
    int created;
    crm_id id;

    STEP(r, CRM_OK, crm_customer_new(txn, &r->c, &r->err));
    STEP(r, CRM_OK, crm_customer_get(txn, 2, r->c, &r->err));
    PART(set(r, txn, "score", "77"));
    PART(field(r, txn, "notes", &f));
    STEP(r, CRM_OK, crm_customer_unset(r->c, &f, &r->err));
    STEP(r, CRM_OK, crm_customer_replace(txn, 2, crm_customer_revision(r->c), r->c, &r->err));
    crm_customer_clear(r->c);
    PART(set(r, txn, "grade", "b"));
    PART(add(r, txn, "nick", NULL, "new nick"));
    STEP(r, CRM_OK, crm_customer_patch(txn, 3, 0, r->c, &r->err));
    crm_customer_clear(r->c);
    PART(set(r, txn, "name", "by upsert"));
    PART(add(r, txn, "external", "erp", "E5"));
    PART(add(r, txn, "phone", NULL, "13700000000"));
    STEP(r, CRM_OK, crm_customer_upsert(txn, r->c, &id, &created, &r->err));
    fault_saw_number(r, id);
    crm_customer_clear(r->c);
    PART(set(r, txn, "name", "new by upsert"));
    PART(add(r, txn, "external", "crm", "E5"));
    STEP(r, CRM_OK, crm_customer_upsert(txn, r->c, &id, &created, &r->err));
    fault_saw_number(r, id);
    fault_saw_number(r, (uint64_t)created);
    STEP(r, CRM_OK, crm_customer_delete(txn, 6, 0, &r->err));
    STEP(r, CRM_OK, crm_customer_undelete(txn, 4, 0, &r->err));
    return see_customer(r, txn, 2);
}

static int see_field(fault_run *r, crm_txn *txn, const crm_field *f)
{
    const char *source, *label, *text;
    size_t n;
    int64_t at;

    STEP(r, CRM_OK, crm_field_label(txn, f, "zh", &label, &r->err));
    fault_saw_text(r, label);
    for (size_t i = 0; i < crm_customer_count(r->c, f); i++) {
        STEP(r, CRM_OK, crm_customer_text(r->c, f, i, &text, &n, &r->err));
        fault_saw(r, text, n);
        if (f->flags & CRM_FIELD_PER_SOURCE) {
            STEP(r, CRM_OK, crm_customer_source(txn, r->c, f, i, &source, &r->err));
            fault_saw_text(r, source);
        }
        STEP(r, CRM_OK, crm_customer_origin(txn, r->c, f, i, &source, &at, &r->err));
        fault_saw_text(r, source);
        fault_saw_number(r, (uint64_t)at);
    }
    return FAULT_GO;
}

static int typed_read(fault_run *r, crm_txn *txn)
{
    size_t pos = 0;
    crm_field f;
    int rc;

    STEP(r, CRM_OK, crm_customer_new(txn, &r->c, &r->err));
    STEP(r, CRM_OK, crm_customer_get(txn, 9, r->c, &r->err));
    fault_saw_text(r, crm_customer_kind(r->c));
    fault_saw_number(r, (uint64_t)crm_customer_updated_us(r->c));
    for (;;) {
        rc = crm_field_next(txn, &pos, &f, &r->err);
        if (rc == CRM_DONE)
            return FAULT_GO;
        if (rc == CRM_OK)
            PART(see_field(r, txn, &f));
        else
            PART(again(fault_step(r, rc, CRM_OK, "crm_field_next")));
    }
}

static int typed(fault_run *r)
{
    crm_txn_options o = by("typist", "form");

    o.zone = "Asia/Shanghai";
    o.purpose = "sales";
    o.channel = "phone";
    PART(open_db(r, 0));
    PART(fault_txn(r, CRM_WRITE, &o, typed_create));
    PART(fault_txn(r, CRM_WRITE, &o, typed_change));
    return fault_txn(r, CRM_READ, NULL, typed_read);
}

/* ---- documents ---- */

static const char NEW_DOCUMENT[] =
    "{\"name\":\"张伟\",\"phone\":[\"138 9999 8888\",\"+86 138 9999 7777\"],\"email\":"
    "[\"Zhang.Wei@Example.com\"],\"credit\":\"12.30 CNY\",\"born\":\"1990-05\",\"grade\":\"First\","
    "\"vip\":true,\"score\":12,\"external\":[{\"source\":\"web\",\"value\":\"W1\"}],\"employer\":1,"
    "\"nick\":[\"a\",\"b\",\"c\"],\"notes\":\"a first line that is longer than the first buffer of "
    "any "
    "parser\\nand a second, with \\u4f1f \\ud83d\\ude00 and \\\"marks\\\", that makes it grow a "
    "second "
    "time, and then a third, until all of its sizes up to 256 bytes have been passed\"}";

static int json_write(fault_run *r, crm_txn *txn)
{
    crm_id id;
    int created;

    STEP(r, CRM_OK, crm_customer_create_json(txn, NEW_DOCUMENT, CRM_NUL, &id, &r->err));
    fault_saw_number(r, id);
    PART(see_customer(r, txn, id));
    STEP(r, CRM_OK,
         crm_customer_patch_json(txn, id, 0,
                                 "{\"nick\":{\"add\":[\"d\"],\"remove\":"
                                 "[\"a\"]},\"notes\":null}",
                                 CRM_NUL, &r->err));
    STEP(r, CRM_OK,
         crm_customer_replace_json(txn, 7, 0,
                                   "{\"name\":\"replaced\",\"member\":"
                                   "[\"M7\"],\"phone\":\"13812345678\"}",
                                   CRM_NUL, &r->err));
    STEP(r, CRM_OK,
         crm_customer_upsert_json(txn, "{\"member\":\"M8\",\"score\":88}", CRM_NUL, &id, &created,
                                  &r->err));
    STEP(r, CRM_OK,
         crm_customer_upsert_json(txn, "{\"name\":\"n\",\"member\":\"N8\"}", CRM_NUL, &id, &created,
                                  &r->err));
    fault_saw_number(r, id);
    STEP(r, CRM_OK, crm_customer_delete(txn, 10, 0, &r->err));
    STEP(r, CRM_OK, crm_customer_undelete(txn, 10, 0, &r->err));
    STEP(r, CRM_OK, crm_customer_delete(txn, 11, 0, &r->err));
    PART(see_customer(r, txn, 10));
    return see_customer(r, txn, 7);
}

/* Calls that fail for a reason of their own keep doing so, fault or not. */
static int json_refused(fault_run *r, crm_txn *txn)
{
    crm_id id;

    STEP(r, CRM_EEXISTS,
         crm_customer_create_json(txn, "{\"name\":\"x\",\"member\":\"M12\"}", CRM_NUL, &id,
                                  &r->err));
    fault_saw_number(r, (uint64_t)r->err.row);
    STEP(
        r, CRM_EVALUE,
        crm_customer_create_json(txn, "{\"name\":\"x\",\"employer\":9999}", CRM_NUL, &id, &r->err));
    STEP(r, CRM_ESYNTAX, crm_customer_create_json(txn, "{\"name\":\"x\",}", CRM_NUL, &id, &r->err));
    STEP(r, CRM_EFIELD, crm_customer_create_json(txn, "{\"nama\":\"x\"}", CRM_NUL, &id, &r->err));
    STEP(r, CRM_ECONFLICT, crm_customer_patch_json(txn, 12, 1, "{\"score\":1}", CRM_NUL, &r->err));
    STEP(r, CRM_ENOTFOUND, crm_customer_delete(txn, 999, 0, &r->err));
    STEP(r, CRM_OK,
         crm_customer_validate_json(txn,
                                    "{\"nama\":1,\"score\":-1,\"member\":\"M12\","
                                    "\"born\":\"never\"}",
                                    CRM_NUL, &r->text, NULL, &r->err));
    PART(give_text(r));
    STEP(r, CRM_OK, crm_customer_patch_json(txn, 12, 0, "{\"score\":3}", CRM_NUL, &r->err));
    return see_customer(r, txn, 12);
}

static int documents(fault_run *r)
{
    crm_txn_options o = by("writer", "import");

    PART(open_db(r, 0));
    PART(fault_txn(r, CRM_WRITE, &o, json_write));
    return fault_txn(r, CRM_WRITE, NULL, json_refused);
}

/* ---- reading ---- */

static int list_once(fault_run *r, crm_txn *txn, const crm_list_options *o)
{
    crm_customer *c;
    int rc = CRM_OK;

    STEP(r, CRM_OK, crm_customer_list(txn, o, &r->it, &r->err));
    while (rc != CRM_DONE) {
        rc = crm_customer_next(r->it, &c, &r->err);
        if (rc == CRM_OK) {
            fault_saw_number(r, crm_customer_id(c));
            if (crm_customer_id(c) % 16)
                continue;
            STEP(r, CRM_OK,
                 crm_customer_to_json(txn, c, CRM_JSON_ORIGINS, &r->text, NULL, &r->err));
            PART(give_text(r));
        } else if (rc != CRM_DONE) {
            int go = fault_step(r, rc, CRM_OK, "crm_customer_next");
            if (go != FAULT_AGAIN || rc == CRM_ECORRUPT)
                return go;
        }
    }
    return FAULT_GO;
}

/* After CRM_ECORRUPT a walk goes on behind the customer: then it is begun again. */
static int list(fault_run *r, crm_txn *txn, const crm_list_options *o)
{
    uint64_t output = r->output;
    int go;

    do {
        r->output = output;
        go = list_once(r, txn, o);
        crm_customer_list_close(r->it);
        r->it = NULL;
    } while (go == FAULT_AGAIN);
    return go;
}

static int find(fault_run *r, crm_txn *txn, const char *name, const char *source, const char *value,
                int want)
{
    crm_id ids[4] = {0};
    size_t n;
    crm_field f;

    PART(field(r, txn, name, &f));
    STEP(r, want, crm_customer_find(txn, &f, source, value, CRM_NUL, ids, 4, &n, &r->err));
    fault_saw_number(r, n);
    fault_saw(r, ids, sizeof ids);
    return FAULT_GO;
}

static int read_all(fault_run *r, crm_txn *txn)
{
    crm_list_options o = CRM_LIST_OPTIONS_INIT;

    PART(list(r, txn, NULL));
    o.flags = CRM_LIST_DELETED;
    PART(list(r, txn, &o));
    o.flags = 0;
    o.kind = "organisation";
    PART(list(r, txn, &o));
    o.kind = "person";
    o.after = 50;
    PART(list(r, txn, &o));
    PART(find(r, txn, "phone", NULL, "(138) 0013-0021", CRM_OK));
    PART(find(r, txn, "email", NULL, "C22@EXAMPLE.COM", CRM_OK));
    PART(find(r, txn, "external", "erp", "E23", CRM_OK));
    PART(find(r, txn, "external", "none", "E23", CRM_ENOTFOUND));
    PART(find(r, txn, "employer", NULL, "1", CRM_OK));
    PART(find(r, txn, "member", NULL, "Z1", CRM_ENOTFOUND));
    STEP(r, CRM_OK, crm_customer_get_json(txn, 20, CRM_JSON_PRETTY, &r->text, NULL, &r->err));
    PART(give_text(r));
    STEP(r, CRM_OK,
         crm_customer_validate_json(txn, NEW_DOCUMENT, CRM_NUL, &r->text, NULL, &r->err));
    return give_text(r);
}

static int figures(fault_run *r)
{
    crm_db_stat stat;
    crm_space_stat space;
    size_t pos = 0;
    int rc;

    STEP(r, CRM_OK, crm_db_stat_get(r->db, sizeof stat, &stat, &r->err));
    fault_saw_number(r, stat.customers);
    fault_saw_number(r, stat.deleted);
    fault_saw_number(r, stat.revision);
    for (;;) {
        rc = crm_db_space_next(r->db, &pos, &space, &r->err);
        if (rc == CRM_DONE)
            return FAULT_GO;
        if (rc == CRM_OK)
            fault_saw_number(r, space.rows);
        else
            PART(again(fault_step(r, rc, CRM_OK, "crm_db_space_next")));
    }
}

static int reading(fault_run *r)
{
    PART(open_db(r, 0));
    PART(fault_txn(r, CRM_READ, NULL, read_all));
    return figures(r);
}

/* Reads inside a write transaction go through its edits. */
static int read_own(fault_run *r, crm_txn *txn)
{
    crm_id id;

    STEP(r, CRM_OK, crm_customer_create_json(txn, NEW_DOCUMENT, CRM_NUL, &id, &r->err));
    STEP(r, CRM_OK, crm_customer_delete(txn, 30, 0, &r->err));
    STEP(r, CRM_OK,
         crm_customer_patch_json(txn, 31, 0, "{\"phone\":\"13899998888\"}", CRM_NUL, &r->err));
    PART(find(r, txn, "phone", NULL, "13899998888", CRM_OK));
    PART(find(r, txn, "member", NULL, "M30", CRM_ENOTFOUND));
    return list(r, txn, NULL);
}

static int reading_own(fault_run *r)
{
    PART(open_db(r, 0));
    return fault_txn(r, CRM_WRITE, NULL, read_own);
}

/* ---- transactions ---- */

static int marks(fault_run *r, crm_txn *txn)
{
    crm_savepoint a, b;
    crm_id id;

    STEP(r, CRM_OK, crm_customer_patch_json(txn, 13, 0, "{\"score\":1}", CRM_NUL, &r->err));
    STEP(r, CRM_OK, crm_txn_savepoint(txn, &a, &r->err));
    STEP(r, CRM_OK, crm_customer_patch_json(txn, 13, 0, "{\"score\":2}", CRM_NUL, &r->err));
    STEP(r, CRM_OK, crm_customer_create_json(txn, NEW_DOCUMENT, CRM_NUL, &id, &r->err));
    STEP(r, CRM_OK, crm_txn_savepoint(txn, &b, &r->err));
    STEP(r, CRM_OK, crm_customer_delete(txn, 14, 0, &r->err));
    STEP(r, CRM_OK, crm_txn_rollback(txn, b, &r->err));
    STEP(r, CRM_OK, crm_customer_patch_json(txn, 14, 0, "{\"score\":4}", CRM_NUL, &r->err));
    for (int i = 0; i < 6; i++)
        STEP(r, CRM_OK, crm_txn_savepoint(txn, &b, &r->err));
    STEP(r, CRM_OK, crm_txn_release(txn, b, &r->err));
    STEP(r, CRM_OK, crm_txn_rollback(txn, a, &r->err));
    STEP(r, CRM_OK, crm_customer_patch_json(txn, 15, 0, "{\"score\":5}", CRM_NUL, &r->err));
    STEP(r, CRM_OK, crm_txn_release(txn, a, &r->err));
    PART(see_customer(r, txn, 13));
    return see_customer(r, txn, 14);
}

static int savepoints(fault_run *r)
{
    PART(open_db(r, 0));
    return fault_txn(r, CRM_WRITE, NULL, marks);
}

/* With CRM_STICKY an error stays and commit returns it; so after one the whole is done again. */
static int sticky_once(fault_run *r)
{
    crm_txn_options o = by("sticky", "sticky");
    crm_id id = 0;
    crm_txn *txn;
    int rc, first;

    o.flags = CRM_STICKY;
    STEP(r, CRM_OK, crm_txn_begin(r->db, CRM_WRITE, &o, &txn, &r->err));
    first = crm_customer_create_json(txn, NEW_DOCUMENT, CRM_NUL, &id, NULL);
    rc = crm_customer_patch_json(txn, 16, 0, "{\"score\":16}", CRM_NUL, NULL);
    SURE(!first || rc == first);
    first = first ? first : rc;
    rc = crm_customer_delete(txn, 17, 0, NULL);
    SURE(!first || rc == first);
    first = first ? first : rc;
    SURE(crm_txn_error(txn, NULL) == first);
    rc = crm_txn_commit(txn, &r->err);
    SURE(!first || rc == first);
    return fault_step(r, rc, CRM_OK, "sticky crm_txn_commit");
}

static int sticky(fault_run *r)
{
    int go;

    PART(open_db(r, 0));
    do
        go = sticky_once(r);
    while (go == FAULT_AGAIN);
    if (go == FAULT_GO) {
        r->commits++;
        if (r->keep_states)
            r->states[1] = fault_state(r->db);
    }
    return go;
}

static int group_body(fault_run *r, crm_txn *txn)
{
    PART(json_write(r, txn));
    return find(r, txn, "phone", NULL, "13812345678", CRM_OK);
}

static int fail_on_purpose(crm_txn *txn, void *ctx)
{
    int rc = crm_customer_delete(txn, 18, 0, NULL);

    (void)ctx;
    return rc ? rc : CRM_ECANCELLED;
}

static int groups(fault_run *r)
{
    crm_txn_options o = by("group", "group");

    PART(open_db(r, 0));
    PART(fault_group(r, &o, group_body));
    STEP(r, CRM_ECANCELLED, crm_db_write(r->db, NULL, fail_on_purpose, NULL, &r->err));
    return fault_group(r, &o, json_refused);
}

/* ---- the model ---- */

static void finding(const crm_finding *f, void *ctx)
{
    (void)ctx;
    SURE(f->message != NULL);
}

static int model_more(fault_run *r, crm_txn *txn)
{
    uint32_t version;

    STEP(r, CRM_OK, crm_model_plan(txn, FAULT_MODEL_MORE, CRM_NUL, finding, NULL, &r->err));
    STEP(r, CRM_OK, crm_model_apply(txn, FAULT_MODEL_MORE, CRM_NUL, 0, finding, NULL, &r->err));
    STEP(r, CRM_OK, crm_customer_patch_json(txn, 20, 0, "{\"badge\":\"B20\"}", CRM_NUL, &r->err));
    STEP(r, CRM_EEXISTS,
         crm_customer_patch_json(txn, 21, 0, "{\"badge\":\"B20\"}", CRM_NUL, &r->err));
    PART(find(r, txn, "nick", NULL, "nick22", CRM_OK));
    STEP(r, CRM_OK, crm_model_text(txn, &r->text, NULL, &version, &r->err));
    fault_saw_number(r, version);
    return give_text(r);
}

static int model_less(fault_run *r, crm_txn *txn)
{
    STEP(r, CRM_EREFUSED, crm_model_plan(txn, FAULT_MODEL_LESS, CRM_NUL, finding, NULL, &r->err));
    STEP(r, CRM_EREFUSED,
         crm_model_apply(txn, FAULT_MODEL_LESS, CRM_NUL, 0, finding, NULL, &r->err));
    STEP(r, CRM_OK,
         crm_model_apply(txn, FAULT_MODEL_LESS, CRM_NUL, CRM_FORCE, finding, NULL, &r->err));
    STEP(r, CRM_EMODEL,
         crm_model_apply(txn, "crm: 1\nfields: [", CRM_NUL, 0, finding, NULL, &r->err));
    return see_customer(r, txn, 23);
}

static int models(fault_run *r)
{
    crm_txn_options o = by("modeller", "");

    STEP(r, CRM_OK, crm_model_check(FAULT_MODEL_MORE, CRM_NUL, finding, NULL, &r->err));
    STEP(r, CRM_EMODEL,
         crm_model_check("crm: 1\nfields: {a: {type: txt}, b: {type: [}}", CRM_NUL, finding, NULL,
                         &r->err));
    PART(open_db(r, 0));
    PART(fault_txn(r, CRM_WRITE, &o, model_more));
    PART(fault_txn(r, CRM_WRITE, &o, model_less));
    return fault_txn(r, CRM_READ, &o, see_version);
}

/* ---- check ---- */

static int checking(fault_run *r)
{
    crm_check_options o = CRM_CHECK_OPTIONS_INIT;
    crm_check_result res;

    o.allocator = r->opts.allocator;
    STEP(r, CRM_OK, crm_check(r->dir, &o, sizeof res, &res, &r->err));
    SURE(res.faults == 0);
    fault_saw_number(r, res.customers);
    fault_saw_number(r, res.entries);
    fault_saw_number(r, res.derived);
    return FAULT_GO;
}

const fault_scenario FAULT_SCENARIOS[] = {
    {"make", make, 1},
    {"open", open_ways, 0},
    {"typed", typed, 0},
    {"documents", documents, 0},
    {"reading", reading, 0},
    {"reading own", reading_own, 0},
    {"savepoints", savepoints, 0},
    {"sticky", sticky, 0},
    {"groups", groups, 0},
    {"models", models, 0},
    {"check", checking, 0},
    {"events", fault_events, 1},
    {"journal", fault_journal, 0},
    {"tags", fault_tags, 0},
    {"live", fault_live, 0},
};
const size_t FAULT_SCENARIO_COUNT = sizeof FAULT_SCENARIOS / sizeof FAULT_SCENARIOS[0];
