/* SPDX-License-Identifier: MIT
 * Mappings: any text is refused with a place or read; any names of columns get something or
 * nothing; what is written is read back to the same text; any cells fill a customer or an event, or
 * are told as faults that do not repeat them.
 */
#include "fuzz.h"

#include "base/utf8.h"
#include "io/mapping.h"

#include <crm/crm.h>

enum { NAMES = 24, CELLS = 48 };

static crm_db *db;

static void open_database(void)
{
    if (db)
        return;
    MUST(crm_db_open(fuzz_folder(), NULL, &db, NULL) == CRM_OK);
}

/* Every byte of the input that is no text becomes "?". */
static char *text_of(const uint8_t *data, size_t size)
{
    char *s = malloc(size + 1);
    size_t at = 0;

    MUST(s);
    if (size)
        memcpy(s, data, size);
    s[size] = 0;
    while ((at += crm__utf8_valid(s + at, size - at)) < size)
        s[at] = '?';
    return s;
}

typedef struct told {
    int count;
    size_t columns;
} told;

static void on_fault(void *ctx, const crm__cell_fault *f)
{
    told *t = ctx;

    t->count++;
    MUST(f->field && f->what && f->hint && *f->what && !strchr(f->what, '\n'));
    MUST(f->column == UINT32_MAX || f->column < t->columns);
    MUST(f->code < 0);
}

static void check_told(const crm__mapping *m)
{
    for (size_t i = 0; i < crm__mapping_count(m); i++) {
        const crm__mapped *x = crm__mapping_at(m, i);
        MUST(x && x->key && x->source && x->program && x->why);
        MUST(x->use <= CRM__USE_TAG && x->found <= CRM__FOUND_KNOWN);
        MUST(
            (x->use != CRM__USE_FIELD && x->use != CRM__USE_PART && x->use != CRM__USE_ATTRIBUTE) ||
            *x->key);
        MUST(x->use == CRM__USE_NONE || !*x->why);
    }
    MUST(!crm__mapping_at(m, crm__mapping_count(m)));
}

/* What is written is read back; then it is written the same. */
static void check_written(crm_txn *txn, const crm__mapping *m, unsigned what)
{
    crm__mapping_options o;
    crm__mapping *again = NULL;
    crm__buf first, second;
    crm_error err = CRM_ERROR_INIT;

    memset(&o, 0, sizeof o);
    crm__buf_init(&first, NULL);
    crm__buf_init(&second, NULL);
    MUST(crm__mapping_write(m, 0, &first) == CRM_OK);
    o.what = what;
    o.text = (const char *)first.p;
    o.text_n = first.n;
    MUST(crm__mapping_new(txn, &o, &again, &err) == CRM_OK);
    MUST(crm__mapping_write(again, 0, &second) == CRM_OK);
    MUST(first.n == second.n && !memcmp(first.p, second.p, first.n));
    crm__mapping_free(again);
    crm__buf_clear(&first);
    crm__buf_clear(&second);
}

/* Pieces of the input apart by "|". */
static size_t cut(const char **at, crm__slice *out, size_t most)
{
    size_t n = 0, end = strcspn(*at, "\n");
    const char *p = *at, *stop = p + end;

    while (n < most) {
        const char *bar = memchr(p, '|', (size_t)(stop - p));
        out[n++] = (crm__slice){(const uint8_t *)p, (size_t)((bar ? bar : stop) - p)};
        if (!bar)
            break;
        p = bar + 1;
    }
    *at = *stop ? stop + 1 : stop;
    return n;
}

static void fill(crm_txn *txn, crm__mapping *m, unsigned what, const char *rest)
{
    crm__slice text[CELLS];
    crm__cell cells[CELLS];
    crm__table_row row;
    crm_customer *c;
    crm_event *e;
    told t = {0, crm__mapping_count(m)};
    crm_id id;

    MUST(crm_customer_new(txn, &c, NULL) == CRM_OK && crm_event_new(txn, &e, NULL) == CRM_OK);
    for (int i = 0; i < 8 && *rest; i++) {
        int rc;
        memset(&row, 0, sizeof row);
        row.count = cut(&rest, text, CELLS);
        row.cells = cells;
        for (size_t k = 0; k < row.count; k++)
            cells[k] = (crm__cell){(uint32_t)k, text[k]};
        crm__mapping_sample(m, &row);
        t.count = 0;
        crm_customer_clear(c);
        crm_event_clear(e);
        rc = what == CRM__MAP_EVENTS ? crm__mapping_event(m, &row, e, &id, on_fault, &t, NULL)
                                     : crm__mapping_customer(m, &row, c, &id, on_fault, &t, NULL);
        MUST(rc == CRM_OK || rc == CRM_EVALUE ||
             (what == CRM__MAP_EVENTS && (rc == CRM_ENOTFOUND || rc == CRM_ECONFLICT)));
        MUST((rc != CRM_OK) == (t.count > 0));
    }
    crm_customer_free(c);
    crm_event_free(e);
}

/* First byte: what the rows are, and how long the mapping is, in lines; then that, a line of names,
 * lines of cells. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    crm__mapping_options o;
    crm__mapping *m = NULL;
    crm_error err = CRM_ERROR_INIT;
    crm__slice names[NAMES];
    crm_txn *txn;
    unsigned lines = size ? data[0] >> 3 : 0;
    char *text;
    const char *at;
    int rc;

    open_database();
    memset(&o, 0, sizeof o);
    o.what = size && data[0] & 1 ? CRM__MAP_EVENTS : CRM__MAP_CUSTOMERS;
    o.kind = size && data[0] & 2 ? (o.what == CRM__MAP_EVENTS ? "order" : "organisation") : NULL;
    text = text_of(size ? data + 1 : data, size ? size - 1 : 0);
    for (at = text; lines && *at; at++)
        lines -= *at == '\n';
    o.text = at == text ? NULL : text;
    o.text_n = (size_t)(at - text);
    MUST(crm_txn_begin(db, CRM_READ, NULL, &txn, NULL) == CRM_OK);
    rc = crm__mapping_new(txn, &o, &m, &err);
    MUST(rc == CRM_OK || ((rc == CRM_ESYNTAX || rc == CRM_EFIELD) && !m && *err.message));
    if (!rc) {
        size_t n = cut(&at, names, NAMES);
        MUST(crm__mapping_names(m, names, n, data[0] >> 2 & 1, &err) == CRM_OK);
        check_told(m);
        check_written(txn, m, o.what);
        rc = crm__mapping_judge(m, &err);
        MUST(rc == CRM_OK || rc == CRM_EFIELD);
        fill(txn, m, o.what, at);
        check_written(txn, m, o.what);
        crm__mapping_free(m);
    }
    crm_txn_abort(txn);
    free(text);
    return 0;
}
