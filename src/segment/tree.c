/* SPDX-License-Identifier: MIT
 * Life of a tree; its nodes within their bounds; errors with their place.
 */
#include "segment/build.h"

#include "base/error.h"

#include <crm/codes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A text of so many bytes can't have a canonical one above CRM__SEGMENT_BYTES. */
enum { SURELY_SHORT = 500 };

/* ---- life ---- */

void crm__tree_ref(crm__tree *t)
{
    __atomic_add_fetch(&t->refs, 1, __ATOMIC_RELAXED);
}

void crm__tree_unref(crm__tree *t)
{
    crm_allocator own;
    const crm_allocator *mem;

    if (!t || __atomic_sub_fetch(&t->refs, 1, __ATOMIC_ACQ_REL))
        return;
    own = t->own;
    mem = t->mem ? &own : NULL;
    crm__model_unref(t->model);
    crm__arena_clear(&t->arena);
    crm__release(mem, t);
}

const crm__node *crm__tree_root(const crm__tree *t)
{
    return t->root;
}

crm__model *crm__tree_model(const crm__tree *t)
{
    return t->model;
}

int crm__build_open(crm__build *b, const crm_allocator *mem, crm__model *m, const crm__zone *zone,
                    crm_error *err)
{
    crm__tree *t = crm__calloc(mem, 1, sizeof *t);

    memset(b, 0, sizeof *b);
    if (!t)
        return crm__fail_nomem(err);
    if (mem) {
        t->own = *mem;
        t->mem = &t->own;
    }
    t->refs = 1;
    t->model = m;
    crm__model_ref(m);
    crm__arena_init(&t->arena, t->mem);
    b->tree = t;
    b->model = m;
    b->zone = zone;
    b->err = err;
    return CRM_OK;
}

/* Keys are longer than labels and values may get their currency: a long text may have a canonical
 * one that is too long. */
static int check_length(crm__build *b, const crm__node *root)
{
    crm__buf text;
    int rc;

    crm__buf_init(&text, b->tree->mem);
    rc = crm__tree_print(root, &text);
    if (rc)
        rc = crm__build_nomem(b);
    else if (text.n > CRM__SEGMENT_BYTES)
        rc = crm__build_fail(b, CRM_ESYNTAX, 0, "its canonical text is longer than %d bytes",
                             (int)CRM__SEGMENT_BYTES);
    crm__buf_clear(&text);
    return rc;
}

int crm__build_close(crm__build *b, int rc, const crm__node *root, size_t n, crm__tree **out)
{
    *out = NULL;
    if (!rc && n > SURELY_SHORT)
        rc = check_length(b, root);
    if (rc) {
        crm__tree_unref(b->tree);
        return rc;
    }
    b->tree->root = root;
    *out = b->tree;
    return CRM_OK;
}

/* ---- errors ---- */

enum { PATH_SIZE = 100 };

/* A JSON pointer (RFC 6901), of a long one the end.  Returns where it begins in room. */
static const char *path_text(const crm__step *step, char room[PATH_SIZE])
{
    size_t at = PATH_SIZE - 1;
    char part[32];

    room[at] = 0;
    for (; step; step = step->up) {
        int n = step->key ? snprintf(part, sizeof part, "/%s", step->key)
                          : snprintf(part, sizeof part, "/%zu", step->index);
        if (n < 0 || (size_t)n >= sizeof part || (size_t)n + 3 > at) {
            memcpy(room + at - 3, "...", 3);
            return room + at - 3;
        }
        at -= (size_t)n;
        memcpy(room + at, part, (size_t)n);
    }
    return room + at;
}

static int fail_what(crm__build *b, int code, size_t at, const char *field, const char *what)
{
    char room[PATH_SIZE];

    if (!b->err)
        return code;
    if (!b->json) {
        crm__fail_field(b->err, code, field, "%s: %.190s at byte %zu",
                        b->about ? b->about : "segment", what, at);
        b->err->offset = (int64_t)at;
    } else if (b->path) {
        crm__fail_field(b->err, code, field, "segment: %.120s at %s", what,
                        path_text(b->path, room));
    } else {
        crm__fail_field(b->err, code, field, "segment: %.200s", what);
    }
    return code;
}

int crm__build_fail(crm__build *b, int code, size_t at, const char *fmt, ...)
{
    char what[CRM_MESSAGE_SIZE];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    return fail_what(b, code, at, NULL, what);
}

int crm__build_place(crm__build *b, int code, size_t at)
{
    char field[CRM_FIELD_SIZE], what[CRM_MESSAGE_SIZE];

    if (!b->err || code == CRM_ENOMEM)
        return code;
    memcpy(field, b->err->field, sizeof field);
    memcpy(what, b->err->message, sizeof what);
    return fail_what(b, code, at, field, what);
}

int crm__build_nomem(crm__build *b)
{
    return crm__fail_nomem(b->err);
}

/* ---- nodes ---- */

void *crm__build_copy(crm__build *b, const void *p, size_t n)
{
    return crm__arena_copy(&b->tree->arena, p, n);
}

crm__node *crm__build_node(crm__build *b, crm__node_op op, size_t at, size_t end)
{
    crm__node *n;

    if (b->nodes == CRM__SEGMENT_NODES) {
        crm__build_fail(b, CRM_ESYNTAX, at, "more than %d conditions", (int)CRM__SEGMENT_NODES);
        return NULL;
    }
    n = crm__arena_alloc(&b->tree->arena, sizeof *n);
    if (!n) {
        crm__build_nomem(b);
        return NULL;
    }
    b->nodes++;
    memset(n, 0, sizeof *n);
    n->op = op;
    if (!b->json) {
        n->at = (uint32_t)at;
        n->length = (uint32_t)(end - at);
    }
    return n;
}

static size_t opened(crm__node_op op, const crm__node *const *children, size_t n,
                     const crm__node **list, uint32_t *height)
{
    size_t count = 0;

    for (size_t i = 0; i < n; i++) {
        const crm__node *c = children[i];
        size_t inner = c->op == op ? c->child_count : 1;
        const crm__node *const *from = c->op == op ? c->children : &children[i];
        for (size_t k = 0; k < inner; k++) {
            if (list)
                list[count + k] = from[k];
            if (from[k]->height + 1 > *height)
                *height = from[k]->height + 1;
        }
        count += inner;
    }
    return count;
}

int crm__build_group(crm__build *b, crm__node_op op, const crm__node *const *children, size_t n,
                     size_t at, size_t end, const crm__node **out)
{
    const crm__node **list;
    crm__node *node;
    uint32_t height = 0;
    size_t count;

    if (n == 1 && op != CRM__NODE_NOT) {
        *out = children[0];
        return CRM_OK;
    }
    if (op == CRM__NODE_NOT && children[0]->op == CRM__NODE_NOT) {
        *out = children[0]->children[0];
        return CRM_OK;
    }
    count = opened(op, children, n, NULL, &height);
    if (height > CRM__SEGMENT_DEPTH)
        return crm__build_fail(b, CRM_ESYNTAX, at, "more than %d levels of and, or and not",
                               (int)CRM__SEGMENT_DEPTH);
    node = crm__build_node(b, op, at, end);
    if (!node)
        return b->nodes == CRM__SEGMENT_NODES ? CRM_ESYNTAX : CRM_ENOMEM;
    list = crm__arena_alloc(&b->tree->arena, count * sizeof *list);
    if (!list)
        return crm__build_nomem(b);
    opened(op, children, n, list, &height);
    node->height = height;
    node->children = list;
    node->child_count = (uint32_t)count;
    *out = node;
    return CRM_OK;
}
