/* SPDX-License-Identifier: MIT
 * Rows whose pieces wait (src/db/waiting.h), by hand: each of them deleted, changed and added to is found
 * by check and mended by repair; who asks meanwhile gets an answer or a refusal; at the border of two
 * chunks each has its own; and every allocation that fails leaves all as it was.
 */
#include "db/waiting.h"

#include "crmtest.h"
#include "db/txn.h"
#include "nth.h"

#include <crm/crm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OK(call) ck_assert_int_eq(call, CRM_OK)

enum { CUSTOMERS = 60, TEXT = 400, WORDS = 40, ROWS = 200, BORDER = 1 << CRM__CHUNK_SHIFT };

static const char MODEL[] = "crm: 1\nfields:\n  note: {type: text, index: contains}\n";

typedef struct row {
    uint8_t key[32], value[1024];
    size_t key_n, n;
} row;

typedef struct world {
    uint64_t seed;
    crm_id first;                /* customers with texts have ids from here on */
    char text[CUSTOMERS][TEXT];  /* empty: none, or the customer is deleted */
    uint8_t deleted[CUSTOMERS];
    char word[WORDS][12];
    row rows[ROWS];
    size_t count;
} world;

static uint32_t below(world *w, uint32_t n)
{
    return (uint32_t)crmtest_below(&w->seed, n);
}

static crm_db *open_with(const crm_allocator *mem)
{
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    crm_error err = CRM_ERROR_INIT;
    crm_db *db = NULL;
    int rc;

    o.model = MODEL;
    o.allocator = mem;
    rc = crm_db_open(crmtest_path("db"), &o, &db, &err);
    ck_assert_msg(rc == CRM_OK, "%s", err.message);
    return db;
}

static crm_txn *begin(crm_db *db, int mode)
{
    crm_txn *txn;

    OK(crm_txn_begin(db, mode, NULL, &txn, NULL));
    return txn;
}

static void make_words(world *w)
{
    for (int i = 0; i < WORDS; i++) {
        size_t n = 4 + below(w, 6);
        for (size_t k = 0; k < n; k++)
            w->word[i][k] = (char)('a' + below(w, 26));
    }
}

static void make_text(world *w, char to[TEXT])
{
    to[0] = 0;
    while (strlen(to) + 20 < TEXT && below(w, 30)) {
        strcat(to, w->word[below(w, WORDS)]);
        strcat(to, " ");
    }
    if (*to)
        to[strlen(to) - 1] = 0;
}

/* A commit of its own: another text, none, or the customer goes or comes back. */
static int change(world *w, crm_db *db, uint32_t i)
{
    char text[TEXT], json[TEXT + 20];
    uint32_t what = below(w, 8);
    crm_txn *txn;
    int rc = crm_txn_begin(db, CRM_WRITE, NULL, &txn, NULL);

    if (rc)
        return rc;
    make_text(w, text);
    snprintf(json, sizeof json, *text ? "{\"note\":\"%s\"}" : "{\"note\":null}", text);
    if (w->deleted[i])
        rc = crm_customer_undelete(txn, w->first + i, 0, NULL);
    else if (what == 0)
        rc = crm_customer_delete(txn, w->first + i, 0, NULL);
    else
        rc = crm_customer_patch_json(txn, w->first + i, 0, json, CRM_NUL, NULL);
    if (rc)
        crm_txn_abort(txn);
    else
        rc = crm_txn_commit(txn, NULL);
    if (rc)
        return rc;
    if (w->deleted[i] || what == 0)
        w->deleted[i] = !w->deleted[i];
    else
        strcpy(w->text[i], text);
    return CRM_OK;
}

static int is_in(const world *w, uint32_t i, const char *part)
{
    return !w->deleted[i] && strstr(w->text[i], part) != NULL;
}

static int count(crm_txn *txn, const char *part, uint64_t *n)
{
    char query[60];
    crm_segment *s;
    int rc;

    snprintf(query, sizeof query, "note contains \"%s\"", part);
    rc = crm_segment_parse(txn, query, CRM_NUL, &s, NULL);
    if (rc)
        return rc;
    rc = crm_segment_count(txn, s, NULL, n, NULL);
    crm_segment_free(s);
    return rc;
}

static void compare(world *w, crm_db *db)
{
    crm_txn *txn = begin(db, CRM_READ);

    for (int k = 0; k < WORDS; k++) {
        uint64_t got, want = 0;
        for (uint32_t i = 0; i < CUSTOMERS; i++)
            want += (uint64_t)is_in(w, i, w->word[k]);
        OK(count(txn, w->word[k], &got));
        ck_assert_msg(got == want, "%s: %llu, not %llu (seed %llu)", w->word[k],
                      (unsigned long long)got, (unsigned long long)want,
                      (unsigned long long)crmtest_seed());
    }
    crm_txn_abort(txn);
}

/* The first customers have no text; then CUSTOMERS with one. */
static world *make(crm_id first)
{
    world *w = calloc(1, sizeof *w);
    crm_db *db = open_with(NULL);
    crm_txn *txn = begin(db, CRM_WRITE);
    char json[TEXT + 20];

    ck_assert_ptr_nonnull(w);
    w->seed = crmtest_seed();
    w->first = first;
    make_words(w);
    for (crm_id id = 1; id < first + CUSTOMERS; id++) {
        strcpy(json, "{}");
        if (id >= first) {
            make_text(w, w->text[id - first]);
            if (*w->text[id - first])
                snprintf(json, sizeof json, "{\"note\":\"%s\"}", w->text[id - first]);
        }
        OK(crm_customer_create_json(txn, json, CRM_NUL, NULL, NULL));
    }
    OK(crm_txn_commit(txn, NULL));
    crm_db_close(db);
    return w;
}

static void keep_rows(world *w, crm_db *db)
{
    crm_txn *txn = begin(db, CRM_READ);
    uint8_t from[4];
    crm__slice k, v;
    int rc;
    kv_cursor *c = crm__txn_cursor(txn, KV_BITS, &rc);

    w->count = 0;
    crm__put_be32(from, CRM__BITS_NO_CHUNK);
    for (rc = c->ops->seek(c, KV_GE, crm__slice_of(from, 4), &k, &v); !rc;
         rc = c->ops->next(c, &k, &v)) {
        row *r = &w->rows[w->count++];
        ck_assert(w->count < ROWS && k.n <= sizeof r->key && v.n <= sizeof r->value);
        memcpy(r->key, k.p, r->key_n = k.n);
        memcpy(r->value, v.p, r->n = v.n);
    }
    crm_txn_abort(txn);
}

/* Changes until some rows wait. */
static void let_wait(world *w, crm_db *db)
{
    for (int i = 0; i < 2000; i++) {
        OK(change(w, db, below(w, CUSTOMERS)));
        keep_rows(w, db);
        if (w->count > 6)
            return;
    }
    ck_abort_msg("no rows wait");
}

/* ---- harm ---- */

enum { DELETE, FLIP, FLIP_TAGGED, OTHER_ROW, OTHER_CHUNK, OTHER_PLACE, SHORT_KEY, LONG_KEY, HARMS };

static void put_tagged(crm_txn *txn, crm__slice key, const uint8_t *payload, size_t n)
{
    uint8_t value[1024 + CRM__TAG_SIZE];

    memcpy(value, payload, n);
    OK(crm__edits_write(txn->kv, txn->store->tag_key, KV_BITS, key, value, n, 0));
}

static void harm(world *w, const row *r, int what)
{
    crm_db *db = open_with(NULL);
    crm_txn *txn = begin(db, CRM_WRITE);
    const kv_ops *ops = txn->kv->ops;
    uint8_t key[40] = {0}, value[1024];
    crm__slice k = crm__slice_of(key, r->key_n);

    memcpy(key, r->key, r->key_n);
    memcpy(value, r->value, r->n);
    if (what == DELETE)
        OK(ops->del(txn->kv, KV_BITS, k));
    else if (what == FLIP || what == FLIP_TAGGED)
        value[below(w, (uint32_t)(r->n - CRM__TAG_SIZE))] ^= (uint8_t)(1u << below(w, 8));
    else if (what == OTHER_ROW)
        key[r->key_n - 1] ^= 0x70;
    else if (what == OTHER_CHUNK)
        key[CRM__KEY_WAITING - 1] ^= 0x05;
    else if (what == OTHER_PLACE)
        key[CRM__KEY_WAITING] |= 0xf0;
    else if (what == SHORT_KEY)
        k.n -= 1;
    else
        k.n += 1;
    if (what == FLIP)
        OK(ops->put(txn->kv, KV_BITS, k, crm__slice_of(value, r->n), 0));
    else if (what != DELETE)
        put_tagged(txn, k, value, r->n - CRM__TAG_SIZE);
    txn->state.changed = 1;
    OK(crm_txn_commit(txn, NULL));
    crm_db_close(db);
}

typedef struct heard {
    int repaired, left, of_bits;
} heard;

static void on_fault(const crm_fault *fault, void *ctx)
{
    heard *h = ctx;

    h->repaired += fault->repaired != 0;
    h->left += !fault->repaired;
    h->of_bits += strcmp(fault->space, "bits") == 0;
}

static int check(uint32_t flags, heard *h)
{
    crm_check_options o = CRM_CHECK_OPTIONS_INIT;
    crm_check_result r;

    memset(h, 0, sizeof *h);
    o.flags = flags;
    o.actor = "li.na";
    o.fault = on_fault;
    o.fault_ctx = h;
    return crm_check(crmtest_path("db"), &o, sizeof r, &r, NULL);
}

/* Who is looked for gets an answer or a refusal, whatever stands there. */
static void ask_harmed(world *w)
{
    crm_db *db = open_with(NULL);
    crm_txn *txn = begin(db, CRM_READ);

    for (int k = 0; k < 5; k++) {
        uint64_t n;
        int rc = count(txn, w->word[below(w, WORDS)], &n);
        ck_assert(rc == CRM_OK || rc == CRM_ECORRUPT);
    }
    crm_txn_abort(txn);
    crm_db_close(db);
}

/* What check lets pass, as other bytes saved for the round, is no harm to what questions find. */
CRM_TEST(test_db_waiting__harm_is_found_and_mended)
{
    world *w = make(1);
    int found, times = 0, rounds = 0;
    heard h;

    for (size_t round = 0; round < crmtest_rounds(6, 60); round++) {
        for (int what = 0; what < HARMS; what++, rounds++) {
            crm_db *db = open_with(NULL);
            const row *r;
            let_wait(w, db);
            crm_db_close(db);
            OK(check(0, &h));
            r = &w->rows[below(w, (uint32_t)w->count)];
            harm(w, r, what);
            found = check(0, &h);
            ck_assert(found == CRM_ECORRUPT ? h.left && h.of_bits == h.left : found == CRM_OK);
            times += found != CRM_OK;
            ask_harmed(w);
            ck_assert_msg(check(CRM_CHECK_REPAIR, &h) == CRM_OK && !h.left && !h.repaired == !found,
                          "harm %d (seed %llu)", what, (unsigned long long)crmtest_seed());
            OK(check(0, &h));
            db = open_with(NULL);
            compare(w, db);
            crm_db_close(db);
        }
    }
    ck_assert_int_gt(times, rounds * 3 / 4);
    free(w);
}

/* A key that none can have says that the file is damaged, not that nobody waits behind it. */
CRM_TEST(test_db_waiting__a_key_there_can_t_be_is_refused)
{
    world *w = make(1);
    crm_db *db = open_with(NULL);
    crm_txn *txn;
    uint64_t n;

    let_wait(w, db);
    crm_db_close(db);
    harm(w, &w->rows[0], SHORT_KEY);
    db = open_with(NULL);
    txn = begin(db, CRM_READ);
    ck_assert_int_eq(count(txn, w->word[0], &n), CRM_ECORRUPT);
    crm_txn_abort(txn);
    crm_db_close(db);
    free(w);
}

/* ---- two chunks ---- */

/* Whether rows of both wait. */
static int in_both(const world *w)
{
    unsigned seen = 0;
    crm__waiting_place at;

    for (size_t i = 0; i < w->count; i++) {
        if (crm__waiting_key(crm__slice_of(w->rows[i].key, w->rows[i].key_n), &at))
            seen |= 1u << (at.chunk & 1);
    }
    return seen == 3;
}

CRM_TEST(test_db_waiting__chunks_have_their_own)
{
    world *w = make(BORDER - CUSTOMERS / 2);
    crm_db *db = open_with(NULL);
    int both = 0;
    heard h;

    for (int i = 0; i < 300; i++) {
        OK(change(w, db, below(w, CUSTOMERS)));
        keep_rows(w, db);
        both += in_both(w);
        if (i % 20 == 0)
            compare(w, db);
    }
    ck_assert_int_gt(both, 0);
    compare(w, db);
    crm_db_close(db);
    OK(check(0, &h));
    free(w);
}

/* ---- why ---- */

CRM_TEST(test_db_waiting__why_goes_by_the_text)
{
    world *w = make(1);
    crm_db *db = open_with(NULL);

    for (int i = 0; i < 60; i++) {
        crm_txn *txn;
        char query[60];
        let_wait(w, db);
        txn = begin(db, CRM_READ);
        for (uint32_t k = 0; k < CUSTOMERS; k++) {
            const char *part = w->word[below(w, WORDS)];
            crm_segment *s;
            char *why;
            snprintf(query, sizeof query, "note contains \"%s\"", part);
            OK(crm_segment_parse(txn, query, CRM_NUL, &s, NULL));
            OK(crm_segment_why(txn, s, w->first + k, &why, NULL, NULL));
            ck_assert_int_eq(strstr(why, "\"in\":true") != NULL, is_in(w, k, part));
            crm_free(why);
            crm_segment_free(s);
        }
        crm_txn_abort(txn);
    }
    crm_db_close(db);
    free(w);
}

/* ---- memory ---- */

CRM_TEST(test_db_waiting__allocations_that_fail_change_nothing)
{
    world *w = make(1);
    nth m = {0, 0, 0};
    crm_allocator mem = nth_allocator(&m);
    crm_db *db = open_with(NULL);
    heard h;
    int refused = 0;

    let_wait(w, db);
    crm_db_close(db);
    db = open_with(&mem);
    for (uint64_t at = 1, done = 0; !done; at++) {
        uint64_t was = w->seed;
        int rc;
        m.calls = 0;
        m.at = at;
        rc = change(w, db, (uint32_t)at % CUSTOMERS);
        done = m.calls < at;
        m.at = 0;
        ck_assert(rc == CRM_OK || rc == CRM_ENOMEM);
        refused += rc == CRM_ENOMEM;
        if (rc)
            w->seed = was;
        if (at % 16 == 0 || done)
            compare(w, db);
    }
    ck_assert_int_gt(refused, 20);
    crm_db_close(db);
    ck_assert_int_eq(m.alive, 0);
    OK(check(0, &h));
    free(w);
}
