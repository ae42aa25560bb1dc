/* SPDX-License-Identifier: MIT
 * Cards written are read again as they were: by the reader here, and by a few lines that follow
 * RFC 6350 alone.
 */
#include "io/vcard_write.h"
#include "base/utf8.h"
#include "io/vcard.h"
#include "table_test.h"

static crm__slice slice(const char *s)
{
    return (crm__slice){(const uint8_t *)s, strlen(s)};
}

CRM_TEST(test_io_vcard_write__a_card)
{
    crm__card_writer w;
    crm__buf b;

    crm__buf_init(&b, NULL);
    crm__card_begin(&w, &b);
    crm__card_put(&w, "FN", slice("Zhang, Wei; \"x\" \\ a\nb:c"));
    crm__card_name(&w, "N");
    crm__card_value(&w, ';', slice("Zhang"));
    crm__card_value(&w, ';', slice("Wei"));
    crm__card_value(&w, ',', slice("A,B"));
    crm__card_value(&w, ';', slice(""));
    crm__card_end_property(&w);
    crm__card_name(&w, "item1.TEL");
    crm__card_param(&w, "TYPE", slice("cell"));
    crm__card_param(&w, "X-A", slice("a:\"b\"\n^"));
    crm__card_raw(&w, slice("tel:+86,1"));
    crm__card_end_property(&w);
    crm__card_name(&w, "NOTE");
    crm__card_end_property(&w);
    crm__card_end(&w);
    crm__buf_add_u8(&b, 0);
    ck_assert_str_eq((char *)b.p, "BEGIN:VCARD\r\nVERSION:4.0\r\n"
                                  "FN:Zhang\\, Wei\\; \"x\" \\\\ a\\nb:c\r\n"
                                  "N:Zhang;Wei,A\\,B;\r\n"
                                  "item1.TEL;TYPE=cell;X-A=\"a:^'b^'^n^^\":tel:+86,1\r\n"
                                  "NOTE:\r\nEND:VCARD\r\n");
    crm__buf_clear(&b);
}

/* A random text without controls but tab and end of line; no white space at its ends. */
static size_t random_text(uint64_t *seed, char *to, size_t most)
{
    static const char *const PIECES[] = {"a",   "Z", ";",  ",",  "\\", ":",           "\"", "\n",
                                         "^",   "=", "张", "é",  "😀",  " ",           "\t", "\\n",
                                         "\\;", "%", "'",  "^n", "0",  "\xef\xbf\xbd"};
    size_t n = 0, want = crmtest_below(seed, most - 8);

    while (n < want) {
        const char *s = PIECES[crmtest_below(seed, sizeof PIECES / sizeof *PIECES)];
        memcpy(to + n, s, strlen(s));
        n += strlen(s);
    }
    return n;
}

/* Unfolds in place, checking each line; RFC 6350, 3.2. */
static size_t unfold(uint8_t *p, size_t n)
{
    size_t to = 0, line = 0;

    for (size_t i = 0; i < n; i++) {
        if (p[i] == '\r') {
            ck_assert(i + 1 < n && p[i + 1] == '\n');
            line = 0;
            if (i + 2 < n && p[i + 2] == ' ') {
                ck_assert(i + 3 < n && (p[i + 3] & 0xc0) != 0x80);
                i += 2;
                line = 1;
                continue;
            }
            p[to++] = p[i++];
        } else {
            ck_assert_uint_le(++line, 75);
            ck_assert(p[i] >= ' ' || p[i] == '\t');
        }
        p[to++] = p[i];
    }
    return to;
}

/* Texts, parts and parameters through the writer, its lines by the rules, then the reader. */
CRM_TEST(test_io_vcard_write__what_is_written_is_read)
{
    uint64_t seed = crmtest_seed();

    for (size_t round = 0; round < crmtest_rounds(2000, 50000); round++) {
        char text[4][220], param[120];
        size_t n[4], pn = random_text(&seed, param, sizeof param), count = 1 + round % 4;
        crm__vcard_scratch s;
        crm__card_writer w;
        crm__vcard_prop p;
        crm__slice rest, part;
        crm_error err = CRM_ERROR_INIT;
        crm__buf b, got;
        int more = 1;
        crm__buf_init(&b, NULL);
        crm__buf_init(&got, NULL);
        crm__buf_reserve(&got, 1);
        crm__card_begin(&w, &b);
        b.n = 0;
        crm__card_name(&w, "g.X-TEXT");
        crm__card_param(&w, "X-P", (crm__slice){(uint8_t *)param, pn});
        for (size_t i = 0; i < count; i++) {
            n[i] = random_text(&seed, text[i], sizeof *text);
            crm__card_value(&w, ';', (crm__slice){(uint8_t *)text[i], n[i]});
        }
        crm__card_end_property(&w);
        ck_assert(!b.failed);
        b.n = unfold(b.p, b.n);
        ck_assert(b.n > 2 && b.p[b.n - 1] == '\n' && b.p[b.n - 2] == '\r');
        crm__vcard_scratch_init(&s, NULL);
        ck_assert_int_eq(crm__vcard_prop_parse(&s, (crm__slice){b.p, b.n - 2}, 0, &p, &err), 1);
        ck_assert(crm__vcard_is(p.group, "g") && crm__vcard_is(p.name, "X-TEXT"));
        ck_assert_uint_eq(p.count, 1);
        ck_assert_uint_eq(p.params[0].value.n, pn);
        ck_assert_mem_eq(p.params[0].value.p, param, pn);
        rest = p.value;
        for (size_t i = 0; i < count; i++) {
            ck_assert_int_eq(crm__vcard_part(&rest, &more, ';', &part), 1);
            got.n = 0;
            crm__vcard_text(&got, part);
            ck_assert_uint_eq(got.n, n[i]);
            ck_assert_mem_eq(got.p, text[i], n[i]);
        }
        ck_assert_int_eq(crm__vcard_part(&rest, &more, ';', &part), 0);
        crm__vcard_scratch_clear(&s);
        crm__buf_clear(&b);
        crm__buf_clear(&got);
    }
}

/* A file of random cards read as a table. */
CRM_TEST(test_io_vcard_write__a_table_of_cards)
{
    static const char *const NAMES[] = {"FN", "TITLE", "NOTE", "X-A", "URL"};
    uint64_t seed = crmtest_seed();
    size_t rows = crmtest_rounds(200, 5000);
    crm__card_writer w;
    crm__buf b, want;
    seen_table s;
    char *got;

    crm__buf_init(&b, NULL);
    crm__buf_init(&want, NULL);
    for (size_t i = 0; i < rows; i++) {
        size_t line = 1;
        for (size_t k = 0; k < b.n; k++)
            line += b.p[k] == '\n';
        crm__card_begin(&w, &b);
        crm__buf_add_fmt(&want, "%zu@%zu", i + 1, line);
        for (size_t k = 0; k < 5; k++) {
            char text[300];
            const char *p = text;
            size_t n = random_text(&seed, text, sizeof text);
            crm__card_put(&w, NAMES[k], (crm__slice){(uint8_t *)text, n});
            crm__utf8_trim(&p, &n);
            if (i == 0 && !n) { /* so that the columns are in this order */
                crm__card_put(&w, NAMES[k], slice("x"));
                p = "x";
                n = 1;
            }
            if (n)
                crm__buf_add_fmt(&want, " %s=%s%.*s", NAMES[k],
                                 n > 1 && !memcmp(p, CRM__CELL_EXACT, 2) ? CRM__CELL_EXACT : "",
                                 (int)n, p);
        }
        crm__buf_add_u8(&want, '\n');
        crm__card_end(&w);
    }
    crm__buf_add_u8(&want, 0);
    open_seen(&s, b.p, b.n, NULL);
    got = rows_of(&s);
    ck_assert_int_eq(s.rc, CRM_DONE);
    ck_assert_str_eq(got, (char *)want.p);
    free(got);
    close_seen(&s);
    crm__buf_clear(&b);
    crm__buf_clear(&want);
}
