/* SPDX-License-Identifier: MIT
 * The faults of a model document: kept sorted by place as they are found, because the language is
 * checked in several passes and a person reads from the top.
 */
#include "base/error.h"
#include "model/tree.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef struct fault {
    int32_t line, column;
    char message[CRM_MESSAGE_SIZE];
} fault;

void crm__load_init(crm__load *l, const crm_allocator *mem)
{
    memset(l, 0, sizeof *l);
    l->mem = mem;
    l->what = "model";
    crm__arena_init(&l->nodes, mem);
    crm__buf_init(&l->faults, mem);
}

void crm__load_clear(crm__load *l)
{
    crm__arena_clear(&l->nodes);
    crm__buf_clear(&l->faults);
}

/* Of a text that was cut: the cut may have gone through a character. */
static void whole_characters(char *s)
{
    size_t k = strlen(s);

    while (k > 0 && ((unsigned char)s[k - 1] & 0xc0) == 0x80)
        k--;
    if (k > 0 && (unsigned char)s[k - 1] >= 0xc0)
        s[k - 1] = 0;
}

static void add_fault(crm__load *l, int32_t line, int32_t column, const char *fmt, va_list ap)
{
    fault *list, *at;

    if (l->nomem || ++l->fault_count > CRM__FAULTS)
        return;
    if (!crm__buf_reserve(&l->faults, sizeof(fault))) {
        l->nomem = 1;
        return;
    }
    list = (fault *)(void *)l->faults.p;
    at = list + l->faults.n / sizeof(fault);
    l->faults.n += sizeof(fault);
    while (at > list && (at[-1].line > line || (at[-1].line == line && at[-1].column > column))) {
        *at = at[-1];
        at--;
    }
    at->line = line;
    at->column = column;
    if (vsnprintf(at->message, sizeof at->message, fmt, ap) >= (int)sizeof at->message)
        whole_characters(at->message);
}

void crm__fault(crm__load *l, const crm__node *at, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    add_fault(l, at->line, at->column, fmt, ap);
    va_end(ap);
}

void crm__fault_at(crm__load *l, int32_t line, int32_t column, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    add_fault(l, line, column, fmt, ap);
    va_end(ap);
}

int crm__load_report(const crm__load *l, crm_finding_fn fn, void *ctx, crm_error *err)
{
    const fault *list = (const fault *)(const void *)l->faults.p;
    size_t count = l->faults.n / sizeof(fault);
    crm_finding f = {sizeof f, CRM_FINDING_ERROR, 0, 0, 0, 0, NULL};
    char more[64];

    if (l->nomem)
        return crm__fail_nomem(err);
    if (!count)
        return CRM_OK;
    for (size_t i = 0; fn && i < count; i++) {
        f.line = list[i].line;
        f.column = list[i].column;
        f.message = list[i].message;
        fn(&f, ctx);
    }
    if (fn && l->fault_count > count) {
        snprintf(more, sizeof more, "%zu further faults are not listed", l->fault_count - count);
        f.line = f.column = 0;
        f.message = more;
        fn(&f, ctx);
    }
    return crm__fail_at(err, CRM_EMODEL, list[0].line, list[0].column, "%s", list[0].message);
}

crm__word crm__node_word(const crm__node *node)
{
    crm__word w;

    crm__copy_name(w.s, node->text, node->n);
    return w;
}
