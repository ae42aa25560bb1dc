/* SPDX-License-Identifier: MIT
 * The text reader: a window of unpacked bytes, decoded piece by piece.  What is found wrong is told
 * where it stands; errors are kept until everything before them has been handed out.
 */
#include "io/text_in.h"

#include "io/scan.h"
#include "io/text_part.h"

#include <crm/codes.h>

enum { WINDOW = 2 * CRM__TEXT_SAMPLE, MARK = sizeof CRM__TEXT_INVALID - 1 };

struct crm__text {
    const crm_allocator *mem;
    crm__unpack *unpack;
    crm__text_options opts;
    crm__text_info info;
    crm__decoder decoder;
    int open;      /* a guess that holds only for ASCII */
    int ended;     /* the window has the last bytes */
    int after_cr;  /* the last byte handed out was a CR */
    int after_nul; /* the last thing handed out was the mark of a NUL */
    int rc;        /* stays; its detail is `why` */
    crm_error why;
    size_t at, n; /* what of the window is left */
    uint8_t window[WINDOW];
};

/* ---- the window ---- */

/* Behind a failure of the source the text ends with an error, in its turn. */
static void more(crm__text *t)
{
    size_t got = 0;
    int rc;

    if (t->at) {
        memmove(t->window, t->window + t->at, t->n - t->at);
        t->n -= t->at;
        t->at = 0;
    }
    if (t->ended || t->n == WINDOW)
        return;
    rc = crm__unpack_read(t->unpack, t->window + t->n, WINDOW - t->n, &got, &t->why);
    t->n += got;
    if (rc || got == 0)
        t->ended = 1;
    if (rc)
        t->rc = rc;
}

static void sample(crm__text *t)
{
    while (t->n - t->at < CRM__TEXT_SAMPLE && !t->ended &&
           (t->n == t->at || !t->opts.ready || t->opts.ready(t->opts.ctx)))
        more(t);
}

/* What a failure of the source cut short is no fault of the text. */
static int is_whole(const crm__text *t)
{
    return t->ended && !t->rc;
}

static void pass(crm__text *t, size_t n)
{
    t->at += n;
    t->info.offset += n;
}

/* ---- the encoding ---- */

static int guess(crm__text *t, int inside, crm_error *err)
{
    crm__text_guess *g = &t->info.encoding;

    sample(t);
    if (inside)
        crm__text_guess_inside(t->window + t->at, t->n - t->at, is_whole(t), g);
    else
        crm__text_guess_of(t->window + t->at, t->n - t->at, is_whole(t), g);
    t->open = g->found == CRM__TEXT_ASCII;
    return crm__decoder_open(&t->decoder, g->name, err);
}

static int is_name(const char *name, const char *of)
{
    size_t n = strlen(of);

    for (size_t i = 0; i < n; i++) {
        if ((name[i] | 0x20) != (of[i] | 0x20))
            return 0;
    }
    return name[n] == 0;
}

static int named(crm__text *t, crm_error *err)
{
    const char *name = t->opts.encoding;
    crm__text_guess *g = &t->info.encoding, seen;
    int rc;

    if (strlen(name) >= CRM__TEXT_NAME)
        return crm__fail_field(err, CRM_EINVAL, name, "there is no such encoding");
    sample(t);
    crm__text_guess_of(t->window + t->at, t->n - t->at, is_whole(t), &seen);
    if (is_name(name, "UTF-16") || is_name(name, "UTF16")) /* its order: by mark, by zeros, LE */
        name = is_name(seen.name, "UTF-16BE") ? "UTF-16BE" : "UTF-16LE";
    memset(g, 0, sizeof *g);
    memcpy(g->name, name, strlen(name));
    g->found = CRM__TEXT_GIVEN;
    g->percent = 100;
    rc = crm__decoder_open(&t->decoder, g->name, err);
    if (!rc && seen.found == CRM__TEXT_BOM && is_name(g->name, seen.name))
        g->bom = seen.bom;
    return rc;
}

int crm__text_open(const crm_allocator *mem, crm__fill_fn fill, void *ctx,
                   const crm__text_options *opts, crm__text **out, crm_error *err)
{
    crm__text *t = crm__alloc(mem, sizeof *t);
    int rc;

    *out = NULL;
    if (!t)
        return crm__fail_nomem(err);
    memset(t, 0, offsetof(crm__text, window));
    t->mem = mem;
    if (opts)
        t->opts = *opts;
    crm_error_init(&t->why);
    rc = crm__unpack_open(mem, fill, ctx, &t->unpack, err);
    if (!rc)
        rc = t->opts.encoding ? named(t, err) : guess(t, 0, err);
    if (!rc && !t->n && t->rc) /* nothing could be read at all */
        rc = crm__fail_copy(err, &t->why);
    if (!rc && crm__decode_is_binary(&t->decoder, t->window, t->n))
        rc = crm__fail(err, CRM_ESYNTAX, "the file is no text: NUL bytes stand all over it");
    if (rc) {
        crm__text_close(t);
        return rc;
    }
    t->info.gzip = crm__unpack_is_gzip(t->unpack);
    pass(t, t->info.encoding.bom);
    *out = t;
    return CRM_OK;
}

void crm__text_close(crm__text *t)
{
    if (!t)
        return;
    crm__decoder_close(&t->decoder);
    crm__unpack_close(t->unpack);
    crm__release(t->mem, t);
}

const crm__text_info *crm__text_info_of(const crm__text *t)
{
    return &t->info;
}

unsigned crm__text_marks(const void *p, size_t n)
{
    return (memmem(p, n, CRM__TEXT_INVALID, MARK) ? CRM__HAS_INVALID : 0u) |
           (memmem(p, n, CRM__TEXT_NUL, MARK) ? CRM__HAS_NUL : 0u);
}

/* ---- reading ---- */

/* Ends of lines among n bytes at p, of which p[-1] may be read. */
static uint64_t ends_of_lines(const uint8_t *p, size_t n)
{
    uint64_t lines = 0;
    size_t i = 0;

#ifdef CRM__SCAN_X86
    const __m128i lf = _mm_set1_epi8('\n'), cr = _mm_set1_epi8('\r'), zero = _mm_setzero_si128();

    while (n - i >= 16) {
        __m128i sum = zero;
        for (unsigned k = 0; k < 255 && n - i >= 16; k++, i += 16) {
            __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
            __m128i before = _mm_loadu_si128((const __m128i *)(const void *)(p + i - 1));
            __m128i end = _mm_andnot_si128(_mm_cmpeq_epi8(before, cr), _mm_cmpeq_epi8(v, lf));
            sum = _mm_sub_epi8(sum, _mm_or_si128(end, _mm_cmpeq_epi8(v, cr)));
        }
        sum = _mm_sad_epu8(sum, zero);
        lines += (uint64_t)_mm_cvtsi128_si64(sum);
        lines += (uint64_t)_mm_cvtsi128_si64(_mm_srli_si128(sum, 8));
    }
#endif
    for (; i < n; i++)
        lines += p[i] == '\r' || (p[i] == '\n' && p[(ptrdiff_t)i - 1] != '\r');
    return lines;
}

/* Counts the ends of lines of n bytes handed out. */
static void count_lines(crm__text *t, const uint8_t *p, size_t n)
{
    if (!n)
        return;
    t->info.bytes += n;
    t->info.lines += p[0] == '\r' || (p[0] == '\n' && !t->after_cr);
    t->info.lines += ends_of_lines(p + 1, n - 1);
    t->after_cr = p[n - 1] == '\r';
}

static size_t put_mark(crm__text *t, const crm__text_fault *f, const char *mark, uint8_t *to)
{
    t->info.faults++;
    if (t->opts.fault)
        t->opts.fault(t->opts.ctx, f);
    memcpy(to, mark, MARK);
    return MARK;
}

/* The invalid sequence of n bytes at the window's front; returns what is written for it. */
static size_t fault(crm__text *t, size_t n, uint8_t *to)
{
    crm__text_fault f = {t->info.offset, t->info.lines + 1, t->window + t->at, n};
    size_t made = put_mark(t, &f, CRM__TEXT_INVALID, to);

    t->after_nul = 0;
    pass(t, n);
    return made;
}

/* The NULs at the window's front, if any.  A file that a crash cut off may have very many. */
static size_t nuls(crm__text *t, uint8_t *to)
{
    crm__text_fault f = {t->info.offset, t->info.lines + 1, t->window + t->at, 0};
    size_t n;

    while ((n = crm__decode_at_nul(&t->decoder, t->window + t->at, t->n - t->at)) != 0) {
        f.n = f.n ? f.n : n;
        pass(t, n);
    }
    if (!f.n || t->after_nul)
        return 0;
    t->after_nul = 1;
    return put_mark(t, &f, CRM__TEXT_NUL, to);
}

/* Under an open guess: the ASCII at the front; the guess is made again where that ends. */
static size_t ascii_part(crm__text *t, uint8_t *to, size_t cap)
{
    const uint8_t *p = t->window + t->at;
    size_t n = t->n - t->at < cap ? t->n - t->at : cap, i = 0;

#ifdef CRM__SCAN_X86
    while (n - i >= 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
        if (_mm_movemask_epi8(_mm_or_si128(v, _mm_cmpeq_epi8(v, _mm_setzero_si128()))))
            break;
        _mm_storeu_si128((__m128i *)(void *)(to + i), v);
        i += 16;
    }
#endif
    for (; i < n && p[i] < 0x80 && p[i]; i++)
        to[i] = p[i];
    pass(t, i);
    count_lines(t, to, i);
    t->after_nul &= !i;
    if (i < n && p[i] >= 0x80 && !i) {
        int rc = guess(t, 1, &t->why);
        if (rc) {
            t->rc = rc;
            t->ended = 1;
            t->at = t->n;
        }
    }
    return i;
}

/* One step.  What it makes, or 0 when more input is needed or the text ends. */
static size_t step(crm__text *t, uint8_t *to, size_t cap)
{
    crm__decoded d;

    if (t->open && t->at < t->n && !crm__decode_at_nul(&t->decoder, t->window + t->at, 1))
        return ascii_part(t, to, cap);
    d = crm__decode(&t->decoder, t->window + t->at, t->n - t->at, is_whole(t), to, cap);
    pass(t, d.used);
    count_lines(t, to, d.made);
    t->after_nul &= !d.made;
    if (d.bad && cap - d.made >= 4) {
        size_t made = fault(t, d.bad, to + d.made);
        count_lines(t, to + d.made, made);
        d.made += made;
    } else if (!d.made) {
        d.made = nuls(t, to);
        count_lines(t, to, d.made);
    }
    return d.made;
}

int crm__text_read(crm__text *t, uint8_t *to, size_t cap, size_t *n, crm_error *err)
{
    *n = 0;
    if (cap < CRM__TEXT_LEAST)
        return crm__fail(err, CRM_EINVAL, "too little room for text");
    while (cap - *n >= CRM__TEXT_LEAST) {
        size_t at = t->at, made = step(t, to + *n, cap - *n);
        *n += made;
        if (made || t->at != at)
            continue;
        if (*n || t->ended)
            break;
        more(t);
    }
    return *n || !t->rc ? CRM_OK : crm__fail_copy(err, &t->why);
}
