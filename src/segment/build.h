/* SPDX-License-Identifier: MIT
 * The making of a tree, which the text and its JSON form share: nodes within their bounds, names to
 * parts of the model, comparisons checked against the type of what is compared, errors with their
 * place.  Nothing of this is seen outside src/segment.
 */
#ifndef CRM_SEGMENT_BUILD_H
#define CRM_SEGMENT_BUILD_H

#include "segment/tree.h"

struct crm__tree {
    uint32_t refs;
    crm_allocator own;
    const crm_allocator *mem; /* own, or NULL */
    crm__arena arena;
    crm__model *model;
    const crm__node *root;
};

/* A member or item of the JSON form that is being read; its place is told by the way to it. */
typedef struct crm__step {
    const struct crm__step *up;
    const char *key; /* NULL: an item of a list */
    size_t index;
} crm__step;

typedef struct crm__build {
    crm__tree *tree;
    crm__model *model;
    const crm__zone *zone;
    crm_error *err;
    uint32_t nodes;
    int json;
    int grouping; /* a name may also be one that numbers are grouped by */
    const char *about;     /* first word of messages; NULL: segment */
    const crm__step *path; /* JSON: where it is, NULL at the top */
} crm__build;

/* A value or name as written; at: its byte in the text. */
typedef struct crm__operand {
    crm__slice text;
    size_t at;
} crm__operand;

/* What is compared. */
typedef struct crm__subject {
    crm__builtin builtin;
    const crm__field *field; /* of the model; NULL: a builtin, the source, an aggregate's number */
    crm__field rule;         /* by which values are read: type and words without bounds */
    unsigned ops;            /* mask of 1 << CRM__CMP_* that go with it */
} crm__subject;

typedef struct crm__comparison {
    uint8_t cmp, negated;
    crm__node_values values;
    crm__window window;
} crm__comparison;

int crm__build_open(crm__build *b, const crm_allocator *mem, crm__model *m, const crm__zone *zone,
                    crm_error *err);
/* Gives the tree of n bytes out, or frees it when rc is an error or its canonical text would be too
 * long to be read again.  Returns the result. */
int crm__build_close(crm__build *b, int rc, const crm__node *root, size_t n, crm__tree **out);

/* ---- errors ---- */

/* An error at a byte of the text, or at the present place of the JSON form; returns code. */
int crm__build_fail(crm__build *b, int code, size_t at, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Adds the place to an error that a function of the model has written. */
int crm__build_place(crm__build *b, int code, size_t at);
int crm__build_nomem(crm__build *b);

/* The keyword that a name is nearly, of those that begin a window, and of units from a day on; NULL:
 * none (lex.c). */
const char *crm__near_window(crm__slice s);
const char *crm__near_unit(crm__slice s);

/* ---- pieces of the canonical text ---- */

void crm__print_window(crm__buf *out, const crm__window *w);
/* With the parentheses. */
void crm__print_spec(crm__buf *out, const crm__event_spec *spec, const crm__field *attribute);

/* ---- nodes ---- */

/* An empty node; NULL, with an error, when there are too many or no memory. */
crm__node *crm__build_node(crm__build *b, crm__node_op op, size_t at, size_t end);
/* AND or OR of children, one alone being itself, those of the same kind opened; NOT of one child,
 * or what that denies.  *out. */
int crm__build_group(crm__build *b, crm__node_op op, const crm__node *const *children, size_t n,
                     size_t at, size_t end, const crm__node **out);
void *crm__build_copy(crm__build *b, const void *p, size_t n);

/* ---- names ---- */

int crm__build_field(crm__build *b, const crm__operand *name, crm__subject *s);
int crm__build_kind(crm__build *b, const crm__operand *name, const crm__event_kind **out);
int crm__build_attribute(crm__build *b, const crm__event_kind *kind, const crm__operand *name,
                         const crm__field **out);
/* An attribute or the source; kind NULL: of every kind. */
int crm__build_test_subject(crm__build *b, const crm__event_kind *kind, const crm__operand *name,
                            crm__subject *s);
/* Of an aggregate; its attribute must fit (NULL where it has none). */
int crm__build_aggregate(crm__build *b, crm__aggregate aggregate, const crm__field *attribute,
                         size_t at, crm__subject *s);
const char *crm__aggregate_name(crm__aggregate aggregate);
int crm__build_tag(crm__build *b, const crm__operand *dimension, const crm__operand *path,
                   crm__tag_name *out); /* path NULL: any */
int crm__build_segment(crm__build *b, const crm__operand *name, crm__slice *out);
/* Puts tests into their canonical order: attributes as in the model, the source last. */
int crm__build_tests(crm__build *b, crm__event_test *tests, size_t n, size_t at,
                     crm__event_spec *spec);

/* ---- comparisons ---- */

/* The written form, "starts with"; the word for a negated one is in the language's grammar. */
const char *crm__compare_name(uint8_t cmp);
/* EQ to CONTAINS with its operands; of dates and instants it may become a window. */
int crm__build_compare(crm__build *b, const crm__subject *s, uint8_t cmp, int negated,
                       const crm__operand *operands, size_t n, size_t at, crm__comparison *out);
/* WINDOW or ANNIVERSARY. */
int crm__build_in_window(crm__build *b, const crm__subject *s, uint8_t cmp, int negated,
                         const crm__window *w, size_t at, crm__comparison *out);

/* ---- windows ---- */

int crm__build_count(crm__build *b, const crm__operand *number, uint32_t *out);
int crm__build_point(crm__build *b, const crm__operand *text, crm__point *out);
/* The second point of a window of two must not be before the first. */
int crm__build_between(crm__build *b, const crm__operand *from, const crm__operand *until,
                       crm__window *out);
int crm__build_on(crm__build *b, const crm__operand *date, crm__window *out);
/* The year, month or day behind a date (packed, precise as it); 0: behind year 9999. */
int32_t crm__date_after(int32_t date);

#endif
