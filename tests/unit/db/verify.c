/* SPDX-License-Identifier: MIT
 * crm_journal_verify() finds every change of the stored journal and its images: random mutations,
 * each with a right check tag, so that only the chain and the commitments can tell.
 *
 * A mutation is made in the engine's transaction below the library and dropped again after the
 * walk.
 */
#include "crmtest.h"
#include "db/brought.h"
#include "db/journal.h"

#include <crm/crm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OK(call) ck_assert_int_eq(call, CRM_OK)

enum { ROWS = 800, KEY = 128 };

typedef struct row {
    kv_space space;
    uint8_t key[KEY];
    size_t key_n;
    uint8_t *bytes; /* payload */
    size_t n;
} row;

typedef struct world {
    crm_db *db;
    uint64_t seed;
    row rows[ROWS]; /* entries, then images; behind what counts, what entries brought: names,
                       models, saved segments, then rows of batches, of which that is a part */
    size_t entries, count, batches, all;
    row invented;  /* that no entry brought; key_n 0: none */
    crm_head head; /* the anchor */
} world;

/* ---- a database with every kind of entry ---- */

/* Small, so that a walk is short; some names of each class. */
static const char MODEL[] = "crm: 1\nname: verify\nfields:\n  name: {type: text, required: true}\n"
                            "  city: {type: text}\n  score: {type: integer}\n"
                            "  size: {type: enum, values: {small: Small, large: Large}}\n"
                            "events:\n  visit: {attributes: {note: {type: text}}}\n"
                            "  call: {attributes: {line: {type: enum, values: {a: A, b: B}}}}\n"
                            "tags:\n  mood: {expires: true}\n  free:\n";

static const char MODEL_2[] = "crm: 1\nname: verify\nfields:\n"
                              "  name: {type: text, required: true}\n  city: {type: text}\n"
                              "  score: {type: integer}\n  note: {type: text}\n"
                              "  size: {type: enum, values: {small: Small, large: Large}}\n"
                              "events:\n  visit: {attributes: {note: {type: text}}}\n"
                              "  call: {attributes: {line: {type: enum, values: {a: A, b: B}}}}\n"
                              "tags:\n  mood: {expires: true}\n  free:\n";

static crm_txn *begin(crm_db *db, uint64_t batch)
{
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    crm_txn *txn;

    o.actor = "li.na";
    o.purpose = "sales";
    o.channel = "shop";
    o.source = "till";
    o.batch = batch;
    o.batch_name = batch == CRM_BATCH_NEW ? "May" : NULL;
    OK(crm_txn_begin(db, CRM_WRITE, &o, &txn, NULL));
    return txn;
}

static void change_tag(world *w, crm_txn *txn, crm_id id)
{
    static const char *const TAG[] = {"mood:good", "mood:bad", "free:a"};
    crm_tag_options o = CRM_TAG_OPTIONS_INIT;
    size_t t = crmtest_below(&w->seed, 3);

    o.reason = crmtest_below(&w->seed, 2) ? "fair" : NULL;
    o.until_us = t < 2 && crmtest_below(&w->seed, 2) ? INT64_C(4000000000000000) : 0;
    if (crmtest_below(&w->seed, 4)) /* a deleted one can't have it, which is fine */
        crm_tag_add(txn, id, TAG[t], &o, NULL);
    else
        crm_tag_remove(txn, id, TAG[t], NULL);
}

static void change(world *w, crm_txn *txn, crm_id most)
{
    crm_id id = 1 + crmtest_below(&w->seed, most);
    char json[100];

    snprintf(json, sizeof json, "{\"city\":\"C%u\",\"score\":%u}",
             (unsigned)crmtest_below(&w->seed, 1000), (unsigned)crmtest_below(&w->seed, 100));
    switch (crmtest_below(&w->seed, 8)) {
    case 4:
        change_tag(w, txn, id);
        return;
    case 0:
        OK(crm_customer_create_json(txn, "{\"name\":\"N\"}", CRM_NUL, NULL, NULL));
        return;
    case 1:
        crm_customer_delete(txn, id, 0, NULL);
        return;
    case 2:
        crm_customer_undelete(txn, id, 0, NULL);
        return;
    case 3:
        crm_event_add_json(txn, id, "{\"kind\":\"visit\"}", CRM_NUL, NULL, NULL);
        return;
    default:
        crm_customer_patch_json(txn, id, 0, json, CRM_NUL, NULL);
    }
}

static int begins(crm__slice k, const char *prefix)
{
    return k.n > strlen(prefix) && !memcmp(k.p, prefix, strlen(prefix));
}

/* Rows of a number, documents of models, saved segments: what the chain covers of the two spaces,
 * beside the names in rows of batches. */
static int is_brought(kv_space space, crm__slice k)
{
    return space == KV_DICT ? k.n == 6 && k.p[1] == 1 && crm__dict_class_of(k.p[0]) >= 0
                            : begins(k, "model/") || begins(k, "segment/");
}

static int is_wanted(kv_space space, crm__slice k, int batches)
{
    if (batches)
        return begins(k, "batch/");
    return (space != KV_DICT && space != KV_META) || is_brought(space, k);
}

static void collect(world *w, crm_txn *txn, kv_space space, int batches)
{
    crm__slice k, v, payload;
    int rc;
    kv_cursor *c = crm__txn_cursor(txn, space, &rc);

    OK(rc);
    for (rc = c->ops->seek(c, KV_FIRST, crm__slice_of(NULL, 0), &k, &v); !rc;
         rc = c->ops->next(c, &k, &v)) {
        row *r = &w->rows[w->all];
        if (!is_wanted(space, k, batches))
            continue;
        ck_assert_uint_lt(++w->all, ROWS);
        ck_assert_uint_le(k.n, KEY);
        OK(crm__untag(txn->store, space, k, v, &payload));
        r->space = space;
        r->key_n = k.n;
        memcpy(r->key, k.p, k.n);
        r->n = payload.n;
        r->bytes = malloc(payload.n);
        ck_assert_ptr_nonnull(r->bytes);
        memcpy(r->bytes, payload.p, payload.n);
    }
    ck_assert_int_eq(rc, CRM_ENOTFOUND);
}

/* Saved segments: one changed, one removed; hand-outs with their reasons. */
static void hand_out(world *w)
{
    static const char *const TEXT[] = {"score > 10", "score > 20", "city = C1"};
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    crm_segment *s;
    crm_txn *txn = begin(w->db, 0);

    for (int i = 0; i < 3; i++) {
        OK(crm_segment_parse(txn, TEXT[i], CRM_NUL, &s, NULL));
        OK(crm_segment_save(txn, i < 2 ? "vip" : "old", s, CRM_SEGMENT_REPLACE, NULL));
        crm_segment_free(s);
    }
    OK(crm_segment_remove(txn, "old", NULL));
    OK(crm_segment_parse(txn, "score >= 0", CRM_NUL, &s, NULL));
    OK(crm_segment_save(txn, "now", s, CRM_SEGMENT_STATIC, NULL));
    crm_segment_free(s);
    OK(crm_txn_commit(txn, NULL));
    OK(crm__journal_handout(w->db, &o, CRM__ACTION_EXPORT, "newsletter of May", "score >= 700",
                            NULL, NULL));
    OK(crm__journal_handout(w->db, &o, CRM__ACTION_BACKUP, "backup", NULL, NULL, NULL));
}

static void make(world *w, int trim)
{
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    crm_error err = CRM_ERROR_INIT;
    uint64_t batch;
    crm_txn *txn;

    memset(w, 0, sizeof *w);
    w->seed = crmtest_seed();
    o.model = MODEL;
    ck_assert_msg(!crm_db_open(crmtest_path("db"), &o, &w->db, &err), "%s", err.message);
    txn = begin(w->db, 0);
    for (int i = 0; i < 8; i++)
        OK(crm_customer_create_json(txn, "{\"name\":\"A\"}", CRM_NUL, NULL, NULL));
    OK(crm_txn_commit(txn, NULL));
    for (int part = 0; part < 4; part++) {
        txn = begin(w->db, 0);
        for (int i = 0; i < 9; i++)
            change(w, txn, 8);
        OK(crm_txn_commit(txn, NULL));
        txn = begin(w->db, CRM_BATCH_NEW);
        for (int i = 0; i < 12; i++)
            change(w, txn, 12);
        batch = crm_txn_batch(txn);
        OK(crm_txn_commit(txn, NULL));
        if (part % 2)
            continue;
        txn = begin(w->db, part ? batch : 0);
        for (int i = 0; i < 5 && part; i++)
            change(w, txn, 12);
        if (!part)
            crm_undo(txn, batch, CRM_UNDO_SKIP, NULL, NULL, NULL, NULL);
        OK(crm_txn_commit(txn, NULL));
    }
    hand_out(w);
    if (trim) {
        crm__journal_entry e;
        txn = begin(w->db, 0);
        OK(crm__journal_read(txn, crm_txn_revision(txn) / 3, &e));
        OK(crm_journal_trim(txn, e.recorded, NULL, NULL));
        OK(crm_txn_commit(txn, NULL));
    }
    OK(crm_txn_begin(w->db, CRM_READ, NULL, &txn, NULL));
    w->head = (crm_head)CRM_HEAD_INIT;
    OK(crm_journal_head(txn, &w->head, NULL));
    collect(w, txn, KV_JOURNAL, 0);
    w->entries = w->all;
    collect(w, txn, KV_IMAGE, 0);
    w->count = w->all;
    collect(w, txn, KV_DICT, 0);
    collect(w, txn, KV_TAGGED, 0);
    collect(w, txn, KV_META, 0);
    w->batches = w->all;
    collect(w, txn, KV_META, 1);
    ck_assert_uint_gt(w->batches, w->count + 16);
    ck_assert_uint_gt(w->all, w->batches + 12);
    OK(crm_txn_abort(txn));
    ck_assert_msg(w->entries > 40 && w->count > w->entries + 15, "%zu entries, %zu", w->entries,
                  w->count);
}

static void unmake(world *w)
{
    for (size_t i = 0; i < w->all; i++)
        free(w->rows[i].bytes);
    crm_db_close(w->db);
}

/* ---- mutations, in the engine's transaction ---- */

static void put(crm_txn *txn, kv_space space, const uint8_t *key, size_t key_n,
                const uint8_t *bytes, size_t n)
{
    uint8_t *v = malloc(n + CRM__TAG_SIZE);
    crm__slice k = {key, key_n}, payload = {bytes, n}, again;

    ck_assert_ptr_nonnull(v);
    memcpy(v, bytes, n);
    crm__put_le64(v + n, crm__check_tag(txn->store->tag_key, (uint8_t)space, k, payload));
    OK(crm__untag(txn->store, space, k, crm__slice_of(v, n + CRM__TAG_SIZE), &again));
    OK(txn->kv->ops->put(txn->kv, space, k, crm__slice_of(v, n + CRM__TAG_SIZE), 0));
    free(v);
}

static void put_row(crm_txn *txn, const row *at, const row *what)
{
    put(txn, at->space, at->key, at->key_n, what->bytes, what->n);
}

static void drop(crm_txn *txn, const row *r)
{
    OK(txn->kv->ops->del(txn->kv, r->space, crm__slice_of(r->key, r->key_n)));
}

static const row *some(world *w)
{
    return &w->rows[crmtest_below(&w->seed, w->count)];
}

static int equal(const row *a, const row *b)
{
    return a->n == b->n && !memcmp(a->bytes, b->bytes, a->n);
}

/* One byte becomes another; one is added or taken away. */
static void change_row(world *w, crm_txn *txn, const row *r)
{
    uint8_t copy[4096];
    size_t n = r->n, at = crmtest_below(&w->seed, n);

    ck_assert_uint_lt(n, sizeof copy - 1);
    memcpy(copy, r->bytes, n);
    switch (crmtest_below(&w->seed, 8)) {
    case 0:
        memmove(copy + at + 1, copy + at, n - at);
        n++;
        copy[at] = (uint8_t)crmtest_rand(&w->seed);
        if (n > 1 && at < r->n && copy[at] == copy[at + 1])
            copy[at] ^= 0x11;
        break;
    case 1:
        n--;
        memmove(copy + at, copy + at + 1, n - at);
        break;
    default:
        copy[at] ^= (uint8_t)(1 + crmtest_below(&w->seed, 255));
    }
    put(txn, r->space, r->key, r->key_n, copy, n);
}

static void change_bytes(world *w, crm_txn *txn)
{
    change_row(w, txn, some(w));
}

static void swap_rows(world *w, crm_txn *txn)
{
    const row *a, *b;

    do {
        a = some(w);
        b = some(w);
    } while (a->space != b->space || equal(a, b));
    put_row(txn, a, b);
    put_row(txn, b, a);
}

static void replace_by_older(world *w, crm_txn *txn)
{
    size_t to = 1 + crmtest_below(&w->seed, w->entries - 1);

    put_row(txn, &w->rows[to], &w->rows[crmtest_below(&w->seed, to)]);
}

/* The seq that a row belongs to: of an image, of a row of a batch, of a saved segment; 0: others.
 */
static uint64_t seq_of(const row *r)
{
    crm__slice k = {r->key, r->key_n};

    if (r->space == KV_IMAGE)
        return crm__get_be64(r->key);
    if (r->space == KV_TAGGED)
        return crm__get_be64(r->key + 8);
    return begins(k, "batch/") || begins(k, "segment/") ? crm__get_be64(r->key + r->key_n - 8) : 0;
}

/* The entries behind a seq, and all that belongs to them: only the anchor tells. */
static void cut_behind(world *w, crm_txn *txn, size_t from)
{
    for (size_t i = from; i < w->all; i++) {
        if (i < w->entries || seq_of(&w->rows[i]) > from)
            drop(txn, &w->rows[i]);
    }
}

static void cut_off(world *w, crm_txn *txn)
{
    cut_behind(w, txn, crmtest_below(&w->seed, w->entries));
}

static const row *some_image(world *w)
{
    return &w->rows[w->entries + crmtest_below(&w->seed, w->count - w->entries)];
}

/* To another customer or another change: where no image is, or instead of one. */
static void move_image(world *w, crm_txn *txn)
{
    const row *r = some_image(w);
    row to = *r;

    do {
        crm__put_be64(to.key, 1 + crmtest_below(&w->seed, w->entries + 2));
        crm__put_be64(to.key + 8, 1 + crmtest_below(&w->seed, 40));
    } while (!memcmp(to.key, r->key, r->key_n));
    if (crmtest_below(&w->seed, 2))
        drop(txn, r);
    put_row(txn, &to, r);
}

/* An image that was never there: said to be kept or to be erased. */
static void invent_image(world *w, crm_txn *txn)
{
    const row *like = some_image(w);
    uint8_t row_[1 + CRM__DIGEST] = {CRM__IMAGE_ERASED}, key[CRM__KEY_IMAGE];
    size_t i;

    do {
        crm__put_be64(key, 1 + crmtest_below(&w->seed, w->entries + 2));
        crm__put_be64(key + 8, 1 + crmtest_below(&w->seed, 40));
        for (i = w->entries; i < w->count && memcmp(w->rows[i].key, key, sizeof key); i++)
            ;
    } while (i < w->count);
    for (i = 1; i < sizeof row_; i++)
        row_[i] = (uint8_t)crmtest_rand(&w->seed);
    if (crmtest_below(&w->seed, 2))
        put(txn, KV_IMAGE, key, sizeof key, row_, sizeof row_);
    else
        put(txn, KV_IMAGE, key, sizeof key, like->bytes, like->n);
}

/* An entry taken out, those behind it moved up, as if it had never been. */
static void close_gap(world *w, crm_txn *txn)
{
    size_t at = crmtest_below(&w->seed, w->entries - 1);

    for (size_t i = at; i + 1 < w->entries; i++)
        put_row(txn, &w->rows[i], &w->rows[i + 1]);
    drop(txn, &w->rows[w->entries - 1]);
}

static void drop_row(world *w, crm_txn *txn)
{
    drop(txn, some(w));
}

/* ---- of what entries brought ---- */

static const row *some_brought(world *w)
{
    return &w->rows[w->count + crmtest_below(&w->seed, w->batches - w->count)];
}

static void change_brought(world *w, crm_txn *txn)
{
    change_row(w, txn, some_brought(w));
}

static void drop_brought(world *w, crm_txn *txn)
{
    drop(txn, some_brought(w));
}

/* Actor for purpose, field for field, a name of one class for one of another. */
static void swap_brought(world *w, crm_txn *txn)
{
    const row *a, *b;

    do {
        a = some_brought(w);
        b = some_brought(w);
    } while (a->space != b->space || equal(a, b));
    put_row(txn, a, b);
    put_row(txn, b, a);
}

/* ---- names of batches and reasons ---- */

static const row *some_batch(world *w)
{
    return &w->rows[w->batches + crmtest_below(&w->seed, w->all - w->batches)];
}

/* The last entry and the undo of a batch are no business of the chain: crm_check() compares them.
 */
static void change_name(world *w, crm_txn *txn)
{
    const row *r = some_batch(w);
    crm__reader in = crm__reader_of(r->bytes, r->n);
    uint8_t copy[KEY];
    size_t head, at, n = r->n;

    crm__read_varint(&in);
    crm__read_varint(&in);
    head = r->n - crm__reader_left(&in);
    ck_assert_uint_lt(n, sizeof copy);
    memcpy(copy, r->bytes, n);
    if (n == head || !crmtest_below(&w->seed, 4)) {
        copy[n++] = (uint8_t)crmtest_rand(&w->seed);
    } else {
        at = head + crmtest_below(&w->seed, n - head);
        if (crmtest_below(&w->seed, 3))
            copy[at] ^= (uint8_t)(1 + crmtest_below(&w->seed, 255));
        else
            n = at;
    }
    put(txn, r->space, r->key, r->key_n, copy, n);
}

static void drop_batch(world *w, crm_txn *txn)
{
    drop(txn, some_batch(w));
}

static int is_there(const world *w, const row *r)
{
    for (size_t i = w->count; i < w->all; i++) {
        if (w->rows[i].key_n == r->key_n && !memcmp(w->rows[i].key, r->key, r->key_n))
            return 1;
    }
    return 0;
}

/* Another version of a saved segment, another batch, or another change of tags. */
static void invent_text(world *w, crm_txn *txn)
{
    const row *like;

    do {
        like = crmtest_below(&w->seed, 2) ? some_batch(w) : some_brought(w);
    } while (!seq_of(like));
    do {
        w->invented = *like;
        crm__put_be64(w->invented.key + (like->space == KV_TAGGED ? 8 : like->key_n - 8),
                      1 + crmtest_below(&w->seed, w->entries + 3));
    } while (is_there(w, &w->invented));
    put_row(txn, &w->invented, like);
}

typedef void (*mutation)(world *w, crm_txn *txn);
static const struct {
    mutation fn;
    const char *name;
} MUTATIONS[] = {
    {change_bytes, "bytes changed"},
    {change_bytes, "bytes changed"},
    {change_bytes, "bytes changed"},
    {drop_row, "row dropped"},
    {swap_rows, "rows swapped"},
    {replace_by_older, "replaced by an older one"},
    {cut_off, "cut off"},
    {move_image, "image moved"},
    {invent_image, "image invented"},
    {close_gap, "taken out, the gap closed"},
    {change_brought, "name, model, tags or saved segment changed"},
    {drop_brought, "name, model, tags or saved segment dropped"},
    {swap_brought, "names, models, tags or saved segments swapped"},
    {change_name, "name of a batch or reason changed"},
    {drop_batch, "row of a batch dropped"},
    {invent_text, "batch, change of tags or saved segment invented"},
};
enum { KINDS = sizeof MUTATIONS / sizeof MUTATIONS[0] };

/* Verifies as it stands in the write transaction: the library is told that it reads. */
static int verify(world *w, crm_txn *txn, crm_error *err)
{
    int rc;

    txn->write = 0;
    rc = crm_journal_verify(txn, &w->head, 1, NULL, NULL, err);
    txn->write = 1;
    return rc;
}

static void mutate_many(int trim)
{
    size_t rounds = crmtest_rounds(50000, 500000) / crmtest_stride(50), found[KINDS] = {0};
    crm_error err = CRM_ERROR_INIT;
    world w;
    crm_txn *txn;

    make(&w, trim);
    txn = begin(w.db, 0);
    OK(verify(&w, txn, &err));
    OK(crm_txn_abort(txn));
    for (size_t i = 0; i < rounds; i++) {
        uint64_t seed = w.seed;
        size_t kind = crmtest_below(&w.seed, KINDS);
        int rc;
        txn = begin(w.db, 0);
        MUTATIONS[kind].fn(&w, txn);
        rc = verify(&w, txn, &err);
        ck_assert_msg(rc == CRM_ECORRUPT, "round %zu, state %llu: %s gives %d (%s)", i,
                      (unsigned long long)seed, MUTATIONS[kind].name, rc, err.message);
        ck_assert(err.row >= 0 && err.message[0]);
        OK(crm_txn_abort(txn));
        found[kind]++;
    }
    for (size_t i = 0; i < KINDS; i++)
        ck_assert(rounds < 500 || found[i]);
    txn = begin(w.db, 0);
    OK(verify(&w, txn, &err));
    OK(crm_txn_abort(txn));
    unmake(&w);
}

CRM_TEST(test_db_verify__mutations)
{
    mutate_many(0);
}

CRM_TEST(test_db_verify__mutations_after_a_trim)
{
    mutate_many(1);
}

/* ---- crm_check() says the same ---- */

static uint64_t faults(void)
{
    crm_error err = CRM_ERROR_INIT;
    crm_check_result r;
    int rc = crm_check(crmtest_path("db"), NULL, sizeof r, &r, &err);

    ck_assert_msg(rc == (r.faults ? CRM_ECORRUPT : CRM_OK), "crm_check gives %d: %s", rc,
                  err.message);
    return r.faults;
}

/* Commits what was done below the library. */
static void commit_below(crm_txn *txn)
{
    txn->state.changed = 1;
    OK(crm_txn_commit(txn, NULL));
}

/* In the engine alone: a transaction of the library does not begin where the last entry is damaged.
 */
static void put_all_back(world *w)
{
    kv_env *env = w->db->store->kv;
    crm_error err = CRM_ERROR_INIT;
    crm_txn txn = {.store = w->db->store};

    OK(env->ops->begin(env, 1, &txn.kv, &err));
    OK(env->ops->clear(txn.kv, KV_JOURNAL));
    OK(env->ops->clear(txn.kv, KV_IMAGE));
    for (size_t i = 0; i < w->all; i++)
        put_row(&txn, &w->rows[i], &w->rows[i]);
    if (w->invented.key_n)
        drop(&txn, &w->invented);
    w->invented.key_n = 0;
    OK(env->ops->commit(txn.kv, &err));
}

CRM_TEST(test_db_verify__check_agrees)
{
    size_t rounds = crmtest_rounds(60, 600);
    world w;

    make(&w, 0);
    ck_assert_uint_eq(faults(), 0);
    for (size_t i = 0; i < rounds; i++) {
        uint64_t seed = w.seed;
        size_t kind = i % KINDS;
        crm_txn *txn;
        if (MUTATIONS[kind].fn == cut_off) /* without an anchor nobody can tell for certain */
            continue;
        txn = begin(w.db, 0);
        MUTATIONS[kind].fn(&w, txn);
        commit_below(txn);
        ck_assert_msg(faults() > 0, "state %llu: %s was not found", (unsigned long long)seed,
                      MUTATIONS[kind].name);
        put_all_back(&w);
    }
    ck_assert_uint_eq(faults(), 0);
    unmake(&w);
}

/* The row that tells the next entry which names to bring: a wrong one is told by the check, and
 * what was written by it by verify. */
CRM_TEST(test_db_verify__the_row_of_names)
{
    static const int AWAY[] = {-1, 1, 1000};
    crm_error err = CRM_ERROR_INIT;
    crm__brought was, other;
    world w;
    crm_txn *txn;

    make(&w, 0);
    for (int i = 0; i < 3; i++) {
        txn = begin(w.db, 0);
        OK(crm__brought_read(txn, &was));
        ck_assert_uint_eq(was.next[CRM__DICT_NAMES], 4);
        other = was;
        other.next[CRM__DICT_NAMES] += (uint32_t)AWAY[i];
        OK(crm__brought_put(txn, &other));
        commit_below(txn);
        ck_assert_uint_gt(faults(), 0);
        txn = begin(w.db, 0);
        OK(verify(&w, txn, &err)); /* nothing was written by it */
        OK(crm_customer_create_json(txn, "{\"name\":\"N\"}", CRM_NUL, NULL, NULL));
        OK(crm__edits_apply(&txn->edits, txn->kv, txn->store->tag_key));
        txn->state_read = 0;
        ck_assert_int_eq(verify(&w, txn, &err), AWAY[i] < 0 ? CRM_ECORRUPT : CRM_OK);
        OK(crm_txn_abort(txn));
        txn = begin(w.db, 0);
        OK(crm__brought_put(txn, &was));
        commit_below(txn);
        ck_assert_uint_eq(faults(), 0);
    }
    unmake(&w);
}

/* A row of a batch that says that it was not undone, or by another one, is told by the check: it
 * could be undone once more.  A model of before that is put in force again is told by both. */
CRM_TEST(test_db_verify__undone_and_in_force)
{
    crm_error err = CRM_ERROR_INIT;
    uint8_t version[4], v1[4];
    crm__batch was, other;
    uint64_t batch = 0;
    crm_txn *txn;
    world w;

    make(&w, 0);
    txn = begin(w.db, 0);
    for (size_t i = w.batches; i < w.all && !batch; i++) {
        OK(crm__batch_read(txn, crm__get_be64(w.rows[i].key + 6), &was));
        batch = was.undone ? crm__get_be64(w.rows[i].key + 6) : 0;
    }
    ck_assert(batch && was.name.n == 3 && !memcmp(was.name.p, "May", 3));
    was.name = crm__slice_of("May", 3);
    for (int i = 0; i < 2; i++) {
        other = was;
        other.undone = i ? was.undone + 1 : 0;
        OK(crm__batch_put(txn, batch, &other, NULL));
        commit_below(txn);
        ck_assert_uint_gt(faults(), 0);
        txn = begin(w.db, 0);
    }
    OK(crm__batch_put(txn, batch, &was, NULL));
    commit_below(txn);
    ck_assert_uint_eq(faults(), 0);
    txn = begin(w.db, 0);
    OK(crm_model_apply(txn, MODEL_2, CRM_NUL, 0, NULL, NULL, &err));
    OK(crm_txn_commit(txn, NULL));
    crm__put_le32(v1, 1);
    crm__put_le32(version, 2);
    for (int i = 0; i < 2; i++) {
        txn = begin(w.db, 0);
        put(txn, KV_META, (const uint8_t *)"model", 5, i ? version : v1, 4);
        ck_assert_int_eq(verify(&w, txn, &err), i ? CRM_OK : CRM_ECORRUPT);
        OK(crm_txn_abort(txn));
    }
    unmake(&w);
}

/* A name that a call gave and no change followed is brought with the next change. */
CRM_TEST(test_db_verify__names_without_a_change)
{
    crm_error err = CRM_ERROR_INIT;
    uint32_t number;
    crm__brought b;
    crm_head head = CRM_HEAD_INIT;
    crm_txn *txn;
    crm_db *db;

    OK(crm_db_open(crmtest_path("db"), NULL, &db, NULL));
    txn = begin(db, 0);
    OK(crm_customer_create_json(txn, "{\"name\":\"A\"}", CRM_NUL, NULL, NULL));
    OK(crm__dict_give(txn, CRM__DICT_SOURCE, "web", 3, &number, NULL));
    OK(crm_txn_commit(txn, NULL));
    ck_assert_uint_eq(faults(), 0);
    txn = begin(db, 0);
    OK(crm__brought_read(txn, &b));
    ck_assert(number == 2 && b.next[CRM__DICT_SOURCE] == 2 && b.next[CRM__DICT_NAMES] == 4);
    OK(crm_customer_create_json(txn, "{\"name\":\"B\"}", CRM_NUL, NULL, NULL));
    OK(crm_txn_commit(txn, NULL));
    OK(crm_txn_begin(db, CRM_READ, NULL, &txn, NULL));
    OK(crm__brought_read(txn, &b));
    ck_assert_uint_eq(b.next[CRM__DICT_SOURCE], 3);
    OK(crm_journal_head(txn, &head, NULL));
    OK(crm_journal_verify(txn, &head, 1, NULL, NULL, &err));
    OK(crm_txn_abort(txn));
    ck_assert_uint_eq(faults(), 0);
    crm_db_close(db);
}

/* What an anchor adds: each earlier head is in the journal; none of a journal that was cut off. */
CRM_TEST(test_db_verify__anchors)
{
    crm_error err = CRM_ERROR_INIT;
    crm_head heads[ROWS];
    world w;
    crm_txn *txn;

    make(&w, 0);
    for (size_t i = 0; i < w.entries; i++) {
        const row *r = &w.rows[i];
        heads[i] = (crm_head)CRM_HEAD_INIT;
        heads[i].revision = i + 1;
        memcpy(heads[i].chain, r->bytes + r->n - CRM_CHAIN_SIZE, CRM_CHAIN_SIZE);
    }
    OK(crm_txn_begin(w.db, CRM_READ, NULL, &txn, NULL));
    OK(crm_journal_verify(txn, heads, w.entries, NULL, NULL, &err));
    OK(crm_journal_verify(txn, NULL, 0, NULL, NULL, &err));
    ck_assert_int_eq(crm_journal_verify(txn, NULL, 1, NULL, NULL, &err), CRM_EINVAL);
    for (size_t i = 0; i < w.entries; i++) {
        heads[i].chain[i % CRM_CHAIN_SIZE] ^= 1;
        ck_assert_int_eq(crm_journal_verify(txn, heads, w.entries, NULL, NULL, &err), CRM_ECORRUPT);
        ck_assert_int_eq(err.row, (int64_t)i + 1);
        heads[i].chain[i % CRM_CHAIN_SIZE] ^= 1;
    }
    OK(crm_txn_abort(txn));
    for (size_t cut = 0; cut < w.entries; cut++) {
        txn = begin(w.db, 0);
        cut_behind(&w, txn, cut);
        txn->write = 0;
        OK(crm_journal_verify(txn, heads, cut, NULL, NULL, &err));
        ck_assert_int_eq(crm_journal_verify(txn, heads, cut + 1, NULL, NULL, &err), CRM_ECORRUPT);
        ck_assert_int_eq(err.row, (int64_t)cut + 1);
        txn->write = 1;
        OK(crm_txn_abort(txn));
    }
    unmake(&w);
}
