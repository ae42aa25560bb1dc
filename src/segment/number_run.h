/* SPDX-License-Identifier: MIT
 * Running a request over a segment, chunk by chunk: groupings become codes of rows or of events,
 * and each pass adds what it reads into the cells of those codes.
 */
#ifndef CRM_SEGMENT_NUMBER_RUN_H
#define CRM_SEGMENT_NUMBER_RUN_H

#include "event/timeline.h"
#include "segment/number.h"
#include "segment/number_cells.h"
#include "segment/segment.h"

/* ---- groupings ---- */

typedef enum crm__dim_op {
    CRM__DIM_NONE = 0,
    CRM__DIM_SETS,   /* stored sets: code i is set i - 1 */
    CRM__DIM_COLUMN, /* a column of numbers or times */
    CRM__DIM_RECORD, /* a time that only the records have */
    CRM__DIM_TIME,   /* when the event was */
    CRM__DIM_EVENT,  /* an attribute */
    CRM__DIM_SOURCE
} crm__dim_op;

/* Codes of the rows of a chunk; of a row with several values each layer has one. */
typedef struct crm__layer {
    uint64_t words[CRM__SET_WORDS];
    uint32_t codes[CRM__SET_ROWS];
} crm__layer;

/* A calendar unit that some time was in. */
typedef struct crm__bucket {
    int64_t from, until;
    int32_t date; /* its first day, packed */
} crm__bucket;

typedef struct crm__dim {
    const crm__grouping *g;
    uint8_t op;
    const crm_allocator *mem;
    const crm__zone *zone;
    /* SETS */
    uint32_t set_count, set_cap;
    crm__set_ref *sets;
    const char **names;
    /* All others: packed first days of units, numbers of steps, of values; of texts only events
     * have, numbers in `texts`. */
    crm__codes codes;
    crm__text_numbers texts;
    crm__decimal width;
    crm__bucket *buckets; /* ascending */
    size_t bucket_count, bucket_cap, bucket_last;
    /* Of the present chunk. */
    crm__layer **layers;
    uint32_t layer_count, layer_cap;
} crm__dim;

int crm__dim_open(crm__dim *d, const crm__grouping *g, crm__asking *a, crm_error *err);
void crm__dim_close(crm__dim *d);
/* Makes the layers of a chunk for the rows in words; those without a value get code 0. */
int crm__dim_layers(crm__dim *d, crm__run *r, const uint64_t *words);
/* The same for the sets of currencies of a field, code = 1 + crm__day_currency(). */
int crm__dim_currencies(crm__dim *d, crm__run *r, const crm__field *f, const uint64_t *words);
/* The unit that a time is in. */
int crm__dim_bucket(crm__dim *d, int64_t us, crm__bucket *out);
/* Codes of a number, an instant or a packed date of the grouping. */
int crm__dim_number(crm__dim *d, int64_t number, int scale, uint32_t *code);
int crm__dim_date(crm__dim *d, int32_t date, uint32_t *code);
/* Of an attribute's value; in day lists as a number, or as an event has it. */
int crm__dim_stored(crm__dim *d, int64_t number, int scale, uint32_t *code);
int crm__dim_value(crm__dim *d, crm_txn *txn, const crm__value *v, crm__buf *scratch,
                   uint32_t *code);
/* Whether codes are those of customers, not of events. */
static inline int crm__dim_of_rows(const crm__dim *d)
{
    return d->op >= CRM__DIM_SETS && d->op <= CRM__DIM_RECORD;
}

/* ---- passes ---- */

typedef enum crm__pass_op {
    CRM__PASS_ROWS = 1, /* customers are counted */
    CRM__PASS_COLUMN,
    CRM__PASS_SETS,   /* distinct values that have sets */
    CRM__PASS_RECORD, /* records are read */
    CRM__PASS_DAYS,
    CRM__PASS_EVENTS /* timelines are read */
} crm__pass_op;

/* Measures that are of the same things. */
typedef struct crm__pass {
    uint8_t op;
    uint32_t count;
    uint32_t of[CRM__MEASURES];
    crm__builtin builtin;
    const crm__field *field;
    crm__events_test events;
    crm__dim values; /* SETS: the field's; COLUMN of money: its currencies */
} crm__pass;

typedef struct crm__number_run {
    crm__request q;
    uint8_t ops[CRM__MEASURES];
    crm__asking a;
    crm__dim dims[CRM__GROUPINGS];
    crm__pass passes[CRM__MEASURES];
    uint32_t pass_count;
    uint8_t how[CRM__MEASURES]; /* crm__pass_op of each measure */
    crm__cells cells;
    crm__text_numbers texts; /* distinct ones */
    struct crm__day_room *days;
    int all; /* of the present chunk: every row that may have an event is in the segment */
} crm__number_run;

/* Runs a request over a segment into cells, which stay with it.  Ended by crm__number_end() also
 * after a failure. */
int crm__number_run_all(crm__number_run *n, crm_txn *txn, const crm_segment *s,
                        const crm__request *q, const crm_segment_options *opts, crm_error *err);
void crm__number_end(crm__number_run *n);

int crm__pass_rows(crm__number_run *n, crm__pass *p, const uint64_t *words);
int crm__pass_column(crm__number_run *n, crm__pass *p, const uint64_t *words);
int crm__pass_sets(crm__number_run *n, crm__pass *p, const uint64_t *words);
int crm__pass_record(crm__number_run *n, crm__pass *p, const uint64_t *words);
int crm__pass_days(crm__number_run *n, crm__pass *p, const uint64_t *words);
int crm__pass_events(crm__number_run *n, crm__pass *p, const uint64_t *words);
/* Whether spans (bits/day_span.h) answer a pass over day lists in the present chunk, whose groupings
 * are none but that by time: 1, 0; else an error. */
int crm__pass_told(crm__number_run *n, const crm__pass *p);
/* Adds what spans tell of a kind's days from `from` to before `until`.  Appends the days (int32_t)
 * whose lists are to be read: those that are not asked about as a whole, or not in one unit of the
 * grouping by time, or of which the span does not tell enough. */
int crm__pass_spans(crm__number_run *n, const crm__pass *p, uint32_t kind, int32_t from,
                    int32_t until, crm__buf *days);
void crm__day_room_free(crm__number_run *n);

/* The value as a number, and its currency as cells have it; texts get a number of their own. */
int crm__number_of(crm__number_run *n, const crm__value *v, int64_t *number, int *scale,
                   uint32_t *currency);
/* Which layers there are: that of all rows when the grouping is none of rows. */
static inline uint32_t crm__dim_layer_count(const crm__dim *d)
{
    return crm__dim_of_rows(d) ? d->layer_count : 1;
}
static inline const crm__layer *crm__dim_layer(const crm__dim *d, uint32_t i)
{
    return crm__dim_of_rows(d) ? d->layers[i] : NULL;
}

#endif
