/* SPDX-License-Identifier: MIT
 * Tags in the cells of a row: several in one cell, with the dimension in front ("region:shanghai"),
 * in the name of the column, or told by the value, when one dimension alone lists it.  What is
 * listed nowhere is a tag of the dimension "label", if the model has one.
 */
#include "io/mapping_part.h"

#include "base/time.h"
#include "base/utf8.h"
#include "tag/tag.h"

#include <stdio.h>

/* ---- names of columns ---- */

/* "tag:region", "标签:地域"; what is behind the colon, of no bytes when it is no such name. */
static crm__slice behind_colon(const char *s, size_t n)
{
    crm__slice none = {NULL, 0};
    const char *colon;
    size_t bytes, k;

    if (crm__utf8_valid(s, n) != n || !(colon = crm__tag_colon(s, n, &bytes)))
        return none;
    k = (size_t)(colon - s);
    if (!(k == 3 && !memcmp(s, "tag", 3)) && !(k == 4 && !memcmp(s, "tags", 4)) &&
        !(k == 6 && !memcmp(s, "标签", 6)))
        return none;
    return crm__map_trim(crm__slice_of((const uint8_t *)colon + bytes, n - k - bytes));
}

int crm__map_tag_column(const crm__mapping *m, const char *s, size_t n, crm__map_meaning *out)
{
    crm__slice behind = behind_colon(s, n), name = behind.n ? behind : crm__slice_of(s, n);
    const crm__dimension *d;

    if (m->what != CRM__MAP_CUSTOMERS || !name.n || name.n > CRM__NAME_BYTES)
        return 0;
    d = crm__model_dimension_find(m->model, (const char *)name.p, name.n);
    if (!d)
        return 0;
    memset(out, 0, sizeof *out);
    out->why = "";
    out->use = CRM__USE_TAG;
    out->within = d;
    out->loose = !behind.n;
    out->found = strlen(d->key) == name.n && !memcmp(d->key, name.p, name.n) ? CRM__FOUND_KEY
                                                                             : CRM__FOUND_LABEL;
    return 1;
}

/* ---- one tag ---- */

/* What reading a cell needs. */
typedef struct reading {
    crm__mapping *m;
    const crm__map_column *c;
    uint32_t column;
    crm__fault_to *to;
    crm_error *err;
} reading;

static int wrong(const reading *r, const char *field, const char *what, const char *hint)
{
    crm__map_tell(r->column, field, what, hint, CRM_EVALUE, r->to);
    return CRM_EVALUE;
}

/* Dimensions of the model, for who named none of them. */
static const char *dimensions(crm__mapping *m)
{
    size_t count = crm__model_dimension_count(m->model);

    m->hint.n = 0;
    crm__buf_add_str(&m->hint, count ? "<dimension>:<value>, of " : "no tags: the model has none");
    for (size_t i = 0; i < count && m->hint.n < 160; i++) {
        crm__buf_add_str(&m->hint, i ? ", " : "");
        crm__buf_add_str(&m->hint, crm__model_dimension_at(m->model, i)->key);
    }
    crm__buf_add_u8(&m->hint, 0);
    if (m->hint.failed) {
        m->hint.failed = 0;
        return "";
    }
    return (const char *)m->hint.p;
}

/* Takes the end off a text "value:high (until 2027-01-31)". */
static int take_end(const reading *r, crm__slice *text, int64_t *until)
{
    static const char WORD[] = "(until ";
    const uint8_t *open =
        text->n && text->p[text->n - 1] == ')' ? memrchr(text->p, '(', text->n) : NULL;
    size_t at = open ? (size_t)(open - text->p) : 0, n = sizeof WORD - 1;

    *until = 0;
    if (!open || text->n - at <= n + 1 || memcmp(open, WORD, n) != 0)
        return CRM_OK;
    if (crm__datetime_parse((const char *)open + n, text->n - at - n - 1, r->m->txn->zone, until,
                            NULL, NULL) ||
        !*until)
        return wrong(r, "tags", "tags: what is behind \"until\" is no time",
                     "region:shanghai (until 2027-01-31)");
    *text = crm__map_trim(crm__slice_of(text->p, at));
    return CRM_OK;
}

/* 12,345.00 and the like. */
static int is_number(crm__slice s)
{
    int digits = 0;

    for (size_t i = 0; i < s.n; i++) {
        digits |= s.p[i] >= '0' && s.p[i] <= '9';
        if (s.p[i] >= 0x80 || (s.p[i] | 0x20) >= 'a')
            return 0;
    }
    return digits;
}

/* The dimension of a value without one: that which lists it, and no other does.  NULL: told. */
static const crm__dimension *dimension_of(const reading *r, crm__slice s)
{
    const crm__model *model = r->m->model;
    const crm__dimension *found = NULL;
    const char *p = (const char *)s.p;

    for (size_t i = 0; i < crm__model_dimension_count(model); i++) {
        const crm__dimension *d = crm__model_dimension_at(model, i);
        if (!crm__dimension_value_find(d, p, s.n))
            continue;
        if (found) {
            wrong(r, "tags", "tags: more than one dimension has this value", dimensions(r->m));
            return NULL;
        }
        found = d;
    }
    if (!found)
        found = crm__model_dimension_find(model, "label", 5);
    if (!found)
        wrong(r, "tags", "tags: a tag without its dimension, and none lists such a value",
              dimensions(r->m));
    return found;
}

/* The dimension that a text names, or else its column, or its value. */
static const crm__dimension *within(const reading *r, crm__slice s)
{
    const crm__dimension *d = r->c->meaning.within;
    const char *p = (const char *)s.p, *colon;
    size_t bytes;

    colon = crm__tag_colon(p, s.n, &bytes);
    if (colon) {
        s = crm__map_trim(crm__slice_of(s.p, (size_t)(colon - p)));
        d = s.n ? crm__model_dimension_find(r->m->model, (const char *)s.p, s.n) : NULL;
        if (!d)
            wrong(r, "tags", "tags: the model has no such dimension", dimensions(r->m));
        else if (r->c->meaning.within && d != r->c->meaning.within)
            wrong(r, "tags", "tags: a tag of another dimension than the column is of", "");
        return d && r->c->meaning.within && d != r->c->meaning.within ? NULL : d;
    }
    if (!d)
        return dimension_of(r, s);
    return d;
}

static int add(const reading *r, const crm__row_tag *tag)
{
    const crm__row_tag *list = (const crm__row_tag *)(const void *)r->m->tags.p;
    size_t count = r->m->tags.n / sizeof *list;
    char what[CRM_FIELD_SIZE + 60];

    for (size_t i = 0; i < count; i++) {
        if (crm__slice_compare(list[i].name, tag->name) == 0)
            return CRM_OK;
        if (list[i].dimension == tag->dimension && tag->dimension->one) {
            snprintf(what, sizeof what, "%s: a customer has at most one tag of it",
                     tag->dimension->key);
            return wrong(r, tag->dimension->key, what, "one of them");
        }
    }
    if (count >= CRM__LIST_ITEMS)
        return wrong(r, "tags", "tags: there are more than 1000", "");
    crm__buf_add(&r->m->tags, tag, sizeof *tag);
    if (!r->m->tags.failed)
        return CRM_OK;
    r->m->tags.failed = 0;
    return crm__fail_nomem(r->err);
}

static int read_tag(const reading *r, crm__slice s)
{
    crm_error *why = &r->m->why;
    crm__row_tag out = {{NULL, 0}, NULL, 0};
    crm__tag tag;
    int rc = take_end(r, &s, &out.until);

    if (rc)
        return rc;
    if (crm__utf8_valid((const char *)s.p, s.n) != s.n)
        return wrong(r, "tags", "tags: is not UTF-8", "");
    out.dimension = within(r, s);
    if (!out.dimension)
        return CRM_EVALUE;
    rc = crm__tag_read(r->m->txn, r->m->model, out.dimension, (const char *)s.p, s.n, 0,
                       &r->m->row_tags, &tag, why);
    if (rc)
        return rc == CRM_EVALUE ? wrong(r, out.dimension->key, why->message, "")
                                : crm__fail_copy(r->err, why);
    if (out.until && !out.dimension->expires)
        return wrong(r, out.dimension->key, "tags of this dimension have no end, the model says",
                     "without \"until\"");
    out.name = tag.name;
    return add(r, &out);
}

/* ---- cells ---- */

/* Length of a mark between tags at p, 0: none. */
static size_t mark_at(const uint8_t *p, size_t n)
{
    static const char *const MARKS[] = {" ::: ", "；", "，", "、"};

    if (*p == ';' || *p == ',' || *p == '\n')
        return 1;
    for (size_t i = 0; i < sizeof MARKS / sizeof MARKS[0]; i++) {
        size_t k = strlen(MARKS[i]);
        if (n >= k && !memcmp(p, MARKS[i], k))
            return k;
    }
    return 0;
}

/* The groups that an address book has of itself: "* myContacts". */
static int is_of_program(const reading *r, crm__slice s)
{
    return r->c->meaning.found == CRM__FOUND_KNOWN && s.n > 1 && s.p[0] == '*' && s.p[1] == ' ';
}

/* A column that only by its name is one of tags, and holds numbers: sales, distances ... */
static int is_other(const reading *r, crm__slice cell)
{
    const crm__dimension *d = r->c->meaning.within;

    cell = crm__map_trim(cell);
    return r->c->meaning.loose && cell.n && is_number(cell) &&
           !crm__dimension_value_find(d, (const char *)cell.p, cell.n);
}

static int read_cell(const reading *r, crm__slice rest)
{
    int rc = CRM_OK;

    if (is_other(r, rest)) {
        wrong(r, r->c->meaning.within->key, "is a number, not a tag",
              "a tag; or \"skip\" for this column in a mapping");
        return CRM_OK;
    }
    while (rest.n && (!rc || rc == CRM_EVALUE)) {
        size_t n = 0, mark = 0;
        crm__slice one;
        while (n < rest.n && (mark = mark_at(rest.p + n, rest.n - n)) == 0)
            n++;
        one = crm__map_trim(crm__slice_of(rest.p, n));
        rest.p += n + mark;
        rest.n -= n + mark;
        if (one.n && !crm__map_is_nothing(one) && !is_of_program(r, one))
            rc = read_tag(r, one);
    }
    return rc == CRM_EVALUE ? CRM_OK : rc;
}

int crm__map_fill_tags(crm__mapping *m, const crm__table_row *row, crm__fault_to *to,
                       crm_error *err)
{
    int rc = CRM_OK;

    for (size_t i = 0; !rc && i < row->count; i++) {
        uint32_t column = row->cells[i].column;
        reading r = {m, NULL, column, to, err};
        if (column >= crm__mapping_count(m))
            continue;
        r.c = crm__map_column_at(m, column);
        if (r.c->goal == CRM__GOAL_TAGS)
            rc = read_cell(&r, row->cells[i].text);
    }
    return rc;
}

const crm__row_tag *crm__mapping_tags(const crm__mapping *m, size_t *count)
{
    *count = m->tags.n / sizeof(crm__row_tag);
    return (const crm__row_tag *)(const void *)m->tags.p;
}
