/* SPDX-License-Identifier: MIT
 * Pieces of the lines of a dump: each appends to d->line.
 */
#ifndef CRM_IO_DUMP_PART_H
#define CRM_IO_DUMP_PART_H

#include "io/dump.h"

void crm__line_add(crm__dumper *d, const char *s);
void crm__line_number(crm__dumper *d, uint64_t v);
void crm__line_integer(crm__dumper *d, int64_t v);
/* A text that is no UTF-8, or has a NUL, sets d->bad. */
void crm__line_text(crm__dumper *d, const void *p, size_t n);
/* In quotes; an instant outside of the calendar is a number. */
void crm__line_time(crm__dumper *d, int64_t us);
/* The name of a number; none sets d->bad. */
void crm__line_class(crm__dumper *d, int cls, uint32_t number);
/* The same of a name that is "<owner>/..." in the dictionary, without its owner. */
void crm__line_behind(crm__dumper *d, crm__slice owner, int cls, uint32_t number);
void crm__line_key(crm__dumper *d, const char *name);
void crm__line_number_member(crm__dumper *d, const char *name, uint64_t v);
void crm__line_class_member(crm__dumper *d, const char *name, int cls, uint32_t number);
void crm__line_time_member(crm__dumper *d, const char *name, int64_t us);
void crm__line_hex_member(crm__dumper *d, const char *name, const void *p, size_t n);
/* A line, up to the value of its first member, and its end. */
void crm__line_start(crm__dumper *d, int line);
int crm__line_done(crm__dumper *d);

#endif
