/* SPDX-License-Identifier: MIT
 * A YAML document as a tree, and the list of its faults.  Bounds: CRM__MODEL_BYTES of text, 32
 * levels; no anchors, aliases, tags or second document.  Knows nothing of what the keys mean.
 */
#ifndef CRM_MODEL_TREE_H
#define CRM_MODEL_TREE_H

#include "model/model.h"

enum { CRM__NODE_TEXT = 1, CRM__NODE_LIST, CRM__NODE_MAP, CRM__NODE_BAD };
enum { CRM__TREE_DEPTH = 32, CRM__FAULTS = 1000 };

/* A node of kind BAD already has its fault: readers pass over it without another word.
 * The values of a map have their key in `key`; keys are never NULL there and always text. */
typedef struct crm__node {
    uint8_t kind;
    uint8_t plain; /* text without quotes */
    int32_t line, column;
    const char *text; /* NUL-terminated */
    size_t n;         /* text: bytes; list, map: children */
    struct crm__node *key;
    struct crm__node *first, *next;
} crm__node;

/* What one reading of a document holds; `faults` is kept in the order of the document. */
typedef struct crm__load {
    const crm_allocator *mem;
    const char *what; /* the document is, in messages: "model" */
    crm__arena nodes; /* gone when the reading ends */
    crm__buf faults;
    size_t fault_count;
    int nomem; /* out of memory: nothing else counts */
} crm__load;

void crm__load_init(crm__load *l, const crm_allocator *mem);
void crm__load_clear(crm__load *l);

void crm__fault(crm__load *l, const crm__node *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void crm__fault_at(crm__load *l, int32_t line, int32_t column, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Hands every fault to fn (may be NULL), the first also to err.  CRM_OK when there is none,
 * CRM_EMODEL, CRM_ENOMEM. */
int crm__load_report(const crm__load *l, crm_finding_fn fn, void *ctx, crm_error *err);

/* The document's map; NULL when there are faults that leave nothing to read (or no memory). */
crm__node *crm__tree_read(crm__load *l, const char *yaml, size_t n);

/* A word of the document for a message: printable, cut to 63 bytes. */
typedef struct crm__word {
    char s[CRM_FIELD_SIZE];
} crm__word;
crm__word crm__node_word(const crm__node *node);

#endif
