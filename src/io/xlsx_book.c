/* SPDX-License-Identifier: MIT
 * The book of an XLSX file: where its parts are, the names of its sheets, the formats of cells and
 * the texts that cells share.  Sheets themselves are read by xlsx.c, one row after another.
 */
#include "io/xlsx.h"

#ifdef CRM__XLSX

#include <crm/codes.h>

enum { PATH = 512, RELATIONS = 65536, TEXT_DEPTH = 64 };

typedef struct relation {
    const char *id, *type, *target;
} relation;

typedef struct relations {
    relation *all;
    size_t count, room;
} relations;

/* What the handlers of one part work on. */
typedef struct part {
    crm__xlsx_book *b;
    crm__xml *x; /* NULL before the first element */
    relations *to;
    crm_error err;
    /* styles */
    int in_formats, in_cells;
    struct {
        uint32_t id;
        crm__xlsx_style style;
    } * formats;
    size_t format_count, format_room, style_room;
    /* shared texts */
    int in_text, in_phonetic;
    size_t begin;
} part;

static const char *copy_text(crm__xlsx_book *b, const char *s)
{
    return crm__arena_copy(&b->text, s ? s : "", s ? strlen(s) + 1 : 1);
}

static void no_memory(part *p)
{
    crm__fail_nomem(&p->err);
    crm__xml_stop(p->x, &p->err);
}

static void too_many(part *p, const char *what)
{
    crm__fail(&p->err, CRM_ESYNTAX, "the XLSX file has too many %s", what);
    crm__xml_stop(p->x, &p->err);
}

/* Room for one more of `count` things; 0, and the reading ends, without. */
static int grow(part *p, void **all, size_t count, size_t *room, size_t size, size_t most,
                const char *what)
{
    size_t more = *room ? 2 * *room : 16;
    void *to;

    if (count < *room)
        return 1;
    if (count >= most) {
        too_many(p, what);
        return 0;
    }
    to = crm__realloc(p->b->mem, *all, more * size);
    if (!to) {
        no_memory(p);
        return 0;
    }
    *all = to;
    *room = more;
    return 1;
}

/* Numbers of attributes; 0 when there is none. */
static uint32_t number_of(const char *s)
{
    uint32_t v = 0;

    for (; s && *s >= '0' && *s <= '9' && v < 100000000; s++)
        v = v * 10 + (uint32_t)(*s - '0');
    return v;
}

static int is_true(const char *s)
{
    return s && (strcmp(s, "1") == 0 || strcmp(s, "true") == 0 || strcmp(s, "on") == 0);
}

static int ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), k = strlen(end);

    return n >= k && strcmp(s + n - k, end) == 0;
}

static void no_end(void *ctx, const char *name)
{
    (void)ctx;
    (void)name;
}

static void no_text(void *ctx, const char *p, size_t n)
{
    (void)ctx;
    (void)p;
    (void)n;
}

/* ---- relations between parts ---- */

static void start_relation(void *ctx, const char *name, const char **atts)
{
    part *p = ctx;
    relation *r;

    if (strcmp(name, "Relationship") != 0 ||
        !grow(p, (void **)&p->to->all, p->to->count, &p->to->room, sizeof *p->to->all, RELATIONS,
              "relations"))
        return;
    r = &p->to->all[p->to->count];
    r->id = copy_text(p->b, crm__xml_att(atts, "Id"));
    r->type = copy_text(p->b, crm__xml_att(atts, "Type"));
    r->target = copy_text(p->b, crm__xml_att(atts, "Target"));
    if (!r->id || !r->type || !r->target)
        no_memory(p);
    else
        p->to->count++;
}

static int read_part(part *p, crm__zip *z, long entry, uint64_t limit,
                     void (*start)(void *, const char *, const char **),
                     void (*end)(void *, const char *), void (*text)(void *, const char *, size_t),
                     crm_error *err)
{
    crm__xml_handler h = {start, end, text, p};

    crm_error_init(&p->err);
    return crm__xml_read(p->b->mem, z, entry, limit, &h, &p->x, err);
}

static int read_relations(crm__xlsx_book *b, crm__zip *z, const char *name, relations *to,
                          crm_error *err)
{
    part p = {.b = b, .to = to};
    long entry = crm__zip_find(z, name);

    if (entry == CRM__ZIP_NONE)
        return CRM_OK;
    return read_part(&p, z, entry, CRM__XLSX_PART, start_relation, no_end, no_text, err);
}

/* The entry that a target names, seen from the part in `folder` ("xl/", or ""); NULL when that is
 * no name. */
static const char *resolve(crm__xlsx_book *b, const char *folder, const char *target)
{
    char path[PATH];
    size_t n = 0, len;

    if (*target == '/') {
        target++;
    } else {
        n = strlen(folder);
        if (n >= PATH)
            return NULL;
        memcpy(path, folder, n);
    }
    while (strncmp(target, "../", 3) == 0 || strncmp(target, "./", 2) == 0) {
        if (target[1] == '.') {
            n -= n > 0;
            while (n && path[n - 1] != '/')
                n--;
            target++;
        }
        target += 2;
    }
    len = strlen(target);
    if (len + n >= PATH)
        return NULL;
    memcpy(path + n, target, len);
    path[n + len] = 0;
    return copy_text(b, path);
}

/* The target of the first relation of a type; NULL without. */
static const char *of_type(const relations *r, const char *type)
{
    for (size_t i = 0; i < r->count; i++) {
        if (ends_with(r->all[i].type, type))
            return r->all[i].target;
    }
    return NULL;
}

/* ---- the book's own part ---- */

static void start_book(void *ctx, const char *name, const char **atts)
{
    part *p = ctx;
    crm__xlsx_sheet *s;
    const char *state;

    if (strcmp(name, "workbookPr") == 0)
        p->b->from_1904 = is_true(crm__xml_att(atts, "date1904"));
    if (strcmp(name, "sheet") != 0)
        return;
    if (!grow(p, (void **)&p->b->sheets, p->b->count, &p->style_room, sizeof *p->b->sheets,
              CRM__XLSX_SHEETS, "sheets"))
        return;
    s = &p->b->sheets[p->b->count];
    state = crm__xml_att(atts, "state");
    s->name = copy_text(p->b, crm__xml_att(atts, "name"));
    s->id = copy_text(p->b, crm__xml_att(atts, "id"));
    s->part = NULL;
    s->hidden = state && strcmp(state, "visible") != 0;
    if (!s->name || !s->id)
        no_memory(p);
    else
        p->b->count++;
}

/* ---- formats ---- */

static void start_styles(void *ctx, const char *name, const char **atts)
{
    part *p = ctx;
    const char *code;
    crm__xlsx_style *s;
    uint32_t id;

    p->in_formats |= strcmp(name, "numFmts") == 0;
    p->in_cells |= strcmp(name, "cellXfs") == 0;
    id = number_of(crm__xml_att(atts, "numFmtId"));
    if (p->in_formats && strcmp(name, "numFmt") == 0) {
        code = crm__xml_att(atts, "formatCode");
        if (!code || !grow(p, (void **)&p->formats, p->format_count, &p->format_room,
                           sizeof *p->formats, CRM__XLSX_STYLES, "formats"))
            return;
        p->formats[p->format_count].id = id;
        p->formats[p->format_count++].style = crm__xlsx_style_of(code, strlen(code));
    } else if (p->in_cells && strcmp(name, "xf") == 0) {
        if (!grow(p, (void **)&p->b->styles, p->b->style_count, &p->style_room,
                  sizeof *p->b->styles, CRM__XLSX_STYLES, "formats"))
            return;
        s = &p->b->styles[p->b->style_count++];
        *s = crm__xlsx_style_built_in(id);
        for (size_t i = p->format_count; i--;) {
            if (p->formats[i].id == id) {
                *s = p->formats[i].style;
                break;
            }
        }
    }
}

static void end_styles(void *ctx, const char *name)
{
    part *p = ctx;

    p->in_formats &= strcmp(name, "numFmts") != 0;
    p->in_cells &= strcmp(name, "cellXfs") != 0;
}

static int read_styles(crm__xlsx_book *b, crm__zip *z, const char *name, crm_error *err)
{
    part p = {.b = b};
    long entry = name ? crm__zip_find(z, name) : CRM__ZIP_NONE;
    int rc;

    if (entry == CRM__ZIP_NONE)
        return CRM_OK;
    rc = read_part(&p, z, entry, CRM__XLSX_PART, start_styles, end_styles, no_text, err);
    crm__release(b->mem, p.formats);
    return rc;
}

/* ---- shared texts ---- */

/* They stay in memory until the last row is read, also those that no cell names, of which a file of
 * a few hundred KB may have any number. */
static int fits(part *p, size_t n)
{
    if (p->b->strings.n + p->b->ends.n + n <= CRM__XLSX_STRINGS)
        return 1;
    crm__fail(&p->err, CRM_ESYNTAX,
              "the texts of its cells take more than 128 MiB: save it as CSV");
    crm__xml_stop(p->x, &p->err);
    return 0;
}

static void start_string(void *ctx, const char *name, const char **atts)
{
    part *p = ctx;

    (void)atts;
    if (strcmp(name, "si") == 0)
        p->begin = p->b->strings.n;
    else if (strcmp(name, "rPh") == 0) /* how it is read, beside what is written */
        p->in_phonetic++;
    else if (strcmp(name, "t") == 0)
        p->in_text = !p->in_phonetic;
}

static void end_string(void *ctx, const char *name)
{
    part *p = ctx;
    crm__buf *s = &p->b->strings;
    uint32_t end;

    if (strcmp(name, "rPh") == 0) {
        p->in_phonetic -= p->in_phonetic > 0;
    } else if (strcmp(name, "t") == 0) {
        p->in_text = 0;
    } else if (strcmp(name, "si") == 0) {
        if (s->n > p->begin)
            s->n = p->begin + crm__xlsx_unescape(s->p + p->begin, s->n - p->begin, &p->b->has_nul);
        end = (uint32_t)s->n;
        if (!fits(p, sizeof end))
            return;
        crm__buf_add(&p->b->ends, &end, sizeof end);
        if (s->failed || p->b->ends.failed)
            no_memory(p);
    }
}

static void text_string(void *ctx, const char *s, size_t n)
{
    part *p = ctx;

    if (p->in_text && fits(p, n))
        crm__buf_add(&p->b->strings, s, n);
}

static int read_strings(crm__xlsx_book *b, crm__zip *z, const char *name, crm_error *err)
{
    part p = {.b = b};
    long entry = name ? crm__zip_find(z, name) : CRM__ZIP_NONE;

    if (entry == CRM__ZIP_NONE)
        return CRM_OK;
    return read_part(&p, z, entry, CRM__ZIP_BYTES, start_string, end_string, text_string, err);
}

int crm__xlsx_string(const crm__xlsx_book *b, uint64_t i, crm__slice *text)
{
    uint32_t from = 0, to;

    if (i >= b->ends.n / sizeof to)
        return 0;
    if (i)
        memcpy(&from, b->ends.p + (i - 1) * sizeof from, sizeof from);
    memcpy(&to, b->ends.p + i * sizeof to, sizeof to);
    text->p = b->strings.p + from;
    text->n = to - from;
    return 1;
}

/* ---- all of it ---- */

static int no_book(const crm__zip *z, crm_error *err)
{
    const char *what = "the file is a zip archive, not an XLSX file";

    if (crm__zip_find(z, "content.xml") != CRM__ZIP_NONE)
        what = "the file is an OpenDocument file (.ods): save it as .xlsx or CSV";
    else if (crm__zip_has_folder(z, "word/"))
        what = "the file is a Word file, not a table";
    else if (crm__zip_has_folder(z, "ppt/"))
        what = "the file is a presentation, not a table";
    else if (crm__zip_find(z, "xl/workbook.bin") != CRM__ZIP_NONE)
        what = "the file is a binary book (.xlsb): save it as .xlsx or CSV";
    else if (crm__zip_has_folder(z, "Index/"))
        what = "the file is of Apple Numbers: export it as .xlsx or CSV";
    return crm__fail(err, CRM_ESYNTAX, "%s", what);
}

/* "xl/workbook.xml": its folder "xl/" and its relations "xl/_rels/workbook.xml.rels". */
static void split(const char *path, char folder[PATH], char rels[PATH + 16])
{
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) + 1 : 0, len = strlen(path + n);

    memcpy(folder, path, n);
    folder[n] = 0;
    memcpy(rels, path, n);
    memcpy(rels + n, "_rels/", 6);
    memcpy(rels + n + 6, path + n, len);
    memcpy(rels + n + 6 + len, ".rels", 6);
}

static int find_sheets(crm__xlsx_book *b, const char *folder, const relations *r, crm_error *err)
{
    for (size_t i = 0; i < b->count; i++) {
        for (size_t k = 0; k < r->count; k++) {
            if (strcmp(r->all[k].id, b->sheets[i].id) != 0)
                continue;
            if (ends_with(r->all[k].type, "/worksheet")) {
                b->sheets[i].part = resolve(b, folder, r->all[k].target);
                if (!b->sheets[i].part)
                    return crm__fail(err, CRM_ESYNTAX, "a sheet's part has no name");
            }
            break;
        }
    }
    return CRM_OK;
}

static int read_all(crm__xlsx_book *b, crm__zip *z, relations *top, relations *r, crm_error *err)
{
    char folder[PATH], rels[PATH + 16];
    const char *path, *target;
    part p = {.b = b};
    long entry;
    int rc = read_relations(b, z, "_rels/.rels", top, err);

    if (rc)
        return rc;
    target = of_type(top, "/officeDocument");
    path = resolve(b, "", target ? target : "xl/workbook.xml");
    entry = path ? crm__zip_find(z, path) : CRM__ZIP_NONE;
    if (entry == CRM__ZIP_NONE || ends_with(path, ".bin") || crm__zip_has_folder(z, "word/"))
        return no_book(z, err);
    split(path, folder, rels);
    rc = read_part(&p, z, entry, CRM__XLSX_PART, start_book, no_end, no_text, err);
    if (!rc)
        rc = read_relations(b, z, rels, r, err);
    if (!rc)
        rc = find_sheets(b, folder, r, err);
    target = rc ? NULL : of_type(r, "/styles");
    if (target)
        rc = read_styles(b, z, resolve(b, folder, target), err);
    target = rc ? NULL : of_type(r, "/sharedStrings");
    if (target)
        rc = read_strings(b, z, resolve(b, folder, target), err);
    return rc;
}

int crm__xlsx_book_open(crm__xlsx_book *b, const crm_allocator *mem, crm__zip *z, crm_error *err)
{
    relations top = {0}, r = {0};
    int rc;

    memset(b, 0, sizeof *b);
    b->mem = mem;
    crm__arena_init(&b->text, mem);
    crm__buf_init(&b->strings, mem);
    crm__buf_init(&b->ends, mem);
    rc = crm__buf_reserve(&b->strings, 1) ? read_all(b, z, &top, &r, err) : crm__fail_nomem(err);
    crm__release(mem, top.all);
    crm__release(mem, r.all);
    return rc;
}

void crm__xlsx_book_close(crm__xlsx_book *b)
{
    crm__arena_clear(&b->text);
    crm__release(b->mem, b->sheets);
    crm__release(b->mem, b->styles);
    crm__buf_clear(&b->strings);
    crm__buf_clear(&b->ends);
}

#endif
