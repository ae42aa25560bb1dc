/* SPDX-License-Identifier: MIT
 * Pieces of the lines of a dump: texts, numbers, times, names, and members of an object.
 */
#include "io/dump_part.h"

#include "base/time.h"
#include "base/utf8.h"

#include <string.h>

void crm__line_add(crm__dumper *d, const char *s)
{
    crm__buf_add(&d->line, s, strlen(s));
}

void crm__line_number(crm__dumper *d, uint64_t v)
{
    char digits[20];
    size_t at = sizeof digits;

    do
        digits[--at] = (char)('0' + v % 10);
    while (v /= 10);
    crm__buf_add(&d->line, digits + at, sizeof digits - at);
}

void crm__line_integer(crm__dumper *d, int64_t v)
{
    if (v < 0)
        crm__buf_add_u8(&d->line, '-');
    crm__line_number(d, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

/* A reader of JSON takes no NUL, and of all other bytes only UTF-8. */
void crm__line_text(crm__dumper *d, const void *p, size_t n)
{
    if (n && (memchr(p, 0, n) || crm__utf8_valid(p, n) != n))
        d->bad = 1;
    else
        crm__json_string(&d->line, p, n);
}

/* Instants outside of the calendar, which a clock gave, are numbers. */
void crm__line_time(crm__dumper *d, int64_t us)
{
    char text[40];
    size_t n = crm__datetime_format(us, text);

    if (!n) {
        crm__line_integer(d, us);
        return;
    }
    crm__buf_add_u8(&d->line, '"');
    crm__buf_add(&d->line, text, n);
    crm__buf_add_u8(&d->line, '"');
}

void crm__line_class(crm__dumper *d, int cls, uint32_t number)
{
    crm__slice s = crm__dump_names_text(&d->names, cls, number);

    if (s.n)
        crm__line_text(d, s.p, s.n);
    else
        d->bad = 1;
}

/* A name of the dictionary behind "<owner>/". */
void crm__line_behind(crm__dumper *d, crm__slice owner, int cls, uint32_t number)
{
    crm__slice s = crm__dump_names_text(&d->names, cls, number);

    if (owner.n && s.n > owner.n && memcmp(s.p, owner.p, owner.n) == 0 && s.p[owner.n] == '/')
        crm__line_text(d, s.p + owner.n + 1, s.n - owner.n - 1);
    else
        d->bad = 1;
}

void crm__line_key(crm__dumper *d, const char *name)
{
    crm__line_add(d, ",\"");
    crm__line_add(d, name);
    crm__line_add(d, "\":");
}

/* Members that are left out when there is nothing to say. */
void crm__line_number_member(crm__dumper *d, const char *name, uint64_t v)
{
    if (!v)
        return;
    crm__line_key(d, name);
    crm__line_number(d, v);
}

void crm__line_class_member(crm__dumper *d, const char *name, int cls, uint32_t number)
{
    if (!number)
        return;
    crm__line_key(d, name);
    crm__line_class(d, cls, number);
}

void crm__line_time_member(crm__dumper *d, const char *name, int64_t us)
{
    crm__line_key(d, name);
    crm__line_time(d, us);
}

void crm__line_hex_member(crm__dumper *d, const char *name, const void *p, size_t n)
{
    crm__line_key(d, name);
    crm__line_add(d, "\"");
    crm__hex_add(&d->line, p, n);
    crm__line_add(d, "\"");
}

void crm__line_start(crm__dumper *d, int line)
{
    d->line.n = 0;
    d->bad = 0;
    crm__line_add(d, "{\"");
    crm__line_add(d, crm__line_word(line));
    crm__line_add(d, "\":");
}

int crm__line_done(crm__dumper *d)
{
    crm__line_add(d, "}");
    return d->line.failed ? CRM_ENOMEM : d->bad ? CRM_ECORRUPT : CRM_OK;
}
