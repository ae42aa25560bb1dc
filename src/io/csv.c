/* SPDX-License-Identifier: MIT
 * The CSV reader.  A window of text holds at least the present row; separators, quotes and ends of
 * lines are found 64 bytes at a time and listed some way ahead of the row being read.  A row that
 * goes on behind the window is read again from its beginning once the window is full, so that the
 * inner loop never waits for input: as the window is filled whole, or doubled, each byte is looked
 * at about twice at most.
 */
#include "io/csv.h"

#include "io/scan.h"

#include <crm/codes.h>

enum { WINDOW = 256 * 1024, PAD = CRM__SCAN_BLOCK, MOST = 1 << 30, AHEAD = 2048 };

typedef struct window {
    uint8_t *p; /* cap + PAD bytes, so that a block may be read anywhere */
    size_t at, n, cap;
    int last; /* the text ends with it */
} window;

/* Where separators, quotes, CR and LF stand in the next bytes of the window. */
typedef struct marks {
    uint32_t at[AHEAD + 8]; /* room behind for writing eight at a time */
    size_t i, n;            /* at[i] is the next one */
    size_t scanned;         /* the window up to there has been listed */
} marks;

struct crm__csv {
    const crm_allocator *mem;
    crm__text *text;
    size_t limit; /* of a row's bytes */
    crm__scan_four four;
    uint8_t separator;
    void (*list)(marks *m, const crm__scan_four *four, const window *w);
    int rc; /* stays */
    crm_error why;
    crm__csv_info info;
    size_t named; /* cells of the first row without empty ones at its end */
    uint64_t line, offset;
    window w;
    uint8_t *clean; /* w.cap bytes, once needed: cells without their quotes */
    marks m;
    crm__slice cells[CRM__CSV_COLUMNS];
};

/* ---- the window ---- */

static int resize(crm__csv *c, size_t cap)
{
    uint8_t *p = crm__realloc(c->mem, c->w.p, cap + PAD), *clean;

    if (!p)
        return CRM_ENOMEM;
    c->w.p = p;
    if (c->clean) {
        clean = crm__realloc(c->mem, c->clean, cap);
        if (!clean)
            return CRM_ENOMEM;
        c->clean = clean;
    }
    c->w.cap = cap;
    return CRM_OK;
}

/* Moves the present row to the front and fills up behind it.  A failure of the text is kept for
 * when the rows before it have been given. */
static int refill(crm__csv *c)
{
    window *w = &c->w;
    size_t got = 1;

    c->m.i = c->m.n = c->m.scanned = 0;
    if (w->at)
        memmove(w->p, w->p + w->at, w->n - w->at);
    w->n -= w->at;
    w->at = 0;
    if (w->n > w->cap / 2) {
        size_t cap = w->cap > c->limit + CRM__TEXT_LEAST ? w->cap : 2 * w->cap;
        if (cap != w->cap && resize(c, cap))
            return crm__fail_nomem(&c->why);
    }
    while (w->cap - w->n >= CRM__TEXT_LEAST && got && !c->rc) {
        c->rc = crm__text_read(c->text, w->p + w->n, w->cap - w->n, &got, &c->why);
        w->n += got;
    }
    memset(w->p + w->n, 0, PAD); /* a block is looked at whole */
    w->last = !got || c->rc;
    return CRM_OK;
}

/* ---- what separates ---- */

static void list_plain(marks *m, const crm__scan_four *four, const window *w)
{
    size_t n = 0, from = m->scanned, to = w->n - from < AHEAD ? w->n : from + AHEAD;

    for (; from < to; from += CRM__SCAN_BLOCK) {
        for (uint64_t hits = crm__scan64(w->p + from, four); hits; hits &= hits - 1)
            m->at[n++] = (uint32_t)(from + (unsigned)__builtin_ctzll(hits));
    }
    while (n && m->at[n - 1] >= to) /* behind the window */
        n--;
    m->i = 0;
    m->n = n;
    m->scanned = to;
}

#ifdef CRM__SCAN_X86
/* How many there are in a block is hard to foretell, so eight are written whether there or not. */
__attribute__((target("avx2,bmi,popcnt"))) static void
list_avx2(marks *m, const crm__scan_four *four, const window *w)
{
    size_t n = 0, from = m->scanned, to = w->n - from < AHEAD ? w->n : from + AHEAD;

    for (; from < to; from += CRM__SCAN_BLOCK) {
        uint64_t hits = crm__scan_avx2(w->p + from, four);
        size_t count = (size_t)_mm_popcnt_u64(hits), done = 0;
        while (done < count) {
            for (unsigned k = 0; k < 8; k++) {
                m->at[n + done + k] = (uint32_t)(from + (size_t)_tzcnt_u64(hits));
                hits &= hits - 1;
            }
            done += 8;
        }
        n += count;
    }
    while (n && m->at[n - 1] >= to)
        n--;
    m->i = 0;
    m->n = n;
    m->scanned = to;
}
#endif

/* ---- one row ---- */

typedef struct parse {
    size_t n;     /* end of the window, or of the longest row there may be */
    int last;     /* the text ends there */
    size_t count; /* cells found */
    size_t odd;
    size_t cleaned; /* bytes used of `clean` */
    size_t end, terminator;
    uint64_t inner_lines; /* ends of lines within quotes */
    size_t quote;         /* where an open quote stands, and ... */
    uint64_t quote_lines; /* ... the ends of lines before it */
    int open;             /* ... when it has no end within the window */
    /* The first cell with text behind the end of a quote that goes over several lines. */
    int ran;
    size_t ran_quote, ran_count;
    uint64_t ran_lines;
    unsigned flags;
    int any; /* a cell is not empty */
} parse;

enum { ROW, MORE, OPEN_QUOTE, NO_MEMORY };

/* Position of the next separator, quote, CR or LF; n when there is none before. */
static inline size_t next_mark(crm__csv *c, size_t n)
{
    marks *m = &c->m;
    size_t at;

    while (m->i == m->n) {
        if (m->scanned >= c->w.n)
            return n;
        c->list(m, &c->four, &c->w);
    }
    at = m->at[m->i++];
    return at < n ? at : n;
}

static int is_line_end(uint8_t b)
{
    return b == '\n' || b == '\r';
}

static int has_clean(crm__csv *c)
{
    if (!c->clean)
        c->clean = crm__alloc(c->mem, c->w.cap);
    return c->clean != NULL;
}

static void note_run(parse *r)
{
    if (r->ran || r->inner_lines == r->quote_lines)
        return;
    r->ran = 1;
    r->ran_quote = r->quote;
    r->ran_count = r->count;
    r->ran_lines = r->quote_lines;
}

static void odd_cell(parse *r, unsigned flag)
{
    r->flags |= flag;
    if (r->odd > r->count)
        r->odd = r->count;
}

/* A cell that begins with a quote, at p[begin].  Leaves in *at the mark behind it (n: none). */
static int quoted(crm__csv *c, parse *r, size_t begin, size_t *at, crm__slice *cell)
{
    const uint8_t *p = c->w.p;
    size_t from = begin + 1, to = r->cleaned, i;
    int copied = 0; /* the cell is in `clean`, from r->cleaned to `to` */

    r->quote = begin;
    r->quote_lines = r->inner_lines;
    r->open = 1;
    for (;;) {
        i = next_mark(c, r->n);
        if (i == r->n)
            return r->last ? OPEN_QUOTE : MORE;
        if (p[i] != '"') {
            r->inner_lines += p[i] == '\r' || (p[i] == '\n' && p[i - 1] != '\r');
            continue;
        }
        if (i + 1 == r->n && !r->last)
            return MORE;
        if (i + 1 == r->n || p[i + 1] != '"')
            break;
        next_mark(c, r->n);
        if (!has_clean(c))
            return NO_MEMORY;
        memcpy(c->clean + to, p + from, i + 1 - from);
        to += i + 1 - from;
        from = i + 2;
        copied = 1;
    }
    r->open = 0;
    *at = next_mark(c, r->n);
    if (*at != i + 1) { /* text behind the closing quote, which may have quotes */
        while (*at < r->n && p[*at] == '"')
            *at = next_mark(c, r->n);
        odd_cell(r, CRM__CSV_AFTER_QUOTE);
        note_run(r);
        copied = 1;
    }
    if (copied) {
        if (!has_clean(c))
            return NO_MEMORY;
        memcpy(c->clean + to, p + from, i - from);
        to += i - from;
        memcpy(c->clean + to, p + i + 1, *at - (i + 1));
        to += *at - (i + 1);
    }
    cell->p = copied ? c->clean + r->cleaned : p + begin + 1;
    cell->n = copied ? to - r->cleaned : i - begin - 1;
    if (copied)
        r->cleaned = to;
    return ROW;
}

/* A cell with a quote, the next mark, at p[*at]. */
static int with_quote(crm__csv *c, parse *r, size_t begin, size_t *at, crm__slice *cell)
{
    if (*at == begin)
        return quoted(c, r, begin, at, cell);
    odd_cell(r, CRM__CSV_BARE_QUOTE);
    while (*at < r->n && c->w.p[*at] == '"')
        *at = next_mark(c, r->n);
    cell->n = *at - begin;
    return ROW;
}

static void begin_row(const crm__csv *c, parse *r)
{
    size_t have = c->w.n - c->w.at;
    int cut = have > c->limit;

    memset(r, 0, sizeof *r);
    r->odd = SIZE_MAX;
    r->n = c->w.at + (cut ? c->limit + 1 : have);
    r->last = c->w.last && !cut;
}

/* The cells up to one that has a quote, ends its line, or whose end is not listed yet: by far the
 * most.  Its variables are its own, which the compiler could not know of those in *c. */
static size_t plain_cells(crm__csv *c, parse *r, size_t begin)
{
    const uint8_t *p = c->w.p, separator = c->separator;
    const uint32_t *at = c->m.at + c->m.i, *end = c->m.at + c->m.n;
    crm__slice *cell = c->cells + r->count, *last = c->cells + CRM__CSV_COLUMNS;
    size_t n = r->n, any = 0;

    for (; at < end && cell < last && *at < n && p[*at] == separator; at++) {
        cell->p = p + begin;
        cell->n = *at - begin;
        any |= cell->n;
        cell++;
        begin = *at + 1;
    }
    r->any |= any != 0;
    r->count = (size_t)(cell - c->cells);
    c->m.i = (size_t)(at - c->m.at);
    return begin;
}

/* The row at the window's front, up to its end of line. */
static int parse_row(crm__csv *c, parse *r)
{
    const uint8_t *p = c->w.p;
    size_t begin = c->w.at, at, n;
    uint8_t separator = c->separator, b;

    begin_row(c, r);
    n = r->n;
    for (;; begin = at + 1) {
        crm__slice cell;
        if (r->count < CRM__CSV_COLUMNS)
            begin = plain_cells(c, r, begin);
        at = next_mark(c, n);
        cell.p = p + begin;
        cell.n = at - begin;
        if (at < n && p[at] == '"') {
            int rc = with_quote(c, r, begin, &at, &cell);
            if (rc != ROW)
                return rc;
        }
        if (at == n && !r->last)
            return MORE;
        r->any |= cell.n != 0;
        if (r->count < CRM__CSV_COLUMNS)
            c->cells[r->count] = cell;
        r->count++;
        if (at == n || p[at] != separator)
            break;
    }
    b = at < n ? p[at] : 0;
    if (at + 1 == n && b == '\r' && !r->last)
        return MORE;
    r->end = at - c->w.at;
    r->terminator = at == n ? 0 : 1;
    if (b == '\r' && at + 1 < n && p[at + 1] == '\n') {
        r->terminator = 2;
        next_mark(c, n);
    }
    return ROW;
}

/* ---- rows ---- */

static int fail_at(crm__csv *c, size_t at, uint64_t line, const char *what)
{
    c->rc = crm__fail_at(&c->why, CRM_ESYNTAX, (int64_t)line, (int64_t)(c->offset + at),
                         "line %llu: %s", (unsigned long long)line, what);
    c->w.at = c->w.n;
    c->w.last = 1;
    return c->rc;
}

static void pass(crm__csv *c, const parse *r)
{
    size_t n = r->end + r->terminator;

    c->w.at += n;
    c->offset += n;
    c->line += r->inner_lines + (r->terminator != 0);
}

static void weigh(crm__csv *c, crm__csv_row *row)
{
    size_t n = row->count;

    if (c->info.rows == 1) {
        c->info.columns = n;
        while (n > 1 && !c->cells[n - 1].n)
            n--;
        c->named = n;
        return;
    }
    if (row->found < c->named)
        row->flags |= CRM__CSV_FEW;
    if (row->found > c->info.columns) {
        while (n > c->info.columns && !c->cells[n - 1].n)
            n--;
        if (n > c->info.columns || row->found > CRM__CSV_COLUMNS) {
            row->flags |= CRM__CSV_MANY;
        } else {
            row->flags |= CRM__CSV_TRAILING;
            row->count = n;
        }
    }
}

static int give(crm__csv *c, const parse *r, crm__csv_row *row)
{
    row->cells = c->cells;
    row->found = r->count;
    row->count = r->count < CRM__CSV_COLUMNS ? r->count : CRM__CSV_COLUMNS;
    row->raw.p = c->w.p + c->w.at;
    row->raw.n = r->end;
    row->end = r->terminator;
    row->number = ++c->info.rows;
    row->line = c->line;
    row->offset = c->offset;
    row->flags = r->flags | (r->any ? 0 : CRM__CSV_EMPTY);
    row->odd = r->odd == SIZE_MAX ? 0 : r->odd;
    row->why = NULL;
    if (row->number == 1 && row->found > CRM__CSV_COLUMNS)
        return fail_at(c, 0, c->line, "the first row has more columns than a table may have");
    weigh(c, row);
    if (crm__text_info_of(c->text)->faults && crm__text_marks(row->raw.p, r->end))
        row->flags |= CRM__CSV_REPLACED;
    pass(c, r);
    return CRM_OK;
}

/* ---- rows that can't be read ---- */

/* Where a line ends, n when not before. */
static size_t line_end(const uint8_t *p, size_t from, size_t n)
{
    while (from < n && !is_line_end(p[from]))
        from++;
    return from;
}

static unsigned end_length(const window *w, size_t end)
{
    if (end == w->n)
        return 0;
    return w->p[end] == '\r' && end + 1 < w->n && w->p[end + 1] == '\n' ? 2 : 1;
}

/* The row up to the end of the line on which its open quote stands; 0 when that is not near. */
static int give_begun(crm__csv *c, parse *r, crm__csv_row *row)
{
    const uint8_t *p = c->w.p;
    size_t n = r->n - !r->last, end = line_end(p, r->quote, n); /* behind a CR may be more */

    if (end == n && !r->last)
        return 0;
    if (r->count < CRM__CSV_COLUMNS) {
        c->cells[r->count] = (crm__slice){p + r->quote + 1, end - r->quote - 1};
        row->count = row->found = r->count + 1;
    }
    r->end = end - c->w.at;
    r->terminator = end_length(&c->w, end);
    r->inner_lines = r->quote_lines;
    row->raw = (crm__slice){p + c->w.at, r->end};
    row->end = r->terminator;
    pass(c, r);
    return 1;
}

/* Passes over a row up to the end of its line, however far that is. */
static int skip_line(crm__csv *c, const parse *r)
{
    size_t from = r->n - 1, end, n;

    for (;; from = 0) {
        end = line_end(c->w.p, from, c->w.n);
        if (c->w.last || (end < c->w.n && (c->w.p[end] != '\r' || end + 1 < c->w.n)))
            break;
        c->offset += end - c->w.at;
        c->w.at = end;
        if (refill(c))
            return CRM_ENOMEM;
    }
    n = end_length(&c->w, end);
    c->offset += end + n - c->w.at;
    c->w.at = end + n;
    c->line += (r->open ? r->quote_lines : r->inner_lines) + (n != 0);
    return CRM_OK;
}

/* A quote that ends within a cell may be the beginning of another one, rows below: then the line
 * behind its own is a row by itself, as it has as many cells as there are columns. */
static int ran_into(const crm__csv *c, parse *r)
{
    const uint8_t *p = c->w.p;
    size_t at, found = 1;

    if (!r->ran || c->info.columns < 2)
        return 0;
    at = line_end(p, r->ran_quote, r->n);
    for (at += end_length(&c->w, at); at < r->n && !is_line_end(p[at]); at++)
        found += p[at] == c->separator;
    if (found != c->info.columns)
        return 0;
    r->quote = r->ran_quote;
    r->count = r->ran_count;
    r->quote_lines = r->ran_lines;
    r->open = 1;
    return 1;
}

static int give_broken(crm__csv *c, int how, parse *r, crm__csv_row *row)
{
    memset(row, 0, sizeof *row);
    row->cells = c->cells;
    row->raw = (crm__slice){(const uint8_t *)"", 0};
    row->number = ++c->info.rows;
    row->line = c->line + (r->open ? r->quote_lines : 0);
    row->offset = c->offset;
    row->flags = CRM__CSV_BROKEN;
    row->why = r->open ? "a quote begins here that has no end, or a cell longer than a row may be"
                       : "a row begins here that is longer than a row may be";
    if (how == ROW && !r->open)
        pass(c, r);
    else if (!(r->open && give_begun(c, r, row)) && skip_line(c, r))
        return crm__fail_nomem(&c->why);
    c->m.i = c->m.n = 0;
    c->m.scanned = c->w.at;
    return CRM_OK;
}

/* ---- the next row ---- */

/* The row may be asked for again. */
static int no_memory(crm__csv *c, crm_error *err)
{
    c->m.i = c->m.n = 0;
    c->m.scanned = c->w.at;
    return crm__fail_nomem(err);
}

int crm__csv_next(crm__csv *c, crm__csv_row *row, crm_error *err)
{
    parse r;

    for (;;) {
        int how;
        if (c->w.at == c->w.n && c->w.last)
            return c->rc ? crm__fail_copy(err, &c->why) : CRM_DONE;
        how = parse_row(c, &r);
        if (how == NO_MEMORY)
            return no_memory(c, err);
        if (how == MORE && c->w.n - c->w.at <= c->limit) {
            if (refill(c))
                return crm__fail_copy(err, &c->why);
        } else if (c->rc && c->w.last && (how == OPEN_QUOTE || (how == ROW && !r.terminator))) {
            /* Cut short by a failure of the text, which is what counts. */
            c->w.at = c->w.n;
        } else if (how != ROW || r.end + r.terminator > c->limit || ran_into(c, &r)) {
            return give_broken(c, how, &r, row) ? crm__fail_copy(err, &c->why) : CRM_OK;
        } else if (r.end == 0) {
            c->info.blank_lines++;
            pass(c, &r);
        } else {
            return give(c, &r, row) ? crm__fail_copy(err, &c->why) : CRM_OK;
        }
    }
}

const crm__csv_info *crm__csv_info_of(const crm__csv *c)
{
    return &c->info;
}

/* ---- opening ---- */

static int is_letter(uint8_t b)
{
    return (b >= '0' && b <= '9') || (b >= 'A' && b <= 'Z') || (b >= 'a' && b <= 'z');
}

/* "sep=;" alone on the first line, a spreadsheet's own way to say it. */
static void take_hint(crm__csv *c, int use)
{
    const uint8_t *p = c->w.p;
    size_t n = 5;

    if (c->w.n < n || memcmp(p, "sep=", 4) != 0 || p[4] >= 0x80 || p[4] == '"' || p[4] < '\t' ||
        is_line_end(p[4]) || is_letter(p[4]) || (c->w.n > n && !is_line_end(p[n])))
        return;
    if (use) {
        c->info.separator = (char)p[4];
        c->info.found = CRM__CSV_HINT;
        c->info.percent = 100;
    }
    if (c->w.n > n)
        n += p[n] == '\r' && c->w.n > n + 1 && p[n + 1] == '\n' ? 2 : 1;
    c->w.at = n;
    c->m.scanned = n;
    c->offset = n;
    c->line += n > 5;
}

static int prepare(crm__csv *c, const crm__csv_options *opts, crm_error *err)
{
    char given = opts ? opts->separator : 0;
    int rc;

    if (given == '"' || (given && (unsigned char)given < '\t') || is_line_end((uint8_t)given) ||
        (unsigned char)given >= 0x80)
        return crm__fail_field(err, CRM_EINVAL, "separator",
                               "no such character can separate cells");
    if (opts && opts->record_bytes > MOST)
        return crm__fail_field(err, CRM_EINVAL, "record_bytes", "at most 1 GiB");
    c->limit = opts && opts->record_bytes ? opts->record_bytes : CRM__CSV_RECORD;
    rc = resize(c, WINDOW);
    if (!rc)
        rc = refill(c);
    if (rc)
        return crm__fail_nomem(err);
    if (!c->w.n && c->rc)
        return crm__fail_copy(err, &c->why);
    if (given) {
        c->info.separator = given;
        c->info.found = CRM__CSV_GIVEN;
        c->info.percent = 100;
    } else {
        size_t n = c->w.n < CRM__TEXT_SAMPLE ? c->w.n : CRM__TEXT_SAMPLE;
        crm__csv_guess_of(c->w.p, n, n == c->w.n && c->w.last, &c->info);
    }
    take_hint(c, !given);
    c->separator = (uint8_t)c->info.separator;
    c->four = crm__scan_for(c->separator, '"', '\r', '\n');
    return CRM_OK;
}

int crm__csv_open(const crm_allocator *mem, crm__text *text, const crm__csv_options *opts,
                  crm__csv **out, crm_error *err)
{
    crm__csv *c = crm__alloc(mem, sizeof *c);
    int rc;

    *out = NULL;
    if (!c)
        return crm__fail_nomem(err);
    memset(c, 0, offsetof(crm__csv, m));
    c->m.i = c->m.n = c->m.scanned = 0;
    c->mem = mem;
    c->text = text;
    c->line = 1;
    crm_error_init(&c->why);
    c->list = list_plain;
#ifdef CRM__SCAN_X86
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
        __builtin_cpu_supports("popcnt"))
        c->list = list_avx2;
#endif
    rc = prepare(c, opts, err);
    if (rc) {
        crm__csv_close(c);
        return rc;
    }
    *out = c;
    return CRM_OK;
}

void crm__csv_close(crm__csv *c)
{
    if (!c)
        return;
    crm__release(c->mem, c->w.p);
    crm__release(c->mem, c->clean);
    crm__release(c->mem, c);
}
