/* SPDX-License-Identifier: MIT
 * Cards as a table: one row a card, one column for each kind of property, found as they come.
 * Structured values are taken apart: "N;family", "ADR;city", "ORG;unit".  What kind of number or
 * address it is comes from the parameters or, as Apple's programs write it, from a label of the
 * same group.
 */
#include "io/vcard.h"

#include "base/hash.h"
#include "base/utf8.h"
#include "io/table_part.h"

#include <crm/codes.h>
#include <stdlib.h>

enum { SLOTS = 2 * CRM__TABLE_COLUMNS, MOST = 4096, LABELS = 256, NAME = 80 };

/* A property's group, name and kind, until the card ends: a label may still change the kind. */
typedef struct item {
    crm__slice group, name, text;
    const char *kind; /* "cell", or "" */
    uint32_t column, order;
} item;

typedef struct reader {
    const crm_allocator *mem;
    crm__vcard_mend *mend;
    crm__text *text;
    crm__vcard_lines lines;
    crm__vcard_scratch scratch;
    crm__buf made;    /* a text being made */
    crm__arena arena; /* texts of the card */
    uint64_t cards;
    char version[8]; /* of the first card */
    crm__slice held; /* a line read already: a BEGIN that came before its card's END */
    uint64_t held_number;
    size_t count, labels;
    int address; /* the card's first address was met: the parts are its own */
    int failed;  /* no memory */
    unsigned flags;
    const char *why; /* of CRM__ROW_BROKEN */
    item items[MOST];
    struct {
        crm__slice group, text;
    } label[LABELS];
    crm__cell cells[MOST];
    uint16_t slots[SLOTS]; /* columns by the hash of their names, + 1 */
} reader;

static void close_vcard(void *p)
{
    reader *r = p;

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
    crm__text_options text = {o->encoding, 0, NULL, NULL};
    reader *r = crm__calloc(t->mem, 1, sizeof *r);
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

static int column_of(crm__table *t, reader *r, const char *name, size_t n, uint32_t *column,
                     crm_error *err)
{
    size_t at = (size_t)(crm__hash64(0, name, n) % SLOTS);
    crm__slice s = {(const uint8_t *)name, n};
    int rc;

    for (; r->slots[at]; at = (at + 1) % SLOTS) {
        *column = r->slots[at] - 1u;
        if (crm__slice_compare(t->names[*column], s) == 0)
            return CRM_OK;
    }
    rc = crm__table_add(t, s, err);
    if (rc)
        return rc;
    *column = (uint32_t)t->columns - 1;
    r->slots[at] = (uint16_t)t->columns;
    return CRM_OK;
}

/* ---- texts ---- */

static void broken(reader *r, const char *why)
{
    if (!r->why)
        r->why = why;
}

static crm__slice keep(reader *r, crm__slice s)
{
    void *copy = crm__arena_copy(&r->arena, s.p, s.n);

    r->failed |= !copy;
    return (crm__slice){copy, copy ? s.n : 0};
}

/* A cell of the text r->made, unless it is empty. */
static void put(reader *r, const crm__vcard_prop *p, const char *name, const char *kind)
{
    const char *text = (const char *)r->made.p;
    size_t n = r->made.n;
    item *it;

    if (n)
        crm__utf8_trim(&text, &n);
    if (!n)
        return;
    if (r->count == MOST) {
        broken(r, "it has more than 4,096 properties");
        return;
    }
    it = &r->items[r->count];
    it->group = p->group.n ? keep(r, p->group) : p->group;
    it->name.p = (const uint8_t *)name;
    it->name.n = strlen(name);
    it->kind = kind;
    it->text = keep(r, (crm__slice){(const uint8_t *)text, n});
    it->order = (uint32_t)r->count++;
}

static void put_text(reader *r, const crm__vcard_prop *p, const char *name, const char *kind,
                     crm__slice value)
{
    r->made.n = 0;
    crm__vcard_text(&r->made, value);
    put(r, p, name, kind);
}

/* Each part as a cell of its own kind; those of a list within a part with a space between where
 * `lists`. */
static void put_parts(reader *r, const crm__vcard_prop *p, const char *name,
                      const char *const *kinds, size_t count, int lists)
{
    crm__slice rest = p->value, part, piece;
    int more = 1;

    for (size_t i = 0; i < count && crm__vcard_part(&rest, &more, ';', &part); i++) {
        int again = 1;
        r->made.n = 0;
        while (lists && crm__vcard_part(&part, &again, ',', &piece)) {
            crm__vcard_text(&r->made, piece);
            if (again)
                crm__buf_add_u8(&r->made, ' ');
        }
        if (!lists)
            crm__vcard_text(&r->made, part);
        put(r, p, name, kinds[i]);
    }
}

/* Several parts as one text, without the empty ones. */
static void put_joined(reader *r, const crm__vcard_prop *p, const char *name, const char *kind,
                       crm__slice rest, const char *between)
{
    crm__slice part;
    int more = 1;
    size_t n;

    r->made.n = 0;
    while (crm__vcard_part(&rest, &more, ';', &part)) {
        n = r->made.n;
        if (n && part.n)
            crm__buf_add_str(&r->made, between);
        crm__vcard_text(&r->made, part);
    }
    put(r, p, name, kind);
}

/* Is any part of a structured value not empty? */
static int has_parts(crm__slice v)
{
    for (size_t i = 0; i < v.n; i++) {
        if (v.p[i] != ';' && v.p[i] != ' ')
            return 1;
    }
    return 0;
}

/* ---- kinds ---- */

/* Words of TYPE and of labels, what names the kind best first. */
static const struct {
    const char *word, *kind;
} KINDS[] = {
    {"fax", "fax"},      {"_$!<HomeFAX>!$_", "fax"}, {"_$!<WorkFAX>!$_", "fax"},
    {"传真", "fax"},     {"pager", "pager"},         {"_$!<Pager>!$_", "pager"},
    {"cell", "cell"},    {"mobile", "cell"},         {"iPhone", "cell"},
    {"手机", "cell"},    {"_$!<Mobile>!$_", "cell"}, {"work", "work"},
    {"company", "work"}, {"工作", "work"},           {"公司", "work"},
    {"单位", "work"},    {"_$!<Work>!$_", "work"},   {"home", "home"},
    {"家庭", "home"},    {"住宅", "home"},           {"_$!<Home>!$_", "home"},
};
enum { KIND_COUNT = sizeof KINDS / sizeof *KINDS };

static const char *kind_by_types(const crm__vcard_prop *p)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (crm__vcard_has_type(p, KINDS[i].word))
            return KINDS[i].kind;
    }
    return "";
}

static const char *kind_by_label(crm__slice label)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (crm__vcard_is(label, KINDS[i].word))
            return KINDS[i].kind;
    }
    return "";
}

/* Those of electronic mail are of home or work. */
static const char *kind_of_mail(const char *kind)
{
    return strcmp(kind, "home") == 0 || strcmp(kind, "work") == 0 ? kind : "";
}

static void take_label(reader *r, const crm__vcard_prop *p)
{
    if (!p->group.n || r->labels == LABELS)
        return;
    r->label[r->labels].group = keep(r, p->group);
    r->label[r->labels++].text = keep(r, p->value);
}

static int same_word(crm__slice a, crm__slice b)
{
    char word[NAME];

    if (b.n >= sizeof word)
        return 0;
    memcpy(word, b.p, b.n);
    word[b.n] = 0;
    return crm__vcard_is(a, word);
}

static void use_labels(reader *r)
{
    for (size_t i = 0; i < r->labels; i++) {
        const char *kind = kind_by_label(r->label[i].text);
        for (size_t k = 0; *kind && k < r->count; k++) {
            item *it = &r->items[k];
            int mail = it->group.n && crm__vcard_is(it->name, "EMAIL");
            if (it->group.n && !*it->kind && (mail || crm__vcard_is(it->name, "TEL")) &&
                same_word(it->group, r->label[i].group))
                it->kind = mail ? kind_of_mail(kind) : kind;
        }
    }
}

/* ---- properties of a special form ---- */

static void take_name(reader *r, const crm__vcard_prop *p)
{
    static const char *const PARTS[] = {"family", "given", "additional", "prefix", "suffix"};

    put_parts(r, p, "N", PARTS, 5, 1);
}

/* The first address gives the parts; any other is one text. */
static void take_address(reader *r, const crm__vcard_prop *p)
{
    static const char *const PARTS[] = {"box",    "extended", "street", "city",
                                        "region", "code",     "country"};

    if (!has_parts(p->value))
        return;
    if (r->address)
        put_joined(r, p, "ADR", "other", p->value, ", ");
    else
        put_parts(r, p, "ADR", PARTS, 7, 0);
    r->address = 1;
}

static void take_org(reader *r, const crm__vcard_prop *p)
{
    crm__slice rest = p->value, part;
    int more = 1;

    crm__vcard_part(&rest, &more, ';', &part);
    put_text(r, p, "ORG", "name", part);
    if (more)
        put_joined(r, p, "ORG", "unit", rest, " / ");
}

static int strip(crm__slice *v, const char *scheme)
{
    size_t n = strlen(scheme);

    if (v->n < n || !crm__vcard_is((crm__slice){v->p, n}, scheme))
        return 0;
    v->p += n;
    v->n -= n;
    return 1;
}

/* "tel:+1-418-656-9254;ext=102" is "+1-418-656-9254 ext 102". */
static void take_phone(reader *r, const crm__vcard_prop *p)
{
    crm__slice rest = p->value, part;
    int more = 1;

    if (!strip(&rest, "tel:")) {
        put_text(r, p, "TEL", kind_by_types(p), p->value);
        return;
    }
    crm__vcard_part(&rest, &more, ';', &part);
    r->made.n = 0;
    crm__vcard_text(&r->made, part);
    while (crm__vcard_part(&rest, &more, ';', &part)) {
        if (strip(&part, "ext=")) {
            crm__buf_add_str(&r->made, " ext ");
            crm__vcard_text(&r->made, part);
        }
    }
    put(r, p, "TEL", kind_by_types(p));
}

static void take_mail(reader *r, const crm__vcard_prop *p)
{
    crm__slice v = p->value;

    strip(&v, "mailto:");
    put_text(r, p, "EMAIL", kind_of_mail(kind_by_types(p)), v);
}

static int digits_at(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9')
            return 0;
    }
    return 1;
}

/* A day as 1985-04-12, without its time; a day without its year, or anything else, stays. */
static void take_day(reader *r, const crm__vcard_prop *p, const char *name)
{
    crm__slice v = p->value, omit = crm__vcard_param_of(p, "X-APPLE-OMIT-YEAR");
    char day[16];

    while (v.n && v.p[0] == ' ') {
        v.p++;
        v.n--;
    }
    if (v.n >= 10 && digits_at(v.p, 4) && v.p[4] == '-' && digits_at(v.p + 5, 2) && v.p[7] == '-' &&
        digits_at(v.p + 8, 2) && (v.n == 10 || v.p[10] == 'T' || v.p[10] == ' ')) {
        memcpy(day, v.p, 10);
    } else if (v.n >= 8 && digits_at(v.p, 8) && (v.n == 8 || v.p[8] == 'T')) {
        memcpy(day, v.p, 4);
        memcpy(day + 5, v.p + 4, 2);
        memcpy(day + 8, v.p + 6, 2);
        day[4] = day[7] = '-';
    } else {
        put_text(r, p, name, "", p->value);
        return;
    }
    v = (crm__slice){(const uint8_t *)day, 10};
    if (omit.n == 4 && memcmp(omit.p, day, 4) == 0) { /* the form without it: --0412 */
        day[0] = day[1] = '-';
        memmove(day + 2, day + 5, 2);
        memmove(day + 4, day + 8, 2);
        v.n = 6;
    }
    put_text(r, p, name, "", v);
}

/* ---- a property ---- */

static int is_left_out(const crm__vcard_prop *p)
{
    static const char *const OUT[] = {"VERSION", "PRODID", "REV",    "X-ABADR",
                                      "BEGIN",   "END",    "PROFILE"};

    for (size_t i = 0; i < sizeof OUT / sizeof *OUT; i++) {
        if (crm__vcard_is(p->name, OUT[i]))
            return 1;
    }
    return p->flags & CRM__PROP_BINARY;
}

/* The name in capitals, as the column has it. */
static const char *name_of(reader *r, crm__slice name)
{
    char *to = crm__arena_alloc(&r->arena, name.n + 1);

    if (!to) {
        r->failed = 1;
        return "";
    }
    for (size_t i = 0; i < name.n; i++) {
        char c = (char)name.p[i];
        to[i] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
    }
    to[name.n] = 0;
    return to;
}

static void take_list(reader *r, const crm__vcard_prop *p, const char *name)
{
    crm__slice rest = p->value, part;
    int more = 1;

    while (crm__vcard_part(&rest, &more, ',', &part))
        put_text(r, p, name, "", part);
}

static void take(reader *r, const crm__vcard_prop *p)
{
    if (p->flags & CRM__PROP_CUT)
        broken(r, "a property of it is longer than 1 MiB");
    if (p->name.n >= NAME)
        broken(r, "a property's name is too long");
    if (crm__vcard_is(p->name, "VERSION") && !r->version[0] && p->value.n < sizeof r->version)
        memcpy(r->version, p->value.p, p->value.n);
    if (is_left_out(p) || r->why)
        return;
    if (p->flags & CRM__PROP_REPLACED || (crm__text_info_of(r->text)->faults && p->value.n &&
                                          memmem(p->value.p, p->value.n, "\xef\xbf\xbd", 3)))
        r->flags |= CRM__ROW_REPLACED;
    if (crm__vcard_is(p->name, "X-ABLABEL"))
        take_label(r, p);
    else if (crm__vcard_is(p->name, "N"))
        take_name(r, p);
    else if (crm__vcard_is(p->name, "ADR"))
        take_address(r, p);
    else if (crm__vcard_is(p->name, "ORG"))
        take_org(r, p);
    else if (crm__vcard_is(p->name, "TEL"))
        take_phone(r, p);
    else if (crm__vcard_is(p->name, "EMAIL"))
        take_mail(r, p);
    else if (crm__vcard_is(p->name, "BDAY") || crm__vcard_is(p->name, "ANNIVERSARY"))
        take_day(r, p, name_of(r, p->name));
    else if (crm__vcard_is(p->name, "CATEGORIES") || crm__vcard_is(p->name, "NICKNAME"))
        take_list(r, p, name_of(r, p->name));
    else
        put_text(r, p, name_of(r, p->name), "", p->value);
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

static int next_line(reader *r, crm__slice *line, uint64_t *number, unsigned *flags, crm_error *err)
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

/* The properties up to the card's END; a card within it (AGENT) is passed over. */
static int read_card(reader *r, crm_error *err)
{
    unsigned flags, depth = 0;
    int agent = 0, rc;
    crm__slice line;
    uint64_t number;
    crm__vcard_prop p;

    while ((rc = next_line(r, &line, &number, &flags, err)) == CRM_OK) {
        int mark = marker(line);
        if (mark == BEGINS && !agent && !depth) {
            broken(r, "the card has no end");
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
            broken(r, "a line of it is no property");
        else if (begins_agent(&p)) {
            agent = 1;
            depth += p.value.n && memchr(p.value.p, ':', p.value.n);
        } else if (!crm__vcard_is(p.name, "AGENT"))
            take(r, &p);
        if (r->failed || r->made.failed)
            return crm__fail_nomem(err);
    }
    if (rc == CRM_DONE)
        broken(r, "the card has no end");
    return rc == CRM_DONE ? CRM_OK : rc;
}

/* Up to a card's BEGIN.  What stands outside of cards is told as a broken row of its own. */
static int find_card(reader *r, crm__table_row *row, crm_error *err)
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
    broken(r, "these lines stand outside of a card");
    return CRM_OK;
}

static int by_column(const void *a, const void *b)
{
    const item *x = a, *y = b;

    if (x->column != y->column)
        return x->column < y->column ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

static int make_cells(crm__table *t, reader *r, crm_error *err)
{
    char name[2 * NAME];
    int sorted = 1;

    use_labels(r);
    for (size_t i = 0; i < r->count; i++) {
        item *it = &r->items[i];
        size_t n = it->name.n, kind = strlen(it->kind);
        int rc;
        memcpy(name, it->name.p, n);
        if (kind) {
            name[n++] = ';';
            memcpy(name + n, it->kind, kind);
            n += kind;
        }
        rc = column_of(t, r, name, n, &it->column, err);
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
    reader *r = t->reader;
    int rc;

    r->count = r->labels = 0;
    r->address = 0;
    r->flags = 0;
    r->why = NULL;
    crm__arena_reset(&r->arena);
    rc = find_card(r, row, err);
    if (!rc && !r->why)
        rc = read_card(r, err);
    if (!rc && r->why)
        r->count = 0;
    if (!rc)
        rc = make_cells(t, r, err);
    if (rc)
        return rc;
    row->cells = r->cells;
    row->count = row->found = r->count;
    row->number = ++r->cards;
    row->why = r->why;
    row->flags = r->flags | (r->why ? CRM__ROW_BROKEN : r->count ? 0 : CRM__ROW_EMPTY);
    return CRM_OK;
}

static void tell_vcard(crm__table *t)
{
    reader *r = t->reader;

    crm__table_tell_text(t, r->text);
    t->info.version = r->version[0] ? r->version : NULL;
}

const crm__table_kind crm__table_vcard = {"vcard",    CRM__TAKES_ENCODING, open_vcard,
                                          next_vcard, close_vcard,         tell_vcard};
