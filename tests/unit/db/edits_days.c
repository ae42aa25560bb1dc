/* SPDX-License-Identifier: MIT
 * Edits of day lists against a plain multiset: random items added and removed under marks,
 * rollbacks and repeated applying; and what stands in the engine afterwards.
 */
#include "base/bytes.h"
#include "base/time.h"
#include "crmtest.h"
#include "engine.h"
#include "stingy.h"
#include "db/day_spans.h"
#include "db/edits.h"

#include <crm/codes.h>
#include <stdlib.h>
#include <string.h>

enum { LISTS = 5, POOL = 700, MARKS = 6 };

static const uint8_t TAG_KEY[CRM__HASH_KEY] = {4, 5, 6};

/* Items there may be, in order, and how many of each every list has. */
typedef struct pool {
    crm__buf bytes;
    crm__slice item[POOL];
} pool;

typedef struct table {
    int64_t stored[LISTS][POOL];
    int64_t more[LISTS][POOL]; /* by the edits */
} table;

static int by_item(const void *a, const void *b)
{
    return crm__slice_compare(*(const crm__slice *)a, *(const crm__slice *)b);
}

static void random_item(uint64_t *seed, uint32_t rows, crm__day_item *item)
{
    /* Half of all items are of one row, so that it needs parts of its own. */
    item->row = (uint16_t)(crmtest_below(seed, 2) ? crmtest_below(seed, rows) : rows / 2);
    item->us = (int64_t)crmtest_below(seed, 86400) * CRM__US_PER_SECOND;
    item->count = (uint32_t)crmtest_below(seed, 9);
    for (uint32_t i = 0; i < item->count; i++)
        item->values[i] =
            (crm__day_value){4 * i + 3, (uint8_t)crmtest_below(seed, 3),
                             (int64_t)(crmtest_rand(seed) >> crmtest_below(seed, 60))};
}

static void make_pool(uint64_t *seed, pool *p)
{
    static crm__day_item item;
    size_t begin[POOL + 1], n = 0;
    uint32_t rows = crmtest_below(seed, 2) ? 65536 : 20;

    crm__buf_init(&p->bytes, NULL);
    for (; n < POOL; n++) {
        begin[n] = p->bytes.n;
        random_item(seed, rows, &item);
        item.us += (int64_t)n; /* each differs */
        ck_assert_int_eq(crm__day_item_put(&p->bytes, &item), CRM_OK);
    }
    begin[n] = p->bytes.n;
    for (size_t i = 0; i < POOL; i++)
        p->item[i] = crm__slice_of(p->bytes.p + begin[i], begin[i + 1] - begin[i]);
    qsort(p->item, POOL, sizeof *p->item, by_item);
}

static crm__slice list_key(int i, uint8_t room[CRM__KEY_DAY_LIST])
{
    static const int32_t DAYS[LISTS] = {-1, 0, 1, -719162, 20000};

    return crm__key_day_list(room, i < 3 ? 0 : 70000, (uint32_t)(i / 2 + 1), DAYS[i]);
}

static int64_t times(const table *t, int list, int i)
{
    return t->stored[list][i] + t->more[list][i];
}

static kv_txn *begin(kv_env *env)
{
    crm_error err = CRM_ERROR_INIT;
    kv_txn *txn;

    ck_assert_int_eq(env->ops->begin(env, 1, &txn, &err), CRM_OK);
    return txn;
}

/* ---- what stands in the engine ---- */

typedef struct walk {
    uint8_t list[CRM__KEY_DAY_LIST];
    int begun, row, number, last; /* of the part before, in the same list */
    size_t parts;
} walk;

static void check_part(walk *w, crm__slice k, crm__slice v, crm__day_work *work, crm__day_list *out)
{
    static crm__day d;
    static uint16_t rows[CRM__DAY_ITEMS];
    int row, number;

    ck_assert_uint_eq(k.n, CRM__KEY_DAY);
    v.n -= CRM__TAG_SIZE;
    ck_assert(crm__get_le64(v.p + v.n) == crm__check_tag(TAG_KEY, KV_DAY, k, v));
    ck_assert_int_eq(crm__day_open(v, &d), CRM_OK);
    out->bytes.n = out->lengths.n = 0;
    ck_assert_int_eq(crm__day_items(work, v, out), CRM_OK);
    crm__day_rows(&d, rows);
    row = crm__get_be16(k.p + CRM__KEY_DAY_LIST);
    number = crm__get_be16(k.p + CRM__KEY_DAY_LIST + 2);
    if (!w->begun || memcmp(k.p, w->list, CRM__KEY_DAY_LIST) != 0) {
        memcpy(w->list, k.p, CRM__KEY_DAY_LIST);
        w->begun = 0;
    }
    ck_assert_int_eq(row, rows[0]);
    if (w->begun && row == w->row)
        ck_assert_int_eq(number, w->number + 1);
    else
        ck_assert_int_eq(number, 0);
    if (w->begun && number == 0)
        ck_assert_int_gt(row, w->last);
    if (number) {
        ck_assert_int_eq(w->last, row);
        ck_assert_int_eq(rows[d.items - 1], row);
    }
    w->begun = 1;
    w->row = row;
    w->number = number;
    w->last = rows[d.items - 1];
    w->parts++;
}

static int list_of(crm__slice k)
{
    uint8_t room[CRM__KEY_DAY_LIST];

    for (int i = 0; i < LISTS; i++) {
        if (memcmp(list_key(i, room).p, k.p, CRM__KEY_DAY_LIST) == 0)
            return i;
    }
    ck_abort_msg("a list of no known key");
    return -1;
}

/* What the lists of the same 32 days come to. */
static void check_span(crm__slice k, crm__slice v, const table *t, const pool *p)
{
    uint8_t room[CRM__KEY_DAY_LIST], key[CRM__KEY_DAY];
    crm__span s;
    crm__buf want;

    crm__span_init(&s, NULL);
    crm__buf_init(&want, NULL);
    v.n -= CRM__TAG_SIZE;
    ck_assert(crm__get_le64(v.p + v.n) == crm__check_tag(TAG_KEY, KV_DAY, k, v));
    for (int list = 0; list < LISTS; list++) {
        crm__slice l = list_key(list, room);
        int32_t day = crm__key_day_of(l.p);
        crm__key_span(key, crm__get_be32(l.p), crm__get_be32(l.p + 4), crm__span_of(day));
        for (int i = 0; i < POOL && memcmp(key, k.p, sizeof key) == 0; i++)
            ck_assert_int_eq(
                crm__span_add(&s, crm__span_place(day), p->item[i], times(t, list, i)), CRM_OK);
    }
    ck_assert_int_eq(crm__span_put(&s, &want), CRM_OK);
    ck_assert_uint_gt(want.n, 0);
    ck_assert_uint_eq(want.n, v.n);
    ck_assert_int_eq(memcmp(want.p, v.p, v.n), 0);
    crm__buf_clear(&want);
    crm__span_clear(&s);
}

/* Spans that there are to be. */
static size_t span_count(const table *t)
{
    uint8_t room[CRM__KEY_DAY_LIST], keys[LISTS][CRM__KEY_DAY];
    size_t n = 0;

    for (int list = 0; list < LISTS; list++) {
        crm__slice l = list_key(list, room);
        int any = 0;
        for (int i = 0; i < POOL; i++)
            any |= times(t, list, i) > 0;
        crm__key_span(keys[n], crm__get_be32(l.p), crm__get_be32(l.p + 4),
                      crm__span_of(crm__key_day_of(l.p)));
        for (size_t k = 0; k < n; k++)
            any &= memcmp(keys[k], keys[n], CRM__KEY_DAY) != 0;
        n += (size_t)any;
    }
    return n;
}

static size_t compare_engine(kv_txn *txn, const table *t, const pool *p)
{
    crm__day_work *work = crm__day_work_new(NULL);
    crm__day_list items;
    int64_t(*seen)[POOL] = calloc(LISTS, sizeof *seen);
    kv_cursor *c;
    crm__slice k, v;
    size_t spans = 0;
    walk w;

    memset(&w, 0, sizeof w);
    crm__day_list_init(&items, NULL);
    ck_assert_int_eq(txn->ops->cursor(txn, KV_DAY, &c), CRM_OK);
    for (int rc = c->ops->seek(c, KV_FIRST, crm__slice_of(NULL, 0), &k, &v); !rc;
         rc = c->ops->next(c, &k, &v)) {
        size_t at = 0, index = 0;
        crm__slice item;
        int list;
        if (crm__key_is_span(k)) {
            check_span(k, v, t, p);
            spans++;
            continue;
        }
        list = list_of(k);
        check_part(&w, k, v, work, &items);
        while ((item = crm__day_list_next(&items, &at, &index)).p) {
            crm__slice *found = bsearch(&item, p->item, POOL, sizeof item, by_item);
            ck_assert_ptr_nonnull(found);
            seen[list][found - p->item]++;
        }
    }
    c->ops->cursor_close(c);
    ck_assert_uint_eq(spans, span_count(t));
    for (int list = 0; list < LISTS; list++) {
        for (int i = 0; i < POOL; i++)
            ck_assert_int_eq(seen[list][i], times(t, list, i));
    }
    free(seen);
    crm__day_list_clear(&items);
    crm__day_work_free(work);
    return w.parts;
}

/* ---- cases ---- */

static void edit(uint64_t *seed, crm__edits *e, table *t, const pool *p, int list, uint64_t adds)
{
    uint8_t room[CRM__KEY_DAY_LIST];
    int i = (int)crmtest_below(seed, POOL), on = crmtest_below(seed, 10) < adds;

    /* What is there is removed; when that is not found, one is added. */
    for (int tries = 0; !on && !times(t, list, i) && tries < 20; tries++)
        i = (int)crmtest_below(seed, POOL);
    on |= !times(t, list, i);
    t->more[list][i] += on ? 1 : -1;
    ck_assert_int_eq(crm__edits_item(e, list_key(list, room), p->item[i], on), CRM_OK);
}

static void settle(table *t)
{
    for (int list = 0; list < LISTS; list++) {
        for (int i = 0; i < POOL; i++) {
            t->stored[list][i] = times(t, list, i);
            t->more[list][i] = 0;
        }
    }
}

static void play(uint64_t *seed, kv_env *env, size_t rounds)
{
    table *t = calloc(1, sizeof *t), *marks = calloc(MARKS, sizeof *marks);
    size_t at[MARKS], most = 0;
    crm_error err = CRM_ERROR_INIT;
    crm__edits e;
    pool p;

    make_pool(seed, &p);
    crm__edits_init(&e, NULL);
    e.totals = 1;
    while (rounds-- > 0) {
        int n = 0, list = (int)crmtest_below(seed, LISTS);
        uint64_t adds = rounds % 40 < 25 ? 8 : 1, steps = crmtest_below(seed, 10) ? 40 : 900;
        kv_txn *txn;
        size_t parts;
        for (; steps > 0; steps--) {
            uint64_t what = crmtest_below(seed, 60);
            if (what == 0 && n < MARKS) {
                marks[n] = *t;
                at[n++] = crm__edits_mark(&e);
            } else if (what == 1 && n) {
                n = (int)crmtest_below(seed, (uint64_t)n);
                crm__edits_rollback(&e, at[n]);
                *t = marks[n];
            } else {
                edit(seed, &e, t, &p, crmtest_below(seed, 4) ? list : 0, adds);
            }
        }
        txn = begin(env);
        ck_assert_int_eq(crm__edits_apply(&e, txn, TAG_KEY), CRM_OK);
        if (crmtest_below(seed, 3) == 0) {
            txn->ops->abort(txn);
            txn = begin(env);
            ck_assert_int_eq(crm__edits_apply(&e, txn, TAG_KEY), CRM_OK);
        }
        parts = compare_engine(txn, t, &p);
        most = parts > most ? parts : most;
        ck_assert_int_eq(txn->ops->commit(txn, &err), CRM_OK);
        settle(t);
        crm__edits_reset(&e);
    }
    /* Else the rounds say nothing of lists of several parts; a short run has too few of them. */
    ck_assert_uint_gt(most, getenv("CRM_SHORT") ? 0 : 2 * LISTS);
    crm__edits_clear(&e);
    crm__buf_clear(&p.bytes);
    free(marks);
    free(t);
}

CRM_TEST(test_db_edits_days__random)
{
    uint64_t seed = crmtest_seed();
    kv_env *env = open_engine();

    play(&seed, env, crmtest_rounds(100, 3000));
    env->ops->close(env);
}

/* ---- cost ---- */

static crm__slice plain_item(crm__buf *room, uint16_t row, int64_t us, int64_t value)
{
    static crm__day_item item;

    item.row = row;
    item.us = us;
    item.count = 1;
    item.values[0] = (crm__day_value){8, 0, value};
    room->n = 0;
    ck_assert_int_eq(crm__day_item_put(room, &item), CRM_OK);
    return crm__slice_of(room->p, room->n);
}

static size_t count_items(kv_txn *txn, size_t *parts, size_t *bytes)
{
    static crm__day d;
    size_t n = 0;
    crm__slice k, v;
    kv_cursor *c;

    *parts = *bytes = 0;
    ck_assert_int_eq(txn->ops->cursor(txn, KV_DAY, &c), CRM_OK);
    for (int rc = c->ops->seek(c, KV_FIRST, crm__slice_of(NULL, 0), &k, &v); !rc;
         rc = c->ops->next(c, &k, &v)) {
        v.n -= CRM__TAG_SIZE;
        ck_assert_int_eq(crm__day_open(v, &d), CRM_OK);
        n += d.items;
        *bytes += v.n;
        ++*parts;
    }
    c->ops->cursor_close(c);
    return n;
}

/* A bulk into one list fills its parts; one more item then reads and writes one part, whether rows
 * are many or one has them all. */
CRM_TEST(test_db_edits_days__one_more_touches_one_part)
{
    enum { BULK = 30000 };
    uint8_t room[CRM__KEY_DAY_LIST];
    uint64_t seed = crmtest_seed();
    crm_error err = CRM_ERROR_INIT;
    kv_env *env;
    kv_fault_plan plan;
    crm__slice list = crm__key_day_list(room, 1, 2, 3);
    size_t parts, bytes;
    crm__buf item;
    crm__edits e;
    kv_txn *txn;

    memset(&plan, 0, sizeof plan);
    plan.calls = KV_CALL_PUT;
    ck_assert_int_eq(crm__kv_fault_wrap(open_engine(), &plan, &env), CRM_OK);
    crm__buf_init(&item, NULL);
    crm__edits_init(&e, NULL);
    for (int many = 0; many < 2; many++) {
        list = crm__key_day_list(room, 1, 2 + (uint32_t)many, 3);
        for (int i = 0; i < BULK; i++)
            ck_assert_int_eq(
                crm__edits_item(&e, list,
                                plain_item(&item, many ? (uint16_t)crmtest_rand(&seed) : 7,
                                           (int64_t)crmtest_below(&seed, 80000) * 1000000,
                                           (int64_t)crmtest_below(&seed, 5000)),
                                1),
                CRM_OK);
    }
    txn = begin(env);
    ck_assert_int_eq(crm__edits_apply(&e, txn, TAG_KEY), CRM_OK);
    ck_assert_uint_eq(count_items(txn, &parts, &bytes), 2 * BULK);
    ck_assert_uint_gt(bytes, parts * CRM__DAY_BYTES * 9 / 10);
    ck_assert_uint_eq(plan.count, parts);
    ck_assert_int_eq(txn->ops->commit(txn, &err), CRM_OK);
    for (int i = 0; i < 200; i++) {
        int many = i % 2;
        uint64_t before = plan.count;
        crm__edits_reset(&e);
        list = crm__key_day_list(room, 1, 2 + (uint32_t)many, 3);
        ck_assert_int_eq(crm__edits_item(&e, list,
                                         plain_item(&item, many ? (uint16_t)crmtest_rand(&seed) : 7,
                                                    (int64_t)(80000 + i) * 1000000, i),
                                         1),
                         CRM_OK);
        txn = begin(env);
        ck_assert_int_eq(crm__edits_apply(&e, txn, TAG_KEY), CRM_OK);
        ck_assert_int_eq(txn->ops->commit(txn, &err), CRM_OK);
        ck_assert_uint_le(plan.count - before, 2); /* two when the part is cut */
    }
    crm__edits_clear(&e);
    crm__buf_clear(&item);
    env->ops->close(env);
}

/* A part that was damaged is not written anew under a good tag. */
CRM_TEST(test_db_edits_days__damaged_part_is_refused)
{
    uint8_t room[CRM__KEY_DAY_LIST], key[CRM__KEY_DAY], value[64];
    kv_env *env = open_engine();
    crm__slice list = crm__key_day_list(room, 1, 2, 3), stored;
    crm__buf item;
    crm__edits e;
    kv_txn *txn = begin(env);

    crm__buf_init(&item, NULL);
    crm__edits_init(&e, NULL);
    ck_assert_int_eq(crm__edits_item(&e, list, plain_item(&item, 5, 6, 7), 1), CRM_OK);
    ck_assert_int_eq(crm__edits_apply(&e, txn, TAG_KEY), CRM_OK);
    ck_assert_int_eq(txn->ops->get(txn, KV_DAY, crm__key_day(key, room, 5, 0), &stored), CRM_OK);
    ck_assert_uint_le(stored.n, sizeof value);
    for (size_t i = 0; i <= stored.n; i++) {
        size_t n = stored.n;
        memcpy(value, stored.p, n);
        if (i < n)
            value[i] = (uint8_t)(value[i] ^ 4);
        ck_assert_int_eq(txn->ops->put(txn, KV_DAY, crm__slice_of(key, sizeof key),
                                       crm__slice_of(value, i < n ? n : n / 2), 0),
                         CRM_OK);
        ck_assert_int_eq(crm__edits_apply(&e, txn, TAG_KEY), CRM_ECORRUPT);
        if (i < n)
            value[i] = (uint8_t)(value[i] ^ 4);
        ck_assert_int_eq(
            txn->ops->put(txn, KV_DAY, crm__slice_of(key, sizeof key), crm__slice_of(value, n), 0),
            CRM_OK);
        ck_assert_int_eq(txn->ops->get(txn, KV_DAY, crm__slice_of(key, sizeof key), &stored),
                         CRM_OK);
    }
    ck_assert_int_eq(crm__edits_apply(&e, txn, TAG_KEY), CRM_OK);
    txn->ops->abort(txn);
    crm__edits_clear(&e);
    crm__buf_clear(&item);
    env->ops->close(env);
}

/* ---- what fails ---- */

/* Some hundred items of a few rows, one of which needs parts of its own, then some fewer. */
static int add_many(crm__edits *e, int from, int until, int on)
{
    uint8_t room[CRM__KEY_DAY_LIST];
    uint64_t seed = 9;
    crm__buf item;
    int rc = CRM_OK;

    crm__buf_init(&item, NULL);
    for (int i = 0; i < until && !rc; i++) {
        uint16_t row = (uint16_t)(i % 3 ? 700 : 100 * crmtest_below(&seed, 9));
        int64_t value = (int64_t)(crmtest_rand(&seed) >> 8);
        if (i >= from)
            rc = crm__edits_item(e, crm__key_day_list(room, 1, 2, 3),
                                 plain_item(&item, row, i % 1000, value), on);
    }
    crm__buf_clear(&item);
    return rc;
}

/* Each allocation fails in turn: an edit or the applying of all says so, and loses no memory. */
CRM_TEST(test_db_edits_days__failed_allocations)
{
    kv_env *env = open_engine();
    int done = 0;

    for (int64_t allowed = 0; !done; allowed++) {
        stingy s = {allowed, 0};
        crm_allocator mem = {sizeof mem, stingy_alloc, stingy_realloc, stingy_free, &s};
        kv_txn *txn = begin(env);
        size_t parts, bytes;
        crm__edits e;
        int rc;
        ck_assert_int_lt(allowed, 1000);
        crm__edits_init(&e, &mem);
        rc = add_many(&e, 0, 1500, 1);
        if (!rc)
            rc = crm__edits_apply(&e, txn, TAG_KEY);
        if (!rc) {
            crm__edits_reset(&e);
            rc = add_many(&e, 200, 400, 0);
        }
        if (!rc)
            rc = crm__edits_apply(&e, txn, TAG_KEY);
        ck_assert_int_eq(rc, rc ? CRM_ENOMEM : CRM_OK);
        done = !rc;
        if (done)
            ck_assert_uint_eq(count_items(txn, &parts, &bytes), 1300);
        txn->ops->abort(txn);
        crm__edits_clear(&e);
        ck_assert_int_eq(s.alive, 0);
    }
    env->ops->close(env);
}

/* Each call of the engine fails in turn. */
CRM_TEST(test_db_edits_days__failed_storage)
{
    crm_error err = CRM_ERROR_INIT;
    kv_fault_plan plan;
    crm__edits e;
    kv_txn *txn;
    kv_env *env;
    int rc = CRM_EIO;

    memset(&plan, 0, sizeof plan);
    ck_assert_int_eq(crm__kv_fault_wrap(open_engine(), &plan, &env), CRM_OK);
    crm__edits_init(&e, NULL);
    ck_assert_int_eq(add_many(&e, 0, 1500, 1), CRM_OK);
    txn = begin(env);
    ck_assert_int_eq(crm__edits_apply(&e, txn, TAG_KEY), CRM_OK);
    ck_assert_int_eq(txn->ops->commit(txn, &err), CRM_OK);
    crm__edits_reset(&e);
    ck_assert_int_eq(add_many(&e, 200, 1400, 0), CRM_OK);
    ck_assert_int_eq(add_many(&e, 1500, 1900, 1), CRM_OK);
    for (uint64_t n = 1; rc; n++) {
        size_t parts, bytes;
        txn = begin(env);
        plan.calls = KV_CALL_ANY;
        plan.code = CRM_EIO;
        plan.count = plan.failed = 0;
        plan.after = n;
        rc = crm__edits_apply(&e, txn, TAG_KEY);
        plan.calls = 0;
        ck_assert_int_eq(rc, plan.failed ? CRM_EIO : CRM_OK);
        if (!rc)
            ck_assert_uint_eq(count_items(txn, &parts, &bytes), 700);
        txn->ops->abort(txn);
    }
    crm__edits_clear(&e);
    env->ops->close(env);
}

/* Rows before, between and behind rows that have parts of their own. */
CRM_TEST(test_db_edits_days__around_rows_of_many_parts)
{
    static const uint16_t MANY_OF[] = {300, 302}, FEW_OF[] = {5, 299, 301, 303, 65535};
    uint8_t room[CRM__KEY_DAY_LIST];
    uint64_t seed = crmtest_seed();
    kv_env *env = open_engine();
    kv_txn *txn = begin(env);
    crm__slice list = crm__key_day_list(room, 0, 1, -5);
    size_t parts, bytes, before, count = 0;
    crm__buf item;
    crm__edits e;

    crm__buf_init(&item, NULL);
    crm__edits_init(&e, NULL);
    for (int i = 0; i < 6000; i++, count++)
        ck_assert_int_eq(crm__edits_item(&e, list,
                                         plain_item(&item, MANY_OF[i % 2], i,
                                                    (int64_t)crmtest_below(&seed, 1u << 30)),
                                         1),
                         CRM_OK);
    ck_assert_int_eq(crm__edits_apply(&e, txn, TAG_KEY), CRM_OK);
    count_items(txn, &before, &bytes);
    for (int i = 0; i < 50; i++, count++) {
        crm__edits_reset(&e);
        ck_assert_int_eq(crm__edits_item(&e, list, plain_item(&item, FEW_OF[i % 5], 50 - i, i), 1),
                         CRM_OK);
        ck_assert_int_eq(crm__edits_apply(&e, txn, TAG_KEY), CRM_OK);
        ck_assert_uint_eq(count_items(txn, &parts, &bytes), count + 1);
    }
    /* 5 and 299 share one, 301 stands between, 303 and 65,535 share one. */
    ck_assert_uint_eq(parts, before + 3);
    crm__edits_clear(&e);
    crm__buf_clear(&item);
    txn->ops->abort(txn);
    env->ops->close(env);
}

/* A row of the day space that is none of ours is not taken for a part. */
CRM_TEST(test_db_edits_days__foreign_key_is_refused)
{
    uint8_t room[CRM__KEY_DAY_LIST], key[CRM__KEY_DAY + 1] = {0};
    kv_env *env = open_engine();
    kv_txn *txn = begin(env);
    crm__slice list = crm__key_day_list(room, 1, 2, 3);
    crm__buf item;
    crm__edits e;

    crm__buf_init(&item, NULL);
    crm__edits_init(&e, NULL);
    ck_assert_int_eq(crm__edits_item(&e, list, plain_item(&item, 5, 6, 7), 1), CRM_OK);
    for (size_t n = CRM__KEY_DAY_LIST; n <= sizeof key; n++) {
        crm__slice k = crm__slice_of(key, n), v = crm__slice_of("12345678", 8);
        memcpy(key, room, sizeof room);
        ck_assert_int_eq(txn->ops->put(txn, KV_DAY, k, v, 0), CRM_OK);
        ck_assert_int_eq(crm__edits_apply(&e, txn, TAG_KEY), CRM_ECORRUPT);
        ck_assert_int_eq(txn->ops->del(txn, KV_DAY, k), CRM_OK);
    }
    ck_assert_int_eq(crm__edits_apply(&e, txn, TAG_KEY), CRM_OK);
    txn->ops->abort(txn);
    crm__edits_clear(&e);
    crm__buf_clear(&item);
    env->ops->close(env);
}
