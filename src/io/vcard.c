/* SPDX-License-Identifier: MIT
 * Cards as a table: one row a card, one column for each kind of property, found as they come.
 * What a property becomes is for vcard_item.c.
 */
#include "io/vcard_part.h"

#include "base/hash.h"

#include <crm/codes.h>
#include <stdio.h>
#include <stdlib.h>

static void close_vcard(void *p)
{
    crm__vcard_reader *r = p;

    crm__vcard_lines_close(&r->lines);
    crm__vcard_scratch_clear(&r->scratch);
    crm__buf_clear(&r->made);
    crm__arena_clear(&r->arena);
    crm__text_close(r->text);
    crm__vcard_mend_close(r->mend);
    crm__release(r->mem, r);
}

static int open_vcard(crm__table *t, const crm__table_options *o, crm_error *err)
{
    crm__text_options text = {.encoding = o->encoding};
    crm__vcard_reader *r = crm__calloc(t->mem, 1, sizeof *r);
    int rc;

    if (!r)
        return crm__fail_nomem(err);
    r->mem = t->mem;
    t->reader = r;
    crm__vcard_scratch_init(&r->scratch, t->mem);
    crm__buf_init(&r->made, t->mem);
    crm__arena_init(&r->arena, t->mem);
    rc = crm__vcard_mend_open(t->mem, crm__table_fill, &t->input, &r->mend, err);
    if (!rc)
        rc = crm__text_open(t->mem, crm__vcard_mend_fill, r->mend, &text, &r->text, err);
    if (!rc)
        rc = crm__vcard_lines_open(&r->lines, t->mem, r->text, err);
    return rc;
}

/* ---- columns ---- */

/* A card that brings more kinds of properties than that is not what others are like, and leaves
 * them the room there is. */
enum { NEW_COLUMNS = 512 };

/* Takes back the columns of the card at hand, which came last. */
static void drop_columns(crm__table *t, crm__vcard_reader *r)
{
    for (size_t i = 0; i < CRM__CARD_SLOTS; i++) {
        if (r->slots[i] > r->known)
            r->slots[i] = 0;
    }
    t->columns = r->known;
}

/* CRM_DONE: there is no room for one more. */
static int column_of(crm__table *t, crm__vcard_reader *r, const char *name, size_t n,
                     uint32_t *column, crm_error *err)
{
    size_t at = (size_t)(crm__hash64(0, name, n) % CRM__CARD_SLOTS);
    crm__slice s = {(const uint8_t *)name, n};
    int rc;

    for (; r->slots[at]; at = (at + 1) % CRM__CARD_SLOTS) {
        *column = r->slots[at] - 1u;
        if (crm__slice_compare(t->names[*column], s) == 0)
            return CRM_OK;
    }
    if (t->columns == CRM__TABLE_COLUMNS || t->columns - r->known == NEW_COLUMNS)
        return CRM_DONE;
    rc = crm__table_add(t, s, err);
    if (rc)
        return rc;
    *column = (uint32_t)t->columns - 1;
    r->slots[at] = (uint16_t)t->columns;
    return CRM_OK;
}

/* ---- cards ---- */

enum { BEGINS = 1, ENDS };

/* BEGINS or ENDS when a line is BEGIN:VCARD or END:VCARD, however it is written. */
static int marker(crm__slice line)
{
    crm__vcard_prop p;
    int what;

    if (!line.n || ((line.p[0] | 0x20) != 'b' && (line.p[0] | 0x20) != 'e') ||
        !crm__vcard_head_parse(NULL, line, &p))
        return 0;
    what = crm__vcard_is(p.name, "BEGIN") ? BEGINS : crm__vcard_is(p.name, "END") ? ENDS : 0;
    while (p.value.n && (p.value.p[0] == ' ' || p.value.p[0] == '\t')) {
        p.value.p++;
        p.value.n--;
    }
    while (p.value.n && p.value.p[p.value.n - 1] <= ' ')
        p.value.n--;
    return what && crm__vcard_is(p.value, "VCARD") ? what : 0;
}

static int next_line(crm__vcard_reader *r, crm__slice *line, uint64_t *number, unsigned *flags,
                     crm_error *err)
{
    if (r->held.n) {
        *line = r->held;
        *number = r->held_number;
        *flags = 0;
        r->held.n = 0;
        return CRM_OK;
    }
    return crm__vcard_lines_next(&r->lines, line, number, flags, err);
}

/* Is it an AGENT whose card follows on the next lines, as 2.1 has it? */
static int begins_agent(const crm__vcard_prop *p)
{
    crm__slice v = p->value;

    if (!crm__vcard_is(p->name, "AGENT"))
        return 0;
    while (v.n && v.p[0] <= ' ') {
        v.p++;
        v.n--;
    }
    return !v.n || crm__vcard_is(v, "BEGIN:VCARD");
}

static void no_property(crm__vcard_reader *r, uint64_t number)
{
    if (r->why)
        return;
    snprintf(r->why_line, sizeof r->why_line, "line %llu is no property",
             (unsigned long long)number);
    crm__vcard_flawed(r, r->why_line);
}

/* The properties up to the card's END; a card within it (AGENT) is passed over. */
static int read_card(crm__vcard_reader *r, crm_error *err)
{
    unsigned flags, depth = 0;
    int agent = 0, rc;
    crm__slice line;
    uint64_t number;
    crm__vcard_prop p;

    while ((rc = next_line(r, &line, &number, &flags, err)) == CRM_OK) {
        int mark = marker(line);
        if (mark == BEGINS && !agent && !depth) {
            crm__vcard_flawed(r, "the card has no end");
            r->held = line;
            r->held_number = number;
            return CRM_OK;
        }
        if (mark == ENDS && !depth)
            return CRM_OK;
        depth += mark == BEGINS;
        depth -= mark == ENDS;
        agent = 0;
        if (mark || depth)
            continue;
        rc = crm__vcard_prop_parse(&r->scratch, line, flags, &p, err);
        if (rc < 0)
            return rc;
        if (!rc)
            no_property(r, number);
        else if (begins_agent(&p)) {
            agent = 1;
            depth += p.value.n && memchr(p.value.p, ':', p.value.n);
        } else if (!crm__vcard_is(p.name, "AGENT"))
            crm__vcard_take(r, &p);
        if (r->failed || r->made.failed)
            return crm__fail_nomem(err);
    }
    if (rc == CRM_DONE)
        crm__vcard_flawed(r, "the card has no end");
    return rc == CRM_DONE ? CRM_OK : rc;
}

/* Up to a card's BEGIN.  What stands outside of cards is told as a broken row of its own. */
static int find_card(crm__vcard_reader *r, crm__table_row *row, crm_error *err)
{
    crm__slice line;
    uint64_t number;
    unsigned flags;
    int rc;

    row->line = 0;
    while ((rc = next_line(r, &line, &number, &flags, err)) == CRM_OK) {
        if (marker(line) == BEGINS && !row->line) {
            row->line = number;
            return CRM_OK;
        }
        if (marker(line) == BEGINS) {
            r->held = line;
            r->held_number = number;
            break;
        }
        if (!row->line)
            row->line = number;
    }
    if (rc < 0 || (rc == CRM_DONE && !row->line))
        return rc;
    crm__vcard_broken(r, "these lines stand outside of a card");
    return CRM_OK;
}

static int by_column(const void *a, const void *b)
{
    const crm__vcard_item *x = a, *y = b;

    if (x->column != y->column)
        return x->column < y->column ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

static int make_cells(crm__table *t, crm__vcard_reader *r, crm_error *err)
{
    char name[CRM__CARD_OWN + CRM__CARD_NAME];
    int sorted = 1;

    r->known = t->columns;
    crm__vcard_use_labels(r);
    for (size_t i = 0; i < r->count; i++) {
        crm__vcard_item *it = &r->items[i];
        size_t n = it->name.n, kind = strlen(it->kind);
        int rc;
        memcpy(name, it->name.p, n);
        if (kind) {
            name[n++] = ';';
            memcpy(name + n, it->kind, kind);
            n += kind;
        }
        rc = column_of(t, r, name, n, &it->column, err);
        if (rc == CRM_DONE) {
            drop_columns(t, r);
            crm__vcard_broken(r, "it has more kinds of properties than a table has columns for");
            return CRM_OK;
        }
        if (rc)
            return rc;
        sorted &= !i || r->items[i - 1].column <= it->column;
    }
    if (!sorted)
        qsort(r->items, r->count, sizeof *r->items, by_column);
    for (size_t i = 0; i < r->count; i++) {
        r->cells[i].column = r->items[i].column;
        r->cells[i].text = r->items[i].text;
    }
    return CRM_OK;
}

static int next_vcard(crm__table *t, crm__table_row *row, crm_error *err)
{
    crm__vcard_reader *r = t->reader;
    int rc;

    r->count = r->labels = 0;
    r->address = 0;
    r->flags = 0;
    r->why = NULL;
    r->dropped = 0;
    crm__arena_reset(&r->arena);
    rc = find_card(r, row, err);
    if (!rc && !r->why)
        rc = read_card(r, err);
    if (!rc && !r->dropped)
        rc = make_cells(t, r, err);
    if (rc)
        return rc;
    if (r->dropped)
        r->count = 0;
    row->cells = r->cells;
    row->count = row->found = r->count;
    row->number = ++r->cards;
    row->why = r->why;
    row->flags = r->flags | (r->why ? CRM__ROW_BROKEN : r->count ? 0 : CRM__ROW_EMPTY);
    return CRM_OK;
}

static void tell_vcard(crm__table *t)
{
    crm__vcard_reader *r = t->reader;

    crm__table_tell_text(t, r->text);
    t->info.version = r->version[0] ? r->version : NULL;
}

const crm__table_kind crm__table_vcard = {"vcard",    CRM__TAKES_ENCODING, open_vcard,
                                          next_vcard, close_vcard,         tell_vcard};
