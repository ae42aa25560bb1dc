/* SPDX-License-Identifier: MIT
 * crm_check() with CRM_CHECK_REPAIR: every derived row deleted, changed and added to, one at a time
 * and many at random; afterwards the check is clean and sets, columns and identity rows are byte
 * for byte as before.  What is primary is never written: its faults stay, and so do the rows
 * derived of it.
 */
#include "crmtest.h"
#include "stingy.h"
#include "bits/day.h"
#include "codec/ids.h"
#include "db/txn.h"

#include <crm/crm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OK(call) ck_assert_int_eq(call, CRM_OK)

enum { ROWS = 4000, TEXT = 1 << 20, CUSTOMERS = 40 };

typedef struct row {
    kv_space space;
    uint8_t key[64];
    size_t key_n, n;
    uint8_t *value; /* as stored, check tag and all */
} row;

typedef struct world {
    uint64_t seed;
    row rows[ROWS]; /* all derived ones as they were */
    size_t count;
} world;

static crm_db *open_db(void)
{
    crm_error err = CRM_ERROR_INIT;
    crm_db *db;
    int rc = crm_db_open(crmtest_path("db"), NULL, &db, &err);

    ck_assert_msg(rc == CRM_OK, "%s", err.message);
    return db;
}

/* ---- a database ---- */

static void add_events(world *w, crm_txn *txn)
{
    crm_error err = CRM_ERROR_INIT;
    char json[300];
    int rc;

    for (int i = 0; i < 700; i++) {
        crm_id id = crmtest_below(&w->seed, 2) ? 7 : 1 + crmtest_below(&w->seed, CUSTOMERS);
        unsigned minute = (unsigned)crmtest_below(&w->seed, 20000);
        snprintf(
            json, sizeof json,
            "{\"kind\":\"%s\",\"time\":\"2026-%02u-%02uT10:%02u:00Z\",\"reference\":\"R%d\"%s}",
            i % 3 ? "feedback" : "visit", 1 + minute % 2, 1 + minute % 9, minute % 60, i,
            i % 3 ? ",\"score\":7,\"product\":\"tea\"" : "");
        rc = crm_event_add_json(txn, id, json, CRM_NUL, NULL, &err);
        ck_assert_msg(rc == CRM_OK, "%s", err.message);
        if (i % 40 == 5)
            crm_event_void(txn, id, 1, NULL);
    }
}

/* Some end, some did. */
static void add_tags(crm_txn *txn)
{
    crm_tag_options how = CRM_TAG_OPTIONS_INIT;

    for (crm_id id = 1; id <= CUSTOMERS; id += 2) {
        if (id == 11)
            continue;
        how.until_us = id % 3 ? INT64_C(1700000000000000) + (int64_t)id * 1000000 : 0;
        OK(crm_tag_add(txn, id, "behaviour:promising", &how, NULL));
        if (id % 5 == 0)
            OK(crm_tag_add(txn, id, "behaviour:dormant", NULL, NULL));
    }
}

static world *make(void)
{
    world *w = calloc(1, sizeof *w);
    crm_txn *txn;
    crm_db *db = open_db();
    char json[300];

    ck_assert_ptr_nonnull(w);
    w->seed = crmtest_seed();
    OK(crm_txn_begin(db, CRM_WRITE, NULL, &txn, NULL));
    for (int i = 1; i <= CUSTOMERS; i++) {
        snprintf(json, sizeof json,
                 "{\"name\":\"N %d\",\"phone\":[\"1390013%04d\"],\"email\":[\"c%d@example.com\"],"
                 "\"external\":[{\"source\":\"erp\",\"value\":\"E%d\"}],"
                 "\"city\":\"C %d\",\"score\":%d,\"credit_limit\":\"%d.5 EUR\"}",
                 i, i / 3, i, i, i % 7, i * 3 % 50, i); /* some share a number */
        OK(crm_customer_create_json(txn, json, CRM_NUL, NULL, NULL));
    }
    add_events(w, txn);
    add_tags(txn);
    OK(crm_customer_delete(txn, 11, 0, NULL));
    OK(crm_txn_commit(txn, NULL));
    crm_db_close(db);
    return w;
}

static int is_derived(kv_space space, crm__slice k)
{
    return crm__kv_space_derived(space) || (space == KV_EVENT && k.n == CRM__KEY_EVENT_ROW);
}

/* Calls fn for each derived row. */
static void each_row(void (*fn)(void *ctx, kv_space space, crm__slice k, crm__slice v), void *ctx)
{
    crm_db *db = open_db();
    crm_txn *txn;
    crm__slice k, v;

    OK(crm_txn_begin(db, CRM_READ, NULL, &txn, NULL));
    for (int i = 0; i < KV_SPACES; i++) {
        int rc;
        kv_cursor *c = crm__txn_cursor(txn, (kv_space)i, &rc);
        for (rc = c->ops->seek(c, KV_FIRST, crm__slice_of(NULL, 0), &k, &v); !rc;
             rc = c->ops->next(c, &k, &v)) {
            if (is_derived((kv_space)i, k))
                fn(ctx, (kv_space)i, k, v);
        }
    }
    crm_txn_abort(txn);
    crm_db_close(db);
}

static void keep_row(void *ctx, kv_space space, crm__slice k, crm__slice v)
{
    world *w = ctx;
    row *r = &w->rows[w->count++];

    ck_assert_uint_lt(w->count, ROWS);
    r->space = space;
    memcpy(r->key, k.p, r->key_n = k.n);
    r->value = malloc(v.n);
    ck_assert_ptr_nonnull(r->value);
    memcpy(r->value, v.p, r->n = v.n);
}

static void save(world *w)
{
    each_row(keep_row, w);
}

static void forget(world *w)
{
    for (size_t i = 0; i < w->count; i++)
        free(w->rows[i].value);
    free(w);
}

/* ---- harm ---- */

static void put_raw(kv_txn *kv, kv_space space, const uint8_t *key, size_t key_n,
                    const uint8_t *value, size_t n)
{
    OK(kv->ops->put(kv, space, crm__slice_of(key, key_n), crm__slice_of(value, n), 0));
}

/* What stands between is written past the calls that change customers. */
static crm_db *begin_by_hand(crm_txn **txn)
{
    crm_db *db = open_db();

    OK(crm_txn_begin(db, CRM_WRITE, NULL, txn, NULL));
    return db;
}

static void end_by_hand(crm_db *db, crm_txn *txn)
{
    txn->state.changed = 1;
    OK(crm_txn_commit(txn, NULL));
    crm_db_close(db);
}

/* Under a good check tag, as far as its place has one. */
static void put_tagged(crm_txn *txn, kv_space space, const uint8_t *key, size_t key_n,
                       const uint8_t *payload, size_t n)
{
    uint8_t *value = malloc(n + CRM__TAG_SIZE);

    ck_assert_ptr_nonnull(value);
    memcpy(value, payload, n);
    OK(crm__edits_write(txn->kv, txn->store->tag_key, space, crm__slice_of(key, key_n), value, n,
                        0));
    free(value);
}

static int by_row(const void *a, const void *b)
{
    return crm__id_row_order(a, b);
}

/* Another row in a good block: of a token that the customer does not have, with an id there can't be, or
 * the block again for a field there can't be. */
static void put_identity(world *w, crm_txn *txn, const row *r)
{
    uint8_t key[CRM__KEY_IDENTITY];
    uint64_t which = crmtest_below(&w->seed, 3);
    crm__id_row *rows;
    crm__ids b;
    crm__buf out;

    OK(crm__ids_open(crm__slice_of(r->value, r->n - CRM__TAG_SIZE), &b));
    rows = malloc((b.count + 1) * sizeof *rows);
    ck_assert_ptr_nonnull(rows);
    for (uint32_t i = 0; i < b.count; i++)
        rows[i] = crm__ids_row(&b, i);
    rows[b.count] = rows[crmtest_below(&w->seed, b.count)];
    rows[b.count].byte[which == 1 ? CRM__TOKEN_SIZE : 9] ^= 0xd5;
    qsort(rows, b.count + 1, sizeof *rows, by_row);
    memcpy(key, r->key, r->key_n);
    if (which == 2)
        memset(key, 0, 2);
    crm__buf_init(&out, NULL);
    crm__ids_add(rows, b.count + 1, &out);
    ck_assert(!out.failed);
    put_tagged(txn, KV_IDENTITY, key, r->key_n, out.p, out.n);
    crm__buf_clear(&out);
    free(rows);
}

enum { DELETE, FLIP, FLIP_TAGGED, ADD, SHORT_KEY, HARMS };

static void harm(world *w, crm_txn *txn, const row *r, int what)
{
    uint8_t key[64], *value = malloc(r->n);
    size_t payload = r->n > CRM__TAG_SIZE ? r->n - CRM__TAG_SIZE : 0;

    ck_assert_ptr_nonnull(value);
    memcpy(key, r->key, r->key_n);
    memcpy(value, r->value, r->n);
    if (r->space == KV_EVENT && what == SHORT_KEY)
        what = DELETE; /* a row there with such a key may be anything */
    switch (what) {
    case DELETE:
        (void)txn->kv->ops->del(txn->kv, r->space, crm__slice_of(key, r->key_n));
        break;
    case FLIP:
        value[crmtest_below(&w->seed, r->n)] ^= (uint8_t)(1u << crmtest_below(&w->seed, 8));
        put_raw(txn->kv, r->space, key, r->key_n, value, r->n);
        break;
    case FLIP_TAGGED:
        value[crmtest_below(&w->seed, payload)] ^= (uint8_t)(1u << crmtest_below(&w->seed, 8));
        put_tagged(txn, r->space, key, r->key_n, value, payload);
        break;
    case ADD:
        if (r->space == KV_IDENTITY) {
            put_identity(w, txn, r);
            break;
        }
        key[r->key_n - 1] ^= 0x10; /* another set, part, row */
        if (r->space == KV_EVENT && r->key[16] == CRM__EVENT_ROW_HEAD)
            key[16] = CRM__EVENT_ROW_TIME;
        put_tagged(txn, r->space, key, r->key_n, value, payload);
        break;
    default:
        put_raw(txn->kv, r->space, key, r->key_n / 2, value, r->n);
    }
    free(value);
}

static void harm_some(world *w, const row *const *rows, const int *what, size_t n)
{
    crm_txn *txn;
    crm_db *db = begin_by_hand(&txn);

    for (size_t i = 0; i < n; i++)
        harm(w, txn, rows[i], what[i]);
    end_by_hand(db, txn);
}

/* ---- checks ---- */

typedef struct heard {
    char text[TEXT];
    int repaired, left;
} heard;

static void on_fault(const crm_fault *fault, void *ctx)
{
    heard *h = ctx;
    size_t n = strlen(h->text);

    if (fault->repaired)
        h->repaired++;
    else
        h->left++;
    snprintf(h->text + n, TEXT - n, "%s: %s\n", fault->space, fault->message);
}

static int check(uint32_t flags, heard *h, crm_check_result *r, const crm_allocator *mem)
{
    crm_check_options o = CRM_CHECK_OPTIONS_INIT;

    memset(h, 0, sizeof *h);
    memset(r, 0, sizeof *r);
    o.flags = flags;
    o.actor = "li.na";
    o.allocator = mem;
    o.fault = on_fault;
    o.fault_ctx = h;
    return crm_check(crmtest_path("db"), &o, sizeof *r, r, NULL);
}

typedef struct same {
    world *w;
    size_t at;
} same;

/* Identity rows may stand in other blocks than before; check compares the rows. */
static int has_one_form(kv_space space)
{
    return space == KV_BITS || space == KV_COLUMN;
}

static void same_row(void *ctx, kv_space space, crm__slice k, crm__slice v)
{
    same *s = ctx;
    const row *r;

    if (!has_one_form(space))
        return;
    while (!has_one_form(s->w->rows[s->at].space))
        s->at++;
    r = &s->w->rows[s->at++];
    ck_assert_msg(r->space == space && r->key_n == k.n && r->n == v.n, "another row");
    ck_assert_mem_eq(r->key, k.p, k.n);
    ck_assert_mem_eq(r->value, v.p, v.n);
}

static void repair_all(world *w, const char *what)
{
    heard *h = calloc(1, sizeof *h);
    crm_check_result r;
    same s = {w, 0};
    uint64_t before;

    ck_assert_ptr_nonnull(h);
    /* A flipped bit may be of no consequence, such as how many events are of the first time. */
    if (check(0, h, &r, NULL) == CRM_OK) {
        free(h);
        return;
    }
    before = r.faults;
    ck_assert_msg(check(CRM_CHECK_REPAIR, h, &r, NULL) == CRM_OK, "%s: %s", what, h->text);
    ck_assert_uint_eq(r.faults, 0);
    ck_assert_uint_eq(r.repaired, before);
    ck_assert_int_eq(h->left, 0);
    ck_assert_int_gt(h->repaired, 0);
    ck_assert_msg(check(0, h, &r, NULL) == CRM_OK, "%s, again: %s", what, h->text);
    each_row(same_row, &s);
    free(h);
}

CRM_TEST(test_db_repair__each_row)
{
    world *w = make();
    size_t step = getenv("CRM_SHORT") ? 400 : crmtest_rounds(24, 1);
    char name[80];

    save(w);
    ck_assert_uint_gt(w->count, 60);
    for (size_t i = 0; i < w->count; i += 1 + crmtest_below(&w->seed, step)) {
        const row *r = &w->rows[i];
        for (int what = (int)(i % 2); what < HARMS; what += 2) {
            snprintf(name, sizeof name, "%s row %zu, harm %d", crm__kv_space_name(r->space), i,
                     what);
            harm_some(w, &r, &what, 1);
            repair_all(w, name);
        }
    }
    forget(w);
}

CRM_TEST(test_db_repair__many_at_random)
{
    world *w = make();
    size_t rounds = crmtest_rounds(12, 300);

    save(w);
    for (size_t i = 0; i < rounds; i++) {
        const row *rows[60];
        int what[60];
        char name[40];
        size_t n = 1 + crmtest_below(&w->seed, 60);
        for (size_t k = 0; k < n; k++) {
            rows[k] = &w->rows[crmtest_below(&w->seed, w->count)];
            what[k] = (int)crmtest_below(&w->seed, HARMS);
        }
        harm_some(w, rows, what, n);
        snprintf(name, sizeof name, "round %zu", i);
        repair_all(w, name);
    }
    forget(w);
}

static void drop_space(kv_space space)
{
    crm_txn *txn;
    crm_db *db = begin_by_hand(&txn);

    OK(txn->kv->ops->clear(txn->kv, space));
    end_by_hand(db, txn);
}

CRM_TEST(test_db_repair__whole_spaces)
{
    static const kv_space SPACES[] = {KV_IDENTITY, KV_BITS, KV_COLUMN, KV_DAY};
    world *w = make();

    save(w);
    for (size_t i = 0; i < sizeof SPACES / sizeof *SPACES; i++) {
        drop_space(SPACES[i]);
        repair_all(w, crm__kv_space_name(SPACES[i]));
    }
    for (size_t i = 0; i < sizeof SPACES / sizeof *SPACES; i++)
        drop_space(SPACES[i]);
    repair_all(w, "all");
    forget(w);
}

/* Rows of spaces that are derived and not in use yet. */
CRM_TEST(test_db_repair__unused_spaces)
{
    world *w = make();
    crm_db *db;
    crm_txn *txn;

    save(w);
    db = begin_by_hand(&txn);
    put_raw(txn->kv, KV_COLUMN, (const uint8_t *)"a", 1, (const uint8_t *)"b", 1);
    put_raw(txn->kv, KV_DUE, (const uint8_t *)"a", 1, (const uint8_t *)"b", 1);
    end_by_hand(db, txn);
    repair_all(w, "unused");
    forget(w);
}

/* The entry names the spaces and who, and no customer. */
CRM_TEST(test_db_repair__is_journalled)
{
    world *w = make();
    crm_change c = CRM_CHANGE_INIT;
    crm_change_iter *it;
    crm_txn *txn;
    crm_db *db;
    uint64_t last;
    char *json;

    save(w);
    drop_space(KV_BITS);
    db = open_db();
    OK(crm_txn_begin(db, CRM_READ, NULL, &txn, NULL));
    last = crm_txn_revision(txn);
    crm_txn_abort(txn);
    crm_db_close(db);
    repair_all(w, "bits");
    repair_all(w, "nothing");
    db = open_db();
    OK(crm_txn_begin(db, CRM_READ, NULL, &txn, NULL));
    ck_assert_uint_eq(crm_txn_revision(txn), last + 1);
    OK(crm_change_list(txn, last, &it, NULL));
    OK(crm_change_next(it, &c, NULL));
    ck_assert_uint_eq(c.action, CRM_ACTION_REPAIR);
    ck_assert_str_eq(c.actor, "li.na");
    ck_assert_uint_eq(c.target, 1u << KV_BITS);
    OK(crm_change_json(it, &json, NULL, NULL));
    ck_assert_ptr_nonnull(strstr(json, "\"action\":\"repair\",\"spaces\":[\"bits\"],"));
    ck_assert_ptr_null(strstr(json, "customer"));
    crm_free(json);
    crm_change_close(it);
    OK(crm_journal_verify(txn, NULL, 0, NULL, NULL, NULL));
    crm_txn_abort(txn);
    OK(crm_txn_begin(db, CRM_WRITE, NULL, &txn, NULL));
    ck_assert_int_eq(crm_undo(txn, last + 1, 0, NULL, NULL, NULL, NULL), CRM_ESTATE);
    crm_txn_abort(txn);
    crm_db_close(db);
    forget(w);
}

/* ---- what is primary ---- */

static void flip_primary(kv_space space, crm__slice key)
{
    uint8_t value[5000];
    crm__slice v;
    crm_txn *txn;
    crm_db *db = begin_by_hand(&txn);

    OK(txn->kv->ops->get(txn->kv, space, key, &v));
    ck_assert_uint_le(v.n, sizeof value);
    memcpy(value, v.p, v.n);
    value[v.n / 2] ^= 4;
    put_raw(txn->kv, space, key.p, key.n, value, v.n);
    end_by_hand(db, txn);
}

/* The record of a customer can't be read: it is named, and can be found as before once it is back.
 */
CRM_TEST(test_db_repair__leaves_what_a_lost_record_says)
{
    world *w = make();
    heard *h = calloc(1, sizeof *h);
    uint8_t key[CRM__KEY_U64];
    crm_check_result r;
    same s = {w, 0};

    ck_assert_ptr_nonnull(h);
    save(w);
    flip_primary(KV_CUSTOMER, crm__key_u64(key, 5));
    drop_space(KV_DAY);
    ck_assert_int_eq(check(CRM_CHECK_REPAIR, h, &r, NULL), CRM_ECORRUPT);
    ck_assert_ptr_nonnull(strstr(h->text, "customer: the record of customer 5 is damaged"));
    ck_assert_int_gt(h->repaired, 0);
    ck_assert_int_gt(h->left, 0);
    ck_assert_uint_gt(r.repaired, 0);
    each_row(same_row, &s);
    flip_primary(KV_CUSTOMER, crm__key_u64(key, 5));
    ck_assert_msg(check(0, h, &r, NULL) == CRM_OK, "%s", h->text);
    free(h);
    forget(w);
}

/* An event too many, of customer 3. */
static void add_item(const row *r)
{
    crm_txn *txn;
    crm_db *db = begin_by_hand(&txn);
    crm__buf item;

    crm__buf_init(&item, NULL);
    OK(crm__day_item_put(&item, &(crm__day_item){3, 7, 0, {{0, 0, 0}}}));
    OK(crm__edits_item(&txn->edits, crm__slice_of(r->key, CRM__KEY_DAY_LIST),
                       crm__slice_of(item.p, item.n), 1));
    end_by_hand(db, txn);
    crm__buf_clear(&item);
}

/* The same of an event block: its customer's items stay in the lists. */
CRM_TEST(test_db_repair__leaves_what_lost_events_say)
{
    world *w = make();
    heard *h = calloc(1, sizeof *h);
    uint8_t key[CRM__KEY_EVENT], first[CRM__KEY_EVENT];
    crm_check_result r;
    crm__slice k, v;
    kv_cursor *c;
    crm_txn *txn;
    crm_db *db;
    int rc;

    ck_assert_ptr_nonnull(h);
    save(w);
    db = open_db();
    OK(crm_txn_begin(db, CRM_READ, NULL, &txn, NULL));
    c = crm__txn_cursor(txn, KV_EVENT, &rc);
    OK(c->ops->seek(c, KV_GE, crm__slice_of(key, (crm__put_be64(key, 7), 8)), &k, &v));
    memcpy(first, k.p, sizeof first);
    crm_txn_abort(txn);
    crm_db_close(db);
    flip_primary(KV_EVENT, crm__slice_of(first, sizeof first));
    for (size_t i = 0; i < w->count; i++) { /* lists have to be made anew */
        if (w->rows[i].space == KV_DAY &&
            !crm__key_is_span(crm__slice_of(w->rows[i].key, w->rows[i].key_n)))
            add_item(&w->rows[i]);
    }
    ck_assert_int_eq(check(CRM_CHECK_REPAIR, h, &r, NULL), CRM_ECORRUPT);
    flip_primary(KV_EVENT, crm__slice_of(first, sizeof first));
    ck_assert_msg(check(0, h, &r, NULL) == CRM_OK, "%s", h->text);
    free(h);
    forget(w);
}

/* ---- memory ---- */

CRM_TEST(test_db_repair__without_memory)
{
    world *w = make();
    heard *h = calloc(1, sizeof *h);
    crm_check_result r;
    int rc = CRM_ENOMEM;

    ck_assert_ptr_nonnull(h);
    save(w);
    for (int64_t allowed = 0; rc == CRM_ENOMEM; allowed += (1 + allowed / 6) * crmtest_stride(4)) {
        stingy left = {allowed, 0};
        crm_allocator mem = {sizeof mem, stingy_alloc, stingy_realloc, stingy_free, &left};
        drop_space(KV_BITS);
        drop_space(KV_COLUMN);
        drop_space(KV_IDENTITY);
        drop_space(KV_DAY);
        rc = check(CRM_CHECK_REPAIR, h, &r, &mem);
        ck_assert_msg(rc == CRM_OK || rc == CRM_ENOMEM, "%d after %lld", rc, (long long)allowed);
        ck_assert_int_eq(left.alive, 0);
    }
    OK(rc);
    repair_all(w, "after all");
    free(h);
    forget(w);
}

/* One piece that is not there, and all others are: nothing is taken for sound because of it. */
static void *all_but_one(size_t n, void *ctx)
{
    int64_t *left = ctx;

    return (*left)-- ? malloc(n) : NULL;
}

static void *all_but_one_again(void *p, size_t n, void *ctx)
{
    int64_t *left = ctx;

    return (*left)-- ? realloc(p, n) : NULL;
}

static void give_back(void *p, void *ctx)
{
    (void)ctx;
    free(p);
}

/* A row that there is not gets, in a block of shared values, a code that means nothing. */
static void harm_code(const world *w)
{
    enum { LAST_CODE = 22 + CRM__COLUMN_ROWS - 1 };
    crm_txn *txn;
    crm_db *db = begin_by_hand(&txn);
    int done = 0;

    for (size_t i = 0; i < w->count && !done; i++) {
        const row *r = &w->rows[i];
        uint8_t value[2000];
        if (r->space != KV_COLUMN || crm__get_be32(r->key + 4) < CRM__COLUMN_SHARED ||
            crm__get_be32(r->key + 4) & CRM__COLUMN_UNTIL)
            continue;
        memcpy(value, r->value, r->n - CRM__TAG_SIZE);
        ck_assert_uint_eq(r->n - CRM__TAG_SIZE, LAST_CODE + 1);
        ck_assert_uint_eq(value[LAST_CODE], 0xff);
        value[LAST_CODE] = 0xfe;
        put_tagged(txn, KV_COLUMN, r->key, r->key_n, value, LAST_CODE + 1);
        done = 1;
    }
    ck_assert(done);
    end_by_hand(db, txn);
}

CRM_TEST(test_db_repair__one_piece_of_memory)
{
    world *w = make();
    heard *h = calloc(1, sizeof *h);
    int64_t left, lacked = 0;
    crm_check_result r;
    int done = 0;

    ck_assert_ptr_nonnull(h);
    save(w);
    harm_code(w);
    for (int64_t at = 0; !done; at++) {
        crm_allocator mem = {sizeof mem, all_but_one, all_but_one_again, give_back, &left};
        int rc;
        left = at;
        rc = check(0, h, &r, &mem);
        ck_assert_msg(rc == CRM_ECORRUPT || (rc == CRM_ENOMEM && left < 0), "%d at %lld", rc,
                      (long long)at);
        lacked += rc == CRM_ENOMEM;
        done = left >= 0;
    }
    ck_assert_int_gt(lacked, 20);
    repair_all(w, "a code");
    free(h);
    forget(w);
}
