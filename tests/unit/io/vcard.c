/* SPDX-License-Identifier: MIT
 * Cards as programs really write them: folds, groups, encodings, character sets, what is broken.
 */
#include "io/vcard.h"
#include "table_test.h"

#include <zlib.h>

#define CARD(s) "BEGIN:VCARD\r\nVERSION:3.0\r\n" s "END:VCARD\r\n"

static void expect(const char *text, const char *want)
{
    expect_rows(text, strlen(text), NULL, want);
}

CRM_TEST(test_io_vcard__a_card_of_each_version)
{
    expect(
        "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Simon Perreault\r\nN:Perreault;Simon;;;ing. jr,M.Sc.\r\n"
        "BDAY:--0203\r\nGENDER:M\r\nLANG;PREF=1:fr\r\nORG;TYPE=work:Viagenie\r\n"
        "ADR;TYPE=work:;Suite D2-630;2875 Laurier;Quebec;QC;G1V 2M2;Canada\r\n"
        "TEL;VALUE=uri;TYPE=\"work,voice\";PREF=1:tel:+1-418-656-9254;ext=102\r\n"
        "TEL;VALUE=uri;TYPE=\"work,cell,voice,video,text\":tel:+1-418-262-6501\r\n"
        "EMAIL;TYPE=work:simon.perreault@viagenie.ca\r\nUID:urn:uuid:4fbe8971\r\nEND:VCARD\r\n",
        "1@1 FN=Simon Perreault N;family=Perreault N;given=Simon N;suffix=ing. jr M.Sc. "
        "BDAY=--0203 GENDER=M LANG=fr ORG;name=Viagenie ADR;extended=Suite D2-630 "
        "ADR;street=2875 Laurier ADR;city=Quebec ADR;region=QC ADR;code=G1V 2M2 "
        "ADR;country=Canada TEL;work=+1-418-656-9254 ext 102 TEL;cell=+1-418-262-6501 "
        "EMAIL;work=simon.perreault@viagenie.ca UID=urn:uuid:4fbe8971\n");
    expect("begin:vcard\nversion:3.0\nfn:张伟\nn:张;伟;;;\ntel;type=CELL;type=VOICE;type=pref:138\n"
           "tel;type=HOME,FAX:010\norg:示例公司;采购部;一组\nend:vcard\n",
           "1@1 FN=张伟 N;family=张 N;given=伟 TEL;cell=138 TEL;fax=010 ORG;name=示例公司 "
           "ORG;unit=采购部 / 一组\n");
    expect("BEGIN:VCARD\nVERSION:2.1\nN:Public;John;Q.;Mr.;Esq.\nFN:Mr. John Q. Public, Esq.\n"
           "TEL;WORK;VOICE;MSG:+1 555\nTEL;HOME:+1 666\nTEL;CELL;PREF:+1 777\nTEL:+1 888\n"
           "EMAIL;INTERNET:j@x.org\nEND:VCARD\n",
           "1@1 N;family=Public N;given=John N;additional=Q. N;prefix=Mr. N;suffix=Esq. "
           "FN=Mr. John Q. Public, Esq. TEL;work=+1 555 TEL;home=+1 666 TEL;cell=+1 777 "
           "TEL=+1 888 EMAIL=j@x.org\n");
}

CRM_TEST(test_io_vcard__columns_grow_and_cells_are_in_their_order)
{
    expect(CARD("FN:A\r\nTEL:1\r\n") CARD("NOTE:n\r\nTEL:2\r\nFN:B\r\nTEL:3\r\n") CARD("FN:C\r\n"),
           "1@1 FN=A TEL=1\n2@6 FN=B TEL=2 TEL=3 NOTE=n\n3@13 FN=C\n");
    expect(CARD(""), "1@1 !16\n");
}

CRM_TEST(test_io_vcard__folded_lines)
{
    /* As it should be, with a tab, in the name and parameters, with LF and CR alone. */
    expect(CARD("NOTE:This is a lo\r\n ng note\r\n\t.\r\n"), "1@1 NOTE=This is a long note.\n");
    expect(CARD("TEL;TYPE=\r\n CELL:1\r\nNO\r\n TE:x\r\n"), "1@1 TEL;cell=1 NOTE=x\n");
    expect("BEGIN:VCARD\nNOTE:a\n b\nEND:VCARD\n", "1@1 NOTE=ab\n");
    expect("BEGIN:VCARD\rNOTE:a\r b\rEND:VCARD\r", "1@1 NOTE=ab\n");
    /* A note that goes on without any white space, even with a colon or nothing in it. */
    expect(CARD("NOTE:first\r\nsecond line\r\nthird one: with colon\r\nTEL:1\r\n"),
           "1@1 NOTE=first\nsecond line\nthird one: with colon TEL=1\n");
    expect(CARD("NOTE:a\r\n\r\n\r\nTEL:1\r\n"), "1@1 NOTE=a TEL=1\n");
}

/* Old programs fold at a byte, whatever character it is in. */
CRM_TEST(test_io_vcard__folds_within_characters)
{
    static const char TEXT[] = "FN:张伟a欧阳é😀b";
    size_t n = sizeof TEXT - 1;

    for (size_t at = 4; at < n; at++) {
        for (size_t next = at + 4; next <= n; next++) { /* lines are not that short */
            char card[200];
            snprintf(card, sizeof card, "BEGIN:VCARD\r\n%.*s\r\n %.*s\n\t%s\r\nEND:VCARD\r\n",
                     (int)at, TEXT, (int)(next - at), TEXT + at, TEXT + next);
            if (next < n)
                expect(card, "1@1 FN=张伟a欧阳é😀b\n");
        }
    }
}

/* The same where the input is long, in pieces of every size. */
typedef struct pieces {
    const char *p;
    size_t n, step;
} pieces;

static int fill(void *ctx, void *to, size_t cap, size_t *n, crm_error *err)
{
    pieces *s = ctx;

    (void)err;
    *n = s->n < s->step ? s->n : s->step;
    *n = *n < cap ? *n : cap;
    memcpy(to, s->p, *n);
    s->p += *n;
    s->n -= *n;
    return CRM_OK;
}

CRM_TEST(test_io_vcard__folds_within_characters_of_long_texts)
{
    static const char *const CHARS[] = {"张", "é", "a", "😀", "伟"};
    uint64_t seed = crmtest_seed();

    for (size_t round = 0; round < crmtest_rounds(20, 300); round++) {
        crm__buf folded, plain, got;
        crm__vcard_mend *m;
        crm_error err = CRM_ERROR_INIT;
        pieces from;
        size_t n = 1, line = 0, count = round % 2 ? 40000 : 300;
        crm__buf_init(&folded, NULL);
        crm__buf_init(&plain, NULL);
        crm__buf_init(&got, NULL);
        while (plain.n < count) {
            const char *c = CHARS[crmtest_below(&seed, 5)];
            for (; *c; c++) {
                if (line++ > 5 && crmtest_below(&seed, 8) == 0) {
                    crm__buf_add_str(&folded, crmtest_below(&seed, 2) ? "\r\n " : "\n\t");
                    line = 0;
                }
                crm__buf_add_u8(&folded, (uint8_t)*c);
                crm__buf_add_u8(&plain, (uint8_t)*c);
            }
        }
        from = (pieces){(const char *)folded.p, folded.n, 1 + crmtest_below(&seed, 100000)};
        ck_assert_int_eq(crm__vcard_mend_open(NULL, fill, &from, &m, &err), CRM_OK);
        while (n) {
            uint8_t *to = crm__buf_reserve(&got, 5000);
            ck_assert_int_eq(crm__vcard_mend_fill(m, to, 1 + crmtest_below(&seed, 5000), &n, &err),
                             CRM_OK);
            got.n += n;
        }
        crm__vcard_mend_close(m);
        ck_assert_uint_eq(got.n, folded.n);
        /* Unfolded it is the text, and no fold stands within a character any more. */
        n = 0;
        for (size_t i = 0; i < got.n; i++) {
            if (got.p[i] == '\r' || got.p[i] == '\n' || got.p[i] == ' ' || got.p[i] == '\t') {
                ck_assert(i + 1 == got.n || (got.p[i + 1] & 0xc0) != 0x80);
                continue;
            }
            ck_assert_uint_lt(n, plain.n);
            ck_assert_int_eq(got.p[i], plain.p[n++]);
        }
        ck_assert_uint_eq(n, plain.n);
        crm__buf_clear(&folded);
        crm__buf_clear(&plain);
        crm__buf_clear(&got);
    }
}

CRM_TEST(test_io_vcard__quoted_printable)
{
    expect("BEGIN:VCARD\nVERSION:2.1\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=E5=BC=A0;=E4=BC="
           "9F;;;\n"
           "NOTE;ENCODING=QUOTED-PRINTABLE:a=3Db=\n c=\nd=0D=0Ae\nTEL;CELL:1\nEND:VCARD\n",
           "1@1 N;family=张 N;given=伟 NOTE=a=b cd\ne TEL;cell=1\n");
    /* A fold behind the soft break, which belongs to neither. */
    expect(
        "BEGIN:VCARD\nNOTE;QUOTED-PRINTABLE;CHARSET=utf-8:=E5=BC=A0=\n =E4=BC=9F=E4=\r\n =BD=A0\n"
        "END:VCARD\n",
        "1@1 NOTE=张伟你\n");
    /* One in the last line, and what is no hexadecimal number. */
    expect("BEGIN:VCARD\nNOTE;ENCODING=quoted-printable:50=% =zz "
           "=4\nTITLE;ENCODING=QUOTED-PRINTABLE:x=\n"
           "END:VCARD\n",
           "1@1 NOTE=50=% =zz =4 TITLE=x\n");
    /* A zero is no text. */
    expect("BEGIN:VCARD\nNOTE;ENCODING=QUOTED-PRINTABLE:a=00b\nEND:VCARD\n",
           "1@1 !32 NOTE=a\xef\xbf\xbd"
           "b\n");
}

CRM_TEST(test_io_vcard__character_sets)
{
    expect("BEGIN:VCARD\nFN;CHARSET=GBK;ENCODING=QUOTED-PRINTABLE:=D5=C5=CE=B0\n"
           "TITLE;CHARSET=GB2312;ENCODING=QUOTED-PRINTABLE:=BE=AD=C0=ED\n"
           "ROLE;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:M=FCller\n"
           "NOTE;ENCODING=QUOTED-PRINTABLE:=D5=C5=CE=B0=CF=C8=C9=FA\n"
           "NICKNAME;CHARSET=X-NONE;ENCODING=QUOTED-PRINTABLE:=E5=BC=A0\nEND:VCARD\n",
           "1@1 FN=张伟 TITLE=经理 ROLE=Müller NOTE=张伟先生 NICKNAME=张\n");
    /* What looks like UTF-8 is what it says it is. */
    expect("BEGIN:VCARD\nFN;CHARSET=GBK;ENCODING=QUOTED-PRINTABLE:=C1=AA=CD=A8\nEND:VCARD\n",
           "1@1 FN=联通\n");
    expect("BEGIN:VCARD\nFN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:a=FFb\nEND:VCARD\n",
           "1@1 !32 FN=a\xef\xbf\xbd"
           "b\n");
    /* Bytes as they are, in a file of that set. */
    expect("BEGIN:VCARD\nFN;CHARSET=GBK:\xd5\xc5\xce\xb0\nNOTE:\xd5\xc5\xce\xb0\xcf\xc8\xc9\xfa\n"
           "END:VCARD\n",
           "1@1 FN=张伟 NOTE=张伟先生\n");
}

CRM_TEST(test_io_vcard__base64)
{
    /* With folds, with an empty line behind, without any; a text in it is one. */
    expect(CARD("PHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQSkZJRg\r\n ABAQEASABIAAD\r\nTEL:1\r\n"),
           "1@1 TEL=1\n");
    expect(
        "BEGIN:VCARD\nPHOTO;JPEG;BASE64:\n  /9j/4AAQSkZJRg\n  ABAQEASABIAAD\n\nTEL:1\nEND:VCARD\n",
        "1@1 TEL=1\n");
    expect("BEGIN:VCARD\nLOGO;BASE64:/9j/4AAQSkZJRg\nABAQEASABIAAD==\nTEL:1\nEND:VCARD\n",
           "1@1 TEL=1\n");
    expect(CARD("FN;ENCODING=B:5byg5Lyf\r\nX-BLOB;ENCODING=B:AAECAwQ=\r\n"), "1@1 FN=张伟\n");
    expect(CARD("PHOTO:data:image/jpeg;base64,/9j/4AAQ\r\nFN:A\r\n"), "1@1 FN=A\n");
    expect(CARD("PHOTO;VALUE=uri:http://x.org/a.jpg\r\n"), "1@1 PHOTO=http://x.org/a.jpg\n");
}

CRM_TEST(test_io_vcard__a_large_picture_is_passed_over)
{
    crm__buf b;
    seen_table s;
    char *rows;

    crm__buf_init(&b, NULL);
    crm__buf_add_str(&b, "BEGIN:VCARD\nFN:A\nPHOTO;ENCODING=b:");
    for (int i = 0; i < 60000; i++)
        crm__buf_add_str(&b, "\n /9j/4AAQSkZJRgABAQEASABIAAD/2wBDAAEB");
    crm__buf_add_str(&b, "\nTEL:1\nEND:VCARD\nBEGIN:VCARD\nNOTE:");
    for (int i = 0; i < 200000; i++)
        crm__buf_add_str(&b, "0123456789");
    crm__buf_add_str(&b, "\nTEL:1\nEND:VCARD\nBEGIN:VCARD\nFN:B\nEND:VCARD\n");
    open_seen(&s, b.p, b.n, NULL);
    rows = rows_of(&s);
    ck_assert_str_eq(rows, "1@1 FN=A TEL=1\n2@60006 !64\n3@60010 FN=B\n");
    free(rows);
    close_seen(&s);
    crm__buf_clear(&b);
}

CRM_TEST(test_io_vcard__escapes)
{
    expect(CARD("NOTE:a\\nb\\Nc\\, d\\; e\\: f\\\\g C:\\x \\\r\n"),
           "1@1 NOTE=a\nb\nc, d; e: f\\g C:\\x \\\n");
    expect(CARD("N:a\\;b;c\\,d,e;;;\r\nORG:A\\;B;C\r\nURL:http\\://x.org/a\\,b\r\n"),
           "1@1 N;family=a;b N;given=c,d e ORG;name=A;B ORG;unit=C URL=http://x.org/a,b\n");
    expect(CARD("CATEGORIES:a,b\\,c,,d\r\nNICKNAME:x,y\r\n"),
           "1@1 CATEGORIES=a CATEGORIES=b,c CATEGORIES=d NICKNAME=x NICKNAME=y\n");
}

CRM_TEST(test_io_vcard__groups_and_labels)
{
    expect(CARD("item1.TEL:1\r\nitem1.X-ABLabel:_$!<Mobile>!$_\r\nitem2.TEL;type=pref:2\r\n"
                "item2.X-ABLabel:老板\r\nitem3.TEL:3\r\nitem3.X-ABLabel:工作\r\n"
                "item4.EMAIL;type=INTERNET:a@x.org\r\nitem4.X-ABLabel:_$!<Work>!$_\r\n"
                "item5.ADR;type=HOME:;;s;c;r;p;China\r\nitem5.X-ABADR:cn\r\nTEL;HOME:4\r\n"),
           "1@1 TEL;cell=1 TEL=2 TEL;work=3 EMAIL;work=a@x.org ADR;street=s ADR;city=c "
           "ADR;region=r ADR;code=p ADR;country=China TEL;home=4\n");
}

CRM_TEST(test_io_vcard__the_first_address_counts)
{
    expect(CARD("ADR;TYPE=WORK:;;;;;;\r\nADR;TYPE=HOME:Box 1;;Street 1\\nHouse 2;City;;12345;\r\n"
                "ADR;TYPE=WORK:;;Other;Town;;;Land\r\n"),
           "1@1 ADR;box=Box 1 ADR;street=Street 1\nHouse 2 ADR;city=City ADR;code=12345 "
           "ADR;other=Other, Town, Land\n");
}

CRM_TEST(test_io_vcard__days)
{
    expect(CARD("BDAY:19850412\r\n") CARD("BDAY:1985-04-12\r\n") CARD("BDAY:19850412T102200Z\r\n")
               CARD("BDAY:1985-04-12T10:22:00+08:00\r\n") CARD("BDAY:--0412\r\n")
                   CARD("BDAY:1985-04\r\n") CARD("BDAY;VALUE=text:circa 1800\r\n")
                       CARD("BDAY;X-APPLE-OMIT-YEAR=1604:1604-04-12\r\n")
                           CARD("ANNIVERSARY:20090808\r\n"),
           "1@1 BDAY=1985-04-12\n2@5 BDAY=1985-04-12\n3@9 BDAY=1985-04-12\n4@13 BDAY=1985-04-12\n"
           "5@17 BDAY=--0412\n6@21 BDAY=1985-04\n7@25 BDAY=circa 1800\n8@29 BDAY=--0412\n"
           "9@33 ANNIVERSARY=2009-08-08\n");
}

CRM_TEST(test_io_vcard__cards_within_cards)
{
    expect("BEGIN:VCARD\nVERSION:2.1\nFN:A\nAGENT:\nBEGIN:VCARD\nFN:B\nAGENT:\nBEGIN:VCARD\nFN:C\n"
           "END:VCARD\nEND:VCARD\nTEL:1\nEND:VCARD\nBEGIN:VCARD\nFN:D\nEND:VCARD\n",
           "1@1 FN=A TEL=1\n2@14 FN=D\n");
    expect(CARD("AGENT:BEGIN:VCARD\\nFN:Susan\\nEND:VCARD\\n\r\nFN:A\r\n"), "1@1 FN=A\n");
    expect("BEGIN:VCARD\nAGENT:BEGIN:VCARD\nFN:B\nEND:VCARD\nFN:A\nEND:VCARD\n", "1@1 FN=A\n");
}

CRM_TEST(test_io_vcard__a_broken_card_does_not_stop_the_next)
{
    expect("BEGIN:VCARD\nFN:A\nBEGIN:VCARD\nFN:B\nEND:VCARD\n", "1@1 !64 FN=A\n2@3 FN=B\n");
    expect("BEGIN:VCARD\nFN:A\nEND:VCARD\nBEGIN:VCARD\nFN:B\n", "1@1 FN=A\n2@4 !64 FN=B\n");
    expect("BEGIN:VCARD\nrubbish\nFN:A\nEND:VCARD\nBEGIN:VCARD\nFN:B\nEND:VCARD\n",
           "1@1 !64 FN=A\n2@5 FN=B\n");
    expect(CARD("FN:A\r\n") "rubbish\r\nmore: of it\r\n" CARD("FN:B\r\n"),
           "1@1 FN=A\n2@5 !64\n3@7 FN=B\n");
    expect("BEGIN:VCARD\nEND:VCARD\nEND:VCARD\nBEGIN:VCARD\nFN:B\nEND:VCARD",
           "1@1 !16\n2@3 !64\n3@4 FN=B\n");
    /* Twice the same is nothing broken. */
    expect("BEGIN:VCARD\nVERSION:3.0\nPRODID:x\nVERSION:3.0\nPRODID:y\nFN:A\nEND:VCARD\n",
           "1@1 FN=A\n");
}

/* What says that it is to be taken as it stands has the mark of such a cell, and so has what begins
 * with it by chance; but not a tag. */
CRM_TEST(test_io_vcard__texts_as_they_stand)
{
    expect(CARD("FN;X-CRM=exact:N/A\r\nNOTE:\\\\=x\r\nORG;X-CRM=exact:a;b\r\nTITLE:N/A\r\n"
                "CATEGORIES:\\\\=t\r\nTEL;TYPE=cell;X-CRM=exact: 1\r\n"),
           "1@1 FN=\\=N/A NOTE=\\=\\=x ORG;name=\\=a ORG;unit=\\=b TITLE=N/A CATEGORIES=\\=t "
           "TEL;cell=\\=1\n");
    expect(CARD("FN;X-CRM=derived:a@example.com\r\nEMAIL:a@example.com\r\n"),
           "1@1 EMAIL=a@example.com\n");
}

CRM_TEST(test_io_vcard__too_many_properties)
{
    crm__buf b;

    crm__buf_init(&b, NULL);
    crm__buf_add_str(&b, "BEGIN:VCARD\n");
    for (int i = 0; i < 4097; i++)
        crm__buf_add_str(&b, "TEL:1\n");
    crm__buf_add_str(&b, "END:VCARD\nBEGIN:VCARD\nFN:B\nEND:VCARD\n");
    expect_rows(b.p, b.n, NULL, "1@1 !64\n2@4100 FN=B\n");
    b.n = 0;
    crm__buf_add_str(&b, "BEGIN:VCARD\n");
    for (int i = 0; i < CRM__TABLE_COLUMNS; i++)
        crm__buf_add_fmt(&b, "X-N%d:1\n", i);
    crm__buf_add_str(&b, "END:VCARD\nBEGIN:VCARD\nFN:B\nEND:VCARD\n");
    expect_rows(b.p, b.n, NULL, "1@1 !64\n2@4099 FN=B\n");
    /* many cards have them together */
    b.n = 0;
    for (int card = 0; card < 10; card++) {
        crm__buf_add_str(&b, "BEGIN:VCARD\nFN:B\n");
        for (int i = 0; i < 500; i++)
            crm__buf_add_fmt(&b, "X-N%d:1\n", card * 500 + i);
        crm__buf_add_str(&b, "END:VCARD\n");
    }
    {
        seen_table s;
        crm__table_row row;
        open_seen(&s, b.p, b.n, NULL);
        for (int card = 0; card < 10; card++) {
            ck_assert_int_eq(crm__table_next(s.t, &row, &s.err), CRM_OK);
            ck_assert_uint_eq(row.count, card < 8 ? 501 : 0);
            ck_assert_uint_eq(row.flags, card < 8 ? 0 : CRM__ROW_BROKEN);
        }
        ck_assert_int_eq(crm__table_next(s.t, &row, &s.err), CRM_DONE);
        ck_assert_uint_eq(crm__table_columns(s.t), 4001);
        close_seen(&s);
    }
    crm__buf_clear(&b);
}

CRM_TEST(test_io_vcard__other_names_stand_as_they_are)
{
    expect(CARD("X-QQ:12345\r\nx-wechat;TYPE=home:zw\r\nX-微信:zw2\r\nIMPP;X-SERVICE-TYPE=Skype:"
                "skype:a\r\n"
                "KIND:individual\r\nTITLE:CEO\r\nROLE:x\r\nREV:20240101\r\n"),
           "1@1 X-QQ=12345 X-WECHAT=zw X-微信=zw2 IMPP=skype:a KIND=individual TITLE=CEO ROLE=x\n");
    expect(CARD("TEL;X=\"a;b:c\";TYPE=CELL:1\r\nTEL;TYPE=\"unclosed:2\r\nEMAIL;TYPE=home:mailto:a@"
                "x\r\n"),
           "1@1 TEL;cell=1 TEL=2 EMAIL;home=a@x\n");
}

CRM_TEST(test_io_vcard__says_what_it_is)
{
    static const char TEXT[] = "\xff\xfe"
                               "B\0E\0G\0I\0N\0:\0V\0C\0A\0R\0D\0\n\0V\0E\0R\0S\0I\0O\0N\0:\0"
                               "4\0.\0"
                               "0\0\n\0"
                               "F\0N\0:\0\x20\x5f\n\0E\0N\0D\0:\0V\0C\0A\0R\0D\0\n\0";
    crm__table_row row;
    seen_table s;

    open_seen(&s, TEXT, sizeof TEXT - 1, NULL);
    ck_assert_int_eq(s.rc, CRM_OK);
    ck_assert_int_eq(crm__table_next(s.t, &row, &s.err), CRM_OK);
    ck_assert_uint_eq(row.count, 1);
    ck_assert_mem_eq(row.cells[0].text.p, "张", 3);
    ck_assert_str_eq(crm__table_info_of(s.t)->format, "vcard");
    ck_assert_str_eq(crm__table_info_of(s.t)->encoding, "UTF-16LE");
    ck_assert_str_eq(crm__table_info_of(s.t)->version, "4.0");
    close_seen(&s);
    /* Behind a mark, blank lines; with blanks about. */
    expect("\xef\xbb\xbf\r\n\r\nBegin : vCard \r\nFN:A\r\nend:vcard\r\n", "1@3 FN=A\n");
}

/* Whatever the bytes are, rows end. */
CRM_TEST(test_io_vcard__damaged_files)
{
    static const char GOOD[] =
        "BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=GBK;ENCODING=QUOTED-PRINTABLE:=D5=C5;=CE=\r\n="
        "B0\r\n"
        "item1.TEL;TYPE=\"cell,voice\":+86\r\n 138\r\nitem1.X-ABLabel:x\r\nPHOTO;BASE64:abcd\r\n "
        "efgh\r\n\r\n"
        "ADR:;;a;b;c;d;e\r\nAGENT:\r\nBEGIN:VCARD\r\nEND:VCARD\r\nNOTE:a\\nb\r\nEND:VCARD\r\n";
    static const char SIGNS[] = "\r\n \t:;,.=\\\"^\x80\xff\xe5\0B";
    uint64_t seed = crmtest_seed();

    for (size_t round = 0; round < crmtest_rounds(1500, 40000); round++) {
        char text[sizeof GOOD];
        size_t n = sizeof GOOD - 1;
        seen_table s;
        memcpy(text, GOOD, n);
        for (size_t k = 0; k <= crmtest_below(&seed, 6); k++)
            text[12 + crmtest_below(&seed, n - 12)] = SIGNS[crmtest_below(&seed, sizeof SIGNS - 1)];
        open_seen(&s, text, crmtest_below(&seed, 3) ? n : 12 + crmtest_below(&seed, n - 12), NULL);
        free(rows_of(&s));
        ck_assert(s.rc == CRM_DONE || s.rc == CRM_ESYNTAX);
        close_seen(&s);
    }
}
