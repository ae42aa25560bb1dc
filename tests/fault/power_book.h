/* SPDX-License-Identifier: MIT
 * What a disk can hold after a power loss.  The system calls that write are replaced in this
 * program, so that working with a database leaves a log: which bytes were written where in its
 * files, and what was synced when.  From it follows what a disk can hold when the power fails at
 * any moment: of each file everything up to its last sync, and of each page written since then
 * any one version, or none; and a file no longer than what was written, cut at any page.
 * The database's own log is cut and mixed by sectors.
 */
#ifndef POWER_BOOK_H
#define POWER_BOOK_H

#include "fault.h"

enum { POWER_PAGE = 4096, POWER_SECTOR = 512, POWER_WRITES = 60000, POWER_UNITS = 8192 };
enum { POWER_DATA, POWER_LOG, POWER_FILES };
enum { POWER_LIVES = 16 };

typedef struct power_entry {
    uint32_t unit; /* a page of the data file, a sector of the database's log */
    uint8_t file;
    uint8_t life;  /* of the log: how often it had been removed */
    int durable; /* on the disk when the call returned */
    size_t n;    /* 0: a sync of all before it in that file */
    uint8_t *bytes;
} power_entry;

typedef struct power_book {
    power_entry *list;
    size_t count, dropped;
    size_t renamed, named; /* where the data file got its name; where that was synced */
    int parent_synced;
    /* Of each life of the log: where it began, and where its name, or its end, was synced. */
    unsigned lives;
    size_t born[POWER_LIVES], sure[POWER_LIVES];
} power_book;

/* ---- what the disk may hold ---- */

typedef struct power_file {
    const uint8_t *unit[POWER_UNITS]; /* NULL: zeros */
    uint32_t units;
} power_file;

typedef struct power_disk {
    power_file file[POWER_FILES];
    int name; /* 0: the data file is still data.new */
} power_disk;

/* What is written to the files of a folder from now on. */
void power_begin(const char *dir);
/* The same for another folder, in which that disk was written; disks are made of both from then on. */
void power_again(const power_disk *held, const char *dir);
/* Forgets these, as if only the first folder had been. */
void power_forget(void);
const power_book *power_end(void);
/* The next so many syncs of the data file fail, as a kernel tells of a page it could not write: once. */
void power_fail_syncs(int count);
/* Called before each write to the files that are watched, and before each sync of them; NULL: none. */
void power_before(void (*fn)(void));
/* How many entries there are so far. */
size_t power_at(void);

/* All that is synced for certain after `at` calls.  A log that was removed is still there until the
 * folder is synced. */
void power_certain(power_disk *d, size_t at);
/* Everything that was written. */
void power_written(power_disk *d, size_t at);
/* Of each unit what is there for certain, or one of the versions written later. */
void power_any(power_disk *d, size_t at, uint64_t *seed);
/* A folder that holds it, made anew. */
void power_write(const power_disk *d, const char *dir);

/* In a child, which must come to its end in 20 seconds: looks at a folder "after" that holds it.  What the
 * child finds out goes to memory of power_shared(). */
void power_look(const power_disk *d, void (*look)(const char *dir, void *ctx), void *ctx,
                const char *label);
void *power_shared(size_t n);

#endif
