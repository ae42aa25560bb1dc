/* SPDX-License-Identifier: MIT
 * A small world of customers for questions: what they have stands in plain structs beside the
 * database, and a question is a tree of its own, printed as text and answered from the structs
 * alone.  Nothing here is shared with the library.
 */
#ifndef SEGMENT_WORLD_H
#define SEGMENT_WORLD_H

#include "help.h"
#include "segment_clock.h"

enum {
    W_CUSTOMERS = 400,
    W_EVENTS = 12, /* of a customer, at most */
    W_HOBBIES = 3,
    W_TAGS = 14,
    W_SAVED = 3
};
#define W_NONE INT64_MIN

typedef struct w_event {
    int kind; /* 0 order, 1 visit, 2 call */
    int64_t time;
    int64_t cents; /* order: amount, W_NONE: none */
    int currency;
    int64_t qty; /* order, W_NONE: none */
    int product; /* order and visit (where it is not fast), -1: none */
    int channel; /* order, an enum, -1: none */
    int source;  /* -1: none */
    int voided;
    uint32_t number;
} w_event;

typedef struct w_customer {
    crm_id id; /* 0: not there */
    int deleted, organisation;
    int64_t score; /* W_NONE: none, as of all */
    int rate;      /* index of W_RATE, -1: none */
    int joined;    /* index of W_DATE */
    int64_t seen;
    int member; /* -1: none */
    int grade, country, city, nick;
    int64_t price;
    int currency;
    int hobbies[W_HOBBIES], hobby_count;
    uint32_t tags;         /* bits of W_TAG */
    int64_t until[W_TAGS]; /* of those that may have an end, 0: none */
    uint32_t fixed;        /* bits of the static segments that it is in */
    w_event events[W_EVENTS];
    int event_count;
} w_customer;

extern const char *const W_RATE[],
    *const W_DATE[], *const W_CITY[], *const W_COUNTRY[], *const W_GRADE[],
                                                              *const W_HOBBY[],
                                                                  *const W_CURRENCY[],
                                                                      *const W_PRODUCT[],
                                                                          *const W_KIND[],
                                                                              *const W_SOURCE[],
                                                                                  *const W_TAG[];
extern const char *const W_CHANNEL[];
extern const double W_RATE_VALUE[];
extern const int W_DATE_PACKED[];
enum {
    W_RATES = 6,
    W_DATES = 7,
    W_CITIES = 6,
    W_COUNTRIES = 3,
    W_GRADES = 3,
    W_HOBBY_KINDS = 5,
    W_CURRENCIES = 2,
    W_PRODUCTS = 4,
    W_KINDS = 3,
    W_SOURCES = 2,
    W_CHANNELS = 3
};
/* Monday, 2 February 2026, noon UTC. */
#define W_NOW INT64_C(1770033600000000)
#define W_DAY INT64_C(86400000000)

typedef struct world {
    uint64_t seed;
    int varied; /* moments, zones and models of all kinds; else noon UTC and one model */
    crm_db *db;
    w_customer c[W_CUSTOMERS];
    int count;
    /* Saved under "fixed 0" and so on, and "live 0" and so on. */
    int fixed[W_SAVED];
    struct w_question *live[W_SAVED];
} world;

void w_open(world *w);
void w_close(world *w);
/* Another model of the same fields, kinds and tags: other indexes, other attributes fast. */
void w_remodel(world *w);
/* One random change, in a write transaction. */
void w_change(world *w, crm_txn *txn);
crm_txn *w_begin(world *w, int mode);
/* An instant as text, in one of a few static buffers. */
const char *w_instant(int64_t us);

/* The tags of the dimension that a customer has one of, as bits. */
uint32_t w_values(void);
/* Whether a tag is one that may have an end, and whether the customer has it now. */
int w_ends(int tag);
int w_tagged(const w_customer *c, int tag);
/* A random question as text, and who passes it. */
typedef struct w_question w_question;
w_question *w_ask(world *w, int depth);
/* One that names no saved segment. */
w_question *w_ask_plain(world *w, int depth);
void w_print(const w_question *q, char *to, size_t size);
int w_passes(const w_question *q, const w_customer *c);
void w_forget(w_question *q);

#endif
