/* SPDX-License-Identifier: MIT
 * Text in: any bytes become strict UTF-8 without NUL; as many pieces as they come in,
 * it is the same text; numbers of lines and faults are what the text and the calls say.
 */
#include "fuzz.h"

#include "base/utf8.h"
#include "io/text_in.h"

#include <crm/codes.h>
#include <iconv.h>

static const char *const NAMES[] = {NULL,           NULL,        NULL,     "UTF-8",
                                    "UTF-16LE",     "UTF-16BE",  "UTF-16", "GB18030",
                                    "windows-1252", "Shift_JIS", "BIG5",   "ISO-2022-JP"};

/* Keeps the system's tables loaded, which is most of the time else. */
static void keep_tables(void)
{
    static iconv_t kept[sizeof NAMES / sizeof *NAMES];

    for (size_t i = 7; !kept[7] || (i > 7 && i < sizeof NAMES / sizeof *NAMES); i++)
        kept[i] = iconv_open("UTF-8", NAMES[i]);
}

typedef struct source {
    const uint8_t *p;
    size_t n, step;
} source;

typedef struct result {
    crm__buf text;
    crm__text_info info;
    int rc, told;
    int64_t row, offset;
} result;

static int fill(void *ctx, void *to, size_t cap, size_t *n, crm_error *err)
{
    source *s = ctx;

    (void)err;
    *n = s->n < s->step ? s->n : s->step;
    *n = *n < cap ? *n : cap;
    if (*n) {
        memcpy(to, s->p, *n);
        s->p += *n;
        s->n -= *n;
    }
    return CRM_OK;
}

static void note(void *ctx, const crm__text_fault *f)
{
    result *r = ctx;

    MUST(f->n >= 1 && f->n <= 16 && f->line >= 1);
    r->told++;
}

static void read_all(result *r, const uint8_t *p, size_t n, size_t step, size_t cap,
                     const char *name)
{
    static uint8_t to[70000];
    source s = {p, n, step};
    crm__text_options o = {.encoding = name, .fault = note, .ctx = r};
    crm_error err;
    crm__text *t = NULL;
    size_t got = 1;

    memset(r, 0, sizeof *r);
    crm__buf_init(&r->text, NULL);
    r->rc = crm__text_open(NULL, fill, &s, &o, &t, &err);
    while (!r->rc && got && r->text.n < 4000000) {
        r->rc = crm__text_read(t, to, cap, &got, &err);
        MUST(got <= cap && (!r->rc || !got));
        crm__buf_add(&r->text, to, got);
    }
    if (t)
        r->info = *crm__text_info_of(t);
    if (r->rc) {
        r->row = err.row;
        r->offset = err.offset;
    }
    crm__text_close(t);
}

static uint64_t lines_of(const crm__buf *b)
{
    uint64_t lines = 0;

    for (size_t i = 0; i < b->n; i++)
        lines += b->p[i] == '\r' || (b->p[i] == '\n' && (!i || b->p[i - 1] != '\r'));
    return lines;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input in = {data, size};
    const char *name = NAMES[take(&in) % (sizeof NAMES / sizeof *NAMES)];
    uint8_t how = take(&in);
    result a, b;

    keep_tables();
    read_all(&a, in.p, in.n, in.n + 1, 70000, name);
    read_all(&b, in.p, in.n, 1 + how % 7, 16 + how % 19, name);
    MUST(a.rc == CRM_OK || a.rc == CRM_ESYNTAX || a.rc == CRM_EINVAL);
    if (a.text.n < 4000000 && b.text.n < 4000000) {
        MUST(a.rc == b.rc && a.row == b.row && a.offset == b.offset);
        MUST(a.text.n == b.text.n && (!a.text.n || !memcmp(a.text.p, b.text.p, a.text.n)));
        MUST(a.told == b.told);
    }
    MUST(!a.text.n || crm__utf8_valid((char *)a.text.p, a.text.n) == a.text.n);
    MUST(!a.text.n || !memchr(a.text.p, 0, a.text.n));
    MUST(a.info.bytes == a.text.n && a.info.lines == lines_of(&a.text));
    MUST(a.told == (int)a.info.faults);
    crm__buf_clear(&a.text);
    crm__buf_clear(&b.text);
    return 0;
}
