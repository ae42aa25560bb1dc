/* SPDX-License-Identifier: MIT
 * Properties of a card as items: structured values taken apart ("N;family", "ADR;city",
 * "ORG;unit"); what kind of number or address it is comes from the parameters or, as Apple's
 * programs write it, from a label of the same group.
 */
#include "base/utf8.h"
#include "io/vcard_part.h"

#include <string.h>

void crm__vcard_flawed(crm__vcard_reader *r, const char *why)
{
    if (!r->why)
        r->why = why;
}

void crm__vcard_broken(crm__vcard_reader *r, const char *why)
{
    crm__vcard_flawed(r, why);
    r->dropped = 1;
}

static crm__slice keep(crm__vcard_reader *r, crm__slice s)
{
    void *copy = crm__arena_copy(&r->arena, s.p, s.n);

    r->failed |= !copy;
    return (crm__slice){copy, copy ? s.n : 0};
}

/* The text of a cell: with the mark for one that is taken as it stands.  One that happens to begin
 * with the mark is such a text, but a tag, which is not read so. */
static crm__slice keep_value(crm__vcard_reader *r, const char *name, const char *text, size_t n)
{
    const size_t mark = sizeof CRM__CELL_EXACT - 1;
    int chance = n >= mark && memcmp(text, CRM__CELL_EXACT, mark) == 0;
    uint8_t *to;

    if (!(r->exact || chance) || strcmp(name, "CATEGORIES") == 0)
        return keep(r, (crm__slice){(const uint8_t *)text, n});
    to = crm__arena_alloc(&r->arena, n + mark);
    if (!to) {
        r->failed = 1;
        return (crm__slice){NULL, 0};
    }
    memcpy(to, CRM__CELL_EXACT, mark);
    memcpy(to + mark, text, n);
    return (crm__slice){to, n + mark};
}

/* A cell of the text r->made, unless it is empty. */
static void put(crm__vcard_reader *r, const crm__vcard_prop *p, const char *name, const char *kind)
{
    const char *text = (const char *)r->made.p;
    size_t n = r->made.n;
    crm__vcard_item *it;

    if (n)
        crm__utf8_trim(&text, &n);
    if (!n)
        return;
    if (r->count == CRM__CARD_MOST) {
        crm__vcard_broken(r, "it has more than 4,096 properties");
        return;
    }
    it = &r->items[r->count];
    it->group = p->group.n ? keep(r, p->group) : p->group;
    it->name.p = (const uint8_t *)name;
    it->name.n = strlen(name);
    it->kind = kind;
    it->text = keep_value(r, name, text, n);
    it->order = (uint32_t)r->count++;
}

static void put_text(crm__vcard_reader *r, const crm__vcard_prop *p, const char *name,
                     const char *kind, crm__slice value)
{
    r->made.n = 0;
    crm__vcard_text(&r->made, value);
    put(r, p, name, kind);
}

/* Each part as a cell of its own kind; those of a list within a part with a space between where
 * `lists`. */
static void put_parts(crm__vcard_reader *r, const crm__vcard_prop *p, const char *name,
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
static void put_joined(crm__vcard_reader *r, const crm__vcard_prop *p, const char *name,
                       const char *kind, crm__slice rest, const char *between)
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

static void take_label(crm__vcard_reader *r, const crm__vcard_prop *p)
{
    if (!p->group.n || r->labels == CRM__CARD_LABELS)
        return;
    r->label[r->labels].group = keep(r, p->group);
    r->label[r->labels++].text = keep(r, p->value);
}

static int same_word(crm__slice a, crm__slice b)
{
    char word[CRM__CARD_NAME];

    if (b.n >= sizeof word)
        return 0;
    memcpy(word, b.p, b.n);
    word[b.n] = 0;
    return crm__vcard_is(a, word);
}

void crm__vcard_use_labels(crm__vcard_reader *r)
{
    for (size_t i = 0; i < r->labels; i++) {
        const char *kind = kind_by_label(r->label[i].text);
        for (size_t k = 0; *kind && k < r->count; k++) {
            crm__vcard_item *it = &r->items[k];
            int mail = it->group.n && crm__vcard_is(it->name, "EMAIL");
            if (it->group.n && !*it->kind && (mail || crm__vcard_is(it->name, "TEL")) &&
                same_word(it->group, r->label[i].group))
                it->kind = mail ? kind_of_mail(kind) : kind;
        }
    }
}

/* ---- properties of a special form ---- */

static void take_name(crm__vcard_reader *r, const crm__vcard_prop *p)
{
    static const char *const PARTS[] = {"family", "given", "additional", "prefix", "suffix"};

    put_parts(r, p, "N", PARTS, 5, 1);
}

/* The first address gives the parts; any other is one text. */
static void take_address(crm__vcard_reader *r, const crm__vcard_prop *p)
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

static void take_org(crm__vcard_reader *r, const crm__vcard_prop *p)
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
static void take_phone(crm__vcard_reader *r, const crm__vcard_prop *p)
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

static void take_mail(crm__vcard_reader *r, const crm__vcard_prop *p)
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
static void take_day(crm__vcard_reader *r, const crm__vcard_prop *p, const char *name)
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
static const char *name_of(crm__vcard_reader *r, crm__slice name)
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

/* X-CRM-FIELD;NAME="external@erp":E1, as exports of this library have it: a column
 * "crm.external@erp". */
static void take_own(crm__vcard_reader *r, const crm__vcard_prop *p)
{
    crm__slice named = crm__vcard_param_of(p, "NAME");
    char *name =
        named.n && named.n <= CRM__CARD_OWN ? crm__arena_alloc(&r->arena, named.n + 5) : NULL;

    if (!name) {
        r->failed |= named.n && named.n <= CRM__CARD_OWN;
        return;
    }
    memcpy(name, "crm.", 4);
    memcpy(name + 4, named.p, named.n);
    name[named.n + 4] = 0;
    put_text(r, p, name, "", p->value);
}

static void take_list(crm__vcard_reader *r, const crm__vcard_prop *p, const char *name)
{
    crm__slice rest = p->value, part;
    int more = 1;

    while (crm__vcard_part(&rest, &more, ',', &part))
        put_text(r, p, name, "", part);
}

void crm__vcard_take(crm__vcard_reader *r, const crm__vcard_prop *p)
{
    if (p->flags & CRM__PROP_CUT)
        crm__vcard_broken(r, "a property of it is longer than 1 MiB");
    if (p->name.n >= CRM__CARD_NAME)
        crm__vcard_broken(r, "a property's name is too long");
    if (crm__vcard_is(p->name, "VERSION") && !r->version[0] && p->value.n < sizeof r->version)
        memcpy(r->version, p->value.p, p->value.n);
    if (is_left_out(p) || r->dropped)
        return;
    if (p->flags & CRM__PROP_REPLACED || (crm__text_info_of(r->text)->faults && p->value.n &&
                                          crm__text_marks(p->value.p, p->value.n)))
        r->flags |= CRM__ROW_REPLACED;
    r->exact = crm__vcard_is(crm__vcard_param_of(p, "X-CRM"), "exact");
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
    else if (crm__vcard_is(p->name, "X-CRM-FIELD"))
        take_own(r, p);
    else if (crm__vcard_is(p->name, "FN") &&
             crm__vcard_is(crm__vcard_param_of(p, "X-CRM"), "derived"))
        return; /* there is no name: it stands for one */
    else if (crm__vcard_is(p->name, "CATEGORIES") || crm__vcard_is(p->name, "NICKNAME"))
        take_list(r, p, name_of(r, p->name));
    else
        put_text(r, p, name_of(r, p->name), "", p->value);
}
