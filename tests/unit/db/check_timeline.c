/* SPDX-License-Identifier: MIT
 * crm_check() of the events of customers: random timelines, short and long, with voids,
 * corrections, references, batches and undo, are clean; each kind of harm, written with a right
 * check tag, is told; and a change of any byte of the rows beside the blocks is found.
 */
#include "crmtest.h"
#include "stingy.h"
#include "codec/event_head.h"
#include "db/txn.h"

#include <crm/crm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OK(call) ck_assert_int_eq(call, CRM_OK)

enum { ROWS = 1000, TEXT = 1 << 15, LONG = 302 };

/* ---- rows ---- */

typedef struct row {
    uint8_t key[CRM__KEY_EVENT_ROW];
    size_t key_n, n;
    uint8_t *bytes; /* payload, with room for a tag */
} row;

typedef struct world {
    crm_db *db;
    uint64_t seed;
    row rows[ROWS]; /* of the event space as it was */
    size_t count;
} world;

static void put(crm_txn *txn, crm__slice key, crm__slice payload)
{
    uint8_t *value = malloc(payload.n + CRM__TAG_SIZE);

    ck_assert_ptr_nonnull(value);
    memcpy(value, payload.p, payload.n);
    OK(crm__edits_write(txn->kv, txn->store->tag_key, KV_EVENT, key, value, payload.n, 0));
    free(value);
}

static void save(world *w)
{
    crm__slice k, v, payload;
    crm_txn *txn;
    kv_cursor *c;
    int rc;

    OK(crm_txn_begin(w->db, CRM_READ, NULL, &txn, NULL));
    c = crm__txn_cursor(txn, KV_EVENT, &rc);
    OK(rc);
    for (rc = c->ops->seek(c, KV_FIRST, crm__slice_of(NULL, 0), &k, &v); !rc;
         rc = c->ops->next(c, &k, &v)) {
        row *r = &w->rows[w->count++];
        ck_assert_uint_lt(w->count, ROWS);
        OK(crm__untag(txn->store, KV_EVENT, k, v, &payload));
        ck_assert_uint_le(k.n, sizeof r->key);
        memcpy(r->key, k.p, r->key_n = k.n);
        r->n = payload.n;
        r->bytes = malloc(payload.n);
        ck_assert_ptr_nonnull(r->bytes);
        memcpy(r->bytes, payload.p, payload.n);
    }
    ck_assert_int_eq(rc, CRM_ENOTFOUND);
    OK(crm_txn_abort(txn));
}

static crm__slice key_of(const row *r)
{
    return crm__slice_of(r->key, r->key_n);
}

static crm__slice bytes_of(const row *r)
{
    return crm__slice_of(r->bytes, r->n);
}

/* The event space as it was. */
static void restore(const world *w, crm_txn *txn)
{
    uint8_t key[KV_KEY_MAX];
    crm__slice k, v;
    kv_cursor *c;
    int rc;

    for (;;) {
        OK(txn->kv->ops->cursor(txn->kv, KV_EVENT, &c));
        rc = c->ops->seek(c, KV_FIRST, crm__slice_of(NULL, 0), &k, &v);
        if (!rc)
            memcpy(key, k.p, k.n);
        c->ops->cursor_close(c);
        if (rc)
            break;
        OK(txn->kv->ops->del(txn->kv, KV_EVENT, crm__slice_of(key, k.n)));
    }
    ck_assert_int_eq(rc, CRM_ENOTFOUND);
    for (size_t i = 0; i < w->count; i++)
        put(txn, key_of(&w->rows[i]), bytes_of(&w->rows[i]));
}

static void forget(world *w)
{
    crm_db_close(w->db);
    for (size_t i = 0; i < w->count; i++)
        free(w->rows[i].bytes);
    free(w);
}

/* ---- checking ---- */

static void keep_fault(const crm_fault *fault, void *ctx)
{
    char *text = ctx;
    size_t n = strlen(text);

    snprintf(text + n, TEXT - n, "%s: %s\n", fault->space, fault->message);
}

static int check(char text[TEXT], crm_check_result *r)
{
    crm_check_options o = CRM_CHECK_OPTIONS_INIT;

    text[0] = 0;
    o.fault = keep_fault;
    o.fault_ctx = text;
    return crm_check(crmtest_path("db"), &o, sizeof *r, r, NULL);
}

static void check_clean(char text[TEXT])
{
    crm_check_result r;
    int rc = check(text, &r);

    ck_assert_msg(rc == CRM_OK, "%d: %s", rc, text);
}

/* ---- random timelines ---- */

/* Half of the events go to one customer, few to most. */
static void change(world *w, crm_txn *txn, crm_id customers)
{
    crm_id id = crmtest_below(&w->seed, 2) ? 7 : 1 + crmtest_below(&w->seed, customers);
    uint64_t minute = crmtest_below(&w->seed, 40000);
    char json[400], voids[40] = "", reference[40] = "";
    crm_error err = CRM_ERROR_INIT;
    int rc;

    if (crmtest_below(&w->seed, 12) == 0) {
        crm_event_void(txn, id, 1 + (uint32_t)crmtest_below(&w->seed, 60), NULL);
        return;
    }
    if (crmtest_below(&w->seed, 10) == 0)
        snprintf(voids, sizeof voids, ",\"voids\":%u", 1 + (unsigned)crmtest_below(&w->seed, 60));
    if (crmtest_below(&w->seed, 4))
        snprintf(reference, sizeof reference, ",\"reference\":\"R%u\"",
                 (unsigned)crmtest_below(&w->seed, 500));
    snprintf(
        json, sizeof json,
        "{\"kind\":\"order\",\"time\":\"2025-%02d-%02dT%02d:%02d:00Z\",\"amount\":\"%u.5 %s\"%s%s}",
        1 + (int)(minute / 40320), 1 + (int)(minute / 1440 % 28), (int)(minute / 60 % 24),
        (int)(minute % 60), (unsigned)crmtest_below(&w->seed, 1000),
        crmtest_below(&w->seed, 3) ? "CNY" : "EUR", voids, reference);
    rc = crm_event_add_json(txn, id, json, CRM_NUL, NULL, &err);
    ck_assert_msg(rc >= 0 || *voids, "%s", err.message); /* there may be nothing to void */
}

static world *random_world(size_t changes)
{
    world *w = calloc(1, sizeof *w);
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    crm_txn *txn;
    uint64_t batch;

    ck_assert_ptr_nonnull(w);
    w->seed = crmtest_seed();
    OK(crm_db_open(crmtest_path("db"), NULL, &w->db, NULL));
    OK(crm_txn_begin(w->db, CRM_WRITE, NULL, &txn, NULL));
    for (int i = 0; i < 90; i++)
        OK(crm_customer_create_json(txn, "{\"name\":\"A\"}", CRM_NUL, NULL, NULL));
    OK(crm_txn_commit(txn, NULL));
    for (int part = 0; part < 4; part++) {
        o.batch = part % 2 ? CRM_BATCH_NEW : 0;
        OK(crm_txn_begin(w->db, CRM_WRITE, &o, &txn, NULL));
        for (size_t i = 0; i < changes / 4; i++)
            change(w, txn, 90);
        batch = crm_txn_batch(txn);
        OK(crm_txn_commit(txn, NULL));
        if (part == 1) {
            OK(crm_txn_begin(w->db, CRM_WRITE, NULL, &txn, NULL));
            OK(crm_undo(txn, batch, CRM_UNDO_SKIP, NULL, NULL, NULL, NULL));
            OK(crm_txn_commit(txn, NULL));
        }
    }
    return w;
}

CRM_TEST(test_db_check_timeline__random)
{
    char *text = calloc(1, TEXT);
    world *w = random_world(1200);
    size_t blocks = 0, beside = 0;
    crm_txn *txn;

    check_clean(text);
    OK(crm_txn_begin(w->db, CRM_WRITE, NULL, &txn, NULL));
    OK(crm_customer_delete(txn, 7, 0, NULL));
    OK(crm_txn_commit(txn, NULL));
    check_clean(text); /* a deleted customer keeps its events */
    save(w);
    for (size_t i = 0; i < w->count; i++) {
        blocks += w->rows[i].key_n == CRM__KEY_EVENT;
        beside += w->rows[i].key_n == CRM__KEY_EVENT_ROW;
    }
    ck_assert_uint_gt(blocks, 60);
    ck_assert_uint_gt(beside, 4); /* references and times in several parts */
    forget(w);
    free(text);
}

/* Whether a head with a byte changed only differs in what it need not know: how many events there are
 * at a bound. */
static int says_less(const row *r, size_t at, uint8_t flip)
{
    crm__event_head was, is;
    crm__buf x, y;
    crm__arena a;
    int less;

    crm__arena_init(&a, NULL);
    crm__buf_init(&x, NULL);
    crm__buf_init(&y, NULL);
    OK(crm__event_head_decode(&a, bytes_of(r), &was));
    r->bytes[at] ^= flip;
    less = crm__event_head_decode(&a, bytes_of(r), &is) == CRM_OK;
    r->bytes[at] ^= flip;
    for (uint32_t i = 0; less && i < was.total_count && i < is.total_count; i++) {
        crm__event_total *w = &was.totals[i], *n = &is.totals[i];
        if (!w->at_first || !n->at_first)
            w->at_first = n->at_first = 0;
        if (!w->at_last || !n->at_last)
            w->at_last = n->at_last = 0;
    }
    if (less) {
        crm__event_head_encode(&was, &x);
        crm__event_head_encode(&is, &y);
        less = x.n == y.n && memcmp(x.p, y.p, x.n) == 0;
    }
    crm__buf_clear(&x);
    crm__buf_clear(&y);
    crm__arena_clear(&a);
    return less;
}

/* Any byte of a row beside blocks, and any of those rows. */
CRM_TEST(test_db_check_timeline__every_byte_beside)
{
    char *text = calloc(1, TEXT);
    world *w = random_world(700);
    crm_check_result r;
    crm_txn *txn;

    save(w);
    for (size_t round = 0; round < crmtest_rounds(30, 400);) {
        row *one = &w->rows[crmtest_below(&w->seed, w->count)];
        size_t at = crmtest_below(&w->seed, one->n);
        uint8_t flip = (uint8_t)(1 + crmtest_below(&w->seed, 255));
        int rc;
        if (one->key_n != CRM__KEY_EVENT_ROW ||
            (one->key[16] == CRM__EVENT_ROW_HEAD && says_less(one, at, flip)))
            continue;
        OK(crm_txn_begin(w->db, CRM_WRITE, NULL, &txn, NULL));
        restore(w, txn);
        if (round++ % 8 == 0) {
            OK(txn->kv->ops->del(txn->kv, KV_EVENT, key_of(one)));
        } else {
            one->bytes[at] ^= flip;
            put(txn, key_of(one), bytes_of(one));
            one->bytes[at] ^= flip;
        }
        OK(crm_customer_create_json(txn, "{\"name\":\"B\"}", CRM_NUL, NULL, NULL));
        OK(crm_txn_commit(txn, NULL));
        rc = check(text, &r);
        ck_assert_msg(rc == CRM_ECORRUPT && strncmp(text, "event: ", 7) == 0,
                      "row %d of customer %llu, byte %zu ^ %02x: %d, %s", one->key[16],
                      (unsigned long long)crm__get_be64(one->key), at, flip, rc, text);
    }
    OK(crm_txn_begin(w->db, CRM_WRITE, NULL, &txn, NULL));
    restore(w, txn);
    OK(crm_customer_create_json(txn, "{\"name\":\"B\"}", CRM_NUL, NULL, NULL));
    OK(crm_txn_commit(txn, NULL));
    check_clean(text);
    forget(w);
    free(text);
}

/* ---- each kind of harm ---- */

typedef enum harm_kind {
    TOTAL,
    SCALE,
    NO_HEAD,
    LESS_REFERENCES,
    MORE_REFERENCES,
    REFERENCES_AWAY,
    REFERENCES_BROKEN,
    TIME,
    TIMES_GONE,
    TIMES_SHORT,
    TIMES_LONG,
    TIMES_BEYOND,
    TIMES_BROKEN,
    HEAD_LEFT,
    HEAD_ALONE,
    SWAPPED,
    TWICE,
    GAP,
    OTHER_OWNER,
    OTHER_TIME,
    NOBODY,
    OTHER_KEY,
    OTHER_WHAT,
    LATE_ENTRY,
    MARK_ALONE,
    VOID_OF_NONE,
    VOID_OF_SELF,
    MARK_ELSE,
    MARK_KIND,
    BROKEN
} harm_kind;

/* lines: faults of the event space; what else differs then, as in the day lists, is not counted. */
static const struct harm {
    harm_kind what;
    int lines;
    const char *messages[3];
} HARMS[] = {
    {TOTAL, 1, {"the events of customer 2: the totals beside them are not theirs\n"}},
    {SCALE, 1, {"the events of customer 2: the totals beside them are not theirs\n"}},
    {NO_HEAD, 1, {"the events of customer 2: the totals beside them are missing\n"}},
    {LESS_REFERENCES, 1, {"the events of customer 2: 1 of their references are missing\n"}},
    {MORE_REFERENCES, 1, {"the events of customer 2: 1 references are kept that none has\n"}},
    {REFERENCES_AWAY,
     1,
     {"the events of customer 2: a part of their references is not in its place\n"}},
    {REFERENCES_BROKEN, 1, {"the events of customer 2: a part of their references is damaged\n"}},
    {TIME, 1, {"event 246 of customer 2 has another time than the one kept beside it\n"}},
    {TIMES_GONE, 1, {"the times of events 1 to 240 of customer 2 are missing\n"}},
    {TIMES_SHORT, 1, {"the times of events 302 to 302 of customer 2 are missing\n"}},
    {TIMES_LONG, 1, {"the events of customer 2: among the times beside them are some of none\n"}},
    {TIMES_BEYOND, 1, {"the events of customer 2: among the times beside them are some of none\n"}},
    {TIMES_BROKEN, 1, {"the events of customer 2: a part of their times is damaged\n"}},
    {HEAD_LEFT, 1, {"the events of customer 1: rows stand beside their only block\n"}},
    {HEAD_ALONE, 1, {"the events of customer 3: rows stand beside none\n"}},
    {SWAPPED, 1, {"event 2 of customer 1 is of an earlier entry than the event before it\n"}},
    {TWICE, 1, {"event 1 of customer 1 stands there twice\n"}},
    {GAP, 1, {"events 2 to 4 of customer 1 are missing\n"}},
    {OTHER_OWNER,
     -1,
     {" of customer 2 are missing\n",
      "the events of customer 2: the totals beside them are not theirs\n", "events 1 to "}},
    {OTHER_TIME,
     -1,
     {" of customer 2 does not stand behind the one before it\n",
      " of customer 2 has another time than the one kept beside it\n"}},
    {NOBODY, 1, {"the events of customer 1000000: there is no such customer\n"}},
    {OTHER_KEY, 1, {"a row has a key of another form\n"}},
    {OTHER_WHAT, 1, {"a row has a key of another form\n"}},
    {LATE_ENTRY, 1, {"event 2 of customer 1 is of an entry that the journal does not have\n"}},
    {MARK_ALONE, 1, {"event 1 of customer 1 is voided by no event\n"}},
    {VOID_OF_NONE,
     2,
     {"event 2 of customer 4 voids an event that is not there\n",
      "event 1 of customer 4 is voided by no event\n"}},
    {VOID_OF_SELF,
     2,
     {"event 2 of customer 4 voids an event that is not there\n",
      "event 1 of customer 4 is voided by no event\n"}},
    {MARK_ELSE, 1, {"event 2 of customer 4 voids an event that does not say so\n"}},
    {MARK_KIND, 1, {"event 2 of customer 4 voids an event that does not say so\n"}},
    {BROKEN, 1, {"a row of the events of customer 2 is damaged\n"}},
};

/* Customer 1: two events; 2: LONG, in order, each with a reference; 3: none; 4: one that is voided.
 */
static world *fixed_world(void)
{
    world *w = calloc(1, sizeof *w);
    crm_txn *txn;
    char json[300];

    ck_assert_ptr_nonnull(w);
    OK(crm_db_open(crmtest_path("db"), NULL, &w->db, NULL));
    OK(crm_txn_begin(w->db, CRM_WRITE, NULL, &txn, NULL));
    for (int i = 0; i < 4; i++)
        OK(crm_customer_create_json(txn, "{\"name\":\"A\"}", CRM_NUL, NULL, NULL));
    for (int i = 0; i < LONG + 3; i++) {
        snprintf(json, sizeof json,
                 "{\"kind\":\"order\",\"time\":\"2025-01-02T%02d:%02d:00Z\",\"amount\":\"%d CNY\","
                 "\"reference\":\"R%d\",\"text\":\"%d:%060d\"}",
                 i / 60, i % 60, i, i, i, 0);
        OK(crm_event_add_json(txn, i < 2 ? 1 : i < LONG + 2 ? 2 : 4, json, CRM_NUL, NULL, NULL));
    }
    OK(crm_event_void(txn, 4, 1, NULL));
    OK(crm_txn_commit(txn, NULL));
    save(w);
    return w;
}

/* The nth row of a customer that is a block, or else has that `what`. */
static row *find(world *w, crm_id id, int block, uint8_t kind, int nth)
{
    for (size_t i = 0; i < w->count; i++) {
        row *r = &w->rows[i];
        if (crm__get_be64(r->key) == id && (r->key_n == CRM__KEY_EVENT) == block &&
            (block || r->key[16] == kind) && nth-- == 0)
            return r;
    }
    ck_abort_msg("customer %llu has no row %d %d", (unsigned long long)id, block, kind);
    return NULL;
}

static void harm_head(world *w, crm_txn *txn, harm_kind what)
{
    row *r = find(w, 2, 0, CRM__EVENT_ROW_HEAD, 0);
    uint8_t key[CRM__KEY_EVENT_ROW];
    crm__event_head h;
    crm__arena a;
    crm__buf out;

    crm__arena_init(&a, NULL);
    crm__buf_init(&out, NULL);
    OK(crm__event_head_decode(&a, bytes_of(r), &h));
    if (what == TOTAL)
        h.totals[0].count--;
    else if (what == SCALE)
        h.sums[0].scales[0]--, h.sums[0].scales[3]++;
    crm__event_head_encode(&h, &out);
    if (what == NO_HEAD)
        OK(txn->kv->ops->del(txn->kv, KV_EVENT, key_of(r)));
    else
        put(txn,
            crm__key_event_row(key,
                               what == HEAD_LEFT    ? 1
                               : what == HEAD_ALONE ? 3
                                                    : 2,
                               what == OTHER_WHAT ? 7 : 0, 0),
            crm__slice_of(out.p, out.n));
    crm__buf_clear(&out);
    crm__arena_clear(&a);
}

static void harm_references(world *w, crm_txn *txn, harm_kind what)
{
    row *r = find(w, 2, 0, CRM__EVENT_ROW_REFERENCE, 1);
    uint8_t key[CRM__KEY_EVENT_ROW];
    crm__event_reference *p;
    crm__arena a;
    crm__buf out;
    uint32_t n;

    crm__arena_init(&a, NULL);
    crm__buf_init(&out, NULL);
    OK(crm__event_references_decode(&a, bytes_of(r), &p, &n));
    memcpy(key, r->key, sizeof key);
    if (what == LESS_REFERENCES) {
        memmove(p + 3, p + 4, (n - 4) * sizeof *p);
        n--;
    } else if (what == MORE_REFERENCES) {
        memmove(p + 4, p + 3, (n - 3) * sizeof *p);
        p[3].number--; /* the hash of the one behind, and another number */
        n++;
    } else if (what == REFERENCES_AWAY) {
        OK(txn->kv->ops->del(txn->kv, KV_EVENT, key_of(r)));
        crm__put_be64(key + 17, p[0].hash + 1);
    }
    crm__event_references_encode(p, n, &out);
    if (what == REFERENCES_BROKEN)
        out.n--;
    put(txn, crm__slice_of(key, sizeof key), crm__slice_of(out.p, out.n));
    crm__buf_clear(&out);
    crm__arena_clear(&a);
}

static void harm_times(world *w, crm_txn *txn, harm_kind what)
{
    row *r = find(w, 2, 0, CRM__EVENT_ROW_TIME, what == TIMES_GONE ? 0 : 1);
    uint8_t key[CRM__KEY_EVENT_ROW], *bytes = calloc(1, r->n + 8);
    size_t n = r->n, each;

    ck_assert_ptr_nonnull(bytes);
    memcpy(bytes, r->bytes, n);
    memcpy(key, r->key, sizeof key);
    each = bytes[1];
    if (what == TIME)
        bytes[10 + 5 * each] ^= 1;
    else if (what == TIMES_SHORT)
        n -= each;
    else if (what == TIMES_LONG)
        n += each;
    else if (what == TIMES_BROKEN)
        bytes[1] = 9;
    else if (what == TIMES_BEYOND)
        key[24] = 7;
    if (what == TIMES_GONE)
        OK(txn->kv->ops->del(txn->kv, KV_EVENT, key_of(r)));
    else
        put(txn, crm__slice_of(key, sizeof key), crm__slice_of(bytes, n));
    free(bytes);
}

static void change_events(crm__event *e, harm_kind what)
{
    switch (what) {
    case SWAPPED:
        e[0].number = 2;
        e[1].number = 1;
        break;
    case TWICE:
        e[1].number = 1;
        break;
    case GAP:
        e[1].number = 5;
        break;
    case LATE_ENTRY:
        e[1].seq = 1000000;
        break;
    case MARK_ALONE:
        e[0].state = CRM__EVENT_VOIDED;
        e[0].voided = e[1].seq;
        break;
    case VOID_OF_NONE:
        e[1].voids = 99;
        break;
    case VOID_OF_SELF:
        e[1].voids = 2;
        break;
    case MARK_ELSE:
        e[0].voided--;
        break;
    case MARK_KIND:
        e[0].state = CRM__EVENT_CORRECTED;
        break;
    default:
        break;
    }
}

/* A block changed, or under another key, in place of it or beside it. */
static void harm_block(world *w, crm_txn *txn, harm_kind what)
{
    crm_id id = what >= VOID_OF_NONE && what <= MARK_KIND                     ? 4
                : what == OTHER_OWNER || what == OTHER_TIME || what == BROKEN ? 2
                                                                              : 1;
    row *r = find(w, id, 1, 0, id == 2 ? 3 : 0);
    uint8_t key[CRM__KEY_EVENT];
    crm__event_block b;
    crm__arena a;
    crm__buf out;
    uint32_t number;
    uint64_t owner;
    int64_t time;

    crm__arena_init(&a, NULL);
    crm__buf_init(&out, NULL);
    ck_assert(crm__key_event_read(key_of(r), &owner, &time, &number));
    OK(crm__event_block_decode(&a, time, number, bytes_of(r), &b));
    for (uint32_t i = 0; i < b.count; i++)
        b.events[i].like = 0;
    change_events(b.events, what);
    crm__event_block_encode(b.events, b.count, &out);
    if (what == BROKEN)
        out.n--;
    if (what != NOBODY && what != OTHER_KEY)
        OK(txn->kv->ops->del(txn->kv, KV_EVENT, key_of(r)));
    if (what == OTHER_OWNER)
        id = 3;
    if (what == NOBODY)
        id = 1000000;
    if (what == OTHER_TIME)
        time -= 120000000; /* among those of the block before */
    crm__key_event(key, id, time, b.events[0].number);
    put(txn, crm__slice_of(key, what == OTHER_KEY ? 19 : sizeof key), crm__slice_of(out.p, out.n));
    crm__buf_clear(&out);
    crm__arena_clear(&a);
}

static void do_harm(world *w, crm_txn *txn, harm_kind what)
{
    if (what <= NO_HEAD || what == HEAD_LEFT || what == HEAD_ALONE || what == OTHER_WHAT)
        harm_head(w, txn, what);
    else if (what <= REFERENCES_BROKEN)
        harm_references(w, txn, what);
    else if (what <= TIMES_BROKEN)
        harm_times(w, txn, what);
    else
        harm_block(w, txn, what);
}

static int count_lines(const char *text)
{
    int n = 0;

    for (const char *p = text; (p = strstr(p, "event: ")) != NULL; p++)
        n += p == text || p[-1] == '\n';
    return n;
}

CRM_TEST(test_db_check_timeline__harm_is_told)
{
    char *text = calloc(1, TEXT);
    world *w = fixed_world();
    crm_check_result r;
    crm_txn *txn;

    check_clean(text);
    for (size_t i = 0; i < sizeof HARMS / sizeof *HARMS; i++) {
        const struct harm *h = &HARMS[i];
        OK(crm_txn_begin(w->db, CRM_WRITE, NULL, &txn, NULL));
        restore(w, txn);
        do_harm(w, txn, h->what);
        OK(crm_customer_create_json(txn, "{\"name\":\"B\"}", CRM_NUL, NULL, NULL));
        OK(crm_txn_commit(txn, NULL));
        ck_assert_msg(check(text, &r) == CRM_ECORRUPT, "harm %d is not found", h->what);
        for (int k = 0; k < 3 && h->messages[k]; k++)
            ck_assert_msg(strstr(text, h->messages[k]) != NULL, "harm %d: no \"%s\" in:\n%s",
                          h->what, h->messages[k], text);
        ck_assert_msg(h->lines < 0 || count_lines(text) == h->lines, "harm %d: %d lines:\n%s",
                      h->what, h->lines, text);
    }
    forget(w);
    free(text);
}

/* ---- memory ---- */

/* With too little memory a check of long timelines says so, and not that they are damaged. */
CRM_TEST(test_db_check_timeline__without_memory)
{
    world *w = fixed_world();
    int rc = CRM_ENOMEM;

    for (int64_t allowed = 0; rc; allowed += (1 + allowed / 40) * crmtest_stride(7)) {
        stingy left = {allowed, 0};
        crm_allocator mem = {sizeof mem, stingy_alloc, stingy_realloc, stingy_free, &left};
        crm_check_options o = CRM_CHECK_OPTIONS_INIT;
        o.allocator = &mem;
        rc = crm_check(crmtest_path("db"), &o, 0, NULL, NULL);
        ck_assert_int_eq(rc, rc ? CRM_ENOMEM : CRM_OK);
        ck_assert_int_eq(left.alive, 0);
        ck_assert_int_lt(allowed, 1000000);
    }
    forget(w);
}
