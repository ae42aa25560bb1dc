/* SPDX-License-Identifier: MIT
 * Members of the objects of a dump, each judged as it is read.
 */
#include "base/time.h"
#include "io/dump.h"

#include <string.h>

enum { DIGITS = 19 };

int crm__members_fail(crm__members *m, int code, const char *member, const char *what)
{
    if (m->rc)
        return m->rc;
    m->rc = crm__fail_field(m->err, code, member, "line %llu: %s: %s", (unsigned long long)m->line,
                            member, what);
    if (code == CRM_ENOMEM)
        crm__fail_nomem(m->err);
    if (m->err)
        m->err->row = (int64_t)m->line;
    return m->rc;
}

int crm__members_bad(crm__members *m, const char *member, const char *what)
{
    return crm__members_fail(m, CRM_EVALUE, member, what);
}

int crm__members_no_memory(crm__members *m, const char *member)
{
    return crm__members_fail(m, CRM_ENOMEM, member, "");
}

const crm__json *crm__members_get(crm__members *m, const char *name, int kind, int must)
{
    const crm__json *v = m->rc ? NULL : crm__json_member(m->object, name);

    if (m->rc)
        return NULL;
    if ((size_t)m->count < sizeof m->asked / sizeof *m->asked)
        m->asked[m->count++] = name;
    if (!v) {
        if (must)
            crm__members_bad(m, name, "it is missing");
        return NULL;
    }
    if (kind && crm__json_kind(v) != kind) {
        crm__members_bad(m, name, "it is of another kind of JSON");
        return NULL;
    }
    return v;
}

int crm__members_unsigned(crm__slice text, uint64_t *out)
{
    uint64_t v = 0;

    if (!text.n || text.n > DIGITS)
        return CRM_EVALUE;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return CRM_EVALUE;
        v = v * 10 + (uint64_t)(text.p[i] - '0');
    }
    *out = v;
    return CRM_OK;
}

int crm__members_signed(crm__slice text, int64_t *out)
{
    int minus = text.n && text.p[0] == '-';
    uint64_t v;

    if (minus) {
        text.p++;
        text.n--;
    }
    if (crm__members_unsigned(text, &v) || v > (uint64_t)INT64_MAX + (minus ? 1 : 0))
        return CRM_EVALUE;
    *out = minus ? (v ? -(int64_t)(v - 1) - 1 : 0) : (int64_t)v;
    return CRM_OK;
}

uint64_t crm__members_number(crm__members *m, const char *name, uint64_t least, uint64_t most)
{
    const crm__json *v = crm__members_get(m, name, CRM__JSON_NUMBER, least > 0);
    uint64_t n = 0;

    if (v && (crm__members_unsigned(crm__json_text(v), &n) || n < least || n > most)) {
        crm__members_bad(m, name, "it is not a number that may stand there");
        return least;
    }
    return n;
}

crm__slice crm__members_text(crm__members *m, const char *name, int must)
{
    const crm__json *v = crm__members_get(m, name, CRM__JSON_STRING, must);
    crm__slice none = {NULL, 0};

    return v ? crm__json_text(v) : none;
}

int crm__members_instant(const crm__json *v, int64_t *us)
{
    crm__slice text = crm__json_text(v);

    if (crm__json_kind(v) == CRM__JSON_NUMBER)
        return crm__members_signed(text, us);
    if (crm__json_kind(v) != CRM__JSON_STRING)
        return CRM_EVALUE;
    return crm__datetime_parse((const char *)text.p, text.n, NULL, us, NULL, NULL);
}

int64_t crm__members_time(crm__members *m, const char *name, const int64_t *absent)
{
    const crm__json *v = crm__members_get(m, name, 0, absent == NULL);
    int64_t us = absent ? *absent : 0;

    if (v && crm__members_instant(v, &us))
        crm__members_bad(m, name, "it is not an instant");
    return us;
}

int crm__members_flag(crm__members *m, const char *name)
{
    const crm__json *v = crm__members_get(m, name, CRM__JSON_BOOLEAN, 0);

    return v && crm__json_text(v).p[0] == 't';
}

void crm__members_hex(crm__members *m, const char *name, uint8_t *to, size_t n)
{
    crm__slice text = crm__members_text(m, name, 1);

    if (!m->rc && crm__hex_read(text, to, n))
        crm__members_bad(m, name, "it is not so many hexadecimal digits");
}

uint32_t crm__members_name(crm__members *m, const char *name, const crm__dump_names *names, int cls)
{
    const crm__json *v = crm__members_get(m, name, CRM__JSON_STRING, 0);
    uint32_t number;

    if (!v)
        return 0;
    number = crm__dump_names_number(names, cls, crm__json_text(v).p, crm__json_text(v).n);
    if (!number)
        crm__members_bad(m, name, "no line before has this name");
    return number;
}

int crm__members_end(crm__members *m)
{
    const crm__json *value;
    const void *at = NULL;
    const char *name;

    while (!m->rc && crm__json_next(m->object, &at, &name, &value)) {
        int i = 0;
        while (i < m->count && strcmp(m->asked[i], name) != 0)
            i++;
        if (i == m->count)
            crm__members_bad(m, "member", "one that this line can't have");
    }
    return m->rc;
}

crm__members crm__members_inside(const crm__members *m, const crm__json *object)
{
    crm__members in = {.object = object, .line = m->line, .err = m->err, .rc = m->rc};

    return in;
}
