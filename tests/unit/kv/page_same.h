/* SPDX-License-Identifier: MIT
 * A reader of LMDB's files against LMDB's own cursors, on the same snapshot.
 */
#ifndef PAGE_SAME_H
#define PAGE_SAME_H

#include "page_make.h"

/* Both directions, every row, and the figures. */
void same_scan(MDB_txn *mt, MDB_dbi dbi, kv_txn *txn, kv_space space);
/* Random seeks for keys of store_key() and near them, each with a few steps after it, and gets. */
void same_moves(MDB_txn *mt, MDB_dbi dbi, kv_txn *txn, kv_space space, uint64_t *seed,
                unsigned keys, unsigned rounds);
/* Both, of every space. */
void same_rows(store *s, MDB_txn *mt, kv_txn *txn, uint64_t *seed, unsigned keys, unsigned rounds);
/* LMDB's answer to each kind of seek. */
int same_seek(MDB_cursor *mc, kv_seek how, crm__slice key, MDB_val *mk, MDB_val *mv);
void same_row(int lmdb, const MDB_val *mk, const MDB_val *mv, int rc, crm__slice k, crm__slice v);

#endif
