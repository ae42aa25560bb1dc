/* SPDX-License-Identifier: MIT
 * An order of customers: by up to four fields, then by id.  Customers without a value come last,
 * whatever the direction.
 */
#ifndef CRM_SEGMENT_ORDER_H
#define CRM_SEGMENT_ORDER_H

#include "segment/step.h"

enum { CRM__ORDER_KEYS = 4 };

/* What a customer has under one key. */
typedef struct crm__order_value {
    uint8_t has;
    uint8_t begun;   /* of a text only the beginning is known */
    crm__slice text; /* of texts */
    __int128 number; /* with 12 digits behind the point; of a text its beginning, crm__index_prefix() */
} crm__order_value;

/* The block of a column that was looked at last. */
typedef struct crm__order_block {
    crm__column column;
    crm__column_walk walk;
    crm__buf room;
    uint64_t chunk;
    uint32_t block;
    uint8_t known, absent; /* absent: no row of it has anything */
} crm__order_block;

typedef struct crm__order_by {
    uint8_t descending, text;
    crm__builtin builtin;
    const crm__field *field;
    crm__order_block at;
} crm__order_by;

typedef struct crm__order_list {
    uint32_t count;
    crm__order_by by[CRM__ORDER_KEYS];
    /* Of the second key, blocks that were found at once. */
    uint8_t has_found;
    uint64_t found_chunk;
    crm__column_found found;
} crm__order_list;

/* A customer in the order: values are loaded one key after another, as they are needed. */
typedef struct crm__order_entry {
    crm_id id;
    uint32_t loaded;
    crm__order_value *values; /* as many as the order has keys */
} crm__order_entry;

/* Reads `score desc, name`.  NULL: by id.  CRM_EVALUE, CRM_EFIELD.  Ended by crm__order_end(). */
int crm__order_read(const crm_allocator *mem, const crm__model *m, const char *text,
                    crm__order_list *o, crm_error *err);
/* Loads the key at e->loaded; texts go into the arena. */
int crm__order_load(crm__run *r, crm__order_list *o, crm__arena *a, crm__order_entry *e);
/* Loads the whole of all keys. */
int crm__order_load_all(crm__run *r, crm__order_list *o, crm__arena *a, crm__order_entry *e);
/* What the first key says of those that come before an entry, for the run to take out the others;
 * some may stay. */
void crm__order_cut(const crm__order_list *o, const crm__order_entry *last, crm__run *r);
/* Takes rows of the run's chunk, which passed with that cut, out of its words where they are as good
 * as the entry by the first key and come behind it by the second; some may stay. */
int crm__order_cut_chunk(crm__run *r, crm__order_list *o, const crm__order_entry *last,
                         uint64_t *words);
/* Whether all rows that are left of a block of the chunk have, by the first key, what the entry has
 * that the cut was made of. */
int crm__order_at_end(const crm__run *r, const crm__order_list *o, uint32_t block);
/* Takes rows of one block of a chunk out of its words that come behind an entry by their first two
 * keys; some may stay. */
int crm__order_cut_block(crm__run *r, crm__order_list *o, crm__order_entry *last, uint64_t chunk,
                         uint32_t block, uint64_t *words, int n);
/* Takes rows of the run's chunk out of its words that come, by the first key, behind `most` others of
 * them; some may stay. */
int crm__order_trim(crm__run *r, crm__order_list *o, uint64_t most, uint64_t *words);
/* Around the loading of many, without a write between; columns are then walked. */
int crm__order_walk(crm__run *r, crm__order_list *o);
void crm__order_walked(crm__order_list *o);
/* What was looked at may have changed. */
void crm__order_forget(crm__order_list *o);
void crm__order_end(crm__order_list *o);
/* Below 0 when a comes first; keys that both need and one has not are loaded.  *rc: CRM_OK or a
 * failure of that. */
int crm__order_compare(crm__run *r, crm__order_list *o, crm__arena *a, crm__order_entry *x,
                       crm__order_entry *y, int *rc);

/* What crm__order_compare() would give, if numbers that are loaded tell it. */
static inline int crm__order_told(const crm__order_list *o, const crm__order_entry *x,
                                  const crm__order_entry *y, int *c)
{
    for (uint32_t i = 0; i < o->count; i++) {
        const crm__order_by *by = &o->by[i];
        const crm__order_value *v = &x->values[i], *w = &y->values[i];
        if (x->loaded <= i || y->loaded <= i || !v->has || !w->has)
            return 0;
        if (v->number != w->number) {
            *c = (v->number < w->number) == by->descending ? 1 : -1;
            return 1;
        }
        if (by->text)
            return 0;
    }
    return 0;
}

/* The resume key of an entry, all its keys loaded: for each key `-`, `n` and the number in
 * hexadecimal, or `t` and the text's bytes in hexadecimal, then `i` and the id, with `,` between.
 */
void crm__order_key(const crm__order_list *o, const crm__order_entry *e, crm__buf *out);
/* The entry that a resume key stands for.  CRM_EVALUE, CRM_ENOMEM. */
int crm__order_after(const crm__order_list *o, const char *key, crm__arena *a, crm__order_entry *e,
                     crm_error *err);

#endif
