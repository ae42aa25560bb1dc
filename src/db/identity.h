/* SPDX-License-Identifier: MIT
 * Identity rows: which customers have a value, by field and token.
 *
 * They stand in blocks (codec/ids.h).  The key of a block is its field (u16) and a beginning of the
 * bytes of a row, so that every row in it is at or behind its key and before the key of the next
 * block; of the first block of a field it may be the field alone.  So a row is in the last block
 * whose key is not behind it, or nowhere.
 */
#ifndef CRM_DB_IDENTITY_H
#define CRM_DB_IDENTITY_H

#include "codec/ids.h"
#include "kv/kv.h"

/* ---- reading ---- */

/* A walk over rows as they are stored, in order. */
typedef struct crm__id_walk {
    kv_cursor *cursor; /* the caller's */
    const uint8_t *tag_key;
    crm__ids block;
    uint32_t at; /* in it */
    uint32_t field;
    crm__id_row row;
} crm__id_walk;

/* The first row of the field, or of one behind it, that is not before `row`.  CRM_OK, CRM_ENOTFOUND,
 * CRM_ECORRUPT, engine codes. */
int crm__id_seek(crm__id_walk *w, uint32_t field, const crm__id_row *row);
/* The next one, until the transaction writes. */
int crm__id_next(crm__id_walk *w);
/* 1 if the row it stands at has the token of the key (crm__key_token()). */
int crm__id_walk_has(const crm__id_walk *w, crm__slice token_key);

/* A block's field and rows, its tag verified.  CRM_OK, CRM_ECORRUPT. */
int crm__id_block(const uint8_t *tag_key, crm__slice k, crm__slice v, uint32_t *field,
                  crm__ids *block);

/* ---- writing ---- */

/* The block at hand, changed in memory and written when another is asked for: rows come mostly in
 * order, many to a block. */
typedef struct crm__id_edit {
    kv_txn *txn;
    const uint8_t *tag_key;
    kv_cursor *cursor; /* NULL until a block is asked for */
    crm__buf rows;     /* crm__id_row, in order */
    crm__buf out;
    uint32_t hint;   /* where the last row was looked for */
    uint32_t field;  /* 0: no block is at hand */
    uint8_t stored;  /* under the key lo */
    uint8_t changed;
    uint8_t lo_n, hi_n;
    uint8_t lo[CRM__KEY_IDENTITY]; /* its key */
    uint8_t hi[CRM__KEY_IDENTITY]; /* that of the next one of the field; hi_n is 0: there is none */
} crm__id_edit;

void crm__id_edit_init(crm__id_edit *e, const crm_allocator *mem, kv_txn *txn,
                       const uint8_t *tag_key);
void crm__id_edit_clear(crm__id_edit *e); /* frees; what is not written is lost */
/* Puts a row or takes it away; *was: it was there. CRM_OK, CRM_ENOMEM, CRM_ECORRUPT, engine codes. */
int crm__id_edit_set(crm__id_edit *e, uint32_t field, const crm__id_row *row, int on, uint8_t *was);
/* The first row of the field that is not before `row`: CRM_ENOTFOUND when there is none. */
int crm__id_edit_from(crm__id_edit *e, uint32_t field, const crm__id_row *row, crm__id_row *found);
/* Writes what is at hand: at the end, and before anybody else reads. */
int crm__id_edit_flush(crm__id_edit *e);

#endif
