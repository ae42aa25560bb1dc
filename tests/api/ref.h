/* SPDX-License-Identifier: MIT
 * The reference: a customer database as the public headers describe it, in plain arrays, found by
 * looking at everything.  It shares no code with the library; the oracle compares the two.
 */
#ifndef API_REF_H
#define API_REF_H

#include <crm/crm.h>

enum { REF_FIELDS = 24, REF_VALUES = 80, REF_SAID = 12, REF_FAULTS = 32 };
enum { REF_PERSON = 1, REF_ORGANISATION = 2 };

/* What text values look like, beside their type. */
enum { REF_PLAIN = 0, REF_CODE, REF_SHORT, REF_ODD };

typedef struct ref_field {
    const char *key, *label;
    int type;           /* CRM_TYPE_ */
    uint32_t flags;     /* CRM_FIELD_ */
    int in_identities;  /* declared and printed among the identities */
    int kinds;          /* REF_PERSON | REF_ORGANISATION */
    const char *preset; /* value of a new customer that says nothing; NULL: none */
    int64_t min, max;   /* of numbers, both 0: none */
    uint64_t pool;      /* different values that are made */
    int shape;
    const char *values[4][2]; /* of an enum: key and label */
    const char *region;       /* of a phone: "CN" or "DE" */
    const char *currency;     /* of money: of values that name none */
} ref_field;

typedef struct ref_model {
    const char *name, *yaml;
    size_t count;
    const ref_field *field;
} ref_model;

typedef struct ref_value {
    char text[72];   /* canonical */
    char source[12]; /* per-source identities only */
    char from[16];   /* origin; not part of the value */
    int64_t at;
} ref_value;

typedef struct ref_entry {
    int n;                   /* 0: absent */
    ref_value v[REF_VALUES]; /* those that are stored have room for n only */
} ref_entry;

typedef struct ref_customer {
    int kind, deleted;
    uint64_t revision;
    int64_t created, updated;
    const ref_entry *e[REF_FIELDS]; /* NULL: absent; never changed once made */
} ref_customer;

typedef struct ref_pool ref_pool; /* memory of one run, freed at its end */

typedef struct ref_store {
    const ref_model *m;
    ref_pool *pool;
    uint64_t revision;
    int64_t recorded;
    size_t count, cap; /* ids 1 .. count */
    const ref_customer **c;
} ref_store;

/* A document or record to write, before anybody has judged it. */
enum { REF_SET = 0, REF_UNSET, REF_DELTA };
typedef struct ref_said {
    int field, mode;
    int n, removed; /* of v: n values set or added, then `removed` values to remove */
    ref_value v[REF_SAID];
    int bad; /* values that break the model, beside those of v */
} ref_said;
typedef struct ref_doc {
    int kind;           /* 0: not said */
    const char *source; /* NULL: that of the transaction */
    int count;
    ref_said said[REF_FIELDS];
} ref_doc;

enum { REF_CREATE = 1, REF_REPLACE, REF_PATCH, REF_UPSERT, REF_DELETE, REF_UNDELETE };

typedef struct ref_fault {
    int code;
    const char *field; /* "" when not looked at */
    int64_t row;       /* -1 when not looked at */
} ref_fault;

typedef struct ref_result {
    int count; /* 0: it is done; else any one of these may be reported, and nothing was changed */
    ref_fault fault[REF_FAULTS];
    crm_id id;
    int created;
} ref_result;

ref_pool *ref_pool_new(void);
void ref_pool_free(ref_pool *p);
void *ref_alloc(ref_pool *p, size_t n);

/* An independent copy: later changes of either are not seen by the other. */
ref_store ref_copy(const ref_store *s);
/* One write; recorded: time of the transaction. */
void ref_write(ref_store *s, int how, crm_id id, uint64_t expected, const ref_doc *doc,
               const char *source, int64_t recorded, ref_result *out);
/* Every fault a new customer of this document would have; twice: a field that the document names
 * twice, or -1.  A field that is there but wrong is not told to be missing too. */
void ref_faults(ref_store *s, const ref_doc *doc, int twice, ref_result *out);
const ref_customer *ref_get(const ref_store *s, crm_id id);
/* Live customers with a value; the first cap into ids. */
size_t ref_find(const ref_store *s, int field, const ref_value *v, crm_id *ids, size_t cap);
size_t ref_live(const ref_store *s, int deleted);
/* The document the library is to give; the length. */
size_t ref_json(const ref_store *s, crm_id id, int origins, char *out, size_t cap);
/* Appends a JSON string. */
size_t ref_json_string(char *out, const char *s);
/* RFC 3339 in UTC; out has room for 40. */
void ref_time_text(int64_t us, char *out);

#endif
