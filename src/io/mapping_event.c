/* SPDX-License-Identifier: MIT
 * A row as an event: its kind, its time, its attributes, and the customer who has the identities
 * beside them.
 */
#include "io/mapping_part.h"

#include "base/time.h"

#include <stdio.h>

enum { FOUND = 16 }; /* customers that may share a phone number, and more are too many to tell */

/* ---- whose it is ---- */

/* The customers that every identity so far leaves, or that any of them has. */
typedef struct candidates {
    crm_id any[FOUND], all[FOUND];
    size_t any_count, all_count;
    int given, found, many;
    uint32_t column; /* of the first identity */
} candidates;

static int in_list(const crm_id *list, size_t n, crm_id id)
{
    for (size_t i = 0; i < n; i++) {
        if (list[i] == id)
            return 1;
    }
    return 0;
}

static void narrow(candidates *c, const crm_id *ids, size_t n)
{
    size_t k = 0;

    if (!c->found++) {
        memcpy(c->all, ids, n * sizeof *ids);
        c->all_count = n;
    } else {
        for (size_t i = 0; i < c->all_count; i++) {
            if (in_list(ids, n, c->all[i]))
                c->all[k++] = c->all[i];
        }
        c->all_count = k;
    }
    for (size_t i = 0; i < n; i++) {
        if (!in_list(c->any, c->any_count, ids[i])) {
            if (c->any_count == FOUND)
                c->many = 1;
            else
                c->any[c->any_count++] = ids[i];
        }
    }
}

/* One value of an identity; cut at marks that may stand within one when it is none as a whole. */
static int look_for(crm__mapping *m, uint32_t column, const crm__map_goal *g, crm__slice text,
                    int safe, candidates *c, crm__fault_to *to, crm_error *err)
{
    crm_error why = CRM_ERROR_INIT;
    crm__slice rest = text, one = text;
    const char *source = NULL;
    crm_id ids[FOUND];
    size_t count;
    int rc = crm__map_ready(m, column, g->f, &one, to, err);

    if (rc)
        return rc == CRM_DONE || rc == CRM_EVALUE ? CRM_OK : rc;
    if (!c->given++)
        c->column = column;
    if (g->f->flags & CRM_FIELD_PER_SOURCE)
        source = crm__map_source(m, crm__map_column_at(m, column));
    rc = crm_customer_find(m->txn, &g->public, source, (const char *)one.p, one.n, ids, FOUND,
                           &count, &why);
    if (rc == CRM_ENOTFOUND)
        return CRM_OK;
    if (!rc) {
        narrow(c, ids, count < FOUND ? count : FOUND);
        c->many |= count > FOUND;
        return CRM_OK;
    }
    if (rc == CRM_EVALUE && !safe && crm__map_split(m, g->f, 1, &rest, &one) == CRM_OK &&
        one.n != text.n) {
        do {
            rc = look_for(m, column, g, one, 1, c, to, err);
        } while (!rc && crm__map_split(m, g->f, 1, &rest, &one) == CRM_OK);
        return rc;
    }
    rc = crm__map_fault(m, column, g->f, &why, to, err);
    return rc == CRM_EVALUE ? CRM_OK : rc;
}

static int look_in(crm__mapping *m, const crm__table_row *row, uint32_t goal, candidates *c,
                   crm__fault_to *to, crm_error *err)
{
    const crm__map_goal *g = crm__map_goal_at(m, goal);
    int list = (g->f->flags & CRM_FIELD_LIST) != 0;
    unsigned values = 0;
    int rc = CRM_OK;

    for (size_t i = 0; i < row->count; i++) {
        uint32_t column = row->cells[i].column;
        crm__slice rest, one;
        if (column >= crm__mapping_count(m) || crm__map_column_at(m, column)->goal != goal)
            continue;
        rest = list ? row->cells[i].text : crm__slice_of(NULL, 0);
        one = crm__map_outer(m, row->cells[i].text);
        while (list ? (rc = crm__map_split(m, g->f, 0, &rest, &one)) != CRM_DONE : !values) {
            if (rc)
                return crm__fail_nomem(err);
            if (values++ == CRM__LIST_ITEMS)
                return CRM_OK;
            if (one.n)
                rc = look_for(m, column, g, one, 0, c, to, err);
            if (rc)
                return rc;
        }
    }
    return CRM_OK;
}

static int tell_other(uint32_t column, crm__fault_to *to)
{
    crm__map_tell(column, "", "is another customer's than the one all rows are of", "",
                  CRM_ECONFLICT, to);
    return CRM_ECONFLICT;
}

/* Unique identities first: only when none of them is given, the others count. */
static int find_customer(crm__mapping *m, const crm__table_row *row, crm_id *customer,
                         crm__fault_to *to, crm_error *err)
{
    const crm__map_goal *id = crm__map_goal_at(m, CRM__GOAL_ID);
    candidates c = {.column = CRM__NO_GOAL};
    int rc = CRM_OK;

    if (id->row == m->row && id->part[CRM__PART_WHOLE].n) {
        *customer = crm__map_number(id, "customer", to);
        return m->owner && *customer && *customer != m->owner
                   ? tell_other(id->column[CRM__PART_WHOLE], to)
                   : CRM_OK;
    }
    for (int unique = 1; unique >= 0; unique--) {
        for (size_t i = 0; !rc && i < m->active_count; i++) {
            const crm__field *f = crm__map_goal_at(m, m->active[i])->f;
            if (f && ((f->flags & CRM_FIELD_UNIQUE) != 0) == unique)
                rc = look_in(m, row, m->active[i], &c, to, err);
        }
        if (rc)
            return rc;
        if (c.found || (unique && c.given && to->count))
            break;
    }
    if (m->owner && (!c.given || in_list(c.all, c.all_count, m->owner))) {
        *customer = m->owner;
    } else if (m->owner && c.found) {
        return tell_other(c.column, to);
    } else if (c.found && c.any_count == 1 && !c.many) {
        *customer = c.any[0];
    } else if (c.found && c.all_count == 1) {
        *customer = c.all[0];
    } else if (c.found) {
        crm__map_tell(c.column, "", "the identities of the row are of several customers", "",
                      CRM_ECONFLICT, to);
        return CRM_ECONFLICT;
    } else {
        crm__map_tell(c.column, "",
                      c.given ? "no customer has an identity of the row"
                              : "the row has nothing to find its customer by",
                      "", CRM_ENOTFOUND, to);
        return CRM_ENOTFOUND;
    }
    return CRM_OK;
}

/* ---- kind, time, reference ---- */

static int find_kind(crm__mapping *m, const crm__event_kind **kind, size_t *at, crm__fault_to *to)
{
    const crm__map_goal *g = crm__map_goal_at(m, CRM__GOAL_KIND);
    crm__slice s = g->part[CRM__PART_WHOLE];
    char what[CRM_FIELD_SIZE + 80] = "kind: the row has none";
    const char *near;

    *kind = m->event;
    *at = m->event_at;
    if (g->row == m->row && s.n) {
        *kind = crm__model_event_find(m->model, (const char *)s.p, s.n);
        for (*at = 0; *kind && crm__model_event_at(m->model, *at) != *kind; ++*at)
            ;
    }
    if (*kind)
        return CRM_OK;
    m->hint.n = 0;
    crm__buf_add_str(&m->hint, "one of ");
    for (size_t i = 0; i < crm__model_event_count(m->model) && m->hint.n < 160; i++) {
        crm__buf_add_str(&m->hint, i ? ", " : "");
        crm__buf_add_str(&m->hint, crm__model_event_at(m->model, i)->key);
    }
    crm__buf_add_u8(&m->hint, 0);
    if (s.n && g->row == m->row) {
        near = crm__model_event_near(m->model, (const char *)s.p, s.n);
        snprintf(what, sizeof what, "kind: is no event kind of the model%s%s%s",
                 near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    }
    crm__map_tell(s.n && g->row == m->row ? g->column[CRM__PART_WHOLE] : CRM__NO_GOAL, "kind", what,
                  m->hint.failed ? "" : (const char *)m->hint.p, CRM_EVALUE, to);
    m->hint.failed = 0;
    return CRM_EVALUE;
}

/* The text of the time: one cell, or a date and a time of the day. */
static crm__slice time_text(crm__mapping *m, crm__map_goal *g, uint32_t *column)
{
    crm__slice whole = g->part[CRM__PART_WHOLE], day = g->part[CRM__PART_DAY];

    *column = g->column[whole.n ? CRM__PART_WHOLE : CRM__PART_DAY];
    if (!whole.n || !day.n)
        return whole.n ? whole : day;
    if (!crm__map_is_clock(whole))
        return whole;
    m->work.n = 0;
    crm__buf_add(&m->work, day.p, day.n);
    crm__buf_add_u8(&m->work, ' ');
    crm__buf_add(&m->work, whole.p, whole.n);
    *column = g->column[CRM__PART_DAY];
    return crm__slice_of(m->work.p, m->work.n);
}

static int fill_time(crm__mapping *m, crm_event *e, crm__fault_to *to, crm_error *err)
{
    char out[CRM__MAP_DATE_BYTES], what[CRM_MESSAGE_SIZE];
    crm__map_goal *g = crm__map_goal_at(m, CRM__GOAL_TIME);
    const char *why = "is empty", *hint = "";
    uint32_t column = CRM__NO_GOAL;
    crm__slice s = {NULL, 0};
    int64_t us;
    int rc = CRM_EVALUE;

    if (g->row == m->row)
        s = time_text(m, g, &column);
    if (m->work.failed) {
        m->work.failed = 0;
        return crm__fail_nomem(err);
    }
    if (s.n)
        rc = crm__map_date(crm__map_column_at(m, column), CRM_TYPE_DATETIME, e->zone, out, &s, &why,
                           &hint);
    if (!rc)
        rc = crm__datetime_parse((const char *)s.p, s.n, e->zone, &us, &why, NULL);
    if (!rc)
        return crm_event_set_time(e, us, err);
    snprintf(what, sizeof what, "time: %s%s", s.n && !*hint ? "is not a date and time: " : "", why);
    crm__map_tell(column, "time", what, *hint ? hint : "2024-05-31 09:30", CRM_EVALUE, to);
    return CRM_OK;
}

static int fill_reference(crm__mapping *m, crm_event *e, crm__fault_to *to, crm_error *err)
{
    const crm__map_goal *g = crm__map_goal_at(m, CRM__GOAL_REFERENCE);
    crm_error why = CRM_ERROR_INIT;
    crm__slice s = crm__map_plain(g->part[CRM__PART_WHOLE]);
    int rc;

    if (g->row != m->row || !s.n)
        return CRM_OK;
    rc = crm_event_set_reference(e, (const char *)s.p, s.n, &why);
    if (rc != CRM_EVALUE)
        return rc ? crm__fail_copy(err, &why) : CRM_OK;
    crm__map_tell(g->column[CRM__PART_WHOLE], "reference", why.message, "", CRM_EVALUE, to);
    return CRM_OK;
}

/* ---- attributes ---- */

static int fill_attribute(crm__mapping *m, uint32_t column, size_t kind_at, crm__slice text,
                          crm_event *e, crm__fault_to *to, crm_error *err)
{
    const crm__field *f = crm__map_column_at(m, column)->attributes[kind_at];
    crm_error why = CRM_ERROR_INIT;
    int rc;

    if (!f) {
        crm__map_tell(column, "", "events of the row's kind have no such attribute",
                      "leave the cell empty", CRM_EVALUE, to);
        return CRM_OK;
    }
    rc = crm__map_ready(m, column, f, &text, to, err);
    if (rc)
        return rc == CRM_DONE || rc == CRM_EVALUE ? CRM_OK : rc;
    rc = crm__event_set_text(e, f, (const char *)text.p, text.n, &why);
    if (rc)
        rc = crm__map_fault(m, column, f, &why, to, err);
    return rc == CRM_EVALUE ? CRM_OK : rc;
}

static int fill_attributes(crm__mapping *m, const crm__table_row *row, size_t kind_at, crm_event *e,
                           crm__fault_to *to, crm_error *err)
{
    int rc = CRM_OK;

    for (size_t i = 0; !rc && i < row->count; i++) {
        uint32_t column = row->cells[i].column;
        crm__slice text;
        if (column >= crm__mapping_count(m) || !crm__map_column_at(m, column)->attributes)
            continue;
        text = crm__map_outer(m, row->cells[i].text);
        if (text.n)
            rc = fill_attribute(m, column, kind_at, text, e, to, err);
    }
    return rc;
}

static int fill(crm__mapping *m, const crm__table_row *row, crm_event *e, crm__fault_to *to,
                crm_error *err)
{
    const crm__event_kind *kind;
    size_t kind_at;
    int rc = crm__map_row_source(m, to, err), none;

    /* Where a column tells sources, an event without one has none: by source and reference it is
     * known again. */
    none =
        m->has_source && !m->asked_source && crm__map_goal_at(m, CRM__GOAL_SOURCE)->row != m->row;
    if (!rc && !none)
        rc = crm_event_set_source(e, (const char *)m->row_source.p, m->row_source.n - 1, err);
    if (!rc)
        rc = fill_time(m, e, to, err);
    if (!rc)
        rc = fill_reference(m, e, to, err);
    if (rc || find_kind(m, &kind, &kind_at, to))
        return rc;
    e->kind = kind;
    e->e.kind = kind->number;
    return fill_attributes(m, row, kind_at, e, to, err);
}

int crm__mapping_event(crm__mapping *m, const crm__table_row *row, crm_event *e, crm_id *customer,
                       crm__cell_fault_fn fault, void *ctx, crm_error *err)
{
    crm__fault_to to = {fault, ctx, 0};
    int rc, found;

    *customer = 0;
    if (e->model != m->model) {
        crm__model_ref(m->model);
        crm__model_unref(e->model);
        e->model = m->model;
    }
    rc = crm__map_gather(m, row, err);
    if (!rc)
        rc = fill(m, row, e, &to, err);
    if (rc)
        return rc;
    rc = find_customer(m, row, customer, &to, err);
    if (rc && rc != CRM_ENOTFOUND && rc != CRM_ECONFLICT)
        return rc;
    found = rc ? 1 : 0;
    if (to.count > found)
        return crm__fail(err, CRM_EVALUE, "%d cells of the row can't be what they should",
                         to.count - found);
    return rc ? crm__fail(err, rc,
                          rc == CRM_ENOTFOUND
                              ? "no customer has the identities of the row"
                              : "the identities of the row are of several customers")
              : CRM_OK;
}
