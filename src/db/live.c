/* SPDX-License-Identifier: MIT
 * Rows of watched segments, and what a transaction touched: see live.h.
 */
#include "db/live.h"

#include "db/scan.h"

#include <crm/txn.h>
#include <stdlib.h>
#include <string.h>

static const char PREFIX[] = "watch/", CLOCK[] = "live";
enum {
    PREFIX_N = sizeof PREFIX - 1,
    NAME = 100,
    KEY = PREFIX_N + NAME,
    HEAD = 1 + 4 + 8 + 8,
    CLOCK_N = 1 + 8 + 8 + 8 + 8
};

/* ---- rows ---- */

int crm__live_clock_read(crm_txn *txn, crm__live_clock *out)
{
    crm__reader in;
    crm__slice row;
    int rc = crm__txn_read(txn, KV_META, crm__slice_of(CLOCK, sizeof CLOCK - 1), &row);

    if (rc)
        return rc;
    if (row.n != CLOCK_N || row.p[0] != 1)
        return CRM_ECORRUPT;
    in = crm__reader_of(row.p + 1, row.n - 1);
    out->stamp = crm__read_le64(&in);
    out->from = (int64_t)crm__read_le64(&in);
    out->until = (int64_t)crm__read_le64(&in);
    out->chunk = crm__read_le64(&in);
    return CRM_OK;
}

int crm__live_clock_put(crm_txn *txn, const crm__live_clock *clock)
{
    crm__slice key = crm__slice_of(CLOCK, sizeof CLOCK - 1);
    uint8_t row[CLOCK_N] = {1};

    if (!clock)
        return crm__edits_del(&txn->edits, KV_META, key);
    crm__put_le64(row + 1, clock->stamp);
    crm__put_le64(row + 9, (uint64_t)clock->from);
    crm__put_le64(row + 17, (uint64_t)clock->until);
    crm__put_le64(row + 25, clock->chunk);
    return crm__edits_put(&txn->edits, KV_META, key, crm__slice_of(row, sizeof row), 0);
}

static crm__slice key_of(uint8_t key[KEY], crm__slice name)
{
    memcpy(key, PREFIX, PREFIX_N);
    if (name.n)
        memcpy(key + PREFIX_N, name.p, name.n);
    return crm__slice_of(key, PREFIX_N + name.n);
}

/* The text up to a NUL, and what is behind it; NULL: there is none. */
static const char *text_of(crm__slice *rest)
{
    const uint8_t *end = memchr(rest->p, 0, rest->n);
    const char *text = (const char *)rest->p;

    if (!end)
        return NULL;
    rest->n -= (size_t)(end + 1 - rest->p);
    rest->p = end + 1;
    return text;
}

int crm__live_watch_split(crm__slice key, crm__slice row, crm__arena *a, crm__live_watch *out)
{
    crm__slice rest;

    memset(out, 0, sizeof *out);
    if (key.n <= PREFIX_N || key.n > KEY || memcmp(key.p, PREFIX, PREFIX_N) != 0)
        return CRM_ENOTFOUND;
    if (row.n <= HEAD || row.p[0] != 1)
        return CRM_ECORRUPT;
    out->name.n = key.n - PREFIX_N;
    out->name.p = crm__arena_copy(a, key.p + PREFIX_N, out->name.n);
    out->tag = crm__get_le32(row.p + 1);
    out->since = (int64_t)crm__get_le64(row.p + 5);
    out->seq = crm__get_le64(row.p + 13);
    rest.n = row.n - HEAD;
    rest.p = crm__arena_copy(a, row.p + HEAD, rest.n);
    if (!out->name.p || !rest.p)
        return CRM_ENOMEM;
    out->zone = text_of(&rest);
    out->purpose = out->zone ? text_of(&rest) : NULL;
    out->channel = out->purpose ? text_of(&rest) : NULL;
    return out->channel && !rest.n && out->tag ? CRM_OK : CRM_ECORRUPT;
}

int crm__live_watch_read(crm_txn *txn, crm__slice name, crm__arena *a, crm__live_watch *out)
{
    uint8_t key[KEY];
    crm__slice row, k;
    int rc;

    if (!name.n || name.n > NAME)
        return CRM_ENOTFOUND;
    k = key_of(key, name);
    rc = crm__txn_read(txn, KV_META, k, &row);
    return rc ? rc : crm__live_watch_split(k, row, a, out);
}

int crm__live_watch_put(crm_txn *txn, const crm__live_watch *w)
{
    crm__buf *out = &txn->scratch[0];
    uint8_t key[KEY], head[HEAD] = {1};

    crm__put_le32(head + 1, w->tag);
    crm__put_le64(head + 5, (uint64_t)w->since);
    crm__put_le64(head + 13, w->seq);
    out->n = 0;
    crm__buf_add(out, head, sizeof head);
    crm__buf_add(out, w->zone, strlen(w->zone) + 1);
    crm__buf_add(out, w->purpose, strlen(w->purpose) + 1);
    crm__buf_add(out, w->channel, strlen(w->channel) + 1);
    if (out->failed)
        return CRM_ENOMEM;
    return crm__edits_put(&txn->edits, KV_META, key_of(key, w->name), crm__slice_of(out->p, out->n),
                          0);
}

int crm__live_watch_drop(crm_txn *txn, crm__slice name)
{
    uint8_t key[KEY];

    return crm__edits_del(&txn->edits, KV_META, key_of(key, name));
}

int crm__live_watch_next(crm_txn *txn, crm__slice after, crm__arena *a, crm__live_watch *out)
{
    uint8_t key[KEY + 1];
    crm__slice k, row, from = key_of(key, after);
    crm__scan scan;
    int rc;

    if (after.n) {
        key[from.n] = 0; /* the next name there can be */
        from.n++;
    }
    crm__scan_open(txn, KV_META, &scan);
    rc = crm__scan_seek(&scan, KV_GE, from, &k, &row);
    if (!rc)
        rc = crm__live_watch_split(k, row, a, out);
    crm__scan_close(&scan);
    return rc;
}

crm__slice crm__live_name(crm__slice tag)
{
    size_t front = sizeof CRM__LIVE_TAG - 1;

    if (tag.n < front + 2 || memcmp(tag.p, CRM__LIVE_TAG, front) != 0 || tag.p[tag.n - 1] != ')')
        return crm__slice_of(NULL, 0);
    return crm__slice_of(tag.p + front, tag.n - front - 1);
}

/* ---- what was touched ---- */

enum { NUMBERS = 256, ROWS = CRM__TOUCHED_ROWS };

int crm__live_on(crm_txn *txn)
{
    crm__live_clock clock;

    if (!txn->touched.asked) {
        /* A row that can't be read counts as one: the commit tells the error. */
        txn->touched.on = crm__live_clock_read(txn, &clock) != CRM_ENOTFOUND;
        txn->touched.asked = 1;
    }
    return txn->touched.on;
}

static crm__touched_rows *rows_of(crm_txn *txn, uint64_t chunk)
{
    crm__touched *t = &txn->touched;
    crm__touched_rows *list = (crm__touched_rows *)(void *)t->chunks.p, *to;
    size_t n = t->chunks.n / sizeof *list;

    if (t->last < n && list[t->last].chunk == chunk)
        return &list[t->last];
    for (size_t i = 0; i < n; i++) {
        if (list[i].chunk == chunk) {
            t->last = i;
            return &list[i];
        }
    }
    to = (crm__touched_rows *)(void *)crm__buf_reserve(&t->chunks, sizeof *to);
    if (!to) {
        t->what |= CRM__TOUCH_ALL;
        return NULL;
    }
    memset(to, 0, sizeof *to);
    to->chunk = chunk;
    t->last = n;
    t->chunks.n += sizeof *to;
    return to;
}

/* Words that begin with the rows at hand. */
static int widen(crm_txn *txn, crm__touched_rows *r)
{
    if (r->words)
        return 1;
    r->words = crm__calloc(txn->mem, CRM__SET_WORDS, sizeof *r->words);
    if (!r->words) {
        txn->touched.what |= CRM__TOUCH_ALL;
        return 0;
    }
    for (uint32_t i = 0; i < r->count; i++)
        crm__set_put(r->words, r->rows[i], 1);
    return 1;
}

static void touch(crm_txn *txn, crm_id id)
{
    crm__touched_rows *r = rows_of(txn, id >> CRM__CHUNK_SHIFT);
    uint16_t row = (uint16_t)(id & (CRM__CHUNK_ROWS - 1));

    if (!r)
        return;
    if (!r->words) {
        for (uint32_t i = 0; i < r->count; i++) {
            if (r->rows[i] == row)
                return;
        }
        if (r->count < ROWS) {
            r->rows[r->count++] = row;
            return;
        }
    }
    if (widen(txn, r))
        crm__set_put(r->words, row, 1);
}

/* A number into a list of few. */
static void note(crm_txn *txn, crm__buf *list, uint32_t number)
{
    const uint32_t *at = (const uint32_t *)(const void *)list->p;
    size_t n = list->n / sizeof number;

    for (size_t i = n; i-- > 0;) {
        if (at[i] == number)
            return;
    }
    if (n < NUMBERS)
        crm__buf_add(list, &number, sizeof number);
    if (n == NUMBERS || list->failed)
        txn->touched.what |= list == &txn->touched.tags ? CRM__TOUCH_ALL : CRM__TOUCH_FIELDS;
    list->failed = 0;
}

void crm__touch_row(crm_txn *txn, crm_id id, unsigned what)
{
    if (!crm__live_on(txn))
        return;
    txn->touched.what |= what;
    touch(txn, id);
}

void crm__touch_fields(crm_txn *txn, crm_id id, const uint32_t *fields, uint32_t count)
{
    if (!crm__live_on(txn))
        return;
    touch(txn, id);
    note(txn, &txn->touched.fields, 0);
    for (uint32_t i = 0; i < count && !(txn->touched.what & CRM__TOUCH_FIELDS); i++)
        note(txn, &txn->touched.fields, fields[i]);
}

void crm__touch_tag_row(crm_txn *txn, uint32_t tag, crm_id id)
{
    if (!crm__live_on(txn))
        return;
    touch(txn, id);
    note(txn, &txn->touched.tags, tag);
}

void crm__touch_tag(crm_txn *txn, uint32_t tag, uint64_t chunk, const uint64_t *words)
{
    crm__touched_rows *r;

    if (!crm__live_on(txn))
        return;
    note(txn, &txn->touched.tags, tag);
    r = rows_of(txn, chunk);
    if (!r || !widen(txn, r))
        return;
    for (int i = 0; i < CRM__SET_WORDS; i++)
        r->words[i] |= words[i];
}

void crm__touch_all(crm_txn *txn)
{
    if (crm__live_on(txn))
        txn->touched.what |= CRM__TOUCH_ALL;
}

void crm__touched_words(const crm__touched_rows *r, uint64_t words[CRM__SET_WORDS])
{
    if (r->words) {
        memcpy(words, r->words, CRM__SET_WORDS * sizeof *words);
        return;
    }
    memset(words, 0, CRM__SET_WORDS * sizeof *words);
    for (uint32_t i = 0; i < r->count; i++)
        crm__set_put(words, r->rows[i], 1);
}

void crm__touched_end(crm_txn *txn)
{
    crm__touched *t = &txn->touched;
    crm__touched_rows *list = (crm__touched_rows *)(void *)t->chunks.p;

    for (size_t i = 0; i < t->chunks.n / sizeof *list; i++)
        crm__release(txn->mem, list[i].words);
    t->chunks.n = t->fields.n = t->tags.n = t->last = 0;
    t->what = 0;
}

void crm__touched_clear(crm_txn *txn)
{
    crm__touched_end(txn);
    crm__buf_clear(&txn->touched.chunks);
    crm__buf_clear(&txn->touched.fields);
    crm__buf_clear(&txn->touched.tags);
}
