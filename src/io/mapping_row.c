/* SPDX-License-Identifier: MIT
 * A row as a customer: cells go to the goals of their columns, values of lists at once, pieces of a
 * text when all are there.
 */
#include "io/mapping_part.h"
#include "io/vcard_write.h"

#include "base/utf8.h"

#include <stdio.h>

/* ---- gathering ---- */

static int activate(crm__mapping *m, uint32_t goal)
{
    crm__map_goal *g = crm__map_goal_at(m, goal);
    size_t room = m->goals.n / sizeof *g;

    if (g->row == m->row)
        return CRM_OK;
    if (m->active_room < room) {
        uint32_t *p = crm__realloc(&m->mem, m->active, room * sizeof *p);
        if (!p)
            return CRM_ENOMEM;
        m->active = p;
        m->active_room = room;
    }
    m->active[m->active_count++] = goal;
    g->row = m->row;
    if (g->taken == 1u << CRM__PART_WHOLE)
        g->part[CRM__PART_WHOLE].n = 0;
    else
        memset(g->part, 0, sizeof g->part);
    return CRM_OK;
}

int crm__map_gather(crm__mapping *m, const crm__table_row *row, crm_error *err)
{
    size_t count = crm__mapping_count(m);

    m->row++;
    m->active_count = 0;
    for (size_t i = 0; i < row->count; i++) {
        const crm__cell *cell = &row->cells[i];
        const crm__map_column *c;
        crm__map_goal *g;
        crm__slice text;
        if (cell->column >= count)
            continue;
        c = crm__map_column_at(m, cell->column);
        if (c->goal == CRM__NO_GOAL)
            continue;
        text = crm__map_outer(m, cell->text);
        if (!text.n)
            continue;
        if (activate(m, c->goal))
            return crm__fail_nomem(err);
        g = crm__map_goal_at(m, c->goal);
        if (!g->part[c->meaning.part].n) {
            g->part[c->meaning.part] = text;
            g->column[c->meaning.part] = cell->column;
        }
    }
    return CRM_OK;
}

/* ---- pieces of a text ---- */

static int is_cjk(uint32_t c)
{
    return (c >= 0x3040 && c <= 0x30ff) || (c >= 0x3400 && c <= 0x9fff) ||
           (c >= 0xac00 && c <= 0xd7a3) || (c >= 0xf900 && c <= 0xfaff) ||
           (c >= 0x20000 && c <= 0x323af);
}

static int all_cjk(crm__slice s)
{
    const char *p = (const char *)s.p, *end = s.n ? p + s.n : p;

    while (p < end) {
        uint32_t c = crm__utf8_next(&p, end);
        if (!is_cjk(c) && c != 0xb7 && c != 0x3005)
            return 0;
    }
    return s.n > 0;
}

static void add_piece(crm__buf *to, const char *between, crm__slice piece)
{
    if (!piece.n)
        return;
    if (to->n)
        crm__buf_add_str(to, between);
    crm__buf_add(to, piece.p, piece.n);
}

/* Han, kana and hangul: family name first, nothing between; else given name first. */
static void join_name(crm__buf *to, crm__slice given, crm__slice middle, crm__slice family,
                      crm__slice suffix)
{
    int cjk = all_cjk(family) && (!given.n || all_cjk(given)) && (!middle.n || all_cjk(middle));

    to->n = 0;
    if (cjk) {
        add_piece(to, "", family);
        add_piece(to, "", middle);
        add_piece(to, "", given);
    } else {
        add_piece(to, " ", given);
        add_piece(to, " ", middle);
        add_piece(to, " ", family);
    }
    add_piece(to, " ", suffix);
}

/* family;given;middle;prefix;suffix */
static void join_card_name(crm__buf *to, crm__slice text)
{
    crm__slice piece[5] = {{NULL, 0}};
    size_t i = 0, from = 0;

    for (size_t at = 0; at <= text.n && i < 5; at++) {
        if (at < text.n && text.p[at] != ';')
            continue;
        piece[i++] = crm__map_bare(crm__slice_of(text.p + from, at - from));
        from = at + 1;
    }
    join_name(to, piece[1], piece[2], piece[0], piece[4]);
}

static void join_lines(crm__buf *to, const crm__slice *part)
{
    crm__slice first = part[CRM__PART_WHOLE].n ? part[CRM__PART_WHOLE] : part[CRM__PART_LINE1];
    const char *between = all_cjk(part[CRM__PART_LINE2]) ? " " : ", ";

    to->n = 0;
    add_piece(to, between, first);
    add_piece(to, between, part[CRM__PART_LINE2]);
    add_piece(to, between, part[CRM__PART_LINE3]);
}

static uint32_t first_column(const crm__map_goal *g)
{
    for (unsigned i = 0; i < CRM__PARTS; i++) {
        if (g->part[i].n)
            return g->column[i];
    }
    return CRM__NO_GOAL;
}

crm__slice crm__map_compose(crm__mapping *m, crm__map_goal *g, uint32_t *column)
{
    const crm__slice *p = g->part;

    *column = first_column(g);
    if (g->taken == 1u << CRM__PART_WHOLE)
        return p[CRM__PART_WHOLE];
    m->join.n = 0;
    if (p[CRM__PART_LINE1].n || p[CRM__PART_LINE2].n || p[CRM__PART_LINE3].n)
        join_lines(&m->join, p);
    else if (p[CRM__PART_WHOLE].n)
        return p[CRM__PART_WHOLE];
    else if (p[CRM__PART_GIVEN].n || p[CRM__PART_MIDDLE].n || p[CRM__PART_FAMILY].n)
        join_name(&m->join, p[CRM__PART_GIVEN], p[CRM__PART_MIDDLE], p[CRM__PART_FAMILY],
                  p[CRM__PART_SUFFIX]);
    else if (p[CRM__PART_NAME].n)
        join_card_name(&m->join, p[CRM__PART_NAME]);
    if (!m->join.n)
        return p[CRM__PART_SPARE];
    return crm__slice_of(m->join.p, m->join.n);
}

int crm__map_row_source(crm__mapping *m, crm__fault_to *to, crm_error *err)
{
    const crm__map_goal *g = crm__map_goal_at(m, CRM__GOAL_SOURCE);
    crm__slice s = crm__map_plain(g->part[CRM__PART_WHOLE]);

    m->row_source.n = 0;
    if (g->row != m->row || !s.n) {
        crm__buf_add(&m->row_source, m->source, strlen(m->source) + 1);
    } else {
        if (!crm__name_ok((const char *)s.p, s.n)) {
            crm__map_tell(g->column[CRM__PART_WHOLE], "source",
                          "source: is a text of 1 to 100 bytes, without control characters", "",
                          CRM_EVALUE, to);
            s = crm__slice_of((const uint8_t *)m->source, strlen(m->source));
        }
        crm__buf_add(&m->row_source, s.p, s.n);
        crm__buf_add_u8(&m->row_source, 0);
    }
    if (!m->row_source.failed)
        return CRM_OK;
    m->row_source.failed = 0;
    return crm__fail_nomem(err);
}

crm_id crm__map_number(const crm__map_goal *g, const char *field, crm__fault_to *to)
{
    crm__slice s = g->part[CRM__PART_WHOLE];
    char what[CRM_FIELD_SIZE + 40];
    crm_id id = 0;

    for (size_t i = 0; i < s.n; i++) {
        unsigned d = (unsigned)s.p[i] - '0';
        if (d > 9 || id > (UINT64_MAX - d) / 10) {
            id = 0;
            break;
        }
        id = id * 10 + d;
    }
    if (id)
        return id;
    snprintf(what, sizeof what, "%s: is not the number of a customer", field);
    crm__map_tell(g->column[CRM__PART_WHOLE], field, what,
                  "the number of a customer of this database", CRM_EVALUE, to);
    return 0;
}

const char *crm__map_source(const crm__mapping *m, const crm__map_column *c)
{
    return c->told.source == m->source ? (const char *)m->row_source.p : c->told.source;
}

/* ---- a customer ---- */

/* Parses one value and appends it to m->item. */
static int parse(crm__mapping *m, crm_customer *c, uint32_t column, const crm__field *f,
                 crm__slice text, crm_error *why)
{
    const crm__map_column *col = crm__map_column_at(m, column);
    const char *source = f->flags & CRM_FIELD_PER_SOURCE ? crm__map_source(m, col) : "";

    m->item.n = 0;
    return crm__item_parse(c, f, source, strlen(source), (const char *)text.p, text.n, &m->item,
                           why);
}

/* One of the values of a cell: whole, or cut at marks that may stand within a value. */
static int add_value(crm__mapping *m, crm_customer *c, uint32_t column, const crm__field *f,
                     crm__slice text, crm__fault_to *to, crm_error *err)
{
    crm_error *why = &m->why;
    crm__slice rest = text, one = text;
    int rc = crm__map_ready(m, column, f, &one, to, err);

    if (rc)
        return rc == CRM_DONE || rc == CRM_EVALUE ? CRM_OK : rc;
    rc = parse(m, c, column, f, one, why);
    if (rc == CRM_EVALUE && (f->type == CRM_TYPE_PHONE || f->type == CRM_TYPE_EMAIL)) {
        while (m->value_count <= CRM__LIST_ITEMS &&
               crm__map_split(m, f, 1, &rest, &one) == CRM_OK && one.n != text.n) {
            rc = add_value(m, c, column, f, one, to, err);
            if (rc)
                return rc;
            if (!rest.n)
                return CRM_OK;
        }
        rc = CRM_EVALUE;
    }
    if (rc) {
        rc = crm__map_fault(m, column, f, why, to, err);
        return rc == CRM_EVALUE ? CRM_OK : rc;
    }
    crm__items_add(&m->items, crm__slice_of(m->item.p, m->item.n));
    m->value_count++;
    if (!m->items.failed)
        return CRM_OK;
    m->items.failed = 0;
    return crm__fail_nomem(err);
}

/* All cells of a list's columns. */
static int fill_list(crm__mapping *m, const crm__table_row *row, uint32_t goal, crm_customer *c,
                     crm__fault_to *to, crm_error *err)
{
    const crm__map_goal *g = crm__map_goal_at(m, goal);
    crm_error *why = &m->why;
    int rc;

    m->items.n = 0;
    m->value_count = 0;
    for (size_t i = 0; i < row->count; i++) {
        uint32_t column = row->cells[i].column;
        crm__slice rest, one;
        if (column >= crm__mapping_count(m) || crm__map_column_at(m, column)->goal != goal ||
            column == m->own_uid)
            continue;
        rest = row->cells[i].text;
        while (m->value_count <= CRM__LIST_ITEMS &&
               (rc = crm__map_split(m, g->f, 0, &rest, &one)) != CRM_DONE) {
            if (rc)
                return crm__fail_nomem(err);
            rc = one.n ? add_value(m, c, column, g->f, one, to, err) : CRM_OK;
            if (rc)
                return rc;
        }
    }
    if (!m->items.n)
        return CRM_OK;
    if (m->value_count > CRM__LIST_ITEMS) {
        crm__list_too_long(g->f, why);
        rc = crm__map_fault(m, g->first, g->f, why, to, err);
        return rc == CRM_EVALUE ? CRM_OK : rc;
    }
    return crm__customer_put(c, g->f, CRM__SET, crm__slice_of(m->items.p, m->items.n), err);
}

static int fill_single(crm__mapping *m, crm__map_goal *g, crm_customer *c, crm__fault_to *to,
                       crm_error *err)
{
    crm_error *why = &m->why;
    uint32_t column;
    crm__slice text = crm__map_compose(m, g, &column);
    int rc;

    if (m->join.failed) {
        m->join.failed = 0;
        return crm__fail_nomem(err);
    }
    rc = crm__map_ready(m, column, g->f, &text, to, err);
    if (!rc)
        rc = parse(m, c, column, g->f, text, why);
    else if (rc == CRM_DONE || rc == CRM_EVALUE)
        return CRM_OK;
    else
        return rc;
    if (!rc)
        return crm__customer_put(c, g->f, CRM__SET, crm__slice_of(m->item.p, m->item.n), err);
    rc = crm__map_fault(m, column, g->f, why, to, err);
    return rc == CRM_EVALUE ? CRM_OK : rc;
}

static int fill_kind(crm__mapping *m, crm_customer *c, crm__fault_to *to)
{
    const crm__map_goal *g = crm__map_goal_at(m, CRM__GOAL_KIND);
    crm__slice s = g->part[CRM__PART_WHOLE];
    unsigned kind = m->kind_number;

    if (g->row == m->row && s.n) {
        if (m->card && s.n == 3 && !memcmp(s.p, "org", 3))
            kind = CRM__KIND_ORGANISATION;
        else
            kind = crm__kind_find(m->model, (const char *)s.p, s.n);
        if (!kind) {
            crm__map_tell(g->column[CRM__PART_WHOLE], "kind",
                          "kind: is neither \"person\" nor \"organisation\"",
                          "person or organisation", CRM_EVALUE, to);
            return CRM_OK;
        }
    }
    if (kind)
        return crm_customer_set_kind(c, crm__kind_key(kind), CRM_NUL, NULL);
    return CRM_OK;
}

static int fill_source(crm__mapping *m, crm_customer *c, crm__fault_to *to, crm_error *err)
{
    int rc = crm__map_row_source(m, to, err);

    if (rc)
        return rc;
    c->source = crm__arena_copy(&c->arena, m->row_source.p, m->row_source.n);
    return c->source ? CRM_OK : crm__fail_nomem(err);
}

/* The customer whom a card's UID names, when this database made it: it is then no identity. */
static crm_id own_uid(crm__mapping *m, const crm__table_row *row, uint32_t *column)
{
    *column = UINT32_MAX;
    for (size_t i = 0; m->card && i < row->count; i++) {
        const crm__map_column *c;
        crm_id id;
        if (row->cells[i].column >= crm__mapping_count(m))
            continue;
        c = crm__map_column_at(m, row->cells[i].column);
        if (!c->known.role || c->known.role->of != CRM__ROLE_OUTSIDE)
            continue;
        id = crm__card_uid_read(m->txn->store->id, crm__map_bare(row->cells[i].text));
        if (id) {
            *column = row->cells[i].column;
            return id;
        }
    }
    return 0;
}

int crm__mapping_customer(crm__mapping *m, const crm__table_row *row, crm_customer *c, crm_id *id,
                          crm__cell_fault_fn fault, void *ctx, crm_error *err)
{
    crm__fault_to to = {fault, ctx, 0};
    int rc;

    m->tags.n = 0;
    crm__arena_reset(&m->row_tags);
    crm__customer_model(c, m->model);
    *id = own_uid(m, row, &m->own_uid);
    rc = crm__map_gather(m, row, err);
    if (!rc)
        rc = fill_source(m, c, &to, err);
    if (!rc)
        rc = fill_kind(m, c, &to);
    for (size_t i = 0; !rc && i < m->active_count; i++) {
        uint32_t goal = m->active[i];
        crm__map_goal *g = crm__map_goal_at(m, goal);
        if (goal == CRM__GOAL_ID)
            *id = crm__map_number(g, "id", &to);
        else if (goal == CRM__GOAL_TAGS)
            rc = crm__map_fill_tags(m, row, &to, err);
        else if (g->f && g->f->flags & CRM_FIELD_LIST)
            rc = fill_list(m, row, goal, c, &to, err);
        else if (g->f && g->column[CRM__PART_WHOLE] != m->own_uid)
            rc = fill_single(m, g, c, &to, err);
    }
    if (rc)
        return rc;
    return to.count ? crm__fail(err, CRM_EVALUE, "%d cells of the row can't be what they should",
                                to.count)
                    : CRM_OK;
}
