/* SPDX-License-Identifier: MIT
 * A request for numbers as it is read: what is measured, by what the results are grouped, and over
 * which time.  The text and its canonical form are in docs/numbers.md.
 */
#ifndef CRM_SEGMENT_NUMBER_H
#define CRM_SEGMENT_NUMBER_H

#include "segment/tree.h"

enum {
    CRM__MEASURES = 16,
    CRM__GROUPINGS = 2,
    CRM__PERCENT = 1000,    /* a percentile is kept in thousandths */
    CRM__STEPS_MOST = 1000, /* `in N steps` */
    CRM__MOVING_MOST = 1000
};

typedef enum crm__measure_op {
    CRM__MEASURE_COUNT = 1,
    CRM__MEASURE_SUM,
    CRM__MEASURE_MIN,
    CRM__MEASURE_MAX,
    CRM__MEASURE_AVG,
    CRM__MEASURE_DISTINCT,
    CRM__MEASURE_PERCENTILE
} crm__measure_op;

typedef struct crm__measure {
    uint8_t op;
    uint8_t of_events;
    uint32_t percent;     /* in 1 / CRM__PERCENT */
    crm__builtin builtin; /* of customers: these or field; none of both: the customers */
    const crm__field *field;
    crm__event_spec events;      /* of events */
    const crm__field *attribute; /* NULL: the events themselves */
} crm__measure;

typedef enum crm__grouping_op {
    CRM__BY_VALUES = 1, /* each value */
    CRM__BY_TIME,       /* calendar units */
    CRM__BY_STEPS       /* numbers from one step to the next */
} crm__grouping_op;

typedef struct crm__grouping {
    uint8_t op;
    uint8_t unit;      /* TIME: crm__unit, DAY to YEAR */
    uint8_t tags;      /* the tags of all dimensions */
    uint8_t source;    /* the sources of the events */
    uint8_t shared;    /* a dimension of tags has the key of the field */
    uint8_t of_events; /* TIME: when the events were; else: attribute */
    const crm__dimension *dimension;
    crm__builtin builtin;
    const crm__field *field;
    const crm__event_kind *kind; /* with attribute */
    const crm__field *attribute;
    uint32_t steps;     /* STEPS: about so many, or */
    crm__decimal width; /* of this width */
    char currency[4];   /* of money */
} crm__grouping;

typedef struct crm__request {
    uint32_t measure_count, grouping_count;
    crm__measure measures[CRM__MEASURES];
    crm__grouping by[CRM__GROUPINGS];
    crm__window window; /* of all measures of events; form 0: none */
    uint32_t moving;    /* rows of a moving average; 0: none */
} crm__request;

/* Reads a request with the names of a model; everything it points to lies in the tree, which has no
 * root.  Errors as crm__tree_parse(). */
int crm__request_parse(const crm_allocator *mem, crm__model *m, const crm__zone *zone,
                       const char *text, size_t n, crm__tree **tree, crm__request *out,
                       crm_error *err);
/* Canonical text: read again it is the same request. */
void crm__request_print(const crm__request *q, crm__buf *out);
/* Of one measure, as the head of a column has it. */
void crm__measure_print(const crm__measure *m, crm__buf *out);
void crm__grouping_print(const crm__grouping *g, crm__buf *out);

/* The field or attribute whose numbers a measure, or a grouping, is of; NULL: none. */
static inline const crm__field *crm__measure_field(const crm__measure *m)
{
    return m->of_events ? m->attribute : m->field;
}

static inline const crm__field *crm__grouping_field(const crm__grouping *g)
{
    return g->attribute ? g->attribute : g->field;
}

#endif
