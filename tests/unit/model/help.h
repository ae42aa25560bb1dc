/* SPDX-License-Identifier: MIT
 * What the cases of the model share: models from text, numbers of a dictionary, an allocator that
 * fails.
 */
#ifndef TEST_MODEL_HELP_H
#define TEST_MODEL_HELP_H

#include "crmtest.h"
#include "model/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline int help_number(void *ctx, char cls, const char *name, size_t n, uint32_t *number,
                              crm_error *err)
{
    (void)cls;
    (void)name;
    (void)n;
    (void)err;
    *number = ++*(uint32_t *)ctx;
    return CRM_OK;
}

/* The model of a document without faults, unbound. */
static inline crm__model *help_parse(const char *yaml)
{
    crm_error err = CRM_ERROR_INIT;
    crm__model *m = NULL;
    int rc = crm__model_parse(NULL, yaml, strlen(yaml), NULL, NULL, &m, &err);

    ck_assert_msg(rc == CRM_OK, "%d at %d:%d: %s\n%s", rc, (int)err.row, (int)err.offset,
                  err.message, yaml);
    return m;
}

/* Bound, numbers from 100. */
static inline crm__model *help_model(const char *yaml)
{
    crm__model *m = help_parse(yaml);
    uint32_t last = 100;

    ck_assert_int_eq(crm__model_bind(m, 1, help_number, &last, NULL), CRM_OK);
    return m;
}

/* A bound model with one field "x" of the description. */
static inline crm__model *help_field(const char *description)
{
    char yaml[2048];

    snprintf(yaml, sizeof yaml, "crm: 1\nregion: CN\nfields:\n  x: %s\n", description);
    return help_model(yaml);
}

static inline const crm__field *help_find(const crm__model *m, const char *name)
{
    return crm__model_find(m, name, strlen(name));
}

/* Fails the n-th call (from 1; 0: none) and, with `on`, all after it; counts what is alive. */
typedef struct help_memory {
    size_t calls, fail, alive;
    int on;
} help_memory;

static inline int help_refuses(help_memory *h)
{
    h->calls++;
    return h->fail && (h->calls == h->fail || (h->on && h->calls > h->fail));
}

static inline void *help_alloc(size_t n, void *ctx)
{
    help_memory *h = ctx;
    void *p = help_refuses(h) ? NULL : malloc(n);

    h->alive += p != NULL;
    return p;
}

static inline void *help_realloc(void *p, size_t n, void *ctx)
{
    help_memory *h = ctx;
    void *q;

    if (help_refuses(h))
        return NULL;
    q = realloc(p, n);
    h->alive += !p && q;
    return q;
}

static inline void help_free(void *p, void *ctx)
{
    help_memory *h = ctx;

    h->alive -= p != NULL;
    free(p);
}

#endif
