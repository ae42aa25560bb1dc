/* SPDX-License-Identifier: MIT
 * What the verbs of the command line tool share: the run's settings, exit codes, and the helpers of
 * the other files.  Everything is built on the public headers of the library alone.
 */
#ifndef TOOL_H
#define TOOL_H

#include <stddef.h>
#include <stdint.h>

#include <crm/crm.h>

/* Installed name, from the build. */
#ifndef TOOL
#define TOOL "crm"
#endif

/* Exit codes: part of the tool's interface, documented in the man page. */
enum {
    TOOL_OK = 0,
    TOOL_MISSING = 1,      /* something was not found, rows were bad, faults were found */
    TOOL_USAGE = 2,        /* the command line is wrong */
    TOOL_CONFLICT = 3,     /* changed meanwhile, taken, ambiguous, or refused */
    TOOL_INPUT = 4,        /* a value, document or model is wrong */
    TOOL_SYSTEM = 5,       /* database or operating system */
    TOOL_INTERRUPTED = 130 /* Ctrl-C, as shells report it */
};

typedef struct tool tool;
struct place;
struct progress;

/* A verb of the tool. */
typedef struct verb {
    const char *name;
    const char *arguments; /* one line, for the list of verbs */
    const char *summary;
    const char *help;
    int writes; /* takes --actor, --source and --zone */
    int (*run)(tool *t, int argc, char **argv);
} verb;

/* One run of the tool. */
struct tool {
    const verb *verb; /* NULL until it is known */
    const char *path; /* folder of the database */
    const char *lang; /* language of labels: "en", "zh" ... */
    int json;
    int help;
    int write_option; /* an option was given that only verbs that write take */
    crm_txn_options write;
    int endless;        /* Ctrl-C is how the verb ends */
    uint64_t batch; /* the batch that was begun, 0: none */
    crm_db *db;
    char *draft;            /* folder of a database in the making, see draft.c; NULL: none */
    struct progress *bar;   /* what is on the screen, to be cleared before a message; NULL: none */
};

typedef struct slice {
    const char *p;
    size_t n;
} slice;

/* ---- main.c ---- */

/* Begins a verb: takes the options out of argv and fills in the settings.  0 to go on; otherwise
 * what the verb returns (TOOL_HELPED when it has printed its page). */
enum { TOOL_HELPED = -1 };
struct arg_option;
int verb_start(tool *t, int *argc, char **argv, const struct arg_option *own);

/* ---- help.c ---- */

/* Prints the page of a verb, or of the tool; with --json its parts. */
void help_verb(tool *t, const verb *v);
void help_tool(tool *t, const verb *const *verbs, size_t count);

/* ---- verbs ---- */

extern const verb verb_init, verb_model, verb_create, verb_get, verb_find, verb_set, verb_delete,
    verb_undelete, verb_list, verb_segment, verb_numbers, verb_act, verb_tag, verb_tags, verb_event, verb_timeline, verb_history, verb_undo, verb_changes,
    verb_head, verb_verify, verb_stat, verb_check, verb_import, verb_backup, verb_restore, verb_compact,
    verb_trim, verb_dump, verb_load, verb_export;

/* Reports every fault of a model document on standard error; the exit code. */
int model_faults(tool *t, const char *file, const char *yaml, size_t n);

/* ---- args.c: the command line ---- */

enum {
    ARG_FLAG,
    ARG_TEXT,
    ARG_NUMBER,
    ARG_LIST, /* a text that may be given again */
    ARG_BATCH /* --batch[=NAME]: the verb's changes are one batch */
};

/* What ARG_LIST fills; p is the caller's to free. */
typedef struct arg_list {
    const char **p;
    size_t n;
} arg_list;

typedef struct arg_option {
    const char *name; /* without dashes; NULL ends a table */
    char letter;      /* 0: none */
    int kind;         /* ARG_... */
    void *to;         /* int *, const char **, uint64_t *, arg_list *; NULL for ARG_BATCH */
} arg_option;

/* Takes the options out of argv, wherever they stand before "--", and leaves the other arguments in
 * order; *argc is their number.  `own` may be NULL.  0, or an exit code after a message. */
int args_parse(tool *t, int *argc, char **argv, const arg_option *own);
/* The same for what stands before the verb: stops at the first argument that is no option. */
int args_parse_head(tool *t, int argc, char **argv, int *used);
/* Decimal number of digits only.  0 or -1. */
int args_number(const char *s, uint64_t *out);

/* ---- buf.c: growing text; ends the process with TOOL_SYSTEM when memory runs out ---- */

typedef struct buf {
    char *p; /* NUL-terminated once anything was added */
    size_t n, cap;
} buf;

void *xrealloc(void *p, size_t n);
void buf_add(buf *b, const char *s, size_t n);
void buf_str(buf *b, const char *s);
void buf_char(buf *b, char c);
void buf_fmt(buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3), nonnull(2)));
void buf_free(buf *b);
/* Grouped by commas: 1,234,567. */
void buf_count(buf *b, uint64_t n);
/* 1.2 MiB. */
void buf_size(buf *b, uint64_t bytes);
/* RFC 3339, UTC, in the library's form: no decimals, 3 or 6. */
void buf_time(buf *b, int64_t us);

/* ---- time.c ---- */

/* The text of an option as a time of --zone, microseconds but never 0, which says none to the library; a
 * text that is NULL changes nothing.  0 or an exit code. */
int time_option(tool *t, crm_txn *txn, const char *option, const char *text, int64_t *us);
/* The same of --until of tags, which is after 1970. */
int time_until(tool *t, crm_txn *txn, const char *text, int64_t *us);

/* ---- near.c: what somebody may have meant ---- */

/* Looks for the one among names that is a slip or two away from what was given. */
typedef struct near {
    slice given;
    const char *name; /* found; NULL: none is near */
    size_t slips;
} near;

void near_start(near *x, const char *given, size_t n);
void near_try(near *x, const char *name);
/* Appends `; did you mean "name"?`, or nothing; `prefix` goes in front of the name. */
void near_hint(const near *x, const char *prefix, buf *out);

/* ---- error.c: messages ---- */

/* chinese.c: a text, or a format, in the language of the run; with --json as it is. */
const char *tr(const tool *t, const char *text) __attribute__((format_arg(2)));

/* "crm: verb: message" on standard error, or {"error":{...}} with --json.  `code` is a CRM_ code,
 * from which the exit code follows that is returned. */
int fail(tool *t, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The same for a mistake on the command line; returns TOOL_USAGE. */
int fail_usage(tool *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same for an error of the library. */
int fail_crm(tool *t, const crm_error *err);
/* One place in a file of lines that an error is about. */
typedef struct place {
    const char *file;
    uint64_t line, column; /* column 0: none */
} place;
/* Reports an error at a place (NULL: none); `subject`, when not NULL, goes in front of
 * the message.
 */
void report(tool *t, const place *at, const char *subject, const crm_error *err);
/* Reports every fault of crm_customer_validate_json().  Codes equal to `skip` are left out, with
 * `given` also what is about no value of the document, such as a field that is missing.
 * Returns how many were reported, 0 also when the report can't be had. */
size_t report_faults(tool *t, crm_txn *txn, const char *json, size_t n, int skip, int given);
int exit_code_of(int code);
/* Writes a line to standard error as it is, and frees it. */
void error_line(buf *b);
/* A remark that is no error. */
void note(tool *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- open.c: database and transactions ---- */

/* Opens for reading.  0 or an exit code after a message. */
int open_read(tool *t);
/* Opens for writing.  `make`: makes the database when there is none; with MAKE_DRAFT the first
 * commit() may say TOOL_AGAIN, with MAKE_ONCE it does not unless another process makes one, too. */
enum { MAKE_NOT, MAKE_DRAFT, MAKE_ONCE };
int open_write(tool *t, int make);
/* Opens for questions: with a reason (NULL: none), which goes to the journal, for writing. */
int open_question(tool *t, const char *reason);
int open_at(tool *t, const char *path, uint32_t flags, crm_error *err);
/* Says that there is no database; the exit code. */
int open_absent(tool *t);
int begin(tool *t, int mode, crm_txn **txn);
/* Later transactions go on with the batch of this one, which is told the first time.  TOOL_AGAIN:
 * nothing is written yet, the verb begins the transaction once more and does the same. */
enum { TOOL_AGAIN = -2 };
int commit(tool *t, crm_txn *txn);
/* The whole of a file ("-": standard input), at most `limit` bytes. */
int slurp(tool *t, const char *file, size_t limit, buf *out);

/* ---- draft.c: a database that the first change makes ---- */

int draft_open(tool *t);
/* Puts the draft, committed, into its place: 0, TOOL_AGAIN, or an exit code after a message. */
int draft_keep(tool *t);
/* The same while the database stays open, before the first of several commits: 0, or an exit code
 * after a message, also when there is one meanwhile. */
int draft_settle(tool *t);
/* Removes it, if there is one; its database is closed. */
void draft_drop(tool *t);

/* ---- text.c: UTF-8 on a terminal ---- */

/* Length of the character at s and its number; a byte that starts none gives 1 and UINT32_MAX. */
size_t text_next(const char *s, size_t n, uint32_t *c);
int text_valid(const char *s, size_t n);
/* Appends what to do with a file that begins as compressed files or UTF-16 do, or is not UTF-8; 0
 * when this one is neither. */
int text_advice(buf *out, const char *file, const char *s, size_t n);
/* Columns a character takes: 0, 1 or 2. */
int text_char_width(uint32_t c);
size_t text_width(const char *s, size_t n);
/* Appends s with everything that could steer a terminal or break a line made visible. */
void text_clean(buf *out, const char *s, size_t n);
/* Appends s for a terminal: lines stay lines, what could steer it is made visible; in JSON text as
 * escapes that mean the same. */
void text_terminal(buf *out, const char *s, size_t n, int json);
/* Appends clean text cut to `width` columns with an ellipsis (SIZE_MAX: whole).  Returns its width.
 */
size_t text_cut(buf *out, const char *s, size_t n, size_t width);
void text_pad(buf *out, size_t columns);

/* ---- out.c: standard output and error ---- */

/* Makes sure that 0, 1 and 2 are open, so that no database file can take their place. */
void out_start(void);
void out_put(const char *s, size_t n);
void out_line(const char *s, size_t n);
/* As out_put(), with control characters made visible when standard output is a terminal. */
void out_raw(const char *s, size_t n);
/* A JSON value and a newline. */
void out_json(const char *s, size_t n);
void out_flush(void);
/* Waits until a descriptor takes what is written; 0: Ctrl-C came, and it does not. */
int out_room(int fd);
/* Calls fn, once, when whoever reads our output keeps us waiting (a pager, say), before blocking on
 * it: the moment to end a read transaction, which would make the file grow. */
void out_on_stall(void (*fn)(void *ctx), void *ctx);
/* Non-zero once a write has failed: stop producing. */
int out_failed(void);
/* Flushes and says what went wrong.  Returns the exit code; a closed pipe ends the process as
 * SIGPIPE would have. */
int out_end(tool *t, int exit_code);
int out_is_terminal(void);
/* Whether heads are set in bold: on a terminal, unless NO_COLOR says no. */
int out_bold(void);
/* Whether whoever read our output has gone away. */
int out_closed(void);
/* Columns of the terminal behind a descriptor, 0 when it is none. */
size_t out_columns(int fd);

/* ---- json.c ---- */

/* Appends a JSON string with its quotes. */
void json_string(buf *out, const char *s, size_t n);
/* Appends `,"key":` (no comma after an opening brace). */
void json_key(buf *out, const char *key);
/* Walks the members of an object or the items of an array in well-formed JSON: *pos starts at 0;
 * key is the raw text between the quotes, empty in an array; value is the raw text.  1, or 0 at the
 * end. */
int json_next(slice doc, size_t *pos, slice *key, slice *value);
/* Value of a member; n = 0 when there is none. */
slice json_member(slice doc, const char *key);
/* Appends the text of a raw JSON string (of anything else: the raw text). */
void json_text(buf *out, slice value);
int slice_is(slice s, const char *text);

/* ---- pairs.c: field=value ---- */

enum { PAIR_SET, PAIR_ADD, PAIR_REMOVE };

typedef struct pair {
    slice name;   /* key or label */
    slice source; /* p = NULL: none */
    slice value;
    int op;
} pair;

/* 1 when arg has the form NAME=VALUE, 0 when not. */
int pair_split(const char *arg, pair *out);
/* JSON document of the arguments, for create (patch = 0) or patch.  0 or an exit code. */
int pairs_document(tool *t, crm_txn *txn, int argc, char **argv, int patch, crm_id id, buf *out);

/* ---- target.c: which customer is meant ---- */

typedef struct ids {
    crm_id *p;
    size_t n;
} ids;

/* Customers that an argument means, ascending: an id (not in find), field=value, or a value
 * searched in every identity.  0, or an exit code after a message; TOOL_MISSING when there is none.
 */
int target_all(tool *t, crm_txn *txn, const char *arg, int numbers_are_ids, ids *out);
/* The one customer that an argument means; TOOL_CONFLICT when there are several. */
int target_one(tool *t, crm_txn *txn, const char *arg, crm_id *id);
/* Appends value i of a field; the id of another system as "source:value"; of an enum the label in
 * a language, its key with `lang` NULL. */
int value_text(tool *t, crm_txn *txn, crm_customer *c, const crm_field *field, size_t i,
               const char *lang, buf *out);
/* Appends a value's text: of an enum its label in a language, if there is one and `lang` is given.
 */
void put_label(crm_txn *txn, const crm_field *field, const char *text, size_t n, const char *lang,
               buf *out);
/* Label of a field in a language; of "zh-CN" also what the model has for "zh".  NUL-terminated,
 * valid until the transaction ends. */
const char *field_label(crm_txn *txn, const crm_field *field, const char *lang);
/* The same for a kind of events. */
const char *kind_label(crm_txn *txn, const crm_event_kind *kind, const char *lang);
/* The same for a kind of customers. */
const char *customer_kind_label(crm_txn *txn, const char *kind, const char *lang);
/* The same for a dimension of tags, and for a value of it. */
const char *dimension_label(crm_txn *txn, const crm_dimension *dimension, const char *lang);
const char *tag_label(crm_txn *txn, const crm_dimension *dimension, const char *value,
                      const char *lang);
/* Appends a tag as "Dimension: value", with the labels of both; crm tag takes that, too. */
void put_tag_label(crm_txn *txn, const char *tag, const char *lang, buf *out);
/* Appends the head of a column of numbers. */
void put_head_label(crm_txn *txn, const char *head, int grouping, const char *lang, buf *out);
int is_chinese(const char *lang);
/* Label of what every record has (id, kind ...), in a language. */
const char *built_in_label(const char *key, const char *lang);
/* Key of what every record has, by key or label; NULL when it is none. */
const char *built_in_key(slice name);
/* Field that names customers in lists, 0 when the model has none. */
int target_name_field(crm_txn *txn, crm_field *out);

/* ---- badrows.c: the file that an import puts bad rows in ---- */

typedef struct badrows {
    tool *t;
    char *name, *part; /* NULL: none is written */
    int fd;            /* of part; -1: not open */
    int to_out;        /* to standard output instead */
    int lines;         /* JSON Lines */
    int grows;         /* columns come to be known one by one */
    int headed, closing;
    int beside;       /* the place is the usual one, beside the file */
    int failed;       /* exit code of the first thing that went wrong, told */
    uint64_t length;  /* of part */
    uint64_t resumed; /* its length when the import was cut short */
    uint64_t rows;
    buf text, head;
} badrows;

/* `given`: what --errors says, NULL: beside the file.  0, or an exit code after a message when no
 * such file can be made there, or there is one of that name that is none of ours. */
int badrows_open(tool *t, badrows *b, const char *given, const char *file, int lines);
int badrows_resume(badrows *b, uint64_t length);
int badrows_add(badrows *b, const crm_import_bad *bad);
/* Writes through to the disk what was added so far; its length.  What failed once fails here: the
 * rows of which it is called are not to be committed then. */
int badrows_mark(badrows *b, uint64_t *length);
/* Of an import that was resumed and had no bad row since: the columns, as its mapping has them. */
void badrows_columns(badrows *b, slice columns);
/* Puts the file in its place, or, without a bad row, puts by what an earlier run made.  An import
 * that was stopped leaves it aside when it can be resumed, and else, without a bad row, all as it
 * was. */
int badrows_close(badrows *b, int stopped, int resumable, int *made);
void badrows_free(badrows *b);

/* ---- progress.c: progress on a terminal, and Ctrl-C ---- */

typedef struct progress {
    const tool *t;
    const char *unit;
    double started, shown_at;
    int on, shown;
} progress;

void interrupt_catch(void);
int interrupted(void);
void progress_start(const tool *t, progress *p, const char *unit);
/* `done` of `total` (0: not known) as the measure, `count` as the number to show. */
void progress_step(progress *p, uint64_t done, uint64_t total, uint64_t count);
/* Takes the bar off the screen, so that a message can be written. */
void progress_clear(progress *p);

/* A bar, and Ctrl-C, for a long call of a transaction that has no progress function of its own. */
typedef struct long_call {
    tool *t;
    progress bar;
} long_call;

void long_begin(long_call *l, tool *t, crm_txn *txn, const char *unit);
/* Behind the call, which gave result; the exit code of what went wrong, which is said. */
int long_end(long_call *l, int result, const crm_error *err);

/* ---- copying.c: what backup, restore and compact share ---- */

typedef struct copying {
    crm_backup_options options;
    progress bar;
} copying;

/* Catches Ctrl-C and fills the options. */
void copying_start(tool *t, copying *c);
/* Prints what was copied: `what` names it ("file", "path"), `name` is its name. */
void copying_end(tool *t, const char *what, const char *name, const crm_backup_result *r);

/* ---- dumping.c: what dump and load share ---- */

typedef struct dumping {
    progress bar;
} dumping;

/* Catches Ctrl-C and fills the options. */
void dumping_start(tool *t, dumping *d, crm_dump_options *options);
/* Prints what was written, as copying_end(). */
void dumping_end(tool *t, const char *what, const char *name, const crm_dump_result *r);

/* ---- rows.c: customers as a table, CSV or JSON Lines ---- */

enum { AS_TABLE, AS_JSON, AS_CSV };

typedef struct sheet {
    tool *t;
    crm_txn *txn; /* of what is put */
    int how;      /* AS_... */
    struct rows_column *columns;
    size_t count;
    int all_members;
    struct table *tb; /* NULL: no table, or not begun */
} sheet;

/* Columns by name, as --fields gives them; NULL: the usual ones.  0 or an exit code. */
int rows_choose(sheet *r, const char *names);
/* `width` of a table as --width gives it, SIZE_MAX: none was given. */
void rows_head(sheet *r, size_t width);
int rows_put(sheet *r, crm_customer *c);
/* Writes what is held back, and frees. */
void rows_end(sheet *r);

/* ---- query.c: segments as they stand on the command line ---- */

typedef struct query {
    tool *t;
    buf text;
    const char *file; /* it was read from; NULL: the command line */
    crm_segment *segment;
    crm_segment_options options;
    progress bar;
} query;

/* Reads the text that an argument means: itself, of a file with '@' in front, "-": of standard
 * input.  0 or an exit code after a message. */
int query_read(query *q, tool *t, const char *arg);
/* Makes a segment of it; what is wrong is shown where it stands.  0 or an exit code. */
int query_parse(query *q, crm_txn *txn);
/* Only customers of a kind. */
int query_of_kind(query *q, crm_txn *txn, const char *kind);
/* From here on Ctrl-C stops a run, and one that takes long shows how far it is. */
void query_watch(query *q);
void query_unwatch(query *q);
/* Tells why a run ended; the exit code. */
int query_fail(query *q, const crm_error *err);
/* Of what parsing it says: shows the place. */
int query_misread(query *q, crm_error *err);
void query_free(query *q);

/* ---- walk.c: the customers of a segment, page by page ---- */

typedef struct walk_wishes {
    const char *fields, *order, *after;
    const char *reason;    /* the journal gets an entry with it before the first; NULL: none */
    uint64_t limit, width; /* UINT64_MAX, SIZE_MAX: none */
    int how;               /* AS_... */
} walk_wishes;

/* Prints them, in a snapshot that is begun anew when the reader takes a rest.  `txn` ends in it. */
int walk_segment(query *q, crm_txn *txn, const walk_wishes *w);

/* ---- segment_tree.c: trees of steps and conditions ---- */

/* Prints what crm_segment_explain() and crm_segment_why() gave. */
void segment_explained(slice doc);
void segment_why(slice doc);

/* ---- verb_event.c ---- */

/* Appends the document of an event from ATTRIBUTE=VALUE.  0 or an exit code. */
int event_document(tool *t, const char *reference, int argc, char **argv, buf *out);

/* ---- segment_act.c: tags for all customers of a segment ---- */

typedef struct segment_act {
    const char *tag, *until, *reason;
    int untag, rule, dry_run;
    const char *dimension; /* to set the tags of, NULL: `tag` is given, or taken */
    const char *const *values;
    size_t count;
} segment_act;

int segment_act_run(tool *t, const char *query_arg, const segment_act *a);

/* ---- verb_numbers.c ---- */

/* Prints what a request for numbers over a segment gives. */
int numbers_of(tool *t, const char *request, const char *of, const char *reason, int csv);

/* ---- verb_export.c ---- */

/* The customers of a segment, which is argv[0], as export has them. */
int segment_export(tool *t, int argc, char **argv);
/* Exports the customers of a saved segment to a file, by an open database; look: only whether it could. */
int export_named(tool *t, const char *name, const char *file, const char *reason, int look);

/* ---- segment_diff.c: two segments, or one (right NULL) at two moments ---- */

int segment_diff(tool *t, const char *left, const char *right, const char *at, const char *with,
                 const char *reason, int csv);

/* ---- segment_live.c: watched segments ---- */

int is_segment_live(const char *name);
int segment_live(tool *t, int argc, char **argv);

/* ---- segment_saved.c: segments saved under names ---- */

/* What the verb's save, remove, list (name NULL) and show do; the exit code. */
int segment_save(tool *t, const char *name, const char *query_arg, uint32_t flags, int dry_run);
int segment_remove(tool *t, const char *name);
int segment_saved(tool *t, const char *name);

/* ---- table.c: aligned columns ---- */

typedef struct table table;

/* `width`: columns of the whole table, 0: as wide as it gets. `cell`: at most so many a cell, 0:
 * any. */
table *table_new(size_t columns, size_t width, size_t cell);
/* The first row is a row like the others. */
void table_no_head(table *tb);
void table_right(table *tb, size_t column);
/* Cells come from left to right, rows from top to bottom; the first row is the head. */
void table_cell(table *tb, const char *s, size_t n);
/* Writes what is still held back and frees the table. */
void table_end(table *tb);

#endif
