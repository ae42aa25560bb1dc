/* SPDX-License-Identifier: MIT
 * Tags inside the library: names to numbers and back, and the changes of one call that both doors
 * share.
 */
#ifndef CRM_TAG_TAG_H
#define CRM_TAG_TAG_H

#include "codec/json.h"
#include "db/model.h"
#include "db/tagged.h"

#include <crm/tag.h>

/* A tag by name. */
typedef struct crm__tag {
    uint32_t number; /* 0: nobody ever had it */
    const crm__dimension *dimension;
    crm__slice name; /* "<dimension>:<path>", NUL-terminated */
} crm__tag;

/* ---- name.c ---- */

/* What a text names; `within` (may be NULL) is its dimension when it names none.  The name is put
 * into a, which may be any arena.  give: a number is given to a tag that has none.  CRM_OK,
 * CRM_EFIELD, CRM_EVALUE, others; all told. */
int crm__tag_read(crm_txn *txn, const crm__model *m, const crm__dimension *within, const char *text,
                  size_t n, int give, crm__arena *a, crm__tag *out, crm_error *err);
/* Tags whose names begin with a prefix, in the order of names; those of dimensions that the model
 * has not are left out.  *out is an array of crm__tag, names in a. */
int crm__tag_each_named(crm_txn *txn, const crm__model *m, crm__slice prefix, crm__arena *a,
                        crm__buf *out);
/* All tags of a dimension; of those below a tag, itself included. */
int crm__tag_of_dimension(crm_txn *txn, const crm__model *m, const crm__dimension *d, crm__arena *a,
                          crm__buf *out);
int crm__tag_below(crm_txn *txn, const crm__model *m, const crm__tag *tag, crm__arena *a,
                   crm__buf *out);
/* The tag of a number; its dimension is NULL when the model does not have it. */
int crm__tag_named(crm_txn *txn, const crm__model *m, uint32_t number, crm__arena *a,
                   crm__tag *out);

/* ---- write.c ---- */

/* Options of the caller, checked. */
int crm__tag_options_read(const crm_tag_options *opts, crm__tag_how *how, crm_error *err);
/* Whether the customer is there and not deleted: CRM_OK or CRM_ENOTFOUND, told. */
int crm__tag_customer(crm_txn *txn, crm_id id, crm_error *err);
/* Gives a tag by the rules of its dimension.  The end in t->how is checked here. */
int crm__tag_give(crm__tagging *t, const crm__model *m, const crm__tag *tag, crm_id id);
/* The same of a customer who is new and has none but those of `given`, to which it is added: spares
 * the look at all tags of its neighbours. */
int crm__tag_give_new(crm__tagging *t, const crm__tag *tag, crm_id id, crm__buf *given);

/* Whether the tag may have the end that is asked for; told. */
int crm__tag_end_ok(const crm__tag *tag, const crm__tag_how *how, crm_error *err);
/* Begins a public write of tags; `text` (NULL: refused) is what it was given.  On failure it is
 * ended, and told. */
int crm__tag_begin(crm_txn *txn, crm__op *op, const void *text, const crm_tag_options *opts,
                   crm__tag_how *how, const crm__model **m, crm_error *err);
/* A dimension and tags of it as the caller names them, in the arena of the transaction; numbers are
 * given.  Whether a customer may have just these. */
int crm__tags_read(crm_txn *txn, const crm__model *m, const char *dimension,
                   const char *const *tags, size_t count, const crm__dimension **d, crm__tag **out,
                   crm_error *err);
int crm__tags_ok(const crm__dimension *d, const crm__tag *tags, size_t count,
                 const crm__tag_how *how, crm_error *err);
/* Makes some tags of a dimension the only ones of it. */
int crm__tag_set_all(crm__tagging *t, const crm__model *m, const crm__dimension *d,
                     const crm__tag *tags, size_t count, crm_id id);

/* ---- many.c ---- */

/* What is done to the tags of many customers. */
typedef struct crm__tag_wish {
    enum { CRM__TAG_TAKE, CRM__TAG_GIVE, CRM__TAG_SET } what;
    const char *name;        /* the tag; of SET the dimension */
    const char *const *tags; /* of SET: those that are left */
    size_t count;
    const crm_tag_options *opts;
} crm__tag_wish;

/* The next chunk and some of its live rows, each chunk once: CRM_OK, CRM_DONE at the end, or a
 * failure, which may be told to the caller of crm__tag_rows() already. */
typedef int (*crm__tag_next_fn)(void *ctx, uint64_t *chunk, uint64_t *words);
/* Does it to all these rows, as one change; the whole of a public write.  *changed (may be NULL)
 * receives how many customers it changed. */
int crm__tag_rows(crm_txn *txn, const crm__tag_wish *wish, crm__tag_next_fn next, void *ctx,
                  uint64_t *changed, crm_error *err);

/* ---- undo.c ---- */

/* What is undone, and who is told of customers that another entry changed since. */
typedef struct crm__tag_undo {
    uint64_t first; /* of the entries */
    int (*undone)(void *ctx, uint64_t seq);
    int (*changed_since)(void *ctx, crm_id id, uint64_t seq); /* 0, or an error that is told */
    void *ctx;
    uint64_t changed;
    crm_error *err;
} crm__tag_undo;
/* Of one tag in a chunk: takes it from those who got it, or with `give` gives it back to those who
 * lost it.  All tags are taken before any is given.  Inside a batch. */
int crm__tag_undo_step(crm__tag_undo *u, crm_txn *txn, const crm__model *m, uint64_t chunk,
                       uint32_t number, int give);

/* ---- list.c ---- */

/* Numbers (uint32_t) of the tags that a customer's row is in, ascending, ended ones too. */
int crm__tag_numbers(crm_txn *txn, crm_id id, crm__buf *out);

/* ---- window.c ---- */

/* Reads the tags of one customer after another; nothing is written meanwhile. */
typedef struct crm__tag_window {
    crm_txn *txn; /* NULL: not open */
    const crm__model *model;
    crm__arena names;
    crm__buf tags;   /* crm__tag: all there are, in the order of dimensions and names */
    crm__buf links;  /* of the rows of the window */
    uint32_t *first; /* place + 1 in links, of each row */
    crm_id from, id;
    uint32_t at; /* the next of the customer's */
    int filled;
} crm__tag_window;
/* To be closed whatever it returns. */
int crm__tag_window_open(crm_txn *txn, crm__tag_window *w, crm_error *err);
void crm__tag_window_close(crm__tag_window *w);
/* Goes to a customer: cheap when ids ascend. */
int crm__tag_window_at(crm__tag_window *w, crm_id id, crm_error *err);
/* The next tag it has; *until 0: without an end.  CRM_DONE. */
int crm__tag_window_next(crm__tag_window *w, crm__tag *tag, int64_t *until, crm_error *err);

#endif
