/* SPDX-License-Identifier: MIT
 * What the journal says of every change: who, what, which fields, what came before, the counters
 * after.
 */
#include "crmtest.h"
#include "db/txn.h"

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

/* Numbers of the fields stand behind eight varints. */
static void read_fields(crm__slice bytes, row *r)
{
    crm__reader in = crm__reader_of(bytes.p, bytes.n);
    uint32_t field = 0;

    crm__read_bytes(&in, 2 + 8);
    for (int i = 0; i < 6; i++)
        crm__read_varint(&in);
    ck_assert_uint_eq(crm__read_varint(&in), r->e.field_count);
    for (uint32_t i = 0; i < r->e.field_count && i < 16; i++)
        r->fields[i] = field += (uint32_t)crm__read_varint(&in);
    ck_assert(!in.failed);
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
    read_fields(payload, &r);
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
