/* SPDX-License-Identifier: MIT
 * Lines of cards.  A line that begins with white space goes on with the one before it; that is how
 * it should be.  Programs also break quoted-printable text with "=" at the end, with or without
 * white space behind it, base64 anywhere, and notes at every end of a line; old ones break lines
 * within a character.  All of that is joined again.
 */
#include "base/utf8.h"
#include "io/vcard.h"

#include <crm/codes.h>

enum { WINDOW = 64 * 1024, NEAR = 8 };

/* ---- folds within characters ---- */

struct crm__vcard_mend {
    const crm_allocator *mem;
    crm__fill_fn fill;
    void *ctx;
    int on, ended, rc;
    size_t at, seen, n; /* handed out, looked at, read of buf[] */
    crm_error why;
    uint8_t buf[WINDOW];
};

static int goes_on(uint8_t c)
{
    return (c & 0xc0) == 0x80;
}

/* Bytes that the character ending before p[end] lacks. */
static size_t lacking(const uint8_t *p, size_t end)
{
    size_t have = 1, len;
    uint8_t lead;

    while (have < 4 && have < end && goes_on(p[end - have]))
        have++;
    lead = p[end - have];
    len = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0;
    return len > have ? len - have : 0;
}

/* Ends of lines from `from` to `to` that stand within a character, with the white space behind
 * them, are moved behind it; n bytes are there.  Returns where to go on. */
static size_t mend(uint8_t *p, size_t from, size_t to, size_t n)
{
    while (from < to) {
        uint8_t *lf = memchr(p + from, '\n', to - from), moved[4], fold[3];
        size_t i, end, miss, have = 0, len;
        if (!lf)
            return to;
        i = (size_t)(lf - p);
        from = i + 1;
        end = i && p[i - 1] == '\r' ? i - 1 : i;
        if (!end || p[end - 1] < 0x80 || n - i < 3 || (p[i + 1] != ' ' && p[i + 1] != '\t'))
            continue;
        miss = lacking(p, end);
        while (have < miss && have < n - i - 2 && goes_on(p[i + 2 + have]))
            have++;
        if (!miss || have < miss)
            continue;
        len = i + 2 - end;
        memcpy(fold, p + end, len);
        memcpy(moved, p + i + 2, miss);
        memcpy(p + end, moved, miss);
        memcpy(p + end + miss, fold, len);
        from = i + miss + 1;
    }
    return from;
}

static void mend_more(crm__vcard_mend *m)
{
    size_t got = 1, limit;

    if (m->at) {
        memmove(m->buf, m->buf + m->at, m->n - m->at);
        m->n -= m->at;
        m->seen -= m->at;
        m->at = 0;
    }
    while (!m->ended && m->n < WINDOW) {
        m->rc = m->fill(m->ctx, m->buf + m->n, WINDOW - m->n, &got, &m->why);
        if (m->rc)
            got = 0;
        m->n += got;
        m->ended = !got;
        if (m->on && m->n > 4 * NEAR)
            break;
    }
    limit = m->ended ? m->n : m->n - NEAR;
    if (m->on && m->seen < limit)
        m->seen = mend(m->buf, m->seen, limit, m->n);
}

int crm__vcard_mend_open(const crm_allocator *mem, crm__fill_fn fill, void *ctx,
                         crm__vcard_mend **out, crm_error *err)
{
    crm__vcard_mend *m = crm__alloc(mem, sizeof *m);
    uint8_t *copy = crm__alloc(mem, WINDOW);
    size_t bad = 0, good;

    *out = NULL;
    if (!m || !copy) {
        crm__release(mem, m);
        crm__release(mem, copy);
        return crm__fail_nomem(err);
    }
    memset(m, 0, offsetof(crm__vcard_mend, buf));
    m->mem = mem;
    m->fill = fill;
    m->ctx = ctx;
    crm_error_init(&m->why);
    mend_more(m);
    if (m->n)
        memcpy(copy, m->buf, m->n);
    mend(copy, 0, m->n, m->n);
    good = crm__utf8_valid((const char *)copy, m->n);
    /* The last character may be cut by the end of what was read. */
    m->on = good == m->n || (m->n - good < 4 && !m->ended &&
                             !crm__decode_sequence(copy + good, m->n - good, &bad) && !bad);
    crm__release(mem, copy);
    if (m->on) {
        size_t limit = m->ended ? m->n : m->n - NEAR;
        m->seen = m->n > NEAR || m->ended ? mend(m->buf, 0, limit, m->n) : 0;
    }
    *out = m;
    return CRM_OK;
}

void crm__vcard_mend_close(crm__vcard_mend *m)
{
    if (m)
        crm__release(m->mem, m);
}

int crm__vcard_mend_fill(void *ctx, void *to, size_t cap, size_t *n, crm_error *err)
{
    crm__vcard_mend *m = ctx;

    for (;;) {
        size_t end = m->ended || !m->on ? m->n : m->seen > NEAR ? m->seen - NEAR : 0;
        if (m->at < end) {
            *n = cap < end - m->at ? cap : end - m->at;
            memcpy(to, m->buf + m->at, *n);
            m->at += *n;
            return CRM_OK;
        }
        *n = 0;
        if (m->ended)
            return m->rc ? crm__fail_copy(err, &m->why) : CRM_OK;
        if (!m->on)
            return m->fill(m->ctx, to, cap, n, err);
        mend_more(m);
    }
}

/* ---- lines of the text ---- */

int crm__vcard_lines_open(crm__vcard_lines *l, const crm_allocator *mem, crm__text *text,
                          crm_error *err)
{
    memset(l, 0, sizeof *l);
    l->mem = mem;
    l->text = text;
    crm__buf_init(&l->line, mem);
    crm__buf_init(&l->next, mem);
    crm__buf_init(&l->ahead, mem);
    crm_error_init(&l->why);
    l->window = crm__alloc(mem, WINDOW);
    return l->window ? CRM_OK : crm__fail_nomem(err);
}

void crm__vcard_lines_close(crm__vcard_lines *l)
{
    crm__release(l->mem, l->window);
    crm__buf_clear(&l->line);
    crm__buf_clear(&l->next);
    crm__buf_clear(&l->ahead);
}

/* As much of n bytes as the longest line has room for. */
static void append(crm__buf *to, const uint8_t *p, size_t n, unsigned *flags)
{
    size_t room = CRM__VCARD_LINE - to->n;

    if (n > room)
        *flags |= CRM__LINE_CUT;
    crm__buf_add(to, p, n < room ? n : room);
}

static int refill(crm__vcard_lines *l)
{
    l->at = l->n = 0;
    if (!l->ended)
        l->rc = crm__text_read(l->text, l->window, WINDOW, &l->n, &l->why);
    l->ended |= !l->n;
    return !l->n;
}

/* Where the line at p ends, NULL when not within n bytes. */
static const uint8_t *line_end(const uint8_t *p, size_t n)
{
    const uint8_t *lf = memchr(p, '\n', n);
    const uint8_t *cr = memchr(p, '\r', lf ? (size_t)(lf - p) : n);

    return cr ? cr : lf;
}

/* One line into l->ahead; has_ahead 0 at the end of the text. */
static void read_ahead(crm__vcard_lines *l)
{
    l->ahead.n = 0;
    l->ahead_flags = 0;
    l->has_ahead = 0;
    for (;;) {
        const uint8_t *p, *end;
        if (l->at == l->n && refill(l))
            break;
        p = l->window + l->at;
        if (l->after_cr && *p == '\n') {
            l->after_cr = 0;
            l->at++;
            continue;
        }
        l->after_cr = 0;
        end = line_end(p, l->n - l->at);
        append(&l->ahead, p, end ? (size_t)(end - p) : l->n - l->at, &l->ahead_flags);
        l->has_ahead = 1;
        if (end) {
            l->after_cr = *end == '\r';
            l->at += (size_t)(end - p) + 1;
            break;
        }
        l->at = l->n;
    }
    l->number += (uint64_t)l->has_ahead;
}

/* ---- joining them ---- */

enum { PLAIN, QUOTED, BASE64, MARKER, NO_PROPERTY };

static int is_blank_line(const crm__buf *b)
{
    for (size_t i = 0; i < b->n; i++) {
        if (b->p[i] != ' ' && b->p[i] != '\t')
            return 0;
    }
    return 1;
}

/* How the value of a line is written. */
static int kind_of(crm__slice line)
{
    crm__vcard_prop p;
    int kind = PLAIN;

    if (!crm__vcard_head_parse(NULL, line, &p))
        return NO_PROPERTY;
    if (crm__vcard_is(p.name, "BEGIN") || crm__vcard_is(p.name, "END"))
        return MARKER;
    for (size_t i = 0; i < p.count; i++) {
        if (!crm__vcard_is(p.params[i].name, "ENCODING"))
            continue;
        if (crm__vcard_is(p.params[i].value, "QUOTED-PRINTABLE"))
            kind = QUOTED;
        else if (crm__vcard_is(p.params[i].value, "BASE64") ||
                 crm__vcard_is(p.params[i].value, "B"))
            kind = BASE64;
    }
    return kind;
}

static int is_hex(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
}

/* Behind a soft break: white space is the fold's where encoded text goes on, else the text's. */
static size_t fold_of_quoted(const crm__buf *line, const crm__buf *ahead)
{
    size_t n = line->n;

    if (!ahead->n || (ahead->p[0] != ' ' && ahead->p[0] != '\t'))
        return 0;
    if (ahead->n > 1 && ahead->p[1] == '=')
        return 1;
    return n >= 3 && line->p[n - 3] == '=' && is_hex(line->p[n - 2]) && is_hex(line->p[n - 1]);
}

static int is_marker(const crm__buf *b)
{
    crm__slice s = {b->p, b->n};

    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return crm__vcard_is(s, "END:VCARD") || crm__vcard_is(s, "BEGIN:VCARD");
}

/* Joins the text line ahead to l->next when it is a part of it. */
static int unfold(crm__vcard_lines *l, int kind)
{
    crm__buf *line = &l->next, *ahead = &l->ahead;
    int soft = kind == QUOTED && line->n && line->p[line->n - 1] == '=';
    size_t from = 0;

    if (soft) {
        line->n--;
        if (is_marker(ahead) || is_blank_line(ahead))
            return 0;
        from = fold_of_quoted(line, ahead);
    } else if (is_blank_line(ahead)) {
        return 0;
    } else if (ahead->p[0] == ' ' || ahead->p[0] == '\t') {
        from = 1;
    } else if (kind != BASE64 || memchr(ahead->p, ':', ahead->n)) {
        return 0;
    }
    append(line, ahead->p + from, ahead->n - from, &l->next_flags);
    l->next_flags |= l->ahead_flags;
    return 1;
}

/* The next line that is not blank, unfolded, into l->next. */
static void read_next(crm__vcard_lines *l)
{
    crm__buf swap = l->next;

    while (l->has_ahead && is_blank_line(&l->ahead))
        read_ahead(l);
    l->has_next = l->has_ahead;
    if (!l->has_next)
        return;
    l->next = l->ahead;
    l->ahead = swap;
    l->next_number = l->number;
    l->next_flags = l->ahead_flags;
    read_ahead(l);
    l->next_kind = kind_of((crm__slice){l->next.p, l->next.n});
    while (l->has_ahead && unfold(l, l->next_kind)) {
        read_ahead(l);
        if (l->next_kind == NO_PROPERTY) /* its parameters were folded */
            l->next_kind = kind_of((crm__slice){l->next.p, l->next.n});
    }
}

int crm__vcard_lines_next(crm__vcard_lines *l, crm__slice *line, uint64_t *number, unsigned *flags,
                          crm_error *err)
{
    crm__buf swap = l->line;
    int kind;

    if (!l->number) {
        read_ahead(l);
        read_next(l);
    }
    if (l->next.failed || l->ahead.failed)
        return crm__fail_nomem(err);
    if (!l->has_next)
        return l->rc ? crm__fail_copy(err, &l->why) : CRM_DONE;
    l->line = l->next;
    l->next = swap;
    *number = l->next_number;
    *flags = l->next_flags;
    kind = l->next_kind;
    read_next(l);
    /* What is no property goes on with the text before it, behind an end of line. */
    while (l->has_next && l->next_kind == NO_PROPERTY && (kind == PLAIN || kind == QUOTED)) {
        append(&l->line, (const uint8_t *)"\n", 1, flags);
        append(&l->line, l->next.p, l->next.n, flags);
        *flags |= l->next_flags;
        read_next(l);
    }
    if (l->line.failed || l->next.failed || l->ahead.failed)
        return crm__fail_nomem(err);
    line->p = l->line.p;
    line->n = l->line.n;
    return CRM_OK;
}
