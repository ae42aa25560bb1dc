/* SPDX-License-Identifier: MIT
 * The models the oracle works under, and random documents of them.
 */
#ifndef API_REF_MODELS_H
#define API_REF_MODELS_H

#include "ref.h"

enum { REF_MODEL_COUNT = 3 };
extern const ref_model REF_MODELS[REF_MODEL_COUNT];

enum { REF_SPELLED = 160, REF_DOCUMENT = 16384 };

/* What making values depends on. */
typedef struct ref_gen {
    uint64_t seed;
    const ref_model *m;
    uint64_t customers; /* references go to 1 .. customers, and a little beyond */
    int64_t zone_us;    /* offset of the transaction's zone, for times without one */
    int may_be_bad;     /* one value in so many breaks the model; 0: none */
    const char *source; /* the transaction's; NULL: it has none */
    const char *named;  /* of identities per source that name none, in the document being made */
} ref_gen;

/* One value and a spelling of it: as plain text and as JSON. */
typedef struct ref_spelled {
    ref_value v;
    char plain[REF_SPELLED];
    char json[REF_SPELLED * 2];
} ref_spelled;
void ref_value_make(ref_gen *g, const ref_field *f, ref_spelled *out);
/* A spelling that breaks the model, as JSON; plain when text can say it, else "". */
void ref_value_spoil(ref_gen *g, const ref_field *f, ref_spelled *out);

/* A random document: what it says, and its text.  members: about so many fields. */
typedef struct ref_written {
    ref_doc doc;
    ref_spelled spelled[REF_FIELDS][REF_SAID]; /* of doc.said[i].v */
    char json[REF_DOCUMENT];
    const char *unknown; /* a member no model has; NULL: none */
    int twice;           /* field that stands twice, by key and by label; -1: none */
    uint64_t revision;   /* member revision; 0: none */
} ref_written;
void ref_document_make(ref_gen *g, int how, ref_written *w);

#endif
