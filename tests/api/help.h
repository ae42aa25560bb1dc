/* SPDX-License-Identifier: MIT
 * What the cases of the public API share.  They see the public headers and the shared library only.
 */
#ifndef API_HELP_H
#define API_HELP_H

#include "crmtest.h"

#include <crm/crm.h>

/* Detail of the last failed call of the case's own thread. */
extern crm_error er;

#define IS(code, call)                                                                             \
    do {                                                                                           \
        int want_ = (code), got_ = (call);                                                         \
        ck_assert_msg(got_ == want_, "%s gives %s, not %s (%s: %s)", #call, crm_error_name(got_),  \
                      crm_error_name(want_), er.field, er.message);                                \
    } while (0)
#define OK(call) IS(CRM_OK, call)

/* In a forked child or another thread, where a failed assertion would not be heard: says where and
 * ends the function with 1. */
#define NEED(cond)                                                                                 \
    do {                                                                                           \
        if (!(cond))                                                                               \
            return api_unmet(__FILE__, __LINE__, #cond);                                           \
    } while (0)
int api_unmet(const char *file, int line, const char *what);

/* Runs fn in a forked child and gives its result; a signal or 60 seconds (crmtest_seconds()) count
 * as failure. */
int api_child(int (*fn)(void *), void *ctx);
/* Runs fn on another thread and gives its result. */
int api_thread(int (*fn)(void *), void *ctx);

/* "<folder of the case>/db", the database most cases use. */
const char *api_path(void);
crm_db *api_open(void);
crm_db *api_open_model(const char *yaml);
crm_txn *api_begin(crm_db *db, int mode);
crm_txn *api_begin_as(crm_db *db, uint32_t flags, const char *source);
void api_commit(crm_txn *txn);
crm_id api_create(crm_txn *txn, const char *json);
crm_field api_field(crm_txn *txn, const char *name);
/* A document as text in one of a few static buffers. */
const char *api_json(crm_txn *txn, crm_id id, uint32_t flags);
/* 1 if the document of id holds the text. */
int api_has(crm_txn *txn, crm_id id, const char *text);
/* The text of a member, "..." without quotes or a number; "" when absent; static buffers. */
const char *api_member(crm_txn *txn, crm_id id, const char *member);
/* Number of customers found, 0 for none; other results fail the case. */
size_t api_found(crm_txn *txn, const char *field, const char *source, const char *value,
                 crm_id *first);
/* crm_check() of the folder finds nothing. */
void api_check_clean(const char *path);
/* Ids a list gives, up to cap; the number of all. */
size_t api_list(crm_txn *txn, const crm_list_options *opts, crm_id *ids, size_t cap);

/* A clock under the case's control: give api_clock and a pointer to an int64_t to crm_db_options.
 */
int64_t api_clock(void *ctx);

/* An allocator that counts what is alive, and can refuse. */
typedef struct api_memory {
    int64_t alive; /* pieces */
    int64_t bytes;
    uint64_t calls; /* alloc and realloc */
} api_memory;
crm_allocator api_allocator(api_memory *m);

#endif
