/* SPDX-License-Identifier: MIT
 * The edit list against a plain table under random edits, marks and rollbacks; and what it leaves
 * in the engine against the same table.
 */
#include "bits/column.h"
#include "bits/set.h"
#include "codec/key.h"
#include "crmtest.h"
#include "engine.h"
#include "stingy.h"
#include "db/edits.h"
#include "db/shared.h"
#include "db/identity.h"

#include <crm/codes.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS = 40, SETS = 5, BLOCKS = 3, TOKENS = 6, IDS = 12, ROWS = 65536, MARKS = 8, VALUE = 48 };

static const uint8_t TAG_KEY[CRM__HASH_KEY] = {1, 2, 3};

/* Everything the list is about, as plain arrays. */
typedef struct table {
    struct {
        int state; /* CRM__EDIT_ of this transaction, over what is stored */
        int there; /* what a reader of engine and list sees */
        uint8_t n, value[VALUE];
    } row[KEYS];
    uint8_t set[SETS][ROWS / 8];
    crm__column_cell cell[BLOCKS][CRM__COLUMN_ROWS];
    uint8_t id[TOKENS][IDS];
} table;

static crm__slice row_key(int i, uint8_t room[20])
{
    /* Some are beginnings of others. */
    memset(room, 'k', 20);
    room[1] = (uint8_t)(i / 4);
    return crm__slice_of(room, (size_t)(2 + i % 4));
}

static crm__slice set_key(int i, uint8_t room[CRM__KEY_BITS])
{
    return crm__key_bits(room, (uint64_t)i / 2, CRM__BITS_PRESENCE, (uint32_t)i);
}

static crm__slice block_key(int i, uint8_t room[CRM__KEY_COLUMN])
{
    return crm__key_column(room, 3, (uint32_t)i / 2, (uint32_t)i % 2);
}

static crm__slice token_key(int i, uint8_t room[CRM__KEY_TOKEN])
{
    uint8_t token[CRM__TOKEN_SIZE];

    memset(token, i * 37, sizeof token);
    return crm__key_token(room, 7, token);
}

static uint64_t id_of(int k)
{
    return k < 8 ? (uint64_t)k + 1 : UINT64_C(1) << (k * 4);
}

static int bit(const uint8_t *set, uint32_t row)
{
    return set[row / 8] >> (row % 8) & 1;
}

/* ---- one random edit on both ---- */

static void put(uint64_t *seed, crm__edits *e, table *t)
{
    uint8_t room[20];
    int i = (int)crmtest_below(seed, KEYS);

    t->row[i].n = (uint8_t)crmtest_below(seed, VALUE);
    for (int k = 0; k < t->row[i].n; k++)
        t->row[i].value[k] = (uint8_t)crmtest_rand(seed);
    t->row[i].state = CRM__EDIT_PUT;
    t->row[i].there = 1;
    ck_assert_int_eq(crm__edits_put(e, KV_META, row_key(i, room),
                                    crm__slice_of(t->row[i].value, t->row[i].n), 0),
                     CRM_OK);
}

static void cell(uint64_t *seed, crm__edits *e, table *t)
{
    uint8_t room[CRM__KEY_COLUMN];
    int i = (int)crmtest_below(seed, BLOCKS);
    uint32_t row = (uint32_t)crmtest_below(seed, crmtest_below(seed, 3) ? 9 : CRM__COLUMN_ROWS);
    crm__column_cell *c = &t->cell[i][row];

    *c = (crm__column_cell){CRM__CELL_NONE, 0, 0};
    if (crmtest_below(seed, 3)) {
        c->state = CRM__CELL_NUMBER;
        c->number = (int64_t)(crmtest_rand(seed) >> crmtest_below(seed, 64));
        c->scale = (int8_t)crmtest_below(seed, 3);
        if (crmtest_below(seed, 2))
            c->number = -c->number;
    }
    ck_assert_int_eq(crm__edits_cell(e, block_key(i, room), row, c), CRM_OK);
}

/* All of a set, or of a block. */
static void empty(uint64_t *seed, crm__edits *e, table *t)
{
    uint8_t room[32];
    int i = (int)crmtest_below(seed, SETS + BLOCKS);

    if (i < SETS) {
        memset(t->set[i], 0, sizeof t->set[i]);
        ck_assert_int_eq(crm__edits_empty(e, KV_BITS, set_key(i, room)), CRM_OK);
        return;
    }
    memset(t->cell[i - SETS], 0, sizeof t->cell[i - SETS]);
    ck_assert_int_eq(crm__edits_empty(e, KV_COLUMN, block_key(i - SETS, room)), CRM_OK);
}

static void edit(uint64_t *seed, crm__edits *e, table *t)
{
    uint8_t room[32];
    uint32_t row;
    int i, k, on = (int)crmtest_below(seed, 2);

    switch (crmtest_below(seed, 6)) {
    case 0:
        put(seed, e, t);
        return;
    case 1:
        i = (int)crmtest_below(seed, KEYS);
        t->row[i].state = CRM__EDIT_DEL;
        t->row[i].there = 0;
        ck_assert_int_eq(crm__edits_del(e, KV_META, row_key(i, room)), CRM_OK);
        return;
    case 2:
        i = (int)crmtest_below(seed, SETS);
        row = (uint32_t)crmtest_below(seed, crmtest_below(seed, 3) ? 70 : ROWS);
        t->set[i][row / 8] = (uint8_t)((t->set[i][row / 8] & ~(1 << row % 8)) | on << row % 8);
        ck_assert_int_eq(crm__edits_bit(e, KV_BITS, set_key(i, room), row, on), CRM_OK);
        return;
    case 3:
        cell(seed, e, t);
        return;
    case 4:
        if (crmtest_below(seed, 8) == 0)
            empty(seed, e, t);
        return;
    default:
        i = (int)crmtest_below(seed, TOKENS);
        k = (int)crmtest_below(seed, IDS);
        t->id[i][k] = (uint8_t)on;
        ck_assert_int_eq(crm__edits_id(e, token_key(i, room), id_of(k), on, i % 2), CRM_OK);
    }
}

/* ---- comparing the list ---- */

static void compare_rows(const crm__edits *e, const table *t)
{
    uint8_t room[20];
    crm__slice got = {NULL, 0};

    for (int i = 0; i < KEYS; i++) {
        int state = crm__edits_get(e, KV_META, row_key(i, room), &got);
        ck_assert_int_eq(state, t->row[i].state);
        if (state == CRM__EDIT_PUT)
            ck_assert(got.n == t->row[i].n && memcmp(got.p, t->row[i].value, got.n) == 0);
        ck_assert_int_eq(crm__edits_get(e, KV_DICT, row_key(i, room), &got), CRM__EDIT_NONE);
    }
}

/* The switches of a set or token, played over what was stored, give what the table says. */
static void compare_switches(const crm__edits *e, const table *t, const table *stored)
{
    static uint8_t set[ROWS / 8];
    uint8_t room[32], id[IDS];
    const uint64_t *ops;
    uint32_t n;

    for (int i = 0; i < SETS; i++) {
        memcpy(set, stored->set[i], sizeof set);
        ops = crm__edits_ops(e, KV_BITS, set_key(i, room), &n);
        for (uint32_t k = 0; k < n; k++) {
            uint32_t row = (uint32_t)(ops[k] >> 1);
            if (ops[k] == CRM__EDITS_EMPTY) {
                memset(set, 0, sizeof set);
                continue;
            }
            set[row / 8] =
                (uint8_t)((set[row / 8] & ~(1 << row % 8)) | (int)(ops[k] & 1) << row % 8);
        }
        ck_assert(memcmp(set, t->set[i], sizeof set) == 0);
    }
    for (int i = 0; i < TOKENS; i++) {
        memcpy(id, stored->id[i], sizeof id);
        ops = crm__edits_ops(e, KV_IDENTITY, token_key(i, room), &n);
        for (uint32_t k = 0; k < n; k++) {
            for (int j = 0; j < IDS; j++) {
                if (id_of(j) == ops[k] >> 1)
                    id[j] = ops[k] & 1;
            }
        }
        ck_assert(memcmp(id, t->id[i], sizeof id) == 0);
    }
}

/* The cells of blocks, which may stand at other scales. */
static void compare_cells(const crm__column_cell *a, const crm__column_cell *b)
{
    int differ = 0;

    for (uint32_t i = 0; i < CRM__COLUMN_ROWS; i++)
        differ += a[i].state != b[i].state ||
                  (a[i].state &&
                   crm__scaled_compare(a[i].number, a[i].scale, b[i].number, b[i].scale) != 0);
    ck_assert_int_eq(differ, 0);
}

static void compare_blocks(const crm__edits *e, const table *t, const table *stored)
{
    static crm__column_cell cells[CRM__COLUMN_ROWS];
    uint8_t room[CRM__KEY_COLUMN];
    const uint64_t *ops;
    uint32_t n;

    for (int i = 0; i < BLOCKS; i++) {
        memcpy(cells, stored->cell[i], sizeof cells);
        ops = crm__edits_ops(e, KV_COLUMN, block_key(i, room), &n);
        crm__edits_cells(ops, n, cells);
        compare_cells(cells, t->cell[i]);
    }
}

/* ---- comparing the engine ---- */

static void compare_stored_blocks(kv_txn *txn, const table *t)
{
    static crm__column_cell cells[CRM__COLUMN_ROWS];
    uint8_t room[CRM__KEY_COLUMN];
    crm__slice k, v;
    crm__column c;
    int rows;

    for (int i = 0; i < BLOCKS; i++) {
        int rc = txn->ops->get(txn, KV_COLUMN, k = block_key(i, room), &v);
        memset(cells, 0, sizeof cells);
        if (rc == CRM_OK) {
            v.n -= CRM__TAG_SIZE;
            ck_assert(crm__get_le64(v.p + v.n) == crm__check_tag(TAG_KEY, KV_COLUMN, k, v));
            ck_assert_int_eq(crm__column_open(v, &c), CRM_OK);
            crm__column_cells(&c, cells);
        }
        compare_cells(cells, t->cell[i]);
        rows = 0;
        for (uint32_t r = 0; r < CRM__COLUMN_ROWS; r++)
            rows += t->cell[i][r].state;
        ck_assert_int_eq(rc, rows ? CRM_OK : CRM_ENOTFOUND); /* an empty block is not stored */
    }
}

/* Tokens with odd numbers are counted: how many of them an id shares, and is the first of. */
static void count_shared(const table *t, int which, int *shared, int *first)
{
    *shared = *first = 0;
    for (int i = 1; i < TOKENS; i += 2) {
        int least = -1, n = 0;
        for (int j = 0; j < IDS; j++) {
            n += t->id[i][j];
            if (t->id[i][j] && (least < 0 || id_of(j) < id_of(least)))
                least = j;
        }
        *shared += n > 1 && t->id[i][which];
        *first += n > 1 && least == which;
    }
}

static int64_t stored_count(kv_txn *txn, uint32_t column, uint64_t id)
{
    uint32_t row = (uint32_t)(id & 0xffff);
    uint8_t key[CRM__KEY_COLUMN];
    crm__column_cell cell;
    crm__column c;
    crm__slice v;
    int64_t n = 0;
    crm__slice k = crm__key_column(key, id >> CRM__CHUNK_SHIFT, column, row / CRM__COLUMN_ROWS);

    if (txn->ops->get(txn, KV_COLUMN, k, &v))
        return 0;
    v.n -= CRM__TAG_SIZE;
    ck_assert_int_eq(crm__column_open(v, &c), CRM_OK);
    crm__column_get(&c, row % CRM__COLUMN_ROWS, &cell);
    ck_assert(!cell.state || crm__scaled_to(cell.number, cell.scale, 0, &n));
    return n;
}

/* Of the chunk of an id, as the numbers of all ids there say. */
static void compare_total(kv_txn *txn, const table *t, uint32_t column, int which, int is_first)
{
    crm__shared_total want = {0, 0}, have = {0, 0};
    uint8_t key[CRM__KEY_COLUMN_TOTAL];
    crm__slice v;
    int rc;

    for (int j = 0; j < IDS; j++) {
        int n[2];
        /* As keys have it: of 32 bits. */
        if ((uint32_t)((id_of(j) ^ id_of(which)) >> CRM__CHUNK_SHIFT))
            continue;
        count_shared(t, j, &n[0], &n[1]);
        want.customers += n[is_first] > 0;
        want.sum += (uint64_t)n[is_first];
    }
    rc = txn->ops->get(txn, KV_COLUMN,
                       crm__key_column_total(key, column, id_of(which) >> CRM__CHUNK_SHIFT), &v);
    ck_assert_int_eq(rc, want.customers ? CRM_OK : CRM_ENOTFOUND);
    if (!rc)
        ck_assert_int_eq(crm__shared_total_get(crm__slice_of(v.p, v.n - CRM__TAG_SIZE), &have),
                         CRM_OK);
    ck_assert_uint_eq(have.customers, want.customers);
    ck_assert_uint_eq(have.sum, want.sum);
}

static void compare_shared(kv_txn *txn, const table *t)
{
    for (int j = 0; j < IDS; j++) {
        int shared, first;
        count_shared(t, j, &shared, &first);
        ck_assert_int_eq(stored_count(txn, CRM__COLUMN_SHARED + 7, id_of(j)), shared);
        ck_assert_int_eq(stored_count(txn, CRM__COLUMN_SHARED_FIRST + 7, id_of(j)), first);
        compare_total(txn, t, CRM__COLUMN_SHARED + 7, j, 0);
        compare_total(txn, t, CRM__COLUMN_SHARED_FIRST + 7, j, 1);
    }
}

static int is_stored(kv_txn *txn, crm__slice key, uint64_t id)
{
    crm__id_walk w = {.tag_key = TAG_KEY};
    crm__id_row row = crm__id_row_of(key.p + 2, id);
    int rc;

    ck_assert_int_eq(txn->ops->cursor(txn, KV_IDENTITY, &w.cursor), CRM_OK);
    rc = crm__id_seek(&w, crm__get_be16(key.p), &row);
    ck_assert(rc == CRM_OK || rc == CRM_ENOTFOUND);
    txn->ops->cursor_close(w.cursor);
    return !rc && crm__id_walk_has(&w, key) && crm__id_row_id(&w.row) == id;
}

static void compare_engine(kv_txn *txn, const table *t)
{
    static uint64_t words[CRM__SET_WORDS];
    uint8_t room[32];
    crm__slice k, v;
    uint32_t rows;
    int differ = 0;

    compare_stored_blocks(txn, t);
    compare_shared(txn, t);
    for (int i = 0; i < KEYS; i++) {
        k = row_key(i, room);
        ck_assert_int_eq(txn->ops->get(txn, KV_META, k, &v),
                         t->row[i].there ? CRM_OK : CRM_ENOTFOUND);
        if (!t->row[i].there)
            continue;
        ck_assert_uint_eq(v.n, (size_t)t->row[i].n + CRM__TAG_SIZE);
        ck_assert(memcmp(v.p, t->row[i].value, t->row[i].n) == 0);
        v.n -= CRM__TAG_SIZE;
        ck_assert(crm__get_le64(v.p + v.n) == crm__check_tag(TAG_KEY, KV_META, k, v));
    }
    for (int i = 0; i < SETS; i++) {
        int rc = txn->ops->get(txn, KV_BITS, k = set_key(i, room), &v);
        rows = 0;
        memset(words, 0, sizeof words);
        if (rc == CRM_OK) {
            v.n -= CRM__TAG_SIZE;
            ck_assert(crm__get_le64(v.p + v.n) == crm__check_tag(TAG_KEY, KV_BITS, k, v));
            ck_assert_int_eq(crm__set_load(v, words), CRM_OK);
        }
        for (uint32_t row = 0; row < ROWS; row++) {
            differ += crm__set_has(words, row) != bit(t->set[i], row);
            rows += (uint32_t)bit(t->set[i], row);
        }
        ck_assert_int_eq(differ, 0);
        ck_assert_int_eq(rc, rows ? CRM_OK : CRM_ENOTFOUND); /* an empty set is not stored */
    }
    for (int i = 0; i < TOKENS; i++) {
        for (int j = 0; j < IDS; j++) {
            k = token_key(i, room);
            ck_assert_int_eq(is_stored(txn, k, id_of(j)), t->id[i][j]);
        }
    }
}

/* ---- cases ---- */

typedef struct mark {
    size_t at;
    table t;
} mark;

static void new_transaction(table *t)
{
    for (int i = 0; i < KEYS; i++)
        t->row[i].state = CRM__EDIT_NONE;
}

/* Random edits with marks that nest; now and then the list is applied. */
static void play(uint64_t *seed, kv_env *env, size_t rounds)
{
    table *t = calloc(1, sizeof *t), *stored = calloc(1, sizeof *stored);
    mark *marks = calloc(MARKS, sizeof *marks);
    crm_error err = CRM_ERROR_INIT;
    crm__edits e;
    kv_txn *txn;

    crm__edits_init(&e, NULL);
    e.totals = 1;
    while (rounds-- > 0) {
        int n = 0;
        for (uint64_t steps = crmtest_below(seed, 120); steps > 0; steps--) {
            uint64_t what = crmtest_below(seed, 12);
            if (what == 0 && n < MARKS) {
                marks[n].t = *t;
                marks[n++].at = crm__edits_mark(&e);
            } else if (what == 1 && n) {
                int to = (int)crmtest_below(seed, (uint64_t)n);
                crm__edits_rollback(&e, marks[to].at);
                *t = marks[to].t;
                n = to + (int)crmtest_below(seed, 2);
            } else if (what == 2 && n) {
                n = (int)crmtest_below(seed, (uint64_t)n);
                if (!n)
                    crm__edits_forget(&e);
            } else {
                edit(seed, &e, t);
            }
        }
        compare_rows(&e, t);
        compare_switches(&e, t, stored);
        compare_blocks(&e, t, stored);
        ck_assert_int_eq(env->ops->begin(env, 1, &txn, &err), CRM_OK);
        ck_assert_int_eq(crm__edits_apply(&e, txn, TAG_KEY), CRM_OK);
        compare_engine(txn, t);
        if (crmtest_below(seed, 3) == 0) {
            txn->ops->abort(txn); /* the list stays as it is, and can be applied again */
            ck_assert_int_eq(env->ops->begin(env, 1, &txn, &err), CRM_OK);
            compare_engine(txn, stored);
            ck_assert_int_eq(crm__edits_apply(&e, txn, TAG_KEY), CRM_OK);
            compare_engine(txn, t);
        }
        ck_assert_int_eq(txn->ops->commit(txn, &err), CRM_OK);
        new_transaction(t);
        *stored = *t;
        if (crmtest_below(seed, 4))
            crm__edits_reset(&e);
        else
            crm__edits_clear(&e);
        e.totals = 1;
        ck_assert_uint_eq(crm__edits_bytes(&e), 0);
        compare_rows(&e, t);
    }
    crm__edits_clear(&e);
    free(marks);
    free(stored);
    free(t);
}

CRM_TEST(test_db_edits__random)
{
    uint64_t seed = crmtest_seed();
    kv_env *env = open_engine();

    play(&seed, env, crmtest_rounds(150, 5000));
    env->ops->close(env);
}

CRM_TEST(test_db_edits__many_keys)
{
    enum { MANY = 20000 };
    crm__edits e;
    crm__slice got;
    uint8_t key[8];
    size_t half = 0;

    crm__edits_init(&e, NULL);
    for (uint64_t i = 0; i < MANY; i++) {
        if (i == MANY / 2)
            half = crm__edits_mark(&e);
        ck_assert_int_eq(
            crm__edits_put(&e, KV_CUSTOMER, crm__key_u64(key, i * i), crm__slice_of(key, 8), 0),
            CRM_OK);
    }
    for (uint64_t i = 0; i < MANY; i++) {
        ck_assert_int_eq(crm__edits_get(&e, KV_CUSTOMER, crm__key_u64(key, i * i), &got),
                         CRM__EDIT_PUT);
        ck_assert(got.n == 8 && memcmp(got.p, key, 8) == 0);
    }
    ck_assert_uint_gt(crm__edits_bytes(&e), MANY * 16);
    crm__edits_rollback(&e, half);
    for (uint64_t i = 0; i < MANY; i++)
        ck_assert_int_eq(crm__edits_get(&e, KV_CUSTOMER, crm__key_u64(key, i * i), &got),
                         i < MANY / 2 ? CRM__EDIT_PUT : CRM__EDIT_NONE);
    crm__edits_clear(&e);
}

CRM_TEST(test_db_edits__empty)
{
    kv_env *env = open_engine();
    crm_error err = CRM_ERROR_INIT;
    crm__edits e;
    crm__slice got;
    kv_txn *txn;
    uint32_t n = 5;

    crm__edits_init(&e, NULL);
    ck_assert_int_eq(crm__edits_get(&e, KV_META, crm__slice_of("a", 1), &got), CRM__EDIT_NONE);
    ck_assert_ptr_null(crm__edits_ops(&e, KV_BITS, crm__slice_of("a", 1), &n));
    ck_assert_uint_eq(n, 0);
    crm__edits_rollback(&e, crm__edits_mark(&e));
    ck_assert_int_eq(env->ops->begin(env, 1, &txn, &err), CRM_OK);
    ck_assert_int_eq(crm__edits_apply(&e, txn, TAG_KEY), CRM_OK);
    ck_assert_int_eq(txn->ops->commit(txn, &err), CRM_OK);
    crm__edits_clear(&e);
    env->ops->close(env);
}

/* Removing what is not there is no error. */
CRM_TEST(test_db_edits__removing_nothing)
{
    kv_env *env = open_engine();
    crm_error err = CRM_ERROR_INIT;
    uint8_t room[32];
    crm__edits e;
    kv_txn *txn;

    crm__edits_init(&e, NULL);
    ck_assert_int_eq(crm__edits_del(&e, KV_META, crm__slice_of("a", 1)), CRM_OK);
    ck_assert_int_eq(crm__edits_bit(&e, KV_BITS, set_key(1, room), 9, 0), CRM_OK);
    ck_assert_int_eq(crm__edits_id(&e, token_key(1, room), 9, 0, 1), CRM_OK);
    ck_assert_int_eq(env->ops->begin(env, 1, &txn, &err), CRM_OK);
    ck_assert_int_eq(crm__edits_apply(&e, txn, TAG_KEY), CRM_OK);
    ck_assert_int_eq(txn->ops->commit(txn, &err), CRM_OK);
    crm__edits_clear(&e);
    env->ops->close(env);
}

/* ---- memory ---- */

/* Every allocation that fails leaves the list as it was before the edit. */
CRM_TEST(test_db_edits__failed_allocations)
{
    table *t = calloc(1, sizeof *t), *before = calloc(1, sizeof *before),
          *none = calloc(1, sizeof *none);

    for (int64_t allowed = 0; allowed < 60; allowed += crmtest_stride(7)) {
        stingy s = {allowed, 0};
        crm_allocator mem = {sizeof mem, stingy_alloc, stingy_realloc, stingy_free, &s};
        uint8_t room[32];
        crm__edits e;
        int rc = CRM_OK, step;
        memset(t, 0, sizeof *t);
        crm__edits_init(&e, &mem);
        for (step = 0; step < 3000 && !rc; step++) {
            int i = step % KEYS;
            *before = *t;
            switch (step % 3) {
            case 0:
                rc = crm__edits_put(&e, KV_META, row_key(i, room), crm__slice_of("value", 5), 0);
                t->row[i].state = CRM__EDIT_PUT;
                t->row[i].n = 5;
                memcpy(t->row[i].value, "value", 5);
                break;
            case 1:
                i = step % TOKENS;
                rc = crm__edits_id(&e, token_key(i, room), id_of(step % IDS), 1, 1);
                t->id[i][step % IDS] = 1;
                break;
            default:
                i = step % SETS;
                rc = crm__edits_bit(&e, KV_BITS, set_key(i, room), (uint32_t)step, 1);
                t->set[i][step / 8] = (uint8_t)(t->set[i][step / 8] | 1 << step % 8);
            }
        }
        ck_assert_int_eq(rc, rc ? CRM_ENOMEM : CRM_OK);
        if (rc)
            *t = *before;
        compare_rows(&e, t);
        compare_switches(&e, t, none);
        crm__edits_clear(&e);
        ck_assert_int_eq(s.alive, 0);
    }
    free(none);
    free(before);
    free(t);
}

/* ---- rows behind those stored ---- */

enum { EVENTS = 4000, EVENT_BYTES = 980 };

static crm__slice event_key(int i, uint8_t room[CRM__KEY_EVENT])
{
    return crm__key_event(room, (uint64_t)i / 3 + 1, (int64_t)i, 1);
}

/* Blocks of events in order of customers.  Lists that are mixed begin with rows that are stored, or
 * stand between those, and end with new ones.  Whatever the engine is told of their places, all are
 * there; and pages that were filled in order are full, of four blocks each. */
static void put_behind(int mixed)
{
    static uint8_t version[EVENTS];
    kv_env *env = open_engine();
    crm_error err = CRM_ERROR_INIT;
    uint8_t value[EVENT_BYTES], room[CRM__KEY_EVENT];
    crm__edits e;
    uint64_t seed = crmtest_seed();
    crm__slice v;
    kv_stat st;
    kv_txn *txn;
    int put = 0;

    memset(version, 0, sizeof version);
    crm__edits_init(&e, NULL);
    for (int round = 1; put < EVENTS - 300; round++) {
        int n = put + (int)crmtest_below(&seed, 300);
        int i = mixed && put ? put - (int)crmtest_below(&seed, (uint64_t)put) : put;
        for (; i < n; i++) {
            if (crmtest_below(&seed, 50) == 0 && mixed)
                continue; /* some are not there, or come later */
            memset(value, round + i, sizeof value);
            version[i] = (uint8_t)round;
            if (mixed && crmtest_below(&seed, 20) == 0) {
                version[i] = 0;
                ck_assert_int_eq(crm__edits_del(&e, KV_EVENT, event_key(i, room)), CRM_OK);
            } else {
                ck_assert_int_eq(crm__edits_put(&e, KV_EVENT, event_key(i, room),
                                                crm__slice_of(value, sizeof value), 0),
                                 CRM_OK);
            }
        }
        put = n;
        ck_assert_int_eq(env->ops->begin(env, 1, &txn, &err), CRM_OK);
        ck_assert_int_eq(crm__edits_apply(&e, txn, TAG_KEY), CRM_OK);
        ck_assert_int_eq(txn->ops->commit(txn, &err), CRM_OK);
        crm__edits_clear(&e);
        crm__edits_init(&e, NULL);
    }
    ck_assert_int_eq(env->ops->begin(env, 0, &txn, &err), CRM_OK);
    for (int i = 0; i < EVENTS; i++) {
        int rc = txn->ops->get(txn, KV_EVENT, event_key(i, room), &v);
        ck_assert_int_eq(rc, version[i] ? CRM_OK : CRM_ENOTFOUND);
        memset(value, version[i] + i, sizeof value);
        ck_assert(rc || (v.n == EVENT_BYTES + CRM__TAG_SIZE && !memcmp(v.p, value, sizeof value)));
    }
    ck_assert_int_eq(txn->ops->stat(txn, KV_EVENT, &st), CRM_OK);
    /* Short lists, of fewer than 64 rows, are not looked at. */
    ck_assert(mixed || st.bytes < (uint64_t)put * 4096 / 4 * 108 / 100);
    txn->ops->abort(txn);
    env->ops->close(env);
}

CRM_TEST(test_db_edits__rows_behind_all_others)
{
    put_behind(0);
}

CRM_TEST(test_db_edits__rows_behind_and_among_others)
{
    put_behind(1);
}
