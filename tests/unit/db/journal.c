/* SPDX-License-Identifier: MIT
 * What the journal says of every change: who, what, which fields, what came before, the counters
 * after; the chain and the images recomputed from their definition; entries of batches.
 */
#include "crmtest.h"
#include "db/journal.h"

#include <crm/crm.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define OK(call) ck_assert_int_eq(call, CRM_OK)

typedef struct row {
    crm__journal_entry e;
    uint32_t fields[16];
    char name[CRM__BY_COUNT][32]; /* actor, purpose, channel, source */
} row;

static void name_of(crm_txn *txn, int cls, uint32_t number, char to[32])
{
    crm__slice name;

    to[0] = 0;
    if (!number)
        return;
    OK(crm__dict_name(txn, cls, number, &name));
    ck_assert_uint_lt(name.n, 32);
    memcpy(to, name.p, name.n);
    to[name.n] = 0;
}

static void read_fields(row *r)
{
    crm__reader in = crm__reader_of(r->e.mask.p, r->e.mask.n);
    uint32_t field = 0, n = 0;

    while (crm__mask_next(&in, &field)) {
        if (n < 16)
            r->fields[n] = field;
        n++;
    }
    ck_assert(!in.failed && n == r->e.field_count);
}

/* Reads the entry of a revision. */
static row entry(crm_db *db, uint64_t seq)
{
    uint8_t key[CRM__KEY_U64];
    crm__slice payload;
    crm_txn *txn;
    row r;

    memset(&r, 0, sizeof r);
    OK(crm_txn_begin(db, CRM_READ, NULL, &txn, NULL));
    OK(crm__txn_read(txn, KV_JOURNAL, crm__key_u64(key, seq), &payload));
    OK(crm__journal_decode(payload, &r.e));
    read_fields(&r);
    name_of(txn, CRM__DICT_NAMES, r.e.actor, r.name[CRM__BY_ACTOR]);
    name_of(txn, CRM__DICT_NAMES, r.e.purpose, r.name[CRM__BY_PURPOSE]);
    name_of(txn, CRM__DICT_NAMES, r.e.channel, r.name[CRM__BY_CHANNEL]);
    name_of(txn, CRM__DICT_SOURCE, r.e.source, r.name[CRM__BY_SOURCE]);
    OK(crm_txn_abort(txn));
    return r;
}

static crm_db *open_db(void)
{
    crm_db *db;

    OK(crm_db_open(crmtest_path("db"), NULL, &db, NULL));
    return db;
}

static uint32_t number_of(crm_txn *txn, const char *name)
{
    crm_field f;

    OK(crm_field_find(txn, name, CRM_NUL, &f, NULL));
    return f.number;
}

CRM_TEST(test_db_journal__each_change)
{
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    crm_db *db = open_db();
    uint32_t city, phone;
    crm_txn *txn;
    row r;

    r = entry(db, 1);
    ck_assert(r.e.action == CRM__ACTION_MODEL && r.e.target == 1 && r.e.counters.next_id == 1);
    o.actor = "li.na";
    o.purpose = "sales";
    o.channel = "phone";
    o.source = "call-centre";
    OK(crm_txn_begin(db, CRM_WRITE, &o, &txn, NULL));
    city = number_of(txn, "city");
    phone = number_of(txn, "phone");
    OK(crm_customer_create_json(txn, "{\"name\":\"A\",\"city\":\"X\"}", CRM_NUL, NULL, NULL));
    OK(crm_customer_create_json(txn, "{\"name\":\"B\"}", CRM_NUL, NULL, NULL));
    OK(crm_customer_patch_json(txn, 1, 0, "{\"phone\":\"13800138000\",\"city\":null}", CRM_NUL,
                               NULL));
    ck_assert_int_eq(crm_customer_create_json(txn, "{}", CRM_NUL, NULL, NULL), CRM_EVALUE);
    OK(crm_customer_patch_json(txn, 1, 0, "{\"name\":\"A\"}", CRM_NUL, NULL)); /* changes nothing */
    OK(crm_customer_delete(txn, 1, 0, NULL));
    OK(crm_customer_undelete(txn, 1, 0, NULL));
    OK(crm_txn_commit(txn, NULL));

    r = entry(db, 2);
    ck_assert(r.e.action == CRM__ACTION_CREATE && r.e.target == 1 && r.e.previous == 0);
    ck_assert(r.e.counters.next_id == 2 && r.e.counters.live == 1 && r.e.counters.deleted == 0);
    ck_assert_str_eq(r.name[CRM__BY_ACTOR], "li.na");
    ck_assert_str_eq(r.name[CRM__BY_PURPOSE], "sales");
    ck_assert_str_eq(r.name[CRM__BY_CHANNEL], "phone");
    ck_assert_str_eq(r.name[CRM__BY_SOURCE], "call-centre");
    ck_assert_uint_ge(r.e.field_count, 2);
    r = entry(db, 3);
    ck_assert(r.e.target == 2 && r.e.counters.next_id == 3 && r.e.counters.live == 2);
    r = entry(db, 4);
    ck_assert(r.e.action == CRM__ACTION_UPDATE && r.e.target == 1 && r.e.previous == 2);
    ck_assert_uint_eq(r.e.field_count, 2);
    ck_assert(r.fields[0] == (city < phone ? city : phone) &&
              r.fields[1] == (city < phone ? phone : city));
    r = entry(db, 5);
    ck_assert(r.e.action == CRM__ACTION_DELETE && r.e.previous == 4 && r.e.counters.deleted == 1);
    r = entry(db, 6);
    ck_assert(r.e.action == CRM__ACTION_UNDELETE && r.e.previous == 5 && r.e.counters.live == 2);
    ck_assert_int_eq(r.e.recorded, entry(db, 2).e.recorded); /* one transaction, one time */
    ck_assert_int_gt(r.e.recorded, entry(db, 1).e.recorded);
    crm_db_close(db);
}

CRM_TEST(test_db_journal__no_names)
{
    crm_db *db = open_db();
    crm_txn *txn;
    row r;

    OK(crm_txn_begin(db, CRM_WRITE, NULL, &txn, NULL));
    OK(crm_customer_create_json(txn, "{\"name\":\"A\"}", CRM_NUL, NULL, NULL));
    OK(crm_txn_commit(txn, NULL));
    r = entry(db, 2);
    for (int i = 0; i < CRM__BY_COUNT; i++)
        ck_assert_str_eq(r.name[i], "");
    crm_db_close(db);
}

/* ---- members of a group ---- */

typedef struct member {
    crm_db *db;
    const char *actor, *source;
    uint32_t wait_for; /* members that line up before this one goes on */
    int inside;
    uint64_t revision;
    int rc;
} member;

static uint32_t queued(crm_db *db)
{
    crm__gate *g = &db->store->gate;
    uint32_t n = 0;

    pthread_mutex_lock(&g->lock);
    for (const crm__member *const *m = (const crm__member *const *)&g->first; *m;
         m = (const crm__member *const *)*m) /* its first member is the next */
        n++;
    pthread_mutex_unlock(&g->lock);
    return n;
}

static int create_one(crm_txn *txn, void *ctx)
{
    member *m = ctx;
    int rc;

    __atomic_store_n(&m->inside, 1, __ATOMIC_RELEASE);
    while (queued(m->db) < m->wait_for)
        usleep(200);
    rc = crm_customer_create_json(txn, "{\"name\":\"A\"}", CRM_NUL, NULL, NULL);
    m->revision = crm_txn_revision(txn);
    return rc;
}

static void *write_one(void *ctx)
{
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    member *m = ctx;

    o.actor = m->actor;
    o.source = m->source;
    m->rc = crm_db_write(m->db, &o, create_one, m, NULL);
    return NULL;
}

/* Each acts under names of its own, and at a time of its own. */
CRM_TEST(test_db_journal__members_of_one_group)
{
    enum { MEMBERS = 5 };
    static const char *const ACTOR[MEMBERS] = {"first", NULL, "second", "third", NULL};
    static const char *const SOURCE[MEMBERS] = {NULL, "web", "shop", NULL, "web"};
    crm_db *db = open_db();
    crm_txn *reader;
    pthread_t t[MEMBERS];
    member m[MEMBERS];
    crm_db_stat st;

    OK(crm_txn_begin(db, CRM_READ, NULL, &reader, NULL));
    for (int i = 0; i < MEMBERS; i++) {
        m[i] = (member){db, ACTOR[i], SOURCE[i], i == 0 ? MEMBERS - 1 : 0, 0, 0, 1};
        ck_assert_int_eq(pthread_create(&t[i], NULL, write_one, &m[i]), 0);
        while (i == 0 && !__atomic_load_n(&m[0].inside, __ATOMIC_ACQUIRE))
            usleep(200);
    }
    for (int i = 0; i < MEMBERS; i++) {
        ck_assert_int_eq(pthread_join(t[i], NULL), 0);
        OK(m[i].rc);
    }
    OK(crm_db_stat_get(db, sizeof st, &st, NULL));
    ck_assert_uint_eq(st.oldest_reader_commits, 1);
    for (int i = 0; i < MEMBERS; i++) {
        row r = entry(db, m[i].revision);
        ck_assert_str_eq(r.name[CRM__BY_ACTOR], ACTOR[i] ? ACTOR[i] : "");
        ck_assert_str_eq(r.name[CRM__BY_SOURCE], SOURCE[i] ? SOURCE[i] : "");
    }
    for (uint64_t seq = 2; seq <= 1 + MEMBERS; seq++)
        ck_assert_int_gt(entry(db, seq).e.recorded, entry(db, seq - 1).e.recorded);
    OK(crm_txn_abort(reader));
    crm_db_close(db);
}

/* ---- batches, chain and images ---- */

static crm_txn *begin_batch(crm_db *db, uint64_t batch, const char *name)
{
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    crm_txn *txn;

    o.batch = batch;
    o.batch_name = name;
    OK(crm_txn_begin(db, CRM_WRITE, &o, &txn, NULL));
    return txn;
}

static crm_txn *begin(crm_db *db, int mode)
{
    crm_txn *txn;

    OK(crm_txn_begin(db, mode, NULL, &txn, NULL));
    return txn;
}

static crm_id create(crm_txn *txn, const char *json)
{
    crm_id id;

    OK(crm_customer_create_json(txn, json, CRM_NUL, &id, NULL));
    return id;
}

static void patch(crm_txn *txn, crm_id id, const char *json)
{
    OK(crm_customer_patch_json(txn, id, 0, json, CRM_NUL, NULL));
}

static void same_list(crm__slice list, const uint64_t *ids, size_t n)
{
    crm__buf out;

    crm__buf_init(&out, NULL);
    crm__runs_encode(ids, n, &out);
    ck_assert_uint_eq(list.n, out.n);
    ck_assert_mem_eq(list.p, out.p, out.n);
    crm__buf_clear(&out);
}

/* What images of a seq commit to, and how many there are. */
static uint64_t commit_to(crm_txn *txn, uint64_t seq, int batch, uint8_t sum[CRM__DIGEST])
{
    uint8_t key[CRM__KEY_IMAGE], one[CRM__DIGEST];
    crm__slice parts[2] = {{sum, CRM__DIGEST}, {one, sizeof one}}, k, v, bytes;
    uint64_t n = 0;
    int rc;
    kv_cursor *c = crm__txn_cursor(txn, KV_IMAGE, &rc);

    OK(rc);
    memset(sum, 0, CRM__DIGEST);
    rc = c->ops->seek(c, KV_GE, crm__key_image(key, seq, 0), &k, &v);
    for (; !rc && crm__get_be64(k.p) == seq; rc = c->ops->next(c, &k, &v)) {
        OK(crm__untag(txn->store, KV_IMAGE, k, v, &bytes));
        OK(crm__image_commitment(seq, crm__get_be64(k.p + 8), bytes, one));
        if (batch)
            crm__digest(NULL, parts, 2, sum);
        else
            memcpy(sum, one, sizeof one);
        n++;
    }
    return n;
}

static void add_brought(uint8_t sum[CRM__DIGEST], uint8_t cls, uint32_t number, crm__slice text)
{
    uint8_t place[5] = {cls};
    crm__slice parts[3] = {{sum, CRM__DIGEST}, {place, sizeof place}, text};

    crm__put_be32(place + 1, number);
    crm__digest(NULL, parts, 3, sum);
}

/* The name in the row of a batch, or the reason of what was handed out. */
static crm__slice text_of(crm_txn *txn, uint64_t batch)
{
    uint8_t key[CRM__KEY_BATCH];
    crm__slice bytes;
    crm__reader in;

    OK(crm__txn_read(txn, KV_META, crm__key_batch(key, batch), &bytes));
    in = crm__reader_of(bytes.p, bytes.n);
    crm__read_varint(&in);
    crm__read_varint(&in);
    return crm__slice_of(in.p, crm__reader_left(&in));
}

/* What docs/format.md says of what an entry brings; gives its length. */
static size_t sum_brought(crm_txn *txn, uint64_t seq, const crm__journal_entry *e,
                          uint8_t sum[CRM__DIGEST])
{
    crm__reader in = crm__reader_of(e->names.p, e->names.n);
    uint8_t key[10] = "model/";
    crm__names_run run;
    crm__slice text;

    memset(sum, 0, CRM__DIGEST);
    while (crm__brings_next(&in, &run)) {
        for (uint32_t i = 0; i < run.count; i++) {
            uint8_t name[6] = {run.cls, 1};
            crm__put_be32(name + 2, run.first + i);
            OK(crm__txn_read(txn, KV_DICT, crm__slice_of(name, sizeof name), &text));
            add_brought(sum, run.cls, run.first + i, text);
        }
    }
    if (e->action == CRM__ACTION_MODEL) {
        crm__put_be32(key + 6, (uint32_t)e->target);
        OK(crm__txn_read(txn, KV_META, crm__slice_of(key, sizeof key), &text));
        add_brought(sum, 'm', (uint32_t)e->target, text);
    } else if (e->batch == seq) {
        add_brought(sum, 'b', 0, text_of(txn, seq));
    }
    return e->name_runs || e->action == CRM__ACTION_MODEL || e->batch == seq ? CRM__DIGEST : 0;
}

/* Every link of the chain, every commitment; gives the number of images. */
static uint64_t recompute(crm_db *db)
{
    crm_txn *txn = begin(db, CRM_READ);
    uint8_t key[CRM__KEY_U64], link[CRM__DIGEST], sum[CRM__DIGEST], brought[CRM__DIGEST];
    uint64_t images = 0;
    crm_head head = CRM_HEAD_INIT;

    OK(crm_journal_head(txn, &head, NULL));
    memcpy(link, txn->store->chain_key, sizeof link);
    for (uint64_t seq = 1; seq <= head.revision; seq++) {
        crm__journal_entry e;
        crm__slice bytes;
        uint64_t n;
        OK(crm__txn_read(txn, KV_JOURNAL, crm__key_u64(key, seq), &bytes));
        OK(crm__journal_decode(bytes, &e));
        n = sum_brought(txn, seq, &e, brought);
        crm__chain_next(link, seq, crm__slice_of(bytes.p, bytes.n - CRM__DIGEST),
                        crm__slice_of(brought, n), link);
        ck_assert_mem_eq(link, e.chain.p, sizeof link);
        n = commit_to(txn, seq, crm__action_lists(e.action), sum);
        images += n;
        if (n)
            ck_assert(e.commitment.n && !memcmp(sum, e.commitment.p, sizeof sum));
        else
            ck_assert(!e.commitment.n || seq < txn->state.counters.images_from);
    }
    ck_assert_mem_eq(link, head.chain, sizeof link);
    OK(crm_journal_verify(txn, &head, 1, NULL, NULL, NULL));
    OK(crm_txn_abort(txn));
    return images;
}

CRM_TEST(test_db_journal__batch)
{
    crm_db *db = open_db();
    crm_savepoint mark;
    uint64_t batch;
    crm_txn *txn = begin(db, CRM_WRITE);
    row r;

    for (int i = 0; i < 10; i++)
        create(txn, "{\"name\":\"A\",\"city\":\"X\"}");
    OK(crm_txn_commit(txn, NULL));
    ck_assert_uint_eq(recompute(db), 0);

    txn = begin_batch(db, CRM_BATCH_NEW, "import");
    ck_assert_uint_eq(crm_txn_batch(txn), 0);
    patch(txn, 7, "{\"city\":\"Y\"}");
    batch = crm_txn_batch(txn);
    ck_assert_uint_eq(batch, 12);
    ck_assert_uint_eq(crm_txn_revision(txn), 12);
    OK(crm_txn_savepoint(txn, &mark, NULL));
    patch(txn, 1, "{\"city\":\"Y\"}");
    create(txn, "{\"name\":\"dropped\"}");
    OK(crm_event_add_json(txn, 2, "{\"kind\":\"visit\"}", CRM_NUL, NULL, NULL));
    OK(crm_txn_rollback(txn, mark, NULL));
    patch(txn, 4, "{\"name\":\"B\"}");
    patch(txn, 4, "{\"city\":null}");
    patch(txn, 4, "{\"name\":\"C\"}");
    OK(crm_customer_delete(txn, 3, 0, NULL));
    create(txn, "{\"name\":\"N\"}");
    patch(txn, 11, "{\"city\":\"Z\"}");
    create(txn, "{\"name\":\"O\"}");
    OK(crm_event_add_json(txn, 9, "{\"kind\":\"visit\"}", CRM_NUL, NULL, NULL));
    OK(crm_event_add_json(txn, 9, "{\"kind\":\"visit\"}", CRM_NUL, NULL, NULL));
    OK(crm_txn_commit(txn, NULL));
    ck_assert_uint_eq(recompute(db), 3);
    txn = begin(db, CRM_READ);
    {
        crm__batch b;
        crm__journal_entry e;
        OK(crm__journal_read(txn, 12, &e));
        ck_assert(e.action == CRM__ACTION_BATCH && e.batch == 12 && e.previous == 0 && !e.target);
        ck_assert(e.counters.live == 11 && e.counters.deleted == 1 && e.counters.next_id == 13);
        same_list(e.lists[CRM__BATCH_CREATED], (uint64_t[]){11, 12}, 2);
        same_list(e.lists[CRM__BATCH_CHANGED], (uint64_t[]){3, 4, 7}, 3);
        same_list(e.lists[CRM__BATCH_EVENTS], (uint64_t[]){9}, 1);
        OK(crm__batch_read(txn, 12, &b));
        ck_assert(b.last == 12 && !b.undone && b.name.n == 6 && !memcmp(b.name.p, "import", 6));
    }
    OK(crm_txn_abort(txn));

    /* A further part, after a change by somebody else; an empty one; an aborted one. */
    txn = begin(db, CRM_WRITE);
    patch(txn, 5, "{\"city\":\"W\"}");
    OK(crm_txn_commit(txn, NULL));
    txn = begin_batch(db, batch, NULL);
    OK(crm_txn_commit(txn, NULL));
    txn = begin_batch(db, batch, NULL);
    patch(txn, 5, "{\"city\":\"V\"}");
    OK(crm_txn_abort(txn));
    txn = begin_batch(db, batch, NULL);
    patch(txn, 4, "{\"city\":\"V\"}");
    ck_assert_uint_eq(crm_txn_batch(txn), 12);
    ck_assert_uint_eq(crm_txn_revision(txn), 14);
    OK(crm_txn_commit(txn, NULL));
    r = entry(db, 14);
    ck_assert(r.e.action == CRM__ACTION_BATCH && r.e.batch == 12 && r.e.previous == 12);
    ck_assert_uint_eq(recompute(db), 5);
    /* One that is not there. */
    txn = begin_batch(db, 13, NULL);
    ck_assert_int_eq(crm_customer_patch_json(txn, 5, 0, "{\"city\":\"U\"}", CRM_NUL, NULL),
                     CRM_ENOTFOUND);
    OK(crm_txn_abort(txn));
    crm_db_close(db);
}

/* Names, undo and trim have their places in the chain. */
CRM_TEST(test_db_journal__undo_and_trim)
{
    crm_undo_result u = {.size = sizeof u};
    uint64_t dropped = 99;
    crm_db *db = open_db();
    crm_txn *txn;
    row r;

    txn = begin(db, CRM_WRITE);
    create(txn, "{\"name\":\"A\"}");
    patch(txn, 1, "{\"city\":\"X\"}");
    patch(txn, 1, "{\"city\":\"Y\"}");
    OK(crm_txn_commit(txn, NULL));
    txn = begin(db, CRM_WRITE);
    OK(crm_undo(txn, 4, 0, NULL, NULL, &u, NULL));
    OK(crm_txn_commit(txn, NULL));
    ck_assert(u.restored == 1 && u.batch == 5);
    r = entry(db, 5);
    ck_assert(r.e.action == CRM__ACTION_UNDO && r.e.target == 4 && r.e.batch == 5);
    ck_assert_uint_eq(recompute(db), 3);
    txn = begin(db, CRM_WRITE);
    OK(crm_journal_trim(txn, r.e.recorded, &dropped, NULL));
    OK(crm_txn_commit(txn, NULL));
    ck_assert_uint_eq(dropped, 2);
    r = entry(db, 6);
    ck_assert(r.e.action == CRM__ACTION_TRIM && r.e.target == 5 && r.e.counters.images_from == 5);
    ck_assert_uint_eq(recompute(db), 1);
    crm_db_close(db);
}

static uint64_t images(crm_db *db, uint64_t before)
{
    crm_txn *txn = begin(db, CRM_READ);
    crm__slice k, v;
    uint64_t n = 0;
    int rc;
    kv_cursor *c = crm__txn_cursor(txn, KV_IMAGE, &rc);

    OK(rc);
    for (rc = c->ops->seek(c, KV_FIRST, crm__slice_of(NULL, 0), &k, &v); !rc;
         rc = c->ops->next(c, &k, &v))
        n += crm__get_be64(k.p) < before;
    OK(crm_txn_abort(txn));
    return n;
}

/* A trim in small parts, with batches larger than a part: behind each part, committed or not, the
 * chain verifies, and no batch has lost some of its images only. */
CRM_TEST(test_db_journal__trim_in_parts)
{
    crm_error err = CRM_ERROR_INIT;
    uint64_t parts = 0, dropped, all = 0, seed = crmtest_seed(), left;
    crm_head head = CRM_HEAD_INIT;
    crm_db *db = open_db();
    crm_txn *txn;
    row r;

    txn = begin(db, CRM_WRITE);
    for (int i = 0; i < 60; i++)
        create(txn, "{\"name\":\"A\"}");
    OK(crm_txn_commit(txn, NULL));
    for (int i = 0; i < 40; i++) {
        txn = i % 2 ? begin_batch(db, CRM_BATCH_NEW, "part") : begin(db, CRM_WRITE);
        crm_id last = 1 + crmtest_below(&seed, 60);
        for (crm_id id = 1; id <= last; id++)
            patch(txn, id, i % 4 < 2 ? "{\"city\":\"X\"}" : "{\"city\":\"Y\"}");
        OK(crm_txn_commit(txn, NULL));
    }
    txn = begin(db, CRM_WRITE); /* what is of the head's time stays */
    create(txn, "{\"name\":\"B\"}");
    OK(crm_txn_commit(txn, NULL));
    txn = begin(db, CRM_READ);
    OK(crm_journal_head(txn, &head, NULL));
    OK(crm_txn_abort(txn));
    left = images(db, head.revision);
    ck_assert_uint_gt(left, 300);
    do {
        /* Broken off, nothing is dropped. */
        txn = begin(db, CRM_WRITE);
        OK(crm__journal_trim_part(txn, head.recorded_us, 2000, &dropped, NULL));
        OK(crm_txn_abort(txn));
        ck_assert_uint_eq(images(db, head.revision), left);
        txn = begin(db, CRM_WRITE);
        OK(crm__journal_trim_part(txn, head.recorded_us, 2000, &dropped, NULL));
        OK(crm_txn_commit(txn, NULL));
        left -= dropped;
        all += dropped;
        parts += dropped > 0;
        ck_assert_uint_eq(images(db, head.revision), left);
        ck_assert_uint_lt(dropped, 2000 / 64 + 61);
        if (dropped) {
            r = entry(db, head.revision + parts);
            ck_assert(r.e.action == CRM__ACTION_TRIM && r.e.counters.images_from == r.e.target);
            ck_assert_uint_eq(images(db, r.e.target), 0);
        }
        txn = begin(db, CRM_READ);
        ck_assert_msg(!crm_journal_verify(txn, &head, 1, NULL, NULL, &err), "%s", err.message);
        OK(crm_txn_abort(txn));
    } while (dropped);
    ck_assert_uint_eq(left, 0);
    ck_assert_uint_gt(parts, 8);
    ck_assert_uint_eq(recompute(db), images(db, UINT64_MAX));
    /* The same in one transaction, which counts them. */
    txn = begin(db, CRM_WRITE);
    for (left = 0;; left += dropped) {
        OK(crm__journal_trim_part(txn, INT64_MAX, 2000, &dropped, NULL));
        if (!dropped)
            break;
    }
    OK(crm_txn_abort(txn));
    ck_assert_uint_eq(left, images(db, UINT64_MAX));
    ck_assert_uint_gt(all, left);
    crm_db_close(db);
}
