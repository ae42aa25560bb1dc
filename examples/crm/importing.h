/* SPDX-License-Identifier: MIT
 * What the files of crm import share: one run of it.
 */
#ifndef CRM_TOOL_IMPORTING_H
#define CRM_TOOL_IMPORTING_H

#include "tool.h"

typedef struct import_wishes {
    const char *policy, *errors, *mapping, *kind, *format, *encoding, *separator, *sheet;
    int rename, events, dry_run, atomic, show, resume, stats;
    uint64_t of, commit_rows;
    crm_id customer; /* of all events; 0: each row names its own */
} import_wishes;

typedef struct importing {
    tool *t;
    const import_wishes *o;
    const char *file; /* as it is told */
    int fd;
    crm_import_options io;
    crm_import *imp;
    buf mapping;
    badrows bad;
    progress bar;
    uint64_t told, untold;
    int doubtful;          /* the encoding may be another */
    int like_events;       /* the columns are rather those of events */
    int refused;           /* the rows are not those of the batch to resume */
    int rc;                /* of a callback that stopped the work */
    uint64_t journal, all; /* bytes of spaces before */
} importing;

/* Imports a file ('-': standard input) and prints the report.  An exit code. */
int import_file(tool *t, const import_wishes *o, const char *file);
/* The same; what can't be looked at beforehand, as standard input, has JSON Lines. */
int import_documents(tool *t, import_wishes *o, const char *file);

/* ---- import_report.c ---- */

/* A text of the mapping's JSON. */
void import_member(slice object, const char *key, buf *out);
/* A line: what the file was found to be. */
void import_put_format(const importing *g, slice mapping, const char *before);
/* The same, and which column is which field. */
void import_put_mapping(importing *g, slice mapping);
/* Bytes of the journal with its images, and of all spaces. */
void import_measure(importing *g, uint64_t bytes[2]);
void import_put_counts(importing *g, const crm_import_result *r);
void import_put_stats(importing *g, const crm_import_result *r);
/* The whole report as JSON. */
void import_put_json(importing *g, const crm_import_result *r, slice mapping, int stopped,
                     int made);
/* What to do next. */
void import_tell_next(importing *g, const crm_import_result *r, int stopped, int made);

#endif
