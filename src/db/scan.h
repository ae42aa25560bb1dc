/* SPDX-License-Identifier: MIT
 * Rows of a space in order of their keys, as the transaction sees them: what is stored and the
 * edits that wait above it, as one.  Check tags are verified.  For spaces of rows (not bits, not
 * identity).
 *
 * A scan lives inside one call of the host: it must be closed before that returns.  The transaction
 * may write between steps; keys and payloads given before are then no longer good.
 */
#ifndef CRM_DB_SCAN_H
#define CRM_DB_SCAN_H

#include "db/txn.h"

typedef struct crm__scan {
    crm_txn *txn;
    kv_space space;
    kv_cursor *cursor; /* NULL until the first seek */
    int back;          /* direction of the last step */
    int stored;        /* the cursor stands at a row: k and v */
    int given;         /* which is the last one given; else it comes behind that */
    crm__slice k, v;
    crm__slice edit; /* payload of the last row given, when it waits in the edits */
    uint64_t resets; /* of the edits when the cursor was placed */
    size_t key_n;
    uint8_t key[KV_KEY_MAX]; /* of the last row given, in a write transaction */
} crm__scan;

void crm__scan_open(crm_txn *txn, kv_space space, crm__scan *s);
void crm__scan_close(crm__scan *s);
/* The first row at or after key (KV_GE), or the last at or before it (KV_LE).  CRM_OK,
 * CRM_ENOTFOUND when there is none, CRM_ECORRUPT for a row that fails its check tag (*k is set:
 * next and prev go on behind it), CRM_ENOMEM, engine codes.  payload may be NULL: then no tag is
 * verified. */
int crm__scan_seek(crm__scan *s, kv_seek how, crm__slice key, crm__slice *k, crm__slice *payload);
/* The row behind, or before, the last one given.  The same results; only after one of CRM_OK or
 * CRM_ECORRUPT. */
int crm__scan_next(crm__scan *s, crm__slice *k, crm__slice *payload);
int crm__scan_prev(crm__scan *s, crm__slice *k, crm__slice *payload);
/* Payload of the row that was given last, without a write since.  CRM_OK or CRM_ECORRUPT. */
int crm__scan_payload(const crm__scan *s, crm__slice *payload);

#endif
