/* SPDX-License-Identifier: MIT
 * See page_same.h.
 */
#include "page_same.h"
#include "ok.h"

#include <string.h>

static const crm__slice NONE = {NULL, 0};

static void same(MDB_val want, crm__slice got)
{
    MUST(want.mv_size == got.n);
    MUST(!got.n || !memcmp(want.mv_data, got.p, got.n));
}

void same_row(int lmdb, const MDB_val *mk, const MDB_val *mv, int rc, crm__slice k, crm__slice v)
{
    if (lmdb == MDB_NOTFOUND) {
        MUST(rc == CRM_ENOTFOUND);
        return;
    }
    MUST(!lmdb && !rc);
    same(*mk, k);
    same(*mv, v);
}

/* Both directions, every row. */
void same_scan(MDB_txn *mt, MDB_dbi dbi, kv_txn *txn, kv_space space)
{
    MDB_cursor *mc;
    MDB_val mk, mv;
    MDB_stat ms;
    kv_cursor *c;
    crm__slice k, v;
    kv_stat st;
    uint64_t rows = 0;
    int rc;

    OK(mdb_cursor_open(mt, dbi, &mc));
    OK(txn->ops->cursor(txn, space, &c));
    rc = c->ops->seek(c, KV_FIRST, NONE, &k, &v);
    for (int m = mdb_cursor_get(mc, &mk, &mv, MDB_FIRST);;
         m = mdb_cursor_get(mc, &mk, &mv, MDB_NEXT)) {
        same_row(m, &mk, &mv, rc, k, v);
        if (m)
            break;
        rows++;
        rc = c->ops->next(c, &k, &v);
    }
    rc = c->ops->seek(c, KV_LAST, NONE, &k, &v);
    for (int m = mdb_cursor_get(mc, &mk, &mv, MDB_LAST);;
         m = mdb_cursor_get(mc, &mk, &mv, MDB_PREV)) {
        same_row(m, &mk, &mv, rc, k, v);
        if (m)
            break;
        rc = c->ops->prev(c, &k, &v);
    }
    mdb_cursor_close(mc);
    c->ops->cursor_close(c);
    OK(txn->ops->stat(txn, space, &st));
    OK(mdb_stat(mt, dbi, &ms));
    ck_assert_uint_eq(st.entries, rows);
    ck_assert_uint_eq(st.depth, ms.ms_depth);
    ck_assert_uint_eq(st.bytes,
                      (ms.ms_branch_pages + ms.ms_leaf_pages + ms.ms_overflow_pages) * ms.ms_psize);
}

/* LMDB's answer to each kind of seek, from MDB_SET_RANGE. */
int same_seek(MDB_cursor *mc, kv_seek how, crm__slice key, MDB_val *mk, MDB_val *mv)
{
    MDB_val at = {key.n, (void *)(uintptr_t)key.p};
    int rc = mdb_cursor_get(mc, &at, mv, MDB_SET_RANGE), equal;

    *mk = at;
    equal = !rc && at.mv_size == key.n && !memcmp(at.mv_data, key.p, key.n);
    if (how == KV_GE || equal)
        return rc;
    if (how == KV_EXACT)
        return MDB_NOTFOUND;
    return mdb_cursor_get(mc, mk, mv, rc ? MDB_LAST : MDB_PREV);
}

static void random_key(uint64_t *seed, unsigned space, unsigned keys, uint8_t to[KV_KEY_MAX + 1],
                       crm__slice *key)
{
    *key = store_key(space, crmtest_below(seed, keys), to);
    switch (crmtest_below(seed, 4)) {
    case 0:
        to[key->n - 1] = (uint8_t)(to[key->n - 1] + 1 - 2 * crmtest_below(seed, 2));
        break;
    case 1:
        if (key->n < KV_KEY_MAX)
            to[key->n++] = (uint8_t)crmtest_rand(seed);
        break;
    default:
        break;
    }
}

/* Random seeks, each with a few steps after it, and gets. */
void same_moves(MDB_txn *mt, MDB_dbi dbi, kv_txn *txn, kv_space space, uint64_t *seed,
                unsigned keys, unsigned rounds)
{
    uint8_t buf[KV_KEY_MAX + 1];
    MDB_cursor *mc;
    kv_cursor *c;

    OK(mdb_cursor_open(mt, dbi, &mc));
    OK(txn->ops->cursor(txn, space, &c));
    for (unsigned i = 0; i < rounds; i++) {
        kv_seek how = (kv_seek)(KV_GE + (int)crmtest_below(seed, 3));
        crm__slice key, k = NONE, v = NONE;
        MDB_val mk, mv, want;
        int m, rc;
        random_key(seed, space, keys, buf, &key);
        m = same_seek(mc, how, key, &mk, &mv);
        rc = c->ops->seek(c, how, key, &k, &v);
        same_row(m, &mk, &mv, rc, k, v);
        if (rc)
            ck_assert_int_eq(c->ops->next(c, &k, &v), CRM_ENOTFOUND);
        for (uint64_t steps = rc ? 0 : crmtest_below(seed, 12); steps; steps--) {
            int back = (int)crmtest_below(seed, 2);
            m = mdb_cursor_get(mc, &mk, &mv, back ? MDB_PREV : MDB_NEXT);
            rc = back ? c->ops->prev(c, &k, &v) : c->ops->next(c, &k, &v);
            same_row(m, &mk, &mv, rc, k, v);
        }
        want = (MDB_val){key.n, buf};
        m = mdb_get(mt, dbi, &want, &mv);
        rc = txn->ops->get(txn, space, key, &v);
        same_row(m, &want, &mv, rc, key, v);
    }
    mdb_cursor_close(mc);
    c->ops->cursor_close(c);
}

void same_rows(store *s, MDB_txn *mt, kv_txn *txn, uint64_t *seed, unsigned keys, unsigned rounds)
{
    for (unsigned i = 0; i < KV_SPACES && s->dbi[i]; i++) {
        same_scan(mt, s->dbi[i], txn, (kv_space)i);
        same_moves(mt, s->dbi[i], txn, (kv_space)i, seed, keys, rounds);
    }
}
