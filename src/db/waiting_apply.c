/* SPDX-License-Identifier: MIT
 * Which changes of texts wait, and which go into the sets at once: see waiting.h.
 *
 * What stands in the edit list of a field and a chunk is told apart here and nowhere else: above,
 * a transaction sees its sets as if all of it were written.  Of a row that changed, the edits
 * switch off all pieces of the text before and then on all of the one after, so what is on at last
 * is the text's own pieces.
 */
#include "db/waiting.h"

#include <crm/codes.h>
#include <string.h>

/* With more rows the sets are written: it takes fewer bytes for each. */
enum { ROWS_MOST = 64 };
/* What a row that is put lets the round write: the whole commit then comes to some 64 KB at most, on
 * average to less (docs/decisions/0038). */
enum { BYTES = 8 << 10 };

typedef struct apply {
    crm__waiting w;
    kv_txn *txn;
    const uint8_t *tag_key;
    const crm__gram_edit *edits;
    uint32_t n;
    crm__buf *scratch;
    uint32_t rows[ROWS_MOST]; /* that changed */
    uint32_t row_count;
    crm__waiting_row **list; /* room for all of w */
    uint32_t *at; /* of a commit of many: rows of the chunk to positions in w, + 1 */
} apply;

/* ---- which rows ---- */

static uint32_t row_index(const apply *a, uint32_t row)
{
    uint32_t i = 0;

    while (i < a->row_count && a->rows[i] != row)
        i++;
    return i;
}

/* Whether few rows changed, and which. */
static int are_few(apply *a)
{
    for (uint32_t e = 0; e < a->n; e++) {
        for (uint32_t i = 0; i < a->edits[e].count; i++) {
            uint64_t row = a->edits[e].ops[i] >> 1;
            uint32_t at;
            if (row >= CRM__CHUNK_ROWS) /* many at once, or all of them */
                return 0;
            at = row_index(a, (uint32_t)row);
            if (at == ROWS_MOST)
                return 0;
            if (at == a->row_count)
                a->rows[a->row_count++] = (uint32_t)row;
        }
    }
    return 1;
}

/* The first and the last switch of a row: what it was and what it is.  0: there is none. */
static int was_and_is(const crm__gram_edit *e, uint32_t row, int *was, int *is)
{
    int found = 0;

    for (uint32_t i = 0; i < e->count; i++) {
        if (e->ops[i] >> 1 != row)
            continue;
        if (!found)
            *was = !(e->ops[i] & 1);
        *is = (int)(e->ops[i] & 1);
        found = 1;
    }
    return found;
}

static int apply_ops(apply *a, uint32_t gram, const uint64_t *ops, uint32_t count)
{
    uint8_t key[CRM__KEY_BITS];
    crm__slice k = crm__key_bits(key, a->w.chunk, CRM__BITS_GRAM, a->w.field << 16 | gram);

    return crm__edits_apply_part(a->txn, a->tag_key, KV_BITS, k, ops, count, a->scratch);
}

/* ---- writing what waits ---- */

static int delete_row(apply *a, crm__slice key)
{
    int rc = a->txn->ops->del(a->txn, KV_BITS, key);

    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

static int write_row(apply *a, const crm__waiting_row *r)
{
    uint8_t key[CRM__KEY_WAITING_ROW];
    int rc = CRM_OK, put = r->to == CRM__WAITS_PUT;

    if (r->stored && (!put || r->was != r->since))
        rc = delete_row(a, crm__key_waiting_row(key, a->w.field, a->w.chunk, r->was, r->row));
    if (rc || !put)
        return rc;
    crm__waiting_encode(r, a->scratch);
    if (!crm__buf_reserve(a->scratch, CRM__TAG_SIZE) || a->scratch->failed)
        return CRM_ENOMEM;
    return crm__edits_write(a->txn, a->tag_key, KV_BITS,
                            crm__key_waiting_row(key, a->w.field, a->w.chunk, r->since, r->row),
                            a->scratch->p, a->scratch->n, 0);
}

/* Where the round stands: a row of its own while any waits. */
static int write_round(apply *a, uint32_t next, int any)
{
    uint8_t key[CRM__KEY_WAITING_ROUND], payload[CRM__WAITING_ROUND + CRM__TAG_SIZE] = {1};
    int rc = CRM_OK;

    if (a->w.stored && (!any || next != a->w.next))
        rc = delete_row(a, crm__key_waiting_round(key, a->w.field, a->w.chunk, a->w.next));
    if (rc || !any)
        return rc;
    crm__put_le16(payload + 1, a->w.saved);
    return crm__edits_write(a->txn, a->tag_key, KV_BITS,
                            crm__key_waiting_round(key, a->w.field, a->w.chunk, next), payload,
                            CRM__WAITING_ROUND, 0);
}

static int write_all(apply *a, uint32_t next)
{
    int rc = CRM_OK, any = 0;

    for (uint32_t i = 0; i < a->w.count; i++)
        any |= a->w.rows[i].to != CRM__WAITS_ENDS;
    rc = write_round(a, next, any);
    for (uint32_t i = 0; i < a->w.count && !rc; i++) {
        if (a->w.rows[i].to != CRM__WAITS_STAYS)
            rc = write_row(a, &a->w.rows[i]);
    }
    return rc;
}

/* All rows, for the round. */
static int list_rows(apply *a)
{
    if (!a->list)
        a->list = crm__alloc(a->w.mem, (a->w.count + 1) * sizeof(crm__waiting_row *));
    if (!a->list)
        return CRM_ENOMEM;
    for (uint32_t i = 0; i < a->w.count; i++)
        a->list[i] = &a->w.rows[i];
    return CRM_OK;
}

static int fold(apply *a, uint32_t from, uint32_t *until, int64_t *bytes)
{
    return crm__waiting_fold(&a->w, a->list, a->w.count, a->txn, a->tag_key, from, until, bytes);
}

/* ---- many rows ---- */

/* What rows that wait have now: of those that changed. */
static int take_changes(apply *a)
{
    a->at = crm__calloc(a->w.mem, CRM__CHUNK_ROWS, sizeof *a->at);
    if (!a->at)
        return CRM_ENOMEM;
    for (uint32_t i = 0; i < a->w.count; i++)
        a->at[a->w.rows[i].row] = i + 1;
    for (uint32_t e = 0; e < a->n; e++) {
        for (uint32_t i = 0; i < a->edits[e].count; i++) {
            uint64_t op = a->edits[e].ops[i];
            uint32_t gram = a->edits[e].gram, row = (uint32_t)(op >> 1);
            crm__waiting_row *r;
            if (op >> 1 >= CRM__CHUNK_ROWS || !a->at[row])
                continue;
            r = &a->w.rows[a->at[row] - 1];
            if (r->to != CRM__WAITS_ENDS)
                memset(r->has, 0, sizeof r->has);
            r->to = CRM__WAITS_ENDS; /* as all others will */
            if (op & 1)
                r->has[gram / 64] |= UINT64_C(1) << gram % 64;
            else
                r->has[gram / 64] &= ~(UINT64_C(1) << gram % 64);
        }
    }
    return CRM_OK;
}

/* All into the sets, those that waited with them. */
static int apply_many(apply *a)
{
    uint32_t until = CRM__GRAMS;
    int64_t bytes = INT64_MAX;
    int rc = CRM_OK;

    for (uint32_t e = 0; e < a->n && !rc; e++)
        rc = apply_ops(a, a->edits[e].gram, a->edits[e].ops, a->edits[e].count);
    if (rc || (!a->w.count && !a->w.stored))
        return rc;
    rc = take_changes(a);
    for (uint32_t i = 0; i < a->w.count; i++)
        a->w.rows[i].to = CRM__WAITS_ENDS;
    if (!rc)
        rc = list_rows(a);
    if (!rc)
        rc = fold(a, 0, &until, &bytes);
    return rc ? rc : write_all(a, 0);
}

/* ---- few rows ---- */

/* A row that changed waits, with the pieces it has now: none, when the customer is deleted. */
static int change(apply *a, uint32_t row, uint32_t *puts)
{
    uint64_t has[CRM__GRAM_WORDS] = {0};
    crm__waiting_row *r;
    uint32_t changes = 0;

    for (uint32_t e = 0; e < a->n; e++) {
        uint32_t gram = a->edits[e].gram;
        int was = 0, is = 0;
        if (!was_and_is(&a->edits[e], row, &was, &is))
            continue;
        changes += was != is;
        if (is)
            has[gram / 64] |= UINT64_C(1) << gram % 64;
    }
    if (!changes)
        return CRM_OK;
    r = crm__waiting_of(&a->w, row);
    if (!r && !(r = crm__waiting_add(&a->w, row)))
        return CRM_ENOMEM;
    memcpy(r->has, has, sizeof has);
    r->to = CRM__WAITS_PUT;
    r->since = a->w.next;
    ++*puts;
    return CRM_OK;
}

/* The round goes on for the rows that were put; rows it has come round for wait no more. */
static int go_on(apply *a, uint32_t puts, uint32_t *next)
{
    uint32_t from = a->w.next, until = CRM__GRAMS, came;
    int64_t bytes = (int64_t)puts * BYTES + a->w.saved;
    int rc = list_rows(a);

    if (a->txn->moved && bytes <= CRM__WAITING_SAVED)
        until = from; /* saved for the next commit */
    if (!rc)
        rc = fold(a, from, &until, &bytes);
    came = until - from;
    *next = until % CRM__GRAMS;
    if (!rc && until == CRM__GRAMS && from) {
        until = from;
        rc = fold(a, 0, &until, &bytes);
        came += until;
        *next = until;
    }
    a->w.saved = (uint16_t)(bytes < CRM__WAITING_SAVED ? bytes : CRM__WAITING_SAVED);
    for (uint32_t i = 0; i < a->w.count && !rc; i++) {
        crm__waiting_row *r = &a->w.rows[i];
        uint32_t away = (r->since + CRM__GRAMS - from - 1u) % CRM__GRAMS + 1;
        if (away <= came)
            r->to = CRM__WAITS_ENDS;
    }
    return rc;
}

static int apply_few(apply *a)
{
    uint32_t puts = 0, next = a->w.next;
    int rc = CRM_OK;

    for (uint32_t i = 0; i < a->row_count && !rc; i++)
        rc = change(a, a->rows[i], &puts);
    if (rc || !puts)
        return rc;
    rc = go_on(a, puts, &next);
    return rc ? rc : write_all(a, next);
}

int crm__waiting_apply(const crm_allocator *mem, kv_txn *txn, const uint8_t *tag_key, int may_wait,
                       uint32_t chunk, uint32_t field, const crm__gram_edit *edits, uint32_t n,
                       crm__buf *scratch)
{
    apply *a = crm__calloc(mem, 1, sizeof *a);
    int rc;

    if (!a)
        return CRM_ENOMEM;
    crm__waiting_init(&a->w, mem, chunk, field);
    a->txn = txn;
    a->tag_key = tag_key;
    a->edits = edits;
    a->n = n;
    a->scratch = scratch;
    rc = crm__waiting_read(&a->w, txn);
    if (!rc)
        rc = may_wait && are_few(a) ? apply_few(a) : apply_many(a);
    crm__release(mem, a->list);
    crm__release(mem, a->at);
    crm__waiting_clear(&a->w);
    crm__release(mem, a);
    return rc;
}
