/* SPDX-License-Identifier: MIT
 * Text in: encodings against iconv, every split of the input, what is faulty and where, gzip.
 */
#include "io/text_part.h"

#include <crm/codes.h>
#include <crmtest.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

/* Gives the input in pieces of `step` bytes, or of a random size up to -step. */
typedef struct source {
    const uint8_t *p;
    size_t n, at;
    long step;
    uint64_t rnd;
} source;

static int fill(void *ctx, void *to, size_t cap, size_t *n, crm_error *err)
{
    source *s = ctx;
    size_t want = s->step < 0 ? 1 + crmtest_below(&s->rnd, (uint64_t)-s->step) : (size_t)s->step;

    (void)err;
    want = want < cap ? want : cap;
    *n = want < s->n - s->at ? want : s->n - s->at;
    memcpy(to, s->p + s->at, *n);
    s->at += *n;
    return CRM_OK;
}

typedef struct seen {
    crm__buf text;
    crm__text_info info;
    int rc;
    crm_error err;
    size_t faults;
    uint64_t offset, line; /* of the last fault */
} seen;

static void note(void *ctx, const crm__text_fault *f)
{
    seen *s = ctx;

    ck_assert(f->n > 0 && f->n <= 4);
    ck_assert(f->bytes != NULL);
    s->faults++;
    s->offset = f->offset;
    s->line = f->line;
}

static void read_all(seen *s, const void *p, size_t n, long step, size_t cap, const char *encoding)
{
    source from = {p, n, 0, step, 1};
    crm__text_options o = {.encoding = encoding, .fault = note, .ctx = s};
    crm__text *t = NULL;
    uint8_t *to = malloc(cap);
    size_t got = 1;

    memset(s, 0, sizeof *s);
    crm_error_init(&s->err);
    crm__buf_init(&s->text, NULL);
    s->rc = crm__text_open(NULL, fill, &from, &o, &t, &s->err);
    while (!s->rc && got) {
        s->rc = crm__text_read(t, to, cap, &got, &s->err);
        crm__buf_add(&s->text, to, got);
    }
    if (t)
        s->info = *crm__text_info_of(t);
    crm__text_close(t);
    free(to);
}

static void is_text(const void *p, size_t n, const char *encoding, const char *text, size_t len,
                    const char *name, unsigned found)
{
    static const long STEPS[] = {1 << 20, 1, 3, -20};

    for (size_t i = 0; i < sizeof STEPS / sizeof *STEPS; i++) {
        seen s;
        read_all(&s, p, n, STEPS[i], i & 1 ? 16 : 5000, encoding);
        ck_assert_int_eq(s.rc, CRM_OK);
        ck_assert_uint_eq(s.text.n, len);
        ck_assert_mem_eq(s.text.p, text, len);
        ck_assert_str_eq(s.info.encoding.name, name);
        ck_assert_uint_eq(s.info.encoding.found, found);
        ck_assert_uint_eq(s.info.offset, n);
        ck_assert_uint_eq(s.info.bytes, len);
        crm__buf_clear(&s.text);
    }
}

static const char TABLE[] =
    "姓名,城市,金额\r\n张伟,上海市浦东新区,\"1,000\"\r\n王秀英,北京,20\n李娜,\xf0\xa0\x80\x80,€5\n";
static const char OLD_TABLE[] = "姓名,城市,電話\r\n陳小明,台北市大安區,0912345678\r\n林美玲,高雄,07-1234567\r\n";
static const char WEST[] = "Name;Stadt\nJürgen Müller;Köln\nRenée Dvorak;Besançon\n„Größe“;5 €\n";

static size_t encode(const char *to, const char *text, size_t n, char *out, size_t cap)
{
    iconv_t cd = iconv_open(to, "UTF-8");
    char *from = (char *)(uintptr_t)text, *end = out;

    ck_assert(cd != (iconv_t)-1);
    ck_assert_uint_eq(iconv(cd, &from, &n, &end, &cap), 0);
    iconv_close(cd);
    return (size_t)(end - out);
}

CRM_TEST(test_io_text_in__encodings_are_found)
{
    is_text(TABLE, sizeof TABLE - 1, NULL, TABLE, sizeof TABLE - 1, "UTF-8", CRM__TEXT_UTF8);
    is_text("a,b\n", 4, NULL, "a,b\n", 4, "UTF-8", CRM__TEXT_ASCII);
    is_text("", 0, NULL, "", 0, "UTF-8", CRM__TEXT_ASCII);
    is_text("\xef\xbb\xbf"
            "a\n",
            5, NULL, "a\n", 2, "UTF-8", CRM__TEXT_BOM);
}

CRM_TEST(test_io_text_in__each_encoding_comes_out_as_utf8)
{
    static const struct {
        const char *to, *mark, *text, *name;
        unsigned found;
    } CASES[] = {
        {"UTF-16LE", "\xff\xfe", TABLE, "UTF-16LE", CRM__TEXT_BOM},
        {"UTF-16BE", "\xfe\xff", TABLE, "UTF-16BE", CRM__TEXT_BOM},
        {"UTF-16LE", "", TABLE, "UTF-16LE", CRM__TEXT_ZEROS},
        {"UTF-16BE", "", TABLE, "UTF-16BE", CRM__TEXT_ZEROS},
        {"GB18030", "", TABLE, "GB18030", CRM__TEXT_FREQUENCY},
        {"GB18030", "\x84\x31\x95\x33", TABLE, "GB18030", CRM__TEXT_BOM},
        {"Big5", "", OLD_TABLE, "Big5", CRM__TEXT_FREQUENCY},
        {"CP1252", "", WEST, "Windows-1252", CRM__TEXT_FREQUENCY},
        {"CP1252", "", "Ort;Größe\nÖhringen;ÄÖÜ\nÄgypten;Übersee\nÅrhus;Ære\nÉvian;Îles\n", "Windows-1252",
         CRM__TEXT_FREQUENCY},
        {"UTF-16LE", "", WEST, "UTF-16LE", CRM__TEXT_ZEROS},
    };

    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char b[1000];
        size_t m = strlen(CASES[i].mark), n, len = strlen(CASES[i].text);
        memcpy(b, CASES[i].mark, m);
        n = m + encode(CASES[i].to, CASES[i].text, len, b + m, sizeof b - m);
        is_text(b, n, NULL, CASES[i].text, len, CASES[i].name, CASES[i].found);
        is_text(b, n, CASES[i].to, CASES[i].text, len, CASES[i].name, CRM__TEXT_GIVEN);
    }
}

/* Frequent characters of the one are not taken for the other, nor Western words for either. */
CRM_TEST(test_io_text_in__double_bytes_are_told_apart)
{
    static const char *const NAMES[] = {"GB18030", "Big5", "Windows-1252"};
    uint64_t seed = crmtest_seed();

    for (size_t i = 0; i < crmtest_rounds(3000, 100000); i++) {
        int what = (int)crmtest_below(&seed, 3);
        /* A few letters above ASCII may all stand in pairs, as if they were Chinese. */
        size_t count = (what == 2 ? 300 : 30) + crmtest_below(&seed, 300), n = 0;
        crm__text_guess g;
        uint8_t text[1000];
        for (size_t k = 0; k < count; k++) {
            uint8_t a = (uint8_t)crmtest_rand(&seed), b = (uint8_t)crmtest_rand(&seed);
            if (what == 0) { /* by frequency: B0 to D7 */
                text[n++] = (uint8_t)(0xb0 + a % 40);
                text[n++] = (uint8_t)(0xa1 + b % 94);
            } else if (what == 1) { /* the same: A4 to C6 */
                b %= 157;
                text[n++] = (uint8_t)(0xa4 + a % 34);
                text[n++] = (uint8_t)(b < 63 ? 0x40 + b : 0xa1 + b - 63);
            } else {
                text[n++] = (uint8_t)(crmtest_below(&seed, 5) ? 'a' + a % 26 : 0xc0 + a % 64);
            }
            if (crmtest_below(&seed, 4) == 0)
                text[n++] = ',';
        }
        crm__text_guess_of(text, n, 1, &g);
        ck_assert_msg(!strcmp(g.name, NAMES[what]), "%s for %s", g.name, NAMES[what]);
    }
}

/* What iconv makes of random characters comes back. */
CRM_TEST(test_io_text_in__round_trips_through_iconv)
{
    static const char *const TO[] = {"UTF-16LE", "UTF-16BE", "GB18030", "UTF-8", "CP1252", "BIG5"};
    uint64_t x = crmtest_seed();

    for (size_t i = 0; i < crmtest_rounds(60, 2000); i++) {
        char text[4096], coded[8192];
        const char *to = TO[i % 6];
        size_t n = 0, m, len = crmtest_below(&x, 900);
        seen s;
        for (size_t k = 0; k < len; k++) {
            uint32_t c = (uint32_t)crmtest_below(&x, i % 6 < 4 ? 0x110000 : 0x7f);
            if (c == 0 || (c >= 0xd800 && c < 0xe000))
                c = 0x4e00;
            if (i % 6 == 4 && c == 0x4e00)
                c = 0xe9;
            if (crmtest_below(&x, 2))
                c = 1 + c % 0x7e;
            if (c < 0x80)
                text[n++] = (char)c;
            else if (c < 0x800) {
                text[n++] = (char)(0xc0 | c >> 6);
                text[n++] = (char)(0x80 | (c & 0x3f));
            } else {
                if (c >= 0x10000) {
                    text[n++] = (char)(0xf0 | c >> 18);
                    text[n++] = (char)(0x80 | (c >> 12 & 0x3f));
                } else
                    text[n++] = (char)(0xe0 | c >> 12);
                text[n++] = (char)(0x80 | (c >> 6 & 0x3f));
                text[n++] = (char)(0x80 | (c & 0x3f));
            }
        }
        m = encode(to, text, n, coded, sizeof coded);
        read_all(&s, coded, m, -50, 16 + crmtest_below(&x, 500), to);
        ck_assert_int_eq(s.rc, CRM_OK);
        ck_assert_uint_eq(s.text.n, n);
        ck_assert_mem_eq(s.text.p, text, n);
        crm__buf_clear(&s.text);
    }
}

/* The first 64 KiB say nothing; the first letter above ASCII does. */
CRM_TEST(test_io_text_in__a_guess_waits_for_what_it_needs)
{
    size_t n = 200000;
    char *b = malloc(n + 1000);
    seen s;

    memset(b, 'a', n);
    memcpy(b + n, "\n\xd5\xc5\xce\xb0,\xc9\xcf\xba\xa3\n", 12);
    read_all(&s, b, n + 11, 1000, 4096, NULL);
    ck_assert_int_eq(s.rc, CRM_OK);
    ck_assert_str_eq(s.info.encoding.name, "GB18030");
    ck_assert_uint_eq(s.info.lines, 2);
    ck_assert_mem_eq(s.text.p + n, "\n张伟,上海\n", 15);
    crm__buf_clear(&s.text);
    memcpy(b + n, "\nRen\xe9, ok\n", 11);
    read_all(&s, b, n + 10, 1000, 4096, NULL);
    ck_assert_str_eq(s.info.encoding.name, "Windows-1252");
    ck_assert_mem_eq(s.text.p + n, "\nRené, ok", 10);
    crm__buf_clear(&s.text);
    free(b);
}

CRM_TEST(test_io_text_in__a_fault_is_told_with_line_and_offset)
{
    static const char B[] = "名字,城市\r\n\xe5\xbc\xa0,上海\r王五,\xe4\xb8?,"
                            "\xff北京北京北京上海上海上海北京北京北京北京北京\n";
    static const char WANT[] = "名字,城市\r\n张,上海\r王五,\xef\xbf\xbd?,"
                               "\xef\xbf\xbd北京北京北京上海上海上海北京北京北京北京北京\n";
    long steps[] = {1, 2, 100};

    for (size_t i = 0; i < 3; i++) {
        seen s;
        read_all(&s, B, sizeof B - 1, steps[i], 16 + i, "UTF-8");
        ck_assert_int_eq(s.rc, CRM_OK);
        ck_assert_uint_eq(s.text.n, sizeof WANT - 1);
        ck_assert_mem_eq(s.text.p, WANT, sizeof WANT - 1);
        ck_assert_uint_eq(s.faults, 2);
        ck_assert_uint_eq(s.info.faults, 2);
        ck_assert_uint_eq(s.info.lines, 3);
        ck_assert_uint_eq(s.line, 3);
        ck_assert_uint_eq(s.offset, (uint64_t)(strchr(B, '\xff') - B));
        crm__buf_clear(&s.text);
    }
}

CRM_TEST(test_io_text_in__nuls_that_stand_together_are_one_mark)
{
    static const struct {
        const char *b;
        size_t n;
        const char *encoding, *want;
        uint64_t offset, line, faults;
    } CASES[] = {
        {"a,b\nc\0d,e\n", 10, NULL, "a,b\nc␀d,e\n", 5, 2, 1},
        {"\xe9,b\n\n\0\0\0d\0e,e\n", 14, "cp1252", "é,b\n\n␀d␀e,e\n", 9, 3, 2},
        {"\xd5\xc5,b\n\0", 6, "gb18030", "张,b\n␀", 5, 2, 1},
        {"a\0\n\0\0\0\0\0b\0", 10, "UTF-16LE", "a\n␀b", 4, 2, 1},
        {"\0a\0\n\0\0\0b", 8, "UTF-16", "a\n␀b", 4, 2, 1},
        {"ab\n\xe5\0c\0", 7, "UTF-8", "ab\n\xef\xbf\xbd␀c␀", 6, 2, 3},
    };

    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        for (long step = 1; step < 12; step += 5) {
            seen s;
            read_all(&s, CASES[i].b, CASES[i].n, step, 16, CASES[i].encoding);
            ck_assert_int_eq(s.rc, CRM_OK);
            ck_assert_uint_eq(s.text.n, strlen(CASES[i].want));
            ck_assert_mem_eq(s.text.p, CASES[i].want, s.text.n);
            ck_assert_uint_eq(s.offset, CASES[i].offset);
            ck_assert_uint_eq(s.line, CASES[i].line);
            ck_assert_uint_eq(s.faults, CASES[i].faults);
            ck_assert_uint_eq(s.info.faults, CASES[i].faults);
            crm__buf_clear(&s.text);
        }
    }
}

/* What has NULs all over is no text; a file that a crash cut off, with a hole behind it, is. */
CRM_TEST(test_io_text_in__what_is_binary_is_refused)
{
    size_t n = 300000;
    char *b = calloc(1, n);
    seen s;

    read_all(&s, b, n, 5000, 4096, NULL);
    ck_assert_int_eq(s.rc, CRM_ESYNTAX);
    memcpy(b, "name,email\nA,a@example.com\n", 27);
    crm__buf_clear(&s.text);
    read_all(&s, b, n, 5000, 4096, NULL);
    ck_assert_int_eq(s.rc, CRM_OK);
    ck_assert_uint_eq(s.text.n, 30);
    ck_assert_uint_eq(s.faults, 1);
    crm__buf_clear(&s.text);
    for (size_t i = 0; i < n; i += 7)
        b[i] = 'x';
    for (int named = 0; named < 2; named++) {
        read_all(&s, b, n, 5000, 4096, named ? "UTF-8" : NULL);
        ck_assert_int_eq(s.rc, CRM_ESYNTAX);
        crm__buf_clear(&s.text);
    }
    free(b);
}

CRM_TEST(test_io_text_in__unknown_encodings_are_refused)
{
    static const char *const NAMES[] = {"",       "nonsense",
                                        "UTF-32", "GB18030//TRANSLIT",
                                        "../x",   "a-name-longer-than-any-encoding-has"};

    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        seen s;
        read_all(&s, "a", 1, 1, 16, NAMES[i]);
        ck_assert_int_eq(s.rc, CRM_EINVAL);
        crm__buf_clear(&s.text);
    }
}

/* ---- gzip ---- */

static size_t pack(const void *p, size_t n, uint8_t *out, size_t cap)
{
    z_stream z;

    memset(&z, 0, sizeof z);
    ck_assert_int_eq(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)p;
    z.avail_in = (uInt)n;
    z.next_out = out;
    z.avail_out = (uInt)cap;
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return cap - z.avail_out;
}

CRM_TEST(test_io_text_in__gzip_is_unpacked)
{
    uint8_t b[2000];
    size_t first = pack(TABLE, 50, b, sizeof b), n;
    long steps[] = {1, 7, 5000};
    seen s;

    n = first + pack(TABLE + 50, sizeof TABLE - 51, b + first, sizeof b - first);
    memset(b + n, 0, 100);
    for (size_t i = 0; i < 3; i++) {
        for (size_t zeros = 0; zeros <= 100; zeros += 50) {
            read_all(&s, b, n + zeros, steps[i], 100, NULL);
            ck_assert_int_eq(s.rc, CRM_OK);
            ck_assert_int_eq(s.info.gzip, 1);
            ck_assert_uint_eq(s.text.n, sizeof TABLE - 1);
            ck_assert_mem_eq(s.text.p, TABLE, sizeof TABLE - 1);
            crm__buf_clear(&s.text);
        }
    }
    /* Cut anywhere but between the members; other bytes behind them; a bit changed. */
    for (size_t k = 3; k < n; k++) {
        read_all(&s, b, k, 50, 100, NULL);
        ck_assert_int_eq(s.rc, k == first ? CRM_OK : CRM_ESYNTAX);
        crm__buf_clear(&s.text);
    }
    b[n] = 'x';
    read_all(&s, b, n + 1, 50, 100, NULL);
    ck_assert_int_eq(s.rc, CRM_ESYNTAX);
    crm__buf_clear(&s.text);
    b[first / 2] ^= 1;
    read_all(&s, b, n, 50, 100, NULL);
    ck_assert_int_eq(s.rc, CRM_ESYNTAX);
    crm__buf_clear(&s.text);
}

/* 16 MB of one letter are 16 KB packed, and are read in the same small memory. */
CRM_TEST(test_io_text_in__well_packed_text_is_text)
{
    size_t n = 16 << 20, m, cap = 1 << 16, got = 1, total = 0;
    char *b = malloc(n);
    uint8_t *packed = malloc(cap), to[4096];
    source from = {packed, 0, 0, 5000, 1};
    crm__text *t;

    memset(b, 'a', n);
    m = pack(b, n, packed, cap);
    ck_assert_uint_lt(m, n / 900);
    from.n = m;
    ck_assert_int_eq(crm__text_open(NULL, fill, &from, NULL, &t, NULL), CRM_OK);
    while (got) {
        ck_assert_int_eq(crm__text_read(t, to, sizeof to, &got, NULL), CRM_OK);
        total += got;
    }
    ck_assert_uint_eq(total, n);
    crm__text_close(t);
    free(b);
    free(packed);
}

CRM_TEST(test_io_text_in__reads_descriptors)
{
    int fds[2];
    char b[100];
    size_t n;
    crm_error err;

    ck_assert_int_eq(pipe(fds), 0);
    ck_assert_int_eq(write(fds[1], "abc", 3), 3);
    close(fds[1]);
    ck_assert_int_eq(crm__fill_fd(&fds[0], b, sizeof b, &n, &err), CRM_OK);
    ck_assert_uint_eq(n, 3);
    ck_assert_int_eq(crm__fill_fd(&fds[0], b, sizeof b, &n, &err), CRM_OK);
    ck_assert_uint_eq(n, 0);
    close(fds[0]);
    ck_assert_int_eq(crm__fill_fd(&fds[0], b, sizeof b, &n, &err), CRM_EIO);
}
