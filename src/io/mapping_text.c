/* SPDX-License-Identifier: MIT
 * The text of a mapping, read and written (docs/import.md):
 *
 *   kind: person
 *   columns:
 *     手机: phone
 *     Cust No: {field: external, source: erp}
 *     Notes: skip
 */
#include "io/mapping_part.h"

#include "base/utf8.h"
#include "model/place.h"
#include "model/tree.h"

#include <stdio.h>

static const char *const TOP[] = {"columns", "kind", "source"};
static const char *const PARTS[] = {"field", "source", "date", "part", "currency", "decimal"};
static const char *const MARKS[] = {"", "point", "comma"};
static const char *const ORDERS[] = {"", "dmy", "mdy", "ymd"};

enum { COUNT_TOP = 3, COUNT_PARTS = 6, COUNT_ORDERS = 4, COUNT_MARKS = 3 };

/* ---- reading ---- */

static int is(const crm__node *node, const char *word)
{
    return node->n == strlen(word) && !memcmp(node->text, word, node->n);
}

static size_t find(const crm__node *node, const char *const *list, size_t count)
{
    size_t i = 0;

    while (i < count && !is(node, list[i]))
        i++;
    return i;
}

static void unknown(crm__load *l, const crm__node *node, const char *what, const char *const *list,
                    size_t count)
{
    char all[CRM_FIELD_SIZE] = "";
    size_t best, at = 0;

    if (crm__near(node->text, node->n, list, count, &best) != SIZE_MAX) {
        crm__fault(l, node, "\"%s\" is no %s; did you mean \"%s\"?", crm__node_word(node).s, what,
                   list[best]);
        return;
    }
    for (size_t i = 0; i < count && at < sizeof all; i++)
        at += (size_t)snprintf(all + at, sizeof all - at, "%s%s", i ? ", " : "", list[i]);
    crm__fault(l, node, "\"%s\" is no %s, expected one of %s", crm__node_word(node).s, what, all);
}

/* The text of a node, kept with the mapping; NULL with a fault. */
static const char *text_of(crm__mapping *m, crm__load *l, const crm__node *node, const char *what)
{
    const char *copy;

    if (node->kind == CRM__NODE_BAD)
        return NULL;
    if (node->kind != CRM__NODE_TEXT || !node->n) {
        crm__fault(l, node, "%s must be a text", what);
        return NULL;
    }
    copy = crm__arena_copy(&m->kept, node->text, node->n + 1);
    if (!copy)
        l->nomem = 1;
    return copy;
}

static void read_source(crm__mapping *m, crm__load *l, const crm__node *node, const char **out)
{
    const char *s = text_of(m, l, node, "source");

    if (s && !crm__name_ok(s, node->n))
        crm__fault(l, node, "source is a text of 1 to 100 bytes, without control characters");
    else if (s)
        *out = s;
}

static void read_part(crm__mapping *m, crm__load *l, const crm__node *node, crm__map_rule *r)
{
    const char *s;

    switch (find(node->key, PARTS, COUNT_PARTS)) {
    case 0:
        r->word = text_of(m, l, node, "field");
        r->line = node->line;
        r->at = node->column;
        break;
    case 1:
        read_source(m, l, node, &r->source);
        break;
    case 2:
        s = text_of(m, l, node, "date");
        r->date = s ? (unsigned)find(node, ORDERS, COUNT_ORDERS) : 0;
        if (r->date == COUNT_ORDERS)
            unknown(l, node, "order of a date", ORDERS + 1, COUNT_ORDERS - 1);
        break;
    case 3:
        s = text_of(m, l, node, "part");
        r->part = s ? crm__part_find(s, node->n) : CRM__PART_WHOLE;
        if (r->part == CRM__PARTS)
            crm__fault(l, node,
                       "\"%s\" is no part; there are given, middle, family, suffix, name, line1, "
                       "line2, line3, spare and day",
                       crm__node_word(node).s);
        break;
    case 4:
        s = text_of(m, l, node, "currency");
        if (s && !crm__currency_find(s, node->n, "", r->currency))
            crm__fault(l, node, "\"%s\" is no currency, expected a code such as CNY",
                       crm__node_word(node).s);
        break;
    case 5:
        s = text_of(m, l, node, "decimal");
        r->decimal = s ? (unsigned)find(node, MARKS, COUNT_MARKS) : 0;
        if (r->decimal == COUNT_MARKS)
            unknown(l, node, "mark before decimals", MARKS + 1, COUNT_MARKS - 1);
        break;
    default:
        unknown(l, node->key, "part of a column's description", PARTS, COUNT_PARTS);
        break;
    }
}

static void read_column(crm__mapping *m, crm__load *l, const crm__node *node)
{
    char folded[CRM__FOLD_BYTES];
    size_t faults = l->fault_count;
    crm__map_rule r;

    memset(&r, 0, sizeof r);
    r.source = "";
    r.line = node->line;
    r.at = node->column;
    r.column_line = node->key->line;
    r.column_at = node->key->column;
    r.column =
        crm__slice_of(crm__arena_copy(&m->kept, node->key->text, node->key->n + 1), node->key->n);
    r.folded_n = crm__map_fold(node->key->text, node->key->n, folded);
    r.folded = crm__arena_copy(&m->kept, folded, r.folded_n);
    if (!r.column.p || !r.folded)
        l->nomem = 1;
    if (node->kind == CRM__NODE_MAP) {
        for (const crm__node *part = node->first; part; part = part->next)
            read_part(m, l, part, &r);
        if (!r.word && l->fault_count == faults)
            crm__fault(l, node, "\"%s\" needs a field", crm__node_word(node->key).s);
    } else if (!is(node, "skip")) {
        r.word = text_of(m, l, node, "what a column is");
    }
    crm__buf_add(&m->rules, &r, sizeof r);
}

static void read_top(crm__mapping *m, crm__load *l, const crm__node *node)
{
    switch (find(node->key, TOP, COUNT_TOP)) {
    case 0:
        if (node->kind != CRM__NODE_MAP && node->kind != CRM__NODE_BAD &&
            !(node->kind == CRM__NODE_TEXT && node->plain && !node->n))
            crm__fault(l, node, "columns must be a map: name of the column, colon, field");
        for (const crm__node *c = node->kind == CRM__NODE_MAP ? node->first : NULL; c; c = c->next)
            read_column(m, l, c);
        break;
    case 1:
        m->asked_kind = text_of(m, l, node, "kind");
        break;
    case 2:
        read_source(m, l, node, &m->asked_source);
        break;
    default:
        unknown(l, node->key, "key of a mapping", TOP, COUNT_TOP);
        break;
    }
}

int crm__map_text_read(crm__mapping *m, const char *text, size_t n, crm_error *err)
{
    crm__load l;
    const crm__node *root;
    crm_error why = CRM_ERROR_INIT;
    int rc, code = CRM_ESYNTAX;

    crm__load_init(&l, &m->mem);
    l.what = "mapping";
    root = crm__tree_read(&l, text, n);
    if (root && !l.fault_count) {
        code = CRM_EFIELD;
        for (const crm__node *node = root->first; node; node = node->next)
            read_top(m, &l, node);
    }
    if (m->rules.failed) {
        m->rules.failed = 0;
        l.nomem = 1;
    }
    rc = crm__load_report(&l, NULL, NULL, &why);
    crm__load_clear(&l);
    if (rc != CRM_EMODEL)
        return rc ? crm__fail_copy(err, &why) : CRM_OK;
    return crm__fail_at(err, code, why.row, why.offset, "line %d of the mapping: %s",
                         (int)why.row, why.message);
}

/* ---- writing ---- */

/* Whether a text may stand in YAML as it is, also within braces. */
static int is_plain(crm__slice s)
{
    const char *p = (const char *)s.p, *end = p + s.n;

    if (!s.n || s.p[0] == ' ' || s.p[s.n - 1] == ' ' || s.p[0] == '-' || s.p[0] == '.')
        return 0;
    while (p < end) {
        uint32_t c = crm__utf8_next(&p, end);
        int ascii = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                    c == '_' || c == '-' || c == ' ' || c == '.' || c == '(' || c == ')' ||
                    c == '/';
        int other = c > 0xa0 && c < 0xfe00 && !crm__utf8_is_space(c) &&
                    (c < 0x2000 || c > 0x206f) && (c < 0xd800 || c > 0xf8ff);
        if (!ascii && !other)
            return 0;
    }
    return 1;
}

static void put_text(crm__buf *out, crm__slice s)
{
    const char *p = (const char *)s.p, *end = p + s.n;

    if (is_plain(s)) {
        crm__buf_add(out, s.p, s.n);
        return;
    }
    crm__buf_add_u8(out, '"');
    while (p < end) {
        char c4[4];
        uint32_t c = crm__utf8_next(&p, end);
        if (c == '"' || c == '\\')
            crm__buf_add_fmt(out, "\\%c", (int)c);
        else if (c < 0x20 || (c >= 0x7f && c < 0xa1) || (c >= 0x2000 && c <= 0x206f) ||
                 c == 0xfeff || c == 0xfffe || c == 0xffff)
            crm__buf_add_fmt(out, "\\u%04X", (unsigned)c);
        else
            crm__buf_add(out, c4, crm__utf8_put(c, c4));
    }
    crm__buf_add_u8(out, '"');
}

static void put_word(crm__buf *out, const char *word)
{
    put_text(out, crm__slice_of((const uint8_t *)word, strlen(word)));
}

/* What a column is, as a rule says it. */
typedef struct line {
    const char *word; /* NULL: skip */
    const char *source;
    unsigned part, date, decimal;
    const char *currency;
} line;

static void put_line(crm__buf *out, crm__slice column, const line *x)
{
    crm__buf_add_str(out, "  ");
    put_text(out, column);
    crm__buf_add_str(out, ": ");
    if (!x->word) {
        crm__buf_add_str(out, "skip\n");
        return;
    }
    if (!*x->source && !x->part && !x->date && !x->decimal && !*x->currency &&
        strcmp(x->word, "skip")) {
        put_word(out, x->word);
        crm__buf_add_u8(out, '\n');
        return;
    }
    crm__buf_add_str(out, "{field: ");
    put_word(out, x->word);
    if (*x->source) {
        crm__buf_add_str(out, ", source: ");
        put_word(out, x->source);
    }
    if (x->part)
        crm__buf_add_fmt(out, ", part: %s", crm__part_word(x->part));
    if (x->date)
        crm__buf_add_fmt(out, ", date: %s", ORDERS[x->date]);
    if (x->decimal)
        crm__buf_add_fmt(out, ", decimal: %s", MARKS[x->decimal]);
    if (*x->currency)
        crm__buf_add_fmt(out, ", currency: %s", x->currency);
    crm__buf_add_str(out, "}\n");
}

static const char *word_of(const crm__map_column *c)
{
    switch (c->told.use) {
    case CRM__USE_FIELD:
    case CRM__USE_PART:
    case CRM__USE_ATTRIBUTE:
        return c->told.key;
    case CRM__USE_ID:
        return "id";
    case CRM__USE_KIND:
        return "kind";
    case CRM__USE_TIME:
        return "time";
    case CRM__USE_REFERENCE:
        return "reference";
    case CRM__USE_SOURCE:
        return "source";
    case CRM__USE_TAG:
        return "tags";
    default:
        return NULL;
    }
}

/* A name that can be read back as the key of a map. */
static int can_be_key(crm__slice name)
{
    return name.n <= CRM__NAME_BYTES && !memchr(name.n ? name.p : (const uint8_t *)"", 0, name.n) &&
           crm__utf8_valid((const char *)name.p, name.n) == name.n;
}

static int same_name(crm__slice a, crm__slice b)
{
    return a.n == b.n && (!a.n || !memcmp(a.p, b.p, a.n));
}

/* Columns of one name share a line: the first one's. */
static int written_before(const crm__mapping *m, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (same_name(crm__map_column_at(m, i)->told.column,
                      crm__map_column_at(m, at)->told.column))
            return 1;
    }
    return 0;
}

static void put_unclaimed(crm__buf *out, crm__slice column)
{
    crm__buf_add_str(out, "  # ");
    put_text(out, column);
    crm__buf_add_str(out, ": nobody claims it: name its field, or skip\n");
}

static void put_column(const crm__mapping *m, const crm__map_column *c, crm__buf *out)
{
    line x = {word_of(c), "", 0, c->date, c->decimal, ""};
    char tag[CRM_FIELD_SIZE + 8];

    if (c->told.use == CRM__USE_TAG && c->meaning.within) {
        snprintf(tag, sizeof tag, "tag:%s", c->meaning.within->key);
        x.word = tag;
    }
    if (x.word && c->told.source != m->source)
        x.source = c->told.source;
    if (c->told.use == CRM__USE_PART || c->told.use == CRM__USE_TIME)
        x.part = c->meaning.part;
    if (x.word && !c->date && c->seen == CRM__SEEN_DAY_FIRST)
        x.date = CRM__DATE_DAY_FIRST;
    if (x.word && !c->date && c->seen == CRM__SEEN_MONTH_FIRST)
        x.date = CRM__DATE_MONTH_FIRST;
    if (x.word && !c->decimal && c->seen_number == CRM__DECIMAL_COMMA)
        x.decimal = CRM__DECIMAL_COMMA;
    if (x.word && c->currency[0])
        x.currency = c->currency;
    put_line(out, c->told.column, &x);
}

int crm__mapping_write(const crm__mapping *m, int refused, crm__buf *out)
{
    size_t count = crm__mapping_count(m);

    if (m->asked_kind) {
        crm__buf_add_str(out, "kind: ");
        put_word(out, m->kind);
        crm__buf_add_u8(out, '\n');
    }
    if (m->asked_source) {
        crm__buf_add_str(out, "source: ");
        put_word(out, m->asked_source);
        crm__buf_add_u8(out, '\n');
    }
    crm__buf_add_str(out, "columns:\n");
    for (size_t i = 0; i < count; i++) {
        const crm__map_column *c = crm__map_column_at(m, i);
        if (!can_be_key(c->told.column) || written_before(m, i))
            continue;
        if (refused && c->told.use == CRM__USE_NONE)
            put_unclaimed(out, c->told.column);
        else
            put_column(m, c, out);
    }
    for (size_t i = 0; i < crm__map_rule_count(m); i++) {
        const crm__map_rule *r = crm__map_rule_at(m, i);
        line x = {r->word, r->source, r->part, r->date, r->decimal, r->currency};
        if (!r->matched)
            put_line(out, r->column, &x);
    }
    return out->failed ? CRM_ENOMEM : CRM_OK;
}
