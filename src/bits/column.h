/* SPDX-License-Identifier: MIT
 * A column block: the numbers that 960 neighbouring rows have in one field, at most one each.
 *
 * Stored (little-endian):
 *   u8 format = 1, u8 width of a code (0, 1, 2, 4, 8 bytes), i8 scale (-6 to 12), u8 flags,
 *   u16 rows with a number - 1, i64 least, u64 greatest - least, then (width not 0) the code of
 *   each row: number - least at the block's scale; the greatest code there is says that the row
 *   has none here.  Width 0: all rows have the one number `least`.
 *   [flag 1: u16 wide numbers - 1, then each, ascending by row: u16 row, i8 scale, i64 number]
 * A number at scale s is number / 10^s.  The block's scale is the smallest at which all of its
 * numbers are whole, so that instants in microseconds that are whole seconds take what seconds
 * take.  Wide numbers are those that do not fit int64 at that scale, or are too far from the least
 * for a code; they stand there as they are, so that cells and bytes tell the same: a block is the
 * same whatever road its cells came by.
 * 960 rows of 4 bytes fill a page with the head and the check tag, of 2 bytes half of a leaf.  The
 * last block of a chunk has 256 rows; its other codes say that there is none.
 * Codes are as wide as whole bytes, so that they are compared where they lie.  A block in which no
 * row has anything is not stored.  Values may be only 2-byte aligned and their bytes are untrusted:
 * sizes are verified once, by open, and no content can lead outside the block.
 */
#ifndef CRM_BITS_COLUMN_H
#define CRM_BITS_COLUMN_H

#include "base/mem.h"
#include "bits/limits.h"

/* Block b of a chunk: rows from b * CRM__COLUMN_ROWS on, word b * CRM__COLUMN_WORDS of its set. */
enum { CRM__COLUMN_ROWS = 960, CRM__COLUMN_WORDS = 15, CRM__COLUMN_BLOCKS = 69 };
enum { CRM__COLUMN_LAST_ROWS = 256, CRM__COLUMN_LAST_WORDS = 4 }; /* of the last block */
/* What a row has. */
enum { CRM__CELL_NONE = 0, CRM__CELL_NUMBER = 1 };

/* Points into the block. */
typedef struct crm__column {
    uint8_t width;
    int8_t scale;
    uint32_t rows, wide; /* rows with a number, those with a wide one among them */
    int64_t min, max;    /* of those that are not wide */
    const uint8_t *p;    /* the codes */
    const uint8_t *wide_bytes;
} crm__column;

/* One row's cell outside a block.  The scale is that of the decimal as written, CRM__SCALE_LEAST to
 * CRM__SCALE_MOST (0 for all others); what is equal in value gives the same block. */
typedef struct crm__column_cell {
    uint8_t state;
    int8_t scale;
    int64_t number;
} crm__column_cell;

/* CRM_OK or CRM_ECORRUPT. */
int crm__column_open(crm__slice block, crm__column *c);
/* Of one row, 0 to 959. */
void crm__column_get(const crm__column *c, uint32_t row, crm__column_cell *cell);
/* words = rows whose number the limits take, exactly, whatever its scale. */
void crm__column_range(const crm__column *c, const crm__limits *l,
                       uint64_t words[CRM__COLUMN_WORDS]);
/* Of a column without wide numbers: takes out of words, the n first of the block, the rows whose
 * number is not one from lo to hi at its scale.  Few candidates are looked at one by one. */
void crm__column_within(const crm__column *c, int64_t lo, int64_t hi, uint64_t *words, int n);
/* Asks for the memory that it reads for such candidates. */
void crm__column_ask(const crm__column *c, const uint64_t *words, int n);
/* The same with a list of n rows, the first of the block being `first`, all in the block: those
 * whose number is one from lo to hi go to `to`, which may be where they stand.  How many. */
uint32_t crm__column_keep_rows(const crm__column *c, int64_t lo, int64_t hi, uint32_t first,
                               const uint16_t *rows, uint32_t n, uint16_t *to);
/* words = rows with a number. */
void crm__column_present(const crm__column *c, uint64_t words[CRM__COLUMN_WORDS]);
/* Numbers of all rows at the block's scale; of those that have none, or a wide one, anything. */
void crm__column_numbers(const crm__column *c, int64_t numbers[CRM__COLUMN_ROWS]);
/* words = rows with a wide number: crm__column_get() tells it. */
void crm__column_wide(const crm__column *c, uint64_t words[CRM__COLUMN_WORDS]);

/* Making: all cells of a block, and back.  Scales of cells may change, numbers do not. */
void crm__column_cells(const crm__column *c, crm__column_cell cells[CRM__COLUMN_ROWS]);
/* Appends the stored form; nothing when no row has anything. */
void crm__column_store(const crm__column_cell cells[CRM__COLUMN_ROWS], crm__buf *out);
/* Appends a block with another cell in one row: what cells and store would append, in a fraction of
 * the time.  0: this takes cells and store (codes change their width, meaning or scale, wide
 * numbers, bytes that are no block, no memory). */
int crm__column_patch(crm__slice block, uint32_t row, const crm__column_cell *cell, crm__buf *out);

#endif
