/* SPDX-License-Identifier: MIT
 * Rows that wait: customers whose text under `index: contains` changed, and whose pieces are not
 * yet in the sets as the text says.
 *
 * A text has dozens of pieces, each of them a set of up to 65,536 rows that is rewritten whole for
 * one bit.  So a commit that changes a few texts of a chunk writes the pieces of each beside the
 * sets, in one small row, and then goes on with the *round*: from where it stands it takes piece
 * after piece, in order of their numbers, and makes the bits of all rows that wait what their rows
 * say, for so many bytes a row that was put; those in which the next set does not fit are saved for
 * the next commit.  A row waits until the round has come back to where it stood when the row was
 * put: then all of its bits are right.
 *
 *   key u32 all ones, 9, field u16, chunk u32, u16 the piece at which the round stands
 *       u8 form = 1, u16 bytes saved
 *   key u32 all ones, 9, field u16, chunk u32, u16 the piece at which it stood, row u16
 *       u8 form, then of form 1, none to 255 pieces: the number of each, u16, ascending
 *                     of form 2: 512 bytes, piece n is bit n % 8 of byte n / 8
 *
 * So what a commit writes of it stands side by side: the row that was put, where the round stands,
 * and behind it the rows it comes to next, which then go.
 *
 * Of a row that waits, bits of the sets say nothing where the round has not come yet: whoever asks
 * takes the rows that wait by their pieces here, beside those that the sets give, and then the text
 * itself.  A customer that is deleted, or has no piece of a text any more, waits with none.
 */
#ifndef CRM_DB_WAITING_H
#define CRM_DB_WAITING_H

#include "codec/key.h"
#include "db/edits.h"
#include "db/gram.h"
#include "kv/kv.h"

enum { CRM__WAITING_LIST = 1, CRM__WAITING_BITMAP = 2 };
enum { CRM__WAITING_LIST_MOST = 255, CRM__WAITING_ROUND = 3 };
/* Bytes saved at most: enough for any set. */
enum { CRM__WAITING_SAVED = 24 << 10 };

/* What becomes of a row. */
enum { CRM__WAITS_STAYS = 0, CRM__WAITS_PUT, CRM__WAITS_ENDS };

typedef struct crm__waiting_row {
    uint16_t row, since, was; /* since: where the round stood; was: by the key it is stored under */
    uint8_t stored, to;       /* to: CRM__WAITS_* */
    uint64_t has[CRM__GRAM_WORDS];
} crm__waiting_row;

/* The rows of one chunk and field. */
typedef struct crm__waiting {
    const crm_allocator *mem;
    uint32_t chunk, field;
    int stored;    /* it is known where the round stands */
    uint16_t next; /* there */
    uint16_t saved; /* bytes that the round has not used yet */
    crm__waiting_row *rows;
    uint32_t count, cap;
} crm__waiting;

static inline int crm__grams_have(const uint64_t *has, uint32_t gram)
{
    return (int)(has[gram / 64] >> gram % 64 & 1);
}

void crm__waiting_init(crm__waiting *w, const crm_allocator *mem, uint32_t chunk, uint32_t field);
void crm__waiting_clear(crm__waiting *w); /* frees */
/* Reads them.  CRM_OK, also when there are none; CRM_ECORRUPT, CRM_ENOMEM, engine codes. */
int crm__waiting_read(crm__waiting *w, kv_txn *txn);
/* One row more; NULL: no memory. */
crm__waiting_row *crm__waiting_add(crm__waiting *w, uint32_t row);
/* The one of a row, looked for among all; NULL: it does not wait. */
crm__waiting_row *crm__waiting_of(const crm__waiting *w, uint32_t row);

/* Pieces of a row that waits, from its payload.  1: it is one, in its one form. */
int crm__waiting_decode(crm__slice payload, uint64_t has[CRM__GRAM_WORDS]);
void crm__waiting_encode(const crm__waiting_row *r, crm__buf *out);
/* Parts of the key of a row that waits, or of where the round stands (row < 0); 0: it is another
 * one. */
typedef struct crm__waiting_place {
    uint32_t field, chunk, place;
    int32_t row;
} crm__waiting_place;
int crm__waiting_key(crm__slice key, crm__waiting_place *p);
/* Bytes saved, of the payload where the round stands; -1: it is none. */
int32_t crm__waiting_saved(crm__slice payload);

/* Makes the bits of all these rows what they say, from piece `from` to before `until`, as far as
 * *bytes, which are counted down, are enough.  *until: how far it came. */
int crm__waiting_fold(const crm__waiting *w, crm__waiting_row *const *rows, uint32_t count,
                      kv_txn *txn, const uint8_t *tag_key, uint32_t from, uint32_t *until,
                      int64_t *bytes);

/* The edits of one field's pieces in a chunk, by ascending keys, written to the engine: to the sets
 * or beside them.  CRM_OK, CRM_ENOMEM, CRM_ECORRUPT, engine codes. */
typedef struct crm__gram_edit {
    uint32_t gram;
    const uint64_t *ops;
    uint32_t count;
} crm__gram_edit;
int crm__waiting_apply(const crm_allocator *mem, kv_txn *txn, const uint8_t *tag_key, int may_wait,
                       uint32_t chunk, uint32_t field, const crm__gram_edit *edits, uint32_t n,
                       crm__buf *scratch);

#endif
