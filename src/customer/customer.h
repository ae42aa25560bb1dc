/* SPDX-License-Identifier: MIT
 * A crm_customer inside the library: the one struct that both doors fill and every write reads.
 */
#ifndef CRM_CUSTOMER_CUSTOMER_H
#define CRM_CUSTOMER_CUSTOMER_H

#include "codec/json.h"
#include "codec/record.h"
#include "db/derive.h"
#include "db/model.h"
#include "db/txn.h"

#include <crm/customer.h>

/* crm_txn.write while a document is only validated. */
enum { CRM__LOOKING = 2 };

/* What a write does with an entry. */
enum { CRM__SET = 0, CRM__UNSET, CRM__ADD, CRM__REMOVE };

/* Items of per-source identities name their source by dictionary number once stored.  In a record
 * that is being filled, or was read in a write transaction (whose numbers may be rolled back and
 * given again), the number is 0, followed by varint length and name of the source. */
typedef struct crm__item {
    uint32_t source;  /* 0: by name, or not per source */
    crm__slice name;  /* of the source, when by name */
    crm__slice value; /* the rest: the value itself */
} crm__item;
int crm__item_split(crm__slice item, int scoped, crm__item *out);
/* The field by which the model shows an entry: it has it, with the entry's type.  NULL: none. */
const crm__field *crm__entry_shown(const crm__model *m, const crm__entry *e);

/* Fields from the first on whose entries are had without a search. */
enum { CRM__PLACES = 64 };

struct crm_customer {
    crm_allocator mem;
    crm__model *model;
    uint8_t store[16]; /* id of the database that numbers of sources belong to */
    crm_id id;
    int kind_set;
    crm__record rec; /* payloads in raw or arena; modes SET and UNSET */
    uint8_t
        place[CRM__PLACES]; /* when `placed`, of the entry of field first + i: 1 more, 0: none */
    uint32_t first;
    int placed;        /* not once an entry was put */
    crm__entry *extra; /* modes ADD and REMOVE, payloads are lists; in order of fields */
    uint32_t extra_count, extra_cap;
    const char *source;      /* of this document, NULL: the transaction's; in arena */
    uint64_t expected;       /* member "revision" of a document, 0: none */
    const crm__json *events; /* member "events", in document; NULL: none */
    const crm__json *tags;   /* member "tags", in document; NULL: none */
    crm__json *document;     /* what was parsed, kept while events or tags are in it */
    crm__buf raw, text;
    crm__arena arena;
    const crm__zone
        *zone; /* for datetimes without offset: of the transaction, or own_zone; NULL: UTC */
    crm__zone *own_zone;
};

/* Faults: the first ends the work, or all are written down as JSON, up to a number of them. */
enum { CRM__CUSTOMER_FAULTS = 1000 };
typedef struct crm__customer_faults {
    crm_error *err;
    crm__buf *all; /* NULL: end at the first */
    uint32_t count;
} crm__customer_faults;
/* rc and faults->err hold a fault: returns rc, or CRM_OK when it was written down; CRM_DONE from
 * the last one on that is written down, to end the work. */
int crm__customer_fault(crm__customer_faults *faults, int rc);

int crm__customer_make(const crm_allocator *mem, crm__model *m, crm_customer **out);
void crm__customer_model(crm_customer *c, crm__model *m); /* follows another model */
/* Field of the record's model for a public field; checks both. */
int crm__customer_field(const crm_customer *c, const crm_field *field, const crm__field **out,
                        crm_error *err);
/* Of a record just read: where its entries are. */
void crm__customer_place(crm_customer *c);
/* Puts a payload (copied) for a field with a mode. */
int crm__customer_put(crm_customer *c, const crm__field *f, uint8_t mode, crm__slice payload,
                      crm_error *err);
/* Parses one text value and appends it to `items` (list fields) or replaces it. */
int crm__item_parse(crm_customer *c, const crm__field *f, const char *source, size_t source_n,
                    const char *text, size_t n, crm__buf *out, crm_error *err);
/* Appends an item to a list payload unless it is in it. */
void crm__items_add(crm__buf *list, crm__slice item);
int crm__items_has(crm__slice list, crm__slice item);
/* The fault of a list with more than CRM__LIST_ITEMS values; f may be NULL. */
int crm__list_too_long(const crm__field *f, crm_error *err);
/* The values of an entry as JSON: an array for a list.  f may be NULL or of another type.  text is
 * for work. */
int crm__values_json(const crm__field *f, const crm__entry *e, crm__buf *text, crm__buf *out);
/* Fills c with the bytes of a record of an id. */
int crm__customer_load(crm_txn *txn, crm_id id, crm__slice bytes, crm_customer *c, crm_error *err);
/* Reads the stored record of an id into c. */
int crm__customer_read(crm_txn *txn, crm_id id, crm_customer *c, crm_error *err);
/* The same for ids in ascending order: crm__txn_read_on(). */
int crm__customer_read_on(crm_txn *txn, crm_id id, int *on, crm_customer *c, crm_error *err);

/* Sources of per-source values by name: what a record needs that outlives a write transaction. */
int crm__customer_name_sources(crm_txn *txn, crm_customer *c, crm_error *err);

/* Fills c from a document.  CRM_DONE: there is no record to go on with, and why is written down. */
int crm__document_read(crm_txn *txn, const char *json, size_t n, crm_customer *c,
                       crm__customer_faults *faults);
/* Whether crm_customer_patch_json() can read a document: no customer is looked at. */
int crm__customer_try_json(crm_txn *txn, const char *json, crm_error *err);
/* The member "tags", in the same way.  tags.c. */
int crm__document_tags(crm_txn *txn, const crm_customer *c, const crm__json *v,
                       crm__customer_faults *faults);
int crm__customer_add_tags(crm_txn *txn, const crm__model *m, crm_id id, const crm_customer *c,
                           int created, crm_error *err);
int crm__customer_write_tags(crm_txn *txn, const crm_customer *c, crm__buf *out, crm_error *err);
/* One item of them. */
void crm__customer_put_tag(crm__buf *out, crm__slice tag, int64_t until);
/* The member "events": checked, with the faults; added to the customer; written, with `between`
 * before each.  events.c. */
int crm__document_events(crm_txn *txn, const crm_customer *c, const crm__json *list,
                         crm__customer_faults *faults);
int crm__customer_add_events(crm_txn *txn, const crm__model *m, crm_id id, const crm_customer *c,
                             crm_error *err);
int crm__customer_write_events(crm_txn *txn, const crm_customer *c, const char *between,
                               crm__buf *out, crm_error *err);
/* Writes c as a document. */
int crm__document_write(crm_txn *txn, const crm_customer *c, uint32_t flags, crm__buf *out,
                        crm_error *err);

/* A record for a write under model m: c itself when it follows that model, else a copy (*own, to be
 * freed with crm_customer_free()) whose fields are found by key and whose values are checked anew.
 */
int crm__customer_rebind(crm_txn *txn, const crm__model *m, const crm_customer *c,
                         const crm_customer **use, crm_customer **own, crm_error *err);

/* The verbs that undo is made of, inside a public write.  restore: the record is what it was at an
 * earlier time; its payloads and those it has now may not lie in txn->work. */
int crm__customer_set_deleted(crm_txn *txn, const crm__model *m, crm_id id, uint64_t expected,
                              int deleted, crm_error *err);
int crm__customer_restore(crm_txn *txn, const crm__model *m, crm_id id, const crm__record *was,
                          crm_error *err);
/* Unique values of what was restored, once all of it is: of the fields of a mask, or of all when it
 * had been deleted. */
int crm__customer_restored(crm_txn *txn, const crm__model *m, crm_id id, crm__slice mask, int all,
                           crm_error *err);

/* Customers that a record's identities belong to, as an upsert finds them: *count of none, one, or
 * more than one (CRM_EAMBIGUOUS, found holds two).  CRM_EVALUE: the record has no identity. */
int crm__customer_match(crm_txn *txn, const crm__model *m, const crm_customer *c, crm_id found[2],
                        size_t *count, crm_error *err);

/* How a write combines a record with what is there. */
enum { CRM__CREATE = 1, CRM__REPLACE, CRM__PATCH, CRM__UPSERT, CRM__UNDELETE };
/* Computes the record after a write into *after (payloads in txn->work, c or before) and checks it
 * against the model: kinds, required, references, unique.  before is NULL for a new customer.
 * changed receives the numbers of fields that differ. */
int crm__customer_merge(crm_txn *txn, const crm__model *m, int how, crm_id id,
                        const crm__record *before, const crm_customer *c, crm__record *after,
                        crm__buf *changed, crm__customer_faults *faults);
/* All that is wrong with a new customer of a document, or, json being NULL, of what c holds: to
 * faults->all as a JSON array. */
int crm__customer_judge(crm_txn *txn, const crm__model *m, crm_customer *c, const char *json,
                        size_t n, crm__customer_faults *faults);
/* Checks again that unique values among the changed fields of a record are nobody else's. */
int crm__customer_recheck(crm_txn *txn, const crm__model *m, crm_id id, const crm__record *before,
                          crm__record *after, crm__buf *changed, crm_error *err);

#endif
