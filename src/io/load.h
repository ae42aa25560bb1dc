/* SPDX-License-Identifier: MIT
 * What the files of load share: a load in work, and what reads each sort of line.
 */
#ifndef CRM_IO_LOAD_H
#define CRM_IO_LOAD_H

#include "db/brought.h"
#include "event/timeline.h"
#include "io/bulk.h"
#include "io/dump.h"

typedef struct crm__loading {
    const crm_dump_options *o;
    const crm_allocator *mem;
    crm__source *from;
    crm__work w;
    crm_error *err;
    crm_dump_result result;
    crm__buf text; /* what was read; a line begins at `at` */
    size_t at;
    int ended; /* the file has no more */
    crm__store store;
    crm_db db;
    crm_txn *txn;
    uint64_t grown; /* bytes of edits committed */
    const crm__model *model;
    uint32_t model_version, models; /* in force, by the head; last read */
    char images[CRM_FIELD_SIZE]; /* the feature that images are of, when it is not known */
    crm__dump_names names;
    crm__loaded loaded;
    crm__arena arena;       /* of one line */
    int section;            /* sort of the line before */
    int cls;                /* class of the name before */
    uint64_t last, last_id; /* keys of the line before */
    uint8_t sum[CRM__DIGEST], chain[CRM__DIGEST];
    crm__brought brought;
    crm__buf bytes;
    /* The tag whose changes are read, what comes of them, and the key of the last one. */
    int tagging;
    uint8_t tagged[CRM__KEY_TAGGED];
    uint64_t words[CRM__SET_WORDS];
    int ends;    /* some tags have an end */
    int watched; /* some segments are watched, and no clock has come */
    /* The events of one customer. */
    crm_id id; /* 0: none */
    crm__arena timeline;
    crm__event_block events;
} crm__loading;

/* ---- load_row.c ---- */

/* Commits what was read; `again`: and begins the next transaction. */
int crm__load_end_commit(crm__loading *l, int again);
/* The same, between two lines, when there is enough for a commit. */
int crm__load_commit_some(crm__loading *l);
/* A row behind all others of its space. */
int crm__load_append(crm__loading *l, kv_space space, crm__slice key, crm__slice payload);
int crm__load_line_head(crm__loading *l, crm__members *m);
int crm__load_line_model(crm__loading *l, crm__members *m);
int crm__load_line_name(crm__loading *l, crm__members *m);
int crm__load_line_customer(crm__loading *l, crm__members *m);
int crm__load_line_event(crm__loading *l, crm__members *m);
/* All events of a customer have been read. */
int crm__load_end_timeline(crm__loading *l);

/* ---- load_past.c ---- */

int crm__load_line_batch(crm__loading *l, crm__members *m);
int crm__load_line_segment(crm__loading *l, crm__members *m);
int crm__load_line_entry(crm__loading *l, crm__members *m);
int crm__load_line_image(crm__loading *l, crm__members *m);
int crm__load_line_tagged(crm__loading *l, crm__members *m);
int crm__load_line_given(crm__loading *l, crm__members *m);
int crm__load_line_end(crm__loading *l, crm__members *m);
int crm__load_line_watch(crm__loading *l, crm__members *m);
int crm__load_line_clock(crm__loading *l, crm__members *m);
/* The set that comes of all changes of a tag in a chunk. */
int crm__load_end_tag(crm__loading *l);

#endif
