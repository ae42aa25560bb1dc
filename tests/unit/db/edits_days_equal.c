/* SPDX-License-Identifier: MIT
 * Day lists in which equal items fill several parts, against a plain multiset: random changes
 * around them, what they cost, and removals of more than there are.
 */
#include "base/bytes.h"
#include "crmtest.h"
#include "engine.h"
#include "stingy.h"
#include "db/days.h"
#include "db/edits.h"

#include <crm/codes.h>
#include <stdlib.h>
#include <string.h>

enum { POOL = 60, ROW = 7, PART = CRM__DAY_ITEMS };

static const uint8_t TAG_KEY[CRM__HASH_KEY] = {7, 8, 9};

/* Behind one whose calls are counted, and fail as planned. */
static kv_env *open_planned(kv_fault_plan *plan)
{
    kv_env *env;

    memset(plan, 0, sizeof *plan);
    ck_assert_int_eq(crm__kv_fault_wrap(open_engine(), plan, &env), CRM_OK);
    return env;
}

static kv_txn *begin(kv_env *env)
{
    crm_error err = CRM_ERROR_INIT;
    kv_txn *txn;

    ck_assert_int_eq(env->ops->begin(env, 1, &txn, &err), CRM_OK);
    return txn;
}

/* ---- items and how many there are ---- */

typedef struct shelf {
    crm__buf bytes;
    crm__slice item[POOL]; /* in order */
    int64_t count[POOL];
    crm__day_work *work;
    uint8_t list[CRM__KEY_DAY_LIST];
} shelf;

static int by_item(const void *a, const void *b)
{
    return crm__slice_compare(*(const crm__slice *)a, *(const crm__slice *)b);
}

/* Item i is the i-th in order.  All but a few are of one row; every third has values that take
 * room, the others do not. */
static void shelf_init(shelf *s, uint64_t *seed, const crm_allocator *mem)
{
    static crm__day_item item;
    size_t begin[POOL + 1];

    memset(s, 0, sizeof *s);
    crm__key_day_list(s->list, 1, 2, 3);
    s->work = crm__day_work_new(mem);
    crm__buf_init(&s->bytes, NULL);
    for (int i = 0; i < POOL; i++) {
        begin[i] = s->bytes.n;
        item.row = (uint16_t)(i < 3 ? ROW - 1 : i < POOL - 3 ? ROW : ROW + 1);
        item.us = i * 1000;
        item.count = i % 3 ? 1 : 12;
        for (uint32_t k = 0; k < item.count; k++)
            item.values[k] = (crm__day_value){
                k + 1, 0, i % 3 ? 5 : (int64_t)(crmtest_rand(seed) >> crmtest_below(seed, 60))};
        ck_assert_int_eq(crm__day_item_put(&s->bytes, &item), CRM_OK);
    }
    begin[POOL] = s->bytes.n;
    for (int i = 0; i < POOL; i++)
        s->item[i] = crm__slice_of(s->bytes.p + begin[i], begin[i + 1] - begin[i]);
}

static void shelf_clear(shelf *s)
{
    crm__buf_clear(&s->bytes);
    crm__day_work_free(s->work);
}

static int apply(shelf *s, kv_txn *txn, const int64_t more[POOL])
{
    crm__day_change c[POOL];
    size_t n = 0;

    for (int i = 0; i < POOL; i++) {
        if (more[i])
            c[n++] = (crm__day_change){s->item[i], more[i]};
    }
    return crm__day_apply(txn, TAG_KEY, s->work, crm__slice_of(s->list, sizeof s->list), c, n);
}

/* One item's change, which must succeed. */
static void change(shelf *s, kv_txn *txn, int i, int64_t more)
{
    int64_t all[POOL] = {0};

    all[i] = more;
    ck_assert_int_eq(apply(s, txn, all), CRM_OK);
    s->count[i] += more;
}

/* The list is the items of the shelf, in order across all its parts, which are numbered and tagged
 * as they must be.  Returns how many parts the row has. */
static int compare(const shelf *s, kv_txn *txn)
{
    crm__day_work *work = crm__day_work_new(NULL);
    int64_t seen[POOL] = {0};
    int row = -1, number = 0, last = 0, of_row = 0;
    crm__day_list items;
    crm__slice k, v;
    kv_cursor *c;

    crm__day_list_init(&items, NULL);
    ck_assert_int_eq(txn->ops->cursor(txn, KV_DAY, &c), CRM_OK);
    for (int rc = c->ops->seek(c, KV_FIRST, crm__slice_of(NULL, 0), &k, &v); !rc;
         rc = c->ops->next(c, &k, &v)) {
        size_t at = 0, index = 0;
        crm__slice item;
        ck_assert_uint_eq(k.n, CRM__KEY_DAY);
        v.n -= CRM__TAG_SIZE;
        ck_assert(crm__get_le64(v.p + v.n) == crm__check_tag(TAG_KEY, KV_DAY, k, v));
        items.bytes.n = items.lengths.n = 0;
        ck_assert_int_eq(crm__day_items(work, v, &items), CRM_OK);
        number = crm__get_be16(k.p + CRM__KEY_DAY_LIST) == row ? number + 1 : 0;
        row = crm__get_be16(k.p + CRM__KEY_DAY_LIST);
        ck_assert_int_eq(crm__get_be16(k.p + CRM__KEY_DAY_LIST + 2), number);
        of_row += row == ROW;
        while ((item = crm__day_list_next(&items, &at, &index)).p) {
            if (index == 1)
                ck_assert_int_eq(crm__day_item_row(item), row);
            while (last < POOL && by_item(&item, &s->item[last]) != 0)
                last++;
            ck_assert_int_lt(last, POOL);
            seen[last]++;
        }
    }
    c->ops->cursor_close(c);
    for (int i = 0; i < POOL; i++)
        ck_assert_int_eq(seen[i], s->count[i]);
    crm__day_list_clear(&items);
    crm__day_work_free(work);
    return of_row;
}

/* ---- random changes ---- */

/* Up to five parts of the repeated items; a few of each other. */
static int64_t target(uint64_t *seed, int64_t now, int repeated)
{
    int64_t most = repeated ? 5 * PART : 5;

    switch (crmtest_below(seed, 6)) {
    case 0:
        return 0;
    case 1:
        return now || !repeated ? 1 : PART;
    case 2:
        return now ? now - 1 : 1;
    case 3:
        return now + 1;
    case 4: /* more, but within bounds */
        return now < most ? now + (int64_t)crmtest_below(seed, (uint64_t)(most - now)) : now;
    default:
        return (int64_t)crmtest_below(seed, (uint64_t)now + 1);
    }
}

CRM_TEST(test_db_edits_days_equal__random)
{
    uint64_t seed = crmtest_seed();
    kv_env *env = open_engine();
    kv_txn *txn = begin(env);
    size_t rounds = crmtest_rounds(120, 3000);
    int few = 0, many = 0;
    shelf s;

    shelf_init(&s, &seed, NULL);
    for (size_t round = 0; round < rounds; round++) {
        int64_t more[POOL] = {0}, keep[POOL];
        int repeated = 20 + (int)(round / 30 % 3), n = 1 + (int)crmtest_below(&seed, 5), parts;
        memcpy(keep, s.count, sizeof keep);
        for (; n > 0; n--) {
            int i = crmtest_below(&seed, 3) ? (int)crmtest_below(&seed, POOL) : repeated;
            s.count[i] = target(&seed, s.count[i], i == repeated);
        }
        if (round % 30 == 10)
            s.count[repeated] = 5 * PART;
        if (round % 30 == 29) /* all go before another takes over */
            memset(s.count, 0, sizeof s.count);
        for (int i = 0; i < POOL; i++)
            more[i] = s.count[i] - keep[i];
        ck_assert_int_eq(apply(&s, txn, more), CRM_OK);
        parts = compare(&s, txn);
        few += parts < 2;
        many += parts > 4;
    }
    ck_assert_int_gt(few, 0); /* else the rounds say less than they should */
    ck_assert_int_gt(many, 0);
    txn->ops->abort(txn);
    shelf_clear(&s);
    env->ops->close(env);
}

/* One more of any item than there is can't be removed, whatever else changes. */
CRM_TEST(test_db_edits_days_equal__too_many_removed)
{
    static const int PARTS[] = {0, 1, 2, 5};
    uint64_t seed = crmtest_seed();
    crm_error err = CRM_ERROR_INIT;
    kv_env *env = open_engine();
    shelf s;

    shelf_init(&s, &seed, NULL);
    for (size_t k = 0; k < sizeof PARTS / sizeof *PARTS; k++) {
        kv_txn *txn = begin(env);
        if (PARTS[k]) {
            change(&s, txn, 20, PARTS[k] * PART - 500 - s.count[20]);
            change(&s, txn, 0, 2);
            change(&s, txn, POOL - 1, 1);
            change(&s, txn, 18 + (int)crmtest_below(&seed, 5), 3);
        }
        ck_assert_int_eq(txn->ops->commit(txn, &err), CRM_OK);
        for (int i = 0; i < POOL; i++) {
            int64_t more[POOL] = {0};
            for (int other = 0; other < POOL; other++)
                more[other] = crmtest_below(&seed, 10) ? 0 : 1;
            more[i] = -s.count[i] - 1 - (int64_t)crmtest_below(&seed, 3);
            txn = begin(env);
            ck_assert_int_eq(apply(&s, txn, more), CRM_ECORRUPT);
            txn->ops->abort(txn);
        }
    }
    shelf_clear(&s);
    env->ops->close(env);
}

CRM_TEST(test_db_edits_days_equal__merge)
{
    uint64_t seed = crmtest_seed();
    crm__day_list list;
    crm__buf out;
    shelf s;

    shelf_init(&s, &seed, NULL);
    crm__day_list_init(&list, NULL);
    crm__buf_init(&out, NULL);
    for (int i = 1; i < 7; i++) { /* of item i there are i */
        for (int k = 0; k < i; k++) {
            uint16_t n = (uint16_t)s.item[i].n;
            crm__buf_add(&list.bytes, s.item[i].p, n);
            crm__buf_add(&list.lengths, &n, sizeof n);
        }
    }
    for (int a = 0; a < 8; a++) {
        for (int b = a + 1; b < 9; b++) {
            for (int64_t x = -8; x <= 8; x++) {
                crm__day_change c[2] = {{s.item[a], x ? x : 1}, {s.item[b], x % 3 ? 2 : -b}};
                int64_t has_a = a < 7 ? a : 0, has_b = b < 7 ? b : 0;
                int bad = has_a + c[0].more < 0 || has_b + c[1].more < 0;
                out.n = 0;
                ck_assert_int_eq(crm__day_merge(&list, c, 2, &out), bad ? CRM_ECORRUPT : CRM_OK);
                if (bad)
                    continue;
                ck_assert_int_eq((int64_t)(out.n / sizeof(crm__slice)), 21 + c[0].more + c[1].more);
                for (size_t i = 1; i < out.n / sizeof(crm__slice); i++)
                    ck_assert_int_le(by_item((crm__slice *)(void *)out.p + i - 1,
                                             (crm__slice *)(void *)out.p + i),
                                     0);
            }
        }
    }
    out.n = 0;
    ck_assert_int_eq(crm__day_merge(&list, NULL, 0, &out), CRM_OK);
    ck_assert_uint_eq(out.n / sizeof(crm__slice), 21);
    crm__buf_clear(&out);
    crm__day_list_clear(&list);
    shelf_clear(&s);
}

/* By edits, as a transaction that voids many equal events makes them. */
CRM_TEST(test_db_edits_days_equal__added_and_removed)
{
    enum { COUNT = 3 * PART + 100 };
    uint64_t seed = crmtest_seed();
    kv_env *env = open_engine();
    kv_txn *txn = begin(env);
    crm__edits e;
    shelf s;

    shelf_init(&s, &seed, NULL);
    crm__edits_init(&e, NULL);
    for (int step = 0; step < 3; step++) {
        /* All come; half go; the others go and come again and go. */
        int removed = step ? COUNT / 2 : 0;
        crm__edits_reset(&e);
        for (int i = 0; i < (step ? removed : COUNT); i++)
            ck_assert_int_eq(
                crm__edits_item(&e, crm__slice_of(s.list, sizeof s.list), s.item[20], !step),
                CRM_OK);
        for (int i = 0; i < (step == 2 ? 900 : 0); i++)
            ck_assert_int_eq(
                crm__edits_item(&e, crm__slice_of(s.list, sizeof s.list), s.item[20], i % 2),
                CRM_OK);
        ck_assert_int_eq(crm__edits_apply(&e, txn, TAG_KEY), CRM_OK);
        s.count[20] += step ? -removed : COUNT;
        compare(&s, txn);
    }
    ck_assert_int_eq(s.count[20], 0);
    crm__edits_clear(&e);
    txn->ops->abort(txn);
    shelf_clear(&s);
    env->ops->close(env);
}

/* ---- cost ---- */

/* Calls of the engine go with the parts, not with the items; one more or fewer writes one part. */
CRM_TEST(test_db_edits_days_equal__calls_of_the_engine)
{
    enum { PARTS = 12 };
    uint64_t seed = crmtest_seed(), before;
    kv_fault_plan plan;
    kv_env *env = open_planned(&plan);
    kv_txn *txn = begin(env);
    shelf s;

    shelf_init(&s, &seed, NULL);
    change(&s, txn, 20, PARTS * PART - 7);
    ck_assert_int_eq(compare(&s, txn), PARTS);
    plan.calls = KV_CALL_PUT | KV_CALL_DEL;
    for (int i = 0; i < 20; i++) {
        before = plan.count;
        change(&s, txn, 20, i % 2 ? 1 : -1);
        ck_assert_uint_eq(plan.count - before, 1);
    }
    plan.calls = KV_CALL_ANY;
    before = plan.count;
    change(&s, txn, 20, -(PARTS - 2) * PART);
    ck_assert_uint_le(plan.count - before, 5 * PARTS + 10);
    ck_assert_int_le(compare(&s, txn), 3);
    before = plan.count;
    change(&s, txn, 20, -s.count[20]);
    ck_assert_uint_le(plan.count - before, 25);
    plan.calls = 0;
    ck_assert_int_eq(compare(&s, txn), 0);
    txn->ops->abort(txn);
    shelf_clear(&s);
    env->ops->close(env);
}

/* ---- what fails ---- */

/* Three parts of one item among others, then most of them fewer. */
static int grow(shelf *s, kv_txn *txn)
{
    int64_t more[POOL] = {0};

    more[17] = more[21] = 30;
    more[20] = 3 * PART;
    return apply(s, txn, more);
}

static int shrink(shelf *s, kv_txn *txn)
{
    int64_t more[POOL] = {0};

    more[17] = -10;
    more[19] = 1;
    more[20] = -2 * PART - 50;
    more[21] = -30;
    return apply(s, txn, more);
}

static void count_shrunk(shelf *s)
{
    memset(s->count, 0, sizeof s->count);
    s->count[17] = 20;
    s->count[19] = 1;
    s->count[20] = PART - 50;
}

/* Each allocation of the shrinking fails in turn. */
CRM_TEST(test_db_edits_days_equal__failed_allocations)
{
    uint64_t seed = crmtest_seed();
    kv_env *env = open_engine();
    int rc = CRM_ENOMEM;

    for (int64_t allowed = 0; rc; allowed += crmtest_stride(7)) {
        stingy purse = {INT64_MAX, 0};
        crm_allocator mem = {sizeof mem, stingy_alloc, stingy_realloc, stingy_free, &purse};
        kv_txn *txn = begin(env);
        shelf s;
        ck_assert_int_lt(allowed, 1000);
        shelf_init(&s, &seed, NULL);
        ck_assert_int_eq(grow(&s, txn), CRM_OK);
        crm__day_work_free(s.work);
        s.work = crm__day_work_new(&mem);
        purse.left = allowed;
        rc = shrink(&s, txn);
        ck_assert_int_eq(rc, rc ? CRM_ENOMEM : CRM_OK);
        count_shrunk(&s);
        if (!rc)
            compare(&s, txn);
        txn->ops->abort(txn);
        shelf_clear(&s);
        ck_assert_int_eq(purse.alive, 0);
    }
    env->ops->close(env);
}

/* Each call of the engine fails in turn. */
CRM_TEST(test_db_edits_days_equal__failed_storage)
{
    uint64_t seed = crmtest_seed();
    crm_error err = CRM_ERROR_INIT;
    kv_fault_plan plan;
    kv_env *env = open_planned(&plan);
    kv_txn *txn = begin(env);
    int rc = CRM_EIO;
    shelf s;

    shelf_init(&s, &seed, NULL);
    ck_assert_int_eq(grow(&s, txn), CRM_OK);
    ck_assert_int_eq(txn->ops->commit(txn, &err), CRM_OK);
    count_shrunk(&s);
    for (uint64_t n = 1; rc; n++) {
        txn = begin(env);
        plan.calls = KV_CALL_ANY;
        plan.code = CRM_EIO;
        plan.count = plan.failed = 0;
        plan.after = n;
        rc = shrink(&s, txn);
        plan.calls = 0;
        ck_assert_int_eq(rc, plan.failed ? CRM_EIO : CRM_OK);
        if (!rc)
            compare(&s, txn);
        txn->ops->abort(txn);
    }
    shelf_clear(&s);
    env->ops->close(env);
}
