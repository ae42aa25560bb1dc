/* SPDX-License-Identifier: MIT
 * What the parts of the benchmark share: the made-up customers, the sides that are compared, the
 * table. A side is one database with the same customers in it; a side leaves out what it has no
 * form of.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "measure.h"

#include <stddef.h>

/* ---- customers (data.c) ---- */

enum { TEXTS = 11, TEXT_ROOM = 64 };
enum {
    EXTERNAL_ID,
    NAME,
    EMAIL,
    PHONE,
    COMPANY,
    CITY,
    COUNTRY,
    GENDER,
    BIRTH_DATE,
    LEAD_SOURCE,
    LIFECYCLE
};

/* Scores given at first are below UPDATE_SCORE; an update sets one from there to 1000. */
enum { UPDATE_SCORE = 900, UPDATE_SCORES = 101 };

typedef struct person {
    char text[TEXTS][TEXT_ROOM]; /* "" is absent */
    int64_t score;
    int64_t first_seen; /* seconds since 1970 */
} person;

extern const char *const TEXT_NAMES[TEXTS];

/* Customer i, the same on every machine and whatever comes before it. */
void data_person(uint64_t i, person *p);
/* Keys for look-ups: nine of ten are of one of n customers.  by: EXTERNAL_ID, EMAIL or PHONE. */
typedef char data_key[TEXT_ROOM];
data_key *data_keys(int by, uint64_t n, size_t count);
uint64_t data_mix(uint64_t x);

/* ---- sides ---- */

typedef struct answer {
    uint64_t hits, sum; /* sum of score, seconds and text bytes of every record read */
} answer;

typedef struct side {
    const char *name;
    int answers; /* its answers are compared with the others' */
    int many;    /* has a form for several writers at once */
    /* Makes the database of n customers in dir; tick is called now and then. */
    void (*load)(const char *dir, uint64_t n, void (*tick)(void));
    uint64_t (*file_bytes)(const char *dir);
    void *(*open)(const char *dir);
    void (*close)(void *handle);
    /* Finds each key and reads every field; each: in a read transaction of its own. */
    void (*look_up)(void *handle, int by, const data_key *keys, size_t count, int each, answer *a);
    void (*list)(void *handle, answer *a);
    uint64_t (*count)(void *handle);
    /* What a writing thread needs, and one durable commit that sets one score. */
    void *(*writer)(void *handle);
    void (*write)(void *writer, uint64_t customer, int64_t score);
    void (*writer_close)(void *writer);
} side;

extern const side SIDE_CRM, SIDE_SQLITE, SIDE_LMDB;

/* Ends the program with a message. */
void bench_die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/* ---- table (table.c) ---- */

enum { SIDES = 3 };

typedef struct row {
    const char *what, *unit;
    int decimals;
    int more_is_better;
    series side[SIDES];
} row;

void table_begin(int json, const char *const names[SIDES]);
void table_row(const row *r);

#endif
