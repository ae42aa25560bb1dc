/* SPDX-License-Identifier: MIT
 * What entries bring: see brought.h.
 */
#include "db/brought.h"

#include "db/journal.h"
#include "db/model.h"
#include "db/saved.h"

#include <string.h>

static crm__slice row_key(void)
{
    return crm__slice_of("names", 5);
}

/* ---- how far the entries have come ---- */

void crm__brought_init(crm__brought *b)
{
    for (int i = 0; i < CRM__DICT_CLASSES; i++)
        b->next[i] = 1;
}

int crm__brought_read(crm_txn *txn, crm__brought *out)
{
    crm__slice row;
    crm__reader in;
    int rc = crm__txn_read(txn, KV_META, row_key(), &row);

    crm__brought_init(out);
    if (rc)
        return rc == CRM_ENOTFOUND ? CRM_OK : rc; /* before the first entry */
    in = crm__reader_of(row.p, row.n);
    while (crm__reader_left(&in)) {
        int cls = crm__dict_class_of(crm__read_u8(&in));
        uint64_t next = crm__read_varint(&in);
        if (in.failed || cls < 0 || next < 2 || next > UINT32_MAX)
            return CRM_ECORRUPT;
        out->next[cls] = (uint32_t)next;
    }
    return CRM_OK;
}

int crm__brought_put(crm_txn *txn, const crm__brought *b)
{
    crm__buf *out = &txn->scratch[0];

    out->n = 0;
    for (int i = 0; i < CRM__DICT_CLASSES; i++) {
        if (b->next[i] < 2)
            continue;
        crm__buf_add_u8(out, crm__dict_class_byte(i));
        crm__buf_add_varint(out, b->next[i]);
    }
    if (out->failed)
        return CRM_ENOMEM;
    return crm__edits_put(&txn->edits, KV_META, row_key(), crm__slice_of(out->p, out->n), 0);
}

int crm__brought_equal(const crm__brought *a, const crm__brought *b)
{
    return memcmp(a->next, b->next, sizeof a->next) == 0;
}

/* ---- writing ---- */

static int read_state(crm_txn *txn)
{
    uint32_t unused;
    int rc = CRM_OK;

    if (txn->state.brought.next[0])
        return CRM_OK;
    for (int i = 0; i < CRM__DICT_CLASSES && !rc; i++) {
        if (crm__dict_primary(i))
            rc = crm__dict_next(txn, i, &unused);
    }
    return rc ? rc : crm__brought_read(txn, &txn->state.brought);
}

int crm__brought_fill(crm_txn *txn, crm__journal_entry *e, crm__buf *runs, crm_error *err)
{
    int rc = read_state(txn);

    if (rc)
        return crm__txn_fail(txn, rc, "can't read the dictionary", err);
    runs->n = 0;
    for (int i = 0; i < CRM__DICT_CLASSES; i++) {
        uint32_t from = txn->state.brought.next[i], to = txn->state.dict_next[i];
        crm__names_run run = {crm__dict_class_byte(i), from, to - from};
        if (!crm__dict_primary(i) || to <= from)
            continue;
        crm__brings_add(&run, runs);
        e->name_runs++;
        txn->state.brought.next[i] = to;
    }
    e->names = crm__slice_of(runs->p, runs->n);
    if (!e->name_runs)
        return CRM_OK;
    if (runs->failed || crm__brought_put(txn, &txn->state.brought))
        return crm__fail_nomem(err);
    return CRM_OK;
}

/* ---- the sum ---- */

static void add(uint8_t sum[CRM__DIGEST], uint8_t cls, uint32_t number, crm__slice text)
{
    uint8_t place[5], next[CRM__DIGEST];
    crm__slice parts[3] = {{sum, CRM__DIGEST}, {place, sizeof place}, text};

    place[0] = cls;
    crm__put_be32(place + 1, number);
    crm__digest(NULL, parts, 3, next);
    memcpy(sum, next, sizeof next);
}

static int lost(int rc, const char *damaged, const char **what)
{
    if (rc != CRM_ENOTFOUND && rc != CRM_ECORRUPT)
        return rc;
    *what = damaged;
    return CRM_ECORRUPT;
}

/* The names of one run, in order behind those before. */
static int take_run(crm_txn *txn, const crm__names_run *run, crm__brought *b,
                    uint8_t sum[CRM__DIGEST], const char **what)
{
    int cls = crm__dict_class_of(run->cls), rc;
    crm__slice name;

    *what = "the names it brings are not those behind the ones before";
    if (cls < 0 || (b && b->next[cls] != run->first))
        return CRM_ECORRUPT;
    for (uint32_t i = 0; i < run->count; i++) {
        rc = crm__dict_name(txn, cls, run->first + i, &name);
        if (rc)
            return lost(rc, "a name it brings is missing or damaged", what);
        add(sum, run->cls, run->first + i, name);
    }
    if (b)
        b->next[cls] = run->first + run->count;
    return CRM_OK;
}

static int numbers_known(const crm__journal_entry *e, const crm__brought *b)
{
    uint32_t names = b->next[CRM__DICT_NAMES], field = 0;
    crm__reader in = crm__reader_of(e->mask.p, e->mask.n);

    while (crm__mask_next(&in, &field))
        ;
    return e->actor < names && e->purpose < names && e->channel < names &&
           e->source < b->next[CRM__DICT_SOURCE] &&
           field < b->next[crm__action_tags(e->action) ? CRM__DICT_TAG : CRM__DICT_FIELD];
}

static int take_model(crm_txn *txn, const crm__journal_entry *e, uint8_t sum[CRM__DIGEST],
                      const char **what)
{
    crm__slice text;
    int rc = CRM_ECORRUPT;

    *what = "it is of a model that can't be";
    if (e->target <= UINT32_MAX)
        rc = crm__model_document(txn, (uint32_t)e->target, &text);
    if (rc)
        return lost(rc, "the model it brings is missing or damaged", what);
    add(sum, 'm', (uint32_t)e->target, text);
    return CRM_OK;
}

static int take_text(crm_txn *txn, uint64_t seq, const crm__journal_entry *e,
                     uint8_t sum[CRM__DIGEST], const char **what)
{
    crm__slice row;
    crm__batch b;
    int rc = crm__batch_row(txn, seq, &b);

    if (rc)
        return lost(rc, "the name or reason it brings is missing or damaged", what);
    add(sum, 'b', 0, b.name);
    if (e->action != CRM__ACTION_SEGMENT)
        return CRM_OK;
    rc = crm__saved_row(txn, b.name, seq, &row);
    if (rc)
        return lost(rc, "the saved segment it brings is missing or damaged", what);
    add(sum, 's', 0, row);
    return CRM_OK;
}

int crm__brought_take(crm_txn *txn, uint64_t seq, const crm__journal_entry *e, crm__brought *b,
                      uint8_t room[CRM__DIGEST], crm__slice *sum, const char **what)
{
    crm__reader in = crm__reader_of(e->names.p, e->names.n);
    int text = crm__brings_text(seq, e), rc = CRM_OK;
    crm__names_run run;

    *sum = crm__slice_of(room, 0);
    if (e->name_runs || e->action == CRM__ACTION_MODEL || text) {
        memset(room, 0, CRM__DIGEST);
        sum->n = CRM__DIGEST;
    }
    while (!rc && crm__brings_next(&in, &run))
        rc = take_run(txn, &run, b, room, what);
    if (!rc && e->action == CRM__ACTION_MODEL)
        rc = take_model(txn, e, room, what);
    if (!rc && text)
        rc = take_text(txn, seq, e, room, what);
    if (rc)
        return rc;
    *what = "it uses a name that no entry brought";
    return b && !numbers_known(e, b) ? CRM_ECORRUPT : CRM_OK;
}
