/* SPDX-License-Identifier: MIT
 * The tree of a segment: what the text and its JSON form are read into, what both are written from,
 * and what the plan is made of.  Names are resolved when it is made: a node points into the model
 * the tree holds.  Immutable once made, good for any thread.
 *
 * Every condition is true or false of every customer, never unknown: a comparison with a field that
 * is empty is false, and `!=`, `not in` and the like are the plain opposite of the form without
 * the `not`.  So not, and, or keep all their laws.
 */
#ifndef CRM_SEGMENT_TREE_H
#define CRM_SEGMENT_TREE_H

#include "base/mem.h"
#include "base/zone.h"
#include "codec/value.h"
#include "model/model.h"

enum {
    CRM__SEGMENT_BYTES = 65536, /* of a text */
    CRM__SEGMENT_NODES = 4096,
    CRM__SEGMENT_DEPTH = 64, /* of parentheses, not and and/or inside one another */
    CRM__SEGMENT_LIST = 1000 /* values of one list */
};

typedef enum crm__node_op {
    CRM__NODE_ALL = 1,
    CRM__NODE_NONE,
    CRM__NODE_AND, /* two children or more; never a child of its own kind */
    CRM__NODE_OR,
    CRM__NODE_NOT, /* one child, which is none of this kind */
    CRM__NODE_TAG,
    CRM__NODE_FIELD,
    CRM__NODE_EVENTS,
    CRM__NODE_SEQUENCE,
    CRM__NODE_SEGMENT
} crm__node_op;

/* How a number or text is compared.  The negated forms are the same with `negated` set.  A day,
 * month or year compared with a date or instant, and `between` of those, are windows; so BETWEEN is
 * of numbers and texts, and both sides of every comparison are of one precision. */
typedef enum crm__compare {
    CRM__CMP_EQ = 1, /* one value; `!=` is negated */
    CRM__CMP_LT,
    CRM__CMP_LE,
    CRM__CMP_GT,
    CRM__CMP_GE,
    CRM__CMP_IN,      /* any of the values */
    CRM__CMP_BETWEEN, /* two values, both of them inside */
    CRM__CMP_EMPTY,   /* is empty: no value at all */
    CRM__CMP_PREFIX,  /* text begins with; letter case and width as in the comparable form */
    CRM__CMP_CONTAINS,
    CRM__CMP_WINDOW,     /* a date or instant lies in the window */
    CRM__CMP_ANNIVERSARY /* its month and day come round in the window */
} crm__compare;

typedef enum crm__unit {
    CRM__UNIT_MINUTE = 1,
    CRM__UNIT_HOUR,
    CRM__UNIT_DAY,
    CRM__UNIT_WEEK, /* begins on Monday (ISO 8601) */
    CRM__UNIT_MONTH,
    CRM__UNIT_QUARTER,
    CRM__UNIT_YEAR
} crm__unit;

typedef enum crm__window_form {
    CRM__WINDOW_NONE = 0, /* of all times */
    CRM__WINDOW_LAST,     /* rolling: from now back, now included */
    CRM__WINDOW_NEXT,     /* rolling: from now (left out) on */
    CRM__WINDOW_THIS,     /* the calendar unit that now is in */
    CRM__WINDOW_PREVIOUS, /* the `count` whole calendar units before it */
    CRM__WINDOW_COMING,   /* the `count` whole calendar units after it */
    CRM__WINDOW_SINCE,    /* at or after `from` */
    CRM__WINDOW_BEFORE,   /* before `until` */
    CRM__WINDOW_BETWEEN /* at or after `from`, before `until`; `on` a day, month or year is this */
} crm__window_form;

enum { CRM__WINDOW_COUNT = 1000000 }; /* units, at most */

/* A point as written: an instant, or a day, month or year whose edge depends on the zone. */
typedef struct crm__point {
    int32_t date; /* packed date (base/time.h), 0: an instant */
    int64_t us;
} crm__point;

typedef struct crm__window {
    uint8_t form, unit;
    uint8_t on; /* BETWEEN that was written as `on` its from */
    uint32_t count;
    crm__point from, until; /* until: as written, the last that is inside when it is a date */
} crm__window;

/* The instants of a window at `now` in a zone (NULL: UTC): *from <= t < *until.  The ends of time
 * are INT64_MIN and INT64_MAX.  Rolling days, weeks, months and years keep the local time of day; a
 * month that is too short gives its last day.  docs/segment-language.md has the rules. */
void crm__window_range(const crm__window *w, int64_t now, const crm__zone *zone, int64_t *from,
                       int64_t *until);
/* The same for dates without time (packed, *from <= d < *until, 0 and INT32_MAX for the ends): of
 * the days that the instants lie on, a day that is cut counting as inside.  A date of which only
 * the year or month is known lies before every day of it, as its packed number does, and is inside
 * a window whose edge is that year or month. */
void crm__window_dates(const crm__window *w, int64_t now, const crm__zone *zone, int32_t *from,
                       int32_t *until);
/* Whether the month and day of a date (packed) come round in a window of dates as
 * crm__window_dates() gives it: 29 February on 28 February of other years; never without a day. */
int crm__anniversary_within(int32_t date, int32_t from, int32_t until);
/* An instant moved by a number of units, back when below 0. */
int64_t crm__time_move(int64_t us, int32_t count, crm__unit unit, const crm__zone *zone);

/* What a customer has beside the fields of the model. */
typedef enum crm__builtin {
    CRM__BUILTIN_NONE = 0, /* a field of the model */
    CRM__BUILTIN_ID,       /* integer */
    CRM__BUILTIN_KIND,     /* values: integer, CRM__KIND_* */
    CRM__BUILTIN_CREATED,  /* datetime */
    CRM__BUILTIN_UPDATED
} crm__builtin;

typedef struct crm__node_values {
    uint32_t count;
    /* Of the field's type (PREFIX, CONTAINS: text); its bounds and pattern do not bind a question.
     * Texts lie in the tree's arena. */
    const crm__value *values;
    const crm__slice *text; /* each in canonical spelling, without quotes */
} crm__node_values;

/* A tag as written.  `path` empty: any tag of the dimension. */
typedef struct crm__tag_name {
    const crm__dimension *dimension;
    crm__slice
        path; /* canonical (crm__dimension_path()); all below it in the hierarchy count too */
} crm__tag_name;
enum { CRM__MATCH_ANY = 1, CRM__MATCH_ALL, CRM__MATCH_NONE };

/* A condition on an attribute of the events that count. */
typedef struct crm__event_test {
    const crm__field *attribute; /* NULL: the source of the event (values: text) */
    uint8_t cmp, negated;        /* EQ to WINDOW */
    crm__node_values values;
    crm__window window; /* of CMP_WINDOW */
} crm__event_test;

/* Which events: kind, window, all of the tests. */
typedef struct crm__event_spec {
    const crm__event_kind *kind; /* NULL: of every kind (then no tests on attributes) */
    crm__window window;
    uint32_t test_count;
    const crm__event_test *tests;
} crm__event_spec;

/* What is compared is an integer (COUNT, DISTINCT), a decimal (AVG of integers), an instant (FIRST,
 * LAST), else of the attribute's type. */
typedef enum crm__aggregate {
    CRM__AGG_EXISTS = 1, /* event(...): no comparison */
    CRM__AGG_COUNT,      /* compared with integers */
    CRM__AGG_SUM,        /* of an attribute: integer, decimal or money; of no event 0 */
    CRM__AGG_MIN,        /* of no event nothing: every comparison is false */
    CRM__AGG_MAX,
    CRM__AGG_AVG,
    CRM__AGG_DISTINCT, /* number of different values of an attribute of any type */
    CRM__AGG_FIRST,    /* time of the first event: window, or compared with instants */
    CRM__AGG_LAST
} crm__aggregate;

typedef struct crm__node crm__node;
struct crm__node {
    crm__node_op op;
    uint32_t at, length; /* where in the text it stood; 0, 0 when it was made from JSON */
    uint32_t height;     /* of AND, OR and NOT: 1 more than of the highest child; else 0 */
    uint32_t child_count;
    const crm__node *const *children;

    /* TAG */
    uint8_t match;
    uint32_t tag_count;
    const crm__tag_name *tags;

    /* FIELD; of EVENTS the comparison of the aggregate */
    crm__builtin builtin;
    const crm__field *field;
    uint8_t cmp, negated;
    crm__node_values values;
    crm__window window; /* of CMP_WINDOW and CMP_ANNIVERSARY */

    /* EVENTS, SEQUENCE */
    crm__aggregate aggregate;
    const crm__field *attribute; /* of SUM to DISTINCT */
    crm__event_spec events;      /* of SEQUENCE the first */
    crm__event_spec then;        /* SEQUENCE: what follows, or with `negated` does not */
    uint32_t within;             /* SEQUENCE: 0, or at most so many units later */
    uint8_t within_unit;

    /* SEGMENT */
    crm__slice name;
};

typedef struct crm__tree crm__tree;

/* Reads a text, or its JSON form, with the names of a model; zone: of the datetimes without offset
 * (NULL: UTC).  CRM_ESYNTAX for the grammar, CRM_EFIELD for a name the model does not have,
 * CRM_EVALUE for a value its field refuses; each with the byte offset in err->offset, and a message
 * that says what stands there, what was expected, and a near name; CRM_ENOMEM. */
int crm__tree_parse(const crm_allocator *mem, crm__model *m, const crm__zone *zone,
                    const char *text, size_t n, crm__tree **out, crm_error *err);
int crm__tree_parse_json(const crm_allocator *mem, crm__model *m, const crm__zone *zone,
                         const char *json, size_t n, crm__tree **out, crm_error *err);
void crm__tree_ref(crm__tree *t);
void crm__tree_unref(crm__tree *t); /* NULL does nothing */
const crm__node *crm__tree_root(const crm__tree *t);
crm__model *crm__tree_model(const crm__tree *t);

/* Canonical text: parsed again it gives the same tree, and printed again the same text.  A node
 * alone is printed as it would stand as a whole. */
int crm__tree_print(const crm__node *n, crm__buf *out);
/* A name as it stands there. */
void crm__print_key(crm__buf *out, const char *key);
int crm__tree_json(const crm__node *n, crm__buf *out);

#endif
