/* SPDX-License-Identifier: MIT
 * Cards: any bytes are read into rows of texts, and these, written as cards, are read again.
 */
#include "fuzz_table.h"

#include "io/vcard_write.h"

static int is_plain(crm__slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((s.p[i] < ' ' && s.p[i] != '\n' && s.p[i] != '\t') || s.p[i] == 0x7f)
            return 0;
    }
    return s.n != 0;
}

/* Rows of one column, X-A: the texts that were written. */
static void check_written(const crm__buf *cards, const crm__buf *texts, size_t count)
{
    crm__table_options o = {"vcard", "UTF-8", 0, NULL};
    int fd = bytes_fd(cards->p, cards->n);
    crm__table_row row;
    crm__table *t;
    crm_error err;
    size_t at = 0;

    MUST(crm__table_open(NULL, &(crm__input){fd, NULL, NULL, NULL}, &o, &t, &err) == CRM_OK);
    for (size_t i = 0; i < count; i++) {
        const size_t mark = sizeof CRM__CELL_EXACT - 1;
        size_t n, extra;
        memcpy(&n, texts->p + at, sizeof n);
        at += sizeof n;
        /* What begins as the mark does gets one. */
        extra = n >= mark && memcmp(texts->p + at, CRM__CELL_EXACT, mark) == 0 ? mark : 0;
        MUST(crm__table_next(t, &row, &err) == CRM_OK);
        MUST(row.count == 1 && row.cells[0].text.n == extra + n);
        MUST(memcmp(row.cells[0].text.p, CRM__CELL_EXACT, extra) == 0);
        MUST(memcmp(row.cells[0].text.p + extra, texts->p + at, n) == 0);
        at += n;
    }
    MUST(crm__table_next(t, &row, &err) == CRM_DONE);
    crm__table_close(t);
    close(fd);
}

static void write_row(const crm__table_row *row, crm__buf *cards, crm__buf *texts, size_t *count)
{
    crm__card_writer w;

    for (size_t i = 0; i < row->count; i++) {
        crm__slice s = row->cells[i].text;
        if (!is_plain(s))
            continue;
        crm__card_begin(&w, cards);
        crm__card_put(&w, "X-A", s);
        crm__card_end(&w);
        crm__buf_add(texts, &s.n, sizeof s.n);
        crm__buf_add(texts, s.p, s.n);
        ++*count;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    crm__table_options o = {NULL, NULL, 0, NULL};
    crm__buf bytes, cards, texts;
    crm__table *t = NULL;
    crm__table_row row;
    crm_error err;
    size_t count = 0;
    uint64_t number = 0;
    int fd, rc;

    crm__buf_init(&bytes, NULL);
    crm__buf_init(&cards, NULL);
    crm__buf_init(&texts, NULL);
    if (size && data[0] & 1) /* as a card's content, else as a file */
        crm__buf_add_str(&bytes, "BEGIN:VCARD\n");
    crm__buf_add(&bytes, data + (size != 0), size - (size != 0));
    fd = bytes_fd(bytes.p, bytes.n);
    rc = crm__table_open(NULL, &(crm__input){fd, NULL, NULL, NULL}, &o, &t, &err);
    while (!rc) {
        rc = crm__table_next(t, &row, &err);
        if (rc)
            break;
        check_row(t, &row, number);
        number = row.number;
        if (strcmp(crm__table_info_of(t)->format, "vcard") == 0) /* their texts are trimmed */
            write_row(&row, &cards, &texts, &count);
    }
    if (t)
        check_columns(t);
    crm__table_close(t);
    close(fd);
    if (count)
        check_written(&cards, &texts, count);
    crm__buf_clear(&bytes);
    crm__buf_clear(&cards);
    crm__buf_clear(&texts);
    return 0;
}
