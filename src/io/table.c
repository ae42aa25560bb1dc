/* SPDX-License-Identifier: MIT
 * Tables of any format: opens the one that the first bytes tell of and passes its rows on.  The
 * input is unpacked and its beginning kept here, so that a format reads it from its first byte.
 */
#include "io/table.h"

#include "base/utf8.h"
#include "io/table_part.h"

#include <crm/codes.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const crm__table_kind *const KINDS[] = {&crm__table_csv, &crm__table_vcard,
                                               &crm__table_xlsx};

/* ---- the input ---- */

/* The descriptor's bytes, counted. */
static int fill_counted(void *ctx, void *to, size_t cap, size_t *n, crm_error *err)
{
    crm__table_input *in = ctx;
    crm__fill_fn fill = in->from.idle ? crm__fill_waiting : crm__fill_fd;
    int rc = fill(&in->from, to, cap, n, err);

    if (!rc)
        in->bytes += *n;
    return rc;
}

int crm__table_fill(void *ctx, void *to, size_t cap, size_t *n, crm_error *err)
{
    crm__table_input *in = ctx;

    if (in->at == in->n)
        return in->whole ? (*n = 0, CRM_OK) : crm__unpack_read(in->unpack, to, cap, n, err);
    *n = cap < in->n - in->at ? cap : in->n - in->at;
    memcpy(to, in->head + in->at, *n);
    in->at += *n;
    return CRM_OK;
}

static int open_input(crm__table_input *in, crm_error *err)
{
    struct stat st;
    size_t got = 1;
    int rc;

    if (fstat(in->from.fd, &st))
        return crm__fail_sys(err, CRM_EIO, errno, "can't read the input");
    if (S_ISDIR(st.st_mode))
        return crm__fail_sys(err, CRM_EIO, EISDIR, "it is a folder");
    in->base = S_ISREG(st.st_mode) ? (int64_t)lseek(in->from.fd, 0, SEEK_CUR) : -1;
    in->seeks = in->base >= 0;
    if (in->seeks && st.st_size > in->base)
        in->all = (uint64_t)(st.st_size - in->base);
    in->head = crm__alloc(in->mem, CRM__TABLE_HEAD);
    if (!in->head)
        return crm__fail_nomem(err);
    rc = crm__unpack_open(in->mem, fill_counted, in, &in->unpack, err);
    while (!rc && got && in->n < CRM__TABLE_HEAD) {
        rc = crm__unpack_read(in->unpack, in->head + in->n, CRM__TABLE_HEAD - in->n, &got, err);
        in->n += got;
    }
    in->whole = !got;
    if (!rc && !in->n)
        return crm__fail(err, CRM_ESYNTAX, "the file is empty");
    return rc;
}

static void close_input(crm__table_input *in)
{
    crm__unpack_close(in->unpack);
    crm__release(in->mem, in->head);
}

/* ---- opening ---- */

/* The kind of that name, NULL without. */
static const crm__table_kind *kind_of(const char *name)
{
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++) {
        if (strcmp(KINDS[i]->name, name) == 0)
            return KINDS[i];
    }
    return NULL;
}

static int check_options(const crm__table_options *o, crm_error *err)
{
    const crm__table_kind *kind;

    if (!o->format)
        return CRM_OK;
    kind = kind_of(o->format);
    if (!kind)
        return crm__fail_field(err, CRM_EINVAL, "format",
                               "a table's format is one of csv, xlsx, vcard");
    return CRM_OK;
}

static int check_options_of(const crm__table_kind *kind, const crm__table_options *o,
                            crm_error *err)
{
    if (o->encoding && !(kind->takes & CRM__TAKES_ENCODING))
        return crm__fail_field(err, CRM_EINVAL, "encoding", "a file of format %s says its encoding itself",
                               kind->name);
    if (o->separator && !(kind->takes & CRM__TAKES_SEPARATOR))
        return crm__fail_field(err, CRM_EINVAL, "separator", "a file of format %s has no separator",
                               kind->name);
    if (o->sheet && !(kind->takes & CRM__TAKES_SHEET))
        return crm__fail_field(err, CRM_EINVAL, "sheet", "a file of format %s has no sheets",
                               kind->name);
    return CRM_OK;
}

static int open_kind(crm__table *t, const crm__table_options *o, crm_error *err)
{
    const char *name;
    int rc = open_input(&t->input, err);

    if (rc)
        return rc;
    name = crm__table_sniff(&t->input, o->format, err);
    if (!name)
        return CRM_ESYNTAX;
    t->kind = kind_of(name);
    t->info.format = t->kind->name;
    t->info.bytes_all = t->input.all;
    t->info.gzip = crm__unpack_is_gzip(t->input.unpack);
    rc = check_options_of(t->kind, o, err);
    return rc ? rc : t->kind->open(t, o, err);
}

int crm__table_open(const crm_allocator *mem, const crm__input *from,
                    const crm__table_options *opts, crm__table **out, crm_error *err)
{
    static const crm__table_options NONE = {NULL, NULL, 0, NULL};
    const crm__table_options *o = opts ? opts : &NONE;
    crm__table *t;
    int rc;

    *out = NULL;
    rc = check_options(o, err);
    if (rc)
        return rc;
    t = crm__calloc(mem, 1, sizeof *t);
    if (!t)
        return crm__fail_nomem(err);
    t->mem = t->input.mem = mem;
    t->input.from = *from;
    crm__arena_init(&t->text, mem);
    crm_error_init(&t->why);
    rc = open_kind(t, o, &t->why);
    if (rc) {
        crm__fail_copy(err, &t->why);
        crm__table_close(t);
        return rc;
    }
    *out = t;
    return CRM_OK;
}

void crm__table_close(crm__table *t)
{
    if (!t)
        return;
    if (t->reader)
        t->kind->close(t->reader);
    close_input(&t->input);
    crm__release(t->mem, t->names);
    crm__arena_clear(&t->text);
    crm__release(t->mem, t);
}

/* ---- rows and columns ---- */

int crm__table_next(crm__table *t, crm__table_row *row, crm_error *err)
{
    if (!t->rc) {
        row->flags = 0;
        row->odd = 0;
        row->why = NULL;
        row->beyond = NULL;
        row->beyond_count = 0;
        t->rc = t->kind->next(t, row, &t->why);
    }
    return t->rc < 0 ? crm__fail_copy(err, &t->why) : t->rc;
}

int crm__table_add(crm__table *t, crm__slice name, crm_error *err)
{
    const char *p = (const char *)name.p;
    char made[32] = "column ";
    size_t n = name.n;
    void *copy;

    if (t->columns == CRM__TABLE_COLUMNS)
        return crm__fail(err, CRM_ESYNTAX, "there are more than %d columns", CRM__TABLE_COLUMNS);
    if (t->columns == t->room) {
        size_t room = t->room ? 2 * t->room : 32;
        crm__slice *names = crm__realloc(t->mem, t->names, room * sizeof *names);
        if (!names)
            return crm__fail_nomem(err);
        t->names = names;
        t->room = room;
    }
    if (n)
        crm__utf8_trim(&p, &n);
    if (!n) {
        size_t number = t->columns + 1, digits = 1;
        for (size_t k = number; k >= 10; k /= 10)
            digits++;
        n = strlen(made) + digits;
        for (size_t i = n; digits--; number /= 10)
            made[--i] = (char)('0' + number % 10);
        p = made;
    }
    copy = crm__arena_copy(&t->text, p, n);
    if (!copy)
        return crm__fail_nomem(err);
    t->names[t->columns].p = copy;
    t->names[t->columns++].n = n;
    return CRM_OK;
}

size_t crm__table_columns(const crm__table *t)
{
    return t->columns;
}

crm__slice crm__table_column(const crm__table *t, size_t column)
{
    return t->names[column];
}

/* ---- what it is ---- */

void crm__table_tell_text(crm__table *t, const crm__text *text)
{
    const crm__text_info *i = crm__text_info_of(text);

    memcpy(t->info.encoding, i->encoding.name, sizeof t->info.encoding);
    t->info.encoding_percent = i->encoding.percent;
    t->info.replaced = i->faults;
    t->info.bytes = t->input.bytes;
}

const crm__table_info *crm__table_info_of(const crm__table *t)
{
    /* What changes while rows are read is asked for rarely, and not written with every row. */
    crm__table *own = (crm__table *)(uintptr_t)t;

    t->kind->tell(own);
    return &t->info;
}
