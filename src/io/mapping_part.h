/* SPDX-License-Identifier: MIT
 * What the files of mapping.h share.  A column has at most one goal (a field, the time of an event
 * ...), a goal has columns: one, or the pieces of its text, or any number when its field is a list.
 */
#ifndef CRM_IO_MAPPING_PART_H
#define CRM_IO_MAPPING_PART_H

#include "customer/customer.h"
#include "event/event.h"
#include "io/known.h"
#include "io/mapping.h"
#include "model/member.h"
#include "model/names.h"

#define CRM__NO_GOAL UINT32_MAX

/* Order of the parts of a date.  Text with the year first is read whatever the order; YEAR_FIRST
 * says that there is nothing else. */
enum { CRM__DATE_ANY, CRM__DATE_DAY_FIRST, CRM__DATE_MONTH_FIRST, CRM__DATE_YEAR_FIRST };
/* Marks before the decimals of a number; as bits: those that the samples of a column have. */
enum { CRM__DECIMAL_ANY, CRM__DECIMAL_POINT = 1, CRM__DECIMAL_COMMA = 2 };
enum { CRM__SEEN_DAY_FIRST = 1, CRM__SEEN_MONTH_FIRST = 2 }; /* in samples */

/* Own goals, in front of the fields. */
enum {
    CRM__GOAL_ID,
    CRM__GOAL_KIND,
    CRM__GOAL_SOURCE,
    CRM__GOAL_TIME,
    CRM__GOAL_REFERENCE,
    CRM__GOAL_TAGS, /* of any number of columns */
    CRM__GOALS_OWN
};

/* What a name of a column, or a word of the mapping, stands for. */
typedef struct crm__map_meaning {
    unsigned use, found; /* CRM__USE_..., CRM__FOUND_... */
    unsigned part;       /* CRM__PART_... */
    unsigned mark;       /* of several addresses: which */
    int sure;            /* of CRM__USE_ID: it can be no other system's number */
    const crm__field *f; /* of attributes the one of the first kind that has it */
    const char *word;    /* of attributes: by which its kinds are asked */
    size_t word_n;
    const char *source;           /* in the name, of an identity that is per source; NULL: none */
    const char *why;              /* of CRM__USE_NONE; "" */
    const crm__dimension *within; /* of CRM__USE_TAG: the only one its tags are of; NULL: any */
    int loose;                    /* nothing but the name of that dimension says so */
} crm__map_meaning;

/* A line of the mapping's text. */
typedef struct crm__map_rule {
    crm__slice column; /* as written */
    const char *folded;
    size_t folded_n;
    const char *word;   /* what it becomes, as written; NULL: it is left out */
    const char *source; /* "": none */
    unsigned part, date, decimal;
    char currency[4];
    int32_t line, at; /* of the word */
    int32_t column_line, column_at;
    int matched; /* by a column of the table */
    crm__map_meaning meaning;
} crm__map_rule;

typedef struct crm__map_column {
    crm__mapped told;
    crm__map_meaning meaning;
    const crm__map_rule *rule;     /* NULL: none */
    crm__known known;              /* role NULL: the name is not known */
    uint32_t goal;                 /* CRM__NO_GOAL */
    unsigned number;               /* in its name */
    uint8_t date, seen;            /* CRM__DATE_..., CRM__SEEN_... */
    uint8_t dated;                 /* its cells are dates, maybe */
    uint8_t counted;               /* they are numbers or amounts */
    uint8_t decimal, seen_number;  /* CRM__DECIMAL_...: of the mapping; bits of the samples */
    uint8_t beside;                /* of an account: another column has the name of the person */
    char currency[4];              /* of amounts without one; "": the field's */
    const crm__field **attributes; /* by position of the kinds; NULL: no attribute */
} crm__map_column;

typedef struct crm__map_goal {
    const crm__field *f; /* NULL: of the library's own */
    crm_field public;
    uint32_t first; /* column that claimed it */
    unsigned mark;  /* of the address it has, once a piece is claimed */
    uint32_t taken; /* mask of parts that have a column */
    /* of a row */
    uint64_t row;
    size_t list_from, list_n; /* items in crm__mapping.items, of lists */
    crm__slice part[CRM__PARTS];
    uint32_t column[CRM__PARTS];
} crm__map_goal;

struct crm__mapping {
    crm_allocator mem;
    crm_txn *txn;
    crm__model *model;
    unsigned what;
    int partial, upsert;
    crm_id owner;
    const char *kind;             /* key, NULL: none was given */
    unsigned kind_number;         /* of customers */
    const crm__event_kind *event; /* of events */
    size_t event_at;
    const char *source;                    /* never NULL */
    const char *asked_kind, *asked_source; /* of the options or the text; NULL */
    int has_source;                        /* a column tells the rows' sources */
    crm__arena kept;                       /* rules, names */
    crm__arena plan;                       /* what depends on the model */
    crm__buf rules;                        /* crm__map_rule */
    crm__buf columns;                      /* crm__map_column */
    crm__buf goals;                        /* crm__map_goal */
    int card;                              /* names are properties of vCards */
    int owns;                              /* the table was written by this library */
    char program;                          /* letter; 0: not told */
    uint32_t *goal_of;                     /* goal of each field by position, + 1; in plan */
    int nomem;                             /* while looking names up */
    int told;                              /* columns were told */
    int commas;                            /* some number among the samples has a decimal comma */
    /* of a row */
    uint64_t row;
    uint32_t own_uid; /* column of a card's UID that is this database's; UINT32_MAX: none */
    uint32_t *active; /* goals in use, room for all */
    size_t active_count, active_room;
    crm__buf item, items, work, join, hint, cut;
    crm_error why;      /* of a value's reader */
    size_t value_count; /* put into items, equal ones too */
    crm__buf tags;      /* crm__row_tag, their names in row_tags */
    crm__arena row_tags;
    crm__buf row_source; /* NUL-terminated */
};

static inline crm__map_rule *crm__map_rule_at(const crm__mapping *m, size_t i)
{
    return (crm__map_rule *)(void *)m->rules.p + i;
}

static inline size_t crm__map_rule_count(const crm__mapping *m)
{
    return m->rules.n / sizeof(crm__map_rule);
}

static inline crm__map_column *crm__map_column_at(const crm__mapping *m, size_t i)
{
    return (crm__map_column *)(void *)m->columns.p + i;
}

static inline crm__map_goal *crm__map_goal_at(const crm__mapping *m, size_t i)
{
    return (crm__map_goal *)(void *)m->goals.p + i;
}

/* Who is told of faults, and how many there were. */
typedef struct crm__fault_to {
    crm__cell_fault_fn fn;
    void *ctx;
    int count;
} crm__fault_to;

/* ---- mapping_text.c ---- */

/* Reads the text into rules, kind and source. */
int crm__map_text_read(crm__mapping *m, const char *text, size_t n, crm_error *err);

/* ---- mapping_find.c ---- */

/* What a word of the mapping means; CRM_EFIELD with a near name. */
int crm__map_word(const crm__mapping *m, const char *word, size_t n, crm__map_meaning *out,
                  crm_error *err);
/* What the name of a column means, rules apart.  c->known is set before. */
void crm__map_name(const crm__mapping *m, const crm__map_column *c, crm__map_meaning *out);
/* What its role means, USE_NONE when the model has no such field. */
void crm__map_role(const crm__mapping *m, const crm__map_column *c, crm__map_meaning *out);
/* Folded; the length, 0 when it is too long or empty. */
size_t crm__map_fold(const char *s, size_t n, char out[CRM__FOLD_BYTES]);

/* ---- mapping_claim.c ---- */

/* Finds out what the columns from `from` on are. */
int crm__map_claim(crm__mapping *m, size_t from, crm_error *err);

/* ---- mapping_tag.c ---- */

/* "tag:region", or the name of a dimension alone.  1 when it is one. */
int crm__map_tag_column(const crm__mapping *m, const char *s, size_t n, crm__map_meaning *out);
/* The tags of a row into m->tags. */
int crm__map_fill_tags(crm__mapping *m, const crm__table_row *row, crm__fault_to *to,
                       crm_error *err);

/* ---- mapping_cell.c ---- */

/* A cell without the spaces and marks of direction around its text; of no bytes when there is none.
 * The other, which is for tables, takes a spreadsheet's ' before a number off as well. */
crm__slice crm__map_bare(crm__slice text);
crm__slice crm__map_trim(crm__slice text);
/* Makes the text of a value such that the field's own reader takes it; it may then lie in m->work.
 * CRM_DONE: it means that there is no value.  CRM_EVALUE: told.  CRM_ENOMEM. */
int crm__map_ready(crm__mapping *m, uint32_t column, const crm__field *f, crm__slice *text,
                   crm__fault_to *to, crm_error *err);
/* The text of a cell may begin with a mark for "as it stands" (mapping.h), which the reader of a
 * value takes off: the same, but such a text is not trimmed; whether it is one; what is behind the
 * mark. */
crm__slice crm__map_outer(const crm__mapping *m, crm__slice text);
int crm__map_is_literal(crm__slice text);
crm__slice crm__map_plain(crm__slice text);
/* The next of several values in a cell: CRM_OK, CRM_DONE or CRM_ENOMEM; it may then lie in m->cut.
 * `safe`: also at the marks that may stand within a value, of a value that was cut already. */
int crm__map_split(crm__mapping *m, const crm__field *f, int safe, crm__slice *rest,
                   crm__slice *one);
/* Tells of a fault whose words are in why, or passes other errors on.  Returns CRM_EVALUE for what
 * was told. */
int crm__map_fault(crm__mapping *m, uint32_t column, const crm__field *f, const crm_error *why,
                   crm__fault_to *to, crm_error *err);
void crm__map_tell(uint32_t column, const char *field, const char *what, const char *hint, int code,
                   crm__fault_to *to);

/* ---- mapping_date.c ---- */

enum { CRM__MAP_DATE_BYTES = 64 };
/* The evidence for an order that a text gives: CRM__SEEN_... or 0. */
unsigned crm__map_date_look(crm__slice text);
/* Writes a date, or a date and time, with the year first; out is then *text.  Text that is none of
 * those this knows stays as it is, for the field's reader to refuse.  CRM_EVALUE: *why, *hint. */
int crm__map_date(const crm__map_column *c, uint8_t type, const crm__zone *zone,
                  char out[CRM__MAP_DATE_BYTES], crm__slice *text, const char **why,
                  const char **hint);
/* 1 when the text is a time of the day alone. */
int crm__map_is_clock(crm__slice text);

/* ---- mapping_number.c ---- */

/* The evidence for a mark before decimals that a text gives: CRM__DECIMAL_... or 0. */
unsigned crm__map_number_look(crm__slice text);
/* Makes a number or an amount such that the field's reader takes it; it may then lie in m->join.
 * Text that is none stays as it is, for the reader to refuse.  CRM_EVALUE: *why, *hint. */
int crm__map_amount(crm__mapping *m, const crm__map_column *c, const crm__field *f,
                    crm__slice *text, const char **why, const char **hint);

/* ---- mapping_row.c ---- */

/* Puts the cells of a row to their goals, which are then m->active. */
int crm__map_gather(crm__mapping *m, const crm__table_row *row, crm_error *err);
/* The text of a goal, its pieces put together; *column: the first of them.  Of no bytes: none. */
crm__slice crm__map_compose(crm__mapping *m, crm__map_goal *g, uint32_t *column);
/* The number of a customer in a cell of the goal; 0, told, when it is none. */
crm_id crm__map_number(const crm__map_goal *g, const char *field, crm__fault_to *to);
/* The source of the identity in a column: the row's own where the mapping has none for it. */
const char *crm__map_source(const crm__mapping *m, const crm__map_column *c);
/* The row's own source, or the mapping's. */
int crm__map_row_source(crm__mapping *m, crm__fault_to *to, crm_error *err);

#endif
