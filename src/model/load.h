/* SPDX-License-Identifier: MIT
 * Inside of the model module: the compiled model's struct and the passes that make one from the
 * nodes of a document.
 */
#ifndef CRM_MODEL_LOAD_H
#define CRM_MODEL_LOAD_H

#include "model/member.h"
#include "model/names.h"
#include "model/tree.h"

enum { CRM__MODEL_LABELS = 32768, CRM__LABEL_CHARACTERS = 100 };

/* What a described field is. */
enum { CRM__ROLE_FIELD, CRM__ROLE_IDENTITY, CRM__ROLE_ATTRIBUTE, CRM__ROLES };

/* The default of an enum field waits for the numbers of its values. */
typedef struct crm__enum_default {
    uint32_t *positions;
    size_t count;
} crm__enum_default;

struct crm__model {
    crm_allocator own;        /* copy of the caller's */
    const crm_allocator *mem; /* &own, or NULL for libc's */
    crm__arena arena;         /* all below but text and patterns */
    uint32_t refs;
    uint32_t version;
    int bound;
    char *text;
    size_t n;
    const char *name; /* "" */
    char region[3], currency[4];
    crm__field *fields;
    crm__enum_default *enum_defaults; /* beside fields */
    size_t count;
    crm__names names;
    crm__numbers numbers;
    crm__names kind_names; /* owners are the stored numbers of kinds */
    crm__event_kind *events;
    size_t event_count;
    crm__names event_names;
    crm__numbers event_numbers;
    crm__dimension *dimensions;
    size_t dimension_count;
    crm__names dimension_names;
    crm__model_segment *segments;
    size_t segment_count;
    crm__names segment_names;
    const crm__label *kind_labels[CRM__KIND_ORGANISATION + 1];
    uint32_t kind_label_count[CRM__KIND_ORGANISATION + 1];
};

/* A name that waits for its name space. */
typedef struct crm__entry {
    const char *s;
    size_t n;
    uint32_t owner;
    int is_key;
    int32_t line, column;
} crm__entry;

/* A model in the making. */
typedef struct crm__draft {
    crm__load load;
    crm__model *m;
    crm__buf entries; /* crm__entry: of fields */
    size_t labels;    /* in the whole document */
} crm__draft;

/* ---- labels.c ---- */

/* Reads a label (text, list of texts, or map of languages); what it belongs to is `of`. */
void crm__labels_read(crm__draft *d, const crm__node *node, const char *of, uint32_t owner,
                      crm__buf *entries, const crm__label **labels, uint32_t *count);
void crm__entry_add(crm__draft *d, crm__buf *entries, const crm__node *at, const char *s, size_t n,
                    uint32_t owner, int is_key);
/* Makes the table of a name space: reserved words (may be NULL), keys, then labels; each clash is a
 * fault. */
void crm__space_build(crm__draft *d, const crm__buf *entries, const crm__own_words *reserved,
                      crm__names *out);

/* ---- field.c ---- */

/* A field to be read; of attributes, `event` is the key of their kind.  Labels go to `entries`,
 * whose owner is `position`. */
typedef struct crm__field_place {
    int role;
    const crm__node *event; /* NULL: none */
    uint32_t position;
    crm__buf *entries;
} crm__field_place;
/* Reads one field, identity or attribute into f, and its key into the name space. */
void crm__field_read(crm__draft *d, const crm__node *node, const crm__field_place *place,
                     crm__field *f, crm__enum_default *enum_default);
/* 1 when a key is [a-z][a-z0-9_]{0,62}; else a fault was added. */
int crm__key_check(crm__draft *d, const crm__node *key, const char *what);

/* ---- event.c ---- */

/* Reads the map of event kinds; node may be NULL. */
void crm__events_read(crm__draft *d, const crm__node *node);

/* ---- dimension.c ---- */

/* Reads the map of dimensions of tags; node may be NULL. */
void crm__dimensions_read(crm__draft *d, const crm__node *node);

/* ---- segment.c ---- */

/* Reads the map of segments; node may be NULL.  Judged are they behind all else, when that has no
 * faults; yaml: the document. */
void crm__segments_read(crm__draft *d, const crm__node *node);
void crm__segments_judge(crm__draft *d, const crm__node *node, const char *yaml, size_t n);

/* ---- rules.c ---- */

/* Last day of a date that may be partial: as an upper bound, 2020 reaches to 2020-12-31. */
int64_t crm__date_end(int64_t packed);

/* Bounds, pattern, region, currency and default of a field whose type stands; nodes may be NULL. */
typedef struct crm__rule_nodes {
    const crm__node *min, *max, *pattern, *region, *currency, *preset;
} crm__rule_nodes;
void crm__rules_read(crm__draft *d, const crm__rule_nodes *nodes, const char *of, crm__field *f,
                     crm__enum_default *enum_default);

/* ---- helpers of the readers, in load.c ---- */

/* The text of a node; NULL, with a fault, when it is no text or empty.  `what` is e.g. "max". */
const char *crm__node_text(crm__draft *d, const crm__node *node, const char *what, const char *of);
/* A copy that lives as long as the model; NULL without memory. */
const char *crm__keep(crm__draft *d, const char *s, size_t n);
void *crm__keep_array(crm__draft *d, size_t count, size_t size); /* zeroed */
/* "; did you mean X?" or "; there are A, B, C". */
void crm__hint(char out[CRM_MESSAGE_SIZE], const crm__node *word, const char *const *list,
               size_t count);

#endif
