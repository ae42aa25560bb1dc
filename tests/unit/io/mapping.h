/* SPDX-License-Identifier: MIT
 * What the tests of the mapping share: a database with a model, columns by name, rows of texts,
 * faults kept.
 */
#ifndef MAPPING_TEST_H
#define MAPPING_TEST_H

#include "crmtest.h"
#include "io/mapping.h"

#include <crm/crm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OK(call) ck_assert_int_eq(call, CRM_OK)

enum { MAP_CELLS = 64, MAP_FAULTS = 64 };

typedef struct kept_fault {
    uint32_t column;
    int code;
    char field[CRM_FIELD_SIZE], what[CRM_MESSAGE_SIZE], hint[CRM_MESSAGE_SIZE];
} kept_fault;

typedef struct mapping_world {
    crm_db *db;
    crm_txn *txn;
    crm__mapping *m;
    crm_customer *c;
    crm_event *e;
    crm_error err;
    crm__cell cells[MAP_CELLS];
    crm__table_row row;
    kept_fault faults[MAP_FAULTS];
    int count;
} mapping_world;

static inline crm__slice slice(const char *s)
{
    return (crm__slice){(const uint8_t *)s, strlen(s)};
}

/* yaml: NULL: the model that every new database has. */
static inline void world_open(mapping_world *w, const char *yaml)
{
    memset(w, 0, sizeof *w);
    crm_error_init(&w->err);
    OK(crm_db_open(crmtest_path("map.crm"), NULL, &w->db, NULL));
    OK(crm_txn_begin(w->db, CRM_WRITE, NULL, &w->txn, NULL));
    if (yaml)
        ck_assert_msg(!crm_model_apply(w->txn, yaml, CRM_NUL, CRM_FORCE, NULL, NULL, &w->err), "%s",
                      w->err.message);
    OK(crm_customer_new(w->txn, &w->c, NULL));
    OK(crm_event_new(w->txn, &w->e, NULL));
}

static inline void world_close(mapping_world *w)
{
    crm__mapping_free(w->m);
    crm_customer_free(w->c);
    crm_event_free(w->e);
    crm_txn_abort(w->txn);
    crm_db_close(w->db);
}

/* Columns apart by "|". */
static inline int world_names(mapping_world *w, const char *names, int card)
{
    crm__slice list[MAP_CELLS];
    size_t n = 0;

    while (names && n < MAP_CELLS) {
        const char *end = strchr(names, '|');
        list[n++] =
            (crm__slice){(const uint8_t *)names, end ? (size_t)(end - names) : strlen(names)};
        names = end ? end + 1 : NULL;
    }
    return crm__mapping_names(w->m, list, n, card, &w->err);
}

static inline int world_map(mapping_world *w, unsigned what, const char *text, const char *kind,
                            const char *names)
{
    crm__mapping_options o;
    int rc;

    memset(&o, 0, sizeof o);
    o.what = what;
    o.text = text;
    o.text_n = text ? strlen(text) : 0;
    o.kind = kind;
    crm__mapping_free(w->m);
    w->m = NULL;
    rc = crm__mapping_new(w->txn, &o, &w->m, &w->err);
    return rc || !names ? rc : world_names(w, names, 0);
}

static inline void on_fault(void *ctx, const crm__cell_fault *f)
{
    mapping_world *w = ctx;
    kept_fault *k;

    ck_assert_int_lt(w->count, MAP_FAULTS);
    k = &w->faults[w->count++];
    k->column = f->column;
    k->code = f->code;
    snprintf(k->field, sizeof k->field, "%s", f->field);
    snprintf(k->what, sizeof k->what, "%s", f->what);
    snprintf(k->hint, sizeof k->hint, "%s", f->hint);
}

/* Cells apart by "|". */
static inline void world_row(mapping_world *w, const char *cells)
{
    uint32_t n = 0;

    while (cells && n < MAP_CELLS) {
        const char *end = strchr(cells, '|');
        w->cells[n].column = n;
        w->cells[n].text =
            (crm__slice){(const uint8_t *)cells, end ? (size_t)(end - cells) : strlen(cells)};
        n++;
        cells = end ? end + 1 : NULL;
    }
    memset(&w->row, 0, sizeof w->row);
    w->row.cells = w->cells;
    w->row.count = n;
}

static inline int world_customer(mapping_world *w, const char *cells, crm_id *id)
{
    crm_id none;

    world_row(w, cells);
    w->count = 0;
    crm_customer_clear(w->c);
    return crm__mapping_customer(w->m, &w->row, w->c, id ? id : &none, on_fault, w, &w->err);
}

static inline int world_event(mapping_world *w, const char *cells, crm_id *customer)
{
    world_row(w, cells);
    w->count = 0;
    crm_event_clear(w->e);
    return crm__mapping_event(w->m, &w->row, w->e, customer, on_fault, w, &w->err);
}

/* Value i of a field of the customer; "" when there is none. */
static inline const char *world_value(mapping_world *w, const char *key, size_t i)
{
    static char room[8][512];
    static int next;
    char *out = room[next = (next + 1) % 8];
    const char *text;
    crm_field f;
    size_t n;

    out[0] = 0;
    OK(crm_field_find(w->txn, key, CRM_NUL, &f, NULL));
    if (!crm_customer_text(w->c, &f, i, &text, &n, NULL))
        snprintf(out, sizeof room[0], "%.*s", (int)n, text);
    return out;
}

static inline size_t world_values(mapping_world *w, const char *key)
{
    crm_field f;

    OK(crm_field_find(w->txn, key, CRM_NUL, &f, NULL));
    return crm_customer_count(w->c, &f);
}

#endif
