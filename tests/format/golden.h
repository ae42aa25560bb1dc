/* SPDX-License-Identifier: MIT
 * What the golden databases hold, and their text form.  See README.md here.
 */
#ifndef GOLDEN_H
#define GOLDEN_H

#include <crm/crm.h>

/* Everything that a database says, as text: figures, models, customers with the origin of each
 * value, deleted ones, who is found by what, the journal.  One item a line.  The caller frees it.
 */
char *golden_dump(crm_db *db);
/* Makes DIR/format-N.mdb and DIR/format-N.txt. */
void golden_make(const char *dir, const char *name);
/* A clock that moves one second a call, from a fixed time. */
int64_t golden_clock(void *ctx);

/* Reads a whole file; the caller frees it. */
char *golden_read_file(const char *path, size_t *n);
void golden_write_file(const char *path, const char *p, size_t n);

#endif
