/* SPDX-License-Identifier: MIT
 * What a transaction that writes asks again and again is kept decoded, as the transaction sees it:
 * sets and blocks of columns, each in a place by its key, brought up to date by the edits since.
 */
#ifndef CRM_DB_AT_HAND_H
#define CRM_DB_AT_HAND_H

#include "db/txn.h"

typedef struct crm__at_hand {
    int on;
    kv_space space;
    uint8_t key[CRM__KEY_TAGGED]; /* the longest of them */
    size_t n;
    uint64_t resets, rollbacks;
    uint32_t seen; /* ops that are in it */
    _Alignas(16) uint8_t what[];
} crm__at_hand;

/* A sort of thing: how it is read, edits included (what is zeros before), and edited. */
typedef struct crm__at_hand_sort {
    size_t size;
    int (*read)(crm_txn *txn, kv_space space, crm__slice key, void *what);
    void (*edit)(const uint64_t *ops, uint32_t count, void *what);
} crm__at_hand_sort;

/* What stands under a key; *place is NULL before its first.  Good until the place is asked for
 * another key.  CRM_OK, CRM_ENOMEM, what read() gives. */
int crm__at_hand_get(crm_txn *txn, crm__at_hand **place, const crm__at_hand_sort *sort,
                     kv_space space, crm__slice key, const void **what);
void crm__at_hand_free(crm_txn *txn, crm__at_hand **places, int n);

#endif
