/* SPDX-License-Identifier: MIT
 * The compiled model: immutable once bound, shared by reference count, good for any thread.
 * Knows the YAML language and the rules for values; knows nothing of transactions or storage (the
 * database layer gives numbers to fields through crm__model_bind()).
 */
#ifndef CRM_MODEL_MODEL_H
#define CRM_MODEL_MODEL_H

#include "base/decimal.h"
#include "base/mem.h"
#include "base/pattern.h"
#include "base/zone.h"
#include "codec/value.h"

#include <crm/model.h>

enum { CRM__KIND_PERSON = 1, CRM__KIND_ORGANISATION = 2 }; /* stored numbers; masks are 1 << kind */
enum { CRM__MODEL_BYTES = 1 << 20, CRM__MODEL_FIELDS = 1000, CRM__MODEL_VALUES = 4096 };
/* What is kept of a field's values for questions over many customers: db/index.h. */
enum { CRM__INDEX_VALUES = 1, CRM__INDEX_COLUMN = 2, CRM__INDEX_GRAMS = 4 };
enum { CRM__MODEL_EVENTS = 200, CRM__MODEL_ATTRIBUTES = 60 }; /* attributes: of one event kind */
enum { CRM__MODEL_DIMENSIONS = 200, CRM__TAG_PATH_BYTES = 400 };

typedef struct crm__label {
    const char *lang; /* BCP 47, lower case; "und": none was stated */
    const char *text;
} crm__label;

typedef struct crm__enum_value {
    uint32_t number; /* dictionary, 0 until bound */
    const char *key;
    const crm__label *labels;
    uint32_t label_count;
} crm__enum_value;

typedef struct crm__field {
    uint32_t number;           /* dictionary, 0 until bound */
    uint8_t type;              /* CRM_TYPE_* */
    uint8_t kinds;             /* mask of 1 << CRM__KIND_* */
    uint8_t declared_identity; /* stands under `identities:`, printed in the document's list */
    uint8_t has_min, has_max;
    uint8_t index;  /* CRM__INDEX_*; of attributes 0 */
    uint32_t flags; /* CRM_FIELD_* */
    const char *key;
    crm__decimal min, max; /* numbers: the value; text: length in characters; lists: of each item */
    crm__slice min_value, max_value; /* dates and datetimes: encoded bound, n = 0 when none */
    crm__pattern *pattern;           /* NULL: none */
    const char *pattern_text;
    crm__slice default_value; /* encoded payload (a list: with items), n = 0 when none; of an enum
                                 field only once bound */
    char currency[4];         /* money: when a value names none; empty: it must */
    char region[3];           /* phone: default region; empty: number must be international */
    const char *data_class;   /* basic contact transaction preference feedback social */
    const char *sensitivity;  /* public internal personal sensitive */
    const crm__label *labels;
    uint32_t label_count;
    const crm__enum_value *values;
    uint32_t value_count;
    const struct crm__names *value_names;     /* keys and labels of values to their positions */
    const struct crm__numbers *value_numbers; /* numbers of values to positions; NULL until bound */
    int32_t line, column;                     /* of its key in the document */
} crm__field;

/* A kind of events.  An attribute is a field with the flags REQUIRED and FAST only; its number is
 * one of attributes, which no field's number has to do with. */
typedef struct crm__event_kind {
    uint32_t number; /* dictionary, 0 until bound */
    const char *key;
    const crm__label *labels;
    uint32_t label_count;
    const crm__field *attributes; /* in the order of the document */
    uint32_t attribute_count;
    uint32_t fast_count;                           /* of them, those with CRM_FIELD_FAST */
    const struct crm__enum_default *enum_defaults; /* beside attributes */
    const struct crm__names *attribute_names;      /* keys and labels to positions */
    const struct crm__numbers *attribute_numbers;  /* NULL until bound */
    int32_t line, column;                          /* of its key in the document */
} crm__event_kind;

/* A dimension of tags.  A tag is `<dimension>:<path>`; a path is one value, or of a hierarchical
 * dimension values with / between them, from the widest to the narrowest. */
typedef struct crm__dimension_value {
    const char *path; /* canonical */
    const crm__label *labels;
    uint32_t label_count;
} crm__dimension_value;

typedef struct crm__dimension {
    const char *key;
    const crm__label *labels;
    uint32_t label_count;
    uint8_t one; /* a customer has at most one tag of it (many: any number) */
    uint8_t hierarchical;
    uint8_t closed;                     /* only the values below may be given */
    uint8_t expires;                    /* its tags may have an end */
    const crm__dimension_value *values; /* declared ones, in the order of the document */
    uint32_t value_count;
    const struct crm__names *value_names; /* paths and labels of values to their positions */
    int32_t line, column;                 /* of its key in the document */
} crm__dimension;

/* A segment of the model: `segment(name)`. */
typedef struct crm__model_segment {
    const char *key; /* 1 to 100 bytes of UTF-8, also not of ASCII */
    const crm__label *labels;
    uint32_t label_count;
    const char *query; /* as in the document; found to be right with this model */
    size_t n;
} crm__model_segment;

typedef struct crm__model crm__model;

/* Parses and checks a document.  Every fault goes to fn (may be NULL); the first also to err.
 * CRM_OK, CRM_EMODEL, CRM_ENOMEM.  The result has one reference and is unbound. */
int crm__model_parse(const crm_allocator *mem, const char *yaml, size_t n, crm_finding_fn fn,
                     void *ctx, crm__model **out, crm_error *err);

/* Gives numbers to all names.  `number` is asked once per name; cls and name are
 *   'f'  "<field>"                     a field or identity
 *   'e'  "<field>/<value>"             a value of an enum field
 *   'k'  "<kind>"                      an event kind
 *   'a'  "<kind>/<attribute>"          an attribute of an event kind
 *   'e'  "<kind>/<attribute>/<value>"  a value of an enum attribute
 * The first result of `number` but CRM_OK ends it and is returned: the model is unbound as before.
 * Else CRM_OK, CRM_ENOMEM, CRM_ESTATE (bound already) or CRM_ECORRUPT (number 0, or one given twice
 * among fields, kinds, attributes of a kind or values of an enum). */
typedef int (*crm__number_fn)(void *ctx, char cls, const char *name, size_t n, uint32_t *number,
                              crm_error *err);
int crm__model_bind(crm__model *m, uint32_t version, crm__number_fn number, void *ctx,
                    crm_error *err);

void crm__model_ref(crm__model *m);
void crm__model_unref(crm__model *m); /* NULL does nothing; frees at the last reference */

const char *crm__model_text(const crm__model *m, size_t *n);
uint32_t crm__model_version(const crm__model *m);
size_t crm__model_count(const crm__model *m);
const crm__field *crm__model_at(const crm__model *m, size_t i);            /* document order */
const crm__field *crm__model_number(const crm__model *m, uint32_t number); /* NULL: none */
/* By key or label, folded (crm__utf8_fold). NULL: none. */
const crm__field *crm__model_find(const crm__model *m, const char *name, size_t n);
/* A near name (key or label as written) for a message, NULL when none is near. */
const char *crm__model_near(const crm__model *m, const char *name, size_t n);
/* Word of a type in the language ("text"); NULL: no type. */
const char *crm__type_name(unsigned type);
/* Key of a kind (person, organisation) and back, labels accepted; 0: none. */
const char *crm__kind_key(unsigned kind);
unsigned crm__kind_find(const crm__model *m, const char *name, size_t n);
const crm__label *crm__kind_labels(const crm__model *m, unsigned kind, uint32_t *count);
const crm__enum_value *crm__enum_number(const crm__field *f, uint32_t number);
const crm__enum_value *crm__enum_find(const crm__field *f, const char *name, size_t n);
/* Key of the value that may have been meant; NULL: none is near. */
const char *crm__enum_near(const crm__field *f, const char *name, size_t n);

/* ---- event kinds ---- */

size_t crm__model_event_count(const crm__model *m);
const crm__event_kind *crm__model_event_at(const crm__model *m, size_t i); /* document order */
const crm__event_kind *crm__model_event_number(const crm__model *m, uint32_t number);
/* By key or label, folded as for fields. NULL: none. */
const crm__event_kind *crm__model_event_find(const crm__model *m, const char *name, size_t n);
/* A near name of an event kind for a message, NULL when none is near. */
const char *crm__model_event_near(const crm__model *m, const char *name, size_t n);
/* The same of the attributes of a kind. */
const crm__field *crm__event_attribute_number(const crm__event_kind *kind, uint32_t number);
const crm__field *crm__event_attribute_find(const crm__event_kind *kind, const char *name,
                                            size_t n);
const char *crm__event_attribute_near(const crm__event_kind *kind, const char *name, size_t n);

/* ---- segments ---- */

size_t crm__model_segment_count(const crm__model *m);
const crm__model_segment *crm__model_segment_at(const crm__model *m, size_t i); /* document order */
/* By key or label, folded as for fields. NULL: none. */
const crm__model_segment *crm__model_segment_find(const crm__model *m, const char *name, size_t n);
const char *crm__model_segment_near(const crm__model *m, const char *name, size_t n);
/* The module of segments (segment/of_model.c): reads a query with the names of a model that need not
 * be bound, and calls fn for each saved segment it names, whose first non-zero result is returned.
 * Else as crm__tree_parse(). */
typedef int (*crm__segment_named_fn)(void *ctx, const char *name, size_t n);
int crm__segment_judge(crm__model *m, const char *query, size_t n, crm__segment_named_fn fn,
                       void *ctx, crm_error *err);

/* ---- dimensions of tags ---- */

size_t crm__model_dimension_count(const crm__model *m);
const crm__dimension *crm__model_dimension_at(const crm__model *m, size_t i); /* document order */
/* By key or label, folded as for fields. NULL: none. */
const crm__dimension *crm__model_dimension_find(const crm__model *m, const char *name, size_t n);
const char *crm__model_dimension_near(const crm__model *m, const char *name, size_t n);
/* Where the dimension of a tag ends: the first colon, `:` or fullwidth, and its bytes.  NULL: none.
 * s is valid UTF-8. */
const char *crm__tag_colon(const char *s, size_t n, size_t *bytes);
/* A declared value by path or label, folded.  NULL: none. */
const crm__dimension_value *crm__dimension_value_find(const crm__dimension *d, const char *name,
                                                      size_t n);
/* 1 when a canonical path is a declared value or a level above one. */
int crm__dimension_declares(const crm__dimension *d, const char *path, size_t n);
/* Appends the canonical path of a text that names a value of a dimension: the path or label of a
 * declared value, or level by level, where a level is what it is written as, or a label of a
 * declared value below the level before (the first level: of any declared value).  CRM_EVALUE with
 * a message that names the dimension: empty, too long (of all levels at most 400 bytes), a
 * character that may not stand in a tag (controls, `:` `,` `;` `(` `)` `"` `*`, fullwidth or not,
 * and U+3001; outside a hierarchy `/` too), neither a value of a closed vocabulary nor a level
 * above one (with a near name); CRM_ENOMEM.  Spaces around each level are dropped, NFC is not
 * applied. */
int crm__dimension_path(const crm__dimension *d, const char *text, size_t n, crm__buf *out,
                        crm_error *err);

/* ---- values ---- */

/* What reading a value needs beside the field. */
typedef struct crm__value_ctx {
    const crm__zone *zone; /* for datetimes without offset; NULL: UTC */
} crm__value_ctx;

/* Reads the text of one scalar (for lists: of one item), checks it against every rule of the field
 * and appends the payload to out.  Money: "12.50 CNY", "CNY 12.50", "12.50" with the field's
 * currency, or with a sign: "¥12.50" when the sign can stand for the field's own currency or for
 * one only.  source: dictionary number for per-source identities, else 0.
 * CRM_OK; CRM_EVALUE with a message that names the field and the rule and never the value;
 * CRM_ENOMEM.  On a fault out is as before. */
int crm__value_parse(const crm__field *f, const crm__value_ctx *ctx, const char *s, size_t n,
                     uint32_t source, crm__buf *out, crm_error *err);
/* Checks an already decoded scalar against the field's rules (typed door) and appends its payload.
 * Text of the text-like types is read as by crm__value_parse().  The same results. */
int crm__value_put(const crm__field *f, const crm__value *v, crm__buf *out, crm_error *err);
/* Canonical text of a stored scalar: what crm__value_parse() reads back to the same payload.
 * f may be NULL or of another type than the value (removed or changed field); an enum number that f
 * does not know becomes "#<number>".  CRM_OK or CRM_ENOMEM. */
int crm__value_format(const crm__field *f, const crm__value *v, crm__buf *out);
/* The comparable form of a value for identity and unique tokens: e-mail folded as a whole, decimals
 * and money without trailing zeros, all other values their payload (text is case-sensitive:
 * external ids are).  Never includes the source.  CRM_OK or CRM_ENOMEM. */
int crm__value_normal(uint8_t type, const crm__value *v, crm__buf *out);

/* ---- changes ---- */

enum {
    CRM__CHANGE_FIELD_ADDED = 1, /* index, scan (unique): for values that an earlier version stored;
                                    one that is required is followed by CHANGE_REQUIRED */
    CRM__CHANGE_FIELD_REMOVED,   /* index; loses: its stored values */
    CRM__CHANGE_TYPE,            /* index; loses: stored values of the old type; values of the new
                                    type that an earlier version stored come back */
    CRM__CHANGE_TO_LIST,         /* online */
    CRM__CHANGE_TO_SINGLE,       /* loses: customers with more than one */
    CRM__CHANGE_REQUIRED,        /* loses: customers without it become invalid on their next
                                    replace; before is NULL when the field is added */
    CRM__CHANGE_OPTIONAL,
    CRM__CHANGE_UNIQUE, /* needs index and a scan; refused on shared values */
    CRM__CHANGE_NOT_UNIQUE,
    CRM__CHANGE_INDEXED, /* identity added: needs index scan */
    CRM__CHANGE_NOT_INDEXED,
    CRM__CHANGE_RULE_NARROWED, /* pattern, min, max, kinds: stored values may break it */
    CRM__CHANGE_RULE_WIDENED,
    CRM__CHANGE_VALUE_ADDED,       /* enum */
    CRM__CHANGE_VALUE_REMOVED,     /* loses: stored values */
    CRM__CHANGE_SCOPE,             /* per-source changed: loses */
    CRM__CHANGE_EVENT_ADDED,       /* index: for events that an earlier version stored */
    CRM__CHANGE_EVENT_REMOVED,     /* loses: its events */
    CRM__CHANGE_FAST,              /* an attribute's values go into the day lists: index */
    CRM__CHANGE_NOT_FAST,          /* they leave them: index */
    CRM__CHANGE_INDEX,             /* other sets or columns are kept of its values: index */
    CRM__CHANGE_DIMENSION_ADDED,   /* tags that an earlier version stored come back */
    CRM__CHANGE_DIMENSION_REMOVED, /* loses: its tags */
    CRM__CHANGE_DIMENSION_ONE,     /* loses: customers with more than one tag of it */
    CRM__CHANGE_DIMENSION_FLAT,    /* loses: tags of more than one level */
    CRM__CHANGE_DIMENSION_CLOSED,  /* loses: tags whose value is not listed */
    CRM__CHANGE_DIMENSION_LASTING, /* loses: tags that have an end */
    CRM__CHANGE_DIMENSION_WIDENED, /* many, hierarchical, open, expiring */
    CRM__CHANGE_TAG_ADDED,         /* a value is listed */
    CRM__CHANGE_TAG_REMOVED,       /* loses, of a closed dimension: the tag and those below it */
    CRM__CHANGE_TEXT               /* labels, class, sensitivity, defaults, model-wide settings */
};

/* Of an attribute the codes are those of a field, and the event kind stands beside it: its values
 * are in events, not in records of customers, and what is derived of them is the day lists of the
 * kind.  Of a kind as a whole, before and after are NULL. */
/* The rule that a narrowed change is about, each being weighed by itself. */
enum { CRM__RULE_KINDS = 1, CRM__RULE_MIN, CRM__RULE_MAX, CRM__RULE_PATTERN };

typedef struct crm__change {
    int what;
    int rule;  /* CRM__RULE_*, of CRM__CHANGE_RULE_NARROWED */
    int scan;  /* 1: whether it loses anything, and how much, only the records (events) tell */
    int index; /* 1: derived spaces of this field (day lists of this kind) must be rebuilt */
    const crm__field *before, *after;                         /* NULL: added, removed */
    const crm__event_kind *event_before, *event_after;        /* both NULL: not of events */
    const crm__enum_value *value;                             /* enum value added or removed */
    const crm__dimension *dimension_before, *dimension_after; /* both NULL: not of tags */
    const crm__dimension_value *tag;                          /* listed value added or removed */
    char message[CRM_MESSAGE_SIZE]; /* one line, names the field or the kind and attribute */
} crm__change;

/* The field after a narrowed change with that one rule of it. */
crm__field crm__change_rule(const crm__change *c);

typedef int (*crm__change_fn)(const crm__change *change, void *ctx);
/* Calls fn for each difference: the model's settings (before and after NULL), fields removed, then
 * the others in the order of `after`; event kinds in the same way, each with its attributes;
 * dimensions of tags in the same way, each with its values.  Stops at and returns fn's first
 * non-zero result.  Neither model need be bound.  Of a field of another type, only flags, kinds and
 * words are compared. */
int crm__model_diff(const crm__model *before, const crm__model *after, crm__change_fn fn,
                    void *ctx);

#endif
